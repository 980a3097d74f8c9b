//! The syntax of EDI, and nothing of its meaning: delimiters, segments, elements.
//! In comes a body with one or more interchanges; out come its segments one after the other, or why it cannot be read.
//! Nothing is copied and nothing is assumed: the delimiters are those that the interchange declares.

pub mod x12;

use std::borrow::Cow;

/// Longest terminator, bytes: one character of UTF-8.
const TERMINATOR_BYTES_MAX: usize = 4;

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
    /// Something that is no interchange follows one.
    #[error("garbage after the interchange")]
    Garbage,
}

/// The delimiters of one interchange, as its header declares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// Between elements.
    pub element: u8,
    /// Between the components of an element.
    pub component: u8,
    terminator: [u8; TERMINATOR_BYTES_MAX],
    terminator_len: usize,
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
        Some(Self { element, component, terminator: bytes, terminator_len: terminator.len() })
    }

    /// What ends a segment: one character, which may be several bytes of UTF-8.
    #[must_use]
    pub fn terminator(&self) -> &[u8] {
        self.terminator.get(..self.terminator_len).unwrap_or_default()
    }
}

/// One segment: its tag and its elements, read on demand.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
}

impl<'a> Segment<'a> {
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
        let bytes = self.bytes.split(|b| *b == self.delimiters.element).nth(position)?;
        let text = if bytes.iter().any(|b| matches!(b, b'\r' | b'\n')) {
            let joined: Vec<u8> = bytes.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
            Cow::Owned(decode(joined.trim_ascii()).into_owned())
        } else {
            decode(bytes.trim_ascii())
        };
        (!text.is_empty()).then_some(text)
    }
}

/// UTF-8 where it is, else ISO 8859-1.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
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
