use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carriers::testing::{assert_told, events, mutated, processor_time, shared};
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::{ExceptionReason, Leg, Milestone, SubStatus};

const QUANTUM_VIEW: &str = include_str!("fixtures/quantum_view.edi");
const CONSIGNMENTS: &str = include_str!("fixtures/consignments.edi");
const RECOMMENDATION: &str = include_str!("fixtures/recommendation.edi");

fn message(body: &[u8]) -> RawMessage<'_> {
    RawMessage { body, content_type: None, received_at: 1_773_200_000_000_000, raw: RawRef::default() }
}

fn parse(body: &[u8]) -> Result<Vec<ShipmentEvent>, Park> {
    EdifactIftsta::new(DialectSettings::default()).parse(&message(body))
}

fn read(body: &str) -> Vec<ShipmentEvent> {
    parse(body.as_bytes()).unwrap_or_else(|park| panic!("{park:?}"))
}

fn code(body: &[u8]) -> Option<Code> {
    parse(body).err().map(|park| park.code)
}

/// One message with the segments after BGM.
fn report(release: &str, segments: &str) -> String {
    format!("UNB+UNOA:2+QLTN+BAYRIDGE+260310:0615+7'UNH+1+IFTSTA:D:{release}:UN'BGM+23+9'{segments}UNT+1+1'UNZ+1+7'")
}

/// One status of one consignment.
fn one(release: &str, sts: &str, rest: &str) -> ShipmentEvent {
    let told = read(&report(release, &format!("CNI+1+7001'{sts}'DTM+334:202603091605:203'{rest}")));
    assert_eq!(told.len(), 1, "{sts}");
    told.into_iter().next().expect("one")
}

#[test]
fn a_status_of_ups_is_read_field_by_field() {
    let told = read(QUANTUM_VIEW);
    assert_eq!(told.len(), 3);
    assert_told(
        &told[0],
        &json!({"shipment_key": "1Z88W0E76812345678", "carrier": "ups", "source": "edifact_iftsta", "milestone": "delivered",
            "mapping_version": "edifact_iftsta-2", "raw_code": {"type": "D2", "code": "21", "sub_code": null}, "leg": "forward",
            "occurred_local": "2026-03-10T16:15:02", "time_source": "location_zone", "offset_minutes": 60,
            "place": {"city": "FULDA", "country": "DE"}, "pod": {"signed_by": "OKAFOR", "delivered_to": "RECEPTION"}, "piece": null}),
    );
    assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2026-03-10T15:15:02Z"));
    assert_told(
        &told[1],
        &json!({"milestone": "exception", "exception_reason": "recipient.rescheduled", "raw_description": "HELD FOR A LATER DAY.",
            "raw_code": {"type": "E1", "code": "101", "sub_code": "MF"}, "pod": null}),
    );
    assert_told(&told[2], &json!({"milestone": "in_transit", "sub_status": "customs_processing", "place": {"country": "CH"}}));
}

#[test]
fn ups_by_edi_and_ups_itself_tell_one_happening() {
    let alert = json!({"trackingNumber": "1Z88W0E76812345687", "localActivityDate": "20260310", "localActivityTime": "170339",
        "activityLocation": {"city": "Ghent", "country": "BE"}, "activityStatus": {"type": "X", "code": "MF"}});
    assert_eq!(read(QUANTUM_VIEW)[1].event_id, events("ups", &alert.to_string())[0].event_id);
}

#[test]
fn what_ups_does_not_explain_is_not_guessed() {
    let told = |from: &str, to: &str| read(&QUANTUM_VIEW.replace(from, to)).remove(1);
    let new_reason = told("+MF+", "+Q7+");
    assert_eq!((new_reason.milestone, new_reason.raw_code.sub_code.as_deref()), (Milestone::Unknown, Some("Q7")));
    let no_reason = told(":REASON", ":RESOLUTION");
    assert_eq!((no_reason.milestone, no_reason.exception_reason), (Milestone::Exception, None));
    assert_eq!(told("1:E1:101", "1:G1:31").milestone, Milestone::Unknown);
    let of_a_sender = read(&QUANTUM_VIEW.replace("23:UPS::QVD", "23"));
    assert_eq!((of_a_sender[1].carrier.as_ref(), of_a_sender[1].milestone), ("ups", Milestone::Exception));
}

