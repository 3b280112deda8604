//! The register of replays in memory: what it has seen it remembers for as long as
//! that could be taken again (RFC 9846 section 8.2).

use crate::crypto::Failed;
use crate::crypto::source::Entropy;
use crate::limits;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Who says whether a ClientHello with early data is the first of its kind: see
/// [`ServerConfig::early_data`](crate::ServerConfig::early_data).
///
/// ```
/// use handfast::{ReplayRegister, Replays};
/// use std::sync::Arc;
/// let one = Arc::new(ReplayRegister::new()); // for all configurations of this process
/// assert!(matches!(Replays::from(one.clone()), Replays::InMemory(_)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Replays {
    /// A register of this process. Early data is taken with tickets alone that were
    /// sealed beside it: those of other machines and of the time before a restart
    /// are resumed without.
    InMemory(Arc<ReplayRegister>),
    /// The application, which asks a register that machines share:
    /// [`Question::Replay`](crate::Question::Replay). Where it has no answer, early
    /// data is refused.
    Asked,
}

impl From<Arc<ReplayRegister>> for Replays {
    fn from(register: Arc<ReplayRegister>) -> Self {
        Self::InMemory(register)
    }
}

impl From<ReplayRegister> for Replays {
    fn from(register: ReplayRegister) -> Self {
        Arc::new(register).into()
    }
}

/// A register of replays in memory, for all configurations of a process.
///
/// It is asked once a client has shown that it holds the ticket's key and that the
/// ticket is as old as it says. An entry lives for twice the
/// [window](crate::ServerConfig::early_data_window) in which that may be said: then
/// the same ClientHello is stale. Where no entry has room, and where the clock was
/// put back behind entries that are gone, nobody knows, and early data is refused.
///
/// Each register has a name of its own, drawn at random, which stands in the tickets
/// that are sealed beside it: a ticket without it may have been used where this one
/// could not see it. So nothing that was taken before a restart, or by another
/// machine with the same ticket keys, is taken again, and there is no time after a
/// start in which a register is too young.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::{ReplayRegister, ServerConfig, TicketKeys};
/// # let (_, server) = pair::configs();
/// let register = std::sync::Arc::new(ReplayRegister::new());
/// let server = server.tickets(TicketKeys::random()).early_data(16_384, register.clone());
/// assert!(register.is_empty());
/// ```
pub struct ReplayRegister {
    /// Drawn when a ticket is sealed that names it.
    name: OnceLock<[u8; 16]>,
    /// Each has a lock of its own, and the entries whose key leads to it.
    parts: Box<[Mutex<Part>]>,
    /// Entries of a part.
    most: usize,
}

/// What a register says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    First,
    Before,
    /// Nobody can say.
    Unsure,
}

/// Parts of a register that has room for many: so many handshakes wait for nobody, and
/// what grows at once is small.
const PARTS: usize = 64;

#[derive(Default)]
struct Part {
    /// Half of each key: to find another key with the same half costs 2^64 tries,
    /// and gains a refusal.
    seen: HashSet<u128>,
    /// The same, and when it came, in that order.
    order: VecDeque<(u64, u128)>,
    /// Seconds for which an entry lives: the longest that was ever asked for.
    lives: u64,
    /// What is stale behind this time may have been here.
    forgotten: Option<u64>,
}

impl ReplayRegister {
    /// With room for [`limits::REPLAYS`] entries.
    pub fn new() -> Self {
        Self::with_room(limits::REPLAYS)
    }

    /// With room for about so many, at least one: as many connections with early data
    /// as come in twice the window. An entry takes up to 80 bytes while it lives.
    pub fn with_room(entries: usize) -> Self {
        let parts = (entries / PARTS).clamp(1, PARTS);
        Self {
            name: OnceLock::new(),
            parts: (0..parts).map(|_| Mutex::default()).collect(),
            most: entries.div_ceil(parts).max(1),
        }
    }

    /// How many entries there are. Those that do not live any more leave when others come.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).order.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its name, for a ticket that is sealed beside it.
    pub(crate) fn name(&self, entropy: &Entropy) -> Result<[u8; 16], Failed> {
        if let Some(name) = self.name.get() {
            return Ok(*name);
        }
        let mut name = [0; 16];
        entropy.fill(&mut name)?;
        Ok(*self.name.get_or_init(|| name))
    }

    /// Whether this name of a ticket's is its own.
    pub(crate) fn is(&self, name: &[u8; 16]) -> bool {
        self.name.get() == Some(name)
    }

    /// Whether this is the first time that the key comes, which lives for so many
    /// seconds; `now` is in seconds since 1970. The longest that it takes, under the
    /// lock of a part, is that this part grows: it moves [`limits::REPLAYS`] / 64
    /// entries of 16 bytes.
    pub(crate) fn register(&self, key: &[u8; 32], lives: u64, now: u64) -> Seen {
        let Some((half, [place, ..])) = key.split_first_chunk() else { return Seen::Unsure };
        match self.parts.get(usize::from(*place) % self.parts.len()) {
            Some(part) => lock(part).register(u128::from_be_bytes(*half), lives, now, self.most),
            None => Seen::Unsure,
        }
    }
}

