//! What happens when a transaction comes to nothing: everything is forgotten and read again, or the process ends.

use std::collections::HashMap;
use std::time::Duration;

use super::Error;
use super::assignment::TopicPartition;
use super::core::{Clients, Core, Failure, PAUSE_MAX, TIMEOUT, broken, patiently};
use crate::kafka::{self, GroupConsumer, Message};
use crate::telemetry::events;

/// How often a seek back is tried before the process gives its partitions up.
const SEEK_TRIES: u32 = 30;
/// How long the word that partitions are lost is waited for. To go on without it would pass over records for good.
const LET_GO_MAX: Duration = Duration::from_secs(10);
const LET_GO_POLL: Duration = Duration::from_millis(10);

impl Core {
    /// A transaction came to nothing: what ends the process ends it, everything else is rolled back.
    pub(super) fn failed(&mut self, clients: &Clients, messages: &[Message<'_>], failure: Failure, started: Duration) -> Result<(), Error> {
        match failure {
            Failure::Engine(error) => Err(error),
            Failure::Kafka(error @ (kafka::Error::Fatal(_) | kafka::Error::Refused(_))) => {
                events::fenced(self.spec.name, &error.to_string());
                Err(broken(error))
            }
            Failure::Kafka(error) => self.roll_back(clients, messages, &error, started),
        }
    }

    /// The brokers or the registry are not ready: the work is thrown away whole and read again.
    fn roll_back(&mut self, clients: &Clients, messages: &[Message<'_>], error: &kafka::Error, started: Duration) -> Result<(), Error> {
        events::transaction_aborted(self.spec.name, &error.to_string(), messages.len() as u64);
        self.metrics.transaction_aborted(self.around.clock.monotonic().saturating_sub(started));
        if let Some(tasks) = &mut self.tasks {
            tasks.aborted();
        }
        self.publisher.take_counts();
        if patiently(self.spec.name, "brokers", &self.around, || clients.producer.abort())?.is_none() {
            return Ok(());
        }
        self.seek_back(&clients.consumer, messages)?;
        self.failures = self.failures.saturating_add(1);
        let pause = Duration::from_millis(50).saturating_mul(1 << self.failures.min(7)).min(PAUSE_MAX);
        events::waiting_for(self.spec.name, "brokers", &error.to_string(), pause);
        std::thread::sleep(pause);
        Ok(())
    }

    /// A batch that was interrupted before anything of it was committed: what is still ours is read again.
    pub(super) fn abandon(&mut self, consumer: &GroupConsumer, messages: &[Message<'_>]) -> Result<(), Error> {
        if let Some(tasks) = &mut self.tasks {
            tasks.aborted();
        }
        self.seek_back(consumer, messages)?;
        let flowing = self.assignment.flowing();
        if flowing.is_empty() { Ok(()) } else { consumer.resume(&flowing).map_err(broken) }
    }

    /// Forgetting this is silent loss: the consumer has moved on already.
    pub(super) fn seek_back(&mut self, consumer: &GroupConsumer, messages: &[Message<'_>]) -> Result<(), Error> {
        let mut first: HashMap<TopicPartition, i64> = HashMap::new();
        for m in messages {
            let offset = first.entry((m.topic().to_owned(), m.partition())).or_insert_with(|| m.offset());
            *offset = (*offset).min(m.offset());
        }
        for _ in 0..SEEK_TRIES {
            self.reassign(consumer.take_changes());
            let ours: Vec<_> =
                first.iter().filter(|((t, p), _)| self.assignment.owns(t, *p)).map(|((t, p), o)| (t.clone(), *p, *o)).collect();
            if consumer.assignment_lost() {
                return self.let_go(consumer);
            }
            if ours.is_empty() {
                return Ok(());
            }
            match consumer.seek(&ours, TIMEOUT) {
                Ok(()) => return Ok(()),
                Err(error @ kafka::Error::Fatal(_)) => return Err(broken(error)),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
        Err(Error::Fatal("the positions could not be set back".into()))
    }

    /// The group has given our partitions away. The word of it stands behind everything that was fetched ahead, and every
    /// transaction over that would fail: it is passed over. Whoever is assigned the partitions reads it again.
    fn let_go(&mut self, consumer: &GroupConsumer) -> Result<(), Error> {
        let started = self.around.clock.monotonic();
        while self.around.clock.monotonic().saturating_sub(started) < LET_GO_MAX {
            if let Some(Err(error @ (kafka::Error::Fatal(_) | kafka::Error::Refused(_)))) = consumer.poll(LET_GO_POLL) {
                return Err(broken(error));
            }
            let changes = consumer.take_changes();
            if !changes.is_empty() {
                self.reassign(changes);
                return Ok(());
            }
        }
        Err(Error::Fatal("partitions were lost, and the group does not say which".into()))
    }
}
