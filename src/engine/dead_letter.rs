//! The form of a dead letter: the original key, bytes and headers, with what went wrong beside them.

use super::processor::Headers;
use crate::domain::verdict::Park;

/// Names of the headers that a dead letter has more than its original.
pub mod header {
    /// Stable code, `WB-0104`.
    pub const CODE: &str = "wb_code";
    /// What exactly; no payload, no personal data.
    pub const CAUSE: &str = "wb_cause";
    /// Service that parked it.
    pub const SERVICE: &str = "wb_service";
    /// Topic it came from, with prefix.
    pub const TOPIC: &str = "wb_topic";
    /// Partition it came from.
    pub const PARTITION: &str = "wb_partition";
    /// Offset it came from.
    pub const OFFSET: &str = "wb_offset";
    /// Timestamp of the original, UTC microseconds.
    pub const TIMESTAMP: &str = "wb_timestamp";
    /// The original had no value.
    pub const TOMBSTONE: &str = "wb_tombstone";
    /// On a replayed record: the dead letter it was replayed from (`topic/partition/offset`).
    pub const REPLAY_OF: &str = "wb_replay_of";
}

/// Where a record came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Service that parks it.
    pub service: &'a str,
    /// Topic with prefix.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// UTC microseconds.
    pub timestamp: i64,
    /// The original had no value.
    pub tombstone: bool,
}

/// The headers of a dead letter: the original's first, then ours.
#[must_use]
pub fn headers(original: &Headers, origin: Origin<'_>, park: &Park) -> Headers {
    let mut headers: Headers = original.iter().filter(|(name, _)| !name.starts_with("wb_")).cloned().collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    add(header::CODE, park.code.to_string());
    add(header::CAUSE, park.cause.clone());
    add(header::SERVICE, origin.service.to_owned());
    add(header::TOPIC, origin.topic.to_owned());
    add(header::PARTITION, origin.partition.to_string());
    add(header::OFFSET, origin.offset.to_string());
    add(header::TIMESTAMP, origin.timestamp.to_string());
    if origin.tombstone {
        add(header::TOMBSTONE, "1".to_owned());
    }
    headers
}
