use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const READY: &str = include_str!("fixtures/status_ready.json");
const RETURNED: &str = include_str!("fixtures/status_returned.json");
const CONFIRMED: &str = include_str!("fixtures/confirmed.json");

fn status(status: &str) -> ShipmentEvent {
    events("inpost", &READY.replace("ready_to_pickup", status)).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_read_field_by_field() {
    let told = events("inpost", READY);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({
            "shipment_key": "640012771339100028451907", "tracking_number": "640012771339100028451907", "carrier": "inpost",
            "source": "inpost", "source_event_id": null, "mapping_version": "inpost-2", "milestone": "available_for_pickup",
            "sub_status": null, "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "shipment_status_changed", "code": "ready_to_pickup", "sub_code": null}, "raw_description": null,
            "occurred_local": "2026-11-18T17:22:40", "offset_minutes": 60, "time_precision": "second", "time_source": "carrier_offset",
            "received_at": RECEIVED_AT, "place": null, "piece": null, "attempt_no": null, "pod": null, "eta": null, "cod": null,
            "measures": null, "partner": null, "late": false,
        }),
    );
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-18T16:22:40Z"));
}

#[test]
fn a_return_is_a_return_and_knows_its_number() {
    assert_told(
        &events("inpost", RETURNED)[0],
        &json!({"milestone": "returned", "leg": "return", "partner": {"carrier": "inpost", "tracking_number": "530045518002200019004366"}}),
    );
}

#[test]
fn an_event_may_be_its_own_status() {
    let told = events("inpost", CONFIRMED);
    assert_told(
        &told[0],
        &json!({"milestone": "announced", "actor": "system", "raw_code": {"type": "shipment_confirmed", "code": "confirmed"}}),
    );
    let changed = CONFIRMED
        .replace("shipment_confirmed", "shipment_status_changed")
        .replace("\"shipment_id\"", "\"status\": \"confirmed\", \"shipment_id\"");
    assert_eq!(events("inpost", &changed)[0].event_id, told[0].event_id);
}

#[test]
fn a_push_told_again_is_the_same_happening_and_the_next_one_is_not() {
    let again = READY.replace("318", "319");
    assert_eq!(events("inpost", &again)[0].event_id, events("inpost", READY)[0].event_id);
    assert_ne!(status("delivered").event_id, events("inpost", READY)[0].event_id);
    let later = READY.replace("17:22:40", "17:22:41");
    assert_ne!(events("inpost", &later)[0].event_id, events("inpost", READY)[0].event_id);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, milestone, sub_status, reason) in [
        ("dispatched_by_sender", "accepted", Some("dropped_off"), None),
        ("adopted_at_sorting_center", "in_transit", Some("arrived"), None),
        ("out_for_delivery", "out_for_delivery", None, None),
        ("avizo", "delivery_attempted", None, None),
        ("undelivered_cod_cash_receiver", "delivery_attempted", None, Some("recipient.cod_not_paid")),
        ("rejected_by_receiver", "delivery_attempted", None, Some("recipient.refused")),
        ("pickup_time_expired", "exception", None, Some("pickup_point.not_collected")),
        ("pickup_reminder_sent", "info", None, None),
        ("delivered", "delivered", None, None),
        ("returned_to_sender", "returned", None, None),
        ("canceled", "cancelled", None, None),
        ("delivered_by_drone", "unknown", None, None),
    ] {
        let event = status(code);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{code}");
    }
}

#[test]
fn a_time_without_offset_is_no_utc() {
    for suffix in ["", " Z"] {
        let body = READY.replace(" +0100", suffix);
        assert_told(&events("inpost", &body)[0], &json!({"occurred_at": null, "time_source": null}));
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for (object, field) in [("", "event_ts"), ("", "organization_id"), ("payload", "shipment_id"), ("payload", "return_tracking_number")] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut body: serde_json::Value = serde_json::from_str(READY).expect("JSON");
            let target = if object.is_empty() { &mut body } else { &mut body[object] };
            target[field] = value.clone();
            assert_eq!(events("inpost", &body.to_string())[0].milestone.as_str(), "available_for_pickup", "{field} = {value}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let changed = |fields: &str| text(&format!(r#"{{"event":"shipment_status_changed","payload":{{{fields}}}}}"#));
    // No key of the lone surrogate is read here.
    let mut cases: Vec<_> = poison(READY).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("a surrogate alone", text(r#"{"event":"\ud800"}"#), Code::MALFORMED),
        ("key twice", text(r#"{"event":"a","event":"b"}"#), Code::DUPLICATE_KEY),
        ("key twice below", changed(r#""status":"delivered","status":"created""#), Code::DUPLICATE_KEY),
        ("an event about offers", text(r#"{"event":"offers_prepared","payload":{"shipment_id":49}}"#), Code::NOT_TRACKING),
        ("no payload", text(r#"{"event":"shipment_confirmed"}"#), Code::MISSING_FIELD),
        ("no number", changed(r#""status":"delivered""#), Code::MISSING_FIELD),
        ("no status", changed(r#""tracking_number":"640012771339100028451907""#), Code::MISSING_FIELD),
        ("number that lost digits", changed(r#""status":"delivered","tracking_number":640012771339100028451907"#), Code::MISSING_FIELD),
        ("placeholder", changed(r#""status":"delivered","tracking_number":"string""#), Code::BAD_TRACKING_NUMBER),
    ]);
    assert_parked("inpost", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("inpost", "webhooks/inpost", &[("shipment_confirmed.json", Ok(1)), ("shipment_status_changed.json", Ok(1))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("inpost", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(ready in mutated(READY), returned in mutated(RETURNED)) {
        let _ = testing::parse("inpost", &ready);
        let _ = testing::parse("inpost", &returned);
    }
}
