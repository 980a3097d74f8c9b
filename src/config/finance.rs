//! The `finance` section: how each company wants its freight reckoned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use super::check::Findings;
use super::secret::text;
use super::{Finding, OdooConfig, rates};
use crate::domain::currency;
use crate::domain::finance::book::{Accounts, Book, Tolerance, Trigger};
use crate::domain::finance::routes::AccountRoutes;
use crate::domain::freight::{ChargeType, plain_number};
use crate::domain::money::Amount;
use crate::domain::time::{self, Micros};

/// Microseconds of a day.
const DAY: Micros = 86_400 * 1_000_000;

/// The `finance` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinanceConfig {
    /// Policies of companies by names of the operator's own.
    pub books: BTreeMap<String, BookConfig>,
}

/// The policy of one company.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BookConfig {
    /// Name of the Odoo database in `odoo.instances`.
    pub instance: String,
    /// `res.company` id.
    pub company: i64,
    /// The company's currency, ISO 4217.
    pub currency: String,
    /// From when on freight is owed.
    pub trigger: Trigger,
    /// Charge types that Odoo's price for a delivery covers.
    pub covers: Vec<ChargeType>,
    /// How far a bill may be from what was expected.
    pub tolerances: Vec<ToleranceConfig>,
    /// Days until an accrual that nobody bills becomes a case.
    pub unbilled_case_days: u32,
    /// Days from there until it is reversed.
    pub unbilled_reverse_days: u32,
    /// First day that is open for entries, ISO 8601; empty where every day is.
    pub open_from: String,
    /// Journal of accruals (`account.journal` id).
    pub journal: i64,
    /// Account of what is owed and not yet billed (`account.account` id).
    pub accrued_account: i64,
    /// Expense accounts by charge type; freight's stands in for those that are missing.
    pub expense_accounts: BTreeMap<ChargeType, i64>,
    /// Whether entries are posted once they are in Odoo.
    pub post: bool,
    /// Journal of vendor bills (`account.journal` id).
    pub bill_journal: i64,
    /// Vendors (`res.partner` ids) by carrier code.
    pub vendors: BTreeMap<String, i64>,
    /// Account numbers with carriers that belong to this company, by carrier code.
    pub accounts: BTreeMap<String, Vec<Number>>,
    /// CSV of exchange rates; empty for none.
    pub rates: PathBuf,
}

impl Default for BookConfig {
    fn default() -> Self {
        Self {
            instance: String::new(),
            company: 0,
            currency: String::new(),
            trigger: Trigger::Moved,
            covers: vec![ChargeType::Freight, ChargeType::Fuel, ChargeType::Discount, ChargeType::Adjustment],
            tolerances: Vec::new(),
            unbilled_case_days: 45,
            unbilled_reverse_days: 45,
            open_from: String::new(),
            journal: 0,
            accrued_account: 0,
            expense_accounts: BTreeMap::new(),
            post: false,
            bill_journal: 0,
            vendors: BTreeMap::new(),
            accounts: BTreeMap::new(),
            rates: PathBuf::new(),
        }
    }
}

/// How far a bill may be from what was expected and still be paid.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToleranceConfig {
    /// Carrier code; any where there is none.
    pub carrier: Option<String>,
    /// Charge type; any where there is none.
    pub charge: Option<ChargeType>,
    /// In the currency of the expectation.
    #[serde(deserialize_with = "decimal")]
    pub absolute: Option<Decimal>,
    /// Of the expectation, in percent.
    #[serde(deserialize_with = "decimal")]
    pub percent: Option<Decimal>,
}

/// An account number, which YAML may take for a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Number(#[serde(deserialize_with = "text")] pub String);

/// A number as it is written, without the detour over a binary fraction that would be seen.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let written = text(deserializer)?;
    Amount::parse(&written).map(|amount| Some(amount.0)).ok_or_else(|| serde::de::Error::custom("expected a decimal number"))
}

