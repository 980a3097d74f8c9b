//! Decimal amounts.

use rust_decimal::Decimal;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits after the point in every Avro decimal of ours; `precision` there is 28.
pub const SCALE: u32 = 6;
/// 10 to the power of the precision.
const UNSCALED_LIMIT: u128 = 10_u128.pow(28);

/// A decimal number: money (its currency stands beside it) or a measure (its unit does).
/// On topics an Avro `decimal(28, 6)`, in text a string without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Amount(pub Decimal);

impl Amount {
    /// Reads `12.34`, `-0.5`, `1e3`; `None` for anything else, for more than six digits after the point, or for more
    /// than 28 digits with those six.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let value = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text)).ok()?.normalize();
        Self(value).unscaled().map(|_| Self(value))
    }

    /// The number times 10^6; `None` when it does not fit an Avro `decimal(28, 6)` without rounding.
    fn unscaled(self) -> Option<i128> {
        let mut scaled = self.0;
        // Where there is no room for all six digits this stops short, or rounds.
        scaled.rescale(SCALE);
        let fits = scaled.scale() == SCALE && scaled == self.0 && scaled.mantissa().unsigned_abs() < UNSCALED_LIMIT;
        fits.then(|| scaled.mantissa())
    }

    fn unscaled_bytes(self) -> Option<Vec<u8>> {
        let unscaled = self.unscaled()?;
        let bytes = unscaled.to_be_bytes();
        let negative = unscaled < 0;
        let fill: u8 = if negative { 0xff } else { 0 };
        let mut start = 0;
        while start < bytes.len() - 1 && bytes[start] == fill && (bytes[start + 1] & 0x80) == (fill & 0x80) {
            start += 1;
        }
        Some(bytes[start..].to_vec())
    }

    fn from_unscaled(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > 16 {
            return None;
        }
        let fill = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
        let mut wide = [fill; 16];
        wide[16 - bytes.len()..].copy_from_slice(bytes);
        let value = Decimal::try_from_i128_with_scale(i128::from_be_bytes(wide), SCALE).ok()?;
        Some(Self(value.normalize()))
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            return s.collect_str(self);
        }
        match self.unscaled_bytes() {
            Some(bytes) => s.serialize_bytes(&bytes),
            None => Err(serde::ser::Error::custom("does not fit decimal(28, 6)")),
        }
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a decimal")
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Amount, E> {
        Amount::parse(v).ok_or_else(|| E::custom("not a decimal"))
    }
    fn visit_bytes<E: serde::de::Error>(self, v: &[u8]) -> Result<Amount, E> {
        Amount::from_unscaled(v).ok_or_else(|| E::custom("not a decimal"))
    }
    fn visit_byte_buf<E: serde::de::Error>(self, v: Vec<u8>) -> Result<Amount, E> {
        self.visit_bytes(&v)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let text = String::deserialize(d)?;
            Self::parse(&text).ok_or_else(|| D::Error::custom("not a decimal"))
        } else {
            d.deserialize_bytes(AmountVisitor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_back() {
        for text in ["0", "1", "-1", "0.000001", "-0.000001", "12.34", "-128", "127", "128", "-129", "79228162514264.337593"] {
            let amount = Amount::parse(text).expect(text);
            assert_eq!(amount.unscaled_bytes().and_then(|b| Amount::from_unscaled(&b)), Some(amount), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_not_rounded() {
        assert_eq!(Amount::parse("0.0000001"), None);
        assert_eq!(Amount::parse("12,5"), None);
        assert_eq!(Amount::parse(""), None);
        assert!(Amount::parse("9999999999999999999999.999999").is_some());
        assert_eq!(Amount::parse("10000000000000000000000"), None, "23 digits and the six after the point");
        assert_eq!(Amount::parse("79228162514264337593543950335"), None);
        assert_eq!(Amount(Decimal::MAX).unscaled_bytes(), None);
    }
}
