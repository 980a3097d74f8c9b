//! What Odoo says about deliveries, orders and invoices, in canonical words. Times are UTC microseconds.

use serde::{Deserialize, Serialize};

use super::money::Amount;

/// An outgoing picking. Avro record `ErpDelivery`, topic `erp.deliveries`, key: delivery key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErpDelivery {
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `res.company` id.
    pub company_id: i64,
    /// `stock.picking` id.
    pub picking_id: i64,
    /// `WH/OUT/00015`; null in a half-filled image.
    pub picking_name: Option<String>,
    /// Odoo's word: draft, waiting, confirmed, assigned, done, cancel.
    pub state: String,
    /// The picking was deleted in Odoo.
    pub deleted: bool,
    /// Source document.
    pub origin: Option<String>,
    /// `sale.order` id.
    pub sale_id: Option<i64>,
    /// `delivery.carrier` id.
    pub carrier_id: Option<i64>,
    /// Name of the delivery method.
    pub carrier_name: Option<String>,
    /// Canonical carrier code, where the configuration or the delivery method tells it.
    pub carrier: Option<String>,
    /// Tracking numbers as Odoo has them.
    pub tracking_numbers: Vec<String>,
    /// Freight that Odoo expects, in `currency`.
    pub carrier_price: Option<Amount>,
    /// ISO 4217, where known.
    pub currency: Option<String>,
    /// Weight in kg (Odoo's unit of the company is taken as kg).
    pub weight: Option<Amount>,
    /// Promised to the customer.
    pub date_deadline: Option<i64>,
    /// Planned.
    pub scheduled_date: Option<i64>,
    /// Validated.
    pub date_done: Option<i64>,
    /// `res.partner` id of the recipient.
    pub partner_id: Option<i64>,
    /// Recipient. Personal data.
    pub partner: Option<Contact>,
    /// The picking this is the return of.
    pub return_of: Option<i64>,
    /// The picking this is the backorder of.
    pub backorder_of: Option<i64>,
    /// When Odoo wrote the image, UTC.
    pub written_at: Option<i64>,
}

/// A contact, as far as a delivery needs it. Personal data throughout.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contact {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// Language, e.g. `de_DE`.
    pub lang: Option<String>,
    /// Street.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// `res.country` id.
    pub country_id: Option<i64>,
}

/// A sales order. Avro record `ErpOrder`, topic `erp.orders`, key `<instance>:<company>:<order id>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErpOrder {
    /// `<instance>:<company>:<order id>`.
    pub order_key: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `res.company` id.
    pub company_id: i64,
    /// `sale.order` id.
    pub order_id: i64,
    /// `S00025`.
    pub name: Option<String>,
    /// draft, sent, sale, cancel.
    pub state: String,
    /// The order was deleted.
    pub deleted: bool,
    /// The customer's own reference.
    pub client_order_ref: Option<String>,
    /// pending, started, partial, full; null when nothing is to be delivered.
    pub delivery_status: Option<String>,
    /// upselling, invoiced, to invoice, no.
    pub invoice_status: Option<String>,
    /// `res.partner` id.
    pub partner_id: Option<i64>,
    /// `res.currency` id.
    pub currency_id: Option<i64>,
    /// Without tax, in the order's currency.
    pub amount_untaxed: Option<Amount>,
    /// With tax, in the order's currency.
    pub amount_total: Option<Amount>,
    /// `stock.warehouse` id.
    pub warehouse_id: Option<i64>,
    /// Ordered.
    pub date_order: Option<i64>,
    /// Promised.
    pub commitment_date: Option<i64>,
    /// When Odoo wrote the image.
    pub written_at: Option<i64>,
}

/// An accounting move. Avro record `ErpInvoice`, topic `erp.invoices`, key `<instance>:<company>:<move id>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErpInvoice {
    /// `<instance>:<company>:<move id>`.
    pub invoice_key: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `res.company` id.
    pub company_id: i64,
    /// `account.move` id.
    pub move_id: i64,
    /// `INV/2026/00001`; null in a draft.
    pub name: Option<String>,
    /// draft, posted, cancel.
    pub state: String,
    /// The move was deleted.
    pub deleted: bool,
    /// entry, out_invoice, out_refund, in_invoice, in_refund, out_receipt, in_receipt.
    pub move_type: String,
    /// Reference (for a vendor bill the carrier's invoice number).
    pub reference: Option<String>,
    /// Source document.
    pub invoice_origin: Option<String>,
    /// not_paid, in_payment, paid, partial, reversed, blocked, invoicing_legacy.
    pub payment_state: Option<String>,
    /// `res.partner` id.
    pub partner_id: Option<i64>,
    /// `account.journal` id.
    pub journal_id: Option<i64>,
    /// `res.currency` id.
    pub currency_id: Option<i64>,
    /// Without tax.
    pub amount_untaxed: Option<Amount>,
    /// With tax.
    pub amount_total: Option<Amount>,
    /// Open.
    pub amount_residual: Option<Amount>,
    /// Accounting date, ISO 8601.
    pub date: Option<String>,
    /// Invoice date, ISO 8601.
    pub invoice_date: Option<String>,
    /// The move this one reverses.
    pub reverses: Option<i64>,
    /// When Odoo wrote the image.
    pub written_at: Option<i64>,
}

/// A tracking number belongs to a delivery, or no longer does. Avro record `ShipmentLink`, topic `shipment.links`, key: shipment key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentLink {
    /// Tracking number in key form.
    pub shipment_key: String,
    /// As Odoo has it; as the sender of a notice wrote it where only the notice tells it.
    pub tracking_number: String,
    /// Canonical carrier code, where Odoo's delivery method or the notice tells it.
    pub carrier: Option<String>,
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// `WH/OUT/00015`, for people.
    pub picking_name: Option<String>,
    /// How many tracking numbers the delivery has after this change, in Odoo and by notices.
    pub parcels_expected: i32,
    /// False when the number was taken away from the delivery.
    pub linked: bool,
    /// When Odoo wrote it, or the notice that tells it reached us, UTC.
    pub linked_at: i64,
}
