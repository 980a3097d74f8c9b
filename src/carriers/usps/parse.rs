//! The tracking answer of USPS and its push, read into happenings.

use jiff::tz::Offset;
use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision, TimeSource};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    tracking_number: Text<'a>,
    tracking_events: Objects<Scan<'a>>,
    /// Set where a push has its event beside the number; the rest of it is read as a [`Scan`].
    event_code: Text<'a>,
    status: Text<'a>,
    status_category: Text<'a>,
    expected_delivery_date: Text<'a>,
    predicted_delivery_date: Text<'a>,
    delivery_date_expectation: Object<Expectation<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    event_type: Text<'a>,
    event_timestamp: Text<'a>,
    #[serde(rename = "GMTTimestamp")]
    gmt_timestamp: Text<'a>,
    #[serde(rename = "GMTOffset")]
    gmt_offset: Text<'a>,
    event_country: Text<'a>,
    event_city: Text<'a>,
    event_state: Text<'a>,
    #[serde(rename = "eventZIP")]
    event_zip: Text<'a>,
    name: Text<'a>,
    authorized_agent: Text<'a>,
    event_code: Text<'a>,
    action_code: Text<'a>,
    reason_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Expectation<'a> {
    expected_delivery_date: Text<'a>,
    predicted_delivery_date: Text<'a>,
}

/// Reads an answer, a list of them, or a push.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let text = json::objects_text(message, settings)?;
    let answers: Objects<Answer<'_>> = json::read(text)?;
    if answers.0.iter().map(|a| a.tracking_events.0.len().max(1)).sum::<usize>() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let pushed = answers.0.iter().any(|a| a.tracking_events.0.is_empty() && a.event_code.get().is_some());
    let scans: Objects<Scan<'_>> = if pushed { json::read(text)? } else { Objects::default() };
    let reader = Reader { message, settings, table };
    let read = |(at, answer): (usize, &Answer<'_>)| {
        let beside = scans.0.get(at..=at).unwrap_or_default();
        let told = if answer.tracking_events.0.is_empty() && answer.event_code.get().is_some() {
            beside
        } else {
            answer.tracking_events.0.as_slice()
        };
        reader.answer(answer, told)
    };
    of_all(answers.0.iter().enumerate(), read, || match answers.0.as_slice() {
        [answer] if answer.tracking_number.get().is_some() => json::missing("trackingEvents"),
        _ => json::not_tracking("neither a tracking answer nor a tracking event"),
    })
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn answer(&self, answer: &Answer<'_>, scans: &[Scan<'_>]) -> Result<Vec<ShipmentEvent>, Park> {
        if scans.is_empty() && answer.status_category.get().is_none() {
            return Ok(Vec::new());
        }
        let numbers = &[answer.tracking_number.get()];
        let shipment = Shipment::new(self.message, ("usps", MAPPING_VERSION), "usps".into(), numbers)?;
        let mut events: Vec<_> = scans.iter().map(|scan| self.scan(&shipment, scan)).collect();
        event::settle_returns(&mut events, true);
        let summary = self.summary(&shipment, answer, &mut events);
        events.extend(summary);
        if let Some(event) = event::newest(&mut events, true, |_| true)
            && event::is_under_way(event)
        {
            event.eta = self.eta(answer);
        }
        Ok(events)
    }

    /// The status of the parcel sums up its events and is none: but where there are no events, and where the newest has a code
    /// that nobody knows and none says the same. Then it is about that one.
    fn summary(&self, shipment: &Shipment<'_>, answer: &Answer<'_>, events: &mut [ShipmentEvent]) -> Option<ShipmentEvent> {
        let category = answer.status_category.code(0)?;
        let known = self.table.get("status", &category, "");
        let known = known.map(|meaning| own::worded("usps", None, answer.status.get(), meaning));
        let newest = event::newest(events, true, |_| true).cloned();
        if let Some(newest) = &newest
            && (newest.milestone != Milestone::Unknown || known.is_none_or(|meaning| event::is_told(events, meaning)))
        {
            return None;
        }
        let (time_key, told) = newest.as_ref().map(event::time_of).unwrap_or_default();
        let happening = Happening {
            raw_code: RawCode { kind: Some("status".to_owned()), code: answer.status_category.owned(), sub_code: None },
            identity: (Some("status".to_owned()), Some(category.into_owned())),
            description: answer.status.owned(),
            time_key,
            told,
            place: newest.and_then(|n| n.place),
        };
        Some(shipment.event(happening, known.unwrap_or(Meaning::UNKNOWN)))
    }

    fn scan(&self, shipment: &Shipment<'_>, scan: &Scan<'_>) -> ShipmentEvent {
        let code = scan.event_code.code(2);
        let words = scan.event_type.get();
        let code_text = code.as_deref().unwrap_or_default();
        let meaning = self.table.get("event", code_text, "").unwrap_or(Meaning::UNKNOWN);
        // One code for every delivery: the words say where, and are one of a few fixed phrases.
        let meaning = if code_text == "01" { own::worded("usps", None, words, meaning) } else { meaning };
        let place = place(scan);
        let (time_key, told) = self.time(scan, place.as_ref());
        let sub_code = scan.reason_code.owned().or_else(|| scan.action_code.owned());
        let happening = Happening {
            raw_code: RawCode { kind: None, code: scan.event_code.owned(), sub_code },
            identity: (None, code.map(|c| c.into_owned())),
            time_key,
            told,
            description: scan.event_type.owned(),
            place,
        };
        let mut event = shipment.event(happening, meaning);
        if event.milestone == Milestone::Delivered {
            event.pod = pod(scan, words.and_then(super::delivered_to));
        }
        event
    }

    /// The wall clock is told to the minute, the GMT field to the second. A label behind the wall clock says nothing.
    fn time(&self, scan: &Scan<'_>, place: Option<&Place>) -> (String, Option<Told>) {
        let offset = scan.gmt_offset.get().and_then(times::offset);
        let gmt = scan.gmt_timestamp.get().and_then(times::iso).filter(is_gmt);
        let local = scan.event_timestamp.get().and_then(times::iso).or_else(|| wall_clock(gmt.as_ref()?, offset?));
        match (local, gmt) {
            (Some(local), gmt) => (to_the_minute(&local).digits(), Some(self.told(&local, gmt, offset, place))),
            (None, Some(gmt)) => {
                let mut told = Told::with_gmt(gmt.local, gmt.local, gmt.precision);
                (told.local, told.offset_minutes) = (None, None);
                (format!("gmt{}", gmt.digits()), Some(told))
            }
            (None, None) => (String::new(), None),
        }
    }

    fn told(&self, local: &Sent, gmt: Option<Sent>, offset: Option<Offset>, place: Option<&Place>) -> Told {
        if local.precision == TimePrecision::Date {
            return Told::date(local.local.date());
        }
        if let Some(told) = gmt.and_then(|gmt| with_gmt(local, &gmt, offset)) {
            return told;
        }
        match offset {
            Some(offset) => Told::with_offset(local.local, offset, local.precision, TimeSource::CarrierOffset),
            None => times::by_zone(local, place, self.settings),
        }
    }

    fn eta(&self, answer: &Answer<'_>) -> Option<Eta> {
        let none = Expectation::default();
        let inner = answer.delivery_date_expectation.0.as_ref().unwrap_or(&none);
        let dates = [
            &answer.predicted_delivery_date,
            &inner.predicted_delivery_date,
            &answer.expected_delivery_date,
            &inner.expected_delivery_date,
        ];
        let to = dates.into_iter().find_map(|date| date.get().and_then(times::iso))?;
        let source = Some("usps".to_owned());
        Some(Eta { to: times::by_zone(&to, None, self.settings).at, to_local: to.wall(), source, ..Eta::default() })
    }
}

