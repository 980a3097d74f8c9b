//! Examples of a description: a body each, and what must come of it.

use serde_json::{Map, Value};

use super::super::{Dialect, RawMessage};
use super::Described;
use super::check::Findings;
use super::description::{Example as Text, FILL_IN};
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::time::Micros;

/// 2026-11-21T00:00:00Z: when the examples reached us.
const RECEIVED_AT: Micros = 1_795_219_200_000_000;

/// A body and what must come of it.
#[derive(Debug)]
pub(super) struct Example {
    name: String,
    body: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// One map of fields for each event; fields that are not named are not looked at.
    Events(Vec<Map<String, Value>>),
    Parked(String),
    Nothing,
}

/// What is said of an event of which an example says nothing yet.
const NOT_WRITTEN: &str = "not written down: add events, or parked, to the example";
/// What is said of an event without any time, where the example does not say that it has none.
const NO_TIME: &str = "a time: see event.time and times.formats; where none is sent, write occurred_local: null";

/// One thing that came otherwise than an example says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Name of the example.
    pub example: String,
    /// `event 2: milestone`.
    pub what: String,
    /// What came.
    pub found: String,
    /// What the example says.
    pub expected: String,
}

impl Difference {
    /// Whether the example says nothing yet; `found` is then the event as the example would have it.
    #[must_use]
    pub fn is_not_written(&self) -> bool {
        self.expected == NOT_WRITTEN
    }
}

pub(super) fn compile(texts: &[Text], found: &mut Findings<'_>) -> Vec<Example> {
    let mut examples = Vec::new();
    for text in texts {
        let line = text.name.defined.line();
        let key = format!("examples, {}", text.name.value);
        let body = match (&text.body, &text.file) {
            (Some(body), None) => Some(body.clone()),
            (None, Some(file)) => found.beside(&key, file),
            _ => {
                found.add(&key, line, "has neither or both of body and file", "write the body there, or name a file beside this one");
                None
            }
        };
        let expected = match (&text.events, &text.parked) {
            (Some(events), None) => Expected::Events(events.clone()),
            (None, Some(code)) if code.value != FILL_IN => Expected::Parked(code.value.clone()),
            (None, _) => Expected::Nothing,
            (Some(_), Some(_)) => {
                found.add(&key, line, "has both of events and parked", "leave one out: a body that is parked has no events");
                Expected::Nothing
            }
        };
        if let Some(body) = body {
            examples.push(Example { name: text.name.value.clone(), body, expected });
        }
    }
    examples
}

/// Runs every example of a description through its dialect; how many there are, and what came otherwise.
#[must_use]
pub fn run(described: &Described, dialect: &dyn Dialect) -> (usize, Vec<Difference>) {
    let mut differences = Vec::new();
    for example in &described.examples {
        let raw = RawRef { topic: example.name.clone(), ..RawRef::default() };
        let message = RawMessage { raw, ..of_body(example.body.as_bytes()) };
        let mut differ = |what: String, found: String, expected: String| {
            differences.push(Difference { example: example.name.clone(), what, found, expected });
        };
        let parsed = dialect.read(&message);
        if let Some(park) = parsed.as_ref().ok().and_then(|parsed| parsed.left_out.as_ref()) {
            differ("left out".to_owned(), format!("{} {}", park.code, park.cause), "nothing".to_owned());
        }
        match (parsed.map(|parsed| parsed.told), &example.expected) {
            (Ok(events), Expected::Events(expected)) => compare(&events, expected, &mut differ),
            (Err(park), Expected::Parked(code)) if park.code.to_string() == *code => {}
            (Ok(events), Expected::Parked(code)) => {
                differ("outcome".to_owned(), format!("{} events", events.len()), format!("parked with {code}"));
            }
            (Ok(events), Expected::Nothing) => {
                for (event, number) in events.iter().zip(1..) {
                    differ(format!("event {number}"), summary(event), NOT_WRITTEN.to_owned());
                }
            }
            (Err(park), expected) => {
                let expected = match expected {
                    Expected::Events(events) => format!("{} events", events.len()),
                    Expected::Parked(code) => format!("parked with {code}"),
                    Expected::Nothing => "events".to_owned(),
                };
                differ("outcome".to_owned(), format!("parked: {} {}", park.code, park.cause), expected);
            }
        }
    }
    (described.examples.len(), differences)
}

/// An example's body as if it had been received.
pub(super) fn of_body(body: &[u8]) -> RawMessage<'_> {
    RawMessage { body, content_type: None, received_at: RECEIVED_AT, raw: RawRef::default() }
}

fn compare(events: &[ShipmentEvent], expected: &[Map<String, Value>], differ: &mut impl FnMut(String, String, String)) {
    if events.len() != expected.len() {
        differ("events".to_owned(), events.len().to_string(), expected.len().to_string());
    }
    for ((event, expected), number) in events.iter().zip(expected).zip(1..) {
        let actual = serde_json::to_value(event).unwrap_or_default();
        // Words and codes may all be right while no format reads the times.
        let timeless = event.occurred_at.is_none() && event.occurred_local.is_none();
        if timeless && !["occurred_at", "occurred_local"].iter().any(|field| expected.contains_key(*field)) {
            differ(format!("event {number}: occurred_local"), "null".to_owned(), NO_TIME.to_owned());
        }
        for (field, value) in expected {
            match actual.get(field) {
                None => differ(format!("event {number}: {field}"), "an event has no such field".to_owned(), value.to_string()),
                Some(found) if !within(found, value) => differ(format!("event {number}: {field}"), found.to_string(), value.to_string()),
                Some(_) => {}
            }
        }
    }
}

/// Every field of `expected` stands in what was found.
fn within(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().all(|(k, v)| found.get(k).is_some_and(|f| within(f, v))),
        _ => found == expected,
    }
}

/// An event as an example would have it, in one line of YAML.
fn summary(event: &ShipmentEvent) -> String {
    // JSON's quotes are YAML's too.
    let text = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), |v| Value::from(v).to_string());
    let code = event.raw_code.code.as_deref().or(event.raw_code.kind.as_deref());
    let kind = if event.raw_code.code.is_some() { "code" } else { "type" };
    format!(
        "{{ milestone: {}, occurred_local: {}, raw_code: {{ {kind}: {} }}, shipment_key: {} }}",
        event.milestone,
        text(event.occurred_local.as_deref()),
        text(code),
        text(Some(&event.shipment_key))
    )
}
