//! `waybill topics`.

use anyhow::bail;

use super::args::TopicsArgs;
use super::{Context, Exit};

pub(super) fn run(_args: &TopicsArgs, _context: &mut Context<'_>) -> anyhow::Result<Exit> {
    bail!("not built yet: topics")
}
