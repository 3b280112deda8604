//! A connection in two halves, for two threads.
//!
//! They share one small mailbox, never a lock around I/O: a reader blocked in
//! `read` and a writer moving megabytes do not know each other. The receiver sends
//! nothing: the answer to a KeyUpdate waits for the sender's next data, and the
//! alert of a failure for its next call.

use super::binding::export;
use super::event::Event;
use super::receiving::{Arrived, Boxed, CONNECTED, Receiving, Space};
use super::sending::{Owed, Sending, Window, send};
use crate::error::Error;
use crate::handshake::context::Exporter;
use crate::handshake::post::Post;
use crate::info::ConnectionInfo;
use crate::session::Keeper;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each half can be asked about the connection.
pub(super) struct Common {
    pub(super) info: ConnectionInfo,
    pub(super) exporter: Option<Exporter>,
}

/// What the halves have in common.
struct Shared {
    common: Common,
    mailbox: Mutex<Mailbox>,
}

/// What each half must know of the other.
struct Mailbox {
    owed: Owed,
    /// The receiver's failure, which ends both.
    failed: Option<Box<Error>>,
}

impl Shared {
    /// Nobody panics while holding it, and what it holds is never half written.
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the sender: has it send the alert of a failure, and tells the failure.
    fn unfailed(&self, sending: &mut Sending) -> Result<MutexGuard<'_, Mailbox>, Error> {
        let mailbox = self.mailbox();
        let Some(error) = &mailbox.failed else { return Ok(mailbox) };
        sending.tell(error);
        Err(Error::clone(error))
    }
}

pub(super) fn split(
    receiving: Receiving,
    sending: Sending,
    post: Post,
    keeper: Option<Box<Keeper>>,
    owed: Owed,
    common: Common,
) -> (Receiver, Sender) {
    let mailbox = Mutex::new(Mailbox { owed, failed: None });
    let shared = Arc::new(Shared { common, mailbox });
    (Receiver { receiving, post, keeper, shared: Arc::clone(&shared) }, Sender { sending, shared })
}

macro_rules! common {
    () => {
        /// What was negotiated.
        pub fn info(&self) -> &ConnectionInfo {
            &self.shared.common.info
        }

        /// See [`Connection::export`](super::Connection::export).
        ///
        /// # Errors
        /// As there.
        pub fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
            export(self.shared.common.exporter.as_ref(), label, context, out)
        }
    };
}

/// The half that receives. Its calls are those of [`Connection`](super::Connection).
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (mut client, mut server) = pair::connected();
/// # server.send(b"hello")?;
/// # pair::carry(&mut server, &mut client);
/// use handfast::Event;
/// let (mut receiver, sender) = client.split()?;
/// let reading = std::thread::spawn(move || match receiver.next() {
///     Ok(Event::Data(data)) => data.to_vec(),
///     _ => Vec::new(),
/// });
/// assert_eq!(reading.join().unwrap(), b"hello");
/// # Ok::<(), handfast::Error>(())
/// ```
pub struct Receiver {
    receiving: Receiving,
    post: Post,
    keeper: Option<Box<Keeper>>,
    shared: Arc<Shared>,
}

impl Receiver {
    common!();

    /// Room to read the transport into.
    pub fn space(&mut self) -> Option<Space<'_>> {
        self.receiving.space(None)
    }

    /// The transport has ended.
    pub fn filled_eof(&mut self) {
        self.receiving.filled_eof();
    }

    /// What happened next: data, the end, or that input is needed.
    ///
    /// # Errors
    /// The connection failed. The alert that says so, if one is owed, is in the
    /// sender's [`pending`](Sender::pending) from then on.
    #[allow(clippy::should_implement_trait)] // what it lends, no Iterator can
    pub fn next(&mut self) -> Result<Event<'_>, Error> {
        if let Some(error) = &self.shared.mailbox().failed {
            return Err(Error::clone(error));
        }
        let shared = &self.shared;
        let arrived =
            self.receiving.next_arrived(&mut self.post, self.keeper.as_deref(), |update_requested| {
                shared.mailbox().owed.key_update_came(update_requested)
            });
        let arrived = arrived.map_err(|Boxed(error)| {
            let error = error.in_state(CONNECTED);
            let Boxed(kept) = error.clone().into();
            shared.mailbox().failed = Some(kept);
            error
        });
        Ok(match arrived? {
            Arrived::Nothing => Event::NeedInput,
            Arrived::Data => Event::Data(self.receiving.reading.data()),
            Arrived::Closed(close) => Event::Closed(close),
        })
    }

    /// Takes `n` bytes of the [`Event::Data`] that is lent.
    pub fn consume(&mut self, n: usize) {
        self.receiving.reading.consume(n);
    }

    /// Gives idle memory back.
    pub fn rest(&mut self) {
        self.receiving.rest();
    }
}

/// The half that sends. Its calls are those of [`Connection`](super::Connection).
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, _) = pair::connected();
/// # let mut transport: Vec<u8> = Vec::new();
/// let (receiver, mut sender) = client.split()?;
/// assert_eq!(sender.send(b"hello")?, 5);
/// transport.extend(sender.pending());
/// sender.sent(transport.len());
/// assert!(sender.pending().is_empty());
/// # Ok::<(), handfast::Error>(())
/// ```
pub struct Sender {
    sending: Sending,
    shared: Arc<Shared>,
}

impl Sender {
    common!();

    /// Bytes for the transport; the alert of a receiver that failed is among them.
    pub fn pending(&mut self) -> &[u8] {
        let _told_by_the_other_calls = self.check();
        self.sending.writing.pending()
    }

    /// The transport took the first `n` bytes of [`pending`](Self::pending).
    pub fn sent(&mut self, n: usize) {
        self.sending.writing.sent(n);
    }

    /// For adapters, whose transport took all: gives the outbox's memory back.
    pub(crate) fn all_sent(&mut self) {
        self.sending.writing.all_sent();
    }

    /// A window to write application data into.
    ///
    /// # Errors
    /// The connection failed, in this half or in the other.
    pub fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        let mut mailbox = self.shared.unfailed(&mut self.sending)?;
        self.sending.payload(&mut mailbox.owed)
    }

    /// Copies application data into windows; returns how many bytes fitted.
    ///
    /// # Errors
    /// As [`payload`](Self::payload).
    pub fn send(&mut self, data: &[u8]) -> Result<usize, Error> {
        send(data, |rest| self.payload()?.map(|window| window.fill(rest)).transpose())
    }

    /// See [`Connection::update_keys`](super::Connection::update_keys).
    ///
    /// # Errors
    /// As there, and as [`payload`](Self::payload).
    pub fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        let mut mailbox = self.shared.unfailed(&mut self.sending)?;
        self.sending.update_keys(ask_peer, &mut mailbox.owed)
    }

    /// Tells the receiver's failure.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.shared.unfailed(&mut self.sending).map(drop)
    }

    /// Says with close_notify that this side sends no more.
    pub fn close(&mut self) {
        // After a failure its alert is what there is to say, and is said.
        if let Ok(mut mailbox) = self.shared.unfailed(&mut self.sending) {
            self.sending.close(&mut mailbox.owed);
        }
    }

    /// Gives idle memory back.
    pub fn rest(&mut self) {
        self.sending.writing.rest();
    }
}
