use super::super::der::tlv;
use super::super::verify::{
    ECDSA_SHA256, KEY_PSS, ROWS, SignatureRefused, SubjectPublicKeyInfo, rsa_modulus_bits,
    verify_certificate, verify_tls12, verify_tls13,
};
use super::*;
use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

const RSA_2048: &[u8] = include_bytes!("../../../test-vectors/keys/rsa-2048.pkcs1.der");
const RSA_1024: &[u8] = include_bytes!("../../../test-vectors/keys/rsa-1024.pkcs1.der");
const MESSAGE: &[u8] = b"the signed content";

fn pkcs1(bytes: &[u8]) -> Result<SigningKey, KeyError> {
    SigningKey::from_der(&PrivatePkcs1KeyDer::from(bytes).into())
}

fn pkcs8_key(bytes: &[u8]) -> Result<SigningKey, KeyError> {
    SigningKey::from_der(&PrivatePkcs8KeyDer::from(bytes).into())
}

fn sec1_key(bytes: &[u8]) -> Result<SigningKey, KeyError> {
    SigningKey::from_der(&PrivateSec1KeyDer::from(bytes).into())
}

/// A key of each kind, with the identifier of its public key.
fn keys() -> Vec<(SigningKey, &'static [u8])> {
    let generated = |algorithm| rcgen::KeyPair::generate_for(algorithm).unwrap();
    let made = |pair: rcgen::KeyPair| pkcs8_key(pair.serialized_der()).unwrap();
    vec![
        (pkcs1(RSA_2048).unwrap(), KEY_RSA),
        (made(generated(&rcgen::PKCS_ECDSA_P256_SHA256)), KEY_P256),
        (made(generated(&rcgen::PKCS_ECDSA_P384_SHA384)), KEY_P384),
        (made(generated(&rcgen::PKCS_ED25519)), KEY_ED25519),
    ]
}

#[test]
fn each_key_signs_with_each_of_its_schemes_and_no_other() {
    let mut seen = 0;
    let keys = keys();
    for (key, algorithm) in &keys {
        let spki = SubjectPublicKeyInfo { algorithm, key: key.public_key() };
        for row in &ROWS {
            let Some(scheme) = row.scheme else { continue };
            if !key.schemes().contains(&scheme) {
                assert!(key.sign(scheme, MESSAGE).is_err());
                continue;
            }
            if row.key != *algorithm {
                continue;
            }
            seen += 1;
            let signature = key.sign(scheme, MESSAGE).unwrap();
            let tls13 = verify_tls13(scheme, spki, MESSAGE, &signature);
            let is_pkcs1 = scheme.0 & 0xff == 0x01;
            assert_eq!(tls13.is_ok(), !is_pkcs1, "RFC 9846 4.3.3: {}", row.name);
            assert_eq!(verify_tls12(scheme, spki, MESSAGE, &signature), Ok(()));
            assert_eq!(verify_certificate(row.algorithm, spki, MESSAGE, &signature), Ok(()));

            let bad = Err(SignatureRefused::Bad);
            assert_eq!(verify_tls12(scheme, spki, b"another", &signature), bad);
            assert_eq!(verify_certificate(row.algorithm, spki, b"another", &signature), bad);
            assert_eq!(verify_tls12(scheme, spki, MESSAGE, &signature[1..]), bad);
            assert_eq!(verify_tls12(scheme, spki, MESSAGE, &[]), bad);
            for (other, algorithm) in keys.iter().filter(|(_, other)| other != algorithm) {
                let spki = SubjectPublicKeyInfo { algorithm, key: other.public_key() };
                assert!(verify_tls13(scheme, spki, MESSAGE, &signature).is_err());
                assert!(verify_certificate(row.algorithm, spki, MESSAGE, &signature).is_err());
            }
        }
    }
    assert_eq!(seen, 6 + 1 + 1 + 1);
}

