//! `waybill run`.

use anyhow::bail;

use super::args::RunArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &RunArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: run")
}
