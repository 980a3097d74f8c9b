//! EasyPost: the events `tracker.created` and `tracker.updated`, which tell the whole history each time, and the bare tracker.
//! In come their bytes; out come canonical events of the carrier behind the aggregator.
//! The code table is `codes.tsv`, by status and status detail.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `easypost-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "easypost-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `easypost`.
#[derive(Debug)]
pub struct EasyPost {
    settings: DialectSettings,
}

impl EasyPost {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for EasyPost {
    fn source(&self) -> &'static str {
        "easypost"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
