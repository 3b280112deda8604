//! A stream in two halves, for two threads that do not wait for each other.
//!
//! The reader never writes, so that it cannot block in a write: what it would
//! have to say, the answer to a KeyUpdate or an alert, the writer's next call says.

use super::transport::{Outlet, ReadBefore, fill, read};
use crate::connection::{Close, Event, Receiver, Sender};
use crate::error::Error;
use crate::info::ConnectionInfo;
use std::fmt;
use std::io::{self, BufRead, IoSlice, Read, Write};

/// The half that reads; it belongs to a [`TlsWriter`]. Made by
/// [`TlsStream::split`](super::TlsStream::split).
///
/// - It reports what was received first: data, then the end, then an error.
///   Errors of the writer's stream are none of its own.
/// - It writes nothing. A KeyUpdate that the peer asks for goes before the
///   writer's next data (RFC 9846 section 4.7.3), the alert of a failure with
///   the writer's next call.
/// - Where the stream gives [`WouldBlock`](std::io::ErrorKind::WouldBlock) or
///   [`TimedOut`](std::io::ErrorKind::TimedOut), so does this half, and the same
///   call goes on later.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::TlsStream;
/// # let (client, mut server) = pair::connected();
/// # server.send(b"hello")?;
/// # server.close();
/// # let tls = TlsStream::new(client, std::io::Cursor::new(server.pending().to_vec()));
/// # let clone = |_: &_| Ok(Vec::new());
/// let (reader, writer) = tls.split(clone)?; // over TCP: |tcp| tcp.try_clone()
/// let reading = std::thread::spawn(move || std::io::read_to_string(reader));
/// assert_eq!(reading.join().unwrap()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TlsReader<S> {
    receiver: Receiver,
    stream: S,
    read_before: ReadBefore,
}

/// The half that writes. Its calls do what those of
/// [`TlsStream`](super::TlsStream) do.
///
/// Where the reader has found that the connection failed, each call sends the
/// alert that tells the peer, as far as the stream takes it, and fails with the
/// reader's error.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let tls = handfast::TlsStream::new(pair::connected().0, std::io::Cursor::new(Vec::new()));
/// # let clone = |_: &_| Ok(Vec::new());
/// use std::io::Write;
/// let (reader, mut writer) = tls.split(clone)?; // over TCP: |tcp| tcp.try_clone()
/// let writing = std::thread::spawn(move || {
///     writer.write_all(b"hello")?;
///     writer.close()
/// });
/// assert!(writing.join().unwrap().is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TlsWriter<T> {
    sender: Sender,
    outlet: Outlet<T>,
}

pub(super) fn halves<S, T>(
    receiver: Receiver,
    from: S,
    read_before: ReadBefore,
    sender: Sender,
    to: T,
) -> (TlsReader<S>, TlsWriter<T>) {
    let reader = TlsReader { receiver, stream: from, read_before };
    (reader, TlsWriter { sender, outlet: Outlet::new(to) })
}

impl<S: Read> TlsReader<S> {
    /// What was negotiated.
    pub fn info(&self) -> &ConnectionInfo {
        self.receiver.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// After a wait: gives the expanded key back, which is made again on use, and
    /// buffers in which nothing lies.
    pub fn rest(&mut self) {
        self.receiver.rest();
    }

    /// Waits until application data can be lent; false at its clean end.
    fn await_data(&mut self) -> io::Result<bool> {
        loop {
            match self.receiver.next()? {
                Event::Data(_) => return Ok(true),
                Event::Closed(Close::Clean) => return Ok(false),
                Event::Closed(Close::Truncated) => return Err(Error::Truncated.into()),
                _ => {}
            }
            if fill(self.receiver.space(), &mut self.read_before, &mut self.stream)? == 0 {
                self.receiver.filled_eof();
            }
        }
    }
}

impl<T: Write> TlsWriter<T> {
    /// Says with close_notify that this side sends no more. The reader reads on.
    ///
    /// # Errors
    /// The connection or the stream failed; after [`WouldBlock`](std::io::ErrorKind::WouldBlock)
    /// or [`TimedOut`](std::io::ErrorKind::TimedOut) the same call goes on.
    pub fn close(&mut self) -> io::Result<()> {
        self.sender.close();
        self.flush()
    }

    /// After a wait: gives the expanded key back, which is made again on use.
    pub fn rest(&mut self) {
        self.sender.rest();
    }

    /// Sends a KeyUpdate; with `ask_peer` the peer is asked for one, unless it
    /// still owes one (RFC 9846 section 4.7.3).
    ///
    /// # Errors
    /// The connection failed, or is one of TLS 1.2; or what was written before
    /// does not leave, and the keys are not updated.
    pub fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        self.outlet.check(&mut self.sender)?;
        self.outlet.send_pending(&mut self.sender)?;
        match self.sender.update_keys(ask_peer) {
            Ok(()) => {
                let _met_again_by_the_next_call = self.outlet.send_pending(&mut self.sender);
                Ok(())
            }
            Err(error) => Err(self.outlet.fail(&mut self.sender, error)),
        }
    }
}

impl<S: Read> BufRead for TlsReader<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.await_data()? {
            true => match self.receiver.next() {
                Ok(Event::Data(data)) => Ok(data),
                _ => Ok(&[]),
            },
            false => Ok(&[]),
        }
    }

    fn consume(&mut self, n: usize) {
        self.receiver.consume(n);
    }
}

impl<S: Read> Read for TlsReader<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read(self, buf)
    }
}

impl<T: Write> Write for TlsWriter<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// The same for several buffers, which share records.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.outlet.write(&mut self.sender, bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outlet.check(&mut self.sender)?;
        self.outlet.flush(&mut self.sender)
    }
}

impl<S> fmt::Debug for TlsReader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsReader").field("info", self.receiver.info()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TlsWriter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsWriter").finish_non_exhaustive()
    }
}