/// Nobody panics while holding it.
fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Part {
    fn register(&mut self, key: u128, lives: u64, now: u64, most: usize) -> Seen {
        self.live_for(lives, now);
        self.forget(now);
        if self.seen.contains(&key) {
            return Seen::Before;
        }
        if self.order.len() >= most || self.forgotten.is_some_and(|until| now <= until) {
            return Seen::Unsure;
        }
        self.seen.insert(key);
        self.order.push_back((now, key));
        Seen::First
    }

    /// Where an entry lives longer than any before, those are missing which are gone
    /// already, and would live.
    fn live_for(&mut self, lives: u64, now: u64) {
        if lives > self.lives {
            if self.lives > 0 {
                self.forgotten = self.forgotten.max(Some(now.saturating_add(lives)));
            }
            self.lives = lives;
        }
    }

    /// Lets go of two entries at most that do not live any more: one more than comes.
    fn forget(&mut self, now: u64) {
        for _ in 0..2 {
            let Some((came, key)) = self.order.front() else { return };
            let until = came.saturating_add(self.lives);
            if now <= until {
                return;
            }
            self.forgotten = self.forgotten.max(Some(until));
            self.seen.remove(key);
            self.order.pop_front();
        }
    }
}

impl Default for ReplayRegister {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReplayRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayRegister({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: u64 = 20;
    const START: u64 = 1_790_000_000;

    fn key(number: u32) -> [u8; 32] {
        crate::crypto::kdf::sha256(&number.to_be_bytes())
    }

    /// What the register says of this key so many seconds after the start.
    fn ask(register: &ReplayRegister, number: u32, at: u64) -> Seen {
        register.register(&key(number), LIVES, START + at)
    }

    #[test]
    fn the_first_is_the_first_once() {
        let register = ReplayRegister::new();
        for number in 0..1000 {
            assert_eq!(ask(&register, number, 0), Seen::First);
        }
        for at in [0, 1, LIVES - 1, LIVES] {
            for number in 0..1000 {
                assert_eq!(ask(&register, number, at), Seen::Before, "{number} at {at}");
            }
        }
        assert_eq!(register.len(), 1000);
    }

    #[test]
    fn an_entry_lives_for_so_long_and_leaves_its_room() {
        let register = ReplayRegister::with_room(1);
        assert_eq!(ask(&register, 1, 0), Seen::First);
        // It lives: another has no room, and does not push it out.
        for at in [0, LIVES] {
            assert_eq!(ask(&register, 2, at), Seen::Unsure);
            assert_eq!(ask(&register, 1, at), Seen::Before);
        }
        assert_eq!(ask(&register, 2, LIVES + 1), Seen::First);
        assert_eq!(register.len(), 1);
    }

    #[test]
    fn room_comes_back_however_many_have_gone() {
        for room in [1, 7, 64, 100, 1000, 10_000] {
            let register = ReplayRegister::with_room(room);
            let firsts = (0..20_000).filter(|number| ask(&register, *number, 0) == Seen::First).count();
            // The parts do not fill evenly.
            assert!((room..room + PARTS).contains(&firsts), "{firsts} of {room}");
            assert_eq!(register.len(), firsts);
            let later = LIVES + 1;
            let firsts =
                (20_000..40_000).filter(|number| ask(&register, *number, later) == Seen::First).count();
            assert!((room..room + PARTS).contains(&firsts), "{firsts} of {room}");
            // Nothing is lost by the way that is still alive.
            assert_eq!(ask(&register, 20_000, later), Seen::Before);
        }
    }

    #[test]
    fn a_call_drops_two_entries_at_most() {
        let register = ReplayRegister::with_room(10);
        (0..10).for_each(|number| assert_eq!(ask(&register, number, 0), Seen::First));
        for left in [9, 8, 7] {
            assert_eq!(ask(&register, 100 + left, LIVES + 1), Seen::First);
            assert_eq!(register.len(), left as usize);
        }
    }

    #[test]
    fn a_clock_that_is_put_back_is_not_believed() {
        let register = ReplayRegister::with_room(10);
        assert_eq!(ask(&register, 1, 100), Seen::First);
        // Nothing is gone yet: it knows as much as before.
        assert_eq!(ask(&register, 2, 0), Seen::First);
        assert_eq!(ask(&register, 1, 0), Seen::Before);
        assert_eq!(ask(&register, 3, 200), Seen::First);
        assert_eq!(register.len(), 1, "two are gone");
        for at in [0, 100, 100 + LIVES] {
            assert_eq!(ask(&register, 1, at), Seen::Unsure, "at {at}");
        }
        assert_eq!(ask(&register, 1, 100 + LIVES + 1), Seen::First);
    }

    #[test]
    fn a_longer_life_begins_anew() {
        let register = ReplayRegister::with_room(10);
        assert_eq!(ask(&register, 1, 0), Seen::First);
        assert_eq!(ask(&register, 2, LIVES + 1), Seen::First);
        let long = |number, at| register.register(&key(number), 100, START + at);
        // The first would live still.
        assert_eq!(long(1, LIVES + 1), Seen::Unsure);
        assert_eq!(long(2, LIVES + 1), Seen::Before);
        assert_eq!(ask(&register, 3, LIVES + 1 + 100), Seen::Unsure);
        assert_eq!(long(3, LIVES + 2 + 100), Seen::First);
        // Each entry lives for the longest time that was asked for.
        assert_eq!(ask(&register, 3, LIVES + 2 + 200), Seen::Before);
    }

    #[test]
    fn a_name_is_its_own() {
        let (one, other) = (ReplayRegister::new(), ReplayRegister::new());
        assert!(!one.is(&[0; 16]), "it has none yet");
        let name = one.name(&Entropy::system()).unwrap();
        assert_eq!(one.name(&Entropy::system()).unwrap(), name);
        other.name(&Entropy::system()).unwrap();
        assert!(one.is(&name) && !other.is(&name) && !one.is(&[0; 16]));
    }

    #[test]
    fn of_many_that_come_at_once_one_is_the_first() {
        let register = ReplayRegister::new();
        let firsts = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|_| {
                    scope
                        .spawn(|| (0..500).filter(|number| ask(&register, *number, 0) == Seen::First).count())
                })
                .collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(firsts, 500);
    }
}
