//! When a connection that waits has waited so long that its keys go, too.
//!
//! A timer is not set again for each read: one that runs out finds whether
//! anything was read or written since it was set, and is set once more if so.
//! Keys rest after one to two of its times.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Context;

/// Made by the application: no runtime's timer is chosen here.
type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A timer, if there is one.
#[derive(Default)]
pub(super) struct Resting(Option<Box<Mutex<Timer>>>);

/// In a lock, which nobody ever waits for, because a future need not be `Sync`.
struct Timer {
    sleep: Box<dyn FnMut() -> Sleep + Send>,
    running: Option<Sleep>,
    /// Something was read or written since the timer was set.
    busy: bool,
}

impl Resting {
    /// Sleeps so long.
    pub(super) fn after<F>(mut sleep: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let sleep = Box::new(move || Box::pin(sleep()) as Sleep);
        Self(Some(Box::new(Mutex::new(Timer { sleep, running: None, busy: true }))))
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        self.0.as_mut().map(|timer| timer.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something was read or written.
    pub(super) fn busy(&mut self) {
        if let Some(timer) = self.timer() {
            timer.busy = true;
        }
    }

    /// Nothing is there to be read: whether this has lasted long enough. If not,
    /// whoever waits is woken when it may have.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(timer) = self.timer() else { return false };
        loop {
            if let Some(running) = &mut timer.running {
                if running.as_mut().poll(cx).is_pending() {
                    return false;
                }
                timer.running = None;
                if !timer.busy {
                    return true;
                }
            }
            if !std::mem::take(&mut timer.busy) {
                return false;
            }
            timer.running = Some((timer.sleep)());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::{Poll, Waker};

    #[test]
    fn after_one_to_two_times_of_waiting() {
        // Timers made, and how many of them have run out.
        let (made, out) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (making, running) = (made.clone(), out.clone());
        let mut resting = Resting::after(move || {
            let (number, running) = (making.fetch_add(1, SeqCst), running.clone());
            poll_fn(move |_| if running.load(SeqCst) > number { Poll::Ready(()) } else { Poll::Pending })
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(made.load(SeqCst), 0, "none before a read waits");
        assert!(!resting.is_due(&mut cx));
        // Each read in its time finds the one timer running.
        for _ in 0..3 {
            resting.busy();
            assert!(!resting.is_due(&mut cx));
        }
        assert_eq!(made.load(SeqCst), 1);
        out.store(1, SeqCst);
        assert!(!resting.is_due(&mut cx), "something was read since it was set");
        assert_eq!(made.load(SeqCst), 2);
        out.store(2, SeqCst);
        assert!(resting.is_due(&mut cx));
        // Once; and no timer runs while the keys rest.
        assert!(!resting.is_due(&mut cx));
        assert_eq!(made.load(SeqCst), 2);
        resting.busy();
        assert!(!resting.is_due(&mut cx));
        assert_eq!(made.load(SeqCst), 3);
    }

    #[test]
    fn nothing_without_a_timer() {
        let mut resting = Resting::default();
        resting.busy();
        assert!(!resting.is_due(&mut Context::from_waker(Waker::noop())));
        assert_eq!(size_of::<Resting>(), size_of::<usize>());
    }
}
