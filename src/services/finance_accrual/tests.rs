use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::event::RawRef;
use crate::domain::exception::ExceptionRaised;
use crate::domain::finance::book::{Accounts, Tolerance, Trigger};
use crate::domain::finance::facts::{
    ChargeFact, DecisionFact, DecisionKind, DeliveryFact, FinanceFact, LineFact, MovementFact, TotalsFact,
};
use crate::domain::finance::judge::LineVerdict;
use crate::domain::finance::ledger::EntryKind;
use crate::domain::finance::rates::Rates;
use crate::domain::finance::records::{FinanceEntry, FreightVerdict};
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::money::Amount;
use crate::domain::odoo_command::OdooCommand;
use crate::testkit::Memory;

const DAY: Micros = 86_400_000_000;
const START: Micros = 1_793_600_000_000_000;
const BOOK: &str = "main:1";

fn book() -> Book {
    Book {
        key: BOOK.to_owned(),
        currency: "EUR".to_owned(),
        rates: Rates::default(),
        trigger: Trigger::Moved,
        covers: vec![ChargeType::Freight, ChargeType::Fuel, ChargeType::Discount],
        tolerances: BTreeMap::from([((None, None), Tolerance { absolute: Some(Decimal::new(10, 2)), percent: None })]),
        unbilled_case_after: 45 * DAY,
        unbilled_reverse_after: 45 * DAY,
        open_from: None,
        accounts: Accounts {
            journal: 3,
            accrued: 14,
            expense: BTreeMap::from([(ChargeType::Freight, 29)]),
            post: true,
            bill_journal: 2,
            vendors: BTreeMap::from([("ups".to_owned(), 45)]),
        },
    }
}

/// The service with its memory and a clock that jumps to the next alarm.
struct Rig {
    service: FinanceAccrual,
    memory: Memory,
    now: Micros,
    entries: Vec<FinanceEntry>,
    verdicts: Vec<FreightVerdict>,
    cases: Vec<ExceptionRaised>,
    commands: Vec<OdooCommand>,
}

impl Rig {
    fn new() -> Self {
        let service = FinanceAccrual::new(vec![book()], AccountRoutes::between([BOOK]));
        let (entries, verdicts, cases, commands) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { service, memory: Memory::default(), now: START, entries, verdicts, cases, commands }
    }

    fn tell(&mut self, fact: FinanceFact) -> Verdict {
        let headers = Vec::new();
        let payload = Payload::Canonical(Record::FinanceFact(Box::new(fact)));
        let input = Input { topic: topic::FACTS, partition: 0, offset: 0, received_at: self.now, key: None, headers: &headers, payload };
        let mut out = Outputs::default();
        let verdict = self.service.process(&input, &mut self.memory, self.now, &mut out);
        self.publish(out);
        verdict
    }

    fn publish(&mut self, out: Outputs) {
        for output in out.records {
            match output.record {
                Record::FinanceEntry(r) => self.entries.push(*r),
                Record::FreightVerdict(r) => self.verdicts.push(*r),
                Record::ExceptionRaised(r) => self.cases.push(*r),
                Record::OdooCommand(r) => self.commands.push(*r),
                other => panic!("{}", other.name()),
            }
        }
    }

    fn pass(&mut self, time: Micros) {
        self.now += time;
        for _ in 0..10_000 {
            let Some(key) = self.memory.due(self.now) else { return };
            let mut out = Outputs::default();
            self.service.wake(&key, &mut self.memory, self.now, &mut out);
            self.publish(out);
        }
        panic!("an alarm rings for ever");
    }

    /// What stands on an account, debit less credit.
    fn balance(&self, account: i64) -> Decimal {
        self.entries.iter().flat_map(|e| &e.lines).filter(|l| l.account_id == account).map(|l| l.debit.0 - l.credit.0).sum()
    }

    fn last_verdict(&self, line: &str) -> Option<(LineVerdict, bool)> {
        self.verdicts.iter().rfind(|v| v.line_id == line).map(|v| (v.verdict, v.accepted))
    }

