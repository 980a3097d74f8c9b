//! DPD: the Tracking Push (one status in the query string of a GET) and the answer of the ParcelLifeCycle service (XML).
//! In comes the query string as a relay passes it on, the same as a JSON object, or the answer; out come canonical events.
//! The code table is `codes.tsv`, with the two lists of DPD apart: they have no code in common, and no happening of one is found in the other.

mod answer;
mod clock;
mod push;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::{Dialect, DialectSettings, Parsed, RawMessage, declares};
use crate::domain::verdict::{Code, Park};

const SOURCE: &str = "dpd";
/// `dpd-<n>`: counted up with every change of `codes.tsv` that changes a meaning.
const MAPPING_VERSION: &str = "dpd-2";
const TABLE_TEXT: &str = include_str!("codes.tsv");
static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(TABLE_TEXT));

/// The dialect `dpd`.
#[derive(Debug)]
pub struct Dpd {
    settings: DialectSettings,
}

impl Dpd {
    /// A dialect with its settings.
    #[must_use]
    pub fn new(settings: DialectSettings) -> Self {
        Self { settings }
    }
}

impl Dialect for Dpd {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read(&self, message: &RawMessage<'_>) -> Result<Parsed, Park> {
        match form(message)? {
            Form::Query => push::query(message, &self.settings).map(Parsed::from),
            Form::Json => push::json(message, &self.settings).map(Parsed::from),
            Form::Xml => answer::parse(message, &self.settings),
        }
    }
}

enum Form {
    Query,
    Json,
    Xml,
}

/// By the content type; a GET has none, and then by the first character.
fn form(message: &RawMessage<'_>) -> Result<Form, Park> {
    let declared = message.content_type.and_then(|t| t.split(';').next()).map(|t| t.trim().to_ascii_lowercase());
    match declared.as_deref() {
        None | Some("") => {
            let body = message.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message.body).trim_ascii_start();
            Ok(match body.first() {
                Some(b'<') => Form::Xml,
                Some(b'{') => Form::Json,
                _ => Form::Query,
            })
        }
        Some("application/x-www-form-urlencoded" | "text/plain") => Ok(Form::Query),
        Some("application/json") => Ok(Form::Json),
        Some(declared) if declares(declared, "xml") => Ok(Form::Xml),
        Some(_) => Err(Park::new(Code::WRONG_CONTENT_TYPE, "content type is neither a form, JSON nor XML")),
    }
}
