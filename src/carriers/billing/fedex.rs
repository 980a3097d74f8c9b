//! FedEx Billing Online: a shipment in a row, with pairs of columns that bear the same two names up to fifty times.

use rust_decimal::Decimal;

use super::row::{Charge, Invoice, Row, tracking};
use super::values::{Cells, bad, currency, invoice_number, missing, weight_unit};
use crate::domain::event::Label;
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

const PAIRS_MAX: usize = 64;

/// Where the columns are.
#[derive(Debug)]
pub(super) struct Layout {
    number: usize,
    date: usize,
    net: usize,
    tracking: usize,
    prefix: Option<usize>,
    transportation: Option<usize>,
    total: Option<usize>,
    account: Option<usize>,
    currency: Option<usize>,
    payor: Option<usize>,
    services: [Option<usize>; 2],
    shipped_on: Option<usize>,
    weight: [Option<usize>; 2],
    unit: [Option<usize>; 2],
    pieces: Option<usize>,
    zone: Option<usize>,
    master: Option<usize>,
    references: [Option<usize>; 4],
    /// Words and amount of each charge.
    pairs: Vec<(usize, usize)>,
}

impl Layout {
    /// The layout of a header in lower case.
    ///
    /// # Errors
    /// `BAD_COLUMNS` names what is missing.
    pub(super) fn new(names: &[String]) -> Result<Self, Park> {
        let at = |name: &str| names.iter().position(|n| n == name);
        let need = |name: &str| at(name).ok_or_else(|| Park::new(Code::BAD_COLUMNS, format!("no column: {name}")));
        let all = |name: &str| names.iter().enumerate().filter(|(_, n)| *n == name).map(|(at, _)| at).collect::<Vec<_>>();
        let (words, amounts) = (all("tracking id charge description"), all("tracking id charge amount"));
        if words.len() != amounts.len() || words.len() > PAIRS_MAX {
            return Err(Park::new(Code::BAD_COLUMNS, "the columns of charges are not in pairs"));
        }
        Ok(Self {
            number: need("invoice number")?,
            date: need("invoice date")?,
            net: need("net charge amount")?,
            tracking: need("express or ground tracking id")?,
            prefix: at("ground tracking id prefix"),
            transportation: at("transportation charge amount"),
            total: at("original amount due"),
            account: at("bill to account number"),
            currency: ["currency", "invoice currency", "currency code", "billing currency", "invoice currency code"]
                .into_iter()
                .find_map(at),
            payor: at("payor"),
            services: [at("service type"), at("ground service")],
            shipped_on: at("shipment date"),
            weight: [at("rated weight amount"), at("actual weight amount")],
            unit: [at("rated weight units"), at("actual weight units")],
            pieces: at("number of pieces"),
            zone: at("zone code"),
            master: at("tdmastertrackingid"),
            references: [
                at("original customer reference"),
                at("original ref#2"),
                at("original ref#3/po number"),
                at("original department reference description"),
            ],
            pairs: words.into_iter().zip(amounts).collect(),
        })
    }

    /// Reads a row. The net charge is checked against the charges that it is made of.
    pub(super) fn read(&self, cells: &Cells<'_>, account_currency: Option<&str>) -> Result<Row, Park> {
        let net = cells.amount(self.net, "net charge amount")?.ok_or_else(|| missing("net charge amount"))?;
        let invoice = self.invoice(cells, account_currency)?;
        let base = self.base(cells)?;
        let mut charges = Vec::new();
        if let Some(amount) = amount(cells, self.transportation, "transportation charge amount")? {
            let description = Some("Transportation Charge".to_owned());
            charges.push(Charge { kind: ChargeType::Freight, description, amount, ..base.clone() });
        }
        for (words, at) in &self.pairs {
            let Some(amount) = amount(cells, Some(*at), "tracking id charge amount")? else { continue };
            let description = cells.owned(*words);
            let kind = description.as_deref().map_or(ChargeType::Other, charge_type);
            charges.push(Charge { kind, description, amount, ..base.clone() });
        }
        if charges.is_empty() && !net.0.is_zero() {
            // A row without a breakdown: credits and fees of the account.
            charges.push(Charge { amount: net, ..base });
        }
        let sum = charges.iter().map(|c| c.amount.0).try_fold(Decimal::ZERO, Decimal::checked_add);
        Ok(Row { invoice, charges, untied: sum != Some(net.0) })
    }

