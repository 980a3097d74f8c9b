//! The two bodies of UPS, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{CashOnDelivery, Eta, Measures, Partner, Piece, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision, TimeSource};

/// A GMT field further from the wall clock than this belongs to something else, minutes.
const GMT_DISTANCE_MAX: i32 = 14 * 60;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    tracking_number: Text<'a>,
    local_activity_date: Text<'a>,
    local_activity_time: Text<'a>,
    gmt_activity_date: Text<'a>,
    gmt_activity_time: Text<'a>,
    gmt_offset: Text<'a>,
    activity_location: Object<Address<'a>>,
    activity_status: Object<Coded<'a>>,
    scheduled_delivery_date: Text<'a>,
    delivery_start_time: Text<'a>,
    delivery_end_time: Text<'a>,
    received_by: Text<'a>,
    track_response: Object<TrackResponse<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Address<'a> {
    city: Text<'a>,
    state_province: Text<'a>,
    postal_code: Text<'a>,
    country: Text<'a>,
    country_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Coded<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    code: Text<'a>,
    description: Text<'a>,
    /// Track Alert's name of the customer-facing status code.
    description_code: Text<'a>,
    /// The Track API's name of the same.
    status_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct TrackResponse<'a> {
    shipment: Objects<ShipmentAnswer<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ShipmentAnswer<'a> {
    inquiry_number: Text<'a>,
    package: Objects<Package<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Package<'a> {
    tracking_number: Text<'a>,
    activity: Objects<Activity<'a>>,
    current_status: Object<Coded<'a>>,
    delivery_date: Objects<Dated<'a>>,
    delivery_time: Object<Window<'a>>,
    delivery_information: Object<DeliveryInformation<'a>>,
    alternate_tracking_number: Objects<Alternate<'a>>,
    payment_information: Objects<Payment<'a>>,
    weight: Object<Weight<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Activity<'a> {
    date: Text<'a>,
    time: Text<'a>,
    gmt_date: Text<'a>,
    gmt_time: Text<'a>,
    gmt_offset: Text<'a>,
    location: Object<Location<'a>>,
    status: Object<Coded<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    address: Object<Address<'a>>,
    slic: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Dated<'a> {
    date: Text<'a>,
    #[serde(rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Window<'a> {
    start_time: Text<'a>,
    end_time: Text<'a>,
    #[serde(rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct DeliveryInformation<'a> {
    location: Text<'a>,
    received_by: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Alternate<'a> {
    number: Text<'a>,
    #[serde(rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Payment<'a> {
    amount: Text<'a>,
    currency: Text<'a>,
    paid: Text<'a>,
    #[serde(rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Weight<'a> {
    unit_of_measurement: Text<'a>,
    weight: Text<'a>,
}

