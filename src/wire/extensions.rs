//! Extensions (RFC 9846 section 4.3): which may stand in which message, and
//! the block of them that ends a message.
//!
//! Reading a block allocates nothing and takes time linear in its length, also
//! when a peer fills it with thousands of unknown extensions.

use super::codepoints::ExtensionType;
use super::list::{Item, Iter, List, repeats};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;
use std::fmt;

/// A message that carries extensions.
///
/// ```
/// use handfast::wire::{ExtensionType, Place};
/// let places = Place::ALL.into_iter().filter(|place| place.allows(ExtensionType::COOKIE));
/// assert_eq!(places.collect::<Vec<_>>(), [Place::ClientHello, Place::HelloRetryRequest]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// ClientHello, in both versions.
    ClientHello,
    /// ServerHello of TLS 1.2.
    ServerHello12,
    /// ServerHello of TLS 1.3.
    ServerHello13,
    /// HelloRetryRequest.
    HelloRetryRequest,
    /// EncryptedExtensions.
    EncryptedExtensions,
    /// One entry of a TLS 1.3 Certificate.
    Certificate,
    /// CertificateRequest of TLS 1.3.
    CertificateRequest,
    /// NewSessionTicket of TLS 1.3.
    NewSessionTicket,
}

impl Place {
    /// Every message that carries extensions.
    pub const ALL: [Self; 8] = [
        Self::ClientHello,
        Self::ServerHello12,
        Self::ServerHello13,
        Self::HelloRetryRequest,
        Self::EncryptedExtensions,
        Self::Certificate,
        Self::CertificateRequest,
        Self::NewSessionTicket,
    ];

    /// Whether the message answers one of the peer's, so that it may hold only
    /// what was asked for (RFC 9846 section 4.3).
    pub const fn answers(self) -> bool {
        !matches!(self, Self::ClientHello | Self::CertificateRequest | Self::NewSessionTicket)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Where an extension that this crate reads may stand, one bit a place; 0
    /// for an extension that it does not read. RFC 9846 section 4.3's table;
    /// for TLS 1.2's ServerHello the section that defines each.
    const fn table(extension: ExtensionType) -> u8 {
        const CH: u8 = Place::ClientHello.bit();
        const SH12: u8 = Place::ServerHello12.bit();
        const SH: u8 = Place::ServerHello13.bit();
        const HRR: u8 = Place::HelloRetryRequest.bit();
        const EE: u8 = Place::EncryptedExtensions.bit();
        const CT: u8 = Place::Certificate.bit();
        const CR: u8 = Place::CertificateRequest.bit();
        const NST: u8 = Place::NewSessionTicket.bit();
        match extension {
            ExtensionType::SERVER_NAME => CH | SH12 | EE,
            ExtensionType::STATUS_REQUEST => CH | SH12 | CR | CT,
            // RFC 8422 gives it no place in a ServerHello, yet some load
            // balancers put it there: read, and of no consequence.
            ExtensionType::SUPPORTED_GROUPS => CH | SH12 | EE,
            ExtensionType::EC_POINT_FORMATS => CH | SH12,
            ExtensionType::SIGNATURE_ALGORITHMS => CH | CR,
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => CH | SH12 | EE,
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => CH | SH12 | CR | CT,
            ExtensionType::EXTENDED_MASTER_SECRET => CH | SH12,
            ExtensionType::RECORD_SIZE_LIMIT => CH | SH12 | EE,
            ExtensionType::SESSION_TICKET => CH | SH12,
            ExtensionType::PRE_SHARED_KEY => CH | SH,
            ExtensionType::EARLY_DATA => CH | EE | NST,
            ExtensionType::SUPPORTED_VERSIONS => CH | SH | HRR,
            ExtensionType::COOKIE => CH | HRR,
            ExtensionType::PSK_KEY_EXCHANGE_MODES => CH,
            ExtensionType::CERTIFICATE_AUTHORITIES => CH | CR,
            ExtensionType::POST_HANDSHAKE_AUTH => CH,
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => CH | CR,
            ExtensionType::KEY_SHARE => CH | SH | HRR,
            // RFC 9149 section 4.
            ExtensionType::TICKET_REQUEST => CH | EE,
            ExtensionType::RENEGOTIATION_INFO => CH | SH12,
            _ => 0,
        }
    }

    /// Whether this crate reads `extension`, and it may stand here.
    pub const fn allows(self, extension: ExtensionType) -> bool {
        Self::table(extension) & self.bit() != 0
    }
}

impl ExtensionType {
    /// Whether this crate reads the extension in at least one message.
    pub const fn is_read(self) -> bool {
        Place::table(self) != 0
    }
}

/// An extension as it stands in the message, not looked into.
///
/// ```
/// use handfast::wire::{ExtensionType, List, RawExtension};
/// let block = List::<RawExtension<'_>>::parse(&[0, 44, 0, 2, 8, 9, 0x1a, 0x1a, 0, 0])?;
/// let cookie = RawExtension { extension_type: ExtensionType::COOKIE, extension_data: &[8, 9] };
/// assert_eq!((block.len(), block.first()), (2, Some(cookie)));
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawExtension<'a> {
    /// Its type.
    pub extension_type: ExtensionType,
    /// Its body (`extension_data<0..2^16-1>`).
    pub extension_data: &'a [u8],
}

