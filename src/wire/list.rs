//! A vector of items inside a message: the bytes it was read from, or a slice
//! of values that is to be written (RFC 9846 section 3.4).

use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;
use std::fmt;
use std::ops::Deref;

/// Something that stands in a vector.
///
/// ```
/// use handfast::{Fault, wire::{Item, List, Reader, Writer}};
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Port(u16);
/// impl Item<'_> for Port {
///     fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
///         reader.u16().map(Self)
///     }
///     fn write(&self, writer: &mut Writer<'_>) {
///         writer.u16(self.0);
///     }
/// }
/// assert_eq!(List::parse(&[1, 187, 0, 80])?, List::from(&[Port(443), Port(80)]));
/// # Ok::<(), handfast::Fault>(())
/// ```
pub trait Item<'a>: Sized + Copy {
    /// Reads one.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault>;
    /// Writes one.
    fn write(&self, writer: &mut Writer<'_>);
}

/// The items of a vector, without its length prefix. Two lists are equal when
/// their items are.
///
/// ```
/// use handfast::wire::{CipherSuite, List};
/// let offer = [CipherSuite::TLS_AES_128_GCM_SHA256];
/// let list = List::from(&offer);
/// assert!(list.contains(&CipherSuite::TLS_AES_128_GCM_SHA256));
/// assert_eq!(list, List::parse(&[0x13, 0x01])?);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy)]
pub struct List<'a, T>(Form<'a, T>);

#[derive(Clone, Copy)]
enum Form<'a, T> {
    /// Bytes in which every item has been read once.
    Wire(&'a [u8]),
    Values(&'a [T]),
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// The list of these values.
    pub const fn values(values: &'a [T]) -> Self {
        Self(Form::Values(values))
    }

    /// Reads `bytes` as items to the last byte; the first item that is malformed
    /// is the fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            T::read(&mut reader)?;
        }
        Ok(Self(Form::Wire(bytes)))
    }

    /// The items in their order.
    pub const fn iter(&self) -> Iter<'a, T> {
        match self.0 {
            Form::Wire(bytes) => Iter { wire: Reader::new(bytes), values: &[] },
            Form::Values(values) => Iter { wire: Reader::new(&[]), values },
        }
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        match self.0 {
            Form::Wire(bytes) => bytes.is_empty(),
            Form::Values(values) => values.is_empty(),
        }
    }

    /// How many items there are; they are counted on each call.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether this item is in the list.
    pub fn contains(&self, item: &T) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|each| each == *item)
    }

    /// The first item.
    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    /// Writes the items, without a length prefix.
    pub fn write(&self, writer: &mut Writer<'_>) {
        match self.0 {
            Form::Wire(bytes) => writer.bytes(bytes),
            Form::Values(values) => values.iter().for_each(|item| item.write(writer)),
        }
    }
}

/// The items of a [`List`].
///
/// ```
/// use handfast::wire::{List, NamedGroup};
/// let offered = List::<NamedGroup>::parse(&[0x0a, 0x0a, 0, 0x1d])?;
/// let known = offered.iter().find(|group| !group.is_grease());
/// assert_eq!(known, Some(NamedGroup::X25519));
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy)]
pub struct Iter<'a, T> {
    wire: Reader<'a>,
    values: &'a [T],
}

impl<'a, T: Item<'a>> Iterator for Iter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some((first, rest)) = self.values.split_first() {
            self.values = rest;
            return Some(*first);
        }
        if self.wire.is_empty() {
            return None;
        }
        // Read once before, by `parse`: it cannot fail now.
        T::read(&mut self.wire).ok()
    }
}

impl<'a, T: Item<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Item<'a>> From<&'a [T]> for List<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self::values(values)
    }
}

impl<'a, T: Item<'a>, const N: usize> From<&'a [T; N]> for List<'a, T> {
    fn from(values: &'a [T; N]) -> Self {
        Self::values(values)
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self(Form::Values(&[]))
    }
}

impl<'a, T: Item<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a> + Eq> Eq for List<'a, T> {}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A list that grows, and mostly stays short: up to eight values cost no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) enum Handful<T> {
    #[default]
    None,
    /// So many of these count.
    Few([T; 8], usize),
    Many(Vec<T>),
}

impl<T: Copy> Handful<T> {
    pub(crate) fn push(&mut self, value: T) {
        match self {
            Self::None => *self = Self::Few([value; 8], 1),
            Self::Few(few, count) => match few.get_mut(*count) {
                Some(place) => {
                    *place = value;
                    *count += 1;
                }
                None => *self = Self::Many(few.iter().copied().chain([value]).collect()),
            },
            Self::Many(many) => many.push(value),
        }
    }

    pub(crate) fn pop(&mut self) {
        match self {
            Self::None => {}
            Self::Few(_, count) => *count = count.saturating_sub(1),
            Self::Many(many) => drop(many.pop()),
        }
    }
}

impl<T> Deref for Handful<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::Few(few, count) => few.get(..*count).unwrap_or_default(),
            Self::Many(many) => many,
        }
    }
}

impl<T: Copy> FromIterator<T> for Handful<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut handful = Self::None;
        values.into_iter().for_each(|value| handful.push(value));
        handful
    }
}

/// As many codes as an honest peer sends.
const FEW: usize = 32;

/// A bit for each possible code: 8 KiB.
struct Bits([u64; 1024]);

impl Bits {
    const NONE: Self = Self([0; 1024]);

    /// Whether the code was not there before.
    fn insert(&mut self, code: u16) -> bool {
        let bit = 1_u64 << (code & 63);
        self.0.get_mut(usize::from(code >> 6)).is_some_and(|word| {
            let before = *word;
            *word |= bit;
            before & bit == 0
        })
    }

