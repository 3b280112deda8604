//! The RFCs' notation for a field as types (RFC 9846 section 3): a table row
//! that says `List16<2, 0xffff>` means `T field<2..2^16-1>`.

use super::list::{Item, List};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// How a `T` stands on the wire.
pub(super) trait Codec<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<T, Fault>;
    fn write(value: T, writer: &mut Writer<'_>);
}

/// Nothing at all: that the extension stands there is all it says.
pub(super) struct Flag;

/// One value, as it stands in a vector too.
pub(super) struct Value;

/// `opaque field<MIN..MAX>` with a length of one byte.
pub(super) struct Opaque8<const MIN: usize, const MAX: usize>;

/// `opaque field<MIN..MAX>` with a length of two bytes.
pub(super) struct Opaque16<const MIN: usize, const MAX: usize>;

/// Everything to the end.
pub(super) struct Rest;

/// `T field<MIN..MAX>` with a length of one byte.
pub(super) struct List8<const MIN: usize, const MAX: usize>;

/// `T field<MIN..MAX>` with a length of two bytes.
pub(super) struct List16<const MIN: usize, const MAX: usize>;

impl Codec<'_, ()> for Flag {
    fn read(_: &mut Reader<'_>) -> Result<(), Fault> {
        Ok(())
    }
    fn write((): (), _: &mut Writer<'_>) {}
}

impl<'a, T: Item<'a>> Codec<'a, T> for Value {
    fn read(reader: &mut Reader<'a>) -> Result<T, Fault> {
        T::read(reader)
    }
    fn write(value: T, writer: &mut Writer<'_>) {
        value.write(writer);
    }
}

impl<'a> Codec<'a, &'a [u8]> for Rest {
    fn read(reader: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
        Ok(reader.rest())
    }
    fn write(value: &'a [u8], writer: &mut Writer<'_>) {
        writer.bytes(value);
    }
}

macro_rules! vectors {
    ($($opaque:ident $vec:ident)*; $($list:ident $list_vec:ident)*) => {
        $(impl<'a, const MIN: usize, const MAX: usize> Codec<'a, &'a [u8]> for $opaque<MIN, MAX> {
            fn read(reader: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
                reader.$vec(MIN..=MAX)
            }
            fn write(value: &'a [u8], writer: &mut Writer<'_>) {
                writer.$vec(|w| w.bytes(value));
            }
        })*
        $(impl<'a, T: Item<'a>, const MIN: usize, const MAX: usize> Codec<'a, List<'a, T>> for $list<MIN, MAX> {
            fn read(reader: &mut Reader<'a>) -> Result<List<'a, T>, Fault> {
                List::parse(reader.$list_vec(MIN..=MAX)?)
            }
            fn write(value: List<'a, T>, writer: &mut Writer<'_>) {
                writer.$list_vec(|w| value.write(w));
            }
        })*
    };
}

vectors! { Opaque8 vec8 Opaque16 vec16; List8 vec8 List16 vec16 }

impl Item<'_> for u8 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.u8()
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(*self);
    }
}

impl Item<'_> for u16 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.u16()
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u16(*self);
    }
}

impl Item<'_> for u32 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.u32()
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(*self);
    }
}
