use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const ATTEMPTED: &str = include_str!("fixtures/track_attempted.json");
const DELIVERED: &str = include_str!("fixtures/track_delivered.json");
const WITHOUT_CODES: &str = include_str!("fixtures/track_without_codes.json");

fn scan_of(carrier: &str, fields: &serde_json::Value) -> ShipmentEvent {
    let data = json!({"tracking_number": "1Z1", "carrier_code": carrier, "events": [fields]});
    events("shipengine", &json!({"resource_type": "API_TRACK", "data": data}).to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_read_scan_by_scan() {
    let told = events("shipengine", ATTEMPTED);
    let expected = [
        json!({
            "shipment_key": "1Z88W0E70312345678", "tracking_number": "1Z88W0E70312345678", "carrier": "ups", "source": "shipengine",
            "source_event_id": null, "mapping_version": "shipengine-2", "milestone": "delivery_attempted", "sub_status": null,
            "exception_reason": "address.no_access", "fault": "shipper", "action_required": true, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": null, "code": "NO_ACCESS_TO_RECIPIENTS_ADDRESS", "sub_code": "X"},
            "raw_description": "No access to the building", "occurred_local": "2026-11-19T15:05:00", "offset_minutes": -360,
            "time_precision": "second", "time_source": "gmt_field", "received_at": RECEIVED_AT, "piece": null, "attempt_no": null,
            "place": {"city": "Madison", "state": "WI", "postal_code": "53703", "country": "US", "latitude": 43.0731},
            "eta": {"to": null, "to_local": "2026-11-20", "source": "shipengine"}, "pod": null, "cod": null, "measures": null,
            "partner": null, "late": false,
        }),
        json!({"milestone": "out_for_delivery", "time_source": "location_zone", "offset_minutes": -360, "eta": null,
            "raw_code": {"type": "event_code", "code": "I", "sub_code": "OT"}}),
        json!({"milestone": "in_transit", "sub_status": "departed", "time_source": "gmt_field", "offset_minutes": -480}),
        json!({"milestone": "accepted", "time_source": "location_zone", "offset_minutes": -480, "raw_code": {"code": "AC"}}),
        json!({"milestone": "announced", "time_source": null, "occurred_at": null, "occurred_local": "2026-11-16T09:00:00"}),
        json!({"milestone": "unknown", "place": null, "occurred_at": null, "raw_code": {"code": "CARRIER_STATUS_NOT_MAPPED", "sub_code": "I"}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T21:05:00Z"));
    assert_eq!(told[1].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T14:22:04Z"), "the wall clock of Madison with a Z behind it");
}

#[test]
fn the_carrier_itself_gives_a_happening_the_same_key() {
    let told = events("shipengine", ATTEMPTED);
    let direct = events("ups", include_str!("../ups/fixtures/alert_out_for_delivery.json"));
    assert_eq!(told[1].event_id, direct[0].event_id);
    let aftership = events("aftership", include_str!("../aftership/fixtures/update_delivered.json").replace("0311", "0328").as_str());
    let usps = events("shipengine", DELIVERED);
    assert_eq!((&usps[1].event_id, &usps[2].event_id), (&aftership[1].event_id, &aftership[2].event_id));
}

#[test]
fn the_proof_is_with_the_delivery_and_a_label_is_no_acceptance() {
    let told = events("shipengine", DELIVERED);
    let read: Vec<_> = told.iter().map(|e| (e.carrier.as_ref(), e.milestone.as_str(), e.pod.is_some(), e.eta.is_some())).collect();
    assert_eq!(read, [("usps", "announced", false, false), ("usps", "delivered", true, false), ("usps", "out_for_delivery", false, false)]);
    assert_told(&told[1], &json!({"pod": {"signed_by": "M IBARRA", "photo_ref": "https://pod.example/328"}}));
}

#[test]
fn a_status_that_no_scan_has_is_an_event_and_colours_none() {
    let told = events("shipengine", WITHOUT_CODES);
    let read: Vec<_> = told.iter().map(|e| (e.milestone.as_str(), e.occurred_local.as_deref(), e.eta.is_some())).collect();
    let at = Some("2019-04-12T17:45:26");
    assert_eq!(read, [("unknown", at, false), ("unknown", at, false), ("delivered", at, false)]);
    assert_ne!(told[0].event_id, told[1].event_id);
    assert_told(
        &told[2],
        &json!({"carrier": "fedex", "raw_code": {"code": "DE"}, "occurred_at": null, "time_source": null, "place": null}),
    );
    let bare = events("shipengine", r#"{"tracking_number":"1Z1","carrier_code":"dhl_express","status_code":"NY","events":[]}"#);
    assert_told(&bare[0], &json!({"milestone": "announced", "carrier": "dhl_express", "occurred_local": null}));
}

#[test]
fn two_happenings_of_one_second_are_two_where_no_code_of_the_carrier_tells_them_apart() {
    let key = |code: &str, words: &str| {
        scan_of(
            "ups",
            &json!({"occurred_at": "2026-11-18T00:00:00Z", "status_code": "IT", "event_code": code, "description": words,
            "city_locality": "Reno", "country_code": "US"}),
        )
        .dedup_key
    };
    assert_ne!(key("IT", "Arrived at facility"), key("IT", "Left facility"));
    assert_eq!(key("IT", "Arrived at facility"), key("IT", "ARRIVED AT FACILITY "));
    assert_eq!(key("AR", "Arrived at facility"), key("AR", "Arrival scan"), "the carrier's code is enough, whatever the words");
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let mut again: serde_json::Value = serde_json::from_str(ATTEMPTED).expect("JSON");
    again["data"]["status_code"] = json!("IT");
    again["data"]["events"].as_array_mut().expect("a list").reverse();
    let keys = |body: &str| {
        let mut keys: Vec<_> = events("shipengine", body).into_iter().map(|e| e.event_id).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    assert_eq!(keys(ATTEMPTED).len(), 6);
    assert_eq!(keys(&again.to_string()), keys(ATTEMPTED));
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (carrier, fields, milestone, reason) in [
        ("ups", json!({"status_code": "DE", "status_detail_code": "DELIVERED_TO_PICKUP_POINT"}), "available_for_pickup", None),
        ("ups", json!({"status_code": "DE", "status_detail_code": "DELIVERED_IN_PART"}), "delivered", Some("parcel.missing_pieces")),
        ("ups", json!({"status_code": "IT", "status_detail_code": "SOMETHING_NEW"}), "in_transit", None),
        ("ups", json!({"status_code": "EX", "status_detail_code": "DUTY_NOT_PAID"}), "exception", Some("customs.duties_unpaid")),
        ("ups", json!({"status_code": "EX", "status_detail_code": "TRACKING_EXPIRED"}), "expired", None),
        ("ups", json!({"status_code": "EX", "status_detail_code": "DELAYED_NOT_CARRIER"}), "exception", Some("external.other")),
        ("ups", json!({"status_code": "SP"}), "available_for_pickup", None),
        ("fedex", json!({"event_code": "DE", "description": "Delivery exception"}), "unknown", None),
        ("fedex", json!({"status_code": "EX", "event_code": "DE"}), "delivery_attempted", None),
        ("ups", json!({"event_code": "IT", "description": "In Transit"}), "in_transit", None),
        ("evri", json!({"event_code": "EX"}), "exception", None),
        ("fedex", json!({"event_code": "DL"}), "delivered", None),
        ("ups", json!({"status_code": "IT", "event_code": "I", "carrier_detail_code": "OT"}), "out_for_delivery", None),
        ("ups", json!({"status_code": "DE", "event_code": "D", "carrier_detail_code": "2Q"}), "available_for_pickup", None),
        ("ups", json!({"status_code": "SP", "event_code": "D", "carrier_detail_code": "FS"}), "available_for_pickup", None),
        ("fedex", json!({"status_code": "DE", "event_code": "DE"}), "delivered", None),
        ("usps", json!({"status_code": "AC", "event_code": "GX"}), "announced", None),
        ("usps", json!({"status_code": "IT", "status_detail_code": "HUB_SCAN_IN", "event_code": "OF"}), "in_transit", None),
        ("ups", json!({"event_code": "OF"}), "out_for_delivery", None),
        ("ups", json!({"event_code": "DE"}), "delivered", None),
        ("evri", json!({"event_code": "DE", "description": "Delivered"}), "delivered", None),
        ("evri", json!({"event_code": "DL", "description": "Delivered"}), "unknown", None),
        ("ups", json!({"status_code": "XX"}), "unknown", None),
        ("fedex", json!({"status_code": "AC", "event_code": "GX"}), "accepted", None),
    ] {
        let event = scan_of(carrier, &fields);
        assert_eq!((event.milestone.as_str(), event.exception_reason.map(|r| r.as_str())), (milestone, reason), "{carrier} {fields}");
    }
}

#[test]
fn two_clocks_are_believed_as_far_as_they_agree() {
    let portland = json!({"status_code": "IT", "city_locality": "Portland", "country_code": "US"});
    let told = |utc: &str, local: &str, place: &serde_json::Value| {
        let mut fields = place.clone();
        (fields["occurred_at"], fields["carrier_occurred_at"]) = (json!(utc), json!(local));
        let event = scan_of("ups", &fields);
        (event.time_source.map(|s| s.as_str()), event.offset_minutes, event.occurred_local)
    };
    let at = |text: &str| Some(text.to_owned());
    let london = json!({"status_code": "IT", "country_code": "GB"});
    for (utc, local, place, expected) in [
        ("2026-11-18T12:00:00Z", "2026-11-18T12:00:00", &portland, (None, None, at("2026-11-18T12:00:00"))),
        ("2026-11-18T20:00:00Z", "2026-11-18T12:00:00", &portland, (Some("gmt_field"), Some(-480), at("2026-11-18T12:00:00"))),
        ("2026-11-19T20:00:00Z", "2026-11-18T12:00:00", &portland, (None, None, at("2026-11-18T12:00:00"))),
        ("2026-11-18T12:07:00Z", "2026-11-18T12:00:00", &portland, (None, None, at("2026-11-18T12:00:00"))),
        ("2026-11-18T20:00:00Z", "2026-11-18T12:00:00-08:00", &portland, (Some("carrier_offset"), Some(-480), at("2026-11-18T12:00:00"))),
        ("2026-07-18T12:00:00Z", "2026-07-18T12:00:00", &london, (Some("location_zone"), Some(60), at("2026-07-18T12:00:00"))),
        ("2026-07-18T17:00:00Z", "2026-07-18T12:00:00", &london, (Some("location_zone"), Some(60), at("2026-07-18T12:00:00"))),
        ("2026-07-18T12:00:00Z", "", &london, (Some("location_zone"), Some(60), at("2026-07-18T12:00:00"))),
        ("", "", &london, (None, None, None)),
    ] {
        assert_eq!(told(utc, local, place), expected, "{utc} {local}");
    }
}

#[test]
fn the_carrier_stands_in_the_address_of_the_resource() {
    for (url, carrier) in [
        ("https://api.example/v1/tracking?tracking_number=1Z1&carrier_code=ups_walleted", "ups"),
        ("https://api.example/v1/tracking/usps/1Z1", "usps"),
        ("https://api.example/v1/labels/se-1/track", "unknown"),
        ("https://api.example/v1/tracking?carrier_code=%00", "unknown"),
        ("", "unknown"),
    ] {
        let body = json!({"resource_type": "API_TRACK", "resource_url": url, "data": {"tracking_number": "1Z1", "status_code": "IT"}});
        assert_eq!(events("shipengine", &body.to_string())[0].carrier, carrier, "{url}");
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["occurred_at", "carrier_occurred_at", "description", "city_locality", "country_code", "event_code", "signer", "latitude"]
    {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"status_code": "DE"});
            fields[field] = value.clone();
            assert_eq!(scan_of("ups", &fields).milestone.as_str(), "delivered", "{field} = {value}");
        }
    }
}

#[test]
fn letters_that_two_may_have_sent_are_the_code_of_neither() {
    let scan = json!({"carrier_occurred_at": "2026-11-20T10:00:00", "city_locality": "ALBANY", "country_code": "US", "event_code": "DE"});
    let body = json!({"tracking_number": "781234500917", "carrier_code": "fedex", "status_code": "DE", "events": [scan]});
    let told = events("shipengine", &body.to_string());
    let read: Vec<_> = told.iter().map(|e| (e.milestone.as_str(), e.occurred_local.as_deref())).collect();
    assert_eq!(read, [("unknown", Some("2026-11-20T10:00:00")), ("delivered", Some("2026-11-20T10:00:00"))]);
    let mut coded = body;
    coded["events"][0]["status_code"] = json!("EX");
    assert_ne!(events("shipengine", &coded.to_string())[0].event_id, told[0].event_id, "FedEx's own DE is another happening");
}

#[test]
fn a_status_counts_once_for_each_scan() {
    let told = |status: &str, at: &str| {
        let scan = json!({"carrier_occurred_at": at, "description": "Scan"});
        let body = json!({"tracking_number": "94001", "carrier_code": "evri", "status_code": status, "events": [scan]});
        events("shipengine", &body.to_string()).remove(1)
    };
    let first = told("EX", "2026-11-20T10:00:00");
    assert_told(&first, &json!({"milestone": "exception", "occurred_local": "2026-11-20T10:00:00"}));
    assert_eq!(told("EX", "2026-11-20T10:00:00").event_id, first.event_id);
    assert_ne!(told("IT", "2026-11-20T10:00:00").event_id, first.event_id);
    assert_ne!(told("EX", "2026-11-21T10:00:00").event_id, first.event_id, "a later exception is another one");
}

#[test]
fn midnight_is_how_a_day_is_written() {
    let day = scan_of("usps", &json!({"status_code": "IT", "carrier_occurred_at": "2026-11-20T00:00:00", "state_province": "NY"}));
    assert_told(&day, &json!({"occurred_local": "2026-11-20", "time_precision": "date", "occurred_at": null, "time_source": null}));
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let data = |fields: &str| text(&format!(r#"{{"resource_type":"API_TRACK","resource_url":"x","data":{{{fields}}}}}"#));
    let many = format!(r#""tracking_number":"1Z1","events":[{}{{}}]"#, "{},".repeat(10_000));
    let mut cases = poison(ATTEMPTED);
    cases.extend([
        ("key twice", text(r#"{"resource_type":"API_TRACK","resource_type":"API_RATE"}"#), Code::DUPLICATE_KEY),
        ("key twice below", data(r#""status_code":"DE","status_code":"IT""#), Code::DUPLICATE_KEY),
        ("a batch", text(r#"{"resource_type":"API_BATCH","data":{"tracking_number":"1Z1","status_code":"DE"}}"#), Code::NOT_TRACKING),
        ("an error answer", text(r#"{"request_id":"a","errors":[{"error_code":"unspecified"}]}"#), Code::NOT_TRACKING),
        ("to be fetched", text(r#"{"resource_type":"API_TRACK","resource_url":"https://x/v1/tracking/ups/1Z1"}"#), Code::MISSING_FIELD),
        ("no number", data(r#""status_code":"DE""#), Code::MISSING_FIELD),
        ("neither status nor events", data(r#""tracking_number":"1Z1","events":[{"signer":"x"}]"#), Code::MISSING_FIELD),
        ("number of words", data(r#""tracking_number":"pending","status_code":"DE""#), Code::BAD_TRACKING_NUMBER),
        ("more than the limit", data(&many), Code::TOO_MANY),
    ]);
    assert_parked("shipengine", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples(
        "shipengine",
        "webhooks/shipengine",
        &[("api_track_ups_in_transit.json", Ok(1)), ("api_track_usps_delivered_2019.json", Ok(2))],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("shipengine", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(push in mutated(ATTEMPTED), old in mutated(WITHOUT_CODES)) {
        let _ = testing::parse("shipengine", &push);
        let _ = testing::parse("shipengine", &old);
    }
}
