//! What both loops have in common: who owns what, bringing memory up, dead letters, rolling back.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::Error;
use super::assignment::{Assignment, Standing, TopicPartition};
use super::conservation::Counts;
use super::dead_letter;
use super::intake::{self, Intake};
use super::processor::{Headers, Output};
use super::publisher::Publisher;
use super::spec::{EngineSettings, ServiceSpec, Surroundings};
use super::tasks::{RestoreError, Tasks};
use super::work::{Decided, Work};
use crate::domain::time::Micros;
use crate::domain::verdict::{Park, Verdict};
use crate::kafka::{self, AssignmentChange, GroupConsumer, KafkaSettings, Message, OutRecord, TransactionalProducer};
use crate::telemetry::events;
use crate::telemetry::metrics::{EngineMetrics, SourceCounters};
use crate::telemetry::trace::TraceContext;

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Joined topics may be assigned apart for a moment, while one of them is not known to all members yet.
const MISMATCH_MAX: Duration = Duration::from_mins(1);
/// Longest pause between two tries while the brokers are away.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Longest wait for clients to close.
const CLOSE_MAX: Duration = Duration::from_secs(10);
const LAG_EVERY: Duration = Duration::from_millis(500);

/// Why a transaction came to nothing.
pub(super) enum Failure {
    Kafka(kafka::Error),
    Engine(Error),
}

