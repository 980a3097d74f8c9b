use std::collections::HashMap;

use rust_decimal::Decimal;

use super::*;
use crate::domain::finance::book::Tolerance;
use crate::domain::finance::facts::{ChargeFact, DecisionFact, DecisionKind};
use crate::domain::finance::folio::{FolioKind, case_id};
use crate::domain::finance::ledger::{post, target};
use crate::domain::freight::LineCategory;
use crate::domain::money::Amount;
use crate::testkit::plants::{self, START};

const DAY: i64 = 86_400_000_000;

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// `<invoice> <parcel> <charge type> <amount> [currency] [adj] [x<pieces>] [w<billed>/<told>] [c<code>]`; an invoice is dated by its number.
fn line(number: usize, text: &str) -> LineFact {
    let words: Vec<&str> = text.split_whitespace().collect();
    let invoice: usize = words[0].parse().expect("an invoice");
    let charge = ChargeType::parse(words[2]).expect("a charge type");
    let mut line = plants::line(format!("l{number:02}"), invoice, i64::try_from(invoice).expect("small"), words[1], charge, 0);
    line.amount = Amount(decimal(words[3]));
    (line.weight_billed, line.weight_told, line.pieces) = (None, None, None);
    if words[1] == "-" {
        line.shipment_key = None;
    }
    for word in &words[4..] {
        match word.split_at(1) {
            _ if *word == "adj" => line.category = LineCategory::Adjustment,
            ("x", pieces) => line.pieces = pieces.parse().ok(),
            ("c", code) => line.raw_code = Some(code.to_owned()),
            ("w", weights) => {
                let (billed, told) = weights.split_once('/').expect("two weights");
                (line.weight_billed, line.weight_told) = (Amount::parse(billed), Amount::parse(told));
            }
            _ => line.currency = (*word).to_owned(),
        }
    }
    line
}

/// `parcels A B`, `price 10.00 [EUR]`, `tolerance 0.50 [2%]`, `charge A freight 12.00 EUR <day> [corrects]`, `accept 2 freight`, `still`, ...
fn fact(folio: &mut Folio, book: &mut Book, text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut delivery, mut movement) =
        (folio.delivery.clone().expect("there from the start"), folio.movement.clone().expect("there from the start"));
    match words[0] {
        "parcels" => delivery.shipment_keys = words[1..].iter().map(|w| (*w).to_owned()).collect(),
        "price" if words[1] == "none" => delivery.price = None,
        "price" => {
            delivery.price = Amount::parse(words[1]);
            delivery.currency = words.get(2).map(|c| (*c).to_owned());
        }
        "tolerance" => {
            let percent = words.get(2).map(|p| decimal(p.trim_end_matches('%')));
            let absolute = (words[1] != "-").then(|| decimal(words[1]));
            book.tolerances.insert((None, None), Tolerance { absolute, percent });
        }
        "charge" => {
            let charge = ChargeFact {
                charge_id: text.to_owned(),
                shipment_key: words[1].to_owned(),
                carrier: "ups".to_owned(),
                charge_type: ChargeType::parse(words[2]).expect("a charge type"),
                raw_code: None,
                amount: Amount(decimal(words[3])),
                currency: words[4].to_owned(),
                corrects: words.contains(&"corrects"),
                told_at: START + DAY * words[5].parse::<i64>().expect("a day"),
            };
            assert_eq!(folio.take_charge(charge), Ok(true));
        }
        "accept" | "reject" => {
            let number: usize = words[1].parse().expect("an invoice");
            let invoice = line(0, &format!("{number} A freight 0")).invoice_id;
            let exception_id = case_id(&folio.delivery_key, &invoice, ChargeType::parse(words[2]).expect("a charge type"));
            let kind = DecisionKind::parse(words[0]).expect("a decision");
            assert!(folio.take_decision(&DecisionFact { exception_id, kind, decided_at: START }));
        }
        "void" => (delivery.void, movement.moved_at) = (true, None),
        "still" => movement.moved_at = None,
        "expired" => folio.expired = true,
        "company" => words[1].clone_into(&mut book.currency),
        "unknown" => folio.kind = FolioKind::Unknown,
        "account" => folio.kind = FolioKind::Account,
        other => unreachable!("{other}"),
    }
    (folio.delivery, folio.movement) = (Some(delivery), Some(movement));
}

