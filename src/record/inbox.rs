//! The way in (RFC 9846 section 5, RFC 5246 section 6.2): bytes from the socket
//! become records, which are opened where they lie. A record is a range.
//!
//! ```text
//!   0      held          start            end      limit     length
//!   | gone | being used  | not yet framed | space()          |
//!                        | header | body ...
//! ```
//!
//! While a record is held nothing moves. Otherwise what is not yet framed moves
//! to the front when its record would not fit behind it. So that this moves
//! only a header's few bytes in bulk, a large record is read to its exact end
//! and the next header, and no further. The front is where the content of a
//! record as the last one begins at a cache line.

use super::header::{VERSION, additional_data12, body_length, is_known};
use super::spare::{self, Buffer};
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::crypto::lent::{Kept, Lent, List};
use crate::fault::Fault;
use crate::limits;
use crate::observe::{Direction, Observed, Tap};
use crate::wire::codepoints::ContentType;
use std::ops::{Deref, DerefMut, Range};

/// A record, opened. Its content lies in the inbox until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Of the content: in TLS 1.3 the type inside the protection.
    pub(crate) kind: ContentType,
    /// Where the content lies; empty ranges are for the caller to count.
    pub(crate) range: Range<usize>,
    /// Whether it was encrypted.
    pub(crate) protected: bool,
}

/// A record as its header announces it.
struct Framed {
    kind: ContentType,
    header: [u8; limits::RECORD_HEADER],
    /// Whether the header says, with the key at hand, that it is encrypted.
    protected: bool,
    body: Range<usize>,
}

/// Bytes that arrived, and the records in them.
#[derive(Default)]
pub(crate) struct Inbox {
    lying: Lent<Lying>,
    /// Early data may still be passed over: this many bytes of it.
    skip: Option<u32>,
    /// Length of the last record: the next one is likely as long.
    last: u16,
    /// The small buffer was too small once.
    grown: bool,
    plain_alert: bool,
    /// Bytes of the last record between its header and its content.
    explicit: u8,
    /// Records of data with nothing in them, one behind the other: for whoever counts them.
    pub(super) empty_records: u8,
}

/// What lies in it: the figure above.
#[derive(Default)]
struct Lying {
    buffer: Buffer,
    /// The record that was given out and is not yet released.
    held: Option<Record>,
    start: usize,
    end: usize,
}

thread_local! {
    static LIST: List<Lying> = const { List::new() };
}

impl Kept for Lying {
    fn with_list<R>(then: impl FnOnce(&List<Self>) -> R) -> Option<R> {
        LIST.try_with(then).ok()
    }

    fn clear(&mut self) {
        self.buffer.rest();
        (self.held, self.start, self.end) = (None, 0, 0);
    }
}

/// Room for bytes from the transport, to be filled from its start. Dropped
/// unfilled, as where a read would block, it gives the inbox's memory back,
/// unless something lies in it: who waits holds none.
pub(crate) struct Room<'a> {
    inbox: &'a mut Inbox,
    limit: usize,
}

impl Deref for Room<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.inbox.lying.get().map_or(&[], |lying| lying.buffer.get(lying.end..self.limit))
    }
}

impl DerefMut for Room<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        let lying = self.inbox.lying.get_mut();
        lying.map_or(&mut [], |lying| lying.buffer.get_for_wire(lying.end..self.limit))
    }
}

impl Room<'_> {
    /// The first `n` bytes are filled.
    #[inline]
    pub(crate) fn filled(self, n: usize) {
        let n = n.min(self.len());
        if let Some(lying) = self.inbox.lying.get_mut() {
            lying.end += n;
            // The peer may well have more to say than fits: read more at once.
            self.inbox.grown |= lying.end == lying.buffer.len();
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.inbox.rest();
    }
}

