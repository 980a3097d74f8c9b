//! What a shipper or a warehouse says it has shipped, for which order, under which tracking numbers.

use serde::{Deserialize, Serialize};

use super::dedup;
use super::event::{Label, RawRef};
use super::vocabulary::words;

words! {
    /// What a notice does with what was said before under the same number.
    NoticeAction {
        /// It stands in the place of whatever the same notice said before.
        Replaces = "replaces",
        /// It comes on top.
        Adds = "adds",
        /// It takes the notice back, all of it.
        Withdraws = "withdraws",
    }
}

words! {
    /// Whose number a reference is.
    ReferenceRole {
        /// The shipper's or depositor's order: what the order to the warehouse was called.
        Order = "order",
        /// The customer's purchase order.
        PurchaseOrder = "purchase_order",
        /// The shipment, as the sender of the notice numbers it.
        Shipment = "shipment",
    }
}

/// A number by which the sender and its partner know what was shipped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NoticeReference {
    /// Whose number.
    pub role: ReferenceRole,
    /// As sent.
    pub number: String,
}

/// One parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeParcel {
    /// Tracking number in key form.
    pub shipment_key: String,
    /// As sent.
    pub tracking_number: String,
    /// Serial shipping container code, 18 digits, where told.
    pub sscc: Option<String>,
}

/// The parcels of a notice that have the same references, which is what one delivery can be found for: a consignment. Avro record
/// `ShipmentNotice`, internal topic `shipment.notices`, key: the Odoo instance, so that it meets the deliveries of that database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentNotice {
    /// UUID made from sender, kind and number: a correction has that of what it corrects.
    pub notice_id: String,
    /// UUID made from the notice and the references; that of the notice where it is withdrawn.
    pub consignment_id: String,
    /// The Odoo instance in which the delivery is to be found.
    pub odoo_instance: String,
    /// Who told us: `x12_ship`.
    pub source: Label,
    /// Kind of document: `856`, `945`.
    pub document: Label,
    /// Who sent it, as the interchange says: `<qualifier>:<id>`.
    pub sender: String,
    /// The sender's number of the notice. Without one nothing can be replaced.
    pub number: Option<String>,
    /// What it does with what was said before.
    pub action: NoticeAction,
    /// When it was made by the sender's own clock and count: of two of one sender the greater is the later.
    pub sent: Option<String>,
    /// Which consignment of the notice, from 1.
    pub part: i32,
    /// How many consignments the notice has.
    pub parts: i32,
    /// `consignment_id` of all of them; only on the first, so that what is no longer named can be taken back.
    pub consignments: Vec<String>,
    /// What the parcels are for, the nearest first.
    pub references: Vec<NoticeReference>,
    /// Its parcels, each once; none where the notice is withdrawn.
    pub parcels: Vec<NoticeParcel>,
    /// Carrier code, lower case; a SCAC where EDI knows no better.
    pub carrier: Option<Label>,
    /// Day of shipment, ISO 8601 calendar date.
    pub shipped_on: Option<String>,
    /// The message that told it was signed, or carried a token, and that was found right.
    pub verified: bool,
    /// Where the bytes are that this was read from.
    pub raw: RawRef,
    /// Version of the mapping.
    pub mapping_version: Label,
    /// When it reached us, UTC microseconds.
    pub received_at: i64,
}

/// The identity of a notice from what tells it from all others.
#[must_use]
pub fn notice_id(parts: &[&str]) -> String {
    dedup::uuid(&dedup::id_of(&[&["notice"], parts].concat()))
}

/// The identity of a consignment: the same references in the same notice.
#[must_use]
pub fn consignment_id(notice_id: &str, references: &[NoticeReference]) -> String {
    let numbers = references.iter().flat_map(|r| [r.role.as_str(), r.number.as_str()]);
    let parts: Vec<&str> = ["consignment", notice_id].into_iter().chain(numbers).collect();
    dedup::uuid(&dedup::id_of(&parts))
}
