//! The families of readers, one function each. The first byte of an input picks the reader, the rest is the body.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::carriers::billing::{Billing, Format, PieceOf, Pieces};
use crate::carriers::data::{self, DataDialect, Described};
use crate::carriers::signature::{Checked, Received, Verifier};
use crate::carriers::{Dialect, DialectSettings, RawMessage, SOURCES, dialect, x12_ship};
use crate::config::{Secret, SourceConfig};
use crate::domain::verdict::Code;
use crate::rules::{self, RECEIVED_AT, billing_settings, message, settings};

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// How the end of an invoice travels, see `carriers::billing`.
const TOTALS: &str = "application/vnd.waybill.invoice-totals+json";

/// The sources that read XML.
pub const XML_SOURCES: &[&str] = &["dhl_express", "dpd"];
/// The sources of billing files that are CSV.
pub const CSV_FORMATS: &[Format] = &[Format::Ups, Format::FedEx, Format::Dhl];

/// The body and which of `count` readers is to have it, with what is left of the choice.
fn pick(data: &[u8], count: usize) -> Option<(usize, usize, &[u8])> {
    let (first, body) = data.split_first()?;
    Some((usize::from(*first) % count, usize::from(*first) / count, body))
}

fn read(source: &str, content_type: Option<&str>, body: &[u8]) {
    static DIALECTS: LazyLock<Vec<Box<dyn Dialect>>> =
        LazyLock::new(|| SOURCES.iter().filter_map(|source| dialect(source, settings())).collect());
    let found = DIALECTS.iter().find(|known| known.source() == source).expect("a source");
    rules::hold_events(source, body, || found.parse(&message(body, content_type)));
}

/// Every built-in source, as JSON: those that read something else have to say so.
pub fn json(data: &[u8]) {
    let Some((which, rest, body)) = pick(data, SOURCES.len()) else { return };
    let content_type = [Some("application/json"), None, Some("application/json; charset=utf-8")];
    read(SOURCES[which], content_type[rest % content_type.len()], body);
}

/// The sources that read XML, in every encoding that a content type may name.
pub fn xml(data: &[u8]) {
    let Some((which, rest, body)) = pick(data, XML_SOURCES.len()) else { return };
    let content_type = [Some("text/xml"), None, Some("text/xml; charset=iso-8859-1"), Some("application/soap+xml; charset=windows-1252")];
    read(XML_SOURCES[which], content_type[rest % content_type.len()], body);
}

/// Interchanges of EDIFACT.
pub fn edifact(data: &[u8]) {
    let Some((_, _, body)) = pick(data, 1) else { return };
    read("edifact_iftsta", None, body);
}

/// Interchanges of X12: status (214), freight invoice (210) in each form, ship notice and shipping advice (856, 945).
pub fn x12(data: &[u8]) {
    let Some((which, rest, body)) = pick(data, 3) else { return };
    match which {
        0 => read("x12_214", None, body),
        1 => notices(body),
        _ => billing(Format::X12_210, rest, body),
    }
}

fn notices(body: &[u8]) {
    let settings = settings();
    let outcome = rules::within("x12_ship", body.len(), || x12_ship::notices(&message(body, None), &settings));
    let Ok(notices) = outcome else { return };
    let shipped: usize = notices.iter().map(|notice| notice.shipped.len()).sum();
    assert!((1..=settings.events_max).contains(&shipped), "x12_ship: {shipped} numbers");
}

/// Rows of billing files, and whole ones.
pub fn csv(data: &[u8]) {
    let Some((which, rest, body)) = pick(data, CSV_FORMATS.len()) else { return };
    billing(CSV_FORMATS[which], rest, body);
}

fn billing(format: Format, way: usize, body: &[u8]) {
    let settings = billing_settings();
    // Of a whole file the totals of its invoices follow.
    let (outputs_max, reader) = (2 * settings.charges_max, Billing::new(format, settings));
    let piece = PieceOf { file_sha256: SHA256.to_owned(), line: 7, occurrence: 1 };
    let parse = |content_type, piece| {
        let raw: RawMessage<'_> = message(body, content_type);
        rules::hold(format.source(), body, outputs_max, || reader.parse(&raw, piece).map(|lines| lines.told));
    };
    match way % 4 {
        0 => parse(None, None),
        1 => parse(None, Some(&piece)),
        2 => parse(Some(TOTALS), Some(&piece)),
        _ => pieces(format, &reader, body),
    }
}

