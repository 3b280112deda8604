//! Handshake messages out of records (RFC 9846 section 5.1): a message may be
//! cut by record boundaries, and a record may hold several.
//!
//! ```text
//!   record:   | end of A | B | C | start of D |
//!   A is in `Join` (its start came before), B and C are lent where they lie,
//!   the start of D is copied to `Join` and waits for the next record.
//! ```
//!
//! The copy grows with bytes that arrived, never by the length that a message
//! declares, which costs a peer nothing, and never beyond it.

use super::inbox::Inbox;
use super::spare::Buffer;
use crate::fault::Fault;
use crate::wire::codepoints::HandshakeType;
use std::ops::Range;

/// Bytes of msg_type and length (RFC 9846 section 4).
const HEADER: usize = 4;

/// Where a message lies. With each record one is given up through several
/// callers: it is small enough for registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the held record.
    Inbox(Range<u32>),
    /// Put together from several records.
    Join,
}

/// Evidence that a message ends where its record ends, and that no other has
/// begun: only here may the read key change (RFC 9846 section 5.1). Made in
/// this file alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordEnd(());

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) place: Place,
    pub(crate) end: Option<RecordEnd>,
}

/// Puts messages together, and is the cursor that goes through a record.
#[derive(Default)]
pub(crate) struct Join {
    /// Few messages are cut.
    cut: Option<Box<Cut>>,
    /// What is left of the held record.
    cursor: Range<u32>,
}

/// The start of a message, or a whole one that is lent.
#[derive(Default)]
struct Cut {
    bytes: Buffer,
    filled: usize,
    lent: bool,
}

impl Join {
    /// An empty one, without memory.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Begins with the content of a handshake record, which the inbox holds.
    pub(crate) fn record(&mut self, range: Range<usize>) {
        // An inbox is no longer than a record or two.
        self.cursor = range.start as u32..range.end as u32;
    }

