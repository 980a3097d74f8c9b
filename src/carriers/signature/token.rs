//! Secrets that are sent themselves, and the plain hash of 17TRACK.

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::read::{self, Digest, Names};
use super::{Checked, Named, Received, Scheme};
use crate::config::Secret;

/// A header whose whole value is the secret: what was given to the source to send. It proves the sender, not the body.
pub(super) struct Token {
    names: Names,
    // Digests have one length: comparing them does not even tell how long the secret is.
    digests: Vec<Digest>,
}

impl Token {
    pub(super) fn new(names: Names, secrets: &[Named<'_>]) -> Self {
        Self { names, digests: secrets.iter().map(|(_, secret)| Sha256::digest(secret.expose().trim().as_bytes()).into()).collect() }
    }
}

impl Scheme for Token {
    fn check(&self, message: &Received<'_>) -> Checked {
        let sent: Vec<Digest> = self.names.values(message).into_iter().map(|value| Sha256::digest(value).into()).collect();
        if sent.is_empty() {
            return Checked::Unchecked("it comes without the token");
        }
        if meet(&self.digests, &sent) { Checked::Verified } else { Checked::Invalid("the token is another") }
    }
}

/// SHA-256 of the body, a slash and the key.
pub(super) struct HashedKey {
    names: Names,
    keys: Vec<Secret>,
}

impl HashedKey {
    pub(super) fn new(names: Names, secrets: &[Named<'_>]) -> Self {
        Self { names, keys: secrets.iter().map(|(_, secret)| (*secret).clone()).collect() }
    }
}

impl Scheme for HashedKey {
    fn check(&self, message: &Received<'_>) -> Checked {
        let sent = self.names.values(message);
        if sent.is_empty() {
            return Checked::Unchecked("it is not signed");
        }
        let sent: Vec<Digest> = sent.into_iter().filter_map(read::digest).collect();
        if sent.is_empty() {
            return Checked::Invalid("the signature is no SHA-256 in hex or base64");
        }
        let body = Sha256::new_with_prefix(message.body).chain_update(b"/");
        let made: Vec<Digest> = self.keys.iter().map(|key| body.clone().chain_update(key.expose().as_bytes()).finalize().into()).collect();
        if meet(&made, &sent) { Checked::Verified } else { Checked::Invalid("the signature is of another body or another key") }
    }
}

/// Whether one of these is one of those, in the same time whichever it is.
fn meet(these: &[Digest], those: &[Digest]) -> bool {
    let mut found = Choice::from(0);
    for one in these {
        for other in those {
            found |= one.as_slice().ct_eq(other.as_slice());
        }
    }
    found.into()
}
