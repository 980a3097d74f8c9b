//! Everything that is known about the freight of one delivery, and what is expected to be billed for it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::{Book, Trigger};
use super::facts::{ChargeFact, DecisionFact, DecisionKind, DeliveryFact, LineFact, MovementFact, fits};
use super::judge::LineVerdict;
use super::ledger::Posted;
use crate::domain::dedup;
use crate::domain::freight::ChargeType;
use crate::domain::time::{Micros, day_of};

/// Billed lines that one delivery may have.
pub const LINES_MAX: usize = 1_000;
/// Announced charges that one delivery may have.
pub const CHARGES_MAX: usize = 200;

/// The facts about one delivery's freight, and where the books stand. Facts are kept as sets: neither their order nor their
/// repetition changes what is here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Folio {
    /// What it is about.
    pub kind: FolioKind,
    /// `<odoo instance>:<company id>:<picking id>`; another name where no delivery is known.
    pub delivery_key: String,
    /// As Odoo has it.
    pub delivery: Option<DeliveryFact>,
    /// How far it has come.
    pub movement: Option<MovementFact>,
    /// What was announced, by id.
    pub charges: Vec<ChargeFact>,
    /// What was billed, by id.
    pub lines: Vec<LineFact>,
    /// Invoices of those lines that are known to say no more.
    pub complete: BTreeSet<String>,
    /// What people have decided, by case.
    pub decisions: BTreeMap<String, Decision>,
    /// It was reversed because nobody billed it in time.
    pub expired: bool,
    /// Where the books stand.
    pub posted: Vec<Posted>,
    /// Entries made so far.
    pub entries: u32,
    /// The verdicts as last told, by line.
    pub verdicts: BTreeMap<String, Told>,
    /// When the last fact reached us.
    pub last_at: Micros,
}

/// What a folio is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FolioKind {
    /// A delivery.
    #[default]
    Delivery,
    /// Charges under a number or reference that no delivery has.
    Unknown,
    /// Charges for an account as a whole.
    Account,
}

/// A decision about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What is to be done.
    pub kind: DecisionKind,
    /// When it was decided.
    pub at: Micros,
}

/// A verdict as last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it was.
    pub verdict: LineVerdict,
    /// Whether the line is paid.
    pub accepted: bool,
    /// How often this line's verdict was told.
    pub version: u32,
}

/// A fact that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no room for more facts of this kind.
    #[error("one delivery has more than {0} billed or announced charges")]
    TooMany(usize),
    /// The amount is too large to be reckoned with.
    #[error("the amount of a billed or announced charge is larger than any freight")]
    TooLarge,
}

impl Folio {
    /// An empty folio.
    #[must_use]
    pub fn new(delivery_key: &str) -> Self {
        Self { delivery_key: delivery_key.to_owned(), ..Self::default() }
    }

    /// Takes over a delivery; of two versions the later counts. A price that is too large to be reckoned with counts as none.
    /// Whether that was news.
    pub fn take_delivery(&mut self, mut fact: DeliveryFact) -> bool {
        fact.price = fact.price.filter(|price| fits(*price));
        let newer = self.delivery.as_ref().is_none_or(|held| held.rank() < fact.rank());
        if newer {
            self.delivery = Some(fact);
        }
        newer
    }

    /// Takes over how far the delivery has come. Whether that was news.
    pub fn take_movement(&mut self, fact: MovementFact) -> bool {
        let newer = self.movement.as_ref().is_none_or(|held| (held.version, held) < (fact.version, &fact));
        if newer {
            self.movement = Some(fact);
        }
        newer
    }

