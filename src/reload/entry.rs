//! One certificate with its key: two files, or one.

use super::error::{LoadError, Notice};
use super::files::Contents;
use super::kept::{Kept, Looked, Patience};
use crate::identity::{ConfigError, Identity};
use crate::pki::{Certificate, UnixTime};
use std::path::PathBuf;
use std::sync::Arc;

/// What is done with an identity before it serves.
pub(super) type Prepare = Box<dyn Fn(Identity) -> Result<Identity, ConfigError> + Send>;

/// How entries are looked at.
pub(super) struct Look<'a> {
    pub(super) now: UnixTime,
    pub(super) patience: Patience,
    pub(super) prepare: Option<&'a Prepare>,
    pub(super) notices: Vec<Notice>,
    /// Something is to be looked at again soon.
    pub(super) unsettled: bool,
}

/// What the names of files say.
#[derive(PartialEq, Eq)]
pub(super) enum Found {
    Pair { chain: PathBuf, key: PathBuf },
    NoPair { directory: PathBuf },
    NoCertificate { key: PathBuf },
}

/// A chain and its key, and the last good identity of them.
pub(super) struct Entry {
    pub(super) found: Found,
    identity: Kept<Arc<Identity>>,
}

impl Entry {
    pub(super) fn new(found: Found) -> Self {
        Self { found, identity: Kept::default() }
    }

    pub(super) fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.value()
    }

    pub(super) fn look(&mut self, look: &mut Look<'_>) {
        let Self { found, identity } = self;
        let had = identity.value().is_some();
        let looked = match &*found {
            Found::Pair { chain, key } => {
                let files = if chain == key { vec![chain.as_path()] } else { vec![chain.as_path(), key] };
                identity.look(&files, look.patience, |contents| {
                    let made = usable(contents, look);
                    made.map(Arc::new).map_err(|error| LoadError::Pair { files: found.text(), error })
                })
            }
            Found::NoPair { directory } => {
                identity.look(&[], look.patience, |_| Err(LoadError::NoPair { directory: directory.clone() }))
            }
            Found::NoCertificate { key } => {
                identity.look(&[], look.patience, |_| Err(LoadError::NoCertificate { key: key.clone() }))
            }
        };
        let what = found.text();
        look.notices.push(match looked {
            Looked::AsBefore => return,
            Looked::Unsettled => return look.unsettled = true,
            Looked::Taken => Notice::Taken {
                what,
                about: identity.value().map(|identity| about(identity)).unwrap_or_default(),
            },
            Looked::Refused(why) if had => Notice::Kept { what, why },
            Looked::Refused(why) => Notice::LeftOut { what, why },
        });
    }
}

impl Found {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Pair { chain, key } if chain == key => chain.display().to_string(),
            Self::Pair { chain, key } => format!("{} with {}", chain.display(), key.display()),
            Self::NoPair { directory: path } | Self::NoCertificate { key: path } => {
                path.display().to_string()
            }
        }
    }
}

/// An identity that may be shown today.
fn usable(contents: &[Contents], look: &Look<'_>) -> Result<Identity, ConfigError> {
    let (chain, key) = contents.first().zip(contents.last()).ok_or(ConfigError::Empty("files"))?;
    let mut identity = Identity::from_pem(&chain.bytes, &key.bytes)?;
    if let Some(prepare) = look.prepare {
        identity = prepare(identity)?;
    }
    identity.check(look.now)?;
    Ok(identity)
}

/// For whom, and until when.
fn about(identity: &Identity) -> String {
    match identity.chain().first().map(|leaf| Certificate::read(leaf)) {
        Some(Ok(leaf)) => format!("the certificate of {}, valid until {}", leaf.subject(), leaf.not_after()),
        _ => String::new(),
    }
}
