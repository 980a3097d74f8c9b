//! Keys that decide where things meet and in which order they are seen.

use serde::{Deserialize, Serialize};

/// Longest tracking number that is believed; no carrier of ours has more than 50 characters.
pub const TRACKING_NUMBER_CHARS_MAX: usize = 64;

/// The shipment key of a tracking number: upper case, letters and digits only.
/// `None` when nothing is left or it is longer than [`TRACKING_NUMBER_CHARS_MAX`].
#[must_use]
pub fn shipment_key(tracking_number: &str) -> Option<String> {
    let mut key = String::with_capacity(tracking_number.len().min(TRACKING_NUMBER_CHARS_MAX));
    for c in tracking_number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase) {
        if key.len() >= TRACKING_NUMBER_CHARS_MAX {
            return None;
        }
        key.push(c);
    }
    (!key.is_empty()).then_some(key)
}

/// `<odoo instance>:<company id>:<picking id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryKey(pub String);

impl DeliveryKey {
    /// Builds the key. The instance name has no colon: configuration checks it.
    #[must_use]
    pub fn new(instance: &str, company_id: i64, picking_id: i64) -> Self {
        Self(format!("{instance}:{company_id}:{picking_id}"))
    }

    /// Instance, company and picking; `None` when the text is not a delivery key.
    #[must_use]
    pub fn parts(&self) -> Option<(&str, i64, i64)> {
        let mut parts = self.0.split(':');
        let (instance, company, picking) = (parts.next()?, parts.next()?, parts.next()?);
        if instance.is_empty() || parts.next().is_some() {
            return None;
        }
        Some((instance, company.parse().ok()?, picking.parse().ok()?))
    }
}

impl std::fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_numbers_lose_spaces_and_punctuation() {
        assert_eq!(shipment_key(" 1z 999-aa1.0123 456784 ").as_deref(), Some("1Z999AA10123456784"));
        assert_eq!(shipment_key(" - "), None);
        assert_eq!(shipment_key(&"9".repeat(65)), None);
    }

    #[test]
    fn delivery_key_is_read_back() {
        let key = DeliveryKey::new("main", 1, 24);
        assert_eq!(key.parts(), Some(("main", 1, 24)));
        assert_eq!(DeliveryKey("main:1".into()).parts(), None);
        assert_eq!(DeliveryKey("main:1:2:3".into()).parts(), None);
    }
}