    fn contains(&self, code: u16) -> bool {
        self.0.get(usize::from(code >> 6)).is_some_and(|word| word >> (code & 63) & 1 == 1)
    }
}

/// A list of codes that is asked again and again: however long it is, it is
/// walked once. Few codes are looked through each time.
pub(crate) struct Codes<'a, T> {
    list: List<'a, T>,
    many: Option<Box<Bits>>,
}

impl<'a, T: Item<'a> + PartialEq + Into<u16>> Codes<'a, T> {
    pub(crate) fn new(list: List<'a, T>) -> Self {
        let many = list.iter().nth(FEW).map(|_| {
            let mut bits = Box::new(Bits::NONE);
            for code in list {
                bits.insert(code.into());
            }
            bits
        });
        Self { list, many }
    }

    pub(crate) fn contains(&self, code: T) -> bool {
        match &self.many {
            Some(bits) => bits.contains(code.into()),
            None => self.list.contains(&code),
        }
    }

    /// The codes in their order.
    pub(crate) const fn iter(&self) -> Iter<'a, T> {
        self.list.iter()
    }
}

/// Whether a code stands twice, in linear time and without allocation. Few
/// codes are compared with each other; for more there are the bits, on the stack.
pub(super) fn repeats(codes: impl Iterator<Item = u16> + Clone) -> bool {
    let mut seen = [0; FEW];
    for (n, code) in codes.clone().enumerate() {
        if seen.get(..n).is_some_and(|earlier| earlier.contains(&code)) {
            return true;
        }
        match seen.get_mut(n) {
            Some(place) => *place = code,
            None => return repeats_among_many(codes),
        }
    }
    false
}

#[inline(never)] // keeps the bits off the stack of the common case
fn repeats_among_many(codes: impl Iterator<Item = u16>) -> bool {
    let mut seen = Bits::NONE;
    for code in codes {
        if !seen.insert(code) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Name<'a>(&'a [u8]);

    impl<'a> Item<'a> for Name<'a> {
        fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
            reader.vec8(1..=255).map(Self)
        }
        fn write(&self, writer: &mut Writer<'_>) {
            writer.vec8(|w| w.bytes(self.0));
        }
    }

    #[test]
    fn a_handful_is_a_list_of_any_length() {
        for length in [0, 1, 7, 8, 9, 30] {
            let mut handful: Handful<usize> = (0..length).collect();
            assert!(handful.iter().copied().eq(0..length), "{length}");
            assert_eq!(matches!(handful, Handful::Many(_)), length > 8);
            handful.pop();
            assert!(handful.iter().copied().eq(0..length.saturating_sub(1)));
            handful.push(77);
            assert_eq!(handful.last(), Some(&77));
        }
    }

    #[test]
    fn wire_and_values_are_the_same_list() {
        let values = [Name(b"h2"), Name(b"x")];
        let list = List::from(&values);
        let mut bytes = Vec::new();
        list.write(&mut Writer::new(&mut bytes));
        assert_eq!(bytes, [2, b'h', b'2', 1, b'x']);
        let read = List::parse(&bytes).unwrap();
        assert_eq!(read, list);
        assert_eq!(read.len(), 2);
        assert_eq!(read.first(), Some(Name(b"h2")));
        assert!(read.contains(&Name(b"x")) && !read.contains(&Name(b"y")));
        let mut again = Vec::new();
        read.write(&mut Writer::new(&mut again));
        assert_eq!(again, bytes);
        assert_ne!(read, List::values(&values[..1]));
        assert_eq!(format!("{list:?}"), format!("{values:?}"));
        assert!(List::<Name<'_>>::default().is_empty() && !read.is_empty());
    }

    #[test]
    fn a_malformed_item_is_refused_at_once() {
        assert_eq!(List::<Name<'_>>::parse(&[1, 7, 0]), Err(Fault::BadLength));
        assert_eq!(List::<Name<'_>>::parse(&[1, 7, 2, 7]), Err(Fault::Truncated));
        assert_eq!(List::<Name<'_>>::parse(&[]), Ok(List::default()));
    }

    #[test]
    fn codes_are_found_among_few_and_many() {
        use crate::wire::SignatureScheme;
        for count in [0, 1, 32, 33, 1000, 30_000_u16] {
            let offered: Vec<_> = (0..count).map(|n| SignatureScheme(n * 2)).collect();
            // Some of them again, as nobody forbids.
            let offered = [&offered[..], &offered[..offered.len() / 2]].concat();
            let codes = Codes::new(List::from(&offered[..]));
            assert!(codes.iter().eq(offered.iter().copied()));
            for n in (0..count).step_by(7).chain(count.checked_sub(1)) {
                assert!(codes.contains(SignatureScheme(n * 2)), "{n} of {count}");
                assert!(!codes.contains(SignatureScheme(n * 2 + 1)), "{n} of {count}");
            }
            assert!(!codes.contains(SignatureScheme(u16::MAX)));
        }
    }

    #[test]
    fn repeats_are_found_among_few_and_many() {
        for count in [0, 1, 2, 31, 32, 33, 34, 1000, 65536] {
            let distinct = (0..count).map(|n: u32| n as u16);
            assert!(!repeats(distinct.clone()), "{count}");
            if count < 65536 {
                assert!(!repeats(distinct.clone().chain([u16::MAX])), "{count}");
            }
            for again in [0, count / 2, count.saturating_sub(1)] {
                if again < count {
                    assert!(repeats(distinct.clone().chain([again as u16])), "{count} {again}");
                }
            }
        }
    }
}
