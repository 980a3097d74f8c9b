//! The names by which somebody may mean a delivery, and who waits for one of that name: lists of bounded length, by instance and name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::engine::processor::State;

/// Deliveries of one name that are kept, the newest: a name that more have tells nothing apart.
const PICKINGS_MAX: usize = 32;
/// Consignments that may wait for one name.
pub(super) const WAITING_MAX: usize = 256;
/// Names of one delivery.
const NAMES_MAX: usize = 16;
/// Longest name, bytes.
const NAME_BYTES_MAX: usize = 128;

/// Whose name it is. The nearer to the delivery, the better it tells deliveries apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum By {
    /// The delivery's own.
    #[serde(rename = "d")]
    Delivery,
    /// Its order's, or that of another source document.
    #[serde(rename = "o")]
    Order,
    /// What the customer calls the order.
    #[serde(rename = "c")]
    Customer,
}

/// A name in the form in which names are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Name(pub By, pub String);

impl Name {
    /// Without outer blanks, in upper case; `None` where nothing is left or it is too long for a name.
    pub(super) fn new(by: By, text: &str) -> Option<Self> {
        let text = text.trim().to_uppercase();
        (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then_some(Self(by, text))
    }
}

/// The names of a delivery. A source document may be several orders (`S00025, S00026`), and one version of Odoo writes what the
/// customer calls the order behind it (`S00025 - PO-881`).
pub(super) fn of(picking: &Held, order: Option<&Held>) -> Vec<Name> {
    let order = order.filter(|order| !order.deleted);
    let of_order = |field: &str| order.and_then(|order| order.text(field));
    let origin = picking.text("origin").unwrap_or_default();
    let (orders, customer) = origin.split_once(" - ").unwrap_or((&origin, ""));
    let mut names = BTreeSet::new();
    names.extend(picking.text("name").and_then(|name| Name::new(By::Delivery, &name)));
    names.extend(of_order("name").and_then(|name| Name::new(By::Order, &name)));
    names.extend(of_order("client_order_ref").and_then(|name| Name::new(By::Customer, &name)));
    names.extend(Name::new(By::Customer, customer));
    names.extend(Name::new(By::Order, &origin));
    names.extend(orders.split(',').filter_map(|order| Name::new(By::Order, order)));
    names.into_iter().take(NAMES_MAX).collect()
}

/// The newest deliveries of one name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pickings {
    pub ids: Vec<i64>,
    /// There have been others, which are no longer listed.
    pub more: bool,
}

fn pickings_key(instance: &str, name: &str) -> Vec<u8> {
    format!("n:{instance}:{name}").into_bytes()
}

fn waiting_key(instance: &str, name: &str) -> Vec<u8> {
    format!("w:{instance}:{name}").into_bytes()
}

/// The deliveries that have this name, whoever's name it is.
pub(super) fn pickings(state: &dyn State, instance: &str, name: &str) -> Pickings {
    state.get(&pickings_key(instance, name)).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default()
}

fn save_pickings(state: &mut dyn State, instance: &str, name: &str, pickings: &Pickings) {
    let key = pickings_key(instance, name);
    // Of the others some may still be meant.
    if pickings.ids.is_empty() && !pickings.more {
        state.delete(&key);
    } else if let Ok(bytes) = postcard::to_stdvec(pickings) {
        state.put(&key, bytes, None);
    }
}

/// Lists a delivery under the names that it has now. Whether they are others than before.
pub(super) fn list(state: &mut dyn State, instance: &str, id: i64, held: &mut Held, names: Vec<Name>) -> bool {
    if held.names == names {
        return false;
    }
    let texts = |names: &[Name]| names.iter().map(|name| name.1.clone()).collect::<BTreeSet<String>>();
    let (before, after) = (texts(&held.names), texts(&names));
    for name in before.difference(&after) {
        let mut listed = pickings(state, instance, name);
        listed.ids.retain(|listed| *listed != id);
        save_pickings(state, instance, name, &listed);
    }
    for name in after.difference(&before) {
        let mut listed = pickings(state, instance, name);
        if !listed.ids.contains(&id) {
            if listed.ids.len() >= PICKINGS_MAX {
                listed.ids.remove(0);
                listed.more = true;
            }
            listed.ids.push(id);
            save_pickings(state, instance, name, &listed);
        }
    }
    held.names = names;
    true
}

/// The consignments that wait for a delivery of this name.
pub(super) fn waiting(state: &dyn State, instance: &str, name: &str) -> Vec<String> {
    state.get(&waiting_key(instance, name)).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default()
}

fn save_waiting(state: &mut dyn State, instance: &str, name: &str, waiting: &[String]) {
    let key = waiting_key(instance, name);
    if waiting.is_empty() {
        state.delete(&key);
    } else if let Ok(bytes) = postcard::to_stdvec(waiting) {
        state.put(&key, bytes, None);
    }
}

fn count_key(instance: &str) -> Vec<u8> {
    format!("t:{instance}").into_bytes()
}

/// How many consignments wait in an instance.
pub(super) fn waiting_count(state: &dyn State, instance: &str) -> u32 {
    state.get(&count_key(instance)).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or(0)
}

fn count(state: &mut dyn State, instance: &str, waiting: u32) {
    if waiting == 0 {
        state.delete(&count_key(instance));
    } else if let Ok(bytes) = postcard::to_stdvec(&waiting) {
        state.put(&count_key(instance), bytes, None);
    }
}

/// A consignment waits for any of these names.
pub(super) fn wait(state: &mut dyn State, instance: &str, names: &BTreeSet<String>, consignment: &str) {
    for name in names {
        let mut listed = waiting(state, instance, name);
        if !listed.iter().any(|listed| listed == consignment) {
            listed.push(consignment.to_owned());
            save_waiting(state, instance, name, &listed);
        }
    }
    let waiting = waiting_count(state, instance);
    count(state, instance, waiting.saturating_add(1));
}

/// A consignment waits no longer.
pub(super) fn wait_no_longer(state: &mut dyn State, instance: &str, names: &BTreeSet<String>, consignment: &str) {
    for name in names {
        let mut listed = waiting(state, instance, name);
        listed.retain(|listed| listed != consignment);
        save_waiting(state, instance, name, &listed);
    }
    let waiting = waiting_count(state, instance);
    count(state, instance, waiting.saturating_sub(1));
}
