//! `waybill dev`.

use std::io::Write;

use anyhow::anyhow;

use super::args::DevArgs;
use super::{Context, Exit, Output};
use crate::config::{Config, LogFormat, LogLevel};
use crate::services::dev::play::Stage;
use crate::services::dev::report::Report;
use crate::services::process;
use crate::telemetry::log;

const LIMITS: &str = "\
The broker is librdkafka's mock cluster: it keeps at most 5 MiB or 100,000 records per partition, accepts transactions
without isolating them, and forgets everything when this ends. What is shown here is the way of the data, not the guarantee:
that is tested on Apache Kafka.";

pub(super) fn run(args: &DevArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut config = context.load(None)?.config;
    if config.log.format == LogFormat::Auto {
        // The happenings are told in words here; the log speaks up when something is wrong.
        config.log.level = LogLevel::Error;
    }
    log::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let played = runtime.block_on(play(args.exit_when_idle, config));
    runtime.shutdown_background();
    let report = played.map_err(|e| anyhow!("{e}"))?;
    show(&report, context)?;
    Ok(if report.conserved { Exit::Done } else { Exit::Failed })
}

fn talk(line: &str) {
    // Who closes stderr does not want to be talked to.
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn play(until_idle: bool, config: Config) -> Result<Report, crate::services::dev::play::Error> {
    let dir = std::env::temp_dir().join(format!("waybill-dev-{}", std::process::id()));
    let mut stage = Stage::start(config, dir).await?;
    talk(LIMITS);
    talk("");
    for (what, place) in stage.addresses() {
        talk(&format!("{what:<24} {place}"));
    }
    talk("");
    stage.play(&mut talk)?;
    talk("");
    if until_idle {
        stage.watch(true, &mut talk).await?;
    } else {
        talk("Send more to any raw topic; Ctrl-C ends it with a report.");
        let mut say = talk;
        tokio::select! {
            watched = stage.watch(false, &mut say) => watched?,
            () = process::asked_to_stop() => {}
        }
    }
    talk("");
    for (picking, notes) in stage.notes() {
        talk(&format!("the stand-in Odoo has {notes} notes on picking {picking}"));
    }
    let report = stage.report();
    stage.stop().await;
    Ok(report)
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.output == Output::Json {
        context.json(report)?;
        return Ok(());
    }
    let rows: Vec<[String; 7]> = report
        .services
        .iter()
        .map(|s| {
            let conserved = if s.conserved { "yes" } else { "no" };
            [
                s.service.clone(),
                s.consumed.to_string(),
                s.published_from.to_string(),
                s.duplicates.to_string(),
                s.dead_lettered.to_string(),
                s.effects.to_string(),
                conserved.to_owned(),
            ]
        })
        .collect();
    context.table(["service", "in", "published_from", "duplicates", "dead_lettered", "effects", "conserved"], &rows)?;
    Ok(())
}
