//! The tables of the stand-in and the rules that hold for every model.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::domain;
use crate::odoo::effects::checksum;

/// A row of a table.
pub(super) type Row = Map<String, Value>;

/// Why a call fails, in Odoo's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fail {
    UnknownModel,
    UnknownMethod,
    Arguments,
    Access,
    Missing,
    Value(String),
    Key,
    Validation,
    Business,
    Base64,
    Serialization,
    Denied,
    DatabaseDown,
}

/// Models and the fields that the stand-in knows of them.
const MODELS: [(&str, &[&str]); 8] = [
    ("stock.picking", &["name", "state", "origin", "company_id", "carrier_id", "carrier_tracking_ref", "carrier_price", "note", "sale_id"]),
    ("mail.message", &["model", "res_id", "body", "message_type", "subtype_id", "message_id", "date"]),
    ("mail.activity", &["res_model", "res_id", "summary", "note", "user_id", "date_deadline"]),
    ("ir.attachment", &["name", "datas", "mimetype", "type", "url", "res_model", "res_id", "description", "checksum", "file_size"]),
    ("ir.model.data", &["module", "name", "model", "res_id"]),
    ("account.move", &MOVE_FIELDS),
    ("account.move.line", &LINE_FIELDS),
    ("account.move.reversal", &["move_ids", "journal_id", "date", "reason"]),
];

const MOVE_FIELDS: [&str; 18] = [
    "name",
    "ref",
    "state",
    "date",
    "move_type",
    "journal_id",
    "line_ids",
    "invoice_line_ids",
    "reversed_entry_id",
    "amount_total",
    "partner_id",
    "invoice_date",
    "invoice_date_due",
    "invoice_origin",
    "currency_id",
    "company_id",
    "narration",
    "invoice_payment_term_id",
];

const LINE_FIELDS: [&str; 19] = [
    "move_id",
    "account_id",
    "name",
    "debit",
    "credit",
    "balance",
    "amount_currency",
    "currency_id",
    "partner_id",
    "product_id",
    "product_uom_id",
    "quantity",
    "price_unit",
    "discount",
    "tax_ids",
    "analytic_distribution",
    "date_maturity",
    "sequence",
    "display_type",
];

/// Fields of OCA's module.
const OCA_FIELDS: [&str; 2] = ["delivery_state", "tracking_state"];

/// Id of the subtype `Note`, as in a fresh database.
const NOTE_SUBTYPE: i64 = 2;

/// Everything that the stand-in holds.
#[derive(Debug)]
pub(super) struct World {
    tables: BTreeMap<&'static str, BTreeMap<i64, Row>>,
    external_ids: BTreeMap<String, (String, i64)>,
    removed: BTreeSet<i64>,
    next_id: i64,
    oca_fields: bool,
    accept_any_picking: bool,
    pub(super) calls: BTreeMap<String, u64>,
}

impl World {
    pub(super) fn new(oca_fields: bool, accept_any_picking: bool) -> Self {
        let external_ids = BTreeMap::from([("mail.mt_note".to_owned(), ("mail.message.subtype".to_owned(), NOTE_SUBTYPE))]);
        let tables = MODELS.iter().map(|(model, _)| (*model, BTreeMap::new())).collect();
        // Apart from the ids of pickings that tests and samples use.
        let next_id = 1_000_000;
        Self { tables, external_ids, removed: BTreeSet::new(), next_id, oca_fields, accept_any_picking, calls: BTreeMap::new() }
    }

    pub(super) fn put_picking(&mut self, id: i64, fields: Row) {
        let table = self.tables.entry("stock.picking").or_default();
        let row = table.entry(id).or_insert_with(|| picking(id));
        row.extend(fields);
    }

    pub(super) fn put_move(&mut self, id: i64, state: &str) {
        let row = Row::from_iter([("id".to_owned(), json!(id)), ("state".to_owned(), json!(state))]);
        self.tables.entry("account.move").or_default().insert(id, row);
    }

    pub(super) fn remove_picking(&mut self, id: i64) {
        self.removed.insert(id);
        self.tables.entry("stock.picking").or_default().remove(&id);
    }

    pub(super) fn rows(&self, model: &str) -> BTreeMap<i64, Row> {
        self.tables.get(model).cloned().unwrap_or_default()
    }

    pub(super) fn has_model(model: &str) -> bool {
        MODELS.iter().any(|(known, _)| *known == model)
    }

