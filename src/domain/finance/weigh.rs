//! One charge group of a delivery, weighed invoice by invoice against what is expected.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::book::Book;
use super::facts::{DecisionKind, LineFact};
use super::folio::{Folio, FolioKind, case_id, in_currency};
use super::judge::{GroupJudgement, Judged, JudgedUnit, Judgement, LineVerdict};
use crate::domain::currency;
use crate::domain::freight::{ChargeType, LineCategory};

/// Invoices that a reason names; more are counted.
const NAMED_MAX: usize = 3;

/// What makes two charges the same one billed again: parcel, type, code, amount, currency, and whether it is a correction.
type Mark<'a> = (Option<&'a str>, ChargeType, Option<&'a str>, Decimal, &'a str, bool);

/// A group being weighed.
pub(super) struct Scales<'a> {
    folio: &'a Folio,
    book: &'a Book,
    group: ChargeType,
    currency: &'a str,
    expected: Option<Decimal>,
    /// What is paid so far.
    billed: Decimal,
    /// What of it a person has paid beside what is expected.
    beside: Decimal,
    closed: bool,
    /// Parcels that are paid for.
    parcels: BTreeSet<&'a str>,
    units: Vec<Unit<'a>>,
    /// The first unit with a charge.
    marks: BTreeMap<Mark<'a>, usize>,
    /// Units that are not paid and wait for a credit or a rest, by amount.
    open: Waiting,
    /// Units that a person will not pay: only a credit can still settle them.
    rejected: Waiting,
}

/// Units that are not paid, by what they bill.
#[derive(Default)]
struct Waiting {
    sum: Decimal,
    by_amount: BTreeSet<(Decimal, usize)>,
}

impl Waiting {
    fn add(&mut self, amount: Decimal, unit: usize) {
        if self.by_amount.insert((amount, unit)) {
            self.sum += amount;
        }
    }

    fn remove(&mut self, amount: Decimal, unit: usize) {
        if self.by_amount.remove(&(amount, unit)) {
            self.sum -= amount;
        }
    }

    /// The one that is nearest to an amount, within `tolerance`; of equals the earliest.
    fn nearest(&self, amount: Decimal, tolerance: Decimal) -> Option<usize> {
        let above = self.by_amount.range((amount, 0)..).next();
        let below = self.by_amount.range(..(amount, 0)).next_back();
        let near = above.into_iter().chain(below).map(|(a, unit)| ((a - amount).abs(), *unit)).min();
        near.filter(|(off, _)| *off <= tolerance).map(|(_, unit)| unit)
    }
}

/// What one invoice bills in the group.
struct Unit<'a> {
    invoice_id: &'a str,
    date: &'a str,
    lines: Vec<Line<'a>>,
    billed: Decimal,
    expected: Option<Decimal>,
    finding: Finding,
}

/// A line with its amount in the folio's currency, where a rate is known.
#[derive(Clone, Copy)]
struct Line<'a> {
    fact: &'a LineFact,
    amount: Option<Decimal>,
    /// Stands here for the second time: not paid, though the others are.
    again: bool,
}

impl<'a> Line<'a> {
    fn mark(&self) -> Mark<'a> {
        let (fact, correction) = (self.fact, self.fact.category == LineCategory::Adjustment);
        (fact.shipment_key.as_deref(), fact.charge_type, fact.raw_code.as_deref(), fact.amount.0, &fact.currency, correction)
    }
}

/// What a unit is found to be.
struct Finding {
    verdict: LineVerdict,
    accepted: bool,
    closes: bool,
    /// Only some of the parcels are billed, which leaves the rest open.
    partial: bool,
    reason: String,
    /// Earlier units that are paid together with this one.
    with: Vec<usize>,
}

impl Finding {
    fn nothing() -> Self {
        Self::open(LineVerdict::UnexpectedCharge, String::new())
    }

    fn paid(verdict: LineVerdict, closes: bool, reason: String) -> Self {
        Self { verdict, accepted: true, closes, partial: false, reason, with: Vec::new() }
    }

    fn open(verdict: LineVerdict, reason: String) -> Self {
        Self { verdict, accepted: false, closes: false, partial: false, reason, with: Vec::new() }
    }
}

impl<'a> Scales<'a> {
    pub(super) fn new(folio: &'a Folio, book: &'a Book, group: ChargeType, expected: Option<Decimal>) -> Self {
        Self {
            folio,
            book,
            group,
            currency: folio.currency(book),
            expected,
            billed: Decimal::ZERO,
            beside: Decimal::ZERO,
            closed: false,
            parcels: BTreeSet::new(),
            units: Vec::new(),
            marks: BTreeMap::new(),
            open: Waiting::default(),
            rejected: Waiting::default(),
        }
    }

