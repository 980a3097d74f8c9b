//! The only room with sled: the memory of one partition, its place on disk, restore and expiry.
//! In come the changes of a committed transaction; out go values, idempotency keys and alarms that are due.
//! It is a cache of what Kafka has committed, never the truth: on any doubt it is wiped and rebuilt from the changelog.

mod disk;
mod entry;
mod memory;
mod overlay;
mod partition;

pub use disk::{Identity, Rebuilt};
pub use entry::{Change, ChangeKey, InputOffset, Marker};
pub use memory::Memory;
pub use overlay::Overlay;
pub use partition::PartitionStore;

/// What can go wrong on the local disk. None of it loses data: the changelog has everything.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the directory.
    #[error("store directory is in use: {0}")]
    InUse(String),
    /// The file system refused.
    #[error("store directory cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// sled failed or its files are damaged.
    #[error("store is damaged: {0}")]
    Damaged(String),
}
