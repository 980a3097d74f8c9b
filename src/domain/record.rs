//! Every canonical record that travels on a topic, as one type.

use serde::{Deserialize, Serialize};

use super::coverage::SourceCounts;
use super::dedup;
use super::delivery::{DeliveryStatus, ParcelChange, ShipmentStatus};
use super::erp::{ErpDelivery, ErpInvoice, ErpOrder, ShipmentLink};
use super::event::ShipmentEvent;
use super::exception::ExceptionRaised;
use super::finance::facts::FinanceFact;
use super::finance::records::{ExceptionDecision, FinanceEntry, FreightVerdict};
use super::freight::{FreightCharge, FreightInvoice};
use super::notice::ShipmentNotice;
use super::odoo_command::{OdooCommand, OdooResult};

/// One Odoo record as it stood after a change, in Odoo's own field names. Avro record `OdooImage`, internal topic
/// `odoo.images`, key: the Odoo instance, so that everything of one database is seen in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OdooImage {
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `stock.picking`, `sale.order`, `account.move`, `delivery.carrier`, `res.partner`.
    pub model: String,
    /// Record id.
    pub record_id: i64,
    /// The record was deleted: `fields` is an empty object.
    pub deleted: bool,
    /// The columns as a JSON object: plain numbers, strings and nulls, decimals as strings, times as `YYYY-MM-DD HH:MM:SS[.ffffff]` UTC. Personal data.
    pub fields: String,
    /// Whether `fields` has every column (a change event) or only those that a webhook was set up to send.
    pub complete: bool,
    /// `debezium` or `webhook`.
    pub origin: String,
    /// PostgreSQL transaction, where known.
    pub transaction_id: Option<i64>,
    /// Position in PostgreSQL's log, where known: later is higher.
    pub log_position: Option<i64>,
    /// When the raw record reached us, UTC microseconds.
    pub received_at: i64,
}

/// Any canonical record.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is its record")]
pub enum Record {
    ShipmentEvent(Box<ShipmentEvent>),
    ShipmentStatus(Box<ShipmentStatus>),
    DeliveryStatus(Box<DeliveryStatus>),
    ShipmentLink(Box<ShipmentLink>),
    ExceptionRaised(Box<ExceptionRaised>),
    ErpDelivery(Box<ErpDelivery>),
    ErpOrder(Box<ErpOrder>),
    ErpInvoice(Box<ErpInvoice>),
    OdooImage(Box<OdooImage>),
    OdooCommand(Box<OdooCommand>),
    OdooResult(Box<OdooResult>),
    ParcelChange(Box<ParcelChange>),
    FreightInvoice(Box<FreightInvoice>),
    FreightCharge(Box<FreightCharge>),
    FinanceFact(Box<FinanceFact>),
    FinanceEntry(Box<FinanceEntry>),
    FreightVerdict(Box<FreightVerdict>),
    ExceptionDecision(Box<ExceptionDecision>),
    SourceCounts(Box<SourceCounts>),
    ShipmentNotice(Box<ShipmentNotice>),
}

