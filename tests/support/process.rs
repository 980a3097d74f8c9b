//! A child process that is gone when its owner is gone, however the owner ends.
//!
//! A value in a `static` is never dropped and a killed test runs no destructor, so each child runs under a small shell
//! that holds one end of a pipe: when the pipe breaks, the child is killed and its directory removed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::poll_until;

/// `$1`: directory to remove when abandoned; the rest: the command. Prints the child's process id, then waits for it.
const GUARD: &str = r#"
dir=$1; shift
exec 3<&0
"$@" </dev/null >>"$dir/output.log" 2>&1 3<&- & child=$!
( read -r _ <&3; true >"$dir/.abandoned"; kill -KILL $child ) 2>/dev/null >/dev/null & watch=$!
echo $child
exec >/dev/null 2>&1
wait $child; code=$?
if [ -e "$dir/.abandoned" ]; then rm -rf "$dir"; else kill $watch 2>/dev/null; fi
exit $code
"#;

/// A running child. Dropping it kills the child and removes its directory.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
    pid: u32,
    dir: PathBuf,
}

impl Guarded {
    /// Starts `program` with `arguments`; its output goes to `output.log` in `dir`, which must exist and belongs to the child.
    /// `environment` is added to the test's own.
    pub fn start(dir: &Path, program: &Path, arguments: &[String], environment: &[(String, String)]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(dir)
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("the guard tells the process id");
        let pid = line.trim().parse().expect("a process id");
        Self { shell, pid, dir: dir.to_path_buf() }
    }

    /// Process id of the child itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by name: `KILL`, `TERM`, `STOP`, `CONT`. A child that is already gone is no error.
    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").args(["-s", name, &self.pid.to_string()]).stderr(Stdio::null()).status();
    }

    /// Whether the child still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }

    /// Waits until the child has ended, at most `limit`. A child killed by signal n ends with code 128 + n.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll_until(limit, || self.shell.try_wait().ok().flatten())
    }

    /// Kills the child and leaves its directory as it is, as a crash does.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ = self.wait(Duration::from_secs(10));
    }

    /// What the child has printed so far.
    pub fn output(&self) -> String {
        std::fs::read(self.dir.join("output.log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.alive() {
            drop(self.shell.stdin.take());
            let _ = self.wait(Duration::from_secs(10));
        }
    }
}

/// A loopback port nobody listens on. Taken from below the range the system gives to outgoing connections, so that a
/// server that is restarted finds its port free.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let candidate = FIRST + (std::process::id().wrapping_mul(97).wrapping_add(step)) % COUNT;
        let port = u16::try_from(candidate).expect("the range is below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port");
}

/// Runs `prepare` once per machine and content: `marker` says it is done, a lock beside it keeps other test binaries out.
pub fn once_per_target(marker: &Path, prepare: impl FnOnce()) {
    let parent = marker.parent().expect("a marker lies in a directory");
    std::fs::create_dir_all(parent).expect("the directory can be made");
    let lock = File::create(parent.join(".lock")).expect("the lock file can be made");
    lock.lock().expect("the lock can be taken");
    if !marker.is_file() {
        prepare();
        std::fs::write(marker, b"").expect("the marker can be written");
    }
}
