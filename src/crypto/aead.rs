//! Record protection (RFC 9846 section 5.2, RFC 5246 section 6.2.3.3): a key,
//! an iv and a sequence number.
//!
//! | | nonce | on the wire before the ciphertext |
//! | --- | --- | --- |
//! | TLS 1.3 (RFC 9846 5.3) | iv xor number | |
//! | TLS 1.2 ChaCha20-Poly1305 (RFC 7905 2) | iv xor number | |
//! | TLS 1.2 AES-GCM (RFC 5288 3) | salt, then 8 explicit bytes: here the number | the explicit bytes |
//!
//! The caller makes the additional data and the record around it; here a
//! record is only a payload that is encrypted where it lies, and a tag.
//!
//! What moves is a pointer: a key and all that it is made from stand in one box.

use crate::crypto::Failed;
use crate::crypto::kdf::Expander;
use crate::crypto::secret::{clear_stack, leaving_nothing, lend_inside};
use crate::crypto::source::{Operation, Source};
use crate::crypto::suite::{Aead, Suite};
use crate::limits;
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::aead as aws_lc;
use ring::aead;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Bytes of the tag after the ciphertext, in every suite.
pub(crate) const TAG_LEN: usize = 16;

/// Bytes of a nonce.
const NONCE_LEN: usize = 12;

/// Octets from which on a record is long, and may have another source than ring:
/// to call it costs a short one more than its faster cipher gives.
const LONG: usize = 4096;

/// Protects the records of one direction under one key.
///
/// It keeps what the expanded key is made from, so that an idle connection can
/// give the expanded one back: ring's has 544 bytes, AWS-LC's 608 in the C heap.
pub(crate) struct Protection {
    suite: &'static Suite,
    /// The number of the next record.
    number: u64,
    keys: Keys,
}

enum Keys {
    Ring(Box<Expanded<RingKey>>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(Box<Expanded<aws_lc::LessSafeKey>>),
    Rested(Box<Base>),
}

/// What keys are made from.
#[derive(Clone)]
struct Base {
    /// TLS 1.3: the traffic secret. TLS 1.2: the key.
    secret: Zeroizing<[u8; 48]>,
    /// For TLS 1.2 AES-GCM the salt, and zeros where the explicit part will stand.
    iv: Zeroizing<[u8; NONCE_LEN]>,
    /// What was protected, as [`limits::AES_GCM_PIECES`] counts it. It is here
    /// because there is room for it.
    pieces: u32,
}

struct Expanded<K> {
    base: Base,
    key: K,
}

/// ring does not wipe its keys; AWS-LC wipes what it frees.
struct RingKey(aead::LessSafeKey);

impl Drop for RingKey {
    fn drop(&mut self) {
        clear_stack();
        forget(&mut self.0);
    }
}

/// A key of zeros takes the place of this one, the largest there is, for a smaller
/// one leaves some of the room as it was. In a frame of its own, so that what pads
/// it comes from the cleared stack.
#[inline(never)]
fn forget(key: &mut aead::LessSafeKey) {
    // Made once: to expand it takes as long as to seal a short record.
    static ZEROS: LazyLock<Option<aead::LessSafeKey>> = LazyLock::new(|| {
        aead::UnboundKey::new(&aead::AES_256_GCM, &[0; 32]).ok().map(aead::LessSafeKey::new)
    });
    if let Some(zeros) = &*ZEROS {
        *key = zeros.clone();
        std::hint::black_box(key); // no dead store, though the memory is freed next
    }
}

/// What stands around a sealed payload.
pub(crate) struct Sealed {
    /// Before it, where [`Protection::explicit_nonce_len`] is not 0.
    pub(crate) explicit: [u8; 8],
    /// After it.
    pub(crate) tag: [u8; TAG_LEN],
}

impl Protection {
    /// Keys from a traffic secret, as long as the hash (RFC 9846 section 7.3), which
    /// is lent: whoever lends it clears what this leaves.
    pub(crate) fn tls13(suite: &'static Suite, traffic: &[u8]) -> Self {
        let expander = Expander::new(suite.hash, traffic);
        let mut base = Base::new(traffic, &[]);
        expander.expand_label("iv", b"", &mut *base.iv);
        // At once, while the expander is there.
        Self { suite, number: 0, keys: Keys::tls13(Source::Ring, suite, base, &expander) }
    }

