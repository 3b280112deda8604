//! The search for a path to a trusted root (RFC 5280 section 6.1, RFC 4158): depth
//! first, anchors before intermediates, under a budget. A candidate issuer is
//! one whose subject is the issuer's name; key identifiers only order them.
//!
//! Two passes. The first follows only what breaks no rule, and stops at the
//! first path that holds: this is the verdict. Only where there is none, the
//! second follows what is broken too, to find the path that somebody meant,
//! and everything that is wrong with it.

use super::certificate::{Certificate, Malformed};
use super::checks::signature_finding;
use super::dn::Name;
use super::inquiry::{Budget, Finding, FirstBroken, Inquiry, Stop};
use super::judge;
use super::remembered::{Memory, Recall};
use super::roots::{Anchor, Roots};
use super::rules::Rule;
use super::signer::Verified;
use crate::crypto::der::{Der, tag};
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo};
use crate::limits;
use std::cell::OnceCell;
use std::sync::Arc;

/// A certificate that the peer sent.
pub(super) struct Sent<'a> {
    /// Its place in the peer's message: 0 is the leaf.
    pub(super) place: usize,
    pub(super) certificate: Certificate<'a>,
    folded_subject: OnceCell<Vec<u8>>,
    folded_issuer: OnceCell<Vec<u8>>,
}

/// One of those that may be issuers: whole once its name is wanted.
pub(super) struct Candidate<'a> {
    place: usize,
    der: &'a [u8],
    /// The subject's Name, if the certificate has the shape of one so far.
    subject: Option<&'a [u8]>,
    folded_subject: OnceCell<Vec<u8>>,
    sent: OnceCell<Result<Sent<'a>, Malformed>>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(place: usize, der: &'a [u8]) -> Self {
        let (folded_subject, sent) = Default::default();
        Self { place, der, subject: subject_of(der), folded_subject, sent }
    }

    /// What is malformed is not used; it may not even be needed.
    pub(super) fn read(&self) -> &Result<Sent<'a>, Malformed> {
        self.sent.get_or_init(|| Certificate::read(self.der).map(|read| Sent::new(self.place, read)))
    }

    fn issued(&self, child: &Sent<'_>) -> bool {
        let Some(subject) = self.subject else { return false };
        child.certificate.issuer_bytes == subject || {
            let folded = || Name::read(subject).map_or(Vec::new(), |name| name.folded());
            self.folded_subject.get_or_init(folded) == child.issuer()
        }
    }
}

impl<'a> Sent<'a> {
    pub(super) fn new(place: usize, certificate: Certificate<'a>) -> Self {
        let (folded_subject, folded_issuer) = Default::default();
        Self { place, certificate, folded_subject, folded_issuer }
    }

    fn subject(&self) -> &[u8] {
        self.folded_subject.get_or_init(|| self.certificate.subject.folded())
    }

    fn issuer(&self) -> &[u8] {
        self.folded_issuer.get_or_init(|| self.certificate.issuer.folded())
    }

    /// How well a key identifier fits: the lower, the better. It proves nothing.
    fn rank(&self, key_id: Option<&[u8]>) -> u8 {
        let wanted = self.certificate.extensions.authority_key.and_then(|authority| authority.key);
        match (wanted, key_id) {
            (Some(wanted), Some(key_id)) if wanted == key_id => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        }
    }
}

/// A path that holds: certificates from the leaf upwards, and the anchor.
pub(super) struct Path<'s> {
    pub(super) certificates: Vec<&'s Sent<'s>>,
    pub(super) anchor: Arc<Anchor>,
    /// Those off the path that signed lists which counted.
    pub(super) list_signers: Vec<&'s Certificate<'s>>,
}

