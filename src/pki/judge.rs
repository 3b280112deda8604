//! One certificate in its place on a path: the peer's own, an issuer, a trust
//! anchor (RFC 5280 sections 6.1.3 to 6.1.5).

use super::budget::Budget;
use super::certificate::Certificate;
use super::checks::{
    Place, allows, alt_names, authority, common_name, constraints, form, host_name, intermediates,
    path_length, pinned_key, public_key, purpose, usable, validity,
};
use super::extensions::{ExtendedKeyUsage, KeyUsage};
use super::inquiry::{Finding, Inquiry, Judge, Purpose, Sink, Stop};
use super::policies;
use super::remembered::Signed;
use super::roots::Anchor;
use super::rules::{Profile, Rule};
use super::sent::Sent;
use super::signer::Verified;
use super::status::revocation;
use crate::crypto::kdf::sha256;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo};

/// The peer's own certificate, but for the form of its names.
pub(super) fn leaf<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    let extensions = &certificate.extensions;
    let is_ca = certificate.is_ca();
    pinned_key(inquiry, certificate, &mut judge)?;
    host_name(inquiry, certificate, &mut judge)?;
    issued(inquiry, certificate, Place::Leaf, &mut judge)?;
    if let Some(usage) = extensions.key_usage {
        let passed = is_ca || !usage.has(KeyUsage::KEY_CERT_SIGN);
        judge.check(Rule::KeyUsage, passed, || format!("its keyUsage is {}", usage.text()))?;
        let passed = usage.has(KeyUsage::DIGITAL_SIGNATURE);
        judge.check(Rule::DigitalSignature, passed, || format!("its keyUsage is {}", usage.text()))?;
    }
    purpose(inquiry, certificate, &mut judge)?;
    judge.check(Rule::ConstraintsInLeaf, is_ca || extensions.constraints.is_none(), || {
        let has = if extensions.constraints.is_some() { "has" } else { "has no" };
        format!("it {has} nameConstraints")
    })?;
    judge
        .check(Rule::LeafIsNoAuthority, !is_ca || inquiry.leaf_is_trusted, || format!("its cA is {is_ca}"))?;
    let extended = extensions.extended_key_usage;
    judge.check(Rule::UsageIsGiven, extended.is_some(), || extended_key_usage_text(extended))?;
    judge.check(
        Rule::PeerUsage,
        extended.is_none_or(|extended| !extended.critical && !extended.usage.any),
        || extended_key_usage_text(extended),
    )?;
    judge.check(Rule::TimeForm, !certificate.odd_time, || {
        let form = if certificate.odd_time { "GeneralizedTime" } else { "UTCTime" };
        format!("its dates are given as {form}")
    })
}

/// The form of the names in the peer's own certificate: looked at last, for there
/// may be many.
pub(super) fn names_of_leaf<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    alt_names(inquiry, certificate, budget, &mut judge)?;
    match inquiry.purpose {
        Purpose::Server => common_name(certificate, budget, &mut judge),
        Purpose::Client => Ok(()),
    }
}

/// The peer's certificate where it is known beforehand, or its key is, and
/// nobody else's word counts.
pub(super) fn known_leaf<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    exactly: Option<&[u8]>,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    if let Some(expected) = exactly {
        judge.check(Rule::ExactLeaf, certificate.der == expected, || {
            format!("its SHA-256 is {}", hex::encode(sha256(certificate.der)))
        })?;
        // Version 1 names nobody: which one it is says whose it is.
        if certificate.version != 1 {
            host_name(inquiry, certificate, &mut judge)?;
        }
        validity(inquiry, certificate.validity, &mut judge)?;
    }
    pinned_key(inquiry, certificate, &mut judge)?;
    public_key(certificate.spki, &mut judge)
}

/// A certificate that issued the last one of `below`, the leaf being the first:
/// all but its signature and its constraints.
pub(super) fn issuer<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Sent<'_>],
    certificate: &Certificate<'_>,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    issued(inquiry, certificate, Place::Intermediate, &mut judge)?;
    authority(certificate, Place::Intermediate, &mut judge)?;
    let basic = certificate.extensions.basic_constraints;
    judge.check(Rule::BasicConstraints, basic.is_some_and(|basic| basic.ca), || match basic {
        Some(basic) => format!("its cA is {}", basic.ca),
        None => "it has no basicConstraints, so it is no authority's".into(),
    })?;
    path_length(below, basic.and_then(|basic| basic.path_length), &mut judge)?;
    if let Some(most) = inquiry.most_intermediates {
        let count = intermediates(below) + usize::from(!certificate.is_self_issued());
        judge.check(Rule::Depth, count <= most, || {
            format!("it is intermediate number {count}, and {most} are allowed")
        })?;
    }
    purpose(inquiry, certificate, &mut judge)
}

/// An issuer's constraints on the names below.
pub(super) fn below_issuer<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Sent<'_>],
    issuer: &Sent<'_>,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    match issuer.bases(budget)? {
        Some(bases) => constraints(below, bases, budget, &mut Judge { profile: inquiry.profile, sink }),
        None => Ok(()),
    }
}

