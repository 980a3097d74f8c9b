//! What stands in HTTP headers: their values by name, digests in hex and base64, moments.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Received;
use crate::domain::time::{self, Micros};

/// Put by the relay before the name of an HTTP header.
const PREFIX: &str = "http_header_";
/// Most values of one header that are looked at: honest senders have one.
const VALUES_MAX: usize = 8;
/// Longest text that is decoded, bytes: a signature of RSA with 8192 bits has 1368.
const TEXT_BYTES_MAX: usize = 4096;

/// Bytes of SHA-256.
pub(super) type Digest = [u8; 32];

/// The names of the headers that one thing may stand in.
pub(super) struct Names(Vec<String>);

impl Names {
    /// HTTP's own names, in whatever case.
    pub(super) fn new(names: &[&str]) -> Self {
        Self(names.iter().map(|name| format!("{PREFIX}{name}")).collect())
    }

    /// What stands there, without blanks around it. A value that comes twice is one; an empty one is none.
    pub(super) fn values<'a>(&self, message: &Received<'a>) -> Vec<&'a [u8]> {
        let mut found: Vec<&[u8]> = Vec::new();
        for (name, value) in message.headers {
            let value = value.trim_ascii();
            let wanted = self.0.iter().any(|known| known.eq_ignore_ascii_case(name));
            if wanted && !value.is_empty() && !found.contains(&value) && found.len() < VALUES_MAX {
                found.push(value);
            }
        }
        found
    }

    /// The values of headers that may tell several things, divided at the commas. Neither hex nor base64 has one.
    pub(super) fn parts<'a>(&self, message: &Received<'a>) -> Vec<&'a [u8]> {
        let parts = self.values(message).into_iter().flat_map(|value| value.split(|b| *b == b','));
        parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).take(VALUES_MAX).collect()
    }

    /// The one value, as text; `None` where there is none, or several that contradict each other.
    pub(super) fn only<'a>(&self, message: &Received<'a>) -> Option<&'a str> {
        match self.values(message).as_slice() {
            [one] => std::str::from_utf8(one).ok(),
            _ => None,
        }
    }
}

/// A SHA-256 in hex or base64, bare or behind the name of its algorithm. Vendors' guides, examples and servers disagree about which.
pub(super) fn digest(value: &[u8]) -> Option<Digest> {
    let text = std::str::from_utf8(value).ok()?;
    let named = ["hmac-sha256-hex=", "hmac-sha256=", "sha256="];
    let bare = named.iter().find_map(|name| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some(rest)
    });
    let text = bare.unwrap_or(text);
    let bytes = if text.len() == 64 { hex(text) } else { base64(text) };
    bytes?.try_into().ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    digits?.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok()).collect()
}

/// Base64 of either alphabet, padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
    static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    if text.contains(['-', '_']) { URL_SAFE.decode(text).ok() } else { STANDARD.decode(text).ok() }
}

/// The moment of a header: seconds, milliseconds or microseconds since the epoch, or ISO 8601; UTC where no offset is told.
pub(super) fn moment(text: &str) -> Option<Micros> {
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let number: Micros = text.parse().ok()?;
        return match text.len() {
            ..=11 => number.checked_mul(1_000_000),
            12..=14 => number.checked_mul(1000),
            15..=17 => Some(number),
            _ => None,
        };
    }
    time::parse_rfc3339(text).or_else(|| time::wall_clock_micros(text))
}

/// Whether a signed moment lies near enough to the time of receipt. Clocks differ both ways.
pub(super) fn is_recent(signed_at: Micros, message: &Received<'_>, age_max: Micros) -> bool {
    message.at.is_none_or(|at| at.abs_diff(signed_at) <= age_max.unsigned_abs())
}
