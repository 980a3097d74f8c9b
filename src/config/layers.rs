//! Defaults, file and environment, one over the other, with the origin of each value.
//! A value is judged by itself, laid alone over the defaults: so every wrong one is found at once and named by its key.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Config, Finding, Service};

const DEFAULTS: &str = include_str!("default.yaml");
const FROM_DEFAULT: &str = "default";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {cause}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is not YAML, or not a map.
    #[error("the configuration file {} is not valid: {cause}", path.display())]
    NotYaml {
        /// As given.
        path: PathBuf,
        /// Line, column and what is wrong.
        cause: String,
    },
    /// The defaults inside this binary are broken: a mistake of ours.
    #[error("the built-in defaults are broken: {0}")]
    Defaults(String),
    /// Values are wrong.
    #[error("the configuration has {} finding(s): {}", .0.len(), joined(.0))]
    Findings(Vec<Finding>),
}

fn joined(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}

/// A checked configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Every value with its origin, in the order of the defaults; secrets are masked.
    pub shown: Vec<Shown>,
}

/// One value for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// `kafka.brokers`.
    pub key: String,
    /// The value as JSON; `(secret)` where it must not be seen.
    pub value: Value,
    /// `default`, the file, or the variable.
    pub origin: String,
}

/// The environment of this process: the one place where it is read. Names and values that are not Unicode are left out.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

impl Config {
    /// The built-in defaults alone, unchecked.
    ///
    /// # Errors
    /// [`Error::Defaults`] when this binary was built wrongly.
    pub fn built_in() -> Result<Self, Error> {
        read(&defaults()?).map_err(Error::Defaults)
    }
}

