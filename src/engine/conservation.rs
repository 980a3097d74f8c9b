//! C1 in numbers: what became of the records of each input partition.
//!
//! The counts are committed with the offsets, as the metadata of the consumer group, in the same transaction: they are
//! exact whatever is killed, and anyone who can read the group's offsets can check them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::domain::verdict::Verdict;

/// Counts of one input partition since its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records consumed.
    pub consumed: u64,
    /// Records from which something was published.
    pub published_from: u64,
    /// Records that said nothing new.
    pub duplicates: u64,
    /// Records in the dead letters.
    pub dead_lettered: u64,
}

impl Counts {
    /// Counts one verdict.
    pub fn add(&mut self, verdict: &Verdict) {
        self.consumed += 1;
        match verdict {
            Verdict::Publish => self.published_from += 1,
            Verdict::Duplicate(_) => self.duplicates += 1,
            Verdict::Park(_) | Verdict::Partly(_) => self.dead_lettered += 1,
        }
    }

    /// Sums two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            consumed: self.consumed + other.consumed,
            published_from: self.published_from + other.published_from,
            duplicates: self.duplicates + other.duplicates,
            dead_lettered: self.dead_lettered + other.dead_lettered,
        }
    }

    /// Whether every record that came in is accounted for once.
    #[must_use]
    pub fn conserved(self) -> bool {
        self.consumed == self.published_from + self.duplicates + self.dead_lettered
    }

    /// The form in the offset metadata.
    #[must_use]
    pub fn to_metadata(self) -> String {
        format!("wb1 {} {} {} {}", self.consumed, self.published_from, self.duplicates, self.dead_lettered)
    }

    /// Reads the metadata; `None` when somebody else committed it.
    #[must_use]
    pub fn from_metadata(metadata: &str) -> Option<Self> {
        let mut parts = metadata.strip_prefix("wb1 ")?.split(' ').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { consumed: next()?, published_from: next()?, duplicates: next()?, dead_lettered: next()? })
    }
}

/// Service, topic without prefix, partition.
type Place = (String, String, i32);

/// The counts and positions that the loops of this process have committed.
#[derive(Debug, Default)]
pub struct Conservation {
    inner: Mutex<BTreeMap<Place, (Counts, i64)>>,
    effects: Mutex<BTreeMap<String, u64>>,
}

impl Conservation {
    /// A partition stands here now.
    pub fn stands(&self, service: &str, topic: &str, partition: i32, counts: Counts, next: i64) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.insert((service.to_owned(), topic.to_owned(), partition), (counts, next));
        }
    }

    /// A partition has gone to another instance.
    pub fn gone(&self, service: &str, topic: &str, partition: i32) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.remove(&(service.to_owned(), topic.to_owned(), partition));
        }
    }

    /// Effects of a service that are in the ledger now.
    pub fn effects_done(&self, service: &str, effects: u64) {
        if let Ok(mut all) = self.effects.lock() {
            *all.entry(service.to_owned()).or_default() += effects;
        }
    }

    /// Effects by service since the process began.
    #[must_use]
    pub fn effects(&self) -> BTreeMap<String, u64> {
        self.effects.lock().map(|e| e.clone()).unwrap_or_default()
    }

    /// Sums by service and topic.
    #[must_use]
    pub fn by_topic(&self) -> BTreeMap<(String, String), Counts> {
        let mut sums: BTreeMap<(String, String), Counts> = BTreeMap::new();
        if let Ok(inner) = self.inner.lock() {
            for ((service, topic, _), (counts, _)) in inner.iter() {
                let sum = sums.entry((service.clone(), topic.clone())).or_default();
                *sum = sum.plus(*counts);
            }
        }
        sums
    }

    /// Next offset by service, topic and partition.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<(String, String, i32), i64> {
        self.inner.lock().map(|inner| inner.iter().map(|(place, (_, next))| (place.clone(), *next)).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::{Code, Park};

    #[test]
    fn metadata_comes_back_and_that_of_others_does_not() {
        let mut counts = Counts::default();
        counts.add(&Verdict::Publish);
        counts.add(&Verdict::Duplicate("repeated"));
        counts.add(&Verdict::Partly(Park::new(Code::PARTLY_READ, "1 of 2")));
        assert_eq!((counts.consumed, counts.published_from, counts.dead_lettered), (3, 1, 1), "once, where its letter is");
        assert_eq!(Counts::from_metadata(&counts.to_metadata()), Some(counts));
        assert!(counts.conserved());
        assert_eq!(Counts::from_metadata(""), None);
        assert_eq!(Counts::from_metadata("wb1 1 x"), None);
    }
}
