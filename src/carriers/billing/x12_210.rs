//! Transaction set 210: one freight invoice, with amounts whose last two digits stand behind a point that is not written.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::row::{Charge, Invoice, Row};
use super::values::{bad, currency, date, decimal, invoice_number, missing, weight_unit};
use crate::carriers::edi::{self, Segment, x12};
use crate::carriers::event::believable;
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

const REFERENCES_MAX: usize = 32;
/// Most charges of one invoice.
const CHARGES_MAX: usize = 5_000;

type Text<'a> = Option<Cow<'a, str>>;

/// What is gathered of a set.
#[derive(Debug, Default)]
struct Set<'a> {
    head: Option<Segment<'a>>,
    currency: Text<'a>,
    /// N9 or L11: the carrier's own numbers, best first.
    numbers: [Text<'a>; 2],
    references: Vec<String>,
    account: Text<'a>,
    shipped_on: Option<String>,
    /// Words of the line whose charges follow.
    words: Text<'a>,
    lines: Vec<Line<'a>>,
    total: Text<'a>,
    weight: Text<'a>,
    weight_unit: Text<'a>,
}

#[derive(Debug)]
struct Line<'a> {
    charge: Segment<'a>,
    words: Text<'a>,
}

/// Reads one set in its envelope; `None` for a set of another kind.
pub(super) fn read(bytes: &[u8], account_currency: Option<&str>) -> Result<Option<Row>, Park> {
    let mut set = Set::default();
    let mut is_invoice = false;
    for segment in x12::segments(bytes) {
        let segment = segment.map_err(|broken| Park::new(Code::MALFORMED, broken.to_string()))?;
        match &segment.tag() {
            b"ST " => is_invoice = segment.element(1).is_some_and(|id| id == "210"),
            _ if is_invoice => set.gather(segment)?,
            _ => {}
        }
    }
    let Some(head) = set.head else { return if is_invoice { Err(missing("B3")) } else { Ok(None) } };
    let told = amount(head.element(7), "B3 07")?;
    let total = amount(set.total.clone(), "L3 05")?;
    let invoice = Invoice { told: told.or(total), ..set.invoice(&head, account_currency)? };
    let charges = set.charges(&head)?;
    let sum = charges.iter().map(|c| c.amount.0).try_fold(Decimal::ZERO, Decimal::checked_add);
    // Net amount, the sum of the lines and the total of the set are one number told three times.
    let untied = [told, total].iter().flatten().any(|t| Some(t.0) != sum);
    Ok(Some(Row { invoice, charges, untied }))
}

impl<'a> Set<'a> {
    fn gather(&mut self, segment: Segment<'a>) -> Result<(), Park> {
        match &segment.tag() {
            b"B3 " => self.head = Some(segment),
            b"C3 " => self.currency = segment.element(1),
            b"N9 " => self.reference(segment.element(1), segment.element(2)),
            b"L11" => self.reference(segment.element(2), segment.element(1)),
            b"N1 " if segment.element(1).is_some_and(|who| who == "BT") => self.account = segment.element(4),
            b"G62" if matches!(segment.element(1).as_deref(), Some("86" | "11")) => {
                self.shipped_on = segment.element(2).and_then(|day| date(&day, false));
            }
            b"LX " => self.words = None,
            b"L5 " => self.words = self.words.take().or_else(|| segment.element(2)),
            b"L1 " if self.lines.len() >= CHARGES_MAX => {
                return Err(Park::new(Code::TOO_MANY, format!("more than {CHARGES_MAX} charges in one invoice")));
            }
            b"L1 " => self.lines.push(Line { charge: segment, words: self.words.clone() }),
            b"L3 " => {
                self.weight = segment.element(1);
                self.weight_unit = segment.element(11);
                self.total = segment.element(5);
            }
            _ => {}
        }
        Ok(())
    }

