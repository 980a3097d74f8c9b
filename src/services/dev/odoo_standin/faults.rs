//! What can be wrong with an Odoo.

use std::time::Duration;

/// Whether it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Away {
    /// It is.
    #[default]
    No,
    /// Nothing listens.
    Refuses,
    /// Its database is down: 404 with a page over JSON-2, an error in a 200 over JSON-RPC.
    WithoutDatabase,
}

/// The switchboard. The counters go down with each call that changes something, until nothing is left of them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Whether it is there.
    pub away: Away,
    /// Every call takes this long before it is carried out, which it is even if the caller has given up by then.
    pub slow: Duration,
    /// So many calls are carried out, and the connection breaks before the answer.
    pub lose_replies: u32,
    /// So many calls break off with nothing done: the worker was killed.
    pub kill_workers: u32,
    /// So many calls fail with `psycopg2.errors.SerializationFailure`.
    pub serialization_failures: u32,
}

/// What happens to one call that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Normal,
    ReplyLost,
    WorkerKilled,
    SerializationFailure,
}

impl Faults {
    /// Decides about one call and counts down.
    pub(super) fn next(&mut self, changes_something: bool) -> Fate {
        if !changes_something {
            return Fate::Normal;
        }
        for (left, fate) in [
            (&mut self.lose_replies, Fate::ReplyLost),
            (&mut self.kill_workers, Fate::WorkerKilled),
            (&mut self.serialization_failures, Fate::SerializationFailure),
        ] {
            if *left > 0 {
                *left -= 1;
                return fate;
            }
        }
        Fate::Normal
    }
}
