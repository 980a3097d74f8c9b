//! Segments of ASC X12 interchanges (ISA … IEA), tolerant of what real senders do.

use super::{Broken, Delimiters, Segment, tag_at};

const ISA_SEPARATORS: usize = 16;
/// The header has 106 bytes; line breaks and careless padding may add some.
const ISA_BYTES_MAX: usize = 400;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads the segments of a body, in one pass. Between interchanges white space is skipped; each interchange has its
/// own delimiters. After an error nothing more comes.
///
/// A terminator inside free text is taken as text when what follows cannot be a segment (no tag with an element behind it).
#[derive(Debug)]
pub struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    interchanges: usize,
    delimiters: Option<Delimiters>,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// A reader over a whole body.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, interchanges: 0, delimiters: None, failed: false }
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
        if rest.is_empty() || (rest.starts_with(b"ISA") && rest.get(3).is_some_and(|b| !b.is_ascii_alphanumeric())) {
            return Err(Broken::Cut);
        }
        let (length, next) = segment_end(rest, &delimiters);
        let segment = Segment { bytes: rest.get(..length).unwrap_or_default(), delimiters };
        self.at += next;
        if segment.tag() == *b"IEA" {
            self.delimiters = None;
        }
        Ok(Some(segment))
    }

    /// Reads the header of the next interchange, from where the delimiters are known.
    fn open(&mut self) -> Result<Option<Segment<'a>>, Broken> {
        while let Some(byte) = self.rest().first() {
            if self.rest().starts_with(BOM) {
                self.at += BOM.len();
            } else if byte.is_ascii_whitespace() || matches!(byte, 0 | 0x1A) {
                self.at += 1;
            } else {
                break;
            }
        }
        let rest = self.rest();
        if !rest.starts_with(b"ISA") {
            return match (self.interchanges, rest.is_empty()) {
                (0, _) => Err(Broken::NoHeader),
                (_, true) => Ok(None),
                (_, false) => Err(Broken::Garbage),
            };
        }
        let (delimiters, length) = header(rest)?;
        self.delimiters = Some(delimiters);
        self.interchanges += 1;
        self.at += length;
        Ok(Some(Segment { bytes: rest.get(..length).unwrap_or_default(), delimiters }))
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

/// The delimiters, and the length of the header up to and with ISA16. The element separator is the fourth byte, the
/// component separator is ISA16, the terminator is what stands behind it.
fn header(bytes: &[u8]) -> Result<(Delimiters, usize), Broken> {
    let element = *bytes.get(3).ok_or(Broken::Cut)?;
    if element.is_ascii_alphanumeric() || matches!(element, b' ' | b'\r' | b'\n') {
        return Err(Broken::BadHeader);
    }
    let window = bytes.get(..bytes.len().min(ISA_BYTES_MAX)).unwrap_or_default();
    let lost = if bytes.len() > ISA_BYTES_MAX { Broken::BadHeader } else { Broken::Cut };
    let last = window.iter().enumerate().filter(|(_, b)| **b == element).nth(ISA_SEPARATORS - 1).ok_or(lost)?.0;
    let after = window.get(last + 1..).unwrap_or_default();
    let breaks = after.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let component = *after.get(breaks).ok_or(lost)?;
    let end = last + 1 + breaks + 1;
    let behind = bytes.get(end..).unwrap_or_default();
    let spaces = behind.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let first = *behind.get(spaces).ok_or(Broken::Cut)?;
    let delimiters = if first.is_ascii_alphanumeric() {
        let gap = behind.get(..spaces).unwrap_or_default();
        if let Some(line_break) = [b'\n', b'\r'].iter().find(|b| gap.contains(b)) {
            Delimiters::new(element, component, &[*line_break])
        } else if gap.is_empty() && behind.starts_with(b"GS") && !component.is_ascii_alphanumeric() {
            // ISA16 was left out: what was read as the component separator is the terminator.
            return Delimiters::new(element, component, &[component]).map(|d| (d, end)).ok_or(Broken::BadHeader);
        } else {
            None
        }
    } else {
        let character = behind.get(spaces..).unwrap_or_default();
        let length = (1..=4).find(|n| character.get(..*n).is_some_and(|c| std::str::from_utf8(c).is_ok())).unwrap_or(1);
        character.get(..length).and_then(|terminator| Delimiters::new(element, component, terminator))
    };
    delimiters.map(|d| (d, end)).ok_or(Broken::BadHeader)
}

