//! The fleet's own thread: it alone speaks with the store, and nobody waits for it who
//! does not ask the store.
//!
//! ```text
//!   connect -> look (keys, register) -> open the desk -> exchange, look, exchange, ...
//!      ^                                                         | away, or late
//!      +---- pause, twice as long each time <---- shut the desk -+
//! ```
//!
//! The handshakes that wait while the store goes away wait for its timeout, once; those
//! that come then are answered at once, until this thread has found it again.

use super::desk::{Bell, Come, Desk, Owed, Wanted};
use super::generations::{Generations, SEALED_LEN, Taken};
use super::notice::{Notice, Register as State};
use super::register::{Ask, Register, Words, verdict};
use super::store::{Link, Lost, Order, Said, Store};
use crate::crypto::source::Entropy;
use crate::limits;
use crate::question::Answer;
use crate::session::{SessionQueue, SessionWrite};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

/// What a fleet has settled, and what it knows.
pub(super) struct Worker {
    pub(super) desk: Arc<Desk>,
    pub(super) store: Store,
    pub(super) prefix: String,
    pub(super) register: Register,
    pub(super) generations: Generations,
    pub(super) queue: Arc<SessionQueue>,
    pub(super) clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    pub(super) tell: Box<dyn FnMut(Notice) + Send>,
    /// What is to be told when it is so.
    pub(super) untold: Vec<Notice>,
    pub(super) told: Told,
}

/// What was told last, so that it is told once.
#[derive(Default)]
pub(super) struct Told {
    away: bool,
    register: Option<State>,
    refused: Option<(&'static str, String)>,
    keys_refused: Vec<(u64, Vec<u8>)>,
    no_key: bool,
    /// Writes that found no room in the queue.
    dropped: u64,
}

/// A connection that was looked over, and the hash of the script.
pub(super) struct Line {
    link: Link,
    hash: String,
}

impl Worker {
    /// Until nobody asks any more.
    pub(super) fn run(mut self, first: Option<Line>) {
        let mut pause = limits::FLEET_PAUSE;
        let mut line = first;
        loop {
            if let Some(line) = line.take() {
                let began = Instant::now();
                let Err(lost) = self.serve(line) else { return };
                if began.elapsed() > limits::FLEET_PAUSE_MOST {
                    pause = limits::FLEET_PAUSE;
                }
                self.away(&lost);
                self.tell_all();
            }
            if self.closed_within(pause) {
                return;
            }
            pause = pause.saturating_mul(2).min(limits::FLEET_PAUSE_MOST);
            line = self.connect();
        }
    }

    /// Leaves the store alone for so long, or until somebody calls.
    fn closed_within(&self, pause: Duration) -> bool {
        matches!(self.desk.take(Instant::now() + pause), Come::Closed)
    }

    /// A connection, if there is one to be had, with everything looked at.
    pub(super) fn connect(&mut self) -> Option<Line> {
        match self.look_over() {
            Ok(line) => Some(line),
            Err(lost) => {
                self.away(&lost);
                // Their time goes on.
                self.serve_keys(self.now().as_secs());
                self.tell_all();
                None
            }
        }
    }

    fn look_over(&mut self) -> Result<Line, Lost> {
        let mut link = self.store.connect()?;
        let hash = match link.exchange(&[Register::LOAD])?.pop() {
            Some(Said::Bytes(hash)) => String::from_utf8_lossy(&hash).into_owned(),
            Some(Said::No(why)) => return Err(Lost(why)),
            _ => return Err(Lost("it does not take a script".to_owned())),
        };
        let mut line = Line { link, hash };
        self.told.refused = None;
        self.look_at_keys(&mut line)?;
        self.look_at_register(&mut line)?;
        self.desk.open();
        self.told.away = false;
        let unanswered = self.desk.unasked();
        self.untold.insert(0, Notice::Reached { store: self.store.address(), unanswered });
        self.tell_all();
        Ok(line)
    }

    fn away(&mut self, Lost(why): &Lost) {
        self.desk.shut();
        if !std::mem::replace(&mut self.told.away, true) {
            self.untold.push(Notice::Away { store: self.store.address(), why: why.clone() });
        }
        // It may be another one when it is back.
        self.told.register = None;
    }

    /// What is so by now. Nobody is answered meanwhile.
    fn tell_all(&mut self) {
        self.untold.drain(..).for_each(&mut self.tell);
    }

