//! Our side of each connection: a client and a server on loopback.

use crate::certificates::NAME;
use crate::program::PATIENCE;
use handfast::observe::{Direction, Observed, Observer};
use handfast::pki::ServerName;
use handfast::wire::{HandshakeType, NamedGroup};
use handfast::{
    AlertDescription, ClientConfig, ClientOptions, Connection, ConnectionInfo, Error, ServerConfig, TlsStream,
};
use libtest_mimic::Failed;
use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Fails with a sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+).into());
        }
    };
}
pub(crate) use ensure;

pub(crate) type Stream = TlsStream<TcpStream>;

/// Counts the KeyUpdates of a connection.
#[derive(Default)]
pub(crate) struct KeyUpdates {
    seen: [AtomicU8; 2],
}

impl KeyUpdates {
    /// Those that came in, and those that went out.
    pub(crate) fn seen(&self) -> (u8, u8) {
        (self.seen[0].load(Ordering::SeqCst), self.seen[1].load(Ordering::SeqCst))
    }

    /// Waits until so many have come in, while another thread reads.
    pub(crate) fn wait_for(&self, incoming: u8) -> Result<(), Failed> {
        let end = Instant::now() + PATIENCE;
        while self.seen().0 < incoming {
            ensure!(Instant::now() < end, "{incoming} KeyUpdates do not come: {:?}", self.seen());
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Observer for KeyUpdates {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Message { direction, bytes: [kind, ..], .. } = event
            && *kind == HandshakeType::KEY_UPDATE.0
        {
            self.seen[usize::from(*direction == Direction::Out)].fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A server of ours that takes one connection in a thread of its own.
pub(crate) struct Served<T> {
    pub(crate) port: u16,
    result: mpsc::Receiver<T>,
}

impl<T> Served<T> {
    /// What became of it.
    pub(crate) fn result(self) -> Result<T, Failed> {
        Ok(self.result.recv_timeout(PATIENCE).map_err(|_| "our server hung, or panicked")?)
    }
}

/// Listens on a free port, and talks to whoever connects first.
pub(crate) fn listen<T: Send + 'static>(
    talk: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Result<Served<T>, Failed> {
    in_thread(|listener| accept(listener).ok().map(talk))
}

/// The same with so many, one after another.
pub(crate) fn in_turn<T: Send + 'static>(
    times: usize,
    talk: impl Fn(TcpStream) -> io::Result<T> + Send + 'static,
) -> Result<Served<io::Result<Vec<T>>>, Failed> {
    in_thread(move |listener| Some((0..times).map(|_| talk(accept(listener)?)).collect()))
}

/// A TLS server of ours that echoes on so many connections, one after another.
pub(crate) fn serve_times(
    config: ServerConfig,
    times: usize,
) -> Result<Served<io::Result<Vec<ConnectionInfo>>>, Failed> {
    let config = Arc::new(config);
    in_turn(times, move |tcp| echo(TlsStream::server(&config, tcp)))
}

/// Serves on a free port; where there is no result, whoever waits for one is told.
fn in_thread<T: Send + 'static>(
    run: impl FnOnce(&TcpListener) -> Option<T> + Send + 'static,
) -> Result<Served<T>, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        if let Some(result) = run(&listener) {
            // Nobody waits for the result any more, perhaps.
            let _best_effort = done.send(result);
        }
    });
    Ok(Served { port, result })
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((tcp, _)) => {
                tcp.set_nonblocking(false)?;
                return bounded(tcp);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock || Instant::now() > end => {
                return Err(error);
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn bounded(tcp: TcpStream) -> io::Result<TcpStream> {
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    Ok(tcp)
}

/// A TLS server of ours for one connection.
pub(crate) fn serve<T: Send + 'static>(
    config: ServerConfig,
    talk: impl FnOnce(Stream) -> T + Send + 'static,
) -> Result<Served<T>, Failed> {
    serve_watched(config, None, talk)
}

/// The same, observed.
pub(crate) fn serve_watched<T: Send + 'static>(
    config: ServerConfig,
    observer: Option<Arc<dyn Observer>>,
    talk: impl FnOnce(Stream) -> T + Send + 'static,
) -> Result<Served<T>, Failed> {
    let config = Arc::new(config);
    listen(move |tcp| talk(TlsStream::new(Connection::server_with(&config, observer), tcp)))
}

/// Gives back what comes until the peer closes; tells what was negotiated.
pub(crate) fn echo(mut stream: Stream) -> io::Result<ConnectionInfo> {
    loop {
        let n = match stream.fill_buf()? {
            [] => break,
            lent => {
                let bytes = lent.to_vec();
                stream.write_all(&bytes)?;
                bytes.len()
            }
        };
        stream.consume(n);
    }
    stream.close()?;
    Ok(stream.info().clone())
}

/// A client of ours, connected and not yet shaken hands.
pub(crate) fn client(config: ClientConfig, port: u16) -> Result<Stream, Failed> {
    client_watched(config, port, None)
}

/// The same, observed.
pub(crate) fn client_watched(
    config: ClientConfig,
    port: u16,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Stream, Failed> {
    let mut options = ClientOptions::default();
    options.observer = observer;
    let connection = Connection::client_with(&Arc::new(config), ServerName::try_from(NAME)?, options)?;
    Ok(TlsStream::new(connection, bounded(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)?))
}

/// Reads exactly this.
pub(crate) fn expect(stream: &mut impl Read, expected: &str) -> Result<(), Failed> {
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got)?;
    ensure!(got == expected.as_bytes(), "expected {expected:?}, got {:?}", String::from_utf8_lossy(&got));
    Ok(())
}

/// Reads to a clean end.
pub(crate) fn expect_end(stream: &mut impl Read) -> Result<(), Failed> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got)?;
    ensure!(got.is_empty(), "expected the end, got {:?}", String::from_utf8_lossy(&got));
    Ok(())
}

/// The error of this crate inside of a failed call.
pub(crate) fn error<T>(result: io::Result<T>) -> Result<Error, Failed> {
    match result {
        Ok(_) => Err("this should have failed".into()),
        Err(error) => {
            Error::of_io(&error).cloned().ok_or_else(|| format!("the transport failed: {error}").into())
        }
    }
}

/// That the peer sent this alert.
pub(crate) fn expect_alert(error: &Error, expected: AlertDescription) -> Result<(), Failed> {
    let got = matches!(error, Error::AlertReceived { description, .. } if *description == expected);
    ensure!(got, "expected the alert {expected}, got: {error}");
    Ok(())
}

/// Bytes among which loss, doubling and disorder show.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut x = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Shakes hands, says hello, hears `reply`, closes, and sees the peer close.
pub(crate) fn greet(stream: &mut Stream, hello: &str, reply: &str) -> Result<(), Failed> {
    stream.write_all(hello.as_bytes())?;
    expect(stream, reply)?;
    stream.close()?;
    expect_end(stream)
}

/// The groups that every peer has, and their names in OpenSSL.
pub(crate) const CLASSICAL: [(NamedGroup, &str); 3] =
    [(NamedGroup::X25519, "X25519"), (NamedGroup::SECP256R1, "P-256"), (NamedGroup::SECP384R1, "P-384")];
