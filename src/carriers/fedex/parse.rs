//! The tracking answer of FedEx, read into happenings.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Object, Objects, Text, Texts};
use super::super::parsed::{Parsed, of_all};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{Eta, Measures, Piece, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::{ExceptionReason, Leg, Milestone, TimePrecision};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    output: Object<Output<'a>>,
    complete_track_results: Objects<Complete<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Output<'a> {
    complete_track_results: Objects<Complete<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Complete<'a> {
    tracking_number: Text<'a>,
    track_results: Objects<TrackResult<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct TrackResult<'a> {
    tracking_number_info: Object<NumberInfo<'a>>,
    additional_tracking_info: Object<AdditionalInfo<'a>>,
    return_detail: Object<ReturnDetail<'a>>,
    latest_status_detail: Object<LatestStatus<'a>>,
    delivery_details: Object<DeliveryDetails<'a>>,
    scan_events: Objects<Movement<'a>>,
    date_and_times: Objects<DateAndTime<'a>>,
    package_details: Object<PackageDetails<'a>>,
    estimated_delivery_time_window: Object<TimeWindow<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct NumberInfo<'a> {
    tracking_number: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct AdditionalInfo<'a> {
    package_identifiers: Objects<Identifier<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Identifier<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    value: Text<'a>,
    values: Texts<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ReturnDetail<'a> {
    authorization_name: Text<'a>,
    reason_detail: Objects<Reason<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Reason<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct LatestStatus<'a> {
    code: Text<'a>,
    derived_code: Text<'a>,
    description: Text<'a>,
    scan_location: Object<Address<'a>>,
    ancillary_details: Objects<Ancillary<'a>>,
    delay_detail: Object<Delay<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Ancillary<'a> {
    reason: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Delay<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    status: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Movement<'a> {
    date: Text<'a>,
    event_type: Text<'a>,
    derived_status_code: Text<'a>,
    event_description: Text<'a>,
    exception_code: Text<'a>,
    exception_description: Text<'a>,
    scan_location: Object<Address<'a>>,
    location_id: Text<'a>,
    delay_detail: Object<Delay<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Address<'a> {
    city: Text<'a>,
    state_or_province_code: Text<'a>,
    postal_code: Text<'a>,
    country_code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct DeliveryDetails<'a> {
    received_by_name: Text<'a>,
    signed_by_name: Text<'a>,
    location_description: Text<'a>,
    delivery_attempts: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct DateAndTime<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    date_time: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct TimeWindow<'a> {
    window: Object<Window<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Window<'a> {
    begins: Text<'a>,
    ends: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct PackageDetails<'a> {
    count: Text<'a>,
    weight_and_dimensions: Object<Measured<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Measured<'a> {
    weight: Objects<Weight<'a>>,
    dimensions: Objects<Dimensions<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Weight<'a> {
    unit: Text<'a>,
    value: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Dimensions<'a> {
    length: Text<'a>,
    width: Text<'a>,
    height: Text<'a>,
    units: Text<'a>,
}

/// Reads an answer or a push.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Parsed, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let results = body.output.0.map_or(body.complete_track_results, |o| o.complete_track_results).0;
    if results.iter().flat_map(|c| &c.track_results.0).map(|r| r.scan_events.0.len().max(1)).sum::<usize>() > settings.events_max {
        return Err(json::too_many(settings.events_max));
    }
    let reader = Reader { message, settings, table };
    of_all(results.iter(), |complete| reader.complete(complete), || json::not_tracking("no track result with a scan or a status"))
}

struct Reader<'a> {
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
    table: &'a CodeTable,
}

