//! What carriers ask for and shippers tell, as proptest strategies: invoices, announced charges, notices.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::records::{amount as money, drawn, fields_of, id, micros, raw_ref, text, texts, word};
use crate::domain::event::Label;
use crate::domain::freight::{ChargeType, FreightCharge, FreightInvoice, InvoiceTotals, LineCategory, LineKind};
use crate::domain::notice::{NoticeAction, NoticeParcel, NoticeReference, ReferenceRole, ShipmentNotice};

fn label() -> impl Strategy<Value = Label> {
    text().prop_map(Label::Owned)
}

fn invoice_totals() -> impl Strategy<Value = InvoiceTotals> {
    fields_of!(InvoiceTotals {
        told: of(money()),
        billed: money(),
        charges: id(),
        rows: id(),
        rows_parked: id(),
        rows_untied: id(),
        ties: any::<bool>(),
    })
}

/// Any line of a carrier's invoice.
pub fn freight_invoice() -> impl Strategy<Value = FreightInvoice> {
    fields_of!(FreightInvoice {
        line_id: text(),
        kind: word(LineKind::ALL),
        invoice_id: text(),
        carrier: label(),
        source: label(),
        invoice_number: text(),
        invoice_date: text(),
        due_date: texts(),
        account: texts(),
        currency: text(),
        payment_terms: texts(),
        category: of(word(LineCategory::ALL)),
        shipment_key: texts(),
        tracking_number: texts(),
        lead_number: texts(),
        references: vec(text(), 0..4),
        charge_type: of(word(ChargeType::ALL)),
        raw_class: texts(),
        raw_code: texts(),
        description: texts(),
        amount: of(money()),
        tax: of(money()),
        discount: of(money()),
        service: texts(),
        zone: texts(),
        shipped_on: texts(),
        weight_billed: of(money()),
        weight_told: of(money()),
        weight_unit: texts(),
        pieces: of(any::<i32>()),
        totals: of(invoice_totals()),
        file_sha256: texts(),
        file_line: of(id()),
        raw: raw_ref(),
        mapping_version: label(),
        received_at: micros(),
    })
}

/// Any announced charge.
pub fn freight_charge() -> impl Strategy<Value = FreightCharge> {
    fields_of!(FreightCharge {
        charge_id: text(),
        shipment_key: text(),
        tracking_number: text(),
        carrier: label(),
        source: label(),
        charge_type: word(ChargeType::ALL),
        raw_code: texts(),
        description: texts(),
        amount: of(money()),
        currency: texts(),
        corrects: any::<bool>(),
        weight_billed: of(money()),
        weight_unit: texts(),
        references: vec(text(), 0..4),
        raw: raw_ref(),
        mapping_version: label(),
        received_at: micros(),
    })
}

fn notice_reference() -> impl Strategy<Value = NoticeReference> {
    (word(ReferenceRole::ALL), text()).prop_map(|(role, number)| NoticeReference { role, number })
}

fn notice_parcel() -> impl Strategy<Value = NoticeParcel> {
    (text(), text(), texts()).prop_map(|(shipment_key, tracking_number, sscc)| NoticeParcel { shipment_key, tracking_number, sscc })
}

/// Any consignment of a notice.
pub fn shipment_notice() -> impl Strategy<Value = ShipmentNotice> {
    fields_of!(ShipmentNotice {
        notice_id: text(),
        consignment_id: text(),
        odoo_instance: text(),
        source: label(),
        document: label(),
        sender: text(),
        number: texts(),
        action: word(NoticeAction::ALL),
        sent: texts(),
        part: 1..9_i32,
        parts: 1..9_i32,
        consignments: vec(text(), 0..4),
        references: vec(notice_reference(), 0..4),
        parcels: vec(notice_parcel(), 0..4),
        carrier: of(label()),
        shipped_on: texts(),
        verified: any::<bool>(),
        raw: raw_ref(),
        mapping_version: label(),
        received_at: micros(),
    })
}
