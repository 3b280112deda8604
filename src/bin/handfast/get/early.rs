//! `--early-data`: the request goes with the ClientHello (RFC 8470 section 4).
//!
//! ```text
//!   request -> hyper -> octets -> early data
//!                          '----> Begun: what the server took is not written again
//! ```

use crate::idle::Idle;
use handfast::{AsyncTlsStream, EarlyData};
use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// The octets of a request, as hyper writes them.
pub(crate) async fn octets(request: Request<Empty<Bytes>>) -> Option<Vec<u8>> {
    let paper = Paper::default();
    let (mut sender, connection) = http1::handshake(TokioIo::new(paper.clone())).await.ok()?;
    // Nobody answers: it is over when all is written.
    tokio::select! {
        biased;
        _ = sender.send_request(request) => {}
        _ = connection => {}
        () = paper.is_whole() => {}
    }
    Some(std::mem::take(&mut *paper.written()))
}

/// Keeps what is written, and never answers.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn written(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request without a body ends with its header.
    async fn is_whole(&self) {
        while !self.written().ends_with(b"\r\n\r\n") {
            tokio::task::yield_now().await;
        }
    }
}

impl AsyncRead for Paper {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Paper {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Sends as much of a request as the session allows, with the ClientHello.
pub(crate) async fn send(tls: &mut AsyncTlsStream<Idle>, request: &[u8]) -> io::Result<()> {
    let mut rest = request;
    while !rest.is_empty()
        && let Some(mut early) = tls.early_writer()
    {
        match early.write(rest).await? {
            0 => break,
            n => rest = rest.get(n..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// A stream on which the server has the beginning of the request already.
pub(crate) struct Begun {
    tls: AsyncTlsStream<Idle>,
    /// Octets that are not to be written again.
    skip: usize,
    /// Who reads waits for them: an answer that is there before its request is none.
    reader: Option<Waker>,
}

impl Begun {
    /// The handshake is done: what the server did not take is to be written once more.
    pub(crate) fn new(tls: AsyncTlsStream<Idle>) -> Self {
        let skip = match tls.info().early_data {
            EarlyData::Accepted => tls.info().early_data_sent as usize,
            _ => 0,
        };
        Self { tls, skip, reader: None }
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.skip > 0 {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.skip > 0 && !buf.is_empty() {
            let n = self.skip.min(buf.len());
            self.skip -= n;
            if self.skip == 0
                && let Some(reader) = self.reader.take()
            {
                reader.wake();
            }
            return Poll::Ready(Ok(n));
        }
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
