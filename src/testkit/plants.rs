//! Carriers' bills for generated deliveries, with faults planted in them, and what must be said about every line.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Chance;
use crate::domain::event::RawRef;
use crate::domain::finance::book::{Accounts, Book, Tolerance, Trigger};
use crate::domain::finance::facts::{ChargeFact, DeliveryFact, LineFact, MovementFact};
use crate::domain::finance::judge::LineVerdict;
use crate::domain::finance::rates::Rates;
use crate::domain::freight::{ChargeType, LineCategory, invoice_id};
use crate::domain::money::Amount;
use crate::domain::time::Micros;

/// 2 November 2026, 00:00 UTC.
pub const START: Micros = 1_793_577_600_000_000;
const DAY: Micros = 86_400_000_000;
/// Deliveries of one invoice.
const INVOICE_DELIVERIES: usize = 200;

/// What was done to a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is its name")]
pub enum Fault {
    WrongWeight,
    DoubleLine,
    BilledAgain,
    UnknownNumber,
    NoRate,
    CreditWithoutCharge,
    CreditThatNets,
    LateCorrection,
    UnexpectedAccessorial,
    UnderBilled,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::WrongWeight,
        Self::DoubleLine,
        Self::BilledAgain,
        Self::UnknownNumber,
        Self::NoRate,
        Self::CreditWithoutCharge,
        Self::CreditThatNets,
        Self::LateCorrection,
        Self::UnexpectedAccessorial,
        Self::UnderBilled,
    ];
}

/// What must be said about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its verdict.
    pub verdict: LineVerdict,
    /// Whether it is paid.
    pub accepted: bool,
    /// Words that the reason has.
    pub words: &'static str,
    /// The fault that the line belongs to.
    pub fault: Option<Fault>,
}

/// Facts about one delivery.
#[derive(Debug, Clone)]
pub struct Billed {
    /// As Odoo has it; `None` where no delivery has the number.
    pub delivery: Option<DeliveryFact>,
    /// It has moved.
    pub movement: Option<MovementFact>,
    /// What was announced.
    pub charges: Vec<ChargeFact>,
    /// What was billed.
    pub lines: Vec<LineFact>,
}

/// A run: bills in the order of their deliveries, and what is due for every line by its id.
#[derive(Debug, Clone)]
pub struct Plants {
    /// Each with its lines.
    pub bills: Vec<Billed>,
    /// By line id.
    pub due: BTreeMap<String, Due>,
    /// Faults planted, by kind.
    pub planted: BTreeMap<Fault, usize>,
}

/// A company in EUR that pays what is off by at most two percent and 2.00, and knows rates of USD.
#[must_use]
pub fn book() -> Book {
    let mut rates = Rates::default();
    for day in 0..28 {
        rates.add("USD", &crate::domain::time::day_of(START, day), Decimal::new(900 + day * 3, 3));
    }
    let tolerance = Tolerance { absolute: Some(Decimal::TWO), percent: Some(Decimal::TWO) };
    Book {
        key: "main:1".to_owned(),
        currency: "EUR".to_owned(),
        rates,
        trigger: Trigger::Moved,
        covers: vec![ChargeType::Freight, ChargeType::Fuel],
        tolerances: BTreeMap::from([((None, None), tolerance)]),
        unbilled_case_after: 30 * DAY,
        unbilled_reverse_after: 30 * DAY,
        open_from: None,
        accounts: Accounts::default(),
    }
}

/// A delivery whose freight Odoo expects to cost `cents` of EUR, and that has moved.
#[must_use]
pub fn delivery(number: usize, parcels: usize, cents: i64) -> (DeliveryFact, MovementFact) {
    let delivery_key = format!("main:1:{number}");
    let at = START + DAY * i64::try_from(number % 5).unwrap_or(0);
    let delivery = DeliveryFact {
        delivery_key: delivery_key.clone(),
        picking_name: Some(format!("WH/OUT/{number:07}")),
        origin: Some(format!("S{number:07}")),
        carrier: Some("ups".to_owned()),
        shipment_keys: (0..parcels).map(|parcel| parcel_key(number, parcel)).collect(),
        price: Some(Amount(Decimal::new(cents, 2))),
        currency: Some("EUR".to_owned()),
        weight: Some(Amount(Decimal::new(25, 1))),
        done_at: Some(at),
        void: false,
        written_at: Some(at),
    };
    let (event_id, accepted_at, moved_at) = (Some(format!("00000000-0000-8000-8000-{number:012}")), Some(at), Some(at + DAY / 2));
    (delivery, MovementFact { delivery_key, version: 2, accepted_at, moved_at, delivered_at: None, cancelled: false, event_id })
}

