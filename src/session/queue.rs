//! What a server has for a store that is elsewhere: sessions to keep and to forget, in
//! a line of bounded length. No handshake waits for it.

use crate::limits;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What is to be done in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionWrite {
    /// Keep a session: what [`Question::Session`](crate::Question::Session) asks for by
    /// this id is answered with it.
    Keep {
        /// The id.
        id: [u8; 32],
        /// The session, sealed under the ticket keys: it can be neither read nor
        /// exchanged for another one.
        sealed: Vec<u8>,
        /// For how long; behind that it is of no use.
        lives: Duration,
    },
    /// Forget a session: it was resumed, and is for one use.
    Forget {
        /// The id.
        id: [u8; 32],
    },
}

/// Where a server puts what its store is to do, and whoever reaches the store takes it
/// (see [`ServerConfig::session_store`](crate::ServerConfig::session_store)).
///
/// It is bounded: a session for which there is no room is not kept, and
/// [counted](Self::dropped). Its client shakes hands in full the next time; that is all
/// that a lost write costs.
///
/// Several may take from it, threads and tasks alike; each write goes to one of them.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, server) = pair::configs();
/// use handfast::{ClientSessions, SessionQueue, SessionWrite};
/// use std::{sync::Arc, time::Duration};
/// let queue = Arc::new(SessionQueue::new());
/// let server = server.session_store(queue.clone()).stateful_tickets();
/// # let client = client.sessions(ClientSessions::new());
/// # pair::connect(&client, &server)?;
/// // A thread that writes to the store:
/// let Some(SessionWrite::Keep { id, sealed, lives }) = queue.take(Duration::from_secs(1)) else {
///     panic!("nobody has come");
/// };
/// assert!(lives <= Duration::from_secs(24 * 3600));
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Default)]
pub struct SessionQueue {
    line: Mutex<Line>,
    written: Condvar,
}

#[derive(Default)]
struct Line {
    writes: VecDeque<SessionWrite>,
    /// Of the sessions in it.
    octets: usize,
    dropped: u64,
    /// The futures that wait, by their numbers.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl SessionQueue {
    /// An empty queue of at most [`limits::SESSION_WRITES`] writes and
    /// [`limits::SESSION_OCTETS_WRITTEN`] octets.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many writes wait.
    pub fn len(&self) -> usize {
        self.line().writes.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many writes found no room in all: the store is slower than the server, or
    /// nobody takes from the queue.
    pub fn dropped(&self) -> u64 {
        self.line().dropped
    }

    /// The next write; blocks until there is one, and no longer than `timeout`: with
    /// none, it does not wait at all.
    pub fn take(&self, timeout: Duration) -> Option<SessionWrite> {
        let waited = self.written.wait_timeout_while(self.line(), timeout, |line| line.writes.is_empty());
        let (mut line, _) = waited.unwrap_or_else(PoisonError::into_inner);
        line.take()
    }

    /// The next write, for a task. To drop the future loses nothing.
    ///
    /// ```
    /// # use handfast::{SessionQueue, SessionWrite};
    /// async fn write(queue: &SessionQueue, mut to: impl AsyncFnMut(SessionWrite)) {
    ///     loop {
    ///         to(queue.taken().await).await;
    ///     }
    /// }
    /// ```
    pub fn taken(&self) -> impl Future<Output = SessionWrite> + Send + '_ {
        Taken { queue: self, number: None }
    }

    /// Puts a write into the line, if there is room. Where a session is to be
    /// forgotten, some is left: it was kept, and took no more room than it gave back.
    pub(crate) fn put(&self, write: SessionWrite) {
        let mut line = self.line();
        let (length, octets) = match &write {
            SessionWrite::Keep { sealed, .. } => (limits::SESSION_WRITES, sealed.len()),
            SessionWrite::Forget { .. } => (2 * limits::SESSION_WRITES, 0),
        };
        let room = limits::SESSION_OCTETS_WRITTEN.saturating_sub(line.octets);
        if line.writes.len() >= length || octets > room {
            line.dropped = line.dropped.saturating_add(1);
            return;
        }
        line.octets += octets;
        line.writes.push_back(write);
        let wakers = std::mem::take(&mut line.wakers);
        drop(line);
        self.written.notify_one();
        // All of them: one that is woken may be gone before it looks.
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Nobody panics while holding it, and what it holds is never half written.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn take(&mut self) -> Option<SessionWrite> {
        let write = self.writes.pop_front()?;
        if let SessionWrite::Keep { sealed, .. } = &write {
            self.octets = self.octets.saturating_sub(sealed.len());
        }
        Some(write)
    }
}

/// A task that waits for a write.
struct Taken<'q> {
    queue: &'q SessionQueue,
    /// Its number among those that wait.
    number: Option<u64>,
}

