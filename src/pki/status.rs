//! What is known about the revocation of a certificate on a path, from lists
//! (RFC 5280 section 6.3.3) and from the response that the peer stapled (RFC
//! 6960 section 3.2; RFC 7633). Absence never counts as good.

use super::certificate::Certificate;
use super::checks::sha256;
use super::dn::Name;
use super::extensions::KeyUsage;
use super::inquiry::{Budget, Inquiry, Judge, Sink, Stop};
use super::name::GeneralNames;
use super::remembered::Signed;
use super::revocation::{Crl, OcspResponse, OcspStatus, Responder, full_name};
use super::roots::Anchor;
use super::rules::Rule;
use super::time;
use crate::crypto::der::{Der, tag};
use crate::crypto::kdf::sha1_identifier;
use crate::crypto::verify::SubjectPublicKeyInfo;

/// Signatures of lists, verified once: which list, by which key, the result.
#[derive(Default)]
pub(super) struct Verified(Vec<(usize, Box<[u8]>, bool)>);

/// What is known of one certificate.
enum Status {
    Good(String),
    Revoked(String),
    /// Why nothing is known.
    Unknown(String),
}

/// Somebody on the path who may have signed a statement.
#[derive(Clone, Copy)]
struct Signer<'a> {
    subject: Name<'a>,
    subject_bytes: &'a [u8],
    key: SubjectPublicKeyInfo<'a>,
    usage: Option<KeyUsage>,
}

impl<'a> Signer<'a> {
    fn of(certificate: &'a Certificate<'a>) -> Self {
        Self {
            subject: certificate.subject,
            subject_bytes: certificate.subject_bytes,
            key: certificate.spki,
            usage: certificate.extensions.key_usage,
        }
    }

    fn of_anchor(anchor: &'a Anchor) -> Option<Self> {
        let subject = Name::read(&anchor.subject).ok()?;
        Some(Self { subject, subject_bytes: &anchor.subject, key: anchor.spki(), usage: anchor.key_usage })
    }
}

