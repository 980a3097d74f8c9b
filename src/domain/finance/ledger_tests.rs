//! What holds for any facts in any order: each property with a thousand cases.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::finance::book::Tolerance;
use crate::domain::finance::facts::{ChargeFact, DecisionFact, DecisionKind, DeliveryFact, LineFact, MovementFact};
use crate::domain::finance::folio::{Folio, case_id};
use crate::domain::finance::judge::{LineVerdict, judge};
use crate::domain::freight::LineCategory;
use crate::domain::time::day_of;
use crate::testkit::plants::{self, START};

const DAY: i64 = 86_400_000_000;
const PARCELS: [&str; 3] = ["A", "B", "M"];
const TYPES: [ChargeType; 4] = [ChargeType::Freight, ChargeType::Fuel, ChargeType::Accessorial, ChargeType::Discount];
const CURRENCIES: [&str; 3] = ["EUR", "USD", "JPY"];

#[derive(Debug, Clone)]
enum Fact {
    Delivery(DeliveryFact),
    Movement(MovementFact),
    Charge(ChargeFact),
    Line(LineFact),
    Complete(String),
    Decision(DecisionFact),
    Expired,
}

fn invoice_of(number: usize) -> String {
    plants::line(String::new(), number, i64::try_from(number).unwrap_or(0), "A", ChargeType::Freight, 0).invoice_id
}

/// Amounts that meet again: in hundredths, or now and then in a millionth.
fn money() -> impl Strategy<Value = Amount> {
    let whole = prop_oneof![Just(1000_i64), Just(500), Just(-500), Just(250), Just(0), -1200_i64..2400];
    (whole, prop_oneof![9 => Just(0_i64), 1 => -9999_i64..9999]).prop_map(|(cents, fine)| Amount(Decimal::new(cents * 10_000 + fine, 6)))
}

fn facts(currencies: &'static [&'static str]) -> impl Strategy<Value = Vec<Fact>> {
    let currency = || prop::sample::select(currencies).prop_map(str::to_owned);
    let delivery = (1_usize..=2, prop::option::of(money()), prop::option::of(currency()), 0_i64..3, prop::bool::weighted(0.15)).prop_map(
        |(parcels, price, currency, at, void)| {
            let keys = PARCELS.iter().take(parcels).map(|p| (*p).to_owned()).collect();
            let (delivery, _) = plants::delivery(7, 1, 0);
            Fact::Delivery(DeliveryFact { shipment_keys: keys, price, currency, written_at: Some(at), void, ..delivery })
        },
    );
    let movement = (0_i64..3, any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.1)).prop_map(
        |(version, accepted, moved, cancelled)| {
            let (_, movement) = plants::delivery(7, 1, 0);
            let (accepted_at, moved_at) = (movement.accepted_at.filter(|_| accepted), movement.moved_at.filter(|_| moved));
            Fact::Movement(MovementFact { version, accepted_at, moved_at, cancelled, ..movement })
        },
    );
    let charge = (0_usize..4, 0_usize..3, prop::sample::select(&TYPES[..]), money(), currency(), any::<bool>(), 0_i64..12).prop_map(
        |(id, parcel, charge_type, amount, currency, corrects, day)| {
            let (shipment_key, raw_code) = (PARCELS[parcel].to_owned(), (id > 1).then(|| "X".to_owned()));
            let (charge_id, carrier, told_at) = (format!("c{id}"), "ups".to_owned(), START + DAY * day);
            Fact::Charge(ChargeFact { charge_id, shipment_key, carrier, charge_type, raw_code, amount, currency, corrects, told_at })
        },
    );
    let line = (0_usize..12, 0_usize..4, 0_usize..3, prop::sample::select(&TYPES[..]), money(), currency(), prop::bool::weighted(0.2))
        .prop_map(|(id, invoice, parcel, charge_type, amount, currency, correction)| {
            let day = i64::try_from(invoice).unwrap_or(0);
            let mut line = plants::line(format!("l{id:02}"), invoice, day, PARCELS[parcel], charge_type, 0);
            (line.amount, line.currency) = (amount, currency);
            if correction {
                line.category = LineCategory::Adjustment;
            }
            Fact::Line(line)
        });
    let complete = (0_usize..4).prop_map(|invoice| Fact::Complete(invoice_of(invoice)));
    let decision =
        (0_usize..4, prop::sample::select(&TYPES[..]), any::<bool>(), 0_i64..2).prop_map(|(invoice, group, accept, decided_at)| {
            let exception_id = case_id("main:1:7", &invoice_of(invoice), group);
            let kind = if accept { DecisionKind::Accept } else { DecisionKind::Reject };
            Fact::Decision(DecisionFact { exception_id, kind, decided_at })
        });
    let fact = prop_oneof![
        2 => delivery, 2 => movement, 2 => charge, 8 => line, 5 => complete, 1 => decision, 1 => Just(Fact::Expired)
    ];
    vec(fact, 0..28)
}