    /// A write key and a write IV from a key block (RFC 5246 section 6.3);
    /// fails if they have not the lengths that [`Protection::tls12_lengths`] says.
    pub(crate) fn tls12(suite: &'static Suite, key: &[u8], iv: &[u8]) -> Result<Self, Failed> {
        if (key.len(), iv.len()) != Self::tls12_lengths(suite) {
            return Err(Failed);
        }
        Ok(Self { suite, number: 0, keys: Keys::tls12(Source::Ring, suite, Base::new(key, iv), key) })
    }

    /// enc_key_length and fixed_iv_length of a TLS 1.2 suite.
    pub(crate) fn tls12_lengths(suite: &Suite) -> (usize, usize) {
        (suite.aead.key_len(), if suite.aead.is_gcm() { 4 } else { NONCE_LEN })
    }

    pub(crate) fn suite(&self) -> &'static Suite {
        self.suite
    }

    pub(crate) fn is_tls13(&self) -> bool {
        self.suite.is_tls13()
    }

    /// The secret that keys come from, for a KeyUpdate: TLS 1.3 has one.
    pub(crate) fn traffic_secret(&self) -> Option<&[u8]> {
        self.base().secret.get(..self.suite.hash.len()).filter(|_| self.is_tls13())
    }

    /// Bytes of the nonce that stand before the ciphertext.
    pub(crate) fn explicit_nonce_len(&self) -> usize {
        if !self.is_tls13() && self.suite.aead.is_gcm() { 8 } else { 0 }
    }

    /// Records protected so far, which is the next one's sequence number.
    pub(crate) fn records(&self) -> u64 {
        self.number
    }

    /// Whether another record of the largest size could be more than one key may
    /// protect (RFC 9846 section 5.5). What is short, an alert or a KeyUpdate,
    /// still has room.
    pub(crate) fn is_used_up(&self) -> bool {
        match self.suite.aead.is_gcm() {
            true => limits::AES_GCM_PIECES - pieces(LARGEST) <= self.base().pieces,
            false => limits::CHACHA_RECORDS <= self.number,
        }
    }

