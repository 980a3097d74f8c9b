//! FedEx: the answer of the Track API, which is also the body of its push.
//! In come its bytes; out come canonical events, one for each scan of each parcel that was asked for.
//! The code table is `codes.tsv`: scans by event type, reasons by exception code, delays by type.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `fedex-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "fedex-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
pub(super) static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `fedex`.
#[derive(Debug)]
pub struct FedEx {
    settings: DialectSettings,
}

impl FedEx {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for FedEx {
    fn source(&self) -> &'static str {
        "fedex"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
