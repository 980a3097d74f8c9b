//! Tracking numbers in Odoo's one text field, and what of them has changed.

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

/// Publishes what has changed between the links that are held and those that the delivery has now, which from now on are held.
pub(super) fn publish(held: &mut Held, delivery: &ErpDelivery, at: Micros, out: &mut Outputs) {
    let at = held.linked_at.map_or(at, |last| at.max(last.saturating_add(1)));
    let before = out.records.len();
    let gone = delivery.deleted || delivery.state == "cancel";
    let numbers: &[String] = if gone { &[] } else { &delivery.tracking_numbers };
    let parcels = i32::try_from(numbers.len()).unwrap_or(i32::MAX);
    let name = delivery.picking_name.as_deref();
    let mut say = |key: &str, number: &str, linked: bool| {
        let link = ShipmentLink {
            shipment_key: key.to_owned(),
            tracking_number: number.to_owned(),
            carrier: delivery.carrier.clone(),
            delivery_key: delivery.delivery_key.clone(),
            picking_name: name.map(str::to_owned),
            parcels_expected: parcels,
            linked,
            linked_at: at,
        };
        out.publish(LINKS_TOPIC, key, Record::ShipmentLink(Box::new(link)));
    };
    let now: Vec<HeldLink> = numbers
        .iter()
        .filter_map(|number| {
            let carrier = delivery.carrier.as_deref().unwrap_or_default();
            let digest = dedup::hex(&dedup::id_of(&[number, carrier, name.unwrap_or_default(), &parcels.to_string()]));
            Some(HeldLink { key: shipment_key(number)?, number: number.clone(), digest })
        })
        .collect();
    for link in held.links.iter().filter(|k| !now.iter().any(|n| n.key == k.key)) {
        say(&link.key, &link.number, false);
    }
    for link in now.iter().filter(|n| !held.links.contains(n)) {
        say(&link.key, &link.number, true);
    }
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
