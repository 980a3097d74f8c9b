//! Commands, one after the other in the order of the batch: what has to wait stops those behind it, so no posting overtakes
//! the loading before it.

use serde_json::{Map, Value, json};

use super::batch::Run;
use super::{Action, Effect, Outcome, load, post};
use crate::odoo::client::arguments;
use crate::odoo::errors::{CallError, Class};

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    for effect in effects {
        let outcome = match (&effect.action, effect.record_id) {
            (Action::Write(values), Some(id)) => write(run, effect, id, values).await,
            (Action::Load { fields, data, found_by }, _) => load::run(run, effect, fields, data, found_by).await,
            (Action::Post { external_ids }, _) => post::run(run, effect, external_ids).await,
            (Action::Reverse { journal_id, date, reason }, Some(id)) => reverse(run, effect, id, *journal_id, date, reason).await,
            _ => continue,
        };
        match outcome {
            Ok(outcome) => run.settle(effect, outcome),
            Err(error) => run.refuse([effect], error)?,
        }
    }
    Ok(())
}

async fn write(run: &Run<'_>, effect: &Effect, id: i64, values: &Map<String, Value>) -> Result<Outcome, CallError> {
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let row = row(run, &effect.model, id, &names).await?;
    if values.iter().all(|(name, wanted)| row.get(name).is_some_and(|held| same(held, wanted))) {
        return Ok(Outcome::AlreadyDone);
    }
    run.check_lease()?;
    run.odoo.write(&effect.model, &[id], Value::Object(values.clone())).await?;
    Ok(Outcome::Done { created_id: None })
}

/// Whether a value as read is the value as written. A false "no" only costs a write of the same value.
fn same(held: &Value, wanted: &Value) -> bool {
    let empty = |value: &Value| matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("");
    match (held, wanted) {
        (Value::Array(pair), Value::Number(id)) => pair.first().is_some_and(|held| held.as_i64() == id.as_i64()),
        (Value::Array(ids), Value::Array(commands)) => commands.first().and_then(|command| command.get(2)).is_some_and(|wanted| {
            let sorted = |list: &[Value]| {
                let mut ids: Vec<_> = list.iter().filter_map(Value::as_i64).collect();
                ids.sort_unstable();
                ids
            };
            wanted.as_array().is_some_and(|wanted| sorted(wanted) == sorted(ids))
        }),
        (held, wanted) => held == wanted || (empty(held) && empty(wanted)),
    }
}

async fn reverse(run: &Run<'_>, effect: &Effect, id: i64, journal: i64, date: &str, reason: &str) -> Result<Outcome, CallError> {
    let found = run.odoo.search_read(&effect.model, json!([["reversed_entry_id", "=", id]]), &["id"], 1).await?;
    if !found.is_empty() {
        return Ok(Outcome::AlreadyDone);
    }
    run.check_lease()?;
    let wizard = json!({"move_ids": [[6, 0, [id]]], "journal_id": journal, "date": date, "reason": reason});
    let wizards = run.odoo.create("account.move.reversal", vec![wizard]).await?;
    let action = run.odoo.call("account.move.reversal", "reverse_moves", Some(&wizards), arguments([]), &[]).await?;
    Ok(Outcome::Done { created_id: action.get("res_id").and_then(Value::as_i64) })
}

/// One record. `read` leaves out what does not exist.
async fn row(run: &Run<'_>, model: &str, id: i64, names: &[&str]) -> Result<Value, CallError> {
    let rows = run.odoo.read(model, &[id], names).await?;
    rows.into_iter().next().ok_or_else(|| CallError::ours(Class::Park, false, "odoo.exceptions.MissingError"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_odoo_shows_them() {
        let table = [
            (json!([7, "Bank"]), json!(7), true),
            (json!([7, "Bank"]), json!(8), false),
            (json!(false), json!(null), true),
            (json!(false), json!(""), true),
            (json!([2, 1]), json!([[6, 0, [1, 2]]]), true),
            (json!([1]), json!([[6, 0, [1, 2]]]), false),
            (json!("a"), json!("a"), true),
        ];
        for (held, wanted, expected) in table {
            assert_eq!(same(&held, &wanted), expected, "{held} {wanted}");
        }
    }
}