    /// Fields of a model with `id`.
    pub(super) fn fields(&self, model: &str) -> Vec<&'static str> {
        let mut fields = vec!["id"];
        fields.extend(MODELS.iter().filter(|(known, _)| *known == model).flat_map(|(_, fields)| fields.iter()));
        if model == "stock.picking" && self.oca_fields {
            fields.extend(OCA_FIELDS);
        }
        fields
    }

    pub(super) fn check_fields<'a>(&self, model: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Fail> {
        let known = self.fields(model);
        for name in names {
            if !known.contains(&name) {
                return Err(Fail::Value(format!("Invalid field '{name}' in '{model}'")));
            }
        }
        Ok(())
    }

    /// Makes pickings exist that are named, where that is wanted.
    fn on_demand(&mut self, model: &str, id: i64) {
        if model == "stock.picking" && self.accept_any_picking && id > 0 && !self.removed.contains(&id) {
            self.tables.entry("stock.picking").or_default().entry(id).or_insert_with(|| picking(id));
        }
    }

    pub(super) fn exists(&mut self, model: &str, id: i64) -> bool {
        self.on_demand(model, id);
        self.tables.get(model).is_some_and(|table| table.contains_key(&id))
    }

    pub(super) fn row(&self, model: &str, id: i64) -> Option<&Row> {
        self.tables.get(model)?.get(&id)
    }

    pub(super) fn search_read(&self, model: &str, terms: &[Value], names: &[String], limit: usize) -> Result<Value, Fail> {
        self.check_fields(model, domain::fields(terms).chain(names.iter().map(String::as_str)))?;
        let mut found = Vec::new();
        for row in self.tables.get(model).into_iter().flat_map(BTreeMap::values) {
            if found.len() < limit && domain::matches(terms, row).map_err(Fail::Value)? {
                found.push(shown(row, names));
            }
        }
        Ok(Value::Array(found))
    }

    /// Rows that do not exist are left out.
    pub(super) fn read(&mut self, model: &str, ids: &[i64], names: &[String]) -> Result<Value, Fail> {
        self.check_fields(model, names.iter().map(String::as_str))?;
        for id in ids {
            self.on_demand(model, *id);
        }
        Ok(ids.iter().filter_map(|id| self.row(model, *id)).map(|row| shown(row, names)).collect())
    }

    /// All or none.
    pub(super) fn write(&mut self, model: &str, ids: &[i64], values: &Row) -> Result<(), Fail> {
        self.check_fields(model, values.keys().map(String::as_str))?;
        for id in ids {
            if !self.exists(model, *id) {
                return Err(Fail::Missing);
            }
        }
        if let Some(table) = self.tables.get_mut(model) {
            for id in ids {
                table.entry(*id).or_default().extend(values.clone());
            }
        }
        Ok(())
    }

    /// All or none.
    pub(super) fn create(&mut self, model: &str, rows: Vec<Row>) -> Result<Vec<i64>, Fail> {
        let Some((table, _)) = MODELS.iter().find(|(known, _)| *known == model) else { return Err(Fail::UnknownModel) };
        let mut checked = Vec::with_capacity(rows.len());
        for row in rows {
            self.check_fields(model, row.keys().map(String::as_str))?;
            checked.push(self.checked_row(model, row)?);
        }
        Ok(checked.into_iter().map(|row| self.insert(table, row)).collect())
    }

    /// Rules of single models.
    fn checked_row(&mut self, model: &str, mut row: Row) -> Result<Row, Fail> {
        let id = row.get("res_id").and_then(Value::as_i64).unwrap_or_default();
        match model {
            "mail.message" => {
                let about = row.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
                if !Self::has_model(&about) {
                    return Err(Fail::Access);
                }
                if !self.exists(&about, id) {
                    return Err(Fail::Missing);
                }
            }
            "ir.attachment" => {
                if let Some(datas) = row.get("datas").and_then(Value::as_str) {
                    let bytes = STANDARD.decode(datas).map_err(|_| Fail::Base64)?;
                    let sha1 = checksum(&bytes);
                    row.insert("checksum".into(), json!(sha1));
                    row.insert("file_size".into(), json!(bytes.len()));
                }
            }
            "stock.picking" => return Err(Fail::Validation),
            _ => {}
        }
        Ok(row)
    }

    /// Puts a row into a table without a check.
    pub(super) fn insert(&mut self, table: &'static str, mut row: Row) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        row.insert("id".into(), json!(id));
        self.tables.entry(table).or_default().insert(id, row);
        id
    }

    pub(super) fn external_id(&self, name: &str) -> Option<&(String, i64)> {
        self.external_ids.get(name)
    }

    pub(super) fn external_ids(&self) -> impl Iterator<Item = (&String, &(String, i64))> {
        self.external_ids.iter()
    }

    pub(super) fn set_external_id(&mut self, name: String, model: &str, id: i64) {
        self.external_ids.insert(name, (model.to_owned(), id));
    }
}

fn picking(id: i64) -> Row {
    let name = format!("WH/OUT/{id:05}");
    Row::from_iter([("id".to_owned(), json!(id)), ("name".to_owned(), json!(name)), ("state".to_owned(), json!("assigned"))])
}

/// A row as Odoo shows it: `id` and what was asked for, `false` for what is empty.
fn shown(row: &Row, names: &[String]) -> Value {
    let mut out = Row::from_iter([("id".to_owned(), row.get("id").cloned().unwrap_or_default())]);
    for name in names {
        out.insert(name.clone(), row.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(Value::Bool(false)));
    }
    Value::Object(out)
}
