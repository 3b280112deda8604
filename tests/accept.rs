//! `TlsConnector` and `TlsAcceptor`, over streams in memory and in tokio's paused
//! time, where a deadline is no wait.

use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, Verifier};
use handfast::{
    AlertDescription, Answer, AsyncTlsStream, ClientAuth, ClientConfig, Error, Identity, Judge, Live,
    OwnedQuestion, ServerConfig, TlsAcceptor, TlsConnector, limits,
};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

const NAME: &str = "server.test";

fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// A client's configuration that trusts this server's alone.
fn configs() -> (ClientConfig, ServerConfig) {
    let (certificate, identity) = made(NAME);
    let verifier = Verifier::exactly(certificate);
    (ClientConfig::new(verifier, UnixTime::now), ServerConfig::new(identity, UnixTime::now))
}

fn made(name: &str) -> (CertificateDer<'static>, Identity) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    (certificate.clone(), Identity::new(vec![certificate], &key).unwrap())
}

fn makers() -> (TlsConnector, TlsAcceptor) {
    let (client, server) = configs();
    (TlsConnector::new(client), TlsAcceptor::new(server))
}

type Stream = AsyncTlsStream<DuplexStream>;

/// Shakes hands over a pipe.
async fn meet(connector: &TlsConnector, acceptor: &TlsAcceptor) -> (io::Result<Stream>, io::Result<Stream>) {
    let (near, far) = duplex(10_000);
    tokio::join!(connector.connect(name(), near), acceptor.accept(far))
}

fn why(error: &io::Error) -> &Error {
    Error::of_io(error).unwrap_or_else(|| panic!("not of this crate: {error}"))
}

fn needs_send<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn connections_are_made_with_what_is_in_force() {
    let (connector, acceptor) = makers();
    let (client, server) = needs_send(meet(&connector, &acceptor)).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    client.write_all(b"hello").await.unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"hello");

    // The next one meets another certificate, through the clone, too.
    let (_, renewed) = configs();
    let live: &Live<ServerConfig> = acceptor.config();
    live.replace(renewed);
    let (client, server) = meet(&connector, &acceptor.clone()).await;
    assert!(matches!(why(&client.unwrap_err()), Error::CertificateRefused(_)));
    assert!(matches!(why(&server.unwrap_err()), Error::AlertReceived { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up() {
    let (connector, acceptor) = makers();
    for connects in [true, false] {
        let (near, mut far) = duplex(10_000);
        let begun = Instant::now();
        let error = match connects {
            true => connector.connect(name(), near).await.unwrap_err(),
            false => acceptor.accept(near).await.unwrap_err(),
        };
        assert_eq!(begun.elapsed(), limits::HANDSHAKE_TIME);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let Error::TimedOut { waited_for: "the peer", within, state } = why(&error) else {
            panic!("{error}")
        };
        assert_eq!((*state, *within), (if connects { "WaitSh" } else { "Start" }, limits::HANDSHAKE_TIME));
        // The transport is closed, after close_notify.
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.unwrap();
        assert!(heard.ends_with(&[21, 3, 3, 0, 2, 1, 0]), "{heard:?}");
    }
}

/// A peer that goes on with a byte now and then does not get more time.
#[tokio::test(start_paused = true)]
async fn a_peer_that_drips_is_given_up() {
    let (_, acceptor) = makers();
    let (near, mut far) = duplex(10_000);
    let acceptor = acceptor.handshake_within(Some(Duration::from_secs(3)));
    let drips = tokio::spawn(async move {
        for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if far.write_all(&[byte]).await.is_err() {
                return byte;
            }
        }
        0
    });
    let begun = Instant::now();
    let error = acceptor.accept(near).await.unwrap_err();
    assert_eq!((begun.elapsed().as_secs(), error.kind()), (3, ErrorKind::TimedOut));
    assert_ne!(drips.await.unwrap(), 0);
}

/// A runtime without a timer serves those who take the deadline off.
#[test]
fn without_a_deadline_no_timer_is_needed() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (connector, acceptor) = makers();
        let (client, server) =
            meet(&connector.handshake_within(None), &acceptor.handshake_within(None)).await;
        assert!(client.is_ok() && server.is_ok());
    });
}

