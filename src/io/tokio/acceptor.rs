//! Connections of servers, with their handshakes done.

use super::handshake::{Deadline, Line, Manner, Place};
use super::stream::AsyncTlsStream;
use crate::alert::AlertDescription;
use crate::config::{Live, ServerConfig};
use crate::error::Error;
use crate::limits;
use crate::question::{Answer, Hello, OwnedQuestion};
use ::tokio::io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Makes connections of clients: an [`AsyncTlsStream`] whose handshake is done.
/// A clone shares the configuration, and the places for handshakes at once.
///
/// - A handshake must be done within [`limits::HANDSHAKE_TIME`], unless
///   [`handshake_within`](Self::handshake_within) says otherwise. That needs tokio's
///   timer: a runtime that was built with `enable_time` or `enable_all`.
/// - It works for [`limits::HANDSHAKES_AT_ONCE`] clients at once, unless
///   [`at_once`](Self::at_once) says otherwise: from the ClientHello until this side
///   waits for the client, and again while a question is asked. Who waits for a
///   place does it in its own time, so that the line is as long as what comes in that
///   time. Who makes this side wait has none, so that no number of clients that
///   stall keeps another out.
/// - Shake hands beside accepting, in a task for each connection: a client that
///   says nothing keeps the others out else.
///
/// ```no_run
/// use handfast::{Identity, ServerConfig, TlsAcceptor, pki::UnixTime};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::TcpListener;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let identity = Identity::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let acceptor = TlsAcceptor::new(ServerConfig::new(identity, UnixTime::now));
/// let listener = TcpListener::bind("[::]:443").await?;
/// loop {
///     let (tcp, from) = listener.accept().await?;
///     let acceptor = acceptor.clone();
///     tokio::spawn(async move {
///         match acceptor.accept(tcp).await {
///             Ok(mut tls) => { /* serve it */ }
///             Err(error) => eprintln!("{from}: {error}"),
///         }
///     });
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Live<ServerConfig>,
    manner: Manner,
    line: Line,
}

impl TlsAcceptor {
    /// With a configuration, or with a [`Live`] one: each connection takes what is
    /// in force when it begins.
    pub fn new(config: impl Into<Live<ServerConfig>>) -> Self {
        Self {
            config: config.into(),
            manner: Manner::within(limits::HANDSHAKE_TIME),
            line: Line::before(limits::HANDSHAKES_AT_ONCE),
        }
    }

    /// Another time within which a handshake must be done, from
    /// [`accept`](Self::accept) on: waiting for a place and answers to questions
    /// included. With `None` no timer is needed, and whoever stalls is waited for
    /// without end.
    #[must_use]
    pub fn handshake_within(mut self, time: Option<Duration>) -> Self {
        self.manner.within = time;
        self
    }

    /// Another number of handshakes at once, of this acceptor and the clones that are
    /// made of it; 0 is taken for 1.
    #[must_use]
    pub fn at_once(mut self, handshakes: usize) -> Self {
        self.line = Line::before(handshakes);
        self
    }

    /// Has the handshake's questions answered by an `async fn`: a key held elsewhere,
    /// a certificate that is looked up, a client that is judged. Where it gives
    /// `None` the handshake fails.
    ///
    /// ```
    /// use handfast::{Answer, OwnedQuestion, ServerConfig, TlsAcceptor, pki::UnixTime};
    /// # use handfast::Identity;
    /// # use std::sync::Arc;
    /// # async fn look_up(host: Option<String>) -> Option<Arc<Identity>> { None }
    /// let config = ServerConfig::asking_for_certificates(UnixTime::now);
    /// let acceptor = TlsAcceptor::new(config).answering(|question| async move {
    ///     match question {
    ///         OwnedQuestion::Certificate { server_name, .. } => match look_up(server_name).await {
    ///             Some(identity) => Some(Answer::Certificate(identity)),
    ///             None => Some(Answer::NoCertificate),
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
    pub fn config(&self) -> &Live<ServerConfig> {
        &self.config
    }

