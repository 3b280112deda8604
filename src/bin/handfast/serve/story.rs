//! What is heard of the handshakes: for `--explain` and for `--keylog`.

use super::log::Log;
use crate::explain::incoming::Incoming;
use crate::explain::keylog::KeyLog;
use handfast::ConnectionInfo;
use handfast::observe::{Observed, Observer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Begins the stories of connections.
pub(crate) struct Stories {
    pub(crate) explain: bool,
    pub(crate) keylog: Option<Arc<KeyLog>>,
    /// It was said that the key log cannot be written.
    pub(crate) complained: AtomicBool,
}

/// The story of one connection.
pub(crate) struct Story {
    incoming: Option<Arc<Incoming>>,
    keylog: Option<Arc<KeyLog>>,
}

struct Ears {
    incoming: Option<Arc<Incoming>>,
    keylog: Option<Arc<KeyLog>>,
}

impl Observer for Ears {
    fn observe(&self, event: &Observed<'_>) {
        if let (Some(log), Observed::Secret { keylog: Some(label), client_random, secret, .. }) =
            (&self.keylog, event)
        {
            log.write(label, client_random, secret);
        }
        if let Some(incoming) = &self.incoming {
            incoming.observe(event);
        }
    }
}

impl Stories {
    pub(crate) fn begin(&self) -> Story {
        Story { incoming: self.explain.then(Arc::default), keylog: self.keylog.clone() }
    }

    /// Says once that the key log cannot be written, as soon as it cannot.
    pub(crate) fn look(&self, log: &Log) {
        if let Some(error) = self.unwritten()
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            log.line(&format!("{error}; serving goes on"));
        }
    }

    /// Why the key log is not whole, if it is not.
    pub(crate) fn unwritten(&self) -> Option<String> {
        let error = self.keylog.as_ref()?.error()?;
        Some(format!("the key log could not be written: {error}"))
    }
}

impl Story {
    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        let (incoming, keylog) = (self.incoming.clone(), self.keylog.clone());
        (incoming.is_some() || keylog.is_some()).then(|| Arc::new(Ears { incoming, keylog }) as _)
    }

    /// Tells the handshake, in one piece; `failed` says why it failed.
    pub(crate) fn tell(self, log: &Log, peer: SocketAddr, info: &ConnectionInfo, failed: Option<&str>) {
        let Some(incoming) = self.incoming else { return };
        incoming.end(failed.is_none());
        let (info, failed) = (info.clone(), failed.map(str::to_owned));
        log.story(move || incoming.tell(peer, &info, failed.as_deref()));
    }
}
