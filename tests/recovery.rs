//! What is lost or broken on one machine costs a rebuild and never a duplicate, on real Kafka: a move to an empty machine,
//! a deleted store, flipped bytes, truncated files, stores of others, and a process that was thought dead and wakes up.
//!
//! Each scene sends the first half, does its damage, and sends the first half once more together with the second: whoever
//! has forgotten something tells it twice, and the oracle sees it. `WAYBILL_SEED` changes what goes in; the seed is printed.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use support::kafka::Kafka;
use support::rig::{Instance, PARTITIONS, Rig};
use support::wait_until;
use waybill::domain::record::Record;
use waybill::testkit::Chance;
use waybill::testkit::generator::{RawRecord, Run, generate};
use waybill::testkit::oracle::Evidence;

const IDLE_LIMIT: Duration = Duration::from_mins(2);
const MESSAGES: usize = 1_000;
const SERVICES: [&str; 4] = ["carrier-normalizer", "odoo-normalizer", "shipment-tracker", "odoo-writer"];
/// Those with a memory.
const STATEFUL: [&str; 3] = ["odoo-normalizer", "shipment-tracker", "odoo-writer"];

fn seed(of: u64) -> u64 {
    let seed = std::env::var("WAYBILL_SEED").map_or(of, |text| text.parse().expect("a number"));
    eprintln!("WAYBILL_SEED={seed} tells this run again");
    seed
}

/// A run of which the first half is in.
struct Scene<'a> {
    name: &'static str,
    // Before the rig, which removes the directories they run in.
    instances: Vec<Instance>,
    rig: Rig<'a>,
    run: Run,
    half: usize,
    started: Instant,
}

impl<'a> Scene<'a> {
    /// One instance of every service, with its membership fixed so that a restart is quick.
    fn new(name: &'static str, number: u64, messages: usize) -> Self {
        let rig = Rig::new(Kafka::shared(), name);
        let instances = SERVICES.iter().map(|service| rig.start(service, "0", true)).collect();
        Self::of(name, rig, instances, number, messages)
    }

    fn of(name: &'static str, rig: Rig<'a>, instances: Vec<Instance>, number: u64, messages: usize) -> Self {
        let started = Instant::now();
        let run = generate(seed(number), messages);
        let half = run.records.len() / 2;
        rig.produce(&run.records[..half]);
        Self { name, instances, rig, run, half, started }
    }

    fn wait_idle(&mut self) {
        self.rig.wait_idle(IDLE_LIMIT, &mut self.instances);
    }

    fn stateful(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.instances.iter_mut().filter(|i| STATEFUL.contains(&i.service))
    }

    /// Kills every service with a memory, lets `damage` loose on the store of each partition, and starts them again.
    /// Returns the number of log lines that each had before.
    fn damaged(&mut self, mut damage: impl FnMut(i32, &Path)) -> BTreeMap<&'static str, usize> {
        let mut lines = BTreeMap::new();
        for at in 0..self.instances.len() {
            if !STATEFUL.contains(&self.instances[at].service) {
                continue;
            }
            self.instances[at].kill();
            let instance = &self.instances[at];
            lines.insert(instance.service, instance.lines());
            for partition in 0..PARTITIONS {
                let store = self.rig.store_of(instance, partition);
                assert!(store.is_dir(), "{} has no store", store.display());
                damage(partition, &store);
            }
            self.rig.restart(&mut self.instances[at]);
        }
        lines
    }

    /// The rest and the first half again; then the judgement.
    fn finish(mut self) -> Self {
        let again: Vec<RawRecord> = self.run.records[..self.half].iter().filter(|r| may_come_again(r)).cloned().collect();
        assert!(again.len() > self.half / 2, "most may come again");
        self.rig.produce(&again);
        self.rig.produce(&self.run.records[self.half..]);
        self.run.records.extend(again);
        self.wait_idle();
        let evidence = self.rig.judge(&self.run);
        nothing_goes_back(&self.rig, &evidence);
        eprintln!("{}: kept after {:?}, {} ended by themselves", self.name, self.started.elapsed(), self.rig.ends());
        self
    }
}

/// Webhooks of Odoo have no position in a log: an old one that comes again is news, by contract. All else is a repetition.
fn may_come_again(record: &RawRecord) -> bool {
    record.topic.starts_with("raw.carrier.") || record.value.as_deref().is_some_and(|v| String::from_utf8_lossy(v).contains("\"lsn\""))
}

