//! `topics.yaml` as types: every topic, what is wrong with the file, and what would have to change on the brokers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::domain::record::Record;
use crate::schema::registry::Subject;

/// Who may own or read a topic: the services, those planned, and parties outside.
const PARTIES: &[&str] = &[
    "carrier-normalizer",
    "odoo-normalizer",
    "shipment-tracker",
    "odoo-writer",
    "notifier",
    "finance-accrual",
    "waybill",
    "relay",
    "odoo",
    "analytics",
];
/// Most partitions that are believed.
const PARTITIONS_MAX: i32 = 10_000;

/// The file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Path as given.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no such YAML.
    #[error("{path}: {message}")]
    Parse {
        /// Path as given, or `topics.yaml` for the one in the binary.
        path: String,
        /// Where and what.
        message: String,
    },
}

/// What the records of a topic are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicSchema {
    /// Canonical record of this name, as Avro.
    Record(String),
    /// Bytes as received.
    Raw,
    /// Original bytes and headers of what a service cannot use.
    DeadLetter,
    /// A service's memory.
    Changelog,
    /// What the cluster probe writes.
    Probe,
    /// Named, not yet written: never created.
    Planned,
}

impl<'de> Deserialize<'de> for TopicSchema {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match String::deserialize(d)?.as_str() {
            "raw" => Self::Raw,
            "dead-letter" => Self::DeadLetter,
            "changelog" => Self::Changelog,
            "probe" => Self::Probe,
            "planned" => Self::Planned,
            name => Self::Record(name.to_owned()),
        })
    }
}

/// How long records are kept, milliseconds; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(pub Option<i64>);

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "forever" {
            return Ok(Self(None));
        }
        let hours = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(days), _) => days.parse::<u32>().ok().map(|n| i64::from(n) * 24),
            (_, Some(hours)) => hours.parse::<u32>().ok().map(i64::from),
            _ => None,
        };
        let hours = hours.filter(|h| *h > 0).ok_or_else(|| serde::de::Error::custom("not a time such as 30d, 12h or forever"))?;
        Ok(Self(Some(hours * 3_600_000)))
    }
}

/// What brokers do with old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CleanupPolicy {
    /// Deleted after the retention.
    #[serde(rename = "delete")]
    Delete,
    /// The last one of each key is kept.
    #[serde(rename = "compact")]
    Compact,
    /// The last one of each key is kept, for the retention.
    #[serde(rename = "compact,delete")]
    CompactDelete,
}

impl CleanupPolicy {
    /// As brokers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactDelete => "compact,delete",
        }
    }
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Name without prefix; a last part `*` stands for any one part.
    pub name: String,
    /// What it carries, for people.
    pub doc: String,
    /// What the record key is, for people.
    pub key: String,
    /// What the records are.
    pub schema: TopicSchema,
    /// Partitions when created.
    pub partitions: i32,
    /// How long records are kept.
    pub retention: Retention,
    /// What becomes of old records.
    pub cleanup_policy: CleanupPolicy,
    /// Largest record in bytes, where it is not the brokers' default.
    #[serde(default)]
    pub max_message_bytes: Option<u32>,
    /// The one writer, unless `writers` names more.
    pub owner: String,
    /// Who writes beside the owner: facts of its own, which nobody else tells.
    #[serde(default)]
    pub writers: Vec<String>,
    /// Who reads it.
    pub readers: Vec<String>,
    /// Carries personal data.
    pub pii: bool,
    /// Topics of one group have equal partition counts.
    #[serde(default)]
    pub joined_with: Option<String>,
}

impl Topic {
    /// A family of topics rather than one.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.name.ends_with(".*")
    }

    /// Whether a name without prefix is this topic or one of its family.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(stem) => name.strip_prefix(stem).is_some_and(|last| !last.is_empty() && !last.contains('.')),
            None => self.name == name,
        }
    }

    /// Whether a service may write here.
    #[must_use]
    pub fn is_written_by(&self, service: &str) -> bool {
        self.owner == service || self.writers.iter().any(|writer| writer == service)
    }

    /// The settings that brokers are to have, in their words.
    #[must_use]
    pub fn configs(&self) -> BTreeMap<String, String> {
        let mut configs = BTreeMap::from([("cleanup.policy".to_owned(), self.cleanup_policy.as_str().to_owned())]);
        if self.cleanup_policy != CleanupPolicy::Compact {
            configs.insert("retention.ms".to_owned(), self.retention.0.unwrap_or(-1).to_string());
        }
        if let Some(bytes) = self.max_message_bytes {
            configs.insert("max.message.bytes".to_owned(), bytes.to_string());
        }
        configs
    }
}

