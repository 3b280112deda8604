//! Writes the presentation language of RFC 9846 section 3. The body of a
//! vector is a closure; its length is filled in when the closure returns.

use crate::said::debug_is_display;

/// A field is longer than the length in front of it can say.
///
/// ```
/// use handfast::wire::{TooLong, Writer};
/// let mut buffer = Vec::new();
/// let mut writer = Writer::new(&mut buffer);
/// writer.vec8(|w| w.bytes(&[0; 256])); // one more than a byte can say
/// assert_eq!(writer.finish(), Err(TooLong));
/// assert!(buffer.is_empty());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field is longer than the length prefix in front of it can say")]
pub struct TooLong;

debug_is_display!(TooLong);

/// Appends to a buffer.
///
/// ```
/// use handfast::wire::Writer;
/// let mut buffer = Vec::new();
/// let mut writer = Writer::new(&mut buffer);
/// writer.u16(0x0304);
/// writer.vec16(|w| w.vec8(|w| w.bytes(b"h2")));
/// writer.finish()?;
/// assert_eq!(buffer, [3, 4, 0, 3, 2, b'h', b'2']);
/// # Ok::<(), handfast::wire::TooLong>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut Vec<u8>,
    start: usize,
    too_long: bool,
}

impl<'b> Writer<'b> {
    /// Appends to `buffer`; what is in it already stays.
    pub const fn new(buffer: &'b mut Vec<u8>) -> Self {
        let start = buffer.len();
        Self { buffer, start, too_long: false }
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.buffer.push(value);
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Three bytes, big-endian. A value of more than 24 bits makes
    /// [`finish`](Self::finish) fail.
    pub fn u24(&mut self, value: u32) {
        let [high, low @ ..] = value.to_be_bytes();
        self.too_long |= high != 0;
        self.bytes(&low);
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// The bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A vector with one byte of length in front of what `body` writes.
    pub fn vec8(&mut self, body: impl FnOnce(&mut Self)) {
        self.vector::<1>(body);
    }

    /// A vector with two bytes of length.
    pub fn vec16(&mut self, body: impl FnOnce(&mut Self)) {
        self.vector::<2>(body);
    }

    /// A vector with three bytes of length.
    pub fn vec24(&mut self, body: impl FnOnce(&mut Self)) {
        self.vector::<3>(body);
    }

    /// How many bytes this writer has appended.
    pub fn written(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Ends the writing. If a length did not fit its prefix, the buffer is
    /// what it was before, and the error says so.
    pub fn finish(self) -> Result<(), TooLong> {
        if self.too_long {
            self.buffer.truncate(self.start);
            return Err(TooLong);
        }
        Ok(())
    }

    fn vector<const N: usize>(&mut self, body: impl FnOnce(&mut Self)) {
        let prefix = self.buffer.len();
        self.bytes(&[0; N]);
        let begin = self.buffer.len();
        body(self);
        let length = self.buffer.len().saturating_sub(begin) as u64;
        let length = length.to_be_bytes();
        match (length.split_last_chunk::<N>(), self.buffer.get_mut(prefix..begin)) {
            (Some((high, low)), Some(place)) => {
                self.too_long |= high.iter().any(|&byte| byte != 0);
                place.copy_from_slice(low);
            }
            // A writer only appends, so its place is there.
            _ => self.too_long = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: impl FnOnce(&mut Writer<'_>)) -> Result<Vec<u8>, TooLong> {
        let mut buffer = vec![0xee];
        let mut writer = Writer::new(&mut buffer);
        body(&mut writer);
        let result = writer.finish();
        assert_eq!(buffer.first(), Some(&0xee));
        if result.is_err() {
            assert_eq!(buffer, [0xee]);
        }
        result.map(|()| buffer.split_off(1))
    }

    #[test]
    fn numbers_are_big_endian() {
        let bytes = written(|w| {
            w.u8(1);
            w.u16(0x0203);
            w.u24(0x0004_0506);
            w.u32(0x0708_090a);
            assert_eq!(w.written(), 10);
        });
        assert_eq!(bytes.unwrap(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn vectors_nest() {
        let bytes = written(|w| {
            w.vec24(|w| {
                w.vec16(|w| w.vec8(|_| ()));
                w.u8(9);
            });
        });
        assert_eq!(bytes.unwrap(), [0, 0, 4, 0, 1, 0, 9]);
    }

    #[test]
    fn a_length_that_does_not_fit_is_told() {
        assert_eq!(written(|w| w.vec8(|w| w.bytes(&[7; 255]))).unwrap().len(), 256);
        assert_eq!(written(|w| w.vec8(|w| w.bytes(&[7; 256]))), Err(TooLong));
        assert_eq!(written(|w| w.vec16(|w| w.bytes(&[7; 65535]))).unwrap().len(), 65537);
        assert_eq!(written(|w| w.vec16(|w| w.bytes(&[7; 65536]))), Err(TooLong));
        assert_eq!(written(|w| w.u24(0x00ff_ffff)).unwrap(), [0xff; 3]);
        assert_eq!(written(|w| w.u24(0x0100_0000)), Err(TooLong));
        // The failure is not forgotten by a later field that fits.
        assert_eq!(
            written(|w| {
                w.vec8(|w| w.bytes(&[7; 300]));
                w.vec8(|w| w.bytes(&[7]));
            }),
            Err(TooLong)
        );
    }
}
