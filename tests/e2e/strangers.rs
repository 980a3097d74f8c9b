//! An analytics team reads the canonical topics with Confluent's consumer and deserializer and a registry that is not ours.

use std::time::Duration;

use serde_json::{Value, json};

use crate::story::{EDI, FEDEX, OUTSIDE, Scene, UPS, USPS};
use crate::support::python::read_avro;

const LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn read_what_was_published(scene: &Scene) {
    let read =
        |topic: &str, max| read_avro(scene.rig.kafka.brokers(), scene.registry.url(), &format!("{}{topic}", scene.rig.prefix), max, LIMIT);
    let events = read("shipment.events", 7);
    let told: Vec<Value> = events.iter().map(|r| json!([r["key"], r["value"]["milestone"], r["value"]["occurred_at"]])).collect();
    for expected in [
        json!([UPS, "in_transit", "2026-11-19T15:10:00+00:00"]),
        json!([UPS, "delivered", "2026-11-19T19:15:40+00:00"]),
        json!([UPS, "unknown", "2026-11-19T19:17:00+00:00"]),
        json!([FEDEX, "out_for_delivery", "2026-11-19T14:40:00+00:00"]),
        json!([USPS, "announced", "2026-11-18T07:00:00+00:00"]),
        json!([USPS, "delivered", "2026-11-19T08:30:00+00:00"]),
        json!([EDI, "accepted", "2026-03-09T20:05:00+00:00"]),
    ] {
        assert!(told.contains(&expected), "{expected} is missing in {told:#?}");
    }
    assert_eq!(events.len(), 7);
    for event in &events {
        let (headers, value) = (&event["headers"], &event["value"]);
        assert_eq!((&event["key"], &headers["ce_id"]), (&value["shipment_key"], &value["event_id"]), "{event}");
        assert_eq!(
            (headers["content-type"].as_str(), headers["ce_type"].as_str()),
            (Some("application/avro"), Some("waybill.ShipmentEvent.v1"))
        );
        assert!(value["received_at"].as_str().is_some_and(|at| at.ends_with("+00:00")), "{event}");
        assert_eq!(value["raw"]["sha256"].as_str().map(str::len), Some(64));
    }
    let find = |key: &str, milestone: &str| {
        let event = events.iter().find(|e| e["key"] == key && e["value"]["milestone"] == milestone);
        &event.expect("asserted above")["value"]
    };
    let delivered = find(UPS, "delivered");
    assert_eq!(delivered["occurred_local"], "2026-11-19T13:15:40");
    assert_eq!(
        (delivered["offset_minutes"].as_i64(), delivered["carrier"].as_str(), delivered["source"].as_str()),
        (Some(-360), Some("ups"), Some("ups"))
    );
    assert_eq!(delivered["pod"]["signed_by"], "QUASTENFLOSSER");
    assert_eq!(find(USPS, "delivered")["measures"]["weight"], "120.500000", "a decimal with its scale, not a float");

    let links = read("shipment.links", 4);
    let told_by_the_warehouse = links.iter().find(|link| link["key"] == EDI).expect("a link that Odoo does not know");
    assert_eq!(told_by_the_warehouse["value"]["delivery_key"], format!("main:1:{OUTSIDE}"));
    let notices = read("shipment.notices", 1);
    assert_eq!((&notices[0]["key"], &notices[0]["value"]["references"][0]["number"]), (&json!("main"), &json!("WH/OUT/04713")));
    let charges = read("freight.charges", 1);
    let charge = &charges[0]["value"];
    assert_eq!(
        (charges[0]["key"].as_str(), charge["charge_type"].as_str(), charge["amount"].as_str(), charge["currency"].as_str()),
        (Some(EDI), Some("freight"), Some("75.000000"), Some("EUR"))
    );

    let statuses = read("shipment.status", 1_000);
    let last = |key: &str| {
        let of = statuses.iter().filter(|s| s["key"] == key).max_by_key(|s| s["value"]["version"].as_i64());
        of.unwrap_or_else(|| panic!("no status of {key}"))["value"].clone()
    };
    for (key, milestone, at) in [
        (UPS, "delivered", "2026-11-19T19:15:40+00:00"),
        (FEDEX, "out_for_delivery", "2026-11-19T14:40:00+00:00"),
        (USPS, "delivered", "2026-11-19T08:30:00+00:00"),
        (EDI, "accepted", "2026-03-09T20:05:00+00:00"),
    ] {
        let status = last(key);
        assert_eq!((status["milestone"].as_str(), status["occurred_at"].as_str()), (Some(milestone), Some(at)), "{status}");
    }
}
