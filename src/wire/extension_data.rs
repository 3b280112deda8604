//! What the extensions hold that is more than a number or a string: key shares,
//! pre-shared keys, names.

use super::codec::{Codec, List16};
use super::codepoints::*;
use super::list::{Item, List, repeats};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// A public key for a group (RFC 9846 section 4.3.8).
///
/// ```
/// use handfast::wire::{Item, KeyShareEntry, NamedGroup, Reader, Writer};
/// let bytes = [0, 0x1d, 0, 2, 8, 9];
/// let share = KeyShareEntry::read(&mut Reader::new(&bytes))?;
/// assert_eq!(share, KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[8, 9] });
/// let mut written = Vec::new();
/// share.write(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareEntry<'a> {
    /// The group.
    pub group: NamedGroup,
    /// The key in the group's own form, not looked into (1 to 65535 bytes).
    pub key_exchange: &'a [u8],
}

impl<'a> Item<'a> for KeyShareEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok(Self { group: NamedGroup::read(reader)?, key_exchange: reader.vec16(1..=0xffff)? })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        self.group.write(writer);
        writer.vec16(|w| w.bytes(self.key_exchange));
    }
}

/// The name of an application protocol, such as `h2` (RFC 7301 section 3.1; 1
/// to 255 bytes).
///
/// ```
/// use handfast::wire::{List, ProtocolName};
/// let offered = List::<ProtocolName<'_>>::parse(b"\x02h2\x08http/1.1")?;
/// assert_eq!(offered, List::from(&[ProtocolName(b"h2"), ProtocolName(b"http/1.1")]));
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolName<'a>(pub &'a [u8]);

impl<'a> Item<'a> for ProtocolName<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.vec8(1..=0xff).map(Self)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec8(|w| w.bytes(self.0));
    }
}

/// The name of a certificate authority: a DER-encoded X.501 Name, not looked
/// into (RFC 9846 section 4.3.4; 1 to 65535 bytes).
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// use handfast::{pki::Certificate, wire::{DistinguishedName, Item, Writer}};
/// let authority = Certificate::read(made.cert.der())?;
/// let mut written = Vec::new();
/// DistinguishedName(authority.subject_der()).write(&mut Writer::new(&mut written));
/// assert_eq!(written[2..], *authority.subject_der()); // behind its length
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistinguishedName<'a>(pub &'a [u8]);

impl<'a> Item<'a> for DistinguishedName<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.vec16(1..=0xffff).map(Self)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec16(|w| w.bytes(self.0));
    }
}

/// The wish for a stapled certificate status (RFC 6066 section 8).
///
/// ```
/// use handfast::wire::{CertificateStatusRequest, Item, Writer};
/// let mut written = Vec::new();
/// CertificateStatusRequest::OCSP.write(&mut Writer::new(&mut written));
/// assert_eq!(written, [1, 0, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatusRequest<'a> {
    /// The form of the status.
    pub status_type: CertificateStatusType,
    /// What that form asks; for OCSP a list of responders and a block of OCSP's
    /// own extensions, both of which clients leave empty.
    pub request: &'a [u8],
}

impl CertificateStatusRequest<'static> {
    /// The wish for an OCSP response, from any responder.
    pub const OCSP: Self = Self { status_type: CertificateStatusType::OCSP, request: &[0, 0, 0, 0] };
}

impl<'a> Item<'a> for CertificateStatusRequest<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let status_type = CertificateStatusType::read(reader)?;
        let request = reader.rest();
        if status_type == CertificateStatusType::OCSP {
            let mut inside = Reader::new(request);
            let mut responders = Reader::new(inside.vec16(0..=0xffff)?);
            while !responders.is_empty() {
                responders.vec16(1..=0xffff)?;
            }
            inside.vec16(0..=0xffff)?;
            inside.finish()?;
        }
        Ok(Self { status_type, request })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        self.status_type.write(writer);
        writer.bytes(self.request);
    }
}

