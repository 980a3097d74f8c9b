//! The two protocols of the stand-in, its error forms, and the door that can be shut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::Listener;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Shared;
use super::faults::{Away, Fate};
use super::methods::{self, Call};
use super::world::Fail;

/// Id of the one user.
const UID: i64 = 7;

/// What a real Odoo answers on JSON-2 when it has no database.
const NO_DATABASE_PAGE: &str = "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected.</p>\n";

/// A call that ended without an answer: the connection is to break.
struct Broken;

pub(super) async fn serve(shared: Arc<Shared>) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let door = Door { address, open: shared.door.subscribe(), listener: Some(listener) };
    let app = Router::new()
        .route("/jsonrpc", post(jsonrpc))
        .route("/json/2/{model}/{method}", post(json2))
        .fallback(|| async { page(StatusCode::NOT_FOUND, "<h1>Not Found</h1>") })
        .with_state(shared);
    let server = tokio::spawn(async move {
        let served = axum::serve(door, app).await;
        tracing::debug!(failed = served.is_err(), "stand-in odoo stopped");
    });
    Ok((address, server))
}

/// A listener that is really closed while the door is shut, so that callers are refused.
struct Door {
    address: SocketAddr,
    open: watch::Receiver<bool>,
    listener: Option<TcpListener>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if !*self.open.borrow_and_update() {
                self.listener = None;
                if self.open.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            let Some(listener) = &self.listener else {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => self.listener = Some(listener),
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
                continue;
            };
            tokio::select! {
                changed = self.open.changed() => if changed.is_err() { std::future::pending::<()>().await },
                accepted = listener.accept() => if let Ok(accepted) = accepted { return accepted },
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn json2(
    State(shared): State<Arc<Shared>>,
    Path((model, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match shared.settings.major {
        ..=17 => return page(StatusCode::NOT_FOUND, "<title>Odoo</title>"),
        18 => return (StatusCode::SEE_OTHER, [(header::LOCATION, "/web/login")], "").into_response(),
        _ => {}
    }
    if !is_json(&headers) {
        return page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "<h1>Unsupported Media Type</h1>");
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if shared.faults().away == Away::WithoutDatabase || text("x-odoo-database") != shared.settings.database {
        return page(StatusCode::NOT_FOUND, NO_DATABASE_PAGE);
    }
    let (scheme, key) = text("authorization").split_once(' ').map(|(a, b)| (a.to_lowercase(), b.to_owned())).unwrap_or_default();
    if scheme != "bearer" || key != shared.settings.api_key {
        return json2_answer(Err(Fail::Denied));
    }
    let named = match serde_json::from_slice(&body) {
        Ok(Value::Object(named)) => named,
        // Odoo takes an array for no arguments at all.
        Ok(_) => Map::new(),
        Err(_) => return error_body(StatusCode::BAD_REQUEST, "werkzeug.exceptions.BadRequest"),
    };
    match carry_out(shared, &model, &method, methods::bind_named(&model, &method, named)).await {
        Ok(result) => json2_answer(result),
        Err(Broken) => broken(),
    }
}

async fn jsonrpc(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_json(&headers) {
        return page(StatusCode::BAD_REQUEST, "<h1>Bad Request</h1>");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "Invalid JSON data").into_response();
    };
    let major = shared.settings.major;
    let params = body.get("params").cloned().unwrap_or_default();
    let args = params.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
    let asked = |n: &str| params.get(n).and_then(Value::as_str).unwrap_or_default().to_owned();
    let result = match (asked("service").as_str(), asked("method").as_str()) {
        ("common", "version") => Ok(json!({"server_version": format!("{major}.0"), "protocol_version": 1,
            "server_version_info": [major, 0, 0, "final", 0, ""], "server_serie": format!("{major}.0")})),
        ("common", "authenticate") => log_in(&shared, &args),
        ("object", "execute_kw") => match execute_kw(shared, args).await {
            Ok(result) => result,
            Err(Broken) => return broken(),
        },
        _ => Err(Fail::UnknownMethod),
    };
    jsonrpc_answer(result, major)
}

fn log_in(shared: &Shared, args: &[Value]) -> Result<Value, Fail> {
    if shared.faults().away == Away::WithoutDatabase || arg(args, 0) != shared.settings.database {
        return Err(Fail::DatabaseDown);
    }
    let right = arg(args, 1) == shared.settings.login && arg(args, 2) == shared.settings.api_key;
    Ok(if right { json!(UID) } else { json!(false) })
}

async fn execute_kw(shared: Arc<Shared>, mut args: Vec<Value>) -> Result<Result<Value, Fail>, Broken> {
    if shared.faults().away == Away::WithoutDatabase || arg(&args, 0) != shared.settings.database {
        return Ok(Err(Fail::DatabaseDown));
    }
    if args.get(1).and_then(Value::as_i64) != Some(UID) || arg(&args, 2) != shared.settings.api_key {
        return Ok(Err(Fail::Denied));
    }
    let (model, method) = (arg(&args, 3).to_owned(), arg(&args, 4).to_owned());
    let mut take = |n: usize| args.get_mut(n).map(Value::take).unwrap_or_default();
    let (Value::Array(positional), named) = (take(5), take(6)) else { return Ok(Err(Fail::Arguments)) };
    let named = named.as_object().cloned().unwrap_or_default();
    let bound = methods::bind(&model, &method, positional, named, shared.settings.major);
    carry_out(shared, &model, &method, bound).await
}

fn arg(args: &[Value], n: usize) -> &str {
    args.get(n).and_then(Value::as_str).unwrap_or_default()
}

/// Carries a call out in a task of its own: a real Odoo goes on when its caller has given up.
async fn carry_out(shared: Arc<Shared>, model: &str, method: &str, bound: Result<Call, Fail>) -> Result<Result<Value, Fail>, Broken> {
    let call = match bound {
        Ok(call) => call,
        Err(fail) => return Ok(Err(fail)),
    };
    // Only what exists is counted: the counters stay few, whatever a caller names.
    *shared.world().calls.entry(format!("{model}.{method}")).or_default() += 1;
    let task = tokio::spawn(async move {
        let (away, slow, fate) = {
            let mut faults = shared.faults();
            (faults.away, faults.slow, faults.next(methods::changes_something(&call.method)))
        };
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        if away == Away::Refuses || fate == Fate::WorkerKilled {
            return Err(Broken);
        }
        if fate == Fate::SerializationFailure {
            return Ok(Err(Fail::Serialization));
        }
        let result = methods::run(&mut shared.world(), &call, shared.settings.major);
        if fate == Fate::ReplyLost { Err(Broken) } else { Ok(result) }
    });
    task.await.unwrap_or(Err(Broken))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// Status over JSON-2, class name over JSON-2, class name over JSON-RPC.
fn forms(fail: &Fail) -> (StatusCode, &'static str, &'static str) {
    let same = |status, name| (status, name, name);
    match fail {
        Fail::UnknownModel => (StatusCode::NOT_FOUND, "werkzeug.exceptions.NotFound", "odoo.exceptions.UserError"),
        Fail::UnknownMethod => (StatusCode::NOT_FOUND, "werkzeug.exceptions.NotFound", "builtins.AttributeError"),
        Fail::Arguments => (StatusCode::UNPROCESSABLE_ENTITY, "werkzeug.exceptions.UnprocessableEntity", "builtins.TypeError"),
        Fail::Access => same(StatusCode::FORBIDDEN, "odoo.exceptions.AccessError"),
        Fail::Missing => same(StatusCode::NOT_FOUND, "odoo.exceptions.MissingError"),
        Fail::Value(_) => same(StatusCode::INTERNAL_SERVER_ERROR, "builtins.ValueError"),
        Fail::Key => same(StatusCode::INTERNAL_SERVER_ERROR, "builtins.KeyError"),
        Fail::Validation => same(StatusCode::UNPROCESSABLE_ENTITY, "odoo.exceptions.ValidationError"),
        Fail::Business => same(StatusCode::UNPROCESSABLE_ENTITY, "odoo.exceptions.UserError"),
        Fail::Base64 => same(StatusCode::INTERNAL_SERVER_ERROR, "binascii.Error"),
        Fail::Serialization => same(StatusCode::INTERNAL_SERVER_ERROR, "psycopg2.errors.SerializationFailure"),
        Fail::Denied => (StatusCode::UNAUTHORIZED, "werkzeug.exceptions.Unauthorized", "odoo.exceptions.AccessDenied"),
        Fail::DatabaseDown => same(StatusCode::INTERNAL_SERVER_ERROR, "psycopg2.OperationalError"),
    }
}

fn json2_answer(result: Result<Value, Fail>) -> Response {
    match result {
        Ok(value) => json_body(StatusCode::OK, &value),
        Err(fail) => {
            let (status, name, _) = forms(&fail);
            error_body(status, name)
        }
    }
}

fn jsonrpc_answer(result: Result<Value, Fail>, major: i64) -> Response {
    let mut body = json!({"jsonrpc": "2.0", "id": 1});
    let (name, value) = match result {
        // Nothing returned: neither `result` nor `error`.
        Ok(Value::Null) => return json_body(StatusCode::OK, &body),
        Ok(value) => ("result", value),
        Err(fail) => {
            let code = if major >= 19 { 0 } else { 200 };
            ("error", json!({"code": code, "message": "Odoo Server Error", "data": error_data(forms(&fail).2)}))
        }
    };
    if let Some(body) = body.as_object_mut() {
        body.insert(name.into(), value);
    }
    json_body(StatusCode::OK, &body)
}

fn error_data(name: &str) -> Value {
    json!({"name": name, "message": "stand-in", "arguments": ["stand-in"], "context": {}, "debug": "Traceback (most recent call last): …"})
}

fn error_body(status: StatusCode, name: &str) -> Response {
    json_body(status, &error_data(name))
}

fn json_body(status: StatusCode, value: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CONNECTION, "close")];
    (status, headers, value.to_string()).into_response()
}

fn page(status: StatusCode, html: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONNECTION, "close")], html).into_response()
}

/// An answer that breaks off: what a caller sees of a killed worker.
fn broken() -> Response {
    let cut = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) });
    ([(header::CONTENT_LENGTH, "10")], Body::from_stream(cut)).into_response()
}
