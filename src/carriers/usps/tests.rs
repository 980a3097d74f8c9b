use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const DELIVERED: &str = include_str!("fixtures/answer_delivered.json");
const RETURNED: &str = include_str!("fixtures/answers_returned.json");
const PUSH: &str = include_str!("fixtures/push_out_for_delivery.json");

fn scan(fields: &serde_json::Value) -> ShipmentEvent {
    let body = json!({"trackingNumber": "9400111206213859497712", "trackingEvents": [fields]});
    events("usps", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_answer_is_read_event_by_event() {
    let told = events("usps", DELIVERED);
    let expected = [
        json!({
            "shipment_key": "9400111206213859497712", "tracking_number": "9400111206213859497712", "carrier": "usps", "source": "usps",
            "source_event_id": null, "mapping_version": "usps-3", "milestone": "delivered", "sub_status": "reception",
            "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": null, "code": "01", "sub_code": null}, "raw_description": "Delivered, Front Desk/Reception/Mail Room",
            "occurred_local": "2026-11-19T10:42:00", "offset_minutes": -360, "time_precision": "second", "time_source": "gmt_field",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "eta": null, "cod": null, "measures": null, "partner": null,
            "pod": {"signed_by": "R OKAFOR", "relation": "authorized agent", "delivered_to": "Front Desk/Reception/Mail Room",
                "photo_ref": null},
            "place": {"city": "MADISON", "state": "WI", "postal_code": "53703", "country": "US", "facility": null}, "late": false,
        }),
        json!({"milestone": "out_for_delivery", "pod": null, "time_source": "gmt_field", "offset_minutes": -360}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "time_source": "carrier_offset", "offset_minutes": -360}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "time_source": "carrier_offset", "offset_minutes": -360,
            "place": {"city": "MADISON WI DISTRIBUTION CENTER", "country": null}}),
        json!({"milestone": "in_transit", "sub_status": "departed", "time_source": "location_zone", "offset_minutes": -480}),
        json!({"milestone": "unknown", "raw_code": {"code": "ZQ"}, "occurred_local": "2026-11-16T14:05:00", "time_source": "gmt_field",
            "offset_minutes": -480}),
        json!({"milestone": "announced", "occurred_local": "2026-11-15", "time_precision": "date", "occurred_at": null,
            "time_source": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    let at = |n: usize| told[n].occurred_at.map(rfc3339);
    assert_eq!(at(0).as_deref(), Some("2026-11-19T16:42:27Z"), "the GMT field knows the second");
    assert_eq!(at(3).as_deref(), Some("2026-11-18T08:13:00Z"), "a GMT field with the wall clock in it is not believed");
    assert_eq!(at(4).as_deref(), Some("2026-11-17T02:40:00Z"), "a Z behind a wall clock is not believed");
}

#[test]
fn answers_come_in_lists_and_a_delivery_may_end_a_return() {
    let told = events("usps", RETURNED);
    let expected = [
        json!({"milestone": "returned", "leg": "return", "pod": null, "eta": null, "tracking_number": "9400111206213859498825"}),
        json!({"milestone": "returning", "leg": "return", "exception_reason": "address.incorrect", "fault": "shipper",
            "action_required": true, "raw_code": {"code": "22", "sub_code": "14"}}),
        json!({"milestone": "delivery_attempted", "leg": "forward", "exception_reason": null, "pod": null}),
        json!({"milestone": "announced", "tracking_number": "9400111206213859499938", "occurred_local": null, "time_precision": null,
            "raw_code": {"type": "status", "code": "Pre-Shipment"}, "eta": {"to": null, "to_local": "2026-11-24", "source": "usps"}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(events("usps", &format!("[{DELIVERED}]")), events("usps", DELIVERED));
}

#[test]
fn push_and_answer_give_the_same_happening_the_same_key() {
    let push = events("usps", PUSH);
    assert_told(&push[0], &json!({"milestone": "out_for_delivery", "raw_code": {"code": "OF"}, "time_source": "gmt_field"}));
    let answer = events("usps", DELIVERED);
    assert_eq!(push[0].event_id, answer[1].event_id);
    let mut distinct: Vec<_> = answer.iter().map(|e| &e.event_id).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 7);
}

#[test]
fn a_history_in_another_order_tells_the_same() {
    let mut body: serde_json::Value = serde_json::from_str(DELIVERED).expect("JSON");
    let history = body["trackingEvents"].as_array_mut().expect("a list");
    history.remove(0);
    history.reverse();
    let mut told = events("usps", &body.to_string());
    told.reverse();
    let expected = &events("usps", DELIVERED)[1..];
    assert_eq!(told.iter().map(|e| &e.event_id).collect::<Vec<_>>(), expected.iter().map(|e| &e.event_id).collect::<Vec<_>>());
    assert_told(&told[0], &json!({"milestone": "out_for_delivery", "eta": {"to_local": "2026-11-20"}}));
    assert!(told[1..].iter().all(|e| e.eta.is_none()), "what is expected belongs to the newest event alone");
}

#[test]
fn an_aggregator_that_tells_the_code_gives_the_same_key() {
    let detail = json!({"message": "Out for Delivery", "status": "out_for_delivery", "datetime": "2026-11-19T06:10:00Z",
        "carrier_code": "OF", "tracking_location": {"city": "MADISON", "state": "WI", "country": "US", "zip": "53703"}});
    let tracker = json!({"object": "Tracker", "tracking_code": "9400111206213859497712", "carrier": "USPS", "tracking_details": [detail]});
    assert_eq!(events("easypost", &tracker.to_string())[0].event_id, events("usps", DELIVERED)[1].event_id);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (fields, milestone, sub_status, reason) in [
        (json!({"eventCode": "01", "eventType": "Delivered, In/At Mailbox"}), "delivered", Some("mailbox"), None),
        (json!({"eventCode": "01", "eventType": "Delivered, Somewhere Nice"}), "delivered", None, None),
        (json!({"eventCode": "1"}), "delivered", None, None),
        (json!({"eventCode": "01", "eventType": "Delivered, to Agent for Final Delivery"}), "in_transit", Some("handed_to_partner"), None),
        (json!({"eventCode": "01", "eventType": "Delivered to Agent for Final Delivery"}), "in_transit", Some("handed_to_partner"), None),
        (
            json!({"eventCode": "01", "eventType": "Delivered to Agent, Delivered to Agent for Final Delivery"}),
            "in_transit",
            Some("handed_to_partner"),
            None,
        ),
        (json!({"eventCode": "01", "eventType": "Delivered to Agent"}), "delivered", Some("reception"), None),
        (json!({"eventCode": "01", "eventType": "Handed over, To Original Sender"}), "delivered", None, None),
        // Not in any list that USPS has shown us: kept, and nothing is claimed.
        (json!({"eventCode": "59"}), "unknown", None, None),
        (json!({"eventCode": "43", "eventType": "Picked Up"}), "unknown", None, None),
        (json!({"eventCode": "10", "eventType": "Delivered, To Original Sender"}), "in_transit", None, None),
        (json!({"eventCode": "of"}), "out_for_delivery", None, None),
        (json!({"eventCode": "51"}), "delivery_attempted", None, Some("recipient.closed")),
        (json!({"eventCode": 27}), "returning", None, Some("pickup_point.not_collected")),
        (json!({"eventCode": "16"}), "available_for_pickup", None, None),
        (json!({"eventType": "Delivered, In/At Mailbox"}), "unknown", None, None),
        (json!({"eventCode": "ZZ", "eventType": "Delivered"}), "unknown", None, None),
        (json!({}), "unknown", None, None),
    ] {
        let event = scan(&fields);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{fields}");
    }
}

#[test]
fn a_moment_is_known_from_whatever_was_sent() {
    for (fields, local, offset, source, at) in [
        (json!({"GMTTimestamp": "2026-11-19T12:10:31Z"}), None, None, Some("gmt_field"), Some("2026-11-19T12:10:31Z")),
        (
            json!({"eventTimestamp": "2026-11-19T06:10:00", "GMTTimestamp": "2026-11-19T12:10:31Z"}),
            Some("2026-11-19T06:10:00"),
            Some(-360),
            Some("gmt_field"),
            Some("2026-11-19T12:10:31Z"),
        ),
        (
            json!({"eventTimestamp": "2026-11-19T06:10:00", "GMTTimestamp": "2025-11-19T12:10:31Z", "eventState": "NY"}),
            Some("2026-11-19T06:10:00"),
            Some(-300),
            Some("location_zone"),
            Some("2026-11-19T11:10:00Z"),
        ),
        (json!({"eventTimestamp": "2026-11-19T06:10:00"}), Some("2026-11-19T06:10:00"), None, None, None),
        (json!({"eventTimestamp": "06:10:00"}), None, None, None, None),
    ] {
        let event = scan(&fields);
        assert_told(&event, &json!({"occurred_local": local, "offset_minutes": offset, "time_source": source}));
        assert_eq!(event.occurred_at.map(rfc3339).as_deref(), at, "{fields}");
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["eventTimestamp", "GMTTimestamp", "GMTOffset", "eventCity", "eventCountry", "eventType", "name", "authorizedAgent"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"eventCode": "OF"});
            fields[field] = value.clone();
            assert_eq!(scan(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

#[test]
fn one_odd_answer_does_not_take_the_others_with_it() {
    let odd = json!({"trackingNumber": "", "statusCategory": "Alert"});
    let good = json!({"trackingNumber": "9400111206213859498825", "statusCategory": "Delivered", "trackingEvents": []});
    for list in [json!([good, odd]), json!([odd, good])] {
        assert_eq!(events("usps", &list.to_string()).len(), 1, "{list}");
    }
    let alone = json!([odd, {"trackingNumber": "string", "statusCategory": "Alert"}]).to_string();
    assert_eq!(testing::parse("usps", alone.as_bytes()).map_err(|p| p.code), Err(Code::MISSING_FIELD), "the first one's");
}

#[test]
fn a_hand_over_has_no_proof_of_delivery() {
    for words in ["Delivered to Agent for Final Delivery", "Delivered, To Agent for Final Delivery", "Delivered, To Original Sender"] {
        assert_told(&scan(&json!({"eventCode": "01", "eventType": words, "name": "J DOE"})), &json!({"pod": null}));
    }
    let told = scan(&json!({"eventCode": "01", "eventType": "Delivered to Agent", "name": "J DOE"}));
    assert_told(&told, &json!({"pod": {"signed_by": "J DOE", "delivered_to": "to Agent"}}));
}

#[test]
fn the_status_of_the_parcel_stands_in_for_a_code_that_nobody_knows() {
    let answer = |category: &str, words: &str, scans: &serde_json::Value| {
        let body = json!({"trackingNumber": "94001", "statusCategory": category, "status": words, "trackingEvents": scans});
        let told = events("usps", &body.to_string());
        told.iter().map(|e| (e.milestone.as_str(), e.occurred_local.clone())).collect::<Vec<_>>()
    };
    let at = |hour: u8| Some(format!("2026-11-20T{hour}:00:00"));
    let scan = |code: &str, hour: u8| json!({"eventCode": code, "eventTimestamp": at(hour)});
    let (new, known) = (scan("ZQ", 12), scan("10", 10));
    assert_eq!(answer("Delivered", "Delivered, To Original Sender", &json!([])), [("returned", None)]);
    assert_eq!(answer("Delivered to Agent", "x", &json!([])), [("unknown", None)]);
    assert_eq!(answer("Alert", "x", &json!([new, known])), [("unknown", at(12)), ("in_transit", at(10)), ("exception", at(12))]);
    assert_eq!(answer("In Transit", "x", &json!([new, known])).len(), 2, "told already");
    assert_eq!(answer("Alert", "x", &json!([known])).len(), 1, "never beside a code that is known");
    assert_eq!(answer("Something New", "x", &json!([new])).len(), 1);
}

#[test]
fn the_words_of_a_delivery_say_the_same_through_an_aggregator() {
    let returned = "Delivered, To Original Sender";
    let handed = "Delivered, To Agent for Final Delivery";
    for (words, milestone) in [(returned, "returned"), (handed, "in_transit"), ("Delivered, In/At Mailbox", "delivered")] {
        let direct = json!({"trackingNumber": "94001", "trackingEvents": [{"eventType": words, "eventCode": "01", "eventState": "NY",
            "eventTimestamp": "2026-11-20T10:00:00", "eventCity": "ALBANY"}]});
        let shipengine = json!({"tracking_number": "94001", "carrier_code": "usps", "status_code": "DE", "events": [{"description": words,
            "carrier_occurred_at": "2026-11-20T10:00:00", "city_locality": "ALBANY", "country_code": "US", "event_code": "01",
            "status_code": "DE", "status_detail_code": "DELIVERED", "signer": "J DOE"}]});
        let aftership = json!({"event": "tracking_update", "msg": {"tracking_number": "94001", "slug": "usps", "tag": "Delivered",
            "signed_by": "J DOE", "checkpoints": [{"message": words, "tag": "Delivered", "subtag": "Delivered_001", "raw_tag": "01",
            "checkpoint_time": "2026-11-20T10:00:00", "city": "ALBANY", "country_iso3": "USA"}]}});
        let easypost = json!({"object": "Tracker", "tracking_code": "94001", "carrier": "USPS", "tracking_details": [{"message": words,
            "status": "delivered", "carrier_code": "01", "datetime": "2026-11-20T10:00:00Z",
            "tracking_location": {"city": "ALBANY", "country": "US"}}]});
        let shippo = json!({"tracking_number": "94001", "carrier": "usps", "tracking_history": [{"status": "DELIVERED",
            "status_details": words, "status_date": "2026-11-20T10:00:00Z"}]});
        let own = events("usps", &direct.to_string());
        assert_eq!(own[0].milestone.as_str(), milestone);
        for (source, body) in [("shipengine", shipengine), ("aftership", aftership), ("easypost", easypost), ("shippo", shippo)] {
            let told = events(source, &body.to_string());
            assert_eq!((told.len(), told[0].milestone.as_str(), told[0].leg), (1, milestone, own[0].leg), "{source}: {words}");
            assert!(milestone == "delivered" || told[0].pod.is_none(), "{source}: {words}");
            assert!(source == "shippo" || told[0].event_id == own[0].event_id, "{source}: {words}");
        }
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = format!(r#"{{"trackingNumber":"94001","trackingEvents":[{}{{}}]}}"#, "{},".repeat(10_000));
    // A list of answers is an answer here.
    let mut cases: Vec<_> = poison(DELIVERED).into_iter().filter(|(name, ..)| *name != "an array").collect();
    cases.extend([
        ("key twice", text(&DELIVERED.replacen('{', "{\"trackingNumber\":\"94001\",", 1)), Code::DUPLICATE_KEY),
        (
            "key twice below",
            text(r#"{"trackingNumber":"94001","trackingEvents":[{"eventCode":"01","eventCode":"02"}]}"#),
            Code::DUPLICATE_KEY,
        ),
        ("no number", text(r#"{"trackingEvents":[{"eventCode":"01"}]}"#), Code::MISSING_FIELD),
        ("no number in a push", text(r#"{"subscriptionId":"s1","eventCode":"01"}"#), Code::MISSING_FIELD),
        ("number that lost digits", text(r#"{"trackingNumber":9400111206213859497712,"eventCode":"01"}"#), Code::MISSING_FIELD),
        ("placeholder", text(r#"{"trackingNumber":"string","eventCode":"01"}"#), Code::BAD_TRACKING_NUMBER),
        ("neither events nor status", text(r#"{"trackingNumber":"94001","trackingEvents":[]}"#), Code::MISSING_FIELD),
        ("an error answer", text(r#"{"apiVersion":"v3","error":{"code":"404","message":"x"}}"#), Code::NOT_TRACKING),
        ("a list of nothing", text("[]"), Code::NOT_TRACKING),
        ("a list of scalars", text(r#"["94001",null,7]"#), Code::NOT_TRACKING),
        ("more than the limit", text(&many), Code::TOO_MANY),
        ("more answers than the limit", text(&format!("[{}{{}}]", "{},".repeat(10_000))), Code::TOO_MANY),
    ]);
    assert_parked("usps", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("usps", "samples/usps", &[("tracking_response.json", Ok(8))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("usps", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(answer in mutated(DELIVERED), list in mutated(RETURNED), push in mutated(PUSH)) {
        let _ = testing::parse("usps", &answer);
        let _ = testing::parse("usps", &list);
        let _ = testing::parse("usps", &push);
    }
}
