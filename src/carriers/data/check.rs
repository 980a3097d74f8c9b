//! A description made ready for use, or everything that is wrong with it: by key and line, with what to do.

use std::path::Path as FilePath;

use serde_saphyr::{Location, Spanned};

use super::super::codes::{CodeTable, Meaning};
use super::super::names;
use super::description::{CodeText, Description, EventText, FILL_IN, Line, Payload, PlaceText, PodText, Same, Texts, TimeText, TimesText};
use super::examples::Example;
use super::path::{Path, Paths};
use super::tree::ROWS;
use super::when::{Format, TimePaths, Times};
use crate::config::Finding;
use crate::domain::vocabulary::{ExceptionReason, Milestone, SubStatus};

/// Longest id of a source, characters.
const ID_CHARS_MAX: usize = 32;
/// Longest id of a carrier, characters.
const CARRIER_CHARS_MAX: usize = 64;

/// A description that can be used.
#[derive(Debug)]
pub struct Described {
    pub(super) id: String,
    pub(super) payload: Payload,
    pub(super) delimiter: u8,
    pub(super) mapping_version: String,
    pub(super) carrier: Option<String>,
    pub(super) carrier_paths: Paths,
    pub(super) shipments: Option<Path>,
    pub(super) number: Paths,
    pub(super) events: Option<Path>,
    pub(super) newest_first: bool,
    pub(super) event: EventPaths,
    pub(super) times: Times,
    pub(super) eta: Option<TimePaths>,
    pub(super) pod: PodPaths,
    pub(super) same: Vec<Same>,
    pub(super) table: CodeTable,
    pub(super) examples: Vec<Example>,
}

/// Paths inside one event.
#[derive(Debug, Default)]
pub(super) struct EventPaths {
    pub(super) number: Paths,
    pub(super) kind: Paths,
    pub(super) code: Paths,
    pub(super) sub_code: Paths,
    pub(super) description: Paths,
    pub(super) id: Paths,
    pub(super) time: TimePaths,
    pub(super) place: PlacePaths,
    pub(super) eta: Option<TimePaths>,
    pub(super) pod: PodPaths,
}

#[derive(Debug, Default)]
pub(super) struct PlacePaths {
    pub(super) city: Paths,
    pub(super) state: Paths,
    pub(super) postal_code: Paths,
    pub(super) country: Paths,
    pub(super) facility: Paths,
}

#[derive(Debug, Default)]
pub(super) struct PodPaths {
    pub(super) signed_by: Paths,
    pub(super) delivered_to: Paths,
    pub(super) signature_ref: Paths,
    pub(super) photo_ref: Paths,
}

/// What is wrong with one file.
#[derive(Debug)]
pub(super) struct Findings<'f> {
    file: &'f FilePath,
    pub(super) list: Vec<Finding>,
}

impl<'f> Findings<'f> {
    pub(super) fn new(file: &'f FilePath) -> Self {
        Self { file, list: Vec::new() }
    }

    /// Line 0 is the file as a whole.
    pub(super) fn add(&mut self, key: &str, line: u64, problem: impl Into<String>, remedy: impl Into<String>) {
        let file = self.file.display();
        let origin = if line == 0 { file.to_string() } else { format!("{file}, line {line}") };
        self.list.push(Finding { key: key.to_owned(), origin, problem: problem.into(), remedy: remedy.into() });
    }

    fn path(&mut self, key: &str, at: &Location, text: &str) -> Option<Path> {
        if text == FILL_IN {
            self.add(key, at.line(), "is not filled in", "write the path to it, or leave the key out where the source does not send it");
            return None;
        }
        Path::parse(text).map_err(|problem| self.add(key, at.line(), problem, "write it as $.parcel.events, see RFC 9535")).ok()
    }

    fn paths(&mut self, key: &str, texts: Option<&Texts>) -> Paths {
        let Some(Spanned { value, defined, .. }) = texts else { return Paths::default() };
        Paths(value.0.iter().filter_map(|text| self.path(key, defined, text)).collect())
    }