impl Record {
    /// Names of the Avro records, which are the file names in `schemas/`.
    pub const NAMES: &'static [&'static str] = &[
        "ShipmentEvent",
        "ShipmentStatus",
        "DeliveryStatus",
        "ShipmentLink",
        "ExceptionRaised",
        "ErpDelivery",
        "ErpOrder",
        "ErpInvoice",
        "OdooImage",
        "OdooCommand",
        "OdooResult",
        "ParcelChange",
        "FreightInvoice",
        "FreightCharge",
        "FinanceFact",
        "FinanceEntry",
        "FreightVerdict",
        "ExceptionDecision",
        "SourceCounts",
        "ShipmentNotice",
    ];

    /// Name of the Avro record.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ShipmentEvent(_) => "ShipmentEvent",
            Self::ShipmentStatus(_) => "ShipmentStatus",
            Self::DeliveryStatus(_) => "DeliveryStatus",
            Self::ShipmentLink(_) => "ShipmentLink",
            Self::ExceptionRaised(_) => "ExceptionRaised",
            Self::ErpDelivery(_) => "ErpDelivery",
            Self::ErpOrder(_) => "ErpOrder",
            Self::ErpInvoice(_) => "ErpInvoice",
            Self::OdooImage(_) => "OdooImage",
            Self::OdooCommand(_) => "OdooCommand",
            Self::OdooResult(_) => "OdooResult",
            Self::ParcelChange(_) => "ParcelChange",
            Self::FreightInvoice(_) => "FreightInvoice",
            Self::FreightCharge(_) => "FreightCharge",
            Self::FinanceFact(_) => "FinanceFact",
            Self::FinanceEntry(_) => "FinanceEntry",
            Self::FreightVerdict(_) => "FreightVerdict",
            Self::ExceptionDecision(_) => "ExceptionDecision",
            Self::SourceCounts(_) => "SourceCounts",
            Self::ShipmentNotice(_) => "ShipmentNotice",
        }
    }

    /// The id that CloudEvents' `ce_id` carries: the same fact has the same id for ever.
    #[must_use]
    pub fn id(&self) -> String {
        let of = |parts: &[&str]| dedup::uuid(&dedup::id_of(parts));
        match self {
            Self::ShipmentEvent(r) => r.event_id.clone(),
            Self::ShipmentStatus(r) => {
                of(&["shipment-status", &r.carrier, &r.shipment_key, &r.version.to_string(), r.delivery_key.as_deref().unwrap_or("")])
            }
            Self::DeliveryStatus(r) => of(&["delivery-status", &r.delivery_key, &r.version.to_string()]),
            Self::ShipmentLink(r) => {
                of(&["link", &r.delivery_key, &r.shipment_key, if r.linked { "1" } else { "0" }, &r.linked_at.to_string()])
            }
            Self::ExceptionRaised(r) => of(&["exception", &r.exception_id, &r.state]),
            Self::ErpDelivery(r) => of(&["delivery", &r.delivery_key, &format!("{r:?}")]),
            Self::ErpOrder(r) => of(&["order", &r.order_key, &format!("{r:?}")]),
            Self::ErpInvoice(r) => of(&["invoice", &r.invoice_key, &format!("{r:?}")]),
            Self::OdooImage(r) => of(&["image", &format!("{r:?}")]),
            Self::OdooCommand(r) => r.command_id.clone(),
            Self::OdooResult(r) => r.effect_id.clone(),
            Self::ParcelChange(r) => of(&[
                "parcel",
                &r.delivery_key,
                &r.status.carrier,
                &r.status.shipment_key,
                &r.status.version.to_string(),
                if r.linked { "1" } else { "0" },
                &r.changed_at.to_string(),
            ]),
            Self::FreightInvoice(r) => r.line_id.clone(),
            Self::FreightCharge(r) => r.charge_id.clone(),
            Self::FinanceFact(r) => of(&["finance-fact", &r.book, &r.identity()]),
            Self::FinanceEntry(r) => r.entry_id.clone(),
            Self::FreightVerdict(r) => of(&["freight-verdict", &r.book, &r.line_id, &r.version.to_string()]),
            Self::ExceptionDecision(r) => of(&["exception-decision", &r.exception_id, r.kind.as_str(), &r.decided_at.to_string()]),
            Self::SourceCounts(r) => {
                of(&["source-counts", &r.source, &r.hour.to_string(), &r.partition.to_string(), &r.events.to_string()])
            }
            Self::ShipmentNotice(r) => of(&["notice", &r.consignment_id, r.sent.as_deref().unwrap_or(""), &r.raw.sha256]),
        }
    }

    /// When the fact behind the record reached us or was decided, UTC microseconds (`ce_time`).
    #[must_use]
    pub fn time(&self) -> i64 {
        match self {
            Self::ShipmentEvent(r) => r.received_at,
            Self::ShipmentStatus(r) => r.received_at,
            Self::DeliveryStatus(r) => r.received_at,
            Self::ShipmentLink(r) => r.linked_at,
            Self::ExceptionRaised(r) => r.raised_at,
            Self::ErpDelivery(r) => r.written_at.unwrap_or(0),
            Self::ErpOrder(r) => r.written_at.unwrap_or(0),
            Self::ErpInvoice(r) => r.written_at.unwrap_or(0),
            Self::OdooImage(r) => r.received_at,
            Self::OdooCommand(r) => r.requested_at,
            Self::OdooResult(r) => r.settled_at,
            Self::ParcelChange(r) => r.changed_at,
            Self::FreightInvoice(r) => r.received_at,
            Self::FreightCharge(r) => r.received_at,
            Self::FinanceFact(r) => r.received_at,
            Self::FinanceEntry(r) => r.decided_at,
            Self::FreightVerdict(r) => r.judged_at,
            Self::ExceptionDecision(r) => r.decided_at,
            Self::SourceCounts(r) => r.hour,
            Self::ShipmentNotice(r) => r.received_at,
        }
    }
}
