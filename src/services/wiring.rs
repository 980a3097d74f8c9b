//! Puts a service together: its inputs, its processor, its limits; and starts its loop.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::carrier_normalizer::{self, CarrierNormalizer};
use super::finance_accrual::{self, FinanceAccrual};
use super::odoo_normalizer::{self, ImageFold, ImageReader, OdooNormalizerSettings};
use super::odoo_writer::{self, Connection, OdooWriter};
use super::settings::kafka_settings;
use super::shipment_tracker::{self, ShipmentTracker, TrackerSettings, UnknownLimits};
use crate::carriers::billing::{Billing, BillingSettings, Format};
use crate::carriers::signature::Verifier;
use crate::carriers::x12_ship::{self, Notices, NoticesSettings};
use crate::carriers::{Dialect, DialectSettings, Sources};
use crate::config::{Assignor, Config, Finding, Service};
use crate::domain::record::Record;
use crate::domain::time::{self, Micros};
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::effects::{EffectSettings, run_effects};
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};
use crate::engine::{self, EngineSettings, InputKind, InputSpec, ServiceSpec, Surroundings, run_stream};
use crate::kafka::KafkaSettings;
use crate::odoo::client::{self, Odoo};
use crate::odoo::errors::Class;
use crate::outbound::HttpClient;
use crate::resilience::Backoff;
use crate::schema::DecodeError;
use crate::telemetry::events;

/// Schema id by topic without prefix.
pub type SchemaIds = HashMap<&'static str, u32>;

/// What is to be done in Odoo.
const COMMANDS: &str = "odoo.commands";
/// Most bytes of one transaction.
const BATCH_BYTES: usize = 8 << 20;
/// Records that the Odoo writer takes at once: a failed batch is looked up again as a whole.
const WRITER_BATCH: usize = 200;

/// Topics of canonical records that a service writes.
#[must_use]
pub fn outputs(service: Service) -> &'static [&'static str] {
    use finance_accrual::topic as f;
    use odoo_normalizer as o;
    use shipment_tracker::topic as t;
    match service {
        Service::CarrierNormalizer => {
            use carrier_normalizer as c;
            &[c::OBSERVATIONS, c::INVOICES, c::CHARGES, c::NOTICES]
        }
        Service::OdooNormalizer => {
            &[o::IMAGES_TOPIC, o::DELIVERIES_TOPIC, o::ORDERS_TOPIC, o::INVOICES_TOPIC, o::LINKS_TOPIC, o::EXCEPTIONS_TOPIC]
        }
        Service::ShipmentTracker => &[t::EVENTS, t::STATUS, t::PARCELS, t::COUNTS, t::DELIVERY, t::EXCEPTIONS],
        Service::FinanceAccrual => &[f::FACTS, f::ENTRIES, f::VERDICTS, t::EXCEPTIONS, COMMANDS],
        Service::OdooWriter => &[odoo_writer::RESULTS],
    }
}

/// What a service reads.
#[must_use]
pub fn inputs(service: Service, config: &Config) -> Vec<InputSpec> {
    match service {
        Service::CarrierNormalizer => config.carriers.sources.values().map(|s| InputSpec::raw(&s.topic)).collect(),
        Service::OdooNormalizer => {
            let mut inputs = vec![
                InputSpec::stateful(odoo_normalizer::IMAGES_TOPIC, "OdooImage"),
                InputSpec::stateful(carrier_normalizer::NOTICES, "ShipmentNotice"),
            ];
            for (name, instance) in &config.odoo.instances {
                let raw = |topic| InputSpec { topic, kind: InputKind::MaybeAvro, stateful: false };
                inputs.push(raw(instance.webhook_topic(name)));
                inputs.extend(instance.debezium_topics.iter().map(|pattern| raw(whole(pattern))));
            }
            inputs
        }
        Service::ShipmentTracker => vec![
            InputSpec::stateful(carrier_normalizer::OBSERVATIONS, "ShipmentEvent"),
            InputSpec::stateful(odoo_normalizer::LINKS_TOPIC, "ShipmentLink"),
            InputSpec::stateful(shipment_tracker::topic::PARCELS, "ParcelChange"),
            InputSpec::stateful(shipment_tracker::topic::COUNTS, "SourceCounts"),
        ],
        Service::FinanceAccrual => {
            let stateless =
                |topic: &str, record| InputSpec { topic: topic.to_owned(), kind: InputKind::Canonical(record), stateful: false };
            vec![
                InputSpec::stateful(finance_accrual::topic::FACTS, "FinanceFact"),
                stateless(shipment_tracker::topic::DELIVERY, "DeliveryStatus"),
                stateless(odoo_normalizer::DELIVERIES_TOPIC, "ErpDelivery"),
                stateless(finance_accrual::topic::CHARGES, "FreightCharge"),
                stateless(carrier_normalizer::INVOICES, "FreightInvoice"),
                stateless(finance_accrual::topic::DECISIONS, "ExceptionDecision"),
            ]
        }
        Service::OdooWriter => {
            vec![InputSpec::stateful(shipment_tracker::topic::DELIVERY, "DeliveryStatus"), InputSpec::stateful(COMMANDS, "OdooCommand")]
        }
    }
}

