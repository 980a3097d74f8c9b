//! What is measured, each in a process of its own.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use waybill::config::topics::Topics;
use waybill::config::{Config, Service, load};
use waybill::domain::record::Record;
use waybill::engine::Surroundings;
use waybill::engine::conservation::Conservation;
use waybill::schema::codec::Codecs;
use waybill::services::wiring;
use waybill::telemetry::SystemClock;
use waybill::telemetry::health::Health;
use waybill::telemetry::metrics::Metrics;

use super::{copy, proc};

/// Longest a run may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Time and processor time from the first commit to the last: joining a group is not what is measured.
#[derive(Default)]
pub(crate) struct Progress {
    first: Option<(Instant, f64, usize)>,
    last: Option<(Instant, f64, usize)>,
}

impl Progress {
    /// So many are committed now.
    pub(crate) fn at(&mut self, done: usize) {
        if self.last.is_none_or(|(.., known)| known != done) {
            let now = (Instant::now(), proc::cpu_seconds(), done);
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
    }

    fn tell(&self) {
        let ((start, cpu, before), (end, cpu_then, after)) = (self.first.unwrap(), self.last.unwrap());
        let events = (after - before) as f64;
        let per_second = events / (end - start).as_secs_f64();
        println!("{per_second} {} {}", (cpu_then - cpu) / events * 1e6, proc::resident_mb("self"));
    }
}

pub(crate) fn run(what: &str, args: &[String]) {
    let (brokers, prefix) = (args[0].as_str(), args[1].as_str());
    let events = args.get(2).map_or(0, |n| n.parse().unwrap());
    match what {
        "--child-copy" => copy::copy(brokers, prefix, events).tell(),
        "--child-normalizer" => drain(brokers, prefix, events, &[Service::CarrierNormalizer]).tell(),
        "--child-both" => drain(brokers, prefix, events, &[Service::CarrierNormalizer, Service::ShipmentTracker]).tell(),
        _ => serve(brokers, prefix),
    }
    // The loops' threads have nothing to finish: what they would do is not measured.
    std::process::exit(0);
}

/// Codecs as after a registry has been asked, and the schema id of every topic that a service writes.
pub(crate) fn contracts() -> (Codecs, HashMap<&'static str, u32>) {
    let codecs = Codecs::new().unwrap();
    let topics = Topics::builtin().unwrap();
    let mut ids = HashMap::new();
    for (id, name) in (1..).zip(Record::NAMES) {
        codecs.know(id, name);
        let of_record: Vec<&str> = topics.canonical().filter(|(_, record)| record == name).map(|(topic, _)| topic).collect();
        let ours = Service::ALL.into_iter().flat_map(wiring::outputs).filter(|t| of_record.contains(t));
        ids.extend(ours.map(|t| (*t, id)));
    }
    (codecs, ids)
}

fn config(brokers: &str, prefix: &str, dir: &std::path::Path) -> Config {
    let environment = [
        ("WAYBILL_KAFKA__BROKERS", brokers.to_owned()),
        ("WAYBILL_KAFKA__PREFIX", prefix.to_owned()),
        ("WAYBILL_STORE__DIR", dir.display().to_string()),
    ];
    // Settings can be tried: those of the caller's environment come first.
    let given = std::env::vars().filter(|(name, _)| name.starts_with("WAYBILL_") && name.contains("__"));
    let all: Vec<_> = given.chain(environment.map(|(name, value)| (name.to_owned(), value))).collect();
    load(None, &all, None).unwrap().config
}

/// Starts the loops, one thread each; returns what they share.
fn start(brokers: &str, prefix: &str, services: &[Service], dir: &std::path::Path) -> Surroundings {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let (codecs, ids) = contracts();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let around = Surroundings {
        clock: Arc::new(SystemClock::new()),
        metrics: Metrics::new().unwrap(),
        health: Arc::new(Health::new("bench")),
        codecs: Arc::new(codecs),
        conservation: Arc::new(Conservation::default()),
        stop: Arc::new(AtomicBool::new(false)),
    };
    for service in services.iter().copied() {
        let (config, ids, handle, around) = (config(brokers, prefix, dir), ids.clone(), runtime.handle().clone(), around.clone());
        std::thread::spawn(move || {
            if let Err(error) = wiring::run(service, &config, &ids, &handle, around) {
                eprintln!("{}: {error}", service.as_str());
                std::process::exit(1);
            }
        });
    }
    std::mem::forget(runtime);
    around
}

/// Until the last of the services has taken everything; each event gives one observation.
fn drain(brokers: &str, prefix: &str, events: usize, services: &[Service]) -> Progress {
    let dir = tempfile::tempdir().unwrap();
    let conservation = start(brokers, prefix, services, dir.path()).conservation;
    let last = services.last().unwrap().as_str();
    let started = Instant::now();
    let mut progress = Progress::default();
    loop {
        let sums = conservation.by_topic();
        let topic = if services.len() == 1 { "raw.carrier.ups" } else { "shipment.observations" };
        let counts = sums.get(&(last.to_owned(), topic.to_owned())).copied().unwrap_or_default();
        assert_eq!((counts.dead_lettered, counts.duplicates), (0, 0), "the generated events are all good and all new");
        let done = usize::try_from(counts.consumed).unwrap();
        if done > 0 {
            progress.at(done);
        }
        if done >= events {
            return progress;
        }
        assert!(started.elapsed() < LIMIT, "{done} of {events} events after {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs both services until the input is closed; tells memory and the share of a core.
fn serve(brokers: &str, prefix: &str) {
    let dir = tempfile::tempdir().unwrap();
    let around = start(brokers, prefix, &[Service::CarrierNormalizer, Service::ShipmentTracker], dir.path());
    let (started, before) = (Instant::now(), proc::cpu_seconds());
    let _ = std::io::stdin().read(&mut [0]);
    println!("{} {}", proc::resident_mb("self"), (proc::cpu_seconds() - before) / started.elapsed().as_secs_f64() * 100.0);
    for line in around.metrics.render().lines().filter(|l| l.starts_with("waybill_transaction_seconds") && l.contains("committed")) {
        eprintln!("{line}");
    }
    around.stop.store(true, Ordering::Relaxed);
}
