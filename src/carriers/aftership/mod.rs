//! AfterShip: the events `tracking_update`, `edd_revise` and `tracking_pending_time`, each with the whole history.
//! In come their bytes; out come canonical events of the carrier behind the aggregator.
//! The code table is `codes.tsv`, by subtag and tag.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `aftership-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "aftership-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `aftership`.
#[derive(Debug)]
pub struct AfterShip {
    settings: DialectSettings,
}

impl AfterShip {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for AfterShip {
    fn source(&self) -> &'static str {
        "aftership"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
