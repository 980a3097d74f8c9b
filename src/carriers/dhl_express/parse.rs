//! The tracking answer of DHL's XML services, read into happenings.

use super::super::codes::Meaning;
use super::super::event::{self, Happening, Shipment};
use super::super::parsed::{Gathered, Parsed};
use super::super::times::{self, Sent, Suffix};
use super::super::xml::{self, Node};
use super::super::{DialectSettings, RawMessage};
use super::{MAPPING_VERSION, checkpoint, service_area};
use crate::domain::event::{Eta, Measures, Piece, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision, TimeSource};

/// Longest licence plate that is kept, bytes: it stands in each event of its piece. Honest ones have 20 to 35.
const PLATE_BYTES_MAX: usize = 128;

/// Reads an answer. Waybills that have no checkpoint yet, or are not found, say nothing.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Parsed, Park> {
    let text = xml::text(message, settings)?;
    let document = xml::read(&text)?;
    let answer = document.root().filter(|root| root.name() == "TrackingResponse");
    let answer = answer.ok_or_else(|| xml::not_tracking("no tracking answer"))?;
    let reader = Reader { message, settings };
    let mut gathered = Gathered::default();
    for info in answer.all("AWBInfo") {
        let scans = scans(info);
        if gathered.len() + scans.len() > settings.events_max {
            return Err(xml::too_many(settings.events_max));
        }
        gathered.add(reader.waybill(info, &scans))?;
    }
    gathered.finish(|| xml::not_tracking("the answer has no checkpoint"))
}

/// A checkpoint and the licence plate of the piece it is about.
type Scan<'d> = (Option<&'d str>, Node<'d>);

/// The checkpoints of the shipment; those of its pieces, which say the same again piece by piece, only where there are none.
fn scans(info: Node<'_>) -> Vec<Scan<'_>> {
    let shipment = info.child("ShipmentInfo");
    let of_shipment: Vec<Scan<'_>> = shipment.into_iter().flat_map(|s| s.all("ShipmentEvent")).map(|scan| (None, scan)).collect();
    if !of_shipment.is_empty() {
        return of_shipment;
    }
    let pieces = [Some(info), shipment].into_iter().flatten().filter_map(|node| node.child("Pieces")).flat_map(|p| p.all("PieceInfo"));
    pieces
        .flat_map(|piece| {
            let plate = piece.told(&["PieceDetails", "LicensePlate"]).filter(|plate| plate.len() <= PLATE_BYTES_MAX);
            piece.all("PieceEvent").map(move |scan| (plate, scan))
        })
        .collect()
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
}

impl Reader<'_> {
    fn waybill(&self, info: Node<'_>, scans: &[Scan<'_>]) -> Result<Vec<ShipmentEvent>, Park> {
        if scans.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = &[info.told(&["AWBNumber"]), info.told(&["TrackedBy", "LPNumber"])];
        let mut shipment = Shipment::new(self.message, ("dhl_express", MAPPING_VERSION), "dhl_express".into(), numbers)?;
        let mut events = Vec::with_capacity(scans.len());
        for (plate, scan) in scans {
            shipment.piece = plate.map(|plate| Piece {
                number: Some(plate.to_owned()),
                sscc: None,
                master: Some(shipment.tracking_number().to_owned()),
            });
            events.push(self.scan(&shipment, *scan));
        }
        event::settle_returns(&mut events, false);
        if let Some(facts) = info.child("ShipmentInfo") {
            self.facts(&mut events, facts);
        }
        Ok(events)
    }

    fn scan(&self, shipment: &Shipment<'_>, scan: Node<'_>) -> ShipmentEvent {
        let code = scan.told(&["ServiceEvent", "EventCode"]).map(str::to_ascii_uppercase);
        let place = area(scan.child("ServiceArea"));
        let sent = scan.told(&["Date"]).and_then(|day| clock(day, scan.told(&["Time"])));
        let meaning = code.as_deref().and_then(checkpoint).unwrap_or(Meaning::UNKNOWN);
        let happening = Happening {
            raw_code: RawCode { kind: None, code: scan.told(&["ServiceEvent", "EventCode"]).map(str::to_owned), sub_code: None },
            identity: (None, code),
            time_key: time_key(&scan, sent.as_ref()),
            told: sent.as_ref().map(|s| times::by_zone(s, place.as_ref(), self.settings)),
            description: scan.told(&["ServiceEvent", "Description"]).map(xml::words),
            place,
        };
        let mut event = shipment.event(happening, meaning);
        // On other checkpoints the field holds account numbers and weights.
        if event.milestone == Milestone::Delivered
            && let Some(signatory) = scan.told(&["Signatory"])
        {
            event.pod = Some(ProofOfDelivery { signed_by: Some(xml::words(signatory)), ..ProofOfDelivery::default() });
        }
        event
    }

    /// What is true of the shipment now goes to its newest checkpoint.
    fn facts(&self, events: &mut [ShipmentEvent], facts: Node<'_>) {
        let Some(event) = event::newest(events, false, |_| true) else { return };
        if event::is_under_way(event) {
            event.eta = self.eta(facts);
        }
        event.measures = measures(facts);
    }

    /// `2026-11-23 23:59:00 GMT+01:00`, and the same in UTC beside it.
    fn eta(&self, facts: Node<'_>) -> Option<Eta> {
        let to = facts.told(&["EstDlvyDate"]).and_then(|text| times::iso(&text.replacen(" GMT", "", 1)))?;
        let gmt = facts.told(&["EstDlvyDateUTC"]).and_then(times::iso).filter(|g| g.precision != TimePrecision::Date);
        let told = match (to.suffix, gmt) {
            (Suffix::Numeric(offset), _) => Told::with_offset(to.local, offset, to.precision, TimeSource::CarrierOffset),
            (_, Some(gmt)) if to.precision != TimePrecision::Date => Told::with_gmt(to.local, gmt.local, to.precision),
            _ => times::by_zone(&to, area(facts.child("DestinationServiceArea")).as_ref(), self.settings),
        };
        Some(Eta { to: told.at, to_local: to.wall(), source: Some("dhl_express".to_owned()), ..Eta::default() })
    }
}

