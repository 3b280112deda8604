//! What is heard of a connection, with its times: the library's events, owned,
//! and the transport's beside them.

use super::keylog::KeyLog;
use handfast::observe::{Check, Direction, Level, Observed, Observer};
use handfast::{AlertDescription, EarlyData, sha256};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One event and when it was, counted from the beginning of the connection.
pub(crate) struct Heard {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

pub(crate) enum What {
    Connected {
        local: SocketAddr,
        peer: SocketAddr,
        took: Duration,
    },
    Message {
        direction: Direction,
        level: Level,
        bytes: Vec<u8>,
    },
    Secret(Secret),
    Check(OwnedCheck),
    Verdict {
        accepted: bool,
        sentence: String,
    },
    /// A refused certificate was accepted after all.
    Overruled {
        reason: String,
    },
    Alert {
        direction: Direction,
        level: u8,
        description: AlertDescription,
    },
    Record {
        direction: Direction,
        outer_type: u8,
        content_type: u8,
        length: usize,
        protected: bool,
    },
    /// The server said what becomes of the early data.
    EarlyDataDecided(EarlyData),
    /// The handshake is complete.
    Done,
    Data(usize),
    Fin(Direction),
    Reset,
    /// The peer left its direction open for so long after this side closed.
    StillOpen(Duration),
}

/// A secret, which is itself kept only where it is to be shown.
pub(crate) struct Secret {
    pub(crate) name: &'static str,
    pub(crate) from: &'static str,
    pub(crate) length: usize,
    pub(crate) fingerprint: String,
    pub(crate) revealed: Option<String>,
}

/// See [`Check`].
#[derive(Clone)]
pub(crate) struct OwnedCheck {
    pub(crate) depth: usize,
    pub(crate) certificate: String,
    pub(crate) rule: String,
    pub(crate) section: String,
    pub(crate) found: String,
    pub(crate) required: String,
    pub(crate) passed: bool,
}

/// The first four bytes of the SHA-256, in hex: enough to compare two key logs
/// by, and of no use for decrypting.
pub(crate) fn fingerprint(secret: &[u8]) -> String {
    hex::encode(sha256(secret).first_chunk::<4>().unwrap_or(&[0; 4]))
}

/// Collects the events of one connection.
pub(crate) struct Recorder {
    start: Instant,
    reveal: bool,
    keylog: Option<Arc<KeyLog>>,
    heard: Mutex<Vec<Heard>>,
}

impl Recorder {
    pub(crate) fn new(reveal: bool, keylog: Option<Arc<KeyLog>>) -> Self {
        Self { start: Instant::now(), reveal, keylog, heard: Mutex::default() }
    }

    /// How long ago the connection began.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds an event of the transport.
    pub(crate) fn push(&self, what: What) {
        let at = self.now();
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(Heard { at, what });
    }

    /// Takes what was heard since the last time.
    pub(crate) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Recorder {
    fn observe(&self, event: &Observed<'_>) {
        let what = match *event {
            Observed::Record { direction, outer_type, content_type, length, protected, .. } => {
                What::Record { direction, outer_type, content_type, length, protected }
            }
            Observed::Message { direction, level, bytes } => {
                What::Message { direction, level, bytes: bytes.to_vec() }
            }
            Observed::Secret { name, keylog, from, client_random, secret } => {
                if let (Some(file), Some(label)) = (&self.keylog, keylog) {
                    file.write(label, client_random, secret);
                }
                let revealed = self.reveal.then(|| hex::encode(secret));
                What::Secret(Secret {
                    name,
                    from,
                    length: secret.len(),
                    fingerprint: fingerprint(secret),
                    revealed,
                })
            }
            Observed::Check(check) => What::Check(check.into()),
            Observed::Verdict { accepted, sentence } => {
                What::Verdict { accepted, sentence: sentence.to_owned() }
            }
            Observed::Alert { direction, level, description } => {
                What::Alert { direction, level, description }
            }
            _ => return,
        };
        self.push(what);
    }
}

impl From<Check<'_>> for OwnedCheck {
    fn from(check: Check<'_>) -> Self {
        Self {
            depth: check.depth,
            certificate: check.certificate.to_owned(),
            rule: check.rule.to_owned(),
            section: check.section.to_owned(),
            found: check.found.to_owned(),
            required: check.required.to_owned(),
            passed: check.passed,
        }
    }
}
