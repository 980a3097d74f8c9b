//! `waybill topics`.

use anyhow::Context as _;
use serde::Serialize;

use super::args::{TopicsAction, TopicsArgs};
use super::{Context, Exit, Output, runtime};
use crate::config::topics::TopicChange;
use crate::services::admin::topics;

#[derive(Serialize)]
struct Row {
    topic: String,
    change: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    setting: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    to: String,
    state: &'static str,
}

pub(super) fn run(args: &TopicsArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let config = context.load(None)?.config;
    let runtime = runtime()?;
    let at = || format!("brokers {}", config.kafka.brokers);
    let (changes, left) = match args.action {
        TopicsAction::Diff => {
            let changes = runtime.block_on(topics::diff(&config)).with_context(at)?;
            (changes.clone(), changes)
        }
        TopicsAction::Apply { replication } => runtime.block_on(topics::apply(&config, replication)).with_context(at)?,
    };
    let rows: Vec<Row> = changes.iter().map(|change| row(change, &left)).collect();
    match context.output {
        Output::Json => context.json(&rows)?,
        Output::Table if rows.is_empty() => writeln!(context.talk, "no differences")?,
        Output::Table => {
            let cells: Vec<_> = rows
                .iter()
                .map(|r| [r.topic.clone(), r.change.into(), r.setting.clone(), r.from.clone(), r.to.clone(), r.state.into()])
                .collect();
            context.table(["TOPIC", "CHANGE", "SETTING", "FROM", "TO", "STATE"], &cells)?;
        }
    }
    Ok(if left.is_empty() { Exit::Done } else { Exit::Findings })
}

fn row(change: &TopicChange, left: &[TopicChange]) -> Row {
    let state = match (left.contains(change), change.is_applied()) {
        (false, _) => "done",
        (true, true) => "open",
        (true, false) => "by hand",
    };
    let (topic, change, setting, from, to) = match change.clone() {
        TopicChange::Create { name, partitions, configs } => {
            let configs: Vec<String> = configs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            (name, "create", String::new(), String::new(), format!("{partitions} partitions, {}", configs.join(" ")))
        }
        TopicChange::AddConfig { name, key, value } => (name, "set", key, String::new(), value),
        TopicChange::AlterConfig { name, key, from, to } => (name, "set", key, from, to),
        TopicChange::PartitionMismatch { name, actual, expected } => {
            (name, "partitions", String::new(), actual.to_string(), expected.to_string())
        }
    };
    Row { topic, change, setting, from, to, state }
}