    fn open_cases(&self) -> Vec<(&str, &str)> {
        let mut open = BTreeMap::new();
        for case in &self.cases {
            if case.state == "open" {
                open.insert(case.exception_id.as_str(), case.kind.as_str());
            } else {
                open.remove(case.exception_id.as_str());
            }
        }
        open.into_iter().collect()
    }
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).expect(text)
}

fn fact() -> FinanceFact {
    FinanceFact { book: BOOK.to_owned(), ..FinanceFact::empty(START) }
}

fn delivery(id: u32, number: &str, price: &str) -> FinanceFact {
    let delivery = DeliveryFact {
        delivery_key: format!("main:1:{id}"),
        picking_name: Some(format!("WH/OUT/{id:05}")),
        origin: Some(format!("S{id:05}")),
        carrier: Some("ups".to_owned()),
        shipment_keys: vec![number.to_owned()],
        price: Some(amount(price)),
        currency: Some("EUR".to_owned()),
        weight: None,
        done_at: Some(START),
        void: false,
        written_at: Some(START),
    };
    FinanceFact { delivery: Some(delivery), ..fact() }
}

fn moved(id: u32, version: i64) -> FinanceFact {
    let movement = MovementFact {
        delivery_key: format!("main:1:{id}"),
        version,
        accepted_at: None,
        moved_at: Some(START),
        delivered_at: None,
        cancelled: false,
        event_id: Some(format!("event-{id}")),
    };
    FinanceFact { movement: Some(movement), ..fact() }
}

fn line(id: &str, invoice: &str, number: Option<&str>, charge: ChargeType, billed: &str) -> FinanceFact {
    let line = LineFact {
        line_id: id.to_owned(),
        invoice_id: format!("ups:{invoice}:2026-11-14"),
        invoice_number: invoice.to_owned(),
        invoice_date: "2026-11-14".to_owned(),
        due_date: None,
        carrier: "ups".to_owned(),
        category: if number.is_some() { LineCategory::Shipment } else { LineCategory::Account },
        shipment_key: number.map(str::to_owned),
        references: Vec::new(),
        charge_type: charge,
        raw_code: None,
        description: None,
        amount: amount(billed),
        currency: "EUR".to_owned(),
        weight_billed: None,
        weight_told: None,
        weight_unit: None,
        pieces: None,
        raw: RawRef { topic: "raw.carrier.ups-billing".to_owned(), partition: 0, offset: 1, sha256: String::new() },
    };
    FinanceFact { line: Some(line), ..fact() }
}

fn end(invoice: &str) -> FinanceFact {
    let invoice_id = format!("ups:{invoice}:2026-11-14");
    let totals = TotalsFact { invoice_id, told: None, billed: Amount::default(), charges: 0, ties: true };
    FinanceFact { totals: Some(totals), ..fact() }
}

fn decided(case: &str, kind: DecisionKind) -> FinanceFact {
    let decision = DecisionFact { exception_id: case.to_owned(), kind, decided_at: START + DAY };
    FinanceFact { decision: Some(decision), ..fact() }
}

#[test]
fn freight_is_accrued_when_it_moves_and_settled_when_it_is_billed() {
    let mut rig = Rig::new();
    rig.tell(delivery(1, "1Z1", "9.20"));
    assert_eq!(rig.entries.len(), 0, "nothing is owed before it moves");
    rig.tell(moved(1, 1));
    assert_eq!((rig.balance(29), rig.balance(14)), (Decimal::new(920, 2), Decimal::new(-920, 2)));
    rig.tell(line("l1", "77", Some("1Z1"), ChargeType::Freight, "8.00"));
    rig.tell(line("l2", "77", Some("1Z1"), ChargeType::Fuel, "1.20"));
    rig.pass(10_000_000);
    assert_eq!(rig.verdicts.len(), 0, "the invoice may say more");
    rig.tell(end("77"));
    rig.pass(DAY);
    rig.pass(DAY);
    assert_eq!(rig.last_verdict("l1"), Some((LineVerdict::Matched, true)));
    assert_eq!(rig.last_verdict("l2"), Some((LineVerdict::Matched, true)));
    assert_eq!((rig.balance(29), rig.balance(14)), (Decimal::ZERO, Decimal::ZERO), "the bill takes the accrual's place");
    let kinds: Vec<EntryKind> = rig.entries.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EntryKind::Accrual, EntryKind::Settlement]);
    let bill = rig.commands.iter().find(|c| c.arguments.contains("in_invoice")).expect("a draft bill");
    assert!(bill.arguments.contains("\"9.2\"") && bill.arguments.contains("\"45\""), "{}", bill.arguments);
    assert_eq!(rig.open_cases(), []);
}

