//! Statements about revocation: certificate revocation lists (RFC 5280 section
//! 5) and OCSP responses (RFC 6960 section 4.2), taken apart; and the policy
//! that says what is done without one. What a statement proves about a
//! certificate on a path is judged in `status`.

use super::certificate::{Malformed, algorithm};
use super::dn::Name;
use super::extensions::extension;
use super::name::GeneralNames;
use super::time;
use crate::crypto::der::{Der, NotDer, minimal_integer, tag};
use crate::crypto::kdf::sha256;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known about revocation, and what happens to a certificate about
/// which nothing is known. The verifier asks nobody: lists are given here, and
/// an OCSP response comes from the peer.
///
/// ```no_run
/// # let roots = handfast::pki::Roots::new();
/// use handfast::pki::{Crl, Revocation, Verifier};
/// let list = Crl::read(&std::fs::read("authority.crl")?)?;
/// let verifier = Verifier::web_pki(roots).with_revocation(Revocation::hard([list]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Revocation {
    pub(super) crls: Arc<[Crl]>,
    required: Required,
    leaf_only: bool,
    /// Tells one choice of lists from another.
    lists: [u8; 32],
}

/// Whose certificates need a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Required {
    #[default]
    Nobodys,
    /// Those of issuers of which there is a list.
    Listed,
    Everybodys,
}

impl Revocation {
    /// Refuses what is revoked. A certificate of which nothing is known is
    /// accepted: whoever can keep a statement away decides.
    pub fn soft(crls: impl IntoIterator<Item = Crl>) -> Self {
        let crls: Arc<[Crl]> = crls.into_iter().collect();
        let digests: Vec<[u8; 32]> = crls.iter().map(|list| sha256(&list.tbs)).collect();
        Self { crls, lists: sha256(digests.as_flattened()), ..Self::default() }
    }

    /// Refuses what is revoked, and a certificate about whose issuer there is a
    /// list here, but none that can be used: an old one, or one that somebody
    /// else signed. Of other issuers' certificates nothing need be known.
    pub fn firm(crls: impl IntoIterator<Item = Crl>) -> Self {
        Self { required: Required::Listed, ..Self::soft(crls) }
    }

    /// Refuses what is revoked, and every certificate below the root without a
    /// current statement of its issuer's, in one of these lists or stapled,
    /// that it is not.
    pub fn hard(crls: impl IntoIterator<Item = Crl>) -> Self {
        Self { required: Required::Everybodys, ..Self::soft(crls) }
    }

    /// The same for the peer's own certificate alone: few authorities publish
    /// lists about their intermediates, and only the peer's status is stapled.
    pub fn leaf_only(self) -> Self {
        Self { leaf_only: true, ..self }
    }

    /// The same for choices that lead to the same judgement, and for no others.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        sha256(&[&[self.required as u8, self.leaf_only.into()][..], &self.lists].concat())
    }

    /// Whether the certificate at this place needs a statement, its issuer's
    /// name being given folded.
    pub(super) fn requires(&self, depth: usize, issuer: impl FnOnce() -> Vec<u8>) -> bool {
        self.looks_at(depth)
            && match self.required {
                Required::Nobodys => false,
                Required::Everybodys => true,
                Required::Listed => {
                    let issuer = issuer();
                    self.crls.iter().any(|crl| crl.issuer == issuer)
                }
            }
    }

    /// Whether lists say anything about the certificate at this place.
    pub(super) fn looks_at(&self, depth: usize) -> bool {
        depth == 0 || !self.leaf_only
    }
}

/// A certificate revocation list (RFC 5280 section 5), taken apart. Nothing
/// that it says is proven before its signature is.
#[derive(Clone)]
pub struct Crl {
    /// The issuer's name in its folded form, and for a person.
    pub(super) issuer: Vec<u8>,
    pub(super) issuer_text: String,
    pub(super) tbs: Box<[u8]>,
    pub(super) algorithm: Box<[u8]>,
    pub(super) signature: Box<[u8]>,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
    /// Why it proves nothing, if it does not.
    pub(super) unusable: Option<&'static str>,
    pub(super) scope: Scope,
    /// Serial number to the time of revocation and the reason's number.
    pub(super) revoked: HashMap<Box<[u8]>, Revoked>,
}

/// When and why, as the issuer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    pub(super) at: i64,
    pub(super) reason: Option<u8>,
}

