//! `TlsStream`, its halves and the key log, over streams in memory and TCP.

#[path = "support/pipe.rs"]
mod pipe;

use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use handfast::wire::{CipherSuite, NamedGroup};
use handfast::{
    AlertDescription, Answer, ClientAuth, ClientConfig, ClientOptions, Connection, Error, Fault, Identity,
    Judge, KeyLog, Question, ServerConfig, TlsStream,
};
use pipe::{Pipe, Reluctant, pipe};
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const NAME: &str = "server.test";

fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

fn made() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    (made.cert.der().clone(), PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap())
}

fn client_config() -> ClientConfig {
    ClientConfig::new(Judge::Application, UnixTime::now)
}

fn server_config() -> ServerConfig {
    let (certificate, key) = made();
    ServerConfig::new(Identity::new(vec![certificate], &key).unwrap(), UnixTime::now)
}

fn client<S: Read + Write>(config: ClientConfig, stream: S) -> TlsStream<S> {
    TlsStream::client(&Arc::new(config), name(), stream).unwrap()
}

fn server<S: Read + Write>(config: ServerConfig, stream: S) -> TlsStream<S> {
    TlsStream::server(&Arc::new(config), stream)
}

/// The application trusts whoever it is.
fn trusting(question: Question<'_>) -> Option<Answer> {
    matches!(question, Question::Verify { .. }).then_some(Answer::Accept)
}

/// Runs both sides, each in its thread, and gives their results.
fn both<A: Send + 'static, B: Send + 'static>(
    client: impl FnOnce() -> A + Send + 'static,
    server: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let client = run(client);
    let server = run(server);
    let limit = Duration::from_secs(60);
    (client.recv_timeout(limit).expect("the client"), server.recv_timeout(limit).expect("the server"))
}

fn run<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> mpsc::Receiver<T> {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(what()));
    result
}

/// A pair that has shaken hands, in memory.
fn connected() -> (TlsStream<Pipe>, TlsStream<Pipe>) {
    let (a, b) = pipe();
    both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let mut stream = server(server_config(), b);
            stream.handshake().unwrap();
            stream
        },
    )
}

/// Bytes that are all different enough to see loss, doubling and disorder.
fn noise(length: usize) -> Vec<u8> {
    let mut x = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn error(result: io::Result<impl Sized>) -> (ErrorKind, Error) {
    let error = result.err().expect("an error");
    (error.kind(), Error::of_io(&error).unwrap_or_else(|| panic!("not of this crate: {error}")).clone())
}

#[test]
fn over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = noise(300_000);
    let expected = sent.clone();
    let (seen, echoed) = both(
        move || {
            let tcp = TcpStream::connect(address).unwrap();
            let mut stream = client(client_config().alpn(&[b"x", b"echo"]).unwrap(), tcp);
            stream.handshake_with(trusting).unwrap();
            assert_eq!(stream.info().alpn.as_deref(), Some(&b"echo"[..]));
            assert!(stream.get_ref().peer_addr().is_ok());
            let (mut reader, mut writer) = stream.split(TcpStream::try_clone).unwrap();
            let writing = thread::spawn(move || {
                writer.write_all(&sent).unwrap();
                writer.close().unwrap();
            });
            let mut seen = Vec::new();
            reader.read_to_end(&mut seen).unwrap();
            writing.join().unwrap();
            seen
        },
        move || {
            let mut stream = server(server_config().alpn(&[b"echo"]).unwrap(), listener.accept().unwrap().0);
            let mut echoed = 0;
            loop {
                // As a BufRead lends: no copy but the one to the way back.
                let lent = stream.fill_buf().unwrap().to_vec();
                if lent.is_empty() {
                    break;
                }
                stream.write_all(&lent).unwrap();
                stream.consume(lent.len());
                echoed += lent.len();
            }
            assert_eq!(stream.info().server_name.as_deref(), Some(NAME));
            stream.close().unwrap();
            echoed
        },
    );
    assert_eq!(echoed, expected.len());
    assert!(seen == expected);
}

