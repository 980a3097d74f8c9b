//! Any canonical record, as proptest strategies: every optional field is sometimes there, every word sometimes said.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use rust_decimal::Decimal;

use super::cases::{exception_raised, source_counts};
use super::finance::{exception_decision, finance_entry, finance_fact, freight_verdict};
use super::freight::{freight_charge, freight_invoice, shipment_notice};
use crate::domain::dedup;
use crate::domain::delivery::{DeliveryStatus, MilestoneReached, ParcelChange, ShipmentStatus};
use crate::domain::erp::{Contact, ErpDelivery, ErpInvoice, ErpOrder, ShipmentLink};
use crate::domain::event::{CashOnDelivery, Eta, Measures, Partner, Piece, Place, ProofOfDelivery, RawCode, RawRef, ShipmentEvent};
use crate::domain::money::Amount;
use crate::domain::odoo_command::{OdooCommand, OdooResult};
use crate::domain::record::{OdooImage, Record};
use crate::domain::time::Micros;
use crate::domain::vocabulary::{Actor, ExceptionReason, Fault, Leg, Milestone, SubStatus, TimePrecision, TimeSource};

/// A strategy per field: `record!(Type { field: strategy, … })`, fields drawn one after the other.
macro_rules! record {
    ($type:ident { $($field:ident : $strategy:expr),+ $(,)? }) => {{
        $(let $field = $strategy.boxed();)+
        Just(()).prop_perturb(move |(), rng| {
            let mut runner = TestRunner::new_with_rng(Config::default(), rng);
            $type { $($field: drawn(&$field, &mut runner)),+ }
        })
    }};
}
pub(super) use record as fields_of;

#[expect(clippy::expect_used, reason = "none of these strategies filters, so none can run out of tries")]
pub(super) fn drawn<T: std::fmt::Debug>(strategy: &BoxedStrategy<T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).expect("a strategy without a filter draws").current()
}

pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[A-Za-z0-9 .:/-]{0,20}", 1 => "\\PC{0,12}", 1 => Just(String::new())]
}

pub(super) fn texts() -> impl Strategy<Value = Option<String>> {
    of(text())
}

pub(super) fn micros() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1_500_000_000_000_000_i64..2_000_000_000_000_000, 1 => any::<i64>()]
}

pub(super) fn id() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1_i64..1_000_000, 1 => any::<i64>()]
}

fn degrees() -> impl Strategy<Value = Option<f64>> {
    of(-180.0..180.0_f64)
}

/// Any amount that fits an Avro `decimal(28, 6)`.
pub fn amount() -> impl Strategy<Value = Amount> {
    let units = prop_oneof![
        3 => -10_000_000_000_i128..10_000_000_000,
        1 => -9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999,
    ];
    units.prop_map(|units| Amount(Decimal::from_i128_with_scale(units, 6).normalize()))
}

pub(super) fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

pub(super) fn raw_ref() -> impl Strategy<Value = RawRef> {
    record!(RawRef { topic: text(), partition: 0..64_i32, offset: id(), sha256: "[0-9a-f]{64}" })
}

fn raw_code() -> impl Strategy<Value = RawCode> {
    record!(RawCode { kind: texts(), code: texts(), sub_code: texts() })
}

fn place() -> impl Strategy<Value = Place> {
    record!(Place {
        city: texts(),
        state: texts(),
        postal_code: texts(),
        country: texts(),
        facility: texts(),
        unlocode: texts(),
        latitude: degrees(),
        longitude: degrees(),
        text: texts(),
    })
}

fn pod() -> impl Strategy<Value = ProofOfDelivery> {
    record!(ProofOfDelivery {
        signed_by: texts(),
        relation: texts(),
        signature_ref: texts(),
        photo_ref: texts(),
        latitude: degrees(),
        longitude: degrees(),
        delivered_to: texts(),
    })
}

fn eta() -> impl Strategy<Value = Eta> {
    record!(Eta { from: of(micros()), to: of(micros()), from_local: texts(), to_local: texts(), source: texts(), previous_local: texts() })
}

