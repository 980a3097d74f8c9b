//! What was shipped under which tracking number, as shippers and warehouses tell it in ASC X12: ship notice (856) and warehouse shipping advice (945).
//! In comes a body with one or more interchanges; out come the consignments of each set that names a number or takes an earlier notice back,
//! and what the warehouse charges for them; or the reason why there is nothing.
//! A notice names orders and shipments of its sender, never a delivery of Odoo: which one is meant is found where Odoo's deliveries are known.

mod parse;
mod record;
#[cfg(test)]
mod tests;

pub use record::{Notices, NoticesSettings, Told};

use super::{DialectSettings, RawMessage, edi};
use crate::domain::event::Label;
use crate::domain::money::Amount;
use crate::domain::notice::NoticeAction;
use crate::domain::verdict::Park;

/// The id of the source.
pub const SOURCE: &str = "x12_ship";

/// Media types of X12.
const MEDIA_TYPES: &[&str] = &["application/edi-x12", "application/x12", "text/x12"];

/// A transaction set that tells of a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// 856, ship notice or manifest: a shipper tells its customer.
    ShipNotice,
    /// 945, warehouse shipping advice: a warehouse tells the owner of the goods.
    ShippingAdvice,
}

impl Set {
    /// Its number.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShipNotice => "856",
            Self::ShippingAdvice => "945",
        }
    }
}

/// Whose number a reference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The shipper's or depositor's order (945 W06 02, 856 REF VN): what the order to the warehouse (940) was called.
    Order,
    /// The customer's purchase order (856 PRF 01 and REF PO or CO, 945 W06 06).
    PurchaseOrder,
    /// The shipment, as the sender numbers it (856 BSN 02, 945 W06 04).
    Shipment,
    /// Bill of lading (REF or N9 BM).
    BillOfLading,
}

/// A number by which the sender and its partner know what was shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Whose number.
    pub role: Role,
    /// As sent.
    pub number: String,
}

/// One tracking number and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The tracking number in key form.
    pub shipment_key: String,
    /// As sent.
    pub tracking_number: String,
    /// Serial shipping container code of the package, 18 digits, where the number is that of one package.
    pub sscc: Option<String>,
    /// What the parcel is for: first the references of its orders, then those of the whole set.
    pub references: Vec<Reference>,
}

/// One allowance or charge (G72).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// G72 01 (list 340), as sent.
    pub code: Option<String>,
    /// G72 08, in the currency of the set; `None` where it is missing or cannot be read.
    pub amount: Option<Amount>,
}

/// One transaction set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which set.
    pub set: Set,
    /// Who sent the interchange: `<ISA 05>:<ISA 06>`.
    pub sender: String,
    /// When it was sent, by the sender's clock and count: day and time of the group (GS 04, 05), then the number of the interchange
    /// (ISA 13). Of two of one sender the greater is the later.
    pub sent: Option<String>,
    /// The sender's number of the notice: BSN 02, or W06 04.
    pub number: Option<String>,
    /// The depositor's order (W06 02), which is part of the identity of a 945.
    pub order: Option<String>,
    /// What it is sent for, as sent: BSN 01 (list 353; `01` takes an earlier notice back) or W06 01 (list 514).
    pub purpose: Option<String>,
    /// Carrier by its SCAC (TD5 03 of qualifier 2, W27 02).
    pub carrier: Option<Label>,
    /// Day of shipment as sent, `CCYYMMDD` (DTM or G62 of qualifier 11, else W06 03).
    pub shipped_on: Option<String>,
    /// Its tracking numbers in the order sent, each once; at least one, unless it takes a notice back.
    pub shipped: Vec<Shipped>,
    /// ISO 4217 code as sent (C3 01, CUR 02).
    pub currency: Option<String>,
    /// What is charged for the whole of it, as sent.
    pub charges: Vec<Charge>,
}

impl Notice {
    /// What it does with what was said before under its number. A set without a number stands for itself; a change (`04`) may tell
    /// a part only, so nothing is taken back for not being in it.
    #[must_use]
    pub fn action(&self) -> NoticeAction {
        match (self.set, self.purpose.as_deref(), &self.number) {
            (Set::ShipNotice, Some("01"), _) => NoticeAction::Withdraws,
            (Set::ShipNotice, Some("04"), _) | (_, _, None) => NoticeAction::Adds,
            _ => NoticeAction::Replaces,
        }
    }
}

/// The notices of a body, whole or not at all.
///
/// # Errors
/// `TOO_LARGE`, `EMPTY_VALUE`, `WRONG_CONTENT_TYPE`, `NOT_UTF8` before anything is read; `MALFORMED` when the syntax is broken or a set
/// has no end; `NOT_TRACKING` when there is no 856 or 945; `MISSING_FIELD` when none of them names a tracking number or takes a notice
/// back by its number; `TOO_MANY` above `events_max` packages. Sets that say neither among others that do are passed over: pallets go
/// without a number.
pub fn notices(message: &RawMessage<'_>, settings: &DialectSettings) -> Result<Vec<Notice>, Park> {
    edi::check(message, settings, MEDIA_TYPES)?;
    parse::notices(message.body, settings.events_max)
}
