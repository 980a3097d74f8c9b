//! `waybill dlq`.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::{DlqAction, DlqArgs, DlqFilter};
use super::context::printable;
use super::{Context, Exit, Output};
use crate::config::{Config, Service};
use crate::domain::time::rfc3339;
use crate::engine::dead_letter::header;
use crate::services::admin::dead_letters::{self, DeadLetter, Obstacle, Place, Replay};
use crate::services::carrier_normalizer::hex;

pub(super) fn run(args: &DlqArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let config = context.load(None)?.config;
    match &args.action {
        DlqAction::List { service, group, filter } => {
            let services = service.map_or_else(|| Service::ALL.to_vec(), |service| vec![service]);
            if *group { groups(&config, &services, filter, context) } else { list(&config, &services, filter, context) }
        }
        DlqAction::Show { service, at, reveal } => show(&config, *service, *at, *reveal, context),
        DlqAction::Replay { service, filter, dry_run } => replay(&config, *service, filter, *dry_run, context),
    }
}

/// One dead letter without its contents.
#[derive(Serialize)]
struct Row {
    service: &'static str,
    partition: i32,
    offset: i64,
    parked_at: String,
    code: String,
    cause: String,
    origin: Option<Place>,
    key: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

impl Row {
    fn new(letter: &DeadLetter, state: Option<&'static str>) -> Self {
        Self {
            service: letter.service.as_str(),
            partition: letter.place.partition,
            offset: letter.place.offset,
            parked_at: rfc3339(letter.parked_at),
            code: letter.told(header::CODE),
            cause: letter.told(header::CAUSE),
            origin: letter.origin(),
            key: letter.key.as_deref().map(text_or_hex).unwrap_or_default(),
            bytes: letter.value.as_ref().map_or(0, Vec::len),
            state,
        }
    }

    fn cells(&self) -> [String; 7] {
        let at = format!("{}:{}", self.partition, self.offset);
        let origin = self.origin.as_ref().map(ToString::to_string).unwrap_or_default();
        [self.service.to_owned(), at, self.parked_at.clone(), self.code.clone(), self.cause.clone(), origin, self.key.clone()]
    }
}

fn list(config: &Config, services: &[Service], filter: &DlqFilter, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for service in services {
        let whole = dead_letters::read(config, *service, filter.code, |letter| -> anyhow::Result<bool> {
            let room = rows.len() < filter.limit;
            if room {
                rows.push(Row::new(&letter, None));
            }
            Ok(room)
        })?;
        if !whole {
            writeln!(context.talk, "there are more than {}; --limit tells how many are listed", filter.limit)?;
            break;
        }
    }
    match context.output {
        Output::Json => context.json(&rows)?,
        Output::Table => {
            let cells: Vec<_> = rows.iter().map(Row::cells).collect();
            context.table(["SERVICE", "AT", "PARKED", "CODE", "CAUSE", "FROM", "KEY"], &cells)?;
        }
    }
    Ok(Exit::Done)
}

fn groups(config: &Config, services: &[Service], filter: &DlqFilter, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut counts: BTreeMap<[String; 3], u64> = BTreeMap::new();
    for service in services {
        dead_letters::read(config, *service, filter.code, |letter| -> anyhow::Result<bool> {
            let topic = letter.origin().map(|origin| origin.topic).unwrap_or_default();
            *counts.entry([service.to_string(), letter.told(header::CODE), topic]).or_default() += 1;
            Ok(true)
        })?;
    }
    match context.output {
        Output::Json => {
            let rows: Vec<_> = counts
                .iter()
                .map(|([service, code, topic], count)| json!({"service": service, "code": code, "topic": topic, "count": count}))
                .collect();
            context.json(&rows)?;
        }
        Output::Table => {
            let cells: Vec<_> =
                counts.into_iter().map(|([service, code, topic], count)| [service, code, topic, count.to_string()]).collect();
            context.table(["SERVICE", "CODE", "FROM", "COUNT"], &cells)?;
        }
    }
    Ok(Exit::Done)
}

fn show(config: &Config, service: Service, at: (i32, i64), reveal: bool, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let Some(letter) = dead_letters::find(config, service, at)? else { bail!("no dead letter of {service} at {}:{}", at.0, at.1) };
    let headers: Vec<_> = letter.headers.iter().map(|(name, value)| (name, shown_header(name, value, reveal))).collect();
    let digest = letter.value.as_ref().map(|value| hex(&Sha256::digest(value)));
    let body = letter.value.as_deref().filter(|_| reveal).map(text_or_hex);
    match context.output {
        Output::Json => {
            let mut shown = serde_json::to_value(Row::new(&letter, None))?;
            if let Value::Object(fields) = &mut shown {
                let headers = headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                fields.insert("headers".into(), Value::Array(headers));
                fields.insert("tombstone".into(), letter.value.is_none().into());
                fields.insert("sha256".into(), digest.into());
                fields.insert("body".into(), body.into());
            }
            context.json(&shown)?;
        }
        Output::Table => {
            let row = Row::new(&letter, None);
            let names = ["service", "at", "parked", "code", "cause", "from", "key"];
            for (name, value) in names.iter().zip(row.cells()) {
                writeln!(context.out, "{name}: {}", printable(&value))?;
            }
            for (name, value) in headers {
                writeln!(context.out, "header {}: {}", printable(name), printable(&value))?;
            }
            match (&digest, &body) {
                (None, _) => writeln!(context.out, "no value (a tombstone)")?,
                (Some(digest), None) => {
                    writeln!(context.out, "value: {} bytes, sha256 {digest}", row.bytes)?;
                    writeln!(context.talk, "the value may hold personal data: --reveal prints it")?;
                }
                (Some(_), Some(body)) => writeln!(context.out, "\n{body}")?,
            }
        }
    }
    Ok(Exit::Done)
}

/// Only headers of ours and of CloudEvents are known to hold no personal data and no key to anything.
fn shown_header(name: &str, value: &[u8], reveal: bool) -> String {
    let harmless = name.starts_with("wb_")
        || matches!(name, "ce_id" | "ce_type" | "ce_source" | "ce_time" | "ce_specversion" | "content-type" | "traceparent");
    if reveal || harmless { text_or_hex(value) } else { format!("({} bytes)", value.len()) }
}

fn text_or_hex(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), str::to_owned)
}

