//! Hashes and what is built from them: HMAC, HKDF (RFC 5869) with the labels
//! of TLS 1.3 (RFC 9846 section 7.1), the PRF of TLS 1.2 (RFC 5246 section 5).
//!
//! HKDF is made here from HMAC, since ring's own does not give its secrets
//! away as bytes, and the key schedule has to compare, store and log some.

use crate::crypto::secret::lend;
use crate::crypto::suite::Hash;
use crate::wire::SignatureScheme;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest label that [`hkdf_expand_label`] takes, its "tls13 " not counted.
pub(crate) const LABEL_MAX: usize = 255 - 6;

/// The output of a hash or of an HMAC.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; 48],
    len: u8,
}

impl Digest {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Equality in a time that depends on the lengths alone.
    pub(crate) fn ct_eq(&self, other: &[u8]) -> bool {
        self.as_bytes().ct_eq(other).into()
    }

    /// At most 48 bytes of output.
    pub(crate) fn new(output: &[u8]) -> Self {
        let mut bytes = [0; 48];
        let len = output.len().min(bytes.len());
        bytes[..len].copy_from_slice(&output[..len]);
        Self { bytes, len: len as u8 }
    }
}

/// SHA-1, for the names and keys by which OCSP finds a certificate (RFC 6960
/// section 4.1.1): nothing is trusted for it, since the answer is signed.
pub(crate) fn sha1_identifier(bytes: &[u8]) -> Digest {
    Digest::new(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// A hash under way; a clone is a fork of it.
#[derive(Clone)]
pub(crate) struct Hasher(digest::Context);

impl Hasher {
    pub(crate) fn new(hash: Hash) -> Self {
        Self(digest::Context::new(match hash {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
        }))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(self.0.finish().as_ref())
    }
}

/// SHA-256 of public bytes: for pins (RFC 7469 section 2.4), and for
/// fingerprints by which two sides compare a long value.
///
/// ```
/// assert_eq!(handfast::sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Public bytes under the hash of a signature scheme; `None` where the scheme has
/// no hash of its own, as Ed25519.
pub(crate) fn hash_of_scheme(scheme: SignatureScheme, bytes: &[u8]) -> Option<Vec<u8>> {
    use SignatureScheme as S;
    let algorithm = match scheme {
        S::ECDSA_SECP256R1_SHA256 | S::RSA_PSS_RSAE_SHA256 | S::RSA_PSS_PSS_SHA256 | S::RSA_PKCS1_SHA256 => {
            &digest::SHA256
        }
        S::ECDSA_SECP384R1_SHA384 | S::RSA_PSS_RSAE_SHA384 | S::RSA_PSS_PSS_SHA384 | S::RSA_PKCS1_SHA384 => {
            &digest::SHA384
        }
        S::RSA_PSS_RSAE_SHA512 | S::RSA_PSS_PSS_SHA512 | S::RSA_PKCS1_SHA512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, bytes).as_ref().to_vec())
}

/// Hash(bytes).
pub(crate) fn hash(hash: Hash, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(hash);
    hasher.update(bytes);
    hasher.finish()
}

/// Hash(""), which the key schedule of TLS 1.3 asks for again and again.
pub(crate) fn hash_of_nothing(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha256 => &NOTHING_SHA256,
        Hash::Sha384 => &NOTHING_SHA384,
    }
}

#[rustfmt::skip]
const NOTHING_SHA256: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

#[rustfmt::skip]
const NOTHING_SHA384: [u8; 48] = [
    0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a,
    0x21, 0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda,
    0x27, 0x4e, 0xde, 0xbf, 0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b,
];

/// HMAC(key, parts one after the other).
pub(crate) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Digest {
    Digest::new(mac(&mac_key(hash, key), parts).as_ref())
}

/// HKDF-Extract(salt, IKM) (RFC 5869 section 2.2) into `prk`, as long as the hash.
pub(crate) fn hkdf_extract(hash: Hash, salt: &[u8], ikm: &[u8], prk: &mut [u8]) {
    prk.copy_from_slice(mac(&mac_key(hash, salt), &[ikm]).as_ref());
}

/// HKDF-Expand-Label(Secret, Label, Context, Length), Length being that of
/// `out` (RFC 9846 section 7.1).
///
/// The label has at most [`LABEL_MAX`] bytes, the context 255, and `out` 255
/// times the hash; whoever takes these from outside checks them before.
pub(crate) fn hkdf_expand_label(hash: Hash, secret: &[u8], label: &str, context: &[u8], out: &mut [u8]) {
    Expander::new(hash, secret).expand_label(label, context, out);
}

