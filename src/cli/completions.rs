//! `waybill completions`.

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::{Context, Exit};

pub(super) fn run(args: &CompletionsArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "waybill", &mut script);
    context.out.write_all(&script)?;
    Ok(Exit::Done)
}
