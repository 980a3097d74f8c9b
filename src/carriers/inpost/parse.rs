//! The push of ShipX, read into a happening.

use serde::Deserialize;

use super::super::codes::{CodeTable, Meaning};
use super::super::event::{Happening, Shipment};
use super::super::json::{self, Object, Text};
use super::super::times::{self, Sent, Suffix};
use super::super::{DialectSettings, RawMessage};
use super::MAPPING_VERSION;
use crate::domain::event::{Partner, RawCode, ShipmentEvent};
use crate::domain::time::Told;
use crate::domain::verdict::Park;
use crate::domain::vocabulary::TimeSource;

/// What the names of all events about a shipment begin with.
const ABOUT_SHIPMENT: &str = "shipment_";
/// The event whose payload says which status it is.
const STATUS_CHANGED: &str = "shipment_status_changed";

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    event_ts: Text<'a>,
    event: Text<'a>,
    payload: Object<Payload<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Payload<'a> {
    status: Text<'a>,
    tracking_number: Text<'a>,
    return_tracking_number: Text<'a>,
}

/// Reads one push.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings, table: &CodeTable) -> Result<Vec<ShipmentEvent>, Park> {
    let body: Body<'_> = json::read(json::object_text(message, settings)?)?;
    let Some(name) = body.event.get().filter(|name| name.starts_with(ABOUT_SHIPMENT)) else {
        return Err(json::not_tracking("not an event about a shipment"));
    };
    let payload = body.payload.0.as_ref().ok_or_else(|| json::missing("payload"))?;
    // An event that is itself the news (`shipment_confirmed`) has the status in its name.
    let status = match payload.status.get() {
        Some(status) => status,
        None if name == STATUS_CHANGED => return Err(json::missing("status")),
        None => name.strip_prefix(ABOUT_SHIPMENT).unwrap_or(name),
    };
    let numbers = &[payload.tracking_number.get()];
    let shipment = Shipment::new(message, ("inpost", MAPPING_VERSION), "inpost".into(), numbers)?;
    let sent = body.event_ts.get().and_then(times::iso);
    let happening = Happening {
        raw_code: RawCode { kind: Some(name.to_owned()), code: Some(status.to_owned()), sub_code: None },
        identity: (None, Some(status.to_ascii_uppercase())),
        time_key: sent.as_ref().map(Sent::digits).unwrap_or_default(),
        told: sent.as_ref().map(|sent| told(sent, settings)),
        ..Happening::default()
    };
    let mut event = shipment.event(happening, table.get("status", status, "").unwrap_or(Meaning::UNKNOWN));
    event.partner =
        payload.return_tracking_number.owned().map(|number| Partner { carrier: Some("inpost".to_owned()), tracking_number: Some(number) });
    Ok(vec![event])
}

fn told(sent: &Sent, settings: &DialectSettings) -> Told {
    match sent.suffix {
        Suffix::Numeric(offset) => Told::with_offset(sent.local, offset, sent.precision, TimeSource::CarrierOffset),
        Suffix::None | Suffix::Zulu => times::by_zone(sent, None, settings),
    }
}
