//! What finance is told and what it says, as proptest strategies.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::records::{amount as money, drawn, fields_of, id, micros, raw_ref, text, texts, word};
use crate::domain::finance::facts::{
    ChargeFact, DecisionFact, DecisionKind, DeliveryFact, FinanceFact, LineFact, MovementFact, TotalsFact,
};
use crate::domain::finance::judge::LineVerdict;
use crate::domain::finance::ledger::EntryKind;
use crate::domain::finance::records::{EntryLine, ExceptionDecision, FinanceEntry, FreightVerdict};
use crate::domain::freight::{ChargeType, LineCategory};

fn delivery_fact() -> impl Strategy<Value = DeliveryFact> {
    fields_of!(DeliveryFact {
        delivery_key: text(),
        picking_name: texts(),
        origin: texts(),
        carrier: texts(),
        shipment_keys: vec(text(), 0..4),
        price: of(money()),
        currency: texts(),
        weight: of(money()),
        done_at: of(micros()),
        void: any::<bool>(),
        written_at: of(micros()),
    })
}

fn movement_fact() -> impl Strategy<Value = MovementFact> {
    fields_of!(MovementFact {
        delivery_key: text(),
        version: id(),
        accepted_at: of(micros()),
        moved_at: of(micros()),
        delivered_at: of(micros()),
        cancelled: any::<bool>(),
        event_id: texts(),
    })
}

fn charge_fact() -> impl Strategy<Value = ChargeFact> {
    fields_of!(ChargeFact {
        charge_id: text(),
        shipment_key: text(),
        carrier: text(),
        charge_type: word(ChargeType::ALL),
        raw_code: texts(),
        amount: money(),
        currency: text(),
        corrects: any::<bool>(),
        told_at: micros(),
    })
}

fn line_fact() -> impl Strategy<Value = LineFact> {
    fields_of!(LineFact {
        line_id: text(),
        invoice_id: text(),
        invoice_number: text(),
        invoice_date: text(),
        due_date: texts(),
        carrier: text(),
        category: word(LineCategory::ALL),
        shipment_key: texts(),
        references: vec(text(), 0..4),
        charge_type: word(ChargeType::ALL),
        raw_code: texts(),
        description: texts(),
        amount: money(),
        currency: text(),
        weight_billed: of(money()),
        weight_told: of(money()),
        weight_unit: texts(),
        pieces: of(any::<i32>()),
        raw: raw_ref(),
    })
}

fn totals_fact() -> impl Strategy<Value = TotalsFact> {
    fields_of!(TotalsFact { invoice_id: text(), told: of(money()), billed: money(), charges: id(), ties: any::<bool>() })
}

fn decision_fact() -> impl Strategy<Value = DecisionFact> {
    fields_of!(DecisionFact { exception_id: text(), kind: word(DecisionKind::ALL), decided_at: micros() })
}

/// Any fact for the books; unlike real ones it may tell several things, or nothing.
pub fn finance_fact() -> impl Strategy<Value = FinanceFact> {
    fields_of!(FinanceFact {
        book: text(),
        received_at: micros(),
        delivery: of(delivery_fact()),
        movement: of(movement_fact()),
        charge: of(charge_fact()),
        line: of(line_fact()),
        totals: of(totals_fact()),
        decision: of(decision_fact()),
    })
}

fn entry_line() -> impl Strategy<Value = EntryLine> {
    fields_of!(EntryLine { account_id: id(), debit: money(), credit: money(), amount_currency: money() })
}

/// Any entry; unlike real ones it need not balance.
pub fn finance_entry() -> impl Strategy<Value = FinanceEntry> {
    fields_of!(FinanceEntry {
        entry_id: text(),
        odoo_instance: text(),
        company_id: id(),
        kind: word(EntryKind::ALL),
        delivery_key: text(),
        picking_name: texts(),
        carrier: texts(),
        invoice_id: texts(),
        charge_type: word(ChargeType::ALL),
        amount: money(),
        currency: text(),
        rate: of(money()),
        rate_day: texts(),
        rate_source: texts(),
        company_currency: text(),
        happened_on: text(),
        booked_on: text(),
        journal_id: id(),
        lines: vec(entry_line(), 0..4),
        cause_id: text(),
        decided_at: micros(),
    })
}

/// Any verdict.
pub fn freight_verdict() -> impl Strategy<Value = FreightVerdict> {
    fields_of!(FreightVerdict {
        line_id: text(),
        invoice_id: text(),
        book: text(),
        delivery_key: texts(),
        shipment_key: texts(),
        charge_type: word(ChargeType::ALL),
        amount: money(),
        currency: text(),
        verdict: word(LineVerdict::ALL),
        accepted: any::<bool>(),
        reason: text(),
        exception_id: texts(),
        version: id(),
        judged_at: micros(),
    })
}

/// Any decision.
pub fn exception_decision() -> impl Strategy<Value = ExceptionDecision> {
    fields_of!(ExceptionDecision {
        exception_id: text(),
        book: text(),
        kind: word(DecisionKind::ALL),
        decided_by: text(),
        decided_at: micros()
    })
}
