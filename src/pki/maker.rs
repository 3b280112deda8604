//! Certificates for tests, every octet of which can be chosen.

use crate::crypto::der::{tag, tlv};
use crate::crypto::sign::SigningKey;
use crate::wire::codepoints::SignatureScheme;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(super) const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

pub(super) mod oid {
    pub(in crate::pki) const SUBJECT_KEY: &[u8] = b"\x55\x1d\x0e";
    pub(in crate::pki) const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
    pub(in crate::pki) const ALT_NAMES: &[u8] = b"\x55\x1d\x11";
    pub(in crate::pki) const BASIC: &[u8] = b"\x55\x1d\x13";
    pub(in crate::pki) const CONSTRAINTS: &[u8] = b"\x55\x1d\x1e";
    pub(in crate::pki) const AUTHORITY_KEY: &[u8] = b"\x55\x1d\x23";
    pub(in crate::pki) const POLICY_CONSTRAINTS: &[u8] = b"\x55\x1d\x24";
    pub(in crate::pki) const EXTENDED: &[u8] = b"\x55\x1d\x25";
    pub(in crate::pki) const ACCESS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x01";
    pub(in crate::pki) const UNKNOWN: &[u8] = b"\x2a\x03\x04";
}

/// 2026-01-01 and 2027-01-01; the middle is [`NOW`].
pub(super) const FROM: (u8, &str) = (tag::UTC_TIME, "260101000000Z");
pub(super) const TO: (u8, &str) = (tag::UTC_TIME, "270101000000Z");
/// 2026-07-02 12:00:00.
pub(super) const NOW: u64 = 1_782_993_600;

/// Somebody with a name and a key.
pub(super) struct Party {
    pub(super) name: Vec<u8>,
    pub(super) key: SigningKey,
    pub(super) spki: Vec<u8>,
}

impl Party {
    pub(super) fn new(name: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let der = PrivateKeyDer::try_from(pair.serialized_der()).unwrap();
        let key = SigningKey::from_der(&der).unwrap();
        let bits = tlv(tag::BIT_STRING, &[&[0], key.public_key()]);
        let spki = tlv(tag::SEQUENCE, &[ED25519, &bits]);
        Self { name: common_name(name), key, spki }
    }

    pub(super) fn key_id(&self) -> Vec<u8> {
        crate::crypto::kdf::sha256(&self.spki)[..20].to_vec()
    }
}

#[derive(Clone)]
pub(super) struct Extension {
    pub(super) oid: &'static [u8],
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

/// The fields of a certificate.
#[derive(Clone)]
pub(super) struct Fields {
    /// What stands before the serial number.
    pub(super) version: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) inner_algorithm: Vec<u8>,
    pub(super) outer_algorithm: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) from: (u8, String),
    pub(super) to: (u8, String),
    pub(super) subject: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) extensions: Vec<Extension>,
    /// What stands after the extensions, inside of what is signed.
    pub(super) after: Vec<u8>,
}

impl Fields {
    /// For `subject` from `issuer`, with what the strict profile wants of everybody.
    fn new(subject: &Party, issuer: &Party) -> Self {
        let time = |(tag, text): (u8, &str)| (tag, text.to_owned());
        let mut fields = Self {
            version: vec![0xa0, 3, 2, 1, 2],
            serial: vec![1],
            inner_algorithm: ED25519.to_vec(),
            outer_algorithm: ED25519.to_vec(),
            issuer: issuer.name.clone(),
            from: time(FROM),
            to: time(TO),
            subject: subject.name.clone(),
            spki: subject.spki.clone(),
            extensions: vec![],
            after: vec![],
        };
        let key_id = tlv(tag::SEQUENCE, &[&tlv(0x80, &[&issuer.key_id()])]);
        fields.put(oid::AUTHORITY_KEY, false, key_id);
        fields
    }

