//! What the names and values of a sample look like.

use serde_json::Value;

use super::path::text;
use super::when::Format;
use crate::domain::vocabulary::TimePrecision;

/// Formats in the order in which they are tried; day before month, as most of the world writes it.
const FORMATS: [&str; 15] = [
    "iso",
    "compact",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y",
    "%B %d, %Y %I:%M %p",
    "%Y/%m/%d %H:%M:%S",
];

pub(super) const NUMBER: &[&str] = &[
    "trackingnumber",
    "trackingno",
    "tracking",
    "track",
    "awb",
    "waybill",
    "parcelnumber",
    "parcelno",
    "parcel",
    "consignment",
    "unitno",
    "barcode",
    "shipment",
    "number",
];
pub(super) const TIME: &[&str] = &["eventdatetime", "eventtime", "eventdate", "timestamp", "datetime", "when", "time", "date", "occurred"];
/// What lists of events are called; other lists have times too.
pub(super) const EVENTS: &[&str] = &["event", "history", "scan", "activit", "checkpoint", "movement", "statusinfo"];
pub(super) const CODE: &[&str] = &["eventcode", "statuscode", "code", "status", "event", "state", "type"];
pub(super) const DESCRIPTION: &[&str] = &["description", "desc", "text", "message", "remark", "note", "name"];
pub(super) const CITY: &[&str] = &["city", "town", "locality", "location", "place"];
pub(super) const STATE: &[&str] = &["state", "province", "region"];
pub(super) const POSTAL_CODE: &[&str] = &["postalcode", "postcode", "zip"];
pub(super) const COUNTRY: &[&str] = &["countrycode", "country"];
pub(super) const ETA: &[&str] = &["eta", "estimateddelivery", "expecteddelivery", "estimated", "expected", "promised"];
pub(super) const SIGNED: &[&str] = &["signedby", "signed", "receivedby", "signatory"];

/// A scalar of a sample.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// From the node that was looked into.
    pub(super) path: String,
    /// The last name of the path: lower case, letters and digits only.
    pub(super) name: String,
    pub(super) text: String,
}

/// Every scalar below a node that no list stands before.
pub(super) fn leaves(node: &Value, path: &str, found: &mut Vec<Leaf>) {
    let Value::Object(object) = node else { return };
    for (key, value) in object {
        let path = format!("{path}{}", step(key));
        if value.is_object() {
            leaves(value, &path, found);
        } else if let Some(text) = text(value) {
            let name = key.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
            found.push(Leaf { path, name, text: text.into_owned() });
        }
    }
}

/// One name as a path has it.
pub(super) fn step(name: &str) -> String {
    let plain =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { format!(".{name}") } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// The leaf whose name fits best, then others whose names fit.
pub(super) fn best<'l>(leaves: &'l [Leaf], words: &[&str], fits: impl Fn(&Leaf) -> bool) -> Option<(&'l Leaf, Vec<&'l Leaf>)> {
    let rank = |leaf: &Leaf| words.iter().position(|word| leaf.name.contains(word));
    let mut fitting: Vec<_> = leaves.iter().filter(|leaf| fits(leaf)).filter_map(|leaf| Some((rank(leaf)?, leaf))).collect();
    fitting.sort_by_key(|(rank, _)| *rank);
    let mut fitting = fitting.into_iter().map(|(_, leaf)| leaf);
    Some((fitting.next()?, fitting.collect()))
}

/// The format that a time is written in, and how exactly it tells.
pub(super) fn format(name: &str, text: &str) -> Option<(&'static str, TimePrecision)> {
    let is_time = TIME.iter().chain(ETA).any(|word| name.contains(word));
    if is_time && text.len() >= 10 && text.bytes().all(|b| b.is_ascii_digit()) && Format::Epoch.read(text).is_some() {
        return Some(("epoch", TimePrecision::Second));
    }
    FORMATS.into_iter().find_map(|name| {
        // Eight digits alone are more often a number than a day.
        let sent = Format::parse(name).ok()?.read(text).filter(|_| name != "compact" || is_time)?;
        Some((name, sent.precision))
    })
}

/// A time in a spelling whose order is that of time; `None` where no format reads it.
pub(super) fn in_order(name: &str, text: &str) -> Option<String> {
    let (format, _) = format(name, text)?;
    Some(Format::parse(format).ok()?.read(text)?.digits())
}

/// Whether a leaf is a clock without a day. Digits alone are one only where the name says so.
pub(super) fn is_clock(leaf: &Leaf) -> bool {
    let text = &leaf.text;
    let is_compact = leaf.name.contains("time") && matches!(text.len(), 4 | 6) && text.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 8 && text.contains(':') && Format::Iso.read(&format!("2026-11-20 {text}")).is_some()
        || is_compact && Format::Compact.read(&format!("20261120 {text}")).is_some()
}
