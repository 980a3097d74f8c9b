//! Reads whole records of a partition, outside any group, to the end that it has now.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::{Error, KafkaSettings, Message, Quiet};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);
/// Longest question for metadata and offsets.
const CALL: Duration = Duration::from_secs(10);

/// A reader outside the group.
pub struct RecordReader {
    inner: BaseConsumer<Quiet>,
}

impl std::fmt::Debug for RecordReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordReader")
    }
}

impl RecordReader {
    /// A reader for these settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, Error> {
        let mut config = settings.reader();
        // The end of a partition is told with an answer that has no records in it: brokers hold it back for so long.
        config.set("fetch.wait.max.ms", "20");
        Ok(Self { inner: config.create_with_context(Quiet)? })
    }

    /// How many partitions a topic has; `None` where there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, Error> {
        let metadata = self.inner.fetch_metadata(Some(topic), CALL)?;
        let count = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none()).map(|t| t.partitions().len());
        Ok(count.and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0))
    }

    /// First offset of a partition, and the one behind its last.
    pub fn bounds(&self, topic: &str, partition: i32) -> Result<(i64, i64), Error> {
        Ok(self.inner.fetch_watermarks(topic, partition, CALL)?)
    }

    /// Goes to an offset of a partition, or to the first one after it that is still there. Returns the offset behind the last
    /// record, `None` where nothing is left to read: reading up to it ends, however much is written meanwhile.
    pub fn seek(&self, topic: &str, partition: i32, from: i64) -> Result<Option<i64>, Error> {
        let (first, end) = self.bounds(topic, partition)?;
        if from.max(first) >= end {
            return Ok(None);
        }
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(topic, partition, Offset::Offset(from.max(first)))?;
        self.inner.assign(&list)?;
        Ok(Some(end))
    }

    /// The next committed record before `end`, `None` behind the last one. Waits at most `polls_max` times 100 ms for it.
    pub fn next(&self, end: i64, polls_max: u32) -> Result<Option<Message<'_>>, Error> {
        for poll in 0..=polls_max {
            match self.inner.poll(POLL) {
                Some(Ok(message)) if message.offset() < end => return Ok(Some(Message::from(message))),
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {
                    // Nothing is fetched ahead for nobody.
                    self.inner.unassign()?;
                    return Ok(None);
                }
                Some(Err(error)) if poll == polls_max => return Err(error.into()),
                Some(Err(_)) | None => {}
            }
        }
        Err(Error::Away("the partition could not be read to its end".into()))
    }
}
