//! What other services ask the Odoo writer to do, and what came of it.

use serde::{Deserialize, Serialize};

/// One thing to be done in Odoo, once. Avro record `OdooCommand`, topic `odoo.commands`, key: the record it touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OdooCommand {
    /// Deterministic id: the same command is executed once.
    pub command_id: String,
    /// Odoo instance as named in the configuration.
    pub odoo_instance: String,
    /// `note`, `activity`, `write`, `load`, `post`, `reverse`.
    pub kind: String,
    /// Odoo model, e.g. `account.move`.
    pub model: String,
    /// Record id, where the command touches an existing record.
    pub record_id: Option<i64>,
    /// Arguments of the command as a JSON object; docs/odoo-commands.md has those of each kind.
    pub arguments: String,
    /// Id of what caused it (event, accrual, entry).
    pub cause_id: String,
    /// When it was decided, UTC microseconds.
    pub requested_at: i64,
}

/// What came of an effect in Odoo. Avro record `OdooResult`, topic `odoo.results`, key: as the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OdooResult {
    /// Deterministic id of the effect.
    pub effect_id: String,
    /// Odoo instance.
    pub odoo_instance: String,
    /// `tracking_ref`, `note`, `pod`, `activity`, `delivery_state`, or the command's kind.
    pub kind: String,
    /// `done`, `already_done` (found by look-up), `refused`.
    pub outcome: String,
    /// Odoo model.
    pub model: String,
    /// The record it is about.
    pub record_id: Option<i64>,
    /// What was created, where the call tells it.
    pub created_id: Option<i64>,
    /// Stable code where it was refused.
    pub code: Option<String>,
    /// Class name of Odoo's error where it was refused, never its text; a word of the writer (`posted`, `not_there`) where Odoo was not asked.
    pub error_name: Option<String>,
    /// Delivery key, where it concerns a delivery.
    pub delivery_key: Option<String>,
    /// `ShipmentEvent.event_id` or `OdooCommand.cause_id` behind it.
    pub cause_id: String,
    /// When it was settled, UTC microseconds.
    pub settled_at: i64,
}
