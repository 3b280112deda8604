//! hyper-util's client over TLS.

use super::connect_info::TlsConnectInfo;
use crate::error::Error;
use crate::io::{AsyncTlsStream, TlsConnector};
use crate::pki::ServerName;
use ::hyper::Uri;
use ::hyper::rt::{Read, ReadBufCursor, Write};
use ::hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use ::hyper_util::rt::TokioIo;
use ::tower_service::Service;
use std::error::Error as StdError;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// HTTP/2 where ALPN chose it, and a response's extensions have a [`TlsConnectInfo`].
/// The handshake is done: [`TlsConnector`] gives no other.
impl<S: Connection> Connection for AsyncTlsStream<S> {
    fn connected(&self) -> Connected {
        let connected = self.get_ref().connected().extra(TlsConnectInfo::new(self.info(), ()));
        match self.info().alpn.as_deref() {
            Some(b"h2") => connected.negotiated_h2(),
            _ => connected,
        }
    }
}

/// Connects to the server of a URI, for hyper-util's client and whoever else takes a
/// `tower::Service<Uri>`: over TLS for `https://`, and to the name or the address in
/// the URI.
///
/// - HTTP/2 and HTTP/1.1 are offered as the configuration says:
///   `.alpn(&[b"h2", b"http/1.1"])`, with the client's feature `http2`. Without it the
///   connection speaks HTTP/1.1.
/// - `http://` is refused, unless [`allow_http`](Self::allow_http) says otherwise: what
///   was meant to be secret is never sent in the clear by a redirect or a typing error.
/// - The TLS handshake has the [connector's](TlsConnector) deadline. How long the
///   connection below may take is the business of the connector below.
/// - A body that ends with the connection is whole only after close_notify: one that was
///   cut is an error of the body, [`Error::Truncated`] in its chain of sources.
///
/// ```no_run
/// use handfast::{ClientConfig, HttpsConnector, TlsConnector, pki::{Roots, UnixTime, Verifier}};
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// # async fn example(request: hyper::Request<String>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut roots = Roots::new();
/// roots.add_pem(&std::fs::read("ca.pem")?)?;
/// let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;
/// let connector = HttpsConnector::new(TlsConnector::new(config));
/// # #[cfg(feature = "axum")] {
/// let client = Client::builder(TokioExecutor::new()).build(connector);
/// let response = client.request(request).await?;
/// # }
/// # Ok(())
/// # }
/// ```
///
/// # Proxies
///
/// hyper-util's `Tunnel` makes the connection below through a proxy, by CONNECT:
///
/// ```
/// # use handfast::{HttpsConnector, TlsConnector};
/// use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
/// # fn example(tls: TlsConnector) {
/// let proxy = "http://proxy.example:3128".parse().unwrap();
/// let connector = HttpsConnector::over(Tunnel::new(proxy, HttpConnector::new()), tls);
/// # }
/// ```
///
/// It is for `https://` alone: of a URI without a port it asks for port 443. Where the
/// proxy itself is spoken to over TLS, an `HttpsConnector` stands below the tunnel, too.
#[derive(Clone, Debug)]
pub struct HttpsConnector<C = HttpConnector> {
    below: C,
    tls: TlsConnector,
    allows_http: bool,
}

impl HttpsConnector {
    /// Over TCP, whose small packets are not held back (TCP_NODELAY).
    pub fn new(tls: TlsConnector) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self::over(tcp, tls)
    }
}

impl<C> HttpsConnector<C> {
    /// Over connections that this connector makes. It is given the URI as it is: of a
    /// `HttpConnector`, unless a `Tunnel` is over it, `enforce_http(false)` is wanted.
    pub fn over(below: C, tls: TlsConnector) -> Self {
        Self { below, tls, allows_http: false }
    }

    /// Connects for `http://`, too, without TLS.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.allows_http = true;
        self
    }

    /// The server's name, or `None` for a connection without TLS.
    fn server_name(&self, to: &Uri) -> Result<Option<ServerName<'static>>, HttpsError> {
        match to.scheme_str() {
            Some("https") => {}
            Some("http") if self.allows_http => return Ok(None),
            Some("http") => {
                let why =
                    "is not connected to: http:// goes without TLS, which HttpsConnector::allow_http allows";
                return Err(HttpsError::new(format!("{} {why}", host(to)), None));
            }
            Some(other) => {
                let why = format!("is not connected to: {other}:// is neither https:// nor http://");
                return Err(HttpsError::new(format!("{} {why}", host(to)), None));
            }
            None => {
                let why = "a URI to connect to has a scheme and a host, as https://example.com has";
                return Err(HttpsError::new(why.to_owned(), None));
            }
        }
        let named = to.host().unwrap_or_default();
        let address = named.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match ServerName::try_from(address.unwrap_or(named)) {
            Ok(name) => Ok(Some(name.to_owned())),
            Err(error) => {
                let what = format!("{named:?} is neither the name of a host nor an IP address");
                Err(HttpsError::new(what, Some(error.into())))
            }
        }
    }
}

