//! `waybill carrier`.

use std::fs;
use std::io::{ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::args::{CarrierAction, CarrierArgs};
use super::context::printable;
use super::{ConfigError, Context, Exit, Output};
use crate::carriers::data::{self, DataDialect, Difference};
use crate::carriers::{DialectSettings, SOURCES, Sources};
use crate::config::{Config, Finding};
use crate::services::admin::coverage::{self, Coverage};
use crate::services::wiring::dialect_settings;

/// What may stand in an example besides what is printed.
const FIELDS: &str = "any field of ShipmentEvent may be added, see `waybill normalize`";

/// Largest sample, bytes.
const SAMPLE_BYTES_MAX: u64 = 4 << 20;

pub(super) fn run(args: &CarrierArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    // Whatever the descriptions say: these commands are there to mend them.
    let config = context.settings(None)?.config;
    match &args.action {
        CarrierAction::New { id, sample, dir } => {
            let test = dir.as_ref().map_or_else(String::new, |dir| format!(" --dir {}", dir.display()));
            let test = format!("waybill carrier test {id}{test}");
            new(id, sample, &directory(dir.as_ref(), &config)?, &test, context)
        }
        CarrierAction::Test { id, dir } => test(id, &directory(dir.as_ref(), &config)?, &config, context),
        CarrierAction::Coverage { id, limit } => coverage(id, *limit, &config, context),
    }
}

fn directory(told: Option<&PathBuf>, config: &Config) -> anyhow::Result<PathBuf> {
    let found = told.map(PathBuf::as_path).or_else(|| config.carriers.directory());
    found.map(Path::to_owned).context("no directory of descriptions: set carriers.dir, or name one with --dir")
}

/// The name of a file is the id.
fn usable(id: &str) -> anyhow::Result<()> {
    if id.is_empty() || id.len() > 32 || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        bail!("not an id (lower case letters, digits, underscores, at most 32): {id}");
    }
    Ok(())
}

fn new(id: &str, sample: &Path, directory: &Path, test: &str, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    usable(id)?;
    if SOURCES.contains(&id) {
        bail!("a built-in source has this id: {id}");
    }
    let mut body = Vec::new();
    let read = fs::File::open(sample).and_then(|file| file.take(SAMPLE_BYTES_MAX + 1).read_to_end(&mut body));
    read.with_context(|| format!("cannot read {}", sample.display()))?;
    let extension = sample.extension().and_then(|e| e.to_str()).filter(|e| *e != "yaml").unwrap_or("txt");
    let copy = format!("{id}.sample.{extension}");
    let drafted = match data::draft(id, &body, &copy, context.clock.now()) {
        Ok(text) => text,
        Err(park) => bail!("{} is neither JSON, XML nor CSV that can be read: {} {}", sample.display(), park.code, park.cause),
    };
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let file = directory.join(format!("{id}.yaml"));
    create(&file, drafted.as_bytes())?;
    create(&directory.join(&copy), &body)?;
    writeln!(context.out, "{}", file.display())?;
    writeln!(context.talk, "`{test}` says what is left to do; the sample lies beside the file: mask what is personal in it")?;
    Ok(Exit::Done)
}

/// Never over a file that is there.
fn create(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(bytes));
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already: take it away first", path.display()),
        _ => anyhow::anyhow!("cannot write {}: {error}", path.display()),
    })
}

#[derive(Serialize)]
struct Tested {
    findings: Vec<Finding>,
    examples: usize,
    differences: Vec<Difference>,
}

