//! The services of this binary. This list drives the command line, health, manifests and consumer groups.

use serde::Deserialize;

/// One subcommand of `waybill run`: one job, one consumer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Raw carrier messages into canonical records.
    CarrierNormalizer,
    /// Odoo's change events into canonical records and links.
    OdooNormalizer,
    /// What is new about each shipment and each delivery.
    ShipmentTracker,
    /// What freight costs: accruals, verdicts on what is billed, entries.
    FinanceAccrual,
    /// What Odoo must be told, told once.
    OdooWriter,
}

impl Service {
    /// Every service, in the order in which data passes them.
    pub const ALL: [Self; 5] =
        [Self::CarrierNormalizer, Self::OdooNormalizer, Self::ShipmentTracker, Self::FinanceAccrual, Self::OdooWriter];

    /// The name used on the command line, as label, as consumer group and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CarrierNormalizer => "carrier-normalizer",
            Self::OdooNormalizer => "odoo-normalizer",
            Self::ShipmentTracker => "shipment-tracker",
            Self::FinanceAccrual => "finance-accrual",
            Self::OdooWriter => "odoo-writer",
        }
    }

    /// One line for people.
    pub fn doc(self) -> &'static str {
        match self {
            Self::CarrierNormalizer => "turns raw carrier messages into canonical observations",
            Self::OdooNormalizer => "turns Odoo's change events into deliveries, orders, invoices and links",
            Self::ShipmentTracker => "decides what is new about each shipment and folds it into deliveries",
            Self::FinanceAccrual => "reckons what freight costs: accruals, verdicts on what carriers bill, entries",
            Self::OdooWriter => "writes what changed to Odoo, each effect once",
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == name)
            .ok_or_else(|| format!("no such service (known: {}): {name}", known()))
    }
}
