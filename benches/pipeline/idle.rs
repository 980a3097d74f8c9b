//! What a service takes while it has nothing to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use waybill::config::topics::Topics;
use waybill::schema::registry::{RegistryAuth, RegistryClient};
use waybill::services::dev::registry::RegistryStandin;

use super::support::kafka::{Kafka, unique};
use super::support::poll_until;
use super::{load, proc};

const LIMIT: Duration = Duration::from_secs(30);
/// Until what was needed at the start has been given back.
const SETTLE: Duration = Duration::from_secs(5);

/// Starts `waybill run` for each service on empty topics and tells its memory once it is ready.
pub(crate) fn measure(kafka: &Kafka) {
    let prefix = format!("{}.", unique("idle"));
    load::create_topics(kafka, &prefix);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let registry = runtime.block_on(RegistryStandin::start()).unwrap();
    let client = RegistryClient::new(&[registry.url()], RegistryAuth::None, Duration::from_secs(5)).unwrap();
    let subjects = Topics::builtin().unwrap().subjects(&prefix);
    runtime.block_on(client.register_all(&subjects)).unwrap();
    println!("idle, {} partitions", super::load::PARTITIONS);
    for service in ["carrier-normalizer", "shipment-tracker"] {
        let dir = tempfile::tempdir().unwrap();
        let port = super::support::process::free_port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args(["run", service])
            .env("WAYBILL_KAFKA__BROKERS", kafka.brokers())
            .env("WAYBILL_KAFKA__PREFIX", &prefix)
            .env("WAYBILL_KAFKA__PROBE", "false")
            .env("WAYBILL_REGISTRY__URL", registry.url())
            .env("WAYBILL_STORE__DIR", dir.path())
            .env("WAYBILL_HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ready = poll_until(LIMIT, || is_ready(port).then_some(()));
        std::thread::sleep(SETTLE);
        println!("  {service:<20}{:.1} MB RSS", proc::resident_mb(&child.id().to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(ready.is_some(), "{service} was not ready within {LIMIT:?}");
    }
}

fn is_ready(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
