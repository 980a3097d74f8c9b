//! What operators do to a running installation: topics, dead letters, billing files, cases, reports, and whether what is
//! configured is really there.
//! In come the configuration and the answers of the cluster, the registry and Odoo.
//! Out go differences and findings; only what was asked for is changed.

pub mod billing;
pub mod canonical;
pub mod coverage;
pub mod dead_letters;
pub mod exceptions;
pub mod finance;
pub mod online;
pub mod topics;
