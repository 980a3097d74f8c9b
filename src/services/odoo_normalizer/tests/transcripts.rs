//! What real servers sent, read from the recordings beside the checkout.

use std::path::PathBuf;

use serde_json::json;

use super::*;

/// The recordings; `None`, with a word about it, where they are not there.
fn recording(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "where the recordings lie is no setting of the product")]
    let folder =
        std::env::var("WAYBILL_SHARED").map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from);
    let path = folder.join("odoo/transcripts").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is not there", path.display());
    }
    text
}

/// A row of wal2json (format 2) as Debezium would have sent it; `None` for the marks of begin and commit.
fn as_debezium(row: &Value, fallback_lsn: i64) -> Option<Value> {
    let op = match row["action"].as_str()? {
        "I" => "c",
        "U" => "u",
        "D" => "d",
        _ => return None,
    };
    let cells = |of: &str| -> Value {
        let cells = row[of].as_array().expect("cells").iter();
        Value::Object(cells.map(|c| (c["name"].as_str().expect("name").to_owned(), cell(c))).collect())
    };
    let lsn = row["lsn"].as_str().map_or(fallback_lsn, |text| {
        let (high, low) = text.split_once('/').expect("lsn");
        (i64::from_str_radix(high, 16).expect("hex") << 32) + i64::from_str_radix(low, 16).expect("hex")
    });
    let (before, after) = if op == "d" { (cells("identity"), Value::Null) } else { (Value::Null, cells("columns")) };
    let source = json!({"connector": "postgresql", "schema": row["schema"], "table": row["table"], "lsn": lsn, "txId": row["xid"]});
    Some(json!({"before": before, "after": after, "op": op, "source": source, "ts_ms": 1}))
}

