//! Buffers, and the one exception to "no global": a short list of spare ones
//! for each thread. A connection that rests gives its buffers back, so that a
//! thread which serves thousands of idle connections keeps but a few of them.
//!
//! ```text
//!   0          ours.start     ours.end          length          capacity
//!   | on the wire | ours      | on the wire, or | not looked at |
//!   |             |           | zeros           |
//!                    length never shrinks while records are read or written:
//!                    memory that is initialised once stays so, and a window
//!                    of 16 KiB need not be filled with zeros for each record
//! ```
//!
//! What is ours is wiped when it goes, and no more: what comes from the wire, or
//! is sealed for it, is everybody's. So giving a buffer back and taking it again
//! costs little enough to be done before each wait.
//!
//! A connection that waits has no buffer, and so no positions in one either: they
//! stand beside it in a [`Lent`](crate::lent::Lent), and go when it goes.
//!
//! What stands first in a buffer begins at [`Buffer::front`], so that the cipher
//! works on whole cache lines, and a copy out of a page's start or into it is not
//! held up by the few bytes of a header.

use crate::limits;
use std::cell::RefCell;
use std::ops::Range;

/// A buffer for handshake messages and for small records: most flights fit.
pub(crate) const SMALL: usize = 4 * 1024;

/// A buffer for one record of the largest size, and the header after it.
pub(crate) const RECORD: usize =
    FRONT + limits::RECORD_HEADER + limits::RECORD_CIPHERTEXT_12 + limits::RECORD_HEADER;

/// The largest record that this side makes: TLS 1.2 adds an explicit nonce and a
/// tag, TLS 1.3 a content type and a tag.
pub(crate) const SEALED: usize = limits::RECORD_HEADER + 8 + limits::RECORD_PLAINTEXT + 16;

/// A buffer for sending in bulk.
pub(crate) const BULK: usize = FRONT + limits::OUTBOX_RECORDS * SEALED + limits::OUTBOX_RESERVE;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Bytes before the first record at most.
pub(crate) const FRONT: usize = LINE - 1;

/// Room for one alert or KeyUpdate, which so never needs more than the reserve.
const SHORT: usize = limits::OUTBOX_RESERVE / 4;

/// Spare buffers that a thread keeps.
const SPARES: usize = 8;

/// A larger one is not kept: it was a handshake's, and rarely needed.
const LARGEST_SPARE: usize = BULK;

/// A request is served from a spare buffer of at most this many times its size,
/// so that a small wish does not take a bulk buffer away.
const OVERSIZE: usize = 5;

thread_local! {
    /// An empty place holds an empty `Vec`.
    static LIST: RefCell<[Vec<u8>; SPARES]> = const { RefCell::new([const { Vec::new() }; SPARES]) };
}

/// Bytes that are given back, wiped, when dropped; none until asked for.
///
/// All methods take positions that the owner keeps; one outside of the buffer
/// yields an empty slice, never a panic.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Elsewhere nothing was written that is not sealed.
    ours: Range<u32>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Bytes that can be used without growing.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The first position where `before` bytes end at a cache line.
    pub(crate) fn front(&self, before: usize) -> usize {
        self.bytes.as_ptr().align_offset(LINE).wrapping_sub(before) % LINE
    }

    /// Reads.
    #[inline]
    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Lends to the transport: what it writes need not be wiped until it is opened.
    #[inline]
    pub(crate) fn get_for_wire(&mut self, range: Range<usize>) -> &mut [u8] {
        self.bytes.get_mut(range).unwrap_or_default()
    }

    /// What stands in `range` is sealed, and need not be wiped.
    #[inline]
    pub(crate) fn sealed(&mut self, range: Range<usize>) {
        if range.start <= self.ours.start as usize && self.ours.end as usize <= range.end {
            self.ours = 0..0;
        }
    }

    /// Lends for writing.
    #[inline]
    pub(crate) fn get_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        match self.bytes.get_mut(range.clone()) {
            Some(lent) => {
                self.ours = with(&self.ours, range);
                lent
            }
            None => &mut [],
        }
    }

    /// Writes `bytes` from `at` on, if they fit.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        let lent = self.get_mut(at..at.saturating_add(bytes.len()));
        if lent.len() == bytes.len() {
            lent.copy_from_slice(bytes);
        }
    }

    /// Moves a range to another place, `at`, if it fits there.
    pub(crate) fn move_to(&mut self, at: usize, range: Range<usize>) {
        let end = at.saturating_add(range.len());
        if range.start <= range.end && range.end.max(end) <= self.bytes.len() {
            self.bytes.copy_within(range, at);
            self.ours = with(&self.ours, at..end);
        }
    }

    /// Makes room for `size` bytes in all, and keeps the first `keep` of them.
    pub(crate) fn grow(&mut self, size: usize, keep: usize) {
        if self.bytes.len() >= size {
            return;
        }
        if self.bytes.capacity() < size {
            let mut larger = Self { bytes: take(size), ours: 0..0 };
            if larger.bytes.len() < size {
                larger.bytes.resize(size, 0);
            }
            let keep = keep.min(self.bytes.len());
            larger.put(0, self.get(0..keep));
            *self = larger; // the smaller one is wiped and given back
        } else {
            self.bytes.resize(size, 0);
        }
    }

    /// Makes room for `size` bytes of what will be `whole` in all, and keeps the
    /// first `keep`. It doubles, so that each byte is copied but once or twice
    /// however small the pieces are, and ends at the whole.
    pub(crate) fn grow_towards(&mut self, size: usize, whole: usize, keep: usize) {
        let capacity = self.bytes.capacity();
        if capacity < size && whole > SMALL {
            self.grow(capacity.saturating_mul(2).clamp(size, whole.max(size)), keep);
        }
    }

    /// Lets `write` append after the first `at` bytes; what stood behind them is
    /// gone. Returns the end of what was written. Room for a short message is
    /// made first; a larger one makes the `Vec` grow by itself, and leaves a copy
    /// of handshake messages in freed memory: no secret is among them.
    pub(crate) fn append<T>(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>) -> T) -> (usize, T) {
        let short = at.saturating_add(SHORT);
        if self.bytes.capacity() < short {
            self.grow(short.next_power_of_two().max(SMALL), at);
        }
        self.bytes.resize(at, 0);
        let written = write(&mut self.bytes);
        self.ours = with(&self.ours, at..self.bytes.len());
        (self.bytes.len(), written)
    }

    /// Gives the memory back, and wipes what is ours of it: a fill with zeros
    /// takes a tenth of a microsecond for a record.
    pub(crate) fn rest(&mut self) {
        if self.bytes.capacity() == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        let ours = std::mem::take(&mut self.ours);
        let ours = ours.start as usize..ours.end as usize;
        if bytes.len() < ours.end {
            bytes.resize(ours.end, 0); // dirty bytes behind a shortened length
        }
        if let Some(dirty) = bytes.get_mut(ours) {
            dirty.fill(0);
        }
        std::hint::black_box(&mut bytes); // the fill is no dead store, even where the memory is freed next
        give(bytes);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.rest();
    }
}

