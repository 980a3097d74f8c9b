//! Records under external ids: several heads with their lines in one `load`, which Odoo keeps whole or not at all.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::batch::Run;
use super::command::bad;
use super::{Action, Effect, MOVES_MAX, Outcome};
use crate::domain::odoo_command::OdooCommand;
use crate::domain::verdict::{Code, Park};
use crate::odoo::client::arguments;
use crate::odoo::errors::{CallError, Class, ids_in};

/// Rows of one command.
const ROWS_MAX: usize = 1000;

/// Names of the lines of an entry: `invoice_line_ids` are those of its `line_ids` that people see on a bill.
const MOVE_LINES: [&str; 2] = ["line_ids", "invoice_line_ids"];

/// The loading that a command asks for. What Odoo would read otherwise than it is meant, or double when it is repeated, is refused.
pub(super) fn parse(command: &OdooCommand, arguments: &Map<String, Value>) -> Result<Action, Park> {
    let texts = |value: &Value| -> Option<Vec<String>> { value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect() };
    let fields = arguments.get("fields").and_then(texts).ok_or_else(|| bad("fields is no list of texts"))?;
    let data = arguments.get("data").and_then(Value::as_array).and_then(|rows| rows.iter().map(texts).collect::<Option<Vec<_>>>());
    let data = data.ok_or_else(|| bad("data is no list of lists of texts"))?;
    if fields.iter().any(|field| field.rsplit('/').next() == Some("state")) {
        return Err(Park::new(Code::ODOO_REFUSED, "the field state is never written"));
    }
    if fields.first().is_none_or(|field| field != "id") || !all_differ(fields.iter().map(String::as_str)) {
        return Err(bad("the first column is id, and no column comes twice"));
    }
    if data.len() > ROWS_MAX || data.iter().any(|row| row.len() != fields.len()) {
        return Err(bad("every row has every column, and there are at most 1000"));
    }
    if data.first().and_then(|row| row.first()).is_none_or(String::is_empty) {
        return Err(bad("the first row has no external id"));
    }
    if command.model == "account.move" && heads(&data).count() > MOVES_MAX {
        return Err(bad("at most 20 entries are loaded in one command"));
    }
    let lines = line_columns(&fields)?;
    check_rows(&data, &lines)?;
    let ids = external_ids(&data, &lines);
    if !ids.iter().all(|id| is_external_id(id)) || !all_differ(ids.iter().copied()) {
        return Err(bad("an external id has no module or occurs twice"));
    }
    let found_by = match arguments.get("found_by") {
        None => ids.first().copied(),
        Some(id) => id.as_str().filter(|id| ids.contains(id)),
    };
    let found_by = found_by.ok_or_else(|| bad("found_by is no external id of the data"))?.to_owned();
    Ok(Action::Load { fields, data, found_by })
}

/// `module.name`.
pub(super) fn is_external_id(id: &str) -> bool {
    id.split_once('.').is_some_and(|(module, name)| !module.is_empty() && !name.is_empty()) && !id.contains(char::is_whitespace)
}

/// Whether no text comes twice.
pub(super) fn all_differ<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = HashSet::new();
    texts.into_iter().all(|text| seen.insert(text))
}

/// External ids of the heads, in order.
fn heads(data: &[Vec<String>]) -> impl Iterator<Item = &str> {
    data.iter().filter_map(|row| row.first()).map(String::as_str).filter(|id| !id.is_empty())
}

/// External ids of heads and lines, the first head's first.
fn external_ids<'a>(data: &'a [Vec<String>], lines: &[Vec<usize>]) -> Vec<&'a str> {
    let columns: Vec<usize> = std::iter::once(0).chain(lines.iter().filter_map(|list| list.first().copied())).collect();
    let cells = data.iter().flat_map(|row| columns.iter().filter_map(|n| row.get(*n)));
    cells.map(String::as_str).filter(|id| !id.is_empty()).collect()
}

