//! Dead letters: finding them, reading their headers, and sending them to where they came from.

use std::collections::HashMap;

use serde::Serialize;

use crate::config::topics::{Topics, TopicsError};
use crate::config::{Assignor, Config, Service};
use crate::domain::time::Micros;
use crate::domain::verdict::Code;
use crate::engine::dead_letter::header;
use crate::engine::processor::Headers;
use crate::kafka::{self, Message, OutRecord, RecordReader, TransactionalProducer};
use crate::services::settings::kafka_settings;

/// Longest wait for the next record, in tenths of a second.
const POLLS_MAX: u32 = 100;
/// Most records, and about the most bytes, of one transaction.
const BATCH_RECORDS: usize = 500;
const BATCH_BYTES: usize = 8 << 20;

/// Why dead letters can be neither read nor sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster is away or refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// `topics.yaml` cannot be used.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// The service has no topic for them.
    #[error("there is no topic {0}")]
    NoTopic(String),
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Topic with prefix.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// One dead letter.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Service that parked it.
    pub service: Service,
    /// Where it stands.
    pub place: Place,
    /// When it was parked, UTC.
    pub parked_at: Micros,
    /// The original's key, where it had one.
    pub key: Option<Vec<u8>>,
    /// The original's value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The original's headers, and ours.
    pub headers: Headers,
}

