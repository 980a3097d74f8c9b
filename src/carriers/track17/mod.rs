//! 17TRACK: the pushes `TRACKING_UPDATED`, which tell the whole history each time, and `TRACKING_STOPPED`, and the API's answer.
//! In come their bytes; out come canonical events of the carrier behind the aggregator, of the last mile as of the first.
//! The code table is `codes.tsv`, by sub-status, stage and main status.

mod body;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `17track-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "17track-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `17track`.
#[derive(Debug)]
pub struct Track17 {
    settings: DialectSettings,
}

impl Track17 {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Track17 {
    fn source(&self) -> &'static str {
        "17track"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
