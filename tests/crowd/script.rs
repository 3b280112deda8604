//! What the two sides of one connection do.

use handfast::{AsyncTlsReader, AsyncTlsStream, AsyncTlsWriter, Error};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// xorshift64*: the same numbers for the same seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// How the handshake goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Done,
    /// The client says nothing.
    Silent,
    /// A side drops its handshake half way, perhaps too late.
    ClientGoes,
    ServerGoes,
}

#[derive(Clone, Copy)]
pub(crate) struct Script {
    seed: u64,
    pub(crate) kind: Kind,
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        let kind = match seed % 20 {
            0 => Kind::Silent,
            1 => Kind::ClientGoes,
            2 => Kind::ServerGoes,
            _ => Kind::Done,
        };
        Self { seed, kind }
    }

    pub(crate) fn rng(&self, part: u64) -> Rng {
        let mut rng = Rng((self.seed << 8 | part).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        rng.next();
        rng
    }

    /// Shakes hands; a side that goes drops the future after some polls.
    pub(crate) async fn shakes<T>(&self, goes: Kind, future: impl Future<Output = T>) -> Option<T> {
        match self.kind == goes {
            true => polled(future, self.rng(5).below(4)).await,
            false => Some(future.await),
        }
    }

    /// The stream, where there is one: a handshake fails only if a side went.
    pub(crate) fn expect<T>(&self, shaken: Option<io::Result<T>>) -> Option<T> {
        match shaken? {
            Ok(stream) => Some(stream),
            Err(error) => {
                assert!(self.kind != Kind::Done, "seed {}: {error}", self.seed);
                assert!(is_cut(&error), "seed {}: {error}", self.seed);
                None
            }
        }
    }
}

/// Polled so often at most.
async fn polled<T>(future: impl Future<Output = T>, mut polls: usize) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match polls.checked_sub(1) {
        None => Poll::Ready(None),
        Some(rest) => {
            polls = rest;
            let done = future.as_mut().poll(cx).map(Some);
            if done.is_pending() && rest == 0 {
                return Poll::Ready(None);
            }
            done
        }
    })
    .await
}

/// The end of a connection that the peer did not close.
fn is_cut(error: &io::Error) -> bool {
    match Error::of_io(error) {
        Some(error) => matches!(error, Error::Truncated | Error::EndOfStream { .. }),
        None => matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
        ),
    }
}

/// Whoever says nothing hears nothing but the end.
pub(crate) async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard).await {
        // As much of close_notify as its stream took at once.
        Ok(_) => assert!([21, 3, 3, 0, 2, 1, 0].starts_with(&heard), "{heard:?}"),
        Err(error) => assert!(is_cut(&error), "{error}"),
    }
}

const LONGEST: usize = 60_000;

static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut rng = Rng(7);
    std::iter::repeat_with(|| rng.next() as u8).take(3 * LONGEST).collect()
});

/// One direction of application data.
pub(crate) struct Flow {
    data: &'static [u8],
    /// Bytes that were given to a write, whether it took them or not.
    offered: AtomicUsize,
    /// Bytes that a write has said to have taken.
    sent: AtomicUsize,
    closed: AtomicBool,
    /// Whoever sends has gone, or goes.
    cut: AtomicBool,
}

impl Flow {
    pub(crate) fn new(mut rng: Rng, may_be_cut: bool) -> Self {
        let (from, length) = (rng.below(2 * LONGEST), rng.below(LONGEST));
        let data = &NOISE[from..][..length];
        let (offered, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { data, offered, sent, closed: AtomicBool::new(false), cut: AtomicBool::new(may_be_cut) }
    }
}

/// What the two halves of a side may do beside their traits.
trait Reads: AsyncRead + Unpin + Send + 'static {
    fn rest(&mut self) {}
}

trait Writes: AsyncWrite + Unpin + Send + 'static {
    fn rest(&mut self) {}
    fn update_keys(&mut self, _ask_peer: bool) {}
}

impl<T: AsyncRead + Unpin + Send + 'static> Reads for AsyncTlsReader<T> {
    fn rest(&mut self) {
        self.rest();
    }
}

