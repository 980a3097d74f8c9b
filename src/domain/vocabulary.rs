//! The closed lists of words: milestones, sub-statuses, exception reasons, who is at fault, who acted.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed list of words that is an Avro enum on topics and a snake-case string elsewhere.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            /// Every word of the list, in the order of the schema.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word as it stands in code tables, schemas and output.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }
            /// Reads a word; `None` when it is not in the list.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> { match word { $($word => Some(Self::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

pub(super) use words;

/// A closed list of words that is an Avro string, because its words have dots in them or the list grows often.
macro_rules! string_words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is its word")]
        pub enum $name { $($variant),+ }
        impl $name {
            /// Every word of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word as it stands in code tables, schemas and output.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }
            /// Reads a word; `None` when it is not in the list.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> { match word { $($word => Some(Self::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::custom(concat!("not a word of ", stringify!($name))))
            }
        }
    };
}

words! {
    /// Where a parcel stands. `Info` keeps the event and never moves the parcel; `Unknown` is a code that no table knows.
    Milestone {
        /// A code that no table knows. It is kept and counted and never moves the parcel.
        Unknown = "unknown",
        /// The carrier has the data, not the parcel.
        Announced = "announced",
        /// The carrier has the parcel.
        Accepted = "accepted",
        /// On its way.
        InTransit = "in_transit",
        /// On the vehicle of the last leg.
        OutForDelivery = "out_for_delivery",
        /// Waits for the recipient at a pickup point.
        AvailableForPickup = "available_for_pickup",
        /// The carrier was at the door and could not deliver.
        DeliveryAttempted = "delivery_attempted",
        /// Handed over.
        Delivered = "delivered",
        /// Something is wrong; the reason says what.
        Exception = "exception",
        /// On its way back to the sender.
        Returning = "returning",
        /// Back at the sender.
        Returned = "returned",
        /// Voided before it moved.
        Cancelled = "cancelled",
        /// The carrier gave it up as lost.
        Lost = "lost",
        /// Destroyed or disposed of.
        Disposed = "disposed",
        /// The carrier stopped tracking it.
        Expired = "expired",
        /// A fact about the parcel that does not move it.
        Info = "info",
    }
}

words! {
    /// Who is answerable for what went wrong.
    Fault {
        /// Not said, and not to be guessed.
        Unknown = "unknown",
        /// The carrier.
        Carrier = "carrier",
        /// The shipper.
        Shipper = "shipper",
        /// The recipient.
        Recipient = "recipient",
        /// Customs.
        Customs = "customs",
        /// Weather, strikes and the like.
        External = "external",
    }
}

words! {
    /// Who did what the event tells.
    Actor {
        /// The carrier.
        Carrier = "carrier",
        /// A partner of the carrier.
        Partner = "partner",
        /// Customs.
        Customs = "customs",
        /// The shipper.
        Shipper = "shipper",
        /// The recipient.
        Recipient = "recipient",
        /// A computer, with no parcel in anyone's hands.
        System = "system",
    }
}

words! {
    /// Which way the parcel goes.
    Leg {
        /// To the recipient.
        Forward = "forward",
        /// Back to the sender.
        Return = "return",
    }
}

words! {
    /// How exactly the carrier told the time.
    TimePrecision {
        /// To the second.
        Second = "second",
        /// To the minute.
        Minute = "minute",
        /// Only the day.
        Date = "date",
    }
}

words! {
    /// How the UTC time of an event was come by.
    TimeSource {
        /// The carrier sent an offset with the wall clock.
        CarrierOffset = "carrier_offset",
        /// The carrier sent the time in GMT in a field of its own.
        GmtField = "gmt_field",
        /// The zone of the place where it happened.
        LocationZone = "location_zone",
        /// The zone that the configuration names for this carrier account.
        AccountZone = "account_zone",
        /// The carrier labels it as UTC and is known to send the wall clock of the place: the label is not believed.
        Assumed = "assumed",
    }
}

string_words! {
    /// What a milestone is exactly.
    SubStatus {
        Departed = "departed", Arrived = "arrived", ArrivedAtConsignee = "arrived_at_consignee",
        DepartedOriginCountry = "departed_origin_country", ArrivedDestinationCountry = "arrived_destination_country",
        HandedToPartner = "handed_to_partner", Redirected = "redirected",
        CustomsProcessing = "customs_processing", CustomsReleased = "customs_released",
        ToPerson = "to_person", Neighbour = "neighbour", SafePlace = "safe_place", Mailbox = "mailbox",
        LockerCollected = "locker_collected", Reception = "reception", Partial = "partial", Damaged = "damaged",
        PickedUp = "picked_up", DroppedOff = "dropped_off",
        EtaChanged = "eta_changed", Appointment = "appointment", PodAvailable = "pod_available",
        CodCollected = "cod_collected", WeightCorrected = "weight_corrected", DeliveredLocation = "delivered_location",
        Correction = "correction",
    }
}

