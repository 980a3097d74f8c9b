//! The place of a partition's memory on disk: packed segments in one sled tree, with a checkpoint in the same batch.
//!
//! sled 0.34 panics on a flipped byte and opens a truncated log without a word, so every open and every write is
//! guarded, every segment has a checksum, and the checkpoint counts the segments it belongs to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Error;

/// Form of segments and values; a store of another form is rebuilt.
const FORM: u32 = 1;
/// Bytes handed to sled before it is made to write them. Its workers wait for a lock that its writer holds while it waits
/// for a truncation, which is queued behind them: where seven or more of its half-megabyte buffers wait for a slow disk, all
/// of them wait for ever (sled issue 1412 has the symptom). So few buffers may wait at a time.
const UNWRITTEN_MAX: usize = 256 << 10;
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// What a store belongs to. A store of anything else is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Kafka cluster id.
    pub cluster: String,
    /// Changelog topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
}

/// Why a store was wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// sled could not open it, or panicked.
    Damaged,
    /// A segment is missing or fails its checksum.
    Incomplete,
    /// It belongs to another cluster, topic, partition or form.
    Foreign,
    /// It claims to be ahead of the changelog.
    Ahead,
}

impl Rebuilt {
    /// One word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Incomplete => "incomplete",
            Self::Foreign => "foreign",
            Self::Ahead => "ahead",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    identity: [u8; 16],
    /// Next offset of the changelog to be read.
    pub(super) changelog_next: i64,
    pub(super) next_segment: u64,
    segments: u64,
    sum: u64,
    /// Idempotency keys, so that a restore can make room at once.
    pub(super) keys: u64,
    /// Idempotency keys of transactions up to this number are forgotten.
    pub(super) expired_through: u64,
}

/// Where a store stands after an append.
#[derive(Debug)]
pub(super) struct Stand {
    pub(super) changelog_next: i64,
    pub(super) keys: u64,
    pub(super) expired_through: u64,
}

#[derive(Debug)]
pub(super) struct Disk {
    db: sled::Db,
    path: PathBuf,
    checkpoint: Checkpoint,
    unwritten: usize,
}

fn segment_key(number: u64) -> [u8; 9] {
    let mut key = [b's'; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn guarded<T>(work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::Damaged(error.to_string())),
        Err(_) => Err(Error::Damaged("sled panicked".into())),
    }
}

fn open_sled(path: &Path, cache_bytes: u64) -> Result<sled::Db, Error> {
    for attempt in 0..LOCK_TRIES {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(500));
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(sled::Error::Io(error))) if error.to_string().contains("lock") => {
                // A process that was just killed may still hold the lock for a moment.
                if attempt + 1 == LOCK_TRIES {
                    return Err(Error::InUse(path.display().to_string()));
                }
                std::thread::sleep(LOCK_WAIT);
            }
            Ok(Err(error)) => return Err(Error::Damaged(error.to_string())),
            Err(_) => return Err(Error::Damaged("sled panicked".into())),
        }
    }
    Err(Error::InUse(path.display().to_string()))
}

