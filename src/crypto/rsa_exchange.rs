//! Static RSA key exchange (RFC 5246 section 7.4.7.1; feature `static-rsa`):
//! the client encrypts a pre-master secret under the key of the server's
//! certificate, with RSAES-PKCS1-v1_5 (RFC 8017 section 7.2).
//!
//! ```text
//!   EM, as long as the modulus:
//!   00 | 02 | PS: non-zero random bytes, at least 8 | 00 | client_version | 46 random bytes
//!                                                        '------ pre_master_secret ------'
//! ```
//!
//! What serves it, and why. ring signs with RSA keys and verifies, but neither
//! encrypts nor decrypts. The crate `rsa` does: from it come the operations on
//! bare numbers (its `hazmat` module), the private one blinded and through
//! fixed-width arithmetic, and nothing else. The encoding, its check and what
//! follows from it are here.
//!
//! The danger. Whoever can tell a well-formed EM from another, be it by an
//! alert, by a message more or less, or by time, can have this server decrypt
//! recorded sessions, or sign with its key (Bleichenbacher 1998, ROBOT 2017,
//! Marvin 2023). So [`pre_master_secret`] gives a secret whatever the EM is,
//! and takes the same steps for each; a wrong one shows in the client's
//! Finished and nowhere before.
//!
//! The advisory. RUSTSEC-2023-0071 (CVE-2023-49092, Marvin) says of `rsa` that
//! the time of its private operation tells about keys to an observer in the
//! network, and lists no fixed version. Its cause, the variable-time numbers of
//! releases up to 0.9, is gone from the 0.10 candidates, which compute with
//! crypto-bigint in constant time by design; but a final release, and an
//! advisory that says so, are not there. Until they are, take the private
//! operation for unproven. What follows: this is behind a feature and a switch
//! of the configuration, both off; `Question::Decrypt` lets another
//! implementation hold the key; and `deny.toml` gives the exception its reason.
//! The crate wipes its keys, but not each number on the way to a result.
//!
//! Even done well, this exchange has no forward secrecy: who gets the key later
//! reads all that was recorded before.

use super::Failed;
use super::agree::SharedSecret;
use super::der::{Der, NotDer, tag};
use super::sign::{KeyError, private_key_info};
use super::source::Entropy;
use super::verify::{KEY_RSA, SubjectPublicKeyInfo, bits};
use crate::wire::codepoints::ProtocolVersion;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey, hazmat};
use rustls_pki_types::PrivateKeyDer;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// Bytes of a pre-master secret.
const LEN: usize = 48;

/// The shortest EM: two bytes before PS, one behind it, and PS at its least.
const SHORTEST: usize = 2 + 8 + 1 + LEN;

/// The key of a server's certificate, 2048 to 8192 bits long.
pub(crate) struct EncryptionKey(RsaPublicKey);

impl EncryptionKey {
    /// Fails for a key that is not an RSA key of an accepted size, or malformed.
    pub(crate) fn from_spki(key: SubjectPublicKeyInfo<'_>) -> Result<Self, Failed> {
        let (modulus, exponent) = match key.algorithm {
            KEY_RSA => public_numbers(key.key).map_err(|NotDer| Failed)?,
            _ => return Err(Failed),
        };
        let size = bits(modulus);
        if !(2048..=8192).contains(&size) || exponent == [1] {
            return Err(Failed);
        }
        let modulus = number(modulus, size)?;
        let exponent = number(exponent, 64)?;
        RsaPublicKey::new_with_size_limits(modulus, exponent, 2048..=8192).map(Self).map_err(|_| Failed)
    }

    /// Draws a pre-master secret for a client that offered `client_version`;
    /// returns it encrypted and bare.
    pub(crate) fn encrypt(
        &self,
        client_version: ProtocolVersion,
        entropy: &Entropy,
    ) -> Result<(Vec<u8>, SharedSecret), Failed> {
        let mut secret = Zeroizing::new([0; LEN]);
        let (version, random) = secret.split_at_mut(2);
        version.copy_from_slice(&client_version.0.to_be_bytes());
        entropy.fill(random)?;
        let em = encode(&secret[..], self.0.size(), entropy)?;
        Ok((self.apply(&em)?, SharedSecret::new(&[&secret[..]])?))
    }

    /// RSAEP (RFC 8017 section 5.1.1), of octets to octets.
    fn apply(&self, em: &[u8]) -> Result<Vec<u8>, Failed> {
        let m = Zeroizing::new(number(em, self.0.n_bits_precision())?);
        let c = hazmat::rsa_encrypt(&self.0, &m).map_err(|_| Failed)?;
        octets(&c, self.0.size()).map(|octets| octets.to_vec())
    }
}