impl<T: AsyncWrite + Unpin + Send + 'static> Writes for AsyncTlsWriter<T> {
    fn rest(&mut self) {
        self.rest();
    }

    fn update_keys(&mut self, ask_peer: bool) {
        self.update_keys(ask_peer).unwrap();
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Reads for tokio::io::ReadHalf<AsyncTlsStream<T>> {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Writes for tokio::io::WriteHalf<AsyncTlsStream<T>> {}

/// One side, from the handshake on: it writes `there`, and reads `back`.
pub(crate) async fn talk<S>(
    stream: AsyncTlsStream<S>,
    mut rng: Rng,
    there: Arc<Flow>,
    back: Arc<Flow>,
    seed: u64,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let rests = Duration::from_millis(1 + rng.below(5) as u64);
    let mut stream = stream.rest_after(move || tokio::time::sleep(rests));
    if rng.one_in(3) {
        stream.connection_mut().rest();
        stream.connection_mut().update_keys(rng.one_in(2)).unwrap();
    }
    if rng.one_in(2) {
        let (reader, writer) = stream.into_split().unwrap();
        run(reader, writer, rng, there, back, seed).await;
    } else {
        let (reader, writer) = tokio::io::split(stream);
        run(reader, writer, rng, there, back, seed).await;
    }
}

async fn run(
    reader: impl Reads,
    writer: impl Writes,
    mut rng: Rng,
    there: Arc<Flow>,
    back: Arc<Flow>,
    seed: u64,
) {
    let cut_at = if rng.one_in(5) { rng.below(LONGEST / 2) } else { usize::MAX };
    let reading = tokio::spawn(reads(reader, Rng(rng.next() | 1), there.clone(), back, seed));
    let cuts = writes(writer, rng, there, cut_at, seed).await;
    if cuts {
        // Wherever it waits.
        reading.abort();
    }
    match reading.await {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => assert!(cuts),
        Ok(()) => {}
    }
}

async fn stalls(rng: &mut Rng) {
    match rng.below(40) {
        0 => tokio::time::sleep(Duration::from_millis(rng.below(12) as u64)).await,
        1..10 => tokio::task::yield_now().await,
        _ => {}
    }
}

async fn reads(mut from: impl Reads, mut rng: Rng, there: Arc<Flow>, back: Arc<Flow>, seed: u64) {
    let mut got = 0;
    let mut buffer = vec![0; 16_384];
    let mut patient = false;
    loop {
        stalls(&mut rng).await;
        if rng.one_in(30) {
            from.rest();
        }
        let most = if rng.one_in(3) { 50 } else { buffer.len() };
        let room = 1 + rng.below(most);
        // After a read that is dropped comes one that is waited for.
        let polls = if patient { usize::MAX } else { 1 + rng.below(2) };
        let read = polled(from.read(&mut buffer[..room]), polls).await;
        patient = read.is_none() || rng.one_in(2);
        if let Some(read) = read
            && heard(read, &buffer, &mut got, &there, &back, seed)
        {
            return;
        }
    }
}

/// What a read gave; true at the end.
fn heard(
    read: io::Result<usize>,
    buffer: &[u8],
    got: &mut usize,
    there: &Flow,
    back: &Flow,
    seed: u64,
) -> bool {
    match read {
        Ok(0) => {
            assert!(back.closed.load(SeqCst), "seed {seed}: an end that nobody made");
            assert_eq!(*got, back.sent.load(SeqCst), "seed {seed}: an end too soon");
            true
        }
        Ok(n) => {
            assert!(*got + n <= back.offered.load(SeqCst), "seed {seed}: more than was sent");
            assert!(buffer[..n] == back.data[*got..][..n], "seed {seed}: other bytes at {got}");
            *got += n;
            false
        }
        Err(error) => {
            assert!(back.cut.load(SeqCst) && is_cut(&error), "seed {seed}: read: {error}");
            // This side goes, too.
            there.cut.store(true, SeqCst);
            true
        }
    }
}

/// Writes all, or cuts; whether it cuts.
async fn writes(mut to: impl Writes, mut rng: Rng, there: Arc<Flow>, cut_at: usize, seed: u64) -> bool {
    let mut sent = 0;
    let result: io::Result<bool> = async {
        while sent < there.data.len() {
            if sent >= cut_at {
                there.cut.store(true, SeqCst);
                return Ok(true);
            }
            stalls(&mut rng).await;
            if rng.one_in(20) {
                to.rest();
            }
            let most = if rng.one_in(3) { 100 } else { 20_000 };
            let most = (there.data.len() - sent).min(1 + rng.below(most));
            let chunk = &there.data[sent..][..most];
            there.offered.fetch_max(sent + most, SeqCst);
            let polls = if rng.one_in(3) { 1 + rng.below(2) } else { usize::MAX };
            let Some(wrote) = polled(to.write(chunk), polls).await else { continue };
            sent += wrote?;
            there.sent.store(sent, SeqCst);
            if rng.one_in(4) {
                let polls = if rng.one_in(3) { 1 } else { usize::MAX };
                let Some(flushed) = polled(to.flush(), polls).await else { continue };
                flushed?;
                if rng.one_in(4) {
                    to.update_keys(rng.one_in(2));
                }
            }
        }
        there.closed.store(true, SeqCst);
        while rng.one_in(3) {
            if let Some(shut) = polled(to.shutdown(), 1).await {
                return shut.map(|()| false);
            }
        }
        to.shutdown().await.map(|()| false)
    }
    .await;
    result.unwrap_or_else(|error| {
        // The peer has gone, and its own direction says so.
        assert!(is_cut(&error), "seed {seed}: write: {error}");
        there.cut.store(true, SeqCst);
        false
    })
}
