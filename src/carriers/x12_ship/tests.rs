use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::carriers::testing::{mutated, processor_time, shared};
use crate::domain::event::RawRef;
use crate::domain::freight::FreightCharge;
use crate::domain::notice::ShipmentNotice;
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
        ("charges without end", interchange(&good.replace("N9*2I", &format!("{}N9*2I", "G72*504~".repeat(1_001)))), Code::TOO_MANY),
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

fn told_by(body: &str, odoo_instance: Option<&str>, currency: Option<&str>) -> Result<Told, Park> {
    let (odoo_instance, currency) = (odoo_instance.map(str::to_owned), currency.map(str::to_owned));
    let settings = NoticesSettings { odoo_instance, currency, ..NoticesSettings::default() };
    let message = RawMessage { body: body.as_bytes(), content_type: None, received_at: 7, raw: RawRef::default() };
    Notices::new(settings).read(&message)
}

fn consignments(body: &str) -> Vec<ShipmentNotice> {
    told_by(body, Some("main"), None).unwrap_or_else(|park| panic!("{park:?}")).notices
}

#[test]
fn a_notice_is_a_record_for_each_order_of_its() {
    let told = consignments(NOTICE);
    let numbers = |notice: &ShipmentNotice| notice.parcels.iter().map(|p| p.shipment_key.clone()).collect::<Vec<_>>();
    let [first, second] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(numbers(first), ["1Z88W0E70312345678", "1Z88W0E70312345687"]);
    assert_eq!(numbers(second), ["1Z88W0E70312345696"]);
    assert_eq!(first.parcels[0].sscc.as_deref(), Some("340999990000000014"));
    assert_eq!(((first.part, first.parts), (second.part, second.parts)), ((1, 2), (2, 2)));
    assert_eq!(first.consignments, [first.consignment_id.clone(), second.consignment_id.clone()]);
    assert!(second.consignments.is_empty() && first.notice_id == second.notice_id);
    let references: Vec<_> = first.references.iter().map(|r| (r.role.as_str(), r.number.as_str())).collect();
    assert_eq!(references, [("purchase_order", "PO-881"), ("order", "S00025"), ("shipment", "SH-7001")]);
    assert_eq!((first.sender.as_str(), first.number.as_deref(), first.document.as_ref()), ("ZZ:BAYRIDGE", Some("SH-7001"), "856"));
    assert_eq!((first.action, first.shipped_on.as_deref()), (NoticeAction::Replaces, Some("2026-03-09")));
    assert_eq!(first.sent.as_deref(), Some("20260310T06150000-000000031"));
    assert_eq!((first.carrier.as_deref(), first.odoo_instance.as_str(), first.received_at), (Some("ups"), "main", 7));
}

#[test]
fn a_correction_is_known_by_sender_and_number() {
    let ids = |body: &str| consignments(body).iter().map(|n| (n.notice_id.clone(), n.consignment_id.clone())).collect::<Vec<_>>();
    let first = ids(NOTICE);
    let later = NOTICE.replace("*000000031*", "*000000044*").replace("*BSN*00*", "*BSN*05*").replace("0615*31*X", "0745*31*X");
    assert_eq!(ids(&later), first);
    assert!(consignments(&later)[0].sent > consignments(NOTICE)[0].sent);
    assert_ne!(ids(&NOTICE.replace("ZZ*BAYRIDGE  ", "ZZ*BAYRIDGE2 "))[0].0, first[0].0, "another sender");
    assert_ne!(ids(&NOTICE.replace("SH-7001", "SH-7002"))[0].0, first[0].0, "another number");
    assert_eq!(ids(&NOTICE.replace("BM*0700100", "BM*0700199")), first, "another truck is no other notice");
    let of_945 = ids(ADVICE);
    assert_ne!(of_945[0].0, ids(&ADVICE.replacen("WH/OUT/00015", "WH/OUT/00018", 1))[0].0, "shipments are numbered by order");
    for (purpose, action) in [("00", NoticeAction::Replaces), ("05", NoticeAction::Replaces), ("04", NoticeAction::Adds)] {
        assert_eq!(consignments(&NOTICE.replace("BSN*00", &format!("BSN*{purpose}")))[0].action, action, "{purpose}");
    }
    assert_eq!(consignments(&ADVICE.replacen("*SH-15*", "**", 1))[0].action, NoticeAction::Adds, "without a number nothing is replaced");
}

