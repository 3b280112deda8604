//! Key agreement: ephemeral Diffie-Hellman over X25519, P-256 and P-384
//! (RFC 9846 section 7.4.2, RFC 8422 section 5.10), and the hybrid of ML-KEM-768
//! and X25519 (draft-ietf-tls-ecdhe-mlkem).
//!
//! | X25519MLKEM768 | ML-KEM part | X25519 part |
//! | --- | --- | --- |
//! | client's share | encapsulation key, 1184 bytes | public key, 32 bytes |
//! | server's share | ciphertext, 1088 bytes | public key, 32 bytes |
//! | shared secret | 32 bytes | 32 bytes |
//!
//! A private key is consumed by its use, by type: none serves twice.

use crate::crypto::Failed;
#[cfg(feature = "post-quantum")]
use crate::crypto::kem;
use crate::crypto::source::{Entropy, Operation, Source};
use crate::crypto::suite::Hash;
use crate::wire::NamedGroup;
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::agreement as aws_lc;
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
use graviola::key_agreement::{p384, x25519};
use ring::agreement;
use zeroize::Zeroizing;

/// What both sides know after an agreement: at most 64 bytes, wiped on drop.
pub(crate) struct SharedSecret {
    bytes: Zeroizing<[u8; 64]>,
    len: usize,
}

impl SharedSecret {
    /// The parts one after the other; fails for more than 64 bytes.
    pub(crate) fn new(parts: &[&[u8]]) -> Result<Self, Failed> {
        let mut secret = Self { bytes: Zeroizing::new([0; 64]), len: 0 };
        for part in parts {
            let end = secret.len + part.len();
            secret.bytes.get_mut(secret.len..end).ok_or(Failed)?.copy_from_slice(part);
            secret.len = end;
        }
        Ok(secret)
    }

