//! Two streams over pipes of tokio's, which hold little and remember one waker
//! for each direction.

use super::*;
use crate::config::{ClientOptions, Judge};
use crate::identity::Identity;
use crate::limits;
use crate::observe::{Direction, Observed, Observer};
use crate::pki::{Roots, UnixTime, Verifier};
use crate::wire::{NamedGroup, ProtocolVersion};
use ::tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ::tokio::time::timeout;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn configs(versions: &[ProtocolVersion]) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let identity = Identity::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let verifier = Verifier::exactly(made.cert.der().clone());
    let client = ClientConfig::new(verifier, UnixTime::now)
        .groups(&[NamedGroup::X25519, NamedGroup::SECP256R1])
        .unwrap();
    let server = ServerConfig::new(identity, UnixTime::now);
    (Arc::new(client.versions(versions).unwrap()), Arc::new(server))
}

const BOTH: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];

type Stream = AsyncTlsStream<DuplexStream>;

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

fn pair(holding: usize, versions: &[ProtocolVersion]) -> (Stream, Stream) {
    let (client, server) = configs(versions);
    let (near, far) = duplex(holding);
    (AsyncTlsStream::client(&client, name(), near).unwrap(), AsyncTlsStream::server(&server, far))
}

/// Runs it to its end, which must come: a waker that was lost is found here.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_secs(20), test).await.expect("it sleeps for ever") })
}

fn error_of(error: &io::Error) -> &Error {
    Error::of_io(error).unwrap()
}

#[test]
fn streams_can_be_sent_to_other_threads() {
    fn needs<T: Send + Unpin>() {}
    needs::<AsyncTlsStream<DuplexStream>>();
}

/// A timer of the runtime wakes a read that waits, which waits on with its keys at rest.
#[test]
fn keys_rest_and_are_made_again() {
    for version in BOTH {
        run(async {
            let (mut client, server) = pair(100, &[version]);
            let mut server = server.rest_after(|| ::tokio::time::sleep(Duration::from_millis(2)));
            let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
            a.and(b).unwrap();
            assert!(!server.connection().rests());
            for _ in 0..2 {
                let mut got = [0; 5];
                assert!(timeout(Duration::from_millis(100), server.read_exact(&mut got)).await.is_err());
                assert!(server.connection().rests());
                client.write_all(b"awake").await.unwrap();
                server.read_exact(&mut got).await.unwrap();
                server.write_all(&got).await.unwrap();
                client.read_exact(&mut got).await.unwrap();
                assert_eq!(&got, b"awake");
                assert!(!server.connection().rests());
            }
        });
    }
}

#[test]
fn data_and_a_clean_end_both_ways() {
    for version in BOTH {
        run(async {
            let (mut client, mut server) = pair(100, &[version]);
            let asks = async {
                client.write_all(b"question").await.unwrap();
                client.shutdown().await.unwrap();
                let mut answer = Vec::new();
                client.read_to_end(&mut answer).await.unwrap();
                assert_eq!(answer, b"answer");
                assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
                assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
                assert_eq!(client.info().version, Some(version));
            };
            let answers = async {
                let mut question = Vec::new();
                server.read_to_end(&mut question).await.unwrap();
                assert_eq!(question, b"question");
                server.write_all(b"answer").await.unwrap();
                server.shutdown().await.unwrap();
            };
            ::tokio::join!(asks, answers);
        });
    }
}

#[test]
fn a_cut_connection_is_no_clean_end() {
    run(async {
        let (mut client, mut server) = pair(100, &BOTH);
        let answers = async move {
            server.write_all(b"half of it").await.unwrap();
            server.flush().await.unwrap();
        };
        let asks = async {
            let mut answer = Vec::new();
            let error = client.read_to_end(&mut answer).await.unwrap_err();
            assert_eq!((answer.as_slice(), error.kind()), (&b"half of it"[..], ErrorKind::UnexpectedEof));
            assert!(matches!(error_of(&error), Error::Truncated));
            assert!(matches!(error_of(&client.read(&mut [0; 9]).await.unwrap_err()), Error::Truncated));
        };
        ::tokio::join!(asks, answers);
    });
}

#[test]
fn a_connection_that_ends_in_mid_handshake() {
    run(async {
        let (client, _) = configs(&BOTH);
        let (near, far) = duplex(10_000);
        drop(far);
        let mut client = AsyncTlsStream::client(&client, name(), near).unwrap();
        let error = client.handshake().await.unwrap_err();
        assert!(matches!(error_of(&error), Error::EndOfStream { .. }), "{error}");

        let mut server = AsyncTlsStream::server(&configs(&BOTH).1, duplex(10).0).with_read_bytes(b"");
        let error = server.handshake().await.unwrap_err();
        assert!(matches!(error_of(&error), Error::EndOfStream { .. }), "{error}");
    });
}