/// A delivery as Odoo has it is told only when something in it has changed, and never goes back to what it was before.
fn nothing_goes_back(rig: &Rig<'_>, evidence: &Evidence) {
    let mut last: BTreeMap<String, (i64, Record)> = BTreeMap::new();
    for read in &evidence.topics["erp.deliveries"] {
        let record = rig.codecs.decode("ErpDelivery", read.value.as_deref().unwrap_or_default()).expect("readable");
        let Record::ErpDelivery(delivery) = &record else { panic!("{record:?}") };
        let (key, written) = (delivery.delivery_key.clone(), delivery.written_at.unwrap_or(0));
        if let Some((before, known)) = last.get(&key) {
            assert!(*known != record, "delivery {key} is told twice as {record:?}");
            assert!(written >= *before, "delivery {key} goes back from {known:?} to {record:?}");
        }
        last.insert(key, (written, record));
    }
    assert!(!last.is_empty(), "nothing was told of deliveries");
}

fn reasons(instance: &Instance, from_line: usize) -> BTreeSet<String> {
    instance.logged("store_rebuilt", from_line).iter().map(|line| line["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

/// How many changes the restores of an instance have read.
fn restored(instance: &Instance, from_line: usize) -> u64 {
    instance.logged("restore_done", from_line).iter().filter_map(|line| line["records"].as_u64()).sum()
}

#[test]
fn a_partition_moves_to_an_empty_machine() {
    let rig = Rig::new(Kafka::shared(), "move");
    let instances = SERVICES.iter().map(|service| rig.start(service, "0", false)).collect();
    let mut scene = Scene::of("move", rig, instances, 11, MESSAGES);
    // In the middle of the work: the first results are there and the rest is not.
    wait_until(IDLE_LIMIT, "the first notes", || !scene.rig.odoo.rows("mail.message").is_empty());
    for at in 0..scene.instances.len() {
        if STATEFUL.contains(&scene.instances[at].service) {
            scene.instances[at].kill();
            let elsewhere = scene.rig.start(scene.instances[at].service, "elsewhere", false);
            scene.instances[at] = elsewhere;
        }
    }
    let mut scene = scene.finish();
    for instance in scene.stateful() {
        assert!(restored(instance, 0) > 0, "{} found nothing in its changelog", instance.service);
    }
}

#[test]
fn a_deleted_store_is_rebuilt() {
    let mut scene = Scene::new("deleted", 12, MESSAGES);
    scene.wait_idle();
    let lines = scene.damaged(|_, store| std::fs::remove_dir_all(store).expect("the store can be removed"));
    let mut scene = scene.finish();
    for instance in scene.stateful() {
        assert!(restored(instance, lines[instance.service]) > 0, "{} rebuilt nothing", instance.service);
    }
}

#[test]
fn flipped_bytes_are_seen() {
    let mut scene = Scene::new("flipped", 13, MESSAGES);
    scene.wait_idle();
    let mut chance = Chance::new(13);
    let lines = scene.damaged(|partition, store| {
        for file in files(store) {
            let of_settings = file.ends_with("conf");
            // One partition with broken settings, the others with one, some and many broken bytes in all other files.
            let flips = [0, 1, 8, 64][usize::try_from(partition).expect("small")];
            if of_settings == (partition == 0) {
                flip(&file, flips.max(1), &mut chance);
            }
        }
    });
    expect_rebuilds(scene.finish(), &lines, &["damaged", "incomplete"]);
}

#[test]
fn what_is_cut_off_is_read_again() {
    let mut scene = Scene::new("truncated", 14, MESSAGES);
    scene.wait_idle();
    let lines = scene.damaged(|partition, store| {
        for file in files(store) {
            let length = std::fs::metadata(&file).expect("a file").len();
            let keep = match (partition, file.ends_with("conf")) {
                (0, true) | (2, false) => 0,
                (1, false) => last_written(&file) / 2,
                (3, false) => last_written(&file) - 1,
                _ => length,
            };
            std::fs::OpenOptions::new().write(true).open(&file).and_then(|f| f.set_len(keep)).expect("the file can be cut");
        }
    });
    // sled opens a log that was cut as an older state, or as an empty one, without a word: what is missing is read again.
    let mut scene = scene.finish();
    for instance in scene.stateful().filter(|i| i.service != "odoo-normalizer") {
        assert!(restored(instance, lines[instance.service]) > 0, "{} read nothing again", instance.service);
    }
    assert_eq!(scene.rig.ends(), 0, "a damaged store ended a process");
}

#[test]
fn the_store_of_another_is_not_believed() {
    // An installation with other names on the same cluster, from the same input: its store would silence everything.
    let mut other = Scene::new("other", 15, MESSAGES);
    other.wait_idle();
    let mut scene = Scene::new("foreign", 15, MESSAGES);
    scene.wait_idle();
    for instance in other.stateful() {
        instance.kill();
    }
    let theirs = other.rig.store_dir();
    let ours = scene.rig.store_dir();
    let lines = scene.damaged(|partition, store| {
        let source = match partition {
            // Those of other partitions of the same service.
            0 => store.with_file_name("p0003"),
            // That of another service.
            1 => ours.join(if store.starts_with(ours.join("odoo-writer")) { "shipment-tracker" } else { "odoo-writer" }).join("0/p0001"),
            _ => theirs.join(store.strip_prefix(&ours).expect("below")),
        };
        copied(&source, store);
    });
    expect_rebuilds(scene.finish(), &lines, &["foreign"]);
}

#[test]
fn a_store_ahead_of_its_changelog_is_not_believed() {
    // The same names on a cluster that was set up again from an older copy: its id is the same, its changelog is shorter.
    let before = Kafka::start();
    let prefix = format!("{}.", support::kafka::unique("ahead"));
    let mut rig = Rig::with_prefix(&before, prefix.clone());
    // Small transactions make a long changelog.
    rig.extra.push(("WAYBILL_KAFKA__BATCH_RECORDS".to_owned(), "10".to_owned()));
    let instances = SERVICES.iter().map(|service| rig.start(service, "0", true)).collect();
    let mut longer = Scene::of("ahead", rig, instances, 16, MESSAGES * 2);
    longer.wait_idle();
    for instance in longer.stateful() {
        instance.kill();
    }
    let rig = Rig::with_prefix(Kafka::shared(), prefix);
    let instances = SERVICES.iter().map(|service| rig.start(service, "0", true)).collect();
    let mut scene = Scene::of("behind", rig, instances, 16, MESSAGES / 2);
    scene.wait_idle();
    let (theirs, ours) = (longer.rig.store_dir(), scene.rig.store_dir());
    let lines = scene.damaged(|_, store| copied(&theirs.join(store.strip_prefix(&ours).expect("below")), store));
    expect_rebuilds(scene.finish(), &lines, &["ahead"]);
}

/// The services with a memory have said that they do not believe what they found, for one of these reasons and no other.
fn expect_rebuilds(mut scene: Scene<'_>, lines: &BTreeMap<&str, usize>, allowed: &[&str]) {
    // All of one Odoo is in one partition: the normalizer's other stores are empty, and nothing can be seen in them.
    for instance in scene.stateful().filter(|i| i.service != "odoo-normalizer") {
        let seen = reasons(instance, lines[instance.service]);
        let known = !seen.is_empty() && seen.iter().all(|reason| allowed.contains(&reason.as_str()));
        assert!(known, "{} rebuilt for {seen:?}, not for {allowed:?}", instance.service);
    }
    assert_eq!(scene.rig.ends(), 0, "a damaged store ended a process");
}

/// All files of a store, in one order on every machine.
fn files(store: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(store).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    assert!(!found.is_empty() || store.ends_with("blobs"), "{} is empty", store.display());
    found
}

/// Flips one bit in so many bytes that hold something: sled's file is longer than what was written to it.
fn flip(file: &Path, count: usize, chance: &mut Chance) {
    let mut bytes = std::fs::read(file).expect("the file can be read");
    let written: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| **b != 0).map(|(at, _)| at).collect();
    for _ in 0..count {
        if let Some(at) = chance.one(&written) {
            bytes[*at] ^= 1 << chance.below(8);
        }
    }
    std::fs::write(file, bytes).expect("the file can be written");
}

fn last_written(file: &Path) -> u64 {
    let bytes = std::fs::read(file).expect("the file can be read");
    bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at as u64 + 1)
}

fn copied(from: &Path, to: &Path) {
    if to.is_dir() {
        std::fs::remove_dir_all(to).expect("the store can be removed");
    }
    std::fs::create_dir_all(to).expect("the store can be made");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copied(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("the file can be copied");
        }
    }
}

