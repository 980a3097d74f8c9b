//! The loop of a service that goes from Kafka to Kafka: outputs, memory and offsets commit together or not at all.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::Error;
use super::assignment::{Assignment, Inputs, Standing, TopicPartition, inputs_by_partition};
use super::batch::{Collected, collect};
use super::dead_letter;
use super::processor::{Headers, Input, Outputs, Payload, Processor};
use super::publisher::{Publisher, SendError};
use super::spec::{EngineSettings, InputKind, ServiceSpec, Surroundings};
use super::tasks::{NoState, RestoreError, Tasks};
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::kafka::{self, AssignmentChange, GroupConsumer, KafkaSettings, Message, OutRecord, TransactionalProducer};
use crate::schema::DecodeError;
use crate::telemetry::events;
use crate::telemetry::metrics::{EngineMetrics, SourceCounters};
use crate::telemetry::trace::TraceContext;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Joined topics may be assigned apart for a moment, while one of them is not known to all members yet.
const MISMATCH_MAX: Duration = Duration::from_secs(60);
/// Longest pause between two tries while the brokers are away.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a seek back is tried before the process gives its partitions up.
const SEEK_TRIES: u32 = 30;
const LAG_EVERY: Duration = Duration::from_millis(500);

/// Why a transaction came to nothing.
enum Failure {
    Kafka(kafka::Error),
    Engine(Error),
}

impl From<kafka::Error> for Failure {
    fn from(error: kafka::Error) -> Self {
        Self::Kafka(error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Kafka(error) => Self::Kafka(error),
            SendError::Engine(error) => Self::Engine(error),
        }
    }
}

/// Runs until asked to stop: then the transaction in hand is finished and the group is left.
///
/// # Errors
/// Fenced, a fatal client error, joined topics assigned apart, or a disk that cannot be used. The process ends and
/// its supervisor starts it again; nothing is lost or doubled by that.
pub fn run_stream(
    spec: ServiceSpec,
    kafka: &KafkaSettings,
    settings: EngineSettings,
    processor: Box<dyn Processor>,
    around: Surroundings,
) -> Result<(), Error> {
    let name = spec.name;
    let Some(producer) = patiently(name, "brokers", &around, || TransactionalProducer::init(kafka))? else { return Ok(()) };
    let consumer = GroupConsumer::subscribe(kafka, &spec.subscription()).map_err(broken)?;
    let cluster =
        patiently(name, "brokers", &around, || consumer.cluster_id(TIMEOUT).ok_or_else(|| kafka::Error::Away("no cluster id".into())))?;
    let Some(cluster) = cluster else { return Ok(()) };
    let tasks = match spec.changelog {
        Some(changelog) => Some(Tasks::new(&spec, changelog, kafka, &settings, &around, cluster).map_err(broken)?),
        None => None,
    };
    let inputs = Inputs::new(&spec);
    let mut stream = Stream {
        joined: inputs.stateful(),
        inputs,
        publisher: Publisher::new(&spec, around.codecs.clone()),
        metrics: around.metrics.engine(name),
        assignment: Assignment::default(),
        sources: HashMap::new(),
        mismatch_since: None,
        failures: 0,
        lag_at: Duration::ZERO,
        lag_turn: 0,
        spec,
        settings,
        processor,
        tasks,
        around,
    };
    while !stream.around.stopping() {
        stream.round(&consumer, &producer)?;
    }
    events::draining(name);
    consumer.leave();
    events::drained(name, Duration::ZERO);
    Ok(())
}

/// Tries until it succeeds or the loop is asked to stop (`None`).
pub(super) fn patiently<T>(
    service: &str,
    what: &str,
    around: &Surroundings,
    mut call: impl FnMut() -> Result<T, kafka::Error>,
) -> Result<Option<T>, Error> {
    let mut wait = Duration::from_millis(100);
    while !around.stopping() {
        match call() {
            Ok(value) => return Ok(Some(value)),
            Err(kafka::Error::Away(cause) | kafka::Error::Abort(cause)) => {
                events::waiting_for(service, what, &cause, wait);
                std::thread::sleep(wait);
                wait = (wait * 2).min(PAUSE_MAX);
            }
            Err(error) => return Err(broken(error)),
        }
    }
    Ok(None)
}

