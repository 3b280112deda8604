//! The certificate policies that a caller asks for (RFC 5280 section 6.1.1 (c),
//! (e) to (g)). How a path is held to them is in `policies`.

use super::extensions::ANY_POLICY;
use crate::crypto::der::dotted;
use crate::crypto::kdf::sha256;
use crate::said::debug_is_display;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A certificate policy's object identifier (RFC 5280 section 4.2.1.4).
///
/// ```
/// use handfast::pki::PolicyId;
/// let policy: PolicyId = "2.16.840.1.101.3.2.1.48.1".parse()?;
/// assert_eq!(policy.to_string(), "2.16.840.1.101.3.2.1.48.1");
/// assert!("2.16.840.".parse::<PolicyId>().is_err());
/// # Ok::<(), handfast::pki::NotAnObjectIdentifier>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(Box<[u8]>);

/// The text is no object identifier in dotted decimal.
///
/// ```
/// use handfast::pki::PolicyId;
/// let refused = "1.2.".parse::<PolicyId>().unwrap_err();
/// assert!(refused.to_string().starts_with("\"1.2.\" is no object identifier: expected are"));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no object identifier: expected are two numbers or more with dots between, such as \
     2.16.840.1.101.3.2.1.48.1, the first at most 2, and the second below 40 after 0 and 1"
)]
pub struct NotAnObjectIdentifier(String);

debug_is_display!(NotAnObjectIdentifier);

impl FromStr for PolicyId {
    type Err = NotAnObjectIdentifier;

    /// Numbers of up to 128 bits each.
    fn from_str(text: &str) -> Result<Self, NotAnObjectIdentifier> {
        encoded(text).map(Self).ok_or_else(|| NotAnObjectIdentifier(text.chars().take(100).collect()))
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.0))
    }
}

/// X.690 section 8.19.
fn encoded(text: &str) -> Option<Box<[u8]>> {
    let mut parts = text.split('.').map(|part| {
        let plain =
            part.bytes().all(|octet| octet.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
        part.parse::<u128>().ok().filter(|_| plain)
    });
    let (root, arc) = (parts.next()??, parts.next()??);
    if root > 2 || (root < 2 && arc >= 40) {
        return None;
    }
    let mut out = Vec::new();
    for part in [root.checked_mul(40)?.checked_add(arc)].into_iter().chain(parts) {
        let part = part?;
        let digits = part.checked_ilog2().unwrap_or(0) / 7;
        for digit in (0..=digits).rev() {
            let more = if digit > 0 { 0x80 } else { 0 };
            out.push((part >> (7 * digit)) as u8 & 0x7f | more);
        }
    }
    Some(out.into())
}

/// Which certificate policies a path must have, and how they may come about
/// (RFC 5280 section 6.1.1). By default none is asked for, and only what a
/// certificate demands counts (policyConstraints).
///
/// ```
/// # use handfast::pki::{Roots, Verifier};
/// # let roots = Roots::new();
/// use handfast::pki::{Policies, PolicyId};
/// // Certificates of an authority's highest level, asserted by every issuer in
/// // its own words, not by "any policy".
/// let level: PolicyId = "1.3.6.1.4.1.99999.1.3".parse()?;
/// let verifier = Verifier::web_pki(roots)
///     .with_policies(Policies::any_of([level]).without_any_policy().without_mapping());
/// # Ok::<(), handfast::pki::NotAnObjectIdentifier>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// user-initial-policy-set; `None` is any-policy.
    accepted: Option<Arc<BTreeSet<PolicyId>>>,
    /// initial-explicit-policy, initial-any-policy-inhibit and
    /// initial-policy-mapping-inhibit.
    pub(super) explicit: bool,
    pub(super) any_inhibited: bool,
    pub(super) mapping_inhibited: bool,
}

impl Policies {
    /// The whole path must have one of these, or any policy, or one that an
    /// issuer maps to one of these. Of none of them nobody has one.
    pub fn any_of(policies: impl IntoIterator<Item = PolicyId>) -> Self {
        let accepted: BTreeSet<PolicyId> = policies.into_iter().collect();
        let every = accepted.iter().any(|policy| *policy.0 == *ANY_POLICY);
        Self { accepted: (!every).then(|| Arc::new(accepted)), ..Self::one() }
    }