/// The pre-shared keys that a client offers (RFC 9846 section 4.3.11): as many
/// binders as identities, in the same order.
///
/// ```
/// use handfast::wire::{List, OfferedPsks, PskBinderEntry, PskIdentity};
/// let identities = [PskIdentity { identity: b"a ticket", obfuscated_ticket_age: 1 }];
/// let binders = [PskBinderEntry(&[7; 32])];
/// let offered = OfferedPsks { identities: List::from(&identities), binders: List::from(&binders) };
/// assert_eq!(offered.binders_len(), 2 + 1 + 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedPsks<'a> {
    /// Which keys.
    pub identities: List<'a, PskIdentity<'a>>,
    /// The proof that the client has them: an HMAC over the ClientHello up to here.
    pub binders: List<'a, PskBinderEntry<'a>>,
}

impl OfferedPsks<'_> {
    /// Bytes at the end of the ClientHello that the binders do not cover: the
    /// binders themselves and their length (RFC 9846 section 4.3.11.2).
    pub fn binders_len(&self) -> usize {
        let each = self.binders.iter().map(|binder| binder.0.len().saturating_add(1));
        each.fold(2, usize::saturating_add)
    }
}

impl<'a> Item<'a> for OfferedPsks<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let offered = Self {
            identities: List::parse(reader.vec16(7..=0xffff)?)?,
            binders: List::parse(reader.vec16(33..=0xffff)?)?,
        };
        if offered.identities.len() != offered.binders.len() {
            return Err(Fault::BadValue);
        }
        Ok(offered)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec16(|w| self.identities.write(w));
        writer.vec16(|w| self.binders.write(w));
    }
}

/// The name of a pre-shared key (RFC 9846 section 4.3.11).
///
/// ```
/// use handfast::wire::{Item, PskIdentity, Reader};
/// let read = PskIdentity::read(&mut Reader::new(&[0, 2, 8, 9, 0, 0, 1, 0]))?;
/// assert_eq!(read, PskIdentity { identity: &[8, 9], obfuscated_ticket_age: 256 });
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskIdentity<'a> {
    /// A ticket, or a name agreed outside of TLS (1 to 65535 bytes).
    pub identity: &'a [u8],
    /// The ticket's age in milliseconds plus its `ticket_age_add`, modulo 2^32.
    pub obfuscated_ticket_age: u32,
}

impl<'a> Item<'a> for PskIdentity<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok(Self { identity: reader.vec16(1..=0xffff)?, obfuscated_ticket_age: reader.u32()? })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec16(|w| w.bytes(self.identity));
        writer.u32(self.obfuscated_ticket_age);
    }
}

/// A binder (RFC 9846 section 4.3.11; 32 to 255 bytes).
///
/// ```
/// use handfast::{Fault, wire::{Item, PskBinderEntry, Reader}};
/// let bytes = [32; 33]; // a length, and an HMAC by SHA-256
/// let read = PskBinderEntry::read(&mut Reader::new(&bytes));
/// assert_eq!(read, Ok(PskBinderEntry(&[32; 32])));
/// assert_eq!(PskBinderEntry::read(&mut Reader::new(&[1, 7])), Err(Fault::BadLength));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskBinderEntry<'a>(pub &'a [u8]);

impl<'a> Item<'a> for PskBinderEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.vec8(32..=0xff).map(Self)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec8(|w| w.bytes(self.0));
    }
}

/// How many tickets a client would like to get (RFC 9149 section 3).
///
/// ```
/// use handfast::wire::{Item, Reader, TicketRequest};
/// let read = TicketRequest::read(&mut Reader::new(&[4, 1]))?;
/// assert_eq!(read, TicketRequest { new_session_count: 4, resumption_count: 1 });
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// Where the server begins a session.
    pub new_session_count: u8,
    /// Where it resumes one of this ClientHello.
    pub resumption_count: u8,
}

