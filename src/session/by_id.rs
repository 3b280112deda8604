//! Where a server keeps sessions under their ids: those of TLS 1.2 (RFC 5246 section
//! F.1.4), and those of TLS 1.3 whose tickets are no more than an id (RFC 9846 section
//! 4.7.1). What is kept is sealed under the ticket keys.

use super::cache::SessionCache;
use super::queue::{SessionQueue, SessionWrite};
use std::sync::Arc;
use std::time::Duration;

/// Where a server keeps sessions under their ids (see
/// [`ServerConfig::session_store`](crate::ServerConfig::session_store)).
///
/// ```
/// use handfast::{SessionCache, SessionQueue, SessionStore};
/// use std::sync::Arc;
/// let own = SessionStore::from(SessionCache::new());
/// let queue = Arc::new(SessionQueue::new()); // somebody takes from it, and writes to the store
/// let elsewhere = SessionStore::from(queue.clone());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionStore {
    /// In this process's memory.
    InMemory(Arc<SessionCache>),
    /// Elsewhere. What it is to keep and to forget goes into the queue, and what it has
    /// is asked for: [`Question::Session`](crate::Question::Session).
    Asked(Arc<SessionQueue>),
}

impl SessionStore {
    /// Keeps a session for so many seconds from `now`. Nobody waits for it.
    pub(crate) fn keep(&self, id: [u8; 32], sealed: Vec<u8>, lives: u32, now: u64) {
        match self {
            Self::InMemory(cache) => cache.keep(id, sealed, now.saturating_add(lives.into()), now),
            Self::Asked(queue) => {
                queue.put(SessionWrite::Keep { id, sealed, lives: Duration::from_secs(lives.into()) });
            }
        }
    }

    /// What is kept under an id, if this is the place to say.
    pub(crate) fn find(&self, id: &[u8; 32], now: u64) -> Option<Option<Vec<u8>>> {
        match self {
            Self::InMemory(cache) => Some(cache.find(id, now)),
            Self::Asked(_) => None,
        }
    }

    /// Forgets a session; whether it was still there, as far as is known here.
    pub(crate) fn forget(&self, id: [u8; 32]) -> bool {
        match self {
            Self::InMemory(cache) => cache.forget(&id),
            Self::Asked(queue) => {
                queue.put(SessionWrite::Forget { id });
                true
            }
        }
    }
}

impl From<SessionCache> for SessionStore {
    fn from(cache: SessionCache) -> Self {
        Self::InMemory(cache.into())
    }
}

impl From<Arc<SessionCache>> for SessionStore {
    fn from(cache: Arc<SessionCache>) -> Self {
        Self::InMemory(cache)
    }
}

impl From<Arc<SessionQueue>> for SessionStore {
    fn from(queue: Arc<SessionQueue>) -> Self {
        Self::Asked(queue)
    }
}
