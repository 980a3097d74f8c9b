//! A whole file, unit by unit, and what its invoices come to.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use rust_decimal::Decimal;

use super::csv_rows::{RawRow, Rows};
use super::row::{Invoice, Row};
use super::sets::Sets;
use super::values::Cells;
use super::{FileError, Format, dhl, fedex, ups, x12_210};
use crate::domain::dedup;
use crate::domain::freight::InvoiceTotals;
use crate::domain::money::Amount;
use crate::domain::verdict::{Code, Park};

/// Most rows of one file. Of each row that bills something sixteen bytes are kept, to count equal ones.
const ROWS_MAX: i64 = 1_000_000;
/// Most invoices of one file.
const INVOICES_MAX: usize = 10_000;
const COLUMNS_MAX: usize = 1_000;

/// A row of a CSV file, or a transaction set.
#[derive(Debug)]
pub(super) struct Unit {
    /// First line of the row, or number of the set, from 1.
    pub(super) line: i64,
    /// As sent; a set in an envelope of its own.
    pub(super) bytes: Vec<u8>,
    /// The how manieth unit of its invoice that says the same, from 1.
    pub(super) occurrence: u32,
    /// What was read; nothing where nothing is billed.
    pub(super) row: Result<Option<Row>, Park>,
}

#[derive(Debug)]
enum Layout {
    Ups,
    FedEx(Box<fedex::Layout>),
    Dhl(Box<dhl::Layout>),
}

#[derive(Debug)]
enum Body<R> {
    Rows(Rows<R>, Layout),
    Sets(Sets<R>),
}

/// What an invoice comes to so far.
#[derive(Debug)]
struct Tally {
    invoice: Invoice,
    billed: Decimal,
    charges: i64,
    rows: i64,
    untied: i64,
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading<R> {
    body: Body<R>,
    /// The header row as sent, where the format has one.
    pub(super) header: Option<Vec<u8>>,
    currency: Option<String>,
    equal: HashMap<u64, u32>,
    tallies: BTreeMap<String, Tally>,
    units: i64,
    parked: i64,
    failed: bool,
}

impl<R: BufRead> Reading<R> {
    /// Opens a file and reads its header.
    pub(super) fn open(format: Format, reader: R, currency: Option<String>) -> Result<Self, FileError> {
        let mut header = None;
        let body = if format == Format::X12_210 {
            Body::Sets(Sets::new(reader))
        } else {
            let mut rows = Rows::new(reader)?;
            let layout = if format == Format::Ups {
                Layout::Ups
            } else {
                let first = rows.next()?.ok_or_else(|| Park::new(Code::EMPTY_VALUE, "the file is empty"))?;
                let names = names(&first, rows.delimiter)?;
                header = Some(first.bytes);
                match format {
                    Format::FedEx => Layout::FedEx(Box::new(fedex::Layout::new(&names)?)),
                    _ => Layout::Dhl(Box::new(dhl::Layout::new(&names)?)),
                }
            };
            Body::Rows(rows, layout)
        };
        Ok(Self { body, header, currency, equal: HashMap::new(), tallies: BTreeMap::new(), units: 0, parked: 0, failed: false })
    }

    /// What each invoice comes to, once the file is read.
    pub(super) fn totals(self) -> impl Iterator<Item = (Invoice, InvoiceTotals)> {
        let parked = self.parked;
        self.tallies.into_values().map(move |t| {
            let billed = Amount(t.billed.normalize());
            let totals = InvoiceTotals::new(t.invoice.told, billed, t.charges, t.rows, parked, t.untied);
            (t.invoice, totals)
        })
    }

