//! 17TRACK's push and answer, read into happenings.

use jiff::tz::Offset;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Text};
use super::super::names;
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use super::body::{Body, Data, Estimate, Event, Misc, RawTime, Teller, TrackInfo};
use crate::domain::event::{Eta, Label, Measures, Partner, Place, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Actor, Milestone, TimePrecision, TimeSource};

/// Keys of the aggregator's list of carriers that stand alone where a push names no provider.
const CARRIER_KEYS: &[(&str, &str)] = &[("21051", "usps"), ("100001", "dhl_express"), ("100002", "ups"), ("100003", "fedex")];

/// Reads a push, or an answer of the API.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let reader = Reader { message, settings, table };
    let data = || body.data.0.as_ref().ok_or_else(|| json::missing("data"));
    match body.event.get() {
        Some("TRACKING_UPDATED") => {
            let data = data()?;
            reader.all(std::iter::once((&data.number, &data.carrier, data.track_info.0.as_ref())))
        }
        Some("TRACKING_STOPPED") => reader.stopped(data()?).map(|event| vec![event].into()),
        Some(_) => Err(json::not_tracking("an event about something other than a parcel on its way")),
        None if body.code.get().is_some() => {
            let told = body.data.0.as_ref().map(|d| d.accepted.0.as_slice()).unwrap_or_default();
            if told.is_empty() {
                return Err(json::not_tracking("the answer has no parcel"));
            }
            reader.all(told.iter().map(|p| (&p.number, &p.carrier, p.track_info.0.as_ref())))
        }
        None => Err(json::not_tracking("neither a push nor an answer")),
    }
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

/// Number, key of the carrier, and what is told of one parcel.
type OneParcel<'b, 'a> = (&'b Text<'a>, &'b Text<'a>, Option<&'b TrackInfo<'a>>);