/// What is ours, with `range`; of a buffer of 4 GiB, which none is, all would be.
#[inline]
fn with(ours: &Range<u32>, range: Range<usize>) -> Range<u32> {
    let start = u32::try_from(range.start).unwrap_or_default();
    let end = u32::try_from(range.end).unwrap_or(u32::MAX);
    if ours.start == ours.end { start..end } else { ours.start.min(start)..ours.end.max(end) }
}

/// The spare buffer that fits best, or a new one.
fn take(size: usize) -> Vec<u8> {
    let spare = LIST.try_with(|list| {
        let mut list = list.borrow_mut();
        // Nearly always one of this size was given back not long ago.
        let best = match list.iter().position(|spare| spare.capacity() == size) {
            Some(same) => list.get_mut(same),
            None => best_fit(&mut list, size),
        };
        best.map(std::mem::take)
    });
    match spare {
        Ok(Some(spare)) => spare,
        // None fits, or the thread is ending.
        _ => vec![0; size],
    }
}

#[cold]
fn best_fit(list: &mut [Vec<u8>; SPARES], size: usize) -> Option<&mut Vec<u8>> {
    let fitting = size..=size.saturating_mul(OVERSIZE);
    list.iter_mut().filter(|spare| fitting.contains(&spare.capacity())).min_by_key(|spare| spare.capacity())
}

/// Keeps a buffer, which is wiped as far as it was ours, if there is a free place,
/// or one that holds less.
fn give(mut bytes: Vec<u8>) {
    if bytes.capacity() > LARGEST_SPARE {
        return;
    }
    // An error says that the thread is ending: then the buffer is freed.
    let _ = LIST.try_with(|list| {
        let mut list = list.borrow_mut();
        let place = match list.iter().position(|spare| spare.capacity() == 0) {
            Some(free) => list.get_mut(free),
            None => least(&mut list).filter(|least| least.capacity() < bytes.capacity()),
        };
        if let Some(place) = place {
            std::mem::swap(place, &mut bytes);
        }
    });
}

