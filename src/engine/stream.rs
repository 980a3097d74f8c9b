//! The loop of a service that goes from Kafka to Kafka: outputs, memory and offsets commit together or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::Error;
use super::assignment::inputs_by_partition;
use super::core::{Clients, Core, Failure, trace_of};
use super::processor::{Headers, Outputs, Processor};
use super::spec::{EngineSettings, ServiceSpec, Surroundings};
use super::tasks::NoState;
use super::work::Work;
use crate::domain::record::Record;
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
        clients.producer.begin()?;
        for message in messages {
            self.one(clients, message, now, work)?;
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

    fn one(&mut self, clients: &Clients, message: &Message<'_>, now: Micros, work: &mut Work) -> Result<(), Failure> {
        let headers = message.headers();
        let trace = trace_of(message, &headers);
        let mut out = Outputs::default();
        let verdict = self.decide(message, &headers, now, &mut out)?;
        let mut at = message.timestamp();
        match &verdict {
            Verdict::Park(park) => self.core.park(&clients.producer, message, &headers, park, trace)?,
            Verdict::Publish | Verdict::Duplicate(_) => {
                for output in &out.records {
                    self.core.publisher.send(&clients.producer, output, trace)?;
                    events::published(self.core.origin(message), output.topic, &output.key, trace);
                    if let Record::ShipmentEvent(event) = &output.record {
                        at = event.received_at;
                    }
                }
            }
        }
        self.core.count(message, verdict, at, work);
        Ok(())
    }

    fn decide(&mut self, message: &Message<'_>, headers: &Headers, now: Micros, out: &mut Outputs) -> Result<Verdict, Failure> {
        let (input, stateful) = match self.core.input(message, headers)? {
            Ok(input) => input,
            Err(park) => return Ok(Verdict::Park(park)),
        };
        if !stateful {
            return Ok(self.processor.process(&input, &mut NoState, now, out));
        }
        let state = self.core.tasks.as_mut().and_then(|t| t.state(message.partition()));
        let Some(mut state) = state else {
            // Whoever decides without the memory publishes what was published.
            return Err(Failure::Engine(Error::Fatal(format!("partition {} flows without its memory", message.partition()))));
        };
        Ok(self.processor.process(&input, &mut state, now, out))
    }

    fn wake(&mut self, clients: &Clients, partition: i32, key: &[u8], now: Micros) -> Result<(), Failure> {
        let mut out = Outputs::default();
        // What a record of this transaction has changed is no longer what the alarm was set for.
        if let Some(mut state) = self.core.tasks.as_mut().and_then(|t| t.state(partition)).filter(|s| !s.is_pending(key)) {
            self.processor.wake(key, &mut state, now, &mut out);
        }
        for output in &out.records {
            let trace = TraceContext::root(&format!("{}/alarm/{}", self.core.spec.name, output.record.id()));
            self.core.publisher.send(&clients.producer, output, trace)?;
        }
        Ok(())
    }
}
