//! Names in certificates: GeneralName (RFC 5280 section 4.2.1.6), host names,
//! wildcards and addresses (RFC 9525 section 6). Everything is linear in the
//! octets compared.

use super::dn::{Name, shown};
use crate::crypto::der::{Der, NotDer, Value, tag, well_formed_oid};
use crate::wire::{ends_in_number, is_host};
use rustls_pki_types::{IpAddr, ServerName};

const RFC822_NAME: u8 = tag::context(1);
const DNS_NAME: u8 = tag::context(2);
const IP_ADDRESS: u8 = tag::context(7);

/// One name of a subjectAltName extension (RFC 5280 section 4.2.1.6). Text is
/// as the certificate has it: ASCII, but not to be trusted or printed as it is.
///
/// ```
/// # let names = ["a.example".to_string(), "192.0.2.1".to_string()];
/// # let made = rcgen::generate_simple_self_signed(names).unwrap();
/// use handfast::pki::{Certificate, GeneralName};
/// let certificate = Certificate::read(made.cert.der())?;
/// let hosts = certificate.names().filter(|name| matches!(name, GeneralName::Dns(_)));
/// assert_eq!(hosts.map(|name| name.text()).collect::<Vec<_>>(), ["a.example"]);
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GeneralName<'a> {
    /// rfc822Name: an email address.
    Email(&'a str),
    /// dNSName: a host name, or `*.` and one.
    Dns(&'a str),
    /// directoryName: a distinguished name in DER.
    Directory(&'a [u8]),
    /// uniformResourceIdentifier.
    Uri(&'a str),
    /// iPAddress: four octets or sixteen.
    Ip(&'a [u8]),
    /// otherName, x400Address, ediPartyName or registeredID: its tag's number
    /// and its contents.
    Other(u8, &'a [u8]),
}

impl<'a> GeneralName<'a> {
    /// `addresses` are the lengths that an iPAddress may have.
    pub(super) fn read(value: Value<'a>, addresses: [usize; 2]) -> Result<Self, NotDer> {
        let name = Self::of(value).ok_or(NotDer)?;
        let well_formed = match name {
            // IA5String: ASCII. An empty base of a constraint is allowed, so
            // whoever reads a subjectAltName looks at emptiness itself.
            Self::Email(text) | Self::Dns(text) | Self::Uri(text) => is_printable(text),
            Self::Directory(name) => Name::read(name).is_ok(),
            Self::Ip(octets) => addresses.contains(&octets.len()),
            Self::Other(0, content) => {
                // OtherName: a type, and [0] EXPLICIT a value.
                let mut other = Der::new(content);
                other.oid()?;
                let mut value = other.inside(tag::constructed(0))?;
                other.finish()?;
                value.any()?;
                value.finish()?;
                true
            }
            Self::Other(8, oid) => well_formed_oid(oid),
            Self::Other(..) => true,
        };
        if well_formed { Ok(name) } else { Err(NotDer) }
    }

    /// By the value's tag alone, where it was read before.
    fn of(value: Value<'a>) -> Option<Self> {
        let text = || std::str::from_utf8(value.content).ok();
        Some(match value.tag {
            RFC822_NAME => Self::Email(text()?),
            DNS_NAME => Self::Dns(text()?),
            0x86 => Self::Uri(text()?),
            0xa4 => Self::Directory(value.content),
            IP_ADDRESS => Self::Ip(value.content),
            0xa0 | 0xa3 | 0xa5 | 0x88 => Self::Other(value.tag & 0x1f, value.content),
            _ => return None,
        })
    }

    /// The name for a person; hostile text is escaped, long text cut.
    pub fn text(&self) -> String {
        const MOST: usize = 120;
        match self {
            Self::Dns(name) => shown(name, MOST),
            Self::Email(name) => format!("email:{}", shown(name, MOST)),
            Self::Uri(name) => format!("URI:{}", shown(name, MOST)),
            Self::Ip(octets) => address_text(octets),
            Self::Directory(name) => match Name::read(name) {
                Ok(name) => format!("directory:{}", name.text()),
                Err(NotDer) => "directory:(malformed)".into(),
            },
            Self::Other(0, _) => "(otherName)".into(),
            Self::Other(3, _) => "(x400Address)".into(),
            Self::Other(5, _) => "(ediPartyName)".into(),
            Self::Other(..) => "(registeredID)".into(),
        }
    }

    /// The same octets for the same name: its form, and the name in lower case
    /// where case says nothing.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let octets = match self {
            Self::Dns(name) => name.to_ascii_lowercase().into_bytes(),
            Self::Email(text) | Self::Uri(text) => text.as_bytes().to_vec(),
            Self::Directory(octets) | Self::Ip(octets) | Self::Other(_, octets) => octets.to_vec(),
        };
        [&[self.form()], &octets[..]].concat()
    }

    /// The number of its tag.
    pub(super) fn form(&self) -> u8 {
        match self {
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::Other(form, _) => *form,
        }
    }
}

/// The names of a subjectAltName extension or of an access location: each was
/// read once, when the extension was taken apart, and what that found is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct GeneralNames<'a> {
    content: &'a [u8],
    /// How many there are.
    pub(super) count: usize,
    /// An rfc822Name is among them.
    pub(super) has_email: bool,
    /// A dNSName that begins with `*.` is.
    pub(super) has_wildcard: bool,
    /// A dNSName is that is not in its strict form.
    pub(super) has_odd_dns: bool,
}

impl<'a> GeneralNames<'a> {
    pub(super) const NONE: Self =
        Self { content: &[], count: 0, has_email: false, has_wildcard: false, has_odd_dns: false };

    /// From an extension's value: at least one name, all of them well formed.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, NotDer> {
        let mut outer = Der::new(value);
        let content = outer.content(tag::SEQUENCE)?;
        outer.finish()?;
        Self::of_content(content)
    }

    /// The same from the contents of the SEQUENCE.
    pub(super) fn of_content(content: &'a [u8]) -> Result<Self, NotDer> {
        let mut all = Self { content, ..Self::NONE };
        let mut names = Der::new(content);
        while !names.is_empty() {
            let value = names.any()?;
            all.count += 1;
            // The usual name, of which nothing else is to be known.
            if let Some(GeneralName::Dns(name)) = GeneralName::of(value) {
                all.has_wildcard |= name.starts_with("*.");
                if is_strict_dns_name(name) {
                    continue;
                }
                all.has_odd_dns = true;
            }
            match general_name(value)? {
                GeneralName::Dns("") | GeneralName::Email("") | GeneralName::Uri("") => return Err(NotDer),
                GeneralName::Email(_) => all.has_email = true,
                _ => {}
            }
        }
        if all.count == 0 { Err(NotDer) } else { Ok(all) }
    }

    /// How many octets they have.
    pub(super) fn octets(&self) -> usize {
        self.content.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        self.values().filter_map(GeneralName::of)
    }

    fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut names = Der::new(self.content);
        std::iter::from_fn(move || names.any().ok())
    }
}