    /// "0" in the place of an agreement, where there is none (RFC 9846 section 7.1).
    pub(crate) fn none(hash: Hash) -> Self {
        Self { bytes: Zeroizing::new([0; 64]), len: hash.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The private keys behind the shares that one side sent first: a client's
/// ClientHello, or a TLS 1.2 server's ServerKeyExchange (then for one group).
pub(crate) struct KeyShares {
    /// In the order in which they are sent.
    shares: Vec<(NamedGroup, Vec<u8>)>,
    /// One for each curve: X25519's serves the hybrid also.
    curves: Vec<PrivateKey>,
    #[cfg(feature = "post-quantum")]
    kem: Option<kem::DecapsulationKey>,
}

impl KeyShares {
    /// Draws keys for `groups`; fails for a group that this build has not.
    pub(crate) fn generate(groups: &[NamedGroup], entropy: &Entropy) -> Result<Self, Failed> {
        let mut keys = Self {
            shares: Vec::with_capacity(groups.len()),
            curves: Vec::with_capacity(groups.len()),
            #[cfg(feature = "post-quantum")]
            kem: None,
        };
        for &group in groups {
            let share = keys.share(group, entropy)?;
            keys.shares.push((group, share));
        }
        Ok(keys)
    }

    /// The shares to send, in the order of the groups.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (NamedGroup, &[u8])> {
        self.shares.iter().map(|(group, share)| (*group, &share[..]))
    }

    /// Agrees with the share that the other side answered with, and drops all
    /// keys. Fails for a group without a share here, or for a bad share.
    pub(crate) fn agree(mut self, group: NamedGroup, peer_share: &[u8]) -> Result<SharedSecret, Failed> {
        if !self.shares.iter().any(|(offered, _)| *offered == group) {
            return Err(Failed);
        }
        let curve = Curve::of(group).ok_or(Failed)?;
        let key = self.curves.iter().position(|key| key.curve == curve).ok_or(Failed)?;
        let key = self.curves.swap_remove(key);
        #[cfg(feature = "post-quantum")]
        if group == NamedGroup::X25519MLKEM768 {
            let (ciphertext, public) = peer_share.split_at_checked(kem::CIPHERTEXT_LEN).ok_or(Failed)?;
            let secret = self.kem.ok_or(Failed)?.decapsulate(ciphertext)?;
            return key.agree(public, |z| SharedSecret::new(&[&*secret, z]));
        }
        key.agree(peer_share, |z| SharedSecret::new(&[z]))
    }

    fn share(&mut self, group: NamedGroup, entropy: &Entropy) -> Result<Vec<u8>, Failed> {
        let curve = Curve::of(group).ok_or(Failed)?;
        let mut share = Vec::new();
        #[cfg(feature = "post-quantum")]
        if group == NamedGroup::X25519MLKEM768 {
            self.kem = Some(kem::DecapsulationKey::generate(entropy, &mut share)?);
        }
        if !self.curves.iter().any(|key| key.curve == curve) {
            self.curves.push(PrivateKey::generate(curve, entropy)?);
        }
        let key = self.curves.iter().find(|key| key.curve == curve).ok_or(Failed)?;
        key.append_public(&mut share)?;
        Ok(share)
    }
}

/// Answers a share: this side's share, and what both know by it. Fails for a
/// group that this build has not, or for a bad share.
pub(crate) fn respond(
    group: NamedGroup,
    peer_share: &[u8],
    entropy: &Entropy,
) -> Result<(Vec<u8>, SharedSecret), Failed> {
    let key = PrivateKey::generate(Curve::of(group).ok_or(Failed)?, entropy)?;
    let mut share = Vec::new();
    #[cfg(feature = "post-quantum")]
    if group == NamedGroup::X25519MLKEM768 {
        let (encapsulation_key, peer_public) =
            peer_share.split_at_checked(kem::ENCAPSULATION_KEY_LEN).ok_or(Failed)?;
        let secret = kem::encapsulate(encapsulation_key, entropy, &mut share)?;
        key.append_public(&mut share)?;
        return Ok((share, key.agree(peer_public, |z| SharedSecret::new(&[&*secret, z]))?));
    }
    key.append_public(&mut share)?;
    Ok((share, key.agree(peer_share, |z| SharedSecret::new(&[z]))?))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    X25519,
    P256,
    P384,
}

impl Curve {
    /// The curve of a group, or of the classic part of a hybrid one.
    fn of(group: NamedGroup) -> Option<Self> {
        match group {
            #[cfg(feature = "post-quantum")]
            NamedGroup::X25519MLKEM768 => Some(Self::X25519),
            NamedGroup::X25519 => Some(Self::X25519),
            NamedGroup::SECP256R1 => Some(Self::P256),
            NamedGroup::SECP384R1 => Some(Self::P384),
            _ => None,
        }
    }

    fn source(self) -> Source {
        match self {
            Self::X25519 => Operation::X25519.source(),
            Self::P256 => Operation::P256Agreement.source(),
            Self::P384 => Operation::P384Agreement.source(),
        }
    }

    /// Bytes of a private key.
    pub(super) const fn private_len(self) -> usize {
        match self {
            Self::X25519 | Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// Whether it has the form of a public key: a point is uncompressed. AWS-LC
    /// would take others also.
    fn has_form(self, public: &[u8]) -> bool {
        match self {
            Self::X25519 => public.len() == 32,
            Self::P256 => public.len() == 65 && public.first() == Some(&4),
            Self::P384 => public.len() == 97 && public.first() == Some(&4),
        }
    }

    const fn ring(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    const fn aws_lc(self) -> &'static aws_lc::Algorithm {
        match self {
            Self::X25519 => &aws_lc::X25519,
            Self::P256 => &aws_lc::ECDH_P256,
            Self::P384 => &aws_lc::ECDH_P384,
        }
    }
}

/// A private key that can be used once.
pub(super) struct PrivateKey {
    curve: Curve,
    key: Key,
}

enum Key {
    Ring(agreement::EphemeralPrivateKey),
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    GraviolaX25519(x25519::StaticPrivateKey),
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    GraviolaP384(p384::StaticPrivateKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::PrivateKey),
}

impl PrivateKey {
    fn generate(curve: Curve, entropy: &Entropy) -> Result<Self, Failed> {
        Self::generate_by(curve.source(), curve, entropy)
    }

    /// By a source that has the curve. Who takes a key's bytes is given them, so that
    /// a test's are used.
    pub(super) fn generate_by(source: Source, curve: Curve, entropy: &Entropy) -> Result<Self, Failed> {
        let mut bytes = Zeroizing::new([0; 48]);
        let bytes = bytes.get_mut(..curve.private_len()).ok_or(Failed)?;
        let key = match (source, curve) {
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            (Source::Graviola, Curve::X25519) => {
                entropy.fill(bytes)?;
                Key::GraviolaX25519(x25519::StaticPrivateKey::try_from_slice(bytes).map_err(|_| Failed)?)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            (Source::Graviola, Curve::P384) => {
                entropy.fill(bytes)?;
                Key::GraviolaP384(p384::StaticPrivateKey::from_bytes(bytes).map_err(|_| Failed)?)
            }
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, _) => {
                entropy.fill(bytes)?;
                let key = aws_lc::PrivateKey::from_private_key(curve.aws_lc(), bytes);
                Key::AwsLc(key.map_err(|_| Failed)?)
            }
            _ => Key::Ring(entropy.lend(bytes.len(), |random| {
                agreement::EphemeralPrivateKey::generate(curve.ring(), random)
            })?),
        };
        Ok(Self { curve, key })
    }

    pub(super) fn append_public(&self, to: &mut Vec<u8>) -> Result<(), Failed> {
        match &self.key {
            Key::Ring(key) => to.extend_from_slice(key.compute_public_key().map_err(|_| Failed)?.as_ref()),
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Key::GraviolaX25519(key) => to.extend_from_slice(&key.public_key().as_bytes()),
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Key::GraviolaP384(key) => to.extend_from_slice(&key.public_key_uncompressed()),
            #[cfg(feature = "aws-lc-rs")]
            Key::AwsLc(key) => to.extend_from_slice(key.compute_public_key().map_err(|_| Failed)?.as_ref()),
        }
        Ok(())
    }

    /// Each source checks that a point is on its curve, and that X25519's result is
    /// not zero (RFC 9846 section 7.4.2).
    pub(super) fn agree(
        self,
        peer_public: &[u8],
        then: impl FnOnce(&[u8]) -> Result<SharedSecret, Failed>,
    ) -> Result<SharedSecret, Failed> {
        if !self.curve.has_form(peer_public) {
            return Err(Failed);
        }
        match self.key {
            Key::Ring(key) => {
                let peer = agreement::UnparsedPublicKey::new(self.curve.ring(), peer_public);
                agreement::agree_ephemeral(key, &peer, then).map_err(|_| Failed)?
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Key::GraviolaX25519(key) => {
                let peer = x25519::PublicKey::try_from_slice(peer_public).map_err(|_| Failed)?;
                then(&key.diffie_hellman(&peer).map_err(|_| Failed)?.0)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Key::GraviolaP384(key) => {
                let peer = p384::PublicKey::from_x962_uncompressed(peer_public).map_err(|_| Failed)?;
                then(&key.diffie_hellman(&peer).map_err(|_| Failed)?.0)
            }
            #[cfg(feature = "aws-lc-rs")]
            Key::AwsLc(key) => {
                let peer = aws_lc::UnparsedPublicKey::new(self.curve.aws_lc(), peer_public);
                aws_lc::agree(&key, peer, Failed, then)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::suite::GROUPS;

    fn entropy() -> Entropy {
        Entropy::system()
    }

    fn share_of(keys: &KeyShares, group: NamedGroup) -> Vec<u8> {
        keys.entries().find(|entry| entry.0 == group).unwrap().1.to_vec()
    }

    #[test]
    fn both_sides_know_the_same() {
        for &group in GROUPS {
            let keys = KeyShares::generate(GROUPS, &entropy()).unwrap();
            assert!(keys.entries().map(|entry| entry.0).eq(GROUPS.iter().copied()));
            let (share, server) = respond(group, &share_of(&keys, group), &entropy()).unwrap();
            let client = keys.agree(group, &share).unwrap();
            assert_eq!(client.as_bytes(), server.as_bytes(), "{group}");
            let len = match group {
                NamedGroup::X25519MLKEM768 => 64,
                NamedGroup::SECP384R1 => 48,
                _ => 32,
            };
            assert_eq!(client.as_bytes().len(), len);
            assert_ne!(client.as_bytes(), vec![0; len]);
        }
    }

    #[test]
    fn another_handshake_gives_another_secret() {
        for &group in GROUPS {
            let keys = KeyShares::generate(&[group], &entropy()).unwrap();
            let share = share_of(&keys, group);
            let (_, first) = respond(group, &share, &entropy()).unwrap();
            let (_, second) = respond(group, &share, &entropy()).unwrap();
            assert_ne!(first.as_bytes(), second.as_bytes());
        }
    }

    #[test]
    fn a_group_without_a_share_is_refused() {
        let keys = |groups| KeyShares::generate(groups, &entropy());
        let x25519 = share_of(&keys(&[NamedGroup::X25519]).unwrap(), NamedGroup::X25519);
        assert!(keys(&[NamedGroup::SECP256R1]).unwrap().agree(NamedGroup::X25519, &x25519).is_err());
        // The hybrid has an X25519 key, but X25519 alone was not offered.
        #[cfg(feature = "post-quantum")]
        assert!(keys(&[NamedGroup::X25519MLKEM768]).unwrap().agree(NamedGroup::X25519, &x25519).is_err());
        assert!(keys(&[NamedGroup(0x0019)]).is_err()); // secp521r1
        assert!(respond(NamedGroup(0x0019), &[4; 133], &entropy()).is_err());
    }

    #[test]
    fn a_share_of_another_length_is_refused() {
        for &group in GROUPS {
            let keys = || KeyShares::generate(&[group], &entropy()).unwrap();
            let client_share = share_of(&keys(), group);
            let (server_share, _) = respond(group, &client_share, &entropy()).unwrap();
            let longer = |share: &[u8]| [share, &[0]].concat();
            for bad in [&client_share[..client_share.len() - 1], &longer(&client_share), &[]] {
                assert!(respond(group, bad, &entropy()).is_err(), "{group}");
            }
            for bad in [&server_share[..server_share.len() - 1], &longer(&server_share), &[]] {
                assert!(keys().agree(group, bad).is_err(), "{group}");
            }
        }
    }

    /// RFC 7748 section 6.1: points of small order give zero, whatever the key.
    #[test]
    fn x25519_refuses_points_of_small_order() {
        let mut order8 =
            hex::decode("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").unwrap();
        let mut one = vec![0; 32];
        one[0] = 1;
        for point in [vec![0; 32], one, order8.clone()] {
            assert!(respond(NamedGroup::X25519, &point, &entropy()).is_err());
            let keys = KeyShares::generate(&[NamedGroup::X25519], &entropy()).unwrap();
            assert!(keys.agree(NamedGroup::X25519, &point).is_err());
            #[cfg(feature = "post-quantum")]
            {
                let keys = KeyShares::generate(&[NamedGroup::X25519MLKEM768], &entropy()).unwrap();
                let share = share_of(&keys, NamedGroup::X25519MLKEM768);
                let bad = [&share[..1184], &point].concat();
                assert!(respond(NamedGroup::X25519MLKEM768, &bad, &entropy()).is_err());
            }
        }
        order8[5] ^= 1;
        assert!(respond(NamedGroup::X25519, &order8, &entropy()).is_ok());
    }

    /// RFC 9846 section 4.3.8.2: uncompressed points on the curve only.
    #[test]
    fn nist_curves_refuse_what_is_not_a_point() {
        for (group, len) in [(NamedGroup::SECP256R1, 32), (NamedGroup::SECP384R1, 48)] {
            let keys = KeyShares::generate(&[group], &entropy()).unwrap();
            let good = share_of(&keys, group);
            assert_eq!((good[0], good.len()), (4, 1 + 2 * len));
            assert!(respond(group, &good, &entropy()).is_ok());
            let mut off_curve = good.clone();
            off_curve[2 * len] ^= 1;
            let mut hybrid_form = good.clone();
            hybrid_form[0] = 6 + (good[2 * len] & 1);
            let compressed = [&[2 + (good[2 * len] & 1)][..], &good[1..=len]].concat();
            let zero = [&[4][..], &vec![0; 2 * len]].concat();
            let too_large = [&[4][..], &vec![0xff; 2 * len]].concat();
            for bad in [off_curve, hybrid_form, compressed, zero, too_large, vec![0]] {
                assert!(respond(group, &bad, &entropy()).is_err());
                let keys = KeyShares::generate(&[group], &entropy()).unwrap();
                assert!(keys.agree(group, &bad).is_err());
            }
        }
    }

    #[test]
    fn without_randomness_there_are_no_keys() {
        for &group in GROUPS {
            assert!(KeyShares::generate(&[group], &Entropy::given(&[])).is_err());
            let keys = KeyShares::generate(&[group], &entropy()).unwrap();
            assert!(respond(group, &share_of(&keys, group), &Entropy::given(&[])).is_err());
        }
    }

    #[test]
    fn a_shared_secret_is_its_parts_in_order() {
        assert_eq!(SharedSecret::new(&[&[1; 32], &[2; 32]]).unwrap().as_bytes()[31..33], [1, 2]);
        assert!(SharedSecret::new(&[&[1; 32], &[2; 33]]).is_err());
    }

    #[cfg(feature = "post-quantum")]
    mod hybrid {
        use super::*;
        use ml_kem::{KeyExport, MlKem768, kem::FromSeed};

        const GROUP: NamedGroup = NamedGroup::X25519MLKEM768;

        /// The parts and their order, against both primitives used directly.
        #[test]
        fn ml_kem_stands_first_everywhere() {
            let client_entropy = Entropy::given(&[&[1; 64], &[2; 32]]);
            let keys = KeyShares::generate(&[GROUP], &client_entropy).unwrap();
            let client_share = share_of(&keys, GROUP);
            let (_, kem) = MlKem768::from_seed(&[1; 64].into());
            assert_eq!(client_share.len(), 1216);
            assert_eq!(client_share[..1184], kem.to_bytes()[..]);

            // respond draws its X25519 key first
            let server_entropy = Entropy::given(&[&[3; 32], &[4; 32]]);
            let (server_share, secret) = respond(GROUP, &client_share, &server_entropy).unwrap();
            let (ciphertext, kem_secret) = kem.encapsulate_deterministic(&[4; 32].into());
            assert_eq!(server_share.len(), 1120);
            assert_eq!(server_share[..1088], ciphertext[..]);
            assert_eq!(secret.as_bytes()[..32], kem_secret[..]);

            let x25519 = PrivateKey::generate(Curve::X25519, &Entropy::given(&[&[2; 32]])).unwrap();
            let z = x25519.agree(&server_share[1088..], |z| SharedSecret::new(&[z])).unwrap();
            assert_eq!(secret.as_bytes()[32..], *z.as_bytes());
            assert_eq!(keys.agree(GROUP, &server_share).unwrap().as_bytes(), secret.as_bytes());
        }

        #[test]
        fn it_shares_its_x25519_key_with_x25519() {
            for groups in [[GROUP, NamedGroup::X25519], [NamedGroup::X25519, GROUP]] {
                let keys = KeyShares::generate(&groups, &entropy()).unwrap();
                assert!(keys.entries().map(|entry| entry.0).eq(groups));
                let public = share_of(&keys, NamedGroup::X25519);
                assert_eq!(share_of(&keys, GROUP)[1184..], public);
                let (share, server) = respond(NamedGroup::X25519, &public, &entropy()).unwrap();
                let client = keys.agree(NamedGroup::X25519, &share).unwrap();
                assert_eq!(client.as_bytes(), server.as_bytes());
            }
        }

        /// FIPS 203 section 7.2: a coefficient of 3329 or more.
        #[test]
        fn an_encapsulation_key_out_of_range_is_refused() {
            let keys = KeyShares::generate(&[GROUP], &entropy()).unwrap();
            for at in [0, 3, 1149] {
                let mut share = share_of(&keys, GROUP);
                // Twelve bits with the value 0xfff, or 0x?ff with the next byte's low half set.
                share[at] = 0xff;
                share[at + 1] |= 0x0f;
                assert!(respond(GROUP, &share, &entropy()).is_err());
            }
            assert!(respond(GROUP, &share_of(&keys, GROUP), &entropy()).is_ok());
        }

        /// FIPS 203 section 6.3: an altered ciphertext gives another secret, not an error.
        #[test]
        fn an_altered_ciphertext_gives_another_secret() {
            let keys = KeyShares::generate(&[GROUP], &entropy()).unwrap();
            let (mut share, server) = respond(GROUP, &share_of(&keys, GROUP), &entropy()).unwrap();
            share[0] ^= 1;
            let client = keys.agree(GROUP, &share).unwrap();
            assert_ne!(client.as_bytes()[..32], server.as_bytes()[..32]);
            assert_eq!(client.as_bytes()[32..], server.as_bytes()[32..]);
        }
    }
}
