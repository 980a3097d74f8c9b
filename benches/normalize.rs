//! The hot path of each source: one body to canonical events, beside a plain `serde_json::Value` of the same body.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use waybill::carriers::{DialectSettings, RawMessage, dialect};
use waybill::domain::event::RawRef;

const BODIES: &[(&str, &str, &str)] = &[
    ("ups", "push", include_str!("../src/carriers/ups/fixtures/alert_out_for_delivery.json")),
    ("ups", "answer of 6", include_str!("../src/carriers/ups/fixtures/answer_history.json")),
    ("fedex", "answer of 5", include_str!("../src/carriers/fedex/fixtures/answer_exception.json")),
    ("easypost", "event of 5", include_str!("../src/carriers/easypost/fixtures/updated.json")),
    ("x12_214", "interchange of 6", include_str!("../src/carriers/x12_214/fixtures/mixed_orders.edi")),
    ("edifact_iftsta", "interchange of 5", include_str!("../src/carriers/edifact_iftsta/fixtures/consignments.edi")),
];

fn normalize(c: &mut Criterion) {
    for (source, name, body) in BODIES {
        let known = dialect(source, DialectSettings::default());
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
