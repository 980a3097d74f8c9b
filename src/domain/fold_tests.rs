use proptest::prelude::*;

use super::*;
use crate::testkit::records::plain_event;

fn event(n: u8, minute: i64, milestone: Milestone) -> ShipmentEvent {
    let at = 1_760_000_000_000_000 + minute * MINUTE;
    ShipmentEvent {
        occurred_local: Some(jiff::Timestamp::from_microsecond(at).expect("in range").strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        offset_minutes: Some(0),
        received_at: at + MINUTE,
        ..plain_event(dedup::id_of(&["test", &n.to_string()]), "1Z1", at, milestone)
    }
}

fn fold_of(events: &[ShipmentEvent]) -> ShipmentStatus {
    let mut fold = Fold::new("ups", "1Z1");
    for e in events {
        fold.take(e);
    }
    fold.status("1Z1")
}

#[test]
fn delivered_is_not_undone_by_a_later_out_for_delivery() {
    let status = fold_of(&[event(1, 10, Milestone::Delivered), event(2, 13, Milestone::OutForDelivery)]);
    assert_eq!(status.milestone, Milestone::Delivered);
}

#[test]
fn terminal_rules() {
    use Milestone as M;
    let cases: &[(&[M], M)] = &[
        (&[M::Announced, M::InTransit, M::Announced], M::InTransit),
        (&[M::Delivered, M::Returning, M::InTransit], M::Returning),
        (&[M::Delivered, M::Returning, M::Returned, M::InTransit], M::Returned),
        (&[M::Delivered, M::Info], M::Delivered),
        (&[M::Lost, M::InTransit], M::InTransit),
        (&[M::Cancelled, M::Announced], M::Cancelled),
        (&[M::Cancelled, M::Accepted], M::Accepted),
        (&[M::InTransit, M::Unknown], M::InTransit),
        (&[M::Unknown], M::Unknown),
        (&[M::Expired, M::Delivered], M::Delivered),
        (&[M::Disposed, M::InTransit], M::Disposed),
    ];
    for (milestones, expected) in cases {
        let events: Vec<_> = milestones.iter().zip(0_u8..).map(|(m, n)| event(n, i64::from(n) * 60, *m)).collect();
        assert_eq!(fold_of(&events).milestone, *expected, "{milestones:?}");
    }
}

#[test]
fn a_correction_takes_delivered_back() {
    let mut correction = event(2, 20, Milestone::InTransit);
    correction.sub_status = Some(SubStatus::Correction);
    let status = fold_of(&[event(1, 10, Milestone::Delivered), correction]);
    assert_eq!(status.milestone, Milestone::InTransit);
}

#[test]
fn a_history_that_is_resent_after_its_keys_were_forgotten_is_no_news() {
    let told = [event(1, 10, Milestone::DeliveryAttempted), event(2, 12, Milestone::OutForDelivery)];
    let mut fold = fold_before(&told);
    let before = fold.status("1Z1");
    assert_eq!(told.map(|e| fold.take(&e)), [Taken::Known, Taken::Known]);
    assert_eq!(fold.status("1Z1"), before);
}

fn fold_before(told: &[ShipmentEvent]) -> Fold {
    let mut fold = Fold::new("ups", "1Z1");
    for event in told {
        assert_eq!(fold.take(event), Taken::New);
    }
    fold
}

#[test]
fn two_sources_tell_one_happening() {
    let mut fold = Fold::new("ups", "1Z1");
    let direct = event(1, 10, Milestone::OutForDelivery);
    let mut aggregator = event(2, 10, Milestone::OutForDelivery);
    aggregator.source = "easypost".into();
    aggregator.occurred_at = None;
    assert_eq!(fold.take(&direct), Taken::New);
    assert_eq!(fold.take(&aggregator), Taken::ToldByOther);
    let mut second_scan = event(3, 10, Milestone::OutForDelivery);
    second_scan.source = "easypost".into();
    assert_eq!(fold.take(&second_scan), Taken::New, "one source telling two scans tells two happenings");
}

#[test]
fn many_scans_stay_bounded_and_keep_what_decides() {
    let mut fold = Fold::new("ups", "1Z1");
    fold.take(&event(0, 0, Milestone::Accepted));
    for n in 1..=255 {
        fold.take(&event(n, i64::from(n), Milestone::InTransit));
    }
    assert!(fold.entries.len() <= ENTRIES_MAX);
    let status = fold.status("1Z1");
    assert_eq!(status.events, 256);
    assert_eq!(status.history.first().map(|h| h.milestone), Some(Milestone::Accepted));
}

fn any_events() -> impl Strategy<Value = Vec<ShipmentEvent>> {
    prop::collection::vec((0..40_i64, 0..Milestone::ALL.len(), any::<bool>(), 0..3_u8), 1..24).prop_map(|rows| {
        rows.into_iter()
            .zip(0_u8..)
            .map(|((minute, m, correction, eta), n)| {
                let mut e = event(n, minute, Milestone::ALL[m]);
                e.sub_status = (correction && n % 5 == 0).then_some(SubStatus::Correction);
                e.eta = (eta == 0).then(|| Eta { from_local: Some(format!("{n}")), ..Eta::default() });
                e.pod = (eta == 1).then(|| ProofOfDelivery { delivered_to: Some(format!("{n}")), ..ProofOfDelivery::default() });
                e
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_order_of_arrival_gives_the_same_status((events, shuffled) in any_events().prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle()))) {
        prop_assert_eq!(fold_of(&events), fold_of(&shuffled));
    }
}