impl BookConfig {
    /// `<odoo instance>:<company id>`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}", self.instance, self.company)
    }

    fn book(&self, rates: crate::domain::finance::rates::Rates) -> Book {
        let tolerance = |t: &ToleranceConfig| ((t.carrier.clone(), t.charge), Tolerance { absolute: t.absolute, percent: t.percent });
        Book {
            key: self.key(),
            currency: self.currency.clone(),
            rates,
            trigger: self.trigger,
            covers: self.covers.clone(),
            tolerances: self.tolerances.iter().map(tolerance).collect(),
            unbilled_case_after: Micros::from(self.unbilled_case_days) * DAY,
            unbilled_reverse_after: Micros::from(self.unbilled_reverse_days) * DAY,
            open_from: Some(self.open_from.clone()).filter(|day| !day.is_empty()),
            accounts: Accounts {
                journal: self.journal,
                accrued: self.accrued_account,
                expense: self.expense_accounts.clone(),
                post: self.post,
                bill_journal: self.bill_journal,
                vendors: self.vendors.clone(),
            },
        }
    }
}

impl FinanceConfig {
    /// The books with their exchange rates, which are read here and now. `load` has checked everything else.
    ///
    /// # Errors
    /// Everything that is wrong with the files of rates.
    pub fn books(&self) -> Result<Vec<Book>, Vec<Finding>> {
        let (mut books, mut found) = (Vec::new(), Findings::default());
        for (name, config) in &self.books {
            let rates = rates::read(&config.rates, &config.currency, &format!("finance.books.{name}.rates"), &mut found);
            books.push(config.book(rates));
        }
        if found.0.is_empty() { Ok(books) } else { Err(found.0) }
    }

    /// Whose books the accounts with carriers belong to.
    #[must_use]
    pub fn accounts(&self) -> AccountRoutes {
        let keys: Vec<String> = self.books.values().map(BookConfig::key).collect();
        let mut routes = AccountRoutes::between(keys.iter().map(String::as_str));
        for book in self.books.values() {
            for (carrier, Number(account)) in book.accounts.iter().flat_map(|(carrier, of)| of.iter().map(move |a| (carrier, a))) {
                routes.add(carrier, account, &book.key());
            }
        }
        routes
    }

    pub(super) fn check(&self, found: &mut Findings, odoo: &OdooConfig) {
        let (mut companies, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        for (name, book) in &self.books {
            let key = |setting: &str| format!("finance.books.{name}.{setting}");
            book.check(found, &key, odoo);
            if !companies.insert(book.key()) {
                found.add(key("company"), format!("another book is of this company: {}", book.key()), "give each company one book");
            }
            for (carrier, numbers) in &book.accounts {
                for Number(number) in numbers {
                    if plain_number(number).is_empty() {
                        found.add(key("accounts"), format!("not an account number of {carrier}"), "write it as it stands on the invoice");
                    } else if !accounts.insert((carrier, plain_number(number))) {
                        let problem = format!("an account of {carrier} is named twice: {number}");
                        found.add(key("accounts"), problem, "an account belongs to one company, once");
                    }
                }
            }
        }
    }
}

impl BookConfig {
    fn check(&self, found: &mut Findings, key: &impl Fn(&str) -> String, odoo: &OdooConfig) {
        match odoo.instances.get(&self.instance) {
            None => {
                let known: Vec<&str> = odoo.instances.keys().map(String::as_str).collect();
                let remedy =
                    if known.is_empty() { "describe it in odoo.instances".to_owned() } else { format!("use one of {}", known.join(", ")) };
                found.add(key("instance"), format!("no such Odoo instance: {}", self.instance), remedy);
            }
            Some(instance) => {
                let told = instance.company_currencies.get(&self.company).filter(|told| **told != self.currency);
                if let Some(told) = told {
                    let problem = format!("odoo.instances.{}.company_currencies says {told}", self.instance);
                    found.add(key("currency"), problem, "a company has one currency: mend one of them");
                }
            }
        }
        if !currency::is_code(&self.currency) {
            found.add(key("currency"), "not the code of a currency", "use three capitals of ISO 4217, such as USD");
        }
        found.within(&key("unbilled_case_days"), u64::from(self.unbilled_case_days), 1..=3650);
        found.within(&key("unbilled_reverse_days"), u64::from(self.unbilled_reverse_days), 1..=3650);
        if !self.open_from.is_empty() && !time::is_day(&self.open_from) {
            found.add(key("open_from"), format!("not a day: {}", self.open_from), "write it as 2026-11-01");
        }
        self.check_odoo_ids(found, key);
        self.check_tolerances(found, &key("tolerances"));
        let of_tolerances = self.tolerances.iter().filter_map(|t| t.carrier.as_ref());
        let carriers = self.vendors.keys().map(|c| ("vendors", c)).chain(self.accounts.keys().map(|c| ("accounts", c)));
        let is_code = |code: &str| !code.is_empty() && !code.chars().any(|c| c.is_uppercase() || c.is_whitespace());
        for (setting, carrier) in carriers.chain(of_tolerances.map(|c| ("tolerances", c))).filter(|(_, carrier)| !is_code(carrier)) {
            found.add(key(setting), format!("not the code of a carrier: {carrier}"), "use the one that the events have, such as ups");
        }
    }

