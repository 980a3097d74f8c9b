//! Client settings made from the configuration, with what our guarantee needs set last.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

/// What a service needs to know of Kafka.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port`, comma separated.
    pub brokers: String,
    /// Consumer group, which is also the first part of `transactional.id`.
    pub group: String,
    /// Stable name of this instance: the second part of `transactional.id`. Never random: a successor must fence its predecessor.
    pub instance_id: String,
    /// `range` (joined inputs need it) or `cooperative-sticky`.
    pub assignor: String,
    /// Static membership, where wanted.
    pub group_instance_id: Option<String>,
    /// Longest a transaction may stay open.
    pub transaction_timeout: Duration,
    /// Silence after which the group gives our partitions to another.
    pub session_timeout: Duration,
    /// Longest between two polls.
    pub max_poll_interval: Duration,
    /// Extra librdkafka properties: security, compression, tuning.
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// `transactional.id` of this instance.
    #[must_use]
    pub fn transactional_id(&self) -> String {
        format!("{}-{}", self.group, self.instance_id)
    }

    /// The properties that librdkafka does not take, with the reason. Values may be secrets and are not repeated.
    #[must_use]
    pub fn refused(&self) -> Vec<(&str, &'static str)> {
        let reason = |(name, value): (&'_ String, &'_ String)| {
            let error = ClientConfig::new().set(name, value).create_native_config().err()?;
            Some(match error {
                KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => "librdkafka has no such property",
                _ => "librdkafka does not take this value",
            })
        };
        self.properties.iter().filter_map(|(name, value)| Some((name.as_str(), reason((name, value))?))).collect()
    }

    /// What every client has in common.
    pub(crate) fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", self.transactional_id());
        config.set("log.connection.close", "false");
        config.set("reconnect.backoff.max.ms", "2000");
        config
    }

    /// A member of the service's consumer group.
    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("isolation.level", "read_committed");
        config.set("auto.offset.reset", "earliest");
        config.set("partition.assignment.strategy", &self.assignor);
        config.set("session.timeout.ms", self.session_timeout.as_millis().to_string());
        config.set("max.poll.interval.ms", self.max_poll_interval.as_millis().to_string());
        config.set("topic.metadata.refresh.interval.ms", "10000");
        limit_buffers(&mut config);
        if let Some(id) = &self.group_instance_id {
            config.set("group.instance.id", id);
        }
        config
    }

    /// Reads one partition from an offset, outside any group.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("group.id", format!("{}.reader", self.group));
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("isolation.level", "read_committed");
        config.set("auto.offset.reset", "earliest");
        config.set("enable.partition.eof", "true");
        limit_buffers(&mut config);
        config
    }

    /// The instance's transactional producer. The partitioner is the Java client's, so that keys written by others meet ours.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.base();
        if !self.properties.contains_key("compression.codec") {
            config.set("compression.codec", "lz4");
        }
        config.set("transactional.id", self.transactional_id());
        config.set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string());
        config.set("message.timeout.ms", self.transaction_timeout.as_millis().to_string());
        config.set("enable.idempotence", "true");
        config.set("linger.ms", "1");
        config.set("partitioner", "murmur2_random");
        config.set("message.max.bytes", MESSAGE_BYTES_MAX);
        config.set("queue.buffering.max.messages", "100000");
        config.set("queue.buffering.max.kbytes", "131072");
        config
    }
}

/// Above the largest raw record (16 MiB) with its headers, so that it can be dead-lettered whole.
const MESSAGE_BYTES_MAX: &str = "18874368";

/// librdkafka's defaults hold 64 MB per consumer and wait a second when its queue is full.
fn limit_buffers(config: &mut ClientConfig) {
    config.set("queued.min.messages", "10000");
    config.set("queued.max.messages.kbytes", "16384");
    config.set("fetch.queue.backoff.ms", "20");
    config.set("fetch.message.max.bytes", "1048576");
}
