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
    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park>;
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

/// The events of all parcels of a message that can be read: one odd parcel does not take the others with it.
///
/// # Errors
/// The first that there is, where no parcel gives an event.
fn of_all<T>(
    parcels: impl Iterator<Item = T>,
    mut read: impl FnMut(T) -> Result<Vec<ShipmentEvent>, Park>,
) -> Result<Vec<ShipmentEvent>, Park> {
    let (mut events, mut first) = (Vec::new(), None);
    for parcel in parcels {
        match read(parcel) {
            Ok(mut told) => events.append(&mut told),
            Err(park) => first = first.or(Some(park)),
        }
    }
    first.filter(|_| events.is_empty()).map_or(Ok(events), Err)
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

    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        let mut events = self.0.parse(message)?;
        events.iter_mut().for_each(event::bound);
        Ok(events)
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
    fn a_number_of_punctuation_is_no_number() {
        let body = |number: String| json!({"event": "tracking_update", "msg": {"tracking_number": number, "tag": "InTransit"}}).to_string();
        let number = |dashes: usize| body(format!("9400100000000000000001{}", "-".repeat(dashes)));
        assert!(testing::parse("aftership", number(106).as_bytes()).is_ok());
        let parked = testing::parse("aftership", number(107).as_bytes());
        assert_eq!(parked.map_err(|p| p.code).err(), Some(Code::BAD_TRACKING_NUMBER));
    }
}
