//! The scans of Delhivery, pushed or answered, read into happenings.

use jiff::tz::Offset;
use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{CashOnDelivery, Eta, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Leg, Milestone, TimePrecision, TimeSource};

/// India has one time and no daylight saving; Delhivery sends its wall clock with nothing behind it. Seconds east.
const INDIA: i32 = (5 * 60 + 30) * 60;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    shipment: Object<Parcel<'a>>,
    shipment_data: Objects<Answered<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct Answered<'a> {
    shipment: Object<Parcel<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct Parcel<'a> {
    #[serde(rename = "AWB")]
    awb: Text<'a>,
    #[serde(rename = "NSLCode")]
    nsl_code: Text<'a>,
    status: Object<Latest<'a>>,
    scans: Objects<Scan<'a>>,
    #[serde(rename = "CODAmount")]
    cod_amount: Text<'a>,
    expected_delivery_date: Text<'a>,
    promised_delivery_date: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct Latest<'a> {
    status: Text<'a>,
    status_type: Text<'a>,
    status_date_time: Text<'a>,
    status_location: Text<'a>,
    /// The answer's name of the NSL code.
    status_code: Text<'a>,
    instructions: Text<'a>,
    #[serde(rename = "RecievedBy")]
    received_by: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    scan_detail: Object<ScanDetail<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
struct ScanDetail<'a> {
    scan: Text<'a>,
    scan_type: Text<'a>,
    scan_date_time: Text<'a>,
    status_date_time: Text<'a>,
    scanned_location: Text<'a>,
    status_code: Text<'a>,
    instructions: Text<'a>,
}

/// One scan, whichever way it came.
struct Sighting<'a> {
    kind: &'a Text<'a>,
    status: &'a Text<'a>,
    nsl: &'a Text<'a>,
    time: Option<&'a str>,
    location: &'a Text<'a>,
    words: &'a Text<'a>,
}

impl Sighting<'_> {
    /// A scan without type and status says nothing.
    fn tells(&self) -> bool {
        self.kind.get().is_some() || self.status.get().is_some()
    }

    /// Whether both are of one moment (where both have one) and say the same, by the NSL code or by type and status.
    fn is(&self, other: &Self) -> bool {
        let time = |s: &Self| s.time.and_then(times::iso).map(|t| t.digits());
        let same_time = time(self).zip(time(other)).is_none_or(|(one, two)| one == two);
        let same_status = self.kind.code(0) == other.kind.code(0) && self.status.code(0) == other.status.code(0);
        let same_nsl = self.nsl.get().is_some() && self.nsl.code(0) == other.nsl.code(0);
        same_time && (same_status || same_nsl)
    }
}

/// The row for all NSL codes of a list: why a courier came back with it (`EOD-`), what the network does (`X-`, told by the
/// status alone), and all others.
fn reason_list(nsl: &str) -> &'static str {
    match nsl.split('-').next() {
        Some("EOD") => "EOD-*",
        Some("X") => "",
        _ => "*",
    }
}

