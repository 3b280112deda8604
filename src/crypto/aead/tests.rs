use super::*;
use crate::crypto::kdf::hkdf_expand_label;
use crate::crypto::suite::{TLS12, TLS13};

fn both(suite: &'static Suite) -> (Protection, Protection) {
    let make = || {
        if suite.is_tls13() {
            Protection::tls13(suite, &vec![7; suite.hash.len()])
        } else {
            let (key, iv) = Protection::tls12_lengths(suite);
            Protection::tls12(suite, &[7; 32][..key], &[9; 12][..iv]).unwrap()
        }
    };
    (make(), make())
}

fn suites() -> impl Iterator<Item = &'static Suite> {
    TLS13.iter().chain(&TLS12)
}

/// The key of [`both`], used directly.
fn rings_key(suite: &Suite) -> aead::LessSafeKey {
    let mut key = vec![7; suite.aead.key_len()];
    if suite.is_tls13() {
        hkdf_expand_label(suite.hash, &vec![7; suite.hash.len()], "key", b"", &mut key);
    }
    let algorithm = match suite.aead {
        Aead::Aes128Gcm => &aead::AES_128_GCM,
        Aead::Aes256Gcm => &aead::AES_256_GCM,
        Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
    };
    aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, &key).unwrap())
}

/// explicit part, ciphertext, tag
fn seal(write: &mut Protection, aad: &[u8], payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut record = payload.to_vec();
    let sealed = write.seal(aad, &mut record).unwrap();
    record.extend_from_slice(&sealed.tag);
    (sealed.explicit[..write.explicit_nonce_len()].to_vec(), record)
}

#[test]
fn memory_budget() {
    assert!(size_of::<Protection>() <= 32, "{}", size_of::<Protection>());
}

#[test]
fn records_come_back_in_order_also_after_a_rest() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        for n in 0..4_u64 {
            if n == 2 {
                write.rest();
                read.rest();
            }
            let payload = vec![n as u8; 100 * n as usize];
            let (explicit, mut record) = seal(&mut write, b"aad", &payload);
            let len = read.open(&explicit, b"aad", &mut record).unwrap();
            assert_eq!(record[..len], payload);
            assert_eq!((write.records(), read.records()), (n + 1, n + 1));
        }
    }
}

#[test]
fn what_is_sealed_from_elsewhere_is_the_same() {
    // Around the blocks of the ciphers and the strides of their fast paths.
    let lengths = [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 1000, limits::RECORD_PLAINTEXT];
    for suite in suites() {
        let (mut here, mut elsewhere) = both(suite);
        for (len, last) in lengths.into_iter().flat_map(|len| [(len, &b""[..]), (len, &[23])]) {
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut inside = [&payload, last].concat();
            let mut to = vec![0xee; inside.len()];
            let expected = here.seal(b"aad", &mut inside).unwrap();
            let sealed = elsewhere.seal_from(b"aad", &payload, last, &mut to).unwrap();
            assert_eq!((to, sealed.tag, sealed.explicit), (inside, expected.tag, expected.explicit));
        }
        // It counts in the same way, and what does not fit costs no number.
        for to in [&mut [][..], &mut [0; 3], &mut [0; 5]] {
            assert!(elsewhere.seal_from(b"", b"abc", b"d", to).is_err());
        }
        assert_eq!(elsewhere.records(), here.records());
        assert_eq!(elsewhere.base().pieces, here.base().pieces);
    }
}

#[test]
fn equal_payloads_do_not_look_equal() {
    for suite in suites() {
        let (mut write, _) = both(suite);
        let (_, first) = seal(&mut write, b"", &[0; 64]);
        let (_, second) = seal(&mut write, b"", &[0; 64]);
        assert_ne!(first, second);
    }
}

/// The table at the top of the file, against ring used directly.
#[test]
fn nonces_are_built_as_each_rfc_says() {
    for suite in suites() {
        let (mut write, _) = both(suite);
        write.set_records(0x0102_0304_0506_0708);
        let (_, record) = seal(&mut write, b"aad", b"payload");

        let number = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut iv = [9; 12];
        if suite.is_tls13() {
            hkdf_expand_label(suite.hash, &vec![7; suite.hash.len()], "iv", b"", &mut iv);
        }
        let nonce = if suite.is_tls13() || suite.aead == Aead::ChaCha20Poly1305 {
            (0..8).for_each(|at| iv[4 + at] ^= number[at]);
            iv
        } else {
            [9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8]
        };
        let mut expected = b"payload".to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        rings_key(suite).seal_in_place_append_tag(nonce, aead::Aad::from(b"aad"), &mut expected).unwrap();
        assert_eq!(record, expected, "{suite:?}");
    }
}

