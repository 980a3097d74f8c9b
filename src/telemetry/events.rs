//! Happenings that are logged, one function each: the only place where log lines get their words and field names.
//! Every line has `event` and `service`; `code`, `shipment` and `trace_id` where there is one. No payloads, no secrets,
//! no personal data: `log` masks what slips through in a cause.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::trace::TraceContext;
use crate::domain::verdict::Code;

/// Where a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Which service read it.
    pub service: &'a str,
    /// Topic without prefix.
    pub topic: &'a str,
    /// Partition of that topic.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The process has begun to serve.
pub fn started(service: &str, instance: &str, metrics_at: &str) {
    info!(event = "started", service, instance, metrics_at, version = env!("CARGO_PKG_VERSION"), "started");
}

/// A record is put into the dead letters. Said again when its transaction is thrown away and done again.
pub fn dead_lettered(origin: Origin<'_>, code: Code, cause: &str, shipment: Option<&str>, trace_id: Option<&str>) {
    let Origin { service, topic, partition, offset } = origin;
    warn!(event = "dead_lettered", service, code = %code, cause, topic, partition, offset, shipment, trace_id, "record put aside");
}

/// A carrier's code that no table knows; the event is published as `unknown`.
pub fn unknown_code(origin: Origin<'_>, source: &str, code_type: Option<&str>, raw_code: Option<&str>, shipment: &str) {
    let Origin { service, topic, partition, offset } = origin;
    info!(
        event = "unknown_code",
        service, source, code_type, raw_code, topic, partition, offset, shipment, "carrier code not in the table"
    );
}

/// Something is published for a shipment (detail for tracing one parcel; what it says is put together only when asked for).
pub fn published(origin: Origin<'_>, to: &str, shipment: &str, trace: TraceContext) {
    let Origin { service, topic, partition, offset } = origin;
    debug!(event = "published", service, to, topic, partition, offset, shipment, trace_id = trace.trace_id(), "published");
}

/// Partitions came or went; `kind` is `assigned`, `revoked` or `lost`.
pub fn rebalanced(service: &str, kind: &str, partitions: &str) {
    info!(event = "rebalanced", service, kind, partitions, "partitions {kind}");
}

/// A store could not be used and is rebuilt from its changelog.
pub fn store_rebuilt(service: &str, partition: i32, reason: &str) {
    warn!(event = "store_rebuilt", service, code = %Code::STORE_REBUILT, partition, reason, "local store wiped, rebuilding");
}

/// A partition's store stands at the end of its changelog.
pub fn restore_done(service: &str, partition: i32, records: u64, took: Duration) {
    info!(event = "restore_done", service, partition, records, took_ms = millis(took), "store restored");
}

/// Work stands still because something outside is away; said at the start and now and then, not at every try.
pub fn waiting_for(service: &str, what: &str, cause: &str, for_how_long: Duration) {
    warn!(event = "waiting_for", service, what, cause, for_ms = millis(for_how_long), "waiting for {what}");
}

/// What was waited for is back.
pub fn back_again(service: &str, what: &str, after: Duration) {
    info!(event = "back_again", service, what, after_ms = millis(after), "{what} is back");
}

/// Records that were handed out a second time after they had been worked on, and were passed over.
pub fn passed_over(service: &str, records: u64) {
    tracing::info!(event = "passed_over", service, records, "records that are done already were read again");
}

/// A transaction was thrown away and its records will be read again.
pub fn transaction_aborted(service: &str, cause: &str, records: u64) {
    warn!(event = "transaction_aborted", service, cause, records, "transaction aborted");
}

/// Another process has this instance's id; this one ends.
pub fn fenced(service: &str, transactional_id: &str) {
    error!(event = "fenced", service, code = %Code::FENCED, transactional_id, "another process has this instance's id");
}

/// The process ends without having been asked to; its supervisor starts it again.
pub fn stopped(service: &str, code: Option<Code>, cause: &str) {
    error!(event = "stopped", service, code = code.map(tracing::field::display), cause, "stopped");
}

/// A thread has panicked, at this place of the sources. What it said may hold data of a record, so it is not repeated.
pub fn panicked(place: &str) {
    error!(event = "panicked", service = "process", place, "a thread has panicked");
}

/// The process was asked to end and lets the work in flight finish.
pub fn draining(service: &str) {
    info!(event = "draining", service, "draining");
}

/// The work in flight is committed and the group is left.
pub fn drained(service: &str, took: Duration) {
    info!(event = "drained", service, took_ms = millis(took), "drained");
}

/// Calls to a target are held back (`open`) or let through again.
pub fn breaker_changed(service: &str, target: &str, open: bool) {
    if open {
        warn!(event = "breaker_changed", service, target, open, "calls to {target} held back");
    } else {
        info!(event = "breaker_changed", service, target, open, "calls to {target} let through");
    }
}

/// The metrics window has ended by itself; the work goes on without it.
pub fn http_ended(cause: &str) {
    error!(event = "http_ended", service = "telemetry", cause, "metrics and health can no longer be asked for");
}
