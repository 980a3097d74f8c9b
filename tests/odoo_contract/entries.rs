//! Entries and bills by command: loaded whole and once, posted after that, never rewritten.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use waybill::odoo::client::Odoo;
use waybill::odoo::effects::{Effect, EffectOutcome, Outcome};
use waybill::services::dev::odoo_standin::{EXPENSE_ACCOUNT, Faults, Move, PAYABLE_ACCOUNT, Standin};

use crate::effects::{asked, calls, count, run};
use crate::{VERSIONS, connect, object, standin};

const ENTRY: [&str; 8] =
    ["id", "ref", "journal_id/.id", "date", "line_ids/id", "line_ids/account_id/.id", "line_ids/debit", "line_ids/credit"];

/// Rows of an entry over so many cents, of two lines.
fn entry(name: &str, debit_cents: i64, credit_cents: i64) -> [Vec<String>; 2] {
    let [debit, credit] = [debit_cents, credit_cents].map(|cents| Decimal::new(cents, 2).to_string());
    let [one, two] = ["1", "2"].map(|n| format!("waybill.{name}_{n}"));
    [
        [&format!("waybill.{name}"), name, "3", "2026-11-20", &one, "29", &debit, "0"].map(str::to_owned).to_vec(),
        ["", "", "", "", &two, "14", "0", &credit].map(str::to_owned).to_vec(),
    ]
}

fn load(id: &str, fields: &[&str], data: &[Vec<String>], found_by: Option<&str>) -> Effect {
    let mut arguments = json!({"fields": fields, "data": data});
    if let Some(external_id) = found_by {
        arguments["found_by"] = json!(external_id);
    }
    asked(id, "load", "account.move", None, &arguments)
}

fn post(id: &str, external_ids: &[String]) -> Effect {
    asked(id, "post", "account.move", None, &json!({"external_ids": external_ids}))
}

/// Twenty entries in one command, and their posting in another.
fn twenty() -> [Effect; 2] {
    let names: Vec<String> = (1..=20).map(|n| format!("entry{n}")).collect();
    let rows: Vec<Vec<String>> = names.iter().zip(1..).flat_map(|(name, n)| entry(name, n * 101, n * 101)).collect();
    let external_ids: Vec<String> = names.iter().map(|name| format!("waybill.{name}")).collect();
    [load("load", &ENTRY, &rows, None), post("post", &external_ids)]
}

fn names(outcomes: &[EffectOutcome]) -> Vec<&str> {
    outcomes.iter().map(|o| if let Outcome::Refused { name: Some(name), .. } = &o.outcome { name } else { o.outcome.as_str() }).collect()
}

/// Debit less credit by account, of posted entries.
fn balances(moves: &[Move]) -> BTreeMap<i64, Decimal> {
    let mut sums = BTreeMap::new();
    for line in moves.iter().filter(|m| m.state == "posted").flat_map(|m| &m.lines) {
        *sums.entry(line.account_id).or_default() += line.debit - line.credit;
    }
    sums
}

#[tokio::test]
async fn twenty_entries_are_loaded_in_one_call_and_posted_in_another_once() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        let batch = twenty();
        let first = run(&odoo, &batch).await;
        assert_eq!(names(&first), ["done", "done"], "{major}");
        assert_eq!(first[0].outcome, Outcome::Done { created_id: None }, "twenty have no one id");
        for _ in 0..2 {
            assert_eq!(names(&run(&odoo, &batch).await), ["already_done", "already_done"], "{major}");
        }
        assert_eq!((calls(&standin, "account.move.load"), calls(&standin, "account.move.action_post")), (1, 1));
        let moves = standin.moves();
        assert!(moves.len() == 20 && moves.iter().all(|m| m.state == "posted" && m.lines.len() == 2), "{major}: {moves:?}");
        let sum = Decimal::new((1..=20).map(|n| n * 101).sum(), 2);
        assert_eq!(balances(&moves), BTreeMap::from([(29, sum), (14, -sum)]));
        assert_eq!(moves[0].lines[1].external_id.as_deref(), Some("waybill.entry1_2"));

        let single = run(&odoo, &[load("one", &ENTRY, &entry("single", 525, 525), None)]).await;
        let made = standin.moves().last().map(|m| m.id);
        assert_eq!(single[0].outcome, Outcome::Done { created_id: made });
    }
}

