//! `TlsConnector` and `TlsAcceptor`, over streams in memory and in tokio's paused
//! time, where a deadline is no wait.

use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, Verifier};
use handfast::wire::NamedGroup;
use handfast::{
    AlertDescription, Answer, AsyncTlsStream, ClientAuth, ClientConfig, Close, Error, Identity, Judge, Live,
    OwnedQuestion, ServerConfig, TlsAcceptor, TlsConnector, limits,
};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
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
    let begun = Instant::now();
    for i in 0..20 {
        let (mut near, far) = duplex(10_000);
        let acceptor = acceptor.clone();
        stalled.push(tokio::spawn(async move { acceptor.accept(far).await }));
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

#[tokio::test]
async fn a_close_is_clean_or_cut() {
    let (connector, acceptor) = makers();
    for cut in [false, true] {
        let (client, server) = meet(&connector, &acceptor).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        server.write_all(b"too late").await.unwrap();
        server.flush().await.unwrap();
        let answers = async {
            if cut {
                drop(server);
            } else {
                assert_eq!(server.close().await.unwrap(), Close::Clean);
            }
        };
        let (closed, ()) = tokio::join!(client.close(), answers);
        assert_eq!(closed.unwrap(), if cut { Close::Truncated } else { Close::Clean });
    }
    // One that sends on and on is not listened to for ever.
    let (client, server) = meet(&connector, &acceptor).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let sends = tokio::spawn(async move { while server.write_all(&[7; 9_000]).await.is_ok() {} });
    let error = client.close().await.unwrap_err();
    assert!(matches!(why(&error), Error::Limit(_)), "{error}");
    drop(client);
    sends.await.unwrap();
}

/// Each poll of it moves at most so many bytes, and in either direction every other
/// one has its caller come again.
struct Drip(DuplexStream, usize, [bool; 2]);

impl Drip {
    fn waits(&mut self, direction: usize, cx: &Context<'_>) -> bool {
        self.2[direction] ^= true;
        if self.2[direction] {
            cx.waker().wake_by_ref();
        }
        self.2[direction]
    }
}

impl AsyncRead for Drip {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.waits(0, cx) {
            return Poll::Pending;
        }
        let mut bytes = vec![0; self.1.min(buf.remaining())];
        let mut some = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut some))?;
        buf.put_slice(some.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Drip {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.waits(1, cx) {
            return Poll::Pending;
        }
        let n = buf.len().min(self.1);
        Pin::new(&mut self.0).poll_write(cx, &buf[..n])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.waits(1, cx) {
            true => Poll::Pending,
            false => Pin::new(&mut self.0).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.waits(1, cx) {
            true => Poll::Pending,
            false => Pin::new(&mut self.0).poll_shutdown(cx),
        }
    }
}

/// Which waits drop the future.
#[derive(Clone)]
struct Drops {
    /// The number of it, or each.
    at: Option<usize>,
    met: usize,
}

impl Drops {
    /// `None` where the future was dropped.
    async fn try_once<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let done = std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                self.met += 1;
                match self.at.is_none_or(|at| at == self.met) {
                    true => Poll::Ready(None),
                    false => Poll::Pending,
                }
            }
        })
        .await;
        if done.is_none() {
            tokio::task::yield_now().await;
        }
        done
    }
}

/// Calls it until it is done.
macro_rules! until_done {
    ($drops:expr, $future:expr) => {
        loop {
            if let Some(done) = $drops.try_once($future).await {
                break done;
            }
        }
    };
}

/// One side: every async fn of the stream, dropped at these waits; how many there were.
async fn side(mut tls: AsyncTlsStream<Drip>, mut drops: Drops, first: bool) -> usize {
    // Who answers waits once: an answer that is dropped each time never comes.
    let waited = AtomicBool::new(false);
    let answer = async |question| {
        if !waited.swap(true, SeqCst) {
            tokio::task::yield_now().await;
        }
        matches!(question, OwnedQuestion::Verify { .. }).then_some(Answer::Accept)
    };
    until_done!(drops, tls.handshake_async(&answer)).unwrap();
    const SAID: &[u8] = &[b'x'; 300];
    for speaks in [first, !first] {
        let mut done = 0;
        while speaks && done < SAID.len() {
            done += until_done!(drops, tls.write(&SAID[done..SAID.len().min(done + 100)])).unwrap();
            until_done!(drops, tls.flush()).unwrap();
        }
        while !speaks && done < SAID.len() {
            let mut got = [0; 70];
            let n = until_done!(drops, tls.read(&mut got)).unwrap();
            assert!(n > 0 && got[..n] == SAID[done..][..n]);
            done += n;
        }
    }
    assert_eq!(until_done!(drops, tls.close()).unwrap(), Close::Clean);
    drops.met
}

/// Every async fn, dropped at every wait: at all of them in one run, byte by byte,
/// and at each of them alone.
#[tokio::test]
async fn what_is_dropped_half_way_loses_nothing() {
    let (_, server) = configs();
    let server = Arc::new(server);
    let client = ClientConfig::new(Judge::Application, UnixTime::now);
    let client = Arc::new(client.groups(&[NamedGroup::X25519]).unwrap());
    let both = async |bytes: usize, drops: [Drops; 2]| {
        let (near, far) = duplex(50);
        let [near, far] = [near, far].map(|stream| Drip(stream, bytes, [false; 2]));
        let [ours, theirs] = drops;
        let client = side(AsyncTlsStream::client(&client, name(), near).unwrap(), ours, true);
        let server = side(AsyncTlsStream::server(&server, far), theirs, false);
        // What is lost or doubled leaves a side waiting.
        let done = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(client, server) });
        <[usize; 2]>::from(done.await.expect("a byte is lost"))
    };
    let drops = |at| Drops { at, met: 0 };
    let waits = both(1, [drops(None), drops(None)]).await;
    assert!(waits.iter().all(|waits| *waits > 1_000), "{waits:?}");
    for which in 0..2 {
        let (mut at, mut waits) = (1, usize::MAX);
        while at <= waits {
            let mut both_drops = [drops(Some(0)), drops(Some(0))];
            both_drops[which] = drops(Some(at));
            waits = both(61, both_drops).await[which];
            at += 1;
        }
        assert!(at > 50, "{at}");
    }
}
