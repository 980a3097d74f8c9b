//! A stand-in Odoo of version 17, 18 or 19 on the loopback interface, with the doors and faults of a real one.
//! In come JSON-2 and JSON-RPC calls, and from its owner pickings and faults.
//! Out go answers in the real forms; what it holds can be inspected. Like the real one it lets two notes have one `message_id`.

mod domain;
mod faults;
mod http;
mod load;
mod methods;
mod moves;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use faults::{Away, Faults};
pub use moves::{EXPENSE_ACCOUNT, Move, MoveLine, PAYABLE_ACCOUNT};
use world::World;

/// What kind of Odoo it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Major version: 17, 18 or 19.
    pub major: i64,
    /// Database name.
    pub database: String,
    /// Login of its one user, who has id 7.
    pub login: String,
    /// API key of that user.
    pub api_key: String,
    /// `stock.picking` has the fields of OCA's `delivery_state` module.
    pub oca_fields: bool,
    /// A picking that is named in a call exists, unless it was removed.
    pub accept_any_picking: bool,
}

impl Settings {
    /// A plain Odoo of this version with database `standin`, login `waybill`, key `standin-key`.
    #[must_use]
    pub fn of_version(major: i64) -> Self {
        Self {
            major,
            database: "standin".into(),
            login: "waybill".into(),
            api_key: "standin-key".into(),
            oca_fields: false,
            accept_any_picking: false,
        }
    }
}

/// A note as it stands in the chatter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `mail.message` id.
    pub id: i64,
    /// As the writer gave it.
    pub message_id: String,
    /// Html.
    pub body: String,
}

/// What the handlers share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    door: watch::Sender<bool>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running stand-in. It stops when this is dropped.
#[derive(Debug)]
pub struct Standin {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Standin {
    /// Starts one on a free port of 127.0.0.1.
    pub async fn start(settings: Settings) -> std::io::Result<Self> {
        let world = Mutex::new(World::new(settings.oca_fields, settings.accept_any_picking));
        let shared = Arc::new(Shared { settings, world, faults: Mutex::default(), door: watch::Sender::new(true) });
        let (address, server) = http::serve(Arc::clone(&shared)).await?;
        Ok(Self { shared, address, server })
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a picking, or sets fields of one that exists.
    pub fn put_picking(&self, id: i64, fields: Map<String, Value>) {
        self.shared.world().put_picking(id, fields);
    }

    /// Adds an entry or invoice in a state (`draft`, `posted`).
    pub fn put_move(&self, id: i64, state: &str) {
        self.shared.world().put_move(id, state);
    }

    /// Gives a record that is there an external id, `module.name`: an account, a journal, a partner.
    pub fn put_external_id(&self, name: &str, model: &str, id: i64) {
        self.shared.world().set_external_id(name.to_owned(), model, id);
    }

    /// Every entry and bill with its lines, in the order of their making.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        moves::all(&self.shared.world())
    }

    /// Removes a picking for good, with `accept_any_picking` too.
    pub fn remove_picking(&self, id: i64) {
        self.shared.world().remove_picking(id);
    }

    /// Changes the faults.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.shared.faults();
        change(&mut faults);
        self.shared.door.send_replace(faults.away != Away::Refuses);
    }

    /// Every row of a model by id.
    #[must_use]
    pub fn rows(&self, model: &str) -> BTreeMap<i64, Map<String, Value>> {
        self.shared.world().rows(model)
    }

    /// The notes of a picking in the order of their making.
    #[must_use]
    pub fn notes(&self, picking_id: i64) -> Vec<Note> {
        let text = |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_picking = |row: &Map<String, Value>| {
            row.get("model").and_then(Value::as_str) == Some("stock.picking")
                && row.get("res_id").and_then(Value::as_i64) == Some(picking_id)
        };
        let rows = self.rows("mail.message").into_iter().filter(|(_, row)| of_picking(row));
        rows.map(|(id, row)| Note { id, message_id: text(&row, "message_id"), body: text(&row, "body") }).collect()
    }

    /// Every `message_id` that more than one note has: an effect that happened twice.
    #[must_use]
    pub fn doubled_notes(&self) -> Vec<String> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for row in self.rows("mail.message").into_values() {
            if let Some(id) = row.get("message_id").and_then(Value::as_str) {
                *counts.entry(id.to_owned()).or_default() += 1;
            }
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id).collect()
    }

    /// How often each `<model>.<method>` that exists was called, whatever came of it.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.world().calls.clone()
    }
}