    pub(super) fn group(&self) -> ChargeType {
        self.group
    }

    pub(super) fn close(self, judgement: &mut Judgement) {
        let mut accepted: BTreeMap<String, Decimal> = BTreeMap::new();
        for unit in self.units {
            let paid = paid_of(&unit, self.currency);
            if !paid.is_zero() {
                accepted.insert(unit.invoice_id.to_owned(), paid);
            }
            let finding = &unit.finding;
            let judged = unit.lines.iter().map(|line| {
                let (verdict, accepted) = if line.again { (LineVerdict::Duplicate, false) } else { (finding.verdict, finding.accepted) };
                let reason = if line.again { "the same charge stands on an invoice twice".to_owned() } else { finding.reason.clone() };
                Judged { line_id: line.fact.line_id.clone(), verdict, accepted, reason }
            });
            let (lines, invoice_id) = (judged.collect(), unit.invoice_id.to_owned());
            judgement.units.push(JudgedUnit { invoice_id, group: self.group, billed: unit.billed, expected: unit.expected, lines });
        }
        judgement.groups.insert(self.group, GroupJudgement { accepted, beside: self.beside, closed: self.closed });
    }

    /// Judges what one invoice bills; invoices come in the order of their dates.
    pub(super) fn weigh(&mut self, invoice_id: &'a str, date: &'a str, facts: &[&'a LineFact]) {
        let amount = |fact: &LineFact| in_currency(fact.amount.0, &fact.currency, self.currency, &fact.invoice_date, self.book);
        let lines: Vec<Line<'a>> = facts.iter().map(|fact| Line { fact, amount: amount(fact), again: false }).collect();
        let decision = if self.folio.decisions.is_empty() { None } else { self.decision(invoice_id) };
        let expected = self.expected.map(|_| self.rest());
        let mut unit = Unit { invoice_id, date, billed: sum(&lines, self.currency), lines, expected, finding: Finding::nothing() };
        let in_our_currency = unit.lines.iter().all(|l| l.amount.is_some());
        unit.finding = match unit.lines.iter().find(|l| l.amount.is_none()) {
            Some(line) => {
                let known = self.currency;
                let reason = format!("billed in {}, expected in {known}, and no exchange rate is known", line.fact.currency);
                Finding::open(LineVerdict::UnexpectedCharge, reason)
            }
            None => self.find_best(&mut unit, decision),
        };
        self.decide(&mut unit, decision, in_our_currency);
        self.take(unit, decision, in_our_currency);
    }

    fn decision(&self, invoice_id: &str) -> Option<DecisionKind> {
        self.folio.decisions.get(&case_id(&self.folio.delivery_key, invoice_id, self.group)).map(|d| d.kind)
    }

    /// The unit as a whole, or without what stands there twice where only that can be paid or comes nearer.
    fn find_best(&self, unit: &mut Unit<'a>, decision: Option<DecisionKind>) -> Finding {
        let whole = self.find(unit, unit.billed, decision);
        if whole.accepted && whole.verdict == LineVerdict::Matched && !whole.partial {
            return whole;
        }
        let again = self.repetitions(unit);
        if !again.contains(&true) || !again.contains(&false) {
            return whole;
        }
        let lines = unit.lines.iter().zip(&again).filter(|(_, again)| !**again).map(|(line, _)| *line).collect();
        let once = Unit { lines, finding: Finding::nothing(), ..*unit };
        let billed = sum(&once.lines, self.currency);
        let without = self.find(&once, billed, decision);
        let own = || unit.lines.iter().zip(&again).filter(|(_, again)| **again).all(|(line, _)| self.is_own(line));
        let off = |billed: Decimal| (billed - self.rest()).abs();
        let better = !whole.accepted || whole.partial || off(billed) < off(unit.billed);
        if !without.accepted || billed.is_zero() || (without.partial && !own()) || !better {
            return whole;
        }
        for (line, again) in unit.lines.iter_mut().zip(again) {
            line.again = again;
        }
        without
    }

    /// Which lines repeat another one of the unit in all that is told, or one that is paid already.
    fn repetitions(&self, unit: &Unit<'a>) -> Vec<bool> {
        let mut seen = BTreeSet::new();
        let repeats = |line: &Line<'a>| {
            let (mark, fact) = (line.mark(), line.fact);
            let paid = || self.marks.get(&mark).and_then(|n| self.units.get(*n)).is_some_and(|u| u.finding.accepted);
            !seen.insert((mark, &fact.description, fact.weight_billed)) || (!mark.5 && self.billed >= fact.amount.0 && paid())
        };
        unit.lines.iter().map(repeats).collect()
    }

