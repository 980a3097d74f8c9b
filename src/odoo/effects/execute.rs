//! Carries out a batch: looks up what is there, then makes what is missing, in as few calls as it takes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::batch::Run;
use super::{Action, Effect, EffectOutcome, Outcome, activities, fields, files, notes, records};
use crate::odoo::client::Odoo;
use crate::odoo::errors::{CallError, Class};

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
    records::run(
        run,
        those(|action| matches!(action, Action::Write(_) | Action::Load { .. } | Action::Post { .. } | Action::Reverse { .. })),
    )
    .await
}
