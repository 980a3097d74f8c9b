//! The tables that are followed and the columns that are read of each, with what Odoo keeps in them.

use crate::domain::verdict::{Code, Park};

/// What Odoo keeps in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A record's id: integer in the database, bare id or `false` in a webhook.
    Id,
    /// A text or the key of a selection.
    Text,
    /// A text with one value per language: jsonb in the database, the user's language in a webhook.
    Translated,
    /// A decimal or a float: `numeric` or `double precision`.
    Decimal,
    /// As `Decimal`, where a webhook's `0.0` also stands for "not set" (the database has null).
    DecimalOrUnset,
    /// A moment, UTC.
    Moment,
    /// A day.
    Day,
}

/// A followed table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Odoo's name.
    pub model: &'static str,
    /// PostgreSQL's name.
    pub table: &'static str,
    /// What is read. A column that a version lacks (`mobile` in 19) is simply not there.
    pub columns: &'static [(&'static str, Kind)],
}

impl Table {
    /// The kind of a column; `None` for one that is not read.
    #[must_use]
    pub fn kind(&self, column: &str) -> Option<Kind> {
        self.columns.iter().find(|(name, _)| *name == column).map(|(_, kind)| *kind)
    }
}

/// By PostgreSQL's name.
#[must_use]
pub fn by_table(table: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.table == table)
}

/// By Odoo's name.
#[must_use]
pub fn by_model(model: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.model == model)
}

/// Why a change of such a table or model is parked. Its name is told only where it looks like one.
pub(super) fn not_followed(name: &str) -> Park {
    let honest = name.len() <= 63 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.');
    Park::new(Code::UNKNOWN_TABLE, format!("not a followed table or model: {}", if honest { name } else { "(no name of one)" }))
}

use Kind::{Day, Decimal, DecimalOrUnset, Id, Moment, Text, Translated};

/// Every followed table. The columns are the same in 17, 18 and 19 but for `mobile`.
pub const TABLES: &[Table] = &[
    Table {
        model: "stock.picking",
        table: "stock_picking",
        columns: &[
            ("name", Text),
            ("state", Text),
            ("origin", Text),
            ("company_id", Id),
            ("partner_id", Id),
            ("sale_id", Id),
            ("carrier_id", Id),
            ("carrier_tracking_ref", Text),
            ("carrier_price", DecimalOrUnset),
            ("weight", Decimal),
            ("scheduled_date", Moment),
            ("date_deadline", Moment),
            ("date_done", Moment),
            ("return_id", Id),
            ("backorder_id", Id),
            ("write_date", Moment),
        ],
    },
    Table {
        model: "sale.order",
        table: "sale_order",
        columns: &[
            ("name", Text),
            ("state", Text),
            ("company_id", Id),
            ("partner_id", Id),
            ("client_order_ref", Text),
            ("delivery_status", Text),
            ("invoice_status", Text),
            ("currency_id", Id),
            ("amount_untaxed", Decimal),
            ("amount_total", Decimal),
            ("warehouse_id", Id),
            ("date_order", Moment),
            ("commitment_date", Moment),
            ("write_date", Moment),
        ],
    },
    Table {
        model: "account.move",
        table: "account_move",
        columns: &[
            ("name", Text),
            ("state", Text),
            ("move_type", Text),
            ("company_id", Id),
            ("partner_id", Id),
            ("journal_id", Id),
            ("currency_id", Id),
            ("ref", Text),
            ("invoice_origin", Text),
            ("payment_state", Text),
            ("amount_untaxed", Decimal),
            ("amount_total", Decimal),
            ("amount_residual", Decimal),
            ("date", Day),
            ("invoice_date", Day),
            ("reversed_entry_id", Id),
            ("write_date", Moment),
        ],
    },
    Table {
        model: "delivery.carrier",
        table: "delivery_carrier",
        columns: &[("name", Translated), ("delivery_type", Text), ("write_date", Moment)],
    },
    Table {
        model: "res.partner",
        table: "res_partner",
        columns: &[
            ("name", Text),
            ("complete_name", Text),
            ("email", Text),
            ("phone", Text),
            ("mobile", Text),
            ("lang", Text),
            ("street", Text),
            ("zip", Text),
            ("city", Text),
            ("country_id", Id),
            ("write_date", Moment),
        ],
    },
];
