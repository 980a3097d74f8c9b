//! What finance publishes: entries and verdicts, and what it is told by people.

use serde::{Deserialize, Serialize};

use super::facts::DecisionKind;
use super::judge::LineVerdict;
use super::ledger::EntryKind;
use crate::domain::freight::ChargeType;
use crate::domain::money::Amount;
use crate::domain::time::Micros;

/// One balanced double entry. Avro record `FinanceEntry`, topic `finance.entries`, key: `entry_id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinanceEntry {
    /// UUID made from the delivery and the entry's number.
    pub entry_id: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `res.company` id.
    pub company_id: i64,
    /// Why it was made.
    pub kind: EntryKind,
    /// The delivery whose freight it is.
    pub delivery_key: String,
    /// `WH/OUT/00015`, where known.
    pub picking_name: Option<String>,
    /// Carrier code, where known.
    pub carrier: Option<String>,
    /// The invoice that settles it; only on settlements.
    pub invoice_id: Option<String>,
    /// What the freight is for, as it is reckoned together.
    pub charge_type: ChargeType,
    /// In `currency`; positive: more is owed, negative: less.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// The rate used, units of the company's currency for one of `currency`; null where amounts that stood there were taken back.
    pub rate: Option<Amount>,
    /// Day of that rate, ISO 8601 calendar date.
    pub rate_day: Option<String>,
    /// The company's currency, ISO 4217: of debit and credit.
    pub company_currency: String,
    /// Day of what caused it in UTC, or the invoice's date on settlements; ISO 8601 calendar date.
    pub happened_on: String,
    /// Day it is booked on, ISO 8601 calendar date: `happened_on`, or the first day that is still open.
    pub booked_on: String,
    /// Journal in Odoo (`account.journal`).
    pub journal_id: i64,
    /// The lines: their debits equal their credits.
    pub lines: Vec<EntryLine>,
    /// Id of the fact that caused it: event, charge, invoice line or decision.
    pub cause_id: String,
    /// When it was decided, UTC microseconds.
    pub decided_at: Micros,
}

/// One side of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryLine {
    /// Account in Odoo (`account.account`).
    pub account_id: i64,
    /// In the company's currency, zero or more.
    pub debit: Amount,
    /// In the company's currency, zero or more.
    pub credit: Amount,
    /// In the entry's currency, negative on the credit side.
    pub amount_currency: Amount,
}

/// What became of one billed line. Avro record `FreightVerdict`, topic `finance.verdicts`, key: `line_id`; the newest counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreightVerdict {
    /// `FreightInvoice.line_id`.
    pub line_id: String,
    /// `FreightInvoice.invoice_id`.
    pub invoice_id: String,
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// The delivery it was matched with.
    pub delivery_key: Option<String>,
    /// Tracking number in key form, where the line has one.
    pub shipment_key: Option<String>,
    /// What it is reckoned under.
    pub charge_type: ChargeType,
    /// As billed, in `currency`.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// What it is.
    pub verdict: LineVerdict,
    /// Whether it is paid.
    pub accepted: bool,
    /// Why, in plain words.
    pub reason: String,
    /// The case for a person, where it is not paid.
    pub exception_id: Option<String>,
    /// Counts the verdicts on this line, from 1.
    pub version: i64,
    /// When it was judged, UTC microseconds.
    pub judged_at: Micros,
}

/// What a person has decided about a case. Avro record `ExceptionDecision`, topic `exception.decisions`, key: `book`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExceptionDecision {
    /// `ExceptionRaised.exception_id`.
    pub exception_id: String,
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// What is to be done.
    pub kind: DecisionKind,
    /// Who decided: a login, for the record.
    pub decided_by: String,
    /// When, UTC microseconds: of two about one case the earlier counts.
    pub decided_at: Micros,
}
