//! A secret of the key schedule: wiped on drop, never printed, never cloned.

use crate::crypto::Failed;
use zeroize::Zeroizing;

/// The longest output of the suites' hashes, and a TLS 1.2 master secret.
const CAPACITY: usize = 48;

/// At most 48 bytes that nobody else may know.
///
/// Moving it leaves a copy on the stack that no drop wipes, so what holds
/// secrets for long is boxed and moved as a box.
pub(crate) struct Secret {
    bytes: Zeroizing<[u8; CAPACITY]>,
    len: u8,
}

impl Secret {
    /// A secret of `len` bytes (at most 48; the compiler sees each caller's
    /// constant) that `fill` writes in place.
    pub(crate) fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        debug_assert!(len <= CAPACITY);
        let mut secret = Self { bytes: Zeroizing::new([0; CAPACITY]), len: len.min(CAPACITY) as u8 };
        fill(&mut secret.bytes[..len.min(CAPACITY)]);
        secret
    }

    /// A copy of `bytes`; fails for more than 48.
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, Failed> {
        if bytes.len() > CAPACITY {
            return Err(Failed);
        }
        Ok(Self::new(bytes.len(), |out| out.copy_from_slice(bytes)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        assert_eq!(Secret::from_slice(&[7; 48]).unwrap().as_bytes(), [7; 48]);
        assert!(Secret::from_slice(&[]).unwrap().as_bytes().is_empty());
        assert!(Secret::from_slice(&[7; 49]).is_err());
        assert_eq!(size_of::<Secret>(), 49);
    }
}