#[test]
fn each_consignment_and_each_of_its_statuses_stands_for_itself() {
    let told = read(CONSIGNMENTS);
    let rows: [Value; 5] = [
        json!({"shipment_key": "7215A", "milestone": "delivered", "occurred_local": "2026-03-09T14:50", "time_source": "location_zone",
            "raw_code": {"type": "9011", "code": "21"}, "place": {"city": "FULDA", "country": "DE", "unlocode": "DEFDA", "facility": null},
            "measures": {"weight": "182.5", "weight_unit": "kg", "pieces": 3}, "eta": null}),
        json!({"shipment_key": "7122C", "milestone": "in_transit", "occurred_local": null, "place": null, "measures": null,
            "eta": {"from_local": "2026-03-12T12:00", "to_local": "2026-03-12T12:00", "to": null, "source": "4099999000015"}}),
        json!({"shipment_key": "7145E", "milestone": "exception", "exception_reason": "shipper.data_missing", "time_precision": "date",
            "occurred_at": null, "raw_code": {"code": "17", "sub_code": "39"}, "place": {"city": "HEATHROW", "country": "GB"}}),
        json!({"shipment_key": "7655S", "milestone": "lost", "exception_reason": "parcel.lost", "occurred_local": null,
            "piece": {"sscc": "340999990000000014", "master": "7655S"}}),
        json!({"shipment_key": "7655S", "milestone": "delivered", "exception_reason": "parcel.damaged", "piece": null,
            "occurred_local": "2026-03-09T15:10", "time_source": null}),
    ];
    assert_eq!(told.len(), rows.len());
    for (event, row) in told.iter().zip(&rows) {
        assert_told(event, row);
        assert_eq!((event.carrier.as_ref(), event.leg), ("4099999000015", Leg::Forward));
    }
}

#[test]
fn a_status_is_of_the_list_that_the_message_names() {
    let told = read(RECOMMENDATION);
    let rows = [
        json!({"milestone": "in_transit", "raw_code": {"type": "rec24", "code": "1", "sub_code": "108"}, "exception_reason": null,
            "raw_description": "Gate 3, ring at Sj*gatan second door", "offset_minutes": 0, "time_source": "gmt_field",
            "place": {"unlocode": "SELAA", "country": "SE"}}),
        json!({"milestone": "unknown", "raw_code": {"type": ":87", "code": "Z1", "sub_code": "5,14"}, "time_source": "carrier_offset",
            "exception_reason": "recipient.appointment", "place": {"facility": "KOLDING", "country": null}}),
        json!({"milestone": "delivered", "raw_code": {"type": "rec24", "code": "22"}, "exception_reason": "parcel.missing_pieces",
            "pod": {"signed_by": "INGRID VANG"}, "piece": {"number": "QL41599-01", "sscc": null}, "place": {"city": "KØBENHAVN"}}),
        json!({"milestone": "exception", "raw_code": {"type": "4405", "code": "37"}, "exception_reason": "external.security",
            "occurred_local": null, "pod": null}),
    ];
    assert_eq!(told.len(), rows.len());
    for (event, row) in told.iter().zip(&rows) {
        assert_told(event, row);
        assert_eq!((event.carrier.as_ref(), event.shipment_key.as_str()), ("qltn", "QL41599"));
    }
}

#[test]
fn codes_and_reasons() {
    for (release, sts, milestone, sub_status, reason, leg) in [
        ("96A", "STS+1+1", Milestone::InTransit, Some(SubStatus::Arrived), None, Leg::Forward),
        ("96A", "STS+1+13", Milestone::Accepted, Some(SubStatus::PickedUp), None, Leg::Forward),
        ("10B", "STS+1+20", Milestone::Exception, None, Some(ExceptionReason::CarrierDelay), Leg::Forward),
        ("10B", "STS+1+20+63", Milestone::Exception, None, Some(ExceptionReason::ExternalWeather), Leg::Forward),
        ("10B", "STS+1+18+63", Milestone::Exception, None, Some(ExceptionReason::ParcelDamaged), Leg::Forward),
        ("10B", "STS+1+23+7", Milestone::DeliveryAttempted, None, Some(ExceptionReason::RecipientClosed), Leg::Forward),
        ("10B", "STS+1+69", Milestone::Disposed, None, None, Leg::Forward),
        ("10B", "STS+1+82", Milestone::Returned, None, None, Leg::Return),
        ("10B", "STS++21", Milestone::Delivered, None, None, Leg::Forward),
        ("10B", "STS+1+21::9", Milestone::Delivered, None, None, Leg::Forward),
        ("10B", "STS+1+21:OWN", Milestone::Unknown, None, None, Leg::Forward),
        ("10B", "STS+1+21::92", Milestone::Unknown, None, None, Leg::Forward),
        ("10B", "STS+1+21+14::92", Milestone::Delivered, None, None, Leg::Forward),
        ("10B", "STS+2+21", Milestone::Unknown, None, None, Leg::Forward),
        ("96A", "STS+2+21", Milestone::Delivered, None, None, Leg::Forward),
        ("10B", "STS+1+999", Milestone::Unknown, None, None, Leg::Forward),
        ("10B", "STS+1", Milestone::Unknown, None, None, Leg::Forward),
    ] {
        let event = one(release, sts, "");
        assert_eq!((event.milestone, event.sub_status, event.exception_reason, event.leg), (milestone, sub_status, reason, leg), "{sts}");
    }
}

