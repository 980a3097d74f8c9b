//! A first description of a source, from a sample: what is likely is written down, what is not known is marked.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::super::DialectSettings;
use super::super::event::believable;
use super::description::{FILL_IN, Payload};
use super::examples::of_body;
use super::guess::{self, Leaf, best, format, is_clock, leaves, step};
use super::path::Path;
use super::tree;
use crate::domain::time::{self, Micros};
use crate::domain::verdict::Park;
use crate::domain::vocabulary::TimePrecision;

/// Most codes of a sample that are listed.
const CODES_MAX: usize = 200;
/// Shortest text that may be a tracking number.
const NUMBER_CHARS_MIN: usize = 6;
/// Longest text that may be a code.
const CODE_CHARS_MAX: usize = 40;

/// Drafts the description of a source from one of its messages, which lies beside it under the name `sample`.
///
/// # Errors
/// The sample cannot be read as JSON, XML or CSV.
pub fn draft(id: &str, body: &[u8], sample: &str, now: Micros) -> Result<String, Park> {
    let (payload, delimiter) = kind(body);
    let tree = tree::read(payload, delimiter, &of_body(body), &DialectSettings::default())?;
    let found = Found::of(&tree, payload);
    Ok(found.written(id, sample, payload, delimiter, now))
}

/// JSON and XML begin with a sign of their own; the delimiter of CSV is the one that its first line has most of.
fn kind(body: &[u8]) -> (Payload, u8) {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
    match body.first() {
        Some(b'{' | b'[') => (Payload::Json, b','),
        Some(b'<') => (Payload::Xml, b','),
        _ => {
            let first = body.split(|b| *b == b'\n').next().unwrap_or_default();
            let count = |sign: u8| first.split(|b| *b == sign).count();
            (Payload::Csv, [b',', b';', b'\t', b'|'].into_iter().max_by_key(|sign| (count(*sign), *sign == b',')).unwrap_or(b','))
        }
    }
}

/// A list of objects in a sample.
struct List<'v> {
    /// From the root, `[*]` for each list before it.
    path: String,
    first: &'v Value,
    length: usize,
}

impl List<'_> {
    fn is_of_events(&self) -> bool {
        let name = self.path.rsplit(['.', '[']).next().unwrap_or_default().to_ascii_lowercase();
        guess::EVENTS.iter().any(|word| name.contains(word))
    }
}

