//! UPS billing data: no header, a charge in a row. Columns that are empty at the end of a row may be missing.
//! Columns are counted from 0, in the order of UPS's own dictionary of 250.

use super::row::{Charge, Invoice, Row, tracking};
use super::values::{Cells, bad, currency, invoice_number, missing, weight_unit};
use crate::domain::event::Label;
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::verdict::{Code, Park};

const ACCOUNT: usize = 2;
const INVOICE_DATE: usize = 4;
const INVOICE_NUMBER: usize = 5;
const INVOICE_CURRENCY: usize = 9;
const INVOICE_AMOUNT: usize = 10;
const TRANSACTION_DATE: usize = 11;
const LEAD_SHIPMENT: usize = 13;
const SHIPMENT_REFERENCES: std::ops::Range<usize> = 15..17;
const BILL_OPTION: usize = 17;
const PACKAGES: usize = 18;
const TRACKING_NUMBER: usize = 20;
const PACKAGE_REFERENCES: std::ops::Range<usize> = 21..26;
const ENTERED_WEIGHT: usize = 26;
const ENTERED_UNIT: usize = 27;
const BILLED_WEIGHT: usize = 28;
const BILLED_UNIT: usize = 29;
const ZONE: usize = 33;
const CATEGORY: usize = 34;
const CLASS: usize = 43;
const CODE: usize = 44;
const DESCRIPTION: usize = 45;
const TRANSACTION_CURRENCY: usize = 50;
const INCENTIVE: usize = 51;
const NET: usize = 52;
const DUE_DATE: usize = 62;

/// Reads a row; `None` for one that bills nothing: a header that somebody has put there, a mirror for information.
pub(super) fn read(cells: &Cells<'_>) -> Result<Option<Row>, Park> {
    if cells.text(INVOICE_NUMBER).is_some_and(|t| t.eq_ignore_ascii_case("invoice number")) {
        return Ok(None);
    }
    if cells.len() <= NET {
        return Err(Park::new(Code::BAD_COLUMNS, format!("{} columns, the net amount is number {}", cells.len(), NET + 1)));
    }
    let amount = cells.amount(NET, "net amount")?.ok_or_else(|| missing("net amount"))?;
    let class = cells.owned(CLASS);
    // A row of class INF mirrors a charge and is always nothing; one that is not is no mirror.
    if class.as_deref() == Some("INF") && amount.0.is_zero() {
        return Ok(None);
    }
    let invoice = invoice(cells)?;
    let tracking_number = tracking(cells.number(TRACKING_NUMBER, "tracking number")?)?;
    let told = cells.text(TRANSACTION_CURRENCY).map(|told| currency(&told).ok_or_else(|| bad("transaction currency"))).transpose()?;
    let other_currency = told.filter(|told| *told != invoice.currency);
    let category = category(cells.text(CATEGORY).as_deref(), class.as_deref(), tracking_number.is_some());
    let weight_billed = cells.amount_if_read(BILLED_WEIGHT);
    let unit = cells.text(if weight_billed.is_some() { BILLED_UNIT } else { ENTERED_UNIT });
    let mut references: Vec<String> = SHIPMENT_REFERENCES.chain(PACKAGE_REFERENCES).filter_map(|at| cells.owned(at)).collect();
    references.dedup();
    let charge = Charge {
        tracking_number,
        lead_number: cells.owned(LEAD_SHIPMENT),
        references,
        raw_code: cells.owned(CODE),
        description: cells.owned(DESCRIPTION),
        discount: cells.amount_if_read(INCENTIVE).filter(|a| !a.0.is_zero()),
        zone: cells.owned(ZONE),
        shipped_on: cells.date_if_read(TRANSACTION_DATE),
        weight_billed,
        weight_told: cells.amount_if_read(ENTERED_WEIGHT).filter(|_| {
            // One unit stands for both weights of the record.
            weight_billed.is_none() || cells.text(ENTERED_UNIT) == cells.text(BILLED_UNIT)
        }),
        weight_unit: unit.map(|unit| weight_unit(&unit)),
        pieces: cells.text(PACKAGES).and_then(|t| t.parse().ok()),
        ..Charge::new(category, charge_type(class.as_deref()), amount)
    };
    let untied = other_currency.is_some();
    Ok(Some(Row { invoice, charges: vec![Charge { raw_class: class, currency: other_currency, ..charge }], untied }))
}

fn invoice(cells: &Cells<'_>) -> Result<Invoice, Park> {
    let told = cells.text(INVOICE_CURRENCY).ok_or_else(|| missing("invoice currency"))?;
    Ok(Invoice {
        carrier: Label::Borrowed("ups"),
        number: invoice_number(cells.number(INVOICE_NUMBER, "invoice number")?)?,
        date: cells.date(INVOICE_DATE, "invoice date")?.ok_or_else(|| missing("invoice date"))?,
        currency: currency(&told).ok_or_else(|| bad("invoice currency"))?,
        due_date: cells.date_if_read(DUE_DATE),
        account: cells.owned(ACCOUNT),
        payment_terms: cells.owned(BILL_OPTION),
        told: cells.amount(INVOICE_AMOUNT, "invoice amount")?,
    })
}

/// A charge of class MSC is an adjustment of the account even where it bears a tracking number.
fn category(category: Option<&str>, class: Option<&str>, has_number: bool) -> LineCategory {
    match (category, class, has_number) {
        (_, Some("MSC"), _) | (_, _, false) => LineCategory::Account,
        (Some("SHP"), ..) => LineCategory::Shipment,
        (Some("ADJ"), ..) => LineCategory::Adjustment,
        (Some("RTN"), ..) => LineCategory::Return,
        _ => LineCategory::Other,
    }
}

fn charge_type(class: Option<&str>) -> ChargeType {
    match class {
        Some("FRT") => ChargeType::Freight,
        Some("FSC") => ChargeType::Fuel,
        Some("ACC") => ChargeType::Accessorial,
        Some("BRK") => ChargeType::Brokerage,
        Some("GOV") => ChargeType::DutyTax,
        Some("TAX") => ChargeType::Tax,
        Some("MSC") => ChargeType::Adjustment,
        _ => ChargeType::Other,
    }
}
