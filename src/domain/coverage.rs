//! How much of what a source tells has a code that no table knows.

use serde::{Deserialize, Serialize};

/// What one partition has counted of a source in an hour. Avro record `SourceCounts`, internal topic `source.counts`, key: the source,
/// so that the counts of all partitions meet. A later record of the same source, hour and partition takes the place of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCounts {
    /// Who told (`ups`, `easypost`).
    pub source: String,
    /// Where the hour begins, UTC microseconds. Events belong to the hour in which their raw record reached us.
    pub hour: i64,
    /// Partition of `shipment.observations` that counted.
    pub partition: i32,
    /// Events that came for the first time: what is sent again does not count again.
    pub events: i64,
    /// Those of them with a code that no table knows.
    pub unknown_events: i64,
    /// Their codes, in the order in which they came first; a bounded number of them.
    pub unknown_codes: Vec<String>,
}
