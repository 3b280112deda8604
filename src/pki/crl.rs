//! Certificate revocation lists (RFC 5280 section 5), taken apart. What one
//! proves about a certificate on a path is judged in `listed`.

use super::certificate::{Malformed, algorithm};
use super::dn::{Name, relative};
use super::extensions::extension;
use super::name::GeneralNames;
use super::time;
use crate::crypto::der::{Der, NotDer, tag};
use crate::limits;
use crate::said::debug_is_display;
use rustls_pki_types::UnixTime;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A certificate revocation list (RFC 5280 section 5), taken apart. Nothing
/// that it says is proven before its signature is.
///
/// ```
/// # use handfast::pki::Crl;
/// # let params = rcgen::CertificateParams::new(vec![]).unwrap();
/// # let issuer = rcgen::Issuer::new(params, rcgen::KeyPair::generate().unwrap());
/// # let list = rcgen::CertificateRevocationListParams {
/// #     this_update: rcgen::date_time_ymd(2030, 6, 1),
/// #     next_update: rcgen::date_time_ymd(2030, 7, 1),
/// #     crl_number: rcgen::SerialNumber::from(1),
/// #     issuing_distribution_point: None,
/// #     revoked_certs: vec![],
/// #     key_identifier_method: rcgen::KeyIdMethod::Sha256,
/// # };
/// # let der = list.signed_by(&issuer).unwrap().der().to_vec();
/// # let at = |seconds| handfast::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
/// # let (in_june, in_august) = (at(1_907_755_200), at(1_912_982_400));
/// let list = Crl::read(&der)?;
/// assert_eq!(list.unusable(), None);
/// assert_eq!(list.unusable_at(in_june), None);
/// let why = list.unusable_at(in_august).unwrap();
/// assert_eq!(why.to_string(), "it was to be renewed by 2030-07-01 00:00:00 UTC");
/// assert!(why.still_revokes());
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
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
    pub(super) number: Option<Number>,
    /// BaseCRLNumber: it is a delta to the lists from that number on (section 5.2.4).
    pub(super) delta_to: Option<Number>,
    /// The identifier of the key that signed it, as it says.
    pub(super) authority_key: Option<Box<[u8]>>,
    /// Why it proves nothing at all, if it does not.
    pub(super) mute: Option<Unusable>,
    /// Why it proves of no certificate that it is good, whatever the clock says.
    pub(super) flaw: Option<Unusable>,
    pub(super) scope: Scope,
    /// By serial number.
    pub(super) revoked: HashMap<Box<[u8]>, Revoked>,
}

/// Why a list proves of no certificate that it is good.
///
/// ```
/// use handfast::pki::Unusable;
/// // A revocation is for good, but only a list of today's says that there is none.
/// assert!(Unusable::NoNextUpdate.still_revokes() && !Unusable::Indirect.still_revokes());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // each says what it is
pub enum Unusable {
    #[error("it is of version 1, and version 2 is required, with a CRLNumber")]
    Version1,
    #[error("it has no CRLNumber")]
    NoNumber,
    #[error("its CRLNumber is critical")]
    CriticalNumber,
    #[error("it does not say until when it holds")]
    NoNextUpdate,
    #[error("it is dated {}, and judged for {}", text(*.this_update), text(*.now))]
    NotYet { this_update: UnixTime, now: UnixTime },
    #[error("it was to be renewed by {}", text(*.next_update))]
    Stale { next_update: UnixTime },
    #[error("it is a delta, without the list that it completes")]
    Delta,
    #[error("it is of a version that is not known here")]
    UnknownVersion,
    #[error("its algorithm is not the same inside and outside of what is signed")]
    TwoAlgorithms,
    #[error("it has a critical extension that is not known here")]
    UnknownExtension,
    #[error("it has entries with a critical extension")]
    UnknownEntryExtension,
    #[error("it is an indirect list, of several issuers")]
    Indirect,
    #[error("it is about attribute certificates")]
    AttributeCertificates,
}

debug_is_display!(Unusable);

fn text(time: UnixTime) -> String {
    time::text(time::seconds(time))
}

impl Unusable {
    /// Whether the certificates that it names are revoked all the same: a
    /// revocation is for good, so that an old list or one of the simplest form
    /// still proves it. What nobody can read whole (RFC 5280 sections 5.2 and
    /// 5.3), or may be about another issuer's certificates, proves nothing.
    pub fn still_revokes(self) -> bool {
        matches!(
            self,
            Self::Version1
                | Self::NoNumber
                | Self::CriticalNumber
                | Self::NoNextUpdate
                | Self::NotYet { .. }
                | Self::Stale { .. }
                | Self::Delta
        )
    }
}

