//! ML-KEM-768 (FIPS 203).

use crate::crypto::Failed;
use crate::crypto::source::{Entropy, Operation, Source};
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::kem as aws_lc;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use graviola::key_agreement::mlkem768 as graviola;
use ml_kem::kem::{Decapsulate, FromSeed, KeyExport};
use ml_kem::{MlKem768, ml_kem_768};
use zeroize::{Zeroize, Zeroizing};

pub(super) const ENCAPSULATION_KEY_LEN: usize = 1184;
pub(super) const CIPHERTEXT_LEN: usize = 1088;

/// A private key that can be used once.
pub(super) enum DecapsulationKey {
    MlKem(ml_kem_768::DecapsulationKey),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    Graviola(Box<Once>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::DecapsulationKey),
}

/// The sources other than ml-kem take no randomness that is known beforehand.
fn source(entropy: &Entropy) -> Source {
    if entropy.is_fixed() { Source::MlKem } else { Operation::MlKem768.source() }
}

impl DecapsulationKey {
    /// Appends the encapsulation key to what is to be sent.
    pub(super) fn generate(entropy: &Entropy, share: &mut Vec<u8>) -> Result<Self, Failed> {
        Self::generate_by(source(entropy), entropy, share)
    }

    pub(super) fn generate_by(
        source: Source,
        entropy: &Entropy,
        share: &mut Vec<u8>,
    ) -> Result<Self, Failed> {
        match source {
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Source::Graviola => {
                let key = graviola::DecapKey::generate().map_err(|_| Failed)?;
                share.extend_from_slice(&key.encapsulation_key().as_bytes());
                Ok(Self::Graviola(Box::new(Once::Key(key))))
            }
            #[cfg(feature = "aws-lc-rs")]
            Source::AwsLc => {
                let key = aws_lc::DecapsulationKey::generate(&aws_lc::ML_KEM_768).map_err(|_| Failed)?;
                let public = key.encapsulation_key().and_then(|public| {
                    share.extend_from_slice(public.key_bytes()?.as_ref());
                    Ok(())
                });
                public.map_err(|_| Failed)?;
                Ok(Self::AwsLc(key))
            }
            _ => {
                let mut seed = Zeroizing::new([0; 64]);
                entropy.fill(&mut *seed)?;
                let mut taken = (*seed).into();
                let (key, public) = MlKem768::from_seed(&taken);
                taken.zeroize();
                share.extend_from_slice(&public.to_bytes());
                Ok(Self::MlKem(key))
            }
        }
    }

    /// Any ciphertext of the right length gives a secret: a wrong one gives a
    /// wrong secret (FIPS 203 section 6.3), which the Finished shows.
    pub(super) fn decapsulate(self, ciphertext: &[u8]) -> Result<Zeroizing<[u8; 32]>, Failed> {
        let ciphertext: &[u8; CIPHERTEXT_LEN] = ciphertext.try_into().map_err(|_| Failed)?;
        let mut secret = Zeroizing::new([0; 32]);
        match self {
            Self::MlKem(key) => {
                let mut bytes = key.decapsulate(ciphertext.into());
                secret.copy_from_slice(&bytes);
                bytes.zeroize();
            }
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Self::Graviola(key) => {
                *secret = *take(key).ok_or(Failed)?.decaps(&(*ciphertext).into()).as_ref();
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => {
                let bytes = key.decapsulate((&ciphertext[..]).into()).map_err(|_| Failed)?;
                *secret = bytes.as_ref().try_into().map_err(|_| Failed)?;
            }
        }
        Ok(secret)
    }
}

/// graviola's key, which a use moves away; what it leaves in the box is overwritten.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) enum Once {
    Key(graviola::DecapKey),
    Taken([u8; size_of::<graviola::DecapKey>() + align_of::<graviola::DecapKey>()]),
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn take(mut once: Box<Once>) -> Option<graviola::DecapKey> {
    let taken = Once::Taken([0; size_of::<graviola::DecapKey>() + align_of::<graviola::DecapKey>()]);
    let key = std::mem::replace(&mut *once, taken);
    std::hint::black_box(&mut once); // no dead store, though the memory is freed next
    match key {
        Once::Key(key) => Some(key),
        Once::Taken(zeros) => {
            std::hint::black_box(zeros);
            None
        }
    }
}

/// Appends the ciphertext to what is to be sent; returns the secret in it.
pub(super) fn encapsulate(
    encapsulation_key: &[u8],
    entropy: &Entropy,
    share: &mut Vec<u8>,
) -> Result<Zeroizing<[u8; 32]>, Failed> {
    encapsulate_by(source(entropy), encapsulation_key, entropy, share)
}

/// Each source refuses a key with a coefficient of 3329 or more (FIPS 203 section 7.2).
pub(super) fn encapsulate_by(
    source: Source,
    encapsulation_key: &[u8],
    entropy: &Entropy,
    share: &mut Vec<u8>,
) -> Result<Zeroizing<[u8; 32]>, Failed> {
    let key: &[u8; ENCAPSULATION_KEY_LEN] = encapsulation_key.try_into().map_err(|_| Failed)?;
    let mut secret = Zeroizing::new([0; 32]);
    match source {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        Source::Graviola => {
            let key = graviola::EncapKey::from_bytes(key).map_err(|_| Failed)?;
            let (bytes, ciphertext) = key.encaps().map_err(|_| Failed)?;
            share.extend_from_slice(ciphertext.as_ref());
            *secret = *bytes.as_ref();
        }
        #[cfg(feature = "aws-lc-rs")]
        Source::AwsLc => {
            let key = aws_lc::EncapsulationKey::new(&aws_lc::ML_KEM_768, key).map_err(|_| Failed)?;
            let (ciphertext, bytes) = key.encapsulate().map_err(|_| Failed)?;
            share.extend_from_slice(ciphertext.as_ref());
            *secret = bytes.as_ref().try_into().map_err(|_| Failed)?;
        }
        _ => {
            let key = ml_kem_768::EncapsulationKey::new(key.into()).map_err(|_| Failed)?;
            let mut message = Zeroizing::new([0; 32]);
            entropy.fill(&mut *message)?;
            let mut taken = (*message).into();
            let (ciphertext, mut bytes) = key.encapsulate_deterministic(&taken);
            taken.zeroize();
            share.extend_from_slice(&ciphertext);
            secret.copy_from_slice(&bytes);
            bytes.zeroize();
        }
    }
    Ok(secret)
}
