//! From files into the configuration that is in force.

use super::certificates::CertificateFiles;
use super::error::{LoadError, Notice};
use super::kept::Patience;
use super::roots::RootFile;
use crate::config::{ClientConfig, Live, ServerConfig};
use crate::identity::Identity;
use crate::pki::{Roots, UnixTime};
use std::path::PathBuf;
use std::sync::Arc;

/// Keeps a configuration as its files are: this side's certificates, the roots by which
/// peers are judged, or both. All else of the configuration stays, also what others
/// [update](Live::update) meanwhile.
///
/// It has no clock of its own, which is the configuration's, and no thread:
/// [`check`](Self::check) looks once, [`watch`](Self::watch) by itself.
///
/// ```no_run
/// use handfast::reload::{CertificateFiles, Reloader};
/// use handfast::{ClientConfig, pki::{Roots, UnixTime, Verifier}};
/// let config = ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now);
/// let files = CertificateFiles::pair("client.pem", "client.key");
/// let mut reloader = Reloader::new(config).certificates(files)?.roots("ca.pem")?;
/// for notice in reloader.check() {
///     eprintln!("{notice}"); // what was taken at first, what was left out
/// }
/// # Ok::<(), handfast::reload::LoadError>(())
/// ```
pub struct Reloader<C> {
    live: Live<C>,
    certificates: Option<CertificateFiles>,
    roots: Option<RootFile>,
    /// What was loaded at first, until somebody asks.
    pub(super) untold: Vec<Notice>,
}

/// A configuration whose files may be watched: [`ClientConfig`], [`ServerConfig`].
///
/// ```
/// use handfast::reload::{Reloadable, Reloader};
/// use handfast::{ServerConfig, pki::UnixTime};
/// // For servers and clients alike:
/// fn tell_all(reloader: &mut Reloader<impl Reloadable>) -> usize {
///     reloader.check().iter().map(|notice| eprintln!("{notice}")).count()
/// }
/// let mut reloader = Reloader::new(ServerConfig::asking_for_certificates(UnixTime::now));
/// assert_eq!(tell_all(&mut reloader), 0); // it has no files yet
/// ```
pub trait Reloadable: sealed::Configuration {}

impl<C: sealed::Configuration> Reloadable for C {}

impl<C: Reloadable> Reloader<C> {
    /// For a configuration that has no files yet.
    pub fn new(config: impl Into<Live<C>>) -> Self {
        Self { live: config.into(), certificates: None, roots: None, untold: Vec::new() }
    }

    /// Takes this side's certificates from files, in place of what the configuration
    /// has: they are loaded now.
    ///
    /// # Errors
    /// There is none that can be used. Some of several are left out, which the first
    /// [`check`](Self::check) tells.
    pub fn certificates(mut self, mut files: CertificateFiles) -> Result<Self, LoadError> {
        let now = self.live.current().now();
        self.untold.extend(files.load(now)?);
        put_certificates(&self.live, &files);
        self.certificates = Some(files);
        Ok(self)
    }

    /// Takes the roots by which peers are judged from a file, PEM or DER, in place of
    /// what the [`Verifier`](crate::pki::Verifier) has: they are loaded now. All else of
    /// its policy stays. A session that began under other roots is not resumed.
    ///
    /// # Errors
    /// There is none that can be used, or peers are not judged by roots.
    pub fn roots(mut self, file: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let mut file = RootFile::new(file.into());
        self.untold.extend(file.load()?);
        if !put_roots(&self.live, &file) {
            return Err(LoadError::NotJudgedByRoots);
        }
        self.roots = Some(file);
        Ok(self)
    }

    /// The configuration, for whoever begins connections.
    pub fn live(&self) -> &Live<C> {
        &self.live
    }

    /// Looks at the files, and puts in force what is different and can be used. An
    /// empty list: nothing is different. It reads files, and does not wait: what
    /// somebody is in the middle of writing is refused, and taken next time.
    pub fn check(&mut self) -> Vec<Notice> {
        self.look(Patience::AtOnce).0
    }

    /// The same; and whether to look again soon.
    pub(super) fn look(&mut self, patience: Patience) -> (Vec<Notice>, bool) {
        let (mut notices, mut unsettled) = (Vec::new(), false);
        if let Some(files) = &mut self.certificates {
            let (told, soon) = files.look(self.live.current().now(), patience);
            if told.iter().any(is_change) {
                put_certificates(&self.live, files);
            }
            notices.extend(told);
            unsettled |= soon;
        }
        if let Some(file) = &mut self.roots {
            let (told, soon) = file.look(patience);
            if told.iter().any(is_change) {
                put_roots(&self.live, file);
            }
            notices.extend(told);
            unsettled |= soon;
        }
        let mut first = std::mem::take(&mut self.untold);
        first.retain(|before| notices.iter().all(|notice| notice.to_string() != before.to_string()));
        first.append(&mut notices);
        (first, unsettled)
    }
}

const fn is_change(notice: &Notice) -> bool {
    matches!(notice, Notice::Taken { .. } | Notice::Removed { .. })
}

fn put_certificates<C: Reloadable>(live: &Live<C>, files: &CertificateFiles) {
    live.update(|config| config.identified_by(files.identities().cloned().collect()));
}

/// Whether peers are judged by roots.
fn put_roots<C: Reloadable>(live: &Live<C>, file: &RootFile) -> bool {
    let Some(roots) = file.roots() else { return false };
    let mut put = false;
    live.update(|config| {
        let made = config.judging_by(roots);
        put = made.is_some();
        made.unwrap_or_else(|| config.clone())
    });
    put
}

mod sealed {
    use super::*;

    pub trait Configuration: Clone + Send + Sync + 'static {
        fn now(&self) -> UnixTime;
        fn identified_by(&self, identities: Vec<Arc<Identity>>) -> Self;
        /// `None` where it judges by no roots.
        fn judging_by(&self, roots: &Roots) -> Option<Self>;
    }

    impl Configuration for ClientConfig {
        fn now(&self) -> UnixTime {
            self.common.now()
        }

        fn identified_by(&self, identities: Vec<Arc<Identity>>) -> Self {
            self.with_identities(identities)
        }

        fn judging_by(&self, roots: &Roots) -> Option<Self> {
            Some(self.with_judge(self.judge().with_roots(roots)?))
        }
    }

    impl Configuration for ServerConfig {
        fn now(&self) -> UnixTime {
            self.common.now()
        }

        fn identified_by(&self, identities: Vec<Arc<Identity>>) -> Self {
            self.with_identities(identities)
        }

        fn judging_by(&self, roots: &Roots) -> Option<Self> {
            self.with_client_roots(roots)
        }
    }
}
