//! What each subcommand does.
//! In come records from the engine and, for `waybill dev`, nothing but time.
//! Out go verdicts, outputs and the embedded parts that make a whole system of one process.

pub mod dev;