#[test]
fn interrupted_and_byte_by_byte() {
    let (a, b) = pipe();
    let refusal = ErrorKind::Interrupted;
    let sent = noise(40_000);
    let expected = sent.clone();
    let ((), seen) = both(
        move || {
            let mut stream = client(client_config(), Reluctant::new(a, refusal));
            stream.handshake_with(trusting).unwrap();
            stream.write_all(&sent).unwrap();
            stream.close().unwrap();
        },
        move || {
            let mut stream = server(server_config(), Reluctant::new(b, refusal));
            let mut seen = Vec::new();
            stream.read_to_end(&mut seen).unwrap();
            seen
        },
    );
    assert!(seen == expected);
}

/// Both sides in one thread over streams that refuse most calls: nothing is
/// lost by passing `WouldBlock` on.
#[test]
fn would_block_loses_nothing() {
    let (mut a, mut b) = pipe();
    (a.impatient, b.impatient) = (true, true);
    let refusal = ErrorKind::WouldBlock;
    let mut client = client(client_config(), Reluctant::new(a, refusal));
    let mut server = server(server_config(), Reluctant::new(b, refusal));
    let later = |error: io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
    while client.connection().is_handshaking() || server.connection().is_handshaking() {
        client.handshake_with(trusting).unwrap_or_else(later);
        server.handshake().unwrap_or_else(later);
    }
    let sent = noise(200_000);
    let some = |from: &mut TlsStream<_>, to: &mut TlsStream<_>, (written, got): &mut (usize, Vec<u8>)| {
        from.write(&sent[*written..]).map_or_else(later, |n| *written += n);
        from.flush().unwrap_or_else(later);
        let mut buffer = [0; 1000];
        to.read(&mut buffer).map_or_else(later, |n| got.extend_from_slice(&buffer[..n]));
    };
    let (mut up, mut down) = ((0, Vec::new()), (0, Vec::new()));
    while down.1.len() < sent.len() || up.1.len() < sent.len() {
        some(&mut client, &mut server, &mut up);
        some(&mut server, &mut client, &mut down);
    }
    assert!(up.1 == sent && down.1 == sent);
}

#[test]
fn bytes_that_were_read_before() {
    for early in [1, 5, 100, 1000, usize::MAX] {
        let (a, mut b) = pipe();
        let ((), seen) = both(
            move || {
                let mut stream = client(client_config(), a);
                stream.handshake_with(trusting).unwrap();
                stream.write_all(b"hello").unwrap();
                stream.close().unwrap();
            },
            move || {
                // A whole ClientHello is in flight, and nothing more, before the server speaks.
                let mut header = [0; 5];
                b.read_exact(&mut header).unwrap();
                let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
                hello.splice(..0, header);
                let early = early.min(hello.len()).max(5);
                b.read_exact(&mut hello[5..early]).unwrap();
                let mut stream =
                    server(server_config(), b).with_read_bytes(&hello[..3]).with_read_bytes(&hello[3..early]);
                let mut seen = String::new();
                stream.read_to_string(&mut seen).unwrap();
                seen
            },
        );
        assert_eq!(seen, "hello", "{early} bytes");
    }
}

