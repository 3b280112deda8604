//! The reader that decides, and what x509-parser says about the same octets.

use super::*;
use crate::crypto::der::{Der, tag, tlv};
use crate::pki::maker::{basic, dns_constraint, extended, oid};
use crate::pki::opinion::Facts;

/// xorshift64*: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

/// A value and what is in it, where that is values again.
#[derive(Clone)]
struct Node {
    tag: u8,
    /// What stands before the values inside: the unused bits of a BIT STRING.
    content: Vec<u8>,
    inside: Vec<Node>,
}

impl Node {
    fn list(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut values = Der::new(bytes);
        let mut list = Vec::new();
        while !values.is_empty() {
            let value = values.any().ok()?;
            let nests = value.tag & 0x20 != 0 || value.tag == tag::OCTET_STRING;
            let inside = if nests { Self::list(value.content) } else { None };
            let (content, inside) = match inside {
                Some(inside) if !inside.is_empty() => (vec![], inside),
                _ => (value.content.to_vec(), vec![]),
            };
            list.push(Self { tag: value.tag, content, inside });
        }
        Some(list)
    }

    fn bytes(&self) -> Vec<u8> {
        let inside: Vec<u8> = self.inside.iter().flat_map(Self::bytes).collect();
        tlv(self.tag, &[&self.content, &inside])
    }

    fn count(&self) -> usize {
        1 + self.inside.iter().map(Self::count).sum::<usize>()
    }

    /// Changes the value of this number, the lengths around it kept right.
    fn change(&mut self, mut number: usize, numbers: &mut Numbers) {
        if number == 0 {
            return self.change_own(numbers);
        }
        number -= 1;
        for place in 0..self.inside.len() {
            let count = self.inside[place].count();
            if number >= count {
                number -= count;
                continue;
            }
            match (number, numbers.below(8)) {
                (0, 0) => drop(self.inside.remove(place)),
                (0, 1) => self.inside.insert(place, self.inside[place].clone()),
                (0, 2) => {
                    let other = numbers.below(self.inside.len());
                    self.inside.swap(place, other);
                }
                _ => self.inside[place].change(number, numbers),
            }
            return;
        }
    }

    fn change_own(&mut self, numbers: &mut Numbers) {
        const TAGS: [u8; 22] = [
            1, 2, 3, 4, 5, 6, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x80, 0x81, 0x82, 0x87,
            0xa0, 0xa3, 0xa4,
        ];
        let odd = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)];
        let at = numbers.below(self.content.len());
        match numbers.below(8) {
            0 => self.tag = TAGS[numbers.below(TAGS.len())],
            1 => self.tag ^= 1 << numbers.below(8),
            2 => self.content.insert(at, odd),
            3 => self.content.push(odd),
            4 => self.content.truncate(at),
            _ if self.content.is_empty() => self.content.push(numbers.below(256) as u8),
            5 => self.content[at] ^= 1 << numbers.below(8),
            6 => self.content[at] = odd,
            _ => drop(self.content.remove(at)),
        }
    }
}

