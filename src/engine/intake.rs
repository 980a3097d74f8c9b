//! From a consumed record to what a processor is handed.

use std::collections::HashMap;
use std::sync::Arc;

use super::core::Failure;
use super::processor::{Headers, Input, Payload};
use super::spec::{InputKind, InputSpec, ServiceSpec};
use crate::domain::verdict::{Code, Park};
use crate::kafka::{self, Message};
use crate::schema::DecodeError;
use crate::schema::codec::Codecs;

/// The inputs of a service by the names that topics really have, and what reads their values.
pub(super) struct Intake {
    specs: Vec<InputSpec>,
    patterns: Vec<Option<regex::Regex>>,
    prefix: String,
    known: HashMap<String, usize>,
    codecs: Arc<Codecs>,
}

impl Intake {
    pub(super) fn new(spec: &ServiceSpec, codecs: Arc<Codecs>) -> Self {
        let pattern = |i: &InputSpec| i.is_pattern().then(|| regex::Regex::new(&i.topic).ok()).flatten();
        Self {
            patterns: spec.inputs.iter().map(pattern).collect(),
            specs: spec.inputs.clone(),
            prefix: spec.prefix.clone(),
            known: HashMap::new(),
            codecs,
        }
    }

    /// Finds the input that an assigned topic belongs to.
    pub(super) fn learn(&mut self, topic: &str) {
        if self.known.contains_key(topic) {
            return;
        }
        let plain = topic.strip_prefix(&self.prefix).unwrap_or(topic);
        let mut candidates = self.specs.iter().zip(&self.patterns);
        if let Some(index) = candidates.position(|(s, p)| p.as_ref().map_or(s.topic == plain, |p| p.is_match(topic))) {
            self.known.insert(topic.to_owned(), index);
        }
    }

    /// Stateful topics, with prefix.
    pub(super) fn stateful(&self) -> Vec<String> {
        self.specs.iter().filter(|s| s.stateful).map(|s| format!("{}{}", self.prefix, s.topic)).collect()
    }

    fn spec(&self, topic: &str) -> Option<&InputSpec> {
        self.known.get(topic).and_then(|index| self.specs.get(*index))
    }

    /// Whether there is an input whose records meet no memory.
    pub(super) fn any_memoryless(&self) -> bool {
        self.specs.iter().any(|s| !s.stateful)
    }

    /// Whether records of this topic meet the memory of their partition.
    pub(super) fn meets_memory(&self, topic: &str) -> bool {
        self.spec(topic).is_some_and(|spec| spec.stateful)
    }

    /// Reads a record's value; `Err(Ok(park))` where nothing can be made of it.
    pub(super) fn read<'a>(&'a self, message: &'a Message<'_>, headers: &'a Headers) -> Result<Result<Input<'a>, Park>, Failure> {
        let Some(spec) = self.spec(message.topic()) else {
            return Ok(Err(Park::new(Code::UNKNOWN_SOURCE, "no input of this service has this topic")));
        };
        let payload = match (spec.kind, message.value()) {
            (InputKind::MaybeAvro, Some(value)) if value.first() == Some(&0) => match self.codecs.prepare(value) {
                Ok(()) => Payload::Raw(Some(value)),
                Err(error) => return unread(error),
            },
            (InputKind::Raw | InputKind::MaybeAvro, value) => Payload::Raw(value),
            (InputKind::Canonical(_), None) => return Ok(Err(Park::new(Code::EMPTY_VALUE, "a tombstone"))),
            (InputKind::Canonical(name), Some(value)) => match self.codecs.decode(name, value) {
                Ok(record) => Payload::Canonical(record),
                Err(error) => return unread(error),
            },
        };
        let topic = if spec.is_pattern() { message.topic() } else { plain(message.topic(), &self.prefix) };
        let (partition, offset, received_at) = (message.partition(), message.offset(), message.timestamp());
        Ok(Ok(Input { topic, partition, offset, received_at, key: message.key(), headers, payload }))
    }
}

/// A topic without our prefix.
pub(super) fn plain<'a>(topic: &'a str, prefix: &str) -> &'a str {
    topic.strip_prefix(prefix).unwrap_or(topic)
}

fn unread<T>(error: DecodeError) -> Result<Result<T, Park>, Failure> {
    match error {
        DecodeError::Park(park) => Ok(Err(park)),
        DecodeError::Registry(error) => Err(kafka::Error::Abort(error.to_string()).into()),
    }
}