    /// Takes over an announced charge; of two with one id the earlier told counts. Whether that was news.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn take_charge(&mut self, fact: ChargeFact) -> Result<bool, Refused> {
        if !fits(fact.amount) {
            return Err(Refused::TooLarge);
        }
        let place = self.charges.binary_search_by(|held| held.charge_id.cmp(&fact.charge_id));
        insert(&mut self.charges, place, fact, CHARGES_MAX, |a, b| (a.told_at, a).cmp(&(b.told_at, b)))
    }

    /// Takes over a billed line. Whether that was news.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn take_line(&mut self, fact: LineFact) -> Result<bool, Refused> {
        if !fits(fact.amount) {
            return Err(Refused::TooLarge);
        }
        let place = self.lines.binary_search_by(|held| held.line_id.cmp(&fact.line_id));
        insert(&mut self.lines, place, fact, LINES_MAX, |a, b| a.rank().cmp(&b.rank()))
    }

    /// Takes over a decision; of two about one case the earlier counts. Whether that was news.
    pub fn take_decision(&mut self, fact: &DecisionFact) -> bool {
        let decision = Decision { kind: fact.kind, at: fact.decided_at };
        let held = self.decisions.get(&fact.exception_id).copied();
        let newer = held.is_none_or(|held| (decision.at, decision.kind) < (held.at, held.kind));
        if newer {
            self.decisions.insert(fact.exception_id.clone(), decision);
        }
        newer
    }

    /// The currency that this freight is reckoned in: that of Odoo's price (the company's where that has none), else of the first
    /// announced charge, else the company's.
    #[must_use]
    pub fn currency<'a>(&'a self, book: &'a Book) -> &'a str {
        let priced = self.delivery.as_ref().filter(|d| d.price.is_some());
        let price = priced.map(|d| d.currency.as_deref().unwrap_or(&book.currency));
        let first = || self.charges.iter().min_by_key(|c| (c.told_at, &c.charge_id)).map(|c| c.currency.as_str());
        price.or_else(first).unwrap_or(&book.currency)
    }

    /// When the freight began to be owed by what the book goes by; a bill shows that the carrier had it.
    #[must_use]
    pub fn owed_since(&self, book: &Book) -> Option<Micros> {
        let movement = self.movement.as_ref();
        match book.trigger {
            Trigger::Moved => movement.and_then(|m| m.moved_at),
            Trigger::Accepted => movement.and_then(|m| m.accepted_at.or(m.moved_at)),
            Trigger::Validated => self.delivery.as_ref().and_then(|d| d.done_at),
        }
    }

    /// It was called off and never moved.
    #[must_use]
    pub fn is_void(&self) -> bool {
        let moved = self.movement.as_ref().is_some_and(|m| m.moved_at.is_some());
        let off = self.delivery.as_ref().is_some_and(|d| d.void) || self.movement.as_ref().is_some_and(|m| m.cancelled);
        off && !moved
    }

    /// Tracking numbers of the parcels, as Odoo has them.
    #[must_use]
    pub fn parcels(&self) -> &[String] {
        self.delivery.as_ref().map_or(&[], |d| &d.shipment_keys)
    }

    /// What is expected to be billed, by group, in [`Self::currency`] and rounded; nothing for what was called off. Announced freight of
    /// every parcel replaces Odoo's price; what else the price covers comes on top only of announced freight. Charges in another currency
    /// count as far as a rate is known.
    #[must_use]
    pub fn expected(&self, book: &Book) -> BTreeMap<ChargeType, Decimal> {
        self.expected_of(book, &|_| true)
    }

    /// What was expected on a day (ISO 8601) by what had been announced until then; `None` where nothing was announced afterwards.
    #[must_use]
    pub fn expected_on(&self, book: &Book, day: &str) -> Option<BTreeMap<ChargeType, Decimal>> {
        let until = |fact: &ChargeFact| day_of(fact.told_at, 0).as_str() <= day;
        (!self.charges.iter().all(until)).then(|| self.expected_of(book, &until))
    }

    fn expected_of(&self, book: &Book, counts: &dyn Fn(&ChargeFact) -> bool) -> BTreeMap<ChargeType, Decimal> {
        let mut expected = BTreeMap::new();
        if self.is_void() {
            return expected;
        }
        let announced = if self.charges.is_empty() { BTreeMap::new() } else { self.announced(book, counts) };
        let price = self.delivery.as_ref().and_then(|d| d.price).filter(|_| !self.is_itemised(&announced));
        if let Some(price) = price {
            expected.insert(ChargeType::Freight, price.0);
        }
        for ((_, charge), amount) in announced {
            let group = book.group(charge);
            if group != ChargeType::Freight || price.is_none() {
                *expected.entry(group).or_insert(Decimal::ZERO) += amount;
            }
        }
        let currency = self.currency(book);
        for amount in expected.values_mut() {
            *amount = crate::domain::currency::round(*amount, currency);
        }
        expected
    }

    /// Freight is announced for every parcel, or for a number that stands for all of them.
    fn is_itemised(&self, announced: &BTreeMap<(&str, ChargeType), Decimal>) -> bool {
        let has = |key: &str| announced.contains_key(&(key, ChargeType::Freight));
        let parcels = self.parcels();
        let other = || announced.keys().any(|(key, charge)| *charge == ChargeType::Freight && !parcels.iter().any(|p| p == key));
        (!parcels.is_empty() && parcels.iter().all(|key| has(key))) || other()
    }

    /// Announced charges by parcel and type: for each code the newest correction and what came after it. A correction without a code
    /// replaces all that was announced before for its parcel and type.
    fn announced(&self, book: &Book, counts: &dyn Fn(&ChargeFact) -> bool) -> BTreeMap<(&str, ChargeType), Decimal> {
        let currency = self.currency(book);
        let mut by_charge: BTreeMap<(&str, ChargeType), Vec<&ChargeFact>> = BTreeMap::new();
        for fact in self.charges.iter().filter(|f| counts(f)) {
            by_charge.entry((&fact.shipment_key, fact.charge_type)).or_default().push(fact);
        }
        let mut announced = BTreeMap::new();
        for (charge, mut facts) in by_charge {
            facts.sort_by_key(|f| (f.told_at, &f.charge_id));
            // Backwards from the newest: what a correction replaces stands before it.
            let mut corrected: BTreeSet<Option<&str>> = BTreeSet::new();
            for fact in facts.iter().rev() {
                let code = fact.raw_code.as_deref();
                if corrected.contains(&None) || corrected.contains(&code) {
                    continue;
                }
                if fact.corrects {
                    corrected.insert(code);
                }
                if let Some(amount) = in_currency(fact.amount.0, &fact.currency, currency, &day_of(fact.told_at, 0), book) {
                    *announced.entry(charge).or_insert(Decimal::ZERO) += amount;
                }
            }
        }
        announced
    }
}

