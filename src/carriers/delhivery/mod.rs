//! Delhivery: the push of one scan (or a list of them) and the answer of the Track API.
//! In come the bytes of either; out come canonical events, the same scan with the same key from both.
//! The code table is `codes.tsv`, by status type and status, for a delivery that failed also by the NSL code.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `delhivery-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "delhivery-3";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `delhivery`.
#[derive(Debug)]
pub struct Delhivery {
    settings: DialectSettings,
}

impl Delhivery {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Delhivery {
    fn source(&self) -> &'static str {
        "delhivery"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
