//! The extensions of a certificate (RFC 5280 section 4.2), taken apart once and
//! whole: what is wrong in one is told from what is absent.

use super::constraints::NameConstraints;
use super::name::{GeneralName, GeneralNames, general_name};
use super::words::identifier;
use crate::crypto::der::{Der, NotDer, minimal_integer, tag, well_formed_bits};

/// The policy that stands for all (RFC 5280 section 4.2.1.4).
pub(super) const ANY_POLICY: &[u8] = b"\x55\x1d\x20\x00";

/// What the extensions say (RFC 5280 section 4.2).
#[derive(Debug, Default)]
pub(super) struct Extensions<'a> {
    /// The contents of the list, each of them whole.
    list: &'a [u8],
    /// The first that occurs twice.
    pub(super) duplicate: Option<&'a [u8]>,
    /// The first whose contents are not what its definition says.
    pub(super) malformed: Option<&'a [u8]>,
    /// The first that is critical, and is not judged by this crate.
    pub(super) unknown_critical: Option<&'a [u8]>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage<'a>>,
    pub(super) names: Option<SubjectAltName<'a>>,
    pub(super) constraints: Option<Constraints<'a>>,
    pub(super) authority_key: Option<AuthorityKey<'a>>,
    pub(super) subject_key: Option<SubjectKey<'a>>,
    /// What bounds the policies of a path (RFC 5280 sections 4.2.1.4, .5, .11, .14).
    pub(super) policies: PolicyExtensions<'a>,
    /// The contents of cRLDistributionPoints' SEQUENCE.
    pub(super) crl_points: Option<&'a [u8]>,
    /// The TLS feature status_request: an OCSP response must be stapled (RFC 7633).
    pub(super) must_staple: bool,
    pub(super) authority_access: Option<AuthorityAccess<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct BasicConstraints {
    pub(super) critical: bool,
    pub(super) ca: bool,
    pub(super) path_length: Option<u32>,
}

/// Bit n is the RFC's bit n.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyUsage(u16);

impl KeyUsage {
    pub(super) const DIGITAL_SIGNATURE: u16 = 1;
    #[cfg(feature = "static-rsa")]
    pub(super) const KEY_ENCIPHERMENT: u16 = 1 << 2;
    pub(super) const KEY_CERT_SIGN: u16 = 1 << 5;
    pub(super) const CRL_SIGN: u16 = 1 << 6;

    pub(super) fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    #[cfg(any(test, feature = "x509-parser"))]
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    pub(super) fn text(self) -> String {
        const NAMES: [&str; 9] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly",
        ];
        let set = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1);
        set.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ExtendedKeyUsage<'a> {
    pub(super) critical: bool,
    pub(super) usage: Usage,
    value: &'a [u8],
}

/// The purposes of a key that matter in TLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) any: bool,
    pub(super) server_auth: bool,
    pub(super) client_auth: bool,
    pub(super) ocsp_signing: bool,
}

impl ExtendedKeyUsage<'_> {
    pub(super) fn text(&self) -> String {
        let mut list = Der::new(self.value).inside(tag::SEQUENCE).unwrap_or(Der::new(&[]));
        let mut names = Vec::new();
        while let Ok(oid) = list.content(tag::OID) {
            names.push(match oid {
                b"\x55\x1d\x25\x00" => "anyExtendedKeyUsage".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 1] => "serverAuth".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 2] => "clientAuth".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 3] => "codeSigning".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 4] => "emailProtection".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 8] => "timeStamping".into(),
                [0x2b, 6, 1, 5, 5, 7, 3, 9] => "OCSPSigning".into(),
                other => identifier(other),
            });
            if names.len() == 10 {
                names.push("…".into());
                break;
            }
        }
        names.join(", ")
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectAltName<'a> {
    pub(super) critical: bool,
    pub(super) names: GeneralNames<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Constraints<'a> {
    pub(super) critical: bool,
    pub(super) constraints: NameConstraints<'a>,
    pub(super) value: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AuthorityKey<'a> {
    pub(super) key: Option<&'a [u8]>,
    /// The issuer's issuer, the contents of GeneralNames, and its serial number.
    pub(super) issuer: Option<&'a [u8]>,
    pub(super) serial: Option<&'a [u8]>,
}

impl AuthorityKey<'_> {
    pub(super) fn names_issuer(&self) -> bool {
        self.issuer.is_some() || self.serial.is_some()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectKey<'a> {
    pub(super) key: &'a [u8],
}