    fn one_path(&mut self, key: &str, text: Option<&Line>) -> Option<Path> {
        text.and_then(|line| self.path(key, &line.defined, &line.value))
    }

    fn word<T>(&mut self, key: &str, line: Option<&Line>, parse: fn(&str) -> Option<T>, words: String) -> Option<T> {
        let Spanned { value, defined, .. } = line?;
        let found = parse(value);
        if found.is_none() {
            let problem = if value == FILL_IN { "is not filled in".to_owned() } else { format!("no such word: {value}") };
            self.add(key, defined.line(), problem, format!("use one of {words}"));
        }
        found
    }

    fn time(&mut self, key: &str, text: Option<&TimeText>) -> Option<TimePaths> {
        let text = text?;
        let mut paths = |name: &str, texts: Option<&Texts>| self.paths(&format!("{key}.{name}"), texts);
        let found = TimePaths {
            at: paths("at", text.at.as_ref()),
            day: paths("day", text.day.as_ref()),
            clock: paths("clock", text.clock.as_ref()),
            offset: paths("offset", text.offset.as_ref()),
            zone: paths("zone", text.zone.as_ref()),
            gmt: paths("gmt", text.gmt.as_ref()),
        };
        if text.at.is_none() && text.day.is_none() {
            self.add(key, 0, "says neither at nor day", "write the path to the time, or to its day (and clock)");
        }
        Some(found)
    }

    fn pod(&mut self, key: &str, text: &PodText) -> PodPaths {
        let mut paths = |name: &str, texts: Option<&Texts>| self.paths(&format!("{key}.{name}"), texts);
        PodPaths {
            signed_by: paths("signed_by", text.signed_by.as_ref()),
            delivered_to: paths("delivered_to", text.delivered_to.as_ref()),
            signature_ref: paths("signature_ref", text.signature_ref.as_ref()),
            photo_ref: paths("photo_ref", text.photo_ref.as_ref()),
        }
    }

    fn place(&mut self, text: &PlaceText) -> PlacePaths {
        let mut paths = |name: &str, texts: Option<&Texts>| self.paths(&format!("event.place.{name}"), texts);
        PlacePaths {
            city: paths("city", text.city.as_ref()),
            state: paths("state", text.state.as_ref()),
            postal_code: paths("postal_code", text.postal_code.as_ref()),
            country: paths("country", text.country.as_ref()),
            facility: paths("facility", text.facility.as_ref()),
        }
    }

    fn event(&mut self, text: &EventText) -> EventPaths {
        if text.code.is_none() && text.kind.is_none() {
            self.add("event.code", 0, "neither a code nor a type has a path", "name the field that says what happened");
        }
        if text.time.is_none() {
            self.add("event.time", 0, "is missing", "write the path to when it happened");
        }
        EventPaths {
            number: self.paths("event.number", text.number.as_ref()),
            kind: self.paths("event.type", text.kind.as_ref()),
            code: self.paths("event.code", text.code.as_ref()),
            sub_code: self.paths("event.sub_code", text.sub_code.as_ref()),
            description: self.paths("event.description", text.description.as_ref()),
            id: self.paths("event.id", text.id.as_ref()),
            time: self.time("event.time", text.time.as_ref()).unwrap_or_default(),
            place: self.place(&text.place),
            eta: self.time("event.eta", text.eta.as_ref()),
            pod: self.pod("event.pod", &text.pod),
        }
    }

    fn times(&mut self, text: &TimesText) -> Times {
        if text.formats.is_empty() {
            self.add("times.formats", 0, "no format is named", "list iso, compact, epoch or patterns such as \"%d.%m.%Y %H:%M\"");
        }
        let mut formats = Vec::new();
        for line in &text.formats {
            match Format::parse(&line.value) {
                Ok(format) => formats.push(format),
                Err(problem) => {
                    let problem = if line.value == FILL_IN { "is not filled in".to_owned() } else { problem };
                    self.add(
                        "times.formats",
                        line.defined.line(),
                        problem,
                        "use iso, compact, epoch or a pattern of strptime such as \"%d.%m.%Y %H:%M\"",
                    );
                }
            }
        }
        Times { formats, z: text.z, midnight: text.midnight }
    }

