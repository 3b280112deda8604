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
use crate::crypto::secret::{clear_stack, lend};
use crate::crypto::suite::{Aead, Suite};
use crate::limits;
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of the tag after the ciphertext, in every suite.
pub(crate) const TAG_LEN: usize = 16;

/// Bytes of a nonce.
const NONCE_LEN: usize = 12;

/// Protects the records of one direction under one key.
///
/// It keeps what the expanded key is made from, so that an idle connection can
/// give the expanded one back: ring's has 544 bytes.
pub(crate) struct Protection {
    suite: &'static Suite,
    /// The number of the next record.
    number: u64,
    keys: Keys,
}

enum Keys {
    Expanded(Box<Expanded>),
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

struct Expanded {
    base: Base,
    key: LessSafeKey,
}

impl Drop for Expanded {
    fn drop(&mut self) {
        clear_stack();
        forget(&mut self.key);
    }
}

/// ring does not wipe its keys: one of zeros takes the place of this one, the
/// largest there is, for a smaller one leaves some of the room as it was. In a
/// frame of its own, so that what pads it comes from the cleared stack.
#[inline(never)]
fn forget(key: &mut LessSafeKey) {
    if let Ok(zeros) = UnboundKey::new(&aead::AES_256_GCM, &[0; 32]) {
        *key = LessSafeKey::new(zeros);
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
    /// Keys from a traffic secret, as long as the hash (RFC 9846 section 7.3).
    pub(crate) fn tls13(suite: &'static Suite, traffic: &[u8]) -> Self {
        let expander = Expander::new(suite.hash, traffic);
        let mut base = Base::new(traffic, &[]);
        expander.expand_label("iv", b"", &mut *base.iv);
        // At once, while the expander is there.
        Self { suite, number: 0, keys: Keys::new(base, key13(suite, &expander)) }
    }

    /// A write key and a write IV from a key block (RFC 5246 section 6.3);
    /// fails if they have not the lengths that [`Protection::tls12_lengths`] says.
    pub(crate) fn tls12(suite: &'static Suite, key: &[u8], iv: &[u8]) -> Result<Self, Failed> {
        if (key.len(), iv.len()) != Self::tls12_lengths(suite) {
            return Err(Failed);
        }
        Ok(Self { suite, number: 0, keys: Keys::new(Base::new(key, iv), key12(suite, key)) })
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
        let tag =
            self.key()?.seal_in_place_separate_tag(nonce, Aad::from(aad), payload).map_err(|_| Failed)?;
        self.number = next;
        let counted = &mut self.base_mut().pieces;
        *counted = counted.saturating_add(pieces(len));
        Ok(Sealed { explicit, tag: tag.as_ref().try_into().map_err(|_| Failed)? })
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
        front.copy_from_slice(payload);
        back.copy_from_slice(last);
        self.seal(aad, to)
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
        let plaintext =
            self.key()?.open_in_place(nonce, Aad::from(aad), ciphertext_and_tag).map_err(|_| Failed)?;
        self.number = next;
        Ok(plaintext.len())
    }

    /// Gives the expanded key back; the next record makes it again.
    pub(crate) fn rest(&mut self) {
        if let Keys::Expanded(expanded) = &self.keys {
            self.keys = Keys::Rested(Box::new(expanded.base.clone()));
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
    fn nonce(&self, last: [u8; 8]) -> Nonce {
        let mut nonce = *self.base().iv;
        nonce.iter_mut().skip(NONCE_LEN - last.len()).zip(last).for_each(|(byte, last)| *byte ^= last);
        Nonce::assume_unique_for_key(nonce)
    }

    fn base(&self) -> &Base {
        match &self.keys {
            Keys::Expanded(expanded) => &expanded.base,
            Keys::Rested(base) => base,
        }
    }

    fn base_mut(&mut self) -> &mut Base {
        match &mut self.keys {
            Keys::Expanded(expanded) => &mut expanded.base,
            Keys::Rested(base) => base,
        }
    }

    fn key(&mut self) -> Result<&LessSafeKey, Failed> {
        if let Keys::Rested(base) = &self.keys {
            self.keys = Keys::Expanded(Box::new(base.expand(self.suite)?));
        }
        match &self.keys {
            Keys::Expanded(expanded) => Ok(&expanded.key),
            Keys::Rested(_) => Err(Failed),
        }
    }
}

impl Keys {
    /// A key of a suite's length cannot fail; one that did would fail again on use.
    fn new(base: Base, key: Result<LessSafeKey, Failed>) -> Self {
        match key {
            Ok(key) => Self::Expanded(Box::new(Expanded { base, key })),
            Err(Failed) => Self::Rested(Box::new(base)),
        }
    }
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
    fn expand(&self, suite: &Suite) -> Result<Expanded, Failed> {
        let part = |len| self.secret.get(..len).ok_or(Failed);
        let key = match suite.is_tls13() {
            true => key13(suite, &Expander::new(suite.hash, part(suite.hash.len())?))?,
            false => key12(suite, part(suite.aead.key_len())?)?,
        };
        Ok(Expanded { base: self.clone(), key })
    }
}

/// The most octets of a record, content type and additional data among them.
const LARGEST: usize = limits::RECORD_PLAINTEXT + 1 + 16;

/// The pieces of so many octets; a block more, and one for the tag, are in them.
fn pieces(len: usize) -> u32 {
    (len + 2 * 16).div_ceil(limits::AES_GCM_PIECE) as u32
}

/// The key that a traffic secret gives.
fn key13(suite: &Suite, traffic: &Expander) -> Result<LessSafeKey, Failed> {
    let derive = |key: &mut [u8]| traffic.expand_label("key", b"", key);
    lend(suite.aead.key_len(), derive, |key| key12(suite, key))
}

/// The key as it is.
fn key12(suite: &Suite, key: &[u8]) -> Result<LessSafeKey, Failed> {
    let algorithm = match suite.aead {
        Aead::Aes128Gcm => &aead::AES_128_GCM,
        Aead::Aes256Gcm => &aead::AES_256_GCM,
        Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
    };
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| Failed)
}

#[cfg(test)]
mod tests {
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
            let mut key = vec![7; suite.aead.key_len()];
            if suite.is_tls13() {
                let secret = vec![7; suite.hash.len()];
                hkdf_expand_label(suite.hash, &secret, "iv", b"", &mut iv);
                hkdf_expand_label(suite.hash, &secret, "key", b"", &mut key);
            }
            let nonce = if suite.is_tls13() || suite.aead == Aead::ChaCha20Poly1305 {
                (0..8).for_each(|at| iv[4 + at] ^= number[at]);
                iv
            } else {
                [9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8]
            };
            let algorithm = match suite.aead {
                Aead::Aes128Gcm => &aead::AES_128_GCM,
                Aead::Aes256Gcm => &aead::AES_256_GCM,
                Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
            };
            let key = LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap());
            let mut expected = b"payload".to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_append_tag(nonce, Aad::from(b"aad"), &mut expected).unwrap();
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
}
