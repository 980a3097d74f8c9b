//! One status of a report, in canonical words.

use std::borrow::Cow;

use super::meaning::{self, Understood};
use super::parse::{Report, Scan, Scope};
use super::{MAPPING_VERSION, SOURCE, clock};
use crate::carriers::codes::Meaning;
use crate::carriers::event::{Happening, Shipment};
use crate::carriers::{DialectSettings, RawMessage, edi};
use crate::domain::event::{Label, Measures, Piece, Place, ProofOfDelivery, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::{Milestone, SubStatus};

/// Longest code of a carrier that is kept, as the standard's element 3039.
const CARRIER_CHARS_MAX: usize = 35;

/// The events of one STS: one for each number of a package that its scope tells.
///
/// # Errors
/// `MISSING_FIELD` without a carrier or any number, `BAD_TRACKING_NUMBER` when no number can be believed.
/// `TOO_MANY` above `left` events.
pub(super) fn events(
    message: &RawMessage<'_>,
    settings: &DialectSettings,
    report: &Report<'_>,
    scan: &Scan<'_>,
    left: usize,
) -> Result<Vec<ShipmentEvent>, Park> {
    let (Some(header), Some(consignment)) = (report.scopes.first(), report.scopes.get(scan.scope)) else {
        return Err(Park::new(Code::MISSING_FIELD, "a status outside any consignment"));
    };
    let scopes = [&scan.own, consignment, header];
    let Some(packages) = scopes.into_iter().map(|scope| &scope.numbers).find(|numbers| !numbers.is_empty()) else {
        return Ok(vec![event(message, settings, report, scan, scopes, None)?]);
    };
    if packages.count() > left {
        return Err(Park::new(Code::TOO_MANY, "more statuses for their numbers than are allowed"));
    }
    packages.each().into_iter().map(|number| event(message, settings, report, scan, scopes, Some(number))).collect()
}

fn event(
    message: &RawMessage<'_>,
    settings: &DialectSettings,
    report: &Report<'_>,
    scan: &Scan<'_>,
    scopes: [&Scope<'_>; 3],
    package: Option<&str>,
) -> Result<ShipmentEvent, Park> {
    let carrier = carrier(report, scopes)?;
    let mut shipment = Shipment::new(message, (SOURCE, MAPPING_VERSION), carrier.clone(), &numbers(scopes, package))?;
    shipment.piece = piece(scopes, shipment.tracking_number());
    let Understood { raw_code, identity, meaning, status } = meaning::understand(report, scan);
    let place = place(scopes, status).cloned();
    let (time_key, told) = match meaning::happened(scan, meaning) {
        Some(date) => clock::told(date, place.as_ref(), settings),
        None => (String::new(), None),
    };
    let happening = Happening { raw_code, identity, time_key, told, description: description(report, scan), place };
    let mut event = shipment.event(happening, meaning);
    if event.milestone == Milestone::Delivered {
        event.pod = pod(report, scan);
    } else {
        event.eta = meaning::expected(scan).and_then(|date| clock::eta(date, settings, &carrier));
    }
    event.measures = scopes.into_iter().find_map(measures);
    Ok(event)
}

/// Where it happened: the location of the goods, or the place of the activity, of the status before the consignment before the
/// message. The other places are those of one step of the way: they count beside the status itself, and where it is that step.
fn place<'s>(scopes: [&'s Scope<'_>; 3], status: Meaning) -> Option<&'s Place> {
    let fitting = match (status.milestone, status.sub_status) {
        (_, Some(SubStatus::CustomsProcessing | SubStatus::CustomsReleased)) => Some("22"),
        (_, Some(SubStatus::Arrived)) => Some("60"),
        (Milestone::Accepted, _) => Some("10"),
        (Milestone::Delivered, _) => Some("4"),
        (Milestone::InTransit, None) => Some("13"),
        _ => status.reason.filter(|reason| reason.as_str().starts_with("customs.")).map(|_| "22"),
    };
    let [own, consignment, header] = scopes;
    let told = |scope: &'s Scope<'_>| scope.place("14").or_else(|| scope.place("175"));
    told(own).or_else(|| own.place(fitting?)).or_else(|| told(consignment)).or_else(|| told(header))
}

/// The carrier that is named (NAD CA), the nearest to the status first, else the forwarder (NAD FW), else who sends it: a SCAC, a GLN or what the partners agreed on.
fn carrier(report: &Report<'_>, scopes: [&Scope<'_>; 3]) -> Result<Label, Park> {
    if report.of_ups {
        return Ok(Cow::Borrowed("ups"));
    }
    let named = scopes.into_iter().map(|scope| &scope.carrier).chain(scopes.into_iter().map(|scope| &scope.forwarder));
    let named = named.chain([&report.sender]).find_map(|name| plain(name.as_deref()?));
    let named = named.ok_or_else(|| Park::new(Code::MISSING_FIELD, "neither NAD CA, NAD FW nor the sender tells a carrier"))?;
    Ok(edi::carrier(&named).unwrap_or(Cow::Owned(named)))
}

/// In lower case, without blanks and what is not ASCII.
fn plain(name: &str) -> Option<String> {
    let told: String = name.chars().filter(char::is_ascii_graphic).take(CARRIER_CHARS_MAX).collect();
    (!told.is_empty()).then(|| told.to_ascii_lowercase())
}

/// What names the shipment, best first: the number of the package (RFF CW), of the consignment (CNI), of the waybill (RFF AAM), the
/// carrier's reference (RFF CN), the shipment reference (RFF SRN), the transport document (RFF AAS), each in the status before the
/// consignment before the message. Nothing but zeros is a placeholder and stands for no number.
fn numbers<'s>(scopes: [&'s Scope<'_>; 3], package: Option<&'s str>) -> Vec<Option<&'s str>> {
    let of = move |qualifier: &'static str| scopes.into_iter().map(move |scope| scope.reference(qualifier));
    let consignment = scopes.into_iter().map(|scope| scope.consignment.as_deref());
    let others = ["AAM", "CN", "SRN", "AAS"].into_iter().flat_map(of);
    std::iter::once(package)
        .chain(consignment)
        .chain(others)
        .map(|n| n.map(|n| if n.bytes().all(|b| b == b'0') { "" } else { n }))
        .collect()
}