fn test(id: &str, directory: &Path, config: &Config, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    usable(id)?;
    let file = directory.join(format!("{id}.yaml"));
    if !file.is_file() {
        bail!("there is no {} (`waybill carrier new` drafts one)", file.display());
    }
    let settings = config.carriers.sources.get(id).map_or_else(DialectSettings::default, dialect_settings);
    let tested = match data::file(&file, SOURCES) {
        Err(findings) => Tested { findings, examples: 0, differences: Vec::new() },
        Ok(described) => {
            let described = Arc::new(described);
            let (examples, differences) = data::run_examples(&described, &DataDialect::new(described.clone(), settings));
            let none = Finding {
                key: "examples".to_owned(),
                origin: file.display().to_string(),
                problem: "there is none".to_owned(),
                remedy: "add a body of the source and what must come of it".to_owned(),
            };
            Tested { findings: if examples == 0 { vec![none] } else { Vec::new() }, examples, differences }
        }
    };
    tell(&tested, context)?;
    if !tested.findings.is_empty() || !tested.differences.is_empty() {
        return Ok(Exit::Findings);
    }
    if !config.carriers.sources.contains_key(id) {
        writeln!(context.talk, "to switch it on, set carriers.dir and carriers.sources.{id}.topic, then run `waybill validate`")?;
    }
    Ok(Exit::Done)
}

fn tell(tested: &Tested, context: &mut Context<'_>) -> std::io::Result<()> {
    if context.output == Output::Json {
        return context.json(tested);
    }
    if !tested.findings.is_empty() {
        let row = |f: &Finding| [f.origin.clone(), f.key.clone(), f.problem.clone(), f.remedy.clone()];
        let rows: Vec<_> = tested.findings.iter().map(row).collect();
        context.table(["WHERE", "KEY", "PROBLEM", "WHAT TO DO"], &rows)?;
        // The words there are to choose from are many.
        return context
            .whole(tested.findings.iter().flat_map(|f| [(f.key.as_str(), f.problem.as_str()), (f.key.as_str(), f.remedy.as_str())]));
    }
    if tested.differences.is_empty() {
        return writeln!(context.out, "examples that came as they should: {}", tested.examples);
    }
    let row = |d: &Difference| [d.example.clone(), d.what.clone(), d.found.clone(), d.expected.clone()];
    let rows: Vec<_> = tested.differences.iter().map(row).collect();
    context.table(["EXAMPLE", "WHAT", "CAME", "EXPECTED"], &rows)?;
    let mut example = None;
    for difference in tested.differences.iter().filter(|difference| difference.is_not_written()) {
        if example != Some(&difference.example) {
            example = Some(&difference.example);
            let name = printable(&difference.example);
            writeln!(context.talk, "\nto be put under the example {name}, once it is right ({FIELDS}):\n    events:")?;
        }
        writeln!(context.talk, "      - {}", printable(&difference.found))?;
    }
    Ok(())
}

fn coverage(id: &str, limit: usize, config: &Config, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let known = Sources::load(config.carriers.directory()).map_err(ConfigError::Findings)?;
    let Some(source) = config.carriers.sources.get(id) else {
        let configured: Vec<_> = config.carriers.sources.keys().map(String::as_str).collect();
        bail!("no topic is configured for {id} (carriers.sources has {})", configured.join(", "));
    };
    let Some(dialect) = known.dialect(id, dialect_settings(source)) else {
        bail!("{id} has no codes that move a parcel: only sources of tracking messages have");
    };
    let found = coverage::read(config, dialect.as_ref(), &source.topic, limit)?;
    show(&found, context)?;
    Ok(if found.unknown.is_empty() { Exit::Done } else { Exit::Findings })
}

fn show(found: &Coverage, context: &mut Context<'_>) -> std::io::Result<()> {
    if context.output == Output::Json {
        return context.json(found);
    }
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let row = |u: &coverage::Unknown| {
        [u.events.to_string(), text(&u.code.kind), text(&u.code.code), text(&u.code.sub_code), u.example.to_string()]
    };
    let rows: Vec<_> = found.unknown.iter().map(row).collect();
    context.table(["EVENTS", "TYPE", "CODE", "SUB-CODE", "EXAMPLE"], &rows)?;
    let parked: u64 = found.parked.values().sum();
    writeln!(
        context.talk,
        "records {}, events {}, of them with a code that no table knows {}; records that were not understood {parked}",
        found.records, found.events, found.unknown_events
    )
}

#[cfg(test)]
#[path = "carrier_tests.rs"]
mod tests;
