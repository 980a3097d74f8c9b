//! One way from what a dialect has read to a [`ShipmentEvent`].

use std::cmp::Ordering;

use super::RawMessage;
use super::codes::Meaning;
use crate::domain::dedup::{self, Identity};
use crate::domain::event::{Eta, Label, Piece, Place, RawCode, ShipmentEvent};
use crate::domain::ids;
use crate::domain::time::{Micros, Told};
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::{Actor, ExceptionReason, Leg, Milestone, SubStatus};

/// What all events of one shipment in one message have in common.
#[derive(Debug)]
pub struct Shipment<'a> {
    message: &'a RawMessage<'a>,
    source: Label,
    mapping_version: Label,
    carrier: Label,
    tracking_number: String,
    key: String,
    /// Which way the whole shipment goes, where the source says so.
    pub leg: Leg,
    /// Which piece of it the events are about, where the source tells pieces apart; part of their identity.
    pub piece: Option<Piece>,
}

/// One happening as a dialect has read it.
#[derive(Debug, Default)]
pub struct Happening {
    /// The code as sent.
    pub raw_code: RawCode,
    /// The carrier's own type and code, in one spelling for every way in which it may reach us.
    pub identity: (Option<String>, Option<String>),
    /// The time as sent, in one spelling; empty where none was sent.
    pub time_key: String,
    /// The same time, understood.
    pub told: Option<Told>,
    /// The source's words.
    pub description: Option<String>,
    /// Where.
    pub place: Option<Place>,
}

impl<'a> Shipment<'a> {
    /// Takes the first of the numbers that can be a tracking number.
    ///
    /// # Errors
    /// `MISSING_FIELD` where there is none, `BAD_TRACKING_NUMBER` where none can be believed.
    pub fn new(
        message: &'a RawMessage<'a>,
        (source, mapping_version): (impl Into<Label>, impl Into<Label>),
        carrier: Label,
        numbers: &[Option<&str>],
    ) -> Result<Self, Park> {
        let mut told = false;
        for number in numbers.iter().flatten() {
            told = true;
            if let Some(key) = believable(number) {
                let tracking_number = (*number).to_owned();
                let (source, mapping_version) = (source.into(), mapping_version.into());
                return Ok(Self { message, source, mapping_version, carrier, tracking_number, key, leg: Leg::Forward, piece: None });
            }
        }
        Err(if told {
            Park::new(Code::BAD_TRACKING_NUMBER, "no tracking number has this form")
        } else {
            Park::new(Code::MISSING_FIELD, "field is missing: tracking number")
        })
    }

    /// The number as the source wrote it.
    #[must_use]
    pub fn tracking_number(&self) -> &str {
        &self.tracking_number
    }

    /// Our id of the carrier.
    #[must_use]
    pub fn carrier(&self) -> &str {
        &self.carrier
    }

    /// The event of one happening; what only some sources tell (ETA, POD and so on) is filled in afterwards.
    #[must_use]
    pub fn event(&self, happening: Happening, meaning: Meaning) -> ShipmentEvent {
        let key = self.dedup_key(&happening, true, None);
        self.event_of(&key, happening, meaning)
    }

    /// The same for a source that says by itself what makes two tellings one: besides the happening's identity and time the
    /// place, the vendor's id, both or neither.
    #[must_use]
    pub fn event_same_by(&self, happening: Happening, meaning: Meaning, by_place: bool, vendor_id: Option<&str>) -> ShipmentEvent {
        let key = self.dedup_key(&happening, by_place, vendor_id);
        self.event_of(&key, happening, meaning)
    }

    fn event_of(&self, key: &[u8; 16], happening: Happening, meaning: Meaning) -> ShipmentEvent {
        let told = happening.told;
        let mut event = ShipmentEvent {
            event_id: dedup::uuid(key),
            dedup_key: dedup::hex(key),
            shipment_key: self.key.clone(),
            tracking_number: self.tracking_number.clone(),
            carrier: self.carrier.clone(),
            source: self.source.clone(),
            source_event_id: None,
            raw: self.message.raw.clone(),
            mapping_version: self.mapping_version.clone(),
            milestone: meaning.milestone,
            sub_status: meaning.sub_status,
            exception_reason: meaning.reason,
            fault: meaning.reason.map(ExceptionReason::usual_fault),
            action_required: meaning.reason.is_some_and(ExceptionReason::needs_person),
            actor: actor(meaning),
            leg: if matches!(meaning.milestone, Milestone::Returning | Milestone::Returned) { Leg::Return } else { self.leg },
            raw_code: happening.raw_code,
            raw_description: happening.description,
            occurred_at: told.as_ref().and_then(|t| t.at),
            offset_minutes: told.as_ref().and_then(|t| t.offset_minutes),
            time_precision: told.as_ref().map(|t| t.precision),
            time_source: told.as_ref().and_then(|t| t.source),
            occurred_local: told.and_then(|t| t.local),
            received_at: self.message.received_at,
            place: happening.place,
            piece: self.piece.clone(),
            attempt_no: None,
            pod: None,
            eta: None,
            cod: None,
            measures: None,
            partner: None,
            late: false,
            verified: false,
        };
        // At once, not when the whole message is read: what a parcel says once may stand in each of its events.
        bound(&mut event);
        event
    }

