//! The loop of a service whose work happens outside Kafka: each effect once, with a ledger of what is done.
//!
//! Before anything happens, what is intended is committed to the ledger; afterwards, what is done is committed together
//! with the offsets. A successor that finds an intention without an outcome waits until no call of its predecessor can
//! still be running, and then looks before it acts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Error;
use super::assignment::inputs_by_partition;
use super::core::{Clients, Core, Failure, trace_of};
use super::dead_letter::header::REPLAY_OF;
use super::processor::{Headers, Input, Output, State};
use super::spec::{EngineSettings, ServiceSpec, Surroundings};
use super::work::Work;
use crate::domain::dedup;
use crate::domain::time::Micros;
use crate::domain::verdict::{Park, Verdict};
use crate::kafka::{AssignmentChange, KafkaSettings, Message};
use crate::telemetry::clock::Clock;
use crate::telemetry::events;

/// How often the group is polled while effects are under way.
const POLL: Duration = Duration::from_millis(20);
/// First and longest pause before what has to wait is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(15);
/// Key of the intention in the memory of a partition.
const INTENT: &[u8] = b"intent";

/// What came of one effect.
#[derive(Debug, Clone)]
pub enum Settled {
    /// It happened, now or before.
    Done(Option<Output>),
    /// It will never happen.
    Refused(Option<Output>, Park),
    /// To be tried again. `unknown`: it may have happened all the same.
    Wait {
        /// What is waited for, without personal data.
        cause: String,
        /// The outcome is unknown.
        unknown: bool,
    },
    /// Nothing of this service can happen before somebody mends the configuration.
    Stop(String),
}

/// The carrying out of a batch; it may block its thread.
pub type Execution = Box<dyn FnOnce() -> Vec<Settled> + Send>;

/// What a service does outside Kafka.
pub trait EffectHandler: Send {
    /// One thing that is to happen once.
    type Effect: Clone + Send + Sync + 'static;

    /// What a record asks for, in order, each with its id. Pure: the same record gives the same effects.
    ///
    /// # Errors
    /// Nothing can be made of the record.
    fn plan(&mut self, input: &Input<'_>) -> Result<Vec<(String, Self::Effect)>, Park>;

    /// Carries out a batch in order per key; one answer per effect. It looks before it acts and asks the lease before
    /// each write.
    fn execute(&self, batch: Vec<Self::Effect>, lease: Lease) -> Execution;
}

/// Whether this instance may still act: it loses the lease with its partitions, or when it has not been polling.
#[derive(Debug, Clone)]
pub struct Lease {
    ours: Arc<AtomicBool>,
    polled_at: Arc<AtomicU64>,
    valid_for: Duration,
    clock: Arc<dyn Clock>,
}

impl Lease {
    /// Whether acting is still allowed.
    #[must_use]
    pub fn holds(&self) -> bool {
        let polled = Duration::from_millis(self.polled_at.load(Ordering::Relaxed));
        self.ours.load(Ordering::Relaxed) && self.clock.monotonic().saturating_sub(polled) < self.valid_for
    }

    /// The group was polled. A lease that has run out stays so: who was away that long may have lost its partitions, and
    /// hears of it only later.
    fn polled(&self) -> bool {
        let holds = self.holds();
        if holds {
            self.renew();
        }
        holds
    }

    fn renew(&self) {
        let now = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        self.polled_at.store(now, Ordering::Relaxed);
    }
}

/// Limits of the effects loop.
#[derive(Debug, Clone, Copy)]
pub struct EffectSettings {
    /// Longest that a call of a predecessor may still be running.
    pub settle: Duration,
    /// How long after a poll this instance may act: less than the session timeout and less than `settle`.
    pub lease: Duration,
}

/// What was intended when a transaction committed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Intent {
    effects: Vec<[u8; 16]>,
    at: Micros,
}

/// Runs until asked to stop.
///
/// # Errors
/// As [`super::run_stream`], and when the handler says that the configuration has to be mended first.
pub fn run_effects<H: EffectHandler>(
    spec: ServiceSpec,
    kafka: &KafkaSettings,
    settings: EngineSettings,
    limits: EffectSettings,
    handler: H,
    runtime: tokio::runtime::Handle,
    around: Surroundings,
) -> Result<(), Error> {
    let Some((core, clients)) = Core::start(spec, kafka, settings, around)? else { return Ok(()) };
    let mut effects = Effects { core, handler, limits, runtime, intended: HashMap::new(), done: 0 };
    let mut ended = Ok(());
    while ended.is_ok() && !effects.core.around.stopping() {
        ended = effects.round(&clients);
    }
    effects.core.end(clients, ended)
}

