//! The verdict on a chain: each check of the path, and of what was tried beside
//! it, in words. An accepted chain's report keeps the certificates and is
//! worded when somebody reads it: most reports are not read.

use super::budget::Budget;
use super::certificate::Certificate;
use super::chain::Path;
use super::checks::signature_finding;
use super::hint::{clock_hint, hint, no_root};
use super::inquiry::{Finding, Inquiry};
use super::judge;
use super::roots::Anchor;
use super::rules::Rule;
use super::sent::Sent;
use super::signer::Verified;
use super::story::{Attempt, Branch};
use crate::alert::AlertDescription;
use crate::crypto::der::Der;
use crate::observe::Check;
use crate::said::debug_is_display;
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
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// # use handfast::pki::{Purpose, ServerName, Verifier};
    /// # let name = ServerName::try_from("b.example").unwrap();
    /// # let verifier = Verifier::exactly(chain[0].clone());
    /// # let refused = verifier.verify(&chain, Some(&name), Purpose::Server, now).unwrap_err();
    /// let sentence = refused.report.sentence();
    /// assert!(sentence.contains("required is the server's name among the names of the certificate"));
    /// ```
    pub fn sentence(&self) -> &str {
        &self.text().sentence
    }

    /// What may be the reason, or what can be done, where that is known.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// # use handfast::pki::{Purpose, Roots, ServerName, Verifier};
    /// # let name = ServerName::try_from("b.example").unwrap();
    /// # let verifier = Verifier::web_pki(Roots::new());
    /// # let refused = verifier.verify(&chain, Some(&name), Purpose::Server, now).unwrap_err();
    /// // For the person who can do something about it, beside the sentence.
    /// let hint = refused.report.hint().unwrap_or("ask who runs the server");
    /// assert!(hint.starts_with("it is self-signed"));
    /// ```
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
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// # use handfast::pki::{Purpose, Roots, ServerName, Verifier};
    /// # let name = ServerName::try_from("b.example").unwrap();
    /// # let verifier = Verifier::web_pki(Roots::new());
    /// # let refused = verifier.verify(&chain, Some(&name), Purpose::Server, now).unwrap_err();
    /// let rules: Vec<_> = refused.report.failures().map(|check| check.rule).collect();
    /// assert!(rules.contains(&"Trust") && rules.contains(&"HostName"));
    /// ```
    pub fn failures(&self) -> impl Iterator<Item = Check<'_>> {
        self.checks().filter(|check| !check.passed)
    }

    /// The search's story, line by line: how deep, whether it went well, the text.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// # use handfast::pki::{Purpose, Roots, ServerName, Verifier};
    /// # let name = ServerName::try_from("b.example").unwrap();
    /// # let verifier = Verifier::web_pki(Roots::new());
    /// # let refused = verifier.verify(&chain, Some(&name), Purpose::Server, now).unwrap_err();
    /// for (depth, passed, text) in refused.report.tree() {
    ///     println!("{}{} {text}", "  ".repeat(depth), if passed { "ok" } else { "FAIL" });
    /// }
    /// assert!(refused.report.tree().any(|(_, passed, _)| !passed));
    /// ```
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
