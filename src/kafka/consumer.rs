//! A member of a consumer group that owns its positions: nothing is committed behind the engine's back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::{Error, KafkaSettings};

/// A change of what this member is assigned, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentChange {
    /// The group gives us these partitions. Nothing flows before [`GroupConsumer::take_up`].
    Assigned(Vec<(String, i32)>),
    /// These partitions are no longer ours. `lost`: another may own them already.
    Revoked {
        /// Topic and partition.
        partitions: Vec<(String, i32)>,
        /// The session ran out before we knew.
        lost: bool,
    },
}

/// Where a group stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to be read; `None` where nothing was committed.
    pub offset: Option<i64>,
    /// What was committed beside it.
    pub metadata: String,
}

/// A consumed record, borrowed from librdkafka.
#[derive(Debug)]
pub struct Message<'a>(BorrowedMessage<'a>);

impl<'a> From<BorrowedMessage<'a>> for Message<'a> {
    fn from(message: BorrowedMessage<'a>) -> Self {
        Self(message)
    }
}

impl Message<'_> {
    /// Topic with prefix.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.0.topic()
    }
    /// Partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }
    /// Offset.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.offset()
    }
    /// Key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }
    /// Value; `None` is a tombstone.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.0.payload()
    }
    /// Record timestamp, UTC microseconds (Kafka keeps milliseconds); 0 where the record has none.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.0.timestamp().to_millis().unwrap_or(0).saturating_mul(1000)
    }
    /// Headers in their order; a null value is read as empty.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let Some(headers) = self.0.headers() else { return Vec::new() };
        headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
    }
}

#[derive(Default)]
struct GroupContext {
    changes: Mutex<Vec<AssignmentChange>>,
    /// The group has given us partitions and waits for our answer.
    offered: AtomicBool,
    /// Nobody takes anything up any more.
    closing: AtomicBool,
}

impl GroupContext {
    fn note(&self, change: AssignmentChange) {
        if let Ok(mut changes) = self.changes.lock() {
            changes.push(change);
        }
    }
}

fn pairs(list: &TopicPartitionList) -> Vec<(String, i32)> {
    list.elements().iter().map(|e| (e.topic().to_owned(), e.partition())).collect()
}

impl ClientContext for GroupContext {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        super::admin::log(level, fac, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_client_error", error = %error, reason);
    }
}

impl ConsumerContext for GroupContext {
    /// What is given is only noted here and answered by [`GroupConsumer::take_up`] with the positions that the group has
    /// committed. To assign here and to pause at once is a race inside librdkafka: the start of a partition may be taken
    /// for outdated, and then it stands still for ever, without an error (librdkafka issues 2190 and 5591).
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if list.count() == 0 || self.closing.load(Ordering::Relaxed) {
                told(answer(consumer, &TopicPartitionList::new()));
            } else {
                self.offered.store(true, Ordering::Relaxed);
            }
            self.note(AssignmentChange::Assigned(pairs(list)));
            return;
        }
        self.note(AssignmentChange::Revoked { partitions: pairs(list), lost: consumer.assignment_lost() });
        // What is given back paused comes back paused.
        told(consumer.resume(list));
        self.offered.store(false, Ordering::Relaxed);
        told(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        });
    }
}

/// Answers what the group has given: from here on these partitions are fetched, and no others of what was given.
fn answer(consumer: &BaseConsumer<GroupContext>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(list),
    }
}

fn told(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(event = "rebalance_failed", %error);
    }
}

/// A member of the service's consumer group. Used by one thread.
pub struct GroupConsumer {
    inner: BaseConsumer<GroupContext>,
}

impl std::fmt::Debug for GroupConsumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupConsumer")
    }
}

impl GroupConsumer {
    /// Joins the group for these topics; a name that begins with `^` is a pattern.
    pub fn subscribe(settings: &KafkaSettings, topics: &[String]) -> Result<Self, Error> {
        let inner: BaseConsumer<GroupContext> = settings.consumer().create_with_context(GroupContext::default())?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        inner.subscribe(&names)?;
        Ok(Self { inner })
    }

