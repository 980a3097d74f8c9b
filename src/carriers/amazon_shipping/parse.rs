//! The push and the tracking answer of Amazon Shipping, read into happenings.

use jiff::tz::Offset;
use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text, Texts};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage, own};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Partner, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{ExceptionReason, Leg, Milestone, TimeSource};

/// Webhooks about other things (one-time passwords, instructions asked for) come in the same envelope.
const ABOUT_TRACKING: &str = "Tracking Detail";

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default, bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    id: Text<'a>,
    detail_type: Text<'a>,
    detail: Object<Answer<'a>>,
    payload: Object<Answer<'a>>,
}

/// The payload of an answer, with its history; the detail of a push, with a history or with one event.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    tracking_id: Text<'a>,
    alternate_leg_tracking_id: Text<'a>,
    event_history: Objects<Occurrence<'a>>,
    event_code: Text<'a>,
    event_time: Text<'a>,
    location: Object<Location<'a>>,
    shipment_type: Text<'a>,
    promised_delivery_date: Text<'a>,
    tracking_detail_codes: Object<Details<'a>>,
    summary: Object<Summary<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Occurrence<'a> {
    event_code: Text<'a>,
    event_time: Text<'a>,
    location: Object<Location<'a>>,
    shipment_type: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    city: Text<'a>,
    state_or_region: Text<'a>,
    country_code: Text<'a>,
    postal_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Summary<'a> {
    status: Text<'a>,
    tracking_detail_codes: Object<Details<'a>>,
    proof_of_delivery: Object<Proof<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Details<'a> {
    forward: Texts<'a>,
    returns: Texts<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Proof<'a> {
    received_by: Text<'a>,
    #[serde(rename = "deliveryImageURL")]
    delivery_image_url: Text<'a>,
    delivery_location_coordinates: Object<Coordinates<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Coordinates<'a> {
    latitude: Text<'a>,
    longitude: Text<'a>,
}

