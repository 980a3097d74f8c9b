//! `waybill dlq`.

use anyhow::bail;

use super::args::DlqArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &DlqArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: dlq")
}
