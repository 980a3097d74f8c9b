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
    "ShipmentEvent": 1, 2;
    "ShipmentStatus": 1;
    "DeliveryStatus": 1;
    "ShipmentLink": 1;
    "ExceptionRaised": 1, 2;
    "ErpDelivery": 1;
    "ErpOrder": 1;
    "ErpInvoice": 1;
    "OdooImage": 1;
    "OdooCommand": 1;
    "OdooResult": 1;
    "ParcelChange": 1;
    "FreightInvoice": 1;
    "FreightCharge": 1;
    "FinanceFact": 1;
    "FinanceEntry": 1;
    "FreightVerdict": 1;
    "ExceptionDecision": 1;
    "SourceCounts": 1;
    "ShipmentNotice": 1;
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

    /// Calls `see` with every named type (no `default` path) and every field, inner ones too.
    fn walk(node: &serde_json::Value, path: &str, see: &mut impl FnMut(&str, &serde_json::Value)) {
        match node {
            serde_json::Value::Object(map) => {
                let name = map.get("name").and_then(|n| n.as_str());
                let path = name.map_or_else(|| path.to_owned(), |name| format!("{path}/{name}"));
                if name.is_some() {
                    see(&path, node);
                }
                map.iter().filter(|(k, _)| *k == "fields" || *k == "type" || *k == "items").for_each(|(_, v)| walk(v, &path, see));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|v| walk(v, path, see)),
            _ => {}
        }
    }

    fn walk_all(mut see: impl FnMut(&str, &serde_json::Value)) {
        for s in SCHEMAS {
            walk(&serde_json::from_str(s.text).expect(s.name), "", &mut see);
        }
    }

    /// Analysts read nothing but the schema: each field says what it means, times their zone, amounts their unit or currency.
    #[test]
    fn every_field_is_documented() {
        let (mut times, mut amounts) = (0, 0);
        walk_all(|path, node| {
            let doc = node["doc"].as_str().unwrap_or_default();
            assert!(doc.len() > 4 && doc.ends_with('.'), "{path} has no doc that is a sentence: {doc:?}");
            let logical = |of: &serde_json::Value| of["logicalType"].as_str().unwrap_or_default().to_owned();
            let of = node["type"].as_array().and_then(|branches| branches.get(1)).unwrap_or_else(|| &node["type"]);
            match logical(of).as_str() {
                "timestamp-micros" => {
                    assert!(doc.contains("UTC"), "{path} does not say its zone");
                    times += 1;
                }
                "decimal" => {
                    assert!(["currency", "unit", " kg"].iter().any(|word| doc.contains(word)), "{path} does not say its unit");
                    amounts += 1;
                }
                _ => {}
            }
        });
        assert!(times > 20 && amounts > 10, "{times} times, {amounts} amounts: the walk missed them");
    }

    #[test]
    fn personal_data_is_marked() {
        let mut marked = std::collections::BTreeSet::new();
        walk_all(|path, node| {
            if node["pii"] == true {
                let mut last = path.rsplit('/');
                let (field, owner) = (last.next().unwrap_or_default(), last.next().unwrap_or_default());
                marked.insert(format!("{owner}.{field}"));
            }
        });
        for field in [
            "ProofOfDelivery.signed_by",
            "ProofOfDelivery.photo_ref",
            "ProofOfDelivery.latitude",
            "ShipmentEvent.raw_description",
            "Contact.name",
            "Contact.email",
            "Contact.phone",
            "Contact.street",
            "OdooImage.fields",
            "OdooCommand.arguments",
            "ExceptionDecision.decided_by",
        ] {
            assert!(marked.contains(field), "{field} is not marked");
        }
    }
}
