//! The way out (RFC 9846 section 5, RFC 5246 section 6.2): plaintext is written
//! where its ciphertext will stand, and sealed there; or it is sealed from where
//! it lies, to there.
//!
//! ```text
//!   0      sent        sealed                     end          length
//!   | gone | pending() | header | nonce | content | tail, to come |
//!                      | the open record          |
//! ```
//!
//! The messages of a flight share the open record; it is sealed when keys change
//! or the flight ends. Alerts and KeyUpdates may use [`limits::OUTBOX_RESERVE`]
//! bytes more than all else, so that they can be queued while the peer does not
//! read.

use super::header::{VERSION, additional_data12, header};
use super::spare::{self, Buffer};
use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::limits;
use crate::observe::{Direction, Observed, Tap};
use crate::wire::codepoints::{ContentType, ProtocolVersion};
use crate::wire::writer::Writer;

/// Where sealed bytes end in bulk: whole records of the largest size fit, wherever
/// the first one begins.
const BULK: usize = spare::FRONT + limits::OUTBOX_RECORDS * spare::SEALED;

/// Sealed bytes in a handshake.
const FLIGHT: usize = limits::OUTBOX_HANDSHAKE - limits::OUTBOX_RESERVE;

/// Less room than this is no room for application data: wait until more is sent
/// rather than cut it into crumbs.
const LEAST_WINDOW: usize = 1024;

/// Bytes after the content: in TLS 1.3 its type, and the tag.
const TAIL: usize = 1 + TAG_LEN;

/// Why something cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// What is pending must be sent first.
    Full,
    /// A field is longer than its length prefix can say.
    TooLong,
    /// The key has protected as many records as it can.
    KeyUsedUp,
}

