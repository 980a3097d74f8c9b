//! One status of a set, in canonical words.

use std::borrow::Cow;

use super::clock::Clock;
use super::codes::{Codes, DateRole, Status};
use super::parse::{Scan, Scope, Set};
use super::{MAPPING_VERSION, SOURCE};
use crate::carriers::RawMessage;
use crate::domain::dedup::{self, Identity};
use crate::domain::event::{Eta, Label, Measures, Piece, RawCode, ShipmentEvent};
use crate::domain::ids::shipment_key;
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::{Actor, ExceptionReason, Fault, Leg, Milestone, SubStatus};

/// The tables a status is read with.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) codes: Codes,
    pub(super) clock: Clock,
}

/// Code and meaning of one status.
struct Meaning {
    raw_code: RawCode,
    status: Status,
}

/// The event of one AT7.
///
/// # Errors
/// `MISSING_FIELD` without a SCAC, `BAD_TRACKING_NUMBER` when nothing names the shipment.
pub(super) fn event(tables: &Tables, message: &RawMessage<'_>, set: &Set<'_>, scan: &Scan<'_>) -> Result<ShipmentEvent, Park> {
    let (Some(header), Some(own)) = (set.scopes.first(), set.scopes.get(scan.scope)) else {
        return Err(Park::new(Code::MISSING_FIELD, "a status outside any loop"));
    };
    let carrier = carrier(&tables.codes, set)?;
    let number = number(set, header, own)?;
    let key = shipment_key(number).ok_or_else(|| Park::new(Code::BAD_TRACKING_NUMBER, "the shipment's number is no number"))?;
    let Meaning { raw_code, status } = meaning(&tables.codes, scan);
    let piece = piece(own, header, number);
    let parts = [scan.date.as_deref(), scan.time.as_deref(), scan.time_code.as_deref()].map(Option::unwrap_or_default);
    let told = tables.clock.told(scan.date.as_deref(), scan.time.as_deref(), scan.time_code.as_deref(), scan.place.as_ref());
    let identity = Identity {
        carrier: &carrier,
        shipment_key: &key,
        piece: piece.as_ref(),
        raw_code: &raw_code,
        time_as_sent: &parts.join(" "),
        place: scan.place.as_ref(),
        vendor_id: None,
    }
    .key();
    let happened = if status.date == DateRole::Happened { told.as_ref() } else { None };
    Ok(ShipmentEvent {
        event_id: dedup::uuid(&identity),
        dedup_key: dedup::hex(&identity),
        tracking_number: number.to_owned(),
        source: Label::Borrowed(SOURCE),
        source_event_id: None,
        raw: message.raw.clone(),
        mapping_version: Label::Borrowed(MAPPING_VERSION),
        milestone: status.milestone,
        sub_status: status.detail,
        exception_reason: status.wrong,
        fault: status.wrong.map(ExceptionReason::usual_fault),
        action_required: status.wrong.is_some_and(ExceptionReason::needs_person),
        actor: actor(status),
        leg: if matches!(status.milestone, Milestone::Returning | Milestone::Returned) { Leg::Return } else { Leg::Forward },
        raw_description: description(status.date, &parts, scan.remark.as_deref()),
        occurred_at: happened.and_then(|t| t.at),
        occurred_local: happened.and_then(|t| t.local.clone()),
        offset_minutes: happened.and_then(|t| t.offset_minutes),
        time_precision: happened.map(|t| t.precision),
        time_source: happened.and_then(|t| t.source),
        received_at: message.received_at,
        place: scan.place.clone(),
        piece,
        attempt_no: None,
        pod: None,
        eta: told.as_ref().and_then(|t| eta(status.date, t, &carrier)),
        cod: None,
        measures: measures(own).or_else(|| measures(header)),
        partner: None,
        late: false,
        raw_code,
        shipment_key: key,
        carrier,
    })
}

/// The carrier of a SCAC; one without a dialect of its own keeps its SCAC, in lower case.
fn carrier(codes: &Codes, set: &Set<'_>) -> Result<Label, Park> {
    let scac = set.scac.as_deref().ok_or_else(|| Park::new(Code::MISSING_FIELD, "no SCAC in B10 03"))?.to_ascii_uppercase();
    if !(2..=4).contains(&scac.len()) || !scac.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Park::new(Code::MISSING_FIELD, "B10 03 is no SCAC"));
    }
    Ok(codes.carrier(&scac).map_or_else(|| Cow::Owned(scac.to_ascii_lowercase()), Cow::Borrowed))
}

/// What names the shipment, best first: a tracking number (L11 2I), the carrier's reference (L11 CN), each in the loop before
/// the header; then B10 01, which the standard defines as the carrier's PRO number; B10 02, the shipper's number; a bill of lading (L11 BM).
/// What has no digit but zeros is a placeholder (`N/A`, `TBD`), and no carrier numbers beyond ASCII: both are passed over.
fn number<'s>(set: &'s Set<'_>, header: &'s Scope<'_>, own: &'s Scope<'_>) -> Result<&'s str, Park> {
    let ranked = [
        &own.tracking,
        &header.tracking,
        &own.carrier_reference,
        &header.carrier_reference,
        &set.reference,
        &set.shipment,
        &own.bill_of_lading,
        &header.bill_of_lading,
    ];
    let mut told = ranked.into_iter().filter_map(|text| text.as_deref()).peekable();
    if told.peek().is_none() {
        return Err(Park::new(Code::MISSING_FIELD, "neither B10 nor L11 names the shipment"));
    }
    told.find(|text| text.bytes().any(|b| matches!(b, b'1'..=b'9')) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' '))
        .ok_or_else(|| Park::new(Code::BAD_TRACKING_NUMBER, "what B10 and L11 tell is no number"))
}

