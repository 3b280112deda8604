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
use crate::crypto::source::Entropy;
use crate::wire::NamedGroup;
use ring::agreement::{self, Algorithm, EphemeralPrivateKey, UnparsedPublicKey};
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
    curves: Vec<EphemeralPrivateKey>,
    #[cfg(feature = "post-quantum")]
    kem: Option<ml_kem::DecapsulationKey>,
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
        let curve = curve(group).ok_or(Failed)?;
        let key = self.curves.iter().position(|key| key.algorithm() == curve).ok_or(Failed)?;
        let key = self.curves.swap_remove(key);
        #[cfg(feature = "post-quantum")]
        if group == NamedGroup::X25519MLKEM768 {
            let (ciphertext, public) = peer_share.split_at_checked(ml_kem::CIPHERTEXT_LEN).ok_or(Failed)?;
            let secret = self.kem.ok_or(Failed)?.decapsulate(ciphertext)?;
            return ecdh(key, public, |z| SharedSecret::new(&[&*secret, z]));
        }
        ecdh(key, peer_share, |z| SharedSecret::new(&[z]))
    }

    fn share(&mut self, group: NamedGroup, entropy: &Entropy) -> Result<Vec<u8>, Failed> {
        let curve = curve(group).ok_or(Failed)?;
        let mut share = Vec::new();
        #[cfg(feature = "post-quantum")]
        if group == NamedGroup::X25519MLKEM768 {
            let (key, encapsulation_key) = ml_kem::DecapsulationKey::generate(entropy)?;
            share.extend_from_slice(&encapsulation_key);
            self.kem = Some(key);
        }
        let public = match self.curves.iter().find(|key| key.algorithm() == curve) {
            Some(key) => key.compute_public_key(),
            None => {
                let key = entropy.ephemeral(curve)?;
                let public = key.compute_public_key();
                self.curves.push(key);
                public
            }
        };
        share.extend_from_slice(public.map_err(|_| Failed)?.as_ref());
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
    let key = entropy.ephemeral(curve(group).ok_or(Failed)?)?;
    let public = key.compute_public_key().map_err(|_| Failed)?;
    #[cfg(feature = "post-quantum")]
    if group == NamedGroup::X25519MLKEM768 {
        let (encapsulation_key, peer_public) =
            peer_share.split_at_checked(ml_kem::ENCAPSULATION_KEY_LEN).ok_or(Failed)?;
        let (mut share, secret) = ml_kem::encapsulate(encapsulation_key, entropy)?;
        share.extend_from_slice(public.as_ref());
        return Ok((share, ecdh(key, peer_public, |z| SharedSecret::new(&[&*secret, z]))?));
    }
    let secret = ecdh(key, peer_share, |z| SharedSecret::new(&[z]))?;
    Ok((public.as_ref().to_vec(), secret))
}

/// The curve of a group, or of the classic part of a hybrid one.
fn curve(group: NamedGroup) -> Option<&'static Algorithm> {
    match group {
        #[cfg(feature = "post-quantum")]
        NamedGroup::X25519MLKEM768 => Some(&agreement::X25519),
        NamedGroup::X25519 => Some(&agreement::X25519),
        NamedGroup::SECP256R1 => Some(&agreement::ECDH_P256),
        NamedGroup::SECP384R1 => Some(&agreement::ECDH_P384),
        _ => None,
    }
}

/// ring checks the length, that a point is uncompressed and on its curve, and
/// that X25519's result is not zero (RFC 9846 section 7.4.2).
fn ecdh(
    key: EphemeralPrivateKey,
    peer_public: &[u8],
    then: impl FnOnce(&[u8]) -> Result<SharedSecret, Failed>,
) -> Result<SharedSecret, Failed> {
    let peer = UnparsedPublicKey::new(key.algorithm(), peer_public);
    agreement::agree_ephemeral(key, &peer, then).map_err(|_| Failed)?
}