/// A certificate that has a bit of everything.
fn rich() -> Vec<u8> {
    let mut chain = Chain::new();
    let fields = &mut chain.server_fields;
    let sequence = |parts: &[&[u8]]| tlv(tag::SEQUENCE, parts);
    let names: [(u8, &[u8]); 9] = [
        (0x81, b"a@example.com"),
        (0x82, b"*.example.com"),
        (0x86, b"https://example.com/"),
        (0x87, &[192, 0, 2, 1]),
        (0x88, &[0x2a, 3, 4]),
        (0xa0, &[6, 2, 0x2a, 3, 0xa0, 2, 5, 0]),
        (0xa3, &[0x30, 0]),
        (0xa4, &[0x30, 0]),
        (0xa5, &[0x80, 1, b'x']),
    ];
    let names: Vec<_> = names.iter().map(|(kind, content)| tlv(*kind, &[content])).collect();
    fields.put(oid::ALT_NAMES, false, sequence(&names.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    fields.put(oid::BASIC, true, basic(true, Some(3)));
    fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.com"));
    fields.put(oid::EXTENDED, false, extended(&[0, 1, 2, 9, 77]));
    fields.put(oid::SUBJECT_KEY, false, tlv(tag::OCTET_STRING, &[&[7; 20]]));
    fields.put(oid::POLICY_CONSTRAINTS, true, sequence(&[&[0x80, 1, 3], &[0x81, 1, 0]]));
    fields.put(b"\x55\x1d\x20", false, sequence(&[&sequence(&[&tlv(tag::OID, &[b"\x2a\x03"])])]));
    fields.put(b"\x55\x1d\x1f", false, sequence(&[&sequence(&[&[0xa0, 0]])]));
    let method = tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x30\x02"]);
    fields.put(oid::ACCESS, false, sequence(&[&sequence(&[&method, &tlv(0x86, &[b"http://a"])])]));
    fields.put(oid::UNKNOWN, false, vec![5, 0]);
    fields.to = (tag::GENERALIZED_TIME, "20600101000000Z".into());
    fields.spki.splice(.., chain.server.spki.clone());
    // Both unique identifiers stand behind the key.
    fields.spki.extend([0x81, 2, 0, 7, 0x82, 2, 1, 6]);
    chain.server_fields.sign(&chain.middle).to_vec()
}

#[test]
fn whatever_is_accepted_another_reader_reads_alike() {
    const MUTANTS: usize = 20_000;
    let chain = Chain::new();
    let made = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    let mut seeds = vec![rich(), chain.root_fields.sign(&chain.root).to_vec(), made.cert.der().to_vec()];
    seeds.extend(chain.sent().iter().map(|sent| sent.to_vec()));
    let mut first = Chain::new();
    first.root_fields.version.clear();
    first.root_fields.extensions.clear();
    seeds.push(first.root_fields.sign(&first.root).to_vec());
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for seed in &seeds {
        assert_eq!(Certificate::read(seed).unwrap().second_opinion(), Ok(()));
        let whole = Node::list(seed).unwrap().remove(0);
        assert_eq!(&whole.bytes(), seed);
        for _ in 0..MUTANTS / seeds.len() {
            let mut mutant = whole.clone();
            for _ in 0..1 + numbers.below(2) {
                let number = numbers.below(mutant.count());
                mutant.change(number, &mut numbers);
            }
            let mut bytes = mutant.bytes();
            // What the lengths do not show, too.
            if numbers.below(4) == 0 {
                let at = numbers.below(bytes.len());
                bytes[at] = numbers.below(256) as u8;
            }
            if let Ok(read) = Certificate::read(&bytes) {
                accepted += 1;
                assert_eq!(read.second_opinion(), Ok(()), "{}", hex::encode(&bytes));
            }
        }
    }
    assert!(accepted > MUTANTS / 4, "{accepted} are too few to say much");
}

/// One change to a certificate that both read; the reason of whoever decides,
/// and whether x509-parser refuses it, too.
#[test]
fn what_is_not_der_is_refused_whoever_else_takes_it() {
    type Change = fn(&mut Fields);
    let changes: [(&str, bool, Change); 20] = [
        ("serialNumber", false, |fields| fields.serial = vec![0, 1]),
        ("serialNumber", false, |fields| fields.serial = vec![]),
        ("signature", true, |fields| fields.inner_algorithm = vec![0x30, 0]),
        ("signature", false, |fields| fields.inner_algorithm = vec![0x30, 2, 6, 0]),
        ("signature", false, |fields| fields.inner_algorithm = vec![0x30, 4, 6, 2, 0x2a, 0x86]),
        ("signatureAlgorithm", false, |fields| fields.outer_algorithm = vec![0x30, 5, 6, 3, 0x2a, 0x80, 1]),
        ("notBefore", false, |fields| fields.from.1 = "2601010000Z".into()),
        ("notAfter", false, |fields| fields.to.1 = "270101000000+0100".into()),
        ("notAfter", false, |fields| fields.to = (tag::GENERALIZED_TIME, "20270101000000.5Z".into())),
        ("notAfter", true, |fields| fields.to.1 = "270230000000Z".into()),
        ("subject", false, |fields| fields.subject = name_with(&[0x55, 0x04, 0x80, 0x03], 0x0c)),
        ("subject", false, |fields| fields.subject = name_with(&[0x55, 0x04, 0x83], 0x0c)),
        ("subject", false, |fields| fields.subject = name_with(&[0x55, 0x04, 0x03], 0x1f)),
        ("subjectPublicKeyInfo", true, |fields| {
            let at = fields.spki.len() - 33;
            fields.spki[at] = 9;
        }),
        ("issuerUniqueID", true, |fields| fields.spki.extend([0x81, 0])),
        ("issuerUniqueID", false, |fields| fields.spki.extend([0x81, 1, 1])),
        ("subjectUniqueID", false, |fields| fields.spki.extend([0x82, 2, 4, 0xff])),
        ("an extension", false, |fields| fields.put(b"\x55\x1d\x80\x13", false, vec![5, 0])),
        ("an extension", false, |fields| fields.put(b"\x2a\x86", false, vec![5, 0])),
        ("an extension", false, |fields| fields.put(b"", false, vec![5, 0])),
    ];
    for (place, (reason, both, change)) in changes.into_iter().enumerate() {
        let mut chain = Chain::new();
        change(&mut chain.server_fields);
        let der = chain.server_fields.sign(&chain.middle);
        assert_eq!(Certificate::read(&der).unwrap_err().reason, reason, "change {place}");
        assert_eq!(Facts::by_x509_parser(&der).is_none(), both, "{reason}, change {place}");
    }
    // The nearest that is taken.
    Chain::holds(|chain| chain.server_fields.spki.extend([0x81, 2, 4, 0xf0, 0x82, 1, 0]));
    Chain::holds(|chain| chain.server_fields.put(b"\x2a\x81\x80\x13", false, vec![5, 0]));
}

/// A Name of one attribute, which says `x`.
fn name_with(oid: &[u8], string: u8) -> Vec<u8> {
    let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &tlv(string, &[b"x"])]);
    tlv(tag::SEQUENCE, &[&tlv(tag::SET, &[&pair])])
}

