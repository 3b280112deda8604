//! The half of a connection that sends: windows for data, KeyUpdates, alerts.

use crate::alert::{AlertDescription, AlertLevel};
use crate::error::Error;
use crate::observe::{Direction, Level, Observed, Tap};
use crate::record::Writing;
use crate::schedule::{Side, tls13};
use crate::wire::{Body, KeyUpdate};
use std::ops::{Deref, DerefMut};

/// What the receiving half owes the peer, to be sent at the next occasion: a
/// response is owed, not queued, so that a peer cannot pile them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) key_update: bool,
    pub(crate) alert: Option<AlertDescription>,
}

impl Owed {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Outbox, write key, and what has been said at the end.
pub(crate) struct Sending {
    pub(crate) writing: Writing,
    pub(crate) tap: Tap,
    side: Side,
    /// Bytes to be sent until the last KeyUpdate is.
    key_update_waits: usize,
    /// This side sent close_notify or a fatal alert: nothing may follow.
    closed: bool,
}

impl Sending {
    pub(crate) fn new(side: Side, tap: Tap) -> Self {
        Self { writing: Writing::new(), tap, side, key_update_waits: 0, closed: false }
    }

    /// Sends what is owed: room for it is always kept.
    pub(crate) fn settle(&mut self, owed: &mut Owed) -> Result<(), Error> {
        if let Some(description) = owed.alert.take() {
            owed.key_update = false;
            self.alert(AlertLevel::Fatal, description);
        }
        // A KeyUpdate that still waits to be sent answers every request so far:
        // a peer that asks and does not read cannot pile them up.
        if std::mem::take(&mut owed.key_update) && self.key_update_waits == 0 {
            self.update_key(false)?;
        }
        Ok(())
    }

    /// Sends a KeyUpdate and writes under the next key (RFC 8446 section 4.6.3).
    pub(crate) fn update_key(&mut self, update_requested: bool) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        let current = self.writing.key()?;
        if !current.is_tls13() {
            return Err(Error::Misuse("only TLS 1.3 can update keys"));
        }
        let next = tls13::next_generation(current, self.side, &self.tap)?;
        let message = Body::KeyUpdate(KeyUpdate { update_requested });
        let bytes = self.writing.key_update(&self.tap, |w| message.encode(w))?;
        self.tap.tell(|| Observed::Message { direction: Direction::Out, level: Level::Application, bytes });
        self.writing.set_key(&self.tap, Level::Application, next)?;
        self.key_update_waits = self.writing.pending().len();
        Ok(())
    }

    /// The transport took the first `n` bytes of what is pending.
    pub(crate) fn sent(&mut self, n: usize) {
        self.key_update_waits = self.key_update_waits.saturating_sub(n);
        self.writing.sent(n);
    }

    /// Sends an alert after which nothing follows; only the first one counts.
    pub(crate) fn alert(&mut self, level: AlertLevel, description: AlertDescription) {
        if !std::mem::replace(&mut self.closed, true) {
            // Room for one alert is always kept; without a usable key there is
            // nothing that could still be said.
            let _nothing_to_add = self.writing.alert(&self.tap, level, description);
        }
    }

    pub(crate) fn close(&mut self) {
        self.alert(AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
    }

    /// Says nothing more: the peer has ended the connection.
    pub(crate) fn fall_silent(&mut self) {
        self.closed = true;
    }

    /// A window for application data. A key near its limit is updated before.
    pub(crate) fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        if self.closed || self.writing.level() != Level::Application {
            return Ok(None);
        }
        if self.writing.key()?.wants_update() {
            self.update_key(false)?;
        }
        let open = self.writing.open_window(&self.tap)?;
        Ok(open.then_some(Window { sending: self }))
    }

    /// Copies from `data` into windows until all is taken or there is no room.
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<usize, Error> {
        let mut rest = data;
        while !rest.is_empty()
            && let Some(mut window) = self.payload()?
        {
            let n = rest.len().min(window.len());
            let (now, later) = rest.split_at(n);
            if let Some(to) = window.get_mut(..n) {
                to.copy_from_slice(now);
            }
            window.seal(n)?;
            rest = later;
        }
        Ok(data.len() - rest.len())
    }
}

/// Room for application data, where its ciphertext will stand: write plaintext
/// into it and [`seal`](Window::seal) it. Dropped unsealed, it sends nothing.
///
/// What it holds before it is written to is not defined.
pub struct Window<'a> {
    sending: &'a mut Sending,
}

impl Window<'_> {
    /// Seals the first `n` bytes as one record; at most the window's length is taken.
    ///
    /// # Errors
    /// The key is used up (TLS 1.2 after 2^64 records).
    pub fn seal(self, n: usize) -> Result<(), Error> {
        Ok(self.sending.writing.seal_window(&self.sending.tap, n)?)
    }
}

impl Deref for Window<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.sending.writing.window()
    }
}

impl DerefMut for Window<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.sending.writing.window_mut()
    }
}