/// Every topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    /// In the order of the file.
    pub topics: Vec<Topic>,
}

/// One thing that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFinding {
    /// Topic, or record name.
    pub topic: String,
    /// What is wrong.
    pub problem: String,
}

/// A topic as the brokers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualTopic {
    /// Name with prefix.
    pub name: String,
    /// Partitions.
    pub partitions: i32,
    /// Settings as the brokers tell them.
    pub configs: BTreeMap<String, String>,
}

/// One difference between the file and the brokers. Names are with prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicChange {
    /// The topic is missing.
    Create {
        /// Name.
        name: String,
        /// Partitions to create.
        partitions: i32,
        /// Settings to create it with.
        configs: BTreeMap<String, String>,
    },
    /// A setting that the brokers do not tell.
    AddConfig {
        /// Name.
        name: String,
        /// Setting.
        key: String,
        /// Value that it should have.
        value: String,
    },
    /// A setting has another value.
    AlterConfig {
        /// Name.
        name: String,
        /// Setting.
        key: String,
        /// Value on the brokers.
        from: String,
        /// Value that it should have.
        to: String,
    },
    /// Another number of partitions. A finding, never applied: it would move keys to other partitions, away from their memory.
    PartitionMismatch {
        /// Name.
        name: String,
        /// Partitions on the brokers.
        actual: i32,
        /// Partitions that it should have.
        expected: i32,
    },
}

impl TopicChange {
    /// Whether `waybill topics apply` does it. What would make brokers delete records that they keep now, or refuse records that
    /// they take now, is for a person to do.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        match self {
            Self::PartitionMismatch { .. } => false,
            Self::AlterConfig { key, from, to, .. } => !shrinks(key, from, to),
            Self::Create { .. } | Self::AddConfig { .. } => true,
        }
    }
}

impl Topics {
    /// The file that is in the binary.
    ///
    /// # Errors
    /// When that file is wrong: a mistake in the binary.
    pub fn builtin() -> Result<Self, TopicsError> {
        Self::parse(include_str!("../../topics.yaml"), "topics.yaml")
    }

