//! The shipments of an answer or a push, read into happenings.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage, dhl_express};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Label, Measures, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{Milestone, TimePrecision};

/// Longest name of a division.
const SERVICE_BYTES_MAX: usize = 64;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    shipments: Objects<ShipmentAnswer<'a>>,
    shipment: Object<ShipmentAnswer<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ShipmentAnswer<'a> {
    id: Text<'a>,
    service: Text<'a>,
    status: Object<Scan<'a>>,
    events: Objects<Scan<'a>>,
    estimated_time_of_delivery: Text<'a>,
    estimated_delivery_time_frame: Object<Frame<'a>>,
    details: Object<Details<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Scan<'a> {
    timestamp: Text<'a>,
    location: Object<Location<'a>>,
    status_code: Text<'a>,
    status: Text<'a>,
    status_detailed: Text<'a>,
    description: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    address: Object<Address<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Address<'a> {
    country_code: Text<'a>,
    postal_code: Text<'a>,
    #[serde(rename = "addressLocality")]
    locality: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Frame<'a> {
    estimated_from: Text<'a>,
    estimated_through: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Details<'a> {
    proof_of_delivery: Object<Proof<'a>>,
    total_number_of_pieces: Text<'a>,
    weight: Object<Quantity<'a>>,
    dimensions: Object<Dimensions<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Proof<'a> {
    signature_url: Text<'a>,
    document_url: Text<'a>,
    signed: Object<Person<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Person<'a> {
    name: Text<'a>,
    given_name: Text<'a>,
    family_name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Quantity<'a> {
    value: Text<'a>,
    unit_text: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Dimensions<'a> {
    length: Object<Quantity<'a>>,
    width: Object<Quantity<'a>>,
    height: Object<Quantity<'a>>,
}

/// Reads an answer (`shipments`), a push that wraps one shipment, or a bare shipment.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let text = json::object_text(message, settings)?;
    let body: Body<'_> = json::read(text)?;
    let mut shipments = body.shipments.0;
    shipments.extend(body.shipment.0);
    if shipments.is_empty() {
        shipments.push(json::read(text)?);
    }
    if shipments.iter().map(|s| (s.events.0.len() + usize::from(s.status.0.is_some())).max(1)).sum::<usize>() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let reader = Reader { message, settings, table };
    of_all(shipments.iter(), |shipment| reader.shipment(shipment), || json::not_tracking("no shipment with an event or a status"))
}

/// The carrier of a service; DHL's numbers are not unique across its divisions.
fn carrier(service: &str) -> Label {
    Cow::Borrowed(match service {
        "express" => "dhl_express",
        "parcel-de" => "dhl_parcel_de",
        "parcel-nl" => "dhl_parcel_nl",
        "parcel-pl" => "dhl_parcel_pl",
        "parcel-uk" => "dhl_parcel_uk",
        "post-de" => "dhl_post_de",
        "svb" => "dhl_svb",
        "ecommerce" => "dhl_ecommerce",
        "ecommerce-europe" => "dhl_ecommerce_europe",
        "ecommerce-ppl" => "dhl_ecommerce_ppl",
        "ecommerce-apac" => "dhl_ecommerce_apac",
        "ecommerce-iberia" => "dhl_ecommerce_iberia",
        "dgf" => "dhl_global_forwarding",
        "freight" => "dhl_freight",
        "sameday" => "dhl_sameday",
        "dsc" => "dhl_supply_chain",
        _ => "dhl",
    })
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    fn shipment(&self, answer: &ShipmentAnswer<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let told: Vec<_> = if answer.events.0.is_empty() { answer.status.0.iter().collect() } else { answer.events.0.iter().collect() };
        if told.is_empty() {
            return Ok(Vec::new());
        }
        // It stands in every event: what is longer names no service.
        let service = answer.service.get().filter(|s| s.len() <= SERVICE_BYTES_MAX).unwrap_or_default().to_ascii_lowercase();
        let source = ("dhl_unified", MAPPING_VERSION);
        let shipment = Shipment::new(self.message, source, carrier(&service), &[answer.id.get()])?;
        let mut events: Vec<_> = told.into_iter().map(|told| self.event(&shipment, &service, told)).collect();
        // The status may be ahead of the events; what says the same at the same time is one of them.
        if let Some(status) = answer.status.0.as_ref().filter(|_| !answer.events.0.is_empty()) {
            let status = self.event(&shipment, &service, status);
            let same = |e: &ShipmentEvent| e.milestone == status.milestone || e.raw_code.code == status.raw_code.code;
            if status.occurred_local.is_some() && !events.iter().any(|e| e.occurred_local == status.occurred_local && same(e)) {
                events.insert(0, status);
            }
        }
        event::settle_returns(&mut events, true);
        self.facts(&mut events, answer);
        Ok(events)
    }

    fn event(&self, shipment: &Shipment<'_>, service: &str, told: &Scan<'_>) -> ShipmentEvent {
        let place = place(service, told.location.0.as_ref().and_then(|l| l.address.0.as_ref()));
        let sent = told.timestamp.get().and_then(times::iso);
        let own = self.own_code(service, told);
        let status = told.status_code.get().map(str::to_ascii_lowercase);
        let meaning = own.as_ref().and_then(|(_, meaning)| *meaning).or_else(|| self.table.get("status", status.as_deref()?, ""));
        let own = own.map(|(code, _)| code);
        // With the division's code the happening has the identity that the division's own source gives it.
        let identity = match (&own, &status) {
            (Some(code), _) => (None, Some(code.clone())),
            (None, status) => (Some("status".to_owned()), status.clone()),
        };
        let (code, sub_code) = match own {
            Some(code) => (Some(code), told.status_code.owned()),
            None => (told.status_code.owned(), None),
        };
        let kind = (!service.is_empty()).then(|| service.to_owned());
        let happening = Happening {
            raw_code: RawCode { kind, code, sub_code },
            identity,
            // A time that cannot be read still tells two happenings apart.
            time_key: sent.as_ref().map(Sent::digits).or_else(|| told.timestamp.owned()).unwrap_or_default(),
            told: sent.as_ref().map(|s| self.told(s, place.as_ref())),
            description: told.description.owned().or_else(|| told.status.owned()),
            place,
        };
        shipment.event(happening, meaning.unwrap_or(Meaning::UNKNOWN))
    }

    /// The division's own code, which stands in `statusDetailed`, else in `status`, and its meaning where a table has it.
    /// Both may hold words for people instead, or the status of the API once more.
    fn own_code(&self, service: &str, told: &Scan<'_>) -> Option<(String, Option<Meaning>)> {
        let general = |code: &str| self.table.get("status", &code.to_ascii_lowercase(), "").is_some();
        let plain = |code: &str| code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/'));
        [&told.status_detailed, &told.status].into_iter().filter_map(|text| text.code(0)).find_map(|code| {
            let express = if service == "express" { dhl_express::checkpoint(&code) } else { None };
            let meaning = express.or_else(|| self.table.get(service, &code, ""));
            (meaning.is_some() || (plain(&code) && !general(&code))).then(|| (code.into_owned(), meaning))
        })
    }

    /// `Z` (or an offset of nothing) stands behind wall clocks of the place too: it is not believed.
    fn told(&self, sent: &Sent, place: Option<&Place>) -> Told {
        times::by_offset_or_zone(sent, place, self.settings)
    }

    /// What is true of the shipment now goes to its newest event; proof of delivery to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], answer: &ShipmentAnswer<'_>) {
        let details = answer.details.0.as_ref();
        if let Some(proof) = details.and_then(|d| d.proof_of_delivery.0.as_ref()).and_then(pod)
            && let Some(event) = event::newest(events, true, |e| e.milestone == Milestone::Delivered)
        {
            event.pod = Some(proof);
        }
        let Some(event) = event::newest(events, true, |_| true) else { return };
        if event::is_under_way(event) {
            event.eta = self.eta(answer);
        }
        event.measures = details.and_then(measures);
    }

    fn eta(&self, answer: &ShipmentAnswer<'_>) -> Option<Eta> {
        let frame = answer.estimated_delivery_time_frame.0.as_ref();
        let from = frame.and_then(|f| f.estimated_from.get()).and_then(day_or_time);
        let to = frame.and_then(|f| f.estimated_through.get()).or_else(|| answer.estimated_time_of_delivery.get()).and_then(day_or_time);
        if from.is_none() && to.is_none() {
            return None;
        }
        let at = |s: &Option<Sent>| s.as_ref().and_then(|s| self.told(s, None).at);
        let wall = |s: &Option<Sent>| s.as_ref().and_then(Sent::wall);
        let source = Some("dhl_unified".to_owned());
        Some(Eta { from: at(&from), to: at(&to), from_local: wall(&from), to_local: wall(&to), source, previous_local: None })
    }
}

