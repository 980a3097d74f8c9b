use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::carriers::testing::{self, RECEIVED_AT, assert_parked, assert_samples, assert_told, events, mutated, poison};
use crate::domain::event::ShipmentEvent;
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;

const PARCELS: &str = include_str!("fixtures/answer_parcels.json");
const OLDER: &str = include_str!("fixtures/answer_older_shape.json");

fn movement(fields: &serde_json::Value) -> ShipmentEvent {
    events("gls", &json!({"parcels": [{"unitno": "51830277416", "events": [fields]}]}).to_string()).remove(0)
}

#[test]
fn every_row_of_the_table_is_valid() {
    assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
}

#[test]
fn an_answer_is_read_event_by_event() {
    let told = events("gls", PARCELS);
    let expected = [
        json!({
            "shipment_key": "51830277416", "tracking_number": "51830277416", "carrier": "gls", "source": "gls", "source_event_id": null,
            "mapping_version": "gls-3", "milestone": "available_for_pickup", "sub_status": null, "exception_reason": null, "fault": null,
            "action_required": false, "actor": "carrier", "leg": "forward",
            "raw_code": {"type": null, "code": "DELIVD.SHOPX", "sub_code": null},
            "raw_description": "The parcel was delivered to the ParcelShop.", "occurred_local": "2026-11-18T14:20:11",
            "offset_minutes": 60, "time_precision": "second", "time_source": "carrier_offset", "received_at": RECEIVED_AT, "piece": null,
            "attempt_no": null, "pod": null, "eta": null, "cod": null, "measures": null, "partner": null, "late": false,
            "place": {"city": "Kassel", "state": null, "postal_code": "34117", "country": "DE"},
        }),
        json!({"milestone": "out_for_delivery"}),
        json!({"milestone": "unknown", "time_source": "location_zone", "offset_minutes": 60}),
        json!({"milestone": "unknown", "raw_code": {"code": "XYZZY.NORMAL"}}),
        json!({"milestone": "accepted"}),
        json!({"milestone": "announced", "actor": "system", "place": {"city": null, "country": "DE"}}),
        json!({"milestone": "delivery_attempted", "tracking_number": "51830277422", "place": null,
            "raw_code": {"type": "status", "code": "NOTDELIVERED"}, "occurred_local": "2026-11-19T11:40:02"}),
        json!({"milestone": "out_for_delivery", "tracking_number": "51830277422"}),
    ];
    assert_eq!(told.len(), expected.len());
    for (event, expected) in told.iter().zip(&expected) {
        assert_told(event, expected);
    }
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-11-18T13:20:11Z"));
}

#[test]
fn the_older_shape_is_read_as_well() {
    let told = events("gls", OLDER);
    assert_eq!(told.len(), 2);
    assert_told(
        &told[0],
        &json!({"milestone": "delivered", "tracking_number": "ZK41T9QM", "time_source": "location_zone", "offset_minutes": 0,
            "place": {"city": "Leeds", "country": "GB"}, "raw_code": {"code": "3.0"}}),
    );
    assert_told(&told[1], &json!({"milestone": "out_for_delivery"}));
}

#[test]
fn the_history_told_again_has_the_same_keys() {
    let keys = |body: &str| events("gls", body).into_iter().map(|e| e.event_id).collect::<Vec<_>>();
    let mut distinct = keys(PARCELS);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 8);
    for later in ["2026-11-19T11:59:00+0100", "2026-11-20T11:40:02+0100"] {
        let later = PARCELS.replace("2026-11-19T11:40:02+0100", later);
        assert_eq!(keys(&later), keys(PARCELS), "a status that is told again with no newer event is no news");
    }
    let other_words = PARCELS.replace("handed over to GLS", "an GLS übergeben");
    assert_eq!(keys(&other_words), keys(PARCELS));
    let newer = PARCELS.replace("2026-11-19T07:15:00+0100", "2026-11-19T07:16:00+0100");
    assert_ne!(keys(&newer)[6], keys(PARCELS)[6]);
}

