//! Entries become posted, all of a command in one call.

use serde_json::Value;

use super::batch::Run;
use super::{Effect, Outcome};
use crate::odoo::client::arguments;
use crate::odoo::errors::{CallError, Class};

/// Posts what is still a draft of the entries that the external ids name, or the effect's record where they name none.
pub(super) async fn run(run: &Run<'_>, effect: &Effect, external_ids: &[String]) -> Result<Outcome, CallError> {
    let ids = match effect.record_id {
        Some(id) if external_ids.is_empty() => vec![id],
        _ => named(run, effect, external_ids).await?,
    };
    let mut left = drafts(run, &ids).await?;
    if left.is_empty() {
        return Ok(Outcome::AlreadyDone);
    }
    loop {
        run.check_lease()?;
        match run.odoo.call(&effect.model, "action_post", Some(&left), arguments([]), &[]).await {
            Ok(_) => return Ok(Outcome::Done { created_id: None }),
            Err(error) if error.class != Class::Park => return Err(error),
            Err(error) => {
                // A person may have been quicker with one of them, which spoils the call for all.
                let still = drafts(run, &ids).await?;
                if still.is_empty() {
                    return Ok(Outcome::AlreadyDone);
                }
                if still.len() >= left.len() {
                    return Err(error);
                }
                left = still;
            }
        }
    }
}

async fn named(run: &Run<'_>, effect: &Effect, external_ids: &[String]) -> Result<Vec<i64>, CallError> {
    let external_ids: Vec<&str> = external_ids.iter().map(String::as_str).collect();
    let refused = |name| CallError::ours(Class::Park, false, name);
    let found = run.references(&external_ids).await?.into_iter();
    found
        .map(|found| match found {
            Some((model, id)) if model == effect.model => Ok(id),
            Some(_) => Err(refused("other_model")),
            // What was to make it was refused: it comes before this in the same order.
            None => Err(refused("not_there")),
        })
        .collect()
}

/// Those of the entries that are drafts; the others are posted.
///
/// # Errors
/// One of them does not exist, or is cancelled: neither is ever posted.
pub(super) async fn drafts(run: &Run<'_>, ids: &[i64]) -> Result<Vec<i64>, CallError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = run.odoo.read("account.move", ids, &["state"]).await?;
    let mut drafts = Vec::new();
    for id in ids {
        let row = rows.iter().find(|row| row.get("id").and_then(Value::as_i64) == Some(*id));
        let row = row.ok_or_else(|| CallError::ours(Class::Park, false, "odoo.exceptions.MissingError"))?;
        match row.get("state").and_then(Value::as_str) {
            Some("draft") => drafts.push(*id),
            Some("posted") => {}
            _ => return Err(CallError::ours(Class::Park, false, "not_draft")),
        }
    }
    Ok(drafts)
}
