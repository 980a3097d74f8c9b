//! A file cut into raw records: one for each row that bills something or cannot be read, and one at the end for each invoice.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use super::file::Reading;
use super::row::Invoice;
use super::{FileError, Format, PieceOf};
use crate::carriers::RawMessage;
use crate::domain::event::Label;
use crate::domain::freight::{self, FreightInvoice, InvoiceTotals};
use crate::domain::verdict::{Code, Park};

/// Media type of the piece that ends an invoice: what the file came to, counted where the whole file was seen.
pub(super) const TOTALS: &str = "application/vnd.waybill.invoice-totals+json";

const FILE: &str = "ce_filesha256";
const LINE: &str = "ce_fileline";
const OCCURRENCE: &str = "ce_occurrence";

/// One raw record of a file.
#[derive(Debug)]
pub struct Piece {
    /// `<carrier>:<invoice number>`, so that an invoice stays in order; the source, where the row cannot be read.
    pub key: String,
    /// The header of the file and one row as sent, one transaction set, or the end of an invoice.
    pub value: Vec<u8>,
    /// Of the value.
    pub content_type: &'static str,
    /// Line of the file, from 1; 0 for the end of an invoice.
    pub line: i64,
    /// See [`PieceOf`].
    pub occurrence: u32,
    /// Why the row will be dead-lettered.
    pub parked: Option<Park>,
    /// Where this is the end of an invoice.
    pub end: Option<InvoiceEnd>,
}

/// What an invoice came to in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct InvoiceEnd {
    /// `<carrier>:<number>:<date>`.
    pub invoice_id: String,
    /// ISO 4217, of the amounts.
    pub currency: String,
    /// Sums and judgement.
    pub totals: InvoiceTotals,
}

/// The end of an invoice, as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    carrier: String,
    invoice_number: String,
    invoice_date: String,
    currency: String,
    account: Option<String>,
    due_date: Option<String>,
    totals: InvoiceTotals,
}

/// The pieces of a file, in its order, in bounded memory.
#[derive(Debug)]
pub struct Pieces<R> {
    format: Format,
    reading: Option<Reading<R>>,
    ends: Vec<Piece>,
}

impl<R: BufRead> Pieces<R> {
    /// Opens a file. `currency` is that of the account, for formats that tell none.
    ///
    /// # Errors
    /// The file cannot be read, or its header is not that of the format.
    pub fn open(format: Format, reader: R, currency: Option<String>) -> Result<Self, FileError> {
        Ok(Self { format, reading: Some(Reading::open(format, reader, currency)?), ends: Vec::new() })
    }

    fn step(&mut self) -> Result<Option<Piece>, FileError> {
        while let Some(reading) = &mut self.reading {
            let Some(unit) = reading.next().transpose()? else {
                let ends = self.reading.take().into_iter().flat_map(Reading::totals);
                self.ends = ends.map(|(invoice, totals)| end(&invoice, totals)).collect();
                self.ends.reverse();
                break;
            };
            let (key, parked) = match unit.row {
                Ok(Some(row)) if !row.charges.is_empty() => (freight::invoice_key(&row.invoice.carrier, &row.invoice.number), None),
                Ok(_) => continue,
                Err(park) => (self.format.source().to_owned(), Some(park)),
            };
            let header = reading.header.as_deref().map(|header| [header, b"\n"].concat()).unwrap_or_default();
            let value = [header, unit.bytes].concat();
            let (line, occurrence) = (unit.line, unit.occurrence);
            return Ok(Some(Piece { key, value, content_type: self.format.media_type(), line, occurrence, parked, end: None }));
        }
        Ok(self.ends.pop())
    }
}

impl<R: BufRead> Iterator for Pieces<R> {
    type Item = Result<Piece, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.reading = None;
        }
        step.transpose()
    }
}

fn end(invoice: &Invoice, totals: InvoiceTotals) -> Piece {
    let told = End {
        carrier: invoice.carrier.to_string(),
        invoice_number: invoice.number.clone(),
        invoice_date: invoice.date.clone(),
        currency: invoice.currency.clone(),
        account: invoice.account.clone(),
        due_date: invoice.due_date.clone(),
        totals: totals.clone(),
    };
    Piece {
        key: freight::invoice_key(&invoice.carrier, &invoice.number),
        value: serde_json::to_vec(&told).unwrap_or_default(),
        content_type: TOTALS,
        line: 0,
        occurrence: 1,
        parked: None,
        end: Some(InvoiceEnd { invoice_id: invoice.id(), currency: invoice.currency.clone(), totals }),
    }
}

/// The record of the piece that ends an invoice.
pub(super) fn totals_of(format: Format, message: &RawMessage<'_>, piece: &PieceOf) -> Result<FreightInvoice, Park> {
    let told: End = serde_json::from_slice(message.body).map_err(|_| Park::new(Code::MALFORMED, "no totals of an invoice"))?;
    let date = super::values::date(&told.invoice_date, false).ok_or_else(|| super::values::bad("invoice_date"))?;
    let currency = super::values::currency(&told.currency).ok_or_else(|| super::values::bad("currency"))?;
    if told.carrier.is_empty() {
        return Err(super::values::missing("carrier"));
    }
    let t = told.totals;
    let totals = InvoiceTotals::new(t.told, t.billed, t.charges, t.rows, t.rows_parked, t.rows_untied);
    let invoice = Invoice {
        carrier: Label::Owned(told.carrier),
        number: super::values::invoice_number(Some(told.invoice_number))?,
        date,
        currency,
        due_date: told.due_date,
        account: told.account,
        ..Invoice::default()
    };
    Ok(invoice.end(format, message, &piece.file_sha256, Some(piece), totals))
}

/// The Kafka headers of a piece.
#[must_use]
pub fn piece_headers(piece: &Piece, format: Format, file_sha256: &str) -> Vec<(String, Vec<u8>)> {
    let id = if piece.end.is_some() { format!("{file_sha256}:end:{}", piece.key) } else { format!("{file_sha256}:{}", piece.line) };
    let (line, occurrence) = (piece.line.to_string(), piece.occurrence.to_string());
    let kind = if piece.end.is_some() { "waybill.billing.end.v1" } else { "waybill.billing.row.v1" };
    let pairs = [
        ("ce_specversion", "1.0"),
        ("ce_id", &id),
        ("ce_source", format.source()),
        ("ce_type", kind),
        ("content-type", piece.content_type),
        (FILE, file_sha256),
        (LINE, &line),
        (OCCURRENCE, &occurrence),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

impl PieceOf {
    /// Reads the headers of a raw record; `None` for one that is a whole file.
    ///
    /// # Errors
    /// `BAD_ENVELOPE` for a piece that does not say which: taken for a whole file it would end its invoice.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Self>, Park> {
        let Some(file_sha256) = header(FILE) else { return Ok(None) };
        let bad = |name: &str| Park::new(Code::BAD_ENVELOPE, format!("a piece of a file without {name}"));
        let number = |name: &str| header(name).and_then(|text| text.parse::<u32>().ok()).ok_or_else(|| bad(name));
        if file_sha256.len() != 64 || !file_sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad(FILE));
        }
        let (line, occurrence) = (number(LINE)?.into(), number(OCCURRENCE)?);
        Ok(Some(Self { file_sha256: file_sha256.to_ascii_lowercase(), line, occurrence }))
    }
}
