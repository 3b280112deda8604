//! The sessions that a client may resume, in memory.

use super::peer::Peer;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Suite;
use crate::limits;
use crate::pki::ServerName;
use crate::wire::ProtocolVersion;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ticket, and what goes with it.
pub(crate) struct ClientSession {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: &'static Suite,
    /// TLS 1.3: the pre-shared key. TLS 1.2: the master secret.
    pub(crate) secret: Secret,
    pub(crate) ticket: Box<[u8]>,
    pub(crate) age_add: u32,
    /// In seconds since 1970, as are the next two.
    pub(crate) received: u64,
    pub(crate) expires: u64,
    /// Until when the server need not show its certificate again.
    pub(crate) trusted_until: u64,
    /// Octets of early data that the ticket allows; 0 in TLS 1.2.
    pub(crate) max_early_data: u32,
    /// The application protocol that was negotiated when the ticket came.
    pub(crate) alpn: Option<Box<[u8]>>,
    /// Whether the ClientHello named the server.
    pub(crate) named: bool,
    pub(crate) peer: Peer,
}

/// The sessions of a client, to be shared by its connections (see
/// [`ClientConfig::sessions`](crate::ClientConfig::sessions)).
///
/// A session is resumed only by a configuration that judges servers in the
/// same way as the one that made it, and by one connection at a time. Those of
/// TLS 1.3 are used once, so that nobody can tell by the ticket that two
/// connections are of one client (RFC 9846 appendix C.4). Secrets are wiped.
///
/// ```
/// use handfast::{ClientConfig, ClientSessions, pki::{Roots, UnixTime, Verifier}};
/// let sessions = std::sync::Arc::new(ClientSessions::new());
/// let config = ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now).sessions(sessions.clone());
/// assert!(sessions.is_empty());
/// ```
#[derive(Default)]
pub struct ClientSessions(Mutex<Kept>);

/// For whom a session is: a server, and who judged it.
type Key = (ServerName<'static>, [u8; 32]);

#[derive(Default)]
struct Kept {
    /// The newest session last.
    sessions: HashMap<Key, VecDeque<ClientSession>>,
    /// The names, the one that was heard of last at the end.
    order: VecDeque<Key>,
}

impl ClientSessions {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.kept().sessions.values().map(VecDeque::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets them all.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
    }

    /// Keeps a session; the oldest ones of this name, and the names that were
    /// not heard of for longest, make room.
    pub(crate) fn keep(&self, name: &ServerName<'static>, policy: [u8; 32], session: ClientSession) {
        let key = (name.clone(), policy);
        let mut guard = self.kept();
        let kept = &mut *guard;
        kept.order.retain(|known| *known != key);
        while kept.order.len() >= limits::SESSION_NAMES {
            if let Some(oldest) = kept.order.pop_front() {
                kept.sessions.remove(&oldest);
            }
        }
        let of_name = kept.sessions.entry(key.clone()).or_default();
        // A ticket of TLS 1.2 takes the place of the one before.
        if session.version == ProtocolVersion::TLS12 {
            of_name.retain(|other| other.version != ProtocolVersion::TLS12);
        }
        while of_name.len() >= usize::from(limits::TICKETS_KEPT) {
            of_name.pop_front();
        }
        of_name.push_back(session);
        kept.order.push_back(key);
    }

    /// Takes the newest session that is `usable` out; `now` is in seconds since
    /// 1970. One of TLS 1.2 is put back by a handshake that succeeds with it.
    pub(crate) fn take(
        &self,
        name: &ServerName<'static>,
        policy: [u8; 32],
        now: u64,
        usable: impl Fn(&ClientSession) -> bool,
    ) -> Option<ClientSession> {
        let key = (name.clone(), policy);
        let mut guard = self.kept();
        let kept = &mut *guard;
        let of_name = kept.sessions.get_mut(&key)?;
        of_name.retain(|session| now < session.expires);
        let found = of_name.iter().rposition(&usable);
        let found = found.and_then(|place| of_name.remove(place));
        if of_name.is_empty() {
            kept.sessions.remove(&key);
            kept.order.retain(|known| *known != key);
        }
        found
    }

    /// Nobody panics while holding it, and what it holds is never half written.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSessions({})", self.len())
    }
}