/// The extensions about policies, each well formed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PolicyExtensions<'a> {
    /// The contents of certificatePolicies' SEQUENCE.
    pub(super) listed: Option<&'a [u8]>,
    /// The contents of policyMappings' SEQUENCE.
    pub(super) mappings: Option<&'a [u8]>,
    pub(super) limits: PolicyLimits,
    /// policyConstraints or inhibitAnyPolicy, and not critical.
    pub(super) uncritical: bool,
}

/// After how many certificates something holds (RFC 5280 sections 4.2.1.11, .14).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PolicyLimits {
    pub(super) require_explicit: Option<u32>,
    pub(super) inhibit_mapping: Option<u32>,
    pub(super) inhibit_any: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AuthorityAccess<'a> {
    pub(super) well_formed: bool,
    /// Where the issuer's certificate can be had.
    pub(super) issuers: Option<&'a str>,
}

/// An Extension: its identifier, whether it is critical, its value. FALSE is
/// the default, which DER does not write.
pub(super) fn extension<'a>(list: &mut Der<'a>) -> Result<(&'a [u8], bool, &'a [u8]), NotDer> {
    let mut fields = list.inside(tag::SEQUENCE)?;
    let oid = fields.oid()?;
    let critical = fields.peek() == Some(tag::BOOLEAN);
    if critical && !fields.boolean()? {
        return Err(NotDer);
    }
    let value = fields.content(tag::OCTET_STRING)?;
    fields.finish()?;
    Ok((oid, critical, value))
}

impl<'a> Extensions<'a> {
    /// The list of extensions, each of which has the shape of one. What is
    /// wrong in one of them is not judged here.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, NotDer> {
        let mut all = Self { list: bytes, ..Self::default() };
        let mut list = Der::new(bytes);
        // Of id-ce, a bit each; the others are compared.
        let mut seen = 0u64;
        let mut others = Vec::new();
        while !list.is_empty() {
            let (oid, critical, value) = extension(&mut list)?;
            match oid {
                [0x55, 0x1d, number @ 0..64] => {
                    if seen >> number & 1 == 1 {
                        all.duplicate.get_or_insert(oid);
                    }
                    seen |= 1 << number;
                }
                _ => others.push(oid),
            }
            if all.take(oid, critical, value).is_err() {
                all.malformed.get_or_insert(oid);
            }
        }
        all.duplicate = all.duplicate.or_else(|| twice(&mut others));
        Ok(all)
    }

    /// Each: its identifier, whether it is critical, its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a [u8], bool, &'a [u8])> + use<'a> {
        let mut list = Der::new(self.list);
        std::iter::from_fn(move || extension(&mut list).ok())
    }

    fn take(&mut self, oid: &'a [u8], critical: bool, value: &'a [u8]) -> Result<(), NotDer> {
        match oid {
            b"\x55\x1d\x11" => {
                let names = GeneralNames::read(value)?;
                self.names = Some(SubjectAltName { critical, names });
            }
            // issuerAltName
            b"\x55\x1d\x12" => {
                GeneralNames::read(value)?;
                self.unknown_if(critical, oid);
            }
            b"\x55\x1d\x1e" => {
                let constraints = NameConstraints::read(value)?;
                self.constraints = Some(Constraints { critical, constraints, value });
            }
            b"\x55\x1d\x13" => {
                let mut inside = whole(value, tag::SEQUENCE)?;
                let ca = inside.peek() == Some(tag::BOOLEAN) && inside.boolean()?;
                let path_length = inside.optional(tag::INTEGER)?.map(skip_certs).transpose()?;
                inside.finish()?;
                self.basic_constraints = Some(BasicConstraints { critical, ca, path_length });
            }
            b"\x55\x1d\x0f" => self.key_usage = Some(key_usage(value)?),
            b"\x55\x1d\x25" => {
                let usage = usage(value)?;
                self.extended_key_usage = Some(ExtendedKeyUsage { critical, usage, value });
            }
            b"\x55\x1d\x23" => {
                let mut inside = whole(value, tag::SEQUENCE)?;
                let key = inside.optional(tag::context(0))?;
                let issuer = inside.optional(tag::constructed(1))?;
                let serial = inside.optional(tag::context(2))?;
                inside.finish()?;
                issuer.map(GeneralNames::of_content).transpose()?;
                self.authority_key = Some(AuthorityKey { key, issuer, serial });
                self.unknown_if(critical, oid);
            }
            b"\x55\x1d\x0e" => {
                let mut outer = Der::new(value);
                self.subject_key = Some(SubjectKey { key: outer.content(tag::OCTET_STRING)? });
                outer.finish()?;
                self.unknown_if(critical, oid);
            }
            b"\x55\x1d\x20" => {
                let (list, known) = policies(value)?;
                self.policies.listed = Some(list);
                self.unknown_if(critical && !known, oid);
            }
            b"\x55\x1d\x21" => self.policies.mappings = Some(mappings(value)?),
            b"\x55\x1d\x24" => {
                let mut outer = Der::new(value);
                let mut inside = outer.inside(tag::SEQUENCE)?;
                outer.finish()?;
                let limits = &mut self.policies.limits;
                limits.require_explicit = inside.optional(tag::context(0))?.map(skip_certs).transpose()?;
                limits.inhibit_mapping = inside.optional(tag::context(1))?.map(skip_certs).transpose()?;
                inside.finish()?;
                if limits.require_explicit.is_none() && limits.inhibit_mapping.is_none() {
                    return Err(NotDer);
                }
                self.policies.uncritical |= !critical;
            }
            b"\x55\x1d\x36" => {
                let mut outer = Der::new(value);
                self.policies.limits.inhibit_any = Some(skip_certs(outer.content(tag::INTEGER)?)?);
                outer.finish()?;
                self.policies.uncritical |= !critical;
            }
            b"\x55\x1d\x1f" => {
                self.crl_points = Some(distribution_points(value)?);
            }
            b"\x2b\x06\x01\x05\x05\x07\x01\x18" => self.must_staple = tls_features(value)?,
            // id-pkix-ocsp-nocheck (RFC 6960 section 4.2.2.2.1): nobody asks for a responder's status.
            b"\x2b\x06\x01\x05\x05\x07\x30\x01\x05" => {}
            b"\x2b\x06\x01\x05\x05\x07\x01\x01" => {
                self.authority_access = Some(authority_access(value));
                self.unknown_if(critical, oid);
            }
            // The list of signed certificate timestamps (RFC 6962 section 3.3).
            b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02" => {
                let mut outer = Der::new(value);
                let list = outer.content(tag::OCTET_STRING)?;
                outer.finish()?;
                match list {
                    [high, low, rest @ ..]
                        if usize::from(u16::from_be_bytes([*high, *low])) == rest.len() => {}
                    _ => return Err(NotDer),
                }
                self.unknown_if(critical, oid);
            }
            // freshestCRL
            b"\x55\x1d\x2e" => {
                distribution_points(value)?;
                self.unknown_if(critical, oid);
            }
            _ => self.unknown_if(critical, oid),
        }
        Ok(())
    }

    fn unknown_if(&mut self, critical: bool, oid: &'a [u8]) {
        if critical {
            self.unknown_critical.get_or_insert(oid);
        }
    }
}

