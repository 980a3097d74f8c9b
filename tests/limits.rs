//! No body crashes a reader, keeps it busy or takes much more memory than the body itself: what the fuzz targets (`fuzz/`) once found,
//! and bodies of the largest size after the model of every fixture. The functions are those of the targets.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a rule that is broken shall stop the test"
)]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    unreachable_pub,
    reason = "bodies are made here, not read; the modules are those of a library"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use waybill::{carriers, config, domain};

#[path = "../fuzz/src/bodies.rs"]
mod bodies;
#[path = "../fuzz/src/large.rs"]
mod large;
#[path = "../fuzz/src/rules.rs"]
mod rules;
#[path = "../fuzz/src/targets.rs"]
mod targets;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// For hangs only: how long a reader may take is looked at on an optimised build (`fuzz/run.sh`).
const TIME_MAX: Duration = Duration::from_secs(30);

/// Memory is counted for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The shapes of bodies that take the most; the others are left to the optimised build.
fn is_telling(shape: &str) -> bool {
    let begins =
        ["most ", "wide ", "many ", "long ", "keys", "deep", "crumbs []", "columns", "numbered", "sets", "interchanges", "attributes of"];
    begins.iter().any(|begin| shape.starts_with(begin)) || shape.contains(" numbers, ")
}

type Target = fn(&[u8]);

#[test]
fn no_body_takes_more_memory_than_it_may() {
    let _alone = ONE_AT_A_TIME.lock();
    let (mut over, mut seen) = (Vec::new(), BTreeSet::new());
    large::each(is_telling, |cost| {
        println!(
            "{:<15} {:>4} bodies, {:>3} MiB ({}), {:?} ({})",
            cost.what,
            cost.bodies,
            cost.heap.0 >> 20,
            cost.heap.1,
            cost.time.0,
            cost.time.1
        );
        if cost.heap.0 > large::HEAP_MAX || cost.time.0 > TIME_MAX {
            over.push(format!("{}: {} bytes ({}), {:?} ({})", cost.what, cost.heap.0, cost.heap.1, cost.time.0, cost.time.1));
        }
        if cost.bodies > 0 {
            seen.insert(cost.what);
        }
    });
    assert!(over.is_empty(), "more than 64 MiB above the body:\n  {}", over.join("\n  "));
    let all = carriers::SOURCES.iter().chain(carriers::billing::SOURCES).chain(&["x12_ship", "northpost", "riverline", "ambercourier"]);
    let missing: Vec<_> = all.filter(|source| !seen.contains(**source)).collect();
    assert!(missing.is_empty(), "sources without a fixture to make large: {missing:?}");
}

/// Each input goes to its target with every first byte, which picks the reader: the order of the readers may have changed since.
#[test]
fn what_was_found_once_is_survived() {
    let _alone = ONE_AT_A_TIME.lock();
    let all: [(&str, Target); 7] = [
        ("json", targets::json),
        ("xml", targets::xml),
        ("x12", targets::x12),
        ("edifact", targets::edifact),
        ("csv", targets::csv),
        ("signature", targets::signature),
        ("data", targets::data),
    ];
    let mut inputs = 0;
    for folder in fs::read_dir(Path::new(ROOT).join("fuzz/findings")).expect("findings") {
        let folder = folder.expect("an entry").path();
        let (name, target) = all.iter().find(|(name, _)| folder.ends_with(name)).expect("a folder of a target");
        for input in fs::read_dir(&folder).expect("inputs") {
            let path = input.expect("an entry").path();
            let mut input = fs::read(&path).expect("an input");
            println!("{name}: {}", path.display());
            for first in 0..=u8::MAX {
                input[0] = first;
                target(&input);
            }
            inputs += 1;
        }
    }
    assert!(inputs > 0, "no findings");
}