/// The same facts twice over, in two orders, some of them told again.
fn two_orders(currencies: &'static [&'static str]) -> impl Strategy<Value = (Vec<Fact>, Vec<Fact>)> {
    (facts(currencies), vec(any::<prop::sample::Index>(), 0..10)).prop_flat_map(|(facts, again)| {
        let mut more = facts.clone();
        more.extend(again.iter().filter(|_| !facts.is_empty()).map(|at| at.get(&facts).clone()));
        (Just(facts), Just(more).prop_shuffle())
    })
}

fn book(tolerance: i64) -> Book {
    let mut book = plants::book();
    for day in 0..28 {
        book.rates.add("JPY", &day_of(START, day), Decimal::new(61 + day, 4));
        // A rate for every day on which something may be booked, also before the first invoice.
        book.rates.add("USD", &day_of(START, -day), Decimal::new(880 + day, 3));
        book.rates.add("JPY", &day_of(START, -day), Decimal::new(60, 4));
    }
    book.tolerances.insert((None, None), Tolerance { absolute: Some(Decimal::new(tolerance, 2)), percent: None });
    book
}

fn take(folio: &mut Folio, fact: &Fact) {
    match fact {
        Fact::Delivery(fact) => _ = folio.take_delivery(fact.clone()),
        Fact::Movement(fact) => _ = folio.take_movement(fact.clone()),
        Fact::Charge(fact) => _ = folio.take_charge(fact.clone()),
        Fact::Line(fact) => _ = folio.take_line(fact.clone()),
        Fact::Complete(invoice) => _ = folio.complete.insert(invoice.clone()),
        Fact::Decision(fact) => _ = folio.take_decision(fact),
        Fact::Expired => folio.expired = true,
    }
}

type Sums = BTreeMap<(Place, String), (Decimal, Decimal)>;

/// Tells the facts one by one and moves the books after each; what was posted by place and currency, from the entries alone.
fn play(facts: &[Fact], book: &Book) -> (Folio, Sums) {
    let mut folio = Folio::new("main:1:7");
    let mut sums = Sums::new();
    for (n, fact) in facts.iter().enumerate() {
        take(&mut folio, fact);
        let target = target(&folio, book, &judge(&folio, book));
        let day = day_of(START, i64::try_from(n % 28).unwrap_or(0));
        for entry in post(&mut folio, book, &target, &day).expect("every rate is there") {
            assert!(balances(&entry, book), "{entry:?}");
            let sum = sums.entry(((entry.group, entry.invoice_id), entry.currency)).or_default();
            sum.0 += entry.amount;
            sum.1 += entry.company_amount;
        }
        assert_eq!(post(&mut folio, book, &target, &day), Ok(Vec::new()), "the books stand where they should");
        for ((group, currency), (amount, company)) in open(&sums) {
            assert!(!amount.is_zero() || company.is_zero(), "{group} {currency}: {company} is left of nothing");
        }
    }
    let stands: BTreeMap<_, _> =
        folio.posted.iter().map(|p| (((p.group, p.invoice_id.clone()), p.currency.clone()), (p.amount.0, p.company_amount.0))).collect();
    sums.retain(|_, (amount, company)| !amount.is_zero() || !company.is_zero());
    assert_eq!(sums, stands, "the folio knows what its entries say");
    (folio, sums)
}

