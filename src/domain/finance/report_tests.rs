use proptest::prelude::*;

use super::*;
use crate::domain::freight::ChargeType;

const ACCRUED: i64 = 14;

/// An entry over `cents` of the company's EUR; a foreign one is owed in USD at two for one.
fn entry(id: u32, kind: EntryKind, carrier: &str, account: i64, cents: i64, day: &str, foreign: bool) -> FinanceEntry {
    let company = Decimal::new(cents.abs(), 2);
    let amount = Decimal::new(if foreign { cents * 2 } else { cents }, 2);
    let line = |account_id, debit: bool| EntryLine {
        account_id,
        debit: Amount(if debit { company } else { Decimal::ZERO }),
        credit: Amount(if debit { Decimal::ZERO } else { company }),
        amount_currency: Amount(if debit { amount.abs() } else { -amount.abs() }),
    };
    FinanceEntry {
        entry_id: format!("{id:04}"),
        odoo_instance: "main".to_owned(),
        company_id: 1,
        kind,
        delivery_key: "main:1:7".to_owned(),
        picking_name: None,
        carrier: Some(carrier.to_owned()).filter(|c| !c.is_empty()),
        invoice_id: None,
        charge_type: ChargeType::Freight,
        amount: Amount(amount),
        currency: if foreign { "USD" } else { "EUR" }.to_owned(),
        rate: None,
        rate_day: None,
        rate_source: None,
        company_currency: "EUR".to_owned(),
        happened_on: day.to_owned(),
        booked_on: day.to_owned(),
        journal_id: 3,
        lines: vec![line(account, cents > 0), line(ACCRUED, cents < 0)],
        cause_id: "c".to_owned(),
        decided_at: 0,
    }
}

fn november(entries: &[FinanceEntry]) -> Report {
    let mut report = Report::new(Period::parse("2026-11").unwrap());
    for entry in entries {
        report.add(entry);
    }
    report
}

fn rows(report: &Report) -> Vec<String> {
    let row = |(g, s): (&Group, &Sums)| {
        let sums = [s.carried, s.accrued, s.adjusted, s.reversed, s.settled, s.open].map(|a| a.to_string()).join(" ");
        format!("{} {} {}: {sums} ({})", g.carrier, g.account, g.currency, s.entries)
    };
    report.groups().iter().map(row).collect()
}

#[test]
fn a_period_is_a_month() {
    for (text, good) in [("2026-11", true), ("2026-13", false), ("2026-1", false), ("2026", false), ("2026-11-01", false), ("", false)] {
        assert_eq!(Period::parse(text).is_some(), good, "{text}");
    }
}

#[test]
fn a_month_is_what_was_carried_into_it_and_what_was_booked_in_it() {
    use EntryKind::{Accrual, Adjustment, Reversal, Settlement};
    let report = november(&[
        entry(1, Accrual, "ups", 29, 1000, "2026-10-31", false),
        entry(2, Accrual, "ups", 29, 500, "2026-11-01", false),
        entry(3, Adjustment, "ups", 29, 125, "2026-11-12", false),
        entry(4, Settlement, "ups", 29, -1000, "2026-11-30", false),
        entry(5, Settlement, "ups", 29, -625, "2026-12-01", false),
        entry(6, Accrual, "ups", 30, 200, "2026-11-02", false),
        entry(7, Reversal, "ups", 30, -200, "2026-11-03", false),
        entry(8, Accrual, "ups", 29, 300, "2026-11-04", true),
        entry(9, Accrual, "", 29, 7, "2026-09-01", false),
    ]);
    let expected = [
        " 29 EUR: 0.07 0 0 0 0 0.07 (0)",
        "ups 29 EUR: 10 5 1.25 0 -10 6.25 (3)",
        "ups 29 USD: 0 3 0 0 0 3 (1)",
        "ups 30 EUR: 0 2 0 -2 0 0 (2)",
    ];
    assert_eq!(rows(&report), expected);
    assert!(report.is_sound() && report.later() == 1);
    let ties = report.ties();
    let told: Vec<_> = ties.iter().map(|t| [t.debit, t.credit, t.open, t.balance].map(|a| a.to_string()).join(" ")).collect();
    assert_eq!(told, ["23.25 23.25 9.32 9.32"]);
}

