//! FULL_TRANSITIVE without a registry: every version can read every other, earlier and later.
//!
//! It asks more than Avro does: a word with another meaning (milliseconds for microseconds, two digits after the point for six) can
//! be read by the letter and is wrong all the same.

use apache_avro::Schema;
use apache_avro::schema::{DecimalSchema, EnumSchema, RecordSchema, ResolvedSchema, UnionSchema};
use apache_avro::schema_compatibility::SchemaCompatibility;

use super::embedded::SCHEMAS;

/// Deepest nesting that is followed: a record that holds itself ends here.
const DEPTH_MAX: usize = 32;

/// The rule that a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The text is no Avro schema.
    Unreadable,
    /// A named type has another name.
    Renamed,
    /// A field was added that earlier records do not have, and it has no default.
    AddedWithoutDefault,
    /// A field was taken away that earlier readers need, and it had no default.
    RemovedWithoutDefault,
    /// Another type, or another logical type, precision, scale or size.
    TypeChanged,
    /// A word was added to an enum, and earlier readers have no default word for it.
    WordAdded,
    /// A word was taken from an enum that has no default word.
    WordRemoved,
    /// A union has other branches.
    UnionChanged,
    /// Avro's own rules, where none of the above says it.
    Avro,
}

impl Rule {
    /// The rule in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "is no Avro schema",
            Self::Renamed => "is renamed",
            Self::AddedWithoutDefault => "is added without a default",
            Self::RemovedWithoutDefault => "is removed and had no default",
            Self::TypeChanged => "has another type",
            Self::WordAdded => "has a new word, and earlier readers have no default for it",
            Self::WordRemoved => "lacks a word and has no default for it",
            Self::UnionChanged => "is a union of other types",
            Self::Avro => "cannot be read by the rules of Avro",
        }
    }
}

/// One reason why a schema cannot follow an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the schema.
    pub schema: String,
    /// Which earlier version it breaks with, from 1; 0 when the text itself is wrong.
    pub version: usize,
    /// Path of the field, `pod.signed_by`; empty for the record itself.
    pub field: String,
    /// What is broken.
    pub rule: Rule,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = if self.field.is_empty() { "the record" } else { &self.field };
        write!(f, "{}: {field} {}", self.schema, self.rule.as_str())?;
        if self.version == 0 { Ok(()) } else { write!(f, " (against version {})", self.version) }
    }
}

/// What speaks against the schemas of this binary following those released before; empty when nothing does.
#[must_use]
pub fn check_embedded() -> Vec<Finding> {
    SCHEMAS.iter().flat_map(|s| check(s.name, s.text, s.released)).collect()
}

/// What speaks against `text` following all of `earlier` (oldest first); empty when nothing does.
#[must_use]
pub fn check(name: &str, text: &str, earlier: &[impl AsRef<str>]) -> Vec<Finding> {
    let finding = |version, field: String, rule| Finding { schema: name.to_owned(), version, field, rule };
    let Ok(new) = Schema::parse_str(text) else { return vec![finding(0, String::new(), Rule::Unreadable)] };
    let mut found = Vec::new();
    for (version, old) in (1..).zip(earlier) {
        let Ok(old) = Schema::parse_str(old.as_ref()) else {
            found.push(finding(version, String::new(), Rule::Unreadable));
            continue;
        };
        let mut broken = Vec::new();
        if let (Ok(new_names), Ok(old_names)) = (ResolvedSchema::new(&new), ResolvedSchema::new(&old)) {
            Walk { new: &new_names, old: &old_names, broken: &mut broken }.compare(&new, &old, "", 0);
        } else {
            broken.push((String::new(), Rule::Unreadable));
        }
        if broken.is_empty() && SchemaCompatibility::mutual_read(&old, &new).is_err() {
            broken.push((String::new(), Rule::Avro));
        }
        broken.sort();
        broken.dedup();
        found.extend(broken.into_iter().map(|(field, rule)| finding(version, field, rule)));
    }
    found
}

struct Walk<'a> {
    new: &'a ResolvedSchema<'a>,
    old: &'a ResolvedSchema<'a>,
    broken: &'a mut Vec<(String, Rule)>,
}

