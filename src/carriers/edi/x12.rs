//! Segments of ASC X12 interchanges (ISA … IEA), tolerant of what real senders do.

use super::reader::{Header, Syntax};
use super::{Broken, Delimiters, Reader, character_length};

const ISA_SEPARATORS: usize = 16;
/// The header has 106 bytes; line breaks and careless padding may add some.
const ISA_BYTES_MAX: usize = 400;

static SYNTAX: Syntax = Syntax { begins: *b"ISA", ends: *b"IEA", header };

/// The segments of a body.
#[must_use]
pub fn segments(body: &[u8]) -> Reader<'_> {
    Reader::new(&SYNTAX, body)
}

fn header(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    if !bytes.starts_with(b"ISA") {
        return Ok(None);
    }
    isa(bytes).map(|(delimiters, length)| Some(Header { delimiters, start: 0, length }))
}

/// The delimiters, and the length of the header up to and with ISA16. The element separator is the fourth byte, the
/// component separator is ISA16, the terminator is what stands behind it.
fn isa(bytes: &[u8]) -> Result<(Delimiters, usize), Broken> {
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
        character.get(..character_length(character)).and_then(|terminator| Delimiters::new(element, component, terminator))
    };
    delimiters.map(|d| (d, end)).ok_or(Broken::BadHeader)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISA: &str = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260304*0900*U*00401*000000001*0*P*>";

    fn tags(body: &[u8]) -> Result<Vec<String>, Broken> {
        segments(body).map(|s| s.map(|s| String::from_utf8_lossy(&s.tag()).trim().to_owned())).collect()
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
            let segments: Vec<_> = segments(wrapped.as_bytes()).collect::<Result<_, _>>().expect("readable");
            assert_eq!(segments.len(), 7, "width {width}");
            assert_eq!(segments[3].tag(), *b"L11");
            assert_eq!(segments[3].element(1).as_deref(), Some("CARRIER"), "width {width}");
        }
    }

    #[test]
    fn a_terminator_in_free_text_is_text_where_no_segment_can_begin() {
        let body = format!("{ISA}~K1*leave ~ at dock~door 4*x~~AT7*X1~IEA*1*1~");
        let segments: Vec<_> = segments(body.as_bytes()).collect::<Result<_, _>>().expect("readable");
        assert_eq!(segments[1].element(1).as_deref(), Some("leave ~ at dock~door 4"));
        assert_eq!(segments[2].tag(), *b"AT7");
        assert_eq!(segments.len(), 4);
    }

    #[test]
    fn what_stands_before_a_segment_does_not_take_it_away() {
        for blank in ["\u{1a}", "\0", "\u{feff}", " \r\n\u{feff}~\0"] {
            let body = format!("{ISA}~{blank}MS3*A*B~{blank}AT7*D1~{blank}IEA*1*1~");
            assert_eq!(tags(body.as_bytes()), Ok(["ISA", "MS3", "AT7", "IEA"].map(str::to_owned).to_vec()), "{blank:?}");
        }
        for odd in ["\u{1}AT7*D1", "at7*D1", "?", "LT~x AT7*D1"] {
            let body = format!("{ISA}~MS3*A*B~{odd}~AT7*X1~IEA*1*1~");
            assert_eq!(tags(body.as_bytes()), Err(Broken::NoTag), "{odd:?}");
        }
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
            (format!("{ISA}~1~IEA*1*1~"), Broken::NoTag),
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
        let segments: Vec<_> = segments(&body).collect::<Result<_, _>>().expect("readable");
        assert_eq!(segments[1].element(2).as_deref(), Some("München"));
    }
}
