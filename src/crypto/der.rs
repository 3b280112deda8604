//! A reader for DER (X.690 section 10), as strict as the encoding: one length
//! form, one boolean, whole values only. Private keys, algorithm identifiers
//! and certificates are read with it.

/// The bytes are not DER, or not of the shape asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDer;

/// Identifier octets (X.690 section 8.1.2) of the types that occur.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[n]`, primitive: an IMPLICIT string, number or boolean.
    pub(crate) const fn context(n: u8) -> u8 {
        0x80 | n
    }

    /// `[n]`, constructed: EXPLICIT, or an IMPLICIT sequence.
    pub(crate) const fn constructed(n: u8) -> u8 {
        0xa0 | n
    }
}

/// One value: its identifier octet, its contents, and all of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

/// Values that follow one another. Each call takes the next one, whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a> {
    rest: &'a [u8],
}

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), NotDer> {
        if self.rest.is_empty() { Ok(()) } else { Err(NotDer) }
    }

    /// The next identifier octet, unread.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is. Identifiers of more than one octet do
    /// not occur in what is read here; the indefinite length is not DER.
    pub(crate) fn any(&mut self) -> Result<Value<'a>, NotDer> {
        let all = self.rest;
        let (&tag, rest) = all.split_first().ok_or(NotDer)?;
        if tag & 0x1f == 0x1f {
            return Err(NotDer);
        }
        let (&first, rest) = rest.split_first().ok_or(NotDer)?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            // Four octets are 4 GiB. A length is written in the fewest octets.
            if count == 0 || count > 4 {
                return Err(NotDer);
            }
            let (octets, rest) = rest.split_at_checked(count).ok_or(NotDer)?;
            let length = octets.iter().fold(0u64, |sum, &octet| (sum << 8) | u64::from(octet));
            if length < 0x80 || octets.first() == Some(&0) {
                return Err(NotDer);
            }
            (usize::try_from(length).map_err(|_| NotDer)?, rest)
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(NotDer)?;
        let (bytes, _) = all.split_at_checked(all.len() - rest.len()).ok_or(NotDer)?;
        self.rest = rest;
        Ok(Value { tag, content, bytes })
    }

    /// The next value, which must have this tag.
    pub(crate) fn value(&mut self, tag: u8) -> Result<Value<'a>, NotDer> {
        if self.peek() == Some(tag) { self.any() } else { Err(NotDer) }
    }

    /// The next value's contents, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.peek() == Some(tag) { self.content(tag).map(Some) } else { Ok(None) }
    }

    /// The contents of the next value, which must have this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        self.value(tag).map(|value| value.content)
    }

    /// Into the next value, which must have this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Der<'a>, NotDer> {
        self.content(tag).map(Der::new)
    }

    /// A BOOLEAN: 0x00 or 0xff (X.690 section 11.1).
    pub(crate) fn boolean(&mut self) -> Result<bool, NotDer> {
        match self.content(tag::BOOLEAN)? {
            [0x00] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(NotDer),
        }
    }

    /// The octets of an INTEGER in two's complement, the fewest that hold it
    /// (X.690 section 8.3.2).
    pub(crate) fn integer(&mut self) -> Result<&'a [u8], NotDer> {
        let content = self.content(tag::INTEGER)?;
        if minimal_integer(content) { Ok(content) } else { Err(NotDer) }
    }

    /// A non-negative INTEGER without the zero octet that a set first bit takes.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], NotDer> {
        match self.integer()? {
            [0, magnitude @ ..] if !magnitude.is_empty() => Ok(magnitude),
            [first, ..] if *first >= 0x80 => Err(NotDer),
            content => Ok(content),
        }
    }

    /// An OBJECT IDENTIFIER's contents.
    pub(crate) fn oid(&mut self) -> Result<&'a [u8], NotDer> {
        let content = self.content(tag::OID)?;
        if well_formed_oid(content) { Ok(content) } else { Err(NotDer) }
    }

    /// A BIT STRING of whole octets.
    pub(crate) fn octet_aligned_bits(&mut self) -> Result<&'a [u8], NotDer> {
        match self.content(tag::BIT_STRING)? {
            [0, octets @ ..] => Ok(octets),
            _ => Err(NotDer),
        }
    }
}

/// Whether an INTEGER's contents are the fewest octets that hold it.
pub(crate) fn minimal_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0x00, next, ..] => *next >= 0x80,
        [0xff, next, ..] => *next < 0x80,
        _ => true,
    }
}

/// Whether a BIT STRING's contents, its number of unused bits first, are what
/// DER writes: at most seven of them, in an octet that is there, all zero (X.690
/// sections 8.6.2 and 11.2.1).
pub(crate) fn well_formed_bits(content: &[u8]) -> bool {
    match content {
        [] => false,
        [unused] => *unused == 0,
        [unused, .., last] => *unused < 8 && last & !(0xff << unused) == 0,
    }
}

/// Whether an OBJECT IDENTIFIER's contents are whole: one part at least, each
/// in the fewest octets, the last one not cut short (X.690 section 8.19.2).
pub(crate) fn well_formed_oid(content: &[u8]) -> bool {
    let mut open = false;
    for octet in content {
        if !open && *octet == 0x80 {
            return false;
        }
        open = *octet >= 0x80;
    }
    !open && !content.is_empty()
}

