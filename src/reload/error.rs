//! What is told of files: why they cannot be used, and what came of them.

use crate::identity::ConfigError;
use crate::limits;
use crate::pki::PemError;
use crate::said::debug_is_display;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why what is in files cannot be used. Each message names the file.
///
/// ```
/// use handfast::{ServerConfig, pki::UnixTime, reload::{CertificateFiles, LoadError, Reloader}};
/// let config = ServerConfig::asking_for_certificates(UnixTime::now);
/// let files = CertificateFiles::pair("no/such/chain.pem", "no/such/key.pem");
/// let error = Reloader::new(config).certificates(files).err().unwrap();
/// assert!(matches!(&error, LoadError::Unreadable { .. }));
/// assert!(error.to_string().contains("no/such/chain.pem"));
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is no regular file, which could be read again when it changes", file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
    },
    /// It is longer than any file of certificates.
    #[error("{} has more than {} bytes: that is no file of certificates", file.display(), limits::FILE_BYTES)]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// It is never the same twice.
    #[error("{} changes while it is read: try again when whoever writes it has finished", file.display())]
    Changing {
        /// The file.
        file: PathBuf,
    },
    /// A chain and a key that cannot serve.
    #[error("{files}: {error}")]
    Pair {
        /// The files.
        files: String,
        /// What is wrong with them.
        error: ConfigError,
    },
    /// A directory of a certificate lacks it.
    #[error("{} has neither fullchain.pem with privkey.pem nor tls.crt with tls.key", directory.display())]
    NoPair {
        /// The directory.
        directory: PathBuf,
    },
    /// A key that belongs to nothing.
    #[error("{} has no certificate beside it: name it as the key, with .pem or .crt behind", key.display())]
    NoCertificate {
        /// The key.
        key: PathBuf,
    },
    /// No certificate can be used.
    #[error(
        "{} has no certificate that can be used: expected are NAME/fullchain.pem with NAME/privkey.pem, \
         or NAME.pem (or NAME.crt) with NAME.key",
        directory.display()
    )]
    NothingThere {
        /// The directory.
        directory: PathBuf,
    },
    /// A directory has more entries than are looked at.
    #[error("{} has more than {} entries", directory.display(), limits::DIRECTORY_ENTRIES)]
    TooMany {
        /// The directory.
        directory: PathBuf,
    },
    /// A file of roots that cannot be read as one.
    #[error("{}: {error}", file.display())]
    Roots {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: PemError,
    },
    /// Some certificates of a file of roots are malformed; `usable` others are not.
    #[error("{}: {malformed} malformed, of {} certificates", file.display(), malformed + usable)]
    MalformedRoots {
        /// The file.
        file: PathBuf,
        /// How many cannot be read.
        malformed: usize,
        /// How many can.
        usable: usize,
    },
    /// The configuration's judge has no roots to replace.
    #[error(
        "the configuration judges its peers by no roots: give it Verifier::web_pki or \
         Verifier::chain_without_name, a server in its ClientAuth"
    )]
    NotJudgedByRoots,
}

debug_is_display!(LoadError);

/// What came of a look at files, one sentence for a log each.
///
/// ```
/// use handfast::reload::Notice;
/// // Whom to wake for it; the rest is for the log.
/// let is_alarming = |notice: &Notice| matches!(notice, Notice::Kept { .. } | Notice::LeftOut { .. });
/// let gone = Notice::Removed { what: "old.pem".into() };
/// assert!(!is_alarming(&gone));
/// assert_eq!(gone.to_string(), "old.pem is gone, and no longer in force");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// Put in force: at first, or in place of what was there before.
    Taken {
        /// The files.
        what: String,
        /// What is in them, in words.
        about: String,
    },
    /// The files changed, but cannot be used: what was in force before is kept.
    Kept {
        /// The files.
        what: String,
        /// Why not.
        why: LoadError,
    },
    /// Not in force, nor ever was; or, of roots, the part that cannot be used.
    LeftOut {
        /// The files.
        what: String,
        /// Why not.
        why: LoadError,
    },
    /// Gone from the directory, and no longer in force.
    Removed {
        /// The files.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { what, about } => write!(f, "{what} is in force: {about}"),
            Self::Kept { why, .. } => write!(f, "kept what was in force before: {why}"),
            Self::LeftOut { why, .. } => write!(f, "left out: {why}"),
            Self::Removed { what } => write!(f, "{what} is gone, and no longer in force"),
        }
    }
}
