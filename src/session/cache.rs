//! The sessions that a server keeps under their ids, in memory. They are sealed here,
//! too: what is read out of this process's memory holds no secret of a session
//! without the ticket keys.

use crate::limits;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The sessions of a server, kept under their ids in this process's memory (see
/// [`ServerConfig::session_store`](crate::ServerConfig::session_store)).
///
/// It is bounded in sessions and in octets: what was kept least recently makes room.
/// What is lost so costs a full handshake.
///
/// ```
/// use handfast::SessionCache;
/// let cache = SessionCache::new(); // 100,000 sessions, or 64 MiB of them
/// let small = SessionCache::with_bounds(1_000, 1 << 20);
/// assert!(cache.is_empty() && small.is_empty());
/// ```
pub struct SessionCache {
    sessions: usize,
    octets: usize,
    kept: Mutex<Kept>,
}

/// Trees, which grow by a node at a time: a table would move all that it has while
/// every handshake waits.
#[derive(Default)]
struct Kept {
    sessions: BTreeMap<[u8; 32], Session>,
    /// The ids in the order in which they were kept.
    order: BTreeMap<u64, [u8; 32]>,
    /// The place of the next one in that order.
    next: u64,
    octets: usize,
}

struct Session {
    place: u64,
    /// In seconds since 1970.
    expires: u64,
    sealed: Box<[u8]>,
}

impl Session {
    fn octets(&self) -> usize {
        limits::SESSION_OVERHEAD.saturating_add(self.sealed.len())
    }
}

impl SessionCache {
    /// An empty cache of [`limits::SESSIONS_CACHED`] sessions and
    /// [`limits::SESSION_OCTETS_CACHED`] octets at most.
    pub fn new() -> Self {
        Self::with_bounds(limits::SESSIONS_CACHED, limits::SESSION_OCTETS_CACHED)
    }

    /// An empty cache of so many sessions and so many octets at most. A session
    /// takes some 500 octets, more where the client showed a certificate.
    pub fn with_bounds(sessions: usize, octets: usize) -> Self {
        Self { sessions, octets, kept: Mutex::default() }
    }

    /// How many sessions there are, those among them that have expired and that
    /// nobody has asked for since.
    pub fn len(&self) -> usize {
        self.kept().sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets them all.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.kept());
        // Not under the lock.
        drop(all);
    }

    /// Keeps a session until it `expires`, in seconds since 1970.
    pub(crate) fn keep(&self, id: [u8; 32], sealed: Vec<u8>, expires: u64, now: u64) {
        let mut guard = self.kept();
        let kept = &mut *guard;
        kept.remove(&id);
        let session = Session { place: kept.next, expires, sealed: sealed.into() };
        let octets = session.octets();
        if octets > self.octets || self.sessions == 0 {
            return;
        }
        // No more than twice what comes is looked at, so that none waits for long; yet
        // what has expired goes faster than it comes.
        for _ in 0..2 {
            match kept.oldest() {
                Some((oldest, session)) if session.expires <= now => kept.remove(&oldest),
                _ => break,
            };
        }
        while kept.sessions.len() >= self.sessions || kept.octets > self.octets.saturating_sub(octets) {
            let Some((oldest, _)) = kept.oldest() else { break };
            kept.remove(&oldest);
        }
        kept.next += 1;
        kept.octets += octets;
        kept.order.insert(session.place, id);
        kept.sessions.insert(id, session);
    }

    /// What is kept under this id and has not expired.
    pub(crate) fn find(&self, id: &[u8; 32], now: u64) -> Option<Vec<u8>> {
        let mut kept = self.kept();
        match kept.sessions.get(id) {
            Some(session) if now < session.expires => Some(session.sealed.to_vec()),
            _ => {
                kept.remove(id);
                None
            }
        }
    }

    /// Forgets the session; whether it was there.
    pub(crate) fn forget(&self, id: &[u8; 32]) -> bool {
        self.kept().remove(id).is_some()
    }

    /// Nobody panics while holding it, and what it holds is never half written.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn oldest(&self) -> Option<([u8; 32], &Session)> {
        let (_, id) = self.order.first_key_value()?;
        Some((*id, self.sessions.get(id)?))
    }

    fn remove(&mut self, id: &[u8; 32]) -> Option<Session> {
        let session = self.sessions.remove(id)?;
        self.order.remove(&session.place);
        self.octets = self.octets.saturating_sub(session.octets());
        Some(session)
    }
}

