//! (room)

pub mod changes;
