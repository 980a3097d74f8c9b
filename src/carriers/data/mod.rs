//! Carriers as data: sources that one file describes, where the others have a folder of code.
//! In come descriptions from a directory, with everything that is wrong with them told at once, and then the bytes of messages.
//! Out go canonical events as from any other dialect, differences from a description's examples, and drafts of new descriptions.

mod check;
mod description;
mod draft;
mod examples;
mod guess;
mod load;
mod parse;
mod path;
#[cfg(test)]
mod tests;
mod tree;
mod when;

use std::sync::Arc;

pub use check::Described;
pub use draft::draft;
pub use examples::{Difference, run as run_examples};
pub use load::{directory, file};

use super::{Dialect, DialectSettings, Parsed, RawMessage};
use crate::domain::verdict::Park;

impl Described {
    /// The id of the source.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The dialect that a description speaks of.
#[derive(Debug)]
pub struct DataDialect {
    described: Arc<Described>,
    settings: DialectSettings,
}

impl DataDialect {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(described: Arc<Described>, settings: DialectSettings) -> Self {
        Self { described, settings }
    }
}

impl Dialect for DataDialect {
    fn source(&self) -> &str {
        &self.described.id
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        parse::parse(&self.described, message, &self.settings)
    }
}