/// An OBJECT IDENTIFIER's contents in dotted decimal; a part that does not fit
/// 64 bits, or one that is cut short, is written `?`.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut part = Some(0u64);
    let mut open = false;
    for &octet in oid {
        open = octet & 0x80 != 0;
        part = part
            .and_then(|sum| sum.checked_mul(128))
            .and_then(|sum| sum.checked_add(u64::from(octet & 0x7f)));
        if open {
            continue;
        }
        match part {
            Some(first) if text.is_empty() => {
                // The first two numbers share one part (X.690 section 8.19.4).
                let root = (first / 40).min(2);
                text.push_str(&format!("{root}.{}", first - root * 40));
            }
            Some(number) => text.push_str(&format!(".{number}")),
            None => text.push_str(".?"),
        }
        part = Some(0);
    }
    if open || text.is_empty() {
        text.push('?');
    }
    text
}

/// A value, written: for tests.
#[cfg(test)]
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ ..0x80 => out.push(short as u8),
        middle @ ..0x100 => out.extend([0x81, middle as u8]),
        long => out.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_form() {
        let read = |bytes: &[u8]| Der::new(bytes).any().map(|value| value.content.len());
        assert_eq!(read(&[0x04, 0x01, 7]), Ok(1));
        assert_eq!(read(&[0x04, 0x81, 0x01, 7]), Err(NotDer), "127 and less in one octet");
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([7; 128]);
        assert_eq!(read(&long), Ok(128));
        let mut padded = vec![0x04, 0x82, 0x00, 0x80];
        padded.extend([7; 128]);
        assert_eq!(read(&padded), Err(NotDer), "no leading zero");
        assert_eq!(read(&[0x24, 0x80, 0, 0]), Err(NotDer), "indefinite");
        assert_eq!(read(&[0x04, 0x85, 1, 0, 0, 0, 0]), Err(NotDer));
        assert_eq!(read(&[0x04, 0x02, 7]), Err(NotDer), "cut short");
        assert_eq!(read(&[0x1f, 0x01, 7]), Err(NotDer), "long tag");
        assert_eq!(read(&[]), Err(NotDer));
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut der = Der::new(&[0x02, 0x01, 5, 0x05, 0x00]);
        assert_eq!(der.content(tag::OCTET_STRING), Err(NotDer));
        assert_eq!(der.unsigned(), Ok(&[5u8][..]));
        assert_eq!(der.finish(), Err(NotDer));
        assert_eq!(der.optional(tag::OID), Ok(None));
        assert_eq!(der.optional(0x05), Ok(Some(&[][..])));
        assert_eq!(der.finish(), Ok(()));
    }

    #[test]
    fn numbers_and_booleans_are_canonical() {
        assert_eq!(Der::new(&[2, 1, 0]).unsigned(), Ok(&[0u8][..]));
        assert_eq!(Der::new(&[2, 2, 0, 0x80]).unsigned(), Ok(&[0x80u8][..]));
        assert_eq!(Der::new(&[2, 2, 0, 0x7f]).unsigned(), Err(NotDer));
        assert_eq!(Der::new(&[2, 1, 0x80]).unsigned(), Err(NotDer), "negative");
        assert_eq!(Der::new(&[2, 2, 0xff, 0x80]).integer(), Err(NotDer));
        assert_eq!(Der::new(&[2, 0]).integer(), Err(NotDer));
        assert_eq!(Der::new(&[1, 1, 0xff]).boolean(), Ok(true));
        assert_eq!(Der::new(&[1, 1, 0]).boolean(), Ok(false));
        assert_eq!(Der::new(&[1, 1, 1]).boolean(), Err(NotDer));
        assert_eq!(Der::new(&[3, 2, 0, 9]).octet_aligned_bits(), Ok(&[9u8][..]));
        assert_eq!(Der::new(&[3, 2, 1, 8]).octet_aligned_bits(), Err(NotDer));
    }

    #[test]
    fn bit_strings_and_object_identifiers_have_one_form() {
        for (bits, good) in [
            (&[][..], false),
            (&[0], true),
            (&[1], false),
            (&[0, 0xff], true),
            (&[1, 0xfe], true),
            (&[1, 0xff], false),
            (&[7, 0x80], true),
            (&[7, 0xc0], false),
            (&[8, 0], false),
            (&[9, 0], false),
            (&[3, 0xff, 0xf8], true),
        ] {
            assert_eq!(well_formed_bits(bits), good, "{bits:x?}");
        }
        for (oid, good) in [
            (&[0x55, 0x1d, 0x11][..], true),
            (&[], false),
            (&[0x2a, 0x86, 0x48], true),
            (&[0x2a, 0x86], false),
            (&[0x80, 0x01], false),
            (&[0x2a, 0x80, 0x01], false),
            (&[0x2a, 0x81, 0x80, 0x01], true),
        ] {
            assert_eq!(well_formed_oid(oid), good, "{oid:x?}");
            assert_eq!(Der::new(&tlv(tag::OID, &[oid])).oid().is_ok(), good, "{oid:x?}");
        }
        assert_eq!(Der::new(&[5, 1, 0x2a]).oid(), Err(NotDer));
    }

    #[test]
    fn object_identifiers_in_words() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), "1.2.840.10045.2.1");
        assert_eq!(dotted(&[0x67, 0x81, 0x0c, 1, 2, 1]), "2.23.140.1.2.1");
        assert_eq!(dotted(&[0x55, 0x1d, 0x11]), "2.5.29.17");
        assert_eq!(dotted(&[0x88, 0x37]), "2.999");
        assert_eq!(dotted(&[]), "?");
        assert_eq!(dotted(&[0x2a, 0x86]), "1.2?");
        let huge = [&[0x2a][..], &[0xff; 20], &[0x7f]].concat();
        assert_eq!(dotted(&huge), "1.2.?");
    }
}
