//! The guarantee under SIGKILL, on real Kafka: whatever dies, nothing is lost, nothing is done twice, and order holds.
//!
//! `WAYBILL_SEED`, `WAYBILL_KILLS` and `WAYBILL_MESSAGES` change the run; the seed is printed and says what goes in and who dies.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod support;

use std::io::Write as _;
use std::time::{Duration, Instant};

use support::kafka::{Down, Kafka};
use support::rig::{Instance, Rig};
use waybill::services::dev::odoo_standin::Away;
use waybill::testkit::Chance;
use waybill::testkit::billed_life::bill;
use waybill::testkit::generator::generate;

/// Longest that the services may take to finish what is left once nobody dies any more.
const IDLE_LIMIT: Duration = Duration::from_mins(4);
/// From there on, until what is done by the clock is done too.
const RIGHT_LIMIT: Duration = Duration::from_mins(1);
const SERVICES: [&str; 5] = ["carrier-normalizer", "odoo-normalizer", "shipment-tracker", "odoo-writer", "finance-accrual"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_or_doubled_whoever_is_killed() {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let seed = number("WAYBILL_SEED", clock);
    let kills = usize::try_from(number("WAYBILL_KILLS", 50)).expect("fits");
    let messages = usize::try_from(number("WAYBILL_MESSAGES", 20_000)).expect("fits");
    // Past the test runner's capture: who sees it fail or hang can tell the run again.
    writeln!(std::io::stderr(), "WAYBILL_SEED={seed} WAYBILL_KILLS={kills} WAYBILL_MESSAGES={messages} tells this run again")
        .expect("stderr");
    let started = Instant::now();

    let kafka = Kafka::start();
    let mut rig = Rig::new(&kafka, "kill");
    let run = bill(generate(seed, messages), seed);
    let mut chance = Chance::new(seed ^ 0x6b69_6c6c);
    // One instance of each keeps its membership over a restart, the other leaves its partitions to the first.
    let mut instances: Vec<Instance> = SERVICES
        .iter()
        .flat_map(|service| [(service, "0", true), (service, "1", false)])
        .map(|(s, n, fixed)| rig.start(s, n, fixed))
        .collect();

    let rounds = kills.max(1);
    let portion = run.records.len().div_ceil(rounds);
    for (round, records) in run.records.chunks(portion).enumerate() {
        rig.produce(records);
        trouble_in_odoo(&rig, &mut chance);
        // The moment is random; nothing is waited for.
        std::thread::sleep(Duration::from_millis(chance.below(3_000) as u64));
        if round < kills {
            let victim = chance.below(instances.len());
            instances[victim].kill();
            rig.restart(&mut instances[victim]);
        }
        if round == rounds / 3 && kafka.can_restart() {
            kafka.restart(Down::Kill);
            eprintln!("{:?}: the broker was killed and came back", started.elapsed());
        }
        if round == rounds * 2 / 3 {
            storm(&rig, &mut chance);
            eprintln!("{:?}: the storm is over", started.elapsed());
        }
        rig.supervise(&mut instances);
    }
    eprintln!("{:?}: {kills} killed, waiting for the rest", started.elapsed());
    rig.odoo.set_faults(|f| *f = odoo_well());
    rig.wait_idle(IDLE_LIMIT, &mut instances);
    eprintln!("{:?}: idle", started.elapsed());
    rig.wait_right(&run, RIGHT_LIMIT, &mut instances);
    let again: usize = instances.iter().map(|i| i.logged("passed_over", 0).len()).sum();
    eprintln!("{again} times records were read again that were done");
    let evidence = rig.judge(&run);
    let of = |topic: &str| evidence.topics.get(topic).map_or(0, Vec::len);
    eprintln!(
        "{:?}: kept, with {} raw messages, {} observations, {} events, {} deliveries' statuses, {} notes, {} billed lines, {} \
         entries, {} entries and bills in Odoo",
        started.elapsed(),
        run.records.len(),
        of("shipment.observations"),
        of("shipment.events"),
        of("delivery.status"),
        evidence.notes.values().map(Vec::len).sum::<usize>(),
        run.freight.lines.len(),
        of("finance.entries"),
        evidence.entries.len()
    );
}

fn odoo_well() -> waybill::services::dev::odoo_standin::Faults {
    waybill::services::dev::odoo_standin::Faults::default()
}

/// Lost answers, dead workers, serialization failures, and now and then nobody there.
fn trouble_in_odoo(rig: &Rig<'_>, chance: &mut Chance) {
    let (kind, away) = (chance.below(6), chance.percent(15));
    rig.odoo.set_faults(|faults| {
        faults.away = if away { Away::Refuses } else { Away::No };
        match kind {
            0 => faults.lose_replies = 1,
            1 => faults.kill_workers = 1,
            2 => faults.serialization_failures = 3,
            _ => {}
        }
    });
}

/// Members come and go, in good order and in bad.
fn storm(rig: &Rig<'_>, chance: &mut Chance) {
    for wave in 0..3 {
        let mut guests: Vec<Instance> =
            SERVICES.iter().filter(|s| **s != "odoo-normalizer").map(|s| rig.start(s, &format!("guest{wave}"), false)).collect();
        std::thread::sleep(Duration::from_millis(1_500 + chance.below(2_500) as u64));
        for guest in &mut guests {
            if chance.percent(50) {
                guest.signal("TERM");
                assert!(guest.ended(Duration::from_secs(20)), "{} does not drain: {}", guest.service, guest.output());
            } else {
                guest.kill();
            }
        }
    }
}
