//! A Python environment with an Avro consumer nobody here wrote (`confluent-kafka`), made once per target directory.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::once_per_target;
use super::{repository, target_dir};

/// The interpreter of the environment that `tests/python/requirements.txt` describes.
pub fn python() -> PathBuf {
    let requirements = repository("tests/python/requirements.txt");
    let dir = target_dir().join("python");
    let python = dir.join("bin/python");
    // The marker carries the content, so that a changed list makes a new environment.
    let content = std::fs::read(&requirements).expect("the requirements can be read");
    let marker = dir.join(format!(".complete-{:016x}", xxhash_rust::xxh3::xxh3_64(&content)));
    once_per_target(&marker, || {
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements));
    });
    python
}

/// Reads up to `max` records of a topic with Confluent's own consumer and deserializer, `read_committed`, from the beginning.
/// Returns one JSON object per record: `topic, partition, offset, key, headers, value`. Ends early after `timeout` without a record.
pub fn read_avro(brokers: &str, registry: &str, topic: &str, max: usize, timeout: Duration) -> Vec<serde_json::Value> {
    let output = Command::new(python())
        .arg(repository("tests/python/read_avro.py"))
        .args(["--brokers", brokers, "--registry", registry, "--topic", topic, "--group", &super::kafka::unique("python")])
        .args(["--max", &max.to_string(), "--timeout", &timeout.as_secs_f64().to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("python starts");
    assert!(output.status.success(), "the avro reader failed on {topic}, see above");
    let lines = String::from_utf8(output.stdout).expect("json is utf-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is a json object")).collect()
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().expect("python3 starts");
    assert!(status.success(), "failed: {command:?}");
}