/// A server's private key, as far as it decrypts.
pub(crate) struct DecryptionKey {
    key: RsaPrivateKey,
    entropy: Entropy,
}

impl DecryptionKey {
    /// Reads an RSA key that `SigningKey` accepts; `None` for the other kinds.
    pub(crate) fn from_der(key: &PrivateKeyDer<'_>) -> Result<Option<Self>, KeyError> {
        let (format, key) = match key {
            PrivateKeyDer::Pkcs1(der) => ("PKCS#1", der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => match private_key_info(der.secret_pkcs8_der()) {
                Ok((KEY_RSA, inner)) => ("PKCS#8", inner),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        match private_key(key) {
            Ok(key) => Ok(Some(Self { key, entropy: Entropy::system() })),
            Err(Failed) => {
                let reason = "its numbers are not those of one RSA key".into();
                Err(KeyError::Malformed { format, reason })
            }
        }
    }

    /// RSADP (RFC 8017 section 5.1.2), blinded: the EM, or what stands in its
    /// place. What cannot be a ciphertext, by its length or its size, which
    /// everybody can see, is handled as the number 0: its EM is a wrong one, and
    /// the way to it is the same. Fails where the system gives no randomness.
    pub(crate) fn decrypt(&self, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let (modulus, len) = (self.key.n(), self.key.size());
        let precision = modulus.bits_precision();
        let c = match number(encrypted, precision) {
            Ok(c) if encrypted.len() == len && c < **modulus => c,
            _ => BoxedUint::zero_with_precision(precision),
        };
        // Without the check for faulty arithmetic that the crate also has: it
        // would compute with the bare EM, and a faulty one never leaves here.
        let m = hazmat::rsa_decrypt(Some(&mut Blinding(&self.entropy)), &self.key, &c);
        octets(&Zeroizing::new(m.map_err(|_| Failed)?), len)
    }
}

/// The pre-master secret in an EM, if that is well formed and of the version
/// that the client offered; 48 random bytes if not. Nobody may learn which:
/// each EM of a length takes the same steps, and no branch or address depends
/// on its bytes. Fails where the system gives no randomness.
pub(crate) fn pre_master_secret(
    em: &[u8],
    client_version: ProtocolVersion,
    entropy: &Entropy,
) -> Result<SharedSecret, Failed> {
    // Drawn in any case, and before anything is known.
    let mut secret = Zeroizing::new([0; LEN]);
    entropy.fill(&mut secret[..])?;
    // One so short is nobody's: an answer from elsewhere, whose length is no secret.
    let em = if em.len() < SHORTEST { WRONG } else { em };
    let Some(([first, second, padding @ .., separator], message)) = em.split_last_chunk::<LEN>() else {
        return Err(Failed);
    };
    let [version_0, version_1] = client_version.0.to_be_bytes();
    let mut good = first.ct_eq(&0) & second.ct_eq(&2) & separator.ct_eq(&0);
    good &= message[0].ct_eq(&version_0) & message[1].ct_eq(&version_1);
    for octet in padding {
        good &= !octet.ct_eq(&0);
    }
    for (kept, octet) in secret.iter_mut().zip(message) {
        kept.conditional_assign(octet, good);
    }
    SharedSecret::new(&[&secret[..]])
}

/// An EM that is a wrong one, as long as that of a key of 2048 bits.
pub(crate) const WRONG: &[u8] = &[0; 256];

/// EME-PKCS1-v1_5 (RFC 8017 section 7.2.1).
fn encode(message: &[u8], len: usize, entropy: &Entropy) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let padding_len = len.checked_sub(message.len() + 3).filter(|len| *len >= 8).ok_or(Failed)?;
    let mut padding = Zeroizing::new(vec![0; padding_len]);
    entropy.fill(&mut padding)?;
    for octet in padding.iter_mut() {
        while *octet == 0 {
            entropy.fill(std::slice::from_mut(octet))?;
        }
    }
    Ok(Zeroizing::new([&[0, 2], &padding[..], &[0], message].concat()))
}

/// RSAPublicKey (RFC 8017 section A.1.1): modulus and public exponent.
fn public_numbers(der: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let mut outer = Der::new(der);
    let mut key = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let numbers = (key.unsigned()?, key.unsigned()?);
    key.finish()?;
    Ok(numbers)
}

/// RSAPrivateKey (RFC 8017 section A.1.2).
fn private_key(der: &[u8]) -> Result<RsaPrivateKey, Failed> {
    let mut key = Der::new(der).inside(tag::SEQUENCE).map_err(|NotDer| Failed)?;
    let mut next = || key.unsigned().map_err(|NotDer| Failed);
    let (_version, modulus) = (next()?, next()?);
    let size = bits(modulus);
    let n = number(modulus, size)?;
    let e = number(next()?, 64)?;
    let d = number(next()?, size)?;
    let primes = vec![number(next()?, size.div_ceil(2))?, number(next()?, size.div_ceil(2))?];
    RsaPrivateKey::from_components(n, e, d, primes).map_err(|_| Failed)
}

/// OS2IP (RFC 8017 section 4.2), in room for `bits` bits.
fn number(octets: &[u8], bits: impl TryInto<u32>) -> Result<BoxedUint, Failed> {
    let bits = bits.try_into().map_err(|_| Failed)?;
    BoxedUint::from_be_slice(octets, bits).map_err(|_| Failed)
}

/// I2OSP (RFC 8017 section 4.1). The number is in room for at least `len`
/// octets, whatever it is: where they begin is no secret.
fn octets(number: &BoxedUint, len: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let all = Zeroizing::new(number.to_be_bytes());
    let start = all.len().checked_sub(len).ok_or(Failed)?;
    Ok(Zeroizing::new(all.get(start..).ok_or(Failed)?.to_vec()))
}

/// Our randomness, as the crate wants it for its blinding.
struct Blinding<'a>(&'a Entropy);

#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness")]
struct NoRandomness;

impl TryRng for Blinding<'_> {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_ne_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_ne_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(out).map_err(|Failed| NoRandomness)
    }
}

