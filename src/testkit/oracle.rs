//! Judges what a run has left behind: C1, C2, C3, C5 and C6, from the input and from what was read back of every topic.
//!
//! It takes plain data, so that whoever reads the cluster may use any client; it knows nothing of how the services work.

mod finance;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use finance::{Books, EntryInOdoo};

use super::generator::{ODOO, Run, SERIAL};
use crate::domain::delivery::{DeliveryStatus, ShipmentStatus, delivery_milestone};
use crate::domain::event::ShipmentEvent;
use crate::domain::fold::Fold;
use crate::domain::record::Record;
use crate::domain::verdict::Code;
use crate::domain::vocabulary::Milestone;
use crate::engine::conservation::Counts;
use crate::engine::dead_letter::header;
use crate::odoo::effects::{Action, PlanSettings, plan};
use crate::schema::codec::Codecs;

/// Findings of one kind that are told; beyond it they are counted.
const TOLD_MAX: usize = 8;

/// Inputs of every service, without prefix.
pub const INPUTS: &[(&str, &[&str])] = &[
    (
        "carrier-normalizer",
        &[
            "raw.carrier.ups",
            "raw.carrier.fedex",
            "raw.carrier.easypost",
            "raw.carrier.x12-214",
            "raw.carrier.x12-ship",
            "raw.carrier.ups-billing",
        ],
    ),
    ("odoo-normalizer", &["raw.odoo.main", "odoo.images", "shipment.notices"]),
    ("shipment-tracker", &["shipment.observations", "shipment.links", "shipment.parcels", "source.counts"]),
    ("odoo-writer", &["delivery.status", "odoo.commands"]),
    (
        "finance-accrual",
        &["finance.facts", "delivery.status", "erp.deliveries", "freight.charges", "freight.invoices", "exception.decisions"],
    ),
];

/// One record as `read_committed` shows it.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Read {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).and_then(|(_, v)| std::str::from_utf8(v).ok())
    }
}

/// Where a group stands in a partition.
#[derive(Debug, Clone, Default)]
pub struct Stand {
    /// Service, which is the group without prefix.
    pub service: String,
    /// Topic without prefix.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset; `None` where nothing was committed.
    pub next: Option<i64>,
    /// What was committed beside it.
    pub metadata: String,
}

/// What a run has left behind.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Prefix of all topics.
    pub prefix: String,
    /// Records of every topic (without prefix), those of one partition in the order of their offsets.
    pub topics: BTreeMap<String, Vec<Read>>,
    /// Every partition of every input of every service that took part.
    pub stands: Vec<Stand>,
    /// `message_id` of every note in Odoo, by picking.
    pub notes: BTreeMap<i64, Vec<String>>,
    /// Attachments and activities in Odoo, each in words that say which it is.
    pub others: Vec<String>,
    /// Every entry and bill in Odoo.
    pub entries: Vec<EntryInOdoo>,
}

/// Everything that is wrong; empty when the guarantee was kept.
#[must_use]
pub fn judge(run: &Run, evidence: &Evidence, codecs: &Codecs) -> Vec<String> {
    let mut judge = Judge { run, evidence, codecs, findings: BTreeMap::new() };
    judge.conservation();
    judge.dead_letters();
    let events = judge.events();
    let statuses = judge.statuses(&events);
    let deliveries = judge.deliveries(&statuses);
    judge.exceptions();
    judge.odoo(&deliveries);
    if evidence.takes_part(finance::SERVICE) {
        judge.finance();
    }
    judge.findings.into_iter().flat_map(|(kind, found)| told(kind, found)).collect()
}

impl Evidence {
    /// Whether a service was there to be judged.
    fn takes_part(&self, service: &str) -> bool {
        self.stands.iter().any(|stand| stand.service == service)
    }
}

fn told(kind: &'static str, found: Vec<String>) -> Vec<String> {
    let more = found.len().saturating_sub(TOLD_MAX);
    let mut lines: Vec<String> = found.into_iter().take(TOLD_MAX).map(|f| format!("{kind}: {f}")).collect();
    if more > 0 {
        lines.push(format!("{kind}: and {more} more"));
    }
    lines
}

