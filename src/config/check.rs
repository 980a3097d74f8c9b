//! What types cannot say of the settings. Everything that is wrong is told at once, each with what to do.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{Config, Finding, KafkaConfig, OdooInstance, Service};
use crate::domain::currency;
use crate::domain::time::zone;

/// librdkafka properties that the guarantee rests on, or that have a setting of their own.
const OURS: [&str; 14] = [
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "isolation.level",
    "max.poll.interval.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Most secrets of one source: two are a change from one to the next, the rest is forgotten clearing up.
const SECRETS_MAX: usize = 8;

/// Longest topic name that Kafka takes.
const TOPIC_CHARS_MAX: usize = 249;

#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, key: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { key: key.into(), origin: String::new(), problem: problem.into(), remedy: remedy.into() });
    }

    pub(super) fn within(&mut self, key: &str, value: u64, range: RangeInclusive<u64>) {
        if !range.contains(&value) {
            self.add(key, format!("out of range: {value}"), format!("choose {} to {}", range.start(), range.end()));
        }
    }

    fn url(&mut self, key: &str, url: &str) {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match host {
            None => self.add(key, "not an http or https address", "write it as https://host[:port]"),
            Some(host) if host.split('/').next().is_some_and(|authority| authority.contains('@')) => {
                self.add(key, "holds a user or a password", "put them into the settings made for them");
            }
            Some("") => self.add(key, "has no host", "write it as https://host[:port]"),
            Some(_) => {}
        }
    }

    fn topic(&mut self, key: &str, topic: &str) {
        if topic.is_empty() {
            self.add(key, "no topic is named", "name the topic, such as raw.carrier.ups");
        } else if !is_kafka_name(topic) {
            self.add(key, format!("not a topic name: {topic}"), "use letters, digits, dots and hyphens, at most 249");
        }
    }
}