/// Name, facts, billed lines, what each is (`+` paid, `-` not, and words of its reason), what is still accrued.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    ("as expected", "", "1 A freight 10.00", "matched+ billed 10.00 EUR for freight, expected 10.00 EUR", "0"),
    ("fuel is covered by the price", "", "1 A freight 8; 1 A fuel 2", "matched+; matched+", "0"),
    ("upper edge", "tolerance 0.50", "1 A freight 10.50", "within_tolerance+", "0"),
    ("lower edge", "tolerance 0.50", "1 A freight 9.50", "within_tolerance+", "0"),
    ("above the edge", "tolerance 0.50", "1 A freight 10.51", "over_billed- 0.51 EUR more", "10"),
    ("below the edge", "tolerance 0.50", "1 A freight 9.49", "under_billed- 0.51 EUR less", "10"),
    ("the smaller bound counts", "tolerance 0.50 2%", "1 A freight 10.21", "over_billed-", "10"),
    ("percent alone", "tolerance - 2%", "1 A freight 10.20", "within_tolerance+", "0"),
    ("nothing allowed", "", "1 A freight 10.01", "over_billed-", "10"),
    ("Odoo's price has more digits than money", "price 9.9962 EUR", "1 A freight 10.00", "matched+", "0"),
    ("no yen has a fraction", "price 1000.4 JPY; company JPY", "1 A freight 1000 JPY", "matched+", "0"),
    ("a fils is a thousandth", "price 1.2345 KWD; company KWD", "1 A freight 1.235 KWD", "matched+", "0"),
    ("wrong weight", "", "1 A freight 14 w7/2.5", "over_billed- billed by 7 kg, told were 2.5 kg", "10"),
    ("nothing to pay", "", "1 A freight 0", "matched+ nothing to pay", "10"),
    ("nothing to pay in sum", "", "1 A freight 3; 1 A freight -3", "matched+; matched+", "10"),
    ("a parcel at a time", "parcels A B", "1 A freight 6; 2 B freight 4", "matched+ only some of the 2 parcels; matched+", "0"),
    ("one parcel so far", "parcels A B", "1 A freight 6", "matched+ only some", "4"),
    ("two parcels for the same money", "parcels A B; price 8", "1 A freight 5; 2 B freight 5", "matched+; over_billed- 2.00 EUR more", "3"),
    ("a parcel again before the other", "parcels A B", "1 A freight 5; 2 A freight 5", "matched+; duplicate- invoice ups:W1", "5"),
    (
        "a parcel again beside the other",
        "parcels A B",
        "1 A freight 5; 2 A freight 5; 2 B freight 5",
        "matched+; duplicate- twice; matched+",
        "0",
    ),
    ("a parcel's line twice", "parcels A B", "1 A freight 4; 1 A freight 4", "matched+ only some; duplicate- twice", "6"),
    ("a master number for all pieces", "parcels A B C", "1 M freight 8 x3", "under_billed-", "10"),
    ("a master number as expected", "parcels A B C", "1 M freight 10 x3", "matched+", "0"),
    ("equal lines under a master number", "parcels A B", "1 M freight 5 x2; 1 M freight 5 x2", "matched+; matched+", "0"),
    ("in two parts", "", "1 A freight 6; 2 A freight 4", "matched+ together with invoice ups:W1; matched+ together", "0"),
    ("a line twice", "", "1 A freight 10; 1 A freight 10", "matched+; duplicate- twice", "0"),
    ("a line twice and dear", "", "1 A freight 12; 1 A freight 12", "over_billed-; over_billed-", "10"),
    ("a small line twice within tolerance", "tolerance 2; price 1", "1 A freight 1; 1 A freight 1", "matched+; duplicate-", "0"),
    ("billed again", "", "1 A freight 10; 2 A freight 10", "matched+; duplicate- billed before, on invoice ups:W1", "0"),
    ("billed again within tolerance", "tolerance 2; price 1", "1 A freight 1; 2 A freight 1", "matched+; duplicate-", "0"),
    ("over-billed again", "", "1 A freight 12; 2 A freight 12", "over_billed-; duplicate-", "10"),
    ("a correction is no repetition", "", "1 A freight 10; 2 A freight 10 adj", "matched+; over_billed- after it was settled", "0"),
    ("a late correction", "", "1 A freight 10; 2 A freight 3 adj w7/2", "matched+; over_billed- after it was settled; billed by 7", "0"),
    (
        "a correction announced before its bill",
        "price none; charge A freight 10 EUR 0; charge A freight 13 EUR 2 corrects",
        "1 A freight 10; 3 A freight 3 adj",
        "matched+ 3.00 EUR more was announced; matched+",
        "0",
    ),
    (
        "a correction announced and not billed yet",
        "price none; charge A freight 10 EUR 0; charge A freight 3 EUR 2",
        "1 A freight 10",
        "matched+ announced after the invoice",
        "3",
    ),
    ("a credit of what was too much", "", "1 A freight 12; 2 A freight -2", "matched+ together; matched+ together", "0"),
    ("the credit came first", "", "1 A freight -2; 2 A freight 12", "matched+; matched+", "0"),
    ("a credit of all", "", "1 A freight 10; 2 A freight -10", "matched+; matched+ a credit of 10.00 EUR", "0"),
    ("credited and billed anew", "", "1 A freight 10; 2 A freight -10; 3 A freight 10", "matched+; matched+; matched+", "0"),
    ("a credit for nothing", "", "1 A freight -10", "unexpected_charge- never paid", "10"),
    ("a credit of a repetition", "", "1 A freight 10; 2 A freight 10; 3 A freight -10", "matched+; matched+; matched+", "0"),
    (
        "one credit of two cases",
        "",
        "1 A freight 10; 2 A freight 10; 3 A freight 3 adj; 4 A freight -10",
        "matched+; matched+; over_billed-; matched+ together with invoice ups:W2",
        "0",
    ),
    (
        "a credit of a parcel that was billed again",
        "parcels A B",
        "1 A freight 5; 2 A freight 5; 3 A freight -5",
        "matched+; matched+; matched+ takes back what invoice ups:W2",
        "5",
    ),
    ("a surcharge that nobody told", "", "1 A freight 10; 1 A accessorial 4", "matched+; unexpected_charge- none was expected", "0"),
    ("a small surcharge", "tolerance 5", "1 A freight 10; 1 A accessorial 4", "matched+; within_tolerance+", "0"),
    ("a percentage of nothing", "tolerance 5 10%", "1 A accessorial 4", "unexpected_charge-", "10"),
    ("small surcharges add up", "tolerance 5", "1 A accessorial 4 cX; 2 A accessorial 4 cY", "within_tolerance+; unexpected_charge-", "10"),
    ("an announced surcharge", "charge A accessorial 4 EUR 0", "1 A freight 10; 1 A accessorial 4", "matched+; matched+", "0"),
    ("an announced surcharge in the price", "charge A fuel 2 EUR 0", "1 A freight 8; 1 A fuel 2", "matched+; matched+", "0"),
    ("an announced price", "charge A freight 12 EUR 0", "1 A freight 12", "matched+", "0"),
    ("announced for one parcel of two", "parcels A B; charge A freight 6 EUR 0", "1 A freight 6; 1 B freight 4", "matched+; matched+", "0"),
    ("an agreed discount", "charge A discount -2 EUR 0", "1 A freight 10; 1 A discount -2", "matched+; matched+", "0"),
    ("an agreed discount is accrued", "charge A discount -2 EUR 0", "", "", "8"),
    (
        "less discount than agreed",
        "charge A discount -2 EUR 0",
        "1 A freight 10; 1 A discount -1",
        "matched+; over_billed- 1.00 EUR more",
        "-2",
    ),
    ("no rate", "", "1 A freight 10 CHF", "unexpected_charge- billed in CHF, expected in EUR", "10"),
    (
        "a currency without a rate among others",
        "",
        "1 A freight 8; 1 A fuel 2 CHF",
        "unexpected_charge- billed in CHF; unexpected_charge-",
        "10",
    ),
    ("with a rate", "", "1 A freight 11.07 USD", "matched+", "0"),
    ("ten of one currency are not ten of another", "", "1 A freight 10 CHF; 2 A freight 12", "unexpected_charge-; over_billed-", "10"),
    ("called off", "void", "1 A freight 10", "unexpected_charge- the delivery was called off", "0"),
    ("called off, billed, credited", "void", "1 A freight 10; 2 A freight -10", "matched+; matched+", "0"),
    ("never moved and billed", "still", "1 A freight 10", "matched+", "0"),
    ("expired", "expired", "", "", "0"),
    ("expired and billed", "expired", "1 A freight 10", "matched+", "0"),
    ("nothing told", "price none", "1 A freight 10", "unexpected_charge- none was expected", "0"),
    ("free of charge", "price 0 EUR", "1 A freight 10", "over_billed- expected 0.00 EUR", "0"),
    ("accepted", "accept 1 freight", "1 A freight 12", "over_billed+ accepted by decision", "0"),
    ("less, accepted", "accept 1 freight", "1 A freight 8", "under_billed+", "0"),
    ("a repetition, accepted", "accept 1 freight", "1 A freight 10; 1 A freight 10", "matched+; matched+", "0"),
    ("a goodwill before the bill, accepted", "accept 1 freight", "1 A freight -1", "unexpected_charge+", "10"),
    ("a goodwill and then the bill", "accept 1 freight", "1 A freight -1; 2 A freight 10", "unexpected_charge+; matched+", "0"),
    (
        "a parcel paid twice by decision and then the other",
        "parcels A B; accept 2 freight",
        "1 A freight 5; 2 A freight 5; 3 B freight 5",
        "matched+; duplicate+; matched+",
        "0",
    ),
    (
        "a parcel's line paid twice by decision and then the other",
        "parcels A B; accept 1 freight",
        "1 A freight 4; 1 A freight 4; 2 B freight 6",
        "matched+; matched+; matched+",
        "0",
    ),
    ("accepted without a rate", "accept 1 freight", "1 A freight 10 CHF", "unexpected_charge- once a rate is known", "10"),
    ("rejected", "reject 1 freight", "1 A freight 12", "over_billed- rejected by decision", "10"),
    ("rejected, whatever is told later", "reject 1 freight; charge A freight 12 EUR 0", "1 A freight 12", "matched- rejected", "12"),
    ("rejected, and the carrier gives in", "reject 1 freight", "1 A freight 12; 2 A freight -2", "matched+; matched+ together", "0"),
    (
        "a repetition, rejected and credited",
        "reject 2 freight",
        "1 A freight 10; 2 A freight 10; 3 A freight -10",
        "matched+; matched+; matched+",
        "0",
    ),
    ("only the repetition is rejected", "reject 1 freight", "1 A freight 10; 1 A freight 10", "matched+; duplicate-", "0"),
    ("nobody's", "unknown; price none", "1 A freight 10", "unknown_shipment- no delivery has", "0"),
    ("nobody's, credited", "unknown; price none", "1 A freight -10", "unknown_shipment-", "0"),
    ("the account's", "account; price none", "1 - other 10", "account_charge-", "0"),
];

