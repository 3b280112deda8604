//! Who serves which operation, and where randomness comes from.
//!
//! ring serves everything but ML-KEM and RSA encryption, and is always there. The
//! table in [`Operation::order`] names who serves an operation in its place, with
//! the figures; whoever is there first serves.
//!
//! Not in the table, since nobody is ahead by much: hashes, HMAC (and by it HKDF and
//! the TLS 1.2 PRF), ChaCha20-Poly1305, the verification of P-256 (78 | 84 | 74 us)
//! and Ed25519 (99 | 82 | 84 us, but its edges are not the same everywhere), tickets,
//! whose key serves once. RSA
//! encryption is served by rsa (feature `static-rsa`); randomness by the operating
//! system, by way of ring, and where a source takes no bytes for a key of its own, by
//! that source.

use crate::crypto::Failed;
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// A crate that has cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Ring,
    /// Assembly, most of it formally verified; no C. With the feature `post-quantum`
    /// it is there for ML-KEM, with `graviola` for all that it has.
    Graviola,
    /// Feature `aws-lc-rs`: AWS-LC, in C and assembly.
    AwsLc,
    /// Feature `post-quantum`: ml-kem, portable Rust, where graviola cannot be.
    #[cfg(feature = "post-quantum")]
    MlKem,
}

impl Source {
    /// Whether it is there for an operation: by feature, target and processor.
    pub(super) fn is_there(self, operation: Operation) -> bool {
        match self {
            Self::Ring => true,
            Self::Graviola => operation.is_for_graviola() && processor_has_what_graviola_needs(),
            Self::AwsLc => cfg!(feature = "aws-lc-rs"),
            #[cfg(feature = "post-quantum")]
            Self::MlKem => true,
        }
    }
}

/// graviola asserts it at each call.
fn processor_has_what_graviola_needs() -> bool {
    #[cfg(all(
        any(feature = "graviola", feature = "post-quantum"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    return graviola::util::is_cpu_supported();
    #[allow(unreachable_code)] // without it there is this alone
    false
}

/// What more than one source is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A key pair and an agreement.
    X25519,
    P256Agreement,
    P384Agreement,
    P256Signing,
    P384Signing,
    P384Verifying,
    Ed25519Signing,
    RsaSigning,
    RsaVerifying,
    /// An AES-GCM key that has met a long record, with all that it seals and opens.
    LongAesGcm,
    #[cfg(feature = "post-quantum")]
    MlKem768,
}

impl Operation {
    /// The sources of an operation, the preferred one first.
    ///
    /// The figures are microseconds on an Intel Xeon (Sapphire Rapids) that others
    /// used at the same time: the fastest tenth, each row in one run with alternating
    /// turns; ring | graviola | AWS-LC.
    #[rustfmt::skip] // a table
    fn order(self) -> &'static [Source] {
        use Source::{AwsLc, Graviola, Ring};
        match self {
            // 115 | 56 | 60
            Self::X25519 => &[Graviola, AwsLc, Ring],
            // 84 | 86 | 71
            Self::P256Agreement => &[AwsLc, Ring],
            // 825 | 394 | 251
            Self::P384Agreement => &[AwsLc, Graviola, Ring],
            // 24.8 | 22.0 | 22.6
            Self::P256Signing => &[Graviola, AwsLc, Ring],
            // 425 | 203 | 98
            Self::P384Signing => &[AwsLc, Graviola, Ring],
            // 743 | 370 | 236
            Self::P384Verifying => &[AwsLc, Graviola, Ring],
            // 47.8 | 17.6 | 17.1
            Self::Ed25519Signing => &[Graviola, AwsLc, Ring],
            // RSA-2048: 797 | 842 | 411, RSA-4096: 5436 | 5679 | 2195
            Self::RsaSigning => &[AwsLc, Ring],
            // RSA-2048: 33.2 | 35.5 | 27.6, RSA-4096: 119 | 246 | 94
            Self::RsaVerifying => &[AwsLc, Ring],
            // AES-128, sealing 16 KiB: 2.26 | 1.85 | 1.38, 4 KiB: 0.67 | 0.58 | 0.46;
            // opening 16 KiB: 2.13 | 1.56 | 1.43; the key's expansion: 0.20 | 5.5 | 0.23.
            // Short records are ring's: 100 octets: 0.16 | 0.19 to 0.24 | 0.14 to 0.18
            Self::LongAesGcm => &[AwsLc, Ring],
            // ml-kem | graviola | AWS-LC: a key 99 | 15 | 18, encapsulating 108 | 19 | 19,
            // decapsulating 146 | 19 | 24
            #[cfg(feature = "post-quantum")]
            Self::MlKem768 => &[Graviola, AwsLc, Source::MlKem],
        }
    }

    /// Keys whose secrecy rests on it alone go to graviola only where its feature is
    /// on; ML-KEM is the half of a hybrid whose other half is then ring's.
    fn is_for_graviola(self) -> bool {
        #[cfg(feature = "post-quantum")]
        if self == Self::MlKem768 {
            return true;
        }
        cfg!(feature = "graviola")
    }

    /// Who serves it in this build, on this processor.
    pub(super) fn source(self) -> Source {
        self.order().iter().copied().find(|source| source.is_there(self)).unwrap_or(Source::Ring)
    }
}

