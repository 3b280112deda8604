//! The rules, each held against what one certificate has.

use super::budget::Budget;
use super::certificate::Certificate;
use super::constraints::{Bases, Violation};
use super::dn::{COMMON_NAME, decoded, shown};
use super::extensions::{KeyUsage, Usage};
use super::inquiry::{Expected, Finding, Inquiry, Judge, Purpose, Sink, Stop};
use super::name::{GeneralName, GeneralNames, addresses_of, is_named, is_strict_dns_name, server_text};
use super::rules::Rule;
use super::sent::Sent;
use super::suffix::{Section, suffix};
use super::time;
use super::words::identifier;
use crate::crypto::der::dotted;
use crate::crypto::kdf::sha256;
use crate::crypto::verify::{KeyKind, SignatureRefused, SubjectPublicKeyInfo, signature_name};
use crate::limits;
use std::cell::LazyCell;

/// Where a certificate stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Leaf,
    Intermediate,
    Root,
}

/// What every certificate is held to, and an anchor, which may have no dates.
pub(super) fn usable<S: Sink>(
    inquiry: &Inquiry<'_>,
    dates: Option<(i64, i64)>,
    key: SubjectPublicKeyInfo<'_>,
    unknown_critical: Option<&[u8]>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    if let Some(dates) = dates {
        validity(inquiry, dates, judge)?;
    }
    public_key(key, judge)?;
    judge.check(Rule::CriticalExtensions, unknown_critical.is_none(), || match unknown_critical {
        Some(oid) => format!("{} is critical", extension_name(oid)),
        None => "no other one is critical".into(),
    })
}

/// The form of every certificate.
pub(super) fn form<S: Sink>(
    certificate: &Certificate<'_>,
    place: Place,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let extensions = &certificate.extensions;
    judge.check(Rule::Version, certificate.version == 3, || {
        format!("it is of version {}", certificate.version)
    })?;
    judge.check(Rule::SignatureAlgorithm, certificate.algorithm == certificate.inner_algorithm, || {
        let (outer, inner) = (certificate.algorithm, certificate.inner_algorithm);
        format!("{} outside, {} inside", signature_name(outer), signature_name(inner))
    })?;
    let odd = extensions.malformed.or(extensions.duplicate);
    judge.check(Rule::Extensions, odd.is_none(), || match (extensions.malformed, odd) {
        (Some(oid), _) => format!("{} is malformed", extension_name(oid)),
        (None, Some(oid)) => format!("{} is there twice", extension_name(oid)),
        (None, None) => "well formed".into(),
    })?;
    judge.check(Rule::IssuerName, !certificate.issuer.is_empty(), || {
        format!("its issuer is {}", certificate.issuer())
    })?;
    judge.check(Rule::CriticalPolicies, !extensions.policies.uncritical, || {
        let one = if extensions.policies.uncritical { "one of them" } else { "none" };
        format!("{one} is there without being critical")
    })?;
    let zero = certificate.serial == [0] && place != Place::Root;
    let negative = certificate.serial.first().is_some_and(|first| *first >= 0x80);
    judge.check(Rule::SerialNumber, !zero && !negative && certificate.serial.len() <= 20, || {
        format!("its serial number is {}", shown(&hex::encode(certificate.serial), 60))
    })?;
    authority_key(certificate, place, judge)?;
    match extensions.authority_access {
        Some(access) => judge.check(Rule::AuthorityAccess, access.well_formed, || {
            let how = if access.well_formed { "well formed" } else { "malformed" };
            format!("its authorityInfoAccess is {how}")
        }),
        None => Ok(()),
    }
}