#[test]
fn half_close_and_clean_end() {
    let (mut client, mut server) = connected();
    client.write_all(b"question").unwrap();
    client.close().unwrap();
    client.close().unwrap();
    let mut got = String::new();
    server.read_to_string(&mut got).unwrap();
    assert_eq!(got, "question");
    assert_eq!(server.read(&mut [0; 9]).unwrap(), 0, "the end is repeated");
    assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    server.write_all(b"answer").unwrap();
    server.close().unwrap();
    got.clear();
    client.read_to_string(&mut got).unwrap();
    assert_eq!(got, "answer");
    assert_eq!(server.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_cut_is_no_end() {
    let (mut client, mut server) = connected();
    server.write_all(b"half of the").unwrap();
    drop(server);
    let mut got = [0; 11];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"half of the");
    for _ in 0..2 {
        let (kind, error) = error(client.read(&mut got));
        assert_eq!(kind, ErrorKind::UnexpectedEof);
        assert!(matches!(error, Error::Truncated), "{error}");
    }
}

#[test]
fn an_end_in_mid_handshake() {
    let (a, b) = pipe();
    drop(b);
    let (kind, found) = error(client(client_config(), a).handshake());
    // The ClientHello could not be written, and there were no last words to be read.
    assert_eq!(kind, ErrorKind::UnexpectedEof, "{found}");
}

/// A peer that sends all and is gone: what it sent is read, though the answer to
/// its KeyUpdate can no longer be written.
#[test]
fn what_a_peer_left_behind_is_read() {
    let (mut client, mut server) = connected();
    server.connection_mut().update_keys(true).unwrap();
    server.write_all(b"farewell").unwrap();
    server.close().unwrap();
    drop(server);
    let mut got = String::new();
    client.read_to_string(&mut got).unwrap();
    assert_eq!(got, "farewell");
}

#[test]
fn an_end_after_the_client_hello() {
    let (a, mut b) = pipe();
    let ((kind, found), ()) = both(
        move || error(client(client_config(), a).handshake()),
        move || b.read_exact(&mut [0; 100]).unwrap(),
    );
    assert_eq!(kind, ErrorKind::UnexpectedEof);
    assert!(matches!(found, Error::EndOfStream { state: "WaitSh" }), "{found:?}");
}

#[test]
fn a_peer_that_speaks_something_else() {
    let (a, mut b) = pipe();
    b.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let mut stream = client(client_config(), a);
    for _ in 0..2 {
        let (kind, found) = error(stream.read(&mut [0; 9]));
        assert_eq!(kind, ErrorKind::InvalidData);
        assert!(matches!(found, Error::NotTls { looks_like: Some(_), .. }), "{found:?}");
    }
}

#[test]
fn a_refusal_reaches_the_peer() {
    let (a, b) = pipe();
    let suites = |suite| [suite];
    let ((client_kind, client_error), (server_kind, server_error)) = both(
        move || {
            let config = client_config().suites(&suites(CipherSuite::TLS_AES_128_GCM_SHA256)).unwrap();
            error(client(config, a).handshake_with(trusting))
        },
        move || {
            let config = server_config().suites(&suites(CipherSuite::TLS_AES_256_GCM_SHA384)).unwrap();
            error(server(config, b).write(b"hello"))
        },
    );
    assert_eq!(server_kind, ErrorKind::InvalidData);
    assert!(matches!(server_error, Error::NothingInCommon { what: "cipher suite", .. }), "{server_error:?}");
    assert_eq!(client_kind, ErrorKind::ConnectionAborted);
    let description = AlertDescription::HANDSHAKE_FAILURE;
    assert!(matches!(client_error, Error::AlertReceived { description: d, .. } if d == description));
}

#[test]
fn a_refused_certificate() {
    let (a, b) = pipe();
    let ((kind, found), (_, server_error)) = both(
        move || {
            let reject = |_: Question<'_>| Some(Answer::Reject("a stranger".to_owned()));
            error(client(client_config(), a).handshake_with(reject))
        },
        move || error(server(server_config(), b).handshake()),
    );
    assert_eq!(kind, ErrorKind::PermissionDenied);
    assert!(matches!(found, Error::CertificateRejected { .. }));
    assert!(found.to_string().contains("a stranger"), "{found}");
    let description = found.alert().unwrap();
    assert!(
        matches!(server_error, Error::AlertReceived { description: d, .. } if d == description),
        "{server_error:?}"
    );
}

#[test]
fn questions_wait_for_their_answer() {
    let (a, b) = pipe();
    let (certificate, key) = made();
    let identity = Arc::new(Identity::new(vec![certificate], &key).unwrap());
    let ((), ()) = both(
        move || {
            let mut stream = client(client_config(), a);
            // Without an answerer; with one that has no answer; with a wrong one; and then.
            let (kind, found) = error(stream.read(&mut [0; 9]));
            assert_eq!(kind, ErrorKind::InvalidInput);
            assert!(
                found.to_string().contains("certificate, and nobody answers: use handshake_with"),
                "{found}"
            );
            assert!(matches!(error(stream.handshake_with(|_| None)).1, Error::Misuse(_)));
            let (_, found) = error(stream.handshake_with(|_| Some(Answer::CannotSign)));
            assert!(matches!(found, Error::Misuse(_)), "{found}");
            stream.handshake_with(trusting).unwrap();
            stream.handshake_with(|_| unreachable!("nothing is asked any more")).unwrap();
            stream.write_all(b"hello").unwrap();
        },
        move || {
            let mut stream = server(ServerConfig::asking_for_certificates(UnixTime::now), b);
            assert!(error(stream.handshake()).1.to_string().contains("this server's certificate"));
            let mut asked = Vec::new();
            stream
                .handshake_with(|question| {
                    asked.push(format!("{question:?}").split(' ').next().unwrap().to_owned());
                    Some(Answer::Certificate(identity.clone()))
                })
                .unwrap();
            assert_eq!(asked, ["Certificate"]);
            stream.read_exact(&mut [0; 5]).unwrap();
        },
    );
}

#[test]
fn the_kinds_of_questions_are_named() {
    let (certificate, _) = made();
    let (a, b) = pipe();
    let schemes = [handfast::wire::SignatureScheme::ECDSA_SECP256R1_SHA256];
    let identity = Identity::with_key_elsewhere(vec![certificate], &schemes).unwrap();
    let (_, (_, found)) = both(
        move || client(client_config(), a).handshake_with(trusting),
        move || error(server(ServerConfig::new(identity, UnixTime::now), b).handshake()),
    );
    assert!(found.to_string().contains("asks for a signature"), "{found}");
}

/// A server refuses the client after the client's handshake is complete, and
/// closes: the client's next write breaks, and tells the server's reason.
#[test]
fn the_last_words_of_a_peer() {
    let (a, b) = pipe();
    let (mut stream, (_, server_error)) = both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let config = server_config().client_auth(ClientAuth::Require(Judge::Application));
            error(server(config, b).handshake())
        },
    );
    assert_eq!(server_error.fault(), Some(Fault::CertificateRequired));
    let description = AlertDescription::CERTIFICATE_REQUIRED;
    for _ in 0..2 {
        let (kind, found) = error(stream.write(b"hello"));
        assert_eq!(kind, ErrorKind::ConnectionAborted);
        assert!(matches!(found, Error::AlertReceived { description: d, .. } if d == description), "{found}");
    }
}

