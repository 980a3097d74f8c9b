//! Reads a partition of a changelog from an offset to its last committed record.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::{Error, KafkaSettings};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// A reader outside the group.
pub struct ChangelogReader {
    inner: BaseConsumer,
}

impl std::fmt::Debug for ChangelogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChangelogReader")
    }
}

impl ChangelogReader {
    /// A reader for these settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, Error> {
        Ok(Self { inner: settings.reader().create()? })
    }

    /// First offset and the one after the last.
    pub fn bounds(&self, topic: &str, partition: i32, timeout: Duration) -> Result<(i64, i64), Error> {
        Ok(self.inner.fetch_watermarks(topic, partition, timeout)?)
    }

    /// Hands every committed record from `from` on to `visit` (key, value, offset) until the end that can be read
    /// now; returns how many there were. `polls_max` bounds the waiting between two records, 100 ms each.
    pub fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        polls_max: u32,
        mut visit: impl FnMut(&[u8], Option<&[u8]>, i64),
    ) -> Result<u64, Error> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(topic, partition, Offset::Offset(from))?;
        self.inner.assign(&list)?;
        let mut count = 0;
        let mut idle = 0;
        let outcome = loop {
            match self.inner.poll(POLL) {
                Some(Ok(message)) => {
                    idle = 0;
                    count += 1;
                    visit(message.key().unwrap_or_default(), message.payload(), message.offset());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break Ok(count),
                Some(Err(error)) if idle >= polls_max => break Err(error.into()),
                None if idle >= polls_max => break Err(Error::Away("the changelog could not be read to its end".into())),
                Some(Err(_)) | None => idle += 1,
            }
        };
        self.inner.unassign()?;
        outcome
    }
}