/// Whether a certificate's status is to be looked at, at all.
fn is_asked(inquiry: &Inquiry<'_>, path: &[&Certificate<'_>], depth: usize) -> bool {
    let lists = inquiry.revocation.looks_at(depth) && !inquiry.revocation.crls.is_empty();
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
    verified: &mut Verified,
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
        true => by_lists(inquiry, certificate, &signers, verified, budget)?,
        false => Status::Unknown("no revocation list was looked at".into()),
    };
    let stapled = match inquiry.staple.as_deref().filter(|_| depth == 0) {
        Some([]) => Some(Status::Unknown("no OCSP response was stapled".into())),
        Some(staple) => Some(by_ocsp(inquiry, certificate, issuer, staple, budget)?),
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

fn by_lists(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    signers: &[Signer<'_>],
    verified: &mut Verified,
    budget: &mut Budget,
) -> Result<Status, Stop> {
    let mut unknown = None;
    let mut good = None;
    if inquiry.revocation.crls.is_empty() {
        return Ok(Status::Unknown("no revocation list was given".into()));
    }
    let issuer = certificate.issuer.folded();
    for (place, crl) in inquiry.revocation.crls.iter().enumerate() {
        if crl.issuer != issuer {
            continue;
        }
        let mut useless = |why: String| {
            unknown.get_or_insert(why);
        };
        let now = inquiry.now;
        let problem = crl.unusable.map(str::to_owned).or_else(|| {
            if now < crl.this_update {
                Some(format!(
                    "it is dated {}, and the clock says {}",
                    time::text(crl.this_update),
                    time::text(now)
                ))
            } else {
                crl.next_update
                    .filter(|next| now > *next)
                    .map(|next| format!("it was to be renewed by {}", time::text(next)))
            }
        });
        if let Some(problem) = problem {
            useless(format!("the revocation list of {} is of no use: {problem}", crl.issuer_text));
            continue;
        }
        if !covers(crl, certificate) {
            useless(format!("the revocation list of {} is about other certificates", crl.issuer_text));
            continue;
        }
        if let Some(why) = unsigned(place, crl, signers, verified, budget)? {
            useless(format!("the revocation list of {} is of no use: {why}", crl.issuer_text));
            continue;
        }
        if let Some(revoked) = crl.revoked.get(certificate.serial) {
            return Ok(Status::Revoked(format!("its issuer revoked it {}", revoked.text())));
        }
        if crl.scope.some_reasons {
            useless(format!("the revocation list of {} is about some reasons only", crl.issuer_text));
        } else {
            good = Some(format!("the revocation list of {} does not have it", crl.issuer_text));
        }
    }
    Ok(match (good, unknown) {
        (Some(said), _) => Status::Good(said),
        (None, Some(why)) => Status::Unknown(why),
        (None, None) => Status::Unknown("no revocation list of its issuer was given".into()),
    })
}

/// RFC 5280 section 6.3.3 (b) (2).
fn covers(crl: &Crl, certificate: &Certificate<'_>) -> bool {
    let scope = &crl.scope;
    if (scope.users_only && certificate.is_ca()) || (scope.authorities_only && !certificate.is_ca()) {
        return false;
    }
    let Some(named) = &scope.point else { return true };
    let Ok(named) = GeneralNames::of_content(named) else { return false };
    let mut points = Der::new(certificate.extensions.crl_points.unwrap_or(&[]));
    while let Ok(mut point) = points.inside(tag::SEQUENCE) {
        let names = match point.optional(tag::constructed(0)) {
            Ok(Some(name)) => full_name(name).ok().flatten(),
            _ => None,
        };
        let Some(Ok(names)) = names.map(GeneralNames::of_content) else { continue };
        if names.iter().take(20).any(|name| named.iter().take(20).any(|other| other == name)) {
            return true;
        }
    }
    false
}

/// Why nobody on the path signed the list, if nobody did (RFC 5280 section 6.3.3 (f), (g)).
fn unsigned(
    place: usize,
    crl: &Crl,
    signers: &[Signer<'_>],
    verified: &mut Verified,
    budget: &mut Budget,
) -> Result<Option<&'static str>, Stop> {
    let mut why = "nobody on the path has its issuer's name";
    for signer in signers.iter().filter(|signer| signer.subject.folded() == crl.issuer) {
        if signer.usage.is_some_and(|usage| !usage.has(KeyUsage::CRL_SIGN)) {
            why = "its issuer's keyUsage does not allow to sign lists (cRLSign)";
            continue;
        }
        let known = verified.0.iter().find(|(of, key, _)| *of == place && **key == *signer.key.key);
        let holds = match known {
            Some((_, _, holds)) => *holds,
            None => {
                let (algorithm, message, signature) = (&crl.algorithm, &crl.tbs, &crl.signature);
                let holds =
                    budget.verify_statement(&Signed { key: signer.key, algorithm, message, signature })?;
                verified.0.push((place, signer.key.key.into(), holds));
                holds
            }
        };
        if holds {
            return Ok(None);
        }
        why = "its signature was not made by its issuer's key";
    }
    Ok(Some(why))
}

fn by_ocsp(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    issuer: &Signer<'_>,
    staple: &[u8],
    budget: &mut Budget,
) -> Result<Status, Stop> {
    let useless = |why: String| Ok(Status::Unknown(format!("the stapled OCSP response is of no use: {why}")));
    let response = match OcspResponse::read(staple) {
        Ok(response) => response,
        Err(why) => return useless(why.into()),
    };
    if !is_authorised(inquiry, &response, issuer, budget)? {
        return useless("neither the issuer nor a responder that it appointed signed it".into());
    }
    let now = inquiry.now;
    let mut status = None;
    let mut old = None;
    for entry in &response.entries {
        let hash = |bytes: &[u8]| match entry.hash {
            b"\x2b\x0e\x03\x02\x1a" => sha1_identifier(bytes).as_bytes().to_vec(),
            b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" => sha256(bytes).to_vec(),
            _ => Vec::new(),
        };
        if entry.serial != certificate.serial
            || entry.issuer_name_hash != hash(issuer.subject_bytes)
            || entry.issuer_key_hash != hash(issuer.key.key)
        {
            continue;
        }
        let next = entry.next_update;
        if entry.this_update > now || next.is_none_or(|next| now > next) {
            old = Some(match next {
                Some(next) if now > next => format!("it held until {}", time::text(next)),
                Some(_) => format!("it is dated {}", time::text(entry.this_update)),
                None => "it does not say until when it holds".into(),
            });
            continue;
        }
        match entry.status {
            OcspStatus::Revoked(revoked) => {
                return Ok(Status::Revoked(format!("its issuer revoked it {}", revoked.text())));
            }
            OcspStatus::Unknown => old = Some("the responder does not know the certificate".into()),
            OcspStatus::Good => status = Some("the stapled OCSP response says that it is good".into()),
        }
    }
    match (status, old) {
        (Some(said), _) => Ok(Status::Good(said)),
        (None, Some(why)) => useless(why),
        (None, None) => useless("it is about another certificate".into()),
    }
}

/// RFC 6960 section 4.2.2.2: signed by the issuer, or by somebody to whom the
/// issuer itself gave a certificate for signing responses.
fn is_authorised(
    inquiry: &Inquiry<'_>,
    response: &OcspResponse<'_>,
    issuer: &Signer<'_>,
    budget: &mut Budget,
) -> Result<bool, Stop> {
    let is = |subject: Name<'_>, key: SubjectPublicKeyInfo<'_>| match &response.responder {
        Responder::Name(name) => name.folded() == subject.folded(),
        Responder::Key(hash) => *hash == sha1_identifier(key.key).as_bytes(),
    };
    let signed_by = |key: SubjectPublicKeyInfo<'_>, budget: &mut Budget| {
        let OcspResponse { algorithm, tbs: message, signature, .. } = *response;
        budget.verify_statement(&Signed { key, algorithm, message, signature })
    };
    if is(issuer.subject, issuer.key) {
        return signed_by(issuer.key, budget);
    }
    for der in &response.certificates {
        let Ok(delegate) = Certificate::read(der) else { continue };
        let extensions = &delegate.extensions;
        let appointed = is(delegate.subject, delegate.spki)
            && extensions.extended_key_usage.is_some_and(|extended| extended.usage.ocsp_signing)
            && extensions.key_usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE))
            && extensions.malformed.is_none()
            && extensions.duplicate.is_none()
            && extensions.unknown_critical.is_none()
            && delegate.algorithm == delegate.inner_algorithm
            && (delegate.validity.0..=delegate.validity.1).contains(&inquiry.now)
            && delegate.issuer.folded() == issuer.subject.folded();
        if !appointed {
            continue;
        }
        let Certificate { algorithm, tbs: message, signature, .. } = delegate;
        let appointment = Signed { key: issuer.key, algorithm, message, signature };
        if budget.verify_statement(&appointment)? && signed_by(delegate.spki, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}
