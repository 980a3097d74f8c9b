//! W3C trace context (`traceparent`), carried from the relay to Odoo. Ids are derived, not drawn: what is processed again after a
//! crash has the same ids.

use crate::domain::dedup::{hex, id_of};

/// Name of the Kafka header.
pub const HEADER: &str = "traceparent";
/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// A record's place, from which ids are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed<'a> {
    /// Kafka topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// A valid `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent<'a> {
    /// 32 lower-case hex digits, not all zero.
    pub trace_id: &'a str,
    /// 16 lower-case hex digits, not all zero.
    pub span_id: &'a str,
    /// Two lower-case hex digits; the lowest bit says "sampled".
    pub flags: &'a str,
}

impl<'a> TraceParent<'a> {
    /// Reads a header. A version that is not known is read as far as version 00 goes, as the standard asks; `None` when invalid.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (head, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = head.split('-');
        let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let shape = [version, trace_id, span_id, flags].iter().map(|p| p.len()).eq([2, 32, 16, 2]) && parts.next().is_none();
        let digits = [version, trace_id, span_id, flags].iter().all(|p| p.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        let zero = |id: &str| id.bytes().all(|b| b == b'0');
        let tail = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        (shape && digits && tail && version != "ff" && !zero(trace_id) && !zero(span_id)).then_some(Self { trace_id, span_id, flags })
    }

    /// The `traceparent` of what is made from the record at `seed`: same trace, a span of its own.
    #[must_use]
    pub fn child(&self, seed: &Seed<'_>) -> String {
        format!("00-{}-{}-{}", self.trace_id, span_id(self.trace_id, self.span_id, seed), self.flags)
    }
}

/// The `traceparent` of what is made from the record at `seed`: a child of the one that came with it where that is valid,
/// else the start of a trace of its own, sampled.
#[must_use]
pub fn child(parent: Option<&str>, seed: &Seed<'_>) -> String {
    if let Some(parent) = parent.and_then(TraceParent::parse) {
        return parent.child(seed);
    }
    let trace_id = hex(&id_of(&["trace", seed.topic, &seed.partition.to_string(), &seed.offset.to_string()]));
    format!("00-{trace_id}-{}-01", span_id(&trace_id, "", seed))
}

/// The first valid `traceparent` among Kafka headers, whose names are compared without case.
#[must_use]
pub fn from_headers(headers: &[(String, Vec<u8>)]) -> Option<&str> {
    headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(HEADER))
        .find_map(|(_, value)| std::str::from_utf8(value).ok().filter(|text| TraceParent::parse(text).is_some()))
}

fn span_id(trace_id: &str, parent: &str, seed: &Seed<'_>) -> String {
    let mut text = hex(&id_of(&["span", trace_id, parent, seed.topic, &seed.partition.to_string(), &seed.offset.to_string()]));
    text.truncate(16);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed<'_> = Seed { topic: "raw.carrier.ups", partition: 3, offset: 42 };
    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_child_stays_in_its_trace_and_is_the_same_every_time() {
        let made = child(Some(SENT), &SEED);
        assert_eq!(made, child(Some(SENT), &SEED));
        let (parent, child_of) = (TraceParent::parse(SENT).expect("valid"), TraceParent::parse(&made).expect("valid"));
        assert_eq!((child_of.trace_id, child_of.flags), (parent.trace_id, "01"));
        assert_ne!(child_of.span_id, parent.span_id);
        assert_ne!(made, child(Some(SENT), &Seed { offset: 43, ..SEED }));
    }

    #[test]
    fn without_a_valid_parent_a_trace_begins() {
        let made = child(None, &SEED);
        assert!(TraceParent::parse(&made).is_some(), "{made}");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
            assert_eq!(child(Some(bad), &SEED), made, "{bad}");
        }
        assert!(TraceParent::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some(), "a later version");
    }

    #[test]
    fn the_header_is_found_whatever_its_case() {
        let headers = vec![("traceparent".to_owned(), b"nonsense".to_vec()), ("Traceparent".to_owned(), SENT.into())];
        assert_eq!(from_headers(&headers), Some(SENT));
    }
}
