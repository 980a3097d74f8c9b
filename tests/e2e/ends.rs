//! Ends in good order under load, and refusals to begin.

use std::time::{Duration, Instant};

use serde_json::Value;
use waybill::kafka::EmbeddedBroker;
use waybill::testkit::generator::generate;

use crate::SERVICES;
use crate::look;
use crate::support::kafka::Kafka;
use crate::support::rig::{Instance, Rig};
use crate::support::{poll_until, wait_until};

/// Longest that a service may take to end after SIGTERM.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Two instances of each service, and one of each is asked to end while there is work.
pub(crate) fn under_load() {
    let mut rig = Rig::new(Kafka::shared(), "term");
    let run = generate(20_261_121, 3_000);
    let mut staying: Vec<Instance> = SERVICES.iter().map(|s| rig.start(s, "1", false)).collect();
    let mut leaving: Vec<Instance> = SERVICES.iter().map(|s| rig.start(s, "0", false)).collect();
    look::wait_ready(&staying);
    look::wait_ready(&leaving);
    let mut portions = run.records.chunks(run.records.len().div_ceil(SERVICES.len()));
    for (going, stays) in leaving.iter_mut().zip(&staying) {
        rig.produce(portions.next().expect("one for each"));
        wait_until(Duration::from_secs(30), &format!("{} works", going.service), || consumed(going) > 0);
        let assigned = assignments(stays);
        end(going);
        let heir = poll_until(Duration::from_secs(10), || (assignments(stays) > assigned).then_some(()));
        assert!(heir.is_some(), "{}: nobody has taken over", going.service);
    }
    rig.wait_idle(Duration::from_mins(2), &mut staying);
    rig.judge(&run);
    for instance in &mut staying {
        end(instance);
    }
}

fn consumed(instance: &Instance) -> u64 {
    look::Metrics::of(instance).count("waybill_records_total", &[])
}

fn assignments(instance: &Instance) -> usize {
    events(instance).iter().filter(|line| line["event"] == "rebalanced" && line["kind"] == "assigned").count()
}

fn events(instance: &Instance) -> Vec<Value> {
    instance.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn end(instance: &mut Instance) {
    let started = Instant::now();
    instance.signal("TERM");
    let code = instance.exit_code(END_LIMIT);
    assert_eq!(code, Some(0), "{} after {:?}:\n{}", instance.service, started.elapsed(), instance.output());
    let last: Vec<Value> = events(instance).into_iter().rev().take(2).map(|line| line["event"].clone()).collect();
    assert_eq!(last, ["drained", "draining"], "{}", instance.service);
}

/// librdkafka's mock accepts transactions and does not keep them.
pub(crate) fn on_a_cluster_that_ignores_aborts() {
    let broker = EmbeddedBroker::start().expect("a broker");
    // The rig's own cluster is not used, only its stand-ins.
    let mut rig = Rig::new(Kafka::shared(), "unfit");
    broker.create_topic(&format!("{}waybill.probe", rig.prefix), 1).expect("a topic");
    rig.extra.push(("WAYBILL_KAFKA__BROKERS".to_owned(), broker.brokers()));
    rig.extra.push(("WAYBILL_KAFKA__PROBE".to_owned(), "true".to_owned()));
    let mut instance = rig.start("carrier-normalizer", "0", false);
    let code = instance.exit_code(Duration::from_mins(1));
    assert_eq!(code, Some(1), "{}", instance.output());
    let told = events(&instance);
    let last = told.last().expect("it says why");
    assert_eq!((last["event"].as_str(), last["code"].as_str()), (Some("stopped"), Some("WB-0201")), "{last}");
    assert!(last["cause"].as_str().is_some_and(|cause| cause.contains("aborted transaction")), "{last}");
    assert!(!rig.store_dir().join("examined.json").exists(), "only a cluster that is fit is remembered");
}