    /// The next record, or `None` within the timeout. Rebalances happen in here and only in here.
    pub fn poll(&self, timeout: Duration) -> Option<Result<Message<'_>, Error>> {
        self.inner.poll(timeout).map(|r| r.map(Message).map_err(Error::from))
    }

    /// What has changed since the last call.
    pub fn take_changes(&self) -> Vec<AssignmentChange> {
        self.inner.context().changes.lock().map(|mut c| std::mem::take(&mut *c)).unwrap_or_default()
    }

    /// Fetches from these positions (topic, partition, next offset): what the group has given, or what of it was paused since.
    pub fn take_up(&self, starts: &[(String, i32, i64)], timeout: Duration) -> Result<(), Error> {
        let offered = &self.inner.context().offered;
        if offered.load(Ordering::Relaxed) {
            answer(&self.inner, &positions(starts)?)?;
            offered.store(false, Ordering::Relaxed);
            return Ok(());
        }
        self.seek(starts, timeout)?;
        Ok(self.inner.resume(&positions(starts)?)?)
    }

    /// Takes nothing up of what the group has given, which waits for an answer before it can assign anew.
    pub fn decline(&self) {
        if self.inner.context().offered.swap(false, Ordering::Relaxed) {
            told(answer(&self.inner, &TopicPartitionList::new()));
        }
    }

    /// Stops fetching these partitions.
    pub fn pause(&self, partitions: &[(String, i32)]) -> Result<(), Error> {
        Ok(self.inner.pause(&list_of(partitions))?)
    }

    /// Fetches these partitions again.
    pub fn resume(&self, partitions: &[(String, i32)]) -> Result<(), Error> {
        Ok(self.inner.resume(&list_of(partitions))?)
    }

    /// Goes back to these positions, so that what was not committed is read again.
    pub fn seek(&self, back_to: &[(String, i32, i64)], timeout: Duration) -> Result<(), Error> {
        let result = self.inner.seek_partitions(positions(back_to)?, timeout)?;
        for element in result.elements() {
            element.error()?;
        }
        Ok(())
    }

    /// Where the group stands, waiting for transactions that are still settling.
    pub fn committed(&self, partitions: &[(String, i32)], timeout: Duration) -> Result<Vec<Committed>, Error> {
        let list = self.inner.committed_offsets(list_of(partitions), timeout)?;
        let mut committed = Vec::with_capacity(partitions.len());
        for element in list.elements() {
            element.error()?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            committed.push(Committed {
                topic: element.topic().to_owned(),
                partition: element.partition(),
                offset,
                metadata: element.metadata().to_owned(),
            });
        }
        Ok(committed)
    }

    /// First and next offset of a partition.
    pub fn watermarks(&self, topic: &str, partition: i32, timeout: Duration) -> Result<(i64, i64), Error> {
        Ok(self.inner.fetch_watermarks(topic, partition, timeout)?)
    }

    /// Generation and member id, by which the broker fences a zombie (KIP-447). Fresh for every commit.
    pub(crate) fn group_metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.inner.group_metadata()
    }

    /// Whether the group has given our partitions away.
    pub fn assignment_lost(&self) -> bool {
        self.inner.assignment_lost()
    }

    /// Everything assigned now.
    pub fn assignment(&self) -> Result<Vec<(String, i32)>, Error> {
        Ok(pairs(&self.inner.assignment()?))
    }

    /// Id of the cluster, where the broker tells it.
    pub fn cluster_id(&self, timeout: Duration) -> Option<String> {
        self.inner.client().fetch_cluster_id(timeout)
    }

    /// Leaves the group.
    pub fn leave(&self) {
        self.close();
        self.inner.unsubscribe();
    }

    /// librdkafka does not end before everything it has given is answered.
    fn close(&self) {
        self.inner.context().closing.store(true, Ordering::Relaxed);
        self.decline();
    }
}

impl Drop for GroupConsumer {
    fn drop(&mut self) {
        self.close();
    }
}

fn positions(of: &[(String, i32, i64)]) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::with_capacity(of.len());
    for (topic, partition, offset) in of {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}

fn list_of(partitions: &[(String, i32)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