impl<'a> Walk<'a> {
    fn compare(&mut self, new: &'a Schema, old: &'a Schema, path: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let (Some(new), Some(old)) = (resolved(new, self.new), resolved(old, self.old)) else {
            return self.add(path, Rule::Unreadable);
        };
        match (new, old) {
            (Schema::Record(new), Schema::Record(old)) => self.records(new, old, path, depth),
            (Schema::Enum(new), Schema::Enum(old)) => self.enums(new, old, path),
            (Schema::Union(new), Schema::Union(old)) => self.unions(new, old, path, depth),
            (Schema::Array(new), Schema::Array(old)) => self.compare(&new.items, &old.items, path, depth + 1),
            (Schema::Map(new), Schema::Map(old)) => self.compare(&new.types, &old.types, path, depth + 1),
            (Schema::Decimal(new), Schema::Decimal(old)) => {
                let shape = |d: &DecimalSchema| (d.precision, d.scale, format!("{:?}", d.inner));
                if shape(new) != shape(old) {
                    self.add(path, Rule::TypeChanged);
                }
            }
            (Schema::Fixed(new), Schema::Fixed(old)) if new.size == old.size && new.name == old.name => {}
            (new, old) if std::mem::discriminant(new) == std::mem::discriminant(old) && !matches!(new, Schema::Fixed(_)) => {}
            _ => self.add(path, Rule::TypeChanged),
        }
    }

    fn records(&mut self, new: &'a RecordSchema, old: &'a RecordSchema, path: &str, depth: usize) {
        if new.name != old.name {
            self.add(path, Rule::Renamed);
        }
        for field in &new.fields {
            let path = join(path, &field.name);
            match old.fields.iter().find(|f| f.name == field.name) {
                Some(before) => self.compare(&field.schema, &before.schema, &path, depth + 1),
                None if field.default.is_none() => self.add(&path, Rule::AddedWithoutDefault),
                None => {}
            }
        }
        for field in old.fields.iter().filter(|f| f.default.is_none() && !new.fields.iter().any(|n| n.name == f.name)) {
            self.add(&join(path, &field.name), Rule::RemovedWithoutDefault);
        }
    }

    fn enums(&mut self, new: &EnumSchema, old: &EnumSchema, path: &str) {
        if new.name != old.name {
            self.add(path, Rule::Renamed);
        }
        let lacks = |reader: &EnumSchema, writer: &EnumSchema| {
            writer.symbols.iter().any(|s| !reader.symbols.contains(s)) && reader.default.is_none()
        };
        if lacks(old, new) {
            self.add(path, Rule::WordAdded);
        }
        if lacks(new, old) {
            self.add(path, Rule::WordRemoved);
        }
    }

    /// Branches are matched in their order: readers that map `null` and one more rely on nothing else, and a reordered union would
    /// make the default of a field wrong.
    fn unions(&mut self, new: &'a UnionSchema, old: &'a UnionSchema, path: &str, depth: usize) {
        if new.variants().len() != old.variants().len() {
            return self.add(path, Rule::UnionChanged);
        }
        for (new, old) in new.variants().iter().zip(old.variants()) {
            self.compare(new, old, path, depth + 1);
        }
    }