    /// Notes what a person has decided.
    fn decide(&mut self, unit: &mut Unit<'a>, decision: Option<DecisionKind>, in_our_currency: bool) {
        let partly = unit.lines.iter().any(|l| l.again);
        let finding = &mut unit.finding;
        match decision {
            Some(DecisionKind::Accept) if in_our_currency && (!finding.accepted || partly) => {
                let beside =
                    |line: &Line<'_>| line.again || matches!(finding.verdict, LineVerdict::UnexpectedCharge | LineVerdict::Duplicate);
                let amounts = unit.lines.iter().filter(|l| beside(l)).filter_map(|l| l.amount);
                self.beside += currency::round(amounts.sum(), self.currency);
                finding.closes |= matches!(finding.verdict, LineVerdict::OverBilled | LineVerdict::UnderBilled);
                finding.accepted = true;
                finding.reason.push_str("; accepted by decision");
                unit.lines.iter_mut().for_each(|line| line.again = false);
            }
            Some(DecisionKind::Accept) if !finding.accepted => finding.reason.push_str("; accepted by decision, once a rate is known"),
            // What is right beside a repetition was never in question.
            Some(DecisionKind::Reject) if !partly => {
                (finding.accepted, finding.closes) = (false, false);
                finding.reason.push_str("; rejected by decision");
            }
            _ => {}
        }
    }

    /// Adds a unit that is judged.
    fn take(&mut self, mut unit: Unit<'a>, decision: Option<DecisionKind>, in_our_currency: bool) {
        let number = self.units.len();
        for with in std::mem::take(&mut unit.finding.with) {
            let Some(other) = self.units.get_mut(with) else { continue };
            self.open.remove(other.billed, with);
            self.rejected.remove(other.billed, with);
            (other.finding.verdict, other.finding.accepted) = (unit.finding.verdict, true);
            other.finding.reason.clone_from(&unit.finding.reason);
            self.billed += other.billed;
            self.parcels.extend(other.lines.iter().filter_map(|l| l.fact.shipment_key.as_deref()));
        }
        if unit.finding.accepted {
            self.billed += paid_of(&unit, self.currency);
            self.closed |= unit.finding.closes;
            self.parcels.extend(unit.lines.iter().filter_map(|l| l.fact.shipment_key.as_deref()));
        } else if in_our_currency {
            let waiting = if decision == Some(DecisionKind::Reject) { &mut self.rejected } else { &mut self.open };
            waiting.add(unit.billed, number);
        }
        for line in unit.lines.iter().filter(|l| !l.again && !l.fact.amount.0.is_zero()) {
            self.marks.entry(line.mark()).or_insert(number);
        }
        self.units.push(unit);
    }

    fn rest(&self) -> Decimal {
        self.expected.unwrap_or_default() + self.beside - self.billed
    }

    fn find(&self, unit: &Unit<'a>, billed: Decimal, decision: Option<DecisionKind>) -> Finding {
        if billed.is_zero() {
            return Finding::paid(LineVerdict::Matched, false, "nothing to pay".to_owned());
        }
        match self.expected {
            Some(expected) => self.find_expected(unit, billed, expected, decision),
            None => self.find_unexpected(unit, billed, decision),
        }
    }

    fn find_expected(&self, unit: &Unit<'a>, billed: Decimal, expected: Decimal, decision: Option<DecisionKind>) -> Finding {
        let rest = self.rest();
        let tolerance = self.tolerance(unit, expected);
        let (difference, whole) = (billed - rest, self.whole(unit));
        let before = self.before(unit, billed);
        let paid_before = before.is_some_and(|u| u.finding.accepted);
        if paid_before && !whole && unit.lines.iter().all(|l| self.is_own(l)) {
            return self.duplicate(billed, before);
        }
        if difference.is_zero() {
            return Finding::paid(LineVerdict::Matched, true, self.told(billed, rest));
        }
        if paid_before && self.closed {
            return self.duplicate(billed, before);
        }
        if difference.abs() <= tolerance {
            return Finding::paid(LineVerdict::WithinTolerance, true, self.told(billed, rest));
        }
        if decision != Some(DecisionKind::Reject)
            && let Some(finding) = self.together(billed, rest, tolerance)
        {
            return finding;
        }
        if billed.is_sign_negative() && !expected.is_sign_negative() {
            return self.find_credit(billed);
        }
        if before.is_some() {
            return self.duplicate(billed, before);
        }
        let told = self.told(billed, rest);
        if difference.is_sign_negative() && !whole {
            let reason = format!("{told}; only some of the {} parcels are on this invoice", self.folio.parcels().len());
            return Finding { partial: true, ..Finding::paid(LineVerdict::Matched, false, reason) };
        }
        if difference.is_sign_negative() {
            let under = || Finding::open(LineVerdict::UnderBilled, format!("{told}, {} less", self.money(-difference)));
            return self.as_of(unit, billed, tolerance).unwrap_or_else(under);
        }
        let why = weights(&unit.lines).map(|w| format!("; {w}")).unwrap_or_default();
        let settled = if self.closed { ", after it was settled" } else { "" };
        Finding::open(LineVerdict::OverBilled, format!("{told}, {} more{settled}{why}", self.money(difference)))
    }

