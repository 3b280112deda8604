//! A message of 100 bytes and its echo, over the loopback's TCP.

use super::{Configs, NAME, name};
use handfast::{AsyncTlsStream, TlsStream};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MESSAGE: usize = 100;

/// Echoes in a turn, and turns of each row.
const ECHOES: u32 = 200;
const TURNS: usize = 200;

/// One turn.
type Turn = Box<dyn FnMut()>;

pub(crate) fn run(configs: &Configs) {
    let plain = |stream: TcpStream| stream;
    let mut rows: Vec<(&str, Turn)> = vec![
        ("plain TCP, threads", threads(plain, plain)),
        ("TlsStream, threads", {
            let (client, server) = (configs.client.clone(), configs.server.clone());
            threads(
                move |tcp| TlsStream::client(&client, name(), tcp).unwrap(),
                move |tcp| TlsStream::server(&server, tcp),
            )
        }),
        ("rustls 0.23's StreamOwned, threads", rustls_threads(configs)),
        ("plain TCP, a read would block", would_block(plain, plain)),
        ("TlsStream, a read would block", {
            let (client, server) = (configs.client.clone(), configs.server.clone());
            would_block(
                move |tcp| TlsStream::client(&client, name(), tcp).unwrap(),
                move |tcp| TlsStream::server(&server, tcp),
            )
        }),
        ("plain TCP, tokio", on_tokio(|tcp| tcp, |tcp| tcp)),
        ("AsyncTlsStream, tokio", {
            let (client, server) = (configs.client.clone(), configs.server.clone());
            on_tokio(
                move |tcp| AsyncTlsStream::client(&client, name(), tcp).unwrap(),
                move |tcp| AsyncTlsStream::server(&server, tcp),
            )
        }),
    ];
    let mut times = vec![Vec::with_capacity(TURNS); rows.len()];
    for turn in 0..TURNS + 5 {
        for ((_, row), times) in rows.iter_mut().zip(&mut times) {
            let start = Instant::now();
            row();
            if turn >= 5 {
                times.push(start.elapsed() / ECHOES);
            }
        }
    }
    println!("100 bytes and their echo, microseconds   median  fastest tenth  by plain TCP");
    let mut base = Duration::ZERO;
    for ((what, _), times) in rows.iter().zip(&mut times) {
        times.sort();
        let (median, fastest) = (times[TURNS / 2], times[TURNS / 10]);
        if what.starts_with("plain") {
            base = fastest;
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let ratio = fastest.as_secs_f64() / base.as_secs_f64();
        println!("{what:38} {:8.2} {:14.2} {ratio:13.3}", micros(median), micros(fastest));
    }
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    (near, far)
}

/// A thread that blocks echoes.
fn threads<C: Read + Write + 'static, S: Read + Write>(
    client: impl FnOnce(TcpStream) -> C,
    server: impl FnOnce(TcpStream) -> S + Send + 'static,
) -> Turn {
    let (near, far) = sockets();
    thread::spawn(move || {
        let (mut far, mut message) = (server(far), [0; MESSAGE]);
        while far.read_exact(&mut message).is_ok() {
            far.write_all(&message).unwrap();
        }
    });
    let mut near = client(near);
    Box::new(move || {
        let mut message = [7; MESSAGE];
        for _ in 0..ECHOES {
            near.write_all(&message).unwrap();
            near.read_exact(&mut message).unwrap();
        }
    })
}

fn rustls_threads(Configs { chain, .. }: &Configs) -> Turn {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(chain.root.clone()).unwrap();
    let versions = &[&rustls::version::TLS13][..];
    let client = rustls::ClientConfig::builder_with_provider(provider.clone());
    let client = client.with_protocol_versions(versions).unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let server =
        rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let server =
        server.with_no_client_auth().with_single_cert(vec![chain.leaf.clone()], chain.key()).unwrap();
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
    threads(
        move |tcp| rustls::StreamOwned::new(client, tcp),
        move |tcp| rustls::StreamOwned::new(server, tcp),
    )
}

/// Both ends in one thread: each read is tried before there is anything, too, as
/// in an event loop.
fn would_block<C: Read + Write + 'static, S: Read + Write + 'static>(
    client: impl FnOnce(TcpStream) -> C,
    server: impl FnOnce(TcpStream) -> S,
) -> Turn {
    let (near, far) = sockets();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    let (mut near, mut far) = (client(near), server(far));
    // The handshake, by turns.
    let mut one = [7];
    while would(near.write(&one)).is_none() {
        assert!(would(far.read(&mut one)).is_none());
    }
    while would(far.read(&mut one)).is_none() {}
    Box::new(move || {
        for _ in 0..ECHOES {
            assert!(would(far.read(&mut one)).is_none());
            echo(&mut near, &mut far);
            assert!(would(near.read(&mut one)).is_none());
            echo(&mut far, &mut near);
        }
    })
}

fn echo(from: &mut impl Write, to: &mut impl Read) {
    from.write_all(&[7; MESSAGE]).unwrap();
    let (mut message, mut at) = ([0; MESSAGE], 0);
    while at < MESSAGE {
        at += would(to.read(&mut message[at..])).unwrap_or_default();
    }
}

fn would<T>(result: std::io::Result<T>) -> Option<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result.unwrap()),
    }
}

/// Two tasks of one thread.
fn on_tokio<C, S>(
    client: impl FnOnce(tokio::net::TcpStream) -> C,
    server: impl FnOnce(tokio::net::TcpStream) -> S,
) -> Turn
where
    C: AsyncRead + AsyncWrite + Unpin + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let (near, far) = sockets();
    let asynchronous = |tcp: TcpStream| {
        tcp.set_nonblocking(true).unwrap();
        let _entered = runtime.enter();
        tokio::net::TcpStream::from_std(tcp).unwrap()
    };
    let (mut near, mut far) = (client(asynchronous(near)), server(asynchronous(far)));
    runtime.spawn(async move {
        let mut message = [0; MESSAGE];
        while far.read_exact(&mut message).await.is_ok() {
            far.write_all(&message).await.unwrap();
        }
    });
    Box::new(move || {
        runtime.block_on(async {
            let mut message = [7; MESSAGE];
            for _ in 0..ECHOES {
                near.write_all(&message).await.unwrap();
                near.read_exact(&mut message).await.unwrap();
            }
        });
    })
}