/// Shipment key and carrier: what has a status of its own.
type ParcelKey = (String, String);

struct Judge<'a> {
    run: &'a Run,
    evidence: &'a Evidence,
    codecs: &'a Codecs,
    findings: BTreeMap<&'static str, Vec<String>>,
}

impl<'a> Judge<'a> {
    fn find(&mut self, kind: &'static str, what: String) {
        self.findings.entry(kind).or_default().push(what);
    }

    fn reads(&self, topic: &str) -> &'a [Read] {
        self.evidence.topics.get(topic).map_or(&[], Vec::as_slice)
    }

    /// The code under which a record must be parked, where it was produced as poison.
    fn poison(&self, read: &Read) -> Option<Code> {
        let serial = read.header(SERIAL)?.parse::<usize>().ok()?;
        self.run.records.get(serial)?.poison
    }

    fn records(&mut self, topic: &str, name: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for read in self.reads(topic) {
            if self.poison(read).is_some() {
                continue;
            }
            match read.value.as_deref().map(|v| self.codecs.decode(name, v)) {
                Some(Ok(record)) => records.push(record),
                other => self.find("unreadable", format!("{topic}/{}/{}: {other:?}", read.partition, read.offset)),
            }
        }
        records
    }

    /// C1: what a service took in is what was in its topics, and everything ended in one of three ways.
    fn conservation(&mut self) {
        // Other topics have what the services write besides.
        for (topic, expected) in self.run.by_topic().into_iter().filter(|(topic, _)| topic.starts_with("raw.")) {
            let found = self.reads(topic).len();
            if found != expected {
                self.find("C1", format!("{topic} has {found} records where {expected} were produced"));
            }
        }
        for (service, topics) in INPUTS.iter().filter(|(service, _)| self.evidence.takes_part(service)) {
            let mut dead = 0;
            for topic in *topics {
                let mut sum = Counts::default();
                for stand in self.evidence.stands.iter().filter(|s| s.service == *service && s.topic == *topic) {
                    match Counts::from_metadata(&stand.metadata) {
                        Some(counts) => sum = sum.plus(counts),
                        None if stand.next.is_none() => {}
                        None => self.find("C1", format!("{service} {topic}/{}: no counts: {:?}", stand.partition, stand.metadata)),
                    }
                }
                let there = self.reads(topic).len() as u64;
                if sum.consumed != there || !sum.conserved() {
                    self.find("C1", format!("{service} {topic}: {there} records, counted {sum:?}"));
                }
                dead += sum.dead_lettered;
            }
            let letters = self.reads(&format!("{service}.dlq")).len() as u64;
            if letters != dead {
                self.find("C1", format!("{service}: {dead} counted as dead letters, {letters} in the topic"));
            }
        }
    }

    /// Each poison is among the dead letters once, as it came, with its code and its origin; and nothing else is.
    fn dead_letters(&mut self) {
        let mut expected: BTreeMap<(String, i32, i64), (&Read, String)> = BTreeMap::new();
        for topic in INPUTS.iter().flat_map(|(_, topics)| *topics) {
            for read in self.reads(topic) {
                if let Some(code) = self.poison(read) {
                    let place = (format!("{}{topic}", self.evidence.prefix), read.partition, read.offset);
                    expected.insert(place, (read, code.to_string()));
                }
            }
        }
        for (service, _) in INPUTS {
            for letter in self.reads(&format!("{service}.dlq")) {
                let number = |name| letter.header(name).and_then(|n| n.parse::<i64>().ok()).unwrap_or(-1);
                let partition = i32::try_from(number(header::PARTITION)).unwrap_or(-1);
                let place = (letter.header(header::TOPIC).unwrap_or_default().to_owned(), partition, number(header::OFFSET));
                let code = letter.header(header::CODE).unwrap_or_default();
                match expected.remove(&place) {
                    Some((read, wanted)) if wanted == code && read.value == letter.value && letter.headers.starts_with(&read.headers) => {}
                    Some((_, wanted)) => {
                        self.find("dead letters", format!("{place:?} has code {code} for {wanted}, or other bytes or headers"));
                    }
                    None => self.find("dead letters", format!("{place:?} {code} {:?}: twice or for nothing", letter.header(header::CAUSE))),
                }
            }
        }
        for place in expected.into_keys() {
            self.find("dead letters", format!("{place:?} is missing"));
        }
    }

    /// C2: every happening is published once, and nothing else is.
    fn events(&mut self) -> Vec<ShipmentEvent> {
        let mut ids = BTreeSet::new();
        let mut found: BTreeMap<(String, String, Milestone, String), usize> = BTreeMap::new();
        let mut events = Vec::new();
        for record in self.records("shipment.events", "ShipmentEvent") {
            let Record::ShipmentEvent(event) = record else { continue };
            if !ids.insert(event.event_id.clone()) {
                self.find("C2", format!("event {} of {} is there twice", event.event_id, event.shipment_key));
            }
            let minute: String = event.occurred_local.iter().flat_map(|l| l.chars().take(16)).collect();
            *found.entry((event.shipment_key.clone(), event.carrier.to_string(), event.milestone, minute)).or_default() += 1;
            events.push(*event);
        }
        for parcel in &self.run.parcels {
            for (milestone, minute) in &parcel.happenings {
                let place = (parcel.key.clone(), parcel.carrier.to_owned(), *milestone, minute.clone());
                match found.remove(&place) {
                    Some(1) => {}
                    count => self.find("C2", format!("{place:?} is there {} times", count.unwrap_or(0))),
                }
            }
        }
        for place in found.into_keys() {
            self.find("C2", format!("{place:?} never happened"));
        }
        events
    }

    /// C3 and C6: versions of a shipment rise by one, and the last status is the fold of its events.
    fn statuses(&mut self, events: &[ShipmentEvent]) -> BTreeMap<ParcelKey, ShipmentStatus> {
        let mut last: BTreeMap<ParcelKey, ShipmentStatus> = BTreeMap::new();
        for record in self.records("shipment.status", "ShipmentStatus") {
            let Record::ShipmentStatus(status) = record else { continue };
            let key = (status.shipment_key.clone(), status.carrier.clone());
            let before = last.get(&key).map_or(0, |s| s.version);
            if status.version != before + 1 {
                self.find("C3", format!("shipment {key:?}: version {} after {before}", status.version));
            }
            last.insert(key, *status);
        }
        let mut folds: BTreeMap<ParcelKey, Fold> = BTreeMap::new();
        for event in events {
            let key = (event.shipment_key.clone(), event.carrier.to_string());
            folds.entry(key).or_insert_with(|| Fold::new(&event.carrier, &event.tracking_number)).take(event);
        }
        for (key, fold) in folds {
            let expected = fold.status(&key.0);
            let Some(status) = last.get(&key) else {
                self.find("C6", format!("shipment {key:?} has no status"));
                continue;
            };
            let of =
                |s: &ShipmentStatus| (s.milestone, s.sub_status, s.exception_reason, s.event_id.clone(), s.history.clone(), s.attempts);
            if of(status) != of(&expected) {
                self.find("C6", format!("shipment {key:?} stands at {:?}, its events say {:?}", of(status), of(&expected)));
            }
        }
        for parcel in &self.run.parcels {
            let key = (parcel.key.clone(), parcel.carrier.to_owned());
            let (stands, told) = (last.get(&key).map(|s| s.milestone), parcel.happenings.last().map(|h| h.0));
            if stands != told {
                self.find("C6", format!("shipment {key:?} stands at {stands:?} and was last {told:?}"));
            }
        }
        last
    }

    /// The same for deliveries: their parcels are those that Odoo has, each as its shipment stands.
    fn deliveries(&mut self, shipments: &BTreeMap<ParcelKey, ShipmentStatus>) -> BTreeMap<String, DeliveryStatus> {
        let mut last: BTreeMap<String, DeliveryStatus> = BTreeMap::new();
        for record in self.records("delivery.status", "DeliveryStatus") {
            let Record::DeliveryStatus(status) = record else { continue };
            let before = last.get(&status.delivery_key).map_or(0, |s| s.version);
            if status.version != before + 1 {
                self.find("C3", format!("delivery {}: version {} after {before}", status.delivery_key, status.version));
            }
            last.insert(status.delivery_key.clone(), *status);
        }
        let by_key: HashMap<&str, &ShipmentStatus> = shipments.iter().map(|((key, _), s)| (key.as_str(), s)).collect();
        for picking in &self.run.pickings {
            let key = picking.delivery_key();
            let Some(status) = last.get(&key) else {
                self.find("C6", format!("delivery {key} has no status"));
                continue;
            };
            let mut expected: Vec<ShipmentStatus> =
                picking.parcels.iter().filter_map(|p| by_key.get(p.as_str()).copied().cloned()).collect();
            expected.sort_by(|a, b| (&a.shipment_key, &a.carrier).cmp(&(&b.shipment_key, &b.carrier)));
            let parcels: Vec<ShipmentStatus> = status.parcels.iter().map(|p| ShipmentStatus { delivery_key: None, ..p.clone() }).collect();
            let of = |s: &ShipmentStatus| (s.shipment_key.clone(), s.milestone, s.version, s.history.clone());
            if parcels.iter().map(of).collect::<Vec<_>>() != expected.iter().map(of).collect::<Vec<_>>() {
                let short =
                    |all: &[ShipmentStatus]| all.iter().map(|s| (s.shipment_key.clone(), s.milestone, s.version)).collect::<Vec<_>>();
                self.find("C6", format!("delivery {key} has {:?}, its shipments say {:?}", short(&parcels), short(&expected)));
            }
            let milestones: Vec<Milestone> = expected.iter().map(|s| s.milestone).collect();
            if status.milestone != delivery_milestone(&milestones) {
                self.find("C6", format!("delivery {key} stands at {:?} with parcels at {milestones:?}", status.milestone));
            }
        }
        last
    }

    /// C2 for what a person must decide: each case is opened once and cleared once.
    fn exceptions(&mut self) {
        let mut seen = BTreeSet::new();
        for record in self.records("exceptions", "ExceptionRaised") {
            let Record::ExceptionRaised(case) = record else { continue };
            if case.state == "cleared" && !seen.contains(&(case.exception_id.clone(), "open".to_owned())) {
                self.find("C3", format!("exception {} is cleared before it was open", case.exception_id));
            }
            if !seen.insert((case.exception_id.clone(), case.state.clone())) {
                self.find("C2", format!("exception {} is {} twice: {}", case.exception_id, case.state, case.summary));
            }
        }
    }

    /// C2 in Odoo: nothing is there twice, and every milestone that a delivery has in the end has its note.
    fn odoo(&mut self, deliveries: &BTreeMap<String, DeliveryStatus>) {
        let mut notes: BTreeMap<&str, usize> = BTreeMap::new();
        for id in self.evidence.notes.values().flatten() {
            *notes.entry(id).or_default() += 1;
        }
        for (id, _) in notes.iter().filter(|(_, count)| **count > 1) {
            self.find("C2", format!("note {id} is in Odoo twice"));
        }
        let mut others = BTreeSet::new();
        for other in &self.evidence.others {
            if !others.insert(other) {
                self.find("C2", format!("{other} is in Odoo twice"));
            }
        }
        let own = format!("{ODOO}:");
        for status in deliveries.values().filter(|s| s.delivery_key.starts_with(&own)) {
            let there = self.evidence.notes.get(&status.picking_id).map_or(&[][..], Vec::as_slice);
            for effect in plan(status, &PlanSettings::default()) {
                if let Action::Note { message_id, body } = &effect.action
                    && !there.contains(message_id)
                {
                    self.find("C2", format!("delivery {} has no note {body}", status.delivery_key));
                }
            }
        }
        let mut results = BTreeSet::new();
        for record in self.records("odoo.results", "OdooResult") {
            let Record::OdooResult(result) = record else { continue };
            if !results.insert(result.effect_id.clone()) {
                self.find("C2", format!("result of effect {} ({}) is told twice", result.effect_id, result.kind));
            }
        }
    }
}
