#!/usr/bin/env bash
# Everything that must hold before a change is taken: form, lints, licences, then all tests on real Kafka.
# Needs Rust, a C compiler with OpenSSL's and zlib's headers, Java 17, Maven and Python 3 with venv; installs nothing outside
# the target directory. WAYBILL_TEST_KAFKA=host:port and WAYBILL_TEST_REGISTRY=URL take running ones instead.
# Arguments go to the test run: ./test.sh --test manifests
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*" >&2; }

say "form"
cargo fmt --check

say "lints"
cargo clippy --locked --all-targets --features testkit -- -D warnings

if command -v cargo-deny >/dev/null; then
  say "licences, bans, sources"
  cargo deny --log-level error check licenses bans sources
else
  say "cargo-deny is not installed: licences are not checked"
fi

# Jars, registry and Python environment are fetched by the first test that wants them (tests/support), once.
say "tests"
if (($# == 0)); then set -- --lib --bins --tests; fi
exec cargo test --locked --features testkit "$@"
