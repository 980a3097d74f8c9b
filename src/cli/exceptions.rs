//! `waybill exceptions`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use rust_decimal::Decimal;
use serde::Serialize;

use super::args_finance::{CaseState, ExceptionsAction, ExceptionsArgs};
use super::{Context, Exit, Output};
use crate::domain::exception::ExceptionRaised;
use crate::domain::finance::facts::DecisionKind;
use crate::domain::finance::records::ExceptionDecision;
use crate::domain::money::Amount;
use crate::domain::time::rfc3339;
use crate::services::admin::canonical::Canonical;
use crate::services::admin::exceptions::{self, Case, Ruling};

/// A case as it stands.
#[derive(Serialize)]
struct Row<'a> {
    raised_at: String,
    exception_id: &'a str,
    kind: &'a str,
    state: &'a str,
    carrier: Option<&'a str>,
    delivery_key: Option<&'a str>,
    shipment_key: Option<&'a str>,
    summary: &'a str,
}

/// A decision as it was sent, or as it was made before.
#[derive(Serialize)]
struct Answer {
    exception_id: String,
    book: String,
    decision: DecisionKind,
    decided_by: String,
    decided_at: String,
    sent: bool,
}

pub(super) fn run(args: &ExceptionsArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let config = context.load(None)?.config;
    let topics = Canonical::new(&config)?;
    match &args.action {
        ExceptionsAction::List { state, kind, limit } => {
            let cases = exceptions::list(&topics, kind.as_deref(), *state == CaseState::All)?;
            if cases.len() > *limit {
                writeln!(context.talk, "there are {}; --limit tells how many are listed, the newest", cases.len())?;
            }
            list(cases.get(cases.len().saturating_sub(*limit)..).unwrap_or_default(), context)
        }
        ExceptionsAction::Resolve { exception_id, decision, by } => {
            let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| context.variable(name));
            let by = by.clone().or_else(user).context("nobody is told to have decided this: add --by LOGIN")?;
            let case = Case::find(&topics, exception_id)?;
            let kind = (*decision).into();
            match case.decide(exception_id, kind, &by, context.clock.now())? {
                Ruling::Send(decision) => {
                    let told = Answer::new(&decision, true);
                    exceptions::send(&topics, decision)?;
                    show(told, context)?;
                    writeln!(context.talk, "{}", outlook(&case, kind))?;
                }
                Ruling::Decided(decision) => {
                    show(Answer::new(&decision, false), context)?;
                    writeln!(context.talk, "the same was decided before: nothing was sent")?;
                }
            }
            Ok(Exit::Done)
        }
    }
}

impl Answer {
    fn new(decision: &ExceptionDecision, sent: bool) -> Self {
        Self {
            exception_id: decision.exception_id.clone(),
            book: decision.book.clone(),
            decision: decision.kind,
            decided_by: decision.decided_by.clone(),
            decided_at: rfc3339(decision.decided_at),
            sent,
        }
    }
}

fn list(cases: &[ExceptionRaised], context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match context.output {
        Output::Json => {
            context.json(&cases.iter().map(row).collect::<Vec<_>>())?;
        }
        Output::Table => {
            let cells = |case: &ExceptionRaised| {
                let about = case.delivery_key.as_ref().or(case.shipment_key.as_ref()).cloned().unwrap_or_default();
                let carrier = case.carrier.clone().unwrap_or_default();
                let [id, kind, state, summary] = [&case.exception_id, &case.kind, &case.state, &case.summary].map(Clone::clone);
                [rfc3339(case.raised_at), kind, state, id, carrier, about, summary]
            };
            let rows: Vec<_> = cases.iter().map(cells).collect();
            context.table(["RAISED", "KIND", "STATE", "EXCEPTION", "CARRIER", "ABOUT", "SUMMARY"], &rows)?;
            context.whole(cases.iter().map(|case| (case.exception_id.as_str(), case.summary.as_str())))?;
        }
    }
    Ok(Exit::Done)
}

fn row(case: &ExceptionRaised) -> Row<'_> {
    Row {
        raised_at: rfc3339(case.raised_at),
        exception_id: &case.exception_id,
        kind: &case.kind,
        state: &case.state,
        carrier: case.carrier.as_deref(),
        delivery_key: case.delivery_key.as_deref(),
        shipment_key: case.shipment_key.as_deref(),
        summary: &case.summary,
    }
}

fn show(decided: Answer, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.output == Output::Json {
        return Ok(context.json(&decided)?);
    }
    let Answer { exception_id, book, decision, decided_by, decided_at, .. } = decided;
    let row = [exception_id, decision.to_string(), book, decided_by, decided_at];
    Ok(context.table(["EXCEPTION", "DECISION", "BOOK", "BY", "AT"], &[row])?)
}

/// What will happen.
fn outlook(case: &Case, kind: DecisionKind) -> String {
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut invoices: Vec<&str> = Vec::new();
    for line in case.lines.values() {
        *sums.entry(&line.currency).or_default() += line.amount.0;
        if !invoices.contains(&line.invoice_id.as_str()) {
            invoices.push(&line.invoice_id);
        }
    }
    let sums: Vec<String> = sums.iter().map(|(currency, sum)| format!("{} {currency}", Amount(*sum))).collect();
    let billed = format!("{} of invoice {}", sums.join(", "), invoices.join(", "));
    let then = "the case clears once finance-accrual has carried it out";
    match kind {
        DecisionKind::Accept => format!("{billed} is paid as billed and goes onto its draft bill; {then}"),
        DecisionKind::Reject => format!("{billed} is not paid: claim it from the carrier; {then}"),
    }
}
