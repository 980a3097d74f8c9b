//! One process: log, window for metrics and health, contracts, the loop in its own thread, and the word to stop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{contracts, examined, settings, wiring};
use crate::config::{Assignor, Config, Service};
use crate::domain::verdict::Code;
use crate::engine::conservation::Conservation;
use crate::engine::{self, Surroundings};
use crate::kafka;
use crate::resilience::Backoff;
use crate::schema::RegistryError;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Clock, SystemClock, events, http};

/// Topic that the cluster is tried on.
const PROBE_TOPIC: &str = "waybill.probe";
/// Longest wait for the cluster to tell its id.
const ID_WAIT: Duration = Duration::from_secs(5);

/// Why a process ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The loop ended.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The registry has not what is needed.
    #[error("WB-0206 {0}; `waybill schemas register` puts the schemas there")]
    Registry(#[from] RegistryError),
    /// The cluster cannot keep exactly-once.
    #[error("WB-0201 the cluster cannot keep exactly-once: {0}")]
    Unfit(String),
    /// The address for metrics and health, or the metrics themselves.
    #[error(transparent)]
    Telemetry(#[from] crate::telemetry::Error),
    /// A thread could not be started or has panicked.
    #[error("the loop's thread: {0}")]
    Thread(String),
}

impl Error {
    /// The code of what went wrong, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Engine(engine::Error::Fatal(_)) => Some(Code::FENCED),
            Self::Engine(engine::Error::NotCoPartitioned(_)) => Some(Code::NOT_CO_PARTITIONED),
            Self::Engine(engine::Error::Stopped(_)) => Some(Code::ODOO_CONFIG),
            Self::Engine(_) | Self::Telemetry(_) | Self::Thread(_) => None,
            Self::Registry(_) => Some(Code::REGISTRY),
            Self::Unfit(_) => Some(Code::CLUSTER_UNFIT),
        }
    }
}

/// Runs one service until SIGTERM or SIGINT.
///
/// # Errors
/// Whatever ends the loop; a supervisor starts the process again.
pub async fn run(service: Service, config: Config) -> Result<(), Error> {
    let metrics = Metrics::new()?;
    let health = Arc::new(Health::new(service.as_str()));
    let stop = Arc::new(AtomicBool::new(false));
    let server = http::serve(&config.http.listen, metrics.clone(), vec![health.clone()]).await?;
    events::started(service.as_str(), &config.kafka.instance_id, &server.address().to_string());
    stop_on_signal(stop.clone());
    let ended = serve(service, config, metrics, &health, &stop).await;
    health.set_live(false);
    server.stop().await;
    ended
}

async fn serve(service: Service, config: Config, metrics: Metrics, health: &Arc<Health>, stop: &Arc<AtomicBool>) -> Result<(), Error> {
    let Some(contracts) = contracts::resolve(&config, stop).await? else { return Ok(()) };
    if config.kafka.probe {
        examine(service, &config, stop).await?;
    }
    let around = Surroundings {
        clock: Arc::new(SystemClock::new()),
        metrics,
        health: health.clone(),
        codecs: contracts.codecs.clone(),
        conservation: Arc::new(Conservation::default()),
        stop: stop.clone(),
    };
    start(service, config, contracts, around).await
}

/// Runs the loop of a service in a thread of its own, and waits for its end.
///
/// # Errors
/// Whatever ends the loop.
pub async fn start(service: Service, config: Config, contracts: contracts::Contracts, around: Surroundings) -> Result<(), Error> {
    let runtime = tokio::runtime::Handle::current();
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name(service.as_str().to_owned());
    let spawned = thread.spawn(move || {
        // Nobody waits any more only when the process ends.
        let _ = tell.send(wiring::run(service, &config, &contracts.schema_ids, &runtime, around));
    });
    spawned.map_err(|e| Error::Thread(e.to_string()))?;
    told.await.map_err(|_| Error::Thread("it panicked".to_owned()))?.map_err(Error::from)
}

/// Refuses a cluster that accepts transactional calls and does not keep them.
async fn examine(service: Service, config: &Config, stop: &Arc<AtomicBool>) -> Result<(), Error> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10), 1);
    let topic = config.kafka.prefixed(PROBE_TOPIC);
    while !stop.load(Ordering::Relaxed) {
        let (kafka, topic) = (settings::kafka_settings(config, service.as_str(), Assignor::Range), topic.clone());
        let dir = config.store.dir.clone();
        let tried = tokio::task::spawn_blocking(move || examined_before_or_now(&kafka, &topic, &dir)).await;
        match tried.map_err(|e| Error::Thread(e.to_string()))? {
            Ok(findings) if findings.is_empty() => return Ok(()),
            Ok(findings) => {
                let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return Err(Error::Unfit(findings.join("; ")));
            }
            Err(kafka::Error::Away(cause) | kafka::Error::Abort(cause)) => {
                let wait = backoff.failed();
                events::waiting_for(service.as_str(), "brokers", &cause, wait);
                tokio::time::sleep(wait).await;
            }
            Err(error) => return Err(Error::Unfit(error.to_string())),
        }
    }
    Ok(())
}

/// What the cluster does not keep. One that was found fit not long ago is not tried again.
fn examined_before_or_now(kafka: &kafka::KafkaSettings, topic: &str, dir: &Path) -> Result<Vec<kafka::ProbeFinding>, kafka::Error> {
    let clock = SystemClock::new();
    let cluster = kafka::Admin::new(kafka, ID_WAIT)?.cluster_id().ok_or_else(|| kafka::Error::Away("no cluster id".into()))?;
    if examined::holds(dir, &cluster, clock.now()) {
        return Ok(Vec::new());
    }
    let findings = kafka::probe(kafka, topic)?;
    if findings.is_empty() {
        examined::remember(dir, &cluster, clock.now());
    }
    Ok(findings)
}

fn stop_on_signal(stop: Arc<AtomicBool>) {
    tokio::spawn(async move {
        asked_to_stop().await;
        stop.store(true, Ordering::Relaxed);
    });
}

/// Waits for SIGTERM or SIGINT.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