impl Reader<'_> {
    fn all<'b, 'a: 'b>(&self, parcels: impl Iterator<Item = OneParcel<'b, 'a>> + Clone) -> Result<Parsed, Park> {
        let count = |info: &TrackInfo<'_>| providers(info).iter().map(|p| p.events.0.len()).sum::<usize>().max(1);
        if parcels.clone().filter_map(|(.., info)| info).map(count).sum::<usize>() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let parcel = |(number, key, info): OneParcel<'_, '_>| self.parcel(number, key, info.ok_or_else(|| json::missing("track_info"))?);
        of_all(parcels, parcel, || json::not_tracking("no parcel with an event or a status"))
    }

    fn shipment(&self, number: &Text<'_>, carrier: Label) -> Result<Shipment<'_>, Park> {
        Shipment::new(self.message, ("17track", MAPPING_VERSION), carrier, &[number.get()])
    }

    /// The carrier whose key the parcel has, else the first that tells something.
    fn parcel(&self, number: &Text<'_>, key: &Text<'_>, info: &TrackInfo<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let told = providers(info);
        let named = |p: &&Teller<'_>| p.provider.0.as_ref().is_some_and(|p| p.key.get().is_some() && p.key.get() == key.get());
        let main = told.iter().find(named).or_else(|| told.first());
        let shipment = self.shipment(number, main.and_then(carrier_of).or_else(|| by_key(key)).unwrap_or_else(|| names::carrier(None)))?;
        let mut events = Vec::new();
        for provider in told {
            let carrier = carrier_of(provider);
            for event in provider.events.0.iter().filter(|e| e.description.get().is_some() || code_of(e).is_some()) {
                events.push(self.event(&shipment, event, carrier.as_ref()));
            }
        }
        self.latest(&shipment, &mut events, info)?;
        self.facts(&mut events, info);
        Ok(events)
    }

    fn event(&self, shipment: &Shipment<'_>, event: &Event<'_>, carrier: Option<&Label>) -> ShipmentEvent {
        let place = place(event);
        let (time_key, told) = self.time(event, place.as_ref());
        let code = code_of(event);
        let happening = Happening {
            raw_code: RawCode { kind: None, code: code.map(str::to_owned), sub_code: None },
            // The stage comes and goes with the aggregator's understanding: the carrier's words stay.
            identity: (Some("17track".to_owned()), event.description.get().or(code).map(str::to_uppercase)),
            time_key,
            told,
            description: event.description.owned(),
            place,
        };
        let mut told = shipment.event(happening, self.meaning(code));
        if let Some(partner) = carrier.filter(|c| **c != told.carrier) {
            told.actor = told.actor.map(|_| Actor::Partner);
            told.partner = Some(Partner { carrier: Some(partner.clone().into_owned()), tracking_number: None });
        }
        told
    }

    /// Most scans have neither stage nor sub-status: they are kept and move nothing.
    fn meaning(&self, code: Option<&str>) -> Meaning {
        let Some(code) = code else { return Meaning { milestone: Milestone::Info, ..Meaning::UNKNOWN } };
        self.table.get("status", code, "").unwrap_or(Meaning::UNKNOWN)
    }

    /// The latest status sums up the events and is no event. It is one where there are none, where it says that there is no
    /// more news, and where no event has a code of the same milestone: if the newest has no code, or if it is a status that
    /// ends or stops the way. However often it is told with newer scans it is one happening, and another after a return; no
    /// more news than a newer scan is another silence. What can happen again (an attempt, another tour) does so once for each newest
    /// event that has a code: two attempts without one are two where a code stands between them.
    fn latest(&self, shipment: &Shipment<'_>, events: &mut Vec<ShipmentEvent>, info: &TrackInfo<'_>) -> Result<(), Park> {
        let code = info.latest_status.0.as_ref().and_then(|s| s.sub_status.get().or_else(|| s.status.get()));
        let newest = event::newest(events, true, |_| true).cloned();
        let (code, meaning) = match (code, &newest) {
            (None, None) => return Err(json::missing("latest_status")),
            (None, Some(_)) => return Ok(()),
            (Some(code), None) if code.starts_with("NotFound") => return Err(json::not_tracking("nothing found")),
            (Some(code), _) => (code, self.meaning(Some(code))),
        };
        let recurs = matches!(meaning.milestone, Milestone::DeliveryAttempted | Milestone::OutForDelivery);
        let standing = event::newest(events, true, |e| recurs && !matches!(e.milestone, Milestone::Info | Milestone::Unknown)).cloned();
        let same =
            |e: &ShipmentEvent| e.milestone == meaning.milestone && (meaning.reason.is_none() || e.exception_reason == meaning.reason);
        if let Some(newest) = &newest {
            let told = if recurs { standing.as_ref().is_some_and(same) } else { events.iter().any(same) };
            let told = told || meaning.milestone == Milestone::Unknown;
            if told || newest.raw_code.code.is_some() && !weighs(meaning.milestone) {
                return Ok(());
            }
        }
        let expired = meaning.milestone == Milestone::Expired;
        let back = events.iter().any(|e| matches!(e.milestone, Milestone::Returning | Milestone::Returned));
        let happening = Happening {
            raw_code: RawCode { kind: Some("latest_status".to_owned()), code: Some(code.to_owned()), sub_code: None },
            identity: (Some("17track latest_status".to_owned()), Some(code.to_owned())),
            time_key: match (&standing, back) {
                _ if expired => newest.as_ref().and_then(|n| n.occurred_local.clone()).unwrap_or_default(),
                (Some(standing), _) => standing.dedup_key.clone(),
                (None, true) => "back".to_owned(),
                (None, false) => String::new(),
            },
            told: if expired { None } else { self.reached(info, meaning, recurs) },
            ..Happening::default()
        };
        let timed = happening.told.is_some();
        let mut event = shipment.event(happening, meaning);
        // The place is not part of what it is: it would change with every scan.
        if let Some(newest) = newest.filter(|_| !expired && !timed) {
            (event.occurred_at, event.occurred_local, event.offset_minutes) =
                (newest.occurred_at, newest.occurred_local, newest.offset_minutes);
            (event.time_precision, event.time_source, event.place) = (newest.time_precision, newest.time_source, newest.place);
        }
        events.push(event);
        Ok(())
    }

    /// When the parcel came to the latest status: the time of its stage, which may be that of the first time, else of the latest event.
    fn reached(&self, info: &TrackInfo<'_>, meaning: Meaning, recurs: bool) -> Option<Told> {
        let means = |key: &str| !recurs && self.table.get("status", key, "") == Some(meaning);
        let stages = info.milestone.0.iter().filter(|s| s.key.get().is_some_and(means));
        let latest = info.latest_event.0.as_ref();
        let mut told = stages.filter_map(|s| self.clock(&s.time_iso, &s.time_utc, &s.time_raw, None).1);
        told.next_back().or_else(|| latest.and_then(|e| self.time(e, place(e).as_ref()).1))
    }

    /// The number of the push without any history. Whose parcel it was is told by key alone.
    fn stopped(&self, data: &Data<'_>) -> Result<ShipmentEvent, Park> {
        let carrier = by_key(&data.carrier).ok_or_else(|| json::not_tracking("tracking has stopped, by a carrier without a name"))?;
        let code = "TRACKING_STOPPED".to_owned();
        let happening = Happening {
            raw_code: RawCode { kind: Some("event".to_owned()), code: Some(code.clone()), sub_code: None },
            identity: (Some("17track event".to_owned()), Some(code)),
            ..Happening::default()
        };
        let meaning = self.table.get("event", "TRACKING_STOPPED", "").unwrap_or(Meaning::UNKNOWN);
        Ok(self.shipment(&data.number, carrier)?.event(happening, meaning))
    }

    fn time(&self, event: &Event<'_>, place: Option<&Place>) -> (String, Option<Told>) {
        self.clock(&event.time_iso, &event.time_utc, &event.time_raw, place)
    }

    fn clock(&self, iso: &Text<'_>, utc: &Text<'_>, raw: &Object<RawTime<'_>>, place: Option<&Place>) -> (String, Option<Told>) {
        let raw = raw.0.as_ref();
        let (day, clock) = (raw.and_then(|r| r.date.get()), raw.and_then(|r| r.time.get()));
        let by_raw = match (day, clock) {
            (Some(day), Some(clock)) => times::iso(&format!("{day}T{clock}")),
            (Some(day), None) => times::iso(day),
            (None, _) => None,
        };
        let utc = utc.get().and_then(times::iso);
        let Some(mut sent) = iso.get().and_then(times::iso).or(by_raw) else {
            let Some(utc) = utc else { return (String::new(), None) };
            return (format!("gmt{}", utc.digits()), Some(times::moment(&utc)));
        };
        if clock.is_none() && (day.is_some() || is_midnight(&sent)) {
            sent.precision = TimePrecision::Date;
        }
        // The zone stands beside the raw clock, which may be another than that of `time_iso`.
        let fits = |offset: &Offset| {
            let moment = offset.to_timestamp(sent.local).ok();
            by_raw.is_some_and(|raw| raw.local == sent.local)
                && utc.as_ref().is_none_or(|utc| Offset::UTC.to_timestamp(utc.local).ok() == moment)
        };
        let zone = raw.and_then(|r| r.timezone.get()).and_then(times::offset).filter(fits);
        if let Some(offset) = zone {
            sent.suffix = Suffix::Numeric(offset);
        }
        (sent.digits(), Some(self.told(&sent, zone.is_some(), place)))
    }

    /// An offset of nothing is believed only where the carrier itself has sent it.
    fn told(&self, sent: &Sent, by_carrier: bool, place: Option<&Place>) -> Told {
        match sent.suffix {
            Suffix::Numeric(offset) if sent.precision != TimePrecision::Date && (by_carrier || offset.seconds() != 0) => {
                Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset)
            }
            _ => times::by_zone(sent, place, self.settings),
        }
    }

    /// What is true of the parcel now goes to its newest event.
    fn facts(&self, events: &mut [ShipmentEvent], info: &TrackInfo<'_>) {
        let delivered = events.iter().any(|e| e.milestone == Milestone::Delivered);
        let Some(event) = event::newest(events, true, |_| true) else { return };
        if !delivered {
            event.eta = info.time_metrics.0.as_ref().and_then(|m| self.eta(m.estimated_delivery_date.0.as_ref()?, &event.carrier));
        }
        let Some(misc) = &info.misc_info.0 else { return };
        event.measures = measures(misc);
        if let Some(number) = misc.local_number.owned() {
            let partner = event.partner.get_or_insert_default();
            partner.tracking_number = Some(number);
            if let Some(provider) = misc.local_provider.get() {
                partner.carrier = Some(names::carrier(Some(provider)).into_owned());
            }
        }
    }

    fn eta(&self, estimate: &Estimate<'_>, carrier: &Label) -> Option<Eta> {
        let sent = |text: &Text<'_>| {
            let mut sent = text.get().and_then(times::iso)?;
            if is_midnight(&sent) {
                sent.precision = TimePrecision::Date;
            }
            Some(sent)
        };
        let (from, to) = (sent(&estimate.from), sent(&estimate.to));
        if from.is_none() && to.is_none() {
            return None;
        }
        let at = |s: &Option<Sent>| s.as_ref().and_then(|s| self.told(s, false, None).at);
        let wall = |s: &Option<Sent>| s.as_ref().and_then(Sent::wall);
        let source = if estimate.source.get() == Some("Official") { carrier.clone().into_owned() } else { "17track".to_owned() };
        Some(Eta { from: at(&from), to: at(&to), from_local: wall(&from), to_local: wall(&to), source: Some(source), previous_local: None })
    }
}

