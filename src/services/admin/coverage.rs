//! Which codes on a source's raw topic no table knows.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::dead_letters::Place;
use crate::carriers::{Dialect, Parsed, RawMessage};
use crate::config::{Assignor, Config};
use crate::domain::event::{RawCode, RawRef};
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::Milestone;
use crate::kafka::{self, RecordReader};
use crate::schema::cloudevents;
use crate::services::settings::kafka_settings;

/// Longest wait for the next record, in tenths of a second.
const POLLS_MAX: u32 = 100;
/// Most different codes that are told apart; a source with more sends something else in the field.
const CODES_MAX: usize = 10_000;

/// Why a topic cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster is away or refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// There is no such topic.
    #[error("there is no topic {0} (`waybill topics apply` makes it)")]
    NoTopic(String),
}

/// A code that no table knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Type, code and sub-code as sent.
    #[serde(flatten)]
    pub code: RawCode,
    /// Events with it.
    pub events: u64,
    /// A record that has it.
    pub example: Place,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Records that were read.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Events with a code that no table knows.
    pub unknown_events: u64,
    /// Their codes, the most frequent first.
    pub unknown: Vec<Unknown>,
    /// Records of which nothing, or not all, was understood, by code of the dead letter.
    pub parked: BTreeMap<String, u64>,
}

/// Counts codes record by record.
#[derive(Debug, Default)]
struct Tally {
    told: Coverage,
    codes: HashMap<[Option<String>; 3], (u64, Place)>,
}

impl Tally {
    fn add(&mut self, outcome: Result<Parsed, Park>, place: &Place) {
        self.told.records += 1;
        let (events, park) = match outcome {
            Ok(parsed) => (parsed.told, parsed.left_out),
            Err(park) => (Vec::new(), Some(park)),
        };
        if let Some(park) = park {
            *self.told.parked.entry(park.code.to_string()).or_default() += 1;
        }
        for event in events {
            self.told.events += 1;
            if event.milestone != Milestone::Unknown {
                continue;
            }
            self.told.unknown_events += 1;
            let RawCode { kind, code, sub_code } = event.raw_code;
            let key = [kind, code, sub_code];
            if self.codes.len() < CODES_MAX || self.codes.contains_key(&key) {
                // The newest record that has it is the likeliest to be there still.
                let (count, example) = self.codes.entry(key).or_insert_with(|| (0, place.clone()));
                *count += 1;
                example.clone_from(place);
            }
        }
    }

    fn finish(mut self) -> Coverage {
        let unknown = self.codes.into_iter().map(|([kind, code, sub_code], (events, example))| Unknown {
            code: RawCode { kind, code, sub_code },
            events,
            example,
        });
        self.told.unknown = unknown.collect();
        let key = |one: &Unknown| (one.code.kind.clone(), one.code.code.clone(), one.code.sub_code.clone());
        self.told.unknown.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| key(a).cmp(&key(b))));
        self.told
    }
}

