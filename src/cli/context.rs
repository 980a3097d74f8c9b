//! What every command gets: settings on demand, and the way to stdout.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::Output;
use crate::carriers::Sources;
use crate::config::{Assignor, Config, Error, Finding, Loaded, Service, load};
use crate::services::settings::kafka_settings;
use crate::services::wiring;
use crate::telemetry::Clock;

/// Widest cell of a table, characters; longer ones are told whole by `--output json`.
const CELL_CHARS_MAX: usize = 100;
/// Most texts too long for a table that are told whole beside it.
const WHOLE_MAX: usize = 20;

/// What a command works with.
pub struct Context<'a> {
    config_file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    /// What data looks like.
    pub output: Output,
    /// As comma-separated values instead, where a command can.
    pub csv: bool,
    /// Stdout.
    pub out: &'a mut dyn Write,
    /// Stderr, for what is no data.
    pub talk: &'a mut dyn Write,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("config_file", &self.config_file).field("output", &self.output).finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// A command's surroundings.
    pub fn new(
        config_file: Option<PathBuf>,
        output: Output,
        environment: Vec<(String, String)>,
        (out, talk): (&'a mut dyn Write, &'a mut dyn Write),
        clock: &'a dyn Clock,
    ) -> Self {
        Self { config_file, environment, output, csv: false, out, talk, clock }
    }

    /// A variable of the environment that is there and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// The settings, checked also for what `service` needs.
    ///
    /// # Errors
    /// Whatever is wrong with them, all at once.
    pub fn load(&self, service: Option<Service>) -> Result<Loaded, Error> {
        let loaded = self.settings(service)?;
        let mut findings = unspoken(&loaded.config);
        findings.extend(untaken(&loaded.config));
        // Only who checks messages holds the secrets.
        if service == Some(Service::CarrierNormalizer) {
            findings.extend(wiring::verifiers(&loaded.config).err().unwrap_or_default());
        }
        // Only who reckons reads the exchange rates.
        if service == Some(Service::FinanceAccrual) {
            findings.extend(loaded.config.finance.books().err().unwrap_or_default());
        }
        if findings.is_empty() { Ok(loaded) } else { Err(Error::Findings(findings)) }
    }

    /// The settings alone, whatever the files that describe sources say.
    ///
    /// # Errors
    /// Whatever is wrong with them, all at once.
    pub fn settings(&self, service: Option<Service>) -> Result<Loaded, Error> {
        load(self.config_file.as_deref(), &self.environment, service)
    }

    /// Writes one JSON document.
    ///
    /// # Errors
    /// Stdout cannot be written to.
    pub fn json(&mut self, data: &impl Serialize) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(data).map_err(std::io::Error::other)?;
        writeln!(self.out, "{text}")
    }

    /// Writes columns, wide enough for what is in them; nothing but the heading when there are no rows.
    ///
    /// # Errors
    /// Stdout cannot be written to.
    pub fn table<const N: usize>(&mut self, heading: [&str; N], rows: &[[String; N]]) -> std::io::Result<()> {
        let cut = |cell: &str| -> String {
            let flat = printable(cell);
            if flat.chars().count() <= CELL_CHARS_MAX { flat } else { flat.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect() }
        };
        let rows: Vec<[String; N]> =
            std::iter::once(heading.map(str::to_owned)).chain(rows.iter().map(|row| row.each_ref().map(|cell| cut(cell)))).collect();
        let mut widths = [0; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(self.out, "{}", padded.join("  ").trim_end())?;
        }
        Ok(())
    }

    /// What a table of findings cuts, as talk and whole: each text once, with the last part of its key.
    ///
    /// # Errors
    /// Stderr cannot be written to.
    pub fn whole<'t>(&mut self, cells: impl IntoIterator<Item = (&'t str, &'t str)>) -> std::io::Result<()> {
        let mut told = BTreeSet::new();
        for (key, text) in cells {
            if text.chars().count() > CELL_CHARS_MAX && told.len() < WHOLE_MAX && told.insert(text) {
                let name = key.rsplit(": ").next().unwrap_or(key);
                writeln!(self.talk, "{}: {}", printable(name), printable(text))?;
            }
        }
        Ok(())
    }
}

/// Sources that no dialect speaks, and what is wrong with those that files describe.
fn unspoken(config: &Config) -> Vec<Finding> {
    let known = match Sources::load(config.carriers.directory()) {
        Ok(known) => known,
        Err(findings) => return findings,
    };
    let finding = |id: &String| Finding {
        key: format!("carriers.sources.{id}"),
        origin: String::new(),
        problem: "no dialect has this name".to_owned(),
        remedy: format!("use one of {}, or describe it in carriers.dir", known.ids().collect::<Vec<_>>().join(", ")),
    };
    config.carriers.sources.keys().filter(|id| !known.ids().any(|known| known == *id)).map(finding).collect()
}

/// Properties that the Kafka client does not take: a service would end with its first client.
fn untaken(config: &Config) -> Vec<Finding> {
    let finding = |(name, problem): (&str, &str)| Finding {
        key: format!("kafka.properties.{name}"),
        origin: String::new(),
        problem: problem.to_owned(),
        remedy: "see librdkafka's CONFIGURATION.md for the names and values there are".to_owned(),
    };
    kafka_settings(config, "validate", Assignor::Range).refused().into_iter().map(finding).collect()
}

/// Text of strangers as a terminal may show it: control characters and marks that turn the direction of writing become blanks.
pub(super) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}