#[test]
fn pss_keys_sign_and_verify_what_their_parameters_allow() {
    use super::super::pss::tests::identifier;
    let info =
        |algorithm: &[u8]| tlv(tag::SEQUENCE, &[&[2, 1, 0], algorithm, &tlv(tag::OCTET_STRING, &[RSA_2048])]);
    let [one, two, three] = [0x0809, 0x080a, 0x080b].map(SignatureScheme);
    let salt = |octets: u8| [0xa2, 3, 2, 1, octets];
    let of = |hash: u8, null, rest: &[&[u8]]| identifier([(hash, null), (hash, null)], rest);
    let other = pkcs1(RSA_2048).unwrap();
    for (algorithm, able) in [
        (KEY_PSS.to_vec(), vec![one, two, three]),
        (of(1, true, &[]), vec![one]),
        (of(1, false, &[&salt(32)]), vec![one]),
        (of(2, true, &[&salt(48)]), vec![two]),
        (of(3, false, &[&salt(1)]), vec![three]),
    ] {
        let key = pkcs8_key(&info(&algorithm)).unwrap();
        assert_eq!(key.schemes(), able);
        let spki = SubjectPublicKeyInfo { algorithm: &algorithm, key: key.public_key() };
        for (hash, scheme) in [(1, one), (2, two), (3, three)] {
            let Ok(signature) = key.sign(scheme, MESSAGE) else {
                // What a key for everything signs so, this one is not believed to have.
                assert!(!able.contains(&scheme));
                let signature = other.sign(SignatureScheme(scheme.0 - 5), MESSAGE).unwrap();
                let wrong = Err(SignatureRefused::WrongKey);
                assert_eq!(verify_tls13(scheme, spki, MESSAGE, &signature), wrong);
                assert_eq!(
                    verify_certificate(&of(hash, true, &[&salt(16 + 16 * hash)]), spki, MESSAGE, &signature),
                    wrong
                );
                continue;
            };
            assert_eq!(verify_tls13(scheme, spki, MESSAGE, &signature), Ok(()));
            assert_eq!(verify_tls12(scheme, spki, MESSAGE, &signature), Ok(()));
            assert!(super::super::verify::fits(scheme, spki));
            // The two kinds of code go with the two kinds of key.
            let rsae = SignatureScheme(scheme.0 - 5);
            assert_eq!(verify_tls13(rsae, spki, MESSAGE, &signature), Err(SignatureRefused::WrongKey));
            assert!(key.sign(rsae, MESSAGE).is_err() && other.sign(scheme, MESSAGE).is_err());
            let plain = SubjectPublicKeyInfo { algorithm: KEY_RSA, ..spki };
            assert_eq!(verify_tls13(scheme, plain, MESSAGE, &signature), Err(SignatureRefused::WrongKey));
            let pkcs1 = SignatureScheme(0x0301 + 0x100 * u16::from(hash));
            assert!(other.sign(pkcs1, MESSAGE).is_ok());
            assert_eq!(verify_tls12(pkcs1, spki, MESSAGE, &signature), Err(SignatureRefused::WrongKey));
            // In certificates, by both kinds of key, with each NULL there or not.
            for nulls in [[true, true], [true, false], [false, true], [false, false]] {
                let signed = identifier(nulls.map(|null| (hash, null)), &[&salt(16 + 16 * hash)]);
                assert_eq!(verify_certificate(&signed, spki, MESSAGE, &signature), Ok(()));
                assert_eq!(verify_certificate(&signed, plain, MESSAGE, &signature), Ok(()));
                let bad = Err(SignatureRefused::Bad);
                assert_eq!(verify_certificate(&signed, spki, b"another", &signature), bad);
            }
            let unknown = Err(SignatureRefused::UnknownScheme);
            for odd in [salt(15 + 16 * hash), salt(17 + 16 * hash)] {
                let signed = of(hash, true, &[&odd]);
                assert_eq!(verify_certificate(&signed, plain, MESSAGE, &signature), unknown);
                let named = super::super::verify::signature_name(&signed);
                assert!(named.contains(&format!("a salt of {} octets", odd[4])), "{named}");
            }
        }
    }
    // The fewest octets of the salt are more than TLS has; SHA-1.
    for algorithm in [of(1, true, &[&salt(33)]), tlv(tag::SEQUENCE, &[&KEY_PSS[2..], &[0x30, 0]])] {
        let spki = SubjectPublicKeyInfo { algorithm: &algorithm, key: other.public_key() };
        assert_eq!(spki.kind(), None);
        assert_eq!(spki.describe(), "RSA-PSS, with parameters that are not supported");
        let signature = other.sign(SignatureScheme::RSA_PSS_RSAE_SHA256, MESSAGE).unwrap();
        assert!(verify_tls13(one, spki, MESSAGE, &signature).is_err());
        let refused = pkcs8_key(&info(&algorithm)).err();
        assert_eq!(refused, Some(KeyError::UnsupportedAlgorithm { found: "RSA-PSS".into() }));
    }
}

