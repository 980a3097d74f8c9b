//! The rows of a CSV file one after the other, as they were sent, whatever the file's size.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::values::BOM;
use crate::domain::verdict::{Code, Park};

/// Longest line, bytes: 250 columns of UPS take about 2,000.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Most lines of one row: addresses with line breaks in them.
const LINES_MAX: usize = 32;

/// One row.
#[derive(Debug)]
pub(super) struct RawRow {
    /// Its first line, from 1.
    pub(super) line: i64,
    /// As sent, without the line break at its end; the beginning of it where it is too long.
    pub(super) bytes: Vec<u8>,
    /// Why it cannot be a row.
    pub(super) broken: Option<Park>,
}

/// Reads rows. No more than one row, with the lines that may belong to it, is held.
#[derive(Debug)]
pub(super) struct Rows<R> {
    reader: R,
    line: i64,
    /// Lines that were looked at and belong to later rows.
    ahead: VecDeque<Vec<u8>>,
    /// Between cells.
    pub(super) delimiter: u8,
}

impl<R: BufRead> Rows<R> {
    /// A reader that takes the separator from the first line with anything in it.
    pub(super) fn new(reader: R) -> io::Result<Self> {
        let mut rows = Self { reader, line: 1, ahead: VecDeque::new(), delimiter: b',' };
        while let Some(mut first) = rows.physical()? {
            if first.starts_with(BOM) {
                first.drain(..BOM.len());
            }
            if first.trim_ascii().is_empty() {
                rows.line += 1;
                continue;
            }
            rows.delimiter = delimiter(&first);
            rows.ahead.push_back(first);
            break;
        }
        Ok(rows)
    }

    /// The next row that has anything in it.
    pub(super) fn next(&mut self) -> io::Result<Option<RawRow>> {
        loop {
            let Some(row) = self.row()? else { return Ok(None) };
            if row.bytes.iter().any(|b| !b.is_ascii_whitespace() && *b != self.delimiter && *b != 0x1A) {
                return Ok(Some(row));
            }
        }
    }

    fn row(&mut self) -> io::Result<Option<RawRow>> {
        let Some(mut bytes) = self.physical()? else { return Ok(None) };
        let line = self.line;
        self.line += 1;
        if bytes.len() > LINE_BYTES_MAX {
            let broken = Some(Park::new(Code::TOO_LARGE, format!("a line of more than {LINE_BYTES_MAX} bytes")));
            return Ok(Some(RawRow { line, bytes, broken }));
        }
        let mut quotes = Quotes::new(self.delimiter);
        quotes.feed(&bytes);
        let mut more: Vec<Vec<u8>> = Vec::new();
        let mut length = bytes.len();
        while quotes.open() {
            let next = if more.len() < LINES_MAX { self.physical()? } else { None };
            let fits = next.as_ref().is_some_and(|next| length + next.len() <= LINE_BYTES_MAX);
            if let Some(next) = next {
                length += next.len();
                quotes.feed(&next);
                more.push(next);
            }
            if !fits {
                // A stray quote must cost its own line alone: what was looked at is read again.
                more.into_iter().rev().for_each(|line| self.ahead.push_front(line));
                let broken = Some(Park::new(Code::MALFORMED, "a quoted cell does not end"));
                return Ok(Some(RawRow { line, bytes: without_break(bytes), broken }));
            }
        }
        for next in more {
            self.line += 1;
            bytes.extend(next);
        }
        Ok(Some(RawRow { line, bytes: without_break(bytes), broken: None }))
    }

    /// One line with its break; cut off behind the limit, and the rest of it passed over.
    fn physical(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        if io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let mut whole = line.ends_with(b"\n") || line.len() <= LINE_BYTES_MAX;
        while !whole {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|b| *b == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            whole = end.is_some() || buffer.is_empty();
            self.reader.consume(used);
        }
        Ok(Some(line))
    }
}

fn without_break(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last().is_some_and(|b| matches!(b, b'\r' | b'\n')) {
        bytes.pop();
    }
    bytes
}

/// The separator that the line has most of, outside quotes.
fn delimiter(line: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        line.iter()
            .filter(|b| {
                quoted ^= **b == b'"';
                !quoted && **b == separator
            })
            .count()
    };
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// Where in a row's quoting a reader stands.
#[derive(Debug)]
struct Quotes {
    delimiter: u8,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A cell begins: only here a quote opens.
    Start,
    Plain,
    Quoted,
    /// A quote inside quotes: the end, or the first of two.
    Quote,
}

impl Quotes {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Start }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.state = match (self.state, *byte) {
                (State::Quoted, b'"') => State::Quote,
                (State::Start | State::Quote, b'"') | (State::Quoted, _) => State::Quoted,
                (_, b'\n') => State::Start,
                (_, byte) if byte == self.delimiter => State::Start,
                _ => State::Plain,
            };
        }
    }

    fn open(&self) -> bool {
        self.state == State::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(i64, String, bool)> {
        let mut rows = Rows::new(text.as_bytes()).expect("reads");
        let mut found = Vec::new();
        while let Some(row) = rows.next().expect("reads") {
            found.push((row.line, String::from_utf8_lossy(&row.bytes).into_owned(), row.broken.is_some()));
        }
        found
    }

    #[test]
    fn rows_keep_their_line_and_their_bytes() {
        let text = "\u{feff}\r\na,b\r\n\r\n,,\n\"x\ny\",2\n\"q\"\"\n\",3\nlast";
        let expected = [(2, "a,b"), (5, "\"x\ny\",2"), (7, "\"q\"\"\n\",3"), (9, "last")];
        assert_eq!(rows(text), expected.map(|(line, text)| (line, text.to_owned(), false)));
    }

    #[test]
    fn a_stray_quote_costs_its_own_line_alone() {
        let text = format!("a,b\n\"5 inch,1\n{}", "c,d\n".repeat(100));
        let found = rows(&text);
        assert_eq!(
            found.iter().filter(|(.., broken)| *broken).map(|(line, text, _)| (*line, text.as_str())).collect::<Vec<_>>(),
            [(2, "\"5 inch,1")]
        );
        assert_eq!((found.len(), found[101].0), (102, 102));
        assert_eq!(rows("a,5\" pipe\nb,c").len(), 2, "a quote inside a cell is text");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let found = rows(&format!("a,b\n{}\nc,d\n", "x".repeat(LINE_BYTES_MAX * 3)));
        assert_eq!(
            found.iter().map(|(line, text, broken)| (*line, text.len() <= LINE_BYTES_MAX + 1, *broken)).collect::<Vec<_>>(),
            [(1, true, false), (2, true, true), (3, true, false)]
        );
    }

    #[test]
    fn the_separator_is_that_of_the_first_line() {
        for (line, separator) in [("a;b;\"x,y,z,w\"", b';'), ("a,b;c,d", b','), ("a\tb\tc", b'\t'), ("alone", b',')] {
            assert_eq!(Rows::new(line.as_bytes()).expect("reads").delimiter, separator, "{line}");
        }
    }
}
