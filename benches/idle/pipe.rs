//! A stream in memory that would block, and holds nothing while it is empty.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
}

pub(crate) struct Pipe {
    from: Arc<Mutex<Way>>,
    to: Arc<Mutex<Way>>,
}

/// Two ends; one that is dropped ends nothing.
pub(crate) fn pipe() -> (Pipe, Pipe) {
    let (a, b) = (Arc::default(), Arc::default());
    (Pipe { from: Arc::clone(&a), to: Arc::clone(&b) }, Pipe { from: b, to: a })
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = &mut self.from.lock().unwrap().bytes;
        let n = bytes.read(into)?;
        if bytes.is_empty() {
            *bytes = VecDeque::new();
        }
        if n == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut to = self.to.lock().unwrap();
        if let Some(reader) = to.reader.take() {
            reader.wake();
        }
        to.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.read(into.initialize_unfilled()) {
            Err(_) => {
                this.from.lock().unwrap().reader = Some(cx.waker().clone());
                Poll::Pending
            }
            Ok(n) => {
                into.advance(n);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
