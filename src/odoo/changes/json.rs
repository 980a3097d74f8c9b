//! JSON with bounds: size, depth, and no key twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::domain::verdict::{Code, Park};

/// Deepest nesting that is read. Debezium's own schema nests 8 deep, jsonb of Odoo a few more.
const DEPTH_MAX: u8 = 32;

/// Reads one JSON document.
///
/// # Errors
/// `TOO_LARGE`, `NOT_UTF8`, `TOO_DEEP`, `DUPLICATE_KEY`, or `MALFORMED` for everything else. No text of the document is in the cause.
pub(super) fn read(bytes: &[u8], bytes_max: usize) -> Result<Value, Park> {
    if bytes.len() > bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("{} bytes, at most {bytes_max} are read", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| Park::new(Code::NOT_UTF8, format!("not UTF-8 at byte {}", e.valid_up_to())))?;
    let broken = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Node { depth: DEPTH_MAX, broken: &broken }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| match broken.get() {
        Some(Code::TOO_DEEP) => Park::new(Code::TOO_DEEP, format!("nested deeper than {DEPTH_MAX}")),
        Some(code) => Park::new(code, format!("an object names one key twice, line {} column {}", error.line(), error.column())),
        None => Park::new(Code::MALFORMED, format!("not JSON at line {} column {}", error.line(), error.column())),
    })
}

/// One value at some depth; `broken` says which of our own rules stopped the reading.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: u8,
    broken: &'a Cell<Option<Code>>,
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.stop(Code::TOO_DEEP)),
        }
    }

    fn stop<E: serde::de::Error>(self, code: Code) -> E {
        self.broken.set(Some(code));
        E::custom("stopped")
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(self.stop(Code::DUPLICATE_KEY));
            }
            fields.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_one_honest_document_has_its_code() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let (deepest, too_deep, far_too_deep) = (deep(32), deep(33), deep(10_000));
        let cases: [(&[u8], Option<Code>); 11] = [
            (b"{\"a\":1}", None),
            (deepest.as_bytes(), None),
            (too_deep.as_bytes(), Some(Code::TOO_DEEP)),
            (far_too_deep.as_bytes(), Some(Code::TOO_DEEP)),
            (b"{\"a\":1,\"a\":2}", Some(Code::DUPLICATE_KEY)),
            (b"{\"a\":{\"b\":1,\"b\":1}}", Some(Code::DUPLICATE_KEY)),
            (b"{\"a\":1", Some(Code::MALFORMED)),
            (b"{\"a\":1} x", Some(Code::MALFORMED)),
            (b"", Some(Code::MALFORMED)),
            (b"{\"a\":\"\xff\"}", Some(Code::NOT_UTF8)),
            (b"{\"a\":1e999}", Some(Code::MALFORMED)),
        ];
        for (bytes, code) in cases {
            assert_eq!(read(bytes, 1 << 20).err().map(|p| p.code), code, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(read(b"[1,2,3]", 3).err().map(|p| p.code), Some(Code::TOO_LARGE));
    }
}