/// Reads either body.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let reader = Reader { message, settings, table };
    match (&body.track_response.0, &body.activity_status.0) {
        (Some(answer), _) => reader.answer(answer),
        (None, Some(status)) => reader.alert(&body, status).map(|event| vec![event].into()),
        (None, None) if body.tracking_number.get().is_some() => Err(json::missing("activityStatus")),
        (None, None) => Err(json::not_tracking("neither a track alert nor a track answer")),
    }
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn shipment(&self, numbers: &[Option<&str>]) -> Result<Shipment<'_>, Park> {
        Shipment::new(self.message, ("ups", MAPPING_VERSION), "ups".into(), numbers)
    }

    fn alert(&self, body: &Body<'_>, status: &Coded<'_>) -> Result<ShipmentEvent, Park> {
        let shipment = self.shipment(&[body.tracking_number.get()])?;
        let place = body.activity_location.0.as_ref().and_then(|a| place(a, None));
        let times =
            [&body.local_activity_date, &body.local_activity_time, &body.gmt_activity_date, &body.gmt_activity_time, &body.gmt_offset];
        let mut event = self.event(&shipment, status, place, times);
        if event.milestone == Milestone::Delivered {
            event.pod = pod(body.received_by.owned(), None);
        } else {
            let window =
                Window { start_time: body.delivery_start_time.clone(), end_time: body.delivery_end_time.clone(), kind: Text::default() };
            event.eta = self.eta(body.scheduled_delivery_date.get(), None, Some(&window));
        }
        Ok(event)
    }

    fn answer(&self, answer: &TrackResponse<'_>) -> Result<Parsed, Park> {
        let packages = || answer.shipment.0.iter().flat_map(|s| s.package.0.iter().map(move |p| (s, p)));
        if packages().map(|(_, p)| p.activity.0.len().max(1)).sum::<usize>() > self.settings.events_max {
            return Err(json::too_many(self.settings.events_max));
        }
        let read = |(shipment, package): (&ShipmentAnswer<'_>, &Package<'_>)| self.package(&shipment.inquiry_number, package);
        of_all(packages(), read, || json::not_tracking("the answer has no activity"))
    }

    fn package(&self, inquiry: &Text<'_>, package: &Package<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        if package.activity.0.is_empty() && package.current_status.0.is_none() {
            return Ok(Vec::new());
        }
        let shipment = self.shipment(&[package.tracking_number.get(), inquiry.get()])?;
        let mut events: Vec<_> = package.activity.0.iter().map(|a| self.activity(&shipment, a)).collect();
        if let (true, Some(status)) = (events.is_empty(), &package.current_status.0) {
            let none = Text::default();
            events.push(self.event(&shipment, status, None, [&none; 5]));
        }
        event::settle_returns(&mut events, true);
        if let Some(master) = inquiry.get().filter(|number| *number != shipment.tracking_number()) {
            let piece = Piece { number: Some(shipment.tracking_number().to_owned()), sscc: None, master: Some(master.to_owned()) };
            for event in &mut events {
                event.piece = Some(piece.clone());
            }
        }
        self.facts(&mut events, package);
        Ok(events)
    }

    fn activity(&self, shipment: &Shipment<'_>, activity: &Activity<'_>) -> ShipmentEvent {
        let none = Coded::default();
        let status = activity.status.0.as_ref().unwrap_or(&none);
        let location = activity.location.0.as_ref();
        let place = location.and_then(|l| match &l.address.0 {
            Some(address) => place(address, l.slic.owned()),
            None => event::place(None, None, None, None, l.slic.owned()),
        });
        let times = [&activity.date, &activity.time, &activity.gmt_date, &activity.gmt_time, &activity.gmt_offset];
        self.event(shipment, status, place, times)
    }

    fn event(&self, shipment: &Shipment<'_>, status: &Coded<'_>, place: Option<Place>, times: [&Text<'_>; 5]) -> ShipmentEvent {
        let status_code = if status.description_code.get().is_some() { &status.description_code } else { &status.status_code };
        // The current status of some answers is the customer-facing code alone, under the name of the activity code.
        let bare = status.kind.get().is_none() && status_code.get().is_none() && status.code.get().is_some_and(|c| c.len() == 3);
        let (code, sub_code) = if bare { (&Text::default(), &status.code) } else { (&status.code, status_code) };
        let meaning = self.meaning(status.kind.code(0).as_deref(), code.code(2).as_deref(), sub_code.code(3).as_deref());
        let (time_key, told) = self.time(times, place.as_ref());
        let identity_code = if bare { sub_code.code(3) } else { code.code(2) };
        let happening = Happening {
            raw_code: RawCode { kind: status.kind.owned(), code: code.owned(), sub_code: sub_code.owned() },
            identity: (status.kind.code(0).map(|k| k.into_owned()), identity_code.map(|c| c.into_owned())),
            time_key,
            told,
            description: status.description.owned(),
            place,
        };
        let mut event = shipment.event(happening, meaning);
        event.attempt_no = match sub_code.code(3).as_deref() {
            Some("022") => Some(1),
            Some("023") => Some(2),
            _ => None,
        };
        event
    }

    /// Type and code first, then the customer-facing code; of types alone only `D` may be trusted, and nothing but
    /// type `D` (or a status without a type) is ever a delivery.
    fn meaning(&self, kind: Option<&str>, code: Option<&str>, status_code: Option<&str>) -> Meaning {
        let (kind_or_none, code, sub) = (kind.unwrap_or_default(), code.unwrap_or("-"), status_code.unwrap_or_default());
        let exact = if sub.is_empty() { None } else { self.table.get(kind_or_none, code, sub) };
        let meaning = exact
            .or_else(|| self.table.get(kind_or_none, code, ""))
            .or_else(|| self.table.get("status", sub, ""))
            .or_else(|| self.table.get(kind_or_none, "*", ""))
            .unwrap_or(Meaning::UNKNOWN);
        if meaning.milestone == Milestone::Delivered && kind.is_some_and(|k| k != "D") { Meaning::UNKNOWN } else { meaning }
    }

    fn time(&self, [date, time, gmt_date, gmt_time, offset]: [&Text<'_>; 5], place: Option<&Place>) -> (String, Option<Told>) {
        let local = date.get().and_then(|d| times::compact(d, time.get()));
        let gmt = gmt_date.get().and_then(|d| times::compact(d, gmt_time.get()));
        let gmt = gmt.filter(|g| g.precision != TimePrecision::Date);
        let Some(local) = local else {
            let Some(gmt) = gmt else { return (String::new(), None) };
            let mut told = Told::with_gmt(gmt.local, gmt.local, gmt.precision);
            (told.local, told.offset_minutes) = (None, None);
            return (format!("gmt{}", gmt.digits()), Some(told));
        };
        (local.digits(), Some(self.told(&local, gmt, offset, place)))
    }

    fn told(&self, local: &Sent, gmt: Option<Sent>, offset: &Text<'_>, place: Option<&Place>) -> Told {
        if local.precision != TimePrecision::Date {
            if let Some(gmt) = gmt {
                let told = Told::with_gmt(local.local, gmt.local, local.precision);
                if told.offset_minutes.is_some_and(|m| m.abs() <= GMT_DISTANCE_MAX) {
                    return told;
                }
            }
            if let Some(offset) = offset.get().and_then(times::offset) {
                return Told::with_offset(local.local, offset, local.precision, TimeSource::CarrierOffset);
            }
        }
        times::by_zone(local, place, self.settings)
    }

    fn eta(&self, day: Option<&str>, previous: Option<&str>, window: Option<&Window<'_>>) -> Option<Eta> {
        let day = day?;
        let at = |time: &Text<'_>| times::compact(day, time.get());
        let known = |sent: &Sent| times::by_zone(sent, None, self.settings);
        let from = window.filter(|w| w.start_time.get().is_some()).and_then(|w| at(&w.start_time));
        let to = window.and_then(|w| at(&w.end_time)).or_else(|| times::compact(day, None))?;
        Some(Eta {
            from: from.as_ref().and_then(|s| known(s).at),
            to: known(&to).at,
            from_local: from.as_ref().and_then(Sent::wall),
            to_local: to.wall(),
            source: Some("ups".to_owned()),
            previous_local: previous.and_then(|p| times::compact(p, None)).and_then(|s| s.wall()),
        })
    }

    /// What is true of the parcel now goes to its newest event; proof of delivery to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], package: &Package<'_>) {
        let delivered = |e: &ShipmentEvent| e.milestone == Milestone::Delivered;
        if let (Some(info), Some(event)) = (&package.delivery_information.0, event::newest(events, true, delivered)) {
            event.pod = pod(info.received_by.owned(), info.location.owned());
            let named = info.location.code(0).and_then(|l| self.table.get("location", &l, ""));
            event.sub_status = event.sub_status.or_else(|| named.and_then(|m| m.sub_status));
        }
        let Some(event) = event::newest(events, true, |_| true) else { return };
        if event::is_under_way(event) {
            let dated = |kind: &str| package.delivery_date.0.iter().find(|d| d.kind.get() == Some(kind)).and_then(|d| d.date.get());
            let window = package.delivery_time.0.as_ref().filter(|w| w.kind.get() != Some("DEL"));
            event.eta = match dated("RDD") {
                Some(day) => self.eta(Some(day), dated("SDD"), window),
                None => self.eta(dated("SDD"), None, window),
            };
        }
        event.cod = package.payment_information.0.iter().find(|p| p.kind.get() == Some("COD")).and_then(cod);
        event.measures = package.weight.0.as_ref().and_then(measures);
        event.partner = package
            .alternate_tracking_number
            .0
            .iter()
            .find(|a| a.kind.get() == Some("USPS_PIC"))
            .map(|a| Partner { carrier: Some("usps".to_owned()), tracking_number: a.number.owned() });
    }
}

