//! The proof that a message comes from its source: the schemes of every source that signs or sends a token.
//! In come the body's original bytes, the HTTP headers that the relay passed on, the configured secrets and the time of receipt.
//! Out goes whether the message is genuine, cannot be checked, or is refused: no network, no clock, nothing logged.

mod hmac;
mod read;
mod rsa;
#[cfg(test)]
mod tests;
mod token;

use read::Names;

use crate::config::{Secret, SourceConfig, Verify};
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park};

/// A message as it was received, out of the relay's envelope and not yet read.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The body, byte for byte as the source sent it.
    pub body: &'a [u8],
    /// Headers of the record; the source's own HTTP headers stand among them as `http_header_<name>`.
    pub headers: &'a [(String, Vec<u8>)],
    /// When it reached us, UTC microseconds. `None` where that is not known any more: then the age of a signature is not judged.
    pub at: Option<Micros>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The source has sent it: one of the secrets says so.
    Verified,
    /// Nothing can be said, and why.
    Unchecked(&'static str),
    /// It was changed on the way, is stale, or comes from somebody else; how that shows.
    Invalid(&'static str),
}

/// One way of signing.
trait Scheme: Send + Sync {
    fn check(&self, message: &Received<'_>) -> Checked;
}

/// What a source's configuration lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misconfigured {
    /// The setting below the source's own: `secrets.next`.
    pub setting: String,
    /// What is wrong; never a value.
    pub problem: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Checks the messages of one source. Built once, used for every message.
pub struct Verifier {
    verify: Verify,
    /// `None` where there is nothing to check with.
    scheme: Option<Box<dyn Scheme>>,
}

// Secrets lie beneath.
impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl Verifier {
    /// The verifier of a source as it is configured.
    ///
    /// # Errors
    /// What has to be mended before anything of the source can be trusted.
    pub fn new(source: &str, config: &SourceConfig) -> Result<Self, Misconfigured> {
        let scheme = match (config.verify, config.secrets.is_empty()) {
            (Verify::Never, _) | (Verify::WhenSigned, true) => None,
            (Verify::Required, true) => {
                return Err(misconfigured(
                    "secrets",
                    "every message must be verified, and there is no secret",
                    "name one, best by …__SECRETS__<NAME>_FILE",
                ));
            }
            (_, false) => Some(scheme(source, config)?),
        };
        Ok(Self { verify: config.verify, scheme })
    }

    /// Whether a message is genuine: `false` where that cannot be known and need not be.
    ///
    /// # Errors
    /// `WB-0114` where it is not, or has to be and cannot be shown to be.
    pub fn admit(&self, message: &Received<'_>) -> Result<bool, Park> {
        match (self.check(message), self.verify) {
            (Checked::Verified, _) => Ok(true),
            (Checked::Unchecked(_), Verify::WhenSigned | Verify::Never) => Ok(false),
            (Checked::Unchecked(why), Verify::Required) | (Checked::Invalid(why), _) => Err(Park::new(Code::SIGNATURE_INVALID, why)),
        }
    }

    /// What can be said of a message, whatever follows from it.
    #[must_use]
    pub fn check(&self, message: &Received<'_>) -> Checked {
        self.scheme.as_ref().map_or(Checked::Unchecked("there is nothing to check it with"), |scheme| scheme.check(message))
    }
}

/// How each source signs. What stands in its HTTP header and what is signed is told in `docs/signatures.md`.
fn scheme(source: &str, config: &SourceConfig) -> Result<Box<dyn Scheme>, Misconfigured> {
    let secrets = usable(config)?;
    let named = config.signature_header.as_deref();
    let names = |usual: &[&str]| named.map_or_else(|| Names::new(usual), |name| Names::new(&[name]));
    let over_body = |usual: &[&str]| -> Box<dyn Scheme> { Box::new(hmac::OverBody::new(names(usual), &secrets)) };
    let age_max = Micros::try_from(config.signature_age_max_s).unwrap_or(Micros::MAX).saturating_mul(1_000_000);
    Ok(match source {
        "fedex" => over_body(&["fdx-signature"]),
        // The one by the vendor's guide, the other by users: both are taken.
        "usps" => over_body(&["x-hmac", "x-usps-hmac-signature"]),
        // Tracking, Returns and Warranty, Shipping.
        "aftership" => over_body(&["aftership-hmac-sha256", "as-signature-hmac-sha256", "am-webhook-signature"]),
        "sendcloud" => over_body(&["sendcloud-signature"]),
        "easypost" => Box::new(hmac::OverBody::decomposed(names(&["x-hmac-signature"]), &secrets)),
        "shippo" => Box::new(hmac::OverTimeAndBody::new(names(&["shippo-auth-signature"]), &secrets, age_max)),
        "shipengine" => Box::new(rsa::Rsa::new(names(&["x-shipengine-rsa-sha256-signature"]), &secrets, age_max)?),
        "17track" => Box::new(token::HashedKey::new(names(&["sign"]), &secrets)),
        "shiprocket" => Box::new(token::Token::new(names(&["x-api-key"]), &secrets)),
        _ if named.is_some() => Box::new(token::Token::new(names(&[]), &secrets)),
        _ => {
            let problem = "the source signs nothing of itself, and no header is named in which its token comes";
            return Err(misconfigured("signature_header", problem, "name the HTTP header that you had the source send"));
        }
    })
}

/// A secret with its name.
type Named<'a> = (&'a str, &'a Secret);

/// All secrets. An empty one is none: whoever knows that it is empty could sign with it.
fn usable(config: &SourceConfig) -> Result<Vec<Named<'_>>, Misconfigured> {
    let empty = config.secrets.iter().find(|(_, secret)| secret.expose().trim().is_empty());
    if let Some((name, _)) = empty {
        return Err(misconfigured(&format!("secrets.{name}"), "is empty", "give it its value, or take it away"));
    }
    Ok(config.secrets.iter().map(|(name, secret)| (name.as_str(), secret)).collect())
}

fn misconfigured(setting: &str, problem: &'static str, remedy: &'static str) -> Misconfigured {
    Misconfigured { setting: setting.to_owned(), problem, remedy }
}
