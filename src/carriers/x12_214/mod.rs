//! Shipment status of ASC X12 (transaction set 214), as freight and parcel carriers send it by EDI.
//! In comes a body with one or more interchanges; out comes one event for each AT7 of each 214, or the reason why there is none.
//! A status that names no shipment takes nothing from the others; where the syntax of a body is broken, or one set is cut off, nothing
//! of it is published.

mod clock;
mod event;
mod meaning;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::parsed::Gathered;
use super::{Dialect, DialectSettings, Parsed, RawMessage, edi};
use crate::domain::verdict::{Code, Park};

/// The id of the source.
const SOURCE: &str = "x12_214";
/// Version of `codes.tsv` and of the rules around it.
const MAPPING_VERSION: &str = "x12_214-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// Media types of X12.
const MEDIA_TYPES: &[&str] = &["application/edi-x12", "application/x12", "text/x12"];

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

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        edi::check(message, &self.settings, MEDIA_TYPES)?;
        let sets = parse::sets(message.body, self.settings.events_max)?;
        let mut gathered = Gathered::default();
        for (set, scan) in sets.iter().flat_map(|set| set.scans.iter().map(move |scan| (set, scan))) {
            let left = self.settings.events_max.saturating_sub(gathered.len());
            gathered.add(event::events(&self.clock, message, set, scan, left))?;
        }
        gathered.finish(|| Park::new(Code::MISSING_FIELD, "no AT7 in any transaction set 214"))
    }
}