impl From<kafka::Error> for Failure {
    fn from(error: kafka::Error) -> Self {
        Self::Kafka(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// The clients of one running loop.
pub(super) struct Clients {
    pub(super) consumer: GroupConsumer,
    pub(super) producer: TransactionalProducer,
}

impl Clients {
    /// Leaves the group and closes. Who has lost the brokers for good may wait for them without end while it closes.
    pub(super) fn close(self, service: &'static str) {
        self.consumer.leave();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let closing = std::thread::Builder::new().name("close".to_owned()).spawn(move || {
            drop(self);
            // Nobody hears it when it took too long.
            let _ = tell.send(());
        });
        if closing.is_err() || told.recv_timeout(CLOSE_MAX).is_err() {
            events::waiting_for(service, "brokers", "the clients do not close; the process ends without that", Duration::ZERO);
        }
    }
}

pub(super) struct Core {
    pub(super) spec: ServiceSpec,
    pub(super) settings: EngineSettings,
    pub(super) around: Surroundings,
    pub(super) intake: Intake,
    pub(super) joined: Vec<String>,
    pub(super) publisher: Publisher,
    pub(super) tasks: Option<Tasks>,
    pub(super) assignment: Assignment,
    pub(super) metrics: EngineMetrics,
    sources: HashMap<String, SourceCounters>,
    mismatch_since: Option<Duration>,
    /// Transactions in a row that came to nothing.
    pub(super) failures: u32,
    lag_at: Duration,
    lag_turn: usize,
    /// Before this nothing is said of what keeps the client from fetching.
    pub(super) hindrance_at: Duration,
}

impl Core {
    /// Fences the predecessor, joins the group and gets ready for its memory; `None` when asked to stop meanwhile.
    pub(super) fn start(
        spec: ServiceSpec,
        kafka: &KafkaSettings,
        settings: EngineSettings,
        around: Surroundings,
    ) -> Result<Option<(Self, Clients)>, Error> {
        let Some(producer) = patiently(spec.name, "brokers", &around, || TransactionalProducer::init(kafka))? else { return Ok(None) };
        let consumer = GroupConsumer::subscribe(kafka, &spec.subscription()).map_err(broken)?;
        let cluster = patiently(spec.name, "brokers", &around, || {
            consumer.cluster_id(TIMEOUT).ok_or_else(|| kafka::Error::Away("no cluster id".into()))
        })?;
        let Some(cluster) = cluster else { return Ok(None) };
        let tasks = match spec.changelog {
            Some(changelog) => Some(Tasks::new(&spec, changelog, kafka, &settings, &around, cluster).map_err(broken)?),
            None => None,
        };
        let intake = Intake::new(&spec, around.codecs.clone());
        let core = Self {
            joined: intake.stateful(),
            intake,
            publisher: Publisher::new(&spec, around.codecs.clone()),
            metrics: around.metrics.engine(spec.name),
            assignment: Assignment::default(),
            sources: HashMap::new(),
            mismatch_since: None,
            failures: 0,
            lag_at: Duration::ZERO,
            lag_turn: 0,
            hindrance_at: Duration::ZERO,
            spec,
            settings,
            tasks,
            around,
        };
        Ok(Some((core, Clients { consumer, producer })))
    }

    /// Leaves the group, asked to or not, and hands on how the loop ended.
    pub(super) fn end(&self, clients: Clients, ended: Result<(), Error>) -> Result<(), Error> {
        let started = self.around.clock.monotonic();
        events::draining(self.spec.name);
        clients.close(self.spec.name);
        events::drained(self.spec.name, self.around.clock.monotonic().saturating_sub(started));
        ended
    }

    pub(super) fn plain<'a>(&self, topic: &'a str) -> &'a str {
        intake::plain(topic, &self.spec.prefix)
    }

    pub(super) fn reassign(&mut self, changes: Vec<AssignmentChange>) {
        for change in changes {
            match change {
                AssignmentChange::Assigned(partitions) => {
                    events::rebalanced(self.spec.name, "assigned", &names(&partitions));
                    self.metrics.rebalanced("assigned");
                    for (topic, _) in &partitions {
                        self.intake.learn(topic);
                    }
                    self.assignment.assigned(partitions);
                    // In this order: nobody may see it ready between the two.
                    self.around.health.set_restored(false);
                    self.around.health.set_assigned(true);
                }
                AssignmentChange::Revoked { partitions, lost } => {
                    let kind = if lost { "lost" } else { "revoked" };
                    events::rebalanced(self.spec.name, kind, &names(&partitions));
                    self.metrics.rebalanced(kind);
                    self.assignment.revoked(&partitions);
                    for (topic, partition) in &partitions {
                        let plain = self.plain(topic);
                        self.around.conservation.gone(self.spec.name, plain, *partition);
                        self.metrics.lag_forgotten(plain, *partition);
                        if let Some(tasks) = &mut self.tasks
                            && !self.assignment.owns_any(&self.joined, *partition)
                        {
                            tasks.rest(*partition);
                        }
                    }
                }
            }
        }
    }

    /// Brings up the memory of what was assigned, and lets it flow.
    pub(super) fn bring_up(&mut self, consumer: &GroupConsumer) -> Result<(), Error> {
        let waiting = self.assignment.waiting();
        self.around.health.set_restored(waiting.is_empty());
        if waiting.is_empty() {
            return Ok(());
        }
        if self.mismatched()? {
            consumer.decline();
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
            tasks.open_all(&partitions)?;
            for partition in partitions {
                let of: Vec<_> = committed.iter().filter(stateful).filter(|c| c.partition == partition).cloned().collect();
                tasks.bring_up(partition, &of)?;
            }
            tasks.report_bytes();
        }
        let mut starts = Vec::with_capacity(committed.len());
        for stand in &committed {
            let next = match stand.offset {
                Some(offset) => offset,
                None => consumer.watermarks(&stand.topic, stand.partition, TIMEOUT)?.0,
            };
            starts.push((stand.topic.clone(), stand.partition, next));
        }
        consumer.take_up(&starts, TIMEOUT)?;
        for (stand, (.., next)) in committed.iter().zip(starts) {
            self.assignment.flows(stand, next);
            self.report(&stand.topic, stand.partition);
        }
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

    /// Counts a verdict and moves the position behind its record, pending the commit.
    pub(super) fn count(&self, message: &Message<'_>, verdict: Verdict, at: Micros, work: &mut Work) {
        let (topic, partition) = (message.topic(), message.partition());
        let (place, standing) = work.moved.at(topic, partition, || {
            let known = self.assignment.standing(topic, partition).cloned();
            known.unwrap_or_else(|| Standing { next: 0, counts: Counts::default() })
        });
        standing.next = message.offset() + 1;
        standing.counts.add(&verdict);
        if self.joined.iter().any(|joined| joined == topic) {
            work.touched.insert(partition);
        }
        work.decided.push(Decided { place, verdict, at });
    }

    /// Sends one output, and tells of it.
    pub(super) fn publish(
        &mut self,
        producer: &TransactionalProducer,
        output: Output,
        from: &Message<'_>,
        trace: TraceContext,
    ) -> Result<(), Failure> {
        let ready = self.publisher.encode(output, trace)?;
        self.publisher.send(producer, &ready)?;
        events::published(self.origin(from), ready.topic, &ready.key, trace);
        Ok(())
    }

    /// Where a record was read, as the log tells it.
    pub(super) fn origin<'a>(&'a self, message: &'a Message<'_>) -> events::Origin<'a> {
        let topic = self.plain(message.topic());
        events::Origin { service: self.spec.name, topic, partition: message.partition(), offset: message.offset() }
    }

