//! The syntax of EDI, and nothing of its meaning: delimiters, segments, elements.
//! In comes a body with one or more interchanges; out come its segments one after the other, or why it cannot be read.
//! Nothing is copied and nothing is assumed: the delimiters are those that the interchange declares.

pub mod edifact;
mod reader;
pub mod x12;

pub use reader::Reader;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{DialectSettings, RawMessage, event};
use crate::domain::event::Label;
use crate::domain::verdict::{Code, Park};
use crate::domain::vocabulary::ExceptionReason;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Longest terminator, bytes: one character of UTF-8.
const TERMINATOR_BYTES_MAX: usize = 4;
/// Longest text that is kept of a place or a number; the standards allow 30 to 70.
pub(super) const TEXT_BYTES_MAX: usize = 128;

/// Why the bytes are no interchange. The words name no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It does not begin with an interchange header.
    #[error("no interchange header")]
    NoHeader,
    /// The header does not tell the delimiters.
    #[error("the interchange header is broken")]
    BadHeader,
    /// It ends, or another interchange begins, before the interchange was closed.
    #[error("the interchange is cut off")]
    Cut,
    /// Something that is no segment follows one.
    #[error("something that is no segment follows one")]
    NoTag,
    /// Something that is no interchange follows one.
    #[error("garbage after the interchange")]
    Garbage,
}

/// The delimiters of one interchange, as its header declares them, and how its letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// Between elements.
    pub element: u8,
    /// Between the components of an element.
    pub component: u8,
    /// Before a character that is text in spite of what it is; X12 has none.
    release: Option<u8>,
    terminator: [u8; TERMINATOR_BYTES_MAX],
    terminator_len: usize,
    /// Bytes that are no UTF-8 are ISO 8859-1; where another alphabet is declared they cannot be read.
    latin1: bool,
}

impl Delimiters {
    /// `None` when the terminator is empty, too long, or begins with the element separator.
    #[must_use]
    pub fn new(element: u8, component: u8, terminator: &[u8]) -> Option<Self> {
        if terminator.first().is_none_or(|first| *first == element) {
            return None;
        }
        let mut bytes = [0; TERMINATOR_BYTES_MAX];
        bytes.get_mut(..terminator.len())?.copy_from_slice(terminator);
        Some(Self { element, component, release: None, terminator: bytes, terminator_len: terminator.len(), latin1: true })
    }

    /// What ends a segment: one character, which may be several bytes of UTF-8.
    #[must_use]
    pub fn terminator(&self) -> &[u8] {
        self.terminator.get(..self.terminator_len).unwrap_or_default()
    }

    /// Whether segments end with the line.
    fn breaks_lines(&self) -> bool {
        matches!(self.terminator(), b"\r" | b"\n")
    }

    /// The part of the bytes between two separators that are not released, counted from 0.
    fn part<'b>(&self, bytes: &'b [u8], separator: u8, number: usize) -> Option<&'b [u8]> {
        let Some(release) = self.release else { return bytes.split(|b| *b == separator).nth(number) };
        let (mut start, mut seen, mut released) = (0, 0, false);
        for (at, byte) in bytes.iter().enumerate() {
            if released {
                released = matches!(byte, b'\r' | b'\n') && !self.breaks_lines();
            } else if *byte == release {
                released = true;
            } else if *byte == separator {
                if seen == number {
                    return bytes.get(start..at);
                }
                seen += 1;
                start = at + 1;
            }
        }
        if seen == number { bytes.get(start..) } else { None }
    }

    /// Text without line breaks, release characters and outer spaces; `None` where nothing is left.
    fn text<'b>(&self, bytes: &'b [u8]) -> Option<Cow<'b, str>> {
        let text = if bytes.iter().any(|b| matches!(b, b'\r' | b'\n') || Some(*b) == self.release) {
            let mut joined = Vec::with_capacity(bytes.len());
            let mut released = false;
            for byte in bytes.iter().filter(|b| !matches!(b, b'\r' | b'\n')) {
                released = !released && Some(*byte) == self.release;
                if !released {
                    joined.push(*byte);
                }
            }
            Cow::Owned(self.decode(joined.trim_ascii()).into_owned())
        } else {
            self.decode(bytes.trim_ascii())
        };
        (!text.is_empty()).then_some(text)
    }

    /// UTF-8 where it is, whatever is declared, else ISO 8859-1, which loses nothing; of another alphabet only ASCII is read.
    fn decode<'b>(&self, bytes: &'b [u8]) -> Cow<'b, str> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if self.latin1 => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
            Err(_) => String::from_utf8_lossy(bytes),
        }
    }
}

