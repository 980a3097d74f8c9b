//! A plain producer, as a carrier's relay has one: idempotent, no transactions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::producer::{LOOK_PAUSE, look};
use super::{Error, KafkaSettings};

/// How often the queue is looked at: half a minute at most.
const LOOKS_MAX: u32 = 60_000;

#[derive(Default)]
struct Failures(AtomicU64);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends records and waits for their acknowledgement.
pub struct Relay {
    inner: BaseProducer<Failures>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relay")
    }
}

impl Relay {
    /// A producer for these settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, Error> {
        let mut config = settings.producer();
        for name in ["transactional.id", "transaction.timeout.ms"] {
            config.remove(name);
        }
        Ok(Self { inner: config.create_with_context(Failures::default())? })
    }

    /// Hands over one record; waits while the queue is full.
    pub fn send(&self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(String, Vec<u8>)]) -> Result<(), Error> {
        let mut kept = OwnedHeaders::new_with_capacity(headers.len());
        for (key, value) in headers {
            kept = kept.insert(Header { key, value: Some(value) });
        }
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).headers(kept);
        record.key = key;
        record.payload = value;
        for _ in 0..LOOKS_MAX {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.inner.poll(Duration::ZERO);
                    std::thread::sleep(LOOK_PAUSE);
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        Err(Error::Away("the producer's queue stayed full".into()))
    }

    /// Waits until everything is acknowledged.
    pub fn settle(&self) -> Result<(), Error> {
        look(&self.inner, LOOKS_MAX);
        let failed = self.inner.context().0.swap(0, Ordering::Relaxed);
        match (failed, self.inner.in_flight_count()) {
            (0, 0) => Ok(()),
            (failed, open) => Err(Error::Away(format!("{failed} records failed, {open} are not acknowledged"))),
        }
    }
}
