//! The verification of signatures. One table says which algorithms are known:
//! by their SignatureScheme in the handshake (RFC 9846 section 4.3.3), by their
//! AlgorithmIdentifier in certificates (RFC 5280 section 4.1.1.2; RFC 4055,
//! 5758, 8410), each with the one kind of key that it takes. Identifiers are
//! compared as bytes, parameters included; RSASSA-PSS's are read first.

use super::Failed;
use super::der::{Der, NotDer, dotted, tag};
use super::pss::Pss;
use super::source::{Operation, Source};
use crate::limits;
use crate::wire::codepoints::SignatureScheme;
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature as aws_lc;
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
use graviola::{hashing, signing::ecdsa};
use ring::signature;

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SubjectPublicKeyInfo<'a> {
    /// The AlgorithmIdentifier, tag and length included.
    pub(crate) algorithm: &'a [u8],
    /// The octets of the BIT STRING.
    pub(crate) key: &'a [u8],
}

/// What a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// For RSASSA-PSS alone, or for that and others: the algorithm says.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    P256,
    P384,
    Ed25519,
}

impl<'a> SubjectPublicKeyInfo<'a> {
    /// Which of the supported kinds of key this is, if it is one. An RSA key
    /// of any size counts, if its numbers can be right.
    pub(crate) fn kind(&self) -> Option<KeyKind> {
        match self.algorithm {
            KEY_P256 => Some(KeyKind::P256),
            KEY_P384 => Some(KeyKind::P384),
            KEY_ED25519 => Some(KeyKind::Ed25519),
            KEY_RSA => rsa_modulus_bits(self.key).ok().map(|bits| KeyKind::Rsa { bits }),
            other if is_pss_key(other) => rsa_modulus_bits(self.key).ok().map(|bits| KeyKind::Rsa { bits }),
            _ => None,
        }
    }

    /// The same octets for the same key, and for no other.
    pub(crate) fn identity(&self) -> Vec<u8> {
        [self.algorithm, self.key].concat()
    }

    /// What verifying a signature with this key costs, in the octets that could
    /// be looked at instead (see [`limits::SIGNATURE_COST`]): measured with ring,
    /// whose P-384 is slow, and not less with a source that is faster: what a chain
    /// may cost does not depend on where it is judged. RSA's work grows with the square of the modulus, and
    /// with the multiplications that its exponent asks for: 17, if it is 65537.
    pub(crate) fn cost(&self) -> usize {
        const ONE: usize = limits::SIGNATURE_COST;
        match self.algorithm {
            KEY_P256 | KEY_ED25519 => ONE,
            KEY_P384 => 8 * ONE,
            _ => rsa_numbers(self.key).map_or(ONE, |(modulus, exponent)| {
                // What is larger is refused before the work begins.
                let bits = bits(modulus).clamp(2048, 8192);
                ONE / 17 * multiplications(exponent).clamp(17, 64) * (bits / 64).pow(2) / 32_usize.pow(2)
            }),
        }
    }

    /// The kind of key in words, for a person.
    pub(crate) fn describe(&self) -> String {
        match self.kind() {
            Some(KeyKind::Rsa { bits }) if self.algorithm == KEY_RSA => format!("RSA, {bits} bits"),
            Some(KeyKind::Rsa { bits }) => match Pss::read(self.algorithm) {
                Ok(Some(Pss { hash, .. })) => format!("RSA-PSS with SHA-{hash} alone, {bits} bits"),
                _ => format!("RSA-PSS, {bits} bits"),
            },
            Some(KeyKind::P256) => "EC, P-256".into(),
            Some(KeyKind::P384) => "EC, P-384".into(),
            Some(KeyKind::Ed25519) => "Ed25519".into(),
            None => match identifiers(self.algorithm) {
                Ok((OID_EC, Some(curve))) => format!("EC, {}", name(curve)),
                Ok((OID_EC, None)) => "EC, its curve not given by name".into(),
                Ok((algorithm, _)) => match rsa_modulus_bits(self.key) {
                    Err(why) if self.algorithm == KEY_RSA || is_pss_key(self.algorithm) => {
                        format!("{}, {why}", name(algorithm))
                    }
                    _ if algorithm == OID_PSS => "RSA-PSS, with parameters that are not supported".into(),
                    _ => name(algorithm),
                },
                Err(NotDer) => "malformed".into(),
            },
        }
    }
}