fn authority_key<S: Sink>(
    certificate: &Certificate<'_>,
    place: Place,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let found = certificate.extensions.authority_key;
    let said = || match found {
        None => "it has no authorityKeyIdentifier".into(),
        Some(found) if found.names_issuer() => {
            "its authorityKeyIdentifier names issuer or serial number".into()
        }
        Some(found) => match found.key {
            Some(key) => format!("its authorityKeyIdentifier is {}", shown(&hex::encode(key), 80)),
            None => "its authorityKeyIdentifier has no key identifier".into(),
        },
    };
    let well_formed = found.is_none_or(|found| found.key.is_some() && !found.names_issuer());
    if place != Place::Root {
        judge.check(Rule::AuthorityKey, found.is_some(), said)?;
        return judge.check(Rule::AuthorityKeyForm, well_formed, said);
    }
    if !certificate.is_self_issued() {
        return judge.check(Rule::AuthorityKey, found.is_some(), said);
    }
    let own = certificate.extensions.subject_key.map(|own| own.key);
    // Both ways of naming the issuer, where they are used, lead to the root itself.
    let is_own = found.is_none_or(|found| {
        let issuer = match (found.issuer, found.serial) {
            (None, None) => true,
            (Some(issuer), Some(serial)) => {
                let own = GeneralName::Directory(certificate.subject_bytes);
                let issuer = GeneralNames::of_content(issuer);
                serial == certificate.serial && issuer.is_ok_and(|names| names.iter().all(|name| name == own))
            }
            _ => false,
        };
        issuer && found.key.is_some() && found.key == own
    });
    judge.check(Rule::RootNamesItself, is_own, said)?;
    judge.check(Rule::RootAuthorityKey, well_formed && is_own, said)
}

/// What every authority is held to, the root included.
pub(super) fn authority<S: Sink>(
    certificate: &Certificate<'_>,
    place: Place,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let extensions = &certificate.extensions;
    judge.check(Rule::SubjectName, !certificate.subject.is_empty(), || {
        format!("its subject is {}", certificate.subject())
    })?;
    let signs = extensions.key_usage.map(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    if let Some(usage) = extensions.key_usage {
        judge.check(Rule::KeyUsage, usage.has(KeyUsage::KEY_CERT_SIGN), || {
            format!("its keyUsage is {}", usage.text())
        })?;
    }
    let basic = extensions.basic_constraints;
    let said = || match basic {
        Some(basic) if basic.critical => format!("its basicConstraints is critical, its cA is {}", basic.ca),
        Some(basic) => format!("its basicConstraints is not critical, its cA is {}", basic.ca),
        None => "it has no basicConstraints".into(),
    };
    let critical = basic.is_some_and(|basic| basic.critical);
    if place == Place::Root {
        judge.check(Rule::BasicConstraints, basic.is_none_or(|basic| basic.ca), said)?;
        judge.check(Rule::RootBasicConstraints, basic.is_some() || certificate.version == 1, said)?;
        judge.check(Rule::RootCriticalBasicConstraints, critical, said)?;
    } else {
        // That it is there at all is the issuer's own check.
        judge.check(Rule::CriticalBasicConstraints, critical || basic.is_none(), said)?;
    }
    let length = basic.and_then(|basic| basic.path_length);
    judge.check(Rule::PathLengthUsage, length.is_none() || signs == Some(true), || match length {
        Some(length) if signs == Some(true) => {
            format!("it has a path length of {length}, and keyCertSign")
        }
        Some(length) => format!("it has a path length of {length}, and no keyCertSign"),
        None => "it has no path length".into(),
    })?;
    let critical = extensions.constraints.is_none_or(|found| found.critical);
    judge.check(Rule::CriticalNameConstraints, critical, || {
        if critical {
            "it has none that is not critical".into()
        } else {
            "its nameConstraints is not critical".into()
        }
    })?;
    let rule = if place == Place::Root { Rule::RootSubjectKey } else { Rule::SubjectKey };
    judge.check(rule, extensions.subject_key.is_some(), || match extensions.subject_key {
        Some(id) => format!("its subjectKeyIdentifier is {}", shown(&hex::encode(id.key), 80)),
        None => "it has no subjectKeyIdentifier".into(),
    })
}

pub(super) fn host_name<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    match &inquiry.name {
        None => Ok(()),
        Some(Expected::NotGiven) => {
            judge.check(Rule::HostName, false, || "no server name was given to compare with".into())
        }
        Some(Expected::Server(server)) => {
            let named = is_named(certificate.general_names(), server);
            judge.check(Rule::HostName, named, || {
                let server = server_text(server);
                match certificate.version {
                    1 => format!("it is of version 1, which names nobody, nor {server}"),
                    _ if named => format!("it names {server}"),
                    _ => format!("it does not name {server}"),
                }
            })
        }
    }
}

