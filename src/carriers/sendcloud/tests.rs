use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, message, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::{rfc3339, zone};
use crate::domain::verdict::Code;

const CHANGED: &str = include_str!("fixtures/v2_status_changed.json");
const ATTEMPTED: &str = include_str!("fixtures/v3_attempted.json");
const ANNOUNCED: &str = include_str!("fixtures/v3_announced.json");

/// The one event of a fixture in which some fields are different.
fn told(body: &str, changes: &[(&str, Value)]) -> ShipmentEvent {
    let mut body: Value = serde_json::from_str(body).expect("a fixture");
    for (path, value) in changes {
        *body.pointer_mut(path).expect(path) = value.clone();
    }
    let mut told = events("sendcloud", &body.to_string());
    assert_eq!(told.len(), 1);
    told.remove(0)
}

fn at(event: &ShipmentEvent) -> Option<String> {
    event.occurred_at.map(rfc3339)
}

/// A v3 event with its phase, exception and sub-status, in words of ours.
fn meaning(phase: &str, exception: &str, sub_status: &str) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    let changes =
        [("/data/event/phase", json!(phase)), ("/data/event/exception", json!(exception)), ("/data/event/sub_status", json!(sub_status))];
    let event = told(ATTEMPTED, &changes);
    (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()))
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_status_change_is_one_event_at_the_carriers_time() {
    let event = told(CHANGED, &[]);
    assert_told(
        &event,
        &json!({
            "shipment_key": "3SQQRR0000481", "tracking_number": "3SQQRR0000481", "carrier": "postnl", "source": "sendcloud",
            "source_event_id": null, "mapping_version": "sendcloud-3", "milestone": "delivery_attempted", "sub_status": null,
            "exception_reason": "recipient.refused", "fault": "recipient", "action_required": true, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "status", "code": "62991", "sub_code": null}, "raw_description": "Refused by recipient",
            "occurred_local": null, "offset_minutes": null, "time_precision": "second", "time_source": "gmt_field",
            "received_at": RECEIVED_AT, "place": null, "piece": null, "attempt_no": null, "pod": null, "eta": null, "cod": null,
            "measures": {"weight": "1.25", "weight_unit": "kg"}, "partner": null, "late": false,
        }),
    );
    assert_eq!(at(&event).as_deref(), Some("2026-11-20T08:15:00Z"));
}

#[test]
fn without_the_carriers_time_the_change_itself_counts() {
    for (value, expected) in [
        (json!(null), Some("2026-11-20T09:15:02Z")),
        (json!(123), Some("2026-11-20T09:15:02Z")),
        (json!(1_795_162_500), Some("2026-11-20T08:15:00Z")),
        (json!("1795162500000"), Some("2026-11-20T08:15:00Z")),
    ] {
        let event = told(CHANGED, &[("/carrier_status_change_timestamp", value.clone())]);
        assert_eq!(at(&event).as_deref(), expected, "{value}");
    }
    let event = told(CHANGED, &[("/carrier_status_change_timestamp", json!(null)), ("/timestamp", json!("soon"))]);
    assert_told(&event, &json!({"occurred_at": null, "time_source": null, "time_precision": null}));
}

#[test]
fn an_event_of_a_carrier_has_the_time_of_its_place() {
    let event = told(ATTEMPTED, &[]);
    assert_told(
        &event,
        &json!({
            "shipment_key": "1Z77R2040300000016", "carrier": "ups", "source": "sendcloud", "milestone": "delivery_attempted",
            "exception_reason": "recipient.absent", "fault": "recipient", "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": "attempted", "code": "none", "sub_code": "not_home"}, "raw_description": "Nobody was at home",
            "occurred_local": "2026-11-20T10:30:00", "offset_minutes": 60, "time_precision": "second", "time_source": "location_zone",
            "place": {"city": "Utrecht", "state": null, "postal_code": "3511 AA", "country": "NL", "facility": "Depot Utrecht", "text": null},
            "pod": null, "eta": null, "measures": null,
        }),
    );
    assert_eq!(at(&event).as_deref(), Some("2026-11-20T09:30:00Z"));
    assert!(!format!("{event:?}").contains("Steenweg"));
}

#[test]
fn what_the_aggregator_did_itself_is_in_utc() {
    let event = told(ANNOUNCED, &[]);
    assert_told(
        &event,
        &json!({"milestone": "announced", "actor": "system", "place": null, "time_source": "carrier_offset", "offset_minutes": 0,
            "occurred_local": "2026-11-18T09:40:12"}),
    );
    assert_eq!(at(&event).as_deref(), Some("2026-11-18T09:40:12Z"));
}

