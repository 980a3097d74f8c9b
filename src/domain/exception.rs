//! What a person must decide or do.

use serde::{Deserialize, Serialize};

/// A case for a person. Avro record `ExceptionRaised`. The same case has the same id for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExceptionRaised {
    /// UUID made from kind, subject and cause.
    pub exception_id: String,
    /// `unassigned_tracking_number`, `no_tracking_events`, `pod_missing`, `delivery_exception`, or `freight_` and a verdict.
    pub kind: String,
    /// `open`, or `cleared` when it settled itself.
    pub state: String,
    /// Plain words with the one value last.
    pub summary: String,
    /// Shipment key, where it concerns a shipment.
    pub shipment_key: Option<String>,
    /// Tracking number as last told.
    pub tracking_number: Option<String>,
    /// Carrier code.
    pub carrier: Option<String>,
    /// Delivery key, where it concerns a delivery.
    pub delivery_key: Option<String>,
    /// What went wrong, in the words of the vocabulary.
    pub reason: Option<String>,
    /// `ShipmentEvent.event_id` that caused it; null where silence did.
    pub event_id: Option<String>,
    /// UTC microseconds: when the case arose (the deadline that passed, the event that came).
    pub raised_at: i64,
}