impl Item<'_> for TicketRequest {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self { new_session_count: reader.u8()?, resumption_count: reader.u8()? })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(self.new_session_count);
        writer.u8(self.resumption_count);
    }
}

/// A ServerNameList of exactly one host name (RFC 6066 section 3): no address,
/// no dot at its end, and nothing that a log or a file's name could choke on.
pub(super) struct HostName;

impl<'a> Codec<'a, &'a [u8]> for HostName {
    fn read(reader: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
        const HOST_NAME: u8 = 0;
        let mut list = Reader::new(reader.vec16(1..=0xffff)?);
        if list.u8()? != HOST_NAME {
            return Err(Fault::BadServerName);
        }
        let name = list.vec16(1..=0xffff)?;
        let host = std::str::from_utf8(name).is_ok_and(|name| is_host(name) && !ends_in_number(name));
        if list.is_empty() && host { Ok(name) } else { Err(Fault::BadServerName) }
    }
    fn write(name: &'a [u8], writer: &mut Writer<'_>) {
        writer.vec16(|w| {
            w.u8(0);
            w.vec16(|w| w.bytes(name));
        });
    }
}

/// A DNS host name: letters, digits, hyphens not at the ends of a label (RFC 1123
/// section 2.1); underscores, which hosts in private networks have.
pub(crate) fn is_host(name: &str) -> bool {
    let mut label = 0;
    let mut last = b'.';
    for octet in name.bytes() {
        label = match octet {
            _ if INNER.get(usize::from(octet)) == Some(&true) => label + 1,
            b'-' if label > 0 => label + 1,
            b'.' if (1..=63).contains(&label) && last != b'-' => 0,
            _ => return false,
        };
        last = octet;
    }
    name.len() <= 253 && (1..=63).contains(&label) && last != b'-'
}

/// What may stand anywhere in a label.
static INNER: [bool; 256] = {
    let mut inner = [false; 256];
    let mut octet = 0u8;
    while octet < 128 {
        inner[octet as usize] = octet.is_ascii_alphanumeric() || octet == b'_';
        octet += 1;
    }
    inner
};

/// Whether it could be taken for an IPv4 address: no top-level domain is a number.
pub(crate) fn ends_in_number(name: &str) -> bool {
    name.bytes().rev().take_while(|octet| *octet != b'.').all(|octet| octet.is_ascii_digit())
}

/// A ProtocolNameList of exactly one name (RFC 7301 section 3.1).
pub(super) struct ChosenProtocol;

impl<'a> Codec<'a, ProtocolName<'a>> for ChosenProtocol {
    fn read(reader: &mut Reader<'a>) -> Result<ProtocolName<'a>, Fault> {
        let names = List::<ProtocolName<'a>>::parse(reader.vec16(2..=0xffff)?)?;
        let mut names = names.iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            _ => Err(Fault::BadAlpnChoice),
        }
    }
    fn write(name: ProtocolName<'a>, writer: &mut Writer<'_>) {
        writer.vec16(|w| name.write(w));
    }
}

/// `KeyShareEntry client_shares<0..2^16-1>`, at most one a group.
pub(super) struct ClientShares;

impl<'a> Codec<'a, List<'a, KeyShareEntry<'a>>> for ClientShares {
    fn read(reader: &mut Reader<'a>) -> Result<List<'a, KeyShareEntry<'a>>, Fault> {
        let shares: List<'a, KeyShareEntry<'a>> = List16::<0, 0xffff>::read(reader)?;
        if repeats(shares.iter().map(|share| share.group.0)) {
            return Err(Fault::DuplicateShare);
        }
        Ok(shares)
    }
    fn write(shares: List<'a, KeyShareEntry<'a>>, writer: &mut Writer<'_>) {
        List16::<0, 0xffff>::write(shares, writer);
    }
}

/// At least 64 (RFC 8449 section 4).
pub(super) struct RecordSizeLimit;

