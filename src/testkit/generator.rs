//! Raw messages of some thousand parcels, from a seed, with what must come of them.
//!
//! Three of ten messages repeat a happening: the same envelope again, a new envelope, or another source with the same
//! wall clock. Messages overtake each other, some have no key, and some are poison.

use std::collections::BTreeMap;

use super::Chance;
use super::billed_life::Freight;
use super::bodies::{self, Body};
use super::life::{Happening, life};
pub use super::life::{ODOO, Parcel, RawRecord, Source};
use super::odoo_life::{self, Picking};
use crate::domain::verdict::Code;

/// Header with the place of a message in [`Run::records`]: it comes back with a dead letter.
pub const SERIAL: &str = "test-serial";
/// Ticks of the generator's own clock over which parcels begin their lives, per message.
const TICKS: usize = 100;

/// Everything that goes in, and what must come of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// In the order of producing.
    pub records: Vec<RawRecord>,
    /// Every parcel that is told of.
    pub parcels: Vec<Parcel>,
    /// Every delivery with the tracking numbers that it has in the end.
    pub pickings: Vec<Picking>,
    /// What carriers bill for them.
    pub freight: Freight,
}

/// A message with the moment at which it is produced.
struct Timed(usize, RawRecord);

/// A telling that may be repeated.
struct Telling {
    at: usize,
    source: Source,
    number: String,
    told: Vec<Happening>,
    record: RawRecord,
}

/// About `carrier_messages` raw messages of carriers, and the changes in Odoo that belong to them.
#[must_use]
pub fn generate(seed: u64, carrier_messages: usize) -> Run {
    let mut chance = Chance::new(seed);
    let poisoned = carrier_messages / 50;
    let repeated = carrier_messages * 3 / 10;
    let plain = carrier_messages - poisoned - repeated;
    let span = carrier_messages * TICKS;

    let mut parcels = Vec::new();
    let mut tellings: Vec<Telling> = Vec::new();
    while tellings.len() < plain {
        let (parcel, mut told) = parcel(&mut chance, parcels.len(), span, plain - tellings.len());
        parcels.push(parcel);
        tellings.append(&mut told);
    }
    let mut timed: Vec<Timed> = Vec::with_capacity(carrier_messages + parcels.len() * 3);
    for _ in 0..repeated {
        let at = chance.below(tellings.len());
        if let Some(telling) = tellings.get(at) {
            timed.push(repetition(&mut chance, telling, span));
        }
    }
    for serial in 0..poisoned {
        let source = *chance.one(&[Source::Ups, Source::Fedex, Source::Easypost, Source::X12]).unwrap_or(&Source::Ups);
        let (value, content_type, code) = poison(&mut chance, source, serial);
        let mut record = raw(&mut chance, source, "poison", (value.unwrap_or_default(), content_type));
        if code == Code::EMPTY_VALUE {
            record.value = None;
        }
        record.poison = Some(code);
        timed.push(Timed(chance.below(span), record));
    }
    let (pickings, changes) = odoo_life::changes(&mut chance, &parcels, span);
    timed.extend(changes.into_iter().map(|(at, record)| Timed(at, record)));
    timed.extend(tellings.into_iter().map(|t| Timed(t.at, t.record)));
    timed.sort_by_key(|t| t.0);
    let mut records: Vec<RawRecord> = timed.into_iter().map(|t| t.1).collect();
    number(&mut records);
    Run { records, parcels, pickings, freight: Freight::default() }
}

/// Gives every record its place as [`SERIAL`].
pub fn number(records: &mut [RawRecord]) {
    for (serial, record) in records.iter_mut().enumerate() {
        record.headers.retain(|(name, _)| name != SERIAL);
        record.headers.push((SERIAL.to_owned(), serial.to_string().into_bytes()));
    }
}