/// Both sides' questions are answered by an `async fn`, which takes its time; one
/// that takes too much of it is told from a peer that does.
#[tokio::test(start_paused = true)]
async fn questions_are_answered_by_async_fns() {
    let identity = Arc::new(made(NAME).1);
    let connector = TlsConnector::new(ClientConfig::new(Judge::Application, UnixTime::now));
    let acceptor = TlsAcceptor::new(ServerConfig::asking_for_certificates(UnixTime::now));
    let accepting = |seconds| {
        move |question| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            matches!(question, OwnedQuestion::Verify { .. }).then_some(Answer::Accept)
        }
    };
    let acceptor = acceptor.answering(move |question| {
        let identity = identity.clone();
        async move {
            tokio::task::yield_now().await;
            matches!(question, OwnedQuestion::Certificate { .. }).then_some(Answer::Certificate(identity))
        }
    });
    let (client, server) = meet(&connector.clone().answering(accepting(9)), &acceptor).await;
    assert!(client.is_ok() && server.is_ok());

    let acceptor = acceptor.handshake_within(None);
    let (client, server) = meet(&connector.clone().answering(accepting(11)), &acceptor).await;
    let error = client.unwrap_err();
    assert!(
        matches!(why(&error), Error::TimedOut { waited_for: "the application's answer to a question", .. }),
        "{error}"
    );
    assert!(matches!(why(&server.unwrap_err()), Error::AlertReceived { .. }));

    let (client, _) = meet(&connector.answering(async |_| None), &acceptor).await;
    let error = client.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// Certificates of clients for one host alone, application protocols by host, and
/// refusal of all others.
#[tokio::test(start_paused = true)]
async fn the_hello_chooses_the_configuration() {
    let (certificate, identity) = made("client");
    let (_, public) = configs();
    let members = public.clone().client_auth(ClientAuth::Require(Verifier::exactly(certificate).into()));
    let hosts = [
        ("public.test", Arc::new(public.alpn(&[b"h2"]).unwrap())),
        ("members.test", Arc::new(members.alpn(&[b"http/1.1"]).unwrap())),
    ];
    let client = ClientConfig::new(Judge::Application, UnixTime::now).alpn(&[b"h2", b"http/1.1"]).unwrap();
    let with = client.clone().identity(identity);
    let acceptor = TlsAcceptor::new(ServerConfig::asking_for_certificates(UnixTime::now));
    let accepting = async |_| Some(Answer::Accept);
    let [without, with] = [client, with].map(|config| TlsConnector::new(config).answering(accepting));
    for (connector, host, alpn) in [
        (&without, "public.test", Some(&b"h2"[..])),
        (&with, "members.test", Some(b"http/1.1")),
        (&without, "members.test", None),
        (&with, "other.test", None),
    ] {
        let (near, far) = duplex(10_000);
        let accepts = async {
            let arriving = needs_send(acceptor.hello(far)).await?;
            assert_eq!(arriving.hello().alpn, [&b"h2"[..], b"http/1.1"]);
            let name = arriving.hello().server_name.clone().unwrap();
            match hosts.iter().find(|(host, _)| *host == name) {
                Some((_, config)) => needs_send(arriving.accept(config)).await,
                None => needs_send(arriving.refuse(AlertDescription::UNRECOGNIZED_NAME)).await,
            }
        };
        let connects = async {
            let mut tls = connector.connect(ServerName::try_from(host).unwrap(), near).await?;
            tls.read_u8().await.map(|_| tls)
        };
        let serves = async {
            let mut tls = accepts.await?;
            tls.write_all(b"!").await?;
            tls.flush().await.map(|()| tls)
        };
        let (client, server) = tokio::join!(connects, serves);
        match alpn {
            Some(alpn) => {
                assert_eq!(client.unwrap().info().alpn.as_deref(), Some(alpn));
                assert_eq!(server.unwrap().info().peer_chain.is_some(), host == "members.test");
            }
            None => {
                let (client, server) = (client.unwrap_err(), server.unwrap_err());
                let Error::AlertReceived { description, .. } = why(&client) else { panic!("{client}") };
                assert_eq!(Some(*description), why(&server).alert(), "{server}");
            }
        }
    }
}

