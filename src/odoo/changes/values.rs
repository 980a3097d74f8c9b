//! One column's value out of the many ways in which it is written down.

use base64::Engine as _;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};

use super::columns::Kind;
use super::encodings::Encoding;
use super::json;
use crate::domain::money::{Amount, SCALE};
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park};

/// Whole digits of the largest decimal that is believed: with six after the point it fits the 28 of the schemas.
const WHOLE_DIGITS_MAX: u32 = 21;
/// Largest translated text that is read, bytes.
const TRANSLATIONS_BYTES_MAX: usize = 256 << 10;
/// From here on a bare number of a moment is microseconds; below, milliseconds (of a year before 5138).
const MICROS_FROM: u64 = 100_000_000_000_000;
/// From here on a bare number of a moment is nanoseconds.
const NANOS_FROM: u64 = 100_000_000_000_000_000;
/// Below this a bare number of a day is days since the epoch.
const DAYS_BELOW: u64 = 10_000_000;

/// Reads one column into a plain number, string or null.
///
/// # Errors
/// `MISSING_FIELD` when the value is of no type that this kind of column can have.
pub(super) fn read(column: &str, kind: Kind, raw: &Value, encoding: Option<Encoding>, language: &str) -> Result<Value, Park> {
    if matches!(raw, Value::Null | Value::Bool(false)) || raw.as_str().is_some_and(str::is_empty) {
        return Ok(Value::Null);
    }
    let value = match kind {
        Kind::Id => id(raw).map(Value::from),
        Kind::Text => raw.as_str().map(Value::from),
        Kind::Translated => translated(raw, language),
        Kind::Decimal | Kind::DecimalOrUnset => amount(raw, encoding).map(|a| Value::from(a.to_string())),
        Kind::Moment => moment(raw, encoding).map(|m| Value::from(written(m))),
        Kind::Day => day(raw, encoding).map(|d| Value::from(d.to_string())),
    };
    value.ok_or_else(|| Park::new(Code::MISSING_FIELD, format!("field of the wrong type: {column}")))
}

/// Odoo's spelling of a moment (`2026-11-21 09:57:16.565405`, UTC) in microseconds since the epoch.
#[must_use]
pub fn utc_micros(text: &str) -> Option<Micros> {
    moment_of_text(text).map(|t| t.as_microsecond())
}

/// A decimal of Odoo. Floats carry noise behind the digits that were meant (`12.340000000000002`): what does not fit the six
/// digits of an [`Amount`] is rounded to them, half away from zero.
#[must_use]
pub fn decimal(text: &str) -> Option<Amount> {
    let text = text.trim();
    let value = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text)).ok()?;
    bounded(value)
}

fn bounded(value: Decimal) -> Option<Amount> {
    let limit = Decimal::try_from_i128_with_scale(10_i128.pow(WHOLE_DIGITS_MAX), 0).ok()?;
    (value.abs() < limit).then(|| Amount(value.round_dp_with_strategy(SCALE, RoundingStrategy::MidpointAwayFromZero).normalize()))
}

/// An id, or the pair of id and name that remote calls give.
fn id(raw: &Value) -> Option<i64> {
    raw.as_i64().or_else(|| raw.as_array()?.first()?.as_i64())
}

/// A JSON number is read through its shortest decimal spelling, so that `0.1` is one tenth; fifteen digits are safe.
fn amount(raw: &Value, encoding: Option<Encoding>) -> Option<Amount> {
    match raw {
        Value::Number(number) => decimal(&number.to_string()),
        Value::String(text) => match encoding {
            Some(Encoding::Scale(scale)) => unscaled(&base64::engine::general_purpose::STANDARD.decode(text).ok()?, scale),
            _ => decimal(text),
        },
        Value::Object(parts) => {
            let scale = u32::try_from(parts.get("scale")?.as_i64()?).ok()?;
            let bytes = match parts.get("value")? {
                Value::String(text) => base64::engine::general_purpose::STANDARD.decode(text).ok()?,
                Value::Array(bytes) => bytes.iter().map(|b| u8::try_from(b.as_u64()?).ok()).collect::<Option<Vec<u8>>>()?,
                _ => return None,
            };
            unscaled(&bytes, scale)
        }
        _ => None,
    }
}

