//! What an answer of Odoo means: a value, or an error that says what is to be done about it.
//! Decided by content type and by the name of Odoo's error class, never by its text (distributions re-brand that) and never
//! by the status alone (with its database down Odoo answers 404). The traceback in `debug` is never read.

use serde_json::Value;

use crate::outbound::{Answer, SendError};

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something is wrong with the world: try again later, in order.
    Wait,
    /// Something is wrong with this call: it will never be accepted.
    Park,
    /// Something is wrong with the configuration: no call will be accepted.
    Stop,
}

impl Class {
    /// The word in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Park => "park",
            Self::Stop => "stop",
        }
    }
}

/// A call that did not give a value. Holds no text of Odoo's: those have record values and paths in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("odoo call failed ({}): {}", class.as_str(), name.as_deref().unwrap_or("no odoo error"))]
pub struct CallError {
    /// What is to be done.
    pub class: Class,
    /// Odoo may have carried the call out all the same: look before trying again.
    pub unknown_outcome: bool,
    /// Class name of Odoo's error (`odoo.exceptions.MissingError`); a plain word where Odoo itself did not speak
    /// (`refused`, `timeout`, `not_odoo`).
    pub name: Option<String>,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
}

impl CallError {
    /// An error that Odoo itself did not send.
    #[must_use]
    pub fn ours(class: Class, unknown_outcome: bool, name: &str) -> Self {
        Self { class, unknown_outcome, name: Some(name.into()), status: None }
    }

    /// Whether Odoo's error class is this one.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        let (class, name) = match error {
            SendError::Refused => (Class::Wait, "refused"),
            // A certificate that has run out is renewed by somebody: nothing may be lost over it.
            SendError::Tls => (Class::Wait, "tls"),
            SendError::Reset => (Class::Wait, "reset"),
            SendError::Timeout => (Class::Wait, "timeout"),
            SendError::TooLarge => (Class::Park, "answer_too_large"),
            SendError::BadRequest => (Class::Stop, "bad_url"),
        };
        Self::ours(class, error.unknown_outcome(), name)
    }
}

/// Reads an answer of `/json/2/<model>/<method>`: the bare value, or Odoo's error object.
pub fn read_json2(answer: &Answer) -> Result<Value, CallError> {
    let Some(body) = json(answer) else { return Err(not_odoo(answer.status)) };
    if (200..300).contains(&answer.status) {
        return Ok(body);
    }
    match body.get("name").and_then(Value::as_str) {
        Some(name) => Err(named(name, answer.status)),
        None => Err(not_odoo(answer.status)),
    }
}

/// Reads an answer of `/jsonrpc`. A method that returns nothing answers with neither `result` nor `error`.
pub fn read_jsonrpc(answer: &Answer) -> Result<Value, CallError> {
    let Some(mut body) = json(answer).filter(|body| body.get("jsonrpc").is_some()) else { return Err(not_odoo(answer.status)) };
    if let Some(error) = body.get("error") {
        return match error.get("data").and_then(|data| data.get("name")).and_then(Value::as_str) {
            Some(name) => Err(named(name, answer.status)),
            None => Err(not_odoo(answer.status)),
        };
    }
    Ok(body.get_mut("result").map(Value::take).unwrap_or_default())
}

/// Ids in an answer: an id, or a list of ids. 17 and 18 answer some calls with a text instead; that has none.
#[must_use]
pub fn ids_in(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_i64).collect(),
        other => other.as_i64().into_iter().collect(),
    }
}

fn json(answer: &Answer) -> Option<Value> {
    (answer.content_type == "application/json").then(|| serde_json::from_slice(&answer.body).ok()).flatten()
}