/// One life, cut off after `most` messages.
fn parcel(chance: &mut Chance, index: usize, span: usize, most: usize) -> (Parcel, Vec<Telling>) {
    let source = match chance.below(100) {
        0..45 => Source::Ups,
        45..65 => Source::Fedex,
        65..85 => Source::Easypost,
        _ => Source::X12,
    };
    let number = match source {
        Source::Ups => format!("1Z999AA1{index:010}"),
        Source::Fedex => format!("7{index:011}"),
        Source::Easypost => format!("9400{index:018}"),
        Source::X12 => format!("Q{index:09}"),
    };
    let life = life(chance);
    let begins = chance.below(span);
    let mut tellings = Vec::new();
    for through in 1..=life.len().min(most) {
        let told: Vec<Happening> = life.iter().take(through).copied().collect();
        let body = bodies::push(source, &number, &told, false);
        let record = raw(chance, source, &number, body);
        // A step of a life is as long as the jitter, so that a third of the messages overtake another.
        let at = begins + through * 20 * TICKS + chance.below(30 * TICKS);
        tellings.push(Telling { at, source, number: number.clone(), told, record });
    }
    let happenings = life.iter().take(most).map(|h| (h.step.milestone(), h.date("%Y-%m-%dT%H:%M"))).collect();
    (Parcel { key: number, carrier: source.carrier(), happenings }, tellings)
}

fn repetition(chance: &mut Chance, telling: &Telling, span: usize) -> Timed {
    let at = telling.at + chance.below(span / 4);
    let Telling { source, number, told, .. } = telling;
    let record = match chance.below(3) {
        0 => telling.record.clone(),
        1 if *source == Source::Ups => raw(chance, Source::Easypost, number, bodies::told_by_aggregator(number, told)),
        2 => raw(chance, *source, number, bodies::again(*source, number, told)),
        _ => raw(chance, *source, number, bodies::push(*source, number, told, false)),
    };
    Timed(at, record)
}

/// A message in its envelope: most with CloudEvents headers, most with a key.
fn raw(chance: &mut Chance, source: Source, number: &str, (value, content_type): Body) -> RawRecord {
    let mut headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
    if chance.percent(80) {
        headers.push(("ce_id".to_owned(), format!("{:016x}", chance.draw()).into_bytes()));
        headers.push(("ce_specversion".to_owned(), b"1.0".to_vec()));
    }
    let key = chance.percent(70).then(|| number.to_owned());
    RawRecord { topic: source.topic().to_owned(), key, value: Some(value), headers, poison: None }
}

fn poison(chance: &mut Chance, source: Source, serial: usize) -> (Option<Vec<u8>>, &'static str, Code) {
    let edi = source == Source::X12;
    let media = if edi { "application/edi-x12" } else { "application/json" };
    match chance.below(5) {
        0 => (None, media, Code::EMPTY_VALUE),
        1 if edi => (Some(format!("no interchange {serial}").into_bytes()), media, Code::MALFORMED),
        1 => (Some(format!("{{\"trackingNumber\": \"{serial}").into_bytes()), media, Code::MALFORMED),
        2 => (Some(serial.to_string().into_bytes()), "image/png", Code::WRONG_CONTENT_TYPE),
        3 if edi => (Some(b"\xff\xfeI\0S\0A\0".to_vec()), media, Code::NOT_UTF8),
        3 => (Some([b"{\"a\":\"\xff", serial.to_string().as_bytes(), b"\"}"].concat()), media, Code::NOT_UTF8),
        _ => (Some(b"not an event".to_vec()), "application/cloudevents+json", Code::BAD_ENVELOPE),
    }
}

impl Run {
    /// How many records go to each topic (without prefix).
    #[must_use]
    pub fn by_topic(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            *counts.entry(record.topic.as_str()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything_and_the_shares_are_as_promised() {
        let (a, b) = (generate(7, 2_000), generate(7, 2_000));
        assert_eq!(format!("{:?}", a.records), format!("{:?}", b.records));
        let carriers = a.records.iter().filter(|r| r.topic.starts_with("raw.carrier.")).count();
        assert_eq!(carriers, 2_000);
        assert_eq!(a.records.iter().filter(|r| r.poison.is_some()).count(), 40);
        assert!(a.records.iter().filter(|r| r.key.is_none()).count() > 400);
        assert_eq!(a.by_topic().len(), 5);
        assert!(a.pickings.len() > 50);
    }
}
