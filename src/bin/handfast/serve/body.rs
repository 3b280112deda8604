//! The body of an answer, which tells its end.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that has so many bytes; `ended` is called with the number of those that
/// were taken when it is dropped, whole or not.
pub(crate) struct Told<B, F: FnMut(u64, bool)> {
    inner: B,
    left: u64,
    taken: u64,
    ended: F,
}

impl<B, F: FnMut(u64, bool)> Told<B, F> {
    pub(crate) fn new(inner: B, length: u64, ended: F) -> Self {
        Self { inner, left: length, taken: 0, ended }
    }
}

impl<B: Body<Data = Bytes> + Unpin, F: FnMut(u64, bool) + Unpin> Body for Told<B, F> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let n = data.map_or(0, Bytes::len) as u64;
        this.left = this.left.saturating_sub(n);
        this.taken = this.taken.saturating_add(n);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl<B, F: FnMut(u64, bool)> Drop for Told<B, F> {
    fn drop(&mut self) {
        (self.ended)(self.taken, self.left == 0);
    }
}
