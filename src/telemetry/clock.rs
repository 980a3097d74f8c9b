//! The clock that is handed in everywhere, so that tests decide what time it is.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::domain::time::Micros;

/// What time it is.
pub trait Clock: Debug + Send + Sync {
    /// Wall clock, UTC microseconds since the epoch. May jump.
    fn now(&self) -> Micros;
    /// Time since an arbitrary point, which never goes back: for durations and deadlines.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose `monotonic` starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Micros {
        jiff::Timestamp::now().as_microsecond()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that moves only when it is told to: for tests, benches and simulations.
#[derive(Debug)]
pub struct ManualClock {
    started: Micros,
    now: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `now` (UTC microseconds); its `monotonic` is zero.
    #[must_use]
    pub fn at(now: Micros) -> Self {
        Self { started: now, now: AtomicI64::new(now) }
    }

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.now.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        self.now.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.now().saturating_sub(self.started).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(1_000_000);
        assert_eq!((clock.now(), clock.monotonic()), (1_000_000, Duration::ZERO));
        clock.advance(Duration::from_millis(1500));
        assert_eq!((clock.now(), clock.monotonic()), (2_500_000, Duration::from_millis(1500)));
    }

    #[test]
    fn the_system_clock_speaks_of_this_century() {
        let clock = SystemClock::new();
        assert!(clock.now() > 1_700_000_000_000_000);
        assert!(clock.monotonic() <= clock.monotonic());
    }
}
