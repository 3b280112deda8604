//! A handshake over a socket that waits, with a time for the whole of it.
//!
//! A socket's own timeout begins again with each byte: a peer that drips would be
//! waited for without end.

use super::stream::TlsStream;
use super::transport::comes_again;
use crate::error::Error;
use crate::question::{Answer, Question};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A socket until then: each call has what is left of the time.
pub(super) struct Until<'a> {
    socket: &'a TcpStream,
    then: Instant,
}

impl Until<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.then.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buf)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl TlsStream<TcpStream> {
    /// Does the handshake, unless it is done, within this time, however the peer
    /// drips: the socket's timeouts are set to what is left of it before each of its
    /// calls, and put back behind the last. `answer` answers the handshake's questions,
    /// as in [`handshake_with`](Self::handshake_with), and is not interrupted;
    /// [`limits::HANDSHAKE_TIME`](crate::limits::HANDSHAKE_TIME) is a good time.
    ///
    /// ```no_run
    /// # use handfast::{ServerConfig, TlsStream, limits};
    /// # use std::{net::TcpListener, sync::Arc};
    /// # fn example(config: Arc<ServerConfig>, listener: TcpListener) -> std::io::Result<()> {
    /// let (tcp, _) = listener.accept()?;
    /// let mut tls = TlsStream::server(&config, tcp);
    /// tls.handshake_within(limits::HANDSHAKE_TIME, |_| None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::TimedOut`], after which the same call goes on; or as `handshake_with`.
    pub fn handshake_within(
        &mut self,
        time: Duration,
        answer: impl FnMut(Question<'_>) -> Option<Answer>,
    ) -> io::Result<()> {
        // A time that no clock can say is none.
        let Some(then) = Instant::now().checked_add(time) else { return self.handshake_with(answer) };
        let before = (self.get_ref().read_timeout()?, self.get_ref().write_timeout()?);
        let done = self.over(|socket| Until { socket, then }, |tls| tls.handshake_with(answer));
        self.get_ref().set_read_timeout(before.0)?;
        self.get_ref().set_write_timeout(before.1)?;
        match done {
            Err(error) if comes_again(&error) && Instant::now() >= then => {
                let state = self.connection().state();
                Err(Error::TimedOut { state, waited_for: "the peer", within: time }.into())
            }
            done => done,
        }
    }
}