fn area(area: Option<Node<'_>>) -> Option<Place> {
    let area = area?;
    let name = area.told(&["Description"]).map(xml::words);
    service_area(name.as_deref(), None, None, area.told(&["ServiceAreaCode"]).map(str::to_owned))
}

/// Hours may have one digit, `24:00` is the end of the day, and an odd time leaves the day.
fn clock(day: &str, time: Option<&str>) -> Option<Sent> {
    let date = times::iso(day)?;
    let Some(time) = time else { return Some(date) };
    let time = if time.as_bytes().get(1) == Some(&b':') { format!("0{time}") } else { time.to_owned() };
    if matches!(time.as_str(), "24:00" | "24:00:00") {
        let local = date.local.tomorrow().ok()?;
        return Some(Sent { local, precision: TimePrecision::Minute, ..date });
    }
    times::iso(&format!("{day}T{time}")).or(Some(date))
}

/// The time in one spelling; as sent where it cannot be read, or only its day: it still tells two happenings apart.
fn time_key(scan: &Node<'_>, sent: Option<&Sent>) -> String {
    let [day, time] = ["Date", "Time"].map(|name| scan.told(&[name]).unwrap_or_default());
    match sent {
        Some(sent) if sent.precision != TimePrecision::Date || time.is_empty() => sent.digits(),
        _ => format!("{day} {time}").trim().to_owned(),
    }
}

fn measures(facts: Node<'_>) -> Option<Measures> {
    let unit = match facts.told(&["WeightUnit"]) {
        Some("K" | "KG") => Some("kg"),
        Some("L" | "LB") => Some("lb"),
        Some("G") => Some("g"),
        _ => None,
    };
    let weight = facts.told(&["Weight"]).and_then(Amount::parse).filter(|_| unit.is_some());
    let measures = Measures {
        weight,
        weight_unit: unit.filter(|_| weight.is_some()).map(str::to_owned),
        pieces: facts.told(&["Pieces"]).and_then(|n| n.parse().ok()).filter(|n| *n > 0),
        ..Measures::default()
    };
    (measures != Measures::default()).then_some(measures)
}
