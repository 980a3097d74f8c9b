//! `waybill freight`.

use anyhow::Context as _;
use serde::Serialize;

use super::args::{BillingFiles, FreightAction, FreightArgs};
use super::{Context, Exit, Output};
use crate::carriers::billing::Format;
use crate::services::admin::billing::{Sender, pass_on};

/// Rows that cannot be read are told one by one up to so many of a file.
const TOLD_MAX: u64 = 20;

/// What one invoice of a file came to.
#[derive(Serialize)]
struct Row {
    file: String,
    invoice: String,
    currency: String,
    rows: i64,
    charges: i64,
    billed: String,
    told: Option<String>,
    parked: i64,
    untied: i64,
    ties: bool,
}

pub(super) fn run(args: &FreightArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let (files, send) = match &args.action {
        FreightAction::Check(files) => (files, false),
        FreightAction::Send(files) => (files, true),
    };
    let config = context.load(None)?.config;
    let format = Format::of(&files.source).with_context(|| format!("no format: {}", files.source))?;
    let mut sender = if send { Some(Sender::new(&config, format)?) } else { None };
    let mut rows = Vec::new();
    let mut exit = Exit::Done;
    for path in &files.files {
        let file = path.display().to_string();
        let (mut parked, mut records) = (0_u64, 0_u64);
        let done = pass_on(&config, format, path, sender.as_mut(), |piece| -> anyhow::Result<()> {
            records += 1;
            if let Some(park) = &piece.parked {
                parked += 1;
                exit = exit.worse(Exit::Findings);
                if parked <= TOLD_MAX {
                    writeln!(context.talk, "{file}:{}: {} {}", piece.line, park.code, park.cause)?;
                }
            }
            if let Some(end) = &piece.end {
                let totals = &end.totals;
                exit = if totals.ties { exit } else { exit.worse(Exit::Findings) };
                rows.push(Row {
                    file: file.clone(),
                    invoice: end.invoice_id.clone(),
                    currency: end.currency.clone(),
                    rows: totals.rows,
                    charges: totals.charges,
                    billed: totals.billed.to_string(),
                    told: totals.told.map(|told| told.to_string()),
                    parked: totals.rows_parked,
                    untied: totals.rows_untied,
                    ties: totals.ties,
                });
            }
            Ok(())
        });
        if parked > TOLD_MAX {
            writeln!(context.talk, "{file}: {parked} rows cannot be read")?;
        }
        match done {
            Ok(()) if send => writeln!(context.talk, "{file}: {records} records sent")?,
            Ok(()) => {}
            Err(error) => {
                writeln!(context.talk, "{file}: {error:#}")?;
                exit = Exit::Failed;
            }
        }
    }
    show(files, &rows, context)?;
    Ok(exit)
}

fn show(files: &BillingFiles, rows: &[Row], context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.output == Output::Json {
        return Ok(context.json(&rows)?);
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let told = row.told.clone().unwrap_or_else(|| "not told".to_owned());
            let ties = if row.ties { "yes" } else { "no" };
            [
                row.invoice.clone(),
                row.rows.to_string(),
                row.charges.to_string(),
                row.billed.clone(),
                told,
                row.currency.clone(),
                ties.to_owned(),
                if files.files.len() > 1 { row.file.clone() } else { String::new() },
            ]
        })
        .collect();
    Ok(context.table(["INVOICE", "ROWS", "CHARGES", "BILLED", "TOLD", "CURRENCY", "TIES", "FILE"], &cells)?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::waybill;
    use super::*;

    #[test]
    fn a_file_is_judged_with_no_broker() {
        let folder = tempfile::tempdir().unwrap();
        let row = |number: &str, net: &str| {
            let mut cells = vec![""; 53];
            for (at, text) in [(4, "2026-11-14"), (5, "A17"), (9, "EUR"), (10, "12.5"), (20, number), (34, "SHP"), (43, "FRT"), (52, net)] {
                cells[at] = text;
            }
            cells.join(",") + "\n"
        };
        let path = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let good = path("good.csv", row("1Z1", "10") + &row("1Z2", "2.50"));
        let told = waybill(&format!("waybill freight check --source ups_billing --output json {good}"), &[]);
        let rows: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!((told.exit, &rows[0]["billed"], &rows[0]["ties"]), (Exit::Done, &"12.5".into(), &true.into()), "{}", told.talk);
        let bad = path("bad.csv", row("1Z1", "10") + &row("1.2E+12", "2.50"));
        let told = waybill(&format!("waybill freight check --source ups_billing {bad}"), &[]);
        assert_eq!(told.exit, Exit::Findings, "{}", told.out);
        assert!(told.talk.contains("bad.csv:2: WB-0151") && told.out.contains(" no"), "{}{}", told.talk, told.out);
        let told = waybill(&format!("waybill freight check --source dhl_billing {good}"), &[]);
        assert!(told.exit == Exit::Failed && told.talk.contains("WB-0152"), "{}", told.talk);
        let told = waybill(&format!("waybill normalize --source ups_billing {good}"), &[]);
        assert_eq!((told.exit, told.out.lines().count()), (Exit::Done, 3), "{}", told.talk);
    }
}
