//! A thousand connections at once on one runtime of tokio's, over TCP: with calls
//! that are dropped half way, stalls, cuts, half-closes, key updates and rests, no
//! byte is lost, doubled or reordered, nothing is left over, and no task is stuck.
//!
//! Each connection's script comes from a seed, which a failure names.

#[path = "crowd/script.rs"]
mod script;

use handfast::observe::{Observed, Observer};
use handfast::pki::{ServerName, UnixTime, Verifier};
use handfast::wire::NamedGroup;
use handfast::{ClientConfig, ClientOptions, Error, Identity, ServerConfig, TlsAcceptor, TlsConnector};
use script::{Flow, Kind, Rng, Script};
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

const CROWD: usize = 1_000;

/// Only a failure comes so far.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Descriptors that the process needs beside the sockets.
const DESCRIPTORS: usize = 100;

/// Bytes that a socket holds: fewer than are written, so that writers wait.
const SOCKET_BUFFER: u32 = 8_000;

/// The streams that are there.
static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// One end of a connection's transport, which is counted. Now and then it moves less
/// than it could, or has its caller come again.
#[derive(Debug)]
struct Net(Transport, Rng);

#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Pipe(DuplexStream),
}

impl Net {
    fn new(transport: Transport, seed: usize) -> Self {
        STREAMS.fetch_add(1, SeqCst);
        Self(transport, Script::new(seed as u64).rng(9))
    }

    /// How much of so many bytes is moved.
    fn moves(&mut self, cx: &Context<'_>, bytes: usize) -> Poll<usize> {
        match self.1.below(6) {
            0 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            1 => Poll::Ready(bytes.min(1 + self.1.below(40))),
            _ => Poll::Ready(bytes),
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, SeqCst);
    }
}

macro_rules! each {
    ($net:expr, $stream:ident => $call:expr) => {
        match &mut $net.get_mut().0 {
            Transport::Tcp($stream) => $call,
            Transport::Pipe($stream) => $call,
        }
    };
}

impl AsyncRead for Net {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.moves(cx, 0));
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Net {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let n = ready!(self.moves(cx, buf.len()));
        each!(self, stream => Pin::new(stream).poll_write(cx, &buf[..n]))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// Every connection of a client holds it, and each of its halves.
struct Held;

impl Observer for Held {
    fn observe(&self, _: &Observed<'_>) {}
}

/// The descriptors that this process may open, after it has asked for as many as it needs.
fn descriptors(needed: usize) -> usize {
    let read = || {
        let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
        limits
            .lines()
            .find(|line| line.starts_with("Max open files"))?
            .split_whitespace()
            .nth(3)?
            .parse()
            .ok()
    };
    if read().is_none_or(|limit: usize| limit < needed) {
        let own = std::process::id().to_string();
        let _as_before_if_it_fails =
            Command::new("prlimit").args(["--pid", &own, &format!("--nofile={needed}:")]).status();
    }
    read().unwrap_or(256)
}

/// The transports of all connections: sockets, as far as the system has them.
async fn transports() -> Vec<(Net, Net)> {
    let sockets = descriptors(2 * CROWD + DESCRIPTORS).saturating_sub(DESCRIPTORS) / 2;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SOCKET_BUFFER).unwrap();
    socket.set_recv_buffer_size(SOCKET_BUFFER).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let mut pairs = Vec::new();
    for i in 0..CROWD {
        let (near, far) = if i < sockets {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_send_buffer_size(SOCKET_BUFFER).unwrap();
            socket.set_recv_buffer_size(SOCKET_BUFFER).unwrap();
            let (near, far) = tokio::join!(socket.connect(address), listener.accept());
            (Transport::Tcp(near.unwrap()), Transport::Tcp(far.unwrap().0))
        } else {
            let (near, far) = duplex(3_000);
            (Transport::Pipe(near), Transport::Pipe(far))
        };
        pairs.push((Net::new(near, i), Net::new(far, CROWD + i)));
    }
    eprintln!("{} connections over TCP, {} over pipes", sockets.min(CROWD), CROWD.saturating_sub(sockets));
    pairs
}

async fn finished(tasks: Vec<(u64, JoinHandle<()>)>) {
    for (seed, task) in tasks {
        match tokio::time::timeout(WATCHDOG, task).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => panic!("seed {seed}: {failed}"),
            Err(_) => panic!("seed {seed}: a task is stuck"),
        }
    }
}

async fn crowd() {
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let identity = Identity::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let client = ClientConfig::new(Verifier::exactly(made.cert.der().clone()), UnixTime::now);
    let connector =
        TlsConnector::new(client.groups(&[NamedGroup::X25519]).unwrap()).handshake_within(Some(WATCHDOG));
    let acceptor =
        TlsAcceptor::new(ServerConfig::new(identity, UnixTime::now)).handshake_within(Some(WATCHDOG));
    let held: Arc<dyn Observer> = Arc::new(Held);
    let (met, done) = (Arc::new(Barrier::new(2 * CROWD)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for (seed, (near, far)) in (0..).zip(transports().await) {
        let script = Script::new(seed);
        let flows = [1, 2].map(|part| Arc::new(Flow::new(script.rng(part), script.kind != Kind::Done)));
        let (connector, observer, wait) = (connector.clone(), Some(held.clone()), met.clone());
        let (there, back, connected) = (flows[0].clone(), flows[1].clone(), done.clone());
        let client = async move {
            let mut options = ClientOptions::default();
            options.observer = observer;
            let name = ServerName::try_from("server.test").unwrap();
            let shaken = match script.kind {
                Kind::Silent => {
                    wait.wait().await;
                    return script::is_closed(near).await;
                }
                _ => script.shakes(Kind::ClientGoes, connector.connect_with(name, options, near)).await,
            };
            wait.wait().await;
            if let Some(stream) = script.expect(shaken) {
                connected.fetch_add(1, SeqCst);
                script::talk(stream, script.rng(3), there, back, seed).await;
            }
        };
        tasks.push((seed, tokio::spawn(client)));
        let [there, back] = flows;
        let (acceptor, wait) = (acceptor.clone(), met.clone());
        let server = async move {
            let shaken = match script.kind {
                Kind::Silent => {
                    let acceptor = acceptor.handshake_within(Some(Duration::from_millis(100)));
                    let error = acceptor.accept(far).await.unwrap_err();
                    assert!(matches!(Error::of_io(&error), Some(Error::TimedOut { .. })), "{error}");
                    None
                }
                _ => script.expect(script.shakes(Kind::ServerGoes, acceptor.accept(far)).await),
            };
            wait.wait().await;
            if let Some(stream) = shaken {
                script::talk(stream, script.rng(4), back, there, seed).await;
            }
        };
        tasks.push((seed, tokio::spawn(server)));
    }
    finished(tasks).await;
    let connected = done.load(SeqCst);
    assert!(connected > CROWD * 3 / 4, "{connected}");
    // Nothing is left over: no stream, no connection or half of one, no task.
    assert_eq!(STREAMS.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&held), 1);
    // A task is taken off the runtime's list a moment after it is done.
    let runtime = tokio::runtime::Handle::current().metrics();
    let gone = async {
        while runtime.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WATCHDOG, gone).await.expect("a task is left over");
}

#[test]
fn a_thousand_connections() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(crowd());
}
