use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const UPDATED: &str = include_str!("fixtures/updated_two_providers.json");
const ANSWER: &str = include_str!("fixtures/answer_two_parcels.json");

fn push(status: &Value, scans: &Value) -> String {
    json!({"event": "TRACKING_UPDATED", "data": {"number": "1Z1", "carrier": 100_002, "track_info": {
        "latest_status": {"status": status, "sub_status": status},
        "tracking": {"providers": [{"provider": {"key": 100_002, "name": "UPS"}, "events": scans}]},
    }}})
    .to_string()
}

fn scan(fields: &Value) -> ShipmentEvent {
    events("17track", &push(&json!(null), &json!([fields]))).remove(0)
}

fn at(event: &ShipmentEvent) -> Option<String> {
    event.occurred_at.map(rfc3339)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_tells_what_both_carriers_have_told() {
    let told = events("17track", UPDATED);
    let expected = [
        json!({
            "shipment_key": "YT2630011200000417", "carrier": "yuntuline", "source": "17track", "source_event_id": null,
            "mapping_version": "17track-2", "milestone": "out_for_delivery", "sub_status": null, "exception_reason": null, "fault": null,
            "action_required": false, "actor": "partner", "leg": "forward",
            "raw_code": {"type": null, "code": "OutForDelivery_Other", "sub_code": null}, "raw_description": "Out for Delivery",
            "occurred_local": "2026-11-20T07:41:00", "offset_minutes": -480, "time_precision": "second", "time_source": "carrier_offset",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "cod": null, "late": false,
            "place": {"city": "BEND", "state": "OR", "postal_code": "97701", "country": "US"},
            "partner": {"carrier": "usps", "tracking_number": "9400100000000000000456"},
            "eta": {"from_local": "2026-11-20", "to_local": "2026-11-20T21:00:00", "source": "yuntuline", "from": null},
            "measures": {"weight": "1.35", "weight_unit": "kg", "pieces": 1},
        }),
        // No clock was sent: midnight is what the aggregator makes of it.
        json!({"milestone": "in_transit", "time_precision": "date", "occurred_local": "2026-11-19", "occurred_at": null, "actor": "partner"}),
        // An offset of nothing in Hong Kong is no offset.
        json!({"milestone": "in_transit", "sub_status": "departed_origin_country", "time_source": "location_zone", "offset_minutes": 480,
            "partner": null, "actor": "carrier"}),
        // The carrier itself has sent this one.
        json!({"milestone": "in_transit", "sub_status": "customs_released", "time_source": "carrier_offset", "offset_minutes": 0,
            "actor": "customs", "place": {"text": "LONDON", "country": null}}),
        json!({"milestone": "info", "raw_code": {"type": null, "code": null, "sub_code": null}, "occurred_local": "2026-11-12T18:20:00",
            "occurred_at": null, "time_source": null, "place": {"text": "Shenzhen Bao'an"}}),
        json!({"milestone": "announced", "place": {"country": "CN", "text": null}, "measures": null, "eta": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(at(&told[2]).as_deref(), Some("2026-11-17T14:15:00Z"));
    assert!(!format!("{told:?}").contains("Juniper"));
}

#[test]
fn an_answer_tells_of_every_parcel() {
    let told = events("17track", ANSWER);
    let found: Vec<_> = told.iter().map(|e| (e.tracking_number.as_str(), e.milestone.as_str())).collect();
    let [one, two] = ["1Z77R2040300000025", "1Z77R2040300000034"];
    assert_eq!(
        found,
        [(one, "delivered"), (one, "out_for_delivery"), (one, "info"), (two, "info"), (two, "in_transit")],
        "the latest status of the second is told by none of its scans"
    );
    assert!(told.iter().all(|e| e.carrier == "ups" && e.partner.is_none() && e.eta.is_none()));
    let (scan, status) = (&told[3], &told[4]);
    assert_told(status, &json!({"raw_code": {"type": "latest_status", "code": "InTransit_Other"}, "raw_description": null}));
    assert_eq!((scan.occurred_at, &scan.occurred_local), (status.occurred_at, &status.occurred_local));
    assert_ne!(scan.dedup_key, status.dedup_key);
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let keys = |body: &str| events("17track", body).into_iter().map(|e| e.dedup_key).collect::<Vec<_>>();
    let first = keys(UPDATED);
    assert_eq!(keys(&UPDATED.replace("S00731", "other").replace("11223344", "55").replace("\"Departure\"", "null")), first);
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6);
    // A newer scan moves what is true of the parcel now, and no identity.
    let mut body: Value = serde_json::from_str(UPDATED).expect("a fixture");
    let scans = body["data"]["track_info"]["tracking"]["providers"][0]["events"].as_array_mut().expect("events");
    scans.insert(0, json!({"time_iso": "2026-11-20T15:00:00-08:00", "description": "Delivered", "sub_status": "Delivered_Other"}));
    assert_eq!(keys(&body.to_string())[1..], first);
}

#[test]
fn what_two_carriers_tell_alike_is_one_happening() {
    let scan = json!({"time_iso": "2026-11-19T09:00:00+01:00", "description": "Handed over", "stage": null, "address": {"country": "DE"}});
    let body = json!({"event": "TRACKING_UPDATED", "data": {"number": "YT1", "track_info": {"tracking": {"providers": [
        {"provider": {"name": "USPS"}, "events": [scan]}, {"provider": {"name": "UPS"}, "events": [scan]},
    ]}}}});
    let told = events("17track", &body.to_string());
    assert_eq!(told.iter().map(|e| e.carrier.as_ref()).collect::<Vec<_>>(), ["usps", "usps"]);
    assert_eq!(told[0].dedup_key, told[1].dedup_key);
}

#[test]
fn two_happenings_of_one_second_are_two() {
    let fields = json!({"time_iso": "2026-11-19T09:00:00+01:00", "description": "Unloaded", "address": {"city": "Ulm", "country": "DE"}});
    let mut keys = vec![scan(&fields).dedup_key];
    for (path, value) in
        [("/description", json!("Loaded")), ("/time_iso", json!("2026-11-19T09:00:01+01:00")), ("/address/city", json!("Bonn"))]
    {
        let mut other = fields.clone();
        *other.pointer_mut(path).expect(path) = value;
        keys.push(scan(&other).dedup_key);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[test]
fn times_are_told_for_what_they_are() {
    let raw = |date: &str, time: Value, zone: Value| json!({"date": date, "time": time, "timezone": zone});
    let none = json!(null);
    for (iso, raw, utc, at_utc, source, precision) in [
        (json!("2026-11-19T09:00:00-05:00"), none.clone(), none.clone(), Some("2026-11-19T14:00:00Z"), json!("carrier_offset"), "second"),
        (json!("2026-11-19T09:00:00Z"), none.clone(), none.clone(), None, none.clone(), "second"),
        (json!("2026-11-19T00:00:00-05:00"), none.clone(), none.clone(), None, none.clone(), "date"),
        (
            json!("2026-11-19T00:00:00-05:00"),
            raw("2026-11-19", json!("00:00:00"), none.clone()),
            none.clone(),
            Some("2026-11-19T05:00:00Z"),
            json!("carrier_offset"),
            "second",
        ),
        (
            json!("2026-11-19T09:00:00"),
            raw("2026-11-19", json!("09:00:00"), json!("+02:00")),
            none.clone(),
            Some("2026-11-19T07:00:00Z"),
            json!("carrier_offset"),
            "second",
        ),
        // The zone beside the raw clock is none of another clock, and none that contradicts UTC.
        (
            json!("2026-11-19T10:00:00-08:00"),
            raw("2026-11-19", json!("18:00:00"), json!("+00:00")),
            json!("2026-11-19T18:00:00Z"),
            Some("2026-11-19T18:00:00Z"),
            json!("carrier_offset"),
            "second",
        ),
        (
            json!("2026-11-19T10:00:00-08:00"),
            raw("2026-11-19", json!("10:00:00"), json!("+02:00")),
            json!("2026-11-19T18:00:00Z"),
            Some("2026-11-19T18:00:00Z"),
            json!("carrier_offset"),
            "second",
        ),
        (none.clone(), raw("2026-11-19", none.clone(), none.clone()), none.clone(), None, none.clone(), "date"),
        (none.clone(), none, json!("2026-11-19T14:00:00Z"), Some("2026-11-19T14:00:00Z"), json!("gmt_field"), "second"),
    ] {
        let event = scan(&json!({"time_iso": iso, "time_raw": raw, "time_utc": utc, "description": "Scan"}));
        assert_eq!(at(&event).as_deref(), at_utc, "{iso} {raw}");
        assert_told(&event, &json!({"time_source": source, "time_precision": precision}));
    }
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (sub_status, stage, milestone, sub, reason) in [
        (json!("InTransit_PickedUp"), json!(null), "accepted", Some("picked_up"), None),
        (json!(null), json!("PickedUp"), "accepted", Some("picked_up"), None),
        (json!("InTransit_Arrival"), json!("Arrival"), "in_transit", Some("arrived_destination_country"), None),
        (json!("InTransit_CustomsRequiringInformation"), json!(null), "exception", None, Some("customs.documents")),
        (json!("DeliveryFailure_NoBody"), json!(null), "delivery_attempted", None, Some("recipient.absent")),
        (json!("DeliveryFailure_Rejected"), json!("OutForDelivery"), "delivery_attempted", None, Some("recipient.refused")),
        (json!("DeliveryFailure_Security"), json!(null), "delivery_attempted", None, None),
        (json!("Exception_Delayed"), json!(null), "exception", None, Some("carrier.delay")),
        (json!("Exception_Lost"), json!(null), "lost", None, Some("parcel.lost")),
        (json!("Exception_Returning"), json!("Returning"), "returning", None, None),
        (json!("Exception_Returned"), json!("Returned"), "returned", None, None),
        (json!("Exception_Cancel"), json!(null), "cancelled", None, None),
        (json!("InTransit_Beamed"), json!("Delivered"), "unknown", None, None),
        (json!("delivered"), json!(null), "unknown", None, None),
        (json!(null), json!(null), "info", None, None),
    ] {
        let event = scan(&json!({"description": "DELIVERED", "sub_status": sub_status, "stage": stage}));
        let found = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(found, (milestone, sub, reason), "{sub_status} {stage}");
    }
    let back = scan(&json!({"description": "Back", "sub_status": "Exception_Returned"}));
    assert_told(&back, &json!({"leg": "return", "pod": null}));
}

#[test]
fn the_latest_status_is_no_event_but_where_nothing_else_says_so() {
    let plain = json!({"time_iso": "2026-11-19T09:00:00-05:00", "description": "Scan"});
    let delivered = json!({"time_iso": "2026-11-18T09:00:00-05:00", "description": "Delivered", "stage": "Delivered"});
    let milestones = |status: &str, scans: Value| {
        events("17track", &push(&json!(status), &scans)).iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(milestones("Delivered_Other", json!([plain, delivered])), ["info", "delivered"]);
    assert_eq!(milestones("Exception_Other", json!([delivered])), ["delivered", "exception"]);
    assert_eq!(milestones("InTransit_Other", json!([delivered])), ["delivered"]);
    assert_eq!(milestones("Exception_Other", json!([plain, delivered])), ["info", "delivered", "exception"]);
    assert_eq!(milestones("NotFound_Other", json!([plain])), ["info"]);
    assert_eq!(milestones("Delivered_Other", json!([])), ["delivered"]);
    // That there is no more news is said without a time: it did not happen with the last scan.
    let expired = events("17track", &push(&json!("Expired_Other"), &json!([plain]))).remove(1);
    assert_told(&expired, &json!({"milestone": "expired", "occurred_at": null, "occurred_local": null, "place": null}));
    let newer = json!({"time_iso": "2026-11-20T09:00:00-05:00", "description": "Scan"});
    let again = events("17track", &push(&json!("Expired_Other"), &json!([newer, plain]))).remove(2);
    assert_ne!(again.event_id, expired.event_id, "another silence");
}

#[test]
fn the_end_of_tracking_is_told_of_carriers_that_are_known() {
    let stopped = |carrier: Value| {
        let body = json!({"event": "TRACKING_STOPPED", "data": {"number": "1Z1", "carrier": carrier, "param": null, "tag": "S1"}});
        testing::parse("17track", body.to_string().as_bytes()).map_err(|p| p.code)
    };
    let told = stopped(json!(100_002)).expect("an event");
    assert_told(
        &told[0],
        &json!({"milestone": "expired", "carrier": "ups", "occurred_at": null, "raw_code": {"code": "TRACKING_STOPPED"}}),
    );
    for carrier in [json!(3011), json!(null)] {
        assert_eq!(stopped(carrier), Err(Code::NOT_TRACKING));
    }
}

#[test]
fn weights_are_taken_in_the_carriers_unit() {
    for (raw, kg, expected) in [
        (json!("49.20LBS"), json!("22.32"), json!({"weight": "49.2", "weight_unit": "lb"})),
        (json!("500 g"), json!(null), json!({"weight": "500", "weight_unit": "g"})),
        (json!("2 stone"), json!("12.7"), json!({"weight": "12.7", "weight_unit": "kg"})),
        (json!("heavy"), json!(null), json!(null)),
        (json!(null), json!(1.5), json!({"weight": "1.5", "weight_unit": "kg"})),
    ] {
        let mut body: Value = serde_json::from_str(&push(&json!("Delivered"), &json!([]))).expect("JSON");
        body["data"]["track_info"]["misc_info"] = json!({"weight_raw": raw, "weight_kg": kg});
        assert_told(&events("17track", &body.to_string())[0], &json!({"measures": expected}));
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
        for field in ["time_iso", "time_utc", "time_raw", "description", "location", "address", "stage"] {
            let mut fields = json!({"sub_status": "OutForDelivery_Other"});
            fields[field] = value.clone();
            assert_eq!(scan(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
        for field in ["time_metrics", "misc_info", "tracking", "shipping_info"] {
            let mut body: Value = serde_json::from_str(&push(&json!("Delivered"), &json!([]))).expect("JSON");
            body["data"]["track_info"][field] = value.clone();
            assert_eq!(events("17track", &body.to_string())[0].milestone.as_str(), "delivered", "{field} = {value}");
        }
    }
}

#[test]
fn what_ends_the_way_is_told_whatever_code_the_newest_scan_has() {
    let scan = json!({"time_iso": "2026-11-20T10:00:00-05:00", "description": "In transit", "stage": "InTransit"});
    for (status, milestone) in [
        ("Exception_Returning", Some("returning")),
        ("Exception_Returned", Some("returned")),
        ("Exception_Lost", Some("lost")),
        ("Exception_Destroyed", Some("disposed")),
        ("Exception_Damage", Some("exception")),
        ("Delivered_Other", Some("delivered")),
        ("OutForDelivery_Other", None),
        ("InfoReceived", None),
    ] {
        let told = events("17track", &push(&json!(status), &json!([scan])));
        assert_eq!(told.get(1).map(|e| e.milestone.as_str()), milestone, "{status}");
    }
}

#[test]
fn the_latest_status_told_with_a_newer_scan_is_the_same_happening() {
    let delivered = json!({"time_iso": "2026-11-20T10:00:00-05:00", "description": "DELIVERED", "location": "NEW YORK"});
    let proof = json!({"time_iso": "2026-11-21T09:00:00-05:00", "description": "Proof of delivery is available", "location": "ALBANY"});
    let told = |scans: Value, milestone: Value, latest: Value| {
        let mut body: Value = serde_json::from_str(&push(&json!("Delivered_Other"), &scans)).expect("JSON");
        body["data"]["track_info"]["milestone"] = milestone;
        body["data"]["track_info"]["latest_event"] = latest;
        events("17track", &body.to_string()).pop().expect("an event")
    };
    let none = || json!(null);
    let first = told(json!([delivered]), none(), none());
    let stages = json!([{"key_stage": "InfoReceived", "time_iso": "2026-11-17T10:00:00-05:00"},
        {"key_stage": "Delivered", "time_iso": "2026-11-20T10:00:00-05:00"}]);
    let later = told(json!([proof, delivered]), stages, proof.clone());
    assert_eq!(first.event_id, later.event_id);
    assert_eq!((at(&first), at(&later)), (Some("2026-11-20T15:00:00Z".to_owned()), Some("2026-11-20T15:00:00Z".to_owned())));
    let by_event = told(json!([]), json!([{"key_stage": "Delivered", "time_iso": null}]), delivered.clone());
    assert_eq!((at(&by_event), by_event.event_id), (at(&first), first.event_id.clone()));
    // What came to the recipient after it had turned back came to the recipient again.
    let back = json!({"time_iso": "2026-11-20T18:00:00-05:00", "description": "Back", "sub_status": "Exception_Returning"});
    assert_ne!(told(json!([proof, back, delivered]), none(), none()).event_id, first.event_id);
}

#[test]
fn a_second_attempt_without_a_code_is_a_second_attempt() {
    let scan = |day: u8, hour: u8, words: &str, code: Option<&str>| json!({"time_iso": format!("2026-11-{day}T{hour:02}:00:00-05:00"), "description": words, "sub_status": code});
    let out = |day| scan(day, 8, "Out for delivery", Some("OutForDelivery_Other"));
    let missed = |day| scan(day, 15, "Nobody home", None);
    let held = |day| scan(day, 18, "Held at facility", None);
    let coded = scan(19, 15, "Nobody home", Some("DeliveryFailure_NoBody"));
    let attempt = |scans: Value| {
        let told = events("17track", &push(&json!("DeliveryFailure_NoBody"), &scans)).pop().expect("an event");
        (told.raw_code.kind.is_some() && told.milestone.as_str() == "delivery_attempted").then_some(told)
    };
    let first = attempt(json!([missed(19), out(19)])).expect("an attempt");
    let same = attempt(json!([held(19), missed(19), out(19)])).expect("the same");
    assert_eq!(same.dedup_key, first.dedup_key, "a newer scan without a code moves nothing");
    let second = attempt(json!([missed(20), out(20), held(19), missed(19), out(19)])).expect("another attempt");
    assert_ne!(second.dedup_key, first.dedup_key);
    assert_eq!((at(&first).as_deref(), at(&second).as_deref()), (Some("2026-11-19T20:00:00Z"), Some("2026-11-20T20:00:00Z")));
    // The first one had a code.
    assert!(attempt(json!([missed(20), out(20), coded, out(19)])).is_some_and(|e| at(&e) == at(&second)));
    assert!(attempt(json!([held(19), coded, out(19)])).is_none(), "told by the scan");
}

#[test]
fn one_odd_parcel_does_not_take_the_others_with_it() {
    let good = json!({"number": "1Z1", "carrier": 100_002, "track_info": {"latest_status": {"status": "Delivered"}}});
    let unknown = json!({"number": "1Z2", "carrier": 100_002, "track_info": {"latest_status": {"status": "NotFound"}}});
    let nothing = json!({"number": "1Z3", "carrier": 100_002, "track_info": null});
    let parse = |parcels: &Value| testing::parse("17track", json!({"code": 0, "data": {"accepted": parcels}}).to_string().as_bytes());
    for odd in [&unknown, &nothing] {
        for parcels in [json!([good, odd]), json!([odd, good])] {
            assert_eq!(parse(&parcels).map(|e| e.len()), Ok(1), "{parcels}");
        }
    }
    assert_eq!(parse(&json!([nothing, unknown])).map_err(|p| p.code), Err(Code::MISSING_FIELD), "the first one's");
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let updated = |data: &str| text(&format!(r#"{{"event":"TRACKING_UPDATED","data":{data}}}"#));
    let many = format!(r#"{{"number":"1Z1","track_info":{{"tracking":{{"providers":[{{"events":[{}{{}}]}}]}}}}}}"#, "{},".repeat(10_000));
    let mut cases: Vec<_> = poison(UPDATED).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("lone surrogate", text(r#"{"event":"\ud800"}"#), Code::MALFORMED),
        ("key twice", text(r#"{"event":"TRACKING_UPDATED","event":"TRACKING_STOPPED"}"#), Code::DUPLICATE_KEY),
        ("key twice below", updated(r#"{"number":"1Z1","number":"1Z2"}"#), Code::DUPLICATE_KEY),
        ("another event", text(r#"{"event":"QUOTA_LOW","data":{}}"#), Code::NOT_TRACKING),
        (
            "an answer with an error",
            text(r#"{"code":-18010002,"data":{"errors":[{"code":-18010002,"message":"key"}]}}"#),
            Code::NOT_TRACKING,
        ),
        ("an answer that rejects", text(r#"{"code":0,"data":{"accepted":[],"rejected":[{"number":"1Z1"}]}}"#), Code::NOT_TRACKING),
        ("an answer that registers", text(r#"{"code":0,"data":{"accepted":[{"number":"1Z1","carrier":1}]}}"#), Code::MISSING_FIELD),
        ("no data", text(r#"{"event":"TRACKING_UPDATED"}"#), Code::MISSING_FIELD),
        ("no information", updated(r#"{"number":"1Z1"}"#), Code::MISSING_FIELD),
        ("the shape of the first version", updated(r#"{"number":"1Z1","track":{"z0":{"c":"Delivered"}}}"#), Code::MISSING_FIELD),
        ("no number", updated(r#"{"track_info":{"latest_status":{"status":"Delivered"}}}"#), Code::MISSING_FIELD),
        (
            "absurd number",
            updated(r#"{"number":"unknown","track_info":{"latest_status":{"status":"Delivered"}}}"#),
            Code::BAD_TRACKING_NUMBER,
        ),
        ("nothing told", updated(r#"{"number":"1Z1","track_info":{}}"#), Code::MISSING_FIELD),
        ("nothing found", updated(r#"{"number":"1Z1","track_info":{"latest_status":{"status":"NotFound"}}}"#), Code::NOT_TRACKING),
        ("more than the limit", updated(&many), Code::TOO_MANY),
    ]);
    assert_parked("17track", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("17track", "webhooks/17track", &[("tracking_updated_ups_delivered.json", Ok(5))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("17track", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(push in mutated(UPDATED), answer in mutated(ANSWER)) {
        let _ = testing::parse("17track", &push);
        let _ = testing::parse("17track", &answer);
    }
}