#[tokio::test]
async fn one_bad_entry_keeps_all_out_and_their_posting_too() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        let rows: Vec<Vec<String>> = [entry("a", 525, 525), entry("b", 525, 524), entry("c", 1, 1)].into_iter().flatten().collect();
        let batch = [load("load", &ENTRY, &rows, None), post("post", &["waybill.a".into(), "waybill.c".into()])];
        for _ in 0..2 {
            assert_eq!(names(&run(&odoo, &batch).await), ["load_refused", "not_there"], "{major}");
        }
        assert!(standin.moves().is_empty() && calls(&standin, "account.move.action_post") == 0);
    }
}

/// A command with lines of a bill, whose head it repeats.
fn bill(list: &str, lines: std::ops::RangeInclusive<i64>, found_by: Option<i64>) -> Effect {
    let columns = ["id", "name", "quantity", "price_unit"].map(|column| format!("{list}/{column}"));
    let mut fields = vec!["id", "move_type", "ref", "partner_id/.id", "journal_id/.id", "invoice_date"];
    fields.extend(columns.iter().map(String::as_str));
    let mut rows = Vec::new();
    for n in lines.clone() {
        let head = ["waybill.bill", "in_invoice", "INV-7", "9", "2", "2026-11-19"].map(|cell| if rows.is_empty() { cell } else { "" });
        let mut row = head.map(str::to_owned).to_vec();
        row.extend([format!("waybill.bill_{n}"), format!("Freight {n}"), "1".into(), format!("{n}.10")]);
        rows.push(row);
    }
    let found_by = found_by.map(|n| format!("waybill.bill_{n}"));
    load(&format!("{list} {lines:?}"), &fields, &rows, found_by.as_deref())
}

#[tokio::test]
async fn a_bill_grows_by_commands_and_is_never_touched_once_it_is_posted() {
    for (major, list) in VERSIONS.into_iter().flat_map(|major| ["line_ids", "invoice_line_ids"].map(|list| (major, list))) {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        assert_eq!(names(&run(&odoo, &[bill(list, 3..=4, Some(3))]).await), ["not_there"], "no bill begins in its middle");
        assert!(standin.moves().is_empty());

        let batch = [bill(list, 1..=2, None), bill(list, 3..=4, Some(3))];
        let first = run(&odoo, &batch).await;
        let made = Outcome::Done { created_id: standin.moves().first().map(|m| m.id) };
        assert!(first.iter().all(|o| o.outcome == made), "{major} {list}: {first:?}");
        assert_eq!(names(&run(&odoo, &batch).await), ["already_done"; 2], "{major} {list}");
        let posting = post("post", &["waybill.bill".into()]);
        assert_eq!(names(&run(&odoo, &[posting.clone(), posting]).await), ["done", "already_done"]);

        let before = standin.moves();
        let loads = calls(&standin, "account.move.load");
        assert_eq!(names(&run(&odoo, &[bill(list, 5..=6, Some(5))]).await), ["posted"], "{major} {list}");
        assert_eq!(names(&run(&odoo, &batch).await), ["already_done"; 2], "what is done is done, posted or not");
        assert_eq!((standin.moves(), calls(&standin, "account.move.load")), (before.clone(), loads), "nothing is called");
        let total = Decimal::new(1040, 2);
        assert_eq!(balances(&before), BTreeMap::from([(EXPENSE_ACCOUNT, total), (PAYABLE_ACCOUNT, -total)]));
        assert!(before.len() == 1 && before[0].lines.len() == 5, "four lines and the one that is owed: {before:?}");
    }
}

#[tokio::test]
async fn entries_that_exist_in_another_state_are_refused_by_name() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        for (id, state) in [(11, "posted"), (12, "draft"), (13, "cancel")] {
            standin.put_move(id, state);
            standin.put_external_id(&format!("waybill.{state}"), "account.move", id);
        }
        standin.put_external_id("waybill.partner", "res.partner", 9);
        let loaded = |n: &str, head: &str| {
            let rows: Vec<Vec<String>> = [entry(&format!("new{n}"), 1, 1), entry(head, 1, 1)].into_iter().flatten().collect();
            load(n, &ENTRY, &rows, None)
        };
        let posted = |n: &str, other: &str| post(n, &["waybill.posted".into(), format!("waybill.{other}")]);
        let table = [
            (loaded("1", "posted"), "posted"),
            (loaded("2", "cancel"), "not_draft"),
            (loaded("3", "partner"), "other_model"),
            (posted("4", "cancel"), "not_draft"),
            (posted("5", "partner"), "other_model"),
            (posted("6", "nobody"), "not_there"),
        ];
        for (effect, expected) in table {
            assert_eq!(names(&run(&odoo, &[effect]).await), [expected], "{major}");
        }
        assert_eq!((calls(&standin, "account.move.load"), calls(&standin, "account.move.action_post")), (0, 0));
        assert_eq!(names(&run(&odoo, &[posted("7", "draft")]).await), ["done"], "only the draft is posted");
        assert_eq!(names(&run(&odoo, &[posted("8", "draft")]).await), ["already_done"]);
    }
}