impl TryCryptoRng for Blinding<'_> {}

#[cfg(test)]
mod tests {
    use super::super::der::tlv;
    use super::super::vectors::read;
    use super::*;
    use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
    use std::process::Command;

    const KEY: &[u8] = include_bytes!("../../test-vectors/keys/rsa-2048.pkcs1.der");
    const TLS12: ProtocolVersion = ProtocolVersion::TLS12;
    /// What is drawn in place of a wrong pre-master secret.
    const DRAWN: [u8; LEN] = [0xda; LEN];

    fn key() -> DecryptionKey {
        DecryptionKey::from_der(&PrivatePkcs1KeyDer::from(KEY).into()).unwrap().unwrap()
    }

    /// SubjectPublicKeyInfo's BIT STRING of an RSA key.
    fn public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let integer = |magnitude: &[u8]| match magnitude[0] {
            0x80.. => tlv(tag::INTEGER, &[&[0], magnitude]),
            _ => tlv(tag::INTEGER, &[magnitude]),
        };
        tlv(tag::SEQUENCE, &[&integer(modulus), &integer(exponent)])
    }

    fn encryption_key(modulus: &[u8], exponent: &[u8]) -> Result<EncryptionKey, Failed> {
        let key = public_key(modulus, exponent);
        EncryptionKey::from_spki(SubjectPublicKeyInfo { algorithm: KEY_RSA, key: &key })
    }

    fn public_of(key: &DecryptionKey) -> EncryptionKey {
        encryption_key(&key.key.n_bytes(), &key.key.e_bytes()).unwrap()
    }

    /// The pre-master secret, where it is not the one that was drawn.
    fn taken(em: &[u8], version: ProtocolVersion) -> Option<Vec<u8>> {
        // One draw, in any case, and no other.
        let entropy = Entropy::given(&[&DRAWN]);
        let secret = pre_master_secret(em, version, &entropy).unwrap().as_bytes().to_vec();
        assert!(entropy.fill(&mut [0; LEN]).is_err(), "drawn once");
        (secret != DRAWN).then_some(secret)
    }

    fn em(len: usize) -> Vec<u8> {
        let mut secret = [7; LEN];
        secret[..2].copy_from_slice(&[3, 3]);
        encode(&secret, len, &Entropy::seeded(1)).unwrap().to_vec()
    }

    #[test]
    fn each_recorded_ciphertext_gives_its_secret_or_another() {
        let cases = read(include_str!("../../test-vectors/static-rsa.txt"));
        let (mut right, mut wrong) = (0, 0);
        for case in &cases {
            let em = key().decrypt(case.get("encrypted")).unwrap();
            assert_eq!(em.len(), 256, "{}", case.title);
            match case.figures.len() {
                1 => {
                    assert_eq!(taken(&em, TLS12), None, "{}", case.title);
                    wrong += 1;
                }
                _ => {
                    let secret = case.get("pre_master_secret");
                    assert_eq!(taken(&em, TLS12).as_deref(), Some(secret), "{}", case.title);
                    right += 1;
                }
            }
        }
        assert_eq!((right, wrong), (6, 30));
    }

    #[test]
    fn what_is_encrypted_is_decrypted() {
        let entropy = Entropy::system();
        // A modulus that does not fill its limbs, and one of an odd number of bits.
        let made = |bits| {
            let key = RsaPrivateKey::new(&mut rsa::rand_core::UnwrapErr(Blinding(&entropy)), bits).unwrap();
            DecryptionKey { key, entropy: Entropy::system() }
        };
        for key in [key(), made(2056), made(2053)] {
            let public = public_of(&key);
            for version in [TLS12, ProtocolVersion(0x0304)] {
                let (encrypted, secret) = public.encrypt(version, &entropy).unwrap();
                assert_eq!(encrypted.len(), key.key.size());
                assert_eq!(secret.as_bytes()[..2], version.0.to_be_bytes());
                let em = key.decrypt(&encrypted).unwrap();
                assert_eq!(em.len(), encrypted.len());
                assert_eq!(taken(&em, version).as_deref(), Some(secret.as_bytes()));
                assert_eq!(taken(&em, ProtocolVersion(0x0302)), None);
            }
            let (one, other) =
                (public.encrypt(TLS12, &entropy).unwrap(), public.encrypt(TLS12, &entropy).unwrap());
            assert_ne!(one.0, other.0);
            assert_ne!(one.1.as_bytes(), other.1.as_bytes());
        }
    }

    #[test]
    fn the_padding_has_no_zero_and_all_the_room() {
        let message = [9; LEN];
        // A stream in which each eighth byte or so is zero, and one that ends.
        for seed in 0..50 {
            let em = encode(&message, 256, &Entropy::seeded(seed)).unwrap();
            assert_eq!((&em[..2], &em[207..]), (&[0, 2][..], &[&[0][..], &message].concat()[..]));
            assert!(em[2..207].iter().all(|octet| *octet != 0), "{seed}");
        }
        let mut draw = [5; 205];
        draw[200] = 0;
        let em = encode(&message, 256, &Entropy::given(&[&draw, &[0], &[6]])).unwrap();
        assert_eq!(em[200..207], [5, 5, 6, 5, 5, 5, 5]);
        assert!(encode(&message, 256, &Entropy::given(&[&draw])).is_err());
        assert!(encode(&message, SHORTEST, &Entropy::seeded(1)).is_ok());
        assert!(encode(&message, SHORTEST - 1, &Entropy::seeded(1)).is_err());
    }

    #[test]
    fn each_octet_before_the_secret_counts() {
        for len in [SHORTEST, 256, 257, 512] {
            let good = em(len);
            let secret = Some(good[len - LEN..].to_vec());
            assert_eq!(taken(&good, TLS12), secret);
            for place in 0..len {
                for bit in 0..8 {
                    let mut changed = good.clone();
                    changed[place] ^= 1 << bit;
                    let is_padding = (2..len - LEN - 1).contains(&place);
                    let may_change = place >= len - LEN + 2 || is_padding && changed[place] != 0;
                    let expected = may_change.then(|| changed[len - LEN..].to_vec());
                    assert_eq!(taken(&changed, TLS12), expected, "{len}: bit {bit} of {place}");
                }
                if (2..len - LEN - 1).contains(&place) {
                    let mut changed = good.clone();
                    changed[place] = 0;
                    assert_eq!(taken(&changed, TLS12), None, "{len}: a zero at {place}");
                }
            }
        }
    }

    #[test]
    fn an_em_of_another_length_is_a_wrong_one() {
        for len in 0..SHORTEST {
            assert_eq!(taken(&em(SHORTEST)[..len], TLS12), None);
            assert_eq!(taken(&em(SHORTEST)[SHORTEST - len..], TLS12), None);
        }
        let good = em(256);
        for wrong in
            [&good[1..], &good[..255], &[&[0], &good[..]].concat(), &[&good[..], &[0]].concat(), WRONG]
        {
            assert_eq!(taken(wrong, TLS12), None);
        }
    }

    #[test]
    fn without_randomness_there_is_no_secret() {
        assert!(pre_master_secret(&em(256), TLS12, &Entropy::given(&[])).is_err());
        assert!(public_of(&key()).encrypt(TLS12, &Entropy::given(&[])).is_err());
        let deaf = DecryptionKey { key: key().key, entropy: Entropy::given(&[]) };
        assert!(deaf.decrypt(&[1; 256]).is_err(), "the blinding is drawn");
    }

    #[test]
    fn keys_of_accepted_sizes_encrypt() {
        /// A number of this many bits, odd.
        fn modulus(bits: usize) -> Vec<u8> {
            let mut modulus = vec![0xa5; bits.div_ceil(8)];
            modulus[0] = match bits % 8 {
                0 => 0x80,
                rest => 1 << (rest - 1),
            };
            modulus
        }
        const F4: &[u8] = &[1, 0, 1];
        for bits in [2048, 2049, 3072, 4095, 8192] {
            let key = encryption_key(&modulus(bits), F4).unwrap_or_else(|_| panic!("{bits}"));
            let (encrypted, _) = key.encrypt(TLS12, &Entropy::system()).unwrap();
            assert_eq!(encrypted.len(), bits.div_ceil(8));
        }
        for bits in [1024, 2047, 8193, 16384] {
            assert!(encryption_key(&modulus(bits), F4).is_err(), "{bits}");
        }
        let good = modulus(2048);
        let even = [&good[..255], &[2]].concat();
        assert!(encryption_key(&even, F4).is_err());
        for exponent in [&[3][..], &[17], &[1, 0xff, 0xff, 0xff, 0xff]] {
            assert!(encryption_key(&good, exponent).is_ok(), "{exponent:?}");
        }
        for exponent in [&[0][..], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 9], &good] {
            assert!(encryption_key(&good, exponent).is_err(), "{exponent:?}");
        }
    }

    #[test]
    fn other_and_malformed_keys_do_not_encrypt() {
        let good = public_key(&key().key.n_bytes(), &[1, 0, 1]);
        let read = |algorithm, key: &[u8]| EncryptionKey::from_spki(SubjectPublicKeyInfo { algorithm, key });
        assert!(read(KEY_RSA, &good).is_ok());
        assert!(read(super::super::verify::KEY_P256, &good).is_err());
        assert!(read(KEY_RSA, &good[..good.len() - 1]).is_err());
        assert!(read(KEY_RSA, &[&good[..], &[0]].concat()).is_err());
        assert!(read(KEY_RSA, &[]).is_err());
    }

    #[test]
    fn a_private_key_is_read_from_either_form_and_must_be_sound() {
        let pkcs8 = |algorithm: &[u8], inner: &[u8]| {
            let (version, key) = (tlv(tag::INTEGER, &[&[0]]), tlv(tag::OCTET_STRING, &[inner]));
            tlv(tag::SEQUENCE, &[&version, algorithm, &key])
        };
        let from_pkcs8 = |der: &[u8]| DecryptionKey::from_der(&PrivatePkcs8KeyDer::from(der).into());
        let (encrypted, secret) = public_of(&key()).encrypt(TLS12, &Entropy::system()).unwrap();
        let key = from_pkcs8(&pkcs8(KEY_RSA, KEY)).unwrap().unwrap();
        let em = key.decrypt(&encrypted).unwrap();
        assert_eq!(taken(&em, TLS12).as_deref(), Some(secret.as_bytes()));

        let ec = rcgen::KeyPair::generate().unwrap();
        assert!(from_pkcs8(ec.serialized_der()).unwrap().is_none());

        // The private exponent, and a prime, changed by one bit.
        let malformed = |format| Some(KeyError::Malformed { format, reason: String::new() });
        let without_reason = |result: Result<_, _>| match result {
            Err(KeyError::Malformed { format, .. }) => malformed(format),
            _ => None,
        };
        for place in [400, 600] {
            let mut bad = KEY.to_vec();
            bad[place] ^= 1;
            let read = DecryptionKey::from_der(&PrivatePkcs1KeyDer::from(&bad[..]).into());
            assert_eq!(without_reason(read), malformed("PKCS#1"), "{place}");
            assert_eq!(without_reason(from_pkcs8(&pkcs8(KEY_RSA, &bad))), malformed("PKCS#8"));
        }
    }

    /// What openssl decrypts of ours; its own ciphertexts are in the recorded cases.
    #[test]
    fn openssl_decrypts_what_is_encrypted() {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(std::env::var_os("HANDFAST_REQUIRE_PEERS").is_none(), "needs openssl");
            return println!("skipped: needs openssl");
        }
        let (encrypted, secret) = public_of(&key()).encrypt(TLS12, &Entropy::system()).unwrap();
        let file = std::env::temp_dir().join(format!("handfast-static-rsa-{}", std::process::id()));
        std::fs::write(&file, &encrypted).unwrap();
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/keys/rsa-2048.pkcs1.der");
        let openssl = Command::new("openssl")
            .args(["pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", key])
            .args(["-pkeyopt", "rsa_padding_mode:pkcs1", "-in"])
            .arg(&file)
            .output();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(openssl.unwrap().stdout, secret.as_bytes());
    }
}