    pub(super) fn park(
        &self,
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
        let letter = dead_letter::letter(message.key(), message.value(), headers, origin, park);
        producer.send(&OutRecord {
            topic: &self.spec.full(self.spec.dead_letters),
            partition: None,
            key: letter.key,
            value: letter.value,
            headers: &kafka::borrowed(&letter.headers),
            timestamp_ms: None,
            report_offset: false,
        })?;
        events::dead_lettered(self.origin(message), park.code, &park.cause, named_by(message), Some(&trace.trace_id()));
        Ok(())
    }

    pub(super) fn committed(
        &mut self,
        consumer: &GroupConsumer,
        work: &Work,
        offsets: &HashMap<i32, i64>,
        started: Duration,
    ) -> Result<(), Error> {
        self.failures = 0;
        let failed = self.tasks.as_mut().map(|t| t.committed(offsets)).unwrap_or_default();
        self.assignment.advance(&work.moved);
        for ((topic, partition), _) in work.moved.iter() {
            self.report(topic, *partition);
            let plain = self.plain(topic);
            if !self.sources.contains_key(plain) {
                self.sources.insert(plain.to_owned(), self.around.metrics.source(self.spec.name, plain));
            }
        }
        let sources: Vec<_> = work.moved.iter().map(|((topic, _), _)| self.sources.get(self.plain(topic))).collect();
        let now = self.around.clock.now();
        for Decided { place, verdict, at } in &work.decided {
            if let Some(counters) = sources.get(*place).copied().flatten() {
                counters.decided(verdict);
                if *verdict == Verdict::Publish {
                    counters.end_to_end(Duration::from_micros(u64::try_from(now.saturating_sub(*at)).unwrap_or(0)));
                }
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

    fn report(&self, topic: &str, partition: i32) {
        if let Some(standing) = self.assignment.standing(topic, partition) {
            let plain = self.plain(topic);
            self.around.conservation.stands(self.spec.name, plain, partition, standing.counts, standing.next);
        }
    }

    /// Asks for the end of one partition at a time, so that no round waits for many answers.
    pub(super) fn report_lag(&mut self, consumer: &GroupConsumer) {
        let now = self.around.clock.monotonic();
        if now.saturating_sub(self.lag_at) < LAG_EVERY {
            return;
        }
        self.lag_at = now;
        let Some((topic, partition, next)) = self.assignment.turn(self.lag_turn) else { return };
        self.lag_turn = self.lag_turn.wrapping_add(1);
        if let Ok((_, high)) = consumer.watermarks(&topic, partition, Duration::from_secs(1)) {
            let plain = self.plain(&topic);
            self.metrics.lag(plain, partition, high.saturating_sub(next).max(0));
        }
    }
}

/// Tries until it succeeds or the loop is asked to stop (`None`).
pub(super) fn patiently<T>(
    service: &str,
    what: &str,
    around: &Surroundings,
    mut call: impl FnMut() -> Result<T, kafka::Error>,
) -> Result<Option<T>, Error> {
    let mut wait = Duration::from_millis(100);
    let started = around.clock.monotonic();
    while !around.stopping() {
        match call() {
            Ok(value) => {
                if wait > Duration::from_millis(100) {
                    events::back_again(service, what, around.clock.monotonic().saturating_sub(started));
                }
                return Ok(Some(value));
            }
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

fn names(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(|(t, p)| format!("{t}/{p}")).collect::<Vec<_>>().join(" ")
}

/// Longest key that is believed to name a shipment or a delivery.
const KEY_MAX: usize = 64;

/// The shipment or delivery that a record's key names. A relay chooses its own keys: one that looks like anything else
/// than a number of a parcel is not repeated.
fn named_by<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    let key = message.key().filter(|key| key.len() <= KEY_MAX).and_then(|key| std::str::from_utf8(key).ok())?;
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'.' | b'_'));
    (plain && key.bytes().any(|b| b.is_ascii_digit())).then_some(key)
}

/// The trace the record came with, or one made from its place, which a second try finds again.
pub(super) fn trace_of(message: &Message<'_>, headers: &Headers) -> TraceContext {
    let sent = headers.iter().find(|(name, _)| name == "traceparent").and_then(|(_, v)| std::str::from_utf8(v).ok());
    sent.and_then(TraceContext::parse)
        .unwrap_or_else(|| TraceContext::root(&format!("{}/{}/{}", message.topic(), message.partition(), message.offset())))
}
