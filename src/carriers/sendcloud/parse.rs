//! Sendcloud's two pushes, read into one happening each.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Text};
use super::super::names;
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{Measures, Place, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Actor, ExceptionReason, Fault, Leg, Milestone, TimePrecision, TimeSource};

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    action: Text<'a>,
    timestamp: Text<'a>,
    carrier_status_change_timestamp: Text<'a>,
    parcel: Object<Parcel<'a>>,
    event_type: Text<'a>,
    data: Object<Data<'a>>,
    parcel_id: Text<'a>,
}

/// The parcel of v2. Its address is that of a person, not a place where something happened: it is not read.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Parcel<'a> {
    tracking_number: Text<'a>,
    carrier: Object<Carrier<'a>>,
    status: Object<Status<'a>>,
    weight: Text<'a>,
    is_return: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Carrier<'a> {
    code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Status<'a> {
    id: Text<'a>,
    message: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    parcel: Object<Numbers<'a>>,
    event: Object<Event<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Numbers<'a> {
    tracking_number: Text<'a>,
    carrier_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Event<'a> {
    #[serde(rename = "event_type")]
    kind: Text<'a>,
    timestamp: Text<'a>,
    phase: Text<'a>,
    exception: Text<'a>,
    sub_status: Text<'a>,
    description: Text<'a>,
    end_of_tracking: Text<'a>,
    is_carrier_responsible: Text<'a>,
    is_returned: Text<'a>,
    location_details: Object<Location<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    city: Text<'a>,
    country: Text<'a>,
    postal_code: Text<'a>,
    depot: Text<'a>,
    service_point_id: Text<'a>,
}

/// What the table says of an exception that is none any more.
const OVER: Meaning = Meaning { milestone: Milestone::InTransit, sub_status: None, reason: None };

