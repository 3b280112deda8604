//! The half of a connection that receives, after the handshake.

use super::event::Close;
use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto::secret::clear_stack;
use crate::error::Error;
use crate::fault::Fault;
use crate::handshake::context::Received;
use crate::handshake::post::Post;
use crate::limits;
use crate::observe::{Direction, Observed, Tap};
use crate::record::{Incoming, Located, Reading, Room, Writing, looks_like};
use crate::session::Keeper;
use crate::wire::Message;
use std::ops::{Deref, DerefMut};

/// What the receiving half has for its user.
pub(crate) enum Arrived {
    /// Nothing until more bytes come.
    Nothing,
    /// Lent by `reading.data()`.
    Data,
    /// The end.
    Closed(Close),
}

/// An error where each record comes up: in a box, so that what is handed up is small.
pub(crate) struct Boxed(pub(crate) Box<Error>);

impl From<Error> for Boxed {
    /// What goes to the heap is made anew behind the clearing of the stack: of its
    /// enums it has what they do not use, too.
    #[cold]
    fn from(error: Error) -> Self {
        #[inline(never)]
        fn anew(error: &Error) -> Box<Error> {
            Box::new(error.clone())
        }
        clear_stack();
        Self(anew(&error))
    }
}

impl From<Fault> for Boxed {
    #[cold]
    fn from(fault: Fault) -> Self {
        Error::from(fault).into()
    }
}

/// Inbox, join, read key, and how the peer ended.
pub(crate) struct Receiving {
    pub(crate) reading: Reading,
    pub(crate) tap: Tap,
    warnings: u8,
    /// Those of middlebox compatibility.
    change_cipher_specs: u8,
    eof: bool,
    closed: bool,
}

impl Receiving {
    pub(crate) fn new(tap: Tap) -> Self {
        Self { reading: Reading::new(), tap, warnings: 0, change_cipher_specs: 0, eof: false, closed: false }
    }

    /// `writing` rests, too, where a read would block.
    pub(crate) fn space<'a>(&'a mut self, writing: Option<&'a mut Writing>) -> Option<Space<'a>> {
        let room = self.reading.space()?;
        Some(Space { room, waits: Waits(writing) })
    }

    pub(crate) fn filled_eof(&mut self) {
        self.eof = true;
    }

    /// How the peer's direction ended, if it did and nothing is left to read.
    pub(crate) fn close(&self) -> Option<Close> {
        match (self.closed, self.eof) {
            (true, _) => Some(Close::Clean),
            (false, true) => Some(Close::Truncated),
            (false, false) => None,
        }
    }

    /// The next thing for the connection; alerts end here, as the end of the
    /// peer's direction or of all. After close_notify nothing is read.
    pub(crate) fn next(&mut self, state: &'static str) -> Result<Incoming, Boxed> {
        loop {
            if self.closed {
                return Ok(Incoming::Nothing);
            }
            match self.reading.next(&self.tap)? {
                Incoming::Alert(level, description) => self.alert(level, description, state)?,
                Incoming::Message(located) => {
                    let (bytes, key) = self.reading.message(&located);
                    let level = key.level();
                    self.tap.tell(|| Observed::Message { direction: Direction::In, level, bytes });
                    return Ok(Incoming::Message(located));
                }
                other => return Ok(other),
            }
        }
    }

    /// The next thing after the handshake. `key_update_came` hears whether a
    /// KeyUpdate asks for one back, and knows whether this side had asked for it.
    pub(crate) fn next_arrived(
        &mut self,
        post: &mut Post,
        keeper: Option<&Keeper>,
        mut key_update_came: impl FnMut(bool) -> bool,
    ) -> Result<Arrived, Boxed> {
        loop {
            match self.next(CONNECTED)? {
                Incoming::Nothing => return Ok(self.close().map_or(Arrived::Nothing, Arrived::Closed)),
                Incoming::Data => {
                    post.data_arrived();
                    self.warnings = 0;
                    return Ok(Arrived::Data);
                }
                Incoming::Message(located) => self.message(&located, post, keeper, &mut key_update_came)?,
                Incoming::ChangeCipherSpec(_) => return Err(Fault::BadChangeCipherSpec.into()),
                Incoming::Alert(..) | Incoming::NoData => {}
            }
        }
    }

