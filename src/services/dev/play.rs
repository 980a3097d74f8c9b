//! Starts everything, plays the story, watches what happens, and knows when nothing more will.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::odoo_standin::{self, Standin};
use super::registry::RegistryStandin;
use super::report::{Report, report};
use super::{live, samples};
use crate::config::topics::Topics;
use crate::config::{Assignor, Config, Service};
use crate::engine::Surroundings;
use crate::engine::conservation::Conservation;
use crate::kafka::{Admin, AssignmentChange, EmbeddedBroker, GroupConsumer, Relay};
use crate::services::settings::kafka_settings;
use crate::services::{contracts, process, wiring};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Clock, SystemClock, http};

/// Partitions of every topic here: enough to show that order is kept by key, few enough to start at once.
const PARTITIONS: i32 = 2;
/// Name of the stand-in Odoo in keys and topics.
const ODOO: &str = "dev";
/// How often it is looked whether everything is still, and how often in a row it must be.
const LOOK: Duration = Duration::from_millis(250);
const STILL_LOOKS: u32 = 6;
/// Longest that the story may take.
const STORY_MAX: Duration = Duration::from_mins(3);

/// What went wrong here.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Everything that runs. It ends when this is dropped.
pub struct Stage {
    config: Config,
    broker: EmbeddedBroker,
    registry: RegistryStandin,
    odoo: Standin,
    window: http::Server,
    conservation: Arc<Conservation>,
    contracts: contracts::Contracts,
    stop: Arc<AtomicBool>,
    services: Vec<tokio::task::JoinHandle<Result<(), process::Error>>>,
    dir: PathBuf,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("broker", &self.broker).field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // What was remembered belongs to a broker that is gone.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Stage {
    /// Starts broker, registry, Odoo and all services. `dir` is made and removed again.
    ///
    /// # Errors
    /// No port, no directory, or something does not start.
    pub async fn start(mut config: Config, dir: PathBuf) -> Result<Self, Error> {
        let broker = EmbeddedBroker::start()?;
        let registry = RegistryStandin::start().await?;
        let settings = odoo_standin::Settings { accept_any_picking: true, oca_fields: true, ..odoo_standin::Settings::of_version(19) };
        let odoo = Standin::start(settings.clone()).await?;
        arrange(&mut config, &broker, &registry, &odoo, &settings, &dir)?;
        for topic in Topics::builtin()?.topics.iter().filter(|t| !t.is_pattern()) {
            broker.create_topic(&config.kafka.prefixed(&topic.name), PARTITIONS)?;
        }
        broker.create_topic(&config.kafka.prefixed(&format!("raw.odoo.{ODOO}")), PARTITIONS)?;
        contracts::registry(&config)?.register_all(&Topics::builtin()?.subjects(&config.kafka.prefix)).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let contracts = contracts::resolve(&config, &stop).await?.ok_or("stopped")?;
        let metrics = Metrics::new()?;
        let conservation = Arc::new(Conservation::default());
        let mut healths = Vec::new();
        let mut services = Vec::new();
        for service in Service::ALL {
            let health = Arc::new(Health::new(service.as_str()));
            healths.push(health.clone());
            let around = Surroundings {
                clock: Arc::new(SystemClock::new()),
                metrics: metrics.clone(),
                health,
                codecs: contracts.codecs.clone(),
                conservation: conservation.clone(),
                stop: stop.clone(),
            };
            services.push(tokio::spawn(process::start(service, config.clone(), contracts.clone(), around)));
        }
        let window = http::serve("127.0.0.1:0", metrics, healths).await?;
        Ok(Self { config, broker, registry, odoo, window, conservation, contracts, stop, services, dir })
    }