fn open(sums: &Sums) -> BTreeMap<(ChargeType, String), (Decimal, Decimal)> {
    let mut open: BTreeMap<_, (Decimal, Decimal)> = BTreeMap::new();
    for (((group, _), currency), (amount, company)) in sums {
        let at = open.entry((*group, currency.clone())).or_default();
        (at.0, at.1) = (at.0 + amount, at.1 + company);
    }
    open
}

/// Both sides of an entry are one number in each currency; the two must not point in different ways, and have no more digits than money.
fn balances(entry: &Entry, book: &Book) -> bool {
    let same = entry.currency != book.currency || entry.amount == entry.company_amount;
    let rounded = |amount: Decimal, currency: &str| currency::round(amount, currency) == amount;
    let sides = entry.amount * entry.company_amount >= Decimal::ZERO;
    !entry.amount.is_zero() && same && sides && rounded(entry.amount, &entry.currency) && rounded(entry.company_amount, &book.currency)
}

fn amounts(sums: &Sums) -> BTreeMap<&(Place, String), Decimal> {
    sums.iter().map(|(place, (amount, _))| (place, *amount)).filter(|(_, amount)| !amount.is_zero()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn order_and_repetition_change_no_balance((first, second) in two_orders(&CURRENCIES[..1]), tolerance in 0_i64..60) {
        let book = book(tolerance);
        let ((one, one_sums), (other, other_sums)) = (play(&first, &book), play(&second, &book));
        prop_assert_eq!(one_sums, other_sums);
        prop_assert_eq!(judge(&one, &book), judge(&other, &book));
    }

    #[test]
    fn nor_in_several_currencies((first, second) in two_orders(&CURRENCIES), tolerance in 0_i64..60) {
        let book = book(tolerance);
        let ((one, one_sums), (other, other_sums)) = (play(&first, &book), play(&second, &book));
        prop_assert_eq!(amounts(&one_sums), amounts(&other_sums));
        prop_assert_eq!(judge(&one, &book), judge(&other, &book));
    }

    #[test]
    fn what_is_settled_is_what_is_accepted_and_leaves_nothing_open(facts in facts(&CURRENCIES), tolerance in 0_i64..60) {
        let book = book(tolerance);
        let (folio, sums) = play(&facts, &book);
        let judgement = judge(&folio, &book);
        let mut told = BTreeSet::new();
        for unit in &judgement.units {
            prop_assert!(unit.lines.iter().all(|l| told.insert(l.line_id.clone())), "a line has one verdict");
            let paid = unit.lines.iter().filter(|l| l.accepted).filter_map(|l| folio.lines.iter().find(|f| f.line_id == l.line_id));
            let currency = folio.currency(&book);
            let amount = |l: &LineFact| crate::domain::finance::folio::in_currency(l.amount.0, &l.currency, currency, &l.invoice_date, &book);
            let paid: Decimal = currency::round(paid.filter_map(amount).sum(), currency);
            let place = ((unit.group, Some(unit.invoice_id.clone())), currency.to_owned());
            let settled = sums.get(&place).map_or(Decimal::ZERO, |s| s.0);
            prop_assert_eq!(settled, -paid, "{:?}", unit);
        }
        prop_assert_eq!(told.len(), folio.lines.iter().filter(|l| folio.complete.contains(&l.invoice_id)).count());
        for ((group, _), (amount, company)) in open(&sums) {
            if judgement.groups.get(&group).is_some_and(|g| g.closed) {
                prop_assert_eq!((amount, company), (Decimal::ZERO, Decimal::ZERO), "{} is settled", group);
            }
        }
    }

    #[test]
    fn totals_do_not_depend_on_how_lines_are_named(facts in facts(&CURRENCIES), salt in any::<u8>()) {
        let book = book(10);
        let renamed = facts.iter().cloned().map(|fact| match fact {
            Fact::Line(mut line) => {
                let number: usize = line.line_id.trim_start_matches('l').parse().expect("a number");
                line.line_id = format!("l{:02}", (number * 5 + usize::from(salt)) % 12);
                Fact::Line(line)
            }
            fact => fact,
        });
        let renamed: Vec<Fact> = renamed.collect();
        let ((_, one), (_, other)) = (play(&facts, &book), play(&renamed, &book));
        prop_assert_eq!(amounts(&one), amounts(&other));
    }

    #[test]
    fn tolerance_is_the_same_upwards_and_downwards(cents in 100_i64..100_000, off in 0_i64..400, absolute in prop::option::of(0_i64..300), percent in prop::option::of(0_i64..40)) {
        let mut book = plants::book();
        let tolerance = Tolerance { absolute: absolute.map(|a| Decimal::new(a, 2)), percent: percent.map(|p| Decimal::new(p, 1)) };
        book.tolerances.insert((None, None), tolerance);
        let off = off.min(cents - 1);
        let verdict = |cents_billed: i64| {
            let mut folio = Folio::new("main:1:7");
            let (delivery, movement) = plants::delivery(7, 1, cents);
            let key = delivery.shipment_keys[0].clone();
            folio.take_delivery(delivery);
            folio.take_movement(movement);
            let line = plants::line("l".to_owned(), 1, 1, &key, ChargeType::Freight, cents_billed);
            folio.complete.insert(line.invoice_id.clone());
            folio.take_line(line).expect("there is room");
            let judgement = judge(&folio, &book);
            (judgement.units[0].lines[0].verdict, judgement.units[0].lines[0].accepted)
        };
        let (over, under) = (verdict(cents + off), verdict(cents - off));
        let allowed = Decimal::new(off, 2) <= tolerance.of(Decimal::new(cents, 2));
        let expected = match (off, allowed) {
            (0, _) => ((LineVerdict::Matched, true), (LineVerdict::Matched, true)),
            (_, true) => ((LineVerdict::WithinTolerance, true), (LineVerdict::WithinTolerance, true)),
            (_, false) => ((LineVerdict::OverBilled, false), (LineVerdict::UnderBilled, false)),
        };
        prop_assert_eq!((over, under), expected);
    }

    #[test]
    fn nothing_stops_it(facts in facts(&CURRENCIES), wild in vec((any::<i64>(), any::<i64>(), 0_u32..=28), 32), rate in (any::<i64>(), 0_u32..=28)) {
        let decimal = |(high, low, scale): &(i64, i64, u32)| {
            Decimal::from_i128_with_scale((i128::from(*high) << 31 ^ i128::from(*low)) % (1_i128 << 95), *scale)
        };
        let mut book = book(10);
        for day in 0..28 {
            book.rates.add("USD", &day_of(START, day), Decimal::new(rate.0, rate.1));
        }
        let percent = wild.first().map(decimal);
        book.tolerances.insert((None, None), Tolerance { absolute: None, percent });
        let mut folio = Folio::new("main:1:7");
        for (n, fact) in facts.into_iter().enumerate() {
            let amount = Amount(wild.get(n).map(decimal).unwrap_or_default());
            let fact = match fact {
                Fact::Delivery(fact) => Fact::Delivery(DeliveryFact { price: Some(amount), ..fact }),
                Fact::Charge(fact) => Fact::Charge(ChargeFact { amount, ..fact }),
                Fact::Line(fact) => Fact::Line(LineFact { amount, ..fact }),
                fact => fact,
            };
            take(&mut folio, &fact);
            let target = target(&folio, &book, &judge(&folio, &book));
            for entry in post(&mut folio, &book, &target, "2026-11-05").unwrap_or_default() {
                prop_assert!(postcard::to_stdvec(&(Amount(entry.amount), Amount(entry.company_amount))).is_ok(), "{:?}", entry);
            }
            prop_assert!(postcard::to_stdvec(&folio.posted).is_ok());
        }
    }
}
