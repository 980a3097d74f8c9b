//! One dialect of a carrier or aggregator each, in a folder of its own.
//! In come the bytes of one message; out come canonical events, or the reason why nothing can be made of it.
//! Pure functions on bytes with code tables as data: no Kafka, no store, no network, no clock. Sources of others are described in files.
#![deny(clippy::indexing_slicing)]

pub mod aftership;
pub mod amazon_shipping;
pub mod billing;
pub mod codes;
pub mod countries;
pub mod data;
pub mod delhivery;
pub mod dhl_express;
pub mod dhl_unified;
pub mod dpd;
pub mod easypost;
pub mod edi;
pub mod edifact_iftsta;
pub mod event;
pub mod fedex;
pub mod gls;
pub mod inpost;
pub mod json;
pub mod names;
pub mod own;
pub mod parsed;
pub mod sendcloud;
pub mod shipengine;
pub mod shippo;
pub mod shiprocket;
pub mod signature;
#[cfg(test)]
mod testing;
pub mod times;
pub mod track17;
pub mod ups;
pub mod usps;
pub mod x12_214;
pub mod x12_ship;
pub mod xml;
pub mod zones;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use self::data::{DataDialect, Described};
pub use self::parsed::Parsed;
use crate::config::Finding;
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::time::Micros;
use crate::domain::verdict::Park;

/// One message of a source, out of its envelope.
#[derive(Debug)]
pub struct RawMessage<'a> {
    /// The body as received.
    pub body: &'a [u8],
    /// `content-type`, where the relay passed it on.
    pub content_type: Option<&'a str>,
    /// When it reached us, UTC microseconds.
    pub received_at: Micros,
    /// Where the bytes are; its SHA-256 is that of `body`.
    pub raw: RawRef,
}

/// What the configuration says about a source.
#[derive(Debug, Clone)]
pub struct DialectSettings {
    /// Zone of wall clocks of which nothing else is known (`time_source = account_zone`).
    pub account_zone: Option<jiff::tz::TimeZone>,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Most events in one message.
    pub events_max: usize,
}

impl Default for DialectSettings {
    fn default() -> Self {
        Self { account_zone: None, body_bytes_max: 4 << 20, events_max: 10_000 }
    }
}

/// A source's dialect. Built once, used for every message.
pub trait Dialect: Send + Sync {
    /// The id of the source: `ups`, `easypost`, `x12_214`.
    fn source(&self) -> &str;

    /// Reads one message. The events stand in the order of the message; at least one.
    ///
    /// # Errors
    /// A [`Park`] with a stable code when nothing can be made of the bytes. Never a panic, whatever the bytes.
    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park>;

    /// The events alone, for who does not ask what was left out.
    ///
    /// # Errors
    /// As [`Dialect::read`].
    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        self.read(message).map(|parsed| parsed.told)
    }
}

/// Every source there is: the built-in ones, and those that files describe.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    described: BTreeMap<String, Arc<Described>>,
}

impl Sources {
    /// The built-in sources, and those described in a directory, where one is named.
    ///
    /// # Errors
    /// Everything that is wrong with the descriptions.
    pub fn load(directory: Option<&Path>) -> Result<Self, Vec<Finding>> {
        let Some(directory) = directory else { return Ok(Self::default()) };
        let taken: Vec<&str> = built_in().collect();
        let described = data::directory(directory, &taken)?.into_iter();
        Ok(Self { described: described.map(|one| (one.id().to_owned(), Arc::new(one))).collect() })
    }

    /// The ids of all sources: what tells of parcels, billing files, notices, and what files describe.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        built_in().chain(self.described.keys().map(String::as_str))
    }

    /// The ids of what files describe.
    pub fn described(&self) -> impl Iterator<Item = &str> {
        self.described.keys().map(String::as_str)
    }

    /// The dialect of a source with its settings; `None` where there is no such source.
    #[must_use]
    pub fn dialect(&self, source: &str, settings: DialectSettings) -> Option<Box<dyn Dialect>> {
        match self.described.get(source) {
            Some(described) => Some(Box::new(Bounded(Box::new(DataDialect::new(described.clone(), settings))))),
            None => dialect(source, settings),
        }
    }
}

/// Every built-in source: what tells of parcels, billing files, notices.
fn built_in<'a>() -> impl Iterator<Item = &'a str> {
    SOURCES.iter().chain(billing::SOURCES).copied().chain([x12_ship::SOURCE])
}

/// Whether a content type is one of a syntax (`json`, `xml`): `application/…`, `text/…` or a suffix (`…+json`). An empty one is any.
fn declares(content_type: &str, syntax: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((family, sub)) = kind.split_once('/') else { return kind.is_empty() };
    let suffix = sub.strip_suffix(syntax).is_some_and(|rest| rest.len() > 1 && rest.ends_with('+'));
    suffix || sub == syntax && matches!(family, "application" | "text")
}

/// The sources that [`dialect`] knows.
pub const SOURCES: &[&str] = &[
    "ups",
    "fedex",
    "easypost",
    "x12_214",
    "shippo",
    "aftership",
    "shipengine",
    "sendcloud",
    "17track",
    "shiprocket",
    "usps",
    "delhivery",
    "inpost",
    "gls",
    "amazon_shipping",
    "dhl_express",
    "dpd",
    "dhl_unified",
    "edifact_iftsta",
];

