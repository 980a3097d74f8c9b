//! CloudEvents 1.0 on Kafka: binary mode out; binary and structured mode in.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::record::Record;
use crate::domain::time::{Micros, parse_rfc3339, rfc3339};
use crate::domain::verdict::{Code, Park};

/// `content-type` of every canonical record.
pub const AVRO: &str = "application/avro";
/// Longest `ce_id` or `content-type` that is believed, bytes.
const TEXT_MAX: usize = 512;

/// Headers of a canonical record in binary mode.
#[derive(Debug)]
pub struct OutputHeaders {
    id: String,
    kind: String,
    time: Option<String>,
    traceparent: String,
}

impl OutputHeaders {
    /// The headers of a record.
    #[must_use]
    pub fn new(record: &Record, traceparent: String) -> Self {
        Self {
            id: record.id(),
            kind: format!("waybill.{}.v1", record.name()),
            // A record that does not know its time says none, which CloudEvents allows; 1970 would be a lie.
            time: Some(record.time()).filter(|at| *at != 0).map(rfc3339),
            traceparent,
        }
    }

    /// Names and values in their order. `source`: `waybill/` and the service.
    #[must_use]
    pub fn pairs<'a>(&'a self, source: &'a str) -> Vec<(&'a str, &'a [u8])> {
        let mut pairs = Vec::with_capacity(7);
        pairs.extend([
            ("ce_specversion", &b"1.0"[..]),
            ("ce_id", self.id.as_bytes()),
            ("ce_source", source.as_bytes()),
            ("ce_type", self.kind.as_bytes()),
        ]);
        pairs.extend(self.time.as_ref().map(|time| ("ce_time", time.as_bytes())));
        pairs.extend([("content-type", AVRO.as_bytes()), ("traceparent", self.traceparent.as_bytes())]);
        pairs
    }
}

/// A received message out of its envelope. Whatever the envelope does not tell is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The body as the carrier sent it, byte for byte.
    pub body: Cow<'a, [u8]>,
    /// Its media type as sent, parameters included.
    pub content_type: Option<Cow<'a, str>>,
    /// The relay's id of the telling.
    pub ce_id: Option<Cow<'a, str>>,
    /// When the relay says it happened, UTC microseconds.
    pub ce_time: Option<Micros>,
}

/// Takes a message out of its envelope. Without CloudEvents headers the value is the body.
///
/// # Errors
/// `WB-0112` when `content-type` says structured mode and the value is no such envelope, or is a batch.
pub fn open<'a>(headers: &'a [(String, Vec<u8>)], value: &'a [u8]) -> Result<Envelope<'a>, Park> {
    let content_type = header(headers, "content-type").or_else(|| header(headers, "http_header_content-type"));
    let media = content_type.map(|t| t.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).unwrap_or_default();
    match media.as_str() {
        "application/cloudevents+json" => structured(value),
        other if other.starts_with("application/cloudevents") => Err(park("only single events in JSON are read in structured mode")),
        _ => Ok(Envelope {
            body: Cow::Borrowed(value),
            content_type: content_type.map(Cow::Borrowed),
            ce_id: header(headers, "ce_id").map(Cow::Borrowed),
            ce_time: header(headers, "ce_time").and_then(parse_rfc3339),
        }),
    }
}

/// The first header of this name, whatever its case, that is text of believable length.
#[must_use]
pub fn header<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .filter(|(n, value)| n.eq_ignore_ascii_case(name) && !value.is_empty() && value.len() <= TEXT_MAX)
        .find_map(|(_, value)| std::str::from_utf8(value).ok())
}

#[derive(Deserialize)]
struct Structured<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    datacontenttype: Option<Cow<'a, str>>,
    // Raw, so that the carrier's own spelling of numbers and spaces survives.
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data_base64: Option<Cow<'a, str>>,
}

fn structured(value: &[u8]) -> Result<Envelope<'_>, Park> {
    let event: Structured<'_> = serde_json::from_slice(value).map_err(|_| park("not a CloudEvent in JSON"))?;
    if !event.specversion.starts_with("1.") {
        return Err(park("specversion is not 1.x"));
    }
    let body = match (event.data, event.data_base64) {
        (Some(data), None) => plain(data, event.datacontenttype.as_deref())?,
        (None, Some(text)) => Cow::Owned(STANDARD.decode(text.as_bytes()).map_err(|_| park("data_base64 is not base64"))?),
        (Some(_), Some(_)) => return Err(park("both data and data_base64")),
        (None, None) => return Err(park("neither data nor data_base64")),
    };
    let short = |text: &Cow<'_, str>| !text.is_empty() && text.len() <= TEXT_MAX;
    Ok(Envelope {
        body,
        content_type: Some(event.datacontenttype.filter(short).unwrap_or(Cow::Borrowed("application/json"))),
        ce_id: event.id.filter(short),
        ce_time: event.time.as_deref().and_then(parse_rfc3339),
    })
}

