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
use crate::crypto::lent::{Kept, Lent, List};
use crate::limits;
use crate::observe::{Direction, Level, Observed, Tap};
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
    leaving: Lent<Leaving>,
    /// The keys at hand.
    pub(super) level: Level,
    /// Unprotected records say 0x0301.
    first_hello: bool,
    /// Content that a record has at most.
    largest: u16,
    /// More than one record was pending once.
    grown: bool,
    /// What was written last is a message or an alert.
    flight: bool,
    /// Records of data begin small.
    begins_small: bool,
    /// Records of data that are still to be small.
    small: u8,
}

/// What has not left: the figure above.
#[derive(Default)]
struct Leaving {
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
}

thread_local! {
    static LIST: List<Leaving> = const { List::new() };
}

impl Kept for Leaving {
    fn with_list<R>(then: impl FnOnce(&List<Self>) -> R) -> Option<R> {
        LIST.try_with(then).ok()
    }

    fn clear(&mut self) {
        self.buffer.rest();
        self.aside = None;
        (self.sent, self.sealed, self.end, self.content, self.window) = (0, 0, 0, 0, 0);
    }
}

impl Leaving {
    /// Bytes of content in the open record, if there is one.
    fn open(&self) -> Option<usize> {
        (self.end > self.sealed).then(|| self.end - self.content)
    }

    /// Goes to where the content of the next record begins.
    fn begin(&mut self, key: &Option<Protection>) -> usize {
        self.content = self.sealed + limits::RECORD_HEADER + explicit_nonce_len(key);
        self.content
    }

    fn window(&self) -> &[u8] {
        self.buffer.get(self.content..self.content + self.window)
    }