/// ML-KEM-768 (FIPS 203).
#[cfg(feature = "post-quantum")]
mod ml_kem {
    use crate::crypto::Failed;
    use crate::crypto::source::Entropy;
    use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
    use zeroize::{Zeroize, Zeroizing};

    pub(super) const ENCAPSULATION_KEY_LEN: usize = MlKem768PublicKey::len();
    pub(super) const CIPHERTEXT_LEN: usize = MlKem768Ciphertext::len();

    pub(super) struct DecapsulationKey(Box<MlKem768PrivateKey>);

    impl DecapsulationKey {
        /// With the encapsulation key to send.
        pub(super) fn generate(entropy: &Entropy) -> Result<(Self, [u8; ENCAPSULATION_KEY_LEN]), Failed> {
            let mut randomness = Zeroizing::new([0; 64]);
            entropy.fill(&mut *randomness)?;
            let (private, public) = mlkem768::generate_key_pair(*randomness).into_parts();
            Ok((Self(Box::new(private)), public.into()))
        }

        /// Any ciphertext of the right length gives a secret: a wrong one gives
        /// a wrong secret (FIPS 203 section 6.3), which the Finished shows.
        pub(super) fn decapsulate(self, ciphertext: &[u8]) -> Result<Zeroizing<[u8; 32]>, Failed> {
            let ciphertext = MlKem768Ciphertext::try_from(ciphertext).map_err(|_| Failed)?;
            Ok(Zeroizing::new(mlkem768::decapsulate(&self.0, &ciphertext)))
        }
    }

    impl Drop for DecapsulationKey {
        fn drop(&mut self) {
            (0..MlKem768PrivateKey::len()).for_each(|at| self.0[at].zeroize());
        }
    }

    /// The ciphertext to send, and the secret in it.
    pub(super) fn encapsulate(
        encapsulation_key: &[u8],
        entropy: &Entropy,
    ) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), Failed> {
        let key = MlKem768PublicKey::try_from(encapsulation_key).map_err(|_| Failed)?;
        // FIPS 203 section 7.2: no coefficient may be 3329 or more.
        if !mlkem768::validate_public_key(&key) {
            return Err(Failed);
        }
        let mut randomness = Zeroizing::new([0; 32]);
        entropy.fill(&mut *randomness)?;
        let (ciphertext, secret) = mlkem768::encapsulate(&key, *randomness);
        Ok((ciphertext.as_slice().to_vec(), Zeroizing::new(secret)))
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
        use libcrux_ml_kem::mlkem768;

        const GROUP: NamedGroup = NamedGroup::X25519MLKEM768;

        /// The parts and their order, against both primitives used directly.
        #[test]
        fn ml_kem_stands_first_everywhere() {
            let client_entropy = Entropy::given(&[&[1; 64], &[2; 32]]);
            let keys = KeyShares::generate(&[GROUP], &client_entropy).unwrap();
            let client_share = share_of(&keys, GROUP);
            let kem = mlkem768::generate_key_pair([1; 64]);
            assert_eq!(client_share.len(), 1216);
            assert_eq!(client_share[..1184], kem.pk()[..]);

            // respond draws its X25519 key first
            let server_entropy = Entropy::given(&[&[3; 32], &[4; 32]]);
            let (server_share, secret) = respond(GROUP, &client_share, &server_entropy).unwrap();
            let (ciphertext, kem_secret) = mlkem768::encapsulate(kem.public_key(), [4; 32]);
            assert_eq!(server_share.len(), 1120);
            assert_eq!(server_share[..1088], ciphertext.as_slice()[..]);
            assert_eq!(secret.as_bytes()[..32], kem_secret);

            let x25519 = Entropy::given(&[&[2; 32]]).ephemeral(&agreement::X25519).unwrap();
            let z = ecdh(x25519, &server_share[1088..], |z| SharedSecret::new(&[z])).unwrap();
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