    fn add(&mut self, path: &str, rule: Rule) {
        self.broken.push((path.to_owned(), rule));
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn resolved<'a>(schema: &'a Schema, names: &ResolvedSchema<'a>) -> Option<&'a Schema> {
    match schema {
        Schema::Ref { name } => names.get_names().get(name).copied(),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_schema_is_its_newest_release_or_follows_all_of_them() {
        for s in SCHEMAS {
            for released in s.released {
                assert!(Schema::parse_str(released).is_ok(), "a released version of {} does not parse", s.name);
            }
            let newest = s.released.last().expect("a release");
            if s.text != *newest {
                assert_eq!(check(s.name, s.text, s.released), [], "{}", s.name);
            }
        }
        assert_eq!(check_embedded(), []);
    }

    /// A release that the binary does not know would never be checked against.
    #[test]
    fn every_file_of_schemas_is_in_the_binary() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let names = |folder: &std::path::Path| -> BTreeSet<String> {
            let files = std::fs::read_dir(folder).expect("schemas");
            let files = files.map(|f| f.expect("file").file_name().into_string().expect("name"));
            files.filter(|n| n != "released").collect()
        };
        assert_eq!(names(&folder), SCHEMAS.iter().map(|s| format!("{}.avsc", s.name)).collect());
        let released = SCHEMAS.iter().flat_map(|s| (1..=s.released.len()).map(|n| format!("{}.v{n}.avsc", s.name)));
        assert_eq!(names(&folder.join("released")), released.collect());
    }

    fn record(fields: &str) -> String {
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"id","type":"string"}},{fields}]}}"#)
    }

    #[test]
    fn each_rule_is_held() {
        let a = r#"{"name":"a","type":["null","string"],"default":null}"#;
        let words =
            |symbols: &str, default: &str| format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":{symbols}{default}}}}}"#);
        let decimal =
            |scale: u32| format!(r#"{{"name":"d","type":{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}}}"#);
        let of = |ty: &str| format!(r#"{{"name":"t","type":{ty}}}"#);
        let micros = r#"{"type":"long","logicalType":"timestamp-micros"}"#;
        let millis = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
        let inner =
            |fields: &str| format!(r#"{{"name":"in","type":["null",{{"type":"record","name":"I","fields":[{fields}]}}],"default":null}}"#);
        for (what, old, new, expected) in [
            ("nothing", a.to_owned(), a.to_owned(), None),
            ("added with default", a.into(), format!(r#"{a},{{"name":"b","type":"int","default":1}}"#), None),
            ("removed with default", format!(r#"{a},{{"name":"b","type":"int","default":1}}"#), a.into(), None),
            ("added", a.into(), format!(r#"{a},{{"name":"b","type":"int"}}"#), Some(("b", Rule::AddedWithoutDefault))),
            ("removed", format!(r#"{a},{{"name":"b","type":"int"}}"#), a.into(), Some(("b", Rule::RemovedWithoutDefault))),
            ("widened", of(r#""int""#), of(r#""long""#), Some(("t", Rule::TypeChanged))),
            ("unit of time", of(micros), of(millis), Some(("t", Rule::TypeChanged))),
            ("unit lost", of(micros), of(r#""long""#), Some(("t", Rule::TypeChanged))),
            ("scale", decimal(2), decimal(6), Some(("d", Rule::TypeChanged))),
            ("word", words(r#"["x"]"#, ""), words(r#"["x","y"]"#, ""), Some(("e", Rule::WordAdded))),
            ("word gone", words(r#"["x","y"]"#, ""), words(r#"["x"]"#, ""), Some(("e", Rule::WordRemoved))),
            ("word with default", words(r#"["x"]"#, r#","default":"x""#), words(r#"["x","y"]"#, r#","default":"x""#), None),
            ("branch", of(r#"["null","string"]"#), of(r#"["null","string","int"]"#), Some(("t", Rule::UnionChanged))),
            ("made optional", of(r#""string""#), of(r#"["null","string"]"#), Some(("t", Rule::TypeChanged))),
            ("inside", inner(a), inner(&of(r#""int""#)), Some(("in.t", Rule::AddedWithoutDefault))),
        ] {
            let found = check("R", &record(&new), &[record(&old)]);
            let found: Vec<(&str, Rule)> = found.iter().map(|f| (f.field.as_str(), f.rule)).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{what}");
        }
        assert_eq!(check("R", "{", &[""; 0]).first().map(|f| f.rule), Some(Rule::Unreadable));
        assert_eq!(check("R", r#"{"type":"record","name":"Q","fields":[]}"#, &[r#"{"type":"record","name":"R","fields":[]}"#]).len(), 1);
    }

    /// Transitive: what follows the last version may still break with the first.
    #[test]
    fn every_earlier_version_counts() {
        let (one, two) = (record(r#"{"name":"a","type":"int"}"#), record(r#"{"name":"b","type":"int","default":0}"#));
        let found = check("R", &two, &[one, two.clone()]);
        assert_eq!(found.iter().map(|f| f.version).collect::<Vec<_>>(), [1]);
    }
}
