//! What a carrier bills for the parcels of a run: right, too much, too little, twice, late, under wrong numbers, and for the account.
//!
//! Every invoice goes in row by row with its end behind it, as a file is sent; a part of them comes again, cut or whole.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::Chance;
use super::generator::{Run, number};
use super::life::RawRecord;
use super::odoo_life::Picking;
use crate::carriers::billing::{Format, Pieces, piece_headers};
use crate::domain::finance::judge::LineVerdict;

/// Where the invoices go, without prefix.
const TOPIC: &str = "raw.carrier.ups-billing";
/// Shipments on one invoice.
const SHIPMENTS: usize = 15;
/// Dates of the two invoices that a shipment may be on.
const DATES: [&str; 2] = ["2026-11-14", "2026-11-21"];

/// What was billed and what must come of it, for books in EUR that owe from the first scan on, cover freight and fuel with the price of
/// the delivery and tolerate half a unit.
#[derive(Debug, Clone, Default)]
pub struct Freight {
    /// Every line, once.
    pub lines: Vec<BilledLine>,
    /// What stays accrued of billed deliveries that have moved, by picking; of the others it is the price.
    pub rest: BTreeMap<i64, Decimal>,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct BilledLine {
    /// Number of the invoice.
    pub invoice: String,
    /// Tracking number in key form; `None` for the account as a whole.
    pub shipment_key: Option<String>,
    /// The carrier's code of the charge.
    pub code: &'static str,
    /// In EUR.
    pub amount: Decimal,
    /// The verdict in the end.
    pub verdict: LineVerdict,
    /// Whether it is paid in the end.
    pub accepted: bool,
}

/// A line before it stands on an invoice.
struct Row {
    line: BilledLine,
    class: &'static str,
    reference: String,
}

/// Rows of one shipment for each of the two dates.
type Bill = [Vec<Row>; 2];

fn row(number: &str, class: &'static str, amount: Decimal, verdict: LineVerdict, accepted: bool) -> Row {
    let code = match class {
        "FRT" => "003",
        "FSC" => "FSC",
        "ACC" => "RES",
        _ => "WSC",
    };
    let shipment_key = Some(number.to_owned()).filter(|n| !n.is_empty());
    let line = BilledLine { invoice: String::new(), shipment_key, code, amount, verdict, accepted };
    Row { line, class, reference: String::new() }
}

/// Freight for all parcels of a delivery that comes to `total`.
fn freight(numbers: &[String], total: Decimal, verdict: LineVerdict, accepted: bool) -> Vec<Row> {
    match numbers {
        [first, second, ..] => {
            let half = half(total);
            vec![row(first, "FRT", half, verdict, accepted), row(second, "FRT", total - half, verdict, accepted)]
        }
        [first] => vec![row(first, "FRT", total - Decimal::ONE, verdict, accepted), row(first, "FSC", Decimal::ONE, verdict, accepted)],
        [] => Vec::new(),
    }
}

fn half(total: Decimal) -> Decimal {
    (total / Decimal::TWO).round_dp(2)
}

/// The bill of a delivery, and what stays accrued of it.
fn bill_of(chance: &mut Chance, picking: &Picking, mistyped: &str) -> (Bill, Decimal) {
    use LineVerdict as V;
    let (numbers, price) = (&picking.parcels, picking.price);
    let first = numbers.first().map_or("", String::as_str);
    if price.is_zero() {
        return ([freight(numbers, Decimal::TEN, V::UnexpectedCharge, false), Vec::new()], price);
    }
    let all = |by: Decimal, verdict, accepted| freight(numbers, price + by, verdict, accepted);
    let right = || all(Decimal::ZERO, V::Matched, true);
    let five = Decimal::from(5);
    match (chance.below(12), numbers.as_slice()) {
        (0, _) => ([all(Decimal::new(30, 2), V::WithinTolerance, true), Vec::new()], Decimal::ZERO),
        (1, _) => ([all(five, V::OverBilled, false), Vec::new()], price),
        (2, _) => ([all(-Decimal::TWO, V::UnderBilled, false), Vec::new()], price),
        (3, _) => ([right(), all(Decimal::ZERO, V::Duplicate, false)], Decimal::ZERO),
        (4, _) => {
            let mut rows = right();
            rows.push(row(first, "ACC", Decimal::new(355, 2), V::UnexpectedCharge, false));
            ([rows, Vec::new()], Decimal::ZERO)
        }
        (5, _) => ([right(), vec![row(first, "FRT", -Decimal::ONE, V::Matched, true)]], Decimal::ZERO),
        (6, _) => ([all(five, V::Matched, true), vec![row(first, "FRT", -five, V::Matched, true)]], Decimal::ZERO),
        (7, _) => {
            // The first of all rows stands there twice.
            let mut rows = right();
            let again = rows.first().map(|r| r.line.amount);
            rows.extend(again.map(|amount| row(first, "FRT", amount, V::Duplicate, false)));
            ([rows, Vec::new()], Decimal::ZERO)
        }
        (8 | 9, [one, other]) => {
            let (part, rest) = (half(price), price - half(price));
            let second = vec![row(other, "FRT", rest, V::Matched, true)];
            let late = chance.percent(50);
            let open = if late { rest } else { Decimal::ZERO };
            ([vec![row(one, "FRT", part, V::Matched, true)], if late { Vec::new() } else { second }], open)
        }
        (8, [_]) => {
            let mut rows = freight(&[mistyped.to_owned()], price, V::Matched, true);
            for row in &mut rows {
                row.reference.clone_from(&picking.name());
            }
            ([rows, Vec::new()], Decimal::ZERO)
        }
        _ => ([right(), Vec::new()], Decimal::ZERO),
    }
}

/// Adds the invoices for a part of the run's UPS parcels, at any time before or after the deliveries become known.
#[must_use]
pub fn bill(mut run: Run, seed: u64) -> Run {
    let mut chance = Chance::new(seed ^ 0x6269_6c6c);
    let mut shipments: [Vec<Vec<Row>>; 2] = Default::default();
    let mut loose: BTreeSet<&str> = run.parcels.iter().filter(|p| p.carrier == "ups").map(|p| p.key.as_str()).collect();
    for picking in &run.pickings {
        let ours = picking.parcels.iter().filter(|number| loose.remove(number.as_str())).count() == picking.parcels.len();
        if ours && chance.percent(80) {
            let (bill, rest) = bill_of(&mut chance, picking, &format!("1Z999AA3{:010}", picking.id));
            run.freight.rest.insert(picking.id, rest);
            for (wave, rows) in shipments.iter_mut().zip(bill) {
                wave.extend(Some(rows).filter(|rows| !rows.is_empty()));
            }
        }
    }
    // Another carrier has the delivery's other parcel: that is no loose one.
    let known: BTreeSet<&str> = run.pickings.iter().flat_map(|p| &p.parcels).map(String::as_str).collect();
    let [first, _] = &mut shipments;
    for number in loose.into_iter().filter(|number| !known.contains(number) && chance.percent(50)) {
        first.push(vec![row(number, "FRT", Decimal::new(777, 2), LineVerdict::UnknownShipment, false)]);
        first.push(vec![row("", "MSC", Decimal::new(1_250, 2), LineVerdict::AccountCharge, false)]);
    }
    let mut told: Vec<(usize, RawRecord)> = Vec::new();
    for (wave, (mut shipments, date)) in shipments.into_iter().zip(DATES).enumerate() {
        let mut serial = 0;
        while !shipments.is_empty() {
            let rows: Vec<Row> = shipments.drain(..shipments.len().min(SHIPMENTS)).flatten().collect();
            let invoice = format!("W{wave}{serial:05}");
            serial += 1;
            tell(&mut chance, run.records.len(), &invoice, &text(&invoice, date, &rows), &mut told);
            run.freight.lines.extend(rows.into_iter().map(|row| BilledLine { invoice: invoice.clone(), ..row.line }));
        }
    }
    mix(&mut run, told);
    run
}

/// The file of one invoice.
fn text(invoice: &str, date: &str, rows: &[Row]) -> String {
    let total: Decimal = rows.iter().map(|row| row.line.amount).sum();
    let mut text = String::new();
    for Row { line, class, reference } in rows {
        let category = if *class == "FRT" && line.amount.is_sign_negative() { "ADJ" } else { "SHP" };
        let (total, amount) = (total.to_string(), line.amount.to_string());
        let cells = BTreeMap::from([
            (2, "0000A1B2C3"),
            (4, date),
            (5, invoice),
            (9, "EUR"),
            (10, &total),
            (20, line.shipment_key.as_deref().unwrap_or_default()),
            (21, reference),
            (34, category),
            (43, class),
            (44, line.code),
            (52, &amount),
        ]);
        let cells: Vec<&str> = (0..=52).map(|at| cells.get(&at).copied().unwrap_or_default()).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Sends a file in its pieces somewhere into the run, and perhaps once more.
fn tell(chance: &mut Chance, places: usize, invoice: &str, text: &str, told: &mut Vec<(usize, RawRecord)>) {
    let file_sha256 = format!("{:064x}", chance.draw());
    let raw =
        |key: String, value, headers| RawRecord { topic: TOPIC.to_owned(), key: Some(key), value: Some(value), headers, poison: None };
    let mut send = |chance: &mut Chance, from: usize| {
        let mut at = from;
        for piece in Pieces::open(Format::Ups, text.as_bytes(), None).into_iter().flatten().flatten() {
            at += chance.below(3);
            let headers = piece_headers(&piece, Format::Ups, &file_sha256);
            told.push((at, raw(piece.key, piece.value, headers)));
        }
        at
    };
    let from = chance.below(places);
    let end = send(chance, from);
    let again = end + chance.below(places);
    match chance.below(10) {
        0..3 => {
            send(chance, again);
        }
        3..5 => {
            let headers = vec![("content-type".to_owned(), b"text/csv".to_vec())];
            told.push((again, raw(format!("file {invoice}"), text.as_bytes().to_vec(), headers)));
        }
        _ => {}
    }
}

/// Puts the records among those of the run, each before the one with its number, and counts all of them anew.
fn mix(run: &mut Run, mut told: Vec<(usize, RawRecord)>) {
    told.sort_by_key(|(at, _)| *at);
    let mut told = told.into_iter().peekable();
    let mut all = Vec::with_capacity(run.records.len() + told.len());
    for (at, record) in std::mem::take(&mut run.records).into_iter().enumerate() {
        while let Some((_, bill)) = told.next_if(|(place, _)| *place <= at) {
            all.push(bill);
        }
        all.push(record);
    }
    all.extend(told.map(|(_, bill)| bill));
    number(&mut all);
    run.records = all;
}

#[cfg(test)]
mod tests {
    use super::super::generator::generate;
    use super::*;

    #[test]
    fn every_verdict_is_billed_for_and_the_records_say_their_place() {
        let run = bill(generate(7, 4_000), 7);
        for verdict in LineVerdict::ALL {
            assert!(run.freight.lines.iter().any(|l| l.verdict == *verdict), "{verdict}");
        }
        let again = bill(generate(7, 4_000), 7);
        assert_eq!(format!("{:?}", run.records), format!("{:?}", again.records));
        let sent = run.by_topic().get(TOPIC).copied().unwrap_or(0);
        assert!(sent > run.freight.lines.len() * 11 / 10, "{sent} records for {} lines", run.freight.lines.len());
    }
}