struct Effects<H: EffectHandler> {
    core: Core,
    handler: H,
    limits: EffectSettings,
    runtime: tokio::runtime::Handle,
    /// When this process last intended something, by partition: its own calls have ended, so it need not wait for them.
    intended: HashMap<i32, Micros>,
    /// Effects that the open transaction puts into the ledger.
    done: u64,
}

/// What a batch has come to: its work, and the last changelog offset by partition.
type Outcome = (Work, HashMap<i32, i64>);

/// A record with what it asks for.
struct Planned<'a, E> {
    message: &'a Message<'a>,
    headers: Headers,
    effects: Result<Vec<(String, E)>, Park>,
    replay: bool,
}

/// How the execution of a batch ended.
enum Ended {
    Settled(HashMap<String, Settled>),
    /// Partitions went, or the loop is to stop: nothing of the batch counts.
    Interrupted,
}

impl<H: EffectHandler> Effects<H> {
    fn round(&mut self, clients: &Clients) -> Result<(), Error> {
        let messages = self.core.collect(&clients.consumer)?;
        let core = &mut self.core;
        let now = core.around.clock.now();
        let expiring = core.tasks.as_mut().map(|t| t.expire(now)).unwrap_or_default();
        if messages.is_empty() && expiring.is_empty() {
            return Ok(());
        }
        let started = core.around.clock.monotonic();
        let work = Work { touched: expiring.into_iter().collect(), ..Work::default() };
        match self.batch(clients, &messages, work) {
            Ok(Some((work, offsets))) => {
                self.core.around.conservation.effects_done(self.core.spec.name, std::mem::take(&mut self.done));
                self.core.committed(&clients.consumer, &work, &offsets, started)
            }
            Ok(None) => self.core.abandon(&clients.consumer, &messages),
            Err(failure) => self.core.failed(clients, &messages, failure, started),
        }
    }

