//! A second opinion on a certificate: x509-parser's. It decides nothing. Whatever
//! this crate's own reader accepts x509-parser reads as well, and finds the same
//! in it: debug assertions, tests and fuzzing hold them against each other. The
//! reverse does not hold, for x509-parser passes over much that is not DER.

use super::name::GeneralName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName as TheirName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// What either reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts<'a> {
    pub(super) tbs: &'a [u8],
    pub(super) version: u32,
    pub(super) serial: &'a [u8],
    /// The object identifiers: inside of what is signed, outside, the key's.
    pub(super) algorithms: [Vec<u8>; 3],
    pub(super) signature: Vec<u8>,
    pub(super) issuer: NameFacts<'a>,
    pub(super) subject: NameFacts<'a>,
    pub(super) validity: (i64, i64),
    pub(super) spki: &'a [u8],
    pub(super) key: Vec<u8>,
    /// Identifier, whether it is critical, value.
    pub(super) extensions: Vec<(Vec<u8>, bool, &'a [u8])>,
}

/// All bytes of a Name; each attribute's type and value.
pub(super) type NameFacts<'a> = (&'a [u8], Vec<(Vec<u8>, &'a [u8])>);

/// What is inside of the extensions about which both have something to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said<'a> {
    /// cA and pathLenConstraint.
    pub(super) basic_constraints: Option<(bool, Option<u32>)>,
    pub(super) key_usage: Option<u16>,
    /// Any, serverAuth, clientAuth, OCSPSigning.
    pub(super) purposes: Option<[bool; 4]>,
    /// What is inside of the rarer forms is left out.
    pub(super) names: Option<Vec<GeneralName<'a>>>,
    pub(super) subject_key: Option<&'a [u8]>,
    pub(super) authority_key: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// As x509-parser reads them, and what it finds inside of the extensions;
    /// `None` for what it does not read.
    pub(super) fn by_x509_parser(der: &'a [u8]) -> Option<(Self, Said<'a>)> {
        let (rest, read) = X509Certificate::from_der(der).ok()?;
        let tbs = &read.tbs_certificate;
        let oid = |oid: &x509_parser::der_parser::Oid<'_>| oid.as_bytes().to_vec();
        let list = tbs.extensions().iter();
        let facts = Self {
            // Its lifetime is the whole's.
            tbs: within(der, tbs.as_ref())?,
            version: tbs.version.0.saturating_add(1),
            serial: tbs.raw_serial(),
            algorithms: [
                oid(&tbs.signature.algorithm),
                oid(&read.signature_algorithm.algorithm),
                oid(&tbs.subject_pki.algorithm.algorithm),
            ],
            signature: read.signature_value.data.to_vec(),
            issuer: name(&tbs.issuer),
            subject: name(&tbs.subject),
            validity: (tbs.validity.not_before.timestamp(), tbs.validity.not_after.timestamp()),
            spki: tbs.subject_pki.raw,
            key: tbs.subject_pki.subject_public_key.data.to_vec(),
            extensions: list.clone().map(|one| (oid(&one.oid), one.critical, one.value)).collect(),
        };
        let said = list.fold(Said::default(), |said, one| said.and(one.parsed_extension()));
        rest.is_empty().then_some((facts, said))
    }
}

impl<'a> Said<'a> {
    /// Whether the other reader says all of this, too. It may say more: what is
    /// malformed to one may not be to the other.
    pub(super) fn is_said_by(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || one == other
        }
        same(&self.basic_constraints, &other.basic_constraints)
            && same(&self.key_usage, &other.key_usage)
            && same(&self.purposes, &other.purposes)
            && same(&self.names, &other.names)
            && same(&self.subject_key, &other.subject_key)
            && same(&self.authority_key, &other.authority_key)
    }

    fn and(mut self, extension: &ParsedExtension<'a>) -> Self {
        match extension {
            ParsedExtension::BasicConstraints(basic) => {
                self.basic_constraints = Some((basic.ca, basic.path_len_constraint));
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(usage.flags),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.purposes = Some([usage.any, usage.server_auth, usage.client_auth, usage.ocsp_signing]);
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.names = Some(names.general_names.iter().map(general_name).collect());
            }
            ParsedExtension::SubjectKeyIdentifier(key) => self.subject_key = Some(key.0),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.authority_key = authority.key_identifier.as_ref().map(|key| key.0);
            }
            _ => {}
        }
        self
    }
}

fn name<'a>(name: &X509Name<'a>) -> NameFacts<'a> {
    let attributes = name.iter_attributes();
    let each = attributes.map(|one| (one.attr_type().as_bytes().to_vec(), one.attr_value().data));
    (name.as_raw(), each.collect())
}

fn general_name<'a>(name: &TheirName<'a>) -> GeneralName<'a> {
    match name {
        TheirName::RFC822Name(text) => GeneralName::Email(text),
        TheirName::DNSName(text) => GeneralName::Dns(text),
        TheirName::DirectoryName(name) => GeneralName::Directory(name.as_raw()),
        TheirName::URI(text) => GeneralName::Uri(text),
        TheirName::IPAddress(octets) => GeneralName::Ip(octets),
        TheirName::OtherName(..) => GeneralName::Other(0, &[]),
        TheirName::X400Address(_) => GeneralName::Other(3, &[]),
        TheirName::EDIPartyName(_) => GeneralName::Other(5, &[]),
        TheirName::RegisteredID(_) => GeneralName::Other(8, &[]),
        // None of ours is of this form.
        TheirName::Invalid(..) => GeneralName::Other(u8::MAX, &[]),
    }
}

/// The same octets as a part of the whole.
fn within<'a>(whole: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    whole.get(start..start.checked_add(part.len())?)
}
