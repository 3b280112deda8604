//! Names of object identifiers for which this crate has no words of its own:
//! x509-parser's, which knows many.

use crate::crypto::der::dotted;
use x509_parser::der_parser::Oid;
use x509_parser::objects::oid_registry;

/// The identifier's name, or else its numbers, as many as a person reads.
pub(super) fn identifier(oid: &[u8]) -> String {
    const MOST: usize = 60;
    if let Some(entry) = oid_registry().get(&Oid::new(oid.into())) {
        return entry.sn().into();
    }
    let mut numbers = dotted(oid);
    if numbers.len() > MOST {
        // Digits, dots and question marks.
        numbers.truncate(MOST);
        numbers.push('…');
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_a_name_or_numbers() {
        assert_eq!(identifier(b"\x55\x1d\x10"), "privateKeyUsagePeriod");
        assert_eq!(identifier(b"\x60\x86\x48\x01\x86\xf8\x42\x01\x0d"), "nsComment");
        assert_eq!(identifier(b"\x55\x04\x0f"), "businessCategory");
        assert_eq!(identifier(b"\x2a\x03\x04"), "1.2.3.4");
        let long = [b"\x2a".as_slice(), &[1; 1000]].concat();
        assert_eq!(identifier(&long).chars().count(), 61);
        assert!(identifier(&long).ends_with('…'));
    }
}
