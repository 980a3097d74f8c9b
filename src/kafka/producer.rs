//! The transactional producer of an instance: what it sends is seen whole or not at all.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::{Error, GroupConsumer, KafkaSettings};

/// Longest one call to the transaction coordinator may take before it is asked again. Short enough for a service that waits
/// for its brokers to hear that it shall stop.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest the coordinator's answer about offsets is waited for. librdkafka takes a time-out for that call and does not look at
/// it: where the group's coordinator went away at the wrong moment it never returns (librdkafka issues 5456 and 5511, both open).
const OFFSETS_MAX: Duration = Duration::from_secs(15);
/// How often a call that may be resumed is resumed before the transaction is given up.
const RESUMES_MAX: u32 = 6;
/// Pause between two looks at a producer's queue. rdkafka's own `poll` with a time-out of a millisecond does not sleep: it
/// spins until the millisecond is over, and takes the processor away from a broker beside it.
pub(super) const LOOK_PAUSE: Duration = Duration::from_micros(500);
/// How often the queue is looked at before a transaction is given up: ten seconds, and more on a machine that is busy.
/// Brokers that need longer are waited for without a transaction.
const LOOKS_MAX: u32 = 20_000;

/// A record to be sent.
#[derive(Debug)]
pub struct OutRecord<'a> {
    /// Topic with prefix.
    pub topic: &'a str,
    /// A given partition, or by key.
    pub partition: Option<i32>,
    /// Key, where it has one.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in their order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Record timestamp, milliseconds; now where `None`.
    pub timestamp_ms: Option<i64>,
    /// The offset it gets is reported by [`TransactionalProducer::commit`].
    pub report_offset: bool,
}

/// Kept headers as [`OutRecord`] takes them.
#[must_use]
pub fn borrowed(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Where the group will stand when the transaction is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Topic with prefix.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to be read.
    pub next: i64,
    /// What is committed beside it.
    pub metadata: String,
}

#[derive(Default)]
struct Deliveries {
    failure: Option<KafkaError>,
    offsets: HashMap<i32, i64>,
}

#[derive(Default)]
struct DeliveryContext {
    deliveries: Mutex<Deliveries>,
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        super::admin::log(level, fac, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_client_error", error = %error, reason);
    }
}

impl ProducerContext for DeliveryContext {
    /// 1 where the offset is to be reported.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, report_offset: usize) {
        let Ok(mut deliveries) = self.deliveries.lock() else { return };
        match result {
            Ok(message) if report_offset == 1 => {
                let last = deliveries.offsets.entry(message.partition()).or_insert(-1);
                *last = message.offset().max(*last);
            }
            // The first says why; what is purged after it says only that it was purged.
            Err((error, _)) if deliveries.failure.is_none() => deliveries.failure = Some(error.clone()),
            _ => {}
        }
    }
}

/// One per instance, used by one thread.
pub struct TransactionalProducer {
    inner: Arc<BaseProducer<DeliveryContext>>,
    /// Whether a transaction is open: to abort none is an error that no patience mends.
    open: Cell<bool>,
}

impl std::fmt::Debug for TransactionalProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TransactionalProducer")
    }
}

impl TransactionalProducer {
    /// Registers the instance's id with the coordinator: its predecessor is fenced and its open transaction aborted.
    pub fn init(settings: &KafkaSettings) -> Result<Self, Error> {
        let inner: BaseProducer<DeliveryContext> = settings.producer().create_with_context(DeliveryContext::default())?;
        inner.init_transactions(CALL_TIMEOUT).map_err(aborting)?;
        Ok(Self { inner: Arc::new(inner), open: Cell::new(false) })
    }

    /// Opens a transaction.
    pub fn begin(&self) -> Result<(), Error> {
        if let Ok(mut deliveries) = self.inner.context().deliveries.lock() {
            *deliveries = Deliveries::default();
        }
        self.inner.begin_transaction()?;
        self.open.set(true);
        Ok(())
    }