#[test]
fn a_notice_is_taken_back_by_its_number_alone() {
    let back = interchange("ST*856*1~BSN*01*SH-7001*20260310*0801~SE*3*1~");
    let told = consignments(&back);
    let [back] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((back.action, back.parcels.len(), &back.notice_id), (NoticeAction::Withdraws, 0, &consignments(NOTICE)[0].notice_id));
    assert_eq!(consignments(&NOTICE.replace("BSN*00", "BSN*01")).len(), 1, "whatever it names");
    assert_eq!(code(interchange("ST*856*1~BSN*01**20260310~SE*3*1~").as_bytes()), Some(Code::MISSING_FIELD));
}

#[test]
fn nobody_guesses_the_odoo_or_what_a_delivery_can_hold() {
    assert_eq!(told_by(NOTICE, None, None).map_err(|p| p.code), Err(Code::NO_ODOO_INSTANCE));
    let parcels = (0..1_001).fold(String::new(), |all, n: u32| all + "LX*1~MAN*CP*1Z" + &n.to_string() + "~");
    let body = interchange(&format!("ST*945*1~W06*F*S1*20260309*SH~{parcels}SE*4*1~"));
    assert_eq!(told_by(&body, Some("main"), None).map_err(|p| p.code), Err(Code::TOO_MANY));
}

/// Type, amount, whether it replaces, number.
fn charged(told: &Told) -> Vec<(&str, String, bool, &str)> {
    let of = |c: &FreightCharge| format!("{} {}", c.amount.expect("an amount"), c.currency.as_deref().expect("a currency"));
    told.charges.iter().map(|c| (c.charge_type.as_str(), of(c), c.corrects, c.shipment_key.as_str())).collect()
}

#[test]
fn what_a_warehouse_charges_is_told_in_its_currency_or_not_at_all() {
    let charges = "G72*504*ZZ******75.0000~G72*4*ZZ******1650~G72*504*ZZ******3.5~G72*999*ZZ******95.0000~";
    let body = ADVICE.replacen("LX*1~", &format!("{charges}LX*1~"), 1);
    let told = told_by(&body, Some("main"), Some("USD")).expect("read");
    let number = "794600001111";
    let expected = [("fuel", "16.5 USD".to_owned(), true, number), ("freight", "78.5 USD".to_owned(), true, number)];
    assert_eq!(charged(&told), expected, "the sum is none of its parts, and those of one code are one");
    let first = &told.charges[1];
    assert_eq!((first.carrier.as_ref(), first.raw_code.as_deref(), first.source.as_ref()), ("fedex", Some("504"), "x12_ship"));
    assert_eq!(first.references, ["WH/OUT/00015", "SH-15", "PO-881", "0700115"]);
    let ids = |told: &Told| told.charges.iter().map(|c| c.charge_id.clone()).collect::<HashSet<_>>();
    assert_eq!(ids(&told).len(), 2);
    assert_eq!(ids(&told), ids(&told_by(&body, Some("main"), Some("USD")).expect("read")), "told again");
    let corrected = body.replace("75.0000", "80");
    let changed = ids(&told_by(&corrected, Some("main"), Some("USD")).expect("read"));
    assert_eq!(ids(&told).intersection(&changed).count(), 1, "what has changed is news");

    let with_currency = told_by(&body.replacen("LX*1~", "CUR*SF*CAD~LX*1~", 1), Some("main"), Some("USD")).expect("read");
    assert_eq!(charged(&with_currency)[1].1, "78.5 CAD", "what is told counts");
    for (name, body, currency, left_out) in [
        ("no currency", body.clone(), None, 3),
        ("no currency of the world", body.clone(), Some("dollars"), 3),
        ("two currencies", body.replacen("LX*1~", "CUR*SF*CAD~CUR*BY*USD~LX*1~", 1), Some("USD"), 3),
        ("no amount", body.replace("75.0000", "many"), Some("USD"), 2),
        ("no carrier", body.replace("W27*U*FDEG*FEDEX GROUND*PP~", ""), Some("USD"), 3),
    ] {
        let told = told_by(&body, Some("main"), currency).expect("read");
        assert_eq!((told.charges_left_out, told.charges.len(), told.notices.len()), (left_out, usize::from(left_out < 3), 2), "{name}");
    }
    let only_total = ADVICE.replacen("LX*1~", "G72*999*ZZ******91.50~LX*1~", 1);
    assert_eq!(charged(&told_by(&only_total, Some("main"), Some("USD")).expect("read"))[0].0, "other");
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
        let message = RawMessage { body: &body, content_type: None, received_at: 0, raw: RawRef::default() };
        let settings = NoticesSettings { odoo_instance: Some("main".into()), currency: Some("USD".into()), ..NoticesSettings::default() };
        if let Ok(told) = Notices::new(settings).read(&message) {
            prop_assert!(!told.notices.is_empty());
            prop_assert!(told.notices.iter().all(|n| n.action == NoticeAction::Withdraws || !n.parcels.is_empty()));
        }
    }
}
