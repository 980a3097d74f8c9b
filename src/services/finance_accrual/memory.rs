//! What is remembered, and its form in the store. Every key names its book: several may share a partition.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::finance::folio::Folio;
use crate::domain::finance::records::FinanceEntry;
use crate::domain::freight::ChargeType;
use crate::domain::money::Amount;
use crate::domain::time::Micros;
use crate::engine::processor::State;

/// Version of the stored form: a value of another version is not read.
const FORM: u8 = 1;
/// Between a book and what is remembered of it; no name of an Odoo instance has it.
const BAR: char = '|';

/// What a value is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folio, by its name.
    Folio,
    /// Who has a tracking number or reference.
    Token,
    /// An invoice.
    Invoice,
    /// The folio and the unit that a case is about, by the id it was opened under.
    Case,
    /// Entries on their way to Odoo.
    Entries,
}

impl Kind {
    const ALL: [(Self, u8); 5] =
        [(Self::Folio, b'f'), (Self::Token, b't'), (Self::Invoice, b'i'), (Self::Case, b'x'), (Self::Entries, b'q')];
}

/// A folio with what the service itself notes beside it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) folio: Folio,
    /// Cases that are open, with the verdict they were raised for.
    pub(super) cases: BTreeMap<String, String>,
    /// How often each case was opened.
    pub(super) openings: BTreeMap<String, u32>,
    /// What is on which draft bill, by invoice and group, in the invoice's currency.
    pub(super) on_bill: BTreeMap<(String, ChargeType), Amount>,
    /// When invoices that are not complete are looked at again.
    pub(super) judge_at: Option<Micros>,
    /// How often that was put off.
    pub(super) put_off: u32,
    /// The entry that waits for an exchange rate is a case.
    pub(super) awaits_rate: bool,
}

/// Who has a tracking number or a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// Deliveries, each with its carrier where known.
    pub(super) deliveries: Vec<(String, Option<String>)>,
    /// Folios that wait for a delivery with it.
    pub(super) waiting: BTreeSet<String>,
}

/// An invoice as far as it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) carrier: String,
    pub(super) number: String,
    pub(super) date: String,
    pub(super) due_date: Option<String>,
    pub(super) currency: String,
    /// It says no more.
    pub(super) complete: bool,
    /// When its first line came.
    pub(super) first_at: Micros,
    /// Bill lines on their way to Odoo.
    pub(super) rows: Vec<BillRow>,
    /// Bill lines made so far.
    pub(super) rows_made: u32,
    /// That no vendor is known for its carrier has been said.
    pub(super) vendor_missed: bool,
}

/// One line of a draft vendor bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BillRow {
    /// Number on the bill, from 1.
    pub(super) number: u32,
    pub(super) name: String,
    /// In the invoice's currency.
    pub(super) amount: Amount,
    pub(super) group: ChargeType,
}

/// Entries on their way to Odoo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) entries: Vec<FinanceEntry>,
}

/// Store key.
pub(super) fn key(kind: Kind, book: &str, name: &str) -> Vec<u8> {
    let letter = Kind::ALL.iter().find(|(k, _)| *k == kind).map_or(b'?', |(_, letter)| *letter);
    let mut key = Vec::with_capacity(2 + book.len() + name.len());
    key.push(letter);
    key.extend_from_slice(book.as_bytes());
    key.push(BAR as u8);
    key.extend_from_slice(name.as_bytes());
    key
}

/// Kind, book and name of a store key.
pub(super) fn parts(key: &[u8]) -> Option<(Kind, String, String)> {
    let (letter, rest) = key.split_first()?;
    let kind = Kind::ALL.iter().find(|(_, l)| l == letter)?.0;
    let (book, name) = std::str::from_utf8(rest).ok()?.split_once(BAR)?;
    Some((kind, book.to_owned(), name.to_owned()))
}

/// Reads a value; `None` where there is none or it has another form.
pub(super) fn load<T: DeserializeOwned>(state: &dyn State, key: &[u8]) -> Option<T> {
    let (_, rest) = state.get(key)?.split_first().filter(|(form, _)| **form == FORM)?;
    postcard::from_bytes(rest).ok()
}

/// Writes a value with its alarm.
pub(super) fn save<T: Serialize>(state: &mut dyn State, key: &[u8], value: &T, alarm: Option<Micros>) {
    if let Ok(bytes) = postcard::to_extend(value, vec![FORM]) {
        state.put(key, bytes, alarm);
    }
}
