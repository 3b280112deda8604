//! The half of the record layer that writes: outbox and write key.

use super::outbox::{Outbox, SendError};
use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto::Failed;
use crate::crypto::aead::Protection;
use crate::observe::{Direction, Level, Observed, Tap};
use crate::wire::writer::Writer;

/// The half of the record layer that writes.
pub(crate) struct Writing {
    outbox: Outbox,
    key: Option<Protection>,
    /// Alters what this side sends, before it is hashed and sealed.
    #[cfg(test)]
    pub(crate) alter: Option<Alter>,
}

/// What becomes of a message: none, one or several.
#[cfg(test)]
pub(crate) type Alter = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send>;

impl Writing {
    pub(crate) fn new() -> Self {
        Self {
            outbox: Outbox::new(),
            key: None,
            #[cfg(test)]
            alter: None,
        }
    }

    pub(crate) fn level(&self) -> Level {
        self.outbox.level
    }

    pub(crate) fn key(&self) -> Result<&Protection, Failed> {
        self.key.as_ref().ok_or(Failed)
    }

    /// For tests of what happens near a key's end.
    #[cfg(test)]
    pub(crate) fn key_mut(&mut self) -> Option<&mut Protection> {
        self.key.as_mut()
    }

    /// Makes no record with more content than `largest`; and if it is `dynamic`, small
    /// records of data at first, and again after each rest.
    pub(crate) fn set_record_size(&mut self, largest: usize, dynamic: bool) {
        self.outbox.set_largest(largest);
        if dynamic {
            self.outbox.begin_small();
        }
    }

    /// The next message is a first ClientHello, whose record says 0x0301.
    pub(crate) fn first_hello(&mut self) {
        self.outbox.first_hello();
    }

    /// Appends a handshake message to the flight, and lends its bytes.
    pub(crate) fn message(
        &mut self,
        tap: &Tap,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        #[cfg(test)]
        if let Some(alter) = &mut self.alter {
            let mut message = Vec::new();
            let mut writer = Writer::new(&mut message);
            write(&mut writer);
            writer.finish().map_err(|_| SendError::TooLong)?;
            let altered = alter(message).concat();
            return self.outbox.message(&mut self.key, tap, |w| w.bytes(&altered));
        }
        self.outbox.message(&mut self.key, tap, write)
    }

    /// The same for a KeyUpdate, for which room is always kept.
    pub(crate) fn key_update(
        &mut self,
        tap: &Tap,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        self.outbox.key_update(&mut self.key, tap, write)
    }

    /// Ends the flight: what it holds can be sent.
    pub(crate) fn seal(&mut self, tap: &Tap) -> Result<(), SendError> {
        self.outbox.seal(&mut self.key, tap)
    }

    /// Seals what stands under the old key, and takes the new one.
    pub(crate) fn set_key(&mut self, tap: &Tap, level: Level, key: Protection) -> Result<(), SendError> {
        self.seal(tap)?;
        self.outbox.level = level;
        self.key = Some(key);
        Ok(())
    }

    /// Seals what stands under the old key; what follows is in the clear.
    pub(crate) fn drop_key(&mut self, tap: &Tap) -> Result<(), SendError> {
        self.seal(tap)?;
        self.outbox.level = Level::Initial;
        self.key = None;
        Ok(())
    }

    pub(crate) fn change_cipher_spec(&mut self, tap: &Tap) -> Result<(), SendError> {
        self.outbox.change_cipher_spec(&mut self.key, tap)
    }

    pub(crate) fn alert(
        &mut self,
        tap: &Tap,
        level: AlertLevel,
        description: AlertDescription,
    ) -> Result<(), SendError> {
        tap.tell(|| Observed::Alert { direction: Direction::Out, level: level.code(), description });
        self.outbox.alert(&mut self.key, tap, level, description)
    }

    /// Opens a window for application data; false while too much is pending.
    pub(crate) fn open_window(&mut self, tap: &Tap) -> Result<bool, SendError> {
        Ok(self.outbox.payload(&mut self.key, tap)?.is_some())
    }

    /// Makes the window no longer than this.
    pub(crate) fn narrow_window(&mut self, most: usize) {
        self.outbox.narrow(most);
    }

    pub(crate) fn window(&self) -> &[u8] {
        self.outbox.window()
    }

    pub(crate) fn window_mut(&mut self) -> &mut [u8] {
        self.outbox.window_mut()
    }

    pub(crate) fn put(&mut self, at: usize, data: &[u8]) -> usize {
        self.outbox.put(at, data)
    }

    pub(crate) fn seal_window(&mut self, tap: &Tap, n: usize) -> Result<(), SendError> {
        self.outbox.seal_payload(&mut self.key, tap, n)
    }

    /// Seals as much of `data` as the window holds, from where it lies.
    pub(crate) fn seal_data(&mut self, tap: &Tap, data: &[u8]) -> Result<usize, SendError> {
        self.outbox.seal_data(&mut self.key, tap, data)
    }

    /// Sealed bytes for the transport.
    #[inline]
    pub(crate) fn pending(&self) -> &[u8] {
        self.outbox.pending()
    }

    pub(crate) fn sent(&mut self, n: usize) {
        self.outbox.sent(n);
    }

    /// Gives the outbox's memory back, if all is sent.
    pub(crate) fn all_sent(&mut self) {
        self.outbox.rest();
    }

    /// Gives idle memory back.
    pub(crate) fn rest(&mut self) {
        self.outbox.rest();
        self.outbox.begin_again();
        if let Some(key) = &mut self.key {
            key.rest();
        }
    }
}
