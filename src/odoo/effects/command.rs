//! What a command asks for, and what no command may ask for.

use serde_json::{Map, Value};

use super::words::{escaped, printable};
use super::{Action, Effect, Kind};
use crate::domain::dedup::{hex, id_of};
use crate::domain::odoo_command::OdooCommand;
use crate::domain::verdict::{Code, Park};

/// The effect of a command; a [`Park`] where it is not understood or asks for what is never done.
pub fn command(command: &OdooCommand) -> Result<Effect, Park> {
    let arguments: Map<String, Value> = serde_json::from_str(&command.arguments).map_err(|_| bad("arguments are not a json object"))?;
    let (kind, action) = match command.kind.as_str() {
        "note" => (Kind::Note, note(command, &arguments)?),
        "activity" => (Kind::Activity, activity(&arguments)?),
        "write" => (Kind::Write, Action::Write(values(&arguments)?)),
        "load" => (Kind::Load, load(&arguments)?),
        "post" => (Kind::Post, Action::Post),
        "reverse" => (Kind::Reverse, reverse(&arguments)?),
        _ => return Err(bad("kind is not known")),
    };
    if kind != Kind::Load && command.record_id.is_none() {
        return Err(bad("record_id is missing"));
    }
    if matches!(kind, Kind::Post | Kind::Reverse) && command.model != "account.move" {
        return Err(bad("only account.move is posted or reversed"));
    }
    let mut effect = Effect {
        effect_id: effect_id(command),
        kind,
        model: command.model.clone(),
        record_id: command.record_id,
        delivery_key: None,
        cause_id: command.cause_id.clone(),
        action,
    };
    if kind == Kind::Activity {
        let note = arguments.get("note").and_then(Value::as_str).unwrap_or_default();
        super::activities::mark(&mut effect, note);
    }
    Ok(effect)
}

/// The id of a command's effect.
pub(super) fn effect_id(command: &OdooCommand) -> String {
    hex(&id_of(&["command", &command.command_id]))
}

fn note(command: &OdooCommand, arguments: &Map<String, Value>) -> Result<Action, Park> {
    let body = format!("<p>{}</p>", escaped(&printable(text(arguments, "body")?)));
    Ok(Action::Note { message_id: super::notes::message_id(&effect_id(command)), body })
}

fn activity(arguments: &Map<String, Value>) -> Result<Action, Park> {
    let user_id = arguments.get("user_id").and_then(Value::as_i64);
    Ok(Action::Activity { summary: printable(text(arguments, "summary")?), note: String::new(), marker: String::new(), user_id })
}

fn values(arguments: &Map<String, Value>) -> Result<Map<String, Value>, Park> {
    let values = arguments.get("values").and_then(Value::as_object).filter(|v| !v.is_empty()).ok_or_else(|| bad("values is missing"))?;
    // Odoo accepts `state` and moves neither stock nor money with it: the record would lie.
    if values.contains_key("state") {
        return Err(Park::new(Code::ODOO_REFUSED, "the field state is never written"));
    }
    // Commands of a list make or change other records: a repetition would double them, and `state` could hide in them.
    if values.values().any(|value| value.as_array().is_some_and(|commands| !is_replacement(commands)) || value.is_object()) {
        return Err(bad("a list is only written whole, as [[6, 0, ids]]"));
    }
    Ok(values.clone())
}

/// `[[6, 0, [ids]]]`: the only command of a list that gives the same result twice and touches no other record.
fn is_replacement(commands: &[Value]) -> bool {
    let [Value::Array(command)] = commands else { return false };
    matches!(command.as_slice(), [code, zero, Value::Array(ids)]
        if code.as_i64() == Some(6) && zero.as_i64() == Some(0) && ids.iter().all(Value::is_i64))
}

