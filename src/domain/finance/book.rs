//! How one company wants its freight reckoned: the policy that verdicts and entries follow.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::rates::Rates;
use crate::domain::freight::ChargeType;
use crate::domain::time::Micros;
use crate::domain::vocabulary::words;

words! {
    /// From when on a delivery's freight is owed.
    Trigger {
        /// The first forward scan.
        Moved = "moved",
        /// The carrier has accepted the first parcel.
        Accepted = "accepted",
        /// The delivery was validated in Odoo.
        Validated = "validated",
    }
}

/// How far a bill may be from what was expected and still be paid. Where both bounds are given the smaller one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerance {
    /// In the currency of the expectation.
    pub absolute: Option<Decimal>,
    /// Of the expectation, in percent.
    pub percent: Option<Decimal>,
}

impl Tolerance {
    /// The largest difference, either way, from `expected` that is tolerated; zero where no bound is given.
    #[must_use]
    pub fn of(&self, expected: Decimal) -> Decimal {
        // A percentage beyond all numbers bounds nothing.
        let percent = self.percent.map(|p| expected.abs().checked_mul(p).map_or(Decimal::MAX, |bound| bound / Decimal::ONE_HUNDRED));
        match (self.absolute, percent) {
            (Some(absolute), Some(percent)) => absolute.min(percent),
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => Decimal::ZERO,
        }
    }
}

/// The policy of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    /// `<odoo instance>:<company id>`.
    pub key: String,
    /// The company's currency, ISO 4217.
    pub currency: String,
    /// Rates to that currency.
    pub rates: Rates,
    /// From when on freight is owed.
    pub trigger: Trigger,
    /// Charge types that a price for the whole freight covers; they are reckoned together as freight.
    pub covers: Vec<ChargeType>,
    /// By carrier and charge type; a missing carrier or type stands for any.
    pub tolerances: BTreeMap<(Option<String>, Option<ChargeType>), Tolerance>,
    /// How long an accrual may stay unbilled before it becomes a case.
    pub unbilled_case_after: Micros,
    /// How long after that it is reversed.
    pub unbilled_reverse_after: Micros,
    /// First day that is open for entries, ISO 8601.
    pub open_from: Option<String>,
    /// Where entries go in Odoo.
    pub accounts: Accounts,
}

/// Journals and accounts in Odoo, by their database ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    /// Journal of accruals (`account.journal`).
    pub journal: i64,
    /// What is owed and not yet billed (`account.account`).
    pub accrued: i64,
    /// Expense by charge group; a missing group has the one of freight.
    pub expense: BTreeMap<ChargeType, i64>,
    /// Whether entries are posted once they are in Odoo.
    pub post: bool,
    /// Journal of vendor bills.
    pub bill_journal: i64,
    /// Vendors (`res.partner`) by carrier code; without one no bill is drafted.
    pub vendors: BTreeMap<String, i64>,
}

impl Accounts {
    /// The expense account of a charge group; that of freight where it has none of its own.
    #[must_use]
    pub fn expense_of(&self, group: ChargeType) -> i64 {
        self.expense.get(&group).or_else(|| self.expense.get(&ChargeType::Freight)).copied().unwrap_or_default()
    }
}

impl Book {
    /// Odoo instance and company.
    #[must_use]
    pub fn company(&self) -> (&str, i64) {
        let (instance, company) = self.key.rsplit_once(':').unwrap_or((&self.key, ""));
        (instance, company.parse().unwrap_or_default())
    }

    /// What a charge is reckoned under.
    #[must_use]
    pub fn group(&self, charge: ChargeType) -> ChargeType {
        if self.covers.contains(&charge) { ChargeType::Freight } else { charge }
    }

    /// The tolerance for a carrier's charges: the one for both, else the carrier's, else the type's, else the general one.
    #[must_use]
    pub fn tolerance(&self, carrier: &str, group: ChargeType) -> Tolerance {
        let carrier = Some(carrier.to_owned());
        let keys = [(carrier.clone(), Some(group)), (carrier, None), (None, Some(group)), (None, None)];
        keys.iter().find_map(|key| self.tolerances.get(key)).copied().unwrap_or_default()
    }

    /// The day that an entry of `day` is booked on: that day, or the first one that is still open.
    #[must_use]
    pub fn booked_on(&self, day: &str) -> String {
        self.open_from.as_deref().filter(|open| *open > day).unwrap_or(day).to_owned()
    }
}
