//! The memories of the partitions of this instance: opened, brought up to the end of their changelog, written after commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::Error;
use super::processor::State;
use super::shares::in_shares;
use super::spec::{EngineSettings, ServiceSpec, Surroundings};
use crate::domain::time::Micros;
use crate::kafka::{self, Committed, KafkaSettings, OutRecord, RecordReader, TransactionalProducer};
use crate::store::{Change, Identity, InputOffset, Overlay, PartitionStore, Rebuilt};
use crate::telemetry::events;
use crate::telemetry::metrics::EngineMetrics;

/// Changes taken from the changelog before they are written to disk together.
const RESTORE_PORTION: usize = 5_000;
/// How often a changelog that gives nothing is asked again, 100 ms each, before its restore is begun anew.
const RESTORE_POLLS_MAX: u32 = 100;
/// Alarms that one transaction may serve per partition.
const ALARMS_MAX: usize = 500;
/// Transactions' worth of idempotency keys that one transaction may forget per partition.
const EXPIRIES_MAX: usize = 20;
/// Longest pause before the end of a changelog is read again while a transaction over it is still open.
const SETTLE_PAUSE_MAX: std::time::Duration = std::time::Duration::from_secs(1);
/// How much longer than a transaction may be open its end is waited for.
const SETTLE_MARGIN: std::time::Duration = std::time::Duration::from_secs(15);

struct Task {
    store: PartitionStore,
    overlay: Overlay,
    active: bool,
    /// What has been sent to the changelog in the open transaction.
    sent: Vec<Change>,
}

impl Task {
    fn of(store: PartitionStore) -> Self {
        Self { store, overlay: Overlay::default(), active: false, sent: Vec::new() }
    }
}

/// All memories of one service here. Those of partitions that have gone stay warm for their return.
pub(super) struct Tasks {
    service: &'static str,
    changelog: String,
    cluster: String,
    dir: PathBuf,
    cache_bytes: u64,
    window: Micros,
    settle_max: std::time::Duration,
    reader: RecordReader,
    metrics: EngineMetrics,
    clock: Arc<dyn crate::telemetry::clock::Clock>,
    open: BTreeMap<i32, Task>,
}

impl Tasks {
    pub(super) fn new(
        spec: &ServiceSpec,
        changelog: &str,
        kafka: &KafkaSettings,
        settings: &EngineSettings,
        around: &Surroundings,
        cluster: String,
    ) -> Result<Self, kafka::Error> {
        Ok(Self {
            service: spec.name,
            changelog: spec.full(changelog),
            cluster,
            dir: settings.store_dir.join(spec.name).join(&kafka.instance_id),
            cache_bytes: settings.store_cache_bytes,
            window: i64::try_from(settings.window.as_micros()).unwrap_or(i64::MAX),
            settle_max: kafka.transaction_timeout + SETTLE_MARGIN,
            reader: RecordReader::new(kafka)?,
            metrics: around.metrics.engine(spec.name),
            clock: around.clock.clone(),
            open: BTreeMap::new(),
        })
    }

    /// Opens the memories of these partitions side by side, those that are not warm.
    pub(super) fn open_all(&mut self, partitions: &BTreeSet<i32>) -> Result<(), RestoreError> {
        let cold: Vec<i32> = partitions.iter().filter(|p| !self.open.contains_key(p)).copied().collect();
        let opened = in_shares(&cold, 1, |partition| self.open(*partition));
        for (partition, store) in cold.into_iter().zip(opened) {
            self.open.insert(partition, Task::of(store?));
        }
        Ok(())
    }

    /// Opens a partition's memory if need be and brings it up to the end of its changelog. `committed`: where the group stands in
    /// the inputs of this partition; the memory must stand at the same place.
    pub(super) fn bring_up(&mut self, partition: i32, committed: &[Committed]) -> Result<(), RestoreError> {
        let started = self.clock.monotonic();
        let mut task = match self.open.remove(&partition) {
            Some(task) => task,
            None => Task::of(self.open(partition)?),
        };
        task.overlay = Overlay::default();
        let mut records = 0;
        let mut pause = std::time::Duration::from_millis(50);
        loop {
            let (store, read) = self.catch_up(task.store, partition)?;
            task.store = store;
            records += read;
            if stands_at(&task.store.memory().marker().inputs, committed) {
                break;
            }
            if self.clock.monotonic().saturating_sub(started) > self.settle_max {
                return Err(Error::ChangelogShort(format!("partition {partition} of {}", self.changelog)).into());
            }
            // A predecessor's transaction is still open over the changelog: its time-out settles it.
            events::waiting_for(self.service, "changelog", "it ends before the committed offsets", pause);
            std::thread::sleep(pause);
            pause = (pause * 2).min(SETTLE_PAUSE_MAX);
        }
        task.active = true;
        self.open.insert(partition, task);
        let took = self.clock.monotonic().saturating_sub(started);
        self.metrics.restored(records, took);
        events::restore_done(self.service, partition, records, took);
        Ok(())
    }

