//! Notes in the chatter: one look-up by `message_id` for many, then one `create` of the missing. `message_id` is indexed and not
//! unique, so the look-up is what keeps notes single, and one writer per record is what makes the look-up right.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::batch::{ROWS_MAX, Run, portions};
use super::{Action, Effect, Outcome};
use crate::odoo::errors::CallError;

/// The `message_id` of a note.
pub(super) fn message_id(effect_id: &str) -> String {
    format!("<{effect_id}@waybill>")
}

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    let mut parts_left = portions(&effects);
    while let Some(part) = parts_left.pop() {
        let ids: Vec<&str> = part.iter().filter_map(|effect| parts(effect)).map(|(id, _)| id).collect();
        let domain = json!([["message_id", "in", ids]]);
        // Twice as many rows as ids: should there be doubles from elsewhere, they must not hide another note.
        let found = match run.odoo.search_read("mail.message", domain, &["message_id"], ROWS_MAX * 2).await {
            Ok(rows) => rows,
            Err(error) => {
                run.refuse_or_halve(part, error, &mut parts_left)?;
                continue;
            }
        };
        let found: HashSet<&str> = found.iter().filter_map(|row| row.get("message_id").and_then(Value::as_str)).collect();
        let mut missing = Vec::new();
        for effect in part.iter().copied() {
            let Some((message_id, body)) = parts(effect) else { continue };
            if found.contains(message_id) {
                run.settle(effect, Outcome::AlreadyDone);
            } else {
                missing.push((effect, row(effect, run.odoo.note_subtype(), message_id, body)));
            }
        }
        run.create("mail.message", missing).await?;
    }
    Ok(())
}

fn parts(effect: &Effect) -> Option<(&str, &str)> {
    match &effect.action {
        Action::Note { message_id, body } => Some((message_id, body)),
        _ => None,
    }
}

fn row(effect: &Effect, subtype: i64, message_id: &str, body: &str) -> Value {
    json!({"model": effect.model, "res_id": effect.record_id, "body": body, "message_type": "comment",
        "subtype_id": subtype, "message_id": message_id})
}
