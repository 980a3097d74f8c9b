//! `waybill normalize`.

use anyhow::bail;

use super::args::NormalizeArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &NormalizeArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: normalize")
}
