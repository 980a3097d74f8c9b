//! What must hold of every input: it is read or parked, in bounded memory, in bounded time, and gives a bounded output.

use std::hint::black_box;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use serde::Serialize;

use crate::carriers::billing::BillingSettings;
use crate::carriers::{DialectSettings, RawMessage};
use crate::domain::event::{RawRef, ShipmentEvent};
use crate::domain::verdict::Park;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Inputs are a 64th of the largest body, and so are the limits: what grows faster than the body shows.
pub const BODY_BYTES_MAX: usize = (4 << 20) / SCALE;
const SCALE: usize = 64;
const EVENTS_MAX: usize = 10_000 / SCALE;

/// Most memory for each byte of an input. The wordiest tables of positions take some 50.
const HEAP_PER_BYTE_MAX: usize = 96;
/// Most memory beside that: as many events as there may be, with all their texts.
const HEAP_MAX: usize = EVENTS_MAX * EVENT_BYTES_MAX / 4 + (256 << 10);
/// Most bytes of one event as JSON, in which a byte may take six: records of a topic have 1 MiB.
const EVENT_BYTES_MAX: usize = 128 << 10;
/// Longest cause of a park, bytes: it goes into headers, logs and metrics, and quotes no payload.
const CAUSE_BYTES_MAX: usize = 200;

/// A 64th of a second would be the share of such an input. The build counts every branch and checks every sum, which takes
/// five times as long; what is reported takes longer than that by far.
const TIME_MAX: Duration = Duration::from_millis(if cfg!(test) { 10_000 } else { 100 });

/// 2026-11-21T00:00:00Z.
pub const RECEIVED_AT: i64 = 1_795_219_200_000_000;

/// Settings whose limits are as small as the inputs.
pub fn settings() -> DialectSettings {
    let account_zone = crate::domain::time::zone("Europe/Berlin");
    DialectSettings { account_zone, body_bytes_max: BODY_BYTES_MAX, events_max: EVENTS_MAX }
}

/// The same for billing files.
pub fn billing_settings() -> BillingSettings {
    BillingSettings { currency: Some("USD".into()), body_bytes_max: BODY_BYTES_MAX, charges_max: EVENTS_MAX }
}

/// A message without anything but its body.
pub fn message<'a>(body: &'a [u8], content_type: Option<&'a str>) -> RawMessage<'a> {
    let raw = RawRef { topic: "raw.carrier.fuzz".into(), partition: 0, offset: 0, sha256: "00".into() };
    RawMessage { body, content_type, received_at: RECEIVED_AT, raw }
}

/// Runs a reader under all rules. `what` names it.
pub fn hold<T: Serialize>(what: &str, body: &[u8], outputs_max: usize, read: impl Fn() -> Result<Vec<T>, Park>) {
    let outcome = within(what, body.len(), &read);
    match outcome {
        Ok(outputs) => {
            assert!(outputs.len() <= outputs_max, "{what}: {} outputs", outputs.len());
            for output in &outputs {
                let length = length(output);
                assert!(length <= EVENT_BYTES_MAX, "{what}: an output of {length} bytes");
            }
        }
        Err(park) => assert!(park.cause.len() <= CAUSE_BYTES_MAX, "{what}: a cause of {} bytes", park.cause.len()),
    }
}

/// The rules of dialects.
pub fn hold_events(what: &str, body: &[u8], read: impl Fn() -> Result<Vec<ShipmentEvent>, Park>) {
    hold(what, body, EVENTS_MAX, || {
        let events = read()?;
        assert!(!events.is_empty(), "{what}: neither events nor a reason");
        for event in &events {
            assert!(!event.shipment_key.is_empty() && !event.carrier.is_empty(), "{what}: an event of nothing");
            assert!(event.occurred_at.is_none() || event.time_source.is_some(), "{what}: a moment from nowhere");
        }
        Ok(events)
    });
}

/// The rules of memory and time.
pub fn within<T>(what: &str, bytes: usize, read: impl Fn() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let start = Instant::now();
    let outcome = read();
    let elapsed = start.elapsed();
    let heap = MEMORY.peak_usage().saturating_sub(before);
    let allowed = HEAP_MAX + bytes * HEAP_PER_BYTE_MAX;
    // What is made once, like the tables of codes, counts for nobody.
    if heap > allowed {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        drop(black_box(read()));
        let heap = MEMORY.peak_usage().saturating_sub(before);
        assert!(heap <= allowed, "{what}: {heap} bytes of memory for {bytes} bytes");
    }
    // The machine may have been busy: then the time of the processor decides.
    if elapsed > TIME_MAX {
        let start = processor_time();
        drop(black_box(read()));
        let ran = Duration::from_nanos(processor_time().saturating_sub(start));
        assert!(ran <= TIME_MAX, "{what}: {ran:?} for {bytes} bytes");
    }
    outcome
}

/// What a reader gives, its most memory at once in bytes, and how long the processor had to do with it.
pub fn measured<T>(read: impl Fn() -> T) -> (T, usize, Duration) {
    MEMORY.reset_peak_usage();
    let (before, start) = (MEMORY.current_usage(), processor_time());
    let outcome = read();
    let ran = Duration::from_nanos(processor_time().saturating_sub(start));
    (outcome, MEMORY.peak_usage().saturating_sub(before), ran)
}

/// Nanoseconds that this thread has run.
pub fn processor_time() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    told.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

/// Bytes of a record as JSON.
fn length(record: &impl Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, record).expect("a record is JSON");
    count.0
}
