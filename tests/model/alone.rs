//! Both sides in one thread, over streams that never wait: whole streams and
//! halves.

use super::wire::{End, Rng, Wire, wire};
use super::{Flow, connections, scripts};
use handfast::{Error, TlsStream, TlsWriter};
use std::io::{self, ErrorKind, Read, Write};

/// Calls that may go by without a byte being moved.
const PATIENCE: u32 = 20_000;

#[allow(clippy::large_enum_variant)] // two of them in a script
enum Stream {
    Whole(TlsStream<End>),
    Halves(Box<dyn Read>, TlsWriter<End>),
}

impl Stream {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Whole(stream) => stream,
            Self::Halves(reader, _) => reader,
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Whole(stream) => stream,
            Self::Halves(_, writer) => writer,
        }
    }

    fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        match self {
            Self::Whole(stream) if stream.connection().is_handshaking() => Ok(()),
            Self::Whole(stream) => Ok(stream.connection_mut().update_keys(ask_peer)?),
            Self::Halves(_, writer) => writer.update_keys(ask_peer),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Whole(stream) => stream.close(),
            Self::Halves(_, writer) => writer.close(),
        }
    }
}

/// What one side is up to.
struct Side {
    stream: Stream,
    /// It said its end, or cannot.
    closed: bool,
    /// It has read all that comes.
    ended: bool,
    /// What it had sent when it updated its keys: without data between, a peer
    /// puts up with few.
    updated_at: usize,
}

struct Script {
    rng: Rng,
    wire: Wire,
    sides: [Side; 2],
    /// From the client, and from the server.
    flows: [Flow; 2],
    updates: bool,
    breaks: bool,
}

