//! Which deliveries use a partner, a delivery method or an order: lists in pages, so that a change of one record reaches them without a
//! search and no list grows without bound.

use crate::domain::time::Micros;
use crate::engine::processor::State;

/// Deliveries on one page.
pub(super) const PAGE_LEN: usize = 200;

/// From one page to the next, microseconds.
const PAGE_EVERY: Micros = 100_000;

/// What is used, with how many pages of its newest users are kept. A delivery method has very many: its pages are
/// worked off one alarm each.
const KINDS: [(&str, u32); 3] = [("res.partner", 1), ("delivery.carrier", 250), ("sale.order", 1)];

/// The models that are used, in the order of `Held::listed`.
pub(super) fn models() -> [&'static str; 3] {
    KINDS.map(|(model, _)| model)
}

fn pages_max(model: &str) -> u32 {
    KINDS.iter().find(|(m, _)| *m == model).map_or(1, |(_, pages)| *pages)
}

fn head_key(model: &str, instance: &str, id: i64) -> Vec<u8> {
    format!("h:{model}:{instance}:{id}").into_bytes()
}

fn page_key(model: &str, instance: &str, id: i64, page: u32) -> Vec<u8> {
    format!("u:{model}:{instance}:{id}:{page}").into_bytes()
}

/// The instance behind a page's key; `None` for any other key.
pub(super) fn instance_of_page(key: &[u8]) -> Option<&str> {
    let mut parts = std::str::from_utf8(key).ok()?.strip_prefix("u:")?.split(':');
    let _model = parts.next()?;
    parts.next()
}

/// The deliveries on a page.
pub(super) fn page(state: &dyn State, key: &[u8]) -> Vec<i64> {
    state.get(key).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default()
}

fn head(state: &dyn State, model: &str, instance: &str, id: i64) -> u32 {
    state.get(&head_key(model, instance, id)).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or(0)
}

/// Lists a delivery as the newest user of a record; the oldest fall out.
pub(super) fn add(state: &mut dyn State, model: &str, instance: &str, id: i64, picking_id: i64) {
    let mut at = head(state, model, instance, id);
    let mut pickings = page(state, &page_key(model, instance, id, at));
    if pickings.contains(&picking_id) {
        return;
    }
    if pickings.len() >= PAGE_LEN {
        if pages_max(model) > 1 {
            at = (at + 1) % pages_max(model);
            pickings.clear();
            if let Ok(bytes) = postcard::to_stdvec(&at) {
                state.put(&head_key(model, instance, id), bytes, None);
            }
        } else {
            pickings.remove(0);
        }
    }
    pickings.push(picking_id);
    if let Ok(bytes) = postcard::to_stdvec(&pickings) {
        state.put(&page_key(model, instance, id, at), bytes, None);
    }
}

/// The newest users of a record. Its other pages are woken one by one, so that no transaction has to hold them all.
pub(super) fn of(state: &mut dyn State, model: &str, instance: &str, id: i64, now: Micros) -> Vec<i64> {
    let newest = head(state, model, instance, id);
    let mut at = now;
    for other in (0..pages_max(model)).filter(|p| *p != newest) {
        let key = page_key(model, instance, id, other);
        let Some(bytes) = state.get(&key).map(<[u8]>::to_vec) else { continue };
        state.put(&key, bytes, Some(at));
        at += PAGE_EVERY;
    }
    page(state, &page_key(model, instance, id, newest))
}

/// Forgets the lists of a record that is forgotten itself, by its state key.
pub(super) fn forget(state: &mut dyn State, record_key: &[u8]) {
    let Some(record) = std::str::from_utf8(record_key).ok().and_then(|key| key.strip_prefix("i:")) else { return };
    let model = record.split(':').next().unwrap_or_default();
    if !models().contains(&model) {
        return;
    }
    state.delete(format!("h:{record}").as_bytes());
    for page in 0..pages_max(model) {
        state.delete(format!("u:{record}:{page}").as_bytes());
    }
}
