use super::tests::settings;
use super::*;
use crate::domain::coverage::SourceCounts;
use crate::domain::dedup;
use crate::domain::event::{RawCode, ShipmentEvent};
use crate::domain::exception::ExceptionRaised;
use crate::domain::vocabulary::Milestone;
use crate::testkit::Memory;
use crate::testkit::records::plain_event;

const MINUTE: Micros = 60_000_000;
const HOUR: Micros = 60 * MINUTE;
/// 2025-11-20T01:00:00Z: an hour begins.
const START: Micros = 1_763_600_400_000_000;
const PARTITIONS: i32 = 6;
/// Where the counts of every source of these tests meet.
const MEET: i32 = 4;

/// The partitions of a tracker; what it sends to itself is fed back, as Kafka would.
struct Rig {
    tracker: ShipmentTracker,
    memories: Vec<Memory>,
    now: Micros,
    counts: Vec<SourceCounts>,
    cases: Vec<(String, ExceptionRaised)>,
}

impl Rig {
    fn new() -> Self {
        Self::with(20, &[])
    }

    fn with(percent: u32, own: &[(&str, u32)]) -> Self {
        let by_source = own.iter().map(|(source, percent)| ((*source).to_owned(), *percent)).collect();
        let limits = UnknownLimits { percent, events_min: 20, by_source };
        let tracker = ShipmentTracker::new(TrackerSettings { unknown: limits, ..settings() });
        let memories = (0..PARTITIONS).map(|_| Memory::default()).collect();
        Self { tracker, memories, now: START, counts: Vec::new(), cases: Vec::new() }
    }

    fn memory(&mut self, partition: i32) -> &mut Memory {
        &mut self.memories[usize::try_from(partition).expect("small")]
    }

    /// The process ends, and another takes up what it remembered.
    fn restart(&mut self) {
        let settings = self.tracker.settings.clone();
        self.tracker = ShipmentTracker::new(settings);
    }

    fn tell(&mut self, partition: i32, record: Record) -> Verdict {
        let headers = Vec::new();
        let payload = Payload::Canonical(record);
        let input = Input { topic: "t", partition, offset: 0, received_at: START, key: None, headers: &headers, payload };
        let mut out = Outputs::default();
        let at = usize::try_from(partition).expect("small");
        let verdict = self.tracker.process(&input, &mut self.memories[at], self.now, &mut out);
        self.deliver(out);
        verdict
    }

    /// So many events of a source in an hour, evenly over the partitions; the last of them have codes that no table knows.
    fn hour(&mut self, source: &str, hour: i64, events: usize, unknown: usize) {
        for n in 0..events {
            let at = START + hour * HOUR + Micros::try_from(n).expect("small") * 1_000_000;
            let code = if n >= events - unknown { Some("ZZ") } else { None };
            self.tell(i32::try_from(n).expect("small") % PARTITIONS, event(source, &format!("{source}{hour}N{n}"), at, code));
        }
    }

    fn deliver(&mut self, out: Outputs) {
        for output in out.records {
            match output.record {
                Record::SourceCounts(counts) => {
                    self.counts.push((*counts).clone());
                    assert_eq!((output.topic, &output.key), (topic::COUNTS, &counts.source));
                    self.tell(MEET, Record::SourceCounts(counts));
                }
                Record::ExceptionRaised(case) if case.kind == "unknown_codes" => self.cases.push((output.key, *case)),
                _ => {}
            }
        }
    }

    fn pass_to(&mut self, now: Micros) {
        while self.now < now {
            self.now = (self.now + MINUTE).min(now);
            let now = self.now;
            for partition in 0..PARTITIONS {
                while let Some(key) = self.memory(partition).due(now) {
                    let mut out = Outputs::default();
                    let at = usize::try_from(partition).expect("small");
                    self.tracker.wake(&key, &mut self.memories[at], self.now, &mut out);
                    self.deliver(out);
                }
            }
        }
    }

    /// State, events, events with unknown codes, and the hour after which it was raised.
    fn told(&self) -> Vec<(&str, i64, i64, i64)> {
        let of = |x: &ExceptionRaised| (x.events.unwrap_or(-1), x.unknown_events.unwrap_or(-1), (x.raised_at - START) / HOUR);
        self.cases.iter().map(|(_, x)| (x.state.as_str(), of(x).0, of(x).1, of(x).2)).collect()
    }

