//! Early data through the adapters, where applications meet it.

use handfast::pki::{PrivateKeyDer, ServerName, UnixTime, Verifier};
use handfast::{
    Answer, AsyncTlsStream, ClientConfig, ClientSessions, Connection, EarlyData, EarlyReason, Error, Event,
    Identity, OwnedQuestion, Question, ReplayRegister, Replays, ServerConfig, TicketKeys, TlsAcceptor,
    TlsStream,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const NAME: &str = "server.test";
const MOST: u32 = 20_000;

fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// Configurations that keep sessions, and have one at hand.
fn configs(replays: impl Into<Replays>) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let identity = Identity::new(vec![certificate.clone()], &key).unwrap();
    let client = ClientConfig::new(Verifier::exactly(certificate), UnixTime::now);
    let server = ServerConfig::new(identity, UnixTime::now).tickets(TicketKeys::random());
    let client = Arc::new(client.sessions(ClientSessions::new()).early_data());
    let server = Arc::new(server.early_data(MOST, replays));
    let (mut one, mut other) = (start(&client), Connection::server(&server));
    while one.is_handshaking() || other.is_handshaking() {
        carry(&mut one, &mut other);
        carry(&mut other, &mut one);
    }
    carry(&mut other, &mut one);
    (client, server)
}

fn start(client: &Arc<ClientConfig>) -> Connection {
    Connection::client(client, name()).unwrap()
}

fn carry(from: &mut Connection, to: &mut Connection) {
    while !from.pending().is_empty() {
        let mut space = to.space().unwrap();
        let n = space.len().min(from.pending().len());
        space[..n].copy_from_slice(&from.pending()[..n]);
        space.filled(n);
        from.sent(n);
        while !matches!(to.next().unwrap(), Event::NeedInput) {}
    }
}

/// A client over TCP that sends early data, reads the answer to it before it goes on,
/// and then sends data. What it gives back came behind that.
fn talk(client: Connection, to: u16, early: &[&[u8]], answer: &[u8]) -> thread::JoinHandle<Vec<u8>> {
    let early: Vec<Vec<u8>> = early.iter().map(|part| part.to_vec()).collect();
    let answer = answer.to_vec();
    let mut client = client;
    thread::spawn(move || {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).unwrap();
        for part in early {
            assert_eq!(client.send_early(&part).unwrap(), part.len());
            tcp.write_all(client.pending()).unwrap();
            client.sent(client.pending().len());
        }
        let mut tls = TlsStream::new(client, tcp);
        let mut got = vec![0; answer.len()];
        tls.read_exact(&mut got).unwrap();
        assert_eq!(got, answer);
        tls.write_all(b"data").unwrap();
        let mut rest = Vec::new();
        tls.read_to_end(&mut rest).unwrap();
        rest
    })
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn misuse(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::InvalidInput && matches!(Error::of_io(error), Some(Error::Misuse(_)))
}

#[test]
fn it_is_read_by_a_reader_of_its_own_and_answered_at_once() {
    let (client, server) = configs(ReplayRegister::new());
    for shakes_hands_first in [false, true] {
        let (listener, port) = listen();
        let client = talk(start(&client), port, &[b"GET ", b"/"], b"at once");
        let (tcp, _) = listener.accept().unwrap();
        let mut tls = TlsStream::server(&server, tcp);
        if shakes_hands_first {
            // It returns, for the client waits for an answer.
            tls.handshake().unwrap();
            tls.handshake().unwrap();
            // And says so to whoever would read past it.
            for _ in 0..2 {
                assert!(misuse(&tls.read(&mut [0; 10]).unwrap_err()));
            }
        }
        let mut early = [0; 5];
        tls.early_reader().read_exact(&mut early).unwrap();
        assert_eq!((&early, tls.info().early_data), (b"GET /", EarlyData::Accepted));
        assert!(tls.connection().is_handshaking());
        tls.write_all(b"at once").unwrap();
        // Its end comes when the client has our Finished.
        assert_eq!(tls.early_reader().read(&mut early).unwrap(), 0);
        let mut data = [0; 4];
        tls.read_exact(&mut data).unwrap();
        assert_eq!(&data, b"data");
        assert!(!tls.connection().is_handshaking());
        assert_eq!(tls.early_reader().read(&mut early).unwrap(), 0);
        tls.write_all(b"bye").unwrap();
        tls.close().unwrap();
        drop(tls);
        assert_eq!(client.join().unwrap(), b"bye");
    }
}

/// Whoever reads first reads no early data, and whoever has none reads nothing.
#[test]
fn none_is_read_where_there_is_none() {
    let (client, server) = configs(ReplayRegister::new());
    let other = Arc::new(ServerConfig::clone(&server).early_data(MOST, ReplayRegister::new()));
    for (server, early, outcome) in [
        (&server, &b""[..], EarlyData::Accepted),
        (&other, b"refused", EarlyData::Rejected(EarlyReason::OtherRegister)),
    ] {
        let (listener, port) = listen();
        let client = start(&client);
        let parts: &[&[u8]] = if early.is_empty() { &[] } else { &[early] };
        let client = talk(client, port, parts, b"");
        let (tcp, _) = listener.accept().unwrap();
        let mut tls = TlsStream::server(server, tcp);
        let mut got = Vec::new();
        tls.early_reader().read_to_end(&mut got).unwrap();
        assert_eq!((got, tls.info().early_data), (vec![], outcome));
        let mut data = [0; 4];
        tls.read_exact(&mut data).unwrap();
        assert_eq!(&data, b"data");
        tls.close().unwrap();
        drop(tls);
        assert_eq!(client.join().unwrap(), b"");
    }
}

