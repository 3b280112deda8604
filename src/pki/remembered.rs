//! Signatures that this process has verified. What is kept is no verdict, but a
//! fact about octets: this key made this signature over this. So nothing that
//! a verdict depends on makes an entry wrong: no date, root, list or policy.

use crate::crypto::kdf::Hasher;
use crate::crypto::suite::Hash;
use crate::crypto::verify::{SignatureRefused, SubjectPublicKeyInfo, verify_certificate};
use crate::limits;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// A signature, what it is over, and whose it is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) key: SubjectPublicKeyInfo<'a>,
    /// The AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// SHA-256 of all that a [`Signed`] is. Two of them that differ and have the
/// same one would be a collision.
type Print = [u8; 32];

impl Signed<'_> {
    fn verify(&self) -> Result<(), SignatureRefused> {
        verify_certificate(self.algorithm, self.key, self.message, self.signature)
    }

    /// Each part behind its length: no octet can be taken for its neighbour's.
    fn print(&self) -> Option<Print> {
        let mut hasher = Hasher::new(Hash::Sha256);
        for part in [self.key.algorithm, self.key.key, self.algorithm, self.message, self.signature] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finish().as_bytes().try_into().ok()
    }
}

/// The memory of a verifier, which its clones share.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Halves>>);

/// Two halves of the limit: when the younger is full, the older is forgotten.
/// What is met again moves to the younger one.
#[derive(Debug, Default)]
struct Halves {
    younger: HashSet<Print>,
    older: HashSet<Print>,
    /// How many signatures were verified, and how many remembered.
    #[cfg(test)]
    counted: (usize, usize),
}

impl Halves {
    fn has(&mut self, print: &Print) -> bool {
        if self.younger.contains(print) {
            return true;
        }
        let met = self.older.contains(print);
        if met {
            self.put(*print);
        }
        met
    }

    fn put(&mut self, print: Print) {
        if self.younger.len() >= limits::REMEMBERED_SIGNATURES / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(print);
    }
}

impl Memory {
    /// Held briefly. Whoever panicked meanwhile leaves a memory that is empty.
    fn with<T>(&self, work: impl FnOnce(&mut Halves) -> T) -> Option<T> {
        self.0.lock().ok().map(|mut halves| work(&mut halves))
    }
}

/// What one verdict looks up, and what it will add if it accepts.
#[derive(Debug, Default)]
pub(super) struct Recall {
    memory: Option<Memory>,
    /// Some signature had to be verified.
    missed: bool,
    /// Those of lists and of responses.
    statements: Vec<Print>,
}

impl Recall {
    /// Remembers nothing.
    pub(super) const NONE: Self = Self { memory: None, missed: false, statements: Vec::new() };

    pub(super) fn of(memory: Option<&Memory>) -> Self {
        Self { memory: memory.cloned(), ..Self::NONE }
    }

    /// The signature of a certificate on a path that may yet lead nowhere.
    pub(super) fn verify(&mut self, signed: &Signed<'_>) -> Result<(), SignatureRefused> {
        self.look(signed).map(|_| ())
    }

    /// The signature of a statement about a path that reaches an anchor.
    pub(super) fn verify_statement(&mut self, signed: &Signed<'_>) -> Result<(), SignatureRefused> {
        let fresh = self.look(signed)?;
        self.statements.extend(fresh);
        Ok(())
    }

    /// Adds none of a list or a response.
    pub(super) fn without_statements(self) -> Self {
        Self { statements: Vec::new(), ..self }
    }

    /// The chain was accepted: it rests on these signatures, and on the statements'.
    pub(super) fn remember<'a>(self, links: impl Iterator<Item = Signed<'a>>) {
        let Some(memory) = self.memory.filter(|_| self.missed) else { return };
        let prints: Vec<_> = links.filter_map(|link| link.print()).chain(self.statements).collect();
        memory.with(|halves| prints.into_iter().for_each(|print| halves.put(print)));
    }

    /// Verifies what is not remembered; if it holds, this is its print.
    fn look(&mut self, signed: &Signed<'_>) -> Result<Option<Print>, SignatureRefused> {
        // Who remembers nothing computes no print.
        let print = self.memory.as_ref().and_then(|memory| Some((memory, signed.print()?)));
        let Some((memory, print)) = print else {
            return signed.verify().map(|()| None);
        };
        let known = memory.with(|halves| halves.has(&print)) == Some(true);
        #[cfg(test)]
        memory.with(|halves| match known {
            true => halves.counted.1 += 1,
            false => halves.counted.0 += 1,
        });
        if known {
            return Ok(None);
        }
        signed.verify()?;
        self.missed = true;
        Ok(Some(print))
    }
}

#[cfg(test)]
impl Memory {
    /// How many signatures were verified and how many remembered since the last call.
    pub(super) fn counted(&self) -> (usize, usize) {
        self.with(|halves| std::mem::take(&mut halves.counted)).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.with(|halves| halves.younger.union(&halves.older).count()).unwrap_or_default()
    }

    pub(super) fn poison(&self) {
        let shared = self.clone();
        let panicked = std::thread::spawn(move || shared.with(|_| panic!("on purpose"))).join();
        assert!(panicked.is_err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_again_outlives_what_is_not_and_both_are_few() {
        let memory = Memory::default();
        let print = |number: u32| {
            let mut print = [0; 32];
            print[..4].copy_from_slice(&number.to_be_bytes());
            print
        };
        let most = limits::REMEMBERED_SIGNATURES as u32;
        for number in 0..10 * most {
            memory.with(|halves| halves.put(print(number)));
            assert_eq!(memory.with(|halves| halves.has(&print(0))), Some(true), "it is met again each time");
            let kept = memory.with(|halves| halves.younger.len() + halves.older.len()).unwrap();
            assert!(kept <= limits::REMEMBERED_SIGNATURES, "{kept} are kept after {number}");
        }
        assert_eq!(memory.with(|halves| halves.has(&print(1))), Some(false));
        assert_eq!(memory.with(|halves| halves.has(&print(10 * most - 1))), Some(true));
        assert!(memory.len() > limits::REMEMBERED_SIGNATURES / 2);
    }

    #[test]
    fn no_octet_is_taken_for_its_neighbours() {
        let parts = |cuts: [usize; 4]| {
            let all = [7; 12];
            let [a, b, c, d] = cuts;
            let key = SubjectPublicKeyInfo { algorithm: &all[..a], key: &all[a..b] };
            Signed { key, algorithm: &all[b..c], message: &all[c..d], signature: &all[d..] }.print().unwrap()
        };
        let mut seen = HashSet::new();
        let mut count = 0;
        for a in 0..=12 {
            for b in a..=12 {
                for c in b..=12 {
                    for d in c..=12 {
                        seen.insert(parts([a, b, c, d]));
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(seen.len(), count);
    }
}