#[test]
fn what_was_read_before_comes_first() {
    run(async {
        let mut server =
            AsyncTlsStream::server(&configs(&BOTH).1, duplex(100).0).with_read_bytes(b"GET / HTTP/1.1\r\n");
        let error = server.handshake().await.unwrap_err();
        assert!(matches!(error_of(&error), Error::NotTls { looks_like: Some(_), .. }), "{error}");
    });
}

/// The peer hears why: the alert is sent, and is found behind a broken pipe.
#[test]
fn a_refusal_is_told() {
    run(async {
        let (_, server) = configs(&BOTH);
        let client = ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now);
        let (near, far) = duplex(4_000);
        let mut client = AsyncTlsStream::client(&Arc::new(client), name(), near).unwrap();
        let mut server = AsyncTlsStream::server(&server, far);
        let refuses = async move {
            let error = client.handshake().await.unwrap_err();
            assert!(matches!(error_of(&error), Error::CertificateRefused(_)), "{error}");
        };
        let hears = async {
            let error = server.handshake().await.unwrap_err();
            assert!(matches!(error_of(&error), Error::AlertReceived { .. }), "{error}");
        };
        ::tokio::join!(refuses, hears);
    });
}

#[test]
fn questions_are_answered_by_the_caller() {
    run(async {
        let (_, server) = configs(&BOTH);
        let client = Arc::new(ClientConfig::new(Judge::Application, UnixTime::now));
        let (near, far) = duplex(4_000);
        let mut client = AsyncTlsStream::client(&client, name(), near).unwrap();
        let mut server = AsyncTlsStream::server(&server, far);
        let asks = async {
            let error = client.handshake().await.unwrap_err();
            assert!(matches!(error_of(&error), Error::Unanswered(_)), "{error}");
            let mut asked = 0;
            let accept = |question: Question<'_>| {
                asked += 1;
                matches!(question, Question::Verify { .. }).then_some(Answer::Accept)
            };
            client.handshake_with(accept).await.unwrap();
            assert_eq!(asked, 1);
        };
        ::tokio::join!(asks, async { server.handshake().await.unwrap() });
    });
}

#[test]
fn a_handshake_dropped_half_way_goes_on() {
    run(async {
        let (mut client, mut server) = pair(100, &BOTH);
        assert!(timeout(Duration::from_millis(5), client.handshake()).await.is_err());
        let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
        a.and(b).unwrap();
    });
}

/// The handshake's last flight is sent whole though nobody writes after it.
#[test]
fn a_handshake_that_is_done_has_been_sent() {
    for version in BOTH {
        run(async {
            let (mut client, mut server) = pair(1, &[version]);
            let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
            a.and(b).unwrap();
            assert!(client.connection().pending().is_empty());
        });
    }
}

struct Records(AtomicUsize);

