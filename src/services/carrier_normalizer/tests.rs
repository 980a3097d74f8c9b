use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use super::*;
use crate::engine::processor::Headers;
use crate::testkit::Memory;

const TOPIC: &str = "raw.carrier.easypost";
const BODY: &[u8] = br#"{"object": "Tracker", "tracking_code": "9400100000000000000017", "carrier": "USPS", "tracking_details": [
    {"status": "in_transit", "datetime": "2026-11-20T08:00:00Z", "tracking_location": {"city": "Reno", "country": "US"}},
    {"status": "delivered", "datetime": "2026-11-20T16:00:00Z", "tracking_location": {"city": "Reno", "country": "US"}}]}"#;
/// 2026-11-21T00:00:00Z.
const RECEIVED_AT: Micros = 1_795_219_200_000_000;
const SECRET: &str = "first-secret";

/// A normalizer of one source whose signatures are those of `signer`.
fn normalizer(signer: &str, settings: &Value) -> CarrierNormalizer {
    let config = serde_json::from_value(settings.clone()).unwrap();
    let dialect = crate::carriers::dialect("easypost", crate::carriers::DialectSettings::default()).unwrap();
    let verifier = Verifier::new(signer, &config).unwrap();
    CarrierNormalizer::new([(TOPIC.to_owned(), dialect)].into(), [(TOPIC.to_owned(), verifier)].into(), Some(Metrics::new().unwrap()))
}

fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

