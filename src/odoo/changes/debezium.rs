//! Debezium's change events: the envelope (`before`, `after`, `op`, `source`) and its flattened form (`ExtractNewRecordState`).

use serde_json::{Map, Value};

use super::columns::{self, Kind, Table};
use super::{Change, ChangeMessage, Parsed, encodings, json, values};
use crate::domain::verdict::{Code, Park};

/// What Debezium writes for a large value (TOAST) that the change left alone and the log therefore does not hold.
const UNAVAILABLE: &str = "__debezium_unavailable_value";
/// Largest record key that is read, bytes.
const KEY_BYTES_MAX: usize = 64 << 10;

pub(super) fn parse(message: &ChangeMessage<'_>, body: &Map<String, Value>, schema: Option<&Value>) -> Result<Parsed, Park> {
    if let Some(kind) = housekeeping(message.topic, body) {
        return Ok(Parsed::Nothing(kind));
    }
    if body.contains_key("op") && (body.contains_key("after") || body.contains_key("before") || body.contains_key("source")) {
        enveloped(message, body, schema)
    } else {
        flattened(message, body, schema)
    }
}

/// Messages of Debezium that speak of no row.
fn housekeeping(topic: &str, body: &Map<String, Value>) -> Option<&'static str> {
    let has = |key: &str| body.contains_key(key);
    if has("status") && has("id") && (has("event_count") || has("data_collections") || last_part(topic) == "transaction") {
        return Some("transaction");
    }
    if has("ddl") || has("tableChanges") {
        return Some("schema_change");
    }
    if body.get("op").and_then(Value::as_str) == Some("m") {
        return Some("log_message");
    }
    (has("ts_ms") && !has("op") && !has("id")).then_some("heartbeat")
}

fn enveloped(message: &ChangeMessage<'_>, body: &Map<String, Value>, schema: Option<&Value>) -> Result<Parsed, Park> {
    let source = body.get("source").and_then(Value::as_object);
    let of_source = |key: &str| source.and_then(|s| s.get(key));
    let table = table(of_source("table").and_then(Value::as_str), message.topic)?;
    let op = body.get("op").and_then(Value::as_str).unwrap_or_default();
    let (part, deleted) = match op {
        "c" | "u" | "r" => ("after", false),
        "d" => ("before", true),
        "t" => return Err(bad("the table was truncated, no id is told")),
        _ => return Err(bad("a change of unknown kind")),
    };
    let row = body.get(part).and_then(Value::as_object);
    if row.is_none() && !deleted {
        return Err(bad("a change without the row after it"));
    }
    let record_id = id_of(row, message.key)?;
    let row = row.filter(|_| !deleted);
    let (fields, complete) = match row {
        Some(row) => read_row(table, row, message.language, |column| encodings::of(schema, Some(part), column))?,
        None => (Map::new(), true),
    };
    // A snapshot stands at the log's end as of its start, yet lacks what transactions then open were about to write:
    // their changes lie before that position and are newer. So a snapshot has no position of its own.
    let log_position = of_source("lsn").and_then(Value::as_i64).filter(|_| op != "r");
    let transaction_id = of_source("txId").and_then(Value::as_i64);
    let change = Change { model: table.model, record_id, deleted, fields, complete, origin: "debezium", transaction_id, log_position };
    Ok(Parsed::Image(change.image(message)))
}

/// The row alone; what else is known has been added by configuration with `__` before its name (`add.fields`).
fn flattened(message: &ChangeMessage<'_>, body: &Map<String, Value>, schema: Option<&Value>) -> Result<Parsed, Park> {
    let added = |names: [&str; 2]| names.iter().find_map(|name| body.get(*name).filter(|v| !v.is_null()));
    let table = table(added(["__table", "__source_table"]).and_then(Value::as_str), message.topic)?;
    let op = body.get("__op").and_then(Value::as_str).unwrap_or_default();
    let said_deleted = body.get("__deleted").is_some_and(|v| v.as_bool() == Some(true) || v.as_str() == Some("true"));
    let deleted = said_deleted || op == "d";
    let record_id = id_of(Some(body), message.key)?;
    let (fields, complete) =
        if deleted { (Map::new(), true) } else { read_row(table, body, message.language, |column| encodings::of(schema, None, column))? };
    let log_position = added(["__lsn", "__source_lsn"]).and_then(Value::as_i64).filter(|_| op != "r");
    let transaction_id = added(["__txId", "__source_txId"]).and_then(Value::as_i64);
    let change = Change { model: table.model, record_id, deleted, fields, complete, origin: "debezium", transaction_id, log_position };
    Ok(Parsed::Image(change.image(message)))
}

fn read_row(
    table: &Table,
    row: &Map<String, Value>,
    language: &str,
    encoding: impl Fn(&str) -> Option<encodings::Encoding>,
) -> Result<(Map<String, Value>, bool), Park> {
    let mut fields = Map::new();
    let mut complete = true;
    for (column, kind) in table.columns {
        let Some(raw) = row.get(*column) else { continue };
        if raw.as_str() == Some(UNAVAILABLE) {
            complete = false;
            continue;
        }
        let encoding = if matches!(kind, Kind::Id | Kind::Text | Kind::Translated) { None } else { encoding(column) };
        fields.insert((*column).to_owned(), values::read(column, *kind, raw, encoding, language)?);
    }
    if fields.is_empty() {
        return Err(bad("a row without any of the columns that are followed"));
    }
    Ok((fields, complete))
}

fn table(told: Option<&str>, topic: &str) -> Result<&'static Table, Park> {
    let name = told.unwrap_or_else(|| last_part(topic));
    if name.is_empty() {
        return Err(bad("a change event without a table"));
    }
    columns::by_table(name).ok_or_else(|| columns::not_followed(name))
}

fn last_part(topic: &str) -> &str {
    topic.rsplit('.').next().unwrap_or(topic)
}

fn id_of(row: Option<&Map<String, Value>>, key: Option<&[u8]>) -> Result<i64, Park> {
    row.and_then(|r| r.get("id")).and_then(Value::as_i64).or_else(|| id_of_key(key?)).ok_or_else(|| bad("a change event without an id"))
}

/// The primary key in the record key: `{"id": 5}`, with or without its schema. An Avro key is not needed: such a
/// message has the id in its value.
fn id_of_key(key: &[u8]) -> Option<i64> {
    let key = json::read(key, KEY_BYTES_MAX).ok()?;
    key.get("payload").unwrap_or(&key).get("id")?.as_i64()
}

fn bad(cause: &str) -> Park {
    Park::new(Code::BAD_CHANGE_EVENT, cause)
}
