//! Reading from and writing to the transport, and what its errors mean.
//!
//! A call that took data says so, whatever comes then: the transport's error is
//! met again by the next call that writes, before it takes anything.

use super::error::write_after_close;
use crate::connection::{Connection, Sender, Space, Window};
use crate::error::Error;
use std::io::{self, BufRead, Cursor, ErrorKind, IoSlice, Read, Write};
use std::iter::Peekable;

/// Copies what is lent; for no room nothing is waited for.
pub(super) fn read(from: &mut impl BufRead, buf: &mut [u8]) -> io::Result<usize> {
    if buf.is_empty() {
        return Ok(0);
    }
    let n = from.fill_buf()?.read(buf)?;
    from.consume(n);
    Ok(n)
}

/// Bytes of the peer that somebody else read from the stream. Most connections
/// have none, and no room for them.
#[derive(Default)]
pub(super) struct ReadBefore(Option<Box<Cursor<Vec<u8>>>>);

impl ReadBefore {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.get_or_insert_default().get_mut().extend_from_slice(bytes);
    }

    /// Moves what fits; 0 when none are left.
    pub(super) fn take(&mut self, space: &mut [u8]) -> usize {
        // From memory: it cannot fail.
        let n = self.0.as_mut().map_or(0, |bytes| bytes.read(space).unwrap_or_default());
        if n == 0 {
            self.0 = None;
        }
        n
    }
}

/// Reads into the connection's space what was read before, or from the stream.
pub(super) fn fill(
    space: Option<Space<'_>>,
    read_before: &mut ReadBefore,
    stream: &mut impl Read,
) -> io::Result<usize> {
    let Some(mut space) = space else {
        return Err(Error::Limit("what was received must be taken first").into());
    };
    let mut n = read_before.take(&mut space);
    if n == 0 {
        n = uninterrupted(|| stream.read(&mut space))?;
    }
    space.filled(n);
    Ok(n)
}

/// What has bytes for the transport: a whole connection, or the half of one.
pub(super) trait Source {
    /// Tells a failure of the connection.
    fn check(&mut self) -> Result<(), Error>;
    fn pending(&mut self) -> &[u8];
    fn sent(&mut self, n: usize);
    fn all_sent(&mut self);
    fn payload(&mut self) -> Result<Option<Window<'_>>, Error>;
}

macro_rules! source {
    ($of:ty) => {
        impl Source for $of {
            fn check(&mut self) -> Result<(), Error> {
                <$of>::check(self)
            }

            fn pending(&mut self) -> &[u8] {
                <$of>::pending(self)
            }

            fn sent(&mut self, n: usize) {
                <$of>::sent(self, n);
            }

            fn all_sent(&mut self) {
                <$of>::all_sent(self);
            }

            fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
                <$of>::payload(self)
            }
        }
    };
}

source!(Connection);
source!(Sender);

/// A client before the server has said anything: what it sends is early data.
pub(super) struct Early<'a>(pub(super) &'a mut Connection);

impl Source for Early<'_> {
    fn check(&mut self) -> Result<(), Error> {
        self.0.check()
    }

    fn pending(&mut self) -> &[u8] {
        self.0.pending()
    }

    fn sent(&mut self, n: usize) {
        self.0.sent(n);
    }

    fn all_sent(&mut self) {
        self.0.all_sent();
    }

    fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        self.0.early_payload()
    }
}

/// A stream that waits in `write`, and whether it took bytes that it may hold back.
pub(super) struct Outlet<S> {
    pub(super) stream: S,
    unflushed: bool,
    /// The stream does not take what the handshake has to send, and the caller knows.
    pub(super) held_up: bool,
}

impl<S> Outlet<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, unflushed: false, held_up: false }
    }
}

