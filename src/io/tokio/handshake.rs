//! How a connector and an acceptor shake hands: within which time, and who answers
//! the handshake's questions.

use super::super::transport::is_broken;
use super::stream::AsyncTlsStream;
use crate::error::Error;
use crate::question::{Answer, Hello, OwnedQuestion};
use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ::tokio::time::{Instant, timeout_at};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Answers = dyn Fn(OwnedQuestion) -> Pin<Box<dyn Future<Output = Option<Answer>> + Send>> + Send + Sync;

/// What the handshakes of a connector or an acceptor have in common.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) within: Option<Duration>,
    answers: Option<Arc<Answers>>,
}

/// When a handshake must be done: so long after its beginning, at this time.
pub(super) type Deadline = Option<(Duration, Instant)>;

impl Manner {
    pub(super) fn within(within: Duration) -> Self {
        Self { within: Some(within), answers: None }
    }

    pub(super) fn answering<F, A>(&mut self, answer: F)
    where
        F: Fn(OwnedQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = Option<Answer>> + Send + 'static,
    {
        self.answers = Some(Arc::new(move |question| Box::pin(answer(question))));
    }

    /// A handshake begins. A time that no clock can say is none.
    pub(super) fn deadline(&self) -> Deadline {
        let within = self.within?;
        Some((within, Instant::now().checked_add(within)?))
    }

    /// Does the handshake, and asks in line where there is one: `place` is had already.
    async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut AsyncTlsStream<S>,
        line: Option<&Line>,
        mut place: Option<Place>,
        waits_for: &mut &'static str,
    ) -> io::Result<()> {
        loop {
            *waits_for = THE_PEER;
            let Some((question, unanswered)) = stream.question(|| place = None).await? else { return Ok(()) };
            if let (Some(line), None) = (line, &place) {
                *waits_for = A_PLACE;
                place = line.stand().await;
            }
            *waits_for = AN_ANSWER;
            let answer = match &self.answers {
                Some(answers) => answers(question).await,
                None => None,
            };
            stream.answer(answer.map_or(unanswered, Ok)?).await?;
        }
    }

    /// Does the handshake. Where it fails the peer is told, as far as the stream
    /// takes it at once, and the stream is dropped.
    pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: AsyncTlsStream<S>,
        line: Option<&Line>,
        place: Option<Place>,
        deadline: Deadline,
    ) -> io::Result<AsyncTlsStream<S>> {
        let mut waits_for = THE_PEER;
        let done = until(deadline, self.answer_all(&mut stream, line, place, &mut waits_for)).await;
        unless_late(done, &mut stream, deadline, waits_for).await.map(|()| stream)
    }

    /// Sends as much early data as may go. What the peer says of a stream that is broken
    /// the handshake reads.
    pub(super) async fn send_early<S: AsyncRead + AsyncWrite + Unpin>(
        stream: &mut AsyncTlsStream<S>,
        mut data: &[u8],
        deadline: Deadline,
    ) -> io::Result<()> {
        let goes = async {
            while !data.is_empty() {
                match poll_fn(|cx| stream.poll_write_early(cx, &[IoSlice::new(data)])).await {
                    Ok(0) => break,
                    Ok(n) => data = data.get(n..).unwrap_or_default(),
                    Err(error) if is_broken(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let gone = until(deadline, goes).await;
        unless_late(gone, stream, deadline, THE_PEER).await
    }

    /// Waits for the ClientHello, and then for a place.
    pub(super) async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
        stream: &mut AsyncTlsStream<S>,
        line: &Line,
        deadline: Deadline,
    ) -> io::Result<(Hello, Option<Place>)> {
        let mut waits_for = THE_PEER;
        let comes = async {
            let Some((OwnedQuestion::Configuration(hello), _)) = stream.question(|| {}).await? else {
                return Err(Error::Misuse("a connection whose configuration is chosen already").into());
            };
            waits_for = A_PLACE;
            Ok((hello, line.stand().await))
        };
        let come = until(deadline, comes).await;
        unless_late(come, stream, deadline, waits_for).await
    }
}

/// The places of those for whom an acceptor works, and the line before them.
#[derive(Clone)]
pub(super) struct Line(Arc<Semaphore>);

pub(super) type Place = OwnedSemaphorePermit;

impl Line {
    pub(super) fn before(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))))
    }

    async fn stand(&self) -> Option<Place> {
        // Nobody closes it.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

const THE_PEER: &str = "the peer";
const A_PLACE: &str = "a place among the handshakes at once";
const AN_ANSWER: &str = "the application's answer to a question";

/// `None` where the deadline comes first.
async fn until<T>(deadline: Deadline, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some((_, at)) => timeout_at(at, future).await.ok(),
        None => Some(future.await),
    }
}

/// Where it was not done, or not in time, the peer is told.
async fn unless_late<S: AsyncRead + AsyncWrite + Unpin, T>(
    done: Option<io::Result<T>>,
    stream: &mut AsyncTlsStream<S>,
    deadline: Deadline,
    waited_for: &'static str,
) -> io::Result<T> {
    let error = match done {
        Some(Ok(done)) => return Ok(done),
        Some(Err(error)) => error,
        None => {
            let within = deadline.map_or(Duration::ZERO, |(within, _)| within);
            Error::TimedOut { state: stream.connection().state(), waited_for, within }.into()
        }
    };
    stream.give_up().await;
    Err(error)
}
