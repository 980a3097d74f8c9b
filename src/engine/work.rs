//! What one open transaction has come to so far.

use std::collections::BTreeSet;

use super::assignment::{Standing, TopicPartition};
use crate::domain::time::Micros;
use crate::domain::verdict::Verdict;

/// Values by partition. Records come in runs of one partition, so the last one is looked at first.
#[derive(Debug)]
pub(super) struct Places<T> {
    all: Vec<(TopicPartition, T)>,
    last: usize,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { all: Vec::new(), last: 0 }
    }
}

impl<T> Places<T> {
    /// The number of a partition and its value, made where there is none yet.
    pub(super) fn at(&mut self, topic: &str, partition: i32, new: impl FnOnce() -> T) -> (usize, &mut T) {
        let is = |((t, p), _): &(TopicPartition, T)| *p == partition && t == topic;
        if !self.all.get(self.last).is_some_and(is) {
            self.last = self.all.iter().position(is).unwrap_or_else(|| {
                self.all.push(((topic.to_owned(), partition), new()));
                self.all.len() - 1
            });
        }
        let last = self.last;
        (last, &mut self.all[last].1)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(TopicPartition, T)> {
        self.all.iter()
    }
}

/// What is to be committed, and what is told of it afterwards.
#[derive(Default)]
pub(super) struct Work {
    pub(super) moved: Places<Standing>,
    pub(super) touched: BTreeSet<i32>,
    pub(super) decided: Vec<Decided>,
}

/// What became of one record.
pub(super) struct Decided {
    /// Number of its partition in [`Work::moved`].
    pub(super) place: usize,
    pub(super) verdict: Verdict,
    /// When what it tells reached us.
    pub(super) at: Micros,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_what_belongs_to_them_apart() {
        let mut places = Places::default();
        for (topic, partition) in [("a", 0), ("a", 1), ("a", 0), ("b", 0), ("b", 0), ("a", 1)] {
            *places.at(topic, partition, || 0).1 += 1;
        }
        let told: Vec<_> = places.iter().map(|((t, p), n)| (t.as_str(), *p, *n)).collect();
        assert_eq!(told, [("a", 0, 2), ("a", 1, 2), ("b", 0, 2)]);
        assert_eq!(places.at("b", 0, || 9), (2, &mut 2));
    }
}
