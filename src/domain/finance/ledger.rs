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

/// A charge group, and the invoice that has settled it; none for what is accrued.
pub type Place = (ChargeType, Option<String>);

/// Where the books should stand by the facts, in the folio's currency.
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
        let rest = expected.get(group).map_or(Decimal::ZERO, |e| (e - billed).max(Decimal::ZERO));
        target.insert((*group, None), billed + if open { rest } else { Decimal::ZERO });
    }
    target
}

/// The entries that move the books to `target`, and moves them. `day`: of what caused this; a settlement has its invoice's.
///
/// # Errors
/// [`RateMissing`]; then nothing has moved.
pub fn post(folio: &mut Folio, book: &Book, target: &BTreeMap<Place, Decimal>, day: &str) -> Result<Vec<Entry>, RateMissing> {
    let wanted = folio.currency(book).to_owned();
    let mut posted = folio.posted.clone();
    let mut entries = Vec::new();
    // What is accrued comes first: an invoice settles what is there.
    let mut places: Vec<Place> = posted.iter().map(|p| (p.group, p.invoice_id.clone())).chain(target.keys().cloned()).collect();
    places.sort_by(|a, b| (a.1.is_some(), a).cmp(&(b.1.is_some(), b)));
    places.dedup();
    for place in places {
        let day = place.1.as_ref().and_then(|invoice| invoice.rsplit(':').next()).unwrap_or(day);
        // Where the currency of the expectation itself has changed, what stands there in the old one is taken back whole.
        let stale: Vec<String> = posted.iter().filter(|p| is_at(p, &place) && p.currency != wanted).map(|p| p.currency.clone()).collect();
        for currency in stale {
            entries.extend(change(&mut posted, &place, &currency, Decimal::ZERO, day, book)?);
        }
        let amount = target.get(&place).copied().unwrap_or(Decimal::ZERO);
        entries.extend(change(&mut posted, &place, &wanted, amount, day, book)?);
    }
    for entry in &mut entries {
        folio.entries += 1;
        entry.number = folio.entries;
    }
    folio.posted = posted;
    Ok(entries)
}

fn is_at(posted: &Posted, place: &Place) -> bool {
    posted.group == place.0 && posted.invoice_id == place.1
}

/// Moves one place and says with which entry. More is booked at the day's rate, less at the rate of what stands there, and an
/// invoice settles at the rate of what was accrued: what is settled stands at zero in both currencies.
fn change(
    posted: &mut Vec<Posted>,
    place: &Place,
    currency: &str,
    amount: Decimal,
    day: &str,
    book: &Book,
) -> Result<Option<Entry>, RateMissing> {
    let of_group = posted.iter().filter(|p| p.group == place.0 && p.currency == currency);
    let (open, open_company) = of_group.fold((Decimal::ZERO, Decimal::ZERO), |(a, c), p| (a + p.amount.0, c + p.company_amount.0));
    let accrued = posted.iter().find(|p| p.group == place.0 && p.invoice_id.is_none() && p.currency == currency).cloned();
    let found = posted.iter().position(|p| is_at(p, place) && p.currency == currency);
    let held = found.and_then(|n| posted.get(n)).map_or(Decimal::ZERO, |p| p.amount.0);
    let by = amount - held;
    if by.is_zero() {
        return Ok(None);
    }
    let at_rate_of = |p: &Posted| currency::round(p.company_amount.0 * by / p.amount.0, &book.currency);
    let (company, rate) = match accrued.filter(|a| !a.amount.0.is_zero()) {
        _ if currency == book.currency => (by, None),
        _ if (open + by).is_zero() => (-open_company, None),
        Some(accrued) if place.1.is_some() || by.is_sign_negative() => (at_rate_of(&accrued), None),
        _ => {
            let missing = || RateMissing { currency: currency.to_owned(), day: day.to_owned() };
            let rate = book.rates.of(currency, day).ok_or_else(missing)?;
            (currency::round(by * rate.rate, &book.currency), Some(rate))
        }
    };
    let kind = match (&place.1, held.is_zero(), amount.is_zero()) {
        (Some(_), ..) => EntryKind::Settlement,
        (None, true, _) => EntryKind::Accrual,
        (None, false, true) => EntryKind::Reversal,
        (None, false, false) => EntryKind::Adjustment,
    };
    let (group, invoice_id) = place.clone();
    let at = found.unwrap_or_else(|| {
        let (amount, company_amount) = (Amount::default(), Amount::default());
        posted.push(Posted { group, invoice_id: invoice_id.clone(), amount, currency: currency.to_owned(), company_amount });
        posted.len() - 1
    });
    if let Some(at) = posted.get_mut(at) {
        at.amount = Amount(amount);
        at.company_amount = Amount(at.company_amount.0 + company);
    }
    let (currency, day) = (currency.to_owned(), day.to_owned());
    Ok(Some(Entry { number: 0, kind, group, invoice_id, amount: by, currency, company_amount: company, rate, day }))
}
