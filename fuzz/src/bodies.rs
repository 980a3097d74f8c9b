//! Large bodies made out of small ones: everything that repeats repeated, everything that is text made long, nesting, crumbs.

use serde_json::Value;

/// What takes each body, with a name of its shape.
pub type Each<'a> = &'a mut dyn FnMut(&str, Vec<u8>);

/// Where a list or a text stands that is to be replaced.
const HERE: &str = "@@here@@";
/// A text that is longer than any that is kept; all of them together leave room in a body.
const LONG: usize = 60_000;

/// All bodies of about this many bytes after the model of one, of the kind that its first character tells. `most` is how many things
/// a body may have at most.
pub fn each(model: &[u8], bytes: usize, most: usize, to: Each<'_>) {
    let text = String::from_utf8_lossy(model);
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => json(text, bytes, most, to),
        Some(b'<') => xml(text, bytes, to),
        _ if text.starts_with("ISA") || text.starts_with("UN") => edi(text, bytes, most, to),
        _ if text.contains('\n') => rows(text, bytes, most, to),
        _ => query(text, bytes, to),
    }
    for (name, crumb) in [("long blanks", " "), ("NUL", "\0"), ("letters", "A"), ("lines", "\n"), ("quotes", "\""), ("bytes", "\u{fc}")] {
        to(name, text.replacen('1', &crumb.repeat(bytes.saturating_sub(text.len()) / crumb.len()), 1).into_bytes());
    }
}

/// As often as it takes.
fn times(piece: &str, bytes: usize) -> usize {
    (bytes / piece.len().max(1)).max(1)
}