#[test]
fn the_time_is_that_of_the_change_and_never_that_of_the_message() {
    for (sts, dates, local) in [
        ("STS+1+21", "DTM+137:202603120000:203'DTM+334:202603091605:203", Some("2026-03-09T16:05")),
        ("STS+1+21", "DTM+35:202603091605:203'DTM+78:202603101605:203", Some("2026-03-10T16:05")),
        ("STS+1+21", "DTM+35:202603091605:203", Some("2026-03-09T16:05")),
        ("STS+1+24", "DTM+35:202603091605:203'DTM+186:202603071200:203", Some("2026-03-07T12:00")),
        ("STS+1+1", "DTM+178:202603071200:203", Some("2026-03-07T12:00")),
        ("STS+1+13", "DTM+200:20260307:102", Some("2026-03-07")),
        ("STS+1+31", "DTM+137:202603120000:203", None),
        ("STS+1+31", "DTM+132:202603120000:203", None),
        ("STS+1+31", "DTM+334:202603091605:718", None),
    ] {
        let told = read(&report("10B", &format!("CNI+1+7001'{sts}'{dates}'")));
        assert_eq!(told[0].occurred_local.as_deref(), local, "{sts} {dates}");
        assert_eq!(told[0].eta.is_some(), dates.contains("+132:"), "{sts} {dates}");
    }
}

#[test]
fn the_best_number_names_the_shipment() {
    for (header, consignment, own, named) in [
        ("RFF+CW:1Z5'", "CNI+1+7001'", "RFF+AAM:88'", "1Z5"),
        ("", "CNI+1+7001'", "RFF+AAM:88'", "7001"),
        ("RFF+AAM:87'", "CNI+1'", "RFF+AAM:88'", "88"),
        ("RFF+CN:87'", "CNI+1+000'", "RFF+SRN:88'", "87"),
        ("", "CNI+1+N/A'", "RFF+AAS:88'", "88"),
        ("", "", "RFF+AAS:88'RFF+CW:99'", "99"),
        ("", "CNI+1+7001'", "RFF+CU:4500012'", "7001"),
    ] {
        let told = read(&report("10B", &format!("{header}{consignment}STS+1+21'{own}")));
        assert_eq!(told[0].tracking_number, named, "{header} {consignment} {own}");
    }
}

#[test]
fn places_and_carriers() {
    for (loc, city, facility, country) in [
        ("LOC+14+:::GHENT+:::BE'", Some("GHENT"), None, Some("BE")),
        ("LOC+175+HUB7::87:LYON'LOC+14+FRPAR::6:PARIS'", Some("PARIS"), None, Some("FR")),
        ("LOC+175+HUB7::87:LYON'LOC+22+:::BREST'", Some("LYON"), Some("HUB7"), None),
        ("LOC+8+:::OSLO'", None, None, None),
        ("LOC+14'", None, None, None),
    ] {
        let place = one("10B", "STS+1+31", loc).place.unwrap_or_default();
        assert_eq!((place.city.as_deref(), place.facility.as_deref(), place.country.as_deref()), (city, facility, country), "{loc}");
    }
    let before = read(&report("10B", "CNI+1+7001'LOC+14+:::GHENT'STS+1+31'STS+1+21'LOC+14+:::BRUGES'CNI+2+7002'STS+1+31'"));
    let cities: Vec<_> = before.iter().map(|e| e.place.as_ref().and_then(|p| p.city.as_deref())).collect();
    assert_eq!(cities, [Some("GHENT"), Some("BRUGES"), None]);
    for (parties, carrier) in [
        ("", "qltn"),
        ("NAD+FW+4099999000015::9'", "4099999000015"),
        ("NAD+FW+4099999000015::9'NAD+CA+UPSN::182'", "ups"),
        ("NAD+CA+++Nord Fracht'", "nordfracht"),
        ("NAD+CN+4099999000022::9'", "qltn"),
    ] {
        assert_eq!(read(&report("10B", &format!("{parties}CNI+1+7001'STS+1+21'")))[0].carrier, carrier, "{parties}");
    }
}

