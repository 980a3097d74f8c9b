//! A stand-in for a schema registry: the part of Confluent's interface that clients use, in memory, on the loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::schema::compat::{self, Rule};

/// Levels that a registry knows.
const LEVELS: &[&str] = &["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"];
/// Most schemas that it takes.
const SCHEMAS_MAX: usize = 10_000;

/// A running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct RegistryStandin {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl RegistryStandin {
    /// Starts an empty registry on a free port of the loopback. Its level is `FULL_TRANSITIVE`, as that of waybill's topics.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // Serving ends with the task; there is nobody to tell of an error of the loopback.
            let _ = axum::serve(listener, router()).await;
        });
        Ok(Self { address, task })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RegistryStandin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What it remembers.
#[derive(Debug, Default)]
struct Held {
    /// Texts; the id is the place, from 1. The same schema has the same id under every subject.
    schemas: Vec<(Value, String)>,
    /// Ids of each subject's versions, from 1.
    subjects: BTreeMap<String, Vec<usize>>,
    /// Levels; the empty name is the global one.
    levels: BTreeMap<String, String>,
}

type Shared = Arc<Mutex<Held>>;
type Answer = Result<Json<Value>, Refusal>;

/// An error as the registry words it.
#[derive(Debug)]
struct Refusal(u32, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = if self.0 >= 10_000 { self.0 / 100 } else { self.0 };
        let status = u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({"error_code": self.0, "message": self.1}))).into_response()
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || Json(json!({}))))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(look_up))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route("/schemas/ids/{id}", get(by_id))
        .route("/config", get(global_level).put(set_global_level))
        .route("/config/{subject}", get(level).put(set_level))
        .route("/compatibility/subjects/{subject}/versions", post(compatible_with_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(compatible))
        .with_state(Shared::default())
}

fn held(shared: &Shared) -> std::sync::MutexGuard<'_, Held> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The schema in a request's body: its parsed form, by which schemas are equal, and its text.
fn schema_of(body: &Bytes) -> Result<(Value, String), Refusal> {
    #[derive(Deserialize)]
    struct Posted {
        schema: String,
    }
    let invalid = |why: &str| Refusal(42201, format!("Invalid schema: {why}"));
    let posted: Posted = serde_json::from_slice(body).map_err(|_| invalid("no schema in the body"))?;
    let parsed = serde_json::from_str(&posted.schema).unwrap_or_else(|_| Value::String(posted.schema.clone()));
    if compat::check("posted", &posted.schema, &[""; 0]).iter().any(|f| f.rule == Rule::Unreadable) {
        return Err(invalid("not Avro"));
    }
    Ok((parsed, posted.schema))
}

impl Held {
    fn ids(&self, subject: &str) -> Result<&Vec<usize>, Refusal> {
        self.subjects.get(subject).ok_or_else(|| Refusal(40401, format!("Subject '{subject}' not found.")))
    }

    fn text(&self, id: usize) -> Option<&str> {
        self.schemas.get(id.checked_sub(1)?).map(|(_, text)| text.as_str())
    }

    fn level(&self, subject: &str) -> &str {
        self.levels.get(subject).or_else(|| self.levels.get("")).map_or("FULL_TRANSITIVE", String::as_str)
    }

    /// Number and id of a version named by a number or `latest`.
    fn version(&self, subject: &str, named: &str) -> Result<(usize, usize), Refusal> {
        let ids = self.ids(subject)?;
        let number = if named == "latest" || named == "-1" { Some(ids.len()) } else { named.parse::<usize>().ok() };
        let number = number
            .filter(|n| *n > 0)
            .ok_or_else(|| Refusal(42202, format!("The specified version '{named}' is not a valid version id.")))?;
        let id = ids.get(number - 1).ok_or_else(|| Refusal(40402, format!("Version {number} not found.")))?;
        Ok((number, *id))
    }

    /// What speaks against a schema under the subject's level. A changed type counts both ways, as it does for waybill.
    fn against(&self, subject: &str, text: &str, ids: &[usize]) -> Vec<String> {
        let level = self.level(subject);
        let ids = if level.ends_with("_TRANSITIVE") { ids } else { ids.split_at(ids.len().saturating_sub(1)).1 };
        let earlier: Vec<&str> = ids.iter().filter_map(|id| self.text(*id)).collect();
        let counts = |rule: Rule| match level.trim_end_matches("_TRANSITIVE") {
            "NONE" => false,
            "BACKWARD" => !matches!(rule, Rule::RemovedWithoutDefault | Rule::WordAdded),
            "FORWARD" => !matches!(rule, Rule::AddedWithoutDefault | Rule::WordRemoved),
            _ => true,
        };
        compat::check(subject, text, &earlier).iter().filter(|f| counts(f.rule)).map(ToString::to_string).collect()
    }
}