fn providers<'b, 'a>(info: &'b TrackInfo<'a>) -> &'b [Teller<'a>] {
    info.tracking.0.as_ref().map(|t| t.providers.0.as_slice()).unwrap_or_default()
}

fn carrier_of(teller: &Teller<'_>) -> Option<Label> {
    let provider = teller.provider.0.as_ref()?;
    Some(names::carrier(Some(provider.name.get().or_else(|| provider.alias.get())?)))
}

fn by_key(key: &Text<'_>) -> Option<Label> {
    let key = key.get()?;
    CARRIER_KEYS.iter().find(|(known, _)| *known == key).map(|(_, carrier)| Label::Borrowed(carrier))
}

fn code_of<'b>(event: &'b Event<'_>) -> Option<&'b str> {
    event.sub_status.get().or_else(|| event.stage.get())
}

/// What is told of the parcel as a whole even where the newest scan has a code that says something else.
fn weighs(milestone: Milestone) -> bool {
    matches!(
        milestone,
        Milestone::Returning
            | Milestone::Returned
            | Milestone::Lost
            | Milestone::Disposed
            | Milestone::Exception
            | Milestone::Delivered
            | Milestone::Expired
    )
}

fn is_midnight(sent: &Sent) -> bool {
    sent.local.time() == jiff::civil::Time::midnight()
}

