//! The cases for a person: raised once, cleared when they settle themselves.

use super::memory::{Case, Kind, ShipmentMemory, awaits_pod};
use super::{TrackerSettings, topic};
use crate::domain::dedup;
use crate::domain::delivery::ShipmentStatus;
use crate::domain::exception::ExceptionRaised;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::vocabulary::Milestone;
use crate::engine::processor::Outputs;

/// The status has changed: trouble is raised, trouble that is over is cleared.
pub(super) fn on_status(memory: &mut ShipmentMemory, status: &ShipmentStatus, out: &mut Outputs) {
    let at = status.received_at;
    let trouble = matches!(status.milestone, Milestone::Exception | Milestone::Lost | Milestone::Disposed) || status.action_required;
    let cause = status.event_id.clone().unwrap_or_default();
    let same = memory.open.iter().any(|c| c.kind == Kind::Delivery && c.carrier == status.carrier && c.cause == cause);
    if !(trouble && same) {
        clear(memory, Kind::Delivery, &status.carrier, &status.shipment_key, at, out);
    }
    if trouble && !same {
        let reason = status.exception_reason.map_or("no reason given", |r| r.as_str());
        let summary = format!("the carrier reports {} for the parcel: {reason}", status.milestone);
        raise(memory, Kind::Delivery, Some(status), &status.shipment_key, cause, at, summary, out);
    }
    if !awaits_pod(status) {
        clear(memory, Kind::PodMissing, &status.carrier, &status.shipment_key, at, out);
    }
}

/// The carrier has spoken: the silence is over.
pub(super) fn on_sign_of_life(memory: &mut ShipmentMemory, shipment_key: &str, at: Micros, out: &mut Outputs) {
    clear(memory, Kind::Silent, "", shipment_key, at, out);
}

/// Deadlines that have passed.
pub(super) fn on_time(memory: &mut ShipmentMemory, shipment_key: &str, settings: &TrackerSettings, now: Micros, out: &mut Outputs) {
    let unassigned_at = memory.unassigned_since.saturating_add(settings.unassigned_after);
    if memory.links.is_empty() && now >= unassigned_at && !memory.is_open(Kind::Unassigned, "") {
        let status = memory.folds.first().map(|f| f.status(shipment_key));
        let summary = format!("the carrier reports a parcel that no delivery has: {shipment_key}");
        let cause = memory.unassigned_since.to_string();
        raise(memory, Kind::Unassigned, status.as_ref(), shipment_key, cause, unassigned_at, summary, out);
    }
    let silent_at = memory.last_at.saturating_add(settings.silent_after);
    if memory.awaits_events(shipment_key) && now >= silent_at && !memory.is_open(Kind::Silent, "") {
        let status = memory.folds.first().map(|f| f.status(shipment_key));
        let summary = format!("the carrier has said nothing since {}", crate::domain::time::rfc3339(memory.last_at));
        let cause = memory.last_at.to_string();
        raise(memory, Kind::Silent, status.as_ref(), shipment_key, cause, silent_at, summary, out);
    }
    let statuses: Vec<ShipmentStatus> = memory.folds.iter().map(|f| f.status(shipment_key)).collect();
    for status in statuses {
        let due = status.received_at.saturating_add(settings.pod_missing_after);
        if awaits_pod(&status) && now >= due && !memory.is_open(Kind::PodMissing, &status.carrier) {
            let cause = status.event_id.clone().unwrap_or_default();
            let summary = "delivered, and the carrier has sent no proof of delivery".to_owned();
            raise(memory, Kind::PodMissing, Some(&status), shipment_key, cause, due, summary, out);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "they are the fields of the record")]
fn raise(
    memory: &mut ShipmentMemory,
    kind: Kind,
    status: Option<&ShipmentStatus>,
    shipment_key: &str,
    cause: String,
    at: Micros,
    summary: String,
    out: &mut Outputs,
) {
    let about_number = matches!(kind, Kind::Unassigned | Kind::Silent);
    let carrier = status.filter(|_| !about_number).map(|s| s.carrier.clone()).unwrap_or_default();
    let case = Case { kind, carrier, cause };
    let mut record = record_of(memory, &case, shipment_key, "open", summary, at);
    if let Some(status) = status {
        record.tracking_number = Some(status.tracking_number.clone());
        record.carrier = Some(status.carrier.clone());
        record.reason = status.exception_reason.map(|r| r.as_str().to_owned());
        record.event_id.clone_from(&status.event_id);
    }
    memory.open.push(case);
    out.publish(topic::EXCEPTIONS, shipment_key, Record::ExceptionRaised(Box::new(record)));
}

/// Settles the open cases of a kind.
pub(super) fn clear(memory: &mut ShipmentMemory, kind: Kind, carrier: &str, shipment_key: &str, at: Micros, out: &mut Outputs) {
    let settled: Vec<Case> = memory.open.extract_if(.., |c| c.kind == kind && c.carrier == carrier).collect();
    for case in settled {
        let record = record_of(memory, &case, shipment_key, "cleared", "settled by what came later".to_owned(), at);
        out.publish(topic::EXCEPTIONS, shipment_key, Record::ExceptionRaised(Box::new(record)));
    }
}

fn record_of(memory: &ShipmentMemory, case: &Case, shipment_key: &str, state: &str, summary: String, at: Micros) -> ExceptionRaised {
    let id = dedup::id_of(&[case.kind.as_str(), shipment_key, &case.carrier, &case.cause]);
    ExceptionRaised {
        exception_id: dedup::uuid(&id),
        kind: case.kind.as_str().to_owned(),
        state: state.to_owned(),
        summary,
        shipment_key: Some(shipment_key.to_owned()),
        tracking_number: None,
        carrier: (!case.carrier.is_empty()).then(|| case.carrier.clone()),
        delivery_key: memory.links.first().map(|l| l.delivery_key.clone()),
        reason: None,
        event_id: None,
        raised_at: at,
    }
}
