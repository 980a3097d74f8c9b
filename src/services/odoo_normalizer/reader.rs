//! First step: one raw message in, one image out. Remembers nothing.

use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::{IMAGES_TOPIC, OdooNormalizerSettings, RAW_TOPIC_PREFIX};
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
    patterns: Vec<(Regex, String)>,
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
        for instance in &settings.instances {
            let Some(topics) = &instance.topics else { continue };
            let pattern =
                Regex::new(&format!("^(?:{topics})$")).map_err(|source| PatternError { instance: instance.name.clone(), source })?;
            patterns.push((pattern, instance.name.clone()));
        }
        Ok(Self { settings, patterns, decode })
    }

    /// The instance that a topic belongs to: by name behind `raw.odoo.`, else by the first pattern that names it.
    fn instance(&self, topic: &str) -> Option<&str> {
        if let Some(part) = topic.strip_prefix(RAW_TOPIC_PREFIX) {
            return self.settings.instances.iter().map(|i| i.name.as_str()).find(|name| *name == part || name.replace('_', "-") == part);
        }
        self.patterns.iter().find(|(pattern, _)| pattern.is_match(topic)).map(|(_, name)| name.as_str())
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
            instance,
            language: &self.settings.language,
            received_at: input.received_at,
            avro,
        })
    }
}

impl Processor for ImageReader {
    fn process(&mut self, input: &Input<'_>, _state: &mut dyn State, _now: Micros, out: &mut Outputs) -> Verdict {
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
