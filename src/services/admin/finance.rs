//! What the entries of a month come to.

use super::canonical::{Canonical, Error};
use crate::domain::finance::report::{Period, Report};
use crate::domain::record::Record;
use crate::services::finance_accrual::topic;

/// The report of a month from all entries there are.
///
/// # Errors
/// See [`Canonical::read`].
pub fn report(topics: &Canonical<'_>, period: Period) -> Result<Report, Error> {
    let mut report = Report::new(period);
    topics.read(topic::ENTRIES, "FinanceEntry", |record| {
        if let Record::FinanceEntry(entry) = record {
            report.add(&entry);
        }
    })?;
    Ok(report)
}
