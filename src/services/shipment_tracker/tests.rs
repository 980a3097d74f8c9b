use super::*;
use crate::domain::dedup;
use crate::domain::delivery::DeliveryStatus;
use crate::domain::erp::ShipmentLink;
use crate::domain::event::{Eta, ProofOfDelivery, ShipmentEvent};
use crate::domain::exception::ExceptionRaised;
use crate::domain::vocabulary::{ExceptionReason, Milestone};
use crate::testkit::Memory;
use crate::testkit::records::plain_event;

const HOUR: Micros = 3_600_000_000;
const START: Micros = 1_763_600_000_000_000;

/// A tracker with its memory; its own internal topic is fed back, as Kafka would.
struct Rig {
    tracker: ShipmentTracker,
    memory: Memory,
    published: Vec<(&'static str, Record)>,
}

impl Rig {
    fn new() -> Self {
        let settings =
            TrackerSettings { unassigned_after: 24 * HOUR, silent_after: 72 * HOUR, pod_missing_after: 24 * HOUR, window: 45 * 24 * HOUR };
        Self { tracker: ShipmentTracker::new(settings), memory: Memory::default(), published: Vec::new() }
    }

    fn tell(&mut self, record: Record) -> Verdict {
        let headers = Vec::new();
        let payload = Payload::Canonical(record);
        let input = Input { topic: "t", partition: 0, offset: 0, received_at: START, key: None, headers: &headers, payload };
        let mut out = Outputs::default();
        let verdict = self.tracker.process(&input, &mut self.memory, START, &mut out);
        self.deliver(out);
        verdict
    }

    fn deliver(&mut self, out: Outputs) {
        for output in out.records {
            if output.topic == topic::PARCELS {
                self.tell(output.record);
            } else {
                self.published.push((output.topic, output.record));
            }
        }
    }

    fn pass_to(&mut self, now: Micros) {
        loop {
            let Some(key) = self.memory.due(now) else { return };
            let mut out = Outputs::default();
            self.tracker.wake(&key, &mut self.memory, now, &mut out);
            self.deliver(out);
        }
    }

    fn exceptions(&self) -> Vec<(String, String)> {
        let of = |x: &ExceptionRaised| (x.kind.clone(), x.state.clone());
        self.published.iter().filter_map(|(_, r)| if let Record::ExceptionRaised(x) = r { Some(of(x)) } else { None }).collect()
    }

    fn deliveries(&self) -> Vec<&DeliveryStatus> {
        self.published.iter().filter_map(|(_, r)| if let Record::DeliveryStatus(d) = r { Some(&**d) } else { None }).collect()
    }

    fn count(&self, topic: &str) -> usize {
        self.published.iter().filter(|(t, _)| *t == topic).count()
    }
}

fn event(number: &str, hour: i64, milestone: Milestone) -> ShipmentEvent {
    let at = START + hour * HOUR;
    plain_event(dedup::id_of(&[number, &hour.to_string(), milestone.as_str()]), number, at, milestone)
}

fn told(event: ShipmentEvent) -> Record {
    Record::ShipmentEvent(Box::new(event))
}

fn link(number: &str, delivery: &str, expected: i32, linked: bool) -> Record {
    Record::ShipmentLink(Box::new(ShipmentLink {
        shipment_key: number.to_owned(),
        tracking_number: number.to_owned(),
        carrier: None,
        delivery_key: delivery.to_owned(),
        picking_name: Some("WH/OUT/00001".to_owned()),
        parcels_expected: expected,
        linked,
        linked_at: START,
    }))
}

#[test]
fn the_same_event_is_published_once_however_often_it_comes() {
    let mut rig = Rig::new();
    assert_eq!(rig.tell(told(event("A", 1, Milestone::InTransit))), Verdict::Publish);
    for _ in 0..3 {
        assert_eq!(rig.tell(told(event("A", 1, Milestone::InTransit))), Verdict::Duplicate("repeated"));
    }
    assert_eq!(rig.count(topic::EVENTS), 1);
    assert_eq!(rig.count(topic::STATUS), 1);
}

#[test]
fn a_link_may_come_before_or_after_its_events_and_ends_the_same() {
    let run = |link_first: bool| {
        let mut rig = Rig::new();
        let events = [event("A", 1, Milestone::Accepted), event("A", 2, Milestone::Delivered)];
        if link_first {
            rig.tell(link("A", "main:1:7", 1, true));
        }
        for e in events {
            rig.tell(told(e));
        }
        if !link_first {
            rig.tell(link("A", "main:1:7", 1, true));
        }
        let last = (*rig.deliveries().last().expect("a delivery")).clone();
        (last.milestone, last.complete, last.parcels_delivered, last.parcels.iter().map(|p| p.history.clone()).collect::<Vec<_>>())
    };
    let (after, before) = (run(false), run(true));
    assert_eq!(after, before);
    assert_eq!((after.0, after.1, after.2), (Milestone::Delivered, true, 1));
}

#[test]
fn a_delivery_of_two_parcels_is_complete_with_the_second() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 2, true));
    rig.tell(link("B", "main:1:7", 2, true));
    rig.tell(told(event("A", 1, Milestone::Delivered)));
    assert!(!rig.deliveries().last().expect("one").complete);
    rig.tell(told(event("B", 2, Milestone::Delivered)));
    let last = rig.deliveries().last().copied().expect("one").clone();
    assert_eq!((last.complete, last.parcels_delivered, last.parcels.len()), (true, 2, 2));
    let versions: Vec<i64> = rig.deliveries().iter().map(|d| d.version).collect();
    assert_eq!(versions, (1..=i64::try_from(versions.len()).expect("few")).collect::<Vec<_>>());
}

