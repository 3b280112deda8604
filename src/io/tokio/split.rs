//! A stream in two halves, for two tasks that do not wait for each other.
//!
//! The reader never writes: what it would have to say, the answer to a KeyUpdate or
//! an alert, the writer's next call says. Where it finds that the connection failed,
//! a writer that waits is woken, and told.

use super::super::error::write_after_close;
use super::super::transport::{ReadBefore, seal};
use super::resting::Resting;
use super::transport::{poll_fill, poll_send};
use crate::connection::{Close, Event, Receiver, Sender};
use crate::error::Error;
use crate::info::ConnectionInfo;
use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// The half that reads; it belongs to an [`AsyncTlsWriter`]. Made by
/// [`AsyncTlsStream::into_split`](crate::AsyncTlsStream::into_split).
///
/// - It reports what was received first: data, then the end, then an error.
///   Errors of the writer's stream are none of its own. 0 is read only after the
///   peer's close_notify, and a stream that ends without it is [`Error::Truncated`].
/// - It writes nothing. A KeyUpdate that the peer asks for goes before the
///   writer's next data (RFC 9846 section 4.7.3), the alert of a failure with
///   the writer's next call.
/// - A read may be dropped half way: the next one goes on. One that waits holds no
///   buffer.
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
/// # let mut tls = handfast::AsyncTlsStream::client(&client, ServerName::try_from("a.example")?, near)?;
/// # let mut peer = handfast::AsyncTlsStream::server(&server, far);
/// # tokio::try_join!(tls.handshake(), peer.handshake())?;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// let (mut reader, _writer) = tls.into_split()?;
/// peer.write_all(b"an answer").await?;
/// peer.shutdown().await?;
/// let mut all = Vec::new();
/// reader.read_to_end(&mut all).await?; // to the end, which the peer has said
/// assert_eq!(all, b"an answer");
/// # Ok(())
/// # }
/// ```
pub struct AsyncTlsReader<R> {
    receiver: Receiver,
    stream: R,
    read_before: ReadBefore,
    resting: Resting,
    writer: Arc<Told>,
}

/// The half that writes. Its calls do what those of
/// [`AsyncTlsStream`](crate::AsyncTlsStream) do.
///
/// Where the reader has found that the connection failed, each call sends the
/// alert that tells the peer, as far as the stream takes it, and fails with the
/// reader's error; `shutdown` sends it surely before. A call that waits is woken.
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
/// # let mut tls = handfast::AsyncTlsStream::client(&client, ServerName::try_from("a.example")?, near)?;
/// # let mut peer = handfast::AsyncTlsStream::server(&server, far);
/// # tokio::try_join!(tls.handshake(), peer.handshake())?;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// let (_reader, mut writer) = tls.into_split()?;
/// writer.write_all(b"a question").await?;
/// writer.shutdown().await?; // the reader reads on
/// let mut all = Vec::new();
/// peer.read_to_end(&mut all).await?;
/// assert_eq!(all, b"a question");
/// # Ok(())
/// # }
/// ```
pub struct AsyncTlsWriter<W> {
    sender: Sender,
    stream: W,
    /// The stream took bytes that it may hold back.
    unflushed: bool,
    told: Arc<Told>,
}

/// The writer that waits, for a reader that fails.
#[derive(Default)]
struct Told(Mutex<Option<Waker>>);

impl Told {
    fn wakes(&self, cx: &Context<'_>) {
        let mut waker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
    }

