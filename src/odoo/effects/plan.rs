//! What a delivery's status asks for in Odoo. A pure function: the same status gives the same effects with the same ids.

use serde_json::{Map, json};

use super::words;
use super::{Action, Effect, Kind, PICKING};
use crate::domain::dedup::{hex, id_of};
use crate::domain::delivery::{DeliveryStatus, MilestoneReached, ShipmentStatus};
use crate::domain::event::ProofOfDelivery;
use crate::domain::vocabulary::Milestone;
use crate::odoo::client::Odoo;

/// What the Odoo at hand has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanSettings {
    /// `stock.picking` has OCA's `delivery_state`.
    pub delivery_state: bool,
    /// `stock.picking` has OCA's `tracking_state`.
    pub tracking_state: bool,
    /// `res.users` id that activities are given to; the user of the key where null.
    pub activity_user: Option<i64>,
}

impl PlanSettings {
    /// What a connected Odoo has.
    #[must_use]
    pub fn of(odoo: &Odoo, activity_user: Option<i64>) -> Self {
        let has = |field| odoo.has_picking_field(field);
        Self { delivery_state: has("delivery_state"), tracking_state: has("tracking_state"), activity_user }
    }
}

/// Everything that the status asks for, done before or not: the ledger and the look-ups know what is left to do.
/// Nothing here ever names the field `state`.
#[must_use]
pub fn plan(status: &DeliveryStatus, settings: &PlanSettings) -> Vec<Effect> {
    let mut effects = Vec::new();
    effects.extend(tracking_ref(status));
    effects.extend(delivery_state(status, settings));
    for parcel in &status.parcels {
        effects.extend(parcel.history.iter().filter_map(|reached| note(status, parcel, reached)));
        effects.extend(proof(status, parcel));
        effects.extend(activity(status, parcel, settings));
    }
    effects
}

fn effect(status: &DeliveryStatus, kind: Kind, id_parts: &[&str], cause: &str, action: Action) -> Effect {
    let mut parts = vec![kind.as_str(), status.delivery_key.as_str()];
    parts.extend_from_slice(id_parts);
    Effect {
        effect_id: hex(&id_of(&parts)),
        kind,
        model: PICKING.into(),
        record_id: Some(status.picking_id),
        delivery_key: Some(status.delivery_key.clone()),
        cause_id: cause.into(),
        action,
    }
}

fn tracking_ref(status: &DeliveryStatus) -> Option<Effect> {
    let mut numbers: Vec<String> = Vec::new();
    for parcel in &status.parcels {
        // A comma would read as two numbers.
        let number = words::printable(&parcel.tracking_number).replace(',', " ").trim().to_owned();
        if !number.is_empty() && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    if numbers.is_empty() {
        return None;
    }
    let joined = numbers.join(",");
    Some(effect(status, Kind::TrackingRef, &[&joined], latest_cause(status), Action::TrackingRef(numbers)))
}

fn delivery_state(status: &DeliveryStatus, settings: &PlanSettings) -> Option<Effect> {
    let mut fields = Map::new();
    if let Some(state) = oca_state(status.milestone).filter(|_| settings.delivery_state) {
        fields.insert("delivery_state".into(), json!(state));
    }
    if settings.tracking_state && status.milestone != Milestone::Unknown {
        fields.insert("tracking_state".into(), json!(words::milestone(status.milestone)));
    }
    if fields.is_empty() {
        return None;
    }
    // A state may come back, so the id has the version in it.
    let version = status.version.to_string();
    Some(effect(status, Kind::DeliveryState, &[&version], latest_cause(status), Action::Fields(fields)))
}

/// The word of OCA's `delivery_state`. Where it has none of its own (accepted, last leg), the nearest that is true.
fn oca_state(milestone: Milestone) -> Option<&'static str> {
    match milestone {
        Milestone::Announced => Some("shipping_recorded_in_carrier"),
        Milestone::Accepted | Milestone::InTransit | Milestone::OutForDelivery => Some("in_transit"),
        Milestone::AvailableForPickup => Some("warehouse_delivered"),
        Milestone::Delivered => Some("customer_delivered"),
        Milestone::DeliveryAttempted
        | Milestone::Exception
        | Milestone::Returning
        | Milestone::Returned
        | Milestone::Lost
        | Milestone::Disposed => Some("incident"),
        Milestone::Cancelled => Some("canceled_shipment"),
        Milestone::Expired => Some("no_update"),
        Milestone::Unknown | Milestone::Info => None,
    }
}