#[test]
fn a_zombie_tracker_publishes_nothing() {
    zombie("shipment-tracker", 21, |rig| !rig.read("shipment.events").is_empty());
}

/// Stopped while its look-up of notes is on its way: what it then hears is out of date.
#[test]
fn a_zombie_writer_does_nothing_in_odoo() {
    zombie("odoo-writer", 22, |rig| rig.odoo.calls().keys().any(|call| call.starts_with("mail.message.search")));
}

/// One stops breathing in the middle of its work; another takes over and does it all; then the first wakes up.
fn zombie(service: &'static str, number: u64, at_work: impl Fn(&Rig<'_>) -> bool) {
    let name = if service == "odoo-writer" { "zombie-writer" } else { "zombie-tracker" };
    let mut rig = Rig::new(Kafka::shared(), name);
    // A late answer is an answer: nothing but the lease keeps a zombie from acting on it.
    rig.extra.push(("WAYBILL_ODOO__CALL_TIMEOUT_MS".to_owned(), "60000".to_owned()));
    let mut instances: Vec<Instance> = vec![rig.start(service, "0", false)];
    instances.extend(SERVICES.iter().filter(|s| **s != service).map(|s| rig.start(s, "0", true)));
    rig.odoo.set_faults(|f| f.slow = Duration::from_secs(1));
    let mut scene = Scene::of(name, rig, instances, number, MESSAGES);
    wait_until(IDLE_LIMIT, "it is at work", || at_work(&scene.rig));

    scene.instances[0].signal("STOP");
    scene.rig.odoo.set_faults(|f| f.slow = Duration::ZERO);
    let successor = scene.rig.start(service, "1", false);
    scene.instances.push(successor);
    let quarter = scene.half + scene.half / 2;
    scene.rig.produce(&scene.run.records[scene.half..quarter]);
    scene.half = quarter;
    scene.wait_idle();
    wait_until(IDLE_LIMIT, "its transaction is given up", || scene.rig.settled());
    let before = counts(&scene.rig);
    let lines = scene.instances[0].lines();

    scene.instances[0].signal("CONT");
    let zombie = &mut scene.instances[0];
    let awake = support::poll_until(IDLE_LIMIT, || {
        let back = !zombie.alive() || zombie.logged("rebalanced", lines).iter().any(|line| line["kind"] == "assigned");
        back.then_some(())
    });
    let said: Vec<String> = zombie.output().lines().skip(lines).map(str::to_owned).collect();
    assert!(awake.is_some(), "it neither ended nor joined again: {said:#?}");
    wait_until(IDLE_LIMIT, "no transaction is open", || scene.rig.settled());
    assert_eq!(counts(&scene.rig), before, "the zombie has said something");
    scene.finish();
}

