//! The verdict on a chain: each check of the path, and of what was tried beside
//! it, in words. An accepted chain's report keeps the certificates and is
//! worded when somebody reads it: most reports are not read.

use super::budget::Budget;
use super::certificate::Certificate;
use super::chain::Path;
use super::checks::{names_text, signature_finding};
use super::dn::{COMMON_NAME, decoded, shown};
use super::inquiry::{Expected, Finding, Inquiry, Purpose};
use super::judge;
use super::name::{GeneralName, server_text};
use super::roots::Anchor;
use super::rules::{Profile, Rule};
use super::sent::Sent;
use super::signer::Verified;
use super::story::{Attempt, Branch, End};
use super::time;
use crate::alert::AlertDescription;
use crate::crypto::der::Der;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo, verify_certificate};
use crate::observe::Check;
use crate::said::debug_is_display;
use rustls_pki_types::ServerName;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The verdict on a chain, and why. `{}` and `{:?}` give one sentence, `{:#}`
/// and `{:#?}` also the path and every check.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
/// # let now = handfast::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
/// use handfast::pki::{Purpose, Roots, ServerName, Verifier};
/// let name = ServerName::try_from("example.com").unwrap();
/// let chain = [made.cert.der().clone()];
/// let refused = Verifier::web_pki(Roots::new())
///     .verify(&chain, Some(&name), Purpose::Server, now)
///     .unwrap_err();
/// println!("{:#}", refused.report);
/// assert!(refused.report.hint().unwrap().contains("self-signed"));
/// ```
#[derive(Clone)]
pub struct Report(Box<Inner>);

#[derive(Clone)]
struct Inner {
    /// The weightiest rule that is broken, if one is.
    broken: Option<Rule>,
    cost: usize,
    basis: Basis,
    text: OnceLock<Text>,
}

/// The octets of certificates, one after the other.
fn joined<'a>(certificates: impl Iterator<Item = &'a [u8]> + Clone) -> Box<[u8]> {
    let mut all = Vec::with_capacity(certificates.clone().map(<[u8]>::len).sum());
    certificates.for_each(|der| all.extend_from_slice(der));
    all.into()
}

/// What the words are made of, where they are not made yet.
#[derive(Clone)]
enum Basis {
    Words,
    /// The certificates follow one another, from the leaf up; then those off the
    /// path that signed lists.
    Path {
        certificates: Box<[u8]>,
        list_signers: Box<[u8]>,
        anchor: Arc<Anchor>,
        inquiry: Inquiry<'static>,
    },
    Leaf {
        certificate: Box<[u8]>,
        exactly: bool,
        inquiry: Inquiry<'static>,
    },
}

#[derive(Clone, Default)]
struct Text {
    sentence: String,
    hint: Option<String>,
    /// Subjects, from the leaf up.
    path: Vec<String>,
    checks: Vec<(usize, Finding)>,
    tree: Vec<Branch>,
}

impl Report {
    /// Whether the chain was accepted.
    pub fn accepted(&self) -> bool {
        self.0.broken.is_none()
    }

    /// The alert that the peer is sent, if the chain was refused.
    pub fn alert(&self) -> Option<AlertDescription> {
        self.0.broken.map(Rule::alert)
    }

    /// The weightiest rule that is broken, if the chain was refused.
    pub fn broken(&self) -> Option<Rule> {
        self.0.broken
    }

    /// What the verdict cost, in octets looked at: what a certificate's reading, a
    /// name's comparison, a step of the search and a signature take
    /// ([`limits::SIGNATURE_COST`](crate::limits::SIGNATURE_COST)). No chain costs more than
    /// [`limits::CHAIN_COST`](crate::limits::CHAIN_COST), and a refused one than
    /// [`limits::CHAIN_COST_OF_WORDS`](crate::limits::CHAIN_COST_OF_WORDS) beside that. Nothing,
    /// where no path is searched.
    pub fn cost(&self) -> usize {
        self.0.cost
    }

    /// The store whose root the accepted path reaches, if that store has a name: see
    /// [`Roots::of_store`](super::Roots::of_store).
    pub fn store(&self) -> Option<&str> {
        match &self.0.basis {
            Basis::Path { anchor, .. } => anchor.store.as_deref(),
            Basis::Words | Basis::Leaf { .. } => None,
        }
    }

    /// The verdict in one sentence.
    pub fn sentence(&self) -> &str {
        &self.text().sentence
    }

