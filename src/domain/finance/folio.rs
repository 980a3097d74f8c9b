//! Everything that is known about the freight of one delivery, and what is expected to be billed for it.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::{Book, Trigger};
use super::facts::{ChargeFact, DecisionFact, DecisionKind, DeliveryFact, LineFact, MovementFact};
use super::judge::LineVerdict;
use super::ledger::Posted;
use crate::domain::dedup;
use crate::domain::freight::ChargeType;
use crate::domain::time::Micros;

/// Billed lines that one delivery may have.
pub const LINES_MAX: usize = 1_000;
/// Announced charges that one delivery may have.
pub const CHARGES_MAX: usize = 200;

/// The facts about one delivery's freight, and where the books stand. Facts are kept as sets: neither their order nor their
/// repetition changes what is here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Folio {
    /// `<odoo instance>:<company id>:<picking id>`.
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

/// There is no room for more facts of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one delivery has more than {0} billed or announced charges")]
pub struct TooMany(pub usize);

impl Folio {
    /// An empty folio.
    #[must_use]
    pub fn new(delivery_key: &str) -> Self {
        Self { delivery_key: delivery_key.to_owned(), ..Self::default() }
    }

    /// Takes over a delivery; of two versions the later counts. Whether that was news.
    pub fn take_delivery(&mut self, fact: DeliveryFact) -> bool {
        let newer = self.delivery.as_ref().is_none_or(|held| *held != fact && held.written_at <= fact.written_at);
        if newer {
            self.delivery = Some(fact);
        }
        newer
    }

    /// Takes over how far the delivery has come. Whether that was news.
    pub fn take_movement(&mut self, fact: MovementFact) -> bool {
        let newer = self.movement.as_ref().is_none_or(|held| held.version < fact.version);
        if newer {
            self.movement = Some(fact);
        }
        newer
    }

    /// Takes over an announced charge. Whether that was news.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn take_charge(&mut self, fact: ChargeFact) -> Result<bool, TooMany> {
        let Err(place) = self.charges.binary_search_by(|held| held.charge_id.cmp(&fact.charge_id)) else { return Ok(false) };
        if self.charges.len() >= CHARGES_MAX {
            return Err(TooMany(CHARGES_MAX));
        }
        self.charges.insert(place, fact);
        Ok(true)
    }

    /// Takes over a billed line. Whether that was news.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn take_line(&mut self, fact: LineFact) -> Result<bool, TooMany> {
        let Err(place) = self.lines.binary_search_by(|held| held.line_id.cmp(&fact.line_id)) else { return Ok(false) };
        if self.lines.len() >= LINES_MAX {
            return Err(TooMany(LINES_MAX));
        }
        self.lines.insert(place, fact);
        Ok(true)
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

    /// The currency that this freight is reckoned in: that of Odoo's price, else of the first announced charge, else the company's.
    #[must_use]
    pub fn currency<'a>(&'a self, book: &'a Book) -> &'a str {
        let price = self.delivery.as_ref().filter(|d| d.price.is_some()).and_then(|d| d.currency.as_deref());
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

    /// What is expected to be billed, by group, in [`Self::currency`]; nothing for what was called off. Announced freight replaces Odoo's price; what else the
    /// price covers comes on top only of announced freight. Charges in another currency count as far as a rate is known.
    #[must_use]
    pub fn expected(&self, book: &Book) -> BTreeMap<ChargeType, Decimal> {
        let mut expected = BTreeMap::new();
        if self.is_void() {
            return expected;
        }
        let announced = self.announced(book);
        let itemised = announced.keys().any(|charge| *charge == ChargeType::Freight);
        if !itemised && let Some(price) = self.delivery.as_ref().and_then(|d| d.price) {
            expected.insert(ChargeType::Freight, price.0);
        }
        let priced = !expected.is_empty();
        for (charge, amount) in announced {
            let group = book.group(charge);
            if group == ChargeType::Freight && charge != group && priced {
                continue;
            }
            *expected.entry(group).or_insert(Decimal::ZERO) += amount;
        }
        expected
    }

    /// Announced charges by type: for each parcel and code the newest correction and what came after it.
    fn announced(&self, book: &Book) -> BTreeMap<ChargeType, Decimal> {
        let currency = self.currency(book);
        let mut by_charge: BTreeMap<(&str, ChargeType, Option<&str>), Vec<&ChargeFact>> = BTreeMap::new();
        for fact in &self.charges {
            by_charge.entry((&fact.shipment_key, fact.charge_type, fact.raw_code.as_deref())).or_default().push(fact);
        }
        let mut announced = BTreeMap::new();
        for ((_, charge, _), mut facts) in by_charge {
            facts.sort_by_key(|f| (f.told_at, &f.charge_id));
            let from = facts.iter().rposition(|f| f.corrects).unwrap_or(0);
            for fact in facts.iter().skip(from) {
                let day = crate::domain::time::day_of(fact.told_at, 0);
                if let Some(amount) = in_currency(fact.amount.0, &fact.currency, currency, &day, book) {
                    *announced.entry(charge).or_insert(Decimal::ZERO) += amount;
                }
            }
        }
        announced
    }
}

/// An amount in another currency, by the rates of that day and rounded; `None` where no rate is known.
#[must_use]
pub fn in_currency(amount: Decimal, from: &str, to: &str, day: &str, book: &Book) -> Option<Decimal> {
    if from == to {
        return Some(amount);
    }
    let rate = |currency: &str| if currency == book.currency { Some(Decimal::ONE) } else { book.rates.of(currency, day).map(|r| r.rate) };
    let converted = amount.checked_mul(rate(from)?)?.checked_div(rate(to)?)?;
    Some(crate::domain::currency::round(converted, to))
}

/// The case of what one invoice bills a delivery in one group: the same for ever.
#[must_use]
pub fn case_id(delivery_key: &str, invoice_id: &str, group: ChargeType) -> String {
    dedup::uuid(&dedup::id_of(&["freight-case", delivery_key, invoice_id, group.as_str()]))
}
