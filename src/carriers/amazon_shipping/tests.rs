use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const DELIVERED: &str = include_str!("fixtures/answer_delivered.json");
const RETURNED: &str = include_str!("fixtures/answer_returned.json");
const PUSH: &str = include_str!("fixtures/push_attempted.json");

fn occurrence(fields: &serde_json::Value) -> ShipmentEvent {
    events("amazon_shipping", &json!({"trackingId": "UK7730419925", "eventHistory": [fields]}).to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_read_field_by_field() {
    let told = events("amazon_shipping", PUSH);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({
            "shipment_key": "UK7730420263", "tracking_number": "UK7730420263", "carrier": "amazon_shipping", "source": "amazon_shipping",
            "source_event_id": "5b0d1f60-93c4-4c55-8c1e-2f0a7d11e9b7", "mapping_version": "amazon_shipping-2",
            "milestone": "delivery_attempted", "sub_status": null, "exception_reason": "address.no_access", "fault": "shipper",
            "action_required": true, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "FORWARD", "code": "DeliveryAttempted", "sub_code": "UnableToAccess"}, "raw_description": null,
            "occurred_local": "2026-11-19T11:21:58", "offset_minutes": 0, "time_precision": "second", "time_source": "carrier_offset",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "cod": null, "measures": null, "partner": null,
            "place": {"city": "Bristol", "state": null, "postal_code": "BS1 6XN", "country": "GB"},
            "eta": {"to_local": "2026-11-19T22:00:00", "source": "amazon_shipping"}, "late": false,
        }),
    );
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T11:21:58Z"));
}

