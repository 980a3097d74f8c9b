//! Shippo's track, alone or inside an event, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage, names, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, RawCode, ShipmentEvent};
use crate::domain::verdict::Park;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    event: Text<'a>,
    data: Object<Track<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Track<'a> {
    tracking_number: Text<'a>,
    carrier: Text<'a>,
    eta: Text<'a>,
    original_eta: Text<'a>,
    tracking_status: Object<Entry<'a>>,
    tracking_history: Objects<Entry<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Entry<'a> {
    object_id: Text<'a>,
    status: Text<'a>,
    substatus: Object<Substatus<'a>>,
    status_date: Text<'a>,
    status_details: Text<'a>,
    location: Object<Location<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Substatus<'a> {
    code: Text<'a>,
    action_required: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    city: Text<'a>,
    state: Text<'a>,
    zip: Text<'a>,
    country: Text<'a>,
}

impl Track<'_> {
    fn has_status(&self) -> bool {
        self.tracking_status.0.is_some() || !self.tracking_history.0.is_empty()
    }
}

/// Reads an event, or a track as the API answers with it.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let text = json::object_text(message, settings)?;
    let hook: Hook<'_> = json::read(text)?;
    let reader = Reader { message, settings, table };
    match hook.event.get() {
        Some("track_updated") => reader.track(hook.data.0.as_ref().ok_or_else(|| json::missing("data"))?),
        Some(_) => Err(json::not_tracking("an event about something other than a track")),
        None => {
            let track: Track<'_> = json::read(text)?;
            if !track.has_status() {
                return Err(json::not_tracking("neither a track event nor a track"));
            }
            reader.track(&track)
        }
    }
}

/// Beginning of the numbers of Shippo's made-up parcels, which are delivered within minutes. The flag `test` of a push says less: it is
/// also set where a real parcel is followed with a key for tests.
const MADE_UP: &str = "SHIPPO_";

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn track(&self, track: &Track<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        if track.tracking_history.0.len() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        if track.tracking_number.get().is_some_and(|number| number.starts_with(MADE_UP)) {
            return Err(json::not_tracking("a made-up parcel of Shippo"));
        }
        let carrier = names::carrier(track.carrier.get());
        let shipment = Shipment::new(self.message, ("shippo", MAPPING_VERSION), carrier, &[track.tracking_number.get()])?;
        let told = |e: &&Entry<'_>| e.status.get().is_some() || e.status_details.get().is_some();
        let mut events: Vec<_> = track.tracking_history.0.iter().filter(told).map(|e| self.happening(&shipment, e)).collect();
        if let Some(current) = track.tracking_status.0.as_ref().filter(told) {
            let current = self.happening(&shipment, current);
            // The newest entry of the history, as a rule.
            if events.iter().all(|e| e.dedup_key != current.dedup_key) {
                events.push(current);
            }
        }
        if events.is_empty() {
            return Err(json::missing("tracking_status"));
        }
        event::settle_returns(&mut events, false);
        self.expected(&shipment, &mut events, track);
        Ok(events)
    }

    fn happening(&self, shipment: &Shipment<'_>, entry: &Entry<'_>) -> ShipmentEvent {
        let place = entry.location.0.as_ref();
        let place = place.and_then(|l| event::place(l.city.owned(), l.state.owned(), l.zip.owned(), l.country.get(), None));
        let sent = entry.status_date.get().and_then(times::iso_day_or_time);
        let none = Text::default();
        let substatus = entry.substatus.0.as_ref();
        let sub_code = substatus.map_or(&none, |s| &s.code);
        let happening = Happening {
            raw_code: RawCode { kind: None, code: entry.status.owned(), sub_code: sub_code.owned() },
            // Shippo keeps the carrier's own code to itself.
            identity: (entry.status.owned(), event::coarse(sub_code.get(), entry.status_details.get())),
            time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
            told: sent.as_ref().map(|s| times::by_offset_or_zone(s, place.as_ref(), self.settings)),
            description: entry.status_details.owned(),
            place,
        };
        let meaning = own::worded(shipment.carrier(), None, entry.status_details.get(), self.meaning(&entry.status, sub_code));
        let mut event = shipment.event(happening, meaning);
        event.source_event_id = entry.object_id.owned();
        event.action_required |= substatus.is_some_and(|s| s.action_required.get() == Some("true"));
        event
    }

    /// The status says where the parcel stands; with a substatus that the table knows beside it, it says more.
    fn meaning(&self, status: &Text<'_>, sub_code: &Text<'_>) -> Meaning {
        let status = status.get().unwrap_or_default();
        let exact = sub_code.get().and_then(|s| self.table.get(status, s, ""));
        exact.or_else(|| self.table.get(status, "-", "")).unwrap_or(Meaning::UNKNOWN)
    }

    /// What is expected now goes to the newest event, and no longer is once that is a delivery.
    fn expected(&self, shipment: &Shipment<'_>, events: &mut Vec<ShipmentEvent>, track: &Track<'_>) {
        let Some(to) = track.eta.get().and_then(times::iso_day_or_time) else { return };
        let Some(newest) = event::newest(events, false, |_| true).filter(|e| event::is_under_way(e)) else { return };
        let before = track.original_eta.get().and_then(times::iso_day_or_time);
        let mut eta = Eta {
            to: times::by_offset_or_zone(&to, None, self.settings).at,
            to_local: to.wall(),
            source: Some("shippo".to_owned()),
            ..Eta::default()
        };
        newest.eta = Some(eta.clone());
        if let Some(before) = before {
            eta.previous_local = before.wall();
            events.extend(shipment.eta_changed("eta", eta));
        }
    }
}