impl Disk {
    /// Opens what is there and hands every segment in order to `visit`; a store that cannot be trusted is wiped, and
    /// the reason returned. After a wipe `visit` may have seen segments: the caller starts its memory anew.
    pub(super) fn open(
        path: &Path,
        identity: &Identity,
        cache_bytes: u64,
        prepare: impl FnOnce(&Checkpoint),
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(Self, Option<Rebuilt>), Error> {
        std::fs::create_dir_all(path)?;
        let identity = Self::fingerprint(identity);
        let reason = match open_sled(path, cache_bytes) {
            Ok(db) => match guarded(|| Ok(Self::read(&db, identity, prepare, &mut visit))) {
                Ok(Ok(checkpoint)) => return Ok((Self { db, path: path.to_owned(), checkpoint, unwritten: 0 }, None)),
                Ok(Err(reason)) => reason,
                Err(_) => Rebuilt::Damaged,
            },
            Err(error @ Error::InUse(_)) => return Err(error),
            Err(_) => Rebuilt::Damaged,
        };
        let disk = Self::wiped(path, identity, cache_bytes)?;
        Ok((disk, Some(reason)))
    }

    fn fingerprint(identity: &Identity) -> [u8; 16] {
        let form = FORM.to_string();
        crate::domain::dedup::id_of(&[&identity.cluster, &identity.topic, &identity.partition.to_string(), &form])
    }

    fn wiped(path: &Path, identity: [u8; 16], cache_bytes: u64) -> Result<Self, Error> {
        std::fs::remove_dir_all(path)?;
        std::fs::create_dir_all(path)?;
        let db = open_sled(path, cache_bytes)?;
        Ok(Self { db, path: path.to_owned(), checkpoint: Checkpoint { identity, ..Checkpoint::default() }, unwritten: 0 })
    }

    /// Empties the store.
    pub(super) fn wipe(self, cache_bytes: u64) -> Result<Self, Error> {
        let Self { db, path, checkpoint, .. } = self;
        drop(db);
        Self::wiped(&path, checkpoint.identity, cache_bytes)
    }

    fn read(
        db: &sled::Db,
        identity: [u8; 16],
        prepare: impl FnOnce(&Checkpoint),
        visit: &mut impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<Checkpoint, Rebuilt> {
        let Some(stored) = db.get(b"c").map_err(|_| Rebuilt::Damaged)? else {
            let empty = db.is_empty();
            return if empty { Ok(Checkpoint { identity, ..Checkpoint::default() }) } else { Err(Rebuilt::Incomplete) };
        };
        let checkpoint: Checkpoint = postcard::from_bytes(&stored).map_err(|_| Rebuilt::Foreign)?;
        if checkpoint.identity != identity {
            return Err(Rebuilt::Foreign);
        }
        prepare(&checkpoint);
        let (mut segments, mut sum) = (0_u64, 0_u64);
        for item in db.scan_prefix(b"s") {
            let (key, value) = item.map_err(|_| Rebuilt::Damaged)?;
            let number = key.get(1..).and_then(|k| k.try_into().ok()).map(u64::from_be_bytes).ok_or(Rebuilt::Damaged)?;
            segments += 1;
            sum ^= number;
            if !visit(number, &value) {
                return Err(Rebuilt::Incomplete);
            }
        }
        if (segments, sum) == (checkpoint.segments, checkpoint.sum) { Ok(checkpoint) } else { Err(Rebuilt::Incomplete) }
    }

    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// One segment as stored.
    pub(super) fn segment(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        guarded(|| self.db.get(segment_key(number))).map(|v| v.map(|v| v.to_vec()))
    }

    /// Writes a segment, removes others and moves the checkpoint, all or nothing. Returns the number of the segment.
    pub(super) fn append(&mut self, packed: Vec<u8>, dropped: &[u64], stand: &Stand) -> Result<u64, Error> {
        let number = self.checkpoint.next_segment;
        let mut next = self.checkpoint.clone();
        next.changelog_next = stand.changelog_next;
        next.next_segment = number + 1;
        next.segments = next.segments + 1 - u64::try_from(dropped.len()).unwrap_or(0);
        next.sum = dropped.iter().fold(next.sum ^ number, |sum, n| sum ^ n);
        next.keys = stand.keys;
        next.expired_through = stand.expired_through;
        self.unwritten += packed.len();
        let mut batch = sled::Batch::default();
        batch.insert(&segment_key(number), packed);
        for number in dropped {
            batch.remove(&segment_key(*number));
        }
        batch.insert(b"c", postcard::to_stdvec(&next).map_err(|e| Error::Damaged(e.to_string()))?);
        guarded(|| self.db.apply_batch(batch))?;
        self.checkpoint = next;
        if self.unwritten >= UNWRITTEN_MAX {
            self.flush()?;
            self.unwritten = 0;
        }
        Ok(number)
    }

    /// Asks sled to write what it holds back. Nothing rests on it.
    pub(super) fn flush(&self) -> Result<(), Error> {
        guarded(|| self.db.flush()).map(|_| ())
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        guarded(|| self.db.size_on_disk()).unwrap_or(0)
    }
}
