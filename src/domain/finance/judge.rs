//! Whether what a carrier bills is what was expected.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::facts::{DecisionKind, LineFact};
use super::folio::{Folio, case_id, in_currency};
use crate::domain::freight::{ChargeType, LineCategory};
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

/// Judges what was billed. Invoices are judged in the order of their dates, however they came.
#[must_use]
pub fn judge(folio: &Folio, book: &Book) -> Judgement {
    let mut units: BTreeMap<(ChargeType, &str, &str), Vec<&LineFact>> = BTreeMap::new();
    for line in folio.lines.iter().filter(|l| folio.complete.contains(&l.invoice_id)) {
        units.entry((book.group(line.charge_type), &line.invoice_date, &line.invoice_id)).or_default().push(line);
    }
    let expected = folio.expected(book);
    let mut judgement = Judgement::default();
    let mut bench: Option<Bench<'_>> = None;
    for ((group, _, invoice_id), lines) in units {
        if let Some(done) = bench.take_if(|b| b.group != group) {
            done.close(&mut judgement);
        }
        let bench = bench.get_or_insert_with(|| Bench::new(folio, book, group, expected.get(&group).copied()));
        bench.unit(invoice_id, &lines);
    }
    if let Some(done) = bench {
        done.close(&mut judgement);
    }
    judgement
}

/// One group being judged, unit by unit.
struct Bench<'a> {
    folio: &'a Folio,
    book: &'a Book,
    group: ChargeType,
    currency: &'a str,
    expected: Option<Decimal>,
    billed: Decimal,
    parcels: BTreeSet<String>,
    closed: bool,
    units: Vec<JudgedUnit>,
}

/// What a unit is found to be.
struct Finding {
    verdict: LineVerdict,
    accepted: bool,
    closes: bool,
    reason: String,
}

impl Finding {
    fn paid(verdict: LineVerdict, closes: bool, reason: String) -> Self {
        Self { verdict, accepted: true, closes, reason }
    }

    fn open(verdict: LineVerdict, reason: String) -> Self {
        Self { verdict, accepted: false, closes: false, reason }
    }
}

impl<'a> Bench<'a> {
    fn new(folio: &'a Folio, book: &'a Book, group: ChargeType, expected: Option<Decimal>) -> Self {
        let currency = folio.currency(book);
        let (billed, closed) = (Decimal::ZERO, false);
        Self { folio, book, group, currency, expected, billed, parcels: BTreeSet::new(), closed, units: Vec::new() }
    }

    fn close(self, judgement: &mut Judgement) {
        let mut accepted = BTreeMap::new();
        for unit in &self.units {
            let paid = unit.lines.iter().any(|l| l.accepted);
            if paid && !unit.billed.is_zero() {
                accepted.insert(unit.invoice_id.clone(), self.paid_of(unit));
            }
        }
        judgement.groups.insert(self.group, GroupJudgement { accepted, closed: self.closed });
        judgement.units.extend(self.units);
    }

    /// What of a unit is paid: lines that repeat others of it are not.
    fn paid_of(&self, unit: &JudgedUnit) -> Decimal {
        let accepted = |line: &&LineFact| unit.lines.iter().any(|j| j.accepted && j.line_id == line.line_id);
        self.folio.lines.iter().filter(accepted).filter_map(|l| self.amount_of(l)).sum()
    }

    fn amount_of(&self, line: &LineFact) -> Option<Decimal> {
        in_currency(line.amount.0, &line.currency, self.currency, &line.invoice_date, self.book)
    }

    fn sum(&self, lines: &[&LineFact]) -> Option<Decimal> {
        lines.iter().map(|l| self.amount_of(l)).sum()
    }

    fn unit(&mut self, invoice_id: &str, lines: &[&LineFact]) {
        let expected = self.expected.map(|e| e - self.billed);
        let Some(billed) = self.sum(lines) else {
            let reason = format!("billed in {}, expected in {}, and no exchange rate is known", lines[0].currency, self.currency);
            let billed = lines.iter().map(|l| l.amount.0).sum();
            return self.settle(invoice_id, lines, &[], billed, expected, Finding::open(LineVerdict::UnexpectedCharge, reason));
        };
        let mut finding = self.find(lines, billed);
        let mut repeated: Vec<&LineFact> = Vec::new();
        if !finding.accepted {
            let (once, again) = without_repetitions(lines);
            if !again.is_empty()
                && let Some(sum) = self.sum(&once)
            {
                let without = self.find(&once, sum);
                if without.accepted {
                    finding = without;
                    repeated = again;
                }
            }
        }
        self.settle(invoice_id, lines, &repeated, billed, expected, finding);
    }

