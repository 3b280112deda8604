//! A client's early data, as a writer of its own: what may be replayed is never
//! written by accident.

use super::super::transport::{Early, seal};
use super::stream::AsyncTlsStream;
use super::wake::Half;
use ::tokio::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Writes early data, before the handshake is done: see [`AsyncTlsStream::early_writer`].
///
/// `write` gives 0 where no more may go. `shutdown` only flushes: early data ends when
/// the handshake goes on.
pub struct AsyncEarlyWriter<'a, S> {
    stream: &'a mut AsyncTlsStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncTlsStream<S> {
    /// Writes early data, which may be replayed: what is said of
    /// [`TlsStream::early_writer`](crate::TlsStream::early_writer) holds here, too.
    /// [`TlsConnector::connect_early`](crate::TlsConnector::connect_early) does it on the way.
    ///
    /// ```
    /// # use handfast::AsyncTlsStream;
    /// # use tokio::io::{AsyncWriteExt, DuplexStream};
    /// # async fn example(mut tls: AsyncTlsStream<DuplexStream>) -> std::io::Result<()> {
    /// if let Some(mut early) = tls.early_writer() {
    ///     early.write(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").await?;
    /// }
    /// tls.handshake().await?; // and info() says what became of it
    /// # Ok(())
    /// # }
    /// ```
    pub fn early_writer(&mut self) -> Option<AsyncEarlyWriter<'_, S>> {
        (self.connection().early_left() > 0).then_some(AsyncEarlyWriter { stream: self })
    }

    /// Writes early data, of which the first goes with the ClientHello; 0 where no more
    /// may go.
    pub(super) fn poll_write_early(
        &mut self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.connection().check() {
            return Poll::Ready(Err(self.fail(Half::Writer, cx, error)));
        }
        if self.info().early_data_sent > 0 {
            ready!(self.poll_send(Half::Writer, cx))?;
        }
        Poll::Ready(match seal(&mut Early(self.connection_mut()), from) {
            Err(error) => Err(self.fail(Half::Writer, cx, error)),
            Ok(n) => {
                let _met_again_by_the_next_call = self.poll_send(Half::Writer, cx);
                Ok(n)
            }
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for AsyncEarlyWriter<'_, S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().stream.poll_write_early(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().stream.poll_write_early(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