    /// Encrypts `payload` where it lies.
    pub(crate) fn seal(&mut self, aad: &[u8], payload: &mut [u8]) -> Result<Sealed, Failed> {
        let next = self.number.checked_add(1).ok_or(Failed)?;
        let len = aad.len() + payload.len();
        let explicit = self.number.to_be_bytes();
        let nonce = self.nonce(explicit);
        let tag = match self.expanded(len)? {
            Keys::Ring(expanded) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                let sealed = expanded.key.0.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), payload);
                sealed.map_err(|_| Failed)?.as_ref().try_into().map_err(|_| Failed)?
            }
            #[cfg(feature = "aws-lc-rs")]
            Keys::AwsLc(expanded) => {
                let nonce = aws_lc::Nonce::assume_unique_for_key(nonce);
                let aad = aws_lc::Aad::from(aad);
                let mut tag = [0; TAG_LEN];
                let sealed = expanded.key.seal_in_place_scatter(nonce, aad, payload, &[], &mut tag);
                sealed.map_err(|_| Failed)?;
                tag
            }
            Keys::Rested(_) => return Err(Failed),
        };
        self.count(next, len);
        Ok(Sealed { explicit, tag })
    }

    /// Encrypts `payload`, and behind it `last` (the content type of TLS 1.3, or
    /// nothing), into `to`, which is as long as both.
    pub(crate) fn seal_from(
        &mut self,
        aad: &[u8],
        payload: &[u8],
        last: &[u8],
        to: &mut [u8],
    ) -> Result<Sealed, Failed> {
        let (front, back) = to.split_at_mut_checked(payload.len()).ok_or(Failed)?;
        if back.len() != last.len() {
            return Err(Failed);
        }
        #[cfg(feature = "aws-lc-rs")]
        if last.len() <= 1 && matches!(self.expanded(payload.len())?, Keys::AwsLc(_)) {
            return self.seal_out_of_place(aad, payload, last, front, back);
        }
        front.copy_from_slice(payload);
        back.copy_from_slice(last);
        self.seal(aad, to)
    }

    /// Without a copy, at most one octet of `last`.
    #[cfg(feature = "aws-lc-rs")]
    fn seal_out_of_place(
        &mut self,
        aad: &[u8],
        payload: &[u8],
        last: &[u8],
        front: &mut [u8],
        back: &mut [u8],
    ) -> Result<Sealed, Failed> {
        let next = self.number.checked_add(1).ok_or(Failed)?;
        let len = aad.len() + payload.len() + last.len();
        let explicit = self.number.to_be_bytes();
        let nonce = aws_lc::Nonce::assume_unique_for_key(self.nonce(explicit));
        let Keys::AwsLc(expanded) = &self.keys else { return Err(Failed) };
        // What is behind the payload, and the tag.
        let mut rest = [0; 1 + TAG_LEN];
        let rest = rest.get_mut(..last.len() + TAG_LEN).ok_or(Failed)?;
        let aad = aws_lc::Aad::from(aad);
        let sealed = expanded.key.seal_out_of_place_scatter(nonce, aad, payload, front, last, rest);
        sealed.map_err(|_| Failed)?;
        let (encrypted, tag) = rest.split_at_checked(last.len()).ok_or(Failed)?;
        back.copy_from_slice(encrypted);
        let tag = tag.try_into().map_err(|_| Failed)?;
        self.count(next, len);
        Ok(Sealed { explicit, tag })
    }

    /// Counts a record that was sealed.
    fn count(&mut self, next: u64, len: usize) {
        self.number = next;
        let counted = &mut self.base_mut().pieces;
        *counted = counted.saturating_add(pieces(len));
    }

    /// Decrypts `ciphertext_and_tag` where it lies and returns the length of
    /// the plaintext at its start. After a failure its content is unspecified,
    /// and the sequence number the same as before: a server that refused early
    /// data passes over records that do not open (RFC 9846 section 4.3.10).
    pub(crate) fn open(
        &mut self,
        explicit: &[u8],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, Failed> {
        let next = self.number.checked_add(1).ok_or(Failed)?;
        let nonce = match self.explicit_nonce_len() {
            0 if explicit.is_empty() => self.nonce(self.number.to_be_bytes()),
            0 => return Err(Failed),
            _ => self.nonce(explicit.try_into().map_err(|_| Failed)?),
        };
        let plaintext = match self.expanded(ciphertext_and_tag.len())? {
            Keys::Ring(expanded) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                expanded.key.0.open_in_place(nonce, aead::Aad::from(aad), ciphertext_and_tag).ok()
            }
            #[cfg(feature = "aws-lc-rs")]
            Keys::AwsLc(expanded) => {
                let nonce = aws_lc::Nonce::assume_unique_for_key(nonce);
                expanded.key.open_in_place(nonce, aws_lc::Aad::from(aad), ciphertext_and_tag).ok()
            }
            Keys::Rested(_) => None,
        };
        let len = plaintext.ok_or(Failed)?.len();
        self.number = next;
        Ok(len)
    }

    /// Gives the expanded key back; the next record makes it again.
    pub(crate) fn rest(&mut self) {
        if !matches!(self.keys, Keys::Rested(_)) {
            self.keys = Keys::Rested(Box::new(self.base().clone()));
        }
    }

    /// Whether the expanded key is given back.
    #[cfg(all(test, feature = "tokio"))]
    pub(crate) fn rests(&self) -> bool {
        matches!(self.keys, Keys::Rested(_))
    }

    /// Goes to a late sequence number, for tests of what happens there.
    #[cfg(test)]
    pub(crate) fn set_records(&mut self, number: u64) {
        self.number = number;
    }

    /// Has protected so much, for tests of what happens then.
    #[cfg(test)]
    pub(crate) fn set_pieces(&mut self, pieces: u32) {
        self.base_mut().pieces = pieces;
    }

    /// iv xor the last 8 bytes. A salt has zeros there, so the xor appends them.
    fn nonce(&self, last: [u8; 8]) -> [u8; NONCE_LEN] {
        let mut nonce = *self.base().iv;
        nonce.iter_mut().skip(NONCE_LEN - last.len()).zip(last).for_each(|(byte, last)| *byte ^= last);
        nonce
    }

    fn base(&self) -> &Base {
        match &self.keys {
            Keys::Ring(expanded) => &expanded.base,
            #[cfg(feature = "aws-lc-rs")]
            Keys::AwsLc(expanded) => &expanded.base,
            Keys::Rested(base) => base,
        }
    }

    fn base_mut(&mut self) -> &mut Base {
        match &mut self.keys {
            Keys::Ring(expanded) => &mut expanded.base,
            #[cfg(feature = "aws-lc-rs")]
            Keys::AwsLc(expanded) => &mut expanded.base,
            Keys::Rested(base) => base,
        }
    }

    /// The key for a record of so many octets. Whoever has met a long one stays
    /// with the source of those.
    fn expanded(&mut self, len: usize) -> Result<&Keys, Failed> {
        let source = if len < LONG { Source::Ring } else { source(self.suite.aead) };
        let is_there = match &self.keys {
            Keys::Ring(_) => source == Source::Ring,
            #[cfg(feature = "aws-lc-rs")]
            Keys::AwsLc(_) => true,
            Keys::Rested(_) => false,
        };
        if !is_there {
            self.keys = self.base().expand(source, self.suite)?;
        }
        Ok(&self.keys)
    }
}

