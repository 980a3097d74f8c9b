//! W3C trace context (level 1): one trace per parcel's message, carried through every hop in the `traceparent` header.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// A valid `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// Reads a header; `None` when it is not a valid `traceparent` (all-zero ids and version ff are not). As the
    /// specification asks, a later version is read by its first four fields.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let well_formed = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        if !well_formed || ![version, trace, span, flags].into_iter().all(lower_hex) || version == "ff" {
            return None;
        }
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace_id, span_id, sampled })
    }

    /// A new trace for a message that came without one. The same seed (topic, partition, offset) gives the same
    /// trace, so that work done again after an abort is found under one id.
    #[must_use]
    pub fn root(seed: &str) -> Self {
        Self { trace_id: xxh3_128(seed.as_bytes()).max(1), span_id: xxh3_64(seed.as_bytes()).max(1), sampled: true }
    }

    /// The next hop of the same trace; `hop` names it (service and output).
    #[must_use]
    pub fn child(self, hop: &str) -> Self {
        let mixed = xxh3_64(hop.as_bytes()) ^ self.span_id.rotate_left(17);
        Self { span_id: mixed.max(1), ..self }
    }

    /// The trace id as logs show it: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl std::fmt::Display for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_header_survives_the_round_trip() {
        let context = TraceContext::parse(HEADER).expect("valid");
        assert_eq!(context.to_string(), HEADER);
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert!(TraceContext::parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").is_some(), "later versions");
    }

    #[test]
    fn a_child_keeps_the_trace_and_changes_the_span() {
        let parent = TraceContext::root("raw.carrier.ups/3/17");
        let child = parent.child("carrier-normalizer");
        assert_eq!(parent, TraceContext::root("raw.carrier.ups/3/17"));
        assert_eq!(parent.trace_id(), child.trace_id());
        assert_ne!(parent.to_string(), child.to_string());
        assert_eq!(TraceContext::parse(&child.to_string()), Some(child));
    }

    #[test]
    fn what_is_not_valid_is_refused() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
