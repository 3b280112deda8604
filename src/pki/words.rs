//! Names of object identifiers: those that certificates of the web have, and with the
//! feature `x509-parser` the many that it knows beside them.

use crate::crypto::der::dotted;

/// In the words of RFC 5280 and of the documents that define the others.
const NAMES: [(&str, &str); 42] = [
    // Extensions
    ("2.5.29.9", "subjectDirectoryAttributes"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.3", "qcStatements"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess"),
    ("1.3.6.1.5.5.7.1.24", "tlsFeature"),
    ("1.3.6.1.5.5.7.48.1.5", "ocspNoCheck"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestamps"),
    ("1.3.6.1.4.1.11129.2.4.3", "the poison of a precertificate"),
    ("2.16.840.1.113730.1.1", "nsCertType"),
    ("2.16.840.1.113730.1.13", "nsComment"),
    // Attributes of names
    ("2.5.4.4", "surname"),
    ("2.5.4.9", "streetAddress"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionLocalityName"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionStateOrProvinceName"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionCountryName"),
];

/// The identifier's name, or else its numbers, as many as a person reads.
pub(super) fn identifier(oid: &[u8]) -> String {
    const MOST: usize = 60;
    let mut numbers = dotted(oid);
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == numbers) {
        return (*name).into();
    }
    if let Some(name) = rarer(oid) {
        return name;
    }
    if numbers.len() > MOST {
        // Digits, dots and question marks.
        numbers.truncate(MOST);
        numbers.push('…');
    }
    numbers
}

#[cfg(feature = "x509-parser")]
fn rarer(oid: &[u8]) -> Option<String> {
    let known = x509_parser::objects::oid_registry();
    known.get(&x509_parser::der_parser::Oid::new(oid.into())).map(|entry| entry.sn().into())
}

#[cfg(not(feature = "x509-parser"))]
fn rarer(_: &[u8]) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::PolicyId;

    #[test]
    fn identifiers_have_a_name_or_numbers() {
        assert_eq!(identifier(b"\x55\x1d\x10"), "privateKeyUsagePeriod");
        assert_eq!(identifier(b"\x60\x86\x48\x01\x86\xf8\x42\x01\x0d"), "nsComment");
        assert_eq!(identifier(b"\x55\x04\x0f"), "businessCategory");
        assert_eq!(identifier(b"\x2a\x03\x04"), "1.2.3.4");
        let rare = if cfg!(feature = "x509-parser") { "holdInstructionCode" } else { "2.5.29.23" };
        assert_eq!(identifier(b"\x55\x1d\x17"), rare);
        let long = [b"\x2a".as_slice(), &[1; 1000]].concat();
        assert_eq!(identifier(&long).chars().count(), 61);
        assert!(identifier(&long).ends_with('…'));
    }

    /// A wrong number would give an extension another's name. Where the registry of
    /// x509-parser has the identifier, it means the same, though it spells a few otherwise.
    #[test]
    fn each_name_is_the_identifiers_own() {
        const OTHERWISE: [(&str, &str); 7] = [
            ("UID", "uid"),
            ("cRLDistributionPoints", "crlDistributionPoints"),
            ("extKeyUsage", "extendedKeyUsage"),
            ("signedCertificateTimestamps", "ctSCTList"),
            ("jurisdictionLocalityName", "msJurisdictionLocality"),
            ("jurisdictionStateOrProvinceName", "msJurisdictionStateOrProvince"),
            ("jurisdictionCountryName", "msJurisdictionCountry"),
        ];
        let registry = x509_parser::objects::oid_registry();
        let (mut known, mut wrong) = (0, Vec::new());
        for (numbers, name) in NAMES {
            assert_eq!(numbers.parse::<PolicyId>().unwrap().to_string(), numbers);
            let octets: Vec<u64> = numbers.split('.').map(|part| part.parse().unwrap()).collect();
            let oid = x509_parser::der_parser::Oid::from(&octets).unwrap();
            let Some(theirs) = registry.get(&oid) else { continue };
            known += 1;
            let other = OTHERWISE.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
            if theirs.sn() != other {
                wrong.push((numbers, name, theirs.sn()));
            }
        }
        assert_eq!(wrong, []);
        assert!(known >= 30, "{known}");
    }
}