/// One place: clients that have not said hello, and such that stall behind it, keep
/// nobody out.
#[tokio::test(start_paused = true)]
async fn who_stalls_takes_no_place() {
    let (connector, acceptor) = makers();
    let acceptor = acceptor.at_once(1);
    let (mut stalled, mut held) = (Vec::new(), Vec::new());
    for i in 0..20 {
        let (mut near, far) = duplex(10_000);
        let begun = acceptor.clone();
        stalled.push(tokio::spawn(async move { begun.accept(far).await }));
        if i % 2 == 0 {
            let config = ClientConfig::new(Judge::Application, UnixTime::now);
            let mut client = handfast::Connection::client(&Arc::new(config), name()).unwrap();
            near.write_all(client.pending()).await.unwrap();
            let n = client.pending().len();
            client.sent(n);
            // Its whole flight is here, and nothing more is said.
            assert_eq!(near.read_u8().await.unwrap(), 22);
        }
        held.push(near);
    }
    let begun = Instant::now();
    let (client, server) = meet(&connector, &acceptor).await;
    assert!(client.is_ok() && server.is_ok() && begun.elapsed().is_zero());
    for stalled in stalled {
        let error = stalled.await.unwrap().unwrap_err();
        assert!(matches!(why(&error), Error::TimedOut { waited_for: "the peer", .. }), "{error}");
    }
}

/// Questions are asked in as many tasks as there are places; who waits in line does
/// it in its own time.
#[tokio::test(start_paused = true)]
async fn so_many_handshakes_at_once_and_no_more() {
    let (asked, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let identity = Arc::new(made(NAME).1);
    let counts = (asked.clone(), most.clone());
    let acceptor = TlsAcceptor::new(ServerConfig::asking_for_certificates(UnixTime::now))
        .at_once(3)
        .answering(move |_| {
            let (identity, (asked, most)) = (identity.clone(), counts.clone());
            async move {
                most.fetch_max(1 + asked.fetch_add(1, SeqCst), SeqCst);
                tokio::time::sleep(Duration::from_secs(4)).await;
                asked.fetch_sub(1, SeqCst);
                Some(Answer::Certificate(identity))
            }
        });
    let config = ClientConfig::new(Judge::Application, UnixTime::now);
    let connector =
        TlsConnector::new(config).handshake_within(None).answering(async |_| Some(Answer::Accept));
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (connector, acceptor) = (connector.clone(), acceptor.clone());
        tasks.push(tokio::spawn(async move { meet(&connector, &acceptor).await }));
    }
    let (mut done, mut late) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            (Ok(_), Ok(_)) => done += 1,
            (_, Err(error)) => {
                let Error::TimedOut { waited_for, .. } = why(&error) else { panic!("{error}") };
                assert!(
                    ["a place among the handshakes at once", "the application's answer to a question"]
                        .contains(waited_for)
                );
                late += 1;
            }
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }
    // Two rounds are done within ten seconds, the third comes too late.
    assert_eq!((most.load(SeqCst), done, late), (3, 6, 4));
}

/// A task is as large as the largest of its states, for as long as it lives.
#[test]
fn a_task_that_serves_a_connection_keeps_no_room_for_its_handshake() {
    let (connector, acceptor) = makers();
    let (near, far) = duplex(1);
    let connects = size_of_val(&connector.connect(name(), near));
    let accepts = size_of_val(&acceptor.accept(far));
    let stream = size_of::<Stream>();
    assert!(connects < stream && accepts < stream, "{connects} and {accepts} beside {stream}");
}