    fn reference(&mut self, qualifier: Text<'a>, number: Text<'a>) {
        let Some(number) = number.filter(|n| n.len() <= edi::TEXT_BYTES_MAX) else { return };
        let best = match qualifier.as_deref() {
            Some("2I") => self.numbers.first_mut(),
            Some("CN") => self.numbers.last_mut(),
            _ => None,
        };
        if let Some(best) = best {
            *best = best.take().or(Some(number));
        } else if self.references.len() < REFERENCES_MAX && !self.references.iter().any(|known| *known == number) {
            self.references.push(number.into_owned());
        }
    }

    fn invoice(&self, head: &Segment<'_>, account_currency: Option<&str>) -> Result<Invoice, Park> {
        let money = self.currency.as_deref().or(account_currency).ok_or_else(|| missing("currency (C3)"))?;
        let day = head.element(6).ok_or_else(|| missing("B3 06"))?;
        let scac = head.element(11).ok_or_else(|| missing("B3 11"))?;
        Ok(Invoice {
            carrier: edi::carrier(&scac).ok_or_else(|| bad("B3 11"))?,
            number: invoice_number(head.element(2).map(Cow::into_owned))?,
            date: date(&day, false).ok_or_else(|| bad("B3 06"))?,
            currency: currency(money).ok_or_else(|| bad("currency (C3)"))?,
            due_date: None,
            account: self.account.as_deref().map(str::to_owned),
            payment_terms: head.element(4).map(Cow::into_owned),
            told: None,
        })
    }

    fn charges(&self, head: &Segment<'_>) -> Result<Vec<Charge>, Park> {
        // The carrier's own number: where no reference tells it, freight carriers number the invoice like the shipment (PRO).
        let number = self.numbers.iter().flatten().cloned().chain(head.element(2)).find(|n| believable(n).is_some());
        let corrected = head.element(8).is_some();
        let mut references: Vec<String> = head.element(3).map(Cow::into_owned).into_iter().collect();
        references.extend(self.references.iter().filter(|r| head.element(3).as_deref() != Some(r)).cloned());
        let category = if corrected { LineCategory::Adjustment } else { LineCategory::Shipment };
        let mut charges = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let Some(amount) = amount(line.charge.element(4), "L1 04")? else { continue };
            let code = line.charge.element(8);
            charges.push(Charge {
                tracking_number: number.as_deref().map(str::to_owned),
                references: references.clone(),
                raw_class: head.element(8).map(Cow::into_owned),
                raw_code: code.as_deref().map(str::to_owned),
                description: line.charge.element(12).or_else(|| line.words.clone()).map(Cow::into_owned),
                shipped_on: self.shipped_on.clone(),
                weight_billed: self.weight.as_deref().and_then(|w| decimal(w, false)),
                weight_unit: self.weight_unit.as_deref().map(weight_unit),
                ..Charge::new(category, charge_type(code.as_deref()), amount)
            });
        }
        Ok(charges)
    }
}

/// An amount of type N2: the last two digits stand behind the point. Some senders write the point.
pub(in crate::carriers) fn amount(text: Option<Cow<'_, str>>, name: &str) -> Result<Option<Amount>, Park> {
    let Some(text) = text else { return Ok(None) };
    if text.contains('.') {
        return decimal(&text, false).map(Some).ok_or_else(|| bad(name));
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.is_empty() || digits.len() > 17 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(name));
    }
    let cents: i64 = text.parse().map_err(|_| bad(name))?;
    Ok(Some(Amount(Decimal::new(cents, 2).normalize())))
}

/// L1 08, special charge or allowance code; a line without one is carriage.
fn charge_type(code: Option<&str>) -> ChargeType {
    match code {
        None | Some("400" | "FRT") => ChargeType::Freight,
        Some("405" | "FUE" | "FSC") => ChargeType::Fuel,
        Some("DSC") => ChargeType::Discount,
        Some(_) => ChargeType::Other,
    }
}
