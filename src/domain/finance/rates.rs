//! Exchange rates, each with its day and source.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// Oldest rate that is still used, in days before the day it is asked for: a long weekend and a few days.
const AGE_MAX: i64 = 10;

/// A rate as it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Units of the company's currency for one unit of the other.
    pub rate: Decimal,
    /// Day of the rate, ISO 8601.
    pub day: String,
    /// Where it is from, where the rates tell.
    pub source: Option<String>,
}

/// Rates to one company's currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    by_currency: BTreeMap<String, BTreeMap<String, Rate>>,
}

impl Rates {
    /// Adds one rate. `day`: ISO 8601; `rate`: units of the company's currency for one unit of `currency`.
    pub fn add(&mut self, currency: &str, day: &str, rate: Decimal) {
        self.add_from(currency, day, rate, None);
    }

    /// Adds one rate and where it is from. What it replaces: another rate of the same currency and day.
    pub fn add_from(&mut self, currency: &str, day: &str, rate: Decimal, source: Option<String>) -> Option<Rate> {
        let rate = Rate { rate, day: day.to_owned(), source };
        self.by_currency.entry(currency.to_owned()).or_default().insert(day.to_owned(), rate)
    }

    /// The rate of a day, or the newest before it that is at most ten days older; none that is not above zero.
    #[must_use]
    pub fn of(&self, currency: &str, day: &str) -> Option<Rate> {
        let (at, rate) = self.by_currency.get(currency)?.range(..=day.to_owned()).next_back()?;
        let parse = |day: &str| day.parse::<jiff::civil::Date>().ok();
        let age = parse(day)?.since(parse(at)?).ok()?.get_days();
        (i64::from(age) <= AGE_MAX && rate.rate > Decimal::ZERO).then(|| rate.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_before_the_day_and_none_that_is_stale() {
        let mut rates = Rates::default();
        rates.add("USD", "2026-11-02", Decimal::new(91, 2));
        rates.add("USD", "2026-11-06", Decimal::new(92, 2));
        let table = [("2026-11-01", None), ("2026-11-05", Some("2026-11-02")), ("2026-11-08", Some("2026-11-06")), ("2026-11-17", None)];
        for (day, expected) in table {
            assert_eq!(rates.of("USD", day).map(|r| r.day), expected.map(str::to_owned), "{day}");
        }
        assert_eq!(rates.of("CHF", "2026-11-05"), None);
    }
}