/// Reads the newest records of a topic (without prefix), at most about `limit`, evenly from its partitions, in a dialect. Only
/// committed records count; what is written after the call began is left out.
///
/// # Errors
/// The cluster is away, or the topic is missing.
pub fn read(config: &Config, dialect: &dyn Dialect, topic: &str, limit: usize) -> Result<Coverage, Error> {
    let name = config.kafka.prefixed(topic);
    let reader = RecordReader::new(&kafka_settings(config, "coverage", Assignor::Range))?;
    let partitions = reader.partitions(&name)?.ok_or_else(|| Error::NoTopic(name.clone()))?;
    let share = i64::try_from(limit).unwrap_or(i64::MAX) / i64::from(partitions.max(1));
    let mut tally = Tally::default();
    for partition in 0..partitions {
        let (first, end) = reader.bounds(&name, partition)?;
        let from = end.saturating_sub(share.max(1)).max(first);
        let Some(end) = reader.seek(&name, partition, from)? else { continue };
        while let Some(message) = reader.next(end, POLLS_MAX)? {
            let place = Place { topic: name.clone(), partition, offset: message.offset() };
            let outcome = match message.value() {
                None => Err(Park::new(Code::EMPTY_VALUE, "a tombstone")),
                Some(value) => cloudevents::open(&message.headers(), value).and_then(|envelope| {
                    dialect.read(&RawMessage {
                        body: &envelope.body,
                        content_type: envelope.content_type.as_deref(),
                        received_at: message.timestamp(),
                        raw: RawRef { topic: topic.to_owned(), partition, offset: message.offset(), sha256: String::new() },
                    })
                }),
            };
            tally.add(outcome, &place);
        }
    }
    Ok(tally.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::{DialectSettings, dialect};
    use crate::kafka::{EmbeddedBroker, Relay};

    /// A topic with three records in one of its partitions, the last of them the newest.
    fn topic(config: &mut Config, broker: &EmbeddedBroker) {
        config.kafka.brokers = broker.brokers();
        broker.create_topic("raw.carrier.gls", 1).unwrap();
        let relay = Relay::new(&kafka_settings(config, "relay", Assignor::Range)).unwrap();
        for code in ["OLD", "DELIVD", "NEW"] {
            let body = format!(
                r#"{{"parcels":[{{"unitno":"51830277416","events":[{{"code":"{code}","eventDateTime":"2026-11-18T14:20:11"}}]}}]}}"#
            );
            let headers = [("content-type".to_owned(), b"application/json".to_vec())];
            relay.send("raw.carrier.gls", None, Some(body.as_bytes()), &headers).unwrap();
            relay.settle().unwrap();
        }
    }

    #[test]
    fn the_newest_records_of_a_topic_are_read_up_to_a_limit() {
        let broker = EmbeddedBroker::start().unwrap();
        let mut config = Config::built_in().unwrap();
        topic(&mut config, &broker);
        let dialect = dialect("gls", DialectSettings::default()).unwrap();
        let told = |limit| {
            let found = read(&config, dialect.as_ref(), "raw.carrier.gls", limit).unwrap();
            let codes: Vec<_> = found.unknown.iter().map(|u| (u.code.code.clone().unwrap(), u.example.to_string())).collect();
            (found.records, codes)
        };
        let of = |code: &str, offset: u8| (code.to_owned(), format!("raw.carrier.gls/0/{offset}"));
        assert_eq!(told(100), (3, vec![of("NEW", 2), of("OLD", 0)]));
        assert_eq!(told(2), (2, vec![of("NEW", 2)]));
        assert!(matches!(read(&config, dialect.as_ref(), "nowhere", 1), Err(Error::NoTopic(_) | Error::Kafka(_))));
    }

    #[test]
    fn unknown_codes_are_counted_with_the_newest_record_that_has_them() {
        let dialect = dialect("gls", DialectSettings::default()).unwrap();
        let body = |codes: [&str; 2]| {
            let event = |code: &str| format!(r#"{{"code":"{code}","eventDateTime":"2026-11-18T14:20:11+0100","city":"{code}"}}"#);
            format!(r#"{{"parcels":[{{"unitno":"51830277416","events":[{},{}]}}]}}"#, event(codes[0]), event(codes[1]))
        };
        let mut tally = Tally::default();
        let bodies = [body(["DELIVD", "NEW.A"]), body(["NEW.A", "NEW.B"]), "{".to_owned()];
        for (body, offset) in bodies.iter().zip(0..) {
            let message = RawMessage { body: body.as_bytes(), content_type: None, received_at: 0, raw: RawRef::default() };
            tally.add(dialect.read(&message), &Place { topic: "raw".into(), partition: 1, offset });
        }
        let found = tally.finish();
        assert_eq!((found.records, found.events, found.unknown_events), (3, 4, 3));
        let told: Vec<_> = found.unknown.iter().map(|u| (u.code.code.as_deref(), u.events, u.example.offset)).collect();
        assert_eq!(told, [(Some("NEW.A"), 2, 1), (Some("NEW.B"), 1, 1)]);
        assert_eq!(found.parked, BTreeMap::from([("WB-0104".to_owned(), 1)]));
    }
}
