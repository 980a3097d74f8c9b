//! `waybill finance`.

use anyhow::Context as _;
use serde::Serialize;

use super::args_finance::{FinanceAction, FinanceArgs};
use super::{Context, Exit, Output};
use crate::domain::finance::report::{Account, Balance, Group, Report, Sums, Tie};
use crate::domain::money::Amount;
use crate::services::admin::canonical::Canonical;
use crate::services::admin::finance;

const HEADING: [&str; 13] = [
    "BOOK",
    "CARRIER",
    "ACCOUNT",
    "ACCRUED ACCOUNT",
    "OWED IN",
    "CARRIED",
    "ACCRUED",
    "ADJUSTED",
    "REVERSED",
    "SETTLED",
    "OPEN",
    "CURRENCY",
    "ENTRIES",
];

/// What the report is for programs.
#[derive(Serialize)]
struct Whole<'a> {
    period: String,
    rows: Vec<Row<'a>>,
    totals: Vec<Total>,
    accounts: Vec<OnAccount<'a>>,
    ties: Vec<Tie>,
    odd_entries: u64,
    odd_entry_ids: &'a [String],
    entries_after_the_period: u64,
    sound: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    group: &'a Group,
    #[serde(flatten)]
    sums: &'a Sums,
}

#[derive(Serialize)]
struct Total {
    book: String,
    company_currency: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct OnAccount<'a> {
    #[serde(flatten)]
    account: &'a Account,
    #[serde(flatten)]
    balance: &'a Balance,
}

pub(super) fn run(args: &FinanceArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let FinanceAction::Report { period } = &args.action;
    let config = context.load(None)?.config;
    let report = finance::report(&Canonical::new(&config)?, period.clone())?;
    show(&report, context)
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let totals = totals(report);
    match context.output {
        _ if context.csv => csv(report, context)?,
        Output::Json => {
            let (odd_entries, odd_entry_ids) = report.odd_entries();
            context.json(&Whole {
                period: report.period().to_string(),
                rows: report.groups().iter().map(|(group, sums)| Row { group, sums }).collect(),
                totals,
                accounts: report.accounts().iter().map(|(account, balance)| OnAccount { account, balance }).collect(),
                ties: report.ties(),
                odd_entries,
                odd_entry_ids,
                entries_after_the_period: report.later(),
                sound: report.is_sound(),
            })?;
        }
        Output::Table => {
            let mut rows: Vec<_> = report.groups().iter().map(|(group, sums)| cells(group, sums)).collect();
            rows.extend(totals.into_iter().map(|total| {
                let Total { book, company_currency, sums } = total;
                let (carrier, currency) = ("(all)".to_owned(), String::new());
                let group = Group { book, carrier, account: 0, accrued_account: 0, currency, company_currency };
                let mut row = cells(&group, &sums);
                row.iter_mut().skip(2).take(2).for_each(String::clear);
                row
            }));
            context.table(HEADING, &rows)?;
        }
    }
    judge(report, context)
}

/// By company, in its currency.
fn totals(report: &Report) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for (group, sums) in report.groups() {
        let found = totals.iter_mut().find(|t| t.book == group.book && t.company_currency == group.company_currency);
        if let Some(total) = found {
            total.sums.join(sums);
        } else {
            totals.push(Total { book: group.book.clone(), company_currency: group.company_currency.clone(), sums: *sums });
        }
    }
    totals
}

fn cells(group: &Group, sums: &Sums) -> [String; 13] {
    let digits = crate::domain::currency::digits(&group.company_currency);
    // With all the digits of the currency; more of them where an amount has more, so that nothing is hidden.
    let money = |amount: Amount| {
        let mut amount = amount.0.normalize();
        if amount.scale() < digits {
            amount.rescale(digits);
        }
        amount.to_string()
    };
    let Sums { carried, accrued, adjusted, reversed, settled, open, entries } = *sums;
    let [carried, accrued, adjusted, reversed, settled, open] = [carried, accrued, adjusted, reversed, settled, open].map(money);
    let (account, accrued_account) = (group.account.to_string(), group.accrued_account.to_string());
    let (book, carrier, owed_in) = (group.book.clone(), group.carrier.clone(), group.currency.clone());
    let currency = group.company_currency.clone();
    [book, carrier, account, accrued_account, owed_in, carried, accrued, adjusted, reversed, settled, open, currency, entries.to_string()]
}

/// The rows alone: who adds them up has the totals.
fn csv(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(&mut *context.out);
    let heading = std::iter::once("period".to_owned()).chain(HEADING.map(|name| name.to_lowercase().replace(' ', "_")));
    table.write_record(heading)?;
    for (group, sums) in report.groups() {
        table.write_record(std::iter::once(report.period().to_string()).chain(cells(group, sums)))?;
    }
    table.flush().context("the report was not written to its end")
}

/// Says whether the report ties to the entries.
fn judge(report: &Report, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    for tie in report.ties() {
        let Tie { book, company_currency: currency, debit, credit, open, balance, ties } = tie;
        let judged = if ties { "ties" } else { "does NOT tie" };
        let sums = format!("debits {debit} = credits {credit} {currency}, open {open} = on the accrued account {balance} {currency}");
        let sums = if ties { sums } else { sums.replace(" = ", " and ") };
        writeln!(context.talk, "{book} {judged}: {sums}")?;
    }
    let (odd, ids) = report.odd_entries();
    if odd > 0 {
        writeln!(context.talk, "{odd} entries are not one balanced sum between an expense and an accrued account: {}", ids.join(", "))?;
    }
    if report.later() > 0 {
        writeln!(context.talk, "{} entries are booked after {}", report.later(), report.period())?;
    }
    if report.groups().is_empty() {
        writeln!(context.talk, "no entries in {} or before it", report.period())?;
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::Findings })
}
