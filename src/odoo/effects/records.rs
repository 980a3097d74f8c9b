//! Commands about single records, one after the other in the order of the batch.

use serde_json::{Map, Value, json};

use super::batch::Run;
use super::{Action, Effect, Outcome};
use crate::odoo::client::arguments;
use crate::odoo::errors::{CallError, Class, ids_in};

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    for effect in effects {
        let outcome = match (&effect.action, effect.record_id) {
            (Action::Write(values), Some(id)) => write(run, effect, id, values).await,
            (Action::Load { fields, data }, _) => load(run, effect, fields, data).await,
            (Action::Post, Some(id)) => post(run, effect, id).await,
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

/// The external id decides before and after: 17 would rewrite a posted entry on a second `load`, and of two that race
/// the loser is told of a failure in a 200.
async fn load(run: &Run<'_>, effect: &Effect, fields: &[String], data: &[Vec<String>]) -> Result<Outcome, CallError> {
    let external = data.first().and_then(|row| row.first()).and_then(|id| id.split_once('.'));
    let Some((module, name)) = external else { return Err(CallError::ours(Class::Park, false, "no_external_id")) };
    if run.odoo.external_id(module, name).await?.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    run.check_lease()?;
    let answer = run.odoo.call(&effect.model, "load", None, arguments([("fields", json!(fields)), ("data", json!(data))]), &[]).await?;
    if let Some(id) = answer.get("ids").and_then(|ids| ids_in(ids).first().copied()) {
        return Ok(Outcome::Done { created_id: Some(id) });
    }
    if run.odoo.external_id(module, name).await?.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    // The one text that is looked at: PostgreSQL's own, the only sign here of a conflict that is worth another try.
    let conflict = answer.to_string().contains("could not serialize access");
    Err(CallError::ours(if conflict { Class::Wait } else { Class::Park }, false, "load_refused"))
}

async fn post(run: &Run<'_>, effect: &Effect, id: i64) -> Result<Outcome, CallError> {
    if is_posted(run, effect, id).await? {
        return Ok(Outcome::AlreadyDone);
    }
    run.check_lease()?;
    match run.odoo.call(&effect.model, "action_post", Some(&[id]), arguments([]), &[]).await {
        Ok(_) => Ok(Outcome::Done { created_id: None }),
        // A person may have been quicker.
        Err(error) if error.class == Class::Park && is_posted(run, effect, id).await? => Ok(Outcome::AlreadyDone),
        Err(error) => Err(error),
    }
}

async fn is_posted(run: &Run<'_>, effect: &Effect, id: i64) -> Result<bool, CallError> {
    Ok(row(run, &effect.model, id, &["state"]).await?.get("state").and_then(Value::as_str) == Some("posted"))
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
