use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::testing::{self, message, mutated, poison};
use super::super::{SOURCES, Sources};
use super::*;
use crate::config::Finding;
use crate::domain::verdict::Code;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/carriers/data/fixtures")
}

fn fixture(id: &str) -> DataDialect {
    let described = file(&fixtures().join(format!("{id}.yaml")), SOURCES).unwrap_or_else(|found| panic!("{found:?}"));
    DataDialect::new(Arc::new(described), DialectSettings::default())
}

const HISTORY: &str = include_str!("fixtures/northpost.history.json");

#[test]
fn descriptions_of_every_kind_give_what_their_examples_say() {
    for (id, examples) in [("northpost", 2), ("riverline", 1), ("ambercourier", 2)] {
        let dialect = fixture(id);
        let (count, differences) = run_examples(&dialect.described, &dialect);
        assert_eq!((count, differences), (examples, vec![]), "{id}");
    }
}

#[test]
fn a_difference_names_example_event_and_field() {
    let text = fs::read_to_string(fixtures().join("ambercourier.yaml")).expect("a fixture");
    let text = text
        .replace("city: Leeds, country: GB } }", "city: London } }\n      - { milestone: lost }")
        .replace("parked: WB-0107", "parked: WB-0104");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ambercourier.yaml");
    fs::write(&path, text).expect("written");
    let dialect = DataDialect::new(Arc::new(file(&path, SOURCES).expect("a description")), DialectSettings::default());
    let (_, differences) = run_examples(&dialect.described, &dialect);
    let told: Vec<_> = differences.iter().map(|d| format!("{}: {}: {} / {}", d.example, d.what, d.found, d.expected)).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(told[0], "two shipments: events: 3 / 4");
    assert!(
        told[1].starts_with("two shipments: event 2: place: ") && told[1].contains("Leeds") && told[1].contains("London"),
        "{}",
        told[1]
    );
    assert_eq!(told[2], "two shipments: event 3: milestone: \"accepted\" / \"lost\"");
    assert!(
        told[3].starts_with("somebody else's document: outcome: parked: WB-0107") && told[3].ends_with("/ parked with WB-0104"),
        "{}",
        told[3]
    );
}

