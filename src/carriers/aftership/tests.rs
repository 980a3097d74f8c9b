use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const RETURNING: &str = include_str!("fixtures/update_returning.json");
const DELIVERED: &str = include_str!("fixtures/update_delivered.json");
const REVISED: &str = include_str!("fixtures/edd_revise.json");

fn checkpoint(fields: &serde_json::Value) -> ShipmentEvent {
    let msg = json!({"tracking_number": "1Z1", "slug": "ups", "checkpoints": [fields]});
    events("aftership", &json!({"event": "tracking_update", "msg": msg}).to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_update_is_read_checkpoint_by_checkpoint() {
    let told = events("aftership", RETURNING);
    let expected = [
        json!({
            "shipment_key": "781234500917", "tracking_number": "7812 3450 0917", "carrier": "fedex", "source": "aftership",
            "source_event_id": "6f0c1b52-9a57-4c0e-9f5c-0d6a1f2b7a11", "mapping_version": "aftership-2", "milestone": "announced",
            "sub_status": null, "exception_reason": null, "fault": null, "action_required": false, "actor": "system", "leg": "forward",
            "raw_code": {"type": null, "code": "InfoReceived_001", "sub_code": null},
            "raw_description": "Shipment information sent to FedEx", "occurred_at": null, "occurred_local": "2026-11-16",
            "offset_minutes": null, "time_precision": "date", "time_source": null, "received_at": RECEIVED_AT, "piece": null,
            "place": {"city": null, "country": "US", "text": "United States"}, "attempt_no": null, "pod": null, "eta": null, "cod": null,
            "measures": null, "partner": null, "late": false,
        }),
        json!({"milestone": "in_transit", "sub_status": "arrived", "time_source": "location_zone", "offset_minutes": -360,
            "raw_code": {"code": "InTransit_003", "sub_code": "AR"}}),
        json!({"milestone": "in_transit", "sub_status": "customs_processing", "actor": "customs", "time_source": "carrier_offset",
            "offset_minutes": 60, "place": {"city": "Köln", "country": "DE", "postal_code": "50667"}}),
        json!({"milestone": "in_transit", "actor": "partner", "partner": {"carrier": "dhl_parcel_de"}, "offset_minutes": 60,
            "time_source": "location_zone"}),
        json!({"milestone": "in_transit", "sub_status": null, "raw_code": {"code": "InTransit_013"}, "occurred_at": null,
            "place": {"text": "Somewhere at sea", "city": null}}),
        json!({"milestone": "delivery_attempted", "exception_reason": "recipient.absent", "leg": "forward", "pod": null,
            "eta": {"to": null, "to_local": "2026-11-21", "source": "aftership"}, "measures": {"weight": "7.5", "weight_unit": "lb"}}),
        json!({"milestone": "returning", "leg": "return", "raw_code": {"code": "Exception_010"}, "place": null, "raw_description": null,
            "occurred_local": null, "offset_minutes": null, "time_source": "gmt_field"}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[6].occurred_at.map(rfc3339).as_deref(), Some("2026-11-20T06:30:00Z"), "AfterShip's clock hangs on no wall");
    assert_eq!(told[3].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T18:05:00Z"), "19:05 in Bonn, whatever stands behind it");
}

#[test]
fn nobody_but_the_one_who_signed_is_named() {
    for body in [RETURNING, DELIVERED] {
        for event in events("aftership", body) {
            let text = serde_json::to_string(&event).expect("JSON");
            assert!(!text.contains("Brandt") && !text.contains("example.com"), "{text}");
        }
    }
}

#[test]
fn the_proof_is_with_the_delivery_wherever_it_stands() {
    let told = events("aftership", DELIVERED);
    let read: Vec<_> = told.iter().map(|e| (e.milestone.as_str(), e.pod.as_ref().and_then(|p| p.signed_by.as_deref()))).collect();
    assert_eq!(read, [("accepted", None), ("delivered", Some("M IBARRA")), ("out_for_delivery", None)]);
    assert_told(&told[1], &json!({"sub_status": "to_person", "eta": null, "measures": null, "time_source": "location_zone"}));
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let again = RETURNING.replace("6f0c1b52", "7a0c1b52").replace("06:30:00+00:00", "11:30:00+00:00").replace("\"Memphis\"", "\"MEMPHIS\"");
    let keys = |body: &str| events("aftership", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(RETURNING));
    let mut distinct = keys(RETURNING);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 7);
}

#[test]
fn the_carrier_itself_gives_a_happening_the_same_key() {
    let direct = events("fedex", include_str!("../fedex/fixtures/answer_exception.json"));
    let arrived = direct.iter().find(|e| e.raw_code.code.as_deref() == Some("AR")).expect("in the fixture");
    assert_eq!(events("aftership", RETURNING)[1].event_id, arrived.event_id);
}

#[test]
fn a_revised_expectation_is_an_event_of_its_own() {
    let told = events("aftership", REVISED);
    assert_eq!(told.len(), 2);
    assert_told(&told[0], &json!({"milestone": "in_transit", "carrier": "dhl_express", "eta": {"to_local": "2026-11-23"}}));
    assert_told(
        &told[1],
        &json!({"milestone": "info", "sub_status": "eta_changed", "occurred_local": null, "raw_code": {"code": "edd_revise"},
            "eta": {"from_local": "2026-11-21", "to_local": "2026-11-23", "previous_local": "2026-11-20", "source": "aftership"}}),
    );
    let again = events("aftership", &REVISED.replace("c2a7f7a0", "d2a7f7a0"));
    assert_eq!(again[1].event_id, told[1].event_id);
    assert_ne!(events("aftership", &REVISED.replace("11-23", "11-24"))[1].event_id, told[1].event_id);
}

#[test]
fn the_head_colours_no_checkpoint_and_is_not_lost() {
    let msg = |tag: &str, subtag: &str, tags: &[&str]| {
        let checkpoints: Vec<_> = tags.iter().map(|t| json!({"tag": t, "checkpoint_time": "2026-11-19T20:00:00"})).collect();
        let msg = json!({"tracking_number": "1Z1", "tag": tag, "subtag": subtag, "checkpoints": checkpoints});
        let told = events("aftership", &json!({"event": "tracking_update", "msg": msg}).to_string());
        told.iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(msg("Delivered", "Delivered_001", &["OutForDelivery", "Delivered"]), ["out_for_delivery", "delivered"]);
    assert_eq!(msg("Exception", "Exception_007", &["Delivered"]), ["delivered", "exception"]);
    assert_eq!(msg("Exception", "", &["Exception"]), ["exception"]);
    assert_eq!(msg("Expired", "Expired_001", &["InTransit"]), ["in_transit", "expired"]);
    assert_eq!(msg("Pending", "Pending_001", &[]), ["unknown"]);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (tag, subtag, milestone, sub_status, reason) in [
        ("InTransit", "InTransit_002", "accepted", None, None),
        ("InTransit", "InTransit_005", "in_transit", Some("customs_released"), None),
        ("OutForDelivery", "OutForDelivery_004", "info", Some("appointment"), None),
        ("Delivered", "Delivered_002", "delivered", Some("locker_collected"), None),
        ("Exception", "Exception_004", "exception", None, Some("customs.hold")),
        ("Exception", "Exception_008", "exception", None, Some("pickup_point.not_collected")),
        ("Exception", "Exception_011", "returned", None, None),
        ("Exception", "Exception_013", "lost", None, Some("parcel.lost")),
        ("Exception", "Exception_099", "exception", None, None),
        ("", "Delivered_001", "delivered", None, None),
        ("delivered", "delivered_001", "unknown", None, None),
        ("InOrbit", "InOrbit_001", "unknown", None, None),
    ] {
        let event = checkpoint(&json!({"tag": tag, "subtag": subtag}));
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{tag} {subtag}");
        assert_eq!(event.raw_code.code.as_deref(), Some(subtag));
    }
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["subtag", "raw_tag", "message", "checkpoint_time", "city", "country_iso3", "location", "slug"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"tag": "OutForDelivery"});
            fields[field] = value.clone();
            assert_eq!(checkpoint(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

fn update(msg: serde_json::Value) -> Vec<ShipmentEvent> {
    let mut msg = msg;
    msg["tracking_number"] = json!("94001");
    events("aftership", &json!({"event": "tracking_update", "msg": msg}).to_string())
}

#[test]
fn a_delivery_after_the_turn_is_the_end_of_a_return() {
    let scan = |subtag: &str, at: &str| json!({"subtag": subtag, "checkpoint_time": at});
    let out = scan("Delivered_003", "2026-11-17T10:00:00");
    let (turn, way) = (scan("Exception_010", "2026-11-18T10:00:00"), scan("InTransit_003", "2026-11-19T10:00:00"));
    let end = scan("Delivered_001", "2026-11-20");
    let told = |tag: &str, flag: &str, scans: &[&serde_json::Value]| {
        let told = update(json!({"tag": tag, flag: true, "signed_by": "SHIPPER INC", "checkpoints": scans}));
        told.iter().map(|e| (e.milestone.as_str(), e.leg.as_str(), e.pod.is_some())).collect::<Vec<_>>()
    };
    let (returning, moves, returned) = (("returning", "return", false), ("in_transit", "return", false), ("returned", "return", false));
    for flag in ["return_to_sender", "returnToSender"] {
        assert_eq!(told("Delivered", flag, &[&end, &way, &turn]), [returned, moves, returning], "{flag}");
        assert_eq!(told("Delivered", flag, &[&way, &end]), [("in_transit", "forward", false), returned], "only the status tells it");
        assert_eq!(told("Exception", flag, &[&out]), [("delivered", "forward", true), returning]);
        assert_eq!(told("Exception", flag, &[&out, &turn]), [("delivered", "forward", true), returning]);
        assert_eq!(told("Delivered", flag, &[]), [returned]);
    }
    assert_eq!(told("Delivered", "another_flag", &[&turn, &end])[1], returned, "the checkpoints are enough");
    assert_eq!(told("Delivered", "another_flag", &[&turn])[1], returned);
    assert_eq!(told("Delivered", "another_flag", &[&out, &turn])[0], ("delivered", "forward", true));
}

#[test]
fn a_status_has_the_time_that_belongs_to_it_and_counts_once_for_each_checkpoint() {
    let told = |tag: &str, field: &str, time: serde_json::Value, at: &str| {
        let event = update(json!({"tag": tag, field: time, "checkpoints": [{"message": "scan", "checkpoint_time": at}]})).remove(1);
        (event.occurred_local.clone(), event.occurred_at.map(rfc3339), event.time_source.map(|s| s.as_str()), event.event_id)
    };
    let at = "2026-11-18T10:00:00";
    let utc = |text: &str| (None, Some(text.to_owned()), Some("gmt_field"));
    for (tag, field, time, expected) in [
        ("Exception", "updated_at", json!("2026-11-21T09:00:00+02:00"), utc("2026-11-21T07:00:00Z")),
        ("Exception", "updatedAt", json!(1_795_251_600_000_i64), utc("2026-11-21T09:00:00Z")),
        ("Delivered", "updated_at", json!("2026-11-21T09:00:00+00:00"), (None, None, None)),
        ("Delivered", "shipment_delivery_date", json!("2026-11-20T11:00:00"), (Some("2026-11-20T11:00:00".to_owned()), None, None)),
        ("Delivered", "shipmentDeliveryDate", json!(1_795_251_600_000_i64), (None, None, None)),
    ] {
        let (local, utc, source, _) = told(tag, field, time, at);
        assert_eq!((local, utc, source), expected, "{tag} {field}");
    }
    let id = |tag: &str, time: &str, at: &str| told(tag, "updated_at", json!(time), at).3;
    let first = id("Exception", "2026-11-21T09:00:00Z", at);
    assert_eq!(id("Exception", "2026-11-21T10:00:00Z", at), first);
    assert_ne!(id("AttemptFail", "2026-11-21T09:00:00Z", at), first);
    assert_ne!(id("Exception", "2026-11-21T09:00:00Z", "2026-11-20T10:00:00"), first, "a later exception is another one");
}

#[test]
fn an_expectation_that_goes_back_to_the_first_is_told() {
    let told = |event: &str, latest: &str| {
        let (first, latest) = (json!({"datetime": "2026-11-20"}), json!({"datetime": latest}));
        let msg = json!({"tracking_number": "94001", "tag": "InTransit", "first_estimated_delivery": first,
            "latest_estimated_delivery": latest, "checkpoints": [{"tag": "InTransit"}]});
        events("aftership", &json!({"event": event, "msg": msg}).to_string())
    };
    let (away, back) = (told("edd_revise", "2026-11-22"), told("edd_revise", "2026-11-20"));
    assert_told(&back[1], &json!({"sub_status": "eta_changed", "eta": {"to_local": "2026-11-20", "previous_local": null}}));
    assert_ne!(away[1].event_id, back[1].event_id);
    assert_eq!(told("tracking_update", "2026-11-20").len(), 1, "an update that changes nothing");
}

#[test]
fn a_place_has_no_street_and_midnight_is_a_day() {
    for (location, text) in [
        ("12 Elm St, Apt 3, Albany", Some("Albany")),
        ("12 Elm St", None),
        ("Sydney - Australia", Some("Sydney - Australia")),
        ("Albany, NY", Some("Albany, NY")),
    ] {
        let event = checkpoint(&json!({"tag": "InTransit", "location": location}));
        assert_eq!(event.place.and_then(|p| p.text).as_deref(), text, "{location}");
    }
    let day = checkpoint(&json!({"tag": "Delivered", "checkpoint_time": "2026-11-17T00:00:00", "city": "Berlin", "country_iso3": "DEU"}));
    assert_told(&day, &json!({"occurred_local": "2026-11-17", "time_precision": "date", "occurred_at": null}));
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let msg = |fields: &str| text(&format!(r#"{{"event":"tracking_update","event_id":"e","msg":{{{fields}}}}}"#));
    let many = format!(r#""tracking_number":"1Z1","checkpoints":[{}{{}}]"#, "{},".repeat(10_000));
    let mut cases = poison(RETURNING);
    cases.extend([
        ("key twice", text(r#"{"event":"tracking_update","event":"edd_revise"}"#), Code::DUPLICATE_KEY),
        ("key twice below", msg(r#""tag":"Delivered","tag":"Expired""#), Code::DUPLICATE_KEY),
        (
            "an event of Returns",
            text(r#"{"event":"return.submitted","msg":{"tracking_number":"1Z1","tag":"Delivered"}}"#),
            Code::NOT_TRACKING,
        ),
        ("no event", text(r#"{"msg":{"tracking_number":"1Z1","tag":"Delivered"}}"#), Code::NOT_TRACKING),
        ("no message", text(r#"{"event":"tracking_update"}"#), Code::MISSING_FIELD),
        ("no number", msg(r#""tag":"Delivered""#), Code::MISSING_FIELD),
        ("number that lost digits", msg(r#""tracking_number":92612901001304350828,"tag":"Delivered""#), Code::MISSING_FIELD),
        ("neither tag nor checkpoint", msg(r#""tracking_number":"1Z1","checkpoints":[{}]"#), Code::MISSING_FIELD),
        ("number of words", msg(r#""tracking_number":"not yet","tag":"Pending""#), Code::BAD_TRACKING_NUMBER),
        ("more than the limit", msg(&many), Code::TOO_MANY),
    ]);
    assert_parked("aftership", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples(
        "aftership",
        "webhooks/aftership",
        &[
            ("tracking_update.dhl_exception_after_delivered.relogged_camelcase.json", Ok(11)),
            ("tracking_update.doc_sample_2026-07_trimmed.json", Ok(1)),
        ],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("aftership", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(update in mutated(RETURNING), revised in mutated(REVISED)) {
        let _ = testing::parse("aftership", &update);
        let _ = testing::parse("aftership", &revised);
    }
}
