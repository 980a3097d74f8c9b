//! Exponential back-off with jitter.

use std::time::Duration;

/// How long to wait before the next try. Each delay is between half of the step and the whole step ("equal jitter"): long
/// enough to give the other side air, spread enough that instances do not come back in one wave.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// `first` is the step after the first failure; steps double up to `max`. Equal seeds give equal delays.
    #[must_use]
    pub fn new(first: Duration, max: Duration, seed: u64) -> Self {
        Self { first, max, failures: 0, random: seed }
    }

    /// One more failure: the delay before the next try.
    pub fn failed(&mut self) -> Duration {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let step = self.first.saturating_mul(1 << doublings).min(self.max);
        let half = step / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        let extra = if spread == 0 { 0 } else { self.next_random() % (spread + 1) };
        half + Duration::from_micros(extra)
    }

    /// It worked: the next failure starts from the first step again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row so far.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// SplitMix64: small, seeded, and good enough to spread delays.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_most_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 7);
        for step in [100, 200, 400, 800, 1000, 1000] {
            let delay = backoff.failed();
            assert!(delay >= Duration::from_millis(step / 2) && delay <= Duration::from_millis(step), "{delay:?} for {step}");
        }
        backoff.succeeded();
        assert!(backoff.failed() <= Duration::from_millis(100));
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1), 1);
        assert!((0..1000).all(|_| backoff.failed() <= Duration::from_mins(1)));
    }

    #[test]
    fn equal_seeds_give_equal_delays_and_others_differ() {
        let run = |seed| {
            let mut b = Backoff::new(Duration::from_secs(1), Duration::from_mins(1), seed);
            (0..8).map(|_| b.failed()).collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