#[test]
fn a_carriers_z_is_not_believed() {
    let no_place = ("/data/event/location_details", json!(null));
    for (timestamp, utc, source, precision) in [
        ("2026-11-20T10:30:00Z", None, json!(null), "second"),
        ("2026-11-20T10:30:00+00:00", None, json!(null), "second"),
        ("2026-11-20T10:30:00.250+01:00", Some("2026-11-20T09:30:00Z"), json!("carrier_offset"), "second"),
        ("2026-11-20T00:00:00Z", None, json!(null), "date"),
        ("2026-11-20", None, json!(null), "date"),
    ] {
        let event = told(ATTEMPTED, &[("/data/event/timestamp", json!(timestamp)), no_place.clone()]);
        assert_eq!(at(&event).as_deref(), utc, "{timestamp}");
        assert_told(&event, &json!({"time_source": source, "time_precision": precision}));
    }
    let settings = DialectSettings { account_zone: zone("Europe/Lisbon"), ..DialectSettings::default() };
    let body = ATTEMPTED.replace("\"NL\"", "null").replace("\"Utrecht\"", "null");
    let event = Sendcloud::new(settings).parse(&message(body.as_bytes())).expect("an event").remove(0);
    assert_told(&event, &json!({"time_source": "account_zone", "offset_minutes": 0}));
}