    fn codes(&mut self, rows: &[CodeText], table: &mut CodeTable) {
        for row in rows {
            let key = format!("codes, code {}", row.code.value.0.join(","));
            let line = row.code.defined.line();
            let milestone = self.word(&format!("{key}: milestone"), Some(&row.milestone), Milestone::parse, words(Milestone::ALL));
            let sub_status = self.word(&format!("{key}: sub_status"), row.sub_status.as_ref(), SubStatus::parse, words(SubStatus::ALL));
            let reason = row.exception_reason.as_ref();
            let reason = self.word(&format!("{key}: exception_reason"), reason, ExceptionReason::parse, words(ExceptionReason::ALL));
            let Some(milestone) = milestone else { continue };
            let all = |texts: Option<&Texts>, none: &str| texts.map_or_else(|| vec![none.to_owned()], |t| t.value.0.clone());
            let (kinds, sub_codes) = (all(row.kind.as_ref(), ANY), all(row.sub_code.as_ref(), ""));
            for kind in &kinds {
                for code in &row.code.value.0 {
                    for sub_code in &sub_codes {
                        if !table.insert((kind, code, sub_code), Meaning { milestone, sub_status, reason }) {
                            self.add(&key, line, format!("told twice: {kind} {code} {sub_code}"), "leave one of the two out");
                        }
                    }
                }
            }
        }
    }

    /// Codes in a file of their own, in the columns of the built-in tables.
    fn codes_file(&mut self, name: &Line, table: &mut CodeTable) {
        let Some(text) = self.beside("codes_file", name) else { return };
        let faults = CodeTable::check(&text);
        for fault in &faults {
            self.add(&format!("codes_file {}", name.value), name.defined.line(), fault, "mend this line of the table");
        }
        if faults.is_empty() {
            *table = CodeTable::parse(&text);
        }
    }

    /// A file beside the description.
    pub(super) fn beside(&mut self, key: &str, name: &Line) -> Option<String> {
        let line = name.defined.line();
        let is_plain = FilePath::new(&name.value).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if !is_plain {
            self.add(key, line, format!("not a file beside this one: {}", name.value), "name a file in the same directory");
            return None;
        }
        let path = self.file.parent().unwrap_or_else(|| FilePath::new("")).join(&name.value);
        match super::load::read_bounded(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.add(key, line, format!("cannot read {}: {error}", path.display()), "put the file there, or mend the name");
                None
            }
        }
    }

    fn named(&mut self, text: &Description, known: &[&str]) {
        let Spanned { value: id, defined, .. } = &text.id;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if id.is_empty() || id.len() > ID_CHARS_MAX || !id.bytes().all(is_plain) {
            self.add("id", defined.line(), format!("not an id: {id}"), "use lower case letters, digits and underscores, at most 32");
        } else if known.contains(&id.as_str()) {
            self.add("id", defined.line(), format!("a built-in source has this id: {id}"), "give the source an id of its own");
        } else if self.file.file_stem().is_none_or(|stem| stem != id.as_str()) {
            self.add("id", defined.line(), format!("the file is not called {id}.yaml"), "give the file the name of the id");
        }
        let is_named = self.list.is_empty();
        let Spanned { value: version, defined, .. } = &text.mapping_version;
        // A wrong id would make every version wrong.
        if is_named && version.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix('-')).is_none_or(|n| n.parse::<u32>().is_err()) {
            let remedy = format!("write {id}-1, and count it up with every change of a meaning");
            self.add("mapping_version", defined.line(), format!("not a version of this source: {version}"), remedy);
        }
        match (&text.carrier, &text.carrier_path) {
            (None, None) => self.add("carrier", 0, "is missing", "write the carrier's id, or its path as carrier_path"),
            (Some(name), _) if name.value == FILL_IN || name.value.is_empty() => {
                self.add("carrier", name.defined.line(), "is not filled in", "write the carrier's id, such as the id of this source");
            }
            // Under another spelling its parcels would be other shipments than those that aggregators and Odoo tell of.
            (Some(name), _) if !is_carrier(&name.value) => {
                let (problem, meant) = (format!("not an id of a carrier: {}", name.value), names::carrier(Some(&name.value)));
                let remedy =
                    if is_carrier(&meant) { format!("write {meant}") } else { "use lower case letters, digits, - and _".to_owned() };
                self.add("carrier", name.defined.line(), problem, remedy);
            }
            _ => {}
        }
    }
}

