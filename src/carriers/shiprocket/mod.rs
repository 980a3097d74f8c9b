//! Shiprocket: the tracking webhook, which tells the whole history of a parcel as scans each time.
//! In come its bytes; out come canonical events of the courier behind the aggregator.
//! The code table is `codes.tsv`, by label and by shipment status id, never by the other numbering that stands beside it.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `shiprocket-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "shiprocket-3";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `shiprocket`.
#[derive(Debug)]
pub struct Shiprocket {
    settings: DialectSettings,
}

impl Shiprocket {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Shiprocket {
    fn source(&self) -> &'static str {
        "shiprocket"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
