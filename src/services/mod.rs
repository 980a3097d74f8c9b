//! (room)

pub mod odoo_normalizer;