/// Whether a name is written as ids of carriers are.
fn is_carrier(name: &str) -> bool {
    name.len() <= CARRIER_CHARS_MAX && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// What makes a code one of any type.
pub(super) const ANY: &str = "*";

fn words<T: std::fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Makes a description ready for use. Ids in `known` are taken.
pub(super) fn compile(text: &Description, known: &[&str], found: &mut Findings<'_>) -> Option<Described> {
    found.named(text, known);
    let delimiter = text.csv_delimiter.as_ref().map_or(Some(b','), |line| match line.value.as_bytes() {
        [one] if one.is_ascii() => Some(*one),
        _ => None,
    });
    if delimiter.is_none() || text.csv_delimiter.is_some() && text.payload != Payload::Csv {
        let line = text.csv_delimiter.as_ref().map_or(0, |l| l.defined.line());
        found.add("csv_delimiter", line, "not one sign of a CSV payload", "write \";\" or \"\\t\", or leave it out");
    }
    if text.number.is_none() && text.event.number.is_none() {
        found.add("number", 0, "is missing", "write the path of the tracking number in a shipment, or as event.number in an event");
    }
    let mut table = CodeTable::default();
    match (&text.codes_file, text.codes.is_empty()) {
        (None, true) => found.add("codes", 0, "no code has a meaning", "list what each code means, or name a table as codes_file"),
        (file, _) => {
            if let Some(name) = file {
                found.codes_file(name, &mut table);
            }
            found.codes(&text.codes, &mut table);
        }
    }
    let described = Described {
        id: text.id.value.clone(),
        payload: text.payload,
        delimiter: delimiter.unwrap_or(b','),
        mapping_version: text.mapping_version.value.clone(),
        carrier: text.carrier.as_ref().map(|line| line.value.clone()),
        carrier_paths: found.paths("carrier_path", text.carrier_path.as_ref()),
        shipments: found.one_path("shipments", text.shipments.as_ref()),
        number: found.paths("number", text.number.as_ref()),
        events: match (&text.events, text.payload) {
            (None, Payload::Csv) => Path::parse(&format!("$.{ROWS}")).ok(),
            (events, _) => found.one_path("events", events.as_ref()),
        },
        newest_first: text.newest_first,
        event: found.event(&text.event),
        times: found.times(&text.times),
        eta: found.time("eta", text.eta.as_ref()),
        pod: found.pod("pod", &text.pod),
        same: same(text, found),
        table,
        examples: super::examples::compile(&text.examples, found),
    };
    found.list.is_empty().then_some(described)
}

fn same(text: &Description, found: &mut Findings<'_>) -> Vec<Same> {
    let Some(told) = &text.same_when else { return vec![Same::Type, Same::Code, Same::Time, Same::Place] };
    let same: Vec<Same> = told.iter().map(|word| word.value).collect();
    let line = told.first().map_or(0, |word| word.defined.line());
    if !same.contains(&Same::Time) && !same.contains(&Same::Id) {
        found.add("same_when", line, "neither time nor id is among them", "add one: or every scan with one code would be the same");
    }
    if same.contains(&Same::Id) && text.event.id.is_none() {
        found.add("same_when", line, "id is among them, and event.id is not told", "write the path of the event's own id as event.id");
    }
    same
}