#[test]
fn an_example_in_which_no_time_was_understood_is_told() {
    let text = fs::read_to_string(fixtures().join("northpost.yaml")).expect("a fixture");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("northpost.yaml");
    let differences = |from: &str, to: &str| {
        let (description, _) = text.split_once("examples:").expect("examples");
        let example = format!("examples:\n  - name: one\n    body: '{from}'\n    events: [{to}]\n");
        fs::write(&path, format!("{description}{example}")).expect("written");
        let dialect = DataDialect::new(Arc::new(file(&path, SOURCES).expect("a description")), DialectSettings::default());
        run_examples(&dialect.described, &dialect).1.into_iter().map(|d| d.what).collect::<Vec<_>>()
    };
    let body = |at: &str| {
        format!(r#"{{"parcels":[{{"parcelNo":"NP0044","history":[{{"kind":"SCAN","status":{{"code":"020"}},"at":"{at}"}}]}}]}}"#)
    };
    let (read, unread) = (body("2026-11-19T14:02:11"), body("Thu, 19 Nov"));
    assert_eq!(differences(&read, "{ milestone: out_for_delivery }"), Vec::<String>::new());
    assert_eq!(differences(&unread, "{ milestone: out_for_delivery }"), ["event 1: occurred_local"]);
    assert_eq!(differences(&unread, "{ milestone: out_for_delivery, occurred_local: null }"), Vec::<String>::new());
}

#[test]
fn a_parcel_without_events_is_parked_for_that() {
    let parked = fixture("northpost").parse(&message(br#"{"parcels":[{"parcelNo":"NP0044","history":[]}]}"#)).expect_err("no event");
    assert_eq!((parked.code, &*parked.cause), (Code::MISSING_FIELD, "field is missing: an event in the parcel"));
}

#[test]
fn a_directory_gives_sources_beside_the_built_in_ones() {
    let sources = Sources::load(Some(&fixtures())).unwrap_or_else(|found| panic!("{found:?}"));
    assert!(sources.ids().any(|id| id == "northpost") && sources.ids().any(|id| id == "ups"));
    let dialect = sources.dialect("northpost", DialectSettings::default()).expect("a source");
    let events = dialect.parse(&message(HISTORY.as_bytes())).expect("events");
    assert_eq!(events.len(), 5);
    let event = &events[0];
    assert_eq!(
        (dialect.source(), &*event.source, &*event.carrier, &*event.mapping_version),
        ("northpost", "northpost", "northpost", "northpost-1")
    );
    assert_eq!((event.raw.offset, event.received_at), (7, testing::RECEIVED_AT));
    assert!(sources.dialect("nobody", DialectSettings::default()).is_none());
}

#[test]
fn the_same_happening_has_the_same_id_as_from_the_built_in_source() {
    for body in [include_str!("../gls/fixtures/answer_parcels.json"), include_str!("../gls/fixtures/answer_older_shape.json")] {
        let built_in = testing::events("gls", body);
        let described = fixture("gls_as_data").parse(&message(body.as_bytes())).expect("events");
        assert!(!described.is_empty());
        for event in &described {
            let same = built_in.iter().find(|e| e.event_id == event.event_id).unwrap_or_else(|| panic!("not told by code: {event:?}"));
            assert_eq!(
                (same.occurred_at, &same.occurred_local, same.time_source),
                (event.occurred_at, &event.occurred_local, event.time_source)
            );
            assert_eq!((&same.place, &same.raw_code), (&event.place, &event.raw_code));
            // Where the code is new the built-in source falls back to the parcel's status or the code's group: data does not.
            assert!(same.milestone == event.milestone || event.milestone.as_str() == "unknown", "{event:?}");
        }
    }
}

#[test]
fn what_makes_two_tellings_one_is_as_the_description_says() {
    let dialect = fixture("ambercourier");
    let body = |city: &str, code: &str| {
        format!(
            "<Answer><Shipment no='AC-1'><Scan code='{code}'><When>2026-11-18T10:00:00</When><Where iso='GB'><City>{city}</City></Where></Scan></Shipment></Answer>"
        )
    };
    let id = |body: String| dialect.parse(&message_of("application/xml", body.as_bytes())).expect("events")[0].event_id.clone();
    assert_eq!(id(body("Leeds", "PU")), id(body("York", "PU")));
    assert_ne!(id(body("Leeds", "PU")), id(body("Leeds", "OK")));
}

fn message_of<'a>(content_type: &'a str, body: &'a [u8]) -> RawMessage<'a> {
    RawMessage { content_type: Some(content_type), ..message(body) }
}

fn code(dialect: &DataDialect, content_type: &str, body: &[u8]) -> Code {
    match dialect.parse(&message_of(content_type, body)) {
        Ok(events) => panic!("{} events of {}", events.len(), String::from_utf8_lossy(&body[..body.len().min(80)])),
        Err(park) => {
            assert!(park.cause.len() < 120, "{}", park.cause);
            park.code
        }
    }
}

#[test]
fn json_poison_is_parked_as_everywhere() {
    let dialect = fixture("northpost");
    for (name, body, expected) in poison(HISTORY) {
        if name == "lone surrogate" || name == "an array" {
            continue;
        }
        assert_eq!(code(&dialect, "application/json", &body), expected, "{name}");
    }
    let twice = HISTORY.replacen("\"kind\"", "\"eventId\"", 1);
    let values = format!("{{\"x\":[{}0]}}", "0,".repeat(300_000));
    for (body, expected) in [
        (twice.as_bytes(), Code::DUPLICATE_KEY),
        (values.as_bytes(), Code::TOO_MANY),
        (br#"{"parcels":[{"parcelNo":"none","history":[{"kind":"DLV"}]}]}"#, Code::BAD_TRACKING_NUMBER),
        (br#"{"parcels":[{"history":[{"kind":"DLV"}]}]}"#, Code::MISSING_FIELD),
        (br#"{"parcels":[{"parcelNo":"NP-1","history":[{}]}]}"#, Code::MISSING_FIELD),
        (br#"{"x":"\ud800"}"#, Code::MALFORMED),
    ] {
        assert_eq!(code(&dialect, "application/json", body), expected, "{}", String::from_utf8_lossy(&body[..60.min(body.len())]));
    }
    assert_eq!(code(&dialect, "text/html", b"{}"), Code::WRONG_CONTENT_TYPE);
    let few = DataDialect::new(dialect.described, DialectSettings { events_max: 4, ..DialectSettings::default() });
    assert_eq!(code(&few, "application/json", HISTORY.as_bytes()), Code::TOO_MANY);
}

#[test]
fn poison_in_xml_and_csv_is_parked() {
    let (xml, csv) = (fixture("ambercourier"), fixture("riverline"));
    let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
    let attributes = format!("<a {}/>", (0..300).map(|n| format!("x{n}='1'")).collect::<Vec<_>>().join(" "));
    for (body, expected) in [
        ("", Code::EMPTY_VALUE),
        ("<a>", Code::MALFORMED),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", Code::MALFORMED),
        ("<a b='&c;'/>", Code::MALFORMED),
        ("<a b=1/>", Code::MALFORMED),
        ("<a b='1' b='2'/>", Code::DUPLICATE_KEY),
        (deep.as_str(), Code::TOO_DEEP),
        (attributes.as_str(), Code::TOO_MANY),
        ("<Answer><Shipment><Scan code='PU'/></Shipment></Answer>", Code::MISSING_FIELD),
    ] {
        assert_eq!(code(&xml, "text/xml", body.as_bytes()), expected, "{body}");
    }
    let rows = format!("Parcel no.;Code\n{}", "RL1;A\n".repeat(10_001));
    let columns = format!("Parcel no.;Code\nRL1;A{}\n", ";".repeat(10_001));
    for (body, expected) in [
        (" \n", Code::EMPTY_VALUE),
        ("Parcel no.;Code\nRL1;A;B\n", Code::MALFORMED),
        ("Parcel no.;Code;Code\nRL1;A;B\n", Code::DUPLICATE_KEY),
        ("Parcel no.;Code\nRL1;A\u{0}\n", Code::MALFORMED),
        ("a;b\n1;2\n", Code::NOT_TRACKING),
        ("Parcel no.;Code\n;A\n", Code::MISSING_FIELD),
        (rows.as_str(), Code::TOO_MANY),
        (columns.as_str(), Code::TOO_MANY),
    ] {
        assert_eq!(code(&csv, "text/csv", body.as_bytes()), expected, "{}", body.chars().take(60).collect::<String>());
    }
    assert_eq!(code(&csv, "text/csv", b"Parcel no.;Code\nRL1;\xfc\n"), Code::NOT_UTF8);
    assert_eq!(code(&csv, "application/json", b"a"), Code::WRONG_CONTENT_TYPE);
}

/// The findings of a good description after one change.
fn findings(from: &str, to: &str) -> Vec<Finding> {
    let folder = tempfile::tempdir().expect("a folder");
    let good = fs::read_to_string(fixtures().join("northpost.yaml")).expect("a fixture");
    assert!(good.contains(from), "{from}");
    fs::write(folder.path().join("northpost.yaml"), good.replacen(from, to, 1)).expect("written");
    fs::write(folder.path().join("northpost.history.json"), HISTORY).expect("written");
    fs::write(folder.path().join("bad.tsv"), "head\nSCAN\t1\t\tlate\t\t\tn\n").expect("written");
    match Sources::load(Some(folder.path())) {
        Ok(_) => panic!("nothing found: {to}"),
        Err(findings) => findings,
    }
}

#[test]
fn what_is_wrong_is_told_by_file_line_and_key_with_what_to_do() {
    for (from, to, key, line, problem) in [
        ("id: northpost", "id: NorthPost", "id", 2, "not an id: NorthPost"),
        ("id: northpost", "id: ups", "id", 2, "a built-in source has this id"),
        ("id: northpost", "id: southpost", "id", 2, "the file is not called southpost.yaml"),
        ("mapping_version: northpost-1", "mapping_version: one", "mapping_version", 5, "not a version of this source: one"),
        ("carrier: northpost\n", "", "carrier", 0, "is missing"),
        ("carrier: northpost\n", "carrier: FILL_IN\n", "carrier", 3, "is not filled in"),
        ("payload: json", "payload: yaml", "description", 4, "yaml"),
        ("payload: json", "payload: json\ncsv_delimiter: ';'", "csv_delimiter", 5, "not one sign of a CSV payload"),
        ("newest_first: true", "newest_frist: true", "description", 10, "newest_frist"),
        ("shipments: $.parcels", "shipments: parcels", "shipments", 7, "not a JSONPath"),
        ("number: [$.parcelNo, $.formerNo]\n", "", "number", 0, "is missing"),
        ("code: $.status.code", "code: FILL_IN", "event.code", 14, "is not filled in"),
        ("town", "town..a..b", "event.place.city", 22, "more than once"),
        ("at: $.at", "offset: $.at", "event.time", 0, "neither at nor day"),
        ("[iso, \"%d.%m.%Y %H:%M\", epoch]", "[]", "times.formats", 0, "no format is named"),
        ("epoch]", "ticks]", "times.formats", 27, "no such format: ticks"),
        ("%d.%m.%Y", "%K.%m.%Y", "times.formats", 27, "not a pattern"),
        ("z: ignored", "z: maybe", "description", 28, "maybe"),
        (
            "\"020\", milestone: out_for_delivery",
            "\"020\", milestone: on_its_way",
            "codes, code 020: milestone",
            38,
            "no such word: on_its_way",
        ),
        ("code: \"020\"", "code: \"011\"", "codes, code 011", 38, "told twice: SCAN 011"),
        ("code: \"020\"", "code: 020", "description", 38, "in quotes"),
        ("exception_reason: recipient.absent", "exception_reason: nobody", "codes, code 030: exception_reason", 40, "no such word: nobody"),
        ("carrier: northpost", "carrier: GLS Europe", "carrier", 3, "not an id of a carrier: GLS Europe"),
        ("codes:\n", "codes_file: bad.tsv\ncodes:\n", "codes_file bad.tsv", 36, "line 2: no such milestone: late"),
        ("codes:\n", "codes_file: ../x.tsv\ncodes:\n", "codes_file", 36, "not a file beside this one"),
        ("codes:\n", "same_when: [code]\ncodes:\n", "same_when", 36, "neither time nor id"),
        ("file: northpost.history.json", "file: nowhere.json", "examples, history", 46, "cannot read"),
        ("file: northpost.history.json", "body: x\n    file: northpost.history.json", "examples, history", 45, "both of body and file"),
    ] {
        let found = findings(from, to);
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        let Finding { key: told, origin, problem: what, remedy } = &found[0];
        let place = if line == 0 { "northpost.yaml".to_owned() } else { format!("northpost.yaml, line {line}") };
        assert!(told == key && origin.ends_with(&place) && what.contains(problem) && !remedy.is_empty(), "{to}: {found:#?}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_a_finding() {
    let found = Sources::load(Some(Path::new("/nowhere"))).expect_err("no directory");
    assert!(found.len() == 1 && found[0].key == "carriers.dir" && found[0].problem.contains("/nowhere"), "{found:?}");
}

/// The draft from a sample, its guesses checked by hand, and what is left to fill in.
fn drafted(id: &str, sample: &[u8]) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = draft(id, sample, "sample.txt", testing::RECEIVED_AT).expect("a draft");
    fs::write(folder.path().join("sample.txt"), sample).expect("written");
    let path = folder.path().join(format!("{id}.yaml"));
    fs::write(&path, &text).expect("written");
    let keys = match file(&path, SOURCES) {
        Ok(_) => vec![],
        Err(found) => found.into_iter().map(|f| f.key).collect(),
    };
    (text, keys)
}

#[test]
fn a_draft_finds_the_likely_paths_and_marks_what_it_does_not_know() {
    let gls = include_str!("../gls/fixtures/answer_parcels.json");
    let xml = "<Answer><Shipment no='AC-100177'><Scan code='PU'><When>2026-11-17T18:00:00</When><Town>Leeds</Town></Scan>\
        <Scan code='OK'><When>2026-11-18T10:00:00</When><Town>Leeds</Town></Scan></Shipment></Answer>";
    let csv = "Parcel no.;Code;Text;Date;Time\nRL 77001;A;Arrived;18/11/2026;07:30\nRL 77001;Z;Delivered;19/11/2026;10:00\n";
    let status = r#"{"awb":"7700012345","status":"OUT","timestamp":1763366400,"remark":"On its way"}"#;
    let compact = r#"{"packages":[{"trackingNo":"RL7700123","options":[{"window":[{"ends":"2026-11-19T10:00:00"}]}],
        "activity":[{"date":"20261117","time":"101500","code":"A"},{"date":"20261118","time":"070000","code":"B"}]}]}"#;
    let wordy =
        "<Answer><parcelNo>7700012345</parcelNo><info><status>A</status><date><text>12/26/2026 7:11:26 PM</text></date></info></Answer>";
    for (id, sample, lines) in [
        (
            "as_gls",
            gls,
            vec![
                "shipments: '$.parcels'",
                "number: '$.unitno'",
                "events: '$.events'",
                "newest_first: true",
                "  code: '$.code'",
                "  description: '$.description'",
                "    at: '$.eventDateTime'",
                "    city: '$.city'",
                "    postal_code: '$.postalCode'",
                "    country: '$.country'",
                "  formats: ['iso']",
                "  - { code: 'INBOUD.NORMAL', milestone: FILL_IN }",
            ],
        ),
        ("as_xml", xml, vec!["events: '$.Answer.Shipment.Scan'", "  code: '$[''@code'']'", "    at: '$.When'", "    city: '$.Town'"]),
        (
            "as_csv",
            csv,
            vec![
                "csv_delimiter: \";\"",
                "  number: '$[''Parcel no.'']'",
                "    day: '$.Date'",
                "    clock: '$.Time'",
                "  formats: ['%d/%m/%Y %H:%M']",
            ],
        ),
        ("as_compact", compact, vec!["events: '$.activity'", "    day: '$.date'", "    clock: '$.time'", "  formats: ['compact']"]),
        ("as_wordy", wordy, vec!["    at: '$.Answer.info.date.text'", "  formats: ['%m/%d/%Y %I:%M:%S %p']"]),
        (
            "as_status",
            status,
            vec!["number: '$.awb'", "  code: '$.status'", "    at: '$.timestamp'", "  formats: ['epoch']", "  description: '$.remark'"],
        ),
    ] {
        let (text, left) = drafted(id, sample.as_bytes());
        for line in lines {
            assert!(text.lines().any(|l| l == line || l.starts_with(&format!("{line}  # or "))), "{line} is not in\n{text}");
        }
        assert!(
            !left.is_empty() && left.iter().all(|key| key.ends_with(": milestone") || id == "as_xml" && key == "number"),
            "{left:?}\n{text}"
        );
    }
    // Oldest first, as most of these are, is what is assumed.
    assert!(!drafted("as_xml", xml.as_bytes()).0.contains("newest_first"));
    let (text, _) = drafted("as_words", br#"{"no":"AC-100177","scans":[{"on":"last Friday","what":"OK"}]}"#);
    assert!(text.contains("begin the\n# paths below at one of its elements: $.scans\n"), "{text}");
    let (text, left) = drafted("nothing", br#"{"x":1}"#);
    assert!(["number", "event.code", "event.time.at", "times.formats"].iter().all(|key| left.iter().any(|l| l == key)), "{left:?}\n{text}");
    assert_eq!(draft("x", b"{", "s", 0).expect_err("no JSON").code, Code::MALFORMED);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in mutated(HISTORY)) {
        let dialect = fixture("northpost");
        for event in dialect.parse(&message(&body)).into_iter().flatten() {
            prop_assert!(!event.shipment_key.is_empty());
        }
    }
}
