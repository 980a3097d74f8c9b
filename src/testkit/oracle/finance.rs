//! Finance: every billed line has the verdict that its bill was made for, and what the books and Odoo hold follows from the input.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::Judge;
use crate::domain::finance::judge::LineVerdict;
use crate::domain::finance::records::{FinanceEntry, FreightVerdict};
use crate::domain::record::Record;
use crate::domain::vocabulary::Milestone;

/// The service that keeps the books.
pub(super) const SERVICE: &str = "finance-accrual";

/// How the one company's books have to be configured, by database ids in Odoo.
#[derive(Debug, Clone, Copy)]
pub struct Books;

impl Books {
    /// Journal of accruals.
    pub const JOURNAL: i64 = 3;
    /// What is owed and not yet billed.
    pub const ACCRUED: i64 = 14;
    /// Expense of freight.
    pub const FREIGHT: i64 = 29;
    /// Journal of vendor bills.
    pub const BILL_JOURNAL: i64 = 2;
    /// The vendor that UPS is.
    pub const UPS: i64 = 45;
}

/// An entry or a bill as it stands in Odoo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryInOdoo {
    /// `module.name`.
    pub external_id: String,
    /// `draft` or `posted`.
    pub state: String,
    /// `entry` or `in_invoice`.
    pub move_type: String,
    /// Its `ref`.
    pub reference: String,
    /// `account.journal` id.
    pub journal: i64,
    /// Account, debit and credit of each line, without the one that is owed for a bill.
    pub lines: Vec<(i64, Decimal, Decimal)>,
}

/// What tells billed lines apart: invoice, tracking number, code, amount.
type LineKey = (String, Option<String>, String, Decimal);