fn measures() -> impl Strategy<Value = Measures> {
    record!(Measures {
        weight: of(amount()),
        weight_unit: texts(),
        length: of(amount()),
        width: of(amount()),
        height: of(amount()),
        length_unit: texts(),
        pieces: of(any::<i32>()),
    })
}

fn contact() -> impl Strategy<Value = Contact> {
    record!(Contact {
        name: texts(),
        email: texts(),
        phone: texts(),
        lang: texts(),
        street: texts(),
        postal_code: texts(),
        city: texts(),
        country_id: of(id()),
    })
}

/// Any event.
pub fn shipment_event() -> impl Strategy<Value = ShipmentEvent> {
    record!(ShipmentEvent {
        event_id: text(),
        dedup_key: "[0-9a-f]{32}",
        shipment_key: "[A-Z0-9]{1,20}",
        tracking_number: text(),
        carrier: text().prop_map(Into::into),
        source: text().prop_map(Into::into),
        source_event_id: texts(),
        raw: raw_ref(),
        mapping_version: text().prop_map(Into::into),
        milestone: word(Milestone::ALL),
        sub_status: of(word(SubStatus::ALL)),
        exception_reason: of(word(ExceptionReason::ALL)),
        fault: of(word(Fault::ALL)),
        action_required: any::<bool>(),
        actor: of(word(Actor::ALL)),
        leg: word(Leg::ALL),
        raw_code: raw_code(),
        raw_description: texts(),
        occurred_at: of(micros()),
        occurred_local: texts(),
        offset_minutes: of(-1080..=1080_i32),
        time_precision: of(word(TimePrecision::ALL)),
        time_source: of(word(TimeSource::ALL)),
        received_at: micros(),
        place: of(place()),
        piece: of(record!(Piece { number: texts(), sscc: texts(), master: texts() })),
        attempt_no: of(any::<i32>()),
        pod: of(pod()),
        eta: of(eta()),
        cod: of(record!(CashOnDelivery { amount: amount(), currency: "[A-Z]{3}", collected: any::<bool>() })),
        measures: of(measures()),
        partner: of(record!(Partner { carrier: texts(), tracking_number: texts() })),
        late: any::<bool>(),
        verified: any::<bool>(),
    })
}

fn milestone_reached() -> impl Strategy<Value = MilestoneReached> {
    record!(MilestoneReached {
        milestone: word(Milestone::ALL),
        sub_status: of(word(SubStatus::ALL)),
        exception_reason: of(word(ExceptionReason::ALL)),
        event_id: text(),
        occurred_at: of(micros()),
        occurred_local: texts(),
    })
}

/// Any shipment status.
pub fn shipment_status() -> impl Strategy<Value = ShipmentStatus> {
    record!(ShipmentStatus {
        shipment_key: "[A-Z0-9]{1,20}",
        tracking_number: text(),
        carrier: text(),
        delivery_key: texts(),
        milestone: word(Milestone::ALL),
        sub_status: of(word(SubStatus::ALL)),
        exception_reason: of(word(ExceptionReason::ALL)),
        fault: of(word(Fault::ALL)),
        action_required: any::<bool>(),
        leg: word(Leg::ALL),
        event_id: texts(),
        occurred_at: of(micros()),
        occurred_local: texts(),
        history: vec(milestone_reached(), 0..4),
        eta: of(eta()),
        pod: of(pod()),
        attempts: 0..9_i32,
        events: 0..99_i32,
        version: id(),
        received_at: micros(),
    })
}

/// Any delivery status.
pub fn delivery_status() -> impl Strategy<Value = DeliveryStatus> {
    record!(DeliveryStatus {
        delivery_key: text(),
        odoo_instance: text(),
        company_id: id(),
        picking_id: id(),
        picking_name: texts(),
        milestone: word(Milestone::ALL),
        complete: any::<bool>(),
        parcels_expected: 0..9_i32,
        parcels_delivered: 0..9_i32,
        action_required: any::<bool>(),
        parcels: vec(shipment_status(), 0..3),
        version: id(),
        received_at: micros(),
    })
}

