//! What the codes of a status mean together. `codes.tsv` has the lists by element number: 1650 status, 1652 appointment,
//! 1651 reason, of which the milestone counts only where it is `returning`.

use super::TABLE;
use super::parse::Scan;
use crate::carriers::codes::Meaning;
use crate::carriers::edi::only_says_that;
use crate::domain::event::RawCode;
use crate::domain::vocabulary::{Milestone, SubStatus};

/// What the date beside a code tells. An estimate or an appointment lies ahead: it is never when something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateRole {
    /// When it happened.
    Happened,
    /// When the delivery is expected.
    Eta,
    /// The delivery cannot be before it: an estimate for a terminal on the way, or "no earlier than".
    EtaFrom,
    /// The delivery should not be after it.
    EtaTo,
    /// When the pick-up is to be.
    Pickup,
}

impl DateRole {
    fn of(list: &str, code: &str) -> Self {
        match (list, code) {
            ("1650", "AG" | "X2") | ("1652", "AB" | "AC" | "X9") => Self::Eta,
            ("1650", "B6" | "C1") | ("1652", "ED") => Self::EtaFrom,
            ("1652", "LD") => Self::EtaTo,
            ("1652", "AA" | "EP" | "LP" | "XA") => Self::Pickup,
            _ => Self::Happened,
        }
    }
}

/// Code as sent, its meaning, and what its date tells. A status code goes before an appointment code, should both be sent.
pub(super) fn meaning(scan: &Scan<'_>) -> (RawCode, Meaning, DateRole) {
    let (list, code, reason) = match (&scan.status, &scan.appointment) {
        (None, Some(_)) => ("1652", scan.appointment.as_deref(), scan.appointment_reason.as_deref()),
        _ => ("1650", scan.status.as_deref(), scan.status_reason.as_deref()),
    };
    let own = code.and_then(|c| TABLE.get(list, c, "")).unwrap_or(Meaning::UNKNOWN);
    let added = reason.and_then(|r| TABLE.get("1651", r, ""));
    let raw_code = RawCode { kind: code.map(|_| list.to_owned()), code: code.map(str::to_owned), sub_code: reason.map(str::to_owned) };
    (raw_code, added.map_or(own, |added| together(own, added)), DateRole::of(list, code.unwrap_or_default()))
}

/// The status with what its reason code adds. A status that says itself what is wrong (refused, damaged) keeps that;
/// one that only says that something is (delayed, held) takes the reason sent.
fn together(mut own: Meaning, added: Meaning) -> Meaning {
    if own.reason.is_none_or(only_says_that) {
        own.reason = added.reason.or(own.reason);
    }
    if own.milestone == Milestone::InTransit && own.sub_status.is_none() {
        own.sub_status = added.sub_status;
    }
    if added.milestone == Milestone::Returning {
        own.milestone = match own.milestone {
            Milestone::Delivered => Milestone::Returned,
            Milestone::InTransit | Milestone::OutForDelivery | Milestone::DeliveryAttempted | Milestone::Exception => Milestone::Returning,
            other => other,
        };
        own.sub_status = own.sub_status.filter(|s| *s != SubStatus::ArrivedAtConsignee);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::super::TABLE_TEXT;
    use super::*;
    use crate::carriers::codes::CodeTable;

    fn rows() -> impl Iterator<Item = (&'static str, &'static str, Meaning)> {
        TABLE_TEXT.lines().skip(1).filter_map(|line| {
            let mut columns = line.split('\t');
            let (list, code) = (columns.next()?, columns.next()?);
            Some((list, code, TABLE.get(list, code, "")?))
        })
    }

    #[test]
    fn the_table_is_sound() {
        assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
        assert_eq!(rows().count(), 42 + 86 + 9);
    }

    #[test]
    fn only_d1_delivers() {
        let delivered: Vec<_> = rows().filter(|(_, _, m)| m.milestone == Milestone::Delivered).map(|(_, c, _)| c).collect();
        assert_eq!(delivered, ["D1"]);
    }

    #[test]
    fn what_lies_ahead_never_moves_a_parcel() {
        for (list, code, meaning) in rows() {
            assert!(DateRole::of(list, code) == DateRole::Happened || meaning.milestone == Milestone::Info, "{list} {code}");
        }
    }
}