    /// Answers until the connection is lost; `Ok` when nobody asks any more.
    fn serve(&mut self, mut line: Line) -> Result<(), Lost> {
        let bell = Waker::from(Arc::new(Bell(Arc::clone(&self.desk))));
        let queue = Arc::clone(&self.queue);
        let mut written = Box::pin(queue.taken());
        let next = |every: Duration| Instant::now() + every;
        let (mut keys, mut register) = (next(self.generations.every()), next(limits::FLEET_LOOK));
        loop {
            let mut writes = Vec::new();
            while writes.len() < limits::FLEET_TOGETHER
                && let Poll::Ready(write) = written.as_mut().poll(&mut Context::from_waker(&bell))
            {
                writes.push(write);
                written = Box::pin(queue.taken());
            }
            self.write(&mut line, &writes)?;
            // Whoever asks comes first where there is more to write.
            let full = (writes.len() == limits::FLEET_TOGETHER).then(Instant::now);
            match self.desk.take(full.unwrap_or(keys.min(register))) {
                Come::Closed => return Ok(()),
                Come::Called => (keys, register) = (Instant::now(), Instant::now()),
                Come::Questions(owed) if owed.is_empty() => {}
                Come::Questions(owed) => self.answer(&mut line, owed)?,
            }
            let now = Instant::now();
            if keys <= now {
                self.look_at_keys(&mut line)?;
                keys = next(self.generations.every());
            }
            if register <= now {
                self.look_at_register(&mut line)?;
                register = next(limits::FLEET_LOOK);
                match self.desk.too_many() {
                    0 => {}
                    unanswered => self.untold.push(Notice::TooMany { unanswered }),
                }
            }
            self.tell_all();
        }
    }

    /// One exchange for all that wait.
    fn answer(&mut self, line: &mut Line, owed: Vec<Owed>) -> Result<(), Lost> {
        enum Asked {
            Session(String),
            Once(Words),
        }
        let now = self.now();
        let asked = owed.into_iter().filter_map(|owed| {
            let words = |ask, entry, lives| Some(Asked::Once(self.register.words(ask, entry, lives, now)?));
            let asked = match &owed.wanted {
                Wanted::Session { id } => Some(Asked::Session(self.session(id))),
                Wanted::Take { id } => words(Ask::Take, self.session(id), None),
                Wanted::Register { key, lives } => words(Ask::Register, self.entry(key), Some(*lives)),
            };
            // Whoever is left out here is answered by being dropped.
            Some((owed, asked?))
        });
        let (owed, asked): (Vec<_>, Vec<_>) = asked.unzip();
        let orders = asked.iter().map(|asked| match asked {
            Asked::Session(name) => Order::Get(name, limits::TICKET_BYTES),
            Asked::Once(words) => words.order(&line.hash),
        });
        let said = line.link.exchange(&orders.collect::<Vec<_>>())?;
        let (mut state, mut refused) = (None, None);
        for (owed, said) in owed.into_iter().zip(said) {
            let answer = match (&owed.wanted, said) {
                (Wanted::Session { .. }, Said::Bytes(sealed)) if !sealed.is_empty() => {
                    Answer::Session(sealed)
                }
                (Wanted::Session { .. }, said) => {
                    if let Said::No(why) = said {
                        refused = Some(why);
                    }
                    Answer::NoSession
                }
                (Wanted::Register { .. } | Wanted::Take { .. }, said) => {
                    let (answer, found) = verdict(&said);
                    state = Some(found);
                    answer
                }
            };
            owed.give(answer);
        }
        state.into_iter().for_each(|state| self.register_is(state));
        if let Some(why) = refused {
            self.refused("give a session back", why);
        }
        Ok(())
    }

    /// Keeps and forgets sessions.
    fn write(&mut self, line: &mut Line, writes: &[SessionWrite]) -> Result<(), Lost> {
        let names = writes.iter().map(|write| match write {
            SessionWrite::Keep { id, .. } | SessionWrite::Forget { id } => self.session(id),
        });
        let names: Vec<_> = names.collect();
        let orders = writes.iter().zip(&names).map(|(write, name)| match write {
            SessionWrite::Keep { sealed, lives, .. } => Order::Set(name, sealed, *lives),
            SessionWrite::Forget { .. } => Order::Delete(name),
        });
        let orders: Vec<_> = orders.collect();
        let said = if orders.is_empty() { Ok(Vec::new()) } else { line.link.exchange(&orders) };
        let refused = |said: &&Said| matches!(said, Said::No(_));
        let lost = said.as_ref().map_or(writes.len(), |said| said.iter().filter(refused).count());
        let dropped = self.queue.dropped();
        let since = dropped.saturating_sub(std::mem::replace(&mut self.told.dropped, dropped));
        let sessions = since.saturating_add(lost as u64);
        if sessions > 0 {
            self.untold.push(Notice::SessionsLost { sessions });
        }
        for said in said? {
            if let Said::No(why) = said {
                self.refused("keep a session", why);
            }
        }
        Ok(())
    }

