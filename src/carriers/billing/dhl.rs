//! DHL Express invoices: rows of type I (an invoice) and S (a shipment), charges in blocks XC1 to XC9.
//! Columns differ by country and year, so each is found by its name.

use super::row::{Charge, Invoice, Row, tracking};
use super::values::{Cells, bad, currency, invoice_number, missing};
use crate::domain::event::Label;
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

const BLOCKS: usize = 9;

/// Where the columns are.
#[derive(Debug)]
pub(super) struct Layout {
    line_type: usize,
    number: usize,
    date: usize,
    currency: usize,
    shipment: usize,
    total: Option<usize>,
    due_date: Option<usize>,
    account: Option<usize>,
    terms: Option<usize>,
    shipped_on: Option<usize>,
    references: [Option<usize>; 3],
    product: Option<usize>,
    pieces: Option<usize>,
    weight: Option<usize>,
    weight_told: Option<usize>,
    weight_charge: Option<usize>,
    weight_tax: Option<usize>,
    invoice_fee: Option<usize>,
    shipment_total: Option<usize>,
    others: Vec<Named>,
    discounts: Vec<Named>,
    blocks: Vec<Block>,
}

/// Words and amount.
#[derive(Debug, Clone, Copy)]
struct Named {
    name: usize,
    amount: usize,
}

/// One block of an extra charge.
#[derive(Debug)]
struct Block {
    code: usize,
    name: Option<usize>,
    charge: usize,
    tax: Option<usize>,
    discount: Option<usize>,
    total: Option<usize>,
}

impl Layout {
    /// The layout of a header in lower case.
    ///
    /// # Errors
    /// `BAD_COLUMNS` names what is missing.
    pub(super) fn new(names: &[String]) -> Result<Self, Park> {
        let at = |name: &str| names.iter().position(|n| n == name);
        let need = |name: &str| at(name).ok_or_else(|| Park::new(Code::BAD_COLUMNS, format!("no column: {name}")));
        let named = |kind: &str, count: usize| -> Vec<Named> {
            (1..=count)
                .filter_map(|n| Some(Named { name: at(&format!("{kind} {n}"))?, amount: at(&format!("{kind} {n} amount"))? }))
                .collect()
        };
        let blocks = (1..=BLOCKS).filter_map(|n| {
            let of = |what: &str| at(&format!("xc{n} {what}"));
            let (code, charge) = (of("code")?, of("charge")?);
            Some(Block { code, name: of("name"), charge, tax: of("tax"), discount: of("discount"), total: of("total") })
        });
        Ok(Self {
            line_type: need("line type")?,
            number: need("invoice number")?,
            date: need("invoice date")?,
            currency: need("currency")?,
            shipment: need("shipment number")?,
            total: at("total amount (incl. vat)").or_else(|| at("total amount")),
            due_date: at("due date"),
            account: at("billing account"),
            terms: at("payment terms"),
            shipped_on: at("shipment date"),
            references: [at("shipment reference 1"), at("shipment reference 2"), at("shipment reference 3")],
            product: at("product name").or_else(|| at("product")),
            pieces: at("pieces"),
            weight: at("weight (kg)"),
            weight_told: at("cust scale weight (kg)"),
            weight_charge: at("weight charge"),
            weight_tax: at("weight tax (vat)"),
            invoice_fee: at("invoice fee"),
            shipment_total: at("total charge"),
            others: named("other charges", 2),
            discounts: named("discount", 3),
            blocks: blocks.collect(),
        })
    }

    /// Reads a row. Rows of type I tell the invoice's total; of amounts they have only the fee for the invoice itself.
    pub(super) fn read(&self, cells: &Cells<'_>) -> Result<Row, Park> {
        let line_type = cells.text(self.line_type).ok_or_else(|| missing("line type"))?;
        let mut invoice = self.invoice(cells)?;
        if line_type.eq_ignore_ascii_case("I") {
            invoice.told = money(cells, self.total, "total amount")?;
            let fee = money(cells, self.invoice_fee, "invoice fee")?.filter(|a| !a.0.is_zero());
            let fee = fee.map(|amount| {
                let description = Some("Invoice Fee".to_owned());
                Charge { description, ..Charge::new(LineCategory::Account, ChargeType::Accessorial, amount) }
            });
            return Ok(Row { invoice, charges: fee.into_iter().collect(), untied: false });
        }
        let charges = self.charges(cells)?;
        Ok(Row { invoice, charges, untied: false })
    }

    fn invoice(&self, cells: &Cells<'_>) -> Result<Invoice, Park> {
        let told = cells.text(self.currency).ok_or_else(|| missing("currency"))?;
        Ok(Invoice {
            carrier: Label::Borrowed("dhl_express"),
            number: invoice_number(cells.number(self.number, "invoice number")?)?,
            date: cells.date(self.date, "invoice date")?.ok_or_else(|| missing("invoice date"))?,
            currency: currency(&told).ok_or_else(|| bad("currency"))?,
            due_date: self.due_date.and_then(|at| cells.date_if_read(at)),
            account: self.account.and_then(|at| cells.owned(at)),
            payment_terms: self.terms.and_then(|at| cells.owned(at)),
            told: None,
        })
    }

