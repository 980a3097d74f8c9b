//! The methods that can be called, with the shapes of their answers in each version.

use serde_json::{Map, Value, json};

use super::world::{Fail, Row, World};
use super::{load, moves};

/// One call, its arguments bound to names.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) model: String,
    pub(super) method: String,
    pub(super) ids: Vec<i64>,
    pub(super) arguments: Map<String, Value>,
}

/// Methods of a recordset (they take ids) and of the model, with the names of their arguments in order.
const SIGNATURES: [(&str, bool, &[&str]); 12] = [
    ("search_read", false, &["domain", "fields", "offset", "limit", "order"]),
    ("search_count", false, &["domain"]),
    ("read", true, &["fields", "load"]),
    ("write", true, &["vals"]),
    ("create", false, &["vals_list"]),
    ("message_post", true, &["body", "message_type", "subtype_xmlid", "message_id", "body_is_html", "date", "attachment_ids"]),
    ("activity_schedule", true, &["act_type_xmlid", "date_deadline", "summary", "note", "user_id"]),
    ("fields_get", false, &["allfields", "attributes"]),
    ("check_object_reference", false, &["module", "xml_id", "raise_on_access_error"]),
    ("load", false, &["fields", "data"]),
    ("action_post", true, &[]),
    ("reverse_moves", true, &[]),
];

/// Binds positional arguments as Python would: ids first where the method has a recordset.
pub(super) fn bind(model: &str, method: &str, positional: Vec<Value>, named: Map<String, Value>, major: i64) -> Result<Call, Fail> {
    let (takes_ids, names) = signature(model, method)?;
    if major == 17 && method == "create" && named.contains_key("vals_list") {
        return Err(Fail::Arguments);
    }
    let mut positional = positional.into_iter();
    let ids = if takes_ids { ids_of(&positional.next().unwrap_or_default()) } else { Vec::new() };
    let mut arguments = named;
    let mut names = names.iter();
    for value in positional {
        let name = names.next().ok_or(Fail::Arguments)?;
        arguments.insert((*name).to_owned(), value);
    }
    Ok(Call { model: model.into(), method: method.into(), ids, arguments })
}

/// Binds the one object of JSON-2.
pub(super) fn bind_named(model: &str, method: &str, mut named: Map<String, Value>) -> Result<Call, Fail> {
    let (takes_ids, _) = signature(model, method)?;
    let ids = named.shift_remove("ids");
    if ids.is_some() && !takes_ids {
        return Err(Fail::Arguments);
    }
    Ok(Call { model: model.into(), method: method.into(), ids: ids.as_ref().map(ids_of).unwrap_or_default(), arguments: named })
}

fn signature(model: &str, method: &str) -> Result<(bool, &'static [&'static str]), Fail> {
    if !World::has_model(model) {
        return Err(Fail::UnknownModel);
    }
    if method.starts_with('_') {
        return Err(Fail::Access);
    }
    let found = SIGNATURES.iter().find(|(name, _, _)| *name == method);
    found.map(|(_, takes_ids, names)| (*takes_ids, *names)).ok_or(Fail::UnknownMethod)
}

/// Whether a method changes something.
pub(super) fn changes_something(method: &str) -> bool {
    matches!(method, "write" | "create" | "message_post" | "activity_schedule" | "load" | "action_post" | "reverse_moves")
}

/// Carries a call out.
pub(super) fn run(world: &mut World, call: &Call, major: i64) -> Result<Value, Fail> {
    if let Some((_, _, names)) = SIGNATURES.iter().find(|(name, _, _)| *name == call.method) {
        let swallows = call.method == "search_read" || call.method == "message_post";
        let known = |name: &String| name == "context" || names.contains(&name.as_str());
        if !swallows && !call.arguments.keys().all(known) {
            return Err(Fail::Arguments);
        }
    }
    match call.method.as_str() {
        "search_read" => world.search_read(&call.model, list(call, "domain")?, &texts(call, "fields"), limit(call)),
        "search_count" => {
            let found = world.search_read(&call.model, list(call, "domain")?, &[], usize::MAX)?;
            Ok(json!(found.as_array().map_or(0, Vec::len)))
        }
        "read" => world.read(&call.model, &call.ids, &texts(call, "fields")),
        "write" => {
            let values = call.arguments.get("vals").and_then(Value::as_object).ok_or(Fail::Arguments)?;
            world.write(&call.model, &call.ids, values).map(|()| json!(true))
        }
        "create" if call.model == moves::MOVE => moves::create(world, rows(call)?, major).map(|ids| json!(ids)),
        "create" => world.create(&call.model, rows(call)?).map(|ids| json!(ids)),
        "message_post" => message_post(world, call, major),
        "activity_schedule" => activity_schedule(world, call, major),
        "fields_get" => Ok(fields_get(world, call)),
        "check_object_reference" => check_object_reference(world, call),
        "load" => load::load(world, &call.model, &texts(call, "fields"), list(call, "data")?, major),
        "action_post" => moves::post(world, &call.ids).map(|()| json!(false)),
        "reverse_moves" => reverse_moves(world, call),
        _ => Err(Fail::UnknownMethod),
    }
}