/// Any link between a tracking number and a delivery.
pub fn shipment_link() -> impl Strategy<Value = ShipmentLink> {
    record!(ShipmentLink {
        shipment_key: "[A-Z0-9]{1,20}",
        tracking_number: text(),
        carrier: texts(),
        delivery_key: text(),
        picking_name: texts(),
        parcels_expected: 0..9_i32,
        linked: any::<bool>(),
        linked_at: micros(),
    })
}

/// Any delivery as Odoo has it.
pub fn erp_delivery() -> impl Strategy<Value = ErpDelivery> {
    record!(ErpDelivery {
        delivery_key: text(),
        odoo_instance: text(),
        company_id: id(),
        picking_id: id(),
        picking_name: texts(),
        state: text(),
        deleted: any::<bool>(),
        origin: texts(),
        sale_id: of(id()),
        carrier_id: of(id()),
        carrier_name: texts(),
        carrier: texts(),
        tracking_numbers: vec(text(), 0..4),
        carrier_price: of(amount()),
        currency: texts(),
        weight: of(amount()),
        date_deadline: of(micros()),
        scheduled_date: of(micros()),
        date_done: of(micros()),
        partner_id: of(id()),
        partner: of(contact()),
        return_of: of(id()),
        backorder_of: of(id()),
        written_at: of(micros()),
    })
}

/// Any sales order as Odoo has it.
pub fn erp_order() -> impl Strategy<Value = ErpOrder> {
    record!(ErpOrder {
        order_key: text(),
        odoo_instance: text(),
        company_id: id(),
        order_id: id(),
        name: texts(),
        state: text(),
        deleted: any::<bool>(),
        client_order_ref: texts(),
        delivery_status: texts(),
        invoice_status: texts(),
        partner_id: of(id()),
        currency_id: of(id()),
        amount_untaxed: of(amount()),
        amount_total: of(amount()),
        warehouse_id: of(id()),
        date_order: of(micros()),
        commitment_date: of(micros()),
        written_at: of(micros()),
    })
}

/// Any accounting move as Odoo has it.
pub fn erp_invoice() -> impl Strategy<Value = ErpInvoice> {
    record!(ErpInvoice {
        invoice_key: text(),
        odoo_instance: text(),
        company_id: id(),
        move_id: id(),
        name: texts(),
        state: text(),
        deleted: any::<bool>(),
        move_type: text(),
        reference: texts(),
        invoice_origin: texts(),
        payment_state: texts(),
        partner_id: of(id()),
        journal_id: of(id()),
        currency_id: of(id()),
        amount_untaxed: of(amount()),
        amount_total: of(amount()),
        amount_residual: of(amount()),
        date: texts(),
        invoice_date: texts(),
        reverses: of(id()),
        written_at: of(micros()),
    })
}

/// Any image of an Odoo record.
pub fn odoo_image() -> impl Strategy<Value = OdooImage> {
    record!(OdooImage {
        odoo_instance: text(),
        model: text(),
        record_id: id(),
        deleted: any::<bool>(),
        fields: text(),
        complete: any::<bool>(),
        origin: text(),
        transaction_id: of(id()),
        log_position: of(id()),
        received_at: micros(),
    })
}

/// Any command to the Odoo writer.
pub fn odoo_command() -> impl Strategy<Value = OdooCommand> {
    record!(OdooCommand {
        command_id: text(),
        odoo_instance: text(),
        kind: text(),
        model: text(),
        record_id: of(id()),
        arguments: text(),
        cause_id: text(),
        requested_at: micros(),
    })
}

/// Any result of the Odoo writer.
pub fn odoo_result() -> impl Strategy<Value = OdooResult> {
    record!(OdooResult {
        effect_id: text(),
        odoo_instance: text(),
        kind: text(),
        outcome: text(),
        model: text(),
        record_id: of(id()),
        created_id: of(id()),
        code: texts(),
        error_name: texts(),
        delivery_key: texts(),
        cause_id: text(),
        settled_at: micros(),
    })
}

