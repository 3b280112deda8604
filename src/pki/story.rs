//! What is said where no path holds: the best of those that do not, everything
//! that is wrong with it, and what else was tried. It is paid for from what the
//! search left, and a reserve.

use super::budget::Exhausted;
use super::chain::{Guide, Key, Search, certificates};
use super::checks::signature_finding;
use super::inquiry::{Finding, Stop};
use super::judge;
use super::remembered::Recall;
use super::roots::Anchor;
use super::rules::Rule;
use super::sent::Sent;
use crate::crypto::verify::SignatureRefused;
use crate::limits;
use crate::wire::Handful;
use std::sync::Arc;

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
    /// What has that root's name is signed by its own key.
    pub(super) self_signed: bool,
    /// Somebody sent a certificate of that name, and with another key.
    pub(super) sent_with_other_key: bool,
    /// It would be longer than a path may be.
    pub(super) too_long: bool,
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

/// What it costs to put a certificate's checks into words, beside its octets.
const WORDS: usize = 10_000;

/// Tells of the chain that `search` found no path for; `spent`, if that was
/// for want of budget.
pub(super) fn tell<'s>(
    search: &mut Search<'s>,
    leaf: &'s Sent<'s>,
    spent: Result<(), Exhausted>,
) -> Attempt<'s> {
    // How long a refusal takes tells nobody whose certificates were met before.
    search.budget.recall = Recall::NONE;
    search.budget.reserve();
    let mut story = Story::default();
    let mut path: Handful<_> = [leaf].into_iter().collect();
    if story.begin(search, leaf).and_then(|()| search.walk(&mut story, &mut path).map(|_| ())).is_err() {
        // A spent budget ends the story; the verdict stands.
        story.offer(&path, None, End { cut_short: true, ..End::default() });
    }
    let Best { certificates, anchor, mut findings, end, .. } = story.best;
    let broken = findings.iter().flatten().any(|finding| !finding.passed);
    if let Some(first) = findings.first_mut() {
        if spent.is_err() {
            let found = format!(
                "a search that costs more than {} octets looked at, of which a signature is {} at least",
                limits::CHAIN_COST,
                limits::SIGNATURE_COST
            );
            first.push(Finding { rule: Rule::Budget, passed: false, found });
        } else if !broken && anchor.is_some() {
            // The walks disagree; the first one counts.
            let found = "a path that only the explanation finds".into();
            first.push(Finding { rule: Rule::Budget, passed: false, found });
        }
    }
    Attempt { certificates, anchor, findings, tree: story.tree, end }
}

/// Follows what somebody may have meant, and writes everything down.
#[derive(Default)]
struct Story<'s> {
    /// What was found of each certificate on the path, and how the path ends
    /// there.
    trail: Vec<(Vec<Finding>, End)>,
    best: Best<'s>,
    tree: Vec<Branch>,
}

impl<'s> Guide<'s> for Story<'s> {
    fn ends_in(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        (key, anchor): (Key, &Arc<Anchor>),
    ) -> Result<bool, Stop> {
        let Some(&child) = path.last() else { return Ok(false) };
        let (depth, inquiry) = (path.len(), search.inquiry);
        let result = search.signature(child, key, anchor.spki())?;
        let name = format!("{} (trusted root)", anchor.text());
        if !self.means_root(search, child, anchor, result)? {
            self.here(|end| end.root_with_other_key = true);
            self.dead_end(depth, &name, "of that name, but with another key");
            return Ok(false);
        }
        search.budget.spend(WORDS * (1 + path.len()))?;
        let mut findings = vec![signature_finding(&child.certificate, anchor.spki(), result)];
        judge::anchor(inquiry, path, anchor, &mut findings)?;
        judge::below_anchor(inquiry, path, anchor, &mut search.budget, &mut findings)?;
        judge::form_of_anchor(inquiry, path, anchor, &mut findings)?;
        self.branch(depth, &name, &findings);
        let below = certificates(path);
        let mut whole = vec![Vec::new(); below.len()];
        for (place, findings) in whole.iter_mut().enumerate() {
            let (lists, budget) = (&mut search.lists, &mut search.budget);
            judge::whole(inquiry, (&below, anchor), place, lists, budget, findings)?;
        }
        let flat: Vec<_> = whole.iter().flatten().cloned().collect();
        self.branch(depth + 1, "the whole path", &flat);
        whole.push(findings);
        self.offer(path, Some((Arc::clone(anchor), whole)), End::default());
        Ok(false)
    }

    fn follows(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        next: &'s Sent<'s>,
    ) -> Result<bool, Stop> {
        let Some(&child) = path.last() else { return Ok(false) };
        let certificate = &next.certificate;
        let result = search.signature(child, Key::Sent(next.place), certificate.spki)?;
        search.budget.spend(WORDS / 10)?;
        let name = sent_name(next);
        if !is_meant(result, child.rank_of(next)) {
            self.here(|end| end.sent_with_other_key = true);
            self.dead_end(path.len(), &name, "of that name, but with another key");
            return Ok(false);
        }
        search.budget.spend(WORDS + 4 * certificate.der.len())?;
        let mut findings = vec![signature_finding(&child.certificate, certificate.spki, result)];
        judge::issuer(search.inquiry, path, certificate, &mut findings)?;
        judge::below_issuer(search.inquiry, path, next, &mut search.budget, &mut findings)?;
        self.branch(path.len(), &name, &findings);
        self.trail.push((findings, End::default()));
        Ok(true)
    }

    fn returns(&mut self, path: &[&'s Sent<'s>], next: &'s Sent<'s>) {
        self.dead_end(path.len(), &sent_name(next), "on the path already");
    }

    fn is_too_long(&mut self, path: &[&'s Sent<'s>]) {
        self.here(|end| end.too_long = true);
        self.dead_end(path.len(), "the path", "longer than a path may be");
    }

    fn turns_back(&mut self, path: &[&'s Sent<'s>]) {
        let end = self.trail.last().map(|(_, end)| *end).unwrap_or_default();
        self.offer(path, None, end);
        self.trail.pop();
    }
}

