//! The half of the record layer that reads: inbox, join and read key.

use super::inbox::{Inbox, Room};
use super::join::{Join, Located, RecordEnd};
use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto::Failed;
use crate::crypto::aead::Protection;
use crate::fault::Fault;
use crate::limits;
use crate::observe::{Level, Tap};
use crate::wire::codepoints::{ContentType, HandshakeType};

/// The key that opens records, and its level.
pub(crate) struct ReadKey {
    key: Option<Protection>,
    level: Level,
    /// What does not open is to be passed over.
    skips_early_data: bool,
    /// Bytes of early data, that are passed over or still taken.
    early_data: u32,
}

impl ReadKey {
    /// Takes the next key; `_end` proves that no byte that was protected under
    /// the old one is left.
    pub(crate) fn set(&mut self, level: Level, key: Protection, _end: RecordEnd) {
        self.level = level;
        self.key = Some(key);
    }

    pub(crate) fn get(&self) -> Result<&Protection, Failed> {
        self.key.as_ref().ok_or(Failed)
    }

    pub(crate) fn is_tls13(&self) -> bool {
        self.key.as_ref().is_some_and(Protection::is_tls13)
    }

    /// For tests of what happens near a key's end.
    #[cfg(test)]
    pub(crate) fn get_mut(&mut self) -> Option<&mut Protection> {
        self.key.as_mut()
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Early data was offered and is refused: what does not open is passed over, so
    /// many bytes of it.
    pub(crate) fn skip_early_data(&mut self, bytes: u32) {
        (self.skips_early_data, self.early_data) = (true, bytes);
    }

    /// Early data is taken under the key at hand: so many bytes of it.
    pub(crate) fn take_early_data(&mut self, bytes: u32) {
        self.early_data = bytes;
    }

    /// A record of data has come with so many bytes in it.
    fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        if self.level == Level::Early {
            let left = u32::try_from(bytes).ok().and_then(|bytes| self.early_data.checked_sub(bytes));
            self.early_data = left.ok_or(Fault::TooMuchEarlyData)?;
        }
        Ok(())
    }
}

/// What comes out of the record layer.
pub(crate) enum Incoming {
    /// Nothing whole: more bytes are needed.
    Nothing,
    /// A whole handshake message.
    Message(Located),
    /// A ChangeCipherSpec of the right form, and the proof that it stands between messages.
    ChangeCipherSpec(RecordEnd),
    /// An alert.
    Alert(AlertLevel, AlertDescription),
    /// Application data, lent by [`Reading::data`].
    Data,
    /// A record of application data with nothing in it, of which there are not too many yet.
    NoData,
}

/// The half of the record layer that reads.
pub(crate) struct Reading {
    inbox: Inbox,
    join: Join,
    pub(crate) key: ReadKey,
}

impl Reading {
    pub(crate) fn new() -> Self {
        let key = ReadKey { key: None, level: Level::Initial, skips_early_data: false, early_data: 0 };
        Self { inbox: Inbox::new(), join: Join::new(), key }
    }

