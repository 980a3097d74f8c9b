//! Notices of what was shipped, as a warehouse (945) and a shipper (856) send them, and the deliveries that they mean.

use serde_json::json;

use super::rules::{TOPIC, event, send};
use super::*;
use crate::carriers::RawMessage;
use crate::carriers::x12_ship::{Notices, NoticesSettings};
use crate::domain::event::RawRef;
use crate::domain::exception::ExceptionRaised;
use crate::domain::notice::ShipmentNotice;

const MINUTE: Micros = 60_000_000;
const DAY: Micros = 24 * 60 * MINUTE;
/// Longer than the images of one change of Odoo's take.
const SETTLED: Micros = MINUTE;

/// The consignments of an interchange with this number.
fn consignments(bench: &Bench, control: u32, sets: &str) -> Vec<ShipmentNotice> {
    let body = format!(
        "ISA*00*          *00*          *ZZ*BAYRIDGE3PL    *ZZ*CORNERSHOP     *261121*0615*U*00401*{control:09}*0*P*>~\
         GS*SW*BAYRIDGE3PL*CORNERSHOP*20261121*0615*{control}*X*004010~{sets}GE*1*{control}~IEA*1*{control:09}~"
    );
    let settings = NoticesSettings { odoo_instance: Some("main".into()), ..NoticesSettings::default() };
    let message = RawMessage { body: body.as_bytes(), content_type: None, received_at: bench.now, raw: RawRef::default() };
    Notices::new(settings).read(&message).expect("a notice").notices
}

fn take(bench: &mut Bench, control: u32, sets: &str) -> Vec<Verdict> {
    let notices = consignments(bench, control, sets);
    notices.into_iter().map(|notice| bench.fold_one(Record::ShipmentNotice(Box::new(notice)))).collect()
}

/// A shipping advice: the depositor's order, the number of the shipment, the customer's order, tracking numbers.
fn advice(order: &str, shipment: &str, customer: &str, numbers: &[&str]) -> String {
    let parcels = numbers.iter().fold(String::new(), |all, number| all + "LX*1~MAN*CP*" + number + "~");
    format!("ST*945*1~W06*F*{order}*20261120*{shipment}**{customer}~W27*U*UPSN~{parcels}SE*9*1~")
}

/// A ship notice with one order: purpose, number, our order, tracking numbers.
fn ship_notice(purpose: &str, number: &str, order: &str, numbers: &[&str]) -> String {
    let parcels = numbers.iter().fold(String::new(), |all, number| all + "HL*3*2*P~MAN*CP*" + number + "~");
    format!("ST*856*1~BSN*{purpose}*{number}*20261121*0601*0001~HL*1**S~HL*2*1*O~REF*VN*{order}~{parcels}SE*9*1~")
}

fn linked(bench: &Bench, picking: i64) -> Vec<String> {
    let key = format!("main:1:{picking}");
    bench.linked().into_iter().filter(|(delivery, _)| *delivery == key).map(|(_, number)| number).collect()
}

/// State and words of every case, in the order told; each is cleared under the id under which it was opened.
fn cases(bench: &Bench) -> Vec<(String, String)> {
    let each = bench.published.iter().filter_map(|o| match (o.topic, &o.record) {
        (EXCEPTIONS_TOPIC, Record::ExceptionRaised(case)) => Some((o.key.clone(), (**case).clone())),
        _ => None,
    });
    let each: Vec<(String, ExceptionRaised)> = each.collect();
    let mut open = BTreeSet::new();
    for (key, case) in &each {
        assert_eq!((case.kind.as_str(), Some(key)), ("unmatched_notice", case.shipment_key.as_ref()));
        let id = (&case.exception_id, key);
        let known = if case.state == "open" { open.insert(id) } else { open.remove(&id) };
        assert!(known, "told out of turn: {case:?}");
    }
    each.into_iter().map(|(_, case)| (case.state, case.summary)).collect()
}

fn opened(bench: &Bench) -> usize {
    let all = cases(bench);
    let count = |state: &str| all.iter().filter(|(s, _)| s == state).count();
    count("open") - count("cleared")
}

/// Pickings of order S00003 (number 3), which the customer calls PO-881.
fn order(bench: &mut Bench) {
    let row = json!({"id": 3, "name": "S00003", "state": "sale", "company_id": 1, "client_order_ref": "PO-881"});
    bench.send("db1.public.sale_order", &event("sale_order", "c", 1, row));
}

