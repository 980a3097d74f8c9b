//! Whether what a carrier bills is what was expected.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::facts::LineFact;
use super::folio::Folio;
use super::weigh::Scales;
use crate::domain::freight::ChargeType;
use crate::domain::vocabulary::words;

words! {
    /// What became of a billed line.
    LineVerdict {
        /// Billed as expected.
        Matched = "matched",
        /// Not as expected, and near enough.
        WithinTolerance = "within_tolerance",
        /// More than expected.
        OverBilled = "over_billed",
        /// Less than expected.
        UnderBilled = "under_billed",
        /// Billed before.
        Duplicate = "duplicate",
        /// No delivery has this tracking number or reference.
        UnknownShipment = "unknown_shipment",
        /// The shipment is known, and this charge was not expected.
        UnexpectedCharge = "unexpected_charge",
        /// A charge for the account as a whole.
        AccountCharge = "account_charge",
    }
}

/// The verdict on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// `LineFact.line_id`.
    pub line_id: String,
    /// What it is.
    pub verdict: LineVerdict,
    /// Whether it is paid.
    pub accepted: bool,
    /// Why, in plain words; amounts with their currency.
    pub reason: String,
}

/// What one invoice bills a delivery in one group, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedUnit {
    /// The invoice.
    pub invoice_id: String,
    /// The group.
    pub group: ChargeType,
    /// What it bills, in the folio's currency; as billed where no rate is known.
    pub billed: Decimal,
    /// What was still expected when it was judged; `None` where nothing was.
    pub expected: Option<Decimal>,
    /// The lines, each with its verdict.
    pub lines: Vec<Judged>,
}

/// What came of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupJudgement {
    /// What is paid, by invoice, in the folio's currency.
    pub accepted: BTreeMap<String, Decimal>,
    /// What of that was paid by decision beside what is expected: it leaves what is still to come as it was.
    pub beside: Decimal,
    /// Nothing more is expected.
    pub closed: bool,
}

/// What came of everything that was billed for a delivery on invoices that say no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// By group.
    pub groups: BTreeMap<ChargeType, GroupJudgement>,
    /// Every unit, in the order in which they were judged.
    pub units: Vec<JudgedUnit>,
}

/// Group, date and invoice: the order in which units are judged.
type Place<'a> = (ChargeType, &'a str, &'a str);

/// Judges what was billed. Invoices are judged in the order of their dates and ids, however they came.
#[must_use]
pub fn judge(folio: &Folio, book: &Book) -> Judgement {
    let mut units: BTreeMap<(ChargeType, &str), Vec<&LineFact>> = BTreeMap::new();
    for line in folio.lines.iter().filter(|l| folio.complete.contains(&l.invoice_id)) {
        units.entry((book.group(line.charge_type), &line.invoice_id)).or_default().push(line);
    }
    let mut judgement = Judgement::default();
    if units.is_empty() {
        return judgement;
    }
    // An invoice is judged once, whatever dates its lines tell.
    let mut units: Vec<(Place<'_>, Vec<&LineFact>)> = units
        .into_iter()
        .map(|((group, id), lines)| ((group, lines.iter().map(|l| l.invoice_date.as_str()).min().unwrap_or_default(), id), lines))
        .collect();
    units.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = folio.expected(book);
    let mut scales: Option<Scales<'_>> = None;
    for ((group, date, invoice_id), lines) in units {
        if let Some(done) = scales.take_if(|s| s.group() != group) {
            done.close(&mut judgement);
        }
        let scales = scales.get_or_insert_with(|| Scales::new(folio, book, group, expected.get(&group).copied()));
        scales.weigh(invoice_id, date, &lines);
    }
    if let Some(done) = scales {
        done.close(&mut judgement);
    }
    judgement
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
