//! Canonical records for a person's command: a topic read to its end, one record written.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::dead_letters::Place;
use crate::config::topics::{Topics, TopicsError};
use crate::config::{Assignor, Config};
use crate::domain::record::Record;
use crate::kafka::{self, RecordReader, Relay};
use crate::schema::cloudevents::OutputHeaders;
use crate::schema::codec::{Codecs, EncodeError};
use crate::schema::registry::{RegistryClient, Subject};
use crate::schema::{DecodeError, RegistryError};
use crate::services::contracts::registry;
use crate::services::settings::kafka_settings;
use crate::telemetry::trace::TraceContext;

/// Longest wait for the next record, in tenths of a second.
const POLLS_MAX: u32 = 100;

/// Why records can be neither read nor written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster is away or refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The registry is away or refuses.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// `topics.yaml` cannot be used.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// The record does not fit its schema.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The network cannot be waited for.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is no such topic.
    #[error("there is no topic {0} (`waybill topics apply` makes it)")]
    NoTopic(String),
    /// A record is not what its topic has.
    #[error("the record at {place} cannot be read: {cause}")]
    Unreadable {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        cause: DecodeError,
    },
}

/// The canonical topics of an installation, as one person uses them.
#[derive(Debug)]
pub struct Canonical<'a> {
    config: &'a Config,
    codecs: Codecs,
    client: Arc<RegistryClient>,
    runtime: Arc<Runtime>,
}

impl<'a> Canonical<'a> {
    /// Topics of the configured cluster with schemas of the configured registry. Not for the threads of a runtime.
    ///
    /// # Errors
    /// The registry's settings cannot be used.
    pub fn new(config: &'a Config) -> Result<Self, Error> {
        let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build()?);
        let client = Arc::new(registry(config)?);
        let (asked, waiting) = (Arc::clone(&client), Arc::clone(&runtime));
        let codecs = Codecs::with_registry(move |id| waiting.block_on(asked.schema_by_id(id)))?;
        Ok(Self { config, codecs, client, runtime })
    }

    /// Hands every committed record of a topic (without prefix) to `visit`, partition by partition from the oldest. Tombstones, and
    /// what is written after the call began, are left out.
    ///
    /// # Errors
    /// The cluster or the registry is away, the topic is missing, or a record cannot be read: none is passed over.
    pub fn read(&self, topic: &str, name: &str, mut visit: impl FnMut(Record)) -> Result<(), Error> {
        let topic = self.config.kafka.prefixed(topic);
        let reader = RecordReader::new(&kafka_settings(self.config, "reader", Assignor::Range))?;
        let partitions = reader.partitions(&topic)?.ok_or_else(|| Error::NoTopic(topic.clone()))?;
        for partition in 0..partitions {
            let Some(end) = reader.seek(&topic, partition, 0)? else { continue };
            while let Some(message) = reader.next(end, POLLS_MAX)? {
                let Some(value) = message.value() else { continue };
                let place = || Place { topic: topic.clone(), partition, offset: message.offset() };
                let record = self.codecs.decode(name, value).map_err(|cause| Error::Unreadable { place: place(), cause })?;
                visit(record);
            }
        }
        Ok(())
    }

    /// Writes one record and waits until the cluster has it.
    ///
    /// # Errors
    /// The cluster or the registry is away or refuses, or the schema is not registered.
    pub fn write(&self, topic: &str, key: &str, record: &Record) -> Result<(), Error> {
        let topic = self.config.kafka.prefixed(topic);
        let subjects: Vec<Subject> =
            Topics::builtin()?.subjects(&self.config.kafka.prefix).into_iter().filter(|s| s.topic == topic).collect();
        let registered = self.runtime.block_on(self.client.resolve(&subjects))?;
        let schema_id = registered.first().ok_or_else(|| Error::NoTopic(topic.clone()))?.schema_id;
        let mut value = Vec::new();
        self.codecs.encode(record, schema_id, &mut value)?;
        let headers = OutputHeaders::new(record, TraceContext::root(&format!("{topic}/{}", record.id())).to_string());
        let headers: Vec<_> = headers.pairs("waybill/person").into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        let relay = Relay::new(&kafka_settings(self.config, "person", Assignor::Range))?;
        relay.send(&topic, Some(key.as_bytes()), Some(&value), &headers)?;
        Ok(relay.settle()?)
    }
}
