//! What a month's entries come to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::ledger::EntryKind;
use super::records::{EntryLine, FinanceEntry};
use crate::domain::money::Amount;
use crate::domain::time::is_day;

/// Entries that are not what they should be are named up to so many.
const ODD_MAX: usize = 20;

/// A calendar month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period(String);

impl Period {
    /// Reads `2026-11`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_day(&format!("{text}-01")).then(|| Self(text.to_owned()))
    }

    /// Where a day lies: before the month, in it or after it.
    fn place(&self, day: &str) -> std::cmp::Ordering {
        day.get(..7).unwrap_or(day).cmp(self.0.as_str())
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is added up apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// Carrier code; empty where it is not known.
    pub carrier: String,
    /// Expense account in Odoo.
    pub account: i64,
    /// Account of what is owed and not yet billed.
    pub accrued_account: i64,
    /// ISO 4217: what the freight is owed in.
    pub currency: String,
    /// ISO 4217: of all sums.
    pub company_currency: String,
}

/// Sums of one group in the company's currency, positive where more is owed: `carried + accrued + adjusted + reversed + settled = open`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Open when the month began.
    pub carried: Amount,
    /// Owed for the first time.
    pub accrued: Amount,
    /// Changed since.
    pub adjusted: Amount,
    /// Taken back.
    pub reversed: Amount,
    /// Billed.
    pub settled: Amount,
    /// Open when the month ended.
    pub open: Amount,
    /// Entries of the month.
    pub entries: u64,
}

impl Sums {
    fn add(&mut self, kind: Option<EntryKind>, amount: Decimal) {
        let of_kind = match kind {
            None => &mut self.carried,
            Some(EntryKind::Accrual) => &mut self.accrued,
            Some(EntryKind::Adjustment) => &mut self.adjusted,
            Some(EntryKind::Reversal) => &mut self.reversed,
            Some(EntryKind::Settlement) => &mut self.settled,
        };
        of_kind.0 += amount;
        self.open.0 += amount;
        self.entries += u64::from(kind.is_some());
    }

    /// Adds the sums of another group.
    pub fn join(&mut self, other: &Self) {
        let Self { carried, accrued, adjusted, reversed, settled, open, entries } = other;
        self.carried.0 += carried.0;
        self.accrued.0 += accrued.0;
        self.adjusted.0 += adjusted.0;
        self.reversed.0 += reversed.0;
        self.settled.0 += settled.0;
        self.open.0 += open.0;
        self.entries += entries;
    }
}

/// An account of a company, as the lines alone tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Account {
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// `account.account` id.
    pub account: i64,
    /// ISO 4217.
    pub company_currency: String,
}

/// What is on an account: sums of lines in the company's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// In the month.
    pub debit: Amount,
    /// In the month.
    pub credit: Amount,
    /// Credit less debit, of everything up to the end of the month.
    pub owed: Amount,
}

/// Whether the sums are those of the entries, company by company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tie {
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// ISO 4217.
    pub company_currency: String,
    /// All debits of the month.
    pub debit: Amount,
    /// All credits of the month.
    pub credit: Amount,
    /// What the groups say is open at the end.
    pub open: Amount,
    /// What the lines on the accounts of what is owed say.
    pub balance: Amount,
    /// Debits equal credits, and both say the same of each of these accounts.
    pub ties: bool,
}