/// Midnight is how a day is written here.
fn day_or_time(text: &str) -> Option<Sent> {
    let mut sent = times::iso(text)?;
    if sent.local.time() == jiff::civil::Time::midnight() {
        sent.precision = TimePrecision::Date;
    }
    Some(sent)
}

/// Express puts its service area where the others put a city.
fn place(service: &str, address: Option<&Address<'_>>) -> Option<Place> {
    let address = address?;
    let (city, postal_code, country) = (&address.locality, address.postal_code.owned(), address.country_code.get());
    if service == "express" {
        return dhl_express::service_area(city.get(), country, postal_code, None);
    }
    event::place(city.owned(), None, postal_code, country, None)
}

fn pod(proof: &Proof<'_>) -> Option<ProofOfDelivery> {
    let name = |person: &Person<'_>| match (person.given_name.get(), person.family_name.get()) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (given, family) => person.name.owned().or_else(|| given.or(family).map(str::to_owned)),
    };
    let pod = ProofOfDelivery {
        signed_by: proof.signed.0.as_ref().and_then(name),
        signature_ref: proof.signature_url.owned().or_else(|| proof.document_url.owned()),
        ..ProofOfDelivery::default()
    };
    (pod != ProofOfDelivery::default()).then_some(pod)
}

fn measures(details: &Details<'_>) -> Option<Measures> {
    let quantity = |object: &Object<Quantity<'_>>, units: &[&'static str]| {
        let quantity = object.0.as_ref()?;
        let unit = quantity.unit_text.get()?;
        let unit = units.iter().find(|known| unit.eq_ignore_ascii_case(known))?;
        Some((Amount::parse(quantity.value.get()?)?, (*unit).to_owned()))
    };
    let mut measures = Measures { pieces: details.total_number_of_pieces.get().and_then(|n| n.parse().ok()), ..Measures::default() };
    if let Some((weight, unit)) = quantity(&details.weight, &["kg", "g", "lb", "oz"]) {
        (measures.weight, measures.weight_unit) = (Some(weight), Some(unit));
    }
    if let Some(dimensions) = &details.dimensions.0 {
        let side = |object| quantity(object, &["cm", "mm", "in"]);
        let sides = [side(&dimensions.length), side(&dimensions.width), side(&dimensions.height)];
        let unit = sides.iter().flatten().next().map(|(_, unit)| unit.clone());
        if sides.iter().flatten().all(|(_, other)| Some(other) == unit.as_ref()) {
            [measures.length, measures.width, measures.height] = sides.map(|side| side.map(|(amount, _)| amount));
            measures.length_unit = unit;
        }
    }
    (measures != Measures::default()).then_some(measures)
}
