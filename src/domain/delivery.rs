//! The status of shipments and of deliveries of several parcels.

use serde::{Deserialize, Serialize};

use super::event::{Eta, ProofOfDelivery};
use super::vocabulary::{ExceptionReason, Fault, Leg, Milestone, SubStatus};

/// Where one shipment stands. Avro record `ShipmentStatus`, topic `shipment.status`, key: shipment key.
/// Internally the same record, with `delivery_key` set, travels to the delivery fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentStatus {
    /// Tracking number in key form.
    pub shipment_key: String,
    /// As last told.
    pub tracking_number: String,
    /// Carrier code.
    pub carrier: String,
    /// Delivery it is linked to, where one is.
    pub delivery_key: Option<String>,
    /// Where it stands.
    pub milestone: Milestone,
    /// What exactly.
    pub sub_status: Option<SubStatus>,
    /// What went wrong.
    pub exception_reason: Option<ExceptionReason>,
    /// Who answers for it.
    pub fault: Option<Fault>,
    /// A person has to act.
    pub action_required: bool,
    /// Which way it goes.
    pub leg: Leg,
    /// Event that decided the milestone; null before the first.
    pub event_id: Option<String>,
    /// When that happened, UTC; null when it cannot be known.
    pub occurred_at: Option<i64>,
    /// Its wall clock as sent.
    pub occurred_local: Option<String>,
    /// The milestones it has passed, in the order in which they happened; at most 32.
    pub history: Vec<MilestoneReached>,
    /// Expected delivery as last told.
    pub eta: Option<Eta>,
    /// Proof of delivery as far as told.
    pub pod: Option<ProofOfDelivery>,
    /// Delivery attempts that failed.
    pub attempts: i32,
    /// How many events are behind this status.
    pub events: i32,
    /// Counts the changes of this shipment, from 1: what a reader saw last is the highest.
    pub version: i64,
    /// When the newest event behind this reached us, UTC.
    pub received_at: i64,
}

/// One milestone that a parcel passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneReached {
    /// Which.
    pub milestone: Milestone,
    /// What exactly.
    pub sub_status: Option<SubStatus>,
    /// What went wrong.
    pub exception_reason: Option<ExceptionReason>,
    /// The event.
    pub event_id: String,
    /// UTC; null when it cannot be known.
    pub occurred_at: Option<i64>,
    /// Wall clock as sent.
    pub occurred_local: Option<String>,
}

/// Where a delivery of one or more parcels stands. Avro record `DeliveryStatus`, topic `delivery.status`, key: delivery key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `res.company` id.
    pub company_id: i64,
    /// `stock.picking` id.
    pub picking_id: i64,
    /// `WH/OUT/00015`, where known.
    pub picking_name: Option<String>,
    /// The milestone of the whole: the least advanced parcel, an exception before all (see `delivery_milestone`).
    pub milestone: Milestone,
    /// Every parcel has been delivered.
    pub complete: bool,
    /// Parcels that Odoo knows; those below may be fewer while events are awaited.
    pub parcels_expected: i32,
    /// Parcels delivered.
    pub parcels_delivered: i32,
    /// A person has to act.
    pub action_required: bool,
    /// The parcels, by shipment key and carrier.
    pub parcels: Vec<ShipmentStatus>,
    /// Counts the changes of this delivery, from 1.
    pub version: i64,
    /// When the newest fact behind this reached us, UTC.
    pub received_at: i64,
}