    fn step(&mut self) -> Result<Option<Unit>, FileError> {
        let (line, bytes, row) = match &mut self.body {
            Body::Rows(rows, layout) => {
                let Some(raw) = rows.next()? else { return Ok(None) };
                let read = read(&raw, rows.delimiter, layout, self.currency.as_deref());
                (raw.line, raw.bytes, read)
            }
            Body::Sets(sets) => {
                // Behind a set that has no end nothing can be found again.
                let Some(set) = sets.next()?.transpose()? else { return Ok(None) };
                let read = x12_210::read(&set, self.currency.as_deref());
                (self.units + 1, set, read)
            }
        };
        self.units += 1;
        if self.units > ROWS_MAX {
            return Err(Park::new(Code::TOO_MANY, format!("more than {ROWS_MAX} rows in one file")).into());
        }
        let mut occurrence = 1;
        match &row {
            Ok(Some(row)) => occurrence = self.count(row)?,
            Ok(None) => {}
            Err(_) => self.parked += 1,
        }
        Ok(Some(Unit { line, bytes, occurrence, row }))
    }

    /// Adds a row to its invoice and counts how often it has been said.
    fn count(&mut self, row: &Row) -> Result<u32, FileError> {
        let id = row.invoice.id();
        if self.tallies.len() >= INVOICES_MAX && !self.tallies.contains_key(&id) {
            return Err(Park::new(Code::TOO_MANY, format!("more than {INVOICES_MAX} invoices in one file")).into());
        }
        let known = self.tallies.entry(id.clone());
        let tally = known.or_insert_with(|| Tally { invoice: row.invoice.clone(), billed: Decimal::ZERO, charges: 0, rows: 0, untied: 0 });
        tally.rows += 1;
        tally.charges += i64::try_from(row.charges.len()).unwrap_or(i64::MAX);
        let other_currency = tally.invoice.currency != row.invoice.currency;
        let sum = row.billed().filter(|_| !other_currency).and_then(|billed| tally.billed.checked_add(billed));
        let contradicts = match (tally.invoice.told, row.invoice.told) {
            (Some(known), Some(told)) => known != told,
            (None, told) => {
                tally.invoice.told = told;
                false
            }
            (Some(_), None) => false,
        };
        tally.untied += i64::from(row.untied || contradicts || sum.is_none());
        tally.billed = sum.unwrap_or(tally.billed);
        if row.charges.is_empty() {
            return Ok(1);
        }
        let same = dedup::id_of(&[&id, &dedup::hex(&row.identity())]).first_chunk().copied().unwrap_or_default();
        let times = self.equal.entry(u64::from_le_bytes(same)).or_default();
        *times = times.saturating_add(1);
        Ok(*times)
    }
}

impl<R: BufRead> Iterator for Reading<R> {
    type Item = Result<Unit, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}

fn record(bytes: &[u8], delimiter: u8) -> Result<csv::ByteRecord, Park> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(1 << 10).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(true) if record.len() <= COLUMNS_MAX => Ok(record),
        Ok(true) => Err(Park::new(Code::TOO_MANY, format!("more than {COLUMNS_MAX} columns"))),
        _ => Err(Park::new(Code::MALFORMED, "no row of a CSV file")),
    }
}

/// The names of a header in lower case, with single blanks.
fn names(header: &RawRow, delimiter: u8) -> Result<Vec<String>, Park> {
    if let Some(broken) = &header.broken {
        return Err(broken.clone());
    }
    let record = record(&header.bytes, delimiter)?;
    let name = |cell: &[u8]| String::from_utf8_lossy(cell).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    Ok(record.iter().map(name).collect())
}

fn read(raw: &RawRow, delimiter: u8, layout: &Layout, currency: Option<&str>) -> Result<Option<Row>, Park> {
    if let Some(broken) = &raw.broken {
        return Err(broken.clone());
    }
    if raw.bytes.contains(&0) {
        return Err(Park::new(Code::NOT_UTF8, "a row with NUL in it, perhaps UTF-16"));
    }
    let record = record(&raw.bytes, delimiter)?;
    let cells = Cells::new(&record, delimiter);
    match layout {
        Layout::Ups => ups::read(&cells),
        Layout::FedEx(layout) => layout.read(&cells, currency).map(Some),
        Layout::Dhl(layout) => layout.read(&cells).map(Some),
    }
}
