//! What a connection costs that waits: memory of a server with 100,000 of them,
//! beside rustls; and what it costs those that do not wait long.
//! `cargo bench --bench idle --features tokio [-- count]`
//!
//! Each row is a process of its own, for RSS is a process's. Its connections are
//! TLS 1.3 over streams in memory, resumed so that 100,000 are made in seconds;
//! each has echoed messages of 100, 20,000 and 100 bytes, and its client is gone. RSS is compared with that after the first thousand. A row without TLS is
//! what the stream and the task cost by themselves.
//!
//! Then a message of 100 bytes and its echo, over the loopback's TCP, where each
//! read first would block: turns of all rows alternate; the median and the
//! fastest tenth are printed, and the fastest tenth by that of plain TCP.

#[path = "support/ours.rs"]
mod ours;
#[path = "idle/pingpong.rs"]
mod pingpong;
#[path = "idle/pipe.rs"]
mod pipe;

use allocation_counter::measure;
use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{AsyncTlsStream, ClientConfig, Connection, Event, Identity, ServerConfig, TlsStream};
use ours::{Chain, NAME};
use pipe::{Pipe, pipe};
use rustls::crypto::ring;
use std::future::pending;
use std::io::{BufRead, ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const COUNT: usize = 100_000;

/// Made before RSS is looked at: by then lists, arenas and pools have their size.
const BEFORE: usize = 1_000;

/// Messages that each connection echoes.
const SIZES: [usize; 3] = [100, 20_000, 100];

type Row = (&'static str, fn(usize) -> Held);

const ROWS: [Row; 8] = [
    ("stream alone", |n| kept(n, |_| pipe().1)),
    ("Connection, as the last read left it", |n| kept(n, connection)),
    ("TlsStream, a read would block", |n| kept(n, |configs| stream(configs, false))),
    ("TlsStream, rested", |n| kept(n, |configs| stream(configs, true))),
    ("rustls 0.23's ServerConnection", theirs),
    ("stream and task on tokio, alone", |n| tasks(n, Kind::Plain)),
    ("AsyncTlsStream, a read waits on tokio", |n| tasks(n, Kind::Waits)),
    ("AsyncTlsStream, its timer has run out", |n| tasks(n, Kind::Rests)),
];

/// Bytes a connection.
struct Held {
    rss: usize,
    heap: usize,
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let first = args.next();
    if let (Some("row"), Some(row), Some(count)) = (first.as_deref(), args.next(), args.next()) {
        let (_, run) = ROWS[row.parse::<usize>().unwrap()];
        let held = run(count.parse().unwrap());
        println!("{} {}", held.rss, held.heap);
        return;
    }
    let count = first.map_or(COUNT, |count| count.parse().expect("how many connections"));
    println!("{count} connections; bytes of each     RSS    heap");
    // Two at a time: each is one thread.
    let started: Vec<_> = (0..ROWS.len()).collect();
    for rows in started.chunks(2) {
        let children: Vec<_> = rows.iter().map(|row| (row, child(*row, count))).collect();
        for (row, child) in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            let said = String::from_utf8(output.stdout).unwrap();
            let (rss, heap) = said.trim().split_once(' ').unwrap();
            println!("{:38} {rss:>7} {heap:>7}", ROWS[*row].0);
        }
    }
    println!();
    pingpong::run(&configs());
}

fn child(row: usize, count: usize) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["row", &row.to_string(), &count.to_string()]).stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// Resident bytes of this process.
fn rss() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Makes `count` more after those before.
fn held(count: usize, mut make: impl FnMut(usize)) -> Held {
    make(BEFORE);
    let before = rss();
    let heap = measure(|| make(count)).bytes_current;
    Held {
        rss: rss().saturating_sub(before) / count,
        heap: usize::try_from(heap).unwrap_or_default() / count,
    }
}

/// In vectors of their own, which never move.
fn kept<T>(count: usize, one: impl Fn(&Configs) -> T) -> Held {
    let (configs, mut all) = (configs(), Vec::new());
    held(count, |n| {
        let mut more = Vec::with_capacity(n);
        more.extend((0..n).map(|_| one(&configs)));
        all.push(more);
    })
}

struct Configs {
    chain: Chain,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn configs() -> Configs {
    let chain = Chain::new();
    let mut roots = Roots::new();
    roots.add(chain.root.clone()).unwrap();
    let suites = [handfast::wire::CipherSuite::TLS_AES_128_GCM_SHA256];
    let groups = [handfast::wire::NamedGroup::X25519];
    let client = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now)
        .sessions(handfast::ClientSessions::new())
        .groups(&groups)
        .unwrap()
        .suites(&suites)
        .unwrap();
    let identity = Identity::new(vec![chain.leaf.clone()], &chain.key()).unwrap();
    let server = ServerConfig::new(identity, UnixTime::now)
        .tickets(handfast::TicketKeys::random())
        .tickets_sent(1)
        .groups(&groups)
        .unwrap();
    Configs { chain, client: Arc::new(client), server: Arc::new(server) }
}

fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// The core, driven by hand: a read of the pipe for each time it needs input.
fn connection(configs: &Configs) -> Connection {
    let (near, mut far) = pipe();
    let mut client = TlsStream::client(&configs.client, name(), near).unwrap();
    let mut server = Connection::server(&configs.server);
    talk(&mut client, || {
        loop {
            let data = match server.next().unwrap() {
                Event::Data(data) => data.to_vec(),
                Event::NeedInput => Vec::new(),
                _ => continue,
            };
            server.consume(data.len());
            let mut rest = &data[..];
            while !rest.is_empty() || !server.pending().is_empty() {
                rest = &rest[server.send(rest).unwrap()..];
                let n = far.write(server.pending()).unwrap();
                server.sent(n);
            }
            if data.is_empty() {
                let mut space = server.space().unwrap();
                let Ok(n) = far.read(&mut space) else { break };
                space.filled(n);
            }
        }
    });
    server
}

fn stream(configs: &Configs, rests: bool) -> TlsStream<Pipe> {
    let (near, far) = pipe();
    let mut client = TlsStream::client(&configs.client, name(), near).unwrap();
    let mut server = TlsStream::server(&configs.server, far);
    talk(&mut client, || {
        loop {
            let data = match server.fill_buf() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                data => data.unwrap().to_vec(),
            };
            server.consume(data.len());
            server.write_all(&data).unwrap();
        }
    });
    if rests {
        server.connection_mut().rest();
    }
    server
}

/// Handshake and messages; `echo` is the server's turn, until it would block.
fn talk(client: &mut TlsStream<Pipe>, mut echo: impl FnMut()) {
    while client.handshake().is_err() {
        echo();
    }
    for n in SIZES {
        client.write_all(&vec![7; n]).unwrap();
        let (mut got, mut at) = (vec![0; n], 0);
        while at < n {
            match client.read(&mut got[at..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => echo(),
                read => at += read.unwrap(),
            }
        }
    }
    echo();
}

/// The same with rustls, client and server.
fn theirs(count: usize) -> Held {
    let Configs { chain, .. } = configs();
    let provider = Arc::new(ring::default_provider());
    let versions = &[&rustls::version::TLS13][..];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(chain.root.clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider.clone());
    let client = client.with_protocol_versions(versions).unwrap();
    let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
    let server =
        rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut server =
        server.with_no_client_auth().with_single_cert(vec![chain.leaf.clone()], chain.key()).unwrap();
    server.send_tls13_tickets = 1;
    // Sessions are not the connection's.
    server.ticketer = ring::Ticketer::new().unwrap();
    let server = Arc::new(server);
    let one = || {
        let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
        let mut client = rustls::ClientConnection::new(client.clone(), name).unwrap();
        let mut server = rustls::ServerConnection::new(server.clone()).unwrap();
        while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
            exchange(&mut client, &mut server);
            exchange(&mut server, &mut client);
        }
        for n in SIZES {
            client.writer().write_all(&vec![7; n]).unwrap();
            exchange(&mut client, &mut server);
            let mut got = vec![0; n];
            server.reader().read_exact(&mut got).unwrap();
            server.writer().write_all(&got).unwrap();
            exchange(&mut server, &mut client);
            client.reader().read_exact(&mut got).unwrap();
        }
        server
    };
    let mut all = Vec::new();
    held(count, |n| {
        let mut more = Vec::with_capacity(n);
        more.extend((0..n).map(|_| one()));
        all.push(more);
    })
}

fn exchange<A, B>(from: &mut rustls::ConnectionCommon<A>, to: &mut rustls::ConnectionCommon<B>) {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = &wire[..];
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
        to.process_new_packets().unwrap();
    }
}

/// What a task does with its stream.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Waits,
    Rests,
}

/// How long a read waits before the keys rest.
const LONG: Duration = Duration::from_millis(500);

fn tasks(count: usize, kind: Kind) -> Held {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let configs = configs();
    held(count, |n| {
        runtime.block_on(async {
            for _ in 0..n {
                task(&configs, kind).await;
            }
            if kind == Kind::Rests {
                tokio::time::sleep(3 * LONG).await;
            }
        });
    })
}

async fn task(configs: &Configs, kind: Kind) {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
    let (near, far) = pipe();
    if kind == Kind::Plain {
        tokio::spawn(async move {
            let mut far = far;
            AsyncReadExt::read(&mut far, &mut [0; 1]).await.unwrap();
            pending::<()>().await;
        });
        return tokio::task::yield_now().await;
    }
    let mut server = AsyncTlsStream::server(&configs.server, far);
    if kind == Kind::Rests {
        server = server.rest_after(|| tokio::time::sleep(LONG));
    }
    tokio::spawn(async move {
        loop {
            let data = server.fill_buf().await.unwrap().to_vec();
            server.consume(data.len());
            server.write_all(&data).await.unwrap();
        }
    });
    let mut client = AsyncTlsStream::client(&configs.client, name(), near).unwrap();
    client.handshake().await.unwrap();
    for n in SIZES {
        client.write_all(&vec![7; n]).await.unwrap();
        client.read_exact(&mut vec![0; n]).await.unwrap();
    }
    tokio::task::yield_now().await;
}
