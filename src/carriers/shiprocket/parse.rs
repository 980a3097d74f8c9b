//! Shiprocket's tracking webhook, read into happenings.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{Happening, Shipment, newest};
use super::super::json::{self, Objects, Text};
use super::super::names;
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Leg, Milestone, TimePrecision, TimeSource};

/// `current_status_id` is not read: it counts otherwise than `shipment_status_id` (20 and 18 are both `IN TRANSIT`).
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    awb: Text<'a>,
    courier_name: Text<'a>,
    current_status: Text<'a>,
    shipment_status: Text<'a>,
    shipment_status_id: Text<'a>,
    current_timestamp: Text<'a>,
    etd: Text<'a>,
    scans: Objects<Scan<'a>>,
    is_return: Text<'a>,
    pod: Text<'a>,
    pod_status: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    date: Text<'a>,
    status: Text<'a>,
    activity: Text<'a>,
    location: Text<'a>,
    #[serde(rename = "sr-status")]
    sr_status: Text<'a>,
    #[serde(rename = "sr-status-label")]
    sr_status_label: Text<'a>,
}

/// What stands where there is nothing to tell.
const NONE: &str = "NA";
/// Longest location that is kept.
const LOCATION_BYTES_MAX: usize = 512;

/// Shiprocket writes the time of India, whatever the place, and no zone with it.
static INDIA: LazyLock<Option<TimeZone>> = LazyLock::new(|| TimeZone::get("Asia/Kolkata").ok());

/// Reads one push.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let label = label_of(&body.shipment_status).or_else(|| label_of(&body.current_status));
    if body.awb.get().is_none() && label.is_none() && body.scans.0.is_empty() {
        return Err(json::not_tracking("not a tracking push"));
    }
    if body.scans.0.len() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let carrier = names::carrier(body.courier_name.get());
    let mut shipment = Shipment::new(message, ("shiprocket", MAPPING_VERSION), carrier, &[body.awb.get()])?;
    if matches!(body.is_return.get(), Some("1" | "true")) {
        shipment.leg = Leg::Return;
    }
    let reader = Reader { settings, table };
    let told = |s: &&Scan<'_>| s.status.get().or_else(|| s.sr_status.get()).or_else(|| s.sr_status_label.get()).is_some();
    let mut events: Vec<_> = body.scans.0.iter().filter(told).map(|scan| reader.scan(&shipment, scan)).collect();
    let id = body.shipment_status_id.get();
    if (label.is_some() || id.is_some()) && !is_scanned(&body, label.as_deref()) {
        events.push(reader.current(&shipment, &body, label.as_deref()));
    }
    if events.is_empty() {
        return Err(json::missing("shipment_status"));
    }
    reader.facts(&mut events, &body);
    Ok(events)
}

