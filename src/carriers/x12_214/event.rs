//! One status of a set, in canonical words.

use super::clock::Clock;
use super::meaning::{self, DateRole};
use super::parse::{Scan, Scope, Set};
use super::{MAPPING_VERSION, SOURCE};
use crate::carriers::RawMessage;
use crate::carriers::edi;
use crate::carriers::event::{Happening, Shipment};
use crate::domain::event::{Eta, Label, Measures, Piece, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::{Code, Park};

/// What speaks of a status: its own scope, the loop around it, the header.
type Scopes<'s, 'a> = [&'s Scope<'a>; 3];

/// The events of one AT7: one for each tracking number of its scope, `left` at most.
///
/// # Errors
/// `MISSING_FIELD` without a SCAC or any number, `BAD_TRACKING_NUMBER` when no number can be believed, `TOO_MANY`.
pub(super) fn events(
    clock: &Clock,
    message: &RawMessage<'_>,
    set: &Set<'_>,
    scan: &Scan<'_>,
    left: usize,
) -> Result<Vec<ShipmentEvent>, Park> {
    let own = set.scopes.get(scan.scope);
    let (Some(header), Some(own), Some(around)) = (set.scopes.first(), own, own.and_then(|own| set.scopes.get(own.around))) else {
        return Err(Park::new(Code::MISSING_FIELD, "a status outside any loop"));
    };
    let scopes = [own, around, header];
    let Some(tracking) = scopes.into_iter().map(|scope| &scope.tracking).find(|numbers| !numbers.is_empty()) else {
        return Ok(vec![event(clock, message, set, scan, scopes, None)?]);
    };
    if tracking.count() > left {
        return Err(Park::new(Code::TOO_MANY, "more statuses for their numbers than are allowed"));
    }
    tracking.each().into_iter().map(|number| event(clock, message, set, scan, scopes, Some(number))).collect()
}

fn event(
    clock: &Clock,
    message: &RawMessage<'_>,
    set: &Set<'_>,
    scan: &Scan<'_>,
    scopes: Scopes<'_, '_>,
    tracking: Option<&str>,
) -> Result<ShipmentEvent, Park> {
    let carrier = carrier(set)?;
    let mut shipment = Shipment::new(message, (SOURCE, MAPPING_VERSION), carrier.clone(), &numbers(set, scopes, tracking))?;
    shipment.piece = piece(scopes, shipment.tracking_number());
    let (raw_code, meaning, role) = meaning::meaning(scan);
    let (date, time, code) = (scan.date.as_deref(), scan.time.as_deref(), scan.time_code.as_deref());
    let parts = [date, time, code].map(Option::unwrap_or_default);
    let told = clock.told(date, time, code, scan.place.as_ref());
    let eta = told.as_ref().and_then(|t| eta(role, t, &carrier));
    // Two reasons at one time are two things that were told.
    let told_code = [raw_code.code.as_deref(), raw_code.sub_code.as_deref()].map(Option::unwrap_or_default).join("/");
    let happening = Happening {
        identity: (raw_code.kind.clone(), Some(told_code)),
        raw_code,
        time_key: parts.join(" "),
        told: told.filter(|_| role == DateRole::Happened),
        description: description(role, &parts, scan.remark.as_deref()),
        place: scan.place.clone(),
    };
    let mut event = shipment.event(happening, meaning);
    event.eta = eta;
    event.measures = scopes.into_iter().find_map(measures);
    Ok(event)
}

/// The carrier of the set.
fn carrier(set: &Set<'_>) -> Result<Label, Park> {
    let scac = set.scac.as_deref().ok_or_else(|| Park::new(Code::MISSING_FIELD, "no SCAC in B10 03"))?;
    edi::carrier(scac).ok_or_else(|| Park::new(Code::MISSING_FIELD, "B10 03 is no SCAC"))
}

/// What names the shipment, best first: a tracking number (L11 2I), the carrier's reference (L11 CN), each in the package before
/// the loop before the header; then B10 01, which the standard defines as the carrier's PRO number; B10 02, the shipper's number; a bill of lading
/// (L11 BM). Nothing but zeros is a placeholder and stands for no number.
fn numbers<'s>(set: &'s Set<'_>, scopes: Scopes<'s, '_>, tracking: Option<&'s str>) -> Vec<Option<&'s str>> {
    let carrier = scopes.into_iter().map(|scope| scope.carrier_reference.as_deref());
    let whole = [set.reference.as_deref(), set.shipment.as_deref()];
    let lading = scopes.into_iter().map(|scope| scope.bill_of_lading.as_deref());
    let all = std::iter::once(tracking).chain(carrier).chain(whole).chain(lading);
    all.map(|number| number.map(|n| if n.bytes().all(|b| b == b'0') { "" } else { n })).collect()
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
fn piece(scopes: Scopes<'_, '_>, number: &str) -> Option<Piece> {
    scopes.into_iter().find_map(|scope| {
        let sscc = scope.sscc.once().and_then(edi::sscc);
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
