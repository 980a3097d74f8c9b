//! `load`: rows of texts become records with external ids, all of them or none. Failures come in a 200.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::moves::{self, Draft, LINE, MOVE};
use super::world::{Fail, Row, World};

/// Columns with a reference: `x/.id` is a number, `x/id` an external id. By name alone nothing is found here.
const REFERENCES: [&str; 10] = [
    "journal_id",
    "partner_id",
    "currency_id",
    "company_id",
    "account_id",
    "product_id",
    "product_uom_id",
    "tax_ids",
    "subtype_id",
    "invoice_payment_term_id",
];

/// Names of an entry's lines.
const LINES: [&str; 2] = ["line_ids", "invoice_line_ids"];

/// Carries a call out.
pub(super) fn load(world: &mut World, model: &str, columns: &[String], data: &[Value], major: i64) -> Result<Value, Fail> {
    let of_lines = |column: &str| column.split_once('/').is_some_and(|(list, _)| model == MOVE && LINES.contains(&list));
    for column in columns {
        let (of, field) = match column.split_once('/').filter(|_| of_lines(column)) {
            Some((_, field)) => (LINE, field),
            None => (model, column.as_str()),
        };
        let field = field.split('/').next().unwrap_or_default();
        if field != "id" && world.check_fields(of, std::iter::once(field)).is_err() {
            return Err(if major == 17 { Fail::Key } else { Fail::Value(format!("Invalid field '{field}' in '{of}'")) });
        }
    }
    let mut drafts: Vec<(Draft, usize)> = Vec::new();
    for (n, row) in data.iter().enumerate() {
        let cells: Vec<&str> = row.as_array().into_iter().flatten().map(|cell| cell.as_str().unwrap_or_default()).collect();
        let filled = |wanted: bool| columns.iter().zip(&cells).any(|(column, cell)| of_lines(column) == wanted && !cell.is_empty());
        let line = match filled(true).then(|| draft(world, columns, &cells, |column| of_lines(column))).transpose() {
            Ok(line) => line,
            Err(message) => return Ok(failure(n, message)),
        };
        let continues = filled(true) && !filled(false);
        match drafts.last_mut().filter(|_| continues) {
            Some((head, _)) => head.lines.extend(line),
            None => match draft(world, columns, &cells, |column| !of_lines(column)) {
                Ok(head) => drafts.push((Draft { lines: line.into_iter().collect(), ..head }, n)),
                Err(message) => return Ok(failure(n, message)),
            },
        }
    }
    if model == MOVE { load_moves(world, drafts, major) } else { load_rows(world, model, drafts) }
}

fn load_moves(world: &mut World, drafts: Vec<(Draft, usize)>, major: i64) -> Result<Value, Fail> {
    let mut taken = HashSet::new();
    let mut checked = Vec::with_capacity(drafts.len());
    for (draft, row) in drafts {
        match moves::check(world, draft, &mut taken, major) {
            Ok(entry) => checked.push(entry),
            Err(message) => return Ok(failure(row, message)),
        }
    }
    let ids = checked.into_iter().map(|entry| moves::apply(world, entry)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"ids": ids, "messages": [], "nextrow": 0}))
}

fn load_rows(world: &mut World, model: &str, drafts: Vec<(Draft, usize)>) -> Result<Value, Fail> {
    let mut ids = Vec::new();
    for (Draft { external_id, values, .. }, _) in drafts {
        let known = external_id.as_deref().and_then(|name| world.external_id(name)).map(|(_, id)| *id);
        let id = match known {
            Some(id) => world.write(model, &[id], &values).map(|()| id)?,
            None => world.create(model, vec![values])?.first().copied().unwrap_or_default(),
        };
        if let Some(name) = external_id {
            world.set_external_id(name, model, id);
        }
        ids.push(id);
    }
    Ok(json!({"ids": ids, "messages": [], "nextrow": 0}))
}

/// One head or one line of a row. What is empty is cleared.
fn draft(world: &World, columns: &[String], cells: &[&str], wanted: impl Fn(&str) -> bool) -> Result<Draft, &'static str> {
    let mut values = Row::new();
    let mut external_id = None;
    for (column, cell) in columns.iter().zip(cells).filter(|(column, _)| wanted(column)) {
        let column = LINES.iter().find_map(|list| column.strip_prefix(list)?.strip_prefix('/')).unwrap_or(column);
        let (field, kind) = column.split_once('/').map_or((column, None), |(field, kind)| (field, Some(kind)));
        if field == "id" {
            external_id = Some((*cell).to_owned()).filter(|id| !id.is_empty());
            continue;
        }
        let value = match kind {
            _ if cell.is_empty() => json!(false),
            Some(kind) if REFERENCES.contains(&field) => reference(world, field, kind, cell)?,
            None if !REFERENCES.contains(&field) => json!(cell),
            _ => return Err("No matching record found"),
        };
        values.insert(field.to_owned(), value);
    }
    Ok(Draft { external_id, values, lines: Vec::new() })
}

fn reference(world: &World, field: &str, kind: &str, cell: &str) -> Result<Value, &'static str> {
    let one = |cell: &str| match kind {
        ".id" => cell.parse().ok().filter(|id| *id > 0),
        "id" => world.external_id(cell).map(|(_, id)| *id),
        _ => None,
    };
    let ids: Option<Vec<i64>> = cell.split(',').map(|cell| one(cell.trim())).collect();
    match ids.as_deref() {
        Some(ids) if field.ends_with("_ids") => Ok(json!(ids)),
        Some([id]) => Ok(json!(id)),
        _ => Err("No matching record found"),
    }
}

fn failure(row: usize, message: &str) -> Value {
    let message = json!({"type": "error", "record": 0, "rows": {"from": row, "to": row}, "message": message});
    json!({"ids": false, "messages": [message], "nextrow": 0})
}
