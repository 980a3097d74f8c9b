//! Whether what is configured is really there: the cluster with its topics, the registry with our schemas, every Odoo.

use std::time::Duration;

use super::topics;
use crate::config::topics::{TopicChange, Topics};
use crate::config::{Assignor, Config, OdooInstance};
use crate::domain::verdict::Code;
use crate::kafka;
use crate::odoo::client::{self, Odoo};
use crate::odoo::errors::Class;
use crate::outbound::HttpClient;
use crate::schema::RegistryError;
use crate::services::contracts::registry;
use crate::services::settings::kafka_settings;

/// Topic that the cluster is tried with, without prefix.
const PROBE_TOPIC: &str = "waybill.probe";

/// One thing that is missing or wrong outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineFinding {
    /// Code with a help page.
    pub code: Code,
    /// The topic, the subject, or the setting that leads to it.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Everything that is missing or wrong. What is away is one finding, and the rest is asked all the same.
/// Tries transactions on the cluster, which takes a few seconds.
pub async fn check(config: &Config) -> Vec<OnlineFinding> {
    let mut findings = cluster(config).await;
    findings.extend(schemas(config).await);
    for (name, instance) in &config.odoo.instances {
        // Only who writes to Odoo has a key; without one there is nothing to try.
        if !instance.api_key.is_empty() {
            findings.extend(odoo(config, name, instance).await);
        }
    }
    findings
}

async fn cluster(config: &Config) -> Vec<OnlineFinding> {
    let away = |cause: String| OnlineFinding {
        code: Code::CONFIG,
        key: "kafka.brokers".into(),
        problem: cause,
        remedy: "check the address, kafka.properties and whether the brokers run",
    };
    let changes = match topics::diff(config).await {
        Ok(changes) => changes,
        Err(error) => return vec![away(error.to_string())],
    };
    let mut findings: Vec<_> = changes.iter().map(of_change).collect();
    let topic = config.kafka.prefixed(PROBE_TOPIC);
    if changes.iter().any(|change| matches!(change, TopicChange::Create { name, .. } if *name == topic)) {
        return findings;
    }
    let settings = kafka_settings(config, "validate", Assignor::Range);
    let unfit = |problem: String| OnlineFinding {
        code: Code::CLUSTER_UNFIT,
        key: "kafka.brokers".into(),
        problem,
        remedy: "use brokers that keep transactions; see `waybill explain WB-0201`",
    };
    match tokio::task::spawn_blocking(move || kafka::probe(&settings, &topic)).await {
        Ok(Ok(told)) => findings.extend(told.iter().map(|finding| unfit(finding.to_string()))),
        Ok(Err(kafka::Error::Away(cause))) => findings.push(away(cause)),
        Ok(Err(error)) => findings.push(unfit(error.to_string())),
        Err(error) => findings.push(unfit(error.to_string())),
    }
    findings
}

fn of_change(change: &TopicChange) -> OnlineFinding {
    let (name, problem) = match change {
        TopicChange::Create { name, .. } => (name, "is missing".to_owned()),
        TopicChange::AddConfig { name, key, value } => (name, format!("{key} is not set, should be {value}")),
        TopicChange::AlterConfig { name, key, from, to } => (name, format!("{key} is {from}, should be {to}")),
        TopicChange::PartitionMismatch { name, actual, expected } => (name, format!("has {actual} partitions, should have {expected}")),
    };
    let remedy = if change.is_applied() { "run `waybill topics apply`" } else { "change it by hand; see `waybill explain WB-0205`" };
    OnlineFinding { code: Code::TOPIC_MISMATCH, key: name.clone(), problem, remedy }
}

async fn schemas(config: &Config) -> Vec<OnlineFinding> {
    let finding = |key: String, problem: String, remedy| OnlineFinding { code: Code::REGISTRY, key, problem, remedy };
    let mut findings = Vec::new();
    let (client, topics) = match (registry(config), Topics::builtin()) {
        (Ok(client), Ok(topics)) => (client, topics),
        (Err(error), _) => return vec![finding("registry.url".into(), error.to_string(), "mend the registry's settings")],
        (_, Err(error)) => return vec![finding("topics.yaml".into(), error.to_string(), "use another build of waybill")],
    };
    for subject in topics.subjects(&config.kafka.prefix) {
        match client.resolve(std::slice::from_ref(&subject)).await {
            Ok(_) => {}
            Err(RegistryError::Unknown(_)) => {
                let problem = format!("this version of {} is not registered", subject.record);
                findings.push(finding(subject.name(), problem, "run `waybill schemas register`"));
            }
            Err(error) => {
                let remedy = "check the address, user and password, and whether the registry runs";
                findings.push(finding("registry.url".into(), error.to_string(), remedy));
                break;
            }
        }
    }
    findings
}

async fn odoo(config: &Config, name: &str, instance: &OdooInstance) -> Option<OnlineFinding> {
    let settings = client::Settings {
        instance: name.to_owned(),
        url: instance.url.clone(),
        database: instance.database.clone(),
        login: instance.login.clone(),
        api_key: instance.api_key.expose().to_owned().into(),
        timeout: Duration::from_millis(config.odoo.call_timeout_ms),
    };
    let (problem, remedy) = match HttpClient::new() {
        Err(error) => (error.to_string(), "mend the TLS library of the system"),
        Ok(http) => match Odoo::connect(http, settings).await {
            Ok(_) => return None,
            Err(error) if error.class == Class::Wait => (error.to_string(), "check the address and whether Odoo runs"),
            Err(error) => (error.to_string(), "check url, database, login and API key"),
        },
    };
    Some(OnlineFinding { code: Code::ODOO_CONFIG, key: format!("odoo.instances.{name}"), problem, remedy })
}
