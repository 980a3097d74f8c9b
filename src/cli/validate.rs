//! `waybill validate`.

use anyhow::bail;

use super::args::ValidateArgs;
use super::{Context, Exit, Output};
use crate::config::{Error, Finding};

pub(super) fn run(args: &ValidateArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let findings = match context.load(args.service) {
        Ok(_) => Vec::new(),
        Err(Error::Findings(findings)) => findings,
        Err(error) => return Err(error.into()),
    };
    tell(&findings, context)?;
    if !findings.is_empty() {
        return Ok(Exit::Findings);
    }
    if args.online {
        bail!("not built yet: validate --online");
    }
    Ok(Exit::Done)
}

fn tell(findings: &[Finding], context: &mut Context<'_>) -> std::io::Result<()> {
    match context.output {
        Output::Json => context.json(&findings),
        Output::Table if findings.is_empty() => writeln!(context.out, "no findings"),
        Output::Table => {
            let rows: Vec<_> = findings.iter().map(|f| [f.key.clone(), f.problem.clone(), f.remedy.clone(), f.origin.clone()]).collect();
            context.table(["SETTING", "PROBLEM", "WHAT TO DO", "FROM"], &rows)
        }
    }
}