fn place(address: &Address<'_>, facility: Option<String>) -> Option<Place> {
    let country = address.country_code.get().or_else(|| address.country.get());
    event::place(address.city.owned(), address.state_province.owned(), address.postal_code.owned(), country, facility)
}

fn pod(signed_by: Option<String>, delivered_to: Option<String>) -> Option<ProofOfDelivery> {
    let pod = ProofOfDelivery { signed_by, delivered_to, ..ProofOfDelivery::default() };
    (pod != ProofOfDelivery::default()).then_some(pod)
}

fn cod(payment: &Payment<'_>) -> Option<CashOnDelivery> {
    let currency = payment.currency.get().filter(|c| c.len() == 3)?.to_ascii_uppercase();
    Some(CashOnDelivery { amount: Amount::parse(payment.amount.get()?)?, currency, collected: payment.paid.get() == Some("true") })
}

fn measures(weight: &Weight<'_>) -> Option<Measures> {
    let unit = match weight.unit_of_measurement.code(0)?.as_ref() {
        "LBS" | "LB" => "lb",
        "KGS" | "KG" => "kg",
        "OZS" | "OZ" => "oz",
        _ => return None,
    };
    Some(Measures { weight: Some(Amount::parse(weight.weight.get()?)?), weight_unit: Some(unit.to_owned()), ..Measures::default() })
}
