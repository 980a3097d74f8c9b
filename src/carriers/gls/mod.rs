//! GLS: the answer of the Track and Trace API, in both of its spellings.
//! In come its bytes; out come canonical events, one for each event of each parcel, and one for a status that no event tells.
//! The code table is `codes.tsv`, by event code (group and detail) and by the parcel's status.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `gls-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "gls-3";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `gls`.
#[derive(Debug)]
pub struct Gls {
    settings: DialectSettings,
}

impl Gls {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Gls {
    fn source(&self) -> &'static str {
        "gls"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