/// The best path that does not hold.
pub(super) struct Attempt<'s> {
    pub(super) certificates: Vec<&'s Sent<'s>>,
    pub(super) anchor: Option<Arc<Anchor>>,
    /// What was found of each certificate, the anchor last. Never without a
    /// broken rule.
    pub(super) findings: Vec<Vec<Finding>>,
    pub(super) tree: Vec<Branch>,
    pub(super) end: End,
}

/// How a path that reaches no root ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// A trusted root has the issuer's name, and another key.
    pub(super) root_with_other_key: bool,
    /// Somebody sent a certificate of that name, and with another key.
    pub(super) sent_with_other_key: bool,
    /// There were more candidates than the budget lets try.
    pub(super) cut_short: bool,
}

/// A line of the search's story.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) depth: usize,
    pub(super) passed: bool,
    pub(super) text: String,
}

/// Lines kept: more would not be read.
const BRANCHES: usize = 200;

/// Steps of the second pass, and comparisons with constraints in it.
const STEPS_TO_EXPLAIN: usize = 400;
const COMPARISONS_TO_EXPLAIN: usize = limits::CHAIN_CONSTRAINTS / 10;

pub(super) struct Search<'s> {
    inquiry: &'s Inquiry<'s>,
    roots: &'s Roots,
    leaf: &'s Sent<'s>,
    others: &'s [Candidate<'s>],
    budget: Budget,
    lists: Verified<'s>,
    /// Signatures verified: child, issuer, result. The second pass reads what
    /// the first one computed.
    signatures: Vec<(usize, Key, Result<(), SignatureRefused>)>,
}

/// Whose key: a certificate's that was sent, or an anchor's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Sent(usize),
    Anchor(usize),
}