    /// City and country stand for the place: sources write postal codes and facilities at will.
    fn dedup_key(&self, happening: &Happening, by_place: bool, vendor_id: Option<&str>) -> [u8; 16] {
        let (kind, code) = &happening.identity;
        let place = happening.place.as_ref().filter(|_| by_place).map(|p| Place {
            city: p.city.as_ref().map(|c| c.to_uppercase()),
            country: p.country.clone(),
            ..Place::default()
        });
        Identity {
            carrier: &self.carrier,
            shipment_key: &self.key,
            piece: self.piece.as_ref(),
            raw_code: &RawCode { kind: kind.clone(), code: code.clone(), sub_code: None },
            time_as_sent: &happening.time_key,
            place: place.as_ref(),
            vendor_id,
        }
        .key()
    }
}

/// An aggregator's own code, where it keeps the carrier's to itself, as it stands in an identity. Such a code stands for so much that two
/// happenings of one second may have it: the words beside it tell them apart, whatever their case and blanks.
#[must_use]
pub fn coarse(code: Option<&str>, words: Option<&str>) -> Option<String> {
    let words = words.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase());
    match (code, words) {
        (Some(code), Some(words)) => Some(format!("{code}: {}", words.trim_end_matches('.'))),
        (code, words) => code.map(str::to_owned).or(words),
    }
}

/// No carrier has a number without a digit or with letters beyond ASCII: placeholders and mixed-up fields look like that.
pub(super) fn believable(number: &str) -> Option<String> {
    // Punctuation is no part of the key and is kept in every event: more of it than this is no number's spelling.
    if number.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let plain = number.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && number.bytes().any(|b| b.is_ascii_digit());
    if plain { ids::shipment_key(number) } else { None }
}

fn actor(meaning: Meaning) -> Option<Actor> {
    match (meaning.milestone, meaning.sub_status) {
        (Milestone::Unknown | Milestone::Info | Milestone::Expired, _) => None,
        (Milestone::Announced | Milestone::Cancelled, _) => Some(Actor::System),
        (_, Some(SubStatus::CustomsProcessing | SubStatus::CustomsReleased)) => Some(Actor::Customs),
        (_, Some(SubStatus::DroppedOff)) => Some(Actor::Shipper),
        (_, Some(SubStatus::LockerCollected)) => Some(Actor::Recipient),
        _ => Some(Actor::Carrier),
    }
}

/// Longest text of a source that is kept, an address of a picture: an event has to fit on a topic whatever was sent. The raw record has it all.
pub(super) const DESCRIPTION_BYTES_MAX: usize = 4096;
/// Longest words: ten thousand events may have the same ones.
const WORDS_BYTES_MAX: usize = 1024;
const TEXT_BYTES_MAX: usize = 512;
/// Longest tracking number as written, twice what its letters and digits may have.
const NUMBER_BYTES_MAX: usize = 2 * ids::TRACKING_NUMBER_CHARS_MAX;