/// Into the one value that these bytes are.
fn whole(value: &[u8], tag: u8) -> Result<Der<'_>, NotDer> {
    let mut outer = Der::new(value);
    let inside = outer.inside(tag)?;
    outer.finish()?;
    Ok(inside)
}

/// The first that is there twice; sorted only where there are many.
fn twice<'a>(oids: &mut [&'a [u8]]) -> Option<&'a [u8]> {
    if oids.len() <= 16 {
        let later = |place: usize, oid: &&[u8]| oids.iter().skip(place + 1).any(|other| other == oid);
        return oids.iter().enumerate().find(|(place, oid)| later(*place, oid)).map(|(_, oid)| *oid);
    }
    oids.sort_unstable();
    let pair = oids.windows(2).find(|pair| matches!(pair, [a, b] if a == b));
    pair.and_then(|pair| pair.first().copied())
}

/// At least one bit is set (RFC 5280 section 4.2.1.3), of nine; what is not used is zero.
fn key_usage(value: &[u8]) -> Result<KeyUsage, NotDer> {
    let mut outer = Der::new(value);
    let bits = outer.content(tag::BIT_STRING)?;
    outer.finish()?;
    let (first, second) = match bits {
        _ if !well_formed_bits(bits) => return Err(NotDer),
        [_, first] => (*first, 0),
        [_, first, second] => (*first, *second),
        _ => return Err(NotDer),
    };
    let flags = u16::from(first.reverse_bits()) | u16::from(second.reverse_bits()) << 8;
    if flags == 0 { Err(NotDer) } else { Ok(KeyUsage(flags)) }
}

fn usage(value: &[u8]) -> Result<Usage, NotDer> {
    let mut list = whole(value, tag::SEQUENCE)?;
    let mut usage = Usage { any: false, server_auth: false, client_auth: false, ocsp_signing: false };
    loop {
        match list.oid()? {
            b"\x55\x1d\x25\x00" => usage.any = true,
            b"\x2b\x06\x01\x05\x05\x07\x03\x01" => usage.server_auth = true,
            b"\x2b\x06\x01\x05\x05\x07\x03\x02" => usage.client_auth = true,
            b"\x2b\x06\x01\x05\x05\x07\x03\x09" => usage.ocsp_signing = true,
            _ => {}
        }
        if list.is_empty() {
            return Ok(usage);
        }
    }
}