    /// Where everything is, for people.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        vec![
            ("broker (Kafka protocol)", self.broker.brokers()),
            ("schema registry", self.registry.url()),
            ("stand-in Odoo 19", self.odoo.url()),
            ("metrics and health", format!("http://{}/metrics", self.window.address())),
        ]
    }

    /// Sends the story, saying each message.
    ///
    /// # Errors
    /// The broker does not take it.
    pub fn play(&self, say: &mut dyn FnMut(&str)) -> Result<usize, Error> {
        let relay = Relay::new(&kafka_settings(&self.config, "relay", Assignor::Range))?;
        let story = samples::story(SystemClock::new().now())?;
        for (n, sample) in story.iter().enumerate() {
            say(&format!("> {}", sample.say));
            let headers = vec![
                ("content-type".to_owned(), sample.content_type.clone().into_bytes()),
                ("ce_id".to_owned(), format!("sample-{n}").into_bytes()),
            ];
            let topic = self.config.kafka.prefixed(&sample.topic);
            relay.send(&topic, Some(sample.topic.as_bytes()), Some(sample.body.as_bytes()), &headers)?;
        }
        relay.settle()?;
        Ok(story.len())
    }

    /// Says what happens until nothing more does (`until_idle`), or for ever.
    ///
    /// # Errors
    /// A service ended, or the story takes too long.
    pub async fn watch(&self, until_idle: bool, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
        let mut topics: Vec<String> = live::WATCHED.iter().map(|t| self.config.kafka.prefixed(t)).collect();
        topics.extend(Service::ALL.map(|s| self.config.kafka.prefixed(&format!("{s}.dlq"))));
        let viewer = GroupConsumer::subscribe(&kafka_settings(&self.config, "dev-viewer", Assignor::Range), &topics)?;
        let clock = SystemClock::new();
        let (mut still, mut looked) = (0, Duration::ZERO);
        loop {
            self.say_news(&viewer, say);
            tokio::time::sleep(Duration::from_millis(5)).await;
            if let Some(ended) = self.services.iter().find(|s| s.is_finished()) {
                return Err(format!("a service ended by itself (task {})", ended.id()).into());
            }
            if !until_idle || clock.monotonic().saturating_sub(looked) < LOOK {
                continue;
            }
            looked = clock.monotonic();
            still = if self.is_still()? { still + 1 } else { 0 };
            if still >= STILL_LOOKS {
                return Ok(());
            }
            if looked > STORY_MAX {
                return Err("the story does not come to its end".into());
            }
        }
    }

    fn say_news(&self, viewer: &GroupConsumer, say: &mut (dyn FnMut(&str) + Send)) {
        for _ in 0..100 {
            let polled = viewer.poll(Duration::from_millis(1));
            for change in viewer.take_changes() {
                if let AssignmentChange::Assigned(partitions) = change {
                    let starts: Vec<_> = partitions.into_iter().map(|(topic, partition)| (topic, partition, 0)).collect();
                    // Only a picture is painted here: what cannot be taken up is not shown.
                    let _ = viewer.take_up(&starts, Duration::from_secs(1));
                }
            }
            let Some(Ok(message)) = polled else { return };
            let topic = message.topic().strip_prefix(&self.config.kafka.prefix).unwrap_or_else(|| message.topic());
            if let Some(line) = live::line(topic, message.value(), &message.headers(), &self.contracts.codecs) {
                say(&format!("  {line}"));
            }
        }
    }

    /// Whether every service stands at the end of everything it reads.
    fn is_still(&self) -> Result<bool, Error> {
        let admin = Admin::new(&kafka_settings(&self.config, "dev-viewer", Assignor::Range), Duration::from_secs(5))?;
        let positions = self.conservation.positions();
        let mut consumed = 0;
        for service in Service::ALL {
            for input in wiring::inputs(service, &self.config) {
                for partition in 0..PARTITIONS {
                    let (_, high) = admin.bounds(&self.config.kafka.prefixed(&input.topic), partition)?;
                    let stands = positions.get(&(service.as_str().to_owned(), input.topic.clone(), partition));
                    if stands.is_none_or(|next| *next < high) {
                        return Ok(false);
                    }
                    consumed += high;
                }
            }
        }
        Ok(consumed > 0)
    }

    /// What became of every record so far.
    #[must_use]
    pub fn report(&self) -> Report {
        report(&self.conservation)
    }

    /// How many notes stand in the chatter of the stand-in Odoo, by picking.
    #[must_use]
    pub fn notes(&self) -> BTreeMap<i64, usize> {
        let pickings = [101, 102, 103];
        pickings.into_iter().map(|id| (id, self.odoo.notes(id).len())).collect()
    }

    /// Asks every service to finish what it has in hand, and waits for it.
    pub async fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for service in self.services.drain(..) {
            // A service that failed has said so.
            let _ = tokio::time::timeout(Duration::from_secs(10), service).await;
        }
    }
}

/// Points the configuration at what runs here.
fn arrange(
    config: &mut Config,
    broker: &EmbeddedBroker,
    registry: &RegistryStandin,
    odoo: &Standin,
    settings: &odoo_standin::Settings,
    dir: &std::path::Path,
) -> Result<(), Error> {
    config.kafka.brokers = broker.brokers();
    config.kafka.batch_ms = 20;
    config.kafka.probe = false;
    config.registry.url = registry.url();
    dir.clone_into(&mut config.store.dir);
    let instance = serde_json::json!({
        "url": odoo.url(), "database": settings.database, "login": settings.login, "api_key": settings.api_key,
        "default_company": 1, "company_currencies": {"1": "USD"},
    });
    config.odoo.instances = BTreeMap::from([(ODOO.to_owned(), serde_json::from_value(instance)?)]);
    let book = serde_json::json!({
        "instance": ODOO, "company": 1, "currency": "USD", "journal": 1, "accrued_account": 2, "expense_accounts": {"freight": 3},
    });
    config.finance.books = BTreeMap::from([(ODOO.to_owned(), serde_json::from_value(book)?)]);
    Ok(())
}
