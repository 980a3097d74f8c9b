//! What the rooms below want to be told, made from the configuration.

use std::time::Duration;

use crate::config::{Assignor, Config};
use crate::kafka::KafkaSettings;

/// The Kafka clients of a service, or of a command under a name of its own: the consumer group is the configured prefix with
/// `service` behind it. Properties are told in clear, because only the client sees them.
#[must_use]
pub fn kafka_settings(config: &Config, service: &str, assignor: Assignor) -> KafkaSettings {
    let kafka = &config.kafka;
    KafkaSettings {
        brokers: kafka.brokers.clone(),
        group: kafka.prefixed(service),
        instance_id: kafka.instance_id.clone(),
        assignor: assignor.as_str().to_owned(),
        group_instance_id: Some(kafka.group_instance_id.clone()).filter(|id| !id.is_empty()),
        transaction_timeout: Duration::from_millis(kafka.transaction_timeout_ms),
        session_timeout: Duration::from_millis(kafka.session_timeout_ms),
        max_poll_interval: Duration::from_millis(kafka.max_poll_interval_ms),
        properties: kafka.properties.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    #[test]
    fn groups_carry_the_prefix_and_secrets_reach_the_client() {
        let environment = [
            ("WAYBILL_KAFKA__BROKERS", "one:9092,two:9092"),
            ("WAYBILL_KAFKA__PREFIX", "acme."),
            ("WAYBILL_KAFKA__INSTANCE_ID", "0"),
            ("WAYBILL_KAFKA__PROPERTIES__SASL_PASSWORD", "hunter2"),
        ];
        let environment: Vec<(String, String)> = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = load(None, &environment, None).expect("settings").config;
        let settings = kafka_settings(&config, "shipment-tracker", Assignor::Range);
        assert_eq!(
            (settings.brokers.as_str(), settings.transactional_id().as_str(), settings.assignor.as_str(), &settings.group_instance_id),
            ("one:9092,two:9092", "acme.shipment-tracker-0", "range", &None)
        );
        assert_eq!(settings.properties.get("sasl.password").map(String::as_str), Some("hunter2"), "{:?}", settings.properties.keys());
    }
}
