//! A connection over a byte stream, with the traits of [`std::io`].
//!
//! ```text
//!   read  <- lent by the connection <- space()   <- the stream
//!   write -> window                 -> pending() -> the stream
//! ```
//!
//! A read reports what was received first, whatever became of the other
//! direction; a write never waits for the peer to send.

use super::split::{self, TlsReader, TlsWriter};
use super::transport::{Outlet, ReadBefore, comes_again, fill, is_broken, read};
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::{Close, Connection, Event};
use crate::error::Error;
use crate::info::ConnectionInfo;
use crate::pki::ServerName;
use crate::question::{Answer, Question};
use std::fmt;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::sync::Arc;

/// A [`Connection`] over a stream `S`, such as a [`TcpStream`](std::net::TcpStream).
///
/// The first read or write does the handshake, unless
/// [`handshake`](Self::handshake) did it before.
///
/// - `read` gives 0 only after the peer's close_notify. Where the stream ends
///   without it, data may be missing: `read` fails with [`Error::Truncated`]
///   (RFC 9846 section 6.1). Both are repeated for ever.
/// - Where a server's configuration takes early data, it is read first, with
///   [`early_reader`](Self::early_reader).
/// - After [`close`](Self::close), and after the peer's close_notify, the other
///   direction goes on (half-close), in TLS 1.2 as in TLS 1.3: see
///   [`Connection::close`].
/// - Dropping the stream sends nothing: the peer then sees a truncated connection.
/// - Where the stream gives [`WouldBlock`](std::io::ErrorKind::WouldBlock) or
///   [`TimedOut`](std::io::ErrorKind::TimedOut), so does this one; nothing is
///   lost, the same call goes on later.
/// - A `write` that took data says so, whatever comes then; an error of the stream
///   is told by the next call that writes, which takes nothing. `write` takes
///   nothing either while what was taken before does not leave.
/// - `read` sends what is left before it waits, and reports what was received
///   first: data, then the end, then an error. That the stream takes nothing
///   more is the next write's to tell; the peer's alert, if there is one, `read`'s.
/// - Errors of this crate are found again with [`Error::of_io`]. Before one is
///   returned, the alert that tells the peer is written, as far as the stream takes it.
/// - A KeyUpdate that the peer asks for goes before the next data that is written,
///   or before close_notify (RFC 9846 section 4.7.3): a `read` writes none.
///
/// ```no_run
/// use handfast::{ClientConfig, TlsStream, pki::{Roots, ServerName, UnixTime, Verifier}};
/// use std::{io::{Read, Write}, net::TcpStream, sync::Arc};
/// # let roots = Roots::new();
/// let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));
/// let tcp = TcpStream::connect("example.com:443")?;
/// let mut tls = TlsStream::client(&config, ServerName::try_from("example.com")?, tcp)?;
/// tls.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")?;
/// let mut answer = Vec::new();
/// tls.read_to_end(&mut answer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TlsStream<S> {
    connection: Connection,
    outlet: Outlet<S>,
    read_before: ReadBefore,
}

impl<S> TlsStream<S> {
    /// A client for a server of this name.
    ///
    /// # Errors
    /// The system's randomness fails.
    pub fn client(config: &Arc<ClientConfig>, name: ServerName<'_>, stream: S) -> Result<Self, Error> {
        Ok(Self::new(Connection::client(config, name)?, stream))
    }

    /// A server.
    pub fn server(config: &Arc<ServerConfig>, stream: S) -> Self {
        Self::new(Connection::server(config), stream)
    }

    /// A server whose configuration is chosen when the ClientHello is there: the
    /// handshake asks [`Question::Configuration`], see [`Connection::server_asking`].
    ///
    /// ```no_run
    /// use handfast::{Answer, ClientAuth, Judge, Question, ServerConfig, TlsStream};
    /// use std::{net::TcpStream, sync::Arc};
    /// # fn example(tcp: TcpStream, public: Arc<ServerConfig>, members: Arc<ServerConfig>) -> std::io::Result<()> {
    /// // Clients of one host alone show certificates.
    /// let mut tls = TlsStream::server_asking(tcp);
    /// tls.handshake_with(|question| match question {
    ///     Question::Configuration { hello, .. } => {
    ///         let members_only = hello.extensions.server_name == Some(b"members.example");
    ///         Some(Answer::Configuration(if members_only { members.clone() } else { public.clone() }))
    ///     }
    ///     _ => None,
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn server_asking(stream: S) -> Self {
        Self::new(Connection::server_asking(None), stream)
    }