/// Records on their way to the socket.
pub(crate) struct Outbox {
    buffer: Buffer,
    /// A message that did not fit into one record.
    aside: Option<Box<Buffer>>,
    sent: usize,
    sealed: usize,
    /// Behind `sealed` while a record is open.
    end: usize,
    /// Where the content of the open record, or of the window, begins.
    content: usize,
    /// Bytes of the window that is lent.
    window: usize,
    /// More than one record was pending once.
    grown: bool,
    /// What was written last is a message or an alert.
    flight: bool,
    version: ProtocolVersion,
    /// Content that a record has at most.
    largest: u16,
    /// Records of data begin small.
    begins_small: bool,
    /// Records of data that are still to be small.
    small: u8,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Buffer::new(),
            aside: None,
            sent: 0,
            sealed: 0,
            end: 0,
            content: 0,
            window: 0,
            grown: false,
            flight: false,
            version: VERSION,
            largest: limits::RECORD_PLAINTEXT as u16,
            begins_small: false,
            small: 0,
        }
    }

    /// Makes no record with more content than this, and at least 1 byte.
    pub(crate) fn set_largest(&mut self, largest: usize) {
        self.largest = largest.clamp(1, limits::RECORD_PLAINTEXT) as u16;
    }

    /// The first [`limits::SMALL_RECORDS`] records of data are small.
    pub(crate) fn begin_small(&mut self) {
        self.begins_small = true;
        self.begin_again();
    }

    /// After a wait the next records are first ones again, if those are small.
    pub(crate) fn begin_again(&mut self) {
        if self.begins_small {
            self.small = limits::SMALL_RECORDS;
        }
    }

    /// Says that a first ClientHello comes: up to the next [`Outbox::seal`] the
    /// version field of unprotected records is 0x0301 (RFC 9846 section 5.1).
    pub(crate) fn first_hello(&mut self) {
        self.version = ProtocolVersion::TLS10;
    }

    /// Appends a handshake message to the open record and lends its bytes, for
    /// the transcript. A message that does not fit into the record is cut.
    pub(crate) fn message(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        self.append(key, tap, FLIGHT, write)
    }

    /// The same for a KeyUpdate, which may use the reserve.
    pub(crate) fn key_update(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        self.append(key, tap, limits::OUTBOX_HANDSHAKE, write)
    }

    /// Seals the open record, if there is one.
    pub(crate) fn seal(&mut self, key: &mut Option<Protection>, tap: &Tap) -> Result<(), SendError> {
        if self.end > self.sealed {
            self.seal_record(ContentType::HANDSHAKE, Content::InPlace(self.end - self.content), key, tap)?;
        }
        self.version = VERSION;
        self.aside = None;
        Ok(())
    }

    /// Appends a ChangeCipherSpec, which no key of ours protects: TLS 1.3 sends it
    /// for middleboxes (RFC 9846 section E.4), TLS 1.2 before the first key.
    /// `key` is for the record that is open.
    pub(crate) fn change_cipher_spec(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
    ) -> Result<(), SendError> {
        self.seal(key, tap)?;
        self.short_record(ContentType::CHANGE_CIPHER_SPEC, &[1], &mut None, tap, FLIGHT)
    }

    /// Appends an alert; it may use the reserve.
    pub(crate) fn alert(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        level: AlertLevel,
        description: AlertDescription,
    ) -> Result<(), SendError> {
        self.seal(key, tap)?;
        let alert = [level.code(), description.0];
        self.short_record(ContentType::ALERT, &alert, key, tap, limits::OUTBOX_HANDSHAKE)
    }

    /// Opens a window to write application data into, of one record's content;
    /// `None` while too much is pending, and without a key. What is in it is not
    /// defined. [`Outbox::seal_payload`] comes next.
    pub(crate) fn payload(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
    ) -> Result<Option<&[u8]>, SendError> {
        self.seal(key, tap)?;
        let Some(protection) = key.as_ref() else {
            return Ok(None);
        };
        let largest = match self.small {
            0 => self.largest(),
            _ => self.largest().min(limits::SMALL_RECORD),
        };
        let before = limits::RECORD_HEADER + protection.explicit_nonce_len();
        let tail = if protection.is_tls13() { TAIL } else { TAG_LEN };
        let room = |content| BULK.saturating_sub(content + tail).min(largest);
        let mut content = self.sealed + before;
        if room(content) < LEAST_WINDOW.min(largest) {
            return Ok(None);
        }
        // One record's buffer, until a second record is wanted before the first is sent.
        self.grown |= content + room(content) + TAIL > spare::RECORD;
        self.buffer.grow(if self.grown { spare::BULK } else { spare::RECORD }, self.sealed);
        if self.sent == self.sealed {
            let front = self.buffer.front(before);
            (self.sent, self.sealed, self.end) = (front, front, front);
            content = front + before;
        }
        (self.content, self.window, self.flight) = (content, room(content), false);
        Ok(Some(self.window()))
    }

    /// The window that [`Outbox::payload`] opened.
    pub(crate) fn window(&self) -> &[u8] {
        self.buffer.get(self.content..self.content + self.window)
    }

    pub(crate) fn window_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.content..self.content + self.window)
    }

    /// Writes as much of `data` as fits behind the first `at` bytes of the window;
    /// how much that is. The rest of the window is not lent, and so not wiped.
    pub(crate) fn put(&mut self, at: usize, data: &[u8]) -> usize {
        let n = data.len().min(self.window.saturating_sub(at));
        self.buffer.put(self.content + at, data.get(..n).unwrap_or_default());
        n
    }

    /// Seals the first `n` bytes of the window as a record; none if `n` is 0.
    pub(crate) fn seal_payload(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        n: usize,
    ) -> Result<(), SendError> {
        match n.min(std::mem::take(&mut self.window)) {
            0 => Ok(()),
            n => self.seal_record(ContentType::APPLICATION_DATA, Content::InPlace(n), key, tap),
        }
    }

    /// Seals as much of `data` as the window holds, from where it lies; returns how
    /// much that is.
    pub(crate) fn seal_data(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        data: &[u8],
    ) -> Result<usize, SendError> {
        let n = data.len().min(std::mem::take(&mut self.window));
        match data.get(..n) {
            None | Some([]) => Ok(0),
            Some(data) => {
                self.seal_record(ContentType::APPLICATION_DATA, Content::From(data), key, tap).map(|()| n)
            }
        }
    }

    /// Sealed bytes for the socket.
    pub(crate) fn pending(&self) -> &[u8] {
        self.buffer.get(self.sent..self.sealed)
    }

    /// Says that the first `n` bytes of [`Outbox::pending`] are sent.
    pub(crate) fn sent(&mut self, n: usize) {
        self.sent = self.sent.saturating_add(n).min(self.sealed);
        if self.sent == self.end {
            (self.sent, self.sealed, self.end, self.window) = (0, 0, 0, 0);
            if self.flight {
                self.buffer.rest(); // the next one is a wait away
            }
        }
    }

    /// Gives the memory back if all is sent.
    pub(crate) fn rest(&mut self) {
        if self.sent == self.end {
            (self.sent, self.sealed, self.end, self.window) = (0, 0, 0, 0);
            self.buffer.rest();
        }
        self.aside = None;
    }

    fn append(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        limit: usize,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        (self.window, self.flight) = (0, true);
        let from = match self.end > self.sealed {
            true => self.end,
            false => {
                self.content = self.sealed + limits::RECORD_HEADER + explicit_nonce_len(key);
                self.content
            }
        };
        let (to, written) = self.buffer.append(from, |bytes| {
            let mut writer = Writer::new(bytes);
            write(&mut writer);
            writer.finish()
        });
        written.map_err(|_| SendError::TooLong)?;
        // A cut message has more than one header and tail.
        let records = (to - self.content).div_ceil(self.largest());
        if to + records * (self.content - self.sealed + TAIL) > limit {
            return Err(SendError::Full);
        }
        if records <= 1 {
            if from < to {
                self.end = to;
            }
            return Ok(self.buffer.get(from..to));
        }
        self.cut(key, tap, from, to)
    }

    /// Spreads a message, written from `from` to `to`, over records.
    #[cold]
    fn cut(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        from: usize,
        to: usize,
    ) -> Result<&[u8], SendError> {
        let mut aside = Box::new(Buffer::new());
        aside.append(0, |bytes| bytes.extend_from_slice(self.buffer.get(from..to)));
        let mut rest = aside.get(0..to - from);
        self.end = from;
        while let Some((chunk, later)) = rest.split_at_checked(rest.len().min(self.room())) {
            rest = later;
            (self.end, ()) = self.buffer.append(self.end, |bytes| bytes.extend_from_slice(chunk));
            if rest.is_empty() {
                break;
            }
            self.seal_record(ContentType::HANDSHAKE, Content::InPlace(self.end - self.content), key, tap)?;
            self.content = self.sealed + limits::RECORD_HEADER + explicit_nonce_len(key);
            self.end = self.content;
        }
        Ok(self.aside.insert(aside).get(0..to - from))
    }

    fn largest(&self) -> usize {
        self.largest.into()
    }

    /// Content that the open record still takes.
    fn room(&self) -> usize {
        self.largest().saturating_sub(self.end - self.content)
    }

    /// A record of a few bytes.
    fn short_record(
        &mut self,
        kind: ContentType,
        content: &[u8],
        key: &mut Option<Protection>,
        tap: &Tap,
        limit: usize,
    ) -> Result<(), SendError> {
        (self.window, self.flight) = (0, true);
        self.content = self.sealed + limits::RECORD_HEADER + explicit_nonce_len(key);
        let end = self.content + content.len();
        if end + TAIL > limit {
            return Err(SendError::Full);
        }
        self.buffer.append(self.content, |bytes| bytes.extend_from_slice(content));
        self.seal_record(kind, Content::InPlace(content.len()), key, tap)
    }

    /// Seals a record whose content stands, or will stand, from `content` on: the one
    /// place where a record is made.
    ///
    /// ```text
    ///   sealed   content
    ///   | header | content |                      unprotected
    ///   | header | content | type | tag |         TLS 1.3, RFC 9846 section 5.2
    ///   | header | nonce | content | tag |        TLS 1.2, RFC 5246 section 6.2.3.3
    /// ```
    fn seal_record(
        &mut self,
        kind: ContentType,
        what: Content<'_>,
        key: &mut Option<Protection>,
        tap: &Tap,
    ) -> Result<(), SendError> {
        let (start, content) = (self.sealed, self.content);
        let length = match what {
            Content::InPlace(length) => length,
            Content::From(data) => data.len(),
        };
        let inner: &[u8] = &[kind.0];
        let (outer, version, inner, tag) = match key {
            None => (kind, self.version, &[][..], 0),
            Some(key) if key.is_tls13() => (ContentType::APPLICATION_DATA, VERSION, inner, TAG_LEN),
            Some(_) => (kind, VERSION, &[][..], TAG_LEN),
        };
        let sealed = content + length + inner.len();
        let end = sealed + tag;
        self.reach(end);
        let header = header(outer, version, end - start - limits::RECORD_HEADER);
        if let Content::InPlace(_) = what {
            self.buffer.put(content + length, inner);
        }
        let to = self.buffer.get_mut(content..sealed);
        if let Some(key) = key {
            let aad12;
            let aad: &[u8] = match key.is_tls13() {
                true => &header,
                false => {
                    aad12 = additional_data12(key.records(), kind, length);
                    &aad12
                }
            };
            let around = match what {
                Content::InPlace(_) => key.seal(aad, to),
                Content::From(data) => key.seal_from(aad, data, inner, to),
            };
            let around = around.map_err(|_| SendError::KeyUsedUp)?;
            self.buffer.put(sealed, &around.tag);
            if let Some(explicit) = around.explicit.get(..key.explicit_nonce_len()) {
                self.buffer.put(start + limits::RECORD_HEADER, explicit);
            }
        } else if let Content::From(data) = what {
            self.buffer.put(content, data);
        }
        self.buffer.put(start, &header);
        (self.sealed, self.end) = (end, end);
        self.buffer.sealed(start..end);
        if kind == ContentType::APPLICATION_DATA {
            self.small = self.small.saturating_sub(1);
        }
        tap.tell(|| Observed::Record {
            direction: Direction::Out,
            outer_type: outer.0,
            content_type: kind.0,
            length: end - start,
            content: length,
            protected: key.is_some(),
        });
        Ok(())
    }

    /// Makes the buffer as long as a record's tail needs.
    fn reach(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.grow(length, self.buffer.len());
        }
    }
}

/// Where a record's content lies before it is sealed.
#[derive(Clone, Copy)]
enum Content<'a> {
    /// So many bytes where they will stand.
    InPlace(usize),
    /// Elsewhere.
    From(&'a [u8]),
}

fn explicit_nonce_len(key: &Option<Protection>) -> usize {
    key.as_ref().map_or(0, Protection::explicit_nonce_len)
}

#[cfg(test)]
mod tests;