/// A CRLNumber (RFC 5280 section 5.2.3): at most 20 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number([u8; 20]);

impl Number {
    fn read(value: &[u8]) -> Option<Self> {
        let mut outer = Der::new(value);
        let magnitude = outer.unsigned().ok().filter(|_| outer.is_empty())?;
        let mut number = [0; 20];
        let start = number.len().checked_sub(magnitude.len())?;
        number.get_mut(start..)?.copy_from_slice(magnitude);
        Some(Self(number))
    }
}

/// When and why, as the issuer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    pub(super) at: i64,
    pub(super) reason: Option<Reason>,
}

/// CRLReason (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reason(u8);

impl Reason {
    /// The one revocation that may end.
    pub(super) const HOLD: Self = Self(6);
    /// It ended.
    pub(super) const REMOVED: Self = Self(8);

    pub(super) fn read(value: &[u8]) -> Result<Self, NotDer> {
        match value {
            [0x0a, 1, number] => Ok(Self(*number)),
            _ => Err(NotDer),
        }
    }
}

impl Revoked {
    pub(super) fn is(&self, reason: Reason) -> bool {
        self.reason == Some(reason)
    }

    /// In words.
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
        let reason = self.reason.and_then(|Reason(reason)| REASONS.get(usize::from(reason)));
        let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
        format!("on {}{reason}", time::text(self.at))
    }
}

/// ReasonFlags (RFC 5280 section 4.2.1.13), bit n being the RFC's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reasons(u16);

impl Reasons {
    pub(super) const NONE: Self = Self(0);
    /// All but the unused one.
    pub(super) const ALL: Self = Self(0x1fe);
    pub(super) const HOLD: Self = Self(1 << 6);

    /// The contents of a BIT STRING.
    fn read(bits: &[u8]) -> Result<Self, NotDer> {
        let (first, second) = match bits {
            [0] => (0, 0),
            [0..=7, first] => (*first, 0),
            [0..=7, first, second] => (*first, *second),
            _ => return Err(NotDer),
        };
        Ok(Self(u16::from(first.reverse_bits()) | u16::from(second.reverse_bits()) << 8).and(Self::ALL))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.and(other) == other
    }
}

/// Which certificates a list is about (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) users_only: bool,
    pub(super) authorities_only: bool,
    pub(super) reasons: Reasons,
    /// One of these is among the names of the certificate's distribution points.
    pub(super) points: Option<Vec<Vec<u8>>>,
}

impl Scope {
    const EVERYTHING: Self =
        Self { users_only: false, authorities_only: false, reasons: Reasons::ALL, points: None };
}

impl Crl {
    /// From DER.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        read_crl(der).map_err(|NotDer| Malformed { reason: "it is not a certificate revocation list" })
    }

    /// How many certificates it revokes.
    pub fn len(&self) -> usize {
        self.revoked.values().filter(|entry| !entry.is(Reason::REMOVED)).count()
    }

    /// Whether it revokes none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its issuer for a person: hostile text escaped, long text cut.
    pub fn issuer(&self) -> &str {
        &self.issuer_text
    }

    /// When it was issued, and when the next one is at the latest, if it says so
    /// (RFC 5280 sections 5.1.2.4 and 5.1.2.5); what is before 1970 is 1970.
    pub fn validity(&self) -> (UnixTime, Option<UnixTime>) {
        (time::since_1970(self.this_update), self.next_update.map(time::since_1970))
    }

    /// When it was issued, such as `2026-11-20 06:25:00 UTC`.
    pub fn this_update(&self) -> String {
        time::text(self.this_update)
    }

    /// When the next one is issued at the latest, if it says so, in words as well.
    pub fn next_update(&self) -> Option<String> {
        self.next_update.map(time::text)
    }

    /// Why it proves of no certificate that it is good, whatever the clock says:
    /// the first reason that counts. Whether its issuer signed it is not known
    /// here.
    pub fn unusable(&self) -> Option<Unusable> {
        self.mute.or(self.flaw).or(self.delta_to.map(|_| Unusable::Delta))
    }

    /// The same at this time: a list that is usable by its form may be stale.
    pub fn unusable_at(&self, now: UnixTime) -> Option<Unusable> {
        self.unusable().or_else(|| self.untimely(time::seconds(now)))
    }

    /// Whether the clock stands outside of its time.
    pub(super) fn untimely(&self, now: i64) -> Option<Unusable> {
        let this_update = self.this_update;
        match self.next_update {
            _ if this_update > now.saturating_add(limits::CLOCK_SKEW) => {
                let (this_update, now) = (time::since_1970(this_update), time::since_1970(now));
                Some(Unusable::NotYet { this_update, now })
            }
            Some(end) if now > end => Some(Unusable::Stale { next_update: time::since_1970(end) }),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl({}, {} revoked)", self.issuer_text, self.len())
    }
}