    fn charges(&self, cells: &Cells<'_>) -> Result<Vec<Charge>, Park> {
        let base = self.base(cells)?;
        let mut charges = Vec::new();
        // A shipment of duties and taxes alone has a weight charge of nothing.
        if let Some(amount) = money(cells, self.weight_charge, "weight charge")?.filter(|a| !a.0.is_zero()) {
            let tax = money(cells, self.weight_tax, "weight tax")?;
            charges.push(Charge { kind: ChargeType::Freight, amount, tax, description: Some("Weight Charge".to_owned()), ..base.clone() });
        }
        for other in &self.others {
            let Some(amount) = money(cells, Some(other.amount), "other charges")?.filter(|a| !a.0.is_zero()) else { continue };
            charges.push(Charge { amount, description: cells.owned(other.name), ..base.clone() });
        }
        for block in &self.blocks {
            charges.extend(block.read(cells, &base)?);
        }
        self.discount(cells, &base, &mut charges)?;
        Ok(charges)
    }

    /// Discounts are charges of their own, unless the shipment's own total says that the charges have them inside.
    fn discount(&self, cells: &Cells<'_>, base: &Charge, charges: &mut Vec<Charge>) -> Result<(), Park> {
        let mut discounts = Vec::new();
        for discount in &self.discounts {
            let Some(amount) = money(cells, Some(discount.amount), "discount")?.filter(|a| !a.0.is_zero()) else { continue };
            let amount = Amount(-amount.0.abs());
            discounts.push(Charge { kind: ChargeType::Discount, amount, description: cells.owned(discount.name), ..base.clone() });
        }
        let total = money(cells, self.shipment_total, "total charge")?;
        let sum = charges.iter().map(|c| c.amount.0).try_fold(rust_decimal::Decimal::ZERO, rust_decimal::Decimal::checked_add);
        if total.is_none() || total.map(|t| t.0) != sum {
            charges.append(&mut discounts);
        }
        Ok(())
    }

    fn base(&self, cells: &Cells<'_>) -> Result<Charge, Park> {
        let text = |at: Option<usize>| at.and_then(|at| cells.owned(at));
        let tracking_number = tracking(cells.number(self.shipment, "shipment number")?)?;
        let category = if tracking_number.is_some() { LineCategory::Shipment } else { LineCategory::Account };
        let weight_billed = self.weight.and_then(|at| cells.amount_if_read(at));
        let weight_told = self.weight_told.and_then(|at| cells.amount_if_read(at));
        Ok(Charge {
            tracking_number,
            references: self.references.iter().filter_map(|at| text(*at)).collect(),
            service: text(self.product),
            shipped_on: self.shipped_on.and_then(|at| cells.date_if_read(at)),
            weight_billed,
            weight_told,
            weight_unit: weight_billed.or(weight_told).map(|_| "kg".to_owned()),
            pieces: text(self.pieces).and_then(|t| t.parse().ok()),
            ..Charge::new(category, ChargeType::Other, Amount::default())
        })
    }
}

impl Block {
    /// The charge of the block; `None` where it is not used. What the block itself says is to be paid counts before what its parts come to.
    fn read(&self, cells: &Cells<'_>, base: &Charge) -> Result<Option<Charge>, Park> {
        let charge = money(cells, Some(self.charge), "xc charge")?;
        let tax = money(cells, self.tax, "xc tax")?;
        let discount = money(cells, self.discount, "xc discount")?.filter(|a| !a.0.is_zero());
        let total = money(cells, self.total, "xc total")?;
        let amount = match (charge, total) {
            (None, None) => return Ok(None),
            (_, Some(total)) => total.0.checked_sub(tax.unwrap_or_default().0),
            (Some(charge), None) => charge.0.checked_sub(discount.unwrap_or_default().0.abs()),
        };
        let amount = Amount(amount.ok_or_else(|| bad("xc total"))?.normalize());
        if amount.0.is_zero() && tax.is_none_or(|t| t.0.is_zero()) {
            return Ok(None);
        }
        let raw_code = cells.owned(self.code);
        Ok(Some(Charge {
            kind: raw_code.as_deref().map_or(ChargeType::Other, charge_type),
            amount,
            tax,
            discount,
            raw_class: Some("XC".to_owned()),
            description: self.name.and_then(|at| cells.owned(at)),
            raw_code,
            ..base.clone()
        }))
    }
}

fn money(cells: &Cells<'_>, at: Option<usize>, name: &str) -> Result<Option<Amount>, Park> {
    Ok(at.map(|at| cells.amount(at, name)).transpose()?.flatten())
}

fn charge_type(code: &str) -> ChargeType {
    match code.to_ascii_uppercase().as_str() {
        "FF" => ChargeType::Fuel,
        "XB" | "XX" => ChargeType::DutyTax,
        "WC" => ChargeType::Brokerage,
        "CA" => ChargeType::Accessorial,
        _ => ChargeType::Other,
    }
}
