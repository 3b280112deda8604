//! Connections of clients, with their handshakes done.

use super::handshake::Manner;
use super::stream::AsyncTlsStream;
use crate::config::{ClientConfig, ClientOptions, Live};
use crate::connection::Connection;
use crate::limits;
use crate::pki::ServerName;
use crate::question::{Answer, OwnedQuestion};
use ::tokio::io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::Duration;

/// Makes connections to servers: an [`AsyncTlsStream`] whose handshake is done.
/// A clone shares the configuration.
///
/// A handshake must be done within [`limits::HANDSHAKE_TIME`], unless
/// [`handshake_within`](Self::handshake_within) says otherwise. That needs tokio's
/// timer: a runtime that was built with `enable_time` or `enable_all`.
///
/// ```no_run
/// use handfast::{ClientConfig, TlsConnector, pki::{Roots, ServerName, UnixTime, Verifier}};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # async fn example(tcp: tokio::io::DuplexStream) -> Result<(), Box<dyn std::error::Error>> {
/// let connector = TlsConnector::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
/// let mut tls = connector.connect(ServerName::try_from("example.com")?, tcp).await?;
/// tls.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").await?;
/// tls.flush().await?;
/// let mut answer = Vec::new();
/// tls.read_to_end(&mut answer).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsConnector {
    config: Live<ClientConfig>,
    manner: Manner,
}

impl TlsConnector {
    /// With a configuration, or with a [`Live`] one: each connection takes what is
    /// in force when it begins.
    pub fn new(config: impl Into<Live<ClientConfig>>) -> Self {
        Self { config: config.into(), manner: Manner::within(limits::HANDSHAKE_TIME) }
    }

    /// Another time within which a handshake must be done, answers to its questions
    /// included, or none. With none no timer is needed.
    #[must_use]
    pub fn handshake_within(mut self, time: Option<Duration>) -> Self {
        self.manner.within = time;
        self
    }

    /// Has the handshake's questions answered by an `async fn`: a key held elsewhere,
    /// a judgement by the application. Where it gives `None` the handshake fails.
    ///
    /// ```
    /// use handfast::{Answer, ClientConfig, Judge, OwnedQuestion, TlsConnector, pki::UnixTime};
    /// # async fn is_known(certificate: &[u8]) -> bool { false }
    /// let config = ClientConfig::new(Judge::Application, UnixTime::now);
    /// let connector = TlsConnector::new(config).answering(|question| async move {
    ///     match question {
    ///         OwnedQuestion::Verify { chain, .. } => match is_known(chain.first()?).await {
    ///             true => Some(Answer::Accept),
    ///             false => Some(Answer::Reject("this certificate is not in our list".into())),
    ///         },
    ///         _ => None,
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn answering<F, A>(mut self, answer: F) -> Self
    where
        F: Fn(OwnedQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = Option<Answer>> + Send + 'static,
    {
        self.manner.answering(answer);
        self
    }

    /// The configuration that is in force, and is [replaced](Live::replace) there.
    pub fn config(&self) -> &Live<ClientConfig> {
        &self.config
    }

    /// Shakes hands with a server of this name. Dropped half way, it drops the stream.
    ///
    /// # Errors
    /// The connection failed, or a question was not answered; [`Error::of_io`](crate::Error::of_io)
    /// finds why. [`Error::TimedOut`](crate::Error::TimedOut) where it took too long. Or the
    /// stream failed. The peer is told where it can be, and the stream is dropped.
    ///
    /// # Panics
    /// With a time limit, where tokio's runtime has no timer.
    pub async fn connect<S>(&self, name: ServerName<'_>, stream: S) -> io::Result<AsyncTlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.begin(name, ClientOptions::default(), stream, &[])?.await
    }

    /// The same with options for this connection alone.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// As [`connect`](Self::connect).
    pub async fn connect_with<S>(
        &self,
        name: ServerName<'_>,
        options: ClientOptions,
        stream: S,
    ) -> io::Result<AsyncTlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.begin(name, options, stream, &[])?.await
    }

    /// The same with early data, which may be replayed: the first of it goes with the
    /// ClientHello (see [`ClientConfig::early_data`]). Behind the handshake
    /// [`info`](AsyncTlsStream::info) says how much went, and whether the server took it;
    /// what did not, or was rejected, is for the application to write again.
    ///
    /// ```
    /// # use handfast::{ClientOptions, EarlyData, TlsConnector, pki::ServerName};
    /// # use tokio::io::{AsyncWriteExt, DuplexStream};
    /// # async fn example(connector: TlsConnector, tcp: DuplexStream) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"; // what may well happen twice
    /// let (name, options) = (ServerName::try_from("example.com")?, ClientOptions::default());
    /// let mut tls = connector.connect_early(name, options, tcp, request).await?;
    /// let taken = match tls.info().early_data {
    ///     EarlyData::Accepted => tls.info().early_data_sent as usize,
    ///     _ => 0,
    /// };
    /// tls.write_all(&request[taken..]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// As [`connect`](Self::connect).
    pub async fn connect_early<S>(
        &self,
        name: ServerName<'_>,
        options: ClientOptions,
        stream: S,
        data: &[u8],
    ) -> io::Result<AsyncTlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.begin(name, options, stream, data)?.await
    }

    /// Makes the connection; what is awaited is on the heap, as the acceptor's.
    fn begin<'a, S>(
        &'a self,
        name: ServerName<'_>,
        options: ClientOptions,
        stream: S,
        data: &'a [u8],
    ) -> io::Result<Pin<Box<impl Future<Output = io::Result<AsyncTlsStream<S>>> + use<'a, S>>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = self.manner.deadline();
        let connection = Connection::client_with(&self.config.current(), name, options)?;
        let mut stream = AsyncTlsStream::new(connection, stream);
        Ok(Box::pin(async move {
            Manner::send_early(&mut stream, data, deadline).await?;
            self.manner.shake_hands(stream, None, None, deadline).await
        }))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("handshake_within", &self.manner.within).finish_non_exhaustive()
    }
}
