//! Owns the rules of patience towards the world: back-off, breaker, limiter, deadline.
//! In come the outcomes of calls and the time, as microseconds of one clock that the caller hands in.
//! Out go durations and permissions: nothing here sleeps, spawns or reads a clock.

pub mod backoff;
pub mod breaker;
pub mod deadline;
pub mod limiter;

pub use backoff::Backoff;
pub use breaker::{Breaker, Permission};
pub use deadline::Deadline;
pub use limiter::Limiter;
