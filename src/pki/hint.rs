//! What may be the reason where a chain is refused, and what can be done.

use super::certificate::Certificate;
use super::checks::names_text;
use super::dn::{COMMON_NAME, decoded, shown};
use super::inquiry::{Expected, Inquiry, Purpose};
use super::name::{GeneralName, server_text};
use super::rules::{Profile, Rule};
use super::story::End;
use super::time;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo, verify_certificate};
use rustls_pki_types::ServerName;

/// What a path that reaches no root lacks, and what can be done.
pub(super) fn no_root(
    last: &Certificate<'_>,
    length: usize,
    end: End,
    inquiry: &Inquiry<'_>,
    any_roots: bool,
) -> (String, Option<String>) {
    let issuer = last.issuer();
    let peer = match inquiry.purpose {
        Purpose::Server => "the server",
        Purpose::Client => "the client",
    };
    if !any_roots {
        let alone = last.is_self_issued() && length == 1;
        let hint =
            if alone { "it is self-signed; no roots are configured" } else { "no roots are configured" };
        return ("there are no trusted roots at all".into(), Some(hint.into()));
    }
    if end.too_long {
        return (
            format!("its path goes on, and {length} certificates and a root are as many as it may have"),
            Some(format!(
                "paths of {} certificates are taken: a setting of the verifier allows longer ones (with_longest_path)",
                inquiry.longest_path
            )),
        );
    }
    if end.cut_short {
        return ("too many certificates could be its issuer's to try them all".into(), None);
    }
    if end.root_with_other_key {
        let found = match (end.self_signed, length) {
            (true, 1) => format!("it is self-signed, with another key than the trusted root {issuer}"),
            (true, _) => {
                format!("{issuer} is self-signed, with another key than the trusted root of that name")
            }
            (false, _) => format!("a trusted root is named {issuer}, but its key did not make the signature"),
        };
        let hint = match (end.self_signed, length) {
            (true, 1) => {
                "that a root has its name, too, proves nothing: if you know that it is the right one, trust it as a root, or pin its key"
            }
            _ => {
                "the authority may have a new key, which is not among the roots; or somebody else uses its name"
            }
        };
        return (found, Some(hint.into()));
    }
    if last.is_self_issued() && !end.sent_with_other_key {
        return if length == 1 {
            (
                "it is self-signed, and not among the trusted roots".into(),
                Some("it is self-signed: if you know that it is the right one, trust it as a root, or pin its key".into()),
            )
        } else {
            (
                format!("the path ends in {issuer}, which is not among the trusted roots"),
                Some("if you trust this authority, add its root certificate to the trusted roots".into()),
            )
        };
    }
    let found = if end.sent_with_other_key {
        format!("the certificates of {issuer} that were sent have another key than its issuer's")
    } else {
        format!("no certificate of its issuer {issuer} was sent, and no trusted root has that name")
    };
    let where_to = last
        .extensions
        .authority_access
        .and_then(|access| access.issuers)
        .map_or(String::new(), |uri| format!("; it can be had at {}", shown(uri, 200)));
    let hint = if length == 1 {
        format!(
            "{peer} left out the intermediate certificate {issuer}, or it is a root that is not trusted here{where_to}"
        )
    } else {
        format!(
            "{issuer} is a root that is not trusted here, or an intermediate certificate that {peer} left out{where_to}"
        )
    };
    (found, Some(hint))
}

