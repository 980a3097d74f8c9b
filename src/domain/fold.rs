//! The fold of one shipment: from its events in any order of arrival to where it stands (C6).

use serde::{Deserialize, Serialize};

use super::dedup;
use super::delivery::{MilestoneReached, ShipmentStatus};
use super::event::{Eta, ProofOfDelivery, ShipmentEvent};
use super::time::{Micros, wall_clock_micros};
use super::vocabulary::{ExceptionReason, Fault, Leg, Milestone, SubStatus, TimePrecision};

/// Events that a fold remembers. Beyond it the oldest that cannot change the outcome are dropped.
pub const ENTRIES_MAX: usize = 64;
/// Milestones in a status.
pub const HISTORY_MAX: usize = 32;
/// Sources that may tell of one shipment; a further one is not matched against the others.
pub const SOURCES_MAX: usize = 8;

const MINUTE: Micros = 60_000_000;

/// What the fold keeps of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    event: [u8; 16],
    occurred_at: Option<Micros>,
    wall_clock: Option<Micros>,
    precision: Option<TimePrecision>,
    received_at: Micros,
    milestone: Milestone,
    sub_status: Option<u8>,
    reason: Option<u8>,
    fault: Option<Fault>,
    action_required: bool,
    leg: Leg,
    /// Bit per index in [`Fold::sources`].
    told_by: u8,
}

impl Entry {
    fn of(event: &ShipmentEvent, source: Option<usize>) -> Self {
        Self {
            event: dedup::unhex(&event.dedup_key).unwrap_or_default(),
            occurred_at: event.occurred_at,
            wall_clock: event.occurred_local.as_deref().and_then(wall_clock_micros),
            precision: event.time_precision,
            received_at: event.received_at,
            milestone: event.milestone,
            sub_status: event.sub_status.and_then(|s| position(SubStatus::ALL, s)),
            reason: event.exception_reason.and_then(|r| position(ExceptionReason::ALL, r)),
            fault: event.fault,
            action_required: event.action_required,
            leg: event.leg,
            told_by: source.map_or(0, |i| 1 << i),
        }
    }

    /// Where it stands in time: UTC where known, else the wall clock taken as UTC, else when it reached us.
    fn moment(&self) -> Micros {
        self.occurred_at.or(self.wall_clock).unwrap_or(self.received_at)
    }

    fn order(&self) -> (Micros, Milestone, [u8; 16]) {
        (self.moment(), self.milestone, self.event)
    }

    fn sub_status(&self) -> Option<SubStatus> {
        self.sub_status.and_then(|i| SubStatus::ALL.get(usize::from(i)).copied())
    }

    fn reason(&self) -> Option<ExceptionReason> {
        self.reason.and_then(|i| ExceptionReason::ALL.get(usize::from(i)).copied())
    }

    fn moves(&self) -> bool {
        !matches!(self.milestone, Milestone::Info | Milestone::Unknown)
    }

    fn local(&self) -> Option<String> {
        let stamp = jiff::Timestamp::from_microsecond(self.wall_clock?).ok()?;
        let form = match self.precision {
            Some(TimePrecision::Date) => "%Y-%m-%d",
            Some(TimePrecision::Minute) => "%Y-%m-%dT%H:%M",
            _ => "%Y-%m-%dT%H:%M:%S",
        };
        Some(stamp.strftime(form).to_string())
    }

    /// The same happening as told by another source: same milestone, same wall clock as exactly as both tell it.
    fn is_told_by_other(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.wall_clock, other.wall_clock) else { return false };
        let to_the_minute = self.precision == Some(TimePrecision::Minute) || other.precision == Some(TimePrecision::Minute);
        let dated = self.precision == Some(TimePrecision::Date) || other.precision == Some(TimePrecision::Date);
        let same_time = if to_the_minute { a.div_euclid(MINUTE) == b.div_euclid(MINUTE) } else { a == b };
        same_time && !dated && self.milestone == other.milestone && self.moves() && self.told_by & other.told_by == 0
    }
}

fn position<T: PartialEq>(all: &[T], word: T) -> Option<u8> {
    all.iter().position(|w| *w == word).and_then(|i| u8::try_from(i).ok())
}

/// What taking an event into the fold came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A new happening.
    New,
    /// Another source has told it before.
    ToldByOther,
    /// This telling was taken in before.
    Known,
}

