//! The settings as types. Meanings and defaults stand in `default.yaml`, where operators read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::finance::FinanceConfig;
use super::log::LogConfig;
use super::secret::{Secret, text};

/// Everything. Values have been checked by `load`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cluster and how we work with it.
    pub kafka: KafkaConfig,
    /// The schema registry.
    pub registry: RegistryConfig,
    /// Local memory.
    pub store: StoreConfig,
    /// The window of `/metrics` and health.
    pub http: HttpConfig,
    /// The log.
    pub log: LogConfig,
    /// Who sends raw messages.
    pub carriers: CarriersConfig,
    /// Which Odoo databases there are.
    pub odoo: OdooConfig,
    /// When silence becomes an exception.
    pub tracker: TrackerConfig,
    /// Whose freight is reckoned, and how.
    pub finance: FinanceConfig,
}

/// The `kafka` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Comma-separated `host:port` list.
    pub brokers: String,
    /// Before every topic and group of ours.
    #[serde(deserialize_with = "text")]
    pub prefix: String,
    /// Stable id of this instance.
    #[serde(deserialize_with = "text")]
    pub instance_id: String,
    /// Static membership; empty when not used.
    #[serde(deserialize_with = "text")]
    pub group_instance_id: String,
    /// How partitions are shared out.
    pub assignor: Assignor,
    /// Most records of one transaction.
    pub batch_records: usize,
    /// A transaction is committed after so many milliseconds.
    pub batch_ms: u64,
    /// Milliseconds after which the broker aborts an open transaction.
    pub transaction_timeout_ms: u64,
    /// Milliseconds of silence after which a member is put out.
    pub session_timeout_ms: u64,
    /// Milliseconds without a poll after which a member is put out.
    pub max_poll_interval_ms: u64,
    /// Whether the cluster is examined at start.
    pub probe: bool,
    /// Further librdkafka properties; all are treated as secrets, because some are.
    pub properties: BTreeMap<String, Secret>,
}

impl KafkaConfig {
    /// A topic or group name of ours with the configured prefix.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name without our prefix; `None` when it is not one of ours.
    pub fn unprefixed<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix.as_str())
    }
}

/// How a group shares out partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignor {
    /// Equal partition numbers of all topics go to one member.
    Range,
    /// Few partitions move at a rebalance.
    CooperativeSticky,
}

impl Assignor {
    /// As librdkafka calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}

/// The `registry` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Base URL, no credentials in it.
    pub url: String,
    /// User of basic authentication; empty for none.
    #[serde(deserialize_with = "text")]
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// The `store` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Directory of all stores of this instance.
    pub dir: PathBuf,
    /// How long events are remembered, days.
    pub window_days: u32,
    /// Cache of the store, MiB.
    pub cache_mib: u32,
}

impl StoreConfig {
    /// How long events are remembered.
    pub fn window(&self) -> Duration {
        hours(u64::from(self.window_days) * 24)
    }
}

/// The `http` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// `address:port` to listen on; port 0 takes a free one.
    pub listen: String,
}

/// The `carriers` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarriersConfig {
    /// Directory of the files that describe further sources; empty for none.
    pub dir: PathBuf,
    /// By id of the source, which is also the name of its dialect.
    pub sources: BTreeMap<String, SourceConfig>,
}

impl CarriersConfig {
    /// Where further sources are described, if anywhere.
    pub fn directory(&self) -> Option<&Path> {
        Some(self.dir.as_path()).filter(|dir| !dir.as_os_str().is_empty())
    }

    /// The source that sends to a topic (without prefix).
    pub fn source_of(&self, topic: &str) -> Option<(&str, &SourceConfig)> {
        self.sources.iter().find(|(_, source)| source.topic == topic).map(|(id, source)| (id.as_str(), source))
    }
}

