//! What the fuzz targets share: the rooms that read bodies, and what must hold of whatever they make of them.
//! In come bytes that nobody has looked at; out comes nothing, or a panic that says which rule an input has broken.
//! The rooms are taken by their paths, so that the crate with its Kafka and its store is not built a second time.
#![allow(dead_code, reason = "of the rooms only what reads bodies is called")]

// The counters of the instrumented code are in there, for the tools beside the targets as well.
use libfuzzer_sys as _;

#[path = "../../src/carriers/mod.rs"]
pub mod carriers;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/domain/mod.rs"]
pub mod domain;

/// What `config` wants of the room that knows a registry: a name and no more.
pub mod schema {
    /// See `src/schema/registry.rs`.
    pub mod registry {
        /// A canonical topic and the record on it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Subject {
            /// Topic with prefix.
            pub topic: String,
            /// Name of the record.
            pub record: String,
        }
    }
}

pub mod bodies;
pub mod large;
pub mod rules;
pub mod targets;

/// The root of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
