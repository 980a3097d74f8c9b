//! The rules of the fold, one by one.

use serde_json::json;

use super::*;

pub(super) const TOPIC: &str = "db1.public.stock_picking";

pub(super) fn event(table: &str, op: &str, lsn: i64, row: Value) -> Value {
    let (before, after) = if op == "d" { (row, Value::Null) } else { (Value::Null, row) };
    json!({"before": before, "after": after, "op": op, "source": {"table": table, "lsn": lsn, "txId": 7}})
}

/// A picking's row; `changes` are laid over it.
fn picking(changes: &Value) -> Value {
    let mut row = json!({
        "id": 5, "name": "WH/OUT/00005", "state": "assigned", "company_id": 1, "sale_id": 3, "partner_id": 9, "carrier_id": 2,
        "carrier_tracking_ref": null, "carrier_price": null, "weight": "1.5", "origin": "S00003", "write_date": "2026-11-21 10:00:00"
    });
    for (key, value) in changes.as_object().expect("object") {
        row[key] = value.clone();
    }
    row
}

pub(super) fn send(bench: &mut Bench, op: &str, lsn: i64, changes: Value) -> Verdict {
    bench.send(TOPIC, &event("stock_picking", op, lsn, picking(&changes)))
}

fn pairs(bench: &Bench) -> Vec<(String, bool, i32)> {
    bench.link_history().into_iter().map(|l| (l.shipment_key, l.linked, l.parcels_expected)).collect()
}

fn link(key: &str, linked: bool, parcels: i32) -> (String, bool, i32) {
    (key.to_owned(), linked, parcels)
}

#[test]
fn images_of_one_transaction() {
    let mut bench = Bench::new(settings());
    assert_eq!(send(&mut bench, "c", 10, json!({"state": null, "sale_id": null})), Verdict::Duplicate("half_filled"));
    assert_eq!(send(&mut bench, "u", 11, json!({})), Verdict::Publish);
    assert_eq!(send(&mut bench, "u", 12, json!({})), Verdict::Duplicate("unchanged"));
    assert_eq!(send(&mut bench, "u", 13, json!({"write_date": "2026-11-21 10:00:07", "note": "x"})), Verdict::Duplicate("unchanged"));
    assert_eq!(send(&mut bench, "u", 11, json!({"state": "confirmed"})), Verdict::Duplicate("superseded"));
    assert_eq!(bench.deliveries()["main:1:5"].state, "assigned");
}

#[test]
fn numbers_come_and_go() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"carrier_tracking_ref": "A-1"}));
    send(&mut bench, "u", 2, json!({"carrier_tracking_ref": "A-1,B-2"}));
    send(&mut bench, "u", 3, json!({"carrier_tracking_ref": "B-2"}));
    send(&mut bench, "u", 4, json!({"carrier_tracking_ref": null}));
    let expected =
        [link("A1", true, 1), link("A1", true, 2), link("B2", true, 2), link("A1", false, 1), link("B2", true, 1), link("B2", false, 0)];
    assert_eq!(pairs(&bench), expected);
    assert!(bench.deliveries()["main:1:5"].tracking_numbers.is_empty());
}

#[test]
fn cancelled_and_taken_back_and_deleted() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"carrier_tracking_ref": "A1"}));
    send(&mut bench, "u", 2, json!({"carrier_tracking_ref": "A1", "state": "cancel"}));
    send(&mut bench, "u", 3, json!({"carrier_tracking_ref": "A1", "state": "draft"}));
    assert_eq!(bench.send(TOPIC, &event("stock_picking", "d", 4, json!({"id": 5}))), Verdict::Publish);
    assert_eq!(pairs(&bench), [link("A1", true, 1), link("A1", false, 0), link("A1", true, 1), link("A1", false, 0)]);
    let delivery = &bench.deliveries()["main:1:5"];
    assert!(delivery.deleted);
    assert_eq!(delivery.tracking_numbers, ["A1"], "what was deleted is told as it last stood");
    assert_eq!(bench.send_bytes(TOPIC, None), Verdict::Duplicate("tombstone"));
    assert_eq!(bench.send(TOPIC, &event("stock_picking", "d", 4, json!({"id": 5}))), Verdict::Duplicate("unchanged"));
    assert_eq!(send(&mut bench, "u", 3, json!({})), Verdict::Duplicate("superseded"));
    let late = json!({"_model": "stock.picking", "_id": 5, "state": "done", "write_date": "2027-01-01 00:00:00"});
    assert_eq!(bench.send("raw.odoo.main", &late), Verdict::Duplicate("superseded"), "Odoo uses no id twice");
    assert_eq!(send(&mut bench, "r", 9, json!({})), Verdict::Publish, "but a restored database has it again");
}

