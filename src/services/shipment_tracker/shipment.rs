//! The part that works by shipment: what is new, where the shipment stands, which deliveries hear of it.

use super::cases;
use super::memory::{self, Kind, Link, ShipmentMemory};
use super::{TrackerSettings, topic};
use crate::domain::dedup;
use crate::domain::delivery::{ParcelChange, ShipmentStatus};
use crate::domain::erp::ShipmentLink;
use crate::domain::event::ShipmentEvent;
use crate::domain::fold::{Fold, Taken};
use crate::domain::record::Record;
use crate::domain::time::{Micros, wall_clock_micros};
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Outputs, State};

/// Carriers that may share one tracking number.
const CARRIERS_MAX: usize = 8;
/// Deliveries that may share one tracking number.
const LINKS_MAX: usize = 64;

/// One observation.
pub(super) fn observe(event: &ShipmentEvent, settings: &TrackerSettings, state: &mut dyn State, out: &mut Outputs) -> Verdict {
    let Some(dedup_key) = dedup::unhex(&event.dedup_key) else {
        return Verdict::Park(Park::new(Code::WRONG_SCHEMA, "dedup_key is not 32 hex digits"));
    };
    let key = memory::shipment(&event.shipment_key);
    if state.seen(dedup_key) {
        return again(event, settings, &key, state, out);
    }
    let mut memory: ShipmentMemory = memory::load(state, &key);
    let Some(index) = fold_index(&mut memory, event) else {
        return Verdict::Park(Park::new(Code::TOO_MANY, "more carriers than one tracking number can have"));
    };
    let before = memory.folds[index].status(&event.shipment_key);
    let taken = memory.folds[index].take(event);
    state.remember(dedup_key);
    if memory.unassigned_since == 0 {
        memory.unassigned_since = event.received_at;
    }
    let news = event.received_at > memory.last_at;
    memory.last_at = memory.last_at.max(event.received_at);

    let published = out.records.len();
    if taken == Taken::New {
        let mut event = event.clone();
        event.late = is_late(&event, settings);
        out.publish(topic::EVENTS, event.shipment_key.clone(), Record::ShipmentEvent(Box::new(event)));
    }
    tell_change(&mut memory, index, &before, event, out);
    // What reached us before the silence began does not end it.
    if news {
        cases::on_sign_of_life(&mut memory, &event.shipment_key, event.received_at, out);
    }
    let alarm = memory.alarm(&event.shipment_key, settings);
    memory::save(state, &key, &memory, alarm);
    if out.records.len() > published { Verdict::Publish } else { Verdict::Duplicate("told_by_other_source") }
}

/// A happening that was told before: there is no second event, but the shipment may stand better known than it did.
fn again(event: &ShipmentEvent, settings: &TrackerSettings, key: &[u8], state: &mut dyn State, out: &mut Outputs) -> Verdict {
    const VERDICT: Verdict = Verdict::Duplicate("repeated");
    if event.eta.is_none() && event.pod.is_none() {
        return VERDICT;
    }
    let mut memory: ShipmentMemory = memory::load(state, key);
    let Some(index) = memory.folds.iter().position(|f| f.carrier == event.carrier) else { return VERDICT };
    let before = memory.folds[index].status(&event.shipment_key);
    if !memory.folds[index].take_again(event) {
        return VERDICT;
    }
    tell_change(&mut memory, index, &before, event, out);
    let alarm = memory.alarm(&event.shipment_key, settings);
    memory::save(state, key, &memory, alarm);
    if out.records.is_empty() { VERDICT } else { Verdict::Publish }
}

/// Publishes the status of a fold where it says more than before, and tells the deliveries.
fn tell_change(memory: &mut ShipmentMemory, index: usize, before: &ShipmentStatus, event: &ShipmentEvent, out: &mut Outputs) {
    if !says_more(before, &memory.folds[index].status(&event.shipment_key)) {
        return;
    }
    memory.folds[index].version += 1;
    let status = memory.folds[index].status(&event.shipment_key);
    out.publish(topic::STATUS, event.shipment_key.clone(), Record::ShipmentStatus(Box::new(status.clone())));
    for link in memory.links_of(&status.carrier) {
        tell_delivery(link, &status, true, event.received_at, out);
    }
    cases::on_status(memory, &status, out);
}

