//! Guarded reading of XML bodies that somebody else wrote.
//!
//! No document type, and so no entity but the five of the standard; prefixes are not looked at, attributes only where asked for.
//! What is read becomes a flat list of elements with a bound on its length: nothing recurses.

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, Event};
use quick_xml::reader::Reader;

pub use super::json::{missing, not_tracking, too_many};
use super::{DialectSettings, RawMessage, declares};
use crate::domain::verdict::{Code, Park};

/// Deepest nesting that is read; honest payloads stay below 15.
pub const DEPTH_MAX: usize = 64;
/// Most elements of a body, about 20 MB of ours; an event of a carrier has 10 to 30.
pub const ELEMENTS_MAX: usize = 1 << 18;
/// Most attributes of one element that are read.
pub const ATTRIBUTES_MAX: usize = 256;
/// Where an XML declaration has to end, bytes.
const DECLARATION_BYTES_MAX: usize = 256;

/// The body as text, after every check that needs no knowledge of the source. ISO 8859-1 where the content type, or
/// without one there the declaration, says so; UTF-8 whatever else they say (some serializers declare UTF-16 and send UTF-8).
///
/// # Errors
/// The code of the first limit that it breaks.
pub fn text<'a>(message: &RawMessage<'a>, settings: &DialectSettings) -> Result<Cow<'a, str>, Park> {
    if message.body.len() > settings.body_bytes_max {
        return Err(Park::new(Code::TOO_LARGE, format!("bytes in the body: {}", message.body.len())));
    }
    if let Some(content_type) = message.content_type.filter(|t| !declares(t, "xml")) {
        let shown: String = content_type.chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
        return Err(Park::new(Code::WRONG_CONTENT_TYPE, format!("content type is not XML: {shown}")));
    }
    let (body, marked) = match message.body.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest.trim_ascii(), true),
        None => (message.body.trim_ascii(), false),
    };
    if body.is_empty() {
        return Err(Park::new(Code::EMPTY_VALUE, "the body is empty"));
    }
    let declared = message.content_type.and_then(charset).or_else(|| declared_encoding(body));
    if !marked && declared.is_some_and(|name| name.trim().eq_ignore_ascii_case("windows-1252")) {
        return Ok(Cow::Owned(body.iter().copied().map(windows_1252).collect()));
    }
    if !marked && declared.is_some_and(is_latin_1) {
        return Ok(Cow::Owned(body.iter().copied().map(char::from).collect()));
    }
    let text =
        std::str::from_utf8(body).map_err(|e| Park::new(Code::NOT_UTF8, format!("first byte that is not UTF-8: {}", e.valid_up_to())))?;
    Ok(Cow::Borrowed(text))
}

fn charset(content_type: &str) -> Option<&str> {
    let named = |part: &'_ str| part.trim().get(..8).is_some_and(|name| name.eq_ignore_ascii_case("charset="));
    content_type.split(';').find(|part| named(part)).and_then(|part| part.trim().get(8..)).map(|name| name.trim_matches('"'))
}

/// The encoding that the XML declaration names.
fn declared_encoding(body: &[u8]) -> Option<&str> {
    let start = body.get(..body.len().min(DECLARATION_BYTES_MAX))?;
    // The text up to the first byte beyond ASCII: a declaration has none.
    let start = start.split(|b| !b.is_ascii()).next()?;
    let (declaration, _) = std::str::from_utf8(start).ok()?.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(name, _)| name)
}

/// As ISO 8859-1, with letters and signs in place of most of the second set of control characters.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    byte.checked_sub(0x80).and_then(|at| FROM_80.get(usize::from(at)).copied()).unwrap_or_else(|| char::from(byte))
}

fn is_latin_1(name: &str) -> bool {
    ["iso-8859-1", "iso_8859-1", "iso8859-1", "latin1", "latin-1"].iter().any(|known| name.trim().eq_ignore_ascii_case(known))
}

#[derive(Debug)]
struct Element<'a> {
    name: &'a str,
    /// What stands behind the name in the tag, unread.
    attributes: &'a str,
    text: Cow<'a, str>,
    /// Where the first element stands that is not below this one.
    end: usize,
}

/// A body as its elements in the order in which they begin.
#[derive(Debug)]
pub struct Document<'a> {
    elements: Vec<Element<'a>>,
}

/// One element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'d> {
    elements: &'d [Element<'d>],
    at: usize,
    element: &'d Element<'d>,
}

