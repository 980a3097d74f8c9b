//! Which partitions are ours, where they stand, and which of them may flow.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::conservation::Counts;
use super::work::Places;
use crate::kafka::{Committed, Position};
use crate::store::InputOffset;

/// Topic with prefix, and partition.
pub(super) type TopicPartition = (String, i32);

/// Where one of our partitions stands.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) next: i64,
    pub(super) counts: Counts,
}

/// What is assigned to this instance.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    standing: BTreeMap<TopicPartition, Standing>,
    /// Assigned, and not taken up before their memory is there.
    waiting: BTreeSet<TopicPartition>,
}

impl Assignment {
    pub(super) fn assigned(&mut self, partitions: Vec<TopicPartition>) {
        self.waiting.extend(partitions);
    }

    pub(super) fn revoked(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.standing.remove(partition);
            self.waiting.remove(partition);
        }
    }

    pub(super) fn waiting(&self) -> Vec<TopicPartition> {
        self.waiting.iter().cloned().collect()
    }

    /// What is brought up and may be fetched.
    pub(super) fn flowing(&self) -> Vec<TopicPartition> {
        self.standing.keys().cloned().collect()
    }

    pub(super) fn owns(&self, topic: &str, partition: i32) -> bool {
        self.standing.contains_key(&(topic.to_owned(), partition))
    }

    /// Whether one of these topics is ours in this partition.
    pub(super) fn owns_any(&self, topics: &[String], partition: i32) -> bool {
        self.standing.keys().chain(&self.waiting).any(|(t, p)| *p == partition && topics.contains(t))
    }

    /// Joined topics whose partition numbers differ: empty when all is well.
    pub(super) fn mismatched(&self, joined: &[String]) -> Vec<i32> {
        let of = |topic: &String| -> BTreeSet<i32> {
            self.standing.keys().chain(&self.waiting).filter(|(t, _)| t == topic).map(|(_, p)| *p).collect()
        };
        let sets: Vec<_> = joined.iter().map(of).collect();
        let all: BTreeSet<i32> = sets.iter().flatten().copied().collect();
        all.into_iter().filter(|p| sets.iter().any(|s| !s.contains(p))).collect()
    }

    /// A partition is brought up and flows from here.
    pub(super) fn flows(&mut self, committed: &Committed, next: i64) {
        let partition = (committed.topic.clone(), committed.partition);
        self.waiting.remove(&partition);
        let counts = Counts::from_metadata(&committed.metadata).unwrap_or_default();
        self.standing.insert(partition, Standing { next, counts });
    }

    pub(super) fn standing(&self, topic: &str, partition: i32) -> Option<&Standing> {
        self.standing.get(&(topic.to_owned(), partition))
    }

    /// One of the partitions that flow, by turns.
    pub(super) fn turn(&self, turn: usize) -> Option<(String, i32, i64)> {
        let at = turn % self.standing.len().max(1);
        self.standing.iter().nth(at).map(|((topic, partition), s)| (topic.clone(), *partition, s.next))
    }

    /// A transaction committed these.
    pub(super) fn advance(&mut self, moved: &Places<Standing>) {
        for (partition, standing) in moved.iter() {
            if let Some(known) = self.standing.get_mut(partition) {
                *known = standing.clone();
            }
        }
    }

    /// The positions of one transaction: what it moved, and for a partition that only an alarm touched, where it
    /// stands, so that the broker checks the membership all the same.
    pub(super) fn positions(&self, moved: &Places<Standing>, touched: &BTreeSet<i32>, joined: &[String]) -> Vec<Position> {
        let mut all: BTreeMap<TopicPartition, Standing> = moved.iter().cloned().collect();
        for topic in joined {
            for partition in touched {
                let place = (topic.clone(), *partition);
                if let Some(standing) = self.standing.get(&place) {
                    all.entry(place).or_insert_with(|| standing.clone());
                }
            }
        }
        all.into_iter()
            .map(|((topic, partition), s)| Position { topic, partition, next: s.next, metadata: s.counts.to_metadata() })
            .collect()
    }
}

/// The positions of stateful inputs by partition number: what the marker remembers.
pub(super) fn inputs_by_partition(positions: &[Position], joined: &[String]) -> HashMap<i32, Vec<InputOffset>> {
    let mut inputs: HashMap<i32, Vec<InputOffset>> = HashMap::new();
    for p in positions.iter().filter(|p| joined.contains(&p.topic)) {
        let input = InputOffset { topic: p.topic.clone(), partition: p.partition, next: p.next };
        inputs.entry(p.partition).or_default().push(input);
    }
    inputs
}