/// A pattern that matches whole names; librdkafka knows one by its first character.
fn whole(pattern: &str) -> String {
    format!("^(?:{})$", pattern.trim_start_matches('^').trim_end_matches('$'))
}

fn spec(service: Service, config: &Config, schema_ids: &SchemaIds) -> ServiceSpec {
    let (changelog, dead_letters) = match service {
        Service::CarrierNormalizer => (None, "carrier-normalizer.dlq"),
        Service::OdooNormalizer => (Some("odoo-normalizer.changelog"), "odoo-normalizer.dlq"),
        Service::ShipmentTracker => (Some("shipment-tracker.changelog"), "shipment-tracker.dlq"),
        Service::FinanceAccrual => (Some("finance-accrual.changelog"), "finance-accrual.dlq"),
        Service::OdooWriter => (Some("odoo-writer.changelog"), "odoo-writer.dlq"),
    };
    ServiceSpec {
        name: service.as_str(),
        inputs: inputs(service, config),
        changelog,
        dead_letters,
        schema_ids: outputs(service).iter().filter_map(|t| schema_ids.get(t).map(|id| (*t, *id))).collect(),
        prefix: config.kafka.prefix.clone(),
    }
}

/// Kafka's settings for a service. Inputs that are joined have to be assigned together, which `range` alone does.
#[must_use]
pub fn kafka_of(service: Service, config: &Config) -> KafkaSettings {
    let joined = inputs(service, config).iter().filter(|i| i.stateful).count() > 1;
    let assignor = if joined { Assignor::Range } else { config.kafka.assignor };
    kafka_settings(config, service.as_str(), assignor)
}

fn engine_of(service: Service, config: &Config) -> EngineSettings {
    let records = if service == Service::OdooWriter { config.kafka.batch_records.min(WRITER_BATCH) } else { config.kafka.batch_records };
    EngineSettings {
        batch_records: records,
        batch_wait: Duration::from_millis(config.kafka.batch_ms),
        batch_bytes: BATCH_BYTES,
        store_dir: config.store.dir.clone(),
        store_cache_bytes: (u64::from(config.store.cache_mib) << 20) / 16,
        window: config.store.window(),
    }
}