    /// Over a connection that was made before, in whatever state it is.
    pub fn new(connection: Connection, stream: S) -> Self {
        Self { connection, outlet: Outlet::new(stream), read_before: ReadBefore::default() }
    }

    /// Takes bytes of the peer that were already read from the stream, by
    /// whoever looked at them first or spoke another protocol before (STARTTLS).
    ///
    /// ```
    /// # use handfast::{ClientConfig, Error, TlsStream, pki::{Roots, ServerName, UnixTime, Verifier}};
    /// # use std::{io::{Cursor, Read}, sync::Arc};
    /// # let config = Arc::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
    /// # let name = ServerName::try_from("mail.example")?;
    /// # let stream = Cursor::new(Vec::new());
    /// let mut tls = TlsStream::client(&config, name, stream)?.with_read_bytes(b"220 mail.example ESMTP");
    /// let error = tls.handshake().unwrap_err();
    /// assert!(matches!(Error::of_io(&error), Some(Error::NotTls { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_read_bytes(mut self, bytes: &[u8]) -> Self {
        self.read_before.push(bytes);
        self
    }

    /// The connection: what was negotiated, exported keying material.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The same, to ask for KeyUpdates, to end it with an alert, or to give idle
    /// memory back. What it wants to send goes out with the next
    /// [`flush`](Write::flush), write or waiting read.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What was negotiated so far.
    pub fn info(&self) -> &ConnectionInfo {
        self.connection.info()
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.outlet.stream
    }

    /// The stream below. Whoever reads from it or writes to it breaks the connection.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.outlet.stream
    }

    /// Gives the stream back, and gives the connection up: bytes that it has
    /// read ahead are lost.
    pub fn into_inner(self) -> S {
        self.outlet.stream
    }
}