fn cell(cell: &Value) -> Value {
    let value = &cell["value"];
    if value.is_null() {
        return Value::Null;
    }
    match cell["type"].as_str().expect("type") {
        "timestamp without time zone" => json!(crate::odoo::changes::utc_micros(value.as_str().expect("text")).expect("moment")),
        "date" => {
            let micros = crate::odoo::changes::utc_micros(value.as_str().expect("text")).expect("day");
            json!(micros / 86_400_000_000)
        }
        "numeric" => {
            let text = value.to_string();
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let unscaled: i64 = format!("{whole}{part}").parse().expect("number");
            json!({"scale": part.len(), "value": base64(&unscaled.to_be_bytes())})
        }
        _ => value.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn replay_wal(bench: &mut Bench, text: &str) {
    for (n, line) in text.lines().enumerate() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let Some(event) = as_debezium(&row, i64::try_from(n).expect("small")) else { continue };
        let table = row["table"].as_str().expect("table");
        let verdict = bench.send(&format!("db1.public.{table}"), &event);
        if crate::odoo::changes::columns::by_table(table).is_some() {
            assert!(!matches!(verdict, Verdict::Park(_)), "line {n} {table}: {verdict:?}");
        } else {
            let Verdict::Park(park) = verdict else { panic!("line {n} {table} is not followed") };
            assert_eq!(park.code, Code::UNKNOWN_TABLE);
        }
    }
}

#[test]
fn an_order_from_creation_to_posted_invoice() {
    let Some(text) = recording("53_cdc_wal2json_19.jsonl") else { return };
    let mut bench = Bench::new(settings());
    replay_wal(&mut bench, &text);

    let delivery = &bench.deliveries()["main:1:31"];
    assert_eq!((delivery.state.as_str(), delivery.sale_id, delivery.carrier_id), ("done", Some(28), Some(1)));
    assert_eq!(delivery.picking_name.as_deref(), Some("WH/OUT/00019"));
    assert_eq!(delivery.tracking_numbers, ["1ZCDC095715"]);
    assert_eq!(delivery.weight.map(|w| w.to_string()).as_deref(), Some("0.03"));
    assert_eq!(delivery.carrier_price, None);
    assert_eq!(delivery.currency.as_deref(), Some("EUR"));
    assert_eq!(delivery.written_at, crate::odoo::changes::utc_micros("2026-11-21 09:57:16.565405"));
    assert_eq!(delivery.date_done, crate::odoo::changes::utc_micros("2026-11-21 09:57:16"));
    assert_eq!(delivery.partner.as_ref().and_then(|p| p.name.as_deref()), Some("Acme Corporation"));
    assert_eq!(bench.deliveries().len(), 1);

    let links = bench.link_history();
    assert_eq!(links.len(), 1, "{links:?}");
    assert_eq!((links[0].shipment_key.as_str(), links[0].parcels_expected, links[0].linked), ("1ZCDC095715", 1, true));
    assert_eq!(Some(links[0].linked_at), crate::odoo::changes::utc_micros("2026-11-21 09:57:16.421381"));

    let order = &bench.orders()["main:1:28"];
    assert_eq!((order.name.as_deref(), order.state.as_str()), (Some("S00028"), "sale"));
    assert_eq!((order.delivery_status.as_deref(), order.invoice_status.as_deref()), (Some("full"), Some("invoiced")));
    assert_eq!(order.amount_total.map(|a| a.to_string()).as_deref(), Some("2250"));

    let invoice = &bench.invoices()["main:1:77"];
    assert_eq!((invoice.name.as_deref(), invoice.state.as_str()), (Some("INV/2026/00012"), "posted"));
    assert_eq!((invoice.move_type.as_str(), invoice.payment_state.as_deref()), ("out_invoice", Some("not_paid")));
    assert_eq!(invoice.date.as_deref(), Some("2026-11-21"));

    let published = bench.published.len();
    replay_wal(&mut bench, &text);
    assert_eq!(bench.published.len(), published, "C2: a second telling publishes nothing");
}

#[test]
fn a_deletion_with_nothing_but_an_id() {
    let Some(text) = recording("54_cdc_delete_19.jsonl") else { return };
    let mut bench = Bench::new(settings());
    replay_wal(&mut bench, &text);
    let invoice = &bench.invoices()["main:1:400"];
    assert!(invoice.deleted);
    assert_eq!(invoice.state, "draft");
}

#[test]
fn webhooks_of_three_versions_with_a_phantom() {
    let Some(text) = recording("40_webhooks_17_18_19.txt") else { return };
    for (version, last_of_three) in [("19", 19), ("18", 19), ("17", 27)] {
        let mut bench = Bench::new(settings());
        let head = format!("## [{version}");
        let mut of_version = false;
        let mut phantom = false;
        for line in text.lines() {
            if line.starts_with("## ") {
                of_version = line.starts_with(&head);
            }
            if let Some(body) = line.strip_prefix("body: ").filter(|_| of_version) {
                let verdict = bench.send_bytes("raw.odoo.one-company", Some(body.as_bytes()));
                assert!(!matches!(verdict, Verdict::Park(_)), "{version}: {verdict:?} {body}");
                phantom |= bench.linked().iter().any(|(_, key)| key.starts_with("RB"));
            }
        }
        assert_eq!(phantom, version != "19", "17 and 18 tell of a write that was rolled back");
        let linked = bench.linked();
        let keys = |picking: i64| -> Vec<String> {
            let delivery = format!("one_company:1:{picking}");
            linked
                .iter()
                .filter(|(d, _)| *d == delivery)
                .map(|(_, k)| k.chars().take_while(|c| !c.is_ascii_digit() || *c == '5').collect())
                .collect()
        };
        let deliveries = bench.deliveries();
        let first = &deliveries["one_company:1:6"];
        assert_eq!(first.state, "done");
        assert_eq!(first.carrier_id, None, "the phantom's delivery method is gone again");
        assert!(first.tracking_numbers.iter().all(|n| n.starts_with("E500-")), "{first:?}");
        assert_eq!((keys(6).len(), keys(2), keys(last_of_three)), (1, vec!["B".to_owned()], vec!["B".to_owned()]), "{linked:?}");
        assert_eq!(deliveries.len(), 3, "a backorder without order, carrier or number is no delivery yet: {:?}", deliveries.keys());
    }
}
