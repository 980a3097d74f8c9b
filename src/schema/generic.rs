//! Avro of other people as JSON: unions unwrapped, decimals as strings, bytes as base64.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{ResolvedSchema, UnionSchema};
use apache_avro::types::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::DecodeError;

/// Debezium's record for a decimal whose column says no scale (PostgreSQL's `numeric`): also a plain string here.
const VARIABLE_SCALE: &str = "io.debezium.data.VariableScaleDecimal";
/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 64;

/// Most digits after the point that are written out; PostgreSQL has no more.
const SCALE_MAX: usize = 16_383;

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
            if record.name.to_string() == VARIABLE_SCALE {
                return variable_scale(&fields).map(Json::String);
            }
            let fields = fields.into_iter().zip(&record.fields);
            Json::Object(fields.map(|((k, v), f)| Some((k, to_json(v, &f.schema, names, depth + 1)?))).collect::<Option<Map<_, _>>>()?)
        }
        Value::Decimal(decimal) => {
            let Schema::Decimal(of) = schema else { return None };
            decimal_text(&Vec::<u8>::try_from(&decimal).ok()?, Some(of.scale).filter(|s| *s <= SCALE_MAX)?)?.into()
        }
        Value::BigDecimal(decimal) => decimal.to_string().into(),
        Value::Uuid(uuid) => uuid.to_string().into(),
        Value::Duration(d) => STANDARD.encode(<[u8; 12]>::from(d)).into(),
    })
}

fn variable_scale(fields: &[(String, Value)]) -> Option<String> {
    let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v);
    let (Some(Value::Int(scale)), Some(Value::Bytes(bytes))) = (field("scale"), field("value")) else { return None };
    decimal_text(bytes, usize::try_from(*scale).ok().filter(|s| *s <= SCALE_MAX)?)
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
        for (bytes, scale, text) in [(&[0x04, 0xd2][..], 2, "12.34"), (&[0xff], 3, "-0.001"), (&[0x80], 0, "-128"), (&[0x00], 2, "0.00")] {
            assert_eq!(decimal_text(bytes, scale).as_deref(), Some(text));
        }
        assert_eq!(decimal_text(&[0x7f; 16], 0), Some(i128::from_be_bytes([0x7f; 16]).to_string()));
        assert_eq!(decimal_text(&[1; 17], 2), None);
    }

    /// A change event as Debezium writes it: the row's record named once and referred to after.
    #[test]
    fn a_change_event_becomes_plain_json() {
        let schema = Schema::parse_str(
            r#"{"type":"record","name":"Envelope","namespace":"odoo.public.sale_order","fields":[
              {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
                {"name":"id","type":"int"},
                {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}]},
                {"name":"rate","type":["null",{"type":"record","name":"VariableScaleDecimal","namespace":"io.debezium.data","fields":[
                  {"name":"scale","type":"int"},{"name":"value","type":"bytes"}]}]},
                {"name":"written","type":[{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"},"null"]},
                {"name":"blob","type":"bytes"},
                {"name":"tags","type":{"type":"map","values":"double"}}]}]},
              {"name":"after","type":["null","Value"]},
              {"name":"op","type":{"type":"enum","name":"Op","symbols":["c","u"]}}]}"#,
        )
        .expect("schema");
        let row = Value::Record(vec![
            ("id".into(), Value::Int(7)),
            ("amount".into(), Value::Union(1, Box::new(Value::Decimal(vec![0x04, 0xd2].into())))),
            (
                "rate".into(),
                Value::Union(
                    1,
                    Box::new(Value::Record(vec![("scale".into(), Value::Int(3)), ("value".into(), Value::Bytes(vec![0x30, 0x39]))])),
                ),
            ),
            ("written".into(), Value::Union(0, Box::new(Value::Long(1_763_625_600_000_000)))),
            ("blob".into(), Value::Bytes(vec![1, 2, 3])),
            ("tags".into(), Value::Map([("b".to_owned(), Value::Double(0.5)), ("a".to_owned(), Value::Double(f64::NAN))].into())),
        ]);
        let event = Value::Record(vec![
            ("before".into(), Value::Union(0, Box::new(Value::Null))),
            ("after".into(), Value::Union(1, Box::new(row))),
            ("op".into(), Value::Enum(1, "u".into())),
        ]);
        let datum = apache_avro::writer::datum::GenericDatumWriter::builder(&schema)
            .build()
            .expect("writer")
            .write_value_to_vec(event)
            .expect("writes");
        assert_eq!(
            decode_generic(&datum, &schema).map(|json| json.to_string()).as_deref(),
            Ok(concat!(
                r#"{"before":null,"after":{"id":7,"amount":"12.34","rate":"12.345","written":1763625600000000,"#,
                r#""blob":"AQID","tags":{"a":"NaN","b":0.5}},"op":"u"}"#
            ))
        );
        for cut in 0..datum.len() {
            assert!(decode_generic(&datum[..cut], &schema).is_err(), "cut at {cut}");
        }
    }
}
