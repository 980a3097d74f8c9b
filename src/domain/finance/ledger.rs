//! Where the books of a delivery should stand, and the entries that bring them there.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::folio::Folio;
use super::judge::Judgement;
use super::rates::Rate;
use crate::domain::currency;
use crate::domain::freight::ChargeType;
use crate::domain::money::Amount;
use crate::domain::vocabulary::words;

words! {
    /// Why an entry was made.
    EntryKind {
        /// Freight is owed for the first time.
        Accrual = "accrual",
        /// What is owed has changed.
        Adjustment = "adjustment",
        /// Nothing is owed after all.
        Reversal = "reversal",
        /// The carrier has billed it: the accrual goes, the bill takes its place.
        Settlement = "settlement",
    }
}

/// Where the books stand in one group: what was accrued, or what an invoice has settled of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Charge group.
    pub group: ChargeType,
    /// The invoice that settled it; `None` for what is accrued.
    pub invoice_id: Option<String>,
    /// In this currency, positive where it is owed.
    pub amount: Amount,
    /// Of that amount, ISO 4217.
    pub currency: String,
    /// The same in the company's currency.
    pub company_amount: Amount,
}

/// One balanced entry: expense against what is owed and not yet billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts the entries of the delivery, from 1.
    pub number: u32,
    /// Why.
    pub kind: EntryKind,
    /// Charge group.
    pub group: ChargeType,
    /// The invoice that settles it.
    pub invoice_id: Option<String>,
    /// Positive: more is owed (debit expense, credit accrued freight); negative: less.
    pub amount: Decimal,
    /// Of `amount`, ISO 4217.
    pub currency: String,
    /// The same in the company's currency.
    pub company_amount: Decimal,
    /// The rate between the two, where the day's rate was used.
    pub rate: Option<Rate>,
    /// The day of what caused it, ISO 8601.
    pub day: String,
}

/// No rate is known for a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no exchange rate of {currency} for {day}")]
pub struct RateMissing {
    /// ISO 4217.
    pub currency: String,
    /// ISO 8601.
    pub day: String,
}

/// The largest amount in a company's currency: what is above comes of a rate that makes no sense, and would fit no Avro decimal.
const COMPANY_MAX: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);

/// A charge group, and the invoice that has settled it; none for what is accrued.
pub type Place = (ChargeType, Option<String>);

/// Where the books should stand by the facts, in the folio's currency and rounded.
#[must_use]
pub fn target(folio: &Folio, book: &Book, judgement: &Judgement) -> BTreeMap<Place, Decimal> {
    let expected = folio.expected(book);
    let owed = folio.owed_since(book).is_some() && !folio.expired;
    let mut target = BTreeMap::new();
    for group in expected.keys().chain(judgement.groups.keys()) {
        let judged = judgement.groups.get(group);
        let mut billed = Decimal::ZERO;
        for (invoice_id, amount) in judged.iter().flat_map(|j| &j.accepted) {
            billed += amount;
            target.insert((*group, Some(invoice_id.clone())), -amount);
        }
        let open = owed && judged.is_none_or(|j| !j.closed);
        let expected = expected.get(group).copied().unwrap_or_default();
        let rest = expected + judged.map_or(Decimal::ZERO, |j| j.beside) - billed;
        // What is over of either sign is not taken back: a discount is expected below zero.
        let rest = if open && rest.is_sign_negative() == expected.is_sign_negative() { rest } else { Decimal::ZERO };
        target.insert((*group, None), billed + rest);
    }
    target
}

/// The entries that move the books to `target`, and moves them. `day`: of what caused this; a settlement has its invoice's.
///
/// # Errors
/// [`RateMissing`]; then nothing has moved.
pub fn post(folio: &mut Folio, book: &Book, target: &BTreeMap<Place, Decimal>, day: &str) -> Result<Vec<Entry>, RateMissing> {
    let wanted = folio.currency(book).to_owned();
    let mut moves: Vec<(&Place, &str, Decimal)> = Vec::new();
    let held: BTreeMap<(Place, &str), Decimal> =
        folio.posted.iter().map(|p| (((p.group, p.invoice_id.clone()), p.currency.as_str()), p.amount.0)).collect();
    for ((place, currency), amount) in &held {
        // Where the currency of the expectation itself has changed, what stands there in the old one is taken back whole.
        if !amount.is_zero() && (*currency != wanted || !target.contains_key(place)) {
            moves.push((place, currency, Decimal::ZERO));
        }
    }
    for (place, amount) in target {
        let stands = held.get(&(place.clone(), wanted.as_str())).copied().unwrap_or_default();
        if stands != *amount {
            moves.push((place, &wanted, *amount));
        }
    }
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    // What is accrued comes first: an invoice settles what is there.
    moves.sort_by_key(|(place, currency, _)| (place.1.is_some(), *place, *currency == wanted, *currency));
    let mut books = Standing::of(&folio.posted);
    let mut entries = Vec::with_capacity(moves.len());
    for (place, currency, amount) in moves {
        let day = place.1.as_ref().and_then(|invoice| invoice.rsplit(':').next()).unwrap_or(day);
        let number = folio.entries.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX)).saturating_add(1);
        entries.push(books.change(place, currency, amount, day, book, number)?);
    }
    folio.entries = entries.last().map_or(folio.entries, |e| e.number);
    folio.posted = books.posted();
    Ok(entries)
}