/// The columns of each list of lines; the external id's first. References to what is there (`tag_ids/.id`) are no lines.
fn line_columns(fields: &[String]) -> Result<Vec<Vec<usize>>, Park> {
    let mut lists: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (n, field) in fields.iter().enumerate() {
        if field == ".id" {
            return Err(bad("records are named by external ids only"));
        }
        if let Some((list, column)) = field.split_once('/').filter(|(list, _)| list.ends_with("_ids")) {
            lists.entry(list).or_default().push((n, column));
        }
    }
    let references = |column: &str| matches!(column, "id" | ".id");
    lists.retain(|list, columns| MOVE_LINES.contains(list) || columns.iter().any(|(_, column)| !references(column)));
    if MOVE_LINES.iter().all(|list| lists.contains_key(list)) {
        return Err(bad("line_ids and invoice_line_ids are the same lines: one of them"));
    }
    let in_order = |columns: &Vec<(usize, &str)>| {
        let id = columns.iter().find(|(_, column)| *column == "id").map(|(n, _)| *n);
        let id = id.filter(|_| columns.iter().all(|(_, column)| *column != ".id"));
        let id = id.ok_or_else(|| bad("lines need external ids of their own, or a repetition doubles them"))?;
        Ok(std::iter::once(id).chain(columns.iter().map(|(n, _)| *n).filter(|n| *n != id)).collect())
    };
    lists.values().map(in_order).collect()
}

/// Odoo takes a row with anything in a column of the head for a new head, and a line without an external id for a new line.
fn check_rows(data: &[Vec<String>], lines: &[Vec<usize>]) -> Result<(), Park> {
    for row in data {
        let filled = |n: &usize| row.get(*n).is_some_and(|cell| !cell.is_empty());
        let of_head = (0..row.len()).filter(|n| !lines.iter().any(|list| list.contains(n))).any(|n| filled(&n));
        if of_head != filled(&0) {
            return Err(bad("a row without an external id of its own has only a line"));
        }
        if lines.iter().any(|list| list.iter().any(filled) && !list.first().is_some_and(filled)) {
            return Err(bad("a line has no external id"));
        }
    }
    Ok(())
}

/// The external id decides before and after: 17 would rewrite a posted entry on a second `load`, and of two that race
/// the loser is told of a failure in a 200.
pub(super) async fn run(
    run: &Run<'_>,
    effect: &Effect,
    fields: &[String],
    data: &[Vec<String>],
    found_by: &str,
) -> Result<Outcome, CallError> {
    if is_there(run, found_by).await? {
        return Ok(Outcome::AlreadyDone);
    }
    check_heads(run, effect, data, found_by).await?;
    run.check_lease()?;
    let answer = run.odoo.call(&effect.model, "load", None, arguments([("fields", json!(fields)), ("data", json!(data))]), &[]).await?;
    if let Some(id) = answer.get("ids").and_then(|ids| ids_in(ids).first().copied()) {
        let created_id = Some(id).filter(|_| heads(data).count() == 1);
        return Ok(Outcome::Done { created_id });
    }
    if is_there(run, found_by).await? {
        return Ok(Outcome::AlreadyDone);
    }
    // The one text that is looked at: PostgreSQL's own, the only sign here of a conflict that is worth another try.
    if answer.to_string().contains("could not serialize access") {
        return Err(CallError::ours(Class::Wait, false, "load_refused"));
    }
    // 18 and 19 refuse by themselves what a person has posted in between.
    check_heads(run, effect, data, found_by).await?;
    Err(CallError::ours(Class::Park, false, "load_refused"))
}

async fn is_there(run: &Run<'_>, external_id: &str) -> Result<bool, CallError> {
    Ok(run.references(&[external_id]).await?.iter().any(Option::is_some))
}

