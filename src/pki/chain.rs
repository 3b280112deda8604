//! The search for a path to a trusted root (RFC 5280 section 6.1, RFC 4158): depth
//! first, anchors before intermediates, under a budget. A candidate issuer is
//! one whose subject is the issuer's name; key identifiers only order them.
//!
//! One walk, and two guides. The first follows only what breaks no rule, and
//! stops at the first path that holds: this is the verdict. Only where there is
//! none, the second, which is the `story`'s, follows what is broken too, to find
//! the path that somebody meant, and everything that is wrong with it.
//!
//! Each step pays for what it looks at. Of an issuer that is what costs least
//! first: its own form, its signature, its constraints on the names below.

use super::budget::{Budget, Exhausted};
use super::certificate::Certificate;
use super::inquiry::{FirstBroken, Inquiry, Purpose, Stop};
use super::judge;
use super::remembered::Memory;
use super::roots::{Anchor, Roots};
use super::sent::{Candidate, Sent};
use super::signer::Verified;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo};
use crate::wire::Handful;
use std::sync::Arc;

/// A path that holds: certificates from the leaf upwards, and the anchor.
pub(super) struct Path<'s> {
    pub(super) certificates: Handful<&'s Sent<'s>>,
    pub(super) anchor: Arc<Anchor>,
    /// Those off the path that signed lists which counted.
    pub(super) list_signers: Vec<&'s Certificate<'s>>,
}

/// What a step costs beside the octets that it looks at.
const STEP: usize = 500;

pub(super) struct Search<'s> {
    pub(super) inquiry: &'s Inquiry<'s>,
    pub(super) budget: Budget,
    pub(super) lists: Verified<'s>,
    roots: &'s Roots,
    others: &'s [Candidate<'s>],
    /// Signatures verified: child and issuer. The second walk reads what the
    /// first one computed.
    signatures: Handful<((usize, Key), Result<(), SignatureRefused>)>,
}

/// Whose key: a certificate's that was sent, or an anchor's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Sent(usize),
    Anchor(usize),
}

/// An anchor and whose key its is.
type Trusted = (Key, Arc<Anchor>);

/// Says which ways a walk takes, and hears of them.
pub(super) trait Guide<'s> {
    /// Whether the path ends well in this anchor.
    fn ends_in(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        anchor: (Key, &Arc<Anchor>),
    ) -> Result<bool, Stop>;

    /// Whether the path goes on through this certificate.
    fn follows(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        next: &'s Sent<'s>,
    ) -> Result<bool, Stop>;

    /// This certificate is on the path already.
    fn returns(&mut self, _path: &[&'s Sent<'s>], _next: &'s Sent<'s>) {}

    /// There are issuers, and no room for another certificate and a root.
    fn is_too_long(&mut self, _path: &[&'s Sent<'s>]) {}

    /// All that may have issued the last certificate were tried.
    fn turns_back(&mut self, _path: &[&'s Sent<'s>]) {}
}

/// Follows only what breaks no rule.
struct Straight;

impl<'s> Guide<'s> for Straight {
    fn ends_in(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        (key, anchor): (Key, &Arc<Anchor>),
    ) -> Result<bool, Stop> {
        let Some(&child) = path.last() else { return Ok(false) };
        let inquiry = search.inquiry;
        Ok(holds(judge::anchor(inquiry, path, anchor, &mut FirstBroken))?
            && search.signature(child, key, anchor.spki())?.is_ok()
            && holds(judge::below_anchor(inquiry, path, anchor, &mut search.budget, &mut FirstBroken))?
            && holds(judge::form_of_anchor(inquiry, path, anchor, &mut FirstBroken))?
            && search.holds_whole(path, anchor)?)
    }

    fn follows(
        &mut self,
        search: &mut Search<'s>,
        path: &[&'s Sent<'s>],
        next: &'s Sent<'s>,
    ) -> Result<bool, Stop> {
        let Some(&child) = path.last() else { return Ok(false) };
        let inquiry = search.inquiry;
        Ok(holds(judge::issuer(inquiry, path, &next.certificate, &mut FirstBroken))?
            && search.signature(child, Key::Sent(next.place), next.certificate.spki)?.is_ok()
            && holds(judge::below_issuer(inquiry, path, next, &mut search.budget, &mut FirstBroken))?)
    }
}