/// The source's own words: free text, else what stands beside the code. UPS marks the reason among its texts.
fn description(report: &Report<'_>, scan: &Scan<'_>) -> Option<String> {
    if report.of_ups {
        let text = meaning::ups_reason(scan).or_else(|| scan.texts.first());
        return text.and_then(|text| text.lines.first()).map(|line| line.clone().into_owned());
    }
    let text = scan.texts.iter().find(|text| !text.lines.is_empty()).map(|text| text.lines.join(" "));
    text.or_else(|| scan.status.words.as_deref().map(str::to_owned))
}

/// Who took the parcel (CTA GR of the accepting party), for UPS who signed (RFF AGY) and where it was left (RFF AEL).
fn pod(report: &Report<'_>, scan: &Scan<'_>) -> Option<ProofOfDelivery> {
    let (signed_by, delivered_to) =
        if report.of_ups { (scan.own.reference("AGY"), scan.own.reference("AEL")) } else { (scan.taken_by.as_deref(), None) };
    let [signed_by, delivered_to] = [signed_by, delivered_to].map(|text| text.map(str::to_owned));
    let pod = ProofOfDelivery { signed_by, delivered_to, ..ProofOfDelivery::default() };
    (pod != ProofOfDelivery::default()).then_some(pod)
}

/// The package that a status is about, where it names exactly one.
fn piece(scopes: [&Scope<'_>; 3], number: &str) -> Option<Piece> {
    scopes.into_iter().find_map(|scope| {
        let (sscc, package) = (scope.sscc.once().and_then(edi::sscc), scope.package.once());
        (sscc.is_some() || package.is_some()).then(|| Piece {
            number: package.map(str::to_owned),
            sscc: sscc.map(str::to_owned),
            master: Some(number.to_owned()),
        })
    })
}

/// Weight with a unit that is known (Recommendation 20), and packages.
fn measures(scope: &Scope<'_>) -> Option<Measures> {
    let weight = scope.weight.as_ref().and_then(|(weight, unit)| {
        let unit = match unit.as_deref()? {
            "KGM" => "kg",
            "LBR" => "lb",
            "GRM" => "g",
            _ => return None,
        };
        // The decimal mark is a comma as often as a point, and the standard allows both.
        Some((Amount::parse(&weight.replace(',', "."))?, unit.to_owned()))
    });
    let pieces = scope.pieces.as_deref().and_then(|p| p.parse::<i32>().ok()).filter(|p| *p >= 0);
    if weight.is_none() && pieces.is_none() {
        return None;
    }
    let (weight, weight_unit) = weight.unzip();
    Some(Measures { weight, weight_unit, pieces, ..Measures::default() })
}
