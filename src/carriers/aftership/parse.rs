//! AfterShip's tracking inside an event, read into happenings.
//!
//! Fields have second names: those of camel case come from relays that send the body through AfterShip's Java library.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage, countries, names, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Label, Measures, Partner, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Actor, Leg, Milestone};

/// Events that tell of a tracking.
const EVENTS: &[&str] = &["tracking_update", EDD_REVISE, "tracking_pending_time"];
/// The expected delivery has changed.
const EDD_REVISE: &str = "edd_revise";

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    event: Text<'a>,
    event_id: Text<'a>,
    msg: Object<Message<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Message<'a> {
    #[serde(alias = "trackingNumber")]
    tracking_number: Text<'a>,
    slug: Text<'a>,
    tag: Text<'a>,
    subtag: Text<'a>,
    #[serde(alias = "updatedAt")]
    updated_at: Text<'a>,
    /// Where the courier tells it: the wall clock of the delivery.
    #[serde(alias = "shipmentDeliveryDate")]
    shipment_delivery_date: Text<'a>,
    /// One of the checkpoints says that the parcel goes back, or is back.
    #[serde(alias = "returnToSender")]
    return_to_sender: Text<'a>,
    #[serde(alias = "signedBy")]
    signed_by: Text<'a>,
    #[serde(alias = "expectedDelivery")]
    expected_delivery: Text<'a>,
    courier_estimated_delivery_date: Object<Estimate<'a>>,
    first_estimated_delivery: Object<Estimate<'a>>,
    latest_estimated_delivery: Object<Estimate<'a>>,
    shipment_weight: Object<Weight<'a>>,
    checkpoints: Objects<Scan<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    slug: Text<'a>,
    tag: Text<'a>,
    subtag: Text<'a>,
    #[serde(alias = "rawTag")]
    raw_tag: Text<'a>,
    message: Text<'a>,
    #[serde(alias = "checkpointTime")]
    checkpoint_time: Text<'a>,
    city: Text<'a>,
    state: Text<'a>,
    /// Until version 2025-07.
    zip: Text<'a>,
    /// Since version 2026-01.
    #[serde(alias = "postalCode")]
    postal_code: Text<'a>,
    #[serde(alias = "countryIso3")]
    country_iso3: Text<'a>,
    /// The newer name of the same.
    #[serde(alias = "countryRegion")]
    country_region: Text<'a>,
    location: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Estimate<'a> {
    #[serde(alias = "estimated_delivery_date")]
    datetime: Text<'a>,
    #[serde(alias = "estimated_delivery_date_min")]
    datetime_min: Text<'a>,
    #[serde(alias = "estimated_delivery_date_max")]
    datetime_max: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Weight<'a> {
    value: Text<'a>,
    unit: Text<'a>,
}

