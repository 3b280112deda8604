//! What an idle connection holds, as the adapters leave it: nothing is called
//! but what a server calls that waits for its client.

use crate::pair;
use allocation_counter::measure;
use handfast::pki::ServerName;
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{Answer, ClientConfig, Question, ServerConfig, TlsStream};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

/// Bytes of a server's connection, what it holds on the heap and itself, without
/// the stream below: with its two expanded keys (ring's have 544 bytes each).
const READY: usize = 1624;
/// And at rest.
const RESTED: usize = 560;
/// In TLS 1.2 the exporter needs both randoms, too.
const RANDOMS: usize = 80;

/// So many at a time, for the spare buffers of the thread hide a few.
const MANY: usize = 64;

/// From a small message to what needs the largest buffers, to and fro.
const SIZES: [usize; 3] = [100, 100_000, 1];

type Configs = (Arc<ClientConfig>, Arc<ServerConfig>);

/// Each suite of TLS 1.3, and TLS 1.2.
fn configs() -> Vec<(String, Configs)> {
    let suites = [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ];
    let make = |change: &dyn Fn(ClientConfig) -> ClientConfig| {
        let (client, server) = pair::configs();
        let client = change(client).alpn(&[b"h2", b"http/1.1"]).unwrap();
        (Arc::new(client), Arc::new(server.alpn(&[b"http/1.1"]).unwrap()))
    };
    let mut all: Vec<_> =
        suites.map(|suite| (suite.to_string(), make(&|client| client.suites(&[suite]).unwrap()))).into();
    all.push(("TLS 1.2".into(), make(&|client| client.versions(&[ProtocolVersion::TLS12]).unwrap())));
    all
}

fn trusting(question: Question<'_>) -> Option<Answer> {
    matches!(question, Question::Verify { .. }).then_some(Answer::Accept)
}

fn name() -> ServerName<'static> {
    ServerName::try_from(pair::NAME).unwrap()
}

fn more(what: &str) -> usize {
    if what == "TLS 1.2" { RANDOMS } else { 0 }
}

/// Bytes of each, where each has so many in place, and drops nothing but its own.
fn each<T>(what: &str, all: &mut Vec<T>, place: usize, mut rest: impl FnMut(&mut T)) {
    let freed = |f: &mut dyn FnMut()| usize::try_from(-measure(f).bytes_current).unwrap() / MANY;
    assert_eq!(all.len(), MANY);
    let keys = freed(&mut || all.iter_mut().for_each(&mut rest));
    let rested = place + freed(&mut || all.clear());
    let ready = rested + keys;
    println!("{what}: {ready} bytes with keys ready, {rested} at rest");
    let more = more(what);
    assert!(
        keys > 0 && ready <= READY + more && rested <= RESTED + more,
        "{what}: {ready} bytes, {rested} at rest"
    );
}

type Way = Arc<Mutex<VecDeque<u8>>>;

/// One end of a stream in memory, which never waits.
#[derive(Clone)]
struct Pipe {
    from: Way,
    to: Way,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.from.lock().unwrap().read(into)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Until it need not come again.
fn awaited<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result.unwrap()),
    }
}

/// Both ends over pipes that never wait.
fn connected((client, server): &Configs) -> (TlsStream<Pipe>, TlsStream<Pipe>) {
    let (from, to) = (Way::default(), Way::default());
    let (near, far) = (Pipe { from: from.clone(), to: to.clone() }, Pipe { from: to, to: from });
    let mut client = TlsStream::client(client, name(), near).unwrap();
    let mut server = TlsStream::server(server, far);
    while awaited(client.handshake_with(trusting)).is_none() | awaited(server.handshake()).is_none() {}
    (client, server)
}

fn to(from: &mut impl Write, to: &mut impl Read, n: usize) {
    from.write_all(&vec![7; n]).unwrap();
    let mut got = vec![0; n];
    to.read_exact(&mut got).unwrap();
    assert!(got.iter().all(|byte| *byte == 7));
}

fn waits(reader: &mut impl Read) {
    assert!(awaited(reader.read(&mut [0; 9])).is_none());
}

#[test]
fn a_stream_that_would_block() {
    for (what, configs) in configs() {
        let mut clients = Vec::new();
        let mut servers: Vec<_> = (0..MANY)
            .map(|_| {
                let (mut client, mut server) = connected(&configs);
                for n in SIZES {
                    to(&mut client, &mut server, n);
                    to(&mut server, &mut client, n);
                }
                waits(&mut server);
                clients.push(client);
                server
            })
            .collect();
        let place = size_of::<TlsStream<Pipe>>() - size_of::<Pipe>();
        each(&what, &mut servers, place, |server| server.connection_mut().rest());
    }
}

