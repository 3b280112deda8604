//! The certificate policies of a path (RFC 5280 section 6.1): whether one is
//! left that every certificate has, where a certificate demands that. The
//! caller asks for no policy of its own, so that only the policies of the last
//! certificate matter, not their history: a set instead of the RFC's tree.

use super::certificate::Certificate;
use super::extensions::{ANY_POLICY, PolicyLimits};
use crate::crypto::der::{Der, tag};
use std::collections::HashSet;

/// The policies that the next certificate may have, and how much longer what is
/// not demanded yet stays so.
struct State<'a> {
    /// The valid_policy_tree's leaves: `None` when the tree is gone.
    expected: Option<HashSet<&'a [u8]>>,
    explicit_policy: usize,
    policy_mapping: usize,
    inhibit_any_policy: usize,
}

/// Whether a path has a policy in common, or nothing in it demands one. The
/// leaf is first; the anchor's own limits hold from the beginning.
pub(super) fn is_valid<'a>(path: &[&'a Certificate<'a>], anchor: PolicyLimits) -> bool {
    let limited = |limits: &PolicyLimits| limits.require_explicit.is_some();
    if !limited(&anchor) && !path.iter().any(|one| limited(&one.extensions.policies.limits)) {
        // The usual path: whatever the tree is, nobody asks for it.
        return true;
    }
    let unlimited = path.len() + 1;
    let mut state = State {
        expected: Some(HashSet::from([ANY_POLICY])),
        explicit_policy: unlimited,
        policy_mapping: unlimited,
        inhibit_any_policy: unlimited,
    };
    state.limit(anchor);
    for (place, certificate) in path.iter().enumerate().rev() {
        state.take(certificate, place == 0);
        if state.explicit_policy == 0 && state.expected.is_none() {
            return false;
        }
        if place > 0 {
            state.prepare(certificate);
        }
    }
    // Wrap-up (RFC 5280 section 6.1.5 (a), (b)).
    let demanded = path.first().and_then(|leaf| leaf.extensions.policies.limits.require_explicit);
    let explicit = state.explicit_policy.saturating_sub(1) == 0 || demanded == Some(0);
    !explicit || state.expected.is_some()
}

impl<'a> State<'a> {
    /// RFC 5280 section 6.1.3 (d), (e).
    fn take(&mut self, certificate: &'a Certificate<'a>, last: bool) {
        let (Some(expected), Some(listed)) = (&self.expected, certificate.extensions.policies.listed) else {
            self.expected = None;
            return;
        };
        let listed: HashSet<&[u8]> = sequences(listed).collect();
        let any_allowed = self.inhibit_any_policy > 0 || (!last && certificate.is_self_issued());
        let mut kept = HashSet::new();
        if listed.contains(ANY_POLICY) && any_allowed {
            kept.extend(expected);
        }
        let any_expected = expected.contains(ANY_POLICY);
        let named = listed.into_iter().filter(|policy| *policy != ANY_POLICY);
        kept.extend(named.filter(|policy| any_expected || expected.contains(policy)));
        self.expected = (!kept.is_empty()).then_some(kept);
    }

    /// RFC 5280 section 6.1.4 (b), (h) to (j).
    fn prepare(&mut self, certificate: &'a Certificate<'a>) {
        let policies = &certificate.extensions.policies;
        if let (Some(expected), Some(mappings)) = (&mut self.expected, policies.mappings) {
            let before = expected.clone();
            for from in sequences(mappings) {
                // The policy itself is not expected below: what it maps to is.
                expected.remove(from);
            }
            if self.policy_mapping > 0 {
                let mut pairs = Der::new(mappings);
                while let Ok(mut pair) = pairs.inside(tag::SEQUENCE) {
                    let (Ok(from), Ok(to)) = (pair.content(tag::OID), pair.content(tag::OID)) else { break };
                    if before.contains(from) || before.contains(ANY_POLICY) {
                        expected.insert(to);
                    }
                }
            }
            if expected.is_empty() {
                self.expected = None;
            }
        }
        if !certificate.is_self_issued() {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any_policy = self.inhibit_any_policy.saturating_sub(1);
        }
        self.limit(policies.limits);
    }

    fn limit(&mut self, limits: PolicyLimits) {
        let lower = |now: &mut usize, to: Option<u32>| {
            if let Some(to) = to {
                *now = (*now).min(usize::try_from(to).unwrap_or(usize::MAX));
            }
        };
        lower(&mut self.explicit_policy, limits.require_explicit);
        lower(&mut self.policy_mapping, limits.inhibit_mapping);
        lower(&mut self.inhibit_any_policy, limits.inhibit_any);
    }
}

/// The object identifier that begins each SEQUENCE of a list.
fn sequences(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Der::new(list);
    std::iter::from_fn(move || list.inside(tag::SEQUENCE).ok()?.content(tag::OID).ok())
}