/// Reads an event.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let hook: Hook<'_> = json::read(json::object_text(message, settings)?)?;
    let event = hook.event.get().filter(|e| EVENTS.contains(e)).ok_or_else(|| json::not_tracking("not an event about a tracking"))?;
    let tracking = hook.msg.0.as_ref().ok_or_else(|| json::missing("msg"))?;
    let mut events = Reader { message, settings, table }.tracking(tracking, event == EDD_REVISE)?;
    for told in &mut events {
        told.source_event_id = hook.event_id.owned();
    }
    Ok(events)
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn tracking(&self, tracking: &Message<'_>, revised: bool) -> Result<Vec<ShipmentEvent>, Park> {
        if tracking.checkpoints.0.len() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let number = &[tracking.tracking_number.get()];
        let shipment = Shipment::new(self.message, ("aftership", MAPPING_VERSION), carrier(&tracking.slug), number)?;
        let told = |c: &&Scan<'_>| c.tag.get().is_some() || c.subtag.get().is_some() || c.message.get().is_some();
        let mut events: Vec<_> = tracking.checkpoints.0.iter().filter(told).map(|c| self.checkpoint(&shipment, tracking, c)).collect();
        let head = self.meaning(&tracking.tag, &tracking.subtag);
        if tracking.is_returning() {
            turn_back(&mut events, head.milestone == Milestone::Delivered);
        }
        event::settle_returns(&mut events, false);
        facts(&mut events, tracking);
        let mut head = self.head(&shipment, &mut events, tracking, head);
        if events.is_empty() {
            events.extend(head.take());
        }
        let expected = self.expected(&shipment, &mut events, tracking, revised);
        events.extend(head);
        events.extend(expected);
        if events.is_empty() {
            return Err(json::missing("tag"));
        }
        Ok(events)
    }

    fn checkpoint(&self, shipment: &Shipment<'_>, tracking: &Message<'_>, checkpoint: &Scan<'_>) -> ShipmentEvent {
        let place = place(checkpoint);
        let sent = checkpoint.checkpoint_time.get().and_then(times::iso);
        // The clock stays in the key, as the carrier's own source may really have seen midnight.
        let day_or_time = checkpoint.checkpoint_time.get().and_then(times::iso_day_or_time);
        let told = day_or_time.map(|s| times::by_offset_or_zone(&s, place.as_ref(), self.settings));
        let code = [&checkpoint.subtag, &checkpoint.tag].into_iter().find_map(Text::owned);
        let identity = own::identity(shipment.carrier(), checkpoint.raw_tag.get(), None);
        let happening = Happening {
            raw_code: RawCode { kind: None, code, sub_code: checkpoint.raw_tag.owned() },
            identity: identity
                .unwrap_or_else(|| (checkpoint.tag.owned(), event::coarse(checkpoint.subtag.get(), checkpoint.message.get()))),
            time_key: sent.zip(told.as_ref()).map(|(s, t)| own::time_key(shipment.carrier(), &s, t)).unwrap_or_default(),
            told,
            description: checkpoint.message.owned(),
            place,
        };
        let meaning = self.meaning(&checkpoint.tag, &checkpoint.subtag);
        let meaning = own::worded(shipment.carrier(), checkpoint.raw_tag.get(), checkpoint.message.get(), meaning);
        let mut event = shipment.event(happening, meaning);
        let teller = checkpoint.slug.get().map(|_| carrier(&checkpoint.slug));
        if let Some(partner) = teller.filter(|t| tracking.slug.get().is_some() && *t != event.carrier) {
            event.actor = event.actor.map(|_| Actor::Partner);
            event.partner = Some(Partner { carrier: Some(partner.into_owned()), tracking_number: None });
        }
        event
    }

    /// The subtag says where the parcel stands; of one that the table does not know, the tag still does.
    fn meaning(&self, tag: &Text<'_>, subtag: &Text<'_>) -> Meaning {
        let exact = subtag.get().and_then(|s| self.table.get("subtag", s, ""));
        exact.or_else(|| self.table.get("tag", tag.get()?, "")).unwrap_or(Meaning::UNKNOWN)
    }

    /// What AfterShip itself has found (that nothing more came, that the parcel goes back) stands above the checkpoints and
    /// in none of them: it is an event of its own. It never colours a checkpoint.
    fn head(
        &self,
        shipment: &Shipment<'_>,
        events: &mut [ShipmentEvent],
        tracking: &Message<'_>,
        meaning: Meaning,
    ) -> Option<ShipmentEvent> {
        let code = [&tracking.subtag, &tracking.tag].into_iter().find_map(Text::owned)?;
        let newest = event::newest(events, false, |_| true).cloned();
        let meaning = if tracking.is_returning() { on_the_way_back(meaning) } else { meaning };
        let words = newest.as_ref().and_then(|n| n.raw_description.as_deref());
        let meaning = own::worded(shipment.carrier(), None, words, meaning);
        let meaning = meaning.of_return_label(events.iter().any(|e| e.milestone == Milestone::Returning));
        if event::is_told(events, meaning) {
            return None;
        }
        let told = match meaning.milestone {
            // As a number it is a wall clock of which a relay has made a moment by the zone of its own.
            Milestone::Delivered | Milestone::Returned => tracking
                .shipment_delivery_date
                .get()
                .and_then(times::iso_day_or_time)
                .map(|sent| times::by_offset_or_zone(&sent, None, self.settings)),
            _ => tracking.updated_at.get().and_then(noticed),
        };
        // AfterShip's clock moves with every change of the record: the checkpoint it is about tells one status from the next.
        let (time_key, _) = newest.as_ref().map(event::time_of).unwrap_or_default();
        let mut event = shipment.status(RawCode { kind: None, code: Some(code), sub_code: None }, (time_key, told), meaning);
        if tracking.is_returning() && meaning.milestone != Milestone::Unknown {
            event.leg = Leg::Return;
        }
        Some(event)
    }

    /// What is expected goes to the newest checkpoint, and no longer is once that is a delivery. That it has changed is an
    /// event of its own.
    fn expected(
        &self,
        shipment: &Shipment<'_>,
        events: &mut [ShipmentEvent],
        tracking: &Message<'_>,
        revised: bool,
    ) -> Option<ShipmentEvent> {
        let mut eta = self.eta(tracking)?;
        if let Some(newest) = event::newest(events, false, |_| true) {
            if !event::is_under_way(newest) {
                return None;
            }
            newest.eta = Some(eta.clone());
        }
        let first = tracking.first_estimated_delivery.0.as_ref().and_then(|e| latest(e)?.wall());
        if first.is_none() && !revised {
            return None;
        }
        // Back to what was expected first is a change as well: what was expected in between is not told.
        eta.previous_local = first.filter(|first| !revised || eta.to_local.as_ref() != Some(first));
        shipment.eta_changed(EDD_REVISE, eta)
    }

    fn eta(&self, tracking: &Message<'_>) -> Option<Eta> {
        let estimate = [&tracking.latest_estimated_delivery, &tracking.courier_estimated_delivery_date];
        let estimate = estimate.into_iter().filter_map(|e| e.0.as_ref()).find(|e| latest(e).is_some());
        let to = estimate.and_then(latest).or_else(|| tracking.expected_delivery.get().and_then(times::iso_day_or_time))?;
        let from = estimate.and_then(|e| e.datetime_min.get()).and_then(times::iso_day_or_time);
        let at = |sent: &Sent| times::by_offset_or_zone(sent, None, self.settings).at;
        Some(Eta {
            from: from.as_ref().and_then(at),
            to: at(&to),
            from_local: from.as_ref().and_then(Sent::wall),
            to_local: to.wall(),
            source: Some("aftership".to_owned()),
            previous_local: None,
        })
    }
}

