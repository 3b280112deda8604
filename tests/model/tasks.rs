//! tokio's traits, without its runtime: tasks that are polled only when they were
//! woken, so that a waker that was lost is found, and futures that are dropped.

use super::wire::{End, Rng, Way, Wire, wire};
use super::{Flow, connections, scripts};
use handfast::{AsyncTlsStream, AsyncTlsWriter, Error};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Polls that may go by without a byte being moved.
const PATIENCE: u32 = 20_000;

const READER: usize = 0;
const WRITER: usize = 1;

impl End {
    /// A poll that may be told to wait without a reason: then it is woken later.
    fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        who: usize,
        length: usize,
        act: impl FnOnce(&mut Way, bool, usize) -> Option<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let (allowed, holds) = (self.allowed(length), self.holds);
        let mut way = if who == READER { &self.incoming } else { &self.outgoing }.borrow_mut();
        match allowed.map(|n| act(&mut way, holds, n)) {
            Some(Some(done)) => return Poll::Ready(done),
            Some(None) => {}
            None => way.nudge[who] = true,
        }
        way.wakers[who] = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = vec![0; buf.remaining()];
        let n = ready!(self.poll(cx, READER, bytes.len(), |way, _, n| way.take(&mut bytes[..n])))?;
        buf.put_slice(&bytes[..n]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, WRITER, bytes.len(), |way, holds, n| way.put(&bytes[..n], holds))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, WRITER, 1, |way, _, _| {
            way.flush();
            Some(Ok(()))
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, WRITER, 1, |way, _, _| {
            way.end();
            Some(Ok(()))
        })
    }
}

/// Updates its keys now and then, where data went before: without them a peer
/// puts up with few.
struct Restless<T> {
    stream: T,
    rng: Rng,
    tls13: bool,
    wrote: bool,
}

/// Whose keys can be updated.
trait UpdateKeys: AsyncWrite + Unpin {
    fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error>;
}

impl<S: AsyncRead + AsyncWrite + Unpin> UpdateKeys for AsyncTlsStream<S> {
    fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        self.connection_mut().update_keys(ask_peer)
    }
}

impl<W: AsyncWrite + Unpin> UpdateKeys for AsyncTlsWriter<W> {
    fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        self.update_keys(ask_peer)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Restless<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: UpdateKeys> AsyncWrite for Restless<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.wrote && self.rng.one_in(4) {
            let ask_peer = self.rng.one_in(2);
            self.stream.update_keys(ask_peer)?;
            self.wrote = false;
        }
        let n = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.wrote = self.tls13;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Drops the future after a few polls, sometimes; then the next is waited for.
struct Impatience {
    rng: Rng,
    patient: bool,
}

impl Impatience {
    async fn wait<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        self.patient = !self.patient && self.rng.one_in(2);
        let mut polls = 1 + self.rng.below(2);
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if !self.patient && polls == 1 => Poll::Ready(None),
            Poll::Pending => {
                polls -= usize::from(!self.patient);
                Poll::Pending
            }
        })
        .await
    }
}

/// What the tasks of one script share.
#[derive(Clone)]
struct Shared {
    wire: Wire,
    flows: Rc<RefCell<[Flow; 2]>>,
    breaks: Rc<RefCell<bool>>,
    /// Tasks that are still to run.
    spawned: Rc<RefCell<Vec<Task>>>,
}

