//! Topics, raw events and the reader at the other end.

use std::time::{Duration, Instant, SystemTime};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use waybill::domain::record::Record;

use super::child;
use super::support::kafka::Kafka;

pub(crate) const PARTITIONS: i32 = 6;
const TOPICS: [&str; 14] = [
    "raw.carrier.ups",
    "raw.carrier.fedex",
    "raw.carrier.easypost",
    "raw.carrier.x12-214",
    "shipment.observations",
    "shipment.links",
    "shipment.parcels",
    "source.counts",
    "shipment.events",
    "shipment.status",
    "delivery.status",
    "exceptions",
    "carrier-normalizer.dlq",
    "shipment-tracker.dlq",
];
/// Events of one shipment.
const EVENTS_PER_SHIPMENT: usize = 8;
/// Longest a record may take from end to end before the bench gives up.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn create_topics(kafka: &Kafka, prefix: &str) {
    for topic in TOPICS {
        kafka.create_topic(&format!("{prefix}{topic}"), PARTITIONS, &[]);
    }
    kafka.create_topic(&format!("{prefix}shipment-tracker.changelog"), PARTITIONS, &[("cleanup.policy", "compact")]);
}

/// Takes them away again: the broker gets slower with every partition that it has.
pub(crate) fn drop_topics(kafka: &Kafka, prefix: &str) {
    let mut names: Vec<String> = TOPICS.iter().map(|topic| format!("{prefix}{topic}")).collect();
    names.push(format!("{prefix}shipment-tracker.changelog"));
    kafka.drop_topics(&names);
}

/// The same for every run: SplitMix64.
fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn number(shipment: usize) -> String {
    format!("1Z88W0E7{:010}", shipment * 7919 % 10_000_000_000)
}

/// The events of a thousand shipments run side by side, as they do in a day.
fn happening(n: usize) -> (usize, usize) {
    const SIDE_BY_SIDE: usize = 1000;
    let (group, within) = (n / (SIDE_BY_SIDE * EVENTS_PER_SHIPMENT), n % (SIDE_BY_SIDE * EVENTS_PER_SHIPMENT));
    (group * SIDE_BY_SIDE + within % SIDE_BY_SIDE, within / SIDE_BY_SIDE)
}

/// One event of a shipment, in the form of UPS's push, with what a real one carries beside what is read.
pub(crate) fn body(n: usize) -> Vec<u8> {
    const CODES: [(&str, &str, &str, &str); EVENTS_PER_SHIPMENT] = [
        ("M", "MP", "Shipper created a label, UPS has not received the package yet.", "003"),
        ("P", "OR", "Origin Scan", "005"),
        ("I", "DP", "Departed from Facility", "005"),
        ("I", "AR", "Arrived at Facility", "005"),
        ("I", "DP", "Departed from Facility", "005"),
        ("I", "AR", "Arrived at Facility", "005"),
        ("I", "OT", "Out For Delivery Today", "021"),
        ("D", "KB", "DELIVERED", "011"),
    ];
    const CITIES: [(&str, &str, &str); 4] =
        [("Madison", "WI", "53703"), ("Louisville", "KY", "40213"), ("Ontario", "CA", "91761"), ("Hodgkins", "IL", "60525")];
    let (shipment, nth) = happening(n);
    let ((kind, code, words, shown), (city, state, postal)) = (CODES[nth], CITIES[(shipment + nth / 2) % 4]);
    let tracking = number(shipment);
    let time = format!("{:02}{:02}{:02}", nth * 2 + 1, shipment % 60, shipment / 60 % 60);
    let gmt = format!("{:02}{:02}{:02}", nth * 2 + 7, shipment % 60, shipment / 60 % 60);
    let signed = if kind == "D" { "MORGAN" } else { "" };
    let padding = format!("{:016x}", hash(n as u64)).repeat(40);
    let text = format!(
        r#"{{"trackingNumber":"{tracking}","localActivityDate":"20261119","localActivityTime":"{time}","activityLocation":{{"city":"{city}","stateProvince":"{state}","postalCode":"{postal}","country":"US"}},"activityStatus":{{"type":"{kind}","code":"{code}","description":"{words}","descriptionCode":"{shown}"}},"scheduledDeliveryDate":"20261121","actualDeliveryDate":"","actualDeliveryTime":"","gmtActivityDate":"20261119","gmtActivityTime":"{gmt}","gmtOffset":"-06:00","deliveryStartTime":"103000","deliveryEndTime":"143000","deliveryTimeDescription":"","deliveryPhoto":"","receivedBy":"{signed}","service":{{"code":"003","description":"UPS Ground"}},"packageCount":1,"referenceNumber":[{{"type":"SHIPMENT","number":"S{shipment:09}"}},{{"type":"PACKAGE","number":"WH/OUT/{shipment:07}"}}],"weight":{{"unitOfMeasurement":"LBS","weight":"4.20"}},"accessPointInformation":{{"pickupByDate":""}},"subscription":{{"id":"{padding}"}}}}"#
    );
    text.into_bytes()
}

