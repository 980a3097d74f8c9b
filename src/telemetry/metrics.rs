//! Every metric, once. Callers use methods named after what happened and never see a metric's name; loops take
//! handles with their labels resolved. What each means is told in `docs/metrics.md`.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder, exponential_buckets,
};

use super::Error;
use crate::domain::verdict::{Code, Verdict};

/// All metrics of this process. Clones share the same numbers.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    duplicates: IntCounterVec,
    dead_letters: IntCounterVec,
    unknown_codes: IntCounterVec,
    charges_left_out: IntCounterVec,
    signatures: IntCounterVec,
    published_records: IntCounterVec,
    consumer_lag: IntGaugeVec,
    end_to_end: HistogramVec,
    transaction_time: HistogramVec,
    transactions: IntCounterVec,
    restore_time: HistogramVec,
    restored_records: IntCounterVec,
    store_rebuilds: IntCounterVec,
    store_bytes: IntGaugeVec,
    rebalances: IntCounterVec,
    odoo_calls: IntCounterVec,
    odoo_call_time: HistogramVec,
    effects: IntCounterVec,
    breaker_open: IntGaugeVec,
    build_info: IntGaugeVec,
}

/// Makes metrics and registers them.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// Buckets double from `first` seconds.
    fn seconds(&self, name: &str, help: &str, labels: &[&str], first: f64, buckets: usize) -> Result<HistogramVec, Error> {
        self.keep(HistogramVec::new(HistogramOpts::new(name, help).buckets(exponential_buckets(first, 2.0, buckets)?), labels)?)
    }

    fn keep<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M, Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

