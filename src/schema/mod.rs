//! Bytes on topics: Avro in the Confluent wire format, CloudEvents headers, trace context, the registry, compatibility.
//! In come bytes and headers, or canonical records; out go canonical records, or bytes and headers.
//! It knows no Kafka: who carries the bytes is of no concern here.
#![deny(clippy::indexing_slicing)]

pub mod cloudevents;
pub mod codec;
pub mod compat;
pub mod embedded;
pub mod generic;
pub mod registry;
mod resolve;
pub mod wire;

use crate::domain::verdict::{Code, Park};

/// The registry has not given what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, or is not itself: wait and ask again.
    #[error("the schema registry is away: {0}")]
    Away(String),
    /// It has no such id, subject or version.
    #[error("the schema registry does not know {0}")]
    Unknown(String),
    /// It refuses for good (incompatible schema, no right): code `WB-0206`.
    #[error("the schema registry refuses: {0}")]
    Refused(String),
}

impl RegistryError {
    /// The code with a help page.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::REGISTRY
    }

    /// Whether waiting may help.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// A value cannot be read as a canonical record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes are wrong: dead-letter them.
    Park(Park),
    /// The writer's schema cannot be had now: wait, keep the order.
    Registry(RegistryError),
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Park(park) => write!(f, "{}: {}", park.code, park.cause),
            Self::Registry(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    fn bad(cause: impl Into<String>) -> Self {
        Self::Park(Park::new(Code::BAD_AVRO, cause))
    }
}

impl From<RegistryError> for DecodeError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Unknown(what) => Self::bad(format!("the registry does not know {what}")),
            other => Self::Registry(other),
        }
    }
}
