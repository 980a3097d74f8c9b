//! The walk over the segments of a body, the same for both syntaxes.

use super::{BOM, Broken, Delimiters, Segment, tag_at};

/// What a syntax has of its own.
#[derive(Debug)]
pub(super) struct Syntax {
    /// The segment that begins an interchange.
    pub(super) begins: [u8; 3],
    /// The segment that ends it.
    pub(super) ends: [u8; 3],
    /// Reads the header at the start of the bytes; `None` where none begins there.
    pub(super) header: fn(&[u8]) -> Result<Option<Header>, Broken>,
}

/// Where the header of an interchange is and what it declares.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) delimiters: Delimiters,
    /// Bytes before its segment.
    pub(super) start: usize,
    /// Bytes of its segment, without terminator.
    pub(super) length: usize,
}

/// Reads the segments of a body, in one pass. Between interchanges and segments what is blank is skipped; each interchange
/// has its own delimiters. After an error nothing more comes.
///
/// In a segment of free text a terminator is text when what follows cannot be a segment. Behind any other segment what is no
/// segment is an error: swallowed, it might have been a happening.
#[derive(Debug)]
pub struct Reader<'a> {
    syntax: &'static Syntax,
    body: &'a [u8],
    at: usize,
    interchanges: usize,
    delimiters: Option<Delimiters>,
    failed: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(syntax: &'static Syntax, body: &'a [u8]) -> Self {
        Self { syntax, body, at: 0, interchanges: 0, delimiters: None, failed: false }
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self) -> Result<Option<Segment<'a>>, Broken> {
        if self.rest().is_empty() && self.delimiters.is_none() && self.interchanges > 0 {
            return Ok(None);
        }
        let Some(delimiters) = self.delimiters else { return self.open() };
        self.at += blank(self.rest(), delimiters.terminator());
        let rest = self.rest();
        if rest.is_empty() || (rest.starts_with(&self.syntax.begins) && rest.get(3).is_some_and(|b| !b.is_ascii_alphanumeric())) {
            return Err(Broken::Cut);
        }
        if tag_at(rest, &delimiters).is_none() {
            return Err(Broken::NoTag);
        }
        let (length, next) = segment_end(rest, &delimiters);
        let segment = Segment { bytes: rest.get(..length).unwrap_or_default(), delimiters };
        self.at += next;
        if segment.tag() == self.syntax.ends {
            self.delimiters = None;
        }
        Ok(Some(segment))
    }

    /// Reads the header of the next interchange, from where the delimiters are known.
    fn open(&mut self) -> Result<Option<Segment<'a>>, Broken> {
        while let length @ 1.. = blank_character(self.rest()) {
            self.at += length;
        }
        let rest = self.rest();
        let Some(Header { delimiters, start, length }) = (self.syntax.header)(rest)? else {
            return match (self.interchanges, rest.is_empty()) {
                (0, _) => Err(Broken::NoHeader),
                (_, true) => Ok(None),
                (_, false) => Err(Broken::Garbage),
            };
        };
        self.delimiters = Some(delimiters);
        self.interchanges += 1;
        self.at += start + length;
        Ok(Some(Segment { bytes: rest.get(start..start + length).unwrap_or_default(), delimiters }))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Segment<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.advance();
        self.failed = step.is_err();
        step.transpose()
    }
}

/// Segments that hold free text, of both syntaxes. In all others the first terminator is the real one.
const FREE_TEXT: &[&[u8; 3]] = &[b"K1 ", b"L5 ", b"MSG", b"MTX", b"NTE", b"PID", b"FTX"];

/// The length of the segment at the start of the bytes, and where the next one begins.
fn segment_end(bytes: &[u8], delimiters: &Delimiters) -> (usize, usize) {
    let terminator = delimiters.terminator();
    let free_text = tag_at(bytes, delimiters).is_some_and(|(tag, _)| FREE_TEXT.contains(&&tag));
    let mut from = 0;
    loop {
        let Some(end) = find(bytes, from, delimiters) else { return (bytes.len(), bytes.len()) };
        let mut next = end + terminator.len();
        if !free_text {
            return (end, next);
        }
        next += blank(bytes.get(next..).unwrap_or_default(), terminator);
        let following = bytes.get(next..).unwrap_or_default();
        if following.is_empty() || tag_at(following, delimiters).is_some() {
            return (end, next);
        }
        from = next;
    }
}

/// Bytes of the blank character at the start, 0 where there is none. Files that were joined or came from old systems have
/// byte order marks, NUL and the end-of-file mark of DOS in between.
fn blank_character(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(byte) if byte.is_ascii_whitespace() || matches!(byte, 0 | 0x1A) => 1,
        Some(_) if bytes.starts_with(BOM) => BOM.len(),
        _ => 0,
    }
}

/// How many bytes of blanks and empty segments stand at the start.
fn blank(bytes: &[u8], terminator: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match blank_character(rest) {
            _ if rest.starts_with(terminator) => at += terminator.len(),
            0 => break,
            length => at += length,
        }
    }
    at
}

/// The first terminator that is not released.
pub(super) fn find(bytes: &[u8], from: usize, delimiters: &Delimiters) -> Option<usize> {
    let terminator = delimiters.terminator();
    let first = *terminator.first()?;
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let hit = at + rest.iter().position(|b| *b == first)?;
        if bytes.get(hit..)?.starts_with(terminator) && !is_released(bytes.get(..hit)?, delimiters) {
            return Some(hit);
        }
        at = hit + 1;
    }
}

/// Whether what follows these bytes is released: an odd number of release characters stands at their end. Line breaks between
/// them are of wrapped lines and do not count, unless a line break is the terminator: then it is what was released.
fn is_released(before: &[u8], delimiters: &Delimiters) -> bool {
    let Some(release) = delimiters.release else { return false };
    let wraps = !delimiters.breaks_lines();
    let run = before.iter().rev().filter(|b| !(wraps && matches!(b, b'\r' | b'\n'))).take_while(|b| **b == release).count();
    run % 2 == 1
}