impl Shared {
    fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.spawned.borrow_mut().push(Task { future: Box::pin(future), woken });
    }

    fn is_broken(&self, from: usize) -> bool {
        self.wire.0[from].borrow().is_broken()
    }

    /// Breaks this direction, once both sides have spoken.
    fn may_break(&self, from: usize, rng: &mut Rng) {
        let spoken = self.flows.borrow().iter().all(|flow| flow.got > 0);
        if spoken && rng.one_in(4) && std::mem::take(&mut *self.breaks.borrow_mut()) {
            let mut way = self.wire.0[from].borrow_mut();
            if rng.one_in(2) { way.break_writes() } else { way.reset_reads() }
        }
    }

    /// What one read gave; true at the end.
    fn read(&self, side: usize, result: io::Result<&[u8]>) -> bool {
        let (flow, is_broken) = (&mut self.flows.borrow_mut()[1 - side], self.is_broken(1 - side));
        match result {
            Ok([]) => {
                assert!(flow.got == flow.sent && (flow.is_all_sent() || is_broken), "an end too soon");
                true
            }
            Ok(bytes) => {
                flow.read(bytes);
                false
            }
            Err(error) => {
                let truncated = matches!(Error::of_io(&error), Some(Error::Truncated));
                assert!(
                    is_broken && (truncated || error.kind() == ErrorKind::ConnectionReset),
                    "read: {error}"
                );
                true
            }
        }
    }

    /// What became of a write; true if nothing more can be written.
    fn wrote(&self, side: usize, result: io::Result<usize>, of: usize) -> bool {
        match result {
            Ok(n) => {
                self.flows.borrow_mut()[side].took(n, of);
                false
            }
            Err(error) => {
                assert!(self.is_broken(side) && error.kind() == ErrorKind::BrokenPipe, "write: {error}");
                true
            }
        }
    }
}

async fn reads(side: usize, mut from: impl AsyncRead + Unpin, mut rng: Rng, shared: Shared) {
    let mut impatience = Impatience { rng: Rng::new(rng.next()), patient: false };
    loop {
        let mut buffer = vec![0; 1 + rng.sometimes_long(20_000)];
        let Some(result) = impatience.wait(from.read(&mut buffer)).await else { continue };
        if shared.read(side, result.map(|n| &buffer[..n])) {
            return;
        }
    }
}

async fn writes(side: usize, mut to: impl AsyncWrite + Unpin, mut rng: Rng, shared: Shared) {
    let mut impatience = Impatience { rng: Rng::new(rng.next()), patient: false };
    while !shared.flows.borrow()[side].is_all_sent() {
        shared.may_break(side, &mut rng);
        let chunk = shared.flows.borrow()[side].chunk(&mut rng);
        if let Some(result) = impatience.wait(to.write(&chunk)).await
            && shared.wrote(side, result, chunk.len())
        {
            return;
        }
        if rng.one_in(3)
            && let Some(result) = impatience.wait(to.flush()).await
            && shared.wrote(side, result.map(|()| 0), 0)
        {
            return;
        }
    }
    shared.wrote(side, to.shutdown().await.map(|()| 0), 0);
}