impl Metrics {
    /// Registers everything, the process's own numbers (`process_…`) too.
    ///
    /// # Errors
    /// Only when two metrics of this file share a name.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let make = Maker(&registry);
        let metrics = Self {
            records: make.counter(
                "waybill_records_total",
                "Consumed records by what became of them, counted when their transaction committed",
                &["service", "source", "verdict"],
            )?,
            duplicates: make.counter("waybill_duplicates_total", "Consumed records that said nothing new", &["service", "reason"])?,
            dead_letters: make.counter("waybill_dead_letters_total", "Consumed records put aside with a code", &["service", "code"])?,
            unknown_codes: make.counter("waybill_unknown_codes_total", "Carrier codes that no table knows", &["source"])?,
            charges_left_out: make.counter("waybill_charges_left_out_total", "Announced charges that lack something", &["source"])?,
            signatures: make.counter("waybill_signatures_total", "Raw messages by what their signature says", &["source", "outcome"])?,
            published_records: make.counter("waybill_published_records_total", "Records published and committed", &["service", "topic"])?,
            consumer_lag: make.gauge(
                "waybill_consumer_lag_records",
                "Records between the committed position and the end of the partition",
                &["service", "topic", "partition"],
            )?,
            end_to_end: make.seconds(
                "waybill_end_to_end_seconds",
                "From when what a record tells reached us to the commit of what came of it",
                &["service", "source"],
                0.001,
                20,
            )?,
            transaction_time: make.seconds(
                "waybill_transaction_seconds",
                "From the opening of a transaction to its end",
                &["service", "outcome"],
                0.001,
                16,
            )?,
            transactions: make.counter("waybill_transactions_total", "Ended transactions", &["service", "outcome"])?,
            restore_time: make.seconds(
                "waybill_restore_seconds",
                "From assignment of a partition to its store being at the end of the changelog",
                &["service"],
                0.01,
                16,
            )?,
            restored_records: make.counter("waybill_restored_records_total", "Changelog records read to bring stores up", &["service"])?,
            store_rebuilds: make.counter(
                "waybill_store_rebuilds_total",
                "Stores wiped and rebuilt from the changelog",
                &["service", "reason"],
            )?,
            store_bytes: make.gauge("waybill_store_bytes", "Bytes of the local stores on disk", &["service"])?,
            rebalances: make.counter("waybill_rebalances_total", "Changes of the assigned partitions", &["service", "kind"])?,
            odoo_calls: make.counter("waybill_odoo_calls_total", "Calls to Odoo by class of answer", &["instance", "class"])?,
            odoo_call_time: make.seconds(
                "waybill_odoo_call_seconds",
                "From sending a call to Odoo to its whole answer",
                &["instance"],
                0.005,
                14,
            )?,
            effects: make.counter("waybill_effects_total", "Effects outside Kafka by how they ended", &["kind", "outcome"])?,
            breaker_open: make.gauge("waybill_breaker_open", "1 while calls to the target are held back", &["target"])?,
            build_info: make.gauge("waybill_build_info", "Always 1; what is running", &["version", "commit"])?,
            registry,
        };
        let commit = option_env!("WAYBILL_COMMIT").unwrap_or("unknown");
        metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION"), commit]).set(1);
        Ok(metrics)
    }

    /// Handles for the records of one input topic (without prefix). Resolve once, use for every transaction.
    pub fn source(&self, service: &str, topic: &str) -> SourceCounters {
        let verdict = |name| self.records.with_label_values(&[service, topic, name]);
        SourceCounters {
            service: service.to_owned(),
            published: verdict("published"),
            duplicate: verdict("duplicate"),
            dead_lettered: verdict("dead_lettered"),
            end_to_end: self.end_to_end.with_label_values(&[service, topic]),
            reasons: self.duplicates.clone(),
            codes: self.dead_letters.clone(),
        }
    }

    /// Handles for the loop of one service.
    pub fn engine(&self, service: &str) -> EngineMetrics {
        EngineMetrics {
            service: service.to_owned(),
            committed: self.transactions.with_label_values(&[service, "committed"]),
            aborted: self.transactions.with_label_values(&[service, "aborted"]),
            commit_time: self.transaction_time.with_label_values(&[service, "committed"]),
            abort_time: self.transaction_time.with_label_values(&[service, "aborted"]),
            all: self.clone(),
        }
    }

    /// Handle for the records that a service publishes to one topic (without prefix); add after the commit.
    pub fn published(&self, service: &str, topic: &str) -> IntCounter {
        self.published_records.with_label_values(&[service, topic])
    }

    /// Handle for charges that `source` announces and that lack a currency, an amount that can be read, or a carrier.
    pub fn charges_left_out(&self, source: &str) -> IntCounter {
        self.charges_left_out.with_label_values(&[source])
    }

    /// Handle for codes of `source` (`ups`, `x12_214`) that no table knows. Which code it was is in the event and the log.
    pub fn unknown_codes(&self, source: &str) -> IntCounter {
        self.unknown_codes.with_label_values(&[source])
    }

    /// A raw message of `source` was checked: genuine, not to be known, or (`None`) refused.
    pub fn signature_checked(&self, source: &str, verified: Option<bool>) {
        let outcome = match verified {
            Some(true) => "verified",
            Some(false) => "unverified",
            None => "refused",
        };
        self.signatures.with_label_values(&[source, outcome]).inc();
    }

    /// A call to Odoo has ended; `class` is one of the few classes of `odoo`'s errors, or `ok`.
    pub fn odoo_called(&self, instance: &str, class: &str, took: Duration) {
        self.odoo_calls.with_label_values(&[instance, class]).inc();
        self.odoo_call_time.with_label_values(&[instance]).observe(took.as_secs_f64());
    }

    /// An effect has ended; `kind` is the command (`note`, `pod`), `outcome` one of `done`, `found_done`, `retried`, `parked`.
    pub fn effect_ended(&self, kind: &str, outcome: &str) {
        self.effects.with_label_values(&[kind, outcome]).inc();
    }

    /// Calls to `target` (an Odoo instance by its configured name) are held back, or no longer.
    pub fn breaker(&self, target: &str, open: bool) {
        self.breaker_open.with_label_values(&[target]).set(i64::from(open));
    }

    /// The text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        // The encoder fails only on a metric without a name, which `new` would have refused.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// What became of the records of one input topic. All counts are added after the transaction committed, so that