    /// Notes a unit's verdict, after what a person has decided about it.
    fn settle(
        &mut self,
        invoice_id: &str,
        lines: &[&LineFact],
        repeated: &[&LineFact],
        billed: Decimal,
        expected: Option<Decimal>,
        mut finding: Finding,
    ) {
        let decision = self.folio.decisions.get(&case_id(&self.folio.delivery_key, invoice_id, self.group)).map(|d| d.kind);
        let in_our_currency = self.sum(lines).is_some();
        let mut repeated = repeated;
        match decision {
            Some(DecisionKind::Accept) if in_our_currency && (!finding.accepted || !repeated.is_empty()) => {
                finding.reason = format!("{}; accepted by decision", finding.reason);
                (finding.accepted, finding.closes) = (true, true);
                repeated = &[];
            }
            Some(DecisionKind::Reject) if !finding.accepted => finding.reason = format!("{}; rejected by decision", finding.reason),
            _ => {}
        }
        let judged = lines.iter().map(|line| {
            let again = repeated.iter().any(|r| r.line_id == line.line_id);
            let (verdict, accepted) = if again { (LineVerdict::Duplicate, false) } else { (finding.verdict, finding.accepted) };
            let reason = if again { "the same charge stands on this invoice twice".to_owned() } else { finding.reason.clone() };
            Judged { line_id: line.line_id.clone(), verdict, accepted, reason }
        });
        let unit = JudgedUnit { invoice_id: invoice_id.to_owned(), group: self.group, billed, expected, lines: judged.collect() };
        if finding.accepted {
            self.billed += self.paid_of(&unit);
            self.closed |= finding.closes;
            self.parcels.extend(lines.iter().filter_map(|l| l.shipment_key.clone()));
        }
        self.units.push(unit);
    }

    fn find(&mut self, lines: &[&LineFact], billed: Decimal) -> Finding {
        if billed.is_zero() {
            return Finding::paid(LineVerdict::Matched, false, "nothing to pay".to_owned());
        }
        let Some(expected) = self.expected else { return self.find_unexpected(billed) };
        let rest = expected - self.billed;
        let tolerance = self.tolerance(lines, expected);
        let difference = billed - rest;
        if let Some(finding) = self.near(difference, tolerance, billed, rest, "") {
            return finding;
        }
        let told = self.told(billed, rest);
        if let Some(finding) = self.together(billed, rest, tolerance) {
            return finding;
        }
        if billed.is_sign_negative() {
            return self.find_credit(billed);
        }
        if difference.is_sign_negative() && !self.whole(lines) {
            let reason = format!("{told}; only some of the {} parcels are on this invoice", self.folio.parcels().len());
            return Finding::paid(LineVerdict::Matched, false, reason);
        }
        if difference.is_sign_negative() {
            return Finding::open(LineVerdict::UnderBilled, format!("{told}, {} less", self.money(-difference)));
        }
        let correction = lines.iter().any(|l| l.category == LineCategory::Adjustment);
        if let Some(before) = self.units.iter().find(|u| u.billed == billed && !correction) {
            return Finding::open(
                LineVerdict::Duplicate,
                format!("{} was billed before, on invoice {}", self.money(billed), before.invoice_id),
            );
        }
        let why = weights(lines).map(|w| format!("; {w}")).unwrap_or_default();
        let settled = if self.closed { ", after it was settled" } else { "" };
        Finding::open(LineVerdict::OverBilled, format!("{told}, {} more{settled}{why}", self.money(difference)))
    }

    /// Nothing was expected in this group.
    fn find_unexpected(&mut self, billed: Decimal) -> Finding {
        let name = self.group;
        if let Some(finding) = self.together(billed, Decimal::ZERO, Decimal::ZERO) {
            return finding;
        }
        if billed.is_sign_negative() {
            return self.find_credit(billed);
        }
        let tolerance = self.book.tolerance(self.carrier(), self.group).absolute.unwrap_or_default();
        if self.billed + billed <= tolerance {
            let reason =
                format!("{} for {name}, which was not expected, is within the {} allowed", self.money(billed), self.money(tolerance));
            return Finding::paid(LineVerdict::WithinTolerance, false, reason);
        }
        if let Some(before) = self.units.iter().find(|u| u.billed == billed) {
            return Finding::open(
                LineVerdict::Duplicate,
                format!("{} was billed before, on invoice {}", self.money(billed), before.invoice_id),
            );
        }
        Finding::open(LineVerdict::UnexpectedCharge, format!("{} for {name}, and none was expected", self.money(billed)))
    }

    fn find_credit(&self, billed: Decimal) -> Finding {
        if self.billed.is_sign_positive() && self.billed + billed >= Decimal::ZERO && !self.billed.is_zero() {
            return Finding::paid(LineVerdict::Matched, false, format!("a credit of {} on what was billed", self.money(-billed)));
        }
        Finding::open(LineVerdict::UnexpectedCharge, format!("a credit of {} for what was never paid", self.money(-billed)))
    }

