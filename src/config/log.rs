//! What is logged, and how.

use serde::Deserialize;

/// The `log` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The least level that is written.
    pub level: LogLevel,
    /// What a line looks like.
    pub format: LogFormat,
    /// Whether a terminal gets colours; `NO_COLOR` switches them off.
    pub color: bool,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what stops a service.
    Error,
    /// What a person should look at.
    Warn,
    /// What happens to the service.
    Info,
    /// What happens to each record.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object per line.
    Json,
    /// Text for a person.
    Text,
}
