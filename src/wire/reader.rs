//! Reads the presentation language of RFC 9846 section 3 from a byte slice:
//! big-endian numbers, opaque fields, and vectors with their length in front.

use crate::fault::Fault;
use std::ops::RangeInclusive;

/// A place in a byte slice, and what follows it. A read that fails leaves the
/// place undefined: give the reader up.
///
/// ```
/// use handfast::wire::Reader;
/// let mut reader = Reader::new(&[0x03, 0x04, 2, 0xaa, 0xbb]);
/// assert_eq!(reader.u16(), Ok(0x0304));
/// assert_eq!(reader.vec8(1..=255), Ok(&[0xaa, 0xbb][..]));
/// assert_eq!(reader.finish(), Ok(()));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One byte. [`Fault::Truncated`] at the end, as in every read below.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Fault> {
        let [a] = *self.array()?;
        Ok(a)
    }

    /// Two bytes, big-endian.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes(*self.array()?))
    }

    /// Three bytes, big-endian (`uint24`).
    #[inline]
    pub fn u24(&mut self) -> Result<u32, Fault> {
        let [a, b, c] = *self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big-endian.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(*self.array()?))
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A vector with one byte of length, `<a..b>` in the RFC's notation: the
    /// bounds count bytes. [`Fault::BadLength`] outside of them.
    #[inline]
    pub fn vec8(&mut self, bounds: RangeInclusive<usize>) -> Result<&'a [u8], Fault> {
        let length = self.u8()?;
        self.vector(usize::from(length), bounds)
    }

    /// A vector with two bytes of length.
    #[inline]
    pub fn vec16(&mut self, bounds: RangeInclusive<usize>) -> Result<&'a [u8], Fault> {
        let length = self.u16()?;
        self.vector(usize::from(length), bounds)
    }

    /// A vector with three bytes of length.
    #[inline]
    pub fn vec24(&mut self, bounds: RangeInclusive<usize>) -> Result<&'a [u8], Fault> {
        let length = self.u24()?;
        self.vector(length as usize, bounds)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading. [`Fault::TrailingBytes`] if something is left.
    pub const fn finish(self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(Fault::TrailingBytes) }
    }

    fn vector(&mut self, length: usize, bounds: RangeInclusive<usize>) -> Result<&'a [u8], Fault> {
        if !bounds.contains(&length) {
            return Err(Fault::BadLength);
        }
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_big_endian() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u24(), Ok(0x0004_0506));
        assert_eq!(reader.u32(), Ok(0x0708_090a));
        assert!(reader.is_empty());
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn every_read_past_the_end_is_truncated() {
        for n in 0..4 {
            let bytes = [0; 4];
            let short = || Reader::new(bytes.get(..n).unwrap());
            assert_eq!(short().u32(), Err(Fault::Truncated));
            assert_eq!(short().u24().is_err(), n < 3);
            assert_eq!(short().u16().is_err(), n < 2);
            assert_eq!(short().u8().is_err(), n < 1);
            assert_eq!(short().take(4), Err(Fault::Truncated));
            assert_eq!(short().array::<4>(), Err(Fault::Truncated));
        }
        assert_eq!(Reader::new(&[]).take(0), Ok(&[][..]));
    }

    #[test]
    fn vectors_keep_their_bounds() {
        assert_eq!(Reader::new(&[2, 8, 9]).vec8(2..=2), Ok(&[8, 9][..]));
        assert_eq!(Reader::new(&[2, 8, 9]).vec8(3..=9), Err(Fault::BadLength));
        assert_eq!(Reader::new(&[2, 8, 9]).vec8(0..=1), Err(Fault::BadLength));
        assert_eq!(Reader::new(&[2, 8]).vec8(0..=9), Err(Fault::Truncated));
        assert_eq!(Reader::new(&[0, 1, 8]).vec16(1..=1), Ok(&[8][..]));
        assert_eq!(Reader::new(&[1, 0, 8]).vec16(0..=256), Err(Fault::Truncated));
        assert_eq!(Reader::new(&[0, 0, 0]).vec24(0..=1), Ok(&[][..]));
        assert_eq!(Reader::new(&[0, 0, 0]).vec24(1..=1), Err(Fault::BadLength));
        assert_eq!(Reader::new(&[255, 255, 255]).vec24(0..=0xff_ffff), Err(Fault::Truncated));
    }

    #[test]
    fn what_is_left_is_told() {
        let mut reader = Reader::new(&[1, 2, 3]);
        reader.u8().unwrap();
        assert_eq!(reader.len(), 2);
        assert_eq!(reader.finish(), Err(Fault::TrailingBytes));
        assert_eq!(reader.rest(), &[2, 3]);
        assert_eq!(reader.finish(), Ok(()));
    }
}