pub(super) fn broken(error: kafka::Error) -> Error {
    match error {
        kafka::Error::Refused(text) => Error::Refused(text),
        other => Error::Fatal(other.to_string()),
    }
}

struct Stream {
    spec: ServiceSpec,
    settings: EngineSettings,
    around: Surroundings,
    inputs: Inputs,
    joined: Vec<String>,
    publisher: Publisher,
    processor: Box<dyn Processor>,
    tasks: Option<Tasks>,
    assignment: Assignment,
    metrics: EngineMetrics,
    sources: HashMap<String, SourceCounters>,
    mismatch_since: Option<Duration>,
    failures: u32,
    lag_at: Duration,
    lag_turn: usize,
}

/// What one open transaction has come to so far.
#[derive(Default)]
struct Work {
    moved: HashMap<TopicPartition, Standing>,
    touched: BTreeSet<i32>,
    verdicts: Vec<(String, Verdict)>,
    event_times: Vec<Micros>,
}

impl Stream {
    fn round(&mut self, consumer: &GroupConsumer, producer: &TransactionalProducer) -> Result<(), Error> {
        let Collected { messages, changes } = collect(consumer, &self.settings, &self.around).map_err(broken)?;
        self.reassign(changes);
        self.bring_up(consumer)?;
        self.report_lag(consumer);
        let now = self.around.clock.now();
        let alarms = self.tasks.as_ref().map(|t| t.due(now)).unwrap_or_default();
        let expiring = self.tasks.as_mut().map(|t| t.expire(now)).unwrap_or_default();
        if messages.is_empty() && alarms.is_empty() && expiring.is_empty() {
            return Ok(());
        }
        let started = self.around.clock.monotonic();
        let mut work = Work { touched: expiring.into_iter().collect(), ..Work::default() };
        match self.transact(consumer, producer, &messages, alarms, now, &mut work) {
            Ok(offsets) => self.committed(consumer, work, &offsets, started),
            Err(Failure::Engine(error)) => Err(error),
            Err(Failure::Kafka(error @ (kafka::Error::Fatal(_) | kafka::Error::Refused(_)))) => {
                events::fenced(self.spec.name, &error.to_string());
                Err(broken(error))
            }
            Err(Failure::Kafka(error)) => self.roll_back(consumer, producer, &messages, &error, started),
        }
    }

    fn reassign(&mut self, changes: Vec<AssignmentChange>) {
        for change in changes {
            match change {
                AssignmentChange::Assigned(partitions) => {
                    events::rebalanced(self.spec.name, "assigned", &names(&partitions));
                    self.metrics.rebalanced("assigned");
                    self.assignment.assigned(partitions);
                    self.around.health.set_assigned(true);
                }
                AssignmentChange::Revoked { partitions, lost } => {
                    let kind = if lost { "lost" } else { "revoked" };
                    events::rebalanced(self.spec.name, kind, &names(&partitions));
                    self.metrics.rebalanced(kind);
                    self.assignment.revoked(&partitions);
                    for (topic, partition) in &partitions {
                        let plain = topic.strip_prefix(&self.spec.prefix).unwrap_or(topic);
                        self.around.conservation.gone(self.spec.name, plain, *partition);
                        self.metrics.lag_forgotten(plain, *partition);
                        if let Some(tasks) = &mut self.tasks
                            && !self.assignment.owns_any(*partition)
                        {
                            tasks.rest(*partition);
                        }
                    }
                }
            }
        }
    }

    /// Brings up the memory of what was assigned, and lets it flow.
    fn bring_up(&mut self, consumer: &GroupConsumer) -> Result<(), Error> {
        let waiting = self.assignment.waiting();
        self.around.health.set_restored(waiting.is_empty());
        if waiting.is_empty() || self.mismatched()? {
            return Ok(());
        }
        match self.try_bring_up(consumer, &waiting) {
            Ok(()) => {
                self.around.health.set_restored(true);
                Ok(())
            }
            Err(RestoreError::Kafka(error @ (kafka::Error::Fatal(_) | kafka::Error::Refused(_)))) => Err(broken(error)),
            Err(RestoreError::Kafka(error)) => {
                // Tried again in the next round, with whatever is assigned by then.
                events::waiting_for(self.spec.name, "restore", &error.to_string(), Duration::from_millis(50));
                Ok(())
            }
            Err(RestoreError::Engine(error)) => Err(error),
        }
    }