/// Names that are not whole make the extension malformed.
#[test]
fn names_are_whole_down_to_the_rarest_form() {
    for (kind, content, good) in [
        (0x88, &[0x2a, 3, 4][..], true),
        (0x88, &[0x2a, 0x83], false),
        (0x88, &[], false),
        (0xa0, &[6, 2, 0x2a, 3, 0xa0, 2, 5, 0], true),
        (0xa0, &[6, 2, 0x2a, 0x83, 0xa0, 2, 5, 0], false),
        (0xa0, &[6, 2, 0x2a, 3, 0xa0, 0], false),
        (0xa0, &[6, 2, 0x2a, 3, 0xa0, 4, 5, 0, 5, 0], false),
    ] {
        let change = |chain: &mut Chain| {
            let (dns, other) = (tlv(0x82, &[b"example.com"]), tlv(kind, &[content]));
            chain.server_fields.put(oid::ALT_NAMES, false, tlv(tag::SEQUENCE, &[&dns, &other]));
        };
        if good {
            Chain::holds(change);
        } else {
            let broken = Chain::broken(change);
            assert!(broken.contains(&Rule::Extensions), "{kind:x} {content:x?}: {broken:?}");
        }
    }
}

/// RFC 5929 section 4.1: the certificate's hash, by the hash of its signature.
#[test]
fn the_channel_binding_is_the_hash_of_the_signature() {
    let made = |algorithm| {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::new(["example.com".to_owned()]).unwrap();
        params.self_signed(&key).unwrap().der().clone()
    };
    let hashed = |algorithm, der: &[u8]| Some(ring::digest::digest(algorithm, der).as_ref().to_vec());
    let der = made(&rcgen::PKCS_ECDSA_P256_SHA256);
    assert_eq!(tls_server_end_point(&der).unwrap(), hashed(&ring::digest::SHA256, &der));
    let der = made(&rcgen::PKCS_ECDSA_P384_SHA384);
    assert_eq!(tls_server_end_point(&der).unwrap(), hashed(&ring::digest::SHA384, &der));
    let key =
        rcgen::KeyPair::from_pem(include_str!("../../../test-vectors/keys/rsa-2048.pkcs8.pem")).unwrap();
    let key = rcgen::KeyPair::from_der_and_sign_algo(
        &PrivateKeyDer::try_from(key.serialized_der().to_vec()).unwrap(),
        &rcgen::PKCS_RSA_SHA512,
    )
    .unwrap();
    let der = rcgen::CertificateParams::default().self_signed(&key).unwrap().der().clone();
    assert_eq!(tls_server_end_point(&der).unwrap(), hashed(&ring::digest::SHA512, &der));
    assert_eq!(tls_server_end_point(&made(&rcgen::PKCS_ED25519)).unwrap(), None);
    assert!(tls_server_end_point(&CertificateDer::from(vec![1, 2, 3])).is_err());
}
