//! The identity of a happening.

use super::event::{Piece, Place, RawCode};

/// What makes two tellings the same happening. The envelope's id and the source are not part of it.
#[derive(Debug)]
pub struct Identity<'a> {
    /// Carrier code.
    pub carrier: &'a str,
    /// Shipment key.
    pub shipment_key: &'a str,
    /// Piece, where the source tells it.
    pub piece: Option<&'a Piece>,
    /// Code as sent.
    pub raw_code: &'a RawCode,
    /// The source's time as sent, in any one spelling of that source.
    pub time_as_sent: &'a str,
    /// Place as sent.
    pub place: Option<&'a Place>,
    /// Only where the vendor's id is known to name the happening, not the telling.
    pub vendor_id: Option<&'a str>,
}

impl Identity<'_> {
    /// The 128-bit key: the first 16 bytes of a BLAKE3 hash over the parts, each with its length before it.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: Option<&str>| {
            let bytes = text.unwrap_or_default().as_bytes();
            hasher.update(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
            hasher.update(bytes);
        };
        part(Some(self.carrier));
        part(Some(self.shipment_key));
        part(self.piece.and_then(|p| p.number.as_deref().or(p.sscc.as_deref())));
        part(self.raw_code.kind.as_deref());
        part(self.raw_code.code.as_deref());
        part(self.raw_code.sub_code.as_deref());
        part(Some(self.time_as_sent));
        let place = self.place;
        part(place.and_then(|p| p.city.as_deref()));
        part(place.and_then(|p| p.postal_code.as_deref()));
        part(place.and_then(|p| p.country.as_deref()));
        part(place.and_then(|p| p.facility.as_deref()));
        part(self.vendor_id);
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        key
    }
}

/// A stable 128-bit id from the parts that caused something: effects, exceptions, notes.
#[must_use]
pub fn id_of(parts: &[&str]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

/// 32 hex digits.
#[must_use]
pub fn hex(key: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(32);
    for byte in key {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The key behind 32 hex digits (hyphens allowed).
#[must_use]
pub fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut key = [0_u8; 16];
    let mut n = 0;
    for c in text.chars().filter(|c| *c != '-') {
        let digit = u8::try_from(c.to_digit(16)?).ok()?;
        let slot = key.get_mut(n / 2)?;
        *slot = (*slot << 4) | digit;
        n += 1;
    }
    (n == 32).then_some(key)
}

/// The key in the shape of a UUID (RFC 9562, version 8: "custom"), which is what `event_id` is.
#[must_use]
pub fn uuid(key: &[u8; 16]) -> String {
    let mut bytes = *key;
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = hex(&bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_has_its_shape_and_hex_comes_back() {
        let key = id_of(&["a", "b"]);
        assert_eq!(unhex(&hex(&key)), Some(key));
        let text = uuid(&key);
        assert_eq!(text.len(), 36);
        assert_eq!(text.chars().nth(14), Some('8'));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(id_of(&["ab", "c"]), id_of(&["a", "bc"]));
    }
}
