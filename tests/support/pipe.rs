//! A byte stream in memory, and streams with bad manners.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex};

/// One end of a stream in memory. Dropped, it ends what the other end reads,
/// and breaks what the other end writes.
pub(crate) struct Pipe {
    incoming: Arc<Way>,
    outgoing: Arc<Way>,
    /// Gives `WouldBlock` instead of waiting for bytes.
    pub(crate) impatient: bool,
}

#[derive(Default)]
struct Way {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    /// How many bytes it holds at most, if it is bounded: a write waits for room.
    most: Option<usize>,
    ended: bool,
    unread: bool,
}

/// Two ends of one stream.
pub(crate) fn pipe() -> (Pipe, Pipe) {
    ends(None)
}

/// The same, holding so many bytes each way.
pub(crate) fn pipe_holding(most: usize) -> (Pipe, Pipe) {
    ends(Some(most))
}

fn ends(most: Option<usize>) -> (Pipe, Pipe) {
    let way = || Arc::new(Way { state: Mutex::new(State { most, ..State::default() }), ..Way::default() });
    let (a, b) = (way(), way());
    let end = |incoming: &Arc<Way>, outgoing: &Arc<Way>| Pipe {
        incoming: incoming.clone(),
        outgoing: outgoing.clone(),
        impatient: false,
    };
    (end(&a, &b), end(&b, &a))
}

impl Pipe {
    /// A second handle to write to, as `TcpStream::try_clone` gives one; it
    /// does not end anything when dropped.
    pub(crate) fn writer(&self) -> impl Write + Send + use<> {
        struct Half(Arc<Way>);
        impl Write for Half {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        Half(self.outgoing.clone())
    }

    /// Whether all that was sent here has been read.
    pub(crate) fn incoming_is_empty(&self) -> bool {
        self.incoming.state.lock().unwrap().bytes.is_empty()
    }

    /// Changes what was sent here and has not been read.
    pub(crate) fn change_incoming(&self, change: impl FnOnce(&mut [u8])) {
        change(self.incoming.state.lock().unwrap().bytes.make_contiguous());
    }
}

impl Way {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.unread {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let room = state.most.map_or(usize::MAX, |most| most - state.bytes.len());
            let n = bytes.len().min(room);
            if n > 0 || bytes.is_empty() {
                state.bytes.extend(&bytes[..n]);
                self.changed.notify_all();
                return Ok(n);
            }
            state = self.changed.wait(state).unwrap();
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.incoming.state.lock().unwrap();
        while state.bytes.is_empty() && !state.ended {
            if self.impatient {
                return Err(ErrorKind::WouldBlock.into());
            }
            state = self.incoming.changed.wait(state).unwrap();
        }
        self.incoming.changed.notify_all();
        state.bytes.read(into)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.outgoing.state.lock().unwrap().ended = true;
        self.incoming.state.lock().unwrap().unread = true;
        self.outgoing.changed.notify_all();
        self.incoming.changed.notify_all();
    }
}

/// What a stream refuses for now, and with which error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mood {
    pub(crate) read: Option<ErrorKind>,
    pub(crate) write: Option<ErrorKind>,
    pub(crate) flush: Option<ErrorKind>,
}

/// A stream with a mood, which a test changes from outside.
pub(crate) struct Moody<S> {
    pub(crate) stream: S,
    pub(crate) mood: Arc<Mutex<Mood>>,
}

impl<S> Moody<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, mood: Arc::default() }
    }

    fn call<T>(
        &mut self,
        of: fn(&Mood) -> Option<ErrorKind>,
        call: impl FnOnce(&mut S) -> io::Result<T>,
    ) -> io::Result<T> {
        let refusal = of(&self.mood.lock().unwrap());
        refusal.map_or_else(|| call(&mut self.stream), |kind| Err(kind.into()))
    }
}

impl<S: Read> Read for Moody<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.call(|mood| mood.read, |stream| stream.read(into))
    }
}

impl<S: Write> Write for Moody<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|mood| mood.write, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(|mood| mood.flush, Write::flush)
    }
}

/// Moves at most a few bytes a call, and refuses many calls with one error.
pub(crate) struct Reluctant<S> {
    stream: S,
    refusal: ErrorKind,
    chance: u32,
}

impl<S> Reluctant<S> {
    pub(crate) fn new(stream: S, refusal: ErrorKind) -> Self {
        Self { stream, refusal, chance: 1 }
    }

    /// How many bytes this call may move. Without a period, so that no order of
    /// calls always meets a refusal.
    fn call(&mut self, length: usize) -> io::Result<usize> {
        self.chance = self.chance.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        match self.chance >> 30 {
            0 | 1 => Err(self.refusal.into()),
            _ => Ok(length.min(1 + (self.chance >> 20) as usize % 100)),
        }
    }
}

impl<S: Read> Read for Reluctant<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.call(into.len())?;
        self.stream.read(&mut into[..n])
    }
}

impl<S: Write> Write for Reluctant<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.call(bytes.len())?;
        self.stream.write(&bytes[..n])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
