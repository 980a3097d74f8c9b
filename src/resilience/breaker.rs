//! A circuit breaker of three states: closed, open, probation.

use std::time::Duration;

use super::backoff::Backoff;
use crate::domain::time::Micros;

/// Whether a call may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Go on.
    Granted,
    /// One probe is asked for; the answer decides about everyone else.
    Probe,
    /// Not before this long.
    Denied(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Micros },
    Probation { since: Micros },
}

/// Stops calling what does not answer, and asks with one call now and then whether it does again.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    failures_max: u32,
    probe_timeout: Duration,
    backoff: Backoff,
}

impl Breaker {
    /// Opens after `failures_max` failures in a row, for the delays of `backoff`. A probe that has not answered
    /// within `probe_timeout` is taken as lost, and another is asked for.
    #[must_use]
    pub fn new(failures_max: u32, probe_timeout: Duration, backoff: Backoff) -> Self {
        Self { state: State::Closed { failures: 0 }, failures_max: failures_max.max(1), probe_timeout, backoff }
    }

    /// Asks before a call.
    pub fn ask(&mut self, now: Micros) -> Permission {
        match self.state {
            State::Closed { .. } => Permission::Granted,
            State::Open { until } if now < until => Permission::Denied(between(now, until)),
            State::Open { .. } => self.probe(now),
            State::Probation { since } => {
                let until = since.saturating_add(micros(self.probe_timeout));
                if now < until { Permission::Denied(between(now, until)) } else { self.probe(now) }
            }
        }
    }

    /// The call was answered, by whatever answer: the other side is there.
    pub fn answered(&mut self) {
        self.backoff.succeeded();
        self.state = State::Closed { failures: 0 };
    }

    /// The call was not answered. Returns true when this opened the breaker.
    pub fn failed(&mut self, now: Micros) -> bool {
        match self.state {
            State::Closed { failures } if failures + 1 < self.failures_max => {
                self.state = State::Closed { failures: failures + 1 };
                false
            }
            // A call that was under way when it opened says nothing new.
            State::Open { .. } => false,
            State::Closed { .. } | State::Probation { .. } => {
                self.state = State::Open { until: now.saturating_add(micros(self.backoff.failed())) };
                true
            }
        }
    }

    /// Whether ordinary calls pass.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    fn probe(&mut self, now: Micros) -> Permission {
        self.state = State::Probation { since: now };
        Permission::Probe
    }
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

fn between(from: Micros, to: Micros) -> Duration {
    Duration::from_micros(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn breaker() -> Breaker {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8), 1);
        Breaker::new(3, Duration::from_secs(5), backoff)
    }

    fn opened() -> Breaker {
        let mut breaker = breaker();
        assert!(!breaker.failed(0) && !breaker.failed(0));
        assert!(breaker.failed(0), "the third failure opens it");
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not_count() {
        let mut breaker = breaker();
        for _ in 0..5 {
            breaker.failed(0);
            breaker.failed(0);
            breaker.answered();
        }
        assert_eq!(breaker.ask(0), Permission::Granted);
        assert!(matches!(opened().ask(0), Permission::Denied(wait) if wait <= Duration::from_secs(1)));
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(SECOND), Permission::Probe);
        assert!(matches!(breaker.ask(SECOND), Permission::Denied(_)), "the others wait for the probe");
        assert!(breaker.failed(SECOND), "a failed probe opens it again");
        assert!(matches!(breaker.ask(SECOND), Permission::Denied(wait) if wait >= Duration::from_secs(1)), "for longer");
        assert_eq!(breaker.ask(4 * SECOND), Permission::Probe);
        breaker.answered();
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_lost_probe_does_not_keep_it_shut_for_ever() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(SECOND), Permission::Probe);
        assert_eq!(breaker.ask(7 * SECOND), Permission::Probe);
    }
}
