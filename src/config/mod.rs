//! Every knob of waybill: its default, its meaning, where its value came from, and what is wrong with it.
//! In come the built-in defaults, a file, `WAYBILL_…` variables and secret files; nobody else reads the environment.
//! Out go typed settings, the list of services, and findings that say what to do.

mod log;
mod service;
pub mod topics;

pub use log::{LogConfig, LogFormat, LogLevel};
pub use service::Service;