#[test]
fn a_resend_is_the_same_happening() {
    let keys = |body: &str| read(body).into_iter().map(|e| e.dedup_key).collect::<Vec<_>>();
    for (fixture, changes) in [
        (QUANTUM_VIEW, [("00000000000071", "00000000000099"), ("260311:0743", "260318:0900")]),
        (CONSIGNMENTS, [("I-81/1", "I-99/1"), ("137:20260310", "137:20260317")]),
    ] {
        let resent = changes.iter().fold(fixture.to_owned(), |body, (from, to)| body.replace(from, to));
        assert_ne!(resent, fixture);
        assert_eq!(keys(&resent), keys(fixture));
        let mut distinct = keys(fixture);
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), keys(fixture).len());
    }
    assert_ne!(keys(&CONSIGNMENTS.replace(":202603091450:", ":202603091451:"))[0], keys(CONSIGNMENTS)[0]);
}

#[test]
fn every_shape_of_the_envelope_gives_the_same() {
    let wrapped = |body: &str, width: usize| {
        let flat = body.replace('\n', "");
        flat.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("\r\n")
    };
    let expected = read(CONSIGNMENTS);
    let swapped = CONSIGNMENTS.replace('+', "*").replace(':', "=").replace('\'', "~");
    for (name, body) in [
        ("byte order mark", format!("\u{feff}{CONSIGNMENTS}")),
        ("one line", CONSIGNMENTS.replace('\n', "")),
        ("carriage returns", CONSIGNMENTS.replace('\n', "\r\n")),
        ("wrapped", wrapped(CONSIGNMENTS, 80)),
        ("wrapped narrowly", wrapped(CONSIGNMENTS, 15)),
        ("usual service string", format!("UNA:+.? '\n{CONSIGNMENTS}")),
        ("other service string", format!("UNA=*.? ~{swapped}")),
        ("no release character", format!("UNA:+.  '{CONSIGNMENTS}")),
        ("control-Z", format!("\n{CONSIGNMENTS}\u{1a}")),
        ("groups", CONSIGNMENTS.replace("UNH", "UNG+IFTSTA+A+B+260310:0615+1+UN+D:96A'UNH").replace("UNZ", "UNE+1+1'UNZ")),
    ] {
        assert_eq!(read(&body), expected, "{name}");
    }
    assert_eq!(read(&format!("{CONSIGNMENTS}{RECOMMENDATION}\n{QUANTUM_VIEW}")).len(), 5 + 4 + 3);
    let latin1: Vec<u8> = RECOMMENDATION.chars().map(|c| u8::try_from(u32::from(c)).expect("latin")).collect();
    assert_eq!(parse(&latin1).expect("readable"), read(RECOMMENDATION));
}