/// A key for RSASSA-PSS alone (RFC 4055 section 1.2), whose parameters, if it has
/// some, allow what TLS has.
fn is_pss_key(algorithm: &[u8]) -> bool {
    match Pss::read(algorithm) {
        Ok(parameters) => parameters.is_none_or(Pss::allows_salt_of_hash),
        Err(NotDer) => false,
    }
}

/// A signature algorithm in words, from its AlgorithmIdentifier.
pub(crate) fn signature_name(algorithm: &[u8]) -> String {
    match (ROWS.iter().find(|row| row.algorithm == one_form(algorithm)), Pss::read(algorithm)) {
        (Some(row), _) => row.name.into(),
        (None, Ok(Some(Pss { hash, salt }))) => {
            format!("RSA-PSS with SHA-{hash} and a salt of {salt} octets, not {}", hash / 8)
        }
        (None, _) => identifiers(algorithm).map_or_else(|_| "malformed".into(), |(oid, _)| name(oid)),
    }
}

/// The scheme of a certificate's signature, if one has this AlgorithmIdentifier. On
/// which curve the key is the certificate itself does not say: of ECDSA it is
/// the scheme that goes with the hash.
pub(crate) fn signature_scheme(algorithm: &[u8]) -> Option<SignatureScheme> {
    let row = ROWS.iter().find(|row| row.algorithm == one_form(algorithm))?;
    ROWS.iter().filter(|same| same.name == row.name).find_map(|row| row.scheme)
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureRefused {
    /// The algorithm is not in the table.
    UnknownScheme,
    /// The algorithm is known, but not with a key of this kind.
    WrongKey,
    /// The key can make no signature: it is malformed, or its numbers cannot be right.
    BadKey,
    /// The key did not make this signature over these bytes, or it is of a
    /// size that is not accepted.
    Bad,
}

/// Verifies a signature of a TLS 1.3 handshake (RFC 9846 section 4.3.3): a
/// scheme names the curve, and RSASSA-PKCS1-v1_5 is not allowed.
pub(crate) fn verify_tls13(
    scheme: SignatureScheme,
    key: SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefused> {
    #[cfg(test)]
    if super::rsa1024::takes(scheme, key) {
        return super::rsa1024::verify(key, message, signature).ok_or(SignatureRefused::Bad);
    }
    verify(|row| row.scheme == Some(scheme) && row.tls13, key, message, signature)
}

/// Verifies a signature of a TLS 1.2 handshake (RFC 5246 section 7.4.1.4.1):
/// a scheme is a pair of hash and algorithm there, the curve is the key's.
pub(crate) fn verify_tls12(
    scheme: SignatureScheme,
    key: SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefused> {
    verify(|row| row.scheme == Some(scheme), key, message, signature)
}

/// Verifies a certificate's signature (RFC 5280 section 4.1.1.3).
/// `algorithm` is the AlgorithmIdentifier, tag and length included.
pub(crate) fn verify_certificate(
    algorithm: &[u8],
    key: SubjectPublicKeyInfo<'_>,
    tbs: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefused> {
    let algorithm = one_form(algorithm);
    verify(|row| row.algorithm == algorithm, key, tbs, signature)
}

/// Whether a key can sign in this scheme.
pub(crate) fn fits(scheme: SignatureScheme, key: SubjectPublicKeyInfo<'_>) -> bool {
    ROWS.iter().any(|row| row.scheme == Some(scheme) && row.takes(key.algorithm))
}

/// One way to sign.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Its code in the handshake, if it has one.
    pub(super) scheme: Option<SignatureScheme>,
    /// Whether TLS 1.3 allows the scheme with this kind of key.
    tls13: bool,
    /// The signature's AlgorithmIdentifier.
    pub(super) algorithm: &'static [u8],
    /// The AlgorithmIdentifier of the key that made it.
    pub(super) key: &'static [u8],
    verification: Verification,
}

/// How its signatures are verified, in the terms of each source that can.
#[derive(Clone, Copy)]
pub(super) struct Verification {
    ring: &'static dyn signature::VerificationAlgorithm,
    #[cfg(feature = "aws-lc-rs")]
    aws_lc: &'static dyn aws_lc::VerificationAlgorithm,
}

impl Row {
    fn source(&self) -> Source {
        match self.key {
            KEY_P256 | KEY_ED25519 => Source::Ring,
            KEY_P384 => Operation::P384Verifying.source(),
            _ => Operation::RsaVerifying.source(),
        }
    }

    fn takes(&self, key: &[u8]) -> bool {
        self.key == key
            || (self.key == KEY_PSS
                && match Pss::read(key) {
                    Ok(Some(pss)) => pss_signature(pss.hash) == self.algorithm,
                    Ok(None) | Err(NotDer) => false,
                })
    }
}

const fn row(
    name: &'static str,
    scheme: Option<SignatureScheme>,
    tls13: bool,
    algorithm: &'static [u8],
    key: &'static [u8],
    verification: Verification,
) -> Row {
    Row { name, scheme, tls13, algorithm, key, verification }
}

#[rustfmt::skip]
pub(super) static ROWS: [Row; 17] = {
    use SignatureScheme as S;
    macro_rules! by {
        ($name:ident) => {
            Verification {
                ring: &signature::$name,
                #[cfg(feature = "aws-lc-rs")]
                aws_lc: &aws_lc::$name,
            }
        };
    }
    const P256_256: Option<S> = Some(S::ECDSA_SECP256R1_SHA256);
    const P384_384: Option<S> = Some(S::ECDSA_SECP384R1_SHA384);
    [
        row("ECDSA with SHA-256", P256_256, true,  ECDSA_SHA256, KEY_P256, by!(ECDSA_P256_SHA256_ASN1)),
        row("ECDSA with SHA-384", P384_384, true,  ECDSA_SHA384, KEY_P384, by!(ECDSA_P384_SHA384_ASN1)),
        row("ECDSA with SHA-384", P384_384, false, ECDSA_SHA384, KEY_P256, by!(ECDSA_P256_SHA384_ASN1)),
        row("ECDSA with SHA-256", P256_256, false, ECDSA_SHA256, KEY_P384, by!(ECDSA_P384_SHA256_ASN1)),
        row("Ed25519", Some(S::ED25519), true, KEY_ED25519, KEY_ED25519, by!(ED25519)),
        row("RSA-PSS with SHA-256", Some(S::RSA_PSS_RSAE_SHA256), true, PSS_SHA256, KEY_RSA, by!(RSA_PSS_2048_8192_SHA256)),
        row("RSA-PSS with SHA-384", Some(S::RSA_PSS_RSAE_SHA384), true, PSS_SHA384, KEY_RSA, by!(RSA_PSS_2048_8192_SHA384)),
        row("RSA-PSS with SHA-512", Some(S::RSA_PSS_RSAE_SHA512), true, PSS_SHA512, KEY_RSA, by!(RSA_PSS_2048_8192_SHA512)),
        row("RSA-PSS with SHA-256", Some(S::RSA_PSS_PSS_SHA256), true, PSS_SHA256, KEY_PSS, by!(RSA_PSS_2048_8192_SHA256)),
        row("RSA-PSS with SHA-384", Some(S::RSA_PSS_PSS_SHA384), true, PSS_SHA384, KEY_PSS, by!(RSA_PSS_2048_8192_SHA384)),
        row("RSA-PSS with SHA-512", Some(S::RSA_PSS_PSS_SHA512), true, PSS_SHA512, KEY_PSS, by!(RSA_PSS_2048_8192_SHA512)),
        row("RSA with SHA-256", Some(S::RSA_PKCS1_SHA256), false, PKCS1_SHA256, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA256)),
        row("RSA with SHA-384", Some(S::RSA_PKCS1_SHA384), false, PKCS1_SHA384, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA384)),
        row("RSA with SHA-512", Some(S::RSA_PKCS1_SHA512), false, PKCS1_SHA512, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA512)),
        // The same without the NULL, which must be written but need not be there (RFC 4055 section 5).
        row("RSA with SHA-256", None, false, PKCS1_SHA256_BARE, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA256)),
        row("RSA with SHA-384", None, false, PKCS1_SHA384_BARE, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA384)),
        row("RSA with SHA-512", None, false, PKCS1_SHA512_BARE, KEY_RSA, by!(RSA_PKCS1_2048_8192_SHA512)),
    ]
};