    fn wake(&self) {
        // Waking may run foreign code: not under the lock.
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

pub(super) fn halves<R, W>(
    (receiver, from, read_before, resting): (Receiver, R, ReadBefore, Resting),
    (sender, to, unflushed): (Sender, W, bool),
) -> (AsyncTlsReader<R>, AsyncTlsWriter<W>) {
    let told = Arc::<Told>::default();
    let reader = AsyncTlsReader { receiver, stream: from, read_before, resting, writer: Arc::clone(&told) };
    (reader, AsyncTlsWriter { sender, stream: to, unflushed, told })
}

impl<R> AsyncTlsReader<R> {
    /// What was negotiated.
    pub fn info(&self) -> &ConnectionInfo {
        self.receiver.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &R {
        &self.stream
    }

    /// After a wait: gives the expanded key back, which is made again on use, and
    /// buffers in which nothing lies. [`AsyncTlsStream::rest_after`](crate::AsyncTlsStream::rest_after),
    /// said before the split, does it by itself.
    pub fn rest(&mut self) {
        self.receiver.rest();
    }
}

impl<R: AsyncRead + Unpin> AsyncTlsReader<R> {
    /// Waits until application data can be lent; false at its clean end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            match self.receiver.next() {
                Err(error) => {
                    self.writer.wake();
                    return Poll::Ready(Err(error.into()));
                }
                Ok(Event::Data(_)) => return Poll::Ready(Ok(true)),
                Ok(Event::Closed(Close::Clean)) => return Poll::Ready(Ok(false)),
                Ok(Event::Closed(Close::Truncated)) => return Poll::Ready(Err(Error::Truncated.into())),
                Ok(_) => {}
            }
            match poll_fill(self.receiver.space(), &mut self.read_before, &mut self.stream, cx)? {
                Poll::Ready(0) => self.receiver.filled_eof(),
                Poll::Ready(_) => self.resting.busy(),
                Poll::Pending => {
                    if self.resting.is_due(cx) {
                        self.receiver.rest();
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<W> AsyncTlsWriter<W> {
    /// What was negotiated.
    pub fn info(&self) -> &ConnectionInfo {
        self.sender.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &W {
        &self.stream
    }

    /// After a wait: gives the expanded key back, which is made again on use.
    pub fn rest(&mut self) {
        self.sender.rest();
    }

    /// Makes a KeyUpdate, which goes out with the next write, flush or shutdown; with
    /// `ask_peer` the peer is asked for one, unless it still owes one (RFC 9846
    /// section 4.7.3).
    ///
    /// # Errors
    /// The connection failed, or is one of TLS 1.2; or more waits to be sent than
    /// there is room for, and the keys are not updated: flush first.
    pub fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        self.sender.update_keys(ask_peer)
    }
}

impl<W: AsyncWrite + Unpin> AsyncTlsWriter<W> {
    /// Writes what is pending; one who waits is woken where the reader fails.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sender.pending().is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let sent = poll_send(&mut self.sender, &mut self.stream, &mut self.unflushed, cx);
        if sent.is_pending() {
            self.told.wakes(cx);
        }
        sent
    }

    /// The same; but a failure of the connection comes first, and is told to the peer.
    fn poll_send_unfailed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.poll_send(cx);
        // Behind it: from here on the reader wakes whoever waits.
        match self.sender.check() {
            Err(error) => Poll::Ready(Err(self.fail(cx, error))),
            Ok(()) => sent,
        }
    }

    /// Sends the alert that tells the peer why the connection failed.
    fn fail(&mut self, cx: &mut Context<'_>, error: Error) -> io::Error {
        // The error to tell is the connection's, whether the alert arrives or not.
        let _best_effort = self.poll_send(cx);
        error.into()
    }
}

/// Lends the application data where it was decrypted, without a copy.
impl<R: AsyncRead + Unpin> AsyncBufRead for AsyncTlsReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        match ready!(this.poll_data(cx))? {
            true => match this.receiver.next() {
                Ok(Event::Data(data)) => Poll::Ready(Ok(data)),
                _ => Poll::Ready(Ok(&[])),
            },
            false => Poll::Ready(Ok(&[])),
        }
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().receiver.consume(n);
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for AsyncTlsReader<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_read(self, cx, buf)
    }
}

/// Reads by copying from where the data is lent.
pub(super) fn poll_read<R: AsyncBufRead>(
    mut from: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if buf.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    let data = ready!(from.as_mut().poll_fill_buf(cx))?;
    let (now, _later) = data.split_at(data.len().min(buf.remaining()));
    buf.put_slice(now);
    let n = now.len();
    from.consume(n);
    Poll::Ready(Ok(()))
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AsyncTlsWriter<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// Encrypts as much as there is room for, each record filled from one
    /// buffer after the other; then sends it.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bufs.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        ready!(this.poll_send_unfailed(cx))?;
        Poll::Ready(match seal(&mut this.sender, bufs) {
            Err(error) => Err(this.fail(cx, error)),
            Ok(0) => Err(write_after_close()),
            Ok(n) => {
                let _met_again_by_the_next_call = this.poll_send(cx);
                Ok(n)
            }
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send_unfailed(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.sender.close();
        ready!(this.poll_send(cx))?;
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        Poll::Ready(this.sender.check().map_err(Into::into))
    }
}

impl<R> fmt::Debug for AsyncTlsReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTlsReader").field("info", self.receiver.info()).finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for AsyncTlsWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTlsWriter").finish_non_exhaustive()
    }
}
