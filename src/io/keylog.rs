//! The key log (RFC 9850): secrets as lines of text, for analysers such as Wireshark.

use crate::observe::{Observed, Observer};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// An observer that writes each secret which a key log has a label for.
/// **Whoever has the log can read the connections.**
///
/// One line is one `write`, so that logs of several programs may go to one file.
///
/// ```
/// use handfast::{ClientConfig, ClientOptions, Connection, KeyLog};
/// use std::sync::Arc;
/// let log = Arc::new(KeyLog::new(std::io::stderr()));
/// let mut options = ClientOptions::default();
/// options.observer = Some(log.clone());
/// // Connection::client_with(&config, name, options)
/// assert!(log.take_error().is_none());
/// ```
pub struct KeyLog(Mutex<Log>);

struct Log {
    to: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

impl KeyLog {
    /// Writes to `to`.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Log { to: Box::new(to), error: None }))
    }

    /// Appends to a file. One that does not exist yet is created so that, on
    /// Unix, only its owner can read it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn append_to(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::new(open_private(path.as_ref())?))
    }

    /// The first error in writing since the last call: an observer cannot return it.
    pub fn take_error(&self) -> Option<io::Error> {
        self.log().error.take()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for KeyLog {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Secret { keylog: Some(label), client_random, secret, .. } = event {
            let line = line(label, *client_random, secret);
            let mut log = self.log();
            if let Err(error) = log.to.write_all(&line).and_then(|()| log.to.flush()) {
                log.error.get_or_insert(error);
            }
        }
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog").finish_non_exhaustive()
    }
}

/// In a buffer that is reserved once, and wiped.
fn line(label: &str, client_random: &[u8], secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = label.len() + 1 + 2 * client_random.len() + 1 + 2 * secret.len() + 1;
    let mut line = Zeroizing::new(Vec::with_capacity(len));
    line.extend_from_slice(label.as_bytes());
    for bytes in [client_random, secret] {
        line.push(b' ');
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default() as u8;
        bytes.iter().for_each(|byte| line.extend([digit(byte >> 4), digit(byte & 0xf)]));
    }
    line.push(b'\n');
    line
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
