//! Carries out a batch: looks up what is there, then makes what is missing, in as few calls as it takes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::{Action, Effect, EffectOutcome, Outcome, activities, fields, files, notes, records};
use crate::odoo::client::Odoo;
use crate::odoo::errors::{CallError, Class};

/// Rows of one look-up and of one `create`. Odoo makes about 500 notes a second in calls of 50; beyond 200 nothing is gained,
/// and a transaction that long gets in the way of people.
pub(super) const ROWS_MAX: usize = 200;

/// The state of one execution.
pub(super) struct Run<'a> {
    /// Where.
    pub(super) odoo: &'a Odoo,
    still_ours: &'a (dyn Fn() -> bool + Sync),
    outcomes: HashMap<&'a str, Outcome>,
}

impl<'a> Run<'a> {
    /// Settles an effect.
    pub(super) fn settle(&mut self, effect: &'a Effect, outcome: Outcome) {
        self.outcomes.insert(&effect.effect_id, outcome);
    }

    /// Asked between looking and making: another instance may have taken over in the meantime.
    pub(super) fn check_lease(&self) -> Result<(), CallError> {
        if (self.still_ours)() { Ok(()) } else { Err(CallError::ours(Class::Wait, false, "not_ours")) }
    }

    /// Settles effects as refused where the error is about them, and hands on every other error.
    pub(super) fn refuse(&mut self, effects: impl IntoIterator<Item = &'a Effect>, error: CallError) -> Result<(), CallError> {
        if error.class != Class::Park {
            return Err(error);
        }
        for effect in effects {
            self.settle(effect, Outcome::refused(&error));
        }
        Ok(())
    }

    /// Creates rows in one call. Where Odoo refuses them, halves them until the bad ones stand alone: it keeps all
    /// of a call or nothing. The order of the rows is kept.
    pub(super) async fn create(&mut self, model: &str, rows: Vec<(&'a Effect, Value)>) -> Result<(), CallError> {
        let mut parts = vec![rows];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            self.check_lease()?;
            match self.odoo.create(model, part.iter().map(|(_, row)| row.clone()).collect()).await {
                Ok(ids) => {
                    for (n, (effect, _)) in part.iter().enumerate() {
                        self.settle(effect, Outcome::Done { created_id: ids.get(n).copied() });
                    }
                }
                Err(error) if error.class == Class::Park && part.len() > 1 => {
                    let later = part.split_off(part.len() / 2);
                    parts.push(later);
                    parts.push(part);
                }
                Err(error) => self.refuse(part.iter().map(|(effect, _)| *effect), error)?,
            }
        }
        Ok(())
    }
}

/// How long a call of unknown outcome may still be running in Odoo: its default time limit for a request. A look-up before
/// that may miss what is about to be committed, and a note would be made twice.
pub const SETTLE: Duration = Duration::from_mins(2);

/// Largest record id: Odoo's keys are 32 bits, and PostgreSQL fails on a larger one as if it were in trouble itself.
const ID_MAX: i64 = i32::MAX as i64;

/// Carries out effects and says what came of each, in the order of the batch. Notes of one record are made in the order of the
/// batch. Once Odoo does not answer, nothing more is tried: what is left is `Wait`, and executing the same batch
/// again later is safe, because everything is looked up first: at once after a known failure, after [`SETTLE`] (or the time limit
/// configured for this Odoo) where `unknown_outcome` is set.
///
/// `still_ours` says whether this instance may still write; it is asked between each look-up and the write after it.
pub async fn execute(odoo: &Odoo, batch: &[Effect], still_ours: &(dyn Fn() -> bool + Sync)) -> Vec<EffectOutcome> {
    let mut run = Run { odoo, still_ours, outcomes: HashMap::with_capacity(batch.len()) };
    let mut known = HashSet::with_capacity(batch.len());
    let mut effects: Vec<&Effect> = batch.iter().filter(|effect| known.insert(effect.effect_id.as_str())).collect();
    effects.retain(|effect| {
        let possible = effect.record_id.is_none_or(|id| (1..=ID_MAX).contains(&id));
        if !possible {
            run.settle(effect, Outcome::refused(&CallError::ours(Class::Park, false, "no_such_id")));
        }
        possible
    });
    let interrupted = every_phase(&mut run, &effects).await.err();

    let unsettled = interrupted.unwrap_or_else(|| CallError::ours(Class::Wait, false, "not_tried"));
    let mut told = HashSet::with_capacity(batch.len());
    let outcome_of = |effect: &Effect| {
        let outcome = run.outcomes.get(effect.effect_id.as_str()).cloned().unwrap_or_else(|| Outcome::Wait(unsettled.clone()));
        // The second mention of one effect in a batch finds it done.
        let repeated = !told.insert(effect.effect_id.clone());
        if repeated && matches!(outcome, Outcome::Done { .. }) { Outcome::AlreadyDone } else { outcome }
    };
    batch
        .iter()
        .map(outcome_of)
        .zip(batch)
        .map(|(outcome, effect)| EffectOutcome { effect_id: effect.effect_id.clone(), outcome })
        .collect()
}

async fn every_phase<'a>(run: &mut Run<'a>, effects: &[&'a Effect]) -> Result<(), CallError> {
    let those = |wanted: fn(&Action) -> bool| effects.iter().copied().filter(move |effect| wanted(&effect.action)).collect::<Vec<_>>();
    fields::run(run, those(|action| matches!(action, Action::TrackingRef(_) | Action::Fields(_)))).await?;
    notes::run(run, those(|action| matches!(action, Action::Note { .. }))).await?;
    files::run(run, those(|action| matches!(action, Action::Link { .. } | Action::Text { .. }))).await?;
    activities::run(run, those(|action| matches!(action, Action::Activity { .. }))).await?;
    records::run(run, those(|action| matches!(action, Action::Write(_) | Action::Load { .. } | Action::Post | Action::Reverse { .. })))
        .await
}
