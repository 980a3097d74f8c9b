//! What tests and benches stand on, and no release contains.
//! In come seeds; out go records, faults and judgements about what a run has done.
//! It holds no rule of its own: what is right is said by `domain` and by the contracts.

pub mod billed_life;
mod bodies;
pub mod cases;
mod chance;
pub mod finance;
pub mod freight;
pub mod generator;
mod life;
mod memory;
mod odoo_life;
pub mod oracle;
pub mod plants;
pub mod records;

pub use chance::Chance;
pub use memory::Memory;
pub use odoo_life::Picking;