#[test]
fn ecdsa_curves_and_hashes_may_cross_in_certificates_and_tls12_only() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &random).unwrap();
    let key = pkcs8_key(document.as_ref()).unwrap();
    let spki = SubjectPublicKeyInfo { algorithm: KEY_P384, key: key.public_key() };
    // ring signs with one hash a curve: the crossed rows are reached, and say Bad, not WrongKey.
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    let crossed = [0x30, 6, 2, 1, 1, 2, 1, 1];
    let wrong = Err(SignatureRefused::WrongKey);
    let bad = Err(SignatureRefused::Bad);
    assert_eq!(verify_tls13(scheme, spki, MESSAGE, &crossed), wrong);
    assert_eq!(verify_tls12(scheme, spki, MESSAGE, &crossed), bad);
    assert_eq!(verify_certificate(ECDSA_SHA256, spki, MESSAGE, &crossed), bad);
}

#[test]
fn rsa_keys_of_both_formats_are_read() {
    let wrapped = tlv(tag::SEQUENCE, &[&[2, 1, 0], KEY_RSA, &tlv(tag::OCTET_STRING, &[RSA_2048])]);
    let key = pkcs8_key(&wrapped).unwrap();
    assert_eq!(key.public_key(), pkcs1(RSA_2048).unwrap().public_key());
    assert_eq!(rsa_modulus_bits(key.public_key()), Ok(2048));

    assert_eq!(pkcs1(RSA_1024).err(), Some(KeyError::UnsupportedSize { bits: 1024 }));
    let wrapped = tlv(tag::SEQUENCE, &[&[2, 1, 0], KEY_RSA, &tlv(tag::OCTET_STRING, &[RSA_1024])]);
    let refused = pkcs8_key(&wrapped).err().unwrap();
    assert_eq!(refused, KeyError::UnsupportedSize { bits: 1024 });
    assert!(refused.to_string().starts_with("the RSA key has 1024 bits"), "{refused}");

    // An odd size, and a size that would do in a key that does not hold together.
    let small = |octets: usize| {
        let number = tlv(tag::INTEGER, &[&[0], &vec![0xff; octets]]);
        let e = [2, 3, 1, 0, 1];
        tlv(tag::SEQUENCE, &[&[2, 1, 0], &number, &e, &number, &number, &number, &e, &e, &e])
    };
    assert_eq!(pkcs1(&small(288)).err(), Some(KeyError::UnsupportedSize { bits: 2304 }));
    assert!(matches!(pkcs1(&small(384)), Err(KeyError::Malformed { format: "PKCS#1", .. })));
    assert!(matches!(pkcs1(b"junk"), Err(KeyError::Malformed { .. })));
}

#[test]
fn sec1_keys_are_read_and_their_errors_say_what_to_do() {
    for (curve, oid, algorithm) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, OID_P256, KEY_P256),
        (&rcgen::PKCS_ECDSA_P384_SHA384, OID_P384, KEY_P384),
    ] {
        let pair = rcgen::KeyPair::generate_for(curve).unwrap();
        let (_, inner) = private_key_info(pair.serialized_der()).unwrap();
        let parts = ec_private_key(inner).unwrap();
        let point = parts.public.unwrap();
        let sec1 = |oid: &[u8], public: Option<&[u8]>| {
            tlv(
                tag::SEQUENCE,
                &[
                    &[2, 1, 1],
                    &tlv(tag::OCTET_STRING, &[parts.scalar]),
                    &tlv(0xa0, &[&tlv(tag::OID, &[oid])]),
                    &public.map_or(vec![], |point| tlv(0xa1, &[&tlv(tag::BIT_STRING, &[&[0], point])])),
                ],
            )
        };
        let key = sec1_key(&sec1(oid, Some(point))).unwrap();
        assert_eq!(key.public_key(), point);
        let spki = SubjectPublicKeyInfo { algorithm, key: key.public_key() };
        let scheme = key.schemes()[0];
        let signature = key.sign(scheme, MESSAGE).unwrap();
        assert_eq!(verify_tls13(scheme, spki, MESSAGE, &signature), Ok(()));

        let missing = sec1_key(&sec1(oid, None)).err().unwrap();
        assert_eq!(missing, KeyError::PublicKeyMissing);
        assert!(missing.to_string().contains("openssl ec -in"), "{missing}");
        let compressed = [&[2 + (point[point.len() - 1] & 1)], &point[1..1 + point.len() / 2]];
        let compressed = sec1(oid, Some(&compressed.concat()));
        assert_eq!(sec1_key(&compressed).err(), Some(KeyError::PublicKeyMissing));

        let p521 = sec1_key(&sec1(b"\x2b\x81\x04\x00\x23", Some(point))).err().unwrap();
        assert_eq!(p521, KeyError::UnsupportedCurve { found: "P-521".into() });
        let mut other = point.to_vec();
        other[5] ^= 1;
        let torn = sec1_key(&sec1(oid, Some(&other)));
        assert!(matches!(torn, Err(KeyError::Malformed { format: "SEC1", .. })));

        // The same inside PKCS#8.
        let bare = tlv(tag::SEQUENCE, &[&[2, 1, 0], algorithm, &tlv(tag::OCTET_STRING, &[&sec1(oid, None)])]);
        assert_eq!(pkcs8_key(&bare).err(), Some(KeyError::PublicKeyMissing));
    }
}

