use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::carriers::testing::processor_time;
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::time::rfc3339;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::{ExceptionReason, Leg, Milestone, SubStatus, TimePrecision, TimeSource};

const MIXED: &str = include_str!("fixtures/mixed_orders.edi");
const ESTIMATES: &str = include_str!("fixtures/estimates.edi");

fn message(body: &[u8]) -> RawMessage<'_> {
    RawMessage { body, content_type: None, received_at: 1_773_100_000_000_000, raw: RawRef::default() }
}

fn parse(body: &[u8]) -> Result<Vec<ShipmentEvent>, Park> {
    X12_214::new(DialectSettings::default()).parse(&message(body))
}

fn read(body: &str) -> Vec<ShipmentEvent> {
    parse(body.as_bytes()).expect("readable")
}

fn code(body: &[u8]) -> Option<Code> {
    parse(body).err().map(|park| park.code)
}

/// An interchange around segments, each ended by `~` and a line break.
fn interchange(segments: &str) -> String {
    format!(
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260304*0900*U*00401*000000001*0*P*>~\nGS*QM*A*B*20260304*0900*1*X*004010~\n{segments}\nGE*1*1~\nIEA*1*000000001~\n"
    )
}

/// One set with one status in one loop.
fn one(at7: &str, rest: &str) -> ShipmentEvent {
    let events = read(&interchange(&format!("ST*214*1~\nB10*7001*S1*QLTN~\nLX*1~\n{at7}~\n{rest}\nSE*5*1~")));
    assert_eq!(events.len(), 1);
    events.into_iter().next().expect("one")
}

#[test]
fn each_status_gets_its_place_its_number_and_its_time() {
    let events = read(MIXED);
    let told: Vec<_> = events
        .iter()
        .map(|e| {
            let city = e.place.as_ref().and_then(|p| p.city.as_deref()).unwrap_or("-");
            (
                e.raw_code.code.as_deref().unwrap_or("-"),
                e.milestone,
                e.shipment_key.as_str(),
                city,
                e.occurred_at.map(rfc3339).unwrap_or_default(),
            )
        })
        .collect();
    let rows = [
        ("AF", Milestone::Accepted, "70021345", "SAVANNAH", "2026-03-09T20:05:00Z"),
        ("X4", Milestone::InTransit, "70021345", "MACON", "2026-03-10T01:10:00Z"),
        ("P1", Milestone::InTransit, "70021345", "MACON", "2026-03-10T02:45:00Z"),
        ("X1", Milestone::InTransit, "70021345", "ATLANTA", "2026-03-10T08:10:00Z"),
        ("D1", Milestone::Delivered, "70021399", "-", "2026-03-10T09:02:00Z"),
        ("SD", Milestone::Exception, "BR1002", "TULSA", "2026-03-10T10:30:00Z"),
    ];
    assert_eq!(told, rows.map(|(c, m, k, p, t)| (c, m, k, p, t.to_owned())));
    assert_eq!(events[3].sub_status, Some(SubStatus::ArrivedAtConsignee));
    assert!(events.iter().all(|e| e.carrier == "qltn" && e.source == "x12_214" && e.leg == Leg::Forward));
    assert_eq!((events[4].time_source, events[5].time_source), (Some(TimeSource::CarrierOffset), Some(TimeSource::LocationZone)));
}

#[test]
fn what_stands_beside_a_status_comes_along() {
    let events = read(MIXED);
    let measures = events[0].measures.as_ref().expect("AT8");
    assert_eq!(
        (measures.weight.map(|w| w.to_string()).as_deref(), measures.weight_unit.as_deref(), measures.pieces),
        (Some("1840.5"), Some("lb"), Some(12))
    );
    let delivered = &events[4];
    assert_eq!(delivered.exception_reason, Some(ExceptionReason::ParcelMissingPieces));
    assert_eq!(delivered.raw_description.as_deref(), Some("2 SHORT ~ SEE POD"));
    let piece = delivered.piece.as_ref().expect("MAN");
    assert_eq!((piece.number.as_deref(), piece.master.as_deref()), (Some("70021399-02"), Some("70021399")));
    let place = delivered.place.as_ref().expect("MS1");
    assert!((place.longitude.expect("lon") + 83.820_277).abs() < 1e-4 && (place.latitude.expect("lat") - 32.84).abs() < 1e-4);
    let delayed = &events[5];
    assert_eq!(delayed.exception_reason, Some(ExceptionReason::ExternalWeather));
    assert_eq!(delayed.place.as_ref().and_then(|p| p.country.as_deref()), Some("US"));
}

