//! The cluster's topics against those of `topics.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::topics::{ActualTopic, TopicChange, TopicSchema, Topics, TopicsError};
use crate::config::{Assignor, Config};
use crate::kafka::{self, Admin};
use crate::services::settings::kafka_settings;

/// Longest one administrative call takes.
const CALL: Duration = Duration::from_secs(15);
/// How often the cluster is asked whether it shows what was applied, and how long it is left in peace between.
const SHOWN_TRIES: u32 = 300;
const SHOWN_PAUSE: Duration = Duration::from_millis(100);
/// The brokers' own replication factor (Kafka 2.4 and later).
const REPLICATION_OF_BROKERS: i32 = -1;

/// Why topics can be neither compared nor changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `topics.yaml` cannot be used.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// The cluster is away or refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
}

/// Every topic of this configuration: those of `topics.yaml`, and one of its families for each source and Odoo that is configured
/// under a name of its own.
///
/// # Errors
/// When the file in the binary is wrong.
pub fn wanted(config: &Config) -> Result<Topics, TopicsError> {
    let mut topics = Topics::builtin()?;
    let sources = config.carriers.sources.values().map(|source| ("relay", source.topic.clone()));
    let webhooks = config.odoo.instances.iter().map(|(name, odoo)| ("odoo", odoo.webhook_topic(name)));
    for (owner, name) in sources.chain(webhooks) {
        let like = |topic: &&crate::config::topics::Topic| topic.schema == TopicSchema::Raw && topic.owner == owner;
        if topics.topics.iter().any(|topic| topic.name == name) {
            continue;
        }
        if let Some(mut topic) = topics.topics.iter().find(like).cloned() {
            topic.name = name;
            topics.topics.push(topic);
        }
    }
    Ok(topics)
}

/// What differs on the cluster.
///
/// # Errors
/// The cluster is away or refuses.
pub async fn diff(config: &Config) -> Result<Vec<TopicChange>, Error> {
    compare(&admin(config)?, &wanted(config)?, &config.kafka.prefix).await
}

/// Creates and sets what is safe to create and set; returns what was to be done and what is left after it.
/// `replication` is that of topics that are created; the brokers' own where `None`.
///
/// # Errors
/// The cluster is away or refuses. What was done before stays done; applying again goes on from there.
pub async fn apply(config: &Config, replication: Option<i32>) -> Result<(Vec<TopicChange>, Vec<TopicChange>), Error> {
    let (admin, topics, prefix) = (admin(config)?, wanted(config)?, config.kafka.prefix.as_str());
    let before = compare(&admin, &topics, prefix).await?;
    let mut altered: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for change in before.iter().filter(|change| change.is_applied()) {
        match change {
            TopicChange::Create { name, partitions, configs } => {
                admin.create(name, *partitions, replication.unwrap_or(REPLICATION_OF_BROKERS), configs).await?;
            }
            TopicChange::AddConfig { name, key, value } | TopicChange::AlterConfig { name, key, to: value, .. } => {
                altered.entry(name).or_default().insert(key.clone(), value.clone());
            }
            TopicChange::PartitionMismatch { .. } => {}
        }
    }
    for (name, configs) in altered {
        admin.alter(name, &configs).await?;
    }
    let mut left = compare(&admin, &topics, prefix).await?;
    for _ in 0..SHOWN_TRIES {
        // Brokers take a moment to show what the controller has decided.
        if !left.iter().any(TopicChange::is_applied) {
            break;
        }
        tokio::time::sleep(SHOWN_PAUSE).await;
        left = compare(&admin, &topics, prefix).await?;
    }
    Ok((before, left))
}

fn admin(config: &Config) -> Result<Admin, kafka::Error> {
    Admin::new(&kafka_settings(config, "topics", Assignor::Range), CALL)
}

async fn compare(admin: &Admin, topics: &Topics, prefix: &str) -> Result<Vec<TopicChange>, Error> {
    let names: Vec<String> = topics.topics.iter().filter(|t| !t.is_pattern()).map(|t| format!("{prefix}{}", t.name)).collect();
    let actual: Vec<ActualTopic> = admin
        .topics(&names)
        .await?
        .into_iter()
        .map(|t| ActualTopic { name: t.name, partitions: t.partitions, configs: t.configs })
        .collect();
    Ok(topics.diff(&actual, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_configured_names_are_wanted_too() {
        let environment = [
            (
                "WAYBILL_ODOO__INSTANCES",
                "{main: {url: 'http://odoo', database: d}, other: {url: 'http://o', database: d, webhook_topic: hooks}}",
            ),
            ("WAYBILL_CARRIERS__SOURCES__UPS__TOPIC", "raw.carrier.ups-eu"),
        ];
        let environment: Vec<_> = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = crate::config::load(None, &environment, None).expect("settings").config;
        let topics = wanted(&config).expect("topics");
        for name in ["raw.odoo.main", "hooks", "raw.carrier.ups-eu"] {
            let topic = topics.topics.iter().find(|topic| topic.name == name).expect(name);
            assert!(topic.schema == TopicSchema::Raw && !topic.is_pattern());
        }
        assert_eq!(topics.topics.len(), Topics::builtin().expect("topics").topics.len() + 3);
    }
}
