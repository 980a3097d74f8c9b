//! Tells Odoo what changed, each effect once.
//! In come `delivery.status` and `odoo.commands`; out go calls to Odoo and `odoo.results`.
//! One writer per picking: both topics are keyed by the Odoo record, so one partition has all that touches it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;

use crate::config::Service;
use crate::domain::odoo_command::OdooCommand;
use crate::domain::record::Record;
use crate::domain::verdict::{Code, Park};
use crate::engine::effects::{EffectHandler, Execution, Lease, Settled};
use crate::engine::processor::{Input, Output, Payload};
use crate::odoo::client::Odoo;
use crate::odoo::effects::{self, Effect, Outcome, PlanSettings};
use crate::odoo::errors::{CallError, Class};
use crate::resilience::{Backoff, Breaker, Limiter, Permission};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Clock, events};

/// Where results go.
pub const RESULTS: &str = "odoo.results";

/// Failures in a row after which an Odoo is left alone for a while, and how long at most.
const FAILURES_MAX: u32 = 3;
const OPEN_FIRST: Duration = Duration::from_millis(500);
const OPEN_MAX: Duration = Duration::from_secs(30);

/// One connected Odoo with what guards it.
#[derive(Debug)]
pub struct Connection {
    odoo: Odoo,
    plan: PlanSettings,
    breaker: Mutex<Breaker>,
    limiter: Limiter,
}

impl Connection {
    /// Guards a connected Odoo. `call_timeout` bounds a probe; `effects_per_second` what is started.
    #[must_use]
    pub fn new(odoo: Odoo, activity_user: Option<i64>, call_timeout: Duration, effects_per_second: NonZeroU32) -> Self {
        let plan = PlanSettings::of(&odoo, activity_user);
        let backoff = Backoff::new(OPEN_FIRST, OPEN_MAX, 1);
        let breaker = Mutex::new(Breaker::new(FAILURES_MAX, call_timeout.saturating_mul(8), backoff));
        Self { odoo, plan, breaker, limiter: Limiter::new(effects_per_second, effects_per_second) }
    }
}

/// What is asked of which Odoo.
#[derive(Debug, Clone)]
pub struct Asked {
    instance: String,
    what: What,
}

/// An effect, or the command that cannot become one: whoever sent it waits for its result.
#[derive(Debug, Clone)]
enum What {
    Effect(Effect),
    Refused(Box<OdooCommand>, Park),
}

/// The service's handler.
#[derive(Debug)]
pub struct OdooWriter {
    connections: BTreeMap<String, Arc<Connection>>,
    concurrency: usize,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    runtime: tokio::runtime::Handle,
}

impl OdooWriter {
    /// A writer to these Odoos, by the names of the configuration. `concurrency`: calls in flight for each.
    #[must_use]
    pub fn new(
        connections: Vec<Connection>,
        concurrency: usize,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let connections = connections.into_iter().map(|c| (c.odoo.instance().to_owned(), Arc::new(c))).collect();
        Self { connections, concurrency: concurrency.max(1), clock, metrics, runtime }
    }

    fn connection(&self, instance: &str) -> Result<&Arc<Connection>, Park> {
        self.connections.get(instance).ok_or_else(|| Park::new(Code::ODOO_CONFIG, "the odoo instance of the record is not configured"))
    }
}

impl EffectHandler for OdooWriter {
    type Effect = Asked;

    fn plan(&mut self, input: &Input<'_>) -> Result<Vec<(String, Asked)>, Park> {
        let asked = |instance: &str, effect: Effect| {
            (effect.effect_id.clone(), Asked { instance: instance.to_owned(), what: What::Effect(effect) })
        };
        match &input.payload {
            Payload::Canonical(Record::DeliveryStatus(status)) => {
                let planned = effects::plan(status, &self.connection(&status.odoo_instance)?.plan);
                Ok(planned.into_iter().map(|effect| asked(&status.odoo_instance, effect)).collect())
            }
            Payload::Canonical(Record::OdooCommand(command)) => {
                let instance = &command.odoo_instance;
                let effect = self.connection(instance).and_then(|_| effects::command(command));
                Ok(vec![effect.map_or_else(|park| refused(command, park), |effect| asked(instance, effect))])
            }
            _ => Err(Park::new(Code::WRONG_SCHEMA, "the writer reads delivery.status and odoo.commands")),
        }
    }

