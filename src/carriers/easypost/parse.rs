//! EasyPost's tracker, alone or inside an event, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage, names, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Measures, Partner, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Actor, Leg, Milestone};

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Event<'a> {
    object: Text<'a>,
    id: Text<'a>,
    description: Text<'a>,
    previous_attributes: Object<Previous<'a>>,
    result: Object<Tracker<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Previous<'a> {
    est_delivery_date: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Tracker<'a> {
    object: Text<'a>,
    tracking_code: Text<'a>,
    carrier: Text<'a>,
    status: Text<'a>,
    status_detail: Text<'a>,
    signed_by: Text<'a>,
    weight: Text<'a>,
    est_delivery_date: Text<'a>,
    is_return: Text<'a>,
    tracking_details: Objects<History<'a>>,
    carrier_detail: Object<CarrierDetail<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct History<'a> {
    message: Text<'a>,
    status: Text<'a>,
    status_detail: Text<'a>,
    datetime: Text<'a>,
    source: Text<'a>,
    carrier_code: Text<'a>,
    tracking_location: Object<Location<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    city: Text<'a>,
    state: Text<'a>,
    country: Text<'a>,
    zip: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct CarrierDetail<'a> {
    est_delivery_date_local: Text<'a>,
    est_delivery_time_local: Text<'a>,
    alternate_identifier: Text<'a>,
}

/// Reads an event, or a tracker as the API answers with it.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let text = json::object_text(message, settings)?;
    let event: Event<'_> = json::read(text)?;
    let reader = Reader { message, settings, table };
    let Some(description) = event.description.get() else {
        let tracker: Tracker<'_> = json::read(text)?;
        if !is_tracker(&tracker) || event.object.get() == Some("Event") {
            return Err(json::not_tracking("neither a tracker event nor a tracker"));
        }
        return reader.tracker(&tracker);
    };
    if !description.starts_with("tracker.") {
        return Err(json::not_tracking("an event about something other than a tracker"));
    }
    let tracker = event.result.0.as_ref().ok_or_else(|| json::missing("result"))?;
    if tracker.object.get().is_some_and(|o| o != "Tracker") {
        return Err(json::not_tracking("a tracker event without a tracker"));
    }
    let mut events = reader.tracker(tracker)?;
    if let Some(previous) = event.previous_attributes.0.as_ref().and_then(|p| p.est_delivery_date.get().and_then(times::iso_day_or_time)) {
        events.extend(reader.eta_changed(tracker, &previous)?);
    }
    for told in &mut events {
        told.source_event_id = event.id.owned();
    }
    Ok(events)
}

