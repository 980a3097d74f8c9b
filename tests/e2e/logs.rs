//! Logs are for machines, and personal data stays in the topics that are marked for it.

use serde_json::Value;

use crate::look::Metrics;
use crate::story::{GONE, ODOO_KEY, PERSONAL, POISON_TRACE, REGISTRY_PASSWORD, Scene, UPS};
use crate::trace::header;

pub(crate) fn are_json_and_hold_nothing_personal(scene: &Scene) {
    for instance in &scene.instances {
        let output = instance.output();
        assert!(!output.is_empty());
        for line in output.lines() {
            let told: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{}: not JSON: {line}", instance.service));
            assert!(told["timestamp"].is_string() && told["level"].is_string(), "{line}");
        }
        clean(&output, &format!("the log of {}", instance.service));
        clean(&Metrics::of(instance).text, &format!("the metrics of {}", instance.service));
    }
    let mut letters = 0;
    for service in crate::SERVICES {
        for letter in scene.rig.read(&format!("{service}.dlq")) {
            letters += 1;
            for (name, value) in &letter.headers {
                clean(&String::from_utf8_lossy(value), &format!("header {name} of a dead letter of {service}"));
            }
            assert!(header(&letter, "wb_code").is_some_and(|code| code.starts_with("WB-")));
            letter_is_whole(scene, &letter);
        }
    }
    assert!(letters >= 4, "only {letters} dead letters");
    dead_letters_are_logged(scene);
}

/// The value of a dead letter is what came in, byte for byte: that is where the personal data still is.
fn letter_is_whole(scene: &Scene, letter: &waybill::testkit::oracle::Read) {
    let from = header(letter, "wb_topic").and_then(|t| t.strip_prefix(&scene.rig.prefix)).expect("a topic of ours");
    if from.starts_with("raw.") {
        assert!(scene.fed.iter().any(|fed| fed.topic == from && fed.value == letter.value), "a dead letter of {from} is not what came in");
    }
}

fn clean(text: &str, what: &str) {
    let lower = text.to_lowercase();
    // Basic authentication of user and password as it goes over the wire.
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("waybill:{REGISTRY_PASSWORD}"));
    for secret in PERSONAL.iter().copied().chain([ODOO_KEY, REGISTRY_PASSWORD, &encoded]) {
        let line = lower.lines().find(|line| line.contains(&secret.to_lowercase()));
        assert!(line.is_none(), "{secret:?} is in {what}: {line:?}");
    }
}

fn dead_letters_are_logged(scene: &Scene) {
    let lines = |service: &str| -> Vec<Value> {
        let output = scene.of(service).output();
        let all = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|line| line["event"] == "dead_lettered").collect()
    };
    let carrier = lines("carrier-normalizer");
    let unreadable = carrier.iter().find(|line| line["code"] == "WB-0104").expect("the broken message is logged");
    assert_eq!((unreadable["trace_id"].as_str(), unreadable["shipment"].as_str()), (Some(POISON_TRACE), Some(UPS)), "{unreadable}");
    assert_eq!(unreadable["topic"], "raw.carrier.ups");
    let writer = lines("odoo-writer");
    let refused = writer.iter().find(|line| line["code"] == "WB-0140").expect("the refusal is logged");
    assert_eq!(refused["shipment"], format!("main:1:{GONE}"), "{refused}");
    for line in carrier.iter().chain(&writer).chain(&lines("odoo-normalizer")) {
        assert!(line["trace_id"].as_str().is_some_and(|id| id.len() == 32) && line["code"].is_string(), "{line}");
    }
    let output = scene.of("carrier-normalizer").output();
    let unknown = output.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()).find(|l| l["event"] == "unknown_code");
    let unknown = unknown.expect("the code nobody knows is logged");
    assert_eq!(
        (unknown["source"].as_str(), unknown["raw_code"].as_str(), unknown["shipment"].as_str()),
        (Some("ups"), Some("ZZ9"), Some(UPS))
    );
}
