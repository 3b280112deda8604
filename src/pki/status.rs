//! What is known about the revocation of a certificate on a path, from lists
//! (RFC 5280 section 6.3.3) and from the response that the peer stapled (RFC
//! 6960 section 3.2; RFC 7633). Absence never counts as good.

use super::budget::Budget;
use super::certificate::Certificate;
use super::inquiry::{Inquiry, Judge, Sink, Stop};
use super::listed::{Asked, by_lists};
use super::roots::Anchor;
use super::rules::Rule;
use super::signer::{Signer, Status, Verified};
use super::stapled::by_ocsp;

/// Whether a certificate's status is to be looked at, at all.
fn is_asked(inquiry: &Inquiry<'_>, path: &[&Certificate<'_>], depth: usize) -> bool {
    let lists = inquiry.revocation.looks_at(depth) && !inquiry.revocation.has_no_lists();
    let stapled = depth == 0 && inquiry.staple.is_some();
    let leaf_demands = path.first().is_some_and(|leaf| leaf.extensions.must_staple);
    lists
        || inquiry.revocation.requires(depth, Vec::new)
        || (stapled && (leaf_demands || inquiry.staple.as_deref().is_some_and(|staple| !staple.is_empty())))
}

/// The certificate at `depth` of a path that reaches `anchor`.
pub(super) fn revocation<S: Sink>(
    inquiry: &Inquiry<'_>,
    (path, anchor): (&[&Certificate<'_>], &Anchor),
    depth: usize,
    verified: &mut Verified<'_>,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    let Some(certificate) = path.get(depth).filter(|_| is_asked(inquiry, path, depth)) else {
        return Ok(());
    };
    let mut judge = Judge { profile: inquiry.profile, sink };
    let above = path.iter().skip(depth + 1).map(|one| Signer::of(one)).chain(Signer::of_anchor(anchor));
    let signers: Vec<Signer<'_>> = above.collect();
    let Some(issuer) = signers.first() else { return Ok(()) };

    let lists = match inquiry.revocation.looks_at(depth) {
        true => by_lists(&Asked { inquiry, certificate, above: &signers, depth }, verified, budget)?,
        false => Status::Unknown("no revocation list was looked at".into()),
    };
    let stapled = match inquiry.staple.as_deref().filter(|_| depth == 0) {
        Some([]) => Some(Status::Unknown("no OCSP response was stapled".into())),
        Some(staple) => Some(by_ocsp(inquiry, certificate, issuer, staple, verified, budget)?),
        None => None,
    };
    let stapled_good = matches!(stapled, Some(Status::Good(_)));
    let stapled_why = match &stapled {
        Some(Status::Good(said) | Status::Revoked(said) | Status::Unknown(said)) => said.clone(),
        None => String::new(),
    };
    // Who says "revoked" is heard first, then who says "good".
    let (good, said) = match (lists, stapled) {
        (Status::Revoked(said), _) | (_, Some(Status::Revoked(said))) => {
            return judge.check(Rule::Revoked, false, || said);
        }
        (Status::Good(said), _) | (_, Some(Status::Good(said))) => (true, said),
        (Status::Unknown(lists), Some(Status::Unknown(ocsp))) => (false, format!("{ocsp}; {lists}")),
        (Status::Unknown(lists), None) => (false, lists),
    };
    if good {
        judge.check(Rule::Revoked, true, || said.clone())?;
    }
    if depth == 0 && certificate.extensions.must_staple && inquiry.staple.is_some() {
        judge.check(Rule::MustStaple, stapled_good, || {
            format!("it demands a stapled OCSP response: {stapled_why}")
        })?;
    }
    if inquiry.revocation.requires(depth, || certificate.issuer.folded()) {
        judge.check(Rule::RevocationStatus, good, || said)?;
    }
    Ok(())
}
