//! The answer of the ParcelLifeCycle service, read into happenings.

use super::super::codes::Meaning;
use super::super::event::{self, Happening, Shipment};
use super::super::parsed::{Gathered, Parsed};
use super::super::times::{self, Sent};
use super::super::xml::{self, Node};
use super::super::{DialectSettings, RawMessage};
use super::{MAPPING_VERSION, SOURCE, TABLE, clock};
use crate::domain::event::{Place, RawCode, ShipmentEvent};
use crate::domain::verdict::Park;

/// Reads an answer: the statuses that have been reached; those still to come are a plan. DPD does not repeat the number
/// that was asked for: whoever asked puts a `parcelLabelNumber` into the envelope, at any depth; into each result where there are several.
pub(super) fn parse(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Parsed, Park> {
    let text = xml::text(message, settings)?;
    let document = xml::read(&text)?;
    let root = document.root();
    let results: Vec<_> = root.into_iter().flat_map(|root| root.find_all("trackingresult")).collect();
    if results.is_empty() {
        return Err(xml::not_tracking("no tracking result"));
    }
    let number = |node: Node<'_>| node.find("parcelLabelNumber").and_then(Node::text).map(str::to_owned);
    // The number of an envelope is that of its one result.
    let of_all = root.and_then(number).filter(|_| results.len() == 1);
    let mut gathered = Gathered::default();
    for result in results {
        let reached: Vec<_> =
            result.all("statusInfo").filter(|s| matches!(s.told(&["statusHasBeenReached"]), Some("true" | "1"))).collect();
        if reached.is_empty() {
            continue;
        }
        if gathered.len() + reached.len() > settings.events_max {
            return Err(xml::too_many(settings.events_max));
        }
        let number = number(result).or_else(|| of_all.clone());
        let shipment = Shipment::new(message, (SOURCE, MAPPING_VERSION), SOURCE.into(), &[number.as_deref()]);
        gathered.add(shipment.map(|shipment| {
            let mut told: Vec<_> = reached.into_iter().map(|status| event(&shipment, status, settings)).collect();
            event::settle_returns(&mut told, false);
            told
        }))?;
    }
    gathered.finish(|| xml::not_tracking("no status has been reached"))
}

fn event(shipment: &Shipment<'_>, status: Node<'_>, settings: &DialectSettings) -> ShipmentEvent {
    let sent_code = status.told(&["status"]);
    let code = sent_code.map(str::to_ascii_uppercase);
    let place = status.told(&["location", "content"]).and_then(place);
    let date = status.told(&["date", "content"]);
    let sent = date.and_then(clock::spelled);
    let meaning = code.as_deref().and_then(|code| TABLE.get("status", code, "")).unwrap_or(Meaning::UNKNOWN);
    let happening = Happening {
        raw_code: RawCode { kind: None, code: sent_code.map(str::to_owned), sub_code: None },
        identity: (None, code),
        time_key: sent.as_ref().map(Sent::digits).or_else(|| date.map(str::to_owned)).unwrap_or_default(),
        told: sent.as_ref().map(|s| times::by_zone(s, place.as_ref(), settings)),
        description: description(status),
        place,
    };
    shipment.event(happening, meaning)
}

/// The paragraphs of the description; without one the label.
fn description(status: Node<'_>) -> Option<String> {
    let paragraphs = status.child("description").into_iter().flat_map(|d| d.all("content")).filter_map(|p| p.told(&["content"]));
    let text = paragraphs.map(xml::words).collect::<Vec<_>>().join(" ");
    if text.is_empty() { status.told(&["label", "content"]).map(xml::words) } else { Some(text) }
}

/// `Mechelen (BE)`.
fn place(text: &str) -> Option<Place> {
    let (city, country) = match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((city, country)) if country.len() == 2 => (city.trim(), Some(country)),
        _ => (text, None),
    };
    event::place((!city.is_empty()).then(|| xml::words(city)), None, None, country, None)
}