    /// Keys of hours that are remembered.
    fn hours(&self) -> usize {
        self.memories.iter().flat_map(|memory| memory.values.keys()).filter(|key| key[0] == coverage::COUNTED).count()
    }
}

fn event(source: &str, number: &str, at: Micros, unknown: Option<&str>) -> Record {
    let milestone = if unknown.is_some() { Milestone::Unknown } else { Milestone::InTransit };
    let key = dedup::id_of(&[source, number, &at.to_string()]);
    let raw_code =
        RawCode { kind: Some("X".to_owned()), code: Some(unknown.unwrap_or("DP").to_owned()), sub_code: Some("SMITH".to_owned()) };
    let raw_description = Some("signed by Smith".to_owned());
    let source = source.to_owned().into();
    Record::ShipmentEvent(Box::new(ShipmentEvent { source, raw_code, raw_description, ..plain_event(key, number, at, milestone) }))
}

#[test]
fn an_hour_is_judged_by_what_all_partitions_counted() {
    // Events, those with unknown codes, the share of all, the share of this source, and whether it is a case.
    let table = [
        (19, 19, 20, None, false),
        (20, 3, 20, None, false),
        (20, 4, 20, None, true),
        (25, 5, 20, None, true),
        (120, 23, 20, None, false),
        (24, 12, 20, Some(60), false),
        (24, 3, 100, Some(10), true),
        (24, 24, 100, None, true),
        (24, 0, 1, None, false),
    ];
    for (events, unknown, percent, own, is_case) in table {
        let own: Vec<_> = own.iter().map(|percent| ("17track", *percent)).collect();
        let mut rig = Rig::with(percent, &own);
        rig.hour("17track", 0, events, unknown);
        rig.pass_to(START + HOUR);
        assert_eq!(rig.told(), [], "the hour is not over");
        rig.pass_to(START + HOUR + 6 * MINUTE);
        let expected = [("open", i64::try_from(events).expect("small"), i64::try_from(unknown).expect("small"), 1)];
        assert_eq!(rig.told(), expected.get(..usize::from(is_case)).expect("one"), "{unknown} of {events}, {percent} %, {own:?}");
    }
}

#[test]
fn a_case_says_which_codes_how_many_and_what_to_do() {
    let mut rig = Rig::new();
    rig.hour("ups", 0, 30, 0);
    for n in 0..40 {
        rig.tell(n % PARTITIONS, event("ups", &format!("N{n}"), START + MINUTE, Some(&format!("C{n:02}\u{e9} Q"))));
    }
    rig.pass_to(START + 2 * HOUR);
    let [(key, case)] = rig.cases.as_slice() else { panic!("{:?}", rig.cases) };
    assert_eq!((key.as_str(), case.source.as_deref(), case.state.as_str()), ("ups", Some("ups"), "open"));
    assert_eq!(
        case.summary,
        "40 of 70 events in the hour from 2025-11-20T01:00:00Z have a code that no table knows; to see them all: waybill carrier coverage ups"
    );
    assert_eq!((case.unknown_codes.len(), case.unknown_codes[0].as_str()), (16, "X C00Q"));
    assert!(!format!("{case:?}").to_lowercase().contains("smith"), "{case:?}");
}

#[test]
fn what_is_sent_again_does_not_count_again() {
    let mut rig = Rig::new();
    rig.hour("ups", 0, 24, 4);
    for _ in 0..3 {
        for n in 20..24 {
            let again = event("ups", &format!("ups0N{n}"), START + n * 1_000_000, Some("ZZ"));
            assert_eq!(rig.tell(i32::try_from(n).expect("small") % PARTITIONS, again), Verdict::Duplicate("repeated"));
        }
    }
    rig.pass_to(START + 2 * HOUR);
    assert_eq!(rig.told(), []);
    assert_eq!(rig.counts.iter().map(|c| (c.events, c.unknown_events)).fold((0, 0), |a, c| (a.0 + c.0, a.1 + c.1)), (24, 4));
}

#[test]
fn an_hour_ends_where_the_next_begins() {
    let mut rig = Rig::new();
    rig.now = START + HOUR + MINUTE;
    for n in 0..19 {
        rig.tell(0, event("ups", &format!("A{n}"), START + HOUR - 1, Some("ZZ")));
        rig.tell(0, event("ups", &format!("B{n}"), START + HOUR, Some("ZZ")));
    }
    rig.pass_to(START + 3 * HOUR);
    assert_eq!(rig.told(), []);
    assert_eq!(rig.counts.iter().map(|c| ((c.hour - START) / HOUR, c.events)).collect::<Vec<_>>(), [(0, 19), (1, 19)]);
}