/// How much there is of everything that a zombie could add to.
fn counts(rig: &Rig<'_>) -> BTreeMap<String, usize> {
    let evidence = rig.evidence();
    let mut counts: BTreeMap<String, usize> = evidence.topics.iter().map(|(topic, reads)| (topic.clone(), reads.len())).collect();
    counts.insert("notes".into(), evidence.notes.values().map(Vec::len).sum());
    counts.insert("files and activities".into(), evidence.others.len());
    counts
}

/// Joined inputs are assigned by range whatever the setting says; those of the carrier normalizer, which has no memory, as told.
#[test]
fn both_ways_of_sharing_out_keep_the_guarantee() {
    for assignor in ["range", "cooperative-sticky"] {
        let name = if assignor == "range" { "eager" } else { "cooperative" };
        let mut rig = Rig::new(Kafka::shared(), name);
        rig.extra.push(("WAYBILL_KAFKA__ASSIGNOR".to_owned(), assignor.to_owned()));
        let instances = SERVICES.iter().map(|service| rig.start(service, "0", false)).collect();
        let mut scene = Scene::of(name, rig, instances, 31, MESSAGES / 2);
        wait_until(IDLE_LIMIT, "the first events", || !scene.rig.read("shipment.events").is_empty());
        let mut guests: Vec<Instance> = SERVICES.iter().map(|service| scene.rig.start(service, "1", false)).collect();
        wait_until(IDLE_LIMIT, "the guests have partitions", || {
            guests.iter().all(|g| !g.logged("restore_done", 0).is_empty() || assigned(g))
        });
        for service in SERVICES {
            let expected = if service == "carrier-normalizer" { assignor } else { "range" };
            assert_eq!(protocol(&scene.rig, service), expected, "{service}");
        }
        let portion = scene.half / 2;
        scene.rig.produce(&scene.run.records[scene.half..scene.half + portion]);
        scene.half += portion;
        for (at, guest) in guests.iter_mut().enumerate() {
            if at % 2 == 0 {
                guest.signal("TERM");
                assert!(guest.ended(Duration::from_secs(20)), "{} does not drain: {}", guest.service, guest.output());
            } else {
                guest.kill();
            }
        }
        scene.finish();
    }
}

fn assigned(instance: &Instance) -> bool {
    instance.logged("rebalanced", 0).iter().any(|line| line["kind"] == "assigned")
}

/// How the group of a service shares out its partitions, as the broker has it.
fn protocol(rig: &Rig<'_>, service: &str) -> String {
    let client: BaseConsumer = rig.kafka.client(&[]).create().expect("a client");
    let group = format!("{}{service}", rig.prefix);
    let stable = || {
        let list = client.fetch_group_list(Some(&group), Duration::from_secs(10)).ok()?;
        let of = list.groups().iter().find(|g| g.state() == "Stable")?;
        Some(of.protocol().to_owned())
    };
    support::poll_until(IDLE_LIMIT, stable).expect("the group settles")
}
