//! A moment after which nobody waits any more.

use std::time::Duration;

use crate::domain::time::Micros;

/// The last moment of a piece of work, in the clock of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Micros);

impl Deadline {
    /// `after` from `now`.
    #[must_use]
    pub fn after(now: Micros, after: Duration) -> Self {
        Self(now.saturating_add(Micros::try_from(after.as_micros()).unwrap_or(Micros::MAX)))
    }

    /// What is left; `None` once it has passed.
    #[must_use]
    pub fn left(self, now: Micros) -> Option<Duration> {
        u64::try_from(self.0.saturating_sub(now)).ok().filter(|left| *left > 0).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_shrinks_to_nothing() {
        let deadline = Deadline::after(1_000_000, Duration::from_secs(2));
        assert_eq!(deadline.left(1_500_000), Some(Duration::from_millis(1500)));
        assert_eq!(deadline.left(3_000_000), None);
    }
}
