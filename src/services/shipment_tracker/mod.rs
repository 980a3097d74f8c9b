//! Decides what is new, where a shipment stands, and where a delivery of several parcels stands.
//! In come observations, links and, from its own internal topic, changes of parcels; out go `shipment.events`,
//! `shipment.status`, `delivery.status` and `exceptions`.
//! Its memory: idempotency keys, the fold of each shipment with its links, the parcels of each delivery.

mod cases;
mod delivery;
mod memory;
mod shipment;

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
    /// Where a delivery stands.
    pub const DELIVERY: &str = "delivery.status";
    /// What a person must decide.
    pub const EXCEPTIONS: &str = "exceptions";
}

/// How long the tracker waits for what, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct TrackerSettings {
    /// From a shipment's first event until a missing link is a case.
    pub unassigned_after: Micros,
    /// From the last sign of life of a linked shipment until its silence is a case.
    pub silent_after: Micros,
    /// From delivery until a missing proof of delivery is a case.
    pub pod_missing_after: Micros,
    /// From the last sign of life until a shipment or delivery is forgotten.
    pub window: Micros,
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
    fn process(&self, input: &Input<'_>, state: &mut dyn State, _now: Micros, out: &mut Outputs) -> Verdict {
        match &input.payload {
            Payload::Canonical(Record::ShipmentEvent(event)) => shipment::observe(event, &self.settings, state, out),
            Payload::Canonical(Record::ShipmentLink(link)) => shipment::link(link, &self.settings, state, out),
            Payload::Canonical(Record::ParcelChange(change)) => delivery::change(change, &self.settings, state, out),
            Payload::Canonical(other) => Verdict::Park(Park::new(Code::WRONG_SCHEMA, format!("the tracker reads no {}", other.name()))),
            Payload::Raw(_) => Verdict::Park(Park::new(Code::BAD_AVRO, "the tracker reads no raw bytes")),
        }
    }

    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        match key.split_first() {
            Some((b's', shipment_key)) => shipment::wake(key, &String::from_utf8_lossy(shipment_key), &self.settings, state, now, out),
            // A delivery has one alarm: to be forgotten.
            _ => state.delete(key),
        }
    }
}

#[cfg(test)]
mod tests;
