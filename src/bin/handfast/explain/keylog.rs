//! A key log (RFC 9850): secrets in a file that only its owner may read.

use crate::private::is_open_to_others;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An open key log. A line that cannot be written is remembered, and told at the end.
pub(crate) struct KeyLog(Mutex<(File, Option<String>)>);

impl KeyLog {
    /// Opens a file to append to, made for its owner alone. A file that others
    /// may read is refused: the secrets would be theirs.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let said = |error| format!("cannot write {}: {error}", path.display());
        let file = options.open(path).map_err(said)?;
        let metadata = file.metadata().map_err(said)?;
        if metadata.is_file() && is_open_to_others(&metadata) {
            return Err(format!("others may read {0}: chmod 600 {0}", path.display()));
        }
        Ok(Self(Mutex::new((file, None))))
    }

    /// Appends one line.
    pub(crate) fn write(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex::encode(client_random), hex::encode(secret));
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = inside.0.write_all(line.as_bytes()) {
            inside.1.get_or_insert(error.to_string());
        }
    }

    /// What went wrong first, if anything did.
    pub(crate) fn error(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
