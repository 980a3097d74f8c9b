//! Turns what other services say into facts for one company's books.

use super::{FinanceAccrual, topic};
use crate::domain::delivery::DeliveryStatus;
use crate::domain::erp::ErpDelivery;
use crate::domain::finance::facts::{ChargeFact, DecisionFact, DeliveryFact, FinanceFact, LineFact, MovementFact, TotalsFact};
use crate::domain::freight::{ChargeType, FreightCharge, FreightInvoice, LineCategory, LineKind};
use crate::domain::ids::shipment_key;
use crate::domain::money::Amount;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::domain::vocabulary::{Leg, Milestone};
use crate::engine::processor::Outputs;

/// Sends a record to the books it belongs to.
pub(super) fn route(record: &Record, received_at: Micros, finance: &FinanceAccrual, out: &mut Outputs) -> Verdict {
    let mut fact = FinanceFact::empty(received_at);
    let book = match record {
        Record::ErpDelivery(delivery) => {
            fact.delivery = Some(delivery_fact(delivery));
            format!("{}:{}", delivery.odoo_instance, delivery.company_id)
        }
        Record::DeliveryStatus(status) => {
            fact.movement = Some(movement_fact(status));
            format!("{}:{}", status.odoo_instance, status.company_id)
        }
        Record::ExceptionDecision(decision) => {
            let (exception_id, kind, decided_at) = (decision.exception_id.clone(), decision.kind, decision.decided_at);
            fact.decision = Some(DecisionFact { exception_id, kind, decided_at });
            decision.book.clone()
        }
        Record::FreightCharge(charge) => {
            let Some(charge) = charge_fact(charge) else { return Verdict::Duplicate("a charge without an amount") };
            fact.charge = Some(charge);
            // Nobody says whose account it is: the books that know the shipment take it, the others let it lie.
            return send(finance.books.keys(), &fact, out);
        }
        Record::FreightInvoice(line) => {
            match line.kind {
                LineKind::Charge => fact.line = line_fact(line),
                LineKind::Totals => fact.totals = totals_fact(line),
            }
            if fact.line.is_none() && fact.totals.is_none() {
                return Verdict::Park(Park::new(Code::MISSING_FIELD, "a billed charge without an amount"));
            }
            let Some(book) = finance.accounts.book_of(&line.carrier, line.account.as_deref()) else {
                let cause = format!("no books have the account that this invoice of {} is for", line.carrier);
                return Verdict::Park(Park::new(Code::NO_BOOK, cause));
            };
            book.to_owned()
        }
        other => return Verdict::Park(Park::new(Code::WRONG_SCHEMA, format!("finance reads no {}", other.name()))),
    };
    if !finance.books.contains_key(&book) {
        // Deliveries of companies that do their freight elsewhere.
        return Verdict::Duplicate("no books are kept for this company");
    }
    send(std::iter::once(&book), &fact, out)
}

fn send<'a>(books: impl Iterator<Item = &'a String>, fact: &FinanceFact, out: &mut Outputs) -> Verdict {
    for book in books {
        let fact = FinanceFact { book: book.clone(), ..fact.clone() };
        out.publish(topic::FACTS, book.clone(), Record::FinanceFact(Box::new(fact)));
    }
    if out.records.is_empty() { Verdict::Duplicate("no books are kept") } else { Verdict::Publish }
}

fn delivery_fact(delivery: &ErpDelivery) -> DeliveryFact {
    let mut shipment_keys: Vec<String> = delivery.tracking_numbers.iter().filter_map(|n| shipment_key(n)).collect();
    shipment_keys.sort();
    shipment_keys.dedup();
    DeliveryFact {
        delivery_key: delivery.delivery_key.clone(),
        picking_name: delivery.picking_name.clone(),
        origin: delivery.origin.clone(),
        carrier: delivery.carrier.clone(),
        shipment_keys,
        // Odoo has zero where it knows no price.
        price: delivery.carrier_price.filter(|p| !p.0.is_zero()),
        currency: delivery.currency.clone(),
        weight: delivery.weight,
        done_at: delivery.date_done,
        void: delivery.deleted || delivery.state == "cancel",
        written_at: delivery.written_at,
    }
}

fn movement_fact(status: &DeliveryStatus) -> MovementFact {
    let forward = status.parcels.iter().filter(|p| !p.history.is_empty());
    let reached = |wanted: &dyn Fn(Milestone) -> bool| {
        let times = forward.clone().flat_map(|p| {
            p.history.iter().filter(|m| wanted(m.milestone)).map(move |m| (m.occurred_at.unwrap_or(p.received_at), m.event_id.clone()))
        });
        times.min()
    };
    let moved = reached(&|m| {
        matches!(
            m,
            Milestone::InTransit
                | Milestone::OutForDelivery
                | Milestone::AvailableForPickup
                | Milestone::DeliveryAttempted
                | Milestone::Delivered
                | Milestone::Returning
                | Milestone::Returned
        )
    });
    let accepted = reached(&|m| m == Milestone::Accepted);
    let delivered = status.parcels.iter().filter(|p| p.milestone == Milestone::Delivered && p.leg == Leg::Forward);
    MovementFact {
        delivery_key: status.delivery_key.clone(),
        version: status.version,
        accepted_at: accepted.as_ref().map(|(at, _)| *at),
        moved_at: moved.as_ref().map(|(at, _)| *at),
        delivered_at: delivered.filter_map(|p| p.occurred_at).max().filter(|_| status.complete),
        cancelled: status.milestone == Milestone::Cancelled,
        event_id: moved.or(accepted).map(|(_, event_id)| event_id),
    }
}

fn charge_fact(charge: &FreightCharge) -> Option<ChargeFact> {
    Some(ChargeFact {
        charge_id: charge.charge_id.clone(),
        shipment_key: charge.shipment_key.clone(),
        carrier: charge.carrier.to_string(),
        charge_type: charge.charge_type,
        raw_code: charge.raw_code.clone(),
        amount: charge.amount?,
        currency: charge.currency.clone()?,
        corrects: charge.corrects,
        told_at: charge.received_at,
    })
}

fn line_fact(line: &FreightInvoice) -> Option<LineFact> {
    Some(LineFact {
        line_id: line.line_id.clone(),
        invoice_id: line.invoice_id.clone(),
        invoice_number: line.invoice_number.clone(),
        invoice_date: line.invoice_date.clone(),
        due_date: line.due_date.clone(),
        carrier: line.carrier.to_string(),
        category: line.category.unwrap_or(LineCategory::Other),
        shipment_key: line.shipment_key.clone(),
        references: line.references.clone(),
        charge_type: line.charge_type.unwrap_or(ChargeType::Other),
        raw_code: line.raw_code.clone(),
        description: line.description.clone(),
        amount: line.amount?,
        currency: line.currency.clone(),
        weight_billed: line.weight_billed,
        weight_told: line.weight_told,
        weight_unit: line.weight_unit.clone(),
        pieces: line.pieces,
        raw: line.raw.clone(),
    })
}

fn totals_fact(line: &FreightInvoice) -> Option<TotalsFact> {
    let totals = line.totals.as_ref()?;
    let (told, billed): (Option<Amount>, Amount) = (totals.told, totals.billed);
    Some(TotalsFact { invoice_id: line.invoice_id.clone(), told, billed, charges: totals.charges, ties: totals.ties })
}
