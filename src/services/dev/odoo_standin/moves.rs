//! Entries and bills with their lines: what may be loaded, created, posted and reversed, and what each version refuses.
//!
//! It computes no taxes. Of a bill it makes the one line that is owed, as Odoo does; accounts, journals and partners are not kept,
//! so any number is one.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::world::{Fail, Row, World};

pub(super) const MOVE: &str = "account.move";
pub(super) const LINE: &str = "account.move.line";

/// `account.account` id of what is owed for a bill.
pub const PAYABLE_ACCOUNT: i64 = 211_000;
/// `account.account` id of a bill's line that names none.
pub const EXPENSE_ACCOUNT: i64 = 600_000;

/// An entry or bill as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// `account.move` id.
    pub id: i64,
    /// `module.name`, where it was loaded under one.
    pub external_id: Option<String>,
    /// `draft`, `posted` or `cancel`.
    pub state: String,
    /// `entry`, `in_invoice` and so on.
    pub move_type: String,
    /// Its `ref`.
    pub reference: String,
    /// Accounting date as given, `YYYY-MM-DD`.
    pub date: String,
    /// `account.journal` id.
    pub journal_id: Option<i64>,
    /// What it reverses.
    pub reversed_entry_id: Option<i64>,
    /// Its lines, with the one that is owed for a bill.
    pub lines: Vec<MoveLine>,
}

/// A line of an entry. Amounts are in the company's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveLine {
    /// `account.move.line` id.
    pub id: i64,
    /// `module.name`, where it was loaded under one.
    pub external_id: Option<String>,
    /// `account.account` id.
    pub account_id: i64,
    /// Label.
    pub name: String,
    /// Debit.
    pub debit: Decimal,
    /// Credit.
    pub credit: Decimal,
}

/// A record that is about to be made or written, and what finds it again.
pub(super) struct Draft {
    pub(super) external_id: Option<String>,
    pub(super) values: Row,
    pub(super) lines: Vec<Draft>,
}

/// A move whose every rule has been checked.
pub(super) struct Checked {
    existing: Option<i64>,
    external_id: Option<String>,
    values: Row,
    lines: Vec<(Option<i64>, Option<String>, Row)>,
}

/// Checks one move with its lines against what is there. `Err`: the rule that it breaks.
pub(super) fn check(world: &World, draft: Draft, taken: &mut HashSet<String>, major: i64) -> Result<Checked, &'static str> {
    let existing = known(world, draft.external_id.as_deref(), MOVE, taken)?;
    let held = existing.and_then(|id| world.row(MOVE, id));
    let state = held.map_or("draft", |row| text(row, "state"));
    // 17 takes it, and rewrites what is in the books.
    if state == "posted" && major >= 18 {
        return Err("You cannot modify the following readonly fields on a posted move: date, line_ids");
    }
    if state == "cancel" {
        return Err("a cancelled entry");
    }
    let given = draft.values.get("move_type").and_then(Value::as_str);
    let move_type = held.map(|row| text(row, "move_type")).filter(|t| !t.is_empty()).or(given).unwrap_or("entry").to_owned();
    if given.is_some_and(|given| given != move_type) {
        return Err("the type of an entry does not change");
    }
    let mut lines = Vec::with_capacity(draft.lines.len());
    for line in draft.lines {
        let existing_line = known(world, line.external_id.as_deref(), LINE, taken)?;
        let mut row = existing_line.and_then(|id| world.row(LINE, id)).cloned().unwrap_or_default();
        if existing_line.is_some() && row.get("move_id").and_then(Value::as_i64) != existing {
            return Err("a line of another entry");
        }
        row.extend(line.values);
        lines.push((existing_line, line.external_id, computed(row, &move_type)?));
    }
    let mut values = draft.values;
    values.insert("move_type".into(), json!(move_type));
    let checked = Checked { existing, external_id: draft.external_id, values, lines };
    if move_type == "entry" && !total(world, &checked).is_zero() {
        return Err("The entry is not balanced.");
    }
    Ok(checked)
}

/// The record behind an external id, if there is one, of the model that it must be of.
fn known(world: &World, external_id: Option<&str>, model: &str, taken: &mut HashSet<String>) -> Result<Option<i64>, &'static str> {
    let Some(external_id) = external_id else { return Ok(None) };
    if !taken.insert(external_id.to_owned()) {
        return Err("an external id twice in one call");
    }
    match world.external_id(external_id) {
        None => Ok(None),
        Some((of, id)) if of == model => Ok(Some(*id)),
        Some(_) => Err("an external id of another model"),
    }
}