/// The split address, else the place in one text.
fn place(event: &Event<'_>) -> Option<Place> {
    let split = event.address.0.as_ref();
    split
        .and_then(|a| event::place(a.city.owned(), a.state.owned(), a.postal_code.owned(), a.country.get(), None))
        .or_else(|| event::place(None, None, None, event.location.get(), None))
}

/// The weight in the carrier's unit (`49.20LBS`), else in kilograms as the aggregator has it.
fn measures(misc: &Misc<'_>) -> Option<Measures> {
    let raw = misc.weight_raw.get().and_then(|raw| {
        let at = raw.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = match raw.get(at..)?.trim().to_ascii_uppercase().as_str() {
            "LB" | "LBS" => "lb",
            "KG" | "KGS" => "kg",
            "G" => "g",
            "OZ" => "oz",
            _ => return None,
        };
        Some((Amount::parse(raw.get(..at)?)?, unit))
    });
    let weight = raw.or_else(|| Some((Amount::parse(misc.weight_kg.get()?)?, "kg")));
    let measures = Measures {
        weight: weight.map(|(weight, _)| weight),
        weight_unit: weight.map(|(_, unit)| unit.to_owned()),
        pieces: misc.pieces.get().and_then(|p| p.parse().ok()),
        ..Measures::default()
    };
    (measures != Measures::default()).then_some(measures)
}
