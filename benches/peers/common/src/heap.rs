//! Counts what is allocated, by Rust and by C alike: the program's own `malloc`
//! stands before glibc's, which does the work.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static COUNTS: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

/// From here on allocations are counted. Jobs that measure time never call it.
pub fn count() {
    COUNTS.store(true, Relaxed);
}

/// Calls that allocated, so far.
pub fn calls() -> u64 {
    CALLS.load(Relaxed)
}

/// Bytes that are allocated and not freed. What was there before `count` may be
/// freed, too: only differences say something.
pub fn bytes() -> u64 {
    BYTES.load(Relaxed)
}

unsafe fn taken(block: *mut c_void) -> *mut c_void {
    if COUNTS.load(Relaxed) && !block.is_null() {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(unsafe { malloc_usable_size(block) } as u64, Relaxed);
    }
    block
}

unsafe fn given(block: *mut c_void) {
    if COUNTS.load(Relaxed) && !block.is_null() {
        BYTES.fetch_sub(unsafe { malloc_usable_size(block) } as u64, Relaxed);
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    unsafe { taken(__libc_malloc(size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    unsafe { taken(__libc_calloc(count, size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    unsafe {
        given(block);
        taken(__libc_realloc(block, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    unsafe { taken(__libc_memalign(alignment, size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    unsafe { taken(__libc_memalign(alignment, size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> i32 {
    unsafe {
        *to = taken(__libc_memalign(alignment, size));
        if (*to).is_null() { 12 } else { 0 } // ENOMEM
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    unsafe {
        given(block);
        __libc_free(block);
    }
}
