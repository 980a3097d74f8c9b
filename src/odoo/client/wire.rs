//! The two protocols on the wire.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Arguments, Protocol, Settings};
use crate::odoo::errors::{CallError, Class, read_json2, read_jsonrpc};
use crate::outbound::{Answer, HttpClient, Request};

/// Most bytes of one answer. A thousand rows of what is asked for here are below 1 MB.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A call of the service `common`, which needs no login.
pub(super) async fn common(http: &HttpClient, settings: &Settings, method: &str, args: &Value) -> Result<Value, CallError> {
    jsonrpc(http, settings, &json!({"service": "common", "method": method, "args": args})).await
}

/// Logs in over JSON-RPC. A wrong key is answered with `false`.
pub(super) async fn log_in(http: &HttpClient, settings: &Settings) -> Result<Protocol, CallError> {
    let args = json!([settings.database, settings.login, settings.api_key.expose_secret(), {}]);
    let uid = common(http, settings, "authenticate", &args).await?.as_i64();
    uid.map(|uid| Protocol::JsonRpc { uid }).ok_or_else(|| CallError::ours(Class::Stop, false, "odoo.exceptions.AccessDenied"))
}

/// A call over JSON-2: every argument by name.
pub(super) async fn json2(
    http: &HttpClient,
    settings: &Settings,
    model: &str,
    method: &str,
    ids: Option<&[i64]>,
    mut arguments: Arguments,
) -> Result<Value, CallError> {
    if !is_name(model) || !is_name(method) {
        return Err(CallError::ours(Class::Park, false, "bad_name"));
    }
    if let Some(ids) = ids {
        arguments.insert("ids".into(), json!(ids));
    }
    let url = format!("{}/json/2/{model}/{method}", settings.url.trim_end_matches('/'));
    let request = Request {
        url: &url,
        content_type: "application/json",
        headers: &[("x-odoo-database", &settings.database)],
        bearer: Some(&settings.api_key),
        body: Value::Object(arguments).to_string().into_bytes(),
        timeout: settings.timeout,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    read_json2(&http.post(request).await?)
}

/// A call over JSON-RPC: the recordset first, then what is positional, the rest by name.
#[expect(clippy::too_many_arguments, reason = "the call of `Odoo::call` and the user it is made as")]
pub(super) async fn execute_kw(
    http: &HttpClient,
    settings: &Settings,
    uid: i64,
    model: &str,
    method: &str,
    ids: Option<&[i64]>,
    mut arguments: Arguments,
    positional: &[&str],
) -> Result<Value, CallError> {
    let mut args: Vec<Value> = ids.map(|ids| json!(ids)).into_iter().collect();
    args.extend(positional.iter().filter_map(|name| arguments.shift_remove(*name)));
    let key = settings.api_key.expose_secret();
    let params = json!({"service": "object", "method": "execute_kw",
        "args": [settings.database, uid, key, model, method, args, arguments]});
    jsonrpc(http, settings, &params).await
}

async fn jsonrpc(http: &HttpClient, settings: &Settings, params: &Value) -> Result<Value, CallError> {
    let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
    let answer = post_jsonrpc(http, settings, body).await?;
    read_jsonrpc(&answer)
}

async fn post_jsonrpc(http: &HttpClient, settings: &Settings, body: Value) -> Result<Answer, CallError> {
    let url = format!("{}/jsonrpc", settings.url.trim_end_matches('/'));
    let request = Request {
        url: &url,
        content_type: "application/json",
        headers: &[],
        bearer: None,
        body: body.to_string().into_bytes(),
        timeout: settings.timeout,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    Ok(http.post(request).await?)
}

/// Model and method names become part of a path; commands bring them from outside.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
}
