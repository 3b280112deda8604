//! The sessions that a client may resume, in memory.

use super::peer::Peer;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Suite;
use crate::limits;
use crate::pki::ServerName;
use crate::wire::ProtocolVersion;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ticket, or in TLS 1.2 an id, and what goes with it.
pub(crate) struct ClientSession {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: &'static Suite,
    /// TLS 1.3: the pre-shared key. TLS 1.2: the master secret.
    pub(crate) secret: Secret,
    pub(crate) ticket: Box<[u8]>,
    /// TLS 1.2: it is the id under which the server keeps the session.
    pub(crate) by_id: bool,
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
pub(super) type Key = (ServerName<'static>, [u8; 32]);

#[derive(Default)]
pub(super) struct Kept {
    /// The newest session last.
    pub(super) sessions: HashMap<Key, VecDeque<ClientSession>>,
    /// The names, the one that was heard of last at the end.
    pub(super) order: VecDeque<Key>,
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
        of_name.push_back(session);
        thin(of_name);
        kept.order.push_back(key);
    }

    /// Takes sessions in that were kept elsewhere, of servers whose last is the one that
    /// was heard of last; they are older than those that were heard of here. The newest
    /// ones stay. Returns how many of them stay.
    pub(super) fn merge(&self, servers: Vec<(Key, Vec<ClientSession>)>) -> usize {
        let mut guard = self.kept();
        let kept = &mut *guard;
        let (mut came, mut place) = (HashSet::new(), 0);
        for (key, sessions) in servers.into_iter().filter(|(_, sessions)| !sessions.is_empty()) {
            if !kept.order.contains(&key) {
                kept.order.insert(place, key.clone());
                place += 1;
            }
            let of_name = kept.sessions.entry(key).or_default();
            for session in sessions {
                if of_name.iter().all(|other| other.ticket != session.ticket) {
                    came.insert(session.secret.as_bytes().as_ptr());
                    let newer = of_name.partition_point(|other| other.received <= session.received);
                    of_name.insert(newer, session);
                }
            }
            thin(of_name);
        }
        while kept.order.len() > limits::SESSION_NAMES {
            if let Some(oldest) = kept.order.pop_front() {
                kept.sessions.remove(&oldest);
            }
        }
        let all = kept.sessions.values().flatten();
        all.filter(|session| came.contains(&session.secret.as_bytes().as_ptr())).count()
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
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what a store has of one name: the newest sessions, and of TLS 1.2 the newest
/// ticket or id alone, which took the place of those before.
fn thin(of_name: &mut VecDeque<ClientSession>) {
    let is_tls12 = |session: &ClientSession| session.version == ProtocolVersion::TLS12;
    let newest = of_name.iter().rposition(is_tls12);
    let mut place = 0..;
    of_name.retain(|session| {
        let place = place.next();
        !is_tls12(session) || place == newest
    });
    let most = usize::from(limits::TICKETS_KEPT);
    of_name.drain(..of_name.len().saturating_sub(most));
}

impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSessions({})", self.len())
    }
}
