//! The loops that every service stands on: poll, decode, process, publish, commit; effects with a ledger.
//! In come Kafka records, a processor and a clock; out go outputs, state changes and offsets in one transaction.
//! It knows no service: what a record means is the processor's business.

pub mod processor;