    /// A file of the operator's.
    ///
    /// # Errors
    /// When it cannot be read or is no such YAML.
    pub fn load(path: &Path) -> Result<Self, TopicsError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| TopicsError::Read { path: shown.clone(), source })?;
        Self::parse(&text, &shown)
    }

    fn parse(text: &str, path: &str) -> Result<Self, TopicsError> {
        serde_saphyr::from_str(text).map_err(|e| TopicsError::Parse { path: path.to_owned(), message: e.to_string() })
    }

    /// The entry of a topic, by its name without prefix.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|t| t.name == name).or_else(|| self.topics.iter().find(|t| t.matches(name)))
    }

    /// Canonical topics with the name of their record, without prefix, in the order of the file.
    pub fn canonical(&self) -> impl Iterator<Item = (&str, &str)> {
        self.topics.iter().filter_map(|t| match &t.schema {
            TopicSchema::Record(record) => Some((t.name.as_str(), record.as_str())),
            _ => None,
        })
    }

    /// The subjects of the canonical topics, with prefix.
    #[must_use]
    pub fn subjects(&self, prefix: &str) -> Vec<Subject> {
        self.canonical().map(|(topic, record)| Subject { topic: format!("{prefix}{topic}"), record: record.to_owned() }).collect()
    }

    /// The topics that a service owns, writes or reads.
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Topic> {
        self.topics.iter().filter(move |t| t.is_written_by(service) || t.readers.iter().any(|r| r == service))
    }

    /// Everything that is wrong with the file; empty when it is right.
    #[must_use]
    pub fn validate(&self) -> Vec<TopicFinding> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        let mut groups: BTreeMap<&str, Vec<&Topic>> = BTreeMap::new();
        for topic in &self.topics {
            let mut add = |problem: String| found.push(TopicFinding { topic: topic.name.clone(), problem });
            if !names.insert(&topic.name) {
                add("is named twice".into());
            }
            check_one(topic, &mut add);
            if let Some(group) = &topic.joined_with {
                groups.entry(group).or_default().push(topic);
            }
        }
        for (group, topics) in groups {
            let counts: BTreeSet<i32> = topics.iter().map(|t| t.partitions).collect();
            if counts.len() > 1 || topics.len() < 2 {
                let listed: Vec<String> = topics.iter().map(|t| format!("{} {}", t.name, t.partitions)).collect();
                let problem = if topics.len() < 2 { "is joined with nothing" } else { "has unequal partition counts" };
                let first = topics.first().map(|t| t.name.clone()).unwrap_or_default();
                found.push(TopicFinding { topic: first, problem: format!("group {group} {problem}: {}", listed.join(", ")) });
            }
        }
        for record in Record::NAMES {
            if !self.canonical().any(|(_, r)| r == *record) {
                found.push(TopicFinding { topic: (*record).to_owned(), problem: "the record has no topic".into() });
            }
        }
        found
    }

    /// What would have to change on the brokers. Families and planned topics are left alone, and so is what the file does not name.
    /// An operator may keep records longer, take larger ones, and give more partitions to topics that are joined with no other.
    #[must_use]
    pub fn diff(&self, actual: &[ActualTopic], prefix: &str) -> Vec<TopicChange> {
        let mut changes = Vec::new();
        for topic in self.topics.iter().filter(|t| !t.is_pattern() && t.schema != TopicSchema::Planned) {
            let name = format!("{prefix}{}", topic.name);
            let wanted = topic.configs();
            let Some(found) = actual.iter().find(|a| a.name == name) else {
                changes.push(TopicChange::Create { name, partitions: topic.partitions, configs: wanted });
                continue;
            };
            if found.partitions < topic.partitions || (topic.joined_with.is_some() && found.partitions != topic.partitions) {
                changes.push(TopicChange::PartitionMismatch { name: name.clone(), actual: found.partitions, expected: topic.partitions });
            }
            for (key, to) in wanted {
                let name = name.clone();
                match found.configs.get(&key) {
                    None => changes.push(TopicChange::AddConfig { name, key, value: to }),
                    Some(from) if same_setting(from, &to) || shrinks(&key, from, &to) => {}
                    Some(from) => changes.push(TopicChange::AlterConfig { name, key, from: from.clone(), to }),
                }
            }
        }
        changes
    }
}

fn shrinks(key: &str, from: &str, to: &str) -> bool {
    // -1 is for ever.
    let limit = |value: &str| value.parse::<i64>().map_or(None, |n| Some(if n < 0 { i64::MAX } else { n }));
    matches!(key, "retention.ms" | "max.message.bytes") && limit(from).zip(limit(to)).is_some_and(|(from, to)| to < from)
}

/// Brokers may tell a list in another order.
fn same_setting(a: &str, b: &str) -> bool {
    let words = |text: &str| text.split(',').map(|w| w.trim().to_owned()).collect::<BTreeSet<_>>();
    a == b || words(a) == words(b)
}

fn check_one(topic: &Topic, add: &mut impl FnMut(String)) {
    if !is_name(&topic.name) {
        add("is no name: dots between parts, lower-case letters, digits and hyphens inside a part".into());
    }
    match &topic.schema {
        TopicSchema::Record(name) if !Record::NAMES.contains(&name.as_str()) => add(format!("has no schema in schemas/: {name}")),
        TopicSchema::Raw | TopicSchema::DeadLetter if topic.max_message_bytes.is_none() => add("needs max_message_bytes".into()),
        TopicSchema::Changelog if topic.cleanup_policy != CleanupPolicy::Compact => {
            add("is a service's memory and must be compacted, or it forgets".into());
        }
        TopicSchema::Changelog if topic.joined_with.is_none() => add("is a service's memory and must name its joined_with group".into()),
        _ => {}
    }
    if !(1..=PARTITIONS_MAX).contains(&topic.partitions) {
        add(format!("cannot have {} partitions", topic.partitions));
    }
    for party in std::iter::once(&topic.owner).chain(&topic.writers).chain(&topic.readers) {
        if !PARTIES.contains(&party.as_str()) {
            add(format!("names an unknown service: {party}"));
        }
    }
    if topic.doc.is_empty() || topic.key.is_empty() {
        add("needs doc and key".into());
    }
}

fn is_name(name: &str) -> bool {
    let plain = name.strip_suffix(".*").unwrap_or(name);
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('-')
            && !p.ends_with('-')
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 200 && plain.split('.').all(part)
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
