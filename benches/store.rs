//! What it costs to remember: ten million events in six partition stores, and how soon they are there again after a kill.
//!
//! `cargo bench --bench store [-- --quick]`. Prints a table; asserts nothing about time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use waybill::store::{Identity, InputOffset, Overlay, PartitionStore};

const PARTITIONS: usize = 6;
/// Records of one transaction, over all partitions.
const BATCH: usize = 1000;
const EVENTS_PER_SHIPMENT: usize = 10;
/// sled's cache, as configured by default, shared by the partitions.
const CACHE: u64 = (32 << 20) / PARTITIONS as u64;
/// A shipment's memory in the store: what it takes before its first event, and for each event.
const VALUE_BASE: usize = 90;
const VALUE_PER_EVENT: usize = 56;
/// Keys of the baseline that puts each key into sled on its own.
const BASELINE_KEYS: u64 = 200_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["--child-fill", dir, events, mode] => fill(Path::new(dir), events.parse().unwrap(), *mode == "whole"),
        ["--child-open", dir, events] => open(Path::new(dir), events.parse().unwrap()),
        ["--child-baseline", dir, keys] => baseline(Path::new(dir), keys.parse().unwrap()),
        _ => bench(if args.contains(&"--quick") { 200_000 } else { 10_000_000 }),
    }
}

fn bench(events: usize) {
    println!("{events} events of {} shipments, {PARTITIONS} partitions, {BATCH} events in a transaction\n", events / EVENTS_PER_SHIPMENT);
    for (mode, what) in [("keys", "idempotency keys alone"), ("whole", "keys and shipments")] {
        let dir = tempfile::Builder::new().prefix("waybill-bench-").tempdir().unwrap();
        println!("{what}");
        run_killed(&["--child-fill", dir.path().to_str().unwrap(), &events.to_string(), mode]);
        println!("  {:<34}{:>10.0} MB", "disk", megabytes(disk_bytes(dir.path())));
        run_killed(&["--child-open", dir.path().to_str().unwrap(), &events.to_string()]);
    }
    let dir = tempfile::Builder::new().prefix("waybill-bench-").tempdir().unwrap();
    println!("each key into sled on its own ({BASELINE_KEYS} keys)");
    run_killed(&["--child-baseline", dir.path().to_str().unwrap(), &BASELINE_KEYS.to_string()]);
    println!("  {:<34}{:>10.0} MB", "disk", megabytes(disk_bytes(dir.path())));
}