pub(super) fn pinned_key<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let Some(pins) = &inquiry.pins else {
        return Ok(());
    };
    let found = sha256(certificate.spki_bytes);
    judge.check(Rule::Pin, pins.contains(&found), || {
        format!("its public key has the SHA-256 {}", hex::encode(found))
    })
}

pub(super) fn validity<S: Sink>(
    inquiry: &Inquiry<'_>,
    (not_before, not_after): (i64, i64),
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let now = inquiry.now;
    judge.check(Rule::Validity, (not_before..=not_after).contains(&now), || {
        let clock = time::text(now);
        if now > not_after {
            let since = time::span(now.abs_diff(not_after));
            format!("it expired {since} ago, on {} (judged for {clock})", time::text(not_after))
        } else if now < not_before {
            let until = time::span(not_before.abs_diff(now));
            let from = time::text(not_before);
            format!("it becomes valid in {until}, on {from} (judged for {clock})")
        } else {
            format!("it is valid from {} to {}", time::text(not_before), time::text(not_after))
        }
    })
}

pub(super) fn public_key<S: Sink>(
    key: SubjectPublicKeyInfo<'_>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let passed = match key.kind() {
        Some(KeyKind::Rsa { bits }) => (2048..=8192).contains(&bits) && bits % 8 == 0,
        Some(KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519) => true,
        None => false,
    };
    judge.check(Rule::PublicKey, passed, || format!("its public key is {}", key.describe()))
}

pub(super) fn purpose<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    match certificate.extensions.extended_key_usage {
        Some(extended) => judge.check(Rule::ExtendedKeyUsage, allows(inquiry, extended.usage), || {
            format!("its extKeyUsage is {}", extended.text())
        }),
        None => Ok(()),
    }
}

pub(super) fn allows(inquiry: &Inquiry<'_>, usage: Usage) -> bool {
    usage.any
        || match inquiry.purpose {
            Purpose::Server => usage.server_auth,
            Purpose::Client => usage.client_auth,
        }
}