#[test]
fn a_number_taken_away_leaves_its_delivery() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 2, true));
    rig.tell(link("B", "main:1:7", 2, true));
    rig.tell(link("B", "main:1:7", 1, false));
    assert_eq!(rig.deliveries().last().expect("one").parcels.len(), 1);
    assert_eq!(rig.tell(link("B", "main:1:7", 1, false)), Verdict::Duplicate("unchanged"));
}

#[test]
fn a_number_that_nobody_claims_becomes_a_case_and_a_link_settles_it() {
    let mut rig = Rig::new();
    rig.tell(told(event("A", 0, Milestone::InTransit)));
    rig.pass_to(START + 23 * HOUR);
    assert_eq!(rig.exceptions(), vec![]);
    rig.pass_to(START + 25 * HOUR);
    rig.pass_to(START + 30 * HOUR);
    let kind = "unassigned_tracking_number".to_owned();
    assert_eq!(rig.exceptions(), vec![(kind.clone(), "open".to_owned())]);
    rig.tell(link("A", "main:1:7", 1, true));
    assert_eq!(rig.exceptions().last(), Some(&(kind, "cleared".to_owned())));
}

#[test]
fn a_case_that_comes_back_is_another_case() {
    let mut rig = Rig::new();
    rig.tell(told(event("A", 0, Milestone::InTransit)));
    rig.pass_to(START + 25 * HOUR);
    for delivery in ["main:1:7", "main:1:8"] {
        rig.tell(link("A", delivery, 1, true));
        rig.tell(link("A", delivery, 1, false));
        rig.pass_to(START + 50 * HOUR);
    }
    let told = rig.published.iter().filter_map(|(_, r)| if let Record::ExceptionRaised(x) = r { Some(x) } else { None });
    let ids: Vec<(&str, &str)> = told.map(|x| (x.exception_id.as_str(), x.state.as_str())).collect();
    let once: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), once.len()), (5, 5), "{ids:?}");
}

#[test]
fn what_was_told_before_a_silence_does_not_end_it() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 1, true));
    rig.tell(told(event("A", 2, Milestone::InTransit)));
    rig.pass_to(START + 80 * HOUR);
    rig.tell(told(event("A", 1, Milestone::Accepted)));
    rig.pass_to(START + 90 * HOUR);
    assert_eq!(rig.exceptions(), vec![("no_tracking_events".to_owned(), "open".to_owned())]);
}

#[test]
fn silence_of_a_linked_parcel_becomes_a_case_and_a_scan_settles_it() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 1, true));
    rig.tell(told(event("A", 0, Milestone::InTransit)));
    rig.pass_to(START + 73 * HOUR);
    let kind = "no_tracking_events".to_owned();
    assert_eq!(rig.exceptions(), vec![(kind.clone(), "open".to_owned())]);
    rig.tell(told(event("A", 74, Milestone::OutForDelivery)));
    assert_eq!(rig.exceptions().last(), Some(&(kind, "cleared".to_owned())));
}

#[test]
fn delivered_without_proof_becomes_a_case_and_with_proof_does_not() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 1, true));
    rig.tell(told(event("A", 0, Milestone::Delivered)));
    let mut proven = event("B", 0, Milestone::Delivered);
    proven.pod = Some(ProofOfDelivery { signed_by: Some("someone".to_owned()), ..ProofOfDelivery::default() });
    rig.tell(link("B", "main:1:8", 1, true));
    rig.tell(told(proven));
    rig.pass_to(START + 100 * HOUR);
    assert_eq!(rig.exceptions(), vec![("pod_missing".to_owned(), "open".to_owned())]);
}