/// Runs a service in this thread until it is asked to stop.
///
/// # Errors
/// As the engine's loops, and when an Odoo can never be written to as it is configured.
pub fn run(
    service: Service,
    config: &Config,
    schema_ids: &SchemaIds,
    runtime: &tokio::runtime::Handle,
    around: Surroundings,
) -> Result<(), engine::Error> {
    let (spec, kafka, settings) = (spec(service, config, schema_ids), kafka_of(service, config), engine_of(service, config));
    let window = micros(config.store.window());
    let mend = |found: Vec<Finding>| engine::Error::Stopped(found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
    match service {
        Service::CarrierNormalizer => {
            let verifiers = verifiers(config).map_err(mend)?;
            let dialects = dialects(config).map_err(mend)?;
            let processor = CarrierNormalizer::new(dialects, verifiers, Some(around.metrics.clone()))
                .with_billing(billing(config))
                .with_notices(notices(config));
            run_stream(spec, &kafka, settings, Box::new(processor), around)
        }
        Service::OdooNormalizer => {
            let processor = odoo_processor(config, window, &around)?;
            run_stream(spec, &kafka, settings, Box::new(processor), around)
        }
        Service::ShipmentTracker => {
            let tracker = &config.tracker;
            let settings_of = TrackerSettings {
                unassigned_after: micros(tracker.unassigned_after()),
                silent_after: micros(tracker.silent_after()),
                pod_missing_after: micros(tracker.pod_missing_after()),
                window,
                unknown: unknown_limits(config),
            };
            run_stream(spec, &kafka, settings, Box::new(ShipmentTracker::new(settings_of)), around)
        }
        Service::FinanceAccrual => {
            let books = config.finance.books().map_err(mend)?;
            run_stream(spec, &kafka, settings, Box::new(FinanceAccrual::new(books, config.finance.accounts())), around)
        }
        Service::OdooWriter => {
            let Some(writer) = runtime.block_on(writer(config, &around))? else { return Ok(()) };
            let settle = Duration::from_millis(config.odoo.settle_ms);
            let lease = (kafka.session_timeout / 2).min(settle / 2);
            run_effects(spec, &kafka, settings, EffectSettings { settle, lease }, writer, runtime.clone(), around)
        }
    }
}

/// From which share of unknown codes on a source's hour is a case.
fn unknown_limits(config: &Config) -> UnknownLimits {
    let own = config.carriers.sources.iter().filter_map(|(id, source)| Some((id.clone(), source.unknown_percent?)));
    UnknownLimits { percent: config.tracker.unknown_percent, events_min: config.tracker.unknown_events_min, by_source: own.collect() }
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// The dialect of every configured topic.
///
/// # Errors
/// Everything that is wrong with the sources that files describe.
pub fn dialects(config: &Config) -> Result<HashMap<String, Box<dyn Dialect>>, Vec<Finding>> {
    let known = Sources::load(config.carriers.directory())?;
    let sources = config.carriers.sources.iter();
    Ok(sources.filter_map(|(id, source)| Some((source.topic.clone(), known.dialect(id, dialect_settings(source))?))).collect())
}

/// The reader of every configured topic of billing files.
#[must_use]
pub fn billing(config: &Config) -> HashMap<String, Billing> {
    let sources = config.carriers.sources.iter();
    sources.filter_map(|(id, source)| Some((source.topic.clone(), Billing::new(Format::of(id)?, billing_settings(source))))).collect()
}

/// The reader of every configured topic of notices.
#[must_use]
pub fn notices(config: &Config) -> HashMap<String, Notices> {
    let sources = config.carriers.sources.iter().filter(|(id, _)| *id == x12_ship::SOURCE);
    sources.map(|(_, source)| (source.topic.clone(), Notices::new(notices_settings(source, config)))).collect()
}

/// What the configuration says about a source of notices: they belong to the instance that it names, else to the only one there is.
#[must_use]
pub fn notices_settings(source: &crate::config::SourceConfig, config: &Config) -> NoticesSettings {
    let mut instances = config.odoo.instances.keys();
    let only = instances.next().filter(|_| instances.next().is_none());
    NoticesSettings {
        dialect: dialect_settings(source),
        odoo_instance: source.odoo_instance.as_ref().or(only).cloned(),
        currency: source.currency.clone(),
    }
}

/// What the configuration says about a source of billing files.
#[must_use]
pub fn billing_settings(source: &crate::config::SourceConfig) -> BillingSettings {
    BillingSettings { currency: source.currency.clone(), body_bytes_max: source.body_bytes_max, ..BillingSettings::default() }
}

/// What the messages of every configured topic are checked with.
///
/// # Errors
/// Everything that has to be mended first: nothing is let through because its secret is missing.
pub fn verifiers(config: &Config) -> Result<HashMap<String, Verifier>, Vec<Finding>> {
    let mut verifiers = HashMap::new();
    let mut findings = Vec::new();
    for (id, source) in &config.carriers.sources {
        match Verifier::new(id, source) {
            Ok(verifier) => {
                verifiers.insert(source.topic.clone(), verifier);
            }
            Err(lack) => findings.push(Finding {
                key: format!("carriers.sources.{id}.{}", lack.setting),
                origin: String::new(),
                problem: lack.problem.to_owned(),
                remedy: lack.remedy.to_owned(),
            }),
        }
    }
    if findings.is_empty() { Ok(verifiers) } else { Err(findings) }
}

/// What the configuration says about a source.
#[must_use]
pub fn dialect_settings(source: &crate::config::SourceConfig) -> DialectSettings {
    DialectSettings {
        account_zone: source.account_zone.as_deref().and_then(time::zone),
        body_bytes_max: source.body_bytes_max,
        ..DialectSettings::default()
    }
}

/// Both steps of the Odoo normalizer: raw changes become images, images become records.
struct OdooProcessor {
    reader: ImageReader,
    fold: ImageFold,
}

impl Processor for OdooProcessor {
    fn process(&self, input: &Input<'_>, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict {
        match &input.payload {
            Payload::Canonical(Record::OdooImage(_) | Record::ShipmentNotice(_)) => self.fold.process(input, state, now, out),
            Payload::Raw(_) => self.reader.process(input, state, now, out),
            Payload::Canonical(other) => {
                Verdict::Park(Park::new(Code::WRONG_SCHEMA, format!("neither image nor notice: {}", other.name())))
            }
        }
    }

    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        self.fold.wake(key, state, now, out);
    }
}

fn odoo_processor(config: &Config, window: Micros, around: &Surroundings) -> Result<OdooProcessor, engine::Error> {
    let instances = config.odoo.instances.iter().map(|(name, i)| odoo_normalizer::OdooInstance {
        name: name.clone(),
        webhook_topic: i.webhook_topic(name),
        debezium_topics: i.debezium_topics.clone(),
        language: i.language.clone(),
        carriers: i.carriers.clone(),
        default_company: i.default_company,
        company_currencies: i.company_currencies.clone(),
    });
    let unmatched_after = micros(config.tracker.unassigned_after());
    let settings = Arc::new(OdooNormalizerSettings { instances: instances.collect(), window, unmatched_after });
    let codecs = around.codecs.clone();
    let decode = move |bytes: &[u8]| {
        codecs.decode_generic(bytes).map_err(|error| match error {
            DecodeError::Park(park) => park,
            // The engine has made sure of the schema before; a registry that forgets it meanwhile is no fault of the record,
            // but there is nothing left to wait for here.
            DecodeError::Registry(error) => Park::new(Code::BAD_AVRO, error.to_string()),
        })
    };
    let reader = ImageReader::new(settings.clone(), Arc::new(decode)).map_err(|e| engine::Error::Stopped(e.to_string()))?;
    Ok(OdooProcessor { reader, fold: ImageFold::new(settings) })
}

/// Connects to every configured Odoo, waiting for those that are away; `None` when asked to stop meanwhile.
async fn writer(config: &Config, around: &Surroundings) -> Result<Option<OdooWriter>, engine::Error> {
    let http = HttpClient::new().map_err(|e| engine::Error::Stopped(e.to_string()))?;
    let timeout = Duration::from_millis(config.odoo.call_timeout_ms);
    let per_second = NonZeroU32::new(config.odoo.effects_per_second).unwrap_or(NonZeroU32::MIN);
    let mut connections = Vec::new();
    for (name, instance) in &config.odoo.instances {
        let settings = client::Settings {
            instance: name.clone(),
            url: instance.url.clone(),
            database: instance.database.clone(),
            login: instance.login.clone(),
            api_key: instance.api_key.expose().to_owned().into(),
            timeout,
        };
        let Some(odoo) = connect(&http, settings, around).await? else { return Ok(None) };
        connections.push(Connection::new(odoo, instance.activity_user_id, timeout, per_second));
    }
    Ok(Some(OdooWriter::new(
        connections,
        config.odoo.concurrency,
        around.clock.clone(),
        around.metrics.clone(),
        tokio::runtime::Handle::current(),
    )))
}

async fn connect(http: &HttpClient, settings: client::Settings, around: &Surroundings) -> Result<Option<Odoo>, engine::Error> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15), 1);
    while !around.stopping() {
        match Odoo::connect(http.clone(), settings.clone()).await {
            Ok(odoo) => return Ok(Some(odoo.watched(around.metrics.clone(), around.clock.clone()))),
            Err(error) if error.class == Class::Wait => {
                let wait = backoff.failed();
                events::waiting_for(Service::OdooWriter.as_str(), &format!("odoo {}", settings.instance), &error.to_string(), wait);
                tokio::time::sleep(wait).await;
            }
            Err(error) => return Err(engine::Error::Stopped(format!("{} odoo {}: {error}", Code::ODOO_CONFIG, settings.instance))),
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "wiring_tests.rs"]
mod tests;