fn read_crl(der: &[u8]) -> Result<Crl, NotDer> {
    let mut outer = Der::new(der);
    let mut list = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let tbs = list.value(tag::SEQUENCE)?;
    let outer_algorithm = algorithm(&mut list)?;
    let signature = list.octet_aligned_bits()?;
    list.finish()?;

    let mut fields = Der::new(tbs.content);
    let (mut mute, mut flaw) = (None, None);
    match fields.optional(tag::INTEGER)? {
        Some(&[1]) => {}
        None | Some(&[0]) => flaw = Some(Unusable::Version1),
        Some(_) => mute = Some(Unusable::UnknownVersion),
    }
    if algorithm(&mut fields)? != outer_algorithm {
        mute = Some(Unusable::TwoAlgorithms);
    }
    let issuer = Name::read(fields.value(tag::SEQUENCE)?.bytes)?;
    let folded = issuer.folded();
    let this_update = time::read(fields.any()?)?;
    let next_update = match fields.peek() {
        Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(time::read(fields.any()?)?),
        _ => None,
    };
    let mut revoked = HashMap::new();
    if let Some(list) = fields.optional(tag::SEQUENCE)? {
        let mut list = Der::new(list);
        while !list.is_empty() {
            let (serial, one, known) = entry(&mut list)?;
            if !known {
                mute = mute.or(Some(Unusable::UnknownEntryExtension));
            }
            match revoked.entry(serial.into()) {
                Entry::Vacant(place) => {
                    place.insert(one);
                }
                // Of two entries the one that revokes for longer counts.
                Entry::Occupied(mut place) => {
                    let weight = |one: &Revoked| (one.is(Reason::REMOVED), one.is(Reason::HOLD));
                    if weight(&one) < weight(place.get()) {
                        place.insert(one);
                    }
                }
            }
        }
    }
    let mut crl = Crl {
        issuer: folded,
        issuer_text: issuer.text(),
        tbs: tbs.bytes.into(),
        algorithm: outer_algorithm.into(),
        signature: signature.into(),
        this_update,
        next_update,
        number: None,
        delta_to: None,
        authority_key: None,
        mute,
        flaw,
        scope: Scope::EVERYTHING,
        revoked,
    };
    if let Some(extensions) = fields.optional(tag::constructed(0))? {
        crl.take(extensions)?;
    }
    fields.finish()?;
    if crl.number.is_none() {
        crl.flaw.get_or_insert(Unusable::NoNumber);
    }
    if crl.next_update.is_none() {
        crl.flaw.get_or_insert(Unusable::NoNextUpdate);
    }
    Ok(crl)
}

/// An entry: serial number, what it says, and whether all that is critical in
/// it is known. certificateIssuer is not: it makes the list an indirect one.
fn entry<'a>(list: &mut Der<'a>) -> Result<(&'a [u8], Revoked, bool), NotDer> {
    let mut entry = list.inside(tag::SEQUENCE)?;
    let serial = entry.integer()?;
    let at = time::read(entry.any()?)?;
    let mut reason = None;
    let mut known = true;
    if let Some(extensions) = entry.optional(tag::SEQUENCE)? {
        let mut extensions = Der::new(extensions);
        while !extensions.is_empty() {
            match extension(&mut extensions)? {
                (b"\x55\x1d\x15", _, value) => reason = Some(Reason::read(value)?),
                (_, critical, _) => known &= !critical,
            }
        }
    }
    entry.finish()?;
    Ok((serial, Revoked { at, reason }, known))
}

