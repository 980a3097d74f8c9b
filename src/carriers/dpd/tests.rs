use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, message, mutated, xml_poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const DELIVERED: &str = include_str!("fixtures/push_delivered.query");
const SHOP: &str = include_str!("fixtures/push_shop.json");
const ANSWER: &str = include_str!("fixtures/answer.xml");

fn parse_as(content_type: &str, body: &[u8]) -> Result<Vec<ShipmentEvent>, Code> {
    let message = RawMessage { content_type: Some(content_type), ..message(body) };
    testing::dialect("dpd").parse(&message).map_err(|park| park.code)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn a_push_is_one_event() {
    let told = events("dpd", DELIVERED);
    assert_eq!(told.len(), 1);
    assert_told(
        &told[0],
        &json!({
            "shipment_key": "01475500017731", "tracking_number": "01475500017731", "carrier": "dpd", "source": "dpd",
            "source_event_id": "710442", "mapping_version": "dpd-2", "milestone": "delivered", "sub_status": null,
            "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": null, "code": "delivery_customer", "sub_code": null}, "raw_description": null,
            "occurred_local": "2026-11-19T10:15:02", "occurred_at": null, "offset_minutes": null, "time_precision": "second",
            "time_source": null, "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "cod": null, "eta": null,
            "place": {"city": null, "country": null, "facility": "0190"}, "measures": null, "partner": null, "late": false,
            "pod": {"signed_by": "J\u{fc}rgen Ahrens", "signature_ref": "P-88213"},
        }),
    );
    // At the shop the field names the shop.
    assert_told(&events("dpd", SHOP)[0], &json!({"milestone": "available_for_pickup", "pod": null, "source_event_id": "710391"}));
}

#[test]
fn the_zone_of_the_account_is_that_of_a_push() {
    let account_zone = TimeZone::get("Europe/Berlin").ok();
    let dialect = Dpd::new(DialectSettings { account_zone, ..DialectSettings::default() });
    let told = dialect.parse(&RawMessage { content_type: None, ..message(DELIVERED.as_bytes()) }).expect("a push");
    assert_told(&told[0], &json!({"time_source": "account_zone", "offset_minutes": 60}));
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-19T09:15:02Z"));
}

#[test]
fn a_push_is_the_same_in_every_form_and_when_it_is_sent_again() {
    let id = |body: &str| events("dpd", body).remove(0).event_id;
    let first = id(DELIVERED);
    let again = [
        format!("?{}", DELIVERED.trim()),
        DELIVERED.replace("710442", "710443").replace("J%FCrgen", "J%C3%BCrgen"),
        "status=DELIVERY_CUSTOMER&pnr=0147%205500-0177+31&statusdate=19112026101502&pushid=1".to_owned(),
        r#"{"_transport":"GET","pnr":"01475500017731","status":"delivery_customer","statusdate":"19112026101502"}"#.to_owned(),
    ];
    for body in &again {
        assert_eq!(id(body), first, "{body}");
    }
    assert_ne!(id(&DELIVERED.replace("101502", "101503")), first);
    assert_ne!(id(&DELIVERED.replace("delivery_customer", "delivery_nab")), first);
    let signed = |body: &[u8]| parse_as("text/plain", body).expect("a push").remove(0).pod.and_then(|p| p.signed_by);
    assert_eq!(signed(again[1].as_bytes()).as_deref(), Some("J\u{fc}rgen Ahrens"));
    assert_eq!(signed(b"pnr=1&status=delivery_customer&receiver=100%+M%C3%+%zz").as_deref(), Some("100% M\u{c3}% %zz"));
}

