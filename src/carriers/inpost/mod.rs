//! InPost: the push of ShipX, one change of a shipment's status in a body.
//! In come its bytes; out comes one canonical event.
//! The code table is `codes.tsv`, by status.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `inpost-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "inpost-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `inpost`.
#[derive(Debug)]
pub struct InPost {
    settings: DialectSettings,
}

impl InPost {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for InPost {
    fn source(&self) -> &'static str {
        "inpost"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