#[test]
fn a_repeated_or_lost_record_does_not_open() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        // The additional data has the number in TLS 1.2, which here alone the nonce has in TLS 1.3.
        let aad = |number: u64| {
            if suite.is_tls13() { vec![] } else { number.to_be_bytes().to_vec() }
        };
        let (explicit, record) = seal(&mut write, &aad(0), b"first");
        assert!(read.open(&explicit, &aad(0), &mut record.clone()).is_ok());
        assert_eq!(read.open(&explicit, &aad(1), &mut record.clone()), Err(Failed));
        seal(&mut write, &aad(1), b"lost");
        let (explicit, mut third) = seal(&mut write, &aad(2), b"third");
        assert_eq!(read.open(&explicit, &aad(1), &mut third), Err(Failed));
    }
}

#[test]
fn each_altered_byte_is_refused_and_costs_no_number() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        let aad = *b"additional";
        let (explicit, record) = seal(&mut write, &aad, b"a payload of some bytes");
        for at in 0..record.len() {
            let mut altered = record.clone();
            altered[at] ^= 1;
            assert_eq!(read.open(&explicit, &aad, &mut altered), Err(Failed));
        }
        for at in 0..aad.len() {
            let mut altered = aad;
            altered[at] ^= 0x80;
            assert_eq!(read.open(&explicit, &altered, &mut record.clone()), Err(Failed));
        }
        for at in 0..explicit.len() {
            let mut altered = explicit.clone();
            altered[at] ^= 1;
            assert_eq!(read.open(&altered, &aad, &mut record.clone()), Err(Failed));
        }
        for len in 0..record.len() {
            assert_eq!(read.open(&explicit, &aad, &mut record[..len].to_vec()), Err(Failed));
        }
        // One byte too few or too many of the explicit part.
        assert_eq!(read.open(&[0; 7], &aad, &mut record.clone()), Err(Failed));
        assert_eq!(read.open(&[0; 9], &aad, &mut record.clone()), Err(Failed));
        assert_eq!(read.records(), 0);
        assert_eq!(read.open(&explicit, &aad, &mut record.clone()), Ok(23));
    }
}

#[test]
fn an_explicit_part_stands_only_where_rfc5288_puts_it() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        let gcm12 = !suite.is_tls13() && suite.aead.is_gcm();
        assert_eq!(write.explicit_nonce_len(), if gcm12 { 8 } else { 0 });
        write.set_records(0x0102_0304_0506_0708);
        let (explicit, mut record) = seal(&mut write, b"", b"x");
        if gcm12 {
            assert_eq!(explicit, [1, 2, 3, 4, 5, 6, 7, 8]);
            // The peer's choice of explicit parts is its own.
            assert_eq!(read.open(&explicit, b"", &mut record), Ok(1));
        } else {
            assert_eq!(read.open(&[0; 8], b"", &mut record), Err(Failed));
        }
    }
}

#[test]
fn the_sequence_number_ends_and_does_not_wrap() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        write.set_records(u64::MAX - 1);
        read.set_records(u64::MAX - 1);
        let (explicit, mut record) = seal(&mut write, b"", b"last");
        assert_eq!(read.open(&explicit, b"", &mut record.clone()), Ok(4));
        for _ in 0..2 {
            assert!(write.seal(b"", &mut [0; 4]).is_err());
            assert_eq!(read.open(&explicit, b"", &mut record), Err(Failed));
        }
        assert_eq!((write.records(), read.records()), (u64::MAX, u64::MAX));
    }
}

#[test]
fn a_key_is_used_up_before_the_limit_of_rfc9846() {
    // 2^24.5 full records, in blocks; what is counted is within a fiftieth of it.
    let allowed = 2_f64.powf(24.5) * (limits::RECORD_PLAINTEXT / 16) as f64;
    let counted = f64::from(limits::AES_GCM_PIECES) * (limits::AES_GCM_PIECE / 16) as f64;
    assert!((allowed * 0.98..=allowed).contains(&counted));
    for suite in suites() {
        let (mut write, _) = both(suite);
        match suite.aead.is_gcm() {
            true => write.set_pieces(limits::AES_GCM_PIECES - 65 - 1),
            false => write.set_records((1 << 48) - 1),
        }
        assert!(!write.is_used_up());
        write.seal(b"", &mut []).unwrap();
        assert!(write.is_used_up());
        // Where it is not heeded, the count does not come round to zero.
        write.set_pieces(u32::MAX);
        write.seal(b"", &mut []).unwrap();
        assert_eq!(write.is_used_up(), suite.aead.is_gcm() || write.records() >= 1 << 48);
    }
}

#[test]
fn what_is_opened_is_counted_by_whoever_sealed_it() {
    let (mut write, mut read) = both(&TLS13[0]);
    read.set_pieces(u32::MAX);
    let (explicit, mut record) = seal(&mut write, b"", &[0; 10_000]);
    assert!(read.open(&explicit, b"", &mut record).is_ok());
    assert_eq!((write.base().pieces, read.base().pieces), (40, u32::MAX));
    // A rest forgets nothing of it.
    write.rest();
    assert_eq!(write.base().pieces, 40);
}