/// Reads either push.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let reader = Reader { message, settings, table };
    let event = match (body.action.get(), body.event_type.get()) {
        (Some("parcel_status_changed"), _) => reader.status_changed(&body)?,
        (None, Some("parcels.event.created")) => reader.created(body.data.0.as_ref().ok_or_else(|| json::missing("data"))?)?,
        (Some(_), _) | (None, Some(_)) => return Err(json::not_tracking("an event about something other than a parcel on its way")),
        // The tracking answer of v2 has the number only within links, which do not agree with each other.
        (None, None) if body.parcel_id.get().is_some() => return Err(json::missing("tracking number")),
        (None, None) => return Err(json::not_tracking("neither a status change nor a parcel event")),
    };
    Ok(vec![event])
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn shipment(&self, carrier: Option<&str>, number: &Text<'_>) -> Result<Shipment<'_>, Park> {
        Shipment::new(self.message, ("sendcloud", MAPPING_VERSION), names::carrier(carrier), &[number.get()])
    }

    fn status_changed(&self, body: &Body<'_>) -> Result<ShipmentEvent, Park> {
        let parcel = body.parcel.0.as_ref().ok_or_else(|| json::missing("parcel"))?;
        let mut shipment = self.shipment(parcel.carrier.0.as_ref().and_then(|c| c.code.get()), &parcel.tracking_number)?;
        let status = parcel.status.0.as_ref().ok_or_else(|| json::missing("parcel.status"))?;
        let id = status.id.get().ok_or_else(|| json::missing("parcel.status.id"))?;
        if parcel.is_return.get() == Some("true") {
            shipment.leg = Leg::Return;
        }
        // The carrier's own time, else when the aggregator changed the status; a push that comes again has the same.
        let epoch = |text: &Text<'_>| text.get().and_then(times::epoch);
        let sent = epoch(&body.carrier_status_change_timestamp).or_else(|| epoch(&body.timestamp));
        let happening = Happening {
            raw_code: RawCode { kind: Some("status".to_owned()), code: Some(id.to_owned()), sub_code: None },
            identity: (Some("sendcloud status".to_owned()), Some(id.to_owned())),
            time_key: sent.as_ref().map(|s| format!("gmt{}", s.digits())).unwrap_or_default(),
            told: sent.as_ref().map(times::moment),
            description: status.message.owned(),
            ..Happening::default()
        };
        let meaning = self.table.get("status", id, "").unwrap_or(Meaning::UNKNOWN);
        let mut event = shipment.event(happening, meaning.of_return_label(shipment.leg == Leg::Return));
        event.measures = parcel.weight.get().and_then(Amount::parse).map(|weight| Measures {
            weight: Some(weight),
            weight_unit: Some("kg".to_owned()),
            ..Measures::default()
        });
        Ok(event)
    }

    fn created(&self, data: &Data<'_>) -> Result<ShipmentEvent, Park> {
        let none = Numbers::default();
        let numbers = data.parcel.0.as_ref().unwrap_or(&none);
        let mut shipment = self.shipment(numbers.carrier_code.get(), &numbers.tracking_number)?;
        let event = data.event.0.as_ref().ok_or_else(|| json::missing("data.event"))?;
        let phase = event.phase.get().ok_or_else(|| json::missing("data.event.phase"))?;
        let is_returned = event.is_returned.get() == Some("true");
        if is_returned {
            shipment.leg = Leg::Return;
        }
        let place = event.location_details.0.as_ref().and_then(|l| {
            let facility = l.depot.owned().or_else(|| l.service_point_id.owned());
            event::place(l.city.owned(), None, l.postal_code.owned(), l.country.get(), facility)
        });
        let by_carrier = event.kind.get().is_none_or(|t| t == "carrier");
        let sent = event.timestamp.get().and_then(|t| sent(t, by_carrier));
        let (exception, sub_status) = (event.exception.get().unwrap_or("none"), event.sub_status.get().unwrap_or("none"));
        let happening = Happening {
            raw_code: RawCode { kind: Some(phase.to_owned()), code: event.exception.owned(), sub_code: event.sub_status.owned() },
            identity: (
                Some(format!("sendcloud {phase}")),
                event::coarse(Some(&format!("{exception} {sub_status}")), event.description.get()),
            ),
            time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
            told: sent.as_ref().map(|s| self.told(s, by_carrier, place.as_ref())),
            description: event.description.owned(),
            place,
        };
        let mut meaning = self.meaning(phase, exception, sub_status);
        meaning.milestone = stands(meaning, is_returned, event.end_of_tracking.get() == Some("true"));
        let mut told = shipment.event(happening, meaning);
        if !by_carrier {
            told.actor = told.actor.map(|_| Actor::System);
        }
        told.fault = fault(told.exception_reason, event.is_carrier_responsible.get());
        told.attempt_no = attempt(sub_status).filter(|_| told.milestone == Milestone::DeliveryAttempted);
        Ok(told)
    }

    /// The phase says where the parcel stands, the exception what is wrong. Both have to be known. A parcel that was delivered,
    /// tried or laid ready for the recipient is so whatever else is wrong with it, unless the table has both of them together.
    /// What is no longer wrong leaves the phase.
    fn meaning(&self, phase: &str, exception: &str, sub_status: &str) -> Meaning {
        let look = |kind: &str, code: &str| self.table.get(kind, code, sub_status).or_else(|| self.table.get(kind, code, ""));
        let Some(by_phase) = look(phase, "none") else { return Meaning::UNKNOWN };
        if exception == "none" {
            return by_phase;
        }
        if let Some(exact) = look(phase, exception) {
            return exact;
        }
        let Some(issue) = look("exception", exception) else { return Meaning::UNKNOWN };
        if issue == OVER {
            return by_phase;
        }
        let holds = matches!(
            by_phase.milestone,
            Milestone::Delivered | Milestone::DeliveryAttempted | Milestone::AvailableForPickup | Milestone::Cancelled
        );
        if holds && issue.milestone == Milestone::Exception {
            return Meaning { reason: issue.reason.or(by_phase.reason), ..by_phase };
        }
        issue
    }

    /// What the aggregator has done itself it tells in UTC. Of a carrier's time `Z` is not believed: it is put behind
    /// whatever the carrier has sent.
    fn told(&self, sent: &Sent, by_carrier: bool, place: Option<&Place>) -> Told {
        match sent.suffix {
            Suffix::Zulu if !by_carrier => Told::with_offset(sent.local, jiff::tz::Offset::UTC, sent.precision, TimeSource::CarrierOffset),
            Suffix::Numeric(offset) if !by_carrier || offset.seconds() != 0 => {
                Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset)
            }
            _ => times::by_zone(sent, place, self.settings),
        }
    }
}

/// Midnight to the second is how a day is written that a carrier has told.
fn sent(text: &str, by_carrier: bool) -> Option<Sent> {
    let mut sent = times::iso(text)?;
    if by_carrier && sent.local.time() == jiff::civil::Time::midnight() {
        sent.precision = TimePrecision::Date;
    }
    Some(sent)
}

/// What moves, waits or was tried while it is on its way back is so with the sender; what moves and is tracked no more has expired.
fn stands(meaning: Meaning, is_returned: bool, is_last: bool) -> Milestone {
    match meaning.milestone {
        Milestone::Delivered if is_returned => Milestone::Returned,
        Milestone::Accepted
        | Milestone::InTransit
        | Milestone::OutForDelivery
        | Milestone::AvailableForPickup
        | Milestone::DeliveryAttempted
            if is_returned =>
        {
            Milestone::Returning
        }
        Milestone::Accepted | Milestone::InTransit | Milestone::OutForDelivery if is_last && meaning.reason.is_none() => Milestone::Expired,
        other => other,
    }
}

/// The aggregator's word on whether the carrier answers for it goes before what the reason makes likely.
fn fault(reason: Option<ExceptionReason>, is_carrier_responsible: Option<&str>) -> Option<Fault> {
    let usual = reason?.usual_fault();
    Some(match is_carrier_responsible {
        Some("true") => Fault::Carrier,
        Some("false") if usual == Fault::Carrier => Fault::Unknown,
        _ => usual,
    })
}

fn attempt(sub_status: &str) -> Option<i32> {
    match sub_status {
        "one" => Some(1),
        "two" => Some(2),
        "three" => Some(3),
        _ => None,
    }
}
