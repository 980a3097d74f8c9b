//! Effects happen once: run twice, reply lost, Odoo away, one bad record among many, two batches at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waybill::domain::delivery::{DeliveryStatus, MilestoneReached, ShipmentStatus};
use waybill::domain::event::ProofOfDelivery;
use waybill::domain::odoo_command::OdooCommand;
use waybill::domain::vocabulary::{ExceptionReason, Leg, Milestone};
use waybill::odoo::client::Odoo;
use waybill::odoo::effects::{Effect, EffectOutcome, Kind, Outcome, PlanSettings, command, execute, plan};
use waybill::odoo::errors::Class;
use waybill::services::dev::odoo_standin::{Away, Settings as StandinSettings, Standin};

use crate::{VERSIONS, connect, standin};

/// Waits for a condition, 5 s at most.
#[expect(clippy::disallowed_methods, reason = "a test waits in real time")]
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < until, "it did not come true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A parcel of this picking that was delivered against a signature, with one more milestone before.
fn delivered(picking_id: i64) -> DeliveryStatus {
    let reached = |milestone, n: i64| MilestoneReached {
        milestone,
        sub_status: None,
        exception_reason: None,
        event_id: format!("event-{picking_id}-{n}"),
        occurred_at: Some(1_795_162_500_000_000),
        occurred_local: Some("2026-11-20T08:15:00".into()),
    };
    let number = format!("1Z{picking_id:06}");
    let parcel = ShipmentStatus {
        shipment_key: number.clone(),
        tracking_number: number,
        carrier: "ups".into(),
        delivery_key: Some(format!("main:1:{picking_id}")),
        milestone: Milestone::Delivered,
        sub_status: None,
        exception_reason: Some(ExceptionReason::ParcelDamaged),
        fault: None,
        action_required: true,
        leg: Leg::Forward,
        event_id: Some(format!("event-{picking_id}-2")),
        occurred_at: Some(1_795_162_500_000_000),
        occurred_local: Some("2026-11-20T08:15:00".into()),
        history: vec![reached(Milestone::OutForDelivery, 1), reached(Milestone::Delivered, 2)],
        eta: None,
        pod: Some(ProofOfDelivery { signed_by: Some("A. Person".into()), ..Default::default() }),
        attempts: 0,
        events: 2,
        version: 2,
        received_at: 0,
    };
    DeliveryStatus {
        delivery_key: format!("main:1:{picking_id}"),
        odoo_instance: "main".into(),
        company_id: 1,
        picking_id,
        picking_name: None,
        milestone: Milestone::Delivered,
        complete: true,
        parcels_expected: 1,
        parcels_delivered: 1,
        action_required: true,
        parcels: vec![parcel],
        version: 2,
        received_at: 0,
    }
}

fn planned(odoo: &Odoo, pickings: impl IntoIterator<Item = i64>) -> Vec<Effect> {
    let settings = PlanSettings::of(odoo, None);
    pickings.into_iter().flat_map(|id| plan(&delivered(id), &settings)).collect()
}

fn notes(odoo: &Odoo, pickings: impl IntoIterator<Item = i64>) -> Vec<Effect> {
    planned(odoo, pickings).into_iter().filter(|effect| effect.kind == Kind::Note).collect()
}

pub(crate) fn count(outcomes: &[EffectOutcome], word: &str) -> usize {
    outcomes.iter().filter(|outcome| outcome.outcome.as_str() == word).count()
}

pub(crate) async fn run(odoo: &Odoo, batch: &[Effect]) -> Vec<EffectOutcome> {
    let outcomes = execute(odoo, batch, &|| true).await;
    assert!(outcomes.iter().map(|o| &o.effect_id).eq(batch.iter().map(|e| &e.effect_id)), "one outcome for each, in order");
    outcomes
}

pub(crate) fn calls(standin: &Standin, name: &str) -> u64 {
    standin.calls().get(name).copied().unwrap_or_default()
}

