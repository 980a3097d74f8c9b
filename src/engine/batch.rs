//! Collects the records of one transaction. No transaction is open meanwhile, so a rebalance costs nothing but the
//! records that were collected for the partitions that went.

use std::time::Duration;

use super::Error;
use super::core::{Core, broken};
use super::spec::{EngineSettings, Surroundings};
use super::work::Places;
use crate::kafka::{self, AssignmentChange, GroupConsumer, Message};
use crate::telemetry::events;

/// How long to wait for a first record.
const IDLE_WAIT: Duration = Duration::from_millis(50);

/// How often it is said what keeps the client from fetching.
const HINDRANCE_EVERY: Duration = Duration::from_secs(10);

/// What one round of polling brought.
#[derive(Debug)]
struct Collected<'a> {
    messages: Vec<Message<'a>>,
    changes: Vec<AssignmentChange>,
    /// The last thing that kept the client from fetching. Brokers that come and go are librdkafka's to wait for, and so is
    /// a right that somebody grants later; who looks after the service has to hear of it.
    hindrance: Option<kafka::Error>,
}

/// Polls until there is enough for a transaction, nothing more comes, or the assignment changes.
fn collect<'a>(consumer: &'a GroupConsumer, settings: &EngineSettings, around: &Surroundings) -> Result<Collected<'a>, kafka::Error> {
    let mut messages: Vec<Message<'a>> = Vec::new();
    let mut changes = Vec::new();
    let mut bytes = 0;
    let mut deadline = None;
    let mut hindrance = None;
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
            Some(Err(error)) => hindrance = Some(error),
            None => {}
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
    Ok(Collected { messages, changes, hindrance })
}

impl Core {
    /// The records of the next transaction, after what they need has been brought up.
    pub(super) fn collect<'a>(&mut self, consumer: &'a GroupConsumer) -> Result<Vec<Message<'a>>, Error> {
        let Collected { messages, changes, hindrance } = collect(consumer, &self.settings, &self.around).map_err(broken)?;
        self.hindered(hindrance);
        self.reassign(changes);
        self.bring_up(consumer)?;
        self.report_lag(consumer);
        Ok(self.due(messages))
    }

    fn hindered(&mut self, by: Option<kafka::Error>) {
        let now = self.around.clock.monotonic();
        if let Some(error) = by.filter(|_| now >= self.hindrance_at) {
            events::waiting_for(self.spec.name, "brokers", &error.to_string(), HINDRANCE_EVERY);
            self.hindrance_at = now + HINDRANCE_EVERY;
        }
    }

    /// Leaves out what is not ours to work on: records of partitions that went, and records before the committed position,
    /// which a client may hand out once more after a pause, a seek or a rebalance. They are done already (C1, C4).
    fn due<'a>(&self, messages: Vec<Message<'a>>) -> Vec<Message<'a>> {
        let mut places = Places::default();
        let mut again = 0;
        let due = messages.into_iter().filter(|m| {
            let (topic, partition) = (m.topic(), m.partition());
            let next = places.at(topic, partition, || self.assignment.standing(topic, partition).map(|s| s.next)).1;
            let Some(next) = next else { return false };
            let new = m.offset() >= *next;
            *next = (m.offset() + 1).max(*next);
            again += u64::from(!new);
            new
        });
        let due: Vec<_> = due.collect();
        if again > 0 {
            events::passed_over(self.spec.name, again);
        }
        due
    }
}