#[test]
fn every_bill_has_its_verdict_and_the_books_follow() {
    let mut wrong = Vec::new();
    for (name, facts, bills, expected, open) in CASES {
        let (mut folio, mut book) = (Folio::new("main:1:7"), plants::book());
        book.tolerances.clear();
        let (mut delivery, movement) = plants::delivery(7, 1, 1_000);
        delivery.shipment_keys = vec!["A".to_owned()];
        assert!(folio.take_delivery(delivery) && folio.take_movement(movement));
        facts.split(';').filter(|f| !f.trim().is_empty()).for_each(|f| fact(&mut folio, &mut book, f));
        for (number, bill) in bills.split(';').filter(|b| !b.trim().is_empty()).enumerate() {
            let line = line(number, bill);
            folio.complete.insert(line.invoice_id.clone());
            assert_eq!(folio.take_line(line), Ok(true));
        }
        let judgement = judge(&folio, &book);
        let mut found: Vec<&Judged> = judgement.units.iter().flat_map(|u| &u.lines).collect();
        found.sort_by_key(|judged| &judged.line_id);
        let expected: Vec<&str> = expected.split("; ").flat_map(|e| e.split(";\n")).filter(|e| !e.is_empty()).collect();
        let expected = join_reasons(&expected);
        let fits = |(judged, expected): (&&Judged, &String)| {
            let (word, reason) = expected.split_once(' ').unwrap_or((expected, ""));
            let sign = if judged.accepted { "+" } else { "-" };
            word == format!("{}{sign}", judged.verdict) && judged.reason.contains(reason)
        };
        let target = target(&folio, &book, &judgement);
        let stands: Decimal = target.values().sum();
        let entries = post(&mut folio, &book, &target, "2026-11-10").expect("has its rates");
        let moved: Decimal = entries.iter().map(|e| e.amount).sum();
        if found.len() != expected.len() || !found.iter().zip(&expected).all(fits) || stands != decimal(open) || moved != stands {
            wrong.push(format!("{name}: {stands} is open, {moved} moved, {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A reason may have a semicolon in it: what does not begin with a verdict belongs to what stands before.
fn join_reasons(parts: &[&str]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for part in parts {
        let word = part.split(['+', '-']).next().unwrap_or_default();
        match joined.last_mut() {
            Some(last) if LineVerdict::parse(word).is_none() => *last = format!("{last}; {part}"),
            _ => joined.push((*part).to_owned()),
        }
    }
    joined
}

#[test]
fn a_thousand_planted_faults_are_named_and_nothing_else() {
    let plants = plants::plant(4, 100_000, 1_000);
    let book = plants::book();
    assert!(plants.planted.len() == 10 && plants.planted.values().all(|n| *n == 100), "{:?}", plants.planted);
    let mut folios: Vec<Folio> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for billed in &plants.bills {
        let Some(delivery) = billed.delivery.clone() else { continue };
        let mut folio = Folio::new(&delivery.delivery_key);
        index.extend(delivery.shipment_keys.iter().map(|key| (key.clone(), folios.len())));
        folio.take_delivery(delivery);
        billed.movement.clone().into_iter().for_each(|m| assert!(folio.take_movement(m)));
        billed.charges.iter().for_each(|c| assert_eq!(folio.take_charge(c.clone()), Ok(true)));
        folios.push(folio);
    }
    for line in plants.bills.iter().flat_map(|b| &b.lines) {
        let number = line.shipment_key.clone().unwrap_or_default();
        let at = *index.entry(number.clone()).or_insert_with(|| {
            folios.push(Folio { kind: FolioKind::Unknown, ..Folio::new(&number) });
            folios.len() - 1
        });
        folios[at].complete.insert(line.invoice_id.clone());
        assert_eq!(folios[at].take_line(line.clone()), Ok(true));
    }
    let mut wrong = Vec::new();
    let mut judged = 0;
    for folio in &folios {
        for found in judge(folio, &book).units.iter().flat_map(|u| &u.lines) {
            judged += 1;
            let due = &plants.due[&found.line_id];
            if (found.verdict, found.accepted) != (due.verdict, due.accepted) || !found.reason.contains(due.words) {
                wrong.push(format!("{due:?}: {found:?}"));
            }
        }
    }
    assert!(judged >= 100_000 && judged == plants.due.len(), "{judged} judged");
    assert!(wrong.is_empty(), "{} are wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(8)]);
}