/// What helps where a certificate breaks a rule.
pub(super) fn hint(rule: Rule, certificate: &Certificate<'_>, inquiry: &Inquiry<'_>) -> Option<String> {
    let said = match rule {
        Rule::HostName => return Some(name_hint(certificate, inquiry)),
        Rule::Validity => return Some(clock_hint(certificate.validity, inquiry.now)),
        Rule::Signature => match signature_refused(certificate) {
            true => "its authority must issue it again, signed with SHA-256 or better",
            false => "the certificate was altered, or made by somebody who does not have the issuer's key",
        },
        Rule::PublicKey => "a certificate with another key is needed: RSA of 2048 bits, or P-256",
        Rule::ExtendedKeyUsage | Rule::KeyUsage | Rule::DigitalSignature => {
            "the certificate was made for another use"
        }
        Rule::BasicConstraints => "a certificate that is no authority's was used to issue another",
        Rule::PathLength => "the authority that issued it was not allowed to have authorities below it",
        Rule::NameConstraints => "an authority issued it for names that it may not issue for",
        Rule::LeafIsNoAuthority => {
            "an authority's certificate is shown as the peer's own: it needs one for itself, issued by that authority"
        }
        Rule::Pin => "the peer has a new key, or it is somebody else",
        Rule::ExactLeaf => "the peer has a new certificate, or it is somebody else",
        Rule::Revoked => "its authority says not to trust it any more: it must be replaced",
        Rule::MustStaple => "the server is to be configured to staple OCSP responses",
        Rule::RevocationStatus => {
            "a current revocation list of its issuer's is needed, or a stapled OCSP response"
        }
        Rule::CriticalExtensions => "the certificate may be meant for software that knows this extension",
        _ if !Profile::PRIVATE.has(rule) => {
            "if it is from an authority of your own, the profile `private` does not hold to this rule"
        }
        _ if Profile::PRIVATE.relaxable().any(|one| one == rule) => {
            "if it is from an authority of your own, the profile `private` can relax this rule by its name"
        }
        _ => return None,
    };
    Some(said.into())
}

fn signature_refused(certificate: &Certificate<'_>) -> bool {
    let nobody = SubjectPublicKeyInfo { algorithm: &[], key: &[] };
    verify_certificate(certificate.algorithm, nobody, &[], &[]) == Err(SignatureRefused::UnknownScheme)
}

fn name_hint(certificate: &Certificate<'_>, inquiry: &Inquiry<'_>) -> String {
    let names = names_text(certificate);
    let common = certificate.subject.attributes().find(|(oid, _)| *oid == COMMON_NAME);
    let common = common.and_then(|(_, value)| decoded(value)).unwrap_or_default();
    let Some(Expected::Server(server)) = &inquiry.name else {
        return format!("names in the certificate: {names}");
    };
    let looked_for = server_text(server);
    let is_address = matches!(server, ServerName::IpAddress(_));
    if certificate.names().next().is_none() {
        return if common.eq_ignore_ascii_case(&looked_for) {
            format!(
                "only its common name is {}, which is not read as a host name: it needs a subjectAltName",
                shown(&common, 80)
            )
        } else {
            "the certificate has no subjectAltName; a common name is not read as a host name".into()
        };
    }
    if is_address {
        let in_text = |name| matches!(name, GeneralName::Dns(name) if name == looked_for);
        if certificate.names().any(in_text) {
            return "the address is there as text, as a DNS name: it must be an iPAddress".into();
        }
        if !certificate.names().any(|name| matches!(name, GeneralName::Ip(_))) {
            return format!("the certificate is for names, not for addresses: {names}");
        }
    }
    let host = looked_for.to_ascii_lowercase();
    let too_deep = |name| match name {
        GeneralName::Dns(name) => name.strip_prefix("*").is_some_and(|parent| {
            host.strip_suffix(&parent.to_ascii_lowercase()).is_some_and(|labels| labels.contains('.'))
        }),
        _ => false,
    };
    match certificate.names().find(|name| too_deep(*name)) {
        Some(wildcard) => {
            format!("{} stands for one label only; names in the certificate: {names}", wildcard.text())
        }
        None => format!("names in the certificate: {names}"),
    }
}

/// Whose clock may be wrong where a certificate is of another time.
pub(super) fn clock_hint((not_before, not_after): (i64, i64), now: i64) -> String {
    const YEAR: u64 = 31_536_000;
    let early = now < not_before;
    let off = if early { not_before.abs_diff(now) } else { now.abs_diff(not_after) };
    if off > 2 * YEAR {
        let way = if early { "behind" } else { "ahead" };
        return format!(
            "the clock of this machine may be years {way}: it says {}, and the certificate is of {}",
            time::text(now),
            time::text(not_before)
        );
    }
    match early {
        true => "the certificate is not to be used yet, or the clock of this machine is behind".into(),
        false => {
            "the certificate must be renewed; if it should be valid, look at the clock of this machine".into()
        }
    }
}
