//! A server's early data, as a reader of its own: what may have been replayed is
//! never read by accident.

use super::split::poll_read;
use super::stream::AsyncTlsStream;
use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reads the early data of a client, where the configuration
/// [takes it](crate::ServerConfig::early_data): see [`AsyncTlsStream::early_reader`].
pub struct AsyncEarlyReader<'a, S> {
    stream: &'a mut AsyncTlsStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncTlsStream<S> {
    /// Reads early data, which may have been replayed: what is said of
    /// [`TlsStream::early_reader`](crate::TlsStream::early_reader) holds here, too.
    ///
    /// ```
    /// # use handfast::TlsAcceptor;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    /// # async fn example(acceptor: TlsAcceptor, tcp: DuplexStream) -> std::io::Result<()> {
    /// let mut tls = acceptor.accept(tcp).await?; // returns as soon as early data is there
    /// let mut request = [0; 1024];
    /// let n = tls.early_reader().read(&mut request).await?;
    /// if request[..n].starts_with(b"GET ") {
    ///     tls.write_all(b"HTTP/1.0 200 OK\r\n").await?; // before the client's Finished
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn early_reader(&mut self) -> AsyncEarlyReader<'_, S> {
        AsyncEarlyReader { stream: self }
    }
}

/// Lends the early data where it was decrypted, without a copy.
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for AsyncEarlyReader<'_, S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().stream.poll_fill_early_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        Pin::new(&mut *self.get_mut().stream).consume(n);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for AsyncEarlyReader<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_read(self, cx, buf)
    }
}
