//! Reading from and writing to the transport, and what its errors mean.

use crate::connection::Space;
use crate::error::Error;
use std::io::{self, Cursor, ErrorKind, Read, Write};

/// Reads into the connection's space what was read before, or from the stream.
pub(super) fn fill(
    space: Option<Space<'_>>,
    read_before: &mut Cursor<Vec<u8>>,
    stream: &mut impl Read,
) -> io::Result<usize> {
    let Some(mut space) = space else {
        return Err(Error::Limit("what was received must be taken first").into());
    };
    let mut n = read_before.read(&mut space)?;
    if n == 0 {
        *read_before = Cursor::default();
        n = read_some(stream, &mut space)?;
    }
    space.filled(n);
    Ok(n)
}

fn read_some(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Writes at least one byte.
pub(super) fn write_some(stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            result => return result,
        }
    }
}

/// Whether the transport only asks to come again later.
pub(super) fn would_block(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// Whether the transport carries nothing more to the peer.
pub(super) fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