    /// Less than is expected now, and as much as was expected on the day of the invoice: what was announced afterwards is still to come.
    fn as_of(&self, unit: &Unit<'a>, billed: Decimal, tolerance: Decimal) -> Option<Finding> {
        let then = self.folio.expected_on(self.book, unit.date)?.get(&self.group).copied()? + self.beside - self.billed;
        let difference = billed - then;
        let verdict = if difference.is_zero() { LineVerdict::Matched } else { LineVerdict::WithinTolerance };
        let later = self.money(self.rest() - then);
        let reason = format!("{}; {later} more was announced after the invoice", self.told(billed, then));
        (difference.abs() <= tolerance).then(|| Finding::paid(verdict, false, reason))
    }

    /// Nothing was expected in this group.
    fn find_unexpected(&self, unit: &Unit<'a>, billed: Decimal, decision: Option<DecisionKind>) -> Finding {
        let name = self.group;
        if decision != Some(DecisionKind::Reject)
            && let Some(finding) = self.together(billed, Decimal::ZERO, Decimal::ZERO)
        {
            return finding;
        }
        let paid = self.money(billed);
        match self.folio.kind {
            FolioKind::Delivery => {}
            FolioKind::Unknown => {
                return Finding::open(LineVerdict::UnknownShipment, format!("{paid} for a shipment that no delivery has"));
            }
            FolioKind::Account => return Finding::open(LineVerdict::AccountCharge, format!("{paid} for the account as a whole")),
        }
        if billed.is_sign_negative() && self.billed >= -billed {
            return self.find_credit(billed);
        }
        let before = self.before(unit, billed);
        if before.is_some() {
            return self.duplicate(billed, before);
        }
        let tolerance = self.tolerance(unit, Decimal::ZERO);
        if (self.billed + billed).abs() <= tolerance {
            let reason = format!("{paid} for {name}, which was not expected, is within the {} allowed", self.money(tolerance));
            return Finding::paid(LineVerdict::WithinTolerance, false, reason);
        }
        if billed.is_sign_negative() {
            return self.find_credit(billed);
        }
        let why = if self.folio.is_void() { "the delivery was called off" } else { "none was expected" };
        Finding::open(LineVerdict::UnexpectedCharge, format!("{paid} for {name}, and {why}"))
    }

    fn find_credit(&self, billed: Decimal) -> Finding {
        if self.billed >= -billed {
            return Finding::paid(LineVerdict::Matched, false, format!("a credit of {} on what was billed", self.money(-billed)));
        }
        Finding::open(LineVerdict::UnexpectedCharge, format!("a credit of {} for what was never paid", self.money(-billed)))
    }

