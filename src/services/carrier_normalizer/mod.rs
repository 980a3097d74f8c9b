//! Turns what carriers send into observations and invoices in canonical words.
//! In come raw messages of every configured source, checked for being genuine; out go `shipment.observations`, re-keyed by shipment,
//! `freight.invoices` and `freight.charges`, charge by charge, and `shipment.notices`, keyed by the Odoo instance that knows the delivery.
//! It remembers nothing: what is new is the tracker's to decide, where everything about one shipment meets.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::carriers::billing::{Billing, PieceOf};
use crate::carriers::signature::{Received, Verifier};
use crate::carriers::x12_ship::{self, Notices};
use crate::carriers::{Dialect, RawMessage};
use crate::config::Service;
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::freight;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::domain::vocabulary::Milestone;
use crate::engine::dead_letter::first_received_at;
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};
use crate::schema::cloudevents;
use crate::telemetry::events;
use crate::telemetry::metrics::Metrics;

/// Most codes of one message that are logged.
const CODES_LOGGED_MAX: usize = 32;
/// Type and code as they are logged.
type ShownCode = (Option<String>, Option<String>);

/// Where observations go.
pub const OBSERVATIONS: &str = "shipment.observations";
/// Where the charges of invoices go.
pub const INVOICES: &str = "freight.invoices";
/// Where announced charges go.
pub const CHARGES: &str = "freight.charges";
/// Where notices of what was shipped go.
pub const NOTICES: &str = "shipment.notices";

/// The service's processor.
pub struct CarrierNormalizer {
    dialects: HashMap<String, Box<dyn Dialect>>,
    verifiers: HashMap<String, Verifier>,
    billing: HashMap<String, Billing>,
    notices: HashMap<String, Notices>,
    metrics: Option<Metrics>,
}

impl std::fmt::Debug for CarrierNormalizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CarrierNormalizer").field("topics", &self.dialects.keys()).finish()
    }
}

impl CarrierNormalizer {
    /// A normalizer that reads each topic (without prefix) in its dialect, after its verifier has let the message pass. Signatures and
    /// unknown codes are counted, and these logged, where metrics are given.
    #[must_use]
    pub fn new(dialects: HashMap<String, Box<dyn Dialect>>, verifiers: HashMap<String, Verifier>, metrics: Option<Metrics>) -> Self {
        Self { dialects, verifiers, billing: HashMap::new(), notices: HashMap::new(), metrics }
    }

    /// Reads these topics (without prefix) as billing files.
    #[must_use]
    pub fn with_billing(self, billing: HashMap<String, Billing>) -> Self {
        Self { billing, ..self }
    }

    /// Reads these topics (without prefix) as notices of what was shipped.
    #[must_use]
    pub fn with_notices(self, notices: HashMap<String, Notices>) -> Self {
        Self { notices, ..self }
    }

    /// The source that sends to a topic.
    fn source_of(&self, topic: &str) -> Option<&str> {
        let dialect = self.dialects.get(topic).map(|dialect| dialect.source());
        let billing = || self.billing.get(topic).map(|billing| billing.source());
        dialect.or_else(billing).or_else(|| self.notices.contains_key(topic).then_some(x12_ship::SOURCE))
    }

    /// Whether the source has sent it; `false` where that is not known.
    fn verified(&self, input: &Input<'_>, source: &str, body: &[u8]) -> Result<bool, Park> {
        let Some(verifier) = self.verifiers.get(input.topic) else { return Ok(false) };
        // Not the time of today: what waited here has not grown old, and what was too old when it first came is so for ever.
        let at = Some(first_received_at(input.headers).unwrap_or(input.received_at)).filter(|at| *at > 0);
        let admitted = verifier.admit(&Received { body, headers: input.headers, at });
        if let Some(metrics) = &self.metrics {
            metrics.signature_checked(source, admitted.as_ref().ok().copied());
        }
        admitted
    }

