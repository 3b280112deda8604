//! What stands in front of a record, and what is authenticated with it
//! (RFC 9846 section 5.1, RFC 5246 section 6.2.3.3).

use crate::limits::RECORD_HEADER;
use crate::wire::codepoints::{ContentType, ProtocolVersion};

/// legacy_record_version, in TLS 1.2 and 1.3 alike.
pub(crate) const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

/// The header of a record with `length` bytes after it.
pub(crate) fn header(kind: ContentType, version: ProtocolVersion, length: usize) -> [u8; RECORD_HEADER] {
    let [major, minor] = version.0.to_be_bytes();
    let [high, low] = short(length);
    [kind.0, major, minor, high, low]
}

/// The length that a header announces.
pub(crate) fn body_length([.., high, low]: [u8; RECORD_HEADER]) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

/// TLS 1.2's additional data: sequence number, type, version, plaintext length.
pub(crate) fn additional_data12(number: u64, kind: ContentType, length: usize) -> [u8; 13] {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number.to_be_bytes();
    let [kind, major, minor, high, low] = header(kind, VERSION, length);
    [n0, n1, n2, n3, n4, n5, n6, n7, kind, major, minor, high, low]
}

/// Whether the record layer has such records (RFC 9846 section 5.1).
pub(crate) fn is_known(kind: ContentType) -> bool {
    matches!(
        kind,
        ContentType::CHANGE_CIPHER_SPEC
            | ContentType::ALERT
            | ContentType::HANDSHAKE
            | ContentType::APPLICATION_DATA
    )
}

/// No record is longer than 2^14 + 2048 bytes: the conversion never saturates.
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
