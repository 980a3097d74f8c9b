//! The least that exactly-once costs: poll, send the same bytes, send offsets, commit. No reading, no memory.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::child::Progress;

const LIMIT: Duration = Duration::from_secs(30);
const BATCH: usize = 1000;
const BATCH_WAIT: Duration = Duration::from_millis(50);

/// Copies `events` records of `from` to `to`, with the clients' settings that the services have.
pub(crate) fn copy(brokers: &str, prefix: &str, events: usize) -> Progress {
    let (from, to) = (format!("{prefix}raw.carrier.ups"), format!("{prefix}shipment.observations"));
    let consumer = consumer(brokers, prefix);
    let producer = producer(brokers, prefix);
    producer.init_transactions(LIMIT).unwrap();
    consumer.subscribe(&[&from]).unwrap();
    let mut progress = Progress::default();
    let mut copied = 0;
    while copied < events {
        let batch = collect(&consumer);
        if batch.is_empty() {
            continue;
        }
        producer.begin_transaction().unwrap();
        for message in &batch {
            send(&producer, &to, message);
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(500));
        }
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&positions(&from, &batch), &group, LIMIT).unwrap();
        producer.commit_transaction(LIMIT).unwrap();
        copied += batch.len();
        progress.at(copied);
    }
    progress
}

fn collect(consumer: &BaseConsumer) -> Vec<BorrowedMessage<'_>> {
    let mut batch = Vec::new();
    let mut deadline = None;
    while batch.len() < BATCH {
        let wait = deadline.map_or(BATCH_WAIT, |d: Instant| d.saturating_duration_since(Instant::now()));
        if deadline.is_some() && wait.is_zero() {
            break;
        }
        match consumer.poll(wait) {
            Some(message) => batch.push(message.unwrap()),
            None if batch.is_empty() => break,
            None => {}
        }
        deadline.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
    }
    batch
}

fn send(producer: &BaseProducer, to: &str, message: &BorrowedMessage<'_>) {
    let mut headers = OwnedHeaders::new();
    for header in message.headers().into_iter().flat_map(|h| h.iter()) {
        headers = headers.insert(header);
    }
    let record = BaseRecord::to(to).key(message.key().unwrap()).payload(message.payload().unwrap()).headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

fn positions(topic: &str, batch: &[BorrowedMessage<'_>]) -> TopicPartitionList {
    let mut next = std::collections::BTreeMap::new();
    for message in batch {
        next.insert(message.partition(), message.offset() + 1);
    }
    let mut list = TopicPartitionList::new();
    for (partition, offset) in next {
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    }
    list
}

fn consumer(brokers: &str, prefix: &str) -> BaseConsumer {
    let group = format!("{prefix}copy");
    let settings = [
        ("bootstrap.servers", brokers),
        ("group.id", &group),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "earliest"),
        ("queued.min.messages", "10000"),
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.queue.backoff.ms", "20"),
        ("fetch.message.max.bytes", "1048576"),
    ];
    client(&settings).create().unwrap()
}

fn producer(brokers: &str, prefix: &str) -> BaseProducer {
    let id = format!("{prefix}copy-0");
    let settings = [
        ("bootstrap.servers", brokers),
        ("transactional.id", &id),
        ("compression.codec", "lz4"),
        ("linger.ms", "1"),
        ("partitioner", "murmur2_random"),
    ];
    client(&settings).create().unwrap()
}

fn client(settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}
