//! Calls to one Odoo database, in whichever protocol its version speaks: JSON-2 from 19 on, JSON-RPC before.
//! In come a model, a method, record ids and named arguments.
//! Out go the value, or a [`CallError`] with its class; it never retries and never logs an argument.

mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::errors::{CallError, Class, ids_in};
use crate::outbound::HttpClient;
use crate::telemetry::Clock;
use crate::telemetry::metrics::Metrics;

/// Oldest and first JSON-2 version.
const MAJOR_MIN: i64 = 17;
const MAJOR_JSON2: i64 = 19;

/// Fields of OCA's `delivery_state` module that are written where they exist.
const OPTIONAL_PICKING_FIELDS: [&str; 2] = ["delivery_state", "tracking_state"];

/// Named arguments of a call, in the order of the method's signature.
pub type Arguments = Map<String, Value>;

/// Which database, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this Odoo in the configuration.
    pub instance: String,
    /// Base URL without a path, e.g. `https://odoo.example.com`.
    pub url: String,
    /// Database name.
    pub database: String,
    /// Login of the user; 19 needs only the key.
    pub login: String,
    /// API key of that user.
    pub api_key: SecretString,
    /// Deadline of one call. Odoo retries conflicts itself for up to 9 s: less than that makes conflicts look like silence.
    pub timeout: Duration,
}

/// How a call is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Json2,
    JsonRpc { uid: i64 },
}

/// One Odoo database, connected: version known, key accepted.
#[derive(Debug)]
pub struct Odoo {
    http: HttpClient,
    settings: Settings,
    major: i64,
    protocol: Protocol,
    note_subtype: i64,
    picking_fields: BTreeSet<String>,
    watch: Option<(Metrics, Arc<dyn Clock>)>,
}

impl Odoo {
    /// Asks the version, proves the key, and reads what writing needs to know. What a connected Odoo would refuse for one call
    /// it refuses here for all: the error's class is `Wait` or `Stop`.
    pub async fn connect(http: HttpClient, settings: Settings) -> Result<Self, CallError> {
        let stop = |error: CallError| if error.class == Class::Park { CallError { class: Class::Stop, ..error } } else { error };
        Self::try_connect(http, settings).await.map_err(stop)
    }

    async fn try_connect(http: HttpClient, settings: Settings) -> Result<Self, CallError> {
        let version = wire::common(&http, &settings, "version", &json!([])).await?;
        let major = version.pointer("/server_version_info/0").and_then(Value::as_i64).unwrap_or_default();
        if major < MAJOR_MIN {
            return Err(CallError::ours(Class::Stop, false, "version_not_supported"));
        }
        let protocol = if major >= MAJOR_JSON2 { Protocol::Json2 } else { wire::log_in(&http, &settings).await? };
        let mut odoo = Self { http, settings, major, protocol, note_subtype: 0, picking_fields: BTreeSet::new(), watch: None };
        odoo.note_subtype =
            odoo.external_id("mail", "mt_note").await?.ok_or_else(|| CallError::ours(Class::Stop, false, "no_note_subtype"))?;
        let arguments = arguments([("allfields", json!(OPTIONAL_PICKING_FIELDS)), ("attributes", json!(["type"]))]);
        let fields = odoo.call("stock.picking", "fields_get", None, arguments, &[]).await?;
        odoo.picking_fields = fields.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        Ok(odoo)
    }

    /// Calls a method. `ids` is the recordset, `None` for a method of the model itself. `positional` names those of the
    /// arguments that JSON-RPC wants by position, in order (17 takes the values of `create` no other way).
    pub async fn call(
        &self,
        model: &str,
        method: &str,
        ids: Option<&[i64]>,
        arguments: Arguments,
        positional: &[&str],
    ) -> Result<Value, CallError> {
        let started = self.watch.as_ref().map(|(_, clock)| clock.monotonic());
        let answer = match self.protocol {
            Protocol::Json2 => wire::json2(&self.http, &self.settings, model, method, ids, arguments).await,
            Protocol::JsonRpc { uid } => wire::execute_kw(&self.http, &self.settings, uid, model, method, ids, arguments, positional).await,
        };
        if let (Some((metrics, clock)), Some(started)) = (&self.watch, started) {
            let class = answer.as_ref().err().map_or("ok", |error| error.class.as_str());
            metrics.odoo_called(self.instance(), class, clock.monotonic().saturating_sub(started));
        }
        answer
    }

    /// The same, with every call counted and timed.
    #[must_use]
    pub fn watched(self, metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { watch: Some((metrics, clock)), ..self }
    }

    /// Rows of a model that match a domain. `limit` bounds the answer.
    pub async fn search_read(&self, model: &str, domain: Value, fields: &[&str], limit: usize) -> Result<Vec<Value>, CallError> {
        let arguments = arguments([("domain", domain), ("fields", json!(fields)), ("limit", json!(limit))]);
        rows(self.call(model, "search_read", None, arguments, &[]).await?)
    }

    /// Rows by id. Ids that do not exist are left out.
    pub async fn read(&self, model: &str, ids: &[i64], fields: &[&str]) -> Result<Vec<Value>, CallError> {
        rows(self.call(model, "read", Some(ids), arguments([("fields", json!(fields))]), &[]).await?)
    }

    /// Writes the same values to records. All or none.
    pub async fn write(&self, model: &str, ids: &[i64], values: Value) -> Result<(), CallError> {
        self.call(model, "write", Some(ids), arguments([("vals", values)]), &["vals"]).await.map(|_| ())
    }

    /// Creates records in one transaction; their ids in order.
    pub async fn create(&self, model: &str, rows: Vec<Value>) -> Result<Vec<i64>, CallError> {
        let arguments = arguments([("vals_list", Value::Array(rows))]);
        Ok(ids_in(&self.call(model, "create", None, arguments, &["vals_list"]).await?))
    }

    /// Id of the record behind an external id; `None` where there is none.
    pub async fn external_id(&self, module: &str, name: &str) -> Result<Option<i64>, CallError> {
        Ok(self.reference(module, name).await?.map(|(_, id)| id))
    }

    /// Model and id of the record behind an external id; `None` where there is none (Odoo says so with an error, which here is an answer).
    pub async fn reference(&self, module: &str, name: &str) -> Result<Option<(String, i64)>, CallError> {
        let arguments = arguments([("module", json!(module)), ("xml_id", json!(name)), ("raise_on_access_error", json!(true))]);
        match self.call("ir.model.data", "check_object_reference", None, arguments, &[]).await {
            Ok(value) => {
                let model = value.get(0).and_then(Value::as_str).unwrap_or_default().to_owned();
                Ok(value.get(1).and_then(Value::as_i64).map(|id| (model, id)))
            }
            Err(error) if error.is("builtins.ValueError") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Name of this Odoo in the configuration.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.settings.instance
    }

    /// Major version: 17, 18, 19.
    #[must_use]
    pub fn major(&self) -> i64 {
        self.major
    }

    /// Whether `stock.picking` has this field of OCA's `delivery_state` module.
    #[must_use]
    pub fn has_picking_field(&self, field: &str) -> bool {
        self.picking_fields.contains(field)
    }

    /// Id of the subtype `Note`.
    pub(super) fn note_subtype(&self) -> i64 {
        self.note_subtype
    }
}

/// Named arguments from pairs.
pub(super) fn arguments<const N: usize>(pairs: [(&str, Value); N]) -> Arguments {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn rows(value: Value) -> Result<Vec<Value>, CallError> {
    match value {
        Value::Array(rows) => Ok(rows),
        _ => Err(CallError::ours(Class::Wait, false, "not_odoo")),
    }
}
