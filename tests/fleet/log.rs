//! What fleets tell, and fleets that tell it.

use crate::redis::Redis;
use handfast::fleet::{Fleet, FleetSettings, Notice, Register};
use handfast::{Answer, Once, OwnedQuestion};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

pub(crate) const SECRET: [u8; 32] = [7; 32];

/// How long anything may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// All notices of a fleet.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<Notice>>, Condvar)>);

impl Log {
    pub(crate) fn write(&self) -> impl FnMut(Notice) + Send + 'static + use<> {
        let log = self.clone();
        move |notice| {
            log.0.0.lock().unwrap().push(notice);
            log.0.1.notify_all();
        }
    }

    pub(crate) fn all(&self) -> Vec<Notice> {
        self.0.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, fits: impl Fn(&Notice) -> bool) -> usize {
        self.all().iter().filter(|notice| fits(notice)).count()
    }

    /// Waits for one that fits, from a place on; gives it, and the place behind it.
    #[track_caller]
    pub(crate) fn wait(&self, from: usize, fits: impl Fn(&Notice) -> bool) -> (Notice, usize) {
        let end = Instant::now() + PATIENCE;
        let mut notices = self.0.0.lock().unwrap();
        loop {
            let found = notices.iter().enumerate().skip(from).find(|(_, notice)| fits(notice));
            if let Some((place, notice)) = found {
                return (notice.clone(), place + 1);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain; told was {notices:#?}");
            notices = self.0.1.wait_timeout(notices, left).unwrap().0;
        }
    }

    #[track_caller]
    pub(crate) fn away(&self, from: usize) -> usize {
        self.wait(from, |notice| matches!(notice, Notice::Away { .. })).1
    }

    #[track_caller]
    pub(crate) fn reached(&self, from: usize) -> (u64, usize) {
        match self.wait(from, |notice| matches!(notice, Notice::Reached { .. })) {
            (Notice::Reached { unanswered, .. }, place) => (unanswered, place),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn register(&self, from: usize, fits: impl Fn(&Register) -> bool) -> usize {
        self.wait(from, |notice| matches!(notice, Notice::Register(register) if fits(register))).1
    }
}

/// A fleet whose window is a second, and which waits for its store for as long as a busy
/// machine may need.
pub(crate) fn settings(redis: &Redis) -> FleetSettings {
    let settings = FleetSettings::new(&redis.url(), SECRET).unwrap();
    settings.early_data_window(Duration::from_secs(1)).unwrap().timeout(Duration::from_secs(5)).unwrap()
}

pub(crate) fn start(settings: FleetSettings) -> (Fleet, Log) {
    let log = Log::default();
    (settings.start(log.write()).unwrap(), log)
}

/// A fleet whose register is old enough, for the test has made it so.
pub(crate) fn ready(redis: &Redis, settings: FleetSettings) -> (Fleet, Log) {
    let (fleet, log) = start(settings);
    redis.ages();
    until_ready(&fleet, &log, 0);
    (fleet, log)
}

/// Waits until the register is ready; gives the place of the notice.
#[track_caller]
pub(crate) fn until_ready(fleet: &Fleet, log: &Log, from: usize) -> usize {
    let end = Instant::now() + PATIENCE;
    loop {
        fleet.look();
        let ready = |notice: &Notice| matches!(notice, Notice::Register(Register::Ready));
        let notices = log.all();
        if let Some(place) = notices.iter().skip(from).position(ready) {
            return from + place + 1;
        }
        assert!(Instant::now() < end, "never ready: {notices:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Twice the window of these tests.
pub(crate) const LIVES: Duration = Duration::from_secs(2);

pub(crate) fn register(key: u8) -> OwnedQuestion {
    OwnedQuestion::Replay { once: Once::Register { key: [key; 32], lives: LIVES } }
}

pub(crate) fn take(id: u8) -> OwnedQuestion {
    OwnedQuestion::Replay { once: Once::Take { id: [id; 32] } }
}

pub(crate) fn session(id: u8) -> OwnedQuestion {
    OwnedQuestion::Session { id: [id; 32] }
}

/// One word for an answer.
pub(crate) fn word(answer: Option<Answer>) -> &'static str {
    match answer {
        Some(Answer::First) => "first",
        Some(Answer::Replayed) => "replayed",
        Some(Answer::Unsure) => "unsure",
        Some(Answer::Session(_)) => "session",
        Some(Answer::NoSession) => "none",
        other => panic!("{other:?}"),
    }
}

/// Asks, and waits for the answer.
pub(crate) fn ask(fleet: &Fleet, question: &OwnedQuestion) -> &'static str {
    word(block_on(fleet.answer_later(question)))
}

/// The least that runs a future.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
