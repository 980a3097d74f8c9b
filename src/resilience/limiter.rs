//! At most so many calls per second.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::domain::time::Micros;

/// The time that the caller handed in last, nanoseconds.
#[derive(Debug, Clone, Default)]
struct HandedClock(Arc<AtomicU64>);

impl Clock for HandedClock {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

/// A limiter of calls (the generic cell rate algorithm: an even flow with a burst).
#[derive(Debug)]
pub struct Limiter {
    clock: HandedClock,
    limiter: RateLimiter<NotKeyed, InMemoryState, HandedClock, NoOpMiddleware<Nanos>>,
}

impl Limiter {
    /// `per_second` calls on average and `burst` at once.
    #[must_use]
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let clock = HandedClock::default();
        let limiter = RateLimiter::<NotKeyed, InMemoryState, HandedClock, NoOpMiddleware<Nanos>>::direct_with_clock(
            Quota::per_second(per_second).allow_burst(burst),
            clock.clone(),
        );
        Self { clock, limiter }
    }

    /// Takes one call; where there is none to take, says how long until there is.
    pub fn take(&self, now: Micros) -> Result<(), Duration> {
        let now = u64::try_from(now).unwrap_or(0).saturating_mul(1_000);
        // Callers on several threads may hand in times slightly out of order; the clock only goes forward.
        self.clock.0.fetch_max(now, Ordering::Relaxed);
        self.limiter.check().map_err(|until| until.earliest_possible().duration_since(self.clock.now()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limiter = Limiter::new(NonZeroU32::new(10).unwrap(), NonZeroU32::new(3).unwrap());
        let now = 1_700_000_000_000_000;
        assert!((0..3).all(|_| limiter.take(now).is_ok()));
        let wait = limiter.take(now).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(100), "{wait:?}");
        assert!(limiter.take(now + 100_000).is_ok());
        assert!(limiter.take(now + 100_000).is_err());
    }
}
