//! The form of a dead letter: the original key, bytes and headers, with what went wrong beside them.

use super::processor::Headers;
use crate::domain::time::Micros;
use crate::domain::verdict::Park;

/// Names of the headers that a dead letter has more than its original.
pub mod header {
    /// Stable code, `WB-0104`.
    pub const CODE: &str = "wb_code";
    /// What exactly; no payload, no personal data.
    pub const CAUSE: &str = "wb_cause";
    /// Service that parked it.
    pub const SERVICE: &str = "wb_service";
    /// Topic it came from, with prefix.
    pub const TOPIC: &str = "wb_topic";
    /// Partition it came from.
    pub const PARTITION: &str = "wb_partition";
    /// Offset it came from.
    pub const OFFSET: &str = "wb_offset";
    /// Timestamp of the original, UTC microseconds.
    pub const TIMESTAMP: &str = "wb_timestamp";
    /// The original had no value.
    pub const TOMBSTONE: &str = "wb_tombstone";
    /// The original was too large to be kept whole: how many bytes its value had. It stands whole where it came from for as
    /// long as that topic keeps it.
    pub const CUT: &str = "wb_cut";
    /// On a replayed record: the dead letter it was replayed from (`topic/partition/offset`).
    pub const REPLAY_OF: &str = "wb_replay_of";
}

/// Most bytes of key, value and headers together: below what the dead-letter topics take (`topics.yaml`), with room for the
/// record's own frame. A raw record may be larger, because brokers measure what is compressed.
pub const BYTES_MAX: usize = 17_000_000;
/// Most bytes of a key or a header's value in a letter that has to be cut.
const PART_MAX: usize = 1024;
/// Most headers of the original in a letter that has to be cut.
const HEADERS_MAX: usize = 1000;

/// Where a record came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Service that parks it.
    pub service: &'a str,
    /// Topic with prefix.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// UTC microseconds.
    pub timestamp: i64,
    /// The original had no value.
    pub tombstone: bool,
}

/// A dead letter, ready to be sent.
#[derive(Debug)]
pub struct Letter<'a> {
    /// The original's key.
    pub key: Option<&'a [u8]>,
    /// The original's value.
    pub value: Option<&'a [u8]>,
    /// The original's headers first, then ours.
    pub headers: Headers,
}

/// The dead letter of a record. What is larger than [`BYTES_MAX`] is cut, and says so in [`header::CUT`]: a letter that the
/// broker refuses would hold up everything behind it.
#[must_use]
pub fn letter<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, original: &Headers, origin: Origin<'_>, park: &Park) -> Letter<'a> {
    let mut letter = Letter { key, value, headers: headers(original, origin, park) };
    let frame =
        |l: &Letter<'_>| l.key.map_or(0, <[u8]>::len) + l.headers.iter().map(|(name, value)| name.len() + value.len() + 16).sum::<usize>();
    let len = value.map_or(0, <[u8]>::len);
    if frame(&letter) + len <= BYTES_MAX {
        return letter;
    }
    let short: Headers = original
        .iter()
        .take(HEADERS_MAX)
        .filter(|(name, _)| name.len() <= PART_MAX)
        .map(|(name, value)| (name.clone(), value.get(..PART_MAX).unwrap_or(value).to_vec()))
        .collect();
    letter.headers = headers(&short, origin, park);
    letter.headers.push((header::CUT.to_owned(), len.to_string().into_bytes()));
    letter.key = key.map(|k| k.get(..PART_MAX).unwrap_or(k));
    letter.value = value.map(|v| v.get(..BYTES_MAX.saturating_sub(frame(&letter))).unwrap_or(v));
    letter
}

/// When the original of a replay came, UTC microseconds; `None` for a record that is no replay. The replay bears a time of its own.
#[must_use]
pub fn first_received_at(headers: &Headers) -> Option<Micros> {
    let told = |wanted: &str| headers.iter().rfind(|(name, _)| name == wanted).and_then(|(_, value)| std::str::from_utf8(value).ok());
    told(header::REPLAY_OF).and_then(|_| told(header::TIMESTAMP)?.parse().ok())
}

fn headers(original: &Headers, origin: Origin<'_>, park: &Park) -> Headers {
    let mut headers: Headers = original.iter().filter(|(name, _)| !name.starts_with("wb_")).cloned().collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    add(header::CODE, park.code.to_string());
    add(header::CAUSE, park.cause.clone());
    add(header::SERVICE, origin.service.to_owned());
    add(header::TOPIC, origin.topic.to_owned());
    add(header::PARTITION, origin.partition.to_string());
    add(header::OFFSET, origin.offset.to_string());
    // A replay that is parked again keeps the time of its original.
    add(header::TIMESTAMP, first_received_at(original).unwrap_or(origin.timestamp).to_string());
    if origin.tombstone {
        add(header::TOMBSTONE, "1".to_owned());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Code;

    fn size(letter: &Letter<'_>) -> usize {
        letter.key.map_or(0, <[u8]>::len)
            + letter.value.map_or(0, <[u8]>::len)
            + letter.headers.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>()
    }

    fn letter_of<'a>(key: &'a [u8], value: &'a [u8], original: &Headers) -> Letter<'a> {
        let origin =
            Origin { service: "carrier-normalizer", topic: "raw.carrier.ups", partition: 1, offset: 2, timestamp: 3, tombstone: false };
        letter(Some(key), Some(value), original, origin, &Park::new(Code::EMPTY_VALUE, "why"))
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let value = vec![b'x'; 16 << 20];
        let original = vec![("h".to_owned(), vec![b'y'; 5000])];
        let letter = letter_of(b"key", &value, &original);
        assert_eq!((letter.key, letter.value, &letter.headers[0]), (Some(&b"key"[..]), Some(&value[..]), &original[0]));
        assert!(letter.headers.iter().all(|(name, _)| name != header::CUT));
    }

    #[test]
    fn what_no_topic_would_take_is_cut_and_says_so() {
        let large = vec![b'x'; 20 << 20];
        let many: Headers = (0..200_000).map(|n| (format!("h{n}"), vec![b'y'; 100])).collect();
        for (key, value, original) in
            [(&b"key"[..], &large[..], Headers::new()), (&large[..], &b"v"[..], Headers::new()), (&b"key"[..], &large[..], many)]
        {
            let letter = letter_of(key, value, &original);
            assert!(size(&letter) <= BYTES_MAX, "{}", size(&letter));
            assert!(letter.headers.contains(&(header::CUT.to_owned(), value.len().to_string().into_bytes())));
            assert!(letter.headers.iter().any(|(name, _)| name == header::OFFSET));
            assert!(value.starts_with(letter.value.unwrap_or(b"none")));
        }
    }
}
