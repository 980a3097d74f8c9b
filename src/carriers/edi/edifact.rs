//! Segments of UN/EDIFACT interchanges (UNA, UNB … UNZ), tolerant of what real senders do.

use super::reader::{Header, Syntax, find};
use super::{Broken, Delimiters, Reader, Segment, character_length};

/// UNA without its last character, the terminator.
const UNA_BYTES: usize = 8;
/// An honest UNB has some 100 bytes.
const UNB_BYTES_MAX: usize = 1_000;

static SYNTAX: Syntax = Syntax { begins: *b"UNB", ends: *b"UNZ", header };

/// The segments of a body; the service string advice (UNA) is not one of them.
#[must_use]
pub fn segments(body: &[u8]) -> Reader<'_> {
    Reader::new(&SYNTAX, body)
}

fn header(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    let (mut delimiters, start) = if bytes.starts_with(b"UNA") {
        advised(bytes)?
    } else if bytes.starts_with(b"UNB") {
        (usual(bytes)?, 0)
    } else {
        return Ok(None);
    };
    let unb = bytes.get(start..).unwrap_or_default();
    let lost = if unb.len() > UNB_BYTES_MAX { Broken::BadHeader } else { Broken::Cut };
    match unb.strip_prefix(b"UNB").map(|rest| rest.iter().find(|b| !matches!(b, b'\r' | b'\n'))) {
        Some(Some(element)) if *element == delimiters.element => {}
        Some(None) => return Err(Broken::Cut),
        None if b"UNB".starts_with(unb) => return Err(Broken::Cut),
        _ => return Err(Broken::BadHeader),
    }
    let window = unb.get(..unb.len().min(UNB_BYTES_MAX)).unwrap_or_default();
    let length = find(window, 0, &delimiters).ok_or(lost)?;
    let syntax = Segment { bytes: window.get(..length).unwrap_or_default(), delimiters }.component(1, 1).ok_or(Broken::BadHeader)?;
    // Level A and B are ASCII, C is ISO 8859-1; the other letters of UNO are other alphabets and, from W on, UTF-8.
    delimiters.latin1 = !syntax.starts_with("UNO") || matches!(syntax.as_ref(), "UNOA" | "UNOB" | "UNOC");
    Ok(Some(Header { delimiters, start, length }))
}

/// The delimiters that UNA declares, and where UNB begins.
fn advised(bytes: &[u8]) -> Result<(Delimiters, usize), Broken> {
    let Some([_, _, _, component, element, _decimal_mark, release, _repetition]) = bytes.first_chunk::<UNA_BYTES>() else {
        return Err(Broken::Cut);
    };
    let behind = bytes.get(UNA_BYTES..).filter(|b| !b.is_empty()).ok_or(Broken::Cut)?;
    let length = character_length(behind);
    let release = Some(*release).filter(|b| *b != b' ');
    let delimiters = behind.get(..length).and_then(|terminator| delimiters(*element, *component, release, terminator));
    let gap = behind.get(length..).unwrap_or_default().iter().take_while(|b| b.is_ascii_whitespace()).count();
    delimiters.map(|d| (d, UNA_BYTES + length + gap)).ok_or(Broken::BadHeader)
}

/// Without UNA: those of level A, or the control characters of level B, which the element separator tells apart.
fn usual(bytes: &[u8]) -> Result<Delimiters, Broken> {
    match bytes.get(3) {
        None => Err(Broken::Cut),
        Some(b'+') => delimiters(b'+', b':', Some(b'?'), b"'").ok_or(Broken::BadHeader),
        Some(0x1D) => delimiters(0x1D, 0x1F, None, b"\x1C").ok_or(Broken::BadHeader),
        Some(_) => Err(Broken::BadHeader),
    }
}