/// Moment and id of a happening, and when this telling of it reached us: of two tellings the greater knows better.
type Telling = (Micros, [u8; 16], Micros);

/// All that is remembered of one shipment with one carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Carrier code.
    pub carrier: String,
    /// Tracking number as last told.
    pub tracking_number: String,
    sources: Vec<String>,
    entries: Vec<Entry>,
    eta: Option<(Telling, Eta)>,
    pod: Option<(Telling, PodMemory)>,
    /// Events taken in.
    pub events: i32,
    /// When the newest reached us.
    pub received_at: Micros,
    /// Counts the changes that were published.
    pub version: i64,
}

/// A proof of delivery with its coordinates as bits, so that memories can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PodMemory {
    signed_by: Option<String>,
    relation: Option<String>,
    signature_ref: Option<String>,
    photo_ref: Option<String>,
    position: Option<(u64, u64)>,
    delivered_to: Option<String>,
}

impl From<&ProofOfDelivery> for PodMemory {
    fn from(p: &ProofOfDelivery) -> Self {
        Self {
            signed_by: p.signed_by.clone(),
            relation: p.relation.clone(),
            signature_ref: p.signature_ref.clone(),
            photo_ref: p.photo_ref.clone(),
            position: p.latitude.zip(p.longitude).map(|(a, b)| (a.to_bits(), b.to_bits())),
            delivered_to: p.delivered_to.clone(),
        }
    }
}

impl From<&PodMemory> for ProofOfDelivery {
    fn from(p: &PodMemory) -> Self {
        Self {
            signed_by: p.signed_by.clone(),
            relation: p.relation.clone(),
            signature_ref: p.signature_ref.clone(),
            photo_ref: p.photo_ref.clone(),
            latitude: p.position.map(|(a, _)| f64::from_bits(a)),
            longitude: p.position.map(|(_, b)| f64::from_bits(b)),
            delivered_to: p.delivered_to.clone(),
        }
    }
}