/// One source of raw messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Its topic, without prefix.
    #[serde(default)]
    pub topic: String,
    /// IANA name of the zone of wall clocks of which nothing is said (`domain::time::zone` reads it).
    #[serde(default)]
    pub account_zone: Option<String>,
    /// Largest message, bytes.
    #[serde(default = "body_bytes_max")]
    pub body_bytes_max: usize,
    /// ISO 4217 code of the account's currency, for billing files and charges that tell none.
    #[serde(default)]
    pub currency: Option<String>,
    /// The Odoo instance that notices of what was shipped belong to, where there is more than one.
    #[serde(default)]
    pub odoo_instance: Option<String>,
    /// Which messages have to prove that they are genuine.
    #[serde(default)]
    pub verify: Verify,
    /// What they are proven with, by names of the operator's own. Each of them counts, so that one can follow another.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// HTTP header of the signature or token, where it is not the source's usual one.
    #[serde(default)]
    pub signature_header: Option<String>,
    /// Farthest that a signed time may lie from the time of receipt, seconds.
    #[serde(default = "signature_age_max_s")]
    pub signature_age_max_s: u64,
    /// The share of unknown codes from which on its hour is an exception, percent, where it is not `tracker.unknown_percent`.
    #[serde(default)]
    pub unknown_percent: Option<u32>,
}

fn body_bytes_max() -> usize {
    4 << 20
}

fn signature_age_max_s() -> u64 {
    300
}

/// Which messages of a source have to prove that they are genuine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// All: what is not proven is parked.
    Required,
    /// Those that come with a proof and for which there is a secret: what is wrong is parked, the rest is published as unverified.
    #[default]
    WhenSigned,
    /// None: everything is published as unverified.
    Never,
}

/// The `odoo` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OdooConfig {
    /// By the name that is part of every delivery key.
    pub instances: BTreeMap<String, OdooInstance>,
    /// Calls in flight for each instance.
    pub concurrency: usize,
    /// Deadline of one call, milliseconds.
    pub call_timeout_ms: u64,
    /// Longest that a call we gave up may still run in Odoo, milliseconds: its `limit_time_real`.
    pub settle_ms: u64,
    /// Effects that may be started per second, for each instance.
    pub effects_per_second: u32,
}

/// One Odoo database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OdooInstance {
    /// Base URL.
    #[serde(default)]
    pub url: String,
    /// Database name.
    #[serde(default)]
    pub database: String,
    /// Login of the user who owns the key; versions before 19 need it.
    #[serde(default)]
    pub login: String,
    /// API key.
    #[serde(default)]
    pub api_key: Secret,
    /// Topic of Odoo's webhooks, when it is not `raw.odoo.<name>`.
    #[serde(default)]
    pub webhook_topic: Option<String>,
    /// Patterns of whole names of Debezium's topics (as on the cluster: our prefix is not put before them).
    #[serde(default)]
    pub debezium_topics: Vec<String>,
    /// Language of notes, as Odoo writes it: `en_US`.
    #[serde(default = "language")]
    pub language: String,
    /// Carrier code by name of the delivery method.
    #[serde(default)]
    pub carriers: BTreeMap<String, String>,
    /// Company of records that do not tell theirs, for webhooks set up without `company_id`.
    #[serde(default)]
    pub default_company: Option<i64>,
    /// ISO 4217 code of a company's currency, by company id: Odoo's freight price has no currency of its own.
    #[serde(default)]
    pub company_currencies: BTreeMap<i64, String>,
    /// User who gets activities; without it, the one responsible for the picking.
    #[serde(default)]
    pub activity_user_id: Option<i64>,
}

impl OdooInstance {
    /// Topic of the webhooks of the instance called `name`, without prefix.
    pub fn webhook_topic(&self, name: &str) -> String {
        self.webhook_topic.clone().unwrap_or_else(|| format!("raw.odoo.{name}"))
    }
}

fn language() -> String {
    "en_US".to_owned()
}

/// The `tracker` section.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackerConfig {
    /// Hours until a number without a delivery is an exception.
    pub unassigned_after_hours: u64,
    /// Hours of silence until a shipment under way is an exception.
    pub silent_after_hours: u64,
    /// Hours until a delivery without proof is an exception.
    pub pod_missing_after_hours: u64,
    /// The share of a source's events in an hour with codes that no table knows from which on that is an exception, percent.
    pub unknown_percent: u32,
    /// Fewest events of a source in an hour that say anything of it.
    pub unknown_events_min: u32,
}

impl TrackerConfig {
    /// See `unassigned_after_hours`.
    pub fn unassigned_after(&self) -> Duration {
        hours(self.unassigned_after_hours)
    }

    /// See `silent_after_hours`.
    pub fn silent_after(&self) -> Duration {
        hours(self.silent_after_hours)
    }

    /// See `pod_missing_after_hours`.
    pub fn pod_missing_after(&self) -> Duration {
        hours(self.pod_missing_after_hours)
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(3600))
}
