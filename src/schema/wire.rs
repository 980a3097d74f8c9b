//! The Confluent wire format: magic byte 0, schema id as four bytes big endian, Avro datum.

use super::DecodeError;

/// Bytes before the datum.
pub const HEADER_BYTES: usize = 5;

/// Appends magic byte and schema id.
pub fn put_header(schema_id: u32, buf: &mut Vec<u8>) {
    buf.push(0);
    buf.extend_from_slice(&schema_id.to_be_bytes());
}

/// The schema id and the datum behind it.
///
/// # Errors
/// `WB-0120` when the value is shorter than the header or its first byte is not 0.
pub fn split(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    match bytes {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        [0, ..] => Err(DecodeError::bad("shorter than magic byte and schema id")),
        [] => Err(DecodeError::bad("empty value")),
        [first, ..] => Err(DecodeError::bad(format!("first byte is {first}, not the magic byte 0"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_comes_back_and_nonsense_is_refused() {
        let mut buf = Vec::new();
        put_header(0x0102_0304, &mut buf);
        assert_eq!(buf, [0, 1, 2, 3, 4]);
        buf.push(9);
        assert_eq!(split(&buf), Ok((0x0102_0304, &[9][..])));
        for bad in [&b""[..], &b"\0\0\0\0"[..], &b"{}......"[..]] {
            assert!(matches!(split(bad), Err(DecodeError::Park(_))), "{bad:?}");
        }
    }
}
