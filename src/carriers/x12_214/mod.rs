//! Shipment status of ASC X12 (transaction set 214), as freight and parcel carriers send it by EDI.
//! In comes a body with one or more interchanges; out comes one event for each AT7 of each 214, or the reason why there is none.
//! A body counts whole or not at all: where one set is cut off or names no shipment, nothing of it is published.

mod clock;
mod event;
mod meaning;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, RawMessage};
use crate::domain::event::ShipmentEvent;
use crate::domain::verdict::{Code, Park};

/// The id of the source.
const SOURCE: &str = "x12_214";
/// Version of `codes.tsv` and of the rules around it.
const MAPPING_VERSION: &str = "x12_214-1";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// Media types under which relays pass on X12; whatever else is declared contradicts the source.
const MEDIA_TYPES: &[&str] = &[
    "application/edi-x12",
    "application/x12",
    "application/edi-consent",
    "application/octet-stream",
    "binary/octet-stream",
    "text/plain",
    "text/x12",
    "text/edi",
];

/// The dialect of transaction set 214.
#[derive(Debug)]
pub struct X12_214 {
    settings: DialectSettings,
    clock: clock::Clock,
}

impl X12_214 {
    /// A dialect with its settings; the zones that it names are looked up here.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        let clock = clock::Clock::new(settings.account_zone.clone());
        Self { settings, clock }
    }
}

impl Dialect for X12_214 {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        check(message, &self.settings)?;
        let sets = parse::sets(message.body, self.settings.events_max)?;
        sets.iter()
            .flat_map(|set| set.scans.iter().map(move |scan| (set, scan)))
            .map(|(set, scan)| event::event(&self.clock, message, set, scan))
            .collect()
    }
}

/// What can be said before the first segment is read.
fn check(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<(), Park> {
    let body = message.body;
    if body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("{} bytes, {} are allowed", body.len(), settings.body_bytes_max)));
    }
    if body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii().is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    let declared = message.content_type.and_then(|t| t.split(';').next()).map(|t| t.trim().to_ascii_lowercase());
    if declared.is_some_and(|t| !t.is_empty() && !MEDIA_TYPES.contains(&t.as_str())) {
        return Err(Park::new(Code::WRONG_CONTENT_TYPE, "content-type is not one of X12"));
    }
    if body.starts_with(b"\xFF\xFE") || body.starts_with(b"\xFE\xFF") {
        return Err(Park::new(Code::NOT_UTF8, "the body is UTF-16"));
    }
    Ok(())
}
