//! A secret of the key schedule: wiped on drop, never printed, never cloned.
//!
//! What moves is a pointer. A value that is moved out of a box, a vector or a
//! map leaves its bytes in memory that is freed unwiped, so what is kept is
//! behind a [`Secret`]; what is only passed through is lent, by [`lend`].

use crate::crypto::Failed;
use zeroize::Zeroizing;

/// The longest output of the suites' hashes, and a TLS 1.2 master secret.
const CAPACITY: usize = 48;

/// At most 48 bytes that nobody else may know, in a place of their own.
pub(crate) struct Secret(Box<Bytes>);

struct Bytes {
    bytes: Zeroizing<[u8; CAPACITY]>,
    len: u8,
}

impl Bytes {
    fn new(len: usize) -> Self {
        debug_assert!(len <= CAPACITY);
        Self { bytes: Zeroizing::new([0; CAPACITY]), len: len.min(CAPACITY) as u8 }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn get_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.len)]
    }
}

impl Secret {
    /// A secret of `len` bytes (at most 48; the compiler sees each caller's
    /// constant) that `fill` writes in place.
    pub(crate) fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Box::new(Bytes::new(len));
        leaving_nothing(|| fill(bytes.get_mut()));
        Self(bytes)
    }

    /// A copy of `bytes`; fails for more than 48.
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, Failed> {
        if bytes.len() > CAPACITY {
            return Err(Failed);
        }
        Ok(Self::new(bytes.len(), |out| out.copy_from_slice(bytes)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.get()
    }

    /// Makes of it the secret, as long, that `derive` writes, given this one: it
    /// takes the place of its parent, which is gone then.
    pub(crate) fn advance(&mut self, derive: impl FnOnce(&[u8], &mut [u8])) {
        leaving_nothing(|| {
            let mut next = Bytes::new(self.as_bytes().len());
            derive(self.as_bytes(), next.get_mut());
            self.0.get_mut().copy_from_slice(next.get());
        });
    }
}

/// Lends a secret of `len` bytes (at most 48) that `fill` writes to `then`, for
/// whose time it is.
pub(crate) fn lend<R>(len: usize, fill: impl FnOnce(&mut [u8]), then: impl FnOnce(&[u8]) -> R) -> R {
    leaving_nothing(|| {
        let mut bytes = Bytes::new(len);
        fill(bytes.get_mut());
        then(bytes.get())
    })
}

/// Runs `compute` in a frame of its own, which is cleared behind it.
pub(crate) fn leaving_nothing<R>(compute: impl FnOnce() -> R) -> R {
    #[inline(never)]
    fn apart<R>(compute: impl FnOnce() -> R) -> R {
        compute()
    }
    let result = apart(compute);
    clear_stack();
    result
}

/// Clears the stack where the calls that come next have their frames. A value
/// that is put on the heap is copied with its padding, which has in it whatever
/// was computed there before.
#[inline(never)]
pub(crate) fn clear_stack() {
    std::hint::black_box(&mut [0_u8; 8 * 1024]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        assert_eq!(Secret::from_slice(&[7; 48]).unwrap().as_bytes(), [7; 48]);
        assert!(Secret::from_slice(&[]).unwrap().as_bytes().is_empty());
        assert!(Secret::from_slice(&[7; 49]).is_err());
        assert_eq!(size_of::<Secret>(), size_of::<usize>());
    }

    #[test]
    fn a_child_takes_the_place_of_its_parent() {
        let mut secret = Secret::from_slice(&[7; 32]).unwrap();
        let place = secret.as_bytes().as_ptr();
        secret.advance(|parent, child| child.iter_mut().zip(parent).for_each(|(to, from)| *to = from + 1));
        assert_eq!((secret.as_bytes(), secret.as_bytes().as_ptr()), (&[8; 32][..], place));
    }
}
