//! The part that works by source: how much of what a source tells in an hour has a code that no table knows.
//!
//! Every partition counts what it meets. Once an hour is over it sends its counts to where those of all partitions meet, and there the
//! hour is judged, once. Hours are those in which raw records reached us, so that what is read again is counted as it was.

use serde::{Deserialize, Serialize};

use super::{TrackerSettings, UnknownLimits, memory, topic};
use crate::domain::coverage::SourceCounts;
use crate::domain::dedup;
use crate::domain::event::ShipmentEvent;
use crate::domain::exception::ExceptionRaised;
use crate::domain::record::Record;
use crate::domain::time::{Micros, rfc3339};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::Milestone;
use crate::engine::processor::{Outputs, State};

/// Store keys begin with it: what this partition has counted, by hour and source.
pub(super) const COUNTED: u8 = b'c';
/// Store keys begin with it: what all partitions have told of a source.
pub(super) const HEARD: u8 = b'h';

const HOUR: Micros = 3_600_000_000;
/// Nothing more is expected of an hour that is over when nothing has come for so long: longer than events are on their way, or
/// that one partition is behind another.
const QUIET: Micros = 120_000_000;
/// From the end of an hour until its counts are forgotten. What comes of it later counts for nothing.
const KEPT: Micros = 24 * HOUR;
/// Most codes of an hour that are named.
const CODES_MAX: usize = 16;
/// Most hours of a source that wait to be judged; one more, and the oldest is judged as it stands.
const HOURS_MAX: usize = 48;
/// What an exception of this kind is called.
const KIND: &str = "unknown_codes";

/// What this partition has counted of a source in an hour.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted {
    partition: i32,
    events: i64,
    unknown: i64,
    codes: Vec<String>,
    /// Events that have been sent to where they meet.
    sent: i64,
}

/// What has been told of a source.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Heard {
    /// Hours that wait to be judged, in their order.
    hours: Vec<Hour>,
    /// The newest hour that has been judged.
    judged: Option<Micros>,
    /// The hour of the case that is open.
    open: Option<Micros>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hour {
    start: Micros,
    partitions: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    partition: i32,
    events: i64,
    unknown: i64,
    codes: Vec<String>,
}

/// Counts an event that has not come before.
pub(super) fn count(event: &ShipmentEvent, partition: i32, state: &mut dyn State, now: Micros) {
    // A clock that is ahead shall not fill the memory with hours that do not come for years.
    let hour = event.received_at.min(now).div_euclid(HOUR).saturating_mul(HOUR);
    let key = counted(hour, &event.source);
    let mut counted: Counted = memory::load(state, &key);
    counted.partition = partition;
    counted.events += 1;
    if event.milestone == Milestone::Unknown {
        counted.unknown += 1;
        let code = label(event);
        if counted.codes.len() < CODES_MAX && !counted.codes.contains(&code) {
            counted.codes.push(code);
        }
    }
    memory::save(state, &key, &counted, (hour.saturating_add(HOUR)).max(now).saturating_add(QUIET));
}

/// An hour has been quiet: what is new in its counts is sent; where nothing is, it is old enough to be forgotten.
pub(super) fn report(key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
    let mut counted: Counted = memory::load(state, key);
    let Some((hour, source)) = read_key(key).filter(|_| counted.events > counted.sent) else {
        state.delete(key);
        return;
    };
    counted.sent = counted.events;
    let told = SourceCounts {
        source: source.clone(),
        hour,
        partition: counted.partition,
        events: counted.events,
        unknown_events: counted.unknown,
        unknown_codes: counted.codes.clone(),
    };
    out.publish(topic::COUNTS, source, Record::SourceCounts(Box::new(told)));
    let forgotten_at = hour.saturating_add(HOUR + KEPT).max(now.saturating_add(QUIET));
    memory::save(state, key, &counted, forgotten_at);
}