#[test]
fn halves_that_would_block() {
    for (what, configs) in configs() {
        let mut clients = Vec::new();
        let mut servers: Vec<_> = (0..MANY)
            .map(|_| {
                let (mut client, server) = connected(&configs);
                let (mut reader, mut writer) = server.split(|pipe| Ok(pipe.clone())).unwrap();
                for n in SIZES {
                    to(&mut client, &mut reader, n);
                    to(&mut writer, &mut client, n);
                }
                waits(&mut reader);
                clients.push(client);
                (reader, writer)
            })
            .collect();
        let place = size_of_val(&servers[0]) - 2 * size_of::<Pipe>();
        each(&what, &mut servers, place, |(reader, writer)| {
            reader.rest();
            writer.rest();
        });
    }
}

#[cfg(feature = "tokio")]
mod tokio_streams {
    use super::*;
    use ::tokio::io::{
        AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, split,
    };
    use handfast::AsyncTlsStream;
    use std::future::{poll_fn, ready};
    use std::pin::Pin;
    use std::task::Poll;

    type Stream = AsyncTlsStream<DuplexStream>;

    async fn connected((client, server): &Configs, rests: bool) -> (Stream, Stream) {
        let (near, far) = duplex(1 << 18);
        let mut client = AsyncTlsStream::client(client, name(), near).unwrap();
        let mut server = AsyncTlsStream::server(server, far);
        if rests {
            server = server.rest_after(|| ready(()));
        }
        let (a, b) = ::tokio::join!(client.handshake_with(trusting), server.handshake());
        a.and(b).unwrap();
        (client, server)
    }

    async fn to(from: &mut (impl AsyncWrite + Unpin), to: &mut (impl AsyncRead + Unpin), n: usize) {
        from.write_all(&vec![7; n]).await.unwrap();
        from.flush().await.unwrap();
        to.read_exact(&mut vec![0; n]).await.unwrap();
    }

    async fn waits(reader: &mut (impl AsyncRead + Unpin)) {
        poll_fn(|cx| {
            let mut room = [0; 9];
            assert!(Pin::new(&mut *reader).poll_read(cx, &mut ReadBuf::new(&mut room)).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        ::tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
    }

    #[test]
    fn a_read_that_waits() {
        for (what, configs) in configs() {
            run(async {
                let (mut clients, mut servers) = (Vec::new(), Vec::new());
                for _ in 0..MANY {
                    let (mut client, mut server) = connected(&configs, false).await;
                    for n in SIZES {
                        to(&mut client, &mut server, n).await;
                        to(&mut server, &mut client, n).await;
                    }
                    waits(&mut server).await;
                    clients.push(client);
                    servers.push(server);
                }
                let place = size_of::<Stream>() - size_of::<DuplexStream>();
                each(&what, &mut servers, place, |server| server.connection_mut().rest());
            });
        }
    }

    #[test]
    fn a_timer_takes_nothing_from_the_type() {
        fn needs<T: Send + Sync + Unpin>() {}
        needs::<Stream>();
    }

    /// The one who reads waits first; then the other writes.
    #[test]
    fn a_half_that_waits_while_the_other_has_written() {
        for (what, configs) in configs() {
            run(async {
                let (mut clients, mut servers) = (Vec::new(), Vec::new());
                for _ in 0..MANY {
                    let (mut client, server) = connected(&configs, false).await;
                    let (mut reader, mut writer) = split(server);
                    for n in SIZES {
                        to(&mut client, &mut reader, n).await;
                        waits(&mut reader).await;
                        to(&mut writer, &mut client, n).await;
                    }
                    clients.push(client);
                    servers.push(reader.unsplit(writer));
                }
                let place = size_of::<Stream>() - size_of::<DuplexStream>();
                each(&what, &mut servers, place, |server| server.connection_mut().rest());
            });
        }
    }

    #[test]
    fn a_read_that_has_waited_long_rests_the_keys() {
        for (what, configs) in configs() {
            run(async {
                let (mut clients, mut servers) = (Vec::new(), Vec::new());
                for _ in 0..MANY {
                    let (mut client, mut server) = connected(&configs, true).await;
                    for n in SIZES {
                        to(&mut client, &mut server, n).await;
                        to(&mut server, &mut client, n).await;
                    }
                    waits(&mut server).await;
                    clients.push(client);
                    servers.push(server);
                }
                let keys = measure(|| servers.iter_mut().for_each(|server| server.connection_mut().rest()));
                assert_eq!(keys.bytes_current, 0, "{what}: they rest already");
                // And are made again.
                for (client, server) in clients.iter_mut().zip(&mut servers) {
                    to(client, server, 100).await;
                    to(server, client, 100).await;
                }
                for server in &mut servers {
                    waits(server).await;
                }
                let freed = measure(|| servers.clear()).bytes_current;
                let rested =
                    size_of::<Stream>() - size_of::<DuplexStream>() + usize::try_from(-freed).unwrap() / MANY;
                println!("{what}: {rested} bytes after the timer");
                assert!(rested <= RESTED + more(&what), "{what}: {rested} bytes");
            });
        }
    }
}
