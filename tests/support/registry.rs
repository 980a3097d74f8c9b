//! A schema registry nobody here wrote (Apicurio, by its Confluent-compatible API), on loopback.
//!
//! `WAYBILL_TEST_REGISTRY=URL` takes one that already runs. It differs from Confluent's in one thing that matters:
//! the global compatibility level is NONE until it is set, so whoever registers must set the level itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::process::{Guarded, free_port, once_per_target};
use super::{repository, target_dir, wait_until};

const API: &str = "/apis/ccompat/v7";
const START_LIMIT: Duration = Duration::from_mins(1);

/// A schema registry for tests.
#[derive(Debug)]
pub struct Registry {
    url: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    // Named before the directory, so that the process is dropped first.
    process: Mutex<Option<Guarded>>,
    dir: tempfile::TempDir,
    port: u16,
}

impl Registry {
    /// Starts a registry of one's own, or takes the one of `WAYBILL_TEST_REGISTRY`.
    pub fn start() -> Self {
        if let Ok(url) = std::env::var("WAYBILL_TEST_REGISTRY") {
            return Self { url, own: None };
        }
        fetch();
        let dir = tempfile::Builder::new().prefix("waybill-registry-").tempdir().expect("a temporary directory");
        let port = free_port();
        let registry = Self { url: format!("http://127.0.0.1:{port}{API}"), own: Some(Own { process: Mutex::new(None), dir, port }) };
        registry.resume();
        registry
    }

    /// The one registry of this test binary. Subjects are told apart by the topics' prefixes.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Base of the Confluent REST API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether [`Self::stop`] does anything. Says so on stderr when it does not.
    pub fn can_restart(&self) -> bool {
        if self.own.is_none() {
            eprintln!("skipped: a registry given by WAYBILL_TEST_REGISTRY is not restarted");
        }
        self.own.is_some()
    }

    /// Takes the registry down; what was registered stays on its disk. Orderly, since its database writes with a delay.
    pub fn stop(&self) {
        if let Some(own) = &self.own
            && let Some(mut process) = own.process.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            process.signal("TERM");
            if process.wait(Duration::from_secs(20)).is_none() {
                process.kill();
            }
        }
    }

    /// Brings a stopped registry up again, same port, same schemas, and waits until it answers.
    pub fn resume(&self) {
        let Some(own) = &self.own else { return };
        let mut process = Guarded::start(own.dir.path(), &PathBuf::from("java"), &own.arguments(), &[]);
        wait_until(START_LIMIT, "the schema registry answers", || {
            assert!(process.alive(), "the schema registry ended:\n{}", process.output());
            answers(own.port)
        });
        *own.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }
}

impl Own {
    fn arguments(&self) -> Vec<String> {
        let database = self.dir.path().join("db");
        vec![
            "-Xmx384m".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:-UsePerfData".to_owned(),
            "-Dquarkus.http.host=127.0.0.1".to_owned(),
            format!("-Dquarkus.http.port={}", self.port),
            "-Dquarkus.http.access-log.enabled=false".to_owned(),
            "-Dquarkus.log.level=WARN".to_owned(),
            format!("-Dapicurio.datasource.url=jdbc:h2:file:{}", database.display()),
            "-jar".to_owned(),
            runner_jar().expect("fetched").display().to_string(),
        ]
    }
}

/// Whether the list of subjects can be read: the port opens before the database is there.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {API}/subjects HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn app_dir() -> PathBuf {
    target_dir().join("registry/app")
}

fn runner_jar() -> Option<PathBuf> {
    let is_runner = |path: &Path| path.to_string_lossy().ends_with("-runner.jar");
    std::fs::read_dir(app_dir()).ok()?.flatten().map(|entry| entry.path()).find(|path| is_runner(path))
}

/// Fetches and unpacks what `tests/registry/pom.xml` names, once.
fn fetch() {
    once_per_target(&target_dir().join("registry/.complete"), || {
        let status = Command::new("mvn")
            .args(["-q", "-B", "-f"])
            .arg(repository("tests/registry/pom.xml"))
            .arg("dependency:unpack")
            .arg(format!("-DoutputDirectory={}", app_dir().display()))
            .status()
            .expect("maven starts");
        assert!(status.success() && runner_jar().is_some(), "maven could not fetch the schema registry");
    });
}