type Fault = fn(&mut Faults);

#[tokio::test]
async fn no_answer_doubles_nothing_and_no_posting_overtakes() {
    let faults: [(&str, Fault); 3] = [
        ("reply lost", |faults| faults.lose_replies = 1),
        ("worker killed", |faults| faults.kill_workers = 1),
        ("conflict", |faults| faults.serialization_failures = 1),
    ];
    for (major, (what, fault)) in VERSIONS.into_iter().flat_map(|major| faults.map(|fault| (major, fault))) {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        let batch = twenty();
        standin.set_faults(fault);
        assert_eq!(names(&run(&odoo, &batch).await), ["wait", "wait"], "{major} {what}: the posting waits with the loading");
        assert!(standin.moves().iter().all(|m| m.state == "draft") && calls(&standin, "account.move.action_post") == 0);
        standin.set_faults(fault);
        // The loading is found, or done now and then no more: either way the fault meets what comes next.
        while count(&run(&odoo, &batch).await, "wait") > 0 {}
        standin.set_faults(fault);
        let again = run(&odoo, &batch).await;
        assert_eq!(names(&again), ["already_done"; 2], "{major} {what}");
        let moves = standin.moves();
        assert!(moves.len() == 20 && moves.iter().all(|m| m.state == "posted" && m.lines.len() == 2), "{major} {what}");
    }
}

async fn raw_load(odoo: &Odoo, data: &[Vec<String>], without: &str) -> Value {
    let kept: Vec<usize> = ENTRY.iter().enumerate().filter(|(_, field)| **field != without).map(|(n, _)| n).collect();
    let fields: Vec<&str> = kept.iter().map(|n| ENTRY[*n]).collect();
    let data: Vec<Vec<&str>> = data.iter().map(|row| kept.iter().map(|n| row[*n].as_str()).collect()).collect();
    odoo.call("account.move", "load", None, object(json!({"fields": fields, "data": data})), &[]).await.unwrap()
}

#[tokio::test]
async fn the_standin_loads_as_each_version_does() {
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        let odoo = connect(&standin).await;
        let lines = |standin: &Standin| standin.moves()[0].lines.len();
        let first = raw_load(&odoo, &entry("e", 525, 525), "").await;
        assert_eq!(first, json!({"ids": [standin.moves()[0].id], "messages": [], "nextrow": 0}));
        assert_eq!((raw_load(&odoo, &entry("e", 625, 625), "").await, lines(&standin)), (first.clone(), 2), "a draft is updated in place");
        assert_eq!(raw_load(&odoo, &entry("e", 625, 625), "line_ids/id").await["ids"], first["ids"]);
        assert_eq!(lines(&standin), 4, "lines without external ids are doubled");
        for bad in [entry("f", 525, 100), entry("e", 1, 2)] {
            let rows: Vec<Vec<String>> = entry("g", 1, 1).into_iter().chain(bad).collect();
            assert_eq!(raw_load(&odoo, &rows, "").await["ids"], json!(false), "{major}: not balanced");
        }
        assert_eq!(standin.moves().len(), 1, "all or nothing");
        let unknown = odoo.call("account.move", "load", None, object(json!({"fields": ["id", "nme"], "data": [["a.b", "y"]]})), &[]).await;
        assert!(unknown.unwrap_err().is(if major == 17 { "builtins.KeyError" } else { "builtins.ValueError" }));

        let id = standin.moves()[0].id;
        odoo.call("account.move", "action_post", Some(&[id]), serde_json::Map::new(), &[]).await.unwrap();
        let rewritten = raw_load(&odoo, &entry("e", 777, 777), "").await;
        let debits: Decimal = standin.moves()[0].lines.iter().map(|line| line.debit).sum();
        if major == 17 {
            assert_eq!((&rewritten["ids"], debits), (&json!([id]), Decimal::new(777 + 625, 2)), "17 rewrites what is posted");
        } else {
            assert_eq!((&rewritten["ids"], debits), (&json!(false), Decimal::new(625 + 625, 2)), "{major} does not");
        }
    }
}
