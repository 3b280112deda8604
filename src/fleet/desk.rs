//! Where handshakes leave their questions, and wait for answers: in a thread, or as a
//! future of whichever runtime.
//!
//! ```text
//!   handshakes -> ask -> line (bounded) -> take -> the fleet's own thread -> store
//!              <- Asked <- Owed: given, or dropped, which answers it too
//! ```

use crate::limits;
use crate::question::{Answer, Once, OwnedQuestion, Question};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// What a fleet's store can answer.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Session { id: [u8; 32] },
    Register { key: [u8; 32], lives: Duration },
    Take { id: [u8; 32] },
}

impl Wanted {
    /// `None` for whatever is none of a store's business.
    pub(super) fn of(question: &Question<'_>) -> Option<Self> {
        match question {
            Question::Session { id } => Some(Self::Session { id: **id }),
            Question::Replay { once } => Some(Self::once(*once)),
            _ => None,
        }
    }

    pub(super) fn of_owned(question: &OwnedQuestion) -> Option<Self> {
        match question {
            OwnedQuestion::Session { id } => Some(Self::Session { id: *id }),
            OwnedQuestion::Replay { once } => Some(Self::once(*once)),
            _ => None,
        }
    }

    fn once(once: Once) -> Self {
        match once {
            Once::Register { key, lives } => Self::Register { key, lives },
            Once::Take { id } => Self::Take { id },
        }
    }

    /// What is said where the store says nothing.
    fn unanswered(self) -> Answer {
        match self {
            Self::Session { .. } => Answer::NoSession,
            Self::Register { .. } | Self::Take { .. } => Answer::Unsure,
        }
    }
}

#[derive(Default)]
struct Cell {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// An answer that is to come.
pub(super) struct Asked {
    cell: Arc<Cell>,
    wanted: Wanted,
}

impl Asked {
    /// Waits for it, but not longer than this.
    pub(super) fn wait(self, most: Duration) -> Answer {
        let state = held(&self.cell.state);
        let waited = self.cell.answered.wait_timeout_while(state, most, |state| state.answer.is_none());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.answer.take().unwrap_or_else(|| self.wanted.unanswered())
    }
}

impl Future for Asked {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let mut state = held(&self.cell.state);
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A question that has a place in line. Dropped, it is answered as where the store is away.
pub(super) struct Owed {
    pub(super) wanted: Wanted,
    cell: Arc<Cell>,
}

impl Owed {
    pub(super) fn give(self, answer: Answer) {
        held(&self.cell.state).answer = Some(answer);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut state = held(&self.cell.state);
        state.answer.get_or_insert_with(|| self.wanted.unanswered());
        let waker = state.waker.take();
        drop(state);
        self.cell.answered.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// The line, and who has it called.
#[derive(Default)]
pub(super) struct Desk {
    line: Mutex<Line>,
    come: Condvar,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Owed>,
    /// The store answers: else nobody waits.
    open: bool,
    called: bool,
    rung: bool,
    closed: bool,
    /// Questions that were answered at once, since the store was away.
    unasked: u64,
    /// The same, since the line was full.
    too_many: u64,
}

/// Why a wait is over.
pub(super) enum Come {
    /// These wait; none, where it is time, or the bell was rung.
    Questions(Vec<Owed>),
    /// Somebody called.
    Called,
    /// Nobody asks any more.
    Closed,
}

impl Desk {
    pub(super) fn ask(&self, wanted: Wanted) -> Asked {
        let cell = Arc::new(Cell::default());
        let owed = Owed { wanted, cell: Arc::clone(&cell) };
        let mut line = held(&self.line);
        if !line.open {
            line.unasked = line.unasked.saturating_add(1);
        } else if line.waiting.len() >= limits::FLEET_IN_LINE {
            line.too_many = line.too_many.saturating_add(1);
        } else {
            line.waiting.push_back(owed);
            self.come.notify_all();
        }
        Asked { cell, wanted }
    }

    /// Questions wait here from now on.
    pub(super) fn open(&self) {
        held(&self.line).open = true;
    }

    /// Who waits is sent away, and who comes.
    pub(super) fn shut(&self) {
        let mut line = held(&self.line);
        line.open = false;
        let waiting = std::mem::take(&mut line.waiting);
        line.unasked = line.unasked.saturating_add(waiting.len() as u64);
        // They are answered as they are dropped, which nobody needs to wait for here.
        drop(line);
    }

    /// The same for ever.
    pub(super) fn close(&self) {
        self.shut();
        held(&self.line).closed = true;
        self.come.notify_all();
    }

    /// Waits until somebody asks or calls, at most until then.
    pub(super) fn take(&self, until: Instant) -> Come {
        let mut line = held(&self.line);
        loop {
            if line.closed {
                return Come::Closed;
            }
            if !line.waiting.is_empty() {
                let most = line.waiting.len().min(limits::FLEET_TOGETHER);
                return Come::Questions(line.waiting.drain(..most).collect());
            }
            if std::mem::take(&mut line.called) {
                return Come::Called;
            }
            let left = until.saturating_duration_since(Instant::now());
            if std::mem::take(&mut line.rung) || left.is_zero() {
                return Come::Questions(Vec::new());
            }
            line = self.come.wait_timeout(line, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Has whoever takes look at other things, too.
    pub(super) fn call(&self) {
        held(&self.line).called = true;
        self.come.notify_all();
    }

    /// How many were not asked since the last time, for the store was away.
    pub(super) fn unasked(&self) -> u64 {
        std::mem::take(&mut held(&self.line).unasked)
    }

    /// The same, for the line was full.
    pub(super) fn too_many(&self) -> u64 {
        std::mem::take(&mut held(&self.line).too_many)
    }
}

/// Has whoever takes from a desk look at a queue beside it.
pub(super) struct Bell(pub(super) Arc<Desk>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        held(&self.0.line).rung = true;
        self.0.come.notify_all();
    }
}

/// Nobody panics while it holds one.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