/// Reads and writes in one task, whichever is ready.
async fn does_both(side: usize, mut stream: Restless<AsyncTlsStream<End>>, mut rng: Rng, shared: Shared) {
    let (mut closed, mut ended) = (false, false);
    poll_fn(|cx| {
        loop {
            let mut progress = false;
            if !ended {
                let mut buffer = vec![0; 1 + rng.sometimes_long(20_000)];
                let mut room = ReadBuf::new(&mut buffer);
                if let Poll::Ready(result) = Pin::new(&mut stream).poll_read(cx, &mut room) {
                    ended = shared.read(side, result.map(|()| room.filled()));
                    progress = true;
                }
            }
            shared.may_break(side, &mut rng);
            if !closed && !shared.flows.borrow()[side].is_all_sent() {
                let chunk = shared.flows.borrow()[side].chunk(&mut rng);
                if let Poll::Ready(result) = Pin::new(&mut stream).poll_write(cx, &chunk) {
                    closed = shared.wrote(side, result, chunk.len());
                    progress = true;
                }
            } else if !closed && let Poll::Ready(result) = Pin::new(&mut stream).poll_shutdown(cx) {
                shared.wrote(side, result.map(|()| 0), 0);
                (closed, progress) = (true, true);
            }
            if closed && ended {
                return Poll::Ready(());
            }
            if !progress {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// Shakes hands, and goes on in two tasks with halves that share nothing.
async fn parts(side: usize, restless: Restless<AsyncTlsStream<End>>, mut rng: Rng, shared: Shared) {
    let Restless { mut stream, rng: restless, tls13, wrote } = restless;
    let mut impatience = Impatience { rng: Rng::new(rng.next()), patient: false };
    while impatience.wait(stream.handshake()).await.map(Result::unwrap).is_none() {}
    let (reader, writer) = stream.into_split().unwrap();
    let writer = Restless { stream: writer, rng: restless, tls13, wrote };
    shared.spawn(reads(side, reader, Rng::new(rng.next()), shared.clone()));
    shared.spawn(writes(side, writer, rng, shared.clone()));
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

/// Wakes one that was told to wait without a reason.
fn nudge(wire: &Wire, rng: &mut Rng) -> bool {
    let mut told = Vec::new();
    for (way, who) in [(0, READER), (0, WRITER), (1, READER), (1, WRITER)] {
        if wire.0[way].borrow().nudge[who] {
            told.push((way, who));
        }
    }
    if told.is_empty() {
        return false;
    }
    let (way, who) = told[rng.below(told.len())];
    let mut way = wire.0[way].borrow_mut();
    way.nudge[who] = false;
    way.wakers[who].take().into_iter().for_each(Waker::wake);
    true
}

/// Runs the tasks, each only when it was woken.
fn run(shared: &Shared, rng: &mut Rng) {
    let (mut idle, mut moved) = (0, 0);
    let mut tasks = Vec::new();
    loop {
        tasks.append(&mut shared.spawned.borrow_mut());
        if tasks.is_empty() {
            return;
        }
        let ready: Vec<usize> =
            (0..tasks.len()).filter(|i| tasks[*i].woken.0.load(Ordering::SeqCst)).collect();
        if ready.is_empty() || rng.one_in(4) {
            let state =
                || shared.flows.borrow().each_ref().map(|flow| (flow.sent, flow.got, flow.data.len()));
            assert!(nudge(&shared.wire, rng) || !ready.is_empty(), "all sleep for ever: {:?}", state());
            assert!(idle < PATIENCE, "stuck: {:?}", state());
            continue;
        }
        let i = ready[rng.below(ready.len())];
        tasks[i].woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(tasks[i].woken.clone());
        if tasks[i].future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(tasks.swap_remove(i));
        }
        idle = if std::mem::replace(&mut moved, shared.wire.moved()) == moved { idle + 1 } else { 0 };
    }
}

fn script(seed: u64) {
    let mut rng = Rng::new(seed);
    let (wire, ends) = wire(&mut rng);
    let tls13 = !rng.one_in(4);
    let flows = Rc::new(RefCell::new([(), ()].map(|()| Flow::new(&mut rng, wire.most()))));
    let breaks = Rc::new(RefCell::new(rng.one_in(3)));
    let shared = Shared { wire, flows, breaks, spawned: Rc::default() };
    for (side, (connection, end)) in connections(tls13).into_iter().zip(ends).enumerate() {
        let mut seed = || Rng::new(rng.next());
        let stream = AsyncTlsStream::new(connection, end);
        let restless = Restless { stream, rng: seed(), tls13, wrote: false };
        match seed().below(3) {
            0 => shared.spawn(does_both(side, restless, seed(), shared.clone())),
            1 => shared.spawn(parts(side, restless, seed(), shared.clone())),
            _ => {
                let (reader, writer) = tokio::io::split(restless);
                shared.spawn(reads(side, reader, seed(), shared.clone()));
                shared.spawn(writes(side, writer, seed(), shared.clone()));
            }
        }
    }
    run(&shared, &mut rng);
    for (from, flow) in shared.flows.borrow().iter().enumerate() {
        assert!(shared.is_broken(from) || flow.is_all_sent() && flow.got == flow.sent);
    }
}

#[test]
fn tasks() {
    scripts(150, script);
}