fn producer(kafka: &Kafka) -> BaseProducer {
    kafka.client(&[("partitioner", "murmur2_random"), ("queue.buffering.max.messages", "20000")]).create().unwrap()
}

/// A raw record as a relay sends it.
fn send(producer: &BaseProducer, topic: &str, n: usize) {
    let (id, key, body) = (format!("evt-{n:012}"), number(happening(n).0), body(n));
    let header = |key, value| Header { key, value: Some(value) };
    let headers = OwnedHeaders::new()
        .insert(header("ce_specversion", "1.0"))
        .insert(header("ce_id", &id))
        .insert(header("ce_source", "relay/ups"))
        .insert(header("ce_type", "carrier.ups"))
        .insert(header("content-type", "application/json"));
    let mut record = BaseRecord::to(topic).key(&key).payload(&body).headers(headers);
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(500));
        record = back;
    }
}

/// Puts `events` raw records where the services will find them.
pub(crate) fn preload(kafka: &Kafka, prefix: &str, events: usize) {
    let (producer, topic) = (producer(kafka), format!("{prefix}raw.carrier.ups"));
    for n in 0..events {
        send(&producer, &topic, n);
    }
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn now_millis() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// Produces at a steady pace and reads what comes of it; milliseconds from end to end of every event after the warm-up.
pub(crate) fn paced(kafka: &Kafka, prefix: &str, per_second: usize, warm_up_seconds: usize, seconds: usize) -> Vec<i64> {
    let (warm_up, events) = (per_second * warm_up_seconds, per_second * (warm_up_seconds + seconds));
    let raw = format!("{prefix}raw.carrier.ups");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(kafka, prefix, warm_up, events));
        let producer = producer(kafka);
        let started = Instant::now();
        let mut sent = 0;
        while sent < events {
            let due = ((started.elapsed().as_secs_f64() * per_second as f64) as usize).min(events);
            for n in sent..due {
                send(&producer, &raw, n);
            }
            sent = due;
            producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(500));
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(500));
        }
        reader.join().unwrap()
    })
}

fn read(kafka: &Kafka, prefix: &str, warm_up: usize, events: usize) -> Vec<i64> {
    let group = format!("{prefix}reader");
    let settings = [("group.id", group.as_str()), ("isolation.level", "read_committed"), ("auto.offset.reset", "earliest")];
    let consumer: BaseConsumer = kafka.client(&settings).create().unwrap();
    consumer.subscribe(&[&format!("{prefix}shipment.events")]).unwrap();
    let (codecs, _) = child::contracts();
    let mut millis = Vec::with_capacity(events);
    let mut read = 0;
    let mut last = Instant::now();
    while read < events {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            assert!(last.elapsed() < LIMIT, "{read} of {events} events came through");
            continue;
        };
        let (message, now) = (message.unwrap(), now_millis());
        last = Instant::now();
        read += 1;
        let Ok(Record::ShipmentEvent(event)) = codecs.decode("ShipmentEvent", message.payload().unwrap()) else { panic!("no event") };
        if read > warm_up {
            millis.push(now - event.received_at / 1000);
        }
    }
    millis
}