/// Reads a push, a list of pushes or an answer.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let bodies: Objects<Body<'_>> = json::read(json::objects_text(message, settings)?)?;
    let pushed = bodies.0.iter().filter_map(|b| b.shipment.0.as_ref());
    let answered = bodies.0.iter().flat_map(|b| &b.shipment_data.0).filter_map(|a| a.shipment.0.as_ref());
    let parcels: Vec<&Parcel<'_>> = pushed.chain(answered).collect();
    if parcels.iter().map(|p| p.scans.0.len() + 1).sum::<usize>() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let reader = Reader { message, settings, table };
    of_all(parcels.into_iter(), |parcel| reader.parcel(parcel), || json::not_tracking("neither a scan nor a tracking answer"))
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn parcel(&self, parcel: &Parcel<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let numbers = &[parcel.awb.get()];
        let shipment = Shipment::new(self.message, ("delhivery", MAPPING_VERSION), "delhivery".into(), numbers)?;
        let details = parcel.scans.0.iter().filter_map(|s| s.scan_detail.0.as_ref());
        let scans: Vec<_> = details.map(of_scan).filter(Sighting::tells).collect();
        let mut events: Vec<_> = scans.iter().map(|scan| self.event(&shipment, scan)).collect();
        // The scans may end before the status, which is then the newest happening.
        let status = parcel.status.0.as_ref().map(|status| of_status(status, &parcel.nsl_code)).filter(Sighting::tells);
        if let Some(status) = status.filter(|status| !scans.iter().any(|scan| scan.is(status))) {
            events.push(self.event(&shipment, &status));
        }
        if events.is_empty() {
            return Err(json::missing("Status"));
        }
        self.facts(&mut events, parcel);
        Ok(events)
    }

    fn event(&self, shipment: &Shipment<'_>, scan: &Sighting<'_>) -> ShipmentEvent {
        let (kind, status, nsl) = (scan.kind.code(0), scan.status.code(0), scan.nsl.code(0));
        let sent = scan.time.and_then(times::iso);
        // The NSL code names the scan, also where an aggregator passes it on.
        let identity = match &nsl {
            Some(nsl) => (None, Some(nsl.clone().into_owned())),
            None => (kind.clone().map(|k| k.into_owned()), status.clone().map(|s| s.into_owned())),
        };
        let happening = Happening {
            raw_code: RawCode { kind: scan.kind.owned(), code: scan.status.owned(), sub_code: scan.nsl.owned() },
            identity,
            time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
            told: sent.as_ref().map(|s| self.told(s)),
            description: scan.words.owned(),
            // A facility with its state or city in brackets, in no fixed form.
            place: event::place(None, None, None, None, scan.location.owned()),
        };
        let (kind, status) = (kind.unwrap_or_default(), status.unwrap_or_default());
        let exact = nsl.as_deref().and_then(|nsl| self.table.get(&kind, &status, nsl));
        let by_reason = || self.table.get(&kind, &status, reason_list(nsl.as_deref()?));
        let meaning = exact.or_else(by_reason).or_else(|| self.table.get(&kind, &status, "")).unwrap_or(Meaning::UNKNOWN);
        let mut event = shipment.event(happening, meaning);
        if matches!(kind.as_ref(), "RT" | "PP" | "PU") {
            event.leg = Leg::Return;
        }
        event
    }

    fn told(&self, sent: &Sent) -> Told {
        match (sent.suffix, &self.settings.account_zone) {
            _ if sent.precision == TimePrecision::Date => Told::date(sent.local.date()),
            (Suffix::Numeric(offset), _) if offset.seconds() != 0 => {
                Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset)
            }
            (_, Some(zone)) => Told::in_zone(sent.local, zone, sent.precision, TimeSource::AccountZone),
            (_, None) => match Offset::from_seconds(INDIA) {
                Ok(india) => Told::with_offset(sent.local, india, sent.precision, TimeSource::Assumed),
                Err(_) => Told::local_only(sent.local, sent.precision),
            },
        }
    }

    /// What is true of the parcel now goes to its newest event; who received it to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], parcel: &Parcel<'_>) {
        let received_by = parcel.status.0.as_ref().and_then(|s| s.received_by.owned());
        if let (Some(_), Some(event)) = (&received_by, event::newest(events, false, |e| e.milestone == Milestone::Delivered)) {
            event.pod = Some(ProofOfDelivery { signed_by: received_by, ..ProofOfDelivery::default() });
        }
        let Some(event) = event::newest(events, false, |_| true) else { return };
        event.cod = cod(parcel, event.milestone == Milestone::Delivered);
        if event.milestone != Milestone::Delivered && event.leg == Leg::Forward {
            event.eta = self.eta(parcel);
        }
    }

    fn eta(&self, parcel: &Parcel<'_>) -> Option<Eta> {
        let dates = [&parcel.expected_delivery_date, &parcel.promised_delivery_date];
        let mut to = dates.into_iter().find_map(|date| date.get().and_then(times::iso))?;
        if to.local.time() == jiff::civil::Time::midnight() {
            to.precision = TimePrecision::Date;
        }
        Some(Eta { to: self.told(&to).at, to_local: to.wall(), source: Some("delhivery".to_owned()), ..Eta::default() })
    }
}

fn of_scan<'a>(detail: &'a ScanDetail<'a>) -> Sighting<'a> {
    Sighting {
        kind: &detail.scan_type,
        status: &detail.scan,
        nsl: &detail.status_code,
        time: detail.status_date_time.get().or_else(|| detail.scan_date_time.get()),
        location: &detail.scanned_location,
        words: &detail.instructions,
    }
}

fn of_status<'a>(status: &'a Latest<'a>, nsl_code: &'a Text<'a>) -> Sighting<'a> {
    Sighting {
        kind: &status.status_type,
        status: &status.status,
        nsl: if nsl_code.get().is_some() { nsl_code } else { &status.status_code },
        time: status.status_date_time.get(),
        location: &status.status_location,
        words: &status.instructions,
    }
}

/// Nothing to collect is no cash on delivery. The courier hands over against the money, so a delivery has it.
fn cod(parcel: &Parcel<'_>, collected: bool) -> Option<CashOnDelivery> {
    let amount = Amount::parse(parcel.cod_amount.get()?).filter(|a| *a > Amount::default())?;
    Some(CashOnDelivery { amount, currency: "INR".to_owned(), collected })
}