fn is_kafka_name(name: &str) -> bool {
    name.len() <= TOPIC_CHARS_MAX && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_host_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl Config {
    /// Everything that is wrong, also for what `service` needs besides.
    pub fn findings(&self, service: Option<Service>) -> Vec<Finding> {
        let mut found = Findings::default();
        kafka(&mut found, &self.kafka);
        self.registry(&mut found);
        found.within("store.window_days", u64::from(self.store.window_days), 1..=3650);
        found.within("store.cache_mib", u64::from(self.store.cache_mib), 1..=65_536);
        if self.store.dir.as_os_str().is_empty() {
            found.add("store.dir", "no directory is named", "name one on a local disk");
        }
        if !is_host_port(&self.http.listen) {
            found.add("http.listen", format!("not an address with a port: {}", self.http.listen), "write it as 0.0.0.0:9100");
        }
        self.sources(&mut found);
        self.instances(&mut found, service);
        found.within("tracker.unassigned_after_hours", self.tracker.unassigned_after_hours, 1..=8760);
        found.within("tracker.silent_after_hours", self.tracker.silent_after_hours, 1..=8760);
        found.within("tracker.pod_missing_after_hours", self.tracker.pod_missing_after_hours, 1..=8760);
        if service == Some(Service::FinanceAccrual) && self.finance.books.is_empty() {
            let remedy = "describe one, see the commented example in the defaults; without one this service has nothing to do";
            found.add("finance.books", "no company's books are described", remedy);
        }
        self.finance.check(&mut found, &self.odoo);
        found.within("tracker.unknown_percent", u64::from(self.tracker.unknown_percent), 1..=100);
        found.within("tracker.unknown_events_min", u64::from(self.tracker.unknown_events_min), 1..=1_000_000);
        found.0
    }

    fn registry(&self, found: &mut Findings) {
        found.url("registry.url", &self.registry.url);
        if self.registry.user.is_empty() != self.registry.password.is_empty() {
            found.add("registry.user", "user and password go together", "set both or none");
        }
    }

    fn sources(&self, found: &mut Findings) {
        let mut topics = BTreeSet::new();
        for (id, source) in &self.carriers.sources {
            let key = format!("carriers.sources.{id}");
            found.topic(&format!("{key}.topic"), &source.topic);
            if !topics.insert(&source.topic) {
                found.add(format!("{key}.topic"), format!("another source has this topic: {}", source.topic), "give each source its own");
            }
            if let Some(name) = source.account_zone.as_deref().filter(|name| zone(name).is_none()) {
                found.add(format!("{key}.account_zone"), format!("no such time zone: {name}"), "use an IANA name such as America/New_York");
            }
            if source.currency.as_deref().is_some_and(|code| !currency::is_code(code)) {
                found.add(format!("{key}.currency"), "not the code of a currency", "use three capitals of ISO 4217, such as USD");
            }
            let instances = &self.odoo.instances;
            if let Some(name) = source.odoo_instance.as_deref().filter(|name| !instances.is_empty() && !instances.contains_key(*name)) {
                found.add(format!("{key}.odoo_instance"), format!("no such Odoo instance: {name}"), "name one of odoo.instances");
            }
            found.within(&format!("{key}.body_bytes_max"), source.body_bytes_max as u64, 1024..=(64 << 20));
            found.within(&format!("{key}.signature_age_max_s"), source.signature_age_max_s, 10..=604_800);
            if let Some(percent) = source.unknown_percent {
                found.within(&format!("{key}.unknown_percent"), u64::from(percent), 1..=100);
            }
            if source.secrets.len() > SECRETS_MAX {
                found.add(format!("{key}.secrets"), format!("more than {SECRETS_MAX} secrets"), "take away those that are no longer used");
            }
            if source.signature_header.as_deref().is_some_and(|name| !is_header_name(name)) {
                found.add(format!("{key}.signature_header"), "not the name of an HTTP header", "write it as x-api-key, without a colon");
            }
        }
    }

    fn instances(&self, found: &mut Findings, service: Option<Service>) {
        if matches!(service, Some(Service::OdooNormalizer | Service::OdooWriter)) && self.odoo.instances.is_empty() {
            found.add("odoo.instances", "no Odoo database is named", "add one, see the commented example in the defaults");
        }
        found.within("odoo.concurrency", self.odoo.concurrency as u64, 1..=64);
        found.within("odoo.call_timeout_ms", self.odoo.call_timeout_ms, 1000..=600_000);
        found.within("odoo.settle_ms", self.odoo.settle_ms, 100..=3_600_000);
        found.within("odoo.effects_per_second", u64::from(self.odoo.effects_per_second), 1..=100_000);
        for (name, instance) in &self.odoo.instances {
            odoo_instance(found, name, instance);
            // Only who calls Odoo holds a key to it.
            if service == Some(Service::OdooWriter) && instance.api_key.is_empty() {
                let remedy = "make an API key in Odoo and hand it over, best by …__API_KEY_FILE";
                found.add(format!("odoo.instances.{name}.api_key"), "is empty", remedy);
            }
        }
    }
}

fn kafka(found: &mut Findings, kafka: &KafkaConfig) {
    if !kafka.brokers.split(',').all(|broker| is_host_port(broker.trim())) {
        found.add("kafka.brokers", format!("not a list of host:port: {}", kafka.brokers), "write it as kafka-0:9092,kafka-1:9092");
    }
    for (key, name) in
        [("kafka.prefix", &kafka.prefix), ("kafka.instance_id", &kafka.instance_id), ("kafka.group_instance_id", &kafka.group_instance_id)]
    {
        if !is_kafka_name(name) {
            found.add(key, format!("has signs that Kafka does not take: {name}"), "use letters, digits, dots and hyphens");
        }
    }
    if kafka.instance_id.is_empty() {
        found.add("kafka.instance_id", "is empty", "give each instance a name that it keeps, such as the pod's ordinal");
    }
    found.within("kafka.batch_records", kafka.batch_records as u64, 1..=100_000);
    found.within("kafka.batch_ms", kafka.batch_ms, 1..=10_000);
    found.within("kafka.transaction_timeout_ms", kafka.transaction_timeout_ms, 1000..=900_000);
    found.within("kafka.session_timeout_ms", kafka.session_timeout_ms, 6000..=1_800_000);
    found.within("kafka.max_poll_interval_ms", kafka.max_poll_interval_ms, 10_000..=3_600_000);
    if kafka.transaction_timeout_ms <= kafka.batch_ms.saturating_mul(10) {
        found.add("kafka.transaction_timeout_ms", "leaves no room for a slow commit", "make it more than ten times kafka.batch_ms");
    }
    if kafka.max_poll_interval_ms < kafka.session_timeout_ms {
        found.add("kafka.max_poll_interval_ms", "is less than kafka.session_timeout_ms", "make it at least as long");
    }
    for name in kafka.properties.keys().filter(|name| OURS.contains(&name.as_str())) {
        found.add(format!("kafka.properties.{name}"), "is decided by waybill", "remove it");
    }
}

fn odoo_instance(found: &mut Findings, name: &str, instance: &OdooInstance) {
    let key = |setting: &str| format!("odoo.instances.{name}.{setting}");
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        found.add(format!("odoo.instances.{name}"), "not a name for an instance", "use lower case letters, digits and hyphens");
    }
    found.url(&key("url"), &instance.url);
    if instance.database.is_empty() {
        found.add(key("database"), "is empty", "name the database");
    }
    found.topic(&key("webhook_topic"), &instance.webhook_topic(name));
    for pattern in &instance.debezium_topics {
        if regex::Regex::new(pattern).is_err() {
            found.add(key("debezium_topics"), format!("not a pattern: {pattern}"), "write a regular expression such as odoo\\.public\\..*");
        }
    }
    let is_language = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@');
    if instance.language.is_empty() || !instance.language.bytes().all(is_language) {
        found.add(key("language"), format!("not a language: {}", instance.language), "write it as Odoo does, such as en_US");
    }
}
