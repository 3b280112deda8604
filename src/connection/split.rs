//! A connection in two halves, for two threads.
//!
//! They share one small mailbox, never a lock around I/O: a reader blocked in
//! `read` and a writer moving megabytes do not know each other.

use super::event::Event;
use super::receiving::{Arrived, CONNECTED, Receiving, Space};
use super::sending::{Owed, Sending, Window};
use crate::error::Error;
use crate::handshake::context::Exporter;
use crate::handshake::post::Post;
use crate::info::ConnectionInfo;
use crate::session::Keeper;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each half can be asked about the connection.
pub(super) struct Common {
    pub(super) info: Box<ConnectionInfo>,
    pub(super) exporter: Option<Exporter>,
}

/// What the halves have in common.
struct Shared {
    common: Common,
    mailbox: Mutex<Mailbox>,
}

/// Between receiver and sender, and a failure to both.
#[derive(Default)]
struct Mailbox {
    owed: Owed,
    /// KeyUpdates that the sender has asked for.
    asked: u8,
    failed: Option<Error>,
}

impl Shared {
    /// Nobody panics while holding it, and what it holds is never half written.
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
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
    let mailbox = Mutex::new(Mailbox { owed, asked: 0, failed: None });
    let shared = Arc::new(Shared { common, mailbox });
    (Receiver { receiving, post, keeper, shared: Arc::clone(&shared) }, Sender { sending, shared })
}

/// Both of a whole connection and of its halves.
pub(super) fn export(
    exporter: Option<&Exporter>,
    label: &str,
    context: Option<&[u8]>,
    out: &mut [u8],
) -> Result<(), Error> {
    let exporter = exporter.ok_or(Error::Misuse("keying material is there only after the handshake"))?;
    exporter.export(label, context, out)
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
        self.receiving.space()
    }

    /// The transport has ended.
    pub fn filled_eof(&mut self) {
        self.receiving.filled_eof();
    }

    /// What happened next: data, the end, or that input is needed. Where it
    /// leaves something to be sent, [`owes`](Self::owes) is true afterwards.
    ///
    /// # Errors
    /// The connection failed, in this half or in the other.
    #[allow(clippy::should_implement_trait)] // what it lends, no Iterator can
    pub fn next(&mut self) -> Result<Event<'_>, Error> {
        let mut mailbox = self.shared.mailbox();
        if let Some(error) = &mailbox.failed {
            return Err(error.clone());
        }
        self.post.ask_for_key_updates(std::mem::take(&mut mailbox.asked));
        drop(mailbox);
        let mut owed = Owed::default();
        let arrived = self.receiving.next_arrived(&mut self.post, self.keeper.as_deref(), &mut owed);
        let arrived = arrived.map_err(|error| error.in_state(CONNECTED));
        if !owed.is_nothing() || arrived.is_err() {
            self.post_mail(owed, arrived.as_ref().err());
        }
        Ok(match arrived? {
            Arrived::Nothing => Event::NeedInput,
            Arrived::Data => Event::Data(self.receiving.reading.data()),
            Arrived::Closed(close) => Event::Closed(close),
        })
    }

    fn post_mail(&self, owed: Owed, error: Option<&Error>) {
        let mut mailbox = self.shared.mailbox();
        mailbox.owed.key_update |= owed.key_update;
        if let Some(error) = error {
            mailbox.owed.alert = error.alert();
            mailbox.failed = Some(error.clone());
        }
    }

    /// Takes `n` bytes of the [`Event::Data`] that is lent.
    pub fn consume(&mut self, n: usize) {
        self.receiving.reading.consume(n);
    }

    /// Whether the sender has a response to send, so that whoever drives both
    /// wakes it: a KeyUpdate that the peer asked for, or an alert.
    pub fn owes(&self) -> bool {
        !self.shared.mailbox().owed.is_nothing()
    }

    /// Gives idle memory back.
    pub fn rest(&mut self) {
        self.receiving.rest();
    }
}

/// The half that sends. Its calls are those of [`Connection`](super::Connection).
pub struct Sender {
    sending: Sending,
    shared: Arc<Shared>,
}

impl Sender {
    common!();

    /// Bytes for the transport; what the receiver owes is among them.
    pub fn pending(&mut self) -> &[u8] {
        let mailbox = &mut *self.shared.mailbox();
        if !mailbox.owed.is_nothing()
            && let Err(error) = self.sending.settle(&mut mailbox.owed)
        {
            mailbox.failed = Some(error);
        }
        self.sending.writing.pending()
    }

    /// The transport took the first `n` bytes of [`pending`](Self::pending).
    pub fn sent(&mut self, n: usize) {
        self.sending.sent(n);
    }

    /// A window to write application data into.
    ///
    /// # Errors
    /// The connection failed, in this half or in the other.
    pub fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        self.check()?;
        self.sending.payload()
    }

    /// Copies application data into windows; returns how many bytes fitted.
    ///
    /// # Errors
    /// As [`payload`](Self::payload).
    pub fn send(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.check()?;
        self.sending.send(data)
    }

    /// See [`Connection::update_keys`](super::Connection::update_keys).
    ///
    /// # Errors
    /// As there, and as [`payload`](Self::payload).
    pub fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        self.check()?;
        // Before it leaves: the answer cannot arrive unexpected.
        if ask_peer {
            let mut mailbox = self.shared.mailbox();
            mailbox.asked = mailbox.asked.saturating_add(1);
        }
        self.sending.update_key(ask_peer)
    }

    /// Settles what is owed, and tells a failure.
    fn check(&mut self) -> Result<(), Error> {
        let mailbox = &mut *self.shared.mailbox();
        self.sending.settle(&mut mailbox.owed)?;
        mailbox.failed.clone().map_or(Ok(()), Err)
    }

    /// Says with close_notify that this side sends no more.
    pub fn close(&mut self) {
        match self.check() {
            Ok(()) => self.sending.close(),
            // It is over already: what there is to say is said.
            Err(_) => self.sending.fall_silent(),
        }
    }

    /// Gives idle memory back.
    pub fn rest(&mut self) {
        self.sending.writing.rest();
    }
}