#[test]
fn what_does_not_match_waits_for_a_person_and_is_carried_out_once() {
    for (kind, expense, open) in [(DecisionKind::Accept, "0", "0"), (DecisionKind::Reject, "9.20", "-9.20")] {
        let mut rig = Rig::new();
        rig.tell(delivery(1, "1Z1", "9.20"));
        rig.tell(moved(1, 1));
        rig.tell(line("l1", "77", Some("1Z1"), ChargeType::Freight, "12.40"));
        rig.tell(end("77"));
        rig.pass(DAY);
        assert_eq!(rig.last_verdict("l1"), Some((LineVerdict::OverBilled, false)));
        let (case, name) = rig.open_cases()[0];
        assert_eq!(name, "freight_over_billed");
        let case = case.to_owned();
        assert_eq!(rig.tell(decided(&case, kind)), Verdict::Publish);
        assert!(matches!(rig.tell(decided(&case, kind)), Verdict::Duplicate(_)));
        rig.pass(DAY);
        assert_eq!(rig.open_cases(), [], "{kind}");
        assert_eq!((rig.balance(29), rig.balance(14)), (amount(expense).0, amount(open).0), "{kind}");
        let bills = rig.commands.iter().filter(|c| c.arguments.contains("in_invoice")).count();
        assert_eq!(bills, usize::from(kind == DecisionKind::Accept));
    }
    assert!(matches!(Rig::new().tell(decided("nobody's", DecisionKind::Accept)), Verdict::Park(p) if p.code == Code::NO_CASE));
}

#[test]
fn a_bill_before_its_delivery_waits_as_a_case_and_finds_it_by_number_or_reference() {
    let mut rig = Rig::new();
    let mut by_reference = line("l2", "77", None, ChargeType::Freight, "5");
    if let Some(line) = &mut by_reference.line {
        line.category = LineCategory::Shipment;
        line.references = vec!["PO 9".to_owned(), "wh-out-00002".to_owned()];
    }
    rig.tell(line("l1", "77", Some("1Z1"), ChargeType::Freight, "9.20"));
    rig.tell(by_reference);
    rig.tell(end("77"));
    rig.pass(DAY);
    assert_eq!(rig.open_cases().iter().map(|c| c.1).collect::<Vec<_>>(), ["freight_unknown_shipment"; 2]);
    for (id, number, price) in [(1, "1Z1", "9.20"), (2, "1Z2", "5")] {
        rig.tell(delivery(id, number, price));
        rig.tell(moved(id, 1));
    }
    rig.pass(DAY);
    assert_eq!(rig.open_cases(), []);
    assert_eq!(rig.last_verdict("l1"), Some((LineVerdict::Matched, true)));
    assert_eq!(rig.last_verdict("l2"), Some((LineVerdict::Matched, true)));
    assert_eq!(rig.balance(14), Decimal::ZERO);
    let versions: Vec<i64> = rig.verdicts.iter().filter(|v| v.line_id == "l1").map(|v| v.version).collect();
    assert_eq!(versions, [1, 2], "a later verdict replaces the earlier one");
}

#[test]
fn an_account_charge_is_a_case_of_its_own() {
    let mut rig = Rig::new();
    rig.tell(line("l1", "77", None, ChargeType::Other, "15"));
    rig.tell(end("77"));
    rig.pass(DAY);
    assert_eq!(rig.last_verdict("l1"), Some((LineVerdict::AccountCharge, false)));
    assert_eq!(rig.open_cases()[0].1, "freight_account_charge");
}

