//! Broken bodies and envelopes of the sources that speak JSON, and of Odoo.

use std::collections::BTreeMap;

use waybill::domain::verdict::Code;
use waybill::domain::vocabulary::Milestone;

use super::{Accepted, Poison, nested};

const JSON: &str = "application/json";
const UPS: &str = "raw.carrier.ups";
const FEDEX: &str = "raw.carrier.fedex";
const EASYPOST: &str = "raw.carrier.easypost";
const ODOO: &str = "raw.odoo.main";

/// A good alert about a parcel that nobody else speaks of.
fn alert(number: &str, date: &str, more: &str) -> String {
    format!(
        r#"{{"trackingNumber":"{number}","localActivityDate":"{date}","localActivityTime":"101500","activityLocation":{{"city":"Kiel","country":"DE"}},"activityStatus":{{"type":"I","code":"AR","description":"scanned"}}{more}}}"#
    )
}

#[allow(clippy::unnecessary_wraps, reason = "it says what is accepted, where nothing may come as well")]
fn arrived(key: &str, minute: &str) -> Option<Accepted> {
    Some(Accepted { key: key.to_owned(), carrier: "ups", milestone: Milestone::InTransit, minute: minute.to_owned() })
}

const SEEN: &str = "2026-11-20T10:15";

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let bytes = text.encode_utf16().flat_map(u16::to_le_bytes);
    if mark { [0xff, 0xfe].into_iter().chain(bytes).collect() } else { bytes.collect() }
}

