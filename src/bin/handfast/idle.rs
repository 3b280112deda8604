//! A stream that does not wait for ever.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// A TCP connection on which waiting fails with [`ErrorKind::TimedOut`] when
/// nothing moved in either direction for so long. Moving bytes sets no timer:
/// it only notes the time.
pub(crate) struct Idle {
    tcp: TcpStream,
    most: Duration,
    moved: Instant,
    heard: Heard,
    timer: Pin<Box<Sleep>>,
}

/// What came from the peer.
#[derive(Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) bytes: u64,
    /// When the last of them came; before any, when the connection was made.
    pub(crate) last: Instant,
}

impl Idle {
    pub(crate) fn new(tcp: TcpStream, most: Duration) -> Self {
        let now = Instant::now();
        Self { tcp, most, moved: now, heard: Heard { bytes: 0, last: now }, timer: Box::pin(sleep(most)) }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard
    }

    pub(crate) fn get_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.moved = Instant::now();
            return done;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let until = self.moved + self.most;
            if until <= Instant::now() {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl AsyncRead for Idle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.tcp).poll_read(cx, buf);
        let came = buf.filled().len().saturating_sub(before) as u64;
        if came > 0 {
            self.heard = Heard { bytes: self.heard.bytes.saturating_add(came), last: Instant::now() };
        }
        self.watch(cx, done)
    }
}

impl AsyncWrite for Idle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.watch(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.watch(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
