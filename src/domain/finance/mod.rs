//! What freight costs, told as facts, and what follows from them: expectation, verdicts on billed lines, entries.
//! In come facts about one delivery in any order and any number of times; out go the entries that move the books from where they
//! stand to where the facts say they should, and a verdict for every line.
//! Everything that follows is a function of the set of facts: entries are differences, so order and repetition change no balance.

pub mod book;
pub mod facts;
pub mod folio;
pub mod judge;
pub mod ledger;
pub mod rates;
pub mod records;
pub mod report;
pub mod routes;
mod weigh;
