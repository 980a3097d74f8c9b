use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const EXCEPTION: &str = include_str!("fixtures/answer_exception.json");
const REUSED: &str = include_str!("fixtures/answer_number_reused.json");

fn scan(fields: &serde_json::Value) -> ShipmentEvent {
    let result = json!({"trackingNumberInfo": {"trackingNumber": "781234500917"}, "scanEvents": [fields]});
    let body = json!({"output": {"completeTrackResults": [{"trackResults": [result]}]}});
    events("fedex", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_answer_is_read_scan_by_scan() {
    let told = events("fedex", EXCEPTION);
    let expected = [
        json!({
            "shipment_key": "781234500917", "tracking_number": "781234500917", "carrier": "fedex", "source": "fedex",
            "source_event_id": null, "mapping_version": "fedex-2", "milestone": "delivery_attempted", "sub_status": null,
            "exception_reason": "recipient.closed", "fault": "recipient", "action_required": false, "actor": "carrier",
            "leg": "forward", "raw_code": {"type": null, "code": "DE", "sub_code": "15"},
            "raw_description": "Delivery exception; Customer not available or business closed",
            "occurred_local": "2026-11-19T11:02:00", "offset_minutes": -420, "time_precision": "second",
            "time_source": "carrier_offset", "received_at": RECEIVED_AT, "attempt_no": 1, "pod": null, "cod": null,
            "place": {"city": "BOULDER", "state": "CO", "postal_code": "80301", "country": "US", "facility": "QWBA"},
            "eta": {"from_local": "2026-11-20T10:00:00", "to_local": "2026-11-20T14:00:00", "source": "fedex"},
            "measures": {"weight": "7.5", "weight_unit": "lb", "length": "12", "width": "9", "height": "4", "length_unit": "in", "pieces": 3},
            "partner": null, "late": false,
        }),
        json!({"milestone": "out_for_delivery", "attempt_no": null, "eta": null, "measures": null}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "exception_reason": "external.weather",
            "time_source": "location_zone", "offset_minutes": -360}),
        json!({"milestone": "unknown", "raw_code": {"code": "ZZ"}, "occurred_local": "2026-11-17", "time_precision": "date",
            "occurred_at": null}),
        json!({"milestone": "announced", "actor": "system", "offset_minutes": -480}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
        assert_told(event, &json!({"piece": {"number": "781234500917", "master": "781234500906"}}));
    }
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T18:02:00Z"));
    assert_eq!(told[0].eta.as_ref().and_then(|e| e.to).map(rfc3339).as_deref(), Some("2026-11-20T21:00:00Z"));
}

#[test]
fn of_two_parcels_with_one_number_the_newer_is_meant() {
    let told = events("fedex", REUSED);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({"occurred_local": "2026-11-18T10:31:00", "offset_minutes": 0, "milestone": "returned", "leg": "return",
            "sub_status": null, "attempt_no": null, "pod": null}),
    );
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (fields, milestone, sub_status, reason) in [
        (json!({"eventType": "AD"}), "in_transit", Some("arrived_at_consignee"), None),
        (json!({"eventType": "DL", "exceptionCode": "15"}), "delivered", None, None),
        (json!({"eventType": "CD"}), "exception", None, Some("customs.hold")),
        (json!({"eventType": "OC"}), "announced", None, None),
        (json!({"eventType": "RS"}), "returning", None, None),
        (json!({"eventType": "DE", "exceptionCode": 15}), "delivery_attempted", None, Some("recipient.closed")),
        (json!({"eventType": "DY", "delayDetail": {"type": "WEATHER", "status": "DELAYED"}}), "exception", None, Some("external.weather")),
        (json!({"eventType": "DY", "delayDetail": {"type": "WEATHER", "status": "ON_TIME"}}), "exception", None, Some("carrier.delay")),
        (json!({"eventType": "SE", "exceptionCode": "A99"}), "exception", None, None),
        (json!({"eventType": "QQ", "derivedStatusCode": "IT"}), "in_transit", None, None),
        (json!({"eventType": "QQ"}), "unknown", None, None),
        (json!({}), "unknown", None, None),
    ] {
        let event = scan(&fields);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{fields}");
    }
}

#[test]
fn z_is_not_believed_and_a_status_without_scans_is_one_event() {
    assert_told(&scan(&json!({"eventType": "IT", "date": "2026-11-18T10:31:00Z"})), &json!({"occurred_at": null, "time_source": null}));
    let body = r#"{"completeTrackResults":{"trackingNumber":781234500917,"trackResults":{"latestStatusDetail":{"code":"DL","description":"Delivered"},
        "dateAndTimes":[{"type":"ACTUAL_DELIVERY","dateTime":"2026-11-18T10:31:00-05:00"}],"scanEvents":null}}}"#;
    assert_told(&events("fedex", body)[0], &json!({"milestone": "delivered", "offset_minutes": -300, "tracking_number": "781234500917"}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["date", "scanLocation", "delayDetail", "exceptionCode", "eventDescription", "locationId", "derivedStatusCode"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"eventType": "OD"});
            fields[field] = value.clone();
            assert_eq!(scan(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let result =
        |number: &str, rest: &str| text(&format!(r#"{{"output":{{"completeTrackResults":[{{{number}"trackResults":[{{{rest}}}]}}]}}}}"#));
    let mut cases = poison(EXCEPTION);
    cases.extend([
        ("key twice", text(r#"{"output":{},"output":{}}"#), Code::DUPLICATE_KEY),
        ("key twice below", result("", r#""scanEvents":[{"date":"1","date":"2"}]"#), Code::DUPLICATE_KEY),
        ("no number", result("", r#""scanEvents":[{"eventType":"DL"}]"#), Code::MISSING_FIELD),
        ("number of words", result(r#""trackingNumber":"not yet","#, r#""scanEvents":[{"eventType":"DL"}]"#), Code::BAD_TRACKING_NUMBER),
        ("an error answer", text(r#"{"errors":[{"code":"NOT.AUTHORIZED.ERROR"}]}"#), Code::NOT_TRACKING),
        (
            "nothing found",
            result(r#""trackingNumber":"7812","#, r#""error":{"code":"TRACKING.TRACKINGNUMBER.NOTFOUND"}"#),
            Code::NOT_TRACKING,
        ),
        ("no results", text(r#"{"output":{"completeTrackResults":[]}}"#), Code::NOT_TRACKING),
        ("results of the wrong type", text(r#"{"output":{"completeTrackResults":"none"}}"#), Code::NOT_TRACKING),
        ("more than the limit", result("", &format!(r#""scanEvents":[{}{{}}]"#, "{},".repeat(10_000))), Code::TOO_MANY),
    ]);
    assert_parked("fedex", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("fedex", "samples/fedex", &[("tracking_response.json", Ok(1))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("fedex", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(body in mutated(EXCEPTION)) {
        let _ = testing::parse("fedex", &body);
    }
}
