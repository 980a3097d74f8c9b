//! Sendcloud: the webhook `parcel_status_changed` (v2) and the event subscription `parcels.event.created` (v3), one happening each.
//! In come their bytes; out come canonical events of the carrier behind the aggregator.
//! The code table is `codes.tsv`: the list of statuses of v2, and phase, exception and sub-status of v3.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `sendcloud-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "sendcloud-3";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `sendcloud`.
#[derive(Debug)]
pub struct Sendcloud {
    settings: DialectSettings,
}

impl Sendcloud {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Sendcloud {
    fn source(&self) -> &'static str {
        "sendcloud"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