struct Reader<'a> {
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn scan(&self, shipment: &Shipment<'_>, scan: &Scan<'_>) -> ShipmentEvent {
        let (label, id) = (label_of(&scan.sr_status_label), scan.sr_status.get());
        let sent = scan.date.get().and_then(sent);
        let code = id.map(str::to_owned).or_else(|| label.clone());
        // With the courier's own code the happening has the identity that the courier's own source gives it.
        let identity = match scan.status.code(0) {
            Some(own) => (None, Some(own.into_owned())),
            None => (Some("shiprocket".to_owned()), code.clone()),
        };
        let happening = Happening {
            raw_code: RawCode { kind: None, code, sub_code: scan.status.owned() },
            identity,
            time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
            told: sent.as_ref().map(|s| self.told(s)),
            description: scan.activity.owned(),
            place: place(&scan.location),
        };
        event(shipment, happening, self.meaning(label.as_deref(), id), label.as_deref())
    }

    /// The status of the push itself, where no scan has it. It counts once for the newest scan that is not newer: its own time moves
    /// with every push.
    fn current(&self, shipment: &Shipment<'_>, body: &Body<'_>, label: Option<&str>) -> ShipmentEvent {
        let id = body.shipment_status_id.get();
        let sent = body.current_timestamp.get().and_then(sent);
        let code = id.or(label).map(str::to_owned);
        let scans = body.scans.0.iter().filter_map(|scan| scan.date.get().and_then(self::sent));
        let about = scans.filter(|scan| sent.is_none_or(|sent| scan.local <= sent.local)).max_by_key(|scan| scan.local);
        let happening = Happening {
            raw_code: RawCode { kind: None, code: code.clone(), sub_code: None },
            identity: (Some("shiprocket".to_owned()), code),
            time_key: match about {
                Some(scan) => format!("after {}", scan.digits()),
                None => sent.as_ref().map(Sent::digits).unwrap_or_default(),
            },
            told: sent.as_ref().map(|s| self.told(s)),
            description: body.shipment_status.owned().or_else(|| body.current_status.owned()),
            place: None,
        };
        event(shipment, happening, self.meaning(label, id), label)
    }

    /// The label says the same in either numbering: it goes before the id, unless the id alone says that it goes back.
    fn meaning(&self, label: Option<&str>, id: Option<&str>) -> Meaning {
        let look = |code: Option<&str>| self.table.get("status", code?, "");
        let back = |m: &Meaning| matches!(m.milestone, Milestone::Returning | Milestone::Returned);
        let (by_label, by_id) = (look(label), look(id));
        by_label.filter(back).or_else(|| by_id.filter(back)).or(by_label).or(by_id).unwrap_or(Meaning::UNKNOWN)
    }

    fn told(&self, sent: &Sent) -> Told {
        match (&self.settings.account_zone, &*INDIA) {
            _ if sent.precision == TimePrecision::Date => Told::date(sent.local.date()),
            (Some(zone), _) => Told::in_zone(sent.local, zone, sent.precision, TimeSource::AccountZone),
            (None, Some(zone)) => Told::in_zone(sent.local, zone, sent.precision, TimeSource::Assumed),
            (None, None) => Told::local_only(sent.local, sent.precision),
        }
    }

    /// What is true of the parcel now goes to its newest event; proof of delivery to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], body: &Body<'_>) {
        let link = |text: &Text<'_>| text.get().filter(|t| t.starts_with("https://") || t.starts_with("http://")).map(str::to_owned);
        if let Some(photo) = link(&body.pod).or_else(|| link(&body.pod_status))
            && let Some(event) = newest(events, false, |e| e.milestone == Milestone::Delivered)
        {
            event.pod = Some(ProofOfDelivery { photo_ref: Some(photo), ..ProofOfDelivery::default() });
        }
        if events.iter().any(|e| matches!(e.milestone, Milestone::Delivered | Milestone::Returning | Milestone::Returned)) {
            return;
        }
        if let (Some(event), Some(to)) = (newest(events, false, |_| true), body.etd.get().and_then(sent)) {
            let source = Some("shiprocket".to_owned());
            event.eta = Some(Eta { to: self.told(&to).at, to_local: to.wall(), source, ..Eta::default() });
        }
    }
}

fn event(shipment: &Shipment<'_>, happening: Happening, meaning: Meaning, label: Option<&str>) -> ShipmentEvent {
    let mut event = shipment.event(happening, meaning.of_return_label(shipment.leg == Leg::Return));
    event.attempt_no = match label {
        Some("UNDELIVERED 1ST ATTEMPT") => Some(1),
        Some("UNDELIVERED 2ND ATTEMPT") => Some(2),
        Some("UNDELIVERED 3RD ATTEMPT") => Some(3),
        _ => None,
    };
    event
}

/// Whether a scan has the status of the push: one of the same label or id that is the newest, or not older than the status.
/// An older one is another happening: the second attempt, not the first.
fn is_scanned(body: &Body<'_>, label: Option<&str>) -> bool {
    let at = |scan: &Scan<'_>| scan.date.get().and_then(sent).map(|s| s.local);
    let id = body.shipment_status_id.get();
    let same = |s: &&Scan<'_>| label_of(&s.sr_status_label).is_some_and(|l| Some(&*l) == label) || id.is_some() && s.sr_status.get() == id;
    let with_status = |s: &&Scan<'_>| label_of(&s.sr_status_label).is_some() || s.sr_status.get().is_some_and(|id| id != NONE);
    let newest = body.scans.0.iter().filter(with_status).filter_map(at).max();
    let since = body.current_timestamp.get().and_then(sent).map(|s| s.local);
    body.scans.0.iter().filter(same).any(|scan| match (at(scan), since) {
        (Some(at), Some(since)) => at >= since || Some(at) == newest,
        _ => true,
    })
}

/// Both spellings stand in one body: `2026-11-20 09:15:30` and `20 11 2026 09:15:30`.
fn sent(text: &str) -> Option<Sent> {
    times::iso(text).or_else(|| times::day_first(text))
}

/// A label in one spelling: `RTO_NDR`, `RTO-NDR` and `Rto Ndr` are one. `NA` is none.
fn label_of(text: &Text<'_>) -> Option<String> {
    let words = text.get()?.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-')).filter(|w| !w.is_empty());
    let label = words.map(str::to_uppercase).collect::<Vec<_>>().join(" ");
    (label != NONE).then_some(label)
}

/// Locations are free text, in which a code of two letters is a state of India and not a country.
fn place(location: &Text<'_>) -> Option<Place> {
    let text = location.get().filter(|t| t.len() <= LOCATION_BYTES_MAX && !t.eq_ignore_ascii_case(NONE))?;
    Some(Place { text: Some(text.to_owned()), ..Place::default() })
}