fn lists<'v>(node: &'v Value, path: &str, found: &mut Vec<List<'v>>) {
    match node {
        Value::Object(object) => {
            for (key, value) in object {
                lists(value, &format!("{path}{}", step(key)), found);
            }
        }
        Value::Array(list) => {
            if let Some(first) = list.iter().find(|v| v.is_object()) {
                found.push(List { path: path.to_owned(), first, length: list.len() });
                // The longest element tells most of what stands below.
                let fullest = list.iter().max_by_key(|v| size(v)).unwrap_or(first);
                lists(fullest, &format!("{path}[*]"), found);
            }
        }
        _ => {}
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(size).sum::<usize>() + 1,
        Value::Array(list) => list.iter().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

/// A guess with what else it may be.
type Guess = Option<(Leaf, Vec<Leaf>)>;

fn guess(leaves: &[Leaf], words: &[&str], fits: impl Fn(&Leaf) -> bool) -> Guess {
    best(leaves, words, fits).map(|(leaf, others)| (leaf.clone(), others.into_iter().cloned().collect()))
}

/// What a sample tells.
struct Found {
    shipments: Option<String>,
    events: Option<String>,
    /// Lists of which one may hold the events, where none of them has a time that can be read.
    lists: Vec<String>,
    newest_first: Option<bool>,
    number: Guess,
    event_number: Guess,
    time: Guess,
    clock: Option<Leaf>,
    formats: BTreeSet<&'static str>,
    code: Guess,
    description: Guess,
    place: Vec<(&'static str, Leaf)>,
    eta: Option<Leaf>,
    signed_by: Option<Leaf>,
    codes: BTreeSet<String>,
}

impl Found {
    fn of(tree: &Value, payload: Payload) -> Self {
        let mut all = Vec::new();
        lists(tree, "$", &mut all);
        let of_node = |node: &Value| {
            let mut found = Vec::new();
            leaves(node, "$", &mut found);
            found
        };
        let events_list = all
            .iter()
            .filter(|list| of_node(list.first).iter().any(is_time))
            .max_by_key(|list| (list.is_of_events(), list.path.matches("[*]").count(), list.length));
        let (shipments, events) = match events_list.map(|list| list.path.rsplit_once("[*]").ok_or(&list.path)) {
            Some(Ok((shipments, events))) => (Some(shipments.to_owned()), Some(format!("${events}"))),
            Some(Err(_)) if payload == Payload::Csv => (None, None),
            Some(Err(events)) => (None, Some(events.clone())),
            None => (None, None),
        };
        let first = |path: &str| Path::parse(path).ok().and_then(|path| path.all(tree).into_iter().max_by_key(|v| size(v)));
        let shipment = shipments.as_deref().and_then(first).unwrap_or(tree);
        let inside = of_node(events_list.map_or(shipment, |list| list.first));
        let outside = if events_list.is_some() { of_node(shipment) } else { inside.clone() };

        let is_number = |leaf: &Leaf| leaf.text.len() >= NUMBER_CHARS_MIN && believable(&leaf.text).is_some() && !is_time(leaf);
        let number = guess(&outside, guess::NUMBER, is_number);
        let event_number = if number.is_none() { guess(&inside, guess::NUMBER, is_number) } else { None };
        let taken: Vec<String> = number.iter().chain(&event_number).map(|(leaf, _)| leaf.path.clone()).collect();
        let (time, clock) = times(&inside);
        let is_code = |leaf: &Leaf| {
            leaf.text.len() <= CODE_CHARS_MAX
                && !is_time(leaf)
                && !is_clock(leaf)
                && !taken.contains(&leaf.path)
                && !guess::COUNTRY.iter().chain(guess::POSTAL_CODE).any(|word| leaf.name.contains(word))
        };
        let code = guess(&inside, guess::CODE, is_code);
        let is_text = |leaf: &Leaf| is_free(leaf, code.as_ref()) && leaf.text.bytes().any(|b| b.is_ascii_alphabetic()) && !is_time(leaf);
        let description = guess(&inside, guess::DESCRIPTION, is_text);
        let place = place(&inside, code.as_ref());
        let mut found = Self {
            eta: best(&outside, guess::ETA, is_time).map(|(leaf, _)| leaf.clone()),
            signed_by: best(&outside, guess::SIGNED, |leaf| !is_time(leaf)).map(|(leaf, _)| leaf.clone()),
            lists: all
                .iter()
                .map(|list| list.path.clone())
                .filter(|path| events_list.is_none() && !path.contains(char::is_control))
                .collect(),
            newest_first: None,
            shipments,
            events,
            number,
            event_number,
            time,
            clock,
            code,
            description,
            place,
            formats: BTreeSet::new(),
            codes: BTreeSet::new(),
        };
        found.look_at_all(tree, shipment);
        found
    }

    /// Every event of the sample may have a code or a format that the first one has not.
    fn look_at_all(&mut self, tree: &Value, shipment: &Value) {
        let parse = |path: &str| Path::parse(path).ok();
        let shipments = self.shipments.as_deref().and_then(parse).map_or_else(|| vec![tree], |path| path.all(tree));
        let events_path = self.events.as_deref().and_then(parse);
        let rows = parse(&format!("$.{}", tree::ROWS)).filter(|_| self.events.is_none());
        let read = |leaf: Option<&Leaf>, node: &Value| {
            leaf.and_then(|leaf| parse(&leaf.path))
                .and_then(|path| path.all(node).into_iter().find_map(|v| super::path::text(v).map(|t| t.into_owned())))
        };
        for one in shipments {
            let events = match (&events_path, &rows) {
                (Some(path), _) => path.all(one),
                (None, Some(rows)) if !rows.all(one).is_empty() => rows.all(one),
                _ => vec![one],
            };
            let mut times = Vec::new();
            for event in events {
                if self.codes.len() < CODES_MAX {
                    self.codes.extend(read(self.code.as_ref().map(|(leaf, _)| leaf), event));
                }
                let Some((leaf, _)) = &self.time else { continue };
                let Some(mut text) = read(Some(leaf), event) else { continue };
                if let Some(clock) = read(self.clock.as_ref(), event) {
                    text = format!("{text} {clock}");
                }
                self.formats.extend(format(&leaf.name, &text).map(|(format, _)| format));
                times.extend(guess::in_order(&leaf.name, &text));
            }
            if let (Some(first), Some(last)) = (times.first(), times.last())
                && first != last
            {
                self.newest_first.get_or_insert(first > last);
            }
        }
        if let Some(eta) = &self.eta
            && let Some(text) = read(Some(eta), shipment)
        {
            self.formats.extend(format(&eta.name, &text).map(|(format, _)| format));
        }
    }

    fn written(&self, id: &str, sample: &str, payload: Payload, delimiter: u8, now: Micros) -> String {
        let mut text = String::new();
        let day = time::day_of(now, 0);
        let _ = self.write(&mut text, id, sample, payload, delimiter, &day);
        text
    }

    fn write(&self, out: &mut String, id: &str, sample: &str, payload: Payload, delimiter: u8, day: &str) -> std::fmt::Result {
        let payload_word = match payload {
            Payload::Json => "json",
            Payload::Xml => "xml",
            Payload::Csv => "csv",
        };
        writeln!(out, "# Drafted on {day} from {sample}: paths are likely, not certain. `waybill carrier test` says what is left to do.")?;
        writeln!(out, "id: {id}\ncarrier: {id}\npayload: {payload_word}\nmapping_version: {id}-1")?;
        if payload == Payload::Csv && delimiter != b',' {
            writeln!(out, "csv_delimiter: \"{}\"", if delimiter == b'\t' { "\\t".to_owned() } else { char::from(delimiter).to_string() })?;
        }
        out.push('\n');
        if let Some(shipments) = &self.shipments {
            writeln!(out, "# One element for each parcel.\nshipments: {}", quoted(shipments))?;
        }
        if self.event_number.is_none() {
            guessed(out, "number", &self.number, FILL_IN)?;
        }
        if let Some(events) = &self.events {
            writeln!(out, "# Inside a parcel: one element for each event.\nevents: {}", quoted(events))?;
        } else if !self.lists.is_empty() && payload != Payload::Csv {
            let lists: Vec<&str> = self.lists.iter().take(OTHERS_MAX).map(String::as_str).collect();
            writeln!(
                out,
                "# No list has a time that can be read. Where one holds the events, write `events:` with its path and begin the"
            )?;
            writeln!(out, "# paths below at one of its elements: {}", lists.join(", "))?;
        }
        if self.newest_first == Some(true) {
            writeln!(out, "# The first event is the newest, also where two have one clock.\nnewest_first: true")?;
        }
        writeln!(out, "\n# Inside an event.\nevent:")?;
        if self.event_number.is_some() {
            guessed(out, "  number", &self.event_number, FILL_IN)?;
        }
        guessed(out, "  code", &self.code, FILL_IN)?;
        if self.description.is_some() {
            guessed(out, "  description", &self.description, FILL_IN)?;
        }
        writeln!(out, "  time:")?;
        guessed(out, if self.clock.is_some() { "    day" } else { "    at" }, &self.time, FILL_IN)?;
        if let Some(clock) = &self.clock {
            writeln!(out, "    clock: {}", quoted(&clock.path))?;
        }
        if !self.place.is_empty() {
            writeln!(out, "  place:")?;
            for (key, leaf) in &self.place {
                writeln!(out, "    {key}: {}", quoted(&leaf.path))?;
            }
        }
        self.write_rest(out, sample)
    }

    fn write_rest(&self, out: &mut String, sample: &str) -> std::fmt::Result {
        writeln!(out, "\ntimes:")?;
        let formats: Vec<_> = self.formats.iter().map(|format| quoted(format)).collect();
        writeln!(out, "  formats: [{}]", if formats.is_empty() { FILL_IN.to_owned() } else { formats.join(", ") })?;
        writeln!(
            out,
            "  # `believed` only where the vendor says that Z means UTC; most put it behind the clock of the place.\n  z: ignored"
        )?;
        writeln!(out, "  # `day` where the source writes midnight for \"some time that day\".\n  midnight: clock")?;
        if let Some(eta) = &self.eta {
            writeln!(out, "\neta:\n  at: {}", quoted(&eta.path))?;
        }
        if let Some(signed_by) = &self.signed_by {
            writeln!(out, "\npod:\n  signed_by: {}", quoted(&signed_by.path))?;
        }
        writeln!(out, "\n# What makes two tellings the same happening, besides carrier and number.\nsame_when: [type, code, time, place]")?;
        writeln!(out, "\n# What each code means; add those that the vendor lists and the sample does not have.\ncodes:")?;
        for code in &self.codes {
            writeln!(out, "  - {{ code: {}, milestone: {FILL_IN} }}", quoted(code))?;
        }
        if self.codes.is_empty() {
            writeln!(out, "  - {{ code: {FILL_IN}, milestone: {FILL_IN} }}")?;
        }
        writeln!(out, "\n# What must come of which body: `events` with the fields to look at, or `parked` with a code.\nexamples:")?;
        writeln!(out, "  - name: sample\n    file: {}", quoted(sample))
    }
}

fn is_time(leaf: &Leaf) -> bool {
    format(&leaf.name, &leaf.text).is_some()
}

/// When an event happened; of a day, its clock.
fn times(inside: &[Leaf]) -> (Guess, Option<Leaf>) {
    let is_when = |leaf: &Leaf| is_time(leaf) && !guess::ETA.iter().any(|word| leaf.name.contains(word));
    // Some names say nothing: `<date><content>…</content></date>`.
    let unnamed = || inside.iter().find(|leaf| is_when(leaf)).map(|leaf| (leaf.clone(), Vec::new()));
    let time = guess(inside, guess::TIME, is_when).or_else(unnamed);
    let is_day = time.as_ref().is_some_and(|(t, _)| format(&t.name, &t.text).is_some_and(|(_, p)| p == TimePrecision::Date));
    let clock = inside.iter().find(|leaf| is_day && is_clock(leaf)).cloned();
    (time, clock)
}

fn place(inside: &[Leaf], code: Option<&(Leaf, Vec<Leaf>)>) -> Vec<(&'static str, Leaf)> {
    let keys = [("city", guess::CITY), ("state", guess::STATE), ("postal_code", guess::POSTAL_CODE), ("country", guess::COUNTRY)];
    let free = |leaf: &Leaf| is_free(leaf, code) && !leaf.name.contains("status");
    keys.into_iter().filter_map(|(key, words)| best(inside, words, free).map(|(leaf, _)| (key, leaf.clone()))).collect()
}

fn is_free(leaf: &Leaf, code: Option<&(Leaf, Vec<Leaf>)>) -> bool {
    code.is_none_or(|(code, _)| code.path != leaf.path)
}

/// Most alternatives that are named.
const OTHERS_MAX: usize = 4;

fn guessed(out: &mut String, key: &str, guess: &Guess, otherwise: &str) -> std::fmt::Result {
    let Some((leaf, others)) = guess else { return writeln!(out, "{key}: {otherwise}") };
    write!(out, "{key}: {}", quoted(&leaf.path))?;
    if !others.is_empty() {
        let others: Vec<&str> = others.iter().take(OTHERS_MAX).map(|leaf| leaf.path.as_str()).collect();
        write!(out, "  # or {}", others.join(", "))?;
    }
    out.push('\n');
    Ok(())
}

/// A text as YAML, whatever is in it.
fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return serde_json::Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}