#[test]
fn poison_is_parked_whole() {
    let status = "CNI+1+7001'STS+1+21'";
    let good = report("10B", status);
    let until = |body: &str, at: &str| body.split_once(at).expect("there").0.to_owned();
    let text = |t: String| t.into_bytes();
    for (name, body, expected) in [
        ("empty", vec![], Code::EMPTY_VALUE),
        ("blank", text("\u{feff} \n".into()), Code::EMPTY_VALUE),
        ("UTF-16", b"\xFF\xFEU\0N\0B\0".to_vec(), Code::NOT_UTF8),
        ("too large", vec![b' '; (4 << 20) + 1], Code::TOO_LARGE),
        ("json", text("{\"a\":1}".into()), Code::MALFORMED),
        ("X12", text("ISA*00*          *00*".into()), Code::MALFORMED),
        ("UNB garbled", text(good.replacen("UNB", "NB", 1)), Code::MALFORMED),
        ("UNA garbled", text(format!("UNA::: 'x{good}")), Code::MALFORMED),
        ("UNH garbled", text(good.replace("UNH", "NH")), Code::MALFORMED),
        ("UNH without type", text(good.replace("+IFTSTA:D:10B:UN", "")), Code::MALFORMED),
        ("UNH without release", text(good.replace("IFTSTA:D:10B:UN", "IFTSTA")), Code::MALFORMED),
        ("UNT missing", text(good.replace("UNT+1+1'", "")), Code::MALFORMED),
        ("UNT garbled", text(good.replace("UNT", "XNT")), Code::MALFORMED),
        ("UNZ missing", text(good.replace("UNZ+1+7'", "")), Code::MALFORMED),
        ("cut in the header", text(until(&good, "BAYRIDGE")), Code::MALFORMED),
        ("cut in a status", text(until(&good, "+21")), Code::MALFORMED),
        ("garbage behind", text(format!("{good}NB+UNOA")), Code::MALFORMED),
        ("another message", text(good.replace("IFTSTA", "INVOIC")), Code::NOT_TRACKING),
        ("no message", text("UNB+UNOA:2+A+B+260310:0615+7'UNZ+0+7'".into()), Code::NOT_TRACKING),
        ("no status", text(report("10B", "CNI+1+7001'")), Code::MISSING_FIELD),
        ("no number", text(report("10B", "CNI+1'STS+1+21'")), Code::MISSING_FIELD),
        ("no carrier", text(good.replace("QLTN", "")), Code::MISSING_FIELD),
        ("placeholders only", text(report("10B", "CNI+1+N/A'STS+1+21'RFF+AAM:000'")), Code::BAD_TRACKING_NUMBER),
        ("number absurd", text(report("10B", &format!("CNI+1+{}'STS+1+21'", "7".repeat(65)))), Code::BAD_TRACKING_NUMBER),
    ] {
        assert_eq!(code(&body), Some(expected), "{name}");
    }
    let few = EdifactIftsta::new(DialectSettings { events_max: 4, ..DialectSettings::default() });
    assert_eq!(few.parse(&message(CONSIGNMENTS.as_bytes())).map_err(|p| p.code), Err(Code::TOO_MANY));
}

#[test]
fn a_place_of_one_step_is_not_that_of_all() {
    for (before, own, city) in [
        ("LOC+60+:::OSLO'", "STS+1+21'", None),
        ("LOC+175+:::OSLO'", "STS+1+21'", Some("OSLO")),
        ("LOC+22+:::OSLO'", "STS+1+21'LOC+60+:::BRUGES'", None),
        ("LOC+14+:::OSLO'", "STS+1+21'LOC+4+:::BRUGES'", Some("BRUGES")),
        ("LOC+14+:::OSLO'", "STS+1+21'LOC+13+:::BRUGES'", Some("OSLO")),
    ] {
        let told = read(&report("10B", &format!("CNI+1+7001'{before}{own}")));
        assert_eq!(told[0].place.as_ref().and_then(|p| p.city.as_deref()), city, "{before} {own}");
    }
}

#[test]
fn each_consignment_has_its_carrier() {
    let told = read(&report("10B", "CNI+1+7001'NAD+CA+UPSN'STS+1+21'CNI+2+7002'NAD+CA+FDEG'STS+1+21'CNI+3+7003'STS+1+21'"));
    assert_eq!(told.iter().map(|e| e.carrier.as_ref()).collect::<Vec<_>>(), ["ups", "fedex", "qltn"]);
}

#[test]
fn a_date_that_cannot_be_read_hides_no_other() {
    let told = read(&report("10B", "CNI+1+7001'STS+1+21'DTM+334:2026:602'DTM+78:20260310:102'"));
    assert_eq!(told[0].occurred_local.as_deref(), Some("2026-03-10"));
}

#[test]
fn a_status_of_several_packages_is_told_of_each() {
    let told = read(&report("10B", "CNI+1+7001'STS+1+21'RFF+CW:1Z1'RFF+CW:1Z2'RFF+CW:1Z1'STS+1+31'"));
    assert_eq!(told.iter().map(|e| e.tracking_number.as_str()).collect::<Vec<_>>(), ["1Z1", "1Z2", "7001"]);
}

/// What has no status is not kept, however often it is told.
#[test]
fn consignments_without_a_status_are_passed_over() {
    let many = "CNI+1+7000'LOC+14+:::GHENT'".repeat(1_000);
    let told = read(&report("10B", &format!("{many}CNI+2+7001'STS+1+31'{many}CNI+3+7002'STS+1+21'{many}")));
    let keys: Vec<_> = told.iter().map(|e| (e.shipment_key.as_str(), e.place.is_some())).collect();
    assert_eq!(keys, [("7001", false), ("7002", false)]);
    let silent = report("10B", "CNI+1+7000'").replace("UNZ+1+7'", "");
    let both = format!("{silent}{}", report("10B", "CNI+1+7001'STS+1+21'").split_once('\'').expect("UNB").1);
    assert_eq!(read(&both).len(), 1);
}