fn replay(config: &Config, service: Service, filter: &DlqFilter, dry: bool, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let sent_state = if dry { "would be sent" } else { "sent" };
    let mut replay = Replay::new(config, dry, context.clock.now())?;
    let (mut rows, mut taken, mut stuck) = (Vec::new(), 0, 0);
    let add = |rows: &mut Vec<Row>, sent: Vec<DeadLetter>| rows.extend(sent.iter().map(|letter| Row::new(letter, Some(sent_state))));
    let read = dead_letters::read(config, service, filter.code, |letter| -> anyhow::Result<bool> {
        if taken == filter.limit {
            return Ok(false);
        }
        taken += 1;
        match replay.add(letter)? {
            Ok(sent) => add(&mut rows, sent),
            Err((letter, obstacle)) => {
                stuck += 1;
                let state = match obstacle {
                    Obstacle::NoOrigin => "stays: its headers do not say where it came from",
                    Obstacle::Cut => "stays: it was too large to be kept whole; the original stands where it came from",
                    Obstacle::NoPartition => "stays: the partition it came from is no more",
                };
                rows.push(Row::new(&letter, Some(state)));
            }
        }
        Ok(true)
    });
    // What was sent before something failed is told all the same.
    let ended = read.and_then(|whole| {
        add(&mut rows, replay.flush()?);
        Ok(whole)
    });
    match context.output {
        Output::Json => context.json(&rows)?,
        Output::Table => {
            let cells: Vec<_> = rows
                .iter()
                .map(|row| {
                    let [_, at, parked, code, _, origin, key] = row.cells();
                    [at, parked, code, origin, key, row.state.unwrap_or_default().to_owned()]
                })
                .collect();
            context.table(["AT", "PARKED", "CODE", "TO", "KEY", "STATE"], &cells)?;
        }
    }
    if !ended? {
        writeln!(context.talk, "there are more than {}; --limit tells how many are taken", filter.limit)?;
    }
    Ok(if stuck == 0 { Exit::Done } else { Exit::Findings })
}