/// A line with its amounts, rounded as the currency is.
fn computed(mut row: Row, move_type: &str) -> Result<Row, &'static str> {
    let of = |name: &str| row.get(name).map_or(Ok(Decimal::ZERO), |value| number(value).ok_or("not a number"));
    let rounded = |amount: Decimal| amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    let balance = if move_type == "entry" {
        let (debit, credit) = (rounded(of("debit")?), rounded(of("credit")?));
        if !debit.is_zero() && !credit.is_zero() {
            return Err("debit and credit in one line");
        }
        debit - credit
    } else {
        let quantity = if row.contains_key("quantity") { of("quantity")? } else { Decimal::ONE };
        let amount = rounded(quantity * of("price_unit")? * (Decimal::ONE - of("discount")? / Decimal::ONE_HUNDRED));
        // What a supplier bills and what is given back to a customer is debited.
        if matches!(move_type, "in_invoice" | "in_receipt" | "out_refund") { amount } else { -amount }
    };
    let account = row.get("account_id").and_then(Value::as_i64);
    let account = account.or_else(|| (move_type != "entry").then_some(EXPENSE_ACCOUNT)).ok_or("a line without an account")?;
    row.insert("account_id".into(), json!(account));
    put_balance(&mut row, balance);
    Ok(row)
}

fn put_balance(row: &mut Row, balance: Decimal) {
    let shown = |amount: Decimal| json!(amount.to_f64().unwrap_or_default());
    row.insert("balance".into(), shown(balance));
    row.insert("debit".into(), shown(balance.max(Decimal::ZERO)));
    row.insert("credit".into(), shown((-balance).max(Decimal::ZERO)));
}

/// Sum of the balances as it will be, without the line that is owed for a bill.
fn total(world: &World, checked: &Checked) -> Decimal {
    let written: HashSet<i64> = checked.lines.iter().filter_map(|(id, _, _)| *id).collect();
    let kept = checked.existing.map(|id| line_ids(world, id)).unwrap_or_default();
    let kept = kept.iter().filter(|id| !written.contains(id)).filter_map(|id| world.row(LINE, *id)).filter(|row| !is_owed(row));
    kept.chain(checked.lines.iter().map(|(_, _, row)| row)).map(|row| amount(row, "balance")).sum()
}

/// Carries out what was checked.
pub(super) fn apply(world: &mut World, checked: Checked) -> Result<i64, Fail> {
    let owed = -total(world, &checked);
    let id = match checked.existing {
        Some(id) => id,
        None => world.insert(MOVE, Row::from_iter([("state".to_owned(), json!("draft"))])),
    };
    let mut ids = line_ids(world, id);
    for (existing, external_id, mut row) in checked.lines {
        let line = if let Some(line) = existing {
            world.write(LINE, &[line], &row)?;
            line
        } else {
            row.insert("move_id".into(), json!(id));
            let line = world.insert(LINE, row);
            ids.push(line);
            line
        };
        if let Some(name) = external_id {
            world.set_external_id(name, LINE, line);
        }
    }
    let mut values = checked.values;
    if text(&values, "move_type") != "entry" {
        put_owed(world, id, &mut ids, owed)?;
    }
    let debits: Decimal = ids.iter().filter_map(|line| world.row(LINE, *line)).map(|row| amount(row, "debit")).sum();
    values.insert("amount_total".into(), json!(debits.to_f64()));
    values.insert("line_ids".into(), json!(ids));
    let seen: Vec<i64> = ids.into_iter().filter(|line| world.row(LINE, *line).is_some_and(|row| !is_owed(row))).collect();
    values.insert("invoice_line_ids".into(), json!(if text(&values, "move_type") == "entry" { Vec::new() } else { seen }));
    world.write(MOVE, &[id], &values)?;
    if let Some(name) = checked.external_id {
        world.set_external_id(name, MOVE, id);
    }
    Ok(id)
}

/// The line of a bill that is owed follows its other lines.
fn put_owed(world: &mut World, id: i64, ids: &mut Vec<i64>, owed: Decimal) -> Result<(), Fail> {
    let held = ids.iter().copied().find(|line| world.row(LINE, *line).is_some_and(is_owed));
    let mut row = Row::from_iter([
        ("move_id".to_owned(), json!(id)),
        ("account_id".to_owned(), json!(PAYABLE_ACCOUNT)),
        ("display_type".to_owned(), json!("payment_term")),
    ]);
    put_balance(&mut row, owed);
    let Some(line) = held else {
        ids.push(world.insert(LINE, row));
        return Ok(());
    };
    world.write(LINE, &[line], &row)
}

