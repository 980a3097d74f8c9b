//! Cases for people: which are open, and what a person decides about a billed charge.

use std::collections::BTreeMap;

use super::canonical::{Canonical, Error};
use crate::domain::exception::ExceptionRaised;
use crate::domain::finance::facts::DecisionKind;
use crate::domain::finance::judge::LineVerdict;
use crate::domain::finance::records::{ExceptionDecision, FreightVerdict};
use crate::domain::record::Record;
use crate::domain::time::{Micros, rfc3339};
use crate::services::finance_accrual::topic;

/// State of a case that nobody needs to look at any more.
const CLEARED: &str = "cleared";

/// The cases as they stand now, by when they arose: those of one kind where one is given, the settled ones too where `all` says so.
///
/// # Errors
/// See [`Canonical::read`].
pub fn list(topics: &Canonical<'_>, kind: Option<&str>, all: bool) -> Result<Vec<ExceptionRaised>, Error> {
    let mut cases = Cases { all, ..Cases::default() };
    topics.read(topic::EXCEPTIONS, "ExceptionRaised", |record| cases.take(record))?;
    Ok(cases.finish(kind))
}

/// The last that was said of each case; a case stays in one partition.
#[derive(Default)]
struct Cases {
    all: bool,
    last: BTreeMap<String, ExceptionRaised>,
}

impl Cases {
    fn take(&mut self, record: Record) {
        let Record::ExceptionRaised(case) = record else { return };
        if case.state == CLEARED && !self.all {
            self.last.remove(&case.exception_id);
        } else {
            self.last.insert(case.exception_id.clone(), *case);
        }
    }

    fn finish(self, kind: Option<&str>) -> Vec<ExceptionRaised> {
        let mut cases: Vec<_> = self.last.into_values().filter(|case| kind.is_none_or(|kind| case.kind == kind)).collect();
        cases.sort_by(|a, b| (a.raised_at, &a.exception_id).cmp(&(b.raised_at, &b.exception_id)));
        cases
    }
}

/// Everything that is known about one case.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Case {
    /// The last that was said of it.
    pub raised: Option<ExceptionRaised>,
    /// The books that it is about.
    pub book: Option<String>,
    /// The lines that wait for the decision.
    pub lines: BTreeMap<String, FreightVerdict>,
    /// The decision that counts.
    pub decided: Option<ExceptionDecision>,
}

impl Case {
    /// Looks a case up.
    ///
    /// # Errors
    /// See [`Canonical::read`].
    pub fn find(topics: &Canonical<'_>, exception_id: &str) -> Result<Self, Error> {
        let mut case = Self::default();
        for (topic, name) in
            [(topic::EXCEPTIONS, "ExceptionRaised"), (topic::VERDICTS, "FreightVerdict"), (topic::DECISIONS, "ExceptionDecision")]
        {
            topics.read(topic, name, |record| case.take(exception_id, record))?;
        }
        Ok(case)
    }

    fn take(&mut self, exception_id: &str, record: Record) {
        match record {
            Record::ExceptionRaised(raised) if raised.exception_id == exception_id => self.raised = Some(*raised),
            Record::FreightVerdict(verdict) if verdict.exception_id.as_deref() == Some(exception_id) => {
                self.book = Some(verdict.book.clone());
                self.lines.insert(verdict.line_id.clone(), *verdict);
            }
            // The newest verdict on a line counts.
            Record::FreightVerdict(verdict) => {
                self.lines.remove(&verdict.line_id);
            }
            Record::ExceptionDecision(decision) if decision.exception_id == exception_id => {
                let earlier = self.decided.as_ref().is_none_or(|known| decision.decided_at < known.decided_at);
                self.decided = if earlier { Some(*decision) } else { self.decided.take() };
            }
            _ => {}
        }
    }

    /// What follows from a decision.
    ///
    /// # Errors
    /// Why it cannot be decided so.
    pub fn decide(&self, exception_id: &str, kind: DecisionKind, by: &str, now: Micros) -> Result<Ruling, Refusal> {
        let raised = self.raised.as_ref().ok_or_else(|| Refusal::Unknown(exception_id.to_owned()))?;
        if raised.kind.strip_prefix("freight_").and_then(LineVerdict::parse).is_none() {
            return Err(Refusal::OtherKind(raised.kind.clone()));
        }
        match &self.decided {
            Some(decided) if decided.kind == kind => return Ok(Ruling::Decided(decided.clone())),
            Some(decided) => return Err(Refusal::Otherwise { at: rfc3339(decided.decided_at), kind: decided.kind }),
            None if raised.state == CLEARED => return Err(Refusal::Cleared(raised.summary.clone())),
            None => {}
        }
        let book = self.book.clone().ok_or_else(|| Refusal::NoVerdict(exception_id.to_owned()))?;
        let (exception_id, decided_by) = (exception_id.to_owned(), by.to_owned());
        Ok(Ruling::Send(ExceptionDecision { exception_id, book, kind, decided_by, decided_at: now }))
    }
}

/// What follows from a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Ruling {
    /// It is to be sent.
    Send(ExceptionDecision),
    /// The same was decided before, as this says.
    Decided(ExceptionDecision),
}

/// Why a case cannot be decided so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has raised it, or it was so long ago that the topic has forgotten it.
    #[error("there is no case with this id (`waybill exceptions list` has those that are open): {0}")]
    Unknown(String),
    /// It is not about a billed charge.
    #[error("only cases about billed charges are decided; one of this kind clears when its cause is mended: {0}")]
    OtherKind(String),
    /// It has cleared.
    #[error("the case is not open any more: {0}")]
    Cleared(String),
    /// Its books are not known.
    #[error("no verdict on a billed line names this case, so its books are not known: {0}")]
    NoVerdict(String),
    /// The other decision was made before.
    #[error("it was decided otherwise on {at}, and the earlier decision counts: {kind}")]
    Otherwise {
        /// RFC 3339.
        at: String,
        /// What was decided.
        kind: DecisionKind,
    },
}