#[test]
fn a_notice_after_its_delivery_links_it_by_any_of_its_names() {
    for (our_order, shipment, customer) in [
        ("WH/OUT/00005", "SH-1", ""),
        ("wh/out/00005 ", "SH-1", "PO-17"),
        ("S00003", "SH-1", ""),
        ("DEPOT-9", "SH-1", "PO-881"),
        ("DEPOT-9", "WH/OUT/00005", ""),
        ("DEPOT-9", "SH-1", "S00003"),
    ] {
        let mut bench = Bench::new(settings());
        order(&mut bench);
        send(&mut bench, "c", 2, json!({}));
        send(&mut bench, "c", 3, json!({"id": 6, "name": "WH/OUT/00006", "sale_id": 4, "origin": "S00004"}));
        assert_eq!(
            take(&mut bench, 1, &advice(our_order, shipment, customer, &["1Z1"])),
            [Verdict::Publish],
            "{our_order} {shipment} {customer}"
        );
        assert_eq!((linked(&bench, 5), linked(&bench, 6)), (vec!["1Z1".to_owned()], vec![]), "{our_order} {shipment} {customer}");
        let link = &bench.link_history()[0];
        let told = (link.carrier.as_deref(), link.picking_name.as_deref(), link.parcels_expected);
        assert_eq!(told, (Some("ups"), Some("WH/OUT/00005"), 1));
        assert!(bench.deliveries()["main:1:5"].tracking_numbers.is_empty(), "Odoo has not the number");
        assert_eq!(cases(&bench), []);
    }
}

#[test]
fn names_that_somebody_else_gave_mean_nothing() {
    let mut bench = Bench::new(settings());
    order(&mut bench);
    send(&mut bench, "c", 2, json!({}));
    // The sender's own number of a shipment is no order, and a customer's order is not ours.
    assert_eq!(take(&mut bench, 1, &advice("PO-881", "S00003", "WH/OUT/00005", &["1Z1"])), [Verdict::Duplicate("waiting")]);
    assert!(bench.link_history().is_empty());
}

#[test]
fn the_order_and_what_the_customer_calls_it_in_one_source_document() {
    for (origin, named) in [("S00003 - PO-881, b", "PO-881, b"), ("S00003 - PO-881", "S00003"), ("S00002, S00003", "S00003")] {
        let mut bench = Bench::new(settings());
        send(&mut bench, "c", 2, json!({"origin": origin, "sale_id": null}));
        take(&mut bench, 1, &advice("DEPOT-9", "SH-1", named, &["1Z1"]));
        assert_eq!(linked(&bench, 5), ["1Z1"], "{origin}");
    }
}

#[test]
fn a_notice_before_its_delivery_waits_until_odoo_has_said_all() {
    let mut bench = Bench::new(settings());
    let verdicts = take(&mut bench, 1, &advice("S00003", "SH-1", "", &["1Z1", "1Z2"]));
    assert_eq!(verdicts, [Verdict::Duplicate("waiting")]);
    send(&mut bench, "c", 2, json!({"state": null, "sale_id": null}));
    send(&mut bench, "u", 3, json!({}));
    assert!(bench.link_history().is_empty(), "another delivery of the order may be told next");
    bench.tick(bench.now + SETTLED);
    assert_eq!(linked(&bench, 5), ["1Z1", "1Z2"]);
    bench.tick(bench.now + 2 * DAY);
    assert_eq!(cases(&bench), [], "nobody has to hear of it");
}

#[test]
fn a_notice_told_again_says_nothing() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    let body = advice("WH/OUT/00005", "SH-1", "", &["1Z1", "1Z2"]);
    assert_eq!(take(&mut bench, 1, &body), [Verdict::Publish]);
    let before = bench.published.len();
    for control in [1, 2] {
        assert_eq!(take(&mut bench, control, &body), [Verdict::Duplicate("unchanged")], "interchange {control}");
    }
    assert_eq!(bench.published.len(), before);
    let mut waits = Bench::new(settings());
    take(&mut waits, 1, &body);
    assert_eq!(take(&mut waits, 2, &body), [Verdict::Duplicate("unchanged")]);
    send(&mut waits, "c", 2, json!({}));
    waits.tick(waits.now + SETTLED);
    assert_eq!(waits.link_history().len(), 2, "once each");
}

