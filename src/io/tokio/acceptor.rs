//! Connections of servers, with their handshakes done.

use super::handshake::{Manner, too_late, until};
use super::stream::AsyncTlsStream;
use crate::config::{Live, ServerConfig};
use crate::error::Error;
use crate::limits;
use crate::question::{Answer, OwnedQuestion};
use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::sync::Semaphore;
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
/// - At most [`limits::HANDSHAKES_AT_ONCE`] are done at once, unless
///   [`at_once`](Self::at_once) says otherwise. Whoever comes then waits in line,
///   and that counts in its time: nobody stands there for longer.
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
    places: Arc<Semaphore>,
}

impl TlsAcceptor {
    /// With a configuration, or with a [`Live`] one: each connection takes what is
    /// in force when it begins.
    pub fn new(config: impl Into<Live<ServerConfig>>) -> Self {
        Self {
            config: config.into(),
            manner: Manner::within(limits::HANDSHAKE_TIME),
            places: Arc::new(Semaphore::new(limits::HANDSHAKES_AT_ONCE)),
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
        self.places = Arc::new(Semaphore::new(handshakes.clamp(1, Semaphore::MAX_PERMITS)));
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
        let deadline = self.manner.deadline();
        let _place = match until(deadline, self.places.acquire()).await {
            Some(Ok(place)) => place,
            // Nobody closes it.
            Some(Err(_closed)) => return Err(Error::Limit("handshakes at once").into()),
            None => return Err(too_late(deadline, "Start", "a place among the handshakes at once")),
        };
        let stream = AsyncTlsStream::server(&self.config.current(), stream);
        self.manner.shake_hands(stream, deadline).await
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").field("handshake_within", &self.manner.within).finish_non_exhaustive()
    }
}