/// A secret made ready for several expansions: the half of an HMAC's work that
/// depends on its key alone is done once.
pub(crate) struct Expander {
    hash: Hash,
    key: hmac::Key,
}

impl Expander {
    pub(crate) fn new(hash: Hash, secret: &[u8]) -> Self {
        Self { hash, key: mac_key(hash, secret) }
    }

    /// See [`hkdf_expand_label`].
    pub(crate) fn expand_label(&self, label: &str, context: &[u8], out: &mut [u8]) {
        debug_assert!(label.len() <= LABEL_MAX && context.len() <= 255);
        // struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel;
        let length = (out.len() as u16).to_be_bytes();
        let label_len = [(6 + label.len()) as u8];
        let context_len = [context.len() as u8];
        self.expand(
            Joined::of(&[&length, &label_len, b"tls13 ", label.as_bytes(), &context_len, context]),
            out,
        );
    }

    /// Lends a secret as long as the hash to `then`.
    pub(crate) fn lend<R>(&self, label: &str, context: &[u8], then: impl FnOnce(&[u8]) -> R) -> R {
        lend(self.hash.len(), |out| self.expand_label(label, context, out), then)
    }

    /// HKDF-Expand(PRK, info, L) (RFC 5869 section 2.3).
    fn expand(&self, mut info: Joined, out: &mut [u8]) {
        let len = self.hash.len();
        debug_assert!(out.len() <= 255 * len);
        // T(i) = HMAC-Hash(PRK, T(i-1) | info | i), counted from 1; T(0) is empty
        let mut chunks = out.chunks_mut(len);
        let Some(first) = chunks.next() else { return };
        let at = info.len;
        info.add(&[1]);
        let mut t = hmac::sign(&self.key, info.as_bytes());
        first.copy_from_slice(&t.as_ref()[..first.len()]);
        for (i, chunk) in chunks.enumerate() {
            let before = wiped(t);
            info.len = at;
            info.add(&[(i + 2) as u8]);
            t = mac(&self.key, &[&before[..len], info.as_bytes()]);
            chunk.copy_from_slice(&t.as_ref()[..chunk.len()]);
        }
    }
}

/// Some strings as one: each that is hashed costs a call.
pub(crate) struct Joined {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Joined {
    /// The longest HkdfLabel, and the counter behind it.
    const MAX: usize = 2 + 256 + 256 + 1;

    /// The strings must fit: all of the key schedules do.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut joined = Self { bytes: [0; Self::MAX], len: 0 };
        parts.iter().for_each(|part| joined.add(part));
        joined
    }

