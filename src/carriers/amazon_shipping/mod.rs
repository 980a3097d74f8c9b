//! Amazon Shipping: the push of tracking events and the answer of the tracking operation (v2).
//! In come the bytes of either; out come canonical events, each with the leg that it tells.
//! The code table is `codes.tsv`, by leg and event code; detail codes say where a parcel was left, or why it was not.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `amazon_shipping-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "amazon_shipping-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `amazon_shipping`.
#[derive(Debug)]
pub struct AmazonShipping {
    settings: DialectSettings,
}

impl AmazonShipping {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for AmazonShipping {
    fn source(&self) -> &'static str {
        "amazon_shipping"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE).map(Parsed::from)
    }
}