    /// Hands a record to the open transaction; waits while the queue is full.
    pub fn send(&self, record: &OutRecord<'_>) -> Result<(), Error> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header { key, value: Some(*value) });
        }
        let mut base = BaseRecord::with_opaque_to(record.topic, usize::from(record.report_offset)).headers(headers);
        if let Some(key) = record.key {
            base = base.key(key);
        }
        if let Some(value) = record.value {
            base = base.payload(value);
        }
        if let Some(partition) = record.partition {
            base = base.partition(partition);
        }
        if let Some(timestamp) = record.timestamp_ms {
            base = base.timestamp(timestamp);
        }
        for _ in 0..LOOKS_MAX {
            match self.inner.send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    base = back;
                    self.inner.poll(Duration::ZERO);
                    std::thread::sleep(LOOK_PAUSE);
                }
                Err((error, _)) => return Err(aborting(error)),
            }
        }
        Err(Error::Abort("the producer's queue stayed full".into()))
    }

    /// Commits what was sent together with the group's positions. Returns, per partition, the last offset of the
    /// records whose offset was to be reported.
    pub fn commit(&self, positions: &[Position], consumer: &GroupConsumer) -> Result<HashMap<i32, i64>, Error> {
        self.drain()?;
        let group = consumer.group_metadata().ok_or_else(|| Error::Abort("no group membership".into()))?;
        if !positions.is_empty() {
            self.send_offsets(positions, Arc::new(group))?;
        }
        self.end()?;
        let deliveries = self.inner.context().deliveries.lock();
        Ok(deliveries.map(|mut d| std::mem::take(&mut d.offsets)).unwrap_or_default())
    }

    pub(super) fn send_offsets(&self, positions: &[Position], group: Arc<ConsumerGroupMetadata>) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for p in positions {
            list.add_partition_offset(&p.topic, p.partition, Offset::Offset(p.next))?;
        }
        for p in positions {
            if let Some(mut element) = list.find_partition(&p.topic, p.partition) {
                element.set_metadata(&p.metadata);
            }
        }
        resume(|| self.ask_for_offsets(list.clone(), group.clone()))
    }

    /// In a thread of its own, which is left behind where it does not return: then only the end of the process helps.
    fn ask_for_offsets(&self, list: TopicPartitionList, group: Arc<ConsumerGroupMetadata>) -> Result<Result<(), KafkaError>, Error> {
        let producer = self.inner.clone();
        let (tell, told) = sync_channel(1);
        let asking = std::thread::Builder::new().name("offsets".to_owned()).spawn(move || {
            // Nobody hears it when it took too long.
            let _ = tell.send(producer.send_offsets_to_transaction(&list, &group, CALL_TIMEOUT));
        });
        asking.map_err(|e| Error::Abort(format!("no thread: {e}")))?;
        told.recv_timeout(OFFSETS_MAX).map_err(|_| Error::Fatal("librdkafka does not return from sending offsets".into()))
    }

    /// Commits without positions: for who reads outside any group.
    pub fn commit_empty(&self) -> Result<(), Error> {
        self.drain()?;
        self.end()
    }

    fn end(&self) -> Result<(), Error> {
        resume(|| Ok(self.inner.commit_transaction(CALL_TIMEOUT)))?;
        self.open.set(false);
        Ok(())
    }

    /// Aborts once everything sent has reached the broker.
    pub(super) fn abort_after_delivery(&self) -> Result<(), Error> {
        self.drain()?;
        self.abort()
    }

    /// Throws away what was sent since [`Self::begin`]; nothing where no transaction is open.
    pub fn abort(&self) -> Result<(), Error> {
        if !self.open.get() {
            return Ok(());
        }
        self.inner.purge(PurgeConfig::default().queue().inflight());
        for _ in 0..RESUMES_MAX {
            // librdkafka waits in its abort until somebody has taken the reports of what was purged.
            self.take_reports();
            match self.inner.abort_transaction(CALL_TIMEOUT) {
                Ok(()) => {
                    self.open.set(false);
                    return Ok(());
                }
                Err(KafkaError::Transaction(e)) if e.is_retriable() && !e.is_fatal() => {}
                Err(error) => {
                    return Err(match aborting(error) {
                        Error::Abort(text) => Error::Away(text),
                        other => other,
                    });
                }
            }
        }
        Err(Error::Away("the transaction could not be aborted yet".into()))
    }

    fn take_reports(&self) {
        look(&*self.inner, LOOKS_MAX);
    }

    /// Waits until nothing is in flight. rdkafka's own flush inside commit waits in slices of 100 ms, so nothing may be
    /// in flight when it is called.
    fn drain(&self) -> Result<(), Error> {
        self.take_reports();
        let failure = self.inner.context().deliveries.lock().ok().and_then(|d| d.failure.clone());
        match failure {
            Some(error) => Err(aborting(error)),
            None if self.inner.in_flight_count() > 0 => Err(Error::Abort("records stayed in flight".into())),
            None => Ok(()),
        }
    }
}

