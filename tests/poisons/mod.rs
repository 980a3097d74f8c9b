//! The table of poisons: what is sent, where to, and what must come of it.

#![allow(clippy::string_slice, reason = "cut where everything is ASCII")]

mod avro;
mod edi;
mod json;

use std::collections::BTreeMap;

use waybill::domain::verdict::Code;
use waybill::domain::vocabulary::Milestone;
use waybill::schema::codec::Codecs;

/// The one event that comes of an odd message that is accepted all the same.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// Shipment key.
    pub key: String,
    /// Carrier code.
    pub carrier: &'static str,
    pub milestone: Milestone,
    /// Wall clock to the minute, empty where none can be told.
    pub minute: String,
}

/// One odd message.
#[derive(Debug)]
pub(crate) struct Poison {
    pub name: &'static str,
    /// Topic without prefix.
    pub topic: &'static str,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// The code under which it is put aside; `None` where it is accepted.
    pub parked: Option<Code>,
    /// What is published of it, where something is.
    pub accepted: Option<Accepted>,
}

impl Poison {
    /// Put aside under a code, with this content type.
    fn parked(name: &'static str, topic: &'static str, content_type: &str, value: impl Into<Vec<u8>>, code: Code) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
        Self { name, topic, value: Some(value.into()), headers, parked: Some(code), accepted: None }
    }

    /// Well enough to be used.
    fn fine(self, accepted: Option<Accepted>) -> Self {
        Self { parked: None, accepted, ..self }
    }

    /// Put aside, and what can be read of it is published all the same.
    fn beside(self, accepted: Option<Accepted>) -> Self {
        Self { accepted, ..self }
    }

    fn without_value(self) -> Self {
        Self { value: None, ..self }
    }

    fn with_headers(mut self, headers: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// Every kind.
pub(crate) fn all(schema_ids: &BTreeMap<String, u32>, codecs: &Codecs) -> Vec<Poison> {
    let mut all = json::carriers();
    all.extend(json::values());
    all.extend(json::envelopes());
    all.extend(json::odoo(schema_ids));
    all.extend(edi::all());
    all.extend(avro::all(schema_ids, codecs));
    all
}

/// `open` so many times with nothing inside.
fn nested(depth: usize) -> Vec<u8> {
    [b"{\"a\":".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat()
}
