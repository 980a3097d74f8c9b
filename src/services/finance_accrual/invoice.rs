//! Invoices: whether they say more, and the draft vendor bill that what is paid of them goes into.

use rust_decimal::Decimal;

use super::desk::Desk;
use super::memory::{self, BillRow, Held, Invoice, Kind};
use crate::domain::finance::facts::LineFact;
use crate::domain::finance::judge::Judgement;
use crate::domain::freight::ChargeType;
use crate::domain::money::Amount;
use crate::domain::time::Micros;

/// Bill lines that go to Odoo with one command.
const ROWS_MAX: usize = 200;
/// How long lines are gathered before they go.
const GATHER: Micros = 2_000_000;

impl Desk<'_> {
    pub(super) fn invoice(&self, invoice_id: &str) -> Option<Invoice> {
        memory::load(self.state, &memory::key(Kind::Invoice, &self.book.key, invoice_id))
    }

    pub(super) fn keep_invoice(&mut self, invoice_id: &str, invoice: &Invoice) {
        let alarm = if invoice.rows.is_empty() { self.retained_until() } else { self.now.saturating_add(GATHER) };
        memory::save(self.state, &memory::key(Kind::Invoice, &self.book.key, invoice_id), invoice, Some(alarm));
    }

    /// Notes the head of an invoice with the first line that comes.
    pub(super) fn open_invoice(&mut self, line: &LineFact, at: Micros) {
        let mut invoice = self.invoice(&line.invoice_id).unwrap_or_default();
        if !invoice.number.is_empty() {
            return;
        }
        if invoice.first_at == 0 {
            invoice.first_at = at;
        }
        invoice.carrier.clone_from(&line.carrier);
        invoice.number.clone_from(&line.invoice_number);
        invoice.date.clone_from(&line.invoice_date);
        invoice.due_date.clone_from(&line.due_date);
        invoice.currency.clone_from(&line.currency);
        self.keep_invoice(&line.invoice_id, &invoice);
    }

    /// What is paid and does not stand on the draft bill yet goes there; what is paid no longer comes off with a line of its own.
    pub(super) fn bill(&mut self, held: &mut Held, judgement: &Judgement) {
        let units: Vec<(String, ChargeType)> = judgement.units.iter().map(|u| (u.invoice_id.clone(), u.group)).collect();
        let mut places: Vec<(String, ChargeType)> = held.on_bill.keys().cloned().chain(units).collect();
        places.sort();
        places.dedup();
        for place in places {
            let unit = judgement.units.iter().find(|u| (&u.invoice_id, u.group) == (&place.0, place.1));
            let Some(mut invoice) = self.invoice(&place.0) else { continue };
            let paid: Decimal = unit
                .into_iter()
                .flat_map(|u| u.lines.iter().filter(|l| l.accepted))
                .filter_map(|judged| held.folio.lines.iter().find(|l| l.line_id == judged.line_id))
                .map(|line| line.amount.0)
                .sum();
            let stands = held.on_bill.get(&place).map_or(Decimal::ZERO, |a| a.0);
            if paid == stands {
                continue;
            }
            invoice.rows_made += 1;
            let name = bill_line_name(held, place.1);
            invoice.rows.push(BillRow { number: invoice.rows_made, name, amount: Amount(paid - stands), group: place.1 });
            held.on_bill.insert(place.clone(), Amount(paid));
            if invoice.rows.len() >= ROWS_MAX {
                self.send_bill(&place.0, &mut invoice);
            }
            self.keep_invoice(&place.0, &invoice);
        }
    }

    pub(super) fn wake_invoice(&mut self, invoice_id: &str) {
        let Some(mut invoice) = self.invoice(invoice_id) else { return };
        if invoice.rows.is_empty() {
            return self.state.delete(&memory::key(Kind::Invoice, &self.book.key, invoice_id));
        }
        self.send_bill(invoice_id, &mut invoice);
        self.keep_invoice(invoice_id, &invoice);
    }
}

/// What a line of the bill is called.
fn bill_line_name(held: &Held, group: ChargeType) -> String {
    let delivery = held.folio.delivery.as_ref();
    let name = delivery.and_then(|d| d.picking_name.as_deref()).unwrap_or_default();
    let number = held.folio.lines.iter().find_map(|l| l.shipment_key.as_deref()).unwrap_or_default();
    format!("{group} {name} {number}").split_whitespace().collect::<Vec<_>>().join(" ")
}