fn named(name: &str, status: u16) -> CallError {
    let (class, unknown_outcome) = match name {
        "odoo.exceptions.AccessDenied" | "werkzeug.exceptions.Unauthorized" | "odoo.http.SessionExpiredException" => (Class::Stop, false),
        "odoo.exceptions.LockError" | "odoo.exceptions.ConcurrencyError" | "odoo.sql_db.PoolError" => (Class::Wait, false),
        "psycopg2.errors.SerializationFailure" | "psycopg2.errors.DeadlockDetected" | "psycopg2.errors.LockNotAvailable" => {
            (Class::Wait, false)
        }
        // The database went away in the middle: nobody knows on which side of the commit.
        _ if name.starts_with("psycopg2.") => (Class::Wait, true),
        "werkzeug.exceptions.ServiceUnavailable" | "werkzeug.exceptions.TooManyRequests" => (Class::Wait, false),
        _ => (Class::Park, false),
    };
    CallError { class, unknown_outcome, name: Some(class_name(name)), status: Some(status) }
}

/// An answer that Odoo's dispatcher did not write: its web server without a database, or a proxy before it.
fn not_odoo(status: u16) -> CallError {
    let (class, unknown_outcome) = match status {
        // A redirect leads to a login page: this Odoo does not speak the protocol at this address.
        300..400 | 401 | 403 | 407 => (Class::Stop, false),
        400 | 405 | 413..=415 | 422 | 431 => (Class::Park, false),
        404 | 429 => (Class::Wait, false),
        _ => (Class::Wait, true),
    };
    CallError { class, unknown_outcome, name: Some("not_odoo".into()), status: Some(status) }
}

/// A name as a class has it: whatever else a broken server puts there does not get into logs.
fn class_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer { status, content_type: content_type.into(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn five_hundred_splits_by_name_and_404_by_content_type() {
        let table = [
            (500, "psycopg2.errors.SerializationFailure", Class::Wait, false),
            (500, "psycopg2.InterfaceError", Class::Wait, true),
            (500, "builtins.ValueError", Class::Park, false),
            (500, "builtins.KeyError", Class::Park, false),
            (500, "binascii.Error", Class::Park, false),
            (404, "odoo.exceptions.MissingError", Class::Park, false),
            (404, "werkzeug.exceptions.NotFound", Class::Park, false),
            (409, "odoo.exceptions.LockError", Class::Wait, false),
            (403, "odoo.exceptions.AccessError", Class::Park, false),
            (422, "odoo.exceptions.UserError", Class::Park, false),
            (401, "werkzeug.exceptions.Unauthorized", Class::Stop, false),
        ];
        for (status, name, class, unknown_outcome) in table {
            let body = format!(r#"{{"name": "{name}", "message": "m", "debug": "secret"}}"#);
            let error = read_json2(&answer(status, "application/json", &body)).unwrap_err();
            assert_eq!((error.class, error.unknown_outcome, error.is(name)), (class, unknown_outcome, true), "{name}");
            assert!(!format!("{error:?}{error}").contains("secret"));
            let body = format!(r#"{{"jsonrpc": "2.0", "id": 1, "error": {{"code": 0, "data": {body}}}}}"#);
            let error = read_jsonrpc(&answer(200, "application/json", &body)).unwrap_err();
            assert_eq!((error.class, error.unknown_outcome), (class, unknown_outcome), "{name} over json-rpc");
        }
        for (status, class) in [(404, Class::Wait), (415, Class::Park), (303, Class::Stop), (502, Class::Wait), (200, Class::Wait)] {
            assert_eq!(read_json2(&answer(status, "text/html", "<html>")).unwrap_err().class, class, "html {status}");
        }
    }

    #[test]
    fn nothing_returned_is_a_value() {
        assert_eq!(read_jsonrpc(&answer(200, "application/json", r#"{"jsonrpc": "2.0", "id": 1}"#)), Ok(Value::Null));
        assert_eq!(read_json2(&answer(200, "application/json", "null")), Ok(Value::Null));
    }

    #[test]
    fn ids_come_as_number_list_or_not_at_all() {
        assert_eq!(ids_in(&serde_json::json!(352)), [352]);
        assert_eq!(ids_in(&serde_json::json!([597, 598])), [597, 598]);
        assert!(ids_in(&serde_json::json!("mail.activity(13,)")).is_empty());
        assert!(ids_in(&serde_json::json!(false)).is_empty());
    }
}