/// One GeneralName that is not a constraint.
pub(super) fn general_name(value: Value<'_>) -> Result<GeneralName<'_>, NotDer> {
    GeneralName::read(value, [4, 16])
}

/// Whether one of the names is the server's (RFC 9525 section 6.3 and 6.5).
pub(super) fn is_named(names: GeneralNames<'_>, server: &ServerName<'_>) -> bool {
    let mut values = names.values();
    match server {
        ServerName::DnsName(host) => {
            let host = host.as_ref();
            let host = host.strip_suffix('.').unwrap_or(host);
            is_host(host)
                && values.any(|value| value.tag == DNS_NAME && dns_matches(value.content, host.as_bytes()))
        }
        ServerName::IpAddress(address) => {
            let octets: &[u8] = match address {
                IpAddr::V4(four) => four.as_ref(),
                IpAddr::V6(sixteen) => sixteen.as_ref(),
            };
            values.any(|value| value.tag == IP_ADDRESS && value.content == octets)
        }
        _ => false,
    }
}

/// The server's name for a person.
pub(super) fn server_text(server: &ServerName<'_>) -> String {
    match server {
        ServerName::DnsName(host) => shown(host.as_ref(), 255),
        ServerName::IpAddress(IpAddr::V4(four)) => address_text(four.as_ref()),
        ServerName::IpAddress(IpAddr::V6(sixteen)) => address_text(sixteen.as_ref()),
        _ => "(a name of an unknown kind)".into(),
    }
}

/// A dNSName against a host name, which is one: equal, or `*.` and the host
/// without its first label. What stands after `*.` has two labels at least.
fn dns_matches(pattern: &[u8], host: &[u8]) -> bool {
    let Some(parent) = pattern.strip_prefix(b"*.") else {
        return pattern.eq_ignore_ascii_case(host);
    };
    // The most of them are of another length.
    let Some(first) = host.len().checked_sub(parent.len() + 1) else {
        return false;
    };
    match host.split_at_checked(first) {
        Some((label, [b'.', rest @ ..])) => {
            !label.contains(&b'.') && rest.contains(&b'.') && rest.eq_ignore_ascii_case(parent)
        }
        _ => false,
    }
}

/// A dNSName in lower case, as hosts are looked up by it; `None` for one that no
/// host matches.
pub(crate) fn dns_pattern(name: &str) -> Option<String> {
    let parent = name.strip_prefix("*.");
    let matches = is_host(parent.unwrap_or(name)) && parent.is_none_or(|parent| parent.contains('.'));
    matches.then(|| name.to_ascii_lowercase())
}

/// Looks up the patterns of [`dns_pattern`] that match a host: its own name, and the
/// wildcard beside it. Neither for what is no host.
pub(crate) fn by_patterns_of<T>(host: &str, look_up: impl Fn(&str) -> Option<T>) -> [Option<T>; 2] {
    let mut octets = [0; 255];
    let octets = match octets.get_mut(..host.len()) {
        Some(octets) if is_host(host) => octets,
        _ => return [None, None],
    };
    octets.copy_from_slice(host.as_bytes());
    octets.make_ascii_lowercase();
    let exact = std::str::from_utf8(octets).ok().and_then(&look_up);
    // The star takes the place of the octet before the first dot.
    let dot = octets.iter().position(|octet| *octet == b'.');
    let wildcard = dot.and_then(|dot| octets.get_mut(dot.checked_sub(1)?..)).and_then(|rest| {
        rest.iter_mut().take(1).for_each(|octet| *octet = b'*');
        std::str::from_utf8(rest).ok().and_then(&look_up)
    });
    [exact, wildcard]
}

/// A dNSName as RFC 5280 section 4.2.1.6 and RFC 9525 section 6.3 have it: a
/// host without underscores, or `*.` and one of two labels at least.
pub(super) fn is_strict_dns_name(name: &str) -> bool {
    let host = match name.strip_prefix("*.") {
        Some(parent) if !parent.contains('.') => return false,
        Some(parent) => parent,
        None => name,
    };
    is_host(host) && !name.as_bytes().contains(&b'_') && !ends_in_number(host)
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ')
}

/// The addresses that a text may mean, in whatever form people write one: IPv4
/// in decimal, octal or hexadecimal, in one part or four (inet_aton), IPv6.
pub(super) struct Addresses<'t> {
    text: &'t str,
    four: [Option<[u8; 4]>; 2],
    six: Option<[u8; 16]>,
}

