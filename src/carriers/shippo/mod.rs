//! Shippo: the event `track_updated`, which tells the whole history each time, and the bare track that the API answers with.
//! In come their bytes; out come canonical events of the carrier behind the aggregator.
//! The code table is `codes.tsv`, by status and substatus.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `shippo-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "shippo-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `shippo`.
#[derive(Debug)]
pub struct Shippo {
    settings: DialectSettings,
}

impl Shippo {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Shippo {
    fn source(&self) -> &'static str {
        "shippo"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
