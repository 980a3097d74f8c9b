//! The schema registry (Confluent's interface): registering, looking up ids, fetching writers' schemas.

use std::error::Error as _;
use std::time::Duration;

use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_versions, get_schema_by_id, perform_sr_call, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, SchemaType, SrCall, SuppliedSchema};

use super::{RegistryError, compat, embedded};

/// Longest text of the registry that is passed on, characters.
const MESSAGE_MAX: usize = 300;
/// Most versions of a subject that are compared before registering.
const VERSIONS_MAX: usize = 1_000;

/// How the registry knows us. Values are secrets.
#[derive(Clone, Copy)]
pub enum RegistryAuth<'a> {
    /// Not at all.
    None,
    /// User (or API key) and password (or API secret).
    Basic(&'a str, &'a str),
    /// Bearer token.
    Token(&'a str),
}

impl std::fmt::Debug for RegistryAuth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(..) => "Basic",
            Self::Token(_) => "Token",
        })
    }
}

/// A canonical topic and the record on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Topic with prefix; the subject is `<topic>-value`.
    pub topic: String,
    /// Name of the record.
    pub record: String,
}

impl Subject {
    /// The subject's name in the registry.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-value", self.topic)
    }

    fn schema(&self) -> Result<&'static str, RegistryError> {
        embedded::text(&self.record).ok_or_else(|| RegistryError::Unknown(format!("record {}", self.record)))
    }
}

/// A subject with the id under which this binary's schema stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Topic with prefix.
    pub topic: String,
    /// Name of the record.
    pub record: String,
    /// Schema id: what stands in front of each datum.
    pub schema_id: u32,
}

/// A client of one registry. Calls do not retry: who calls waits.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    settings: SrSettings,
}

impl RegistryClient {
    /// A client of the registry at these URLs, which are tried in order. `timeout` bounds each request.
    ///
    /// # Errors
    /// When no URL is given or the TLS library does not start.
    pub fn new(urls: &[String], auth: RegistryAuth<'_>, timeout: Duration) -> Result<Self, RegistryError> {
        let trimmed = |url: &String| url.trim_end_matches('/').to_owned();
        let [first, others @ ..] = urls else { return Err(RegistryError::Refused("no URL is configured".into())) };
        let mut builder = SrSettings::new_builder(trimmed(first));
        builder.set_timeout(timeout).no_proxy();
        for url in others {
            builder.add_url(trimmed(url));
        }
        match auth {
            RegistryAuth::None => {}
            RegistryAuth::Basic(user, password) => {
                builder.set_basic_authorization(user, Some(password));
            }
            RegistryAuth::Token(token) => {
                builder.set_token_authorization(token);
            }
        }
        let settings = builder.build().map_err(|e| RegistryError::Refused(format!("the client cannot be built: {}", e.error)))?;
        Ok(Self { settings })
    }

    /// Registers this binary's schema under every subject. It is compared with all registered versions first (FULL_TRANSITIVE),
    /// whatever level the registry has. What is registered already keeps its id.
    ///
    /// # Errors
    /// Away; or refused, with the findings.
    pub async fn register_all(&self, subjects: &[Subject]) -> Result<Vec<Registered>, RegistryError> {
        let mut registered = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let text = subject.schema()?;
            let findings = compat::check(&subject.record, text, &self.versions(&subject.name()).await?);
            if !findings.is_empty() {
                let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return Err(RegistryError::Refused(format!("{}: {}", subject.name(), findings.join("; "))));
            }
            let supplied = SuppliedSchema::new(Some(format!("waybill.{}", subject.record)), SchemaType::Avro, text.to_owned());
            let answer = post_schema(&self.settings, subject.name(), supplied).await.map_err(|e| told(&e, &subject.name()))?;
            registered.push(Registered { topic: subject.topic.clone(), record: subject.record.clone(), schema_id: answer.id });
        }
        Ok(registered)
    }

    /// The ids of this binary's schemas, without registering anything.
    ///
    /// # Errors
    /// Unknown when a schema is not registered under its subject; away; refused.
    pub async fn resolve(&self, subjects: &[Subject]) -> Result<Vec<Registered>, RegistryError> {
        let mut registered = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let body = serde_json::json!({"schema": subject.schema()?, "schemaType": "AVRO"}).to_string();
            let answer = perform_sr_call(&self.settings, SrCall::PostForVersion(&subject.name(), &body)).await;
            let answer = answer.map_err(|e| told(&e, &format!("this version of {} under {}", subject.record, subject.name())))?;
            let schema_id = answer.id.ok_or_else(|| RegistryError::Away("it answered without an id".into()))?;
            registered.push(Registered { topic: subject.topic.clone(), record: subject.record.clone(), schema_id });
        }
        Ok(registered)
    }

    /// The text of the schema with this id.
    ///
    /// # Errors
    /// Unknown when there is none; refused when it is no Avro or refers to other subjects; away.
    pub async fn schema_by_id(&self, id: u32) -> Result<String, RegistryError> {
        let schema = get_schema_by_id(id, &self.settings).await.map_err(|e| told(&e, &format!("schema id {id}")))?;
        if schema.schema_type != SchemaType::Avro || !schema.references.is_empty() {
            return Err(RegistryError::Refused(format!("schema id {id} is not one self-contained Avro schema")));
        }
        Ok(schema.schema)
    }

    /// The texts of all versions of a subject, oldest first; none when there is no such subject.
    ///
    /// # Errors
    /// Away or refused.
    pub async fn versions(&self, subject: &str) -> Result<Vec<String>, RegistryError> {
        let versions = match get_all_versions(&self.settings, subject.to_owned()).await.map_err(|e| told(&e, subject)) {
            Ok(versions) => versions,
            Err(RegistryError::Unknown(_)) => return Ok(Vec::new()),
            Err(other) => return Err(other),
        };
        let mut texts = Vec::with_capacity(versions.len().min(VERSIONS_MAX));
        for version in versions.into_iter().take(VERSIONS_MAX) {
            let answer = perform_sr_call(&self.settings, SrCall::GetBySubjectAndVersion(subject, version)).await;
            let answer = answer.map_err(|e| told(&e, &format!("version {version} of {subject}")))?;
            texts.push(answer.schema.ok_or_else(|| RegistryError::Away("it answered without a schema".into()))?);
        }
        Ok(texts)
    }
}

/// What the registry's answer means: only its own words count as a refusal, everything else is waited for.
fn told(error: &SRCError, what: &str) -> RegistryError {
    let Some(said) = error.source().and_then(|s| s.downcast_ref::<RawError>()) else {
        return RegistryError::Away(error.error.chars().take(MESSAGE_MAX).collect());
    };
    let message: String = said.message.chars().take(MESSAGE_MAX).collect();
    // Without a body of its own only the status of the answer speaks.
    let status = match said.error_code {
        0 => error.error.split(|c: char| !c.is_ascii_digit()).find_map(|w| w.parse().ok().filter(|n| (100..600).contains(n))),
        code if code >= 10_000 => Some(code / 100),
        code => Some(code),
    };
    match (said.error_code, status) {
        (40401..=40403, _) => RegistryError::Unknown(what.to_owned()),
        (code, Some(400 | 401 | 403 | 409 | 422)) => RegistryError::Refused(format!("{what}: {code} {message}")),
        (code, _) => RegistryError::Away(format!("{what}: {code} {message}")),
    }
}
