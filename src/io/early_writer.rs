//! A client's early data, as a writer of its own: what may be replayed is never
//! written by accident.

use super::stream::TlsStream;
use std::io::{self, IoSlice, Read, Write};

/// Writes early data, before the handshake is done: see [`TlsStream::early_writer`].
///
/// `write` gives 0 where no more may go: the ticket's bound is reached, or the server
/// has decided otherwise. It never waits for the peer to send.
pub struct EarlyWriter<'a, S> {
    stream: &'a mut TlsStream<S>,
}

impl<S: Read + Write> TlsStream<S> {
    /// Writes early data, which may be replayed; `None` where none may go, as
    /// [`info`](TlsStream::info) says why. The first goes with the ClientHello, in one
    /// write. Then the [handshake](TlsStream::handshake) says what became of it:
    /// nothing is sent again by itself.
    ///
    /// ```no_run
    /// use handfast::{ClientConfig, ClientSessions, EarlyData, TlsStream, pki::{Roots, ServerName, UnixTime, Verifier}};
    /// use std::{io::Write, net::TcpStream, sync::Arc};
    /// # let roots = Roots::new();
    /// let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    /// let config = Arc::new(config.sessions(ClientSessions::new()).early_data());
    /// # let tcp = TcpStream::connect("example.com:443")?;
    /// let mut tls = TlsStream::client(&config, ServerName::try_from("example.com")?, tcp)?;
    /// let request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"; // what may well happen twice
    /// if let Some(mut early) = tls.early_writer() {
    ///     early.write(request)?;
    /// }
    /// tls.handshake()?;
    /// let taken = match tls.info().early_data {
    ///     EarlyData::Accepted => tls.info().early_data_sent as usize,
    ///     _ => 0,
    /// };
    /// tls.write_all(&request[taken..])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn early_writer(&mut self) -> Option<EarlyWriter<'_, S>> {
        (self.connection().early_left() > 0).then_some(EarlyWriter { stream: self })
    }
}

impl<S: Read + Write> Write for EarlyWriter<'_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_early(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
