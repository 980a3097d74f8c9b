//! HMAC-SHA256: over the body, or over a time and the body.

use ::hmac::{Hmac, KeyInit, Mac};
use icu_normalizer::DecomposingNormalizerBorrowed;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::read::{self, Digest, Names};
use super::{Checked, Named, Received, Scheme};
use crate::domain::time::Micros;

/// Most signatures in one header that tells several.
const SIGNATURES_MAX: usize = 8;

/// A key with its schedule made.
type Key = Hmac<Sha256>;

fn key(secret: &str) -> Option<Key> {
    // No length is wrong for HMAC; longer keys than a block are hashed.
    Key::new_from_slice(secret.as_bytes()).ok()
}

/// Whether one of the keys gives one of the digests. All are tried, so that the time it takes tells nothing of either.
fn matches(keys: &[Key], parts: &[&[u8]], sent: &[Digest]) -> bool {
    let mut found = Choice::from(0);
    for key in keys {
        let mut mac = key.clone();
        for part in parts {
            mac.update(part);
        }
        let made = mac.finalize().into_bytes();
        for digest in sent {
            found |= made.as_slice().ct_eq(digest.as_slice());
        }
    }
    found.into()
}

/// The signature of the body alone.
pub(super) struct OverBody {
    names: Names,
    keys: Vec<Key>,
}

impl OverBody {
    pub(super) fn new(names: Names, secrets: &[Named<'_>]) -> Self {
        Self { names, keys: secrets.iter().filter_map(|(_, secret)| key(secret.expose())).collect() }
    }

    /// The secret is taken in Unicode's form NFKD, as EasyPost does: `é` is `e` with an accent.
    pub(super) fn decomposed(names: Names, secrets: &[Named<'_>]) -> Self {
        let nfkd = DecomposingNormalizerBorrowed::new_nfkd();
        Self { names, keys: secrets.iter().filter_map(|(_, secret)| key(&nfkd.normalize(secret.expose()))).collect() }
    }
}

impl Scheme for OverBody {
    fn check(&self, message: &Received<'_>) -> Checked {
        if self.names.values(message).is_empty() {
            return Checked::Unchecked("it is not signed");
        }
        let digests: Vec<Digest> = self.names.parts(message).into_iter().filter_map(read::digest).collect();
        if digests.is_empty() {
            return Checked::Invalid("the signature is no SHA-256 in hex or base64");
        }
        if matches(&self.keys, &[message.body], &digests) {
            Checked::Verified
        } else {
            Checked::Invalid("the signature is of another body or another secret")
        }
    }
}

/// The signature of a time, a point and the body; both stand in one header: `t=<time>,v1=<hex>`, the latter once or more.
pub(super) struct OverTimeAndBody {
    names: Names,
    keys: Vec<Key>,
    age_max: Micros,
}

impl OverTimeAndBody {
    pub(super) fn new(names: Names, secrets: &[Named<'_>], age_max: Micros) -> Self {
        Self { names, keys: secrets.iter().filter_map(|(_, secret)| key(secret.expose())).collect(), age_max }
    }
}

impl Scheme for OverTimeAndBody {
    fn check(&self, message: &Received<'_>) -> Checked {
        let sent = self.names.values(message);
        if sent.is_empty() {
            return Checked::Unchecked("it is not signed");
        }
        let told: Vec<Stamped<'_>> = sent.into_iter().filter_map(stamped).collect();
        if told.is_empty() {
            return Checked::Invalid("the signature has not the form t=…,v1=…");
        }
        let mut genuine = told.iter().filter(|s| matches(&self.keys, &[s.time.as_bytes(), b".", message.body], &s.digests)).peekable();
        if genuine.peek().is_none() {
            return Checked::Invalid("the signature is of another body or another secret");
        }
        if genuine.any(|s| read::is_recent(s.at, message, self.age_max)) {
            Checked::Verified
        } else {
            Checked::Invalid("the signature is too old or of the future")
        }
    }
}

struct Stamped<'a> {
    time: &'a str,
    at: Micros,
    digests: Vec<Digest>,
}

fn stamped(value: &[u8]) -> Option<Stamped<'_>> {
    let mut time = None;
    let mut digests = Vec::new();
    for part in std::str::from_utf8(value).ok()?.split(',') {
        match part.trim().split_once('=')? {
            // Told twice, nobody knows which of them was signed.
            ("t", _) if time.is_some() => return None,
            ("t", told) => time = Some(told),
            ("v1", told) if digests.len() < SIGNATURES_MAX => digests.extend(read::digest(told.as_bytes())),
            // Other versions may come beside the one that is known.
            _ => {}
        }
    }
    let time = time?;
    if digests.is_empty() { None } else { Some(Stamped { time, at: read::moment(time)?, digests }) }
}