impl Revoked {
    /// CRLReason (RFC 5280 section 5.3.1) in words.
    pub(super) fn text(&self) -> String {
        const REASONS: [&str; 11] = [
            "unspecified",
            "keyCompromise",
            "cACompromise",
            "affiliationChanged",
            "superseded",
            "cessationOfOperation",
            "certificateHold",
            "(7)",
            "removeFromCRL",
            "privilegeWithdrawn",
            "aACompromise",
        ];
        let reason = self.reason.and_then(|reason| REASONS.get(usize::from(reason)));
        let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
        format!("on {}{reason}", time::text(self.at))
    }
}

/// Which certificates a list is about (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) users_only: bool,
    pub(super) authorities_only: bool,
    pub(super) some_reasons: bool,
    /// The contents of a fullName: one of these names is in the certificate's
    /// distribution point.
    pub(super) point: Option<Box<[u8]>>,
}

impl Crl {
    /// From DER.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        read_crl(der).map_err(|NotDer| Malformed { reason: "it is not a certificate revocation list" })
    }

    /// How many certificates it revokes.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it revokes none.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl({}, {} revoked)", self.issuer_text, self.len())
    }
}

fn read_crl(der: &[u8]) -> Result<Crl, NotDer> {
    let Signed { tbs, algorithm: outer, signature } = Signed::read(der)?;
    let mut fields = Der::new(tbs).inside(tag::SEQUENCE)?;
    let mut unusable = None;
    let mut found = |problem| {
        unusable.get_or_insert(problem);
    };
    if fields.optional(tag::INTEGER)? != Some(&[1]) {
        found("it is not of version 2");
    }
    if algorithm(&mut fields)? != outer {
        found("its algorithm is not the same inside and outside of what is signed");
    }
    let issuer = Name::read(fields.value(tag::SEQUENCE)?.bytes)?;
    let this_update = time::read(fields.any()?)?;
    let next_update = match fields.peek() {
        Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(time::read(fields.any()?)?),
        _ => None,
    };
    if next_update.is_none() {
        found("it does not say until when it holds");
    }
    let mut revoked = HashMap::new();
    if let Some(list) = fields.optional(tag::SEQUENCE)? {
        let mut list = Der::new(list);
        while !list.is_empty() {
            let mut entry = list.inside(tag::SEQUENCE)?;
            let serial = entry.integer()?;
            let at = time::read(entry.any()?)?;
            let mut reason = None;
            if let Some(extensions) = entry.optional(tag::SEQUENCE)? {
                let mut extensions = Der::new(extensions);
                while !extensions.is_empty() {
                    match extension(&mut extensions)? {
                        (b"\x55\x1d\x15", _, value) => reason = Some(enumerated(value)?),
                        // certificateIssuer is one: it makes the list an indirect one.
                        (_, true, _) => found("it has entries with a critical extension"),
                        _ => {}
                    }
                }
            }
            entry.finish()?;
            revoked.insert(serial.into(), Revoked { at, reason });
        }
    }
    let mut scope = Scope::default();
    let mut has_number = false;
    if let Some(extensions) = fields.optional(tag::constructed(0))? {
        let mut outer = Der::new(extensions);
        let mut list = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let mut seen = Vec::new();
        while !list.is_empty() {
            let (oid, critical, value) = extension(&mut list)?;
            if seen.contains(&oid) || seen.len() > 30 {
                return Err(NotDer);
            }
            seen.push(oid);
            match oid {
                b"\x55\x1d\x14" => {
                    let mut number = Der::new(value);
                    has_number = number.unsigned()?.len() <= 20 && number.is_empty();
                    if critical {
                        found("its CRLNumber is critical");
                    }
                }
                b"\x55\x1d\x1c" => scope = issuing_point(value, &mut found)?,
                b"\x55\x1d\x1b" => found("it is a delta, without the list that it completes"),
                _ if critical => found("it has a critical extension that is not known here"),
                _ => {}
            }
        }
    }
    fields.finish()?;
    if !has_number {
        found("it has no CRLNumber");
    }
    Ok(Crl {
        issuer: issuer.folded(),
        issuer_text: issuer.text(),
        tbs: tbs.into(),
        algorithm: outer.into(),
        signature: signature.into(),
        this_update,
        next_update,
        unusable,
        scope,
        revoked,
    })
}

