//! A person decides about a billed charge, and a month's report ties to its entries.

use rdkafka::message::Message;
use serde_json::Value;
use waybill::cli::Exit;
use waybill::domain::exception::ExceptionRaised;
use waybill::domain::finance::judge::LineVerdict;
use waybill::domain::finance::ledger::EntryKind;
use waybill::domain::finance::records::{EntryLine, FinanceEntry, FreightVerdict};
use waybill::domain::freight::ChargeType;
use waybill::domain::money::Amount;
use waybill::domain::record::Record;
use waybill::services::admin::canonical::Canonical;
use waybill::services::dev::registry::RegistryStandin;

use super::Place;
use super::support::kafka::Kafka;

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn case(id: &str, kind: &str, state: &str) -> (&'static str, String, Record) {
    let case = ExceptionRaised {
        exception_id: id.to_owned(),
        kind: kind.to_owned(),
        state: state.to_owned(),
        summary: "invoice ups:A17:2026-11-14: billed 12.5 EUR for freight, expected 10 EUR".to_owned(),
        carrier: Some("ups".to_owned()),
        delivery_key: Some(format!("main:1:{id}")),
        raised_at: 1_795_000_000_000_000,
        ..ExceptionRaised::default()
    };
    ("exceptions", format!("main:1:{id}"), Record::ExceptionRaised(Box::new(case)))
}

fn verdict(line: &str, exception_id: &str, billed: &str) -> (&'static str, String, Record) {
    let verdict = FreightVerdict {
        line_id: line.to_owned(),
        invoice_id: "ups:A17:2026-11-14".to_owned(),
        book: "main:1".to_owned(),
        delivery_key: Some(format!("main:1:{exception_id}")),
        shipment_key: None,
        charge_type: ChargeType::Freight,
        amount: amount(billed),
        currency: "EUR".to_owned(),
        verdict: LineVerdict::OverBilled,
        accepted: false,
        reason: "billed 12.5 EUR for freight, expected 10 EUR".to_owned(),
        exception_id: Some(exception_id.to_owned()),
        version: 1,
        judged_at: 1_795_000_000_000_000,
    };
    ("finance.verdicts", line.to_owned(), Record::FreightVerdict(Box::new(verdict)))
}

/// An entry over so much on a day; the second line may be off by something.
fn entry(id: &str, kind: EntryKind, owed: &str, day: &str, off: &str) -> (&'static str, String, Record) {
    let owed = amount(owed);
    let (more, company) = (owed.0.is_sign_positive(), owed.0.abs());
    let zero = Amount::default();
    let line = |account_id: i64, debit: bool, company: Amount| EntryLine {
        account_id,
        debit: if debit { company } else { zero },
        credit: if debit { zero } else { company },
        amount_currency: Amount(if debit { owed.0.abs() } else { -owed.0.abs() }),
    };
    let lines = vec![line(29, more, Amount(company)), line(14, !more, Amount(company + amount(off).0))];
    let entry = FinanceEntry {
        entry_id: id.to_owned(),
        odoo_instance: "main".to_owned(),
        company_id: 1,
        kind,
        delivery_key: "main:1:7".to_owned(),
        picking_name: None,
        carrier: Some("ups".to_owned()),
        invoice_id: None,
        charge_type: ChargeType::Freight,
        amount: owed,
        currency: "EUR".to_owned(),
        rate: None,
        rate_day: None,
        rate_source: None,
        company_currency: "EUR".to_owned(),
        happened_on: day.to_owned(),
        booked_on: day.to_owned(),
        journal_id: 3,
        lines,
        cause_id: "c".to_owned(),
        decided_at: 1_795_000_000_000_000,
    };
    ("finance.entries", id.to_owned(), Record::FinanceEntry(Box::new(entry)))
}