    /// Room for bytes from the transport.
    pub(crate) fn space(&mut self) -> Option<Room<'_>> {
        self.inbox.space()
    }

    /// Whether a record was ever opened: if not, the peer may not speak TLS at all.
    pub(crate) fn any_record(&self) -> bool {
        self.inbox.any_record()
    }

    /// Bytes that arrived and belong to no record that was opened.
    pub(crate) fn first_bytes(&self) -> &[u8] {
        self.inbox.first_bytes()
    }

    /// An unprotected alert is taken until a protected record opens: the peer may lack keys.
    pub(crate) fn allow_plain_alert(&mut self) {
        self.inbox.allow_plain_alert(true);
    }

    /// The next thing; what came before is given up.
    pub(crate) fn next(&mut self, tap: &Tap) -> Result<Incoming, Fault> {
        let mut flight = false;
        loop {
            match self.inbox.held().map(|record| record.kind) {
                Some(ContentType::HANDSHAKE) => {
                    if let Some(located) = self.join.next(&self.inbox, message_limit)? {
                        return Ok(Incoming::Message(located));
                    }
                    self.inbox.release();
                    flight = true;
                }
                Some(ContentType::APPLICATION_DATA) => return Ok(Incoming::Data),
                _ => {}
            }
            if std::mem::take(&mut self.key.skips_early_data) {
                self.inbox.skip_early_data(self.key.early_data);
            }
            let Some(kind) = self.inbox.open_next(&mut self.key.key, tap)? else {
                if flight {
                    self.inbox.rest(); // the next one is a wait away
                }
                return Ok(Incoming::Nothing);
            };
            match kind {
                ContentType::HANDSHAKE => self.join.record(self.inbox.range()),
                ContentType::APPLICATION_DATA => {
                    self.join.between()?;
                    if self.data().is_empty() {
                        return self.no_data();
                    }
                    self.key.count(self.data().len())?;
                    self.inbox.empty_records = 0;
                    return Ok(Incoming::Data);
                }
                ContentType::ALERT => return self.alert(),
                _ => return self.change_cipher_spec(),
            }
        }
    }

    /// The message that [`Reading::next`] gave last, and the key that may change behind it.
    pub(crate) fn message(&mut self, message: &Located) -> (&[u8], &mut ReadKey) {
        (self.join.bytes(&self.inbox, &message.place), &mut self.key)
    }

    /// The bytes of that message.
    pub(crate) fn bytes(&self, message: &Located) -> &[u8] {
        self.join.bytes(&self.inbox, &message.place)
    }

    /// Whether no message has begun that is not complete.
    pub(crate) fn between(&self) -> Result<(), Fault> {
        self.join.between().map(|_end| ())
    }

    /// The application data at hand.
    pub(crate) fn data(&self) -> &[u8] {
        self.inbox.content()
    }

    /// Takes `n` bytes of [`Reading::data`].
    #[inline]
    pub(crate) fn consume(&mut self, n: usize) {
        if self.inbox.held().is_some_and(|record| record.kind == ContentType::APPLICATION_DATA) {
            self.inbox.consume(n);
        }
    }

    /// Gives idle memory back.
    pub(crate) fn rest(&mut self) {
        self.inbox.rest();
        if let Some(key) = &mut self.key.key {
            key.rest();
        }
    }

    fn no_data(&mut self) -> Result<Incoming, Fault> {
        self.inbox.release();
        self.inbox.empty_records += 1;
        match self.inbox.empty_records > limits::EMPTY_RECORDS {
            true => Err(Fault::TooManyEmptyRecords),
            false => Ok(Incoming::NoData),
        }
    }

    /// An alert is taken even inside a message: it says why the rest will not
    /// come. One after which the connection goes on says no such thing, and
    /// its reader asks [`Reading::between`].
    fn alert(&mut self) -> Result<Incoming, Fault> {
        let &[level, description] = self.data() else { return Err(Fault::BadAlert) };
        self.inbox.release();
        let level = AlertLevel::from_code(level).ok_or(Fault::BadAlertLevel)?;
        Ok(Incoming::Alert(level, AlertDescription(description)))
    }

    fn change_cipher_spec(&mut self) -> Result<Incoming, Fault> {
        let end = self.join.between()?;
        let well_formed = self.data() == [1];
        self.inbox.release();
        match well_formed {
            true => Ok(Incoming::ChangeCipherSpec(end)),
            false => Err(Fault::BadChangeCipherSpec),
        }
    }
}

/// The length, header included, up to which a message is taken.
fn message_limit(kind: HandshakeType) -> usize {
    match kind {
        HandshakeType::CERTIFICATE => limits::CERTIFICATE_MESSAGE,
        HandshakeType::CLIENT_KEY_EXCHANGE
        | HandshakeType::SERVER_KEY_EXCHANGE
        | HandshakeType::CERTIFICATE_VERIFY => limits::KEY_MESSAGE,
        _ => limits::HANDSHAKE_MESSAGE,
    }
}
