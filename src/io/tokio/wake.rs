//! One stream, two tasks: whoever waits for it is woken.
//!
//! A stream remembers one waker for each direction, that of the last poll. But
//! either half may drive the handshake, and a reader sends what a writer left, or
//! an alert: it would take the other half's place, which then sleeps for ever. So
//! such polls leave a waker that wakes both.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// For whom a poll is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Reader,
    Writer,
}

/// Whoever waits; nothing while nobody does.
#[derive(Default)]
pub(super) struct Waiting(Option<Arc<Both>>);

#[derive(Default)]
pub(super) struct Both(Mutex<[Option<Waker>; 2]>);

impl Both {
    fn wakers(&self) -> std::sync::MutexGuard<'_, [Option<Waker>; 2]> {
        // Nobody panics while holding it, and what it holds is never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Waking may run foreign code: not under the lock.
        let wakers = self.wakers().clone();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Waiting {
    /// Notes that this half waits, and gives the waker of both.
    pub(super) fn both(&mut self, half: Half, cx: &Context<'_>) -> Waker {
        Waker::from(Arc::clone(self.note(half, cx)))
    }

    /// Wakes the half that this one is not, once.
    pub(super) fn wake_other(&self, half: Half) {
        let other = |both: &Arc<Both>| both.wakers()[usize::from(half == Half::Reader)].take();
        if let Some(waker) = self.0.as_ref().and_then(other) {
            waker.wake();
        }
    }

    /// Notes that this half waits.
    pub(super) fn note(&mut self, half: Half, cx: &Context<'_>) -> &Arc<Both> {
        let both = self.0.get_or_insert_default();
        {
            let [reader, writer] = &mut *both.wakers();
            let place = match half {
                Half::Reader => reader,
                Half::Writer => writer,
            };
            match place {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *place = Some(cx.waker().clone()),
            }
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[derive(Default)]
    struct Count(AtomicU8);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn both_are_woken() {
        let [reader, writer] = [(); 2].map(|()| Arc::new(Count::default()));
        let mut waiting = Waiting::default();
        waiting.note(Half::Writer, &Context::from_waker(&writer.clone().into()));
        let waker = waiting.both(Half::Reader, &Context::from_waker(&reader.clone().into()));
        waker.wake_by_ref();
        waker.wake();
        assert_eq!([&reader, &writer].map(|count| count.0.load(Ordering::SeqCst)), [2, 2]);
    }
}