#[test]
fn what_does_not_tie_is_told() {
    type Spoil<'a> = (&'a str, &'a dyn Fn(&mut FinanceEntry));
    let good = || entry(1, EntryKind::Accrual, "ups", 29, 1000, "2026-11-01", false);
    let cent = Amount(Decimal::new(1, 2));
    let spoil: [Spoil<'_>; 5] = [
        ("debits are not credits", &|e| e.lines[0].debit.0 += cent.0),
        ("the lines say another amount", &|e| {
            e.lines[0].debit.0 += cent.0;
            e.lines[1].credit.0 += cent.0;
        }),
        ("one side", &|e| e.lines.truncate(1)),
        ("a third line", &|e| e.lines.push(e.lines[0].clone())),
        ("no side has the amount", &|e| e.amount = cent),
    ];
    assert!(november(&[good()]).is_sound());
    for (what, spoil) in spoil {
        let mut entry = good();
        spoil(&mut entry);
        let report = november(&[entry]);
        assert!(!report.is_sound(), "{what}");
        assert_eq!(report.odd_entries(), (1, &["0001".to_owned()][..]), "{what}");
    }
    // Freight booked on the account of what is owed: nothing is left on it.
    let same = entry(1, EntryKind::Accrual, "ups", ACCRUED, 1000, "2026-11-01", false);
    assert!(!november(&[same]).is_sound());
}

fn any_entries() -> impl Strategy<Value = Vec<FinanceEntry>> {
    let kinds = prop::sample::select(EntryKind::ALL);
    let days = prop::sample::select(vec!["2026-09-30", "2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"]);
    let carriers = prop::sample::select(vec!["", "ups", "gls"]);
    let one = (kinds, carriers, 29_i64..32, prop_oneof![-90_000_i64..0, 1_i64..90_000], days, any::<bool>());
    prop::collection::vec(one, 0..60).prop_map(|all| {
        let numbered = (0..).zip(all);
        numbered.map(|(n, (kind, carrier, account, cents, day, foreign))| entry(n, kind, carrier, account, cents, day, foreign)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_order_gives_the_same_report((entries, shuffled) in any_entries().prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle()))) {
        prop_assert_eq!(november(&entries), november(&shuffled));
    }

    #[test]
    fn the_sums_are_those_of_the_entries_to_the_cent(entries in any_entries()) {
        let report = november(&entries);
        let mut total = Sums::default();
        report.groups().values().for_each(|sums| total.join(sums));
        let owed = |e: &FinanceEntry| e.lines.iter().filter(|l| l.account_id == ACCRUED).map(|l| l.credit.0 - l.debit.0).sum::<Decimal>();
        let sum = |take: &dyn Fn(&FinanceEntry) -> bool| Amount(entries.iter().filter(|e| take(e)).map(owed).sum());
        let inside = |e: &FinanceEntry| e.booked_on.starts_with("2026-11");
        let of = |kind| sum(&|e| inside(e) && e.kind == kind);
        prop_assert_eq!(total.carried, sum(&|e| e.booked_on.as_str() < "2026-11"));
        prop_assert_eq!(total.accrued, of(EntryKind::Accrual));
        prop_assert_eq!(total.adjusted, of(EntryKind::Adjustment));
        prop_assert_eq!(total.reversed, of(EntryKind::Reversal));
        prop_assert_eq!(total.settled, of(EntryKind::Settlement));
        prop_assert_eq!(total.open, sum(&|e| e.booked_on.as_str() < "2026-12"));
        prop_assert_eq!(total.entries, entries.iter().filter(|e| inside(e)).count() as u64);
        prop_assert!(report.is_sound());
    }
}