    /// The whole path must have a policy in common, whichever it is.
    pub fn one() -> Self {
        Self { explicit: true, ..Self::default() }
    }

    /// The same only where a certificate of the path demands a policy
    /// (requireExplicitPolicy); a path in which none does needs none.
    pub fn where_demanded(self) -> Self {
        Self { explicit: false, ..self }
    }

    /// anyPolicy in a certificate stands for none.
    pub fn without_any_policy(self) -> Self {
        Self { any_inhibited: true, ..self }
    }

    /// No issuer says that another one's policy is the same as its own
    /// (policyMappings).
    pub fn without_mapping(self) -> Self {
        Self { mapping_inhibited: true, ..self }
    }

    /// Whether a policy, an object identifier's contents, is one of the caller's.
    pub(super) fn accept(&self, policy: &[u8]) -> bool {
        self.accepted.as_ref().is_none_or(|accepted| accepted.contains(&PolicyId(policy.into())))
    }

    /// Whether there is one that is accepted.
    pub(super) fn accept_any(&self) -> bool {
        self.accepted.as_ref().is_none_or(|accepted| !accepted.is_empty())
    }

    /// The same for the same demands, and for no others.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let flags = [self.accepted.is_some(), self.explicit, self.any_inhibited, self.mapping_inhibited];
        let mut all = flags.map(u8::from).to_vec();
        for PolicyId(policy) in self.accepted.iter().flat_map(|accepted| accepted.iter()) {
            all.extend(sha256(policy));
        }
        sha256(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_as_they_are_written() {
        for (text, octets) in [
            ("0.0", &[0][..]),
            ("1.39", &[79]),
            ("2.5.29.32.0", ANY_POLICY),
            ("2.999.3", &[0x88, 0x37, 3]),
            ("2.16.840.1.101.3.2.1.48.1", b"\x60\x86\x48\x01\x65\x03\x02\x01\x30\x01"),
            ("1.2.127.128.16383.16384", &[0x2a, 0x7f, 0x81, 0, 0xff, 0x7f, 0x81, 0x80, 0]),
        ] {
            let policy: PolicyId = text.parse().unwrap();
            assert_eq!(&*policy.0, octets, "{text}");
            assert_eq!(policy.to_string(), text);
        }
        // The largest: a UUID's arc.
        let largest: PolicyId = format!("2.25.{}", u128::MAX).parse().unwrap();
        assert_eq!(largest.0.len(), 20);
        let more = format!("2.25.{}0", u128::MAX);
        let sum = format!("2.{}", u128::MAX);
        for bad in [
            "", "1", "1.", ".1", "1..2", "1.40", "0.40", "3.1", "1.2.", "1.02", "1.+2", "1.-2", "1. 2", "a.b",
        ]
        .into_iter()
        .chain([&*more, &*sum])
        {
            let refused = bad.parse::<PolicyId>().unwrap_err();
            assert!(refused.to_string().starts_with(&format!("{bad:?} is no object identifier")), "{bad}");
        }
    }

    #[test]
    fn each_demand_has_its_own_fingerprint() {
        let one = || "1.2.3".parse::<PolicyId>().unwrap();
        let two = || "1.2.4".parse::<PolicyId>().unwrap();
        let all = [
            Policies::default(),
            Policies::one(),
            Policies::any_of([]),
            Policies::any_of([one()]),
            Policies::any_of([two()]),
            Policies::any_of([one(), two()]),
            Policies::any_of([one()]).where_demanded(),
            Policies::any_of([one()]).without_any_policy(),
            Policies::any_of([one()]).without_mapping(),
        ];
        for (place, policies) in all.iter().enumerate() {
            let same = all.iter().filter(|other| other.fingerprint() == policies.fingerprint()).count();
            assert_eq!(same, 1, "{place}");
        }
        assert_eq!(Policies::any_of([two(), one()]).fingerprint(), all[5].fingerprint());
        // anyPolicy among them asks for none in particular.
        assert_eq!(Policies::any_of([one(), "2.5.29.32.0".parse().unwrap()]), Policies::one());
    }
}
