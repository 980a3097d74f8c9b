//! Tracking numbers of a delivery, in Odoo's one text field and from notices, and what of them has changed.

use std::collections::BTreeSet;

use super::LINKS_TOPIC;
use super::held::{Held, HeldLink};
use crate::domain::dedup;
use crate::domain::erp::{ErpDelivery, ShipmentLink};
use crate::domain::ids::shipment_key;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::engine::processor::Outputs;

/// Most numbers of one delivery that are read.
pub(super) const NUMBERS_MAX: usize = 1_000;
/// A part between blanks that is at least this long is a number of its own; shorter ones are groups of one number.
const ALONE_CHARS_MIN: usize = 8;

/// The numbers in `carrier_tracking_ref`, each once, in Odoo's order. Odoo joins them with commas; people write
/// semicolons and new lines too, and blanks both between numbers and inside one (`1Z 999 AA1 01 2345 6784`).
pub(super) fn numbers(tracking_ref: &str) -> Vec<String> {
    let mut keys = BTreeSet::new();
    let mut numbers = Vec::new();
    for part in tracking_ref.split([',', ';', '\n', '\r', '\t']) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let alone = |w: &&str| w.chars().count() >= ALONE_CHARS_MIN && w.chars().any(|c| c.is_ascii_digit());
        let found = if words.len() > 1 && words.iter().all(alone) { words } else { vec![part.trim()] };
        for number in found {
            if let Some(key) = shipment_key(number)
                && numbers.len() < NUMBERS_MAX
                && keys.insert(key)
            {
                numbers.push(number.to_owned());
            }
        }
    }
    numbers
}

/// Nothing of a delivery that was cancelled or deleted is under way.
pub(super) fn is_gone(delivery: &ErpDelivery) -> bool {
    delivery.deleted || delivery.state == "cancel"
}

/// The numbers that a delivery has: number and carrier. Odoo's own come first, and its spelling counts; a notice knows the carrier of
/// what Odoo has not.
fn all<'a>(held: &'a Held, delivery: &'a ErpDelivery) -> Vec<(String, &'a str, Option<&'a str>)> {
    if is_gone(delivery) {
        return Vec::new();
    }
    let of_method = delivery.carrier.as_deref();
    let in_odoo = delivery.tracking_numbers.iter().filter_map(|number| Some((shipment_key(number)?, number.as_str(), of_method)));
    let mut numbers: Vec<_> = in_odoo.collect();
    let mut keys: BTreeSet<String> = numbers.iter().map(|(key, ..)| key.clone()).collect();
    for told in &held.told {
        if keys.insert(told.key.clone()) {
            numbers.push((told.key.clone(), told.number.as_str(), told.carrier.as_deref().or(of_method)));
        }
    }
    numbers
}

/// Publishes what has changed between the links that are held and those that the delivery has now, which from now on are held.
pub(super) fn publish(held: &mut Held, delivery: &ErpDelivery, at: Micros, out: &mut Outputs) {
    let at = held.linked_at.map_or(at, |last| at.max(last.saturating_add(1)));
    let before = out.records.len();
    let numbers = all(held, delivery);
    let parcels = i32::try_from(numbers.len()).unwrap_or(i32::MAX);
    let name = delivery.picking_name.as_deref();
    let mut say = |key: &str, number: &str, carrier: Option<&str>, linked: bool| {
        let link = ShipmentLink {
            shipment_key: key.to_owned(),
            tracking_number: number.to_owned(),
            carrier: carrier.map(str::to_owned),
            delivery_key: delivery.delivery_key.clone(),
            picking_name: name.map(str::to_owned),
            parcels_expected: parcels,
            linked,
            linked_at: at,
        };
        out.publish(LINKS_TOPIC, key, Record::ShipmentLink(Box::new(link)));
    };
    let now: Vec<(HeldLink, Option<&str>)> = numbers
        .iter()
        .map(|(key, number, carrier)| {
            let digest = dedup::id_of(&[number, carrier.unwrap_or_default(), name.unwrap_or_default(), &parcels.to_string()]);
            (HeldLink { key: key.clone(), number: (*number).to_owned(), digest: dedup::hex(&digest) }, *carrier)
        })
        .collect();
    for link in held.links.iter().filter(|k| !now.iter().any(|(n, _)| n.key == k.key)) {
        say(&link.key, &link.number, delivery.carrier.as_deref(), false);
    }
    for (link, carrier) in now.iter().filter(|(n, _)| !held.links.contains(n)) {
        say(&link.key, &link.number, *carrier, true);
    }
    let now = now.into_iter().map(|(link, _)| link).collect();
    if out.records.len() > before {
        held.linked_at = Some(at);
    }
    held.links = now;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_however_people_join_them() {
        let cases: [(&str, &[&str]); 10] = [
            ("1Z999AA10123456784", &["1Z999AA10123456784"]),
            ("A1,B2", &["A1", "B2"]),
            (" A1 , B2;C3\nD4,", &["A1", "B2", "C3", "D4"]),
            ("A1,a-1,A1", &["A1"]),
            ("1Z 999 AA1 01 2345 6784", &["1Z 999 AA1 01 2345 6784"]),
            ("9400 1000 0000 0000 0000 00, A1", &["9400 1000 0000 0000 0000 00", "A1"]),
            ("JD014600006281230704 JD014600006281230705", &["JD014600006281230704", "JD014600006281230705"]),
            ("", &[]),
            (" ;,- ", &[]),
            ("see delivery note", &["see delivery note"]),
        ];
        for (text, expected) in cases {
            assert_eq!(numbers(text), expected, "{text}");
        }
        let many: Vec<String> = (0..2_000).map(|n| format!("T{n}")).collect();
        assert_eq!(numbers(&many.join(",")).len(), NUMBERS_MAX);
    }
}