string_words! {
    /// Why something went wrong. It may accompany any milestone: delivered but damaged, returning because refused.
    ExceptionReason {
        RecipientAbsent = "recipient.absent", RecipientClosed = "recipient.closed", RecipientRefused = "recipient.refused",
        RecipientRescheduled = "recipient.rescheduled", RecipientHoldRequested = "recipient.hold_requested",
        RecipientIdFailed = "recipient.id_failed", RecipientCodNotPaid = "recipient.cod_not_paid",
        RecipientDeceased = "recipient.deceased", RecipientCancelled = "recipient.cancelled",
        RecipientAppointment = "recipient.appointment", RecipientTimeRestricted = "recipient.time_restricted",
        RecipientNoEquipment = "recipient.no_equipment", RecipientOther = "recipient.other",
        AddressIncorrect = "address.incorrect", AddressRecipientMoved = "address.recipient_moved",
        AddressNoAccess = "address.no_access", AddressUnserviceable = "address.unserviceable",
        ShipperNotReady = "shipper.not_ready", ShipperDataMissing = "shipper.data_missing", ShipperPackaging = "shipper.packaging",
        ShipperRestrictedGoods = "shipper.restricted_goods", ShipperCancelled = "shipper.cancelled",
        ShipperHoldRequested = "shipper.hold_requested", ShipperInstructionsMissing = "shipper.instructions_missing",
        ShipperOther = "shipper.other",
        ParcelDamaged = "parcel.damaged", ParcelLost = "parcel.lost", ParcelMissingPieces = "parcel.missing_pieces",
        ParcelOversize = "parcel.oversize", ParcelLabelProblem = "parcel.label_problem", ParcelLoadShifted = "parcel.load_shifted",
        CarrierMissort = "carrier.missort", CarrierDelay = "carrier.delay", CarrierMissedCutoff = "carrier.missed_cutoff",
        CarrierMissedPickup = "carrier.missed_pickup", CarrierMechanical = "carrier.mechanical", CarrierEquipment = "carrier.equipment",
        CarrierCapacity = "carrier.capacity", CarrierAccident = "carrier.accident", CarrierHold = "carrier.hold",
        CarrierDriver = "carrier.driver", CarrierPartner = "carrier.partner", CarrierDataError = "carrier.data_error",
        CarrierRejected = "carrier.rejected",
        CustomsHold = "customs.hold", CustomsInspection = "customs.inspection", CustomsDocuments = "customs.documents",
        CustomsDutiesUnpaid = "customs.duties_unpaid", CustomsExportPending = "customs.export_pending",
        ExternalWeather = "external.weather", ExternalDisaster = "external.disaster", ExternalStrike = "external.strike",
        ExternalHoliday = "external.holiday", ExternalSecurity = "external.security", ExternalCivilUnrest = "external.civil_unrest",
        ExternalTraffic = "external.traffic", ExternalOther = "external.other",
        PickupPointNotCollected = "pickup_point.not_collected", PickupPointAwaiting = "pickup_point.awaiting",
        PaymentCreditHold = "payment.credit_hold", InvestigationOpen = "investigation.open", Other = "other",
    }
}

impl ExceptionReason {
    /// Who answers for it where the carrier does not say.
    #[must_use]
    pub fn usual_fault(self) -> Fault {
        match self.as_str().split('.').next() {
            Some("recipient" | "pickup_point") => Fault::Recipient,
            Some("address" | "shipper" | "payment") => Fault::Shipper,
            Some("carrier") => Fault::Carrier,
            Some("customs") => Fault::Customs,
            Some("external") => Fault::External,
            _ => Fault::Unknown,
        }
    }

    /// Whether a person has to do something before the parcel moves on.
    #[must_use]
    pub fn needs_person(self) -> bool {
        matches!(
            self,
            Self::RecipientRefused
                | Self::RecipientIdFailed
                | Self::RecipientCodNotPaid
                | Self::RecipientDeceased
                | Self::AddressIncorrect
                | Self::AddressRecipientMoved
                | Self::AddressNoAccess
                | Self::AddressUnserviceable
                | Self::ShipperNotReady
                | Self::ShipperDataMissing
                | Self::ShipperPackaging
                | Self::ShipperRestrictedGoods
                | Self::ShipperInstructionsMissing
                | Self::ParcelDamaged
                | Self::ParcelLost
                | Self::ParcelMissingPieces
                | Self::ParcelLabelProblem
                | Self::CarrierRejected
                | Self::CustomsDocuments
                | Self::CustomsDutiesUnpaid
                | Self::PickupPointNotCollected
                | Self::PaymentCreditHold
                | Self::InvestigationOpen
        )
    }
}

/// The index of a word in its list, as stores keep it: one byte.
#[must_use]
pub fn index_of<T: PartialEq>(all: &[T], word: &T) -> u8 {
    all.iter().position(|w| w == word).and_then(|i| u8::try_from(i).ok()).unwrap_or(u8::MAX)
}
