//! What is remembered of one Odoo record, and whether an image says more.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::Name;
use crate::domain::dedup;
use crate::domain::money::Amount;
use crate::domain::record::OdooImage;
use crate::domain::time::Micros;
use crate::engine::processor::State;
use crate::odoo::changes::{decimal, utc_micros};

/// The last image of a record and what was published of it. Kept as JSON with short names, so that a later version can
/// add to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    /// The columns that are not empty.
    #[serde(rename = "f", default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// Log position of the newest change event; none after a snapshot.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// Newest write date that the database told, UTC microseconds; none while only webhooks have spoken.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub logged_at: Option<Micros>,
    /// The record is gone.
    #[serde(rename = "d", default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Digest of what was published last.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Numbers that are linked to this delivery.
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<HeldLink>,
    /// Time of the newest link, UTC microseconds: links of one delivery never go back in time.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub linked_at: Option<Micros>,
    /// Partner, carrier and order under which this delivery is listed.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Option<i64>>,
    /// Names under which this delivery is listed.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// Numbers that notices tell of this delivery.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

/// A number that a notice tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Which consignment tells it.
    #[serde(rename = "i")]
    pub consignment: String,
    /// Shipment key.
    #[serde(rename = "k")]
    pub key: String,
    /// As sent.
    #[serde(rename = "n")]
    pub number: String,
    /// Carrier code, where told.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
}

/// A published link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldLink {
    /// Shipment key.
    #[serde(rename = "k")]
    pub key: String,
    /// As Odoo has it, or else a notice.
    #[serde(rename = "n")]
    pub number: String,
    /// Digest of what was published.
    #[serde(rename = "g")]
    pub digest: String,
}

/// State key of a record.
pub(super) fn record_key(model: &str, instance: &str, id: i64) -> Vec<u8> {
    format!("i:{model}:{instance}:{id}").into_bytes()
}

/// Model, instance and id behind the key of a record; `None` for any other key.
pub(super) fn of_key(key: &[u8]) -> Option<(&str, &str, i64)> {
    let mut parts = std::str::from_utf8(key).ok()?.strip_prefix("i:")?.split(':');
    Some((parts.next()?, parts.next()?, parts.next()?.parse().ok()?))
}

impl Held {
    /// What is remembered; a value that cannot be read counts as forgotten, and the next image fills it again.
    pub(super) fn load(state: &dyn State, model: &str, instance: &str, id: i64) -> Option<Self> {
        state.get(&record_key(model, instance, id)).and_then(|bytes| serde_json::from_slice(bytes).ok())
    }

    /// Remembers. A settled record is forgotten with the window after its last write.
    pub(super) fn save(&self, state: &mut dyn State, model: &str, instance: &str, id: i64, forget_at: Option<Micros>) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            state.put(&record_key(model, instance, id), bytes, forget_at);
        }
    }

    pub(super) fn text(&self, field: &str) -> Option<String> {
        self.fields.get(field)?.as_str().map(str::to_owned)
    }

    pub(super) fn id(&self, field: &str) -> Option<i64> {
        self.fields.get(field)?.as_i64()
    }

    pub(super) fn amount(&self, field: &str) -> Option<Amount> {
        decimal(self.fields.get(field)?.as_str()?)
    }

    pub(super) fn moment(&self, field: &str) -> Option<Micros> {
        utc_micros(self.fields.get(field)?.as_str()?)
    }

    /// Takes an image in. `Err` with the reason when it says nothing new; then only positions have moved.
    ///
    /// - A change event older in the log than the last is superseded. Positions come from one log, so a snapshot, with which
    ///   a database on a new server begins, resets them.
    /// - A webhook has no position, and its write date is no clock (a rolled-back write leaves a later one behind):
    ///   webhooks follow each other as they arrive. Once the database itself has spoken of the record, only a webhook of a later
    ///   write is taken.
    /// - Odoo uses no id twice: what was deleted stays so, unless a snapshot has it again.
    pub(super) fn take(&mut self, image: &OdooImage, fields: Map<String, Value>) -> Result<(), &'static str> {
        let logged = image.origin == "debezium";
        let written = fields.get("write_date").and_then(Value::as_str).and_then(utc_micros);
        if let (Some(new), Some(last)) = (image.log_position, self.position)
            && new < last
        {
            return Err("superseded");
        }
        if !logged && self.logged_at.is_some() && written <= self.logged_at {
            return Err("superseded");
        }
        if self.deleted {
            let again = logged && image.log_position.is_none() && !image.deleted;
            if !again {
                return Err(if image.deleted { "unchanged" } else { "superseded" });
            }
        }
        if logged {
            self.position = image.log_position;
            self.logged_at = self.logged_at.max(written).or(Some(image.received_at));
        }
        if image.deleted {
            self.deleted = true;
            return Ok(());
        }
        let mut next = if image.complete { Map::new() } else { self.fields.clone() };
        for (field, value) in fields {
            if value.is_null() {
                next.remove(&field);
            } else {
                next.insert(field, value);
            }
        }
        if !self.deleted && same_but_write_date(&self.fields, &next) {
            return Err("unchanged");
        }
        self.deleted = false;
        self.fields = next;
        Ok(())
    }
}

fn same_but_write_date(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let rest = |m: &Map<String, Value>| m.len() - usize::from(m.contains_key("write_date"));
    rest(a) == rest(b) && a.iter().all(|(key, value)| key == "write_date" || b.get(key) == Some(value))
}

/// The identity of an image that has no log position but tells when it was written: the same words about the same
/// write are the same image. `None` where a repetition cannot be told from a return to earlier values.
pub(super) fn repetition_key(image: &OdooImage, fields: &Map<String, Value>) -> Option<[u8; 16]> {
    if image.log_position.is_some() || !fields.contains_key("write_date") {
        return None;
    }
    let (id, transaction) = (image.record_id.to_string(), image.transaction_id.unwrap_or(0).to_string());
    Some(dedup::id_of(&[&image.odoo_instance, &image.model, &id, &image.origin, &transaction, &image.fields]))
}
