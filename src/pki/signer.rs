//! Who may have signed a statement about revocation, and which signatures of
//! statements were verified in this search.

use super::budget::Budget;
use super::certificate::Certificate;
use super::dn::Name;
use super::extensions::KeyUsage;
use super::inquiry::Stop;
use super::remembered::Signed;
use super::roots::Anchor;
use crate::crypto::verify::SubjectPublicKeyInfo;
use std::collections::HashMap;

/// What is known of one certificate.
pub(super) enum Status {
    Good(String),
    Revoked(String),
    /// Why nothing is known.
    Unknown(String),
}

/// Somebody on the path.
#[derive(Clone, Copy)]
pub(super) struct Signer<'a> {
    pub(super) subject: Name<'a>,
    pub(super) subject_bytes: &'a [u8],
    pub(super) key: SubjectPublicKeyInfo<'a>,
    pub(super) key_id: Option<&'a [u8]>,
    usage: Option<KeyUsage>,
}

impl<'a> Signer<'a> {
    pub(super) fn of(certificate: &Certificate<'a>) -> Self {
        Self {
            subject: certificate.subject,
            subject_bytes: certificate.subject_bytes,
            key: certificate.spki,
            key_id: certificate.extensions.subject_key.map(|own| own.key),
            usage: certificate.extensions.key_usage,
        }
    }

    pub(super) fn of_anchor(anchor: &'a Anchor) -> Option<Self> {
        let subject = Name::read(&anchor.subject).ok()?;
        let (subject_bytes, key_id) = (&*anchor.subject, anchor.key_id.as_deref());
        Some(Self { subject, subject_bytes, key: anchor.spki(), key_id, usage: anchor.key_usage })
    }

    /// Whether this is the issuer that a certificate names, whose name is also
    /// given folded.
    pub(super) fn is_issuer_of(&self, certificate: &Certificate<'_>, folded: &[u8]) -> bool {
        self.subject_bytes == certificate.issuer_bytes || self.subject.folded() == folded
    }

    /// RFC 5280 section 6.3.3 (f).
    pub(super) fn may_sign_lists(&self) -> bool {
        self.usage.is_none_or(|usage| usage.has(KeyUsage::CRL_SIGN))
    }
}

/// What has a signature.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum What<'a> {
    /// The list at this place of the policy's.
    List(usize),
    Certificate(&'a [u8]),
    Response,
}

type Sent<'s> = Vec<&'s Certificate<'s>>;

/// Signatures of statements, each verified once in a search; and the
/// certificates that were sent, among which a list's signer may be.
pub(super) struct Verified<'s> {
    /// By whom each may be signed, and whether it is.
    results: HashMap<What<'s>, Vec<(Vec<u8>, bool)>>,
    unread: Option<Box<dyn FnOnce() -> Sent<'s> + 's>>,
    list_signers: HashMap<Vec<u8>, Sent<'s>>,
    /// Those off the path whose lists counted.
    pub(super) used: Sent<'s>,
}

impl<'s> Verified<'s> {
    /// `sent` is asked only where nobody on a path signed a list.
    pub(super) fn among(sent: impl FnOnce() -> Sent<'s> + 's) -> Self {
        let (results, list_signers, used) = Default::default();
        Self { results, unread: Some(Box::new(sent)), list_signers, used }
    }

    /// Those of this name, given folded, whose keyUsage is to sign lists.
    pub(super) fn list_signers(&mut self, name: &[u8]) -> Sent<'s> {
        for one in self.unread.take().map_or(Vec::new(), |sent| sent()) {
            if one.extensions.key_usage.is_some_and(|usage| usage.has(KeyUsage::CRL_SIGN)) {
                self.list_signers.entry(one.subject.folded()).or_default().push(one);
            }
        }
        self.list_signers.get(name).cloned().unwrap_or_default()
    }

    /// Its list counted.
    pub(super) fn use_of(&mut self, signer: &'s Certificate<'s>) {
        if !self.used.iter().any(|known| known.der == signer.der) {
            self.used.push(signer);
        }
    }

    /// Whether a signature holds, looked up where it was asked before.
    pub(super) fn holds(
        &mut self,
        what: What<'s>,
        signed: &Signed<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Stop> {
        // Each list is the caller's own, and is verified once whatever it costs;
        // who else may have signed it is paid for.
        let is_own = matches!(what, What::List(_));
        let (key, known) = (signed.key.identity(), self.results.entry(what).or_default());
        if let Some((_, holds)) = known.iter().find(|(by, _)| *by == key) {
            return Ok(*holds);
        }
        let free = is_own && known.is_empty();
        let holds = if free { budget.verify_own(signed) } else { budget.verify_statement(signed)? };
        known.push((key, holds));
        Ok(holds)
    }
}