/// The tracking number of a parcel of a delivery.
#[must_use]
pub fn parcel_key(number: usize, parcel: usize) -> String {
    format!("1Z88W0E7{number:09}{parcel}")
}

/// A billed charge in EUR. `invoice`: its number, its date follows from it.
#[must_use]
pub fn line(line_id: String, invoice: usize, day: i64, shipment_key: &str, charge_type: ChargeType, cents: i64) -> LineFact {
    let (number, date) = (format!("W{invoice}"), crate::domain::time::day_of(START, day));
    LineFact {
        line_id,
        invoice_id: invoice_id("ups", &number, &date),
        invoice_number: number,
        invoice_date: date,
        due_date: None,
        carrier: "ups".to_owned(),
        category: LineCategory::Shipment,
        shipment_key: Some(shipment_key.to_owned()),
        references: Vec::new(),
        charge_type,
        raw_code: Some(charge_type.as_str().to_uppercase()),
        description: None,
        amount: Amount(Decimal::new(cents, 2)),
        currency: "EUR".to_owned(),
        weight_billed: Some(Amount(Decimal::new(25, 1))),
        weight_told: Some(Amount(Decimal::new(25, 1))),
        weight_unit: Some("kg".to_owned()),
        pieces: Some(1),
        raw: RawRef { topic: "raw.billing.ups".to_owned(), partition: 0, offset: 0, sha256: String::new() },
    }
}

/// At least `lines` lines with `faults` faults among them, every kind as often as every other.
#[must_use]
pub fn plant(seed: u64, lines: usize, faults: usize) -> Plants {
    let mut field = Field { chance: Chance::new(seed), lines: 0, bills: Vec::new(), due: BTreeMap::new(), planted: BTreeMap::new() };
    // A delivery has five lines or so; faults stand evenly among all of them.
    let apart = (lines / 5 / faults.max(1)).max(1);
    let mut sown = 0;
    while field.lines < lines || sown < faults {
        let number = field.bills.len();
        if number % apart == apart / 2 && sown < faults {
            let fault = Fault::ALL.get(sown % Fault::ALL.len()).copied().unwrap_or(Fault::WrongWeight);
            field.faulty(number, fault);
            *field.planted.entry(fault).or_default() += 1;
            sown += 1;
        } else {
            field.sound(number);
        }
    }
    Plants { bills: field.bills, due: field.due, planted: field.planted }
}

struct Field {
    chance: Chance,
    lines: usize,
    bills: Vec<Billed>,
    due: BTreeMap<String, Due>,
    planted: BTreeMap<Fault, usize>,
}

impl Field {
    fn cents(&mut self, from: usize, to: usize) -> i64 {
        i64::try_from(from + self.chance.below(to - from)).unwrap_or(0)
    }

    fn line(&mut self, number: usize, later: usize, key: &str, charge: ChargeType, cents: i64) -> LineFact {
        self.lines += 1;
        let invoice = number / INVOICE_DELIVERIES + later * 1_000_000;
        line(format!("{:08}", self.lines), invoice, 7 + 7 * i64::try_from(later).unwrap_or(0), key, charge, cents)
    }

    fn is_due(&mut self, line: &LineFact, verdict: LineVerdict, accepted: bool, words: &'static str, fault: Option<Fault>) {
        self.due.insert(line.line_id.clone(), Due { verdict, accepted, words, fault });
    }

