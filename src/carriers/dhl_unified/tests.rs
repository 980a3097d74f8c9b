use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const PARCEL_DE: &str = include_str!("fixtures/answer_parcel_de.json");
const EXPRESS: &str = include_str!("fixtures/push_express.json");

fn scan(service: &str, fields: &serde_json::Value) -> ShipmentEvent {
    let body = json!({"shipments": [{"id": "00340434100000000017", "service": service, "events": [fields]}]});
    events("dhl_unified", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_answer_is_read_event_by_event() {
    let told = events("dhl_unified", PARCEL_DE);
    let expected = [
        json!({
            "shipment_key": "00340434100000000017", "tracking_number": "00340434100000000017", "carrier": "dhl_parcel_de",
            "source": "dhl_unified", "source_event_id": null, "mapping_version": "dhl_unified-2", "milestone": "delivered",
            "sub_status": null, "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "parcel-de", "code": "ZU", "sub_code": "delivered"}, "raw_description": "The shipment has been delivered.",
            "occurred_local": "2026-11-19T13:05:00", "offset_minutes": 60, "time_precision": "second", "time_source": "location_zone",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "cod": null, "eta": null, "partner": null, "late": false,
            "place": {"city": "Koeln", "postal_code": null, "country": "DE"},
            "pod": {"signed_by": "Ayse Demir", "signature_ref": "https://example.test/signature/17"},
            "measures": {"weight": "2.45", "weight_unit": "kg", "length": "30", "width": "20.5", "height": "10", "length_unit": "cm", "pieces": 1},
        }),
        json!({"milestone": "available_for_pickup", "raw_code": {"code": "ZF", "sub_code": "delivered"}, "pod": null, "measures": null,
            "time_source": "location_zone", "occurred_local": "2026-11-18T15:41:00", "offset_minutes": 60}),
        json!({"milestone": "in_transit", "raw_code": {"type": "parcel-de", "code": "transit", "sub_code": null},
            "time_source": "carrier_offset", "offset_minutes": 60}),
        json!({"milestone": "exception", "exception_reason": null, "raw_code": {"code": "QX", "sub_code": "failure"},
            "raw_description": "QX", "occurred_local": "2026-11-17", "time_precision": "date", "place": null}),
        json!({"milestone": "announced", "occurred_at": null, "time_source": null, "eta": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[1].occurred_at.map(rfc3339).as_deref(), Some("2026-11-18T14:41:00Z"));
}

#[test]
fn a_push_tells_the_status_with_the_eta() {
    let told = events("dhl_unified", EXPRESS);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({"carrier": "dhl_express", "tracking_number": "4471120085", "milestone": "exception", "exception_reason": "customs.hold",
            "place": {"city": "LOS ANGELES", "state": "CA", "country": "US"}, "time_source": "location_zone", "offset_minutes": -480,
            "eta": {"from": null, "to": null, "from_local": "2026-11-19", "to_local": "2026-11-19T22:00:00", "source": "dhl_unified"},
            "measures": {"weight": "3.4", "weight_unit": "kg", "length": null, "length_unit": null, "pieces": 2}}),
    );
}

#[test]
fn every_way_of_wrapping_and_telling_again_has_the_same_keys() {
    let ids = |body: &str| events("dhl_unified", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    let push: serde_json::Value = serde_json::from_str(EXPRESS).expect("JSON");
    let mut bare = push["shipment"].clone();
    assert_eq!(ids(&bare.to_string()), ids(EXPRESS));
    bare["events"] = json!([bare["status"].take()]);
    bare["estimatedTimeOfDelivery"] = json!("2026-11-23T00:00:00Z");
    assert_eq!(ids(&json!({"url": "x", "shipments": [bare]}).to_string()), ids(EXPRESS));

    let mut grown: serde_json::Value = serde_json::from_str(PARCEL_DE).expect("JSON");
    let history = grown["shipments"][0]["events"].as_array_mut().expect("a list");
    history.insert(0, json!({"timestamp": "2026-11-20T08:00:00", "statusCode": "delivered", "status": "ZU"}));
    history[2]["location"]["address"]["postalCode"] = json!(null);
    history[2]["timestamp"] = json!("2026-11-18T15:41:00");
    history[2]["description"] = json!("Die Sendung liegt in der Filiale bereit.");
    let grown = ids(&grown.to_string());
    assert_eq!(grown[1..], ids(PARCEL_DE)[..]);
    assert_ne!(grown[0], grown[1]);
}

#[test]
fn the_carrier_itself_gives_a_happening_the_same_key() {
    let direct = events("dhl_express", include_str!("../dhl_express/fixtures/answer_two_waybills.xml"));
    let delay = direct.iter().find(|e| e.raw_code.code.as_deref() == Some("CD")).expect("in the fixture");
    assert_eq!(events("dhl_unified", EXPRESS)[0].event_id, delay.event_id);
}

#[test]
fn codes_mean_what_they_say_by_service_and_no_more() {
    for (service, status_code, status, milestone, sub_status, reason) in [
        ("express", "transit", "WC", "out_for_delivery", None, None),
        ("express", "delivered", "101", "delivered", None, None),
        ("parcel-de", "transit", "AE", "accepted", Some("picked_up"), None),
        ("parcel-pl", "transit", "AN", "exception", None, Some("address.incorrect")),
        ("parcel-pl", "delivered", "LIK", "in_transit", None, None),
        ("parcel-nl", "failure", "parcel_returned_from_route", "in_transit", Some("arrived"), None),
        ("parcel-nl", "delivered", "COLLECTED_AT_PARCELSHOP", "delivered", Some("locker_collected"), None),
        ("ecommerce-europe", "delivered", "44", "available_for_pickup", None, None),
        ("ecommerce-europe", "delivered", "366", "returned", None, None),
        ("ecommerce", "transit", "44", "in_transit", None, None),
        ("ecommerce", "delivered", "642", "in_transit", Some("handed_to_partner"), None),
        ("ecommerce", "failure", "571", "delivery_attempted", None, None),
        ("ecommerce-ppl", "transit", "460", "info", None, None),
        ("freight", "failure", "56-611", "delivery_attempted", None, Some("recipient.refused")),
        ("dgf", "transit", "DATA_SUBMITTED", "announced", None, None),
        ("svb", "delivered", "RETURNED_TO_SENDER", "returned", None, None),
        ("sameday", "transit", "X9", "in_transit", None, None),
        ("SAMEDAY", "PRE-TRANSIT", "", "announced", None, None),
        ("express", "unknown", "", "unknown", None, None),
        ("express", "", "", "unknown", None, None),
        ("express", "in-orbit", "", "unknown", None, None),
    ] {
        let event = scan(service, &json!({"statusCode": status_code, "status": status}));
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{service} {status_code} {status}");
    }
    assert_eq!(scan("dgf", &json!({})).carrier, "dhl_global_forwarding");
    assert_eq!(scan("moon", &json!({})).carrier, "dhl");
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["timestamp", "location", "status", "statusDetailed", "description", "remark"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"address": [1]})] {
            let mut fields = json!({"statusCode": "transit"});
            fields[field] = value.clone();
            assert_eq!(scan("parcel-uk", &fields).milestone.as_str(), "in_transit", "{field} = {value}");
        }
    }
    for field in ["service", "status", "details", "estimatedTimeOfDelivery", "estimatedDeliveryTimeFrame"] {
        for value in [json!(null), json!("x"), json!(7), json!([1]), json!({"weight": [], "proofOfDelivery": {"signed": 1}})] {
            let mut shipment = json!({"id": "00340434100000000017", "events": [{"statusCode": "delivered"}]});
            shipment[field] = value.clone();
            assert_told(&events("dhl_unified", &shipment.to_string())[0], &json!({"milestone": "delivered", "pod": null, "eta": null}));
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let shipment = |inside: &str| text(&format!(r#"{{"shipments":[{{{inside}}}]}}"#));
    let many = format!(r#""id":"1","events":[{}{{}}]"#, "{},".repeat(10_000));
    let mut cases = poison(PARCEL_DE);
    cases.retain(|(name, ..)| *name != "lone surrogate");
    cases.extend([
        ("lone surrogate", shipment(r#""id":"\ud800""#), Code::MALFORMED),
        ("key twice", text(r#"{"shipments":[],"shipments":[]}"#), Code::DUPLICATE_KEY),
        ("key twice below", shipment(r#""id":"1","events":[{"statusCode":"transit","statusCode":"delivered"}]"#), Code::DUPLICATE_KEY),
        (
            "nothing found",
            text(r#"{"status":404,"title":"No result found","detail":"No shipment with given tracking number found."}"#),
            Code::NOT_TRACKING,
        ),
        (
            "a subscription",
            text(r#"{"scope":"subscription.failure","secret":"x","self":"https://example.test","events":["delivered"]}"#),
            Code::NOT_TRACKING,
        ),
        ("no shipments", text(r#"{"shipments":[]}"#), Code::NOT_TRACKING),
        ("no number", shipment(r#""events":[{"statusCode":"transit"}]"#), Code::MISSING_FIELD),
        ("number that lost digits", shipment(r#""id":340434100000000017000,"events":[{"statusCode":"transit"}]"#), Code::MISSING_FIELD),
        ("number of words", shipment(r#""id":"none","status":{"statusCode":"transit"}"#), Code::BAD_TRACKING_NUMBER),
        ("more than the limit", shipment(&many), Code::TOO_MANY),
    ]);
    assert_parked("dhl_unified", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("dhl_unified", "samples/dhl_unified", &[("tracking_response.json", Ok(1))]);
}

/// One shipment of DHL Paket with a status and events.
fn answer(status: &serde_json::Value, told: &serde_json::Value) -> Vec<ShipmentEvent> {
    let shipment = json!({"id": "00340000161094000017", "service": "parcel-de", "status": status, "events": told});
    events("dhl_unified", &json!({"shipments": [{"service": "parcel-de", "events": told}, shipment]}).to_string())
}

#[test]
fn a_status_ahead_of_the_events_is_one_of_them() {
    let transit = json!({"timestamp": "2026-11-20T08:00:00", "statusCode": "transit"});
    let delivered = json!({"timestamp": "2026-11-20T15:00:00", "statusCode": "delivered"});
    let milestones = |told: Vec<ShipmentEvent>| told.iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>();
    assert_eq!(milestones(answer(&delivered, &json!([transit]))), ["delivered", "in_transit"]);
    assert_eq!(milestones(answer(&transit, &json!([transit]))), ["in_transit"]);
    assert_eq!(milestones(answer(&json!({"statusCode": "delivered"}), &json!([transit]))), ["in_transit"]);
    let later = answer(&delivered, &json!([delivered, transit]));
    assert_eq!(later[0].event_id, answer(&delivered, &json!([transit]))[0].event_id);
}

#[test]
fn the_detailed_status_is_the_code_where_it_is_there() {
    let scan = json!({"timestamp": "2026-11-20T08:00:00", "statusCode": "transit", "statusDetailed": "QQQQ", "status": "ZU"});
    assert_told(&answer(&json!(null), &json!([scan]))[0], &json!({"milestone": "in_transit", "raw_code": {"code": "QQQQ"}}));
}

#[test]
fn times_that_cannot_be_read_keep_happenings_apart() {
    let scan = |time: &str| json!({"timestamp": time, "statusCode": "transit"});
    let told = answer(&json!(null), &json!([scan("yesterday"), scan("today")]));
    assert_ne!(told[0].event_id, told[1].event_id);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("dhl_unified", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(answer in mutated(PARCEL_DE), push in mutated(EXPRESS)) {
        let _ = testing::parse("dhl_unified", &answer);
        let _ = testing::parse("dhl_unified", &push);
    }
}