/// `None` where two of them are the same, or one is a letter or a digit.
fn delimiters(element: u8, component: u8, release: Option<u8>, terminator: &[u8]) -> Option<Delimiters> {
    let mut all = [element, component, *terminator.first()?, release.unwrap_or(b' ')];
    all.sort_unstable();
    let distinct = all.windows(2).all(|pair| pair.first() != pair.last());
    let plausible = distinct && !all.iter().any(u8::is_ascii_alphanumeric) && ![element, component].iter().any(u8::is_ascii_whitespace);
    Delimiters::new(element, component, terminator).filter(|_| plausible).map(|d| Delimiters { release, ..d })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "UNB+UNOC:3+A+B+260304:0900+1'UNH+1+IFTSTA:D:96A:UN'FTX+AAI+++10 ?+ 5 o?'clock??:x'UNT+3+1'UNZ+1+1'";

    fn tags(body: &[u8]) -> Result<String, Broken> {
        let tags: Result<Vec<_>, _> = segments(body).map(|s| s.map(|s| String::from_utf8_lossy(&s.tag()).into_owned())).collect();
        tags.map(|t| t.join(" "))
    }

    #[test]
    fn released_characters_are_text() {
        let all: Vec<_> = segments(BODY.as_bytes()).collect::<Result<_, _>>().expect("readable");
        assert_eq!(all.len(), 5);
        assert_eq!(all[2].component(4, 1).as_deref(), Some("10 + 5 o'clock?"));
        assert_eq!(all[2].component(4, 2).as_deref(), Some("x"));
        assert_eq!(
            (all[2].component(4, 3), all[2].component(2, 1), all[2].component(9, 1), all[2].component(4, 0)),
            (None, None, None, None)
        );
        assert_eq!(all[1].component(2, 3).as_deref(), Some("96A"));
    }

    #[test]
    fn delimiters_are_those_of_una() {
        for (una, element, component, release, terminator) in [
            ("UNA:+.? '", "+", ":", "?", "'"),
            ("UNA:+,? '\r\n", "+", ":", "?", "'"),
            ("UNA=*.?*~", "*", "=", "?", "~"),
            ("UNA|^.\\ \n", "^", "|", "\\", "\n"),
            ("UNA:+.? …\n", "+", ":", "?", "…"),
        ] {
            let rest: String = BODY
                .replace("?+", "\u{1}")
                .replace("?'", "\u{2}")
                .replace("??", "\u{3}")
                .replace('+', "\u{4}")
                .replace(':', "\u{5}")
                .replace('\'', "\u{6}")
                .replace('\u{1}', &format!("{release}{element}"))
                .replace('\u{2}', &format!("{release}{terminator}"))
                .replace('\u{3}', &format!("{release}{release}"))
                .replace('\u{4}', element)
                .replace('\u{5}', component)
                .replace('\u{6}', terminator);
            let body = format!("\u{feff}{una}{rest}");
            assert_eq!(tags(body.as_bytes()).as_deref(), Ok("UNB UNH FTX UNT UNZ"), "{una:?}");
            let text = segments(body.as_bytes()).nth(2).and_then(Result::ok).and_then(|s| s.component(4, 2));
            assert_eq!(text.as_deref(), Some("x"), "{una:?}");
        }
        let level_b = BODY.replace("?+", " ").replace("?'", " ").replace("??", " ");
        let level_b = level_b.replace('+', "\u{1d}").replace(':', "\u{1f}").replace('\'', "\u{1c}");
        assert_eq!(tags(level_b.as_bytes()).as_deref(), Ok("UNB UNH FTX UNT UNZ"));
    }

    #[test]
    fn lines_wrapped_at_any_column_are_joined() {
        let body = format!("UNA:+.? '{BODY}");
        for width in 12..body.len() {
            let wrapped = body.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("\r\n");
            let all: Vec<_> = segments(wrapped.as_bytes()).collect::<Result<_, _>>().unwrap_or_else(|e| panic!("width {width}: {e}"));
            assert_eq!(all.len(), 5, "width {width}");
            assert_eq!(all[2].component(4, 1).as_deref(), Some("10 + 5 o'clock?"), "width {width}");
        }
    }

    #[test]
    fn a_terminator_that_was_not_released_is_text_where_no_segment_can_begin() {
        let body = BODY.replace("o?'clock", "o'clock");
        let text = segments(body.as_bytes()).nth(2).and_then(Result::ok).and_then(|s| s.component(4, 1));
        assert_eq!(text.as_deref(), Some("10 + 5 o'clock?"));
    }

    #[test]
    fn a_released_terminator_ends_nothing_even_before_what_looks_like_a_segment() {
        for (sent, told, segments_told) in [("D?'ARC+x", "D'ARC", 5), ("D???'ARC+x", "D?'ARC", 5), ("D??'ARC+x", "D?", 6)] {
            let body = BODY.replace("10 ?+ 5 o?'clock??:x", sent);
            let all: Vec<_> = segments(body.as_bytes()).collect::<Result<_, _>>().expect("readable");
            assert_eq!((all.len(), all[2].component(4, 1).as_deref()), (segments_told, Some(told)), "{sent}");
        }
    }

    #[test]
    fn a_release_character_releases_one_terminator() {
        let head = "UNA:+.? \nUNB+UNOC:3+A+B+260304:0900+1\nUNH+1+IFTSTA:D:96A:UN\n";
        let tail = "UNT+3+1\nUNZ+1+1\n";
        for (sent, told) in [("FTX+a?\nARC+x\n", 5), ("FTX+a?\n\nARC+x\n", 6), ("FTX+a??\nARC+x\n", 6), ("FTX+a?\n?\nARC+x\n", 5)] {
            assert_eq!(segments(format!("{head}{sent}{tail}").as_bytes()).flatten().count(), told, "{sent:?}");
        }
        // Searched again from the start for each of them, this takes minutes.
        let many = format!("{head}FTX+a?{}{tail}", "\n".repeat(400_000));
        assert_eq!(segments(many.as_bytes()).flatten().count(), 5);
    }

    #[test]
    fn letters_are_those_of_the_syntax_identifier() {
        for (syntax, bytes, told) in [
            ("UNOC", &b"M\xDCNCHEN"[..], "MÜNCHEN"),
            ("UNOA", b"M\xDCNCHEN", "MÜNCHEN"),
            ("UNOY", "MÜNCHEN".as_bytes(), "MÜNCHEN"),
            ("UNOC", "MÜNCHEN".as_bytes(), "MÜNCHEN"),
            ("UNOD", b"\xA3OD\xAC", "\u{fffd}OD\u{fffd}"),
            ("UNOY", b"M\xDCNCHEN", "M\u{fffd}NCHEN"),
        ] {
            let body = BODY.replace("UNOC", syntax);
            let at = body.find("o?'clock").expect("there");
            let bytes = [&body.as_bytes()[..at], bytes, b"'UNZ+1+1'"].concat();
            let text = segments(&bytes).nth(2).and_then(Result::ok).and_then(|s| s.component(4, 1));
            assert_eq!(text.as_deref(), Some(format!("10 + 5 {told}").as_str()), "{syntax}");
        }
    }

    #[test]
    fn several_interchanges_with_their_own_delimiters() {
        let other = "UNA=*.? ~UNB*UNOA=1*A*B*260304=0900*2~UNZ*0*2~";
        assert_eq!(tags(format!("{BODY}\r\n{other}\n{BODY}\u{1a}").as_bytes()).map(|t| t.len()), Ok(4 * 12 - 1));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let cut = |at: &str| BODY.split_once(at).expect(at).0.to_owned();
        for (body, why) in [
            (String::new(), Broken::NoHeader),
            ("  \n".into(), Broken::NoHeader),
            (BODY.replacen("UNB", "NB", 1), Broken::NoHeader),
            ("UNH+1+IFTSTA:D:96A:UN'".into(), Broken::NoHeader),
            ("UNA".into(), Broken::Cut),
            ("UNA:+.? ".into(), Broken::Cut),
            ("UNA:+.? '".into(), Broken::Cut),
            ("UNA:+.? 'UN".into(), Broken::Cut),
            ("UNB".into(), Broken::Cut),
            (cut("+260304"), Broken::Cut),
            (cut("UNH"), Broken::Cut),
            (cut("UNT"), Broken::Cut),
            (cut("UNZ"), Broken::Cut),
            (format!("{}{BODY}", cut("UNZ")), Broken::Cut),
            (format!("{}UNA:+.? '{BODY}", cut("UNZ")), Broken::NoTag),
            (BODY.replace("UNT", "\u{1}UNT").replace("FTX", "RFF"), Broken::NoTag),
            ("UNA:+.? 'UNH+1'".into(), Broken::BadHeader),
            ("UNA::.? 'UNB:UNOA'".into(), Broken::BadHeader),
            ("UNA:+.++'UNB+UNOA'".into(), Broken::BadHeader),
            ("UNA:+.? 'UNB*UNOA*'".into(), Broken::BadHeader),
            ("UNB*UNOA=1~".into(), Broken::BadHeader),
            ("UNB+'UNZ+1+1'".into(), Broken::BadHeader),
            (format!("UNB+{}", "x".repeat(2_000)), Broken::BadHeader),
            (format!("{BODY}NB+UNOA:1"), Broken::Garbage),
        ] {
            assert_eq!(tags(body.as_bytes()), Err(why), "{body:?}");
        }
    }
}
