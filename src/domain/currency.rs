//! How many digits a currency has: the one place where money is rounded.

use rust_decimal::{Decimal, RoundingStrategy};

/// Currencies with another number of digits than two (ISO 4217, amendment 177).
const DIGITS: &[(&str, u32)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Whether a text looks like the code of a currency: three capitals.
#[must_use]
pub fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Digits after the point that amounts of a currency (ISO 4217) are booked with.
#[must_use]
pub fn digits(currency: &str) -> u32 {
    DIGITS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, digits)| *digits)
}

/// An amount as it is booked in a currency: half away from zero, as Odoo rounds (`HALF-UP`).
#[must_use]
pub fn round(amount: Decimal, currency: &str) -> Decimal {
    amount.round_dp_with_strategy(digits(currency), RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// An amount for people, with its currency and all the digits that this has: `12.50 EUR`.
#[must_use]
pub fn display(amount: Decimal, currency: &str) -> String {
    let mut rounded = round(amount, currency);
    rounded.rescale(digits(currency));
    format!("{rounded} {currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_currency_and_half_away_from_zero() {
        let table =
            [("1.005", "EUR", "1.01"), ("-1.005", "EUR", "-1.01"), ("1.5", "JPY", "2"), ("1.2345", "KWD", "1.235"), ("7", "XYZ", "7")];
        for (amount, currency, expected) in table {
            assert_eq!(amount.parse().map(|a| round(a, currency)).ok(), expected.parse().ok(), "{amount} {currency}");
        }
    }
}
