//! The facts that finance rests on, each with the key of the book it belongs to.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::event::RawRef;
use crate::domain::freight::{ChargeType, LineCategory};
use crate::domain::money::Amount;
use crate::domain::time::Micros;
use crate::domain::vocabulary::words;

/// One fact for one company's books. Avro record `FinanceFact`, internal topic `finance.facts`, key: the book, so that
/// everything about the books of one company is seen in one order. Exactly one of the facts is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinanceFact {
    /// `<odoo instance>:<company id>`.
    pub book: String,
    /// When the record behind it reached us, UTC microseconds.
    pub received_at: Micros,
    /// A delivery as Odoo has it.
    pub delivery: Option<DeliveryFact>,
    /// How far a delivery has come.
    pub movement: Option<MovementFact>,
    /// A charge that the carrier has announced.
    pub charge: Option<ChargeFact>,
    /// A charge that the carrier has billed.
    pub line: Option<LineFact>,
    /// The end of an invoice.
    pub totals: Option<TotalsFact>,
    /// What a person has decided.
    pub decision: Option<DecisionFact>,
}

/// The largest amount of one fact that is reckoned with, either way: ten to the power of twelve. No freight costs more in any
/// currency, and sums of as many as there may be still fit a decimal and an Avro `decimal(28, 6)`.
const AMOUNT_MAX: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

/// Whether an amount can be reckoned with.
#[must_use]
pub fn fits(amount: Amount) -> bool {
    amount.0.abs() <= AMOUNT_MAX && amount.0.normalize().scale() <= crate::domain::money::SCALE
}

impl DeliveryFact {
    /// Of two versions the one with the larger rank counts: the later one, and where Odoo wrote both in one second, the one that
    /// says more, so that it is the same one in whichever order they come.
    pub(super) fn rank(&self) -> impl Ord + '_ {
        let Self { delivery_key: _, picking_name, origin, carrier, shipment_keys, price, currency, weight, done_at, void, written_at } =
            self;
        let state = (written_at, void, done_at, shipment_keys.len(), price.is_some());
        (state, (shipment_keys, price, currency, carrier, picking_name, origin, weight))
    }
}

impl LineFact {
    /// Of two lines with the same id the one with the smaller rank counts: a carrier bills a line once, so they differ only where a
    /// mapping was changed.
    pub(super) fn rank(&self) -> impl Ord + '_ {
        let what = (&self.invoice_id, &self.invoice_date, self.charge_type, &self.raw_code, self.amount, &self.currency);
        let about = (&self.shipment_key, &self.references, self.category, self.pieces, &self.carrier, self.weight_billed, self.weight_told);
        (what, about, (&self.description, &self.due_date, &self.weight_unit, &self.invoice_number))
    }
}

impl FinanceFact {
    /// A fact for no books and about nothing yet.
    #[must_use]
    pub fn empty(received_at: Micros) -> Self {
        Self { book: String::new(), received_at, delivery: None, movement: None, charge: None, line: None, totals: None, decision: None }
    }

