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

/// The event of one AT7.
///
/// # Errors
/// `MISSING_FIELD` without a SCAC or any number, `BAD_TRACKING_NUMBER` when no number can be believed.
pub(super) fn event(clock: &Clock, message: &RawMessage<'_>, set: &Set<'_>, scan: &Scan<'_>) -> Result<ShipmentEvent, Park> {
    let (Some(header), Some(own)) = (set.scopes.first(), set.scopes.get(scan.scope)) else {
        return Err(Park::new(Code::MISSING_FIELD, "a status outside any loop"));
    };
    let carrier = carrier(set)?;
    let mut shipment = Shipment::new(message, (SOURCE, MAPPING_VERSION), carrier.clone(), &numbers(set, header, own))?;
    shipment.piece = piece(own, header, shipment.tracking_number());
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
    event.measures = measures(own).or_else(|| measures(header));
    Ok(event)
}

/// The carrier of the set.
fn carrier(set: &Set<'_>) -> Result<Label, Park> {
    let scac = set.scac.as_deref().ok_or_else(|| Park::new(Code::MISSING_FIELD, "no SCAC in B10 03"))?;
    edi::carrier(scac).ok_or_else(|| Park::new(Code::MISSING_FIELD, "B10 03 is no SCAC"))
}

/// What names the shipment, best first: a tracking number (L11 2I), the carrier's reference (L11 CN), each in the loop before
/// the header; then B10 01, which the standard defines as the carrier's PRO number; B10 02, the shipper's number; a bill of lading
/// (L11 BM). Nothing but zeros is a placeholder and stands for no number.
fn numbers<'s>(set: &'s Set<'_>, header: &'s Scope<'_>, own: &'s Scope<'_>) -> [Option<&'s str>; 8] {
    [
        &own.tracking,
        &header.tracking,
        &own.carrier_reference,
        &header.carrier_reference,
        &set.reference,
        &set.shipment,
        &own.bill_of_lading,
        &header.bill_of_lading,
    ]
    .map(|number| number.as_deref().map(|n| if n.bytes().all(|b| b == b'0') { "" } else { n }))
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