fn load(arguments: &Map<String, Value>) -> Result<Action, Park> {
    let texts = |value: &Value| -> Option<Vec<String>> { value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect() };
    let fields = arguments.get("fields").and_then(texts).ok_or_else(|| bad("fields is no list of texts"))?;
    let data = arguments.get("data").and_then(Value::as_array).and_then(|rows| rows.iter().map(texts).collect::<Option<Vec<_>>>());
    let data = data.ok_or_else(|| bad("data is no list of lists of texts"))?;
    if fields.iter().any(|field| field.rsplit('/').next() == Some("state")) {
        return Err(Park::new(Code::ODOO_REFUSED, "the field state is never written"));
    }
    if fields.first().is_none_or(|field| field != "id") || data.iter().any(|row| row.len() != fields.len()) {
        return Err(bad("the first column is id, and every row has every column"));
    }
    if data.first().and_then(|row| row.first()).is_none_or(|id| id.split_once('.').is_none()) {
        return Err(bad("the first row has no external id with its module"));
    }
    let lines = fields.iter().any(|field| field.ends_with("_ids/id"));
    if !lines && fields.iter().any(|field| field.contains("_ids/")) {
        return Err(bad("lines need external ids of their own, or a repetition doubles them"));
    }
    Ok(Action::Load { fields, data })
}

fn reverse(arguments: &Map<String, Value>) -> Result<Action, Park> {
    let journal_id = arguments.get("journal_id").and_then(Value::as_i64).ok_or_else(|| bad("journal_id is missing"))?;
    Ok(Action::Reverse { journal_id, date: text(arguments, "date")?.to_owned(), reason: printable(text(arguments, "reason")?) })
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Park> {
    arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| bad(&format!("{name} is missing")))
}

fn bad(cause: &str) -> Park {
    Park::new(Code::UNKNOWN_COMMAND, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: &str, arguments: &str) -> OdooCommand {
        OdooCommand {
            command_id: "c1".into(),
            odoo_instance: "main".into(),
            kind: kind.into(),
            model: "account.move".into(),
            record_id: Some(59),
            arguments: arguments.into(),
            cause_id: "entry-1".into(),
            requested_at: 0,
        }
    }

    #[test]
    fn state_is_never_written_by_any_way_round() {
        let table = [
            ("write", r#"{"values": {"state": "posted"}}"#),
            ("write", r#"{"values": {"ref": "x", "line_ids": [[1, 7, {"state": "done"}]]}}"#),
            ("write", r#"{"values": {"line_ids": [[0, 0, {"debit": 1}]]}}"#),
            ("load", r#"{"fields": ["id", "state"], "data": [["a.b", "posted"]]}"#),
            ("load", r#"{"fields": ["id", "line_ids/id", "line_ids/state"], "data": [["a.b", "a.c", "posted"]]}"#),
            ("load", r#"{"fields": ["id", "line_ids/debit"], "data": [["a.b", "1"]]}"#),
            ("load", r#"{"fields": ["id"], "data": [["no_module"]]}"#),
            ("note", r#"{"body": ""}"#),
            ("note", "[]"),
            ("unlink", "{}"),
        ];
        for (kind, arguments) in table {
            assert!(command(&asked(kind, arguments)).is_err(), "{kind} {arguments}");
        }
    }

    #[test]
    fn what_is_allowed_becomes_an_effect_with_a_stable_id() {
        let table = [
            ("note", r#"{"body": "<b>"}"#),
            ("activity", r#"{"summary": "look", "note": "why"}"#),
            ("write", r#"{"values": {"ref": "x", "tax_ids": [[6, 0, [1, 2]]]}}"#),
            ("load", r#"{"fields": ["id", "line_ids/id"], "data": [["a.b", "a.b1"], ["", "a.b2"]]}"#),
            ("post", "{}"),
            ("reverse", r#"{"journal_id": 3, "date": "2026-11-21", "reason": "claim"}"#),
        ];
        for (kind, arguments) in table {
            let (one, two) = (command(&asked(kind, arguments)), command(&asked(kind, arguments)));
            let effect = one.unwrap_or_else(|park| panic!("{kind}: {}", park.cause));
            assert_eq!(effect.kind.as_str(), kind);
            assert_eq!(Ok(effect.effect_id), two.map(|e| e.effect_id));
        }
    }
}