#[test]
fn a_deletion_of_what_was_never_seen() {
    let mut bench = Bench::new(settings());
    assert_eq!(bench.send(TOPIC, &event("stock_picking", "d", 4, json!({"id": 5}))), Verdict::Duplicate("unknown_record"));
    assert_eq!(send(&mut bench, "u", 3, json!({})), Verdict::Duplicate("superseded"), "an older image does not bring it to life");
    bench.tick(NOON + 46 * 86_400_000_000);
    assert!(bench.memory.values.is_empty(), "and it is forgotten with the window");
}

#[test]
fn only_what_is_shipped_is_a_delivery() {
    let mut bench = Bench::new(settings());
    let bare = json!({"sale_id": null, "carrier_id": null});
    assert_eq!(send(&mut bench, "c", 1, bare.clone()), Verdict::Duplicate("not_a_delivery"));
    let mut numbered = bare.clone();
    numbered["carrier_tracking_ref"] = json!("A1");
    assert_eq!(send(&mut bench, "u", 2, numbered), Verdict::Publish);
    assert_eq!(send(&mut bench, "u", 3, bare), Verdict::Publish, "what had a number stays one");
}

#[test]
fn a_carrier_that_comes_to_be_known_tells_its_deliveries_and_links() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"carrier_tracking_ref": "A1"}));
    assert_eq!(bench.link_history()[0].carrier, None);
    let carrier = |name: &str, kind: &str| json!({"id": 2, "name": json!({"en_US": name}).to_string(), "delivery_type": kind});
    assert_eq!(bench.send("db1.public.delivery_carrier", &event("delivery_carrier", "c", 2, carrier("Parcel", "ups"))), Verdict::Publish);
    assert_eq!(bench.deliveries()["main:1:5"].carrier.as_deref(), Some("ups"));
    assert_eq!(bench.link_history().last().and_then(|l| l.carrier.clone()).as_deref(), Some("ups"));
    assert_eq!(
        bench.send("db1.public.delivery_carrier", &event("delivery_carrier", "u", 3, carrier("Next Day", "fixed"))),
        Verdict::Publish
    );
    assert_eq!(bench.deliveries()["main:1:5"].carrier.as_deref(), Some("dpd"));
    let unused = json!({"id": 77, "name": "{}", "delivery_type": "fixed"});
    let verdict = bench.send("db1.public.delivery_carrier", &event("delivery_carrier", "c", 4, unused));
    assert_eq!(verdict, Verdict::Duplicate("remembered"));
}

#[test]
fn a_carrier_with_many_deliveries_reaches_all_of_them() {
    let mut bench = Bench::new(settings());
    let count: i64 = 450;
    for id in 1..=count {
        send(&mut bench, "c", id, json!({"id": id, "partner_id": null}));
    }
    let carrier = json!({"id": 2, "name": "{\"en_US\": \"Parcel\"}", "delivery_type": "usps"});
    bench.send("db1.public.delivery_carrier", &event("delivery_carrier", "c", 9_000, carrier));
    let known = |bench: &Bench| bench.deliveries().values().filter(|d| d.carrier.as_deref() == Some("usps")).count();
    bench.tick(bench.now);
    assert_eq!(known(&bench), 250, "its newest and one page: no transaction has to hold them all");
    bench.tick(bench.now + 1_000_000);
    assert_eq!(known(&bench), usize::try_from(count).expect("small"));
}