/// The built-in dialect of a source with its settings; `None` for a source that is not in [`SOURCES`].
#[must_use]
pub fn dialect(source: &str, settings: DialectSettings) -> Option<Box<dyn Dialect>> {
    let dialect: Box<dyn Dialect> = match source {
        "ups" => Box::new(ups::Ups::new(settings)),
        "fedex" => Box::new(fedex::FedEx::new(settings)),
        "easypost" => Box::new(easypost::EasyPost::new(settings)),
        "aftership" => Box::new(aftership::AfterShip::new(settings)),
        "shipengine" => Box::new(shipengine::ShipEngine::new(settings)),
        "shippo" => Box::new(shippo::Shippo::new(settings)),
        "dhl_express" => Box::new(dhl_express::DhlExpress::new(settings)),
        "dhl_unified" => Box::new(dhl_unified::DhlUnified::new(settings)),
        "dpd" => Box::new(dpd::Dpd::new(settings)),
        "x12_214" => Box::new(x12_214::X12_214::new(settings)),
        "sendcloud" => Box::new(sendcloud::Sendcloud::new(settings)),
        "17track" => Box::new(track17::Track17::new(settings)),
        "shiprocket" => Box::new(shiprocket::Shiprocket::new(settings)),
        "usps" => Box::new(usps::Usps::new(settings)),
        "delhivery" => Box::new(delhivery::Delhivery::new(settings)),
        "inpost" => Box::new(inpost::InPost::new(settings)),
        "gls" => Box::new(gls::Gls::new(settings)),
        "amazon_shipping" => Box::new(amazon_shipping::AmazonShipping::new(settings)),
        "edifact_iftsta" => Box::new(edifact_iftsta::EdifactIftsta::new(settings)),
        _ => return None,
    };
    Some(Box::new(Bounded(dialect)))
}

/// A dialect whose events fit on a topic, whatever was sent.
struct Bounded(Box<dyn Dialect>);

impl Dialect for Bounded {
    fn source(&self) -> &str {
        self.0.source()
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        let mut parsed = self.0.read(message)?;
        parsed.told.iter_mut().for_each(event::bound);
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing;
    use crate::domain::event::ShipmentEvent;
    use crate::domain::verdict::Code;

    /// What the events take as JSON, bytes.
    fn size(events: &[ShipmentEvent]) -> usize {
        serde_json::to_vec(events).expect("JSON").len()
    }

    #[test]
    fn a_small_body_makes_no_large_events() {
        let long = "A".repeat(400_000);
        let scans = vec![json!({"tag": "InTransit"}); 200];
        let msg = json!({"tracking_number": "9400100000000000000001", "slug": "usps", "checkpoints": scans});
        let body = json!({"event": "tracking_update", "event_id": long, "msg": msg}).to_string();
        let told = testing::events("aftership", &body);
        assert_eq!((told.len(), size(&told) < 200 * 2_000), (200, true), "{} bytes", size(&told));

        let result = json!({"trackingId": "9400100000000000000001", "alternateLegTrackingId": long, "promisedDeliveryDate": long,
            "summary": {"status": "Delivered", "proofOfDelivery": {"receivedBy": long, "deliveryImageUrl": long},
                "trackingDetailCodes": {"forward": [long, long]}},
            "eventHistory": [{"eventCode": "Delivered", "eventTime": "2026-11-20T10:00:00Z", "location": {"city": long}}]});
        let told = testing::events("amazon_shipping", &json!({"payload": result}).to_string());
        assert!(told[0].pod.is_some() && told[0].partner.is_some() && told[0].raw_code.sub_code.is_some());
        assert!(size(&told) < 10_000, "{} bytes", size(&told));
    }

    #[test]
    fn a_content_type_is_of_a_syntax_by_its_name_or_suffix() {
        for (told, syntax, expected) in [
            ("application/json; charset=utf-8", "json", true),
            ("Text/JSON", "json", true),
            ("application/cloudevents+json", "json", true),
            ("application/SOAP+XML", "xml", true),
            ("", "xml", true),
            ("application/+json", "json", false),
            ("application/json", "xml", false),
            ("image/json", "json", false),
            ("json", "json", false),
        ] {
            assert_eq!(super::declares(told, syntax), expected, "{told}");
        }
    }

    /// The body of a source whose parcel has one scan without a code, and a status above it that was noticed at a minute.
    fn headed(source: &str, status: [&str; 2], swing: usize, minute: u8) -> String {
        let (status, at) = (status[swing % 2], "2026-11-20T10:00:00");
        let noticed = format!("2026-11-20T11:{minute:02}:00");
        match source {
            "shipengine" => json!({"tracking_number": "1Z1", "carrier_code": "ups", "status_code": status,
                "events": [{"occurred_at": at, "description": "Scan"}]}),
            "aftership" => json!({"event": "tracking_update", "msg": {"tracking_number": "1Z1", "slug": "ups", "tag": status,
                "updated_at": format!("{noticed}+00:00"), "checkpoints": [{"message": "Scan", "checkpoint_time": at}]}}),
            "17track" => json!({"event": "TRACKING_UPDATED", "data": {"number": "1Z1", "track_info": {"latest_status": {"status": status},
                "tracking": {"providers": [{"provider": {"name": "UPS"}, "events": [{"time_iso": at, "description": "Scan"}]}]}}}}),
            "shiprocket" => json!({"awb": "774100001", "courier_name": "Ekart", "shipment_status": status,
                "current_timestamp": noticed.replace('T', " "), "scans": [{"date": at.replace('T', " "), "status": "S"}]}),
            _ => json!({"parcels": [{"unitno": "51830277416", "status": status, "statusDateTime": format!("{noticed}+0100"),
                "events": [{"code": "NEW.ONE", "eventDateTime": format!("{at}+0100")}]}]}),
        }
        .to_string()
    }

    #[test]
    fn a_status_that_swings_over_one_scan_is_told_once_for_each_word() {
        for (source, status) in [
            ("shipengine", ["IT", "EX"]),
            ("aftership", ["InTransit", "Exception"]),
            ("17track", ["InTransit", "Exception"]),
            ("shiprocket", ["IN TRANSIT", "DELAYED"]),
            ("gls", ["INTRANSIT", "NOTDELIVERED"]),
        ] {
            let keys = |swing: u8| {
                let told = testing::events(source, &headed(source, status, swing.into(), swing));
                assert_eq!(told.len(), 2, "{source}: the scan and the status");
                told.into_iter().map(|e| e.event_id)
            };
            let mut all: Vec<_> = (0..6).flat_map(keys).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 3, "{source}: a scan and two words");
        }
    }

