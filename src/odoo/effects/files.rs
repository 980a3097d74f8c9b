//! Attachments: texts are found again by the SHA-1 of their content, links by their URL.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::batch::{ROWS_MAX, Run, portions};
use super::{Action, Effect, Outcome};
use crate::odoo::errors::CallError;

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    let mut by_model: BTreeMap<&str, Vec<&'a Effect>> = BTreeMap::new();
    for effect in effects {
        by_model.entry(&effect.model).or_default().push(effect);
    }
    for (model, effects) in by_model {
        let mut parts = portions(&effects);
        while let Some(part) = parts.pop() {
            if let Err(error) = run_part(run, model, part).await {
                run.refuse_or_halve(part, error, &mut parts)?;
            }
        }
    }
    Ok(())
}

async fn run_part<'a>(run: &mut Run<'a>, model: &str, part: &[&'a Effect]) -> Result<(), CallError> {
    let ids: Vec<i64> = part.iter().filter_map(|effect| effect.record_id).collect();
    let keys: Vec<String> = part.iter().filter_map(|effect| key(effect)).collect();
    let domain = json!([["res_model", "=", model], ["res_id", "in", ids], "|", ["checksum", "in", keys], ["url", "in", keys]]);
    let rows = run.odoo.search_read("ir.attachment", domain, &["res_id", "checksum", "url"], ROWS_MAX * 2).await?;
    let mut found: HashSet<(i64, &str)> = HashSet::new();
    for row in &rows {
        let id = row.get("res_id").and_then(Value::as_i64).unwrap_or_default();
        found.extend(["checksum", "url"].iter().filter_map(|field| row.get(*field)?.as_str()).map(|key| (id, key)));
    }
    let mut missing = Vec::new();
    for effect in part.iter().copied() {
        let (Some(id), Some(key)) = (effect.record_id, key(effect)) else { continue };
        if found.contains(&(id, key.as_str())) {
            run.settle(effect, Outcome::AlreadyDone);
        } else if let Some(row) = row(effect) {
            missing.push((effect, row));
        }
    }
    run.create("ir.attachment", missing).await
}

/// SHA-1 of a content as Odoo keeps it in `ir.attachment.checksum`: 40 hex digits.
#[must_use]
pub fn checksum(content: &[u8]) -> String {
    Sha1::digest(content).iter().fold(String::with_capacity(40), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What finds the attachment again.
fn key(effect: &Effect) -> Option<String> {
    match &effect.action {
        Action::Link { url, .. } => Some(url.clone()),
        Action::Text { text, .. } => Some(checksum(text.as_bytes())),
        _ => None,
    }
}

fn row(effect: &Effect) -> Option<Value> {
    let mut row = json!({"res_model": effect.model, "res_id": effect.record_id, "description": format!("pod:{}", effect.effect_id)});
    let fields = match &effect.action {
        Action::Link { name, url } => json!({"name": name, "type": "url", "url": url}),
        // `datas` and not `raw`: over JSON Odoo stores the base64 text of `raw` as the file.
        Action::Text { name, text } => json!({"name": name, "mimetype": "text/plain", "datas": STANDARD.encode(text)}),
        _ => return None,
    };
    if let (Value::Object(row), Value::Object(fields)) = (&mut row, fields) {
        row.extend(fields);
    }
    Some(row)
}
