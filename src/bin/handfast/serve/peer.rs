//! One connection, from its first byte to its end.

use super::answer::Desk;
use super::early::{Early, Requests};
use super::log::{Log, protocol};
use super::site::Site;
use super::story::{Stories, Story};
use crate::idle::Idle;
use crate::text::clean;
use handfast::fleet::Fleet;
use handfast::{AsyncTlsStream, Connection, ConnectionInfo, Error, Live, ServerConfig};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes of a request's header.
const HEADER: usize = 64 * 1024;

/// How long the peer may take to close after this side did.
const PATIENCE: Duration = Duration::from_secs(1);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) site: Arc<Site>,
    pub(crate) log: Arc<Log>,
    /// How many requests are being answered.
    pub(crate) answering: Arc<AtomicUsize>,
    pub(crate) config: Live<ServerConfig>,
    /// Who answers what the store is asked.
    pub(crate) fleet: Option<Fleet>,
    pub(crate) stories: Stories,
    pub(crate) idle: Duration,
    pub(crate) handshake: Duration,
}

/// Serves one client, until `stop` changes and its request is answered. Before
/// the end of its handshake it has none.
pub(crate) async fn serve(
    tcp: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let shaken = tokio::select! {
        shaken = shake(tcp, peer, &shared) => shaken,
        () = told(&mut stop) => None,
    };
    if let Some((mut tls, story)) = shaken {
        answer(&mut tls, story, peer, &shared, stop).await;
        leave(tls).await;
    }
}

/// The handshake; none if that fails, which the log has then. Its story is still to be
/// told where early data came before it is complete.
async fn shake(
    tcp: TcpStream,
    peer: SocketAddr,
    shared: &Shared,
) -> Option<(AsyncTlsStream<Idle>, Option<Story>)> {
    let deadline = Instant::now() + shared.handshake;
    match timeout_at(deadline, speaks_http(&tcp)).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => {
            plain(tcp, peer, shared).await;
            return None;
        }
        Ok(Err(error)) => {
            shared.log.of(peer, &format!("left before it said anything: {error}"));
            return None;
        }
        Err(_) => {
            shared.log.of(peer, "said nothing in the time for a handshake");
            return None;
        }
    }
    let story = shared.stories.begin();
    let connection = Connection::server_with(&shared.config.current(), story.observer());
    let mut tls = AsyncTlsStream::new(connection, Idle::new(tcp, shared.idle));
    let ended = match timeout_at(deadline, handshake(&mut tls, shared.fleet.as_ref())).await {
        // Early data is there: the rest of the handshake follows.
        Ok(Ok(())) if tls.connection().is_handshaking() => return Some((tls, Some(story))),

        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(sentence(&error)),
        Err(_) => Err("the handshake took too long".to_owned()),
    };
    shared.stories.look(&shared.log);
    story.tell(&shared.log, peer, tls.info(), ended.as_ref().err().map(String::as_str));
    match ended {
        Ok(()) => Some((tls, None)),
        Err(why) => {
            shared.log.of(peer, &format!("handshake failed: {why}"));
            leave(tls).await;
            None
        }
    }
}

async fn handshake(tls: &mut AsyncTlsStream<Idle>, fleet: Option<&Fleet>) -> io::Result<()> {
    match fleet {
        Some(fleet) => tls.handshake_async(fleet.answering()).await,
        None => tls.handshake().await,
    }
}

/// Answers requests until one side has enough.
async fn answer(
    tls: &mut AsyncTlsStream<Idle>,
    mut story: Option<Story>,
    peer: SocketAddr,
    shared: &Shared,
    mut stop: watch::Receiver<bool>,
) {
    let (site, log) = (Arc::clone(&shared.site), Arc::clone(&shared.log));
    let answering = Arc::clone(&shared.answering);
    let desk = Desk { site, log, answering, peer, protocol: protocol(tls.info()) };
    let early = Arc::new(Early::default());
    let asks = Arc::clone(&early);
    let service = service_fn(move |request| {
        let (desk, early) = (desk.clone(), asks.is_next());
        async move { Ok::<_, Infallible>(desk.answer(request, early).await) }
    });
    let ended = {
        let shaken = |info: &ConnectionInfo| {
            shared.stories.look(&shared.log);
            if let Some(story) = story.take() {
                story.tell(&shared.log, peer, info, None);
            }
        };
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.idle)
            .max_buf_size(HEADER)
            .half_close(true)
            .serve_connection(TokioIo::new(Requests::new(tls, early, shaken)), service);
        let mut http = pin!(http);
        tokio::select! {
            ended = http.as_mut() => ended,
            () = told(&mut stop) => {
                http.as_mut().graceful_shutdown();
                http.await
            }
        }
    };
    if let Some(story) = story {
        story.tell(&shared.log, peer, tls.info(), Some("the client left before its Finished"));
    }
    if let Err(error) = ended {
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            why = inner.downcast_ref::<io::Error>().map_or_else(|| format!("{why}: {inner}"), sentence);
            cause = inner.source();
        }
        shared.log.of(peer, &format!("connection ended: {}", clean(&why)));
    }
}

/// Waits until the server is to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Why the stream failed.
fn sentence(error: &io::Error) -> String {
    match (Error::of_io(error), error.kind()) {
        (Some(tls), _) => clean(&tls.to_string()),
        (None, io::ErrorKind::TimedOut) => "it was idle for too long".to_owned(),
        (None, _) => error.to_string(),
    }
}

/// Says close_notify, or the alert that is still pending, and hears the peer
/// out for a moment: closing with bytes unread would take the last answer with it.
async fn leave(mut tls: AsyncTlsStream<Idle>) {
    let _as_far_as_it_goes = timeout(PATIENCE, tls.shutdown()).await;
    drain(tls.get_mut().get_mut()).await;
}

async fn drain(tcp: &TcpStream) {
    let mut rest = [0; 4096];
    let until = Instant::now() + PATIENCE;
    while let Ok(Ok(())) = timeout_at(until, tcp.readable()).await {
        match tcp.try_read(&mut rest) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether the client's first byte begins an HTTP method: a TLS record begins
/// with 22 (RFC 9846 section 5.1).
async fn speaks_http(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    match tcp.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first.iter().all(u8::is_ascii_alphabetic)),
    }
}

/// A plain answer to a client that speaks HTTP without TLS.
async fn plain(mut tcp: TcpStream, peer: SocketAddr, shared: &Shared) {
    const TEXT: &str = "This port speaks HTTPS: write https:// instead of http://.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{TEXT}",
        TEXT.len()
    );
    shared.log.of(peer, "speaks HTTP without TLS: answered with 400");
    let said = async {
        tcp.write_all(answer.as_bytes()).await?;
        tcp.shutdown().await
    };
    let _as_far_as_it_goes = timeout(PATIENCE, said).await;
    drain(&tcp).await;
}