impl Default for SessionCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCache({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> [u8; 32] {
        let mut id = [7; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        id
    }

    fn filled(cache: SessionCache, numbers: impl IntoIterator<Item = u32>, length: usize) -> SessionCache {
        numbers.into_iter().for_each(|number| cache.keep(id(number), vec![1; length], 100, 0));
        cache
    }

    fn known(cache: &SessionCache, numbers: impl IntoIterator<Item = u32>, now: u64) -> Vec<u32> {
        numbers.into_iter().filter(|number| cache.find(&id(*number), now).is_some()).collect()
    }

    /// What it says of itself is what is there.
    fn assert_sound(cache: &SessionCache) {
        let kept = cache.kept();
        assert_eq!(kept.octets, kept.sessions.values().map(Session::octets).sum::<usize>());
        assert_eq!(kept.sessions.len(), kept.order.len());
        assert!(kept.order.iter().all(|(place, id)| kept.sessions[id].place == *place));
        assert!(kept.octets <= cache.octets && kept.sessions.len() <= cache.sessions);
    }

    #[test]
    fn what_was_kept_least_recently_makes_room() {
        let cache = filled(SessionCache::with_bounds(3, 1 << 20), [0, 1, 2, 0, 3], 10);
        assert_eq!(known(&cache, 0..4, 0), [0, 2, 3]);
        // To be looked at made nothing younger.
        assert_eq!(known(&filled(cache, [4], 10), 0..5, 0), [0, 3, 4]);
    }

    #[test]
    fn octets_are_bounded_too() {
        let each = limits::SESSION_OVERHEAD + 100;
        let cache = filled(SessionCache::with_bounds(100, 4 * each), 0..5, 100);
        assert_eq!(known(&cache, 0..5, 0), [1, 2, 3, 4]);
        // A long one takes the place of several, and one that is too long of none.
        cache.keep(id(9), vec![1; 100 + each], 100, 0);
        assert_eq!(known(&cache, 0..10, 0), [3, 4, 9]);
        cache.keep(id(10), vec![1; 4 * each], 100, 0);
        assert_eq!(known(&cache, 0..11, 0), [3, 4, 9]);
        assert_sound(&cache);
        let none = filled(SessionCache::with_bounds(0, 1 << 20), 0..2, 1);
        assert!(none.is_empty());
    }

    #[test]
    fn what_has_expired_is_not_found_and_goes() {
        let cache = filled(SessionCache::new(), 0..4, 10);
        assert_eq!(known(&cache, [0], 99), [0]);
        assert_eq!(known(&cache, [0], 100), []);
        assert_eq!(cache.len(), 3);
        // The others go by two where one comes.
        cache.keep(id(7), vec![1], 200, 100);
        assert_eq!(cache.len(), 2);
        cache.keep(id(8), vec![1], 200, 100);
        assert_eq!(known(&cache, 0..9, 100), [7, 8]);
        assert_sound(&cache);
    }

    #[test]
    fn what_is_forgotten_is_gone_once() {
        let cache = filled(SessionCache::new(), 0..2, 10);
        assert!(cache.forget(&id(0)) && !cache.forget(&id(0)) && !cache.forget(&id(5)));
        assert_eq!(known(&cache, 0..2, 0), [1]);
        assert_sound(&cache);
        cache.clear();
        assert!(cache.is_empty());
        assert_eq!(format!("{cache:?}"), "SessionCache(0)");
    }

    #[test]
    fn it_is_sound_after_whatever_was_done() {
        let cache = SessionCache::with_bounds(50, 50 * (limits::SESSION_OVERHEAD + 60));
        let mut random = 1_u32;
        for step in 0..20_000_u64 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, length) = ((random >> 8) % 80, (random >> 16) as usize % 200);
            match random >> 30 {
                0 => drop(cache.find(&id(number), step)),
                1 => drop(cache.forget(&id(number))),
                _ => cache.keep(id(number), vec![1; length], step + u64::from(number), step),
            }
            assert_sound(&cache);
        }
    }
}
