//! Early data before all else, as one stream of requests (RFC 8470 section 3).
//!
//! ```text
//!   early data | data          as they come: a request may begin in the one and end in
//!   GET .. GET | .. GET ..     the other
//!   early, early, not early
//! ```

use crate::idle::Idle;
use handfast::{AsyncTlsStream, ConnectionInfo};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which requests came as early data, whole or in part. Where that is in doubt, as
/// behind a body, one is said to have come so: it is marked, or asked for again.
#[derive(Default)]
pub(crate) struct Early {
    /// Headers that ended in early data.
    heads: AtomicUsize,
    /// Whether there was more behind the last of them.
    began: AtomicBool,
    /// Requests that were asked about.
    asked: AtomicUsize,
}

impl Early {
    /// Whether the next request is one; asked once about each, in their order.
    pub(crate) fn is_next(&self) -> bool {
        let place = self.asked.fetch_add(1, Ordering::Relaxed);
        place < self.heads.load(Ordering::Relaxed) + usize::from(self.began.load(Ordering::Relaxed))
    }
}

/// Counts the empty lines: each ends a header, and some are in bodies.
#[derive(Default)]
struct Lines {
    heads: usize,
    began: bool,
    /// Whether nothing stands on the line yet that is not its first.
    empty: bool,
}

impl Lines {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.empty => {
                    *self = Self { heads: self.heads + 1, began: false, empty: false };
                }
                b'\n' => self.empty = true,
                b'\r' => {}
                _ => (self.began, self.empty) = (true, false),
            }
        }
    }
}

/// What is done once the handshake is complete.
type Shaken<'a> = Box<dyn FnOnce(&ConnectionInfo) + Send + 'a>;

/// A connection whose handshake may not be complete.
pub(crate) struct Requests<'a> {
    tls: &'a mut AsyncTlsStream<Idle>,
    early: Arc<Early>,
    lines: Lines,
    shaken: Option<Shaken<'a>>,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(
        tls: &'a mut AsyncTlsStream<Idle>,
        early: Arc<Early>,
        shaken: impl FnOnce(&ConnectionInfo) + Send + 'a,
    ) -> Self {
        Self { tls, early, lines: Lines::default(), shaken: Some(Box::new(shaken)) }
    }

    /// The handshake is complete, if it is.
    fn look(&mut self) {
        if !self.tls.connection().is_handshaking()
            && let Some(shaken) = self.shaken.take()
        {
            shaken(self.tls.info());
        }
    }
}

impl AsyncRead for Requests<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.tls.connection().is_handshaking() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.tls.early_reader()).poll_read(cx, buf))?;
            let came = buf.filled().get(before..).unwrap_or_default();
            if !came.is_empty() {
                this.lines.read(came);
                this.early.heads.store(this.lines.heads, Ordering::Relaxed);
                this.early.began.store(this.lines.began, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
        }
        let read = Pin::new(&mut *this.tls).poll_read(cx, buf);
        this.look();
        read
    }
}

impl AsyncWrite for Requests<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.tls).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tls).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of four requests are early when these came so, in pieces of every length.
    #[track_caller]
    fn early(bytes: &str, expected: usize) {
        for piece in 1..=bytes.len().max(1) {
            let mut lines = Lines::default();
            bytes.as_bytes().chunks(piece).for_each(|piece| lines.read(piece));
            let early = Early { heads: lines.heads.into(), began: lines.began.into(), ..Early::default() };
            assert_eq!((0..4).filter(|_| early.is_next()).count(), expected, "{bytes:?} by {piece}");
        }
    }

    #[test]
    fn a_request_that_began_as_early_data_is_early() {
        early("", 0);
        early("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
        early("GET / HTTP/1.1\r\nHost: a\r\n\r", 1);
        early("G", 1);
        early("GET / HTTP/1.1\nHost: a\n\n", 1);
        early("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 2);
        early("GET / HTTP/1.1\r\nHost: a\r\n\r\nG", 2);
        // Empty lines before a request are none.
        early("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 2);
        // A body may begin a request, for all that is known.
        early("GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 2);
    }
}