fn write(place: &Place, records: impl IntoIterator<Item = (&'static str, String, Record)>) {
    let config = waybill::config::load(None, &place.environment, None).unwrap().config;
    let topics = Canonical::new(&config).unwrap();
    for (topic, key, record) in records {
        topics.write(topic, &key, &record).unwrap();
    }
}

/// An installation with topics and schemas; the runtime holds its registry.
fn installation() -> (Place, tokio::runtime::Runtime, RegistryStandin) {
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let registry = outside.block_on(RegistryStandin::start()).unwrap();
    let place = Place::new(&[("WAYBILL_REGISTRY__URL", &registry.url())]);
    place.done("topics apply");
    place.done("schemas register");
    (place, outside, registry)
}

#[test]
fn a_case_is_listed_and_decided_once() {
    let (place, _outside, _registry) = installation();
    write(
        &place,
        [
            case("over", "freight_over_billed", "open"),
            verdict("line-1", "over", "10"),
            verdict("line-2", "over", "2.5"),
            case("pod", "pod_missing", "open"),
            case("gone", "freight_duplicate", "open"),
            verdict("line-3", "gone", "7"),
            case("gone", "freight_duplicate", "cleared"),
        ],
    );
    let ids = |line: &str| -> Vec<String> {
        place.json(line, Exit::Done).iter().map(|row| row["exception_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("exceptions list"), ["over", "pod"]);
    assert_eq!(ids("exceptions list --state all"), ["gone", "over", "pod"]);
    assert_eq!(ids("exceptions list --kind freight_over_billed"), ["over"]);

    for (id, says) in [("none", "there is no case"), ("pod", "only cases about billed charges"), ("gone", "not open any more")] {
        let (exit, out, talk) = place.waybill(&format!("exceptions resolve {id} accept --by alice"));
        assert!(exit == Exit::Failed && out.is_empty() && talk.contains(says), "{id}: {out}{talk}");
    }
    let decide = |words: &str| place.waybill(&format!("exceptions resolve over {words} --output json"));
    let (exit, out, talk) = decide("accept --by alice");
    assert!(exit == Exit::Done && talk.contains("12.5 EUR of invoice ups:A17:2026-11-14 is paid as billed"), "{out}{talk}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["book"], &told["decision"], &told["sent"]), (&"main:1".into(), &"accept".into(), &true.into()));
    let (exit, out, talk) = decide("accept --by bob");
    assert!(exit == Exit::Done && out.contains("alice") && talk.contains("nothing was sent"), "{out}{talk}");
    let (exit, _, talk) = decide("reject --by bob");
    assert!(exit == Exit::Failed && talk.contains("the earlier decision counts: accept"), "{talk}");

    let sent = Kafka::shared().read_committed(&place.topic("exception.decisions"));
    assert_eq!(sent.iter().map(|record| record.key().unwrap()).collect::<Vec<_>>(), [b"main:1"]);
    let config = waybill::config::load(None, &place.environment, None).unwrap().config;
    let mut decisions = Vec::new();
    Canonical::new(&config).unwrap().read("exception.decisions", "ExceptionDecision", |record| decisions.push(record)).unwrap();
    let [Record::ExceptionDecision(decision)] = &decisions[..] else { panic!("{decisions:?}") };
    assert_eq!((decision.exception_id.as_str(), decision.kind.as_str(), decision.decided_by.as_str()), ("over", "accept", "alice"));
    assert!(decision.decided_at > 1_700_000_000_000_000);
}

#[test]
fn a_months_report_ties_to_the_entries_and_says_when_it_does_not() {
    let (place, _outside, _registry) = installation();
    write(
        &place,
        [
            entry("1", EntryKind::Accrual, "10", "2026-10-31", "0"),
            entry("2", EntryKind::Accrual, "5.25", "2026-11-02", "0"),
            entry("3", EntryKind::Settlement, "-10", "2026-11-14", "0"),
            entry("4", EntryKind::Accrual, "99", "2026-12-01", "0"),
        ],
    );
    let report = "finance report --period 2026-11";
    let (exit, out, talk) = place.waybill(&format!("{report} --output csv"));
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(rows[1..], ["2026-11,main:1,ups,29,14,EUR,10.00,5.25,0.00,0.00,-10.00,5.25,EUR,2"], "{out}");
    assert!(rows[0].starts_with("period,book,carrier,account,accrued_account,owed_in,carried,accrued,"), "{out}");
    assert_eq!(exit, Exit::Done, "{talk}");
    assert!(talk.contains("main:1 ties: debits 15.25 = credits 15.25 EUR, open 5.25 = on the accrued account 5.25 EUR"), "{talk}");
    assert!(talk.contains("1 entries are booked after 2026-11"), "{talk}");
    let (_, out, _) = place.waybill(report);
    assert!(out.starts_with("BOOK") && out.lines().last().unwrap().starts_with("main:1  (all)"), "{out}");

    write(&place, [entry("5", EntryKind::Accrual, "1", "2026-11-20", "0.01")]);
    let (exit, out, talk) = place.waybill(&format!("{report} --output json"));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &told["sound"], &told["odd_entry_ids"][0]), (Exit::Findings, &false.into(), &"5".into()), "{out}");
    assert!(talk.contains("main:1 does NOT tie"), "{talk}");
}
