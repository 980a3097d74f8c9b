//! What bodies of the largest size cost each reader, as a table; fails where one takes more than it may.

use std::process::ExitCode;
use std::time::Duration;

use waybill_fuzz::large;

/// Longest time of the processor, on an optimised build; `--instrumented` gives it five times as long, as the counters do.
const TIME_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    let (quiet, time_max) = (has("--quiet"), TIME_MAX * if has("--instrumented") { 5 } else { 1 });
    let mut over = 0;
    let mut bodies = 0;
    large::each(
        |_| true,
        |cost| {
            bodies += cost.bodies;
            let is_over = cost.heap.0 > large::HEAP_MAX || cost.time.0 > time_max;
            over += u32::from(is_over);
            if !is_over && quiet {
                return;
            }
            let mark = if is_over { "!" } else { " " };
            println!("{mark} {:<15} {:>6.1} MiB ({})", cost.what, cost.heap.0 as f64 / f64::from(1 << 20), cost.heap.1);
            println!("  {:<15} {:>6.0} ms  ({})", "", cost.time.0.as_secs_f64() * 1e3, cost.time.1);
        },
    );
    println!("large: {bodies} bodies, {over} over the limit");
    if over == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