impl<'a> Item<'a> for RawExtension<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok(Self { extension_type: ExtensionType::read(reader)?, extension_data: reader.vec16(0..=0xffff)? })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        self.extension_type.write(writer);
        writer.vec16(|w| w.bytes(self.extension_data));
    }
}

/// The extensions of a message in their order.
///
/// After decoding these are all that the message had. For encoding they are a
/// template: its extensions come first, in its order. One that this crate reads
/// gets its body from the struct's field, and is left out if that is empty; any
/// other (GREASE, padding, a type of your own) is written as it is. So a decoded
/// message is encoded to the same bytes, and a changed field is not lost.
///
/// Two are equal when their extensions that this crate does not read are: all
/// else is in the fields.
///
/// ```
/// use handfast::wire::{ExtensionType, RawExtension, RawExtensions};
/// let grease = [RawExtension { extension_type: ExtensionType(0x1a1a), extension_data: &[] }];
/// let raw = RawExtensions::from(&grease);
/// assert_eq!(raw.iter().count(), 1);
/// assert!(raw.get(ExtensionType::COOKIE).is_none());
/// ```
#[derive(Clone, Copy, Default)]
pub struct RawExtensions<'a>(List<'a, RawExtension<'a>>);

impl<'a> RawExtensions<'a> {
    /// No extension, and no order of one's own.
    pub const EMPTY: Self = Self(List::values(&[]));

    /// Each extension in its order.
    pub const fn iter(&self) -> Iter<'a, RawExtension<'a>> {
        self.0.iter()
    }

    /// The body of the extension of this type.
    pub fn get(&self, extension_type: ExtensionType) -> Option<&'a [u8]> {
        let mut found = self.iter().filter(|each| each.extension_type == extension_type);
        found.next().map(|each| each.extension_data)
    }

    /// Those that this crate does not read.
    pub fn unread(&self) -> impl Iterator<Item = RawExtension<'a>> + Clone + use<'a> {
        self.iter().filter(|each| !each.extension_type.is_read())
    }

    /// Reads a block, without its length, and checks what can be said without
    /// looking into the extensions.
    pub(super) fn read(block: &'a [u8], place: Place) -> Result<Self, Fault> {
        let all = List::<RawExtension<'a>>::parse(block)?;
        if repeats(all.iter().map(|each| each.extension_type.0)) {
            return Err(Fault::DuplicateExtension);
        }
        let mut pre_shared_key = false;
        for RawExtension { extension_type, .. } in all.iter() {
            if pre_shared_key && place == Place::ClientHello {
                return Err(Fault::PreSharedKeyNotLast);
            }
            pre_shared_key = extension_type == ExtensionType::PRE_SHARED_KEY;
            if extension_type.is_read() {
                if !place.allows(extension_type) {
                    return Err(Fault::MisplacedExtension);
                }
            } else if place.answers() {
                return Err(Fault::UnofferedExtension);
            }
        }
        Ok(Self(all))
    }
}

impl<'a> From<&'a [RawExtension<'a>]> for RawExtensions<'a> {
    fn from(extensions: &'a [RawExtension<'a>]) -> Self {
        Self(List::values(extensions))
    }
}

impl<'a, const N: usize> From<&'a [RawExtension<'a>; N]> for RawExtensions<'a> {
    fn from(extensions: &'a [RawExtension<'a>; N]) -> Self {
        Self::from(&extensions[..])
    }
}

impl PartialEq for RawExtensions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.unread().eq(other.unread())
    }
}

impl Eq for RawExtensions<'_> {}

impl fmt::Debug for RawExtensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of extensions that this crate reads.
///
/// ```
/// use handfast::wire::{ExtensionType, Present};
/// let offered = Present::EMPTY.with(ExtensionType::KEY_SHARE).with(ExtensionType::SERVER_NAME);
/// let answered = Present::EMPTY.with(ExtensionType::SERVER_NAME);
/// assert!(answered.is_subset(offered) && !offered.is_subset(answered));
/// assert_eq!(offered.without(answered).iter().next(), Some(ExtensionType::KEY_SHARE));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Present(u64);

impl Present {
    /// No extension.
    pub const EMPTY: Self = Self(0);

    /// renegotiation_info has the only code beyond 62; its bit is the last.
    const LAST: u32 = 63;

    /// This set and one more. A type that this crate does not read adds nothing.
    #[must_use]
    pub const fn with(self, extension: ExtensionType) -> Self {
        Self(self.0 | Self::bit(extension))
    }

    /// The extensions of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set has this extension.
    pub const fn contains(self, extension: ExtensionType) -> bool {
        self.0 & Self::bit(extension) != 0
    }

