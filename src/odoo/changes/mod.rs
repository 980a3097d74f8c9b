//! What Odoo's database and Odoo itself say about changes, in every form in which it reaches Kafka.
//! In come one message of Debezium (JSON with or without schema, flattened, Avro) or one webhook body; out comes the image
//! of one record in Odoo's own field names, or the reason why the message says nothing or can not be used.
//!
//! Values lose their encoding here: many2one is an id, a decimal is a string, a moment is `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC, a
//! translated name is one text, and what Odoo calls empty (`null`, `false`, `""`) is `null`. Only the columns of [`columns`]
//! are kept: what nobody reads travels no further.
//!
//! Two limits that no reader of a payload can lift:
//! - Odoo 17 and 18 send webhooks inside the transaction, so a write that was rolled back has told of values that never were.
//!   Nothing in the body gives it away; the next image of the record corrects it, and change events of the database do not have it.
//! - A flattened stream that drops delete events leaves only tombstones, which are not read: it must be set to
//!   rewrite them (`delete.tombstone.handling.mode=rewrite`).
#![deny(clippy::indexing_slicing)]

use serde_json::{Map, Value};

use crate::domain::record::OdooImage;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park};

pub mod columns;
mod debezium;
mod encodings;
mod json;
mod values;
mod webhook;

#[cfg(test)]
mod tests;

pub use values::{decimal, utc_micros};

/// Largest message that is read, bytes. An account move with every column and its schema has some 40 kB.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// One message that tells of a change.
#[derive(Debug)]
pub struct ChangeMessage<'a> {
    /// Topic as the message came: the last part names the table where the message does not.
    pub topic: &'a str,
    /// Record key: the primary key in Debezium's topics, the last resort for the id of a deleted record.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone. Not read when `avro` is there.
    pub value: Option<&'a [u8]>,
    /// Odoo instance as named in the configuration.
    pub instance: &'a str,
    /// Language in which translated names are wanted (`de_DE`); `en_US`, then any, where they lack it.
    pub language: &'a str,
    /// When the message reached us, UTC microseconds.
    pub received_at: Micros,
    /// The value decoded from Avro: unions unwrapped, decimals as strings, other bytes as base64.
    pub avro: Option<Value>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// How a record stands after a change.
    Image(OdooImage),
    /// Nothing, by its nature: which kind of message it is.
    Nothing(&'static str),
}

/// Reads one message.
///
/// # Errors
/// A [`Park`] when nothing can be made of it: too large, not UTF-8, malformed, too deep, a key named twice, a table that is not
/// followed, no id, a field of the wrong type. Its cause names fields, never values.
pub fn parse(message: &ChangeMessage<'_>) -> Result<Parsed, Park> {
    if message.topic.starts_with("__debezium-heartbeat") {
        return Ok(Parsed::Nothing("heartbeat"));
    }
    let root = match (&message.avro, message.value) {
        (Some(decoded), _) => decoded.clone(),
        (None, None) => return Ok(Parsed::Nothing("tombstone")),
        (None, Some(bytes)) => json::read(bytes, BODY_BYTES_MAX)?,
    };
    let (root, schema) = out_of_schema(root);
    match root {
        Value::Null => Ok(Parsed::Nothing("tombstone")),
        Value::Object(fields) if fields.contains_key("_model") => webhook::parse(message, &fields).map(Parsed::Image),
        Value::Object(fields) => debezium::parse(message, &fields, schema.as_ref()),
        _ => Err(Park::new(Code::BAD_CHANGE_EVENT, "the message is not an object")),
    }
}

/// `{"schema": …, "payload": …}` is the JSON converter's way to send the schema along.
fn out_of_schema(root: Value) -> (Value, Option<Value>) {
    match root {
        Value::Object(mut fields) if fields.contains_key("payload") && fields.contains_key("schema") && fields.len() == 2 => {
            let schema = fields.remove("schema");
            (fields.remove("payload").unwrap_or(Value::Null), schema)
        }
        other => (other, None),
    }
}

/// What a reader of one form has found out about a change; the rest of the image is the same for all.
struct Change {
    model: &'static str,
    record_id: i64,
    deleted: bool,
    fields: Map<String, Value>,
    complete: bool,
    origin: &'static str,
    transaction_id: Option<i64>,
    log_position: Option<i64>,
}

impl Change {
    fn image(self, message: &ChangeMessage<'_>) -> OdooImage {
        OdooImage {
            odoo_instance: message.instance.to_owned(),
            model: self.model.to_owned(),
            record_id: self.record_id,
            deleted: self.deleted,
            fields: Value::Object(self.fields).to_string(),
            complete: self.complete,
            origin: self.origin.to_owned(),
            transaction_id: self.transaction_id,
            log_position: self.log_position,
            received_at: message.received_at,
        }
    }
}
