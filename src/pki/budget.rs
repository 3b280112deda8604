//! What one verdict may cost. One unit is an octet that is looked at, some two
//! nanoseconds: each step of a search costs what it looks at, a signature as many
//! octets as could be looked at instead. Where nothing is left the chain is
//! refused, whoever's fault it is.

use super::remembered::{Memory, Recall, Signed};
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo};
use crate::limits;

/// What is left of it.
pub(super) struct Budget {
    given: usize,
    left: usize,
    /// What need not be verified again costs the same: no verdict depends on it.
    pub(super) recall: Recall,
}

/// The budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// For the search.
    pub(super) const FULL: Self =
        Self { given: limits::CHAIN_COST, left: limits::CHAIN_COST, recall: Recall::NONE };

    /// The same, with what a verifier remembers.
    pub(super) fn recalling(memory: Option<&Memory>) -> Self {
        Self { recall: Recall::of(memory), ..Self::FULL }
    }

    #[cfg(test)]
    pub(super) fn of(octets: usize) -> Self {
        Self { given: octets, left: octets, ..Self::FULL }
    }

    /// Pays for so many octets.
    pub(super) fn spend(&mut self, octets: usize) -> Result<(), Exhausted> {
        let left = self.left.checked_sub(octets);
        self.left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// Whether the signature of a certificate holds.
    pub(super) fn verify(&mut self, signed: &Signed<'_>) -> Result<Result<(), SignatureRefused>, Exhausted> {
        self.signature(signed.key, signed.message)?;
        Ok(self.recall.verify(signed))
    }

    /// Whether that of a list or of a response does.
    pub(super) fn verify_statement(&mut self, signed: &Signed<'_>) -> Result<bool, Exhausted> {
        self.signature(signed.key, signed.message)?;
        Ok(self.verify_own(signed))
    }

    /// The same of what is the caller's own, not the peer's, who pays for nothing.
    pub(super) fn verify_own(&mut self, signed: &Signed<'_>) -> bool {
        self.recall.verify_statement(signed).is_ok()
    }

    /// Pays for one signature: by the size of the key, and by what is hashed.
    fn signature(&mut self, key: SubjectPublicKeyInfo<'_>, message: &[u8]) -> Result<(), Exhausted> {
        self.spend(key.cost().saturating_add(message.len()))
    }

    /// Gives what is kept for putting a refusal into words.
    pub(super) fn reserve(&mut self) {
        self.given += limits::CHAIN_COST_OF_WORDS;
        self.left += limits::CHAIN_COST_OF_WORDS;
    }

    pub(super) fn spent(&self) -> usize {
        self.given - self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::verify::SubjectPublicKeyInfo;

    const P256: &[u8] =
        b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

    #[test]
    fn what_is_spent_is_spent_and_no_more_is_given_than_there_is() {
        let mut budget = Budget::FULL;
        assert_eq!(budget.spend(limits::CHAIN_COST - 1), Ok(()));
        assert_eq!(budget.spend(1), Ok(()));
        assert_eq!(budget.spend(1), Err(Exhausted));
        assert_eq!(budget.spent(), limits::CHAIN_COST);
        budget.reserve();
        assert_eq!(budget.spend(limits::CHAIN_COST_OF_WORDS), Ok(()));
        assert_eq!(budget.spend(usize::MAX), Err(Exhausted));
        assert_eq!(budget.spent(), limits::CHAIN_COST + limits::CHAIN_COST_OF_WORDS);
        // What is asked for and not there takes what there is: nothing cheaper follows.
        let mut budget = Budget::FULL;
        assert_eq!(budget.spend(usize::MAX), Err(Exhausted));
        assert_eq!(budget.spend(1), Err(Exhausted));
    }

    #[test]
    fn a_hundred_signatures_of_small_keys_are_all_of_it() {
        let key = SubjectPublicKeyInfo { algorithm: P256, key: &[] };
        let mut budget = Budget::FULL;
        let verified = (0..1000).take_while(|_| budget.signature(key, &[0; 500]).is_ok()).count();
        assert!((100..=105).contains(&verified), "{verified}");
        // What is hashed is paid for, too.
        let mut budget = Budget::FULL;
        let verified = (0..1000).take_while(|_| budget.signature(key, &[0; 100_000]).is_ok()).count();
        assert!((25..=50).contains(&verified), "{verified}");
    }
}
