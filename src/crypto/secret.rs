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
    leaving_nothing(|| lend_inside(len, fill, then))
}

/// The same inside of a computation that leaves nothing.
pub(crate) fn lend_inside<R>(len: usize, fill: impl FnOnce(&mut [u8]), then: impl FnOnce(&[u8]) -> R) -> R {
    let mut bytes = Bytes::new(len);
    fill(bytes.get_mut());
    then(bytes.get())
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

/// Clears what the calls that come next would find: the stack where they have
/// their frames, and the registers of arguments. A value that is put on the heap
/// is copied with its padding and with what an enum does not use, as the length in
/// a `None` of `Option<Arc<[u8]>>`; there it has whatever was left by the
/// computation before it, which need not be its own.
///
/// It is not all there is: a few registers are out of reach without assembly, and
/// so is what was deeper on the stack. `tests/freed.rs` looks at what comes of it.
#[inline(never)]
pub(crate) fn clear_stack() {
    std::hint::black_box(&mut [0_u8; CLEARED]);
    // The compiler does not see whom it calls: it has to pass each of these.
    let pass = std::hint::black_box(ignore as Ignore);
    pass(0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
}

/// Bytes of the stack that are cleared: frames that are not optimised are larger.
const CLEARED: usize = if cfg!(debug_assertions) { 16 * 1024 } else { 4 * 1024 };

/// As many arguments as go in registers: six and eight on x86-64, eight and
/// eight on AArch64.
type Ignore = extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, f64, f64, f64, f64, f64, f64, f64, f64);

#[rustfmt::skip]
#[allow(clippy::too_many_arguments)] // they are what it is for
extern "C" fn ignore(
    _: u64, _: u64, _: u64, _: u64, _: u64, _: u64, _: u64, _: u64,
    _: f64, _: f64, _: f64, _: f64, _: f64, _: f64, _: f64, _: f64,
) {}

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