    fn try_bring_up(&mut self, consumer: &GroupConsumer, waiting: &[TopicPartition]) -> Result<(), RestoreError> {
        let committed = consumer.committed(waiting, TIMEOUT)?;
        if let Some(tasks) = &mut self.tasks {
            let stateful = |c: &&kafka::Committed| self.joined.contains(&c.topic);
            let partitions: BTreeSet<i32> = committed.iter().filter(stateful).map(|c| c.partition).collect();
            for partition in partitions {
                let of: Vec<_> = committed.iter().filter(stateful).filter(|c| c.partition == partition).cloned().collect();
                tasks.bring_up(partition, &of)?;
            }
            tasks.report_bytes();
        }
        for stand in &committed {
            let low = match stand.offset {
                Some(offset) => offset,
                None => consumer.watermarks(&stand.topic, stand.partition, TIMEOUT)?.0,
            };
            self.assignment.flows(stand, low);
            self.report(&stand.topic, stand.partition);
        }
        consumer.resume(waiting)?;
        Ok(())
    }

    fn mismatched(&mut self) -> Result<bool, Error> {
        let apart = self.assignment.mismatched(&self.joined);
        if apart.is_empty() {
            self.mismatch_since = None;
            return Ok(false);
        }
        let now = self.around.clock.monotonic();
        let since = *self.mismatch_since.get_or_insert(now);
        if now.saturating_sub(since) > MISMATCH_MAX {
            return Err(Error::NotCoPartitioned(format!("partitions {apart:?} of {}", self.joined.join(", "))));
        }
        Ok(true)
    }

