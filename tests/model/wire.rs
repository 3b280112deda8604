//! A stream in memory that follows a script: each call may be refused, or move less
//! than it could.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
#[cfg(feature = "tokio")]
use std::task::Waker;

/// Marsaglia's xorshift64.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// At least 0, less than `most`, which is not 0.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        ((self.next() >> 11) % most as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Mostly short, sometimes up to `most`.
    pub(crate) fn sometimes_long(&mut self, most: usize) -> usize {
        let most = [most, most / 10 + 1, 30][self.below(3)];
        self.below(most)
    }
}

/// One direction.
#[derive(Default)]
pub(crate) struct Way {
    bytes: VecDeque<u8>,
    /// Written, and held back until the stream is flushed.
    held: VecDeque<u8>,
    /// What it holds at most.
    room: usize,
    /// No more comes; what is in it is read first.
    ended: bool,
    /// Writes break.
    broken: bool,
    /// Reads are reset, and what is written goes nowhere.
    reset: bool,
    /// Bytes that went in or out.
    pub(crate) moved: u64,
    /// As a stream of tokio's does, it remembers one waker for each of its ends:
    /// reader, writer.
    #[cfg(feature = "tokio")]
    pub(crate) wakers: [Option<Waker>; 2],
    /// An end that was told to wait without a reason.
    #[cfg(feature = "tokio")]
    pub(crate) nudge: [bool; 2],
}

impl Way {
    /// From now on writes break; what is on its way arrives.
    pub(crate) fn break_writes(&mut self) {
        self.broken = true;
        self.end();
    }

    /// From now on reads are reset.
    pub(crate) fn reset_reads(&mut self) {
        self.reset = true;
        self.wake();
    }

    pub(crate) fn end(&mut self) {
        self.release();
        self.ended = true;
        self.wake();
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken || self.reset
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.bytes.extend(held);
    }

    fn wake(&mut self) {
        #[cfg(feature = "tokio")]
        self.wakers.iter_mut().filter_map(Option::take).for_each(Waker::wake);
    }

    /// What can be read now; `None` where there is nothing yet.
    pub(crate) fn take(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        if self.reset {
            return Some(Err(ErrorKind::ConnectionReset.into()));
        }
        if self.bytes.is_empty() && !self.ended {
            return None;
        }
        let n = self.bytes.read(into).unwrap();
        self.moved += n as u64;
        self.wake();
        Some(Ok(n))
    }

    /// What can be written now; `None` where there is no room.
    pub(crate) fn put(&mut self, bytes: &[u8], holds: bool) -> Option<io::Result<usize>> {
        if self.broken {
            return Some(Err(ErrorKind::BrokenPipe.into()));
        }
        let n = match self.reset {
            true => bytes.len(),
            false => bytes.len().min(self.room - self.bytes.len() - self.held.len()),
        };
        if n == 0 {
            self.flush();
            return None;
        }
        if !self.reset {
            let to = if holds { &mut self.held } else { &mut self.bytes };
            to.extend(&bytes[..n]);
        }
        self.moved += n as u64;
        if !holds {
            self.wake();
        }
        Some(Ok(n))
    }

    pub(crate) fn flush(&mut self) {
        if !self.held.is_empty() {
            self.release();
            self.wake();
        }
    }
}

/// Both directions, to look at and to break.
#[derive(Clone)]
pub(crate) struct Wire(pub(crate) [Rc<RefCell<Way>>; 2]);

/// One end, and how it treats its owner.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) incoming: Rc<RefCell<Way>>,
    pub(crate) outgoing: Rc<RefCell<Way>>,
    pub(crate) rng: Rng,
    /// What one call moves at most.
    at_once: usize,
    /// One call in so many is refused.
    refuses: usize,
    pub(crate) holds: bool,
}

/// Two ends of one wire; the first is the client's.
pub(crate) fn wire(rng: &mut Rng) -> (Wire, [End; 2]) {
    let room = [1, 2, 100, 5_000, 100_000][rng.below(5)];
    let wire = Wire([(), ()].map(|()| Rc::new(RefCell::new(Way { room, ..Way::default() }))));
    let ends = [0, 1].map(|side| End {
        outgoing: wire.0[side].clone(),
        incoming: wire.0[1 - side].clone(),
        rng: Rng::new(rng.next()),
        at_once: [1, 50, 3_000, usize::MAX][rng.below(4)],
        refuses: [2, 5, 1_000_000][rng.below(3)],
        holds: rng.one_in(3),
    });
    (wire, ends)
}

impl Wire {
    pub(crate) fn moved(&self) -> u64 {
        self.0.iter().map(|way| way.borrow().moved).sum()
    }

    /// How much a script may carry over it.
    pub(crate) fn most(&self) -> usize {
        if self.0[0].borrow().room < 100 { 2_000 } else { 60_000 }
    }
}

impl End {
    /// How many bytes this call may move; `None` if it is refused.
    pub(crate) fn allowed(&mut self, length: usize) -> Option<usize> {
        let refused = self.rng.one_in(self.refuses);
        let short = if self.rng.one_in(4) { 1 } else { self.at_once };
        (!refused).then(|| length.min(short))
    }

    fn later(&mut self) -> io::Error {
        [ErrorKind::WouldBlock, ErrorKind::TimedOut][self.rng.below(2)].into()
    }

    fn call<T>(
        &mut self,
        length: usize,
        act: impl FnOnce(&mut Self, usize) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        if self.rng.one_in(8) {
            return Err(ErrorKind::Interrupted.into());
        }
        let done = self.allowed(length).and_then(|n| act(self, n));
        done.unwrap_or_else(|| Err(self.later()))
    }
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.call(into.len(), |end, n| end.incoming.borrow_mut().take(&mut into[..n]))
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(bytes.len(), |end, n| end.outgoing.borrow_mut().put(&bytes[..n], end.holds))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(1, |end, _| {
            end.outgoing.borrow_mut().flush();
            Some(Ok(()))
        })
    }
}
