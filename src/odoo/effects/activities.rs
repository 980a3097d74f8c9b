//! Activities for a person. They have no key, so the last line of the note is a marker that finds them again.

use serde_json::{Value, json};

use super::batch::Run;
use super::words::{escaped, printable};
use super::{Action, Effect, Outcome};
use crate::odoo::client::arguments;
use crate::odoo::errors::{CallError, ids_in};

/// Sets the note of an activity, with the marker that its effect id makes.
pub(super) fn mark(effect: &mut Effect, text: &str) {
    let made = format!("waybill {}", effect.effect_id);
    if let Action::Activity { note, marker, .. } = &mut effect.action {
        *note = format!("<p>{}</p><p>{made}</p>", escaped(&printable(text)));
        *marker = made;
    }
}

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    for effect in effects {
        match one(run, effect).await {
            Ok(outcome) => run.settle(effect, outcome),
            Err(error) => run.refuse([effect], error)?,
        }
    }
    Ok(())
}

async fn one(run: &Run<'_>, effect: &Effect) -> Result<Outcome, CallError> {
    let (Action::Activity { summary, note, marker, user_id }, Some(id)) = (&effect.action, effect.record_id) else {
        return Ok(Outcome::AlreadyDone);
    };
    let look_up = arguments([
        ("domain", json!([["res_model", "=", effect.model], ["res_id", "=", id], ["note", "ilike", marker]])),
        ("fields", json!(["id"])),
        ("limit", json!(1)),
        // One that a person has closed is archived since 18, and counts.
        ("context", json!({"active_test": false})),
    ]);
    let found = run.odoo.call("mail.activity", "search_read", None, look_up, &[]).await?;
    if found.as_array().is_some_and(|rows| !rows.is_empty()) {
        return Ok(Outcome::AlreadyDone);
    }
    run.check_lease()?;
    let mut schedule =
        arguments([("act_type_xmlid", json!("mail.mail_activity_data_warning")), ("summary", json!(summary)), ("note", json!(note))]);
    if let Some(user) = user_id {
        schedule.insert("user_id".into(), Value::from(*user));
    }
    let made = run.odoo.call(&effect.model, "activity_schedule", Some(&[id]), schedule, &[]).await?;
    Ok(Outcome::Done { created_id: ids_in(&made).first().copied() })
}
