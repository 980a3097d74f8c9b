//! What a command asks for, and what no command may ask for.

use serde_json::{Map, Value};

use super::words::{escaped, printable};
use super::{Action, Effect, Kind, MOVES_MAX, load};
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
        "load" => (Kind::Load, load::parse(command, &arguments)?),
        "post" => (Kind::Post, post(command, &arguments)?),
        "reverse" => (Kind::Reverse, reverse(&arguments)?),
        _ => return Err(bad("kind is not known")),
    };
    let named = matches!(&action, Action::Post { external_ids } if !external_ids.is_empty());
    if kind != Kind::Load && !named && command.record_id.is_none() {
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
#[must_use]
pub fn effect_id(command: &OdooCommand) -> String {
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

/// External ids of what is to be posted: at least one, each once. Without them the command names its record.
fn post(command: &OdooCommand, arguments: &Map<String, Value>) -> Result<Action, Park> {
    let Some(listed) = arguments.get("external_ids") else { return Ok(Action::Post { external_ids: Vec::new() }) };
    let external_ids: Option<Vec<String>> = listed.as_array().and_then(|ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect());
    let external_ids = external_ids.ok_or_else(|| bad("external_ids is no list of texts"))?;
    if !(1..=MOVES_MAX).contains(&external_ids.len()) || command.record_id.is_some() {
        return Err(bad("1 to 20 external ids are posted, or one record"));
    }
    if !external_ids.iter().all(|id| load::is_external_id(id)) || !load::all_differ(external_ids.iter().map(String::as_str)) {
        return Err(bad("an external id has no module or occurs twice"));
    }
    Ok(Action::Post { external_ids })
}

fn reverse(arguments: &Map<String, Value>) -> Result<Action, Park> {
    let journal_id = arguments.get("journal_id").and_then(Value::as_i64).ok_or_else(|| bad("journal_id is missing"))?;
    Ok(Action::Reverse { journal_id, date: text(arguments, "date")?.to_owned(), reason: printable(text(arguments, "reason")?) })
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Park> {
    arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| bad(&format!("{name} is missing")))
}

pub(super) fn bad(cause: &str) -> Park {
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
            ("post", r#"{"external_ids": ["a.b"]}"#),
            ("note", r#"{"body": ""}"#),
            ("note", "[]"),
            ("unlink", "{}"),
        ];
        for (kind, arguments) in table {
            assert!(command(&asked(kind, arguments)).is_err(), "{kind} {arguments}");
        }
    }

    #[test]
    fn entries_are_posted_by_external_ids_each_once() {
        let named = |arguments: &str| command(&OdooCommand { record_id: None, ..asked("post", arguments) });
        let twenty_one = serde_json::json!({"external_ids": (0..21).map(|n| format!("a.b{n}")).collect::<Vec<_>>()}).to_string();
        for bad in ["{}", r#"{"external_ids": []}"#, r#"{"external_ids": ["b"]}"#, r#"{"external_ids": ["a.b", "a.b"]}"#, &twenty_one] {
            assert!(named(bad).is_err(), "{bad}");
        }
        let effect = named(r#"{"external_ids": ["a.b", "a.c"]}"#).unwrap_or_else(|park| panic!("{}", park.cause));
        assert!(matches!(effect.action, Action::Post { external_ids } if external_ids == ["a.b", "a.c"]));
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
