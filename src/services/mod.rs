//! What each subcommand does: a processor on top of the engine, one folder per service.
//! In come records of the topics it reads; out go records of the topics it owns, and effects outside Kafka.
//! Nothing is shared between services but topics.

pub mod admin;
pub mod carrier_normalizer;
pub mod contracts;
pub mod dev;
mod examined;
pub mod finance_accrual;
pub mod odoo_normalizer;
pub mod odoo_writer;
pub mod process;
pub mod settings;
pub mod shipment_tracker;
pub mod wiring;
