//! Turns Odoo's change events into deliveries, orders, invoices and links, in two steps with a topic between them.
//! In come raw messages on many topics; the stateless [`ImageReader`] makes each an image on `odoo.images`, keyed by Odoo instance, and
//! the [`ImageFold`] keeps the last image of each record there, and joins them with the notices of `shipment.notices`.
//! Out go `erp.deliveries`, `erp.orders`, `erp.invoices` and `shipment.links`, each only when something in it has changed, and `exceptions`
//! for notices whose delivery is not found.
//!
//! The hop through `odoo.images` exists because a delivery is joined from several tables, which arrive on topics and partitions of their own:
//! only where everything of one database meets in one order can the join be right for every order of arrival.

use std::collections::BTreeMap;

use crate::domain::time::Micros;

mod carrier;
mod consignment;
mod fold;
mod held;
mod join;
mod links;
mod names;
mod notices;
mod reader;
mod users;

#[cfg(test)]
mod tests;

pub use fold::ImageFold;
pub use reader::{AvroDecoder, ImageReader, PatternError};

/// Images of single records, internal.
pub const IMAGES_TOPIC: &str = "odoo.images";
/// Deliveries.
pub const DELIVERIES_TOPIC: &str = "erp.deliveries";
/// Sales orders.
pub const ORDERS_TOPIC: &str = "erp.orders";
/// Accounting moves.
pub const INVOICES_TOPIC: &str = "erp.invoices";
/// Which tracking number belongs to which delivery.
pub const LINKS_TOPIC: &str = "shipment.links";
/// Cases for a person: notices that name no delivery, or several.
pub const EXCEPTIONS_TOPIC: &str = "exceptions";

/// What the configuration says.
#[derive(Debug, Clone)]
pub struct OdooNormalizerSettings {
    /// The Odoo databases that are followed.
    pub instances: Vec<OdooInstance>,
    /// How long a record is remembered after it was settled (done, cancelled, paid, deleted), microseconds.
    pub window: Micros,
    /// How long a notice may wait for its delivery before a person is told, microseconds.
    pub unmatched_after: Micros,
}

impl Default for OdooNormalizerSettings {
    fn default() -> Self {
        Self { instances: Vec::new(), window: 45 * 86_400 * 1_000_000, unmatched_after: 86_400 * 1_000_000 }
    }
}

impl OdooNormalizerSettings {
    /// The settings of a database; `None` for one that has been taken out of the configuration.
    fn instance(&self, name: &str) -> Option<&OdooInstance> {
        self.instances.iter().find(|i| i.name == name)
    }
}

/// One followed Odoo database.
#[derive(Debug, Clone, Default)]
pub struct OdooInstance {
    /// Name, without a colon.
    pub name: String,
    /// Topic of webhook bodies: `raw.odoo.<name>`.
    pub webhook_topic: String,
    /// Regular expressions, each for the whole name of topics of Debezium.
    pub debezium_topics: Vec<String>,
    /// Language of translated names, Odoo's code: `en_US`.
    pub language: String,
    /// Carrier code by name of the delivery method (any case) or by its `delivery_type`. A name goes before a type.
    pub carriers: BTreeMap<String, String>,
    /// `res.company` id of records that do not tell theirs: for webhooks without `company_id` in a database of one company.
    pub default_company: Option<i64>,
    /// ISO 4217 code of a company's currency by `res.company` id: Odoo's freight price has no currency of its own.
    pub company_currencies: BTreeMap<i64, String>,
}
