//! What every delivery's freight costs: accrued when it leaves, corrected when the carrier says so, settled when it is billed.
//! In come deliveries, their status, announced charges, carriers' invoices and people's decisions; each is re-keyed by company to the
//! internal topic `finance.facts`, so that everything about one company's books meets in one order. Out go `finance.entries`,
//! `finance.verdicts`, `odoo.commands` and `exceptions`.
//! Its memory: a folio for each delivery, for each tracking number that no delivery has, and for each invoice's account charges.

mod commands;
mod desk;
mod facts;
mod invoice;
mod lookup;
mod memory;
mod rehome;
mod say;

use std::collections::BTreeMap;

use crate::domain::finance::book::Book;
use crate::domain::finance::routes::AccountRoutes;
use crate::domain::record::Record;
use crate::domain::time::Micros;
use crate::domain::verdict::{Code, Park, Verdict};
use crate::engine::processor::{Input, Outputs, Payload, Processor, State};

/// Topics this service reads and writes.
pub mod topic {
    /// Internal: facts by company.
    pub const FACTS: &str = "finance.facts";
    /// Balanced double entries.
    pub const ENTRIES: &str = "finance.entries";
    /// What became of each billed line.
    pub const VERDICTS: &str = "finance.verdicts";
    /// What people decide.
    pub const DECISIONS: &str = "exception.decisions";
    /// What the Odoo writer is to do.
    pub const COMMANDS: &str = "odoo.commands";
    /// What a person must decide.
    pub const EXCEPTIONS: &str = "exceptions";
    /// Charges that carriers announce.
    pub const CHARGES: &str = "freight.charges";
}

/// The service's processor.
#[derive(Debug)]
pub struct FinanceAccrual {
    books: BTreeMap<String, Book>,
    accounts: AccountRoutes,
}

impl FinanceAccrual {
    /// Keeps these books.
    #[must_use]
    pub fn new(books: Vec<Book>, accounts: AccountRoutes) -> Self {
        Self { books: books.into_iter().map(|b| (b.key.clone(), b)).collect(), accounts }
    }

    fn desk<'a>(&'a self, book: &str, now: Micros, state: &'a mut dyn State, out: &'a mut Outputs) -> Option<desk::Desk<'a>> {
        Some(desk::Desk { book: self.books.get(book)?, now, state, out })
    }
}

impl Processor for FinanceAccrual {
    fn process(&self, input: &Input<'_>, state: &mut dyn State, now: Micros, out: &mut Outputs) -> Verdict {
        match &input.payload {
            Payload::Canonical(Record::FinanceFact(fact)) => match self.desk(&fact.book, now, state, out) {
                Some(mut desk) => desk.take(fact),
                None => Verdict::Park(Park::new(Code::NO_BOOK, "the configuration keeps no books for this company")),
            },
            Payload::Canonical(record) => facts::route(record, input.received_at, self, out),
            Payload::Raw(_) => Verdict::Park(Park::new(Code::BAD_AVRO, "finance reads no raw bytes")),
        }
    }

    fn wake(&self, key: &[u8], state: &mut dyn State, now: Micros, out: &mut Outputs) {
        let Some((kind, book, rest)) = memory::parts(key) else { return state.delete(key) };
        match self.desk(&book, now, state, out) {
            Some(mut desk) => desk.wake(kind, key, &rest),
            // A company whose books are no longer kept here.
            None => state.delete(key),
        }
    }
}

#[cfg(test)]
mod tests;