/// A status code goes before an appointment code, should both be sent.
fn meaning(codes: &Codes, scan: &Scan<'_>) -> Meaning {
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let (kind, code, reason, status) = match (&scan.status, &scan.appointment) {
        (Some(code), _) => (Some("1650"), &scan.status, &scan.status_reason, codes.status(code)),
        (None, Some(code)) => (Some("1652"), &scan.appointment, &scan.appointment_reason, codes.appointment(code)),
        (None, None) => (None, &None, &scan.status_reason, Status::UNKNOWN),
    };
    let raw_code = RawCode { kind: kind.map(str::to_owned), code: owned(code), sub_code: owned(reason) };
    Meaning { raw_code, status: with_reason(codes, status, reason.as_deref()) }
}

/// The status with what its reason code adds. A status that says itself what is wrong (refused, damaged) keeps that;
/// one that only says that something is (delayed, held) takes the reason sent.
fn with_reason(codes: &Codes, mut status: Status, sent: Option<&str>) -> Status {
    let Some(added) = sent.map(|code| codes.reason(code)) else { return status };
    if status.wrong.is_none_or(only_says_that) {
        status.wrong = added.wrong.or(status.wrong);
    }
    if status.milestone == Milestone::InTransit && status.detail.is_none() {
        status.detail = added.detail;
    }
    if added.returning {
        status.milestone = match status.milestone {
            Milestone::Delivered => Milestone::Returned,
            Milestone::InTransit | Milestone::OutForDelivery | Milestone::DeliveryAttempted | Milestone::Exception => Milestone::Returning,
            other => other,
        };
        status.detail = status.detail.filter(|s| !matches!(s, SubStatus::ArrivedAtConsignee));
    }
    status
}

fn only_says_that(reason: ExceptionReason) -> bool {
    matches!(reason, ExceptionReason::CarrierDelay | ExceptionReason::CarrierHold | ExceptionReason::CustomsHold)
}

fn actor(status: Status) -> Option<Actor> {
    let customs =
        status.wrong.map(ExceptionReason::usual_fault) == Some(Fault::Customs) || status.detail == Some(SubStatus::CustomsProcessing);
    match status.milestone {
        Milestone::Info | Milestone::Unknown => None,
        _ if customs => Some(Actor::Customs),
        _ => Some(Actor::Carrier),
    }
}

/// The source's own words. The date of a pick-up appointment has no field: it is kept here as sent.
fn description(date: DateRole, parts: &[&str; 3], remark: Option<&str>) -> Option<String> {
    let appointment = (date == DateRole::Pickup).then(|| parts.join(" ").trim().to_owned()).filter(|text| !text.is_empty());
    match (appointment, remark) {
        (Some(appointment), Some(remark)) => Some(format!("{appointment}: {remark}")),
        (appointment, remark) => appointment.or_else(|| remark.map(str::to_owned)),
    }
}

fn eta(role: DateRole, told: &Told, carrier: &str) -> Option<Eta> {
    let (from, to) = match role {
        DateRole::Happened | DateRole::Pickup => return None,
        DateRole::Eta => (true, true),
        DateRole::EtaFrom => (true, false),
        DateRole::EtaTo => (false, true),
    };
    Some(Eta {
        from: told.at.filter(|_| from),
        to: told.at.filter(|_| to),
        from_local: told.local.clone().filter(|_| from),
        to_local: told.local.clone().filter(|_| to),
        source: Some(carrier.to_owned()),
        previous_local: None,
    })
}

/// The package that a loop is about, where it names exactly one.
fn piece(own: &Scope<'_>, header: &Scope<'_>, number: &str) -> Option<Piece> {
    [own, header].into_iter().find_map(|scope| {
        let sscc = scope.sscc.once().map(|s| s.strip_prefix("00").filter(|s| s.len() == 18).unwrap_or(s));
        let sscc = sscc.filter(|s| s.len() == 18 && s.bytes().all(|b| b.is_ascii_digit()));
        let package = scope.package.once();
        (sscc.is_some() || package.is_some()).then(|| Piece {
            number: package.map(str::to_owned),
            sscc: sscc.map(str::to_owned),
            master: Some(number.to_owned()),
        })
    })
}

/// Weight with a unit that is known (element 188: L pounds, K kilograms), and pieces.
fn measures(scope: &Scope<'_>) -> Option<Measures> {
    let weight = scope.weight.as_ref().and_then(|(weight, unit)| {
        let unit = match unit.as_deref()? {
            "L" => "lb",
            "K" => "kg",
            _ => return None,
        };
        Some((Amount::parse(weight)?, unit.to_owned()))
    });
    let pieces = scope.pieces.as_deref().and_then(|p| p.parse::<i32>().ok()).filter(|p| *p >= 0);
    if weight.is_none() && pieces.is_none() {
        return None;
    }
    let (weight, weight_unit) = weight.unzip();
    Some(Measures { weight, weight_unit, pieces, ..Measures::default() })
}