#[cold]
fn least(list: &mut [Vec<u8>; SPARES]) -> Option<&mut Vec<u8>> {
    list.iter_mut().min_by_key(|spare| spare.capacity())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spares() -> Vec<usize> {
        let mut sizes: Vec<usize> = LIST.with(|list| list.borrow().iter().map(Vec::capacity).collect());
        sizes.retain(|size| *size > 0);
        sizes.sort();
        sizes
    }

    fn buffer(size: usize) -> Buffer {
        let mut buffer = Buffer::new();
        buffer.grow(size, 0);
        buffer
    }

    #[test]
    fn none_until_asked_for_and_given_back_wiped() {
        let mut first = Buffer::new();
        assert_eq!((first.len(), first.bytes.capacity()), (0, 0));
        first.rest();
        assert_eq!(spares(), []);
        first.grow(SMALL, 0);
        first.get_mut(100..200).fill(7);
        assert_eq!(first.ours, 100..200);
        let place = first.bytes.as_ptr();
        drop(first);
        assert_eq!(spares(), [SMALL]);
        let second = buffer(SMALL);
        assert_eq!(second.bytes.as_ptr(), place, "it is the same memory");
        assert_eq!(second.get(0..SMALL), [0; SMALL]);
    }

    #[test]
    fn what_stands_behind_a_shortened_length_is_wiped_too() {
        let mut first = buffer(SMALL);
        first.get_mut(0..SMALL).fill(7);
        let (end, ()) = first.append(10, |bytes| bytes.push(1));
        assert_eq!((end, first.len()), (11, 11));
        first.rest();
        let spare = take(SMALL);
        assert_eq!(spare, [0; SMALL]);
    }

    #[test]
    fn what_is_on_the_wire_is_not_wiped() {
        let mut first = buffer(SMALL);
        first.get_for_wire(0..100).fill(7);
        first.get_mut(0..50).fill(8);
        first.rest();
        assert_eq!(
            take(SMALL)[..101],
            [[0; 50], [7; 50]].concat().into_iter().chain([0]).collect::<Vec<u8>>()
        );
        let mut first = buffer(SMALL);
        first.get_mut(10..50).fill(8);
        first.sealed(10..49);
        first.sealed(11..50);
        assert_eq!(first.ours, 10..50, "one byte is not sealed");
        first.sealed(5..60);
        assert!(first.ours.is_empty());
    }

    #[test]
    fn growing_keeps_what_it_is_told_to_and_wipes_the_rest() {
        let mut grown = buffer(SMALL);
        grown.get_mut(0..8).copy_from_slice(b"keepgone");
        grown.grow(RECORD, 4);
        assert_eq!((grown.len(), grown.ours.clone()), (RECORD, 0..4));
        assert_eq!(grown.get(0..8), b"keep\0\0\0\0");
        assert_eq!(take(SMALL), [0; SMALL]);
        // A length that was shortened comes back without another buffer.
        let place = grown.bytes.as_ptr();
        grown.append(4, |_| ());
        grown.grow(RECORD, 4);
        assert_eq!(grown.bytes.as_ptr(), place);
        assert_eq!(grown.get(0..4), b"keep");
    }

    #[test]
    fn at_most_eight_are_kept_the_largest_ones() {
        let small: Vec<Buffer> = (0..SPARES + 2).map(|_| buffer(SMALL)).collect();
        drop(small);
        assert_eq!(spares(), [SMALL; SPARES]);
        drop(buffer(BULK));
        assert_eq!(spares().last(), Some(&BULK));
        assert_eq!(spares().len(), SPARES);
        drop(buffer(BULK + 1));
        assert_eq!(spares().last(), Some(&BULK), "a larger one is not kept");
    }

    #[test]
    fn a_small_wish_leaves_the_large_ones() {
        drop((buffer(BULK), buffer(RECORD)));
        assert_eq!(spares(), [RECORD, BULK]);
        let small = buffer(SMALL);
        assert_eq!(spares(), [BULK], "the best fit");
        let other = buffer(SMALL);
        assert_eq!(spares(), [BULK], "more than five times too large");
        assert_eq!((small.bytes.capacity(), other.bytes.capacity()), (RECORD, SMALL));
    }

    #[test]
    fn given_back_from_any_thread() {
        let mut buffer = buffer(SMALL);
        buffer.get_mut(0..4).fill(7);
        std::thread::spawn(move || {
            drop(buffer);
            assert_eq!(spares(), [SMALL]);
            assert_eq!(take(SMALL), [0; SMALL]);
        })
        .join()
        .unwrap();
        assert_eq!(spares(), []);
    }

    #[test]
    fn the_front_ends_at_a_cache_line() {
        for before in [0, 5, 13, 63, 64, 1000] {
            // Wherever the allocator puts it.
            for size in [SMALL, RECORD, BULK] {
                let buffer = buffer(size);
                let front = buffer.front(before);
                assert!(front <= FRONT);
                assert_eq!(buffer.get(front + before..size).as_ptr().addr() % 64, 0);
            }
            assert!(Buffer::new().front(before) <= FRONT);
        }
    }

    #[test]
    fn positions_outside_are_empty_not_panics() {
        let mut buffer = buffer(SMALL);
        assert_eq!(buffer.get(SMALL..SMALL + 1), b"");
        assert_eq!(buffer.get_mut(SMALL..usize::MAX), b"");
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 9..3;
        assert_eq!(buffer.get(reversed.clone()), b"");
        buffer.move_to(0, reversed);
        buffer.move_to(0, 1..SMALL + 1);
        buffer.move_to(SMALL - 1, 0..2);
        buffer.move_to(usize::MAX, 0..2);
        buffer.put(SMALL - 1, b"ab");
        assert!(buffer.ours.is_empty());
    }
}
