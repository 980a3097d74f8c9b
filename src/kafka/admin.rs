//! What `waybill topics` needs of the brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication};

use super::{Error, KafkaSettings, Quiet};

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualTopicState {
    /// Name with prefix.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Settings of the topic, as the broker reports them.
    pub configs: BTreeMap<String, String>,
}

/// Administrative calls.
pub struct Admin {
    inner: AdminClient<Quiet>,
    timeout: Duration,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    /// A client whose every call ends within `timeout`.
    pub fn new(settings: &KafkaSettings, timeout: Duration) -> Result<Self, Error> {
        Ok(Self { inner: settings.base().create_with_context(Quiet)?, timeout })
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().operation_timeout(Some(self.timeout)).request_timeout(Some(self.timeout))
    }

    /// Id of the cluster, where the broker tells it.
    pub fn cluster_id(&self) -> Option<String> {
        self.inner.inner().fetch_cluster_id(self.timeout)
    }

    /// First and next offset of a partition.
    pub fn bounds(&self, topic: &str, partition: i32) -> Result<(i64, i64), Error> {
        Ok(self.inner.inner().fetch_watermarks(topic, partition, self.timeout)?)
    }

    /// Names and partition counts of all topics.
    pub fn partition_counts(&self) -> Result<BTreeMap<String, i32>, Error> {
        let metadata = self.inner.inner().fetch_metadata(None, self.timeout)?;
        let count = |t: &rdkafka::metadata::MetadataTopic| i32::try_from(t.partitions().len()).unwrap_or(i32::MAX);
        Ok(metadata.topics().iter().map(|t| (t.name().to_owned(), count(t))).collect())
    }

    /// Those of the named topics that exist, with their settings.
    pub async fn topics(&self, names: &[String]) -> Result<Vec<ActualTopicState>, Error> {
        let counts = self.partition_counts()?;
        let existing: Vec<&String> = names.iter().filter(|n| counts.contains_key(*n)).collect();
        let specifiers: Vec<ResourceSpecifier<'_>> = existing.iter().map(|n| ResourceSpecifier::Topic(n)).collect();
        if specifiers.is_empty() {
            return Ok(Vec::new());
        }
        let described = self.inner.describe_configs(&specifiers, &self.options()).await?;
        let mut topics = Vec::with_capacity(existing.len());
        for (name, resource) in existing.into_iter().zip(described) {
            let resource = resource.map_err(|code| Error::Away(format!("{name}: {code}")))?;
            let configs = resource.entries.into_iter().filter_map(|e| e.value.map(|v| (e.name, v))).collect();
            topics.push(ActualTopicState { name: name.clone(), partitions: counts.get(name).copied().unwrap_or(0), configs });
        }
        Ok(topics)
    }

    /// Creates a topic; one that exists already is no error.
    pub async fn create(&self, name: &str, partitions: i32, replication: i32, configs: &BTreeMap<String, String>) -> Result<(), Error> {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
        for (key, value) in configs {
            topic = topic.set(key, value);
        }
        let results = self.inner.create_topics(&[topic], &self.options()).await?;
        for result in results {
            match result {
                Ok(_) | Err((_, rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(Error::Refused(format!("{topic}: {code}"))),
            }
        }
        Ok(())
    }

    /// Sets these settings of a topic and leaves its others as they are.
    pub async fn alter(&self, name: &str, configs: &BTreeMap<String, String>) -> Result<(), Error> {
        // The call replaces all that was set for the topic, so what is set already goes with it.
        let mut all = BTreeMap::new();
        for resource in self.inner.describe_configs(&[ResourceSpecifier::Topic(name)], &self.options()).await? {
            let entries = resource.map_err(|code| Error::Away(format!("{name}: {code}")))?.entries;
            all.extend(entries.into_iter().filter(|e| e.source == ConfigSource::DynamicTopic).filter_map(|e| e.value.map(|v| (e.name, v))));
        }
        all.extend(configs.clone());
        let mut alter = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in &all {
            alter = alter.set(key, value);
        }
        for result in self.inner.alter_configs(&[alter], &self.options()).await? {
            result.map_err(|(_, code)| Error::Refused(format!("{name}: {code}")))?;
        }
        Ok(())
    }
}

/// librdkafka's own lines: warnings of a client that reconnects are no news, errors are.
pub(super) fn log(level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
    use rdkafka::config::RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical => tracing::error!(event = "librdkafka", facility, message),
        L::Error | L::Warning => tracing::debug!(event = "librdkafka", facility, message),
        _ => tracing::trace!(event = "librdkafka", facility, message),
    }
}