#[tokio::test]
async fn a_delivery_is_written_whole_and_once() {
    for major in VERSIONS {
        let standin = Standin::start(StandinSettings { oca_fields: true, accept_any_picking: true, ..StandinSettings::of_version(major) });
        let standin = standin.await.unwrap();
        let odoo = connect(&standin).await;
        let batch = planned(&odoo, 1..=20);
        assert_eq!(batch.len(), 20 * 6, "reference, state, two notes, proof, activity");
        let first = run(&odoo, &batch).await;
        assert_eq!(count(&first, "done"), batch.len(), "{major}: {first:?}");
        let writes = calls(&standin, "stock.picking.write");
        let second = run(&odoo, &batch).await;
        assert_eq!(count(&second, "already_done"), batch.len(), "{major}: {second:?}");
        assert_eq!(calls(&standin, "stock.picking.write"), writes, "nothing is written that is so already");
        assert_eq!(calls(&standin, "mail.message.create"), 1, "forty notes in one call");

        let picking = &standin.rows("stock.picking")[&7];
        assert_eq!(picking["carrier_tracking_ref"], "1Z000007");
        assert_eq!(picking["delivery_state"], "customer_delivered");
        assert_eq!(picking["state"], "assigned", "the state is Odoo's own");
        let bodies: Vec<String> = standin.notes(7).into_iter().map(|note| note.body).collect();
        assert_eq!(bodies[0], "<p>Out for delivery (UPS 1Z000007), 20 Nov 2026 08:15 local time</p>");
        assert!(bodies[1].starts_with("<p>Delivered (UPS"), "in the order in which they happened");
        assert_eq!((standin.rows("ir.attachment").len(), standin.rows("mail.activity").len()), (20, 20));
    }
}

#[tokio::test]
async fn a_lost_reply_or_a_killed_worker_doubles_nothing() {
    for major in VERSIONS {
        for lost in 1..=4 {
            let standin = standin(major, 1..=3).await;
            let odoo = connect(&standin).await;
            let batch = planned(&odoo, 1..=3);
            standin.set_faults(|faults| (faults.lose_replies, faults.kill_workers, faults.serialization_failures) = (lost, 1, 1));
            let mut outcomes = run(&odoo, &batch).await;
            assert!(count(&outcomes, "wait") > 0);
            for _ in 0..10 {
                outcomes = run(&odoo, &batch).await;
            }
            assert_eq!(count(&outcomes, "already_done"), batch.len(), "{major}");
            assert!(standin.doubled_notes().is_empty());
            let held = ["mail.message", "ir.attachment", "mail.activity"].map(|model| standin.rows(model).len());
            assert_eq!(held, [6, 3, 3], "{major}, {lost} lost");
        }
    }
}

#[tokio::test]
async fn one_missing_picking_among_fifty_stops_no_other() {
    for major in VERSIONS {
        let standin = standin(major, 1..=50).await;
        let odoo = connect(&standin).await;
        standin.remove_picking(31);
        let batch: Vec<Effect> = notes(&odoo, 1..=50).into_iter().step_by(2).collect();
        assert_eq!(batch.len(), 50);
        let outcomes = run(&odoo, &batch).await;
        assert_eq!((count(&outcomes, "done"), count(&outcomes, "refused")), (49, 1), "{major}");
        let refused = &outcomes[30].outcome;
        assert!(matches!(refused, Outcome::Refused { name: Some(name), .. } if name == "odoo.exceptions.MissingError"), "{refused:?}");
        assert!(calls(&standin, "mail.message.create") <= 14, "it is found by halving");
        let all = run(&odoo, &planned(&odoo, [30, 31, 32])).await;
        assert!(all.iter().zip(planned(&odoo, [30, 31, 32])).all(|(outcome, effect)| {
            // Odoo itself takes an attachment for a record that is not there.
            effect.record_id != Some(31) || effect.kind == Kind::Pod || outcome.outcome.as_str() == "refused"
        }));
        assert!(standin.doubled_notes().is_empty());
    }
}

#[tokio::test]
async fn while_odoo_is_away_everything_waits_and_afterwards_order_is_kept() {
    for major in VERSIONS {
        let standin = standin(major, 1..=5).await;
        let odoo = connect(&standin).await;
        let batch = planned(&odoo, 1..=5);
        for away in [Away::WithoutDatabase, Away::Refuses] {
            standin.set_faults(|faults| faults.away = away);
            for _ in 0..3 {
                for EffectOutcome { outcome, .. } in run(&odoo, &batch).await {
                    let Outcome::Wait(error) = outcome else { panic!("{major}: {outcome:?}") };
                    assert_eq!(error.class, Class::Wait);
                }
            }
        }
        assert!(standin.rows("mail.message").is_empty());
        standin.set_faults(|faults| faults.away = Away::No);
        let mut outcomes = run(&odoo, &batch).await;
        while count(&outcomes, "wait") > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            outcomes = run(&odoo, &batch).await;
        }
        for id in 1..=5 {
            let notes = standin.notes(id);
            assert!(notes.len() == 2 && notes[0].body.contains("Out for delivery") && notes[1].body.contains("Delivered"), "{notes:?}");
        }
    }
}