impl Inbox {
    /// An empty one, without memory.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Room for bytes from the socket; `None` while the records that are
    /// already here must be taken and released first.
    pub(crate) fn space(&mut self) -> Option<Room<'_>> {
        let (end, limit) = match self.lying.get() {
            Some(Lying { held: Some(_), end, buffer, .. }) => (*end, buffer.len()),
            _ => self.make_room(),
        };
        (end < limit).then_some(Room { inbox: self, limit })
    }

    /// Bytes that arrived and are not yet part of a record given out.
    pub(crate) fn unread(&self) -> usize {
        self.lying.get().map_or(0, Lying::unread)
    }

    /// Those bytes. When the first of them are no TLS header, they tell what the
    /// peer speaks instead: [`looks_like`](super::looks::looks_like).
    pub(crate) fn first_bytes(&self) -> &[u8] {
        self.lying.get().map_or(&[], |lying| lying.buffer.get(lying.start..lying.end))
    }

    /// Passes over records that do not open, up to `budget` bytes, because the
    /// early data in them was refused; ends at the first record that opens
    /// (RFC 9846 section 4.3.10). Without a read key, after a
    /// HelloRetryRequest, application data is passed over instead, up to the
    /// next handshake record.
    pub(crate) fn skip_early_data(&mut self, budget: u32) {
        self.skip = Some(budget);
    }

    /// Whether an unprotected alert passes although a TLS 1.3 read key is set: a
    /// peer that failed before it had keys can send no other. A record that opens
    /// shows that it has them, and ends this.
    pub(crate) fn allow_plain_alert(&mut self, allow: bool) {
        self.plain_alert = allow;
    }

    /// Whether a record was ever taken.
    pub(crate) fn any_record(&self) -> bool {
        self.last > 0
    }

    /// The record that was given out, or what is left of it.
    #[inline]
    pub(crate) fn held(&self) -> Option<&Record> {
        self.lying.get()?.held.as_ref()
    }

    /// Where its content lies.
    #[inline]
    pub(crate) fn range(&self) -> Range<usize> {
        self.held().map_or(0..0, |record| record.range.clone())
    }

    /// What lies there.
    #[inline]
    pub(crate) fn content(&self) -> &[u8] {
        match self.lying.get() {
            Some(Lying { held: Some(record), buffer, .. }) => buffer.get(record.range.clone()),
            _ => &[],
        }
    }

    /// The content of a range of the held record.
    #[inline]
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.lying.get().map_or(&[], |lying| lying.buffer.get(range))
    }

    /// Takes `n` bytes off the front of the held record; with the last one it is
    /// released.
    #[inline]
    pub(crate) fn consume(&mut self, n: usize) {
        if let Some(Lying { held: Some(record), .. }) = self.lying.get_mut() {
            record.range.start = record.range.start.saturating_add(n).min(record.range.end);
            if record.range.is_empty() {
                self.release();
            }
        }
    }

    /// Gives up the held record, whatever is left of it.
    #[inline]
    pub(crate) fn release(&mut self) {
        if let Some(lying) = self.lying.get_mut() {
            lying.held = None;
            if lying.start == lying.end {
                (lying.start, lying.end) = (0, 0);
            }
        }
    }

    /// Gives the memory back if nothing lies in it.
    pub(crate) fn rest(&mut self) {
        if self.held().is_none() && self.unread() == 0 {
            self.lying.rest();
        }
    }

    /// Opens the next record where it lies, if all of it is here, and says of what
    /// type it is. It is [`held`](Self::held) until it is consumed or released, and
    /// given again until then.
    pub(crate) fn open_next(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
    ) -> Result<Option<ContentType>, Fault> {
        if let Some(held) = self.held() {
            return Ok(Some(held.kind));
        }
        while let Some(lying) = self.lying.get()
            && let Some(framed) = self.frame(lying, key.as_ref())?
            && framed.body.end <= lying.end
        {
            let record = self.open(&framed, key)?;
            self.advance(&framed);
            if let Some(record) = record {
                tap.tell(|| Observed::Record {
                    direction: Direction::In,
                    outer_type: framed.kind.0,
                    content_type: record.kind.0,
                    length: limits::RECORD_HEADER + framed.body.len(),
                    content: record.range.len(),
                    protected: record.protected,
                });
                self.explicit = record.range.start.saturating_sub(framed.body.start) as u8;
                let kind = record.kind;
                self.lying.make().held = Some(record);
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }

    /// The same record, for tests that look at it.
    #[cfg(test)]
    pub(crate) fn next_record(
        &mut self,
        key: &mut Option<Protection>,
        tap: &Tap,
    ) -> Result<Option<Record>, Fault> {
        self.open_next(key, tap)?;
        Ok(self.held().cloned())
    }

    /// Reads the header at `start`, as soon as it is here, and holds it against
    /// the rules (RFC 9846 sections 5.1 and 5.2).
    fn frame(&self, lying: &Lying, key: Option<&Protection>) -> Result<Option<Framed>, Fault> {
        let Some(header) = lying.header() else {
            return Ok(None);
        };
        let [kind, major, minor, ..] = header;
        let kind = ContentType(kind);
        let tls13 = key.is_some_and(Protection::is_tls13);
        // TLS 1.2 protects all after ChangeCipherSpec. In TLS 1.3 the header of a
        // protected record says application_data.
        let protected = key.is_some() && (!tls13 || kind == ContentType::APPLICATION_DATA);
        if !is_known(kind) {
            return Err(Fault::UnknownContentType);
        }
        // Before there are keys any TLS will do: a first ClientHello may say 0x0301,
        // and RFC 9846 section 5.1 wants the field ignored.
        let [tls, two] = VERSION.0.to_be_bytes();
        if major != tls || (protected && minor != two) {
            return Err(Fault::BadRecordVersion);
        }
        if tls13 && !protected && !self.may_be_plain(kind) {
            return Err(Fault::UnprotectedRecord);
        }
        let skipped = self.skip.is_some() && kind == ContentType::APPLICATION_DATA;
        let longest = match (protected, tls13) {
            (true, false) => limits::RECORD_CIPHERTEXT_12,
            (true, true) => limits::RECORD_CIPHERTEXT_13,
            (false, _) if skipped => limits::RECORD_CIPHERTEXT_13,
            (false, _) => limits::RECORD_PLAINTEXT,
        };
        let length = body_length(header);
        if length > longest {
            return Err(Fault::RecordTooLong);
        }
        let body = lying.start + limits::RECORD_HEADER;
        Ok(Some(Framed { kind, header, protected, body: body..body + length }))
    }

    /// Which records stand unprotected in a protected TLS 1.3 stream: the
    /// ChangeCipherSpec of middlebox compatibility (RFC 9846 section E.4), and an
    /// alert where the peer may lack keys.
    fn may_be_plain(&self, kind: ContentType) -> bool {
        kind == ContentType::CHANGE_CIPHER_SPEC || (kind == ContentType::ALERT && self.plain_alert)
    }

    /// `None` if the record is passed over.
    fn open(&mut self, framed: &Framed, key: &mut Option<Protection>) -> Result<Option<Record>, Fault> {
        let (kind, range) = match key {
            Some(key) if framed.protected => {
                let buffer = &mut self.lying.make().buffer;
                let opened =
                    if key.is_tls13() { open13(buffer, framed, key) } else { open12(buffer, framed, key) };
                match opened {
                    Err(Fault::BadRecordMac) if self.skip.is_some() => {
                        return self.pass_over(framed);
                    }
                    opened => {
                        let opened = opened?;
                        (self.skip, self.plain_alert) = (None, false);
                        opened
                    }
                }
            }
            Some(_) => (framed.kind, framed.body.clone()),
            None if self.skip.is_some() && framed.kind == ContentType::APPLICATION_DATA => {
                return self.pass_over(framed);
            }
            None => {
                if framed.kind == ContentType::HANDSHAKE {
                    self.skip = None;
                }
                (framed.kind, framed.body.clone())
            }
        };
        if range.is_empty() && matches!(kind, ContentType::HANDSHAKE | ContentType::ALERT) {
            return Err(Fault::EmptyRecord);
        }
        Ok(Some(Record { kind, range, protected: framed.protected }))
    }

    fn pass_over(&mut self, framed: &Framed) -> Result<Option<Record>, Fault> {
        let length = u32::try_from(framed.body.len()).unwrap_or(u32::MAX);
        let left = self.skip.and_then(|left| left.checked_sub(length));
        self.skip = Some(left.ok_or(Fault::EarlyDataTooLong)?);
        Ok(None)
    }

    fn advance(&mut self, framed: &Framed) {
        let lying = self.lying.make();
        self.last = (framed.body.end - lying.start) as u16;
        lying.start = framed.body.end;
    }

    /// Grows the buffer or moves what is not yet framed to its front, where it
    /// must; returns where the room to read into begins and ends. No record is held.
    fn make_room(&mut self) -> (usize, usize) {
        let lying = self.lying.make();
        let unread = lying.unread();
        // The next record's length: from its header, or as a guess from the last
        // one's, for a stream in bulk consists of equal records.
        let next = match lying.header() {
            Some(header) => limits::RECORD_HEADER + body_length(header).min(limits::RECORD_CIPHERTEXT_12),
            None => self.last.into(),
        };
        let exact = next > spare::SMALL;
        let need = if exact { next + limits::RECORD_HEADER } else { spare::SMALL };
        let size = if self.grown { spare::RECORD } else { spare::SMALL };
        let short = lying.buffer.len() < size;
        lying.buffer.grow(size, lying.end);
        if unread == 0 || short || lying.start + need > lying.buffer.len() {
            let front = lying.buffer.front(limits::RECORD_HEADER + usize::from(self.explicit));
            lying.buffer.move_to(front, lying.start..lying.end);
            (lying.start, lying.end) = (front, front + unread);
        }
        let length = lying.buffer.len();
        (lying.end, if exact { length.min(lying.start + need) } else { length })
    }
}

impl Lying {
    fn unread(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn header(&self) -> Option<[u8; limits::RECORD_HEADER]> {
        self.buffer.get(self.start..self.end).first_chunk().copied()
    }
}

/// ```text
///   | header | content | type | zeros | tag |
///   | as aad | TLSInnerPlaintext      |         RFC 9846 section 5.2
/// ```
fn open13(
    buffer: &mut Buffer,
    framed: &Framed,
    key: &mut Protection,
) -> Result<(ContentType, Range<usize>), Fault> {
    let body = buffer.get_mut(framed.body.clone());
    let length = key.open(&[], &framed.header, body).map_err(|_| Fault::BadRecordMac)?;
    let inner = body.get(..length).unwrap_or_default();
    if inner.len() > limits::RECORD_PLAINTEXT + 1 {
        return Err(Fault::PlaintextTooLong);
    }
    let content = inner.iter().rposition(|byte| *byte != 0).ok_or(Fault::NoContentType)?;
    let kind = ContentType(inner.get(content).copied().unwrap_or_default());
    match kind {
        ContentType::CHANGE_CIPHER_SPEC => Err(Fault::BadChangeCipherSpec),
        kind if !is_known(kind) => Err(Fault::UnknownContentType),
        kind => Ok((kind, framed.body.start..framed.body.start + content)),
    }
}

/// ```text
///   | header | explicit nonce | content | tag |   RFC 5246 section 6.2.3.3
///            | AES-GCM only   |
/// ```
fn open12(
    buffer: &mut Buffer,
    framed: &Framed,
    key: &mut Protection,
) -> Result<(ContentType, Range<usize>), Fault> {
    let explicit = key.explicit_nonce_len();
    let length = framed.body.len().checked_sub(explicit + TAG_LEN).ok_or(Fault::BadRecordMac)?;
    let aad = additional_data12(key.records(), framed.kind, length);
    let body = buffer.get_mut(framed.body.clone());
    let (nonce, sealed) = body.split_at_mut_checked(explicit).ok_or(Fault::BadRecordMac)?;
    let length = key.open(nonce, &aad, sealed).map_err(|_| Fault::BadRecordMac)?;
    if length > limits::RECORD_PLAINTEXT {
        return Err(Fault::PlaintextTooLong);
    }
    let content = framed.body.start + explicit;
    Ok((framed.kind, content..content + length))
}

#[cfg(test)]
mod tests;
