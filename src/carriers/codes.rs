//! Code tables as data: `type, code, sub_code, milestone, sub_status, exception_reason, note`, tab-separated.

use std::collections::HashMap;

use crate::domain::vocabulary::{ExceptionReason, Milestone, SubStatus};

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Where the parcel stands.
    pub milestone: Milestone,
    /// What exactly.
    pub sub_status: Option<SubStatus>,
    /// What went wrong.
    pub reason: Option<ExceptionReason>,
}

impl Meaning {
    /// A code that no table knows.
    pub const UNKNOWN: Self = Self { milestone: Milestone::Unknown, sub_status: None, reason: None };

    /// What it means of a parcel that goes to the merchant by a label of its own: its delivery is the end of the return.
    #[must_use]
    pub fn of_return_label(self, is_return: bool) -> Self {
        match self.milestone {
            Milestone::Delivered if is_return => Self { milestone: Milestone::Returned, ..self },
            _ => self,
        }
    }
}

/// Meanings by sub-code, by code.
type CodesOfType = HashMap<Box<str>, HashMap<Box<str>, Meaning>>;

/// The table of one source. `type` and `code` may list several with commas; code `-` stands for
/// "no code sent", `*` for any code of the type.
#[derive(Debug, Default)]
pub struct CodeTable {
    types: HashMap<Box<str>, CodesOfType>,
}

impl CodeTable {
    /// Reads a table. Rows with a word that the vocabulary does not have are left out; a test reads every table
    /// with [`CodeTable::check`], so that there are none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines().skip(1) {
            if let Ok(row) = Row::parse(line) {
                for (kind, code) in row.keys() {
                    table.insert((kind, code, row.sub_code), row.meaning);
                }
            }
        }
        table
    }

    /// Adds a code; false where the table has it already, which then stays as it is.
    pub fn insert(&mut self, (kind, code, sub_code): (&str, &str, &str), meaning: Meaning) -> bool {
        let codes = self.types.entry(kind.into()).or_default().entry(code.into()).or_default();
        let is_new = !codes.contains_key(sub_code);
        if is_new {
            codes.insert(sub_code.into(), meaning);
        }
        is_new
    }

    /// The meaning of exactly this type, code and sub-code (empty where there is none).
    #[must_use]
    pub fn get(&self, kind: &str, code: &str, sub_code: &str) -> Option<Meaning> {
        self.types.get(kind)?.get(code)?.get(sub_code).copied()
    }

    /// The one of some types that has a code; `None` where several have it, or none.
    #[must_use]
    pub fn only_type(&self, types: &[&'static str], code: &str) -> Option<&'static str> {
        let mut having = types.iter().filter(|kind| self.get(kind, code, "").is_some());
        having.next().filter(|_| having.next().is_none()).copied()
    }

    /// What is wrong with a table, one line each: unknown words, missing columns, rows that say one thing twice.
    #[must_use]
    pub fn check(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (number, line) in text.lines().enumerate().skip(1) {
            match Row::parse(line) {
                Err(fault) => faults.push(format!("line {}: {fault}", number + 1)),
                Ok(row) => {
                    for (kind, code) in row.keys() {
                        if !seen.insert((kind, code, row.sub_code)) {
                            faults.push(format!("line {}: told twice: {kind} {code} {}", number + 1, row.sub_code));
                        }
                    }
                }
            }
        }
        faults
    }
}

struct Row<'a> {
    types: &'a str,
    codes: &'a str,
    sub_code: &'a str,
    meaning: Meaning,
}

impl<'a> Row<'a> {
    fn keys(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let codes = self.codes;
        self.types.split(',').flat_map(move |kind| codes.split(',').map(move |code| (kind, code)))
    }

    fn parse(line: &'a str) -> Result<Self, String> {
        let mut columns = line.split('\t');
        let mut column = |name: &str| columns.next().ok_or_else(|| format!("column is missing: {name}"));
        let (types, codes, sub_code) = (column("type")?, column("code")?, column("sub_code")?);
        let (milestone, sub_status, reason) = (column("milestone")?, column("sub_status")?, column("exception_reason")?);
        column("note")?;
        if types.is_empty() || codes.is_empty() {
            return Err("type or code is empty".to_owned());
        }
        Ok(Self {
            types,
            codes,
            sub_code,
            meaning: Meaning {
                milestone: Milestone::parse(milestone).ok_or_else(|| format!("no such milestone: {milestone}"))?,
                sub_status: word(sub_status, SubStatus::parse)?,
                reason: word(reason, ExceptionReason::parse)?,
            },
        })
    }
}

fn word<T>(text: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some).ok_or_else(|| format!("no such word: {text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "type\tcode\tsub_code\tmilestone\tsub_status\texception_reason\tnote\n\
        X,I\tK1,K2\t\texception\t\tcarrier.delay\tlate\n\
        D\t*\t\tdelivered\tto_person\t\thanded over\n";

    #[test]
    fn one_row_serves_several_types_and_codes() {
        let table = CodeTable::parse(TABLE);
        assert_eq!(table.get("X", "K1", ""), table.get("I", "K2", ""));
        assert!(table.get("I", "K1", "").is_some());
        assert_eq!(table.get("D", "*", "").map(|m| m.sub_status), Some(Some(SubStatus::ToPerson)));
        assert_eq!(table.get("D", "K1", ""), None);
        assert_eq!(table.only_type(&["X", "D"], "K1"), Some("X"));
        assert_eq!((table.only_type(&["X", "I"], "K1"), table.only_type(&["X", "I"], "K9")), (None, None));
    }

    #[test]
    fn faults_are_told_by_line() {
        let faults = CodeTable::check("head\nX\t1\t\tlate\t\t\tn\nX\t1\t\tinfo\t\t\tn\nX,Y\t1\t\tinfo\t\t\tn\nX\t1\n");
        assert_eq!(faults, ["line 2: no such milestone: late", "line 4: told twice: X 1 ", "line 5: column is missing: sub_code"]);
    }
}
