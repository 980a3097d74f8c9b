//! The words of logistics and their rules.
//! In come facts that a dialect has read; out go canonical records and decisions about them.
//! Everything here is a pure function of its arguments: no I/O, no clock, no JSON, no Kafka, no carrier.

pub mod currency;
pub mod dedup;
pub mod delivery;
pub mod erp;
pub mod event;
pub mod exception;
pub mod finance;
pub mod fold;
pub mod freight;
pub mod ids;
pub mod money;
pub mod odoo_command;
pub mod record;
pub mod time;
pub mod verdict;
pub mod vocabulary;