#[test]
fn one_moment_told_by_two_clocks_is_one_happening() {
    let key = |at: &str| movement(&json!({"code": "INTIAL.NORMAL", "city": "Kassel", "country": "DE", "eventDateTime": at})).dedup_key;
    let one = key("2026-11-17T23:46:14+0100");
    // With another offset, in UTC, and without one, where the place has a single zone.
    for other in ["2026-11-18T00:46:14+0200", "2026-11-17T22:46:14+00:00", "2026-11-17T23:46:14", "2026-11-17T23:46:14.250+01:00"] {
        assert_eq!(key(other), one, "{other}");
    }
    for other in ["2026-11-17T23:46:14+0200", "2026-11-17T23:46:15+0100", "2026-11-17T22:46:14"] {
        assert_ne!(key(other), one, "{other}");
    }
    // An aggregator with the carrier's code tells the same happening.
    let checkpoint = json!({"checkpoint_time": "2026-11-17T23:46:14", "raw_tag": "INTIAL.NORMAL", "tag": "InTransit", "city": "KASSEL",
        "country_iso3": "DEU"});
    let msg = json!({"tracking_number": "51830277416", "slug": "gls", "checkpoints": [checkpoint]});
    let body = json!({"event": "tracking_update", "msg": msg}).to_string();
    assert_eq!(events("aftership", &body)[0].dedup_key, one);
    // The status speaks of the event of its moment, by whichever clock.
    assert_eq!(told("DELIVEREDPS", "2026-11-19T14:24:00+0000", &[("3.0", "2026-11-19T15:24:00+0100")]).len(), 1);
}

#[test]
fn codes_mean_what_they_say_and_no_more() {
    for (code, milestone, reason) in [
        ("INTIAL.PREADVICE", "announced", None),
        ("INTIAL.OTHER", "unknown", None),
        ("intial.normal", "accepted", None),
        ("OUTDEL", "out_for_delivery", None),
        ("WHOUSE.OTHER", "unknown", None),
        ("WHOUSE.SPERETURN", "returning", None),
        ("INBOUD.NORMAL", "unknown", None),
        ("1.0", "unknown", None),
        ("REFUSD.NORMAL", "delivery_attempted", Some("recipient.refused")),
        ("DELIVD.NORMAL", "delivered", None),
        ("3.121", "unknown", None),
        ("3", "unknown", None),
        ("", "unknown", None),
    ] {
        let event = movement(&json!({"code": code}));
        assert_eq!((event.milestone.as_str(), event.exception_reason.map(|r| r.as_str())), (milestone, reason), "{code}");
    }
}