    /// The first unit that bills the same charges: every line of this one stood on an invoice before, and was not credited since.
    fn before(&self, unit: &Unit<'a>, billed: Decimal) -> Option<&Unit<'a>> {
        let mut charges = unit.lines.iter().filter(|l| !l.fact.amount.0.is_zero());
        let first = *self.marks.get(&charges.next()?.mark())?;
        if !charges.all(|l| self.marks.contains_key(&l.mark())) {
            return None;
        }
        self.units.get(first).filter(|u| !u.finding.accepted || self.billed.abs() >= billed.abs())
    }

    fn duplicate(&self, billed: Decimal, before: Option<&Unit<'a>>) -> Finding {
        let invoice = before.map_or("", |u| u.invoice_id);
        Finding::open(LineVerdict::Duplicate, format!("{} was billed before, on invoice {invoice}", self.money(billed)))
    }

    /// Together with earlier units that are not paid it may be what was expected: the rest of a part, the credit of too much.
    /// All of them are tried, then the one that fits best, then, for a credit, the one that it takes back. What a person has
    /// rejected is settled only by a credit.
    fn together(&self, billed: Decimal, rest: Decimal, tolerance: Decimal) -> Option<Finding> {
        let missing = rest - billed;
        let credit = billed.is_sign_negative();
        let mut with: Vec<usize> = Vec::new();
        let mut nets = false;
        if !self.open.by_amount.is_empty() && (self.open.sum - missing).abs() <= tolerance {
            with.extend(self.open.by_amount.iter().map(|(_, unit)| *unit));
        } else if let Some(one) = self.open.nearest(missing, tolerance) {
            with.push(one);
        } else if let Some(one) = self.rejected.nearest(missing, tolerance).filter(|_| credit) {
            with.push(one);
        } else if credit {
            let taken_back = |waiting: &Waiting| waiting.nearest(-billed, Decimal::ZERO);
            with.extend(taken_back(&self.open).or_else(|| taken_back(&self.rejected)));
            nets = true;
        }
        with.sort_unstable();
        if with.is_empty() {
            return None;
        }
        let sum: Decimal = with.iter().filter_map(|n| self.units.get(*n)).map(|u| u.billed).sum();
        let mut names: Vec<&str> = with.iter().filter_map(|n| self.units.get(*n)).map(|u| u.invoice_id).take(NAMED_MAX).collect();
        let more = with.len().checked_sub(NAMED_MAX).filter(|n| *n > 0).map(|n| format!("{n} more"));
        names.extend(more.as_deref());
        let (total, names) = (billed + sum, names.join(", "));
        let mut finding = if nets {
            Finding::paid(
                LineVerdict::Matched,
                false,
                format!("a credit of {} takes back what invoice {names} billed", self.money(-billed)),
            )
        } else {
            let verdict = if total == rest { LineVerdict::Matched } else { LineVerdict::WithinTolerance };
            Finding::paid(verdict, true, format!("{}, together with invoice {names}", self.told(total, rest)))
        };
        finding.with = with;
        Some(finding)
    }

    /// Whether the line is for one of the delivery's own parcels.
    fn is_own(&self, line: &Line<'a>) -> bool {
        line.fact.shipment_key.as_ref().is_some_and(|key| self.folio.parcels().contains(key))
    }

    /// Whether these lines and what was paid before cover every parcel.
    fn whole(&self, unit: &Unit<'a>) -> bool {
        let parcels = self.folio.parcels();
        if parcels.len() <= 1 {
            return true;
        }
        let here: BTreeSet<&str> = unit.lines.iter().filter_map(|l| l.fact.shipment_key.as_deref()).collect();
        let pieces = unit.lines.iter().filter_map(|l| l.fact.pieces).max().and_then(|p| usize::try_from(p).ok()).unwrap_or(0);
        pieces >= parcels.len() || parcels.iter().all(|key| here.contains(key.as_str()) || self.parcels.contains(key.as_str()))
    }

    fn tolerance(&self, unit: &Unit<'a>, expected: Decimal) -> Decimal {
        let carrier = unit.lines.first().map_or("", |l| l.fact.carrier.as_str());
        self.book.tolerance(carrier, self.group).of(expected)
    }

    fn money(&self, amount: Decimal) -> String {
        currency::display(amount, self.currency)
    }

    fn told(&self, billed: Decimal, rest: Decimal) -> String {
        format!("billed {} for {}, expected {}", self.money(billed), self.group, self.money(rest))
    }
}

/// What of a unit is paid.
fn paid_of(unit: &Unit<'_>, currency: &str) -> Decimal {
    let paid = unit.lines.iter().filter(|l| unit.finding.accepted && !l.again);
    currency::round(paid.filter_map(|l| l.amount).sum(), currency)
}

/// What lines bill, rounded; as billed where no rate is known.
fn sum(lines: &[Line<'_>], currency: &str) -> Decimal {
    let amounts = lines.iter().map(|l| l.amount.unwrap_or(l.fact.amount.0));
    currency::round(amounts.sum(), currency)
}

/// What the lines say about weights that differ.
fn weights(lines: &[Line<'_>]) -> Option<String> {
    lines.iter().map(|l| l.fact).find_map(|line| {
        let (billed, told) = (line.weight_billed?, line.weight_told?);
        let unit = line.weight_unit.as_deref().unwrap_or("");
        (billed != told).then(|| format!("billed by {billed} {unit}, told were {told} {unit}").trim_end().to_owned())
    })
}
