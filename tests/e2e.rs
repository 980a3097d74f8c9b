//! What the services promise to whoever stands outside, on real Kafka and with real processes: readers of canonical topics,
//! operators who look at health, metrics and logs, supervisors who stop and start, and everything that may be away.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

mod support;

#[path = "e2e/away.rs"]
mod away;
#[path = "e2e/ends.rs"]
mod ends;
#[path = "e2e/logs.rs"]
mod logs;
#[path = "e2e/look.rs"]
mod look;
#[path = "e2e/story.rs"]
mod story;
#[path = "e2e/strangers.rs"]
mod strangers;
#[path = "e2e/trace.rs"]
mod trace;
#[path = "e2e/window.rs"]
mod window;

const SERVICES: [&str; 4] = ["carrier-normalizer", "odoo-normalizer", "shipment-tracker", "odoo-writer"];

/// One installation, set up by the operator's commands, and a day in it; then everybody outside looks at it.
#[test]
fn a_day_is_seen_right_by_readers_operators_and_scrapers() {
    let scene = story::play();
    strangers::read_what_was_published(&scene);
    trace::is_carried_through_every_hop(&scene);
    window::tells_what_was_fed(&scene);
    logs::are_json_and_hold_nothing_personal(&scene);
    window::is_open_again_soon_after_a_crash(scene);
}

#[test]
fn a_service_that_is_asked_to_end_finishes_and_hands_over() {
    ends::under_load();
}

#[test]
fn a_cluster_that_ignores_aborts_is_refused() {
    ends::on_a_cluster_that_ignores_aborts();
}

#[test]
fn odoo_may_be_away_for_long() {
    away::odoo();
}

#[test]
fn the_registry_may_be_away_at_start_and_later() {
    away::registry();
}

#[test]
fn joined_topics_may_come_one_after_the_other() {
    away::topics();
}

#[test]
fn the_brokers_may_be_away_at_start_and_later() {
    away::brokers();
}