fn json(text: &str, bytes: usize, most: usize, to: Each<'_>) {
    let Ok(model) = serde_json::from_str::<Value>(text) else { return };
    let room = bytes.saturating_sub(text.len());
    for at in pointers(&model, "", &|v| v.as_array().is_some_and(|list| !list.is_empty())) {
        let list = model.pointer(&at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let shell = with(&model, &at, Value::from(HERE)).to_string();
        let fill = |pieces: String| shell.replacen(&format!("\"{HERE}\""), &format!("[{}]", pieces.trim_end_matches(',')), 1);
        let all: String = list.iter().map(|v| format!("{v},")).collect();
        to(&format!("wide {at}"), fill(all.repeat(times(&all, room))).into_bytes());
        let count = most.saturating_sub(8) / list.len().max(1);
        let by = LONG.min(room / 2 / shell.matches("\":").count().max(1));
        let long = lengthened(&shell, by).replacen(&format!("{HERE}{}", "x".repeat(by)), HERE, 1);
        let body = long.replacen(&format!("\"{HERE}\""), &format!("[{}]", all.repeat(count).trim_end_matches(',')), 1);
        to(&format!("most {at}, long around"), body.into_bytes());
        // As many as there may be, and all that is left of the body for their texts.
        let leaves = all.matches("\":\"").count().max(1);
        let wordy = lengthened(&all, (room / count.max(1)).saturating_sub(all.len()) / leaves);
        to(&format!("most {at}, long inside"), fill(wordy.repeat(count)).into_bytes());
        for crumb in ["{}", "[]", "\"a\"", "0", "{\"role\":\"a\"}"] {
            let crumb = format!("{crumb},");
            to(&format!("crumbs {crumb} {at}"), fill(crumb.repeat(times(&crumb, room))).into_bytes());
        }
        // As many objects as there may be at all.
        to(&format!("most objects in {at}"), fill("{},".repeat(8 * most - 200)).into_bytes());
        for inner in pointers(&model, "", &|v| v.is_array()).iter().filter_map(|inner| inner.strip_prefix(&format!("{at}/0"))) {
            let Some(first) = list.first() else { continue };
            let element = with(first, inner, Value::from(HERE)).to_string();
            let element = element.replacen(&format!("\"{HERE}\""), &format!("[{}{{}}]", "{},".repeat(7 * most / 100)), 1) + ",";
            to(&format!("most objects in {inner} of {at}"), fill(element.repeat(100)).into_bytes());
        }
        // A list in every element, of which each is small.
        let nested = format!("{},", with(&model, &at, Value::Array(Vec::new())));
        to(&format!("lists in {at}"), fill(nested.repeat(times(&nested, room))).into_bytes());
    }
    let leaves = text.matches("\":").count().max(1);
    to("long texts", lengthened(text, room / leaves).into_bytes());
    let escaped = lengthened(text, room / leaves / 6).replace("xxxxxx", "\\u00fc\\u00fc\\u00fc\\u00fc\\u00fc\\u00fc");
    to("escaped texts", escaped.into_bytes());
    to("a list of bodies", format!("[{}{text}]", format!("{text},").repeat(times(text, room))).into_bytes());
    for (name, open, close) in [("deep lists", "[", "]"), ("deep objects", "{\"a\":", "}")] {
        let depth = bytes / (open.len() + 1);
        to(name, text.replacen(':', &format!(":{}1{},\"b\":", open.repeat(depth), close.repeat(depth)), 1).into_bytes());
    }
    let keys: String = (0..room / 14).map(|n| format!("\"k{n:07}\":1,")).collect();
    to("keys", text.replacen('{', &format!("{{{keys}"), 1).into_bytes());
}

/// All places with such a value, as JSON pointers.
fn pointers(value: &Value, at: &str, wanted: &dyn Fn(&Value) -> bool) -> Vec<String> {
    let mut found = if wanted(value) { vec![at.to_owned()] } else { Vec::new() };
    match value {
        // The first element has what the others have.
        Value::Array(list) => found.extend(list.iter().take(1).flat_map(|v| pointers(v, &format!("{at}/0"), wanted))),
        Value::Object(object) => found.extend(object.iter().flat_map(|(k, v)| pointers(v, &format!("{at}/{k}"), wanted))),
        _ => {}
    }
    found
}

fn with(value: &Value, at: &str, other: Value) -> Value {
    let mut value = value.clone();
    if let Some(place) = value.pointer_mut(at) {
        *place = other;
    }
    value
}

/// Every text that is a value of a key, with so many letters behind it. Times and codes are none any more; numbers of parcels are lost
/// where they get too long, so those with many digits stay.
fn lengthened(text: &str, by: usize) -> String {
    let mut out = String::with_capacity(text.len() + 64 * by);
    let mut rest = text;
    while let Some(at) = rest.find("\":") {
        let (head, tail) = rest.split_at(at + 2);
        out.push_str(head);
        rest = tail;
        let value = tail.trim_start();
        let Some(inner) = value.strip_prefix('"') else { continue };
        let Some(end) = inner.find('"') else { break };
        let told = inner.get(..end).unwrap_or_default();
        let is_number = told.bytes().filter(u8::is_ascii_digit).count() > 5;
        let more = if is_number { String::new() } else { "x".repeat(by) };
        out.push_str(&format!("\"{told}{more}\""));
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn xml(text: &str, bytes: usize, to: Each<'_>) {
    let room = bytes.saturating_sub(text.len());
    let mut names: Vec<&str> = text.split('<').filter_map(|tag| tag.split([' ', '>', '/', '\n']).next()).collect();
    names.retain(|name| name.starts_with(|c: char| c.is_alphabetic()));
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let Some(start) = text.find(&format!("<{name}>")).or_else(|| text.find(&format!("<{name} "))) else { continue };
        let close = format!("</{name}>");
        let Some(length) = text.get(start..).and_then(|rest| rest.find(&close)) else { continue };
        let end = start + length + close.len();
        let (head, element, tail) =
            (text.get(..start).unwrap_or_default(), text.get(start..end).unwrap_or_default(), text.get(end..).unwrap_or_default());
        let put = |inside: String| [head, &inside, tail].concat().into_bytes();
        to(&format!("wide {name}"), put(element.repeat(times(element, room))));
        // So many that the limit of elements is not what ends it.
        let few = (200_000 / element.matches('<').count().max(1)).min(times(element, room));
        to(&format!("many {name}"), put(element.repeat(few)));
        let inner = element.find('>').map_or(0, |at| at + 1);
        let (open, rest) = element.split_at(inner);
        for (what, crumb) in [
            ("elements", "<b/>"),
            ("texts", "x"),
            ("references", "&amp;"),
            ("characters", "&#252;"),
            ("data", "<![CDATA[x]]>"),
            ("pairs", "<b>x</b>"),
        ] {
            to(&format!("{what} in {name}"), put([open, &crumb.repeat(times(crumb, room)), rest].concat()));
        }
    }
    to("deep", format!("{}{}", "<a>".repeat(bytes / 7), "</a>".repeat(bytes / 7)).into_bytes());
    let attributes: String = (0..room / 12).map(|n| format!(" a{n:06}='x'")).collect();
    to("attributes", text.replacen("><", &format!("{attributes}><"), 1).into_bytes());
    let spread = format!("<b{}/>", " a='x'".repeat(200));
    to("attributes of many", text.replacen("></", &format!(">{}</", spread.repeat(times(&spread, room))), 1).into_bytes());
    to("comments", text.replacen("></", &format!(">{}</", "<!-- -->".repeat(room / 8)), 1).into_bytes());
    let latin = text.replacen("UTF-8", "ISO-8859-1", 1).replacen("utf-8", "ISO-8859-1", 1);
    let latin = latin.replacen("</", &format!("{}</", "\u{fc}".repeat(room)), 1);
    to("Latin 1", latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect());
}

fn edi(text: &str, bytes: usize, most: usize, to: Each<'_>) {
    let terminator = if text.starts_with("ISA") { text.chars().nth(105).unwrap_or('~') } else { '\'' };
    let separator = if text.starts_with("ISA") { text.chars().nth(3).unwrap_or('*') } else { '+' };
    let room = bytes.saturating_sub(text.len());
    let segments: Vec<&str> = text.split_inclusive(terminator).collect();
    let put = |at: usize, count: usize, inside: &str| {
        let (head, tail) = segments.split_at(at);
        let tail = tail.get(count..).unwrap_or_default();
        [&head.concat(), inside, &tail.concat()].concat().into_bytes()
    };
    let mut seen = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let tag = segment.trim_start().split(separator).next().unwrap_or_default();
        if seen.contains(&tag) || tag.len() > 3 {
            continue;
        }
        seen.push(tag);
        to(&format!("wide {tag}"), put(at, 1, &segment.repeat(times(segment, room))));
        to(&format!("most {tag}"), put(at, 1, &segment.repeat((most - 8).min(times(segment, room)))));
        for (what, crumb) in [("elements", separator), ("components", ':'), ("text", 'A'), ("releases", '?'), ("lines", '\n')] {
            let body = segment.trim_end_matches(terminator);
            to(&format!("{what} in {tag}"), put(at, 1, &format!("{body}{separator}{}{terminator}", crumb.to_string().repeat(room))));
        }
    }
    let first = segments.iter().position(|s| ["ST", "UNH"].iter().any(|tag| s.trim_start().starts_with(tag)));
    let last = segments.iter().position(|s| ["SE", "UNT"].iter().any(|tag| s.trim_start().starts_with(tag)));
    if let (Some(first), Some(last)) = (first, last) {
        let set: String = segments.iter().skip(first).take(last + 1 - first).copied().collect();
        to("sets", put(first, last + 1 - first, &set.repeat(times(&set, room))));
        let empty = format!("ST{separator}1{separator}1{terminator}SE{separator}1{separator}1{terminator}");
        to("empty sets", put(first, last + 1 - first, &empty.repeat(times(&empty, room))));
        // Many numbers, and many happenings of each of them.
        for (numbers, happenings) in [(100, most / 100), (most / 10, 10), (3_000, 3_000)] {
            let inside: String = segments.iter().skip(first + 1).take(last.saturating_sub(first + 1)).copied().collect();
            let doubled: String = inside
                .split_inclusive(terminator)
                .map(|s| {
                    let tag = s.trim_start().split(separator).next().unwrap_or_default();
                    let long = format!("{separator}{}{terminator}", "x".repeat(4_000));
                    match tag {
                        "FTX" | "K1" | "NAD" | "LOC" | "CTA" | "MS1" => s.replacen(terminator, &long, 1),
                        "L11" | "REF" | "RFF" | "N9" | "MAN" => (0..numbers).map(|n| s.replacen('1', &format!("{n:05}"), 1)).collect(),
                        "AT7" | "STS" | "L1" => s.repeat(happenings),
                        _ => s.to_owned(),
                    }
                })
                .collect();
            let all =
                [segments.get(first).copied().unwrap_or_default(), &doubled, segments.get(last).copied().unwrap_or_default()].concat();
            to(&format!("{numbers} numbers, {happenings} happenings"), put(first, last + 1 - first, &all));
        }
    }
    to("interchanges", text.repeat(times(text, room)).into_bytes());
    to("terminators", put(1, 0, &terminator.to_string().repeat(room)));
}

fn rows(text: &str, bytes: usize, most: usize, to: Each<'_>) {
    let room = bytes.saturating_sub(text.len());
    let (header, rest) = text.split_once('\n').unwrap_or((text, ""));
    let delimiter = if header.matches(';').count() > header.matches(',').count() { ";" } else { "," };
    let lines: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
    for (number, line) in lines.iter().enumerate().take(4) {
        let row = format!("{line}\n");
        to(&format!("rows like {number}"), format!("{text}\n{}", row.repeat(times(&row, room))).into_bytes());
        to(&format!("most like {number}"), format!("{header}\n{}", row.repeat((most / 8).min(times(&row, room)))).into_bytes());
        let filled = row.replace(&format!("{delimiter}{delimiter}"), &format!("{delimiter}{}{delimiter}", "A".repeat(900)));
        to(&format!("long cells like {number}"), format!("{header}\n{}", filled.repeat(times(&filled, room))).into_bytes());
        to(&format!("columns behind {number}"), format!("{header}\n{line}{}", delimiter.repeat(room)).into_bytes());
        // Each of another invoice.
        let others = (0..room / row.len()).map(|n| row.replace("466", &format!("{n:06}")).replace("123", &format!("{n:06}")));
        to(&format!("numbered like {number}"), format!("{header}\n{}", others.collect::<String>()).into_bytes());
    }
    for (what, crumb) in [("short rows", "a\n"), ("quotes", "\"\n"), ("open quotes", "\",\""), ("delimiters", delimiter), ("empty", "\n")] {
        to(what, format!("{header}\n{}", crumb.repeat(times(crumb, room))).into_bytes());
    }
    to("a header like no other", format!("{}\n{rest}", format!("{header}{delimiter}").repeat(times(header, room))).into_bytes());
    to("a wide header", format!("{header}{}\n{rest}", format!("{delimiter}XC1 Code").repeat(900)).into_bytes());
}

fn query(text: &str, bytes: usize, to: Each<'_>) {
    let room = bytes.saturating_sub(text.len());
    for (what, crumb) in [("pairs", "&a=b"), ("names", "&a"), ("marks", "&"), ("equals", "="), ("escapes", "%41"), ("pluses", "+")] {
        to(what, format!("{text}{}", crumb.repeat(room / crumb.len())).into_bytes());
    }
    to("repeated", format!("{text}&").repeat(times(text, room)).into_bytes());
}
