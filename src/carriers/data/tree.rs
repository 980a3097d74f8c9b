//! Guarded reading of a body into one tree, whatever its kind.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::xml::{self, Node};
use super::super::{DialectSettings, RawMessage, json};
use super::description::Payload;
use crate::domain::verdict::{Code, Park};

/// Key of an XML element's text where it has attributes or elements as well.
pub(super) const TEXT: &str = "#text";
/// Key of the rows of a CSV body.
pub(super) const ROWS: &str = "rows";
/// Most values in a body, an object counted as [`OBJECT_COST`]: what a tree takes in memory has a bound, about 50 MB. A map grows by
/// doubling, and the next step, of 229,376 values, would take 75 at once.
const VALUES_MAX: usize = 200_000;
/// Most columns of a row, of which each takes eight bytes and more.
const COLUMNS_MAX: usize = 10_000;
const OBJECT_COST: usize = 4;
const TOO_MANY: &str = "too many values";
const TWICE: &str = "a key twice";

/// The body as a tree, after every check that needs no knowledge of the source.
///
/// # Errors
/// The code of the first limit that it breaks.
pub(super) fn read(payload: Payload, delimiter: u8, message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Value, Park> {
    match payload {
        Payload::Json => of_json(json::objects_text(message, settings)?),
        Payload::Xml => {
            let text = xml::text(message, settings)?;
            let document = xml::read(&text)?;
            let root = document.root().ok_or_else(|| json::not_tracking("no element"))?;
            let budget = Budget::default();
            Ok(Value::Object(Map::from_iter([(root.name().to_owned(), of_element(root, &budget)?)])))
        }
        Payload::Csv => of_csv(csv_text(message, settings)?, delimiter, settings),
    }
}

/// How many values may still come.
struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(VALUES_MAX))
    }
}

impl Budget {
    fn take(&self, cost: usize) -> bool {
        let left = self.0.get().checked_sub(cost);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

fn too_many() -> Park {
    Park::new(Code::TOO_MANY, format!("more values than the limit: {VALUES_MAX}"))
}

fn twice() -> Park {
    Park::new(Code::DUPLICATE_KEY, "a key is there twice")
}

fn of_json(text: &str) -> Result<Value, Park> {
    let budget = Budget::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Seed(&budget).deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        // The words are ours or the parser's; only the position is passed on of the latter, which may quote the payload.
        let told = error.to_string();
        if told.starts_with(TOO_MANY) {
            too_many()
        } else if told.starts_with(TWICE) {
            twice()
        } else {
            Park::new(Code::MALFORMED, format!("not well-formed JSON at line {}, column {}", error.line(), error.column()))
        }
    })
}

/// Reads a value as [`Value`] does, but with a budget, and with no key twice.
struct Seed<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if !self.0.take(1) {
            return Err(D::Error::custom(TOO_MANY));
        }
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Seed(self.0))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if !self.0.take(OBJECT_COST) {
            return Err(A::Error::custom(TOO_MANY));
        }
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.insert(key, map.next_value_seed(Seed(self.0))?).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}

/// An element is its text; with attributes (`@name`) or elements it is an object, in which elements of one name are a list.
/// The depth has been looked at before.
fn of_element(node: Node<'_>, budget: &Budget) -> Result<Value, Park> {
    if !budget.take(1) {
        return Err(too_many());
    }
    let attributes = node.attributes()?;
    let text = node.text().map(|t| Value::String(t.to_owned()));
    if attributes.is_empty() && node.children().next().is_none() {
        return Ok(text.unwrap_or(Value::Null));
    }
    if !budget.take(OBJECT_COST + attributes.len()) {
        return Err(too_many());
    }
    let mut object = Map::new();
    for (name, value) in attributes {
        if object.insert(format!("@{name}"), Value::String(value.into_owned())).is_some() {
            return Err(twice());
        }
    }
    for child in node.children() {
        let value = of_element(child, budget)?;
        match object.get_mut(child.name()) {
            None => drop(object.insert(child.name().to_owned(), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    if let Some(text) = text {
        object.insert(TEXT.to_owned(), text);
    }
    Ok(Value::Object(object))
}

fn csv_text<'a>(message: &RawMessage<'a>, settings: &DialectSettings) -> Result<Cow<'a, str>, Park> {
    if message.body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("bytes in the body: {}", message.body.len())));
    }
    if message.content_type.is_some_and(|told| !is_csv(told)) {
        return Err(Park::new(Code::WRONG_CONTENT_TYPE, "content type is not CSV"));
    }
    let body = message.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message.body).trim_ascii();
    if body.is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    let text =
        std::str::from_utf8(body).map_err(|e| Park::new(Code::NOT_UTF8, format!("first byte that is not UTF-8: {}", e.valid_up_to())))?;
    if text.bytes().any(|b| b < b' ' && !matches!(b, b'\t' | b'\r' | b'\n')) {
        return Err(Park::new(Code::MALFORMED, "not CSV: a control character"));
    }
    Ok(Cow::Borrowed(text))
}

/// Whether a line has more separators than a row may have columns; looked at before a row is read, which would take them all.
fn is_too_wide(text: &str, delimiter: u8) -> bool {
    text.lines().any(|line| line.len() > COLUMNS_MAX && line.bytes().filter(|b| *b == delimiter).count() > COLUMNS_MAX)
}

fn is_csv(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    ["", "text/csv", "application/csv", "text/plain", "application/vnd.ms-excel", "application/octet-stream"]
        .iter()
        .any(|known| kind.eq_ignore_ascii_case(known))
}

/// `{"rows": [{column: text}]}`; the first line names the columns.
fn of_csv(text: Cow<'_, str>, delimiter: u8, settings: &DialectSettings) -> Result<Value, Park> {
    let malformed = |error: &csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        Park::new(Code::MALFORMED, format!("not CSV, or a row of another length, at line {line}"))
    };
    if is_too_wide(&text, delimiter) {
        return Err(Park::new(Code::TOO_MANY, format!("more columns than the limit: {COLUMNS_MAX}")));
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|e| malformed(&e))?.clone();
    let named: std::collections::HashSet<&str> = columns.iter().collect();
    if named.len() < columns.len() {
        return Err(twice());
    }
    let budget = Budget::default();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| malformed(&e))?;
        if rows.len() >= settings.events_max {
            return Err(json::too_many(settings.events_max));
        }
        if !budget.take(OBJECT_COST + columns.len()) {
            return Err(too_many());
        }
        let told = columns.iter().zip(row.iter()).filter(|(_, value)| !value.is_empty());
        rows.push(Value::Object(told.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect()));
    }
    Ok(Value::Object(Map::from_iter([(ROWS.to_owned(), Value::Array(rows))])))
}