fn signature(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

/// Which events came out, by whether they are verified; or the code.
fn send(normalizer: &mut CarrierNormalizer, headers: Headers, value: &[u8], received_at: Micros) -> Result<Vec<bool>, Code> {
    let input =
        Input { topic: TOPIC, partition: 0, offset: 1, received_at, key: None, headers: &headers, payload: Payload::Raw(Some(value)) };
    let mut out = Outputs::default();
    match normalizer.process(&input, &mut Memory::default(), RECEIVED_AT, &mut out) {
        Verdict::Publish => Ok(out
            .records
            .iter()
            .map(|output| match &output.record {
                Record::ShipmentEvent(event) => event.verified,
                other => panic!("{other:?}"),
            })
            .collect()),
        Verdict::Park(park) => {
            assert!(out.records.is_empty() && !park.cause.contains(SECRET), "{park:?}");
            Err(park.code)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_event_says_whether_its_message_is_genuine() {
    let settings = json!({"secrets": {"one": SECRET}});
    let signed = || vec![header("http_header_x-hmac-signature", &format!("hmac-sha256-hex={}", signature(&[BODY])))];
    let mut when_signed = normalizer("easypost", &settings);
    let told = send(&mut when_signed, signed(), BODY, RECEIVED_AT).unwrap();
    assert!(told.len() > 1 && told.iter().all(|verified| *verified), "{told:?}");
    let told = send(&mut when_signed, vec![], BODY, RECEIVED_AT).unwrap();
    assert!(told.iter().all(|verified| !verified), "{told:?}");
    let touched = String::from_utf8(BODY.to_vec()).unwrap().replacen('0', "1", 1);
    assert_eq!(send(&mut when_signed, signed(), touched.as_bytes(), RECEIVED_AT), Err(Code::SIGNATURE_INVALID));
    assert_eq!(send(&mut when_signed, signed(), b"{", RECEIVED_AT), Err(Code::SIGNATURE_INVALID), "checked before it is read");
    let told = when_signed.metrics.as_ref().unwrap().render();
    for (outcome, count) in [("verified", 1), ("unverified", 1), ("refused", 2)] {
        let line = format!("waybill_signatures_total{{outcome=\"{outcome}\",source=\"easypost\"}} {count}");
        assert!(told.contains(&line), "{line}\n{told}");
    }
    let mut required = normalizer("easypost", &json!({"verify": "required", "secrets": {"one": SECRET}}));
    assert_eq!(send(&mut required, vec![], BODY, RECEIVED_AT), Err(Code::SIGNATURE_INVALID));
    assert!(send(&mut required, signed(), BODY, RECEIVED_AT).is_ok());
}

#[test]
fn the_signature_is_of_the_body_and_not_of_its_envelope() {
    use base64::Engine as _;
    let mut required = normalizer("easypost", &json!({"verify": "required", "secrets": {"one": SECRET}}));
    let envelope = json!({"specversion": "1.0", "id": "1", "datacontenttype": "application/json",
        "data_base64": base64::engine::general_purpose::STANDARD.encode(BODY)});
    let headers = vec![header("content-type", "application/cloudevents+json"), header("http_header_x-hmac-signature", &signature(&[BODY]))];
    assert!(send(&mut required, headers, envelope.to_string().as_bytes(), RECEIVED_AT).is_ok());
}

#[test]
fn a_message_does_not_grow_old_while_it_waits_or_is_replayed() {
    let mut required = normalizer("shippo", &json!({"verify": "required", "secrets": {"one": SECRET}}));
    let (long_ago, seconds) = (RECEIVED_AT - 90 * 86_400_000_000, (RECEIVED_AT / 1_000_000 - 90 * 86_400).to_string());
    let signed = header("http_header_shippo-auth-signature", &format!("t={seconds},v1={}", signature(&[seconds.as_bytes(), b".", BODY])));
    assert!(send(&mut required, vec![signed.clone()], BODY, long_ago).is_ok(), "read long after it was received");
    assert_eq!(send(&mut required, vec![signed.clone()], BODY, RECEIVED_AT), Err(Code::SIGNATURE_INVALID), "sent again by somebody");
    let replayed = |original: Micros| {
        vec![signed.clone(), header("wb_replay_of", "carrier-normalizer.dlq/0/1"), header("wb_timestamp", &original.to_string())]
    };
    assert!(send(&mut required, replayed(long_ago), BODY, RECEIVED_AT).is_ok(), "replayed after the topic would have forgotten its time");
    let stale = send(&mut required, replayed(RECEIVED_AT), BODY, RECEIVED_AT);
    assert_eq!(stale, Err(Code::SIGNATURE_INVALID), "a replay makes nothing genuine that was stale");
    let forged = vec![signed.clone(), header("wb_timestamp", &long_ago.to_string())];
    assert_eq!(send(&mut required, forged, BODY, RECEIVED_AT), Err(Code::SIGNATURE_INVALID), "no replay");
}

#[test]
fn what_can_be_read_of_a_message_is_published_and_the_rest_dead_lettered() {
    use crate::services::shipment_tracker::{ShipmentTracker, TrackerSettings, UnknownLimits, topic};
    let body = json!({"parcels": [{"unitno": "51830277416", "status": "DELIVERED"}, {"status": "DELIVERED"}]}).to_string();
    let dialect = crate::carriers::dialect("gls", crate::carriers::DialectSettings::default()).unwrap();
    let normalizer = CarrierNormalizer::new([(TOPIC.to_owned(), dialect)].into(), HashMap::new(), None);
    let unknown = UnknownLimits { percent: 20, events_min: 20, by_source: std::collections::BTreeMap::new() };
    let settings = TrackerSettings { unassigned_after: 1, silent_after: 1, pod_missing_after: 1, window: 1 << 50, unknown };
    let (tracker, mut memory) = (ShipmentTracker::new(settings), Memory::default());
    let mut events = 0;
    let mut verdicts = Vec::new();
    // The second time is the replay of the dead letter.
    for offset in [1, 2] {
        let headers = Headers::new();
        let payload = Payload::Raw(Some(body.as_bytes()));
        let input = Input { topic: TOPIC, partition: 0, offset, received_at: RECEIVED_AT, key: None, headers: &headers, payload };
        let mut out = Outputs::default();
        match normalizer.process(&input, &mut Memory::default(), RECEIVED_AT, &mut out) {
            Verdict::Partly(park) => assert_eq!((park.code, out.records.len()), (Code::PARTLY_READ, 1), "{}", park.cause),
            other => panic!("{other:?}"),
        }
        for output in out.records {
            let input = Input { topic: output.topic, payload: Payload::Canonical(output.record), ..input };
            let mut out = Outputs::default();
            verdicts.push(tracker.process(&input, &mut memory, RECEIVED_AT, &mut out));
            events += out.records.iter().filter(|output| output.topic == topic::EVENTS).count();
        }
    }
    assert_eq!((verdicts, events), (vec![Verdict::Publish, Verdict::Duplicate("repeated")], 1));
}

#[test]
fn a_code_is_logged_short_and_in_ascii() {
    let long = format!("\u{e9}\n{}", "x".repeat(100));
    let code = crate::domain::event::RawCode { kind: None, code: Some(long), sub_code: None };
    assert_eq!(code.plain(), (None, Some("x".repeat(64))));
}

mod notices {
    use super::*;
    use crate::carriers::x12_ship::{Notices, NoticesSettings};

    const TOPIC: &str = "raw.carrier.x12-ship";
    const BODY: &str = "ISA*00*          *00*          *ZZ*BAYRIDGE3PL    *ZZ*CORNERSHOP     *261121*0615*U*00401*000000001*0*P*>~\
        GS*SW*BAYRIDGE3PL*CORNERSHOP*20261121*0615*1*X*004010~ST*945*1~W06*F*S00003*20261120*SH-1~W27*U*UPSN~G72*504*ZZ******75.00~\
        N9*2I*1Z1~SE*9*1~GE*1*1~IEA*1*000000001~";

    fn send(settings: NoticesSettings) -> (Verdict, Outputs, String) {
        let metrics = Metrics::new().unwrap();
        let normalizer = CarrierNormalizer::new(HashMap::new(), HashMap::new(), Some(metrics.clone()))
            .with_notices([(TOPIC.to_owned(), Notices::new(settings))].into());
        let (headers, payload) = (Vec::new(), Payload::Raw(Some(BODY.as_bytes())));
        let input = Input { topic: TOPIC, partition: 3, offset: 9, received_at: RECEIVED_AT, key: None, headers: &headers, payload };
        let mut out = Outputs::default();
        let verdict = normalizer.process(&input, &mut Memory::default(), RECEIVED_AT, &mut out);
        (verdict, out, metrics.render())
    }

    #[test]
    fn a_notice_goes_to_the_instance_and_its_charges_to_the_shipment() {
        let settings = NoticesSettings { odoo_instance: Some("main".into()), currency: Some("USD".into()), ..NoticesSettings::default() };
        let (verdict, out, _) = send(settings.clone());
        assert_eq!(verdict, Verdict::Publish);
        let went: Vec<_> = out.records.iter().map(|o| (o.topic, o.key.as_str(), o.record.name())).collect();
        assert_eq!(went, [(NOTICES, "main", "ShipmentNotice"), (CHARGES, "1Z1", "FreightCharge")]);
        let Record::ShipmentNotice(notice) = &out.records[0].record else { panic!("a notice") };
        assert_eq!((notice.raw.partition, notice.raw.offset, notice.received_at, notice.verified), (3, 9, RECEIVED_AT, false));

        let (verdict, out, metrics) = send(NoticesSettings { currency: None, ..settings });
        assert_eq!((verdict, out.records.len()), (Verdict::Publish, 1), "no currency, no charge");
        assert!(metrics.contains("waybill_charges_left_out_total{source=\"x12_ship\"} 1"), "{metrics}");
    }

    #[test]
    fn nothing_is_published_where_nobody_knows_which_odoo_is_meant() {
        let (verdict, out, _) = send(NoticesSettings::default());
        assert!(matches!(verdict, Verdict::Park(park) if park.code == Code::NO_ODOO_INSTANCE) && out.records.is_empty());
    }
}

mod billing {
    use std::collections::BTreeSet;

    use super::*;
    use crate::carriers::billing::{Billing, BillingSettings, Format, Pieces, piece_headers};
    use crate::domain::freight::LineKind;

    const TOPIC: &str = "raw.carrier.ups-billing";

    fn row(number: &str, net: &str) -> String {
        let mut cells = vec![""; 53];
        for (at, text) in [(4, "2026-11-14"), (5, "00A17"), (9, "EUR"), (10, "12.5"), (20, number), (34, "SHP"), (43, "FRT"), (52, net)] {
            cells[at] = text;
        }
        cells.join(",") + "\n"
    }

    fn send(headers: &Headers, value: &[u8]) -> (Verdict, Outputs) {
        let billing = Billing::new(Format::Ups, BillingSettings::default());
        let normalizer = CarrierNormalizer::new(HashMap::new(), HashMap::new(), None).with_billing([(TOPIC.to_owned(), billing)].into());
        let payload = Payload::Raw(Some(value));
        let input = Input { topic: TOPIC, partition: 0, offset: 1, received_at: RECEIVED_AT, key: None, headers, payload };
        let mut out = Outputs::default();
        let verdict = normalizer.process(&input, &mut Memory::default(), RECEIVED_AT, &mut out);
        (verdict, out)
    }

    fn ids(out: &Outputs) -> BTreeSet<String> {
        let charge = |record: &Record| match record {
            Record::FreightInvoice(line) => (line.kind == LineKind::Charge).then(|| line.line_id.clone()),
            other => panic!("{other:?}"),
        };
        out.records.iter().filter_map(|output| charge(&output.record)).collect()
    }

    /// A file in one record, and the same file cut into rows, are the same charges under the same key; the end comes last.
    #[test]
    fn a_file_and_its_rows_are_the_same_charges() {
        let file = row("1Z1", "10") + &row("1Z2", "1.25") + &row("1Z2", "1.25");
        let (verdict, whole) = send(&Vec::new(), file.as_bytes());
        assert_eq!(verdict, Verdict::Publish);
        let mut cut = Outputs::default();
        for piece in Pieces::open(Format::Ups, file.as_bytes(), None).unwrap() {
            let piece = piece.unwrap();
            let (verdict, mut out) = send(&piece_headers(&piece, Format::Ups, &"a".repeat(64)), &piece.value);
            assert_eq!((verdict, out.records.len()), (Verdict::Publish, 1), "line {}", piece.line);
            cut.records.append(&mut out.records);
        }
        assert_eq!((ids(&whole).len(), ids(&whole)), (3, ids(&cut)));
        for out in [&whole, &cut] {
            assert!(out.records.iter().all(|o| o.topic == INVOICES && o.key == "ups:A17"), "{:?}", out.records);
            let Some(Record::FreightInvoice(end)) = out.records.last().map(|o| &o.record) else { panic!("an end") };
            assert!(end.totals.as_ref().is_some_and(|totals| totals.ties), "{:?}", end.totals);
        }
    }

    #[test]
    fn a_row_ends_in_one_of_three_ways() {
        let file = row("1Z1", "ten") + &row("1Z2", "2.50");
        let pieces: Vec<_> = Pieces::open(Format::Ups, file.as_bytes(), None).unwrap().map(Result::unwrap).collect();
        let codes: Vec<_> = pieces.iter().map(|piece| send(&piece_headers(piece, Format::Ups, &"a".repeat(64)), &piece.value).0).collect();
        let parked = |verdict: &Verdict| matches!(verdict, Verdict::Park(park) if park.code == Code::BAD_BILLING_VALUE);
        assert_eq!(codes.iter().filter(|v| parked(v)).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|v| **v == Verdict::Publish).count(), 2, "the other row and the end: {codes:?}");
        let mirror = row("1Z1", "0").replace("FRT", "INF");
        assert_eq!(send(&Vec::new(), mirror.as_bytes()).0, Verdict::Duplicate("nothing is billed"));
        let nameless = vec![header("ce_filesha256", &"a".repeat(64)), header("ce_fileline", "2")];
        let (verdict, out) = send(&nameless, row("1Z1", "10").as_bytes());
        assert!(matches!(verdict, Verdict::Park(park) if park.code == Code::BAD_ENVELOPE) && out.records.is_empty(), "{:?}", out.records);
    }
}
