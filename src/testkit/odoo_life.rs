//! What Odoo tells of the deliveries that the parcels belong to, by webhook or by change event.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::Chance;
use super::life::{ODOO, Parcel, RawRecord};

/// A delivery as it stands in the end.
#[derive(Debug, Clone)]
pub struct Picking {
    /// `stock.picking` id.
    pub id: i64,
    /// Shipment keys.
    pub parcels: Vec<String>,
    /// Freight that Odoo expects; zero where it knows none.
    pub price: Decimal,
}

impl Picking {
    /// `<odoo instance>:<company id>:<picking id>`.
    #[must_use]
    pub fn delivery_key(&self) -> String {
        format!("{ODOO}:1:{}", self.id)
    }

    /// What Odoo calls it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("WH/OUT/{:05}", self.id)
    }
}

/// One in ten has none.
fn price(id: i64) -> Decimal {
    if id % 10 == 7 { Decimal::ZERO } else { Decimal::new(500 + id * 137 % 2_000, 2) }
}

/// Four of five parcels get a delivery, of one parcel or two, before or after they are told of. Some are linked to the
/// wrong delivery first. Everything may be told twice.
pub(super) fn changes(chance: &mut Chance, parcels: &[Parcel], span: usize) -> (Vec<Picking>, Vec<(usize, RawRecord)>) {
    let mut pickings = Vec::new();
    let mut changes = Vec::new();
    let mut rest = parcels.iter();
    while let Some(first) = rest.next() {
        if !chance.percent(80) {
            continue;
        }
        let mut numbers = vec![first.key.clone()];
        if chance.percent(30) {
            numbers.extend(rest.next().map(|p| p.key.clone()));
        }
        let id = i64::try_from(pickings.len()).unwrap_or(0) + 1;
        let mut states = vec![None, Some(numbers.join(","))];
        if let (true, Some(wrong)) = (chance.percent(5), chance.one(parcels)) {
            states.insert(1, Some(wrong.key.clone()));
        }
        let webhook = chance.percent(50);
        let mut at = chance.below(span);
        for (step, tracking) in states.iter().enumerate() {
            let body = if webhook { hook(id, step, tracking.as_deref()) } else { change_event(id, step, tracking.as_deref()) };
            let record = RawRecord {
                topic: format!("raw.odoo.{ODOO}"),
                key: Some(format!("stock.picking:{id}")),
                value: Some(body.to_string().into_bytes()),
                headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
                poison: None,
            };
            at += 1 + chance.below(span / 20);
            changes.push((at, record.clone()));
            if chance.percent(20) {
                // Webhooks have no position in a log: only a repetition right behind is known for one.
                at += 1;
                changes.push((at, record));
            }
        }
        pickings.push(Picking { id, parcels: numbers, price: price(id) });
    }
    (pickings, changes)
}

fn row(id: i64, step: usize, tracking: Option<&str>) -> Value {
    json!({
        "id": id, "name": format!("WH/OUT/{id:05}"), "state": if tracking.is_some() { "done" } else { "assigned" }, "company_id": 1,
        "sale_id": id + 100_000, "carrier_tracking_ref": tracking, "write_date": format!("2026-11-01 10:00:{step:02}"),
        "carrier_price": price(id).to_f64(),
    })
}

fn hook(id: i64, step: usize, tracking: Option<&str>) -> Value {
    let mut body = row(id, step, tracking);
    body["_model"] = json!("stock.picking");
    body["_id"] = json!(id);
    body
}

fn change_event(id: i64, step: usize, tracking: Option<&str>) -> Value {
    let op = if step == 0 { "c" } else { "u" };
    let source = json!({"table": "stock_picking", "lsn": 1_000 + step, "txId": 7});
    json!({"before": null, "after": row(id, step, tracking), "op": op, "source": source})
}
