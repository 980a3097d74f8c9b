//! The contracts of a running service: codecs that know the registry, and the schema ids of what it writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::wiring::outputs;
use crate::config::topics::Topics;
use crate::config::{Config, Service};
use crate::resilience::Backoff;
use crate::schema::RegistryError;
use crate::schema::codec::Codecs;
use crate::schema::registry::{RegistryAuth, RegistryClient};
use crate::telemetry::events;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Codecs, and the schema id of each topic (without prefix) that this binary writes.
#[derive(Debug, Clone)]
pub struct Contracts {
    /// Writes and reads canonical records.
    pub codecs: Arc<Codecs>,
    /// Schema ids.
    pub schema_ids: HashMap<&'static str, u32>,
}

/// The registry that the configuration names.
///
/// # Errors
/// The client cannot be built from the settings.
pub fn registry(config: &Config) -> Result<RegistryClient, RegistryError> {
    let password = config.registry.password.expose();
    let auth = if config.registry.user.is_empty() { RegistryAuth::None } else { RegistryAuth::Basic(&config.registry.user, password) };
    RegistryClient::new(std::slice::from_ref(&config.registry.url), auth, TIMEOUT)
}

/// Asks the registry for the ids of all canonical topics, and waits while it is away; `None` when asked to stop meanwhile.
///
/// # Errors
/// A schema is not registered, or the registry refuses: `waybill schemas register` comes first.
pub async fn resolve(config: &Config, stop: &AtomicBool) -> Result<Option<Contracts>, RegistryError> {
    let client = registry(config)?;
    let topics = Topics::builtin().map_err(|e| RegistryError::Refused(e.to_string()))?;
    let subjects = topics.subjects(&config.kafka.prefix);
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10), 1);
    let registered = loop {
        match client.resolve(&subjects).await {
            Ok(registered) => break registered,
            Err(RegistryError::Away(cause)) => {
                let wait = backoff.failed();
                events::waiting_for("contracts", "schema registry", &cause, wait);
                tokio::time::sleep(wait).await;
            }
            Err(error) => return Err(error),
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
    };
    let runtime = tokio::runtime::Handle::current();
    // Asked from the loops' own threads, which are no threads of the runtime.
    let fetch = move |id| runtime.block_on(client.schema_by_id(id));
    let codecs = Codecs::with_registry(fetch).map_err(|e| RegistryError::Refused(e.to_string()))?;
    let mut schema_ids = HashMap::new();
    for entry in &registered {
        codecs.know(entry.schema_id, &entry.record);
        let plain = entry.topic.strip_prefix(&config.kafka.prefix).unwrap_or(&entry.topic);
        let ours = Service::ALL.into_iter().flat_map(outputs).find(|t| **t == plain);
        if let Some(topic) = ours {
            schema_ids.insert(*topic, entry.schema_id);
        }
    }
    Ok(Some(Contracts { codecs: Arc::new(codecs), schema_ids }))
}