/// issuingDistributionPoint (RFC 5280 section 5.2.5).
fn issuing_point(value: &[u8], found: &mut impl FnMut(&'static str)) -> Result<Scope, NotDer> {
    let mut outer = Der::new(value);
    let mut fields = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let mut scope = Scope::default();
    if let Some(point) = fields.optional(tag::constructed(0))? {
        match full_name(point)? {
            Some(names) => scope.point = Some(names.into()),
            None => found("its distribution point is named relative to its issuer"),
        }
    }
    let mut flag = |n: u8| match fields.optional(tag::context(n))? {
        None => Ok(false),
        Some([0xff]) => Ok(true),
        // FALSE is the default, which DER does not write.
        Some(_) => Err(NotDer),
    };
    scope.users_only = flag(1)?;
    scope.authorities_only = flag(2)?;
    let reasons = fields.optional(tag::context(3))?;
    scope.some_reasons = reasons.is_some();
    let mut flag = |n: u8| fields.optional(tag::context(n)).map(|flag| flag.is_some());
    if flag(4)? {
        found("it is an indirect list, of several issuers");
    }
    if flag(5)? {
        found("it is about attribute certificates");
    }
    fields.finish()?;
    Ok(scope)
}

/// DistributionPointName: the contents of fullName, if it is that.
pub(super) fn full_name(name: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    let mut name = Der::new(name);
    let choice = name.any()?;
    name.finish()?;
    match choice.tag {
        0xa0 => GeneralNames::of_content(choice.content).map(|_| Some(choice.content)),
        0xa1 => Ok(None),
        _ => Err(NotDer),
    }
}

fn enumerated(value: &[u8]) -> Result<u8, NotDer> {
    match value {
        [0x0a, 1, number] => Ok(*number),
        _ => Err(NotDer),
    }
}

/// What is signed, and by what: the shape that certificates, lists and
/// responses share.
struct Signed<'a> {
    tbs: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> Result<Self, NotDer> {
        let mut outer = Der::new(der);
        let mut fields = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let tbs = fields.value(tag::SEQUENCE)?.bytes;
        let algorithm = algorithm(&mut fields)?;
        let signature = fields.octet_aligned_bits()?;
        fields.finish()?;
        Ok(Self { tbs, algorithm, signature })
    }
}

/// A BasicOCSPResponse (RFC 6960 section 4.2.1), taken apart.
pub(super) struct OcspResponse<'a> {
    pub(super) tbs: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) responder: Responder<'a>,
    pub(super) entries: Vec<OcspEntry<'a>>,
    /// The certificates that came with it, in DER.
    pub(super) certificates: Vec<&'a [u8]>,
}

/// Who signed, by name or by the SHA-1 of the public key.
pub(super) enum Responder<'a> {
    Name(Name<'a>),
    Key(&'a [u8]),
}

/// A SingleResponse.
pub(super) struct OcspEntry<'a> {
    /// The AlgorithmIdentifier's object identifier.
    pub(super) hash: &'a [u8],
    pub(super) issuer_name_hash: &'a [u8],
    pub(super) issuer_key_hash: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) status: OcspStatus,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OcspStatus {
    Good,
    Revoked(Revoked),
    Unknown,
}

/// Entries and certificates that are read: an answer about one certificate has one.
const MOST: usize = 64;