#[test]
fn several_parcels_stand_beside_those_that_odoo_has() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({"carrier_tracking_ref": "1Z-1"}));
    take(&mut bench, 1, &advice("WH/OUT/00005", "SH-1", "", &["1Z1", "1Z2", "1Z3"]));
    assert_eq!(linked(&bench, 5), ["1Z1", "1Z2", "1Z3"]);
    let last = |bench: &Bench, key: &str| bench.link_history().into_iter().rfind(|l| l.shipment_key == key).expect("a link");
    assert!(["1Z1", "1Z2", "1Z3"].iter().all(|key| last(&bench, key).parcels_expected == 3));
    assert_eq!(last(&bench, "1Z1").tracking_number, "1Z-1", "as Odoo writes it");
    send(&mut bench, "u", 3, json!({"carrier_tracking_ref": null}));
    assert_eq!(linked(&bench, 5), ["1Z1", "1Z2", "1Z3"], "the warehouse still says so");
    let two = advice("WH/OUT/00005", "SH-2", "", &["1Z4"]);
    take(&mut bench, 2, &two);
    assert_eq!(linked(&bench, 5).len(), 4, "a second shipment comes on top");
}

#[test]
fn a_notice_without_a_delivery_is_told_to_people_and_never_silently_forgotten() {
    let mut bench = Bench::new(settings());
    take(&mut bench, 1, &advice("S00077", "SH-1", "", &["1Z1"]));
    bench.tick(bench.now + 23 * 60 * MINUTE);
    assert_eq!(cases(&bench), []);
    bench.tick(bench.now + 2 * 60 * MINUTE);
    let told = [("open".to_owned(), "a notice of what was shipped names no delivery in Odoo: S00077".to_owned())];
    assert_eq!(cases(&bench), told);
    let mut late = Bench { memory: bench.memory.clone(), now: bench.now, published: bench.published.clone(), ..Bench::new(settings()) };

    bench.tick(bench.now + 46 * DAY);
    assert_eq!(cases(&bench), told, "told once");
    assert!(bench.memory.values.is_empty(), "{:?}", bench.memory.values.keys());

    send(&mut late, "c", 2, json!({"origin": "S00077"}));
    late.tick(late.now + SETTLED);
    assert_eq!((linked(&late, 5), opened(&late)), (vec!["1Z1".to_owned()], 0), "what comes late settles it");
}

#[test]
fn the_window_may_be_shorter_than_the_patience() {
    let short = OdooNormalizerSettings { unmatched_after: 90 * DAY, ..settings() };
    let mut bench = Bench::new(short);
    take(&mut bench, 1, &advice("S00077", "SH-1", "", &["1Z1"]));
    bench.tick(bench.now + 46 * DAY);
    assert_eq!(opened(&bench), 1);
}

#[test]
fn which_of_several_deliveries_is_meant_is_not_guessed() {
    let two = |bench: &mut Bench| {
        send(bench, "c", 2, json!({"state": "done"}));
        send(bench, "c", 3, json!({"id": 6, "name": "WH/OUT/00006", "backorder_id": 5}));
    };
    let body = advice("S00003", "SH-1", "", &["1Z1", "1Z2"]);
    let mut bench = Bench::new(settings());
    two(&mut bench);
    assert_eq!(take(&mut bench, 1, &body), [Verdict::Publish], "a case");
    assert!(bench.link_history().is_empty());
    let told = "a notice of what was shipped may mean several deliveries in Odoo: S00003";
    assert_eq!(cases(&bench), [("open".to_owned(), told.to_owned())]);
    bench.tick(bench.now + 2 * DAY);
    assert_eq!(cases(&bench).len(), 1, "once");
    // A person puts one of its numbers where it belongs.
    send(&mut bench, "u", 9, json!({"id": 6, "name": "WH/OUT/00006", "carrier_tracking_ref": "1Z2"}));
    bench.tick(bench.now + SETTLED);
    assert_eq!((linked(&bench, 5), linked(&bench, 6), opened(&bench)), (vec![], vec!["1Z1".to_owned(), "1Z2".to_owned()], 0));

    let mut cancelled = Bench::new(settings());
    two(&mut cancelled);
    take(&mut cancelled, 1, &body);
    send(&mut cancelled, "u", 9, json!({"id": 6, "name": "WH/OUT/00006", "state": "cancel"}));
    cancelled.tick(cancelled.now + SETTLED);
    assert_eq!((linked(&cancelled, 5).len(), opened(&cancelled)), (2, 0));

    let mut before = Bench::new(settings());
    take(&mut before, 1, &body);
    two(&mut before);
    before.tick(before.now + SETTLED);
    assert_eq!((before.link_history().len(), opened(&before)), (0, 1), "the first is not taken for the only one");
    let mut by_name = Bench::new(settings());
    two(&mut by_name);
    take(&mut by_name, 1, &advice("WH/OUT/00006", "SH-1", "S00003", &["1Z1"]));
    assert_eq!((linked(&by_name, 6), cases(&by_name).len()), (vec!["1Z1".to_owned()], 0), "its own name goes before the order's");
}

