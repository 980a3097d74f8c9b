//! What the tests of all dialects share.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::{Dialect, DialectSettings, RawMessage};
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::verdict::{Code, Park};

/// 2026-11-21T00:00:00Z.
pub(super) const RECEIVED_AT: i64 = 1_795_219_200_000_000;

pub(super) fn message(body: &[u8]) -> RawMessage<'_> {
    let raw = RawRef { topic: "raw.carrier.test".into(), partition: 1, offset: 7, sha256: "00".into() };
    RawMessage { body, content_type: Some("application/json; charset=utf-8"), received_at: RECEIVED_AT, raw }
}

pub(super) fn dialect(source: &str) -> Box<dyn Dialect> {
    super::dialect(source, DialectSettings::default()).expect("a known source")
}

pub(super) fn parse(source: &str, body: &[u8]) -> Result<Vec<ShipmentEvent>, Park> {
    dialect(source).parse(&RawMessage { content_type: content_type(source), ..message(body) })
}

/// What a relay says of the bodies of a source; nothing where they come in several forms.
fn content_type(source: &str) -> Option<&'static str> {
    match source {
        "dhl_express" => Some("text/xml"),
        "dpd" => None,
        _ => Some("application/json; charset=utf-8"),
    }
}

pub(super) fn events(source: &str, body: &str) -> Vec<ShipmentEvent> {
    parse(source, body.as_bytes()).unwrap_or_else(|park| panic!("{park:?}"))
}

/// Every field of `expected` stands in the event; fields that are not named are not looked at.
pub(super) fn assert_told(event: &ShipmentEvent, expected: &Value) {
    let actual = serde_json::to_value(event).expect("an event is JSON");
    for (field, value) in expected.as_object().expect("an object") {
        let found = actual.get(field).unwrap_or_else(|| panic!("no such field: {field}"));
        assert!(within(found, value), "{field} of {}: {found}, expected {value}", actual["raw_description"]);
    }
}

fn within(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().all(|(k, v)| found.get(k).is_some_and(|f| within(f, v))),
        _ => found == expected,
    }
}

/// Parks every body with its code, and says which one did not.
pub(super) fn assert_parked(source: &str, cases: &[(&str, Vec<u8>, Code)]) {
    for (name, body, code) in cases {
        match parse(source, body) {
            Ok(events) => panic!("{name}: {} events", events.len()),
            Err(park) => assert_eq!((park.code, park.cause.len() < 120), (*code, true), "{name}: {}", park.cause),
        }
    }
}

/// What no JSON dialect accepts, made out of a good body of the source. The lone surrogate stands in keys of several sources: leave that case out
/// where none of them is read, and write one with a key that is.
pub(super) fn poison(good: &str) -> Vec<(&'static str, Vec<u8>, Code)> {
    let text = |t: String| t.into_bytes();
    let middle = (1..good.len() / 2).rev().find(|at| good.is_char_boundary(*at)).expect("a boundary");
    let deep = |n: usize, open: &str, close: &str| text(format!("{{\"x\":{}1{}}}", open.repeat(n), close.repeat(n)));
    let mut bad_utf8 = good.as_bytes().to_vec();
    bad_utf8.splice(middle..middle, [0xff, 0xfe]);
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).chain([0xd8]).collect();
    let latin1 = [b"{\"city\":\"M".as_slice(), &[0xfc], b"nchen\"}"].concat();
    vec![
        ("empty", vec![], Code::EMPTY_VALUE),
        ("white space", text(" \r\n\t".into()), Code::EMPTY_VALUE),
        ("only a BOM", text("\u{feff}".into()), Code::EMPTY_VALUE),
        ("too large", text(format!("{good}{}", " ".repeat(4 << 20))), Code::TOO_LARGE),
        ("bad UTF-8", bad_utf8, Code::NOT_UTF8),
        ("UTF-16", utf16, Code::NOT_UTF8),
        ("latin 1", latin1, Code::NOT_UTF8),
        ("truncated", good.as_bytes()[..middle].to_vec(), Code::MALFORMED),
        ("last brace missing", text(good.trim_end().trim_end_matches('}').to_owned()), Code::MALFORMED),
        ("trailing garbage", text(format!("{good} and more")), Code::MALFORMED),
        ("two bodies", text(format!("{good}{good}")), Code::MALFORMED),
        ("single quotes", text(good.replace('"', "'")), Code::MALFORMED),
        ("a form", text("trackingNumber=1Z1&status=D".into()), Code::MALFORMED),
        ("XML", text("<?xml version=\"1.0\"?><a/>".into()), Code::MALFORMED),
        ("NUL", text(format!("{good}\0")), Code::MALFORMED),
        ("NaN", text("{\"x\":NaN}".into()), Code::MALFORMED),
        ("lone surrogate", text("{\"event\":\"\\ud800\",\"resource_type\":\"\\ud800\",\"object\":\"\\ud800\",\"trackingNumber\":\"\\ud800\",\"output\":{\"completeTrackResults\":[{\"trackingNumber\":\"\\ud800\"}]}}".into()), Code::MALFORMED),
        ("deep arrays", deep(10_000, "[", "]"), Code::TOO_DEEP),
        ("deep objects", deep(65, "{\"x\":", "}"), Code::TOO_DEEP),
        ("never closed", text("[".repeat(10_000)), Code::TOO_DEEP),
        ("an array", text(format!("[{good}]")), Code::NOT_TRACKING),
        ("a string", text("\"delivered\"".into()), Code::NOT_TRACKING),
        ("null", text("null".into()), Code::NOT_TRACKING),
        ("a number", text("42".into()), Code::NOT_TRACKING),
        ("an empty object", text("{}".into()), Code::NOT_TRACKING),
        ("some other object", text("{\"ping\":true}".into()), Code::NOT_TRACKING),
    ]
}