#[test]
fn a_partner_with_many_deliveries_reaches_the_newest() {
    let mut bench = Bench::new(settings());
    for id in 1..=250 {
        send(&mut bench, "c", id, json!({"id": id}));
    }
    let before = bench.published.len();
    let partner = json!({"id": 9, "name": "Ada", "email": "ada@example.com"});
    bench.send("db1.public.res_partner", &event("res_partner", "u", 9_000, partner));
    assert_eq!(bench.published.len() - before, 200);
    assert_eq!(bench.deliveries()["main:1:250"].partner.as_ref().and_then(|p| p.email.as_deref()), Some("ada@example.com"));
    assert_eq!(bench.deliveries()["main:1:50"].partner, None);
}

#[test]
fn what_is_settled_is_forgotten_and_what_is_open_is_not() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"id": 1, "state": "done"}));
    send(&mut bench, "c", 2, json!({"id": 2}));
    bench.tick(NOON + 46 * 86_400_000_000);
    let kept: Vec<_> = bench.memory.values.keys().filter(|k| k.starts_with(b"i:")).collect();
    assert_eq!(kept, [&b"i:stock.picking:main:2".to_vec()]);
}

#[test]
fn a_webhook_adds_what_it_has_and_the_log_has_the_last_word() {
    let mut bench = Bench::new(settings());
    let hook = |changes: Value| {
        let mut body = json!({"_model": "stock.picking", "_id": 5, "_action": "x(#1)", "id": 5});
        for (key, value) in changes.as_object().expect("object") {
            body[key] = value.clone();
        }
        body
    };
    send(&mut bench, "c", 1, json!({}));
    let phantom = hook(json!({"carrier_tracking_ref": "RB1", "write_date": "2026-11-21 10:05:00"}));
    assert_eq!(bench.send("raw.odoo.main", &phantom), Verdict::Publish);
    assert_eq!(bench.deliveries()["main:1:5"].picking_name.as_deref(), Some("WH/OUT/00005"), "the rest is kept");
    let stale = hook(json!({"carrier_tracking_ref": "OLD", "write_date": "2026-11-21 09:00:00"}));
    assert_eq!(bench.send("raw.odoo.main", &stale), Verdict::Duplicate("superseded"));
    assert_eq!(bench.send("raw.odoo.main", &hook(json!({"state": "done"}))), Verdict::Duplicate("superseded"));
    assert_eq!(send(&mut bench, "u", 2, json!({"write_date": "2026-11-21 10:04:00"})), Verdict::Publish);
    assert!(bench.linked().is_empty(), "the rolled-back number is gone");
}

#[test]
fn links_of_a_delivery_never_go_back_in_time() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"carrier_tracking_ref": "A1"}));
    let carrier = json!({"id": 2, "name": "{\"en_US\": \"Parcel\"}", "delivery_type": "ups"});
    bench.send("db1.public.delivery_carrier", &event("delivery_carrier", "c", 2, carrier));
    send(&mut bench, "u", 3, json!({"write_date": "2026-11-21 10:00:01"}));
    let times: Vec<Micros> = bench.link_history().iter().map(|l| l.linked_at).collect();
    assert_eq!(times.len(), 3);
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[test]
fn what_was_settled_long_ago_is_told_once_and_left_alone() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "r", 1, json!({"state": "done", "write_date": "2025-01-01 10:00:00"}));
    let partner = json!({"id": 9, "name": "Ada"});
    let verdict = bench.send("db1.public.res_partner", &event("res_partner", "u", 2, partner));
    assert_eq!(verdict, Verdict::Duplicate("remembered"));
    assert_eq!(bench.deliveries().len(), 1);
    assert!(!bench.memory.values.keys().any(|key| key.starts_with(b"u:")), "it takes no place on a list");
    bench.tick(bench.now);
    assert!(!bench.memory.values.keys().any(|key| key.starts_with(b"i:stock.picking")), "nor in memory");

    send(&mut bench, "u", 3, json!({"id": 6, "state": "done", "partner_id": 9}));
    bench.now += 46 * 86_400_000_000;
    let partner = json!({"id": 9, "name": "Ada Lovelace"});
    let verdict = bench.send("db1.public.res_partner", &event("res_partner", "u", 4, partner));
    assert_eq!(verdict, Verdict::Duplicate("remembered"), "its time came before its alarm");
}