/// `published + duplicate + dead_lettered` is what was consumed for good (C1).
#[derive(Debug, Clone)]
pub struct SourceCounters {
    service: String,
    published: IntCounter,
    duplicate: IntCounter,
    dead_lettered: IntCounter,
    end_to_end: Histogram,
    reasons: IntCounterVec,
    codes: IntCounterVec,
}

impl SourceCounters {
    /// Records from which something was published.
    pub fn published(&self, records: u64) {
        self.published.inc_by(records);
    }

    /// Records that said nothing new, for one of the processor's few reasons.
    pub fn duplicate(&self, reason: &'static str, records: u64) {
        self.duplicate.inc_by(records);
        self.reasons.with_label_values(&[self.service.as_str(), reason]).inc_by(records);
    }

    /// Records that went to the dead letters.
    pub fn dead_lettered(&self, code: Code, records: u64) {
        self.dead_lettered.inc_by(records);
        self.codes.with_label_values(&[self.service.as_str(), &code.to_string()]).inc_by(records);
    }

    /// What came of a record is committed, `took` after what it tells reached us.
    pub fn end_to_end(&self, took: Duration) {
        self.end_to_end.observe(took.as_secs_f64());
    }

    /// One record with this verdict.
    pub fn decided(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Publish => self.published(1),
            Verdict::Duplicate(reason) => self.duplicate(reason, 1),
            Verdict::Park(park) | Verdict::Partly(park) => self.dead_lettered(park.code, 1),
        }
    }
}

/// What happens in the loop of one service.
#[derive(Debug, Clone)]
pub struct EngineMetrics {
    service: String,
    committed: IntCounter,
    aborted: IntCounter,
    commit_time: Histogram,
    abort_time: Histogram,
    all: Metrics,
}

impl EngineMetrics {
    /// A transaction committed, `took` after it was opened.
    pub fn transaction_committed(&self, took: Duration) {
        self.committed.inc();
        self.commit_time.observe(took.as_secs_f64());
    }

    /// A transaction was thrown away.
    pub fn transaction_aborted(&self, took: Duration) {
        self.aborted.inc();
        self.abort_time.observe(took.as_secs_f64());
    }

    /// How far a partition (topic without prefix) is behind.
    pub fn lag(&self, topic: &str, partition: i32, records: i64) {
        self.all.consumer_lag.with_label_values(&[self.service.as_str(), topic, &partition.to_string()]).set(records);
    }

    /// A partition has left: its lag is another instance's to tell.
    pub fn lag_forgotten(&self, topic: &str, partition: i32) {
        // It is no matter if the lag was never told.
        let _ = self.all.consumer_lag.remove_label_values(&[self.service.as_str(), topic, &partition.to_string()]);
    }

    /// A partition's store stands at the end of its changelog.
    pub fn restored(&self, records: u64, took: Duration) {
        self.all.restored_records.with_label_values(&[&self.service]).inc_by(records);
        self.all.restore_time.with_label_values(&[&self.service]).observe(took.as_secs_f64());
    }

    /// A store was wiped; `reason` is one of the store's few (`corrupt`, `ahead`, `foreign`, `version`).
    pub fn store_rebuilt(&self, reason: &str) {
        self.all.store_rebuilds.with_label_values(&[self.service.as_str(), reason]).inc();
    }