#[test]
fn an_answer_is_read_status_by_status() {
    let told = events("dpd", ANSWER);
    let expected = [
        json!({"tracking_number": "05222800017731", "milestone": "in_transit", "sub_status": null, "raw_code": {"code": "BetweenDepots"},
            "raw_description": "On its way. It will reach a depot next.", "place": {"city": "Gent", "country": "BE"},
            "occurred_local": "2026-11-17T19:11:26", "time_source": "location_zone", "offset_minutes": 60, "source_event_id": null}),
        json!({"milestone": "delivery_attempted", "raw_description": "Parcel out for delivery", "place": {"city": "Antwerpen"}}),
        json!({"milestone": "delivery_attempted", "place": {"city": "Fulda", "country": "DE"}}),
        json!({"milestone": "in_transit", "sub_status": "arrived", "leg": "forward", "occurred_local": null,
            "place": {"city": "Main hub", "country": null}}),
        json!({"milestone": "unknown", "raw_code": {"code": "Hovering"}, "place": null}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    let ids = |body: &str| events("dpd", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    let grown = ANSWER.replace("<statusHasBeenReached>false", "<statusHasBeenReached>true").replace("Gent (BE)", "GENT (be)");
    assert_eq!(ids(&grown)[..5], ids(ANSWER)[..]);
    assert_eq!(ids(&grown).len(), 6);
    assert_ne!(ids(ANSWER)[1], ids(ANSWER)[2]);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, milestone, sub_status, reason) in [
        ("start_order", "announced", None, None),
        ("pickup_depot", "in_transit", Some("arrived"), None),
        ("delivery_carload", "out_for_delivery", None, None),
        ("delivery_nab", "unknown", None, None),
        ("delivery_notification", "exception", None, None),
        ("pickup_by_consignee", "delivered", Some("locker_collected"), None),
        ("no_pickup_by_consignee", "returning", None, Some("pickup_point.not_collected")),
        ("error_return", "returning", None, None),
        ("delivered", "unknown", None, None),
        ("DELIVERYFAILURE", "unknown", None, None),
    ] {
        let event = events("dpd", &format!("pnr=01475500017731&status={code}&receiver=X")).remove(0);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{code}");
        assert_eq!(event.pod.is_some(), milestone == "delivered", "{code}");
    }
}

#[test]
fn optional_fields_of_any_kind_do_not_park() {
    for rest in ["", "&", "&depot", "&statusdate=", "&statusdate=32132026000000", "&statusdate=0907201409510%C3%BC", "&=&==", "&pod=%00"] {
        let told = events("dpd", &format!("pnr=1&status=pickup_driver{rest}"));
        assert_told(&told[0], &json!({"milestone": "accepted", "occurred_local": null}));
    }
    for value in [json!(null), json!(""), json!(7), json!([1]), json!({"x": [1]})] {
        let body = json!({"pnr": "1", "status": "pickup_driver", "depot": value, "statusdate": value, "receiver": value});
        assert_told(&events("dpd", &body.to_string())[0], &json!({"milestone": "accepted", "occurred_local": null}));
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let many = "<statusInfo><statusHasBeenReached>true</statusHasBeenReached></statusInfo>".repeat(10_001);
    let result = |inside: &str| text(&format!("<a><trackingresult>{inside}</trackingresult></a>"));
    let mut cases = xml_poison(ANSWER);
    cases.extend([
        ("words", text("delivered"), Code::MALFORMED),
        ("a NUL", text("pnr=1&status=\0"), Code::MALFORMED),
        ("two lines", text("pnr=1&status=pickup_driver\npnr=2&status=pickup_driver"), Code::MALFORMED),
        ("a large query", text(&format!("pnr=1&status={}", "x".repeat(4 << 20))), Code::TOO_LARGE),
        ("another form", text("user=1&password=2"), Code::NOT_TRACKING),
        ("key twice", text("pnr=1&status=error_return&status=delivery_customer"), Code::DUPLICATE_KEY),
        ("key twice, once empty", text("pnr=1&status=&status=delivery_customer"), Code::DUPLICATE_KEY),
        ("no number", text("pushid=1&status=error_return"), Code::MISSING_FIELD),
        ("no status", text("pushid=1&pnr=01475500017731"), Code::MISSING_FIELD),
        ("number of words", text("pnr=none&status=error_return"), Code::BAD_TRACKING_NUMBER),
        ("another object", text("{\"ping\":true}"), Code::NOT_TRACKING),
        ("broken JSON", text("{\"pnr\":"), Code::MALFORMED),
        ("JSON key twice", text("{\"pnr\":\"1\",\"pnr\":\"2\"}"), Code::DUPLICATE_KEY),
        ("a fault", text("<s:Envelope xmlns:s='s'><s:Body><s:Fault/></s:Body></s:Envelope>"), Code::NOT_TRACKING),
        ("nothing reached", result("<statusInfo><status>Depot</status></statusInfo>"), Code::NOT_TRACKING),
        (
            "an answer without a number",
            result("<statusInfo><statusHasBeenReached>true</statusHasBeenReached></statusInfo>"),
            Code::MISSING_FIELD,
        ),
        ("more than the limit", result(&many), Code::TOO_MANY),
    ]);
    assert_parked("dpd", &cases);
}

#[test]
fn the_content_type_says_what_the_body_is() {
    for (content_type, body, outcome) in [
        ("application/x-www-form-urlencoded; charset=utf-8", DELIVERED, Ok(1)),
        ("text/plain", DELIVERED, Ok(1)),
        ("application/json", SHOP, Ok(1)),
        ("application/soap+xml", ANSWER, Ok(5)),
        ("", ANSWER, Ok(5)),
        ("application/json", DELIVERED, Err(Code::MALFORMED)),
        ("application/x-www-form-urlencoded", SHOP, Err(Code::MALFORMED)),
        ("image/png", DELIVERED, Err(Code::WRONG_CONTENT_TYPE)),
    ] {
        assert_eq!(parse_as(content_type, body.as_bytes()).map(|e| e.len()), outcome, "{content_type}");
    }
}

#[test]
fn public_samples_are_read() {
    let push =
        [("delivery_carload.query.json", Ok(1)), ("delivery_customer.query.json", Ok(1)), ("required_ack.xml", Err(Code::NOT_TRACKING))];
    assert_samples("dpd", "webhooks/dpd_push", &push);
    // The answer as DPD gives it, without the number that was asked for.
    assert_samples("dpd", "samples/dpd", &[("tracking_response.xml", Err(Code::MISSING_FIELD))]);
    let Some(folder) = testing::shared("samples/dpd") else { return };
    let answer = std::fs::read_to_string(folder.join("tracking_response.xml")).expect("readable");
    let asked =
        answer.replace("<soap:Body>", "<soap:Header><parcelLabelNumber>05222835034925</parcelLabelNumber></soap:Header><soap:Body>");
    assert_eq!(events("dpd", &asked).len(), 10);
}

#[test]
fn each_result_has_its_number() {
    let status = "<statusInfo><status>DELIVERED</status><statusHasBeenReached>1</statusHasBeenReached></statusInfo>";
    let result = |number: &str| format!("<trackingresult>{number}{status}</trackingresult>");
    let named = |number: &str| result(&format!("<parcelLabelNumber>{number}</parcelLabelNumber>"));
    let body = format!("<a>{}{}{}</a>", named("01475500017731"), result(""), named("01475500017732"));
    let told: Vec<_> = events("dpd", &body).into_iter().map(|e| e.tracking_number).collect();
    assert_eq!(told, ["01475500017731", "01475500017732"]);
}

#[test]
fn times_that_cannot_be_read_keep_happenings_apart() {
    let id = |time: &str| events("dpd", &format!("pnr=01475500017731&status=pickup_driver&statusdate={time}")).remove(0).event_id;
    assert_ne!(id("yesterday"), id("today"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("dpd", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(query in mutated(DELIVERED), object in mutated(SHOP), answer in mutated(ANSWER)) {
        let _ = testing::parse("dpd", &query);
        let _ = testing::parse("dpd", &object);
        let _ = testing::parse("dpd", &answer);
    }
}