impl<'s> Search<'s> {
    pub(super) fn new(
        inquiry: &'s Inquiry<'s>,
        roots: &'s Roots,
        leaf: &'s Sent<'s>,
        others: &'s [Candidate<'s>],
        memory: Option<&Memory>,
    ) -> Self {
        let read = |other: &'s Candidate<'s>| other.read().as_ref().ok().map(|sent| &sent.certificate);
        let lists = Verified::among(move || others.iter().filter_map(read).collect());
        let budget = Budget { recall: Recall::of(memory), ..Budget::FULL };
        Self { inquiry, roots, leaf, others, budget, lists, signatures: Vec::new() }
    }

    /// A path that holds, or the best of those that do not.
    pub(super) fn run(mut self) -> Result<Path<'s>, Box<Attempt<'s>>> {
        let mut path = vec![self.leaf];
        let result = judge::leaf(self.inquiry, &self.leaf.certificate, &mut FirstBroken)
            .and_then(|()| self.extend(&mut path));
        let spent = match result {
            Ok(Some(anchor)) => {
                let above = path.iter().skip(1).map(|issuer| issuer.certificate.spki);
                let keys = above.chain([anchor.spki()]);
                let links = path.iter().zip(keys).map(|(child, key)| judge::signed(&child.certificate, key));
                self.budget.recall.remember(links);
                return Ok(Path { certificates: path, anchor, list_signers: self.lists.used });
            }
            Ok(None) | Err(Stop::Broken) => None,
            Err(Stop::Exhausted(what)) => Some(what),
        };
        Err(Box::new(self.explain(spent)))
    }

    /// Makes the path longer until it reaches an anchor.
    fn extend(&mut self, path: &mut Vec<&'s Sent<'s>>) -> Result<Option<Arc<Anchor>>, Stop> {
        let Some(&child) = path.last() else {
            return Ok(None);
        };
        let below = certificates(path);
        for (place, anchor) in self.anchors_for(child) {
            self.step()?;
            let verdict = judge::anchor(self.inquiry, &below, &anchor, &mut self.budget, &mut FirstBroken);
            if holds(verdict)?
                && self.signature(child, Key::Anchor(place), anchor.spki())?.is_ok()
                && self.holds_whole(&below, &anchor)?
            {
                return Ok(Some(anchor));
            }
        }
        if path.len() + 1 >= limits::CHAIN_DEPTH {
            return Ok(None);
        }
        for candidate in self.issuers_for(child) {
            self.step()?;
            if is_loop(path, candidate) {
                continue;
            }
            let certificate = &candidate.certificate;
            let verdict =
                judge::issuer(self.inquiry, &below, certificate, &mut self.budget, &mut FirstBroken);
            if holds(verdict)? && self.signature(child, Key::Sent(candidate.place), certificate.spki)?.is_ok()
            {
                path.push(candidate);
                if let Some(anchor) = self.extend(path)? {
                    return Ok(Some(anchor));
                }
                path.pop();
            }
        }
        Ok(None)
    }

    fn holds_whole(&mut self, path: &[&Certificate<'_>], anchor: &Anchor) -> Result<bool, Stop> {
        for depth in 0..path.len() {
            let (lists, budget) = (&mut self.lists, &mut self.budget);
            let verdict = judge::whole(self.inquiry, (path, anchor), depth, lists, budget, &mut FirstBroken);
            if !holds(verdict)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.budget.steps = self.budget.steps.checked_sub(1).ok_or(Stop::Exhausted("steps of the search"))?;
        Ok(())
    }

    /// Anchors of the issuer's name, the likeliest first.
    fn anchors_for(&self, child: &Sent<'_>) -> Vec<(usize, Arc<Anchor>)> {
        let named = self.roots.named(child.issuer());
        let mut found: Vec<_> = named.map(|(place, anchor)| (place, Arc::clone(anchor))).collect();
        found.sort_by_key(|(_, anchor)| child.rank(anchor.key_id.as_deref()));
        found
    }

    /// Certificates of the issuer's name among those that were sent.
    fn issuers_for(&self, child: &Sent<'_>) -> Vec<&'s Sent<'s>> {
        let others = self.others.iter().filter(|candidate| candidate.issued(child));
        let mut found: Vec<_> = others.filter_map(|candidate| candidate.read().as_ref().ok()).collect();
        found.sort_by_key(|candidate| {
            child.rank(candidate.certificate.extensions.subject_key.map(|own| own.key))
        });
        found
    }

    fn signature(
        &mut self,
        child: &Sent<'_>,
        by: Key,
        key: SubjectPublicKeyInfo<'_>,
    ) -> Result<Result<(), SignatureRefused>, Stop> {
        let known = self.signatures.iter().find(|(of, key, _)| (*of, *key) == (child.place, by));
        if let Some((_, _, result)) = known {
            return Ok(*result);
        }
        let result = judge::signature(&child.certificate, key, &mut self.budget)?;
        self.signatures.push((child.place, by, result));
        Ok(result)
    }

    /// The second pass.
    fn explain(mut self, spent: Option<&'static str>) -> Attempt<'s> {
        // How long a refusal takes tells nobody whose certificates were met before.
        self.budget.recall = Recall::NONE;
        self.budget.steps = STEPS_TO_EXPLAIN;
        self.budget.comparisons = COMPARISONS_TO_EXPLAIN;
        let mut best = Best::default();
        let mut tree = Vec::new();
        let mut findings = Vec::new();
        let _ = judge::leaf(self.inquiry, &self.leaf.certificate, &mut findings);
        branch(&mut tree, 0, &format!("{} (sent first)", self.leaf.certificate.subject()), &findings);
        let mut trail = Trail { path: vec![self.leaf], findings: vec![findings] };
        if self.explore(&mut trail, &mut best, &mut tree).is_err() {
            // A spent budget ends the story; the verdict stands.
            let end = End { cut_short: true, ..End::default() };
            best.offer(&trail, None, end);
        }
        let Best { certificates, anchor, mut findings, end, .. } = best;
        let broken = findings.iter().flatten().any(|finding| !finding.passed);
        if let Some(first) = findings.first_mut() {
            if let Some(what) = spent {
                let found = format!("a search that takes too many {what}");
                first.push(Finding { rule: Rule::Budget, passed: false, found });
            } else if !broken && anchor.is_some() {
                // The passes disagree; the first one counts.
                let found = "a path that only the explanation finds".into();
                first.push(Finding { rule: Rule::Budget, passed: false, found });
            }
        }
        Attempt { certificates, anchor, findings, tree, end }
    }

    fn explore(
        &mut self,
        trail: &mut Trail<'s>,
        best: &mut Best<'s>,
        tree: &mut Vec<Branch>,
    ) -> Result<(), Stop> {
        let Some(&child) = trail.path.last() else {
            return Ok(());
        };
        let below = certificates(&trail.path);
        let depth = trail.path.len();
        let mut end = End::default();
        for (place, anchor) in self.anchors_for(child) {
            self.step()?;
            let result = self.signature(child, Key::Anchor(place), anchor.spki())?;
            let name = format!("{} (trusted root)", anchor.text());
            if !is_meant(result, child.rank(anchor.key_id.as_deref())) {
                end.root_with_other_key = true;
                dead_end(tree, depth, &name, "of that name, but with another key");
                continue;
            }
            let mut findings = vec![signature_finding(&child.certificate, anchor.spki(), result)];
            let _ = judge::anchor(self.inquiry, &below, &anchor, &mut self.budget, &mut findings);
            branch(tree, depth, &name, &findings);
            let mut whole = vec![Vec::new(); below.len()];
            for (place, findings) in whole.iter_mut().enumerate() {
                let (lists, budget) = (&mut self.lists, &mut self.budget);
                let _ = judge::whole(self.inquiry, (&below, &anchor), place, lists, budget, findings);
            }
            let flat: Vec<_> = whole.iter().flatten().cloned().collect();
            branch(tree, depth + 1, "the whole path", &flat);
            whole.push(findings);
            best.offer(trail, Some((anchor, whole)), End::default());
        }
        if depth + 1 < limits::CHAIN_DEPTH {
            for candidate in self.issuers_for(child) {
                self.step()?;
                let certificate = &candidate.certificate;
                let name = format!("{} (sent as number {})", certificate.subject(), candidate.place + 1);
                if is_loop(&trail.path, candidate) {
                    dead_end(tree, depth, &name, "on the path already");
                    continue;
                }
                let key_id = certificate.extensions.subject_key.map(|own| own.key);
                let result = self.signature(child, Key::Sent(candidate.place), certificate.spki)?;
                if !is_meant(result, child.rank(key_id)) {
                    end.sent_with_other_key = true;
                    dead_end(tree, depth, &name, "of that name, but with another key");
                    continue;
                }
                let mut findings = vec![signature_finding(&child.certificate, certificate.spki, result)];
                let _ = judge::issuer(self.inquiry, &below, certificate, &mut self.budget, &mut findings);
                branch(tree, depth, &name, &findings);
                trail.path.push(candidate);
                trail.findings.push(findings);
                let result = self.explore(trail, best, tree);
                if result.is_err() {
                    let end = End { cut_short: true, ..End::default() };
                    best.offer(trail, None, end);
                }
                trail.path.pop();
                trail.findings.pop();
                result?;
            }
        }
        best.offer(trail, None, end);
        Ok(())
    }
}

/// A path under exploration, with what was found of each certificate on it.
struct Trail<'s> {
    path: Vec<&'s Sent<'s>>,
    findings: Vec<Vec<Finding>>,
}

#[derive(Default)]
struct Best<'s> {
    certificates: Vec<&'s Sent<'s>>,
    anchor: Option<Arc<Anchor>>,
    findings: Vec<Vec<Finding>>,
    end: End,
}