/// What no XML dialect accepts, made out of a good body of the source.
pub(super) fn xml_poison(good: &str) -> Vec<(&'static str, Vec<u8>, Code)> {
    let text = |t: String| t.into_bytes();
    let middle = (1..good.len() / 2).rev().find(|at| good.is_char_boundary(*at)).expect("a boundary");
    let mut bad_utf8 = good.as_bytes().to_vec();
    bad_utf8.splice(middle..middle, [0xff, 0xfe]);
    let with_type = good.replacen("?>", "?><!DOCTYPE a [<!ENTITY lol \"lol\">]>", 1);
    vec![
        ("empty", vec![], Code::EMPTY_VALUE),
        ("white space", text(" \r\n\t".into()), Code::EMPTY_VALUE),
        ("only a BOM", text("\u{feff}".into()), Code::EMPTY_VALUE),
        ("too large", text(format!("{good}{}", " ".repeat(4 << 20))), Code::TOO_LARGE),
        ("bad UTF-8", bad_utf8, Code::NOT_UTF8),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), Code::MALFORMED),
        ("truncated", good.as_bytes()[..middle].to_vec(), Code::MALFORMED),
        ("trailing garbage", text(format!("{good} and more")), Code::MALFORMED),
        ("two bodies", text(format!("{good}<a/>")), Code::MALFORMED),
        ("a document type", text(with_type), Code::MALFORMED),
        ("NUL", text(format!("{good}\0")), Code::MALFORMED),
        ("never closed", text("<a>".repeat(10_000)), Code::TOO_DEEP),
        ("more elements than the limit", text(format!("<a>{}</a>", "<b/>".repeat(1 << 18))), Code::TOO_MANY),
        ("some other root", text("<ping/>".into()), Code::NOT_TRACKING),
    ]
}

/// The folder of public samples beside the checkout, where there is one.
pub(super) fn shared(path: &str) -> Option<PathBuf> {
    let root = option_env!("WAYBILL_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let found = root.join("carriers").join(path);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no samples beside the checkout: {}", found.display());
    None
}

/// Checks every sample of a folder against what must become of it: a number of events, or a code. Every file is named.
pub(super) fn assert_samples(source: &str, folder: &str, expected: &[(&str, Result<usize, Code>)]) {
    let Some(folder) = shared(folder) else { return };
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let outcome = parse(source, &std::fs::read(&path).expect("readable")).map(|e| e.len()).map_err(|p| p.code);
        let wanted =
            expected.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("a sample that no test knows: {name}: {outcome:?}"));
        assert_eq!(outcome, wanted.1, "{name}");
        names.push(name);
    }
    assert_eq!(names.len(), expected.len(), "{names:?}");
}

/// Cuts, doubles and overwrites a good body at random.
pub(super) fn mutated(good: &'static str) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>()), 1..8).prop_map(move |changes| {
        let mut bytes = good.as_bytes().to_vec();
        for (at, what, byte) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

/// Nanoseconds that this thread has run.
pub(super) fn processor_time() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    told.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}
