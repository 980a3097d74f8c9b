//! Every knob of waybill: its default, its meaning, where its value came from, and what is wrong with it.
//! In come the built-in defaults, a file, `WAYBILL_…` variables and secret files; nobody else reads the environment.
//! Out go typed settings, the list of services, and findings that say what to do.

mod check;
mod finance;
mod layers;
mod log;
mod rates;
mod secret;
mod service;
mod settings;
pub mod topics;

pub use finance::{BookConfig, FinanceConfig, ToleranceConfig};
pub use layers::{Error, Loaded, Shown, environment, load};
pub use log::{LogConfig, LogFormat, LogLevel};
pub use secret::Secret;
pub use service::Service;
pub use settings::{
    Assignor, CarriersConfig, Config, HttpConfig, KafkaConfig, OdooConfig, OdooInstance, RegistryConfig, SourceConfig, StoreConfig,
    TrackerConfig, Verify,
};

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The setting, as `odoo.instances.main.url`.
    pub key: String,
    /// Where its value came from; empty when it is about more than one value.
    pub origin: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.problem, self.remedy)?;
        if self.origin.is_empty() { Ok(()) } else { write!(f, " (from {})", self.origin) }
    }
}
