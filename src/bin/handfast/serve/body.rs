//! The body of an answer, which tells its end.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes read from a file at once.
const CHUNK: u64 = 256 * 1024;

/// A body; `ended` is called with the number of bytes that were taken when it
/// is dropped, whole or not.
pub(crate) struct Told<F: FnMut(u64, bool)> {
    source: Source,
    left: u64,
    taken: u64,
    ended: F,
}

enum Source {
    Memory(Option<Bytes>),
    /// The next chunk is read while the last one is sent.
    File(JoinHandle<(File, io::Result<Vec<u8>>)>),
    /// There is nothing more.
    Over,
}

impl<F: FnMut(u64, bool)> Told<F> {
    pub(crate) fn memory(bytes: impl Into<Bytes>, ended: F) -> Self {
        let bytes = bytes.into();
        let left = bytes.len() as u64;
        let source = if bytes.is_empty() { Source::Over } else { Source::Memory(Some(bytes)) };
        Self { source, left, taken: 0, ended }
    }

    /// So many bytes of a file, from where it stands.
    pub(crate) fn file(file: File, length: u64, ended: F) -> Self {
        let source = if length == 0 { Source::Over } else { read(file, length) };
        Self { source, left: length, taken: 0, ended }
    }
}

fn read(mut file: File, left: u64) -> Source {
    Source::File(spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(left.min(CHUNK) as usize);
        let read = (&mut file).take(left.min(CHUNK)).read_to_end(&mut chunk);
        (file, read.map(|_| chunk))
    }))
}

impl<F: FnMut(u64, bool) + Unpin> Body for Told<F> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let bytes = match &mut this.source {
            Source::Over => return Poll::Ready(None),
            Source::Memory(bytes) => bytes.take().unwrap_or_default(),
            Source::File(reading) => {
                let (file, chunk) = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)?;
                let chunk = match chunk {
                    Ok(chunk) if !chunk.is_empty() => chunk,
                    // Shorter than it was: the promised length cannot be kept.
                    Ok(_) => return this.fail(io::ErrorKind::UnexpectedEof.into()),
                    Err(error) => return this.fail(error),
                };
                let left = this.left.saturating_sub(chunk.len() as u64);
                this.source = if left > 0 { read(file, left) } else { Source::Over };
                chunk.into()
            }
        };
        this.left = this.left.saturating_sub(bytes.len() as u64);
        this.taken += bytes.len() as u64;
        if this.left == 0 {
            this.source = Source::Over;
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Over)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl<F: FnMut(u64, bool)> Told<F> {
    fn fail<T>(&mut self, error: io::Error) -> Poll<Option<Result<T, io::Error>>> {
        self.source = Source::Over;
        Poll::Ready(Some(Err(error)))
    }
}

impl<F: FnMut(u64, bool)> Drop for Told<F> {
    fn drop(&mut self) {
        (self.ended)(self.taken, self.left == 0);
    }
}