/// Lays `file` and `environment` over the defaults and checks everything, with what `service` needs besides.
///
/// # Errors
/// The file cannot be read, or [`Error::Findings`] with everything that is wrong at once.
pub fn load(file: Option<&Path>, environment: &[(String, String)], service: Option<Service>) -> Result<Loaded, Error> {
    let mut layers = Layers::over(defaults()?);
    if let Some(path) = file {
        let text = read_bounded(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
        layers.lay_file(path, &text)?;
    }
    layers.lay_environment(environment);
    layers.finish(service)
}

/// Largest file that is read, bytes: what is larger is no configuration.
const FILE_BYTES_MAX: u64 = 4 << 20;

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

type Key = Vec<String>;

struct Layers {
    defaults: Value,
    merged: Value,
    origins: BTreeMap<Key, String>,
    findings: Vec<Finding>,
}

impl Layers {
    fn over(defaults: Value) -> Self {
        Self { merged: defaults.clone(), defaults, origins: BTreeMap::new(), findings: Vec::new() }
    }

    fn lay_file(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let broken = |cause: String| Error::NotYaml { path: path.to_owned(), cause };
        let value: Value = serde_saphyr::from_str(text).map_err(|cause| broken(cause.to_string()))?;
        let sections = match value {
            Value::Object(sections) => Value::Object(sections),
            Value::Null => return Ok(()),
            _ => return Err(broken("expected sections like `kafka:` at the top".to_owned())),
        };
        for (key, value) in leaves(&sections) {
            self.lay(key, vec![value], format!("file {}", path.display()));
        }
        Ok(())
    }

    fn lay_environment(&mut self, environment: &[(String, String)]) {
        let mut variables: Vec<_> = environment.iter().filter(|(name, _)| name.starts_with("WAYBILL_") && name.contains("__")).collect();
        variables.sort();
        for (name, value) in variables {
            let segments: Vec<String> = name.trim_start_matches("WAYBILL_").to_lowercase().split("__").map(str::to_owned).collect();
            if let Some(key) = secret_file_key(&segments) {
                self.lay_secret_file(name, self.known(&key), value);
            } else {
                let as_yaml = serde_saphyr::from_str::<Value>(value).ok();
                let readings = std::iter::once(Value::String(value.clone())).chain(as_yaml).collect();
                self.lay(self.known(&segments), readings, format!("variable {name}"));
            }
        }
        self.find_misspelt(environment);
        if environment.iter().any(|(name, value)| name == "NO_COLOR" && !value.is_empty()) {
            self.lay(vec!["log".into(), "color".into()], vec![Value::Bool(false)], "variable NO_COLOR".into());
        }
    }

    /// `WAYBILL_KAFKA_BROKERS` would otherwise do nothing and say nothing. What Kubernetes sets for services that are
    /// called `waybill-…` looks alike and is left alone.
    fn find_misspelt(&mut self, environment: &[(String, String)]) {
        for (name, _) in
            environment.iter().filter(|(name, _)| !name.contains("__") && !name.contains("_SERVICE_") && !name.contains("_PORT"))
        {
            let Some((section, setting)) = name.strip_prefix("WAYBILL_").and_then(|rest| rest.split_once('_')) else { continue };
            if self.defaults.get(section.to_lowercase()).is_some() {
                self.findings.push(Finding {
                    key: format!("{section}.{setting}").to_lowercase(),
                    origin: format!("variable {name}"),
                    problem: "is not read: one underscore after the section".into(),
                    remedy: format!("write it as WAYBILL_{section}__{setting}"),
                });
            }
        }
    }

    fn lay_secret_file(&mut self, name: &str, key: Key, path: &str) {
        let origin = format!("variable {name}, file {path}");
        match read_bounded(Path::new(path)) {
            Ok(secret) => self.lay(key, vec![Value::String(secret.trim_end_matches(['\r', '\n']).to_owned())], origin),
            Err(cause) => self.findings.push(Finding {
                key: key.join("."),
                origin,
                problem: format!("the secret's file cannot be read: {cause}"),
                remedy: "mount the file or mend the variable".into(),
            }),
        }
    }

    /// The key that a variable means: upper case and the signs that variables cannot have are matched to what is there.
    fn known(&self, segments: &[String]) -> Key {
        let mut at = Some(&self.merged);
        let mut key = Key::new();
        for segment in segments {
            let here = at.and_then(Value::as_object);
            let same = |name: &&String| name.to_lowercase().replace(['-', '.', ' '], "_") == *segment;
            let found = here.and_then(|map| map.keys().find(same)).cloned();
            let is_property = key == ["kafka", "properties"];
            let name = found.unwrap_or_else(|| if is_property { segment.replace('_', ".") } else { segment.clone() });
            at = here.and_then(|map| map.get(&name));
            key.push(name);
        }
        key
    }

    /// Lays one value over what is there, in the first of its readings that fits its key.
    fn lay(&mut self, key: Key, readings: Vec<Value>, origin: String) {
        let mut problem = String::new();
        for reading in readings {
            let mut alone = self.defaults.clone();
            set(&mut alone, &key, reading.clone());
            match read(&alone) {
                Ok(_) => {
                    set(&mut self.merged, &key, reading);
                    // A whole map may replace values that were told apart before.
                    self.origins.retain(|told, _| !(told.len() > key.len() && told.starts_with(&key)));
                    self.origins.insert(key, origin);
                    return;
                }
                Err(cause) => problem = cause,
            }
        }
        let problem = without_value(&problem);
        self.findings.push(Finding {
            key: key.join("."),
            origin,
            problem,
            remedy: "see `waybill config show` for the settings there are".into(),
        });
    }

    fn finish(mut self, service: Option<Service>) -> Result<Loaded, Error> {
        let config = read(&self.merged).map_err(Error::Defaults)?;
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(config.findings(service).into_iter().map(|finding| Finding { origin: self.origin_of(&finding.key), ..finding }));
        if !findings.is_empty() {
            return Err(Error::Findings(findings));
        }
        let shown = leaves(&self.merged)
            .into_iter()
            .map(|(key, value)| {
                let is_set = value.as_str() != Some("");
                let value = if is_secret(&key) && is_set { Value::String("(secret)".into()) } else { value };
                Shown { origin: self.origin_of(&key.join(".")), key: key.join("."), value }
            })
            .collect();
        Ok(Loaded { config, shown })
    }

    fn origin_of(&self, key: &str) -> String {
        let covers = |told: &str| key == told || key.strip_prefix(told).is_some_and(|rest| rest.starts_with('.'));
        let longest = self.origins.iter().filter(|(told, _)| covers(&told.join("."))).max_by_key(|(told, _)| told.len());
        longest.map_or_else(|| FROM_DEFAULT.to_owned(), |(_, origin)| origin.clone())
    }
}

fn defaults() -> Result<Value, Error> {
    serde_saphyr::from_str(DEFAULTS).map_err(|cause| Error::Defaults(cause.to_string()))
}

fn read(value: &Value) -> Result<Config, String> {
    Config::deserialize(value).map_err(|cause| cause.to_string())
}

/// A reader's message without the text that it quotes, which may hold a secret: the key says where to look.
fn without_value(message: &str) -> String {
    match (message.split_once(" \""), message.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => message.to_owned(),
    }
}

/// `…_FILE` of a secret.
fn secret_file_key(segments: &[String]) -> Option<Key> {
    let (last, before) = segments.split_last()?;
    let mut key = before.to_vec();
    key.push(last.strip_suffix("_file")?.to_owned());
    is_secret(&key).then_some(key)
}

/// Whether a value must not be seen.
fn is_secret(key: &[String]) -> bool {
    let Some(last) = key.last() else { return false };
    let last = last.replace('_', ".");
    match key.first().map(String::as_str) {
        Some("registry") => last == "password",
        Some("odoo") => last == "api.key",
        Some("carriers") => key.len() > 4 && key.get(3).is_some_and(|k| k == "secrets"),
        Some("kafka") => {
            key.get(1).is_some_and(|k| k == "properties")
                && ["password", "secret", "key.pem", "jaas", "token", "oauthbearer.config"].iter().any(|word| last.contains(word))
        }
        _ => false,
    }
}

/// Every value that is not a map, with its key; a map without values is one itself.
fn leaves(value: &Value) -> Vec<(Key, Value)> {
    fn walk(at: &mut Key, value: &Value, found: &mut Vec<(Key, Value)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (name, value) in map {
                    at.push(name.clone());
                    walk(at, value, found);
                    at.pop();
                }
            }
            _ => found.push((at.clone(), value.clone())),
        }
    }
    let mut found = Vec::new();
    walk(&mut Key::new(), value, &mut found);
    found
}

fn set(root: &mut Value, key: &[String], value: Value) {
    let Some((name, rest)) = key.split_first() else {
        *root = value;
        return;
    };
    if !root.is_object() {
        *root = Value::Object(Map::new());
    }
    if let Value::Object(map) = root {
        set(map.entry(name.clone()).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