    /// What may be the reason, or what can be done, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.text().hint.as_deref()
    }

    /// The subjects of the path, from the leaf up, hostile text escaped.
    pub fn path(&self) -> impl Iterator<Item = &str> {
        self.text().path.iter().map(String::as_str)
    }

    /// Each check of the path, from the leaf up.
    pub fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        let text = self.text();
        text.checks.iter().map(|(depth, finding)| Check {
            depth: *depth,
            certificate: text.path.get(*depth).map_or("(none)", String::as_str),
            rule: finding.rule.name(),
            section: finding.rule.section(),
            found: &finding.found,
            required: finding.rule.required(),
            passed: finding.passed,
        })
    }

    /// Every check that failed, not only the first.
    pub fn failures(&self) -> impl Iterator<Item = Check<'_>> {
        self.checks().filter(|check| !check.passed)
    }

    /// The search's story, line by line: how deep, whether it went well, the text.
    pub fn tree(&self) -> impl Iterator<Item = (usize, bool, &str)> {
        self.text().tree.iter().map(|branch| (branch.depth, branch.passed, branch.text.as_str()))
    }

    pub(super) fn of_path(path: &Path<'_>, inquiry: Inquiry<'_>, cost: usize) -> Self {
        let certificates = joined(path.certificates.iter().map(|sent| sent.certificate.der));
        let list_signers = joined(path.list_signers.iter().map(|signer| signer.der));
        let (anchor, inquiry) = (Arc::clone(&path.anchor), inquiry.into_owned());
        Self::unworded(Basis::Path { certificates, list_signers, anchor, inquiry }).costing(cost)
    }

    /// The same for a verdict that cost this.
    pub(super) fn costing(mut self, cost: usize) -> Self {
        self.0.cost = cost;
        self
    }

    /// A leaf that was accepted for itself: exactly the one given, or by its key.
    pub(super) fn of_leaf(leaf: &Certificate<'_>, exactly: bool, inquiry: Inquiry<'_>) -> Self {
        let inquiry = inquiry.into_owned();
        Self::unworded(Basis::Leaf { certificate: leaf.der.into(), exactly, inquiry })
    }

    pub(super) fn without_checks(leaf: &Certificate<'_>) -> Self {
        let sentence = format!("{} was accepted without any check", leaf.subject());
        Self::worded(None, Text { sentence, path: vec![leaf.subject()], ..Text::default() })
    }

    /// The chain cannot even be judged.
    pub(super) fn unreadable(found: String) -> Self {
        let finding = Finding { rule: Rule::Readable, passed: false, found };
        let sentence = refusal(&finding, "the peer", 0);
        Self::worded(Some(Rule::Readable), Text { sentence, checks: vec![(0, finding)], ..Text::default() })
    }

    /// A leaf that was refused for itself.
    pub(super) fn refused_leaf(
        leaf: &Certificate<'_>,
        findings: Vec<Finding>,
        inquiry: &Inquiry<'_>,
    ) -> Self {
        let path = vec![leaf.subject()];
        let checks: Vec<_> = findings.into_iter().map(|finding| (0, finding)).collect();
        Self::refused(path, checks, Vec::new(), |rule| hint(rule, leaf, inquiry))
    }

    pub(super) fn refused_chain(
        attempt: Attempt<'_>,
        unreadable: &[(usize, &'static str)],
        inquiry: &Inquiry<'_>,
        any_roots: bool,
    ) -> Self {
        let Attempt { certificates, anchor, findings, mut tree, end } = attempt;
        let mut path: Vec<String> = certificates.iter().map(|sent| sent.certificate.subject()).collect();
        path.extend(anchor.as_ref().map(|anchor| anchor.text()));
        let mut checks: Vec<(usize, Finding)> = Vec::new();
        for (depth, findings) in findings.into_iter().enumerate() {
            for finding in findings {
                // A signature is its certificate's, though its issuer's key is needed to see it.
                let signed = finding.rule == Rule::Signature;
                checks.push((if signed { depth.saturating_sub(1) } else { depth }, finding));
            }
        }
        checks.sort_by_key(|(depth, _)| *depth);
        let mut trust_hint = None;
        let no_root_rule = if end.too_long { Rule::Depth } else { Rule::Trust };
        if let (None, Some(last)) = (&anchor, certificates.last()) {
            let (found, hint) = no_root(&last.certificate, certificates.len(), end, inquiry, any_roots);
            trust_hint = hint;
            checks.push((
                certificates.len().saturating_sub(1),
                Finding { rule: no_root_rule, passed: false, found },
            ));
        }
        for (place, reason) in unreadable {
            let text = format!("number {} that was sent is malformed: {reason}", place + 1);
            tree.push(Branch { depth: 0, passed: false, text });
        }
        let at = |depth: usize| certificates.get(depth).map(|sent| &sent.certificate);
        Self::refused(path, checks.clone(), tree, |rule| {
            if rule == no_root_rule {
                return trust_hint.clone();
            }
            let (depth, _) = checks.iter().find(|(_, f)| f.rule == rule && !f.passed)?;
            match at(*depth) {
                Some(certificate) => hint(rule, certificate, inquiry),
                // The anchor's.
                None if rule == Rule::Validity => Some(clock_hint(anchor.as_ref()?.validity?, inquiry.now)),
                None => None,
            }
        })
    }

    fn refused(
        path: Vec<String>,
        checks: Vec<(usize, Finding)>,
        tree: Vec<Branch>,
        hint: impl Fn(Rule) -> Option<String>,
    ) -> Self {
        let failed = checks.iter().filter(|(_, finding)| !finding.passed);
        let count = failed.clone().count();
        // The table's order is that of the rules' weight.
        let Some((depth, weightiest)) = failed.min_by_key(|(_, finding)| finding.rule as u8) else {
            return Self::unreadable("a chain that was refused for no reason that is known".into());
        };
        let rule = weightiest.rule;
        let whose = match (depth, path.get(*depth)) {
            (0, Some(name)) => format!("the certificate of {name}"),
            (_, Some(name)) => format!("the issuer {name}"),
            (_, None) => "the certificate".into(),
        };
        let sentence = refusal(weightiest, &whose, count.saturating_sub(1));
        let hint = hint(rule);
        Self::worded(Some(rule), Text { sentence, hint, path, checks, tree })
    }

    fn worded(broken: Option<Rule>, text: Text) -> Self {
        let cell = OnceLock::from(text);
        Self(Box::new(Inner { broken, cost: 0, basis: Basis::Words, text: cell }))
    }

    fn unworded(basis: Basis) -> Self {
        Self(Box::new(Inner { broken: None, cost: 0, basis, text: OnceLock::new() }))
    }

    fn text(&self) -> &Text {
        self.0.text.get_or_init(|| match &self.0.basis {
            Basis::Words => Text::default(),
            Basis::Path { certificates, list_signers, anchor, inquiry } => {
                path_text(certificates, list_signers, anchor, inquiry)
            }
            Basis::Leaf { certificate, exactly, inquiry } => leaf_text(certificate, *exactly, inquiry),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.write_str(&text.sentence)?;
        if let Some(hint) = &text.hint {
            write!(f, " ({hint})")?;
        }
        if !f.alternate() {
            return Ok(());
        }
        for Branch { depth, passed, text } in &text.tree {
            let mark = if *passed { "ok  " } else { "FAIL" };
            write!(f, "\n{mark} {:indent$}{text}", "", indent = depth * 2)?;
        }
        if text.tree.is_empty() {
            for check in self.checks() {
                let mark = if check.passed { "ok  " } else { "FAIL" };
                write!(f, "\n{mark} {}: {}: {}", check.certificate, check.rule, check.found)?;
            }
        }
        Ok(())
    }
}

debug_is_display!(Report);

fn refusal(weightiest: &Finding, whose: &str, others: usize) -> String {
    let Finding { rule, found, .. } = weightiest;
    let more = match others {
        0 => String::new(),
        1 => ", and one more rule is broken".into(),
        _ => format!(", and {others} more rules are broken"),
    };
    format!("{whose} was refused: {found}; required is {} ({}){more}", rule.required(), rule.section())
}

/// Certificates that follow one another.
fn read_all(certificates: &[u8]) -> Vec<Certificate<'_>> {
    let mut rest = Der::new(certificates);
    let values = std::iter::from_fn(|| rest.any().ok());
    values.filter_map(|value| Certificate::read(value.bytes).ok()).collect()
}

/// An accepted path, judged once more for its words. The signatures held.
fn path_text(certificates: &[u8], list_signers: &[u8], anchor: &Anchor, inquiry: &Inquiry<'_>) -> Text {
    let read: Vec<_> =
        read_all(certificates).into_iter().enumerate().map(|(place, one)| Sent::new(place, one)).collect();
    let all: Vec<_> = read.iter().collect();
    let mut text = Text::default();
    let mut budget = Budget::FULL;
    let mut take = |depth: usize, name: String, label: &str, findings: Vec<Finding>| {
        text.tree.push(Branch { depth, passed: true, text: format!("{name} ({label})") });
        for finding in findings {
            let line = format!("{}: {}", finding.rule.name(), finding.found);
            text.tree.push(Branch { depth: depth + 1, passed: finding.passed, text: line });
            text.checks.push((depth, finding));
        }
        text.path.push(name);
    };
    for (depth, sent) in all.iter().enumerate() {
        let (below, above) = all.split_at_checked(depth).unwrap_or((&all, &[]));
        let certificate = &sent.certificate;
        let issuer = above.get(1).map_or(anchor.spki(), |issuer| issuer.certificate.spki);
        let mut findings = vec![signature_finding(certificate, issuer, Ok(()))];
        let label = if depth == 0 { "the leaf" } else { "sent" };
        // Words alone: the path has held.
        let _ = match depth {
            0 => judge::leaf(inquiry, certificate, &mut findings)
                .and_then(|()| judge::names_of_leaf(inquiry, certificate, &mut budget, &mut findings)),
            _ => judge::issuer(inquiry, below, certificate, &mut findings)
                .and_then(|()| judge::below_issuer(inquiry, below, sent, &mut budget, &mut findings)),
        };
        take(depth, certificate.subject(), label, findings);
    }
    let found = "a trusted root".into();
    let mut findings = vec![Finding { rule: Rule::Trust, passed: true, found }];
    let _ = judge::anchor(inquiry, &all, anchor, &mut findings)
        .and_then(|()| judge::below_anchor(inquiry, &all, anchor, &mut budget, &mut findings))
        .and_then(|()| judge::form_of_anchor(inquiry, &all, anchor, &mut findings));
    take(all.len(), anchor.text(), "trusted root", findings);
    let beside = read_all(list_signers);
    let mut lists = Verified::among(|| beside.iter().collect());
    let all: Vec<_> = read.iter().map(|sent| &sent.certificate).collect();
    let below_root = all.len() + 1;
    text.tree.push(Branch { depth: below_root, passed: true, text: "the whole path".into() });
    for depth in 0..all.len() {
        let mut findings = Vec::new();
        let _ = judge::whole(inquiry, (&all, anchor), depth, &mut lists, &mut budget, &mut findings);
        for finding in findings {
            let line = format!("{}: {}", finding.rule.name(), finding.found);
            text.tree.push(Branch { depth: below_root + 1, passed: finding.passed, text: line });
            text.checks.push((depth, finding));
        }
    }
    text.checks.sort_by_key(|(depth, _)| *depth);
    let leaf = text.path.first().cloned().unwrap_or_default();
    let through = match all.len() {
        0 | 1 => "issued".into(),
        2 => "through one intermediate".into(),
        more => format!("through {} intermediates", more - 1),
    };
    let root = anchor.text();
    let from = anchor.store.as_ref().map_or_else(String::new, |store| format!(", from {store}"));
    text.sentence = format!("{leaf} was accepted: {through} by the trusted root {root}{from}");
    text
}

fn leaf_text(certificate: &[u8], exactly: bool, inquiry: &Inquiry<'_>) -> Text {
    let Ok(leaf) = Certificate::read(certificate) else {
        return Text::default();
    };
    let mut findings = Vec::new();
    let _ = judge::known_leaf(inquiry, &leaf, exactly.then_some(certificate), &mut findings);
    let why = if exactly { "it is exactly the certificate that was given" } else { "its key is pinned" };
    Text {
        sentence: format!("{} was accepted: {why}", leaf.subject()),
        path: vec![leaf.subject()],
        checks: findings.into_iter().map(|finding| (0, finding)).collect(),
        ..Text::default()
    }
}

/// What a path that reaches no root lacks, and what can be done.
fn no_root(
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
fn hint(rule: Rule, certificate: &Certificate<'_>, inquiry: &Inquiry<'_>) -> Option<String> {
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

fn clock_hint((not_before, not_after): (i64, i64), now: i64) -> String {
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
