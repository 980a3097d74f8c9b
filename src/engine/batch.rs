//! Collects the records of one transaction. No transaction is open meanwhile, so a rebalance costs nothing but the
//! records that were collected for the partitions that went.

use std::time::Duration;

use super::spec::{EngineSettings, Surroundings};
use crate::kafka::{self, AssignmentChange, GroupConsumer, Message};

/// How long to wait for a first record.
const IDLE_WAIT: Duration = Duration::from_millis(50);

/// What one round of polling brought.
#[derive(Debug)]
pub(super) struct Collected<'a> {
    pub(super) messages: Vec<Message<'a>>,
    pub(super) changes: Vec<AssignmentChange>,
}

/// Polls until there is enough for a transaction, nothing more comes, or the assignment changes.
pub(super) fn collect<'a>(
    consumer: &'a GroupConsumer,
    settings: &EngineSettings,
    around: &Surroundings,
) -> Result<Collected<'a>, kafka::Error> {
    let mut messages: Vec<Message<'a>> = Vec::new();
    let mut changes = Vec::new();
    let mut bytes = 0;
    let mut deadline = None;
    while messages.len() < settings.batch_records && bytes < settings.batch_bytes {
        let wait = match deadline {
            None => IDLE_WAIT,
            Some(deadline) => around
                .clock
                .monotonic()
                .checked_sub(deadline)
                .map_or_else(|| deadline.saturating_sub(around.clock.monotonic()), |_| Duration::ZERO),
        };
        if deadline.is_some() && wait.is_zero() {
            break;
        }
        match consumer.poll(wait) {
            Some(Ok(message)) => {
                bytes += message.value().map_or(0, <[u8]>::len);
                messages.push(message);
                if deadline.is_none() {
                    deadline = Some(around.clock.monotonic() + settings.batch_wait);
                }
            }
            Some(Err(error @ (kafka::Error::Fatal(_) | kafka::Error::Refused(_)))) => return Err(error),
            // Brokers that come and go are librdkafka's to wait for.
            Some(Err(_)) | None => {}
        }
        changes.extend(consumer.take_changes());
        if !changes.is_empty() || messages.is_empty() {
            break;
        }
    }
    for change in &changes {
        if let AssignmentChange::Revoked { partitions, .. } = change {
            messages.retain(|m| !partitions.iter().any(|(t, p)| t == m.topic() && *p == m.partition()));
        }
    }
    Ok(Collected { messages, changes })
}
