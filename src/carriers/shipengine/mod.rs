//! ShipEngine (ShipStation API): the push `API_TRACK`, which tells the whole history each time, and the bare tracking answer.
//! In come their bytes; out come canonical events of the carrier behind the aggregator.
//! The code table is `codes.tsv`, by status detail and status; between the two the table of the carrier behind it is asked.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `shipengine-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "shipengine-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `shipengine`.
#[derive(Debug)]
pub struct ShipEngine {
    settings: DialectSettings,
}

impl ShipEngine {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for ShipEngine {
    fn source(&self) -> &'static str {
        "shipengine"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
