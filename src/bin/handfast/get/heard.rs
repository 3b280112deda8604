//! What is heard of a connection beside the answer: secrets on their way to the
//! key log, and nowhere else; and how much of an answer came.

use crate::explain::keylog::KeyLog;
use handfast::observe::{Direction, Observed, Observer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The content type of application data (RFC 9846 section 5.1).
const APPLICATION_DATA: u8 = 23;

/// Listens to one connection.
pub(crate) struct Heard {
    keylog: Option<Arc<KeyLog>>,
    data: AtomicU64,
}

impl Heard {
    pub(crate) fn new(keylog: Option<Arc<KeyLog>>) -> Self {
        Self { keylog, data: AtomicU64::new(0) }
    }

    /// Bytes of application data that came.
    pub(crate) fn data(&self) -> u64 {
        self.data.load(Ordering::Relaxed)
    }
}

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        match event {
            Observed::Record {
                direction: Direction::In, content_type: APPLICATION_DATA, content, ..
            } => {
                self.data.fetch_add(*content as u64, Ordering::Relaxed);
            }
            Observed::Secret { keylog: Some(label), client_random, secret, .. } => {
                if let Some(log) = &self.keylog {
                    log.write(label, client_random, secret);
                }
            }
            _ => {}
        }
    }
}
