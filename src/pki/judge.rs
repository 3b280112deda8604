//! One certificate in its place on a path: the peer's own, an issuer, a trust
//! anchor (RFC 5280 sections 6.1.3 to 6.1.5).

use super::certificate::Certificate;
use super::checks::{
    Place, allows, alt_names, authority, common, common_name, constraints, host_name, intermediates,
    path_length, pinned_key, public_key, purpose, sha256, validity,
};
use super::extensions::{ExtendedKeyUsage, KeyUsage};
use super::inquiry::{Budget, Finding, Inquiry, Judge, Purpose, Sink, Stop};
use super::policies;
use super::remembered::Signed;
use super::roots::Anchor;
use super::rules::{Profile, Rule};
use super::signer::Verified;
use super::status::revocation;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo};

/// The peer's own certificate.
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
    common(inquiry, certificate, Place::Leaf, &mut judge)?;
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
    })?;
    alt_names(inquiry, certificate, &mut judge)?;
    if inquiry.purpose == Purpose::Server {
        common_name(certificate, &mut judge)?;
    }
    Ok(())
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

/// A certificate that issued the last one of `below`, the leaf being the first.
pub(super) fn issuer<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Certificate<'_>],
    certificate: &Certificate<'_>,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    common(inquiry, certificate, Place::Intermediate, &mut judge)?;
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
    purpose(inquiry, certificate, &mut judge)?;
    match certificate.extensions.constraints {
        Some(found) => constraints(below, found.constraints, budget, &mut judge),
        None => Ok(()),
    }
}

/// A trust anchor that issued the last one of `below`.
pub(super) fn anchor<S: Sink>(
    inquiry: &Inquiry<'_>,
    below: &[&Certificate<'_>],
    anchor: &Anchor,
    budget: &mut Budget,
    sink: &mut S,
) -> Result<(), Stop> {
    let mut judge = Judge { profile: inquiry.profile, sink };
    // A peer's certificate that is trusted itself was judged as the peer's. What
    // an authority's must be, and whom it may name, is about those below it.
    if let ([leaf], Some(own)) = (below, &anchor.certificate)
        && own.as_ref() == leaf.der
    {
        return Ok(());
    }
    if let Some(dates) = anchor.validity {
        validity(inquiry, dates, &mut judge)?;
    }
    public_key(anchor.spki(), &mut judge)?;
    judge.check(Rule::CriticalExtensions, !anchor.has_unknown_critical, || {
        if anchor.has_unknown_critical {
            "another one is critical".into()
        } else {
            "no other one is critical".into()
        }
    })?;
    path_length(below, anchor.path_length, &mut judge)?;
    if let Some(usage) = anchor.usage {
        judge.check(Rule::ExtendedKeyUsage, allows(inquiry, usage), || {
            "its extKeyUsage has another purpose, or none of TLS".into()
        })?;
    }
    if let Some(found) = anchor.constraints() {
        constraints(below, found, budget, &mut judge)?;
    }
    let Some(der) = &anchor.certificate else {
        return Ok(());
    };
    // Its form does not depend on what is asked: it is looked at once, and
    // again only where it is put into words.
    let broken = anchor.form.get_or_init(|| {
        let mut findings = Vec::new();
        let every = Judge { profile: Profile::EVERY, sink: &mut findings };
        let _ = form(inquiry, der, every);
        findings.iter().filter(|finding: &&Finding| !finding.passed).map(|finding| finding.rule).collect()
    });
    if S::IN_WORDS || broken.iter().any(|rule| inquiry.profile.has(*rule)) {
        return form(inquiry, der, judge);
    }
    Ok(())
}

/// Everything about an anchor but what stands below it.
#[cfg(test)]
pub(super) fn anchor_alone(inquiry: &Inquiry<'_>, one: &Anchor, findings: &mut Vec<Finding>) {
    let mut budget = Budget::FULL;
    let _ = anchor(inquiry, &[], one, &mut budget, findings);
}

/// An anchor's certificate (RFC 5280 section 6.1.1 (d) leaves it to the relying party).
fn form<S: Sink>(inquiry: &Inquiry<'_>, der: &[u8], mut judge: Judge<'_, S>) -> Result<(), Stop> {
    let Ok(certificate) = Certificate::read(der) else {
        return judge.check(Rule::Readable, false, || "malformed".into());
    };
    common(inquiry, &certificate, Place::Root, &mut judge)?;
    authority(&certificate, Place::Root, &mut judge)?;
    let extended = certificate.extensions.extended_key_usage;
    judge.check(Rule::RootUsage, extended.is_none(), || extended_key_usage_text(extended))
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
        let common = policies::common(path, anchor.policies, &inquiry.policies, budget)?;
        let mut judge = Judge { profile: inquiry.profile, sink };
        judge.check(Rule::PolicyTree, common.passed(), || common.text())?;
    }
    revocation(inquiry, (path, anchor), depth, verified, budget, sink)
}

/// The signature of a certificate, by a key that may be its issuer's.
pub(super) fn signature(
    certificate: &Certificate<'_>,
    issuer: SubjectPublicKeyInfo<'_>,
    budget: &mut Budget,
) -> Result<Result<(), SignatureRefused>, Stop> {
    budget.verify(&signed(certificate, issuer))
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