    fn add(&mut self, part: &[u8]) {
        let to = self.bytes.get_mut(self.len..self.len.saturating_add(part.len()));
        debug_assert!(to.is_some());
        if let Some(to) = to {
            to.copy_from_slice(part);
            self.len += part.len();
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A secret of TLS 1.2 made ready for several expansions.
pub(crate) struct Prf {
    hash: Hash,
    key: hmac::Key,
}

impl Prf {
    pub(crate) fn new(hash: Hash, secret: &[u8]) -> Self {
        Self { hash, key: mac_key(hash, secret) }
    }

    /// PRF(secret, label, seed), label and seed being one string: P_hash of RFC 5246
    /// section 5.
    pub(crate) fn expand(&self, label_and_seed: &[u8], out: &mut [u8]) {
        let len = self.hash.len();
        // A(i) = HMAC_hash(secret, A(i-1)), A(0) = label + seed
        let mut a: Option<Zeroizing<[u8; 48]>> = None;
        for chunk in out.chunks_mut(len) {
            let next = wiped(hmac::sign(&self.key, a.as_ref().map_or(label_and_seed, |a| &a[..len])));
            // HMAC_hash(secret, A(i) + label + seed)
            let block = mac(&self.key, &[&next[..len], label_and_seed]);
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
            a = Some(next);
        }
    }
}

fn mac_key(hash: Hash, key: &[u8]) -> hmac::Key {
    let algorithm = match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
    };
    hmac::Key::new(algorithm, key)
}

fn mac(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

/// The tag where a drop wipes it (ring's own copy is left as it is).
fn wiped(tag: hmac::Tag) -> Zeroizing<[u8; 48]> {
    let mut bytes = Zeroizing::new([0; 48]);
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::read;

    #[test]
    fn the_hash_of_nothing_is_what_would_be_computed() {
        for of in [Hash::Sha256, Hash::Sha384] {
            assert_eq!(hash_of_nothing(of), hash(of, b"").as_bytes());
        }
    }

    #[test]
    fn equality_is_of_all_bytes_and_of_the_length() {
        let digest = Digest::new(&[1, 2, 3]);
        assert!(digest.ct_eq(&[1, 2, 3]));
        for other in [&[1, 2, 4][..], &[0, 2, 3], &[1, 2], &[1, 2, 3, 0], &[]] {
            assert!(!digest.ct_eq(other));
        }
    }

    #[test]
    fn hkdf_is_that_of_rfc5869() {
        let cases = read(include_str!("../../test-vectors/rfc5869.txt"));
        assert_eq!(cases.len(), 3);
        for case in &cases {
            let mut prk = [0; 32];
            hkdf_extract(Hash::Sha256, case.get("salt"), case.get("IKM"), &mut prk);
            assert_eq!(prk, case.get("PRK"));
            let mut okm = vec![0; case.get("OKM").len()];
            Expander::new(Hash::Sha256, &prk).expand(Joined::of(&[case.get("info")]), &mut okm);
            assert_eq!(okm, case.get("OKM"));
        }
    }

    #[test]
    fn the_parts_of_an_input_are_one_string() {
        let whole = hmac(Hash::Sha384, b"key", &[b"message"]);
        assert!(hmac(Hash::Sha384, b"key", &[b"", b"mess", b"age"]).ct_eq(whole.as_bytes()));
    }

    #[test]
    fn hkdf_label_is_that_of_rfc9846() {
        let (mut by_label, mut by_info) = ([0; 40], [0; 40]);
        hkdf_expand_label(Hash::Sha384, &[1; 48], "key", b"context", &mut by_label);
        let info = [&[0, 40, 9][..], b"tls13 key", &[7], b"context"].concat();
        Expander::new(Hash::Sha384, &[1; 48]).expand(Joined::of(&[&info]), &mut by_info);
        assert_eq!(by_label, by_info);
        // The longest that there can be.
        let (label, context, mut by_label, mut by_info) = ("x".repeat(LABEL_MAX), [7; 255], [0; 9], [0; 9]);
        hkdf_expand_label(Hash::Sha256, &[1; 32], &label, &context, &mut by_label);
        let info = [&[0, 9, 255][..], b"tls13 ", label.as_bytes(), &[255], &context].concat();
        let expected = hmac(Hash::Sha256, &[1; 32], &[&info, &[1]]);
        assert_eq!(by_label, expected.as_bytes()[..9]);
        Expander::new(Hash::Sha256, &[1; 32]).expand(Joined::of(&[&info]), &mut by_info);
        assert_eq!(by_label, by_info);
    }

    #[test]
    fn hkdf_goes_up_to_255_blocks() {
        let mut out = vec![0; 255 * 32];
        Expander::new(Hash::Sha256, &[1; 32]).expand(Joined::of(&[b"info"]), &mut out);
        let blocks: std::collections::HashSet<_> = out.chunks(32).collect();
        assert_eq!(blocks.len(), 255);
        let last = hmac(Hash::Sha256, &[1; 32], &[&out[253 * 32..254 * 32], b"info", &[255]]);
        assert_eq!(out[254 * 32..], *last.as_bytes());
    }

    #[test]
    fn prf_is_that_of_the_published_vectors() {
        let cases = read(include_str!("../../test-vectors/tls12-prf.txt"));
        for (title, hash) in [("P_SHA256", Hash::Sha256), ("P_SHA384", Hash::Sha384)] {
            let case = cases.iter().find(|case| case.title == title).unwrap();
            let output = case.get("output");
            for len in [0, 1, 12, hash.len(), hash.len() + 1, output.len()] {
                let mut out = vec![0; len];
                let seed = [case.get("label"), case.get("seed")].concat();
                Prf::new(hash, case.get("secret")).expand(&seed, &mut out);
                assert_eq!(out, output[..len]);
            }
        }
    }

    #[test]
    fn hash_is_that_of_fips180() {
        let empty = hash(Hash::Sha256, b"");
        assert_eq!(
            hex::encode(empty.as_bytes()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let abc = hash(Hash::Sha384, b"abc");
        assert_eq!(
            hex::encode(abc.as_bytes()),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7"
        );
        assert!(abc.ct_eq(abc.as_bytes()) && !abc.ct_eq(empty.as_bytes()));
    }

    #[test]
    fn a_fork_leaves_the_hash_as_it_is() {
        let mut hasher = Hasher::new(Hash::Sha256);
        hasher.update(b"a");
        let mut fork = hasher.clone();
        fork.update(b"x");
        hasher.update(b"bc");
        assert!(hasher.finish().ct_eq(hash(Hash::Sha256, b"abc").as_bytes()));
        assert!(fork.finish().ct_eq(hash(Hash::Sha256, b"ax").as_bytes()));
    }
}
