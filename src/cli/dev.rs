//! `waybill dev`.

use anyhow::bail;

use super::args::DevArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &DevArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: dev")
}
