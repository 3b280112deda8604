//! Who serves which operation, and where randomness comes from.
//!
//! | operation | source |
//! | --- | --- |
//! | hashes, HMAC (and by it HKDF and the TLS 1.2 PRF) | ring |
//! | AES-GCM, ChaCha20-Poly1305 | ring |
//! | X25519, P-256, P-384 | ring |
//! | signatures | ring |
//! | ML-KEM-768 | libcrux (feature `post-quantum`) |
//! | RSA encryption | rsa (feature `static-rsa`) |
//! | randomness | the operating system, by ring |

use crate::crypto::Failed;
use ring::agreement::{Algorithm, EphemeralPrivateKey};
use ring::rand::{SecureRandom, SystemRandom};

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

    /// Draws a private key that can be used once.
    pub(crate) fn ephemeral(&self, algorithm: &'static Algorithm) -> Result<EphemeralPrivateKey, Failed> {
        #[cfg(any(test, fuzzing))]
        if let Some(fixed) = &self.fixed {
            return fixed.ephemeral(algorithm);
        }
        EphemeralPrivateKey::generate(algorithm, &self.system).map_err(|_| Failed)
    }
}

/// Randomness that is known beforehand: an RFC's private keys, a fuzzer's seed.
#[cfg(any(test, fuzzing))]
#[allow(deprecated)] // ring's SecureRandom is sealed, and this is all that it has for tests
mod fixed {
    use super::{Algorithm, Entropy, EphemeralPrivateKey, Failed};
    use ring::agreement::ECDH_P384;
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

        pub(super) fn ephemeral(&self, algorithm: &'static Algorithm) -> Result<EphemeralPrivateKey, Failed> {
            let mut scalar = [0; 48];
            let scalar = &mut scalar[..if *algorithm == ECDH_P384 { 48 } else { 32 }];
            self.fill(scalar)?;
            EphemeralPrivateKey::generate(algorithm, &FixedSliceRandom { bytes: scalar }).map_err(|_| Failed)
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
