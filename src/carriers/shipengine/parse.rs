//! ShipEngine's tracking, alone or inside a push, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::times;
use super::super::{DialectSettings, RawMessage, names, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision, TimeSource};

/// A moment in UTC further from the wall clock than this belongs to something else, minutes.
const UTC_DISTANCE_MAX: i32 = 14 * 60;

/// ShipEngine's own statuses, which it also puts where the carrier's code belongs.
const STATUSES: &[&str] = &["AC", "IT", "DE", "EX", "AT", "NY", "UN", "SP"];

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Push<'a> {
    resource_type: Text<'a>,
    resource_url: Text<'a>,
    data: Object<Parcel<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Parcel<'a> {
    tracking_number: Text<'a>,
    carrier_code: Text<'a>,
    status_code: Text<'a>,
    status_detail_code: Text<'a>,
    estimated_delivery_date: Text<'a>,
    actual_delivery_date: Text<'a>,
    events: Objects<Scan<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    occurred_at: Text<'a>,
    carrier_occurred_at: Text<'a>,
    /// The name of `occurred_at` until 2019.
    event_date: Text<'a>,
    description: Text<'a>,
    city_locality: Text<'a>,
    state_province: Text<'a>,
    postal_code: Text<'a>,
    country_code: Text<'a>,
    signer: Text<'a>,
    event_code: Text<'a>,
    carrier_detail_code: Text<'a>,
    status_code: Text<'a>,
    status_detail_code: Text<'a>,
    proof_of_delivery_url: Text<'a>,
    latitude: Text<'a>,
    longitude: Text<'a>,
}