impl<'a> OcspResponse<'a> {
    /// From DER; why it is of no use, if it is not.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "it is malformed";
        let malformed = |NotDer| MALFORMED;
        let mut outer = Der::new(der);
        let mut fields = outer.inside(tag::SEQUENCE).map_err(malformed)?;
        outer.finish().map_err(malformed)?;
        if fields.content(0x0a).map_err(malformed)? != [0] {
            return Err("the responder did not answer");
        }
        let bytes = fields.content(tag::constructed(0)).map_err(malformed)?;
        fields.finish().map_err(malformed)?;
        let mut outer = Der::new(bytes);
        let mut bytes = outer.inside(tag::SEQUENCE).map_err(malformed)?;
        outer.finish().map_err(malformed)?;
        if bytes.content(tag::OID) != Ok(b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01") {
            return Err("it is not of the basic kind");
        }
        let basic = bytes.content(tag::OCTET_STRING).map_err(malformed)?;
        bytes.finish().map_err(malformed)?;
        Self::basic(basic).map_err(malformed)?.ok_or("it has a critical extension that is not known here")
    }

    fn basic(der: &'a [u8]) -> Result<Option<Self>, NotDer> {
        let mut outer = Der::new(der);
        let mut fields = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let tbs = fields.value(tag::SEQUENCE)?;
        let algorithm = algorithm(&mut fields)?;
        let signature = fields.octet_aligned_bits()?;
        let mut certificates = Vec::new();
        if let Some(list) = fields.optional(tag::constructed(0))? {
            let mut outer = Der::new(list);
            let mut list = outer.inside(tag::SEQUENCE)?;
            outer.finish()?;
            while !list.is_empty() && certificates.len() < MOST {
                certificates.push(list.value(tag::SEQUENCE)?.bytes);
            }
        }
        fields.finish()?;

        let mut data = Der::new(tbs.content);
        // The version is 1, the default, which DER does not write.
        let by = data.any()?;
        let mut inside = Der::new(by.content);
        let responder = match by.tag {
            0xa1 => Responder::Name(Name::read(inside.value(tag::SEQUENCE)?.bytes)?),
            0xa2 => Responder::Key(inside.content(tag::OCTET_STRING)?),
            _ => return Err(NotDer),
        };
        inside.finish()?;
        time::read(data.value(tag::GENERALIZED_TIME)?)?;
        let mut list = data.inside(tag::SEQUENCE)?;
        let mut known = extensions_are_known(data.optional(tag::constructed(1))?)?;
        data.finish()?;
        let mut entries = Vec::new();
        while !list.is_empty() && entries.len() < MOST {
            let (entry, extensions_known) = OcspEntry::read(&mut list)?;
            known &= extensions_known;
            entries.push(entry);
        }
        let whole = Self { tbs: tbs.bytes, algorithm, signature, responder, entries, certificates };
        Ok(known.then_some(whole))
    }
}

impl<'a> OcspEntry<'a> {
    fn read(list: &mut Der<'a>) -> Result<(Self, bool), NotDer> {
        let mut fields = list.inside(tag::SEQUENCE)?;
        let mut id = fields.inside(tag::SEQUENCE)?;
        let mut hash = Der::new(algorithm(&mut id)?).inside(tag::SEQUENCE)?;
        let hash = hash.content(tag::OID)?;
        let issuer_name_hash = id.content(tag::OCTET_STRING)?;
        let issuer_key_hash = id.content(tag::OCTET_STRING)?;
        let serial = id.content(tag::INTEGER)?;
        id.finish()?;
        if !minimal_integer(serial) {
            return Err(NotDer);
        }
        let status = fields.any()?;
        let status = match (status.tag, status.content) {
            (0x80, []) => OcspStatus::Good,
            (0x82, []) => OcspStatus::Unknown,
            (0xa1, revoked) => {
                let mut revoked = Der::new(revoked);
                let at = time::read(revoked.value(tag::GENERALIZED_TIME)?)?;
                let reason = revoked.optional(tag::constructed(0))?.map(enumerated).transpose()?;
                revoked.finish()?;
                OcspStatus::Revoked(Revoked { at, reason })
            }
            _ => return Err(NotDer),
        };
        let this_update = time::read(fields.value(tag::GENERALIZED_TIME)?)?;
        let next_update = match fields.optional(tag::constructed(0))? {
            Some(inside) => {
                let mut inside = Der::new(inside);
                let next = time::read(inside.value(tag::GENERALIZED_TIME)?)?;
                inside.finish()?;
                Some(next)
            }
            None => None,
        };
        let known = extensions_are_known(fields.optional(tag::constructed(1))?)?;
        fields.finish()?;
        let entry =
            Self { hash, issuer_name_hash, issuer_key_hash, serial, status, this_update, next_update };
        Ok((entry, known))
    }
}

/// Whether none of the extensions is critical: none is needed here, not even the
/// nonce (RFC 6960 section 4.4.1), since a stapled response answers no question.
fn extensions_are_known(wrapped: Option<&[u8]>) -> Result<bool, NotDer> {
    let Some(wrapped) = wrapped else { return Ok(true) };
    let mut outer = Der::new(wrapped);
    let mut list = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let mut known = true;
    while !list.is_empty() {
        let (_, critical, _) = extension(&mut list)?;
        known &= !critical;
    }
    Ok(known)
}