#[tokio::test]
async fn whoever_lost_its_pickings_writes_nothing() {
    let standin = standin(19, 1..=2).await;
    let odoo = connect(&standin).await;
    let batch = planned(&odoo, 1..=2);
    let outcomes = execute(&odoo, &batch, &|| false).await;
    assert_eq!(count(&outcomes, "wait"), batch.len());
    assert!(standin.calls().keys().all(|call| !call.ends_with("create") && !call.ends_with("write") && !call.ends_with("schedule")));
}

#[tokio::test]
async fn the_same_effect_twice_in_one_batch_and_batches_side_by_side() {
    for major in VERSIONS {
        let standin = standin(major, 1..=40).await;
        let odoo = connect(&standin).await;
        let mut doubled = notes(&odoo, 1..=10);
        doubled.extend(notes(&odoo, 1..=10));
        let outcomes = run(&odoo, &doubled).await;
        assert_eq!((count(&outcomes, "done"), count(&outcomes, "already_done")), (20, 20));
        let batches: Vec<Vec<Effect>> = (1..=4).map(|n| notes(&odoo, n * 10 - 9..=n * 10)).collect();
        let side_by_side = futures::future::join_all(batches.iter().map(|batch| run(&odoo, batch))).await;
        assert!(side_by_side.iter().flatten().all(|outcome| !matches!(outcome.outcome, Outcome::Wait(_))));
        assert_eq!(standin.rows("mail.message").len(), 80);
        assert!(standin.doubled_notes().is_empty());
    }
}

#[tokio::test]
async fn a_reference_that_odoo_knows_better_is_only_added_to() {
    let standin = standin(18, 1..=1).await;
    let odoo = connect(&standin).await;
    standin.put_picking(1, serde_json::Map::from_iter([("carrier_tracking_ref".to_owned(), json!("1Z-OTHER"))]));
    run(&odoo, &planned(&odoo, [1])).await;
    assert_eq!(standin.rows("stock.picking")[&1]["carrier_tracking_ref"], "1Z-OTHER,1Z000001");
}

pub(crate) fn asked(id: &str, kind: &str, model: &str, record_id: Option<i64>, arguments: &Value) -> Effect {
    let asked = OdooCommand {
        command_id: id.into(),
        odoo_instance: "main".into(),
        kind: kind.into(),
        model: model.into(),
        record_id,
        arguments: arguments.to_string(),
        cause_id: "cause".into(),
        requested_at: 0,
    };
    command(&asked).unwrap()
}

#[tokio::test]
async fn commands_happen_once() {
    let rows = json!({"fields": ["id", "ref", "line_ids/id", "line_ids/account_id/.id", "line_ids/debit"],
        "data": [["waybill.entry_1", "R1", "waybill.entry_1_1", "29", "5.25"], ["", "", "waybill.entry_1_2", "14", "-5.25"]]});
    for major in VERSIONS {
        let standin = standin(major, 1..=1).await;
        standin.put_move(59, "draft");
        standin.put_move(60, "posted");
        let odoo = connect(&standin).await;
        let batch = [
            asked("1", "note", "account.move", Some(59), &json!({"body": "1 < 2"})),
            asked("2", "activity", "account.move", Some(59), &json!({"summary": "Check", "note": "the freight"})),
            asked("3", "write", "account.move", Some(59), &json!({"values": {"ref": "R"}})),
            asked("4", "load", "account.move", None, &rows),
            asked("5", "post", "account.move", Some(59), &json!({})),
            asked("6", "reverse", "account.move", Some(60), &json!({"journal_id": 3, "date": "2026-11-21", "reason": "claim"})),
            asked("7", "write", "account.move", Some(59), &json!({"values": {"no_such_field": 1}})),
            asked("8", "post", "account.move", Some(999), &json!({})),
        ];
        let first = run(&odoo, &batch).await;
        assert_eq!((count(&first, "done"), count(&first, "refused")), (6, 2), "{major}: {first:?}");
        let again = run(&odoo, &batch).await;
        assert_eq!((count(&again, "already_done"), count(&again, "refused")), (6, 2), "{major}: {again:?}");
        let moves = standin.rows("account.move");
        assert_eq!(moves.len(), 4, "two that were there, one loaded, one reversal");
        assert_eq!((&moves[&59]["state"], &moves[&59]["ref"]), (&json!("posted"), &json!("R")));
    }
}
