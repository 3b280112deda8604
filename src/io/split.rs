//! A stream in two halves, for two threads that do not wait for each other.
//!
//! What the reader owes the peer, the answer to a KeyUpdate or an alert, must go
//! through the writer's half. The reader marks it as owed, and sends it itself
//! only if the writer is idle; otherwise the writer does when it is. No lock is
//! held while the reader waits for the peer.

use super::error::write_after_close;
use super::transport::{fill, would_block, write_some};
use crate::connection::{Close, Event, Receiver, Sender};
use crate::error::Error;
use crate::info::ConnectionInfo;
use std::fmt;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// The half that reads; it belongs to a [`TlsWriter`]. Made by
/// [`TlsStream::split`](super::TlsStream::split).
pub struct TlsReader<S, T> {
    receiver: Receiver,
    stream: S,
    read_before: Cursor<Vec<u8>>,
    outgoing: Arc<Outgoing<T>>,
}

/// The half that writes. Its calls do what those of
/// [`TlsStream`](super::TlsStream) do.
pub struct TlsWriter<T> {
    outgoing: Arc<Outgoing<T>>,
}

/// What leaves, and whether the reader owes something that has not left.
struct Outgoing<T> {
    line: Mutex<Line<T>>,
    owed: AtomicBool,
}

struct Line<T> {
    sender: Sender,
    stream: T,
}

pub(super) fn halves<S, T>(
    receiver: Receiver,
    from: S,
    read_before: Cursor<Vec<u8>>,
    sender: Sender,
    to: T,
) -> (TlsReader<S, T>, TlsWriter<T>) {
    let line = Mutex::new(Line { sender, stream: to });
    let outgoing = Arc::new(Outgoing { line, owed: AtomicBool::new(false) });
    let reader = TlsReader { receiver, stream: from, read_before, outgoing: Arc::clone(&outgoing) };
    (reader, TlsWriter { outgoing })
}

impl<T: Write> Outgoing<T> {
    /// For the writer: does something, and then what came to be owed meanwhile.
    fn with<R>(&self, act: impl FnOnce(&mut Line<T>) -> io::Result<R>) -> io::Result<R> {
        let result = act(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner));
        self.settle().and(result)
    }

    /// Sends what is owed, unless somebody holds the line: whoever does comes
    /// here after letting it go. Each holder takes the mark before it looks, so
    /// that what is owed after its look is marked again.
    fn settle(&self) -> io::Result<()> {
        while self.owed.load(Ordering::SeqCst) {
            let Some(mut line) = self.idle() else { return Ok(()) };
            self.owed.store(false, Ordering::SeqCst);
            line.send_pending()?;
        }
        Ok(())
    }

    fn idle(&self) -> Option<MutexGuard<'_, Line<T>>> {
        match self.line.try_lock() {
            Ok(line) => Some(line),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T: Write> Line<T> {
    fn send_pending(&mut self) -> io::Result<()> {
        if self.sender.pending().is_empty() {
            return Ok(());
        }
        loop {
            let pending = self.sender.pending();
            if pending.is_empty() {
                return self.stream.flush();
            }
            let n = write_some(&mut self.stream, pending)?;
            self.sender.sent(n);
        }
    }

    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let n = match self.sender.send(buf) {
                Ok(n) => n,
                Err(error) => return Err(self.fail(error)),
            };
            let had_to_wait = !self.sender.pending().is_empty();
            match self.send_pending() {
                Err(error) if would_block(&error) && n > 0 => return Ok(n),
                Err(error) => return Err(error),
                Ok(()) if n > 0 => return Ok(n),
                Ok(()) if had_to_wait => {}
                Ok(()) => return Err(write_after_close()),
            }
        }
    }

    /// Writes the alert that tells the peer why the connection failed.
    fn fail(&mut self, error: Error) -> io::Error {
        let _best_effort = self.send_pending();
        error.into()
    }
}

impl<S: Read, T: Write> TlsReader<S, T> {
    /// What was negotiated.
    pub fn info(&self) -> &ConnectionInfo {
        self.receiver.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Waits until application data can be lent; false at its clean end.
    fn await_data(&mut self) -> io::Result<bool> {
        loop {
            let found = match self.receiver.next() {
                Err(error) => Err(error),
                Ok(Event::Data(_)) => Ok(Some(true)),
                Ok(Event::Closed(Close::Clean)) => Ok(Some(false)),
                Ok(Event::Closed(Close::Truncated)) => Err(Error::Truncated),
                Ok(_) => Ok(None),
            };
            if self.receiver.owes() {
                self.outgoing.owed.store(true, Ordering::SeqCst);
                // What cannot be written is the writer's to report: reading may go on.
                let _writers_error = self.outgoing.settle();
            }
            match found? {
                Some(more) => return Ok(more),
                None => {
                    if fill(self.receiver.space(), &mut self.read_before, &mut self.stream)? == 0 {
                        self.receiver.filled_eof();
                    }
                }
            }
        }
    }
}

impl<T: Write> TlsWriter<T> {
    /// Says with close_notify that this side sends no more. The reader reads on.
    ///
    /// # Errors
    /// The stream failed.
    pub fn close(&mut self) -> io::Result<()> {
        self.outgoing.with(|line| {
            line.sender.close();
            line.send_pending()
        })
    }

    /// Sends a KeyUpdate; with `ask_peer` the peer is asked for one
    /// (RFC 8446 section 4.6.3).
    ///
    /// # Errors
    /// The connection or the stream failed.
    pub fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        self.outgoing.with(|line| match line.sender.update_keys(ask_peer) {
            Ok(()) => line.send_pending(),
            Err(error) => Err(line.fail(error)),
        })
    }
}

impl<S: Read, T: Write> BufRead for TlsReader<S, T> {
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

impl<S: Read, T: Write> Read for TlsReader<S, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<T: Write> Write for TlsWriter<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.with(|line| line.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outgoing.with(|line| {
            line.send_pending()?;
            line.stream.flush()
        })
    }
}

impl<S, T> fmt::Debug for TlsReader<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsReader").field("info", self.receiver.info()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TlsWriter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsWriter").finish_non_exhaustive()
    }
}
