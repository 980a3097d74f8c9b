//! DHL's unified tracking: one shape for the parcels of every division, as the answer of the API and as its push.
//! In comes the JSON of either; out come canonical events under the carrier that the service names (`dhl_express`, `dhl_parcel_de`, …).
//! The code table is `codes.tsv`, by service and the division's own code; for a code that is not in it the API's five statuses.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `dhl_unified-<n>`: counted up with every change of a meaning in `codes.tsv`, or in that of `dhl_express`.
const MAPPING_VERSION: &str = "dhl_unified-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `dhl_unified`.
#[derive(Debug)]
pub struct DhlUnified {
    settings: DialectSettings,
}

impl DhlUnified {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for DhlUnified {
    fn source(&self) -> &'static str {
        "dhl_unified"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