impl Codec<'_, u16> for RecordSizeLimit {
    fn read(reader: &mut Reader<'_>) -> Result<u16, Fault> {
        let limit = reader.u16()?;
        if limit < 64 { Err(Fault::BadValue) } else { Ok(limit) }
    }
    fn write(limit: u16, writer: &mut Writer<'_>) {
        writer.u16(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T, C: Codec<'a, T>>(bytes: &'a [u8]) -> Result<T, Fault> {
        let mut reader = Reader::new(bytes);
        let value = C::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    #[rustfmt::skip] // a list
    const NO_HOSTS: [&str; 24] = [
        "127.0.0.1", "1", "a.1", "127.1", "::1", "[::1]", "2001:db8::1", "fe80::1%eth0",
        "a.", ".", ".a", "a..b", "-a", "a-", "a.-b", "a-.b",
        "a b", "a\nb", "a\r\nSet-Cookie: b", "a\x1b[2J", "../etc/passwd", "a/b", "a\\b", "*.a",
    ];

    fn server_name(entries: &[(u8, &[u8])]) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).vec16(|w| {
            for (name_type, name) in entries {
                w.u8(*name_type);
                w.vec16(|w| w.bytes(name));
            }
        });
        read::<_, HostName>(&bytes).map(<[u8]>::to_vec)
    }

    #[test]
    fn hosts_are_labels_between_dots() {
        let (most, long) = ("a".repeat(63), "a".repeat(64));
        let whole = [most.as_str(); 3].join(".");
        for (name, good) in [
            ("a", true),
            ("a.b", true),
            ("A-b.c_d.0", true),
            ("_a.b_", true),
            (&most, true),
            (&long, false),
            (&format!("{most}.a"), true),
            (&format!("{long}.a"), false),
            (&format!("{whole}.{}", "a".repeat(61)), true),
            (&format!("{whole}.{}", "a".repeat(62)), false),
            ("", false),
            (".", false),
            (".a", false),
            ("a.", false),
            ("a..b", false),
            ("-a", false),
            ("a-", false),
            ("a-.b", false),
            ("a.-b", false),
            ("a b", false),
            ("a*", false),
            ("ä", false),
        ] {
            assert_eq!(is_host(name), good, "{name}");
        }
        for (name, number) in [("1", true), ("a.1", true), ("1.a", false), ("1a", false), ("a.", true)] {
            assert_eq!(ends_in_number(name), number, "{name}");
        }
    }

    #[test]
    fn a_server_name_is_exactly_one_host_name() {
        assert_eq!(server_name(&[(0, b"example.com")]), Ok(b"example.com".to_vec()));
        let longest = [&[b'a'; 63][..], &[b'b'; 63], &[b'c'; 63], &[b'd'; 61]].join(&b'.');
        let long = [b"a.", &longest[..252]].concat();
        for name in [&longest[..], b"a", b"A-1.b--c.xn--bcher-kva", b"_dns.h_st", b"1.2.3.x4", b"0x7f.1e"] {
            assert_eq!(server_name(&[(0, name)]), Ok(name.to_vec()), "{}", name.escape_ascii());
        }
        for (entries, fault) in [
            (&[][..], Fault::BadLength),
            (&[(0, &b""[..])], Fault::BadLength),
            (&[(0, &long)], Fault::BadServerName),
            (&[(0, &[b'a'; 64])], Fault::BadServerName),
            (&[(1, b"example.com")], Fault::BadServerName),
            (&[(0, b"a"), (0, b"b")], Fault::BadServerName),
            (&[(0, b"a"), (1, b"b")], Fault::BadServerName),
            (&[(0, b"a\0b")], Fault::BadServerName),
            (&[(0, "b\u{fc}cher".as_bytes())], Fault::BadServerName),
        ] {
            assert_eq!(server_name(entries), Err(fault), "{entries:?}");
        }
        for name in NO_HOSTS {
            let name = name.as_bytes();
            assert_eq!(server_name(&[(0, name)]), Err(Fault::BadServerName), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_chosen_protocol_is_exactly_one() {
        assert_eq!(read::<_, ChosenProtocol>(b"\0\x03\x02h2"), Ok(ProtocolName(b"h2")));
        assert_eq!(read::<_, ChosenProtocol>(b"\0\x06\x02h2\x02h3"), Err(Fault::BadAlpnChoice));
        assert_eq!(read::<_, ChosenProtocol>(b"\0\0"), Err(Fault::BadLength));
        assert_eq!(read::<_, ChosenProtocol>(b"\0\x02\0\0"), Err(Fault::BadLength));
    }

    #[test]
    fn a_group_has_one_share() {
        let shares = |bytes| read::<_, ClientShares>(bytes).map(|shares| shares.len());
        assert_eq!(shares(&[0, 0]), Ok(0));
        assert_eq!(shares(&[0, 10, 0, 29, 0, 1, 7, 0, 23, 0, 1, 7]), Ok(2));
        assert_eq!(shares(&[0, 10, 0, 29, 0, 1, 7, 0, 29, 0, 1, 8]), Err(Fault::DuplicateShare));
        assert_eq!(shares(&[0, 4, 0, 29, 0, 0]), Err(Fault::BadLength));
    }

    #[test]
    fn a_record_size_limit_is_at_least_64() {
        assert_eq!(read::<_, RecordSizeLimit>(&[0, 64]), Ok(64));
        assert_eq!(read::<_, RecordSizeLimit>(&[0, 63]), Err(Fault::BadValue));
    }

    #[test]
    fn pre_shared_keys_keep_their_bounds() {
        let psks = |identities: &[&[u8]], binders: &[&[u8]]| {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            writer.vec16(|w| {
                for identity in identities {
                    w.vec16(|w| w.bytes(identity));
                    w.u32(9);
                }
            });
            writer.vec16(|w| binders.iter().for_each(|binder| w.vec8(|w| w.bytes(binder))));
            OfferedPsks::read(&mut Reader::new(&bytes)).map(|psks| psks.binders_len())
        };
        assert_eq!(psks(&[b"a"], &[&[7; 32]]), Ok(2 + 33));
        assert_eq!(psks(&[b"a", b"b"], &[&[7; 32], &[7; 48]]), Ok(2 + 33 + 49));
        assert_eq!(psks(&[b"a", b"b"], &[&[7; 32]]), Err(Fault::BadValue));
        assert_eq!(psks(&[b"a"], &[&[7; 32], &[7; 48]]), Err(Fault::BadValue));
        assert_eq!(psks(&[], &[&[7; 32]]), Err(Fault::BadLength));
        assert_eq!(psks(&[b"a"], &[]), Err(Fault::BadLength));
        assert_eq!(psks(&[b""], &[&[7; 32]]), Err(Fault::BadLength));
        assert_eq!(psks(&[b"", b"a"], &[&[7; 32], &[7; 32]]), Err(Fault::BadLength));
        assert_eq!(psks(&[b"a"], &[&[7; 31]]), Err(Fault::BadLength));
        assert_eq!(psks(&[b"a", b"b"], &[&[7; 31], &[7; 32]]), Err(Fault::BadLength));
    }

    #[test]
    fn a_status_request_of_another_form_is_passed_over() {
        let read = |bytes| CertificateStatusRequest::read(&mut Reader::new(bytes));
        assert_eq!(read(&[1, 0, 0, 0, 0]), Ok(CertificateStatusRequest::OCSP));
        let other = read(&[9, 1, 2]).unwrap();
        assert_eq!((other.status_type.0, other.request), (9, &[1, 2][..]));
        assert_eq!(read(&[1, 0, 2, 0, 0, 0, 0]), Err(Fault::BadLength));
    }

    #[test]
    fn names_are_not_empty() {
        assert_eq!(ProtocolName::read(&mut Reader::new(&[0])), Err(Fault::BadLength));
        assert_eq!(DistinguishedName::read(&mut Reader::new(&[0, 0])), Err(Fault::BadLength));
    }
}