#[test]
fn what_lies_ahead_is_an_estimate_and_never_a_happening() {
    let events = read(ESTIMATES);
    // code, sub-status, earliest, latest
    let rows = [
        ("AG", Some(SubStatus::EtaChanged), "2026-03-12T22:00:00Z", "2026-03-12T22:00:00Z"),
        ("X2", Some(SubStatus::EtaChanged), "", ""),
        ("B6", None, "2026-03-11T04:00:00Z", ""),
        ("C1", None, "2026-03-11T06:00:00Z", ""),
        ("AB", Some(SubStatus::Appointment), "2026-03-12T20:00:00Z", "2026-03-12T20:00:00Z"),
        ("ED", Some(SubStatus::Appointment), "2026-03-12T14:00:00Z", ""),
        ("LD", Some(SubStatus::Appointment), "", "2026-03-12T23:00:00Z"),
    ];
    for (event, (code, sub_status, from, to)) in events.iter().zip(rows) {
        let eta = event.eta.as_ref().expect(code);
        assert_eq!((event.raw_code.code.as_deref(), event.milestone, event.sub_status), (Some(code), Milestone::Info, sub_status));
        assert_eq!(
            (eta.from.map(rfc3339).unwrap_or_default(), eta.to.map(rfc3339).unwrap_or_default()),
            (from.to_owned(), to.to_owned()),
            "{code}"
        );
        assert_eq!((event.occurred_at, event.occurred_local.as_deref()), (None, None), "{code}");
    }
    assert_eq!(events[1].eta.as_ref().and_then(|e| e.to_local.as_deref()), Some("2026-03-12"));
    assert_eq!(events[4].raw_code.kind.as_deref(), Some("1652"));
    let pickup = &events[7];
    assert_eq!((pickup.milestone, &pickup.eta, pickup.raw_description.as_deref()), (Milestone::Info, &None, Some("20260309 1400 ES")));
    let departed = &events[8];
    assert_eq!((departed.milestone, departed.eta.is_none(), departed.occurred_at.is_some()), (Milestone::Info, true, true));
    assert!(events.iter().all(|e| e.carrier == "ups" && e.tracking_number == "1Z999AA10123456784"));
}

#[test]
fn codes_and_reasons() {
    for (at7, milestone, sub_status, reason, leg) in [
        ("D1*NS", Milestone::Delivered, None, None, Leg::Forward),
        ("X1*NS", Milestone::InTransit, Some(SubStatus::ArrivedAtConsignee), None, Leg::Forward),
        ("X5*NS", Milestone::InTransit, Some(SubStatus::ArrivedAtConsignee), None, Leg::Forward),
        ("J1*NS", Milestone::InTransit, Some(SubStatus::HandedToPartner), None, Leg::Forward),
        ("CD*NS", Milestone::Info, None, None, Leg::Forward),
        ("SD*NS", Milestone::Exception, None, Some(ExceptionReason::CarrierDelay), Leg::Forward),
        ("SD*BG", Milestone::Exception, None, Some(ExceptionReason::Other), Leg::Forward),
        ("A7*AG", Milestone::Exception, None, Some(ExceptionReason::RecipientRefused), Leg::Forward),
        ("A9*AH", Milestone::Exception, None, Some(ExceptionReason::ParcelDamaged), Leg::Forward),
        ("PR*AS", Milestone::Exception, None, Some(ExceptionReason::CustomsDocuments), Leg::Forward),
        ("AH*B1", Milestone::DeliveryAttempted, None, Some(ExceptionReason::RecipientClosed), Leg::Forward),
        ("X4*BT", Milestone::Returning, Some(SubStatus::Arrived), None, Leg::Return),
        ("D1*BT", Milestone::Returned, None, None, Leg::Return),
        ("AM*RC", Milestone::InTransit, Some(SubStatus::Redirected), None, Leg::Forward),
        ("A3*NS", Milestone::Returned, None, None, Leg::Return),
        ("QQ*NS", Milestone::Unknown, None, None, Leg::Forward),
        ("*QQ", Milestone::Unknown, None, None, Leg::Forward),
    ] {
        let event = one(&format!("AT7*{at7}***20260304*0812*UT"), "");
        assert_eq!((event.milestone, event.sub_status, event.exception_reason, event.leg), (milestone, sub_status, reason, leg), "{at7}");
    }
    let unknown = one("AT7*D1*Q7***20260304*0812*UT", "");
    assert_eq!((unknown.raw_code.sub_code.as_deref(), unknown.milestone), (Some("Q7"), Milestone::Delivered));
}

