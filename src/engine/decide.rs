//! What becomes of a record, decided and written as bytes. Records that meet no memory depend on nothing but themselves,
//! so those of one transaction are decided side by side; they are sent in their order all the same.

use super::core::{Failure, trace_of};
use super::intake::Intake;
use super::processor::{Headers, Outputs, Processor, State};
use super::publisher::{Publisher, Ready};
use super::shares::in_shares;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::Verdict;
use crate::kafka::Message;
use crate::telemetry::trace::TraceContext;

/// Fewest records that are worth a thread of their own.
const SHARE_MIN: usize = 64;

/// What has been decided about one record.
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    pub(super) headers: Headers,
    pub(super) trace: TraceContext,
    pub(super) ready: Vec<Ready>,
    /// When what it tells reached us.
    pub(super) at: Micros,
}

/// Everything that a decision needs beside the record and the memory.
pub(super) struct Decider<'a> {
    pub(super) intake: &'a Intake,
    pub(super) processor: &'a dyn Processor,
    pub(super) publisher: &'a Publisher,
    pub(super) now: Micros,
}

impl Decider<'_> {
    /// Decides about one record.
    pub(super) fn one(&self, message: &Message<'_>, state: &mut dyn State) -> Result<Decision, Failure> {
        let headers = message.headers();
        let trace = trace_of(message, &headers);
        let mut out = Outputs::default();
        let verdict = match self.intake.read(message, &headers)? {
            Ok(input) => self.processor.process(&input, state, self.now, &mut out),
            Err(park) => Verdict::Park(park),
        };
        if matches!(verdict, Verdict::Park(_)) {
            out.records.clear();
        }
        let mut at = message.timestamp();
        let mut ready = Vec::with_capacity(out.records.len());
        for output in out.records {
            if let Record::ShipmentEvent(event) = &output.record {
                at = event.received_at;
            }
            ready.push(self.publisher.encode(output, trace)?);
        }
        Ok(Decision { verdict, headers, trace, ready, at })
    }

    /// Decides about the records that meet no memory, on as many threads as the machine has; `None` for all others.
    pub(super) fn side_by_side(&self, messages: &[Message<'_>]) -> Vec<Option<Result<Decision, Failure>>> {
        if !self.intake.any_memoryless() {
            return messages.iter().map(|_| None).collect();
        }
        in_shares(messages, SHARE_MIN, |message| self.memoryless(message))
    }

    fn memoryless(&self, message: &Message<'_>) -> Option<Result<Decision, Failure>> {
        (!self.intake.meets_memory(message.topic())).then(|| self.one(message, &mut super::tasks::NoState))
    }
}
