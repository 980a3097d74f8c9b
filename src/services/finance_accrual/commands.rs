//! What the Odoo writer is to do: entries in batches, and lines of draft vendor bills.

use serde_json::json;

use super::desk::Desk;
use super::memory::{self, BillRow, Invoice, Kind, Waiting};
use super::topic;
use crate::domain::dedup;
use crate::domain::finance::records::FinanceEntry;
use crate::domain::odoo_command::OdooCommand;
use crate::domain::record::Record;
use crate::domain::time::Micros;

/// Entries that go to Odoo with one command: twenty together are six times faster than one by one.
const ENTRIES_MAX: usize = 20;
/// How long entries are gathered before they go.
const GATHER: Micros = 2_000_000;
/// Module of the external ids.
const MODULE: &str = "waybill";

impl Desk<'_> {
    /// An entry goes to Odoo with the next batch.
    pub(super) fn gather(&mut self, entry: FinanceEntry) {
        let key = memory::key(Kind::Entries, &self.book.key, "");
        let mut waiting: Waiting = memory::load(self.state, &key).unwrap_or_default();
        waiting.entries.push(entry);
        memory::save(self.state, &key, &waiting, Some(self.now.saturating_add(GATHER)));
        if waiting.entries.len() >= ENTRIES_MAX {
            self.send_entries();
        }
    }

    pub(super) fn send_entries(&mut self) {
        let key = memory::key(Kind::Entries, &self.book.key, "");
        let waiting: Waiting = memory::load(self.state, &key).unwrap_or_default();
        self.state.delete(&key);
        let Some(first) = waiting.entries.first() else { return };
        let batch = &first.entry_id;
        let foreign = waiting.entries.iter().any(|e| e.currency != e.company_currency);
        let mut fields =
            vec!["id", "move_type", "journal_id/.id", "date", "ref", "line_ids/id", "line_ids/account_id/.id", "line_ids/name"];
        fields.extend(["line_ids/debit", "line_ids/credit"]);
        if foreign {
            fields.extend(["line_ids/currency_id", "line_ids/amount_currency"]);
        }
        let data: Vec<Vec<String>> = waiting.entries.iter().flat_map(|entry| rows_of(entry, foreign)).collect();
        let ids: Vec<String> = waiting.entries.iter().map(external_id).collect();
        let journal = first.journal_id;
        self.command("load", "entries", batch, journal, &json!({ "fields": fields, "data": data }));
        if self.book.accounts.post {
            self.command("post", "post", batch, journal, &json!({ "external_ids": ids }));
        }
    }

    /// The lines that have gathered go onto the draft bill of an invoice.
    pub(super) fn send_bill(&mut self, invoice_id: &str, invoice: &mut Invoice) {
        let rows = std::mem::take(&mut invoice.rows);
        let Some(first) = rows.first() else { return };
        let Some(vendor) = self.book.accounts.vendors.get(&invoice.carrier).copied() else {
            return self.raise_vendor_missing(invoice_id, invoice);
        };
        let id = format!("{MODULE}.bill_{}", plain(&dedup::uuid(&dedup::id_of(&["vendor-bill", &self.book.key, invoice_id]))));
        let foreign = invoice.currency != self.book.currency;
        let mut fields = vec!["id", "move_type", "partner_id/.id", "journal_id/.id", "ref", "invoice_date", "date"];
        fields.extend(foreign.then_some("currency_id"));
        fields.extend(["invoice_line_ids/id", "invoice_line_ids/account_id/.id", "invoice_line_ids/name"]);
        fields.extend(["invoice_line_ids/quantity", "invoice_line_ids/price_unit", "invoice_line_ids/tax_ids/.id"]);
        let accounts = &self.book.accounts;
        let (vendor, bill_journal) = (vendor.to_string(), accounts.bill_journal.to_string());
        let booked_on = self.book.booked_on(&invoice.date);
        let head: Vec<&str> = [&id, "in_invoice", &vendor, &bill_journal, &invoice.number, &invoice.date, &booked_on]
            .into_iter()
            .chain(foreign.then_some(invoice.currency.as_str()))
            .collect();
        let row_of = |(n, row): (usize, &BillRow)| -> Vec<String> {
            let head = head.iter().map(|cell| if n == 0 { (*cell).to_owned() } else { String::new() });
            let (line, account) = (format!("{id}_{}", row.number), accounts.expense_of(row.group).to_string());
            let cells = [line, account, row.name.clone(), "1".to_owned(), row.amount.to_string(), String::new()];
            head.chain(cells).collect()
        };
        let data: Vec<Vec<String>> = rows.iter().enumerate().map(row_of).collect();
        let mut arguments = json!({ "fields": fields, "data": data });
        let first_line = format!("{id}_{}", first.number);
        if first.number > 1 {
            // The head is there already: the first new line tells whether this was done.
            arguments["found_by"] = json!(first_line);
        }
        let journal = accounts.bill_journal;
        self.command("load", "bill", &first_line, journal, &arguments);
    }

    fn command(&mut self, kind: &str, what: &str, cause: &str, journal: i64, arguments: &serde_json::Value) {
        let (instance, _) = self.book.company();
        let command = OdooCommand {
            command_id: dedup::uuid(&dedup::id_of(&["finance-command", &self.book.key, kind, what, cause])),
            odoo_instance: instance.to_owned(),
            kind: kind.to_owned(),
            model: "account.move".to_owned(),
            record_id: None,
            arguments: arguments.to_string(),
            cause_id: cause.to_owned(),
            requested_at: self.now,
        };
        // One order for each journal: entries are there before they are posted.
        let key = format!("{instance}:account.journal:{journal}");
        self.out.publish(topic::COMMANDS, key, Record::OdooCommand(Box::new(command)));
    }
}

fn plain(uuid: &str) -> String {
    uuid.replace('-', "")
}

fn external_id(entry: &FinanceEntry) -> String {
    format!("{MODULE}.entry_{}", plain(&entry.entry_id))
}

/// The rows of an entry for `load`: the head stands in the first, each line has an external id of its own.
fn rows_of(entry: &FinanceEntry, foreign: bool) -> Vec<Vec<String>> {
    let id = external_id(entry);
    let name = entry.picking_name.as_deref().unwrap_or(&entry.delivery_key);
    let reference = format!("{} {} {name}", entry.kind, entry.charge_type);
    let row = |(n, line): (usize, &crate::domain::finance::records::EntryLine)| {
        let head = [id.clone(), "entry".to_owned(), entry.journal_id.to_string(), entry.booked_on.clone(), reference.clone()];
        let head = if n == 0 { head } else { Default::default() };
        let mut row: Vec<String> = head.into_iter().collect();
        row.extend([
            format!("{id}_{}", n + 1),
            line.account_id.to_string(),
            reference.clone(),
            line.debit.to_string(),
            line.credit.to_string(),
        ]);
        if foreign {
            row.extend([entry.currency.clone(), line.amount_currency.to_string()]);
        }
        row
    };
    entry.lines.iter().enumerate().map(row).collect()
}
