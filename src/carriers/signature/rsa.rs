//! RSA with SHA-256 (PKCS #1 v1.5) over a time and the body, by keys that the source publishes as a JWK set.

use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;
use serde::Deserialize;

use super::read::{self, Names};
use super::{Checked, Misconfigured, Named, Received, Scheme, misconfigured};
use crate::domain::time::Micros;

/// Least bits of a key that proves anything.
const KEY_BITS_MIN: u32 = 2048;
/// Most bits of a key: the time of a check grows with them.
const KEY_BITS_MAX: u32 = 8192;

/// The public keys of ShipEngine (now ShipStation) by their ids.
pub(super) struct Rsa {
    signature: Names,
    key_id: Names,
    time: Names,
    keys: Vec<(String, PKey<Public>)>,
    age_max: Micros,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kty: String,
    #[serde(default)]
    kid: String,
    #[serde(rename = "use", default)]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl Rsa {
    /// Each secret is a JWK set, as the source publishes it.
    pub(super) fn new(signature: Names, sets: &[Named<'_>], age_max: Micros) -> Result<Self, Misconfigured> {
        let mut keys = Vec::new();
        for (name, set) in sets {
            let found = read_set(set.expose()).map_err(|problem| {
                misconfigured(&format!("secrets.{name}"), problem, "put there what https://api.shipengine.com/jwks answers")
            })?;
            keys.extend(found);
        }
        let (key_id, time) = (Names::new(&["x-shipengine-rsa-sha256-key-id"]), Names::new(&["x-shipengine-timestamp"]));
        Ok(Self { signature, key_id, time, keys, age_max })
    }

    fn signed_by(key: &PKey<Public>, signature: &[u8], parts: &[&[u8]]) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(MessageDigest::sha256(), key)?;
        for part in parts {
            verifier.update(part)?;
        }
        verifier.verify(signature)
    }
}

/// The keys of a set that can sign with RSA and SHA-256; others are passed over.
fn read_set(text: &str) -> Result<Vec<(String, PKey<Public>)>, &'static str> {
    let set: JwkSet = serde_json::from_str(text).map_err(|_| "is no JWK set")?;
    let fits = |jwk: &Jwk| {
        jwk.kty == "RSA" && jwk.usage.as_deref().is_none_or(|usage| usage == "sig") && jwk.alg.as_deref().is_none_or(|alg| alg == "RS256")
    };
    let mut keys = Vec::new();
    for jwk in set.keys.into_iter().filter(fits) {
        let key = public_key(&jwk).ok_or("has an RSA key that cannot be read")?;
        if !(KEY_BITS_MIN..=KEY_BITS_MAX).contains(&key.bits()) {
            return Err("has an RSA key of less than 2048 or more than 8192 bits");
        }
        keys.push((jwk.kid, key));
    }
    if keys.is_empty() { Err("has no RSA key for signatures") } else { Ok(keys) }
}

fn public_key(jwk: &Jwk) -> Option<PKey<Public>> {
    let number = |text: &str| BigNum::from_slice(&read::base64(text)?).ok();
    let rsa = openssl::rsa::Rsa::from_public_components(number(&jwk.n)?, number(&jwk.e)?).ok()?;
    PKey::from_rsa(rsa).ok()
}

impl Scheme for Rsa {
    fn check(&self, message: &Received<'_>) -> Checked {
        if self.signature.values(message).is_empty() {
            return Checked::Unchecked("it is not signed");
        }
        let Some(signature) = self.signature.only(message).and_then(read::base64) else {
            return Checked::Invalid("the signature is not one base64 text");
        };
        let Some(key_id) = self.key_id.only(message) else {
            return Checked::Invalid("the id of the key is missing or told in several ways");
        };
        let Some((time, signed_at)) = self.time.only(message).and_then(|time| Some((time, read::moment(time)?))) else {
            return Checked::Invalid("the signed time is missing, unreadable or told in several ways");
        };
        let mut keys = self.keys.iter().filter(|(id, _)| id == key_id).peekable();
        if keys.peek().is_none() {
            return Checked::Unchecked("its key is not in the configured sets");
        }
        if !keys.any(|(_, key)| Self::signed_by(key, &signature, &[time.as_bytes(), b".", message.body]).unwrap_or(false)) {
            return Checked::Invalid("the signature is of another body or another key");
        }
        if read::is_recent(signed_at, message, self.age_max) {
            Checked::Verified
        } else {
            Checked::Invalid("the signature is too old or of the future")
        }
    }
}