impl<'s> Best<'s> {
    /// Keeps a path if it is better than the one so far: it reaches a root, it
    /// breaks fewer rules, it is longer.
    /// `root` comes with what was found of it, behind what the whole path shows
    /// of each certificate.
    fn offer(&mut self, trail: &Trail<'s>, root: Option<(Arc<Anchor>, Vec<Vec<Finding>>)>, end: End) {
        let broken =
            |findings: &[Vec<Finding>]| findings.iter().flatten().filter(|finding| !finding.passed).count();
        let more = root.as_ref().map_or(0, |(_, findings)| broken(findings));
        let weigh = |reaches: bool, broken: usize, length: usize| {
            // A partial path is the better the longer it is.
            if reaches { (2, usize::MAX - broken, length) } else { (1, length, usize::MAX - broken) }
        };
        let new = weigh(root.is_some(), broken(&trail.findings) + more, trail.path.len());
        let old = weigh(self.anchor.is_some(), broken(&self.findings), self.certificates.len());
        if !self.certificates.is_empty() && new <= old {
            return;
        }
        self.certificates.clone_from(&trail.path);
        self.findings.clone_from(&trail.findings);
        self.end = end;
        self.anchor = root.map(|(anchor, more)| {
            self.findings.resize_with(more.len(), Vec::new);
            for (findings, more) in self.findings.iter_mut().zip(more) {
                findings.extend(more);
            }
            anchor
        });
    }
}

