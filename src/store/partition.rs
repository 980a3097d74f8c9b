//! The store of one partition: its memory, kept on disk.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::disk::{Disk, Identity, Rebuilt, Stand};
use super::entry::{Change, ChangeKey, pack, read_key, read_keys, read_marker, read_timed, unpack};
use super::memory::Memory;
use super::{Error, Overlay};

/// Dead bytes that are left lying before old segments are cleaned.
const GARBAGE_BYTES: u64 = 4 << 20;
/// Segments cleaned with one append.
const CLEAN_MAX: usize = 4;

/// Memory and disk of one partition. Disk is written after Kafka has committed, never before.
#[derive(Debug)]
pub struct PartitionStore {
    memory: Memory,
    disk: Disk,
    sizes: BTreeMap<u64, u64>,
    /// Sum of `sizes`, kept because summing tens of thousands of segments with every commit is dear.
    total: u64,
    cache_bytes: u64,
}

impl PartitionStore {
    /// Opens the store at `path` for `identity`; one that cannot be trusted is wiped and the reason returned.
    pub fn open(path: &Path, identity: &Identity, cache_bytes: u64) -> Result<(Self, Option<Rebuilt>), Error> {
        let mut sizes = BTreeMap::new();
        let expired_through = std::cell::Cell::new(0);
        let memory = std::cell::RefCell::new(Memory::default());
        let (disk, rebuilt) = Disk::open(
            path,
            identity,
            cache_bytes,
            |checkpoint| {
                expired_through.set(checkpoint.expired_through);
                memory.borrow_mut().reserve_keys(usize::try_from(checkpoint.keys).unwrap_or(0));
            },
            |number, packed| {
                let mut memory = memory.borrow_mut();
                memory.note_segment(number);
                sizes.insert(number, packed.len() as u64);
                unpack(packed, |key, value| match read_key(key) {
                    Some(ChangeKey::Keys(n)) if n <= expired_through.get() => {}
                    _ => memory.apply(key, value, number, &[]),
                })
                .is_some()
            },
        )?;
        let memory = if rebuilt.is_some() { Memory::default() } else { memory.into_inner() };
        if rebuilt.is_some() {
            sizes.clear();
        }
        let total = sizes.values().sum();
        Ok((Self { memory, disk, sizes, total, cache_bytes }, rebuilt))
    }

    /// What is remembered.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Next offset of the changelog to be read; everything before it is in memory.
    #[must_use]
    pub fn changelog_next(&self) -> i64 {
        self.disk.checkpoint().changelog_next
    }

    /// Whether the changelog record right before [`Self::changelog_next`] is the marker of another history: then this
    /// memory was made from a topic that has been deleted and made anew. Other records say nothing.
    #[must_use]
    pub fn contradicts(&self, key: &[u8], value: Option<&[u8]>) -> bool {
        read_key(key) == Some(ChangeKey::Marker) && value.and_then(read_marker).as_ref() != Some(self.memory.marker())
    }

    /// Takes over what Kafka has committed, in memory and on disk.
    pub fn commit(&mut self, mut changes: Vec<Change>, changelog_next: i64) -> Result<(), Error> {
        let forgotten = self.forgotten(&changes)?;
        let dropped = self.clean_into(&mut changes)?;
        let marker = changes.iter().rev().find(|c| read_key(&c.key) == Some(ChangeKey::Marker));
        let expired_through = if let Some(marker) = marker {
            marker.value.as_deref().and_then(read_marker).unwrap_or_default().expired_through
        } else {
            changes.push(Change::marker(self.memory.marker()));
            self.memory.marker().expired_through
        };
        let packed = pack(&changes);
        let size = packed.len() as u64;
        let stand = Stand { changelog_next, keys: self.memory.len().1 as u64, expired_through };
        let number = self.disk.append(packed, &dropped, &stand)?;
        self.sizes.insert(number, size);
        self.total += size;
        self.memory.note_segment(number);
        for change in &changes {
            let keys = match read_key(&change.key) {
                Some(ChangeKey::Keys(n)) if change.value.is_none() => forgotten.get(&n).map_or(&[][..], Vec::as_slice),
                _ => &[],
            };
            self.memory.apply(&change.key, change.value.as_deref(), number, keys);
        }
        for segment in dropped {
            self.memory.drop_segment(segment);
            self.total -= self.sizes.remove(&segment).unwrap_or(0);
        }
        Ok(())
    }

    /// The idempotency keys behind those tombstones: only the disk has them by transaction.
    fn forgotten(&self, changes: &[Change]) -> Result<BTreeMap<u64, Vec<u128>>, Error> {
        let mut forgotten = BTreeMap::new();
        for change in changes.iter().filter(|c| c.value.is_none()) {
            let Some(ChangeKey::Keys(number)) = read_key(&change.key) else { continue };
            let Some(batch) = self.memory.batch(number) else { continue };
            let segment = self.disk.segment(batch.segment)?.ok_or_else(|| Error::Damaged("a segment is missing".into()))?;
            let mut keys = Vec::new();
            unpack(&segment, |key, value| {
                if read_key(key) == Some(ChangeKey::Keys(number))
                    && let Some((_, packed)) = value.and_then(read_timed)
                {
                    keys.extend(read_keys(packed));
                }
            })
            .ok_or_else(|| Error::Damaged("a segment fails its checksum".into()))?;
            forgotten.insert(number, keys);
        }
        Ok(forgotten)
    }

    /// Adds the live changes of the oldest segments where too much of the disk is dead; returns what to drop.
    fn clean_into(&self, changes: &mut Vec<Change>) -> Result<Vec<u64>, Error> {
        if self.total <= self.memory.live_bytes().saturating_mul(2).saturating_add(GARBAGE_BYTES) {
            return Ok(Vec::new());
        }
        let replaced: HashSet<&[u8]> = changes.iter().map(|c| c.key.as_slice()).collect();
        let mut dropped = Vec::new();
        let mut kept = Vec::new();
        for number in self.sizes.keys().copied().take(CLEAN_MAX) {
            let Some(segment) = self.disk.segment(number)? else { continue };
            unpack(&segment, |key, value| {
                if !replaced.contains(key) && self.memory.is_live(key, number) {
                    kept.push(Change { key: key.to_vec(), value: value.map(<[u8]>::to_vec) });
                }
            })
            .ok_or_else(|| Error::Damaged("a segment fails its checksum".into()))?;
            dropped.push(number);
        }
        // What is kept goes before the new changes, so that the marker stays last.
        kept.append(changes);
        *changes = kept;
        Ok(dropped)
    }

    /// Forgets everything, on disk too.
    pub fn wipe(self) -> Result<Self, Error> {
        let disk = self.disk.wipe(self.cache_bytes)?;
        Ok(Self { memory: Memory::default(), disk, sizes: BTreeMap::new(), total: 0, cache_bytes: self.cache_bytes })
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.disk.bytes()
    }

    /// Writes back what sled holds; nothing rests on it.
    pub fn flush(&self) -> Result<(), Error> {
        self.disk.flush()
    }

    /// A fresh overlay for the next transaction.
    #[must_use]
    pub fn overlay() -> Overlay {
        Overlay::default()
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
