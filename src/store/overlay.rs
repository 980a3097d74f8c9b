//! What a transaction in flight has changed. Thrown away whole when the transaction is aborted.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;

use super::entry::{Change, InputOffset, Marker};
use super::memory::{KeyHasher, Memory};
use crate::domain::time::Micros;

/// A pending value with its alarm; `None` where it is forgotten.
type Pending = Option<(Vec<u8>, Option<Micros>)>;

/// Pending changes of one partition.
#[derive(Debug, Default)]
pub struct Overlay {
    values: BTreeMap<Vec<u8>, Pending>,
    keys: Vec<u128>,
    key_set: HashSet<u128, BuildHasherDefault<KeyHasher>>,
    expired: Vec<u64>,
}

impl Overlay {
    /// The value under a key as this transaction sees it.
    #[must_use]
    pub fn get<'a>(&'a self, memory: &'a Memory, key: &[u8]) -> Option<&'a [u8]> {
        match self.values.get(key) {
            Some(pending) => pending.as_ref().map(|(bytes, _)| bytes.as_slice()),
            None => memory.get(key),
        }
    }

    /// Whether this transaction has changed the value under a key.
    #[must_use]
    pub fn is_pending(&self, key: &[u8]) -> bool {
        self.values.contains_key(key)
    }

    /// Remembers a value with its alarm.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>, alarm: Option<Micros>) {
        self.values.insert(key.to_vec(), Some((value, alarm)));
    }

    /// Forgets a value.
    pub fn delete(&mut self, key: &[u8]) {
        self.values.insert(key.to_vec(), None);
    }

    /// Whether an idempotency key is remembered, here or before.
    #[must_use]
    pub fn seen(&self, memory: &Memory, key: u128) -> bool {
        self.key_set.contains(&key) || memory.seen(key)
    }

    /// Remembers an idempotency key.
    pub fn remember(&mut self, key: u128) {
        if self.key_set.insert(key) {
            self.keys.push(key);
        }
    }

    /// Forgets the idempotency keys of these transactions.
    pub fn expire(&mut self, numbers: Vec<u64>) {
        self.expired.extend(numbers);
    }

    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.keys.is_empty() && self.expired.is_empty()
    }

    /// What goes to the changelog when this transaction commits: values, idempotency keys, what expired, and the
    /// marker last. `inputs` are the positions of this transaction; those of others are kept from the last marker.
    #[must_use]
    pub fn changes(&self, memory: &Memory, now: Micros, inputs: &[InputOffset]) -> Vec<Change> {
        let last = memory.marker();
        let number = last.number + 1;
        let mut changes: Vec<Change> = self
            .values
            .iter()
            .map(|(key, value)| match value {
                Some((bytes, alarm)) => Change::value(key, bytes, *alarm),
                None => Change::forget(key),
            })
            .collect();
        if !self.keys.is_empty() {
            changes.push(Change::keys(number, now, &self.keys));
        }
        changes.extend(self.expired.iter().map(|n| Change::forget_keys(*n)));
        let mut positions = inputs.to_vec();
        positions.extend(last.inputs.iter().filter(|l| !inputs.iter().any(|i| i.topic == l.topic && i.partition == l.partition)).cloned());
        positions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        let expired_through = self.expired.iter().copied().max().unwrap_or(0).max(last.expired_through);
        changes.push(Change::marker(&Marker { number, expired_through, inputs: positions }));
        changes
    }
}
