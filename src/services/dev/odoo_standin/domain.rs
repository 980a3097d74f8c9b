//! Odoo's search domains, as far as a carrier integration uses them.

use serde_json::{Map, Value};

/// Whether a row matches. `Err` names the part that is not understood.
pub(super) fn matches(domain: &[Value], row: &Map<String, Value>) -> Result<bool, String> {
    let mut rest = domain;
    while !rest.is_empty() {
        if !term(&mut rest, row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Every field that a domain names.
pub(super) fn fields(domain: &[Value]) -> impl Iterator<Item = &str> {
    domain.iter().filter_map(|term| term.get(0)?.as_str())
}

/// Takes one term in Polish notation off the front.
fn term(rest: &mut &[Value], row: &Map<String, Value>) -> Result<bool, String> {
    let Some((first, after)) = rest.split_first() else { return Err("domain ends too early".into()) };
    *rest = after;
    match first {
        Value::String(operator) if operator == "|" || operator == "&" => {
            let (left, right) = (term(rest, row)?, term(rest, row)?);
            Ok(if operator == "|" { left || right } else { left && right })
        }
        Value::String(operator) if operator == "!" => Ok(!term(rest, row)?),
        Value::Array(leaf) => match leaf.as_slice() {
            [Value::String(field), Value::String(operator), value] => leaf_matches(row, field, operator, value),
            _ => Err(format!("domain leaf {first}")),
        },
        _ => Err(format!("domain term {first}")),
    }
}

fn leaf_matches(row: &Map<String, Value>, field: &str, operator: &str, value: &Value) -> Result<bool, String> {
    let held = row.get(field).unwrap_or(&Value::Bool(false));
    let is_empty = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
    let equals = |wanted: &Value| held == wanted || (is_empty(held) && is_empty(wanted));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    match operator {
        "=" => Ok(equals(value)),
        "!=" => Ok(!equals(value)),
        "in" => Ok(value.as_array().is_some_and(|list| list.iter().any(equals))),
        "not in" => Ok(!value.as_array().is_some_and(|list| list.iter().any(equals))),
        "ilike" => Ok(text(held).contains(&text(value))),
        "=ilike" => Ok(text(held) == text(value)),
        _ => Err(format!("operator {operator}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn polish_notation_and_operators() {
        let row = json!({"id": 1, "name": "WH/OUT/1", "ref": false});
        let row = row.as_object().unwrap();
        let table = [
            (json!([["id", "in", [1, 2]], ["name", "=ilike", "wh/out/1"]]), true),
            (json!([["id", "=", 1], "|", ["ref", "in", ["x"]], ["name", "ilike", "out"]]), true),
            (json!([["id", "=", 1], "|", ["ref", "in", ["x"]], ["name", "=", "y"]]), false),
            (json!(["!", ["ref", "=", null]]), false),
        ];
        for (domain, expected) in table {
            assert_eq!(matches(domain.as_array().unwrap(), row), Ok(expected), "{domain}");
        }
        assert!(matches(json!([["id", "~", 1]]).as_array().unwrap(), row).is_err());
    }
}
