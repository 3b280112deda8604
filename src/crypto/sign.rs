//! Private keys: PKCS#8, PKCS#1 and SEC1, read and signed with.

use super::Failed;
use super::der::{Der, NotDer, tag};
use super::pss::Pss;
use super::source::{Operation, Source};
use super::verify::{KEY_ED25519, KEY_P256, KEY_P384, KEY_RSA, OID_EC, bits, identifiers, name};
use crate::said::debug_is_display;
use crate::wire::codepoints::SignatureScheme;
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature as aws_lc;
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
use graviola::{
    hashing::{Sha256, Sha384},
    signing,
};
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;

/// A private key that cannot be used, what it is, and what to do about it.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let chain = vec![made.cert.der().clone()];
/// # let der = b"\x30\x18\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
/// #     \x06\x05\x2b\x81\x04\x00\x0a\x04\x01\x00";
/// # let key = handfast::pki::PrivateKeyDer::Pkcs8(der.to_vec().into());
/// use handfast::{ConfigError, Identity, KeyError};
/// // The key is one of secp256k1.
/// let Err(ConfigError::Key(why)) = Identity::new(chain, &key) else { panic!("it was taken") };
/// assert!(matches!(why, KeyError::UnsupportedCurve { .. }));
/// assert!(why.to_string().contains("make another with `openssl genpkey -algorithm EC"));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// An RSA key of a size that cannot sign.
    #[error(
        "the RSA key has {bits} bits: signing takes 2048 to 4096 bits in steps of 512; \
         make another with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
    )]
    UnsupportedSize {
        /// Bits of its modulus.
        bits: usize,
    },
    /// An elliptic curve that is not supported.
    #[error(
        "the key is on the curve {found}: P-256 and P-384 are supported; \
         make another with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
    )]
    UnsupportedCurve {
        /// The curve's name or object identifier.
        found: String,
    },
    /// A kind of key that is not supported.
    #[error("the key is of the algorithm {found}: RSA, EC (P-256, P-384) and Ed25519 are supported")]
    UnsupportedAlgorithm {
        /// The algorithm's name or object identifier.
        found: String,
    },
    /// Not a private key of the form that it says it is.
    #[error("the {format} private key is malformed: {reason}")]
    Malformed {
        /// `PKCS#8`, `PKCS#1` or `SEC1`.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An EC key without its public half, from which it cannot be made here.
    #[error(
        "the EC key does not contain its public key, or only in compressed form; \
         add it with `openssl ec -in OLD.pem -conv_form uncompressed -out NEW.pem`"
    )]
    PublicKeyMissing,
}

debug_is_display!(KeyError);

/// A private key that signs handshakes.
pub(crate) struct SigningKey {
    /// ring reads every key, and says what it is and whether it is good.
    pair: Pair,
    /// The same key with another source, which signs in ring's place.
    faster: Option<Faster>,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    /// For RSASSA-PSS alone, in these schemes.
    Pss(Box<RsaKeyPair>, &'static [SignatureScheme]),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

enum Faster {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    GraviolaP256(Box<signing::ecdsa::SigningKey<signing::ecdsa::P256>>),
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    GraviolaP384(Box<signing::ecdsa::SigningKey<signing::ecdsa::P384>>),
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    GraviolaEd25519(Box<signing::eddsa::Ed25519SigningKey>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLcRsa(aws_lc::RsaKeyPair),
    #[cfg(feature = "aws-lc-rs")]
    AwsLcEcdsa(aws_lc::EcdsaKeyPair),
    #[cfg(feature = "aws-lc-rs")]
    AwsLcEd25519(aws_lc::Ed25519KeyPair),
}

impl SigningKey {
    /// Reads a key: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 A.1.2) or SEC1 (RFC 5915).
    pub(crate) fn from_der(key: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        let pair = match key {
            PrivateKeyDer::Pkcs8(der) => pkcs8(der.secret_pkcs8_der())?,
            PrivateKeyDer::Pkcs1(der) => {
                rsa("PKCS#1", der.secret_pkcs1_der(), RsaKeyPair::from_der(der.secret_pkcs1_der()))
                    .map(Pair::Rsa)?
            }
            PrivateKeyDer::Sec1(der) => sec1(der.secret_sec1_der())?,
            _ => {
                return Err(KeyError::UnsupportedAlgorithm { found: "(an unknown format)".into() });
            }
        };
        let operation = match pair {
            Pair::Rsa(_) | Pair::Pss(..) => Operation::RsaSigning,
            Pair::P256(_) => Operation::P256Signing,
            Pair::P384(_) => Operation::P384Signing,
            Pair::Ed25519(_) => Operation::Ed25519Signing,
        };
        let faster = Faster::read(operation.source(), &pair, key);
        Ok(Self { pair, faster })
    }

    /// The schemes that the key can sign with, the preferred one first; those
    /// that TLS 1.3 does not allow come last.
    pub(crate) fn schemes(&self) -> &'static [SignatureScheme] {
        match self.pair {
            Pair::Rsa(_) => &[
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA512,
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PKCS1_SHA384,
                SignatureScheme::RSA_PKCS1_SHA512,
            ],
            Pair::Pss(_, schemes) => schemes,
            Pair::P256(_) => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
            Pair::P384(_) => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
            Pair::Ed25519(_) => &[SignatureScheme::ED25519],
        }
    }

    /// Signs. Fails where the scheme is not one of [`schemes`](Self::schemes),
    /// or the system gives no randomness.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, Failed> {
        if !self.schemes().contains(&scheme) {
            return Err(Failed);
        }
        if let Some(faster) = &self.faster {
            return faster.sign(scheme, message);
        }
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) | Pair::Pss(pair, _) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encodings(scheme)?.ring, &random, message, &mut signature).map_err(|_| Failed)?;
                Ok(signature)
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public key as a certificate's subjectPublicKey holds it.
    pub(crate) fn public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) | Pair::Pss(pair, _) => pair.public_key().as_ref(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }
}