#[test]
fn proof_under_a_known_scan_reaches_the_delivery_without_a_second_event() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 1, true));
    let mut scan = event("A", 0, Milestone::Delivered);
    rig.tell(told(scan.clone()));
    rig.pass_to(START + 100 * HOUR);
    scan.pod = Some(ProofOfDelivery { signed_by: Some("someone".to_owned()), ..ProofOfDelivery::default() });
    scan.received_at += 101 * HOUR;
    assert_eq!(rig.tell(told(scan.clone())), Verdict::Publish);
    scan.received_at += HOUR;
    assert_eq!(rig.tell(told(scan)), Verdict::Duplicate("repeated"));
    assert_eq!(rig.count(topic::EVENTS), 1);
    let last = rig.deliveries().last().copied().expect("one").clone();
    assert_eq!(last.parcels[0].pod.as_ref().and_then(|p| p.signed_by.as_deref()), Some("someone"));
    let kind = "pod_missing".to_owned();
    assert_eq!(rig.exceptions(), vec![(kind.clone(), "open".to_owned()), (kind, "cleared".to_owned())]);
}

#[test]
fn an_estimate_is_the_one_told_last_of_the_last_scan_in_any_order() {
    let telling = |hours: i64, received: i64, from: i64| {
        let mut scan = event("A", hours, Milestone::InTransit);
        scan.received_at = START + received * HOUR;
        scan.eta = Some(Eta { from: Some(START + from * HOUR), ..Eta::default() });
        scan
    };
    let tellings = [telling(1, 1, 50), telling(2, 2, 60), telling(2, 5, 70), telling(1, 6, 80)];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let mut rig = Rig::new();
        for i in order {
            rig.tell(told(tellings[i].clone()));
        }
        rig.tell(link("A", "main:1:7", 1, true));
        let last = rig.deliveries().last().copied().expect("one").clone();
        assert_eq!(last.parcels[0].eta.as_ref().and_then(|e| e.from), Some(START + 70 * HOUR), "{order:?}");
    }
}

#[test]
fn trouble_is_raised_once_and_cleared_when_the_parcel_moves_on() {
    let mut rig = Rig::new();
    let mut stuck = event("A", 1, Milestone::Exception);
    stuck.exception_reason = Some(ExceptionReason::AddressIncorrect);
    stuck.action_required = true;
    rig.tell(told(stuck));
    rig.tell(told(event("A", 2, Milestone::Info)));
    rig.tell(told(event("A", 3, Milestone::InTransit)));
    let kind = "delivery_exception".to_owned();
    assert_eq!(rig.exceptions(), vec![(kind.clone(), "open".to_owned()), (kind, "cleared".to_owned())]);
}

#[test]
fn two_carriers_with_one_number_are_two_shipments_and_odoos_carrier_decides() {
    let mut rig = Rig::new();
    let mut other = event("A", 1, Milestone::Delivered);
    other.carrier = "gls".into();
    rig.tell(told(event("A", 0, Milestone::InTransit)));
    rig.tell(told(other));
    let mut of_ups = ShipmentLink { carrier: Some("ups".to_owned()), ..unboxed(link("A", "main:1:7", 1, true)) };
    of_ups.linked_at = START + HOUR;
    rig.tell(Record::ShipmentLink(Box::new(of_ups)));
    let last = rig.deliveries().last().copied().expect("one").clone();
    assert_eq!(last.parcels.iter().map(|p| p.carrier.as_str()).collect::<Vec<_>>(), vec!["ups"]);
    assert_eq!(last.milestone, Milestone::InTransit);
}

fn unboxed(record: Record) -> ShipmentLink {
    match record {
        Record::ShipmentLink(link) => *link,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_comes_after_the_window_is_history() {
    let mut rig = Rig::new();
    let mut old = event("A", 0, Milestone::Delivered);
    old.received_at = START + 46 * 24 * HOUR;
    rig.tell(told(old));
    let late = rig.published.iter().any(|(_, r)| matches!(r, Record::ShipmentEvent(e) if e.late));
    assert!(late);
}

#[test]
fn a_shipment_and_its_delivery_are_forgotten_with_the_window() {
    let mut rig = Rig::new();
    rig.tell(link("A", "main:1:7", 1, true));
    rig.tell(told(event("A", 0, Milestone::Delivered)));
    rig.pass_to(START + 46 * 24 * HOUR);
    assert!(rig.memory.values.is_empty());
}