#[test]
fn the_status_speaks_of_its_own_moment_only() {
    let body = |time: &str| {
        let movement = json!({"code": "NEW.CODE", "eventDateTime": "2026-11-18T10:00:00+0100"});
        let mut parcel = json!({"unitno": "51830277416", "status": "DELIVERED", "events": [movement]});
        parcel["statusDateTime"] = json!(time);
        events("gls", &json!({"parcels": [parcel]}).to_string()).iter().map(|e| e.milestone.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(body("2026-11-18T10:00:00+0100"), ["delivered"]);
    assert_eq!(body("2026-11-18T10:00:01+0100"), ["delivered", "unknown"]);
    assert_eq!(body(""), ["unknown"]);
    let alone = events("gls", r#"{"parcels":[{"requested":"51830277416","status":"INTRANSIT","events":[]}]}"#);
    assert_told(&alone[0], &json!({"milestone": "in_transit", "occurred_at": null, "occurred_local": null}));
}

#[test]
fn a_z_is_not_believed() {
    let at = |country: &str| movement(&json!({"code": "OUTDEL", "country": country, "eventDateTime": "2026-11-18T10:00:00Z"}));
    assert_told(&at("DE"), &json!({"offset_minutes": 60, "time_source": "location_zone"}));
    assert_told(&at(""), &json!({"occurred_at": null, "time_source": null, "occurred_local": "2026-11-18T10:00:00"}));
}

#[test]
fn optional_fields_of_any_type_do_not_park() {
    for field in ["eventDateTime", "timestamp", "city", "location", "postalCode", "country", "description"] {
        for value in [json!(null), json!(""), json!(7), json!(1.5), json!(true), json!([1, {"a": 2}]), json!({"x": [1]})] {
            let mut fields = json!({"code": "OUTDEL.NORMAL"});
            fields[field] = value.clone();
            assert_eq!(movement(&fields).milestone.as_str(), "out_for_delivery", "{field} = {value}");
        }
    }
}

#[test]
fn one_odd_parcel_does_not_take_the_others_with_it() {
    let odd = json!({"unitno": "unknown", "requested": "ABC", "status": "NOTFOUND"});
    let good = json!({"unitno": "51830277416", "status": "DELIVERED"});
    for parcels in [json!([good, odd]), json!([odd, good])] {
        assert_eq!(events("gls", &json!({"parcels": parcels}).to_string()).len(), 1, "{parcels}");
    }
    let alone = json!({"parcels": [odd, {"status": "DELIVERED"}]}).to_string();
    assert_eq!(testing::parse("gls", alone.as_bytes()).map_err(|p| p.code), Err(Code::BAD_TRACKING_NUMBER), "the first one's");
}

/// Milestones and legs of a parcel with a status and movements, each with a code and a time; the newest first.
fn told(status: &str, at: &str, movements: &[(&str, &str)]) -> Vec<(&'static str, &'static str)> {
    let movements: Vec<_> = movements.iter().map(|(code, at)| json!({"code": code, "country": "DE", "eventDateTime": at})).collect();
    let parcel = json!({"unitno": "51830277416", "status": status, "statusDateTime": at, "events": movements});
    events("gls", &json!({"parcels": [parcel]}).to_string()).iter().map(|e| (e.milestone.as_str(), e.leg.as_str())).collect()
}

#[test]
fn handing_over_ends_a_return_that_was_under_way() {
    let [first, second, third] = ["2026-11-17T10:00:00+0100", "2026-11-18T10:00:00+0100", "2026-11-19T15:24:57+0100"];
    for turn in ["RETURN.NORMAL", "RETURN.X", "WHOUSE.SPERETURN"] {
        for end in ["DELIVD.NORMAL", "3.0"] {
            assert_eq!(
                told("DELIVERED", third, &[(end, third), (turn, second), ("REFUSD.NORMAL", first)]),
                [("returned", "return"), ("returning", "return"), ("delivery_attempted", "forward")],
                "{turn} {end}"
            );
        }
    }
    // In the other order, without times, and by the status alone.
    assert_eq!(told("", "", &[("RETURN.X", second), ("DELIVD.X", third)])[1], ("returned", "return"));
    assert_eq!(told("", "", &[("DELIVD.X", ""), ("RETURN.X", "")])[0], ("returned", "return"));
    assert_eq!(told("DELIVERED", third, &[("RETURN.X", second)])[0], ("returned", "return"));
    // What goes back after it was delivered was delivered.
    assert_eq!(told("", "", &[("RETURN.X", third), ("DELIVD.X", second)])[1], ("delivered", "forward"));
}

#[test]
fn the_status_says_no_more_than_a_known_group_leaves_open() {
    let at = "2026-11-19T15:24:00+0100";
    let milestones = |status: &str, codes: &[(&str, &str)]| told(status, at, codes).into_iter().map(|(m, _)| m).collect::<Vec<_>>();
    assert_eq!(milestones("DELIVERED", &[("DELIVD.NORMAL", at), ("NOTDEL.NORMAL", at)]), ["delivered", "delivery_attempted"]);
    assert_eq!(milestones("INDELIVERY", &[("XYZZY.NORMAL", at)]), ["out_for_delivery"]);
    // A parcel at a shop is not with the recipient, whatever the code and the second.
    for code in ["3.0", "DELIVD.PSHOP", "DELIVD"] {
        assert_eq!(milestones("DELIVEREDPS", &[(code, at)]), ["available_for_pickup"], "{code}");
        let before = milestones("DELIVEREDPS", &[(code, "2026-11-19T15:23:57+0100")]);
        assert_eq!(before, ["available_for_pickup", "available_for_pickup"], "{code}");
    }
}

#[test]
fn poison_is_parked_with_its_code() {
    let text = |t: &str| t.as_bytes().to_vec();
    let parcel = |fields: &str| text(&format!(r#"{{"parcels":[{{{fields}}}]}}"#));
    let many = format!(r#""unitno":"51830277416","events":[{}{{}}]"#, "{},".repeat(10_000));
    // No key of the lone surrogate is read here.
    let mut cases: Vec<_> = poison(PARCELS).into_iter().filter(|(name, ..)| *name != "lone surrogate").collect();
    cases.extend([
        ("a surrogate alone", parcel(r#""unitno":"\ud800""#), Code::MALFORMED),
        ("key twice", parcel(r#""unitno":"51830277416","unitno":"51830277417""#), Code::DUPLICATE_KEY),
        ("no number", parcel(r#""status":"DELIVERED""#), Code::MISSING_FIELD),
        ("placeholder", parcel(r#""unitno":"string","status":"DELIVERED""#), Code::BAD_TRACKING_NUMBER),
        ("neither events nor status", parcel(r#""unitno":"51830277416""#), Code::NOT_TRACKING),
        ("nothing found", parcel(r#""requested":"51830277416","errorCode":"E404""#), Code::NOT_TRACKING),
        ("an error answer", text(r#"{"errors":[{"exitCode":"E000","description":"x"}]}"#), Code::NOT_TRACKING),
        ("more than the limit", parcel(&many), Code::TOO_MANY),
    ]);
    assert_parked("gls", &cases);
}

#[test]
fn public_samples_are_read() {
    assert_samples("gls", "samples/gls", &[("tracking_response.json", Ok(3))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = testing::parse("gls", &bytes);
    }

    #[test]
    fn no_change_of_a_body_makes_it_panic(parcels in mutated(PARCELS), older in mutated(OLDER)) {
        let _ = testing::parse("gls", &parcels);
        let _ = testing::parse("gls", &older);
    }
}