/// What gzip makes of `{}`.
/// An answer about this parcel and one without a number.
fn two_packages(number: &str) -> String {
    let package = |number: &str| {
        format!(
            r#"{{"trackingNumber":"{number}","activity":[{{"date":"20261120","time":"101500","location":{{"address":{{"city":"Kiel","countryCode":"DE"}}}},"status":{{"type":"I","code":"AR"}}}}]}}"#
        )
    };
    format!(r#"{{"trackResponse":{{"shipment":[{{"package":[{},{}]}}]}}}}"#, package(""), package(number))
}

const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
const HTML: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>";

pub(super) fn carriers() -> Vec<Poison> {
    let json = |name, topic, value: Vec<u8>, code| Poison::parked(name, topic, JSON, value, code);
    let good = |number: &str| alert(number, "20261120", "");
    let cut = good("1Z999AA19000000001");
    vec![
        json("cut off", UPS, cut.as_bytes()[..cut.len() - 20].to_vec(), Code::MALFORMED),
        json("10 MB of a string", UPS, [b"{\"a\":\"".to_vec(), vec![b'x'; 10 << 20], b"\"}".to_vec()].concat(), Code::TOO_LARGE),
        json("16 MB of nothing", EASYPOST, vec![b' '; 16 << 20], Code::TOO_LARGE),
        json("10,000 deep", UPS, nested(10_000), Code::TOO_DEEP),
        json("100,000 deep", FEDEX, nested(100_000), Code::TOO_DEEP),
        json("100,000 lists deep and never closed", EASYPOST, vec![b'['; 100_000], Code::TOO_DEEP),
        json("tombstone of a carrier", UPS, Vec::new(), Code::EMPTY_VALUE).without_value(),
        json("nothing", FEDEX, Vec::new(), Code::EMPTY_VALUE),
        json("white space", EASYPOST, b" \r\n\t ".to_vec(), Code::EMPTY_VALUE),
        json("not UTF-8", UPS, b"{\"trackingNumber\":\"\xc3\x28\"}".to_vec(), Code::NOT_UTF8),
        json("UTF-16 with its mark", UPS, utf16(&good("1Z999AA19000000002"), true), Code::NOT_UTF8),
        json("UTF-16 without its mark", FEDEX, utf16(&good("1Z999AA19000000003"), false), Code::MALFORMED),
        json("UTF-8 with a mark", UPS, [b"\xef\xbb\xbf".to_vec(), good("1Z999AA19000000004").into_bytes()].concat(), Code::MALFORMED)
            .fine(arrived("1Z999AA19000000004", SEEN)),
        json(
            "a key twice",
            UPS,
            alert("1Z999AA19000000005", "20261120", r#","trackingNumber":"1Z999AA19000000006""#).into(),
            Code::DUPLICATE_KEY,
        ),
        json("an odd package beside a good one", UPS, two_packages("1Z999AA19000000015").into(), Code::PARTLY_READ)
            .beside(arrived("1Z999AA19000000015", SEEN)),
        json("a number alone", FEDEX, b"42".to_vec(), Code::NOT_TRACKING),
        json("a list", UPS, b"[1,2,3]".to_vec(), Code::NOT_TRACKING),
        json("null", EASYPOST, b"null".to_vec(), Code::NOT_TRACKING),
        json("an empty object", UPS, b"{}".to_vec(), Code::NOT_TRACKING),
    ]
}

/// Values that no honest message has.
pub(super) fn values() -> Vec<Poison> {
    let json = |name, topic, value: Vec<u8>, code| Poison::parked(name, topic, JSON, value, code);
    let good = |number: &str| alert(number, "20261120", "");
    let many = |count| {
        format!(
            r#"{{"object":"Event","description":"tracker.updated","result":{{"object":"Tracker","tracking_code":"94009000000000000001","carrier":"USPS","tracking_details":[{}]}}}}"#,
            vec!["{}"; count].join(",")
        )
    };
    vec![
        json("a number beyond all numbers", UPS, br#"{"trackingNumber":1e999,"activityStatus":{"type":"I"}}"#.to_vec(), Code::MALFORMED),
        json(
            "10,000 digits",
            UPS,
            format!(r#"{{"trackingNumber":{},"activityStatus":{{"type":"I"}}}}"#, "9".repeat(10_000)).into(),
            Code::MALFORMED,
        ),
        json(
            "a tracking number that lost digits",
            UPS,
            br#"{"trackingNumber":12345678901234567890123,"activityStatus":{"type":"I"}}"#.to_vec(),
            Code::MISSING_FIELD,
        ),
        json("a tracking number of 1 MB", UPS, good(&"9".repeat(1 << 20)).into(), Code::BAD_TRACKING_NUMBER),
        json("a tracking number with NUL", UPS, good("1Z999\\u0000AA1").into(), Code::BAD_TRACKING_NUMBER),
        json("NUL between the tokens", FEDEX, b"{\0\"output\"\0:{}}".to_vec(), Code::MALFORMED),
        json("half of a surrogate pair", UPS, good("1Z999\\ud800AA1").into(), Code::MALFORMED),
        json("gzip", UPS, GZIP.to_vec(), Code::NOT_UTF8).with_headers([("content-encoding".to_owned(), b"gzip".to_vec())]),
        json("an error page that says it is JSON", EASYPOST, HTML.into(), Code::MALFORMED),
        Poison::parked("an error page", UPS, "text/html; charset=utf-8", HTML, Code::WRONG_CONTENT_TYPE),
        Poison::parked("JSON that says it is XML", FEDEX, "application/xml", "{}", Code::WRONG_CONTENT_TYPE),
        json("two objects", UPS, format!("{}{}", good("1Z999AA19000000007"), good("1Z999AA19000000008")).into(), Code::MALFORMED),
        json("NaN", UPS, br#"{"trackingNumber":NaN}"#.to_vec(), Code::MALFORMED),
        json("10,001 events", EASYPOST, many(10_001).into(), Code::TOO_MANY),
        json("another dialect", FEDEX, good("1Z999AA19000000009").into(), Code::NOT_TRACKING),
        json("a body that is a list of itself", UPS, format!("[{}]", good("1Z999AA19000000010")).into(), Code::NOT_TRACKING),
        json("the 31st of February", UPS, alert("1Z999AA19000000011", "20260231", "").into(), Code::MALFORMED)
            .fine(arrived("1Z999AA19000000011", "")),
        json("the year 99999", UPS, alert("1Z999AA19000000012", "999990101", "").into(), Code::MALFORMED)
            .fine(arrived("1Z999AA19000000012", "")),
        json(
            "3 MB of a field that nobody reads",
            UPS,
            alert("1Z999AA19000000013", "20261120", &format!(r#","x":"{}""#, "y".repeat(3 << 20))).into(),
            Code::MALFORMED,
        )
        .fine(arrived("1Z999AA19000000013", SEEN)),
        json("3 MB of a description", UPS, good("1Z999AA19000000014").replace("scanned", &"y".repeat(3 << 20)).into(), Code::MALFORMED)
            .fine(arrived("1Z999AA19000000014", SEEN)),
    ]
}

fn header(name: &str, value: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), value.to_vec())
}

pub(super) fn envelopes() -> Vec<Poison> {
    const STRUCTURED: &str = "application/cloudevents+json";
    let event = |name, value: &str, code| Poison::parked(name, UPS, STRUCTURED, value, code);
    let good = |number: &str| alert(number, "20261120", "").into_bytes();
    let deep = [br#"{"specversion":"1.0","id":"1","data":"#.to_vec(), nested(100_000), b"}".to_vec()].concat();
    let bare = |name, number: &str| Poison {
        headers: Vec::new(),
        ..Poison::parked(name, UPS, JSON, good(number), Code::BAD_ENVELOPE).fine(arrived(number, SEEN))
    };
    vec![
        event("an envelope that is no JSON", "specversion: 1.0", Code::BAD_ENVELOPE),
        event("an envelope of another version", r#"{"specversion":"0.3","id":"1","data":{}}"#, Code::BAD_ENVELOPE),
        event("an envelope with nothing in it", r#"{"specversion":"1.0","id":"1"}"#, Code::BAD_ENVELOPE),
        event("an envelope with broken base64", r#"{"specversion":"1.0","id":"1","data_base64":"%%%"}"#, Code::BAD_ENVELOPE),
        event("an envelope with data twice", r#"{"specversion":"1.0","id":"1","data":{},"data":{}}"#, Code::BAD_ENVELOPE),
        event("an envelope around no message", r#"{"specversion":"1.0","id":"1","data":null}"#, Code::BAD_ENVELOPE),
        Poison::parked("an envelope 100,000 deep", UPS, STRUCTURED, deep, Code::TOO_DEEP),
        Poison::parked("a batch of envelopes", UPS, "application/cloudevents-batch+json", "[]", Code::BAD_ENVELOPE),
        Poison::parked("an envelope in Avro", UPS, "application/cloudevents+avro", "x", Code::BAD_ENVELOPE),
        Poison::parked("1,000 headers", UPS, JSON, "{", Code::MALFORMED)
            .with_headers((0..1_000).map(|n| (format!("http_header_x-{n}"), vec![b'v'; 100]))),
        Poison::parked("a header of 1 MB", UPS, JSON, "{", Code::MALFORMED)
            .with_headers([header("http_header_cookie", &vec![b'c'; 1 << 20])]),
        bare("no headers", "1Z999AA19000000021"),
        bare("a broken traceparent", "1Z999AA19000000022").with_headers([
            header("traceparent", b"00-zz-\xff-01"),
            header("traceparent", b"00-00000000000000000000000000000000-0000000000000000-00"),
        ]),
        bare("broken attributes", "1Z999AA19000000023").with_headers([
            header("ce_id", &[0xff; 300]),
            header("ce_id", b""),
            header("ce_time", b"yesterday"),
            header("ce_specversion", b"\0"),
            header("ce_source", &vec![b's'; 100_000]),
        ]),
        bare("a content type of 100 kB", "1Z999AA19000000024").with_headers([header("content-type", &vec![b't'; 100_000])]),
        bare("a header without a name", "1Z999AA19000000025").with_headers([header("", b"x"), header("\u{1F4E6}", b"\xf0\x9f")]),
    ]
}

pub(super) fn odoo(schema_ids: &BTreeMap<String, u32>) -> Vec<Poison> {
    let json = |name, value: Vec<u8>, code| Poison::parked(name, ODOO, JSON, value, code);
    let text = |name, value: &str, code| Poison::parked(name, ODOO, JSON, value, code);
    let wire = |id: u32, datum: &[u8]| [&[0][..], &id.to_be_bytes(), datum].concat();
    vec![
        text("a change that is cut off", r#"{"before":null,"after":{"id":7"#, Code::MALFORMED),
        json("a change of 10 MB", [b"{\"a\":\"".to_vec(), vec![b'x'; 10 << 20], b"\"}".to_vec()].concat(), Code::TOO_LARGE),
        json("a change 10,000 deep", nested(10_000), Code::TOO_DEEP),
        json("a change 100,000 deep", nested(100_000), Code::TOO_DEEP),
        json("a change that is not UTF-8", b"{\"_model\":\"\xff\"}".to_vec(), Code::NOT_UTF8),
        json("a change in UTF-16", utf16(r#"{"_model":"stock.picking","_id":1}"#, true), Code::NOT_UTF8),
        text("a change with a key twice", r#"{"_model":"stock.picking","_id":1,"_id":2}"#, Code::DUPLICATE_KEY),
        text("a change of nothing", "", Code::MALFORMED),
        text("a change that is a list", "[]", Code::BAD_CHANGE_EVENT),
        text("a change that is a number", "7", Code::BAD_CHANGE_EVENT),
        text("a change of a table that is not followed", r#"{"_model":"ir.cron","_id":1}"#, Code::UNKNOWN_TABLE),
        text("a change without an id", r#"{"_model":"stock.picking"}"#, Code::BAD_CHANGE_EVENT),
        text("a change with an id beyond all ids", r#"{"_model":"stock.picking","_id":1e30}"#, Code::BAD_CHANGE_EVENT),
        text(
            "a change of unknown kind",
            r#"{"before":null,"after":{"id":1},"op":"x","source":{"table":"stock_picking"}}"#,
            Code::BAD_CHANGE_EVENT,
        ),
        text("a truncated table", r#"{"before":null,"after":null,"op":"t","source":{"table":"stock_picking"}}"#, Code::BAD_CHANGE_EVENT),
        text(
            "a change without its row",
            r#"{"before":null,"after":null,"op":"u","source":{"table":"stock_picking"}}"#,
            Code::BAD_CHANGE_EVENT,
        ),
        text("an error page in place of a change", HTML, Code::MALFORMED),
        json("a change under a schema that nobody knows", wire(4_000_000_000, b"abc"), Code::BAD_AVRO),
        json("a change that is a magic byte alone", vec![0], Code::BAD_AVRO),
        json(
            "a change that is our own record",
            wire(schema_ids["ShipmentLink"], &[2, b'1', 2, b'1', 0, 2, b'd', 0, 2, 1, 2]),
            Code::UNKNOWN_TABLE,
        ),
        json("tombstone of a change", Vec::new(), Code::EMPTY_VALUE).without_value().fine(None),
    ]
}
