//! X25519 and P-384's key agreement.

use super::*;
use crate::crypto::agree::{Curve, PrivateKey, SharedSecret};
use Source::{AwsLc, Graviola, Ring};

/// A private key's public one, and what it agrees on with `peer`.
fn both(source: Source, curve: Curve, private: &[u8], peer: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let key = PrivateKey::generate_by(source, curve, &Entropy::given(&[private])).unwrap();
    let mut public = Vec::new();
    key.append_public(&mut public).unwrap();
    let secret = key.agree(peer, |z| SharedSecret::new(&[z])).ok();
    (public, secret.map(|secret| secret.as_bytes().to_vec()))
}

/// The same public key and the same secret by each source, or a refusal by each.
fn alike(curve: Curve, private: &[u8], peer: &[u8]) -> Option<Vec<u8>> {
    let expected = both(Ring, curve, private, peer);
    for source in there(Operation::X25519, &[Graviola, AwsLc]) {
        assert_eq!(
            both(source, curve, private, peer),
            expected,
            "{source:?} {curve:?} {}",
            hex::encode(peer)
        );
    }
    expected.1
}

#[test]
fn random_keys_and_points() {
    for _ in 0..100 {
        for curve in [Curve::X25519, Curve::P384] {
            let (one, other) = (random::<48>(), random::<48>());
            let (one, other) = (&one[..curve.private_len()], &other[..curve.private_len()]);
            let (public, _) = both(Ring, curve, one, &[]);
            let (peer, secret) = both(Ring, curve, other, &public);
            assert_eq!(alike(curve, one, &peer), secret);
            assert!(secret.is_some());
        }
        // Any 32 octets are a public key.
        alike(Curve::X25519, &random::<32>(), &random::<32>());
    }
}

/// RFC 7748 section 5.2.
#[test]
fn vectors_of_rfc7748() {
    for (scalar, u, output) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        let [scalar, u] = [scalar, u].map(|hex| hex::decode(hex).unwrap());
        assert_eq!(alike(Curve::X25519, &scalar, &u).map(hex::encode).as_deref(), Some(output));
    }
}

/// RFC 7748 section 6.1: points of small order, canonical and not, with the
/// unused bit set and not. All zeros are refused by all.
#[test]
fn points_of_small_order_and_non_canonical_ones() {
    let p = |less: i16| {
        let mut p = [0xff; 32];
        p[0] = (0xed + less) as u8;
        p[31] = 0x7f;
        p.to_vec()
    };
    let of = |number: u8| [&[number][..], &[0; 31]].concat();
    let order8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let mut small = vec![of(0), of(1), p(-1), p(0), p(1)];
    small.extend(order8.map(|point| hex::decode(point).unwrap()));
    for point in small {
        for top in [0, 0x80] {
            let mut point = point.clone();
            point[31] |= top;
            assert_eq!(alike(Curve::X25519, &random::<32>(), &point), None, "{}", hex::encode(point));
        }
    }
    // 2 and p + 2 are the same, up to 18, which is the last that fits.
    for number in 2..=18 {
        let private = random::<32>();
        let expected = alike(Curve::X25519, &private, &of(number));
        for top in [0, 0x80] {
            let mut point = p(i16::from(number));
            point[31] |= top;
            assert_eq!(alike(Curve::X25519, &private, &point), expected, "{number}");
        }
        assert!(expected.is_some());
    }
    for len in [0, 31, 33, 44] {
        assert_eq!(alike(Curve::X25519, &random::<32>(), &vec![9; len]), None);
    }
}

#[test]
fn p384_points_that_are_none() {
    let private = random::<48>();
    let (good, _) = both(Ring, Curve::P384, &random::<48>(), &[]);
    let (x, y) = good[1..].split_at(48);
    let p = hex::decode(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    )
    .unwrap();
    assert!(alike(Curve::P384, &private, &good).is_some());
    // The negative of a point is another that has the same secret.
    let negative = [&[4][..], x, &minus(&p, y)].concat();
    assert_eq!(alike(Curve::P384, &private, &negative), alike(Curve::P384, &private, &good));
    let parity = 2 + (y[47] & 1);
    for bad in [
        vec![0],
        vec![],
        [&[4][..], &[0; 96]].concat(),
        [&[4][..], &p, y].concat(),
        [&[4][..], x, &p].concat(),
        [&[4][..], &[0xff; 96]].concat(),
        [&[4][..], x, &plus(y, 1)].concat(),
        [&[parity][..], x].concat(),
        [&[parity + 4][..], x, y].concat(),
        [&good[..], &[0]].concat(),
        good[..96].to_vec(),
        // As a SubjectPublicKeyInfo has it.
        [&[0x30, 0x76][..], crate::crypto::verify::KEY_P384, &[3, 0x62, 0], &good].concat(),
    ] {
        assert_eq!(alike(Curve::P384, &private, &bad), None, "{}", hex::encode(bad));
    }
}

/// A private key outside of [1, n-1] is none.
#[test]
fn p384_scalars_at_the_edges() {
    let n = hex::decode(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    )
    .unwrap();
    let one = plus(&[0; 48], 1);
    let (peer, _) = both(Ring, Curve::P384, &random::<48>(), &[]);
    for good in [one.clone(), minus(&n, &one)] {
        assert!(alike(Curve::P384, &good, &peer).is_some());
    }
    for source in there(Operation::X25519, &[Ring, Graviola, AwsLc]) {
        for bad in [vec![0; 48], n.clone(), plus(&n, 1), vec![0xff; 48]] {
            let key = PrivateKey::generate_by(source, Curve::P384, &Entropy::given(&[&bad]));
            assert!(key.is_err(), "{source:?} {}", hex::encode(bad));
        }
    }
}
