//! A connection over a byte stream, with tokio's traits.
//!
//! ```text
//!   poll_read  <- lent by the connection <- space()   <- the stream
//!   poll_write -> window                 -> pending() -> the stream
//! ```
//!
//! What a call took it reports, whatever comes then; a read reports what was
//! received first, whatever became of the other direction.

use super::super::error::write_after_close;
use super::super::stream::{EARLY_DATA_WAITS, unanswered};
use super::super::transport::{ReadBefore, is_broken, seal};
use super::resting::Resting;
use super::shared::Shared;
use super::split::{self, AsyncTlsReader, AsyncTlsWriter, poll_read};
use super::transport::{poll_fill, poll_send};
use super::wake::{Half, Waiting};
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::{Close, Connection, Event};
use crate::error::Error;
use crate::info::ConnectionInfo;
use crate::pki::ServerName;
use crate::question::{Answer, OwnedQuestion, Question};
use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A [`Connection`] over a stream `S` of tokio's kind, such as `tokio::net::TcpStream`.
///
/// What is said of [`TlsStream`](crate::TlsStream) holds here too: the first
/// read or write does the handshake, `read` gives 0 only after the peer's
/// close_notify, and a stream that ends without it is [`Error::Truncated`].
///
/// - `write` encrypts, and sends as far as the stream takes it; `flush` waits
///   until it took all. A read sends what is left before it waits. Any of them
///   may be dropped half way: the next call goes on.
/// - A `write` that took data says so, whatever comes then. An error of the stream
///   is told by the next `write`, `flush` or `shutdown`, the peer's alert by `read`.
/// - `shutdown` says with close_notify that this side sends no more, and shuts
///   the stream's sending direction down. Reading goes on, and writing after the
///   peer's close_notify, in TLS 1.2 as in TLS 1.3: see [`Connection::close`].
/// - Before an error of the connection is returned, the alert that tells the
///   peer is sent if the stream takes it at once; `shutdown` sends it surely.
/// - A KeyUpdate that the peer asks for goes before the next data that is written,
///   or before close_notify (RFC 9846 section 4.7.3): a read makes none.
/// - [`into_split`](Self::into_split) gives halves for two tasks that never wait for
///   each other; `tokio::io::split` such that share this stream, before the handshake,
///   too. Where one finds that the connection failed, the other is woken and told.
///
/// ```no_run
/// use handfast::{AsyncTlsStream, ClientConfig, pki::{Roots, ServerName, UnixTime, Verifier}};
/// use std::sync::Arc;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # async fn example(tcp: tokio::io::DuplexStream) -> Result<(), Box<dyn std::error::Error>> {
/// let config = Arc::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
/// let mut tls = AsyncTlsStream::client(&config, ServerName::try_from("example.com")?, tcp)?;
/// tls.handshake().await?;
/// tls.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").await?;
/// tls.flush().await?;
/// let mut answer = Vec::new();
/// tls.read_to_end(&mut answer).await?;
/// # Ok(())
/// # }
/// ```
pub struct AsyncTlsStream<S> {
    connection: Connection,
    stream: S,
    read_before: ReadBefore,
    waiting: Waiting,
    resting: Resting,
    /// The reader could not send what it owes: whoever writes must wake it.
    reader_sends: bool,
    /// The stream took bytes that it may hold back.
    unflushed: bool,
}

impl<S> AsyncTlsStream<S> {
    /// A client for a server of this name.
    ///
    /// # Errors
    /// The system's randomness fails.
    pub fn client(config: &Arc<ClientConfig>, name: ServerName<'_>, stream: S) -> Result<Self, Error> {
        Ok(Self::new(Connection::client(config, name)?, stream))
    }

    /// A server.
    pub fn server(config: &Arc<ServerConfig>, stream: S) -> Self {
        Self::new(Connection::server(config), stream)
    }

    /// A server whose configuration is chosen when the ClientHello is there: see
    /// [`Connection::server_asking`]. [`TlsAcceptor::hello`](crate::TlsAcceptor::hello)
    /// does it in two steps.
    pub fn server_asking(stream: S) -> Self {
        Self::new(Connection::server_asking(None), stream)
    }

    /// Over a connection that was made before, in whatever state it is.
    pub fn new(connection: Connection, stream: S) -> Self {
        Self {
            connection,
            stream,
            read_before: ReadBefore::default(),
            waiting: Waiting::default(),
            resting: Resting::default(),
            reader_sends: false,
            unflushed: false,
        }
    }

    /// Takes bytes of the peer that were already read from the stream.
    pub fn with_read_bytes(mut self, bytes: &[u8]) -> Self {
        self.read_before.push(bytes);
        self
    }