impl<S> TlsStream<S> {
    /// Does something with the connection over another stream, which borrows this one's.
    pub(super) fn over<'a, B, T>(
        &'a mut self,
        borrow: impl FnOnce(&'a S) -> B,
        act: impl FnOnce(&mut TlsStream<B>) -> T,
    ) -> T {
        let connection = std::mem::replace(&mut self.connection, Connection::server_asking(None));
        let read_before = std::mem::take(&mut self.read_before);
        let mut over =
            TlsStream { connection, outlet: Outlet::new(borrow(&self.outlet.stream)), read_before };
        let done = act(&mut over);
        (self.connection, self.read_before) = (over.connection, over.read_before);
        done
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// Does the handshake, unless it is done. On a server that takes early data it
    /// returns before that, too, as soon as some waits for
    /// [`early_reader`](Self::early_reader).
    ///
    /// ```no_run
    /// # use handfast::TlsStream;
    /// # use std::net::TcpStream;
    /// # fn example(mut tls: TlsStream<TcpStream>) -> std::io::Result<()> {
    /// tls.handshake()?; // else the first read or write does it
    /// assert!(tls.info().is_proven());
    /// println!("{:?}", tls.info().version);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection or the stream failed, or the handshake asks something
    /// that the configuration does not answer: see [`handshake_with`](Self::handshake_with).
    pub fn handshake(&mut self) -> io::Result<()> {
        self.handshake_with(|_| None)
    }

    /// Does the handshake, and answers its questions with `answer`: a key held
    /// elsewhere, a judgement by the application, a person's decision. Where
    /// it gives `None` the call fails with [`Error::Unanswered`], and can be repeated:
    /// the question stays open, and no alert is sent.
    ///
    /// ```no_run
    /// # use std::net::TcpStream;
    /// use handfast::{Answer, Question, TlsStream};
    /// # fn example(mut tls: TlsStream<TcpStream>) -> std::io::Result<()> {
    /// // With `ask_when_refused` in its configuration, a person decides.
    /// tls.handshake_with(|question| match question {
    ///     Question::Refused { report, .. } => {
    ///         eprintln!("{report:#}");
    ///         Some(Answer::Refuse) // or Answer::AcceptThisOnce, with the reason
    ///     }
    ///     _ => None,
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection or the stream failed, or a question was not answered.
    pub fn handshake_with(&mut self, answer: impl FnMut(Question<'_>) -> Option<Answer>) -> io::Result<()> {
        self.shake_hands(answer)?;
        self.outlet.send_pending(&mut self.connection)
    }

    /// Up to the end of the handshake; the last flight may still wait to be sent.
    fn shake_hands(&mut self, answer: impl FnMut(Question<'_>) -> Option<Answer>) -> io::Result<()> {
        self.shake_hands_until(|connection| !connection.is_handshaking(), answer)
    }

    /// The same, unless this holds before, or early data waits.
    fn shake_hands_until(
        &mut self,
        holds: fn(&Connection) -> bool,
        mut answer: impl FnMut(Question<'_>) -> Option<Answer>,
    ) -> io::Result<()> {
        while !holds(&self.connection) {
            let answer = match self.connection.next() {
                Err(error) => return Err(self.fail(error)),
                Ok(Event::NeedInput) => None,
                Ok(Event::EarlyDataDecided(_)) => continue,
                Ok(Event::Ask(question)) => {
                    let unanswered = unanswered(&question);
                    Some(answer(question).map_or(unanswered, Ok)?)
                }
                // Done; all else, early data, too, is repeated to whoever reads.
                Ok(_) => break,
            };
            let Some(answer) = answer else {
                self.fill()?;
                continue;
            };
            if let Err(error) = self.connection.answer(answer) {
                return Err(self.fail(error));
            }
        }
        Ok(())
    }

    /// Says with close_notify that this side sends no more. Reading goes on.
    ///
    /// ```no_run
    /// # use handfast::TlsStream;
    /// # use std::{io::{Read, Write}, net::TcpStream};
    /// # fn example(mut tls: TlsStream<TcpStream>) -> std::io::Result<()> {
    /// tls.write_all(b"the last word")?;
    /// tls.close()?; // the peer knows that nothing is missing
    /// let mut answer = Vec::new();
    /// tls.read_to_end(&mut answer)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stream failed.
    pub fn close(&mut self) -> io::Result<()> {
        self.connection.close();
        self.flush()
    }

    /// Gives the two directions away, for two threads that do not wait for each
    /// other: `clone` makes the stream that the writer writes to, such as
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone).
    ///
    /// ```no_run
    /// # use handfast::TlsStream;
    /// # use std::{io::{Read, Write}, net::TcpStream, thread};
    /// # fn example(tls: TlsStream<TcpStream>) -> std::io::Result<()> {
    /// let (mut reader, mut writer) = tls.split(TcpStream::try_clone)?;
    /// let reading = thread::spawn(move || {
    ///     let mut all = Vec::new();
    ///     reader.read_to_end(&mut all).map(|_| all)
    /// });
    /// writer.write_all(b"a question")?;
    /// writer.close()?;
    /// let answer = reading.join().expect("a thread that does not panic")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The handshake, which is done first, or `clone` failed; the stream is gone
    /// then. Where it may have to come again, do the [`handshake`](Self::handshake) before.
    pub fn split<T: Write>(
        mut self,
        clone: impl FnOnce(&S) -> io::Result<T>,
    ) -> io::Result<(TlsReader<S>, TlsWriter<T>)> {
        self.handshake()?;
        let stream = self.outlet.stream;
        let to = clone(&stream)?;
        let (receiver, sender) = self.connection.split()?;
        Ok(split::halves(receiver, stream, self.read_before, sender, to))
    }

    /// Waits until application data can be lent; false at its clean end.
    fn await_data(&mut self) -> io::Result<bool> {
        self.shake_hands(|_| None)?;
        loop {
            match self.connection.next() {
                Err(error) => return Err(self.fail(error)),
                Ok(Event::Data(_)) => return Ok(true),
                Ok(Event::Closed(Close::Clean)) => return Ok(false),
                Ok(Event::Closed(Close::Truncated)) => return Err(Error::Truncated.into()),
                Ok(Event::EarlyData(_)) => return Err(Error::Misuse(EARLY_DATA_WAITS).into()),
                Ok(Event::NeedInput) => self.fill()?,
                Ok(Event::Ask(_) | Event::EarlyDataDecided(_) | Event::HandshakeDone) => {}
            }
        }
    }

    /// Lends early data; none where no more comes.
    pub(super) fn fill_early_buf(&mut self) -> io::Result<&[u8]> {
        self.shake_hands_until(Connection::early_data_is_over, |_| None)?;
        if self.connection.early_data_is_over() {
            return Ok(&[]);
        }
        match self.connection.next() {
            Ok(Event::EarlyData(data)) => Ok(data),
            _ => Ok(&[]),
        }
    }

    /// Reads once from the stream. What is pending goes first: the peer may be
    /// waiting for it. That the stream does not take it is no reason not to read
    /// what the peer has sent; but the handshake does not wait for an answer to
    /// what it could not say. A caller who comes again for it lets it read: the
    /// peer may be writing, too.
    fn fill(&mut self) -> io::Result<()> {
        match self.outlet.send_pending(&mut self.connection) {
            Ok(()) => self.outlet.held_up = false,
            Err(error) if self.connection.is_handshaking() && !is_broken(&error) => {
                let again = comes_again(&error) && std::mem::replace(&mut self.outlet.held_up, true);
                if !again {
                    return Err(error);
                }
            }
            Err(_met_again_by_the_next_write) => {}
        }
        if fill(self.connection.space(), &mut self.read_before, &mut self.outlet.stream)? == 0 {
            self.connection.filled_eof();
        }
        Ok(())
    }

    /// See [`Outlet::write_early`].
    pub(super) fn write_early(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.outlet.write_early(&mut self.connection, from)
    }

    /// Writes the alert that tells the peer why the connection failed.
    fn fail(&mut self, error: Error) -> io::Error {
        self.outlet.fail(&mut self.connection, error)
    }
}

/// It is not lost, and the connection not at an end.
pub(super) const EARLY_DATA_WAITS: &str = "early data waits, as the configuration allows it: early_reader reads it, and comes before all other reading";

/// What it means that nobody answers: a store and a register may be away, and all else
/// the handshake must know.
pub(super) fn unanswered(question: &Question<'_>) -> Result<Answer, Error> {
    Err(Error::Unanswered(match question {
        Question::Session { .. } => return Ok(Answer::NoSession),
        Question::Replay { .. } => return Ok(Answer::Unsure),
        Question::PreSharedKey { .. } => {
            "the handshake asks for a pre-shared key of the client's, and nobody answers: use handshake_with"
        }
        Question::Verify { .. } => {
            "the handshake asks whether to trust the peer's certificate, and nobody answers: use handshake_with"
        }
        #[cfg(feature = "static-rsa")]
        Question::Decrypt { .. } => {
            "the handshake asks to decrypt a pre-master secret, and nobody answers: use handshake_with"
        }
        Question::Sign { .. } => "the handshake asks for a signature, and nobody answers: use handshake_with",
        Question::Certificate { .. } => {
            "the handshake asks for this server's certificate, and nobody answers: use handshake_with"
        }
        Question::Configuration { .. } => {
            "the handshake asks for this server's configuration, and nobody answers: use handshake_with"
        }
        Question::Refused { .. } => {
            "the handshake asks whether to accept a refused certificate, and nobody answers: use handshake_with"
        }
    }))
}

/// Lends the application data where it was decrypted, without a copy.
impl<S: Read + Write> BufRead for TlsStream<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.await_data()? {
            true => match self.connection.next() {
                Ok(Event::Data(data)) => Ok(data),
                _ => Ok(&[]),
            },
            false => Ok(&[]),
        }
    }

    fn consume(&mut self, n: usize) {
        self.connection.consume(n);
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read(self, buf)
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    /// Encrypts as much of `buf` as there is room for, and sends it.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// The same for several buffers, which share records.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shake_hands_until(Connection::may_answer, |_| None)?;
        self.outlet.write(&mut self.connection, bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outlet.flush(&mut self.connection)
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("stream", &self.outlet.stream)
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}
