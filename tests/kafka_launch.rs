//! The broker of the tests is a real one: it hides what was aborted and keeps what was committed over a crash.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use support::kafka::{Down, Kafka, unique};
use support::wait_until;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn committed_records_are_seen_and_survive_a_crash_of_the_broker_and_aborted_ones_are_not() {
    let kafka = Kafka::shared();
    let topic = unique("launch");
    kafka.create_topic(&topic, 2, &[]);
    let producer: BaseProducer = kafka.client(&[("transactional.id", &unique("tx")), ("linger.ms", "0")]).create().expect("a producer");
    producer.init_transactions(LIMIT).expect("transactions");

    producer.begin_transaction().expect("begin");
    send(&producer, &topic, "aborted");
    producer.abort_transaction(LIMIT).expect("abort");
    producer.begin_transaction().expect("begin");
    send(&producer, &topic, "committed");
    producer.commit_transaction(LIMIT).expect("commit");
    producer.begin_transaction().expect("begin");
    send(&producer, &topic, "open");
    assert_eq!(values(kafka, &topic), ["committed"]);
    producer.abort_transaction(LIMIT).expect("abort");

    if kafka.can_restart() {
        for how in [Down::Kill, Down::Term] {
            kafka.restart(how);
            assert_eq!(values(kafka, &topic), ["committed"], "after {how:?}");
        }
    }
}

fn send(producer: &BaseProducer, topic: &str, value: &str) {
    producer.send(BaseRecord::<str, str>::to(topic).payload(value).key("k")).expect("queued");
    wait_until(LIMIT, "the broker has the record", || {
        producer.poll(Duration::from_millis(1));
        producer.in_flight_count() == 0
    });
}

fn values(kafka: &Kafka, topic: &str) -> Vec<String> {
    kafka.read_committed(topic).iter().map(|record| String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned()).collect()
}