// A build for use has no debug assertions; a flag that came into it from
// elsewhere must not make its keys known.
#[cfg(all(fuzzing, not(debug_assertions)))]
compile_error!(
    "with `--cfg fuzzing` all randomness of this crate is constant, and every key known: \
     that is for fuzzing alone, which has debug assertions (`-C debug-assertions`)"
);

/// Random bytes: the operating system's, but for tests and fuzzing.
pub(crate) struct Entropy {
    system: SystemRandom,
    #[cfg(any(test, fuzzing))]
    fixed: Option<fixed::Fixed>,
}

impl Entropy {
    /// The operating system's generator; in fuzzing a stream that is always the
    /// same, so that a finding can be repeated.
    pub(crate) fn system() -> Self {
        #[cfg(fuzzing)]
        return Self::seeded(0);
        #[cfg(not(fuzzing))]
        Self {
            system: SystemRandom::new(),
            #[cfg(any(test, fuzzing))]
            fixed: None,
        }
    }

    /// Fills `out` with random bytes.
    pub(crate) fn fill(&self, out: &mut [u8]) -> Result<(), Failed> {
        #[cfg(any(test, fuzzing))]
        if let Some(fixed) = &self.fixed {
            return fixed.fill(out);
        }
        self.system.fill(out).map_err(|_| Failed)
    }

    /// Lends randomness in ring's form: `len` bytes, if they are known beforehand.
    #[allow(unused_variables)] // the system gives as many as it is asked for
    pub(super) fn lend<R>(
        &self,
        len: usize,
        then: impl FnOnce(&dyn SecureRandom) -> Result<R, Unspecified>,
    ) -> Result<R, Failed> {
        #[cfg(any(test, fuzzing))]
        if let Some(fixed) = &self.fixed {
            return fixed.lend(len, then);
        }
        then(&self.system).map_err(|_| Failed)
    }

    /// Whether what it gives is known beforehand. A source that draws for itself
    /// serves nothing then.
    #[cfg(feature = "post-quantum")]
    pub(super) fn is_fixed(&self) -> bool {
        #[cfg(any(test, fuzzing))]
        return self.fixed.is_some();
        #[cfg(not(any(test, fuzzing)))]
        false
    }
}

/// Randomness that is known beforehand: an RFC's private keys, a fuzzer's seed.
#[cfg(any(test, fuzzing))]
#[allow(deprecated)] // ring's SecureRandom is sealed, and this is all that it has for tests
mod fixed {
    use super::{Entropy, Failed, SecureRandom, Unspecified};
    use ring::digest::{SHA256, digest};
    use ring::rand::SystemRandom;
    use ring::test::rand::FixedSliceRandom;
    use std::collections::VecDeque;
    use std::sync::{Mutex, PoisonError};

    /// First the given draws, each of exactly its length; then, if there is a
    /// seed, an endless stream made from it.
    pub(super) struct Fixed(Mutex<(VecDeque<Vec<u8>>, Option<Stream>)>);

    struct Stream {
        seed: u64,
        draws: u64,
    }

