//! Signatures of P-384 and RSA, verified; all that is signed is verified by ring.

use super::*;
use crate::crypto::der::{tag, tlv};
use crate::crypto::sign::SigningKey;
use crate::crypto::vectors::read;
use crate::crypto::verify::{KEY_P384, KEY_RSA, ROWS, Row, verify_by};
use crate::wire::SignatureScheme;
use Source::{AwsLc, Graviola, Ring};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

const MESSAGE: &[u8] = b"the signed content";

/// What ring says of it, and that the others say the same.
fn alike(row: &Row, key: &[u8], signature: &[u8], what: &str) -> bool {
    let expected = verify_by(Ring, row, key, MESSAGE, signature);
    for source in there(Operation::P384Verifying, &[Graviola, AwsLc]) {
        let said = verify_by(source, row, key, MESSAGE, signature);
        assert_eq!(said, expected, "{source:?}: {}, {what}, {}", row.name, hex::encode(signature));
    }
    expected.is_ok()
}

fn row(scheme: SignatureScheme, key: &[u8]) -> &'static Row {
    ROWS.iter().find(|row| row.scheme == Some(scheme) && row.key == key).unwrap()
}

fn p384() -> (EcdsaKeyPair, Vec<u8>) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, document.as_ref(), &random).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    (pair, public)
}

/// An INTEGER of a number that is not negative.
fn integer(number: &[u8]) -> Vec<u8> {
    let from = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
    let sign: &[u8] = if number[from] & 0x80 != 0 { &[0] } else { &[] };
    tlv(tag::INTEGER, &[sign, &number[from..]])
}

/// The two numbers of a signature, 48 octets each.
fn numbers(signature: &[u8]) -> [Vec<u8>; 2] {
    let mut rest = &signature[2..];
    [(); 2].map(|()| {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        rest = after;
        let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        [vec![0; 48 - number.len()], number].concat()
    })
}

#[test]
fn p384_random() {
    for _ in 0..20 {
        let (pair, public) = p384();
        let signature = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
        let signature = signature.as_ref();
        let row384 = row(SignatureScheme::ECDSA_SECP384R1_SHA384, KEY_P384);
        assert!(alike(row384, &public, signature, "good"));
        // The same signature, of another hash.
        assert!(!alike(
            row(SignatureScheme::ECDSA_SECP256R1_SHA256, KEY_P384),
            &public,
            signature,
            "SHA-256"
        ));
        assert!(!alike(row384, &p384().1, signature, "another key"));
        for at in 0..signature.len() {
            let mut altered = signature.to_vec();
            altered[at] ^= random::<1>()[0] | 1;
            alike(row384, &public, &altered, "altered");
            assert!(!alike(row384, &public, &signature[..at], "cut"));
        }
    }
}

#[test]
fn p384_numbers_at_the_edges() {
    let n = hex::decode(concat!(
        "ffffffffffffffffffffffffffffffffffffffffffffffff",
        "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
    ));
    let n = n.unwrap();
    let (pair, public) = p384();
    let signature = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
    let [r, s] = numbers(signature.as_ref());
    let row = row(SignatureScheme::ECDSA_SECP384R1_SHA384, KEY_P384);
    let of = |r: &[u8], s: &[u8]| tlv(tag::SEQUENCE, &[&integer(r), &integer(s)]);
    assert_eq!(of(&r, &s), signature.as_ref());
    // ECDSA has two of each.
    assert!(alike(row, &public, &of(&r, &minus(&n, &s)), "n - s"));
    let mut edges: Vec<Vec<u8>> = vec![vec![0], vec![1], n.clone(), plus(&n, 1), vec![0xff; 48]];
    edges.extend([
        minus(&n, &plus(&[0; 48], 1)),
        [&[1][..], &[0; 48]].concat(),
        minus(&n, &r),
        vec![0xff; 60],
    ]);
    for edge in &edges {
        assert!(!alike(row, &public, &of(edge, &s), "r"));
        assert!(!alike(row, &public, &of(&r, edge), "s"));
        for other in &edges {
            assert!(!alike(row, &public, &of(edge, other), "both"));
        }
    }
    // Other ways of writing the same.
    let (r, s) = (integer(&r), integer(&s));
    let whole = signature.as_ref();
    let long = |number: &[u8]| [&[tag::INTEGER, 0x81], &number[1..]].concat();
    let padded = |number: &[u8]| tlv(tag::INTEGER, &[&[0], &number[2..]]);
    let negative = |number: &[u8]| tlv(tag::INTEGER, &[&[0x80], &number[2..]]);
    let mut wrong = vec![
        vec![],
        [whole, &[0]].concat(),
        tlv(tag::SEQUENCE, &[&r]),
        tlv(tag::SEQUENCE, &[&r, &s, &s]),
        tlv(tag::SEQUENCE, &[&r, &s, &[5, 0]]),
        tlv(tag::SEQUENCE, &[&r, &[tag::INTEGER, 0]]),
        [&[0x30, 0x81], &whole[1..]].concat(),
        [&[0x30, 0x82, 0], &whole[1..]].concat(),
        [&[0x30, 0x80], &whole[2..], &[0, 0]].concat(),
        [&[0x31], &whole[1..]].concat(),
        whole[2..].to_vec(),
    ];
    for odd in [long, padded, negative] {
        wrong.push(tlv(tag::SEQUENCE, &[&odd(&r), &s]));
        wrong.push(tlv(tag::SEQUENCE, &[&r, &odd(&s)]));
    }
    for signature in &wrong {
        assert!(!alike(row, &public, signature, "written otherwise"));
    }
}

