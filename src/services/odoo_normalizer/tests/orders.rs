//! Whatever the order in which the tables arrive, and however often, the end is the same.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The changes of each table in the order of its log; tables are interleaved at will.
fn tables() -> Vec<(&'static str, Vec<Value>)> {
    let event = |table: &str, op: &str, lsn: i64, row: Value| json!({"before": null, "after": row, "op": op, "source": {"table": table, "lsn": lsn, "txId": lsn / 10}});
    let picking = |lsn: i64, id: i64, state: Value, tracking: Value| {
        let row = json!({"id": id, "name": format!("WH/OUT/{id}"), "state": state, "company_id": 1, "sale_id": 3, "partner_id": 9,
            "carrier_id": if lsn > 30 { 3 } else { 2 }, "carrier_tracking_ref": tracking, "write_date": format!("2026-11-21 10:00:{lsn:02}")});
        event("stock_picking", "u", lsn, row)
    };
    let partner = |lsn: i64, email: &str| {
        event("res_partner", "u", lsn, json!({"id": 9, "name": "Ada", "email": email, "write_date": format!("2026-11-21 10:00:{lsn:02}")}))
    };
    let carrier = |lsn: i64, id: i64, kind: &str| {
        event(
            "delivery_carrier",
            "r",
            lsn,
            json!({"id": id, "name": "{\"en_US\":\"M\"}", "delivery_type": kind, "write_date": "2026-01-01 00:00:00"}),
        )
    };
    vec![
        (
            "stock_picking",
            vec![
                picking(10, 5, Value::Null, Value::Null),
                picking(11, 5, json!("assigned"), Value::Null),
                picking(12, 6, json!("assigned"), json!("B1")),
                picking(20, 5, json!("assigned"), json!("A1,A2")),
                picking(31, 5, json!("done"), json!("A2")),
                picking(32, 6, json!("cancel"), json!("B1")),
                picking(34, 5, json!("done"), json!("A2")),
            ],
        ),
        ("res_partner", vec![partner(13, "old@example.com"), partner(33, "new@example.com")]),
        ("delivery_carrier", vec![carrier(1, 2, "ups"), carrier(2, 3, "fedex_rest")]),
        (
            "sale_order",
            vec![event(
                "sale_order",
                "u",
                14,
                json!({"id": 3, "name": "S00003", "state": "sale", "company_id": 1, "write_date": "2026-11-21 10:00:14"}),
            )],
        ),
    ]
}

fn play(bench: &mut Bench, choices: &[usize]) {
    let mut left: Vec<_> = tables().into_iter().map(|(table, events)| (format!("db1.public.{table}"), events.into_iter())).collect();
    let mut choices = choices.iter().chain(std::iter::repeat(&0));
    while !left.is_empty() {
        let at = choices.next().expect("endless") % left.len();
        let (topic, events) = &mut left[at];
        match events.next() {
            Some(event) => {
                let verdict = bench.send(topic, &event);
                assert!(!matches!(verdict, Verdict::Park(_)), "{verdict:?}");
            }
            None => {
                left.remove(at);
            }
        }
        bench.tick(bench.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_order_of_tables_ends_the_same(choices in proptest::collection::vec(0_usize..4, 0..16)) {
        let mut straight = Bench::new(settings());
        play(&mut straight, &[]);
        let mut mixed = Bench::new(settings());
        play(&mut mixed, &choices);
        prop_assert_eq!(mixed.deliveries(), straight.deliveries());
        prop_assert_eq!(mixed.orders(), straight.orders());
        prop_assert_eq!(mixed.linked(), straight.linked());
        let delivery = &mixed.deliveries()["main:1:5"];
        prop_assert_eq!(delivery.carrier.as_deref(), Some("fedex"));
        prop_assert_eq!(delivery.partner.as_ref().and_then(|p| p.email.as_deref()), Some("new@example.com"));
        prop_assert_eq!(mixed.linked().into_iter().map(|(_, key)| key).collect::<Vec<_>>(), vec!["A2".to_owned()]);

        let published = mixed.published.len();
        play(&mut mixed, &choices);
        prop_assert_eq!(mixed.published.len(), published, "C2: told twice, published once");
    }

    #[test]
    fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..300), topic in "(raw\\.odoo\\.main|db1\\.public\\.[a-z_]{1,12})") {
        let mut bench = Bench::new(settings());
        let verdict = bench.send_bytes(&topic, Some(&bytes));
        prop_assert!(verdict != Verdict::Publish);
    }

    #[test]
    fn no_values_bring_it_down(id in any::<i64>(), lsn in any::<i64>(), at in any::<i64>(), number in any::<f64>(), text in any::<String>(), pick in 0_usize..5) {
        let odd = [json!(at), json!(number), json!(text), json!({"scale": at, "value": text}), json!([text])];
        let odd = &odd[pick];
        for column in ["state", "carrier_tracking_ref", "carrier_price", "write_date", "partner_id", "company_id"] {
            let mut row = json!({"id": id, "state": "done", "company_id": 1, "sale_id": 1});
            row[column] = odd.clone();
            let mut bench = Bench::new(settings());
            bench.send("db1.public.stock_picking", &json!({"op": "u", "after": row, "source": {"table": "stock_picking", "lsn": lsn}}));
            bench.tick(bench.now);
        }
    }
}