/// The fold of the event's carrier, made where there is none.
fn fold_index(memory: &mut ShipmentMemory, event: &ShipmentEvent) -> Option<usize> {
    if let Some(index) = memory.folds.iter().position(|f| f.carrier == event.carrier) {
        return Some(index);
    }
    (memory.folds.len() < CARRIERS_MAX).then(|| {
        memory.folds.push(Fold::new(&event.carrier, &event.tracking_number));
        memory.folds.len() - 1
    })
}

/// What happened longer ago than the window was either told before and forgotten, or is history: not news either way.
fn is_late(event: &ShipmentEvent, settings: &TrackerSettings) -> bool {
    let happened = event.occurred_at.or_else(|| event.occurred_local.as_deref().and_then(wall_clock_micros));
    happened.is_some_and(|at| event.received_at.saturating_sub(at) > settings.window)
}

/// Whether a reader of the status learns anything from the change.
fn says_more(before: &ShipmentStatus, after: &ShipmentStatus) -> bool {
    let still = ShipmentStatus {
        events: after.events,
        received_at: after.received_at,
        version: after.version,
        tracking_number: after.tracking_number.clone(),
        ..before.clone()
    };
    still != *after
}

fn tell_delivery(link: &Link, status: &ShipmentStatus, linked: bool, at: Micros, out: &mut Outputs) {
    let status = ShipmentStatus { delivery_key: Some(link.delivery_key.clone()), ..status.clone() };
    let change = ParcelChange {
        delivery_key: link.delivery_key.clone(),
        picking_name: link.picking_name.clone(),
        parcels_expected: link.parcels_expected,
        linked,
        changed_at: at,
        status,
    };
    out.publish(topic::PARCELS, link.delivery_key.clone(), Record::ParcelChange(Box::new(change)));
}

/// One link that came or went, before or after the events it belongs to.
pub(super) fn link(told: &ShipmentLink, settings: &TrackerSettings, state: &mut dyn State, out: &mut Outputs) -> Verdict {
    let key = memory::shipment(&told.shipment_key);
    let mut memory: ShipmentMemory = memory::load(state, &key);
    let link = Link::from(told);
    let known = memory.links.iter().position(|l| l.delivery_key == link.delivery_key);
    match (known, told.linked) {
        (None, false) => return Verdict::Duplicate("unchanged"),
        (Some(i), true) if memory.links[i] == link => return Verdict::Duplicate("unchanged"),
        (Some(i), true) => memory.links[i] = link.clone(),
        (None, true) if memory.links.len() >= LINKS_MAX => {
            return Verdict::Park(Park::new(Code::TOO_MANY, "more deliveries than one tracking number can have"));
        }
        (None, true) => memory.links.push(link.clone()),
        (Some(_), false) => {}
    }
    let statuses: Vec<ShipmentStatus> = memory.folds_of(&link).map(|f| f.status(&told.shipment_key)).collect();
    if statuses.is_empty() {
        tell_delivery(&link, &unheard_of(told), told.linked, told.linked_at, out);
    }
    for status in &statuses {
        tell_delivery(&link, status, told.linked, told.linked_at.max(status.received_at), out);
    }
    if let (Some(i), false) = (known, told.linked) {
        memory.links.remove(i);
        if memory.links.is_empty() {
            // Always later than before: a case that comes back is another case, with an id of its own.
            memory.unassigned_since = told.linked_at.max(memory.unassigned_since.saturating_add(1));
        }
    }
    if memory.unassigned_since == 0 {
        memory.unassigned_since = told.linked_at;
    }
    memory.last_at = memory.last_at.max(told.linked_at);
    if told.linked {
        cases::clear(&mut memory, Kind::Unassigned, "", &told.shipment_key, told.linked_at, out);
    }
    let alarm = memory.alarm(&told.shipment_key, settings);
    memory::save(state, &key, &memory, alarm);
    Verdict::Publish
}

/// The status of a parcel of which no carrier has said anything yet.
fn unheard_of(link: &ShipmentLink) -> ShipmentStatus {
    let carrier = link.carrier.clone().unwrap_or_default();
    Fold::new(&carrier, &link.tracking_number).status(&link.shipment_key)
}

/// The clock has come to a moment that this shipment waits for.
pub(super) fn wake(key: &[u8], shipment_key: &str, settings: &TrackerSettings, state: &mut dyn State, now: Micros, out: &mut Outputs) {
    let mut memory: ShipmentMemory = memory::load(state, key);
    if now >= memory.last_at.saturating_add(settings.window) {
        state.delete(key);
        return;
    }
    cases::on_time(&mut memory, shipment_key, settings, now, out);
    let alarm = memory.alarm(shipment_key, settings);
    memory::save(state, key, &memory, alarm);
}
