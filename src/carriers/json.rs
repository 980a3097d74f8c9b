//! Guarded reading of JSON bodies that somebody else wrote.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{DialectSettings, RawMessage, declares, event};
use crate::domain::verdict::{Code, Park};

/// Deepest nesting that is read; honest payloads stay below 15.
pub const DEPTH_MAX: usize = 64;

/// Most objects for each event that may be in a message: an event of the wordiest source has five. An object that is read
/// takes up to some hundred times the memory of the two bytes that it may be.
const OBJECTS_PER_EVENT_MAX: usize = 8;

/// Most bytes that the lists of objects of one body take as they are read, without what they lead to. Ten thousand of the largest
/// object there is take 12 MB; a list that grows takes up to three times as much for a moment.
const LISTS_BYTES_MAX: usize = 16 << 20;
const LISTS_TOO_LARGE: &str = "lists of objects larger than the limit";

thread_local! {
    /// What the lists of the body that is being read may still take, bytes: derived readers cannot be handed a budget.
    static LISTS_BYTES_LEFT: Cell<usize> = const { Cell::new(LISTS_BYTES_MAX) };
}

/// Most scalars of one list that are kept; the rest is passed over.
const TEXTS_MAX: usize = 64;

/// The body as the text of one JSON object, after every check that needs no knowledge of the source.
///
/// # Errors
/// The code of the first limit that it breaks.
pub fn object_text<'a>(message: &RawMessage<'a>, settings: &DialectSettings) -> Result<&'a str, Park> {
    let text = checked(message, settings)?;
    if text.starts_with('{') { Ok(text) } else { Err(no_object(text)) }
}

/// The same for a source that also sends lists of objects: read them with [`Objects`].
///
/// # Errors
/// The code of the first limit that it breaks.
pub fn objects_text<'a>(message: &RawMessage<'a>, settings: &DialectSettings) -> Result<&'a str, Park> {
    let text = checked(message, settings)?;
    if text.starts_with(['{', '[']) { Ok(text) } else { Err(no_object(text)) }
}

fn checked<'a>(message: &RawMessage<'a>, settings: &DialectSettings) -> Result<&'a str, Park> {
    if message.body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("bytes in the body: {}", message.body.len())));
    }
    if let Some(content_type) = message.content_type.filter(|t| !declares(t, "json")) {
        let shown: String = content_type.chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
        return Err(Park::new(Code::WRONG_CONTENT_TYPE, format!("content type is not JSON: {shown}")));
    }
    let text = std::str::from_utf8(message.body)
        .map_err(|e| Park::new(Code::NOT_UTF8, format!("first byte that is not UTF-8: {}", e.valid_up_to())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    if text.is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    check_shape(text, settings.events_max.saturating_mul(OBJECTS_PER_EVENT_MAX))?;
    Ok(text)
}

fn no_object(text: &str) -> Park {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Park::new(Code::NOT_TRACKING, "the body is JSON and not an object"),
        Err(error) => syntax(&error),
    }
}

/// Reads one object. Fields that the struct does not name are skipped.
///
/// # Errors
/// `DUPLICATE_KEY` where an object that is read names a key twice, `MALFORMED` for wrong syntax, `TOO_MANY` where its lists take too much.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Park> {
    LISTS_BYTES_LEFT.set(LISTS_BYTES_MAX);
    serde_json::from_str(text).map_err(|error| syntax(&error))
}

/// A park for a message without a field that it cannot do without.
#[must_use]
pub fn missing(field: &str) -> Park {
    Park::new(Code::MISSING_FIELD, format!("field is missing: {field}"))
}

/// A park for a message that speaks of something else.
#[must_use]
pub fn not_tracking(why: &'static str) -> Park {
    Park::new(Code::NOT_TRACKING, why)
}

/// A park for a message with more than the limit.
#[must_use]
pub fn too_many(max: usize) -> Park {
    Park::new(Code::TOO_MANY, format!("more events than the limit: {max}"))
}

/// One pass over the bytes, so that the parser's recursion never sees more than the limit, and its lists no more either.
fn check_shape(text: &str, objects_max: usize) -> Result<(), Park> {
    let (mut depth, mut objects, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Park::new(Code::TOO_DEEP, format!("nested deeper than the limit: {DEPTH_MAX}")));
                }
                objects += usize::from(byte == b'{');
                if objects > objects_max {
                    return Err(Park::new(Code::TOO_MANY, format!("more objects than the limit: {objects_max}")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The parser's own words may quote the payload: only the position is passed on, and the key where it is one of ours.
fn syntax(error: &serde_json::Error) -> Park {
    let text = error.to_string();
    if let Some(rest) = text.strip_prefix("duplicate field `") {
        let key = rest.split('`').next().unwrap_or_default();
        return Park::new(Code::DUPLICATE_KEY, format!("key is there twice: {key}"));
    }
    if text.starts_with(LISTS_TOO_LARGE) {
        return Park::new(Code::TOO_MANY, format!("{LISTS_TOO_LARGE}: {LISTS_BYTES_MAX} bytes"));
    }
    Park::new(Code::MALFORMED, format!("not well-formed JSON at line {}, column {}", error.line(), error.column()))
}

/// An optional scalar as text: a string, a number, true or false. Null, an empty string, an object or an array is nothing.
#[derive(Debug, Default, Clone)]
pub struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text without white space around it, where there is any.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|t| !t.is_empty())
    }

    /// The same as an owned string, up to the longest text that is kept: what stands once in a body goes into many events.
    #[must_use]
    pub fn owned(&self) -> Option<String> {
        self.get().map(|text| event::cut(text, event::DESCRIPTION_BYTES_MAX).to_owned())
    }

    /// A code in upper case: numbers that lost their leading zeros get them back up to `width`.
    #[must_use]
    pub fn code(&self, width: usize) -> Option<Cow<'_, str>> {
        let text = self.get()?;
        if text.len() < width && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Cow::Owned(format!("{text:0>width$}")));
        }
        Some(if text.bytes().any(|b| b.is_ascii_lowercase()) { Cow::Owned(text.to_ascii_uppercase()) } else { Cow::Borrowed(text) })
    }
}

