//! AES-256-GCM for values that leave this process and come back: tickets.

use crate::crypto::Failed;
use crate::crypto::aead::TAG_LEN;
use crate::crypto::kdf::{Digest, hmac};
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::crypto::suite::Hash;
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of a nonce.
pub(crate) const NONCE_LEN: usize = 12;

/// A key for tickets. It has a name that is made from it, so that who shares
/// the key finds the same one.
pub(crate) struct SealingKey {
    secret: Secret,
    name: [u8; 16],
}

impl SealingKey {
    /// Of 32 bytes that `fill` writes.
    pub(crate) fn new(fill: impl FnOnce(&mut [u8])) -> Self {
        let secret = Secret::new(32, fill);
        let digest = hmac(Hash::Sha256, secret.as_bytes(), &[b"the name of a ticket key"]);
        let mut name = [0; 16];
        name.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { secret, name }
    }

    /// Tells the key without telling anything of it.
    pub(crate) fn name(&self) -> &[u8; 16] {
        &self.name
    }

    /// By this, whoever has the key tells an id that was made with it from a foreign one.
    pub(crate) fn tag_of_id(&self, parts: [&[u8]; 2]) -> Digest {
        let [kind, random] = parts;
        hmac(Hash::Sha256, self.secret.as_bytes(), &[b"the id of a session", kind, random])
    }

    /// Encrypts `plaintext` where it lies; the tag goes behind it. No nonce may be
    /// used twice: random ones are good for 2^32 values (SP 800-38D section 8.3).
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failed> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.with_key(|key| {
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), plaintext).map_err(|_| Failed)?;
            tag.as_ref().try_into().map_err(|_| Failed)
        })
    }

    /// Decrypts, if it was sealed so; the plaintext is wiped on drop.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let len = self.with_key(|key| {
            key.open_in_place(nonce, Aad::from(aad), &mut bytes)
                .map(|opened| opened.len())
                .map_err(|_| Failed)
        })?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// Lends the expanded key, of which nothing stays behind.
    fn with_key<R>(&self, then: impl FnOnce(&LessSafeKey) -> Result<R, Failed>) -> Result<R, Failed> {
        leaving_nothing(|| {
            let key = UnboundKey::new(&aead::AES_256_GCM, self.secret.as_bytes()).map_err(|_| Failed)?;
            then(&LessSafeKey::new(key))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(|key| key.fill(byte))
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let mut sealed = b"contents".to_vec();
        let tag = key(1).seal([2; 12], b"name", &mut sealed).unwrap();
        sealed.extend_from_slice(&tag);
        assert_eq!(**key(1).open([2; 12], b"name", &sealed).unwrap(), *b"contents");
        assert!(key(3).open([2; 12], b"name", &sealed).is_err());
        assert!(key(1).open([3; 12], b"name", &sealed).is_err());
        assert!(key(1).open([2; 12], b"eman", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert!(key(1).open([2; 12], b"name", &other).is_err());
            assert!(key(1).open([2; 12], b"name", &sealed[..place]).is_err());
        }
    }

    #[test]
    fn a_name_is_the_key_s() {
        assert_eq!(key(1).name(), key(1).name());
        assert_ne!(key(1).name(), key(2).name());
    }
}