#[test]
fn a_tls12_key_has_its_lengths() {
    for suite in &TLS12 {
        let (key, iv) = Protection::tls12_lengths(suite);
        assert!(Protection::tls12(suite, &[0; 64][..key], &[0; 64][..iv]).is_ok());
        assert!(Protection::tls12(suite, &[0; 64][..key + 1], &[0; 64][..iv]).is_err());
        assert!(Protection::tls12(suite, &[0; 64][..key], &[0; 64][..iv + 1]).is_err());
        assert!(Protection::tls12(suite, &[0; 64][..key - 1], &[0; 64][..iv]).is_err());
    }
}

/// The source changes with the first long record, and nothing else does.
#[test]
fn a_long_record_is_sealed_and_opened_by_who_is_faster() {
    for suite in suites() {
        let (mut write, mut read) = both(suite);
        let is_rings = |keys: &Keys| matches!(keys, Keys::Ring(_));
        assert!(is_rings(&write.keys) && is_rings(&read.keys));
        for (n, len) in [100, LONG - 1, LONG, 100, limits::RECORD_PLAINTEXT].into_iter().enumerate() {
            let payload = vec![n as u8; len];
            let (explicit, mut record) = seal(&mut write, b"", &payload);
            let mut from = vec![0; len];
            let (mut other, _) = both(suite);
            other.set_records(n as u64);
            other.seal_from(b"", &payload, b"", &mut from).unwrap();
            assert_eq!(from, record[..len], "{suite:?} {n}");
            assert_eq!(read.open(&explicit, b"", &mut record), Ok(len));
            assert_eq!(record[..len], payload);
            let by_ring = n < 2 || source(suite.aead) == Source::Ring;
            assert_eq!(is_rings(&write.keys), by_ring, "{suite:?} {n}");
        }
        assert_eq!((write.records(), read.records()), (5, 5));
        assert_eq!(write.base().pieces, 1 + 17 + 17 + 1 + 65);
        write.rest();
        seal(&mut write, b"", b"short");
        assert!(is_rings(&write.keys));
    }
}

/// Each source seals the same, and opens what the others sealed: every length around
/// the blocks and the strides of the fast paths, and no wrong tag.
#[test]
fn sources_do_not_differ() {
    let is_there = |source: &Source| source.is_there(Operation::LongAesGcm);
    let sources: Vec<_> = [Source::Ring, Source::AwsLc].into_iter().filter(is_there).collect();
    for suite in suites() {
        let made = |source| {
            let (mut made, _) = both(suite);
            made.keys = made.base().expand(source, suite).unwrap();
            assert!(!matches!(made.keys, Keys::Rested(_)));
            made
        };
        let lengths = (0..=290).chain([511, 512, 513, 1023, 1024, 1025, 4095, 4096, 16_383, 16_384, 16_385]);
        for len in lengths {
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let aad = &[3; 13][..[0, 5, 13][len % 3]];
            let sealed = sources.iter().map(|&source| {
                let mut record = payload.clone();
                let sealed = made(source).seal(aad, &mut record).unwrap();
                let mut from = vec![0; len];
                let (front, last) = payload.split_at(len.saturating_sub(1));
                let out = made(source).seal_from(aad, front, last, &mut from).unwrap();
                assert_eq!((&from, out.tag), (&record, sealed.tag), "{source:?} {len}");
                [&record[..], &sealed.tag].concat()
            });
            let sealed: Vec<_> = sealed.collect();
            let mut direct = payload.clone();
            let nonce = aead::Nonce::assume_unique_for_key(made(Source::Ring).nonce([0; 8]));
            let sealing = rings_key(suite).seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut direct);
            sealing.unwrap();
            assert!(sealed.iter().all(|one| *one == direct), "{suite:?} {len}");
            for &source in &sources {
                let explicit = &[0; 8][..made(source).explicit_nonce_len()];
                let mut record = sealed[0].clone();
                assert_eq!(made(source).open(explicit, aad, &mut record), Ok(len), "{source:?}");
                assert_eq!(record[..len], payload);
                let mut tags: Vec<_> = (0..TAG_LEN).map(|at| (len + at, 1 << (at % 8))).collect();
                tags.extend((len > 0).then_some((len / 2, 1)));
                for (at, bit) in tags {
                    let mut wrong = sealed[0].clone();
                    wrong[at] ^= bit;
                    assert_eq!(made(source).open(explicit, aad, &mut wrong), Err(Failed), "{source:?} {at}");
                }
                for short in [0, 15.min(len + 15), len + 15] {
                    let mut cut = sealed[0][..short].to_vec();
                    assert_eq!(made(source).open(explicit, aad, &mut cut), Err(Failed));
                }
            }
        }
    }
}