#[test]
fn an_answer_is_read_event_by_event() {
    let told = events("amazon_shipping", DELIVERED);
    let expected = [
        json!({"milestone": "announced", "actor": "system", "place": null, "pod": null, "source_event_id": null}),
        json!({"milestone": "accepted", "sub_status": "dropped_off", "actor": "shipper"}),
        json!({"milestone": "in_transit", "sub_status": "departed"}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "offset_minutes": 60, "time_source": "carrier_offset"}),
        json!({"milestone": "unknown", "raw_code": {"code": "Teleported"}, "time_source": "location_zone", "offset_minutes": 0}),
        json!({"milestone": "out_for_delivery", "sub_status": null, "eta": null}),
        json!({"milestone": "delivered", "sub_status": "reception", "eta": null, "leg": "forward",
            "raw_code": {"code": "Delivered", "sub_code": "DeliveredToReceptionist,Signed"},
            "pod": {"signed_by": "T NOWAK", "photo_ref": "https://pod.example/uk7730419925.jpg", "latitude": 51.4499,
                "longitude": -2.5829}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
}

#[test]
fn a_refused_parcel_goes_back_and_its_end_is_no_delivery() {
    let told = events("amazon_shipping", RETURNED);
    let expected = [
        json!({"milestone": "out_for_delivery", "leg": "forward"}),
        json!({"milestone": "delivery_attempted", "leg": "forward", "exception_reason": "recipient.refused", "partner": null}),
        json!({"milestone": "returning", "leg": "return"}),
        json!({"milestone": "returning", "leg": "return", "sub_status": null}),
        json!({"milestone": "returned", "leg": "return", "sub_status": null, "pod": null, "eta": null,
            "partner": {"carrier": "amazon_shipping", "tracking_number": "UK7730998801"}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
}

fn answer_of(time: &str) -> Vec<ShipmentEvent> {
    let event = json!({"eventCode": "DeliveryAttempted", "eventTime": time, "location": {"city": "BRISTOL", "countryCode": "GB"}});
    events("amazon_shipping", &json!({"payload": {"trackingId": "UK7730420263", "eventHistory": [event]}}).to_string())
}

#[test]
fn push_and_answer_give_the_same_happening_the_same_key() {
    let answer = json!({"payload": {"trackingId": "UK7730420263", "eventHistory": [
        {"eventCode": "DeliveryAttempted", "eventTime": "2026-11-19T11:21:58.000Z", "location": {"city": "BRISTOL", "countryCode": "GB"},
            "shipmentType": "FORWARD"},
        {"eventCode": "DeliveryAttempted", "eventTime": "2026-11-20T11:21:58Z", "location": {"city": "BRISTOL", "countryCode": "GB"}}]}});
    let answer = events("amazon_shipping", &answer.to_string());
    let push = events("amazon_shipping", PUSH);
    assert_eq!(push[0].event_id, answer[0].event_id);
    // The push tells UTC and the answer may tell the clock of the place: it is one moment.
    for (clock, same) in [("2026-11-19T12:21:58+01:00", true), ("2026-11-19T06:21:58-05:00", true), ("2026-11-19T11:21:58-05:00", false)] {
        let told = answer_of(clock);
        assert_eq!(told[0].event_id == push[0].event_id, same, "{clock}");
    }
    assert_ne!(answer[0].event_id, answer[1].event_id);
    let again = PUSH.replace("5b0d1f60", "6c0d1f60").replace("11:22:10", "11:40:00");
    assert_eq!(events("amazon_shipping", &again)[0].event_id, push[0].event_id);
}

#[test]
fn a_history_in_another_order_tells_the_same() {
    let mut body: serde_json::Value = serde_json::from_str(DELIVERED).expect("JSON");
    body["payload"]["eventHistory"].as_array_mut().expect("a list").reverse();
    let mut told = events("amazon_shipping", &body.to_string());
    told.reverse();
    assert_eq!(told, events("amazon_shipping", DELIVERED));
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, shipment_type, milestone, sub_status, reason) in [
        ("PickupDone", "forward", "accepted", Some("picked_up"), None),
        ("PickupDone", "returns", "returning", None, None),
        ("Delivered", "", "delivered", None, None),
        ("Delivered", "RETURNS", "returned", None, None),
        ("Delivered", "reverse", "returned", None, None),
        ("AvailableForPickup", "FORWARD", "available_for_pickup", None, None),
        ("AvailableForPickup", "RETURNS", "unknown", None, None),
        ("RecipientRequestedAlternateDeliveryTiming", "FORWARD", "info", None, Some("recipient.rescheduled")),
        ("Undeliverable", "FORWARD", "exception", None, None),
        ("Lost", "RETURNS", "lost", None, Some("parcel.lost")),
        ("delivered", "FORWARD", "unknown", None, None),
        ("", "FORWARD", "unknown", None, None),
    ] {
        let event = occurrence(&json!({"eventCode": code, "shipmentType": shipment_type}));
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{code} {shipment_type}");
    }
}

#[test]
fn details_say_no_more_than_the_event_allows() {
    for (code, detail, sub_status, reason) in [
        ("Delivered", "DeliveredToNeighbor", Some("neighbour"), None),
        ("Delivered", "CustomerUnavailable", None, None),
        ("Delivered", "Damaged", None, Some("parcel.damaged")),
        ("DeliveryAttempted", "CustomerUnavailable", None, Some("recipient.absent")),
        ("DeliveryAttempted", "DeliveredToPorch", None, None),
        ("Rejected", "Damaged", None, Some("parcel.damaged")),
        ("Rejected", "SomethingNew", None, Some("recipient.refused")),
        ("OutForDelivery", "BusinessClosed", None, None),
        ("Undeliverable", "SomethingNew", None, None),
    ] {
        let body =
            json!({"trackingId": "UK7730419925", "eventCode": code, "trackingDetailCodes": {"forward": [null, detail], "returns": 7}});
        let event = events("amazon_shipping", &body.to_string()).remove(0);
        let told = (event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (sub_status, reason), "{code} {detail}");
        assert_eq!(event.raw_code.sub_code.as_deref(), Some(detail));
        assert_eq!(event.milestone.as_str() == "delivered", code == "Delivered", "{code} {detail}");
    }
}

#[test]
fn a_status_without_history_is_one_event() {
    let body = r#"{"payload":{"trackingId":"UK7730419925","eventHistory":[],"summary":{"status":"Delivered"}}}"#;
    let told = events("amazon_shipping", body);
    assert_eq!(told.len(), 1);
    assert_told(&told[0], &json!({"milestone": "delivered", "occurred_local": null, "raw_code": {"type": "status", "code": "Delivered"}}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["eventTime", "location", "shipmentType", "promisedDeliveryDate", "trackingDetailCodes", "summary", "eventHistory"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([]), json!({"x": [1]})] {
            let mut body: serde_json::Value = serde_json::from_str(PUSH).expect("JSON");
            body["detail"][field] = value.clone();
            let told = events("amazon_shipping", &body.to_string());
            let wanted = if field == "eventHistory" && value.is_object() { "unknown" } else { "delivery_attempted" };
            assert_eq!(told[0].milestone.as_str(), wanted, "{field} = {value}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = format!(r#"{{"trackingId":"UK1","eventHistory":[{}{{}}]}}"#, "{},".repeat(10_000));
    // No key of the lone surrogate is read here.
    let mut cases: Vec<_> = poison(PUSH).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("a surrogate alone", text(r#"{"detail":{"trackingId":"\ud800"}}"#), Code::MALFORMED),
        ("key twice", text(r#"{"trackingId":"UK1","trackingId":"UK2"}"#), Code::DUPLICATE_KEY),
        ("key twice below", text(r#"{"detail":{"eventCode":"Lost","eventCode":"Delivered"}}"#), Code::DUPLICATE_KEY),
        ("no number", text(r#"{"detail":{"eventCode":"Lost"}}"#), Code::MISSING_FIELD),
        ("placeholder", text(r#"{"detail":{"trackingId":"string","eventCode":"Lost"}}"#), Code::BAD_TRACKING_NUMBER),
        (
            "a one-time password",
            text(r#"{"detail-type":"Secure Delivery OTP","detail":{"trackingId":"UK1","eventCode":"Lost"}}"#),
            Code::NOT_TRACKING,
        ),
        (
            "an answer that knows nothing",
            text(r#"{"payload":{"trackingId":"UK2978244305","eventHistory":[],"promisedDeliveryDate":null,"summary":{"status":null}}}"#),
            Code::NOT_TRACKING,
        ),
        ("an error answer", text(r#"{"errors":[{"code":"NotFound","message":"x"}]}"#), Code::NOT_TRACKING),
        ("more than the limit", text(&many), Code::TOO_MANY),
    ]);
    assert_parked("amazon_shipping", &cases);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("amazon_shipping", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(push in mutated(PUSH), answer in mutated(DELIVERED), returned in mutated(RETURNED)) {
        let _ = testing::parse("amazon_shipping", &push);
        let _ = testing::parse("amazon_shipping", &answer);
        let _ = testing::parse("amazon_shipping", &returned);
    }
}
