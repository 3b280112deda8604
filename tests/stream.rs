//! `TlsStream`, its halves and the key log, over streams in memory and TCP.

#[path = "stream/altered.rs"]
mod altered;
#[path = "stream/broken.rs"]
mod broken;
#[path = "stream/deadline.rs"]
mod deadline;
#[path = "stream/early.rs"]
mod early;
#[path = "stream/halves.rs"]
mod halves;
#[path = "stream/keylog.rs"]
mod keylog;
#[path = "stream/observers.rs"]
mod observers;
#[path = "support/pipe.rs"]
mod pipe;
#[path = "stream/settings.rs"]
mod settings;
#[path = "stream/writes.rs"]
mod writes;

use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{
    AlertDescription, Answer, ClientAuth, ClientConfig, ClientOptions, Connection, Error, Fault, Identity,
    Judge, KeyLog, Question, ServerConfig, TlsStream, TlsWriter,
};
use pipe::{Mood, Moody, Pipe, Reluctant, pipe, pipe_holding};
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
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
    connected_in(ProtocolVersion::TLS13)
}

fn connected_in(version: ProtocolVersion) -> (TlsStream<Pipe>, TlsStream<Pipe>) {
    let (a, b) = pipe();
    connected_over(client_config().versions(&[version]).unwrap(), a, b)
}

/// A client over one stream, connected with a server over the other.
fn connected_over<C, S>(config: ClientConfig, a: C, b: S) -> (TlsStream<C>, TlsStream<S>)
where
    C: Read + Write + Send + 'static,
    S: Read + Write + Send + 'static,
{
    both(
        move || {
            let mut stream = client(config, a);
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

/// In TLS 1.2 as in TLS 1.3: close_notify is the end of one direction, and its
/// answer is the application's to give (RFC 9846 section 6.1, and not RFC 5246's).
#[test]
fn half_close_and_clean_end() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        half_close(version);
    }
}

fn half_close(version: ProtocolVersion) {
    let (mut client, mut server) = connected_in(version);
    assert_eq!(client.info().version, Some(version));
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
            assert!(matches!(found, Error::Unanswered(_)) && found.alert().is_none());
            assert!(
                found.to_string().contains("certificate, and nobody answers: use handshake_with"),
                "{found}"
            );
            assert!(matches!(error(stream.handshake_with(|_| None)).1, Error::Unanswered(_)));
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
