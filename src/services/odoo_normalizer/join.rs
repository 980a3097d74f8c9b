//! Remembered images put together to canonical records. Pure.

use super::held::Held;
use super::{OdooNormalizerSettings, carrier, links};
use crate::domain::erp::{Contact, ErpDelivery, ErpInvoice, ErpOrder};
use crate::domain::ids::DeliveryKey;
use crate::domain::time::Micros;

/// Which record of which database, and whose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub instance: &'a str,
    pub company_id: i64,
    pub id: i64,
}

impl Whose<'_> {
    /// Every canonical key of Odoo's records has the shape of the delivery key.
    fn key(self) -> String {
        DeliveryKey::new(self.instance, self.company_id, self.id).0
    }
}

/// The records that a picking points at, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub carrier: Option<Held>,
    pub partner: Option<Held>,
    pub order: Option<Held>,
}

/// The delivery, or `None` while the image is half filled: inside its first transaction a picking has no state yet.
pub(super) fn delivery(whose: Whose<'_>, picking: &Held, around: &Around, settings: &OdooNormalizerSettings) -> Option<ErpDelivery> {
    let of_carrier = |field: &str| around.carrier.as_ref().filter(|c| !c.deleted).and_then(|c| c.text(field));
    let carrier_name = of_carrier("name");
    let carrier = carrier::code(&settings.carriers, carrier_name.as_deref(), of_carrier("delivery_type").as_deref());
    Some(ErpDelivery {
        delivery_key: whose.key(),
        odoo_instance: whose.instance.to_owned(),
        company_id: whose.company_id,
        picking_id: whose.id,
        picking_name: picking.text("name"),
        state: picking.text("state")?,
        deleted: picking.deleted,
        origin: picking.text("origin").or_else(|| around.order.as_ref()?.text("name")),
        sale_id: picking.id("sale_id"),
        carrier_id: picking.id("carrier_id"),
        carrier_name,
        carrier,
        tracking_numbers: picking.text("carrier_tracking_ref").map(|t| links::numbers(&t)).unwrap_or_default(),
        carrier_price: picking.amount("carrier_price"),
        currency: settings.company_currencies.get(&format!("{}:{}", whose.instance, whose.company_id)).cloned(),
        weight: picking.amount("weight"),
        date_deadline: picking.moment("date_deadline"),
        scheduled_date: picking.moment("scheduled_date"),
        date_done: picking.moment("date_done"),
        partner_id: picking.id("partner_id"),
        partner: around.partner.as_ref().filter(|p| !p.deleted).map(contact),
        return_of: picking.id("return_id"),
        backorder_of: picking.id("backorder_id"),
        written_at: picking.moment("write_date"),
    })
}

/// A delivery address often has no name of its own: then Odoo shows the complete name. `mobile` is gone in 19.
fn contact(partner: &Held) -> Contact {
    Contact {
        name: partner.text("name").or_else(|| partner.text("complete_name")),
        email: partner.text("email"),
        phone: partner.text("phone").or_else(|| partner.text("mobile")),
        lang: partner.text("lang"),
        street: partner.text("street"),
        postal_code: partner.text("zip"),
        city: partner.text("city"),
        country_id: partner.id("country_id"),
    }
}

/// The order, or `None` while the image is half filled.
pub(super) fn order(whose: Whose<'_>, order: &Held) -> Option<ErpOrder> {
    Some(ErpOrder {
        order_key: whose.key(),
        odoo_instance: whose.instance.to_owned(),
        company_id: whose.company_id,
        order_id: whose.id,
        name: order.text("name"),
        state: order.text("state")?,
        deleted: order.deleted,
        client_order_ref: order.text("client_order_ref"),
        delivery_status: order.text("delivery_status"),
        invoice_status: order.text("invoice_status"),
        partner_id: order.id("partner_id"),
        currency_id: order.id("currency_id"),
        amount_untaxed: order.amount("amount_untaxed"),
        amount_total: order.amount("amount_total"),
        warehouse_id: order.id("warehouse_id"),
        date_order: order.moment("date_order"),
        commitment_date: order.moment("commitment_date"),
        written_at: order.moment("write_date"),
    })
}

/// The invoice, or `None` while the image is half filled. A draft's name is `/` in 17 and 18 and empty in 19.
pub(super) fn invoice(whose: Whose<'_>, entry: &Held) -> Option<ErpInvoice> {
    Some(ErpInvoice {
        invoice_key: whose.key(),
        odoo_instance: whose.instance.to_owned(),
        company_id: whose.company_id,
        move_id: whose.id,
        name: entry.text("name").filter(|name| name != "/"),
        state: entry.text("state")?,
        deleted: entry.deleted,
        move_type: entry.text("move_type")?,
        reference: entry.text("ref"),
        invoice_origin: entry.text("invoice_origin"),
        payment_state: entry.text("payment_state"),
        partner_id: entry.id("partner_id"),
        journal_id: entry.id("journal_id"),
        currency_id: entry.id("currency_id"),
        amount_untaxed: entry.amount("amount_untaxed"),
        amount_total: entry.amount("amount_total"),
        amount_residual: entry.amount("amount_residual"),
        date: entry.text("date"),
        invoice_date: entry.text("invoice_date"),
        reverses: entry.id("reversed_entry_id"),
        written_at: entry.moment("write_date"),
    })
}

/// When a record may be forgotten: never while something is still to happen to it, else with the window after its last write.
/// Partners and delivery methods stay, since deliveries to come need them.
pub(super) fn forget_at(model: &str, held: &Held, at: Micros, window: Micros) -> Option<Micros> {
    let is = |field: &str, words: &[&str]| held.fields.get(field).and_then(|v| v.as_str()).is_some_and(|v| words.contains(&v));
    let settled = held.deleted
        || match model {
            "stock.picking" => is("state", &["done", "cancel"]),
            "sale.order" => is("state", &["cancel"]) || is("invoice_status", &["invoiced"]),
            "account.move" => {
                is("state", &["cancel"])
                    || is("payment_state", &["paid", "in_payment", "reversed", "invoicing_legacy"])
                    || (is("state", &["posted"]) && is("move_type", &["entry"]))
            }
            _ => false,
        };
    settled.then(|| held.moment("write_date").filter(|_| !held.deleted).unwrap_or(at).saturating_add(window))
}
