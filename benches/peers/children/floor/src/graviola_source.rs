//! graviola, where the processor has what it needs.

use crate::{Carried, Operation, Records};
use graviola::aead::{AesGcm, ChaCha20Poly1305};
use graviola::hashing::{Sha256, Sha384};
use graviola::key_agreement::mlkem768::{Ciphertext, DecapKey, EncapKey};
use graviola::key_agreement::x25519::{PrivateKey, PublicKey};
use graviola::signing::{ecdsa, eddsa, rsa};
use peers_common::Key;
use std::hint::black_box;

const MESSAGE: [u8; 130] = [0x5a; 130];

pub(crate) fn exchange() -> Operation {
    let peer = PrivateKey::new_random().unwrap().public_key().as_bytes();
    Box::new(move || {
        let own = PrivateKey::new_random().unwrap();
        black_box(own.public_key().as_bytes());
        black_box(own.diffie_hellman(&PublicKey::from_array(&peer)).unwrap());
    })
}

/// To make a key and decapsulate with it, and to encapsulate for one.
pub(crate) fn kem() -> [Operation; 2] {
    let public = DecapKey::generate().unwrap().encapsulation_key().as_bytes();
    let (_, sample) = EncapKey::from_bytes(&public).unwrap().encaps().unwrap();
    let sample = *sample.as_ref();
    let receive = move || {
        let own = DecapKey::generate().unwrap();
        black_box(own.encapsulation_key().as_bytes());
        // Not for this key: it is rejected implicitly, which takes as long.
        black_box(own.decaps(&Ciphertext::from(sample)));
    };
    let send = move || {
        black_box(EncapKey::from_bytes(&public).unwrap().encaps().unwrap());
    };
    [Box::new(receive), Box::new(send)]
}

/// To sign, and to verify.
pub(crate) fn signature(key: Key, pkcs8: &[u8]) -> Option<[Operation; 2]> {
    let mut to = [0; 512];
    Some(match key {
        Key::P256 => {
            let public = public(&::ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8);
            let key = ecdsa::SigningKey::<ecdsa::P256>::from_pkcs8_der(pkcs8).ok()?;
            let signature = key.sign_asn1::<Sha256>(&[&MESSAGE], &mut to).unwrap().to_vec();
            let verify = move || {
                let key = ecdsa::VerifyingKey::<ecdsa::P256>::from_x962_uncompressed(&public).unwrap();
                key.verify_asn1::<Sha256>(&[&MESSAGE], &signature).unwrap();
            };
            [Box::new(move || look(key.sign_asn1::<Sha256>(&[&MESSAGE], &mut to).unwrap())), Box::new(verify)]
        }
        Key::P384 => {
            let public = public(&::ring::signature::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8);
            let key = ecdsa::SigningKey::<ecdsa::P384>::from_pkcs8_der(pkcs8).ok()?;
            let signature = key.sign_asn1::<Sha384>(&[&MESSAGE], &mut to).unwrap().to_vec();
            let verify = move || {
                let key = ecdsa::VerifyingKey::<ecdsa::P384>::from_x962_uncompressed(&public).unwrap();
                key.verify_asn1::<Sha384>(&[&MESSAGE], &signature).unwrap();
            };
            [Box::new(move || look(key.sign_asn1::<Sha384>(&[&MESSAGE], &mut to).unwrap())), Box::new(verify)]
        }
        Key::Ed25519 => {
            let key = eddsa::Ed25519SigningKey::from_pkcs8_der(pkcs8).ok()?;
            let (public, signature) = (key.public_key().as_bytes(), key.sign(&MESSAGE));
            let verify = move || {
                eddsa::Ed25519VerifyingKey::from_bytes(&public)
                    .unwrap()
                    .verify(&signature, &MESSAGE)
                    .unwrap();
            };
            [Box::new(move || look(&key.sign(&MESSAGE))), Box::new(verify)]
        }
        Key::Rsa => {
            let key = rsa::SigningKey::from_pkcs8_der(pkcs8).ok()?;
            let public = key.public_key();
            let signature = key.sign_pss_sha256(&mut to, &MESSAGE).unwrap().to_vec();
            let verify = move || public.verify_pss_sha256(&signature, &MESSAGE).unwrap();
            [Box::new(move || look(key.sign_pss_sha256(&mut to, &MESSAGE).unwrap())), Box::new(verify)]
        }
    })
}

/// graviola does not tell the public key of an ECDSA key.
fn public(algorithm: &'static ::ring::signature::EcdsaSigningAlgorithm, pkcs8: &[u8]) -> Vec<u8> {
    use ::ring::signature::{EcdsaKeyPair, KeyPair};
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &::ring::rand::SystemRandom::new()).unwrap();
    key.public_key().as_ref().to_vec()
}

fn look(signature: &[u8]) {
    black_box(signature);
}

/// To seal and to open, in place.
pub(crate) fn records(suite: u16, Records { length, count }: Records) -> Option<[Operation; 2]> {
    let plain = vec![0x5a; length];
    let mut goes = Carried::new(&plain);
    let mut sealed = plain;
    let mut tag = [0; 16];
    let (nonce, aad) = ([2; 12], [3; 5]);
    macro_rules! operations {
        ($key:expr) => {{
            let (seals, opens) = ($key, $key);
            opens.encrypt(&nonce, &aad, &mut sealed, &mut tag);
            let seal = move || {
                for _ in 0..count {
                    let mut tag = [0; 16];
                    seals.encrypt(&nonce, &aad, goes.kept(), &mut tag);
                    black_box((tag, goes.carry()));
                }
            };
            let mut came = Carried::new(&sealed);
            let open = move || {
                for _ in 0..count {
                    opens.decrypt(&nonce, &aad, came.carry(), &tag).unwrap();
                }
            };
            [Box::new(seal) as Operation, Box::new(open)]
        }};
    }
    Some(match suite {
        0x1301 | 0xc02b | 0xc02f => operations!(AesGcm::new(&[1; 16])),
        0x1302 | 0xc02c | 0xc030 => operations!(AesGcm::new(&[1; 32])),
        _ => operations!(ChaCha20Poly1305::new([1; 32])),
    })
}