#[test]
fn what_nobody_bills_is_a_case_first_and_reversed_later() {
    let mut rig = Rig::new();
    rig.tell(delivery(1, "1Z1", "9.20"));
    rig.tell(moved(1, 1));
    rig.pass(46 * DAY);
    assert_eq!(rig.open_cases().iter().map(|c| c.1).collect::<Vec<_>>(), ["freight_unbilled"]);
    assert_eq!(rig.balance(14), Decimal::new(-920, 2));
    rig.pass(45 * DAY);
    assert_eq!(rig.open_cases(), []);
    assert_eq!((rig.balance(14), rig.entries.last().map(|e| e.kind)), (Decimal::ZERO, Some(EntryKind::Reversal)));
    rig.tell(line("l1", "77", Some("1Z1"), ChargeType::Freight, "9.20"));
    rig.tell(end("77"));
    rig.pass(DAY);
    assert_eq!(rig.last_verdict("l1"), Some((LineVerdict::Matched, true)), "a late bill is paid all the same");
    assert_eq!(rig.balance(14), Decimal::ZERO);
}

#[test]
fn entries_go_to_odoo_twenty_at_a_time_and_are_posted_after() {
    let mut rig = Rig::new();
    for id in 0..45 {
        rig.tell(delivery(id, &format!("1Z{id}"), "9.20"));
        rig.tell(moved(id, 1));
    }
    rig.pass(DAY);
    let kinds: Vec<&str> = rig.commands.iter().map(|c| c.kind.as_str()).collect();
    assert_eq!(kinds, ["load", "post", "load", "post", "load", "post"]);
    let rows: usize = rig.commands.iter().filter(|c| c.kind == "load").map(|c| c.arguments.matches("waybill.entry_").count()).sum();
    assert_eq!(rows, 45 * 3, "one head and two lines for each entry");
}

#[test]
fn a_charge_announced_before_the_delivery_is_known_is_part_of_its_accrual() {
    let mut rig = Rig::new();
    let charge = ChargeFact {
        charge_id: "c1".to_owned(),
        shipment_key: "1Z1".to_owned(),
        carrier: "ups".to_owned(),
        charge_type: ChargeType::Accessorial,
        raw_code: None,
        amount: amount("2"),
        currency: "EUR".to_owned(),
        corrects: false,
        told_at: START,
    };
    rig.tell(FinanceFact { charge: Some(charge), ..fact() });
    rig.tell(delivery(1, "1Z1", "9.20"));
    rig.tell(moved(1, 1));
    rig.pass(DAY);
    assert_eq!(rig.balance(14), Decimal::new(-1120, 2));
}

/// The number stood on the wrong delivery for a while.
fn mistaken(id: u32, version: Micros, number: Option<&str>, price: &str) -> FinanceFact {
    let mut fact = delivery(id, number.unwrap_or_default(), price);
    if let Some(delivery) = &mut fact.delivery {
        delivery.shipment_keys.retain(|key| !key.is_empty());
        delivery.written_at = Some(START + version);
    }
    fact
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// A number that stands on two deliveries for a while: what is billed for it ends at the one that keeps it.
    #[test]
    fn a_number_that_changes_hands_takes_what_is_billed_for_it_along(at in proptest::collection::vec(0_usize..8, 4)) {
        let mut facts = vec![
            mistaken(1, 1, Some("1Z9"), "9.20"), mistaken(1, 2, None, "9.20"), mistaken(2, 1, Some("1Z9"), "7"), moved(1, 1), moved(2, 1),
        ];
        // The two versions of one delivery keep their order, as on the topic.
        let lines = [line("a", "77", Some("1Z9"), ChargeType::Freight, "7"), end("77"), line("b", "78", Some("1Z9"), ChargeType::Fuel, "1"), end("78")];
        for (place, fact) in at.into_iter().zip(lines) {
            facts.insert(place.min(facts.len()), fact);
        }
        let mut rig = Rig::new();
        for fact in facts {
            rig.tell(fact);
            rig.pass(3_000_000);
        }
        rig.pass(2 * DAY);
        rig.pass(DAY);
        prop_assert_eq!(rig.last_verdict("a"), Some((LineVerdict::Matched, true)));
        prop_assert_eq!(rig.last_verdict("b"), Some((LineVerdict::OverBilled, false)));
        prop_assert_eq!(rig.balance(14), Decimal::new(-920, 2));
        let billed: Decimal = rig.commands.iter().filter(|c| c.arguments.contains("in_invoice")).map(|c| billed_of(&c.arguments)).sum();
        prop_assert_eq!(billed, Decimal::new(7, 0), "what is on draft bills");
        let told: Vec<(&str, &str)> = rig.cases.iter().map(|c| (c.exception_id.as_str(), c.state.as_str())).collect();
        let once: std::collections::BTreeSet<_> = told.iter().collect();
        prop_assert_eq!(once.len(), told.len(), "a case that comes back is another case: {:?}", told);
        let open: Vec<&str> = rig.open_cases().into_iter().map(|c| c.0).collect();
        let named = rig.verdicts.iter().rfind(|v| v.line_id == "b").and_then(|v| v.exception_id.as_deref());
        prop_assert_eq!(open, named.into_iter().collect::<Vec<_>>(), "the verdict names the case that is open");
    }
}

