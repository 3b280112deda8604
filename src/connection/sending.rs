//! The half of a connection that sends: windows for data, KeyUpdates, alerts.

use crate::alert::{AlertDescription, AlertLevel};
use crate::error::Error;
use crate::observe::{Direction, Level, Observed, Tap};
use crate::record::Writing;
use crate::schedule::{Side, tls13};
use crate::wire::{Body, KeyUpdate};
use std::ops::{Deref, DerefMut};

/// The KeyUpdates that one side owes the other (RFC 9846 section 4.7.3): owed, not
/// queued, so that a peer cannot pile them up.
#[derive(Default)]
pub(crate) struct Owed {
    /// The peer asked: a KeyUpdate goes before this side's next application data.
    to_peer: bool,
    /// This side asked, and no KeyUpdate has come since: it does not ask again.
    by_peer: bool,
}

impl Owed {
    /// A KeyUpdate came, and may ask for one back. Returns whether this side had asked for it.
    pub(crate) fn key_update_came(&mut self, update_requested: bool) -> bool {
        self.to_peer |= update_requested;
        std::mem::take(&mut self.by_peer)
    }
}

/// Outbox, write key, and what has been said at the end.
pub(crate) struct Sending {
    pub(crate) writing: Writing,
    pub(crate) tap: Tap,
    side: Side,
    /// This side sent close_notify or a fatal alert: nothing may follow.
    closed: bool,
}

impl Sending {
    pub(crate) fn new(side: Side, tap: Tap) -> Self {
        Self { writing: Writing::new(), tap, side, closed: false }
    }

    /// Sends a KeyUpdate, which answers the peer's requests so far. One that asks
    /// is no answer (RFC 9846 section 4.7.3): the answer goes before it.
    pub(crate) fn update_keys(&mut self, ask_peer: bool, owed: &mut Owed) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        let asks = ask_peer && !owed.by_peer;
        if asks && owed.to_peer {
            self.key_update(false)?;
            owed.to_peer = false;
        }
        self.key_update(asks)?;
        owed.to_peer = false;
        owed.by_peer |= asks;
        Ok(())
    }

    /// Sends one KeyUpdate and writes under the next key.
    fn key_update(&mut self, update_requested: bool) -> Result<(), Error> {
        let current = self.writing.key()?;
        if !current.is_tls13() {
            return Err(Error::Misuse("only TLS 1.3 can update keys"));
        }
        let next = tls13::next_generation(current, self.side, &self.tap)?;
        let message = Body::KeyUpdate(KeyUpdate { update_requested });
        let bytes = self.writing.key_update(&self.tap, |w| message.encode(w))?;
        self.tap.tell(|| Observed::Message { direction: Direction::Out, level: Level::Application, bytes });
        Ok(self.writing.set_key(&self.tap, Level::Application, next)?)
    }

    /// Sends an alert after which nothing follows; only the first one counts. A
    /// warning does not end a connection: close_notify, which does, goes with it.
    pub(crate) fn alert(&mut self, level: AlertLevel, description: AlertDescription) {
        if !std::mem::replace(&mut self.closed, true) {
            // Room for these is always kept; without a usable key there is nothing
            // that could still be said.
            let _nothing_to_add = self.writing.alert(&self.tap, level, description);
            if level == AlertLevel::Warning && description != AlertDescription::CLOSE_NOTIFY {
                let _the_same = self.writing.alert(&self.tap, level, AlertDescription::CLOSE_NOTIFY);
            }
        }
    }

    /// Says close_notify, behind the KeyUpdate that is owed.
    pub(crate) fn close(&mut self, owed: &mut Owed) {
        if owed.to_peer {
            // That a key cannot be updated does not keep the end back.
            let _best_effort = self.update_keys(false, owed);
        }
        self.alert(AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
    }

    /// Sends the alert that tells the peer of an error, the last thing that is said;
    /// where there is none, the peer has ended the connection.
    pub(crate) fn tell(&mut self, error: &Error) {
        match error.alert_to_send() {
            Some((level, description)) => self.alert(level, description),
            None => self.closed = true,
        }
    }

    /// A window for application data. A KeyUpdate that is owed, or that a key near
    /// its limit needs, goes before, once there is room for data behind it; in
    /// TLS 1.2, which has none, nothing more is sent under such a key.
    pub(crate) fn payload(&mut self, owed: &mut Owed) -> Result<Option<Window<'_>>, Error> {
        if self.writing.level() != Level::Application {
            return Ok(None);
        }
        let key = self.writing.key()?;
        let used_up = key.is_used_up();
        if used_up && !key.is_tls13() {
            self.close(owed);
            return Err(Error::KeyUsedUp);
        }
        if self.closed {
            return Ok(None);
        }
        let mut open = self.writing.open_window(&self.tap)?;
        if open && (owed.to_peer || used_up) {
            self.update_keys(false, owed)?;
            open = self.writing.open_window(&self.tap)?;
        }
        Ok(open.then_some(Window { sending: self, counted: None }))
    }

    /// A window for so much early data, whose octets are `counted` when they are sealed.
    /// A key near its limit opens none: there is no other before the handshake's.
    pub(crate) fn early_payload<'a>(
        &'a mut self,
        most: u32,
        counted: &'a mut u32,
    ) -> Result<Option<Window<'a>>, Error> {
        if most == 0
            || self.closed
            || self.writing.level() != Level::Early
            || self.writing.key()?.is_used_up()
        {
            return Ok(None);
        }
        let open = self.writing.open_window(&self.tap)?;
        self.writing.narrow_window(most as usize);
        Ok(open.then_some(Window { sending: self, counted: Some(counted) }))
    }
}