    /// Gives the expanded keys back when a read has waited as long as `sleep`,
    /// and at most twice as long, with nothing read or written; the next record
    /// makes them again in a fifth of a microsecond. `sleep` makes the timer, of
    /// whichever runtime: none is set before a read waits.
    ///
    /// Buffers need no timer: a read that waits with nothing to decrypt holds
    /// none, nor does a write whose bytes the stream took.
    ///
    /// ```
    /// # use handfast::{AsyncTlsStream, Identity, ServerConfig};
    /// # use std::{sync::Arc, time::Duration};
    /// # fn example(config: &Arc<ServerConfig>, tcp: tokio::io::DuplexStream) {
    /// let tls = AsyncTlsStream::server(config, tcp)
    ///     .rest_after(|| tokio::time::sleep(Duration::from_secs(10)));
    /// # }
    /// ```
    pub fn rest_after<F>(mut self, sleep: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.resting = Resting::after(sleep);
        self
    }

    /// The connection: what was negotiated, exported keying material.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The same, to ask for KeyUpdates or to give idle memory back. What it
    /// wants to send goes out with the next flush, write or waiting read.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What was negotiated so far.
    pub fn info(&self) -> &ConnectionInfo {
        self.connection.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream below. Whoever reads from it or writes to it breaks the connection.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back, and gives the connection up: bytes that it has
    /// read ahead are lost.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Gives the two directions away, for two tasks that never wait for each other,
    /// whatever the stream is. They share it behind a lock, which is held while it
    /// is polled; a stream with halves of its own needs none:
    /// [`into_split_with`](Self::into_split_with).
    ///
    /// ```
    /// # use handfast::AsyncTlsStream;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    /// # async fn example(tls: AsyncTlsStream<DuplexStream>) -> std::io::Result<()> {
    /// let (mut reader, mut writer) = tls.into_split()?;
    /// let reading = tokio::spawn(async move {
    ///     let mut all = Vec::new();
    ///     reader.read_to_end(&mut all).await.map(|_| all)
    /// });
    /// writer.write_all(b"a question").await?;
    /// writer.shutdown().await?;
    /// let answer = reading.await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Misuse`] before the [`handshake`](Self::handshake) is done; the error
    /// of a connection that failed. The stream is gone then.
    #[allow(clippy::type_complexity)] // two halves, of two kinds
    pub fn into_split(self) -> Result<(AsyncTlsReader<Shared<S>>, AsyncTlsWriter<Shared<S>>), Error> {
        self.into_split_with(Shared::two)
    }

    /// The same over the two halves of the stream, such as those of
    /// `tokio::net::TcpStream::into_split`.
    ///
    /// ```no_run
    /// # use handfast::AsyncTlsStream;
    /// use tokio::net::TcpStream;
    /// # fn example(tls: AsyncTlsStream<TcpStream>) -> std::io::Result<()> {
    /// let (reader, writer) = tls.into_split_with(TcpStream::into_split)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`into_split`](Self::into_split).
    pub fn into_split_with<R, W>(
        self,
        split: impl FnOnce(S) -> (R, W),
    ) -> Result<(AsyncTlsReader<R>, AsyncTlsWriter<W>), Error> {
        let (receiver, sender) = self.connection.split()?;
        let (from, to) = split(self.stream);
        Ok(split::halves((receiver, from, self.read_before, self.resting), (sender, to, self.unflushed)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncTlsStream<S> {
    /// Does the handshake, unless it is done, and sends the whole of this
    /// side's last flight. Dropped half way, it goes on with the next call.
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
    /// # let mut peer = handfast::AsyncTlsStream::server(&server, far);
    /// # let peer = tokio::spawn(async move { peer.handshake().await.map(|()| peer) });
    /// use handfast::AsyncTlsStream;
    /// let mut tls = AsyncTlsStream::client(&client, ServerName::try_from("a.example")?, near)?;
    /// tls.handshake().await?;
    /// assert!(tls.info().is_proven());
    /// # peer.await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection or the stream failed, or the handshake asks something
    /// that the configuration does not answer: see [`handshake_with`](Self::handshake_with).
    pub async fn handshake(&mut self) -> io::Result<()> {
        self.handshake_with(|_| None).await
    }

    /// Does the handshake, and answers its questions with `answer`. Where that
    /// gives `None` the call fails, and can be repeated: whoever must wait for
    /// an answer keeps [`Question::into_owned`], and comes back with it.
    ///
    /// # Errors
    /// The connection or the stream failed, or a question was not answered.
    pub async fn handshake_with(
        &mut self,
        mut answer: impl FnMut(Question<'_>) -> Option<Answer>,
    ) -> io::Result<()> {
        poll_fn(|cx| {
            ready!(self.poll_handshake(Half::Writer, cx, is_done, &mut answer))?;
            self.poll_send(Half::Writer, cx)
        })
        .await
    }

    /// The same, with questions answered by an `async fn`: a key or a judge behind a
    /// network. Dropped while an answer is on its way, it asks again in the next call.
    ///
    /// ```
    /// # use handfast::{Answer, AsyncTlsStream, OwnedQuestion};
    /// # use tokio::io::DuplexStream;
    /// # async fn sign_far_away(message: Vec<u8>) -> Option<Vec<u8>> { None }
    /// # async fn example(mut tls: AsyncTlsStream<DuplexStream>) -> std::io::Result<()> {
    /// tls.handshake_async(|question| async move {
    ///     match question {
    ///         OwnedQuestion::Sign { message, .. } => {
    ///             Some(sign_far_away(message).await.map_or(Answer::CannotSign, Answer::Signature))
    ///         }
    ///         _ => None,
    ///     }
    /// }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection or the stream failed, or a question was not answered.
    pub async fn handshake_async<A>(&mut self, mut answer: impl FnMut(OwnedQuestion) -> A) -> io::Result<()>
    where
        A: Future<Output = Option<Answer>>,
    {
        while let Some((question, unanswered)) = self.question(|| {}).await? {
            let answer = answer(question).await.map_or(unanswered, Ok)?;
            self.answer(answer).await?;
        }
        Ok(())
    }

    /// Goes on with the handshake until it asks, and gives the error of nobody who
    /// answers along; `None` where it is done, and sent. `waits` hears when it waits
    /// for the peer.
    pub(super) async fn question(
        &mut self,
        mut waits: impl FnMut(),
    ) -> io::Result<Option<(OwnedQuestion, Result<Answer, Error>)>> {
        let asks = poll_fn(|cx| {
            let polled = match self.poll_question(Half::Writer, cx, is_done) {
                Poll::Ready(Ok(false)) => self.poll_send(Half::Writer, cx).map_ok(|()| false),
                polled => polled,
            };
            if polled.is_pending() {
                waits();
            }
            polled
        });
        if !asks.await? {
            return Ok(None);
        }
        match self.connection.next()? {
            Event::Ask(question) => {
                let unanswered = unanswered(&question);
                Ok(Some((question.into_owned(), unanswered)))
            }
            _ => Ok(None),
        }
    }

    pub(super) async fn answer(&mut self, answer: Answer) -> io::Result<()> {
        match self.connection.answer(answer) {
            Ok(()) => Ok(()),
            Err(error) => Err(poll_fn(|cx| Poll::Ready(self.fail(Half::Writer, cx, error.clone()))).await),
        }
    }

    fn poll_handshake(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        holds: fn(&Connection) -> bool,
        answer: &mut dyn FnMut(Question<'_>) -> Option<Answer>,
    ) -> Poll<io::Result<()>> {
        while ready!(self.poll_question(half, cx, holds))? {
            let Ok(Event::Ask(question)) = self.connection.next() else { continue };
            let unanswered = unanswered(&question);
            let answer = answer(question).map_or(unanswered, Ok)?;
            if let Err(error) = self.connection.answer(answer) {
                return Poll::Ready(Err(self.fail(half, cx, error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Goes on with the handshake until it asks; false where it is done, this holds, or
    /// early data waits.
    fn poll_question(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        holds: fn(&Connection) -> bool,
    ) -> Poll<io::Result<bool>> {
        while !holds(&self.connection) {
            match self.connection.next() {
                Err(error) => return Poll::Ready(Err(self.fail(half, cx, error))),
                Ok(Event::NeedInput) => ready!(self.poll_exchange(half, cx))?,
                Ok(Event::Ask(_)) => return Poll::Ready(Ok(true)),
                Ok(Event::EarlyDataDecided(_)) => {}
                // Done; all else, early data, too, is repeated to whoever reads.
                Ok(_) => break,
            }
        }
        Poll::Ready(Ok(false))
    }

    /// Tells the peer that the handshake is given up, as far as the stream takes it
    /// at once; of a connection that has failed its alert is what is told.
    pub(super) async fn give_up(&mut self) {
        // There is an error to be told already, and nobody waits for this one.
        let _told = poll_fn(|cx| Poll::Ready(Pin::new(&mut *self).poll_shutdown(cx))).await;
    }

    /// Waits until application data can be lent; false at its clean end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        ready!(self.poll_handshake(Half::Reader, cx, is_done, &mut |_| None))?;
        loop {
            match self.connection.next() {
                Err(error) => return Poll::Ready(Err(self.fail(Half::Reader, cx, error))),
                Ok(Event::Data(_)) => return Poll::Ready(Ok(true)),
                Ok(Event::Closed(Close::Clean)) => return Poll::Ready(Ok(false)),
                Ok(Event::Closed(Close::Truncated)) => return Poll::Ready(Err(Error::Truncated.into())),
                Ok(Event::EarlyData(_)) => return Poll::Ready(Err(Error::Misuse(EARLY_DATA_WAITS).into())),
                Ok(Event::NeedInput) => match self.poll_exchange(Half::Reader, cx) {
                    Poll::Ready(exchanged) => {
                        exchanged?;
                        self.resting.busy();
                    }
                    Poll::Pending => {
                        self.wait(cx);
                        return Poll::Pending;
                    }
                },
                Ok(_) => {}
            }
        }
    }

    /// Lends early data; none where no more comes.
    pub(super) fn poll_fill_early_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        ready!(self.poll_handshake(Half::Reader, cx, Connection::early_data_is_over, &mut |_| None))?;
        if self.connection.early_data_is_over() {
            return Poll::Ready(Ok(&[]));
        }
        match self.connection.next() {
            Ok(Event::EarlyData(data)) => Poll::Ready(Ok(data)),
            _ => Poll::Ready(Ok(&[])),
        }
    }

    /// Nothing is there to be read, and a waker is left with the stream: the time
    /// to give back what only a busy connection needs.
    fn wait(&mut self, cx: &mut Context<'_>) {
        if self.connection.pending().is_empty() && !self.unflushed {
            self.waiting = Waiting::default();
        }
        if self.resting.is_due(cx) {
            self.connection.rest();
        }
    }

    /// Reads once. What is pending goes first, as far as the stream takes it: the
    /// peer may be waiting for it. What became of it is told where nothing can be
    /// read. That the stream is broken is not: the peer may have an answer to what
    /// it got.
    fn poll_exchange(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.poll_send(half, cx);
        let both;
        let mut cx = match self.connection.is_handshaking() {
            true => {
                both = self.waiting.both(half, cx);
                Context::from_waker(&both)
            }
            false => Context::from_waker(cx.waker()),
        };
        match (self.poll_fill(&mut cx), sent) {
            (Poll::Pending, Poll::Ready(Err(error))) if !is_broken(&error) => Poll::Ready(Err(error)),
            (filled, _) => filled,
        }
    }

    /// Reads once, what was read before or from the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let space = self.connection.space();
        if ready!(poll_fill(space, &mut self.read_before, &mut self.stream, cx))? == 0 {
            self.connection.filled_eof();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is pending, until the stream took it all and flushed it.
    pub(super) fn poll_send(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.pending().is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        if half == Half::Writer && !self.reader_sends {
            let sent = self.poll_write_pending(cx);
            if sent.is_pending() {
                self.waiting.note(half, cx);
            }
            return sent;
        }
        self.reader_sends |= half == Half::Reader;
        let both = self.waiting.both(half, cx);
        self.poll_write_pending(&mut Context::from_waker(&both))
    }

    fn poll_write_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_send(&mut self.connection, &mut self.stream, &mut self.unflushed, cx))?;
        self.reader_sends = false;
        Poll::Ready(Ok(()))
    }

    /// Sends the alert that tells the peer why the connection failed, and has
    /// the other half look.
    pub(super) fn fail(&mut self, half: Half, cx: &mut Context<'_>, error: Error) -> io::Error {
        // The error to tell is the connection's, whether the alert arrives or not.
        let _best_effort = self.poll_send(half, cx);
        self.waiting.wake_other(half);
        error.into()
    }

    /// Encrypts as much as there is room for, each record filled from one
    /// buffer after the other; then sends it.
    fn poll_encrypt(&mut self, cx: &mut Context<'_>, from: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_handshake(Half::Writer, cx, Connection::may_answer, &mut |_| None))?;
        if from.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        if let Err(error) = self.connection.check() {
            return Poll::Ready(Err(self.fail(Half::Writer, cx, error)));
        }
        ready!(self.poll_send(Half::Writer, cx))?;
        self.resting.busy();
        Poll::Ready(match seal(&mut self.connection, from) {
            Err(error) => Err(self.fail(Half::Writer, cx, error)),
            Ok(0) => Err(write_after_close()),
            Ok(n) => {
                let _met_again_by_the_next_call = self.poll_send(Half::Writer, cx);
                Ok(n)
            }
        })
    }
}

fn is_done(connection: &Connection) -> bool {
    !connection.is_handshaking()
}

/// Lends the application data where it was decrypted, without a copy.
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for AsyncTlsStream<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        match ready!(this.poll_data(cx))? {
            true => match this.connection.next() {
                Ok(Event::Data(data)) => Poll::Ready(Ok(data)),
                _ => Poll::Ready(Ok(&[])),
            },
            false => Poll::Ready(Ok(&[])),
        }
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().connection.consume(n);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for AsyncTlsStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_read(self, cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for AsyncTlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_encrypt(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_encrypt(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(Half::Writer, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.close();
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for AsyncTlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTlsStream")
            .field("stream", &self.stream)
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