fn note(status: &DeliveryStatus, parcel: &ShipmentStatus, reached: &MilestoneReached) -> Option<Effect> {
    if matches!(reached.milestone, Milestone::Unknown | Milestone::Info) {
        return None;
    }
    let what = words::what(reached.milestone, reached.sub_status, reached.exception_reason);
    let when = words::when(reached.occurred_local.as_deref(), reached.occurred_at).map(|when| format!(", {when}"));
    let text = format!("{what} ({}){}", words::parcel(&parcel.carrier, &parcel.tracking_number), when.unwrap_or_default());
    let action = Action::Note { message_id: String::new(), body: format!("<p>{}</p>", words::escaped(&text)) };
    let mut effect = effect(status, Kind::Note, &[&reached.event_id], &reached.event_id, action);
    if let Action::Note { message_id, .. } = &mut effect.action {
        *message_id = super::notes::message_id(&effect.effect_id);
    }
    Some(effect)
}

/// References that are links become links; whatever else is told becomes one small text.
fn proof(status: &DeliveryStatus, parcel: &ShipmentStatus) -> Vec<Effect> {
    let Some(pod) = parcel.pod.as_ref().filter(|_| parcel.milestone == Milestone::Delivered) else { return Vec::new() };
    let number = words::printable(&parcel.tracking_number);
    let cause = parcel.event_id.as_deref().unwrap_or_default();
    let mut effects = Vec::new();
    for (what, reference) in [("signature", &pod.signature_ref), ("photo", &pod.photo_ref)] {
        if let Some(url) = reference.as_deref().filter(|r| is_link(r)) {
            let action = Action::Link { name: format!("Proof of delivery {number} ({what})"), url: url.into() };
            effects.push(effect(status, Kind::Pod, &[&parcel.shipment_key, url], cause, action));
        }
    }
    if effects.is_empty()
        && let Some(text) = proof_text(parcel, pod)
    {
        let name = format!("Proof of delivery {number}.txt");
        let id_part = text.clone();
        effects.push(effect(status, Kind::Pod, &[&parcel.shipment_key, &id_part], cause, Action::Text { name, text }));
    }
    effects
}

fn proof_text(parcel: &ShipmentStatus, pod: &ProofOfDelivery) -> Option<String> {
    let position = pod.latitude.zip(pod.longitude).map(|(latitude, longitude)| format!("{latitude}, {longitude}"));
    let told = [
        ("Signed by", pod.signed_by.clone()),
        ("Relation", pod.relation.clone()),
        ("Left at", pod.delivered_to.clone()),
        ("Position", position),
        ("Signature", pod.signature_ref.clone()),
        ("Photo", pod.photo_ref.clone()),
    ];
    let mut lines = vec!["Proof of delivery".to_owned(), format!("Parcel: {}", words::parcel(&parcel.carrier, &parcel.tracking_number))];
    let delivered = parcel.history.iter().rev().find(|reached| reached.milestone == Milestone::Delivered);
    if let Some(when) = delivered.and_then(|reached| words::when(reached.occurred_local.as_deref(), reached.occurred_at)) {
        lines.push(format!("Delivered: {when}"));
    }
    let before = lines.len();
    lines.extend(told.into_iter().filter_map(|(label, text)| text.map(|text| format!("{label}: {}", words::printable(&text)))));
    (lines.len() > before).then(|| lines.join("\n") + "\n")
}

fn activity(status: &DeliveryStatus, parcel: &ShipmentStatus, settings: &PlanSettings) -> Option<Effect> {
    let event_id = parcel.event_id.as_deref().filter(|_| parcel.action_required)?;
    let what = words::what(parcel.milestone, parcel.sub_status, parcel.exception_reason);
    let summary = format!("{what} ({})", words::parcel(&parcel.carrier, &parcel.tracking_number));
    let when = words::when(parcel.occurred_local.as_deref(), parcel.occurred_at);
    let note = when.map_or_else(|| summary.clone(), |when| format!("{summary}, {when}"));
    let action = Action::Activity { summary, note: String::new(), marker: String::new(), user_id: settings.activity_user };
    let mut effect = effect(status, Kind::Activity, &[event_id], event_id, action);
    super::activities::mark(&mut effect, &note);
    Some(effect)
}

/// The event that the newest change is due to.
fn latest_cause(status: &DeliveryStatus) -> &str {
    let latest = status.parcels.iter().max_by_key(|parcel| parcel.received_at);
    latest.and_then(|parcel| parcel.event_id.as_deref()).unwrap_or(&status.delivery_key)
}

fn is_link(reference: &str) -> bool {
    reference.starts_with("https://") || reference.starts_with("http://")
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
