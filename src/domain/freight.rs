//! What carriers ask for their work: charges announced for a shipment, and the lines of their invoices.

use serde::{Deserialize, Serialize};

use super::dedup;
use super::event::{Label, RawRef};
use super::money::Amount;
use super::vocabulary::words;

words! {
    /// What a charge is for. What no table knows is `Other`, with the carrier's own code and words beside it.
    ChargeType {
        /// Carriage itself.
        Freight = "freight",
        /// Fuel surcharge.
        Fuel = "fuel",
        /// Any other surcharge or service: residential, remote area, signature, handling.
        Accessorial = "accessorial",
        /// The carrier's fee for customs clearance.
        Brokerage = "brokerage",
        /// Duties and import taxes that the carrier has paid to the state.
        DutyTax = "duty_tax",
        /// Tax on the carrier's own services, billed as a charge of its own.
        Tax = "tax",
        /// A reduction, negative.
        Discount = "discount",
        /// A correction that belongs to no single service.
        Adjustment = "adjustment",
        /// Not known.
        Other = "other",
    }
}

words! {
    /// What a line of an invoice is about.
    LineCategory {
        /// A shipment, as it was handed over.
        Shipment = "shipment",
        /// A shipment, corrected afterwards: weight, address, void.
        Adjustment = "adjustment",
        /// A return.
        Return = "return",
        /// The account as a whole: weekly fees, service charges.
        Account = "account",
        /// Not said.
        Other = "other",
    }
}

words! {
    /// What a record of an invoice tells.
    LineKind {
        /// One charge.
        Charge = "charge",
        /// That a file says no more about the invoice, and whether its lines tie to its total.
        Totals = "totals",
    }
}

/// One charge of a carrier's invoice, or the end of one. Avro record `FreightInvoice`, topic `freight.invoices`,
/// key: [`invoice_key`]. The invoice is identified by carrier, number and date: numbers are used again after years.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreightInvoice {
    /// UUID of the line: the same line has the same id in whichever file it comes again. Equal lines of one invoice are told apart by
    /// counting them.
    pub line_id: String,
    /// A charge, or the totals.
    pub kind: LineKind,
    /// `<carrier>:<number>:<date>`, number as in [`plain_number`].
    pub invoice_id: String,
    /// Who bills, lower case; a SCAC where EDI knows no better.
    pub carrier: Label,
    /// Format it was read from: `ups_billing`, `fedex_billing`, `dhl_billing`, `x12_210`.
    pub source: Label,
    /// As the carrier wrote it.
    pub invoice_number: String,
    /// ISO 8601 calendar date.
    pub invoice_date: String,
    /// ISO 8601 calendar date, where told.
    pub due_date: Option<String>,
    /// The account with the carrier.
    pub account: Option<String>,
    /// ISO 4217, of every amount here; a charge may be in another currency than its invoice.
    pub currency: String,
    /// `PP`, `CC`, `TP` and the like, as sent.
    pub payment_terms: Option<String>,
    /// What the line is about; null on totals.
    pub category: Option<LineCategory>,
    /// Tracking number in key form; null for the account as a whole.
    pub shipment_key: Option<String>,
    /// As the carrier wrote it.
    pub tracking_number: Option<String>,
    /// Lead number of a shipment of several parcels.
    pub lead_number: Option<String>,
    /// References as sent, the shipper's own first; no empty ones.
    pub references: Vec<String>,
    /// What the charge is for; null on totals.
    pub charge_type: Option<ChargeType>,
    /// The carrier's class of the charge, as sent.
    pub raw_class: Option<String>,
    /// The carrier's code of the charge, as sent.
    pub raw_code: Option<String>,
    /// The carrier's words for it.
    pub description: Option<String>,
    /// Payable for this charge, discounts taken off, without `tax`; negative for a credit; null on totals. In `currency`.
    pub amount: Option<Amount>,
    /// Tax that is told with the charge and comes on top. In `currency`.
    pub tax: Option<Amount>,
    /// Discount that is already inside `amount`, for information. In `currency`.
    pub discount: Option<Amount>,
    /// Service or product, as sent.
    pub service: Option<String>,
    /// Rate zone, as sent.
    pub zone: Option<String>,
    /// ISO 8601 calendar date.
    pub shipped_on: Option<String>,
    /// Weight the charge rests on, in `weight_unit`.
    pub weight_billed: Option<Amount>,
    /// Weight the shipper told, in `weight_unit`.
    pub weight_told: Option<Amount>,
    /// `kg`, `lb` or `oz`; another as sent.
    pub weight_unit: Option<String>,
    /// Parcels that the charge covers.
    pub pieces: Option<i32>,
    /// Only on totals.
    pub totals: Option<InvoiceTotals>,
    /// SHA-256 of the file, where the record is a piece of one.
    pub file_sha256: Option<String>,
    /// Line of that file, from 1.
    pub file_line: Option<i64>,
    /// Where the bytes are that this was read from.
    pub raw: RawRef,
    /// Version of the mapping, e.g. `ups-billing-1`.
    pub mapping_version: Label,
    /// When it reached us, UTC microseconds.
    pub received_at: i64,
}