impl Crl {
    /// The extensions of the whole list (RFC 5280 section 5.2). They count in a
    /// list of version 1, too, where they should not be: what they narrow
    /// stays narrow.
    fn take(&mut self, extensions: &[u8]) -> Result<(), NotDer> {
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
                    self.number = Number::read(value);
                    if critical {
                        self.flaw.get_or_insert(Unusable::CriticalNumber);
                    }
                }
                b"\x55\x1d\x1c" => self.take_scope(value)?,
                b"\x55\x1d\x1b" => self.delta_to = Some(Number::read(value).ok_or(NotDer)?),
                b"\x55\x1d\x23" if !critical => {
                    let mut outer = Der::new(value);
                    let mut inside = outer.inside(tag::SEQUENCE)?;
                    self.authority_key = inside.optional(tag::context(0))?.map(Into::into);
                }
                _ if critical => {
                    self.mute.get_or_insert(Unusable::UnknownExtension);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// issuingDistributionPoint (RFC 5280 section 5.2.5).
    fn take_scope(&mut self, value: &[u8]) -> Result<(), NotDer> {
        let mut outer = Der::new(value);
        let mut fields = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        if let Some(name) = fields.optional(tag::constructed(0))? {
            self.scope.points = Some(match PointName::read(name)? {
                PointName::Full(names) => names,
                PointName::Relative(name) => vec![[&[DIRECTORY], &*self.issuer, &name].concat()],
            });
        }
        let flag = |fields: &mut Der<'_>, n| match fields.optional(tag::context(n))? {
            None => Ok(false),
            Some([0xff]) => Ok(true),
            // FALSE is the default, which DER does not write.
            Some(_) => Err(NotDer),
        };
        self.scope.users_only = flag(&mut fields, 1)?;
        self.scope.authorities_only = flag(&mut fields, 2)?;
        if let Some(reasons) = fields.optional(tag::context(3))? {
            self.scope.reasons = Reasons::read(reasons)?;
        }
        if flag(&mut fields, 4)? {
            self.mute.get_or_insert(Unusable::Indirect);
        }
        if flag(&mut fields, 5)? {
            self.mute.get_or_insert(Unusable::AttributeCertificates);
        }
        fields.finish()
    }
}

/// The tag of a directoryName, whose folded form follows it.
const DIRECTORY: u8 = tag::constructed(4);

/// A DistributionPointName (RFC 5280 section 4.2.1.13), in a form in which equal
/// names are equal octets.
enum PointName {
    Full(Vec<Vec<u8>>),
    /// What completes the issuer's name, folded.
    Relative(Vec<u8>),
}

impl PointName {
    fn read(name: &[u8]) -> Result<Self, NotDer> {
        let mut outer = Der::new(name);
        let choice = outer.any()?;
        outer.finish()?;
        match choice.tag {
            0xa0 => {
                GeneralNames::of_content(choice.content)?;
                let mut names = Der::new(choice.content);
                let mut all = Vec::new();
                while !names.is_empty() {
                    let name = names.any()?;
                    all.push(match name.tag {
                        DIRECTORY => [&[DIRECTORY], &Name::read(name.content)?.folded()[..]].concat(),
                        _ => name.bytes.to_vec(),
                    });
                }
                Ok(Self::Full(all))
            }
            0xa1 => relative(choice.content).map(Self::Relative),
            _ => Err(NotDer),
        }
    }
}

/// The distribution points of a certificate, by name (RFC 5280 section 4.2.1.13).
pub(super) struct Points<'i> {
    full: HashMap<Vec<u8>, Reasons>,
    /// Relative to the certificate's issuer, whose name, folded, this is.
    relative: HashMap<Vec<u8>, Reasons>,
    issuer: &'i [u8],
}

impl<'i> Points<'i> {
    /// From the list's contents; `issuer` is the certificate's, folded. What is
    /// malformed is nobody's name. Costs what the octets cost.
    pub(super) fn read(list: &[u8], issuer: &'i [u8]) -> Self {
        let (full, relative) = Default::default();
        let mut points = Self { full, relative, issuer };
        let mut list = Der::new(list);
        while let Ok(mut point) = list.inside(tag::SEQUENCE) {
            // Nobody's name.
            let _ = points.take(&mut point);
        }
        points
    }

    fn take(&mut self, point: &mut Der<'_>) -> Result<(), NotDer> {
        let Some(name) = point.optional(tag::constructed(0))? else { return Ok(()) };
        let name = PointName::read(name)?;
        let reasons = point.optional(tag::context(1))?.map_or(Ok(Reasons::ALL), Reasons::read)?;
        // Another issuer's lists are meant, and only those prove all that is good.
        let reasons = if point.is_empty() { reasons } else { Reasons::NONE };
        let (points, names) = match name {
            PointName::Full(names) => (&mut self.full, names),
            PointName::Relative(name) => (&mut self.relative, vec![name]),
        };
        for name in names {
            let known = points.entry(name).or_insert(Reasons::NONE);
            *known = known.or(reasons);
        }
        Ok(())
    }

    /// For which reasons a list of that scope would say that the certificate is
    /// revoked, if it is about it at all (RFC 5280 section 6.3.3 (b) (2), (d)).
    pub(super) fn reasons(&self, scope: &Scope) -> Option<Reasons> {
        let Some(names) = &scope.points else { return Some(scope.reasons) };
        let relative = |name: &Vec<u8>| {
            let rest = name.strip_prefix(&[DIRECTORY])?.strip_prefix(self.issuer)?;
            self.relative.get(rest)
        };
        let found = names.iter().flat_map(|name| self.full.get(name).into_iter().chain(relative(name)));
        found.copied().reduce(Reasons::or).map(|reasons| reasons.and(scope.reasons))
    }
}
