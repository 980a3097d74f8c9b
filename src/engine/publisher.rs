//! From a processor's outputs to records in the open transaction.

use std::collections::HashMap;
use std::sync::Arc;

use super::Error;
use super::processor::Output;
use super::spec::ServiceSpec;
use crate::kafka::{self, OutRecord, TransactionalProducer};
use crate::schema::codec::Codecs;
use crate::telemetry::trace::TraceContext;

/// What keeps a record from being sent.
#[derive(Debug)]
pub(super) enum SendError {
    Kafka(kafka::Error),
    Engine(Error),
}

impl From<kafka::Error> for SendError {
    fn from(error: kafka::Error) -> Self {
        Self::Kafka(error)
    }
}

/// Encodes and sends; keeps its buffers.
#[derive(Debug)]
pub(super) struct Publisher {
    codecs: Arc<Codecs>,
    topics: HashMap<&'static str, (String, u32)>,
    service: &'static str,
    buffer: Vec<u8>,
    counts: HashMap<&'static str, u64>,
}

impl Publisher {
    pub(super) fn new(spec: &ServiceSpec, codecs: Arc<Codecs>) -> Self {
        let topics = spec.schema_ids.iter().map(|(topic, id)| (*topic, (spec.full(topic), *id))).collect();
        Self { codecs, topics, service: spec.name, buffer: Vec::with_capacity(4096), counts: HashMap::new() }
    }

    /// Sends one output with its CloudEvents headers and the next hop of its trace.
    pub(super) fn send(&mut self, producer: &TransactionalProducer, output: &Output, trace: TraceContext) -> Result<(), SendError> {
        let (topic, id) = self
            .topics
            .get(output.topic)
            .ok_or_else(|| SendError::Engine(Error::Encode(format!("no schema id for topic {}", output.topic))))?;
        self.buffer.clear();
        self.codecs.encode(&output.record, *id, &mut self.buffer).map_err(|e| SendError::Engine(Error::Encode(e.to_string())))?;
        let headers = crate::schema::cloudevents::output_headers(self.service, &output.record, &trace.child(self.service).to_string());
        producer.send(&OutRecord {
            topic,
            partition: None,
            key: output.key.as_bytes(),
            value: Some(&self.buffer),
            headers: &headers,
            timestamp_ms: None,
            report_offset: false,
        })?;
        *self.counts.entry(output.topic).or_default() += 1;
        Ok(())
    }

    /// How many records went to each topic since the last call.
    pub(super) fn take_counts(&mut self) -> HashMap<&'static str, u64> {
        std::mem::take(&mut self.counts)
    }
}
