//! The contract between the loops and a service: `(record, state, now) → outputs + state changes + verdict`.

use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::Verdict;

/// Kafka headers in their order; a name may come more than once.
pub type Headers = Vec<(String, Vec<u8>)>;

/// One consumed record.
#[derive(Debug)]
pub struct Input<'a> {
    /// Topic without the configured prefix.
    pub topic: &'a str,
    /// Partition of that topic.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Timestamp of the Kafka record, UTC microseconds.
    pub received_at: Micros,
    /// Record key.
    pub key: Option<&'a [u8]>,
    /// Headers as they came.
    pub headers: &'a Headers,
    /// What was read from the value.
    pub payload: Payload<'a>,
}

/// The value of a record: decoded where the topic is canonical, bytes where it is raw.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Bytes as received; `None` is a tombstone.
    Raw(Option<&'a [u8]>),
    /// A canonical record.
    Canonical(Record),
}

/// What a processor remembers, one view per partition. Reads see what this transaction has written.
pub trait State {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Option<&[u8]>;
    /// Remembers a value. With `wake_at` the processor is woken for this key once the clock has passed it
    /// (UTC microseconds); a later `put` replaces the alarm, `None` removes it.
    fn put(&mut self, key: &[u8], value: Vec<u8>, wake_at: Option<Micros>);
    /// Forgets a key and its alarm.
    fn delete(&mut self, key: &[u8]);
    /// Whether an idempotency key has been remembered within the window.
    fn seen(&self, key: [u8; 16]) -> bool;
    /// Remembers an idempotency key; it is forgotten with the window.
    fn remember(&mut self, key: [u8; 16]);
}

/// One record to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Topic without the configured prefix.
    pub topic: &'static str,
    /// Record key: decides the partition.
    pub key: String,
    /// What is published.
    pub record: Record,
}

/// What a processor publishes for one record, in order.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Records in the order of publishing.
    pub records: Vec<Output>,
}

impl Outputs {
    /// Adds one record.
    pub fn publish(&mut self, topic: &'static str, key: impl Into<String>, record: Record) {
        self.records.push(Output { topic, key: key.into(), record });
    }
}

/// What a service does with records. Pure: the same arguments give the same answer, on a table in a unit test
/// as on Kafka.
pub trait Processor: Send + Sync {
    /// Decides about one record.
    fn process(&self, input: &Input<'_>, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict;

    /// An alarm set by `State::put` has come. The default forgets nothing and says nothing.
    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        let _ = (key, state, now, out);
    }
}
