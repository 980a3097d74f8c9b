//! Amounts, dates and numbers as billing files write them; whatever has two readings is refused.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::carriers::event::believable;
use crate::domain::freight::plain_number;
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

/// What some programs put before UTF-8.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Longest text that is kept of a cell, bytes.
const TEXT_BYTES_MAX: usize = 256;

/// The cells of one row of a CSV file.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    record: &'a csv::ByteRecord,
    /// The file separates by semicolons: its decimals may have commas, its dates begin with the day.
    semicolons: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn new(record: &'a csv::ByteRecord, delimiter: u8) -> Self {
        Self { record, semicolons: delimiter == b';' }
    }

    pub(super) fn len(&self) -> usize {
        self.record.len()
    }

    /// The text of a cell, trimmed and not empty. Bytes that are not UTF-8 are ISO 8859-1.
    pub(super) fn text(&self, at: usize) -> Option<Cow<'a, str>> {
        let bytes = self.record.get(at)?.trim_ascii();
        let bytes = bytes.get(..bytes.len().min(TEXT_BYTES_MAX * 4)).unwrap_or_default();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
        };
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn owned(&self, at: usize) -> Option<String> {
        self.text(at).map(|text| text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().to_owned())
    }

    /// A tracking, invoice or shipment number: text that no spreadsheet has rounded.
    pub(super) fn number(&self, at: usize, name: &str) -> Result<Option<String>, Park> {
        let Some(text) = self.owned(at) else { return Ok(None) };
        if is_rounded(&text) {
            return Err(Park::new(Code::ROUNDED_NUMBER, format!("a spreadsheet has rounded the number: {name}")));
        }
        Ok(Some(text))
    }

    pub(super) fn amount(&self, at: usize, name: &str) -> Result<Option<Amount>, Park> {
        let Some(text) = self.text(at) else { return Ok(None) };
        decimal(&text, self.semicolons).map(Some).ok_or_else(|| bad(name))
    }

    pub(super) fn date(&self, at: usize, name: &str) -> Result<Option<String>, Park> {
        let Some(text) = self.text(at) else { return Ok(None) };
        date(&text, self.semicolons).map(Some).ok_or_else(|| bad(name))
    }

    /// A date that is told for information: what cannot be read is as good as not sent.
    pub(super) fn date_if_read(&self, at: usize) -> Option<String> {
        self.date(at, "").ok().flatten()
    }

    /// An amount that is told for information.
    pub(super) fn amount_if_read(&self, at: usize) -> Option<Amount> {
        self.amount(at, "").ok().flatten()
    }
}

/// The number of an invoice as a row, and the end of the invoice after it, tell it: what names nothing is refused in both.
pub(super) fn invoice_number(told: Option<String>) -> Result<String, Park> {
    let number = told.ok_or_else(|| missing("invoice number"))?;
    if believable(&number).is_none() || plain_number(&number).is_empty() {
        return Err(bad("invoice number"));
    }
    Ok(number)
}

/// A value that cannot be read.
pub(super) fn bad(name: &str) -> Park {
    Park::new(Code::BAD_BILLING_VALUE, format!("field cannot be read: {name}"))
}

/// A value that is not there.
pub(super) fn missing(name: &str) -> Park {
    Park::new(Code::BAD_BILLING_VALUE, format!("field is missing: {name}"))
}

/// `1.23E+11`: what a spreadsheet makes of a long number.
fn is_rounded(text: &str) -> bool {
    let Some((digits, power)) = text.split_once(['E', 'e']) else { return false };
    let power = power.strip_prefix('+').unwrap_or(power);
    let number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    // Without a point and a sign it may be a number of its own, such as 12E345.
    number(digits) && number(power) && (digits.contains(['.', ',']) || text.contains('+'))
}

