//! What is left in freed memory: a global allocator for tests that keeps a copy
//! of each block as it was when it was freed, or left behind by a `realloc`.
//!
//! Only what a watched thread frees is kept, so that nothing is seen of the
//! test's own copies, which it makes [`aside`] or drops on another thread.
//!
//! ```
//! use freed_blocks::{Allocator, freed_by};
//! #[global_allocator]
//! static ALLOCATOR: Allocator = Allocator;
//!
//! let freed = freed_by(|| drop(b"sixteen secret bytes".to_vec()));
//! assert_eq!(freed.find([("a secret", &b"sixteen secret bytes"[..])])[0].0, "a secret");
//! assert!(freed.find([("another", &b"something else is here"[..])]).is_empty());
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The system's allocator, and a look into what is given back to it.
pub struct Allocator;

// SAFETY: every call goes on to `System` with the arguments that it came with, so
// its contract is kept if `System`'s is; what is done besides reads a block that
// the caller still owns, and allocates from `System` alone.
unsafe impl GlobalAlloc for Allocator {
    // Zeroed, so that nothing is found in a block that was not written to it.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` is allocated with this layout, until the next line.
        unsafe { keep(block, layout.size()) };
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    // `realloc` is the default: a new block, a copy, and `dealloc` of the old one,
    // as it is wherever a block cannot grow in its place.
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// One run at a time: there is one place for what it freed.
static RUN: Mutex<()> = Mutex::new(());

/// Copies of freed blocks, one behind the other, each behind its size.
static FREED: Mutex<Copies> = Mutex::new(Copies { bytes: std::ptr::null_mut(), len: 0, capacity: 0 });

struct Copies {
    bytes: *mut u8,
    len: usize,
    capacity: usize,
}

// SAFETY: the pointer is this value's own, and only read and written under its lock.
unsafe impl Send for Copies {}

/// Bytes of a size.
const SIZE: usize = size_of::<usize>();

impl Copies {
    /// # Safety
    /// `block` is readable for `size` bytes.
    unsafe fn add(&mut self, block: *const u8, size: usize) {
        let needed = self.len + SIZE + size;
        if needed > self.capacity {
            self.grow(needed.max(2 * self.capacity).max(1 << 20));
        }
        // SAFETY: there is room for the size at `len`.
        unsafe { std::ptr::copy_nonoverlapping(size.to_ne_bytes().as_ptr(), self.bytes.add(self.len), SIZE) };
        // SAFETY: and for `size` bytes behind it, which are not in the block.
        unsafe { std::ptr::copy_nonoverlapping(block, self.bytes.add(self.len + SIZE), size) };
        self.len = needed;
    }

    fn grow(&mut self, capacity: usize) {
        let layout = |size| Layout::from_size_align(size, 1).expect("a size that can be allocated");
        // SAFETY: the size is not zero.
        let larger = unsafe { System.alloc(layout(capacity)) };
        assert!(!larger.is_null(), "memory for what was freed");
        if !self.bytes.is_null() {
            // SAFETY: both are as long as `len`, and do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(self.bytes, larger, self.len) };
            // SAFETY: it was allocated so by the last call.
            unsafe { System.dealloc(self.bytes, layout(self.capacity)) };
        }
        (self.bytes, self.capacity) = (larger, capacity);
    }

    /// A copy of the copies, and none left.
    fn take(&mut self) -> Freed {
        let mut bytes = Vec::new();
        if !self.bytes.is_null() {
            // SAFETY: `len` bytes are written.
            bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(self.bytes, self.len) });
        }
        self.len = 0;
        Freed { bytes }
    }
}

fn freed() -> MutexGuard<'static, Copies> {
    FREED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// `block` is allocated with `size` bytes.
unsafe fn keep(block: *const u8, size: usize) {
    if WATCHED.get() {
        // SAFETY: the caller's block is `size` bytes long.
        unsafe { freed().add(block, size) };
    }
}

/// Runs `run` on a thread of its own, and returns what that thread freed until
/// it was gone, what it kept for its life among it.
///
/// # Panics
/// `run` does.
pub fn freed_by(run: impl FnOnce() + Send) -> Freed {
    let _one_at_a_time = RUN.lock().unwrap_or_else(PoisonError::into_inner);
    let ended = std::thread::scope(|scope| {
        let watched = || {
            WATCHED.set(true);
            run();
        };
        scope.spawn(watched).join()
    });
    let freed = freed().take();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
    freed
}

/// Runs `run` unwatched: what it frees is the test's own.
pub fn aside<R>(run: impl FnOnce() -> R) -> R {
    let before = WATCHED.replace(false);
    let result = run();
    WATCHED.set(before);
    result
}

/// What was in the blocks that a run freed.
pub struct Freed {
    bytes: Vec<u8>,
}

/// Where a piece of a secret is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Bytes of the block, which tell whose it may be.
    pub size: usize,
    /// Bytes in it before the piece.
    pub at: usize,
    /// Bytes of the secret before the piece.
    pub from: usize,
    /// Bytes of the piece: eight or sixteen look like what a register held.
    pub len: usize,
}

/// Bytes that tell a secret: any so many of it, one after the other.
const WINDOW: usize = 8;

impl Freed {
    /// The blocks, in the order in which they were freed.
    pub fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (size, behind) = rest.split_first_chunk()?;
            let (block, behind) = behind.split_at(usize::from_ne_bytes(*size));
            rest = behind;
            Some(block)
        })
    }

    /// The names of the secrets of which eight bytes or more are in a block, and
    /// the places where: each once, in order.
    ///
    /// # Panics
    /// A secret is shorter than eight bytes: it would be found by chance.
    pub fn find<'a>(&self, secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<(&'a str, Place)> {
        let mut windows: HashMap<[u8; WINDOW], (&'a str, &'a [u8], usize)> = HashMap::new();
        for (name, secret) in secrets {
            assert!(secret.len() >= WINDOW, "{name} is too short to be told from others");
            let each = secret.windows(WINDOW).enumerate();
            windows.extend(
                each.filter_map(|(from, window)| Some((*window.first_chunk()?, (name, secret, from)))),
            );
        }
        // Most places are ruled out by the window's first two bytes.
        let mut begins = vec![false; 1 << 16];
        for [first, second, ..] in windows.keys() {
            begins[usize::from(u16::from_be_bytes([*first, *second]))] = true;
        }
        let may_begin =
            |window: &[u8; WINDOW]| begins[usize::from(u16::from_be_bytes([window[0], window[1]]))];
        let mut found = BTreeSet::new();
        for block in self.blocks() {
            let mut at = 0;
            while let Some(window) = block.get(at..).and_then(|rest| rest.first_chunk()) {
                match may_begin(window).then(|| windows.get(window)).flatten() {
                    Some((name, secret, from)) => {
                        let len =
                            block[at..].iter().zip(&secret[*from..]).take_while(|(a, b)| a == b).count();
                        found.insert((*name, Place { size: block.len(), at, from: *from, len }));
                        at += len;
                    }
                    None => at += 1,
                }
            }
        }
        found.into_iter().collect()
    }
}
