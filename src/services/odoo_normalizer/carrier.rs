//! Which carrier stands behind a delivery method.

use std::collections::BTreeMap;

/// Carriers of Odoo's own connectors by `delivery_type`. Aggregators (`easypost`, `sendcloud`, `shiprocket`, …) and price rules
/// (`fixed`, `base_on_rule`) tell no carrier.
const BY_TYPE: &[(&str, &str)] = &[
    ("bpost", "bpost"),
    ("dhl", "dhl_express"),
    ("dhl_rest", "dhl_express"),
    ("fedex", "fedex"),
    ("fedex_rest", "fedex"),
    ("ups", "ups"),
    ("ups_rest", "ups"),
    ("usps", "usps"),
    ("usps_rest", "usps"),
];

/// The canonical carrier code: configured by name, configured by type, or known by type; `None` where nobody tells it.
pub(super) fn code(configured: &BTreeMap<String, String>, name: Option<&str>, delivery_type: Option<&str>) -> Option<String> {
    let set = |key: &str| configured.iter().find(|(k, _)| k.trim().eq_ignore_ascii_case(key.trim())).map(|(_, code)| code.clone());
    name.and_then(set).or_else(|| delivery_type.and_then(set)).or_else(|| {
        let delivery_type = delivery_type?;
        BY_TYPE.iter().find(|(known, _)| *known == delivery_type).map(|(_, code)| (*code).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_before_types_and_rules_tell_nothing() {
        let configured = BTreeMap::from([("Next day".to_owned(), "dpd".to_owned()), ("fixed".to_owned(), "gls".to_owned())]);
        let none = BTreeMap::new();
        assert_eq!(code(&configured, Some("next DAY "), Some("ups")).as_deref(), Some("dpd"));
        assert_eq!(code(&configured, Some("Standard"), Some("fixed")).as_deref(), Some("gls"));
        assert_eq!(code(&none, Some("Standard"), Some("ups_rest")).as_deref(), Some("ups"));
        assert_eq!(code(&none, Some("Standard"), Some("fixed")), None);
        assert_eq!(code(&none, Some("UPS"), Some("easypost")), None);
        assert_eq!(code(&none, None, None), None);
    }
}
