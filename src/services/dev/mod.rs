//! `waybill dev`: everything in one process, with stand-ins for what is outside.
//! In come sample messages; out go the records and effects of the same engine, processors and dialects as in production,
//! and a report of what became of every record.

pub mod live;
pub mod odoo_standin;
pub mod play;
pub mod registry;
pub mod report;
pub mod samples;