fn message_post(world: &mut World, call: &Call, major: i64) -> Result<Value, Fail> {
    let id = one_existing(world, call)?;
    let body = text(call, "body");
    let html = call.arguments.get("body_is_html").and_then(Value::as_bool).unwrap_or_default();
    let body = if html { body } else { format!("<p>{}</p>", body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")) };
    let mut row = Row::from_iter([
        ("model".to_owned(), json!(call.model)),
        ("res_id".to_owned(), json!(id)),
        ("body".to_owned(), json!(body)),
        ("message_type".to_owned(), json!(text(call, "message_type"))),
    ]);
    if let Some(message_id) = call.arguments.get("message_id") {
        row.insert("message_id".into(), message_id.clone());
    }
    let made = world.insert("mail.message", row);
    Ok(if major >= 19 { json!([made]) } else { json!(made) })
}

fn activity_schedule(world: &mut World, call: &Call, major: i64) -> Result<Value, Fail> {
    let id = one_existing(world, call)?;
    let row = Row::from_iter([
        ("res_model".to_owned(), json!(call.model)),
        ("res_id".to_owned(), json!(id)),
        ("summary".to_owned(), json!(text(call, "summary"))),
        ("note".to_owned(), json!(text(call, "note"))),
        ("user_id".to_owned(), call.arguments.get("user_id").cloned().unwrap_or_else(|| json!(7))),
    ]);
    let made = world.insert("mail.activity", row);
    Ok(if major >= 19 { json!([made]) } else { json!(format!("mail.activity({made},)")) })
}

fn fields_get(world: &World, call: &Call) -> Value {
    let asked = texts(call, "allfields");
    let known = world.fields(&call.model).into_iter().filter(|field| asked.is_empty() || asked.iter().any(|name| name == field));
    Value::Object(known.map(|field| (field.to_owned(), json!({"type": "char"}))).collect())
}

fn check_object_reference(world: &World, call: &Call) -> Result<Value, Fail> {
    let name = format!("{}.{}", text(call, "module"), text(call, "xml_id"));
    let found = world.external_id(&name).ok_or_else(|| Fail::Value(format!("External ID not found in the system: {name}")))?;
    Ok(json!([found.0, found.1]))
}

fn reverse_moves(world: &mut World, call: &Call) -> Result<Value, Fail> {
    let wizard = call.ids.first().and_then(|id| world.row(&call.model, *id)).cloned().ok_or(Fail::Missing)?;
    let reversed = wizard.get("move_ids").and_then(|commands| commands.get(0)?.get(2)?.get(0)?.as_i64()).ok_or(Fail::Arguments)?;
    let made = moves::reverse(world, reversed, &wizard)?;
    Ok(json!({"type": "ir.actions.act_window", "res_model": "account.move", "res_id": made}))
}

/// The one record of a call that takes only one.
fn one_existing(world: &mut World, call: &Call) -> Result<i64, Fail> {
    let [id] = call.ids[..] else { return Err(Fail::Value(format!("Expected singleton: {}{:?}", call.model, call.ids))) };
    if world.exists(&call.model, id) { Ok(id) } else { Err(Fail::Missing) }
}

fn rows(call: &Call) -> Result<Vec<Row>, Fail> {
    match call.arguments.get("vals_list") {
        Some(Value::Object(row)) => Ok(vec![row.clone()]),
        Some(Value::Array(rows)) => rows.iter().map(|row| row.as_object().cloned().ok_or(Fail::Arguments)).collect(),
        _ => Err(Fail::Arguments),
    }
}

fn list<'a>(call: &'a Call, name: &str) -> Result<&'a [Value], Fail> {
    match call.arguments.get(name) {
        None => Ok(&[]),
        Some(value) => value.as_array().map(Vec::as_slice).ok_or(Fail::Arguments),
    }
}

fn texts(call: &Call, name: &str) -> Vec<String> {
    let list = call.arguments.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn text(call: &Call, name: &str) -> String {
    call.arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn limit(call: &Call) -> usize {
    call.arguments.get("limit").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn ids_of(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(ids) => ids.iter().filter_map(Value::as_i64).collect(),
        one => one.as_i64().into_iter().collect(),
    }
}