impl<C, T> Service<Uri> for HttpsConnector<C>
where
    C: Service<Uri, Response = T, Error: Into<Box<dyn StdError + Send + Sync>>, Future: Send + 'static>,
    T: Read + Write + Unpin + Send + 'static,
{
    type Response = HttpsStream<T>;
    type Error = HttpsError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpsStream<T>, HttpsError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HttpsError>> {
        let no_more =
            |error: C::Error| HttpsError::new("no more connections are made".to_owned(), Some(error.into()));
        self.below.poll_ready(cx).map_err(no_more)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let name = match self.server_name(&to) {
            Ok(name) => name,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let host = host(&to);
        let connecting = self.below.call(to);
        let tls = self.tls.clone();
        Box::pin(async move {
            let stream = match connecting.await {
                Ok(stream) => stream,
                Err(error) => {
                    return Err(HttpsError::new(format!("{host} is not reached"), Some(error.into())));
                }
            };
            let Some(name) = name else {
                return Ok(HttpsStream::Http(stream));
            };
            match tls.connect(name, TokioIo::new(stream)).await {
                Ok(stream) => Ok(HttpsStream::Https(Box::new(TokioIo::new(stream)))),
                Err(error) => Err(HttpsError::new(format!("no TLS with {host}"), Some(reason(error)))),
            }
        })
    }
}

/// Whom the URI names, without the password that it may have, too.
fn host(to: &Uri) -> String {
    let host = to.host().unwrap_or_default();
    match to.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// This crate's own error, where there is one, so that it is in the chain of sources;
/// that of an [`io::Error`] skips it.
fn reason(error: io::Error) -> Box<dyn StdError + Send + Sync> {
    match Error::of_io(&error) {
        Some(ours) => ours.clone().into(),
        None => error.into(),
    }
}

/// Why [`HttpsConnector`] made no connection: the sentence names the host, the
/// source has the reason, such as [`Error`]. `{:?}` says both.
///
/// ```
/// # use handfast::{ClientConfig, Judge, TlsConnector, pki::UnixTime};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tls = TlsConnector::new(ClientConfig::new(Judge::Application, UnixTime::now));
/// use handfast::{HttpsConnector, HttpsError};
/// use tower_service::Service;
/// let connecting = HttpsConnector::new(tls).call("http://a.example/".parse()?);
/// let error: HttpsError = connecting.await.unwrap_err();
/// assert!(error.to_string().contains("http:// goes without TLS"));
/// # Ok(())
/// # }
/// ```
pub struct HttpsError {
    sentence: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl HttpsError {
    fn new(sentence: String, source: Option<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { sentence, source }
    }
}

impl fmt::Display for HttpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl fmt::Debug for HttpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl StdError for HttpsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// A connection that [`HttpsConnector`] made: with TLS over it, or without.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::{AsyncTlsStream, wire::ProtocolVersion};
/// # use hyper_util::rt::TokioIo;
/// # let below = TokioIo::new(TokioIo::new(tokio::io::duplex(1).0));
/// # let tls = AsyncTlsStream::new(pair::connected().0, below);
/// # let stream = HttpsStream::Https(Box::new(TokioIo::new(tls)));
/// use handfast::HttpsStream;
/// match &stream {
///     HttpsStream::Https(tls) => assert_eq!(tls.inner().info().version, Some(ProtocolVersion::TLS13)),
///     HttpsStream::Http(_) => eprintln!("whoever is between can read it"),
/// }
/// ```
#[derive(Debug)]
pub enum HttpsStream<T> {
    /// For `http://`.
    Http(T),
    /// For `https://`.
    Https(Box<TokioIo<AsyncTlsStream<TokioIo<T>>>>),
}

impl<T: Connection> Connection for HttpsStream<T> {
    fn connected(&self) -> Connected {
        match self {
            Self::Http(stream) => stream.connected(),
            Self::Https(stream) => stream.connected(),
        }
    }
}

impl<T: Read + Write + Unpin> Read for HttpsStream<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Https(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<T: Read + Write + Unpin> Write for HttpsStream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Http(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Https(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Http(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Https(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Http(stream) => stream.is_write_vectored(),
            Self::Https(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(stream) => Pin::new(stream).poll_flush(cx),
            Self::Https(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Https(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