    /// Shakes hands with a client. Dropped half way, it drops the stream.
    ///
    /// # Errors
    /// The connection failed, or a question was not answered; [`Error::of_io`] finds
    /// why. [`Error::TimedOut`] where it took too long. Or the stream failed. The
    /// peer is told where it can be, and the stream is dropped.
    ///
    /// # Panics
    /// With a time limit, where tokio's runtime has no timer.
    pub async fn accept<S>(&self, stream: S) -> io::Result<AsyncTlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // On the heap, for its own time: in the caller's task its room would stay
        // there for as long as the task serves the connection.
        Box::pin(async {
            let arriving = self.meet(stream).await?;
            arriving.shake_hands(&self.config.current()).await
        })
        .await
    }

    /// Waits for the ClientHello, by which the configuration is chosen, or the client
    /// refused: certificates of clients for one host only, application protocols by
    /// host. This acceptor's own configuration is not used then. The time that it
    /// takes to choose counts in the handshake's.
    ///
    /// The ClientHello is a claim: what is chosen by it must itself ask for proof.
    ///
    /// ```
    /// use handfast::{AlertDescription, ServerConfig, TlsAcceptor};
    /// # use std::sync::Arc;
    /// # async fn example(acceptor: TlsAcceptor, tcp: tokio::io::DuplexStream) -> std::io::Result<()> {
    /// # let (public, members): (Arc<ServerConfig>, Arc<ServerConfig>) = todo!();
    /// let arriving = acceptor.hello(tcp).await?;
    /// let tls = match arriving.hello().server_name.as_deref() {
    ///     Some("www.example") => arriving.accept(&public).await?,
    ///     // With `client_auth` in its configuration.
    ///     Some("members.example") => arriving.accept(&members).await?,
    ///     _ => return arriving.refuse(AlertDescription::UNRECOGNIZED_NAME).await,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Panics
    /// As [`accept`](Self::accept).
    pub async fn hello<S>(&self, stream: S) -> io::Result<Arriving<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Box::pin(self.meet(stream)).await
    }

    async fn meet<S>(&self, stream: S) -> io::Result<Arriving<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = self.manner.deadline();
        let mut stream = AsyncTlsStream::server_asking(stream);
        let (hello, place) = Manner::meet(&mut stream, &self.line, deadline).await?;
        Ok(Arriving { hello, stream, manner: self.manner.clone(), line: self.line.clone(), place, deadline })
    }
}

/// A client that has said hello to a [`TlsAcceptor`], and waits for an answer.
///
/// ```
/// # use handfast::{ClientConfig, Identity, ServerConfig, pki::{ServerName, UnixTime, Verifier}};
/// # use std::sync::Arc;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()])?;
/// # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// # let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
/// # let client = Arc::new(ClientConfig::new(Verifier::exactly(made.cert.der().clone()), UnixTime::now));
/// # let server = Arc::new(ServerConfig::new(identity, UnixTime::now));
/// # let (near, far) = tokio::io::duplex(16_384);
/// # let shaking = handfast::TlsConnector::new(client);
/// # let shaking = tokio::spawn(async move {
/// #     shaking.connect(ServerName::try_from("a.example").unwrap(), near).await
/// # });
/// # let acceptor = handfast::TlsAcceptor::new(server.clone());
/// let arriving = acceptor.hello(far).await?;
/// assert_eq!(arriving.hello().server_name.as_deref(), Some("a.example"));
/// let tls = arriving.accept(&server).await?;
/// assert!(tls.info().version.is_some());
/// # shaking.await??;
/// # Ok(())
/// # }
/// ```
pub struct Arriving<S> {
    hello: Hello,
    stream: AsyncTlsStream<S>,
    manner: Manner,
    line: Line,
    place: Option<Place>,
    deadline: Deadline,
}

impl<S> Arriving<S> {
    /// What the client says.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        self.stream.get_ref()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Arriving<S> {
    /// Shakes hands with this configuration.
    ///
    /// # Errors
    /// As [`TlsAcceptor::accept`].
    pub async fn accept(self, config: &Arc<ServerConfig>) -> io::Result<AsyncTlsStream<S>> {
        Box::pin(self.shake_hands(config)).await
    }

    async fn shake_hands(self, config: &Arc<ServerConfig>) -> io::Result<AsyncTlsStream<S>> {
        let Self { mut stream, manner, line, place, deadline, .. } = self;
        if let Err(error) = stream.answer(Answer::Configuration(Arc::clone(config))).await {
            stream.give_up().await;
            return Err(error);
        }
        manner.shake_hands(stream, Some(&line), place, deadline).await
    }

    /// Sends this alert, as far as the stream takes it at once, and closes.
    ///
    /// # Errors
    /// [`Error::Aborted`], so that it can be returned from where a connection is awaited.
    pub async fn refuse<T>(mut self, alert: AlertDescription) -> io::Result<T> {
        self.stream.connection_mut().abort(alert);
        self.stream.give_up().await;
        Err(Error::Aborted { description: alert }.into())
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").field("handshake_within", &self.manner.within).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Arriving<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arriving").field("hello", &self.hello).finish_non_exhaustive()
    }
}