impl Observer for Records {
    fn observe(&self, event: &Observed<'_>) {
        if matches!(event, Observed::Record { direction: Direction::Out, content_type: 23, .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn many_slices_share_a_record_and_are_lent_without_a_copy() {
    run(async {
        let (client, server) = configs(&BOTH);
        let (near, far) = duplex(100_000);
        let records = Arc::new(Records(AtomicUsize::new(0)));
        let options = ClientOptions { observer: Some(records.clone()), ..ClientOptions::default() };
        let connection = Connection::client_with(&client, name(), options).unwrap();
        let mut client = AsyncTlsStream::new(connection, near);
        let mut server = AsyncTlsStream::server(&server, far);
        let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
        a.and(b).unwrap();

        let long = [b'x'; 20_000];
        let slices: [&[u8]; 5] = [b"head", b"", b"er:", &long, b"end"];
        let sent = client.write_vectored(&slices.map(IoSlice::new)).await.unwrap();
        assert_eq!((sent, records.0.load(Ordering::Relaxed)), (20_010, 2));
        let mut got = Vec::new();
        while got.len() < sent {
            let lent = server.fill_buf().await.unwrap().len();
            assert!(lent > 0);
            got.extend_from_slice(server.fill_buf().await.unwrap());
            AsyncBufReadExt::consume(&mut server, lent);
        }
        assert_eq!(got, slices.concat());
    });
}

/// Asks the peer for a KeyUpdate now and then, while it writes.
struct Restless {
    stream: Stream,
    writes: usize,
}

impl AsyncRead for Restless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Restless {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        if self.writes.is_multiple_of(16) && !self.stream.connection().is_handshaking() {
            self.stream.connection_mut().update_keys(true)?;
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One side of the busy test: writes and reads in two tasks, from the handshake on.
async fn busy(stream: Stream, seed: u8) {
    const LENGTH: usize = 2 << 20;
    let sent = |seed: u8| (0..LENGTH).map(move |i| (i % 251) as u8 ^ seed);
    let (mut reader, mut writer) = ::tokio::io::split(Restless { stream, writes: 0 });
    let writing = ::tokio::spawn(async move {
        let data: Vec<u8> = sent(seed).collect();
        for part in data.chunks(5_000) {
            writer.write_all(part).await.unwrap();
        }
        writer.shutdown().await.unwrap();
        writer
    });
    let reading = ::tokio::spawn(async move {
        let mut data = Vec::new();
        reader.read_to_end(&mut data).await.unwrap();
        assert!(data.into_iter().eq(sent(!seed)));
        reader
    });
    let (writer, reader) = ::tokio::join!(writing, reading);
    let restless = reader.unwrap().unsplit(writer.unwrap());
    assert!(restless.writes > 100);
}

#[test]
fn both_halves_busy_with_key_updates_both_ways() {
    for (version, holding) in [(BOTH[0], 1_000), (BOTH[0], 40_000), (BOTH[1], 1_000)] {
        run(async {
            let (client, server) = pair(holding, &[version]);
            if version == ProtocolVersion::TLS12 {
                // No KeyUpdate there: plain halves.
                let (mut reader, mut writer) = ::tokio::io::split(client);
                let (mut back, mut forth) = ::tokio::io::split(server);
                let echo = async { ::tokio::io::copy(&mut back, &mut forth).await.unwrap() };
                let writes = async {
                    writer.write_all(&[7; 1 << 20]).await.unwrap();
                    writer.shutdown().await.unwrap();
                };
                let mut got = vec![0; 1 << 20];
                ::tokio::join!(echo, writes, async { reader.read_exact(&mut got).await.unwrap() });
                assert!(got.iter().all(|byte| *byte == 7));
            } else {
                ::tokio::join!(busy(client, 0x55), busy(server, !0x55));
            }
        });
    }
}

/// A stream whose reads and writes fail, once they do.
struct Failing {
    stream: DuplexStream,
    read: Option<ErrorKind>,
    write: Option<ErrorKind>,
}

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.read {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => Pin::new(&mut self.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Failing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.write {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A connected client whose writes can be made to fail, and its server.
async fn failing() -> (AsyncTlsStream<Failing>, Stream) {
    let (client, server) = configs(&BOTH);
    let (near, far) = duplex(10_000);
    let near = Failing { stream: near, read: None, write: None };
    let mut client = AsyncTlsStream::client(&client, name(), near).unwrap();
    let mut server = AsyncTlsStream::server(&server, far);
    let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
    a.and(b).unwrap();
    (client, server)
}

const KINDS: [ErrorKind; 3] = [ErrorKind::BrokenPipe, ErrorKind::TimedOut, ErrorKind::Other];

#[test]
fn what_was_taken_is_reported_and_an_early_answer_read() {
    for kind in KINDS {
        run(async {
            let (mut client, mut server) = failing().await;
            server.write_all(b"early answer").await.unwrap();
            server.shutdown().await.unwrap();
            client.get_mut().write = Some(kind);
            assert_eq!(client.write(b"once").await.unwrap(), 4);
            assert_eq!(client.write(b"twice").await.unwrap_err().kind(), kind);
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"early answer");
            assert_eq!(client.flush().await.unwrap_err().kind(), kind);
            client.get_mut().write = None;
            client.shutdown().await.unwrap();
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, b"once");
        });
    }
}

/// What is left does not leave, and nothing has come: a read waits where the stream
/// is broken, for the peer may have said why, and tells any other error.
#[test]
fn a_read_that_waits_tells_of_no_broken_stream() {
    let broken = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted];
    for kind in [ErrorKind::TimedOut, ErrorKind::Other].into_iter().chain(broken) {
        run(async {
            let (mut client, mut server) = failing().await;
            client.get_mut().write = Some(kind);
            assert_eq!(client.write(b"once").await.unwrap(), 4);
            let mut got = [0; 6];
            let mut room = ReadBuf::new(&mut got);
            let read = poll_fn(|cx| Poll::Ready(Pin::new(&mut client).poll_read(cx, &mut room))).await;
            match read {
                Poll::Pending => assert!(broken.contains(&kind), "{kind}"),
                Poll::Ready(read) => {
                    assert_eq!(read.unwrap_err().kind(), kind);
                    assert!(!broken.contains(&kind), "{kind}");
                }
            }
            server.write_all(b"answer").await.unwrap();
            server.flush().await.unwrap();
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"answer");
        });
    }
}

#[test]
fn what_has_arrived_is_read_before_an_error() {
    for kind in KINDS {
        run(async {
            let (mut client, mut server) = failing().await;
            server.write_all(b"one").await.unwrap();
            server.write_all(b"two").await.unwrap();
            server.flush().await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
            (client.get_mut().read, client.get_mut().write) = (Some(kind), Some(kind));
            assert_eq!(client.write(b"x").await.unwrap(), 1);
            let mut got = [0; 5];
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"netwo");
            assert_eq!(client.read(&mut got).await.unwrap_err().kind(), kind);
        });
    }
}

/// The last record that the key may protect is taken, and the next write says why
/// there is no other.
#[test]
fn a_key_that_is_used_up() {
    const FULL: usize = limits::RECORD_PLAINTEXT;
    run(async {
        let (mut client, mut server) = pair(100_000, &[ProtocolVersion::TLS12]);
        let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
        a.and(b).unwrap();
        client.connection.leave_records(2);
        assert_eq!(client.write(&[7; 3 * FULL]).await.unwrap(), 2 * FULL);
        for _ in 0..2 {
            let error = client.write(b"more").await.unwrap_err();
            assert!(matches!(error_of(&error), Error::KeyUsedUp), "{error}");
            assert_eq!(error.kind(), ErrorKind::Other);
        }
        client.flush().await.unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert!(got == [7; 2 * FULL]);
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        got.clear();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"answer");
        client.shutdown().await.unwrap();
    });
}

/// A write that breaks does not take the reader's place: what comes is read.
#[test]
fn a_reader_is_woken_though_the_writer_broke() {
    run(async {
        let (mut client, mut server) = failing().await;
        client.get_mut().write = Some(ErrorKind::BrokenPipe);
        let (mut reader, mut writer) = ::tokio::io::split(client);
        let mut got = [0; 6];
        let reads = async { reader.read_exact(&mut got).await.unwrap() };
        let writes = async {
            assert_eq!(writer.write(b"taken").await.unwrap(), 5);
            assert_eq!(writer.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            ::tokio::task::yield_now().await;
            server.write_all(b"answer").await.unwrap();
            server.flush().await.unwrap();
        };
        let reads = ::tokio::time::timeout(Duration::from_secs(20), reads);
        ::tokio::join!(reads, writes).0.unwrap();
        assert_eq!(&got, b"answer");
    });
}

/// The reader finds that the connection failed while the writer waits for room
/// that never comes: it is told.
#[test]
fn a_writer_that_waits_is_told_of_a_failure() {
    run(async {
        let (client, server) = configs(&BOTH);
        let (near, far) = duplex(2_000);
        let mut client = AsyncTlsStream::client(&client, name(), near).unwrap();
        let mut server = AsyncTlsStream::server(&server, far);
        let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
        a.and(b).unwrap();
        let (mut reader, mut writer) = ::tokio::io::split(client);
        let waits = ::tokio::spawn(async move { writer.write_all(&[1; 100_000]).await });
        ::tokio::task::yield_now().await;
        server.get_mut().write_all(b"this is no record").await.unwrap();
        let said = reader.read(&mut [0; 9]).await.unwrap_err().to_string();
        assert_eq!(waits.await.unwrap().unwrap_err().to_string(), said);
    });
}

struct KeyUpdates(AtomicUsize);

impl Observer for KeyUpdates {
    fn observe(&self, event: &Observed<'_>) {
        if matches!(event, Observed::Message { direction: Direction::In, bytes: [24, ..], .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A reader that is asked for a KeyUpdate sends none; the writer's next data do.
#[test]
fn a_key_update_is_answered_with_the_next_data() {
    run(async {
        let (client, server) = configs(&BOTH);
        let (near, far) = duplex(10_000);
        let updates = Arc::new(KeyUpdates(AtomicUsize::new(0)));
        let connection = Connection::server_with(&server, Some(updates.clone()));
        let mut client = AsyncTlsStream::client(&client, name(), near).unwrap();
        let mut server = AsyncTlsStream::new(connection, far);
        let (a, b) = ::tokio::join!(client.handshake(), server.handshake());
        a.and(b).unwrap();

        let (mut reader, mut writer) = ::tokio::io::split(client);
        server.connection_mut().update_keys(true).unwrap();
        server.write_all(b"?").await.unwrap();
        server.flush().await.unwrap();
        reader.read_exact(&mut [0; 1]).await.unwrap();
        writer.flush().await.unwrap();
        let mut byte = [0; 1];
        let mut room = ReadBuf::new(&mut byte);
        let nothing_comes =
            poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll_read(cx, &mut room).is_pending())).await;
        assert!(nothing_comes);
        assert_eq!(updates.0.load(Ordering::Relaxed), 0);
        writer.write_all(b"!").await.unwrap();
        writer.flush().await.unwrap();
        server.read_exact(&mut [0; 1]).await.unwrap();
        assert_eq!(updates.0.load(Ordering::Relaxed), 1);
    });
}
