//! What is to happen in Odoo once: planned purely from a delivery's status or a command, then carried out idempotently.
//! In come `DeliveryStatus` and `OdooCommand` records; a plan names each effect by an id made from what caused it.
//! Out go outcomes: done, already done (found by look-up), refused for good, or to be tried again.

mod activities;
mod batch;
mod command;
mod execute;
mod fields;
mod files;
mod load;
mod notes;
mod plan;
mod post;
mod records;
mod words;

pub use command::{command, effect_id};
pub use execute::{SETTLE, execute};
pub use files::checksum;
pub use plan::{PlanSettings, plan};

use serde_json::{Map, Value};

use super::errors::CallError;
use crate::domain::odoo_command::{OdooCommand, OdooResult};
use crate::domain::time::Micros;
use crate::domain::verdict::Code;

/// Model that deliveries are about.
const PICKING: &str = "stock.picking";

/// Entries of one command: calls of 20 are six times as fast as single ones, and a longer transaction gets in the way of people.
const MOVES_MAX: usize = 20;

/// What kind of thing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The picking's tracking reference.
    TrackingRef,
    /// A note in the chatter.
    Note,
    /// Proof of delivery as an attachment.
    Pod,
    /// An activity for a person.
    Activity,
    /// OCA's `delivery_state` fields.
    DeliveryState,
    /// Fields of any record, by command.
    Write,
    /// Records under external ids, by command.
    Load,
    /// A journal entry is posted, by command.
    Post,
    /// A journal entry is reversed, by command.
    Reverse,
}

impl Kind {
    /// The word in `OdooResult.kind` and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrackingRef => "tracking_ref",
            Self::Note => "note",
            Self::Pod => "pod",
            Self::Activity => "activity",
            Self::DeliveryState => "delivery_state",
            Self::Write => "write",
            Self::Load => "load",
            Self::Post => "post",
            Self::Reverse => "reverse",
        }
    }
}

/// One thing that is to happen once.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// 32 hex digits made from what caused it: the same cause has the same effect for ever.
    pub effect_id: String,
    /// What kind.
    pub kind: Kind,
    /// Odoo model of the record it touches.
    pub model: String,
    /// Its id; null where the effect creates it.
    pub record_id: Option<i64>,
    /// The delivery it concerns.
    pub delivery_key: Option<String>,
    /// `ShipmentEvent.event_id` or `OdooCommand.cause_id` behind it.
    pub cause_id: String,
    /// What is done.
    pub action: Action,
}

/// How an effect is made, with what finds it again.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// These tracking numbers are to be in the reference. None is ever taken out: Odoo may know parcels that we do not know yet.
    TrackingRef(Vec<String>),
    /// These fields of a picking have these values, as far as the model has the fields.
    Fields(Map<String, Value>),
    /// A note, found by `message_id`. The body is html.
    Note {
        /// `<effect-id@waybill>`.
        message_id: String,
        /// Escaped html.
        body: String,
    },
    /// A link as attachment, found by its URL.
    Link {
        /// Name shown.
        name: String,
        /// Where it leads.
        url: String,
    },
    /// A text as attachment, found by its checksum.
    Text {
        /// File name.
        name: String,
        /// The text. Holds personal data.
        text: String,
    },
    /// An activity, found by the marker at the end of its note.
    Activity {
        /// No personal data: it is shown in lists.
        summary: String,
        /// Escaped html.
        note: String,
        /// Text that only this activity has.
        marker: String,
        /// `res.users` id it is given to; the user of the key where null.
        user_id: Option<i64>,
    },
    /// `write` of values, where they differ.
    Write(Map<String, Value>),
    /// `load` of rows in one call, once.
    Load {
        /// Column names; the first is `id`.
        fields: Vec<String>,
        /// Rows of texts.
        data: Vec<Vec<String>>,
        /// The external id that tells whether it has been done: that of a head or of a line in the rows.
        found_by: String,
    },
    /// `account.move.action_post` of what is still a draft, in one call.
    Post {
        /// What to post; empty: the effect's record.
        external_ids: Vec<String>,
    },
    /// A reversal, where there is none yet.
    Reverse {
        /// `account.journal` id.
        journal_id: i64,
        /// `YYYY-MM-DD`.
        date: String,
        /// Shown in the reference of the reversal.
        reason: String,
    },
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened now.
    Done {
        /// What was created, where Odoo tells it.
        created_id: Option<i64>,
    },
    /// It had happened before.
    AlreadyDone,
    /// It will never happen.
    Refused {
        /// Stable code.
        code: Code,
        /// Class name of Odoo's error; a plain word where Odoo was not asked (`posted`, `not_there`).
        name: Option<String>,
    },
    /// To be executed again later: the next execution looks before it acts, so this is safe after an unknown outcome too.
    /// The error's class is `Wait` or `Stop`.
    Wait(CallError),
}

impl Outcome {
    /// The word in `OdooResult.outcome` and in metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::AlreadyDone => "already_done",
            Self::Refused { .. } => "refused",
            Self::Wait(_) => "wait",
        }
    }

    pub(super) fn refused(error: &CallError) -> Self {
        Self::Refused { code: Code::ODOO_REFUSED, name: error.name.clone() }
    }
}

/// An outcome with the effect it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectOutcome {
    /// Of the effect.
    pub effect_id: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Effect {
    /// The record that tells others what came of this; `None` while it is not settled.
    #[must_use]
    pub fn result(&self, odoo_instance: &str, outcome: &Outcome, settled_at: Micros) -> Option<OdooResult> {
        let (created_id, code, error_name) = match outcome {
            Outcome::Done { created_id } => (*created_id, None, None),
            Outcome::AlreadyDone => (None, None, None),
            Outcome::Refused { code, name } => (None, Some(code.to_string()), name.clone()),
            Outcome::Wait(_) => return None,
        };
        Some(OdooResult {
            effect_id: self.effect_id.clone(),
            odoo_instance: odoo_instance.to_owned(),
            kind: self.kind.as_str().to_owned(),
            outcome: outcome.as_str().to_owned(),
            model: self.model.clone(),
            record_id: self.record_id,
            created_id,
            code,
            error_name,
            delivery_key: self.delivery_key.clone(),
            cause_id: self.cause_id.clone(),
            settled_at,
        })
    }
}

/// The result of a command that was refused before it became an effect.
#[must_use]
pub fn refused_command(command: &OdooCommand, code: Code, settled_at: Micros) -> OdooResult {
    OdooResult {
        effect_id: effect_id(command),
        odoo_instance: command.odoo_instance.clone(),
        kind: command.kind.clone(),
        outcome: "refused".to_owned(),
        model: command.model.clone(),
        record_id: command.record_id,
        created_id: None,
        code: Some(code.to_string()),
        error_name: None,
        delivery_key: None,
        cause_id: command.cause_id.clone(),
        settled_at,
    }
}