#[test]
fn the_best_number_names_the_shipment() {
    for (b10, header, own, named) in [
        ("7001*S1", "", "", "7001"),
        ("*S1", "", "", "S1"),
        ("N/A*S1", "", "", "S1"),
        ("000*S1", "", "", "S1"),
        ("7001*S1", "L11*1Z5*2I~\nL11*88*CN~", "", "1Z5"),
        ("7001*S1", "L11*88*CN~", "L11*89*CN~\nL11*90*CN~", "89"),
        ("7001*S1", "L11*88*CN~", "L11*1Z6*2I~", "1Z6"),
        ("7001*S1", "L11*B9*BM~", "L11*B8*BM~", "7001"),
        ("", "L11*B9*BM~", "L11*B8*BM~", "B8"),
        ("*", "L11*B9*BM~", "L11*4500*PO~", "B9"),
    ] {
        let b10 = if b10.is_empty() { "*" } else { b10 };
        let body = interchange(&format!("ST*214*1~\nB10*{b10}*QLTN~\n{header}\nLX*1~\nAT7*D1*NS***20260304*0812*UT~\n{own}\nSE*5*1~"));
        assert_eq!(read(&body)[0].tracking_number, named, "{b10} {header} {own}");
    }
}

#[test]
fn address_loops_at_the_end_speak_for_the_whole_set() {
    let status = "AT7*AF*NS***20260304*0812*UT~";
    let body = interchange(&format!("ST*214*1~\nB10***QLTN~\nLX*1~{status}LX*2~{status}N1*SH*MILL~L11*B77*BM~SE*5*1~"));
    assert!(read(&body).iter().all(|e| e.tracking_number == "B77"));
}

#[test]
fn an_address_loop_in_the_middle_names_no_other_loop() {
    let status = "AT7*AF*NS***20260304*0812*UT~";
    let body = format!("ST*214*1~B10*7001*S1*QLTN~LX*1~L11*1Z1*2I~{status}N1*SH*MILL~L11*1Z9*2I~LX*2~{status}SE*5*1~");
    let told: Vec<_> = read(&interchange(&body)).into_iter().map(|e| e.tracking_number).collect();
    assert_eq!(told, ["1Z1", "7001"]);
}

#[test]
fn packages_of_a_loop_are_told_apart() {
    let status = "AT7*D1*NS***20260304*0812*UT~";
    let read = |loops: &str| {
        let body = interchange(&format!("ST*214*1~B10*7001*S1*QLTN~LX*1~{loops}SE*5*1~"));
        read(&body).into_iter().map(|e| (e.tracking_number, e.raw_code.code.unwrap_or_default())).collect::<Vec<_>>()
    };
    let told = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, c)| ((*n).to_owned(), (*c).to_owned())).collect::<Vec<_>>();
    let late = status.replace("D1", "A9");
    assert_eq!(read(&format!("CD3*L*2~L11*1Z1*2I~{status}CD3*L*3~L11*1Z2*2I~{late}")), told(&[("1Z1", "D1"), ("1Z2", "A9")]));
    // What CD3 itself tells (weight, zone, service, charges) names nobody.
    assert_eq!(read(&format!("CD3*G*12.5*7*30*ND*1*FC*1150*FC*2300~L11*1Z1*2I~{status}")), told(&[("1Z1", "D1")]));
    assert_eq!(read(&format!("CD3*G*12.5*7*30*ND*1*FC*1150*FC*2300~{status}")), told(&[("7001", "D1")]));
    assert_eq!(read(&format!("{status}CD3*L*2~L11*1Z1*2I~CD3*L*3~L11*1Z2*2I~")), told(&[("1Z1", "D1"), ("1Z2", "D1")]));
    assert_eq!(read(&format!("L11*1Z1*2I~CD3*L*2~{status}")), told(&[("1Z1", "D1")]));
    assert_eq!(read(&format!("L11*1Z1*2I~L11*N/A*2I~L11*1Z2*2I~L11*1z1*2I~{status}")), told(&[("1Z1", "D1"), ("1Z2", "D1")]));
    let few = X12_214::new(DialectSettings { events_max: 1, ..DialectSettings::default() });
    let body = interchange(&format!("ST*214*1~B10*7001*S1*QLTN~LX*1~L11*1Z1*2I~L11*1Z2*2I~{status}SE*5*1~"));
    assert_eq!(few.parse(&message(body.as_bytes())).map_err(|p| p.code), Err(Code::TOO_MANY));
}