struct TextVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
    type Value = Text<'a>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Borrowed(v))))
    }
    fn visit_str<E>(self, v: &str) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(v.to_owned()))))
    }
    fn visit_bool<E>(self, v: bool) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Borrowed(if v { "true" } else { "false" }))))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(v.to_string()))))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(v.to_string()))))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Text<'a>, E> {
        // Beyond 2^53 digits are lost: a long tracking number sent as a number is nothing, rather than a wrong number.
        Ok(Text((v.abs() < 9_007_199_254_740_992.0).then(|| Cow::Owned(v.to_string()))))
    }
    fn visit_unit<E>(self) -> Result<Text<'a>, E> {
        Ok(Text(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'a>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TextVisitor(PhantomData))
    }
}

/// A scalar where an object or a list of them is looked for is as good as its absence.
macro_rules! scalars_are_nothing {
    () => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

/// A list of objects, empty where something else stands. One object in place of a list is a list of one; what is no
/// object inside a list is left out.
#[derive(Debug)]
pub struct Objects<T>(pub Vec<T>);

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct ObjectsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
    type Value = Objects<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Objects<T>, A::Error> {
        Ok(Objects(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Objects<T>, A::Error> {
        let mut objects = Vec::new();
        while let Some(element) = seq.next_element::<Object<T>>()? {
            let Some(object) = element.0 else { continue };
            let left = LISTS_BYTES_LEFT.get().checked_sub(size_of::<T>());
            LISTS_BYTES_LEFT.set(left.ok_or_else(|| A::Error::custom(LISTS_TOO_LARGE))?);
            objects.push(object);
        }
        Ok(Objects(objects))
    }
    scalars_are_nothing!();
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ObjectsVisitor(PhantomData))
    }
}

/// An optional object; whatever else stands there is nothing.
#[derive(Debug)]
pub struct Object<T>(pub Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        Ok(Object(Some(T::deserialize(MapAccessDeserializer::new(map))?)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Object<T>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }
    scalars_are_nothing!();
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// The scalars of a list, as text; empty where something else stands.
#[derive(Debug, Default)]
pub struct Texts<'a>(pub Vec<Text<'a>>);

struct TextsVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for TextsVisitor<'a> {
    type Value = Texts<'a>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of scalars")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Texts::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts<'a>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element::<Text<'a>>()? {
            if texts.len() < TEXTS_MAX && text.get().is_some() {
                texts.push(text);
            }
        }
        Ok(Texts(texts))
    }
    scalars_are_nothing!();
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TextsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_objects_are_read_than_a_message_may_have() {
        let settings = DialectSettings { events_max: 10, ..DialectSettings::default() };
        let outcome = |body: String| {
            let message = super::super::testing::message(body.as_bytes());
            objects_text(&message, &settings).map(str::len).map_err(|park| park.code)
        };
        let objects = |count: usize| format!("[{}\"{{{{\"]", "{},".repeat(count));
        assert_eq!(outcome(objects(80)), Ok(objects(80).len()), "what stands in a string is no object");
        assert_eq!(outcome(objects(81)), Err(Code::TOO_MANY));
        assert_eq!(outcome("{\"x\":".repeat(80) + "1"), Err(Code::TOO_DEEP));
    }

    #[test]
    fn lists_have_a_budget_for_each_body() {
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        struct Large {
            _x: [[u64; 32]; 4],
            inner: Objects<Large>,
        }
        let fit = LISTS_BYTES_MAX / size_of::<Large>();
        let outcome = |text: &str| read::<Objects<Large>>(text).map(|l| l.0.iter().map(|l| 1 + l.inner.0.len()).sum()).map_err(|p| p.code);
        let list = |count: usize| format!("[{}{{}}]", "{},".repeat(count - 1));
        assert_eq!(outcome(&list(fit)), Ok(fit));
        assert_eq!(outcome(&list(fit + 1)), Err(Code::TOO_MANY));
        assert_eq!(outcome(&list(fit)), Ok(fit), "the next body has a budget of its own");
        assert_eq!(outcome(&format!("[{{\"inner\": {}}}]", list(fit))), Err(Code::TOO_MANY), "lists in lists count as well");
    }

    #[test]
    fn a_list_of_scalars_is_whatever_of_it_is_a_scalar() {
        let told = |text: &str| read::<Texts<'_>>(text).map(|t| t.0.iter().filter_map(Text::owned).collect::<Vec<_>>()).expect(text);
        assert_eq!(told(r#"["a", null, "", 7, {"b": 1}, ["c"], "d"]"#), ["a", "7", "d"]);
        for nothing in ["null", "\"a\"", "7", "true", "{\"a\": [1]}", "[]"] {
            assert_eq!(told(nothing), Vec::<String>::new(), "{nothing}");
        }
        assert_eq!(told(&format!("[{}1]", "1,".repeat(1000))).len(), TEXTS_MAX);
    }
}
