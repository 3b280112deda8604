//! How a connector and an acceptor shake hands: within which time, and who answers
//! the handshake's questions.

use super::stream::AsyncTlsStream;
use crate::error::Error;
use crate::question::{Answer, OwnedQuestion};
use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::time::{Instant, timeout_at};
use std::io;
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

    /// Does the handshake. Where it fails the peer is told, as far as the stream
    /// takes it at once, and the stream is dropped.
    pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: AsyncTlsStream<S>,
        deadline: Deadline,
    ) -> io::Result<AsyncTlsStream<S>> {
        let answer = |question| {
            let answer = self.answers.as_ref().map(|answers| answers(question));
            async {
                match answer {
                    Some(answer) => answer.await,
                    None => None,
                }
            }
        };
        let done = match until(deadline, stream.handshake_async(answer)).await {
            Some(done) => done,
            None => Err(too_late(deadline, stream.connection().state(), waited_for(&stream))),
        };
        match done {
            Ok(()) => Ok(stream),
            Err(error) => {
                stream.give_up().await;
                Err(error)
            }
        }
    }
}

fn waited_for<S>(stream: &AsyncTlsStream<S>) -> &'static str {
    match stream.connection().asks() {
        true => "the application's answer to a question",
        false => "the peer",
    }
}

/// `None` where the deadline comes first.
pub(super) async fn until<T>(deadline: Deadline, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some((_, at)) => timeout_at(at, future).await.ok(),
        None => Some(future.await),
    }
}

/// The error of a deadline that has passed.
pub(super) fn too_late(deadline: Deadline, state: &'static str, waited_for: &'static str) -> io::Error {
    let within = deadline.map_or(Duration::ZERO, |(within, _)| within);
    Error::TimedOut { state, waited_for, within }.into()
}
