//! USPS: the answer of the Tracking API (v3), alone or many in a list, and the push of its subscriptions.
//! In come the bytes of either; out come canonical events, the same happening with the same key from both.
//! The code table is `codes.tsv`, by event code; of a delivery also by the words that say where.

mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::{CodeTable, Meaning};
use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

/// `usps-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "usps-3";
const TABLE_TEXT: &str = include_str!("codes.tsv");
pub(super) static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// Where the words of a delivery say it went: what stands behind `Delivered`, with a comma or without.
pub(super) fn delivered_to(words: &str) -> Option<&str> {
    let begins = words.get(.."delivered".len()).is_some_and(|start| start.eq_ignore_ascii_case("delivered"));
    let rest = words.get("delivered".len()..).filter(|rest| begins && rest.starts_with([',', ' ']))?;
    Some(rest.trim_start_matches([',', ' ']).trim_end()).filter(|rest| !rest.is_empty())
}

/// What the fixed words of a delivery say. They may stand there twice, the special ones last.
pub(super) fn delivery(words: &str) -> Option<Meaning> {
    let last = words.rsplit(',').next().map(str::trim);
    let last = last.map(|words| delivered_to(words).unwrap_or(words));
    let known = |words: &str| TABLE.get("delivered", &words.to_ascii_uppercase(), "");
    last.filter(|_| delivered_to(words).is_some()).and_then(known).or_else(|| known(delivered_to(words)?))
}

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

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(message, &self.settings, &TABLE)
    }
}