impl DeadLetter {
    fn new(service: Service, message: &Message<'_>) -> Self {
        Self {
            service,
            place: Place { topic: message.topic().to_owned(), partition: message.partition(), offset: message.offset() },
            parked_at: message.timestamp(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.value().map(<[u8]>::to_vec),
            headers: message.headers(),
        }
    }

    /// The text of one of our headers; empty where it is missing.
    #[must_use]
    pub fn told(&self, name: &str) -> String {
        let found = self.headers.iter().rfind(|(header, _)| header == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }

    /// Where the original stood; `None` when the headers do not say so.
    #[must_use]
    pub fn origin(&self) -> Option<Place> {
        let topic = Some(self.told(header::TOPIC)).filter(|topic| !topic.is_empty())?;
        Some(Place { topic, partition: self.told(header::PARTITION).parse().ok()?, offset: self.told(header::OFFSET).parse().ok()? })
    }

    /// The headers with which it is sent again: the original's and its time, which the record itself may not bear any more, and which
    /// dead letter it was.
    fn replayed_headers(&self) -> Headers {
        let original = self.headers.iter().filter(|(name, _)| !name.starts_with("wb_") || name == header::TIMESTAMP).cloned();
        original.chain([(header::REPLAY_OF.to_owned(), self.place.to_string().into_bytes())]).collect()
    }
}

/// Hands the dead letters of a service, with this code where one is given, to `visit`, partition by partition from the oldest, until
/// it says that it has enough. Returns whether it had not. What is parked after the call began is left out.
///
/// # Errors
/// The cluster is away, the topic is missing, or whatever `visit` returns.
pub fn read<E: From<Error>>(
    config: &Config,
    service: Service,
    code: Option<Code>,
    mut visit: impl FnMut(DeadLetter) -> Result<bool, E>,
) -> Result<bool, E> {
    let topic = topic_of(config, service);
    let reader = reader(config)?;
    let partitions = reader.partitions(&topic).map_err(Error::from)?.ok_or_else(|| Error::NoTopic(topic.clone()))?;
    let code = code.map(|code| code.to_string());
    for partition in 0..partitions {
        let Some(end) = reader.seek(&topic, partition, 0).map_err(Error::from)? else { continue };
        while let Some(message) = reader.next(end, POLLS_MAX).map_err(Error::from)? {
            let letter = DeadLetter::new(service, &message);
            if code.as_ref().is_none_or(|code| letter.told(header::CODE) == *code) && !visit(letter)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The dead letter at a place; `None` where there is none.
///
/// # Errors
/// The cluster is away, or the topic is missing.
pub fn find(config: &Config, service: Service, (partition, offset): (i32, i64)) -> Result<Option<DeadLetter>, Error> {
    let topic = topic_of(config, service);
    let reader = reader(config)?;
    let partitions = reader.partitions(&topic)?.ok_or_else(|| Error::NoTopic(topic.clone()))?;
    if partition >= partitions {
        return Ok(None);
    }
    let Some(end) = reader.seek(&topic, partition, offset)? else { return Ok(None) };
    let found = reader.next(end, POLLS_MAX)?;
    Ok(found.filter(|message| message.offset() == offset).map(|message| DeadLetter::new(service, &message)))
}

fn topic_of(config: &Config, service: Service) -> String {
    config.kafka.prefixed(&format!("{service}.dlq"))
}

fn reader(config: &Config) -> Result<RecordReader, Error> {
    Ok(RecordReader::new(&kafka_settings(config, "dlq", Assignor::Range))?)
}

/// Why a dead letter cannot be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Its headers do not say where it came from.
    NoOrigin,
    /// The partition it came from is no more.
    NoPartition,
    /// It was too large to be kept whole.
    Cut,
}

/// Sends dead letters to the partitions they came from, many in one transaction.
pub struct Replay {
    producer: Option<TransactionalProducer>,
    reader: RecordReader,
    partitions: HashMap<String, Option<i32>>,
    topics: Topics,
    prefix: String,
    now: Micros,
    batch: Vec<(DeadLetter, Place)>,
    bytes: usize,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("batch", &self.batch.len()).finish_non_exhaustive()
    }
}

impl Replay {
    /// Gets ready; with `dry` nothing will be sent.
    ///
    /// # Errors
    /// The cluster is away or refuses.
    pub fn new(config: &Config, dry: bool, now: Micros) -> Result<Self, Error> {
        // A replay under the same name fences one that still runs, so that two do not send the same.
        let settings = kafka_settings(config, "dlq-replay", Assignor::Range);
        Ok(Self {
            producer: if dry { None } else { Some(TransactionalProducer::init(&settings)?) },
            reader: reader(config)?,
            partitions: HashMap::new(),
            topics: Topics::builtin()?,
            prefix: config.kafka.prefix.clone(),
            now,
            batch: Vec::new(),
            bytes: 0,
        })
    }

    /// Takes a letter into the batch. Says what stands in the way, or returns those that were sent with it once the batch is full.
    ///
    /// # Errors
    /// The batch could not be sent: none of it was.
    pub fn add(&mut self, letter: DeadLetter) -> Result<Result<Vec<DeadLetter>, (DeadLetter, Obstacle)>, Error> {
        let Some(origin) = letter.origin() else { return Ok(Err((letter, Obstacle::NoOrigin))) };
        if !letter.told(header::CUT).is_empty() {
            return Ok(Err((letter, Obstacle::Cut)));
        }
        let partitions = if let Some(known) = self.partitions.get(&origin.topic) {
            *known
        } else {
            let asked = self.reader.partitions(&origin.topic)?;
            self.partitions.insert(origin.topic.clone(), asked);
            asked
        };
        if !partitions.is_some_and(|count| (0..count).contains(&origin.partition)) {
            return Ok(Err((letter, Obstacle::NoPartition)));
        }
        self.bytes += letter.value.as_ref().map_or(0, Vec::len);
        self.batch.push((letter, origin));
        if self.batch.len() < BATCH_RECORDS && self.bytes < BATCH_BYTES {
            return Ok(Ok(Vec::new()));
        }
        self.flush().map(Ok)
    }

    /// Sends what is in the batch, in one transaction, and returns it.
    ///
    /// # Errors
    /// None of it was sent.
    pub fn flush(&mut self) -> Result<Vec<DeadLetter>, Error> {
        if let Some(producer) = self.producer.as_ref().filter(|_| !self.batch.is_empty()) {
            producer.begin()?;
            let sent = self.batch.iter().try_for_each(|(letter, origin)| self.send(producer, letter, origin));
            if let Err(error) = sent.and_then(|()| producer.commit_empty()) {
                // What cannot be aborted now is aborted by the broker in its time; the first error is the one to tell.
                let _ = producer.abort();
                return Err(error.into());
            }
        }
        self.bytes = 0;
        Ok(std::mem::take(&mut self.batch).into_iter().map(|(letter, _)| letter).collect())
    }

    fn send(&self, producer: &TransactionalProducer, letter: &DeadLetter, origin: &Place) -> Result<(), kafka::Error> {
        producer.send(&OutRecord {
            topic: &origin.topic,
            partition: Some(origin.partition),
            key: letter.key.as_deref(),
            value: letter.value.as_deref(),
            headers: &kafka::borrowed(&letter.replayed_headers()),
            timestamp_ms: self.timestamp_ms(letter, origin),
            report_offset: false,
        })
    }

    /// The original's time, so that `received_at` stays true; now where the brokers would soon delete a record of that time.
    fn timestamp_ms(&self, letter: &DeadLetter, origin: &Place) -> Option<i64> {
        let original = letter.told(header::TIMESTAMP).parse::<Micros>().ok().filter(|at| *at > 0)?;
        let topic = origin.topic.strip_prefix(&self.prefix).and_then(|name| self.topics.find(name));
        let keeps_ms = topic.map_or(0, |topic| topic.retention.0.unwrap_or(i64::MAX));
        let age_ms = self.now.saturating_sub(original) / 1000;
        (age_ms < keeps_ms / 2).then_some(original / 1000)
    }
}
