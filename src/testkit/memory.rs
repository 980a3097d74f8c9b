//! A processor's memory in a map, with its alarms, as the engine has it.

use std::collections::{BTreeMap, HashSet};

use crate::domain::time::Micros;
use crate::engine::processor::State;

/// The memory of one partition.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Values with their alarms, UTC microseconds.
    pub values: BTreeMap<Vec<u8>, (Vec<u8>, Option<Micros>)>,
    seen: HashSet<[u8; 16]>,
}

impl Memory {
    /// A key whose alarm has come.
    #[must_use]
    pub fn due(&self, now: Micros) -> Option<Vec<u8>> {
        self.values.iter().find(|(_, (_, at))| at.is_some_and(|at| at <= now)).map(|(key, _)| key.clone())
    }
}

impl State for Memory {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(|(value, _)| value.as_slice())
    }
    fn put(&mut self, key: &[u8], value: Vec<u8>, wake_at: Option<Micros>) {
        self.values.insert(key.to_vec(), (value, wake_at));
    }
    fn delete(&mut self, key: &[u8]) {
        self.values.remove(key);
    }
    fn seen(&self, key: [u8; 16]) -> bool {
        self.seen.contains(&key)
    }
    fn remember(&mut self, key: [u8; 16]) {
        self.seen.insert(key);
    }
}
