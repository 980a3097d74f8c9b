//! Commands of one journal are carried out in their order and once, on real Kafka: whatever Odoo does and whenever the writer dies,
//! no posting comes before the loading it is for, and every entry is there once.
//!
//! `WAYBILL_SEED` changes the run; the seed is printed.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::kafka::Kafka;
use support::rig::Rig;
use support::wait_until;
use waybill::domain::odoo_command::OdooCommand;
use waybill::domain::record::Record;
use waybill::services::dev::odoo_standin::{Away, Faults};
use waybill::testkit::Chance;
use waybill::testkit::generator::{ODOO, RawRecord};

const JOURNALS: i64 = 6;
const ROUNDS: usize = 12;
const ENTRIES: usize = 3;

#[test]
fn no_posting_overtakes_its_loading_and_every_entry_is_there_once() {
    let seed = std::env::var("WAYBILL_SEED").map_or(4, |text| text.parse().expect("a number"));
    eprintln!("WAYBILL_SEED={seed} tells this run again");
    let mut chance = Chance::new(seed);
    let mut rig = Rig::new(Kafka::shared(), "commands");
    let mut writers = vec![rig.start("odoo-writer", "0", true)];
    for round in 0..ROUNDS {
        // Before the commands are there: the first call of the round is a loading.
        rig.odoo.set_faults(|faults| match round % 4 {
            0 => faults.lose_replies = 1,
            1 => faults.kill_workers = 1,
            2 => faults.serialization_failures = 3,
            _ => faults.away = Away::Refuses,
        });
        let commands: Vec<RawRecord> = (1..=JOURNALS).flat_map(|journal| load_and_post(&rig, journal, round)).collect();
        rig.produce(&commands);
        // The moment is random; nothing is waited for.
        std::thread::sleep(Duration::from_millis(chance.below(400) as u64));
        if round % 3 == 1 {
            writers[0].kill();
            rig.restart(&mut writers[0]);
        }
        rig.odoo.set_faults(|faults| faults.away = Away::No);
        let wanted = usize::try_from(JOURNALS).expect("small") * (round + 1) * ENTRIES;
        wait_until(Duration::from_mins(1), "every entry so far is posted", || {
            rig.odoo.moves().iter().filter(|entry| entry.state == "posted").count() == wanted
        });
        rig.supervise(&mut writers);
    }
    rig.odoo.set_faults(|faults| *faults = Faults::default());
    rig.wait_idle(Duration::from_mins(3), &mut writers);

    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for entry in rig.odoo.moves() {
        assert!(entry.state == "posted" && entry.lines.len() == 2, "{entry:?}");
        *times.entry(entry.external_id.expect("each was loaded")).or_default() += 1;
    }
    let wanted = (1..=JOURNALS).flat_map(|j| (0..ROUNDS).flat_map(move |r| (0..ENTRIES).map(move |n| (name(j, r, n), 1))));
    assert_eq!(times, wanted.collect::<BTreeMap<_, _>>());
    let mut results: BTreeMap<String, String> = BTreeMap::new();
    for read in rig.read("odoo.results") {
        let bytes = read.value.expect("a result has a value");
        let Record::OdooResult(result) = rig.codecs.decode("OdooResult", &bytes).expect("a result") else { panic!("another record") };
        assert!(result.outcome == "done" || result.outcome == "already_done", "{result:?}");
        assert_eq!(results.insert(result.cause_id, result.outcome), None, "each command is told once");
    }
    assert_eq!(results.len(), usize::try_from(JOURNALS).expect("small") * ROUNDS * 2);
    assert!(rig.read("odoo-writer.dlq").is_empty());
}

fn name(journal: i64, round: usize, entry: usize) -> String {
    format!("waybill.entry_{journal}_{round}_{entry}")
}

/// The two commands of one round of a journal, under its key.
fn load_and_post(rig: &Rig<'_>, journal: i64, round: usize) -> [RawRecord; 2] {
    let names: Vec<String> = (0..ENTRIES).map(|n| name(journal, round, n)).collect();
    let rows = names.iter().flat_map(|name| {
        let journal = journal.to_string();
        [
            json!([name, journal, "2026-11-20", format!("{name}_1"), "29", "5.25", "0"]),
            json!(["", "", "", format!("{name}_2"), "14", "0", "5.25"]),
        ]
    });
    let fields = ["id", "journal_id/.id", "date", "line_ids/id", "line_ids/account_id/.id", "line_ids/debit", "line_ids/credit"];
    let rows: Vec<Value> = rows.collect();
    [("load", json!({"fields": fields, "data": rows})), ("post", json!({"external_ids": names}))].map(|(kind, arguments)| {
        let id = format!("{kind}-{journal}-{round}");
        let command = Record::OdooCommand(Box::new(OdooCommand {
            command_id: id.clone(),
            odoo_instance: ODOO.into(),
            kind: kind.into(),
            model: "account.move".into(),
            record_id: None,
            arguments: arguments.to_string(),
            cause_id: id,
            requested_at: 1_763_625_600_000_000,
        }));
        let mut value = Vec::new();
        rig.codecs.encode(&command, rig.schema_ids["OdooCommand"], &mut value).expect("encodes");
        let key = format!("{ODOO}:account.journal:{journal}");
        RawRecord { topic: "odoo.commands".into(), key: Some(key), value: Some(value), headers: Vec::new(), poison: None }
    })
}
