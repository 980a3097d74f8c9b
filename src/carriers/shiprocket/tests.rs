use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, message, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::{rfc3339, zone};
use crate::domain::verdict::Code;

const RTO: &str = include_str!("fixtures/rto.json");
const IN_TRANSIT: &str = include_str!("fixtures/in_transit_without_scans.json");

/// A push without scans in which some fields are different.
fn status(changes: &Value) -> ShipmentEvent {
    let mut body: Value = serde_json::from_str(IN_TRANSIT).expect("a fixture");
    for (field, value) in changes.as_object().expect("an object") {
        body[field] = value.clone();
    }
    let mut told = events("shiprocket", &body.to_string());
    assert_eq!(told.len(), 1);
    told.remove(0)
}

fn scan(fields: &Value) -> ShipmentEvent {
    events("shiprocket", &json!({"awb": "774100001", "courier_name": "Ekart", "scans": [fields]}).to_string()).remove(0)
}

fn at(event: &ShipmentEvent) -> Option<String> {
    event.occurred_at.map(rfc3339)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn every_scan_is_an_event_with_its_own_status() {
    let told = events("shiprocket", RTO);
    let expected = [
        json!({
            "shipment_key": "77410000012345", "carrier": "ekartlogistics", "source": "shiprocket", "source_event_id": null,
            "mapping_version": "shiprocket-3", "milestone": "announced", "sub_status": null, "exception_reason": null, "fault": null,
            "action_required": false, "actor": "system", "leg": "forward",
            "raw_code": {"type": null, "code": "5", "sub_code": "MAN"}, "raw_description": "Manifest uploaded",
            "occurred_local": "2026-11-12T10:05:30", "offset_minutes": 330, "time_precision": "second", "time_source": "assumed",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "eta": null, "cod": null, "measures": null,
            "place": {"city": null, "country": null, "text": "Jaipur_Sitapura_H (Rajasthan)"}, "partner": null, "late": false,
        }),
        json!({"milestone": "info", "raw_code": {"code": "NA", "sub_code": "PRE"}, "place": null}),
        json!({"milestone": "accepted", "sub_status": "picked_up"}),
        json!({"milestone": "in_transit", "sub_status": "arrived"}),
        json!({"milestone": "out_for_delivery", "place": {"country": null, "text": "MH"}}),
        // The reason stands in free text: it is not guessed.
        json!({"milestone": "delivery_attempted", "exception_reason": null, "raw_description": "Cash on delivery not ready"}),
        json!({"milestone": "returning", "leg": "return"}),
        json!({"milestone": "in_transit", "leg": "forward"}),
        json!({"milestone": "returning", "leg": "return", "raw_code": {"code": "41", "sub_code": "ROF"}}),
        json!({"milestone": "returned", "leg": "return", "pod": null, "eta": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(at(&told[0]).as_deref(), Some("2026-11-12T04:35:30Z"));
}

#[test]
fn without_scans_the_status_of_the_push_is_the_event() {
    let event = status(&json!({}));
    assert_told(
        &event,
        &json!({"shipment_key": "77410000012352", "carrier": "fedex", "milestone": "in_transit", "raw_code": {"code": "18", "sub_code": null},
            "raw_description": "IN TRANSIT", "occurred_local": "2026-11-20T09:15:30", "time_source": "assumed", "place": null,
            "eta": {"to_local": "2026-11-23T15:40:19", "source": "shiprocket", "from": null}}),
    );
    assert_eq!(at(&event).as_deref(), Some("2026-11-20T03:45:30Z"));
}

#[test]
fn the_other_numbering_is_never_read() {
    // 20 is a failed pickup in the one numbering and in transit in the other.
    assert_eq!(status(&json!({"shipment_status": null, "current_status": null})).milestone.as_str(), "in_transit");
    assert_eq!(status(&json!({"shipment_status": null, "shipment_status_id": null})).milestone.as_str(), "in_transit");
    assert_eq!(status(&json!({"shipment_status_id": 20})).milestone.as_str(), "in_transit");
    assert_eq!(status(&json!({"shipment_status": "PICKUP EXCEPTION", "shipment_status_id": 20})).milestone.as_str(), "exception");
    let body = json!({"awb": "774100001", "current_status_id": 7}).to_string();
    assert_eq!(testing::parse("shiprocket", body.as_bytes()).map_err(|p| p.code), Err(Code::MISSING_FIELD));
}

#[test]
fn a_status_that_no_scan_has_is_an_event_of_its_own() {
    let mut body: Value = serde_json::from_str(RTO).expect("a fixture");
    body["shipment_status"] = json!("RTO ACKNOWLEDGED");
    body["shipment_status_id"] = json!(14);
    body["current_timestamp"] = json!("21 11 2026 10:00:00");
    let told = events("shiprocket", &body.to_string());
    assert_eq!(told.len(), 11);
    assert_told(&told[10], &json!({"milestone": "returned", "occurred_local": "2026-11-21T10:00:00", "raw_code": {"code": "14"}}));
}

#[test]
fn times_of_either_spelling_are_those_of_india() {
    let at_of = |date: &str| scan(&json!({"date": date, "sr-status": "18"}));
    for (date, utc, local, source) in [
        ("2026-11-20 00:15:00", Some("2026-11-19T18:45:00Z"), Some("2026-11-20T00:15:00"), json!("assumed")),
        ("20 11 2026 00:15:00", Some("2026-11-19T18:45:00Z"), Some("2026-11-20T00:15:00"), json!("assumed")),
        ("20-11-2026 00:15", Some("2026-11-19T18:45:00Z"), Some("2026-11-20T00:15"), json!("assumed")),
        ("2026-11-20", None, Some("2026-11-20"), json!(null)),
        ("yesterday", None, None, json!(null)),
    ] {
        let event = at_of(date);
        assert_eq!((at(&event).as_deref(), event.occurred_local.as_deref()), (utc, local), "{date}");
        assert_told(&event, &json!({"time_source": source}));
    }
    assert_eq!(at_of("20 11 2026 00:15:00").dedup_key, at_of("2026-11-20 00:15:00").dedup_key);
    let settings = DialectSettings { account_zone: zone("Asia/Dubai"), ..DialectSettings::default() };
    let event = Shiprocket::new(settings).parse(&message(IN_TRANSIT.as_bytes())).expect("an event").remove(0);
    assert_told(&event, &json!({"time_source": "account_zone", "offset_minutes": 240}));
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let keys = |body: &str| events("shiprocket", body).into_iter().map(|e| e.dedup_key).collect::<Vec<_>>();
    let later = RTO.replace("RTO_OFD", "RTO OFD").replace("20 11 2026 16:42:10", "2026-11-22 08:00:00").replace("\"Bag opened\"", "\"\"");
    assert_eq!(keys(&later), keys(RTO));
    let mut distinct = keys(RTO);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 10);
    // Scans in any order, and a push that lost the newest ones, tell the same happenings.
    let mut body: Value = serde_json::from_str(RTO).expect("a fixture");
    let scans = body["scans"].as_array_mut().expect("scans");
    scans.reverse();
    scans.truncate(4);
    let mut early = keys(&body.to_string());
    early.reverse();
    assert_eq!(early, keys(RTO)[6..]);
}

#[test]
fn the_couriers_own_code_is_the_identity() {
    let key = |fields: Value| scan(&fields).dedup_key;
    let date = "2026-11-20 09:00:00";
    let own = key(json!({"date": date, "status": "OFD", "sr-status": "17", "sr-status-label": "OUT FOR DELIVERY"}));
    assert_eq!(key(json!({"date": date, "status": "ofd", "sr-status": "NA"})), own);
    let mut keys = vec![
        own,
        key(json!({"date": date, "status": "UND", "sr-status": "17"})),
        key(json!({"date": "2026-11-20 09:00:01", "status": "OFD", "sr-status": "17"})),
        key(json!({"date": date, "sr-status": "17"})),
        key(json!({"date": date, "sr-status": "21"})),
    ];
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[test]
fn delhivery_itself_gives_its_scans_the_same_keys() {
    let direct = events("delhivery", include_str!("../delhivery/fixtures/answer_returned.json"));
    for (date, code, label) in [
        ("2026-11-10 11:02:09", "X-UCI", "MANIFEST GENERATED"),
        ("2026-11-10 18:20:00", "X-PPOM", "PICKED UP"),
        ("2026-11-12 19:48:03", "EOD-11", "UNDELIVERED"),
        ("2026-11-14 12:00:00", "RT-101", "RTO INITIATED"),
        ("2026-11-19 10:30:00", "X-DDD3FD", "RTO OFD"),
        ("2026-11-19 16:05:12", "RT-110", "RTO DELIVERED"),
    ] {
        let scan = json!({"date": date, "status": code, "location": "Indore", "sr-status-label": label});
        let body = json!({"awb": "28461700093315", "courier_name": "Delhivery Surface", "scans": [scan]});
        let told = events("shiprocket", &body.to_string()).remove(0);
        let same = direct.iter().filter(|e| e.dedup_key == told.dedup_key).map(|e| e.raw_code.sub_code.as_deref());
        assert_eq!(same.collect::<Vec<_>>(), [Some(code)], "{label}");
    }
}

#[test]
fn proof_of_delivery_is_on_the_delivery_only() {
    let mut body: Value = serde_json::from_str(RTO).expect("a fixture");
    let pods = |body: &Value| {
        let told = events("shiprocket", &body.to_string());
        told.iter().filter_map(|e| e.pod.as_ref().map(|p| (e.milestone.as_str(), p.photo_ref.clone()))).collect::<Vec<_>>()
    };
    assert!(pods(&body).is_empty());
    body["scans"][9]["sr-status"] = json!("7");
    body["scans"][9]["sr-status-label"] = json!("DELIVERED");
    body["shipment_status"] = json!("DELIVERED");
    body["shipment_status_id"] = json!(7);
    assert_eq!(pods(&body), [("delivered", Some("https://pod.example/77410000012345.png".to_owned()))]);
    body["pod"] = json!("Not Available");
    assert!(pods(&body).is_empty());
}

#[test]
fn statuses_mean_what_they_say_and_no_more() {
    for (label, id, milestone, sub_status, reason) in [
        (json!("AWB ASSIGNED"), json!(1), "announced", None, None),
        (json!("Out For Pickup"), json!(19), "announced", None, None),
        (json!("PICKUP ERROR"), json!(13), "exception", None, None),
        (json!(null), json!("42"), "accepted", Some("picked_up"), None),
        (json!("SHIPPED"), json!(6), "in_transit", None, None),
        (json!("CUSTOM CLEARED"), json!(49), "in_transit", Some("customs_released"), None),
        (json!("DELIVERED"), json!(7), "delivered", None, None),
        (json!("PARTIAL_DELIVERED"), json!(23), "delivered", Some("partial"), Some("parcel.missing_pieces")),
        (json!("UNDELIVERED"), json!(21), "delivery_attempted", None, None),
        (json!("DELAYED"), json!(22), "exception", None, Some("carrier.delay")),
        (json!("RTO-NDR"), json!(40), "returning", None, None),
        (json!("RTO DELIVERED"), json!(10), "returned", None, None),
        (json!("LOST"), json!(12), "lost", None, Some("parcel.lost")),
        (json!("CANCELLATION REQUESTED"), json!(16), "info", None, None),
        (json!("CANCELED"), json!(8), "cancelled", None, None),
        (json!("NA"), json!(7), "delivered", None, None),
        (json!("NOT DELIVERED"), json!(null), "unknown", None, None),
        (json!("SOMETHING NEW"), json!(993), "unknown", None, None),
    ] {
        let event = status(&json!({"shipment_status": label, "current_status": null, "shipment_status_id": id}));
        let found = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(found, (milestone, sub_status, reason), "{label} {id}");
    }
    assert_told(
        &status(&json!({"shipment_status": "UNDELIVERED-2ND ATTEMPT"})),
        &json!({"attempt_no": 2, "milestone": "delivery_attempted"}),
    );
}

#[test]
fn a_return_order_goes_the_other_way() {
    for value in [json!(1), json!("1"), json!(true)] {
        let event = status(&json!({"is_return": value, "shipment_status": "DELIVERED", "shipment_status_id": 7}));
        assert_told(&event, &json!({"milestone": "returned", "leg": "return", "eta": null, "pod": null}));
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
        for field in ["date", "status", "activity", "location", "sr-status"] {
            let mut fields = json!({"sr-status-label": "OUT FOR DELIVERY"});
            fields[field] = value.clone();
            assert_eq!(scan(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
        for field in ["courier_name", "etd", "current_timestamp", "pod", "pod_status", "is_return", "current_status", "shipment_status_id"]
        {
            let mut changes = json!({});
            changes[field] = value.clone();
            assert_eq!(status(&changes).milestone.as_str(), "in_transit", "{field} = {value}");
        }
    }
}

#[test]
fn an_older_scan_of_the_same_label_does_not_swallow_the_status() {
    let scan = |at: &str, id: &str, label: &str| json!({"date": at, "status": "S", "sr-status": id, "sr-status-label": label});
    let (out, not) = (("17", "OUT FOR DELIVERY"), ("21", "UNDELIVERED"));
    let told = |at: &str, scans: &[Value]| {
        let status = json!({"awb": "774100001", "courier_name": "Ekart", "shipment_status": "UNDELIVERED", "shipment_status_id": 21,
            "current_timestamp": at, "scans": scans});
        events("shiprocket", &status.to_string()).iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>()
    };
    let first = [scan("2026-11-19 10:00:00", out.0, out.1), scan("2026-11-19 18:00:00", not.0, not.1)];
    let second = [first.as_slice(), &[scan("2026-11-20 10:00:00", out.0, out.1)]].concat();
    let attempts = ["out_for_delivery", "delivery_attempted", "out_for_delivery", "delivery_attempted"];
    assert_eq!(told("20 11 2026 18:43:52", &second), attempts);
    // The newest scan has it, a scan of that time has it, or nobody says when.
    assert_eq!(told("19 11 2026 18:06:00", &first), attempts[..2]);
    assert_eq!(told("19 11 2026 18:00:00", &second), attempts[..3]);
    assert_eq!(told("NA", &second), attempts[..3]);
    let unnamed =
        [first.as_slice(), &[json!({"date": "2026-11-19 19:00:00", "status": "S", "sr-status": "NA", "sr-status-label": "NA"})]].concat();
    assert_eq!(told("19 11 2026 20:00:00", &unnamed).len(), 3, "a scan without a status is not the newest status");
}

#[test]
fn what_the_id_says_of_the_way_back_goes_before_the_label() {
    for (label, id, milestone) in [
        ("DELIVERED", "10", "returned"),
        ("RTO_IN_INTRANSIT", "46", "returning"),
        ("OUT FOR DELIVERY", "41", "returning"),
        ("RTO DELIVERED", "7", "returned"),
        ("RTO DELIVERED", "9", "returned"),
        ("IN TRANSIT", "20", "in_transit"),
    ] {
        let event = status(&json!({"shipment_status": label, "shipment_status_id": id}));
        let scan = scan(&json!({"date": "2026-11-20 10:00:00", "status": "S", "sr-status": id, "sr-status-label": label}));
        assert_eq!((event.milestone.as_str(), scan.milestone.as_str()), (milestone, milestone), "{label} {id}");
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = format!(r#"{{"awb":"7741","scans":[{}{{}}]}}"#, "{},".repeat(10_000));
    let mut cases: Vec<_> = poison(RTO).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("lone surrogate", text(r#"{"awb":"\ud800"}"#), Code::MALFORMED),
        ("key twice", text(r#"{"awb":"7741","awb":"7742"}"#), Code::DUPLICATE_KEY),
        ("key twice below", text(r#"{"awb":"7741","scans":[{"status":"A","status":"B"}]}"#), Code::DUPLICATE_KEY),
        ("an answer with an error", text(r#"{"message":"no such shipment","status_code":404}"#), Code::NOT_TRACKING),
        ("no number", text(r#"{"shipment_status":"DELIVERED","shipment_status_id":7}"#), Code::MISSING_FIELD),
        ("number that is a word", text(r#"{"awb":"pending","shipment_status":"DELIVERED"}"#), Code::BAD_TRACKING_NUMBER),
        ("neither status nor scans", text(r#"{"awb":"7741","scans":[]}"#), Code::MISSING_FIELD),
        ("scans that tell nothing", text(r#"{"awb":"7741","scans":[{"date":"2026-11-20 10:00:00"}]}"#), Code::MISSING_FIELD),
        ("more than the limit", text(&many), Code::TOO_MANY),
    ]);
    assert_parked("shiprocket", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("shiprocket", "webhooks/shiprocket", &[("in_transit.doc_example.json", Ok(1))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("shiprocket", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(history in mutated(RTO), push in mutated(IN_TRANSIT)) {
        let _ = testing::parse("shiprocket", &history);
        let _ = testing::parse("shiprocket", &push);
    }
}