/// The text up to a limit, at a boundary between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// Cuts every text that a source may have made long. Each event of each dialect goes through here.
pub(super) fn bound(event: &mut ShipmentEvent) {
    let shorten = |text: &mut Option<String>, bytes_max: usize| {
        if let Some(text) = text.as_mut().filter(|t| t.len() > bytes_max) {
            *text = cut(text, bytes_max).to_owned();
        }
    };
    shorten(&mut event.raw_description, WORDS_BYTES_MAX);
    let code = &mut event.raw_code;
    let mut texts = vec![&mut event.source_event_id, &mut code.kind, &mut code.code, &mut code.sub_code];
    if let Some(p) = &mut event.place {
        texts.extend([&mut p.city, &mut p.state, &mut p.postal_code, &mut p.country, &mut p.facility, &mut p.unlocode, &mut p.text]);
    }
    if let Some(p) = &mut event.piece {
        texts.extend([&mut p.number, &mut p.sscc, &mut p.master]);
    }
    if let Some(p) = &mut event.pod {
        // An address that is cut leads nowhere, and signed ones are long.
        shorten(&mut p.signature_ref, DESCRIPTION_BYTES_MAX);
        shorten(&mut p.photo_ref, DESCRIPTION_BYTES_MAX);
        texts.extend([&mut p.signed_by, &mut p.relation, &mut p.delivered_to]);
    }
    if let Some(eta) = &mut event.eta {
        texts.extend([&mut eta.from_local, &mut eta.to_local, &mut eta.source, &mut eta.previous_local]);
    }
    if let Some(p) = &mut event.partner {
        texts.extend([&mut p.carrier, &mut p.tracking_number]);
    }
    if let Some(m) = &mut event.measures {
        texts.extend([&mut m.weight_unit, &mut m.length_unit]);
    }
    for text in texts {
        shorten(text, TEXT_BYTES_MAX);
    }
}

/// A place, or nothing where every part is missing. A country that is no two-letter code is kept as text.
#[must_use]
pub fn place(
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<&str>,
    facility: Option<String>,
) -> Option<Place> {
    let country = country.filter(|c| c.len() <= TEXT_BYTES_MAX);
    let alpha2 = country.filter(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_alphabetic())).map(str::to_ascii_uppercase);
    let text = if alpha2.is_none() { country.map(str::to_owned) } else { None };
    let place = Place { city, state, postal_code, country: alpha2, facility, text, ..Place::default() };
    (place != Place::default()).then_some(place)
}

/// The newest event: by the moment where two are known, which a flight to the west needs, else by the wall clocks as sent; of equals the one
/// that the source puts later (or first, where it tells the newest first). Facts about the shipment as it stands now belong to it.
#[must_use]
pub fn newest(events: &mut [ShipmentEvent], newest_first: bool, wanted: impl Fn(&ShipmentEvent) -> bool) -> Option<&mut ShipmentEvent> {
    let mut best: Option<(usize, &ShipmentEvent)> = None;
    for (at, event) in events.iter().enumerate().filter(|(_, e)| wanted(e)) {
        let order = best.map(|(_, best)| match (event.occurred_at, best.occurred_at) {
            (Some(own), Some(best)) => own.cmp(&best),
            _ => event.occurred_local.cmp(&best.occurred_local),
        });
        if order.is_none_or(|order| if newest_first { order.is_gt() } else { order.is_ge() }) {
            best = Some((at, event));
        }
    }
    let at = best?.0;
    events.get_mut(at)
}

/// What aggregators tell beside the scans.
impl Shipment<'_> {
    /// The status of the parcel as a whole, where no scan has it. `time_key` is empty unless the source says when it came to
    /// be: then it is one event for ever.
    #[must_use]
    pub fn status(&self, raw_code: RawCode, (time_key, told): (String, Option<Told>), meaning: Meaning) -> ShipmentEvent {
        let identity = (Some("status".to_owned()), raw_code.code.clone());
        self.event(Happening { raw_code, identity, time_key, told, ..Happening::default() }, meaning)
    }

    /// The expected delivery has changed, and no scan says so: an event of its own, one for each new expectation.
    #[must_use]
    pub fn eta_changed(&self, field: &str, eta: Eta) -> Option<ShipmentEvent> {
        if eta.to_local == eta.previous_local {
            return None;
        }
        let happening = Happening {
            raw_code: RawCode { kind: None, code: Some(field.to_owned()), sub_code: None },
            identity: (None, Some(field.to_owned())),
            time_key: eta.to_local.clone().unwrap_or_default(),
            ..Happening::default()
        };
        let meaning = Meaning { milestone: Milestone::Info, sub_status: Some(SubStatus::EtaChanged), reason: None };
        Some(ShipmentEvent { eta: Some(eta), ..self.event(happening, meaning) })
    }
}