// AlgorithmIdentifiers: SEQUENCE { OBJECT IDENTIFIER, parameters }.
pub(super) const KEY_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// Without parameters, which restrict a key (RFC 4055 section 3.1).
pub(super) const KEY_PSS: &[u8] = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
pub(super) const KEY_P256: &[u8] =
    b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
pub(super) const KEY_P384: &[u8] =
    b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
/// The key's and the signature's alike (RFC 8410 section 3).
pub(super) const KEY_ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
pub(super) const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ECDSA_SHA384: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
const PKCS1_SHA256: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
const PKCS1_SHA384: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00";
const PKCS1_SHA512: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00";
const PKCS1_SHA256_BARE: &[u8] = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
const PKCS1_SHA384_BARE: &[u8] = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c";
const PKCS1_SHA512_BARE: &[u8] = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d";

/// RSASSA-PSS-params (RFC 4055 section 3.1) with a SHA-2 hash of one last octet,
/// MGF1 with the same hash, and a salt as long as the hash.
macro_rules! pss {
    ($hash:literal, $salt:literal) => {{
        const HASH: [u8; 15] = [0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, $hash, 0x05, 0x00];
        const HEAD: [u8; 17] = *b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f";
        const MGF1: [u8; 15] = *b"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
        const ALL: [u8; 67] = {
            let mut all = [0; 67];
            let mut at = 0;
            while at < 67 {
                all[at] = match at {
                    0..17 => HEAD[at],
                    17..32 => HASH[at - 17],
                    32..47 => MGF1[at - 32],
                    47..62 => HASH[at - 47],
                    _ => [0xa2, 0x03, 0x02, 0x01, $salt][at - 62],
                };
                at += 1;
            }
            all
        };
        &ALL
    }};
}
const PSS_SHA256: &[u8] = pss!(1, 32);
const PSS_SHA384: &[u8] = pss!(2, 48);
const PSS_SHA512: &[u8] = pss!(3, 64);