impl Reader<'_> {
    /// FedEx uses numbers again after some months and then answers with every parcel that has had the number:
    /// the one with the newest happening is meant.
    fn complete(&self, complete: &Complete<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let mut chosen: Vec<ShipmentEvent> = Vec::new();
        for result in &complete.track_results.0 {
            let events = self.result(&complete.tracking_number, result)?;
            let newest = |events: &[ShipmentEvent]| events.iter().filter_map(|e| e.occurred_local.clone()).max();
            if chosen.is_empty() || !events.is_empty() && newest(&events) > newest(&chosen) {
                chosen = events;
            }
        }
        Ok(chosen)
    }

    fn result(&self, asked: &Text<'_>, result: &TrackResult<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        if result.scan_events.0.is_empty() && result.latest_status_detail.0.is_none() {
            return Ok(Vec::new());
        }
        let own = result.tracking_number_info.0.as_ref().and_then(|i| i.tracking_number.get());
        let mut shipment = Shipment::new(self.message, ("fedex", MAPPING_VERSION), "fedex".into(), &[own, asked.get()])?;
        if result.return_detail.0.as_ref().is_some_and(is_return) {
            shipment.leg = Leg::Return;
        }
        let mut events: Vec<_> = result.scan_events.0.iter().map(|scan| self.scan(&shipment, scan)).collect();
        if let (true, Some(status)) = (events.is_empty(), &result.latest_status_detail.0) {
            events.push(self.latest(&shipment, status, &result.date_and_times.0));
        }
        event::settle_returns(&mut events, true);
        let master = result.additional_tracking_info.0.as_ref().and_then(master);
        if let Some(master) = master.filter(|number| number != shipment.tracking_number()) {
            let piece = Piece { number: Some(shipment.tracking_number().to_owned()), sscc: None, master: Some(master) };
            for event in &mut events {
                event.piece = Some(piece.clone());
            }
        }
        self.facts(&mut events, result);
        Ok(events)
    }

    fn scan(&self, shipment: &Shipment<'_>, scan: &Movement<'_>) -> ShipmentEvent {
        let place = place(scan.scan_location.0.as_ref(), scan.location_id.owned());
        let description = match (scan.event_description.get(), scan.exception_description.get()) {
            (Some(event), Some(exception)) if event != exception => Some(format!("{event}; {exception}")),
            (event, exception) => event.or(exception).map(str::to_owned),
        };
        let meaning = self.meaning(&scan.event_type, &scan.derived_status_code, &scan.exception_code, scan.delay_detail.0.as_ref());
        self.event(shipment, (&scan.event_type, &scan.exception_code), meaning, scan.date.get(), place, description)
    }

    fn latest(&self, shipment: &Shipment<'_>, status: &LatestStatus<'_>, dates: &[DateAndTime<'_>]) -> ShipmentEvent {
        let none = Text::default();
        let reason = status.ancillary_details.0.first().map_or(&none, |a| &a.reason);
        let code = if status.code.get().is_some() { &status.code } else { &status.derived_code };
        let meaning = self.meaning(code, &status.derived_code, reason, status.delay_detail.0.as_ref());
        let kind = match meaning.milestone {
            Milestone::Delivered => "ACTUAL_DELIVERY",
            Milestone::Accepted => "ACTUAL_PICKUP",
            _ => "",
        };
        let date = dates.iter().find(|d| d.kind.get() == Some(kind)).and_then(|d| d.date_time.get());
        let place = place(status.scan_location.0.as_ref(), None);
        self.event(shipment, (code, reason), meaning, date, place, status.description.owned())
    }

    fn event(
        &self,
        shipment: &Shipment<'_>,
        (code, sub_code): (&Text<'_>, &Text<'_>),
        meaning: Meaning,
        date: Option<&str>,
        place: Option<Place>,
        description: Option<String>,
    ) -> ShipmentEvent {
        let sent = date.and_then(sent);
        let happening = Happening {
            raw_code: RawCode { kind: None, code: code.owned(), sub_code: sub_code.owned() },
            identity: (None, code.code(0).map(|c| c.into_owned())),
            time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
            told: sent.as_ref().map(|s| self.told(s, place.as_ref())),
            description,
            place,
        };
        shipment.event(happening, meaning.of_return_label(shipment.leg == Leg::Return))
    }

    /// The event type says where the parcel stands (where it is new to us, the status that FedEx derives from it);
    /// the exception code, else the delay, says why.
    fn meaning(&self, code: &Text<'_>, derived: &Text<'_>, exception: &Text<'_>, delay: Option<&Delay<'_>>) -> Meaning {
        let exception = exception.code(2).unwrap_or_default();
        let by_code = |code: &Text<'_>| {
            let code = code.code(0)?;
            let exact = if exception.is_empty() { None } else { self.table.get("event", &code, &exception) };
            exact.or_else(|| self.table.get("event", &code, ""))
        };
        let Some(mut meaning) = by_code(code).or_else(|| by_code(derived)) else { return Meaning::UNKNOWN };
        let reason = self.table.get("reason", &exception, "").or_else(|| {
            let delay = delay.filter(|d| d.status.get().is_none_or(|s| s == "DELAYED"))?;
            self.table.get("delay", &delay.kind.code(0)?, "")
        });
        let reason = reason.and_then(|m| m.reason).filter(|_| meaning.milestone != Milestone::Delivered);
        if meaning.reason.is_none_or(|r| r == ExceptionReason::CarrierDelay) {
            meaning.reason = reason.or(meaning.reason);
        }
        meaning
    }

    fn told(&self, sent: &Sent, place: Option<&Place>) -> Told {
        times::by_sent_offset_or_zone(sent, place, self.settings)
    }

    /// What is true of the parcel now goes to its newest event; proof of delivery to the newest delivery.
    fn facts(&self, events: &mut [ShipmentEvent], result: &TrackResult<'_>) {
        if let Some(details) = &result.delivery_details.0 {
            if let Some(event) = event::newest(events, true, |e| e.milestone == Milestone::Delivered) {
                event.pod = pod(details);
                let named = details.location_description.code(0).and_then(|l| self.table.get("location", &l, ""));
                event.sub_status = event.sub_status.or_else(|| named.and_then(|m| m.sub_status));
            }
            let attempts = details.delivery_attempts.get().and_then(|n| n.parse().ok()).filter(|n| (1..100).contains(n));
            if let Some(event) = event::newest(events, true, |e| e.milestone == Milestone::DeliveryAttempted) {
                event.attempt_no = attempts;
            }
        }
        let Some(event) = event::newest(events, true, |_| true) else { return };
        if event::is_under_way(event) {
            event.eta = self.eta(result);
        }
        event.measures = result.package_details.0.as_ref().and_then(measures);
    }

    fn eta(&self, result: &TrackResult<'_>) -> Option<Eta> {
        let window = result.estimated_delivery_time_window.0.as_ref().and_then(|w| w.window.0.as_ref());
        let point = || result.date_and_times.0.iter().find(|d| d.kind.get() == Some("ESTIMATED_DELIVERY"))?.date_time.get();
        let from = window.and_then(|w| w.begins.get()).and_then(sent);
        let to = window.and_then(|w| w.ends.get()).or_else(point).and_then(sent);
        if from.is_none() && to.is_none() {
            return None;
        }
        let at = |s: &Option<Sent>| s.as_ref().and_then(|s| self.told(s, None).at);
        let wall = |s: &Option<Sent>| s.as_ref().and_then(Sent::wall);
        let source = Some("fedex".to_owned());
        Some(Eta { from: at(&from), to: at(&to), from_local: wall(&from), to_local: wall(&to), source, previous_local: None })
    }
}