#[test]
fn loops_without_a_status_are_passed_over() {
    let status = "AT7*AF*NS***20260304*0812*UT~";
    let loops = "LX*1~L11*9*CN~".repeat(1_000);
    let body = format!("ST*214*1~B10**S1*QLTN~{loops}LX*2~L11*7*CN~{status}{loops}N1*SH*MILL~{status}{loops}LX*3~L11*8*CN~{status}SE*5*1~");
    let told: Vec<_> = read(&interchange(&body)).into_iter().map(|e| e.tracking_number).collect();
    assert_eq!(told, ["7", "S1", "8"]);
}

#[test]
fn a_loop_with_several_packages_names_no_piece() {
    let single = one("AT7*D1*NS***20260304*0812*UT", "MAN*GM*00340123450000000018~\nMAN*GM*00340123450000000018~");
    assert_eq!(single.piece.and_then(|p| p.sscc).as_deref(), Some("340123450000000018"));
    let several = one("AT7*D1*NS***20260304*0812*UT", "MAN*CP*P1~\nMAN*CP*P2~");
    assert_eq!(several.piece, None);
}

#[test]
fn carriers_by_scac() {
    for (scac, carrier) in [("UPSN", "ups"), ("FDEG", "fedex"), ("FDE", "fedex"), ("USPS", "usps"), ("odfl", "odfl"), ("XPOL", "xpol")] {
        assert_eq!(read(&ESTIMATES.replace("SO1*UPSN", &format!("SO1*{scac}")))[0].carrier, carrier);
    }
    assert_eq!(read(&ESTIMATES.replace("SO1*UPSN~", "SO1~\nMS3*UPSN*B~"))[0].carrier, "ups");
}

#[test]
fn a_resend_is_the_same_happening() {
    let keys = |body: &str| read(body).into_iter().map(|e| e.dedup_key).collect::<Vec<_>>();
    let resent =
        MIXED.replace("4711", "4712").replace("*0001~", "*9001~").replace("*0002~", "*9002~").replace("260310*0615", "260317*0700");
    assert_ne!(resent, MIXED);
    assert_eq!(keys(&resent), keys(MIXED));
    assert_eq!(keys(&MIXED.replace("~\n", "\n")), keys(MIXED));
    let mut distinct = keys(MIXED);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6);
    assert_ne!(keys(&MIXED.replace("*1605*", "*1606*"))[0], keys(MIXED)[0]);
}

#[test]
fn every_shape_of_the_envelope_gives_the_same() {
    let expected = read(MIXED);
    let wrapped = |width: usize| {
        let flat = MIXED.replace('\n', "");
        flat.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("\r\n")
    };
    let no_tilde = MIXED.replace("SHORT ~ SEE", "SHORT - SEE");
    let expected_no_tilde = read(&no_tilde);
    for (name, body, expected) in [
        ("byte order mark", format!("\u{feff}{MIXED}"), &expected),
        ("one line", MIXED.replace('\n', ""), &expected),
        ("wrapped", wrapped(80), &expected),
        ("newline", no_tilde.replace("~\n", "\n"), &expected_no_tilde),
        ("carriage return and newline", no_tilde.replace("~\n", "\r\n"), &expected_no_tilde),
        ("ellipsis", no_tilde.replace("~\n", "…\n"), &expected_no_tilde),
        ("other separators", MIXED.replace('*', "|"), &expected),
        ("two byte order marks and control-Z", format!("\u{feff}\n{MIXED}\u{1a}"), &expected),
    ] {
        assert_eq!(&read(&body), expected, "{name}");
    }
    assert_eq!(read(&format!("{MIXED}\n{ESTIMATES}{}", MIXED.replace('*', "|"))).len(), 6 + 9 + 6);
}

#[test]
fn other_sets_are_passed_over() {
    let order = "ST*850*7~\nBEG*00*SA*X1**20260301~\nAT7*D1~\nSE*3*7~\n";
    let status = "ST*214*1~\nB10*7001*S1*QLTN~\nLX*1~\nAT7*D1*NS***20260304*0812*UT~\nSE*5*1~\n";
    assert_eq!(read(&interchange(&format!("{order}{status}{order}"))).len(), 1);
    assert_eq!(code(interchange(order).as_bytes()), Some(Code::NOT_TRACKING));
    assert_eq!(code(interchange("").as_bytes()), Some(Code::NOT_TRACKING));
}