impl Message<'_> {
    fn is_returning(&self) -> bool {
        self.return_to_sender.get() == Some("true")
    }
}

/// When AfterShip noticed, in UTC: no clock on a wall showed it.
fn noticed(text: &str) -> Option<Told> {
    let sent = times::iso(text).or_else(|| times::epoch(text))?;
    match sent.suffix {
        Suffix::Zulu => Some(times::moment(&sent)),
        Suffix::Numeric(offset) => {
            let at = offset.to_timestamp(sent.local).ok()?;
            Some(times::moment(&Sent { local: jiff::tz::Offset::UTC.to_datetime(at), ..sent }))
        }
        Suffix::None => None,
    }
}

/// What a status of the parcel is once it goes back.
fn on_the_way_back(meaning: Meaning) -> Meaning {
    let milestone = match meaning.milestone {
        Milestone::Delivered => return Meaning { milestone: Milestone::Returned, ..Meaning::UNKNOWN },
        Milestone::Accepted
        | Milestone::InTransit
        | Milestone::OutForDelivery
        | Milestone::AvailableForPickup
        | Milestone::DeliveryAttempted
        | Milestone::Exception => Milestone::Returning,
        other => other,
    };
    Meaning { milestone, ..meaning }
}

/// From the checkpoint on that turns the parcel back it is on its way to the sender, and its delivery ends that way. Where
/// no checkpoint with a code says so, only a status of the parcel tells that the newest delivery is that end.
fn turn_back(events: &mut [ShipmentEvent], delivered: bool) {
    let back = |e: &&ShipmentEvent| matches!(e.milestone, Milestone::Returning | Milestone::Returned);
    if !events.iter().any(|e| back(&e)) {
        if let Some(event) = event::newest(events, false, |e| delivered && e.milestone == Milestone::Delivered) {
            end_of_return(event);
        }
        return;
    }
    let Some(since) = events.iter().filter(back).filter_map(|e| e.occurred_local.clone()).min() else { return };
    // A day alone is as late as any clock of it.
    let not_before = |at: &str| at.get(..since.len().min(at.len())) >= since.get(..since.len().min(at.len()));
    for event in events.iter_mut().filter(|e| e.occurred_local.as_deref().is_some_and(not_before)) {
        event.leg = Leg::Return;
        if event.milestone == Milestone::Delivered {
            end_of_return(event);
        }
    }
}

