//! What the response that the peer stapled proves of its certificate (RFC 6960
//! sections 3.2 and 4.2.2.2).

use super::budget::Budget;
use super::certificate::Certificate;
use super::dn::Name;
use super::extensions::KeyUsage;
use super::inquiry::{Inquiry, Stop};
use super::ocsp::{OcspEntry, OcspResponse, OcspStatus, Responder};
use super::remembered::Signed;
use super::signer::{Signer, Status, Verified, What};
use super::time;
use crate::crypto::kdf::{sha1_identifier, sha256};
use crate::crypto::verify::SubjectPublicKeyInfo;
use crate::limits;
use std::cell::LazyCell;
use std::ops::RangeInclusive;

pub(super) fn by_ocsp<'s>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    issuer: &Signer<'_>,
    staple: &[u8],
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<Status, Stop> {
    let useless = |why: String| Ok(Status::Unknown(format!("the stapled OCSP response is of no use: {why}")));
    budget.spend(staple.len())?;
    let response = match OcspResponse::read(staple) {
        Ok(response) => response,
        Err(why) => return useless(why.into()),
    };
    let now = inquiry.now;
    let Some(authorised) = authorised(now, &response, issuer, verified, budget)? else {
        return useless("neither the issuer nor a responder that it appointed signed it".into());
    };
    // Whose certificates are meant, hashed once however many entries there are.
    let parts = [issuer.subject_bytes, issuer.key.key];
    budget.spend(2 * (issuer.subject_bytes.len() + issuer.key.key.len()))?;
    let sha1 = LazyCell::new(|| parts.map(|part| sha1_identifier(part).as_bytes().to_vec()));
    let sha256 = LazyCell::new(|| parts.map(|part| sha256(part).to_vec()));
    let is_issuers = |entry: &OcspEntry<'_>| {
        let hashes = match entry.hash {
            b"\x2b\x0e\x03\x02\x1a" => &*sha1,
            b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" => &*sha256,
            _ => return false,
        };
        [entry.issuer_name_hash, entry.issuer_key_hash].iter().zip(hashes).all(|(said, own)| said == own)
    };
    let mut status = None;
    let mut old = None;
    for entry in &response.entries {
        if entry.serial != certificate.serial || !is_issuers(entry) {
            continue;
        }
        // A revocation is for good: an old response still proves it, if who
        // signed it might do so at its time.
        if let OcspStatus::Revoked(revoked) = entry.status
            && (authorised.contains(&now) || authorised.contains(&entry.this_update))
        {
            return Ok(Status::Revoked(format!("its issuer revoked it {}", revoked.text())));
        }
        old = match entry.next_update {
            _ if !authorised.contains(&now) => Some(format!(
                "its responder's certificate is valid from {} to {}",
                time::text(*authorised.start()),
                time::text(*authorised.end())
            )),
            Some(next) if now > next => Some(format!("it held until {}", time::text(next))),
            Some(_) if entry.this_update > now.saturating_add(limits::CLOCK_SKEW) => Some(format!(
                "it is dated {}, and judged for {}",
                time::text(entry.this_update),
                time::text(now)
            )),
            None => Some("it does not say until when it holds".into()),
            Some(_) if entry.status == OcspStatus::Good => {
                status = Some("the stapled OCSP response says that it is good".into());
                continue;
            }
            Some(_) => Some("the responder does not know the certificate".into()),
        };
    }
    match (status, old) {
        (Some(said), _) => Ok(Status::Good(said)),
        (None, Some(why)) => useless(why),
        (None, None) => useless("it is about another certificate".into()),
    }
}

/// When the signer might sign (RFC 6960 section 4.2.2.2): always, if it is the
/// issuer; as long as its certificate is valid, if the issuer itself gave it one
/// for signing responses; `None` for anybody else.
fn authorised<'s>(
    now: i64,
    response: &OcspResponse<'_>,
    issuer: &Signer<'_>,
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<Option<RangeInclusive<i64>>, Stop> {
    let name = match &response.responder {
        Responder::Name(name) => name.folded(),
        Responder::Key(_) => Vec::new(),
    };
    let is = |subject: Name<'_>, key: SubjectPublicKeyInfo<'_>| match &response.responder {
        Responder::Name(_) => name == subject.folded(),
        Responder::Key(hash) => *hash == sha1_identifier(key.key).as_bytes(),
    };
    let OcspResponse { algorithm, tbs: message, signature, .. } = *response;
    let signed_by = |key| Signed { key, algorithm, message, signature };
    if is(issuer.subject, issuer.key) {
        let holds = verified.holds(What::Response, &signed_by(issuer.key), budget)?;
        return Ok(holds.then_some(i64::MIN..=i64::MAX));
    }
    let mut past = None;
    for der in &response.certificates {
        budget.spend(3 * der.len() + issuer.subject_bytes.len())?;
        let Ok(delegate) = Certificate::read(der) else { continue };
        let extensions = &delegate.extensions;
        let (from, to) = delegate.validity;
        let appointed = is(delegate.subject, delegate.spki)
            && extensions.extended_key_usage.is_some_and(|extended| extended.usage.ocsp_signing)
            && extensions.key_usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE))
            && delegate.is_sound()
            && issuer.is_issuer_of(&delegate, &delegate.issuer.folded());
        if !appointed {
            continue;
        }
        let Certificate { algorithm, tbs: message, signature, .. } = delegate;
        let appointment = Signed { key: issuer.key, algorithm, message, signature };
        if budget.verify_statement(&appointment)?
            && verified.holds(What::Response, &signed_by(delegate.spki), budget)?
        {
            if (from..=to).contains(&now) {
                return Ok(Some(from..=to));
            }
            past = past.or(Some(from..=to));
        }
    }
    Ok(past)
}
