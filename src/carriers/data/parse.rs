//! From a tree to events, as a description says.

use serde_json::Value;

use super::super::codes::Meaning;
use super::super::event::{self, Happening, Shipment};
use super::super::parsed::{Gathered, Parsed};
use super::super::{DialectSettings, RawMessage, json, names, own};
use super::check::{ANY, Described, PodPaths};
use super::description::Same;
use super::tree;
use super::when::TimePaths;
use crate::domain::event::{Eta, Label, Place, ProofOfDelivery, RawCode, ShipmentEvent};
use crate::domain::verdict::Park;
use crate::domain::vocabulary::Milestone;

/// Reads one message.
pub(super) fn parse(described: &Described, message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Parsed, Park> {
    let body = tree::read(described.payload, described.delimiter, message, settings)?;
    let shipments = described.shipments.as_ref().map_or_else(|| vec![&body], |path| path.all(&body));
    let reader = Reader { described, message, settings };
    let mut gathered = Gathered::default();
    let (mut numbered, mut listed) = (false, false);
    for shipment in shipments {
        let told = described.events.as_ref().map_or_else(|| vec![shipment], |path| path.all(shipment));
        if told.len() + gathered.len() > settings.events_max {
            return Err(json::too_many(settings.events_max));
        }
        numbered |= described.number.text(shipment).is_some();
        listed |= !told.is_empty();
        gathered.add(reader.shipment(shipment, &told))?;
    }
    gathered.finish(|| match (numbered, listed) {
        (true, true) => json::missing("code"),
        (true, false) => json::missing("an event in the parcel"),
        (false, _) => json::not_tracking("nothing where the description looks for parcels and events"),
    })
}

struct Reader<'a> {
    described: &'a Described,
    message: &'a RawMessage<'a>,
    settings: &'a DialectSettings,
}

impl<'a> Reader<'a> {
    /// The events of one shipment, or of as many as its events have numbers.
    fn shipment(&self, node: &Value, told: &[&Value]) -> Result<Vec<ShipmentEvent>, Park> {
        let paths = &self.described.event;
        let mut current: Option<(Option<String>, Shipment<'a>)> = None;
        let mut events = Vec::with_capacity(told.len());
        for value in told {
            let (kind, code) = (paths.kind.owned(value), paths.code.owned(value));
            if kind.is_none() && code.is_none() && paths.description.text(value).is_none() {
                continue;
            }
            let number = paths.number.owned(value);
            let shipment = match current.take().filter(|(of, _)| *of == number) {
                Some((_, shipment)) => shipment,
                None => self.shipment_of(node, value)?,
            };
            events.push(self.event(&shipment, value, kind, code));
            current = Some((number, shipment));
        }
        self.facts(node, &mut events);
        Ok(events)
    }

    fn shipment_of(&self, node: &Value, value: &Value) -> Result<Shipment<'a>, Park> {
        let described = self.described;
        let numbers: Vec<_> = described.event.number.texts(value).chain(described.number.texts(node)).collect();
        let numbers: Vec<_> = numbers.iter().map(|number| Some(number.as_ref())).collect();
        let told = described.carrier_paths.text(value).or_else(|| described.carrier_paths.text(node));
        let carrier = match (told, &described.carrier) {
            (Some(told), _) => names::carrier(Some(&told)),
            (None, Some(carrier)) => Label::Owned(carrier.clone()),
            (None, None) => names::carrier(None),
        };
        Shipment::new(self.message, (described.id.clone(), described.mapping_version.clone()), carrier, &numbers)
    }

    fn event(&self, shipment: &Shipment<'_>, value: &Value, kind: Option<String>, code: Option<String>) -> ShipmentEvent {
        let described = self.described;
        let paths = &described.event;
        let sub_code = paths.sub_code.owned(value);
        let place = event::place(
            paths.place.city.owned(value),
            paths.place.state.owned(value),
            paths.place.postal_code.owned(value),
            paths.place.country.text(value).as_deref(),
            paths.place.facility.owned(value),
        );
        let time = described.times.told(&paths.time, value, place.as_ref(), self.settings);
        let meaning = self.meaning(kind.as_deref(), code.as_deref(), sub_code.as_deref());
        let id = paths.id.owned(value);
        let by = |same: Same| described.same.contains(&same);
        let mut same_code = code.clone().filter(|_| by(Same::Code));
        if by(Same::SubCode)
            && let Some(sub_code) = &sub_code
        {
            same_code = Some(format!("{} {sub_code}", same_code.unwrap_or_default()));
        }
        let same_time = time.as_ref().filter(|_| by(Same::Time)).map(|(sent, told)| own::time_key(shipment.carrier(), sent, told));
        let told = time.map(|(_, told)| told);
        let happening = Happening {
            identity: (kind.clone().filter(|_| by(Same::Type)), same_code),
            raw_code: RawCode { kind, code, sub_code },
            time_key: same_time.unwrap_or_default(),
            told,
            description: paths.description.owned(value),
            place,
        };
        let mut event = shipment.event_same_by(happening, meaning, by(Same::Place), id.as_deref().filter(|_| by(Same::Id)));
        event.source_event_id = id;
        if event.milestone == Milestone::Delivered {
            event.pod = pod(&paths.pod, value);
        } else {
            event.eta = paths.eta.as_ref().and_then(|eta| self.eta(eta, value, event.place.as_ref()));
        }
        event
    }

    /// What exactly this code means, else with any sub-code, else any code of the type, else the code of any type.
    fn meaning(&self, kind: Option<&str>, code: Option<&str>, sub_code: Option<&str>) -> Meaning {
        let table = &self.described.table;
        let code = code.unwrap_or("-");
        let of = |kind: &str| {
            let exact = sub_code.and_then(|sub_code| table.get(kind, code, sub_code));
            exact.or_else(|| table.get(kind, code, "")).or_else(|| table.get(kind, ANY, ""))
        };
        kind.and_then(of).or_else(|| of(ANY)).unwrap_or(Meaning::UNKNOWN)
    }

    /// What is true of the parcel now goes to its newest event; the proof of delivery to the newest delivery.
    fn facts(&self, node: &Value, events: &mut [ShipmentEvent]) {
        let newest_first = self.described.newest_first;
        if let Some(pod) = pod(&self.described.pod, node)
            && let Some(event) = event::newest(events, newest_first, |e| e.milestone == Milestone::Delivered)
        {
            event.pod = Some(pod);
        }
        let Some(paths) = &self.described.eta else { return };
        let Some(eta) = self.eta(paths, node, None) else { return };
        if let Some(event) = event::newest(events, newest_first, |_| true).filter(|e| e.milestone != Milestone::Delivered) {
            event.eta = Some(eta);
        }
    }

    fn eta(&self, paths: &TimePaths, value: &Value, place: Option<&Place>) -> Option<Eta> {
        let (sent, told) = self.described.times.told(paths, value, place, self.settings)?;
        Some(Eta { to: told.at, to_local: told.local.or_else(|| sent.wall()), source: Some(self.described.id.clone()), ..Eta::default() })
    }
}

fn pod(paths: &PodPaths, value: &Value) -> Option<ProofOfDelivery> {
    let pod = ProofOfDelivery {
        signed_by: paths.signed_by.owned(value),
        delivered_to: paths.delivered_to.owned(value),
        signature_ref: paths.signature_ref.owned(value),
        photo_ref: paths.photo_ref.owned(value),
        ..ProofOfDelivery::default()
    };
    (pod != ProofOfDelivery::default()).then_some(pod)
}
