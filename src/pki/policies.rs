//! The certificate policies of a path (RFC 5280 section 6.1): whether one is
//! left that every certificate has and the caller accepts, where one is
//! demanded. Of the RFC's tree only the leaves matter, and of their history
//! only whether it began in a policy that the caller accepts: a set with one
//! mark for each policy, which no certificate can make grow but by its own
//! length (the tree grows without bounds, RFC 9618 section 1).

use super::budget::Budget;
use super::certificate::Certificate;
use super::extensions::{ANY_POLICY, PolicyLimits};
use super::inquiry::Stop;
use super::policy::Policies;
use crate::crypto::der::{Der, dotted, tag};
use std::collections::HashMap;

/// What the policies of a path amount to.
pub(super) enum Common<'a> {
    /// Nobody asks for one.
    NotDemanded,
    /// One is demanded, and these are left.
    These(Vec<&'a [u8]>),
    /// One is demanded, and none is left.
    Nothing,
}

impl Common<'_> {
    pub(super) fn passed(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        const MOST: usize = 5;
        match self {
            Self::NotDemanded => "no policy is demanded".into(),
            Self::Nothing => {
                "a policy is demanded, and none that is accepted is common to all certificates".into()
            }
            Self::These(policies) => {
                let name = |policy: &&[u8]| match *policy {
                    ANY_POLICY => "any policy".into(),
                    policy => dotted(policy),
                };
                let mut names: Vec<String> = policies.iter().take(MOST).map(name).collect();
                if let Some(more @ 1..) = policies.len().checked_sub(MOST) {
                    names.push(format!("and {more} more"));
                }
                format!("common to all certificates: {}", names.join(", "))
            }
        }
    }
}

/// The policies that the next certificate may have, and how much longer what is
/// not demanded yet stays so.
struct State<'a, 'p> {
    asked: &'p Policies,
    /// The valid_policy_tree's leaves: `None` when the tree is gone. The mark
    /// says whether one began, where anyPolicy ended, in a policy that the
    /// caller accepts (RFC 5280 section 6.1.5 (g) (iii)); anyPolicy itself has
    /// not begun.
    expected: Option<HashMap<&'a [u8], bool>>,
    explicit_policy: usize,
    policy_mapping: usize,
    inhibit_any_policy: usize,
}

/// Which policies a path has, the leaf being first; the anchor's own limits hold
/// from the beginning.
pub(super) fn common<'a>(
    path: &[&'a Certificate<'a>],
    anchor: PolicyLimits,
    asked: &Policies,
    budget: &mut Budget,
) -> Result<Common<'a>, Stop> {
    let limited = |limits: &PolicyLimits| limits.require_explicit.is_some();
    let demanded =
        asked.explicit || limited(&anchor) || path.iter().any(|one| limited(&one.extensions.policies.limits));
    if !demanded {
        // The usual path: whatever the tree is, nobody asks for it.
        return Ok(Common::NotDemanded);
    }
    let unlimited = path.len() + 1;
    let from = |inhibited: bool| if inhibited { 0 } else { unlimited };
    let mut state = State {
        asked,
        expected: Some(HashMap::from([(ANY_POLICY, true)])),
        explicit_policy: from(asked.explicit),
        policy_mapping: from(asked.mapping_inhibited),
        inhibit_any_policy: from(asked.any_inhibited),
    };
    state.limit(anchor);
    for (place, certificate) in path.iter().enumerate().rev() {
        state.take(certificate, place == 0, budget)?;
        // What is gone does not come back.
        if state.explicit_policy == 0 && state.left().is_empty() {
            return Ok(Common::Nothing);
        }
        if place > 0 {
            state.prepare(certificate, budget)?;
        }
    }
    // Wrap-up (RFC 5280 section 6.1.5 (a), (b)).
    let demanded = path.first().and_then(|leaf| leaf.extensions.policies.limits.require_explicit);
    let explicit = state.explicit_policy.saturating_sub(1) == 0 || demanded == Some(0);
    let left = state.left();
    Ok(match (explicit, left.is_empty()) {
        (false, _) => Common::NotDemanded,
        (true, false) => Common::These(left),
        (true, true) => Common::Nothing,
    })
}

impl<'a> State<'a, '_> {
    /// The policies that the caller accepts (RFC 5280 section 6.1.5 (g)).
    fn left(&self) -> Vec<&'a [u8]> {
        let accepted = |(policy, began): (&&'a [u8], &bool)| match *policy {
            ANY_POLICY => self.asked.accept_any().then_some(ANY_POLICY),
            policy => began.then_some(policy),
        };
        let mut left: Vec<_> = self.expected.iter().flatten().filter_map(accepted).collect();
        left.sort_unstable();
        left
    }

    /// RFC 5280 section 6.1.3 (d), (e).
    fn take(
        &mut self,
        certificate: &'a Certificate<'a>,
        last: bool,
        budget: &mut Budget,
    ) -> Result<(), Stop> {
        let (Some(expected), Some(listed)) = (&self.expected, certificate.extensions.policies.listed) else {
            self.expected = None;
            return Ok(());
        };
        budget.spend(expected.len().saturating_add(listed.len()))?;
        let any_allowed = self.inhibit_any_policy > 0 || (!last && certificate.is_self_issued());
        let any_expected = expected.contains_key(ANY_POLICY);
        let mut kept = HashMap::new();
        for policy in sequences(listed) {
            match expected.get(policy) {
                _ if policy == ANY_POLICY && any_allowed => kept.extend(expected),
                _ if policy == ANY_POLICY => {}
                Some(began) => {
                    kept.insert(policy, *began);
                }
                // It begins here.
                None if any_expected => {
                    kept.insert(policy, self.asked.accept(policy));
                }
                None => {}
            }
        }
        self.expected = (!kept.is_empty()).then_some(kept);
        Ok(())
    }

    /// RFC 5280 section 6.1.4 (b), (h) to (j).
    fn prepare(&mut self, certificate: &'a Certificate<'a>, budget: &mut Budget) -> Result<(), Stop> {
        let policies = &certificate.extensions.policies;
        if let (Some(expected), Some(mappings)) = (&mut self.expected, policies.mappings) {
            budget.spend(expected.len().saturating_add(mappings.len()))?;
            let before = expected.clone();
            for from in sequences(mappings) {
                // The policy itself is not expected below: what it maps to is.
                expected.remove(from);
            }
            if self.policy_mapping > 0 {
                let any = before.contains_key(ANY_POLICY);
                let mut pairs = Der::new(mappings);
                while let Ok(mut pair) = pairs.inside(tag::SEQUENCE) {
                    let (Ok(from), Ok(to)) = (pair.content(tag::OID), pair.content(tag::OID)) else { break };
                    let began = before.get(from).copied();
                    // Where anyPolicy stands for it, it begins here.
                    if let Some(began) = began.or_else(|| any.then(|| self.asked.accept(from))) {
                        *expected.entry(to).or_default() |= began;
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
        Ok(())
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