    /// What all charges of a row have in common.
    fn base(&self, cells: &Cells<'_>) -> Result<Charge, Park> {
        let text = |at: Option<usize>| at.and_then(|at| cells.owned(at));
        let tracking_number = tracking(cells.number(self.tracking, "express or ground tracking id")?)?;
        let category = if tracking_number.is_some() { LineCategory::Shipment } else { LineCategory::Account };
        let mut references: Vec<String> = self.references.iter().filter_map(|at| text(*at)).collect();
        if let (Some(prefix), Some(number)) = (text(self.prefix), &tracking_number) {
            // How the number stands on the label of FedEx Ground.
            references.push(format!("{prefix}{number}"));
        }
        let [rated, actual] = self.weight.map(|at| at.and_then(|at| cells.amount_if_read(at)));
        let [rated_unit, actual_unit] = self.unit.map(text);
        let unit = if rated.is_some() { &rated_unit } else { &actual_unit };
        let weight_unit = unit.as_deref().map(weight_unit);
        Ok(Charge {
            tracking_number,
            lead_number: text(self.master),
            references,
            service: self.services.iter().find_map(|at| text(*at)),
            zone: text(self.zone),
            shipped_on: self.shipped_on.and_then(|at| cells.date_if_read(at)),
            weight_billed: rated,
            weight_told: actual.filter(|_| rated.is_none() || rated_unit == actual_unit),
            weight_unit,
            pieces: text(self.pieces).and_then(|t| t.parse().ok()),
            ..Charge::new(category, ChargeType::Other, Amount::default())
        })
    }

    fn invoice(&self, cells: &Cells<'_>, account_currency: Option<&str>) -> Result<Invoice, Park> {
        let told = self.currency.and_then(|at| cells.owned(at));
        let money = told.as_deref().or(account_currency).ok_or_else(|| missing("currency"))?;
        Ok(Invoice {
            carrier: Label::Borrowed("fedex"),
            number: invoice_number(cells.number(self.number, "invoice number")?)?,
            date: cells.date(self.date, "invoice date")?.ok_or_else(|| missing("invoice date"))?,
            currency: currency(money).ok_or_else(|| bad("currency"))?,
            due_date: None,
            account: self.account.and_then(|at| cells.owned(at)),
            payment_terms: self.payor.and_then(|at| cells.owned(at)),
            told: self.total.map(|at| cells.amount(at, "original amount due")).transpose()?.flatten(),
        })
    }
}

/// A charge of nothing is a column that this shipment does not use.
fn amount(cells: &Cells<'_>, at: Option<usize>, name: &str) -> Result<Option<Amount>, Park> {
    Ok(at.map(|at| cells.amount(at, name)).transpose()?.flatten().filter(|a| !a.0.is_zero()))
}

/// FedEx sends words instead of codes. Only those that are known word for word get a meaning.
fn charge_type(words: &str) -> ChargeType {
    match words.to_ascii_lowercase().as_str() {
        "fuel surcharge" => ChargeType::Fuel,
        "discount"
        | "earned discount"
        | "performance pricing"
        | "automation discount"
        | "bonus discount"
        | "grace discount"
        | "volume discount"
        | "multiweight discount" => ChargeType::Discount,
        "residential"
        | "residential delivery"
        | "residential surcharge"
        | "delivery area surcharge"
        | "address correction"
        | "additional handling"
        | "additional handling surcharge"
        | "oversize"
        | "oversize charge"
        | "declared value"
        | "declared value charge"
        | "direct signature"
        | "indirect signature"
        | "adult signature"
        | "saturday delivery"
        | "saturday pickup"
        | "weekly service charge"
        | "call tag"
        | "out of delivery area"
        | "out of pickup area" => ChargeType::Accessorial,
        "clearance entry fee" | "disbursement fee" | "advancement fee" | "brokerage fee" | "ancillary clearance service fee" => {
            ChargeType::Brokerage
        }
        "duty" | "customs duty" | "original vat" | "customs vat" | "customs gst" => ChargeType::DutyTax,
        "vat" | "gst" | "hst" | "pst" | "qst" => ChargeType::Tax,
        _ => ChargeType::Other,
    }
}
