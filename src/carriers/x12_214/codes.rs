//! What the codes mean: `codes.tsv`, keyed by (list, code).

use std::collections::HashMap;

use crate::domain::vocabulary::{ExceptionReason, Milestone, SubStatus};

const TABLE: &str = include_str!("codes.tsv");

/// What the date beside a code tells. An estimate or an appointment lies ahead: it is never when something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateRole {
    /// When it happened.
    Happened,
    /// When the delivery is expected.
    Eta,
    /// The delivery cannot be before it.
    EtaFrom,
    /// The delivery should not be after it.
    EtaTo,
    /// When the pick-up is to be.
    Pickup,
}

/// The meaning of a status or appointment code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) milestone: Milestone,
    pub(super) detail: Option<SubStatus>,
    pub(super) wrong: Option<ExceptionReason>,
    pub(super) date: DateRole,
}

impl Status {
    /// A code that the table does not have.
    pub(super) const UNKNOWN: Self = Self { milestone: Milestone::Unknown, detail: None, wrong: None, date: DateRole::Happened };
}

/// The meaning of a reason code: what went wrong, and where it turns the parcel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) wrong: Option<ExceptionReason>,
    /// The parcel is going back, whatever the status says.
    pub(super) returning: bool,
    pub(super) detail: Option<SubStatus>,
}

/// The code tables, read once.
#[derive(Debug)]
pub(super) struct Codes {
    statuses: HashMap<&'static str, Status>,
    appointments: HashMap<&'static str, Status>,
    reasons: HashMap<&'static str, Reason>,
    carriers: HashMap<&'static str, &'static str>,
}

impl Codes {
    /// Reads the table that is part of the program; a test holds every row readable.
    pub(super) fn load() -> Self {
        let mut codes = Self { statuses: HashMap::new(), appointments: HashMap::new(), reasons: HashMap::new(), carriers: HashMap::new() };
        for row in TABLE.lines().skip(1) {
            codes.add(row);
        }
        codes
    }

    fn add(&mut self, row: &'static str) -> Option<()> {
        let mut columns = row.split('\t');
        let mut column = || columns.next();
        let (list, code, meaning, reason, date) = (column()?, column()?, column()?, column()?, column()?);
        let wrong = if reason.is_empty() { None } else { Some(ExceptionReason::parse(reason)?) };
        if list == "scac" {
            self.carriers.insert(code, meaning);
            return Some(());
        }
        let (milestone, detail) = match meaning.split_once(':') {
            Some((milestone, sub)) => (Milestone::parse(milestone), Some(SubStatus::parse(sub)?)),
            None => (Milestone::parse(meaning), None),
        };
        if list == "1651" {
            self.reasons.insert(code, Reason { wrong, returning: milestone == Some(Milestone::Returning), detail });
            return Some(());
        }
        let date = match date {
            "" => DateRole::Happened,
            "eta" => DateRole::Eta,
            "eta_from" => DateRole::EtaFrom,
            "eta_to" => DateRole::EtaTo,
            "pickup" => DateRole::Pickup,
            _ => return None,
        };
        let status = Status { milestone: milestone?, detail, wrong, date };
        match list {
            "1650" => self.statuses.insert(code, status),
            "1652" => self.appointments.insert(code, status),
            _ => return None,
        };
        Some(())
    }

    /// Element 1650.
    pub(super) fn status(&self, code: &str) -> Status {
        self.statuses.get(code).copied().unwrap_or(Status::UNKNOWN)
    }

    /// Element 1652.
    pub(super) fn appointment(&self, code: &str) -> Status {
        self.appointments.get(code).copied().unwrap_or(Status::UNKNOWN)
    }

    /// Element 1651; a code that the table does not have says nothing (the event keeps it as sent).
    pub(super) fn reason(&self, code: &str) -> Reason {
        self.reasons.get(code).copied().unwrap_or_default()
    }

    /// The carrier code of a Standard Carrier Alpha Code, where it is one of the carriers with a dialect of their own.
    pub(super) fn carrier(&self, scac: &str) -> Option<&'static str> {
        self.carriers.get(scac).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_no_code_comes_twice() {
        let codes = Codes::load();
        let rows = TABLE.lines().skip(1).count();
        let read = codes.statuses.len() + codes.appointments.len() + codes.reasons.len() + codes.carriers.len();
        assert_eq!(read, rows);
        assert_eq!((codes.statuses.len(), codes.reasons.len(), codes.appointments.len()), (42, 86, 9));
    }

    #[test]
    fn only_d1_delivers() {
        let codes = Codes::load();
        let delivered: Vec<_> = codes.statuses.iter().filter(|(_, s)| s.milestone == Milestone::Delivered).map(|(c, _)| *c).collect();
        assert_eq!(delivered, ["D1"]);
    }

    #[test]
    fn what_lies_ahead_never_moves_a_parcel() {
        let codes = Codes::load();
        for (code, status) in codes.statuses.iter().chain(&codes.appointments) {
            assert!(status.date == DateRole::Happened || status.milestone == Milestone::Info, "{code}");
        }
    }
}
