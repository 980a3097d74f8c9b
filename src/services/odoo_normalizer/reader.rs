//! First step: one raw message in, one image out. Remembers nothing.

use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::{IMAGES_TOPIC, OdooInstance, OdooNormalizerSettings};
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};
use crate::odoo::changes::{self, ChangeMessage, Parsed};

/// Decodes a value in the Confluent wire format (first byte 0) into JSON: unions unwrapped, decimals as strings, other bytes as base64.
pub type AvroDecoder = Arc<dyn Fn(&[u8]) -> Result<Value, Park> + Send + Sync>;

/// A topic pattern of the configuration is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error("topics of Odoo instance {instance} are no regular expression: {source}")]
pub struct PatternError {
    instance: String,
    source: regex::Error,
}

/// Reads raw messages of every form into images.
pub struct ImageReader {
    settings: Arc<OdooNormalizerSettings>,
    /// Each with the place of its instance in the settings.
    patterns: Vec<(Regex, usize)>,
    decode: AvroDecoder,
}

impl std::fmt::Debug for ImageReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageReader").field("patterns", &self.patterns).finish()
    }
}

impl ImageReader {
    /// A reader for the configured instances.
    ///
    /// # Errors
    /// When a topic pattern is no regular expression.
    pub fn new(settings: Arc<OdooNormalizerSettings>, decode: AvroDecoder) -> Result<Self, PatternError> {
        let mut patterns = Vec::new();
        for (place, instance) in settings.instances.iter().enumerate() {
            for topics in &instance.debezium_topics {
                let pattern =
                    Regex::new(&format!("^(?:{topics})$")).map_err(|source| PatternError { instance: instance.name.clone(), source })?;
                patterns.push((pattern, place));
            }
        }
        Ok(Self { settings, patterns, decode })
    }

    /// The instance that a topic belongs to: that of its webhooks, else the first whose pattern names it.
    fn instance(&self, topic: &str) -> Option<&OdooInstance> {
        let instances = &self.settings.instances;
        instances.iter().find(|i| i.webhook_topic == topic).or_else(|| {
            let (_, place) = self.patterns.iter().find(|(pattern, _)| pattern.is_match(topic))?;
            instances.get(*place)
        })
    }

    fn read(&self, input: &Input<'_>) -> Result<Parsed, Park> {
        let Payload::Raw(value) = &input.payload else {
            return Err(Park::new(Code::WRONG_SCHEMA, "a raw message was expected"));
        };
        let instance =
            self.instance(input.topic).ok_or_else(|| Park::new(Code::BAD_CHANGE_EVENT, "no Odoo instance is configured for this topic"))?;
        let avro = match value {
            Some(bytes) if bytes.first() == Some(&0) => Some((self.decode)(bytes)?),
            _ => None,
        };
        changes::parse(&ChangeMessage {
            topic: input.topic,
            key: input.key,
            value: *value,
            instance: &instance.name,
            language: &instance.language,
            received_at: input.received_at,
            avro,
        })
    }
}

impl Processor for ImageReader {
    fn process(&self, input: &Input<'_>, _state: &mut dyn State, _now: Micros, out: &mut Outputs) -> Verdict {
        match self.read(input) {
            Ok(Parsed::Image(image)) => {
                out.publish(IMAGES_TOPIC, image.odoo_instance.clone(), Record::OdooImage(Box::new(image)));
                Verdict::Publish
            }
            Ok(Parsed::Nothing(kind)) => Verdict::Duplicate(kind),
            Err(park) => Verdict::Park(park),
        }
    }
}