#[test]
fn a_restart_in_mid_hour_changes_nothing() {
    let mut rig = Rig::new();
    rig.hour("ups", 0, 30, 10);
    rig.pass_to(START + 20 * MINUTE);
    rig.restart();
    // The same once more, and twelve behind it.
    rig.hour("ups", 0, 42, 12);
    rig.pass_to(START + HOUR + 3 * MINUTE);
    rig.restart();
    rig.pass_to(START + 2 * HOUR);
    assert_eq!(rig.told(), [("open", 42, 22, 1)]);
}

#[test]
fn a_replay_raises_the_same_cases_with_the_same_ids() {
    let hours = [(24, 20), (30, 9), (10, 10), (30, 2), (24, 24)];
    let ids = |rig: &Rig| rig.cases.iter().map(|(_, x)| (x.exception_id.clone(), x.state.clone(), x.raised_at)).collect::<Vec<_>>();
    let mut live = Rig::new();
    for (hour, (events, unknown)) in (0..).zip(hours) {
        live.hour("ups", hour, events, unknown);
        live.pass_to(START + (hour + 1) * HOUR);
    }
    live.pass_to(START + 6 * HOUR);
    assert_eq!(live.told(), [("open", 24, 20, 1), ("cleared", 30, 2, 4), ("open", 24, 24, 5)], "an hour of few events decides nothing");
    assert_eq!(live.cases[0].1.exception_id, live.cases[1].1.exception_id);
    assert_ne!(live.cases[0].1.exception_id, live.cases[2].1.exception_id);
    let mut replayed = Rig::new();
    replayed.now = START + 90 * HOUR;
    for (hour, (events, unknown)) in (0..).zip(hours) {
        replayed.hour("ups", hour, events, unknown);
    }
    replayed.pass_to(START + 91 * HOUR);
    assert_eq!(ids(&replayed), ids(&live));
}

#[test]
fn an_hour_is_judged_once_and_what_comes_later_of_it_is_passed_over() {
    let mut rig = Rig::new();
    rig.hour("ups", 0, 24, 24);
    rig.pass_to(START + HOUR + MINUTE);
    rig.hour("ups", 1, 24, 0);
    rig.pass_to(START + 3 * HOUR);
    let before = rig.cases.clone();
    assert_eq!(rig.told(), [("open", 24, 24, 1), ("cleared", 24, 0, 2)]);
    for n in 0..50 {
        rig.tell(0, event("ups", &format!("L{n}"), START + MINUTE, Some("ZZ")));
    }
    rig.pass_to(START + 4 * HOUR);
    assert_eq!(rig.counts.last().map(|c| (c.hour, c.events)), Some((START, 54)), "the counts go on from where they were");
    assert_eq!(rig.cases, before);
    let again = rig.counts[0].clone();
    assert_eq!(rig.tell(MEET, Record::SourceCounts(Box::new(again))), Verdict::Duplicate("superseded"));
}

#[test]
fn sources_are_judged_apart() {
    let mut rig = Rig::new();
    rig.hour("ups", 0, 60, 0);
    rig.hour("17track", 0, 30, 9);
    rig.pass_to(START + 2 * HOUR);
    assert_eq!(rig.cases.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["17track"]);
}

#[test]
fn hours_are_forgotten_and_clocks_that_are_ahead_make_none() {
    let mut rig = Rig::new();
    rig.now = START + 200 * HOUR;
    for hour in 0..200 {
        rig.tell(0, event("ups", &format!("N{hour}"), START + hour * HOUR, Some("ZZ")));
        rig.tell(0, event("ups", &format!("F{hour}"), START + (1000 + hour) * HOUR, Some("ZZ")));
    }
    assert_eq!(rig.hours(), 201, "all that is ahead is of this hour");
    rig.pass_to(rig.now + 5 * MINUTE);
    assert!(rig.hours() <= 26, "{}", rig.hours());
    let heard = [&[coverage::HEARD], b"ups".as_slice()].concat();
    assert!(rig.memory(MEET).values[&heard].0.len() < 10_000);
    rig.pass_to(rig.now + 26 * HOUR);
    assert_eq!(rig.hours(), 0);
    rig.pass_to(rig.now + 47 * 24 * HOUR);
    assert!(!rig.memory(MEET).values.contains_key(&heard), "a source that says nothing for a window is forgotten");
}