/// One partition has told its counts of an hour.
pub(super) fn gather(told: &SourceCounts, settings: &TrackerSettings, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict {
    let key = heard(&told.source);
    let mut heard: Heard = memory::load(state, &key);
    if heard.judged.is_some_and(|judged| told.hour <= judged) {
        return Verdict::Duplicate("superseded");
    }
    let at = heard.hours.partition_point(|hour| hour.start < told.hour);
    if heard.hours.get(at).is_none_or(|hour| hour.start != told.hour) {
        heard.hours.insert(at, Hour { start: told.hour, partitions: Vec::new() });
    }
    if let Some(hour) = heard.hours.get_mut(at) {
        hour.take(told);
    }
    if heard.hours.len() > HOURS_MAX {
        let oldest = heard.hours.remove(0);
        heard.decide(&told.source, &oldest, &settings.unknown, out);
    }
    memory::save(state, &key, &heard, now.saturating_add(QUIET));
    if out.records.is_empty() { Verdict::Duplicate("remembered") } else { Verdict::Publish }
}

/// A source has been quiet: its hours are judged; where none waits, nothing has been told of it for a window.
pub(super) fn judge(key: &[u8], source: &str, settings: &TrackerSettings, state: &mut dyn State, now: Micros, out: &mut Outputs) {
    let mut heard: Heard = memory::load(state, key);
    if heard.hours.is_empty() {
        state.delete(key);
        return;
    }
    for hour in std::mem::take(&mut heard.hours) {
        heard.decide(source, &hour, &settings.unknown, out);
    }
    memory::save(state, key, &heard, now.saturating_add(settings.window));
}

impl Hour {
    /// A partition counts on from what it told before.
    fn take(&mut self, told: &SourceCounts) {
        let known = self.partitions.iter().position(|part| part.partition == told.partition);
        if known.and_then(|at| self.partitions.get(at)).is_some_and(|part| part.events >= told.events) {
            return;
        }
        let SourceCounts { partition, events, unknown_events: unknown, .. } = *told;
        let part = Part { partition, events, unknown, codes: told.unknown_codes.clone() };
        match known.and_then(|at| self.partitions.get_mut(at)) {
            Some(earlier) => *earlier = part,
            None => self.partitions.push(part),
        }
    }

    fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.partitions.iter().flat_map(|part| &part.codes).cloned().collect();
        codes.sort();
        codes.dedup();
        codes.truncate(CODES_MAX);
        codes
    }
}

impl Heard {
    /// One case from the first hour that has too many until an hour that has not: an hour with few events decides nothing.
    fn decide(&mut self, source: &str, hour: &Hour, limits: &UnknownLimits, out: &mut Outputs) {
        self.judged = Some(hour.start);
        let (events, unknown) = hour.partitions.iter().fold((0, 0), |(e, u), part| (e + part.events, u + part.unknown));
        if events < i64::from(limits.events_min) {
            return;
        }
        let percent = limits.by_source.get(source).copied().unwrap_or(limits.percent);
        let too_many = unknown.saturating_mul(100) >= events.saturating_mul(i64::from(percent));
        let share = format!("{unknown} of {events} events in the hour from {} have a code that no table knows", rfc3339(hour.start));
        let (state, of, summary) = match (too_many, self.open) {
            (true, None) => ("open", hour.start, format!("{share}; to see them all: waybill carrier coverage {source}")),
            (false, Some(since)) => ("cleared", since, share),
            _ => return,
        };
        self.open = too_many.then_some(of);
        let id = dedup::id_of(&[KIND, source, &of.to_string()]);
        let case = ExceptionRaised {
            exception_id: dedup::uuid(&id),
            kind: KIND.to_owned(),
            state: state.to_owned(),
            summary,
            shipment_key: None,
            tracking_number: None,
            carrier: None,
            delivery_key: None,
            reason: None,
            event_id: None,
            raised_at: hour.start.saturating_add(HOUR),
            source: Some(source.to_owned()),
            events: Some(events),
            unknown_events: Some(unknown),
            unknown_codes: hour.codes(),
        };
        out.publish(topic::EXCEPTIONS, source, Record::ExceptionRaised(Box::new(case)));
    }
}

/// Type and code, and nothing else that the source wrote.
fn label(event: &ShipmentEvent) -> String {
    match event.raw_code.plain() {
        (Some(kind), Some(code)) => format!("{kind} {code}"),
        (kind, code) => code.or(kind).unwrap_or_else(|| "none".to_owned()),
    }
}

fn counted(hour: Micros, source: &str) -> Vec<u8> {
    [&[COUNTED], hour.to_be_bytes().as_slice(), source.as_bytes()].concat()
}

fn read_key(key: &[u8]) -> Option<(Micros, String)> {
    let (hour, source) = key.strip_prefix(&[COUNTED])?.split_first_chunk::<8>()?;
    Some((Micros::from_be_bytes(*hour), String::from_utf8_lossy(source).into_owned()))
}

fn heard(source: &str) -> Vec<u8> {
    [&[HEARD], source.as_bytes()].concat()
}