impl<'s> Story<'s> {
    fn begin(&mut self, search: &mut Search<'s>, leaf: &'s Sent<'s>) -> Result<(), Stop> {
        let mut findings = Vec::new();
        judge::leaf(search.inquiry, &leaf.certificate, &mut findings)?;
        judge::names_of_leaf(search.inquiry, &leaf.certificate, &mut search.budget, &mut findings)?;
        self.branch(0, &format!("{} (sent first)", leaf.certificate.subject()), &findings);
        self.trail.push((findings, End::default()));
        Ok(search.budget.spend(WORDS + 4 * leaf.certificate.der.len())?)
    }

    /// Whether this root is the one that was meant, even if the signature does not hold.
    fn means_root(
        &mut self,
        search: &mut Search<'s>,
        child: &'s Sent<'s>,
        anchor: &Anchor,
        result: Result<(), SignatureRefused>,
    ) -> Result<bool, Stop> {
        let certificate = &child.certificate;
        if is_by_another_key(result) && certificate.is_self_issued() {
            if certificate.spki == anchor.spki() {
                return Ok(true);
            }
            if search.signature(child, Key::Sent(child.place), certificate.spki)?.is_ok() {
                self.here(|end| end.self_signed = true);
                return Ok(false);
            }
        }
        Ok(is_meant(result, child.rank(anchor.key_id.as_deref())))
    }

    /// How the path ends in its last certificate.
    fn here(&mut self, change: impl FnOnce(&mut End)) {
        if let Some((_, end)) = self.trail.last_mut() {
            change(end);
        }
    }

    fn offer(&mut self, path: &[&'s Sent<'s>], root: Option<(Arc<Anchor>, Vec<Vec<Finding>>)>, end: End) {
        let findings = self.trail.iter().map(|(findings, _)| findings);
        self.best.offer(path, findings, root, end);
    }

    fn branch(&mut self, depth: usize, name: &str, findings: &[Finding]) {
        let passed = findings.iter().all(|finding| finding.passed);
        self.line(depth, passed, || name.to_owned());
        for Finding { rule, passed, found } in findings {
            self.line(depth + 1, *passed, || match passed {
                true => format!("{}: {found}", rule.name()),
                false => {
                    format!("{}: {found}; required: {} ({})", rule.name(), rule.required(), rule.section())
                }
            });
        }
    }

    fn dead_end(&mut self, depth: usize, name: &str, why: &str) {
        self.line(depth, false, || format!("{name}: {why}"));
    }

    fn line(&mut self, depth: usize, passed: bool, text: impl FnOnce() -> String) {
        match self.tree.len() {
            0..BRANCHES => self.tree.push(Branch { depth, passed, text: text() }),
            BRANCHES => self.tree.push(Branch { depth: 0, passed: false, text: "… and more".into() }),
            _ => {}
        }
    }
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
    fn offer<'f>(
        &mut self,
        path: &[&'s Sent<'s>],
        findings: impl Iterator<Item = &'f Vec<Finding>> + Clone,
        root: Option<(Arc<Anchor>, Vec<Vec<Finding>>)>,
        end: End,
    ) {
        let broken = |findings: &Finding| usize::from(!findings.passed);
        let more = root.iter().flat_map(|(_, findings)| findings.iter().flatten()).map(broken).sum::<usize>();
        let weigh = |reaches: bool, broken: usize, length: usize| {
            // A partial path is the better the longer it is.
            if reaches { (2, usize::MAX - broken, length) } else { (1, length, usize::MAX - broken) }
        };
        let new =
            weigh(root.is_some(), findings.clone().flatten().map(broken).sum::<usize>() + more, path.len());
        let old_broken = self.findings.iter().flatten().map(broken).sum();
        let old = weigh(self.anchor.is_some(), old_broken, self.certificates.len());
        if !self.certificates.is_empty() && new <= old {
            return;
        }
        self.certificates = path.to_vec();
        self.findings = findings.cloned().collect();
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

fn sent_name(sent: &Sent<'_>) -> String {
    format!("{} (sent as number {})", sent.certificate.subject(), sent.place + 1)
}

/// Whether a candidate is the issuer that was meant, even if the signature
/// does not hold: the key identifier says so, or nothing can be verified.
fn is_meant(result: Result<(), SignatureRefused>, rank: u8) -> bool {
    !is_by_another_key(result) || rank == 0
}

/// Whether the key that was tried did not make the signature. One of another kind
/// is as much another key.
fn is_by_another_key(result: Result<(), SignatureRefused>) -> bool {
    matches!(result, Err(SignatureRefused::Bad | SignatureRefused::WrongKey))
}
