//! The listener: handshakes beside accepting, as many as there are places for, and
//! an end that waits for requests and for nobody else.

use super::certificates::{client, server};
use super::web::{connector, fetch, text};
use axum::serve::Listener;
use axum::{Router, routing::get};
use handfast::pki::ServerName;
use handfast::{Error, TlsAcceptor, TlsConnector, TlsListener};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// Connections that wait to be accepted, and how many were.
struct Queue {
    waiting: mpsc::UnboundedReceiver<DuplexStream>,
    accepted: Arc<AtomicUsize>,
}

impl Listener for Queue {
    type Io = DuplexStream;
    type Addr = usize;

    async fn accept(&mut self) -> (DuplexStream, usize) {
        let Some(stream) = self.waiting.recv().await else { std::future::pending().await };
        (stream, self.accepted.fetch_add(1, Ordering::SeqCst))
    }

    fn local_addr(&self) -> io::Result<usize> {
        Ok(0)
    }
}

#[tokio::test(start_paused = true)]
async fn silent_clients_wait_in_their_places_and_no_more_are_accepted_than_there_are_places() {
    let (arrive, waiting) = mpsc::unbounded_channel();
    let accepted = Arc::new(AtomicUsize::new(0));
    let failed = Arc::new(Mutex::new(Vec::new()));
    let acceptor = TlsAcceptor::new(server(&[])).handshake_within(Some(Duration::from_secs(10)));
    let listener = TlsListener::new(Queue { waiting, accepted: accepted.clone() }, acceptor).in_line(2);
    let mut listener = listener.on_error({
        let (accepted, failed) = (accepted.clone(), failed.clone());
        move |from, error| {
            assert!(matches!(Error::of_io(&error), Some(Error::TimedOut { .. })), "{error}");
            failed.lock().unwrap().push((*from, accepted.load(Ordering::SeqCst)));
        }
    });
    let mut ends = Vec::new();
    for _ in 0..4 {
        let (end, other) = duplex(1 << 16);
        arrive.send(other).unwrap();
        ends.push(end);
    }
    let (end, other) = duplex(1 << 16);
    arrive.send(other).unwrap();
    let patient = TlsConnector::new(client(&[])).handshake_within(None);
    let served = tokio::spawn(async move {
        let name = ServerName::try_from("localhost").unwrap();
        patient.connect(name, end).await
    });

    // Where nobody is let in any more, an hour of paused time is over at once.
    let accepted = tokio::time::timeout(Duration::from_secs(3600), listener.accept()).await;
    let (_tls, from) = accepted.unwrap();
    served.await.unwrap().unwrap();
    assert_eq!(from, 4, "the fifth");
    let failed = failed.lock().unwrap();
    let mut who: Vec<_> = failed.iter().map(|(from, _)| *from).collect();
    who.sort_unstable();
    assert_eq!(who, [0, 1, 2, 3]);
    for (nth, (_, accepted)) in failed.iter().enumerate() {
        assert!(*accepted <= nth + 2, "{failed:?}");
    }
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out_and_who_speaks_no_tls_is_told_of() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let listener = TlsListener::new(tcp, TlsAcceptor::new(server(&[])))
        .on_error(move |from, error| tell.send((*from, error.to_string())).unwrap());
    let app = Router::new().route("/", get(|| async { "here" }));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let _silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let url = format!("https://localhost:{}/", address.port());
    assert_eq!(text(fetch(connector(&[]), &url).await.unwrap()).await.unwrap(), "here");
    let (from, sentence) = told.recv().await.unwrap();
    assert_eq!(from, plain.local_addr().unwrap());
    assert!(sentence.contains("does not speak TLS"), "{sentence}");
}

#[tokio::test]
async fn a_graceful_end_waits_for_requests_and_gives_handshakes_up() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let listener = TlsListener::new(tcp, TlsAcceptor::new(server(&[])).handshake_within(None));
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (answer, answered) = oneshot::channel::<()>();
    let answered = Arc::new(Mutex::new(Some(answered)));
    let slow = get(move || async move {
        begun.send(()).unwrap();
        let answered = answered.lock().unwrap().take().unwrap();
        answered.await.unwrap();
        "late"
    });
    let (end, ended) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let end = async { ended.await.unwrap() };
        axum::serve(listener, Router::new().route("/", slow)).with_graceful_shutdown(end).await
    });

    let mut silent = TcpStream::connect(address).await.unwrap();
    let url = format!("https://localhost:{}/", address.port());
    let asking = tokio::spawn(async move { text(fetch(connector(&[]), &url).await.unwrap()).await });
    begins.recv().await.unwrap();
    end.send(()).unwrap();
    // The handshake is given up at once, while the request goes on.
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(!serving.is_finished());
    answer.send(()).unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), "late");
    serving.await.unwrap().unwrap();
}