/// Any change of a parcel.
pub fn parcel_change() -> impl Strategy<Value = ParcelChange> {
    record!(ParcelChange {
        delivery_key: text(),
        picking_name: texts(),
        parcels_expected: 0..99_i32,
        linked: any::<bool>(),
        changed_at: micros(),
        status: shipment_status(),
    })
}

/// Any record of any kind, each kind as often as the others.
pub fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        shipment_event().prop_map(|r| Record::ShipmentEvent(Box::new(r))),
        shipment_status().prop_map(|r| Record::ShipmentStatus(Box::new(r))),
        delivery_status().prop_map(|r| Record::DeliveryStatus(Box::new(r))),
        shipment_link().prop_map(|r| Record::ShipmentLink(Box::new(r))),
        exception_raised().prop_map(|r| Record::ExceptionRaised(Box::new(r))),
        erp_delivery().prop_map(|r| Record::ErpDelivery(Box::new(r))),
        prop_oneof![erp_order().prop_map(|r| Record::ErpOrder(Box::new(r))), erp_invoice().prop_map(|r| Record::ErpInvoice(Box::new(r))),],
        prop_oneof![
            odoo_image().prop_map(|r| Record::OdooImage(Box::new(r))),
            odoo_command().prop_map(|r| Record::OdooCommand(Box::new(r))),
            odoo_result().prop_map(|r| Record::OdooResult(Box::new(r))),
            parcel_change().prop_map(|r| Record::ParcelChange(Box::new(r))),
            source_counts().prop_map(|r| Record::SourceCounts(Box::new(r))),
        ],
        prop_oneof![
            freight_invoice().prop_map(|r| Record::FreightInvoice(Box::new(r))),
            freight_charge().prop_map(|r| Record::FreightCharge(Box::new(r))),
            shipment_notice().prop_map(|r| Record::ShipmentNotice(Box::new(r))),
        ],
        prop_oneof![
            finance_fact().prop_map(|r| Record::FinanceFact(Box::new(r))),
            finance_entry().prop_map(|r| Record::FinanceEntry(Box::new(r))),
            freight_verdict().prop_map(|r| Record::FreightVerdict(Box::new(r))),
            exception_decision().prop_map(|r| Record::ExceptionDecision(Box::new(r))),
        ],
    ]
}

/// An event of UPS that says when it happened, and nothing else that it need not say.
#[must_use]
pub fn plain_event(key: [u8; 16], number: &str, at: Micros, milestone: Milestone) -> ShipmentEvent {
    ShipmentEvent {
        event_id: dedup::uuid(&key),
        dedup_key: dedup::hex(&key),
        shipment_key: number.to_owned(),
        tracking_number: number.to_owned(),
        carrier: "ups".into(),
        source: "ups".into(),
        source_event_id: None,
        raw: RawRef::default(),
        mapping_version: "ups-1".into(),
        milestone,
        sub_status: None,
        exception_reason: None,
        fault: None,
        action_required: false,
        actor: None,
        leg: Leg::Forward,
        raw_code: RawCode::default(),
        raw_description: None,
        occurred_at: Some(at),
        occurred_local: None,
        offset_minutes: None,
        time_precision: Some(TimePrecision::Second),
        time_source: None,
        received_at: at,
        place: None,
        piece: None,
        attempt_no: None,
        pod: None,
        eta: None,
        cod: None,
        measures: None,
        partner: None,
        late: false,
        verified: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A strategy that draws one kind, or always the same, would make every property hold.
    #[test]
    fn every_kind_is_drawn_and_no_two_are_alike() {
        let mut runner = TestRunner::deterministic();
        let strategy = record().boxed();
        let drawn: Vec<Record> = (0..400).map(|_| drawn(&strategy, &mut runner)).collect();
        assert_eq!(drawn.iter().map(Record::name).collect::<BTreeSet<_>>(), Record::NAMES.iter().copied().collect());
        let distinct = drawn.iter().map(|r| format!("{r:?}")).collect::<BTreeSet<_>>();
        assert_eq!(distinct.len(), drawn.len());
        let with_amount = |r: &Record| matches!(r, Record::ErpDelivery(d) if d.carrier_price.is_some());
        assert!(drawn.iter().any(with_amount));
    }
}