    /// Size of all stores of this service here.
    pub fn store_bytes(&self, bytes: u64) {
        self.all.store_bytes.with_label_values(&[&self.service]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Partitions came or went; `kind` is `assigned`, `revoked` or `lost`.
    pub fn rebalanced(&self, kind: &str) {
        self.all.rebalances.with_label_values(&[self.service.as_str(), kind]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Park;

    #[test]
    fn verdicts_are_counted_once_under_every_name() {
        let metrics = Metrics::new().unwrap();
        let source = metrics.source("carrier-normalizer", "raw.carrier.ups");
        source.decided(&Verdict::Publish);
        source.decided(&Verdict::Duplicate("repeated"));
        source.decided(&Verdict::Park(Park::new(Code::MALFORMED, "truncated")));
        source.published(4);
        let told = metrics.render();
        for line in [
            r#"waybill_records_total{service="carrier-normalizer",source="raw.carrier.ups",verdict="published"} 5"#,
            r#"waybill_records_total{service="carrier-normalizer",source="raw.carrier.ups",verdict="duplicate"} 1"#,
            r#"waybill_records_total{service="carrier-normalizer",source="raw.carrier.ups",verdict="dead_lettered"} 1"#,
            r#"waybill_duplicates_total{reason="repeated",service="carrier-normalizer"} 1"#,
            r#"waybill_dead_letters_total{code="WB-0104",service="carrier-normalizer"} 1"#,
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
    }

    #[test]
    fn the_loop_tells_its_times_and_forgets_lag_of_partitions_that_left() {
        let metrics = Metrics::new().unwrap();
        let engine = metrics.engine("shipment-tracker");
        engine.transaction_committed(Duration::from_millis(40));
        engine.transaction_aborted(Duration::from_millis(2));
        metrics.source("shipment-tracker", "shipment.observations").end_to_end(Duration::from_millis(90));
        engine.restored(7, Duration::from_secs(1));
        engine.lag("shipment.observations", 3, 12);
        let lag = r#"waybill_consumer_lag_records{partition="3",service="shipment-tracker",topic="shipment.observations"} 12"#;
        assert!(metrics.render().contains(lag));
        engine.lag_forgotten("shipment.observations", 3);
        let told = metrics.render();
        assert!(!told.contains(lag));
        assert!(told.contains(r#"waybill_transaction_seconds_count{outcome="committed",service="shipment-tracker"} 1"#), "{told}");
        assert!(told.contains(r#"waybill_restored_records_total{service="shipment-tracker"} 7"#), "{told}");
    }

    /// A row of the document: name, type and labels.
    fn row_of(line: &str) -> String {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let mut labels: Vec<&str> = cells[3].split(", ").collect();
        labels.sort_unstable();
        format!("{} {} {}", cells[1], cells[2], labels.join(","))
    }

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let metrics = Metrics::new().unwrap();
        let (engine, source) = (metrics.engine("s"), metrics.source("s", "t"));
        source.duplicate("r", 1);
        source.dead_lettered(Code::MALFORMED, 1);
        metrics.published("s", "t").inc();
        metrics.unknown_codes("ups").inc();
        metrics.charges_left_out("x12_ship").inc();
        metrics.signature_checked("ups", Some(true));
        metrics.odoo_called("main", "ok", Duration::from_millis(3));
        metrics.effect_ended("note", "done");
        metrics.breaker("main", true);
        engine.lag("t", 0, 1);
        engine.restored(1, Duration::ZERO);
        engine.store_rebuilt("corrupt");
        engine.store_bytes(1);
        engine.rebalanced("assigned");
        let families = metrics.registry.gather();
        assert_eq!(families.iter().filter(|f| f.name().starts_with("waybill_")).count(), 21, "every metric is told");
        let documented: std::collections::BTreeSet<String> =
            include_str!("../../docs/metrics.md").lines().filter(|line| line.starts_with("| `waybill_")).map(row_of).collect();
        let told = families.iter().filter(|f| f.name().starts_with("waybill_")).map(|f| {
            let mut labels: Vec<&str> = f.get_metric()[0].get_label().iter().map(|l| l.name()).collect();
            labels.sort_unstable();
            format!("{} {:?} {}", f.name(), f.get_field_type(), labels.join(",")).to_lowercase()
        });
        assert_eq!(told.collect::<std::collections::BTreeSet<_>>(), documented, "docs/metrics.md tells what there is");
        for family in families.iter().filter(|f| f.name().starts_with("waybill_")) {
            let (name, counter) = (family.name(), family.get_field_type() == prometheus::proto::MetricType::COUNTER);
            assert_eq!(counter, name.ends_with("_total"), "{name}");
            assert!(!family.help().is_empty() && !name.contains("milli"), "{name}");
        }
    }
}