/// The form in the table of RSASSA-PSS with a hash of so many bits.
fn pss_signature(hash: u16) -> &'static [u8] {
    match hash {
        256 => PSS_SHA256,
        384 => PSS_SHA384,
        _ => PSS_SHA512,
    }
}

/// A signature's AlgorithmIdentifier as the table has it.
fn one_form(algorithm: &[u8]) -> &[u8] {
    match Pss::read(algorithm) {
        Ok(Some(pss)) if pss.salt_is_hash_long() => pss_signature(pss.hash),
        _ => algorithm,
    }
}

fn verify(
    wanted: impl Fn(&Row) -> bool,
    key: SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefused> {
    let mut refused = SignatureRefused::UnknownScheme;
    for row in ROWS.iter().filter(|row| wanted(row)) {
        if row.takes(key.algorithm) {
            if key.kind().is_none() {
                return Err(SignatureRefused::BadKey);
            }
            let verified = verify_by(row.source(), row, key.key, message, signature);
            return verified.map_err(|Failed| SignatureRefused::Bad);
        }
        refused = SignatureRefused::WrongKey;
    }
    Err(refused)
}

pub(super) fn verify_by(
    source: Source,
    row: &Row,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Failed> {
    // An uncompressed point (RFC 5480 section 2.2): AWS-LC would take others also.
    if row.key == KEY_P384 && (key.len(), key.first()) != (97, Some(&4)) {
        return Err(Failed);
    }
    match source {
        #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
        Source::Graviola if row.key == KEY_P384 => {
            let key = ecdsa::VerifyingKey::<ecdsa::P384>::from_x962_uncompressed(key).map_err(|_| Failed)?;
            match row.algorithm == ECDSA_SHA256 {
                true => key.verify_asn1::<hashing::Sha256>(&[message], signature),
                false => key.verify_asn1::<hashing::Sha384>(&[message], signature),
            }
            .map_err(|_| Failed)
        }
        // RSA of 2041 to 2047 bits ring takes, and AWS-LC does not.
        #[cfg(feature = "aws-lc-rs")]
        Source::AwsLc if !rsa_modulus_bits(key).is_ok_and(|bits| bits < 2048) => {
            aws_lc::UnparsedPublicKey::new(row.verification.aws_lc, key)
                .verify(message, signature)
                .map_err(|_| Failed)
        }
        _ => signature::UnparsedPublicKey::new(row.verification.ring, key)
            .verify(message, signature)
            .map_err(|_| Failed),
    }
}

const OID_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
pub(super) const OID_EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";

/// The object identifier of an algorithm, and that of its parameters if they are one.
pub(crate) fn identifiers(algorithm: &[u8]) -> Result<(&[u8], Option<&[u8]>), NotDer> {
    let mut inside = Der::new(algorithm).inside(tag::SEQUENCE)?;
    let oid = inside.content(tag::OID)?;
    Ok((oid, inside.content(tag::OID).ok()))
}

/// Bits of the modulus of an RSAPublicKey.
pub(super) fn rsa_modulus_bits(bytes: &[u8]) -> Result<usize, &'static str> {
    rsa_numbers(bytes).map(|(modulus, _)| bits(modulus))
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017 section A.1.1), or why its
/// numbers cannot be right: both primes are odd, and the exponent has no
/// divisor in common with an even number (RFC 8017 section 3.1).
fn rsa_numbers(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let read = || {
        let mut outer = Der::new(bytes);
        let mut key = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let numbers = (key.unsigned()?, key.unsigned()?);
        key.finish()?;
        Ok(numbers)
    };
    let (modulus, exponent) = read().map_err(|NotDer| "not two positive numbers")?;
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    match (is_odd(modulus), is_odd(exponent)) {
        (false, _) => Err("an even modulus"),
        (_, false) => Err("an even exponent"),
        _ if exponent == [1] => Err("the exponent 1"),
        // As many as ring takes.
        _ if bits(exponent) > 33 => Err("an exponent of more than 33 bits"),
        _ => Ok((modulus, exponent)),
    }
}

/// Squarings and multiplications that raise a number to the power of this one.
fn multiplications(exponent: &[u8]) -> usize {
    let ones: usize = exponent.iter().map(|octet| octet.count_ones() as usize).sum();
    (bits(exponent) + ones).saturating_sub(2)
}

/// Bits of a number that has no leading zero octet.
pub(super) fn bits(magnitude: &[u8]) -> usize {
    match magnitude.split_first() {
        Some((first, rest)) => 8 * rest.len() + (8 - first.leading_zeros() as usize),
        None => 0,
    }
}

/// A name for the object identifiers that are met but not supported.
pub(super) fn name(oid: &[u8]) -> String {
    let known = match dotted(oid).as_str() {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.4" => "RSA with MD5",
        "1.2.840.113549.1.1.5" => "RSA with SHA-1",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.10040.4.1" => "DSA",
        "2.16.840.1.101.3.4.3.2" => "DSA with SHA-256",
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.101.110" => "X25519",
        "1.3.101.113" => "Ed448",
        _ => return dotted(oid),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::super::der::tlv;
    use super::*;
    use rustls_pki_types::alg_id;

    const RSA_1024: &[u8] = include_bytes!("../../test-vectors/keys/rsa-1024.pkcs1.der");
    const MESSAGE: &[u8] = b"the signed content";

    #[test]
    fn unknown_algorithms_are_told_from_wrong_keys() {
        let spki = SubjectPublicKeyInfo { algorithm: KEY_RSA, key: &[] };
        let sha1 = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00";
        assert_eq!(verify_certificate(sha1, spki, MESSAGE, b""), Err(SignatureRefused::UnknownScheme));
        assert_eq!(signature_name(sha1), "RSA with SHA-1");
        assert_eq!(verify_certificate(ECDSA_SHA256, spki, MESSAGE, b""), Err(SignatureRefused::WrongKey));
        // Parameters count: ECDSA takes none, not even a NULL.
        let with_null = tlv(tag::SEQUENCE, &[&ECDSA_SHA256[2..], &[5, 0]]);
        assert_eq!(verify_certificate(&with_null, spki, MESSAGE, b""), Err(SignatureRefused::UnknownScheme));
        assert_eq!(
            verify_tls13(SignatureScheme::RSA_PKCS1_SHA1, spki, MESSAGE, b""),
            Err(SignatureRefused::UnknownScheme)
        );
    }

    #[test]
    fn rsa_keys_below_2048_bits_verify_nothing() {
        let mut private = Der::new(RSA_1024).inside(tag::SEQUENCE).unwrap();
        private.unsigned().unwrap();
        let modulus = private.value(tag::INTEGER).unwrap().bytes;
        let exponent = private.value(tag::INTEGER).unwrap().bytes;
        let public = tlv(tag::SEQUENCE, &[modulus, exponent]);
        let key = SubjectPublicKeyInfo { algorithm: KEY_RSA, key: &public };
        assert_eq!(key.kind(), Some(KeyKind::Rsa { bits: 1024 }));
        assert_eq!(key.describe(), "RSA, 1024 bits");
        let signature = [1; 128];
        assert_eq!(verify_certificate(PKCS1_SHA256, key, MESSAGE, &signature), Err(SignatureRefused::Bad));
    }

    #[test]
    fn rsa_numbers_that_cannot_be_right_are_no_key() {
        let wide = [&[0x00, 0x80][..], &[7; 254], &[1]].concat();
        let even = [&[0x00, 0x80][..], &[7; 254], &[2]].concat();
        let key = |modulus: &[u8], exponent: &[u8]| {
            tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, &[modulus]), &tlv(tag::INTEGER, &[exponent])])
        };
        const MOST: [u8; 5] = [1, 0xff, 0xff, 0xff, 0xff];
        for good in [&[3][..], &[1, 0, 1], &MOST] {
            assert_eq!(rsa_modulus_bits(&key(&wide, good)), Ok(2048), "{good:x?}");
        }
        let numbers = "not two positive numbers";
        for (modulus, exponent, why) in [
            (&wide[..], &[1][..], "the exponent 1"),
            (&wide, &[2], "an even exponent"),
            (&wide, &[0], "an even exponent"),
            (&wide, &[2, 0, 0, 0, 1], "an exponent of more than 33 bits"),
            (&even, &[3], "an even modulus"),
            (&[0], &[3], "an even modulus"),
            (&wide, &[0, 3], numbers),
            (&wide, &[0xfd], numbers),
            (&wide, &[], numbers),
            (&wide[1..], &[3], numbers),
            (&[&[0], &wide[..]].concat(), &[3], numbers),
        ] {
            let key = key(modulus, exponent);
            assert_eq!(rsa_modulus_bits(&key), Err(why));
            for (algorithm, name) in [(KEY_RSA, "RSA"), (KEY_PSS, "RSA-PSS")] {
                let spki = SubjectPublicKeyInfo { algorithm, key: &key };
                assert_eq!(spki.kind(), None);
                assert_eq!(spki.describe(), format!("{name}, {why}"));
                let refused = verify_certificate(PSS_SHA256, spki, MESSAGE, &[1; 256]);
                assert_eq!(refused, Err(SignatureRefused::BadKey));
            }
        }
    }

    #[test]
    fn a_key_costs_what_its_work_does() {
        let rsa = |bits: usize, exponent: &[u8]| {
            let modulus = [&[0][..], &vec![0xff; bits / 8]].concat();
            let key = tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, &[&modulus]), &tlv(tag::INTEGER, &[exponent])]);
            SubjectPublicKeyInfo { algorithm: KEY_RSA, key: &key }.cost() as f64
                / limits::SIGNATURE_COST as f64
        };
        let near = |cost: f64, expected: f64| (cost / expected - 1.0).abs() < 0.01;
        const F4: &[u8] = &[1, 0, 1];
        assert!(near(rsa(2048, F4), 1.0) && near(rsa(2048, &[3]), 1.0));
        assert!(near(rsa(4096, F4), 4.0));
        assert!(near(rsa(8192, F4), 16.0));
        // 33 bits, all of them set: what ring takes at most.
        assert!(near(rsa(8192, &[1, 0xff, 0xff, 0xff, 0xff]), 16.0 * 64.0 / 17.0));
        // What is larger is refused without work.
        assert!(near(rsa(1 << 16, F4), 16.0) && near(rsa(8192, &[0x7f; 100]), 1.0));
        let of = |algorithm| SubjectPublicKeyInfo { algorithm, key: &[] }.cost() / limits::SIGNATURE_COST;
        assert_eq!([KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA, b""].map(of), [1, 8, 1, 1, 1]);
    }

    #[test]
    fn identifiers_are_those_that_others_write() {
        let same = |ours: &[u8], theirs: &rustls_pki_types::AlgorithmIdentifier| {
            assert_eq!(ours, tlv(tag::SEQUENCE, &[theirs.as_ref()]));
        };
        same(KEY_RSA, &alg_id::RSA_ENCRYPTION);
        same(KEY_P256, &alg_id::ECDSA_P256);
        same(KEY_P384, &alg_id::ECDSA_P384);
        same(KEY_ED25519, &alg_id::ED25519);
        same(ECDSA_SHA256, &alg_id::ECDSA_SHA256);
        same(ECDSA_SHA384, &alg_id::ECDSA_SHA384);
        same(PKCS1_SHA256, &alg_id::RSA_PKCS1_SHA256);
        same(PKCS1_SHA384, &alg_id::RSA_PKCS1_SHA384);
        same(PKCS1_SHA512, &alg_id::RSA_PKCS1_SHA512);
        same(PSS_SHA256, &alg_id::RSA_PSS_SHA256);
        same(PSS_SHA384, &alg_id::RSA_PSS_SHA384);
        same(PSS_SHA512, &alg_id::RSA_PSS_SHA512);
    }
}