fn is_tracker(tracker: &Tracker<'_>) -> bool {
    match tracker.object.get() {
        Some(object) => object == "Tracker",
        None => tracker.tracking_code.get().is_some(),
    }
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn shipment(&self, tracker: &Tracker<'_>) -> Result<Shipment<'_>, Park> {
        let number = &[tracker.tracking_code.get()];
        let mut shipment = Shipment::new(self.message, ("easypost", MAPPING_VERSION), names::carrier(tracker.carrier.get()), number)?;
        if tracker.is_return.get() == Some("true") {
            shipment.leg = Leg::Return;
        }
        Ok(shipment)
    }

    fn tracker(&self, tracker: &Tracker<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        if tracker.tracking_details.0.len() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let shipment = self.shipment(tracker)?;
        let told = |d: &&History<'_>| d.status.get().is_some() || d.message.get().is_some();
        let mut events: Vec<_> = tracker.tracking_details.0.iter().filter(told).map(|d| self.detail(&shipment, tracker, d)).collect();
        if events.is_empty() {
            let status = tracker.status.get().ok_or_else(|| json::missing("tracking_details"))?;
            let raw_code = RawCode { kind: None, code: Some(status.to_owned()), sub_code: None };
            let meaning = self.meaning(&tracker.status, &tracker.status_detail).of_return_label(shipment.leg == Leg::Return);
            events.push(shipment.status(raw_code, (String::new(), None), meaning));
        }
        event::settle_returns(&mut events, false);
        self.facts(&mut events, tracker);
        Ok(events)
    }

    fn detail(&self, shipment: &Shipment<'_>, tracker: &Tracker<'_>, detail: &History<'_>) -> ShipmentEvent {
        let place = detail
            .tracking_location
            .0
            .as_ref()
            .and_then(|l| event::place(l.city.owned(), l.state.owned(), l.zip.owned(), l.country.get(), None));
        let sent = detail.datetime.get().and_then(times::iso);
        // With the carrier's own code the happening has the identity that the carrier's own source gives it.
        let identity = match detail.carrier_code.code(0) {
            Some(code) => (None, Some(code.into_owned())),
            None => (detail.status.owned(), event::coarse(detail.status_detail.get(), detail.message.get())),
        };
        let told = sent.as_ref().map(|s| times::by_offset_or_zone(s, place.as_ref(), self.settings));
        let happening = Happening {
            raw_code: RawCode { kind: None, code: detail.status.owned(), sub_code: detail.carrier_code.owned() },
            identity,
            time_key: sent.zip(told.as_ref()).map(|(s, t)| own::time_key(shipment.carrier(), &s, t)).unwrap_or_default(),
            told,
            description: detail.message.owned(),
            place,
        };
        let meaning = self.meaning(&detail.status, &detail.status_detail);
        let meaning = own::worded(shipment.carrier(), detail.carrier_code.code(2).as_deref(), detail.message.get(), meaning);
        let mut event = shipment.event(happening, meaning.of_return_label(shipment.leg == Leg::Return));
        let source = detail.source.get().map(|_| names::carrier(detail.source.get()));
        if let Some(partner) = source.filter(|s| tracker.carrier.get().is_some() && *s != event.carrier) {
            event.actor = event.actor.map(|_| Actor::Partner);
            event.partner = Some(Partner { carrier: Some(partner.into_owned()), tracking_number: None });
        }
        event
    }

    /// The status says where the parcel stands; with a detail that the table knows beside it, it says more.
    fn meaning(&self, status: &Text<'_>, detail: &Text<'_>) -> Meaning {
        let status = status.get().unwrap_or_default();
        let exact = detail.get().and_then(|d| self.table.get(status, d, ""));
        exact.or_else(|| self.table.get(status, "-", "")).unwrap_or(Meaning::UNKNOWN)
    }

    fn eta_changed(&self, tracker: &Tracker<'_>, previous: &Sent) -> Result<Option<ShipmentEvent>, Park> {
        let Some(mut eta) = self.eta(tracker) else { return Ok(None) };
        eta.previous_local = previous.wall();
        Ok(self.shipment(tracker)?.eta_changed("est_delivery_date", eta))
    }

    /// What is true of the parcel now goes to its newest event; the signature to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], tracker: &Tracker<'_>) {
        if let Some(signed_by) = tracker.signed_by.owned()
            && let Some(event) = event::newest(events, false, |e| e.milestone == Milestone::Delivered)
        {
            event.pod = Some(ProofOfDelivery { signed_by: Some(signed_by), ..ProofOfDelivery::default() });
        }
        let Some(event) = event::newest(events, false, |_| true) else { return };
        if event::is_under_way(event) {
            event.eta = self.eta(tracker);
        }
        event.measures = tracker.weight.get().and_then(Amount::parse).map(|weight| Measures {
            weight: Some(weight),
            weight_unit: Some("oz".to_owned()),
            ..Measures::default()
        });
        let alternate = tracker.carrier_detail.0.as_ref().and_then(|c| c.alternate_identifier.owned());
        if let Some(number) = alternate {
            event.partner.get_or_insert_default().tracking_number = Some(number);
        }
    }

    fn eta(&self, tracker: &Tracker<'_>) -> Option<Eta> {
        let local = tracker.carrier_detail.0.as_ref().and_then(|c| {
            let day = c.est_delivery_date_local.get()?;
            let timed = c.est_delivery_time_local.get().and_then(|time| times::iso(&format!("{day}T{time}")));
            timed.or_else(|| times::iso(day))
        });
        let to = local.or_else(|| tracker.est_delivery_date.get().and_then(times::iso_day_or_time))?;
        let source = Some("easypost".to_owned());
        Some(Eta { to: times::by_offset_or_zone(&to, None, self.settings).at, to_local: to.wall(), source, ..Eta::default() })
    }
}
