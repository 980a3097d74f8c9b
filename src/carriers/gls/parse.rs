//! The tracking answer of GLS, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Objects, Text};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Place, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision};

/// Handed over to a ParcelShop, where the recipient has yet to collect it.
const AT_SHOP: &str = "DELIVEREDPS";

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    parcels: Objects<Parcel<'a>>,
}

/// The newer answer says `unitno` and `statusDateTime`, the older one `trackid` and `timestamp`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Parcel<'a> {
    unitno: Text<'a>,
    trackid: Text<'a>,
    requested: Text<'a>,
    status: Text<'a>,
    status_date_time: Text<'a>,
    timestamp: Text<'a>,
    events: Objects<Movement<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Movement<'a> {
    code: Text<'a>,
    description: Text<'a>,
    event_date_time: Text<'a>,
    timestamp: Text<'a>,
    city: Text<'a>,
    location: Text<'a>,
    postal_code: Text<'a>,
    country: Text<'a>,
}

/// Reads an answer.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    if body.parcels.0.iter().map(|p| p.events.0.len() + 1).sum::<usize>() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let reader = Reader { message, settings, table };
    of_all(body.parcels.0.iter(), |parcel| reader.parcel(parcel), || json::not_tracking("no parcel with an event or a status"))
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn parcel(&self, parcel: &Parcel<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let status = parcel.status.code(0);
        if parcel.events.0.is_empty() && status.is_none() {
            return Ok(Vec::new());
        }
        let numbers = &[parcel.unitno.get(), parcel.trackid.get(), parcel.requested.get()];
        let shipment = Shipment::new(self.message, ("gls", MAPPING_VERSION), "gls".into(), numbers)?;
        let status_sent = sent(&parcel.status_date_time, &parcel.timestamp);
        let mut events = Vec::with_capacity(parcel.events.0.len() + 1);
        let mut told = false;
        for movement in &parcel.events.0 {
            let sent = sent(&movement.event_date_time, &movement.timestamp);
            // An event of the very moment of the status is what the status speaks of; of no other event does it say anything.
            let same = sent.is_some_and(|sent| status_sent.is_some_and(|status| at_once(&sent, &status)));
            told |= same;
            events.push(self.movement(&shipment, movement, sent.as_ref(), status.as_deref().filter(|_| same)));
        }
        if let Some(status) = status.as_ref().filter(|_| !told && (status_sent.is_some() || events.is_empty())) {
            let about = event::newest(&mut events, true, |_| true).map(|e| e.dedup_key.clone());
            events.insert(0, self.status(&shipment, status, status_sent.as_ref(), about));
        }
        settle(&mut events, status.as_deref() == Some(AT_SHOP));
        Ok(events)
    }

    fn movement(&self, shipment: &Shipment<'_>, movement: &Movement<'_>, sent: Option<&Sent>, status: Option<&str>) -> ShipmentEvent {
        let code = movement.code.code(0);
        let city = movement.city.owned().or_else(|| movement.location.owned());
        let place = event::place(city, None, movement.postal_code.owned(), movement.country.get(), None);
        let told = sent.map(|s| self.told(s, place.as_ref()));
        let happening = Happening {
            raw_code: RawCode { kind: None, code: movement.code.owned(), sub_code: None },
            identity: (None, code.clone().map(|c| c.into_owned())),
            time_key: sent.zip(told.as_ref()).map(|(s, t)| own::time_key(shipment.carrier(), s, t)).unwrap_or_default(),
            told,
            description: movement.description.owned(),
            place,
        };
        shipment.event(happening, self.meaning(code.as_deref().unwrap_or_default(), status))
    }

    /// The status as an event of its own: the newest happening, where the list of events does not have it yet.
    /// It counts once for each newest event: whether the status or the answer has its time is nowhere said.
    fn status(&self, shipment: &Shipment<'_>, status: &str, sent: Option<&Sent>, about: Option<String>) -> ShipmentEvent {
        let happening = Happening {
            raw_code: RawCode { kind: Some("status".to_owned()), code: Some(status.to_owned()), sub_code: None },
            identity: (Some("status".to_owned()), Some(status.to_owned())),
            time_key: about.or_else(|| Some(day(sent?))).unwrap_or_default(),
            told: sent.map(|s| self.told(s, None)),
            ..Happening::default()
        };
        shipment.event(happening, self.table.get("status", status, "").unwrap_or(Meaning::UNKNOWN))
    }

    /// A code is a group and a detail. A detail that is new to us means what its group means; of a group that is new as well, or
    /// that says delivered (which may be at a shop), the status of that moment knows better.
    fn meaning(&self, code: &str, status: Option<&str>) -> Meaning {
        let (group, detail) = code.split_once('.').unwrap_or((code, ""));
        let exact = if detail.is_empty() { None } else { self.table.get("event", group, detail) };
        let by_group = self.table.get("event", group, "");
        let by_status = || self.table.get("status", status?, "").filter(|_| by_group.is_none_or(|m| m.milestone == Milestone::Delivered));
        exact.or_else(by_status).or(by_group).unwrap_or(Meaning::UNKNOWN)
    }

    fn told(&self, sent: &Sent, place: Option<&Place>) -> Told {
        times::by_sent_offset_or_zone(sent, place, self.settings)
    }
}

/// What one event cannot know: handing over ends a return where the parcel was on its way back before, and it is neither while the parcel
/// waits at a shop. Events stand with the newest first, which counts where times do not.
fn settle(events: &mut [ShipmentEvent], at_shop: bool) {
    event::settle_returns(events, true);
    for event in events.iter_mut().filter(|_| at_shop) {
        event.milestone = match event.milestone {
            Milestone::Delivered => Milestone::AvailableForPickup,
            Milestone::Returned => Milestone::Returning,
            other => other,
        };
    }
}

/// The day, in UTC where that is known.
fn day(sent: &Sent) -> String {
    Sent { local: sent.utc().unwrap_or(sent.local), precision: TimePrecision::Date, ..*sent }.digits()
}

/// Whether two times are one moment, whichever offsets stand beside them.
fn at_once(one: &Sent, other: &Sent) -> bool {
    one == other || one.utc().is_some_and(|utc| other.utc() == Some(utc))
}

fn sent(newer: &Text<'_>, older: &Text<'_>) -> Option<Sent> {
    newer.get().or_else(|| older.get()).and_then(times::iso)
}
