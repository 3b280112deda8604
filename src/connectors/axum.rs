//! `axum::serve` over TLS.

use super::connect_info::TlsConnectInfo;
use crate::io::{AsyncTlsStream, TlsAcceptor};
use crate::limits;
use ::axum::extract::connect_info::Connected;
use ::axum::serve::{IncomingStream, Listener};
use ::tokio::task::JoinSet;
use std::fmt;
use std::io;

/// A listener for `axum::serve`, over another one of axum's kind such as
/// `tokio::net::TcpListener`. It shakes hands beside accepting, in a task for each
/// connection: who says nothing keeps nobody else out.
///
/// - It accepts no more connections while [`limits::CONNECTIONS_IN_LINE`] wait for
///   their handshakes, unless [`in_line`](Self::in_line) says otherwise: the others
///   wait with the system. Those that have sent nothing count among these, not among
///   the handshakes that the acceptor does [at once](TlsAcceptor::at_once); its
///   deadline ends both.
/// - A handshake that fails is told to [`on_error`](Self::on_error). If accepting
///   itself fails, for want of file descriptors or so, the listener below has its own
///   way: axum's waits for a second, and tries again.
/// - The `accept` of the listener below is dropped and called again whenever a
///   handshake ends; those of tokio, and axum's `tap_io` over them, lose nothing by it.
/// - At a graceful shutdown, connections are closed as axum closes them, and
///   handshakes that are under way are given up.
///
/// For HTTP/2 the configuration has `.alpn(&[b"h2", b"http/1.1"])`, and axum its
/// feature `http2`. A handler takes `ConnectInfo<`[`TlsConnectInfo`]`<SocketAddr>>`.
///
/// ```no_run
/// use axum::{Router, extract::ConnectInfo, routing::get};
/// use handfast::{Identity, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsListener, pki::UnixTime};
/// use std::net::SocketAddr;
///
/// async fn hello(ConnectInfo(tls): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
///     format!("hello, {}, over {:?}\n", tls.get_ref(), tls.info().version)
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let identity = Identity::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let config = ServerConfig::new(identity, UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;
/// let tcp = tokio::net::TcpListener::bind("[::]:443").await?;
/// let listener = TlsListener::new(tcp, TlsAcceptor::new(config))
///     .on_error(|from, error| eprintln!("{from}: {error}"));
/// let app = Router::new().route("/", get(hello));
/// axum::serve(listener, app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>()).await?;
/// # Ok(())
/// # }
/// ```
pub struct TlsListener<L: Listener> {
    listener: L,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Done<L>>,
    in_line: usize,
    on_error: Box<Tell<L>>,
}

/// How a handshake ended, and with whom.
type Done<L> = (io::Result<AsyncTlsStream<<L as Listener>::Io>>, <L as Listener>::Addr);

type Tell<L> = dyn FnMut(&<L as Listener>::Addr, io::Error) + Send;

impl<L: Listener> TlsListener<L> {
    /// Over this listener; what the acceptor is told about handshakes holds here.
    pub fn new(listener: L, acceptor: TlsAcceptor) -> Self {
        let (handshakes, in_line) = (JoinSet::new(), limits::CONNECTIONS_IN_LINE);
        Self { listener, acceptor, handshakes, in_line, on_error: Box::new(|_, _| {}) }
    }

    /// Another number of connections whose handshakes are not done; 0 is taken for 1.
    #[must_use]
    pub fn in_line(mut self, connections: usize) -> Self {
        self.in_line = connections.max(1);
        self
    }

    /// Has a handshake that failed told to this function: from whom it came, and why
    /// it failed. Without it nobody hears of them: whoever scans a port makes many. It
    /// is called between two connections, so it must not take long.
    #[must_use]
    pub fn on_error(mut self, tell: impl FnMut(&L::Addr, io::Error) + Send + 'static) -> Self {
        self.on_error = Box::new(tell);
        self
    }
}

impl<L: Listener<Addr: 'static>> Listener for TlsListener<L> {
    type Io = AsyncTlsStream<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < self.in_line;
            ::tokio::select! {
                Some(done) = self.handshakes.join_next() => match done {
                    Ok((Ok(tls), from)) => return (tls, from),
                    Ok((Err(error), from)) => (self.on_error)(&from, error),
                    // The application's answers panicked; the panic's hook has told.
                    Err(_panicked) => {}
                },
                (stream, from) = self.listener.accept(), if has_room => {
                    let acceptor = self.acceptor.clone();
                    self.handshakes.spawn(async move { (acceptor.accept(stream).await, from) });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<L> Connected<IncomingStream<'_, TlsListener<L>>> for TlsConnectInfo<L::Addr>
where
    L: Listener<Addr: Clone + Sync + 'static>,
{
    fn connect_info(stream: IncomingStream<'_, TlsListener<L>>) -> Self {
        Self::new(stream.io().info(), stream.remote_addr().clone())
    }
}

impl<L: Listener + fmt::Debug> fmt::Debug for TlsListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("listener", &self.listener)
            .field("acceptor", &self.acceptor)
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}
