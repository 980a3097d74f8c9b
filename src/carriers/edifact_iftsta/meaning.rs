//! Which list a code is of, and what it means there.
//!
//! Up to D.96B the status event is of list 9011. Since D.97A the element is 4405, whose own list is about orders and money; for
//! transport the directories point to UN/ECE Recommendation 24, which took over the numbers of 9011. A list of one's own
//! (1131, 3055) is not read by these tables. UPS has a language of its own: see `ups`.

use super::parse::{Coded, Date, FreeText, Report, Scan};
use super::{TABLE, clock};
use crate::carriers::codes::Meaning;
use crate::carriers::{edi, ups};
use crate::domain::event::RawCode;
use crate::domain::vocabulary::{ExceptionReason, Milestone, SubStatus};

/// Agencies (3055) that keep the lists of the standard: UN/ECE and GS1.
const STANDARD_AGENCIES: &[&str] = &["6", "9"];
/// The first release whose status is of element 4405.
const RELEASE_OF_4405: (u16, char) = (1997, 'A');
/// Exceptions of UPS Quantum View.
const UPS_EXCEPTION: &str = "E1";

/// What was read out of the codes of a status.
pub(super) struct Understood {
    pub(super) raw_code: RawCode,
    /// Type and code in one spelling for every way in which they may reach us.
    pub(super) identity: (Option<String>, Option<String>),
    pub(super) meaning: Meaning,
    /// What the status means without its reasons.
    pub(super) status: Meaning,
}

pub(super) fn understand(report: &Report<'_>, scan: &Scan<'_>) -> Understood {
    match scan.category.list.as_deref() {
        Some(record) if report.of_ups => ups(record, scan),
        _ => standard(&report.release, scan),
    }
}

/// UPS writes the kind of its record (M manifest, O origin, E exception, D delivery) as the list of the category, the number of
/// list 9011 as its agency, and its own code of the reason in FTX. That code is the one of its other sources.
fn ups(record: &str, scan: &Scan<'_>) -> Understood {
    let reason = ups_reason(scan).and_then(|text| text.function.as_deref()).map(str::to_ascii_uppercase);
    let reason = reason.filter(|_| record == UPS_EXCEPTION);
    let meaning = match &reason {
        Some(reason) => TABLE.get("ups-reason", reason, "").or_else(|| ups::TABLE.get("X", reason, "")),
        None => TABLE.get("ups", record, ""),
    };
    let identity_kind = if record == UPS_EXCEPTION { "X" } else { record.get(..1).unwrap_or(record) };
    Understood {
        identity: (Some(identity_kind.to_owned()), reason.clone()),
        raw_code: RawCode { kind: Some(record.to_owned()), code: scan.category.agency.as_deref().map(str::to_owned), sub_code: reason },
        meaning: meaning.unwrap_or(Meaning::UNKNOWN),
        status: meaning.unwrap_or(Meaning::UNKNOWN),
    }
}

/// The free text that UPS marks as the reason; where only a resolution is sent there is none.
pub(super) fn ups_reason<'s, 'a>(scan: &'s Scan<'a>) -> Option<&'s FreeText<'a>> {
    scan.texts.iter().find(|text| text.lines.get(1).is_some_and(|mark| mark == "REASON"))
}

fn standard(release: &str, scan: &Scan<'_>) -> Understood {
    let list = list(release, scan);
    let reasons: Vec<&str> = scan.reasons.iter().filter_map(|reason| reason.code.as_deref()).collect();
    let sub_code = (!reasons.is_empty()).then(|| reasons.join(","));
    let code = scan.status.code.as_deref();
    let own = code.and_then(|code| TABLE.get(&list, code, "")).unwrap_or(Meaning::UNKNOWN);
    // Two reasons at one time are two things that were told.
    let told_code = [code, sub_code.as_deref()].map(Option::unwrap_or_default).join("/");
    Understood {
        identity: (code.map(|_| list.clone()), Some(told_code)),
        raw_code: RawCode { kind: code.map(|_| list), code: code.map(str::to_owned), sub_code },
        meaning: scan.reasons.iter().find_map(reason).map_or(own, |reason| together(own, reason)),
        status: own,
    }
}