fn is_gmt(sent: &Sent) -> bool {
    sent.precision != TimePrecision::Date
        && match sent.suffix {
            Suffix::Numeric(offset) => offset.seconds() == 0,
            Suffix::None | Suffix::Zulu => true,
        }
}

/// The wall clock as it would have been sent, where it is missing or has no date.
fn wall_clock(gmt: &Sent, offset: Offset) -> Option<Sent> {
    let moment = Offset::UTC.to_timestamp(gmt.local).ok()?;
    let local = offset.to_datetime(moment);
    Some(to_the_minute(&Sent { local, precision: TimePrecision::Second, suffix: Suffix::None }))
}

/// A push that tells the seconds tells the same happening as an answer that does not.
fn to_the_minute(sent: &Sent) -> Sent {
    Sent { local: sent.local.with().second(0).build().unwrap_or(sent.local), ..*sent }
}

/// Nothing where the GMT field contradicts the offset: then it holds something else, mostly the wall clock again.
fn with_gmt(local: &Sent, gmt: &Sent, offset: Option<Offset>) -> Option<Told> {
    let minute = gmt.local.with().second(local.local.second()).build().ok()?;
    let mut told = Told::with_gmt(local.local, minute, local.precision);
    let minutes = told.offset_minutes.filter(|m| m.abs() <= times::OFFSET_MINUTES_MAX)?;
    if offset.is_some_and(|o| (o.seconds() / 60 - minutes).abs() > 1) {
        return None;
    }
    told.offset_minutes = Some(offset.map_or(minutes, |o| o.seconds() / 60));
    told.at = Offset::UTC.to_timestamp(gmt.local).ok().map(|t| t.as_microsecond());
    Some(told)
}

/// A country is told of places abroad only.
fn place(scan: &Scan<'_>) -> Option<Place> {
    let country = scan.event_country.get().or_else(|| scan.event_state.get().map(|_| "US"));
    event::place(scan.event_city.owned(), scan.event_state.owned(), scan.event_zip.owned(), country, None)
}

fn pod(scan: &Scan<'_>, delivered_to: Option<&str>) -> Option<ProofOfDelivery> {
    let pod = ProofOfDelivery {
        signed_by: scan.name.owned(),
        relation: (scan.authorized_agent.get() == Some("true")).then(|| "authorized agent".to_owned()),
        delivered_to: delivered_to.map(str::to_owned),
        ..ProofOfDelivery::default()
    };
    (pod != ProofOfDelivery::default()).then_some(pod)
}