impl Faster {
    /// A source that does not take what ring took leaves the key to ring.
    #[allow(unused_variables)] // with ring alone there is none
    fn read(source: Source, pair: &Pair, key: &PrivateKeyDer<'_>) -> Option<Self> {
        let der = key.secret_der();
        match (source, pair, key) {
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            (Source::Graviola, Pair::P256(_), _) => {
                let key = match key {
                    PrivateKeyDer::Sec1(_) => signing::ecdsa::SigningKey::from_sec1_der(der),
                    _ => signing::ecdsa::SigningKey::from_pkcs8_der(der),
                };
                key.ok().map(Box::new).map(Self::GraviolaP256)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            (Source::Graviola, Pair::P384(_), _) => {
                let key = match key {
                    PrivateKeyDer::Sec1(_) => signing::ecdsa::SigningKey::from_sec1_der(der),
                    _ => signing::ecdsa::SigningKey::from_pkcs8_der(der),
                };
                key.ok().map(Box::new).map(Self::GraviolaP384)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            (Source::Graviola, Pair::Ed25519(_), _) => {
                let key = signing::eddsa::Ed25519SigningKey::from_pkcs8_der(der).ok();
                key.map(Box::new).map(Self::GraviolaEd25519)
            }
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, Pair::Rsa(_), PrivateKeyDer::Pkcs8(_)) => {
                aws_lc::RsaKeyPair::from_pkcs8(der).ok().map(Self::AwsLcRsa)
            }
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, Pair::Pss(..), _) => {
                let (_, inner) = private_key_info(der).ok()?;
                aws_lc::RsaKeyPair::from_der(inner).ok().map(Self::AwsLcRsa)
            }
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, Pair::Rsa(_), _) => aws_lc::RsaKeyPair::from_der(der).ok().map(Self::AwsLcRsa),
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, Pair::P256(_) | Pair::P384(_), _) => {
                let algorithm = match pair {
                    Pair::P256(_) => &aws_lc::ECDSA_P256_SHA256_ASN1_SIGNING,
                    _ => &aws_lc::ECDSA_P384_SHA384_ASN1_SIGNING,
                };
                aws_lc::EcdsaKeyPair::from_private_key_der(algorithm, der).ok().map(Self::AwsLcEcdsa)
            }
            #[cfg(feature = "aws-lc-rs")]
            (Source::AwsLc, Pair::Ed25519(_), _) => {
                aws_lc::Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::AwsLcEd25519)
            }
            _ => None,
        }
    }

    #[allow(unused_variables)] // with ring alone there is none
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, Failed> {
        match *self {
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Self::GraviolaP256(ref key) => {
                let signature =
                    key.sign_asn1::<Sha256>(&[message], &mut [0; 72]).map_err(|_| Failed)?.to_vec();
                Ok(signature)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Self::GraviolaP384(ref key) => {
                let signature =
                    key.sign_asn1::<Sha384>(&[message], &mut [0; 104]).map_err(|_| Failed)?.to_vec();
                Ok(signature)
            }
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            Self::GraviolaEd25519(ref key) => Ok(key.sign(message).to_vec()),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRsa(ref key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = aws_lc_rs::rand::SystemRandom::new();
                let encoding = encodings(scheme)?.aws_lc;
                key.sign(encoding, &random, message, &mut signature).map_err(|_| Failed)?;
                Ok(signature)
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcEcdsa(ref key) => {
                let signature =
                    key.sign(&aws_lc_rs::rand::SystemRandom::new(), message).map_err(|_| Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcEd25519(ref key) => Ok(key.try_sign(message).map_err(|_| Failed)?.as_ref().to_vec()),
        }
    }
}

/// How RSA signs, in each source's terms.
struct Encodings {
    ring: &'static dyn RsaEncoding,
    #[cfg(feature = "aws-lc-rs")]
    aws_lc: &'static dyn aws_lc::RsaEncoding,
}

fn encodings(scheme: SignatureScheme) -> Result<Encodings, Failed> {
    macro_rules! both {
        ($name:ident) => {
            Encodings {
                ring: &signature::$name,
                #[cfg(feature = "aws-lc-rs")]
                aws_lc: &aws_lc::$name,
            }
        };
    }
    Ok(match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA256 | SignatureScheme::RSA_PSS_PSS_SHA256 => both!(RSA_PSS_SHA256),
        SignatureScheme::RSA_PSS_RSAE_SHA384 | SignatureScheme::RSA_PSS_PSS_SHA384 => both!(RSA_PSS_SHA384),
        SignatureScheme::RSA_PSS_RSAE_SHA512 | SignatureScheme::RSA_PSS_PSS_SHA512 => both!(RSA_PSS_SHA512),
        SignatureScheme::RSA_PKCS1_SHA256 => both!(RSA_PKCS1_SHA256),
        SignatureScheme::RSA_PKCS1_SHA384 => both!(RSA_PKCS1_SHA384),
        SignatureScheme::RSA_PKCS1_SHA512 => both!(RSA_PKCS1_SHA512),
        _ => return Err(Failed),
    })
}

const OID_P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
const OID_P384: &[u8] = b"\x2b\x81\x04\x00\x22";

/// PrivateKeyInfo (RFC 5958 section 2).
fn pkcs8(bytes: &[u8]) -> Result<Pair, KeyError> {
    let malformed = |reason: &str| KeyError::Malformed { format: "PKCS#8", reason: reason.into() };
    let (algorithm, inner) = private_key_info(bytes).map_err(|_| malformed("it is not a PrivateKeyInfo"))?;
    if let Some(schemes) = pss_schemes(algorithm) {
        // ring knows only the other identifier; what is inside is the same.
        return rsa("PKCS#8", inner, RsaKeyPair::from_der(inner)).map(|pair| Pair::Pss(pair, schemes));
    }
    match algorithm {
        KEY_RSA => rsa("PKCS#8", inner, RsaKeyPair::from_pkcs8(bytes)).map(Pair::Rsa),
        KEY_P256 | KEY_P384 => {
            let (ring_algorithm, pair): (_, fn(EcdsaKeyPair) -> Pair) = if algorithm == KEY_P256 {
                (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, Pair::P256)
            } else {
                (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, Pair::P384)
            };
            if matches!(ec_private_key(inner), Ok(EcPrivateKey { public: None, .. })) {
                return Err(KeyError::PublicKeyMissing);
            }
            EcdsaKeyPair::from_pkcs8(ring_algorithm, bytes, &SystemRandom::new())
                .map(pair)
                .map_err(|why| malformed(&why.to_string()))
        }
        KEY_ED25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .map(Pair::Ed25519)
            .map_err(|why| malformed(&why.to_string())),
        other => Err(match identifiers(other) {
            Ok((OID_EC, Some(curve))) => KeyError::UnsupportedCurve { found: name(curve) },
            Ok((OID_EC, None)) => {
                KeyError::UnsupportedCurve { found: "(given by its parameters, not by name)".into() }
            }
            Ok((algorithm, _)) => KeyError::UnsupportedAlgorithm { found: name(algorithm) },
            Err(NotDer) => malformed("its algorithm is not an AlgorithmIdentifier"),
        }),
    }
}

/// What a key for RSASSA-PSS alone may sign with: its parameters say (RFC 4055
/// section 3.1), or it has none. `None`: the key is another, or none of these.
fn pss_schemes(algorithm: &[u8]) -> Option<&'static [SignatureScheme]> {
    const ALL: &[SignatureScheme] = &[
        SignatureScheme::RSA_PSS_PSS_SHA256,
        SignatureScheme::RSA_PSS_PSS_SHA384,
        SignatureScheme::RSA_PSS_PSS_SHA512,
    ];
    match Pss::read(algorithm) {
        Ok(None) => Some(ALL),
        Ok(Some(pss)) if !pss.allows_salt_of_hash() => None,
        Ok(Some(Pss { hash: 256, .. })) => ALL.get(..1),
        Ok(Some(Pss { hash: 384, .. })) => ALL.get(1..2),
        Ok(Some(_)) => ALL.get(2..),
        Err(NotDer) => None,
    }
}

/// RSAPrivateKey (RFC 8017 section A.1.2), as ring took or refused it.
fn rsa(
    format: &'static str,
    bytes: &[u8],
    read: Result<RsaKeyPair, ring::error::KeyRejected>,
) -> Result<Box<RsaKeyPair>, KeyError> {
    match read {
        Ok(pair) => Ok(Box::new(pair)),
        Err(why) => Err(match rsa_private_bits(bytes) {
            Ok(bits) if !(2048..=4096).contains(&bits) || bits % 512 != 0 => {
                KeyError::UnsupportedSize { bits }
            }
            _ => KeyError::Malformed { format, reason: why.to_string() },
        }),
    }
}

/// ECPrivateKey (RFC 5915 section 3). ring reads it only inside PKCS#8.
fn sec1(bytes: &[u8]) -> Result<Pair, KeyError> {
    let malformed = |reason: &str| KeyError::Malformed { format: "SEC1", reason: reason.into() };
    let key = ec_private_key(bytes).map_err(|_| malformed("it is not an ECPrivateKey"))?;
    let (algorithm, size, pair): (&EcdsaSigningAlgorithm, usize, fn(EcdsaKeyPair) -> Pair) = match key.curve {
        Some(OID_P256) => (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, 32, Pair::P256),
        Some(OID_P384) => (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, 48, Pair::P384),
        Some(other) => return Err(KeyError::UnsupportedCurve { found: name(other) }),
        None => return Err(malformed("it does not name its curve")),
    };
    let public = match key.public {
        Some(point) if point.len() == 1 + 2 * size => point,
        Some(point) if point.len() != 1 + size => {
            return Err(malformed("its public key is not a point of its curve"));
        }
        _ => return Err(KeyError::PublicKeyMissing),
    };
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, key.scalar, public, &SystemRandom::new())
        .map(pair)
        .map_err(|why| malformed(&why.to_string()))
}

