//! One status of the Tracking Push, as a query string or as a JSON object of the same names.

use serde::Deserialize;

use super::super::codes::Meaning;
use super::super::event::{self, Happening, Shipment};
use super::super::json::{self, Text};
use super::super::times::{self, Sent};
use super::super::{DialectSettings, RawMessage};
use super::{MAPPING_VERSION, SOURCE, TABLE};
use crate::domain::event::{ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::Milestone;

#[derive(Default)]
struct Push {
    pushid: Option<String>,
    pnr: Option<String>,
    status: Option<String>,
    statusdate: Option<String>,
    depot: Option<String>,
    receiver: Option<String>,
    pod: Option<String>,
}

impl Push {
    fn field(&mut self, name: &[u8]) -> Option<(&'static str, &mut Option<String>)> {
        Some(match name {
            b"pushid" => ("pushid", &mut self.pushid),
            b"pnr" => ("pnr", &mut self.pnr),
            b"status" => ("status", &mut self.status),
            b"statusdate" => ("statusdate", &mut self.statusdate),
            b"depot" => ("depot", &mut self.depot),
            b"receiver" => ("receiver", &mut self.receiver),
            b"pod" => ("pod", &mut self.pod),
            _ => return None,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Fields<'a> {
    pushid: Text<'a>,
    pnr: Text<'a>,
    status: Text<'a>,
    statusdate: Text<'a>,
    depot: Text<'a>,
    receiver: Text<'a>,
    pod: Text<'a>,
}

/// Reads a JSON object.
pub(super) fn json(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Vec<ShipmentEvent>, Park> {
    let fields: Fields<'_> = json::read(json::object_text(message, settings)?)?;
    let push = Push {
        pushid: fields.pushid.owned(),
        pnr: fields.pnr.owned(),
        status: fields.status.owned(),
        statusdate: fields.statusdate.owned(),
        depot: fields.depot.owned(),
        receiver: fields.receiver.owned(),
        pod: fields.pod.owned(),
    };
    event(message, settings, push)
}

/// Reads a query string, with or without its question mark.
pub(super) fn query(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Vec<ShipmentEvent>, Park> {
    if message.body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("bytes in the body: {}", message.body.len())));
    }
    let body = message.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message.body).trim_ascii();
    if body.is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    if !body.contains(&b'=') || body.iter().any(|b| b.is_ascii_control()) {
        return Err(Park::new(Code::MALFORMED, "neither a query string, JSON nor XML"));
    }
    let mut push = Push::default();
    for pair in body.strip_prefix(b"?").unwrap_or(body).split(|b| *b == b'&') {
        let mut parts = pair.splitn(2, |b| *b == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let Some((name, field)) = push.field(name) {
            if field.is_some() {
                return Err(Park::new(Code::DUPLICATE_KEY, format!("key is there twice: {name}")));
            }
            *field = Some(decoded(value));
        }
    }
    event(message, settings, push)
}

/// What stands behind `%` and `+`. Bytes that are not UTF-8 are read as ISO 8859-1, which loses nothing.
fn decoded(value: &[u8]) -> String {
    let digit = |at: usize| value.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4) | low);
                at += 3;
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        at += 1;
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().into_iter().map(char::from).collect());
    text.trim().to_owned()
}

fn event(message: &RawMessage<'_>, settings: &DialectSettings, push: Push) -> Result<Vec<ShipmentEvent>, Park> {
    let told = |field: Option<String>| field.filter(|text| !text.is_empty());
    let (pushid, pnr, status) = (told(push.pushid), told(push.pnr), told(push.status));
    if pushid.is_none() && pnr.is_none() {
        return Err(json::not_tracking("neither a push id nor a parcel number"));
    }
    let shipment = Shipment::new(message, (SOURCE, MAPPING_VERSION), SOURCE.into(), &[pnr.as_deref()])?;
    let status = status.ok_or_else(|| json::missing("status"))?;
    let code = status.to_ascii_lowercase();
    let place = event::place(None, None, None, None, told(push.depot));
    let statusdate = told(push.statusdate);
    let sent = statusdate.as_deref().and_then(day_first);
    let meaning = TABLE.get("push", &code, "").unwrap_or(Meaning::UNKNOWN);
    let happening = Happening {
        raw_code: RawCode { kind: None, code: Some(status), sub_code: None },
        identity: (None, Some(code)),
        // A time that cannot be read still tells two happenings apart.
        time_key: sent.as_ref().map(Sent::digits).or(statusdate).unwrap_or_default(),
        told: sent.as_ref().map(|s| times::by_zone(s, place.as_ref(), settings)),
        description: None,
        place,
    };
    let mut event = shipment.event(happening, meaning);
    event.source_event_id = pushid;
    if event.milestone == Milestone::Delivered {
        let pod = ProofOfDelivery { signed_by: told(push.receiver), signature_ref: told(push.pod), ..ProofOfDelivery::default() };
        event.pod = (pod != ProofOfDelivery::default()).then_some(pod);
    }
    Ok(vec![event])
}

/// `ddMMyyyyHHmmss`, the wall clock of the depot.
fn day_first(text: &str) -> Option<Sent> {
    if text.len() != 14 {
        return None;
    }
    let (day, month, year) = (text.get(..2)?, text.get(2..4)?, text.get(4..8)?);
    times::compact(&format!("{year}{month}{day}"), text.get(8..))
}
