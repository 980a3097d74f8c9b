//! What is remembered of a notice and of its consignments. Kept as JSON with short names, so that a later version can add to it.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::EXCEPTIONS_TOPIC;
use super::names::{By, Name};
use crate::domain::dedup;
use crate::domain::exception::ExceptionRaised;
use crate::domain::notice::{NoticeReference, ReferenceRole};
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::engine::processor::{Outputs, State};

/// The kind of its cases.
const KIND: &str = "unmatched_notice";

/// What is remembered of a notice: what it has said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The newest telling that has replaced or withdrawn.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Ids of its consignments.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub consignments: Vec<String>,
}

/// What is remembered of a consignment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consignment {
    /// What it is for.
    #[serde(rename = "r", default)]
    pub references: Vec<NoticeReference>,
    /// Its parcels: shipment key and number as sent.
    #[serde(rename = "p", default)]
    pub parcels: Vec<(String, String)>,
    /// Who carries them.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The newest telling.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// When the newest telling reached us, UTC microseconds.
    #[serde(rename = "t", default)]
    pub told_at: Micros,
    /// The picking that it was found to be; none while it waits.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub picking: Option<i64>,
    /// Its case, while one is open.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Case>,
}

/// A case that was opened. Whatever is told of the consignment meanwhile, it is cleared under the number under which it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Case {
    /// `ExceptionRaised.exception_id`.
    #[serde(rename = "i")]
    id: String,
    /// Shipment key.
    #[serde(rename = "k")]
    key: String,
    /// As sent.
    #[serde(rename = "n")]
    number: String,
}

fn head_key(instance: &str, id: &str) -> Vec<u8> {
    format!("m:{instance}:{id}").into_bytes()
}

fn key(instance: &str, id: &str) -> Vec<u8> {
    format!("c:{instance}:{id}").into_bytes()
}

/// Instance and id behind the key of a consignment; `None` for any other key.
pub(super) fn of_key(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key).ok()?.strip_prefix("c:")?.split_once(':')
}

fn load<T: DeserializeOwned>(state: &dyn State, key: &[u8]) -> Option<T> {
    serde_json::from_slice(state.get(key)?).ok()
}

fn save<T: Serialize>(state: &mut dyn State, key: &[u8], value: &T, alarm: Micros) {
    if let Ok(bytes) = serde_json::to_vec(value) {
        state.put(key, bytes, Some(alarm));
    }
}

impl Head {
    pub(super) fn load(state: &dyn State, instance: &str, id: &str) -> Self {
        load(state, &head_key(instance, id)).unwrap_or_default()
    }

    /// Remembers it until `forget_at`.
    pub(super) fn save(&self, state: &mut dyn State, instance: &str, id: &str, forget_at: Micros) {
        save(state, &head_key(instance, id), self, forget_at);
    }
}

impl Consignment {
    pub(super) fn load(state: &dyn State, instance: &str, id: &str) -> Option<Self> {
        load(state, &key(instance, id))
    }

    /// Remembers it, to look at it again at `alarm`.
    pub(super) fn save(&self, state: &mut dyn State, instance: &str, id: &str, alarm: Micros) {
        save(state, &key(instance, id), self, alarm);
    }

    pub(super) fn forget(state: &mut dyn State, instance: &str, id: &str) {
        state.delete(&key(instance, id));
    }

    /// To look at it again at `alarm`, and nothing else.
    pub(super) fn wake_at(state: &mut dyn State, instance: &str, id: &str, alarm: Micros) {
        let key = key(instance, id);
        if let Some(bytes) = state.get(&key).map(<[u8]>::to_vec) {
            state.put(&key, bytes, Some(alarm));
        }
    }

    /// The names that its delivery may have. A shipment's number is the sender's own, and no order's; where it is that of a delivery,
    /// the sender has taken it from there.
    pub(super) fn wanted(&self) -> BTreeSet<Name> {
        let may = |role: ReferenceRole| match role {
            ReferenceRole::Order => &[By::Delivery, By::Order][..],
            ReferenceRole::PurchaseOrder => &[By::Order, By::Customer][..],
            ReferenceRole::Shipment => &[By::Delivery][..],
        };
        self.references.iter().flat_map(|r| may(r.role).iter().filter_map(|by| Name::new(*by, &r.number))).collect()
    }

    /// The same, whoever's names they are.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        self.wanted().into_iter().map(|name| name.1).collect()
    }

    /// Tells people of it, once. A case that comes back is another case: another time, or another telling.
    pub(super) fn open(&mut self, id: &str, summary: &str, at: Micros, out: &mut Outputs) {
        let Some((key, number)) = self.parcels.first().filter(|_| self.case.is_none()) else { return };
        let case = dedup::uuid(&dedup::id_of(&[KIND, id, &at.to_string(), self.sent.as_deref().unwrap_or_default()]));
        let case = Case { id: case, key: key.clone(), number: number.clone() };
        let named = self.references.first().map_or_else(String::new, |r| format!(": {}", r.number));
        self.tell(&case, "open", format!("{summary}{named}"), at, out);
        self.case = Some(case);
    }

    /// Tells people that it has settled itself.
    pub(super) fn clear(&mut self, at: Micros, out: &mut Outputs) {
        if let Some(case) = self.case.take() {
            self.tell(&case, "cleared", "settled by what came later".to_owned(), at, out);
        }
    }

    fn tell(&self, case: &Case, state: &str, summary: String, at: Micros, out: &mut Outputs) {
        let record = ExceptionRaised {
            exception_id: case.id.clone(),
            kind: KIND.to_owned(),
            state: state.to_owned(),
            summary,
            shipment_key: Some(case.key.clone()),
            tracking_number: Some(case.number.clone()),
            carrier: self.carrier.clone(),
            raised_at: at,
            ..ExceptionRaised::default()
        };
        out.publish(EXCEPTIONS_TOPIC, case.key.clone(), Record::ExceptionRaised(Box::new(record)));
    }
}