    /// What tells this fact from every other one of its book; the same for ever, whenever it reached us.
    #[must_use]
    pub fn identity(&self) -> String {
        let Self { book: _, received_at: _, delivery, movement, charge, line, totals, decision } = self;
        let parts = [
            // Odoo's times do not tell two versions of one transaction apart.
            delivery.as_ref().map(|f| format!("delivery {f:?}")),
            movement.as_ref().map(|f| format!("movement {} {}", f.delivery_key, f.version)),
            charge.as_ref().map(|f| format!("charge {}", f.charge_id)),
            line.as_ref().map(|f| format!("line {}", f.line_id)),
            // Two files may end one invoice, each with its own sums.
            totals.as_ref().map(|f| format!("totals {f:?}")),
            decision.as_ref().map(|f| format!("decision {} {} {}", f.exception_id, f.kind, f.decided_at)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// A delivery as Odoo has it, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFact {
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// `WH/OUT/00015`.
    pub picking_name: Option<String>,
    /// Source document, e.g. the sales order's number.
    pub origin: Option<String>,
    /// Carrier code, where known.
    pub carrier: Option<String>,
    /// Tracking numbers in key form.
    pub shipment_keys: Vec<String>,
    /// Freight that Odoo expects, in `currency`.
    pub price: Option<Amount>,
    /// ISO 4217, where known.
    pub currency: Option<String>,
    /// In kg.
    pub weight: Option<Amount>,
    /// Validated in Odoo, UTC.
    pub done_at: Option<Micros>,
    /// Cancelled or deleted in Odoo.
    pub void: bool,
    /// When Odoo wrote this version, UTC: of two the later counts.
    pub written_at: Option<Micros>,
}

/// How far a delivery has come, from its status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MovementFact {
    /// `<odoo instance>:<company id>:<picking id>`.
    pub delivery_key: String,
    /// Of two the higher counts.
    pub version: i64,
    /// First parcel accepted by the carrier, UTC.
    pub accepted_at: Option<Micros>,
    /// First forward scan of a parcel on its way, UTC.
    pub moved_at: Option<Micros>,
    /// Last parcel delivered, UTC; only where all are.
    pub delivered_at: Option<Micros>,
    /// The carrier says that the label was cancelled.
    pub cancelled: bool,
    /// The event behind the newest of it.
    pub event_id: Option<String>,
}

/// A charge that the carrier has announced for a shipment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChargeFact {
    /// `FreightCharge.charge_id`.
    pub charge_id: String,
    /// Tracking number in key form.
    pub shipment_key: String,
    /// Carrier code.
    pub carrier: String,
    /// What for.
    pub charge_type: ChargeType,
    /// The carrier's code of it, as sent.
    pub raw_code: Option<String>,
    /// In `currency`.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// Replaces what was announced before for this charge.
    pub corrects: bool,
    /// When it was announced, UTC.
    pub told_at: Micros,
}

/// A charge that the carrier has billed: one line of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineFact {
    /// `FreightInvoice.line_id`.
    pub line_id: String,
    /// `<carrier>:<number>:<date>`.
    pub invoice_id: String,
    /// As the carrier wrote it.
    pub invoice_number: String,
    /// ISO 8601 calendar date.
    pub invoice_date: String,
    /// ISO 8601 calendar date, where told.
    pub due_date: Option<String>,
    /// Carrier code.
    pub carrier: String,
    /// What the line is about.
    pub category: LineCategory,
    /// Tracking number in key form, where told.
    pub shipment_key: Option<String>,
    /// References as sent.
    pub references: Vec<String>,
    /// What for.
    pub charge_type: ChargeType,
    /// The carrier's code of it, as sent.
    pub raw_code: Option<String>,
    /// The carrier's words for it.
    pub description: Option<String>,
    /// Payable without tax, in `currency`; negative for a credit.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// Weight that the charge rests on, in `weight_unit`.
    pub weight_billed: Option<Amount>,
    /// Weight that the shipper told, in `weight_unit`.
    pub weight_told: Option<Amount>,
    /// `kg`, `lb` or `oz`; another as sent.
    pub weight_unit: Option<String>,
    /// Parcels that the charge covers.
    pub pieces: Option<i32>,
    /// Where the carrier's bytes are.
    pub raw: RawRef,
}

/// That a file says no more about an invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalsFact {
    /// `<carrier>:<number>:<date>`.
    pub invoice_id: String,
    /// The invoice's own total with tax, where told, in its currency.
    pub told: Option<Amount>,
    /// Sum of the charges with their tax, in the invoice's currency.
    pub billed: Amount,
    /// Number of charges.
    pub charges: i64,
    /// Whether the lines tie to the total.
    pub ties: bool,
}

words! {
    /// What a person does with a billed charge that does not match.
    DecisionKind {
        /// It is paid as billed.
        Accept = "accept",
        /// It is not paid.
        Reject = "reject",
    }
}

/// What a person has decided about an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionFact {
    /// The case it is about.
    pub exception_id: String,
    /// What is to be done.
    pub kind: DecisionKind,
    /// When it was decided, UTC: of two about one case the earlier counts.
    pub decided_at: Micros,
}
