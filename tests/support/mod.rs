//! Real parts for integration tests: Apache Kafka, a schema registry an Avro reader and child processes that never outlive their test.
//!
//! Each test binary uses a part of this, hence the allowances.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

#[cfg(feature = "testkit")]
pub mod evidence;
pub mod kafka;
pub mod process;
pub mod python;
pub mod registry;
#[cfg(feature = "testkit")]
pub mod rig;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The directory cargo builds in. Jars and the Python environment lie there, shared by all test binaries and never committed.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the temporary directory lies in the target directory").to_path_buf()
}

/// A file or directory of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Asks `probe` again and again until it answers, at most `limit`; `None` when it never did.
pub fn poll_until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if started.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `condition` holds; fails the test with `what` when it does not within `limit`.
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(poll_until(limit, || condition().then_some(())).is_some(), "waited {limit:?} in vain: {what}");
}