pub(super) fn addresses_of(text: &str) -> Addresses<'_> {
    let six = match IpAddr::try_from(text) {
        Ok(IpAddr::V6(six)) => Some(*six.as_ref()),
        _ => None,
    };
    Addresses { text, four: [false, true].map(|octal| loose_ipv4(text, octal)), six }
}

impl Addresses<'_> {
    pub(super) fn contains(&self, octets: &[u8]) -> bool {
        self.six.is_some_and(|six| six == octets) || self.four.iter().flatten().any(|four| four == octets)
    }

    /// Whether the text is this address in its usual form.
    pub(super) fn is_text_of(&self, octets: &[u8]) -> bool {
        self.contains(octets) && address_text(octets) == self.text
    }
}

fn loose_ipv4(text: &str, octal: bool) -> Option<[u8; 4]> {
    let mut parts = Vec::new();
    for part in text.split('.') {
        let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if octal && part.len() > 1 && part.starts_with('0') => (part, 8),
            None => (part, 10),
        };
        if parts.len() == 4 || digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        parts.push(u32::from_str_radix(digits, radix).ok()?);
    }
    // The last part fills what the others leave.
    let (last, first) = parts.split_last()?;
    let mut address = u64::from(*last);
    if address >> (8 * (4 - first.len())) != 0 {
        return None;
    }
    for (place, part) in first.iter().enumerate() {
        let octet = u8::try_from(*part).ok()?;
        address |= u64::from(octet) << (8 * (3 - place));
    }
    u32::try_from(address).ok().map(u32::to_be_bytes)
}

