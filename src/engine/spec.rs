//! What a service tells the engine: its inputs, its outputs' schema ids, its limits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::conservation::Conservation;
use crate::schema::codec::Codecs;
use crate::telemetry::clock::Clock;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// What the values of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Bytes as received.
    Raw,
    /// Bytes as received, or another's Avro in the wire format, whose schema is made available before it is processed.
    MaybeAvro,
    /// The Avro record of this name.
    Canonical(&'static str),
}

/// One input of a service.
#[derive(Debug, Clone)]
pub struct InputSpec {
    /// Topic without prefix, or a pattern that begins with `^` and is matched against the whole name.
    pub topic: String,
    /// What its values are.
    pub kind: InputKind,
    /// Its records meet the memory of their partition number.
    pub stateful: bool,
}

impl InputSpec {
    /// Whether topics are found by a pattern. They are others' topics, and our prefix means nothing in their names.
    pub(super) fn is_pattern(&self) -> bool {
        self.topic.starts_with('^')
    }

    /// An input of bytes that meets no memory.
    #[must_use]
    pub fn raw(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), kind: InputKind::Raw, stateful: false }
    }

    /// An input of canonical records that meets the memory of its partition.
    #[must_use]
    pub fn stateful(topic: impl Into<String>, record: &'static str) -> Self {
        Self { topic: topic.into(), kind: InputKind::Canonical(record), stateful: true }
    }
}

/// One service, as the engine sees it.
#[derive(Debug, Clone)]
pub struct ServiceSpec {
    /// Name of the service, which is its consumer group's.
    pub name: &'static str,
    /// What it reads.
    pub inputs: Vec<InputSpec>,
    /// Changelog of its memory, where it has one.
    pub changelog: Option<&'static str>,
    /// Where its dead letters go.
    pub dead_letters: &'static str,
    /// Schema id of every topic it writes canonical records to.
    pub schema_ids: HashMap<&'static str, u32>,
    /// Prefix of all our topics.
    pub prefix: String,
}

impl ServiceSpec {
    /// Topic with prefix.
    #[must_use]
    pub fn full(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// The names and patterns to subscribe to.
    #[must_use]
    pub fn subscription(&self) -> Vec<String> {
        self.inputs.iter().map(|i| if i.is_pattern() { i.topic.clone() } else { self.full(&i.topic) }).collect()
    }
}

/// Limits of the loop.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Most records in one transaction.
    pub batch_records: usize,
    /// Longest wait for more records once there is one.
    pub batch_wait: Duration,
    /// Most bytes in one transaction.
    pub batch_bytes: usize,
    /// Where the stores are; each instance has a directory of its own below it.
    pub store_dir: PathBuf,
    /// sled's cache per partition, bytes.
    pub store_cache_bytes: u64,
    /// How long idempotency keys are remembered.
    pub window: Duration,
}

/// What the loop is handed: the clock, what it reports to, and the word to stop.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Metrics.
    pub metrics: Metrics,
    /// Readiness.
    pub health: Arc<Health>,
    /// Writes and reads canonical records.
    pub codecs: Arc<Codecs>,
    /// Counts of what became of the records, for reports.
    pub conservation: Arc<Conservation>,
    /// Set once to drain and stop.
    pub stop: Arc<AtomicBool>,
}

impl Surroundings {
    /// Whether the loop has been asked to stop.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