/// One segment: its tag and its elements, read on demand.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
}

impl<'a> Segment<'a> {
    /// The segment as sent, without its terminator.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The delimiters of its interchange.
    #[must_use]
    pub fn delimiters(&self) -> Delimiters {
        self.delimiters
    }

    /// The tag, filled up with spaces to three bytes (`b"ST "`); three spaces when it is no tag.
    /// A line break inside the tag is ignored: some senders wrap every 80 columns.
    #[must_use]
    pub fn tag(&self) -> [u8; 3] {
        tag_at(self.bytes, &self.delimiters).map_or(*b"   ", |(tag, _)| tag)
    }

    /// The element at a position, counted from 1 as in the standard (`AT7` 05 is `element(5)`): without line breaks
    /// and outer spaces, `None` when absent or empty. Bytes that are not UTF-8 are read as ISO 8859-1, which loses nothing.
    #[must_use]
    pub fn element(&self, position: usize) -> Option<Cow<'a, str>> {
        self.delimiters.text(self.delimiters.part(self.bytes, self.delimiters.element, position)?)
    }

    /// The component of an element, both counted from 1 (`STS` C555 3055 is `component(2, 3)`); otherwise as [`Segment::element`].
    #[must_use]
    pub fn component(&self, position: usize, number: usize) -> Option<Cow<'a, str>> {
        let element = self.delimiters.part(self.bytes, self.delimiters.element, position)?;
        self.delimiters.text(self.delimiters.part(element, self.delimiters.component, number.checked_sub(1)?)?)
    }
}

/// A number that may be told more than once.
#[derive(Debug, Default)]
pub(super) enum Told<'a> {
    #[default]
    Never,
    Once(Cow<'a, str>),
    /// Different numbers: it names more than one thing.
    Several,
}

/// The tracking numbers that a scope tells: a status there happened to each of them.
#[derive(Debug, Default)]
pub(super) struct Numbers<'a> {
    /// The first as sent, believable or not.
    first: Option<Cow<'a, str>>,
    /// The believable ones, by the key of their shipment.
    believable: BTreeMap<String, Cow<'a, str>>,
}

