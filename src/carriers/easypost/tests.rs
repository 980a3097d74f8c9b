use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const UPDATED: &str = include_str!("fixtures/updated.json");
const RETURNED: &str = include_str!("fixtures/tracker_returned.json");
const BARE_STATUS: &str = include_str!("fixtures/created_without_details.json");

fn detail(fields: &serde_json::Value) -> ShipmentEvent {
    let body = json!({"object": "Tracker", "tracking_code": "1Z1", "carrier": "UPSDAP", "tracking_details": [fields]});
    events("easypost", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_event_is_read_detail_by_detail() {
    let told = events("easypost", UPDATED);
    let expected = [
        json!({
            "shipment_key": "781234500917", "tracking_number": "7812 3450 0917", "carrier": "fedex", "source": "easypost",
            "source_event_id": "evt_77aa", "mapping_version": "easypost-2", "milestone": "announced", "sub_status": null,
            "exception_reason": null, "fault": null, "action_required": false, "actor": "system", "leg": "forward",
            "raw_code": {"type": null, "code": "pre_transit", "sub_code": "OC"}, "raw_description": "Shipment information sent to FedEx",
            "occurred_at": null, "occurred_local": "2026-11-16T09:05:00", "offset_minutes": null, "time_precision": "second",
            "time_source": null, "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "cod": null,
            "place": {"city": null, "state": null, "postal_code": "89502", "country": "US"}, "eta": null, "measures": null,
            "partner": null, "late": false,
        }),
        json!({"milestone": "in_transit", "sub_status": "arrived", "time_source": "location_zone", "offset_minutes": -360}),
        json!({"milestone": "exception", "exception_reason": "external.weather", "fault": "external", "time_source": "carrier_offset"}),
        json!({"milestone": "in_transit", "sub_status": "handed_to_partner", "actor": "partner", "partner": {"carrier": "usps"},
            "occurred_at": null}),
        json!({"milestone": "unknown", "raw_code": {"code": "in_orbit", "sub_code": "TP"}, "actor": null,
            "measures": {"weight": "120.5", "weight_unit": "oz"}, "partner": {"carrier": null, "tracking_number": "92612901001304350828"},
            "eta": {"to": null, "to_local": "2026-11-21T20:00:00", "previous_local": null}}),
        json!({"milestone": "info", "sub_status": "eta_changed", "occurred_local": null, "raw_code": {"code": "est_delivery_date"},
            "eta": {"to_local": "2026-11-21T20:00:00", "previous_local": "2026-11-20", "source": "easypost"}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[1].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T04:15:00Z"));
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let again = UPDATED.replace("evt_77aa", "evt_78bb").replace("2026-11-19T20:00:00Z", "2026-11-19T23:00:00Z");
    let keys = |body: &str| events("easypost", body).into_iter().map(|e| e.dedup_key).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(UPDATED));
    let mut distinct = keys(UPDATED);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6);
}

#[test]
fn the_carrier_itself_gives_a_happening_the_same_key() {
    let direct = events("fedex", include_str!("../fedex/fixtures/answer_exception.json"));
    let arrived = direct.iter().find(|e| e.raw_code.code.as_deref() == Some("AR")).expect("in the fixture");
    assert_eq!(events("easypost", UPDATED)[1].dedup_key, arrived.dedup_key);
}

#[test]
fn a_return_ends_with_the_sender_and_is_no_delivery() {
    let told = events("easypost", RETURNED);
    assert_told(&told[0], &json!({"milestone": "returning", "exception_reason": "recipient.refused", "leg": "return", "pod": null}));
    assert_told(
        &told[1],
        &json!({"milestone": "returned", "leg": "return", "carrier": "usps", "eta": null, "pod": null,
            "measures": {"weight": "17"}, "time_source": "location_zone", "source_event_id": null}),
    );
}

#[test]
fn a_status_without_details_is_one_event() {
    let told = events("easypost", BARE_STATUS);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({"milestone": "announced", "carrier": "correosexpress", "occurred_local": null, "time_precision": null,
            "raw_code": {"code": "pre_transit", "sub_code": null}}),
    );
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (status, detailed, milestone, sub_status, reason) in [
        ("in_transit", "delivery_exception", "delivery_attempted", None, None),
        ("in_transit", "status_update", "in_transit", None, None),
        ("unknown", "status_update", "info", None, None),
        ("in_transit", "lost", "lost", None, Some("parcel.lost")),
        ("delivered", "damaged", "delivered", Some("damaged"), Some("parcel.damaged")),
        ("delivered", "out_for_delivery", "delivered", None, None),
        ("failure", "something_new", "exception", None, None),
        ("available_for_pickup", "held", "available_for_pickup", None, None),
        ("error", "unknown", "unknown", None, None),
        ("Delivered", "", "unknown", None, None),
    ] {
        let event = detail(&json!({"status": status, "status_detail": detailed}));
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{status} {detailed}");
        assert_eq!(event.carrier, "ups");
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["datetime", "tracking_location", "message", "carrier_code", "status_detail", "source"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"status": "out_for_delivery"});
            fields[field] = value.clone();
            assert_eq!(detail(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let tracker =
        |fields: &str| text(&format!(r#"{{"description":"tracker.updated","object":"Event","result":{{"object":"Tracker",{fields}}}}}"#));
    let many = format!(r#""tracking_code":"1Z1","tracking_details":[{}{{}}]"#, "{},".repeat(10_000));
    let mut cases = poison(UPDATED);
    cases.extend([
        ("key twice", text(r#"{"description":"tracker.updated","description":"batch.updated"}"#), Code::DUPLICATE_KEY),
        ("key twice below", tracker(r#""status":"delivered","status":"unknown""#), Code::DUPLICATE_KEY),
        (
            "a batch",
            text(r#"{"description":"batch.updated","object":"Event","result":{"object":"Batch","status":{"created":0}}}"#),
            Code::NOT_TRACKING,
        ),
        ("a webhook", text(r#"{"id":"hook_1","object":"Webhook","url":"x"}"#), Code::NOT_TRACKING),
        ("an event without words", text(r#"{"object":"Event","tracking_code":"1Z1","status":"delivered"}"#), Code::NOT_TRACKING),
        ("an event with something else", text(r#"{"description":"tracker.updated","result":{"object":"Shipment"}}"#), Code::NOT_TRACKING),
        ("no result", text(r#"{"description":"tracker.updated","object":"Event"}"#), Code::MISSING_FIELD),
        ("no number", tracker(r#""status":"delivered""#), Code::MISSING_FIELD),
        ("number that lost digits", tracker(r#""tracking_code":92612901001304350828,"status":"delivered""#), Code::MISSING_FIELD),
        ("absurd number", tracker(&format!(r#""tracking_code":"{}","status":"delivered""#, "9".repeat(80))), Code::BAD_TRACKING_NUMBER),
        ("neither status nor details", tracker(r#""tracking_code":"1Z1""#), Code::MISSING_FIELD),
        ("more than the limit", tracker(&many), Code::TOO_MANY),
    ]);
    assert_parked("easypost", &cases);
}

#[test]
fn public_samples_are_read() {
    let not_tracking = |name| (name, Err(Code::NOT_TRACKING));
    assert_samples(
        "easypost",
        "webhooks/easypost",
        &[
            ("event-body.json", Ok(7)),
            ("tracking-webhook.json", Ok(6)),
            ("tracking_webhook_response.json", Ok(6)),
            ("trackers-create.json", Ok(2)),
            ("trackers-retrieve.json", Ok(2)),
            ("create_tracker_response.json", Ok(3)),
            ("event_example.json", Err(Code::MISSING_FIELD)),
            ("events-retrieve.json", Err(Code::MISSING_FIELD)),
            not_tracking("batch-webhooks.json"),
            not_tracking("event-body.signature.json"),
            not_tracking("post_json_example.json"),
            not_tracking("webhook_post_example.json"),
            not_tracking("webhooks-create.json"),
        ],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("easypost", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(event in mutated(UPDATED), tracker in mutated(RETURNED)) {
        let _ = testing::parse("easypost", &event);
        let _ = testing::parse("easypost", &tracker);
    }
}