/// Midnight without an offset is how FedEx writes a day.
fn sent(text: &str) -> Option<Sent> {
    let mut sent = times::iso(text)?;
    if sent.suffix == Suffix::None && sent.local.time() == jiff::civil::Time::midnight() {
        sent.precision = TimePrecision::Date;
    }
    Some(sent)
}

fn place(address: Option<&Address<'_>>, facility: Option<String>) -> Option<Place> {
    let Some(a) = address else { return event::place(None, None, None, None, facility) };
    event::place(a.city.owned(), a.state_or_province_code.owned(), a.postal_code.owned(), a.country_code.get(), facility)
}

fn is_return(detail: &ReturnDetail<'_>) -> bool {
    detail.authorization_name.get().is_some() || detail.reason_detail.0.iter().any(|r| r.kind.get().is_some())
}

fn master(info: &AdditionalInfo<'_>) -> Option<String> {
    let identifier = info.package_identifiers.0.iter().find(|i| i.kind.get() == Some("STANDARD_MPS"))?;
    identifier.values.0.iter().find_map(Text::owned).or_else(|| identifier.value.owned())
}

fn pod(details: &DeliveryDetails<'_>) -> Option<ProofOfDelivery> {
    let pod = ProofOfDelivery {
        signed_by: details.signed_by_name.owned().or_else(|| details.received_by_name.owned()),
        delivered_to: details.location_description.owned(),
        ..ProofOfDelivery::default()
    };
    (pod != ProofOfDelivery::default()).then_some(pod)
}

fn measures(package: &PackageDetails<'_>) -> Option<Measures> {
    let measured = package.weight_and_dimensions.0.as_ref();
    let mut measures = Measures { pieces: package.count.get().and_then(|n| n.parse().ok()), ..Measures::default() };
    let unit =
        |text: &Text<'_>| text.code(0).and_then(|u| ["lb", "kg", "cm", "in"].into_iter().find(|known| u.eq_ignore_ascii_case(known)));
    let amount = |text: &Text<'_>| text.get().and_then(Amount::parse);
    if let Some((weight, unit)) = measured.and_then(|m| m.weight.0.first()).and_then(|w| Some((amount(&w.value)?, unit(&w.unit)?))) {
        (measures.weight, measures.weight_unit) = (Some(weight), Some(unit.to_owned()));
    }
    if let Some((d, unit)) = measured.and_then(|m| m.dimensions.0.first()).and_then(|d| Some((d, unit(&d.units)?))) {
        (measures.length, measures.width, measures.height) = (amount(&d.length), amount(&d.width), amount(&d.height));
        measures.length_unit = Some(unit.to_owned());
    }
    (measures != Measures::default()).then_some(measures)
}