    fn look_at_register(&mut self, line: &mut Line) -> Result<(), Lost> {
        let Some(words) = self.register.words(Ask::Look, self.register.birth.clone(), None, self.now())
        else {
            return Ok(());
        };
        let said = line.link.exchange(&[words.order(&line.hash)])?;
        said.iter().for_each(|said| self.register_is(verdict(said).1));
        Ok(())
    }

    fn register_is(&mut self, state: State) {
        if !self.told.register.as_ref().is_some_and(|told| told.is_like(&state)) {
            self.told.register = Some(state.clone());
            self.untold.push(Notice::Register(state));
        }
    }

    /// Reads what generations there are, puts those that are due where there is none, and
    /// reads again, for another machine may have been the first.
    fn look_at_keys(&mut self, line: &mut Line) -> Result<(), Lost> {
        let now = self.now().as_secs();
        let numbers: Vec<u64> = self.generations.wanted(now).collect();
        let names: Vec<_> =
            numbers.iter().map(|number| self.generations.name(&self.prefix, *number)).collect();
        // One more: what is longer is none.
        let get = |name| Order::Get(name, SEALED_LEN + 1);
        let said = line.link.exchange(&names.iter().map(|name| get(name)).collect::<Vec<_>>())?;
        let mut missing = Vec::new();
        for ((number, name), said) in numbers.iter().zip(&names).zip(said) {
            match said {
                Said::Bytes(sealed) if !sealed.is_empty() => self.take_key(*number, &sealed, None),
                Said::No(why) => self.refused("read a ticket key", why),
                _ if !self.generations.is_due(*number, now) => {}
                // Where the system has no randomness, nothing else goes on either.
                _ => missing.extend(
                    self.generations
                        .sealed(*number, &Entropy::system())
                        .map(|sealed| (*number, name, sealed)),
                ),
            }
        }
        for (number, name, ours) in missing {
            let set = Order::SetNew(name, &ours, self.generations.lives(number, now));
            match line.link.exchange(&[set, get(name)])?.as_slice() {
                [_, Said::Bytes(sealed)] if !sealed.is_empty() => self.take_key(number, sealed, Some(&ours)),
                [Said::No(why), _] | [_, Said::No(why)] => self.refused("keep a ticket key", why.clone()),
                _ => {}
            }
        }
        self.serve_keys(now);
        Ok(())
    }

    fn take_key(&mut self, number: u64, sealed: &[u8], ours: Option<&[u8]>) {
        match self.generations.take(number, sealed) {
            Taken::Known => {}
            Taken::Added => self.untold.push(Notice::Key { number, made_here: ours == Some(sealed) }),
            Taken::Refused => {
                let refused = (number, sealed.to_vec());
                if !self.told.keys_refused.contains(&refused) {
                    self.told.keys_refused.retain(|(other, _)| *other != number);
                    self.told.keys_refused.truncate(limits::FLEET_GENERATIONS);
                    self.told.keys_refused.push(refused);
                    self.untold.push(Notice::KeyRefused { number });
                }
            }
        }
    }

    fn serve_keys(&mut self, now: u64) {
        let none = !self.generations.serve(now);
        if none && !self.told.no_key {
            self.untold.push(Notice::NoKey);
        }
        self.told.no_key = none;
    }

    fn refused(&mut self, what: &'static str, why: String) {
        let refused = Some((what, why));
        if self.told.refused != refused {
            self.told.refused.clone_from(&refused);
            self.untold.extend(refused.map(|(what, why)| Notice::Refused { what, why }));
        }
    }

    fn now(&self) -> Duration {
        (self.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn entry(&self, key: &[u8; 32]) -> String {
        format!("{}:replay:{}", self.prefix, hex::encode(key))
    }

    fn session(&self, id: &[u8; 32]) -> String {
        format!("{}:session:{}", self.prefix, hex::encode(id))
    }
}

/// Nobody answers any more, whatever ended it.
impl Drop for Worker {
    fn drop(&mut self) {
        self.desk.close();
    }
}
