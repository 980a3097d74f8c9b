//! The loops that every service stands on: poll, decode, process, publish, commit; effects with a ledger.
//! In come Kafka records, a processor and a clock; out go outputs, state changes and offsets in one transaction.
//! It knows no service: what a record means is the processor's business.

mod assignment;
mod batch;
pub mod conservation;
mod core;
pub mod dead_letter;
mod decide;
pub mod effects;
mod intake;
pub mod processor;
mod publisher;
mod rollback;
mod shares;
pub mod spec;
mod stream;
mod tasks;
mod work;

pub use shares::in_shares;
pub use spec::{EngineSettings, InputKind, InputSpec, ServiceSpec, Surroundings};
pub use stream::run_stream;

/// Why a loop ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has taken this instance's place, or the client is beyond repair.
    #[error("WB-0202 fenced or fatal: {0}")]
    Fatal(String),
    /// Joined topics are not assigned together.
    #[error("WB-0203 joined topics are not assigned together: {0}")]
    NotCoPartitioned(String),
    /// The memory that the group's offsets rest on is gone from Kafka.
    #[error("WB-0208 the changelog ends before the committed offsets: {0}")]
    ChangelogShort(String),
    /// The brokers refuse for good what has to be done.
    #[error("the brokers refuse: {0}")]
    Refused(String),
    /// Nothing can go on before somebody mends the configuration.
    #[error("stopped until the configuration is mended: {0}")]
    Stopped(String),
    /// The local disk cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A record of ours does not fit its schema, or the schema has no id.
    #[error("cannot encode: {0}")]
    Encode(String),
}
