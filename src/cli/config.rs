//! `waybill config show`.

use super::args::{ConfigAction, ConfigArgs};
use super::{Context, Exit, Output};

pub(super) fn run(args: &ConfigArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match args.action {
        ConfigAction::Show => show(context),
    }
}

fn show(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let shown = context.load(None)?.shown;
    match context.output {
        Output::Json => context.json(&shown)?,
        Output::Table => {
            let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let rows: Vec<_> = shown.iter().map(|told| [told.key.clone(), plain(&told.value), told.origin.clone()]).collect();
            context.table(["SETTING", "VALUE", "FROM"], &rows)?;
        }
    }
    Ok(Exit::Done)
}