    impl Entropy {
        /// Gives `draws` in their order, and fails afterwards, or where a draw
        /// of another length is asked for.
        pub(crate) fn given(draws: &[&[u8]]) -> Self {
            let draws = draws.iter().map(|draw| draw.to_vec()).collect();
            Self::fixed(draws, None)
        }

        /// Gives an endless stream that depends on `seed` alone.
        pub(crate) fn seeded(seed: u64) -> Self {
            Self::fixed(VecDeque::new(), Some(Stream { seed, draws: 0 }))
        }

        fn fixed(draws: VecDeque<Vec<u8>>, stream: Option<Stream>) -> Self {
            Self { system: SystemRandom::new(), fixed: Some(Fixed(Mutex::new((draws, stream)))) }
        }
    }

    impl Fixed {
        pub(super) fn fill(&self, out: &mut [u8]) -> Result<(), Failed> {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(draw) = state.0.pop_front() {
                if draw.len() != out.len() {
                    return Err(Failed);
                }
                out.copy_from_slice(&draw);
                return Ok(());
            }
            let stream = state.1.as_mut().ok_or(Failed)?;
            for chunk in out.chunks_mut(32) {
                let mut input = [0; 16];
                input[..8].copy_from_slice(&stream.seed.to_be_bytes());
                input[8..].copy_from_slice(&stream.draws.to_be_bytes());
                stream.draws += 1;
                let block = digest(&SHA256, &input);
                chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
            }
            Ok(())
        }

        pub(super) fn lend<R>(
            &self,
            len: usize,
            then: impl FnOnce(&dyn SecureRandom) -> Result<R, Unspecified>,
        ) -> Result<R, Failed> {
            let mut bytes = vec![0; len];
            self.fill(&mut bytes)?;
            then(&FixedSliceRandom { bytes: &bytes }).map_err(|_| Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_gives_something_else_each_time() {
        let entropy = Entropy::system();
        let (mut a, mut b) = ([0; 32], [0; 32]);
        entropy.fill(&mut a).unwrap();
        entropy.fill(&mut b).unwrap();
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }

    #[test]
    fn given_draws_come_in_order_and_end() {
        let entropy = Entropy::given(&[&[1, 2], &[3]]);
        let mut out = [0; 2];
        entropy.fill(&mut out).unwrap();
        assert_eq!(out, [1, 2]);
        assert_eq!(entropy.fill(&mut out), Err(Failed)); // a draw of one byte was next
        assert_eq!(entropy.fill(&mut out), Err(Failed)); // nothing is left
    }

    #[test]
    fn a_source_serves_where_it_is_there() {
        let graviola = Source::Graviola.is_there(Operation::X25519);
        let aws_lc = cfg!(feature = "aws-lc-rs");
        assert!(!graviola || cfg!(feature = "graviola"));
        let first = |names: [(bool, Source); 3]| names.into_iter().find(|(there, _)| *there).unwrap().1;
        let (graviola, aws_lc) = ((graviola, Source::Graviola), (aws_lc, Source::AwsLc));
        let ring = (true, Source::Ring);
        assert_eq!(Operation::X25519.source(), first([graviola, aws_lc, ring]));
        assert_eq!(Operation::Ed25519Signing.source(), first([graviola, aws_lc, ring]));
        assert_eq!(Operation::P384Verifying.source(), first([aws_lc, graviola, ring]));
        assert_eq!(Operation::RsaSigning.source(), first([aws_lc, ring, ring]));
        assert_eq!(Operation::LongAesGcm.source(), first([aws_lc, ring, ring]));
        #[cfg(feature = "post-quantum")]
        {
            let graviola = (processor_has_what_graviola_needs(), Source::Graviola);
            assert_eq!(Operation::MlKem768.source(), first([graviola, aws_lc, (true, Source::MlKem)]));
        }
    }

    #[test]
    fn a_seed_tells_all() {
        let (mut a, mut b, mut c) = ([0; 40], [0; 40], [0; 40]);
        Entropy::seeded(1).fill(&mut a).unwrap();
        Entropy::seeded(1).fill(&mut b).unwrap();
        Entropy::seeded(2).fill(&mut c).unwrap();
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_ne!(a[..8], a[32..]);
    }
}
