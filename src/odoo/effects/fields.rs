//! Fields of pickings: one `read` for many, then one `write` for all that get the same values. Nothing is written that is so already.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::PICKING;
use super::batch::{Run, portions};
use super::{Action, Effect, Outcome};
use crate::domain::ids::shipment_key;
use crate::odoo::errors::{CallError, Class};

/// The field of the tracking numbers, joined by commas.
const REFERENCE: &str = "carrier_tracking_ref";

/// What one picking gets, and the effects that asked for it.
type Change<'a> = (Map<String, Value>, Vec<&'a Effect>);

pub(super) async fn run<'a>(run: &mut Run<'a>, effects: Vec<&'a Effect>) -> Result<(), CallError> {
    let mut parts = portions(&effects);
    while let Some(part) = parts.pop() {
        let mut rows = match look_up(run, part).await {
            Ok(rows) => rows,
            Err(error) => {
                run.refuse_or_halve(part, error, &mut parts)?;
                continue;
            }
        };
        let mut changes: BTreeMap<i64, Change<'a>> = BTreeMap::new();
        for effect in part.iter().copied() {
            let Some(id) = effect.record_id else { continue };
            let Some(row) = rows.get_mut(&id) else {
                let error = CallError::ours(Class::Park, false, "odoo.exceptions.MissingError");
                run.settle(effect, Outcome::refused(&error));
                continue;
            };
            let wanted = difference(&effect.action, row);
            if wanted.is_empty() && !changes.contains_key(&id) {
                run.settle(effect, Outcome::AlreadyDone);
                continue;
            }
            // What a later effect of the batch finds, and what it overwrites.
            row.extend(wanted.clone());
            let change = changes.entry(id).or_default();
            change.0.extend(wanted);
            change.1.push(effect);
        }
        write(run, changes).await?;
    }
    Ok(())
}

async fn look_up(run: &Run<'_>, part: &[&Effect]) -> Result<HashMap<i64, Map<String, Value>>, CallError> {
    let mut ids: Vec<i64> = part.iter().filter_map(|effect| effect.record_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut names = vec![REFERENCE];
    names.extend(["delivery_state", "tracking_state"].into_iter().filter(|field| run.odoo.has_picking_field(field)));
    let rows = run.odoo.read(PICKING, &ids, &names).await?;
    let by_id = rows.into_iter().filter_map(|row| match row {
        Value::Object(row) => Some((row.get("id")?.as_i64()?, row)),
        _ => None,
    });
    Ok(by_id.collect())
}

/// What has to be written so that the row is as the action wants it.
fn difference(action: &Action, row: &Map<String, Value>) -> Map<String, Value> {
    match action {
        Action::TrackingRef(numbers) => {
            let held = row.get(REFERENCE).and_then(Value::as_str).unwrap_or_default();
            let joined = with_numbers(held, numbers);
            if joined == held { Map::new() } else { Map::from_iter([(REFERENCE.to_owned(), json!(joined))]) }
        }
        // A field that is not in the row is not in the model.
        Action::Fields(fields) => {
            let differs = |name: &String, value: &Value| row.get(name).is_some_and(|held| held != value);
            fields.iter().filter(|(name, value)| differs(name, value)).map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        _ => Map::new(),
    }
}

/// The reference with the numbers that it lacks; what it holds stays as it is, in its spelling and order.
fn with_numbers(held: &str, numbers: &[String]) -> String {
    let mut joined = held.to_owned();
    let mut keys: Vec<Option<String>> = held.split(',').map(shipment_key).collect();
    for number in numbers {
        let key = shipment_key(number);
        if keys.contains(&key) {
            continue;
        }
        if !joined.trim().is_empty() {
            joined.push(',');
        }
        joined.push_str(number);
        keys.push(key);
    }
    joined
}

/// One call for all pickings that get the same values; where that is refused, one call each.
async fn write<'a>(run: &mut Run<'a>, changes: BTreeMap<i64, Change<'a>>) -> Result<(), CallError> {
    let mut groups: BTreeMap<String, (Map<String, Value>, Vec<i64>)> = BTreeMap::new();
    for (id, (values, _)) in &changes {
        let group = groups.entry(Value::Object(values.clone()).to_string()).or_insert_with(|| (values.clone(), Vec::new()));
        group.1.push(*id);
    }
    for (values, ids) in groups.into_values() {
        let mut parts = vec![ids];
        while let Some(part) = parts.pop() {
            run.check_lease()?;
            let effects = part.iter().filter_map(|id| changes.get(id)).flat_map(|(_, effects)| effects.iter().copied());
            match run.odoo.write(PICKING, &part, Value::Object(values.clone())).await {
                Ok(()) => effects.for_each(|effect| run.settle(effect, Outcome::Done { created_id: None })),
                Err(error) if error.class == Class::Park && part.len() > 1 => parts.extend(part.iter().map(|id| vec![*id])),
                Err(error) => run.refuse(effects, error)?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_added_and_never_taken_out() {
        let table = [
            ("", vec!["1Z1"], "1Z1"),
            ("1Z1", vec!["1Z1"], "1Z1"),
            ("1z 1", vec!["1Z1"], "1z 1"),
            ("1Z1,1Z2", vec!["1Z1"], "1Z1,1Z2"),
            ("1Z1", vec!["1Z2", "1Z1", "1Z3"], "1Z1,1Z2,1Z3"),
        ];
        for (held, numbers, expected) in table {
            let numbers: Vec<String> = numbers.into_iter().map(str::to_owned).collect();
            assert_eq!(with_numbers(held, &numbers), expected);
        }
    }
}
