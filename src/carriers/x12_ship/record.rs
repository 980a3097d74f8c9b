//! Notices as records: one for each consignment, which is what one delivery can be found for, and the charges of the whole notice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::{Charge, Notice, Role, SOURCE, Set, Shipped};
use crate::carriers::{DialectSettings, RawMessage};
use crate::domain::dedup;
use crate::domain::freight::{ChargeType, FreightCharge};
use crate::domain::money::Amount;
use crate::domain::notice::{NoticeAction, NoticeParcel, NoticeReference, ReferenceRole, ShipmentNotice, consignment_id, notice_id};
use crate::domain::verdict::{Code, Park};

/// Version of the rules here.
const MAPPING_VERSION: &str = "x12_ship-1";
/// Most parcels of one consignment: more than one delivery can have.
const PARCELS_MAX: usize = 1_000;
/// The sum of the charges, told as one of them.
const TOTAL: &str = "999";

/// What the configuration says about a source of notices.
#[derive(Debug, Clone, Default)]
pub struct NoticesSettings {
    /// Limits.
    pub dialect: DialectSettings,
    /// The Odoo instance that the notices belong to; without one nothing can be made of them.
    pub odoo_instance: Option<String>,
    /// ISO 4217 code of what is charged without saying the currency; never preferred over what is told.
    pub currency: Option<String>,
}

/// What a body tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Consignments in the order of the body; at least one.
    pub notices: Vec<ShipmentNotice>,
    /// What is charged for them.
    pub charges: Vec<FreightCharge>,
    /// Charges that are left out: no currency, no amount that can be read, or no carrier.
    pub charges_left_out: usize,
}

/// Reads the raw records of a source of notices.
#[derive(Debug, Clone)]
pub struct Notices {
    settings: NoticesSettings,
}

impl Notices {
    /// A reader with its settings.
    #[must_use]
    pub fn new(settings: NoticesSettings) -> Self {
        Self { settings }
    }

    /// Reads one message, whole or not at all.
    ///
    /// # Errors
    /// As [`super::notices`]; `NO_ODOO_INSTANCE` where nobody has said which Odoo the notices belong to; `TOO_MANY` where a consignment
    /// has more parcels than one delivery can have.
    pub fn read(&self, message: &RawMessage<'_>) -> Result<Told, Park> {
        let notices = super::notices(message, &self.settings.dialect)?;
        let Some(odoo_instance) = self.settings.odoo_instance.as_deref() else {
            return Err(Park::new(
                Code::NO_ODOO_INSTANCE,
                "several Odoo instances, or none, and the source does not say which it belongs to",
            ));
        };
        let mut told = Told { notices: Vec::new(), charges: Vec::new(), charges_left_out: 0 };
        for notice in notices {
            let number = notice.number.clone();
            let id = identity(&notice);
            self.charge(&notice, &id, message, &mut told);
            let action = notice.action();
            let blank = ShipmentNotice {
                consignment_id: id.clone(),
                notice_id: id,
                odoo_instance: odoo_instance.to_owned(),
                source: SOURCE.into(),
                document: notice.set.as_str().into(),
                sender: notice.sender,
                number,
                action,
                sent: notice.sent,
                part: 1,
                parts: 1,
                consignments: Vec::new(),
                references: Vec::new(),
                parcels: Vec::new(),
                carrier: notice.carrier,
                shipped_on: notice.shipped_on.as_deref().map(iso),
                verified: false,
                raw: message.raw.clone(),
                mapping_version: MAPPING_VERSION.into(),
                received_at: message.received_at,
            };
            if action == NoticeAction::Withdraws {
                told.notices.push(blank);
            } else {
                told.notices.append(&mut consignments(&blank, notice.shipped)?);
            }
        }
        Ok(told)
    }