/// Reads a text of one root element.
///
/// # Errors
/// `TOO_DEEP`, `TOO_MANY`, and `MALFORMED` for wrong syntax, a document type or an entity that is not predefined.
pub fn read(text: &str) -> Result<Document<'_>, Park> {
    if let Some(at) = text.bytes().position(|b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) {
        return Err(malformed("a control character", at));
    }
    // The reader would skip it without counting it.
    if text.starts_with('\u{feff}') {
        return Err(malformed("a byte order mark in the text", 0));
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder { text, elements: Vec::new(), open: Vec::new() };
    loop {
        let from = position(reader.buffer_position());
        let event = reader.read_event().map_err(|_| malformed("wrong syntax", position(reader.error_position())))?;
        let to = position(reader.buffer_position());
        match event {
            Event::Start(_) => builder.start(from, to)?,
            Event::Empty(_) => {
                builder.start(from, to)?;
                builder.end();
            }
            Event::End(_) => builder.end(),
            Event::Text(_) => builder.text(from, from, to)?,
            Event::CData(_) => builder.text(from, from + "<![CDATA[".len(), to.saturating_sub("]]>".len()))?,
            Event::GeneralRef(reference) => builder.reference(&reference, from)?,
            Event::DocType(_) => return Err(malformed("a document type is not read", from)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

/// Only the position is passed on: the parser's own words may quote the payload.
fn malformed(what: &str, at: usize) -> Park {
    Park::new(Code::MALFORMED, format!("not well-formed XML: {what}, byte {at}"))
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

struct Builder<'a> {
    text: &'a str,
    elements: Vec<Element<'a>>,
    /// Where the elements stand that are not closed yet.
    open: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn start(&mut self, from: usize, to: usize) -> Result<(), Park> {
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err(malformed("a second root", from));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Park::new(Code::TOO_DEEP, format!("nested deeper than the limit: {DEPTH_MAX}")));
        }
        if self.elements.len() >= ELEMENTS_MAX {
            return Err(Park::new(Code::TOO_MANY, format!("more elements than the limit: {ELEMENTS_MAX}")));
        }
        let tag = self.text.get(from + 1..to.saturating_sub(1)).unwrap_or_default();
        let name = tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default();
        let attributes = tag.get(name.len()..).unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(malformed("an element without a name", from));
        }
        self.open.push(self.elements.len());
        self.elements.push(Element { name, attributes, text: Cow::Borrowed(""), end: 0 });
        Ok(())
    }

    fn end(&mut self) {
        let end = self.elements.len();
        if let Some(element) = self.open.pop().and_then(|at| self.elements.get_mut(at)) {
            element.end = end;
        }
    }

    fn text(&mut self, at: usize, from: usize, to: usize) -> Result<(), Park> {
        self.append(Cow::Borrowed(self.text.get(from..to).unwrap_or_default()), at)
    }

    fn reference(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<(), Park> {
        let unknown = || malformed("an entity that is not predefined", at);
        if let Some(c) = reference.resolve_char_ref().map_err(|_| unknown())? {
            if c < ' ' && !matches!(c, '\t' | '\n' | '\r') {
                return Err(malformed("a control character", at));
            }
            return self.append(Cow::Owned(c.to_string()), at);
        }
        let name = reference.decode().map_err(|_| unknown())?;
        self.append(Cow::Borrowed(resolve_xml_entity(&name).ok_or_else(unknown)?), at)
    }

    /// Blanks before the first word of an element are left out: they are all that most elements have.
    fn append(&mut self, piece: Cow<'a, str>, at: usize) -> Result<(), Park> {
        let blank = piece.trim_ascii().is_empty();
        let Some(element) = self.open.last().and_then(|at| self.elements.get_mut(*at)) else {
            return if blank { Ok(()) } else { Err(malformed("text outside the root", at)) };
        };
        if !element.text.is_empty() {
            element.text.to_mut().push_str(&piece);
        } else if !blank {
            element.text = piece;
        }
        Ok(())
    }

    fn finish(self) -> Result<Document<'a>, Park> {
        if self.elements.is_empty() || !self.open.is_empty() {
            return Err(malformed("it ends too early", self.text.len()));
        }
        Ok(Document { elements: self.elements })
    }
}

impl Document<'_> {
    /// The root.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        Node::at(&self.elements, 0)
    }
}

