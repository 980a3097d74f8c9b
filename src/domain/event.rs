//! The record everything rests on: one happening in the life of one parcel.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::money::Amount;
use super::vocabulary::{Actor, ExceptionReason, Fault, Leg, Milestone, SubStatus, TimePrecision, TimeSource};

/// A short text that is mostly a constant of the code or of a table.
pub type Label = Cow<'static, str>;

/// One happening in the life of one parcel, in canonical words. Avro record `ShipmentEvent`
/// (`schemas/ShipmentEvent.avsc` documents every field). Times are microseconds since the epoch, UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentEvent {
    /// `dedup_key` written as a UUID: the same happening has the same id for ever.
    pub event_id: String,
    /// 128-bit identity of the happening, 32 hex digits. See [`super::dedup`].
    pub dedup_key: String,
    /// Tracking number in upper case without spaces and punctuation: the Kafka key.
    pub shipment_key: String,
    /// Tracking number as the source wrote it.
    pub tracking_number: String,
    /// Carrier code of the party that moves the parcel (`ups`, `fedex`, `usps`), lower case; a SCAC where EDI knows no better.
    pub carrier: Label,
    /// Who told us (`ups`, `easypost`, `x12_214`).
    pub source: Label,
    /// The vendor's own id for the event, where there is one.
    pub source_event_id: Option<String>,
    /// Where the bytes are that this was read from.
    pub raw: RawRef,
    /// Version of the code table that gave the meaning, e.g. `ups-1`.
    pub mapping_version: Label,
    /// Where the parcel stands after this.
    pub milestone: Milestone,
    /// What exactly.
    pub sub_status: Option<SubStatus>,
    /// What went wrong, with any milestone.
    pub exception_reason: Option<ExceptionReason>,
    /// Who answers for it.
    pub fault: Option<Fault>,
    /// A person has to act before the parcel moves on.
    pub action_required: bool,
    /// Who did it.
    pub actor: Option<Actor>,
    /// Which way the parcel goes.
    pub leg: Leg,
    /// The source's code as sent.
    pub raw_code: RawCode,
    /// The source's words as sent.
    pub raw_description: Option<String>,
    /// When it happened, UTC; null when it cannot be known.
    pub occurred_at: Option<i64>,
    /// The wall clock as sent, ISO 8601 without zone (`2026-11-20T08:15:00`, or a date).
    pub occurred_local: Option<String>,
    /// Offset of the wall clock from UTC, minutes east.
    pub offset_minutes: Option<i32>,
    /// How exactly the time was told.
    pub time_precision: Option<TimePrecision>,
    /// How `occurred_at` was come by; null where it is null.
    pub time_source: Option<TimeSource>,
    /// When the raw record reached us, UTC.
    pub received_at: i64,
    /// Where it happened.
    pub place: Option<Place>,
    /// Which piece of a multi-piece shipment.
    pub piece: Option<Piece>,
    /// Number of the delivery attempt, from 1.
    pub attempt_no: Option<i32>,
    /// Proof of delivery.
    pub pod: Option<ProofOfDelivery>,
    /// When the carrier expects to deliver.
    pub eta: Option<Eta>,
    /// Cash on delivery.
    pub cod: Option<CashOnDelivery>,
    /// Weight and dimensions as told.
    pub measures: Option<Measures>,
    /// The carrier that took over, and its number.
    pub partner: Option<Partner>,
    /// It arrived after its shipment had been forgotten (45 days by default): history, not news.
    pub late: bool,
    /// The message that told it was signed, or carried a token, and that was found right. What is found wrong is never an event.
    pub verified: bool,
}

/// Where the carrier's bytes are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawRef {
    /// Kafka topic, or a file name where there is no broker.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
}

/// The source's code as sent, never repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCode {
    /// The code list, e.g. UPS activity type `I`; null where the source has one list.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// The code below the code (reason, detail).
    pub sub_code: Option<String>,
}

/// Longest part of a code that is repeated outside of events.
const PLAIN_CHARS_MAX: usize = 64;

impl RawCode {
    /// The first characters of type and code, visible ASCII only: they are a stranger's text and may go into a log or before a person.
    #[must_use]
    pub fn plain(&self) -> (Option<String>, Option<String>) {
        let plain = |text: &String| text.chars().filter(char::is_ascii_graphic).take(PLAIN_CHARS_MAX).collect();
        (self.kind.as_ref().map(plain), self.code.as_ref().map(plain))
    }
}

/// A place as the source told it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// The carrier's code of the facility.
    pub facility: Option<String>,
    /// UN/LOCODE.
    pub unlocode: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// The text, where it was not split into fields.
    pub text: Option<String>,
}

/// A piece of a multi-piece shipment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Number of the piece.
    pub number: Option<String>,
    /// GS1 serial shipping container code, 18 digits.
    pub sscc: Option<String>,
    /// Number of the shipment the piece belongs to.
    pub master: Option<String>,
}

/// Proof of delivery. Images stay where they are: these are references.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProofOfDelivery {
    /// Who signed. Personal data.
    pub signed_by: Option<String>,
    /// Relation to the recipient.
    pub relation: Option<String>,
    /// Reference to the signature image: URL or document id.
    pub signature_ref: Option<String>,
    /// Reference to the photo: URL or document id.
    pub photo_ref: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Where it was left (`FRONT DOOR`).
    pub delivered_to: Option<String>,
}

/// When the carrier expects to deliver, UTC where a zone is known; else the local words only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    /// Earliest, UTC microseconds.
    pub from: Option<i64>,
    /// Latest, UTC microseconds.
    pub to: Option<i64>,
    /// The earliest wall clock or date as sent.
    pub from_local: Option<String>,
    /// The latest wall clock or date as sent.
    pub to_local: Option<String>,
    /// Who says so.
    pub source: Option<String>,
    /// What was expected before, as sent.
    pub previous_local: Option<String>,
}

/// Cash on delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashOnDelivery {
    /// How much.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// Whether it has been collected.
    pub collected: bool,
}

/// Weight and dimensions as told, never converted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    /// Weight in `weight_unit`.
    pub weight: Option<Amount>,
    /// `kg`, `g`, `lb` or `oz`.
    pub weight_unit: Option<String>,
    /// Length in `length_unit`.
    pub length: Option<Amount>,
    /// Width in `length_unit`.
    pub width: Option<Amount>,
    /// Height in `length_unit`.
    pub height: Option<Amount>,
    /// `cm`, `mm` or `in`.
    pub length_unit: Option<String>,
    /// Number of pieces.
    pub pieces: Option<i32>,
}

/// The carrier that took over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its code, lower case.
    pub carrier: Option<String>,
    /// The number it knows the parcel by.
    pub tracking_number: Option<String>,
}
