//! ML-KEM-768.

use super::*;
use crate::crypto::kem::{DecapsulationKey, encapsulate_by};
use Source::{AwsLc, Graviola};

const SOURCES: [Source; 3] = [Source::MlKem, Graviola, AwsLc];

fn key(source: Source) -> (DecapsulationKey, Vec<u8>) {
    let mut public = Vec::new();
    let key = DecapsulationKey::generate_by(source, &Entropy::system(), &mut public).unwrap();
    assert_eq!(public.len(), 1184);
    (key, public)
}

#[test]
fn what_one_encapsulates_another_decapsulates() {
    let there = there(Operation::MlKem768, &SOURCES);
    for (&one, &other) in there.iter().flat_map(|one| there.iter().map(move |other| (one, other))) {
        for _ in 0..20 {
            let (key, public) = key(one);
            let mut ciphertext = Vec::new();
            let secret = encapsulate_by(other, &public, &Entropy::system(), &mut ciphertext).unwrap();
            assert_eq!(*key.decapsulate(&ciphertext).unwrap(), *secret, "{one:?} {other:?}");
        }
    }
}

/// FIPS 203 section 6.3: an altered ciphertext gives another secret, which
/// depends on it, and no error; one of another length is refused.
#[test]
fn bad_ciphertexts() {
    for source in there(Operation::MlKem768, &SOURCES) {
        let mut found = Vec::new();
        for at in [0, 500, 959, 960, 1087] {
            let (key, public) = key(source);
            let mut ciphertext = Vec::new();
            let secret = encapsulate_by(source, &public, &Entropy::system(), &mut ciphertext).unwrap();
            ciphertext[at] ^= 1;
            let other = key.decapsulate(&ciphertext).unwrap();
            assert_ne!(*other, *secret, "{source:?}");
            found.push(*other);
        }
        found.sort();
        found.dedup();
        assert!(found.len() == 5 && !found.contains(&[0; 32]), "{source:?}");
        for len in [0, 1087, 1089] {
            assert!(key(source).0.decapsulate(&vec![0; len]).is_err(), "{source:?}");
        }
    }
}

/// FIPS 203 section 7.2: each coefficient is below 3329; 3328 will do.
#[test]
fn encapsulation_keys_out_of_range() {
    let tried =
        |source, public: &[u8]| encapsulate_by(source, public, &Entropy::system(), &mut Vec::new()).is_ok();
    for source in there(Operation::MlKem768, &SOURCES) {
        let (_, good) = key(source);
        for coefficient in [0, 1, 255, 256, 511, 767] {
            for (value, fits) in [(0u16, true), (3328, true), (3329, false), (3330, false), (4095, false)] {
                let mut public = good.clone();
                let at = coefficient / 2 * 3;
                let [low, high] = value.to_le_bytes();
                if coefficient % 2 == 0 {
                    public[at] = low;
                    public[at + 1] = public[at + 1] & 0xf0 | high;
                } else {
                    public[at + 1] = public[at + 1] & 0x0f | low << 4;
                    public[at + 2] = low >> 4 | high << 4;
                }
                assert_eq!(tried(source, &public), fits, "{source:?} {coefficient} {value}");
            }
        }
        assert!(!tried(source, &good[..1183]) && !tried(source, &[&good[..], &[0]].concat()));
    }
}

/// Under randomness that is known beforehand ml-kem serves, and others understand it.
#[test]
fn given_seeds() {
    for seed in [[1; 64], [2; 64]] {
        let make =
            |public: &mut Vec<u8>| DecapsulationKey::generate(&Entropy::given(&[&seed]), public).unwrap();
        let (mut public, mut same) = (Vec::new(), Vec::new());
        let key = make(&mut public);
        assert!(matches!((&key, make(&mut same)), (DecapsulationKey::MlKem(_), DecapsulationKey::MlKem(_))));
        assert_eq!(public, same);
        for source in there(Operation::MlKem768, &SOURCES) {
            let mut ciphertext = Vec::new();
            let secret = encapsulate_by(source, &public, &Entropy::system(), &mut ciphertext).unwrap();
            assert_eq!(*make(&mut Vec::new()).decapsulate(&ciphertext).unwrap(), *secret, "{source:?}");
        }
    }
}