#[test]
fn keys_of_other_algorithms_are_named() {
    let info =
        |algorithm: &[u8]| tlv(tag::SEQUENCE, &[&[2, 1, 0], algorithm, &tlv(tag::OCTET_STRING, &[&[4, 0]])]);
    let x25519 = pkcs8_key(&info(b"\x30\x05\x06\x03\x2b\x65\x6e")).err().unwrap();
    assert_eq!(x25519, KeyError::UnsupportedAlgorithm { found: "X25519".into() });
    let k256 = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a";
    let k256 = pkcs8_key(&info(k256)).err().unwrap();
    assert_eq!(k256, KeyError::UnsupportedCurve { found: "secp256k1".into() });
}

#[test]
fn ed25519_keys_of_both_versions_are_read() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let (algorithm, inner) = private_key_info(pair.serialized_der()).unwrap();
    let inner = tlv(tag::OCTET_STRING, &[inner]);
    let v1 = tlv(tag::SEQUENCE, &[&[2, 1, 0], algorithm, &inner]);
    let from_v1 = pkcs8_key(&v1).unwrap();
    let from_v2 = pkcs8_key(pair.serialized_der()).unwrap();
    assert_eq!(from_v1.public_key(), from_v2.public_key());
}

#[test]
fn no_damage_to_a_key_panics() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let whole = pair.serialized_der().to_vec();
    let (_, inner) = private_key_info(&whole).unwrap();
    for source in [&whole[..], inner, &RSA_2048[..80]] {
        for end in 0..source.len() {
            let _ = (pkcs8_key(&source[..end]), sec1_key(&source[..end]));
            let _ = pkcs1(&source[..end]);
            let mut damaged = source.to_vec();
            damaged[end] ^= 0xff;
            let _ = (pkcs8_key(&damaged), sec1_key(&damaged), pkcs1(&damaged));
        }
    }
}

/// Where another source than ring signs, it takes every form of a key that ring takes.
#[test]
fn whoever_is_faster_signs() {
    let wrapped = |algorithm: &[u8], inner: &[u8]| {
        tlv(tag::SEQUENCE, &[&[2, 1, 0], algorithm, &tlv(tag::OCTET_STRING, &[inner])])
    };
    let [p256, p384, ed25519] =
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
            .map(|algorithm| rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_der());
    let sec1 = |pkcs8: &[u8], oid: &[u8]| {
        let key = ec_private_key(private_key_info(pkcs8).unwrap().1).unwrap();
        let public = tlv(tag::BIT_STRING, &[&[0], key.public.unwrap()]);
        let curve = tlv(0xa0, &[&tlv(tag::OID, &[oid])]);
        tlv(
            tag::SEQUENCE,
            &[&[2, 1, 1], &tlv(tag::OCTET_STRING, &[key.scalar]), &curve, &tlv(0xa1, &[&public])],
        )
    };
    let ed25519_v1 = private_key_info(&ed25519).map(|(algorithm, inner)| wrapped(algorithm, inner)).unwrap();
    for (operation, key) in [
        (Operation::RsaSigning, pkcs1(RSA_2048)),
        (Operation::RsaSigning, pkcs8_key(&wrapped(KEY_RSA, RSA_2048))),
        (Operation::RsaSigning, pkcs8_key(&wrapped(KEY_PSS, RSA_2048))),
        (Operation::P256Signing, pkcs8_key(&p256)),
        (Operation::P256Signing, sec1_key(&sec1(&p256, OID_P256))),
        (Operation::P384Signing, pkcs8_key(&p384)),
        (Operation::P384Signing, sec1_key(&sec1(&p384, OID_P384))),
        (Operation::Ed25519Signing, pkcs8_key(&ed25519)),
        (Operation::Ed25519Signing, pkcs8_key(&ed25519_v1)),
    ] {
        let key = key.unwrap();
        assert_eq!(key.faster.is_some(), operation.source() != Source::Ring, "{operation:?}");
        assert!(key.sign(key.schemes()[0], MESSAGE).is_ok());
    }
}