/// Nothing is loaded onto an entry that is no draft any more, nor lines onto one that was never made: the bill would lack the lines
/// of the command that made it.
async fn check_heads(run: &Run<'_>, effect: &Effect, data: &[Vec<String>], found_by: &str) -> Result<(), CallError> {
    let refused = |name| Err(CallError::ours(Class::Park, false, name));
    let of_head = heads(data).any(|id| id == found_by);
    // That the head which tells is not there has just been seen.
    let others: Vec<&str> = heads(data).filter(|id| *id != found_by).collect();
    let found = run.references(&others).await?;
    if !of_head && found.iter().any(Option::is_none) {
        return refused("not_there");
    }
    if found.iter().flatten().any(|(model, _)| *model != effect.model) {
        return refused("other_model");
    }
    if effect.model != "account.move" {
        return Ok(());
    }
    let ids: Vec<i64> = found.into_iter().flatten().map(|(_, id)| id).collect();
    super::post::drafts(run, &ids).await.and_then(|drafts| if drafts.len() == ids.len() { Ok(()) } else { refused("posted") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is about, columns, rows.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a [&'a str]]);

    fn parsed(fields: &[&str], data: &[&[&str]], found_by: Option<&str>) -> Result<Action, Park> {
        let command = OdooCommand {
            command_id: "c1".into(),
            odoo_instance: "main".into(),
            kind: "load".into(),
            model: "account.move".into(),
            record_id: None,
            arguments: String::new(),
            cause_id: "entry-1".into(),
            requested_at: 0,
        };
        let mut arguments = Map::from_iter([("fields".to_owned(), json!(fields)), ("data".to_owned(), json!(data))]);
        if let Some(id) = found_by {
            arguments.insert("found_by".into(), json!(id));
        }
        parse(&command, &arguments)
    }

    #[test]
    fn what_a_repetition_would_double_or_odoo_would_misread_is_refused() {
        let entry = ["id", "ref", "line_ids/id", "line_ids/debit"];
        let table: [Case<'_>; 14] = [
            ("no line id", &["id", "line_ids/debit"], &[&["a.b", "1"]]),
            ("one line without", &entry, &[&["a.b", "R", "a.b1", "1"], &["", "", "", "1"]]),
            ("a tax is no line id", &["id", "line_ids/debit", "line_ids/tax_ids/id"], &[&["a.b", "1", "x.tax"]]),
            ("a head without id", &entry, &[&["a.b", "R", "a.b1", "1"], &["", "S", "a.b2", "1"]]),
            ("no module", &entry, &[&["b", "R", "a.b1", "1"]]),
            ("no module of a line", &entry, &[&["a.b", "R", "b1", "1"]]),
            ("a space", &entry, &[&["a.b c", "R", "a.b1", "1"]]),
            ("a head twice", &entry, &[&["a.b", "R", "a.b1", "1"], &["a.b", "R", "a.b2", "1"]]),
            ("a line twice", &entry, &[&["a.b", "R", "a.b1", "1"], &["", "", "a.b1", "1"]]),
            ("a cell is missing", &entry, &[&["a.b", "R", "a.b1"]]),
            ("first row without id", &entry, &[&["", "", "a.b1", "1"]]),
            ("no rows", &entry, &[]),
            ("both names of lines", &["id", "line_ids/id", "invoice_line_ids/id"], &[&["a.b", "a.b1", "a.b2"]]),
            ("lines by number", &["id", "line_ids/id", "line_ids/.id"], &[&["a.b", "a.b1", "7"]]),
        ];
        for (what, fields, data) in table {
            assert!(parsed(fields, data, None).is_err(), "{what}");
        }
        let heads: Vec<String> = (0..=MOVES_MAX).map(|n| format!("a.b{n}")).collect();
        let rows: Vec<Vec<&str>> = heads.iter().map(|id| vec![id.as_str()]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        assert!(parsed(&["id"], &rows, None).is_err() && parsed(&["id"], &rows[1..], None).is_ok(), "20 and no more");
    }

    #[test]
    fn the_first_id_tells_whether_it_is_done_unless_another_is_named() {
        for list in MOVE_LINES {
            let columns = [format!("{list}/id"), format!("{list}/name")];
            let fields = ["id", "tag_ids/id", &columns[0], &columns[1]];
            let data: [&[&str]; 3] = [&["a.b", "x.t", "a.b1", "one"], &["", "", "a.b2", "two"], &["a.c", "x.t", "a.c1", "three"]];
            for (given, told) in [(None, "a.b"), (Some("a.b2"), "a.b2"), (Some("a.c"), "a.c")] {
                let Ok(Action::Load { found_by, .. }) = parsed(&fields, &data, given) else { panic!("{list} {given:?}") };
                assert_eq!(found_by, told);
            }
            for unknown in ["a.d", "x.t", "one"] {
                assert!(parsed(&fields, &data, Some(unknown)).is_err(), "{unknown}");
            }
        }
    }
}
