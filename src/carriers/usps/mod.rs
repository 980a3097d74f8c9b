//! USPS: the answer of the Tracking API (v3), alone or many in a list, and the push of its subscriptions.
//! In come the bytes of either; out come canonical events, the same happening with the same key from both.
//! The code table is `codes.tsv`, by event code; of a delivery also by the words that say where.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, RawMessage};
use crate::domain::event::ShipmentEvent;
use crate::domain::verdict::Park;

/// `usps-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "usps-1";
const TABLE_TEXT: &str = include_str!("codes.tsv");
pub(super) static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `usps`.
#[derive(Debug)]
pub struct Usps {
    settings: DialectSettings,
}

impl Usps {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Usps {
    fn source(&self) -> &'static str {
        "usps"
    }

    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