    /// A handshake message after the handshake.
    fn message(
        &mut self,
        located: &Located,
        post: &mut Post,
        keeper: Option<&Keeper>,
        key_update_came: &mut dyn FnMut(bool) -> bool,
    ) -> Result<(), Error> {
        let (bytes, key) = self.reading.message(located);
        let message = Message::decode_awaited(bytes, post.form(), post.awaits())?;
        let received = Received::new(bytes, located.end);
        post.message(message.body, &received, key, keeper, key_update_came, &self.tap)
    }

    /// close_notify ends the peer's direction; a warning, in TLS 1.3
    /// user_canceled alone, changes nothing; any other alert ends the
    /// connection (RFC 9846 section 6, RFC 5246 section 7.2).
    fn alert(
        &mut self,
        level: AlertLevel,
        description: AlertDescription,
        state: &'static str,
    ) -> Result<(), Error> {
        self.tap.tell(|| Observed::Alert { direction: Direction::In, level: level.code(), description });
        // TLS 1.3 ignores the level; before it is negotiated the level counts.
        let goes_on = match self.reading.key.is_tls13() {
            true => description == AlertDescription::USER_CANCELED,
            false => level == AlertLevel::Warning,
        };
        match description {
            AlertDescription::CLOSE_NOTIFY if state == CONNECTED => self.closed = true,
            AlertDescription::CLOSE_NOTIFY => return Err(Error::AlertReceived { description, state }),
            _ if goes_on => {
                self.reading.between()?;
                self.warnings += 1;
                if self.warnings > limits::WARNING_ALERTS {
                    return Err(Fault::TooManyWarnings.into());
                }
            }
            _ => return Err(Error::AlertReceived { description, state }),
        }
        Ok(())
    }

    /// Drops a ChangeCipherSpec that is there for middleboxes.
    pub(crate) fn drop_change_cipher_spec(&mut self) -> Result<(), Fault> {
        self.change_cipher_specs += 1;
        match self.change_cipher_specs > limits::CHANGE_CIPHER_SPECS {
            true => Err(Fault::TooManyChangeCipherSpecs),
            false => Ok(()),
        }
    }

    /// What a first record that is none says of the peer: not every fault of a
    /// header means that the peer speaks something else.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error.fault() {
            Some(Fault::UnknownContentType | Fault::BadRecordVersion) if !self.reading.any_record() => {
                let first: Vec<u8> = self.reading.first_bytes().iter().copied().take(16).collect();
                Error::NotTls {
                    looks_like: looks_like(&first),
                    first_bytes: first.escape_ascii().to_string(),
                }
            }
            _ => error,
        }
    }

    /// Gives idle memory back.
    pub(crate) fn rest(&mut self) {
        self.reading.rest();
    }
}

/// Room for bytes from the transport: fill it from its start, then say how far
/// with [`filled`](Space::filled).
///
/// Dropped unfilled, as where a read would block, it gives buffers back in which
/// nothing lies, in both directions: a connection that waits holds none. What was
/// written into it is lost then.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::Event;
/// # let (mut client, mut server) = pair::connected();
/// # server.send(b"hello")?;
/// # let mut transport = server.pending();
/// use std::io::Read;
/// let mut space = client.space().ok_or("what arrived is to be taken first")?;
/// let n = transport.read(&mut space)?;
/// space.filled(n);
/// assert!(matches!(client.next()?, Event::Data(b"hello")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Space<'a> {
    room: Room<'a>,
    waits: Waits<'a>,
}

/// Dropped, it gives the outbox back.
struct Waits<'a>(Option<&'a mut Writing>);

impl Space<'_> {
    /// The transport wrote `n` bytes. 0 is not the end: that is
    /// [`Connection::filled_eof`](super::Connection::filled_eof).
    #[inline]
    pub fn filled(self, n: usize) {
        let Self { room, mut waits } = self;
        room.filled(n);
        waits.0 = None;
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(writing) = &mut self.0 {
            writing.all_sent();
        }
    }
}

impl Deref for Space<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.room
    }
}

impl DerefMut for Space<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room
    }
}

/// The state after the handshake, by its name in RFC 9846 Appendix A.
pub(crate) const CONNECTED: &str = "Connected";
