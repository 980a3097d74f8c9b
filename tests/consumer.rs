//! A member of a group takes up what it is given when it is ready, where it says, and all the same lets go when it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use support::kafka::{Kafka, unique};
use support::wait_until;
use waybill::kafka::{AssignmentChange, GroupConsumer, KafkaSettings};

const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const PARTITIONS: i32 = 2;
/// Records in each partition.
const RECORDS: i64 = 10;

fn member(kafka: &Kafka, topic: &str, assignor: &str) -> GroupConsumer {
    let settings = KafkaSettings {
        brokers: kafka.brokers().to_owned(),
        group: unique("member"),
        instance_id: "0".into(),
        assignor: assignor.into(),
        group_instance_id: None,
        transaction_timeout: LIMIT,
        session_timeout: Duration::from_secs(6),
        max_poll_interval: Duration::from_mins(1),
        properties: BTreeMap::new(),
    };
    GroupConsumer::subscribe(&settings, &[topic.to_owned()]).expect("a member")
}

fn filled(kafka: &Kafka) -> String {
    let topic = unique("taken-up");
    kafka.create_topic(&topic, PARTITIONS, &[]);
    let producer: BaseProducer = kafka.client(&[]).create().expect("a producer");
    for partition in 0..PARTITIONS {
        for _ in 0..RECORDS {
            producer.send(BaseRecord::<(), str>::to(&topic).partition(partition).payload("x")).expect("queued");
        }
    }
    wait_until(LIMIT, "the broker has the records", || {
        producer.poll(Duration::from_millis(1));
        producer.in_flight_count() == 0
    });
    topic
}

/// A topic with records, and a member that has been given all of it. Nothing may flow meanwhile.
fn given(assignor: &str) -> (String, GroupConsumer) {
    let kafka = Kafka::shared();
    let topic = filled(kafka);
    let member = member(kafka, &topic, assignor);
    let mut given = BTreeSet::new();
    wait_until(LIMIT, "everything is given", || {
        assert!(member.poll(POLL).is_none(), "nothing flows before it is taken up");
        for change in member.take_changes() {
            if let AssignmentChange::Assigned(partitions) = change {
                given.extend(partitions);
            }
        }
        given.len() == usize::try_from(PARTITIONS).expect("small")
    });
    (topic, member)
}

/// Polls until so many records have come; their offsets by partition.
fn offsets(member: &GroupConsumer, count: usize) -> Vec<(i32, i64)> {
    let mut offsets = Vec::new();
    wait_until(LIMIT, "the records come", || {
        if let Some(message) = member.poll(POLL) {
            let message = message.expect("a record");
            offsets.push((message.partition(), message.offset()));
        }
        offsets.len() >= count
    });
    offsets.sort_unstable();
    offsets
}

fn from(partition: i32, first: i64) -> impl Iterator<Item = (i32, i64)> {
    (first..RECORDS).map(move |offset| (partition, offset))
}

#[test]
fn what_is_given_flows_from_where_it_is_taken_up_and_not_before() {
    for assignor in ["range", "cooperative-sticky"] {
        let (topic, member) = given(assignor);
        // Nobody is in a hurry: the memory of a partition may take long.
        let waited = Instant::now();
        while waited.elapsed() < Duration::from_secs(1) {
            assert!(member.poll(POLL).is_none(), "{assignor}: nothing flows before it is taken up");
        }
        member.take_up(&[(topic.clone(), 0, 7), (topic.clone(), 1, 4)], LIMIT).expect("taken up");
        let expected: Vec<_> = from(0, 7).chain(from(1, 4)).collect();
        assert_eq!(offsets(&member, expected.len()), expected, "{assignor}");
    }
}

#[test]
fn what_was_paused_since_is_taken_up_anew_and_the_rest_stays() {
    let (topic, member) = given("range");
    member.take_up(&[(topic.clone(), 0, 0), (topic.clone(), 1, RECORDS)], LIMIT).expect("taken up");
    assert_eq!(offsets(&member, 10).len(), 10);
    member.pause(&[(topic.clone(), 0)]).expect("paused");
    member.take_up(&[(topic, 0, 6)], LIMIT).expect("taken up anew");
    assert_eq!(offsets(&member, 4), from(0, 6).collect::<Vec<_>>());
    assert_eq!(member.assignment().expect("known").len(), 2, "the other partition is still assigned");
}

#[test]
fn a_member_that_never_took_anything_up_lets_go() {
    for assignor in ["range", "cooperative-sticky"] {
        let (_, member) = given(assignor);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            member.leave();
            drop(member);
            tell.send(()).expect("somebody waits");
        });
        assert!(told.recv_timeout(LIMIT).is_ok(), "{assignor}: it does not end");
    }
}