    fn check_odoo_ids(&self, found: &mut Findings, key: &impl Fn(&str) -> String) {
        let mut id = |setting: &str, id: i64, model: &str| {
            if id < 1 {
                found.add(key(setting), format!("not an id of {model}: {id}"), "take it from Odoo's address bar, where the record is open");
            }
        };
        id("company", self.company, "res.company");
        id("journal", self.journal, "account.journal");
        id("accrued_account", self.accrued_account, "account.account");
        id("expense_accounts.freight", self.expense_accounts.get(&ChargeType::Freight).copied().unwrap_or(0), "account.account");
        for (charge, account) in self.expense_accounts.iter().filter(|(charge, _)| **charge != ChargeType::Freight) {
            id(&format!("expense_accounts.{charge}"), *account, "account.account");
        }
        if !self.vendors.is_empty() {
            id("bill_journal", self.bill_journal, "account.journal");
        }
        for (carrier, vendor) in &self.vendors {
            id(&format!("vendors.{carrier}"), *vendor, "res.partner");
        }
        if self.accrued_account > 0 && self.expense_accounts.values().any(|account| *account == self.accrued_account) {
            found.add(key("accrued_account"), "is an expense account too", "both sides of an entry need an account of their own");
        }
    }

    fn check_tolerances(&self, found: &mut Findings, key: &str) {
        let mut seen = BTreeSet::new();
        for tolerance in &self.tolerances {
            let carrier = tolerance.carrier.as_deref().unwrap_or("any carrier");
            let charge = tolerance.charge.map_or("any charge", ChargeType::as_str);
            let whose = format!("of {carrier} for {charge}");
            if !seen.insert((&tolerance.carrier, tolerance.charge)) {
                found.add(key, format!("two tolerances {whose}"), "give one: of absolute and percent the smaller counts");
            }
            if [tolerance.absolute, tolerance.percent].into_iter().flatten().any(|bound| bound.is_sign_negative() && !bound.is_zero()) {
                found.add(key, format!("a negative tolerance {whose}"), "write how far a bill may be off, either way");
            }
            if tolerance.percent.is_some_and(|percent| percent > Decimal::ONE_HUNDRED) {
                found.add(key, format!("a tolerance of more than 100 percent {whose}"), "write 2.5 for two and a half percent");
            }
            if tolerance.absolute.is_none() && tolerance.percent.is_none() {
                found.add(key, format!("a tolerance without a bound {whose}"), "give absolute, percent or both");
            }
            let covered = |charge: &ChargeType| *charge != ChargeType::Freight && self.covers.contains(charge);
            if let Some(charge) = tolerance.charge.filter(covered) {
                let problem = format!("a tolerance {whose}, which is reckoned as freight");
                found.add(key, problem, format!("give it for freight, or take {charge} out of covers"));
            }
        }
    }
}

#[cfg(test)]
#[path = "finance_tests.rs"]
mod tests;