/// The whole of what a ticket allows, through a socket that takes little at a time.
#[test]
fn all_that_a_ticket_allows() {
    let (client, server) = configs(ReplayRegister::new());
    let (listener, port) = listen();
    let whole: Vec<u8> = (0..MOST).map(|byte| byte as u8).collect();
    let parts: Vec<&[u8]> = whole.chunks(1_000).collect();
    let client = talk(start(&client), port, &parts, b"");
    let mut tls = TlsStream::server(&server, listener.accept().unwrap().0);
    let mut got = Vec::new();
    tls.early_reader().read_to_end(&mut got).unwrap();
    assert_eq!(got, whole);
    tls.handshake().unwrap();
    tls.close().unwrap();
    drop(tls);
    client.join().unwrap();
}

/// A register elsewhere that nobody asks is one that does not know.
#[test]
fn a_register_that_nobody_asks_takes_none() {
    let (client, server) = configs(Replays::Asked);
    for (answer, outcome) in [
        (None, EarlyData::Rejected(EarlyReason::RegisterUnsure)),
        (Some(Answer::First), EarlyData::Accepted),
        (Some(Answer::Replayed), EarlyData::Rejected(EarlyReason::Replayed)),
    ] {
        let (listener, port) = listen();
        let client = talk(start(&client), port, &[b"early"], b"");
        let mut tls = TlsStream::server(&server, listener.accept().unwrap().0);
        tls.handshake_with(|question| match question {
            Question::Replay { .. } => answer.clone(),
            other => panic!("{other:?}"),
        })
        .unwrap();
        assert_eq!(tls.info().early_data, outcome);
        let mut early = Vec::new();
        tls.early_reader().read_to_end(&mut early).unwrap();
        assert_eq!(early.is_empty(), outcome != EarlyData::Accepted);
        tls.handshake().unwrap();
        tls.close().unwrap();
        drop(tls);
        client.join().unwrap();
    }
}

/// A client over a pipe: its first flight has early data.
async fn async_client(client: Connection, near: DuplexStream) -> AsyncTlsStream<DuplexStream> {
    let mut client = client;
    assert_eq!(client.send_early(b"early").unwrap(), 5);
    let mut near = near;
    near.write_all(client.pending()).await.unwrap();
    client.sent(client.pending().len());
    AsyncTlsStream::new(client, near)
}

#[tokio::test]
async fn an_acceptor_returns_when_early_data_is_there() {
    for replays in [ReplayRegister::new().into(), Replays::Asked] {
        let (client, server) = configs(replays);
        let acceptor = TlsAcceptor::new(server).answering(|question| async move {
            matches!(question, OwnedQuestion::Replay { .. }).then_some(Answer::First)
        });
        let (near, far) = duplex(10_000);
        let mut client = async_client(start(&client), near).await;
        let mut tls = acceptor.accept(far).await.unwrap();
        assert!(tls.connection().is_handshaking());
        for _ in 0..2 {
            assert!(misuse(&tls.read(&mut [0; 10]).await.unwrap_err()));
        }
        let mut early = [0; 5];
        tls.early_reader().read_exact(&mut early).await.unwrap();
        assert_eq!(&early, b"early");
        // The client has not said anything more.
        tls.write_all(b"at once").await.unwrap();
        tls.flush().await.unwrap();
        let (answered, rest) = tokio::join!(
            async {
                let mut answer = [0; 7];
                client.read_exact(&mut answer).await.unwrap();
                client.write_all(b"data").await.unwrap();
                client.shutdown().await.unwrap();
                answer
            },
            async {
                let mut none = Vec::new();
                tls.early_reader().read_to_end(&mut none).await.unwrap();
                assert!(none.is_empty());
                let mut rest = Vec::new();
                tls.read_to_end(&mut rest).await.unwrap();
                rest
            }
        );
        assert_eq!((&answered, rest), (b"at once", b"data".to_vec()));
        assert_eq!(tls.info().early_data, EarlyData::Accepted);
    }
}

/// A reader that waits is dropped, and goes on with the next.
#[tokio::test]
async fn an_early_reader_may_be_dropped_half_way() {
    let (client, server) = configs(ReplayRegister::new());
    let (near, far) = duplex(10_000);
    let mut client = async_client(start(&client), near).await;
    let mut tls = AsyncTlsStream::server(&server, far);
    let mut early = [0; 10];
    assert_eq!(tls.early_reader().read(&mut early).await.unwrap(), 5);
    {
        let mut reader = tls.early_reader();
        let waits = reader.read(&mut early);
        assert!(futures_now(waits).await.is_none());
    }
    client.handshake().await.unwrap();
    assert_eq!(tls.early_reader().read(&mut early).await.unwrap(), 0);
    tls.handshake().await.unwrap();
    assert!(!tls.connection().is_handshaking());
}

/// What a future gives at once.
async fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}