/// Self-issued certificates and the leaf do not count (RFC 5280 section 6.1.4 (l)).
pub(super) fn intermediates(below: &[&Sent<'_>]) -> usize {
    below.iter().skip(1).filter(|sent| !sent.certificate.is_self_issued()).count()
}

pub(super) fn path_length<S: Sink>(
    below: &[&Sent<'_>],
    allowed: Option<u32>,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let Some(allowed) = allowed else {
        return Ok(());
    };
    let count = intermediates(below);
    let passed = usize::try_from(allowed).is_ok_and(|allowed| count <= allowed);
    judge.check(Rule::PathLength, passed, || {
        let stand = if count == 1 { "intermediate stands" } else { "intermediates stand" };
        format!("{count} {stand} below, and its path length allows {allowed}")
    })
}

pub(super) fn constraints<S: Sink>(
    below: &[&Sent<'_>],
    bases: &Bases,
    budget: &mut Budget,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    judge.check(Rule::ConstraintForm, !bases.leading_dot, || match bases.leading_dot {
        true => "a host name among its constraints begins with a dot".into(),
        false => "its constraints are in their strict form".into(),
    })?;
    for (place, sent) in below.iter().enumerate() {
        // Self-issued certificates are excepted, unless they are the last.
        if place > 0 && sent.certificate.is_self_issued() {
            continue;
        }
        let Err(violation) = bases.check(sent.names(budget)?, budget)? else { continue };
        return judge.check(Rule::NameConstraints, false, || match violation {
            Violation::Excluded(name) => format!("it excludes {}", name.text()),
            Violation::NotPermitted(name) => format!("it does not permit {}", name.text()),
            Violation::Unclear(name) => {
                format!("it constrains what {} cannot be held against", name.text())
            }
            Violation::TooMany => {
                format!("it has more constraints than the {} that are looked at", limits::CONSTRAINTS)
            }
        });
    }
    judge.check(Rule::NameConstraints, true, || "all names below are within its constraints".into())
}

pub(super) fn alt_names<S: Sink>(
    inquiry: &Inquiry<'_>,
    certificate: &Certificate<'_>,
    budget: &mut Budget,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    let names = certificate.general_names();
    if judge.holds_to(Rule::AltNames) {
        let found = certificate.extensions.names;
        let is_odd =
            |name: &GeneralName<'_>| matches!(name, GeneralName::Dns(name) if !is_strict_dns_name(name));
        // Who is not looked for by name need not have one.
        let there =
            found.map_or(inquiry.name.is_none(), |names| names.critical == certificate.subject.is_empty());
        judge.check(Rule::AltNames, !names.has_odd_dns && there, || {
            match (found, names.iter().find(is_odd)) {
                (None, _) => "it has no subjectAltName".into(),
                (Some(_), Some(odd)) => format!("the name {} is not in its strict form", odd.text()),
                (Some(names), None) if names.critical => "its subjectAltName is critical".into(),
                (Some(_), None) => "its subjectAltName is not critical".into(),
            }
        })?;
    }
    let rules = [(Rule::PublicSuffix, Section::Registries), (Rule::PrivateSuffix, Section::Private)];
    let mut wide = [None; 2];
    let looked_up = cfg!(feature = "public-suffix") && names.has_wildcard;
    if looked_up && rules.iter().any(|(rule, _)| judge.holds_to(*rule)) {
        // The list is looked at for the few wildcards alone.
        budget.spend(octets_of_names(certificate))?;
        let wildcards = names.iter().filter_map(|name| match name {
            GeneralName::Dns(name) => Some((name, name.strip_prefix("*.")?)),
            _ => None,
        });
        for (name, parent) in wildcards {
            budget.spend(PER_SUFFIX)?;
            let found = suffix(parent);
            for ((_, section), wide) in rules.iter().zip(&mut wide) {
                *wide = wide.or((found.as_ref() == Some(section)).then_some(name));
            }
        }
    }
    for ((rule, _), wide) in rules.into_iter().zip(wide) {
        judge.check(rule, wide.is_none(), || match wide {
            Some(name) => format!("{} is a wildcard over a public suffix", shown(name, 120)),
            None => "it has no such wildcard".into(),
        })?;
    }
    Ok(())
}

/// What it costs to look a name up in the list of public suffixes.
const PER_SUFFIX: usize = 200;

/// What all of the names cost that are looked at once.
fn octets_of_names(certificate: &Certificate<'_>) -> usize {
    certificate.extensions.names.map_or(0, |found| found.names.octets())
}

pub(super) fn common_name<S: Sink>(
    certificate: &Certificate<'_>,
    budget: &mut Budget,
    judge: &mut Judge<'_, S>,
) -> Result<(), Stop> {
    if !judge.holds_to(Rule::CommonName) && !judge.holds_to(Rule::CommonNameForm) {
        return Ok(());
    }
    let mut found = certificate.subject.attributes().filter(|(oid, _)| *oid == COMMON_NAME);
    for (_, value) in found.by_ref().take(limits::COMMON_NAMES) {
        budget.spend(value.content.len() + octets_of_names(certificate))?;
        let text = decoded(value).unwrap_or_default();
        let addresses = LazyCell::new(|| addresses_of(&text));
        let said = || format!("its common name is {}", shown(&text, 80));
        let (mut repeated, mut misspelt) = (false, false);
        for name in certificate.names() {
            match name {
                GeneralName::Dns(name) if name == text => repeated = true,
                GeneralName::Ip(octets) if addresses.is_text_of(octets) => repeated = true,
                // Spelled otherwise: a host in other letters, an address in another form.
                GeneralName::Dns(name) => misspelt |= name.eq_ignore_ascii_case(&text),
                GeneralName::Ip(octets) => misspelt |= addresses.contains(octets),
                _ => {}
            }
        }
        judge.check(Rule::CommonName, repeated, said)?;
        let host_like = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '*');
        let u_label = !text.is_ascii() && text.contains('.') && text.chars().all(host_like);
        judge.check(Rule::CommonNameForm, repeated || !(u_label || misspelt), said)?;
    }
    let more = found.next().is_some();
    for rule in [Rule::CommonName, Rule::CommonNameForm] {
        if more {
            judge.check(rule, false, || format!("it has more than {} common names", limits::COMMON_NAMES))?;
        }
    }
    Ok(())
}

/// A certificate's names, as many as a person wants to read.
pub(super) fn names_text(certificate: &Certificate<'_>) -> String {
    const MOST: usize = 10;
    let mut names: Vec<String> = certificate.names().take(MOST).map(|name| name.text()).collect();
    let more = certificate.names().skip(MOST).count();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// A signature's check, in words.
pub(super) fn signature_finding(
    certificate: &Certificate<'_>,
    issuer: SubjectPublicKeyInfo<'_>,
    result: Result<(), SignatureRefused>,
) -> Finding {
    let name = signature_name(certificate.algorithm);
    let found = match result {
        Ok(()) => name,
        Err(SignatureRefused::UnknownScheme) => {
            format!("signed with {name}, which is not accepted")
        }
        Err(SignatureRefused::WrongKey) => {
            format!("signed with {name}, for which the issuer's key is of the wrong kind")
        }
        Err(SignatureRefused::BadKey) => {
            format!("signed with {name} by a key that can sign nothing: {}", issuer.describe())
        }
        Err(SignatureRefused::Bad) => match issuer.kind() {
            Some(KeyKind::Rsa { bits }) if !(2048..=8192).contains(&bits) => {
                format!("signed with {name} by a key of {bits} bits, which is not accepted")
            }
            _ => "its signature was not made by the key of its issuer".into(),
        },
    };
    Finding { rule: Rule::Signature, passed: result.is_ok(), found }
}

/// An extension's name.
fn extension_name(oid: &[u8]) -> String {
    let dotted = dotted(oid);
    let known = match dotted.as_str() {
        "2.5.29.14" => "subjectKeyIdentifier",
        "2.5.29.15" => "keyUsage",
        "2.5.29.17" => "subjectAltName",
        "2.5.29.19" => "basicConstraints",
        "2.5.29.30" => "nameConstraints",
        "2.5.29.31" => "cRLDistributionPoints",
        "2.5.29.32" => "certificatePolicies",
        "2.5.29.33" => "policyMappings",
        "2.5.29.35" => "authorityKeyIdentifier",
        "2.5.29.36" => "policyConstraints",
        "1.3.6.1.5.5.7.1.24" => "the TLS feature extension",
        "2.5.29.37" => "extKeyUsage",
        "2.5.29.54" => "inhibitAnyPolicy",
        "1.3.6.1.5.5.7.1.1" => "authorityInfoAccess",
        "1.3.6.1.4.1.11129.2.4.3" => "the poison of a precertificate",
        _ => return format!("the extension {}", identifier(oid)),
    };
    known.into()
}