    /// The charges of a notice stand under its first tracking number: they are for all its parcels, and counted once. Those of one code
    /// are one sum, so that another telling can replace it.
    fn charge(&self, notice: &Notice, notice_id: &str, message: &RawMessage<'_>, told: &mut Told) {
        let is_total = |charge: &&Charge| charge.code.as_deref() == Some(TOTAL);
        let only_total = notice.charges.iter().all(|charge| is_total(&charge));
        let mut by_code: BTreeMap<Option<&str>, Vec<&Charge>> = BTreeMap::new();
        for charge in notice.charges.iter().filter(|charge| only_total || !is_total(charge)) {
            by_code.entry(charge.code.as_deref()).or_default().push(charge);
        }
        let currency = notice.currency.as_deref().or(self.settings.currency.as_deref()).filter(|code| is_currency(code));
        for (code, charges) in by_code {
            let sum = charges.iter().try_fold(Decimal::ZERO, |sum, charge| sum.checked_add(charge.amount?.0));
            let sum = sum.and_then(|sum| Amount::parse(&sum.to_string()));
            let (Some(first), Some(currency), Some(carrier), Some(amount)) = (notice.shipped.first(), currency, &notice.carrier, sum)
            else {
                told.charges_left_out += charges.len();
                continue;
            };
            let id = ["freight-charge", notice_id, code.unwrap_or_default(), &amount.to_string(), currency];
            told.charges.push(FreightCharge {
                charge_id: dedup::uuid(&dedup::id_of(&id)),
                shipment_key: first.shipment_key.clone(),
                tracking_number: first.tracking_number.clone(),
                carrier: carrier.clone(),
                source: SOURCE.into(),
                charge_type: charge_type(code),
                raw_code: code.map(str::to_owned),
                description: None,
                amount: Some(amount),
                currency: Some(currency.to_owned()),
                corrects: notice.action() == NoticeAction::Replaces,
                weight_billed: None,
                weight_unit: None,
                references: first.references.iter().map(|r| r.number.clone()).collect(),
                raw: message.raw.clone(),
                mapping_version: MAPPING_VERSION.into(),
                received_at: message.received_at,
            });
        }
    }
}

/// What tells a notice from all others: its number, or where it has none what it is for. A warehouse numbers shipments of an order.
fn identity(notice: &Notice) -> String {
    let set = notice.set.as_str();
    let order = notice.order.as_deref().unwrap_or_default();
    if let Some(number) = &notice.number {
        let order = if notice.set == Set::ShippingAdvice { order } else { "" };
        return notice_id(&[&notice.sender, set, order, number]);
    }
    let references = notice.shipped.iter().flat_map(|s| &s.references);
    let numbers: BTreeSet<&str> = references.map(|r| r.number.as_str()).collect();
    notice_id(&[&[notice.sender.as_str(), set, "no number", order], numbers.into_iter().collect::<Vec<_>>().as_slice()].concat())
}

/// The parcels of a notice by what they are for, in the order of the notice.
fn consignments(blank: &ShipmentNotice, shipped: Vec<Shipped>) -> Result<Vec<ShipmentNotice>, Park> {
    let mut order: Vec<Vec<NoticeReference>> = Vec::new();
    let mut parcels: HashMap<Vec<NoticeReference>, Vec<NoticeParcel>> = HashMap::new();
    for parcel in shipped {
        let references: Vec<NoticeReference> = parcel.references.into_iter().filter_map(reference).collect();
        let of = parcels.entry(references).or_insert_with_key(|references| {
            order.push(references.clone());
            Vec::new()
        });
        if of.len() >= PARCELS_MAX {
            return Err(Park::new(Code::TOO_MANY, format!("more than {PARCELS_MAX} parcels for one order")));
        }
        let (shipment_key, tracking_number, sscc) = (parcel.shipment_key, parcel.tracking_number, parcel.sscc);
        of.push(NoticeParcel { shipment_key, tracking_number, sscc });
    }
    let parts = i32::try_from(order.len()).unwrap_or(i32::MAX);
    let ids: Vec<String> = order.iter().map(|references| consignment_id(&blank.notice_id, references)).collect();
    let each = order.into_iter().zip(ids.clone()).zip(1..).map(|((references, consignment_id), part)| ShipmentNotice {
        consignment_id,
        part,
        parts,
        consignments: if part == 1 { ids.clone() } else { Vec::new() },
        parcels: parcels.remove(&references).unwrap_or_default(),
        references,
        ..blank.clone()
    });
    Ok(each.collect())
}

/// A bill of lading names a truck, and no order.
fn reference(sent: super::Reference) -> Option<NoticeReference> {
    let role = match sent.role {
        Role::Order => ReferenceRole::Order,
        Role::PurchaseOrder => ReferenceRole::PurchaseOrder,
        Role::Shipment => ReferenceRole::Shipment,
        Role::BillOfLading => return None,
    };
    Some(NoticeReference { role, number: sent.number })
}

/// List 340, as far as a message has shown what a code stands for.
fn charge_type(code: Option<&str>) -> ChargeType {
    match code {
        Some("504") => ChargeType::Freight,
        Some("4") => ChargeType::Fuel,
        _ => ChargeType::Other,
    }
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
}

/// `CCYYMMDD` as ISO 8601.
fn iso(day: &str) -> String {
    match (day.get(..4), day.get(4..6), day.get(6..)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => day.to_owned(),
    }
}