#[test]
fn p384_keys_that_are_none() {
    let (pair, public) = p384();
    let signature = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
    let row = row(SignatureScheme::ECDSA_SECP384R1_SHA384, KEY_P384);
    let (x, y) = public[1..].split_at(48);
    let parity = y[47] & 1;
    for bad in [
        [&[2 + parity][..], x].concat(),
        [&[6 + parity][..], x, y].concat(),
        [&[4][..], x, &plus(y, 1)].concat(),
        [&[4][..], &[0; 96]].concat(),
        [&[4][..], &[0xff; 96]].concat(),
        [&[0x30, 0x76][..], KEY_P384, &[3, 0x62, 0], &public].concat(),
        [&public[..], &[0]].concat(),
        vec![0],
        vec![],
    ] {
        assert!(!alike(row, &bad, signature.as_ref(), "a bad key"));
    }
}

#[test]
fn rsa_at_the_edges() {
    let pss = row(SignatureScheme::RSA_PSS_RSAE_SHA256, KEY_RSA);
    let cases = read(include_str!("../../../test-vectors/rsa-edges.txt"));
    assert!(cases.len() > 12);
    for case in &cases {
        let (key, signature) = (case.get("key"), case.get("signature"));
        let taken = alike(pss, key, signature, &case.title);
        let sizes = ["2040", "2041", "2047", "2049", "3000", "2048 bits, e of 34"];
        let odd = sizes.iter().any(|size| case.title.starts_with(size));
        assert!(taken || odd || !case.title.ends_with("salt 32"), "{}", case.title);
        assert!(!taken || case.title.ends_with("salt 32"), "{}", case.title);
        for row in ROWS
            .iter()
            .filter(|row| row.key == KEY_RSA && row.scheme.is_some() && row.algorithm != pss.algorithm)
        {
            assert!(!alike(row, key, signature, "another algorithm"));
        }
        let n = &key[9..][..signature.len()];
        for (what, bad) in [
            ("0", vec![0; n.len()]),
            ("1", plus(&vec![0; n.len()], 1)),
            ("n", n.to_vec()),
            ("n - 1", [&n[..n.len() - 1], &[n[n.len() - 1] - 1]].concat()),
            ("n + 1", plus(n, 1)),
            ("all ones", vec![0xff; n.len()]),
            ("longer", [&[0], signature].concat()),
            ("longer behind", [signature, &[0]].concat()),
            ("shorter", signature[1..].to_vec()),
            ("none", vec![]),
        ] {
            assert!(!alike(pss, key, &bad, what), "{what}");
        }
    }
}

/// Each scheme, by whoever signs in this build, is verified by all.
#[test]
fn what_is_signed_is_verified() {
    let rsa = include_bytes!("../../../test-vectors/keys/rsa-2048.pkcs1.der");
    let p256 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_der();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_der();
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_der();
    let keys: [rustls_pki_types::PrivateKeyDer<'_>; 4] = [
        rustls_pki_types::PrivatePkcs1KeyDer::from(&rsa[..]).into(),
        rustls_pki_types::PrivatePkcs8KeyDer::from(&p256[..]).into(),
        rustls_pki_types::PrivatePkcs8KeyDer::from(&p384[..]).into(),
        rustls_pki_types::PrivatePkcs8KeyDer::from(&ed25519[..]).into(),
    ];
    for key in keys {
        let key = SigningKey::from_der(&key).unwrap();
        for &scheme in key.schemes() {
            let row = ROWS.iter().find(|row| row.scheme == Some(scheme)).unwrap();
            for _ in 0..10 {
                let signature = key.sign(scheme, MESSAGE).unwrap();
                match scheme {
                    // Who else verifies it is not asked: see source.rs.
                    SignatureScheme::ED25519 => {
                        assert_eq!(verify_by(Ring, row, key.public_key(), MESSAGE, &signature), Ok(()));
                    }
                    _ => assert!(alike(row, key.public_key(), &signature, "signed here")),
                }
            }
        }
    }
}
