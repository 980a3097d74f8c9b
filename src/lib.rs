//! waybill turns what carriers say about parcels into what Odoo, customers and finance can rely on.
//!
//! # Layout
//!
//! A room may use only rooms above it in this list; `tests/tidy.rs` holds that.
//!
//! - [`domain`]: the words and rules of logistics, as pure functions.
//! - [`schema`]: bytes on topics: Avro, wire format, CloudEvents headers, registry, compatibility.
//! - [`config`]: every knob, `topics.yaml` as types, secrets, and where a value came from.
//! - [`telemetry`]: every metric, log event and trace id, under one name each; the clock.
//! - [`resilience`]: back-off, breaker, limiter, deadline.
//! - [`kafka`]: the only room with rdkafka.
//! - [`store`]: the only room with sled.
//! - [`outbound`]: the only room with an HTTP client.
//! - [`carriers`]: one dialect of a carrier or aggregator each.
//! - [`odoo`]: Odoo's dialect, change events in and calls out.
//! - [`engine`]: the loops: poll, decode, process, publish, commit; effects with a ledger.
//! - [`services`]: what each subcommand does.
//! - [`cli`]: words and exit codes.
//!
//! Data goes one way: `kafka` hands raw records to `engine`, which calls a pure processor of `services`,
//! which asks `carriers`, `odoo` and `domain`; what comes back is published in one transaction.

pub mod carriers;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod kafka;
pub mod odoo;
pub mod outbound;
pub mod resilience;
pub mod schema;
pub mod services;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