impl Keys {
    /// The key that a traffic secret gives.
    fn tls13(source: Source, suite: &Suite, base: Base, traffic: &Expander) -> Self {
        let derive = |key: &mut [u8]| traffic.expand_label("key", b"", key);
        lend_inside(suite.aead.key_len(), derive, |key| Self::tls12(source, suite, base, key))
    }

    /// The key as it is. One of a suite's length cannot fail; one that did would
    /// fail again on use.
    fn tls12(source: Source, suite: &Suite, base: Base, key: &[u8]) -> Self {
        match source {
            #[cfg(feature = "aws-lc-rs")]
            Source::AwsLc => {
                let algorithm = match suite.aead {
                    Aead::Aes128Gcm => &aws_lc::AES_128_GCM,
                    Aead::Aes256Gcm => &aws_lc::AES_256_GCM,
                    Aead::ChaCha20Poly1305 => &aws_lc::CHACHA20_POLY1305,
                };
                match aws_lc::UnboundKey::new(algorithm, key).map(aws_lc::LessSafeKey::new) {
                    Ok(key) => Self::AwsLc(Box::new(Expanded { base, key })),
                    Err(_) => Self::Rested(Box::new(base)),
                }
            }
            _ => {
                let algorithm = match suite.aead {
                    Aead::Aes128Gcm => &aead::AES_128_GCM,
                    Aead::Aes256Gcm => &aead::AES_256_GCM,
                    Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
                };
                match aead::UnboundKey::new(algorithm, key).map(aead::LessSafeKey::new) {
                    Ok(key) => Self::Ring(Box::new(Expanded { base, key: RingKey(key) })),
                    Err(_) => Self::Rested(Box::new(base)),
                }
            }
        }
    }
}

/// Who protects long records.
fn source(aead: Aead) -> Source {
    if aead.is_gcm() { Operation::LongAesGcm.source() } else { Source::Ring }
}

impl Base {
    /// At most 48 bytes and 12.
    fn new(secret: &[u8], iv: &[u8]) -> Self {
        let mut base =
            Self { secret: Zeroizing::new([0; 48]), iv: Zeroizing::new([0; NONCE_LEN]), pieces: 0 };
        base.secret.iter_mut().zip(secret).for_each(|(to, from)| *to = *from);
        base.iv.iter_mut().zip(iv).for_each(|(to, from)| *to = *from);
        base
    }

    #[cold]
    fn expand(&self, source: Source, suite: &Suite) -> Result<Keys, Failed> {
        let part = |len| self.secret.get(..len).ok_or(Failed);
        leaving_nothing(|| {
            Ok(match suite.is_tls13() {
                true => {
                    let traffic = Expander::new(suite.hash, part(suite.hash.len())?);
                    Keys::tls13(source, suite, self.clone(), &traffic)
                }
                false => Keys::tls12(source, suite, self.clone(), part(suite.aead.key_len())?),
            })
        })
    }
}

/// The most octets of a record, content type and additional data among them.
const LARGEST: usize = limits::RECORD_PLAINTEXT + 1 + 16;

/// The pieces of so many octets; a block more, and one for the tag, are in them.
fn pieces(len: usize) -> u32 {
    (len + 2 * 16).div_ceil(limits::AES_GCM_PIECE) as u32
}

#[cfg(test)]
mod tests;
