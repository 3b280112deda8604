//! ring, and aws-lc-rs, which has ring's interface but for a few places.

use crate::Operation;
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use std::hint::black_box;

macro_rules! source {
    ($name:ident, $source:ident, $agree:expr, $ecdsa:expr, $modulus:expr) => {
        pub(crate) mod $name {
            use crate::{Carried, Operation, Records};
            use ::$source::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305};
            use ::$source::aead::{LessSafeKey, Nonce, UnboundKey};
            use ::$source::agreement::{self, EphemeralPrivateKey, X25519};
            use ::$source::rand::SystemRandom;
            use ::$source::signature::*;
            use peers_common::Key;
            use std::hint::black_box;

            pub(crate) fn exchange() -> Operation {
                let rng = SystemRandom::new();
                let peer =
                    EphemeralPrivateKey::generate(&X25519, &rng).unwrap().compute_public_key().unwrap();
                Box::new(move || {
                    let own = EphemeralPrivateKey::generate(&X25519, &rng).unwrap();
                    black_box(own.compute_public_key().unwrap());
                    let peer = agreement::UnparsedPublicKey::new(&X25519, peer.as_ref());
                    $agree(own, &peer);
                })
            }

            /// To sign, and to verify.
            pub(crate) fn signature(key: Key, pkcs8: &[u8]) -> [Operation; 2] {
                let (rng, message) = (SystemRandom::new(), [0x5a; 130]);
                let (sign, public): (Box<dyn Fn() -> Vec<u8>>, Vec<u8>) = match key {
                    Key::P256 | Key::P384 => {
                        let algorithm = match key {
                            Key::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
                            _ => &ECDSA_P384_SHA384_ASN1_SIGNING,
                        };
                        let key: EcdsaKeyPair = $ecdsa(algorithm, pkcs8, &rng);
                        let public = key.public_key().as_ref().to_vec();
                        (Box::new(move || key.sign(&rng, &message).unwrap().as_ref().to_vec()), public)
                    }
                    Key::Ed25519 => {
                        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).unwrap();
                        let public = key.public_key().as_ref().to_vec();
                        (Box::new(move || key.sign(&message).as_ref().to_vec()), public)
                    }
                    Key::Rsa => {
                        let key = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
                        let public = key.public_key().as_ref().to_vec();
                        let sign = move || {
                            let mut signature = vec![0; $modulus(&key)];
                            key.sign(&RSA_PSS_SHA256, &rng, &message, &mut signature).unwrap();
                            signature
                        };
                        (Box::new(sign), public)
                    }
                };
                let algorithm: &'static dyn VerificationAlgorithm = match key {
                    Key::P256 => &ECDSA_P256_SHA256_ASN1,
                    Key::P384 => &ECDSA_P384_SHA384_ASN1,
                    Key::Ed25519 => &ED25519,
                    Key::Rsa => &RSA_PSS_2048_8192_SHA256,
                };
                let signature = sign();
                let verify = move || {
                    UnparsedPublicKey::new(algorithm, &public).verify(&message, &signature).unwrap();
                };
                [Box::new(move || drop(black_box(sign()))), Box::new(verify)]
            }

            /// To seal and to open.
            pub(crate) fn records(suite: u16, Records { length, count }: Records) -> [Operation; 2] {
                let key = || {
                    let algorithm = match suite {
                        0x1301 | 0xc02b | 0xc02f => &AES_128_GCM,
                        0x1302 | 0xc02c | 0xc030 => &AES_256_GCM,
                        _ => &CHACHA20_POLY1305,
                    };
                    LessSafeKey::new(UnboundKey::new(algorithm, &vec![1; algorithm.key_len()]).unwrap())
                };
                let (seals, opens) = (key(), key());
                let nonce = || Nonce::assume_unique_for_key([2; 12]);
                let plain = vec![0x5a; length];
                let mut goes = Carried::new(&plain);
                let mut sealed = plain;
                seals.seal_in_place_append_tag(nonce(), Aad::from([3; 5]), &mut sealed).unwrap();
                let mut came = Carried::new(&sealed);
                let seal = move || {
                    for _ in 0..count {
                        let tag = seals.seal_in_place_separate_tag(nonce(), Aad::from([3; 5]), goes.kept());
                        let _ = black_box((tag.unwrap(), goes.carry()));
                    }
                };
                let open = move || {
                    for _ in 0..count {
                        opens.open_in_place(nonce(), Aad::from([3; 5]), came.carry()).unwrap();
                    }
                };
                [Box::new(seal), Box::new(open)]
            }
        }
    };
}

source!(
    ring,
    ring,
    |own, peer| agreement::agree_ephemeral(own, peer, |secret| drop(black_box(secret.to_vec()))).unwrap(),
    |algorithm, pkcs8, rng| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, rng).unwrap(),
    |key: &RsaKeyPair| key.public().modulus_len()
);

source!(
    aws_lc,
    aws_lc_rs,
    |own, peer| {
        let take = |secret: &[u8]| {
            drop(black_box(secret.to_vec()));
            Ok(())
        };
        agreement::agree_ephemeral(own, peer, (), take).unwrap()
    },
    |algorithm, pkcs8, _: &_| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).unwrap(),
    |key: &RsaKeyPair| key.public_modulus_len()
);

/// To make a key and decapsulate with it, and to encapsulate for one.
pub(crate) fn kem() -> [Operation; 2] {
    let make = || DecapsulationKey::generate(&ML_KEM_768).unwrap();
    let public = make().encapsulation_key().unwrap().key_bytes().unwrap();
    let (sample, _) = make().encapsulation_key().unwrap().encapsulate().unwrap();
    let sample = sample.as_ref().to_vec();
    let receive = move || {
        let own = make();
        black_box(own.encapsulation_key().unwrap().key_bytes().unwrap());
        // Not for this key: it is rejected implicitly, which takes as long.
        black_box(own.decapsulate(Ciphertext::from(sample.as_slice())).unwrap());
    };
    let send = move || {
        let peer = EncapsulationKey::new(&ML_KEM_768, public.as_ref()).unwrap();
        black_box(peer.encapsulate().unwrap());
    };
    [Box::new(receive), Box::new(send)]
}