/// `data` is JSON as it stands, unless its type says otherwise and it is a string: then it is the string's text.
fn plain<'a>(data: &'a RawValue, content_type: Option<&str>) -> Result<Cow<'a, [u8]>, Park> {
    let media = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = media.ends_with("/json") || media.ends_with("+json");
    if json || !data.get().starts_with('"') {
        return Ok(Cow::Borrowed(data.get().as_bytes()));
    }
    serde_json::from_str::<String>(data.get()).map(|text| Cow::Owned(text.into_bytes())).map_err(|_| park("data is not text"))
}

fn park(cause: &str) -> Park {
    Park::new(Code::BAD_ENVELOPE, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_bare_value_is_its_own_body() {
        let opened = open(&[], b"\xff\0").expect("opens");
        assert_eq!(opened, Envelope { body: Cow::Borrowed(b"\xff\0"), content_type: None, ce_id: None, ce_time: None });
    }

    #[test]
    fn binary_mode_whatever_the_case_of_its_names() {
        let sent = headers(&[("CE_ID", "e-1"), ("Ce_Time", "2026-11-20T08:15:00+01:00"), ("Content-Type", "text/xml; charset=utf-8")]);
        let opened = open(&sent, b"<x/>").expect("opens");
        assert_eq!(opened.ce_id.as_deref(), Some("e-1"));
        assert_eq!(opened.ce_time.map(rfc3339).as_deref(), Some("2026-11-20T07:15:00Z"));
        assert_eq!(opened.content_type.as_deref(), Some("text/xml; charset=utf-8"));
        assert!(matches!(opened.body, Cow::Borrowed(b"<x/>")));
    }

    #[test]
    fn structured_mode_gives_the_bytes_of_the_carrier() {
        let mode = headers(&[("content-type", "Application/CloudEvents+JSON; charset=UTF-8")]);
        for (value, body, content_type) in [
            (r#"{"specversion":"1.0","id":"1","data":{"n": 1.10}}"#, r#"{"n": 1.10}"#, "application/json"),
            (r#"{"specversion":"1.0","datacontenttype":"application/json","data":"a"}"#, r#""a""#, "application/json"),
            (r#"{"specversion":"1.0","datacontenttype":"text/xml","data":"<x a=\"1\"/>"}"#, r#"<x a="1"/>"#, "text/xml"),
            (r#"{"specversion":"1.0","datacontenttype":"application/edi-x12","data_base64":"SVNBKg=="}"#, "ISA*", "application/edi-x12"),
        ] {
            let opened = open(&mode, value.as_bytes()).expect(value);
            assert_eq!(std::str::from_utf8(&opened.body), Ok(body), "{value}");
            assert_eq!(opened.content_type.as_deref(), Some(content_type), "{value}");
        }
    }

    #[test]
    fn a_broken_envelope_is_parked() {
        let mode = headers(&[("content-type", "application/cloudevents+json")]);
        for value in [
            "",
            "[]",
            r#"{"id":"1","data":{}}"#,
            r#"{"specversion":"0.3","data":{}}"#,
            r#"{"specversion":"1.0"}"#,
            r#"{"specversion":"1.0","data":{},"data":{}}"#,
            r#"{"specversion":"1.0","data":{},"data_base64":"AA=="}"#,
            r#"{"specversion":"1.0","data_base64":"*"}"#,
            r#"{"specversion":"1.0","data":{}} x"#,
        ] {
            assert_eq!(open(&mode, value.as_bytes()).map_err(|p| p.code), Err(Code::BAD_ENVELOPE), "{value}");
        }
        let batch = headers(&[("content-type", "application/cloudevents-batch+json")]);
        assert!(open(&batch, b"[]").is_err());
    }

    #[test]
    fn outputs_carry_what_the_binding_asks_for() {
        let record = Record::OdooCommand(Box::new(crate::domain::odoo_command::OdooCommand {
            command_id: "c-1".into(),
            odoo_instance: "main".into(),
            kind: "note".into(),
            model: "stock.picking".into(),
            record_id: None,
            arguments: "{}".into(),
            cause_id: "e".into(),
            requested_at: 1_763_625_600_000_000,
        }));
        let sent = OutputHeaders::new(&record, "00-a".to_owned());
        let sent = sent.pairs("waybill/odoo-writer");
        for (name, value) in [
            ("ce_specversion", "1.0"),
            ("ce_id", "c-1"),
            ("ce_source", "waybill/odoo-writer"),
            ("ce_type", "waybill.OdooCommand.v1"),
            ("ce_time", "2025-11-20T08:00:00Z"),
            ("content-type", "application/avro"),
            ("traceparent", "00-a"),
        ] {
            assert!(sent.contains(&(name, value.as_bytes())), "{name}");
        }
    }
}
