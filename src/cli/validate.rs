//! `waybill validate`.

use serde::Serialize;

use super::args::ValidateArgs;
use super::{Context, Exit, Output, runtime};
use crate::config::{Error, Finding, Service};
use crate::domain::verdict::Code;
use crate::services::admin::online::{self, OnlineFinding};
use crate::services::wiring;

/// One finding, whoever found it.
#[derive(Serialize)]
struct Row {
    code: String,
    key: String,
    origin: String,
    problem: String,
    remedy: String,
}

impl From<Finding> for Row {
    fn from(Finding { key, origin, problem, remedy }: Finding) -> Self {
        Self { code: Code::CONFIG.to_string(), key, origin, problem, remedy }
    }
}

impl From<OnlineFinding> for Row {
    fn from(OnlineFinding { code, key, problem, remedy }: OnlineFinding) -> Self {
        Self { code: code.to_string(), key, origin: String::new(), problem, remedy: remedy.to_owned() }
    }
}

pub(super) fn run(args: &ValidateArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    // Without a service the carriers' secrets and the exchange rates are looked at all the same: what is wrong with them is seen
    // nowhere else before it is too late.
    let loaded = context.load(args.service).and_then(|loaded| {
        let mut found = Vec::new();
        if args.service.is_none() {
            found.extend(wiring::verifiers(&loaded.config).err().unwrap_or_default());
            found.extend(loaded.config.finance.books().err().unwrap_or_default());
        }
        if found.is_empty() { Ok(loaded) } else { Err(Error::Findings(found)) }
    });
    if args.service.is_none() && loaded.as_ref().is_ok_and(|loaded| loaded.config.finance.books.is_empty()) {
        writeln!(context.talk, "finance.books is empty: {} has nothing to do and does not start", Service::FinanceAccrual)?;
    }
    let rows: Vec<Row> = match loaded {
        // Wrong settings lead nowhere, so only right ones are followed.
        Ok(loaded) if args.online => runtime()?.block_on(online::check(&loaded.config)).into_iter().map(Row::from).collect(),
        Ok(_) => Vec::new(),
        Err(Error::Findings(findings)) => findings.into_iter().map(Row::from).collect(),
        Err(error) => return Err(error.into()),
    };
    tell(&rows, context)?;
    Ok(if rows.is_empty() { Exit::Done } else { Exit::Findings })
}

fn tell(rows: &[Row], context: &mut Context<'_>) -> std::io::Result<()> {
    match context.output {
        Output::Json => context.json(&rows),
        Output::Table if rows.is_empty() => writeln!(context.out, "no findings"),
        Output::Table => {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| [row.code.clone(), row.key.clone(), row.problem.clone(), row.remedy.clone(), row.origin.clone()])
                .collect();
            context.table(["CODE", "WHAT", "PROBLEM", "WHAT TO DO", "FROM"], &rows)
        }
    }
}