    /// A delivery that is billed as it should be: by parcels on one invoice or two, a little off, with an announced surcharge.
    fn sound(&mut self, number: usize) {
        let parcels = 1 + self.chance.below(3);
        let prices: Vec<(i64, i64)> = (0..parcels).map(|_| (self.cents(800, 9_000), self.cents(100, 400))).collect();
        let billed: i64 = prices.iter().map(|(freight, fuel)| freight + fuel).sum();
        // Two percent of 9.00 are 18 cents.
        let off = if self.chance.percent(20) { self.cents(1, 17) * if self.chance.percent(50) { 1 } else { -1 } } else { 0 };
        let (delivery, movement) = delivery(number, parcels, billed + off);
        let split = parcels > 1 && self.chance.percent(30);
        let mut lines = Vec::new();
        for (parcel, (freight, fuel)) in prices.into_iter().enumerate() {
            let (later, key) = (usize::from(split && parcel > 0), parcel_key(number, parcel));
            let last = !split || parcel > 0;
            for (charge, cents) in [(ChargeType::Freight, freight), (ChargeType::Fuel, fuel)] {
                let line = self.line(number, later, &key, charge, cents);
                let verdict = if off != 0 && last { LineVerdict::WithinTolerance } else { LineVerdict::Matched };
                self.is_due(&line, verdict, true, if last { "expected" } else { "only some" }, None);
                lines.push(line);
            }
        }
        let mut charges = Vec::new();
        if self.chance.percent(20) {
            let (cents, key) = (self.cents(200, 900), parcel_key(number, 0));
            let line = self.line(number, 0, &key, ChargeType::Accessorial, cents);
            self.is_due(&line, LineVerdict::Matched, true, "expected", None);
            charges.push(ChargeFact {
                charge_id: format!("c{number}"),
                shipment_key: key,
                carrier: "ups".to_owned(),
                charge_type: ChargeType::Accessorial,
                raw_code: line.raw_code.clone(),
                amount: line.amount,
                currency: line.currency.clone(),
                corrects: false,
                told_at: START + DAY,
            });
            lines.push(line);
        }
        self.bills.push(Billed { delivery: Some(delivery), movement: Some(movement), charges, lines });
    }

    /// A delivery of one parcel with one fault in its bill.
    fn faulty(&mut self, number: usize, fault: Fault) {
        use LineVerdict::{Duplicate, Matched, OverBilled, UnderBilled, UnexpectedCharge, UnknownShipment};
        let price = self.cents(1_000, 9_000);
        let (delivery, movement) = delivery(number, 1, price);
        let (key, more) = (parcel_key(number, 0), price / 5 + self.cents(100, 500));
        let some = Some(fault);
        let mut first = self.line(number, 0, &key, ChargeType::Freight, price);
        let mut second = None;
        let matched = (Matched, true, "expected");
        let (of_first, of_second) = match fault {
            Fault::WrongWeight => {
                first.amount = Amount(Decimal::new(price + more, 2));
                first.weight_billed = Some(Amount(Decimal::new(70, 1)));
                ((OverBilled, false, "billed by 7 kg, told were 2.5 kg"), matched)
            }
            Fault::DoubleLine => {
                second = Some(self.line(number, 0, &key, ChargeType::Freight, price));
                (matched, (Duplicate, false, "twice"))
            }
            Fault::BilledAgain => {
                second = Some(self.line(number, 1, &key, ChargeType::Freight, price));
                (matched, (Duplicate, false, "billed before, on invoice"))
            }
            Fault::UnknownNumber => ((UnknownShipment, false, "no delivery has"), matched),
            Fault::NoRate => {
                "CHF".clone_into(&mut first.currency);
                ((UnexpectedCharge, false, "no exchange rate"), matched)
            }
            Fault::CreditWithoutCharge => {
                first.amount = Amount(Decimal::new(-price, 2));
                ((UnexpectedCharge, false, "never paid"), matched)
            }
            Fault::CreditThatNets => {
                first.amount = Amount(Decimal::new(price + more, 2));
                second = Some(self.line(number, 1, &key, ChargeType::Freight, -more));
                ((Matched, true, "together"), (Matched, true, "together"))
            }
            Fault::LateCorrection => {
                let mut late = self.line(number, 1, &key, ChargeType::Freight, more);
                late.category = LineCategory::Adjustment;
                second = Some(late);
                (matched, (OverBilled, false, "after it was settled"))
            }
            Fault::UnexpectedAccessorial => {
                second = Some(self.line(number, 0, &key, ChargeType::Accessorial, more));
                (matched, (UnexpectedCharge, false, "none was expected"))
            }
            Fault::UnderBilled => {
                first.amount = Amount(Decimal::new(price - more / 2, 2));
                ((UnderBilled, false, "less"), matched)
            }
        };
        self.is_due(&first, of_first.0, of_first.1, of_first.2, some);
        if let Some(second) = &second {
            self.is_due(second, of_second.0, of_second.1, of_second.2, some);
        }
        let known = fault != Fault::UnknownNumber;
        let lines = std::iter::once(first).chain(second).collect();
        let (delivery, movement) = (known.then_some(delivery), known.then_some(movement));
        self.bills.push(Billed { delivery, movement, charges: Vec::new(), lines });
    }
}
