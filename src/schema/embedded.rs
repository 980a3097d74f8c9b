//! The schemas of `schemas/`, in the binary.

use std::sync::LazyLock;

use apache_avro::Schema;

use crate::domain::record::Record;

/// The schema of one record.
#[derive(Debug)]
pub struct Embedded {
    /// Name of the record: one of [`Record::NAMES`].
    pub name: &'static str,
    /// The schema as written in `schemas/<name>.avsc`.
    pub text: &'static str,
    /// Every earlier version, oldest first: text of `schemas/released/<name>.v<n>.avsc`.
    pub released: &'static [&'static str],
}

macro_rules! embedded {
    ($($name:literal: $($version:literal),+;)+) => {
        &[$(Embedded {
            name: $name,
            text: include_str!(concat!("../../schemas/", $name, ".avsc")),
            released: &[$(include_str!(concat!("../../schemas/released/", $name, ".v", $version, ".avsc"))),+],
        }),+]
    };
}

/// The schemas, in the order of [`Record::NAMES`]. A new release adds its number here.
pub static SCHEMAS: &[Embedded] = embedded! {
    "ShipmentEvent": 1;
    "ShipmentStatus": 1;
    "DeliveryStatus": 1;
    "ShipmentLink": 1;
    "ExceptionRaised": 1;
    "ErpDelivery": 1;
    "ErpOrder": 1;
    "ErpInvoice": 1;
    "OdooImage": 1;
    "OdooCommand": 1;
    "OdooResult": 1;
    "ParcelChange": 1;
};

static PARSED: LazyLock<Vec<Result<Schema, String>>> =
    LazyLock::new(|| SCHEMAS.iter().map(|s| Schema::parse_str(s.text).map_err(|e| format!("{}: {e}", s.name))).collect());

/// The text of a record's schema.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|s| s.name == name).map(|s| s.text)
}

/// Where a record stands in [`Record::NAMES`].
pub(super) fn index(name: &str) -> Option<usize> {
    Record::NAMES.iter().position(|n| *n == name)
}

/// The parsed schema of the record at an index of [`Record::NAMES`].
pub(super) fn parsed(index: usize) -> Result<&'static Schema, String> {
    match PARSED.get(index) {
        Some(Ok(schema)) => Ok(schema),
        Some(Err(error)) => Err(error.clone()),
        None => Err(format!("no schema at {index}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_its_schema_under_its_name() {
        assert_eq!(SCHEMAS.iter().map(|s| s.name).collect::<Vec<_>>(), Record::NAMES);
        for (i, name) in Record::NAMES.iter().enumerate() {
            let schema = parsed(i).expect("parses");
            assert_eq!(schema.name().map(ToString::to_string), Some(format!("waybill.{name}")));
        }
    }

    /// Analysts read nothing but the schema: each field says what it means, and marks are where personal data is.
    #[test]
    fn every_field_is_documented() {
        fn walk(node: &serde_json::Value, path: &str) {
            match node {
                serde_json::Value::Object(map) => {
                    if let Some(name) = map.get("name").and_then(|n| n.as_str()) {
                        let doc = map.get("doc").and_then(|d| d.as_str()).unwrap_or_default();
                        assert!(doc.len() > 4 && doc.ends_with('.'), "{path}/{name} has no doc that is a sentence: {doc:?}");
                        if map.get("logicalType").is_none()
                            && map["type"].to_string().contains("timestamp-micros")
                            && map.contains_key("doc")
                            && !map.contains_key("fields")
                            && map["type"].get("fields").is_none()
                            && !map["type"].to_string().contains("\"record\"")
                        {
                            assert!(doc.contains("UTC"), "{path}/{name} does not say its zone");
                        }
                    }
                    map.iter().filter(|(k, _)| *k != "default").for_each(|(k, v)| walk(v, &format!("{path}/{k}")));
                }
                serde_json::Value::Array(items) => items.iter().for_each(|v| walk(v, path)),
                _ => {}
            }
        }
        for s in SCHEMAS {
            walk(&serde_json::from_str(s.text).expect(s.name), s.name);
        }
    }
}