/// An address in its usual form (RFC 5952 for IPv6).
fn address_text(octets: &[u8]) -> String {
    if octets.len() == 4 {
        return octets.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
    }
    let (pairs, rest) = octets.as_chunks::<2>();
    if pairs.len() != 8 || !rest.is_empty() {
        return hex::encode(octets);
    }
    let groups: Vec<u16> = pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect();
    // The longest run of zeros, of two groups at least, is `::`.
    let (mut start, mut length, mut run) = (0, 1, 0);
    for (place, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > length {
            (start, length) = (place + 1 - run, run);
        }
    }
    let hex = |groups: &[u16]| groups.iter().map(|g| format!("{g:x}")).collect::<Vec<_>>().join(":");
    if length == 1 {
        return hex(&groups);
    }
    let (head, tail) = groups.split_at_checked(start).unwrap_or((&groups, &[]));
    let tail = tail.get(length..).unwrap_or(&[]);
    format!("{}::{}", hex(head), hex(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::der::tlv;

    fn dns(names: &[&str]) -> Vec<u8> {
        let all: Vec<_> = names.iter().map(|name| tlv(0x82, &[name.as_bytes()])).collect();
        tlv(tag::SEQUENCE, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn matches(pattern: &str, host: &str) -> bool {
        is_host(host) && dns_matches(pattern.as_bytes(), host.as_bytes())
    }

    #[test]
    fn wildcards_are_one_whole_leftmost_label() {
        for (pattern, host, expected) in [
            ("example.com", "example.com", true),
            ("EXAMPLE.com", "example.COM", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "xn--bcher-kva.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.*.example.com", "a.b.example.com", false),
            ("w*.example.com", "www.example.com", false),
            ("*w.example.com", "www.example.com", false),
            ("www.*.com", "www.example.com", false),
            ("*.com", "example.com", false),
            ("*", "localhost", false),
            ("*.", "a.", false),
            ("my_host.lan", "my_host.lan", true),
            ("-a.example.com", "-a.example.com", false),
            ("a..example.com", "a..example.com", false),
            ("example.com.", "example.com", false),
            ("", "", false),
        ] {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    /// Looking a host up finds what comparing finds.
    #[test]
    fn a_host_has_the_patterns_that_match_it() {
        let names = [
            "a.example",
            "A.Example",
            "*.a.example",
            "*.example",
            "*.",
            "*",
            "",
            "*.B.a.example",
            "a..example",
        ];
        let hosts = [
            "a.example",
            "A.EXAMPLE",
            "b.a.example",
            "c.b.a.Example",
            "example",
            "",
            "a.example.",
            "*.a.example",
        ];
        for name in names {
            for host in hosts {
                let found = dns_pattern(name).is_some_and(|name| {
                    let same = |each: &str| (each == name).then_some(());
                    by_patterns_of(host, same).iter().any(Option::is_some)
                });
                assert_eq!(found, matches(name, host), "{name} {host}");
            }
        }
    }

    #[test]
    fn a_name_has_one_canonical_form() {
        let [a, b] = [GeneralName::Dns("A.example"), GeneralName::Dns("a.EXAMPLE")].map(|n| n.canonical());
        assert_eq!(a, b);
        let forms = [
            GeneralName::Dns("a"),
            GeneralName::Email("a"),
            GeneralName::Uri("a"),
            GeneralName::Uri("A"),
            GeneralName::Ip(b"a"),
            GeneralName::Directory(b"a"),
            GeneralName::Other(0, b"a"),
        ];
        let different: std::collections::HashSet<_> = forms.iter().map(GeneralName::canonical).collect();
        assert_eq!(different.len(), forms.len());
    }

    #[test]
    fn server_names_are_found_by_kind() {
        let der = tlv(
            tag::SEQUENCE,
            &[&tlv(0x82, &[b"example.com"]), &tlv(0x82, &[b"10.0.0.1"]), &tlv(0x87, &[&[10, 0, 0, 2]])],
        );
        let names = GeneralNames::read(&der).unwrap();
        let found = |name: &str| is_named(names, &ServerName::try_from(name).unwrap());
        assert!(found("example.com") && found("Example.COM"));
        assert!(found("10.0.0.2"));
        assert!(!found("10.0.0.1"), "an address in a dNSName is none");
        assert!(!found("::ffff:10.0.0.2") && !found("10.0.0.3") && !found("example.org"));
        let dotted = ServerName::try_from("example.com.");
        assert!(dotted.is_err() || is_named(names, &dotted.unwrap()));
    }

    #[test]
    fn names_are_read_strictly() {
        assert!(GeneralNames::read(&dns(&["a"])).is_ok());
        assert!(GeneralNames::read(&dns(&[])).is_err(), "empty list");
        assert!(GeneralNames::read(&dns(&[""])).is_err(), "empty name");
        assert!(GeneralNames::read(&dns(&["a\0b"])).is_err(), "NUL");
        assert!(GeneralNames::read(&dns(&["bücher.example"])).is_err(), "not ASCII");
        for (kind, content, good) in [
            (0x87, &[1, 2, 3, 4][..], true),
            (0x87, &[1, 2, 3], false),
            (0x87, &[0; 8], false),
            (0x87, &[0; 16], true),
            (0x82, b"example.com", true),
            (0xa2, b"\x16\x01a", false),
            (0xa0, &[6, 1, 0x2a, 0xa0, 2, 5, 0], true),
            (0xa0, &[6, 1, 0x2a], false),
            (0xa4, &[0x30, 0], true),
            (0xa4, &[0x30, 0, 0x30, 0], false),
            (0x89, b"", false),
        ] {
            let der = tlv(tag::SEQUENCE, &[&tlv(kind, &[content])]);
            assert_eq!(GeneralNames::read(&der).is_ok(), good, "{kind:x} {content:x?}");
        }
        let mut trailing = dns(&["a"]);
        trailing.push(0);
        assert!(GeneralNames::read(&trailing).is_err());
    }

    /// What the one pass keeps is what a walk would find.
    #[test]
    fn what_reading_found_is_kept() {
        for (list, has_email, has_wildcard, has_odd_dns) in [
            (&[(0x82, "a.example")][..], false, false, false),
            (&[(0x82, "a.example"), (0x81, "a@b")], true, false, false),
            (&[(0x82, "*.a.example"), (0x86, "*.a")], false, true, false),
            (&[(0x86, "*.a")], false, false, false),
            (&[(0x82, "a_b.example"), (0x82, "a.example")], false, false, true),
            (&[(0x82, "*.com")], false, true, true),
            (&[(0x82, "a b")], false, false, true),
        ] {
            let each: Vec<_> = list.iter().map(|(kind, text)| tlv(*kind, &[text.as_bytes()])).collect();
            let der = tlv(tag::SEQUENCE, &each.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let names = GeneralNames::read(&der).unwrap();
            assert_eq!(names.count, list.len());
            assert_eq!(names.iter().count(), list.len());
            let found = (names.has_email, names.has_wildcard, names.has_odd_dns);
            assert_eq!(found, (has_email, has_wildcard, has_odd_dns), "{list:?}");
        }
    }

    #[test]
    fn strict_dns_names() {
        for (name, good) in [
            ("example.com", true),
            ("*.example.com", true),
            ("*.com", false),
            ("*", false),
            ("a_b.example.com", false),
            ("a.*.example.com", false),
            ("8.8.8.8", false),
            ("localhost", true),
        ] {
            assert_eq!(is_strict_dns_name(name), good, "{name}");
        }
    }

    #[test]
    fn addresses_are_known_in_every_form() {
        let v4 = [192, 168, 1, 1];
        for text in
            ["192.168.1.1", "0xC0A80101", "192.168.001.001", "192.168.257", "0300.0250.1.1", "3232235777"]
        {
            assert!(addresses_of(text).contains(&v4), "{text}");
        }
        for text in [
            "192.168.1.2",
            "192.168.1.1.0",
            "host",
            "",
            "1",
            "192.168.1.",
            "0x",
            "192.168.1.256",
            "99999999999",
        ] {
            assert!(!addresses_of(text).contains(&v4), "{text}");
        }
        let mut v6 = [0; 16];
        v6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        v6[15] = 1;
        for text in ["2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1"] {
            assert!(addresses_of(text).contains(&v6), "{text}");
        }
        assert!(!addresses_of("2001:db8::2").contains(&v6) && !addresses_of("192.168.1.1").contains(&v6));
    }

    #[test]
    fn addresses_are_shown_in_their_usual_form() {
        assert_eq!(address_text(&[192, 0, 2, 1]), "192.0.2.1");
        for text in ["::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "1:0:0:2::3"] {
            let ServerName::IpAddress(IpAddr::V6(address)) = ServerName::try_from(text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(address_text(address.as_ref()), text);
        }
        assert_eq!(address_text(&[1, 2, 3]), "010203");
    }
}