/// certificatePolicies (RFC 5280 section 4.2.1.4): the list, and whether every
/// qualifier in it is one of the two that only inform people.
fn policies(value: &[u8]) -> Result<(&[u8], bool), NotDer> {
    let mut outer = Der::new(value);
    let content = outer.content(tag::SEQUENCE)?;
    outer.finish()?;
    let mut list = Der::new(content);
    let mut known = true;
    let mut seen = Vec::new();
    loop {
        let mut policy = list.inside(tag::SEQUENCE)?;
        seen.push(policy.oid()?);
        if let Some(qualifiers) = policy.optional(tag::SEQUENCE)? {
            let mut qualifiers = Der::new(qualifiers);
            loop {
                let mut one = qualifiers.inside(tag::SEQUENCE)?;
                let kind = one.oid()?;
                known &=
                    matches!(kind, b"\x2b\x06\x01\x05\x05\x07\x02\x01" | b"\x2b\x06\x01\x05\x05\x07\x02\x02");
                one.any()?;
                one.finish()?;
                if qualifiers.is_empty() {
                    break;
                }
            }
        }
        policy.finish()?;
        if list.is_empty() {
            break;
        }
    }
    // No policy more than once.
    seen.sort_unstable();
    let twice = seen.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    if twice { Err(NotDer) } else { Ok((content, known)) }
}

/// policyMappings (RFC 5280 section 4.2.1.5): pairs, none of them from or to anyPolicy.
fn mappings(value: &[u8]) -> Result<&[u8], NotDer> {
    let mut outer = Der::new(value);
    let content = outer.content(tag::SEQUENCE)?;
    outer.finish()?;
    let mut list = Der::new(content);
    loop {
        let mut pair = list.inside(tag::SEQUENCE)?;
        let (issuers, subjects) = (pair.oid()?, pair.oid()?);
        pair.finish()?;
        if issuers == ANY_POLICY || subjects == ANY_POLICY {
            return Err(NotDer);
        }
        if list.is_empty() {
            return Ok(content);
        }
    }
}

/// SkipCerts: a number of certificates; one too large to matter is the largest.
fn skip_certs(content: &[u8]) -> Result<u32, NotDer> {
    match content {
        [first, ..] if *first >= 0x80 || !minimal_integer(content) => Err(NotDer),
        [] => Err(NotDer),
        _ => Ok(content
            .iter()
            .try_fold(0u32, |sum, &octet| {
                sum.checked_mul(256).and_then(|sum| sum.checked_add(u32::from(octet)))
            })
            .unwrap_or(u32::MAX)),
    }
}

/// cRLDistributionPoints (RFC 5280 section 4.2.1.13): the list.
fn distribution_points(value: &[u8]) -> Result<&[u8], NotDer> {
    let mut outer = Der::new(value);
    let content = outer.content(tag::SEQUENCE)?;
    outer.finish()?;
    let mut list = Der::new(content);
    loop {
        let mut point = list.inside(tag::SEQUENCE)?;
        for tag in [tag::constructed(0), tag::context(1), tag::constructed(2)] {
            point.optional(tag)?;
        }
        point.finish()?;
        if list.is_empty() {
            return Ok(content);
        }
    }
}

/// Whether status_request (5) is among the features (RFC 7633 section 3).
fn tls_features(value: &[u8]) -> Result<bool, NotDer> {
    let mut outer = Der::new(value);
    let mut list = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let mut status_request = false;
    while !list.is_empty() {
        status_request |= list.integer()? == [5];
    }
    Ok(status_request)
}

/// authorityInfoAccess (RFC 5280 section 4.2.2.1).
fn authority_access(value: &[u8]) -> AuthorityAccess<'_> {
    let mut access = AuthorityAccess { well_formed: false, issuers: None };
    let mut read = || -> Result<(), NotDer> {
        let mut outer = Der::new(value);
        let mut list = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        if list.is_empty() {
            return Err(NotDer);
        }
        while !list.is_empty() {
            let mut description = list.inside(tag::SEQUENCE)?;
            let method = description.oid()?;
            let location = general_name(description.any()?)?;
            description.finish()?;
            if let (b"\x2b\x06\x01\x05\x05\x07\x30\x02", GeneralName::Uri(uri)) = (method, location) {
                access.issuers.get_or_insert(uri);
            }
        }
        Ok(())
    };
    let well_formed = read().is_ok();
    AuthorityAccess { well_formed, ..access }
}