async fn subjects(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(held(&shared).subjects.keys().collect::<Vec<_>>()))
}

async fn look_up(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let held = held(&shared);
    let ids = held.ids(&subject)?;
    let (parsed, _) = schema_of(&body)?;
    let same = |id: &usize| held.schemas.get(id - 1).is_some_and(|(schema, _)| *schema == parsed);
    let at = ids.iter().position(same).ok_or_else(|| Refusal(40403, "Schema not found".into()))?;
    let id = ids.get(at).copied().unwrap_or_default();
    Ok(Json(json!({"subject": subject, "version": at + 1, "id": id, "schema": held.text(id)})))
}

async fn versions(State(shared): State<Shared>, Path(subject): Path<String>) -> Answer {
    let count = held(&shared).ids(&subject)?.len();
    Ok(Json(json!((1..=count).collect::<Vec<_>>())))
}

async fn register(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let (parsed, text) = schema_of(&body)?;
    let mut held = held(&shared);
    let ids = held.subjects.get(&subject).cloned().unwrap_or_default();
    let known = held.schemas.iter().position(|(schema, _)| *schema == parsed).map(|i| i + 1);
    if let Some(id) = known.filter(|id| ids.contains(id)) {
        return Ok(Json(json!({"id": id})));
    }
    let against = held.against(&subject, &text, &ids);
    if !against.is_empty() {
        return Err(Refusal(409, format!("Schema being registered is incompatible with an earlier schema: {}", against.join("; "))));
    }
    if held.schemas.len() >= SCHEMAS_MAX {
        return Err(Refusal(50001, "the stand-in is full".into()));
    }
    let id = known.unwrap_or_else(|| {
        held.schemas.push((parsed, text));
        held.schemas.len()
    });
    held.subjects.entry(subject).or_default().push(id);
    Ok(Json(json!({"id": id})))
}

async fn version(State(shared): State<Shared>, Path((subject, named)): Path<(String, String)>) -> Answer {
    let held = held(&shared);
    let (number, id) = held.version(&subject, &named)?;
    Ok(Json(json!({"subject": subject, "version": number, "id": id, "schema": held.text(id)})))
}

async fn by_id(State(shared): State<Shared>, Path(id): Path<usize>) -> Answer {
    let held = held(&shared);
    let text = held.text(id).ok_or_else(|| Refusal(40403, format!("Schema {id} not found")))?;
    Ok(Json(json!({"schema": text})))
}

async fn global_level(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({"compatibilityLevel": held(&shared).level("")}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelQuery {
    #[serde(default)]
    default_to_global: bool,
}

async fn level(State(shared): State<Shared>, Path(subject): Path<String>, Query(query): Query<LevelQuery>) -> Answer {
    let held = held(&shared);
    if !held.levels.contains_key(&subject) && !query.default_to_global {
        return Err(Refusal(40408, format!("Subject '{subject}' does not have subject-level compatibility configured")));
    }
    Ok(Json(json!({"compatibilityLevel": held.level(&subject)})))
}

async fn set_global_level(State(shared): State<Shared>, body: Bytes) -> Answer {
    put_level(&shared, String::new(), &body)
}

async fn set_level(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    put_level(&shared, subject, &body)
}

fn put_level(shared: &Shared, subject: String, body: &Bytes) -> Answer {
    let posted: Value = serde_json::from_slice(body).unwrap_or_default();
    let level = posted.get("compatibility").and_then(Value::as_str).unwrap_or_default();
    if !LEVELS.contains(&level) {
        return Err(Refusal(42203, "Invalid compatibility level".into()));
    }
    held(shared).levels.insert(subject, level.to_owned());
    Ok(Json(json!({"compatibility": level})))
}

async fn compatible(State(shared): State<Shared>, Path((subject, named)): Path<(String, String)>, body: Bytes) -> Answer {
    let (_, text) = schema_of(&body)?;
    let held = held(&shared);
    let (_, id) = held.version(&subject, &named)?;
    let against = held.against(&subject, &text, &[id]);
    Ok(Json(json!({"is_compatible": against.is_empty(), "messages": against})))
}

async fn compatible_with_all(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let (_, text) = schema_of(&body)?;
    let held = held(&shared);
    let ids = held.subjects.get(&subject).cloned().unwrap_or_default();
    let against = held.against(&subject, &text, &ids);
    Ok(Json(json!({"is_compatible": against.is_empty(), "messages": against})))
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