/// A trust anchor that issued the last one of `below`: all but its constraints
/// and its form.
pub(super) fn anchor<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Sent<'_>],
    anchor: &Anchor,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    if is_itself(below, anchor) {
        return Ok(());
    }
    usable(inquiry, anchor.validity, anchor.spki(), anchor.unknown_critical.as_deref(), &mut judge)?;
    path_length(below, anchor.path_length, &mut judge)?;
    if let Some(usage) = anchor.usage {
        judge.check(Rule::ExtendedKeyUsage, allows(inquiry, usage), || {
            "its extKeyUsage has another purpose, or none of TLS".into()
        })?;
    }
    Ok(())
}

/// A peer's certificate that is trusted itself was judged as the peer's. What an
/// authority's must be, and whom it may name, is about those below it.
fn is_itself(below: &[&Sent<'_>], anchor: &Anchor) -> bool {
    match (below, &anchor.certificate) {
        ([leaf], Some(own)) => own.as_ref() == leaf.certificate.der,
        _ => false,
    }
}

/// An anchor's constraints on the names below.
pub(super) fn below_anchor<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Sent<'_>],
    anchor: &Anchor,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    match anchor.bases().filter(|_| !is_itself(below, anchor)) {
        Some(bases) => constraints(below, bases, budget, &mut Judge { profile: inquiry.profile, sink }),
        None => Ok(()),
    }
}

/// The form of an anchor's certificate (RFC 5280 section 6.1.1 (d) leaves it to
/// the relying party).
pub(super) fn form_of_anchor<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Sent<'_>],
    anchor: &Anchor,
    sink: &mut S,
) -> Result<(), Stop> {
    let Some(der) = anchor.certificate.as_ref().filter(|_| !is_itself(below, anchor)) else {
        return Ok(());
    };
    // Its form does not depend on what is asked: it is looked at once, and
    // again only where it is put into words.
    let broken = anchor.form.get_or_init(|| {
        let mut findings = Vec::new();
        let _ = root(der, Judge { profile: Profile::EVERY, sink: &mut findings });
        findings.iter().filter(|finding: &&Finding| !finding.passed).map(|finding| finding.rule).collect()
    });
    if S::IN_WORDS || broken.iter().any(|rule| inquiry.profile.has(*rule)) {
        return root(der, Judge { profile: inquiry.profile, sink });
    }
    Ok(())
}

/// Everything about an anchor but what stands below it.
#[cfg(test)]
pub(super) fn anchor_alone(inquiry: &Inquiry<'_>, one: &Anchor, findings: &mut Vec<Finding>) {
    let _ = anchor(inquiry, &[], one, findings);
    let _ = form_of_anchor(inquiry, &[], one, findings);
}

fn root<S: Sink>(der: &[u8], mut judge: Judge<'_, S>) -> Result<(), Stop> {
    let Ok(certificate) = Certificate::read(der) else {
        return judge.check(Rule::Readable, false, || "malformed".into());
    };
    form(&certificate, Place::Root, &mut judge)?;
    authority(&certificate, Place::Root, &mut judge)?;
    let extended = certificate.extensions.extended_key_usage;
    judge.check(Rule::RootUsage, extended.is_none(), || extended_key_usage_text(extended))
}

/// What every certificate below an anchor is held to.
fn issued<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    place: Place,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let unknown = certificate.extensions.unknown_critical;
    usable(inquiry, Some(certificate.validity), certificate.spki, unknown, judge)?;
    form(certificate, place, judge)
}

/// What only a whole path shows, of the certificate at `depth`: a policy that
/// all have, and nothing revoked.
pub(super) fn whole<S: Sink>(
    inquiry: &Inquiry<'_>,
    (path, anchor): (&[&Certificate<'_>], &Anchor),
    depth: usize,
    verified: &mut Verified<'_>,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    if depth == 0 {
        budget.spend(octets_of_names(path))?;
        let common = policies::common(path, anchor.policies, &inquiry.policies, budget)?;
        let mut judge = Judge { profile: inquiry.profile, sink };
        judge.check(Rule::PolicyTree, common.passed(), || common.text())?;
    }
    revocation(inquiry, (path, anchor), depth, verified, budget, sink)
}

/// The names on a whole path, which are looked at for each certificate on it.
fn octets_of_names(path: &[&Certificate<'_>]) -> usize {
    let names = path.iter().map(|one| one.subject_bytes.len() + one.issuer_bytes.len());
    2 * path.len() * names.sum::<usize>()
}

/// The signature of a certificate, by a key that may be its issuer's.
pub(super) fn signature(
    certificate: &Certificate<'_>,
    issuer: SubjectPublicKeyInfo<'_>,
    budget: &mut Budget,
) -> Result<Result<(), SignatureRefused>, Stop> {
    Ok(budget.verify(&signed(certificate, issuer))?)
}

/// A certificate's signature, as its issuer's.
pub(super) fn signed<'a>(certificate: &Certificate<'a>, issuer: SubjectPublicKeyInfo<'a>) -> Signed<'a> {
    let Certificate { algorithm, tbs: message, signature, .. } = *certificate;
    Signed { key: issuer, algorithm, message, signature }
}

fn extended_key_usage_text(extended: Option<ExtendedKeyUsage<'_>>) -> String {
    match extended {
        Some(found) if found.critical => format!("its extKeyUsage is critical: {}", found.text()),
        Some(found) => format!("its extKeyUsage is {}", found.text()),
        None => "it has no extKeyUsage".into(),
    }
}