/// How the lines of an invoice and its total agree, in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceTotals {
    /// The invoice's own total with tax, where the file tells it. In the invoice's currency.
    pub told: Option<Amount>,
    /// Sum of all charges in the invoice's currency, with their tax.
    pub billed: Amount,
    /// Number of charges.
    pub charges: i64,
    /// Rows of the file that belong to the invoice, without those that only mirror others.
    pub rows: i64,
    /// Rows of the file, of whichever invoice, that could not be read and are dead-lettered.
    pub rows_parked: i64,
    /// Rows whose charges do not add up to what the row itself says, or are in another currency than the invoice.
    pub rows_untied: i64,
    /// The total is told, equal to the sum, and nothing is parked or untied.
    pub ties: bool,
}

impl InvoiceTotals {
    /// Totals with their judgement.
    #[must_use]
    pub fn new(told: Option<Amount>, billed: Amount, charges: i64, rows: i64, rows_parked: i64, rows_untied: i64) -> Self {
        let ties = told == Some(billed) && rows_parked == 0 && rows_untied == 0;
        Self { told, billed, charges, rows, rows_parked, rows_untied, ties }
    }
}

/// What a carrier announces for one shipment before it bills: a charge, a corrected weight, or both. Avro record `FreightCharge`,
/// topic `freight.charges`, key: shipment key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreightCharge {
    /// UUID: the same announcement has the same id whoever tells it again.
    pub charge_id: String,
    /// Tracking number in key form.
    pub shipment_key: String,
    /// As the source wrote it.
    pub tracking_number: String,
    /// Carrier code, lower case.
    pub carrier: Label,
    /// Who told us.
    pub source: Label,
    /// What it is for.
    pub charge_type: ChargeType,
    /// The source's code, as sent.
    pub raw_code: Option<String>,
    /// The source's words.
    pub description: Option<String>,
    /// In `currency`; null where only a weight was corrected.
    pub amount: Option<Amount>,
    /// ISO 4217; null where there is no amount, never where there is one.
    pub currency: Option<String>,
    /// It replaces what was announced before for this type and code, instead of coming on top.
    pub corrects: bool,
    /// Weight the carrier reckons with, in `weight_unit`.
    pub weight_billed: Option<Amount>,
    /// `kg`, `lb` or `oz`; another as sent.
    pub weight_unit: Option<String>,
    /// References as sent.
    pub references: Vec<String>,
    /// Where the bytes are that this was read from.
    pub raw: RawRef,
    /// Version of the mapping.
    pub mapping_version: Label,
    /// When it reached us, UTC microseconds.
    pub received_at: i64,
}

/// An invoice number without what differs between a carrier's file and its paper: blanks, punctuation, zeros in front, case.
#[must_use]
pub fn plain_number(number: &str) -> String {
    let plain: String = number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    plain.trim_start_matches('0').to_owned()
}

/// The Kafka key of an invoice: `<carrier>:<number>`.
#[must_use]
pub fn invoice_key(carrier: &str, number: &str) -> String {
    format!("{carrier}:{}", plain_number(number))
}

/// The identity of an invoice: `<carrier>:<number>:<date>`.
#[must_use]
pub fn invoice_id(carrier: &str, number: &str, date: &str) -> String {
    format!("{carrier}:{}:{date}", plain_number(number))
}

/// The identity of a line: the invoice, what the row says, the how manieth row that says so (from 1), and which charge of it.
#[must_use]
pub fn line_id(invoice_id: &str, row: &[u8; 16], occurrence: u32, index: usize) -> String {
    let parts = ["freight-line", invoice_id, &dedup::hex(row), &occurrence.to_string(), &index.to_string()];
    dedup::uuid(&dedup::id_of(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_one_whatever_its_number_looks_like() {
        assert_eq!(invoice_key("ups", "0000 12-A34"), invoice_key("ups", "12a34"));
        assert_ne!(invoice_id("ups", "12", "2016-01-02"), invoice_id("ups", "12", "2026-01-02"), "numbers are used again");
    }

    #[test]
    fn totals_tie_only_where_everything_was_read() {
        let amount = Amount::parse("12.50");
        let billed = amount.unwrap_or_default();
        for (told, parked, untied, ties) in
            [(amount, 0, 0, true), (None, 0, 0, false), (Amount::parse("12.51"), 0, 0, false), (amount, 1, 0, false), (amount, 0, 1, false)]
        {
            assert_eq!(InvoiceTotals::new(told, billed, 1, 1, parked, untied).ties, ties, "{told:?} {parked} {untied}");
        }
    }
}