    fn open(&self, partition: i32) -> Result<PartitionStore, RestoreError> {
        let identity = Identity { cluster: self.cluster.clone(), topic: self.changelog.clone(), partition };
        let path = self.dir.join(format!("p{partition:04}"));
        let (store, rebuilt) = PartitionStore::open(&path, &identity, self.cache_bytes).map_err(Error::Store)?;
        if let Some(reason) = rebuilt {
            self.rebuilt(partition, reason);
        }
        Ok(store)
    }

    fn rebuilt(&self, partition: i32, reason: Rebuilt) {
        self.metrics.store_rebuilt(reason.as_str());
        events::store_rebuilt(self.service, partition, reason.as_str());
    }

    fn catch_up(&self, mut store: PartitionStore, partition: i32) -> Result<(PartitionStore, u64), RestoreError> {
        let (_, high) = self.reader.bounds(&self.changelog, partition)?;
        if store.changelog_next() > high {
            self.rebuilt(partition, Rebuilt::Ahead);
            store = store.wipe().map_err(Error::Store)?;
        }
        // The last record that is known already is read once more, to see whether it is still the same.
        let known = store.changelog_next() - 1;
        let Some(end) = self.reader.seek(&self.changelog, partition, known.max(0))? else { return Ok((store, 0)) };
        let mut portion = Vec::with_capacity(RESTORE_PORTION);
        let (mut next, mut read) = (0, 0);
        while let Some(message) = self.reader.next(end, RESTORE_POLLS_MAX)? {
            let key = message.key().unwrap_or_default();
            if message.offset() <= known {
                if store.contradicts(key, message.value()) {
                    self.rebuilt(partition, Rebuilt::Foreign);
                    return self.catch_up(store.wipe().map_err(Error::Store)?, partition);
                }
                continue;
            }
            portion.push(Change { key: key.to_vec(), value: message.value().map(<[u8]>::to_vec) });
            next = message.offset() + 1;
            read += 1;
            if portion.len() >= RESTORE_PORTION {
                store.commit(std::mem::take(&mut portion), next).map_err(Error::Store)?;
            }
        }
        if !portion.is_empty() {
            store.commit(portion, next).map_err(Error::Store)?;
        }
        Ok((store, read))
    }

    /// A partition has gone; its memory stays on disk and warm.
    pub(super) fn rest(&mut self, partition: i32) {
        if let Some(task) = self.open.get_mut(&partition) {
            task.active = false;
            task.overlay = Overlay::default();
        }
    }

