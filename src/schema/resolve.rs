//! A datum of another version of a schema, brought to ours by the rules of Avro: fields by name or alias, defaults for
//! what is missing, the default symbol for a word that this version does not know.
//! apache-avro's own resolution refuses a decimal whose bytes are fewer than its precision allows, which ours usually are.

use apache_avro::Schema;
use apache_avro::schema::{RecordSchema, ResolvedSchema};
use serde_json::{Map, Value as Json};

/// Rewrites `json` (as [`super::generic::decode_generic`] gives it) to the reader's schema; `None` when it cannot be.
pub(super) fn to_reader(json: &mut Json, reader: &Schema) -> Option<()> {
    let names = ResolvedSchema::new(reader).ok()?;
    fit(json, reader, &names)
}

fn fit(json: &mut Json, schema: &Schema, names: &ResolvedSchema<'_>) -> Option<()> {
    match schema {
        Schema::Ref { name } => fit(json, names.get_names().get(name).copied()?, names),
        Schema::Union(union) => {
            if json.is_null() {
                return union.is_nullable().then_some(());
            }
            // Ours are all `null` and one more.
            fit(json, union.variants().iter().find(|s| !matches!(s, Schema::Null))?, names)
        }
        Schema::Record(record) => fit_record(json.as_object_mut()?, record, names),
        Schema::Array(array) => json.as_array_mut()?.iter_mut().try_for_each(|item| fit(item, &array.items, names)),
        Schema::Enum(words) => {
            let known = json.as_str().is_some_and(|word| words.symbols.iter().any(|s| s == word));
            if !known {
                *json = Json::String(words.default.clone()?);
            }
            Some(())
        }
        _ => Some(()),
    }
}

fn fit_record(object: &mut Map<String, Json>, record: &RecordSchema, names: &ResolvedSchema<'_>) -> Option<()> {
    let mut fitted = Map::with_capacity(record.fields.len());
    for field in &record.fields {
        let sent = std::iter::once(&field.name).chain(&field.aliases).find_map(|name| object.remove(name));
        let mut value = match sent {
            Some(value) => value,
            None => field.default.clone()?,
        };
        fit(&mut value, &field.schema, names)?;
        fitted.insert(field.name.clone(), value);
    }
    *object = fitted;
    Some(())
}