    /// Plans, commits the intention, acts, commits the outcome. `None`: interrupted, to be read again.
    fn batch(&mut self, clients: &Clients, messages: &[Message<'_>], mut work: Work) -> Result<Option<Outcome>, Failure> {
        let mut planned = Vec::with_capacity(messages.len());
        for message in messages {
            let headers = message.headers();
            let effects = match self.core.intake.read(message, &headers)? {
                Ok(input) => self.handler.plan(&input),
                Err(park) => Err(park),
            };
            let replay = headers.iter().any(|(name, _)| name == REPLAY_OF);
            planned.push(Planned { message, headers, effects, replay });
        }
        let todo = self.todo(&planned);
        let settled = if todo.is_empty() {
            HashMap::new()
        } else {
            let not_before = self.intend(clients, &planned, &todo)?;
            if !self.all_remembered(&planned) {
                return Ok(None);
            }
            let ended = self.act(clients, todo, not_before);
            if !matches!(ended, Ok(Ended::Settled(_))) {
                // A call of ours may still be running in there: it is waited for like a predecessor's.
                self.intended.clear();
            }
            match ended? {
                Ended::Settled(settled) => settled,
                Ended::Interrupted => return Ok(None),
            }
        };
        self.done = 0;
        clients.producer.begin()?;
        for plan in &planned {
            let verdict = self.outcome(clients, plan, &settled)?;
            self.core.count(plan.message, verdict, plan.message.timestamp(), &mut work);
        }
        let offsets = self.commit(clients, &mut work)?;
        Ok(Some((work, offsets)))
    }

    /// Whether every record still has its memory: a disk may fail when the intention is written, and without a ledger nothing may be done.
    fn all_remembered(&mut self, planned: &[Planned<'_, H::Effect>]) -> bool {
        let core = &mut self.core;
        planned.iter().all(|plan| {
            let (topic, partition) = (plan.message.topic(), plan.message.partition());
            core.assignment.owns(topic, partition) && core.tasks.as_mut().is_some_and(|t| t.state(partition).is_some())
        })
    }

    /// The effects that the ledger does not have, each once, in order.
    fn todo(&mut self, planned: &[Planned<'_, H::Effect>]) -> Vec<(String, H::Effect)> {
        let mut known = HashSet::new();
        let mut todo = Vec::new();
        for plan in planned {
            let Some(state) = self.core.tasks.as_mut().and_then(|t| t.state(plan.message.partition())) else { continue };
            for (id, effect) in plan.effects.iter().flatten() {
                let refused = !plan.replay && state.seen(refused_key(id));
                if !state.seen(done_key(id)) && !refused && known.insert(id.clone()) {
                    todo.push((id.clone(), effect.clone()));
                }
            }
        }
        todo
    }

    /// Commits what is about to happen. Returns how long to wait first, where a predecessor intended the same.
    fn intend(&mut self, clients: &Clients, planned: &[Planned<'_, H::Effect>], todo: &[(String, H::Effect)]) -> Result<Duration, Failure> {
        let ids: HashSet<[u8; 16]> = todo.iter().map(|(id, _)| done_key(id)).collect();
        let now = self.core.around.clock.now();
        let mut by_partition: BTreeMap<i32, Vec<[u8; 16]>> = BTreeMap::new();
        for plan in planned {
            for (id, _) in plan.effects.iter().flatten() {
                by_partition.entry(plan.message.partition()).or_default().push(done_key(id));
            }
        }
        let mut wait = Duration::ZERO;
        let mut work = Work::default();
        for (partition, mut effects) in by_partition {
            effects.retain(|id| ids.contains(id));
            let Some(mut state) = self.core.tasks.as_mut().and_then(|t| t.state(partition)) else { continue };
            let before: Intent = state.get(INTENT).and_then(|b| postcard::from_bytes(b).ok()).unwrap_or_default();
            // Whoever intended this may have begun its last call just before we took over, however old the intention is.
            let own = self.intended.get(&partition) == Some(&before.at);
            if !own && !before.effects.is_empty() {
                wait = self.limits.settle;
            }
            state.put(INTENT, postcard::to_stdvec(&Intent { effects, at: now }).unwrap_or_default(), None);
            self.intended.insert(partition, now);
            work.touched.insert(partition);
        }
        clients.producer.begin()?;
        let offsets = self.commit(clients, &mut work)?;
        let started = self.core.around.clock.monotonic();
        self.core.committed(&clients.consumer, &work, &offsets, started).map_err(Failure::Engine)?;
        Ok(wait)
    }

    fn commit(&mut self, clients: &Clients, work: &mut Work) -> Result<HashMap<i32, i64>, Failure> {
        let core = &mut self.core;
        let now = core.around.clock.now();
        let positions = core.assignment.positions(&work.moved, &work.touched, &core.joined);
        if let Some(tasks) = &mut core.tasks {
            tasks.send_changes(&clients.producer, now, &inputs_by_partition(&positions, &core.joined))?;
        }
        Ok(clients.producer.commit(&positions, &clients.consumer)?)
    }

    /// Carries the batch out, again and again until everything in it is settled, and polls the group meanwhile.
    fn act(&mut self, clients: &Clients, todo: Vec<(String, H::Effect)>, mut wait: Duration) -> Result<Ended, Failure> {
        let everything = clients.consumer.assignment()?;
        clients.consumer.pause(&everything)?;
        let lease = Lease {
            ours: Arc::new(AtomicBool::new(true)),
            polled_at: Arc::new(AtomicU64::new(0)),
            valid_for: self.limits.lease,
            clock: self.core.around.clock.clone(),
        };
        lease.renew();
        let mut settled = HashMap::new();
        let mut left = todo;
        let mut pause = RETRY_FIRST;
        while !left.is_empty() {
            if !self.idle(clients, &lease, wait)? {
                return Ok(Ended::Interrupted);
            }
            let batch = left.iter().map(|(_, effect)| effect.clone()).collect();
            let Some(answers) = self.watch(clients, &lease, self.handler.execute(batch, lease.clone()))? else {
                return Ok(Ended::Interrupted);
            };
            let mut again = Vec::new();
            wait = Duration::ZERO;
            for ((id, effect), answer) in left.into_iter().zip(answers) {
                match answer {
                    Settled::Stop(cause) => return Err(Failure::Engine(Error::Stopped(cause))),
                    Settled::Wait { cause, unknown } => {
                        let longer = if unknown { self.limits.settle } else { pause };
                        if longer > wait {
                            events::waiting_for(self.core.spec.name, "effects", &cause, longer);
                        }
                        wait = wait.max(longer);
                        again.push((id, effect));
                    }
                    done => {
                        settled.insert(id, done);
                    }
                }
            }
            pause = if again.is_empty() { RETRY_FIRST } else { (pause * 2).min(RETRY_MAX) };
            left = again;
        }
        if !lease.ours.load(Ordering::Relaxed) {
            return Ok(Ended::Interrupted);
        }
        clients.consumer.resume(&self.core.assignment.flowing())?;
        Ok(Ended::Settled(settled))
    }

    /// Polls for a while; false when the batch is no longer ours or the loop is to stop.
    fn idle(&mut self, clients: &Clients, lease: &Lease, wait: Duration) -> Result<bool, Failure> {
        let until = self.core.around.clock.monotonic() + wait;
        while self.core.around.clock.monotonic() < until {
            if !self.poll(clients, lease)? || self.core.around.stopping() {
                return Ok(false);
            }
            // Whoever waits is whom the lag is asked of.
            self.core.report_lag(&clients.consumer);
        }
        Ok(true)
    }

    /// Polls until the execution ends. Once the lease is lost it stops by itself at the next look; it is always awaited,
    /// so that nothing of this batch happens after its partitions were given up knowingly.
    fn watch(&mut self, clients: &Clients, lease: &Lease, execution: Execution) -> Result<Option<Vec<Settled>>, Failure> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        // Not awaited but polled for. When the loop is gone nobody asks for the answer.
        drop(self.runtime.spawn_blocking(move || tell.send(execution())));
        loop {
            let ours = self.poll(clients, lease)?;
            match told.try_recv() {
                Ok(answers) if ours => return Ok(Some(answers)),
                Ok(_) | Err(std::sync::mpsc::TryRecvError::Disconnected) => return Ok(None),
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
            }
        }
    }

    /// One poll with everything paused. False once any partition has gone.
    fn poll(&mut self, clients: &Clients, lease: &Lease) -> Result<bool, Failure> {
        if let Some(Err(error @ crate::kafka::Error::Fatal(_))) = clients.consumer.poll(POLL) {
            return Err(error.into());
        }
        let changes = clients.consumer.take_changes();
        if !lease.polled() || changes.iter().any(|c| matches!(c, AssignmentChange::Revoked { .. })) {
            lease.ours.store(false, Ordering::Relaxed);
        }
        self.core.reassign(changes);
        Ok(lease.ours.load(Ordering::Relaxed))
    }

    /// The verdict on a record, its results and dead letter sent, its effects in the ledger.
    fn outcome(
        &mut self,
        clients: &Clients,
        plan: &Planned<'_, H::Effect>,
        settled: &HashMap<String, Settled>,
    ) -> Result<Verdict, Failure> {
        let trace = trace_of(plan.message, &plan.headers);
        let effects = match &plan.effects {
            Ok(effects) => effects,
            Err(park) => {
                self.core.park(&clients.producer, plan.message, &plan.headers, park, trace)?;
                return Ok(Verdict::Park(park.clone()));
            }
        };
        let mut verdict = Verdict::Duplicate("nothing_to_do");
        for (id, _) in effects {
            let Some(answer) = settled.get(id) else { continue };
            let Some(mut state) = self.core.tasks.as_mut().and_then(|t| t.state(plan.message.partition())) else { continue };
            let (key, output, refused) = match answer {
                Settled::Done(output) => (done_key(id), output, None),
                Settled::Refused(output, park) => (refused_key(id), output, Some(park)),
                Settled::Wait { .. } | Settled::Stop(_) => continue,
            };
            // A batch may ask for one effect twice: it is told once.
            let first = !state.seen(key);
            state.remember(key);
            state.delete(INTENT);
            self.done += u64::from(first && refused.is_none());
            if let (Some(output), true) = (output, first) {
                self.core.publish(&clients.producer, output.clone(), plan.message, trace)?;
                if verdict == Verdict::Duplicate("nothing_to_do") {
                    verdict = Verdict::Publish;
                }
            }
            if let (Some(park), true) = (refused, first || plan.replay) {
                verdict = Verdict::Park(park.clone());
            }
        }
        if let Verdict::Park(park) = &verdict {
            self.core.park(&clients.producer, plan.message, &plan.headers, park, trace)?;
        }
        Ok(verdict)
    }
}

fn done_key(id: &str) -> [u8; 16] {
    dedup::unhex(id).unwrap_or_else(|| dedup::id_of(&["effect", id]))
}

fn refused_key(id: &str) -> [u8; 16] {
    dedup::id_of(&["refused", id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::ManualClock;

    #[test]
    fn a_lease_that_has_run_out_is_not_renewed_by_a_poll() {
        let clock = Arc::new(ManualClock::at(0));
        let lease = Lease {
            ours: Arc::new(AtomicBool::new(true)),
            polled_at: Arc::new(AtomicU64::new(0)),
            valid_for: Duration::from_secs(3),
            clock: clock.clone(),
        };
        lease.renew();
        clock.advance(Duration::from_secs(2));
        assert!(lease.polled() && lease.holds());
        clock.advance(Duration::from_secs(2));
        assert!(lease.holds(), "it was polled in time");
        clock.advance(Duration::from_secs(2));
        assert!(!lease.holds());
        assert!(!lease.polled() && !lease.holds(), "too late");
    }
}