    pub(super) fn authority(subject: &Party, issuer: &Party) -> Self {
        let mut fields = Self::new(subject, issuer);
        fields.put(oid::SUBJECT_KEY, false, tlv(tag::OCTET_STRING, &[&subject.key_id()]));
        fields.put(oid::BASIC, true, basic(true, None));
        // keyCertSign, cRLSign
        fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 0x06]);
        fields
    }

    /// A server's, whose name is also its common name.
    pub(super) fn server(subject: &Party, issuer: &Party, names: &[&str]) -> Self {
        let mut fields = Self::new(subject, issuer);
        fields.subject = common_name(names[0]);
        fields.put(oid::KEY_USAGE, true, vec![3, 2, 7, 0x80]);
        fields.put(oid::EXTENDED, false, extended(&[1]));
        let names: Vec<_> = names.iter().map(|name| tlv(0x82, &[name.as_bytes()])).collect();
        let names: Vec<_> = names.iter().map(Vec::as_slice).collect();
        fields.put(oid::ALT_NAMES, false, tlv(tag::SEQUENCE, &names));
        fields
    }

    /// Adds an extension, or replaces it.
    pub(super) fn put(&mut self, oid: &'static [u8], critical: bool, value: Vec<u8>) {
        self.leave_out(oid);
        self.extensions.push(Extension { oid, critical, value });
    }

    pub(super) fn leave_out(&mut self, oid: &'static [u8]) {
        self.extensions.retain(|extension| extension.oid != oid);
    }

    pub(super) fn valid(&mut self, from: &str, to: &str) {
        self.from.1 = from.into();
        self.to.1 = to.into();
    }

    pub(super) fn sign(&self, issuer: &Party) -> CertificateDer<'static> {
        let time = |(tag, text): &(u8, String)| tlv(*tag, &[text.as_bytes()]);
        let extensions: Vec<_> = self
            .extensions
            .iter()
            .map(|extension| {
                let critical: &[u8] = if extension.critical { &[1, 1, 0xff] } else { &[] };
                let value = tlv(tag::OCTET_STRING, &[&extension.value]);
                tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[extension.oid]), critical, &value])
            })
            .collect();
        let extensions: Vec<_> = extensions.iter().map(Vec::as_slice).collect();
        let extensions = match &extensions[..] {
            [] => vec![],
            list => tlv(0xa3, &[&tlv(tag::SEQUENCE, list)]),
        };
        let tbs = tlv(
            tag::SEQUENCE,
            &[
                &self.version,
                &tlv(tag::INTEGER, &[&self.serial]),
                &self.inner_algorithm,
                &self.issuer,
                &tlv(tag::SEQUENCE, &[&time(&self.from), &time(&self.to)]),
                &self.subject,
                &self.spki,
                &extensions,
                &self.after,
            ],
        );
        let signature = issuer.key.sign(SignatureScheme::ED25519, &tbs).unwrap();
        let bits = tlv(tag::BIT_STRING, &[&[0], &signature]);
        tlv(tag::SEQUENCE, &[&tbs, &self.outer_algorithm, &bits]).into()
    }
}

pub(super) fn common_name(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return tlv(tag::SEQUENCE, &[]);
    }
    let kind = tlv(tag::OID, &[b"\x55\x04\x03"]);
    let pair = tlv(tag::SEQUENCE, &[&kind, &tlv(0x0c, &[text.as_bytes()])]);
    tlv(tag::SEQUENCE, &[&tlv(tag::SET, &[&pair])])
}

pub(super) fn basic(ca: bool, path_length: Option<u8>) -> Vec<u8> {
    let ca: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
    let length = path_length.map_or(vec![], |length| vec![2, 1, length]);
    tlv(tag::SEQUENCE, &[ca, &length])
}

/// Purposes by the last number of their identifier; 0 is any.
pub(super) fn extended(purposes: &[u8]) -> Vec<u8> {
    let all: Vec<_> = purposes
        .iter()
        .map(|purpose| match purpose {
            0 => tlv(tag::OID, &[b"\x55\x1d\x25\x00"]),
            _ => tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x03", &[*purpose]]),
        })
        .collect();
    tlv(tag::SEQUENCE, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// nameConstraints with one DNS base in one of the lists.
pub(super) fn dns_constraint(list: u8, base: &str) -> Vec<u8> {
    let subtree = tlv(tag::SEQUENCE, &[&tlv(0x82, &[base.as_bytes()])]);
    tlv(tag::SEQUENCE, &[&tlv(0xa0 | list, &[&subtree])])
}