    /// Whether the held record is used up: then it can be released.
    #[cfg(test)]
    pub(crate) fn is_done(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The next whole message; the one before it is given up. `limit` is the
    /// length, header included, up to which a message of a type is taken.
    /// `None` says that the record is used up.
    pub(crate) fn next(
        &mut self,
        inbox: &Inbox,
        limit: impl Fn(HandshakeType) -> usize,
    ) -> Result<Option<Located>, Fault> {
        if self.cut.as_ref().is_some_and(|cut| cut.lent) {
            self.cut = None;
        }
        if self.cut.is_none() {
            let Some(length) = message_length(inbox.bytes(wide(&self.cursor)), &limit)? else {
                self.copy(inbox, HEADER);
                return Ok(None);
            };
            if length <= wide(&self.cursor).len() {
                let start = self.cursor.start;
                self.cursor.start += length as u32;
                let place = Place::Inbox(start..self.cursor.start);
                return Ok(Some(Located { place, end: self.end() }));
            }
            self.copy(inbox, length);
            return Ok(None);
        }
        self.copy(inbox, HEADER);
        let Some(length) = message_length(self.joined(), &limit)? else {
            return Ok(None);
        };
        self.copy(inbox, length);
        match &mut self.cut {
            Some(cut) if cut.filled >= length => cut.lent = true,
            _ => return Ok(None),
        }
        Ok(Some(Located { place: Place::Join, end: self.end() }))
    }

    /// The bytes of the message that [`Join::next`] gave last, header included.
    pub(crate) fn bytes<'a>(&'a self, inbox: &'a Inbox, place: &Place) -> &'a [u8] {
        match place {
            Place::Inbox(range) => inbox.bytes(wide(range)),
            Place::Join => self.joined(),
        }
    }

    fn joined(&self) -> &[u8] {
        self.cut.as_ref().map_or(&[], |cut| cut.bytes.get(0..cut.filled))
    }

    /// Called when a record of another type arrives: it may not stand inside a
    /// handshake message. Between messages it may, and so does a key change.
    pub(crate) fn between(&self) -> Result<RecordEnd, Fault> {
        match &self.cut {
            Some(cut) if !cut.lent => Err(Fault::MessageInterleaved),
            _ => self.end().ok_or(Fault::MessageInterleaved),
        }
    }

    fn end(&self) -> Option<RecordEnd> {
        self.cursor.is_empty().then_some(RecordEnd(()))
    }

    /// Copies from the record until `length` bytes of the message are here.
    fn copy(&mut self, inbox: &Inbox, length: usize) {
        let filled = self.cut.as_ref().map_or(0, |cut| cut.filled);
        let n = length.saturating_sub(filled).min(wide(&self.cursor).len());
        if n == 0 {
            return;
        }
        let from = self.cursor.start..self.cursor.start + n as u32;
        let cut = self.cut.get_or_insert_default();
        cut.bytes.grow_towards(filled + n, length, filled);
        (cut.filled, ()) =
            cut.bytes.append(filled, |bytes| bytes.extend_from_slice(inbox.bytes(wide(&from))));
        self.cursor.start = from.end;
    }
}

fn wide(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The length of the message that begins with `bytes`, its header included, if
/// that is here.
fn message_length(bytes: &[u8], limit: impl Fn(HandshakeType) -> usize) -> Result<Option<usize>, Fault> {
    let Some([kind, high, middle, low]) = bytes.first_chunk() else {
        return Ok(None);
    };
    let length = HEADER + u32::from_be_bytes([0, *high, *middle, *low]) as usize;
    if length > limit(HandshakeType(*kind)) {
        return Err(Fault::MessageTooLong);
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{feed, message, plain};
    use super::*;
    use crate::limits;
    use crate::observe::Tap;
    use crate::wire::codepoints::ContentType;

    fn limit(kind: HandshakeType) -> usize {
        match kind {
            HandshakeType::CERTIFICATE => limits::CERTIFICATE_MESSAGE,
            _ => limits::HANDSHAKE_MESSAGE,
        }
    }

    /// Bytes, whether they were joined, whether they end their record.
    type Got = (Vec<u8>, bool, bool);

    /// Takes the records in `stream` and the messages in them.
    fn messages(join: &mut Join, inbox: &mut Inbox, stream: &[u8]) -> Result<Vec<Got>, Fault> {
        let mut got = Vec::new();
        let mut rest = stream;
        loop {
            while inbox.next_record(&mut None, &Tap::default())?.is_some() {
                let record = inbox.held().unwrap();
                match record.kind {
                    ContentType::HANDSHAKE => join.record(record.range.clone()),
                    _ => {
                        join.between()?;
                    }
                }
                while let Some(message) = join.next(inbox, limit)? {
                    let bytes = join.bytes(inbox, &message.place).to_vec();
                    got.push((bytes, message.place == Place::Join, message.end.is_some()));
                }
                assert!(join.is_done());
                inbox.release();
            }
            if rest.is_empty() {
                return Ok(got);
            }
            let mut space = inbox.space().unwrap();
            let n = space.len().min(rest.len());
            space[..n].copy_from_slice(&rest[..n]);
            space.filled(n);
            rest = &rest[n..];
        }
    }

    fn cut(flight: &[u8], size: usize) -> Vec<u8> {
        flight.chunks(size).flat_map(|chunk| plain(ContentType::HANDSHAKE, chunk)).collect()
    }

    #[test]
    fn each_cut_of_a_flight_gives_the_same_messages() {
        let flight = [message(2, 30), message(14, 0), message(8, 7), message(20, 12)];
        let bytes = flight.concat();
        for size in 1..=bytes.len() {
            let (mut join, mut inbox) = (Join::new(), Inbox::new());
            let got = messages(&mut join, &mut inbox, &cut(&bytes, size)).unwrap();
            assert_eq!(got.len(), flight.len());
            let mut end = 0;
            for ((bytes, joined, at_end), message) in got.iter().zip(&flight) {
                let start = end;
                end += message.len();
                assert_eq!(bytes, message, "{size}");
                // Copied only if a boundary stands inside it.
                assert_eq!(*joined, start / size != (end - 1) / size, "{size}");
                assert_eq!(*at_end, end % size == 0 || end == flight.concat().len(), "{size}");
            }
            assert_eq!(join.between(), Ok(RecordEnd(())));
            assert!(join.cut.is_none(), "its buffer went back");
        }
    }

    #[test]
    fn a_certificate_over_many_records_is_joined() {
        let certificate = message(HandshakeType::CERTIFICATE.0, 64 * 1024);
        let flight = [message(8, 2), certificate.clone(), message(20, 32)].concat();
        for size in [100, 1000, limits::RECORD_PLAINTEXT] {
            let got = messages(&mut Join::new(), &mut Inbox::new(), &cut(&flight, size)).unwrap();
            assert_eq!(got[1], (certificate.clone(), true, false));
            assert_eq!(got.len(), 3);
        }
    }

    #[test]
    fn a_declared_length_is_not_believed() {
        let (mut join, mut inbox) = (Join::new(), Inbox::new());
        let start = &message(HandshakeType::CERTIFICATE.0, 100_000)[..10];
        assert_eq!(messages(&mut join, &mut inbox, &cut(start, 10)), Ok(vec![]));
        assert!(join.joined().len() <= 10 && join.cut.as_ref().unwrap().bytes.len() <= 10);
        assert_eq!(join.between(), Err(Fault::MessageInterleaved));
    }

    #[test]
    fn limits_hold_as_soon_as_the_header_is_here() {
        for (kind, limit) in [
            (1, limits::HANDSHAKE_MESSAGE),
            (11, limits::CERTIFICATE_MESSAGE),
            (99, limits::HANDSHAKE_MESSAGE),
        ] {
            let header = |length: usize| message(kind, length)[..4].to_vec();
            for size in 1..=4 {
                let try_it =
                    |length| messages(&mut Join::new(), &mut Inbox::new(), &cut(&header(length), size));
                assert_eq!(try_it(limit - 4), Ok(vec![]));
                assert_eq!(try_it(limit - 3), Err(Fault::MessageTooLong));
            }
        }
        let longest = message(1, limits::HANDSHAKE_MESSAGE - 4);
        let got = messages(&mut Join::new(), &mut Inbox::new(), &cut(&longest, 16384)).unwrap();
        assert_eq!(got, [(longest, true, true)]);
    }

    #[test]
    fn another_record_inside_a_message_is_a_fault() {
        let bytes = message(2, 30);
        let ccs = plain(ContentType::CHANGE_CIPHER_SPEC, &[1]);
        for at in 1..bytes.len() {
            let [start, end] = [&bytes[..at], &bytes[at..]].map(|part| plain(ContentType::HANDSHAKE, part));
            let stream = [start, ccs.clone(), end].concat();
            let got = messages(&mut Join::new(), &mut Inbox::new(), &stream);
            assert_eq!(got, Err(Fault::MessageInterleaved));
        }
        let stream = [cut(&bytes, 99), ccs, cut(&bytes, 7)].concat();
        assert_eq!(messages(&mut Join::new(), &mut Inbox::new(), &stream).unwrap().len(), 2);
    }

    #[test]
    fn the_cursor_waits_for_as_long_as_it_must() {
        let mut inbox = Inbox::new();
        let flight = [message(2, 3), message(8, 4), message(20, 5)].concat();
        let mut stream = plain(ContentType::HANDSHAKE, &flight);
        stream.extend(plain(ContentType::HANDSHAKE, &message(4, 6)));
        let mut space = inbox.space().unwrap();
        space[..stream.len()].copy_from_slice(&stream);
        space.filled(stream.len());
        let record = inbox.next_record(&mut None, &Tap::default()).unwrap().unwrap();
        let mut join = Join::new();
        join.record(record.range);
        let first = join.next(&inbox, limit).unwrap().unwrap();
        assert_eq!(first.end, None);
        // Suspended here: the socket goes on, no further record is opened.
        while let Some(mut space) = inbox.space() {
            let n = space.len();
            space.fill(0xff);
            space.filled(n);
        }
        assert_eq!(join.bytes(&inbox, &first.place), message(2, 3));
        assert_eq!(join.between(), Err(Fault::MessageInterleaved), "the record has more");
        assert!(!join.is_done());
        let second = join.next(&inbox, limit).unwrap().unwrap();
        assert_eq!(join.bytes(&inbox, &second.place), message(8, 4));
        let third = join.next(&inbox, limit).unwrap().unwrap();
        assert_eq!(join.bytes(&inbox, &third.place), message(20, 5));
        assert_eq!(third.end, Some(RecordEnd(())));
        assert!(join.is_done());
        assert_eq!(join.next(&inbox, limit), Ok(None));
        inbox.release();
        assert!(feed(&mut inbox, &mut None, b"", 1).unwrap().is_empty());
        let record = inbox.next_record(&mut None, &Tap::default()).unwrap().unwrap();
        assert_eq!(inbox.bytes(record.range), message(4, 6));
    }

    #[test]
    fn a_joined_message_is_lent_until_the_next() {
        let (mut join, mut inbox) = (Join::new(), Inbox::new());
        let bytes = message(2, 30);
        messages(&mut join, &mut inbox, &cut(&bytes[..20], 20)).unwrap();
        let stream = plain(ContentType::HANDSHAKE, &bytes[20..]);
        let mut space = inbox.space().unwrap();
        space[..stream.len()].copy_from_slice(&stream);
        space.filled(stream.len());
        let record = inbox.next_record(&mut None, &Tap::default()).unwrap().unwrap();
        join.record(record.range);
        let got = join.next(&inbox, limit).unwrap().unwrap();
        inbox.release();
        assert_eq!(join.between(), Ok(RecordEnd(())));
        assert_eq!((join.bytes(&inbox, &got.place), got.place), (bytes.as_slice(), Place::Join));
        assert_eq!(join.next(&inbox, limit), Ok(None));
        assert!(join.cut.is_none());
    }
}
