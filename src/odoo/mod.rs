//! Odoo's dialect both ways: change events in, calls out.
//! In come change events and webhook bodies of Odoo 17, 18 and 19, and effects that are to happen there once.
//! Out go images of Odoo's records, and outcomes with the class of every error: wait, park or stop.

pub mod changes;
pub mod client;
pub mod effects;
pub mod errors;
