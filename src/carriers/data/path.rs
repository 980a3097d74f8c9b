//! Paths into a body: JSONPath as RFC 9535 has it.

use std::borrow::Cow;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::tree::TEXT;

/// A path; a list at its end stands for its elements.
#[derive(Debug)]
pub(super) struct Path(JsonPath);

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it. A path whose cost may grow with the square of the body is refused: a body is the work of strangers.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = JsonPath::parse(text).map_err(|error| format!("not a JSONPath (RFC 9535), position {}", error.position() + 1))?;
        let descents = text.matches("..").count();
        let is_filter = text.contains('?');
        if descents > 1 || is_filter && descents > 0 {
            return Err("`..` stands more than once, or beside a filter".to_owned());
        }
        if is_filter && text.matches('$').count() > 1 {
            return Err("a filter that looks at the whole body".to_owned());
        }
        if ["match(", "search("].iter().any(|function| text.contains(function)) {
            return Err("match() and search(), whose pattern is made anew for each element".to_owned());
        }
        Ok(Self(path))
    }

    /// Everything that it leads to.
    pub(super) fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let found = self.0.query(value).all();
        if !found.iter().any(|v| v.is_array()) {
            return found;
        }
        found.into_iter().flat_map(|v| v.as_array().map_or_else(|| std::slice::from_ref(v), Vec::as_slice)).collect()
    }
}

/// Paths of which the first counts that leads to a text.
#[derive(Debug, Default)]
pub(super) struct Paths(pub(super) Vec<Path>);

impl Paths {
    /// The texts, one for each path that leads to one.
    pub(super) fn texts<'s, 'v: 's>(&'s self, value: &'v Value) -> impl Iterator<Item = Cow<'v, str>> + 's {
        self.0.iter().filter_map(move |path| path.all(value).into_iter().find_map(text))
    }

    /// The first text.
    pub(super) fn text<'v>(&self, value: &'v Value) -> Option<Cow<'v, str>> {
        self.texts(value).next()
    }

    /// The first text, as an owned string.
    pub(super) fn owned(&self, value: &Value) -> Option<String> {
        self.text(value).map(Cow::into_owned)
    }
}

/// A scalar as text without white space around it; nothing is as good as not sent.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|t| !t.is_empty()).map(Cow::Borrowed),
        // Beyond 2^53 digits are lost: a long tracking number sent as such a number is nothing, rather than a wrong number.
        Value::Number(number) if number.as_f64().is_some_and(|f| number.is_f64() && f.abs() >= 9_007_199_254_740_992.0) => None,
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Object(object) => object.get(TEXT).and_then(text),
        Value::Null | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn first(path: &str, body: &Value) -> Option<String> {
        Paths(vec![Path::parse(path).expect(path)]).owned(body)
    }

    #[test]
    fn a_path_leads_to_text() {
        let body =
            json!({"a": {"b c": " x "}, "n": [{"t": 1}, {"t": 2, "u": "two"}], "f": 1e300, "no": null, "e": "", "h": {"#text": "y"}});
        for (path, text) in [
            ("$.a['b c']", Some("x")),
            ("$.n[1].t", Some("2")),
            ("$.n[?@.t==2].u", Some("two")),
            ("$.n.t", None),
            ("$..u", Some("two")),
            ("$.f", None),
            ("$.no", None),
            ("$.e", None),
            ("$.a", None),
            ("$.h", Some("y")),
        ] {
            assert_eq!(first(path, &body).as_deref(), text, "{path}");
        }
    }

    #[test]
    fn a_list_stands_for_its_elements() {
        let path = Path::parse("$.n").expect("a path");
        assert_eq!(path.all(&json!({"n": [1, 2]})).len(), 2);
        assert_eq!(path.all(&json!({"n": {"x": 1}})).len(), 1);
        assert_eq!(path.all(&json!({})).len(), 0);
    }

    #[test]
    fn what_may_cost_too_much_is_refused() {
        for path in ["a.b", "$..a..b", "$.a[?$.b]", "$..a[?@.b]", "$.a[?match(@.b, 'c.*')]", "$.a[?search(@.b, 'c')]", "$.", ""] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