/// Whether the call is to be made again.
fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (wire, ends) = wire(&mut rng);
        let tls13 = !rng.one_in(4);
        let mut streams = connections(tls13).into_iter().zip(ends).map(|(c, end)| TlsStream::new(c, end));
        let mut whole: [TlsStream<End>; 2] = std::array::from_fn(|_| streams.next().unwrap());
        let halves = [(), ()].map(|()| rng.one_in(2));
        if halves != [false; 2] {
            shake_hands(&mut rng, &mut whole, &wire);
        }
        let mut halves = halves.into_iter();
        let sides = whole.map(|stream| {
            let stream = match halves.next().unwrap() {
                true => {
                    let (reader, writer) = stream.split(|end| Ok(end.clone())).unwrap();
                    Stream::Halves(Box::new(reader), writer)
                }
                false => Stream::Whole(stream),
            };
            Side { stream, closed: false, ended: false, updated_at: 0 }
        });
        let flows = [(), ()].map(|()| Flow::new(&mut rng, wire.most()));
        let breaks = rng.one_in(3);
        Self { rng, wire, sides, flows, updates: tls13, breaks }
    }

    fn run(mut self) {
        let (mut idle, mut moved) = (0, 0);
        while self.sides.iter().any(|side| !side.closed || !side.ended) {
            let side = self.rng.below(2);
            match self.rng.below(9) {
                0..3 => self.write(side),
                3..6 => self.read(side),
                6 => self.flush(side),
                7 if self.updates && self.rng.one_in(4) => self.update_keys(side),
                _ => self.close_or_break(side),
            }
            idle = if std::mem::replace(&mut moved, self.wire.moved()) == moved { idle + 1 } else { 0 };
            assert!(
                idle < PATIENCE,
                "stuck: {:?}",
                self.flows.each_ref().map(|f| (f.sent, f.got, f.data.len()))
            );
        }
        for (from, flow) in self.flows.iter().enumerate() {
            let is_broken = self.wire.0[from].borrow().is_broken();
            assert!(is_broken || flow.is_all_sent() && flow.got == flow.sent);
        }
    }

    fn write(&mut self, side: usize) {
        let (flow, is_broken) = (&mut self.flows[side], self.wire.0[side].borrow().is_broken());
        if self.sides[side].closed || flow.is_all_sent() {
            return;
        }
        let chunk = flow.chunk(&mut self.rng);
        match self.sides[side].stream.writer().write(&chunk) {
            Ok(n) => flow.took(n, chunk.len()),
            Err(error) if again(&error) => {}
            Err(error) if is_broken && error.kind() == ErrorKind::BrokenPipe => {
                self.sides[side].closed = true
            }
            Err(error) => panic!("write: {error}"),
        }
    }

    fn flush(&mut self, side: usize) {
        let is_broken = self.wire.0[side].borrow().is_broken();
        match self.sides[side].stream.writer().flush() {
            Ok(()) => {}
            Err(error) if again(&error) => {}
            Err(error) if is_broken && error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => panic!("flush: {error}"),
        }
    }

    fn read(&mut self, side: usize) {
        let (flow, way) = (&mut self.flows[1 - side], &self.wire.0[1 - side]);
        let mut buffer = vec![0; 1 + self.rng.sometimes_long(20_000)];
        let result = self.sides[side].stream.reader().read(&mut buffer);
        let is_broken = way.borrow().is_broken();
        match result {
            Ok(0) => {
                assert!(flow.got == flow.sent && (flow.is_all_sent() || is_broken), "an end too soon");
                self.sides[side].ended = true;
            }
            Ok(n) => flow.read(&buffer[..n]),
            Err(error) if again(&error) => {}
            Err(error) if is_broken => {
                let truncated = matches!(Error::of_io(&error), Some(Error::Truncated));
                assert!(truncated || error.kind() == ErrorKind::ConnectionReset, "read: {error}");
                self.sides[side].ended = true;
            }
            Err(error) => panic!("read: {error}"),
        }
    }

    fn update_keys(&mut self, side: usize) {
        if std::mem::replace(&mut self.sides[side].updated_at, self.flows[side].sent) == self.flows[side].sent
        {
            return;
        }
        let (ask_peer, is_broken) = (self.rng.one_in(2), self.wire.0[side].borrow().is_broken());
        match self.sides[side].stream.update_keys(ask_peer) {
            Ok(()) => {}
            Err(error) if again(&error) => {}
            Err(error) if is_broken && error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => panic!("update_keys: {error}"),
        }
    }

    /// Ends a direction where it is time for it.
    fn close_or_break(&mut self, side: usize) {
        let spoken = self.flows.iter().all(|flow| flow.got > 0);
        if self.breaks && spoken && self.rng.one_in(20) {
            self.breaks = false;
            let mut way = self.wire.0[side].borrow_mut();
            if self.rng.one_in(2) { way.break_writes() } else { way.reset_reads() }
        }
        let is_broken = self.wire.0[side].borrow().is_broken();
        if self.flows[side].is_all_sent() && !self.sides[side].closed {
            match self.sides[side].stream.close() {
                Ok(()) => self.sides[side].closed = true,
                Err(error) if again(&error) => {}
                Err(error) if is_broken && error.kind() == ErrorKind::BrokenPipe => {
                    self.sides[side].closed = true
                }
                Err(error) => panic!("close: {error}"),
            }
        }
    }
}

fn shake_hands(rng: &mut Rng, streams: &mut [TlsStream<End>; 2], wire: &Wire) {
    let (mut done, mut idle, mut moved) = ([false; 2], 0, 0);
    while done != [true; 2] {
        let side = rng.below(2);
        match streams[side].handshake() {
            Ok(()) => done[side] = true,
            Err(error) => assert!(again(&error), "handshake: {error}"),
        }
        idle = if std::mem::replace(&mut moved, wire.moved()) == moved { idle + 1 } else { 0 };
        assert!(idle < PATIENCE, "the handshake is stuck: {done:?}");
    }
}

#[test]
fn streams_that_do_not_wait() {
    scripts(150, |seed| Script::new(seed).run());
}