impl Fold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new(carrier: &str, tracking_number: &str) -> Self {
        Self {
            carrier: carrier.to_owned(),
            tracking_number: tracking_number.to_owned(),
            sources: Vec::new(),
            entries: Vec::new(),
            eta: None,
            pod: None,
            events: 0,
            received_at: 0,
            version: 0,
        }
    }

    /// Takes in an event that has not been seen under its own key.
    pub fn take(&mut self, event: &ShipmentEvent) -> Taken {
        let entry = Entry::of(event, self.source_index(&event.source));
        self.received_at = self.received_at.max(event.received_at);
        self.take_eta_and_pod(event, &entry);
        // The key was forgotten with the window, the shipment lives on: carriers resend whole histories.
        if self.entries.iter().any(|e| e.event == entry.event) {
            return Taken::Known;
        }
        if let Some(told) = self.entries.iter_mut().find(|e| e.is_told_by_other(&entry)) {
            told.told_by |= entry.told_by;
            told.occurred_at = told.occurred_at.or(entry.occurred_at);
            self.entries.sort_by_key(Entry::order);
            return Taken::ToldByOther;
        }
        event.tracking_number.clone_into(&mut self.tracking_number);
        self.events = self.events.saturating_add(1);
        let at = self.entries.partition_point(|e| e.order() < entry.order());
        self.entries.insert(at, entry);
        self.drop_what_cannot_matter();
        Taken::New
    }

    /// Takes what a repeated telling of a known happening says beyond the first one: carriers hand in proof of delivery
    /// and a new estimate under the scan that they have told before. Says whether there was any.
    pub fn take_again(&mut self, event: &ShipmentEvent) -> bool {
        self.take_eta_and_pod(event, &Entry::of(event, None))
    }

    fn source_index(&mut self, source: &str) -> Option<usize> {
        if let Some(i) = self.sources.iter().position(|s| s == source) {
            return Some(i);
        }
        (self.sources.len() < SOURCES_MAX).then(|| {
            self.sources.push(source.to_owned());
            self.sources.len() - 1
        })
    }

    fn take_eta_and_pod(&mut self, event: &ShipmentEvent, entry: &Entry) -> bool {
        let telling = (entry.moment(), entry.event, event.received_at);
        let eta = event.eta.as_ref().filter(|_| self.eta.as_ref().is_none_or(|(known, _)| *known < telling));
        let pod = event.pod.as_ref().filter(|_| self.pod.as_ref().is_none_or(|(known, _)| *known < telling));
        let more = eta.is_some() || pod.is_some();
        if let Some(eta) = eta {
            self.eta = Some((telling, eta.clone()));
        }
        if let Some(pod) = pod {
            self.pod = Some((telling, pod.into()));
        }
        more
    }

    /// The oldest `info`, `unknown` and then `in_transit` entries have no say in the outcome once newer ones stand.
    fn drop_what_cannot_matter(&mut self) {
        if self.entries.len() <= ENTRIES_MAX {
            return;
        }
        let oldest = |milestones: &[Milestone]| self.entries.iter().position(|e| milestones.contains(&e.milestone));
        let victim = oldest(&[Milestone::Info, Milestone::Unknown]).or_else(|| oldest(&[Milestone::InTransit])).unwrap_or(0);
        self.entries.remove(victim);
    }

    /// The entries that changed where the parcel stands, in the order in which they happened.
    fn path(&self) -> Vec<&Entry> {
        let mut path: Vec<&Entry> = Vec::new();
        for entry in self.entries.iter().filter(|e| e.moves()) {
            if path.last().is_none_or(|current| may_follow(current, entry)) {
                path.push(entry);
            }
        }
        path
    }

    /// Where the shipment stands. The same events give the same answer whatever the order of arrival.
    #[must_use]
    pub fn status(&self, shipment_key: &str) -> ShipmentStatus {
        let path = self.path();
        let current = path.last();
        let mut history: Vec<MilestoneReached> = Vec::new();
        for entry in &path {
            let again = history.last().is_some_and(|h| h.milestone == entry.milestone && h.exception_reason == entry.reason());
            if !again {
                history.push(reached(entry));
            }
        }
        if history.len() > HISTORY_MAX {
            history.drain(..history.len() - HISTORY_MAX);
        }
        let attempts = self.entries.iter().filter(|e| e.milestone == Milestone::DeliveryAttempted).count();
        ShipmentStatus {
            shipment_key: shipment_key.to_owned(),
            tracking_number: self.tracking_number.clone(),
            carrier: self.carrier.clone(),
            delivery_key: None,
            milestone: current.map_or(Milestone::Unknown, |e| e.milestone),
            sub_status: current.and_then(|e| e.sub_status()),
            exception_reason: current.and_then(|e| e.reason()),
            fault: current.and_then(|e| e.fault),
            action_required: current.is_some_and(|e| e.action_required),
            leg: current.map_or(Leg::Forward, |e| e.leg),
            event_id: current.map(|e| dedup::uuid(&e.event)),
            occurred_at: current.and_then(|e| e.occurred_at),
            occurred_local: current.and_then(|e| e.local()),
            history,
            eta: self.eta.as_ref().map(|(_, eta)| eta.clone()),
            pod: self.pod.as_ref().map(|(_, pod)| pod.into()),
            attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
            events: self.events,
            version: self.version,
            received_at: self.received_at,
        }
    }
}

fn reached(entry: &Entry) -> MilestoneReached {
    MilestoneReached {
        milestone: entry.milestone,
        sub_status: entry.sub_status(),
        exception_reason: entry.reason(),
        event_id: dedup::uuid(&entry.event),
        occurred_at: entry.occurred_at,
        occurred_local: entry.local(),
    }
}

/// Whether a later happening may change where the parcel stands.
///
/// After `delivered` only a return or a correction does; `returned` and `disposed` yield to a correction alone;
/// a parcel on its way back stays so until it is back, delivered after all, lost or destroyed; a lost or cancelled
/// one that moves again was neither; and an announcement never takes a parcel back to paper.
fn may_follow(current: &Entry, next: &Entry) -> bool {
    use Milestone as M;
    if next.sub_status() == Some(SubStatus::Correction) {
        return true;
    }
    match current.milestone {
        M::Delivered => matches!(next.milestone, M::Returning | M::Returned),
        M::Returned | M::Disposed => false,
        M::Returning => matches!(next.milestone, M::Returned | M::Delivered | M::Lost | M::Disposed),
        M::Lost | M::Cancelled => !matches!(next.milestone, M::Announced | M::Expired | M::Exception),
        _ => next.milestone != M::Announced,
    }
}

/// Whether nothing more is expected of the carrier.
#[must_use]
pub fn is_final(milestone: Milestone) -> bool {
    use Milestone as M;
    matches!(milestone, M::Delivered | M::Returned | M::Cancelled | M::Lost | M::Disposed | M::Expired)
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