#[test]
fn a_name_that_very_many_deliveries_have_means_none() {
    let mut bench = Bench::new(settings());
    for id in 5..60 {
        let state = if id == 59 { "assigned" } else { "cancel" };
        send(&mut bench, "c", id, json!({"id": id, "name": format!("WH/OUT/{id:05}"), "state": state}));
    }
    take(&mut bench, 1, &advice("S00003", "SH-1", "", &["1Z1"]));
    assert_eq!((bench.link_history().len(), opened(&bench)), (0, 1), "of those that are no longer listed any may be meant");
}

#[test]
fn a_return_is_not_meant_by_what_was_shipped() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    send(&mut bench, "c", 3, json!({"id": 6, "name": "WH/IN/00006", "return_id": 5, "origin": "S00003"}));
    take(&mut bench, 1, &advice("S00003", "SH-1", "", &["1Z1"]));
    assert_eq!(linked(&bench, 5), ["1Z1"]);
}

#[test]
fn a_corrected_notice_stands_in_the_place_of_the_first() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    send(&mut bench, "c", 3, json!({"id": 6, "name": "WH/OUT/00006", "sale_id": 4, "origin": "S00004"}));
    take(&mut bench, 1, &ship_notice("00", "N-1", "S00003", &["1Z1", "1Z2"]));
    take(&mut bench, 2, &ship_notice("05", "N-1", "S00003", &["1Z2", "1Z3"]));
    assert_eq!(linked(&bench, 5), ["1Z2", "1Z3"]);
    assert_eq!(take(&mut bench, 1, &ship_notice("00", "N-1", "S00003", &["1Z1", "1Z2"])), [Verdict::Duplicate("superseded")]);
    take(&mut bench, 3, &ship_notice("04", "N-1", "S00003", &["1Z4"]));
    assert_eq!(linked(&bench, 5), ["1Z2", "1Z3", "1Z4"], "a change need not tell all");
    take(&mut bench, 4, &ship_notice("05", "N-1", "S00004", &["1Z3"]));
    assert_eq!((linked(&bench, 5), linked(&bench, 6)), (vec![], vec!["1Z3".to_owned()]), "it was for another order");
    take(&mut bench, 5, &ship_notice("00", "N-2", "S00004", &["1Z9"]));
    assert_eq!(linked(&bench, 6), ["1Z3", "1Z9"], "another notice takes nothing from this one");
}

#[test]
fn a_correction_reaches_a_notice_that_waits() {
    let mut bench = Bench::new(settings());
    take(&mut bench, 1, &ship_notice("00", "N-1", "S00077", &["1Z1"]));
    bench.tick(bench.now + 2 * DAY);
    assert_eq!(opened(&bench), 1);
    take(&mut bench, 2, &ship_notice("05", "N-1", "S00077", &["1Z0", "1Z1"]));
    take(&mut bench, 3, &ship_notice("05", "N-1", "S00003", &["1Z1"]));
    assert_eq!(opened(&bench), 0, "what is no longer said is no case");
    send(&mut bench, "c", 2, json!({}));
    bench.tick(bench.now + SETTLED);
    assert_eq!(linked(&bench, 5), ["1Z1"]);
}

#[test]
fn a_notice_that_is_taken_back_links_nothing() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    take(&mut bench, 1, &ship_notice("00", "N-1", "S00003", &["1Z1", "1Z2"]));
    assert_eq!(take(&mut bench, 2, "ST*856*1~BSN*01*N-1*20261121*0700~SE*3*1~"), [Verdict::Publish]);
    assert!(linked(&bench, 5).is_empty());
    assert_eq!(take(&mut bench, 2, "ST*856*1~BSN*01*N-1*20261121*0700~SE*3*1~"), [Verdict::Duplicate("unknown_notice")]);
    assert_eq!(take(&mut bench, 1, &ship_notice("00", "N-1", "S00003", &["1Z1"])), [Verdict::Duplicate("superseded")], "it comes late");
    assert_eq!(take(&mut bench, 3, &ship_notice("00", "N-1", "S00003", &["1Z1"])), [Verdict::Publish], "it is sent anew");

    let mut waits = Bench::new(settings());
    take(&mut waits, 1, &ship_notice("00", "N-1", "S00003", &["1Z1"]));
    take(&mut waits, 2, "ST*856*1~BSN*01*N-1*20261121*0700~SE*3*1~");
    send(&mut waits, "c", 2, json!({}));
    waits.tick(waits.now + 2 * DAY);
    assert_eq!((waits.link_history().len(), cases(&waits).len()), (0, 0));
}

