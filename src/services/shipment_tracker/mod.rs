//! Decides what is new, where a shipment stands, where a delivery of several parcels stands, and whether a source's codes are understood.
//! In come observations, links and, from its own internal topics, changes of parcels and counts of sources; out go `shipment.events`,
//! `shipment.status`, `delivery.status` and `exceptions`.
//! Its memory: idempotency keys, the fold of each shipment with its links, the parcels of each delivery, the newest hours of each source.

mod cases;
mod coverage;
mod delivery;
mod memory;
mod shipment;

use std::collections::BTreeMap;

use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};

/// Topics this service writes.
pub mod topic {
    /// Canonical events, each once.
    pub const EVENTS: &str = "shipment.events";
    /// Where a shipment stands.
    pub const STATUS: &str = "shipment.status";
    /// Internal: changes of parcels, by delivery.
    pub const PARCELS: &str = "shipment.parcels";
    /// Internal: what each partition has counted of a source, by source.
    pub const COUNTS: &str = "source.counts";
    /// Where a delivery stands.
    pub const DELIVERY: &str = "delivery.status";
    /// What a person must decide.
    pub const EXCEPTIONS: &str = "exceptions";
}

/// How long the tracker waits for what, in microseconds, and what it takes for too much.
#[derive(Debug, Clone)]
pub struct TrackerSettings {
    /// From a shipment's first event until a missing link is a case.
    pub unassigned_after: Micros,
    /// From the last sign of life of a linked shipment until its silence is a case.
    pub silent_after: Micros,
    /// From delivery until a missing proof of delivery is a case.
    pub pod_missing_after: Micros,
    /// From the last sign of life until a shipment or delivery is forgotten.
    pub window: Micros,
    /// When a source's codes are a case.
    pub unknown: UnknownLimits,
}

/// From which share of codes that no table knows on a source's hour is a case.
#[derive(Debug, Clone)]
pub struct UnknownLimits {
    /// Percent, 1 to 100.
    pub percent: u32,
    /// An hour with fewer events says nothing.
    pub events_min: u32,
    /// Percent of sources that have a share of their own.
    pub by_source: BTreeMap<String, u32>,
}

/// The service's processor.
#[derive(Debug)]
pub struct ShipmentTracker {
    settings: TrackerSettings,
}

impl ShipmentTracker {
    /// A tracker with these waiting times.
    #[must_use]
    pub fn new(settings: TrackerSettings) -> Self {
        Self { settings }
    }
}

impl Processor for ShipmentTracker {
    fn process(&self, input: &Input<'_>, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict {
        match &input.payload {
            Payload::Canonical(Record::ShipmentEvent(event)) => shipment::observe(event, &self.settings, input.partition, state, now, out),
            Payload::Canonical(Record::ShipmentLink(link)) => shipment::link(link, &self.settings, state, out),
            Payload::Canonical(Record::ParcelChange(change)) => delivery::change(change, &self.settings, state, out),
            Payload::Canonical(Record::SourceCounts(counts)) => coverage::gather(counts, &self.settings, state, now, out),
            Payload::Canonical(other) => Verdict::Park(Park::new(Code::WRONG_SCHEMA, format!("the tracker reads no {}", other.name()))),
            Payload::Raw(_) => Verdict::Park(Park::new(Code::BAD_AVRO, "the tracker reads no raw bytes")),
        }
    }

    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        match key.split_first() {
            Some((b's', shipment_key)) => shipment::wake(key, &String::from_utf8_lossy(shipment_key), &self.settings, state, now, out),
            Some((&coverage::COUNTED, _)) => coverage::report(key, state, now, out),
            Some((&coverage::HEARD, source)) => coverage::judge(key, &String::from_utf8_lossy(source), &self.settings, state, now, out),
            // A delivery has one alarm: to be forgotten.
            _ => state.delete(key),
        }
    }
}

#[cfg(test)]
mod coverage_tests;
#[cfg(test)]
mod tests;
