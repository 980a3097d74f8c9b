#!/bin/sh
# Feeds every parser what a fuzzer comes upon, guided by coverage: ./fuzz/run.sh <seconds each> [target...]
# Ends with one line that says what ran. What is found lies in fuzz/findings/<target> and stays there: `cargo test --test limits` replays it.
# Needs Rust, a C++ compiler and OpenSSL's headers. CARGO_TARGET_DIR is heeded.
set -eu
cd "$(dirname "$0")"

seconds=${1:?seconds for each target}
shift
if [ $# -eq 0 ]; then set -- json xml x12 edifact csv signature data; fi
host=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-$PWD/target}
work=$build/fuzz
export CARGO_TARGET_DIR="$build"

# What libFuzzer wants to be told: every edge, and what is compared. Stable Rust has no sanitizers; code without `unsafe` needs none.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"

# The versions of libraries that ship are the ones that are fuzzed.
cp ../Cargo.lock Cargo.lock
RUSTFLAGS="$coverage" cargo build --quiet --release --target "$host" --bins
"$build/$host/release/seeds" "$work/seeds"

# Bodies of the largest size, for every reader: 64 MiB, and a second. Beside the targets, of which each has one thread.
"$build/$host/release/large" --quiet --instrumented >"$work/large.log" 2>&1 &
large=$!
trap 'kill "$large" 2>/dev/null || true' EXIT

executions=0
for target in "$@"; do
  corpus=$work/corpus/$target
  mkdir -p "$corpus" "findings/$target"
  log=$work/$target.log
  # Time and memory are looked at inside (src/rules.rs), by the clock of the processor and by what is allocated; the limits here are for
  # what never comes back. Inputs are a 64th of the largest body, and so are the limits inside.
  if ! "$build/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65537 -use_value_profile=0 \
    -dict="$work/seeds/$target.dict" -artifact_prefix="findings/$target/" -print_final_stats=1 -verbosity=1 \
    "$corpus" "findings/$target" "$work/seeds/$target" >"$log" 2>&1; then
    grep -v '^#' "$log" | tail -n 40 >&2
    echo "fuzz: $target found something; the input is in fuzz/findings/$target" >&2
    exit 1
  fi
  ran=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  executions=$((executions + ran))
  echo "fuzz: $target: $ran executions, $(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)" >&2
done
find findings -type d -empty -delete
if ! wait "$large"; then
  tail -n 40 "$work/large.log" >&2
  echo "fuzz: a large body takes more than it may" >&2
  exit 1
fi
trap - EXIT
tail -n 1 "$work/large.log" >&2
echo "fuzz: nothing found in $# targets, $executions executions, $seconds s each"
