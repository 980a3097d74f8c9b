//! `waybill schemas`.

use anyhow::bail;

use super::args::SchemasArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &SchemasArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: schemas")
}