    fn execute(&self, batch: Vec<Asked>, lease: Lease) -> Execution {
        let (lanes, refused) = self.lanes(batch);
        let (clock, metrics) = (self.clock.clone(), self.metrics.clone());
        let runtime = self.runtime.clone();
        Box::new(move || {
            let running = lanes.into_iter().map(|lane| lane.run(lease.clone(), clock.clone(), metrics.clone()));
            let mut settled: Vec<(usize, Settled)> = runtime.block_on(join_all(running)).into_iter().flatten().collect();
            let now = clock.now();
            settled.extend(refused.into_iter().map(|(place, command, park)| (place, settled_refusal(&command, park, now))));
            settled.sort_by_key(|(place, _)| *place);
            settled.into_iter().map(|(_, settled)| settled).collect()
        })
    }
}

/// The place of a refused command in the batch, the command, and why.
type Refusal = (usize, Box<OdooCommand>, Park);

/// A part of a batch that is carried out in order: all effects of a record are in one lane.
struct Lane {
    connection: Option<Arc<Connection>>,
    places: Vec<usize>,
    effects: Vec<Effect>,
}

impl OdooWriter {
    fn lanes(&self, batch: Vec<Asked>) -> (Vec<Lane>, Vec<Refusal>) {
        let mut lanes: HashMap<(String, usize), Lane> = HashMap::new();
        let mut refused = Vec::new();
        for (place, asked) in batch.into_iter().enumerate() {
            let effect = match asked.what {
                What::Effect(effect) => effect,
                What::Refused(command, park) => {
                    refused.push((place, command, park));
                    continue;
                }
            };
            // What names its record by an external id goes into one lane: a posting comes after the loading it is for.
            let number = effect.record_id.and_then(|id| usize::try_from(id).ok()).unwrap_or(0) % self.concurrency;
            let connection = self.connections.get(&asked.instance).cloned();
            let lane =
                lanes.entry((asked.instance, number)).or_insert_with(|| Lane { connection, places: Vec::new(), effects: Vec::new() });
            lane.places.push(place);
            lane.effects.push(effect);
        }
        (lanes.into_values().collect(), refused)
    }
}

impl Lane {
    async fn run(self, lease: Lease, clock: Arc<dyn Clock>, metrics: Metrics) -> Vec<(usize, Settled)> {
        let Some(connection) = self.connection.clone() else {
            let park = Park::new(Code::ODOO_CONFIG, "the odoo instance of the record is not configured");
            return self.places.iter().map(|p| (*p, Settled::Refused(None, park.clone()))).collect();
        };
        let instance = connection.odoo.instance().to_owned();
        let denied = connection.breaker.lock().ok().and_then(|mut b| match b.ask(clock.now()) {
            Permission::Denied(_) => Some(Settled::Wait { cause: format!("odoo {instance} is left alone for a while"), unknown: false }),
            Permission::Granted | Permission::Probe => None,
        });
        if let Some(wait) = denied {
            return self.places.iter().map(|p| (*p, wait.clone())).collect();
        }
        for _ in &self.effects {
            while let Err(wait) = connection.limiter.take(clock.now()) {
                tokio::time::sleep(wait).await;
            }
        }
        let outcomes = effects::execute(&connection.odoo, &self.effects, &|| lease.holds()).await;
        judge(&connection, &outcomes, &clock, &metrics);
        let now = clock.now();
        let settle = |(place, (effect, outcome)): (&usize, (&Effect, effects::EffectOutcome))| {
            metrics.effect_ended(effect.kind.as_str(), outcome.outcome.as_str());
            (*place, settled(&instance, effect, outcome.outcome, now))
        };
        self.places.iter().zip(self.effects.iter().zip(outcomes)).map(settle).collect()
    }
}