/// `create` of entries with lines in commands `[0, 0, values]`. All or none.
pub(super) fn create(world: &mut World, rows: Vec<Row>, major: i64) -> Result<Vec<i64>, Fail> {
    let mut checked = Vec::with_capacity(rows.len());
    for mut values in rows {
        if values.contains_key("state") {
            return Err(Fail::Business);
        }
        let mut lines = Vec::new();
        for command in ["line_ids", "invoice_line_ids"].iter().filter_map(|name| values.shift_remove(*name)) {
            for command in command.as_array().into_iter().flatten() {
                let Some(line) = command.get(2).and_then(Value::as_object).filter(|_| command.get(0) == Some(&json!(0))) else {
                    return Err(Fail::Arguments);
                };
                world.check_fields(LINE, line.keys().map(String::as_str))?;
                lines.push(Draft { external_id: None, values: line.clone(), lines: Vec::new() });
            }
        }
        world.check_fields(MOVE, values.keys().map(String::as_str))?;
        let draft = Draft { external_id: None, values, lines };
        checked.push(check(world, draft, &mut HashSet::new(), major).map_err(|_| Fail::Business)?);
    }
    checked.into_iter().map(|checked| apply(world, checked)).collect()
}

/// All or none.
pub(super) fn post(world: &mut World, ids: &[i64]) -> Result<(), Fail> {
    for id in ids {
        let row = world.row(MOVE, *id).ok_or(Fail::Missing)?;
        let is_bill = text(row, "move_type").starts_with("in_");
        let complete = !is_bill || (!text(row, "invoice_date").is_empty() && row.get("partner_id").is_some_and(Value::is_number));
        if text(row, "state") != "draft" || !complete {
            return Err(Fail::Business);
        }
    }
    world.write(MOVE, ids, &Row::from_iter([("state".to_owned(), json!("posted"))]))
}

/// A posted entry with debit and credit changed over.
pub(super) fn reverse(world: &mut World, reversed: i64, wizard: &Row) -> Result<i64, Fail> {
    if !world.exists(MOVE, reversed) {
        return Err(Fail::Missing);
    }
    let mut row = Row::from_iter([
        ("reversed_entry_id".to_owned(), json!(reversed)),
        ("state".to_owned(), json!("posted")),
        ("move_type".to_owned(), json!("entry")),
        ("ref".to_owned(), json!(format!("Reversal of: {reversed}, {}", text(wizard, "reason")))),
    ]);
    row.extend(["journal_id", "date"].iter().filter_map(|name| Some(((*name).to_owned(), wizard.get(*name)?.clone()))));
    let id = world.insert(MOVE, row);
    let mirrored: Vec<Row> = line_ids(world, reversed).iter().filter_map(|line| world.row(LINE, *line)).cloned().collect();
    let mut ids = Vec::with_capacity(mirrored.len());
    for mut line in mirrored {
        let balance = -amount(&line, "balance");
        put_balance(&mut line, balance);
        line.insert("move_id".into(), json!(id));
        ids.push(world.insert(LINE, line));
    }
    world.write(MOVE, &[id], &Row::from_iter([("line_ids".to_owned(), json!(ids))]))?;
    Ok(id)
}

/// Every entry and bill with its lines, in the order of their making.
pub(super) fn all(world: &World) -> Vec<Move> {
    let names: HashMap<(&str, i64), &str> =
        world.external_ids().map(|(name, (model, id))| ((model.as_str(), *id), name.as_str())).collect();
    let named = |model: &'static str, id: i64| names.get(&(model, id)).map(|name| (*name).to_owned());
    let lines: BTreeMap<i64, Row> = world.rows(LINE);
    let line = |id: i64| {
        let row = lines.get(&id)?;
        let account_id = row.get("account_id").and_then(Value::as_i64).unwrap_or_default();
        let (debit, credit) = (amount(row, "debit"), amount(row, "credit"));
        Some(MoveLine { id, external_id: named(LINE, id), account_id, name: text(row, "name").into(), debit, credit })
    };
    let number = |row: &Row, name: &str| row.get(name).and_then(Value::as_i64);
    let rows = world.rows(MOVE).into_iter();
    rows.map(|(id, row)| Move {
        id,
        external_id: named(MOVE, id),
        state: text(&row, "state").into(),
        move_type: text(&row, "move_type").into(),
        reference: text(&row, "ref").into(),
        date: text(&row, "date").into(),
        journal_id: number(&row, "journal_id"),
        reversed_entry_id: number(&row, "reversed_entry_id"),
        lines: line_ids(world, id).into_iter().filter_map(line).collect(),
    })
    .collect()
}

fn line_ids(world: &World, id: i64) -> Vec<i64> {
    let ids = world.row(MOVE, id).and_then(|row| row.get("line_ids")?.as_array());
    ids.into_iter().flatten().filter_map(Value::as_i64).collect()
}

fn is_owed(row: &Row) -> bool {
    text(row, "display_type") == "payment_term"
}

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn amount(row: &Row, name: &str) -> Decimal {
    row.get(name).and_then(number).unwrap_or_default()
}

/// A number as it is given, or shown; empty is none.
fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.as_i64().map(Decimal::from).or_else(|| Decimal::from_f64(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(false) | Value::Null => Some(Decimal::ZERO),
        _ => None,
    }
}
