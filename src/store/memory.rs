//! What is remembered of one partition, in memory: values, alarms and idempotency keys.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::entry::{ChangeKey, Marker, read_key, read_keys, read_marker, read_timed};
use crate::domain::time::Micros;

/// Idempotency keys are hashes already.
#[derive(Debug, Default, Clone)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(w, b)| *w = *b);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
    fn write_u128(&mut self, key: u128) {
        let bytes = key.to_le_bytes();
        self.0 = bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
    }
}

/// A remembered value.
#[derive(Debug)]
struct Value {
    bytes: Box<[u8]>,
    alarm: Option<Micros>,
    segment: u64,
}

/// The idempotency keys of one transaction: when, and in which segment on disk they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyBatch {
    pub(super) at: Micros,
    pub(super) segment: u64,
    pub(super) bytes: u64,
}

/// The memory of one partition. Equal to some committed past; what is pending for the open transaction is in
/// [`super::Overlay`].
#[derive(Debug, Default)]
pub struct Memory {
    values: HashMap<Arc<[u8]>, Value>,
    alarms: BTreeSet<(Micros, Arc<[u8]>)>,
    seen: HashSet<u128, BuildHasherDefault<KeyHasher>>,
    batches: BTreeMap<u64, KeyBatch>,
    marker: Marker,
    /// Live bytes of each segment on disk, and of all.
    live: BTreeMap<u64, u64>,
    live_total: u64,
}

impl Memory {
    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(|v| &*v.bytes)
    }

    /// Whether an idempotency key is remembered.
    #[must_use]
    pub fn seen(&self, key: u128) -> bool {
        self.seen.contains(&key)
    }

    /// Where the inputs stood at the last transaction.
    #[must_use]
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// How many values and idempotency keys are remembered.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.values.len(), self.seen.len())
    }

    /// Makes room before a restore.
    pub fn reserve_keys(&mut self, keys: usize) {
        self.seen.reserve(keys);
    }

    /// Keys whose alarm has come, at most `max`, earliest first.
    #[must_use]
    pub fn due(&self, now: Micros, max: usize) -> Vec<Arc<[u8]>> {
        self.alarms.iter().take_while(|(at, _)| *at <= now).take(max).map(|(_, key)| key.clone()).collect()
    }

    /// Numbers of the transactions whose idempotency keys are older than the window, at most `max`.
    #[must_use]
    pub fn expired(&self, before: Micros, max: usize) -> Vec<u64> {
        self.batches.iter().take_while(|(_, b)| b.at < before).take(max).map(|(number, _)| *number).collect()
    }

    pub(super) fn batch(&self, number: u64) -> Option<KeyBatch> {
        self.batches.get(&number).copied()
    }

    /// Bytes on disk that still count.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_total
    }

    /// Whether this very entry of a segment is still the one that counts.
    pub(super) fn is_live(&self, key: &[u8], segment: u64) -> bool {
        match read_key(key) {
            Some(ChangeKey::Value(key)) => self.values.get(key).is_some_and(|v| v.segment == segment),
            Some(ChangeKey::Keys(number)) => self.batches.get(&number).is_some_and(|b| b.segment == segment),
            Some(ChangeKey::Marker) | None => false,
        }
    }

    /// Takes over one committed change that stands in `segment` on disk. Idempotency keys that are forgotten are
    /// handed in, because only the disk has them by transaction.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>, segment: u64, forgotten: &[u128]) {
        let size = u64::try_from(key.len() + value.map_or(0, <[u8]>::len)).unwrap_or(u64::MAX);
        match (read_key(key), value) {
            (Some(ChangeKey::Value(key)), Some(value)) => self.put(key, value, segment, size),
            (Some(ChangeKey::Value(key)), None) => self.remove(key),
            (Some(ChangeKey::Keys(number)), Some(value)) => {
                let Some((at, packed)) = read_timed(value) else { return };
                self.seen.extend(read_keys(packed));
                let batch = KeyBatch { at: at.unwrap_or(0), segment, bytes: size };
                if let Some(old) = self.batches.insert(number, batch) {
                    self.shrink(old.segment, old.bytes);
                }
                self.grow(segment, size);
            }
            (Some(ChangeKey::Keys(number)), None) => {
                for key in forgotten {
                    self.seen.remove(key);
                }
                if let Some(old) = self.batches.remove(&number) {
                    self.shrink(old.segment, old.bytes);
                }
            }
            (Some(ChangeKey::Marker), Some(value)) => self.marker = read_marker(value).unwrap_or_default(),
            (Some(ChangeKey::Marker), None) | (None, _) => {}
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8], segment: u64, size: u64) {
        let Some((alarm, bytes)) = read_timed(value) else { return };
        let shared = self.values.get_key_value(key).map_or_else(|| Arc::from(key), |(k, _)| k.clone());
        if let Some(alarm) = alarm {
            self.alarms.insert((alarm, shared.clone()));
        }
        if let Some(old) = self.values.insert(shared.clone(), Value { bytes: bytes.into(), alarm, segment }) {
            if let Some(old_alarm) = old.alarm.filter(|a| Some(*a) != alarm) {
                self.alarms.remove(&(old_alarm, shared));
            }
            self.shrink(old.segment, u64::try_from(key.len() + 1 + old.bytes.len() + 8).unwrap_or(u64::MAX));
        }
        self.grow(segment, size);
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some((shared, old)) = self.values.remove_entry(key) {
            self.shrink(old.segment, u64::try_from(key.len() + 1 + old.bytes.len() + 8).unwrap_or(u64::MAX));
            if let Some(alarm) = old.alarm {
                self.alarms.remove(&(alarm, shared));
            }
        }
    }

    fn grow(&mut self, segment: u64, bytes: u64) {
        *self.live.entry(segment).or_default() += bytes;
        self.live_total += bytes;
    }

    fn shrink(&mut self, segment: u64, bytes: u64) {
        if let Some(live) = self.live.get_mut(&segment) {
            let less = bytes.min(*live);
            *live -= less;
            self.live_total -= less;
        }
    }

    pub(super) fn drop_segment(&mut self, segment: u64) {
        self.live_total -= self.live.remove(&segment).unwrap_or(0);
    }

    pub(super) fn note_segment(&mut self, segment: u64) {
        self.live.entry(segment).or_default();
    }
}
