//! The form of a change in the changelog topic and in a segment on disk.
//!
//! Three kinds of keys: `v` + key (a remembered value), `d` + number (the idempotency keys of one transaction), `m` (the
//! marker: where the inputs stood). A value is 8 bytes little endian of time, then the bytes: for `v` the alarm
//! (`i64::MIN` for none), for `d` when it was remembered. No value is a tombstone. So the topic can be compacted by key.

use serde::{Deserialize, Serialize};

use crate::domain::time::Micros;

/// No alarm is set.
const NO_ALARM: Micros = Micros::MIN;

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKey<'a> {
    /// A remembered value.
    Value(&'a [u8]),
    /// The idempotency keys of one transaction, by its number.
    Keys(u64),
    /// Where the inputs stood.
    Marker,
}

/// One change, as it goes to the changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Record key in the changelog.
    pub key: Vec<u8>,
    /// Record value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Next offset of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputOffset {
    /// Topic with prefix.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to be read.
    pub next: i64,
}

/// Where the inputs stood at a transaction, and the number of that transaction in this partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marker {
    /// Number of the transaction, from 1.
    pub number: u64,
    /// Idempotency keys of transactions up to this number have been forgotten.
    pub expired_through: u64,
    /// Positions of the inputs this transaction took part in, over all transactions.
    pub inputs: Vec<InputOffset>,
}

impl Change {
    /// A value with its alarm.
    #[must_use]
    pub fn value(key: &[u8], value: &[u8], alarm: Option<Micros>) -> Self {
        Self { key: prefixed(b'v', key), value: Some(timed(alarm.unwrap_or(NO_ALARM), value)) }
    }

    /// A value that is forgotten.
    #[must_use]
    pub fn forget(key: &[u8]) -> Self {
        Self { key: prefixed(b'v', key), value: None }
    }

    /// The idempotency keys of a transaction.
    #[must_use]
    pub fn keys(number: u64, at: Micros, keys: &[u128]) -> Self {
        let mut packed = Vec::with_capacity(keys.len() * 16);
        for key in keys {
            packed.extend_from_slice(&key.to_le_bytes());
        }
        Self { key: prefixed(b'd', &number.to_be_bytes()), value: Some(timed(at, &packed)) }
    }

    /// The idempotency keys of a transaction, forgotten.
    #[must_use]
    pub fn forget_keys(number: u64) -> Self {
        Self { key: prefixed(b'd', &number.to_be_bytes()), value: None }
    }

    /// The marker.
    #[must_use]
    pub fn marker(marker: &Marker) -> Self {
        Self { key: b"m".to_vec(), value: Some(postcard::to_stdvec(marker).unwrap_or_default()) }
    }
}

/// Reads a changelog key; `None` for one that is not ours.
#[must_use]
pub(super) fn read_key(key: &[u8]) -> Option<ChangeKey<'_>> {
    match key.split_first()? {
        (b'v', rest) => Some(ChangeKey::Value(rest)),
        (b'd', rest) => Some(ChangeKey::Keys(u64::from_be_bytes(rest.try_into().ok()?))),
        (b'm', []) => Some(ChangeKey::Marker),
        _ => None,
    }
}

/// Splits a value into its time (`None`: no alarm) and its bytes.
#[must_use]
pub(super) fn read_timed(value: &[u8]) -> Option<(Option<Micros>, &[u8])> {
    let (time, bytes) = value.split_first_chunk::<8>()?;
    let time = Micros::from_le_bytes(*time);
    Some(((time != NO_ALARM).then_some(time), bytes))
}

/// Reads a marker.
pub(super) fn read_marker(value: &[u8]) -> Option<Marker> {
    postcard::from_bytes(value).ok()
}

/// The idempotency keys packed in a value.
pub(super) fn read_keys(bytes: &[u8]) -> impl Iterator<Item = u128> {
    bytes.as_chunks::<16>().0.iter().map(|chunk| u128::from_le_bytes(*chunk))
}

fn prefixed(kind: u8, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(kind);
    bytes.extend_from_slice(key);
    bytes
}

fn timed(time: Micros, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + value.len());
    bytes.extend_from_slice(&time.to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// Packs changes into the value of one segment: key length, key, value length + 1 (0 for a tombstone), value; xxh3 at the end.
#[must_use]
pub(super) fn pack(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in changes {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend_from_slice(&length(change.key.len()));
        bytes.extend_from_slice(&change.key);
        match &change.value {
            Some(value) => {
                bytes.extend_from_slice(&length(value.len() + 1));
                bytes.extend_from_slice(value);
            }
            None => bytes.extend_from_slice(&length(0)),
        }
    }
    let sum = xxhash_rust::xxh3::xxh3_64(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// Unpacks a segment and hands each change to `visit`; `None` when its checksum or its form is wrong.
pub(super) fn unpack(segment: &[u8], mut visit: impl FnMut(&[u8], Option<&[u8]>)) -> Option<()> {
    let (mut rest, sum) = segment.split_last_chunk::<8>()?;
    if xxhash_rust::xxh3::xxh3_64(rest) != u64::from_le_bytes(*sum) {
        return None;
    }
    while !rest.is_empty() {
        let (key, after) = take(rest, 0)?;
        let (length, tail) = after.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*length) == 0 {
            visit(key, None);
            rest = tail;
        } else {
            let (value, tail) = take(after, 1)?;
            visit(key, Some(value));
            rest = tail;
        }
    }
    Some(())
}

fn take(bytes: &[u8], more: u32) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length).checked_sub(more)?).ok()?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_comes_back_and_a_flipped_byte_is_seen() {
        let changes = vec![Change::value(b"k", b"v", Some(7)), Change::forget(b"gone"), Change::keys(3, 9, &[1, u128::MAX])];
        let mut packed = pack(&changes);
        let mut back = Vec::new();
        assert!(unpack(&packed, |k, v| back.push(Change { key: k.to_vec(), value: v.map(<[u8]>::to_vec) })).is_some());
        assert_eq!(back, changes);
        packed[5] ^= 1;
        assert!(unpack(&packed, |_, _| {}).is_none());
    }

    #[test]
    fn keys_and_times_are_read_back() {
        let change = Change::keys(3, 9, &[1, 2]);
        assert_eq!(read_key(&change.key), Some(ChangeKey::Keys(3)));
        let value = change.value.expect("value");
        let (time, bytes) = read_timed(&value).expect("timed");
        assert_eq!(time, Some(9));
        assert_eq!(read_keys(bytes).collect::<Vec<_>>(), vec![1, 2]);
        assert_eq!(read_timed(&Change::value(b"k", b"v", None).value.expect("value")), Some((None, b"v".as_slice())));
    }
}