#[test]
fn the_same_push_again_is_the_same_event_and_another_happening_is_not() {
    let key = |body: &str, changes: &[(&str, Value)]| told(body, changes).dedup_key;
    // Sent again later, with another envelope.
    assert_eq!(key(CHANGED, &[("/timestamp", json!(1_795_199_999_000_i64)), ("/parcel/name", json!(""))]), key(CHANGED, &[]));
    assert_eq!(key(ATTEMPTED, &[("/data/event/description", json!("NOBODY was  at home."))]), key(ATTEMPTED, &[]));
    let mut keys = vec![
        key(CHANGED, &[]),
        key(CHANGED, &[("/parcel/status/id", json!(11))]),
        key(CHANGED, &[("/carrier_status_change_timestamp", json!(1_795_162_501_000_i64))]),
        key(CHANGED, &[("/parcel/tracking_number", json!("3SQQRR0000482"))]),
        key(ATTEMPTED, &[]),
        key(ATTEMPTED, &[("/data/event/sub_status", json!("company_closed"))]),
        key(ATTEMPTED, &[("/data/event/exception", json!("refused"))]),
        key(ATTEMPTED, &[("/data/event/timestamp", json!("2026-11-20T10:30:01Z"))]),
        key(ATTEMPTED, &[("/data/event/location_details/city", json!("Zeist"))]),
        // Phases are few: what a carrier tells in one second by two sentences is two happenings.
        key(ATTEMPTED, &[("/data/event/description", json!("Back at the depot"))]),
    ];
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn statuses_mean_what_they_say_and_no_more() {
    for (id, milestone, sub_status, reason) in [
        (json!(1), "announced", None, None),
        (json!("1000"), "announced", None, None),
        (json!(999), "info", None, None),
        (json!(1002), "exception", None, None),
        (json!(22), "accepted", Some("picked_up"), None),
        (json!(91), "in_transit", None, None),
        (json!(92), "out_for_delivery", None, None),
        (json!(62989), "in_transit", Some("customs_processing"), None),
        (json!(12), "available_for_pickup", None, None),
        (json!(8), "delivery_attempted", None, None),
        (json!(11), "delivered", None, None),
        (json!(93), "delivered", Some("locker_collected"), None),
        (json!(4), "exception", None, Some("carrier.delay")),
        (json!(62997), "exception", None, Some("address.incorrect")),
        (json!(62992), "returning", None, None),
        (json!(62994), "info", Some("eta_changed"), None),
        (json!(1999), "info", None, None),
        (json!(2000), "cancelled", None, None),
        (json!(1337), "unknown", None, None),
        (json!(0), "unknown", None, None),
        (json!(77777), "unknown", None, None),
    ] {
        let event = told(CHANGED, &[("/parcel/status/id", id.clone()), ("/parcel/status/message", json!("Delivered"))]);
        let found = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(found, (milestone, sub_status, reason), "{id}");
    }
}

#[test]
fn phase_and_exception_are_two_axes() {
    for (phase, exception, sub_status, milestone, sub, reason) in [
        ("labelled", "none", "none", "announced", None, None),
        ("announced", "handover_delay", "none", "announced", None, None),
        ("dropped", "none", "shop", "accepted", Some("dropped_off"), None),
        ("sorted", "sorting_delay", "weather_conditions", "exception", None, Some("external.weather")),
        ("in_transit", "delivery_delay", "none", "exception", None, Some("carrier.delay")),
        ("in_transit", "changed", "delivery_change", "info", None, None),
        ("in_transit", "missing", "none", "lost", None, Some("parcel.lost")),
        ("in_transit", "missing", "parcel_found", "in_transit", None, None),
        ("in_transit", "hold", "resolved", "in_transit", None, None),
        ("customs", "none", "in_progress", "in_transit", Some("customs_processing"), None),
        ("customs", "none", "passed", "in_transit", Some("customs_released"), None),
        ("customs", "customs_issue", "payment", "exception", None, Some("customs.duties_unpaid")),
        ("in_delivery", "refused", "none", "delivery_attempted", None, Some("recipient.refused")),
        ("attempted", "address_error", "inaccessible", "delivery_attempted", None, Some("address.no_access")),
        ("attempted", "unknown", "company_closed", "delivery_attempted", None, Some("recipient.closed")),
        ("pup", "delivery_delay", "none", "available_for_pickup", None, Some("carrier.delay")),
        ("pup", "pup_expiration", "none", "exception", None, Some("pickup_point.not_collected")),
        ("delivered", "refused", "none", "exception", None, Some("recipient.refused")),
        ("announced", "address_error", "resolved", "announced", None, None),
        ("delivered", "hold", "resolved", "delivered", None, None),
        ("customs", "customs_issue", "resolved", "in_transit", Some("customs_processing"), None),
        ("customs", "customs_issue", "passed", "in_transit", Some("customs_released"), None),
        ("in_delivery", "missing", "parcel_found", "out_for_delivery", None, None),
        ("delivered", "none", "neighbour", "delivered", Some("neighbour"), None),
        ("delivered", "none", "signature", "delivered", None, None),
        ("delivered", "delivery_delay", "none", "delivered", None, Some("carrier.delay")),
        ("delivered", "damaged", "none", "delivered", Some("damaged"), Some("parcel.damaged")),
        ("delivered", "returned_sender", "none", "returned", None, None),
        ("in_transit", "returned_sender", "rejected", "returning", None, Some("recipient.refused")),
        ("in_transit", "damaged", "disposed", "disposed", None, None),
        ("none", "none", "none", "info", None, None),
        ("in_transit", "eaten", "none", "unknown", None, None),
        ("beamed", "none", "none", "unknown", None, None),
        ("beamed", "damaged", "none", "unknown", None, None),
        ("status", "11", "none", "unknown", None, None),
    ] {
        assert_eq!(meaning(phase, exception, sub_status), (milestone, sub, reason), "{phase} {exception} {sub_status}");
    }
}

#[test]
fn a_parcel_on_its_way_back_is_never_delivered() {
    let phase = |phase: &str| ("/data/event/phase", json!(phase));
    let back = ("/data/event/is_returned", json!(true));
    let none = ("/data/event/sub_status", json!("none"));
    for (sent, milestone) in [("in_delivery", "returning"), ("delivered", "returned"), ("attempted", "returning"), ("pup", "returning")] {
        assert_told(&told(ATTEMPTED, &[phase(sent), back.clone(), none.clone()]), &json!({"milestone": milestone, "leg": "return"}));
    }
    // Still on its way back when nobody tells more.
    let last = ("/data/event/end_of_tracking", json!(true));
    assert_told(&told(ATTEMPTED, &[phase("in_transit"), back, none, last]), &json!({"milestone": "returning", "leg": "return"}));
    // A return label of v2 is a parcel of its own, whose delivery to the merchant ends the return.
    let label = told(CHANGED, &[("/parcel/is_return", json!(true)), ("/parcel/status/id", json!(11))]);
    assert_told(&label, &json!({"milestone": "returned", "leg": "return", "pod": null}));
}

#[test]
fn the_last_event_of_a_parcel_under_way_says_that_tracking_has_ended() {
    let last = ("/data/event/end_of_tracking", json!(true));
    let none = ("/data/event/sub_status", json!("none"));
    for (phase, exception, milestone) in [
        ("in_transit", "none", "expired"),
        ("delivered", "none", "delivered"),
        ("attempted", "none", "delivery_attempted"),
        ("in_transit", "missing", "lost"),
        ("cancelled", "none", "cancelled"),
    ] {
        let changes = [("/data/event/phase", json!(phase)), ("/data/event/exception", json!(exception)), last.clone(), none.clone()];
        assert_eq!(told(ATTEMPTED, &changes).milestone.as_str(), milestone, "{phase} {exception}");
    }
}

#[test]
fn who_answers_for_it_is_the_aggregators_word() {
    for (exception, responsible, fault) in [
        ("delivery_delay", json!(true), "carrier"),
        ("delivery_delay", json!(null), "carrier"),
        ("delivery_delay", json!(false), "unknown"),
        ("damaged", json!(true), "carrier"),
        ("address_error", json!(false), "shipper"),
    ] {
        let changes = [("/data/event/exception", json!(exception)), ("/data/event/is_carrier_responsible", responsible)];
        assert_told(&told(ATTEMPTED, &changes), &json!({"fault": fault}));
    }
    assert_told(&told(ANNOUNCED, &[("/data/event/is_carrier_responsible", json!(true))]), &json!({"fault": null}));
}

#[test]
fn attempts_are_counted_where_they_are_told() {
    for (sub_status, number) in [("one", json!(1)), ("three", json!(3)), ("not_home", json!(null))] {
        assert_told(&told(ATTEMPTED, &[("/data/event/sub_status", json!(sub_status))]), &json!({"attempt_no": number}));
    }
    let parcel = [("/data/event/sub_status", json!("two")), ("/data/event/phase", json!("in_delivery"))];
    assert_told(&told(ATTEMPTED, &parcel), &json!({"attempt_no": null, "milestone": "out_for_delivery"}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    let values = [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})];
    for value in values {
        for field in ["timestamp", "event_type", "description", "location_details", "end_of_tracking", "is_carrier_responsible"] {
            let event = told(ATTEMPTED, &[(&format!("/data/event/{field}"), value.clone())]);
            assert_eq!(event.milestone.as_str(), "delivery_attempted", "{field} = {value}");
        }
        for field in ["/carrier_status_change_timestamp", "/timestamp", "/parcel/carrier", "/parcel/weight", "/parcel/status/message"] {
            let event = told(CHANGED, &[(field, value.clone())]);
            assert_eq!(event.milestone.as_str(), "delivery_attempted", "{field} = {value}");
        }
    }
    assert_eq!(told(CHANGED, &[("/parcel/carrier", json!(null))]).carrier, "unknown");
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let v2 = |parcel: &str| text(&format!(r#"{{"action":"parcel_status_changed","parcel":{parcel}}}"#));
    let v3 = |data: &str| text(&format!(r#"{{"event_type":"parcels.event.created","data":{data}}}"#));
    let mut cases: Vec<_> = poison(CHANGED).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("lone surrogate", text(r#"{"action":"\ud800"}"#), Code::MALFORMED),
        ("key twice", text(r#"{"action":"parcel_status_changed","action":"return_created"}"#), Code::DUPLICATE_KEY),
        ("key twice below", v2(r#"{"status":{"id":1,"id":11}}"#), Code::DUPLICATE_KEY),
        ("a return", text(r#"{"action":"return_created","timestamp":1,"data":{"id":42}}"#), Code::NOT_TRACKING),
        ("a connection", text(r#"{"action":"integration_connected","integration":{"id":1}}"#), Code::NOT_TRACKING),
        ("another event", text(r#"{"event_type":"orders.event.created","data":{}}"#), Code::NOT_TRACKING),
        ("no parcel", text(r#"{"action":"parcel_status_changed"}"#), Code::MISSING_FIELD),
        ("no number", v2(r#"{"status":{"id":11}}"#), Code::MISSING_FIELD),
        ("false for a number", v2(r#"{"tracking_number":false,"status":{"id":11}}"#), Code::BAD_TRACKING_NUMBER),
        ("no status", v2(r#"{"tracking_number":"3S1"}"#), Code::MISSING_FIELD),
        ("a status without id", v2(r#"{"tracking_number":"3S1","status":{"message":"Delivered"}}"#), Code::MISSING_FIELD),
        ("no data", text(r#"{"event_type":"parcels.event.created"}"#), Code::MISSING_FIELD),
        ("no parcel of v3", v3(r#"{"event":{"phase":"delivered"}}"#), Code::MISSING_FIELD),
        ("number of a parcel of v3 is null", v3(r#"{"parcel":{"tracking_number":null},"event":{"phase":"sorted"}}"#), Code::MISSING_FIELD),
        ("no event", v3(r#"{"parcel":{"tracking_number":"3S1"}}"#), Code::MISSING_FIELD),
        ("no phase", v3(r#"{"parcel":{"tracking_number":"3S1"},"event":{"exception":"none"}}"#), Code::MISSING_FIELD),
        ("absurd number", v2(&format!(r#"{{"tracking_number":"{}","status":{{"id":11}}}}"#, "9".repeat(80))), Code::BAD_TRACKING_NUMBER),
    ]);
    assert_parked("sendcloud", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples(
        "sendcloud",
        "webhooks/sendcloud",
        &[
            ("v3_event_subscription.InTransit.json", Ok(1)),
            ("v3_event_subscription.Delivered.json", Ok(1)),
            ("parcel_status_changed.oca_test.json", Err(Code::MISSING_FIELD)),
            ("v2_tracking.TrackingDetails.json", Err(Code::MISSING_FIELD)),
            ("v2_tracking.NotFound.json", Err(Code::NOT_TRACKING)),
            ("signature_vector.json", Err(Code::NOT_TRACKING)),
        ],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("sendcloud", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(change in mutated(CHANGED), event in mutated(ATTEMPTED)) {
        let _ = testing::parse("sendcloud", &change);
        let _ = testing::parse("sendcloud", &event);
    }
}