#[test]
fn webhooks_alone_need_a_company() {
    let mut bench = Bench::new(settings());
    let body = json!({"_model": "stock.picking", "_id": 5, "id": 5, "state": "assigned", "carrier_tracking_ref": "A1", "write_date": "2026-11-21 10:05:00"});
    assert_eq!(bench.send("raw.odoo.main", &body), Verdict::Duplicate("half_filled"));
    assert_eq!(bench.send("raw.odoo.one-company", &body), Verdict::Publish);
    assert_eq!(bench.send("raw.odoo.one-company", &body), Verdict::Duplicate("unchanged"));
    let mut done = body.clone();
    done["state"] = json!("done");
    assert_eq!(bench.send("raw.odoo.one-company", &done), Verdict::Publish);
    assert_eq!(bench.send("raw.odoo.one-company", &body), Verdict::Duplicate("superseded"), "sent again by a relay");
}

#[test]
fn a_large_value_that_the_log_left_out_is_kept() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"carrier_tracking_ref": "A1"}));
    send(&mut bench, "u", 2, json!({"carrier_tracking_ref": "__debezium_unavailable_value", "state": "done"}));
    let delivery = &bench.deliveries()["main:1:5"];
    assert_eq!((delivery.state.as_str(), delivery.tracking_numbers.as_slice()), ("done", &["A1".to_owned()][..]));
}

#[test]
fn a_snapshot_of_a_database_on_a_new_server_starts_over() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "u", 900_000, json!({}));
    send(&mut bench, "r", 50, json!({"state": "confirmed"}));
    assert_eq!(send(&mut bench, "u", 60, json!({"state": "done"})), Verdict::Publish, "the new server's log begins lower");
}

#[test]
fn an_order_gives_its_name_where_the_picking_has_no_origin() {
    let mut bench = Bench::new(settings());
    send(&mut bench, "c", 1, json!({"origin": null}));
    let order = json!({"id": 3, "name": "S00003", "state": "sale", "company_id": 1});
    bench.send("db1.public.sale_order", &event("sale_order", "c", 2, order));
    assert_eq!(bench.deliveries()["main:1:5"].origin.as_deref(), Some("S00003"));
    bench.send("db1.public.sale_order", &event("sale_order", "d", 3, json!({"id": 3})));
    bench.tick(NOON + 46 * 86_400_000_000);
    assert!(!bench.memory.values.keys().any(|key| key.windows(10).any(|w| w == b"sale.order")), "nor is its list kept");
}

#[test]
fn avro_and_strangers() {
    let mut bench = Bench::new(settings());
    let mut avro = vec![0, 0, 0, 0, 7];
    avro.extend(event("stock_picking", "c", 1, picking(&json!({}))).to_string().as_bytes());
    assert_eq!(bench.send_bytes(TOPIC, Some(&avro)), Verdict::Publish);
    let code = |verdict: Verdict| match verdict {
        Verdict::Park(park) => Some(park.code),
        _ => None,
    };
    assert_eq!(code(bench.send_bytes(TOPIC, Some(&[0, 0, 0, 0, 8, 1]))), Some(Code::BAD_AVRO));
    assert_eq!(code(bench.send("db2.public.stock_picking", &json!({}))), Some(Code::BAD_CHANGE_EVENT));
    assert_eq!(code(bench.send("raw.odoo.other", &json!({}))), Some(Code::BAD_CHANGE_EVENT));
    assert_eq!(code(bench.send("db1.public.stock_picking", &json!({}))), Some(Code::BAD_CHANGE_EVENT));
    let mut bad = settings();
    bad.instances[0].debezium_topics.push("(".into());
    assert!(ImageReader::new(Arc::new(bad), Arc::new(|_| Ok(Value::Null))).is_err());
}
