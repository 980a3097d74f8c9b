use proptest::prelude::*;

use super::*;
use crate::carriers::testing::{mutated, processor_time, shared};
use crate::domain::event::RawRef;
use crate::domain::verdict::Code;

const NOTICE: &str = include_str!("fixtures/notice.edi");
const ADVICE: &str = include_str!("fixtures/advice.edi");

fn parse(body: &[u8]) -> Result<Vec<Notice>, Park> {
    let message = RawMessage { body, content_type: None, received_at: 0, raw: RawRef::default() };
    notices(&message, &DialectSettings::default())
}

fn read(body: &str) -> Vec<Notice> {
    parse(body.as_bytes()).unwrap_or_else(|park| panic!("{park:?}"))
}

fn code(body: &[u8]) -> Option<Code> {
    parse(body).err().map(|park| park.code)
}

fn interchange(segments: &str) -> String {
    let head = NOTICE.split_inclusive('\n').take(2).collect::<String>();
    format!("{head}{segments}\nGE*1*31~\nIEA*1*000000031~\n")
}

/// Tracking number, SSCC, references as `role number`.
fn told(notice: &Notice) -> Vec<(&str, Option<&str>, Vec<String>)> {
    let references = |s: &Shipped| s.references.iter().map(|r| format!("{:?} {}", r.role, r.number)).collect();
    notice.shipped.iter().map(|s| (s.tracking_number.as_str(), s.sscc.as_deref(), references(s))).collect()
}

#[test]
fn each_package_of_a_ship_notice_is_told_with_its_order() {
    let notices = read(NOTICE);
    assert_eq!(notices.len(), 1);
    let notice = &notices[0];
    assert_eq!((notice.set, notice.purpose.as_deref()), (Set::ShipNotice, Some("00")));
    assert_eq!((notice.carrier.as_deref(), notice.shipped_on.as_deref()), (Some("ups"), Some("20260309")));
    let whole = ["BillOfLading 0700100", "Shipment SH-7001"];
    let first = ["PurchaseOrder PO-881", "Order S00025", whole[0], whole[1]].map(str::to_owned).to_vec();
    let second = ["PurchaseOrder PO-882", whole[0], whole[1]].map(str::to_owned).to_vec();
    let expected = [
        ("1Z88W0E70312345678", Some("340999990000000014"), first.clone()),
        ("1Z88W0E70312345687", Some("340999990000000021"), first),
        ("1Z 88W 0E7 0312345696", Some("340999990000000038"), second),
    ];
    assert_eq!(told(notice), expected);
    assert_eq!(notice.shipped[2].shipment_key, "1Z88W0E70312345696");
}

#[test]
fn packages_above_their_orders_know_them_too() {
    let body = "ST*856*1~BSN*00*SH1*20260310*0601*0003~HL*1**S~HL*2*1*P~MAN*CP*1Z1~HL*3*2*O~PRF*PO-1~HL*4*3*I~HL*5*1*P~MAN*CP*1Z2~HL*6*5*O~PRF*PO-2~SE*1*1~";
    let notices = read(&interchange(body));
    let orders: Vec<_> = told(&notices[0]).into_iter().map(|(number, _, references)| (number.to_owned(), references[0].clone())).collect();
    assert_eq!(orders, [("1Z1", "PurchaseOrder PO-1"), ("1Z2", "PurchaseOrder PO-2")].map(|(n, r)| (n.to_owned(), r.to_owned())));
}

#[test]
fn a_shipping_advice_names_the_order_of_the_depositor() {
    let notices = read(ADVICE);
    let first = ["Order WH/OUT/00015", "Shipment SH-15", "PurchaseOrder PO-881", "BillOfLading 0700115"].map(str::to_owned).to_vec();
    let second = ["Order WH/OUT/00016", "Shipment SH-16"].map(str::to_owned).to_vec();
    assert_eq!(told(&notices[0]), [("794600001111", None, first.clone()), ("794600001122", None, first)]);
    assert_eq!(told(&notices[1]), [("70021345", None, second)]);
    assert_eq!(notices.len(), 2, "a pallet without a number is no fault and nothing to tell");
    let heads: Vec<_> = notices.iter().map(|n| (n.set, n.carrier.as_deref(), n.shipped_on.as_deref())).collect();
    let advice = |carrier, day| (Set::ShippingAdvice, Some(carrier), Some(day));
    assert_eq!(heads, [advice("fedex", "20260308"), advice("qltn", "20260309")]);
}