    /// The view of a partition's memory in the open transaction.
    pub(super) fn state(&mut self, partition: i32) -> Option<TaskState<'_>> {
        let task = self.open.get_mut(&partition).filter(|t| t.active)?;
        Some(TaskState { store: &task.store, overlay: &mut task.overlay })
    }

    /// Keys whose alarm has come, by partition.
    pub(super) fn due(&self, now: Micros) -> Vec<(i32, Vec<Arc<[u8]>>)> {
        let active = self.open.iter().filter(|(_, t)| t.active);
        active.map(|(p, t)| (*p, t.store.memory().due(now, ALARMS_MAX))).filter(|(_, keys)| !keys.is_empty()).collect()
    }

    /// Idempotency keys older than the window are forgotten with this transaction; says in which partitions.
    pub(super) fn expire(&mut self, now: Micros) -> Vec<i32> {
        let before = now.saturating_sub(self.window);
        let mut partitions = Vec::new();
        for (partition, task) in self.open.iter_mut().filter(|(_, t)| t.active) {
            let numbers = task.store.memory().expired(before, EXPIRIES_MAX);
            if !numbers.is_empty() {
                task.overlay.expire(numbers);
                partitions.push(*partition);
            }
        }
        partitions
    }

    /// Sends what the open transaction changed to the changelog. `inputs`: the positions it commits, by partition.
    pub(super) fn send_changes(
        &mut self,
        producer: &TransactionalProducer,
        now: Micros,
        inputs: &HashMap<i32, Vec<InputOffset>>,
    ) -> Result<(), kafka::Error> {
        for (partition, task) in self.open.iter_mut().filter(|(_, t)| t.active) {
            let Some(positions) = inputs.get(partition) else { continue };
            task.sent = task.overlay.changes(task.store.memory(), now, positions);
            for change in &task.sent {
                producer.send(&OutRecord {
                    topic: &self.changelog,
                    partition: Some(*partition),
                    key: Some(&change.key),
                    value: change.value.as_deref(),
                    headers: &[],
                    timestamp_ms: None,
                    report_offset: true,
                })?;
            }
        }
        Ok(())
    }

    /// Kafka has committed: memory and disk follow. Returns the partitions whose disk failed: their memory is gone and
    /// has to be brought up again.
    pub(super) fn committed(&mut self, offsets: &HashMap<i32, i64>) -> Vec<i32> {
        let mut failed = Vec::new();
        for (partition, task) in &mut self.open {
            let changes = std::mem::take(&mut task.sent);
            task.overlay = Overlay::default();
            let Some(last) = offsets.get(partition).filter(|_| !changes.is_empty()) else { continue };
            if task.store.commit(changes, last + 1).is_err() {
                failed.push(*partition);
            }
        }
        for partition in &failed {
            self.open.remove(partition);
            self.rebuilt(*partition, Rebuilt::Damaged);
        }
        failed
    }

    /// The open transaction is thrown away, and with it what was pending.
    pub(super) fn aborted(&mut self) {
        for task in self.open.values_mut() {
            task.sent.clear();
            task.overlay = Overlay::default();
        }
    }

    pub(super) fn report_bytes(&self) {
        self.metrics.store_bytes(self.open.values().map(|t| t.store.disk_bytes()).sum());
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("partitions", &self.open.keys().collect::<Vec<_>>()).finish()
    }
}

/// Why a memory could not be brought up.
#[derive(Debug)]
pub(super) enum RestoreError {
    Kafka(kafka::Error),
    Engine(Error),
}

impl From<kafka::Error> for RestoreError {
    fn from(error: kafka::Error) -> Self {
        Self::Kafka(error)
    }
}

impl From<Error> for RestoreError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// Whether the memory has every transaction that the group's offsets know. A group set back by hand is behind the
/// memory: that is a replay, and the idempotency keys deal with it.
fn stands_at(marker: &[InputOffset], committed: &[Committed]) -> bool {
    committed.iter().all(|c| {
        let Some(offset) = c.offset else { return true };
        let known = marker.iter().find(|i| i.topic == c.topic && i.partition == c.partition);
        // Offsets without our metadata were set by hand or by another tool: no transaction of ours stands behind them.
        c.metadata.is_empty() || known.is_some_and(|i| i.next >= offset)
    })
}

/// A processor's view of one memory.
#[derive(Debug)]
pub(super) struct TaskState<'a> {
    store: &'a PartitionStore,
    overlay: &'a mut Overlay,
}

impl TaskState<'_> {
    /// Whether the open transaction has changed this key.
    pub(super) fn is_pending(&self, key: &[u8]) -> bool {
        self.overlay.is_pending(key)
    }
}

impl State for TaskState<'_> {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.overlay.get(self.store.memory(), key)
    }
    fn put(&mut self, key: &[u8], value: Vec<u8>, wake_at: Option<Micros>) {
        self.overlay.put(key, value, wake_at);
    }
    fn delete(&mut self, key: &[u8]) {
        self.overlay.delete(key);
    }
    fn seen(&self, key: [u8; 16]) -> bool {
        self.overlay.seen(self.store.memory(), u128::from_le_bytes(key))
    }
    fn remember(&mut self, key: [u8; 16]) {
        self.overlay.remember(u128::from_le_bytes(key));
    }
}

/// The memory of a service that has none.
#[derive(Debug)]
pub(super) struct NoState;

impl State for NoState {
    fn get(&self, _: &[u8]) -> Option<&[u8]> {
        None
    }
    fn put(&mut self, _: &[u8], _: Vec<u8>, _: Option<Micros>) {}
    fn delete(&mut self, _: &[u8]) {}
    fn seen(&self, _: [u8; 16]) -> bool {
        false
    }
    fn remember(&mut self, _: [u8; 16]) {}
}
