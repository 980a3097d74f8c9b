//! A member of a consumer group that owns its positions: nothing is committed behind the engine's back.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::{Error, KafkaSettings};

/// A change of what this member is assigned, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentChange {
    /// These partitions are ours now; they are paused until the engine resumes them.
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

struct GroupContext {
    changes: Mutex<Vec<AssignmentChange>>,
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
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.note(AssignmentChange::Revoked { partitions: pairs(list), lost: consumer.assignment_lost() });
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // Nothing flows before the memory of a partition has been brought up.
            if let Err(error) = consumer.pause(list) {
                tracing::warn!(event = "pause_failed", %error);
            }
            self.note(AssignmentChange::Assigned(pairs(list)));
        }
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
        let inner: BaseConsumer<GroupContext> =
            settings.consumer().create_with_context(GroupContext { changes: Mutex::new(Vec::new()) })?;
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

    /// Stops fetching these partitions.
    pub fn pause(&self, partitions: &[(String, i32)]) -> Result<(), Error> {
        Ok(self.inner.pause(&list_of(partitions))?)
    }

    /// Fetches these partitions again.
    pub fn resume(&self, partitions: &[(String, i32)]) -> Result<(), Error> {
        Ok(self.inner.resume(&list_of(partitions))?)
    }

    /// Goes back to these positions, so that what was not committed is read again.
    pub fn seek(&self, positions: &[(String, i32, i64)], timeout: Duration) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (topic, partition, offset) in positions {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        let result = self.inner.seek_partitions(list, timeout)?;
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
        self.inner.unsubscribe();
    }
}

fn list_of(partitions: &[(String, i32)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