    fn transact(
        &mut self,
        consumer: &GroupConsumer,
        producer: &TransactionalProducer,
        messages: &[Message<'_>],
        alarms: Vec<(i32, Vec<std::sync::Arc<[u8]>>)>,
        now: Micros,
        work: &mut Work,
    ) -> Result<HashMap<i32, i64>, Failure> {
        producer.begin()?;
        for message in messages {
            if self.assignment.owns(message.topic(), message.partition()) {
                self.one(producer, message, now, work)?;
            }
        }
        for (partition, keys) in alarms {
            work.touched.insert(partition);
            for key in keys {
                self.wake(producer, partition, &key, now)?;
            }
        }
        let positions = self.assignment.positions(&work.moved, &work.touched, &self.joined);
        if let Some(tasks) = &mut self.tasks {
            tasks.send_changes(producer, now, &inputs_by_partition(&positions, &self.joined))?;
        }
        Ok(producer.commit(&positions, consumer)?)
    }

    fn one(&mut self, producer: &TransactionalProducer, message: &Message<'_>, now: Micros, work: &mut Work) -> Result<(), Failure> {
        let headers = message.headers();
        let trace = trace_of(message, &headers);
        let mut out = Outputs::default();
        let verdict = self.decide(message, &headers, now, &mut out)?;
        match &verdict {
            Verdict::Park(park) => self.park(producer, message, &headers, park, trace)?,
            Verdict::Publish | Verdict::Duplicate(_) => {
                for output in &out.records {
                    self.publisher.send(producer, output, trace)?;
                    if let Record::ShipmentEvent(event) = &output.record {
                        work.event_times.push(event.received_at);
                    }
                }
            }
        }
        let place = (message.topic().to_owned(), message.partition());
        if self.joined.contains(&place.0) {
            work.touched.insert(place.1);
        }
        let standing = work.moved.entry(place).or_insert_with_key(|(topic, partition)| {
            self.assignment
                .standing(topic, *partition)
                .cloned()
                .unwrap_or(Standing { next: 0, counts: super::conservation::Counts::default() })
        });
        standing.next = message.offset() + 1;
        standing.counts.add(&verdict);
        work.verdicts.push((message.topic().to_owned(), verdict));
        Ok(())
    }

    fn decide(&mut self, message: &Message<'_>, headers: &Headers, now: Micros, out: &mut Outputs) -> Result<Verdict, Failure> {
        let Some(input) = self.inputs.find(message.topic()) else {
            return Ok(Verdict::Park(Park::new(Code::UNKNOWN_SOURCE, "no input of this service has this topic")));
        };
        let payload = match (input.kind, message.value()) {
            (InputKind::Raw, value) => Payload::Raw(value),
            (InputKind::Canonical(_), None) => return Ok(Verdict::Park(Park::new(Code::EMPTY_VALUE, "a tombstone"))),
            (InputKind::Canonical(name), Some(value)) => match self.around.codecs.decode(name, value) {
                Ok(record) => Payload::Canonical(record),
                Err(DecodeError::Park(park)) => return Ok(Verdict::Park(park)),
                Err(DecodeError::Registry(error)) => return Err(kafka::Error::Abort(error.to_string()).into()),
            },
        };
        let topic = message.topic().strip_prefix(&self.spec.prefix).unwrap_or(message.topic());
        let record = Input {
            topic,
            partition: message.partition(),
            offset: message.offset(),
            received_at: message.timestamp(),
            key: message.key(),
            headers,
            payload,
        };
        let stateful = input.stateful;
        Ok(match self.tasks.as_mut().filter(|_| stateful).and_then(|t| t.state(message.partition())) {
            Some(mut state) => self.processor.process(&record, &mut state, now, out),
            None => self.processor.process(&record, &mut NoState, now, out),
        })
    }

    fn wake(&mut self, producer: &TransactionalProducer, partition: i32, key: &[u8], now: Micros) -> Result<(), Failure> {
        let mut out = Outputs::default();
        if let Some(mut state) = self.tasks.as_mut().and_then(|t| t.state(partition)) {
            self.processor.wake(key, &mut state, now, &mut out);
        }
        for output in &out.records {
            let trace = TraceContext::root(&format!("{}/alarm/{}", self.spec.name, output.record.id()));
            self.publisher.send(producer, output, trace)?;
        }
        Ok(())
    }

    fn park(
        &mut self,
        producer: &TransactionalProducer,
        message: &Message<'_>,
        headers: &Headers,
        park: &Park,
        trace: TraceContext,
    ) -> Result<(), Failure> {
        let origin = dead_letter::Origin {
            service: self.spec.name,
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp(),
            tombstone: message.value().is_none(),
        };
        let headers = dead_letter::headers(headers, origin, park);
        producer.send(&OutRecord {
            topic: &self.spec.full(self.spec.dead_letters),
            partition: None,
            key: message.key().unwrap_or_default(),
            value: message.value(),
            headers: &headers,
            timestamp_ms: None,
            report_offset: false,
        })?;
        let place =
            events::Origin { service: self.spec.name, topic: message.topic(), partition: message.partition(), offset: message.offset() };
        events::dead_lettered(place, park.code, &park.cause, None, Some(&trace.trace_id()));
        Ok(())
    }

    fn committed(&mut self, consumer: &GroupConsumer, work: Work, offsets: &HashMap<i32, i64>, started: Duration) -> Result<(), Error> {
        self.failures = 0;
        let failed = self.tasks.as_mut().map(|t| t.committed(offsets)).unwrap_or_default();
        let places: Vec<TopicPartition> = work.moved.keys().cloned().collect();
        self.assignment.advance(work.moved);
        for (topic, partition) in &places {
            self.report(topic, *partition);
        }
        let now = self.around.clock.now();
        for at in work.event_times {
            self.metrics.end_to_end(Duration::from_micros(u64::try_from(now.saturating_sub(at)).unwrap_or(0)));
        }
        for (topic, verdict) in &work.verdicts {
            let plain = topic.strip_prefix(&self.spec.prefix).unwrap_or(topic);
            if !self.sources.contains_key(plain) {
                self.sources.insert(plain.to_owned(), self.around.metrics.source(self.spec.name, plain));
            }
            if let Some(counters) = self.sources.get(plain) {
                counters.decided(verdict);
            }
        }
        for (topic, records) in self.publisher.take_counts() {
            self.around.metrics.published(self.spec.name, topic).inc_by(records);
        }
        self.metrics.transaction_committed(self.around.clock.monotonic().saturating_sub(started));
        if !failed.is_empty() {
            let again: Vec<TopicPartition> = self.joined.iter().flat_map(|t| failed.iter().map(|p| (t.clone(), *p))).collect();
            consumer.pause(&again).map_err(broken)?;
            self.assignment.revoked(&again);
            self.assignment.assigned(again);
        }
        Ok(())
    }

    /// The brokers or the registry are not ready: the work is thrown away whole and read again.
    fn roll_back(
        &mut self,
        consumer: &GroupConsumer,
        producer: &TransactionalProducer,
        messages: &[Message<'_>],
        error: &kafka::Error,
        started: Duration,
    ) -> Result<(), Error> {
        events::transaction_aborted(self.spec.name, &error.to_string(), messages.len() as u64);
        self.metrics.transaction_aborted(self.around.clock.monotonic().saturating_sub(started));
        if let Some(tasks) = &mut self.tasks {
            tasks.aborted();
        }
        self.publisher.take_counts();
        if patiently(self.spec.name, "brokers", &self.around, || producer.abort())?.is_none() {
            return Ok(());
        }
        self.seek_back(consumer, messages)?;
        self.failures = self.failures.saturating_add(1);
        let pause = Duration::from_millis(50).saturating_mul(1 << self.failures.min(7)).min(PAUSE_MAX);
        events::waiting_for(self.spec.name, "brokers", &error.to_string(), pause);
        std::thread::sleep(pause);
        Ok(())
    }

    /// Forgetting this is silent loss: the consumer has moved on already.
    fn seek_back(&mut self, consumer: &GroupConsumer, messages: &[Message<'_>]) -> Result<(), Error> {
        let mut first: HashMap<TopicPartition, i64> = HashMap::new();
        for m in messages {
            let offset = first.entry((m.topic().to_owned(), m.partition())).or_insert(m.offset());
            *offset = (*offset).min(m.offset());
        }
        for _ in 0..SEEK_TRIES {
            self.reassign(consumer.take_changes());
            let ours: Vec<_> =
                first.iter().filter(|((t, p), _)| self.assignment.owns(t, *p)).map(|((t, p), o)| (t.clone(), *p, *o)).collect();
            if ours.is_empty() || consumer.assignment_lost() {
                return Ok(());
            }
            match consumer.seek(&ours, TIMEOUT) {
                Ok(()) => return Ok(()),
                Err(error @ kafka::Error::Fatal(_)) => return Err(broken(error)),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
        Err(Error::Fatal("the positions could not be set back".into()))
    }

    fn report(&self, topic: &str, partition: i32) {
        if let Some(standing) = self.assignment.standing(topic, partition) {
            let plain = topic.strip_prefix(&self.spec.prefix).unwrap_or(topic);
            self.around.conservation.stands(self.spec.name, plain, partition, standing.counts, standing.next);
        }
    }

    /// Asks for the end of one partition at a time, so that no round waits for many answers.
    fn report_lag(&mut self, consumer: &GroupConsumer) {
        let now = self.around.clock.monotonic();
        if now.saturating_sub(self.lag_at) < LAG_EVERY {
            return;
        }
        self.lag_at = now;
        let Some((topic, partition, next)) = self.assignment.turn(self.lag_turn) else { return };
        self.lag_turn = self.lag_turn.wrapping_add(1);
        if let Ok((_, high)) = consumer.watermarks(&topic, partition, Duration::from_secs(1)) {
            let plain = topic.strip_prefix(&self.spec.prefix).unwrap_or(&topic);
            self.metrics.lag(plain, partition, high.saturating_sub(next).max(0));
        }
    }
}

fn names(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(|(t, p)| format!("{t}/{p}")).collect::<Vec<_>>().join(" ")
}

/// The trace the record came with, or one made from its place, which a second try finds again.
fn trace_of(message: &Message<'_>, headers: &Headers) -> TraceContext {
    let sent = headers.iter().find(|(name, _)| name == "traceparent").and_then(|(_, v)| std::str::from_utf8(v).ok());
    sent.and_then(TraceContext::parse)
        .unwrap_or_else(|| TraceContext::root(&format!("{}/{}/{}", message.topic(), message.partition(), message.offset())))
}