impl<S: Write> Outlet<S> {
    /// Writes what is pending, and flushes the stream if it took anything.
    pub(super) fn send_pending(&mut self, source: &mut impl Source) -> io::Result<()> {
        loop {
            let pending = source.pending();
            if pending.is_empty() {
                break;
            }
            match uninterrupted(|| self.stream.write(pending))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                n => source.sent(n),
            }
            self.unflushed = true;
        }
        match self.unflushed {
            true => {
                source.all_sent();
                self.flush_stream()
            }
            false => Ok(()),
        }
    }

    /// Encrypts as much of these buffers as there is room for, and sends it;
    /// nothing while what was taken before does not leave.
    pub(super) fn write(&mut self, source: &mut impl Source, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check(source)?;
        self.send_pending(source)?;
        match seal(source, from) {
            Err(error) => Err(self.fail(source, error)),
            Ok(0) if from.iter().any(|slice| !slice.is_empty()) => Err(write_after_close()),
            Ok(n) => {
                let _met_again_by_the_next_call = self.send_pending(source);
                Ok(n)
            }
        }
    }

    /// The same for early data, of which the first goes with the ClientHello; 0 where no
    /// more may go.
    pub(super) fn write_early(
        &mut self,
        connection: &mut Connection,
        from: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        self.check(connection)?;
        if connection.info().early_data_sent > 0 {
            self.send_pending(connection)?;
        }
        match seal(&mut Early(connection), from) {
            Err(error) => Err(self.fail(connection, error)),
            Ok(n) => {
                let _met_again_by_the_next_call = self.send_pending(connection);
                Ok(n)
            }
        }
    }

    pub(super) fn flush(&mut self, source: &mut impl Source) -> io::Result<()> {
        self.send_pending(source)?;
        self.flush_stream()
    }

    /// Tells a failure of the connection, to the peer first.
    pub(super) fn check(&mut self, source: &mut impl Source) -> io::Result<()> {
        source.check().map_err(|error| self.fail(source, error))
    }

    /// Writes the alert that tells the peer why the connection failed.
    pub(super) fn fail(&mut self, source: &mut impl Source, error: Error) -> io::Error {
        // The error to tell is the connection's, whether the alert arrives or not.
        let _best_effort = self.send_pending(source);
        error.into()
    }

    fn flush_stream(&mut self) -> io::Result<()> {
        self.unflushed = true;
        uninterrupted(|| self.stream.flush())?;
        self.unflushed = false;
        Ok(())
    }
}

/// Seals one record after the other, each filled from one buffer after the other;
/// how many bytes there was room for. What is sealed is taken: an error behind it
/// is told by the next call.
pub(super) fn seal(source: &mut impl Source, from: &[IoSlice<'_>]) -> Result<usize, Error> {
    let mut slices = from.iter().map(|slice| &**slice).filter(|slice| !slice.is_empty()).peekable();
    let mut rest = slices.next().unwrap_or_default();
    let mut sealed = 0;
    while !rest.is_empty() {
        match seal_record(source, &mut rest, &mut slices) {
            Ok(n) if n > 0 => sealed += n,
            Err(error) if sealed == 0 => return Err(error),
            Ok(_) | Err(_) => break,
        }
    }
    Ok(sealed)
}

/// Seals one record; 0 if there is no room. What fills it alone, or is all there
/// is, is sealed from where it lies.
fn seal_record<'a>(
    source: &mut impl Source,
    rest: &mut &'a [u8],
    slices: &mut Peekable<impl Iterator<Item = &'a [u8]>>,
) -> Result<usize, Error> {
    let Some(mut window) = source.payload()? else { return Ok(0) };
    if rest.len() >= window.len() || slices.peek().is_none() {
        let n = window.fill(rest)?;
        advance(rest, n, slices);
        return Ok(n);
    }
    let mut n = 0;
    while !rest.is_empty() && n < window.len() {
        let taken = window.put(n, rest);
        n += taken;
        advance(rest, taken, slices);
    }
    window.seal(n)?;
    Ok(n)
}

/// Goes on behind the first `n` bytes, in the next slice if these were the last.
fn advance<'a>(rest: &mut &'a [u8], n: usize, slices: &mut impl Iterator<Item = &'a [u8]>) {
    *rest = rest.get(n..).unwrap_or_default();
    if rest.is_empty() {
        *rest = slices.next().unwrap_or_default();
    }
}

fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether the transport only asks to come again: so a socket's timeout is
/// `WouldBlock` on Unix, and `TimedOut` on Windows.
pub(super) fn comes_again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Whether the transport carries nothing more to the peer.
pub(super) fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
