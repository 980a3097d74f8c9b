use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const UPDATED: &str = include_str!("fixtures/track_updated.json");
const DELIVERED: &str = include_str!("fixtures/track_delivered.json");

fn status(fields: &serde_json::Value) -> ShipmentEvent {
    let body = json!({"event": "track_updated", "data": {"tracking_number": "1Z1", "carrier": "ups", "tracking_history": [fields]}});
    events("shippo", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_event_is_read_status_by_status() {
    let told = events("shippo", UPDATED);
    let expected = [
        json!({
            "shipment_key": "1Z88W0E70312345678", "tracking_number": "1Z 88W 0E7 03 1234 5678", "carrier": "ups", "source": "shippo",
            "source_event_id": "ts-1", "mapping_version": "shippo-2", "milestone": "announced", "sub_status": null,
            "exception_reason": null, "fault": null, "action_required": false, "actor": "system", "leg": "forward",
            "raw_code": {"type": null, "code": "PRE_TRANSIT", "sub_code": "information_received"},
            "raw_description": "Information about the package received.", "occurred_at": null, "occurred_local": "2026-11-16",
            "offset_minutes": null, "time_precision": "date", "time_source": null, "received_at": RECEIVED_AT, "piece": null,
            "attempt_no": null, "pod": null, "cod": null, "measures": null, "partner": null, "eta": null, "late": false,
            "place": {"city": "Reno", "state": "NV", "postal_code": "89502", "country": "US"},
        }),
        json!({"milestone": "accepted", "occurred_local": "2026-11-16T17:40:00", "time_source": "location_zone", "offset_minutes": -480}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "time_source": "location_zone", "offset_minutes": -360}),
        json!({"milestone": "exception", "exception_reason": "address.incorrect", "action_required": true, "offset_minutes": -360,
            "time_source": "carrier_offset"}),
        json!({"milestone": "in_transit", "raw_code": {"code": "TRANSIT", "sub_code": "teleported"}, "place": null, "occurred_at": null,
            "occurred_local": "2026-11-19T10:00:00", "time_source": null,
            "eta": {"to": null, "to_local": "2026-11-21", "source": "shippo", "previous_local": null}}),
        json!({"milestone": "info", "sub_status": "eta_changed", "occurred_local": null, "raw_code": {"code": "eta"},
            "eta": {"to": null, "to_local": "2026-11-21", "previous_local": "2026-11-20"}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[1].occurred_at.map(rfc3339).as_deref(), Some("2026-11-17T01:40:00Z"), "17:40 in Reno, whatever stands behind it");
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let again =
        UPDATED.replace("\"ts-", "\"ts-9").replace("2026-11-19T20:01:00.120Z", "2026-11-20T02:01:00.500Z").replace("\"Reno\"", "\"RENO\"");
    let keys = |body: &str| events("shippo", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(UPDATED));
    let mut distinct = keys(UPDATED);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6);
    let alone = status(&json!({"status": "TRANSIT", "status_date": "2026-11-18T22:15:00Z"})).event_id;
    assert_ne!(alone, status(&json!({"status": "TRANSIT", "status_date": "2026-11-18T22:16:00Z"})).event_id);
}

#[test]
fn two_happenings_of_one_second_are_two_and_one_told_twice_is_one() {
    let key = |id: &str, words: &str| {
        let sub_code = json!({"code": "package_processed"});
        let place = json!({"city": "Reno", "country": "US"});
        status(&json!({"object_id": id, "status": "TRANSIT", "substatus": sub_code, "status_date": "2026-11-18T00:00:00Z",
            "status_details": words, "location": place}))
        .dedup_key
    };
    assert_ne!(key("ts-1", "Arrived at the regional facility"), key("ts-2", "Left the regional facility"));
    assert_eq!(key("ts-1", "Arrived at the regional facility"), key("ts-9", "ARRIVED at the  regional facility."));
}

#[test]
fn a_status_that_the_history_has_not_got_is_an_event_too() {
    let told = events("shippo", DELIVERED);
    assert_eq!(told.len(), 3);
    assert_told(&told[0], &json!({"milestone": "in_transit", "carrier": "dpd", "leg": "forward", "raw_code": {"sub_code": null}}));
    assert_told(
        &told[1],
        &json!({"milestone": "returning", "exception_reason": "pickup_point.not_collected", "leg": "return", "action_required": true}),
    );
    assert_told(
        &told[2],
        &json!({"milestone": "returned", "leg": "return", "eta": null, "source_event_id": "ts-9", "offset_minutes": 0,
        "time_source": "location_zone"}),
    );
    let current_only = r#"{"event":"track_updated","data":{"tracking_number":"1Z1","tracking_history":[],"tracking_status":
        {"status":"UNKNOWN","substatus":{"code":"other"},"status_date":null}}}"#;
    assert_told(&events("shippo", current_only)[0], &json!({"milestone": "unknown", "carrier": "unknown", "occurred_local": null}));
}