/// A month's report, made entry by entry in any order; its size goes with the groups and accounts, not with the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    period: Period,
    groups: BTreeMap<Group, Sums>,
    accounts: BTreeMap<Account, Balance>,
    odd: u64,
    odd_ids: Vec<String>,
    later: u64,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self { period, groups: BTreeMap::new(), accounts: BTreeMap::new(), odd: 0, odd_ids: Vec::new(), later: 0 }
    }

    /// Takes an entry by the day it is booked on; what is booked after the month is only counted.
    pub fn add(&mut self, entry: &FinanceEntry) {
        let place = self.period.place(&entry.booked_on);
        if place.is_gt() {
            self.later += 1;
            return;
        }
        let book = format!("{}:{}", entry.odoo_instance, entry.company_id);
        for line in &entry.lines {
            let (account, company_currency) = (line.account_id, entry.company_currency.clone());
            let balance = self.accounts.entry(Account { book: book.clone(), account, company_currency }).or_default();
            balance.owed.0 += line.credit.0 - line.debit.0;
            if place.is_eq() {
                balance.debit.0 += line.debit.0;
                balance.credit.0 += line.credit.0;
            }
        }
        let Some((expense, accrued)) = sides(entry) else { return self.odd(&entry.entry_id) };
        let more = expense.debit.0 - expense.credit.0;
        if more != accrued.credit.0 - accrued.debit.0 || entry.currency == entry.company_currency && more != entry.amount.0 {
            self.odd(&entry.entry_id);
        }
        let group = Group {
            book,
            carrier: entry.carrier.clone().unwrap_or_default(),
            account: expense.account_id,
            accrued_account: accrued.account_id,
            currency: entry.currency.clone(),
            company_currency: entry.company_currency.clone(),
        };
        self.groups.entry(group).or_default().add(place.is_eq().then_some(entry.kind), more);
    }

    fn odd(&mut self, entry_id: &str) {
        self.odd += 1;
        // The first by their ids, so that the order of entries does not matter.
        let at = self.odd_ids.partition_point(|id| id.as_str() < entry_id);
        self.odd_ids.insert(at, entry_id.to_owned());
        self.odd_ids.truncate(ODD_MAX);
    }

    /// The month.
    #[must_use]
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// The groups with something in the month or before it, in their order.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<Group, Sums> {
        &self.groups
    }

    /// The accounts, in their order.
    #[must_use]
    pub fn accounts(&self) -> &BTreeMap<Account, Balance> {
        &self.accounts
    }

    /// How many entries are not one sum on one expense and one accrued account, balanced; and the first of them by id.
    #[must_use]
    pub fn odd_entries(&self) -> (u64, &[String]) {
        (self.odd, &self.odd_ids)
    }

    /// Entries that are booked after the month.
    #[must_use]
    pub fn later(&self) -> u64 {
        self.later
    }

    /// By company: debits and credits of the month, and what is open by the groups and by the accounts.
    #[must_use]
    pub fn ties(&self) -> Vec<Tie> {
        let mut open: BTreeMap<Account, Decimal> = BTreeMap::new();
        for (group, sums) in &self.groups {
            let Group { book, accrued_account: account, company_currency, .. } = group.clone();
            *open.entry(Account { book, account, company_currency }).or_default() += sums.open.0;
        }
        let mut ties: BTreeMap<(String, String), Tie> = BTreeMap::new();
        for (account, balance) in &self.accounts {
            let key = (account.book.clone(), account.company_currency.clone());
            let (book, company_currency) = key.clone();
            let none = Amount::default();
            let new = || Tie { book, company_currency, debit: none, credit: none, open: none, balance: none, ties: true };
            let tie = ties.entry(key).or_insert_with(new);
            tie.debit.0 += balance.debit.0;
            tie.credit.0 += balance.credit.0;
            if let Some(open) = open.get(account) {
                tie.open.0 += open;
                tie.balance.0 += balance.owed.0;
                tie.ties &= *open == balance.owed.0;
            }
        }
        let judged = ties.into_values().map(|tie| Tie { ties: tie.ties && tie.debit == tie.credit, ..tie });
        judged.collect()
    }

    /// Whether every company's sums tie and no entry is odd.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.odd == 0 && self.ties().iter().all(|tie| tie.ties)
    }
}

/// The expense and the accrued line: the entry's amount stands on the one as it is, on the other with its sign turned.
fn sides(entry: &FinanceEntry) -> Option<(&EntryLine, &EntryLine)> {
    let [one, two] = entry.lines.as_slice() else { return None };
    let is_expense = |line: &EntryLine| line.amount_currency == entry.amount;
    let (expense, accrued) = if is_expense(one) { (one, two) } else { (two, one) };
    (is_expense(expense) && accrued.amount_currency.0 == -entry.amount.0).then_some((expense, accrued))
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
