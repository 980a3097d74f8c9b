//! `waybill run`.

use anyhow::Context as _;

use super::args::RunArgs;
use super::{Context, Exit};
use crate::services::process;
use crate::telemetry::{events, log};

/// Threads for calls, health and signals; the loop has its own.
const WORKERS: usize = 2;

pub(super) fn run(args: &RunArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let config = context.load(Some(args.service))?.config;
    log::init(&config.log).context("the log cannot be set up")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let ended = runtime.block_on(process::run(args.service, config));
    // Whatever still runs has its own time limit; nobody waits for it.
    runtime.shutdown_background();
    // Whoever reads the log of a service reads JSON: its last word is a line like the others.
    Ok(match ended {
        Ok(()) => Exit::Done,
        Err(error) => {
            events::stopped(args.service.as_str(), error.code(), &error.to_string());
            Exit::Failed
        }
    })
}