fn certificates<'s>(path: &[&'s Sent<'s>]) -> Vec<&'s Certificate<'s>> {
    path.iter().map(|sent| &sent.certificate).collect()
}

/// The subject of a certificate, where it should stand: what names are compared
/// by before anything else is read.
fn subject_of(der: &[u8]) -> Option<&[u8]> {
    let mut fields = Der::new(der).inside(tag::SEQUENCE).ok()?.inside(tag::SEQUENCE).ok()?;
    fields.optional(tag::constructed(0)).ok()?;
    fields.content(tag::INTEGER).ok()?;
    for _algorithm_issuer_validity in 0..3 {
        fields.content(tag::SEQUENCE).ok()?;
    }
    fields.value(tag::SEQUENCE).ok().map(|subject| subject.bytes)
}

/// The same name with the same key is on the path.
fn is_loop(path: &[&Sent<'_>], candidate: &Sent<'_>) -> bool {
    path.iter().any(|on_path| {
        on_path.certificate.spki == candidate.certificate.spki && on_path.subject() == candidate.subject()
    })
}

fn holds(verdict: Result<(), Stop>) -> Result<bool, Stop> {
    match verdict {
        Ok(()) => Ok(true),
        Err(Stop::Broken) => Ok(false),
        Err(spent) => Err(spent),
    }
}

/// Whether a candidate is the issuer that was meant, even if the signature
/// does not hold: the key identifier says so, or nothing can be verified.
fn is_meant(result: Result<(), SignatureRefused>, rank: u8) -> bool {
    match result {
        Err(SignatureRefused::Bad) => rank == 0,
        Ok(()) | Err(_) => true,
    }
}

fn branch(tree: &mut Vec<Branch>, depth: usize, name: &str, findings: &[Finding]) {
    let passed = findings.iter().all(|finding| finding.passed);
    push(tree, Branch { depth, passed, text: name.to_owned() });
    for finding in findings {
        let Finding { rule, passed, found } = finding;
        let text = if *passed {
            format!("{}: {found}", rule.name())
        } else {
            format!("{}: {found}; required: {} ({})", rule.name(), rule.required(), rule.section())
        };
        push(tree, Branch { depth: depth + 1, passed: *passed, text });
    }
}

fn dead_end(tree: &mut Vec<Branch>, depth: usize, name: &str, why: &str) {
    push(tree, Branch { depth, passed: false, text: format!("{name}: {why}") });
}

fn push(tree: &mut Vec<Branch>, line: Branch) {
    match tree.len() {
        0..BRANCHES => tree.push(line),
        BRANCHES => {
            tree.push(Branch { depth: 0, passed: false, text: "… and more".into() });
        }
        _ => {}
    }
}
