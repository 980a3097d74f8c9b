//! The loop of a service that goes from Kafka to Kafka: outputs, memory and offsets commit together or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::Error;
use super::assignment::inputs_by_partition;
use super::core::{Clients, Core, Failure};
use super::decide::{Decider, Decision};
use super::processor::{Outputs, Processor};
use super::spec::{EngineSettings, ServiceSpec, Surroundings};
use super::work::Work;
use crate::domain::time::Micros;
use crate::domain::verdict::Verdict;
use crate::kafka::{KafkaSettings, Message};
use crate::telemetry::events;
use crate::telemetry::trace::TraceContext;

/// Keys whose alarm has come, by partition.
type Alarms = Vec<(i32, Vec<Arc<[u8]>>)>;

/// Runs until asked to stop: then the transaction in hand is finished and the group is left.
///
/// # Errors
/// Fenced, a fatal client error, joined topics assigned apart, or a disk that cannot be used. The process ends and
/// its supervisor starts it again; nothing is lost or doubled by that.
pub fn run_stream(
    spec: ServiceSpec,
    kafka: &KafkaSettings,
    settings: EngineSettings,
    processor: Box<dyn Processor>,
    around: Surroundings,
) -> Result<(), Error> {
    let Some((core, clients)) = Core::start(spec, kafka, settings, around)? else { return Ok(()) };
    let mut stream = Stream { core, processor };
    let mut ended = Ok(());
    while ended.is_ok() && !stream.core.around.stopping() {
        ended = stream.round(&clients);
    }
    stream.core.end(clients, ended)
}

struct Stream {
    core: Core,
    processor: Box<dyn Processor>,
}

impl Stream {
    fn round(&mut self, clients: &Clients) -> Result<(), Error> {
        let messages = self.core.collect(&clients.consumer)?;
        let core = &mut self.core;
        let now = core.around.clock.now();
        let alarms = core.tasks.as_ref().map(|t| t.due(now)).unwrap_or_default();
        let expiring = core.tasks.as_mut().map(|t| t.expire(now)).unwrap_or_default();
        if messages.is_empty() && alarms.is_empty() && expiring.is_empty() {
            return Ok(());
        }
        let started = core.around.clock.monotonic();
        let mut work = Work { touched: expiring.into_iter().collect(), ..Work::default() };
        match self.transact(clients, &messages, alarms, now, &mut work) {
            Ok(offsets) => self.core.committed(&clients.consumer, &work, &offsets, started),
            Err(failure) => self.core.failed(clients, &messages, failure, started),
        }
    }

    fn transact(
        &mut self,
        clients: &Clients,
        messages: &[Message<'_>],
        alarms: Alarms,
        now: Micros,
        work: &mut Work,
    ) -> Result<HashMap<i32, i64>, Failure> {
        let core = &self.core;
        let decider = Decider { intake: &core.intake, processor: self.processor.as_ref(), publisher: &core.publisher, now };
        let mut decided = decider.side_by_side(messages);
        clients.producer.begin()?;
        for (message, decision) in messages.iter().zip(&mut decided) {
            let decision = match decision.take() {
                Some(decision) => decision?,
                None => self.with_memory(message, now)?,
            };
            self.carry_out(clients, message, decision, work)?;
        }
        for (partition, keys) in alarms {
            work.touched.insert(partition);
            for key in keys {
                self.wake(clients, partition, &key, now)?;
            }
        }
        let core = &mut self.core;
        let positions = core.assignment.positions(&work.moved, &work.touched, &core.joined);
        if let Some(tasks) = &mut core.tasks {
            tasks.send_changes(&clients.producer, now, &inputs_by_partition(&positions, &core.joined))?;
        }
        Ok(clients.producer.commit(&positions, &clients.consumer)?)
    }

    fn with_memory(&mut self, message: &Message<'_>, now: Micros) -> Result<Decision, Failure> {
        let core = &mut self.core;
        let Some(mut state) = core.tasks.as_mut().and_then(|t| t.state(message.partition())) else {
            // Whoever decides without the memory publishes what was published.
            return Err(Error::Fatal(format!("partition {} flows without its memory", message.partition())).into());
        };
        let decider = Decider { intake: &core.intake, processor: self.processor.as_ref(), publisher: &core.publisher, now };
        decider.one(message, &mut state)
    }

    fn carry_out(&mut self, clients: &Clients, message: &Message<'_>, decision: Decision, work: &mut Work) -> Result<(), Failure> {
        let Decision { verdict, headers, trace, ready, at } = decision;
        if let Verdict::Park(park) | Verdict::Partly(park) = &verdict {
            self.core.park(&clients.producer, message, &headers, park, trace)?;
        }
        for output in &ready {
            self.core.publisher.send(&clients.producer, output)?;
            events::published(self.core.origin(message), output.topic, &output.key, trace);
        }
        self.core.count(message, verdict, at, work);
        Ok(())
    }

    fn wake(&mut self, clients: &Clients, partition: i32, key: &[u8], now: Micros) -> Result<(), Failure> {
        let mut out = Outputs::default();
        // What a record of this transaction has changed is no longer what the alarm was set for.
        if let Some(mut state) = self.core.tasks.as_mut().and_then(|t| t.state(partition)).filter(|s| !s.is_pending(key)) {
            self.processor.wake(key, &mut state, now, &mut out);
        }
        for output in out.records {
            let trace = TraceContext::root(&format!("{}/alarm/{}", self.core.spec.name, output.record.id()));
            let ready = self.core.publisher.encode(output, trace)?;
            self.core.publisher.send(&clients.producer, &ready)?;
        }
        Ok(())
    }
}
