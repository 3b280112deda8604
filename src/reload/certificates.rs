//! Certificates with their keys: pairs of files, and directories of them.

use super::directory::Directory;
use super::entry::{Entry, Found, Look, Prepare};
use super::error::{LoadError, Notice};
use super::kept::Patience;
use crate::identity::{ConfigError, Identity};
use crate::pki::UnixTime;
use std::path::PathBuf;
use std::sync::Arc;

/// Where certificates and their keys are: PEM files, or DER.
///
/// ```
/// use handfast::reload::CertificateFiles;
/// let one = CertificateFiles::pair("fullchain.pem", "privkey.pem");
/// let all = CertificateFiles::directory("/etc/letsencrypt/live").and(one);
/// ```
pub struct CertificateFiles {
    sources: Vec<Source>,
    prepare: Option<Prepare>,
}

enum Source {
    One(Entry),
    All(Directory),
}

impl CertificateFiles {
    /// One chain, leaf first, and the private key of its leaf; both may be the same file.
    pub fn pair(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let found = Found::Pair { chain: chain.into(), key: key.into() };
        Self { sources: vec![Source::One(Entry::new(found))], prepare: None }
    }

    /// All that a directory has, in the order of their names, the first for clients
    /// that want none of them. A certificate is
    ///
    /// - `NAME/fullchain.pem` with `NAME/privkey.pem`, as certbot has them, or
    ///   `NAME/tls.crt` with `NAME/tls.key`;
    /// - `NAME.pem` or `NAME.crt`, with the key in `NAME.key`, in `NAME-key.pem`, or
    ///   behind the chain.
    ///
    /// For whom it is its subjectAltName says, not the file's name. What begins with
    /// a dot is passed over, and so are files with other endings.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self { sources: vec![Source::All(Directory::new(path.into()))], prepare: None }
    }

    /// These, and then others; of two ways to [prepare](Self::prepared_by), the first.
    pub fn and(mut self, others: Self) -> Self {
        self.sources.extend(others.sources);
        self.prepare = self.prepare.or(others.prepare);
        self
    }

    /// What to do with each identity before it serves, such as
    /// [`Identity::sign_with`] or [`Identity::with_ocsp`].
    pub fn prepared_by(
        mut self,
        prepare: impl Fn(Identity) -> Result<Identity, ConfigError> + Send + 'static,
    ) -> Self {
        self.prepare = Some(Box::new(prepare));
        self
    }

    /// The last good ones.
    pub(super) fn identities(&self) -> impl Iterator<Item = &Arc<Identity>> {
        let each = self.sources.iter().flat_map(|source| {
            let (one, all) = match source {
                Source::One(entry) => (Some(entry), None),
                Source::All(directory) => (None, Some(directory.entries())),
            };
            one.into_iter().chain(all.into_iter().flatten())
        });
        each.filter_map(Entry::identity)
    }

    /// Looks at all files: what came of it, and whether to look again soon.
    pub(super) fn look(&mut self, now: UnixTime, patience: Patience) -> (Vec<Notice>, bool) {
        let prepare = self.prepare.as_ref();
        let mut look = Look { now, patience, prepare, notices: Vec::new(), unsettled: false };
        for source in &mut self.sources {
            match source {
                Source::One(entry) => entry.look(&mut look),
                Source::All(directory) => directory.look(&mut look),
            }
        }
        (look.notices, look.unsettled)
    }

    /// The same for the first time: that there is none at all is an error.
    pub(super) fn load(&mut self, now: UnixTime) -> Result<Vec<Notice>, LoadError> {
        let (notices, _) = self.look(now, Patience::AtOnce);
        if self.identities().next().is_some() {
            return Ok(notices);
        }
        let mut reasons = notices.into_iter().filter_map(|notice| match notice {
            Notice::LeftOut { why, .. } => Some(why),
            _ => None,
        });
        let nothing = || LoadError::NothingThere { directory: PathBuf::new() };
        Err(reasons.next().unwrap_or_else(nothing))
    }
}
