//! Multimodal status report of UN/EDIFACT (IFTSTA), as carriers and forwarders send it by EDI, UPS Quantum View among them.
//! In comes a body with one or more interchanges; out comes one event for each STS of each IFTSTA, or the reason why there is none.
//! A body counts whole or not at all: where one message is cut off or names no consignment, nothing of it is published.

mod clock;
mod event;
mod meaning;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, RawMessage, edi};
use crate::domain::event::ShipmentEvent;
use crate::domain::verdict::Park;

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

    fn parse(&self, message: &RawMessage<'_>) -> Result<Vec<ShipmentEvent>, Park> {
        edi::check(message, &self.settings, MEDIA_TYPES)?;
        let reports = parse::reports(message.body, self.settings.events_max)?;
        let mut events = Vec::new();
        for (report, scan) in reports.iter().flat_map(|report| report.scans.iter().map(move |scan| (report, scan))) {
            let left = self.settings.events_max.saturating_sub(events.len());
            events.append(&mut event::events(message, &self.settings, report, scan, left)?);
        }
        Ok(events)
    }
}
