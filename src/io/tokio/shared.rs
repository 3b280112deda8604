//! One stream for two halves, of which each polls one direction.

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// A stream that both halves of [`AsyncTlsStream::into_split`](crate::AsyncTlsStream::into_split)
/// have. Its lock is held while the stream is polled, never while one waits.
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
/// use handfast::{AsyncTlsReader, AsyncTlsWriter, Shared};
/// // Where the halves are kept, their types are to be named.
/// struct Halves<S> {
///     reader: AsyncTlsReader<Shared<S>>,
///     writer: AsyncTlsWriter<Shared<S>>,
/// }
/// let (reader, writer) = tls.into_split()?;
/// let halves = Halves { reader, writer };
/// assert_eq!(halves.reader.info().version, halves.writer.info().version);
/// # Ok(())
/// # }
/// ```
pub struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    pub(super) fn two(stream: S) -> (Self, Self) {
        let stream = Arc::new(Mutex::new(stream));
        (Self(Arc::clone(&stream)), Self(stream))
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        // A stream that panics in one half is the other's to poll again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shared<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shared<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
