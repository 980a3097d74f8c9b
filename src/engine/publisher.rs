//! From a processor's outputs to records in the open transaction.

use std::sync::Arc;

use super::Error;
use super::processor::Output;
use super::spec::ServiceSpec;
use crate::kafka::{self, OutRecord, TransactionalProducer};
use crate::schema::cloudevents::OutputHeaders;
use crate::schema::codec::Codecs;
use crate::telemetry::trace::TraceContext;

/// One topic that is written to.
#[derive(Debug)]
struct Outlet {
    topic: &'static str,
    with_prefix: String,
    schema_id: u32,
    /// Records sent since they were last counted.
    sent: u64,
}

/// What most records fit in, bytes.
const VALUE_BYTES_USUAL: usize = 1024;

/// An output as bytes.
#[derive(Debug)]
pub(super) struct Ready {
    outlet: usize,
    pub(super) topic: &'static str,
    pub(super) key: String,
    value: Vec<u8>,
    headers: OutputHeaders,
}

/// Encodes and sends.
#[derive(Debug)]
pub(super) struct Publisher {
    codecs: Arc<Codecs>,
    /// Few, so that looking through them is faster than hashing.
    topics: Vec<Outlet>,
    service: &'static str,
    source: String,
}

impl Publisher {
    pub(super) fn new(spec: &ServiceSpec, codecs: Arc<Codecs>) -> Self {
        let outlet = |(topic, id): (&&'static str, &u32)| Outlet { topic, with_prefix: spec.full(topic), schema_id: *id, sent: 0 };
        let topics = spec.schema_ids.iter().map(outlet).collect();
        let source = format!("waybill/{}", spec.name);
        Self { codecs, topics, service: spec.name, source }
    }

    /// One output with its CloudEvents headers and the next hop of its trace.
    pub(super) fn encode(&self, output: Output, trace: TraceContext) -> Result<Ready, Error> {
        let found = self.topics.iter().enumerate().find(|(_, outlet)| outlet.topic == output.topic);
        let (index, outlet) = found.ok_or_else(|| Error::Encode(format!("no schema id for topic {}", output.topic)))?;
        let mut value = Vec::with_capacity(VALUE_BYTES_USUAL);
        self.codecs.encode(&output.record, outlet.schema_id, &mut value).map_err(|e| Error::Encode(e.to_string()))?;
        let headers = OutputHeaders::new(&output.record, trace.child(self.service).to_string());
        Ok(Ready { outlet: index, topic: output.topic, key: output.key, value, headers })
    }

    /// Sends what was made ready.
    pub(super) fn send(&mut self, producer: &TransactionalProducer, ready: &Ready) -> Result<(), kafka::Error> {
        let outlet = self.topics.get_mut(ready.outlet).ok_or_else(|| kafka::Error::Fatal(format!("no outlet for {}", ready.topic)))?;
        producer.send(&OutRecord {
            topic: &outlet.with_prefix,
            partition: None,
            key: Some(ready.key.as_bytes()),
            value: Some(&ready.value),
            headers: &ready.headers.pairs(&self.source),
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