/// Sends a decision to the books it is about.
///
/// # Errors
/// See [`Canonical::write`].
pub fn send(topics: &Canonical<'_>, decision: ExceptionDecision) -> Result<(), Error> {
    let key = decision.book.clone();
    topics.write(topic::DECISIONS, &key, &Record::ExceptionDecision(Box::new(decision)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::freight::ChargeType;
    use crate::domain::money::Amount;

    fn raised(id: &str, kind: &str, state: &str, raised_at: Micros) -> ExceptionRaised {
        ExceptionRaised {
            exception_id: id.to_owned(),
            kind: kind.to_owned(),
            state: state.to_owned(),
            summary: "invoice A17".to_owned(),
            raised_at,
            ..ExceptionRaised::default()
        }
    }

    fn verdict(line: &str, exception_id: Option<&str>) -> Record {
        Record::FreightVerdict(Box::new(FreightVerdict {
            line_id: line.to_owned(),
            invoice_id: "ups:A17:2026-11-14".to_owned(),
            book: "main:1".to_owned(),
            delivery_key: None,
            shipment_key: None,
            charge_type: ChargeType::Freight,
            amount: Amount::default(),
            currency: "EUR".to_owned(),
            verdict: LineVerdict::OverBilled,
            accepted: exception_id.is_none(),
            reason: String::new(),
            exception_id: exception_id.map(str::to_owned),
            version: 1,
            judged_at: 0,
        }))
    }

    fn decision(kind: DecisionKind, decided_at: Micros) -> ExceptionDecision {
        ExceptionDecision { exception_id: "a".to_owned(), book: "main:1".to_owned(), kind, decided_by: "alice".to_owned(), decided_at }
    }

    #[test]
    fn the_last_that_was_said_of_a_case_counts() {
        let said = [
            raised("a", "freight_over_billed", "open", 5),
            raised("b", "pod_missing", "open", 3),
            raised("a", "freight_duplicate", "open", 5),
            raised("c", "freight_duplicate", "open", 4),
            raised("c", "freight_duplicate", "cleared", 6),
        ];
        for (all, kind, expected) in [
            (false, None, &["b", "a"][..]),
            (true, None, &["b", "a", "c"]),
            (false, Some("freight_duplicate"), &["a"]),
            (false, Some("freight_over_billed"), &[]),
        ] {
            let mut cases = Cases { all, ..Cases::default() };
            for case in &said {
                cases.take(Record::ExceptionRaised(Box::new(case.clone())));
            }
            let listed = cases.finish(kind);
            assert_eq!(listed.iter().map(|c| c.exception_id.as_str()).collect::<Vec<_>>(), expected, "{all} {kind:?}");
        }
    }

    #[test]
    fn a_case_is_decided_once_and_only_where_there_is_something_to_decide() {
        use DecisionKind::{Accept, Reject};
        let (open, cleared) = (raised("a", "freight_over_billed", "open", 5), raised("a", "freight_over_billed", "cleared", 5));
        let case = |raised: Option<&ExceptionRaised>, book: bool, decided: Option<ExceptionDecision>| Case {
            raised: raised.cloned(),
            book: book.then(|| "main:1".to_owned()),
            decided,
            ..Case::default()
        };
        let other = raised("a", "freight_unbilled", "open", 5);
        let before = |kind| Some(decision(kind, 3));
        let otherwise = Refusal::Otherwise { at: rfc3339(3), kind: Reject };
        for (what, case, expected) in [
            ("open", case(Some(&open), true, None), Ok(Ruling::Send(decision(Accept, 9)))),
            ("never raised", case(None, true, None), Err(Refusal::Unknown("a".to_owned()))),
            ("of another kind", case(Some(&other), true, None), Err(Refusal::OtherKind("freight_unbilled".to_owned()))),
            ("settled itself", case(Some(&cleared), true, None), Err(Refusal::Cleared("invoice A17".to_owned()))),
            ("in no book", case(Some(&open), false, None), Err(Refusal::NoVerdict("a".to_owned()))),
            ("the same, not carried out", case(Some(&open), true, before(Accept)), Ok(Ruling::Decided(decision(Accept, 3)))),
            ("the same, carried out", case(Some(&cleared), true, before(Accept)), Ok(Ruling::Decided(decision(Accept, 3)))),
            ("otherwise", case(Some(&open), true, before(Reject)), Err(otherwise)),
        ] {
            assert_eq!(case.decide("a", Accept, "alice", 9), expected, "{what}");
        }
    }

    #[test]
    fn a_case_has_the_lines_that_wait_for_it_and_the_earliest_decision() {
        let mut case = Case::default();
        let decided = |kind, at| Record::ExceptionDecision(Box::new(decision(kind, at)));
        for record in [
            verdict("1", Some("a")),
            verdict("2", Some("a")),
            verdict("3", Some("b")),
            verdict("2", None),
            decided(DecisionKind::Reject, 7),
            decided(DecisionKind::Accept, 4),
            decided(DecisionKind::Reject, 4),
        ] {
            case.take("a", record);
        }
        assert_eq!(case.lines.keys().collect::<Vec<_>>(), ["1"]);
        assert_eq!((case.book.as_deref(), case.decided), (Some("main:1"), Some(decision(DecisionKind::Accept, 4))));
    }
}
