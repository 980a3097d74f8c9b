//! What became of every record: the conservation report (C1).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Service;
use crate::engine::conservation::{Conservation, Counts};

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// Name of the service.
    pub service: String,
    /// Records consumed.
    #[serde(rename = "in")]
    pub consumed: u64,
    /// Records from which something was published.
    pub published_from: u64,
    /// Records that said nothing new.
    pub duplicates: u64,
    /// Records in the dead letters.
    pub dead_lettered: u64,
    /// Effects outside Kafka.
    pub effects: u64,
    /// in = published_from + duplicates + dead_lettered.
    pub conserved: bool,
}

/// All services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which data passes them.
    pub services: Vec<ServiceReport>,
    /// All of them conserved.
    pub conserved: bool,
}

/// Sums what the loops of this process have committed.
#[must_use]
pub fn report(conservation: &Conservation) -> Report {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for ((service, _), of_topic) in conservation.by_topic() {
        let sum = counts.entry(service).or_default();
        *sum = sum.plus(of_topic);
    }
    let effects = conservation.effects();
    let services: Vec<ServiceReport> = Service::ALL
        .into_iter()
        .map(|service| {
            let of = counts.get(service.as_str()).copied().unwrap_or_default();
            ServiceReport {
                service: service.as_str().to_owned(),
                consumed: of.consumed,
                published_from: of.published_from,
                duplicates: of.duplicates,
                dead_lettered: of.dead_lettered,
                effects: effects.get(service.as_str()).copied().unwrap_or(0),
                conserved: of.conserved(),
            }
        })
        .collect();
    let conserved = services.iter().all(|s| s.conserved);
    Report { services, conserved }
}