    /// Billed as expected or nearly so.
    fn near(&self, difference: Decimal, tolerance: Decimal, billed: Decimal, rest: Decimal, with: &str) -> Option<Finding> {
        let (verdict, closes) = if difference.is_zero() {
            (LineVerdict::Matched, true)
        } else if difference.abs() <= tolerance {
            (LineVerdict::WithinTolerance, true)
        } else {
            return None;
        };
        Some(Finding::paid(verdict, closes, format!("{}{with}", self.told(billed, rest))))
    }

    /// Together with earlier units that stand open it may be what was expected: the rest of a part, the credit of too much.
    fn together(&mut self, billed: Decimal, rest: Decimal, tolerance: Decimal) -> Option<Finding> {
        let open =
            |u: &JudgedUnit| !u.lines.iter().any(|l| l.accepted) && self.decision(u) != Some(DecisionKind::Reject) && self.is_ours(u);
        let numbers: Vec<usize> = (0..self.units.len()).filter(|n| self.units.get(*n).is_some_and(open)).collect();
        if numbers.is_empty() {
            return None;
        }
        let sum: Decimal = numbers.iter().filter_map(|n| self.units.get(*n)).map(|u| u.billed).sum();
        let names: Vec<&str> = numbers.iter().filter_map(|n| self.units.get(*n)).map(|u| u.invoice_id.as_str()).collect();
        let with = format!(", together with invoice {}", names.join(", "));
        let finding = self.near(billed + sum - rest, tolerance, billed + sum, rest, &with)?;
        for number in numbers {
            let Some(unit) = self.units.get_mut(number) else { continue };
            for line in &mut unit.lines {
                (line.verdict, line.accepted) = (finding.verdict, true);
                line.reason.clone_from(&finding.reason);
            }
        }
        self.billed += sum;
        Some(finding)
    }

    fn decision(&self, unit: &JudgedUnit) -> Option<DecisionKind> {
        self.folio.decisions.get(&case_id(&self.folio.delivery_key, &unit.invoice_id, self.group)).map(|d| d.kind)
    }

    /// Whether all of a unit is in a currency that can be reckoned with.
    fn is_ours(&self, unit: &JudgedUnit) -> bool {
        let of_unit = |line: &&LineFact| unit.lines.iter().any(|j| j.line_id == line.line_id);
        self.folio.lines.iter().filter(of_unit).all(|l| self.amount_of(l).is_some())
    }

    /// Whether these lines and what was billed before cover every parcel.
    fn whole(&self, lines: &[&LineFact]) -> bool {
        let parcels = self.folio.parcels();
        let pieces = lines.iter().filter_map(|l| l.pieces).max().and_then(|p| usize::try_from(p).ok()).unwrap_or(0);
        let covers = |key: &String| self.parcels.contains(key) || lines.iter().any(|l| l.shipment_key.as_ref() == Some(key));
        parcels.len() <= 1 || pieces >= parcels.len() || parcels.iter().all(covers)
    }

    fn tolerance(&self, lines: &[&LineFact], expected: Decimal) -> Decimal {
        let carrier = lines.first().map_or("", |l| l.carrier.as_str());
        self.book.tolerance(carrier, self.group).of(expected)
    }

    fn carrier(&self) -> &str {
        self.folio.lines.first().map_or("", |l| l.carrier.as_str())
    }

    fn money(&self, amount: Decimal) -> String {
        format!("{} {}", amount.normalize(), self.currency)
    }

    fn told(&self, billed: Decimal, rest: Decimal) -> String {
        format!("billed {} for {}, expected {}", self.money(billed), self.group, self.money(rest))
    }
}

/// Lines, and those that repeat another one of them in all that is told.
fn without_repetitions<'a>(lines: &[&'a LineFact]) -> (Vec<&'a LineFact>, Vec<&'a LineFact>) {
    let mut seen = BTreeSet::new();
    lines.iter().partition(|l| {
        let weight = l.weight_billed.map(|w| w.0);
        seen.insert((&l.shipment_key, l.charge_type, &l.raw_code, &l.description, l.amount.0, &l.currency, weight))
    })
}

/// What the lines say about weights that differ.
fn weights(lines: &[&LineFact]) -> Option<String> {
    lines.iter().find_map(|line| {
        let (billed, told) = (line.weight_billed?, line.weight_told?);
        let unit = line.weight_unit.as_deref().unwrap_or("");
        (billed != told).then(|| format!("billed by {billed} {unit}, told were {told} {unit}").trim_end().to_owned())
    })
}