impl<'d> Node<'d> {
    fn at(elements: &'d [Element<'d>], at: usize) -> Option<Self> {
        Some(Self { elements, at, element: elements.get(at)? })
    }

    /// The name without its prefix.
    #[must_use]
    pub fn name(self) -> &'d str {
        self.element.name
    }

    /// The text directly inside, without white space around it, where there is any.
    #[must_use]
    pub fn text(self) -> Option<&'d str> {
        let text = self.element.text.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The attributes with their values, names without their prefixes; declarations of namespaces are none.
    ///
    /// # Errors
    /// `MALFORMED` for wrong syntax or an entity that is not predefined, `TOO_MANY`.
    pub fn attributes(self) -> Result<Vec<(&'d str, Cow<'d, str>)>, Park> {
        let text = self.element.attributes.trim_end_matches('/');
        let mut found = Vec::new();
        for attribute in Attributes::new(text, 0).with_checks(false) {
            let wrong = || Park::new(Code::MALFORMED, "not well-formed XML: an attribute");
            let attribute = attribute.map_err(|_| wrong())?;
            let name = std::str::from_utf8(attribute.key.into_inner()).map_err(|_| wrong())?;
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            if found.len() >= ATTRIBUTES_MAX {
                return Err(Park::new(Code::TOO_MANY, format!("more attributes than the limit: {ATTRIBUTES_MAX}")));
            }
            found.push((name.rsplit(':').next().unwrap_or_default(), attribute.unescape_value().map_err(|_| wrong())?));
        }
        Ok(found)
    }

    /// The elements directly inside.
    pub fn children(self) -> impl Iterator<Item = Node<'d>> {
        let inside = move |at: usize| Self::at(self.elements, at).filter(|node| node.at < self.element.end);
        std::iter::successors(inside(self.at + 1), move |node| inside(node.element.end))
    }

    /// Those of a name.
    pub fn all(self, name: &str) -> impl Iterator<Item = Node<'d>> {
        self.children().filter(move |node| node.name() == name)
    }

    /// The first of a name.
    #[must_use]
    pub fn child(self, name: &str) -> Option<Node<'d>> {
        self.children().find(|node| node.name() == name)
    }

    /// The element that a path of names leads to, by the first of each name.
    #[must_use]
    pub fn down(self, path: &[&str]) -> Option<Node<'d>> {
        path.iter().try_fold(self, |node, name| node.child(name))
    }

    /// The text of the element that a path of names leads to.
    #[must_use]
    pub fn told(self, path: &[&str]) -> Option<&'d str> {
        self.down(path).and_then(Self::text)
    }

    /// The first of a name at any depth, this element included.
    #[must_use]
    pub fn find(self, name: &str) -> Option<Node<'d>> {
        self.find_all(name).next()
    }

    /// Those of a name at any depth, this element included.
    pub fn find_all(self, name: &str) -> impl Iterator<Item = Node<'d>> {
        (self.at..self.element.end).filter_map(move |at| Self::at(self.elements, at)).filter(move |node| node.name() == name)
    }
}