#[test]
fn latin_1_is_read_without_loss() {
    let body: Vec<u8> = MIXED.replace("SAVANNAH", "MONTR\u{c9}AL").chars().map(|c| u8::try_from(u32::from(c)).expect("latin")).collect();
    let events = parse(&body).expect("readable");
    assert_eq!(events[0].place.as_ref().and_then(|p| p.city.as_deref()), Some("MONTRÉAL"));
}

#[test]
fn poison_is_parked_whole() {
    let head = |bytes: usize| MIXED.chars().take(bytes).collect::<String>();
    let status = "ST*214*1~\nB10*7001*S1*QLTN~\nLX*1~\nAT7*D1*NS***20260304*0812*UT~\nSE*5*1~\n";
    for (name, body, expected) in [
        ("empty", String::new(), Code::EMPTY_VALUE),
        ("blank", "\u{feff} \n".into(), Code::EMPTY_VALUE),
        ("json", "{\"a\":1}".into(), Code::MALFORMED),
        ("no envelope", status.into(), Code::MALFORMED),
        ("header only", head(106), Code::MALFORMED),
        ("header cut", head(60), Code::MALFORMED),
        ("header garbled", MIXED.replacen("ISA", "SA", 1), Code::MALFORMED),
        ("set cut", head(MIXED.find("SE*99").expect("SE")), Code::MALFORMED),
        ("second set begins in the first", MIXED.replace("SE*15*0001~\n", ""), Code::MALFORMED),
        ("group ends in a set", MIXED.replace("SE*99*0002~\n", ""), Code::MALFORMED),
        ("set without its beginning", MIXED.replace("ST*214*0002~\n", ""), Code::MALFORMED),
        ("interchange not closed", MIXED.replace("IEA*1*000004711~\n", ""), Code::MALFORMED),
        ("garbage behind", format!("{MIXED}SA*00*"), Code::MALFORMED),
        ("no status", interchange("ST*214*1~\nB10*7001*S1*QLTN~\nSE*3*1~"), Code::MISSING_FIELD),
        ("no B10", interchange(&status.replace("B10*7001*S1*QLTN~\n", "")), Code::MISSING_FIELD),
        ("no SCAC", interchange(&status.replace("*QLTN", "")), Code::MISSING_FIELD),
        ("SCAC absurd", interchange(&status.replace("*QLTN", "*QLTN TRUCKING")), Code::MISSING_FIELD),
        ("no number", interchange(&status.replace("7001*S1", "*")), Code::MISSING_FIELD),
        ("placeholders only", interchange(&status.replace("7001*S1", "N/A*000")), Code::BAD_TRACKING_NUMBER),
        ("number beyond ASCII", interchange(&status.replace("7001*S1", "70Ü1*")), Code::BAD_TRACKING_NUMBER),
        ("number absurd", interchange(&status.replace("7001*S1", &format!("{}*", "7".repeat(65)))), Code::BAD_TRACKING_NUMBER),
    ] {
        assert_eq!(code(body.as_bytes()), Some(expected), "{name}");
    }
    assert_eq!(code(b"\xFF\xFEI\0S\0A\0"), Some(Code::NOT_UTF8));
}

#[test]
fn limits_hold() {
    let few = X12_214::new(DialectSettings { events_max: 5, ..DialectSettings::default() });
    assert_eq!(few.parse(&message(MIXED.as_bytes())).map_err(|p| p.code), Err(Code::TOO_MANY));
    let small = X12_214::new(DialectSettings { body_bytes_max: 100, ..DialectSettings::default() });
    assert_eq!(small.parse(&message(MIXED.as_bytes())).map_err(|p| p.code), Err(Code::TOO_LARGE));
}

#[test]
fn content_types() {
    let dialect = X12_214::new(DialectSettings::default());
    for (sent, accepted) in [
        ("application/edi-x12", true),
        ("application/EDI-X12; charset=us-ascii", true),
        ("text/plain", true),
        ("application/octet-stream", true),
        ("", true),
        ("application/json", false),
        ("application/edifact", false),
        ("text/xml", false),
    ] {
        let message = RawMessage { content_type: Some(sent), ..message(MIXED.as_bytes()) };
        let code = dialect.parse(&message).err().map(|p| p.code);
        assert_eq!(code, (!accepted).then_some(Code::WRONG_CONTENT_TYPE), "{sent}");
    }
}

