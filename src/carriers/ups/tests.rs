use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::Milestone;

const OUT_FOR_DELIVERY: &str = include_str!("fixtures/alert_out_for_delivery.json");
const DELIVERED: &str = include_str!("fixtures/alert_delivered.json");
const ETA: &str = include_str!("fixtures/alert_eta.json");
const HISTORY: &str = include_str!("fixtures/answer_history.json");

fn alert(status: &serde_json::Value) -> ShipmentEvent {
    let body = json!({"trackingNumber": "1Z88W0E70312345678", "localActivityDate": "20261119", "activityStatus": status});
    events("ups", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_read_field_by_field() {
    let told = events("ups", OUT_FOR_DELIVERY);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({
            "shipment_key": "1Z88W0E70312345678", "tracking_number": "1Z88W0E70312345678", "carrier": "ups", "source": "ups",
            "source_event_id": null, "mapping_version": "ups-1", "milestone": "out_for_delivery", "sub_status": null,
            "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw": {"topic": "raw.carrier.test", "partition": 1, "offset": 7, "sha256": "00"},
            "raw_code": {"type": "I", "code": "OT", "sub_code": "021"}, "raw_description": "Out for Delivery",
            "occurred_local": "2026-11-19T08:22:04", "offset_minutes": -360, "time_precision": "second", "time_source": "gmt_field",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "cod": null, "measures": null, "partner": null,
            "place": {"city": "Madison", "state": "WI", "postal_code": "53703", "country": "US", "facility": null},
            "eta": {"from": null, "to": null, "from_local": "2026-11-19T10:30:00", "to_local": "2026-11-19T14:30:00", "source": "ups"},
            "late": false,
        }),
    );
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T14:22:04Z"));
}

#[test]
fn a_delivery_has_its_proof_and_no_image() {
    let told = events("ups", DELIVERED);
    assert_told(
        &told[0],
        &json!({"milestone": "delivered", "eta": null, "raw_code": {"sub_code": "11"},
            "pod": {"signed_by": "OKAFOR", "photo_ref": null, "signature_ref": null}}),
    );
}

#[test]
fn a_changed_expectation_moves_nothing() {
    let told = events("ups", ETA);
    assert_told(
        &told[0],
        &json!({"milestone": "info", "sub_status": "eta_changed", "place": null, "occurred_at": null, "time_source": null,
            "occurred_local": "2026-11-18T21:00:00", "eta": {"from_local": null, "to_local": "2026-11-20"}}),
    );
}

#[test]
fn an_answer_is_read_activity_by_activity() {
    let told = events("ups", HISTORY);
    let expected = [
        json!({"milestone": "delivered", "sub_status": "reception", "time_source": "gmt_field",
            "pod": {"signed_by": "OKAFOR", "delivered_to": "Front Desk", "signature_ref": null},
            "cod": {"amount": "41.5", "currency": "USD", "collected": true}, "measures": {"weight": "4.2", "weight_unit": "lb"},
            "partner": {"carrier": "usps", "tracking_number": "9261290100130435082878"}, "eta": null}),
        json!({"milestone": "out_for_delivery", "pod": null, "cod": null, "place": {"facility": "5371"}}),
        json!({"milestone": "exception", "exception_reason": "external.weather", "fault": "external", "time_source": "location_zone",
            "offset_minutes": -360}),
        json!({"milestone": "in_transit", "sub_status": "departed", "time_source": "carrier_offset", "offset_minutes": -300}),
        json!({"milestone": "unknown", "raw_code": {"type": "I", "code": "Q9", "sub_code": "999"}, "occurred_at": null,
            "occurred_local": "2026-11-16T23:00:00", "time_source": null}),
        json!({"milestone": "announced", "occurred_local": "2026-11-16", "time_precision": "date", "occurred_at": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
        assert_told(event, &json!({"piece": {"number": "1Z88W0E70312345678", "master": "1Z88W0E70300000001"}}));
    }
}

#[test]
fn push_and_answer_give_the_same_happening_the_same_key() {
    let answer = events("ups", HISTORY);
    for (body, at) in [(DELIVERED, 0), (OUT_FOR_DELIVERY, 1)] {
        assert_eq!(events("ups", body)[0].dedup_key, answer[at].dedup_key);
    }
    assert_ne!(answer[0].dedup_key, answer[1].dedup_key);
    assert_eq!(events("ups", HISTORY), answer, "the same bytes give the same events");
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (status, milestone, sub_status, reason) in [
        (json!({"type": "D", "code": "2Q"}), "available_for_pickup", None, None),
        (json!({"type": "D", "code": "FS", "descriptionCode": "161"}), "available_for_pickup", None, None),
        (json!({"type": "D", "code": "B0"}), "returned", None, None),
        (json!({"type": "D", "code": "QQ"}), "delivered", None, None),
        (json!({"type": "D", "code": "MQ"}), "delivered", Some("safe_place"), None),
        (json!({"type": "d", "code": "fs"}), "delivered", None, None),
        (json!({"type": "X", "code": "QQ", "descriptionCode": "011"}), "unknown", None, None),
        (json!({"type": "X", "code": "QQ", "descriptionCode": "064"}), "delivery_attempted", None, Some("recipient.refused")),
        (json!({"type": "X", "code": 6}), "exception", None, Some("carrier.missort")),
        (json!({"type": "X", "code": "1U"}), "exception", None, Some("customs.hold")),
        (json!({"type": "I", "code": "OD"}), "in_transit", None, None),
        (json!({"type": "I", "code": "OC"}), "announced", None, None),
        (json!({"type": "I", "code": "CD"}), "info", None, None),
        (json!({"type": "X", "code": "TL"}), "info", Some("correction"), None),
        (json!({"type": "MV", "code": "VP"}), "cancelled", None, None),
        (json!({"type": "M"}), "announced", None, None),
        (json!({"type": "U", "code": "PX"}), "info", Some("pod_available"), None),
        (json!({"type": "I", "code": "QQ"}), "unknown", None, None),
        (json!({"type": "W", "code": "OT"}), "unknown", None, None),
        (json!({"code": "011"}), "delivered", None, None),
        (json!({}), "unknown", None, None),
    ] {
        let event = alert(&status);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{status}");
    }
}

#[test]
fn nothing_but_type_d_is_a_delivery() {
    for line in TABLE_TEXT.lines().skip(1).filter(|l| l.split('\t').nth(3) == Some("delivered")) {
        assert!(["D", "status", "location"].contains(&line.split('\t').next().unwrap_or_default()), "{line}");
    }
}

#[test]
fn an_impossible_gmt_field_is_not_believed() {
    let body = OUT_FOR_DELIVERY.replace("\"gmtActivityDate\": \"20261119\"", "\"gmtActivityDate\": \"20251119\"");
    assert_told(&events("ups", &body)[0], &json!({"time_source": "location_zone", "offset_minutes": -360}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    let fields = ["localActivityDate", "localActivityTime", "activityLocation", "scheduledDeliveryDate", "gmtActivityDate", "gmtOffset"];
    for field in fields {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut body: serde_json::Value = serde_json::from_str(OUT_FOR_DELIVERY).expect("JSON");
            body[field] = value.clone();
            assert_eq!(events("ups", &body.to_string())[0].milestone, Milestone::OutForDelivery, "{field} = {value}");
        }
    }
    let status_only =
        r#"{"trackResponse":{"shipment":{"inquiryNumber":"1Z1","package":{"currentStatus":{"code":"011","description":"x"}}}}}"#;
    assert_told(
        &events("ups", status_only)[0],
        &json!({"milestone": "delivered", "occurred_local": null, "raw_code": {"sub_code": "011"}}),
    );
    assert_eq!(events("ups", &format!("\u{feff}{DELIVERED}")).len(), 1, "a BOM is no fault");
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = format!(
        r#"{{"trackResponse":{{"shipment":[{{"inquiryNumber":"1Z1","package":[{{"activity":[{}{{}}]}}]}}]}}}}"#,
        "{},".repeat(10_000)
    );
    let mut cases = poison(DELIVERED);
    cases.extend([
        ("key twice", text(&DELIVERED.replacen('{', "{\"trackingNumber\":\"1Z9\",", 1)), Code::DUPLICATE_KEY),
        ("key twice below", text(r#"{"trackingNumber":"1Z1","activityStatus":{"type":"D","type":"I"}}"#), Code::DUPLICATE_KEY),
        ("no number", text(r#"{"activityStatus":{"type":"D","code":"FS"}}"#), Code::MISSING_FIELD),
        (
            "number too long for a double",
            text(r#"{"trackingNumber":92612901001304350828781234,"activityStatus":{"type":"D"}}"#),
            Code::MISSING_FIELD,
        ),
        ("absurd number", text(&format!(r#"{{"trackingNumber":"{}","activityStatus":{{}}}}"#, "9".repeat(70))), Code::BAD_TRACKING_NUMBER),
        ("placeholder", text(r#"{"trackingNumber":"string","activityStatus":{}}"#), Code::BAD_TRACKING_NUMBER),
        ("number of letters far away", text(r#"{"trackingNumber":"１Ｚ1","activityStatus":{}}"#), Code::BAD_TRACKING_NUMBER),
        ("no status", text(r#"{"trackingNumber":"1Z1"}"#), Code::MISSING_FIELD),
        ("an error answer", text(r#"{"response":{"errors":[{"code":"TV1002"}]}}"#), Code::NOT_TRACKING),
        (
            "nothing known",
            text(r#"{"trackResponse":{"shipment":[{"inquiryNumber":"1Z1","warnings":[{"code":"TW0001"}]}]}}"#),
            Code::NOT_TRACKING,
        ),
        ("more than the limit", text(&many), Code::TOO_MANY),
    ]);
    assert_parked("ups", &cases);
    let mut message = testing::message(DELIVERED.as_bytes());
    for (kind, code) in
        [("text/xml", Some(Code::WRONG_CONTENT_TYPE)), ("image/jpeg", Some(Code::WRONG_CONTENT_TYPE)), ("application/vnd.ups+json", None)]
    {
        message.content_type = Some(kind);
        assert_eq!(testing::dialect("ups").parse(&message).err().map(|p| p.code), code, "{kind}");
    }
}

#[test]
fn public_samples_are_read() {
    let one = |name| (name, Ok(1));
    assert_samples(
        "ups",
        "webhooks/ups_track_alert",
        &[one("delivery_message.json"), one("on_the_way.ups_staff_comment.json"), one("out_for_delivery_message.json")],
    );
    assert_samples("ups", "samples/ups", &[one("tracking_response.json")]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("ups", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(push in mutated(DELIVERED), answer in mutated(HISTORY)) {
        let _ = testing::parse("ups", &push);
        let _ = testing::parse("ups", &answer);
    }
}
