//! Poison of every kind over all inputs, on real Kafka, with good records between: each is put aside once with its code, its
//! bytes and its headers, or is accepted where the table says so; no process ends, no partition stands still, memory has a bound.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod poisons;
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use poisons::{Accepted, Poison};
use support::kafka::Kafka;
use support::rig::{Instance, Rig};
use waybill::domain::odoo_command::OdooCommand;
use waybill::domain::record::Record;
use waybill::testkit::generator::{ODOO, Parcel, RawRecord, Run, generate, number};

const IDLE_LIMIT: Duration = Duration::from_mins(2);
const SERVICES: [&str; 4] = ["carrier-normalizer", "odoo-normalizer", "shipment-tracker", "odoo-writer"];
const MESSAGES: usize = 600;
/// Most memory that a service may have at once, MiB. A body has 16 MiB at most, and a transaction holds a few.
const PEAK_MIB_MAX: u64 = 300;
/// Good commands to Odoo: enough for every partition.
const COMMANDS: usize = 40;

#[test]
fn poison_is_put_aside_and_nothing_else_suffers() {
    let started = Instant::now();
    let rig = Rig::new(Kafka::shared(), "poison");
    let poisons = poisons::all(&rig.schema_ids, &rig.codecs);
    let kinds: BTreeSet<&str> = poisons.iter().map(|p| p.name).collect();
    assert_eq!(kinds.len(), poisons.len(), "every kind has a name of its own");
    let parked = poisons.iter().filter(|p| p.parked.is_some()).count();
    assert!(parked >= 40, "only {parked} kinds are parked");

    let run = mixed(&rig, generate(41, MESSAGES), poisons);
    let mut rig = rig;
    let mut instances: Vec<Instance> = SERVICES.iter().map(|service| rig.start(service, "0", true)).collect();
    let processes: Vec<u32> = instances.iter().map(Instance::pid).collect();
    rig.produce(&run.records);
    rig.wait_idle(IDLE_LIMIT, &mut instances);
    eprintln!("{:?}: idle after {parked} kinds", started.elapsed());

    assert_eq!(processes, instances.iter().map(Instance::pid).collect::<Vec<_>>(), "a process has ended");
    let peaks: Vec<(&str, u64)> = instances.iter().map(|i| (i.service, i.peak_mib())).collect();
    eprintln!("peaks in MiB: {peaks:?}");
    let evidence = rig.judge(&run);
    let results = rig.read("odoo.results");
    let told = |id: &str| results.iter().filter(|r| r.value.as_deref().is_some_and(|v| String::from_utf8_lossy(v).contains(id))).count();
    let unheard: Vec<String> = (0..COMMANDS).map(|n| format!("cause-{n:03}")).filter(|id| told(id) != 1).collect();
    assert!(unheard.is_empty(), "good commands without one result: {unheard:?}");
    for instance in &instances {
        let panics: Vec<String> = instance.output().lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect();
        assert!(panics.is_empty(), "{}: {panics:?}", instance.service);
    }
    assert!(peaks.iter().all(|(_, peak)| *peak <= PEAK_MIB_MAX), "{peaks:?}");
    eprintln!("{:?}: kept, {} dead letters", started.elapsed(), dead_letters(&evidence.topics));
}

fn dead_letters(topics: &std::collections::BTreeMap<String, Vec<waybill::testkit::oracle::Read>>) -> usize {
    topics.iter().filter(|(topic, _)| topic.contains(".dlq")).map(|(_, reads)| reads.len()).sum()
}

/// Poison spread over the run, so that good records of every kind stand before and behind each.
fn mixed(rig: &Rig<'_>, run: Run, poisons: Vec<Poison>) -> Run {
    let Run { records, mut parcels, pickings, freight } = run;
    let mut odd: Vec<RawRecord> = Vec::new();
    for (number, poison) in poisons.into_iter().enumerate() {
        if let Some(Accepted { key, carrier, milestone, minute }) = poison.accepted {
            parcels.push(Parcel { key, carrier, happenings: vec![(milestone, minute)] });
        }
        odd.push(RawRecord {
            topic: poison.topic.to_owned(),
            key: Some(format!("poison-{number}")),
            value: poison.value,
            headers: poison.headers,
            poison: poison.parked,
        });
    }
    odd.extend((0..COMMANDS).map(|n| good_command(rig, n)));
    // Commands among the poison, not behind it.
    let places: Vec<usize> = (0..odd.len()).map(|n| n * 7 % odd.len()).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), odd.len(), "7 does not divide the number of odd records");
    let every = records.len() / (odd.len() + 2);
    let mut all: Vec<RawRecord> = Vec::new();
    for (at, record) in records.into_iter().enumerate() {
        if at > every && at % every == 0 && at / every - 1 <= odd.len() && at / every >= 2 {
            all.push(odd[places[at / every - 2]].clone());
        }
        all.push(record);
    }
    number(&mut all);
    let there = all.iter().filter(|r| r.key.as_deref().is_some_and(|k| k.starts_with("poison-"))).count();
    assert_eq!(there + COMMANDS, odd.len(), "every poison has its place");
    Run { records: all, parcels, pickings, freight }
}

fn good_command(rig: &Rig<'_>, number: usize) -> RawRecord {
    let id = i64::try_from(number).expect("small") + 900_000;
    let command = Record::OdooCommand(Box::new(OdooCommand {
        command_id: format!("good-{number:03}"),
        odoo_instance: ODOO.into(),
        kind: "note".into(),
        model: "stock.picking".into(),
        record_id: Some(id),
        arguments: r#"{"body": "seen"}"#.into(),
        cause_id: format!("cause-{number:03}"),
        requested_at: 1_763_625_600_000_000,
    }));
    let mut value = Vec::new();
    rig.codecs.encode(&command, rig.schema_ids["OdooCommand"], &mut value).expect("encodes");
    RawRecord {
        topic: "odoo.commands".into(),
        key: Some(format!("command-{number}")),
        value: Some(value),
        headers: Vec::new(),
        poison: None,
    }
}
