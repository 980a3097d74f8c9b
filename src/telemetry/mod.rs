//! Every metric, log line and health answer of the house, under one name each; the clock and the trace ids.
//! In come happenings as function calls (`metrics.restored(…)`, `events::fenced(…)`) and no names made up elsewhere.
//! Out go `/metrics`, `/livez`, `/readyz` and one masked line on stderr per happening.

pub mod clock;
pub mod events;
pub mod health;
pub mod http;
pub mod log;
pub mod mask;
pub mod metrics;
pub mod trace;

pub use clock::{Clock, ManualClock, SystemClock};
pub use health::Health;
pub use metrics::Metrics;

/// What can fail while telemetry is set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two metrics share a name, or a name is not allowed.
    #[error("cannot register metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// What was configured.
        address: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A log subscriber is already installed in this process.
    #[error("cannot install the log: {0}")]
    Log(String),
}
