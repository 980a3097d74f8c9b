//! The batch in hand: what became of its effects so far, and the calls that every kind of effect makes.

use std::collections::HashMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::{Effect, Outcome};
use crate::odoo::client::Odoo;
use crate::odoo::errors::{CallError, Class};

/// Rows of one look-up and of one `create`. Odoo makes about 500 notes a second in calls of 50; beyond 200 nothing is gained,
/// and a transaction that long gets in the way of people.
pub(super) const ROWS_MAX: usize = 200;

/// Look-ups of external ids side by side: four connections read half as much again as one, more gain nothing.
const LOOK_UPS_AT_ONCE: usize = 4;

/// Effects in portions of one call, the first at the end.
pub(super) fn portions<'p, 'a>(effects: &'p [&'a Effect]) -> Vec<&'p [&'a Effect]> {
    effects.chunks(ROWS_MAX).rev().collect()
}

/// The state of one execution.
pub(super) struct Run<'a> {
    /// Where.
    pub(super) odoo: &'a Odoo,
    /// Whether this instance may still write.
    pub(super) still_ours: &'a (dyn Fn() -> bool + Sync),
    /// What became of which effect, by its id.
    pub(super) outcomes: HashMap<&'a str, Outcome>,
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

    /// What is behind external ids, in their order. Odoo tells one in a call.
    pub(super) async fn references(&self, external_ids: &[&str]) -> Result<Vec<Option<(String, i64)>>, CallError> {
        let look_up = |id| async move {
            let (module, name) = str::split_once(id, '.').ok_or_else(|| CallError::ours(Class::Park, false, "no_external_id"))?;
            self.odoo.reference(module, name).await
        };
        stream::iter(external_ids.iter().copied()).map(look_up).buffered(LOOK_UPS_AT_ONCE).try_collect().await
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

    /// A look-up for several effects was refused. One record that may not be read spoils the call for all: they are looked up in
    /// halves until it stands alone, and only its effects are refused.
    pub(super) fn refuse_or_halve<'p>(
        &mut self,
        part: &'p [&'a Effect],
        error: CallError,
        parts: &mut Vec<&'p [&'a Effect]>,
    ) -> Result<(), CallError> {
        if error.class != Class::Park || part.len() < 2 {
            return self.refuse(part.iter().copied(), error);
        }
        let (first, second) = part.split_at(part.len() / 2);
        parts.extend([second, first]);
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