#[test]
fn a_notice_without_a_number_only_adds() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    take(&mut bench, 2, &advice("WH/OUT/00005", "", "", &["1Z1"]));
    take(&mut bench, 1, &advice("WH/OUT/00005", "", "", &["1Z2"]));
    assert_eq!(linked(&bench, 5), ["1Z1", "1Z2"], "in whichever order they come");
}

#[test]
fn what_was_shipped_finds_another_delivery_when_the_first_is_cancelled() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    take(&mut bench, 1, &advice("S00003", "SH-1", "", &["1Z1"]));
    send(&mut bench, "u", 3, json!({"state": "cancel"}));
    assert!(linked(&bench, 5).is_empty());
    send(&mut bench, "c", 4, json!({"id": 6, "name": "WH/OUT/00006"}));
    bench.tick(bench.now + SETTLED);
    assert_eq!((linked(&bench, 5), linked(&bench, 6)), (vec![], vec!["1Z1".to_owned()]));
    bench.send(TOPIC, &event("stock_picking", "d", 9, json!({"id": 6})));
    send(&mut bench, "u", 10, json!({"state": "assigned"}));
    bench.tick(bench.now + SETTLED);
    assert_eq!((linked(&bench, 5), linked(&bench, 6)), (vec!["1Z1".to_owned()], vec![]));
}

#[test]
fn an_order_that_learns_its_name_is_found() {
    let mut bench = Bench::new(settings());
    take(&mut bench, 1, &advice("DEPOT-9", "SH-1", "PO-881", &["1Z1"]));
    send(&mut bench, "c", 2, json!({}));
    bench.tick(bench.now + SETTLED);
    assert!(bench.link_history().is_empty());
    order(&mut bench);
    bench.tick(bench.now + SETTLED);
    assert_eq!(linked(&bench, 5), ["1Z1"]);
}

#[test]
fn other_instances_are_not_asked() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    let mut notice = consignments(&bench, 1, &advice("S00003", "SH-1", "", &["1Z1"])).remove(0);
    notice.odoo_instance = "one_company".into();
    assert_eq!(bench.fold_one(Record::ShipmentNotice(Box::new(notice))), Verdict::Duplicate("waiting"));
}

#[test]
fn only_so_many_wait() {
    let mut bench = Bench::new(settings());
    let verdict = |bench: &mut Bench, n: u32| take(bench, n, &advice("S00003", &format!("SH-{n}"), "", &[&format!("1Z{n}")])).remove(0);
    for n in 1..=256 {
        assert_eq!(verdict(&mut bench, n), Verdict::Duplicate("waiting"), "{n}");
    }
    let parked = verdict(&mut bench, 257);
    assert!(matches!(&parked, Verdict::Park(park) if park.code == Code::TOO_MANY), "{parked:?}");
    send(&mut bench, "c", 2, json!({}));
    assert_eq!(verdict(&mut bench, 258), Verdict::Publish, "what need not wait needs no room");
    bench.tick(bench.now + SETTLED);
    assert_eq!(linked(&bench, 5).len(), 257);
    assert_eq!(verdict(&mut bench, 257), Verdict::Publish, "replayed");
    let first = consignments(&bench, 1, &advice("S00003", "SH-X", "", &["1Z1"])).remove(0);
    let parcels: Vec<_> =
        (0..1_001).map(|n| crate::domain::notice::NoticeParcel { shipment_key: format!("Y{n}"), ..first.parcels[0].clone() }).collect();
    let large = bench.fold_one(Record::ShipmentNotice(Box::new(ShipmentNotice { parcels, ..first })));
    assert!(matches!(&large, Verdict::Park(park) if park.code == Code::TOO_MANY), "{large:?}");
}

#[test]
fn a_delivery_takes_only_so_many_parcels() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 2, json!({}));
    for (shipment, from) in [("SH-A", 0), ("SH-B", 600)] {
        let numbers: Vec<String> = (from..from + 600).map(|n| format!("1Z{n}")).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        take(&mut bench, 1, &advice("WH/OUT/00005", shipment, "", &numbers));
    }
    assert_eq!((linked(&bench, 5).len(), opened(&bench)), (600, 1), "the rest is told to people");
}