/// Work is counted in this thread's processor time, which a busy machine does not change: 25 times the loops may take
/// at most 8 times as long as 25 readings, and a quadratic reader takes 25 times as long.
#[test]
fn many_loops_cost_in_proportion() {
    let body = |loops: usize| {
        let mut segments = String::from("ST*214*1~\nB10*7001*S1*QLTN~\n");
        for n in 0..loops {
            let _ = write!(segments, "LX*{n}~\nMS1*MACON*GA~\nAT7*X4*NS***20260309*2110*LT~\nL11*7{n:06}*CN~\n");
        }
        interchange(&format!("{segments}SE*9*1~"))
    };
    let events = read(&body(900));
    assert_eq!(events.len(), 900);
    assert_eq!(events[899].shipment_key, "7000899");
    assert!(events.iter().all(|e| e.time_source == Some(TimeSource::LocationZone)));
    let dialect = X12_214::new(DialectSettings { events_max: 100_000, ..DialectSettings::default() });
    let cost = |times: usize, bytes: &str| {
        let start = processor_time();
        for _ in 0..times {
            let _ = dialect.parse(&message(bytes.as_bytes()));
        }
        // Below this the kernel's clock says little.
        (processor_time() - start).max(10_000_000)
    };
    let envelope = interchange("");
    let evil = |piece: &str, n: usize| envelope.replace("GE*1", &format!("ST*214*1~K1*{}x~GE*1", piece.repeat(n)));
    assert!(cost(1, &body(22_500)) < cost(25, &body(900)) * 8, "loops");
    for piece in ["~", "\n", "~ ", "~A\n", "*", "MS1*A~", "~~x", "LX~"] {
        assert!(cost(1, &evil(piece, 100_000)) < cost(25, &evil(piece, 4_000)) * 8, "{piece:?}");
    }
}

/// The samples beside the checkout, where they are: each is read, or parked for what it is.
#[test]
fn samples_are_read_or_parked_sensibly() {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let shared = std::env::var("WAYBILL_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let folder = std::path::Path::new(&shared).join("carriers/edi/x12");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no samples beside the checkout");
        return;
    };
    let mut seen = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        seen += 1;
        match (name.as_str(), parse(&bytes)) {
            ("edifabric.ShipmentStatus.edi", Ok(events)) => {
                assert_eq!((events.len(), events[0].carrier.as_ref(), events[0].shipment_key.as_str()), (1, "bawc", "123456"));
                assert_eq!(events[0].occurred_at.map(rfc3339).as_deref(), Some("1997-09-25T13:30:00Z"));
                assert!(events[0].place.as_ref().is_some_and(|p| p.longitude.is_some_and(|l| (l + 91.79).abs() < 0.01)));
            }
            ("staedi.x12.issue109.ts214_ellipses_segterm.edi", Ok(events)) => {
                let told: Vec<_> = events.iter().map(|e| (e.milestone, e.shipment_key.as_str(), e.time_precision)).collect();
                assert_eq!(told, [(Milestone::Info, "0542550913", None), (Milestone::Accepted, "0542550913", Some(TimePrecision::Minute))]);
                assert_eq!(events[1].measures.as_ref().and_then(|m| m.pieces), Some(5));
            }
            (_, Ok(_)) => panic!("{name} has no status set in an envelope"),
            (_, Err(park)) if name.starts_with("notes.214") || name.starts_with("jlco") || name.contains("Corrupt") => {
                assert_eq!(park.code, Code::MALFORMED, "{name}: {}", park.cause);
            }
            (_, Err(park)) => assert_eq!(park.code, Code::NOT_TRACKING, "{name}: {}", park.cause),
        }
        if name.starts_with("notes.214") {
            // A fragment without an envelope: parked as it stands, read inside one.
            let events = read(&interchange(&String::from_utf8_lossy(&bytes)));
            assert!(events.iter().all(|e| e.place.is_some() && e.time_source == Some(TimeSource::LocationZone)), "{name}");
        }
    }
    assert!(seen > 0);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_change_is_survived_and_a_cut_publishes_nothing(
        at in any::<prop::sample::Index>(), with in proptest::collection::vec(any::<u8>(), 0..6), remove in 0_usize..8, second in any::<bool>(),
    ) {
        let mut bytes = if second { ESTIMATES } else { MIXED }.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let end = (at + remove).min(bytes.len());
        bytes.splice(at..end, with);
        let _ = parse(&bytes);
        let closing = MIXED.find("IEA").expect("closed");
        if at < closing {
            prop_assert!(parse(&MIXED.as_bytes()[..at]).is_err());
        }
    }
}
