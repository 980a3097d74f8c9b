//! What is remembered of a shipment key, and its form in the store.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::TrackerSettings;
use crate::domain::delivery::ShipmentStatus;
use crate::domain::erp::ShipmentLink;
use crate::domain::fold::{self, Fold};
use crate::domain::time::Micros;
use crate::domain::vocabulary::Milestone;
use crate::engine::processor::State;

/// Version of the stored form: a value of another version is not read.
const FORM: u8 = 1;

/// All that is remembered under one tracking number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ShipmentMemory {
    /// Numbers collide between carriers now and then: one fold per carrier.
    pub(super) folds: Vec<Fold>,
    pub(super) links: Vec<Link>,
    /// Since when no delivery has it: its first fact, or the end of its last link.
    pub(super) unassigned_since: Micros,
    /// When the last did.
    pub(super) last_at: Micros,
    /// Cases that are open.
    pub(super) open: Vec<Case>,
}

/// A delivery that the number belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) delivery_key: String,
    pub(super) carrier: Option<String>,
    pub(super) picking_name: Option<String>,
    pub(super) parcels_expected: i32,
    pub(super) tracking_number: String,
}

impl From<&ShipmentLink> for Link {
    fn from(link: &ShipmentLink) -> Self {
        Self {
            delivery_key: link.delivery_key.clone(),
            carrier: link.carrier.clone(),
            picking_name: link.picking_name.clone(),
            parcels_expected: link.parcels_expected,
            tracking_number: link.tracking_number.clone(),
        }
    }
}

/// A case that was raised and not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) kind: Kind,
    /// Carrier of the fold it is about; empty where it is about the number.
    pub(super) carrier: String,
    /// What tells this case from the next of its kind: an event id, or the moment a silence began.
    pub(super) cause: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Unassigned,
    Silent,
    PodMissing,
    Delivery,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned_tracking_number",
            Self::Silent => "no_tracking_events",
            Self::PodMissing => "pod_missing",
            Self::Delivery => "delivery_exception",
        }
    }
}

impl ShipmentMemory {
    /// The folds that a link speaks of: those of its carrier where both sides know it, else all.
    pub(super) fn folds_of<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = &'a Fold> {
        let known = link.carrier.as_ref().is_some_and(|c| self.folds.iter().any(|f| f.carrier == *c));
        self.folds.iter().filter(move |f| !known || Some(&f.carrier) == link.carrier.as_ref())
    }

    /// The links that speak of a fold.
    pub(super) fn links_of<'a>(&'a self, carrier: &'a str) -> impl Iterator<Item = &'a Link> {
        self.links.iter().filter(move |l| self.folds_of(l).any(|f| f.carrier == carrier))
    }

    pub(super) fn is_open(&self, kind: Kind, carrier: &str) -> bool {
        self.open.iter().any(|c| c.kind == kind && c.carrier == carrier)
    }

    /// When the clock has to look at this shipment again.
    pub(super) fn alarm(&self, key: &str, settings: &TrackerSettings) -> Micros {
        let mut alarm = self.last_at.saturating_add(settings.window);
        if self.links.is_empty() && !self.is_open(Kind::Unassigned, "") {
            alarm = alarm.min(self.unassigned_since.saturating_add(settings.unassigned_after));
        }
        for fold in &self.folds {
            let status = fold.status(key);
            if awaits_pod(&status) && !self.is_open(Kind::PodMissing, &fold.carrier) {
                alarm = alarm.min(fold.received_at.saturating_add(settings.pod_missing_after));
            }
        }
        if self.awaits_events(key) && !self.is_open(Kind::Silent, "") {
            alarm = alarm.min(self.last_at.saturating_add(settings.silent_after));
        }
        alarm
    }

    /// A linked shipment of which more is expected.
    pub(super) fn awaits_events(&self, key: &str) -> bool {
        !self.links.is_empty() && !self.folds.iter().any(|f| fold::is_final(f.status(key).milestone))
    }
}

/// Delivered, and nobody has said who took it or where it was left.
pub(super) fn awaits_pod(status: &ShipmentStatus) -> bool {
    let proven = status.pod.as_ref().is_some_and(|p| {
        p.signed_by.is_some() || p.signature_ref.is_some() || p.photo_ref.is_some() || p.delivered_to.is_some() || p.latitude.is_some()
    });
    status.milestone == Milestone::Delivered && !proven
}

/// Store key of a shipment.
pub(super) fn shipment(key: &str) -> Vec<u8> {
    [b"s", key.as_bytes()].concat()
}

/// Store key of a delivery.
pub(super) fn delivery(key: &str) -> Vec<u8> {
    [b"d", key.as_bytes()].concat()
}

/// Reads a value; the default where there is none or it has another form.
pub(super) fn load<T: DeserializeOwned + Default>(state: &dyn State, key: &[u8]) -> T {
    let bytes = state.get(key).and_then(|b| b.split_first()).filter(|(form, _)| **form == FORM);
    bytes.and_then(|(_, rest)| postcard::from_bytes(rest).ok()).unwrap_or_default()
}

/// Writes a value with its alarm.
pub(super) fn save<T: Serialize>(state: &mut dyn State, key: &[u8], value: &T, alarm: Micros) {
    if let Ok(bytes) = postcard::to_extend(value, vec![FORM]) {
        state.put(key, bytes, Some(alarm));
    }
}