impl<'a> Numbers<'a> {
    pub(super) fn add(&mut self, number: Option<Cow<'a, str>>) {
        let Some(number) = number else { return };
        if let Some(key) = event::believable(&number) {
            self.believable.entry(key).or_insert_with(|| number.clone());
        }
        self.first.get_or_insert(number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Each believable number, else the first as sent.
    pub(super) fn each(&self) -> Vec<&str> {
        if self.believable.is_empty() {
            self.first.as_deref().into_iter().collect()
        } else {
            self.believable.values().map(AsRef::as_ref).collect()
        }
    }

    /// How many events a status gives.
    pub(super) fn count(&self) -> usize {
        self.believable.len().max(1)
    }
}

/// A number as it is kept: one that is too long stands there as an empty one, which nobody believes.
pub(super) fn number(sent: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    sent.map(|number| if number.len() <= TEXT_BYTES_MAX { number } else { Cow::Borrowed("") })
}

impl<'a> Told<'a> {
    pub(super) fn add(&mut self, number: Option<Cow<'a, str>>) {
        let Some(number) = number.filter(|n| n.len() <= TEXT_BYTES_MAX) else { return };
        match self {
            Self::Never => *self = Self::Once(number),
            Self::Once(known) if *known == number => {}
            Self::Once(_) | Self::Several => *self = Self::Several,
        }
    }

    /// The number, where it is one.
    pub(super) fn once(&self) -> Option<&str> {
        if let Self::Once(number) = self { Some(number) } else { None }
    }
}

/// The 18 digits of a serial shipping container code, with or without its application identifier `00`.
pub(super) fn sscc(number: &str) -> Option<&str> {
    let digits = number.strip_prefix("00").filter(|rest| rest.len() == 18).unwrap_or(number);
    (digits.len() == 18 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// The carrier of a SCAC (National Motor Freight Traffic Association), where it has a dialect of its own.
fn known_scac(scac: &str) -> Option<&'static str> {
    Some(match scac {
        "UPSN" => "ups",
        "USPS" => "usps",
        "FDE" | "FDEN" | "FDXE" | "FDEG" | "FDXG" | "FXFE" | "FXNL" => "fedex",
        _ => return None,
    })
}

/// Our id of the carrier of a SCAC; one without a dialect of its own keeps its SCAC, in lower case. `None` for what is no SCAC.
pub(super) fn carrier(scac: &str) -> Option<Label> {
    let scac = scac.to_ascii_uppercase();
    let is_scac = (2..=4).contains(&scac.len()) && scac.bytes().all(|b| b.is_ascii_alphanumeric());
    is_scac.then(|| known_scac(&scac).map_or_else(|| Cow::Owned(scac.to_ascii_lowercase()), Cow::Borrowed))
}

/// A reason that only says that something is wrong: one that says what goes before it.
pub(super) fn only_says_that(reason: ExceptionReason) -> bool {
    matches!(reason, ExceptionReason::CarrierDelay | ExceptionReason::CarrierHold | ExceptionReason::CustomsHold)
}

/// What can be said of a body before its first segment is read. A relay may declare a media type of the syntax, or one that says nothing.
///
/// # Errors
/// The code of the first limit that it breaks.
pub(super) fn check(message: &RawMessage<'_>, settings: &DialectSettings, media_types: &[&str]) -> Result<(), Park> {
    const SAY_NOTHING: &[&str] = &["application/edi-consent", "application/octet-stream", "binary/octet-stream", "text/plain", "text/edi"];
    let body = message.body;
    if body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("{} bytes, {} are allowed", body.len(), settings.body_bytes_max)));
    }
    if body.strip_prefix(BOM).unwrap_or(body).trim_ascii().is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    let declared = message.content_type.and_then(|t| t.split(';').next()).map(|t| t.trim().to_ascii_lowercase());
    if declared.is_some_and(|t| !t.is_empty() && !media_types.contains(&t.as_str()) && !SAY_NOTHING.contains(&t.as_str())) {
        return Err(Park::new(Code::WRONG_CONTENT_TYPE, "content-type is another one than the source's"));
    }
    if body.starts_with(b"\xFF\xFE") || body.starts_with(b"\xFE\xFF") {
        return Err(Park::new(Code::NOT_UTF8, "the body is UTF-16"));
    }
    Ok(())
}

/// Bytes of the first character: one where it is no UTF-8.
fn character_length(bytes: &[u8]) -> usize {
    (1..=TERMINATOR_BYTES_MAX).find(|n| bytes.get(..*n).is_some_and(|c| std::str::from_utf8(c).is_ok())).unwrap_or(1)
}

/// The tag at the start of the bytes (two or three capitals and digits, then a separator, a terminator or the end)
/// and whether elements follow it.
fn tag_at(bytes: &[u8], delimiters: &Delimiters) -> Option<([u8; 3], bool)> {
    let mut tag = *b"   ";
    let mut length = 0;
    let terminator = delimiters.terminator();
    for (at, byte) in bytes.iter().enumerate() {
        let ends = *byte == delimiters.element || bytes.get(at..).is_some_and(|rest| rest.starts_with(terminator));
        if ends {
            return (length >= 2).then_some((tag, *byte == delimiters.element));
        }
        if matches!(byte, b'\r' | b'\n') {
            continue;
        }
        if !(byte.is_ascii_uppercase() || (length > 0 && byte.is_ascii_digit())) {
            return None;
        }
        *tag.get_mut(length)? = *byte;
        length += 1;
    }
    (length >= 2).then_some((tag, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_too_long_is_not_carried_along() {
        let told = |length| number(Some(Cow::Owned("7".repeat(length)))).map(|n| n.len());
        assert_eq!((told(128), told(129), number(None)), (Some(128), Some(0), None));
        let mut numbers = Numbers::default();
        for sent in ["N/A", "1Z 7", "1z7", "1Z8"] {
            numbers.add(Some(Cow::Borrowed(sent)));
        }
        assert_eq!((numbers.each(), numbers.count()), (vec!["1Z 7", "1Z8"], 2));
    }
}