/// The sum of the lines of a load of a bill.
fn billed_of(arguments: &str) -> Decimal {
    let arguments: serde_json::Value = serde_json::from_str(arguments).expect("json");
    let names: Vec<&str> = arguments["fields"].as_array().expect("fields").iter().filter_map(|f| f.as_str()).collect();
    let price = names.iter().position(|n| *n == "invoice_line_ids/price_unit").expect("a price");
    let rows = arguments["data"].as_array().expect("rows").iter();
    rows.map(|row| row[price].as_str().expect("text").parse::<Decimal>().expect("amount")).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Facts of three deliveries and two invoices, in any order and repeated at will.
    #[test]
    fn order_and_repetition_change_no_balance(order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40)) {
        let facts = vec![
            delivery(1, "1Z1", "9.20"), moved(1, 1), moved(1, 2),
            delivery(2, "1Z2", "7"), moved(2, 1),
            delivery(3, "1Z3", "4.50"), moved(3, 1),
            line("a", "77", Some("1Z1"), ChargeType::Freight, "8"), line("b", "77", Some("1Z1"), ChargeType::Fuel, "1.20"),
            line("c", "77", Some("1Z2"), ChargeType::Freight, "9"), line("d", "78", Some("1Z3"), ChargeType::Freight, "4.45"),
            line("e", "78", Some("1Z9"), ChargeType::Freight, "3"), line("f", "78", None, ChargeType::Other, "15"),
            end("77"), end("78"),
        ];
        let mut rig = Rig::new();
        for index in order {
            rig.tell(index.get(&facts).clone());
            rig.pass(1_000_000);
        }
        // What the order left out comes at the end.
        for fact in facts {
            rig.tell(fact);
        }
        rig.pass(2 * DAY);
        for entry in &rig.entries {
            let sides = entry.lines.iter().fold((Decimal::ZERO, Decimal::ZERO), |s, l| (s.0 + l.debit.0, s.1 + l.credit.0));
            prop_assert_eq!(sides.0, sides.1, "C5");
        }
        prop_assert_eq!((rig.balance(29), rig.balance(14)), (Decimal::new(7, 0), Decimal::new(-7, 0)));
        let verdicts: Vec<_> = ["a", "b", "c", "d", "e", "f"].iter().map(|l| rig.last_verdict(l)).collect();
        let expected = [
            (LineVerdict::Matched, true), (LineVerdict::Matched, true), (LineVerdict::OverBilled, false), (LineVerdict::WithinTolerance, true),
            (LineVerdict::UnknownShipment, false), (LineVerdict::AccountCharge, false),
        ];
        prop_assert_eq!(verdicts, expected.map(Some).to_vec());
        prop_assert_eq!(rig.open_cases().len(), 3);
    }
}