/// The length of the segment at the start of the bytes, and where the next one begins.
fn segment_end(bytes: &[u8], delimiters: &Delimiters) -> (usize, usize) {
    let terminator = delimiters.terminator();
    // Control segments hold no free text: their first terminator is the real one.
    let control = tag_at(bytes, delimiters).is_some_and(|(tag, _)| matches!(&tag, b"IEA" | b"GE " | b"SE " | b"ST " | b"GS " | b"TA1"));
    let mut from = 0;
    loop {
        let Some(end) = find(bytes, from, terminator) else { return (bytes.len(), bytes.len()) };
        let mut next = end + terminator.len();
        if control {
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

/// How many bytes of white space and empty segments stand at the start.
fn blank(bytes: &[u8], terminator: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(terminator) {
            at += terminator.len();
        } else if rest.first().is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let hit = at + rest.iter().position(|b| *b == first)?;
        if bytes.get(hit..)?.starts_with(needle) {
            return Some(hit);
        }
        at = hit + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISA: &str = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260304*0900*U*00401*000000001*0*P*>";

    fn tags(body: &[u8]) -> Result<Vec<String>, Broken> {
        Reader::new(body).map(|s| s.map(|s| String::from_utf8_lossy(&s.tag()).trim().to_owned())).collect()
    }

    #[test]
    fn delimiters_are_those_of_the_header() {
        for (terminator, gap) in [("~", ""), ("~", "\r\n"), ("\n", ""), ("\r\n", ""), ("\r", ""), ("…", "\n"), ("!", " "), ("\u{1d}", "")]
        {
            for element in ["*", "|", "\t", "^"] {
                let body = format!("{ISA}{terminator}{gap}GS*QM~{gap}IEA*1*1").replace('~', terminator).replace('*', element);
                assert_eq!(tags(body.as_bytes()), Ok(vec!["ISA".into(), "GS".into(), "IEA".into()]), "{terminator:?} {gap:?} {element:?}");
            }
        }
    }

    #[test]
    fn lines_wrapped_at_any_column_are_joined() {
        let body = format!("{ISA}~GS*QM*A~ST*214*1~L11*CARRIER*CN~SE*1*1~GE*1*1~IEA*1*1~");
        for width in 7..body.len() {
            let wrapped = body.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("\r\n");
            let segments: Vec<_> = Reader::new(wrapped.as_bytes()).collect::<Result<_, _>>().expect("readable");
            assert_eq!(segments.len(), 7, "width {width}");
            assert_eq!(segments[3].tag(), *b"L11");
            assert_eq!(segments[3].element(1).as_deref(), Some("CARRIER"), "width {width}");
        }
    }

    #[test]
    fn a_terminator_in_free_text_is_text_where_no_segment_can_begin() {
        let body = format!("{ISA}~K1*leave ~ at dock~door 4*x~~AT7*X1~IEA*1*1~");
        let segments: Vec<_> = Reader::new(body.as_bytes()).collect::<Result<_, _>>().expect("readable");
        assert_eq!(segments[1].element(1).as_deref(), Some("leave ~ at dock~door 4"));
        assert_eq!(segments[2].tag(), *b"AT7");
        assert_eq!(segments.len(), 4);
    }

    #[test]
    fn several_interchanges_with_their_own_delimiters() {
        let body = format!("\u{feff}{ISA}~GS*QM~IEA*1*1~\r\n{}", format!("{ISA}\nGS*QM\nIEA*1*1\n\u{1a}").replace('*', "|"));
        assert_eq!(tags(body.as_bytes()).map(|t| t.join(" ")), Ok("ISA GS IEA ISA GS IEA".into()));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (body, why) in [
            (String::new(), Broken::NoHeader),
            ("  \n".into(), Broken::NoHeader),
            ("ST*214*1~".into(), Broken::NoHeader),
            ("ISA".into(), Broken::Cut),
            ("ISA*00*  ".into(), Broken::Cut),
            (ISA.into(), Broken::Cut),
            (format!("{ISA}~"), Broken::Cut),
            (format!("{ISA}*GS*QM"), Broken::BadHeader),
            (format!("{ISA}XX*QM"), Broken::BadHeader),
            ("ISAX".into(), Broken::BadHeader),
            (format!("ISA*{}", "x".repeat(1000)), Broken::BadHeader),
            (format!("{ISA}~GS*QM~ST*214*1~"), Broken::Cut),
            (format!("{ISA}~GS*QM~{ISA}~GS*QM~IEA*1*1~"), Broken::Cut),
            (format!("{ISA}~IEA*1*1~SA*00~"), Broken::Garbage),
        ] {
            assert_eq!(tags(body.as_bytes()), Err(why), "{body:?}");
        }
    }

    #[test]
    fn a_missing_isa16_is_seen() {
        let body = format!("{}~GS*QM~IEA*1*1~", ISA.trim_end_matches('>'));
        assert_eq!(tags(body.as_bytes()).map(|t| t.len()), Ok(3));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin_1() {
        let mut body = format!("{ISA}~N1*SH*M").into_bytes();
        body.extend_from_slice(b"\xFCnchen~IEA*1*1~");
        let segments: Vec<_> = Reader::new(&body).collect::<Result<_, _>>().expect("readable");
        assert_eq!(segments[1].element(2).as_deref(), Some("München"));
    }
}