/// Reads a push or an answer, with its envelope or without.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let text = json::object_text(message, settings)?;
    let envelope: Envelope<'_> = json::read(text)?;
    if envelope.detail_type.get().is_some_and(|kind| kind != ABOUT_TRACKING) {
        return Err(json::not_tracking("a push about something other than tracking"));
    }
    let reader = Reader { message, settings, table };
    let Some(inner) = envelope.detail.0.as_ref().or(envelope.payload.0.as_ref()) else {
        return reader.answer(&json::read(text)?);
    };
    let mut events = reader.answer(inner)?;
    if envelope.detail.0.is_some() {
        for event in &mut events {
            event.source_event_id = envelope.id.owned();
        }
    }
    Ok(events)
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn answer(&self, answer: &Answer<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        if answer.event_history.0.len() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let status = answer.summary.0.as_ref().and_then(|s| s.status.get());
        let pushed = answer.event_code.get().is_some();
        if answer.event_history.0.is_empty() && !pushed && status.is_none() {
            return Err(json::not_tracking("neither an event nor a status"));
        }
        let numbers = &[answer.tracking_id.get()];
        let shipment = Shipment::new(self.message, ("amazon_shipping", MAPPING_VERSION), "amazon_shipping".into(), numbers)?;
        let history = answer.event_history.0.iter();
        let mut events: Vec<_> =
            history.map(|e| self.event(&shipment, &e.event_code, &e.event_time, &e.location, &e.shipment_type)).collect();
        match status {
            _ if !events.is_empty() => {}
            _ if pushed => {
                let (code, time) = (&answer.event_code, &answer.event_time);
                events.push(self.event(&shipment, code, time, &answer.location, &answer.shipment_type));
            }
            // After 45 days the history is gone and the last status is all there is.
            Some(status) => events.push(self.status(&shipment, status)),
            None => {}
        }
        self.facts(&mut events, answer);
        Ok(events)
    }

    fn event(
        &self,
        shipment: &Shipment<'_>,
        code: &Text<'_>,
        time: &Text<'_>,
        location: &Object<Location<'_>>,
        shipment_type: &Text<'_>,
    ) -> ShipmentEvent {
        let leg = leg(shipment_type);
        let place = location.0.as_ref().and_then(place);
        let sent = time.get().and_then(times::iso);
        let told = sent.as_ref().map(|s| self.told(s, place.as_ref()));
        let happening = Happening {
            raw_code: RawCode { kind: shipment_type.owned(), code: code.owned(), sub_code: None },
            identity: (None, code.code(0).map(|c| c.into_owned())),
            time_key: sent.zip(told.as_ref()).map(|(s, t)| own::time_key(shipment.carrier(), &s, t)).unwrap_or_default(),
            told,
            description: None,
            place,
        };
        let meaning = self.table.get(leg.as_str(), code.get().unwrap_or_default(), "");
        let mut event = shipment.event(happening, meaning.unwrap_or(Meaning::UNKNOWN));
        if leg == Leg::Return {
            event.leg = Leg::Return;
        }
        event
    }

    fn status(&self, shipment: &Shipment<'_>, status: &str) -> ShipmentEvent {
        let happening = Happening {
            raw_code: RawCode { kind: Some("status".to_owned()), code: Some(status.to_owned()), sub_code: None },
            identity: (Some("status".to_owned()), Some(status.to_ascii_uppercase())),
            ..Happening::default()
        };
        shipment.event(happening, self.table.get("status", status, "").unwrap_or(Meaning::UNKNOWN))
    }

    /// Amazon's `Z` is what it says.
    fn told(&self, sent: &Sent, place: Option<&Place>) -> Told {
        match sent.suffix {
            Suffix::Numeric(offset) => Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset),
            Suffix::Zulu => Told::with_offset(sent.local, Offset::UTC, sent.precision, TimeSource::CarrierOffset),
            Suffix::None => times::by_zone(sent, place, self.settings),
        }
    }

    /// What is true of the parcel now goes to its newest event; proof of delivery to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], answer: &Answer<'_>) {
        let proof = answer.summary.0.as_ref().and_then(|s| s.proof_of_delivery.0.as_ref()).and_then(proof);
        if let (Some(proof), Some(event)) = (proof, event::newest(events, false, |e| e.milestone == Milestone::Delivered)) {
            event.pod = Some(proof);
        }
        let Some(event) = event::newest(events, false, |_| true) else { return };
        if event.leg == Leg::Forward && event.milestone != Milestone::Delivered {
            event.eta = self.eta(&answer.promised_delivery_date);
        }
        event.partner = answer
            .alternate_leg_tracking_id
            .owned()
            .map(|number| Partner { carrier: Some("amazon_shipping".to_owned()), tracking_number: Some(number) });
        let inner = answer.summary.0.as_ref().and_then(|s| s.tracking_detail_codes.0.as_ref());
        if let Some(details) = answer.tracking_detail_codes.0.as_ref().or(inner) {
            self.details(event, if event.leg == Leg::Return { &details.returns } else { &details.forward });
        }
    }

    /// Detail codes speak of the parcel as it stands. What they say of a delivery belongs to a delivery only, and a
    /// reason to something that went wrong only; of a delivery just damage.
    fn details(&self, event: &mut ShipmentEvent, codes: &Texts<'_>) {
        let codes: Vec<&str> = codes.0.iter().filter_map(Text::get).collect();
        if codes.is_empty() {
            return;
        }
        event.raw_code.sub_code = Some(codes.join(","));
        let known = || codes.iter().filter_map(|code| self.table.get("detail", code, ""));
        match event.milestone {
            Milestone::Delivered => {
                event.sub_status = known().find_map(|m| m.sub_status).or(event.sub_status);
                event.exception_reason = known().find_map(|m| m.reason.filter(|r| *r == ExceptionReason::ParcelDamaged));
            }
            Milestone::DeliveryAttempted | Milestone::Exception | Milestone::Returning => {
                event.exception_reason = known().find_map(|m| m.reason).or(event.exception_reason);
            }
            _ => {}
        }
        event.fault = event.exception_reason.map(|r| r.usual_fault());
        event.action_required = event.exception_reason.is_some_and(|r| r.needs_person());
    }

    fn eta(&self, promised: &Text<'_>) -> Option<Eta> {
        let to = promised.get().and_then(times::iso)?;
        let source = Some("amazon_shipping".to_owned());
        Some(Eta { to: self.told(&to, None).at, to_local: to.wall(), source, ..Eta::default() })
    }
}

fn leg(shipment_type: &Text<'_>) -> Leg {
    match shipment_type.code(0).as_deref() {
        Some("RETURNS" | "RETURN" | "REVERSE") => Leg::Return,
        _ => Leg::Forward,
    }
}

fn place(location: &Location<'_>) -> Option<Place> {
    let state = location.state_or_region.owned();
    event::place(location.city.owned(), state, location.postal_code.owned(), location.country_code.get(), None)
}

fn proof(proof: &Proof<'_>) -> Option<ProofOfDelivery> {
    let at = proof.delivery_location_coordinates.0.as_ref();
    let degrees = |text: &Text<'_>, max: f64| text.get().and_then(|t| t.parse::<f64>().ok()).filter(|d| d.abs() <= max);
    let pod = ProofOfDelivery {
        signed_by: proof.received_by.owned(),
        photo_ref: proof.delivery_image_url.owned(),
        latitude: at.and_then(|c| degrees(&c.latitude, 90.0)),
        longitude: at.and_then(|c| degrees(&c.longitude, 180.0)),
        ..ProofOfDelivery::default()
    };
    (pod != ProofOfDelivery::default()).then_some(pod)
}
