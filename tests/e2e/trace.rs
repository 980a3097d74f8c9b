//! One trace id from the raw message to what Odoo was told, in the headers of every hop and in the logs.

use serde_json::Value;
use waybill::testkit::oracle::Read;

use crate::story::{POISON_TRACE, REFUSED_TRACE, Scene, TRACE};

/// Values of a header.
pub(crate) fn header<'a>(record: &'a Read, name: &str) -> Option<&'a str> {
    record.headers.iter().find(|(n, _)| n == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
}

pub(crate) fn is_carried_through_every_hop(scene: &Scene) {
    let carries = |topic: &str, trace: &str| {
        let records = scene.rig.read(topic);
        records.iter().filter_map(|record| header(record, "traceparent")).filter(|parent| parent.split('-').nth(1) == Some(trace)).count()
    };
    let hops = ["shipment.observations", "shipment.events", "shipment.status", "delivery.status", "odoo.results"];
    for topic in hops {
        assert!(carries(topic, TRACE) > 0, "{topic} has lost the trace");
    }
    for topic in &hops[..4] {
        assert!(carries(topic, REFUSED_TRACE) > 0, "{topic} has lost the trace");
    }
    assert_eq!(carries("carrier-normalizer.dlq", POISON_TRACE), 1);
    assert!(carries("odoo-writer.dlq", REFUSED_TRACE) > 0);

    for (service, event, trace) in [
        ("carrier-normalizer", "published", TRACE),
        ("shipment-tracker", "published", TRACE),
        ("odoo-writer", "published", TRACE),
        ("carrier-normalizer", "dead_lettered", POISON_TRACE),
        ("odoo-writer", "dead_lettered", REFUSED_TRACE),
    ] {
        let output = scene.of(service).output();
        let mut lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        assert!(
            lines.any(|line| line["event"] == event && line["trace_id"] == trace),
            "{service} does not log {event} of {trace}:\n{output}"
        );
    }
}