impl Future for Taken<'_> {
    type Output = SessionWrite;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<SessionWrite> {
        let mut line = self.queue.line();
        if let Some(write) = line.take() {
            return Poll::Ready(write);
        }
        let number = self.number.unwrap_or(line.next);
        line.next = line.next.max(number + 1);
        line.wakers.retain(|(waiting, _)| *waiting != number);
        line.wakers.push((number, cx.waker().clone()));
        drop(line);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.queue.line().wakers.retain(|(waiting, _)| *waiting != number);
        }
    }
}

impl fmt::Debug for SessionQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line();
        write!(f, "SessionQueue({}, {} dropped)", line.writes.len(), line.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    const AT_ONCE: Duration = Duration::ZERO;

    fn keep(number: u8, length: usize) -> SessionWrite {
        SessionWrite::Keep { id: [number; 32], sealed: vec![number; length], lives: Duration::from_secs(1) }
    }

    fn forget(number: u8) -> SessionWrite {
        SessionWrite::Forget { id: [number; 32] }
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn what_is_put_first_is_taken_first() {
        let queue = SessionQueue::new();
        assert_eq!(queue.take(AT_ONCE), None);
        [keep(1, 3), forget(1), keep(2, 3)].into_iter().for_each(|write| queue.put(write));
        assert_eq!((queue.len(), queue.dropped()), (3, 0));
        for expected in [keep(1, 3), forget(1), keep(2, 3)] {
            assert_eq!(queue.take(AT_ONCE), Some(expected));
        }
        assert!(queue.is_empty() && queue.line().octets == 0);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let queue = SessionQueue::new();
        (0..limits::SESSION_WRITES + 3).for_each(|_| queue.put(keep(1, 1)));
        assert_eq!((queue.len(), queue.dropped()), (limits::SESSION_WRITES, 3));
        // There is room to forget as many.
        (0..limits::SESSION_WRITES + 2).for_each(|_| queue.put(forget(1)));
        assert_eq!((queue.len(), queue.dropped()), (2 * limits::SESSION_WRITES, 5));
        assert_eq!(format!("{queue:?}"), "SessionQueue(16384, 5 dropped)");

        let queue = SessionQueue::new();
        for (length, dropped) in [(limits::SESSION_OCTETS_WRITTEN, 0), (1, 1), (0, 1)] {
            queue.put(keep(1, length));
            assert_eq!(queue.dropped(), dropped);
        }
        // What is taken gives its room back.
        queue.take(AT_ONCE);
        queue.put(keep(1, limits::SESSION_OCTETS_WRITTEN));
        assert_eq!((queue.len(), queue.dropped()), (2, 1));
    }

    #[test]
    fn each_write_goes_to_one_of_several_threads() {
        const EACH: usize = 500;
        let queue = SessionQueue::new();
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(SessionWrite::Keep { sealed, .. }) = queue.take(Duration::from_secs(60)) {
                        if sealed.is_empty() {
                            break;
                        }
                        taken.fetch_add(1, SeqCst);
                    }
                });
            }
            for _ in 0..4 {
                scope.spawn(|| (0..EACH).for_each(|_| queue.put(keep(1, 1))));
            }
            while taken.load(SeqCst) < 4 * EACH {
                std::thread::yield_now();
            }
            // The end, for each of them.
            (0..4).for_each(|_| queue.put(keep(0, 0)));
        });
        assert_eq!((taken.into_inner(), queue.len(), queue.dropped()), (4 * EACH, 0, 0));
    }

    #[test]
    fn tasks_are_woken_and_who_goes_away_takes_nothing_along() {
        let queue = SessionQueue::new();
        let woken: [Arc<Woken>; 3] = Default::default();
        let wakers = woken.clone().map(Waker::from);
        let mut tasks: Vec<_> = (0..3).map(|_| Box::pin(queue.taken())).collect();
        for (task, waker) in tasks.iter_mut().zip(&wakers) {
            // Twice: it is known once.
            for _ in 0..2 {
                assert!(task.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
            }
        }
        assert_eq!(queue.line().wakers.len(), 3);
        tasks.pop();
        assert_eq!(queue.line().wakers.len(), 2);
        queue.put(keep(1, 1));
        assert_eq!([0, 1, 2].map(|n| woken[n].0.load(SeqCst)), [1, 1, 0]);
        // The first that was woken is dropped before it looks: the write is the second's.
        drop(tasks.remove(0));
        let taken = tasks[0].as_mut().poll(&mut Context::from_waker(&wakers[1]));
        assert_eq!(taken, Poll::Ready(keep(1, 1)));
        assert!(queue.is_empty() && queue.line().wakers.is_empty());
        // A thread and a task.
        let mut task = Box::pin(queue.taken());
        assert!(task.as_mut().poll(&mut Context::from_waker(&wakers[2])).is_pending());
        queue.put(keep(2, 1));
        assert_eq!(queue.take(AT_ONCE), Some(keep(2, 1)));
        assert!(task.as_mut().poll(&mut Context::from_waker(&wakers[2])).is_pending());
        queue.put(keep(3, 1));
        assert_eq!(task.as_mut().poll(&mut Context::from_waker(&wakers[2])), Poll::Ready(keep(3, 1)));
        assert_eq!(woken[2].0.load(SeqCst), 2);
    }
}
