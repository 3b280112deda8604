//! `--sessions FILE`: a client's sessions, from one run to the next.
//!
//! Whoever reads the file reads early data and, of TLS 1.2, whole connections; whoever
//! writes it chooses the servers that this side believes. So it is its owner's alone.

use crate::private::is_open_to_others;
use clap::Args;
use handfast::pki::UnixTime;
use handfast::{ClientSessions, limits};
use std::fs::{File, OpenOptions, canonicalize, remove_file, rename};
use std::io::{self, ErrorKind, Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is kept between runs.
#[derive(Args)]
#[command(next_help_heading = "Sessions")]
pub(crate) struct SessionOptions {
    /// Resume sessions of earlier runs, which FILE keeps, and keep those of this one there. Only
    /// its owner may read it; of two runs at once the last one's sessions stay
    #[arg(long, value_name = "FILE")]
    pub(crate) sessions: Option<PathBuf>,
}

/// An open file of sessions.
pub(crate) struct SessionFile {
    path: PathBuf,
    pub(crate) sessions: Arc<ClientSessions>,
}

impl SessionFile {
    /// Takes the sessions of a file in; one that is not there has none. What is no such
    /// file, or is another release's, is refused, and stays as it is.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let sessions = Arc::new(ClientSessions::new());
        let said = |error: io::Error| format!("cannot read {}: {error}", path.display());
        // What is replaced is the file, and not a link to it.
        let file = Self { path: canonicalize(path).unwrap_or_else(|_| path.to_owned()), sessions };
        let mut from = match File::open(path) {
            Ok(from) => from,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(file),
            Err(error) => return Err(said(error)),
        };
        let metadata = from.metadata().map_err(said)?;
        if !metadata.is_file() {
            return Err(format!("{} is not a file: sessions are kept in one", path.display()));
        }
        if is_open_to_others(&metadata) {
            return Err(format!(
                "others may read or write {0}, where sessions are kept: chmod 600 {0}",
                path.display()
            ));
        }
        let most = limits::EXPORTED_SESSIONS as u64;
        let room = usize::try_from(metadata.len().min(most)).unwrap_or_default();
        // What grows leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(room.saturating_add(2)));
        Read::by_ref(&mut from).take(most + 1).read_to_end(&mut bytes).map_err(said)?;
        match file.sessions.import(&bytes, UnixTime::now()) {
            Ok(_) => Ok(file),
            Err(why) => Err(format!(
                "{0}: {why}; it is left as it is: remove it, or name another file, to begin anew",
                path.display()
            )),
        }
    }

    /// Puts what there is now in the file's place, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), String> {
        let said = |error: io::Error| format!("cannot write {}: {error}", self.path.display());
        let exported = self.sessions.export(UnixTime::now());
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        let written = write_new(&beside, exported.as_ref()).and_then(|()| rename(&beside, &self.path));
        if let Err(error) = written {
            let _may_not_be_there = remove_file(&beside);
            return Err(said(error));
        }
        if exported.left_out() > 0 {
            let (n, path) = (exported.left_out(), self.path.display());
            let _nobody_listens = writeln!(stderr(), "handfast: {path} has no room for {n} older sessions");
        }
        Ok(())
    }
}

/// A file that nobody else made, or can read.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
