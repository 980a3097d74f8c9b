//! Recorded answers of real servers. They lie beside the checkout; without them there is nothing to check.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use waybill::odoo::errors::{CallError, Class, read_json2, read_jsonrpc};
use waybill::outbound::Answer;

/// One recorded call.
struct Exchange {
    title: String,
    url: String,
    answer: Answer,
}

fn folder() -> PathBuf {
    let shared =
        std::env::var_os("WAYBILL_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    shared.join("odoo/transcripts")
}

/// Reads the calls of one file: `## title`, `$ curl … URL …`, status line, headers, empty line, body, `[n ms]`.
/// Calls that got no answer are left out.
fn exchanges(text: &str) -> Vec<Exchange> {
    let mut found = Vec::new();
    let mut title = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("## ") {
            words.clone_into(&mut title);
        }
        let Some(command) = line.strip_prefix("$ curl ") else { continue };
        let url = command.split_whitespace().find(|word| word.trim_matches('\'').starts_with("http://")).unwrap_or_default();
        let Some(status) = lines.next_if(|line| line.starts_with("HTTP/")) else { continue };
        let status = status.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        let mut content_type = String::new();
        for header in lines.by_ref().take_while(|line| !line.is_empty()) {
            if let Some(value) = header.strip_prefix("Content-Type:") {
                content_type = value.split(';').next().unwrap_or_default().trim().to_lowercase();
            }
        }
        let is_end = |line: &str| line.starts_with('[') && line.trim_end().ends_with(" ms]");
        let mut body = String::new();
        for line in lines.by_ref().take_while(|line| !is_end(line)) {
            body.push_str(line);
            body.push('\n');
        }
        let answer = Answer { status, content_type, body: body.trim_end().as_bytes().to_vec() };
        found.push(Exchange { title: title.clone(), url: url.trim_matches('\'').to_owned(), answer });
    }
    found
}

/// What the table of error answers says, by the name of the class alone.
fn expected(name: &str) -> (Class, bool) {
    match name {
        "odoo.exceptions.AccessDenied" | "werkzeug.exceptions.Unauthorized" => (Class::Stop, false),
        "psycopg2.errors.SerializationFailure" => (Class::Wait, false),
        "psycopg2.OperationalError" | "psycopg2.InterfaceError" => (Class::Wait, true),
        "odoo.exceptions.AccessError"
        | "odoo.exceptions.MissingError"
        | "odoo.exceptions.UserError"
        | "odoo.exceptions.ValidationError"
        | "werkzeug.exceptions.NotFound"
        | "werkzeug.exceptions.BadRequest"
        | "werkzeug.exceptions.UnprocessableEntity"
        | "builtins.ValueError"
        | "builtins.KeyError"
        | "builtins.TypeError"
        | "builtins.AttributeError"
        | "binascii.Error" => (Class::Park, false),
        other => panic!("a class that the table does not have: {other}"),
    }
}

/// The class of an answer that is not Odoo's own.
fn expected_page(status: u16) -> Class {
    match status {
        303 => Class::Stop,
        404 => Class::Wait,
        400 | 415 => Class::Park,
        other => panic!("a page with a status that was never seen: {other}"),
    }
}

fn check(file: &str, exchange: &Exchange, result: &Result<Value, CallError>) -> String {
    let Exchange { title, answer, .. } = exchange;
    let place = format!("{file}: {title}");
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let data = body.as_ref().map(|body| body.get("error").and_then(|error| error.get("data")).unwrap_or(body));
    let failed = !(200..300).contains(&answer.status) || body.as_ref().is_some_and(|body| body.get("error").is_some());
    match result {
        Ok(value) => {
            assert!(!failed, "{place}: an error was taken for a value");
            // The bare value over JSON-2, the result over JSON-RPC, nothing where nothing is returned.
            let told = body.unwrap_or_default();
            let wanted = if told.get("jsonrpc").is_some() { told.get("result").cloned().unwrap_or_default() } else { told };
            assert_eq!(*value, wanted, "{place}");
            "value".into()
        }
        Err(error) => {
            assert!(failed, "{place}: a value was taken for an error: {error}");
            assert_eq!(error.status, Some(answer.status), "{place}");
            match data.and_then(|data| data.get("name")).and_then(Value::as_str) {
                Some(name) => {
                    assert_eq!((error.class, error.unknown_outcome), expected(name), "{place}");
                    assert_eq!(error.name.as_deref(), Some(name), "{place}");
                }
                None => assert_eq!(error.class, expected_page(answer.status), "{place}"),
            }
            error.class.as_str().into()
        }
    }
}

#[test]
fn every_recorded_answer_is_read_and_classified() {
    let folder = folder();
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no recorded answers at {}", folder.display());
        return;
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in files.filter_map(|file| file.ok().map(|file| file.path())) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for exchange in exchanges(&text) {
            let result = if exchange.url.contains("/json/2/") {
                read_json2(&exchange.answer)
            } else if exchange.url.ends_with("/jsonrpc") {
                read_jsonrpc(&exchange.answer)
            } else {
                continue;
            };
            // Long answers are cut in the record.
            let cut = exchange.answer.content_type == "application/json" && serde_json::from_slice::<Value>(&exchange.answer.body).is_err();
            let kind = if cut { "cut".into() } else { check(&file, &exchange, &result) };
            *counts.entry(kind).or_default() += 1;
        }
    }
    println!("{counts:?}");
    assert!(counts.get("cut").copied().unwrap_or_default() <= 20, "the record is not read right: {counts:?}");
    for kind in ["value", "wait", "park", "stop"] {
        assert!(counts.contains_key(kind), "no answer of the class {kind}: {counts:?}");
    }
    assert!(counts.values().sum::<usize>() > 700, "{counts:?}");
}
