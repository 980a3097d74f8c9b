//! What the pipeline costs on real Kafka: events per second and CPU beside a bare transactional copy loop, latency at a
//! steady pace, memory.
//!
//! `cargo bench --features testkit --bench pipeline [-- --quick] [throughput|latency|idle]`. Starts a broker as the tests do, or takes `WAYBILL_TEST_KAFKA=host:port`.
//! Each measured run is a process of its own, so that CPU and memory are its own. Prints tables; asserts nothing about time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod child;
mod copy;
mod idle;
mod load;
mod proc;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use support::kafka::{Kafka, unique};

/// What can be asked for alone.
const PARTS: [&str; 3] = ["throughput", "latency", "idle"];

/// How much is measured.
struct Size {
    events: usize,
    rounds: usize,
    paced_seconds: usize,
    /// Seconds at the same pace before anything is measured: a broker that has just started is slow until its code is compiled.
    warm_up_seconds: usize,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((what, rest)) = args.split_first().filter(|(what, _)| what.starts_with("--child-")) {
        child::run(what, rest);
        return;
    }
    let size = if args.iter().any(|a| a == "--quick") {
        if Command::new("java").arg("-version").output().is_err() && std::env::var("WAYBILL_TEST_KAFKA").is_err() {
            println!("skipped: no Java, and no WAYBILL_TEST_KAFKA");
            return;
        }
        Size { events: 10_000, rounds: 1, paced_seconds: 2, warm_up_seconds: 2 }
    } else {
        Size { events: 200_000, rounds: 5, paced_seconds: 30, warm_up_seconds: 60 }
    };
    let kafka = Kafka::start();
    let wanted = |part: &str| !args.iter().any(|a| PARTS.contains(&a.as_str())) || args.iter().any(|a| a == part);
    if wanted("throughput") {
        throughput(&kafka, &size);
    }
    if wanted("latency") {
        latency(&kafka, &size);
    }
    if wanted("idle") {
        idle::measure(&kafka);
    }
}

/// What a child tells of its run.
#[derive(Debug, Clone, Copy)]
struct Run {
    per_second: f64,
    cpu_seconds_per_million: f64,
    resident: f64,
}

/// The bare loop and the normalizer by turns, because a machine's speed drifts; then both services.
fn throughput(kafka: &Kafka, size: &Size) {
    let body = load::body(0).len();
    println!("{} events of {body} bytes, {} partitions, transactions of at most 1000 records\n", size.events, load::PARTITIONS);
    let (mut copies, mut normalizers, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        copies.push(one_run(kafka, "--child-copy", size.events));
        normalizers.push(one_run(kafka, "--child-normalizer", size.events));
    }
    for _ in 0..size.rounds.div_ceil(2) {
        both.push(one_run(kafka, "--child-both", size.events));
    }
    println!("{:<28}{:>30}{:>28}{:>22}", "", "events/s", "CPU s per million", "RSS MB");
    for (name, runs) in [("(a) bare copy loop", &copies), ("(b) normalizer", &normalizers), ("(c) normalizer and tracker", &both)] {
        let of = |pick: fn(&Run) -> f64| range(runs.iter().map(pick).collect());
        println!("{name:<28}{:>30}{:>28}{:>22}", of(|r| r.per_second), of(|r| r.cpu_seconds_per_million), of(|r| r.resident));
    }
    let ratios = copies.iter().zip(&normalizers).map(|(a, b)| b.per_second / a.per_second * 100.0).collect();
    println!("{:<28}{:>30}\n", "(b) of (a), percent", range(ratios));
}

fn one_run(kafka: &Kafka, what: &str, events: usize) -> Run {
    let prefix = format!("{}.", unique("bench"));
    load::create_topics(kafka, &prefix);
    load::preload(kafka, &prefix, events);
    let mut child = start(what, &[kafka.brokers(), &prefix, &events.to_string()]);
    let numbers = told(&mut child);
    child.wait().unwrap();
    load::drop_topics(kafka, &prefix);
    Run { per_second: numbers[0], cpu_seconds_per_million: numbers[1], resident: numbers[2] }
}

/// Starts this program as a child that ends when its input is closed.
fn start(what: &str, args: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(what).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The next line of a child: numbers between blanks.
fn told(child: &mut Child) -> Vec<f64> {
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let numbers = line.split_whitespace().map(|n| n.parse().expect("a number")).collect::<Vec<f64>>();
    assert!(!numbers.is_empty(), "the child ended early");
    numbers
}

/// From the raw record's timestamp to its event in the hands of a `read_committed` consumer.
fn latency(kafka: &Kafka, size: &Size) {
    const PER_SECOND: usize = 2_000;
    let prefix = format!("{}.", unique("paced"));
    load::create_topics(kafka, &prefix);
    let mut child = start("--child-serve", &[kafka.brokers(), &prefix]);
    let mut millis = load::paced(kafka, &prefix, PER_SECOND, size.warm_up_seconds, size.paced_seconds);
    drop(child.stdin.take());
    let numbers = told(&mut child);
    child.wait().unwrap();
    load::drop_topics(kafka, &prefix);
    millis.sort_unstable();
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    println!(
        "raw to shipment.events at {PER_SECOND} events/s for {} s after {} s of the same, normalizer and tracker in one process",
        size.paced_seconds, size.warm_up_seconds
    );
    println!("  p50 {} ms, p99 {} ms, p99.9 {} ms, longest {} ms", at(0.5), at(0.99), at(0.999), at(1.0));
    println!("  {:.0} MB RSS, {:.1} % of one core\n", numbers[0], numbers[1]);
}

/// Median with the range of all runs.
fn range(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let digits = usize::from(values[0] < 100.0);
    let (low, middle, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
}