/// Tells the breaker whether Odoo was there.
fn judge(connection: &Connection, outcomes: &[effects::EffectOutcome], clock: &Arc<dyn Clock>, metrics: &Metrics) {
    let away = |o: &effects::EffectOutcome| matches!(&o.outcome, Outcome::Wait(e) if !e.is("not_ours") && !e.is("not_tried"));
    let Ok(mut breaker) = connection.breaker.lock() else { return };
    let was_closed = breaker.is_closed();
    if outcomes.iter().any(away) {
        breaker.failed(clock.now());
    } else {
        breaker.answered();
    }
    let open = !breaker.is_closed();
    metrics.breaker(connection.odoo.instance(), open);
    if open == was_closed {
        events::breaker_changed(Service::OdooWriter.as_str(), connection.odoo.instance(), open);
    }
}

fn refused(command: &OdooCommand, park: Park) -> (String, Asked) {
    let what = What::Refused(Box::new(command.clone()), park);
    (effects::effect_id(command), Asked { instance: command.odoo_instance.clone(), what })
}

fn settled_refusal(command: &OdooCommand, park: Park, now: i64) -> Settled {
    let result = effects::refused_command(command, park.code, now);
    let output = Output { topic: RESULTS, key: result.effect_id.clone(), record: Record::OdooResult(Box::new(result)) };
    Settled::Refused(Some(output), park)
}

fn settled(instance: &str, effect: &Effect, outcome: Outcome, now: i64) -> Settled {
    let output = effect.result(instance, &outcome, now).map(|result| Output {
        topic: RESULTS,
        key: effect.delivery_key.clone().unwrap_or_else(|| effect.effect_id.clone()),
        record: Record::OdooResult(Box::new(result)),
    });
    match outcome {
        Outcome::Done { .. } | Outcome::AlreadyDone => Settled::Done(output),
        Outcome::Refused { code, name } => {
            let cause = format!("odoo refuses {}: {}", effect.kind.as_str(), name.as_deref().unwrap_or("no reason given"));
            Settled::Refused(output, Park::new(code, cause))
        }
        Outcome::Wait(CallError { class: Class::Stop, name, .. }) => {
            Settled::Stop(format!("{} odoo {instance}: {}", Code::ODOO_CONFIG, name.as_deref().unwrap_or("no access")))
        }
        Outcome::Wait(error) => Settled::Wait { cause: format!("odoo {instance}: {error}"), unknown: error.unknown_outcome },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::ManualClock;

    fn asked(number: usize, kind: &str, record_id: Option<i64>, arguments: &str) -> Asked {
        let command = OdooCommand {
            command_id: number.to_string(),
            odoo_instance: "main".into(),
            kind: kind.into(),
            model: "account.move".into(),
            record_id,
            arguments: arguments.into(),
            cause_id: "entry".into(),
            requested_at: 0,
        };
        let effect = effects::command(&command).unwrap_or_else(|park| panic!("{}", park.cause));
        Asked { instance: "main".into(), what: What::Effect(effect) }
    }

    #[test]
    fn loadings_and_their_postings_are_in_one_lane_in_their_order() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(ManualClock::at(0));
        let writer = OdooWriter::new(Vec::new(), 8, clock, Metrics::new().unwrap(), runtime.handle().clone());
        let batch: Vec<Asked> = (0..40_usize)
            .map(|n| match n % 4 {
                0 => asked(n, "load", None, r#"{"fields": ["id"], "data": [["a.b"]]}"#),
                2 => asked(n, "post", None, r#"{"external_ids": ["a.b"]}"#),
                _ => asked(n, "note", i64::try_from(n).ok(), r#"{"body": "seen"}"#),
            })
            .collect();
        let (lanes, refused) = writer.lanes(batch);
        assert!(refused.is_empty());
        assert!(lanes.len() > 1, "records are carried out side by side");
        let of_moves = |lane: &Lane| lane.effects.iter().any(|effect| effect.record_id.is_none());
        let [lane] = lanes.iter().filter(|lane| of_moves(lane)).collect::<Vec<_>>()[..] else { panic!("more than one lane") };
        let places: Vec<usize> = lane.places.iter().copied().filter(|place| place % 2 == 0).collect();
        assert_eq!(places, (0..40).step_by(2).collect::<Vec<_>>());
    }
}