/// An amount in its own currency, and the same in the company's.
#[derive(Debug, Clone, Copy, Default)]
struct Both {
    amount: Decimal,
    company: Decimal,
}

impl Both {
    /// `by` at the rate of what stands here.
    fn at_rate_of(self, by: Decimal, book: &Book) -> Option<Decimal> {
        let exact = self.company.checked_mul(by).and_then(|product| product.checked_div(self.amount));
        let scaled = || by.checked_div(self.amount)?.checked_mul(self.company);
        Some(currency::round(exact.or_else(scaled)?, &book.currency))
    }

    fn opposes(self, by: Decimal) -> bool {
        !self.amount.is_zero() && self.amount.is_sign_negative() != by.is_sign_negative()
    }
}

/// Where the books stand, and what is still open by group and currency.
struct Standing {
    places: BTreeMap<(Place, String), Both>,
    open: BTreeMap<(ChargeType, String), Both>,
}

impl Standing {
    fn of(posted: &[Posted]) -> Self {
        let mut standing = Self { places: BTreeMap::new(), open: BTreeMap::new() };
        for p in posted {
            standing.add(&(p.group, p.invoice_id.clone()), &p.currency, Both { amount: p.amount.0, company: p.company_amount.0 });
        }
        standing
    }

    fn add(&mut self, place: &Place, currency: &str, by: Both) {
        let at = self.places.entry((place.clone(), currency.to_owned())).or_default();
        let open = self.open.entry((place.0, currency.to_owned())).or_default();
        for both in [at, open] {
            both.amount += by.amount;
            both.company += by.company;
        }
    }

    fn posted(self) -> Vec<Posted> {
        let stands = |both: &Both| !both.amount.is_zero() || !both.company.is_zero();
        let rows = self.places.into_iter().filter(|(_, both)| stands(both));
        rows.map(|(((group, invoice_id), currency), both)| {
            let (amount, company_amount) = (Amount(both.amount.normalize()), Amount(both.company.normalize()));
            Posted { group, invoice_id, amount, currency, company_amount }
        })
        .collect()
    }

    fn at(&self, place: &Place, currency: &str) -> Both {
        self.places.get(&(place.clone(), currency.to_owned())).copied().unwrap_or_default()
    }

    /// Moves one place and says with which entry.
    fn change(
        &mut self,
        place: &Place,
        currency: &str,
        amount: Decimal,
        day: &str,
        book: &Book,
        number: u32,
    ) -> Result<Entry, RateMissing> {
        let held = self.at(place, currency);
        let by = amount - held.amount;
        let missing = || RateMissing { currency: currency.to_owned(), day: day.to_owned() };
        let (company, rate) = self.in_company(place, currency, by, day, book).ok_or_else(missing)?;
        let kind = match (&place.1, held.amount.is_zero(), amount.is_zero()) {
            (Some(_), ..) => EntryKind::Settlement,
            (None, true, _) => EntryKind::Accrual,
            (None, false, true) => EntryKind::Reversal,
            (None, false, false) => EntryKind::Adjustment,
        };
        self.add(place, currency, Both { amount: by, company });
        let (group, invoice_id) = place.clone();
        let (currency, day) = (currency.to_owned(), day.to_owned());
        Ok(Entry { number, kind, group, invoice_id, amount: by, currency, company_amount: company, rate, day })
    }

    /// A change in the company's currency. What brings the group to zero brings it to zero in both currencies; what goes off is
    /// reckoned at the rate of what stands there, so that neither side ever changes its sign alone (Odoo refuses such lines); an invoice
    /// settles at the rate of what was accrued; only more that is owed has the day's rate. `None` without one.
    fn in_company(&self, place: &Place, currency: &str, by: Decimal, day: &str, book: &Book) -> Option<(Decimal, Option<Rate>)> {
        if currency == book.currency {
            return Some((by, None));
        }
        let open = self.open.get(&(place.0, currency.to_owned())).copied().unwrap_or_default();
        let held = self.at(place, currency);
        let accrued = self.at(&(place.0, None), currency);
        let (company, rate) = if (open.amount + by).is_zero() {
            (-open.company, None)
        } else if open.opposes(by) {
            (open.at_rate_of(by, book)?, None)
        } else if held.opposes(by) {
            (held.at_rate_of(by, book)?, None)
        } else if place.1.is_some() && !accrued.amount.is_zero() {
            (accrued.at_rate_of(by, book)?, None)
        } else {
            let rate = book.rates.of(currency, day)?;
            (currency::round(by.checked_mul(rate.rate)?, &book.currency), Some(rate))
        };
        let turned = !company.is_zero() && company.is_sign_negative() != by.is_sign_negative();
        let company = if turned { Decimal::ZERO } else { company };
        (company.abs() <= COMPANY_MAX && (open.company.checked_add(company)?).abs() <= COMPANY_MAX).then_some((company, rate))
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