    #[test]
    fn what_comes_after_the_turn_is_no_delivery_whoever_tells_it() {
        let [turn, end] = ["2026-11-19T10:00:00", "2026-11-20T10:00:00"];
        let ups = |day: &str, kind: &str, code: &str| json!({"date": day, "time": "100000", "status": {"type": kind, "code": code}});
        let ups = [ups("20261120", "D", "FS"), ups("20261119", "X", "4R")];
        let usps = |at: &str, code: &str| json!({"eventTimestamp": at, "eventCode": code, "name": "M DOE"});
        let shippo = |at: &str, status: &str| json!({"status": status, "status_date": at});
        let easypost = |at: &str, status: &str| json!({"status": status, "datetime": at});
        let engine =
            |at: &str, code: &str| json!({"carrier_occurred_at": at, "status_code": "IT", "status_detail_code": code, "signer": "M DOE"});
        let aftership = |at: &str, subtag: &str| json!({"checkpoint_time": at, "subtag": subtag});
        for (source, body) in [
            (
                "ups",
                json!({"trackResponse": {"shipment": [{"package": [{"trackingNumber": "1Z1", "activity": ups,
                "deliveryInformation": {"receivedBy": "M DOE"}}]}]}}),
            ),
            ("usps", json!({"trackingNumber": "94001", "trackingEvents": [usps(end, "01"), usps(turn, "09")]})),
            (
                "shippo",
                json!({"event": "track_updated", "data": {"tracking_number": "1Z1", "carrier": "ups",
                "tracking_history": [shippo(turn, "RETURNED"), shippo(end, "DELIVERED")], "eta": end}}),
            ),
            (
                "easypost",
                json!({"object": "Tracker", "tracking_code": "1Z1", "carrier": "UPS", "signed_by": "M DOE",
                "tracking_details": [easypost(turn, "return_to_sender"), easypost(end, "delivered")]}),
            ),
            (
                "shipengine",
                json!({"tracking_number": "1Z1", "carrier_code": "ups", "status_code": "DE",
                "events": [engine(end, "DELIVERED"), engine(turn, "RETURN_TO_SENDER")]}),
            ),
            (
                "aftership",
                json!({"event": "tracking_update", "msg": {"tracking_number": "1Z1", "slug": "ups", "tag": "Delivered",
                "signed_by": "M DOE", "checkpoints": [aftership(turn, "Exception_010"), aftership(end, "Delivered_001")]}}),
            ),
        ] {
            let told = testing::events(source, &body.to_string());
            let last = told.iter().max_by_key(|e| e.occurred_local.clone()).expect("an event");
            let read = (told.len(), last.milestone.as_str(), last.leg.as_str(), last.pod.is_some() || last.eta.is_some());
            assert_eq!(read, (2, "returned", "return", false), "{source}");
        }
    }

    #[test]
    fn a_number_of_punctuation_is_no_number() {
        let body = |number: String| json!({"event": "tracking_update", "msg": {"tracking_number": number, "tag": "InTransit"}}).to_string();
        let number = |dashes: usize| body(format!("9400100000000000000001{}", "-".repeat(dashes)));
        assert!(testing::parse("aftership", number(106).as_bytes()).is_ok());
        let parked = testing::parse("aftership", number(107).as_bytes());
        assert_eq!(parked.map_err(|p| p.code).err(), Some(Code::BAD_TRACKING_NUMBER));
    }
}