    fn normalize(&self, input: &Input<'_>, out: &mut Outputs) -> Result<Verdict, Park> {
        let Payload::Raw(value) = &input.payload else {
            return Err(Park::new(Code::UNKNOWN_SOURCE, "a canonical record on a raw topic"));
        };
        let value = value.ok_or_else(|| Park::new(Code::EMPTY_VALUE, "a tombstone"))?;
        let source = self.source_of(input.topic);
        let source = source.ok_or_else(|| Park::new(Code::UNKNOWN_SOURCE, "no source is configured for this topic"))?;
        let envelope = cloudevents::open(input.headers, value)?;
        let verified = self.verified(input, source, &envelope.body)?;
        let message = RawMessage {
            body: &envelope.body,
            content_type: envelope.content_type.as_deref(),
            received_at: input.received_at,
            raw: RawRef {
                topic: input.topic.to_owned(),
                partition: input.partition,
                offset: input.offset,
                sha256: hex(&Sha256::digest(&envelope.body)),
            },
        };
        if let Some(billing) = self.billing.get(input.topic) {
            return bill(billing, &message, input, out);
        }
        if let Some(notices) = self.notices.get(input.topic) {
            return self.notify(notices, &message, verified, out);
        }
        let dialect = self.dialects.get(input.topic);
        let mut logged = HashSet::new();
        let dialect = dialect.ok_or_else(|| Park::new(Code::UNKNOWN_SOURCE, "no dialect is configured for this topic"))?;
        let parsed = dialect.read(&message)?;
        for mut event in parsed.told {
            event.verified = verified;
            if event.milestone == Milestone::Unknown {
                self.unknown(source, input, &event, &mut logged);
            }
            out.publish(OBSERVATIONS, event.shipment_key.clone(), Record::ShipmentEvent(Box::new(event)));
        }
        Ok(parsed.left_out.map_or(Verdict::Publish, Verdict::Partly))
    }

    /// The consignments of a body, and what is charged for them.
    fn notify(&self, notices: &Notices, message: &RawMessage<'_>, verified: bool, out: &mut Outputs) -> Result<Verdict, Park> {
        let told = notices.read(message)?;
        for mut notice in told.notices {
            notice.verified = verified;
            out.publish(NOTICES, notice.odoo_instance.clone(), Record::ShipmentNotice(Box::new(notice)));
        }
        for charge in told.charges {
            out.publish(CHARGES, charge.shipment_key.clone(), Record::FreightCharge(Box::new(charge)));
        }
        if let Some(metrics) = self.metrics.as_ref().filter(|_| told.charges_left_out > 0) {
            metrics.charges_left_out(x12_ship::SOURCE).inc_by(told.charges_left_out as u64);
        }
        Ok(Verdict::Publish)
    }

    /// Counts a code that no table knows, and logs it once for each message.
    fn unknown(&self, source: &str, input: &Input<'_>, event: &ShipmentEvent, logged: &mut HashSet<ShownCode>) {
        let Some(metrics) = &self.metrics else { return };
        metrics.unknown_codes(source).inc();
        let service = Service::CarrierNormalizer.as_str();
        let origin = events::Origin { service, topic: input.topic, partition: input.partition, offset: input.offset };
        let code = event.raw_code.plain();
        if logged.len() < CODES_LOGGED_MAX && !logged.contains(&code) {
            events::unknown_code(origin, source, code.0.as_deref(), code.1.as_deref(), &event.shipment_key);
            logged.insert(code);
        }
    }
}

/// The charges of a billing file, or of a piece of one.
fn bill(billing: &Billing, message: &RawMessage<'_>, input: &Input<'_>, out: &mut Outputs) -> Result<Verdict, Park> {
    let piece = PieceOf::read(|name| cloudevents::header(input.headers, name))?;
    let parsed = billing.parse(message, piece.as_ref())?;
    for line in parsed.told {
        let key = freight::invoice_key(&line.carrier, &line.invoice_number);
        out.publish(INVOICES, key, Record::FreightInvoice(Box::new(line)));
    }
    Ok(match parsed.left_out {
        Some(park) => Verdict::Partly(park),
        None if out.records.is_empty() => Verdict::Duplicate("nothing is billed"),
        None => Verdict::Publish,
    })
}

/// Hex digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| DIGITS.get(usize::from(d))).map(|d| char::from(*d)).collect()
}

impl Processor for CarrierNormalizer {
    fn process(&self, input: &Input<'_>, _state: &mut dyn State, _now: Micros, out: &mut Outputs) -> Verdict {
        match self.normalize(input, out) {
            Ok(verdict) => verdict,
            Err(park) => {
                // Nothing of a message that is parked may go out.
                out.records.clear();
                Verdict::Park(park)
            }
        }
    }
}

#[cfg(test)]
mod tests;
