//! Whether a cluster keeps what exactly-once rests on. Some brokers accept every transactional call and ignore it.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::ConsumerGroupMetadata;

use super::{AssignmentChange, Error, GroupConsumer, KafkaSettings, OutRecord, Position, RecordReader, TransactionalProducer};

/// What the cluster does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeFinding {
    /// An aborted record is seen by `read_committed`.
    AbortedIsVisible,
    /// A commit by a member that has left the group was accepted (KIP-447).
    StaleMemberAccepted,
    /// A second producer with the same `transactional.id` did not fence the first.
    NotFenced,
}

impl std::fmt::Display for ProbeFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AbortedIsVisible => "a record of an aborted transaction is seen by read_committed consumers",
            Self::StaleMemberAccepted => "a commit by a member that has left the consumer group is accepted",
            Self::NotFenced => "a second producer with the same transactional.id does not fence the first",
        })
    }
}

/// How long one poll waits, and how often the group may be asked before it has formed.
const POLL: Duration = Duration::from_millis(100);
const JOIN_POLLS_MAX: u32 = 300;
const LEAVE_POLLS_MAX: u32 = 20;
const READ_POLLS_MAX: u32 = 50;

/// Tries the three on `topic` (one partition is enough; it holds a few records afterwards). Takes a second or two,
/// or as long as the broker delays a first rebalance.
pub fn probe(settings: &KafkaSettings, topic: &str) -> Result<Vec<ProbeFinding>, Error> {
    let settings =
        KafkaSettings { group: format!("{}.probe", settings.group), assignor: "range".into(), group_instance_id: None, ..settings.clone() };
    let mut findings = Vec::new();
    let first = TransactionalProducer::init(&settings)?;
    let reader = RecordReader::new(&settings)?;
    let from = reader.bounds(topic, 0)?.1;
    let member = joined(&settings, topic)?;

    first.begin()?;
    first.send(&record(topic, b"aborted"))?;
    // Only what has reached the broker can show whether an abort hides it.
    first.abort_after_delivery()?;
    first.begin()?;
    first.send(&record(topic, b"committed"))?;
    first.commit(&[], &member)?;
    if let Some(end) = reader.seek(topic, 0, from)? {
        while let Some(message) = reader.next(end, READ_POLLS_MAX)? {
            if message.key() == Some(b"aborted") {
                findings.push(ProbeFinding::AbortedIsVisible);
            }
        }
    }

    let stale = Arc::new(member.group_metadata().ok_or_else(|| Error::Away("the probe's group did not form".into()))?);
    member.leave();
    let position = Position { topic: topic.to_owned(), partition: 0, next: from, metadata: String::new() };
    if accepts_stale_member(&first, &member, &position, &stale)? {
        findings.push(ProbeFinding::StaleMemberAccepted);
    }

    first.begin()?;
    let second = TransactionalProducer::init(&settings)?;
    let fenced = first.send(&record(topic, b"zombie")).is_err() || first.commit_empty().is_err();
    if !fenced {
        findings.push(ProbeFinding::NotFenced);
    }
    drop(second);
    Ok(findings)
}

/// Leaving takes a moment, so an accepted commit is tried again before it counts.
fn accepts_stale_member(
    producer: &TransactionalProducer,
    member: &GroupConsumer,
    position: &Position,
    stale: &Arc<ConsumerGroupMetadata>,
) -> Result<bool, Error> {
    for _ in 0..LEAVE_POLLS_MAX {
        let _ = member.poll(POLL);
        producer.begin()?;
        let sent = producer.send_offsets(std::slice::from_ref(position), stale.clone());
        producer.abort()?;
        match sent {
            Ok(()) => {}
            Err(Error::Fatal(text)) => return Err(Error::Fatal(text)),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

fn record<'a>(topic: &'a str, key: &'a [u8]) -> OutRecord<'a> {
    OutRecord { topic, partition: Some(0), key: Some(key), value: Some(b"probe"), headers: &[], timestamp_ms: None, report_offset: false }
}

fn joined(settings: &KafkaSettings, topic: &str) -> Result<GroupConsumer, Error> {
    let member = GroupConsumer::subscribe(settings, &[topic.to_owned()])?;
    for _ in 0..JOIN_POLLS_MAX {
        if let Some(Err(Error::Fatal(text))) = member.poll(POLL) {
            return Err(Error::Fatal(text));
        }
        let is_given = |c: &AssignmentChange| matches!(c, AssignmentChange::Assigned(given) if !given.is_empty());
        if member.take_changes().iter().any(is_given) {
            member.decline();
            return Ok(member);
        }
    }
    Err(Error::Away("the probe's consumer group did not form".into()))
}