/// The name of the list that the status is of; one's own list is `<1131>:<3055>`.
fn list(release: &str, scan: &Scan<'_>) -> String {
    if !of_standard(&scan.status) {
        let [list, agency] = [&scan.status.list, &scan.status.agency].map(|text| text.as_deref().unwrap_or_default());
        return format!("{list}:{agency}");
    }
    if !since_4405(release) {
        return "9011".to_owned();
    }
    let transport = !of_standard(&scan.category) || scan.category.code.as_deref().is_none_or(|category| category == "1");
    if transport { "rec24" } else { "4405" }.to_owned()
}

fn of_standard(coded: &Coded<'_>) -> bool {
    match coded.agency.as_deref() {
        None => coded.list.is_none(),
        Some(agency) => STANDARD_AGENCIES.contains(&agency),
    }
}

/// Whether a release is D.97A or later: `96A`, `01B`, and from before the letters `911`.
fn since_4405(release: &str) -> bool {
    let year = release.get(..2).and_then(|year| year.parse::<u16>().ok()).map(|year| if year < 80 { 2000 + year } else { 1900 + year });
    let letter = release.chars().nth(2).unwrap_or('A');
    year.is_none_or(|year| (year, letter) >= RELEASE_OF_4405)
}

fn reason(coded: &Coded<'_>) -> Option<ExceptionReason> {
    TABLE.get("9013", coded.code.as_deref().filter(|_| of_standard(coded))?, "")?.reason
}

/// A status that says itself what is wrong keeps that; one that only says that something is takes the reason sent.
fn together(own: Meaning, reason: ExceptionReason) -> Meaning {
    let own_reason = own.reason.filter(|own| !edi::only_says_that(*own));
    Meaning { reason: own_reason.or(Some(reason)), ..own }
}

/// The date that tells when it happened: of the change of status, or of the event; else an actual time that fits the status.
pub(super) fn happened<'s, 'a>(scan: &'s Scan<'a>, meaning: Meaning) -> Option<&'s Date<'a>> {
    let fitting = match (meaning.milestone, meaning.sub_status) {
        (Milestone::Delivered, _) => "35",
        (Milestone::Accepted, _) => "200",
        (_, Some(SubStatus::Arrived)) => "178",
        (_, Some(SubStatus::Departed)) => "186",
        _ => "",
    };
    dated(scan, &["334", "78", "7", fitting])
}

/// The date for which the delivery, or the arrival, is expected.
pub(super) fn expected<'s, 'a>(scan: &'s Scan<'a>) -> Option<&'s Date<'a>> {
    dated(scan, &["17", "191", "132"])
}

/// The first that can be read; where none can, the first as it is.
fn dated<'s, 'a>(scan: &'s Scan<'a>, qualifiers: &[&str]) -> Option<&'s Date<'a>> {
    let all = || qualifiers.iter().flat_map(|qualifier| scan.dates.iter().filter(move |date| date.qualifier == *qualifier));
    all().find(|date| clock::is_readable(date)).or_else(|| all().next())
}

#[cfg(test)]
mod tests {
    use super::super::TABLE_TEXT;
    use super::*;
    use crate::carriers::codes::CodeTable;

    fn rows(list: &'static str) -> Vec<(&'static str, Meaning)> {
        let lines = TABLE_TEXT.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        let of_list = lines.filter(|columns| columns[0].split(',').any(|l| l == list));
        of_list.flat_map(|columns| columns[1].split(',')).filter_map(|code| Some((code, TABLE.get(list, code, "")?))).collect()
    }

    #[test]
    fn the_table_is_sound() {
        assert_eq!(CodeTable::check(TABLE_TEXT), Vec::<String>::new());
        assert_eq!(rows("9011").len(), 103);
        assert_eq!(rows("9011"), rows("rec24"));
    }

    #[test]
    fn only_two_codes_deliver_and_reasons_move_nothing() {
        let delivered: Vec<_> = rows("9011").into_iter().filter(|(_, m)| m.milestone == Milestone::Delivered).map(|(c, _)| c).collect();
        assert_eq!(delivered, ["21", "22"]);
        assert!(rows("9013").iter().all(|(_, m)| m.milestone == Milestone::Info && m.reason.is_some()));
    }

    #[test]
    fn releases() {
        for (release, since) in
            [("911", false), ("93A", false), ("96A", false), ("96B", false), ("97A", true), ("99B", true), ("01B", true), ("10B", true)]
        {
            assert_eq!(since_4405(release), since, "{release}");
        }
    }
}