    /// Whether every extension of this set is in `other`: an answer's must be
    /// in the offer's (RFC 9846 section 4.3).
    pub const fn is_subset(self, other: Self) -> bool {
        self.without(other).0 == 0
    }

    /// The extensions, by code.
    pub fn iter(self) -> impl Iterator<Item = ExtensionType> {
        (0..=Self::LAST).filter(move |bit| self.0 >> bit & 1 != 0).map(|bit| match bit {
            Self::LAST => ExtensionType::RENEGOTIATION_INFO,
            code => ExtensionType(code as u16),
        })
    }

    const fn bit(extension: ExtensionType) -> u64 {
        match extension {
            ExtensionType::RENEGOTIATION_INFO => 1 << Self::LAST,
            ExtensionType(code) if code < Self::LAST as u16 && extension.is_read() => 1 << code,
            _ => 0,
        }
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A field that an extension fills: an `Option`, or a `bool` for an extension
/// without a body.
pub(super) trait Field {
    type Value;
    fn filled(value: Self::Value) -> Self;
    fn value(self) -> Option<Self::Value>;
}

impl<T> Field for Option<T> {
    type Value = T;
    fn filled(value: T) -> Self {
        Some(value)
    }
    fn value(self) -> Self {
        self
    }
}

impl Field for bool {
    type Value = ();
    fn filled((): ()) -> Self {
        true
    }
    fn value(self) -> Option<()> {
        self.then_some(())
    }
}

/// A struct of a message's extensions, from a table: a row is a field, its
/// type, the extension, and the notation of its body. Rows stand in the order
/// in which the extensions are written; `last` names one that no template moves.
macro_rules! extension_fields {
    ($(#[$doc:meta])* $name:ident<$a:lifetime> {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $extension:ident, $codec:ty;)*
    } $(last $last:ident)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name<$a> {
            $($(#[$field_doc])* pub $field: $type,)*
            /// All extensions as they stood in the message, and those that this
            /// crate does not read.
            pub raw: $crate::wire::extensions::RawExtensions<$a>,
        }

        impl<$a> $name<$a> {
            /// The extensions whose fields are filled.
            pub fn present(&self) -> $crate::wire::extensions::Present {
                use $crate::wire::extensions::{Field, Present};
                let present = Present::EMPTY;
                $(let present = match self.$field.value() {
                    Some(_) => present.with(ExtensionType::$extension),
                    None => present,
                };)*
                present
            }

            /// Whether encoding would write no extension.
            pub fn is_empty(&self) -> bool {
                self.present() == $crate::wire::extensions::Present::EMPTY
                    && self.raw.unread().next().is_none()
            }

            /// Reads a block of extensions, without its length.
            fn read_block(
                block: &$a [u8],
                place: $crate::wire::extensions::Place,
            ) -> Result<Self, $crate::fault::Fault> {
                use $crate::wire::{codec::Codec, extensions::{Field, RawExtensions}};
                let mut fields = Self { raw: RawExtensions::read(block, place)?, ..Self::default() };
                for each in fields.raw.iter() {
                    let mut reader = $crate::wire::reader::Reader::new(each.extension_data);
                    match each.extension_type {
                        $(ExtensionType::$extension => {
                            fields.$field = Field::filled(
                                <$codec as Codec<$a, <$type as Field>::Value>>::read(&mut reader)?,
                            );
                        })*
                        _ => continue,
                    }
                    reader.finish()?;
                }
                Ok(fields)
            }

            /// Writes the block, without its length.
            fn write_block(&self, writer: &mut $crate::wire::writer::Writer<'_>) {
                use $crate::wire::{extensions::Present, list::Item};
                let mut written = Present::EMPTY;
                for each in self.raw.iter() {
                    if !each.extension_type.is_read() {
                        each.write(writer);
                    } else if !written.contains(each.extension_type) && !Self::LAST.contains(each.extension_type) {
                        written = written.with(each.extension_type);
                        self.write_field(each.extension_type, writer);
                    }
                }
                for extension in Self::ORDER.iter().filter(|each| !written.contains(**each)) {
                    self.write_field(*extension, writer);
                }
            }

            const LAST: $crate::wire::extensions::Present =
                $crate::wire::extensions::Present::EMPTY$(.with(ExtensionType::$last))?;

            const ORDER: &'static [ExtensionType] = &[$(ExtensionType::$extension,)*];

            fn write_field(&self, extension: ExtensionType, writer: &mut $crate::wire::writer::Writer<'_>) {
                use $crate::wire::{codec::Codec, extensions::Field, list::Item};
                match extension {
                    $(ExtensionType::$extension => if let Some(value) = self.$field.value() {
                        extension.write(writer);
                        writer.vec16(|w| <$codec as Codec<$a, <$type as Field>::Value>>::write(value, w));
                    },)*
                    _ => {}
                }
            }
        }
    };
}
pub(super) use extension_fields;
