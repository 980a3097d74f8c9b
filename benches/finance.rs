//! What it costs to judge what carriers bill: 100,000 lines against 1,000,000 accruals that are kept as bytes.
//!
//! `cargo bench --features testkit --bench finance [-- --quick]`. Prints a table; asserts nothing about time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, clippy::disallowed_methods)]

use std::collections::HashMap;
use std::time::Instant;

use waybill::domain::finance::folio::Folio;
use waybill::domain::finance::judge::judge;
use waybill::domain::finance::ledger::{post, target};
use waybill::domain::freight::ChargeType;
use waybill::testkit::plants;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (accruals, lines) = if quick { (50_000, 5_000) } else { (1_000_000, 100_000) };
    let book = plants::book();
    let before = resident("VmRSS");

    let started = Instant::now();
    let mut folios: Vec<Box<[u8]>> = Vec::with_capacity(accruals);
    let mut index: HashMap<Box<str>, u32> = HashMap::with_capacity(accruals);
    for number in 0..accruals {
        let (delivery, movement) = plants::delivery(number, 1, 1_250);
        let mut folio = Folio::new(&delivery.delivery_key);
        index.insert(delivery.shipment_keys[0].as_str().into(), u32::try_from(number).unwrap());
        folio.take_delivery(delivery);
        folio.take_movement(movement);
        let target = target(&folio, &book, &judge(&folio, &book));
        assert_eq!(post(&mut folio, &book, &target, "2026-11-03").unwrap().len(), 1, "it is accrued");
        folios.push(postcard::to_stdvec(&folio).unwrap().into());
    }
    let filled = started.elapsed();
    let bytes: usize = folios.iter().map(|f| f.len()).sum();
    row("accruals", accruals as f64, "");
    row("to accrue one", filled.as_secs_f64() * 1e9 / accruals as f64, "ns");
    row("bytes of one", bytes as f64 / accruals as f64, "bytes");
    row("memory of all, with their index", (resident("VmRSS") - before) as f64 / 1e6, "MB");

    // Two lines for a delivery, here and there among all; each is judged on its own, as dear as it can come.
    let bills: Vec<_> = (0..lines)
        .map(|n| {
            let number = (n / 2 * 7_919) % accruals;
            let (charge, cents) = if n % 2 == 0 { (ChargeType::Freight, 1_000) } else { (ChargeType::Fuel, 250) };
            plants::line(format!("00000000-0000-8000-8000-{n:012}"), n / 2_000, 8, &plants::parcel_key(number, 0), charge, cents)
        })
        .collect();
    let started = Instant::now();
    let (mut verdicts, mut entries) = (0, 0);
    for line in bills {
        let at = index[line.shipment_key.as_deref().unwrap()] as usize;
        let mut folio: Folio = postcard::from_bytes(&folios[at]).unwrap();
        folio.complete.insert(line.invoice_id.clone());
        let day = line.invoice_date.clone();
        assert!(folio.take_line(line).unwrap());
        let judgement = judge(&folio, &book);
        verdicts += judgement.units.iter().map(|u| u.lines.len()).sum::<usize>();
        let target = target(&folio, &book, &judgement);
        entries += post(&mut folio, &book, &target, &day).unwrap().len();
        folios[at] = postcard::to_stdvec(&folio).unwrap().into();
    }
    let took = started.elapsed();
    assert_eq!(
        (verdicts, entries),
        (lines / 2 * 3, lines / 2),
        "each delivery is under-billed by its first line and settled by its second"
    );
    row("lines", lines as f64, "");
    row("all of them", took.as_secs_f64() * 1e3, "ms");
    row("one of them", took.as_secs_f64() * 1e9 / lines as f64, "ns");
    row("memory at most", (resident("VmHWM") - before) as f64 / 1e6, "MB");
}

fn row(what: &str, value: f64, unit: &str) {
    println!("{what:<34}{value:>10.0} {unit}");
}

/// Bytes of a line of `/proc/self/status`.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