    /// Makes the buffer as long as a record's tail needs.
    fn reach(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.grow(length, self.buffer.len());
        }
    }
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            leaving: Lent::default(),
            level: Level::Initial,
            first_hello: false,
            largest: limits::RECORD_PLAINTEXT as u16,
            grown: false,
            flight: false,
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
        self.first_hello = true;
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
        if let Some(length) = self.leaving.get().and_then(Leaving::open) {
            self.seal_record(ContentType::HANDSHAKE, Content::InPlace(length), key, tap)?;
        }
        self.first_hello = false;
        if let Some(leaving) = self.leaving.get_mut() {
            leaving.aside = None;
        }
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
        let leaving = self.leaving.make();
        let before = limits::RECORD_HEADER + protection.explicit_nonce_len();
        let tail = if protection.is_tls13() { TAIL } else { TAG_LEN };
        let room = |content| BULK.saturating_sub(content + tail).min(largest);
        let mut content = leaving.sealed + before;
        if room(content) < LEAST_WINDOW.min(largest) {
            return Ok(None);
        }
        // One record's buffer, until a second record is wanted before the first is sent.
        self.grown |= content + room(content) + TAIL > spare::RECORD;
        leaving.buffer.grow(if self.grown { spare::BULK } else { spare::RECORD }, leaving.sealed);
        if leaving.sent == leaving.sealed {
            let front = leaving.buffer.front(before);
            (leaving.sent, leaving.sealed, leaving.end) = (front, front, front);
            content = front + before;
        }
        (leaving.content, leaving.window, self.flight) = (content, room(content), false);
        Ok(Some(leaving.window()))
    }

    /// Makes the window no longer than this.
    pub(crate) fn narrow(&mut self, most: usize) {
        if let Some(leaving) = self.leaving.get_mut() {
            leaving.window = leaving.window.min(most);
        }
    }

    /// The window that [`Outbox::payload`] opened.
    pub(crate) fn window(&self) -> &[u8] {
        self.leaving.get().map_or(&[], Leaving::window)
    }

    #[inline]
    pub(crate) fn window_mut(&mut self) -> &mut [u8] {
        match self.leaving.get_mut() {
            Some(Leaving { buffer, content, window, .. }) => buffer.get_mut(*content..*content + *window),
            None => &mut [],
        }
    }

    /// Writes as much of `data` as fits behind the first `at` bytes of the window;
    /// how much that is. The rest of the window is not lent, and so not wiped.
    pub(crate) fn put(&mut self, at: usize, data: &[u8]) -> usize {
        let Some(leaving) = self.leaving.get_mut() else { return 0 };
        let n = data.len().min(leaving.window.saturating_sub(at));
        leaving.buffer.put(leaving.content + at, data.get(..n).unwrap_or_default());
        n
    }

    /// Seals the first `n` bytes of the window as a record; none if `n` is 0.
    pub(crate) fn seal_payload(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        n: usize,
    ) -> Result<(), SendError> {
        match n.min(self.take_window()) {
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
        let n = data.len().min(self.take_window());
        match data.get(..n) {
            None | Some([]) => Ok(0),
            Some(data) => {
                self.seal_record(ContentType::APPLICATION_DATA, Content::From(data), key, tap).map(|()| n)
            }
        }
    }

    /// Sealed bytes for the socket.
    #[inline]
    pub(crate) fn pending(&self) -> &[u8] {
        self.leaving.get().map_or(&[], |leaving| leaving.buffer.get(leaving.sent..leaving.sealed))
    }

    /// Says that the first `n` bytes of [`Outbox::pending`] are sent.
    pub(crate) fn sent(&mut self, n: usize) {
        let Some(leaving) = self.leaving.get_mut() else { return };
        leaving.sent = leaving.sent.saturating_add(n).min(leaving.sealed);
        if leaving.sent == leaving.end {
            (leaving.sent, leaving.sealed, leaving.end, leaving.window) = (0, 0, 0, 0);
            if self.flight {
                self.leaving.rest(); // the next one is a wait away
            }
        }
    }

    /// Gives the memory back if all is sent.
    pub(crate) fn rest(&mut self) {
        match self.leaving.get_mut() {
            Some(leaving) if leaving.sent != leaving.end => leaving.aside = None,
            _ => self.leaving.rest(),
        }
    }

    /// The bytes of the window, which is closed.
    #[inline]
    fn take_window(&mut self) -> usize {
        self.leaving.get_mut().map_or(0, |leaving| std::mem::take(&mut leaving.window))
    }

    fn append(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
        limit: usize,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], SendError> {
        self.flight = true;
        let largest = self.largest();
        let leaving = self.leaving.make();
        leaving.window = 0;
        let from = match leaving.open() {
            Some(_) => leaving.end,
            None => leaving.begin(key),
        };
        let (to, written) = leaving.buffer.append(from, |bytes| {
            let mut writer = Writer::new(bytes);
            write(&mut writer);
            writer.finish()
        });
        written.map_err(|_| SendError::TooLong)?;
        // A cut message has more than one header and tail.
        let records = (to - leaving.content).div_ceil(largest);
        if to + records * (leaving.content - leaving.sealed + TAIL) > limit {
            return Err(SendError::Full);
        }
        if records > 1 {
            return self.cut(key, tap, from, to);
        }
        let leaving = self.leaving.make();
        if from < to {
            leaving.end = to;
        }
        Ok(leaving.buffer.get(from..to))
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
        let largest = self.largest();
        let leaving = self.leaving.make();
        let mut aside = Box::new(Buffer::new());
        aside.append(0, |bytes| bytes.extend_from_slice(leaving.buffer.get(from..to)));
        let mut rest = aside.get(0..to - from);
        leaving.end = from;
        loop {
            let leaving = self.leaving.make();
            // Content that the open record still takes.
            let room = largest.saturating_sub(leaving.end - leaving.content);
            let Some((chunk, later)) = rest.split_at_checked(rest.len().min(room)) else { break };
            rest = later;
            (leaving.end, ()) = leaving.buffer.append(leaving.end, |bytes| bytes.extend_from_slice(chunk));
            let length = leaving.end - leaving.content;
            if rest.is_empty() {
                break;
            }
            self.seal_record(ContentType::HANDSHAKE, Content::InPlace(length), key, tap)?;
            let leaving = self.leaving.make();
            leaving.end = leaving.begin(key);
        }
        Ok(self.leaving.make().aside.insert(aside).get(0..to - from))
    }

    fn largest(&self) -> usize {
        self.largest.into()
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
        self.flight = true;
        let leaving = self.leaving.make();
        leaving.window = 0;
        let from = leaving.begin(key);
        if from + content.len() + TAIL > limit {
            return Err(SendError::Full);
        }
        leaving.buffer.append(from, |bytes| bytes.extend_from_slice(content));
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
        let leaving = self.leaving.make();
        let (start, content) = (leaving.sealed, leaving.content);
        let length = match what {
            Content::InPlace(length) => length,
            Content::From(data) => data.len(),
        };
        let inner: &[u8] = &[kind.0];
        let (outer, version, inner, tag) = match key {
            None if self.first_hello => (kind, ProtocolVersion::TLS10, &[][..], 0),
            None => (kind, VERSION, &[][..], 0),
            Some(key) if key.is_tls13() => (ContentType::APPLICATION_DATA, VERSION, inner, TAG_LEN),
            Some(_) => (kind, VERSION, &[][..], TAG_LEN),
        };
        let sealed = content + length + inner.len();
        let end = sealed + tag;
        leaving.reach(end);
        let header = header(outer, version, end - start - limits::RECORD_HEADER);
        if let Content::InPlace(_) = what {
            leaving.buffer.put(content + length, inner);
        }
        let to = leaving.buffer.get_mut(content..sealed);
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
            leaving.buffer.put(sealed, &around.tag);
            if let Some(explicit) = around.explicit.get(..key.explicit_nonce_len()) {
                leaving.buffer.put(start + limits::RECORD_HEADER, explicit);
            }
        } else if let Content::From(data) = what {
            leaving.buffer.put(content, data);
        }
        leaving.buffer.put(start, &header);
        (leaving.sealed, leaving.end) = (end, end);
        leaving.buffer.sealed(start..end);
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