/// A stream whose next read, or write, fails.
struct Failing<S> {
    stream: S,
    read: Option<ErrorKind>,
    write: Option<ErrorKind>,
    writes_nothing: bool,
}

impl<S: Read> Read for Failing<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read.take().map_or_else(|| self.stream.read(into), |kind| Err(kind.into()))
    }
}

impl<S: Write> Write for Failing<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.write.take() {
            Some(kind) => Err(kind.into()),
            None if self.writes_nothing => Ok(0),
            None => self.stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn errors_of_the_stream_are_passed_on() {
    let (a, b) = pipe();
    both(
        move || {
            let failing = Failing { stream: a, read: None, write: None, writes_nothing: false };
            let mut stream = client(client_config(), failing);
            for kind in [ErrorKind::TimedOut, ErrorKind::Other] {
                stream.get_mut().write = Some(kind);
                assert_eq!(stream.handshake().unwrap_err().kind(), kind);
            }
            stream.get_mut().read = Some(ErrorKind::TimedOut);
            assert_eq!(stream.handshake().unwrap_err().kind(), ErrorKind::TimedOut);
            stream.handshake_with(trusting).unwrap();
            stream.get_mut().read = Some(ErrorKind::TimedOut);
            assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::TimedOut);
            stream.get_mut().write = Some(ErrorKind::TimedOut);
            assert_eq!(stream.write(b"he").unwrap_err().kind(), ErrorKind::TimedOut);
            stream.get_mut().writes_nothing = true;
            assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::WriteZero);
            stream.get_mut().writes_nothing = false;
            stream.flush().unwrap();
            drop(stream.into_inner());
        },
        move || {
            let mut stream = server(server_config(), b);
            // What was encrypted before the error went out with the flush.
            stream.read_exact(&mut [0; 2]).unwrap();
            assert!(matches!(error(stream.read(&mut [0; 9])).1, Error::Truncated));
        },
    );
}

