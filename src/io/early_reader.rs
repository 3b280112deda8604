//! A server's early data, as a reader of its own: what may have been replayed is
//! never read by accident.

use super::stream::TlsStream;
use super::transport::read;
use std::io::{self, BufRead, Read, Write};

/// Reads the early data of a client, where the configuration
/// [takes it](crate::ServerConfig::early_data): see [`TlsStream::early_reader`].
pub struct EarlyReader<'a, S> {
    stream: &'a mut TlsStream<S>,
}

impl<S: Read + Write> TlsStream<S> {
    /// Reads early data, which may have been replayed; it ends where the client's early
    /// data ends, and at once where there is none, or none is taken
    /// ([`info`](TlsStream::info) says why). It does as much of the handshake as it takes.
    ///
    /// A configuration that takes early data obliges whoever uses it to call this
    /// first: while some waits, [`handshake`](TlsStream::handshake) returns before it is
    /// done, and `read` fails with [`Error::Misuse`](crate::Error::Misuse) and loses
    /// nothing. `write` can answer before the early data has ended. That the client is
    /// there, and not a replay of it, is known when the handshake is done: at the first
    /// `read` behind this.
    ///
    /// ```no_run
    /// # use handfast::{EarlyData, TlsStream};
    /// # use std::{io::{Read, Write}, net::TcpStream};
    /// # fn is_safe_twice(request: &[u8]) -> bool { request.starts_with(b"GET ") }
    /// # fn example(mut tls: TlsStream<TcpStream>) -> std::io::Result<()> {
    /// let mut request = Vec::new();
    /// tls.early_reader().read_to_end(&mut request)?;
    /// if !is_safe_twice(&request) {
    ///     tls.handshake()?; // the client is there
    /// }
    /// // Whatever is missing comes as data: early data is its beginning.
    /// # let _ = EarlyData::Accepted;
    /// # Ok(())
    /// # }
    /// ```
    pub fn early_reader(&mut self) -> EarlyReader<'_, S> {
        EarlyReader { stream: self }
    }
}

/// Lends the early data where it was decrypted, without a copy.
impl<S: Read + Write> BufRead for EarlyReader<'_, S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stream.fill_early_buf()
    }

    fn consume(&mut self, n: usize) {
        self.stream.consume(n);
    }
}

impl<S: Read + Write> Read for EarlyReader<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read(self, buf)
    }
}
