//! What every format makes of a row, and the way from there to the records.

use rust_decimal::Decimal;

use super::{Format, PieceOf};
use crate::carriers::RawMessage;
use crate::carriers::event::believable;
use crate::domain::dedup;
use crate::domain::event::Label;
use crate::domain::freight::{self, ChargeType, FreightInvoice, InvoiceTotals, LineCategory, LineKind};
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

/// The head of an invoice, as a row tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Invoice {
    pub(super) carrier: Label,
    pub(super) number: String,
    pub(super) date: String,
    pub(super) currency: String,
    pub(super) due_date: Option<String>,
    pub(super) account: Option<String>,
    pub(super) payment_terms: Option<String>,
    /// The invoice's total with tax.
    pub(super) told: Option<Amount>,
}

/// One charge.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) category: LineCategory,
    pub(super) kind: ChargeType,
    pub(super) tracking_number: Option<String>,
    pub(super) lead_number: Option<String>,
    pub(super) references: Vec<String>,
    pub(super) raw_class: Option<String>,
    pub(super) raw_code: Option<String>,
    pub(super) description: Option<String>,
    pub(super) amount: Amount,
    /// Where it is another than the invoice's: no sum counts such a charge.
    pub(super) currency: Option<String>,
    pub(super) tax: Option<Amount>,
    pub(super) discount: Option<Amount>,
    pub(super) service: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) shipped_on: Option<String>,
    pub(super) weight_billed: Option<Amount>,
    pub(super) weight_told: Option<Amount>,
    pub(super) weight_unit: Option<String>,
    pub(super) pieces: Option<i32>,
}

impl Charge {
    pub(super) fn new(category: LineCategory, kind: ChargeType, amount: Amount) -> Self {
        Self {
            category,
            kind,
            tracking_number: None,
            lead_number: None,
            references: Vec::new(),
            raw_class: None,
            raw_code: None,
            description: None,
            amount,
            currency: None,
            tax: None,
            discount: None,
            service: None,
            zone: None,
            shipped_on: None,
            weight_billed: None,
            weight_told: None,
            weight_unit: None,
            pieces: None,
        }
    }
}

/// What one row bills.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) invoice: Invoice,
    /// May be empty: a row that only tells the total.
    pub(super) charges: Vec<Charge>,
    /// The charges do not add up to what the row itself says.
    pub(super) untied: bool,
}

impl Row {
    /// What makes two rows of an invoice say the same: what was read of them, not how it was written.
    pub(super) fn identity(&self) -> [u8; 16] {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let mut parts = Vec::with_capacity(self.charges.len() * 11);
        for charge in &self.charges {
            parts.extend([
                charge.category.to_string(),
                text(&charge.tracking_number),
                text(&charge.lead_number),
                charge.references.join("\n"),
                text(&charge.raw_class),
                text(&charge.raw_code),
                text(&charge.description),
                charge.amount.to_string(),
                charge.tax.map(|tax| tax.to_string()).unwrap_or_default(),
                text(&charge.currency),
                text(&charge.shipped_on),
            ]);
        }
        dedup::id_of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Sum of the charges in the invoice's currency with their tax; `None` where no decimal holds it.
    pub(super) fn billed(&self) -> Option<Decimal> {
        let with_tax = self.charges.iter().filter(|c| c.currency.is_none()).flat_map(|c| [Some(c.amount), c.tax]).flatten();
        with_tax.map(|a| a.0).try_fold(Decimal::ZERO, Decimal::checked_add)
    }

    /// The records of the row.
    pub(super) fn lines<'a>(
        &'a self,
        format: Format,
        message: &'a RawMessage<'_>,
        piece: Option<&'a PieceOf>,
        occurrence: u32,
    ) -> impl Iterator<Item = FreightInvoice> + 'a {
        let row = self.identity();
        self.charges.iter().enumerate().map(move |(index, charge)| {
            let mut line = self.invoice.record(format, message, piece);
            line.line_id = freight::line_id(&line.invoice_id, &row, occurrence, index);
            charge.fill(&mut line);
            line
        })
    }
}

impl Invoice {
    /// The identity of the invoice.
    pub(super) fn id(&self) -> String {
        freight::invoice_id(&self.carrier, &self.number, &self.date)
    }

    /// The record that says that a file tells no more of the invoice.
    pub(super) fn end(
        &self,
        format: Format,
        message: &RawMessage<'_>,
        file_sha256: &str,
        piece: Option<&PieceOf>,
        totals: InvoiceTotals,
    ) -> FreightInvoice {
        let mut line = self.record(format, message, piece);
        line.kind = LineKind::Totals;
        line.line_id = dedup::uuid(&dedup::id_of(&["freight-totals", &line.invoice_id, file_sha256]));
        line.file_line = None;
        line.totals = Some(totals);
        line
    }

    fn record(&self, format: Format, message: &RawMessage<'_>, piece: Option<&PieceOf>) -> FreightInvoice {
        FreightInvoice {
            line_id: String::new(),
            kind: LineKind::Charge,
            invoice_id: self.id(),
            carrier: self.carrier.clone(),
            source: Label::Borrowed(format.source()),
            invoice_number: self.number.clone(),
            invoice_date: self.date.clone(),
            due_date: self.due_date.clone(),
            account: self.account.clone(),
            currency: self.currency.clone(),
            payment_terms: self.payment_terms.clone(),
            category: None,
            shipment_key: None,
            tracking_number: None,
            lead_number: None,
            references: Vec::new(),
            charge_type: None,
            raw_class: None,
            raw_code: None,
            description: None,
            amount: None,
            tax: None,
            discount: None,
            service: None,
            zone: None,
            shipped_on: None,
            weight_billed: None,
            weight_told: None,
            weight_unit: None,
            pieces: None,
            totals: None,
            file_sha256: piece.map(|p| p.file_sha256.clone()),
            file_line: piece.map(|p| p.line),
            raw: message.raw.clone(),
            mapping_version: Label::Borrowed(format.mapping_version()),
            received_at: message.received_at,
        }
    }
}

impl Charge {
    fn fill(&self, line: &mut FreightInvoice) {
        let of_shipment = self.category != LineCategory::Account;
        line.category = Some(self.category);
        if let Some(currency) = &self.currency {
            line.currency.clone_from(currency);
        }
        line.shipment_key = self.tracking_number.as_deref().filter(|_| of_shipment).and_then(believable);
        line.tracking_number.clone_from(&self.tracking_number);
        line.lead_number.clone_from(&self.lead_number);
        line.references.clone_from(&self.references);
        line.charge_type = Some(self.kind);
        line.raw_class.clone_from(&self.raw_class);
        line.raw_code.clone_from(&self.raw_code);
        line.description.clone_from(&self.description);
        line.amount = Some(self.amount);
        line.tax = self.tax;
        line.discount = self.discount;
        line.service.clone_from(&self.service);
        line.zone.clone_from(&self.zone);
        line.shipped_on.clone_from(&self.shipped_on);
        line.weight_billed = self.weight_billed;
        line.weight_told = self.weight_told;
        line.weight_unit.clone_from(&self.weight_unit);
        line.pieces = self.pieces;
    }
}

/// A tracking number that can be one.
///
/// # Errors
/// `BAD_TRACKING_NUMBER` for one that cannot.
pub(super) fn tracking(number: Option<String>) -> Result<Option<String>, Park> {
    match number {
        Some(number) if believable(&number).is_none() => Err(Park::new(Code::BAD_TRACKING_NUMBER, "no tracking number has this form")),
        number => Ok(number),
    }
}
