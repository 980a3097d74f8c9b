//! Multimodal status report of UN/EDIFACT (IFTSTA), as carriers and forwarders send it by EDI, UPS Quantum View among them.
//! In comes a body with one or more interchanges; out comes one event for each STS of each IFTSTA, or the reason why there is none.
//! A status that names no consignment takes nothing from the others; where the syntax of a body is broken, or a message is cut off,
//! nothing of it is published.

mod clock;
mod event;
mod meaning;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::parsed::Gathered;
use super::{Dialect, DialectSettings, Parsed, RawMessage, edi};
use crate::domain::verdict::{Code, Park};

/// The id of the source.
const SOURCE: &str = "edifact_iftsta";
/// Version of `codes.tsv` and of the rules around it.
const MAPPING_VERSION: &str = "edifact_iftsta-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// Media types of EDIFACT.
const MEDIA_TYPES: &[&str] = &["application/edifact", "text/edifact"];

/// The dialect of the message IFTSTA.
#[derive(Debug)]
pub struct EdifactIftsta {
    settings: DialectSettings,
}

impl EdifactIftsta {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for EdifactIftsta {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        edi::check(message, &self.settings, MEDIA_TYPES)?;
        let reports = parse::reports(message.body, self.settings.events_max)?;
        let mut gathered = Gathered::default();
        for (report, scan) in reports.iter().flat_map(|report| report.scans.iter().map(move |scan| (report, scan))) {
            let left = self.settings.events_max.saturating_sub(gathered.len());
            gathered.add(event::events(message, &self.settings, report, scan, left))?;
        }
        gathered.finish(|| Park::new(Code::MISSING_FIELD, "no STS in any message IFTSTA"))
    }
}
