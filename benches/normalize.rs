//! The hot path of each source: one body to canonical events, beside a plain `serde_json::Value` of the same body.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use waybill::carriers::{DialectSettings, RawMessage, Sources};
use waybill::domain::event::RawRef;

const BODIES: &[(&str, &str, &str)] = &[
    ("ups", "push", include_str!("../src/carriers/ups/fixtures/alert_out_for_delivery.json")),
    ("ups", "answer of 6", include_str!("../src/carriers/ups/fixtures/answer_history.json")),
    ("fedex", "answer of 5", include_str!("../src/carriers/fedex/fixtures/answer_exception.json")),
    ("easypost", "event of 5", include_str!("../src/carriers/easypost/fixtures/updated.json")),
    ("shippo", "event of 5", include_str!("../src/carriers/shippo/fixtures/track_updated.json")),
    ("aftership", "event of 6", include_str!("../src/carriers/aftership/fixtures/update_returning.json")),
    ("shipengine", "event of 6", include_str!("../src/carriers/shipengine/fixtures/track_attempted.json")),
    ("sendcloud", "v2 push", include_str!("../src/carriers/sendcloud/fixtures/v2_status_changed.json")),
    ("sendcloud", "v3 push", include_str!("../src/carriers/sendcloud/fixtures/v3_attempted.json")),
    ("17track", "push of 6", include_str!("../src/carriers/track17/fixtures/updated_two_providers.json")),
    ("shiprocket", "push of 10", include_str!("../src/carriers/shiprocket/fixtures/rto.json")),
    ("usps", "answer of 7", include_str!("../src/carriers/usps/fixtures/answer_delivered.json")),
    ("usps", "push", include_str!("../src/carriers/usps/fixtures/push_out_for_delivery.json")),
    ("delhivery", "answer of 10", include_str!("../src/carriers/delhivery/fixtures/answer_returned.json")),
    ("delhivery", "push", include_str!("../src/carriers/delhivery/fixtures/push_not_delivered.json")),
    ("inpost", "push", include_str!("../src/carriers/inpost/fixtures/status_ready.json")),
    ("gls", "answer of 8", include_str!("../src/carriers/gls/fixtures/answer_parcels.json")),
    ("amazon_shipping", "answer of 7", include_str!("../src/carriers/amazon_shipping/fixtures/answer_delivered.json")),
    ("amazon_shipping", "push", include_str!("../src/carriers/amazon_shipping/fixtures/push_attempted.json")),
    ("dhl_express", "answer of 6", include_str!("../src/carriers/dhl_express/fixtures/answer_two_waybills.xml")),
    ("dpd", "push", include_str!("../src/carriers/dpd/fixtures/push_delivered.query")),
    ("dpd", "answer of 5", include_str!("../src/carriers/dpd/fixtures/answer.xml")),
    ("dhl_unified", "answer of 5", include_str!("../src/carriers/dhl_unified/fixtures/answer_parcel_de.json")),
    ("x12_214", "interchange of 6", include_str!("../src/carriers/x12_214/fixtures/mixed_orders.edi")),
    ("edifact_iftsta", "interchange of 5", include_str!("../src/carriers/edifact_iftsta/fixtures/consignments.edi")),
];

/// A built-in source described as data: what the same history costs without code.
const AS_DATA: (&str, &str, &str) = ("gls_as_data", "answer of 8", include_str!("../src/carriers/gls/fixtures/answer_parcels.json"));

fn normalize(c: &mut Criterion) {
    let descriptions = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/carriers/data/fixtures");
    let sources = Sources::load(Some(&descriptions)).unwrap_or_default();
    for (source, name, body) in BODIES.iter().chain([&AS_DATA]) {
        let known = sources.dialect(source, DialectSettings::default());
        assert!(known.is_some(), "no dialect: {source}");
        let Some(parser) = known else { continue };
        let raw = RawRef { topic: format!("raw.carrier.{source}"), partition: 0, offset: 1, sha256: "0".repeat(64) };
        let message = RawMessage { body: body.as_bytes(), content_type: None, received_at: 0, raw };
        let events = parser.parse(&message).map_or(0, |e| e.len());
        assert!(events > 0, "{source} {name}");
        let mut group = c.benchmark_group(format!("{source}/{name}"));
        group.throughput(Throughput::Elements(events as u64));
        group.bench_function("normalize", |b| b.iter(|| parser.parse(black_box(&message))));
        if body.starts_with('{') {
            group.bench_function("json value", |b| b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(message.body))));
        }
        group.finish();
    }
}

criterion_group!(benches, normalize);
criterion_main!(benches);