/// What was read in a file is read as well when it is cut out of it, and so is the end of its invoices.
fn pieces(format: Format, reader: &Billing, body: &[u8]) {
    let Ok(pieces) = Pieces::open(format, body, Some("USD".into())) else { return };
    // Each bears the header of the file: a few of them show what there is to see.
    for piece in pieces.take(32) {
        let Ok(piece) = piece else { return };
        let of = PieceOf { file_sha256: SHA256.to_owned(), line: piece.line, occurrence: piece.occurrence };
        let outcome = reader.parse(&message(&piece.value, Some(piece.content_type)), Some(&of));
        // A row of UPS tells the sign between its cells by itself, and a file may mix them.
        let other_signs = format == Format::Ups && piece.end.is_none();
        let limited = outcome.as_ref().is_err_and(|park| matches!(park.code, Code::TOO_LARGE | Code::TOO_MANY));
        assert!(limited || other_signs || piece.parked.is_some() || outcome.is_ok(), "{format:?}, line {}: {outcome:?}", piece.line);
    }
}

/// The descriptions of the fixtures, and one whose paths look everywhere.
pub fn described() -> &'static [(String, DataDialect)] {
    static DESCRIBED: LazyLock<Vec<(String, DataDialect)>> = LazyLock::new(|| descriptions(&settings()));
    &DESCRIBED
}

/// The same with settings of one's own.
pub fn descriptions(settings: &DialectSettings) -> Vec<(String, DataDialect)> {
    let load = |folder: &str| -> Vec<Described> {
        data::directory(&Path::new(crate::ROOT).join(folder), SOURCES).unwrap_or_else(|found| panic!("{found:?}"))
    };
    let all = load("src/carriers/data/fixtures").into_iter().chain(load("fuzz/descriptions"));
    all.map(|one| (one.id().to_owned(), DataDialect::new(Arc::new(one), settings.clone()))).collect()
}

/// Carriers as data: fixed descriptions, any body.
pub fn data(data: &[u8]) {
    let all = described();
    let Some((which, _, body)) = pick(data, all.len()) else { return };
    let (id, dialect) = &all[which];
    rules::hold_events(id, body, || dialect.parse(&message(body, None)));
}

/// The sources that sign, or send a token, and whether somebody without the secret could come upon a good proof: a token may be guessed.
pub const SIGNING: &[(&str, bool)] = &[
    ("fedex", true),
    ("usps", true),
    ("aftership", true),
    ("sendcloud", true),
    ("easypost", true),
    ("shippo", true),
    ("shipengine", true),
    ("17track", true),
    ("shiprocket", false),
    ("gls", false),
];

/// Secrets that exist here only.
fn verifier(source: &str) -> Verifier {
    let mut config: SourceConfig = serde_json::from_str("{}").expect("defaults");
    let jwks = include_str!("../../src/carriers/signature/fixtures/jwks_a.json");
    let secrets: &[&str] =
        if source == "shipengine" { &[jwks] } else { &["made up for the fuzz target", "made up to follow it: \u{e9}\u{fb01}"] };
    config.secrets = secrets.iter().enumerate().map(|(number, secret)| (number.to_string(), Secret::new(*secret))).collect();
    config.signature_header = (source == "gls").then(|| "x-token".to_owned());
    Verifier::new(source, &config).expect("a verifier")
}

/// Headers as HTTP writes them, an empty line, and a body.
pub fn signature(data: &[u8]) {
    static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| SIGNING.iter().map(|(source, _)| verifier(source)).collect());
    let Some((which, rest, text)) = pick(data, SIGNING.len()) else { return };
    let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&text[..at], &text[at + 2..]),
        None => (text, &[][..]),
    };
    let header = |line: &[u8]| {
        let at = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..at]);
        (format!("http_header_{}", name.trim()), line.get(at + 1..).unwrap_or_default().to_vec())
    };
    let headers: Vec<(String, Vec<u8>)> = head.split(|b| *b == b'\n').map(header).collect();
    let received = Received { body, headers: &headers, at: (rest % 2 == 0).then_some(RECEIVED_AT) };
    let (source, unforgeable) = SIGNING[which];
    let checked = rules::within(source, data.len(), || VERIFIERS[which].check(&received));
    assert!(!(unforgeable && checked == Checked::Verified), "{source}: forged");
}