#[test]
fn an_old_history_that_arrives_late_moves_nothing_it_should_not() {
    let body = json!({"event": "track_updated", "data": {"tracking_number": "1Z1", "carrier": "ups", "eta": "2026-11-21T00:00:00Z",
        "tracking_status": {"status": "TRANSIT", "status_date": "2026-11-17T08:00:00Z"},
        "tracking_history": [{"status": "DELIVERED", "status_date": "2026-11-18T09:00:00Z"},
            {"status": "TRANSIT", "status_date": "2026-11-17T08:00:00Z"}]}});
    let told = events("shippo", &body.to_string());
    let read: Vec<_> = told.iter().map(|e| (e.milestone.as_str(), e.eta.is_some())).collect();
    assert_eq!(read, [("delivered", false), ("in_transit", false)]);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, sub_code, milestone, sub_status, reason) in [
        ("DELIVERED", json!({"code": "information_received"}), "delivered", None, None),
        ("TRANSIT", json!({"code": "delivered"}), "in_transit", None, None),
        ("TRANSIT", json!({"code": "delivery_attempted"}), "delivery_attempted", None, None),
        ("TRANSIT", json!({"code": "out_for_delivery"}), "out_for_delivery", None, None),
        ("TRANSIT", json!({"code": "delivery_scheduled"}), "info", Some("appointment"), None),
        ("TRANSIT", json!("out_for_delivery"), "in_transit", None, None),
        ("FAILURE", json!({"code": "package_lost"}), "lost", None, Some("parcel.lost")),
        ("FAILURE", json!({"code": "package_disposed"}), "disposed", None, None),
        ("FAILURE", json!(null), "exception", None, None),
        ("RETURNED", json!(null), "returning", None, None),
        ("UNKNOWN", json!(null), "unknown", None, None),
        ("delivered", json!(null), "unknown", None, None),
        ("SHREDDED", json!({"code": "delivered"}), "unknown", None, None),
    ] {
        let event = status(&json!({"status": code, "substatus": sub_code}));
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{code} {sub_code}");
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["object_id", "substatus", "status_date", "status_details", "location"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"status": "DELIVERED"});
            fields[field] = value.clone();
            assert_eq!(status(&fields).milestone.as_str(), "delivered", "{field} = {value}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let data = |fields: &str| text(&format!(r#"{{"event":"track_updated","data":{{{fields}}}}}"#));
    let many = format!(r#""tracking_number":"1Z1","tracking_history":[{}{{}}]"#, "{},".repeat(10_000));
    let mut cases = poison(UPDATED);
    cases.extend([
        ("key twice", text(r#"{"event":"track_updated","event":"batch_created"}"#), Code::DUPLICATE_KEY),
        ("key twice below", data(r#""tracking_status":{"status":"DELIVERED","status":"TRANSIT"}"#), Code::DUPLICATE_KEY),
        (
            "a transaction",
            text(r#"{"event":"transaction_updated","data":{"tracking_number":"1Z1","tracking_status":"DELIVERED"}}"#),
            Code::NOT_TRACKING,
        ),
        ("an answer without a track", text(r#"{"tracking_number":"1Z1","tracking_history":[]}"#), Code::NOT_TRACKING),
        (
            "a test of Shippo",
            text(
                r#"{"event":"track_updated","test":true,"data":{"tracking_number":"SHIPPO_DELIVERED1","tracking_status":{"status":"DELIVERED"}}}"#,
            ),
            Code::NOT_TRACKING,
        ),
        ("no data", text(r#"{"event":"track_updated","test":false}"#), Code::MISSING_FIELD),
        ("no number", data(r#""tracking_status":{"status":"DELIVERED"}"#), Code::MISSING_FIELD),
        ("neither status nor history", data(r#""tracking_number":"1Z1","tracking_status":null"#), Code::MISSING_FIELD),
        ("a status without a word", data(r#""tracking_number":"1Z1","tracking_status":{"status":""}"#), Code::MISSING_FIELD),
        (
            "the number of a test",
            data(r#""tracking_number":"SHIPPO_TRANSIT","tracking_status":{"status":"TRANSIT"}"#),
            Code::NOT_TRACKING,
        ),
        ("more than the limit", data(&many), Code::TOO_MANY),
    ]);
    assert_parked("shippo", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("shippo", "webhooks/shippo", &[("track_updated.doc_example.json", Ok(1))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("shippo", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(event in mutated(UPDATED), track in mutated(DELIVERED)) {
        let _ = testing::parse("shippo", &event);
        let _ = testing::parse("shippo", &track);
    }
}
