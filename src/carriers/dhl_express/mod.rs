//! DHL Express: the answer of the XML services' tracking, for one waybill or many.
//! In comes the XML; out come canonical events, one for each checkpoint of a shipment, or of its pieces where only they are told.
//! The code table is `codes.tsv`, by checkpoint code; DHL's unified tracking reads its Express shipments by the same one.

mod parse;
mod place;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub(super) use place::service_area;

use super::codes::{CodeTable, Meaning};
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `dhl_express-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "dhl_express-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// What a checkpoint code means, in upper case.
pub(super) fn checkpoint(code: &str) -> Option<Meaning> {
    TABLE.get("checkpoint", code, "")
}

/// The dialect `dhl_express`.
#[derive(Debug)]
pub struct DhlExpress {
    settings: DialectSettings,
}

impl DhlExpress {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for DhlExpress {
    fn source(&self) -> &'static str {
        "dhl_express"
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings)
    }
}
