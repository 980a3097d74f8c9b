//! Health and metrics over HTTP: what operators see is what was fed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::look::{self, Metrics};
use crate::story::Scene;
use crate::support::{repository, wait_until};

pub(crate) fn tells_what_was_fed(scene: &Scene) {
    let [carrier, odoo, tracker, writer] = crate::SERVICES.map(|service| Metrics::of(scene.of(service)));
    for (metrics, service, source, verdict, expected) in [
        (&carrier, "carrier-normalizer", "raw.carrier.ups", "published", 4),
        (&carrier, "carrier-normalizer", "raw.carrier.ups", "dead_lettered", 1),
        (&carrier, "carrier-normalizer", "raw.carrier.fedex", "published", 1),
        (&carrier, "carrier-normalizer", "raw.carrier.easypost", "published", 1),
        (&carrier, "carrier-normalizer", "raw.carrier.easypost", "dead_lettered", 1),
        (&carrier, "carrier-normalizer", "raw.carrier.x12-214", "published", 1),
        (&odoo, "odoo-normalizer", "raw.odoo.main", "published", 4),
        (&carrier, "carrier-normalizer", "raw.carrier.x12-ship", "published", 1),
        (&odoo, "odoo-normalizer", "shipment.notices", "published", 1),
        (&odoo, "odoo-normalizer", "raw.odoo.main", "dead_lettered", 1),
        (&tracker, "shipment-tracker", "shipment.observations", "published", 7),
        (&tracker, "shipment-tracker", "shipment.observations", "duplicate", 1),
        (&tracker, "shipment-tracker", "shipment.links", "published", 4),
    ] {
        let labels = [("service", service), ("source", source), ("verdict", verdict)];
        assert_eq!(metrics.count("waybill_records_total", &labels), expected, "{labels:?}");
        if verdict == "published" {
            let took = metrics.count("waybill_end_to_end_seconds_count", &labels[..2]);
            assert_eq!(took, expected, "{labels:?}");
        }
    }
    assert_eq!(carrier.count("waybill_unknown_codes_total", &[("source", "ups")]), 1);
    assert_eq!(carrier.count("waybill_dead_letters_total", &[("code", "WB-0104")]), 1);
    assert_eq!(carrier.count("waybill_dead_letters_total", &[("code", "WB-0101")]), 1);
    assert_eq!(carrier.count("waybill_published_records_total", &[("topic", "shipment.observations")]), 8);
    assert_eq!(odoo.count("waybill_dead_letters_total", &[("code", "WB-0131")]), 1);
    assert_eq!(tracker.count("waybill_published_records_total", &[("topic", "shipment.events")]), 7);
    assert_eq!(tracker.count("waybill_duplicates_total", &[]), tracker.count("waybill_records_total", &[("verdict", "duplicate")]));
    odoo_is_told(scene, &writer);

    // C1 as an operator sees it: what is in the input topics has been consumed, and stands under one verdict each.
    for (metrics, service) in
        [(&carrier, 0), (&odoo, 1), (&tracker, 2), (&writer, 3)].map(|(m, n)| (m, &waybill::testkit::oracle::INPUTS[n]))
    {
        let fed: usize = service.1.iter().map(|topic| scene.rig.read(topic).len()).sum();
        assert_eq!(metrics.count("waybill_records_total", &[]), fed as u64, "{}", service.0);
        the_loop_is_told(scene, metrics, service.0);
    }
    documented([&carrier, &odoo, &tracker, &writer]);
}

fn odoo_is_told(scene: &Scene, writer: &Metrics) {
    let calls: u64 = scene.rig.odoo.calls().values().sum();
    let told = writer.count("waybill_odoo_calls_total", &[("instance", "main")]);
    assert!(told > 0 && told <= calls, "{told} of {calls} calls");
    assert!(writer.count("waybill_odoo_calls_total", &[("class", "ok")]) > 0);
    assert_eq!(writer.count("waybill_odoo_call_seconds_count", &[("instance", "main")]), told);
    assert_eq!(
        writer.count("waybill_effects_total", &[("kind", "note"), ("outcome", "done")]),
        scene.rig.odoo.rows("mail.message").len() as u64
    );
    assert!(writer.count("waybill_dead_letters_total", &[("code", "WB-0140")]) > 0);
    assert!(writer.has("waybill_breaker_open") && writer.sum("waybill_breaker_open", &[("target", "main")]) == 0.0);
}

fn the_loop_is_told(scene: &Scene, metrics: &Metrics, service: &str) {
    let labels = [("service", service)];
    assert!(metrics.count("waybill_transactions_total", &[("service", service), ("outcome", "committed")]) > 0, "{service}");
    let ended = metrics.count("waybill_transactions_total", &labels);
    assert_eq!(metrics.count("waybill_transaction_seconds_count", &labels), ended, "{service}");
    assert!(metrics.count("waybill_rebalances_total", &[("kind", "assigned")]) > 0, "{service}");
    assert!(metrics.has("waybill_build_info") && metrics.has("process_resident_memory_bytes"));
    if service != "carrier-normalizer" {
        assert_eq!(metrics.count("waybill_restore_seconds_count", &labels), 6, "{service}: one for each partition");
    }
    // The mark at the end of a transaction takes an offset and is never read.
    wait_until(Duration::from_secs(40), &format!("{service} tells that it is behind in nothing"), || {
        let now = Metrics::of(scene.of(service));
        now.has("waybill_consumer_lag_records") && now.largest("waybill_consumer_lag_records", &labels) <= 1.0
    });
}

fn documented(all: [&Metrics; 4]) {
    let document = std::fs::read_to_string(repository("docs/metrics.md")).expect("the document");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let known: BTreeSet<&str> = rows.filter(|name| name.starts_with("waybill_")).collect();
    for name in all.iter().flat_map(|metrics| &metrics.families) {
        assert!(name.starts_with("process_") || known.contains(name.as_str()), "{name} is in no document");
    }
}

/// What was examined once is not examined again, so that a service is soon there again after SIGKILL.
pub(crate) fn is_open_again_soon_after_a_crash(scene: Scene) {
    let Scene { rig, mut instances, registry: _registry, .. } = scene;
    let examined = || rig.read("waybill.probe").len();
    let before = examined();
    assert!(before > 0, "the cluster was examined at the first start");
    let position = instances.iter().position(|i| i.service == "shipment-tracker").expect("it runs");
    let tracker = &mut instances[position];
    tracker.kill();
    let ready_before = ready_lines(&tracker.output());
    let started = Instant::now();
    rig.restart(tracker);
    wait_until(look::READY_LIMIT, "the tracker is ready again", || look::status(tracker, "/readyz") == Some(200));
    let took = started.elapsed();
    assert_eq!(ready_lines(&tracker.output()) - ready_before, 6, "ready means that every memory was brought up");
    assert_eq!(examined(), before, "a cluster that was found fit is not examined again");
    assert!(took <= Duration::from_secs(5), "ready {took:?} after SIGKILL");
}

fn ready_lines(output: &str) -> usize {
    output.lines().filter(|line| line.contains("\"restore_done\"")).count()
}