/// Puts a fact in its place of a sorted set; of two with one id the smaller counts. Whether that was news.
fn insert<T>(
    set: &mut Vec<T>,
    place: Result<usize, usize>,
    fact: T,
    max: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Result<bool, Refused> {
    match place {
        Ok(at) => Ok(set.get_mut(at).is_some_and(|held| {
            let news = order(&fact, held) == Ordering::Less;
            if news {
                *held = fact;
            }
            news
        })),
        Err(_) if set.len() >= max => Err(Refused::TooMany(max)),
        Err(at) => {
            set.insert(at, fact);
            Ok(true)
        }
    }
}

/// The largest amount that comes of a conversion: sums of a thousand still fit a decimal.
const CONVERTED_MAX: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);

/// An amount in another currency, by the rates of that day and rounded; `None` where no rate is known, or none that makes sense.
#[must_use]
pub fn in_currency(amount: Decimal, from: &str, to: &str, day: &str, book: &Book) -> Option<Decimal> {
    if from == to {
        return Some(amount);
    }
    let rate = |currency: &str| if currency == book.currency { Some(Decimal::ONE) } else { book.rates.of(currency, day).map(|r| r.rate) };
    let converted = amount.checked_mul(rate(from)?)?.checked_div(rate(to)?)?;
    (converted.abs() <= CONVERTED_MAX).then(|| crate::domain::currency::round(converted, to))
}

/// The case of what one invoice bills a delivery in one group: the same for ever.
#[must_use]
pub fn case_id(delivery_key: &str, invoice_id: &str, group: ChargeType) -> String {
    dedup::uuid(&dedup::id_of(&["freight-case", delivery_key, invoice_id, group.as_str()]))
}