/// Reads `-1234.56`, `1,234.56` and `12.50-`; with semicolons between the cells also `1234,56` and `1.234,56`.
pub(super) fn decimal(text: &str, semicolons: bool) -> Option<Amount> {
    let text = text.trim();
    let (text, negative) = match (text.strip_prefix('-'), text.strip_suffix('-')) {
        (Some(_), Some(_)) => return None,
        (Some(rest), None) | (None, Some(rest)) => (rest, true),
        (None, None) => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let (point, group) = match (text.rfind(','), text.rfind('.')) {
        (Some(comma), Some(point)) if comma > point => (Some(','), Some('.')),
        (Some(_), Some(_)) => (Some('.'), Some(',')),
        (Some(_), None) if semicolons => (Some(','), None),
        (Some(_), None) => (None, Some(',')),
        (None, _) => (Some('.'), None),
    };
    let (whole, fraction) = point.and_then(|point| text.split_once(point)).unwrap_or((text, ""));
    let plain = match group {
        Some(group) => {
            let mut parts = whole.split(group);
            let first = parts.next()?;
            if !(1..=3).contains(&first.len()) || parts.clone().any(|part| part.len() != 3) {
                return None;
            }
            std::iter::once(first).chain(parts).collect::<String>()
        }
        None => whole.to_owned(),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(&plain) || !digits(fraction) || (plain.is_empty() && fraction.is_empty()) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let plain = if plain.is_empty() { "0" } else { &plain };
    Amount::parse(&if fraction.is_empty() { format!("{sign}{plain}") } else { format!("{sign}{plain}.{fraction}") })
}

/// Reads `2026-11-20`, `20261120` and `20/11/2026` to ISO 8601. With slashes the day comes first where cells are separated by
/// semicolons, and else the month; a clock behind the date is passed over.
pub(super) fn date(text: &str, semicolons: bool) -> Option<String> {
    let text = text.split([' ', 'T']).next()?;
    let part = |t: &str| -> Option<i16> { (!t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse().ok()).flatten() };
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        (part(text.get(..4)?)?, part(text.get(4..6)?)?, part(text.get(6..)?)?)
    } else {
        let mut parts = text.split(['-', '/', '.']);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        match (first.len(), third.len()) {
            (4, _) => (part(first)?, part(second)?, part(third)?),
            (_, 4) if semicolons || text.contains('.') => (part(third)?, part(second)?, part(first)?),
            (_, 4) if text.contains('/') => (part(third)?, part(first)?, part(second)?),
            _ => return None,
        }
    };
    if !(1990..=2100).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().map(|date| date.to_string())
}

/// An ISO 4217 code in upper case; `None` for what has another form.
pub(super) fn currency(text: &str) -> Option<String> {
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// The unit of a weight in our words; another as sent.
pub(super) fn weight_unit(text: &str) -> String {
    match text.to_ascii_uppercase().as_str() {
        "K" | "KG" | "KGS" => "kg".to_owned(),
        "L" | "LB" | "LBS" => "lb".to_owned(),
        "O" | "OZ" => "oz".to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_both_worlds() {
        for (text, semicolons, read) in [
            ("12.34", false, Some("12.34")),
            ("-0.5", false, Some("-0.5")),
            ("12.50-", false, Some("-12.5")),
            ("+3", false, Some("3")),
            (".5", false, Some("0.5")),
            ("1,234,567.89", false, Some("1234567.89")),
            ("1,234", false, Some("1234")),
            ("12,5", false, None),
            ("1.234,56", true, Some("1234.56")),
            ("12,5", true, Some("12.5")),
            ("1247323.00", true, Some("1247323")),
            ("1,23,456.00", false, None),
            ("1.23E+2", false, None),
            ("1e3", false, None),
            ("$5", false, None),
            ("--5", false, None),
            ("-", false, None),
            (",", true, None),
            ("0.0000001", false, None),
        ] {
            assert_eq!(decimal(text, semicolons).map(|a| a.to_string()).as_deref(), read, "{text} {semicolons}");
        }
    }

    #[test]
    fn dates_of_both_worlds() {
        for (text, semicolons, read) in [
            ("2026-11-20", false, Some("2026-11-20")),
            ("20261120", false, Some("2026-11-20")),
            ("03/04/2026", true, Some("2026-04-03")),
            ("03/04/2026", false, Some("2026-03-04")),
            ("3.4.2026", false, Some("2026-04-03")),
            ("2026-11-20 00:00:00", false, Some("2026-11-20")),
            ("31/11/2026", true, None),
            ("20/11/26", true, None),
            ("03-04-2026", false, None),
            ("1126-11-20", false, None),
            ("", false, None),
        ] {
            assert_eq!(date(text, semicolons).as_deref(), read, "{text} {semicolons}");
        }
    }

    #[test]
    fn an_invoice_number_names_one_invoice() {
        let told = |text: &str| invoice_number(Some(text.to_owned())).map_err(|park| park.code);
        for text in ["000000A1B2C3466", "INV-7", "0", "000", "---", "N/A", "70010\u{fffd}200", "1-234-56789"] {
            let names_one = text.contains(['4', '7']) && text.is_ascii();
            assert_eq!(told(text), if names_one { Ok(text.to_owned()) } else { Err(Code::BAD_BILLING_VALUE) }, "{text}");
        }
        assert_eq!(invoice_number(None).map_err(|park| park.code), Err(Code::BAD_BILLING_VALUE));
    }

    #[test]
    fn rounded_numbers_are_seen_and_real_ones_are_not_taken_for_them() {
        for (text, rounded) in [
            ("1.23E+11", true),
            ("1,23E+11", true),
            ("7.9E11", true),
            ("1E+15", true),
            ("12E345", false),
            ("1ZE5", false),
            ("794632145E", false),
        ] {
            assert_eq!(is_rounded(text), rounded, "{text}");
        }
    }
}