fn end_of_return(event: &mut ShipmentEvent) {
    (event.milestone, event.sub_status, event.leg) = (Milestone::Returned, None, Leg::Return);
}

/// What is true of the parcel now goes to its newest event; the signature to the newest delivery.
fn facts(events: &mut [ShipmentEvent], tracking: &Message<'_>) {
    if let Some(signed_by) = tracking.signed_by.owned()
        && let Some(event) = event::newest(events, false, |e| e.milestone == Milestone::Delivered)
    {
        event.pod = Some(ProofOfDelivery { signed_by: Some(signed_by), ..ProofOfDelivery::default() });
    }
    if let Some(event) = event::newest(events, false, |_| true) {
        event.measures = tracking.shipment_weight.0.as_ref().and_then(measures);
    }
}

/// With AfterShip `dhl` is DHL Express; the other divisions have their own names.
fn carrier(slug: &Text<'_>) -> Label {
    match slug.get() {
        Some("dhl") => Label::Borrowed("dhl_express"),
        slug => names::carrier(slug),
    }
}

fn place(checkpoint: &Scan<'_>) -> Option<Place> {
    let country = checkpoint.country_iso3.get().or_else(|| checkpoint.country_region.get()).map(countries::alpha2);
    let postal_code = checkpoint.postal_code.owned().or_else(|| checkpoint.zip.owned());
    let place = event::place(checkpoint.city.owned(), checkpoint.state.owned(), postal_code, country, None);
    if place.as_ref().is_some_and(|p| p.city.is_some() || p.text.is_some()) {
        return place;
    }
    let location = checkpoint.location.get().and_then(without_street);
    let text = event::place(None, None, None, location, None).and_then(|p| p.text);
    text.map(|text| Place { text: Some(text), ..place.clone().unwrap_or_default() }).or(place)
}

/// Some couriers put a whole address there: what has a number in it, and what stands before that, is nobody's business.
fn without_street(location: &str) -> Option<&str> {
    let Some(at) = location.rfind(|c: char| c.is_numeric()) else { return Some(location) };
    let (_, rest) = location.get(at..)?.split_once(',')?;
    Some(rest.trim()).filter(|rest| !rest.is_empty())
}

fn latest(estimate: &Estimate<'_>) -> Option<Sent> {
    [&estimate.datetime_max, &estimate.datetime].into_iter().find_map(|t| t.get().and_then(times::iso_day_or_time))
}

/// Nothing weighs nothing: zero is how AfterShip says that it does not know.
fn measures(weight: &Weight<'_>) -> Option<Measures> {
    let unit = weight.unit.get().and_then(|u| ["kg", "g", "lb", "oz"].into_iter().find(|known| u.eq_ignore_ascii_case(known)))?;
    let weight = weight.value.get().and_then(Amount::parse).filter(|w| *w > Amount::default())?;
    Some(Measures { weight: Some(weight), weight_unit: Some(unit.to_owned()), ..Measures::default() })
}
