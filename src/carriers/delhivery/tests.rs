use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const RETURNED: &str = include_str!("fixtures/answer_returned.json");
const NOT_DELIVERED: &str = include_str!("fixtures/push_not_delivered.json");
const DELIVERED: &str = include_str!("fixtures/pushes_delivered.json");

fn push(status: &serde_json::Value, nsl: &str) -> ShipmentEvent {
    let body = json!({"Shipment": {"AWB": "28461700093315", "NSLCode": nsl, "Status": status}});
    events("delhivery", &body.to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_read_field_by_field() {
    let told = events("delhivery", NOT_DELIVERED);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({
            "shipment_key": "28461700093315", "tracking_number": "28461700093315", "carrier": "delhivery", "source": "delhivery",
            "source_event_id": null, "mapping_version": "delhivery-3", "milestone": "delivery_attempted", "sub_status": null,
            "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "UD", "code": "Pending", "sub_code": "EOD-11"}, "raw_description": "Consignee unavailable",
            "occurred_local": "2026-11-12T19:48:03", "offset_minutes": 330, "time_precision": "second", "time_source": "assumed",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "eta": null, "cod": null, "measures": null,
            "partner": null, "late": false,
            "place": {"city": null, "country": null, "facility": "Indore_Palasia_D (Madhya Pradesh)"},
        }),
    );
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-12T14:18:03Z"));
}

#[test]
fn a_refused_parcel_goes_back_and_its_end_is_no_delivery() {
    let told = events("delhivery", RETURNED);
    let expected = [
        json!({"milestone": "announced", "leg": "forward", "cod": null}),
        json!({"milestone": "in_transit", "sub_status": null}),
        json!({"milestone": "in_transit", "sub_status": "arrived"}),
        json!({"milestone": "out_for_delivery"}),
        json!({"milestone": "delivery_attempted", "exception_reason": null}),
        json!({"milestone": "out_for_delivery"}),
        json!({"milestone": "delivery_attempted", "exception_reason": null, "action_required": false}),
        json!({"milestone": "returning", "leg": "return"}),
        json!({"milestone": "returning", "leg": "return", "raw_code": {"type": "RT", "code": "Dispatched"}}),
        json!({"milestone": "returned", "leg": "return", "pod": null, "eta": null,
            "cod": {"amount": "1499", "currency": "INR", "collected": false}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    let mut distinct: Vec<_> = told.iter().map(|e| &e.event_id).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), told.len());
}

#[test]
fn cash_is_collected_with_the_delivery_and_not_before() {
    let told = events("delhivery", DELIVERED);
    let cash = |collected: bool| json!({"amount": "649.5", "currency": "INR", "collected": collected});
    assert_told(
        &told[0],
        &json!({"milestone": "out_for_delivery", "cod": cash(false), "pod": null, "eta": {"to_local": "2026-11-18", "to": null}}),
    );
    assert_told(&told[1], &json!({"milestone": "delivered", "cod": cash(true), "pod": {"signed_by": "SELF"}, "eta": null}));
    let prepaid = NOT_DELIVERED.replace("\"AWB\"", "\"CODAmount\": 0.0, \"AWB\"");
    assert_told(&events("delhivery", &prepaid)[0], &json!({"cod": null}));
}

#[test]
fn push_and_answer_give_the_same_scan_the_same_key() {
    let answer = events("delhivery", RETURNED);
    assert_eq!(events("delhivery", NOT_DELIVERED)[0].event_id, answer[4].event_id);
    assert_eq!(events("delhivery", &format!("[{NOT_DELIVERED}]"))[0].event_id, answer[4].event_id);
    let late = format!("[{NOT_DELIVERED},{RETURNED}]");
    assert_eq!(events("delhivery", &late).len(), 11, "a list may hold both");
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (kind, status, nsl, milestone, sub_status, reason, leg) in [
        ("DL", "Delivered", "EOD-38", "delivered", None, None, "forward"),
        ("DL", "RTO", "", "returned", None, None, "return"),
        ("DL", "DTO", "", "returned", None, None, "return"),
        ("DL", "Something", "", "unknown", None, None, "forward"),
        ("DL", "", "", "unknown", None, None, "forward"),
        ("", "Delivered", "", "unknown", None, None, "forward"),
        ("RT", "Delivered", "", "unknown", None, None, "return"),
        ("ud", "in transit", "", "in_transit", None, None, "forward"),
        ("UD", "Pending", "", "in_transit", Some("arrived"), None, "forward"),
        ("UD", "Pending", "X-ILL1F", "in_transit", Some("arrived"), None, "forward"),
        ("UD", "Pending", "EOD-86", "delivery_attempted", None, None, "forward"),
        ("UD", "Pending", "EOD-999", "unknown", None, None, "forward"),
        ("UD", "Pending", "ST-108", "info", None, None, "forward"),
        ("RT", "Pending", "ST-108", "returning", None, None, "return"),
        ("UD", "Dispatched", "EOD-11", "out_for_delivery", None, None, "forward"),
        ("PP", "Scheduled", "", "announced", None, None, "return"),
        ("PU", "Pending", "", "in_transit", Some("arrived"), None, "return"),
        ("CN", "Canceled", "", "cancelled", None, None, "forward"),
        ("LT", "Lost", "", "lost", None, Some("parcel.lost"), "forward"),
    ] {
        let event = push(&json!({"StatusType": kind, "Status": status}), nsl);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!((told, event.leg.as_str()), ((milestone, sub_status, reason), leg), "{kind} {status} {nsl}");
    }
}

#[test]
fn the_time_of_india_is_assumed_where_nothing_better_is_known() {
    let at = |time: &str| push(&json!({"StatusType": "UD", "Status": "Pending", "StatusDateTime": time}), "");
    assert_told(&at("2026-11-12T19:48:03Z"), &json!({"offset_minutes": 330, "time_source": "assumed"}));
    assert_told(&at("2026-11-12T14:18:03+00:00"), &json!({"offset_minutes": 330, "time_source": "assumed"}));
    assert_told(&at("2026-11-12T18:18:03+04:00"), &json!({"offset_minutes": 240, "time_source": "carrier_offset"}));
    assert_told(&at("2026-11-12"), &json!({"occurred_at": null, "occurred_local": "2026-11-12", "time_precision": "date"}));
    assert_told(&at("12/11/2026"), &json!({"occurred_at": null, "occurred_local": null, "time_precision": null}));
    let zone = crate::domain::time::zone("Asia/Dubai");
    let settings = DialectSettings { account_zone: zone, ..DialectSettings::default() };
    let told = Delhivery::new(settings).parse(&testing::message(NOT_DELIVERED.as_bytes())).expect("a scan");
    assert_told(&told[0], &json!({"offset_minutes": 240, "time_source": "account_zone"}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["StatusDateTime", "StatusLocation", "Instructions", "RecievedBy", "StatusCode"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut status = json!({"StatusType": "UD", "Status": "Dispatched"});
            status[field] = value.clone();
            assert_eq!(push(&status, "").milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

#[test]
fn one_odd_parcel_does_not_take_the_others_with_it() {
    let odd = json!({"Shipment": {"AWB": "28461700093316", "Scans": []}});
    let good = json!({"Shipment": {"AWB": "28461700093315", "Status": {"Status": "Delivered", "StatusType": "DL"}}});
    for parcels in [json!([good, odd]), json!([odd, good])] {
        assert_eq!(events("delhivery", &json!({"ShipmentData": parcels}).to_string()).len(), 1, "{parcels}");
    }
    let alone = json!({"ShipmentData": [odd, {"Shipment": {"AWB": "X"}}]}).to_string();
    assert_eq!(testing::parse("delhivery", alone.as_bytes()).map_err(|p| p.code), Err(Code::MISSING_FIELD), "the first one's");
}

#[test]
fn a_status_that_no_scan_has_is_an_event_of_its_own() {
    let status = json!({"Status": "Delivered", "StatusType": "DL", "StatusDateTime": "2026-11-18T13:31:47.620", "StatusCode": "EOD-38",
        "RecievedBy": "SELF"});
    let scan = |kind: &str, name: &str, at: &str, code: &str| json!({"ScanDetail": {"ScanType": kind, "Scan": name, "ScanDateTime": at, "StatusCode": code}});
    let told = |scans: &serde_json::Value| {
        let parcel = json!({"AWB": "28461700093315", "Status": status, "Scans": scans});
        events("delhivery", &json!({"ShipmentData": [{"Shipment": parcel}]}).to_string())
    };
    let dispatched = scan("UD", "Dispatched", "2026-11-18T09:15:04", "X-DDD3FD");
    let ahead = told(&json!([dispatched]));
    assert_eq!(ahead.iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>(), ["out_for_delivery", "delivered"]);
    assert_told(&ahead[1], &json!({"pod": {"signed_by": "SELF"}}));
    let caught_up = told(&json!([dispatched, scan("DL", "Delivered", "2026-11-18T13:31:47", "EOD-38")]));
    assert_eq!(caught_up.iter().map(|e| &e.event_id).collect::<Vec<_>>(), ahead.iter().map(|e| &e.event_id).collect::<Vec<_>>());
    for code in ["", "EOD-38"] {
        assert_eq!(told(&json!([scan("DL", "Delivered", "2026-11-18T13:31:47", code)])).len(), 1, "{code}");
    }
    // A scan that says nothing is none.
    let empty = told(&json!([{"ScanDetail": {}}, {"ScanDetail": {"ScanDateTime": "2026-11-18T14:00:00"}}]));
    assert_eq!(empty.iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>(), ["delivered"]);
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = format!(r#"{{"ShipmentData":[{{"Shipment":{{"AWB":"1","Scans":[{}{{}}]}}}}]}}"#, "{},".repeat(10_000));
    // A list of pushes is a push here, and no key of the lone surrogate is read.
    let other = |name: &str| name != "an array" && name != "lone surrogate";
    let mut cases: Vec<_> = poison(NOT_DELIVERED).into_iter().filter(|(name, ..)| other(name)).collect();
    cases.extend([
        ("a surrogate alone", text(r#"{"Shipment":{"AWB":"\ud800"}}"#), Code::MALFORMED),
        ("key twice", text(r#"{"Shipment":{"AWB":"1","AWB":"2"}}"#), Code::DUPLICATE_KEY),
        ("no number", text(r#"{"Shipment":{"Status":{"Status":"Delivered","StatusType":"DL"}}}"#), Code::MISSING_FIELD),
        ("no status", text(r#"{"Shipment":{"AWB":"28461700093315"}}"#), Code::MISSING_FIELD),
        ("placeholder", text(r#"{"Shipment":{"AWB":"XXXXXXXXXXXX","Status":{}}}"#), Code::BAD_TRACKING_NUMBER),
        ("another webhook", text(r#"{"waybill":"28461700093315","EPOD":"https://pod.example/1.jpg"}"#), Code::NOT_TRACKING),
        ("an error answer", text(r#"{"Success":false,"Error":"No such waybill"}"#), Code::NOT_TRACKING),
        ("a list of nothing", text("[]"), Code::NOT_TRACKING),
        ("more than the limit", text(&many), Code::TOO_MANY),
    ]);
    assert_parked("delhivery", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples(
        "delhivery",
        "webhooks/delhivery",
        &[
            ("scan_push.delivered.integration_example.json", Ok(1)),
            ("scan_push.manifested.doc_example.json", Err(Code::BAD_TRACKING_NUMBER)),
        ],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("delhivery", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(answer in mutated(RETURNED), push in mutated(NOT_DELIVERED), list in mutated(DELIVERED)) {
        let _ = testing::parse("delhivery", &answer);
        let _ = testing::parse("delhivery", &push);
        let _ = testing::parse("delhivery", &list);
    }
}
