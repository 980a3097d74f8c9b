//! The part that works by delivery: the fold of its parcels.

use serde::{Deserialize, Serialize};

use super::{TrackerSettings, memory, topic};
use crate::domain::delivery::{DeliveryStatus, ParcelChange, ShipmentStatus, delivery_milestone};
use crate::domain::ids::DeliveryKey;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::domain::vocabulary::Milestone;
use crate::engine::processor::{Outputs, State};

/// Parcels that one delivery may have.
const PARCELS_MAX: usize = 500;

/// What is remembered of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct DeliveryMemory {
    picking_name: Option<String>,
    parcels_expected: i32,
    parcels: Vec<ShipmentStatus>,
    version: i64,
    changed_at: Micros,
}

/// One parcel has changed, come or gone.
pub(super) fn change(change: &ParcelChange, settings: &TrackerSettings, state: &mut dyn State, out: &mut Outputs) -> Verdict {
    let delivery_key = DeliveryKey(change.delivery_key.clone());
    let Some((instance, company_id, picking_id)) = delivery_key.parts() else {
        return Verdict::Park(Park::new(Code::WRONG_SCHEMA, "delivery_key has not the form instance:company:picking"));
    };
    let key = memory::delivery(&change.delivery_key);
    let mut memory: DeliveryMemory = memory::load(state, &key);
    let before = memory.clone();
    if !take(&mut memory, change) {
        return Verdict::Park(Park::new(Code::TOO_MANY, "more parcels than one delivery can have"));
    }
    let same = DeliveryMemory { changed_at: memory.changed_at, ..before } == memory;
    if same {
        return Verdict::Duplicate("unchanged");
    }
    memory.version += 1;
    let milestones: Vec<Milestone> = memory.parcels.iter().map(|p| p.milestone).collect();
    let delivered = milestones.iter().filter(|m| **m == Milestone::Delivered).count();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let status = DeliveryStatus {
        delivery_key: change.delivery_key.clone(),
        odoo_instance: instance.to_owned(),
        company_id,
        picking_id,
        picking_name: memory.picking_name.clone(),
        milestone: delivery_milestone(&milestones),
        complete: delivered > 0 && delivered == milestones.len() && count(delivered) >= memory.parcels_expected,
        parcels_expected: memory.parcels_expected,
        parcels_delivered: count(delivered),
        action_required: memory.parcels.iter().any(|p| p.action_required),
        parcels: memory.parcels.clone(),
        version: memory.version,
        received_at: memory.changed_at,
    };
    out.publish(topic::DELIVERY, change.delivery_key.clone(), Record::DeliveryStatus(Box::new(status)));
    memory::save(state, &key, &memory, memory.changed_at.saturating_add(settings.window));
    Verdict::Publish
}

/// Takes a change in; false when there is no room.
fn take(memory: &mut DeliveryMemory, change: &ParcelChange) -> bool {
    let told = &change.status;
    if change.picking_name.is_some() {
        memory.picking_name.clone_from(&change.picking_name);
    }
    memory.parcels_expected = change.parcels_expected;
    memory.changed_at = memory.changed_at.max(change.changed_at);
    let same_parcel = |p: &ShipmentStatus| p.shipment_key == told.shipment_key && p.carrier == told.carrier;
    if !change.linked {
        memory.parcels.retain(|p| p.shipment_key != told.shipment_key);
        return true;
    }
    // Once a carrier speaks, the parcel that nobody had heard of is that one.
    if told.events > 0 {
        memory.parcels.retain(|p| p.shipment_key != told.shipment_key || p.events > 0 || same_parcel(p));
    }
    let full = memory.parcels.len() >= PARCELS_MAX;
    match memory.parcels.iter_mut().find(|p| same_parcel(p)) {
        Some(parcel) if parcel.version > told.version => {}
        Some(parcel) => *parcel = told.clone(),
        None if full => return false,
        None => {
            memory.parcels.push(told.clone());
            memory.parcels.sort_by(|a, b| (&a.shipment_key, &a.carrier).cmp(&(&b.shipment_key, &b.carrier)));
        }
    }
    true
}
