//! The registry and the Avro reader of the tests work together: what is registered by REST and written in the wire format
//! is read by a consumer that knows nothing of waybill.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use support::kafka::{Kafka, unique};
use support::{python, registry::Registry, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_foreign_consumer_reads_a_record_by_the_schema_that_was_registered() {
    let (kafka, registry) = (Kafka::shared(), Registry::start());
    let topic = unique("avro");
    kafka.create_topic(&topic, 1, &[]);
    let id = register(&registry, &topic);
    if registry.can_restart() {
        registry.stop();
        registry.resume();
    }

    // The wire format by hand: magic byte, schema id, then the string "parcel" as Avro writes it (zigzag length, bytes).
    let mut value = vec![0];
    value.extend(id.to_be_bytes());
    value.extend([12]);
    value.extend(b"parcel");
    let producer: BaseProducer = kafka.client(&[]).create().expect("a producer");
    producer.send(BaseRecord::to(&topic).key("k").payload(&value)).expect("queued");
    wait_until(LIMIT, "the broker has the record", || {
        producer.poll(Duration::from_millis(1));
        producer.in_flight_count() == 0
    });

    let records = python::read_avro(kafka.brokers(), registry.url(), &topic, 1, LIMIT);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["value"], serde_json::json!({"what": "parcel"}));
    assert_eq!(records[0]["key"], "k");
}

fn register(registry: &Registry, topic: &str) -> u32 {
    let schema = r#"{"type":"record","name":"Thing","fields":[{"name":"what","type":"string"}]}"#;
    let url = format!("{}/subjects/{topic}-value/versions", registry.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer: serde_json::Value = runtime.block_on(async {
        let body = serde_json::json!({ "schema": schema });
        reqwest::Client::new().post(url).json(&body).send().await.expect("the registry answers").json().await.expect("json")
    });
    u32::try_from(answer["id"].as_u64().expect("an id")).expect("ids are small")
}
