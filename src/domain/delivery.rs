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

/// A parcel of a delivery has changed, came or went. Avro record `ParcelChange`, internal topic `shipment.parcels`,
/// key: delivery key, so that all parcels of a delivery meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParcelChange {
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// `WH/OUT/00015`, where known.
    pub picking_name: Option<String>,
    /// How many tracking numbers the delivery has in Odoo.
    pub parcels_expected: i32,
    /// False when the parcel no longer belongs to the delivery.
    pub linked: bool,
    /// When the newest fact behind this reached us, UTC microseconds.
    pub changed_at: i64,
    /// Where the parcel stands.
    pub status: ShipmentStatus,
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

/// How far a milestone is along the way, for the least advanced parcel of a delivery.
fn advance(milestone: Milestone) -> u8 {
    use Milestone as M;
    match milestone {
        M::Unknown | M::Info => 0,
        M::Announced => 1,
        M::Accepted => 2,
        M::InTransit | M::Expired => 3,
        M::OutForDelivery => 4,
        M::DeliveryAttempted => 5,
        M::AvailableForPickup => 6,
        M::Delivered => 7,
        M::Cancelled | M::Returning | M::Returned | M::Exception | M::Lost | M::Disposed => 8,
    }
}

/// The milestone of a whole delivery. Trouble with any parcel shows first, the worst of it before the rest (lost,
/// disposed, exception, returned, returning); else the least advanced parcel decides. Cancelled parcels count only
/// when all are.
#[must_use]
pub fn delivery_milestone(parcels: &[Milestone]) -> Milestone {
    use Milestone as M;
    let trouble = [M::Lost, M::Disposed, M::Exception, M::Returned, M::Returning];
    if let Some(worst) = trouble.into_iter().find(|t| parcels.contains(t)) {
        return worst;
    }
    let alive = parcels.iter().copied().filter(|m| *m != M::Cancelled);
    alive.min_by_key(|m| advance(*m)).unwrap_or(if parcels.is_empty() { M::Unknown } else { M::Cancelled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Milestone as M;

    #[test]
    fn a_delivery_is_as_far_as_its_last_parcel_and_trouble_shows_first() {
        let cases: &[(&[M], M)] = &[
            (&[], M::Unknown),
            (&[M::Delivered, M::InTransit], M::InTransit),
            (&[M::Delivered, M::Delivered], M::Delivered),
            (&[M::Delivered, M::Exception], M::Exception),
            (&[M::Lost, M::Exception], M::Lost),
            (&[M::Delivered, M::Cancelled], M::Delivered),
            (&[M::Cancelled], M::Cancelled),
            (&[M::Unknown, M::Delivered], M::Unknown),
        ];
        for (parcels, expected) in cases {
            assert_eq!(delivery_milestone(parcels), *expected, "{parcels:?}");
        }
    }
}