/// Reads a push, or a tracking as the API answers with it.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let text = json::object_text(message, settings)?;
    let push: Push<'_> = json::read(text)?;
    let reader = Reader { message, settings, table };
    match push.resource_type.get() {
        Some("API_TRACK") => {
            // Some pushes say only where the tracking is to be fetched.
            let tracking = push.data.0.as_ref().ok_or_else(|| json::missing("data"))?;
            reader.tracking(tracking, tracking.carrier_code.get().or_else(|| push.resource_url.get().and_then(carrier_of)))
        }
        Some(_) => Err(json::not_tracking("a push about something other than a tracking")),
        None => {
            let tracking: Parcel<'_> = json::read(text)?;
            if tracking.status_code.get().is_none() && tracking.events.0.is_empty() {
                return Err(json::not_tracking("neither a push nor a tracking"));
            }
            reader.tracking(&tracking, tracking.carrier_code.get())
        }
    }
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn tracking(&self, tracking: &Parcel<'_>, carrier: Option<&str>) -> Result<Vec<ShipmentEvent>, Park> {
        if tracking.events.0.len() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let number = &[tracking.tracking_number.get()];
        let shipment = Shipment::new(self.message, ("shipengine", MAPPING_VERSION), names::carrier(carrier), number)?;
        let told = |s: &&Scan<'_>| [&s.status_code, &s.event_code, &s.description].iter().any(|t| t.get().is_some());
        let mut events: Vec<_> = tracking.events.0.iter().filter(told).map(|s| self.scan(&shipment, s)).collect();
        event::settle_returns(&mut events, true);
        let head = self.head(&shipment, &mut events, tracking);
        events.extend(head);
        if events.is_empty() {
            return Err(json::missing("status_code"));
        }
        let delivered = events.iter().any(|e| matches!(e.milestone, Milestone::Delivered | Milestone::Returned));
        if let Some(event) = event::newest(&mut events, true, |_| !delivered) {
            event.eta = self.eta(tracking);
        }
        Ok(events)
    }

    fn scan(&self, shipment: &Shipment<'_>, scan: &Scan<'_>) -> ShipmentEvent {
        let carrier = shipment.carrier();
        // A code that is the status over again, or stands for it, is ShipEngine's and none of the carrier.
        let status = scan.status_code.get();
        let letters = scan.event_code.get().filter(|c| STATUSES.contains(c) && status.is_none_or(|s| s == *c));
        let (general, special) = (scan.event_code.get().filter(|_| letters.is_none()), scan.carrier_detail_code.get());
        let place = place(scan);
        let (time_key, told) = self.time(carrier, scan, place.as_ref());
        let word = scan.status_detail_code.get().or_else(|| scan.status_code.get());
        let raw_code = match word {
            Some(word) => RawCode { kind: None, code: Some(word.to_owned()), sub_code: scan.event_code.owned() },
            None => RawCode { kind: Some("event_code".to_owned()), code: scan.event_code.owned(), sub_code: special.map(str::to_owned) },
        };
        // The older bodies have no code at all: then it is the words alone.
        let words = scan.description.get();
        let identity = own::identity(carrier, general, special)
            .or_else(|| word.or(letters).map(|w| (Some("shipengine".to_owned()), event::coarse(Some(w), words))))
            .unwrap_or_else(|| (Some("description".to_owned()), event::coarse(None, words)));
        let own = own::meaning(carrier, general, special).or_else(|| self.of_letters(carrier, letters.filter(|_| status.is_none())?));
        let meaning = self.meaning(&scan.status_detail_code, &scan.status_code, own);
        let meaning = own::worded(carrier, general, scan.description.get(), meaning);
        let happening = Happening { raw_code, identity, time_key, told, description: scan.description.owned(), place };
        let mut event = shipment.event(happening, meaning);
        if event.milestone == Milestone::Delivered {
            let pod = ProofOfDelivery {
                signed_by: scan.signer.owned(),
                photo_ref: scan.proof_of_delivery_url.owned(),
                ..ProofOfDelivery::default()
            };
            event.pod = (pod != ProofOfDelivery::default()).then_some(pod);
        }
        event
    }

    /// ShipEngine's status in the place of a code. Where the carrier has the same letters for something else (`DE` of FedEx is
    /// no delivery) nobody knows whose they are.
    fn of_letters(&self, carrier: &str, letters: &str) -> Option<Meaning> {
        let meaning = self.table.get("status", letters, "")?;
        let other = own::meaning(carrier, Some(letters), None).is_some_and(|own| own.milestone != meaning.milestone);
        (!other).then_some(meaning)
    }

    /// The detail says most, then the carrier's own code, then the status, which makes labels accepted and pickup points
    /// delivered. Of a delivery the carrier's code is not believed where the status says another thing: half of it may be missing.
    fn meaning(&self, detail: &Text<'_>, status: &Text<'_>, own: Option<Meaning>) -> Meaning {
        let known = |kind: &str, code: &Text<'_>| self.table.get(kind, code.get()?, "");
        let status = known("status", status);
        let delivered = |m: &Meaning| m.milestone == Milestone::Delivered;
        let own = own.filter(|own| !delivered(own) || status.as_ref().is_none_or(delivered));
        known("detail", detail).or(own).or(status).unwrap_or(Meaning::UNKNOWN)
    }

    /// The status of the parcel is an event of its own where none of the scans says it: it never colours a scan.
    fn head(&self, shipment: &Shipment<'_>, events: &mut [ShipmentEvent], tracking: &Parcel<'_>) -> Option<ShipmentEvent> {
        let code = tracking.status_code.owned()?;
        let meaning = self.meaning(&tracking.status_detail_code, &tracking.status_code, None);
        let newest = event::newest(events, true, |_| true).cloned();
        let words = newest.as_ref().and_then(|n| n.raw_description.as_deref());
        let meaning = own::worded(shipment.carrier(), None, words, meaning);
        // A delivery that no scan tells is newer than the turn that one does.
        let meaning = meaning.of_return_label(events.iter().any(|e| e.milestone == Milestone::Returning));
        if event::is_told(events, meaning) {
            return None;
        }
        let day = tracking.actual_delivery_date.get().filter(|_| meaning.milestone == Milestone::Delivered);
        let sent = day.and_then(times::iso_day_or_time);
        // Else it is about the newest scan, and counts once for each.
        let time = match &sent {
            Some(sent) => (sent.digits(), Some(times::by_offset_or_zone(sent, None, self.settings))),
            None => newest.as_ref().map(event::time_of).unwrap_or_default(),
        };
        let raw_code = RawCode { kind: None, code: Some(code), sub_code: tracking.status_detail_code.owned() };
        Some(shipment.status(raw_code, time, meaning))
    }

    /// `occurred_at` has a `Z` and is often the wall clock all the same: alone, or equal to the carrier's wall clock, it is
    /// not believed. Where the two differ their distance is the offset, unless the zone of the place says another.
    fn time(&self, carrier: &str, scan: &Scan<'_>, place: Option<&Place>) -> (String, Option<Told>) {
        let sent = |text: &Text<'_>| text.get().and_then(times::iso);
        let utc = sent(&scan.occurred_at).or_else(|| sent(&scan.event_date));
        let mut wall = [&scan.carrier_occurred_at, &scan.occurred_at, &scan.event_date].into_iter().filter_map(Text::get);
        // The clock stays in the key, as the carrier's own source may really have seen midnight.
        let both = |text: &str| Some((times::iso(text)?, times::iso_day_or_time(text)?));
        let Some((clock, local)) = wall.find_map(both) else { return (String::new(), None) };
        let by_zone = times::by_offset_or_zone(&local, place, self.settings);
        let by_utc = utc.filter(|u| u.local != local.local && local.precision != TimePrecision::Date);
        let by_utc = by_utc.map(|u| Told::with_gmt(local.local, u.local, local.precision)).filter(|told| {
            let possible = told.offset_minutes.is_some_and(|m| m.abs() <= UTC_DISTANCE_MAX && m % 15 == 0);
            possible
                && match by_zone.source {
                    Some(TimeSource::CarrierOffset) => false,
                    Some(TimeSource::LocationZone) => by_zone.at == told.at,
                    _ => true,
                }
        });
        let told = by_utc.unwrap_or(by_zone);
        (own::time_key(carrier, &clock, &told), Some(told))
    }

    fn eta(&self, tracking: &Parcel<'_>) -> Option<Eta> {
        let to = tracking.estimated_delivery_date.get().and_then(times::iso_day_or_time)?;
        let at = times::by_offset_or_zone(&to, None, self.settings).at;
        Some(Eta { to: at, to_local: to.wall(), source: Some("shipengine".to_owned()), ..Eta::default() })
    }
}

/// The carrier of `…/tracking?carrier_code=ups&tracking_number=…` or `…/tracking/ups/…`.
fn carrier_of(url: &str) -> Option<&str> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let named = query.split('&').find_map(|pair| pair.strip_prefix("carrier_code="));
    let after = || path.split_once("/tracking/")?.1.split('/').next();
    named.or_else(after).filter(|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

fn place(scan: &Scan<'_>) -> Option<Place> {
    let (city, state) = (scan.city_locality.owned(), scan.state_province.owned());
    let place = event::place(city, state, scan.postal_code.owned(), scan.country_code.get(), None);
    let degrees = |text: &Text<'_>, max: f64| text.get().and_then(|t| t.parse().ok()).filter(|d: &f64| d.abs() <= max);
    let Some((latitude, longitude)) = degrees(&scan.latitude, 90.0).zip(degrees(&scan.longitude, 180.0)) else { return place };
    Some(Place { latitude: Some(latitude), longitude: Some(longitude), ..place.unwrap_or_default() })
}
