//! UPS: the Track Alert push (one activity in a body) and the answer of the Track API (many).
//! In come the bytes of either; out come canonical events, the same happening with the same key from both.
//! The code table is `codes.tsv`, by activity type and code; the customer-facing status code stands in for an unknown one.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `ups-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "ups-1";
/// The types of activities, which are the first columns of the table beside `status` and `location`.
pub(super) const TYPES: &[&str] = &["D", "I", "M", "MV", "P", "U", "X"];
const TABLE_TEXT: &str = include_str!("codes.tsv");
pub(super) static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `ups`.
#[derive(Debug)]
pub struct Ups {
    settings: DialectSettings,
}

impl Ups {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Ups {
    fn source(&self) -> &'static str {
        "ups"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
