//! The only room with rdkafka: group consumer, transactional producer, readers outside groups, admin, probe, embedded broker.
//! In come settings and bytes; out go records with their positions, and commits that are whole or not at all.
//! It decides nothing: what a record means, and when to commit, is the engine's business.

mod admin;
mod consumer;
mod embedded;
mod probe;
mod producer;
mod reader;
mod relay;
mod settings;

pub use admin::{ActualTopicState, Admin};
pub use consumer::{AssignmentChange, Committed, GroupConsumer, Message};
pub use embedded::EmbeddedBroker;
pub use probe::{ProbeFinding, probe};
pub use producer::{OutRecord, Position, TransactionalProducer, borrowed};
pub use reader::RecordReader;
pub use relay::Relay;
pub use settings::KafkaSettings;

/// The context of a client outside any group. What librdkafka calls a global error is a connection that it makes anew by itself,
/// or the end of a partition: no news for an operator.
#[derive(Debug, Clone, Default)]
struct Quiet;

impl rdkafka::ClientContext for Quiet {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        admin::log(level, facility, message);
    }
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_client_error", error = %error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

/// What can go wrong between us and the brokers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The transaction has to be aborted; the work of this transaction is thrown away and done again.
    #[error("transaction must be aborted: {0}")]
    Abort(String),
    /// The process has to end: fenced by another with the same id, or a fatal client error.
    #[error("fatal for this process: {0}")]
    Fatal(String),
    /// The brokers cannot be reached or are not ready; the same call may succeed later.
    #[error("brokers not ready: {0}")]
    Away(String),
    /// A setting or request that can never succeed.
    #[error("refused: {0}")]
    Refused(String),
}

impl From<rdkafka::error::KafkaError> for Error {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        use rdkafka::error::{KafkaError as K, RDKafkaErrorCode as C};
        let text = error.to_string();
        match &error {
            K::ClientConfig(..) | K::ClientCreation(_) | K::Subscription(_) | K::MessageProduction(C::MessageSizeTooLarge) => {
                Self::Refused(text)
            }
            K::MessageConsumptionFatal(_) => Self::Fatal(text),
            K::Transaction(e) if e.is_fatal() => Self::Fatal(text),
            K::Transaction(e) if e.txn_requires_abort() => Self::Abort(text),
            _ if error
                .rdkafka_error_code()
                .is_some_and(|c| matches!(c, C::Fatal | C::Fenced | C::ProducerFenced | C::InvalidProducerEpoch)) =>
            {
                Self::Fatal(text)
            }
            _ => Self::Away(text),
        }
    }
}
