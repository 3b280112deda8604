//! The certificates that a peer sent, and what is made of them while a path is
//! searched: each thing once, however many paths lead through them.

use super::budget::{Budget, Exhausted};
use super::certificate::{Certificate, Malformed};
use super::constraints::{Bases, Names};
use super::dn::Name;
use crate::crypto::der::{Der, tag};
use std::cell::OnceCell;

/// A certificate that the peer sent.
pub(super) struct Sent<'a> {
    /// Its place in the peer's message: 0 is the leaf.
    pub(super) place: usize,
    pub(super) certificate: Certificate<'a>,
    folded_subject: OnceCell<Vec<u8>>,
    folded_issuer: OnceCell<Vec<u8>>,
    names: OnceCell<Names<'a>>,
    bases: OnceCell<Bases>,
}

impl<'a> Sent<'a> {
    pub(super) fn new(place: usize, certificate: Certificate<'a>) -> Self {
        let (folded_subject, folded_issuer, names, bases) = Default::default();
        Self { place, certificate, folded_subject, folded_issuer, names, bases }
    }

    pub(super) fn subject(&self) -> &[u8] {
        self.folded_subject.get_or_init(|| self.certificate.subject.folded())
    }

    pub(super) fn issuer(&self) -> &[u8] {
        self.folded_issuer.get_or_init(|| self.certificate.issuer.folded())
    }

    /// Its names, as constraints are held against them.
    pub(super) fn names(&self, budget: &mut Budget) -> Result<&Names<'a>, Exhausted> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let Certificate { subject, subject_bytes, .. } = self.certificate;
        let names = Names::of(subject, subject_bytes, self.certificate.general_names(), budget)?;
        Ok(self.names.get_or_init(|| names))
    }

    /// Its constraints on the names below it, if it has any.
    pub(super) fn bases(&self, budget: &mut Budget) -> Result<Option<&Bases>, Exhausted> {
        let Some(found) = self.certificate.extensions.constraints else { return Ok(None) };
        if self.bases.get().is_none() {
            let bases = self.bases.get_or_init(|| found.constraints.open());
            budget.spend(bases.cost())?;
        }
        Ok(self.bases.get())
    }

    /// The same name with the same key.
    pub(super) fn is_same_authority(&self, other: &Sent<'_>) -> bool {
        self.certificate.spki == other.certificate.spki && self.subject() == other.subject()
    }

    /// How well a key identifier fits: the lower, the better. It proves nothing.
    pub(super) fn rank(&self, key_id: Option<&[u8]>) -> u8 {
        let wanted = self.certificate.extensions.authority_key.and_then(|authority| authority.key);
        match (wanted, key_id) {
            (Some(wanted), Some(key_id)) if wanted == key_id => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        }
    }

    /// The same of a certificate that was sent.
    pub(super) fn rank_of(&self, issuer: &Sent<'_>) -> u8 {
        self.rank(issuer.certificate.extensions.subject_key.map(|own| own.key))
    }
}

/// One of those that may be issuers: whole once its name is wanted.
pub(super) struct Candidate<'a> {
    place: usize,
    der: &'a [u8],
    /// The subject's Name, if the certificate has the shape of one so far.
    subject: Option<&'a [u8]>,
    folded_subject: OnceCell<Vec<u8>>,
    sent: OnceCell<Result<Sent<'a>, Malformed>>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(place: usize, der: &'a [u8]) -> Self {
        let (folded_subject, sent) = Default::default();
        Self { place, der, subject: subject_of(der), folded_subject, sent }
    }

    /// What is malformed is not used; it may not even be needed.
    pub(super) fn read(&self) -> &Result<Sent<'a>, Malformed> {
        self.sent.get_or_init(|| Certificate::read(self.der).map(|read| Sent::new(self.place, read)))
    }

    /// The certificate, if it has the name of a child's issuer and is well formed.
    pub(super) fn issuer_of(
        &self,
        child: &Sent<'_>,
        budget: &mut Budget,
    ) -> Result<Option<&Sent<'a>>, Exhausted> {
        budget.spend(PER_CANDIDATE)?;
        let Some(subject) = self.subject else { return Ok(None) };
        if child.certificate.issuer_bytes != subject {
            if self.folded_subject.get().is_none() {
                budget.spend(subject.len())?;
            }
            let folded = || Name::read(subject).map_or(Vec::new(), |name| name.folded());
            if self.folded_subject.get_or_init(folded) != child.issuer() {
                return Ok(None);
            }
        }
        // Names of the same length are compared to their ends.
        budget.spend(subject.len() / 16)?;
        if self.sent.get().is_none() {
            budget.spend(self.der.len())?;
        }
        Ok(self.read().as_ref().ok())
    }
}

/// What one that may be an issuer costs beside its octets.
const PER_CANDIDATE: usize = 4;

/// The subject of a certificate, where it should stand: what names are compared
/// by before anything else is read.
fn subject_of(der: &[u8]) -> Option<&[u8]> {
    let mut fields = Der::new(der).inside(tag::SEQUENCE).ok()?.inside(tag::SEQUENCE).ok()?;
    fields.optional(tag::constructed(0)).ok()?;
    fields.content(tag::INTEGER).ok()?;
    for _algorithm_issuer_validity in 0..3 {
        fields.content(tag::SEQUENCE).ok()?;
    }
    fields.value(tag::SEQUENCE).ok().map(|subject| subject.bytes)
}