/// Runs this program with `args`, shows what it prints, and kills it with SIGKILL once it says that it is done.
fn run_killed(args: &[&str]) {
    let mut child = Command::new(std::env::current_exe().unwrap()).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 && line != "done\n" {
        print!("  {line}");
        line.clear();
    }
    assert_eq!(line, "done\n", "the child ended early");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Says that all is done and waits to be killed.
fn done() {
    println!("done");
    std::thread::sleep(Duration::from_mins(1));
}

fn row(what: &str, value: f64, unit: &str) {
    println!("{what:<34}{value:>10.0} {unit}");
}

fn path(dir: &Path, partition: usize) -> PathBuf {
    dir.join(format!("p{partition:04}"))
}

fn open_store(dir: &Path, partition: usize) -> PartitionStore {
    let identity = Identity { cluster: "bench".into(), topic: "changelog".into(), partition: partition.try_into().unwrap() };
    let (store, rebuilt) = PartitionStore::open(&path(dir, partition), &identity, CACHE).unwrap();
    assert_eq!(rebuilt, None);
    store
}

/// The same for every run: SplitMix64.
fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn key_of(shipment: usize, event: usize) -> u128 {
    let n = (shipment * EVENTS_PER_SHIPMENT + event) as u64;
    u128::from(hash(n)) << 64 | u128::from(hash(!n))
}

fn name_of(shipment: usize) -> Vec<u8> {
    // A step without a common factor with the range: no two shipments share a name.
    format!("s1Z88W0E7{:010}", shipment * 7919 % 10_000_000_000).into_bytes()
}

fn partition_of(shipment: usize) -> usize {
    usize::try_from(hash(shipment as u64 ^ 0xABCD) % PARTITIONS as u64).unwrap()
}

/// Shipments in the order of their events: each has ten, spread over the time in which a fiftieth of all shipments begin.
struct Happenings {
    shipments: usize,
    told: Vec<u8>,
    at: usize,
}

impl Happenings {
    fn next(&mut self) -> (usize, usize) {
        let (round, nth) = (self.at / EVENTS_PER_SHIPMENT, self.at % EVENTS_PER_SHIPMENT);
        let apart = self.shipments / 50 / EVENTS_PER_SHIPMENT;
        let shipment = (round + self.shipments - nth * apart) % self.shipments;
        self.at += 1;
        self.told[shipment] += 1;
        (shipment, usize::from(self.told[shipment]) - 1)
    }
}

#[derive(Default)]
struct Times {
    look_up: Duration,
    remember: Duration,
    values: Duration,
    commit: Duration,
    worst: Duration,
}

fn fill(dir: &Path, events: usize, whole: bool) {
    let shipments = events / EVENTS_PER_SHIPMENT;
    let mut stores: Vec<PartitionStore> = (0..PARTITIONS).map(|p| open_store(dir, p)).collect();
    let mut happenings = Happenings { shipments, told: vec![0; shipments], at: 0 };
    let before = resident("VmRSS");
    let mut times = Times::default();
    for transaction in 0..events / BATCH {
        let batch: Vec<(usize, usize)> = (0..BATCH).map(|_| happenings.next()).collect();
        transact(&mut stores, &batch, transaction, whole, &mut times);
    }
    let per_event = |d: Duration| d.as_secs_f64() * 1e9 / events as f64;
    row("look up a new key", per_event(times.look_up), "ns/event");
    row("remember it", per_event(times.remember), "ns/event");
    if whole {
        row("put the shipment", per_event(times.values), "ns/event");
    }
    row("after commit: memory and disk", per_event(times.commit), "ns/event");
    row("all of these", per_event(times.look_up + times.remember + times.values + times.commit), "ns/event");
    row("longest transaction", times.worst.as_secs_f64() * 1e3, "ms");
    let hits = look_ups(&stores, shipments, 0);
    row("look up a known key, at full size", hits, "ns");
    row("look up a new key, at full size", look_ups(&stores, shipments, shipments), "ns");
    row("memory", megabytes(resident("VmRSS") - before), "MB");
    row("memory at most", megabytes(resident("VmHWM") - before), "MB");
    done();
}

/// One transaction as the engine does it: look up, remember, changes, commit. Filling the batch is not timed.
fn transact(stores: &mut [PartitionStore], batch: &[(usize, usize)], transaction: usize, whole: bool, times: &mut Times) {
    let mut parts: Vec<Vec<(u128, Vec<u8>, usize)>> = vec![Vec::new(); PARTITIONS];
    for (shipment, event) in batch {
        parts[partition_of(*shipment)].push((key_of(*shipment, *event), name_of(*shipment), *event));
    }
    let mut took = Duration::ZERO;
    let now = 1_767_225_600_000_000 + i64::try_from(transaction).unwrap() * 1_000_000;
    for (partition, (store, part)) in stores.iter_mut().zip(&parts).enumerate() {
        let mut overlay = Overlay::default();
        let started = Instant::now();
        let known = part.iter().filter(|(key, ..)| overlay.seen(store.memory(), *key)).count();
        let looked_up = started.elapsed();
        assert_eq!(known, 0);
        for (key, ..) in part {
            overlay.remember(*key);
        }
        let remembered = started.elapsed();
        let mut put = Duration::ZERO;
        if whole {
            let values: Vec<Vec<u8>> = part.iter().map(|(key, _, event)| value(*key, *event)).collect();
            let started = Instant::now();
            for ((_, name, _), value) in part.iter().zip(values) {
                let before = overlay.get(store.memory(), name).map_or(0, <[u8]>::len);
                assert!(before < value.len());
                overlay.put(name, value, Some(now + 3_888_000_000_000));
            }
            put = started.elapsed();
        }
        let next = i64::try_from(transaction * BATCH).unwrap();
        let started = Instant::now();
        let input = InputOffset { topic: "shipment.observations".into(), partition: partition.try_into().unwrap(), next };
        let changes = overlay.changes(store.memory(), now, &[input]);
        store.commit(changes, next).unwrap();
        let committed = started.elapsed();
        times.look_up += looked_up;
        times.remember += remembered.saturating_sub(looked_up);
        times.values += put;
        times.commit += committed;
        took += remembered + put + committed;
    }
    times.worst = times.worst.max(took);
}

/// As long as the tracker's memory of a shipment after so many events, and as little alike.
fn value(key: u128, event: usize) -> Vec<u8> {
    let length = VALUE_BASE + VALUE_PER_EVENT * (event + 1);
    let mut seed = u64::try_from(key >> 64).unwrap();
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        seed = hash(seed);
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Nanoseconds for one look-up among keys of shipments from `first` on.
fn look_ups(stores: &[PartitionStore], shipments: usize, first: usize) -> f64 {
    const COUNT: usize = 1_000_000;
    let keys: Vec<(usize, u128)> = (0..COUNT)
        .map(|n| {
            let shipment = first + usize::try_from(hash(n as u64)).unwrap() % shipments;
            (partition_of(shipment), key_of(shipment, n % EVENTS_PER_SHIPMENT))
        })
        .collect();
    let started = Instant::now();
    let known = keys.iter().filter(|(partition, key)| stores[*partition].memory().seen(*key)).count();
    let took = started.elapsed();
    assert_eq!(known, if first == 0 { COUNT } else { 0 });
    took.as_secs_f64() * 1e9 / COUNT as f64
}

/// After the kill: until every partition is ready again.
fn open(dir: &Path, events: usize) {
    let before = resident("VmRSS");
    let started = Instant::now();
    let partitions: Vec<usize> = (0..PARTITIONS).collect();
    let stores = waybill::engine::in_shares(&partitions, 1, |p| open_store(dir, *p));
    row("ready again after SIGKILL", started.elapsed().as_secs_f64() * 1e3, "ms");
    // sled writes behind: the newest transactions may be missing, and Kafka has them.
    let missing = events - stores.iter().map(|s| s.memory().len().1).sum::<usize>();
    row("to be read from the changelog", missing as f64, "events");
    row("memory then", megabytes(resident("VmRSS") - before), "MB");
    row("memory at most until then", megabytes(resident("VmHWM") - before), "MB");
    done();
}

fn baseline(dir: &Path, keys: u64) {
    let before = resident("VmRSS");
    let db = sled::Config::new().path(dir).cache_capacity(256 << 20).flush_every_ms(Some(500)).open().unwrap();
    let key = |n: u64| [hash(n).to_le_bytes(), hash(!n).to_le_bytes()].concat();
    let started = Instant::now();
    for n in 0..keys {
        db.insert(key(n), &[0; 16]).unwrap();
    }
    row("remember", started.elapsed().as_secs_f64() * 1e9 / keys as f64, "ns/event");
    let started = Instant::now();
    let known = (0..keys).filter(|n| db.contains_key(key(hash(*n) % keys)).unwrap()).count();
    assert_eq!(known as u64, keys);
    row("look up a known key", started.elapsed().as_secs_f64() * 1e9 / keys as f64, "ns");
    row("memory", megabytes(resident("VmRSS") - before), "MB");
    done();
}

/// Bytes of a line of `/proc/self/status`.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn disk_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|e| if e.path().is_dir() { disk_bytes(&e.path()) } else { e.metadata().map_or(0, |m| m.len()) }).sum()
}