impl Judge<'_> {
    pub(super) fn finance(&mut self) {
        let lines = self.billed_lines();
        let verdicts = self.verdicts();
        self.lines_are_judged(&lines, &verdicts);
        self.cases_are_open(&verdicts);
        let entries = self.entries();
        self.balances(&entries);
        self.entries_in_odoo(&entries);
        self.bills_in_odoo();
    }

    /// Every line that was billed, by id, however often it came.
    fn billed_lines(&mut self) -> BTreeMap<String, LineKey> {
        let mut lines: BTreeMap<String, LineKey> = BTreeMap::new();
        for record in self.records("freight.invoices", "FreightInvoice") {
            let Record::FreightInvoice(line) = record else { continue };
            let Some(amount) = line.amount else { continue };
            let key = (line.invoice_number, line.shipment_key, line.raw_code.unwrap_or_default(), amount.0.normalize());
            if let Some(other) = lines.insert(line.line_id.clone(), key.clone()).filter(|other| *other != key) {
                self.find("C2", format!("billed line {} is {key:?} and {other:?}", line.line_id));
            }
        }
        lines
    }

    /// The newest verdict of each line.
    fn verdicts(&mut self) -> BTreeMap<String, FreightVerdict> {
        let mut newest: BTreeMap<String, FreightVerdict> = BTreeMap::new();
        for record in self.records("finance.verdicts", "FreightVerdict") {
            let Record::FreightVerdict(verdict) = record else { continue };
            let before = newest.get(&verdict.line_id).map_or(0, |v| v.version);
            if verdict.version != before + 1 {
                self.find("C3", format!("verdict on {}: version {} after {before}", verdict.line_id, verdict.version));
            }
            newest.insert(verdict.line_id.clone(), *verdict);
        }
        newest
    }

    /// Each line that was billed ends under the verdict that it was billed for.
    fn lines_are_judged(&mut self, lines: &BTreeMap<String, LineKey>, verdicts: &BTreeMap<String, FreightVerdict>) {
        let mut expected: BTreeMap<LineKey, Vec<(LineVerdict, bool)>> = BTreeMap::new();
        for line in &self.run.freight.lines {
            let key = (line.invoice.clone(), line.shipment_key.clone(), line.code.to_owned(), line.amount.normalize());
            expected.entry(key).or_default().push((line.verdict, line.accepted));
        }
        let mut found: BTreeMap<&LineKey, Vec<(LineVerdict, bool)>> = BTreeMap::new();
        for (line_id, key) in lines {
            let verdict = verdicts.get(line_id).map(|v| (v.verdict, v.accepted));
            found.entry(key).or_default().extend(verdict);
        }
        for (key, mut wanted) in expected {
            let mut told = found.remove(&key).unwrap_or_default();
            wanted.sort();
            told.sort();
            if wanted != told {
                self.find("verdicts", format!("{key:?} is {told:?} for {wanted:?}"));
            }
        }
        for (key, told) in found {
            self.find("verdicts", format!("{key:?} was never billed and is {told:?}"));
        }
        for id in verdicts.keys().filter(|id| !lines.contains_key(*id)) {
            self.find("verdicts", format!("a verdict on line {id}, which nobody has billed"));
        }
    }

    /// The cases about freight that stand open are those of the lines that are not paid.
    fn cases_are_open(&mut self, verdicts: &BTreeMap<String, FreightVerdict>) {
        let mut open: BTreeSet<String> = BTreeSet::new();
        for record in self.records("exceptions", "ExceptionRaised") {
            let Record::ExceptionRaised(case) = record else { continue };
            if case.state != "open" {
                open.remove(&case.exception_id);
            } else if case.kind.starts_with("freight_") {
                open.insert(case.exception_id);
            }
        }
        let wanted: BTreeSet<String> = verdicts.values().filter_map(|v| v.exception_id.clone()).collect();
        for case in wanted.difference(&open) {
            self.find("cases", format!("{case} is not open, and a line waits for it"));
        }
        for case in open.difference(&wanted) {
            self.find("cases", format!("{case} is open, and no line waits for it"));
        }
    }

    /// Every entry once, and balanced (C5).
    fn entries(&mut self) -> BTreeMap<String, FinanceEntry> {
        let mut entries = BTreeMap::new();
        for record in self.records("finance.entries", "FinanceEntry") {
            let Record::FinanceEntry(entry) = record else { continue };
            let (debit, credit): (Vec<Decimal>, Vec<Decimal>) = entry.lines.iter().map(|l| (l.debit.0, l.credit.0)).unzip();
            let (debit, credit): (Decimal, Decimal) = (debit.into_iter().sum(), credit.into_iter().sum());
            if debit != credit || debit.is_zero() {
                self.find("C5", format!("entry {}: debit {debit}, credit {credit}", entry.entry_id));
            }
            if let Some(twice) = entries.insert(entry.entry_id.clone(), *entry) {
                self.find("C2", format!("entry {} of {} is there twice", twice.entry_id, twice.delivery_key));
            }
        }
        entries
    }

    /// What stands on the accounts of each delivery follows from its price, its scans and its bills.
    fn balances(&mut self, entries: &BTreeMap<String, FinanceEntry>) {
        let mut balances: BTreeMap<&str, BTreeMap<i64, Decimal>> = BTreeMap::new();
        for entry in entries.values() {
            let of_delivery = balances.entry(&entry.delivery_key).or_default();
            for line in &entry.lines {
                *of_delivery.entry(line.account_id).or_default() += line.debit.0 - line.credit.0;
            }
        }
        let moved: BTreeSet<&str> =
            self.run.parcels.iter().filter(|p| p.happenings.iter().any(|(m, _)| is_scan(*m))).map(|p| p.key.as_str()).collect();
        for picking in &self.run.pickings {
            let key = picking.delivery_key();
            let rest = self.run.freight.rest.get(&picking.id).copied().unwrap_or(picking.price);
            let has_moved = picking.parcels.iter().any(|number| moved.contains(number.as_str()));
            let open = if has_moved { rest } else { Decimal::ZERO };
            let mut found = balances.remove(key.as_str()).unwrap_or_default();
            let stands = [Books::FREIGHT, Books::ACCRUED].map(|account| found.remove(&account).unwrap_or_default());
            if stands != [open, -open] {
                self.find("balances", format!("{key}: expense and accrued stand at {stands:?}, expected {open}"));
            }
            if !found.is_empty() {
                self.find("balances", format!("{key}: other accounts have {found:?}"));
            }
        }
        for (key, found) in balances {
            self.find("balances", format!("{key} is no delivery and has {found:?}"));
        }
    }

    /// Odoo holds every entry once, posted, line by line, and no other.
    fn entries_in_odoo(&mut self, entries: &BTreeMap<String, FinanceEntry>) {
        let evidence = self.evidence;
        let mut there: BTreeMap<&str, Vec<&EntryInOdoo>> = BTreeMap::new();
        for entry in evidence.entries.iter().filter(|e| e.move_type == "entry") {
            there.entry(&entry.external_id).or_default().push(entry);
        }
        for entry in entries.values() {
            let name = format!("waybill.entry_{}", entry.entry_id.replace('-', ""));
            let mut wanted: Vec<_> = entry.lines.iter().map(|l| (l.account_id, l.debit.0, l.credit.0)).collect();
            wanted.sort();
            match there.remove(name.as_str()).as_deref() {
                Some([held]) => {
                    let mut lines = held.lines.clone();
                    lines.sort();
                    if (held.state.as_str(), held.journal, &lines) != ("posted", Books::JOURNAL, &wanted) {
                        self.find("entries in Odoo", format!("{held:?} for {wanted:?}"));
                    }
                }
                other => self.find("entries in Odoo", format!("{name} is there {} times", other.map_or(0, <[_]>::len))),
            }
        }
        for name in there.into_keys() {
            self.find("entries in Odoo", format!("{name} stands on no topic"));
        }
    }

    /// Each invoice with something paid has one draft bill, whose lines come to that.
    fn bills_in_odoo(&mut self) {
        let evidence = self.evidence;
        let mut paid: BTreeMap<&str, Decimal> = BTreeMap::new();
        for line in self.run.freight.lines.iter().filter(|l| l.accepted) {
            *paid.entry(&line.invoice).or_default() += line.amount;
        }
        let mut seen = BTreeSet::new();
        for bill in evidence.entries.iter().filter(|e| e.move_type != "entry") {
            let billed: Decimal = bill.lines.iter().map(|(_, debit, credit)| debit - credit).sum();
            let wanted = paid.remove(bill.reference.as_str()).unwrap_or_default();
            if !seen.insert(&bill.reference) {
                self.find("bills in Odoo", format!("{} has two bills", bill.reference));
            } else if (billed, bill.state.as_str(), bill.journal) != (wanted, "draft", Books::BILL_JOURNAL) {
                self.find("bills in Odoo", format!("{} bills {billed} for {wanted}, and is {}", bill.reference, bill.state));
            }
        }
        for (invoice, wanted) in paid.into_iter().filter(|(_, wanted)| !wanted.is_zero()) {
            self.find("bills in Odoo", format!("{invoice} has no bill of {wanted}"));
        }
    }
}

/// That the parcel is on its way, or was.
fn is_scan(milestone: Milestone) -> bool {
    matches!(
        milestone,
        Milestone::InTransit
            | Milestone::OutForDelivery
            | Milestone::AvailableForPickup
            | Milestone::DeliveryAttempted
            | Milestone::Delivered
            | Milestone::Returning
            | Milestone::Returned
    )
}
