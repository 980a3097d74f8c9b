use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, xml_poison};
use crate::domain::event::{Place, ShipmentEvent};
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::TimePrecision;

const TWO_WAYBILLS: &str = include_str!("fixtures/answer_two_waybills.xml");
const PIECES: &str = include_str!("fixtures/answer_pieces.xml");

fn answer(inside: &str) -> String {
    format!("<a:TrackingResponse xmlns:a=\"http://www.dhl.com\">{inside}</a:TrackingResponse>")
}

fn waybill(number: &str, scans: &str) -> String {
    answer(&format!("<AWBInfo><AWBNumber>{number}</AWBNumber><ShipmentInfo>{scans}</ShipmentInfo></AWBInfo>"))
}

fn scan(code: &str) -> ShipmentEvent {
    let scan = format!("<ShipmentEvent><ServiceEvent><EventCode>{code}</EventCode></ServiceEvent><Signatory>X</Signatory></ShipmentEvent>");
    events("dhl_express", &waybill("4471120085", &scan)).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_answer_is_read_checkpoint_by_checkpoint() {
    let told = events("dhl_express", TWO_WAYBILLS);
    let expected = [
        json!({
            "shipment_key": "4471120085", "tracking_number": "4471120085", "carrier": "dhl_express", "source": "dhl_express",
            "source_event_id": null, "mapping_version": "dhl_express-2", "milestone": "accepted", "sub_status": "picked_up",
            "exception_reason": null, "fault": null, "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": null, "code": "PU", "sub_code": null}, "raw_description": "Shipment picked up",
            "occurred_local": "2026-11-16T17:02:00", "offset_minutes": 60, "time_precision": "second", "time_source": "location_zone",
            "received_at": RECEIVED_AT, "piece": null, "attempt_no": null, "pod": null, "cod": null, "eta": null, "measures": null,
            "place": {"city": "Madrid", "state": null, "country": "ES", "facility": "MAD"}, "partner": null, "late": false,
        }),
        json!({"milestone": "in_transit", "sub_status": "arrived", "raw_description": "Arrived at DHL facility in Leipzig - Germany",
            "offset_minutes": 60}),
        json!({"milestone": "exception", "exception_reason": "customs.hold", "fault": "customs", "offset_minutes": -480,
            "place": {"city": "Los Angeles", "state": "CA", "country": "US"}}),
        json!({"milestone": "unknown", "raw_code": {"code": "ZX"}, "raw_description": null, "occurred_at": null, "time_source": null,
            "occurred_local": "2026-11-18T09:12", "time_precision": "minute", "pod": null,
            "place": {"city": "Gateway Seven", "country": null, "facility": "QQQ"}}),
        json!({"milestone": "delivery_attempted", "exception_reason": "recipient.absent", "pod": null,
            "eta": {"to_local": "2026-11-19T23:59:00", "source": "dhl_express"},
            "measures": {"weight": "3.4", "weight_unit": "kg", "pieces": 2}}),
        json!({"shipment_key": "4471120111", "milestone": "delivered", "pod": {"signed_by": "M\u{c9}NDEZ"}, "eta": null,
            "measures": {"weight": "7.5", "weight_unit": "lb", "pieces": 1}}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-16T16:02:00Z"));
    assert_eq!(told[4].eta.as_ref().and_then(|e| e.to).map(rfc3339).as_deref(), Some("2026-11-20T07:59:00Z"));
}

#[test]
fn pieces_are_told_apart_where_only_they_are_told() {
    let told = events("dhl_express", PIECES);
    assert_eq!(told.len(), 3);
    assert_told(&told[0], &json!({"piece": {"number": "JD014600000000000017", "master": "4471120122"}, "place": {"country": "BE"}}));
    assert_told(&told[1], &json!({"milestone": "returning", "leg": "return", "pod": null, "measures": {"pieces": 2, "weight": null}}));
    assert_ne!(told[0].event_id, told[2].event_id);
    let long = PIECES.replace("JD014600000000000017", &"7".repeat(129));
    assert_told(&events("dhl_express", &long)[0], &json!({"piece": null}));
    let both = PIECES.replace(
        "<Pieces>2</Pieces>",
        "<ShipmentEvent><Date>2026-11-18</Date><ServiceEvent><EventCode>DF</EventCode></ServiceEvent></ShipmentEvent>",
    );
    assert_told(&events("dhl_express", &both)[0], &json!({"piece": null, "time_precision": "date", "occurred_local": "2026-11-18"}));
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let ids = |body: &str| events("dhl_express", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    let first = ids(TWO_WAYBILLS);
    let again = TWO_WAYBILLS
        .replace("2026-11-20T12:00:00", "2026-11-20T18:30:00")
        .replace("Los Angeles, CA - USA", "LOS ANGELES,CA-USA")
        .replace("Consignee not home", "Nobody there")
        .replace("23:59:00", "18:00:00");
    assert_eq!(ids(&again), first);
    assert_eq!(ids(&TWO_WAYBILLS.replace('\n', "\r\n").replace("req:", "ns0:")), first);
    let other = ids(&TWO_WAYBILLS.replace("<EventCode>CD<", "<EventCode>UD<").replace("17:02:00</Time>", "17:03:00</Time>"));
    assert_eq!(other.iter().zip(&first).filter(|(a, b)| a != b).count(), 2);
}

#[test]
fn the_aggregator_gives_a_happening_the_same_key() {
    let tracker = json!({"object": "Tracker", "tracking_code": "4471120085", "carrier": "DHLExpress", "tracking_details": [{
        "status": "in_transit", "datetime": "2026-11-17T00:41:13Z", "carrier_code": "AF",
        "tracking_location": {"city": "LEIPZIG", "country": "DE"}}]});
    assert_eq!(events("easypost", &tracker.to_string())[0].event_id, events("dhl_express", TWO_WAYBILLS)[1].event_id);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, milestone, sub_status, reason) in [
        ("ok", "delivered", None, None),
        ("DD", "delivered", Some("damaged"), Some("parcel.damaged")),
        ("PD", "delivered", Some("partial"), Some("parcel.missing_pieces")),
        ("RD", "delivery_attempted", None, Some("recipient.refused")),
        ("ND", "exception", None, None),
        ("CC", "available_for_pickup", None, None),
        ("TR", "in_transit", None, None),
        ("TP", "in_transit", Some("handed_to_partner"), None),
        ("CR", "in_transit", Some("customs_released"), None),
        ("RT", "returning", None, None),
        ("DS", "disposed", None, None),
        ("SC", "info", None, None),
        ("101", "unknown", None, None),
        ("", "unknown", None, None),
    ] {
        let event = scan(code);
        let told = (event.milestone.as_str(), event.sub_status.map(|s| s.as_str()), event.exception_reason.map(|r| r.as_str()));
        assert_eq!(told, (milestone, sub_status, reason), "{code}");
        assert_eq!(event.pod.is_some(), milestone == "delivered", "{code}");
    }
}

#[test]
fn a_service_area_is_taken_apart_where_its_country_is_known() {
    for (text, city, state, country) in [
        ("Barcelona - Spain ", "Barcelona", None, Some("ES")),
        ("VAN NUYS,CA-USA", "VAN NUYS", Some("CA"), Some("US")),
        ("Winston-Salem, NC - USA", "Winston-Salem", Some("NC"), Some("US")),
        ("Sao Paulo - Brazil", "Sao Paulo", None, Some("BR")),
        ("Clermont-Ferrand", "Clermont-Ferrand", None, None),
        ("Memphis - TN", "Memphis - TN", None, None),
        ("Hong Kong - Hong Kong SAR, China", "Hong Kong", None, Some("HK")),
    ] {
        let owned = |t: &str| Some(t.to_owned());
        let expected = Place { city: owned(city), state: state.and_then(owned), country: country.and_then(owned), ..Place::default() };
        assert_eq!(service_area(Some(text), None, None, None), Some(expected), "{text}");
    }
    assert_eq!(service_area(None, None, None, None), None);
}

#[test]
fn missing_and_doubled_elements_do_not_park() {
    for inside in [
        "<Date/>",
        "<Date>soon</Date><Time>25:00:00</Time>",
        "<Date><Day>1</Day></Date>",
        "<ServiceArea/>",
        "<ServiceArea><Description> - </Description></ServiceArea>",
        "<Signatory>a</Signatory><Signatory>b</Signatory>",
        "text",
    ] {
        let scan = format!("<ShipmentEvent>{inside}<ServiceEvent><EventCode>WC</EventCode></ServiceEvent></ShipmentEvent>");
        let told = events("dhl_express", &waybill("4471120085", &scan));
        assert_told(&told[0], &json!({"milestone": "out_for_delivery", "occurred_at": null}));
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: String| t.into_bytes();
    let one = "<ShipmentEvent/>";
    let mut cases = xml_poison(TWO_WAYBILLS);
    cases.extend([
        ("JSON", text("{\"AWBNumber\":1}".into()), Code::MALFORMED),
        ("an error answer", text("<r:ShipmentTrackingErrorResponse xmlns:r=\"x\"/>".into()), Code::NOT_TRACKING),
        ("nothing found", text(answer("<AWBInfo><AWBNumber>4471120096</AWBNumber></AWBInfo>")), Code::NOT_TRACKING),
        ("no number", text(waybill("", one)), Code::MISSING_FIELD),
        ("number of words", text(waybill("not yet", one)), Code::BAD_TRACKING_NUMBER),
        ("more than the limit", text(waybill("4471120085", &one.repeat(10_001))), Code::TOO_MANY),
    ]);
    assert_parked("dhl_express", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("dhl_express", "samples/dhl_express", &[("tracking_response.xml", Ok(13))]);
}

#[test]
fn an_odd_time_leaves_the_day_and_keeps_happenings_apart() {
    let at = |time: &str| events("dhl_express", &TWO_WAYBILLS.replacen("17:02:00</Time>", &format!("{time}</Time>"), 1));
    let changed = |time: &str| at(time).into_iter().zip(at("17:02:00")).find(|(a, b)| a.event_id != b.event_id).expect(time).0;
    let (odd, other) = (changed("noon"), changed("midday"));
    assert_eq!((odd.time_precision, odd.occurred_local.as_deref().map(str::len)), (Some(TimePrecision::Date), Some(10)));
    assert_ne!(odd.event_id, other.event_id);
    assert!(changed("7:02:00").occurred_local.is_some_and(|local| local.ends_with("T07:02:00")));
    assert_ne!(changed("24:00").time_precision, Some(TimePrecision::Date));
}

#[test]
fn a_waybill_without_a_number_takes_nothing_from_the_others() {
    let all = events("dhl_express", TWO_WAYBILLS);
    let lost = all.iter().filter(|e| e.tracking_number != all[0].tracking_number).count();
    let body = TWO_WAYBILLS.replacen(&format!("<AWBNumber>{}<", all[0].tracking_number), "<AWBNumber><", 1);
    assert!(lost > 0 && lost < all.len());
    assert_eq!(events("dhl_express", &body).len(), lost);
}

#[test]
fn countries_with_a_hyphen() {
    for (text, city, country) in
        [("Bissau - Guinea-Bissau", "Bissau", "GW"), ("Tbilisi - Georgia", "Tbilisi", "GE"), ("A-B - Nowhere", "A-B - Nowhere", "")]
    {
        let place = service_area(Some(text), None, None, None).expect(text);
        assert_eq!((place.city.as_deref(), place.country.as_deref().unwrap_or_default()), (Some(city), country), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("dhl_express", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(shipment in mutated(TWO_WAYBILLS), pieces in mutated(PIECES)) {
        let _ = testing::parse("dhl_express", &shipment);
        let _ = testing::parse("dhl_express", &pieces);
    }
}
