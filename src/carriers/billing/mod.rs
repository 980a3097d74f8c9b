//! Carriers' invoices as files: the billing CSV of UPS, FedEx and DHL Express, and the freight invoice of X12 (210).
//! In come the bytes of a file, of any size, or of one row that was cut out of one; out come charges row by row, each row read or
//! with the code that says why not, and at the end of each invoice whether its charges tie to its total.
//! Nothing is guessed about money: no currency is assumed, and what does not add up is said, not mended.

mod csv_rows;
mod dhl;
mod fedex;
mod file;
mod pieces;
mod row;
mod sets;
#[cfg(test)]
mod tests;
mod ups;
mod values;
mod x12_210;

pub use pieces::{InvoiceEnd, Piece, Pieces, piece_headers};
pub(super) use x12_210::amount as edi_amount;

use super::RawMessage;
use super::parsed::{Gathered, Parsed};
use crate::domain::freight::FreightInvoice;
use crate::domain::verdict::{Code, Park};
use file::Reading;

/// A billing file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk or the pipe.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file as a whole is not of its format.
    #[error("{} {}", .0.code, .0.cause)]
    Park(Park),
}

impl From<Park> for FileError {
    fn from(park: Park) -> Self {
        Self::Park(park)
    }
}

/// The form of a billing file; also a source of raw records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// UPS billing data: no header, 250 columns, one charge in a row.
    Ups,
    /// FedEx Billing Online: a shipment in a row, charges in columns that repeat their names.
    FedEx,
    /// DHL Express: a shipment in a row, charges in blocks of columns.
    Dhl,
    /// ASC X12 210, motor carrier freight details and invoice.
    X12_210,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Ups, Self::FedEx, Self::Dhl, Self::X12_210];

    /// The id of the source.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Ups => "ups_billing",
            Self::FedEx => "fedex_billing",
            Self::Dhl => "dhl_billing",
            Self::X12_210 => "x12_210",
        }
    }

    /// The format of a source; `None` for a source that is no billing file.
    #[must_use]
    pub fn of(source: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.source() == source)
    }

    const fn mapping_version(self) -> &'static str {
        match self {
            Self::Ups => "ups_billing-1",
            Self::FedEx => "fedex_billing-1",
            Self::Dhl => "dhl_billing-1",
            Self::X12_210 => "x12_210-1",
        }
    }

    /// `content-type` of a piece of such a file.
    const fn media_type(self) -> &'static str {
        match self {
            Self::X12_210 => "application/edi-x12",
            _ => "text/csv",
        }
    }
}

/// The sources that are billing files.
pub const SOURCES: &[&str] = &["ups_billing", "fedex_billing", "dhl_billing", "x12_210"];

/// What the configuration says about a source of billing files.
#[derive(Debug, Clone)]
pub struct BillingSettings {
    /// ISO 4217 code of the account, for formats that tell no currency; never preferred over what is told.
    pub currency: Option<String>,
    /// Largest raw record, bytes.
    pub body_bytes_max: usize,
    /// Most charges that one raw record may give.
    pub charges_max: usize,
}

impl Default for BillingSettings {
    fn default() -> Self {
        Self { currency: None, body_bytes_max: 4 << 20, charges_max: 10_000 }
    }
}

/// Which piece of a file a raw record is, as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceOf {
    /// SHA-256 of the whole file.
    pub file_sha256: String,
    /// Line of the file, from 1.
    pub line: i64,
    /// The how manieth row of the invoice that says the same, from 1.
    pub occurrence: u32,
}

/// Reads the raw records of one source of billing files.
#[derive(Debug, Clone)]
pub struct Billing {
    format: Format,
    settings: BillingSettings,
}

impl Billing {
    /// A reader of this format.
    #[must_use]
    pub fn new(format: Format, settings: BillingSettings) -> Self {
        Self { format, settings }
    }

    /// The id of the source.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.format.source()
    }

    /// The charges of one raw record. Without `piece` it is a whole file: the totals of its invoices follow, and a file of rows counts whole
    /// or not at all; of X12 each set is an invoice of its own, and an odd one takes nothing from the others. Empty where the file bills nothing.
    ///
    /// # Errors
    /// A [`Park`] with a stable code and the line. Never a panic, whatever the bytes.
    pub fn parse(&self, message: &RawMessage<'_>, piece: Option<&PieceOf>) -> Result<Parsed<FreightInvoice>, Park> {
        let body = message.body;
        if body.len() > self.settings.body_bytes_max {
            return Err(Park::new(Code::TOO_LARGE, format!("{} bytes, {} are allowed", body.len(), self.settings.body_bytes_max)));
        }
        if body.strip_prefix(values::BOM).unwrap_or(body).trim_ascii().is_empty() {
            return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
        }
        if let (Some(piece), Some(pieces::TOTALS)) = (piece, message.content_type) {
            return pieces::totals_of(self.format, message, piece).map(|line| vec![line].into());
        }
        let mut reading = Reading::open(self.format, body, self.settings.currency.clone()).map_err(whole)?;
        let apart = self.format == Format::X12_210 && piece.is_none();
        let mut gathered = Gathered::default();
        let mut rows = 0;
        for unit in &mut reading {
            let unit = unit.map_err(whole)?;
            let at = piece.map_or(unit.line, |piece| piece.line);
            let row = match unit.row.map_err(|park| Park::new(park.code, format!("line {at}: {}", park.cause))) {
                Err(park) if apart => {
                    gathered.add(Err(park))?;
                    continue;
                }
                row => row?,
            };
            rows += 1;
            if piece.is_some() && rows > 1 {
                return Err(Park::new(Code::MALFORMED, "a piece of a billing file has more than one row"));
            }
            let Some(row) = row else { continue };
            if gathered.len() + row.charges.len() > self.settings.charges_max {
                return Err(Park::new(Code::TOO_MANY, format!("more than {} charges", self.settings.charges_max)));
            }
            let occurrence = piece.map_or(unit.occurrence, |piece| piece.occurrence);
            gathered.add(Ok(row.lines(self.format, message, piece, occurrence).collect()))?;
        }
        if piece.is_none() {
            let sha256 = &message.raw.sha256;
            gathered.extend(reading.totals().map(|(invoice, totals)| invoice.end(self.format, message, sha256, None, totals)));
        }
        if self.format != Format::X12_210 && gathered.len() == 0 {
            return Ok(Parsed::from(Vec::new()));
        }
        gathered.finish(|| Park::new(Code::NOT_TRACKING, "no transaction set 210"))
    }
}

fn whole(error: FileError) -> Park {
    match error {
        FileError::Park(park) => park,
        FileError::Io(_) => Park::new(Code::MALFORMED, "the body cannot be read"),
    }
}
