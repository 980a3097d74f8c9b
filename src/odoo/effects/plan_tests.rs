//! What people in Odoo rely on about the plan of a delivery.

use std::collections::HashSet;

use super::*;
use crate::domain::vocabulary::{ExceptionReason, Leg};

fn reached(milestone: Milestone, event_id: &str) -> MilestoneReached {
    MilestoneReached {
        milestone,
        sub_status: None,
        exception_reason: None,
        event_id: event_id.into(),
        occurred_at: None,
        occurred_local: Some("2026-11-20T08:15:00".into()),
    }
}

fn parcel(number: &str, history: Vec<MilestoneReached>) -> ShipmentStatus {
    let last = history.last().cloned();
    ShipmentStatus {
        shipment_key: number.into(),
        tracking_number: number.into(),
        carrier: "ups".into(),
        delivery_key: Some("main:1:24".into()),
        milestone: last.as_ref().map_or(Milestone::Unknown, |l| l.milestone),
        sub_status: None,
        exception_reason: None,
        fault: None,
        action_required: false,
        leg: Leg::Forward,
        event_id: last.map(|l| l.event_id),
        occurred_at: None,
        occurred_local: Some("2026-11-20T08:15:00".into()),
        history,
        eta: None,
        pod: None,
        attempts: 0,
        events: 1,
        version: 1,
        received_at: 1,
    }
}

fn delivery(parcels: Vec<ShipmentStatus>) -> DeliveryStatus {
    DeliveryStatus {
        delivery_key: "main:1:24".into(),
        odoo_instance: "main".into(),
        company_id: 1,
        picking_id: 24,
        picking_name: None,
        milestone: parcels.first().map_or(Milestone::Unknown, |p| p.milestone),
        complete: false,
        parcels_expected: 1,
        parcels_delivered: 0,
        action_required: false,
        parcels,
        version: 3,
        received_at: 1,
    }
}

fn of_kind(effects: &[Effect], kind: Kind) -> Vec<&Effect> {
    effects.iter().filter(|effect| effect.kind == kind).collect()
}

#[test]
fn every_milestone_has_one_note_in_order_with_ids_that_last() {
    let status = delivery(vec![parcel("1Z<1>", vec![reached(Milestone::InTransit, "e1"), reached(Milestone::OutForDelivery, "e2")])]);
    let effects = plan(&status, &PlanSettings::default());
    let notes = of_kind(&effects, Kind::Note);
    assert_eq!(notes.len(), 2);
    let id = hex(&id_of(&["note", "main:1:24", "e2"]));
    assert_eq!((notes[1].effect_id.as_str(), notes[1].cause_id.as_str()), (id.as_str(), "e2"));
    let Action::Note { message_id, body } = &notes[1].action else { panic!() };
    assert_eq!(message_id, &format!("<{id}@waybill>"));
    assert_eq!(body, "<p>Out for delivery (UPS 1Z&lt;1&gt;), 20 Nov 2026 08:15 local time</p>");
    let later = DeliveryStatus { version: 4, ..status };
    let ids = |effects: &[Effect]| effects.iter().map(|e| e.effect_id.clone()).collect::<HashSet<_>>();
    assert_eq!(ids(&plan(&later, &PlanSettings::default())), ids(&effects));
}

#[test]
fn proof_is_links_where_there_are_links_and_else_a_text() {
    let delivered = || parcel("1Z1", vec![reached(Milestone::Delivered, "e9")]);
    let mut linked = delivered();
    let photo = Some("https://example.com/p".to_owned());
    linked.pod = Some(ProofOfDelivery { signed_by: Some("A. Person".into()), photo_ref: photo, ..Default::default() });
    let effects = plan(&delivery(vec![linked]), &PlanSettings::default());
    assert!(
        matches!(of_kind(&effects, Kind::Pod).as_slice(), [Effect { action: Action::Link { url, .. }, .. }] if url == "https://example.com/p")
    );

    let mut told = delivered();
    told.pod = Some(ProofOfDelivery { signed_by: Some("A. Person".into()), photo_ref: Some("DOC-7".into()), ..Default::default() });
    let effects = plan(&delivery(vec![told]), &PlanSettings::default());
    let [Effect { action: Action::Text { text, .. }, .. }] = of_kind(&effects, Kind::Pod)[..] else { panic!() };
    assert_eq!(text, "Proof of delivery\nParcel: UPS 1Z1\nDelivered: 20 Nov 2026 08:15 local time\nSigned by: A. Person\nPhoto: DOC-7\n");

    let mut silent = delivered();
    silent.pod = Some(ProofOfDelivery::default());
    assert!(of_kind(&plan(&delivery(vec![silent]), &PlanSettings::default()), Kind::Pod).is_empty());
}

#[test]
fn a_case_for_a_person_becomes_an_activity_without_personal_data() {
    let mut stuck = parcel("1Z1", vec![reached(Milestone::Exception, "e5")]);
    stuck.action_required = true;
    stuck.exception_reason = Some(ExceptionReason::AddressIncorrect);
    stuck.pod = Some(ProofOfDelivery { signed_by: Some("A. Person".into()), ..Default::default() });
    let effects = plan(&delivery(vec![stuck]), &PlanSettings { activity_user: Some(7), ..Default::default() });
    let [Effect { action: Action::Activity { summary, note, marker, user_id }, .. }] = of_kind(&effects, Kind::Activity)[..] else {
        panic!()
    };
    assert_eq!(summary, "Delivery exception: address incorrect (UPS 1Z1)");
    assert!(note.ends_with(&format!("<p>{marker}</p>")) && !note.contains("Person"));
    assert_eq!(*user_id, Some(7));
}

#[test]
fn fields_of_oca_are_written_where_the_model_has_them_and_state_never() {
    for milestone in Milestone::ALL {
        let status = delivery(vec![parcel("1Z1", vec![reached(*milestone, "e1")])]);
        assert!(of_kind(&plan(&status, &PlanSettings::default()), Kind::DeliveryState).is_empty());
        let settings = PlanSettings { delivery_state: true, tracking_state: true, activity_user: None };
        for effect in plan(&status, &settings) {
            if let Action::Fields(fields) = &effect.action {
                assert!(!fields.contains_key("state") && fields.contains_key("tracking_state"), "{milestone}");
            }
        }
    }
    assert_eq!(oca_state(Milestone::Delivered), Some("customer_delivered"));
    assert_eq!(oca_state(Milestone::Lost), Some("incident"));
    assert_eq!(oca_state(Milestone::Unknown), None);
}
