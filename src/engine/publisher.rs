//! From a processor's outputs to records in the open transaction.

use std::sync::Arc;

use super::Error;
use super::processor::Output;
use super::spec::ServiceSpec;
use crate::kafka::{self, OutRecord, TransactionalProducer};
use crate::schema::cloudevents::OutputHeaders;
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

/// One topic that is written to.
#[derive(Debug)]
struct Outlet {
    topic: &'static str,
    with_prefix: String,
    schema_id: u32,
    /// Records sent since they were last counted.
    sent: u64,
}

/// Encodes and sends; keeps its buffers.
#[derive(Debug)]
pub(super) struct Publisher {
    codecs: Arc<Codecs>,
    /// Few, so that looking through them is faster than hashing.
    topics: Vec<Outlet>,
    service: &'static str,
    source: String,
    buffer: Vec<u8>,
}

impl Publisher {
    pub(super) fn new(spec: &ServiceSpec, codecs: Arc<Codecs>) -> Self {
        let outlet = |(topic, id): (&&'static str, &u32)| Outlet { topic, with_prefix: spec.full(topic), schema_id: *id, sent: 0 };
        let topics = spec.schema_ids.iter().map(outlet).collect();
        let source = format!("waybill/{}", spec.name);
        Self { codecs, topics, service: spec.name, source, buffer: Vec::with_capacity(4096) }
    }

    /// Sends one output with its CloudEvents headers and the next hop of its trace.
    pub(super) fn send(&mut self, producer: &TransactionalProducer, output: &Output, trace: TraceContext) -> Result<(), SendError> {
        let outlet = self
            .topics
            .iter_mut()
            .find(|outlet| outlet.topic == output.topic)
            .ok_or_else(|| SendError::Engine(Error::Encode(format!("no schema id for topic {}", output.topic))))?;
        self.buffer.clear();
        let encoded = self.codecs.encode(&output.record, outlet.schema_id, &mut self.buffer);
        encoded.map_err(|e| SendError::Engine(Error::Encode(e.to_string())))?;
        let headers = OutputHeaders::new(&self.source, &output.record, trace.child(self.service).to_string());
        producer.send(&OutRecord {
            topic: &outlet.with_prefix,
            partition: None,
            key: Some(output.key.as_bytes()),
            value: Some(&self.buffer),
            headers: &headers.pairs(),
            timestamp_ms: None,
            report_offset: false,
        })?;
        outlet.sent += 1;
        Ok(())
    }

    /// How many records went to each topic since the last call.
    pub(super) fn take_counts(&mut self) -> Vec<(&'static str, u64)> {
        let taken = self.topics.iter_mut().map(|outlet| (outlet.topic, std::mem::take(&mut outlet.sent)));
        taken.filter(|(_, sent)| *sent > 0).collect()
    }
}