/// A text with one blank wherever it has white space: carriers break and indent long ones.
#[must_use]
pub fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::testing;

    fn decode(content_type: Option<&str>, body: &[u8]) -> Result<String, Code> {
        let message = RawMessage { content_type, ..testing::message(body) };
        text(&message, &DialectSettings::default()).map(Cow::into_owned).map_err(|park| park.code)
    }

    fn code(body: &str) -> Code {
        read(body).expect_err(&body.chars().take(60).collect::<String>()).code
    }

    #[test]
    fn elements_are_found_by_their_names_whatever_the_prefix() {
        let document =
            read("<s:a xmlns:s='u' x=\"a > b\"><b/> <s:c>one</s:c><c k='v'> t\n wo </c><d><c>three</c></d></s:a >").expect("XML");
        let root = document.root().expect("a root");
        assert_eq!(root.name(), "a");
        assert_eq!(root.all("c").filter_map(Node::text).collect::<Vec<_>>(), ["one", "t\n wo"]);
        assert_eq!(root.children().map(Node::name).collect::<Vec<_>>(), ["b", "c", "c", "d"]);
        assert_eq!((root.told(&["d", "c"]), root.told(&["b"]), root.told(&["d", "x"])), (Some("three"), None, None));
        assert_eq!(root.find("d").and_then(|d| d.find("c")).and_then(Node::text), Some("three"));
        assert_eq!(root.child("d").and_then(|d| d.find("b")).map(Node::name), None);
        assert_eq!(root.text().map(words), None);
    }

    #[test]
    fn a_text_is_put_together() {
        for (inside, told) in [
            ("a &amp; b", Some("a & b")),
            ("&lt;&gt;&quot;&apos;", Some("<>\"'")),
            ("M&#252;nchen &#x41;", Some("M\u{fc}nchen A")),
            (" <!-- no --> x <![CDATA[<y> & z]]> ", Some("x <y> & z")),
            ("&#32;", None),
            ("x<b>in</b>y", Some("xy")),
            ("  ", None),
        ] {
            let body = format!("<?xml version='1.0'?>\n<a>{inside}</a>\n<!-- end -->");
            assert_eq!(read(&body).expect(inside).root().expect("a root").text(), told, "{inside}");
        }
        assert_eq!(words(" a\n   b\tc "), "a b c");
    }

    #[test]
    fn what_is_not_well_formed_or_wants_more_than_it_says_is_refused() {
        for body in [
            "<a>&nbsp;</a>",
            "<a>&#0;</a>",
            "<a>&#1;</a>",
            "<a>&#xD800;</a>",
            "<a>& b</a>",
            "<a>&b",
            "<a>\u{0}</a>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><a>&b;</a>",
            "<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]><a>&c;</a>",
            "<a/><b/>",
            "<a/>b",
            "\u{feff}<a/>",
            "b<a/>",
            "<a><b></a></b>",
            "<a>",
            "<a",
            "</a>",
            "<>x</>",
            "< a></ a>",
            "<1/>",
            "<!-- only -->",
            "<a><![CDATA[ ]]</a>",
            "<a><!-- </a>",
        ] {
            assert_eq!(code(body), Code::MALFORMED, "{body}");
        }
    }

    #[test]
    fn what_is_deeper_or_longer_than_the_limits_is_refused() {
        let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(code(&nested(DEPTH_MAX + 1)), Code::TOO_DEEP);
        assert_eq!(code(&"<a>".repeat(10_000)), Code::TOO_DEEP);
        let many = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n));
        assert!(read(&many(ELEMENTS_MAX - 1)).is_ok());
        assert_eq!(code(&many(ELEMENTS_MAX)), Code::TOO_MANY);
    }

    /// Work is counted in this thread's processor time: 25 times as long may take at most 8 times as long as 25 readings.
    #[test]
    fn no_body_costs_more_than_its_length() {
        let cost = |times: usize, body: &str| {
            let start = testing::processor_time();
            for _ in 0..times {
                assert!(!read(body).is_ok_and(|document| document.root().and_then(|root| root.find("nowhere")).is_some()));
            }
            // Below this the kernel's clock says little.
            (testing::processor_time() - start).max(10_000_000)
        };
        for piece in
            ["<b/>", "<b>x</b>", "&amp;", "&#65;", "x&lt;", "<!---->", "<![CDATA[x]]>", "<?p?>", " a='b'", "&", "<", "]]>", "\"", "<!--"]
        {
            let inside = |n: usize| format!("<a>{}</a>", piece.repeat(n));
            let tag = |n: usize| format!("<a {}/>", piece.repeat(n));
            for body in [&inside as &dyn Fn(usize) -> String, &tag] {
                assert!(cost(1, &body(250_000)) < cost(25, &body(10_000)) * 8, "{piece}");
            }
        }
    }

    #[test]
    fn latin_1_is_read_where_it_is_declared() {
        let declared = |name: &str, c: &[u8]| [format!("<?xml version=\"1.0\" encoding='{name}'?><a>").as_bytes(), c, b"</a>"].concat();
        let told = |content_type, body: &[u8]| decode(content_type, body).map(|t| t.contains("<a>\u{fc}</a>"));
        for (content_type, body, outcome) in [
            (Some("text/xml"), declared("ISO-8859-1", b"\xfc"), Ok(true)),
            (None, declared("UTF-8", "\u{fc}".as_bytes()), Ok(true)),
            (Some("application/soap+xml; charset=utf-8"), declared("iso-8859-1", "\u{fc}".as_bytes()), Ok(true)),
            (Some("text/xml; charset=\"ISO-8859-1\""), b"<a>\xfc</a>".to_vec(), Ok(true)),
            (None, [b"\xef\xbb\xbf".to_vec(), declared("iso-8859-1", "\u{fc}".as_bytes())].concat(), Ok(true)),
            (None, declared("utf-16", "\u{fc}".as_bytes()), Ok(true)),
            (None, declared("UTF-8", b"\xfc"), Err(Code::NOT_UTF8)),
            (None, b"<a>\xfc</a>".to_vec(), Err(Code::NOT_UTF8)),
            (None, b"<?xml encoding=\xfc".to_vec(), Err(Code::NOT_UTF8)),
            (None, b" \n".to_vec(), Err(Code::EMPTY_VALUE)),
            (None, b"\xef\xbb\xbf".to_vec(), Err(Code::EMPTY_VALUE)),
            (Some("application/json"), b"<a/>".to_vec(), Err(Code::WRONG_CONTENT_TYPE)),
            (Some("text/html"), b"<a/>".to_vec(), Err(Code::WRONG_CONTENT_TYPE)),
            (None, vec![b' '; (4 << 20) + 1], Err(Code::TOO_LARGE)),
        ] {
            assert_eq!(told(content_type, &body), outcome, "{content_type:?} {}", String::from_utf8_lossy(&body[..body.len().min(60)]));
        }
    }

    #[test]
    fn windows_1252_is_read_where_it_is_declared() {
        let body = b"<?xml version='1.0' encoding='Windows-1252'?><a>M\xFCller \x96 5 \x80</a>";
        let message = crate::carriers::testing::message(body);
        let read = text(&crate::carriers::RawMessage { content_type: None, ..message }, &crate::carriers::DialectSettings::default())
            .expect("readable");
        assert!(read.ends_with("Müller – 5 €</a>"), "{read}");
    }
}