#[test]
fn content_types() {
    let dialect = EdifactIftsta::new(DialectSettings::default());
    for (sent, accepted) in [
        ("application/EDIFACT; charset=iso-8859-1", true),
        ("text/plain", true),
        ("application/octet-stream", true),
        ("application/edi-consent", true),
        ("", true),
        ("application/json", false),
        ("application/edi-x12", false),
    ] {
        let message = RawMessage { content_type: Some(sent), ..message(CONSIGNMENTS.as_bytes()) };
        assert_eq!(dialect.parse(&message).err().map(|p| p.code), (!accepted).then_some(Code::WRONG_CONTENT_TYPE), "{sent}");
    }
}

/// Work is counted in this thread's processor time: 25 times the size may take at most 8 times as long as 25 readings.
#[test]
fn hostile_bodies_cost_in_proportion() {
    let cost = |times: usize, body: &str| {
        let start = processor_time();
        for _ in 0..times {
            let _ = parse(body.as_bytes());
        }
        (processor_time() - start).max(10_000_000)
    };
    for piece in ["'", "?", "?'", "\n", "'\n", "'A\n", "+", ":", "FTX+A'", "CNI'", "GIN+BJ+1:2'", "RFF+CN:1'", "LOC+14+:::A'"] {
        let evil = |n: usize| report("10B", &format!("CNI+1+7001'STS+1+21'FTX+A+++{}x'", piece.repeat(n)));
        assert!(cost(1, &evil(100_000)) < cost(25, &evil(4_000)) * 8, "{piece:?}");
        let before = |n: usize| format!("UNA:+.? '{}", piece.repeat(n));
        assert!(cost(1, &before(100_000)) < cost(25, &before(4_000)) * 8, "{piece:?}");
    }
}

/// The samples beside the checkout: statuses of UPS, of GS1 and of a forwarder; all others are other messages or broken.
#[test]
fn samples_are_read_or_parked() {
    let Some(folder) = shared("edi/edifact") else { return };
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let expected = match name.as_str() {
            "edifabric.EANCOM.TransportStatus.edi" => Ok(6),
            "edifunct.IFTSTA_D10B_iso8859-1.edi" => Ok(1),
            "ups.quantum_view.IFTSTA_D07B_1.edi" | "ups.quantum_view.IFTSTA_D07B_2.edi" => Ok(2),
            _ if name.contains("Corrupt") => Err(Code::MALFORMED),
            _ => Err(Code::NOT_TRACKING),
        };
        let told = parse(&std::fs::read(&path).expect("readable"));
        assert_eq!(told.as_ref().map(Vec::len).map_err(|p| p.code), expected, "{name}");
        let Ok(told) = told else { continue };
        let milestones: Vec<_> = told.iter().map(|e| e.milestone).collect();
        match name.as_str() {
            "ups.quantum_view.IFTSTA_D07B_1.edi" => {
                assert_eq!(milestones, [Milestone::Delivered, Milestone::Exception]);
                assert_eq!(told[0].occurred_at.map(rfc3339).as_deref(), Some("2016-07-14T15:37:46Z"));
            }
            "ups.quantum_view.IFTSTA_D07B_2.edi" => {
                assert!(told.iter().all(|e| e.carrier == "ups" && e.sub_status == Some(SubStatus::CustomsProcessing)));
            }
            "edifabric.EANCOM.TransportStatus.edi" => {
                use Milestone::{Delivered, Exception, InTransit, Lost};
                assert_eq!(milestones, [Delivered, InTransit, Exception, Lost, Delivered, Delivered]);
                assert!(
                    told.iter().skip(3).all(|e| e.piece.as_ref().is_some_and(|p| p.sscc.is_some() && p.master.as_deref() == Some("7655S")))
                );
            }
            _ => assert_eq!((milestones, told[0].raw_code.code.as_deref()), (vec![Milestone::Unknown], Some("Z1"))),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_change_is_survived(body in prop_oneof![mutated(QUANTUM_VIEW), mutated(CONSIGNMENTS), mutated(RECOMMENDATION)]) {
        let _ = parse(&body);
    }

    #[test]
    fn a_cut_publishes_nothing(at in any::<prop::sample::Index>()) {
        let closing = CONSIGNMENTS.find("UNZ").expect("closed");
        prop_assert!(parse(&CONSIGNMENTS.as_bytes()[..at.index(closing)]).is_err());
    }
}