impl<'s> Search<'s> {
    pub(super) fn new(
        inquiry: &'s Inquiry<'s>,
        roots: &'s Roots,
        others: &'s [Candidate<'s>],
        memory: Option<&Memory>,
    ) -> Self {
        let read = |other: &'s Candidate<'s>| other.read().as_ref().ok().map(|sent| &sent.certificate);
        let lists = match others {
            [] => Verified::among(Vec::new),
            others => Verified::among(move || others.iter().filter_map(read).collect()),
        };
        let signatures = Handful::None;
        Self { inquiry, roots, others, budget: Budget::recalling(memory), lists, signatures }
    }

    /// A path from the leaf that holds, if there is one. A spent budget is an error.
    pub(super) fn run(&mut self, leaf: &'s Sent<'s>) -> Result<Option<Path<'s>>, Exhausted> {
        let mut path: Handful<_> = [leaf].into_iter().collect();
        match self.straight(&mut path) {
            Ok(Some(anchor)) => {
                let above = path.iter().skip(1).map(|issuer| issuer.certificate.spki);
                let keys = above.chain([anchor.spki()]);
                let links = path.iter().zip(keys).map(|(child, key)| judge::signed(&child.certificate, key));
                // Who shows a client's certificate learns nothing of that client.
                let of_client = usize::from(self.inquiry.purpose == Purpose::Client);
                let recall = std::mem::take(&mut self.budget.recall);
                match self.inquiry.staple.as_deref() {
                    Some([_, ..]) if of_client == 1 => recall.without_statements().remember(links.skip(1)),
                    _ => recall.remember(links.skip(of_client)),
                }
                let list_signers = std::mem::take(&mut self.lists.used);
                Ok(Some(Path { certificates: path, anchor, list_signers }))
            }
            Ok(None) | Err(Stop::Broken) => Ok(None),
            Err(Stop::Exhausted) => Err(Exhausted),
        }
    }

    fn straight(&mut self, path: &mut Handful<&'s Sent<'s>>) -> Result<Option<Arc<Anchor>>, Stop> {
        let Some(&leaf) = path.first() else { return Ok(None) };
        self.budget.spend(2 * leaf.certificate.der.len())?;
        judge::leaf(self.inquiry, &leaf.certificate, &mut FirstBroken)?;
        let anchor = self.walk(&mut Straight, path)?;
        if anchor.is_some() {
            judge::names_of_leaf(self.inquiry, &leaf.certificate, &mut self.budget, &mut FirstBroken)?;
        }
        Ok(anchor)
    }

    /// Makes the path longer until the guide says that it ends well. Where the
    /// budget ends, the path is left as it was then.
    pub(super) fn walk<G: Guide<'s>>(
        &mut self,
        guide: &mut G,
        path: &mut Handful<&'s Sent<'s>>,
    ) -> Result<Option<Arc<Anchor>>, Stop> {
        let Some(&child) = path.last() else { return Ok(None) };
        let (first, others) = self.anchors_for(child)?;
        for (key, anchor) in first.into_iter().chain(others) {
            self.budget.spend(STEP)?;
            if guide.ends_in(self, path, (key, &anchor))? {
                return Ok(Some(anchor));
            }
        }
        for next in self.issuers_for(child)? {
            self.budget.spend(STEP + next.certificate.der.len() / 16)?;
            if self.is_on(path, next)? {
                guide.returns(path, next);
                continue;
            }
            // The anchor is one of them, too.
            if path.len() + 1 >= self.inquiry.longest_path {
                guide.is_too_long(path);
                break;
            }
            if guide.follows(self, path, next)? {
                path.push(next);
                if let Some(anchor) = self.walk(guide, path)? {
                    return Ok(Some(anchor));
                }
                path.pop();
            }
        }
        guide.turns_back(path);
        Ok(None)
    }

    fn holds_whole(&mut self, path: &[&'s Sent<'s>], anchor: &Anchor) -> Result<bool, Stop> {
        let path = certificates(path);
        for depth in 0..path.len() {
            let (lists, budget) = (&mut self.lists, &mut self.budget);
            let verdict = judge::whole(self.inquiry, (&path, anchor), depth, lists, budget, &mut FirstBroken);
            if !holds(verdict)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Anchors of the issuer's name, the likeliest first. Mostly there is one.
    fn anchors_for(&mut self, child: &Sent<'_>) -> Result<(Option<Trusted>, Vec<Trusted>), Exhausted> {
        let name = child.certificate.issuer_bytes;
        self.budget.spend(2 * name.len())?;
        let named = self.roots.named(name, || child.issuer());
        let mut named = named.map(|(place, anchor)| (Key::Anchor(place), Arc::clone(anchor)));
        let (first, mut others) = (named.next(), named.collect::<Vec<_>>());
        if others.is_empty() {
            return Ok((first, others));
        }
        others.splice(..0, first);
        others.sort_by_key(|(_, anchor)| child.rank(anchor.key_id.as_deref()));
        Ok((None, others))
    }

    /// Certificates of the issuer's name among those that were sent, the
    /// likeliest first.
    fn issuers_for(&mut self, child: &Sent<'_>) -> Result<Vec<&'s Sent<'s>>, Exhausted> {
        let mut found = Vec::new();
        for candidate in self.others {
            found.extend(candidate.issuer_of(child, &mut self.budget)?);
        }
        found.sort_by_cached_key(|candidate| child.rank_of(candidate));
        Ok(found)
    }

    /// The same name with the same key is on the path.
    fn is_on(&mut self, path: &[&'s Sent<'s>], next: &'s Sent<'s>) -> Result<bool, Exhausted> {
        let octets = next.certificate.spki_bytes.len() + next.certificate.subject_bytes.len();
        self.budget.spend(path.len() * (octets / 16))?;
        Ok(path.iter().any(|on_path| on_path.is_same_authority(next)))
    }

    /// Whether a certificate's signature was made by this key.
    pub(super) fn signature(
        &mut self,
        child: &Sent<'_>,
        by: Key,
        key: SubjectPublicKeyInfo<'_>,
    ) -> Result<Result<(), SignatureRefused>, Stop> {
        // A budget's worth of signatures is few.
        self.budget.spend(self.signatures.len())?;
        let asked = (child.place, by);
        if let Some((_, result)) = self.signatures.iter().find(|(known, _)| *known == asked) {
            return Ok(*result);
        }
        let result = judge::signature(&child.certificate, key, &mut self.budget)?;
        self.signatures.push((asked, result));
        Ok(result)
    }
}

pub(super) fn certificates<'s>(path: &[&'s Sent<'s>]) -> Handful<&'s Certificate<'s>> {
    path.iter().map(|sent| &sent.certificate).collect()
}

fn holds(verdict: Result<(), Stop>) -> Result<bool, Stop> {
    match verdict {
        Ok(()) => Ok(true),
        Err(Stop::Broken) => Ok(false),
        Err(spent) => Err(spent),
    }
}
