//! The policy about revocation: which lists are there, and what is done about a
//! certificate of which nothing is known. What a statement proves about a
//! certificate on a path is judged in `status`.

use super::crl::Crl;
use crate::crypto::kdf::sha256;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known about revocation, and what happens to a certificate about
/// which nothing is known. The verifier asks nobody: lists are given here, and
/// an OCSP response comes from the peer.
///
/// Of the lists each certificate's issuer is asked: several about some reasons
/// each add up, a delta completes the list that it names (RFC 5280 section
/// 5.2.4), and a certificate on hold is free by a later list that has it no more.
/// Who signed a list is on the path, or was sent beside it, under the same
/// name, and with a certificate for signing lists (cRLSign) of somebody's on the
/// path. Indirect lists, of several issuers, are of no use here.
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
    lists: Arc<Lists>,
    required: Required,
    leaf_only: bool,
}

/// The lists that were given.
#[derive(Debug, Default)]
struct Lists {
    all: Vec<Crl>,
    /// Places in `all` by the issuer's folded name.
    by_issuer: HashMap<Vec<u8>, Vec<usize>>,
    /// Tells one choice of lists from another.
    digest: [u8; 32],
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
    /// Refuses what is revoked. A list that is old, or of the simplest form,
    /// still revokes (see [`Unusable`](super::Unusable)). A certificate of which
    /// nothing is known is accepted: whoever can keep a statement away decides.
    ///
    /// ```
    /// # mod listed { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/listed.rs")); }
    /// # use handfast::pki::{Revocation, Rule};
    /// # let (verifier, crl, verify) = listed::case(2021, true)?;
    /// // The list is old, and revokes this certificate all the same.
    /// let refused = verify(verifier.clone().with_revocation(Revocation::soft([crl]))).unwrap_err();
    /// assert_eq!(refused.report.broken(), Some(Rule::Revoked));
    /// assert!(verify(verifier.with_revocation(Revocation::soft([]))).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn soft(crls: impl IntoIterator<Item = Crl>) -> Self {
        let all: Vec<Crl> = crls.into_iter().collect();
        let mut by_issuer: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (place, list) in all.iter().enumerate() {
            by_issuer.entry(list.issuer.clone()).or_default().push(place);
        }
        let parts = all.iter().flat_map(|list| [&list.tbs, &list.algorithm, &list.signature]);
        let digests: Vec<[u8; 32]> = parts.map(|part| sha256(part)).collect();
        let digest = sha256(digests.as_flattened());
        Self { lists: Arc::new(Lists { all, by_issuer, digest }), ..Self::default() }
    }

    /// Refuses what is revoked, and a certificate about whose issuer there is a
    /// list here, but none that can be used: an old one, or one that somebody
    /// else signed. Of other issuers' certificates nothing need be known.
    ///
    /// ```
    /// # mod listed { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/listed.rs")); }
    /// # use handfast::pki::{Revocation, Rule};
    /// # let (verifier, crl, verify) = listed::case(2021, false)?;
    /// // The list of its issuer is old; where there is none, none is missed.
    /// let refused = verify(verifier.clone().with_revocation(Revocation::firm([crl]))).unwrap_err();
    /// assert_eq!(refused.report.broken(), Some(Rule::RevocationStatus));
    /// assert!(verify(verifier.with_revocation(Revocation::firm([]))).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn firm(crls: impl IntoIterator<Item = Crl>) -> Self {
        Self { required: Required::Listed, ..Self::soft(crls) }
    }

    /// Refuses what is revoked, and every certificate below the root without a
    /// current statement of its issuer's, in one of these lists or stapled,
    /// that it is not.
    ///
    /// ```
    /// # mod listed { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/listed.rs")); }
    /// # use handfast::pki::{Revocation, Rule};
    /// # let (verifier, crl, verify) = listed::case(2400, false)?;
    /// let refused = verify(verifier.clone().with_revocation(Revocation::hard([]))).unwrap_err();
    /// assert_eq!(refused.report.broken(), Some(Rule::RevocationStatus));
    /// // A list of today's, which does not have the certificate:
    /// assert!(verify(verifier.with_revocation(Revocation::hard([crl]))).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        sha256(&[&[self.required as u8, self.leaf_only.into()][..], &self.lists.digest].concat())
    }

    /// Whether the certificate at this place needs a statement, its issuer's
    /// name being given folded.
    pub(super) fn requires(&self, depth: usize, issuer: impl FnOnce() -> Vec<u8>) -> bool {
        self.looks_at(depth)
            && match self.required {
                Required::Nobodys => false,
                Required::Everybodys => true,
                Required::Listed => self.lists.by_issuer.contains_key(&issuer()),
            }
    }

    /// Whether lists say anything about the certificate at this place.
    pub(super) fn looks_at(&self, depth: usize) -> bool {
        depth == 0 || !self.leaf_only
    }

    /// Whether there are no lists at all.
    pub(super) fn has_no_lists(&self) -> bool {
        self.lists.all.is_empty()
    }

    /// The lists of an issuer, whose name is given folded, each with its place
    /// among all.
    pub(super) fn lists_of(&self, issuer: &[u8]) -> impl Iterator<Item = (usize, &Crl)> {
        let places = self.lists.by_issuer.get(issuer).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&place| Some((place, self.lists.all.get(place)?)))
    }
}