#[test]
fn a_number_told_twice_is_one_and_marks_are_not_paired_by_guess() {
    let twice = NOTICE.replace("1Z88W0E70312345687", "1z88w0e70312345678");
    assert_eq!(read(&twice)[0].shipped.len(), 2);
    let marks = ADVICE.replace("MAN*CP*794600001122*~", "MAN*CP*1~MAN*CP*2~MAN*GM*00340999990000000052~MAN*GM*00340999990000000069~");
    assert!(read(&marks)[0].shipped.iter().all(|s| s.sscc.is_none()), "marks that cannot be paired");
}

#[test]
fn items_name_packages_too_and_are_let_go_where_they_do_not() {
    let items = "HL*9*3*I~LIN**UP*1~".repeat(45_000);
    let body = NOTICE.replace("HL*4*3*I~", &format!("{items}HL*4*3*I~\nMAN*CP*1Z88W0E70312345999~\n"));
    let told: Vec<_> = read(&body)[0].shipped.iter().map(|s| (s.tracking_number.clone(), s.references[0].number.clone())).collect();
    assert_eq!(told.len(), 4);
    assert_eq!(told[1], ("1Z88W0E70312345999".to_owned(), "PO-881".to_owned()));
}

#[test]
fn poison_is_parked_whole() {
    let good = "ST*945*1~W06*F*S1*20260309~N9*2I*1Z1~SE*4*1~";
    for (name, body, expected) in [
        ("empty", String::new(), Code::EMPTY_VALUE),
        ("json", "{}".into(), Code::MALFORMED),
        ("no envelope", good.into(), Code::MALFORMED),
        ("cut", ADVICE.split_once("SE*7").expect("SE").0.into(), Code::MALFORMED),
        ("set in a set", interchange(&good.replace("SE*4*1~", good)), Code::MALFORMED),
        ("another set", interchange(&good.replace("945", "940")), Code::NOT_TRACKING),
        ("no number", interchange(&good.replace("N9*2I*1Z1~", "")), Code::MISSING_FIELD),
        ("loops without end", interchange(&format!("ST*856*1~{}SE*1*1~", "HL*1**P~".repeat(50_000))), Code::TOO_MANY),
        ("number absurd", interchange(&good.replace("1Z1", "SEE BELOW")), Code::BAD_TRACKING_NUMBER),
    ] {
        assert_eq!(code(body.as_bytes()), Some(expected), "{name}");
    }
    let message = RawMessage { body: NOTICE.as_bytes(), content_type: None, received_at: 0, raw: RawRef::default() };
    let few = DialectSettings { events_max: 2, ..DialectSettings::default() };
    assert_eq!(notices(&message, &few).map_err(|p| p.code), Err(Code::TOO_MANY));
}

#[test]
fn deep_and_wide_trees_cost_in_proportion() {
    use std::fmt::Write as _;
    let settings = DialectSettings { events_max: 1_000_000, ..DialectSettings::default() };
    let cost = |times: usize, body: &str| {
        let start = processor_time();
        for _ in 0..times {
            let _ = notices(&RawMessage { body: body.as_bytes(), content_type: None, received_at: 0, raw: RawRef::default() }, &settings);
        }
        (processor_time() - start).max(10_000_000)
    };
    for (level, deep) in [("P", true), ("O", true), ("O", false), ("P", false)] {
        let body = |n: usize| {
            let mut segments = String::from("ST*856*1~");
            for at in 1..=n {
                let above = if deep { at - 1 } else { 1 };
                let _ = write!(segments, "HL*{at}*{above}*{level}~PRF*P{at}~MAN*CP*1Z{at}~");
            }
            interchange(&format!("{segments}SE*1*1~"))
        };
        assert!(cost(1, &body(20_000)) < cost(25, &body(800)) * 8, "{level} {deep}");
    }
}

/// The samples beside the checkout.
#[test]
fn samples_are_read_or_parked() {
    let Some(folder) = shared("edi/x12") else { return };
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let outcome = parse(&std::fs::read(&path).expect("readable"));
        let numbers = |notices: Vec<Notice>| notices.iter().flat_map(|n| n.shipped.clone()).map(|s| s.tracking_number).collect::<Vec<_>>();
        match (name.as_str(), outcome.map(numbers)) {
            ("ediengine.856.Crossdock.OK.edi", Ok(numbers)) => assert_eq!(numbers, ["0000000008741"]),
            ("edifabric.ShipNotice.edi", Ok(numbers)) => assert_eq!(numbers, ["082131"]),
            ("edifabric.WarehouseShippingAdvice.edi", Err(park)) => assert_eq!(park.code, Code::MISSING_FIELD, "{name}"),
            (_, Err(park)) => assert!(matches!(park.code, Code::NOT_TRACKING | Code::MALFORMED), "{name}: {}", park.cause),
            (_, Ok(numbers)) => panic!("{name}: {numbers:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_change_is_survived(body in prop_oneof![mutated(NOTICE), mutated(ADVICE)]) {
        let _ = parse(&body);
    }
}