/// Copies data into one window after the other; `fill` fills one, and says how much
/// it took, or that there is no room. What is sealed is taken: an error behind it
/// is told by the next call.
pub(crate) fn send(
    data: &[u8],
    mut fill: impl FnMut(&[u8]) -> Result<Option<usize>, Error>,
) -> Result<usize, Error> {
    let mut sent = 0;
    while let Some(rest) = data.get(sent..)
        && !rest.is_empty()
    {
        match fill(rest) {
            Ok(Some(n)) => sent += n,
            Err(error) if sent == 0 => return Err(error),
            Ok(None) | Err(_) => break,
        }
    }
    Ok(sent)
}

/// Room for application data, where its ciphertext will stand: write plaintext
/// into it and [`seal`](Window::seal) it. Dropped unsealed, it sends nothing.
///
/// What it holds before it is written to is not defined.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::Event;
/// # let (mut client, mut server) = pair::connected();
/// # let mut file = &b"hello"[..];
/// use std::io::Read;
/// if let Some(mut window) = client.payload()? {
///     let n = file.read(&mut window)?; // no copy between
///     window.seal(n)?;
/// }
/// # pair::carry(&mut client, &mut server);
/// assert!(matches!(server.next()?, Event::Data(b"hello")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Window<'a> {
    sending: &'a mut Sending,
    /// The octets of early data, where it is for that.
    counted: Option<&'a mut u32>,
}

impl Window<'_> {
    /// Seals as much of `data` as fits, from where it lies, and returns how much that is.
    pub(crate) fn fill(self, data: &[u8]) -> Result<usize, Error> {
        let n = self.sending.writing.seal_data(&self.sending.tap, data)?;
        self.count(n);
        Ok(n)
    }

    /// No window for early data is longer than what a `u32` may yet count.
    fn count(self, n: usize) {
        if let Some(counted) = self.counted {
            *counted = counted.saturating_add(n as u32);
        }
    }

    /// Writes as much of `data` as fits behind the first `at` bytes; how much that is.
    pub(crate) fn put(&mut self, at: usize, data: &[u8]) -> usize {
        self.sending.writing.put(at, data)
    }

    /// Seals the first `n` bytes as one record; at most the window's length is taken.
    ///
    /// # Errors
    /// The connection failed.
    pub fn seal(self, n: usize) -> Result<(), Error> {
        let n = n.min(self.len());
        self.sending.writing.seal_window(&self.sending.tap, n)?;
        self.count(n);
        Ok(())
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