#[test]
fn nothing_asked_nothing_done() {
    let (mut client, mut server) = connected();
    assert_eq!(client.read(&mut []).unwrap(), 0);
    assert_eq!(client.write(&[]).unwrap(), 0);
    client.flush().unwrap();
    assert!(client.get_mut().incoming_is_empty() && server.get_mut().incoming_is_empty());
    assert!(format!("{:?}", server.info()).contains("TLS_AES"));
    server.connection_mut().rest();
    client.write_all(b"awake").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
}

#[test]
fn a_changed_bit_ends_the_connection() {
    let (mut client, mut server) = connected();
    client.write_all(b"hello").unwrap();
    server.get_mut().change_incoming(|bytes| bytes[10] ^= 1);
    for _ in 0..2 {
        let (kind, found) = error(server.read(&mut [0; 9]));
        assert_eq!(kind, ErrorKind::InvalidData);
        assert_eq!(found.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    }
    let description = AlertDescription::BAD_RECORD_MAC;
    let (_, found) = error(client.read(&mut [0; 9]));
    assert!(matches!(found, Error::AlertReceived { description: d, .. } if d == description), "{found}");
}

#[test]
fn halves_share_a_failure() {
    let (client, mut server) = connected();
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    assert!(reader.info().suite.is_some());
    server.write_all(b"hello").unwrap();
    reader.get_ref().change_incoming(|bytes| bytes[10] ^= 1);
    let (_, found) = error(reader.read(&mut [0; 9]));
    assert_eq!(found.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(error(writer.write(b"x")).1.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(error(writer.update_keys(false)).1.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    // The writer was idle, so the reader sent the alert.
    assert!(matches!(error(server.read(&mut [0; 9])).1, Error::AlertReceived { .. }));
}

#[test]
fn halves_end_one_by_one() {
    let (client, mut server) = connected();
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    assert_eq!(writer.write(&[]).unwrap(), 0);
    writer.write_all(b"question").unwrap();
    writer.update_keys(true).unwrap();
    writer.write_all(b"s").unwrap();
    writer.close().unwrap();
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut got = String::new();
    server.read_to_string(&mut got).unwrap();
    assert_eq!(got, "questions");
    server.write_all(b"answer").unwrap();
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert_eq!(reader.fill_buf().unwrap(), b"answer");
    reader.consume(6);
    drop(server);
    assert!(matches!(error(reader.read(&mut [0; 9])).1, Error::Truncated));
    assert!(matches!(error(reader.fill_buf()).1, Error::Truncated));
}

#[test]
fn an_idle_writer_does_not_keep_a_key_update_waiting() {
    let (client, mut server) = connected();
    let (mut reader, _writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    server.connection_mut().update_keys(true).unwrap();
    server.write_all(b"x").unwrap();
    reader.read_exact(&mut [0]).unwrap();
    assert!(!server.get_mut().incoming_is_empty(), "the answer has left");
}

/// Lets its first flush wait until the gate opens.
struct Gated<S> {
    stream: S,
    reached: mpsc::Sender<()>,
    gate: Option<mpsc::Receiver<()>>,
}

impl<S: Write> Write for Gated<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(gate) = self.gate.take() {
            self.reached.send(()).unwrap();
            gate.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        self.stream.flush()
    }
}

/// The writer has sent all and looked for what is owed, but not yet let go, when
/// the reader comes to owe an answer: the writer looks again.
#[test]
fn nothing_owed_is_left_behind_by_a_busy_writer() {
    let (client, mut server) = connected();
    let ((reached, is_reached), (open, gate)) = (mpsc::channel(), mpsc::channel());
    let (mut reader, mut writer) =
        client.split(|pipe| Ok(Gated { stream: pipe.writer(), reached, gate: Some(gate) })).unwrap();
    let writing = run(move || writer.write_all(b"x").map(|()| writer));
    is_reached.recv_timeout(Duration::from_secs(60)).unwrap();
    server.connection_mut().update_keys(true).unwrap();
    server.write_all(b"y").unwrap();
    reader.read_exact(&mut [0]).unwrap();
    server.read_exact(&mut [0]).unwrap();
    assert!(server.get_ref().incoming_is_empty(), "the reader does not wait for the writer");
    open.send(()).unwrap();
    let _writer = writing.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
    assert!(!server.get_ref().incoming_is_empty(), "the answer has left");
}

/// Whoever only sends, and asks for KeyUpdates again and again, gets many of them
/// with no data between: they are answers, and no abuse.
#[test]
fn asked_for_key_updates_are_no_abuse() {
    let (mut client, mut server) = connected();
    let mut ask = |client: &mut dyn FnMut() -> io::Result<()>| {
        for _ in 0..100 {
            client().unwrap();
            server.read_exact(&mut [0; 3]).unwrap();
            server.flush().unwrap();
        }
    };
    ask(&mut || {
        client.connection_mut().update_keys(true)?;
        client.write_all(b"one")
    });
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    ask(&mut || {
        writer.update_keys(true)?;
        writer.write_all(b"two")
    });
    server.write_all(b"all").unwrap();
    reader.read_exact(&mut [0; 3]).unwrap();
}

#[test]
fn splitting_needs_a_handshake() {
    let (a, b) = pipe();
    drop(b);
    let stream = client(client_config(), a);
    assert!(stream.split(|pipe| Ok(pipe.writer())).is_err());
    let (stream, _server) = connected();
    let failed = stream.split(|_| -> io::Result<Pipe> { Err(ErrorKind::Unsupported.into()) });
    assert_eq!(failed.err().unwrap().kind(), ErrorKind::Unsupported);
}

/// The reader is blocked in `read` most of the time, the writers move 10 MiB each
/// way, and both ask for KeyUpdates all the while.
#[test]
fn a_blocked_reader_a_busy_writer_and_key_updates() {
    const LENGTH: usize = 10 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let move_all = |stream: TlsStream<TcpStream>| {
        let (mut reader, mut writer) = stream.split(TcpStream::try_clone).unwrap();
        let writing = thread::spawn(move || {
            for (i, piece) in noise(LENGTH).chunks(50_000).enumerate() {
                writer.write_all(piece).unwrap();
                writer.update_keys(i % 2 == 0).unwrap();
            }
            writer.close().unwrap();
            // The reader still answers KeyUpdates through it.
            writer
        });
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        let _writer = writing.join().unwrap();
        got
    };
    let (at_client, at_server) = both(
        move || {
            let mut stream = client(client_config(), TcpStream::connect(address).unwrap());
            stream.handshake_with(trusting).unwrap();
            move_all(stream)
        },
        move || move_all(server(server_config(), listener.accept().unwrap().0)),
    );
    let expected = noise(LENGTH);
    assert!(at_client == expected && at_server == expected);
}

/// The reader waits for the peer, who waits for what the writer sends, and
/// answers with the next KeyUpdate.
#[test]
fn a_reader_blocked_for_long_holds_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    both(
        move || {
            let mut stream = client(client_config(), TcpStream::connect(address).unwrap());
            stream.handshake_with(trusting).unwrap();
            let (mut reader, mut writer) = stream.split(TcpStream::try_clone).unwrap();
            let reading = Arc::new(AtomicBool::new(true));
            let still_reading = reading.clone();
            let reads = thread::spawn(move || {
                let mut got = Vec::new();
                reader.read_to_end(&mut got).unwrap();
                still_reading.store(false, Ordering::SeqCst);
                got.len()
            });
            for _ in 0..2000 {
                writer.write_all(&[7; 3000]).unwrap();
            }
            assert!(reading.load(Ordering::SeqCst), "the server sends a byte now and then, and no end");
            writer.close().unwrap();
            assert_eq!(reads.join().unwrap(), 204);
        },
        move || {
            let mut stream = server(server_config(), listener.accept().unwrap().0);
            for _ in 0..200 {
                stream.read_exact(&mut [0; 30_000]).unwrap();
                stream.connection_mut().update_keys(true).unwrap();
                stream.write_all(b".").unwrap();
            }
            assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
            stream.write_all(b"done").unwrap();
            stream.close().unwrap();
        },
    );
}

/// What a key log writes to, to look at.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> =
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(Into::into).collect();
        lines.sort();
        lines
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn both_sides_log_the_same_secrets() {
    let (a, b) = pipe();
    let (ours, theirs) = (Page::default(), Page::default());
    let (client_log, server_log) =
        (Arc::new(KeyLog::new(ours.clone())), Arc::new(KeyLog::new(theirs.clone())));
    both(
        move || {
            let mut options = ClientOptions::default();
            options.observer = Some(client_log);
            let config = Arc::new(client_config().groups(&[NamedGroup::X25519]).unwrap());
            let connection = Connection::client_with(&config, name(), options).unwrap();
            TlsStream::new(connection, a).handshake_with(trusting).unwrap();
        },
        move || {
            let connection = Connection::server_with(&Arc::new(server_config()), Some(server_log));
            TlsStream::new(connection, b).handshake().unwrap();
        },
    );
    let lines = ours.lines();
    assert_eq!(lines, theirs.lines());
    let labels: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    assert_eq!(labels, expected);
    let randoms: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert!(randoms.iter().all(|random| random.len() == 64 && *random == randoms[0]));
    assert!(lines.iter().all(|line| matches!(line.split(' ').nth(2).unwrap().len(), 64 | 96)));
}

#[test]
fn a_key_log_file_is_its_owners() {
    let path = std::env::temp_dir().join(format!("handfast-keylog-{}", std::process::id()));
    let shake = |path: &std::path::Path| {
        let log = Arc::new(KeyLog::append_to(path).unwrap());
        let connection = Connection::server_with(&Arc::new(server_config()), Some(log.clone()));
        let (a, b) = pipe();
        both(
            move || client(client_config(), a).handshake_with(trusting).unwrap(),
            move || TlsStream::new(connection, b).handshake().unwrap(),
        );
        assert!(log.take_error().is_none());
        std::fs::read_to_string(path).unwrap().lines().count()
    };
    assert_eq!((shake(&path), shake(&path)), (5, 10), "appended to");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(KeyLog::append_to(path.join("not a directory")).is_err());
}

#[test]
fn a_key_log_remembers_that_it_could_not_write() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::new(KeyLog::new(Full));
    let connection = Connection::server_with(&Arc::new(server_config()), Some(log.clone()));
    let (a, b) = pipe();
    both(
        move || client(client_config(), a).handshake_with(trusting).unwrap(),
        move || TlsStream::new(connection, b).handshake().unwrap(),
    );
    assert_eq!(log.take_error().unwrap().kind(), ErrorKind::StorageFull);
    assert!(log.take_error().is_none());
}
