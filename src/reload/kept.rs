//! The last good value that was made of files.

use super::error::LoadError;
use super::files::{Contents, Digest, read_together};
use std::path::Path;

/// Whether a change counts as soon as it is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Somebody says that the files are ready.
    AtOnce,
    /// Two looks must see the same: who writes two files, or one slowly, may be in
    /// the middle of it.
    SeenTwice,
}

/// What a look came to.
pub(super) enum Looked {
    /// Nothing is different, or nothing that was not told before.
    AsBefore,
    /// Something is different, for the first time.
    Unsettled,
    Taken,
    Refused(LoadError),
}

/// What was seen: contents, or why there are none.
type Sight = Result<Vec<Digest>, String>;

/// The last good value, and what has been seen since.
pub(super) struct Kept<T> {
    good: Option<(Vec<Digest>, T)>,
    seen: Option<Sight>,
    told: Option<Sight>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { good: None, seen: None, told: None }
    }
}

impl<T> Kept<T> {
    /// The last good one.
    pub(super) fn value(&self) -> Option<&T> {
        self.good.as_ref().map(|(_, value)| value)
    }

    /// Looks at files, and makes a value of them where they differ. What was refused
    /// is tried again each time, for its day may come; it is told once.
    pub(super) fn look(
        &mut self,
        files: &[&Path],
        patience: Patience,
        make: impl FnOnce(&[Contents]) -> Result<T, LoadError>,
    ) -> Looked {
        let known = self.good.as_ref().map(|(digests, _)| &digests[..]);
        let read = match read_together(files, known) {
            Ok(None) => {
                (self.seen, self.told) = (None, None);
                return Looked::AsBefore;
            }
            Ok(Some(contents)) => Ok(contents),
            Err(error) => Err(error),
        };
        let sight: Sight = match &read {
            Ok(contents) => Ok(contents.iter().map(|one| one.digest).collect()),
            Err(error) => Err(error.to_string()),
        };
        let again = self.seen.replace(sight.clone()).as_ref() == Some(&sight);
        if patience == Patience::SeenTwice && !again {
            return Looked::Unsettled;
        }
        match (read.and_then(|contents| make(&contents)), sight) {
            (Ok(value), Ok(digests)) => {
                *self = Self { good: Some((digests, value)), ..Self::default() };
                Looked::Taken
            }
            (Ok(_), Err(_)) => Looked::AsBefore, // nothing is made of nothing
            (Err(error), sight) => {
                let before = self.told.replace(sight.clone()).as_ref() == Some(&sight);
                match patience {
                    Patience::SeenTwice if before => Looked::AsBefore,
                    _ => Looked::Refused(error),
                }
            }
        }
    }
}
