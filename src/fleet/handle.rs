//! A fleet, as servers hold it.

use super::desk::{Asked, Desk, Wanted};
use crate::config::ServerConfig;
use crate::question::{Answer, OwnedQuestion, Question};
use crate::session::{Replays, SessionQueue, SessionStore, TicketKeys};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Machines that resume each other's sessions, and take early data once among them all.
/// A clone is another handle on the same; with the last one its thread ends, and with that
/// its ticket keys are renewed no more.
///
/// Its questions are answered in a thread ([`answer`](Self::answer)) or by a task of
/// whichever runtime ([`answer_later`](Self::answer_later)); all go over one connection.
/// Where the store is away, slow, full or young, the answer is the one that costs a full
/// handshake, or a round trip: none is refused, and no early data is taken.
///
/// ```
/// use handfast::fleet::{FleetSettings, Notice};
/// use handfast::{Answer, Once, Question};
/// use std::{sync::mpsc, time::Duration};
/// # let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let (tell, told) = mpsc::channel();
/// let fleet = FleetSettings::new(&format!("redis://{nobody}"), [7; 32])?
///     .start(move |notice| drop(tell.send(notice)))?;
/// assert!(matches!(told.recv()?, Notice::Away { .. }));
/// let once = Once::Register { key: [1; 32], lives: Duration::from_secs(20) };
/// assert!(matches!(fleet.answer(&Question::Replay { once }), Some(Answer::Unsure)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    keys: Arc<TicketKeys>,
    queue: Arc<SessionQueue>,
    /// The longest that a thread waits for an answer.
    patience: Duration,
}

impl Fleet {
    pub(super) fn new(
        desk: &Arc<Desk>,
        keys: &Arc<TicketKeys>,
        queue: &Arc<SessionQueue>,
        timeout: Duration,
    ) -> Self {
        let (desk, keys, queue) = (Arc::clone(desk), Arc::clone(keys), Arc::clone(queue));
        Self(Arc::new(Inner { desk, keys, queue, patience: timeout.saturating_mul(2) }))
    }

    /// A server of this fleet: its tickets are sealed under the fleet's keys, and its
    /// sessions by id are kept in the store. Early data is another switch:
    /// `config.early_data(16_384, &fleet)`.
    pub fn configure(&self, config: ServerConfig) -> ServerConfig {
        config.tickets(Arc::clone(&self.0.keys)).session_store(self)
    }

    /// The fleet's ticket keys, which follow what stands in the store. Where it is away
    /// they go on with what they have, and seal no ticket when the time of the last is over.
    pub fn ticket_keys(&self) -> &Arc<TicketKeys> {
        &self.0.keys
    }

    /// Answers a question of a handshake in this thread, and waits for the store for
    /// twice its timeout at most. `None`: the question is none of a store's business.
    pub fn answer(&self, question: &Question<'_>) -> Option<Answer> {
        let asked = self.0.desk.ask(Wanted::of(question)?);
        Some(asked.wait(self.0.patience))
    }

    /// The same for a task: the future needs no particular runtime, and no timer.
    pub fn answer_later(&self, question: &OwnedQuestion) -> Answering {
        Answering(Wanted::of_owned(question).map(|wanted| self.0.desk.ask(wanted)))
    }

    /// What `TlsAcceptor::answering` is given by a server that has no other questions. One
    /// that has asks them behind this:
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio")]
    /// # fn example(fleet: handfast::fleet::Fleet, config: handfast::ServerConfig) {
    /// use handfast::{Answer, OwnedQuestion, TlsAcceptor};
    /// # async fn look_up(question: OwnedQuestion) -> Option<Answer> { None }
    /// let acceptor = TlsAcceptor::new(fleet.configure(config)).answering(move |question| {
    ///     let of_fleet = fleet.answer_later(&question);
    ///     async move {
    ///         match of_fleet.await {
    ///             Some(answer) => Some(answer),
    ///             None => look_up(question).await,
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn answering(&self) -> impl Fn(OwnedQuestion) -> Answering + Send + Sync + use<> {
        let fleet = self.clone();
        move |question| fleet.answer_later(&question)
    }

    /// Has the fleet's thread look at the keys and at the register now, instead of when
    /// it is time.
    pub fn look(&self) {
        self.0.desk.call();
    }
}

/// An answer that is to come, of [`Fleet::answer_later`]; `None` where the question is none
/// of a store's business.
///
/// ```no_run
/// # async fn example(fleet: handfast::fleet::Fleet) {
/// use handfast::{Answer, OwnedQuestion};
/// match fleet.answer_later(&OwnedQuestion::Session { id: [1; 32] }).await {
///     Some(Answer::Session(sealed)) => println!("{} bytes that the ticket keys open", sealed.len()),
///     _ => println!("a full handshake"),
/// }
/// # }
/// ```
pub struct Answering(Option<Asked>);

impl Future for Answering {
    type Output = Option<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        match &mut self.0 {
            Some(asked) => Pin::new(asked).poll(cx).map(Some),
            None => Poll::Ready(None),
        }
    }
}

/// What the servers keep goes to the fleet's store, and what they look for comes from there.
impl From<&Fleet> for SessionStore {
    fn from(fleet: &Fleet) -> Self {
        Self::Asked(Arc::clone(&fleet.0.queue))
    }
}

/// The fleet is asked whether it is the first.
impl From<&Fleet> for Replays {
    fn from(_: &Fleet) -> Self {
        Self::Asked
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").finish_non_exhaustive()
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}
