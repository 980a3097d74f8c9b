//! The transaction sets of an X12 file one after the other, each in an envelope of its own, whatever the file's size.

use std::io::{self, Read};

use super::values::BOM;
use crate::carriers::edi::{Broken, Delimiters, x12};
use crate::domain::verdict::{Code, Park};

/// Largest transaction set, bytes. With its envelope it has to fit a raw record.
const SET_BYTES_MAX: usize = 3 << 20;
const CHUNK_BYTES: usize = 64 << 10;
/// What the header of an interchange may take.
const HEADER_BYTES: usize = 512;

/// Reads sets. No more than one set and one chunk are held.
#[derive(Debug)]
pub(super) struct Sets<R> {
    reader: R,
    window: Vec<u8>,
    /// Where in the window the next segment begins.
    at: usize,
    ended: bool,
    delimiters: Option<Delimiters>,
    interchanges: usize,
    /// The headers of the interchange and of the group, with their terminators.
    interchange: Vec<u8>,
    group: Vec<u8>,
    open: Option<Vec<u8>>,
}

impl<R: Read> Sets<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            window: Vec::new(),
            at: 0,
            ended: false,
            delimiters: None,
            interchanges: 0,
            interchange: Vec::new(),
            group: Vec::new(),
            open: None,
        }
    }

    /// The next set as an interchange of its own; or why it cannot be read, and then nothing more comes.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<Vec<u8>, Park>>> {
        loop {
            let Some(delimiters) = self.delimiters else {
                match self.header()? {
                    Ok(true) => continue,
                    Ok(false) => return Ok(None),
                    Err(broken) => return Ok(Some(Err(self.fail(broken)))),
                }
            };
            let Some(segment) = self.segment(&delimiters)? else {
                return Ok(Some(Err(self.fail(Park::new(Code::MALFORMED, Broken::Cut.to_string())))));
            };
            let (segment, tag) = segment;
            match &tag {
                b"ST " | b"GS " | b"GE " | b"IEA" | b"ISA" if self.open.is_some() => {
                    return Ok(Some(Err(self.fail(Park::new(Code::MALFORMED, "a transaction set without SE")))));
                }
                b"ISA" => return Ok(Some(Err(self.fail(Park::new(Code::MALFORMED, Broken::Cut.to_string()))))),
                b"GS " => self.group = segment,
                b"IEA" => self.delimiters = None,
                b"ST " => self.open = Some([self.interchange.as_slice(), &self.group, &segment].concat()),
                _ => {
                    let Some(open) = &mut self.open else { continue };
                    open.extend(segment);
                    if open.len() > SET_BYTES_MAX {
                        return Ok(Some(Err(
                            self.fail(Park::new(Code::TOO_LARGE, format!("a transaction set of more than {SET_BYTES_MAX} bytes")))
                        )));
                    }
                    if tag == *b"SE " {
                        return Ok(self.open.take().map(|open| Ok(self.closed(open, &delimiters))));
                    }
                }
            }
        }
    }

    /// Nothing more comes.
    fn fail(&mut self, park: Park) -> Park {
        self.ended = true;
        self.delimiters = None;
        self.window.clear();
        self.at = 0;
        self.interchanges = 1;
        self.open = None;
        park
    }

    fn closed(&self, mut set: Vec<u8>, delimiters: &Delimiters) -> Vec<u8> {
        let element = char::from(delimiters.element);
        let group = if self.group.is_empty() { "" } else { "GE" };
        for tag in [group, "IEA"].into_iter().filter(|tag| !tag.is_empty()) {
            set.extend(format!("{tag}{element}1{element}1").bytes());
            set.extend(delimiters.terminator());
        }
        set
    }

    /// Reads the header of the next interchange; `false` where there is none.
    fn header(&mut self) -> io::Result<Result<bool, Park>> {
        loop {
            self.fill(HEADER_BYTES)?;
            let rest = self.rest();
            if rest.starts_with(BOM) {
                self.at += BOM.len();
                continue;
            }
            let blank = rest.iter().take_while(|b| b.is_ascii_whitespace() || matches!(b, 0 | 0x1A)).count();
            if blank == 0 {
                break;
            }
            self.at += blank;
        }
        if self.rest().is_empty() && self.interchanges > 0 {
            return Ok(Ok(false));
        }
        let found = x12::segments(self.rest()).next();
        let (bytes, delimiters) = match found {
            Some(Ok(isa)) => (isa.bytes().to_vec(), isa.delimiters()),
            Some(Err(broken)) => return Ok(Err(Park::new(Code::MALFORMED, broken.to_string()))),
            None => return Ok(Ok(false)),
        };
        self.at += bytes.len();
        // What is left of the header's own line up to its terminator is no segment.
        let behind = self.rest();
        let gap = behind.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if behind.get(gap..).is_some_and(|b| b.starts_with(delimiters.terminator())) {
            self.at += gap + delimiters.terminator().len();
        }
        self.interchange = [bytes.as_slice(), delimiters.terminator()].concat();
        self.group.clear();
        self.delimiters = Some(delimiters);
        self.interchanges += 1;
        Ok(Ok(true))
    }

    /// The next segment with its terminator, and its tag; `None` at the end.
    fn segment(&mut self, delimiters: &Delimiters) -> io::Result<Option<(Vec<u8>, [u8; 3])>> {
        let terminator = delimiters.terminator();
        let mut searched = 0;
        loop {
            let rest = self.rest();
            let found = rest.get(searched..).unwrap_or_default().windows(terminator.len()).position(|w| w == terminator);
            if let Some(end) = found {
                let length = searched + end + terminator.len();
                let segment = rest.get(..length).unwrap_or_default().to_vec();
                self.at += length;
                let tag = tag(&segment, delimiters.element);
                return Ok(Some((segment, tag)));
            }
            if self.ended || rest.len() > SET_BYTES_MAX {
                return Ok(None);
            }
            searched = (rest.len() + 1).saturating_sub(terminator.len());
            let wanted = rest.len() + 1;
            self.fill(wanted)?;
        }
    }

    fn rest(&self) -> &[u8] {
        self.window.get(self.at..).unwrap_or_default()
    }

    /// Reads on until so many bytes are at hand, or the file ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while self.rest().len() < wanted && !self.ended {
            self.window.drain(..self.at);
            self.at = 0;
            let read = io::Read::take(&mut self.reader, CHUNK_BYTES as u64).read_to_end(&mut self.window)?;
            self.ended = read == 0;
        }
        Ok(())
    }
}

/// The tag of a segment, filled up with spaces; line breaks before and inside it do not count.
fn tag(segment: &[u8], element: u8) -> [u8; 3] {
    let mut tag = *b"   ";
    let name = segment.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n' | b' ')).take_while(|b| *b != element);
    for (slot, byte) in tag.iter_mut().zip(name) {
        *slot = byte;
    }
    tag
}
