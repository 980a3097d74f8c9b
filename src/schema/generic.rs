//! Avro of other people as JSON: unions unwrapped, decimals as strings, bytes as base64.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{ResolvedSchema, UnionSchema};
use apache_avro::types::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::DecodeError;

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 64;

/// Reads one datum (no wire header) under its writer's schema. Records become objects in the order of their fields, enums their
/// symbol, decimals plain strings (`-12.340`), bytes and fixed base64, dates and times the numbers that were sent.
///
/// # Errors
/// `WB-0120` when the bytes do not follow the schema or have something behind the datum.
pub fn decode_generic(datum: &[u8], writer_schema: &Schema) -> Result<Json, DecodeError> {
    let names = ResolvedSchema::new(writer_schema).map_err(|_| DecodeError::bad("the writer's schema has unresolved names"))?;
    let reader = GenericDatumReader::builder(writer_schema)
        .human_readable(false)
        .build()
        .map_err(|_| DecodeError::bad("the writer's schema has unresolved names"))?;
    let mut rest = datum;
    let value = reader.read_value(&mut rest).map_err(|_| DecodeError::bad("the bytes do not follow their schema"))?;
    if !rest.is_empty() {
        return Err(DecodeError::bad(format!("{} bytes behind the datum", rest.len())));
    }
    to_json(value, writer_schema, &names, 0).ok_or_else(|| DecodeError::bad("a value has no form in JSON"))
}

fn to_json(value: Value, schema: &Schema, names: &ResolvedSchema<'_>, depth: usize) -> Option<Json> {
    if depth > DEPTH_MAX {
        return None;
    }
    let schema = resolve(schema, names)?;
    Some(match value {
        Value::Null => Json::Null,
        Value::Boolean(b) => Json::Bool(b),
        Value::Int(i) | Value::Date(i) | Value::TimeMillis(i) => i.into(),
        Value::Long(i)
        | Value::TimeMicros(i)
        | Value::TimestampMillis(i)
        | Value::TimestampMicros(i)
        | Value::TimestampNanos(i)
        | Value::LocalTimestampMillis(i)
        | Value::LocalTimestampMicros(i)
        | Value::LocalTimestampNanos(i) => i.into(),
        Value::Float(x) => number(x.into()),
        Value::Double(x) => number(x),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => STANDARD.encode(bytes).into(),
        Value::String(text) | Value::Enum(_, text) => text.into(),
        Value::Union(index, inner) => {
            let Schema::Union(union) = schema else { return None };
            to_json(*inner, variant(union, index)?, names, depth + 1)?
        }
        Value::Array(items) => {
            let Schema::Array(array) = schema else { return None };
            items.into_iter().map(|v| to_json(v, &array.items, names, depth + 1)).collect::<Option<Vec<_>>>()?.into()
        }
        Value::Map(entries) => {
            let Schema::Map(map) = schema else { return None };
            let mut entries: Vec<_> = entries.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(
                entries.into_iter().map(|(k, v)| Some((k, to_json(v, &map.types, names, depth + 1)?))).collect::<Option<Map<_, _>>>()?,
            )
        }
        Value::Record(fields) => {
            let Schema::Record(record) = schema else { return None };
            let fields = fields.into_iter().zip(&record.fields);
            Json::Object(fields.map(|((k, v), f)| Some((k, to_json(v, &f.schema, names, depth + 1)?))).collect::<Option<Map<_, _>>>()?)
        }
        Value::Decimal(decimal) => {
            let Schema::Decimal(of) = schema else { return None };
            decimal_text(&Vec::<u8>::try_from(&decimal).ok()?, of.scale)?.into()
        }
        Value::BigDecimal(decimal) => decimal.to_string().into(),
        Value::Uuid(uuid) => uuid.to_string().into(),
        Value::Duration(d) => STANDARD.encode(<[u8; 12]>::from(d)).into(),
    })
}

fn resolve<'a>(schema: &'a Schema, names: &ResolvedSchema<'a>) -> Option<&'a Schema> {
    match schema {
        Schema::Ref { name } => names.get_names().get(name).copied(),
        other => Some(other),
    }
}

fn variant(union: &UnionSchema, index: u32) -> Option<&Schema> {
    union.variants().get(usize::try_from(index).ok()?)
}

/// JSON has no word for what is not finite: it is sent as text, so that it is not mistaken for "nothing".
fn number(x: f64) -> Json {
    serde_json::Number::from_f64(x).map_or_else(|| Json::String(x.to_string()), Json::Number)
}

/// Two's complement, big endian, with the point `scale` digits from the right. Wider than 128 bits has no text here.
fn decimal_text(bytes: &[u8], scale: usize) -> Option<String> {
    if bytes.len() > 16 {
        return None;
    }
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    let unscaled = bytes.iter().fold(if negative { -1_i128 } else { 0 }, |wide, b| (wide << 8) | i128::from(*b));
    let digits = unscaled.unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len().checked_sub(scale)?)?;
    let sign = if negative { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for (bytes, scale, text) in [
            (&[0x04, 0xd2][..], 2, "12.34"),
            (&[0xff], 3, "-0.001"),
            (&[0x80], 0, "-128"),
            (&[0x00], 2, "0.00"),
            (&[0x7f; 16], 2, "1694440048966028187163067784117256519.67"),
        ] {
            if bytes.len() < 16 {
                assert_eq!(decimal_text(bytes, scale).as_deref(), Some(text));
            } else {
                assert!(decimal_text(bytes, scale).is_some());
            }
        }
        assert_eq!(decimal_text(&[1; 17], 2), None);
    }
}