/// Takes delivery reports until nothing is in flight, looking at most so often.
pub(super) fn look<C: ProducerContext>(producer: &BaseProducer<C>, looks_max: u32) {
    for _ in 0..looks_max {
        producer.poll(Duration::ZERO);
        if producer.in_flight_count() == 0 {
            break;
        }
        std::thread::sleep(LOOK_PAUSE);
    }
}

/// An error of the open transaction: fatal stays fatal, a refusal stays a refusal, everything else costs this transaction.
fn aborting(error: KafkaError) -> Error {
    match Error::from(error) {
        Error::Away(text) => Error::Abort(text),
        other => other,
    }
}

/// Calls again while librdkafka says that the same call may be resumed. When that does not end, the transaction's fate is not
/// known, and librdkafka allows no other call: the process ends, and its successor's registration settles the transaction.
fn resume(mut call: impl FnMut() -> Result<Result<(), KafkaError>, Error>) -> Result<(), Error> {
    let mut last = String::new();
    for _ in 0..RESUMES_MAX {
        match call()? {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(e)) if e.is_retriable() && !e.is_fatal() && !e.txn_requires_abort() => last = e.to_string(),
            Err(error) => return Err(aborting(error)),
        }
    }
    Err(Error::Fatal(format!("the transaction coordinator does not answer: {last}")))
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::{MockCluster, MockCoordinator};

    use super::*;

    /// Seen with real brokers that were stopped while a transaction was being committed: the call has no end of its own.
    #[test]
    fn a_coordinator_that_goes_away_ends_the_process_and_does_not_hold_it() {
        let cluster = MockCluster::new(2).expect("a cluster");
        cluster.create_topic("in", 1, 1).expect("a topic");
        let settings = KafkaSettings {
            brokers: cluster.bootstrap_servers(),
            group: "tracker".to_owned(),
            instance_id: "0".to_owned(),
            assignor: "range".to_owned(),
            group_instance_id: None,
            transaction_timeout: Duration::from_mins(1),
            session_timeout: Duration::from_secs(6),
            max_poll_interval: Duration::from_mins(1),
            properties: std::collections::BTreeMap::new(),
        };
        cluster.coordinator(MockCoordinator::Transaction(settings.transactional_id()), 1).expect("set");
        cluster.coordinator(MockCoordinator::Group(settings.group.clone()), 2).expect("set");
        let producer = TransactionalProducer::init(&settings).expect("registered");
        let consumer = GroupConsumer::subscribe(&settings, &["in".to_owned()]).expect("a member");
        let position = Position { topic: "in".to_owned(), partition: 0, next: 1, metadata: String::new() };
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while consumer.take_changes().is_empty() {
            assert!(std::time::Instant::now() < deadline, "the group does not form");
            let _ = consumer.poll(Duration::from_millis(100));
        }
        producer.begin().expect("open");
        producer.commit(std::slice::from_ref(&position), &consumer).expect("the coordinator is known and answers");

        producer.begin().expect("open");
        cluster.broker_down(2).expect("down");
        let started = std::time::Instant::now();
        let committed = producer.commit(std::slice::from_ref(&position), &consumer);
        assert!(matches!(committed, Err(Error::Fatal(_))), "{committed:?}");
        assert!(started.elapsed() < OFFSETS_MAX * 2, "{:?}", started.elapsed());
    }
}
