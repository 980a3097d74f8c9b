//! `waybill schemas`.

use serde::Serialize;

use super::args::{SchemasAction, SchemasArgs};
use super::{Context, Exit, Output, runtime};
use crate::config::topics::Topics;
use crate::schema::compat;
use crate::schema::embedded;
use crate::schema::registry::{RegistryClient, Subject};
use crate::services::contracts::registry;

/// One reason why a schema cannot follow an earlier one.
#[derive(Serialize)]
struct Row {
    against: String,
    schema: String,
    version: usize,
    field: String,
    problem: &'static str,
}

impl Row {
    fn new(against: &str, finding: compat::Finding) -> Self {
        let compat::Finding { schema, version, field, rule } = finding;
        Self { against: against.to_owned(), schema, version, field, problem: rule.as_str() }
    }
}

pub(super) fn run(args: &SchemasArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match args.action {
        SchemasAction::Check { online } => check(online, context),
        SchemasAction::Register => register(context),
    }
}

fn check(online: bool, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut rows: Vec<Row> = compat::check_embedded().into_iter().map(|finding| Row::new("released", finding)).collect();
    if online {
        let config = context.load(None)?.config;
        let (client, subjects) = (registry(&config)?, Topics::builtin()?.subjects(&config.kafka.prefix));
        rows.extend(runtime()?.block_on(against_registry(&client, &subjects))?);
    }
    match context.output {
        Output::Json => context.json(&rows)?,
        Output::Table if rows.is_empty() => writeln!(context.talk, "{} schemas, no findings", embedded::SCHEMAS.len())?,
        Output::Table => {
            let cells: Vec<_> = rows
                .iter()
                .map(|r| [r.schema.clone(), r.against.clone(), r.version.to_string(), r.field.clone(), r.problem.into()])
                .collect();
            context.table(["SCHEMA", "AGAINST", "VERSION", "FIELD", "PROBLEM"], &cells)?;
        }
    }
    Ok(if rows.is_empty() { Exit::Done } else { Exit::Findings })
}

async fn against_registry(client: &RegistryClient, subjects: &[Subject]) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for subject in subjects {
        let Some(text) = embedded::text(&subject.record) else { continue };
        let findings = compat::check(&subject.record, text, &client.versions(&subject.name()).await?);
        rows.extend(findings.into_iter().map(|finding| Row::new(&subject.name(), finding)));
    }
    Ok(rows)
}

fn register(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Row {
        topic: String,
        record: String,
        schema_id: u32,
    }
    let config = context.load(None)?.config;
    let (client, subjects) = (registry(&config)?, Topics::builtin()?.subjects(&config.kafka.prefix));
    let registered = runtime()?.block_on(client.register_all(&subjects))?;
    match context.output {
        Output::Json => {
            let rows: Vec<_> = registered.into_iter().map(|r| Row { topic: r.topic, record: r.record, schema_id: r.schema_id }).collect();
            context.json(&rows)?;
        }
        Output::Table => {
            let cells: Vec<_> = registered.into_iter().map(|r| [r.topic, r.record, r.schema_id.to_string()]).collect();
            context.table(["TOPIC", "RECORD", "SCHEMA ID"], &cells)?;
        }
    }
    Ok(Exit::Done)
}