/// A big-endian two's complement integer with digits after the point.
fn unscaled(bytes: &[u8], scale: u32) -> Option<Amount> {
    let mut number = if bytes.first()? & 0x80 == 0 { 0_i128 } else { -1_i128 };
    if bytes.len() > 16 {
        return None;
    }
    for byte in bytes {
        number = (number << 8) | i128::from(*byte);
    }
    bounded(Decimal::try_from_i128_with_scale(number, scale).ok()?)
}

fn moment(raw: &Value, encoding: Option<Encoding>) -> Option<Timestamp> {
    if let Some(text) = raw.as_str() {
        return moment_of_text(text);
    }
    let n = raw.as_i64()?;
    match encoding {
        Some(Encoding::Millis) => Timestamp::from_millisecond(n).ok(),
        Some(Encoding::Micros) => Timestamp::from_microsecond(n).ok(),
        Some(Encoding::Days | Encoding::Scale(_)) => None,
        None if n.unsigned_abs() < MICROS_FROM => Timestamp::from_millisecond(n).ok(),
        None if n.unsigned_abs() < NANOS_FROM => Timestamp::from_microsecond(n).ok(),
        Some(Encoding::Nanos) | None => Timestamp::from_nanosecond(i128::from(n)).ok(),
    }
}

/// A moment with its offset, or without one: then it is UTC, which is what Odoo keeps.
fn moment_of_text(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

fn written(moment: Timestamp) -> String {
    let wall = Offset::UTC.to_datetime(moment);
    let pattern = if moment.as_microsecond() % 1_000_000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S.%6f" };
    wall.strftime(pattern).to_string()
}

fn day(raw: &Value, encoding: Option<Encoding>) -> Option<Date> {
    if let Some(text) = raw.as_str() {
        return text.trim_end_matches('Z').parse::<Date>().ok().or_else(|| Some(Offset::UTC.to_datetime(moment_of_text(text)?).date()));
    }
    let n = raw.as_i64()?;
    let in_days = match encoding {
        Some(encoding) => encoding == Encoding::Days,
        None => n.unsigned_abs() < DAYS_BELOW,
    };
    if in_days {
        let seconds = n.checked_mul(86_400)?;
        return Timestamp::from_second(seconds).ok().map(|t| Offset::UTC.to_datetime(t).date());
    }
    moment(raw, encoding).map(|t| Offset::UTC.to_datetime(t).date())
}

/// jsonb reaches us as text or as an object; a webhook sends the one text that its user reads.
fn translated(raw: &Value, language: &str) -> Option<Value> {
    match raw {
        Value::Object(texts) => Some(pick(texts, language)),
        Value::String(text) if text.starts_with('{') => match json::read(text.as_bytes(), TRANSLATIONS_BYTES_MAX) {
            Ok(Value::Object(texts)) => Some(pick(&texts, language)),
            _ => Some(raw.clone()),
        },
        Value::String(_) => Some(raw.clone()),
        _ => None,
    }
}

fn pick(texts: &Map<String, Value>, language: &str) -> Value {
    let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(Value::from);
    [language, "en_US"].iter().find_map(|key| texts.get(*key).and_then(text)).or_else(|| texts.values().find_map(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ok(kind: Kind, raw: Value, encoding: Option<Encoding>) -> Value {
        read("x", kind, &raw, encoding, "de_DE").expect("readable")
    }

    #[test]
    fn every_spelling_of_a_value_is_the_same_value() {
        let moment = json!("2026-11-21 09:57:16.565405");
        let whole = json!("2026-11-21 09:57:16");
        let cases = [
            (Kind::Moment, json!(1_795_255_036_565_405_i64), None, moment.clone()),
            (Kind::Moment, json!(1_795_255_036_565_405_i64), Some(Encoding::Micros), moment.clone()),
            (Kind::Moment, json!(1_795_255_036_565_405_000_i64), Some(Encoding::Nanos), moment.clone()),
            (Kind::Moment, json!(1_795_255_036_565_405_000_i64), None, moment.clone()),
            (Kind::Moment, json!(1_795_255_036_000_i64), None, whole.clone()),
            (Kind::Moment, json!(1_795_255_036_000_i64), Some(Encoding::Millis), whole),
            (Kind::Moment, json!("2026-11-21 09:57:16.565405"), None, moment.clone()),
            (Kind::Moment, json!("2026-11-21T09:57:16.565405Z"), None, moment.clone()),
            (Kind::Moment, json!("2026-11-21T10:57:16.565405+01:00"), None, moment),
            (Kind::Moment, json!(5_000), Some(Encoding::Millis), json!("1970-01-01 00:00:05")),
            (Kind::Day, json!(20_778), Some(Encoding::Days), json!("2026-11-21")),
            (Kind::Day, json!(20_778), None, json!("2026-11-21")),
            (Kind::Day, json!("2026-11-21"), None, json!("2026-11-21")),
            (Kind::Day, json!("2026-11-21Z"), None, json!("2026-11-21")),
            (Kind::Day, json!(1_795_219_200_000_i64), None, json!("2026-11-21")),
            (Kind::Decimal, json!({"scale": 2, "value": "AN2T"}), None, json!("567.23")),
            (Kind::Decimal, json!({"scale": 2, "value": [0, 221, 147]}), None, json!("567.23")),
            (Kind::Decimal, json!({"scale": 0, "value": "/w=="}), None, json!("-1")),
            (Kind::Decimal, json!("AN2T"), Some(Encoding::Scale(2)), json!("567.23")),
            (Kind::Decimal, json!("567.230"), None, json!("567.23")),
            (Kind::Decimal, json!(567.23), None, json!("567.23")),
            (Kind::Decimal, json!(12.340_000_000_000_002), None, json!("12.34")),
            (Kind::Decimal, json!(0.1 + 0.2), None, json!("0.3")),
            (Kind::Decimal, json!(2250), None, json!("2250")),
            (Kind::Decimal, json!(0.0), None, json!("0")),
            (Kind::Id, json!(7), None, json!(7)),
            (Kind::Id, json!([7, "name"]), None, json!(7)),
            (Kind::Id, json!(false), None, Value::Null),
            (Kind::Text, json!(""), None, Value::Null),
            (Kind::Text, json!(false), None, Value::Null),
            (Kind::Translated, json!(r#"{"en_US":"Standard","de_DE":"Normal"}"#), None, json!("Normal")),
            (Kind::Translated, json!({"en_US": "Standard", "fr_FR": "Lent"}), None, json!("Standard")),
            (Kind::Translated, json!({"fr_FR": "Lent"}), None, json!("Lent")),
            (Kind::Translated, json!("{Express"), None, json!("{Express")),
            (Kind::Translated, json!("{}"), None, Value::Null),
        ];
        for (kind, raw, encoding, expected) in cases {
            assert_eq!(ok(kind, raw.clone(), encoding), expected, "{kind:?} {raw} {encoding:?}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_field_and_not_itself() {
        let cases = [
            (Kind::Id, json!("seven")),
            (Kind::Text, json!(7)),
            (Kind::Moment, json!("yesterday")),
            (Kind::Day, json!({})),
            (Kind::Decimal, json!("NaN")),
            (Kind::Decimal, json!("1e22")),
            (Kind::Decimal, json!({"scale": 99, "value": "AQ=="})),
            (Kind::Decimal, json!({"scale": 0, "value": ""})),
            (Kind::Translated, json!([])),
        ];
        for (kind, raw) in cases {
            let park = read("x", kind, &raw, None, "en_US").map_err(|p| (p.code, p.cause));
            assert_eq!(park, Err((Code::MISSING_FIELD, "field of the wrong type: x".into())), "{kind:?} {raw}");
        }
    }
}
