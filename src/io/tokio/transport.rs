//! Reading from and writing to a stream that is polled.

use super::super::transport::{ReadBefore, Source};
use crate::connection::Space;
use crate::error::Error;
use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Reads once, what was read before or from the stream; 0 at its end.
pub(super) fn poll_fill<S: AsyncRead + Unpin>(
    space: Option<Space<'_>>,
    read_before: &mut ReadBefore,
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let Some(mut space) = space else {
        return Poll::Ready(Err(Error::Limit("what was received must be taken first").into()));
    };
    let mut n = read_before.take(&mut space);
    if n == 0 {
        let mut room = ReadBuf::new(&mut space);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        n = room.filled().len();
    }
    space.filled(n);
    Poll::Ready(Ok(n))
}

/// Writes what is pending, until the stream took it all and flushed it;
/// `unflushed` says whether it holds bytes back.
pub(super) fn poll_send<S: AsyncWrite + Unpin>(
    source: &mut impl Source,
    stream: &mut S,
    unflushed: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let pending = source.pending();
        if pending.is_empty() {
            break;
        }
        let n = ready!(Pin::new(&mut *stream).poll_write(cx, pending))?;
        if n == 0 {
            return Poll::Ready(Err(ErrorKind::WriteZero.into()));
        }
        source.sent(n);
        *unflushed = true;
    }
    source.all_sent();
    ready!(Pin::new(stream).poll_flush(cx))?;
    *unflushed = false;
    Poll::Ready(Ok(()))
}
