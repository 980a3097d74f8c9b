//! What the orchestrator asks: is this service alive, and may work be counted on from it.

use std::sync::atomic::{AtomicBool, Ordering};

/// State of one service in this process. Set by its loop, read by `/livez` and `/readyz`.
#[derive(Debug)]
pub struct Health {
    service: String,
    live: AtomicBool,
    assigned: AtomicBool,
    restored: AtomicBool,
}

impl Health {
    /// A service that is alive and not ready yet.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), live: AtomicBool::new(true), assigned: AtomicBool::new(false), restored: AtomicBool::new(false) }
    }

    /// `false` once the loop has ended for a reason that only a restart mends (fenced, wrong cluster).
    pub fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    /// `true` once the group has answered, also when it gave this instance no partition (it stands by).
    pub fn set_assigned(&self, assigned: bool) {
        self.assigned.store(assigned, Ordering::Release);
    }

    /// `true` once the stores of all assigned partitions stand at the end of their changelogs.
    pub fn set_restored(&self, restored: bool) {
        self.restored.store(restored, Ordering::Release);
    }

    /// Whether the process should be left running.
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// Whether records are being processed.
    pub fn is_ready(&self) -> bool {
        self.not_ready_because().is_empty()
    }

    /// Every reason why this service is not ready, as `<service>: <reason>`; empty when it is.
    pub fn not_ready_because(&self) -> Vec<String> {
        [
            (self.is_live(), "stopped"),
            (self.assigned.load(Ordering::Acquire), "no partitions assigned yet"),
            (self.restored.load(Ordering::Acquire), "stores not restored yet"),
        ]
        .into_iter()
        .filter(|(fine, _)| !fine)
        .map(|(_, reason)| format!("{}: {reason}", self.service))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_alive_assigned_and_restored() {
        let health = Health::new("shipment-tracker");
        assert_eq!(
            health.not_ready_because(),
            ["shipment-tracker: no partitions assigned yet", "shipment-tracker: stores not restored yet"]
        );
        health.set_assigned(true);
        assert!(!health.is_ready());
        health.set_restored(true);
        assert!(health.is_ready());
        health.set_live(false);
        assert_eq!(health.not_ready_because(), ["shipment-tracker: stopped"]);
    }
}