/// Handing over ends a return where the parcel was on its way back before: most carriers have one code for both. A day alone is as late as
/// any clock of it; where times do not tell, the order of the message does.
pub fn settle_returns(events: &mut [ShipmentEvent], newest_first: bool) {
    let turns = events.iter().enumerate().filter(|(_, e)| e.milestone == Milestone::Returning);
    let turns: Vec<_> = turns.map(|(at, e)| (at, e.occurred_at, e.occurred_local.clone())).collect();
    for (at, event) in events.iter_mut().enumerate().filter(|(_, e)| e.milestone == Milestone::Delivered) {
        let after = |(turn, turned_at, local): &(usize, Option<Micros>, Option<String>)| {
            let by_time = match (event.occurred_at, turned_at, &event.occurred_local, local) {
                (Some(own), Some(turned_at), ..) => own.cmp(turned_at),
                (.., Some(own), Some(local)) => {
                    let known = own.len().min(local.len());
                    own.get(..known).cmp(&local.get(..known))
                }
                _ => Ordering::Equal,
            };
            by_time.then(if newest_first { turn.cmp(&at) } else { at.cmp(turn) }).is_gt()
        };
        if turns.iter().any(after) {
            (event.milestone, event.sub_status, event.leg, event.pod) = (Milestone::Returned, None, Leg::Return, None);
        }
    }
}

/// Whether the parcel is still expected somewhere: once it is delivered or back no delivery is.
#[must_use]
pub fn is_under_way(event: &ShipmentEvent) -> bool {
    !matches!(event.milestone, Milestone::Delivered | Milestone::Returned)
}

/// Whether one of the events says at least what a meaning says. A delivery that was the end of a return has said so.
#[must_use]
pub fn is_told(events: &[ShipmentEvent], meaning: Meaning) -> bool {
    let returned = meaning.milestone == Milestone::Delivered && events.iter().any(|e| e.milestone == Milestone::Returned);
    let same = |e: &ShipmentEvent| e.milestone == meaning.milestone && (meaning.reason.is_none() || e.exception_reason == meaning.reason);
    returned || events.iter().any(same)
}

/// The time of an event, for one that is about the same moment: its spelling in the key, and itself.
#[must_use]
pub fn time_of(event: &ShipmentEvent) -> (String, Option<Told>) {
    let told = event.time_precision.map(|precision| Told {
        at: event.occurred_at,
        local: event.occurred_local.clone(),
        offset_minutes: event.offset_minutes,
        precision,
        source: event.time_source,
    });
    (event.occurred_local.clone().or_else(|| Some(event.occurred_at?.to_string())).unwrap_or_default(), told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::carriers::testing::events;

    /// Milestones of scans of FedEx with their times, the newest first.
    fn fedex(scans: &[(&str, &str, &str)]) -> Vec<(&'static str, bool)> {
        let scan =
            |(code, at, country): &(&str, &str, &str)| json!({"eventType": code, "date": at, "scanLocation": {"countryCode": country}});
        let scans: Vec<_> = scans.iter().map(scan).collect();
        let result = json!({"trackingNumberInfo": {"trackingNumber": "781234500917"}, "scanEvents": scans,
            "deliveryDetails": {"receivedByName": "M DOE"},
            "dateAndTimes": [{"type": "ESTIMATED_DELIVERY", "dateTime": "2026-11-23T00:00:00"}]});
        let body = json!({"output": {"completeTrackResults": [{"trackingNumber": "781234500917", "trackResults": [result]}]}});
        events("fedex", &body.to_string()).iter().map(|e| (e.milestone.as_str(), e.eta.is_some() || e.pod.is_some())).collect()
    }

    #[test]
    fn the_newest_is_so_by_the_moment_not_by_the_clock_on_the_wall() {
        // Over the date line: it leaves at ten in the evening and arrives at eight in the evening of that day.
        let told = fedex(&[("AR", "2026-11-20T20:00:00-08:00", "US"), ("DP", "2026-11-20T22:00:00+08:00", "HK")]);
        assert_eq!(told, [("in_transit", true), ("in_transit", false)]);
    }

    #[test]
    fn what_is_handed_over_on_its_way_back_is_returned_and_nobody_has_signed() {
        let (turn, end) = (("RS", "2026-11-19T10:00:00-06:00", "US"), ("DL", "2026-11-20T10:00:00-06:00", "US"));
        assert_eq!(fedex(&[end, turn]), [("returned", false), ("returning", false)], "neither a proof of delivery nor an expectation");
        let before = ("DL", "2026-11-18T10:00:00-06:00", "US");
        assert_eq!(fedex(&[turn, before]), [("returning", true), ("delivered", true)]);
    }
}
