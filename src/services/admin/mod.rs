//! What operators do to a running installation: topics, dead letters, billing files, and whether what is configured is really there.
//! In come the configuration and the answers of the cluster, the registry and Odoo.
//! Out go differences and findings; only what was asked for is changed.

pub mod billing;
pub mod coverage;
pub mod dead_letters;
pub mod online;
pub mod topics;