struct EcPrivateKey<'a> {
    scalar: &'a [u8],
    /// The curve's object identifier.
    curve: Option<&'a [u8]>,
    /// The point, encoded as SEC 1 section 2.3.3 says.
    public: Option<&'a [u8]>,
}

fn ec_private_key(bytes: &[u8]) -> Result<EcPrivateKey<'_>, NotDer> {
    let mut outer = Der::new(bytes);
    let mut key = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    if key.unsigned()? != [1] {
        return Err(NotDer);
    }
    let scalar = key.content(tag::OCTET_STRING)?;
    let curve = match key.optional(tag::constructed(0))? {
        Some(parameters) => {
            let mut parameters = Der::new(parameters);
            let curve = parameters.content(tag::OID)?;
            parameters.finish()?;
            Some(curve)
        }
        None => None,
    };
    let public = match key.optional(tag::constructed(1))? {
        Some(bits) => {
            let mut bits = Der::new(bits);
            let point = bits.octet_aligned_bits()?;
            bits.finish()?;
            Some(point)
        }
        None => None,
    };
    key.finish()?;
    Ok(EcPrivateKey { scalar, curve, public })
}

/// The AlgorithmIdentifier and the inner private key.
pub(super) fn private_key_info(bytes: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let mut outer = Der::new(bytes);
    let mut info = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    info.unsigned()?;
    let algorithm = info.value(tag::SEQUENCE)?.bytes;
    let inner = info.content(tag::OCTET_STRING)?;
    Ok((algorithm, inner))
}

fn rsa_private_bits(bytes: &[u8]) -> Result<usize, NotDer> {
    let mut key = Der::new(bytes).inside(tag::SEQUENCE)?;
    key.unsigned()?;
    Ok(bits(key.unsigned()?))
}

#[cfg(test)]
mod tests;
